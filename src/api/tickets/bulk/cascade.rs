//! Closes a ticket together with those that hang on it: its open children, the tickets that it blocks, and so on.

use serde_json::Value;

use crate::api::tickets::bulk::apply::{Item, Outcome, decide_all};
use crate::api::tickets::bulk::order::{MAX_TICKETS, Order};
use crate::api::tickets::bulk::{report, run};
use crate::app::call::{Call, viewer};
use crate::desk::id::Ref;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::{Refusal, TicketEdit};
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::store::commit::CommitReply;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::relations::links;
use crate::store::tickets::ticket::{self, TicketRow};

/// Closes the ticket in the path and those that hang on it, as far as the caller sees them. A ticket that cannot be closed
/// stays open and keeps none of the others open; only if it is the ticket itself nothing is closed.
pub async fn close(call: &Call<'_>, input: &Input) -> Result<Reply, Error> {
    let (reader, reference) = (viewer(call)?, call.reference("id")?);
    let most = i64::try_from(MAX_TICKETS).unwrap_or_default();
    let mut batch = Batch::new();
    let ticket = batch.add::<TicketRow>(ticket::row(&reader, &reference));
    let dependents = batch.add::<IdRow>(links::list_open_dependents(&reader, &reference, most));
    let found = call.read(batch).await?;
    let ticket = found.require(ticket)?.ticket();
    let dependents = found.all(dependents)?;
    let edit = TicketEdit {
        status: Some(Status::Closed),
        ..TicketEdit::default()
    };
    let change = decide(
        &ticket,
        &edit,
        &call.actor()?,
        &call.ticket_settings(),
        call.now(),
    );
    if let Err(Refusal::Forbidden(message)) = change {
        return Err(Error::Forbidden(message));
    }
    call.check_version(ticket.version, Some(input))?;
    change?;
    if dependents.len() >= MAX_TICKETS {
        return Err(Error::conflict(format!(
            "{MAX_TICKETS} tickets or more hang on this one; close some of them first"
        )));
    }
    let ids = std::iter::once(ticket.id).chain(dependents.iter().map(|row| row.id));
    let mut order = Order::close(ids.map(Value::from).collect())?;
    let first = order.find(call).await?;
    if input.flag("dry_run") == Some(true) {
        return Ok(Reply::ok(report(&decide_all(call, &order, &first)?, None)));
    }
    let answer = |items: &[Item]| match items.first().map(|item| &item.outcome) {
        // It was closed when it was read: somebody else has moved it since.
        Some(Outcome::Refused(_)) => Err(Error::VersionConflict),
        _ => Ok(CommitReply::Row(ticket::show_own_change(
            &reader,
            &Ref::Id(ticket.id),
        ))),
    };
    run(call, &mut order, first, answer).await
}
