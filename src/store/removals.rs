//! Objects of the file store that are to be deleted: a change names them in its batch, a job deletes them until it has
//! succeeded.

use crate::desk::mail::inbound::original::{KEY_PREFIX, UID_HEAD_CHARS};
use crate::edge::db::{Arg, Stmt};

/// Names the original of a message that came by mail.
pub fn original_of_message(id: i64) -> Stmt {
    originals("messages", "channel = 'email' AND id = ?1", id.into())
}

/// Names the original of a ticket that came by mail.
pub fn original_of_ticket(id: i64) -> Stmt {
    originals("tickets", "channel = 'email' AND id = ?1", id.into())
}

/// Names the originals of all messages of a ticket.
pub fn originals_of_messages(ticket_id: i64) -> Stmt {
    originals(
        "messages",
        "channel = 'email' AND ticket_id = ?1",
        ticket_id.into(),
    )
}

/// Names the originals of all mails that a person has sent, or that have to do with the person's tickets: addresses and
/// names stand in the headers of both.
pub fn originals_of_person(user_id: i64) -> [Stmt; 2] {
    [
        originals(
            "messages",
            "channel = 'email' AND (author_id = ?1 OR ticket_id IN (SELECT id FROM tickets WHERE +requester_id = ?1))",
            user_id.into(),
        ),
        originals(
            "tickets",
            "channel = 'email' AND +requester_id = ?1",
            user_id.into(),
        ),
    ]
}

fn originals(table: &str, condition: &str, arg: Arg) -> Stmt {
    Stmt::new(format!(
        "INSERT OR IGNORE INTO object_removals (key) \
         SELECT '{KEY_PREFIX}' || substr(uid, 1, {UID_HEAD_CHARS}) FROM {table} WHERE {condition}"
    ))
    .bind(arg)
}

/// The objects that are to be deleted, at most `most`: their `uid`.
pub fn list(most: i64) -> Stmt {
    Stmt::new("SELECT key AS uid FROM object_removals ORDER BY key LIMIT ?1").bind(most)
}

/// Forgets objects that are deleted, given as a JSON list of keys.
pub fn finish(keys: &str) -> Stmt {
    Stmt::new("DELETE FROM object_removals WHERE key IN (SELECT value FROM json_each(?1))").bind(keys)
}
