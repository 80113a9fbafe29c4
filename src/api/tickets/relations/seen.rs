//! How far somebody has read a ticket.

use serde::Deserialize;

use crate::app::call::{Call, viewer};
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::tickets::relations::seen as rows;

/// The body that says how far.
pub const SEEN: Shape = Shape {
    name: "TicketSeen",
    fields: &[Field::optional(
        "seq",
        Kind::Integer {
            min: 0,
            max: i64::MAX,
        },
        "The last event that was seen, by its `seq`; the last one there is, if it is not said.",
    )],
};

#[derive(Deserialize)]
struct LastRow {
    id: i64,
    seq: i64,
}

/// `PUT /tickets/{id}/seen`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &SEEN)?;
    let reader = viewer(call)?;
    let last: LastRow = call.read_row(rows::last(&reader, &call.reference("id")?)).await?;
    let seq = input.integer("seq").unwrap_or(last.seq).min(last.seq);
    let stmts = rows::see(&reader, last.id, seq).to_vec();
    call.commit(stmts, CommitReply::Row(rows::show(&reader, last.id)))
        .await
}
