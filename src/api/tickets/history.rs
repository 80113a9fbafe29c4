//! The history of a ticket: field changes, timeline, events after a sequence number.

use crate::api::list::{List, parse_list_query};
use crate::api::tickets::messages::{AFTER, ORDER, newest_first, ticket_in_path};
use crate::app::call::{Call, viewer};
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::store::tickets::events::{self as event_rows, EventQuery};

/// `GET /tickets/{id}/history`: field changes.
pub async fn history(call: &Call<'_>) -> Result<Reply, Error> {
    list_events(call, EventQuery::History).await
}

/// `GET /tickets/{id}/timeline`: messages and events in order.
pub async fn timeline(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&ORDER])?;
    let newest_first = newest_first(&input);
    list_events(call, EventQuery::Timeline { newest_first }).await
}

/// `GET /tickets/{id}/events?after=`: events after a sequence number.
pub async fn events(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&AFTER])?;
    list_events(call, EventQuery::After(input.integer("after").unwrap_or(0))).await
}

async fn list_events(call: &Call<'_>, part: EventQuery) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    let (reader, reference) = (viewer(call)?, ticket_in_path(call)?);
    List::new(event_rows::list(&reader, &reference, part, &page), || {
        event_rows::count(&reader, &reference, part)
    })
    .of(event_rows::find_visible_ticket(&reader, &reference))
    .reply(call, &page)
    .await
}
