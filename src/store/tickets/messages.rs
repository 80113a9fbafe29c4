//! Messages of a ticket: public messages, and internal notes that only staff may see.

use serde::Deserialize;

use crate::desk::id::{MAX_ID, Ref};
use crate::desk::tickets::policy;
use crate::desk::tickets::search::index_text;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::store::sql::render::row_sql;
use crate::store::sql::view::{self, Out, View, field, nullable};
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::ticket::{Viewer, ticket_condition, uid_condition};
use crate::store::tickets::write::search;

/// A message as the API returns it.
pub const MESSAGE: View = View {
    name: "Message",
    fields: &[
        field("id", "m.id", Out::Int),
        field("uid", "m.uid", Out::Text),
        field("ticket_id", "m.ticket_id", Out::Int),
        field("author", "m.author_id", Out::Person),
        field("body", "m.body", Out::Text),
        field("is_internal", "m.is_internal", Out::Flag).doc("An internal note: for staff only."),
        field("channel", "m.channel", Out::Text),
        nullable("edited_at", "m.edited_at", Out::Time),
        field("created_at", "m.created_at", Out::Time),
    ],
};

/// A message as an entry of a timeline.
pub(super) fn timeline_json(seq: &str) -> String {
    let head = [("type", "'\"message\"'".to_owned()), ("seq", seq.to_owned())];
    let deleted = view::time("m.deleted_at");
    // It is gone from here: deleted, or it went back to the ticket that was merged.
    let message = format!(
        "iif(m.id IS NOT NULL AND m.deleted_at IS NULL,{},'null')",
        MESSAGE.sql()
    );
    let tail = [
        ("message", message),
        ("deleted_at", deleted),
        (
            "created_at",
            view::time("iif(e.type='message_moved',coalesce(m.created_at,e.created_at),e.created_at)"),
        ),
    ];
    view::object(head.into_iter().chain(tail))
}

/// The condition that hides internal notes from customers, on a message `m`.
pub(in crate::store) fn visible(reader: &Viewer) -> &'static str {
    if policy::may_read_internal(reader.role) {
        "m.deleted_at IS NULL"
    } else {
        "m.deleted_at IS NULL AND m.is_internal = 0"
    }
}

/// A page of a ticket's messages, from one end or the other: rows `j`, `id` (the position).
pub fn list(reader: &Viewer, reference: &Ref, newest_first: bool, page: &Page) -> Stmt {
    let (beyond, direction, end) = if newest_first {
        ("<", "DESC", MAX_ID)
    } else {
        (">", "ASC", -1)
    };
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => end,
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, m.position AS id FROM tickets t JOIN messages m ON m.ticket_id = t.id \
             WHERE {name} AND t.deleted_at IS NULL AND {} AND {} AND m.position {beyond} ?5 \
             ORDER BY m.position {direction} LIMIT ?6 OFFSET ?7",
            row_sql(&MESSAGE),
            reader.scope.condition(),
            visible(reader)
        ))
        .bind(arg)
        .bind(after)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// How many messages of a ticket the reader may see, at most 10,001.
pub fn count(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    let column = if policy::may_read_internal(reader.role) {
        "message_count"
    } else {
        "public_message_count"
    };
    reader
        .stmt(format!(
            "SELECT t.{column} AS n FROM tickets t WHERE {name} AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// The condition that finds the message `m`, with its argument.
pub(in crate::store) fn message_condition(reference: &Ref) -> (String, Arg) {
    match reference {
        Ref::Id(id) => ("m.id = ?4".to_owned(), Arg::Int(*id)),
        Ref::Uid(uid) => (uid_condition("m", uid, 4), uid.into()),
        Ref::Number(_) | Ref::Key(_) => ("m.id = ?4".to_owned(), Arg::Null),
    }
}

/// The row `j`, `v`, `id` of a message that the reader may see.
pub fn show(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = message_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, m.version AS v, m.id AS id FROM messages m JOIN tickets t ON t.id = m.ticket_id \
             WHERE {name} AND t.deleted_at IS NULL AND {} AND {}",
            row_sql(&MESSAGE),
            reader.scope.condition(),
            visible(reader)
        ))
        .bind(arg)
}

/// The row `j`, `v`, `id` of a message without a check of visibility: the answer to the author's own change.
pub fn show_own_change(id: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, m.version AS v, m.id AS id FROM messages m WHERE m.id = ?1",
        row_sql(&MESSAGE)
    ))
    .bind(id)
}

/// Like [`show_own_change`], for the message with this uid head that was created in this batch. The newest message
/// may be another one, because rules may have added notes after it.
pub fn show_new(ticket_id: i64, uid_head: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, m.version AS v, m.id AS id FROM messages m WHERE m.id = {NEW_MESSAGE}",
        row_sql(&MESSAGE)
    ))
    .bind(ticket_id)
    .bind(uid_head)
}

/// SQL: the id of the message on the ticket `?1` with the uid head `?2`; it is among the newest ones.
const NEW_MESSAGE: &str = "(SELECT id FROM messages WHERE ticket_id = ?1 AND substr(uid, 1, 24) = ?2 ORDER BY position DESC LIMIT 1)";

/// The row of a message, as needed to change it.
#[derive(Clone, Debug, Deserialize)]
pub struct MessageRow {
    pub id: i64,
    pub uid: String,
    pub ticket_id: i64,
    pub author_id: i64,
    pub body: String,
    pub is_internal: i64,
    pub channel: String,
    pub version: i64,
    pub created_at: i64,
}

/// Reads the row of a message that the reader may see.
pub fn row(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = message_condition(reference);
    reader
        .stmt(format!(
            "SELECT m.id, m.uid, m.ticket_id, m.author_id, m.body, m.is_internal, m.channel, m.version, m.created_at \
             FROM messages m JOIN tickets t ON t.id = m.ticket_id \
             WHERE {name} AND t.deleted_at IS NULL AND {} AND {}",
            reader.scope.condition(),
            visible(reader)
        ))
        .bind(arg)
}

/// A message to be created.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// The first part of its uid; see [`crate::edge::ids::uid_head`].
    pub uid_head: &'a str,
    pub subject: EventSubject,
    pub author_id: i64,
    pub body: &'a str,
    pub is_internal: bool,
    pub channel: &'a str,
    pub now: i64,
}

/// Inserts a message after the others of its ticket, with the sequence number of its event: the last argument, which
/// is bound later, is added to `seq`, an expression over the ticket `t`. Everything else that a new message requires
/// is added by [`Story::push_message`].
///
/// [`Story::push_message`]: crate::store::tickets::write::story::Story::push_message
pub fn insert(new: &NewMessage, seq: &str) -> Stmt {
    let (name, arg) = subject_condition(&new.subject);
    Stmt::new(format!(
        "INSERT INTO messages (id, uid, ticket_id, position, author_id, body, body_index, is_internal, channel, created_at, seq) \
         WITH x AS MATERIALIZED (SELECT coalesce((SELECT max(id) FROM messages), 0) + 1 AS id) \
         SELECT x.id, ?2 || printf('%012x', x.id), t.id, \
           coalesce((SELECT max(position) + 1 FROM messages WHERE ticket_id = t.id), 0), ?3, ?4, ?5, ?6, ?7, ?8, {seq} + ?9 \
         FROM x CROSS JOIN tickets t WHERE {name}"
    ))
    .bind(arg)
    .bind(new.uid_head)
    .bind(new.author_id)
    .bind(new.body)
    .bind(index_text(new.body))
    .bind(new.is_internal)
    .bind(new.channel)
    .bind(new.now)
}

/// Changes the text of a message.
pub fn edit(id: i64, version: i64, body: &str, now: i64) -> [Stmt; 2] {
    [
        Stmt::new(
            "UPDATE messages SET version = ?2 + 1, body = ?3, body_index = ?4, edited_at = ?5 WHERE id = ?1",
        )
        .bind(id)
        .bind(version)
        .bind(body)
        .bind(index_text(body))
        .bind(now),
        search::index_message(id),
    ]
}

/// Deletes a message and its files, reduces the ticket's counts, and raises its sequence numbers for the event that
/// reports the deletion.
pub fn delete(row: &MessageRow, now: i64) -> [Stmt; 4] {
    [
        Stmt::new(
            "UPDATE tickets SET message_count = message_count - 1, public_message_count = public_message_count - ?2, \
               attachment_count = attachment_count - f.n, public_attachment_count = public_attachment_count - f.public, \
               seq = seq + 1, public_seq = public_seq + ?2 \
             FROM (SELECT count(*) AS n, coalesce(sum(is_internal = 0), 0) AS public FROM attachments \
               WHERE message_id = ?3 AND deleted_at IS NULL AND attached_at IS NOT NULL) f \
             WHERE tickets.id = ?1",
        )
        .bind(row.ticket_id)
        .bind(row.is_internal == 0)
        .bind(row.id),
        Stmt::new("UPDATE messages SET version = ?2 + 1, deleted_at = ?3 WHERE id = ?1")
            .bind(row.id)
            .bind(row.version)
            .bind(now),
        Stmt::new("UPDATE attachments SET deleted_at = ?2 WHERE message_id = ?1 AND deleted_at IS NULL")
            .bind(row.id)
            .bind(now),
        search::index_message(row.id),
    ]
}
