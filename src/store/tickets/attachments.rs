//! Attachments: files of a ticket, from the permission to upload until the stored object is removed.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::tickets::attachment::{ABANDONED_UPLOAD_AGE, LATE_UPLOAD_WINDOW, PENDING_UPLOAD_TTL};
use crate::desk::tickets::filename::MAX_FILES_PER_TICKET;
use crate::desk::tickets::policy;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::store::sql::view::{Out, OutField, View, field, nullable};
use crate::store::tickets::ticket::{Viewer, row_where, ticket_condition};

/// Attachments never change.
pub const VERSION: i64 = 1;

macro_rules! fields {
    ($($more:expr),*) => {
        &[
            field("id", "a.id", Out::Int),
            field("uid", "a.uid", Out::Text),
            field("ticket_id", "a.ticket_id", Out::Int),
            nullable("message_id", "a.message_id", Out::Int).doc("The message it belongs to."),
            field("uploader", "w.card", Out::Card),
            field("filename", "a.filename", Out::Text),
            field("content_type", "a.content_type", Out::Text),
            field("size", "a.size", Out::Int).doc("Bytes."),
            field("is_internal", "a.is_internal", Out::Flag).doc("For staff only, as an internal note is."),
            field("download_path", "'/api/v1/attachments/'||a.id||'/download'", Out::Text)
                .doc("Where the bytes are, for whoever may see this."),
            field("created_at", "a.attached_at", Out::Time),
            $($more),*
        ]
    };
}

/// An attachment as the API returns it.
pub const ATTACHMENT: View = View {
    name: "Attachment",
    fields: fields!(),
};

/// An attachment with a link to its content. The link is signed in code, not read from the database: the last two
/// fields are added to the row's JSON.
pub const DOWNLOAD: View = View {
    name: "AttachmentDownload",
    fields: fields!(
        LINK,
        field("download_expires_at", "NULL", Out::Time).doc("When the link ends.")
    ),
};
const LINK: OutField =
    field("download_url", "NULL", Out::Text).doc("A link to the bytes that needs no token.");

/// The condition that hides internal files from customers, on an attachment `a`.
fn visible(reader: &Viewer) -> &'static str {
    if policy::may_read_internal(reader.role) {
        "a.attached_at IS NOT NULL AND a.deleted_at IS NULL"
    } else {
        "a.attached_at IS NOT NULL AND a.deleted_at IS NULL AND a.is_internal = 0"
    }
}

fn attachment_condition(reference: &Ref) -> (&'static str, Arg) {
    match reference {
        Ref::Id(id) => ("a.id = ?4", Arg::Int(*id)),
        Ref::Uid(uid) => ("a.uid = ?4", Arg::Text(uid.clone())),
        Ref::Number(_) | Ref::Key(_) => ("a.id = ?4", Arg::Null),
    }
}

// Reading --------------------------------------------------------------------------------------------------------

/// The row of an attachment, with its JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct AttachmentRow {
    pub j: String,
    pub id: i64,
    pub uid: String,
    pub ticket_id: i64,
    pub message_id: Option<i64>,
    pub uploader_id: i64,
    pub filename: String,
    pub content_type: String,
    pub size: i64,
    pub is_internal: i64,
    pub attached_at: i64,
}

/// Reads the row of an attachment that the reader may see.
pub fn row(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = attachment_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, a.id, a.uid, a.ticket_id, a.message_id, a.uploader_id, a.filename, a.content_type, a.size, \
               a.is_internal, a.attached_at \
             FROM attachments a JOIN tickets t ON t.id = a.ticket_id JOIN users w ON w.id = a.uploader_id \
             WHERE {name} AND t.deleted_at IS NULL AND {} AND {}",
            ATTACHMENT.sql(),
            reader.scope.condition(),
            visible(reader)
        ))
        .bind(arg)
}

/// The row `j`, `v`, `id` of an attachment created in this batch.
pub fn show_uid(uid: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, {VERSION} AS v, a.id AS id FROM attachments a JOIN users w ON w.id = a.uploader_id WHERE a.uid = ?1",
        ATTACHMENT.sql()
    ))
    .bind(uid)
}

/// A page of a ticket's attachments, oldest first: rows `j`, `id`, `s` (the time when it was added).
pub fn list(reader: &Viewer, reference: &Ref, page: &Page) -> Stmt {
    let (since, after) = match page.start {
        PageStart::After { value, id } => (value, id),
        _ => (-1, -1),
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, a.id AS id, a.attached_at AS s FROM tickets t JOIN attachments a ON a.ticket_id = t.id \
             JOIN users w ON w.id = a.uploader_id \
             WHERE {name} AND t.deleted_at IS NULL AND {} AND {} AND (a.attached_at, a.id) > (?5, ?6) \
             ORDER BY a.attached_at, a.id LIMIT ?7 OFFSET ?8",
            ATTACHMENT.sql(),
            reader.scope.condition(),
            visible(reader)
        ))
        .bind(arg)
        .bind(since)
        .bind(after)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// How many attachments of a ticket the reader may see: `n`.
pub fn count(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    let column = if policy::may_read_internal(reader.role) {
        "attachment_count"
    } else {
        "public_attachment_count"
    };
    reader
        .stmt(format!(
            "SELECT t.{column} AS n FROM tickets t WHERE {name} AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

// Adding ---------------------------------------------------------------------------------------------------------

/// How many public and internal files a ticket has, including pending uploads.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct FileCounts {
    pub public: i64,
    pub internal: i64,
}

/// How many files of a ticket `t` take a place: pictures within the text of mails take none.
const PUBLIC: &str = "t.public_attachment_count - (SELECT count(*) FROM attachments i WHERE i.ticket_id = t.id \
   AND i.attached_at IS NOT NULL AND i.deleted_at IS NULL AND i.is_inline = 1 AND i.is_internal = 0)";
const INTERNAL: &str = "t.attachment_count - t.public_attachment_count - (SELECT count(*) FROM attachments i \
   WHERE i.ticket_id = t.id AND i.attached_at IS NOT NULL AND i.deleted_at IS NULL AND i.is_inline = 1 AND i.is_internal = 1)";

/// SQL: how many places of a ticket `t` the files of one kind take.
pub(in crate::store) fn places_taken(is_internal: bool) -> &'static str {
    if is_internal { INTERNAL } else { PUBLIC }
}

fn pending_uploads(is_internal: &str, since: &str) -> String {
    format!(
        "(SELECT count(*) FROM attachments p WHERE p.ticket_id = t.id AND p.attached_at IS NULL \
         AND p.deleted_at IS NULL AND p.created_at > {since} AND p.is_internal = {is_internal})"
    )
}

/// Reads the [`FileCounts`] of a ticket.
pub fn file_counts(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {PUBLIC} + {} AS public, {INTERNAL} + {} AS internal FROM tickets t WHERE {name} AND {}",
            pending_uploads("0", "?5"),
            pending_uploads("1", "?5"),
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(reader.now.saturating_sub(PENDING_UPLOAD_TTL))
}

/// A file whose upload is to be allowed.
#[derive(Clone, Debug)]
pub struct NewAttachment<'a> {
    pub uid: &'a str,
    pub ticket_id: i64,
    pub message_id: Option<i64>,
    pub uploader_id: i64,
    pub filename: &'a str,
    pub content_type: &'a str,
    pub size: i64,
    pub is_internal: bool,
    pub now: i64,
}

/// Records that an upload is allowed. Aborts the batch if the ticket or message is gone or the limit of files is
/// reached.
pub fn reserve(new: &NewAttachment) -> [Stmt; 3] {
    let kept = if new.is_internal { INTERNAL } else { PUBLIC };
    [
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
             (SELECT 1 FROM tickets t WHERE t.id = ?1 AND t.deleted_at IS NULL AND {kept} + {} < ?4)",
            pending_uploads("?2", "?3")
        ))
        .bind(new.ticket_id)
        .bind(new.is_internal)
        .bind(new.now.saturating_sub(PENDING_UPLOAD_TTL))
        .bind(MAX_FILES_PER_TICKET),
        expect_message(new.message_id),
        Stmt::new(
            "INSERT INTO attachments (uid, ticket_id, message_id, uploader_id, filename, content_type, size, is_internal, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(new.uid)
        .bind(new.ticket_id)
        .bind(new.message_id)
        .bind(new.uploader_id)
        .bind(new.filename)
        .bind(new.content_type)
        .bind(new.size)
        .bind(new.is_internal)
        .bind(new.now),
    ]
}

fn expect_message(message_id: Option<i64>) -> Stmt {
    Stmt::new(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
         (SELECT 1 WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM messages WHERE id = ?1 AND deleted_at IS NULL))",
    )
    .bind(message_id)
}

/// A pending upload, as its registration needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct PendingUpload {
    pub id: i64,
    pub uid: String,
    pub ticket_id: i64,
    pub message_id: Option<i64>,
    pub filename: String,
    pub content_type: String,
    pub size: i64,
    pub is_internal: i64,
    pub attached_at: Option<i64>,
    /// How many files the ticket has: public ones and internal ones.
    pub public: i64,
    pub internal: i64,
}

/// Finds the caller's own upload by its key, on a ticket that the caller may still see.
pub fn own_upload(reader: &Viewer, key: &str) -> Stmt {
    reader
        .stmt(format!(
            "SELECT a.id, a.uid, a.ticket_id, a.message_id, a.filename, a.content_type, a.size, a.is_internal, a.attached_at, \
               {PUBLIC} AS public, {INTERNAL} AS internal \
             FROM attachments a JOIN tickets t ON t.id = a.ticket_id \
             WHERE a.uid = ?4 AND a.uploader_id = ?3 AND a.deleted_at IS NULL AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(key)
}

/// The ticket of the caller's own upload, in the form that [`tickets::row`](crate::store::tickets::ticket::row)
/// returns.
pub fn ticket_of_own_upload(reader: &Viewer, key: &str) -> Stmt {
    row_where(
        reader,
        "t.id = (SELECT ticket_id FROM attachments WHERE uid = ?4 AND uploader_id = ?3)",
        key,
    )
}

/// Registers an upload as an attachment. Aborts the batch if the upload was registered or cleaned up in the meantime,
/// if its ticket or message is gone, or if its ticket has reached the limit of files.
pub fn attach(row: &PendingUpload, message_id: Option<i64>, is_internal: bool, now: i64) -> [Stmt; 5] {
    let kept = if is_internal { INTERNAL } else { PUBLIC };
    [
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
             (SELECT 1 FROM attachments a JOIN tickets t ON t.id = a.ticket_id WHERE a.id = ?1 \
              AND a.attached_at IS NULL AND a.deleted_at IS NULL AND t.deleted_at IS NULL AND {kept} < ?2)"
        ))
        .bind(row.id)
        .bind(MAX_FILES_PER_TICKET),
        expect_message(message_id),
        Stmt::new("UPDATE attachments SET attached_at = ?2, message_id = ?3, is_internal = ?4 WHERE id = ?1")
            .bind(row.id)
            .bind(now)
            .bind(message_id)
            .bind(is_internal),
        count_file("t.id = ?1", row.ticket_id.into(), is_internal, now),
        note_files("t.id = ?1", row.ticket_id.into()),
    ]
}

/// Records that a ticket `t` has files, so that lists can filter by it.
pub(in crate::store) fn note_files(ticket: &str, arg: Arg) -> Stmt {
    Stmt::new(format!(
        "INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) SELECT 'f', t.id FROM tickets t WHERE {ticket}"
    ))
    .bind(arg)
}

/// Adds a new file to the counts of a ticket `t`, and raises the sequence numbers for the event that reports it.
pub(in crate::store) fn count_file(ticket: &str, arg: Arg, is_internal: bool, now: i64) -> Stmt {
    let public = if is_internal {
        ""
    } else {
        ", public_attachment_count = public_attachment_count + 1, public_seq = public_seq + 1, \
         public_updated_at = max(public_updated_at, ?2)"
    };
    Stmt::new(format!(
        "UPDATE tickets AS t SET attachment_count = attachment_count + 1, seq = seq + 1, updated_at = max(updated_at, ?2){public} \
         WHERE {ticket}"
    ))
    .bind(arg)
    .bind(now)
}

// Deleting ------------------------------------------------------------------------------------------------------

/// Deletes an attachment, reduces the ticket's counts, and raises its sequence numbers for the event that reports
/// the deletion. Aborts the batch if another request has already deleted the attachment.
pub fn delete(row: &AttachmentRow, now: i64) -> [Stmt; 3] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM attachments WHERE id = ?1 AND deleted_at IS NULL)",
        )
        .bind(row.id),
        Stmt::new("UPDATE attachments SET deleted_at = ?2 WHERE id = ?1")
            .bind(row.id)
            .bind(now),
        Stmt::new(
            "UPDATE tickets SET attachment_count = attachment_count - 1, public_attachment_count = public_attachment_count - ?2, \
               seq = seq + 1, public_seq = public_seq + ?2 WHERE id = ?1",
        )
        .bind(row.ticket_id)
        .bind(row.is_internal == 0),
    ]
}

/// Gives up uploads that were not registered within a day; at most `most` of them.
pub fn expire_pending(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "UPDATE attachments SET deleted_at = ?1 WHERE id IN (SELECT id FROM attachments INDEXED BY attachments_abandoned \
         WHERE attached_at IS NULL AND deleted_at IS NULL AND created_at < ?2 ORDER BY created_at LIMIT ?3)",
    )
    .bind(now)
    .bind(now.saturating_sub(ABANDONED_UPLOAD_AGE))
    .bind(most)
}

/// Deleted attachments whose stored objects can be removed permanently: rows `uid`, at most `most`.
pub fn to_purge(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "SELECT uid FROM attachments INDEXED BY attachments_to_purge \
         WHERE deleted_at IS NOT NULL AND purged_at IS NULL AND created_at < ?1 ORDER BY created_at LIMIT ?2",
    )
    .bind(now.saturating_sub(LATE_UPLOAD_WINDOW))
    .bind(most)
}

/// Records that the stored objects of these keys (a JSON list) are removed. Uploads that were never attached are
/// removed from the table entirely.
pub fn mark_purged(keys: &str, now: i64) -> [Stmt; 2] {
    [
        Stmt::new("DELETE FROM attachments WHERE attached_at IS NULL AND deleted_at IS NOT NULL AND uid IN (SELECT value FROM json_each(?1))")
            .bind(keys),
        Stmt::new("UPDATE attachments SET purged_at = ?2 WHERE deleted_at IS NOT NULL AND uid IN (SELECT value FROM json_each(?1))")
            .bind(keys)
            .bind(now),
    ]
}
