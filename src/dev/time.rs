//! Time and failures in development and tests: tickets can be moved into the past, cron jobs run on request, and
//! invalid or duplicate queue messages can be sent.

use serde_json::json;

use crate::app::call::App;
use crate::desk::HOUR;
use crate::desk::id::MAX_ID;
use crate::edge::db::Batch;
use crate::edge::queue;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::http::shape::{Field, Kind, Shape};
use crate::jobs;
use crate::store::dispatch::{Dispatch, DispatchKind};
use crate::store::sql::rows::IdRow;
use crate::store::tickets::time_travel;

/// The body of `POST /dev/age`.
const BACKDATE: Shape = Shape {
    name: "Age",
    fields: &[
        Field::required("ticket", Kind::Reference, "The ticket: id, uid, number or key."),
        Field::required(
            "hours",
            Kind::Integer { min: 1, max: 100_000 },
            "By how much it grows older.",
        ),
    ],
};

/// The body of `POST /dev/tick`.
const TICK: Shape = Shape {
    name: "Tick",
    fields: &[Field::optional(
        "now",
        Kind::Time,
        "The moment that it is for the clock.",
    )],
};

/// The body of `POST /dev/queue`.
const QUEUE: Shape = Shape {
    name: "Queued",
    fields: &[
        Field::required(
            "text",
            Kind::Text { min: 1, max: 10_000 },
            "The text of a message.",
        ),
        Field::optional(
            "times",
            Kind::Integer { min: 1, max: 100 },
            "How often it is sent.",
        ),
    ],
};

/// The body of `POST /dev/deliver`.
const DELIVER: Shape = Shape {
    name: "Deliver",
    fields: &[
        Field::required(
            "webhook",
            Kind::Integer { min: 1, max: MAX_ID },
            "The id of the webhook.",
        ),
        Field::optional(
            "times",
            Kind::Integer { min: 1, max: 50 },
            "How many consumers at once.",
        ),
        Field::optional("now", Kind::Time, "The moment that it is for them."),
    ],
};

/// `POST /dev/deliver`: processes a queue message about a webhook, by several consumers at once if requested.
///
/// # Errors
/// When fields are invalid.
pub async fn deliver(app: &App, request: &Request) -> Result<Reply, Error> {
    let input = input::parse_body(request, &DELIVER)?;
    let due = Dispatch {
        what: DispatchKind::Hook,
        id: input.integer("webhook").unwrap_or_default(),
    };
    let now = input.time("now").unwrap_or(app.now);
    let consumers =
        (0..input.integer("times").unwrap_or(1)).map(|_| jobs::queue::process(&app.env, due, now));
    let times = futures_util::future::join_all(consumers).await.len();
    Ok(Reply::ok(json!({"times": times}).to_string()))
}

/// `POST /dev/age`: moves everything that has happened to a ticket, and its due times, into the past.
///
/// # Errors
/// When fields are invalid, or there is no such ticket.
pub async fn backdate(app: &App, request: &Request) -> Result<Reply, Error> {
    let input = input::parse_body(request, &BACKDATE)?;
    let ticket = input.reference("ticket").ok_or(Error::NotFound)?;
    let hours = input.integer("hours").unwrap_or_default();
    let [tickets, rest @ ..] = time_travel::backdate(ticket, hours.saturating_mul(HOUR));
    let mut batch = Batch::new();
    let moved = batch.add::<IdRow>(tickets);
    batch.extend(rest);
    app.db.batch(&batch).await?.require(moved)?;
    Ok(Reply::ok(json!({"hours": hours}).to_string()))
}

/// `POST /dev/tick`: runs the cron jobs; they are finished when the response arrives.
///
/// # Errors
/// When fields are invalid.
pub async fn tick(app: &App, request: &Request) -> Result<Reply, Error> {
    let input = input::parse_optional_body(request, &TICK)?;
    let (chores, cost) = jobs::tick(&app.env, input.time("now").unwrap_or(app.now)).await;
    let body = json!({"chores": chores, "trips": cost.trips, "rows_read": cost.rows_read,
        "rows_written": cost.rows_written});
    Ok(Reply::ok(body.to_string()))
}

/// `POST /dev/queue`: puts a message into the outgoing queue, once or several times.
///
/// # Errors
/// When fields are invalid, or the queue does not accept the messages.
pub async fn enqueue(app: &App, request: &Request) -> Result<Reply, Error> {
    let input = input::parse_body(request, &QUEUE)?;
    let times = usize::try_from(input.integer("times").unwrap_or(1)).unwrap_or(1);
    let texts = vec![input.required("text"); times];
    queue::send(&app.env, texts).await.map_err(Error::Internal)?;
    Ok(Reply::ok(json!({"sent": times}).to_string()))
}

/// `POST /dev/panic`: panics, to test what happens afterwards.
///
/// # Panics
/// Always.
#[expect(clippy::panic, reason = "it is there to panic")]
pub fn panic() -> ! {
    panic!("POST /dev/panic was called")
}
