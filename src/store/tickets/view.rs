//! The fields of a ticket as the API returns it.

use crate::desk::person::Role;
use crate::desk::sla::{SlaState, state_at};
use crate::desk::tickets::status::{Lifecycle, Status, may_reopen_since};
use crate::desk::time_zone::to_rfc3339;
use crate::http::shape::choices;
use crate::store::sql::render::{push_person, split_cells};
use crate::store::sql::view::{Computed, Out, OutField, View, field, nullable};

/// SQL: the JSON of the ticket that a ticket was merged into. What was merged is closed.
const MERGED_INTO: &str = "iif(t.status='closed',(SELECT json_object('id',s.id,'number',s.number) \
   FROM ticket_merges g JOIN tickets s ON s.id=g.survivor_id WHERE g.merged_id=t.id),NULL)";

/// The states of the first response and of the resolution. Resolving a ticket counts as a response.
static SLA: Computed = Computed {
    schema: "Sla",
    needs: &[
        "t.first_response_due_at",
        "t.first_response_risk_at",
        "t.first_responded_at",
        "t.resolution_due_at",
        "t.resolution_risk_at",
        "t.resolved_at",
        "t.paused_at",
        "$NOW",
    ],
    make: |cells| {
        let [
            response_due,
            response_risk,
            responded,
            due,
            risk,
            resolved,
            paused,
            now,
        ] = std::array::from_fn(|at| cells.get(at).and_then(|cell| cell.parse::<i64>().ok()));
        let state = |due: Option<i64>, risk: Option<i64>, done, paused| {
            due.map_or(SlaState::Ok, |due| {
                state_at(due, risk.unwrap_or(due), done, paused, now.unwrap_or_default())
            })
        };
        let first = [responded, resolved].into_iter().flatten().min();
        format!(
            "{{\"response\":\"{}\",\"resolution\":\"{}\"}}",
            state(response_due, response_risk, first, None).as_str(),
            state(due, risk, resolved, paused).as_str()
        )
    },
};

/// The statuses that the reader may set next.
static TRANSITIONS: Computed = Computed {
    schema: "Transitions",
    needs: &[
        "t.workflow",
        "t.status",
        "t.closed_at",
        "$REOPEN_SINCE",
        "$IS_STAFF",
        MERGED_INTO,
    ],
    make: |cells| {
        let text = |at: usize| cells.get(at).copied().unwrap_or("null");
        let word = |at: usize| text(at).trim_matches('"');
        let number = |at: usize| text(at).parse::<i64>().ok();
        let (Some(workflow), Some(status)) = (Lifecycle::parse(word(0)), Status::parse(word(1))) else {
            return "[]".to_owned();
        };
        if text(5) != "null" {
            return "[]".to_owned();
        }
        let may_reopen = may_reopen_since(workflow, status, number(2), number(3).unwrap_or_default());
        let role = if text(4) == "1" {
            Role::Agent
        } else {
            Role::Customer
        };
        let words: Vec<&str> = workflow
            .next(status)
            .iter()
            .filter(|to| may_reopen || **to != workflow.reopen_status())
            .filter(|to| role.is_staff() || workflow.customer_may_set(status, **to))
            .map(|to| to.as_str())
            .collect();
        match words.as_slice() {
            [] => "[]".to_owned(),
            words => format!("[\"{}\"]", words.join("\",\"")),
        }
    },
};

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
        field("priority", "t.priority", Out::Rank(&choices::PRIORITY)),
        nullable(
            "category",
            "(SELECT slug FROM categories WHERE id=t.category_id)",
            Out::Text,
        )
        .doc("The category's slug."),
        nullable(
            "subcategory",
            "(SELECT slug FROM subcategories WHERE id=t.subcategory_id)",
            Out::Text,
        )
        .doc("The subcategory's slug."),
        nullable("department", "t.department", Out::Text),
        nullable("project", "$PROJECT", Out::Text).doc("The project's key."),
        field("tags", "t.tags", Out::Json("Tags")),
        field("requester", "t.requester_id", Out::Contact),
        nullable("assignee", "t.assignee_id", Out::Person),
        nullable("cc", "$CC", Out::Json("Cc")).doc(
            "Who is in copy, for staff; customers see an empty list. Null in lists that do not ask for it by `fields`.",
        ),
        nullable("contact_email", "$OWN_EMAIL", Out::Text)
            .doc("Another address given at creation; never mailed."),
        field("workflow", "t.workflow", Out::Word(&choices::WORKFLOW)),
        field("version", "t.version", Out::Int).doc("Rises with every change; send it back to guard yours."),
        field("channel", "t.channel", Out::Text),
        nullable("external_id", "t.external_id", Out::Text)
            .doc("Its number in the system that it was imported from."),
        field("created_at", "t.created_at", Out::Time),
        field("updated_at", "$UPDATED", Out::Time),
        nullable("first_response_due_at", "t.first_response_due_at", Out::Time),
        nullable("first_responded_at", "t.first_responded_at", Out::Time),
        nullable("resolution_due_at", "t.resolution_due_at", Out::Time),
        nullable("resolved_at", "t.resolved_at", Out::Time),
        nullable("closed_at", "t.closed_at", Out::Time),
        field("sla", "$SLA", Out::Computed(&SLA)),
        field("message_count", "$MESSAGES", Out::Int),
        field("attachment_count", "$ATTACHMENTS", Out::Int),
        field("allowed_transitions", "$TRANSITIONS", Out::Computed(&TRANSITIONS))
            .doc("The statuses that the caller may set next."),
        field("custom_fields", "$CUSTOM", Out::Json("CustomFields"))
            .doc("The values of custom fields by their keys; customers see those that are visible to all."),
        nullable(
            "merged_into",
            MERGED_INTO,
            Out::Json("MergedInto"),
        )
        .doc("The ticket that it was merged into: the conversation goes on there."),
    ],
};

/// The last message of a ticket that the reader may see.
static LAST_MESSAGE: Computed = Computed {
    schema: "LastMessage",
    needs: &["$LAST_MESSAGE"],
    make: |cells| {
        let cells = split_cells(cells.first().copied().unwrap_or("null"));
        match cells.as_slice() {
            [at, author, is_internal, excerpt] => {
                let at = to_rfc3339(at.parse().unwrap_or_default());
                let mut json = format!("{{\"at\":\"{at}\",\"author\":");
                push_person(author, &mut json);
                let is_internal = *is_internal == "1";
                json.push_str(&format!(",\"is_internal\":{is_internal},\"excerpt\":{excerpt}}}"));
                json
            }
            _ => "null".to_owned(),
        }
    },
};

/// What a file shows of a ticket beside the fields of a [`TICKET`].
pub const EXPORT_ONLY: &[OutField] = &[nullable(
    "assignee_email",
    "(SELECT email FROM users WHERE id=t.assignee_id)",
    Out::Text,
)];

/// What a list can show of a ticket beside the fields of a [`TICKET`].
pub const LIST_ONLY: &[OutField] = &[
    nullable("last_message", "$LAST_MESSAGE", Out::Computed(&LAST_MESSAGE))
        .doc("In lists, where it is asked for: the last message that the caller may read; its first 160 characters."),
    field("unread", "$UNREAD", Out::Flag)
        .doc("In lists: something has happened that the caller has not seen (`PUT /tickets/{id}/seen`)."),
];
