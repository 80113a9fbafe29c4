//! Who may read the original of a mail: the message or ticket that it became.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::edge::db::{Arg, Stmt};
use crate::store::tickets::messages::{message_condition, visible};
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// What a mail has become.
#[derive(Clone, Debug, Deserialize)]
pub struct OriginalRow {
    pub uid: String,
    /// The person who wrote the mail.
    pub author_id: i64,
    /// It came by mail, its text is still the text of that mail, and its author, who is named there, has an account.
    pub has_original: i64,
}

/// The message, if the reader may see it.
pub fn of_message(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg): (String, Arg) = message_condition(reference);
    reader
        .stmt(format!(
            "SELECT m.uid, m.author_id, m.channel = 'email' AND m.edited_at IS NULL AND NOT EXISTS (SELECT 1 FROM events e \
               WHERE e.ticket_id = t.id AND e.type = 'ticket_redacted' AND e.seq > m.seq) AND w.closed_at IS NULL AS has_original \
             FROM messages m JOIN tickets t ON t.id = m.ticket_id JOIN users w ON w.id = m.author_id WHERE {name} AND t.deleted_at IS NULL AND {} AND {}",
            reader.scope.condition(),
            visible(reader)
        ))
        .bind(arg)
}

/// The ticket, if the reader may see it. Once its text was edited, what was edited out is for nobody.
pub fn of_ticket(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT t.uid, t.requester_id AS author_id, t.channel = 'email' AND NOT EXISTS (SELECT 1 FROM events e \
               WHERE e.ticket_id = t.id AND (e.type = 'ticket_redacted' OR e.changes LIKE '%\"description\"%')) AND w.closed_at IS NULL AS has_original \
             FROM tickets t JOIN users w ON w.id = t.requester_id WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}
