//! The history of a ticket: field changes, timeline, events after a sequence number.

use crate::api::list::listed;
use crate::api::tickets::messages::{AFTER, must_see, ticket_in_path};
use crate::app::call::{Call, reader};
use crate::http::error::Error;
use crate::http::input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::store::tickets::events::{self as event_rows, Part};

// The past -------------------------------------------------------------------------------------------------------

/// `GET /tickets/{id}/history`.
pub async fn history(call: &Call<'_>) -> Result<Reply, Error> {
    past(call, Part::History).await
}

/// `GET /tickets/{id}/timeline`.
pub async fn timeline(call: &Call<'_>) -> Result<Reply, Error> {
    past(call, Part::Timeline).await
}

/// `GET /tickets/{id}/events?after=`.
pub async fn events(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&AFTER])?;
    past(call, Part::After(taken.whole("after").unwrap_or(0))).await
}

async fn past(call: &Call<'_>, part: Part) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let (reader, reference) = (reader(call)?, ticket_in_path(call)?);
    let mut stmts = vec![
        event_rows::ticket_is_seen(&reader, &reference),
        event_rows::list(&reader, &reference, part, &page),
    ];
    if page.count {
        stmts.push(event_rows::count(&reader, &reference, part));
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
