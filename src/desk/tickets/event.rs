//! Events: what happened to a ticket. One change is one event, however many fields it touched.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

/// In `data` of the event of a new ticket: true if staff have left it to nobody, and not to the desk.
pub const UNASSIGNED: &str = "unassigned";

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    TicketCreated,
    /// It came with a file.
    TicketImported,
    TicketUpdated,
    StatusChanged,
    PriorityChanged,
    Assigned,
    Transferred,
    TicketDeleted,
    TicketRestored,
    /// A text was taken out of it for good; which, nothing says.
    TicketRedacted,
    /// Its requester has rated the outcome. `data` is `{"score"}`.
    TicketRated,
    /// Two tickets became one. `data` names the other one: `merged` at the survivor, `merged_into` at the merged ticket.
    TicketMerged,
    TicketUnmerged,
    MessageAdded,
    MessageEdited,
    MessageDeleted,
    AttachmentAdded,
    AttachmentDeleted,
    /// 80 % of an SLA target's time has passed. `data` of this and the next kind is `{"target": "response" |
    /// "resolution"}`.
    SlaAtRisk,
    SlaBreached,
}

impl EventKind {
    /// The API names, in the order of the variants.
    pub const WORDS: [&'static str; 20] = [
        "ticket_created",
        "ticket_imported",
        "ticket_updated",
        "status_changed",
        "priority_changed",
        "assigned",
        "transferred",
        "ticket_deleted",
        "ticket_restored",
        "ticket_redacted",
        "ticket_rated",
        "ticket_merged",
        "ticket_unmerged",
        "message_added",
        "message_edited",
        "message_deleted",
        "attachment_added",
        "attachment_deleted",
        "sla_at_risk",
        "sla_breached",
    ];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::TicketCreated => "ticket_created",
            EventKind::TicketImported => "ticket_imported",
            EventKind::TicketUpdated => "ticket_updated",
            EventKind::StatusChanged => "status_changed",
            EventKind::PriorityChanged => "priority_changed",
            EventKind::Assigned => "assigned",
            EventKind::Transferred => "transferred",
            EventKind::TicketDeleted => "ticket_deleted",
            EventKind::TicketRestored => "ticket_restored",
            EventKind::TicketRedacted => "ticket_redacted",
            EventKind::TicketRated => "ticket_rated",
            EventKind::TicketMerged => "ticket_merged",
            EventKind::TicketUnmerged => "ticket_unmerged",
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

/// A changed field with both values. People are cards (JSON); what an event keeps of them, `history::record` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    pub field: Cow<'static, str>,
    pub from: Value,
    pub to: Value,
}

impl FieldChange {
    /// A change of one field.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        from: impl Into<Value>,
        to: impl Into<Value>,
    ) -> FieldChange {
        FieldChange {
            field: field.into(),
            from: from.into(),
            to: to.into(),
        }
    }
}

/// An event that is not stored yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    /// Never shown to customers.
    pub is_internal: bool,
    pub changes: Vec<FieldChange>,
    /// Further data: an object, often empty.
    pub data: Value,
    /// The rule or job that caused it, when no person did.
    pub cause: Option<String>,
}

impl Event {
    /// An event that everyone who can see the ticket may see.
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
