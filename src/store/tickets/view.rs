//! The fields of a ticket as the API returns it.

use crate::http::shape::choices;
use crate::store::sql::view::{Out, View, field, nullable};

/// A ticket as the API returns it. In its SQL, `?1` is the current time and `?2` the time since which a ticket must
/// have been closed to be reopened; `$NAME` stands for parts that differ between staff and customers.
pub const TICKET: View = View {
    name: "Ticket",
    fields: &[
        field("id", "t.id", Out::Int),
        field("uid", "t.uid", Out::Text),
        field("number", "t.number", Out::Text).doc("TICK-YYYYMMDD-NNNN, the day in UTC."),
        nullable("key", "t.key", Out::Text).doc("The key inside a project, such as WEB-12."),
        field("title", "t.title", Out::Text),
        field("description", "t.description", Out::Text),
        field("status", "t.status", Out::Word(&choices::STATUS)),
        field("priority", "$PRIORITY", Out::Word(&choices::PRIORITY)),
        nullable("category", "t.category", Out::Text).doc("The category's slug."),
        nullable("subcategory", "t.subcategory", Out::Text).doc("The subcategory's slug."),
        nullable("department", "t.department", Out::Text),
        nullable("project", "$PROJECT", Out::Text).doc("The project's key."),
        field("tags", "t.tags", Out::Json("Tags")),
        field("requester", "$REQUESTER", Out::Card),
        nullable("assignee", "nullif(t.assignee_card,'null')", Out::Card),
        nullable("contact_email", "t.contact_email", Out::Text)
            .doc("Another address given at creation; never mailed."),
        field("workflow", "t.workflow", Out::Word(&choices::WORKFLOW)),
        field("version", "t.version", Out::Int).doc("Rises with every change; send it back to guard yours."),
        field("channel", "t.channel", Out::Text),
        field("created_at", "t.created_at", Out::Time),
        field("updated_at", "$UPDATED", Out::Time),
        nullable("first_response_due_at", "t.first_response_due_at", Out::Time),
        nullable("first_responded_at", "t.first_responded_at", Out::Time),
        nullable("resolution_due_at", "t.resolution_due_at", Out::Time),
        nullable("resolved_at", "t.resolved_at", Out::Time),
        nullable("closed_at", "t.closed_at", Out::Time),
        field("sla", "$SLA", Out::Json("Sla")),
        field("message_count", "$MESSAGES", Out::Int),
        field("attachment_count", "$ATTACHMENTS", Out::Int),
        field("allowed_transitions", "$TRANSITIONS", Out::Json("Transitions"))
            .doc("The statuses that the caller may set next."),
        field("custom_fields", "t.custom_fields", Out::Json("CustomFields")),
    ],
};
