//! Links between tickets. Each is one row, and is seen from both ends.

use crate::desk::id::Ref;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// What the other ticket is to this one, as either end sees it.
const TYPES: [&str; 7] = [
    "relates",
    "duplicates",
    "duplicated_by",
    "blocks",
    "blocked_by",
    "parent",
    "child",
];

static TYPE: Choices = Choices {
    list: &TYPES,
    parse: |word| TYPES.into_iter().find(|known| *known == word),
};

/// A link as the API returns it.
pub const LINK: View = View {
    name: "TicketLink",
    fields: &[
        field("id", "l.id", Out::Int),
        field("type", "l.type", Out::Word(&TYPE)).doc("What this ticket is to the other one."),
        field(
            "ticket",
            "json_object('id',t.id,'number',t.number,'title',t.title,'status',t.status)",
            Out::Json("LinkedTicket"),
        ),
        nullable("actor", "a.card", Out::Card)
            .doc("Null when the desk itself has linked them, because of an e-mail."),
        field("created_at", "l.created_at", Out::Time),
    ],
};

/// SQL: the links of the ticket that a condition finds, with the id of the other end.
fn links(condition: &str) -> String {
    let own = format!("(SELECT t.id FROM tickets t WHERE {condition} AND t.deleted_at IS NULL)");
    format!(
        "SELECT k.id, k.type, k.other_id AS end_id, k.created_by, k.created_at FROM ticket_links k WHERE k.ticket_id = {own} \
         UNION ALL SELECT k.id, CASE k.type WHEN 'duplicates' THEN 'duplicated_by' WHEN 'blocks' THEN 'blocked_by' \
           WHEN 'parent' THEN 'child' ELSE k.type END, k.ticket_id, k.created_by, k.created_at FROM ticket_links k WHERE k.other_id = {own}"
    )
}

/// A page of a ticket's links, oldest first, without those to tickets that the reader may not see: rows `j`, `id`.
pub fn list(reader: &Viewer, reference: &Ref, page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, l.id AS id FROM ({}) l CROSS JOIN tickets t ON t.id = l.end_id AND t.deleted_at IS NULL \
             LEFT JOIN users a ON a.id = l.created_by WHERE {} AND l.id > ?5 ORDER BY l.id LIMIT ?6 OFFSET ?7",
            LINK.sql(),
            links(&name),
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(after)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// How many links [`list`] has in all: `n`, up to 10,001.
pub fn count(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM ({}) l CROSS JOIN tickets t ON t.id = l.end_id AND t.deleted_at IS NULL \
             WHERE {} LIMIT 10001)",
            links(&name),
            reader.scope.condition()
        ))
        .bind(arg)
}

/// Links a ticket to another one that it has to do with, on behalf of nobody.
pub fn insert_related(subject: &EventSubject, other_id: i64, now: i64) -> Stmt {
    let (ticket, arg) = subject_condition(subject);
    Stmt::new(format!(
        "INSERT OR IGNORE INTO ticket_links (ticket_id, type, other_id, created_at) \
         SELECT t.id, 'relates', ?2, ?3 FROM tickets t WHERE {ticket}"
    ))
    .bind(arg)
    .bind(other_id)
    .bind(now)
}
