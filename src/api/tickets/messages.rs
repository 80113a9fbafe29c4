//! Messages and notes, and what a ticket's past looks like.

use crate::api::list::{listed, one};
use crate::app::automation::{self, Engine};
use crate::app::call::{Call, reader};
use crate::app::post_message::{Saying, said};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::message::touch;
use crate::desk::tickets::policy;
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::automation::ticket_context;
use crate::store::commit::Answer;
use crate::store::rows::Id;
use crate::store::tickets::events as event_rows;
use crate::store::tickets::messages::{self as rows, MessageRow};
use crate::store::tickets::subject::Subject;
use crate::store::tickets::ticket::{self, TicketRow};

const BODY: Kind = Kind::Text { min: 1, max: 10_000 };
const NAMES: &[&str] = &["content", "message"];
const INTERNAL: Field = Field::optional("is_internal", Kind::Flag, "An internal note: for staff only.")
    .or(&["internal", "is_note"]);

/// The body of a message on the ticket in the path.
pub const NEW: Shape = Shape {
    name: "NewMessage",
    fields: &[Field::required("body", BODY, "What is said.").or(NAMES), INTERNAL],
};

/// The body of a message on the ticket that it names.
pub const SEND: Shape = Shape {
    name: "SendMessage",
    fields: &[
        Field::required(
            "ticket_id",
            Kind::Reference,
            "The ticket: id, uid, number or key.",
        ),
        Field::required("body", BODY, "What is said.").or(NAMES),
        INTERNAL,
    ],
};

/// The body of an edit.
pub const EDIT: Shape = Shape {
    name: "MessagePatch",
    fields: &[
        Field::required("body", BODY, "What is said now.").or(NAMES),
        Field::optional(
            "version",
            Kind::Whole {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// Where a stream of events goes on.
pub const AFTER: Shape = Shape {
    name: "EventsAfter",
    fields: &[Field::optional(
        "after",
        Kind::Whole {
            min: 0,
            max: i64::MAX,
        },
        "The last sequence number that is known.",
    )],
};

/// Finds the message in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&reader(call)?, &call.reference("ticket_id")?))
}

/// Finds the ticket in the path.
pub fn find_ticket(call: &Call) -> Result<Stmt, Error> {
    Ok(event_rows::ticket_is_seen(
        &reader(call)?,
        &call.reference("ticket_id")?,
    ))
}

/// The ticket in the path, whichever way the path calls it.
pub fn ticket_in_path(call: &Call) -> Result<Ref, Error> {
    let name = if call.params.iter().any(|(name, _)| name == "ticket_id") {
        "ticket_id"
    } else {
        "id"
    };
    call.reference(name)
}

/// `GET /tickets/{id}/comments`, `GET /messages/{ticket_id}`, `GET /messages/ticket/{id}`: oldest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let (reader, reference) = (reader(call)?, ticket_in_path(call)?);
    let mut stmts = vec![
        event_rows::ticket_is_seen(&reader, &reference),
        rows::list(&reader, &reference, &page),
    ];
    if page.count {
        stmts.push(rows::count(&reader, &reference));
    }
    let found = call.read(stmts).await?;
    must_see(found.first())?;
    listed(
        call,
        &page,
        found.get(1).ok_or(Error::NotFound)?,
        None,
        found.get(2),
    )
}

pub fn must_see(rows: Option<&Rows>) -> Result<(), Error> {
    let seen: Option<Id> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    seen.map(|_| ()).ok_or(Error::NotFound)
}

/// `GET /tickets/{id}/comments/{message_id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let reader = reader(call)?;
    let (ticket, message) = (call.reference("id")?, call.reference("message_id")?);
    let found = call
        .read(vec![
            event_rows::ticket_is_seen(&reader, &ticket),
            rows::row(&reader, &message),
            rows::show(&reader, &message),
        ])
        .await?;
    let ticket: Option<Id> = match found.first() {
        Some(rows) => rows.first()?,
        None => None,
    };
    let row = message_row(found.get(1))?;
    if ticket.is_none_or(|ticket| ticket.id != row.ticket_id) {
        return Err(Error::NotFound);
    }
    one(found.get(2))
}

fn message_row(rows: Option<&Rows>) -> Result<MessageRow, Error> {
    match rows {
        Some(rows) => rows.first()?.ok_or(Error::NotFound),
        None => Err(Error::NotFound),
    }
}

// Saying ---------------------------------------------------------------------------------------------------------

/// `POST /tickets/{id}/comments`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    let reference = call.reference("id")?;
    retry!(say(call, &reference, &taken))
}

/// `POST /messages`.
pub async fn send(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &SEND)?;
    let reference = taken.reference("ticket_id").cloned().ok_or(Error::NotFound)?;
    retry!(say(call, &reference, &taken))
}

async fn say(call: &Call<'_>, reference: &Ref, taken: &Taken) -> Result<Reply, Error> {
    let is_internal = taken.flag("is_internal").unwrap_or(false);
    if is_internal && !policy::reads_internal(call.my_role()?) {
        return Err(Error::Forbidden("internal notes are for staff".to_owned()));
    }
    let reader = reader(call)?;
    let mut stmts = vec![ticket::row(&reader, reference)];
    stmts.extend(automation::asks(call).then(|| ticket_context::show(&reader, reference)));
    let found = call.read(stmts).await?;
    let row: Option<TicketRow> = match found.first() {
        Some(rows) => rows.first()?,
        None => None,
    };
    let ticket = row.ok_or(Error::NotFound)?.ticket();
    let (uid, body) = (call.uid()?, taken.required("body"));
    let saying = Saying {
        uid: &uid,
        actor: &call.actor()?,
        body: &body,
        is_internal,
        channel: "api",
    };
    let place = format!("/api/v1/tickets/{}/comments/", ticket.id);
    let stmts = said(
        &Engine::of(call),
        ticket,
        ticket_context::read(found.get(1))?,
        &saying,
    )?;
    call.commit(stmts, Answer::Created(rows::show_uid(&uid), place))
        .await
}

// Changing -------------------------------------------------------------------------------------------------------

/// `PUT /messages/{id}`.
pub async fn edit(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &EDIT)?;
    let body = taken.required("body");
    retry!(async {
        let row = mine(call, &taken).await?;
        let mut stmts = Vec::new();
        if row.body != body {
            // What was taken back must not be readable in the history: the event says that, not what.
            stmts.push(rows::edit(row.id, row.version, &body, call.now()));
            stmts.push(tell(call, &row, EventKind::MessageEdited)?);
        }
        call.commit(stmts, Answer::Row(rows::show_uid(&row.uid))).await
    })
}

/// `DELETE /messages/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row = mine(call, &Taken::default()).await?;
        let stmts = vec![
            rows::delete(row.id, row.version, call.now()),
            tell(call, &row, EventKind::MessageDeleted)?,
        ];
        call.commit(stmts, Answer::Nothing).await
    })
}

/// The message in the path, if the caller may change it.
async fn mine(call: &Call<'_>, taken: &Taken) -> Result<MessageRow, Error> {
    let found = call
        .read(vec![rows::row(&reader(call)?, &call.reference("ticket_id")?)])
        .await?;
    let row = message_row(found.first())?;
    touch(row.author_id, row.created_at, &call.actor()?, call.now())?;
    call.guard(row.version, Some(taken))?;
    Ok(row)
}

fn tell(call: &Call, row: &MessageRow, kind: EventKind) -> Result<Stmt, Error> {
    let event = Event {
        is_internal: row.is_internal == 1,
        ..Event::public(kind, Vec::new())
    };
    Ok(event_rows::append(
        &Subject::Message(row.id),
        Some(call.my_id()?),
        &event,
        call.now(),
    ))
}
