//! Incoming mails: who sent them, and a record of each so that none is processed twice.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::tickets::filename::{FileSpec, MAX_FILES_PER_TICKET};
use crate::edge::db::Stmt;
use crate::store::tickets::attachments::{FileCounts, count_file, note_files};
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::ticket::Viewer;

/// A user who has the sender's address.
#[derive(Clone, Debug, Deserialize)]
pub struct Sender {
    pub id: i64,
    pub role: String,
    pub card: String,
    pub is_active: i64,
    /// The user has never proved ownership of the address other than by sending mail: there is no password, and the
    /// address is not verified.
    pub is_unproven: i64,
    /// The value of this setting.
    pub agent_scope: String,
}

/// Finds the [`Sender`] by an address in lower case.
pub fn find_sender(address: &str) -> Stmt {
    Stmt::new(
        "SELECT u.id, u.role, u.card, u.is_active, \
           u.password_hash IS NULL AND u.email_verified_at IS NULL AS is_unproven, g.agent_scope \
         FROM users u JOIN settings g ON g.id = 1 WHERE u.email_key = ?1",
    )
    .bind(address)
}

/// Whether a mail has already been processed: one row if so, otherwise none.
pub fn find_received(key: &str) -> Stmt {
    Stmt::new("SELECT 1 AS n FROM inbound_mails WHERE key = ?1").bind(key)
}

/// The origin of a mail.
#[derive(Clone, Debug)]
pub struct MailOrigin {
    /// The address in the `From` header, in lower case.
    pub address: String,
    /// The domain of the envelope sender; empty if the `From` header is authenticated.
    pub domain: String,
}

/// Whether so many tickets were opened by mail in the last hour that no new customer may be created: one row if so,
/// otherwise none. The limits are the same as those of the database trigger, which has the final say.
pub fn over_limit(origin: &MailOrigin, now: i64) -> Stmt {
    Stmt::new(
        "SELECT 1 AS n FROM (SELECT count(*) AS everybody, total(domain = ?1) AS near FROM inbound_mails \
           WHERE opened = 1 AND received_at > ?2 - 3600000) WHERE everybody >= 600 OR (?1 <> '' AND near >= 100)",
    )
    .bind(origin.domain.as_str())
    .bind(now)
}

/// Records a mail as processed. Aborts the batch if it was processed before, or if it would open one ticket more than
/// the limit.
pub fn record_received(key: &str, origin: &MailOrigin, opens: bool, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO inbound_mails (key, sender, domain, opened, received_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(key)
    .bind(origin.address.as_str())
    .bind(origin.domain.as_str())
    .bind(opens)
    .bind(now)
}

/// How many of a ticket's file slots are in use; see [`FileCounts`].
pub fn file_counts(reader: &Viewer, id: i64) -> Stmt {
    crate::store::tickets::attachments::file_counts(reader, &Ref::Id(id))
}

/// How many more files, internal or public, may be attached to a ticket.
pub fn remaining_files(places: Option<FileCounts>, is_internal: bool) -> usize {
    let taken = places.map_or(0, |places| {
        if is_internal {
            places.internal
        } else {
            places.public
        }
    });
    usize::try_from(MAX_FILES_PER_TICKET.saturating_sub(taken)).unwrap_or_default()
}

/// Where a file is attached. The ticket, message and user may have been created earlier in the same batch.
#[derive(Clone, Debug)]
pub struct FileTarget<'a> {
    pub ticket: EventSubject,
    /// The first part of the message's uid.
    pub message: Option<&'a str>,
    pub uploader_id: i64,
    /// The file belongs to an internal note, and is hidden from customers like the note.
    pub is_internal: bool,
}

/// Attaches a file whose stored object already exists, and writes the event. Aborts the batch if all file slots are
/// in use.
pub fn attach(place: &FileTarget, uid: &str, file: &FileSpec, now: i64) -> [Stmt; 5] {
    let (ticket, arg) = subject_condition(&place.ticket);
    [
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM tickets t WHERE {ticket} \
             AND iif(?3, t.attachment_count - t.public_attachment_count, t.public_attachment_count) < ?2)"
        ))
        .bind(arg.clone())
        .bind(MAX_FILES_PER_TICKET)
        .bind(place.is_internal),
        Stmt::new(format!(
            "INSERT INTO attachments (uid, ticket_id, message_id, uploader_id, filename, content_type, size, is_internal, created_at, attached_at) \
             SELECT ?2, t.id, (SELECT id FROM messages WHERE ticket_id = t.id AND substr(uid, 1, 24) = ?3 ORDER BY position DESC LIMIT 1), \
               ?4, ?5, ?6, ?7, ?8, ?9, ?9 FROM tickets t WHERE {ticket}"
        ))
        .bind(arg.clone())
        .bind(uid)
        .bind(place.message)
        .bind(place.uploader_id)
        .bind(&file.name)
        .bind(&file.content_type)
        .bind(file.size)
        .bind(place.is_internal)
        .bind(now),
        count_file(ticket, arg.clone(), place.is_internal, now),
        note_files(ticket, arg),
        Stmt::new(
            "INSERT INTO events (ticket_id, seq, public_seq, type, actor_id, message_id, data, created_at) \
             SELECT t.id, t.seq, iif(a.is_internal, NULL, t.public_seq), 'attachment_added', a.uploader_id, a.message_id, \
               json_object('attachment', json_object('id', a.id, 'uid', a.uid, 'filename', a.filename, 'size', a.size)), ?2 \
             FROM attachments a JOIN tickets t ON t.id = a.ticket_id WHERE a.uid = ?1",
        )
        .bind(uid)
        .bind(now),
    ]
}
