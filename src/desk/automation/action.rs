//! The actions of a workflow rule, as an admin writes them: `{"type": "set_priority", "priority": "high"}`. The main
//! parameter of every action is also accepted as `value`.

use serde_json::Value;

use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;

/// Actions of one rule.
pub const MAX_ACTIONS: usize = 10;
/// How a rule refers to a category, project, agent, user or webhook: by id, by uid or, for a category, by slug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowRef {
    Id(i64),
    Name(String),
}

/// Who gets the ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    Agent(RowRef),
    /// The agent with the fewest open tickets, chosen as in automatic assignment.
    LeastLoaded,
    Nobody,
    /// Whoever applies a macro; not in rules.
    Me,
}

/// Who is notified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    Requester,
    Assignee,
    Managers,
    Person(RowRef),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    SetStatus(Status),
    SetPriority(Priority),
    SetCategory(Option<RowRef>),
    Assign(Assignee),
    SetCustomField {
        key: String,
        /// Null takes the value away.
        value: Value,
    },
    AddTag(String),
    RemoveTag(String),
    AddNote(String),
    SendNotification {
        to: Audience,
        message: String,
    },
    SendWebhook(RowRef),
    /// Raises the priority by one and notifies the managers.
    Escalate,
}

impl Action {
    /// All values of `type`.
    pub const WORDS: [&'static str; 11] = [
        "set_status",
        "set_priority",
        "set_category",
        "assign",
        "set_custom_field",
        "add_tag",
        "remove_tag",
        "add_note",
        "send_notification",
        "send_webhook",
        "escalate",
    ];

    /// The value of `type`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Action::SetStatus(_) => "set_status",
            Action::SetPriority(_) => "set_priority",
            Action::SetCategory(_) => "set_category",
            Action::Assign(_) => "assign",
            Action::SetCustomField { .. } => "set_custom_field",
            Action::AddTag(_) => "add_tag",
            Action::RemoveTag(_) => "remove_tag",
            Action::AddNote(_) => "add_note",
            Action::SendNotification { .. } => "send_notification",
            Action::SendWebhook(_) => "send_webhook",
            Action::Escalate => "escalate",
        }
    }
}
