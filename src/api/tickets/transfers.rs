//! Transfers: handing a ticket to another agent, with a reason that only staff can read.

use crate::api::list::{List, parse_list_query};
use crate::api::tickets::references::{find_assignee, read_assignee};
use crate::app::automation;
use crate::app::call::waiting::ONE_PLACE;
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::ticket::Refusal;
use crate::desk::tickets::transfer::transfer;
use crate::edge::db::{Batch, Rows};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::automation::ticket_context;
use crate::store::commit::CommitReply;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::assignment::pool::{self, Free};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::transfers::{self as rows, NewTransfer};
use crate::store::tickets::write::story::Story;
use crate::store::tickets::{events, write};

/// The body of a transfer.
pub const NEW: Shape = Shape {
    name: "NewTransfer",
    fields: &[
        Field::required(
            "assignee",
            Kind::ReferenceOr(&["me"]),
            "Whom to hand the ticket to.",
        )
        .or(&["to", "agent_id", "to_agent_id", "assigned_to", "assignee_id"]),
        Field::required(
            "reason",
            Kind::Text { min: 1, max: 1_000 },
            "Why; for staff only.",
        ),
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

/// `POST /tickets/{id}/transfer`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let reference = call.reference("id")?;
    retry!(try_transfer(call, &reference, &input))
}

async fn try_transfer(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let mut batch = Batch::new();
    let before = batch.add::<TicketRow>(ticket::row(&reader, reference));
    let assignee = batch.add_optional(find_assignee(input, call.my_id()?)?);
    let context = automation::needs_context(call).then(|| ticket_context::show(&reader, reference));
    let context = batch.add_optional::<Rows>(context);
    let waiting = batch.add::<IdRow>(pool::may_follow(reference));
    let found = call.read(batch).await?;
    let before = found.require(before)?.ticket();
    let to = read_assignee(found.first_if(assignee)?)?;
    let (actor, now, uid) = (call.actor()?, call.now(), call.uid()?);
    let to_id = to.id;
    let change = transfer(&before, to, &actor, &call.ticket_settings(), now);
    if let Err(Refusal::Forbidden(message)) = &change {
        return Err(Error::Forbidden(message.clone()));
    }
    call.check_version(before.version, Some(input))?;
    let change = change?;
    let context = ticket_context::read(found.rows_if(context)?)?;
    let followed = automation::apply_rules_to_change(call, (&before, &change.ticket), &context)?;
    let subject = EventSubject::Ticket(before.id);
    let mut story = Story::new(&subject);
    if let Some(event) = &change.event {
        story.push_event(&subject, Some(actor.id), event, now);
    }
    story.push_beside(rows::insert(&NewTransfer {
        uid: &uid,
        ticket_id: before.id,
        actor_id: actor.id,
        from_id: before.assignee.as_ref().map(|person| person.id),
        to_id,
        reason: &input.required("reason"),
        now,
    }));
    story.append(followed.story);
    let reply = call
        .commit(
            write::change(&before, &followed.ticket, story, now),
            CommitReply::Row(ticket::show_own_change(&reader, &Ref::Id(before.id))),
        )
        .await?;
    if let Some(agent) = found.first(waiting)? {
        let free = Free::Agent(Ref::Id(agent.id));
        call.assign_waiting(free, ONE_PLACE).await;
    }
    Ok(reply)
}

/// `GET /transfers`: those of all tickets, newest first.
pub async fn list_all(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    let [list, stopped] = rows::list_all(&page);
    List::new(list, rows::count_all)
        .stopped(Some(stopped))
        .reply(call, &page)
        .await
}

/// `GET /tickets/{id}/transfers`.
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
