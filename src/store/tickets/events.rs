//! Events: the history of a ticket. They are written in the same batch as the change that they report.

use crate::desk::id::{MAX_ID, Ref};
use crate::desk::tickets::policy;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::ticket::{Viewer, ticket_condition};
use crate::store::tickets::{messages, transfers};

/// An entry of a ticket's history, as the API returns it.
pub const EVENT: View = View {
    name: "Event",
    fields: &[
        field("id", "e.id", Out::Int),
        field("seq", "$SEQ", Out::Int).doc("1, 2, 3 ... within the ticket, without gaps for the reader."),
        field("ticket_id", "e.ticket_id", Out::Int),
        field("type", "e.type", Out::Text),
        nullable("actor", "a.card", Out::Card).doc("Null when the desk itself acted."),
        field("changes", "$CHANGES", Out::Json("Changes")).doc(
            "Customers are told of titles only the present one; what a description said is told to nobody.",
        ),
        nullable("message_id", "e.message_id", Out::Int),
        field("data", "$DATA", Out::Json("EventData")),
        nullable("cause", "$CAUSE", Out::Text)
            .doc("The rule or job behind it; customers are not told which rule."),
        field("created_at", "e.created_at", Out::Time),
    ],
};

/// SQL: the ticket's assignee before an event `e`, if the event changed the assignee.
pub const FORMER_ASSIGNEE: &str = "(SELECT json_extract(c.value, '$.from.id') FROM json_each(e.changes) c \
   WHERE json_extract(c.value, '$.field') = 'assignee')";

/// Which part of a ticket's past to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventQuery {
    /// Field changes and other events of the ticket, without messages.
    History,
    /// Messages and events together.
    Timeline { newest_first: bool },
    /// Everything after a sequence number, oldest first.
    After(i64),
}

/// Whether the ticket exists and the reader may see it; row `id`.
pub fn find_visible_ticket(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT t.id AS id FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// The SQL of the changes of an event `e`, for staff or for customers. The row holds ids of people, and their cards are
/// looked up: whoever has closed the account has no name in the past either. Customers see of titles only the one that the
/// ticket `t` has, and no custom fields for staff.
pub fn changes(internal: bool) -> String {
    let card = |side: &str| format!("json((SELECT card FROM users WHERE id = c.value ->> '$.{side}.id'))");
    let (also, titles, fields) = if internal {
        ("", "", "")
    } else {
        (
            r#" OR instr(e.changes,'"field":"title"') OR instr(e.changes,'"field":"custom.')"#,
            "WHEN 'title' THEN json_object('field','title','from',NULL,'to',iif(c.value ->> 'to' = t.title,t.title,NULL)) ",
            " WHERE c.value ->> 'field' NOT GLOB 'custom.*' OR EXISTS (SELECT 1 FROM custom_fields f \
               WHERE f.key = substr(c.value ->> 'field', 8) AND f.visible_to = 'all')",
        )
    };
    format!(
        "iif(instr(e.changes,'\"field\":\"assignee\"'){also},(SELECT json_group_array(json(CASE c.value ->> 'field' WHEN 'assignee' \
           THEN json_object('field','assignee','from',{},'to',{}) {titles}ELSE c.value END)) FROM json_each(e.changes) c{fields}),e.changes)",
        card("from"),
        card("to")
    )
}

/// The SQL that builds the JSON text of an [`EVENT`], for staff or for customers.
pub fn json(internal: bool) -> String {
    json_with(internal, data(internal))
}

fn data(internal: bool) -> &'static str {
    if internal {
        transfers::event_data()
    } else {
        // Customers are not told which ticket was merged into theirs.
        r#"iif(instr(e.data,'"merged":'),'{}',e.data)"#
    }
}

/// Like [`json`], with the message `m` in the data of the events that added or edited it, so that a client that reads
/// events needs no further request, as one that hears frames.
fn with_message(internal: bool) -> String {
    json_with(internal, &data_with_message(internal))
}

/// The SQL of the data of an event `e` with the message `m`, as it is now, where the event added or edited it.
pub(in crate::store) fn data_with_message(internal: bool) -> String {
    let shown = if internal { "1" } else { "m.is_internal = 0" };
    format!(
        "iif(e.type IN ('message_added', 'message_edited', 'message_moved') AND m.id IS NOT NULL AND m.deleted_at IS NULL AND {shown}, '{{\"message\":'||{}||'}}', {})",
        messages::MESSAGE.sql(),
        data(internal)
    )
}

fn json_with(internal: bool, data: &str) -> String {
    // Customers do not see the names of rules.
    let cause = if internal {
        "e.cause"
    } else {
        "iif(e.cause LIKE 'rule: %', 'rule', e.cause)"
    };
    EVENT
        .sql()
        .replace("$SEQ", if internal { "e.seq" } else { "e.public_seq" })
        .replace("$CHANGES", &changes(internal))
        .replace("$DATA", data)
        .replace("$CAUSE", cause)
}

/// A page of a ticket's past as rows `j`, `id` (the sequence number that the reader sees); one row more than the
/// limit if there are more. History and timeline are ordered oldest first. The customers' sequence number of an event
/// is never above the staff's, so both lists are a contiguous range of the same index.
pub fn list(reader: &Viewer, reference: &Ref, part: EventQuery, page: &Page) -> Stmt {
    let internal = policy::may_read_internal(reader.role);
    let seq = if internal { "e.seq" } else { "e.public_seq" };
    let mut json = json(internal);
    if let EventQuery::After(_) = part {
        json = with_message(internal);
    }
    let newest_first = part == EventQuery::Timeline { newest_first: true };
    if let EventQuery::Timeline { .. } = part {
        json = format!(
            "iif(e.message_id IS NOT NULL AND e.type IN ('message_added', 'message_moved'), {}, {json})",
            messages::timeline_json(seq)
        );
    }
    let kinds = match part {
        EventQuery::History => {
            "AND (e.message_id IS NULL OR e.type NOT IN ('message_added', 'message_moved'))"
        }
        EventQuery::Timeline { .. } | EventQuery::After(_) => "",
    };
    let after = match (part, &page.start) {
        (_, PageStart::After { id, .. }) => *id,
        (EventQuery::After(seq), _) => seq,
        _ if newest_first => MAX_ID,
        _ => 0,
    };
    let range = match (newest_first, internal) {
        (false, _) => format!("e.seq > ?5 AND {seq} > ?5 {kinds} ORDER BY e.seq"),
        (true, true) => "e.seq < ?5 ORDER BY e.seq DESC".to_owned(),
        // The customers' numbers are found among those of staff by walking up from the same number.
        (true, false) => "e.seq < coalesce((SELECT c.seq FROM events c WHERE c.ticket_id = t.id AND c.seq >= ?5 AND c.public_seq = ?5 \
             ORDER BY c.seq LIMIT 1), ?5) AND e.public_seq IS NOT NULL ORDER BY e.seq DESC"
            .to_owned(),
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {json} AS j, {seq} AS id FROM tickets t JOIN events e ON e.ticket_id = t.id \
             LEFT JOIN users a ON a.id = e.actor_id LEFT JOIN messages m ON m.id = e.message_id AND m.ticket_id = t.id \
             WHERE {name} AND t.deleted_at IS NULL AND {} AND {range} LIMIT ?6 OFFSET ?7",
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(after)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// How many entries [`list`] has in all: `n`, up to 10,001.
pub fn count(reader: &Viewer, reference: &Ref, part: EventQuery) -> Stmt {
    let seq = if policy::may_read_internal(reader.role) {
        "e.seq"
    } else {
        "e.public_seq"
    };
    let (kinds, after) = match part {
        EventQuery::History => (
            "AND (e.message_id IS NULL OR e.type NOT IN ('message_added', 'message_moved'))",
            0,
        ),
        EventQuery::Timeline { .. } => ("", 0),
        EventQuery::After(seq) => ("", seq),
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM tickets t JOIN events e ON e.ticket_id = t.id \
             WHERE {name} AND {} AND e.seq > ?5 AND {seq} > ?5 {kinds} LIMIT 10001)",
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(after)
}
