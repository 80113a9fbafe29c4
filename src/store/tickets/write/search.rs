//! The full-text index of tickets. One document holds a ticket and up to 64 of its messages. Its rowid is the
//! ticket's id * 2^20 + the part, so that a message rewrites only one document and the newest tickets come first.

use crate::edge::db::Stmt;
use crate::store::tickets::subject::{EventSubject, subject_condition};

/// Rewrites the documents of the parts `part` of the tickets `id`; both are columns of `parts`. Deleted tickets have
/// no documents.
fn index(parts: &str) -> String {
    format!(
        "INSERT OR REPLACE INTO ticket_search (rowid, title, public, internal, scope) \
         SELECT t.id * 1048576 + x.part, t.number || ' ' || coalesce(t.key, '') || ' ' || coalesce(t.title_index, t.title), \
           coalesce(t.description_index, t.description) || coalesce(' ' || (t.custom_index ->> 'all'), '') || ' ' || \
             coalesce(group_concat(iif(m.is_internal = 0, coalesce(m.body_index, m.body), NULL), ' '), ''), \
           coalesce(t.custom_index ->> 'staff', '') || ' ' || \
             coalesce(group_concat(iif(m.is_internal = 1, coalesce(m.body_index, m.body), NULL), ' '), ''), 'u' || t.requester_id \
         FROM ({parts}) x CROSS JOIN tickets t ON t.id = x.id \
         LEFT JOIN messages m ON m.ticket_id = t.id AND m.position BETWEEN x.part * 64 AND x.part * 64 + 63 AND m.deleted_at IS NULL \
         WHERE t.deleted_at IS NULL GROUP BY t.id, x.part"
    )
}

/// Indexes the ticket created in this batch.
pub fn index_new_ticket() -> Stmt {
    index_inserted("t.id = (SELECT max(id) FROM tickets)")
}

/// Indexes tickets `t` that have been inserted and have no messages, given by a condition.
pub fn index_inserted(condition: &str) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO ticket_search (rowid, title, public, internal, scope) \
         SELECT t.id * 1048576, t.number || ' ' || coalesce(t.key, '') || ' ' || coalesce(t.title_index, t.title), \
           coalesce(t.description_index, t.description) || coalesce(' ' || (t.custom_index ->> 'all'), ''), \
           coalesce(t.custom_index ->> 'staff', ''), 'u' || t.requester_id \
         FROM tickets t WHERE {condition}"
    ))
}

/// Indexes the newest message of a ticket.
pub fn index_last_message(subject: &EventSubject) -> Stmt {
    let (name, arg) = subject_condition(subject);
    Stmt::new(index(&format!(
        "SELECT t.id AS id, (SELECT max(position) FROM messages WHERE ticket_id = t.id) >> 6 AS part FROM tickets t WHERE {name}"
    )))
    .bind(arg)
}

/// Indexes a message that was edited or deleted.
pub fn index_message(id: i64) -> Stmt {
    Stmt::new(index(
        "SELECT ticket_id AS id, position >> 6 AS part FROM messages WHERE id = ?1",
    ))
    .bind(id)
}

/// Indexes a ticket with all its messages.
pub fn index_ticket(id: i64) -> Stmt {
    Stmt::new(index(
        "SELECT ?1 AS id, 0 AS part UNION SELECT ?1, position >> 6 FROM messages WHERE ticket_id = ?1",
    ))
    .bind(id)
}

/// SQL: the parts of the ticket `?1` that hold messages which came with the merge of the ticket `?2`, and those before
/// them in the same part.
const MERGED_PARTS: &str = "SELECT position >> 6 AS part FROM messages WHERE ticket_id = ?1 AND position >= \
   ((SELECT moved ->> 'position' FROM ticket_merges WHERE merged_id = ?2) >> 6) << 6";

/// Indexes the messages of a ticket from those on that came with a merge.
pub fn index_parts_from(id: i64, merged_id: i64) -> Stmt {
    Stmt::new(index(&format!(
        "SELECT ?1 AS id, 0 AS part UNION SELECT ?1, part FROM ({MERGED_PARTS})"
    )))
    .bind(id)
    .bind(merged_id)
}

/// Removes the messages of a ticket from the index from those on that came with a merge.
pub fn remove_parts_from(id: i64, merged_id: i64) -> Stmt {
    Stmt::new(format!(
        "DELETE FROM ticket_search WHERE rowid IN (SELECT DISTINCT CAST(?1 AS INTEGER) * 1048576 + part FROM ({MERGED_PARTS}))"
    ))
    .bind(id)
    .bind(merged_id)
}

/// Removes a ticket from the index.
pub fn remove_ticket(id: i64) -> Stmt {
    Stmt::new(
        "DELETE FROM ticket_search WHERE rowid IN (SELECT CAST(?1 AS INTEGER) * 1048576 + p.part \
         FROM (SELECT 0 AS part UNION SELECT position >> 6 FROM messages WHERE ticket_id = ?1) p)",
    )
    .bind(id)
}
