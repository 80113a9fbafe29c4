//! What people have been told, and how they want to be told.

use crate::api::list::{listed, one, row};
use crate::app::call::{Call, reader};
use crate::desk::notification;
use crate::http::error::Error;
use crate::http::input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Form, Kind, Shape};
use crate::store::commit::Answer;
use crate::store::notifications::{self as rows, Filter, KIND};
use crate::store::rows::Id;

/// The filters of a list.
pub const LIST: Shape = Shape {
    name: "NotificationFilter",
    fields: &[
        Field::optional("unread", Kind::Flag, "Only what has not been read."),
        Field::optional("kind", Kind::Word(&KIND), "Only of this kind.").or(&["type"]),
    ],
};

/// The body of a change of preferences.
pub const PREFER: Shape = Shape {
    name: "NotificationPreferencesPatch",
    fields: &[Field::required(
        "preferences",
        Kind::Json(&WAYS),
        "By kind: `live` (the list and the socket) and `email`. What is not named stays.",
    )],
};

static WAYS: Form = Form {
    schema: "NotificationWays",
    check: notification::mistakes,
};

/// `GET /notifications`: newest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &LIST])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let filter = Filter {
        unread: taken.flag("unread").unwrap_or(false),
        kind: taken.word("kind"),
    };
    let reader = reader(call)?;
    let mut stmts: Vec<_> = rows::list(&reader, filter, &page).into();
    if page.count {
        stmts.push(rows::count(&reader, filter));
    }
    let found = call.read(stmts).await?;
    listed(
        call,
        &page,
        found.first().ok_or(Error::NotFound)?,
        found.get(1),
        found.get(2),
    )
}

/// `GET /notifications/unread-count`.
pub async fn unread_count(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call.read(vec![rows::unread_count(&reader(call)?)]).await?;
    one(found.first())
}

/// `PUT /notifications/{id}/read`.
pub async fn mark_read(call: &Call<'_>) -> Result<Reply, Error> {
    let reader = reader(call)?;
    let found = call
        .read(vec![rows::row(&reader, &call.reference("id")?)])
        .await?;
    let found: Id = row(found.first())?;
    call.commit(
        vec![rows::mark_read(found.id, call.now())],
        Answer::Row(rows::show(&reader, found.id)),
    )
    .await
}

/// `PUT /notifications/read-all`: those that can no longer be seen included.
pub async fn mark_all_read(call: &Call<'_>) -> Result<Reply, Error> {
    call.authorize().await?;
    call.commit(
        vec![rows::mark_all_read(call.my_id()?, call.now())],
        Answer::Row(rows::unread_count(&reader(call)?)),
    )
    .await
}

/// `GET /notifications/preferences`.
pub async fn preferences(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call.read(vec![rows::preferences(call.my_id()?)]).await?;
    one(found.first())
}

/// `PUT /notifications/preferences`.
pub async fn prefer(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &PREFER)?;
    let wanted = taken.json("preferences").map(notification::read);
    let wanted = wanted.and_then(Result::ok).unwrap_or_default();
    call.authorize().await?;
    let me = call.my_id()?;
    call.commit(rows::prefer(me, &wanted), Answer::Row(rows::preferences(me)))
        .await
}
