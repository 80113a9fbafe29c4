//! Watchers of a ticket: oneself, and others.

use crate::api::list::{List, parse_list_query};
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::tickets::policy::{self, Act, Relation};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::commit::CommitReply;
use crate::store::tickets::events;
use crate::store::tickets::relations::watchers::{self as rows, MAX_WATCHERS, WatchRow};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write;
use crate::store::tickets::write::story::Story;

/// `GET /tickets/{id}/watchers`.
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

/// `PUT /tickets/{id}/watch`.
pub async fn watch(call: &Call<'_>) -> Result<Reply, Error> {
    let me = Ref::Id(call.my_id()?);
    retry!(try_add(call, &me))
}

/// `PUT /tickets/{id}/watchers/{user_id}`.
pub async fn add(call: &Call<'_>) -> Result<Reply, Error> {
    let person = call.reference("user_id")?;
    retry!(try_add(call, &person))
}

/// `DELETE /tickets/{id}/watch`: whether or not one watches it.
pub async fn unwatch(call: &Call<'_>) -> Result<Reply, Error> {
    let row = find(call, &Ref::Id(call.my_id()?)).await?;
    call.commit(vec![rows::delete(row.id, call.my_id()?)], CommitReply::Nothing)
        .await
}

/// `DELETE /tickets/{id}/watchers/{user_id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let person = call.reference("user_id")?;
    let row = find(call, &person).await?;
    let user_id = row.user_id.filter(|_| row.watches == 1).ok_or(Error::NotFound)?;
    let mut stmts = Vec::new();
    if user_id != call.my_id()? {
        stmts.extend(story(call, &row, row.watchers.saturating_sub(1))?);
    }
    stmts.push(rows::delete(row.id, user_id));
    call.commit(stmts, CommitReply::Nothing).await
}

async fn find(call: &Call<'_>, person: &Ref) -> Result<WatchRow, Error> {
    call.read_row(rows::find(&viewer(call)?, &call.reference("id")?, person))
        .await
}

async fn try_add(call: &Call<'_>, person: &Ref) -> Result<Reply, Error> {
    let row = find(call, person).await?;
    let user_id = row.user_id.ok_or(Error::NotFound)?;
    let (me, is_me) = (call.my_id()?, user_id == call.my_id()?);
    let relation = Relation {
        is_requester: is_me && row.is_requester == 1,
        ..Relation::default()
    };
    policy::authorize(Act::Watch, call.my_role()?, relation)
        .map_err(|why| Error::Forbidden(why.to_owned()))?;
    let mut stmts = Vec::new();
    if row.watches == 0 {
        if row.sees == 0 {
            return Err(Error::conflict("this person does not see the ticket"));
        }
        if row.watchers >= MAX_WATCHERS {
            return Err(Error::conflict(format!(
                "a ticket has at most {MAX_WATCHERS} watchers"
            )));
        }
        stmts.extend(rows::insert(row.id, user_id, me, call.now()));
        if !is_me {
            stmts.extend(story(call, &row, row.watchers.saturating_add(1))?);
        }
    }
    call.commit(stmts, CommitReply::Row(rows::show(row.id, user_id)))
        .await
}

/// The event that somebody was made a watcher, or is one no longer. Like that of people in copy it counts them: who
/// follows a ticket is nobody's past.
fn story(call: &Call, row: &WatchRow, watchers: i64) -> Result<Vec<Stmt>, Error> {
    let event = Event {
        is_internal: true,
        ..Event::public(
            EventKind::TicketUpdated,
            vec![FieldChange::new("watchers", row.watchers, watchers)],
        )
    };
    let subject = EventSubject::Ticket(row.id);
    let mut story = Story::new(&subject);
    story.push_silent_event(&subject, Some(call.my_id()?), &event, call.now());
    let counted = write::count_on(row.id, story.totals(), call.now());
    Ok(story.around(vec![counted]))
}
