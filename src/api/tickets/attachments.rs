//! Attachments: asking for a link, registering what was uploaded, fetching, taking away.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::api::list::listed;
use crate::api::uploads::file;
use crate::app::call::{Call, reader};
use crate::app::file_store::Files;
use crate::app::retry::retry;
use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::tickets::attachment::{self, DOWNLOAD_SECONDS, Said, UPLOAD_SECONDS};
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::filename::{self, MAX_BYTES, Upload, disposition, type_of};
use crate::desk::tickets::{message, policy};
use crate::edge::db::{Rows, Stmt};
use crate::edge::log;
use crate::http::error::Error;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::http::{input, presigned_url};
use crate::store::commit::{self, Answer};
use crate::store::rows::Id;
use crate::store::tickets::attachments::{self as rows, AttachmentRow, NewAttachment, PendingRow, Places};
use crate::store::tickets::events;
use crate::store::tickets::messages::{self as message_rows, MessageRow};
use crate::store::tickets::subject::Subject;
use crate::store::tickets::ticket::{self, TicketRow};

const MESSAGE: Field = Field::optional(
    "message_id",
    Kind::Reference,
    "An own message that it belongs to.",
)
.or(&["comment_id"]);

/// The body of a request for an upload.
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
            Kind::Whole {
                min: 1,
                max: MAX_BYTES,
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

/// The body of a registration.
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

// Adding ---------------------------------------------------------------------------------------------------------

/// `POST /attachments/presigned-url`.
pub async fn presign(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &PRESIGN)?;
    let name = taken.required("filename");
    let size = taken.whole("size").unwrap_or_default();
    let upload = filename::check(&name, &taken.required("content_type"), size).map_err(|wrong| {
        let wrong = wrong.into_iter();
        Error::Invalid(
            wrong
                .map(|(field, message)| (field.to_owned(), message))
                .collect(),
        )
    })?;
    if taken.flag("is_internal") == Some(true) && !policy::reads_internal(call.my_role()?) {
        return Err(Error::Forbidden("internal files are for staff".to_owned()));
    }
    retry!(allow(call, &taken, &upload))
}

async fn allow(call: &Call<'_>, taken: &Taken, upload: &Upload) -> Result<Reply, Error> {
    let reader = reader(call)?;
    let reference = taken.reference("ticket_id").ok_or(Error::NotFound)?;
    let wanted = taken.reference("message_id");
    let mut stmts = vec![ticket::row(&reader, reference), rows::places(&reader, reference)];
    stmts.extend(wanted.map(|wanted| message_rows::row(&reader, wanted)));
    let found = call.read(stmts).await?;
    let ticket = first::<TicketRow>(found.first())?
        .ok_or(Error::NotFound)?
        .ticket();
    let places = first::<Places>(found.get(1))?.ok_or(Error::NotFound)?;
    let (actor, rules, now) = (call.actor()?, call.rules(), call.now());
    let said = said(wanted, found.get(2))?;
    let asked = taken.flag("is_internal");
    let is_internal = attachment::is_internal(ticket.id, asked, said.as_ref(), &actor)?;
    message::say(&ticket, &actor, is_internal, &rules, now)?;
    attachment::has_place(if is_internal {
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
        content_type: upload.content_type,
        size: upload.size,
        is_internal,
        now,
    };
    let files = Files::of(call.app);
    let link = files.upload_link(&call.request.origin, &uid, upload.content_type, upload.size);
    let headers: Map<String, Value> = link
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    let answer = json!({"upload_url": link.url, "method": "PUT", "headers": headers, "key": uid,
        "expires_at": moment(presigned_url::expires(UPLOAD_SECONDS, now))});
    let answer = Answer::Row(commit::told(answer.to_string()));
    call.commit(rows::allow(&new).to_vec(), answer).await
}

/// `POST /attachments`.
pub async fn register(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &REGISTER)?;
    retry!(attach(call, &taken))
}

async fn attach(call: &Call<'_>, taken: &Taken) -> Result<Reply, Error> {
    let (reader, key) = (reader(call)?, taken.required("key"));
    let (told, wanted) = (taken.reference("ticket_id"), taken.reference("message_id"));
    let mut stmts = vec![
        rows::own_upload(&reader, &key),
        rows::ticket_of_own_upload(&reader, &key),
    ];
    stmts.extend(wanted.map(|wanted| message_rows::row(&reader, wanted)));
    stmts.extend(told.map(|told| events::ticket_is_seen(&reader, told)));
    let found = call.read(stmts).await?;
    let row = first::<PendingRow>(found.first())?.ok_or(Error::NotFound)?;
    let ticket = first::<TicketRow>(found.get(1))?.ok_or(Error::NotFound)?.ticket();
    if told.is_some() && first::<Id>(found.last())?.is_none_or(|told| told.id != ticket.id) {
        return Err(Error::field(
            "ticket_id",
            "is not the ticket that the upload is for",
        ));
    }
    if row.attached_at.is_some() {
        return Err(Error::conflict("this upload is registered already"));
    }
    let (actor, rules, now) = (call.actor()?, call.rules(), call.now());
    let said = said(wanted, found.get(2))?;
    if said.is_some_and(|said| row.message_id.is_some_and(|id| id != said.id)) {
        let other = "is not the message that the upload is for";
        return Err(Error::field("message_id", other));
    }
    // What was allowed as internal stays so; what was not may still become a note's.
    let asked = (row.is_internal == 1).then_some(true);
    let is_internal = attachment::is_internal(ticket.id, asked, said.as_ref(), &actor)?;
    let message_id = said.map(|said| said.id).or(row.message_id);
    message::say(&ticket, &actor, is_internal, &rules, now)?;
    attachment::has_place(if is_internal { row.internal } else { row.public })?;
    let facts = Files::of(call.app).facts(&row.uid).await?;
    let facts = facts.ok_or_else(|| Error::conflict("nothing has been uploaded under this key yet"))?;
    if facts.size != row.size || facts.content_type != row.content_type {
        return Err(Error::conflict("what was uploaded is not what was announced"));
    }
    let mut stmts = rows::attach(&row, message_id, is_internal, now).to_vec();
    let told = Told {
        id: row.id,
        uid: &row.uid,
        ticket_id: row.ticket_id,
        message_id,
        filename: &row.filename,
        size: row.size,
        is_internal,
    };
    stmts.push(tell(call, EventKind::AttachmentAdded, &told)?);
    let answer = Answer::Created(rows::show_uid(&row.uid), "/api/v1/attachments/".to_owned());
    call.commit(stmts, answer).await
}

fn first<T: serde::de::DeserializeOwned>(rows: Option<&Rows>) -> Result<Option<T>, Error> {
    match rows {
        Some(rows) => Ok(rows.first()?),
        None => Ok(None),
    }
}

/// The message that was named, if one was.
fn said(wanted: Option<&Ref>, rows: Option<&Rows>) -> Result<Option<Said>, Error> {
    if wanted.is_none() {
        return Ok(None);
    }
    let row = first::<MessageRow>(rows)?.ok_or_else(attachment::no_such_message)?;
    Ok(Some(Said {
        id: row.id,
        ticket_id: row.ticket_id,
        author_id: row.author_id,
        is_internal: row.is_internal == 1,
    }))
}

// Reading --------------------------------------------------------------------------------------------------------

/// `GET /tickets/{id}/attachments`, `GET /attachments/ticket/{id}`: oldest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let (reader, reference) = (reader(call)?, call.reference("id")?);
    let mut stmts = vec![
        events::ticket_is_seen(&reader, &reference),
        rows::list(&reader, &reference, &page),
    ];
    if page.count {
        stmts.push(rows::count(&reader, &reference));
    }
    let found = call.read(stmts).await?;
    first::<Id>(found.first())?.ok_or(Error::NotFound)?;
    let list = found.get(1).ok_or(Error::NotFound)?;
    listed(call, &page, list, None, found.get(2))
}

async fn seen(call: &Call<'_>) -> Result<AttachmentRow, Error> {
    let stmt = rows::row(&reader(call)?, &call.reference("id")?);
    let found = call.read(vec![stmt]).await?;
    first::<AttachmentRow>(found.first())?.ok_or(Error::NotFound)
}

/// `GET /attachments/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let row = seen(call).await?;
    let files = Files::of(call.app);
    let link = files.download_link(&call.request.origin, &row.uid, &row.filename, &row.content_type);
    let end = moment(presigned_url::expires(DOWNLOAD_SECONDS, call.now()));
    let open = row.j.strip_suffix('}').unwrap_or(&row.j);
    let link = Value::String(link);
    let json = format!("{open},\"download_url\":{link},\"download_expires_at\":\"{end}\"}}");
    Ok(Reply::one(json, rows::VERSION))
}

/// `GET /attachments/{id}/download`.
pub async fn download(call: &Call<'_>) -> Result<Reply, Error> {
    let row = seen(call).await?;
    let found = Files::of(call.app).open(&row.uid).await?;
    let (size, stream) = found.ok_or(Error::NotFound)?;
    let (kind, name) = (type_of(&row.content_type), disposition(&row.filename));
    Ok(file(size, stream, kind, name))
}

fn moment(at: Millis) -> String {
    let time = DateTime::from_timestamp_millis(at).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

// Taking away ----------------------------------------------------------------------------------------------------

/// `DELETE /attachments/{id}`. The record decides; the object is removed at once if that works, and by the
/// sweep if not.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let (reply, key) = retry!(take_away(call))?;
    if let Err(why) = Files::of(call.app).delete(&[key]).await {
        log::log(&format!("an object is left to the sweep: {why}"));
    }
    Ok(reply)
}

async fn take_away(call: &Call<'_>) -> Result<(Reply, String), Error> {
    let row = seen(call).await?;
    call.guard(rows::VERSION, None)?;
    attachment::remove(row.uploader_id, row.attached_at, &call.actor()?, call.now())?;
    let mut stmts = rows::delete(row.id, call.now()).to_vec();
    let told = Told {
        id: row.id,
        uid: &row.uid,
        ticket_id: row.ticket_id,
        message_id: row.message_id,
        filename: &row.filename,
        size: row.size,
        is_internal: row.is_internal == 1,
    };
    stmts.push(tell(call, EventKind::AttachmentDeleted, &told)?);
    let reply = call.commit(stmts, Answer::Nothing).await?;
    Ok((reply, row.uid))
}

/// What an event says of an attachment.
struct Told<'a> {
    id: i64,
    uid: &'a str,
    ticket_id: i64,
    message_id: Option<i64>,
    filename: &'a str,
    size: i64,
    is_internal: bool,
}

fn tell(call: &Call, kind: EventKind, told: &Told) -> Result<Stmt, Error> {
    let event = Event {
        kind,
        is_internal: told.is_internal,
        changes: Vec::new(),
        data: json!({"attachment": {"id": told.id, "uid": told.uid, "filename": told.filename, "size": told.size}}),
        cause: None,
    };
    let subject = match told.message_id {
        Some(id) => Subject::Message(id),
        None => Subject::Ticket(told.ticket_id),
    };
    Ok(events::append(&subject, Some(call.my_id()?), &event, call.now()))
}
