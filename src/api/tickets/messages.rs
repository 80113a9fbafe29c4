//! Public replies and internal notes on a ticket: reading, posting, editing and deleting them.

use crate::api::list::{List, parse_list_query, resource_reply};
use crate::app::automation::{self, Engine};
use crate::app::call::waiting::ONE_PLACE;
use crate::app::call::{Call, viewer};
use crate::app::post_message::{MessageDraft, post_message, post_on_unread, remember_response};
use crate::app::retry::retry;
use crate::desk::id::{Ref, uid_row_id};
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::message::authorize_edit;
use crate::desk::tickets::policy;
use crate::desk::tickets::relations::merge::in_copy_since_merge;
use crate::edge::db::{Batch, Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::automation::ticket_context;
use crate::store::commit::CommitReply;
use crate::store::removals;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::assignment::pool::{self, Free};
use crate::store::tickets::messages::{self as rows, MessageRow};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::write::story::Story;
use crate::store::tickets::{events as event_rows, write};

const BODY: Kind = Kind::Text { min: 1, max: 10_000 };
const BODY_ALIASES: &[&str] = &["content", "message"];
const INTERNAL: Field = Field::optional("is_internal", Kind::Flag, "An internal note: for staff only.")
    .or(&["internal", "is_note"]);

/// The body of a message on the ticket in the path.
pub const NEW: Shape = Shape {
    name: "NewMessage",
    fields: &[
        Field::required("body", BODY, "What is said.").or(BODY_ALIASES),
        INTERNAL,
    ],
};

/// The body of a message that says itself which ticket it is on.
pub const SEND: Shape = Shape {
    name: "SendMessage",
    fields: &[
        Field::required(
            "ticket_id",
            Kind::Reference,
            "The ticket: id, uid, number or key.",
        ),
        Field::required("body", BODY, "What is said.").or(BODY_ALIASES),
        INTERNAL,
    ],
};

/// The body of an edit of a message.
pub const EDIT: Shape = Shape {
    name: "MessagePatch",
    fields: &[
        Field::required("body", BODY, "What is said now.").or(BODY_ALIASES),
        Field::optional(
            "version",
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The query that says at which end a list begins.
pub const ORDER: Shape = Shape {
    name: "MessageOrder",
    fields: &[Field::optional(
        "order",
        Kind::Choice(&choices::ORDER),
        "`desc`: the newest first; `asc`, the oldest first, by default.",
    )],
};

/// The query that says after which event a list of events continues.
pub const AFTER: Shape = Shape {
    name: "EventsAfter",
    fields: &[Field::optional(
        "after",
        Kind::Integer {
            min: 0,
            max: i64::MAX,
        },
        "The last sequence number that is known.",
    )],
};

/// The statement that finds the message in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&viewer(call)?, &call.reference("ticket_id")?))
}

/// The statement that finds the ticket in the path.
pub fn find_ticket(call: &Call) -> Result<Stmt, Error> {
    Ok(event_rows::find_visible_ticket(
        &viewer(call)?,
        &call.reference("ticket_id")?,
    ))
}

/// The statement that finds the ticket in the body of a new message.
pub fn find_addressed(call: &Call, _: &Reply) -> Result<Stmt, Error> {
    let input = input::parse_body(call.request, &SEND)?;
    let ticket = input.reference("ticket_id").ok_or(Error::NotFound)?;
    Ok(event_rows::find_visible_ticket(&viewer(call)?, ticket))
}

/// The ticket in the path, whether the parameter is called `ticket_id` or `id`.
pub fn ticket_in_path(call: &Call) -> Result<Ref, Error> {
    let name = if call.params.iter().any(|(name, _)| name == "ticket_id") {
        "ticket_id"
    } else {
        "id"
    };
    call.reference(name)
}

/// Whether the query asks for the newest first.
pub fn newest_first(input: &Input) -> bool {
    input.choice("order") == Some("desc")
}

/// `GET /tickets/{id}/comments`, `GET /messages/{ticket_id}`, `GET /messages/ticket/{id}`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&ORDER])?;
    let (reader, reference) = (viewer(call)?, ticket_in_path(call)?);
    List::new(
        rows::list(&reader, &reference, newest_first(&input), &page),
        || rows::count(&reader, &reference),
    )
    .of(event_rows::find_visible_ticket(&reader, &reference))
    .reply(call, &page)
    .await
}

/// `GET /tickets/{id}/comments/{message_id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let (ticket, message) = (call.reference("id")?, call.reference("message_id")?);
    let mut batch = Batch::new();
    let ticket = batch.add::<IdRow>(event_rows::find_visible_ticket(&reader, &ticket));
    let row = batch.add::<MessageRow>(rows::row(&reader, &message));
    let resource = batch.add(rows::show(&reader, &message));
    let found = call.read(batch).await?;
    if found.require(ticket)?.id != found.require(row)?.ticket_id {
        return Err(Error::NotFound);
    }
    resource_reply(call, &found, resource)
}

// Posting --------------------------------------------------------------------------------------------------------

/// `POST /tickets/{id}/comments`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let reference = call.reference("id")?;
    post(call, &reference, &input).await
}

/// `POST /messages`.
pub async fn send(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &SEND)?;
    let reference = input.reference("ticket_id").cloned().ok_or(Error::NotFound)?;
    post(call, &reference, &input).await
}

async fn post(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Reply, Error> {
    if is_internal(input) && !policy::may_read_internal(call.my_role()?) {
        return Err(Error::Forbidden("internal notes are for staff".to_owned()));
    }
    match post_unread(call, reference, input).await? {
        Some(reply) => Ok(reply),
        None => retry!(try_post(call, reference, input)),
    }
}

fn is_internal(input: &Input) -> bool {
    input.flag("is_internal").unwrap_or(false)
}

/// Posts the message without reading the ticket first. `None`, with nothing written, if that cannot be decided without
/// it or the ticket is not as expected.
async fn post_unread(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Option<Reply>, Error> {
    let ticket_id = match reference {
        Ref::Id(id) => *id,
        Ref::Uid(uid) => uid_row_id(uid),
        Ref::Number(_) | Ref::Key(_) => return Ok(None),
    };
    let Some(guard) = call.guard_unread().await else {
        return Ok(None);
    };
    let (author, uid_head, body) = (viewer(call)?, call.uid_head()?, input.required("body"));
    let saying = MessageDraft {
        uid_head: &uid_head,
        actor: &call.actor()?,
        body: &body,
        is_internal: is_internal(input),
        channel: "api",
    };
    let ticket = (&author, ticket_id);
    let Some(change) = post_on_unread(&Engine::of(call), guard, ticket, reference, &saying) else {
        return Ok(None);
    };
    let reply = call
        .commit_unread(change, reply_with(ticket_id, &uid_head))
        .await?;
    if author.role.is_staff() && !saying.is_internal {
        remember_response(ticket_id, author.id, reply.is_some());
    }
    Ok(reply)
}

/// The reply: the message that the batch has added.
fn reply_with(ticket_id: i64, uid_head: &str) -> CommitReply {
    let place = format!("/api/v1/tickets/{ticket_id}/comments/");
    CommitReply::Created(rows::show_new(ticket_id, uid_head), place)
}

/// One attempt at posting the message: reads the ticket, lets the rules decide, commits.
async fn try_post(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let mut batch = Batch::new();
    let ticket = batch.add::<TicketRow>(ticket::row(&reader, reference));
    let context = automation::needs_context(call).then(|| ticket_context::show(&reader, reference));
    // Rules may resolve the ticket, or give it away.
    let waiting = context.is_some().then(|| pool::may_follow(reference));
    let (context, waiting) = (
        batch.add_optional::<Rows>(context),
        batch.add_optional::<IdRow>(waiting),
    );
    let found = call.read(batch).await?;
    let ticket = found.require(ticket)?.ticket();
    let (uid_head, body) = (call.uid_head()?, input.required("body"));
    let saying = MessageDraft {
        uid_head: &uid_head,
        actor: &in_copy_since_merge(&ticket, call.actor()?),
        body: &body,
        is_internal: is_internal(input),
        channel: "api",
    };
    let reply = reply_with(ticket.id, &uid_head);
    let stmts = post_message(
        &Engine::of(call),
        ticket,
        ticket_context::read(found.rows_if(context)?)?,
        &saying,
    )?;
    let reply = call.commit(stmts, reply).await?;
    if let Some(agent) = found.first_if(waiting)? {
        let free = Free::Agent(Ref::Id(agent.id));
        call.assign_waiting(free, ONE_PLACE).await;
    }
    Ok(reply)
}

// Changing -------------------------------------------------------------------------------------------------------

/// `PUT /messages/{id}`. The original of a message that came by mail is deleted: what was edited out must not be readable
/// there.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let body = input.required("body");
    retry!(async {
        let row = own_message(call, &input).await?;
        let mut stmts = Vec::new();
        if row.body != body {
            // The old text must not be readable in the history: the event only says that the message was edited.
            let story = message_story(call, &row, EventKind::MessageEdited)?;
            let count_on = write::count_on(row.ticket_id, story.totals(), call.now());
            stmts = story.around(vec![count_on]);
            stmts.extend(rows::edit(row.id, row.version, &body, call.now()));
            stmts.extend(remove_original(&row));
        }
        call.commit(stmts, CommitReply::Row(rows::show_own_change(row.id)))
            .await
    })
}

/// `DELETE /messages/{id}`, with its original.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row = own_message(call, &Input::default()).await?;
        let story = message_story(call, &row, EventKind::MessageDeleted)?;
        let mut stmts = story.around(rows::delete(&row, call.now()).to_vec());
        stmts.extend(remove_original(&row));
        call.commit(stmts, CommitReply::Nothing).await
    })
}

fn remove_original(row: &MessageRow) -> Option<Stmt> {
    (row.channel == "email").then(|| removals::original_of_message(row.id))
}

/// The message in the path, if the caller may change it and its version is the expected one.
async fn own_message(call: &Call<'_>, input: &Input) -> Result<MessageRow, Error> {
    let row: MessageRow = call.read_row(find(call)?).await?;
    authorize_edit(row.author_id, row.created_at, &call.actor()?, call.now())?;
    call.check_version(row.version, Some(input))?;
    Ok(row)
}

/// The event that records a change of a message.
fn message_story(call: &Call, row: &MessageRow, kind: EventKind) -> Result<Story, Error> {
    let event = Event {
        is_internal: row.is_internal == 1,
        ..Event::public(kind, Vec::new())
    };
    let mut story = Story::new(&EventSubject::Ticket(row.ticket_id));
    story.push_event(
        &EventSubject::Message(row.id),
        Some(call.my_id()?),
        &event,
        call.now(),
    );
    Ok(story)
}
