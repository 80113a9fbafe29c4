//! The two lifecycles of a ticket.
//!
//! `support` is the life of a request for help; `project` is the life of a piece of work. Which one a
//! ticket follows is its `workflow`.

/// Where a ticket stands.
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

use crate::desk::tickets::status::Status::*;
use crate::desk::{DAY, Millis};

impl Status {
    /// Every status, in the order of a ticket's life.
    pub const ALL: [Status; 8] = [
        Open, Assigned, InProgress, Waiting, Blocked, Resolved, Closed, Reopened,
    ];
    /// The canonical words, in the order of [`Status::ALL`].
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

    /// The canonical word.
    pub fn word(self) -> &'static str {
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

    /// Reads a word in any case, with a space, hyphen or underscore between its parts.
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
        Status::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Resolved and closed tickets need nobody's work.
    pub fn is_done(self) -> bool {
        matches!(self, Resolved | Closed)
    }

    /// Waiting and blocked tickets stop the resolution clock.
    pub fn is_paused(self) -> bool {
        matches!(self, Waiting | Blocked)
    }
}

/// Which lifecycle a ticket follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Workflow {
    Support,
    Project,
}

impl Workflow {
    /// Both lifecycles.
    pub const ALL: [Workflow; 2] = [Workflow::Support, Workflow::Project];
    /// The canonical words, in the order of [`Workflow::ALL`].
    pub const WORDS: [&'static str; 2] = ["support", "project"];

    /// The canonical word.
    pub fn word(self) -> &'static str {
        match self {
            Workflow::Support => "support",
            Workflow::Project => "project",
        }
    }

    /// The lifecycle of a ticket that nobody chose one for.
    pub fn of(in_a_project: bool) -> Workflow {
        if in_a_project {
            Workflow::Project
        } else {
            Workflow::Support
        }
    }

    /// Reads a word in any case.
    pub fn parse(word: &str) -> Option<Workflow> {
        let word = word.trim().to_ascii_lowercase();
        Workflow::ALL.into_iter().find(|workflow| workflow.word() == word)
    }

    /// Whether the lifecycle has the status at all.
    pub fn has(self, status: Status) -> bool {
        match self {
            Workflow::Support => status != Blocked,
            Workflow::Project => matches!(status, Open | InProgress | Blocked | Closed),
        }
    }

    /// The statuses that may follow `from`, the reopening window aside.
    pub fn next(self, from: Status) -> &'static [Status] {
        match (self, from) {
            (Workflow::Support, Open) => &[Assigned, Closed],
            (Workflow::Support, Assigned) => &[InProgress, Closed],
            (Workflow::Support, InProgress) => &[Waiting, Resolved, Closed],
            (Workflow::Support, Waiting) => &[InProgress],
            (Workflow::Support, Resolved) => &[Closed, Reopened],
            (Workflow::Support, Closed) => &[Reopened],
            (Workflow::Support, Reopened) => &[InProgress],
            (Workflow::Project, Open) => &[InProgress, Closed],
            (Workflow::Project, InProgress) => &[Open, Closed, Blocked],
            (Workflow::Project, Blocked) => &[InProgress, Open],
            (Workflow::Project, Closed) => &[Open, InProgress],
            (Workflow::Support, Blocked) | (Workflow::Project, Assigned | Waiting | Resolved | Reopened) => {
                &[]
            }
        }
    }

    /// The status that `/reopen` gives.
    pub fn reopened(self) -> Status {
        match self {
            Workflow::Support => Reopened,
            Workflow::Project => Open,
        }
    }

    /// The statuses a customer may set on an own ticket: closing it, and reopening a finished one.
    pub fn customer_may_set(self, from: Status, to: Status) -> bool {
        to == Closed || (from.is_done() && to == self.reopened())
    }
}

/// Whether a ticket that was closed at `closed_at` may still be reopened: a closed support ticket only
/// within `window_days` days; everything else is free of the window.
pub fn may_reopen(
    workflow: Workflow,
    from: Status,
    closed_at: Option<Millis>,
    window_days: i64,
    now: Millis,
) -> bool {
    match (workflow, from, closed_at) {
        (Workflow::Support, Closed, Some(closed)) => {
            now <= closed.saturating_add(window_days.saturating_mul(DAY))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_statuses_agree() {
        for (status, word) in Status::ALL.into_iter().zip(Status::WORDS) {
            assert_eq!(status.word(), word);
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
        for (workflow, table) in [(Workflow::Support, support), (Workflow::Project, project)] {
            for (from, want) in table {
                assert_eq!(workflow.next(from), want, "{workflow:?} {from:?}");
                assert!(want.iter().all(|to| workflow.has(*to)));
                assert!(!want.contains(&from));
                assert_eq!(want.is_empty(), !workflow.has(from));
            }
        }
    }

    #[test]
    fn the_window_binds_closed_support_tickets_only() {
        let closed = Some(1_000);
        for (workflow, from, now, want) in [
            (Workflow::Support, Closed, 1_000 + 7 * DAY, true),
            (Workflow::Support, Closed, 1_001 + 7 * DAY, false),
            (Workflow::Support, Resolved, 1_000 + 70 * DAY, true),
            (Workflow::Project, Closed, 1_000 + 70 * DAY, true),
        ] {
            assert_eq!(may_reopen(workflow, from, closed, 7, now), want);
        }
    }

    #[test]
    fn customers_close_and_reopen() {
        for (workflow, from, to, want) in [
            (Workflow::Support, Open, Closed, true),
            (Workflow::Support, Resolved, Reopened, true),
            (Workflow::Support, Closed, Reopened, true),
            (Workflow::Support, InProgress, Resolved, false),
            (Workflow::Support, Open, Assigned, false),
            (Workflow::Project, Closed, Open, true),
            (Workflow::Project, Closed, InProgress, false),
            (Workflow::Project, InProgress, Open, false),
        ] {
            assert_eq!(
                workflow.customer_may_set(from, to),
                want,
                "{workflow:?} {from:?} {to:?}"
            );
        }
    }
}
