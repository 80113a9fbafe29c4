//! The ticket fields that conditions can use, and the kind of each.

use crate::desk::tools::custom_field::PREFIX;

/// What values a field has; it decides which operators suit the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Status,
    Lifecycle,
    Priority,
    Sla,
    Role,
    Number,
    Time,
    Flag,
    Row,
    Tags,
    /// A custom field: its kind is only known from the value.
    Custom,
}

/// All fields: name, kind, and whether a ticket change can touch it (which `changed` requires).
pub const FIELDS: [(&str, FieldKind, bool); 24] = [
    ("title", FieldKind::Text, true),
    ("description", FieldKind::Text, true),
    ("status", FieldKind::Status, true),
    ("priority", FieldKind::Priority, true),
    ("workflow", FieldKind::Lifecycle, true),
    ("category", FieldKind::Row, true),
    ("subcategory", FieldKind::Text, true),
    ("department", FieldKind::Text, true),
    ("project", FieldKind::Row, true),
    ("tags", FieldKind::Tags, true),
    ("assignee", FieldKind::Row, true),
    ("requester", FieldKind::Row, true),
    ("channel", FieldKind::Text, false),
    ("created_at", FieldKind::Time, false),
    ("message_count", FieldKind::Number, false),
    ("attachment_count", FieldKind::Number, false),
    ("hours_since_created", FieldKind::Number, false),
    ("hours_since_updated", FieldKind::Number, false),
    ("sla_response", FieldKind::Sla, false),
    ("sla_resolution", FieldKind::Sla, false),
    // Of the message and the person that triggered the rules.
    ("body", FieldKind::Text, false),
    ("is_internal", FieldKind::Flag, false),
    ("author_role", FieldKind::Role, false),
    ("actor_role", FieldKind::Role, false),
];

/// The key of the custom field that a name such as `custom.plan` stands for; an older form is `custom_fields.plan`.
pub fn custom_key(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
        .or_else(|| name.strip_prefix("custom_fields."))
}
