//! What a workflow rule does to a ticket, as an administrator writes it:
//! `{"type": "set_priority", "priority": "high"}`. The main part of every action may also be called `value`.

use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;

/// Actions of one rule.
pub const MAX_ACTIONS: usize = 10;
/// A row: by its id, or by its uid or (a category) its slug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowRef {
    Id(i64),
    Name(String),
}

/// To whom a ticket is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    Agent(RowRef),
    /// The agent with the fewest open tickets, as automatic assignment finds one.
    LeastLoaded,
    Nobody,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    Requester,
    Assignee,
    Managers,
    Person(RowRef),
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    SetStatus(Status),
    SetPriority(Priority),
    SetCategory(Option<RowRef>),
    Assign(Assignee),
    AddTag(String),
    RemoveTag(String),
    AddNote(String),
    SendNotification {
        to: Audience,
        message: String,
    },
    SendWebhook(RowRef),
    /// One priority higher, and the managers are told.
    Escalate,
}

impl Action {
    /// Every `type`.
    pub const WORDS: [&'static str; 10] = [
        "set_status",
        "set_priority",
        "set_category",
        "assign",
        "add_tag",
        "remove_tag",
        "add_note",
        "send_notification",
        "send_webhook",
        "escalate",
    ];

    /// Its `type`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Action::SetStatus(_) => "set_status",
            Action::SetPriority(_) => "set_priority",
            Action::SetCategory(_) => "set_category",
            Action::Assign(_) => "assign",
            Action::AddTag(_) => "add_tag",
            Action::RemoveTag(_) => "remove_tag",
            Action::AddNote(_) => "add_note",
            Action::SendNotification { .. } => "send_notification",
            Action::SendWebhook(_) => "send_webhook",
            Action::Escalate => "escalate",
        }
    }
}
