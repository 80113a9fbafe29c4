//! Links of a ticket to others.

use crate::api::list::{List, parse_list_query};
use crate::app::call::{Call, viewer};
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::tickets::{events, links as rows};

/// `GET /tickets/{id}/links`.
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
