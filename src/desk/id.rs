//! How rows are identified in paths and bodies.
//!
//! Every row has an integer id and a UUID; a ticket is also known by its number (`TICK-20260131-0007`)
//! and, inside a project, by its key (`WEB-12`). The four forms never collide: ids are digits, UUIDs have
//! their hyphens, numbers begin with `TICK-`, and no project may be called TICK.

use crate::desk::{DAY, Millis};

/// The largest id: 2^53 - 1, the largest integer that JavaScript clients represent exactly.
pub const MAX_ID: i64 = 9_007_199_254_740_991;

/// A reference to a row, as it appears in a path or body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ref {
    Id(i64),
    /// The UUID, in lower case.
    Uid(String),
    /// A ticket's number.
    Number(String),
    /// A ticket's project key.
    Key(String),
}

impl Ref {
    /// Parses the form used in paths. `None` when the text cannot be a reference.
    pub fn parse(text: &str) -> Option<Ref> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text
                .parse()
                .ok()
                .filter(|id| (1..=MAX_ID).contains(id))
                .map(Ref::Id);
        }
        if is_uid(text) {
            return Some(Ref::Uid(text.to_ascii_lowercase()));
        }
        let upper = text.to_ascii_uppercase();
        if is_ticket_number(&upper) {
            return Some(Ref::Number(upper));
        }
        is_ticket_key(&upper).then_some(Ref::Key(upper))
    }
}

/// Whether the text has the form of a UUID.
pub fn is_uid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// `TICK-YYYYMMDD-NNNN`, with a counter of at least four digits.
fn is_ticket_number(text: &str) -> bool {
    let Some((day, counter)) = text.strip_prefix("TICK-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    day.len() == 8
        && (4..=12).contains(&counter.len())
        && day.bytes().chain(counter.bytes()).all(|b| b.is_ascii_digit())
}

/// `<PROJECT>-<n>`.
fn is_ticket_key(text: &str) -> bool {
    let Some((project, counter)) = text.split_once('-') else {
        return false;
    };
    is_project_key(project)
        && (1..=12).contains(&counter.len())
        && !counter.starts_with('0')
        && counter.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the text can be a project's key: 2 to 10 capital letters and digits, starting with a letter, not `TICK`.
pub fn is_project_key(text: &str) -> bool {
    (2..=10).contains(&text.len())
        && text != "TICK"
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The id in which a uid ends, in its last twelve hexadecimal digits.
pub fn uid_row_id(uid: &str) -> i64 {
    let digits = uid.get(24..).unwrap_or_default();
    i64::from_str_radix(digits, 16).unwrap_or_default()
}

/// A ticket's number or key as names are stored: the counter has at least seven digits, so that text sorts as numbers do.
pub fn name_key(name: &str) -> String {
    match name.rsplit_once('-') {
        // No number is written with more than the four zeros that fill it up.
        Some((_, counter)) if counter.len() > 4 && counter.starts_with('0') => String::new(),
        Some((head, counter)) => format!("{head}-{counter:0>7}"),
        None => String::new(),
    }
}

/// The UTC day of a ticket number: `20260131`.
pub fn number_day(now: Millis) -> String {
    let (year, month, day) = civil_date(now.div_euclid(DAY));
    format!("{year:04}{month:02}{day:02}")
}

/// Year, month and day of a number of days since 1970-01-01 (proleptic Gregorian calendar).
fn civil_date(days: i64) -> (i64, u32, u32) {
    use chrono::{DateTime, Datelike};
    let date = DateTime::from_timestamp(days.saturating_mul(86_400), 0).unwrap_or_default();
    (i64::from(date.year()), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_never_collide() {
        let uid = "0190b4c6-7d2a-7c3e-8f00-0123456789ab";
        for (text, want) in [
            ("5", Some(Ref::Id(5))),
            ("9007199254740991", Some(Ref::Id(MAX_ID))),
            ("9007199254740992", None),
            ("99999999999999999999999", None),
            ("0", None),
            ("-1", None),
            ("", None),
            (uid, Some(Ref::Uid(uid.to_owned()))),
            (
                "0190B4C6-7D2A-7C3E-8F00-0123456789AB",
                Some(Ref::Uid(uid.to_owned())),
            ),
            (
                "TICK-20260131-0007",
                Some(Ref::Number("TICK-20260131-0007".to_owned())),
            ),
            (
                "tick-20260131-10000",
                Some(Ref::Number("TICK-20260131-10000".to_owned())),
            ),
            ("TICK-20260131-007", None),
            ("TICK-5", None),
            ("WEB-12", Some(Ref::Key("WEB-12".to_owned()))),
            ("web-12", Some(Ref::Key("WEB-12".to_owned()))),
            ("WEB-012", None),
            ("W-1", None),
            ("5'; DROP TABLE tickets", None),
            ("٥", None),
        ] {
            assert_eq!(Ref::parse(text), want, "{text}");
        }
    }

    #[test]
    fn a_uid_ends_in_its_id() {
        assert_eq!(uid_row_id("0190b4c6-7d2a-7c3e-8f00-00000000002a"), 42);
        assert_eq!(
            uid_row_id("0190b4c6-7d2a-7c3e-8f00-ffffffffffff"),
            0xffff_ffff_ffff
        );
        assert_eq!(uid_row_id("nothing"), 0);
    }

    #[test]
    fn names_sort_as_numbers_do() {
        for (name, want) in [
            ("TICK-20260131-0042", "TICK-20260131-0000042"),
            ("TICK-20260131-12345", "TICK-20260131-0012345"),
            ("TICK-20260131-00042", ""),
            ("WEB-12", "WEB-0000012"),
            ("WEB-12345678", "WEB-12345678"),
        ] {
            assert_eq!(name_key(name), want, "{name}");
        }
    }

    #[test]
    fn the_day_of_a_number_is_utc() {
        for (now, want) in [
            (0, "19700101"),
            (1_767_225_599_999, "20251231"),
            (1_767_225_600_000, "20260101"),
        ] {
            assert_eq!(number_day(now), want);
        }
    }
}
