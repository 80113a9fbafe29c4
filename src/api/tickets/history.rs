//! The history of a ticket: field changes, timeline, events after a sequence number.

use crate::api::list::list_reply;
use crate::api::tickets::messages::{AFTER, require_visible, ticket_in_path};
use crate::app::call::{Call, viewer};
use crate::http::error::Error;
use crate::http::input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::store::tickets::events::{self as event_rows, EventQuery};

// The past -------------------------------------------------------------------------------------------------------

/// `GET /tickets/{id}/history`.
pub async fn history(call: &Call<'_>) -> Result<Reply, Error> {
    list_events(call, EventQuery::History).await
}

/// `GET /tickets/{id}/timeline`.
pub async fn timeline(call: &Call<'_>) -> Result<Reply, Error> {
    list_events(call, EventQuery::Timeline).await
}

/// `GET /tickets/{id}/events?after=`.
pub async fn events(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&AFTER])?;
    list_events(call, EventQuery::After(input.integer("after").unwrap_or(0))).await
}

async fn list_events(call: &Call<'_>, part: EventQuery) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&page::QUERY])?;
    let page = Page::from_query(call.request, &input, call.my_id()?)?;
    let (reader, reference) = (viewer(call)?, ticket_in_path(call)?);
    let mut stmts = vec![
        event_rows::find_visible_ticket(&reader, &reference),
        event_rows::list(&reader, &reference, part, &page),
    ];
    if page.count {
        stmts.push(event_rows::count(&reader, &reference, part));
    }
    let found = call.read(stmts).await?;
    require_visible(found.first())?;
    list_reply(
        call,
        &page,
        found.get(1).ok_or(Error::NotFound)?,
        None,
        found.get(2),
    )
}
