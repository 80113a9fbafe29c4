//! The caller's notifications, and the channels (live, e-mail) by which the caller wants to receive them.

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::{Call, viewer};
use crate::desk::notification;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, JsonFormat, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::notifications::{self as rows, KIND, NotificationFilter};
use crate::store::sql::rows::IdRow;

/// The filters of the list of notifications.
pub const LIST: Shape = Shape {
    name: "NotificationFilter",
    fields: &[
        Field::optional("unread", Kind::Flag, "Only what has not been read."),
        Field::optional("kind", Kind::Choice(&KIND), "Only of this kind.").or(&["type"]),
    ],
};

/// The body of a change of notification preferences.
pub const PREFERENCES: Shape = Shape {
    name: "NotificationPreferencesPatch",
    fields: &[Field::required(
        "preferences",
        Kind::Json(&WAYS),
        "By kind: `live` (the list and the socket) and `email`. What is not named stays.",
    )],
};

static WAYS: JsonFormat = JsonFormat {
    schema: "NotificationWays",
    validate: notification::validate_preferences,
};

/// `GET /notifications`: newest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let filter = NotificationFilter {
        unread: input.flag("unread").unwrap_or(false),
        kind: input.choice("kind"),
    };
    let reader = viewer(call)?;
    let [list, stopped] = rows::list(&reader, filter, &page);
    List::new(list, || rows::count(&reader, filter))
        .stopped(Some(stopped))
        .reply(call, &page)
        .await
}

/// `GET /notifications/unread-count`.
pub async fn unread_count(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::unread_count(&viewer(call)?)).await
}

/// `PUT /notifications/{id}/read`.
pub async fn mark_read(call: &Call<'_>) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let found: IdRow = call.read_row(rows::row(&reader, &call.reference("id")?)).await?;
    call.commit(
        vec![rows::mark_read(call.my_id()?, found.id, call.now())],
        CommitReply::Row(rows::show(&reader, found.id)),
    )
    .await
}

/// `DELETE /notifications/{id}`: takes it out of the list. An e-mail of it that waits is still sent.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let found: IdRow = call
        .read_row(rows::row(&viewer(call)?, &call.reference("id")?))
        .await?;
    call.commit(
        vec![rows::hide(call.my_id()?, found.id, call.now())],
        CommitReply::Nothing,
    )
    .await
}

/// `PUT /notifications/read-all`: includes notifications that the caller can no longer see.
pub async fn mark_all_read(call: &Call<'_>) -> Result<Reply, Error> {
    call.authorize().await?;
    call.commit(
        vec![rows::mark_all_read(call.my_id()?, call.now())],
        CommitReply::Row(rows::unread_count(&viewer(call)?)),
    )
    .await
}

/// `GET /notifications/preferences`.
pub async fn preferences(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::preferences(call.my_id()?)).await
}

/// `PUT /notifications/preferences`.
pub async fn set_preferences(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &PREFERENCES)?;
    let wanted = input.json("preferences").map(notification::parse_preferences);
    let wanted = wanted.and_then(Result::ok).unwrap_or_default();
    call.authorize().await?;
    let me = call.my_id()?;
    call.commit(
        rows::set_preferences(me, &wanted),
        CommitReply::Row(rows::preferences(me)),
    )
    .await
}
