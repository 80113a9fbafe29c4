//! Ratings by the requesters of tickets: in the API, and by the link of a mail.

use crate::api::list::show_resource;
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::ticket::Ticket;
use crate::desk::tools::rating::{RatedResolution, rate};
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::{Input, Patch};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow, Viewer};
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, guards};
use crate::store::tools::ratings::{self as rows, RatingRow};

const SCORE: Field = Field::required("score", Kind::Integer { min: 1, max: 5 }, "5 is the best.");
const COMMENT: Field = Field::nullable("comment", Kind::Text { min: 1, max: 2_000 }, "Why.");

/// The body of a rating.
pub const NEW: Shape = Shape {
    name: "NewRating",
    fields: &[SCORE, COMMENT],
};

/// The body of a rating by the link of a mail.
pub const BY_LINK: Shape = Shape {
    name: "RatingByLink",
    fields: &[
        Field::required("token", Kind::Secret, "The token of the mail."),
        SCORE,
        COMMENT,
    ],
};

/// `GET /tickets/{id}/rating`: the latest one.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(&viewer(call)?, &call.reference("id")?)).await
}

/// `POST /tickets/{id}/rating`: rates the outcome, or changes the rating.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let reference = call.reference("id")?;
    retry!(async {
        let reader = viewer(call)?;
        let mut batch = Batch::new();
        let ticket = batch.add::<TicketRow>(ticket::row(&reader, &reference));
        let rating = batch.add::<RatingRow>(rows::row(&reader, &reference));
        let found = call.read(batch).await?;
        let ticket = found.require(ticket)?.ticket();
        let rating = found.first(rating)?;
        rate(
            &ticket,
            reader.id,
            rating.as_ref().map(|rating| rating.created_at),
            call.now(),
        )?;
        let stmts = write_stmts(&ticket, rating, &input, call.now());
        let view = rows::show(&reader, &Ref::Id(ticket.id));
        call.commit(stmts, CommitReply::Row(view)).await
    })
}

/// `POST /rate`: the same, by the link of a mail. The link is of one resolution: after a reopening it rates nothing.
pub async fn create_by_link(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &BY_LINK)?;
    call.check_rate_limit().await?;
    let wrong = |message: &str| Error::field("token", message);
    let resolution = RatedResolution::verify(&call.app.config.mail.signer, &input.required("token"))
        .ok_or_else(|| wrong("is invalid"))?;
    let (reader, reference) = (Viewer::system(call.now()), Ref::Id(resolution.ticket_id));
    retry!(async {
        let mut batch = Batch::new();
        let ticket = batch.add::<TicketRow>(ticket::row(&reader, &reference));
        let rating = batch.add::<RatingRow>(rows::row(&reader, &reference));
        let found = call.read_public(batch).await?;
        let ticket = found.first(ticket)?.map(|row| row.ticket());
        let ticket = ticket.filter(|ticket| resolution.is_of(ticket));
        let ticket = ticket.ok_or_else(|| wrong("is of a solution that is no more"))?;
        let rating = found.first(rating)?;
        let rated_at = rating.as_ref().map(|rating| rating.created_at);
        rate(&ticket, resolution.user_id, rated_at, call.now())?;
        let stmts = write_stmts(&ticket, rating, &input, call.now());
        call.write(stmts.into()).await?;
        Ok(Reply::ok(r#"{"message":"thank you for your rating"}"#.to_owned()))
    })
}

/// The statements that rate a ticket; none if the rating is the same already.
fn write_stmts(ticket: &Ticket, rating: Option<RatingRow>, input: &Input, now: i64) -> Vec<Stmt> {
    let score = input.integer("score").unwrap_or_default();
    let before = rating.as_ref().and_then(|rating| rating.comment.clone());
    let comment = match input.patch("comment") {
        Patch::Keep => before.clone(),
        Patch::Clear => None,
        Patch::Set(comment) => Some(comment),
    };
    if rating.is_some_and(|rating| rating.score == score) && comment == before {
        return Vec::new();
    }
    let subject = EventSubject::Ticket(ticket.id);
    let mut story = Story::new(&subject);
    // What is said stands in the rating only, where it can be taken out again.
    let event = Event {
        data: serde_json::json!({"score": score}),
        ..Event::public(EventKind::TicketRated, Vec::new())
    };
    story.push(rows::write(ticket, score, comment, now));
    story.push_event(&subject, Some(ticket.requester_id), &event, now);
    let mut stmts = vec![guards::expect_version(ticket.id, ticket.version)];
    stmts.extend(write::change(ticket, ticket, story, now));
    stmts
}
