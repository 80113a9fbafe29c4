//! Links of a ticket to others.

use crate::api::list::{List, parse_list_query};
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::tickets::policy::{self, Act, Relation};
use crate::desk::tickets::relations::link::LinkType;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::tickets::events;
use crate::store::tickets::relations::links::{self as rows, LINK_TYPE, LinkRow, MAX_LINKS, PairRow};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write;
use crate::store::tickets::write::story::Story;

/// The body of a new link.
pub const NEW: Shape = Shape {
    name: "NewTicketLink",
    fields: &[
        Field::required(
            "ticket_id",
            Kind::Reference,
            "The other ticket: id, uid, number or key.",
        ),
        Field::required(
            "type",
            Kind::Choice(&LINK_TYPE),
            "What this ticket is to the other one.",
        ),
    ],
};

/// The statement that finds the two tickets that a stored reply is about.
pub fn find_both(call: &Call, reply: &Reply) -> Result<Stmt, Error> {
    let other = match &reply.body {
        Body::Text(text) => serde_json::from_str::<serde_json::Value>(text)
            .ok()
            .and_then(|link| link.pointer("/ticket/id")?.as_i64()),
        _ => None,
    };
    Ok(rows::find_both(
        &viewer(call)?,
        &call.reference("id")?,
        other.ok_or(Error::NotFound)?,
    ))
}

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

/// `POST /tickets/{id}/links`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    retry!(try_create(call, &input))
}

async fn try_create(call: &Call<'_>, input: &Input) -> Result<Reply, Error> {
    let (reader, reference) = (viewer(call)?, call.reference("id")?);
    let other = input.reference("ticket_id").ok_or(Error::NotFound)?;
    let word = input.choice("type").unwrap_or_default();
    let (kind, is_back) = LinkType::parse(word).ok_or_else(|| Error::field("type", "is no type"))?;
    let pair: PairRow = call
        .read_row(rows::find_pair(&reader, &reference, other, (kind, is_back)))
        .await?;
    let other_id = pair.other_id.ok_or(Error::NotFound)?;
    policy::authorize(Act::Link, call.my_role()?, Relation::default())
        .map_err(|why| Error::Forbidden(why.to_owned()))?;
    if other_id == pair.id {
        return Err(Error::field("ticket_id", "must be another ticket"));
    }
    if pair.is_linked == 1 {
        return Err(Error::conflict("the tickets are linked like this already"));
    }
    if pair.is_circle == 1 {
        return Err(Error::conflict("the link would close a circle"));
    }
    if pair.links >= MAX_LINKS {
        return Err(Error::conflict(format!("a ticket has at most {MAX_LINKS} links")));
    }
    let (from, to) = if is_back {
        (other_id, pair.id)
    } else {
        (pair.id, other_id)
    };
    let mut stmts = rows::insert(from, to, kind, call.my_id()?, call.now());
    stmts.extend(stories(call, (from, to), kind, true)?);
    let place = format!("/api/v1/tickets/{}/links/", pair.id);
    let shown = rows::show(&reader, pair.id, other_id, kind, is_back);
    call.commit(stmts, CommitReply::Created(shown, place)).await
}

/// `DELETE /tickets/{id}/links/{link_id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    let Ref::Id(link_id) = call.reference("link_id")? else {
        return Err(Error::NotFound);
    };
    retry!(async {
        let link: LinkRow = call
            .read_row(rows::find(&viewer(call)?, &call.reference("id")?, link_id))
            .await?;
        let (kind, _) = LinkType::parse(&link.kind).ok_or(Error::NotFound)?;
        let mut stmts = rows::delete(link.id).to_vec();
        stmts.extend(stories(call, (link.ticket_id, link.other_id), kind, false)?);
        call.commit(stmts, CommitReply::Nothing).await
    })
}

/// The events at both ends. They say what kind of link it is and do not name the other ticket: not everybody who sees the
/// one may know of the other.
fn stories(call: &Call, (from, to): (i64, i64), kind: LinkType, is_new: bool) -> Result<Vec<Stmt>, Error> {
    let mut stmts = Vec::new();
    for (ticket_id, word) in [(from, kind.as_str()), (to, kind.inverse())] {
        let (before, after) = if is_new {
            (None, Some(word))
        } else {
            (Some(word), None)
        };
        let event = Event {
            is_internal: true,
            ..Event::public(
                EventKind::TicketUpdated,
                vec![FieldChange::new("links", before, after)],
            )
        };
        let subject = EventSubject::Ticket(ticket_id);
        let mut story = Story::new(&subject);
        story.push_silent_event(&subject, Some(call.my_id()?), &event, call.now());
        let counted = write::count_on(ticket_id, story.totals(), call.now());
        stmts.extend(story.around(vec![counted]));
    }
    Ok(stmts)
}
