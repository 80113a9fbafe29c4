//! Makes a ticket older, for development and tests.

use crate::desk::id::{Ref, name_key};
use crate::edge::db::Stmt;
use crate::store::tickets::ticket::uid_condition;

/// All columns of a ticket that hold a point in time.
const TIME_COLUMNS: [&str; 13] = [
    "created_at",
    "updated_at",
    "public_updated_at",
    "first_response_due_at",
    "first_response_risk_at",
    "first_responded_at",
    "resolution_due_at",
    "resolution_risk_at",
    "resolved_at",
    "closed_at",
    "paused_at",
    "alerted_at",
    "deleted_at",
];

/// Moves a ticket with its pauses, messages, events, ratings and files into the past; the first statement returns its `id`.
pub fn backdate(ticket: &Ref, by: i64) -> [Stmt; 6] {
    let (is_it, name) = match ticket {
        Ref::Id(id) => ("id = CAST(?1 AS INTEGER)".to_owned(), id.to_string()),
        Ref::Uid(uid) => (uid_condition("tickets", uid, 1), uid.clone()),
        Ref::Number(name) | Ref::Key(name) => (
            "id = (SELECT ticket_id FROM ticket_names WHERE name = ?1)".to_owned(),
            name_key(name),
        ),
    };
    let earlier = |columns: &[&str]| -> String {
        let sets: Vec<String> = columns.iter().map(|at| format!("{at} = {at} - ?2")).collect();
        sets.join(", ")
    };
    let of_ticket = |table: &str, columns: &[&str]| {
        let mut sets = earlier(columns);
        if table == "events" {
            sets.push_str(", is_backdated = 1");
        }
        Stmt::new(format!(
            "UPDATE {table} SET {sets} WHERE ticket_id = (SELECT id FROM tickets WHERE {is_it})"
        ))
        .bind(&name)
        .bind(by)
    };
    [
        Stmt::new(format!(
            "UPDATE tickets SET {}, pauses = (SELECT json_group_array(json_array(CAST(value ->> 0 AS INTEGER) - CAST(?2 AS INTEGER), \
               CAST(value ->> 1 AS INTEGER) - CAST(?2 AS INTEGER))) FROM json_each(pauses)) WHERE {is_it} RETURNING id",
            earlier(&TIME_COLUMNS)
        ))
        .bind(&name)
        .bind(by),
        of_ticket("messages", &["created_at", "edited_at", "deleted_at"]),
        of_ticket("events", &["created_at"]),
        of_ticket("ratings", &["resolved_at", "created_at", "updated_at"]),
        of_ticket("attachments", &["created_at", "attached_at", "deleted_at", "purged_at"]),
        Stmt::new(format!(
            "UPDATE ticket_merges SET merged_at = merged_at - ?2 WHERE merged_id = (SELECT id FROM tickets WHERE {is_it})"
        ))
        .bind(&name)
        .bind(by),
    ]
}
