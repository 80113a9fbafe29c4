//! What people have seen: how far each has read a ticket.

use crate::desk::id::Ref;
use crate::desk::tickets::policy;
use crate::edge::db::Stmt;
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// The number of the last event of a ticket that the reader may see: `id` of the ticket, and `seq`.
pub fn last(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT t.id AS id, t.{} AS seq FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            column(reader, "seq", "public_seq"),
            reader.scope.condition()
        ))
        .bind(arg)
}

fn column(reader: &Viewer, staff: &'static str, customer: &'static str) -> &'static str {
    if policy::may_read_internal(reader.role) {
        staff
    } else {
        customer
    }
}

/// How many of a person's newest notifications are looked through.
const WINDOW: i64 = 1_000;

/// Notes that the reader has seen a ticket up to an event, never less than before, and marks the notifications of what
/// was seen as read.
pub fn see(reader: &Viewer, ticket_id: i64, seq: i64) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO ticket_seen (user_id, ticket_id, seq) VALUES (?1, ?2, ?3) \
             ON CONFLICT (user_id, ticket_id) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > ticket_seen.seq",
        )
        .bind(reader.id)
        .bind(ticket_id)
        .bind(seq),
        Stmt::new(format!(
            "UPDATE notices SET read_at = ?4 WHERE user_id = ?1 AND ticket_id = ?2 AND live = 1 AND read_at IS NULL \
             AND id >= coalesce((SELECT n.id FROM notices n WHERE n.user_id = ?1 ORDER BY n.id DESC LIMIT 1 OFFSET {WINDOW}), 0) \
             AND (event_id IS NULL OR (SELECT e.{} FROM events e WHERE e.id = event_id) <= ?3)",
            column(reader, "seq", "public_seq")
        ))
        .bind(reader.id)
        .bind(ticket_id)
        .bind(seq)
        .bind(reader.now),
    ]
}

/// How far the reader has seen a ticket: the row `j`.
pub fn show(reader: &Viewer, ticket_id: i64) -> Stmt {
    Stmt::new(
        "SELECT json_object('ticket_id', ticket_id, 'seq', seq) AS j, NULL AS v, ticket_id AS id FROM ticket_seen \
         WHERE user_id = ?1 AND ticket_id = ?2",
    )
    .bind(reader.id)
    .bind(ticket_id)
}
