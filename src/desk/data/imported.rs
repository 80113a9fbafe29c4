//! What an imported ticket becomes: its status and times, from what its row says.

use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::{DAY, MINUTE, Millis};

/// A status as this desk or another system calls it; only those that a support ticket can have.
pub fn parse_status(word: &str) -> Option<Status> {
    let known = Status::parse(word).filter(|status| Lifecycle::Support.has_status(*status));
    known.or_else(|| match word.trim().to_ascii_lowercase().as_str() {
        "new" => Some(Status::Open),
        "pending" | "pending reminder" | "pending close" | "hold" | "on hold" | "on-hold" | "snoozed" => {
            Some(Status::Waiting)
        }
        "solved" | "done" => Some(Status::Resolved),
        "merged" => Some(Status::Closed),
        _ => None,
    })
}

/// The times that a row gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct GivenTimes {
    pub created: Option<Millis>,
    pub updated: Option<Millis>,
    pub responded: Option<Millis>,
    pub resolved: Option<Millis>,
    pub closed: Option<Millis>,
}

/// The status and the times of an imported ticket, all of which agree with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedTimes {
    pub status: Status,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub first_responded_at: Option<Millis>,
    pub resolved_at: Option<Millis>,
    pub closed_at: Option<Millis>,
    pub paused_at: Option<Millis>,
}

/// How far another clock may be ahead of ours.
const AHEAD: Millis = 5 * MINUTE;

/// What becomes of a row: its status and times. What is missing follows from the others. A ticket that has been resolved
/// for longer than `auto_close_days` (0: never) comes closed, as the desk would have closed it.
///
/// # Errors
/// The field that cannot be, and why.
pub fn times(
    status: Status,
    is_assigned: bool,
    given: &GivenTimes,
    auto_close_days: i64,
    now: Millis,
) -> Result<ImportedTimes, (&'static str, &'static str)> {
    let created_at = given.created.unwrap_or_else(|| {
        let others = [given.responded, given.resolved, given.closed, given.updated];
        others.into_iter().flatten().min().unwrap_or(now)
    });
    for (field, time) in [
        ("created_at", Some(created_at)),
        ("updated_at", given.updated),
        ("first_responded_at", given.responded),
        ("resolved_at", given.resolved),
        ("closed_at", given.closed),
    ] {
        match time {
            Some(time) if time > now.saturating_add(AHEAD) => {
                return Err((field, "must not be in the future"));
            }
            Some(time) if time < created_at => return Err((field, "must not be before created_at")),
            Some(time) if time < 0 => return Err((field, "must not be before 1970")),
            _ => {}
        }
    }
    let mut status = match (status, is_assigned) {
        (Status::Open, true) => Status::Assigned,
        (Status::Assigned, false) => Status::Open,
        (status, _) => status,
    };
    let is_done = status.is_done();
    let resolved = given
        .resolved
        .or(given.closed)
        .or(given.updated)
        .unwrap_or(created_at);
    let resolved_at = is_done.then_some(resolved);
    let mut closed_at = (status == Status::Closed).then(|| given.closed.unwrap_or(resolved).max(resolved));
    let closing = resolved.saturating_add(auto_close_days.saturating_mul(DAY));
    if status == Status::Resolved && auto_close_days > 0 && closing <= now {
        status = Status::Closed;
        closed_at = Some(closing);
    }
    let latest = [given.updated, given.responded, resolved_at, closed_at];
    let updated_at = latest.into_iter().flatten().max().unwrap_or(created_at);
    Ok(ImportedTimes {
        status,
        created_at,
        updated_at,
        first_responded_at: given.responded,
        resolved_at,
        closed_at,
        paused_at: status.is_paused().then_some(updated_at),
    })
}

/// A time as spreadsheets write it (`2026-01-31 12:00`, in UTC) in the form of RFC 3339. Other texts stay as they are.
pub fn rfc3339(text: &str) -> String {
    let text = text.trim();
    let Some((day, time)) = text.split_once([' ', 'T']).filter(|(day, _)| day.len() == 10) else {
        return text.to_owned();
    };
    let time = time.trim();
    let (time, zone) = match time.strip_suffix("UTC").or_else(|| time.strip_suffix('Z')) {
        Some(time) => (time.trim(), "Z"),
        None if time.get(5..).is_some_and(|rest| rest.contains(['+', '-'])) => (time, ""),
        None => (time, "Z"),
    };
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("{day}T{}{seconds}{zone}", time.replace(' ', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    #[test]
    fn other_systems_have_other_words() {
        for (word, want) in [
            ("In Progress", Some(Status::InProgress)),
            ("new", Some(Status::Open)),
            ("Pending", Some(Status::Waiting)),
            ("On Hold", Some(Status::Waiting)),
            ("SOLVED", Some(Status::Resolved)),
            ("merged", Some(Status::Closed)),
            ("blocked", None),
            ("", None),
            ("gone", None),
        ] {
            assert_eq!(parse_status(word), want, "{word}");
        }
    }

    #[test]
    fn times_follow_from_each_other() {
        let at = |days: i64| Some(NOW - days * DAY);
        let given = |created, updated, resolved, closed| GivenTimes {
            created,
            updated,
            responded: None,
            resolved,
            closed,
        };
        // Status, assigned, times; then status, created, updated, resolved, closed, paused, in days ago.
        type Want = (Status, i64, i64, Option<i64>, Option<i64>, Option<i64>);
        let table: &[(Status, bool, GivenTimes, Want)] = &[
            (
                Status::Open,
                false,
                given(None, None, None, None),
                (Status::Open, 0, 0, None, None, None),
            ),
            (
                Status::Open,
                true,
                given(at(9), None, None, None),
                (Status::Assigned, 9, 9, None, None, None),
            ),
            (
                Status::Assigned,
                false,
                given(at(9), at(8), None, None),
                (Status::Open, 9, 8, None, None, None),
            ),
            (
                Status::Waiting,
                false,
                given(at(9), at(8), None, None),
                (Status::Waiting, 9, 8, None, None, Some(8)),
            ),
            (
                Status::Resolved,
                false,
                given(at(9), None, at(2), None),
                (Status::Resolved, 9, 2, Some(2), None, None),
            ),
            (
                Status::Resolved,
                false,
                given(at(9), None, at(8), None),
                (Status::Closed, 9, 1, Some(8), Some(1), None),
            ),
            (
                Status::Closed,
                false,
                given(at(9), at(3), None, None),
                (Status::Closed, 9, 3, Some(3), Some(3), None),
            ),
            (
                Status::Closed,
                false,
                given(at(9), None, at(5), at(4)),
                (Status::Closed, 9, 4, Some(5), Some(4), None),
            ),
            (
                Status::Closed,
                false,
                given(None, None, at(5), at(4)),
                (Status::Closed, 5, 4, Some(5), Some(4), None),
            ),
            (
                Status::Reopened,
                false,
                given(at(9), None, at(5), at(4)),
                (Status::Reopened, 9, 9, None, None, None),
            ),
        ];
        for (status, is_assigned, given, want) in table {
            let got = times(*status, *is_assigned, given, 7, NOW).unwrap();
            let days = |time: Millis| (NOW - time) / DAY;
            let have = (
                got.status,
                days(got.created_at),
                days(got.updated_at),
                got.resolved_at.map(days),
                got.closed_at.map(days),
                got.paused_at.map(days),
            );
            assert_eq!(have, *want, "{status:?} {given:?}");
        }
        let stays = times(
            Status::Resolved,
            false,
            &given(at(99), None, at(98), None),
            0,
            NOW,
        )
        .unwrap();
        assert_eq!(stays.status, Status::Resolved);
        for (wrong, field) in [
            (given(at(-1), None, None, None), "created_at"),
            (given(at(9), at(10), None, None), "updated_at"),
            (given(at(9), None, at(10), None), "resolved_at"),
            (given(at(9), None, at(8), at(-1)), "closed_at"),
            (given(Some(-1), None, None, None), "created_at"),
        ] {
            assert_eq!(times(Status::Closed, false, &wrong, 7, NOW).unwrap_err().0, field);
        }
    }

    #[test]
    fn spreadsheets_write_times_in_their_way() {
        for (text, want) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31 12:00", "2026-01-31T12:00:00Z"),
            ("2026-01-31 12:00:05", "2026-01-31T12:00:05Z"),
            ("2026-01-31 12:00:05 UTC", "2026-01-31T12:00:05Z"),
            ("2026-01-31 12:00:05.123 +0100", "2026-01-31T12:00:05.123+0100"),
            ("2026-01-31T12:00:00-05:00", "2026-01-31T12:00:00-05:00"),
            ("2026-01-31", "2026-01-31"),
            ("yesterday at noon", "yesterday at noon"),
        ] {
            assert_eq!(rfc3339(text), want);
        }
    }
}
