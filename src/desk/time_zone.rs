//! Time zones: the offset of local time from UTC.
//!
//! The rules of all IANA zones are in `zones.txt`, which `tools/zones.py` writes from the current database: for each
//! zone the rule in force, and the exceptions to it since 2020. They add 24 KB to the Wasm module (10 KB gzip). The
//! crate `chrono-tz` was measured at 881 KB (115 KB gzip), because it has the whole history since 1850, which no ticket
//! needs. JavaScript's `Intl` would make due times depend on the machine.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Weekday};

use crate::desk::{DAY, MINUTE, Millis};

/// The header of `zones.txt` explains the format.
const ZONES: &str = include_str!("zones.txt");

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone {
    name: &'static str,
    /// Offset from UTC in milliseconds; positive east of Greenwich.
    standard: Millis,
    summer: Option<SummerTime>,
    /// Exceptions as (end, offset), in order: until that time, and after the end of the previous exception, the offset
    /// applies instead of the rule.
    until: Vec<(Millis, Millis)>,
}

/// Yearly summer time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SummerTime {
    offset: Millis,
    begin: YearlyTransition,
    end: YearlyTransition,
}

/// The local time of a yearly transition: the n-th (5: the last) given weekday of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct YearlyTransition {
    month: u32,
    week: u8,
    weekday: Weekday,
    /// Milliseconds after midnight of that day. Negative or more than a day for some zones.
    time: Millis,
}

impl TimeZone {
    /// The zone UTC.
    pub fn utc() -> TimeZone {
        TimeZone {
            name: "UTC",
            standard: 0,
            summer: None,
            until: Vec::new(),
        }
    }

    /// Finds a zone by its IANA name, in any case: `Europe/Berlin`. Old names such as `US/Pacific` are accepted too.
    pub fn find(name: &str) -> Option<TimeZone> {
        if name.eq_ignore_ascii_case("UTC") {
            return Some(TimeZone::utc());
        }
        ZONES
            .lines()
            .filter(|line| !line.starts_with('#'))
            .find_map(|line| {
                let (rules, names) = line.rsplit_once('\t')?;
                let name = names.split(' ').find(|known| known.eq_ignore_ascii_case(name))?;
                TimeZone::parse(name, rules)
            })
    }

    /// Parses the rule and the exceptions of a line of `zones.txt`.
    fn parse(name: &'static str, rules: &str) -> Option<TimeZone> {
        let (rule, exceptions) = rules.split_once('\t')?;
        let mut parts = rule.split(' ');
        let standard = parse_minutes(parts.next()?)?;
        let summer = match parts.next() {
            Some(offset) => Some(SummerTime {
                offset: parse_minutes(offset)?,
                begin: YearlyTransition::parse(parts.next()?)?,
                end: YearlyTransition::parse(parts.next()?)?,
            }),
            None => None,
        };
        let until = exceptions
            .split_terminator(' ')
            .map(|exception| {
                let (until, offset) = exception.split_once(':')?;
                Some((parse_minutes(until)?, parse_minutes(offset)?))
            })
            .collect::<Option<_>>()?;
        Some(TimeZone {
            name,
            standard,
            summer,
            until,
        })
    }

    /// The name as IANA spells it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The offset to add to UTC to get local time, in milliseconds. Times before 2020 get the offset of 2020.
    pub fn offset(&self, at: Millis) -> Millis {
        if let Some((_, offset)) = self.until.iter().find(|(until, _)| at < *until) {
            return *offset;
        }
        self.by_rule(at).unwrap_or(self.standard)
    }

    /// The offset by the rule for summer time. `None` if the zone has none, or for years out of the calendar's range.
    fn by_rule(&self, at: Millis) -> Option<Millis> {
        let summer = self.summer?;
        let year = DateTime::from_timestamp_millis(at.checked_add(self.standard)?)?.year();
        let begin = summer.begin.wall(year)?.saturating_sub(self.standard);
        let end = summer.end.wall(year)?.saturating_sub(summer.offset);
        let is_summer = if begin < end {
            (begin..end).contains(&at)
        } else {
            !(end..begin).contains(&at)
        };
        Some(if is_summer { summer.offset } else { self.standard })
    }

    /// The local time, as milliseconds since local 1970-01-01 00:00.
    pub fn wall(&self, at: Millis) -> Millis {
        at.saturating_add(self.offset(at))
    }

    /// The time (UTC) of a local time. A local time that occurs twice means the first; one that is skipped means the
    /// moment of the transition. So the result never decreases while the local time increases.
    pub fn moment(&self, wall: Millis) -> Millis {
        let before = self.offset(wall.saturating_sub(DAY));
        let early = wall.saturating_sub(before);
        if self.offset(early) == before {
            return early;
        }
        let after = self.offset(wall.saturating_add(DAY));
        let late = wall.saturating_sub(after);
        if self.offset(late) == after {
            return late;
        }
        // A skipped local time: the new offset applies after `late` but not yet after `early`.
        let (mut low, mut high) = (late, early);
        while high.saturating_sub(low) > 1 {
            let middle = low.midpoint(high);
            if self.offset(middle) == after {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }

    /// The local day, as days since 1970-01-01.
    pub fn day(&self, at: Millis) -> i64 {
        self.wall(at).div_euclid(DAY)
    }

    /// The first moment of a local day.
    pub fn midnight(&self, day: i64) -> Millis {
        self.moment(day.saturating_mul(DAY))
    }
}

impl YearlyTransition {
    /// Parses `month.week.weekday/minute`.
    fn parse(text: &str) -> Option<YearlyTransition> {
        let (date, time) = text.split_once('/')?;
        let mut parts = date.split('.');
        Some(YearlyTransition {
            month: parts.next()?.parse().ok()?,
            week: parts.next()?.parse().ok()?,
            // Sunday is 0 in the file, but the last day of the week in chrono.
            weekday: Weekday::try_from(parts.next()?.parse::<u8>().ok()?).ok()?.pred(),
            time: parse_minutes(time)?,
        })
    }

    fn wall(self, year: i32) -> Option<Millis> {
        let nth = |week| NaiveDate::from_weekday_of_month_opt(year, self.month, self.weekday, week);
        let date = nth(self.week).or_else(|| nth(4))?;
        epoch_days(date).checked_mul(DAY)?.checked_add(self.time)
    }
}

fn parse_minutes(text: &str) -> Option<Millis> {
    text.parse::<Millis>().ok()?.checked_mul(MINUTE)
}

/// The days from 1970-01-01 to a date.
pub(super) fn epoch_days(date: NaiveDate) -> i64 {
    i64::from(date.to_epoch_days())
}

/// The civil date of a day counted from 1970-01-01. `None` beyond chrono's range.
pub fn civil_date(day: i64) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(i32::try_from(day).ok()?)
}

/// Formats a day counted from 1970-01-01 as `2026-01-31`. Days outside of the years 0 to 9999 become 1970-01-01.
pub fn format_day(day: i64) -> String {
    let date = civil_date(day)
        .filter(|date| (0..=9999).contains(&date.year()))
        .unwrap_or_default();
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// Parses `2026-01-31`, in exactly this form, as days since 1970-01-01.
pub fn parse_day(text: &str) -> Option<i64> {
    let is_formed = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    let mut parts = text.split('-').filter(|_| is_formed);
    let year = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    NaiveDate::from_ymd_opt(year, month, day).map(epoch_days)
}

/// Formats a time as the API does: RFC 3339, UTC, with milliseconds.
pub fn to_rfc3339(at: Millis) -> String {
    DateTime::from_timestamp_millis(at)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::HOUR;

    fn at(text: &str) -> Millis {
        let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time");
        time.and_utc().timestamp_millis()
    }

    #[test]
    fn every_line_is_read() {
        let mut names = 0;
        for line in ZONES.lines().filter(|line| !line.starts_with('#')) {
            for name in line.rsplit('\t').next().expect("names").split(' ') {
                assert_eq!(
                    TimeZone::find(&name.to_lowercase()).map(|zone| zone.name()),
                    Some(name)
                );
                names += 1;
            }
        }
        assert!(names > 590);
    }

    #[test]
    fn names_are_found_or_not() {
        for (name, want) in [
            ("Europe/Berlin", Some("Europe/Berlin")),
            ("europe/berlin", Some("Europe/Berlin")),
            ("utc", Some("UTC")),
            ("US/Pacific", Some("US/Pacific")),
            ("Europe/Atlantis", None),
            ("", None),
            (" ", None),
            ("Europe/Berlin ", None),
            ("Europe/Berlin Europe/Paris", None),
            ("60", None),
            ("#", None),
            ("\0", None),
        ] {
            assert_eq!(TimeZone::find(name).map(|zone| zone.name()), want, "{name}");
        }
    }

    #[test]
    fn offsets_follow_the_rules_and_their_exceptions() {
        for (name, when, minutes) in [
            ("UTC", "2026-07-01 00:00", 0),
            ("Europe/Berlin", "2026-03-29 00:59", 60),
            ("Europe/Berlin", "2026-03-29 01:00", 120),
            ("Europe/Berlin", "2026-10-25 00:59", 120),
            ("Europe/Berlin", "2026-10-25 01:00", 60),
            ("Europe/Dublin", "2026-07-01 00:00", 60),
            ("Europe/Dublin", "2026-12-31 23:59", 0),
            ("America/New_York", "2026-03-08 06:59", -300),
            ("America/New_York", "2026-03-08 07:00", -240),
            ("Australia/Lord_Howe", "2026-01-01 00:00", 660),
            ("Australia/Lord_Howe", "2026-07-01 00:00", 630),
            ("Asia/Kathmandu", "2026-07-01 00:00", 345),
            ("Pacific/Kiritimati", "2026-07-01 00:00", 840),
            ("America/Nuuk", "2026-03-28 23:59", -120),
            ("America/Nuuk", "2026-03-29 01:00", -60),
            ("Asia/Jerusalem", "2026-03-27 00:00", 180),
            ("Europe/Kyiv", "2022-07-01 00:00", 180),
            ("America/Mexico_City", "2022-07-01 00:00", -300),
            ("America/Mexico_City", "2023-07-01 00:00", -360),
            ("Africa/Casablanca", "2024-03-20 00:00", 0),
            ("Asia/Almaty", "2024-02-01 00:00", 360),
            ("Asia/Almaty", "2024-04-01 00:00", 300),
            ("Europe/Berlin", "1900-07-01 00:00", 120),
        ] {
            let zone = TimeZone::find(name).expect("a zone");
            assert_eq!(zone.offset(at(when)), minutes * MINUTE, "{name} {when}");
        }
        let zone = TimeZone::find("Europe/Berlin").expect("a zone");
        for extreme in [Millis::MIN, Millis::MAX] {
            assert_eq!(zone.offset(extreme), HOUR);
            let _ = (zone.moment(extreme), zone.wall(extreme), zone.midnight(extreme));
        }
    }

    #[test]
    fn wall_times_have_one_moment_each() {
        for (name, wall, moment) in [
            ("Europe/Berlin", "2026-03-29 01:59", "2026-03-29 00:59"),
            ("Europe/Berlin", "2026-03-29 02:00", "2026-03-29 01:00"),
            ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00"),
            ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29 01:00"),
            ("Europe/Berlin", "2026-03-29 03:01", "2026-03-29 01:01"),
            ("Europe/Berlin", "2026-10-25 02:00", "2026-10-25 00:00"),
            ("Europe/Berlin", "2026-10-25 02:59", "2026-10-25 00:59"),
            ("Europe/Berlin", "2026-10-25 03:00", "2026-10-25 02:00"),
            ("Asia/Beirut", "2026-03-29 00:00", "2026-03-28 22:00"),
            ("Asia/Beirut", "2026-03-29 00:30", "2026-03-28 22:00"),
            ("Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-03 15:30"),
            ("America/Havana", "2026-11-01 00:30", "2026-11-01 04:30"),
            ("Pacific/Kiritimati", "2026-01-01 00:00", "2025-12-31 10:00"),
        ] {
            let zone = TimeZone::find(name).expect("a zone");
            assert_eq!(zone.moment(at(wall)), at(moment), "{name} {wall}");
        }
    }

    #[test]
    fn days_have_one_form() {
        for (text, want) in [
            ("1970-01-01", Some(0)),
            ("2026-11-20", Some(20_777)),
            ("2024-02-29", Some(19_782)),
            ("2023-02-29", None),
            ("2026-13-01", None),
            ("2026-1-01", None),
            ("+026-01-01", None),
            ("2026-01-01T", None),
            ("२०२६-०१-०१", None),
            ("", None),
        ] {
            assert_eq!(parse_day(text), want, "{text}");
            if let Some(day) = want {
                assert_eq!(format_day(day), text);
            }
        }
        assert_eq!(format_day(i64::MAX), "1970-01-01");
    }
}
