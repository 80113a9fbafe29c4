//! What comes in over a socket.

use serde_json::{Map, Value, json};

use super::pump::{dismiss, standings};
use super::{Echo, Live, change, object};
use crate::desk::frame::{self, Said};
use crate::desk::id::Ref;
use crate::desk::seat::{End, Object, Pass, Seat, Standing};
use crate::edge::db::{Db, DbError};
use crate::edge::hub::{Frame, Hub, Socket};
use crate::edge::token::Claims;
use crate::edge::{clock, ids};
use crate::http::error::Error;
use crate::http::json;
use crate::http::reply::{Body, Reply};
use crate::http::request::{Headers, Request};
use crate::store::due::{Due, What};
use crate::store::live::{self as rows, Told};
use crate::{serve, tell};

/// Frames of one ticket that one page brings back, and pages of one `resume`.
const PAGE: i64 = 100;
const PAGES: usize = 10;

/// The headers of a request that is made of a frame.
struct Spoken {
    client_id: Option<String>,
}

impl Headers for Spoken {
    fn get(&self, name: &str) -> Option<String> {
        match name {
            "idempotency-key" => self.client_id.clone(),
            _ => None,
        }
    }
}

/// A socket that has said something.
struct Speaker<'a> {
    hub: &'a Hub,
    socket: &'a Socket,
    seat: Seat,
    object: Object,
    /// How the client calls the frame.
    reference: Option<String>,
}

impl Speaker<'_> {
    fn send(&self, text: &str) {
        self.socket.send(text);
    }

    fn refuse(&self, error: Error) {
        refuse(self.socket, error, self.reference.as_deref());
    }
}

/// Tells why something was not done, in the words of the same refusal over HTTP.
fn refuse(socket: &Socket, error: Error, reference: Option<&str>) {
    let now = clock::now();
    let request_id = ids::uid(now).unwrap_or_default();
    socket.send(&refusal(&error.into_reply(&request_id, false), reference));
}

fn refusal(reply: &Reply, reference: Option<&str>) -> String {
    let envelope = match &reply.body {
        Body::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Value::Null,
    };
    frame::error(&envelope, reference, clock::now())
}

impl Live {
    /// Somebody has sent a frame, whatever it may be.
    pub async fn heard(&self, hub: &Hub, socket: Socket, sent: Frame) {
        let now = clock::now();
        let passed = change(&socket, |seat| (seat.pace.pass(now), seat.clone()));
        let (Some((pass, seat)), Some(object)) = (passed, object(hub)) else {
            return;
        };
        if seat.is_expired(now) {
            return dismiss(&socket, End::Unauthorized);
        }
        let slow_down = Error::RateLimited {
            message: "too many frames; slow down",
            seconds: 10,
        };
        match pass {
            Pass::Listen => {}
            Pass::Slow => return refuse(&socket, slow_down, None),
            Pass::Out => {
                refuse(&socket, slow_down, None);
                return dismiss(&socket, End::TooFast);
            }
        }
        let map = match read(sent) {
            Ok(map) => map,
            Err(error) => return refuse(&socket, error, None),
        };
        let speaker = Speaker {
            hub,
            socket: &socket,
            seat,
            object,
            reference: frame::reference(&map),
        };
        match frame::read(map) {
            Err(mistakes) => speaker.refuse(Error::Invalid(mistakes)),
            Ok(Said::Ping) => speaker.send(&frame::pong(speaker.reference.as_deref(), now)),
            Ok(Said::Message { body, client_id }) => self.say(&speaker, body, client_id).await,
            Ok(Said::Typing {
                ticket,
                is_typing,
                is_internal,
            }) => self.show_typing(&speaker, ticket, is_typing, is_internal).await,
            Ok(Said::Resume(last)) => self.resume(&speaker, last).await,
            Ok(Said::ResumeTickets(tickets)) => self.resume_tickets(&speaker, tickets).await,
        }
    }

    /// Says something, by the way of `POST /messages`: the same checks, the same batch, and then everybody hears it.
    async fn say(&self, speaker: &Speaker<'_>, mut body: Map<String, Value>, client_id: Option<String>) {
        if let Object::Room(ticket) = speaker.object {
            if body.get("ticket_id").is_some_and(|named| *named != json!(ticket)) {
                return speaker.refuse(another_ticket("ticket_id"));
            }
            body.insert("ticket_id".to_owned(), json!(ticket));
        }
        let request = Request {
            verb: "POST".to_owned(),
            origin: String::new(),
            path: "/messages".to_owned(),
            query: String::new(),
            headers: Box::new(Spoken { client_id }),
            body: Value::Object(body).to_string().into_bytes(),
        };
        let due = {
            let _turn = self.turn.lock().await;
            let (reply, due) = serve::spoken(&speaker.hub.env, &request, &claims(&speaker.seat)).await;
            if (200..300).contains(&reply.status) {
                self.answer(speaker, &reply).await;
            } else {
                speaker.send(&refusal(&reply, speaker.reference.as_deref()));
                self.look(speaker.hub).await;
            }
            due
        };
        let own = |due: &Due| match speaker.object {
            Object::Room(id) => due.what == What::Room && due.id == id,
            Object::Person(id) => due.what == What::User && due.id == id,
        };
        let others = due.into_iter().filter(|due| !own(due)).collect();
        tell::tell(&speaker.hub.env, others).await;
    }

    /// Lets everybody hear what was said, and who has said it that it was: also where it is not theirs to hear by
    /// itself, or was said before.
    async fn answer(&self, speaker: &Speaker<'_>, reply: &Reply) {
        let said: Value = match &reply.body {
            Body::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            _ => Value::Null,
        };
        let message_id = said["id"].as_i64().unwrap_or_default();
        self.echo.replace(Some(Echo {
            message_id,
            seat: speaker.seat.id.clone(),
            reference: speaker.reference.clone(),
        }));
        self.look(speaker.hub).await;
        if self.echo.take().is_none() || !speaker.socket.is_open() {
            return;
        }
        let internal = speaker.seat.hears_internal();
        let found = match Db::open(&speaker.hub.env) {
            Ok(db) => db.batch(&[rows::said(message_id, internal)]).await,
            Err(error) => Err(error),
        };
        let told: Option<Told> = found.ok().and_then(|rows| rows.first()?.first().ok()?);
        if let Some(text) = told.and_then(|told| told.staff.or(told.public)) {
            match &speaker.reference {
                Some(reference) => speaker.send(&frame::named(&text, reference)),
                None => speaker.send(&text),
            }
        }
    }

    async fn show_typing(
        &self,
        speaker: &Speaker<'_>,
        ticket: Option<Ref>,
        is_typing: bool,
        is_internal: bool,
    ) {
        let Object::Room(room) = speaker.object else {
            return speaker.refuse(Error::field(
                "type",
                "typing is heard by the socket of a ticket: /messages/room/{ticket_id}",
            ));
        };
        if ticket.is_some_and(|ticket| ticket != Ref::Id(room)) {
            return speaker.refuse(another_ticket("ticket_id"));
        }
        let seat = &speaker.seat;
        if is_internal && !seat.hears_internal() {
            return speaker.refuse(Error::Forbidden("internal notes are for staff".to_owned()));
        }
        let now = clock::now();
        if change(speaker.socket, |seat| seat.shows_typing(is_typing, now)) == Some(true) {
            let text = frame::typing(room, &seat.card, is_typing, is_internal, now);
            self.whisper(speaker.hub, seat.user_id, is_internal, text).await;
        }
    }

    /// Goes back to where the client has stopped hearing: from there everything is told again, in order.
    async fn resume(&self, speaker: &Speaker<'_>, last: i64) {
        let Object::Room(ticket) = speaker.object else {
            return speaker.refuse(Error::field("tickets", "is missing"));
        };
        let _turn = self.turn.lock().await;
        let place = if speaker.seat.hears_internal() {
            Ok(last)
        } else {
            staff_seq(speaker.hub, ticket, last).await
        };
        match place {
            Ok(place) => {
                change(speaker.socket, |seat| {
                    seat.cursor = seat.cursor.map(|heard| heard.min(place));
                });
                self.look(speaker.hub).await;
            }
            Err(error) => speaker.refuse(error.into()),
        }
    }

    async fn resume_tickets(&self, speaker: &Speaker<'_>, tickets: Vec<(i64, i64)>) {
        if let Object::Room(room) = speaker.object {
            return match tickets.as_slice() {
                [(ticket, last)] if *ticket == room => self.resume(speaker, *last).await,
                _ => speaker.refuse(another_ticket("tickets")),
            };
        }
        let _turn = self.turn.lock().await;
        if let Err(error) = missed(speaker, tickets).await {
            speaker.refuse(error.into());
        }
    }
}

/// Brings back what was missed of several tickets, a page of each at a time.
async fn missed(speaker: &Speaker<'_>, mut tickets: Vec<(i64, i64)>) -> Result<(), DbError> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: i64,
    }
    let db = Db::open(&speaker.hub.env)?;
    let (me, internal) = (speaker.seat.user_id, speaker.seat.hears_internal());
    for _ in 0..PAGES {
        if tickets.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = tickets.iter().map(|(id, _)| *id).collect();
        let now = clock::now();
        let mut batch = vec![
            standings(speaker.object, std::iter::once(&speaker.seat), now),
            rows::seen(me, &json!(ids).to_string()),
        ];
        let pages = tickets.iter();
        batch.extend(pages.map(|(id, last)| rows::missed(me, *id, *last, PAGE, internal)));
        let found = db.batch(&batch).await?;
        let [standings, seen, pages @ ..] = found.as_slice() else {
            return Ok(());
        };
        let standings: Vec<Standing> = standings.all()?;
        if let Err(end) = speaker.seat.stays(&standings, false, now) {
            dismiss(speaker.socket, end);
            return Ok(());
        }
        let seen: Vec<Id> = seen.all()?;
        let mut hidden = Vec::new();
        let mut left = Vec::new();
        for ((id, _), page) in tickets.iter().zip(pages) {
            if !seen.iter().any(|seen| seen.id == *id) {
                hidden.push((format!("tickets.{id}"), "not found".to_owned()));
            }
            let page: Vec<Told> = page.all()?;
            for text in page
                .iter()
                .filter_map(|told| told.staff.as_ref().or(told.public.as_ref()))
            {
                speaker.send(text);
            }
            let is_full = i64::try_from(page.len()).is_ok_and(|count| count >= PAGE);
            left.extend(page.last().filter(|_| is_full).map(|told| (*id, told.at)));
        }
        if !hidden.is_empty() {
            speaker.refuse(Error::Invalid(hidden));
        }
        tickets = left;
    }
    if !tickets.is_empty() {
        let far = |(id, last): &(i64, i64)| {
            let hint =
                format!("goes on after {last}: resume again, or read GET /tickets/{id}/events?after={last}");
            (format!("tickets.{id}"), hint)
        };
        speaker.refuse(Error::Invalid(tickets.iter().map(far).collect()));
    }
    Ok(())
}

async fn staff_seq(hub: &Hub, ticket: i64, public_seq: i64) -> Result<i64, DbError> {
    #[derive(serde::Deserialize)]
    struct Number {
        n: i64,
    }
    let db = Db::open(&hub.env)?;
    let found = db.batch(&[rows::staff_seq(ticket, public_seq)]).await?;
    let number: Option<Number> = match found.first() {
        Some(rows) => rows.first()?,
        None => None,
    };
    Ok(number.map_or(0, |number| number.n))
}

fn another_ticket(field: &str) -> Error {
    Error::field(field, "is another ticket than that of this room")
}

fn claims(seat: &Seat) -> Claims {
    Claims {
        user_id: seat.user_id,
        role: seat.role,
        session_id: seat.session_id,
        ver: seat.ver,
        jti: seat.jti.clone(),
        expires: seat.expires,
    }
}

fn read(sent: Frame) -> Result<Map<String, Value>, Error> {
    let text = match sent {
        Frame::Text(text) if text.len() > frame::LONGEST => return Err(Error::TooLarge(frame::LONGEST)),
        Frame::Text(text) => text,
        Frame::Binary => {
            return Err(Error::Malformed(
                "frames are JSON objects, sent as text".to_owned(),
            ));
        }
    };
    json::object(text.as_bytes()).map_err(|error| match error {
        Error::Malformed(message) => Error::Malformed(message.replacen("the body", "the frame", 1)),
        error => error,
    })
}
