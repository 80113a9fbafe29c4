//! What has happened to a ticket. One change is one event, whatever number of fields it touched.

use serde::Serialize;
use serde_json::Value;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    TicketCreated,
    TicketUpdated,
    StatusChanged,
    PriorityChanged,
    Assigned,
    Transferred,
    TicketDeleted,
    TicketRestored,
    MessageAdded,
    MessageEdited,
    MessageDeleted,
    AttachmentAdded,
    AttachmentDeleted,
    /// A promise is about to be broken; `data` is `{"target": "response" | "resolution"}`, as of the next.
    SlaAtRisk,
    SlaBreached,
}

impl EventKind {
    /// The canonical words.
    pub const WORDS: [&'static str; 15] = [
        "ticket_created",
        "ticket_updated",
        "status_changed",
        "priority_changed",
        "assigned",
        "transferred",
        "ticket_deleted",
        "ticket_restored",
        "message_added",
        "message_edited",
        "message_deleted",
        "attachment_added",
        "attachment_deleted",
        "sla_at_risk",
        "sla_breached",
    ];

    /// The canonical word.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::TicketCreated => "ticket_created",
            EventKind::TicketUpdated => "ticket_updated",
            EventKind::StatusChanged => "status_changed",
            EventKind::PriorityChanged => "priority_changed",
            EventKind::Assigned => "assigned",
            EventKind::Transferred => "transferred",
            EventKind::TicketDeleted => "ticket_deleted",
            EventKind::TicketRestored => "ticket_restored",
            EventKind::MessageAdded => "message_added",
            EventKind::MessageEdited => "message_edited",
            EventKind::MessageDeleted => "message_deleted",
            EventKind::AttachmentAdded => "attachment_added",
            EventKind::AttachmentDeleted => "attachment_deleted",
            EventKind::SlaAtRisk => "sla_at_risk",
            EventKind::SlaBreached => "sla_breached",
        }
    }
}

/// One field, before and after. People stand in it as cards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    pub field: &'static str,
    pub from: Value,
    pub to: Value,
}

impl FieldChange {
    /// A change of one field.
    pub fn new(field: &'static str, from: impl Into<Value>, to: impl Into<Value>) -> FieldChange {
        FieldChange {
            field,
            from: from.into(),
            to: to.into(),
        }
    }
}

/// One event, before it has a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    /// Customers never learn of it.
    pub is_internal: bool,
    pub changes: Vec<FieldChange>,
    /// What else belongs to it: `{}` or an object.
    pub data: Value,
    /// The rule or job behind it, where no person is.
    pub cause: Option<String>,
}

impl Event {
    /// An event that everybody who sees the ticket may see.
    pub fn public(kind: EventKind, changes: Vec<FieldChange>) -> Event {
        Event {
            kind,
            is_internal: false,
            changes,
            data: Value::Object(serde_json::Map::new()),
            cause: None,
        }
    }
}
