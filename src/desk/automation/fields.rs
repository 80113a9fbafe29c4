//! The fields of a ticket that conditions may name, and the kind of each.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Status,
    Workflow,
    Priority,
    Sla,
    Role,
    Number,
    Time,
    Flag,
    Row,
    Tags,
    /// A custom field: text, number or flag.
    Custom,
}

/// Every field: its name, what it holds, and whether a change can have touched it.
pub const FIELDS: [(&str, Kind, bool); 24] = [
    ("title", Kind::Text, true),
    ("description", Kind::Text, true),
    ("status", Kind::Status, true),
    ("priority", Kind::Priority, true),
    ("workflow", Kind::Workflow, true),
    ("category", Kind::Row, true),
    ("subcategory", Kind::Text, true),
    ("department", Kind::Text, true),
    ("project", Kind::Row, true),
    ("tags", Kind::Tags, true),
    ("assignee", Kind::Row, true),
    ("requester", Kind::Row, true),
    ("channel", Kind::Text, false),
    ("created_at", Kind::Time, false),
    ("message_count", Kind::Number, false),
    ("attachment_count", Kind::Number, false),
    ("hours_since_created", Kind::Number, false),
    ("hours_since_updated", Kind::Number, false),
    ("sla_response", Kind::Sla, false),
    ("sla_resolution", Kind::Sla, false),
    // Of the message that was added, and of who did what is heard.
    ("body", Kind::Text, false),
    ("is_internal", Kind::Flag, false),
    ("author_role", Kind::Role, false),
    ("actor_role", Kind::Role, false),
];
