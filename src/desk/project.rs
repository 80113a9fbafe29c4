//! Projects: groups of tickets that belong to one piece of work.

use crate::desk::id::{Ref, is_project_key};

/// The status of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectStatus {
    /// Accepts new tickets.
    Active,
    OnHold,
    Completed,
    /// Hidden. Only possible without open tickets.
    Archived,
}

impl ProjectStatus {
    /// All statuses.
    pub const ALL: [ProjectStatus; 4] = [
        ProjectStatus::Active,
        ProjectStatus::OnHold,
        ProjectStatus::Completed,
        ProjectStatus::Archived,
    ];
    /// The API names, in the order of [`ProjectStatus::ALL`].
    pub const WORDS: [&'static str; 4] = ["active", "on_hold", "completed", "archived"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            ProjectStatus::Active => "active",
            ProjectStatus::OnHold => "on_hold",
            ProjectStatus::Completed => "completed",
            ProjectStatus::Archived => "archived",
        }
    }

    /// Reads an API name in any case, with a space, hyphen or underscore between its words.
    pub fn parse(word: &str) -> Option<ProjectStatus> {
        let word = word.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        ProjectStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
    }

    /// The statuses that can follow. A completed or archived project must become active before anything else.
    pub fn next(self) -> &'static [ProjectStatus] {
        match self {
            ProjectStatus::Active => &[
                ProjectStatus::OnHold,
                ProjectStatus::Completed,
                ProjectStatus::Archived,
            ],
            ProjectStatus::OnHold => &[
                ProjectStatus::Active,
                ProjectStatus::Completed,
                ProjectStatus::Archived,
            ],
            ProjectStatus::Completed => &[ProjectStatus::Active, ProjectStatus::Archived],
            ProjectStatus::Archived => &[ProjectStatus::Active],
        }
    }
}

/// Why the status of a project cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransitionError {
    /// The lifecycle has no such transition.
    Transition { from: ProjectStatus, to: ProjectStatus },
    /// This many tickets are still open.
    OpenTickets(i64),
}

/// Checks that a project with this many open tickets may change its status.
///
/// # Errors
/// A [`TransitionError`].
pub fn check_transition(
    from: ProjectStatus,
    to: ProjectStatus,
    open_tickets: i64,
) -> Result<(), TransitionError> {
    if !from.next().contains(&to) {
        return Err(TransitionError::Transition { from, to });
    }
    if to == ProjectStatus::Archived && open_tickets > 0 {
        return Err(TransitionError::OpenTickets(open_tickets));
    }
    Ok(())
}

/// Parses a reference to a project in a path or body: id, uid, or key in any case.
pub fn parse_ref(text: &str) -> Option<Ref> {
    let key = text.trim().to_ascii_uppercase();
    if is_project_key(&key) {
        return Some(Ref::Key(key));
    }
    Ref::parse(text).filter(|reference| matches!(reference, Ref::Id(_) | Ref::Uid(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_statuses_agree() {
        for (status, word) in ProjectStatus::ALL.into_iter().zip(ProjectStatus::WORDS) {
            assert_eq!(status.as_str(), word);
            assert_eq!(ProjectStatus::parse(word), Some(status));
        }
        assert_eq!(ProjectStatus::parse("On Hold"), Some(ProjectStatus::OnHold));
        assert_eq!(ProjectStatus::parse("deleted"), None);
    }

    #[test]
    fn the_lifecycle() {
        use ProjectStatus::*;
        for (from, to, open, want) in [
            (Active, OnHold, 9, true),
            (Active, Archived, 0, true),
            (Active, Archived, 1, false),
            (OnHold, Active, 0, true),
            (Completed, OnHold, 0, false),
            (Completed, Active, 9, true),
            (Archived, Active, 0, true),
            (Archived, Completed, 0, false),
            (Active, Active, 0, false),
        ] {
            assert_eq!(
                check_transition(from, to, open).is_ok(),
                want,
                "{from:?} {to:?} {open}"
            );
        }
    }

    #[test]
    fn projects_are_named() {
        let uid = "0190b4c6-7d2a-7c3e-8f00-0123456789ab";
        for (text, want) in [
            ("5", Some(Ref::Id(5))),
            (uid, Some(Ref::Uid(uid.to_owned()))),
            ("web", Some(Ref::Key("WEB".to_owned()))),
            ("WEB2", Some(Ref::Key("WEB2".to_owned()))),
            ("WEB-2", None),
            ("TICK", None),
            ("W", None),
            ("ABCDEFGHIJK", None),
            ("0", None),
            ("", None),
        ] {
            assert_eq!(parse_ref(text), want, "{text}");
        }
    }
}
