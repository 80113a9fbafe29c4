//! The original of a mail, beside the message or ticket that it became.

use crate::app::call::{Call, viewer};
use crate::app::file_store::Files;
use crate::desk::mail::inbound::original::object_key;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::reply::{Body, Reply};
use crate::store::mail::originals::{self as rows, OriginalRow};

/// `GET /messages/{id}/original`.
pub async fn of_message(call: &Call<'_>) -> Result<Reply, Error> {
    show(
        call,
        rows::of_message(&viewer(call)?, &call.reference("ticket_id")?),
    )
    .await
}

/// `GET /tickets/{id}/original`.
pub async fn of_ticket(call: &Call<'_>) -> Result<Reply, Error> {
    show(call, rows::of_ticket(&viewer(call)?, &call.reference("id")?)).await
}

/// Replies with the stored JSON. Customers read only what they wrote: a mail of somebody else tells more than its
/// message, such as other people's addresses.
async fn show(call: &Call<'_>, row: Stmt) -> Result<Reply, Error> {
    let row: OriginalRow = call.read_row(row).await?;
    if !call.my_role()?.is_staff() && row.author_id != call.my_id()? {
        return Err(Error::Forbidden(
            "only its author and staff may read the original".to_owned(),
        ));
    }
    if row.has_original == 0 {
        return Err(Error::NotFound);
    }
    let (size, stream) = Files::of(call.app)
        .open(&object_key(&row.uid), None)
        .await?
        .ok_or(Error::NotFound)?;
    let body = Body::File {
        size,
        stream: Box::new(stream),
    };
    Ok(Reply::new(200, body))
}
