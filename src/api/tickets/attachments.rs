//! Attachments: requesting a link for an upload, registering the uploaded file, downloading, deleting.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::api::list::{List, parse_list_query};
use crate::api::uploads::send_file;
use crate::app::call::{Call, viewer};
use crate::app::file_store::Files;
use crate::app::retry::retry;
use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::tickets::attachment::{self, DOWNLOAD_URL_SECONDS, ParentMessage, UPLOAD_URL_SECONDS};
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::filename::{
    self, FileSpec, MAX_FILE_BYTES, content_disposition, safe_content_type,
};
use crate::desk::tickets::relations::merge::in_copy_since_merge;
use crate::desk::tickets::{message, policy};
use crate::edge::db::{Answers, Batch, Slot, Stmt};
use crate::edge::log;
use crate::http::error::Error;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::http::{input, presigned_url};
use crate::store::commit::{self, CommitReply};
use crate::store::sql::rows::IdRow;
use crate::store::tickets::attachments::{
    self as rows, AttachmentRow, FileCounts, NewAttachment, PendingUpload,
};
use crate::store::tickets::events;
use crate::store::tickets::messages::{self as message_rows, MessageRow};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::write::story::Story;

const MESSAGE: Field = Field::optional(
    "message_id",
    Kind::Reference,
    "An own message that it belongs to.",
)
.or(&["comment_id"]);

/// The body of a request for a link to upload to.
pub const PRESIGN: Shape = Shape {
    name: "NewUpload",
    fields: &[
        Field::required(
            "ticket_id",
            Kind::Reference,
            "The ticket: id, uid, number or key.",
        ),
        Field::required("filename", Kind::Line { min: 1, max: 255 }, "The file's name.").or(&["file_name"]),
        Field::required(
            "content_type",
            Kind::Line { min: 1, max: 255 },
            "Its media type: documents, archives, pictures, sound, film; nothing that runs.",
        )
        .or(&["mime_type", "file_type"]),
        Field::required(
            "size",
            Kind::Integer {
                min: 1,
                max: MAX_FILE_BYTES,
            },
            "Bytes, up to 25 MiB.",
        )
        .or(&["file_size"]),
        MESSAGE,
        Field::optional(
            "is_internal",
            Kind::Flag,
            "For staff only; as the message, where there is one.",
        )
        .or(&["internal"]),
    ],
};

/// The body that registers an uploaded file.
pub const REGISTER: Shape = Shape {
    name: "NewAttachment",
    fields: &[
        Field::required(
            "key",
            Kind::Line { min: 1, max: 100 },
            "What the permission to upload gave.",
        ),
        Field::optional("ticket_id", Kind::Reference, "The same ticket, if it is told."),
        MESSAGE,
    ],
};

/// The statement that finds the ticket in the body of a request for a link.
pub fn find_addressed(call: &Call, _: &Reply) -> Result<Stmt, Error> {
    let input = input::parse_body(call.request, &PRESIGN)?;
    let ticket = input.reference("ticket_id").ok_or(Error::NotFound)?;
    Ok(events::find_visible_ticket(&viewer(call)?, ticket))
}

/// The statement that finds the file which a request has registered.
pub fn find_registered(call: &Call, _: &Reply) -> Result<Stmt, Error> {
    let input = input::parse_body(call.request, &REGISTER)?;
    let key = Ref::parse(&input.required("key")).ok_or(Error::NotFound)?;
    Ok(rows::row(&viewer(call)?, &key))
}

// Adding ---------------------------------------------------------------------------------------------------------

/// `POST /attachments/presigned-url`.
pub async fn presign(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &PRESIGN)?;
    let name = input.required("filename");
    let size = input.integer("size").unwrap_or_default();
    let upload = filename::validate(&name, &input.required("content_type"), size).map_err(|wrong| {
        let wrong = wrong.into_iter();
        Error::Invalid(
            wrong
                .map(|(field, message)| (field.to_owned(), message))
                .collect(),
        )
    })?;
    if input.flag("is_internal") == Some(true) && !policy::may_read_internal(call.my_role()?) {
        return Err(Error::Forbidden("internal files are for staff".to_owned()));
    }
    retry!(try_presign(call, &input, &upload))
}

async fn try_presign(call: &Call<'_>, input: &Input, upload: &FileSpec) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let reference = input.reference("ticket_id").ok_or(Error::NotFound)?;
    let wanted = input.reference("message_id");
    let mut batch = Batch::new();
    let ticket = batch.add::<TicketRow>(ticket::row(&reader, reference));
    let places = batch.add::<FileCounts>(rows::file_counts(&reader, reference));
    let message = batch.add_optional(wanted.map(|wanted| message_rows::row(&reader, wanted)));
    let found = call.read(batch).await?;
    let ticket = found.require(ticket)?.ticket();
    let places = found.require(places)?;
    let (rules, now) = (call.ticket_settings(), call.now());
    let actor = in_copy_since_merge(&ticket, call.actor()?);
    let said = read_message(&found, message)?;
    let asked = input.flag("is_internal");
    let is_internal = attachment::resolve_internal(ticket.id, asked, said.as_ref(), &actor)?;
    message::post(&ticket, &actor, is_internal, &rules, now)?;
    attachment::check_file_count(if is_internal {
        places.internal
    } else {
        places.public
    })?;
    let uid = call.uid()?;
    let new = NewAttachment {
        uid: &uid,
        ticket_id: ticket.id,
        message_id: said.map(|said| said.id),
        uploader_id: actor.id,
        filename: &upload.name,
        content_type: &upload.content_type,
        size: upload.size,
        is_internal,
        now,
    };
    let files = Files::of(call.app);
    let link = files.upload_link(&call.request.origin, &uid, &upload.content_type, upload.size);
    let headers: Map<String, Value> = link
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    let answer = json!({"upload_url": link.url, "method": "PUT", "headers": headers, "key": uid,
        "expires_at": format_time(presigned_url::expires_at(UPLOAD_URL_SECONDS, now))});
    let answer = CommitReply::Row(commit::json_row(answer.to_string()));
    call.commit(rows::reserve(&new).to_vec(), answer).await
}

/// `POST /attachments`.
pub async fn register(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &REGISTER)?;
    retry!(try_register(call, &input))
}

async fn try_register(call: &Call<'_>, input: &Input) -> Result<Reply, Error> {
    let (reader, key) = (viewer(call)?, input.required("key"));
    let (named, wanted) = (input.reference("ticket_id"), input.reference("message_id"));
    let mut batch = Batch::new();
    let row = batch.add::<PendingUpload>(rows::own_upload(&reader, &key));
    let ticket = batch.add::<TicketRow>(rows::ticket_of_own_upload(&reader, &key));
    let message = batch.add_optional(wanted.map(|wanted| message_rows::row(&reader, wanted)));
    let named = batch.add_optional::<IdRow>(named.map(|named| events::find_visible_ticket(&reader, named)));
    let found = call.read(batch).await?;
    let row = found.require(row)?;
    let ticket = found.require(ticket)?.ticket();
    if let Some(named) = named
        && found.first(named)?.is_none_or(|named| named.id != ticket.id)
    {
        return Err(Error::field(
            "ticket_id",
            "is not the ticket that the upload is for",
        ));
    }
    if row.attached_at.is_some() {
        return Err(Error::conflict("this upload is registered already"));
    }
    let (actor, rules, now) = (call.actor()?, call.ticket_settings(), call.now());
    let said = read_message(&found, message)?;
    if said.is_some_and(|said| row.message_id.is_some_and(|id| id != said.id)) {
        let other = "is not the message that the upload is for";
        return Err(Error::field("message_id", other));
    }
    // An upload that was requested as internal stays internal. Any other can still be attached to an internal note.
    let asked = (row.is_internal == 1).then_some(true);
    let is_internal = attachment::resolve_internal(ticket.id, asked, said.as_ref(), &actor)?;
    let message_id = said.map(|said| said.id).or(row.message_id);
    message::post(&ticket, &actor, is_internal, &rules, now)?;
    attachment::check_file_count(if is_internal { row.internal } else { row.public })?;
    let facts = Files::of(call.app).metadata(&row.uid).await?;
    let facts = facts.ok_or_else(|| Error::conflict("nothing has been uploaded under this key yet"))?;
    if facts.size != row.size || facts.content_type != row.content_type {
        return Err(Error::conflict("what was uploaded is not what was announced"));
    }
    let mut stmts = rows::attach(&row, message_id, is_internal, now).to_vec();
    let told = EventAttachment {
        id: row.id,
        uid: &row.uid,
        ticket_id: row.ticket_id,
        message_id,
        filename: &row.filename,
        size: row.size,
        is_internal,
    };
    stmts.extend(attachment_event(call, EventKind::AttachmentAdded, &told)?);
    let answer = CommitReply::Created(rows::show_uid(&row.uid), "/api/v1/attachments/".to_owned());
    call.commit(stmts, answer).await
}

/// The message that the input refers to, if it refers to one.
fn read_message(found: &Answers, slot: Option<Slot<MessageRow>>) -> Result<Option<ParentMessage>, Error> {
    let Some(slot) = slot else { return Ok(None) };
    let row = found.first(slot)?.ok_or_else(attachment::unknown_message)?;
    Ok(Some(ParentMessage {
        id: row.id,
        ticket_id: row.ticket_id,
        author_id: row.author_id,
        is_internal: row.is_internal == 1,
    }))
}

// Reading --------------------------------------------------------------------------------------------------------

/// `GET /tickets/{id}/attachments`, `GET /attachments/ticket/{id}`: oldest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    let (reader, reference) = (viewer(call)?, call.reference("id")?);
    List::new(rows::list(&reader, &reference, &page), || {
        rows::count(&reader, &reference)
    })
    .of(events::find_visible_ticket(&reader, &reference))
    .reply(call, &page)
    .await
}

async fn require_visible(call: &Call<'_>) -> Result<AttachmentRow, Error> {
    call.read_row(rows::row(&viewer(call)?, &call.reference("id")?))
        .await
}

/// `GET /attachments/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let row = require_visible(call).await?;
    let files = Files::of(call.app);
    let link = files.download_link(&call.request.origin, &row.uid, &row.filename, &row.content_type);
    let end = format_time(presigned_url::expires_at(DOWNLOAD_URL_SECONDS, call.now()));
    let open = row.j.strip_suffix('}').unwrap_or(&row.j);
    let link = Value::String(link);
    let json = format!("{open},\"download_url\":{link},\"download_expires_at\":\"{end}\"}}");
    Ok(Reply::versioned(json, rows::VERSION))
}

/// `GET /attachments/{id}/download`.
pub async fn download(call: &Call<'_>) -> Result<Reply, Error> {
    let row = require_visible(call).await?;
    let (kind, name) = (
        safe_content_type(&row.content_type),
        content_disposition(&row.filename),
    );
    send_file(call, &row.uid, Some(row.size), kind, name).await
}

fn format_time(at: Millis) -> String {
    let time = DateTime::from_timestamp_millis(at).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

// Deleting -------------------------------------------------------------------------------------------------------

/// `DELETE /attachments/{id}`. The attachment is gone once its row is marked as deleted. The file itself is deleted
/// directly afterwards or, if that fails, by the scheduled cleanup.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let (reply, key) = retry!(try_remove(call))?;
    if let Err(why) = Files::of(call.app).delete(&[key]).await {
        log::error(&format!("an object is left to the sweep: {why}"));
    }
    Ok(reply)
}

async fn try_remove(call: &Call<'_>) -> Result<(Reply, String), Error> {
    let row = require_visible(call).await?;
    call.check_version(rows::VERSION, None)?;
    attachment::authorize_delete(row.uploader_id, row.attached_at, &call.actor()?, call.now())?;
    let mut stmts = rows::delete(&row, call.now()).to_vec();
    let told = EventAttachment {
        id: row.id,
        uid: &row.uid,
        ticket_id: row.ticket_id,
        message_id: row.message_id,
        filename: &row.filename,
        size: row.size,
        is_internal: row.is_internal == 1,
    };
    stmts.extend(attachment_event(call, EventKind::AttachmentDeleted, &told)?);
    let reply = call.commit(stmts, CommitReply::Nothing).await?;
    Ok((reply, row.uid))
}

/// What an event contains about an attachment.
struct EventAttachment<'a> {
    id: i64,
    uid: &'a str,
    ticket_id: i64,
    message_id: Option<i64>,
    filename: &'a str,
    size: i64,
    is_internal: bool,
}

/// The statements that record an event of an attachment. They follow those that count the event in the ticket's row.
fn attachment_event(call: &Call, kind: EventKind, told: &EventAttachment) -> Result<Vec<Stmt>, Error> {
    let event = Event {
        kind,
        is_internal: told.is_internal,
        changes: Vec::new(),
        data: json!({"attachment": {"id": told.id, "uid": told.uid, "filename": told.filename, "size": told.size}}),
        cause: None,
    };
    let subject = match told.message_id {
        Some(id) => EventSubject::Message(id),
        None => EventSubject::Ticket(told.ticket_id),
    };
    let mut story = Story::new(&subject);
    story.push_event(&subject, Some(call.my_id()?), &event, call.now());
    Ok(story.around(Vec::new()))
}
