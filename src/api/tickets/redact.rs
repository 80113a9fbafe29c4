//! Taking a text out of a ticket for good.

use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::redaction::Secret;
use crate::desk::tickets::ticket::Ticket;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::redaction::{self as rows, FoundMessage};
use crate::store::removals;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, guards};

/// The body: what is taken out.
pub const REDACTION: Shape = Shape {
    name: "Redaction",
    fields: &[Field::required(
        "text",
        Kind::Text { min: 1, max: 1_000 },
        "What is taken out: upper and lower case count, composed and decomposed characters are equal.",
    )],
};

/// `POST /tickets/{id}/redact`: replaces every occurrence of a text by a block, wherever a copy of it is kept.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &REDACTION)?;
    let (secret, reference) = (Secret::new(&input.required("text")), call.reference("id")?);
    retry!(try_redact(call, &reference, &secret))
}

async fn try_redact(call: &Call<'_>, reference: &Ref, secret: &Secret) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let row: TicketRow = call.read_row(ticket::row(&reader, reference)).await?;
    let (before, actor, now) = (row.ticket(), call.actor()?, call.now());
    policy::authorize(Act::Redact, actor.role, before.relation(&actor))
        .map_err(|why| Error::Forbidden(why.to_owned()))?;
    call.check_version(before.version, None)?;
    let messages: Vec<FoundMessage> = call.app.db.all(rows::find_messages(before.id, secret)).await?;
    let after = Ticket {
        title: secret
            .redact(&before.title)
            .unwrap_or_else(|| before.title.clone()),
        description: secret
            .redact(&before.description)
            .unwrap_or_else(|| before.description.clone()),
        custom_fields: (call.ticket_settings().custom_fields)
            .replace_text(&before.custom_fields, |value| secret.redact(value)),
        ..before.clone()
    };
    let subject = EventSubject::Ticket(before.id);
    let mut story = Story::new(&subject);
    let event = Event::public(EventKind::TicketRedacted, Vec::new());
    story.push_event(&subject, Some(actor.id), &event, now);
    let mut stmts = vec![guards::expect_version(before.id, before.version)];
    stmts.extend(write::change(&before, &after, story, now));
    stmts.extend(rows::redact(before.id, secret, &messages, now));
    // A mail says more than what was made of it, in other words and encodings, so all of them go.
    stmts.extend([
        removals::original_of_ticket(before.id),
        removals::originals_of_messages(before.id),
    ]);
    let reply = CommitReply::Row(ticket::show_own_change(&reader, &Ref::Id(before.id)));
    call.commit(stmts, reply).await
}
