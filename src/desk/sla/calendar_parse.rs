//! Parses and validates a business calendar.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::desk::sla::calendar::{Calendar, Hours};
use crate::desk::time_zone::{TimeZone, parse_day};
use crate::desk::validation::{FieldError, FieldErrors};

/// The keys of `hours`, in the order of the week.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES_PER_DAY: i64 = 1_440;
/// Ranges of one weekday.
const MAX_RANGES: usize = 12;
/// Holidays of one calendar.
const MAX_HOLIDAYS: usize = 1_000;
const TIME_ZONE_MESSAGE: &str = "must be an IANA time zone such as Europe/Berlin";
/// Working minutes that a week must have. With less, due times would lie years ahead.
const MIN_WEEKLY_MINUTES: i64 = 60;

impl Calendar {
    /// Parses a calendar. Unknown keys are ignored.
    ///
    /// ```json
    /// {"time_zone": "Europe/Berlin",
    ///  "hours": {"mon": ["09:00-12:30", "13:30-17:00"], "sat": ["22:00-24:00"]},
    ///  "holidays": ["2026-12-25"]}
    /// ```
    ///
    /// A shift across midnight is written as two ranges. A calendar with less than an hour of work per week is invalid.
    ///
    /// # Errors
    /// All validation errors.
    pub fn parse(value: &Value) -> Result<Calendar, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let zone = match value
            .get("time_zone")
            .map(|zone| zone.as_str().map(TimeZone::find))
        {
            None => Some(TimeZone::utc()),
            Some(found) => found.flatten(),
        };
        if zone.is_none() {
            errors.add("time_zone", TIME_ZONE_MESSAGE);
        }
        let week = parse_week(value.get("hours"), &mut errors);
        let holidays = parse_holidays(value.get("holidays"), &mut errors);
        errors.finish(zone.map(|zone| Calendar {
            hours: Some(Hours { zone, week, holidays }),
        }))
    }
}

/// The validation errors of a calendar's hours.
pub fn validate_hours(value: &Value) -> Vec<FieldError> {
    let mut errors = FieldErrors::default();
    let week = parse_week(Some(value), &mut errors);
    errors.finish(Some(week)).err().unwrap_or_default()
}

/// The validation errors of a calendar's holidays.
pub fn validate_holidays(value: &Value) -> Vec<FieldError> {
    let mut errors = FieldErrors::default();
    let days = parse_holidays(Some(value), &mut errors);
    errors.finish(Some(days)).err().unwrap_or_default()
}

/// The validation errors of a calendar's time zone.
pub fn validate_time_zone(value: &Value) -> Vec<FieldError> {
    match value.as_str().and_then(TimeZone::find) {
        Some(_) => Vec::new(),
        None => vec![("time_zone".to_owned(), TIME_ZONE_MESSAGE.to_owned())],
    }
}

fn parse_week(value: Option<&Value>, errors: &mut FieldErrors) -> [Vec<(i64, i64)>; 7] {
    let before = errors.count();
    let Some(Value::Object(days)) = value else {
        errors.add("hours", "must be an object such as {\"mon\": [\"09:00-17:00\"]}");
        return Default::default();
    };
    for day in days.keys().filter(|day| !WEEKDAYS.contains(&day.as_str())) {
        errors.add(
            format!("hours.{day}"),
            "must be one of mon, tue, wed, thu, fri, sat, sun",
        );
    }
    let week = WEEKDAYS.map(|day| match days.get(day) {
        None | Some(Value::Null) => Vec::new(),
        Some(ranges) => parse_day_hours(&format!("hours.{day}"), ranges, errors),
    });
    let minutes: i64 = week
        .iter()
        .flatten()
        .map(|(from, to)| to.saturating_sub(*from))
        .sum();
    if minutes < MIN_WEEKLY_MINUTES && errors.count() == before {
        errors.add("hours", "must hold at least one hour of work a week");
    }
    week
}

fn parse_day_hours(path: &str, value: &Value, errors: &mut FieldErrors) -> Vec<(i64, i64)> {
    let Some(texts) = value.as_array().filter(|texts| texts.len() <= MAX_RANGES) else {
        errors.add(path, format!("must be a list of at most {MAX_RANGES} ranges"));
        return Vec::new();
    };
    let mut ranges = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        match text.as_str().and_then(parse_range) {
            Some(range) => ranges.push(range),
            None => errors.add(format!("{path}[{at}]"), "must be a range such as 09:00-17:00"),
        }
    }
    ranges.sort_unstable();
    if ranges
        .iter()
        .zip(ranges.iter().skip(1))
        .any(|(one, next)| one.1 > next.0)
    {
        errors.add(path, "must not overlap");
    }
    ranges
}

/// Parses `09:00-17:00` as minutes of the day. The end may be `24:00` and must be after the start.
fn parse_range(text: &str) -> Option<(i64, i64)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (parse_minute(from)?, parse_minute(to)?);
    (from < to).then_some((from, to))
}

fn parse_minute(text: &str) -> Option<i64> {
    let is_formed = text.len() == 5
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if at == 2 { b == b':' } else { b.is_ascii_digit() });
    let (hour, minute) = text.split_once(':').filter(|_| is_formed)?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    let all = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && all <= MINUTES_PER_DAY).then_some(all)
}

fn parse_holidays(value: Option<&Value>, errors: &mut FieldErrors) -> BTreeSet<i64> {
    let days = match value {
        None | Some(Value::Null) => return BTreeSet::new(),
        Some(Value::Array(days)) if days.len() <= MAX_HOLIDAYS => days,
        Some(_) => {
            errors.add(
                "holidays",
                format!("must be a list of at most {MAX_HOLIDAYS} dates"),
            );
            return BTreeSet::new();
        }
    };
    let mut holidays = BTreeSet::new();
    for (at, day) in days.iter().enumerate() {
        match day.as_str().and_then(parse_day) {
            Some(day) => {
                holidays.insert(day);
            }
            None => errors.add(format!("holidays[{at}]"), "must be a date such as 2026-12-25"),
        }
    }
    holidays
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_error_is_reported() {
        let many: Vec<String> = (0..1_001).map(|_| "2026-01-01".to_owned()).collect();
        for (value, want) in [
            (json!({"hours": {"mon": ["09:00-10:00"]}}), vec![]),
            (
                json!({"hours": {"mon": ["09:00-10:00"], "tue": null, "wed": []}, "holidays": null, "x": 1}),
                vec![],
            ),
            (json!({"hours": {}}), vec!["hours"]),
            (json!({"hours": {"mon": ["09:00-09:59"]}}), vec!["hours"]),
            (json!({}), vec!["hours"]),
            (json!([]), vec!["hours"]),
            (json!({"time_zone": null, "hours": 5}), vec!["time_zone", "hours"]),
            (
                json!({"time_zone": "Mars/Base", "hours": {"monday": [], "tue": "09:00-17:00"}, "holidays": [5]}),
                vec!["time_zone", "hours.monday", "hours.tue", "holidays[0]"],
            ),
            (
                json!({"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}),
                vec!["hours.mon"],
            ),
            (
                json!({"hours": {"mon": ["09:00-12:00", "09:00-12:00"]}}),
                vec!["hours.mon"],
            ),
            (
                json!({"hours": {"mon": vec!["09:00-12:00"; 13]}}),
                vec!["hours.mon"],
            ),
            (
                json!({"hours": {"mon": ["09:00-12:00"]}, "holidays": many}),
                vec!["holidays"],
            ),
            (
                json!({"hours": {"mon": ["09:00-12:00"]}, "holidays": ["2026-02-30", "26-01-01"]}),
                vec!["holidays[0]", "holidays[1]"],
            ),
        ] {
            let errors = Calendar::parse(&value).err().unwrap_or_default();
            let paths: Vec<&str> = errors.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(paths, want, "{value}");
        }
    }

    #[test]
    fn ranges_have_one_form() {
        for (text, want) in [
            ("09:00-17:00", Some((540, 1_020))),
            ("00:00-24:00", Some((0, 1_440))),
            ("23:59-24:00", Some((1_439, 1_440))),
            ("9:00-17:00", None),
            ("17:00-09:00", None),
            ("09:00-09:00", None),
            ("09:00-24:01", None),
            ("09:60-17:00", None),
            ("+9:00-17:00", None),
            ("09:00", None),
            ("09:00-", None),
            ("09:00-17:00-18:00", None),
            ("٠٩:٠٠-١٧:٠٠", None),
            ("", None),
        ] {
            assert_eq!(parse_range(text), want, "{text}");
        }
    }
}
