//! Business calendars: which times count as working time.
//!
//! Hours are local times, so a working day keeps its length when the clocks change at night, and follows the clocks
//! when they change during it. Every function is bounded: beyond [`HORIZON_DAYS`] it stops counting.

use std::collections::BTreeSet;

use crate::desk::time_zone::TimeZone;
use crate::desk::{DAY, MINUTE, Millis};

/// How many days a calendar is followed: ten years.
pub const HORIZON_DAYS: i64 = 3_660;
/// Working hours and holidays in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// `None`: around the clock.
    pub(super) hours: Option<Hours>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hours {
    pub(super) zone: TimeZone,
    /// For each weekday from Monday: the minutes of the day `[from, to)`, in order and without overlap.
    pub(super) week: [Vec<(i64, i64)>; 7],
    /// Days since 1970-01-01.
    pub(super) holidays: BTreeSet<i64>,
}

impl Calendar {
    /// Around the clock. This is the default.
    pub fn always() -> Calendar {
        Calendar { hours: None }
    }

    /// The time at which `working` milliseconds of working time have passed since `start`. If that is the end of a
    /// working day, the result is that end and not the next morning. Never before `start`, and at most the horizon
    /// after it.
    pub fn add(&self, start: Millis, working: Millis) -> Millis {
        let mut left = working.max(0);
        let Some(hours) = &self.hours else {
            return start.saturating_add(left);
        };
        if left == 0 {
            return start;
        }
        let first = hours.zone.day(start);
        for day in first..first.saturating_add(HORIZON_DAYS) {
            for (from, to) in hours.spans(day) {
                let from = from.max(start);
                let length = to.saturating_sub(from).max(0);
                if left <= length {
                    return from.saturating_add(left);
                }
                left = left.saturating_sub(length);
            }
        }
        start.max(hours.zone.midnight(first.saturating_add(HORIZON_DAYS)))
    }

    /// The working time between two times in milliseconds; 0 if `until` is not after `since`. Counts at most up to the
    /// horizon after `since`.
    pub fn between(&self, since: Millis, until: Millis) -> Millis {
        let Some(hours) = &self.hours else {
            return until.saturating_sub(since).max(0);
        };
        let first = hours.zone.day(since);
        let last = hours.zone.day(until).min(first.saturating_add(HORIZON_DAYS));
        (first..=last)
            .flat_map(|day| hours.spans(day))
            .map(|(from, to)| to.min(until).saturating_sub(from.max(since)).max(0))
            .fold(0, Millis::saturating_add)
    }
}

impl Hours {
    /// The working periods of a local day.
    fn spans(&self, day: i64) -> impl Iterator<Item = (Millis, Millis)> {
        // 1970-01-01 was a Thursday.
        let weekday = usize::try_from(day.saturating_add(3).rem_euclid(7)).unwrap_or_default();
        let ranges = match self.week.get(weekday) {
            Some(ranges) if !self.holidays.contains(&day) => ranges.as_slice(),
            _ => &[],
        };
        let moment = move |minute: i64| {
            let wall = day
                .saturating_mul(DAY)
                .saturating_add(minute.saturating_mul(MINUTE));
            self.zone.moment(wall)
        };
        ranges.iter().map(move |(from, to)| (moment(*from), moment(*to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::{Value, json};

    use crate::desk::HOUR;

    fn office(zone: &str) -> Calendar {
        let day = ["09:00-12:00", "13:00-17:00"];
        Calendar::parse(&json!({
            "time_zone": zone,
            "hours": {"mon": day, "tue": day, "wed": day, "thu": day, "fri": day},
            "holidays": ["2026-12-25", "2026-12-25", "2026-04-03"],
        }))
        .expect("a calendar")
    }

    fn night() -> Calendar {
        Calendar::parse(&json!({
            "time_zone": "Europe/Berlin",
            "hours": {"sat": ["22:00-24:00"], "sun": ["00:00-06:00"]},
        }))
        .expect("a calendar")
    }

    fn at(text: &str) -> Millis {
        chrono::DateTime::parse_from_rfc3339(text)
            .expect("a time")
            .timestamp_millis()
    }

    #[test]
    fn working_time_is_added() {
        let (berlin, utc, night) = (office("Europe/Berlin"), office("UTC"), night());
        for (calendar, start, hours, want) in [
            (
                &Calendar::always(),
                "2026-03-28T12:00:00Z",
                24,
                "2026-03-29T12:00:00Z",
            ),
            (&utc, "2026-01-05T09:00:00Z", 0, "2026-01-05T09:00:00Z"),
            (&utc, "2026-01-05T09:00:00Z", 2, "2026-01-05T11:00:00Z"),
            (&utc, "2026-01-05T09:00:00Z", 3, "2026-01-05T12:00:00Z"),
            (&utc, "2026-01-05T09:00:00Z", 4, "2026-01-05T14:00:00Z"),
            (&utc, "2026-01-05T12:30:00Z", 1, "2026-01-05T14:00:00Z"),
            (&utc, "2026-01-05T03:00:00Z", 7, "2026-01-05T17:00:00Z"),
            (&utc, "2026-01-05T18:00:00Z", 1, "2026-01-06T10:00:00Z"),
            (&utc, "2026-01-09T16:00:00Z", 2, "2026-01-12T10:00:00Z"),
            (&utc, "2026-12-24T16:00:00Z", 2, "2026-12-28T10:00:00Z"),
            (&utc, "2026-01-05T09:00:00Z", 70, "2026-01-16T17:00:00Z"),
            (&berlin, "2026-03-27T15:00:00Z", 2, "2026-03-30T08:00:00Z"),
            (&berlin, "2026-10-23T14:00:00Z", 2, "2026-10-26T09:00:00Z"),
            // The clocks jump from 02:00 to 03:00: the night has 7 hours instead of 8.
            (&night, "2026-03-28T21:00:00Z", 7, "2026-03-29T04:00:00Z"),
            (&night, "2026-03-28T21:00:00Z", 8, "2026-04-04T21:00:00Z"),
            // They go back from 03:00 to 02:00: it has 9.
            (&night, "2026-10-24T20:00:00Z", 9, "2026-10-25T05:00:00Z"),
        ] {
            let (start, working) = (at(start), hours * HOUR);
            let end = calendar.add(start, working);
            assert_eq!(end, at(want), "{start} + {hours} h");
            assert_eq!(calendar.between(start, end), working, "{start} + {hours} h");
        }
    }

    #[test]
    fn working_time_is_counted() {
        let berlin = office("Europe/Berlin");
        for (calendar, since, until, minutes) in [
            (
                &Calendar::always(),
                "2026-01-01T00:00:00Z",
                "2026-01-02T00:00:00Z",
                1_440,
            ),
            (
                &Calendar::always(),
                "2026-01-02T00:00:00Z",
                "2026-01-01T00:00:00Z",
                0,
            ),
            (&berlin, "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z", 35 * 60),
            (&berlin, "2026-01-05T10:30:00Z", "2026-01-05T12:30:00Z", 60),
            (&berlin, "2026-01-10T00:00:00Z", "2026-01-11T23:00:00Z", 0),
            (&berlin, "2026-01-12T00:00:00Z", "2026-01-05T00:00:00Z", 0),
            (&berlin, "2026-03-30T00:00:00Z", "2026-04-06T00:00:00Z", 28 * 60),
            (&night(), "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z", 7 * 60),
            (&night(), "2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z", 9 * 60),
        ] {
            assert_eq!(
                calendar.between(at(since), at(until)),
                minutes * MINUTE,
                "{since} {until}"
            );
        }
    }

    #[test]
    fn adding_and_counting_agree() {
        let zones = [
            "Europe/Berlin",
            "America/Havana",
            "Australia/Lord_Howe",
            "Asia/Gaza",
            "Africa/Casablanca",
        ];
        for zone in zones {
            let calendar = Calendar::parse(&json!({
                "time_zone": zone,
                "hours": {"sun": ["00:00-02:15", "02:15-03:00", "23:59-24:00"], "wed": ["00:30-23:00"]},
            }))
            .expect("a calendar");
            let (start, mut before) = (at("2026-02-20T11:07:13Z"), 0);
            for step in 0..300 {
                let working = step * 173 * MINUTE + step;
                let end = calendar.add(start, working);
                assert!(end >= before, "{zone} {step}");
                assert_eq!(calendar.between(start, end), working, "{zone} {step}");
                before = end;
            }
        }
    }

    #[test]
    fn ranges_that_touch_are_a_whole_day() {
        let hours: serde_json::Map<String, Value> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
            .iter()
            .map(|day| ((*day).to_owned(), json!(["00:00-02:30", "02:30-24:00"])))
            .collect();
        let calendar =
            Calendar::parse(&json!({"time_zone": "Asia/Beirut", "hours": hours})).expect("a calendar");
        let (since, until) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        assert_eq!(calendar.between(since, until), until - since);
    }

    #[test]
    fn the_work_is_bounded() {
        let hour = Calendar::parse(&json!({"hours": {"sun": ["00:00-01:00"]}})).expect("a calendar");
        let start = at("2026-01-01T00:00:00Z");
        assert_eq!(hour.add(start, 40_000 * HOUR), start + HORIZON_DAYS * DAY);
        assert_eq!(hour.between(start, Millis::MAX), 523 * HOUR);
        for start in [Millis::MIN, Millis::MAX] {
            assert!(hour.add(start, Millis::MAX) >= start);
            assert!(Calendar::always().add(start, Millis::MAX) >= start);
            let _ = (hour.between(Millis::MIN, start), hour.between(start, Millis::MAX));
        }
        assert_eq!(hour.add(start, -5), start);
    }
}
