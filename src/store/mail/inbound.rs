//! Incoming mails: who sent them, and a record of each so that none is processed twice.

use serde::Deserialize;

use crate::desk::id::{Ref, name_key};
use crate::desk::tickets::filename::{FileSpec, MAX_FILES_PER_TICKET};
use crate::edge::db::Stmt;
use crate::store::tickets::attachments::{FileCounts, count_file, note_files, places_taken};
use crate::store::tickets::relations::merges::survivor_of;
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

/// A mail that was taken before under the same Message-ID.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceivedMail {
    pub content_hash: String,
}

/// The mails that were taken under this Message-ID. Few have the same; the first 50 are enough to compare with, because
/// the primary key has the final say.
pub fn find_received(id_hash: &str) -> Stmt {
    Stmt::new("SELECT content_hash FROM inbound_mails WHERE id_hash = ?1 LIMIT 50").bind(id_hash)
}

/// A ticket that a mail may belong to.
#[derive(Clone, Debug, Deserialize)]
pub struct AnsweredTicket {
    pub id: i64,
    pub number: String,
    pub title: String,
    /// The mail that is answered became an internal note.
    pub is_internal: i64,
}

/// The ticket of the nearest mail (or what that was merged into) that came in with one of these Message-IDs, given as a JSON list of hashes.
pub fn find_answered(id_hashes: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT t.id, t.number, t.title, i.is_internal FROM json_each(?1) j CROSS JOIN inbound_mails i ON i.id_hash = j.value \
         CROSS JOIN tickets t ON t.id = {} WHERE t.deleted_at IS NULL ORDER BY j.key, i.received_at LIMIT 1",
        survivor_of("i.ticket_id")
    ))
    .bind(id_hashes)
}

/// The ticket with this id, or without one with this number; or what it was merged into.
pub fn find_ticket(id: Option<i64>, number: Option<&str>) -> Stmt {
    Stmt::new(format!(
        "SELECT t.id, t.number, t.title, 0 AS is_internal \
         FROM (SELECT coalesce(?1, (SELECT ticket_id FROM ticket_names WHERE name = ?2)) AS id) x CROSS JOIN tickets t ON t.id = {} \
         WHERE t.deleted_at IS NULL",
        survivor_of("x.id")
    ))
    .bind(id)
    .bind(number.map(name_key))
}

/// The newest ticket that was opened for late answers of this person to a ticket: its `id`.
pub fn find_follow_up(follows_id: i64, requester_id: i64) -> Stmt {
    Stmt::new(
        "SELECT i.ticket_id AS id FROM inbound_mails i CROSS JOIN tickets t ON t.id = i.ticket_id \
         WHERE i.follows_id = ?1 AND t.requester_id = ?2 AND t.deleted_at IS NULL ORDER BY i.ticket_id DESC LIMIT 1",
    )
    .bind(follows_id)
    .bind(requester_id)
}

/// Aborts the batch if late answers of this person to a ticket have a newer ticket than the one that was found.
pub fn expect_follow_up(follows_id: i64, requester_id: i64, found: Option<i64>) -> Stmt {
    Stmt::new(
        "INSERT INTO guard (ok) SELECT 0 WHERE EXISTS (SELECT 1 FROM inbound_mails i CROSS JOIN tickets t ON t.id = i.ticket_id \
         WHERE i.follows_id = ?1 AND t.requester_id = ?2 AND t.deleted_at IS NULL AND i.ticket_id > ?3)",
    )
    .bind(follows_id)
    .bind(requester_id)
    .bind(found.unwrap_or_default())
}

/// What our mails about a ticket say: its title, names, and the texts of its newest messages, one in each row `n`.
pub fn list_own_texts(ticket_id: i64) -> Stmt {
    Stmt::new(
        "SELECT t.title || ' ' || t.number AS n FROM tickets t WHERE t.id = ?1 \
         UNION ALL SELECT * FROM (SELECT m.body FROM messages m WHERE m.ticket_id = ?1 ORDER BY m.position DESC LIMIT 50)",
    )
    .bind(ticket_id)
}

/// The origin of a mail.
#[derive(Clone, Debug)]
pub struct MailOrigin {
    /// The address in the `From` header, in lower case.
    pub address: String,
    /// A hash of it.
    pub sender_hash: String,
    /// The domain of the envelope sender; empty if the `From` header is authenticated.
    pub domain: String,
    /// Hash of the Message-ID.
    pub id_hash: String,
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

/// What a mail has become.
#[derive(Clone, Copy, Debug)]
pub struct TakenMail {
    pub ticket: EventSubject,
    pub is_internal: bool,
    /// It has opened the ticket.
    pub opens: bool,
    /// It has opened the ticket because it was too late for this one.
    pub follows_id: Option<i64>,
}

/// Records a mail as taken, after what it has become. Aborts the batch if it was taken before, or if it would open one
/// ticket more than the limit.
pub fn record_received(origin: &MailOrigin, content_hash: &str, taken: TakenMail, now: i64) -> Stmt {
    let (ticket, arg) = subject_condition(&taken.ticket);
    Stmt::new(format!(
        "INSERT INTO inbound_mails (id_hash, content_hash, ticket_id, is_internal, follows_id, sender, domain, opened, received_at) \
         SELECT ?2, ?3, t.id, ?4, ?5, ?6, ?7, ?8, ?9 FROM tickets t WHERE {ticket}"
    ))
    .bind(arg)
    .bind(origin.id_hash.as_str())
    .bind(content_hash)
    .bind(taken.is_internal)
    .bind(taken.follows_id)
    .bind(origin.sender_hash.as_str())
    .bind(origin.domain.as_str())
    .bind(taken.opens)
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

/// The digests of the pictures that a ticket has among its public or its internal files: `n` in each row.
pub fn list_pictures(ticket_id: i64, is_internal: bool) -> Stmt {
    Stmt::new(
        "SELECT digest AS n FROM attachments WHERE ticket_id = ?1 AND attached_at IS NOT NULL AND deleted_at IS NULL \
         AND digest IS NOT NULL AND is_internal = ?2 LIMIT 200",
    )
    .bind(ticket_id)
    .bind(is_internal)
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

/// A file whose object is stored.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// The key of its object.
    pub uid: String,
    pub file: FileSpec,
    /// A picture within the text: it takes none of the places of a ticket's files.
    pub is_inline: bool,
    /// The digest of a picture.
    pub digest: Option<String>,
}

/// Attaches a file, and writes the event. Aborts the batch if all file slots are in use.
pub fn attach(place: &FileTarget, stored: &StoredFile, now: i64) -> Vec<Stmt> {
    let (ticket, arg) = subject_condition(&place.ticket);
    let (uid, file) = (stored.uid.as_str(), &stored.file);
    let room = Stmt::new(format!(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM tickets t WHERE {ticket} AND {} < ?2)",
        places_taken(place.is_internal)
    ))
    .bind(arg.clone())
    .bind(MAX_FILES_PER_TICKET);
    let insert = [
        Stmt::new(format!(
            "INSERT INTO attachments (uid, ticket_id, message_id, uploader_id, filename, content_type, size, is_internal, created_at, attached_at, \
               is_inline, digest) \
             SELECT ?2, t.id, (SELECT id FROM messages WHERE ticket_id = t.id AND substr(uid, 1, 24) = ?3 ORDER BY position DESC LIMIT 1), \
               ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11 FROM tickets t WHERE {ticket}"
        ))
        .bind(arg.clone())
        .bind(uid)
        .bind(place.message)
        .bind(place.uploader_id)
        .bind(&file.name)
        .bind(&file.content_type)
        .bind(file.size)
        .bind(place.is_internal)
        .bind(now)
        .bind(stored.is_inline)
        .bind(stored.digest.as_deref()),
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
    ];
    (!stored.is_inline)
        .then_some(room)
        .into_iter()
        .chain(insert)
        .collect()
}
