//! The log of incoming mails that were not taken.

use crate::api::list::{List, parse_list_query};
use crate::app::call::Call;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::mail::log::{self as rows, MailLogFilter, OUTCOME, REASON};

/// The filter of the log.
pub const FILTER: Shape = Shape {
    name: "MailLogFilter",
    fields: &[
        Field::optional("outcome", Kind::Choice(&OUTCOME), "Only with this outcome."),
        Field::optional("reason", Kind::Choice(&REASON), "Only for this reason."),
    ],
};

/// `GET /admin/mail-log`: newest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&FILTER])?;
    let filter = MailLogFilter {
        outcome: input.choice("outcome"),
        reason: input.choice("reason"),
    };
    let [rows_of_page, stopped] = rows::list(filter, &page);
    List::new(rows_of_page, || rows::count(filter))
        .stopped(Some(stopped))
        .reply(call, &page)
        .await
}
