//! Ticket statuses, and the two lifecycles that define which can follow which.
//!
//! `support` is for requests for help, `project` for planned work. The API's name for a ticket's lifecycle is
//! `workflow`.

/// The status of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Open,
    Assigned,
    InProgress,
    Waiting,
    Blocked,
    Resolved,
    Closed,
    Reopened,
}

use crate::desk::id::MAX_ID;
use crate::desk::tickets::status::Status::*;
use crate::desk::{DAY, Millis};

impl Status {
    /// All statuses, in the order in which a ticket usually passes through them.
    pub const ALL: [Status; 8] = [
        Open, Assigned, InProgress, Waiting, Blocked, Resolved, Closed, Reopened,
    ];
    /// The API names, in the order of [`Status::ALL`].
    pub const WORDS: [&'static str; 8] = [
        "open",
        "assigned",
        "in_progress",
        "waiting",
        "blocked",
        "resolved",
        "closed",
        "reopened",
    ];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            Open => "open",
            Assigned => "assigned",
            InProgress => "in_progress",
            Waiting => "waiting",
            Blocked => "blocked",
            Resolved => "resolved",
            Closed => "closed",
            Reopened => "reopened",
        }
    }

    /// Reads an API name in any case, with a space, hyphen or underscore between its words.
    pub fn parse(word: &str) -> Option<Status> {
        let word: String = word
            .trim()
            .chars()
            .map(|c| {
                if matches!(c, ' ' | '-') {
                    '_'
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect();
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether no more work is needed: resolved or closed.
    pub fn is_done(self) -> bool {
        matches!(self, Resolved | Closed)
    }

    /// Whether the resolution clock is stopped: waiting or blocked.
    pub fn is_paused(self) -> bool {
        matches!(self, Waiting | Blocked)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifecycle {
    Support,
    Project,
}

impl Lifecycle {
    /// Both lifecycles.
    pub const ALL: [Lifecycle; 2] = [Lifecycle::Support, Lifecycle::Project];
    /// The API names, in the order of [`Lifecycle::ALL`].
    pub const WORDS: [&'static str; 2] = ["support", "project"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            Lifecycle::Support => "support",
            Lifecycle::Project => "project",
        }
    }

    /// The default lifecycle of a new ticket.
    pub fn for_ticket(in_a_project: bool) -> Lifecycle {
        if in_a_project {
            Lifecycle::Project
        } else {
            Lifecycle::Support
        }
    }

    /// Reads an API name in any case.
    pub fn parse(word: &str) -> Option<Lifecycle> {
        let word = word.trim().to_ascii_lowercase();
        Lifecycle::ALL
            .into_iter()
            .find(|workflow| workflow.as_str() == word)
    }

    /// Whether the lifecycle has this status.
    pub fn has_status(self, status: Status) -> bool {
        match self {
            Lifecycle::Support => status != Blocked,
            Lifecycle::Project => matches!(status, Open | InProgress | Blocked | Closed),
        }
    }

    /// The statuses that can follow `from`. The reopening window is checked separately, by [`may_reopen`].
    pub fn next(self, from: Status) -> &'static [Status] {
        match (self, from) {
            (Lifecycle::Support, Open) => &[Assigned, Closed],
            (Lifecycle::Support, Assigned) => &[InProgress, Closed],
            (Lifecycle::Support, InProgress) => &[Waiting, Resolved, Closed],
            (Lifecycle::Support, Waiting) => &[InProgress],
            (Lifecycle::Support, Resolved) => &[Closed, Reopened],
            (Lifecycle::Support, Closed) => &[Reopened],
            (Lifecycle::Support, Reopened) => &[InProgress],
            (Lifecycle::Project, Open) => &[InProgress, Closed],
            (Lifecycle::Project, InProgress) => &[Open, Closed, Blocked],
            (Lifecycle::Project, Blocked) => &[InProgress, Open],
            (Lifecycle::Project, Closed) => &[Open, InProgress],
            (Lifecycle::Support, Blocked)
            | (Lifecycle::Project, Assigned | Waiting | Resolved | Reopened) => &[],
        }
    }

    /// The status of a ticket after `/reopen`.
    pub fn reopen_status(self) -> Status {
        match self {
            Lifecycle::Support => Reopened,
            Lifecycle::Project => Open,
        }
    }

    /// Whether customers may set this status on their own ticket: they can close it, and reopen it when it is finished.
    pub fn customer_may_set(self, from: Status, to: Status) -> bool {
        to == Closed || (from.is_done() && to == self.reopen_status())
    }
}

/// Whether a ticket that was closed at `closed_at` may still be reopened, if only tickets closed since `since` may: the
/// same rule as [`may_reopen`], for readers who know the start of the window.
pub fn may_reopen_since(workflow: Lifecycle, from: Status, closed_at: Option<Millis>, since: Millis) -> bool {
    match (workflow, from, closed_at) {
        (Lifecycle::Support, Closed, Some(closed)) => closed >= since,
        _ => true,
    }
}

/// The time at or after which a support ticket must have been closed to be reopened now.
pub fn reopen_since(window_days: i64, now: Millis) -> Millis {
    if window_days > 0 {
        now.saturating_sub(window_days.saturating_mul(DAY))
    } else {
        MAX_ID // later than every time, and a number that the database takes
    }
}

/// Whether a ticket that was closed at `closed_at` may still be reopened. The window of `window_days` days applies only
/// to closed support tickets; a window of 0 days is never open.
pub fn may_reopen(
    workflow: Lifecycle,
    from: Status,
    closed_at: Option<Millis>,
    window_days: i64,
    now: Millis,
) -> bool {
    may_reopen_since(workflow, from, closed_at, reopen_since(window_days, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_statuses_agree() {
        for (status, word) in Status::ALL.into_iter().zip(Status::WORDS) {
            assert_eq!(status.as_str(), word);
            assert_eq!(Status::parse(word), Some(status));
        }
        for (word, want) in [
            ("In Progress", Some(InProgress)),
            ("IN-PROGRESS", Some(InProgress)),
            ("in_progress", Some(InProgress)),
            ("inprogress", None),
            ("pending", None),
            ("", None),
        ] {
            assert_eq!(Status::parse(word), want, "{word}");
        }
    }

    #[test]
    fn every_pair_of_statuses_is_decided() {
        let support = [
            (Open, vec![Assigned, Closed]),
            (Assigned, vec![InProgress, Closed]),
            (InProgress, vec![Waiting, Resolved, Closed]),
            (Waiting, vec![InProgress]),
            (Blocked, vec![]),
            (Resolved, vec![Closed, Reopened]),
            (Closed, vec![Reopened]),
            (Reopened, vec![InProgress]),
        ];
        let project = [
            (Open, vec![InProgress, Closed]),
            (Assigned, vec![]),
            (InProgress, vec![Open, Closed, Blocked]),
            (Waiting, vec![]),
            (Blocked, vec![InProgress, Open]),
            (Resolved, vec![]),
            (Closed, vec![Open, InProgress]),
            (Reopened, vec![]),
        ];
        for (workflow, table) in [(Lifecycle::Support, support), (Lifecycle::Project, project)] {
            for (from, want) in table {
                assert_eq!(workflow.next(from), want, "{workflow:?} {from:?}");
                assert!(want.iter().all(|to| workflow.has_status(*to)));
                assert!(!want.contains(&from));
                assert_eq!(want.is_empty(), !workflow.has_status(from));
            }
        }
    }

    #[test]
    fn the_window_binds_closed_support_tickets_only() {
        let closed = Some(1_000);
        for (workflow, from, now, want) in [
            (Lifecycle::Support, Closed, 1_000 + 7 * DAY, true),
            (Lifecycle::Support, Closed, 1_001 + 7 * DAY, false),
            (Lifecycle::Support, Resolved, 1_000 + 70 * DAY, true),
            (Lifecycle::Project, Closed, 1_000 + 70 * DAY, true),
        ] {
            assert_eq!(may_reopen(workflow, from, closed, 7, now), want);
        }
        assert!(!may_reopen(Lifecycle::Support, Closed, closed, 0, 1_000));
        assert!(may_reopen(Lifecycle::Support, Closed, closed, 1, 1_000));
    }

    #[test]
    fn customers_close_and_reopen() {
        for (workflow, from, to, want) in [
            (Lifecycle::Support, Open, Closed, true),
            (Lifecycle::Support, Resolved, Reopened, true),
            (Lifecycle::Support, Closed, Reopened, true),
            (Lifecycle::Support, InProgress, Resolved, false),
            (Lifecycle::Support, Open, Assigned, false),
            (Lifecycle::Project, Closed, Open, true),
            (Lifecycle::Project, Closed, InProgress, false),
            (Lifecycle::Project, InProgress, Open, false),
        ] {
            assert_eq!(
                workflow.customer_may_set(from, to),
                want,
                "{workflow:?} {from:?} {to:?}"
            );
        }
    }
}
