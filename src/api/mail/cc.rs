//! The people of a ticket who are known by their address: who is in copy, and where answers to the requester go.

use serde_json::Value;

use crate::api::list::show_resource;
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::mail::inbound::header::authors::MailAddress;
use crate::desk::mail::inbound::people::MAX_CC;
use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::validation::FieldError;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, JsonFormat, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::mail::addresses::{self as rows, CcRow};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, guards};

static CC: JsonFormat = JsonFormat {
    schema: "CcList",
    validate: |value| read(value).err().unwrap_or_default(),
};

/// The body of a change of who is in copy.
pub const EDIT: Shape = Shape {
    name: "CcPatch",
    fields: &[Field::required(
        "cc",
        Kind::Json(&CC),
        "All people in copy, instead of those who are now.",
    )],
};

/// Reads a list of `{"email", "name"}`.
fn read(value: &Value) -> Result<Vec<MailAddress>, Vec<FieldError>> {
    let wrong = |why: &str| vec![("cc".to_owned(), why.to_owned())];
    let list = value.as_array().ok_or_else(|| wrong("must be a list"))?;
    if list.len() > MAX_CC {
        return Err(wrong("has room for 20 people"));
    }
    let one = |person: &Value| {
        let address = person.get("email").and_then(Value::as_str)?;
        let name = match person.get("name") {
            None | Some(Value::Null) => None,
            Some(name) => Some(name.as_str()?.trim().to_owned()),
        };
        let fits = name
            .as_deref()
            .is_none_or(|name| name.chars().count() <= 100 && !name.contains(char::is_control));
        let address = input::parse_email(address).ok()?;
        fits.then_some(MailAddress { address, name })
    };
    let read: Option<Vec<MailAddress>> = list.iter().map(one).collect();
    read.ok_or_else(|| {
        wrong("must be a list of {\"email\", \"name\"}, with addresses and names of at most 100 characters")
    })
}

/// `GET /tickets/{id}/cc`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(&viewer(call)?, &call.reference("id")?)).await
}

/// `PUT /tickets/{id}/cc`. The event counts the people and does not name them: addresses are not kept in histories.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input: Input = input::parse_body(call.request, &EDIT)?;
    let people = input
        .json("cc")
        .and_then(|value| read(value).ok())
        .unwrap_or_default();
    let own = call.app.config.mail.own_addresses();
    if let Some(person) = people.iter().find(|person| own.has(&person.address)) {
        return Err(Error::field(
            "cc",
            format!("{} is an address of this help desk", person.address),
        ));
    }
    let (reader, reference) = (viewer(call)?, call.reference("id")?);
    retry!(async {
        let ticket: TicketRow = call.read_row(ticket::row(&reader, &reference)).await?;
        let mut batch = Batch::new();
        let known = batch.add::<CcRow>(rows::list_cc(ticket.id));
        let known = call.app.db.batch(&batch).await?.all(known)?;
        let has_left = |person: &&MailAddress| {
            known
                .iter()
                .any(|row| row.has_left == 1 && row.address == person.address.to_lowercase())
        };
        if let Some(person) = people.iter().find(has_left) {
            return Err(Error::field(
                "cc",
                format!("{} has left the copy of this ticket", person.address),
            ));
        }
        let before = known.iter().filter(|row| row.has_left == 0).count();
        let ticket = ticket.ticket();
        let subject = EventSubject::Ticket(ticket.id);
        let event = Event {
            is_internal: true,
            ..Event::public(
                EventKind::TicketUpdated,
                vec![FieldChange::new("cc", before, people.len())],
            )
        };
        let mut story = Story::new(&subject);
        story.extend(rows::replace_cc(ticket.id, &people, call.now()));
        story.push_silent_event(&subject, Some(call.my_id()?), &event, call.now());
        let mut stmts = vec![guards::expect_ticket(ticket.id)];
        stmts.extend(write::change(&ticket, &ticket, story, call.now()));
        call.commit(stmts, CommitReply::Row(rows::show(&reader, &reference)))
            .await
    })
}
