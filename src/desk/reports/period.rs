//! The time range of a report, and its division into days, weeks or months.

use chrono::{DateTime, Datelike, Months};

pub use crate::desk::time_zone::to_rfc3339;

use crate::desk::time_zone::{TimeZone, civil_date, epoch_days, format_day, parse_day};
use crate::desk::{DAY, Millis};

/// The longest range, in local days.
pub const MAX_DAYS: i64 = 366;
/// The default range, in days including today.
const DEFAULT_DAYS: i64 = 30;

/// A time range. Its end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Millis,
    pub until: Millis,
}

impl Period {
    /// Parses the parameters `from` and `to`. Each is a date in the time zone (`to` includes that day) or an RFC 3339
    /// time (`to` excludes it). The default of `to` is the end of today, that of `from` 30 days before the end.
    ///
    /// # Errors
    /// (parameter, message) when one is invalid, `to` is not after `from`, or they are more than 366 days apart.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        zone: &TimeZone,
        now: Millis,
    ) -> Result<Period, Vec<(&'static str, String)>> {
        let mut errors = Vec::new();
        let mut read = |name, text: Option<&str>, days_on: i64| {
            let moment = match text.map(|text| (parse_day(text), text)) {
                None => return None,
                Some((Some(day), _)) => Some(zone.midnight(day.saturating_add(days_on))),
                Some((None, text)) => DateTime::parse_from_rfc3339(text)
                    .ok()
                    .map(|time| time.timestamp_millis()),
            };
            if moment.is_none() {
                errors.push((name, "must be a date (2026-01-31) or an RFC 3339 time".to_owned()));
            }
            moment
        };
        let (begin, end) = (read("from", from, 0), read("to", to, 1));
        if !errors.is_empty() {
            return Err(errors);
        }
        let until = end.unwrap_or_else(|| zone.midnight(zone.day(now).saturating_add(1)));
        let from = begin.unwrap_or_else(|| {
            // The end may be a midnight, which belongs to the previous day.
            let last = zone.day(until.saturating_sub(1));
            zone.midnight(last.saturating_sub(DEFAULT_DAYS - 1))
        });
        if from >= until {
            return Err(vec![("to", "must be after from".to_owned())]);
        }
        if zone.wall(until).saturating_sub(zone.wall(from)) > MAX_DAYS.saturating_mul(DAY) {
            return Err(vec![(
                "from",
                format!("must be at most {MAX_DAYS} days before to"),
            )]);
        }
        Ok(Period { from, until })
    }

    /// The range divided into buckets, in order and without gaps: at most 367. The first and the last may be
    /// incomplete.
    pub fn buckets(&self, step: Granularity, zone: &TimeZone) -> Vec<Bucket> {
        let mut parts = Vec::new();
        let mut day = step.first(zone.day(self.from));
        let mut from = self.from;
        while from < self.until && parts.len() <= usize::try_from(MAX_DAYS).unwrap_or_default() {
            let next = step.next(day);
            let until = zone.midnight(next).min(self.until);
            // Some time zones have skipped a whole day.
            if from < until {
                parts.push(Bucket {
                    day,
                    range: Period { from, until },
                });
            }
            (day, from) = (next, until);
        }
        parts
    }
}

/// One day, week or month of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its first local day, as days since 1970-01-01, even if the range begins later.
    pub day: i64,
    pub range: Period,
}

impl Bucket {
    /// Its first local day as `2026-01-31`.
    pub fn date(&self) -> String {
        format_day(self.day)
    }
}

/// The index of the bucket that contains a time.
pub fn bucket_index(parts: &[Bucket], at: Millis) -> Option<usize> {
    let after = parts.partition_point(|part| part.range.from <= at);
    let place = after.checked_sub(1)?;
    parts
        .get(place)
        .filter(|part| at < part.range.until)
        .map(|_| place)
}

/// The length of the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Granularity {
    Day,
    /// From Monday, as in ISO 8601.
    Week,
    Month,
}

impl Granularity {
    /// All granularities.
    pub const ALL: [Granularity; 3] = [Granularity::Day, Granularity::Week, Granularity::Month];
    /// The API names, in the order of [`Granularity::ALL`].
    pub const WORDS: [&'static str; 3] = ["day", "week", "month"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            Granularity::Day => "day",
            Granularity::Week => "week",
            Granularity::Month => "month",
        }
    }

    /// Reads an API name in any case.
    pub fn parse(word: &str) -> Option<Granularity> {
        let word = word.trim().to_ascii_lowercase();
        Granularity::ALL.into_iter().find(|step| step.as_str() == word)
    }

    /// The first day of the day, week or month that contains a day. Days count from 1970-01-01.
    pub fn first(self, day: i64) -> i64 {
        match self {
            Granularity::Day => day,
            // 1970-01-01 was a Thursday.
            Granularity::Week => day.saturating_sub(day.saturating_add(3).rem_euclid(7)),
            Granularity::Month => civil_date(day)
                .and_then(|date| date.with_day(1))
                .map_or(day, epoch_days),
        }
    }

    /// The first day of the next bucket; always later than `first`.
    fn next(self, first: i64) -> i64 {
        match self {
            Granularity::Day => first.saturating_add(1),
            Granularity::Week => first.saturating_add(7),
            Granularity::Month => {
                let next = civil_date(first).and_then(|date| date.checked_add_months(Months::new(1)));
                next.map_or(first.saturating_add(31), epoch_days)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        DateTime::parse_from_rfc3339(text)
            .expect("a time")
            .timestamp_millis()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::find(name).expect("a zone")
    }

    #[test]
    fn ranges_are_read() {
        let now = at("2026-03-30T22:30:00Z");
        for (name, from, to, want) in [
            (
                "UTC",
                None,
                None,
                ("2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z"),
            ),
            (
                "Europe/Berlin",
                None,
                None,
                ("2026-03-02T00:00:00+01:00", "2026-04-01T00:00:00+02:00"),
            ),
            (
                "UTC",
                Some("2026-01-01"),
                Some("2026-01-01"),
                ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ),
            (
                "Asia/Tokyo",
                None,
                Some("2026-01-30"),
                ("2026-01-01T00:00:00+09:00", "2026-01-31T00:00:00+09:00"),
            ),
            (
                "America/New_York",
                Some("2026-01-01T00:00:00Z"),
                Some("2026-01-01T00:00:00.001Z"),
                ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z"),
            ),
            (
                "UTC",
                Some("2024-01-01"),
                Some("2024-12-31"),
                ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
            ),
            (
                "Asia/Beirut",
                Some("2026-03-29"),
                Some("2026-03-29"),
                ("2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"),
            ),
        ] {
            let range = Period::parse(from, to, &zone(name), now);
            assert_eq!(
                range,
                Ok(Period {
                    from: at(want.0),
                    until: at(want.1)
                }),
                "{name} {from:?} {to:?}"
            );
        }
        for (from, to, want) in [
            (Some("yesterday"), Some("31.01.2026"), vec!["from", "to"]),
            (Some(""), None, vec!["from"]),
            (Some("2026-02-30"), None, vec!["from"]),
            (Some("2026-01-02"), Some("2026-01-01"), vec!["to"]),
            (
                Some("2026-01-01T00:00:00Z"),
                Some("2026-01-01T00:00:00Z"),
                vec!["to"],
            ),
            (Some("2027-01-01"), None, vec!["to"]),
            (Some("2025-01-01"), Some("2026-01-02"), vec!["from"]),
            (Some("2020-01-01"), None, vec!["from"]),
            (Some("0000-01-01"), Some("9999-12-31"), vec!["from"]),
            (None, Some("\u{1F525}"), vec!["to"]),
        ] {
            let errors = Period::parse(from, to, &zone("UTC"), now)
                .err()
                .unwrap_or_default();
            let names: Vec<&str> = errors.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, want, "{from:?} {to:?}");
        }
    }

    #[test]
    fn ranges_are_split() {
        let berlin = zone("Europe/Berlin");
        for (from, to, step, want) in [
            (
                "2026-03-28",
                "2026-03-30",
                Granularity::Day,
                vec!["2026-03-28 24", "2026-03-29 23", "2026-03-30 24"],
            ),
            (
                "2026-10-25",
                "2026-10-25",
                Granularity::Day,
                vec!["2026-10-25 25"],
            ),
            (
                "2026-03-25",
                "2026-03-30",
                Granularity::Week,
                vec!["2026-03-23 119", "2026-03-30 24"],
            ),
            (
                "2026-01-31",
                "2026-03-01",
                Granularity::Month,
                vec!["2026-01-01 24", "2026-02-01 672", "2026-03-01 24"],
            ),
            (
                "2026-12-31",
                "2027-01-01",
                Granularity::Month,
                vec!["2026-12-01 24", "2027-01-01 24"],
            ),
            (
                "2026-12-31",
                "2027-01-01",
                Granularity::Week,
                vec!["2026-12-28 48"],
            ),
        ] {
            let range = Period::parse(Some(from), Some(to), &berlin, 0).expect("a range");
            let parts = range.buckets(step, &berlin);
            let got: Vec<String> = parts
                .iter()
                .map(|part| {
                    format!(
                        "{} {}",
                        part.date(),
                        (part.range.until - part.range.from) / 3_600_000
                    )
                })
                .collect();
            assert_eq!(got, want);
        }
    }

    #[test]
    fn parts_cover_the_range_and_moments_find_theirs() {
        for name in [
            "UTC",
            "Europe/Berlin",
            "America/Havana",
            "Asia/Gaza",
            "Pacific/Apia",
            "America/Santiago",
        ] {
            let zone = zone(name);
            let range = Period {
                from: at("2026-01-03T05:00:00Z"),
                until: at("2027-01-04T04:59:59Z"),
            };
            for step in Granularity::ALL {
                let parts = range.buckets(step, &zone);
                assert_eq!(parts.first().map(|part| part.range.from), Some(range.from));
                assert_eq!(parts.last().map(|part| part.range.until), Some(range.until));
                assert!(
                    parts
                        .windows(2)
                        .all(|pair| pair[0].range.until == pair[1].range.from)
                );
                assert!(parts.len() <= 367);
                for (at, part) in parts.iter().enumerate() {
                    for moment in [part.range.from, part.range.until - 1] {
                        assert_eq!(bucket_index(&parts, moment), Some(at), "{name}");
                        assert_eq!(step.first(zone.day(moment)), part.day, "{name}");
                    }
                }
                for outside in [range.from - 1, range.until, Millis::MIN, Millis::MAX] {
                    assert_eq!(bucket_index(&parts, outside), None);
                }
            }
        }
        assert_eq!(bucket_index(&[], 0), None);
        let endless = Period {
            from: Millis::MIN,
            until: Millis::MAX,
        };
        assert!(
            Granularity::ALL
                .iter()
                .all(|step| endless.buckets(*step, &TimeZone::utc()).len() <= 367)
        );
    }
}
