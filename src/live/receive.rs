//! What comes in over a socket.

use serde_json::{Map, Value, json};

use crate::app::dispatch;
use crate::desk::id::Ref;
use crate::desk::live::connection::{End, Object, Pass, Seat, Standing};
use crate::desk::live::frame::{self, Said};
use crate::edge::db::Db;
use crate::edge::hub::{self, Frame, Hub, Socket};
use crate::edge::token::Claims;
use crate::edge::{clock, ids};
use crate::http::error::Error;
use crate::http::json;
use crate::http::reply::{Body, Reply};
use crate::http::request::{Headers, Request};
use crate::live::broadcast::{dismiss, standings};
use crate::live::{Echo, Live, Whisper, change, object};
use crate::server;
use crate::store::dispatch::{Due, What};
use crate::store::live::{self as rows, Told};

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
pub(super) struct Speaker<'a> {
    pub hub: &'a Hub,
    pub socket: &'a Socket,
    pub seat: Seat,
    pub object: Object,
    /// How the client calls the frame.
    reference: Option<String>,
}

impl Speaker<'_> {
    pub(super) fn send(&self, text: &str) {
        self.socket.send(text);
    }

    pub(super) fn refuse(&self, error: Error) {
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
            let named = body.get("ticket_id").map(frame::ticket_of);
            if let Some(named) = named
                && !is_of_room(speaker.hub, ticket, named.as_ref()).await
            {
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
            let (reply, due) = server::spoken(&speaker.hub.env, &request, &claims(&speaker.seat)).await;
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
        dispatch::tell(&speaker.hub.env, others).await;
    }

    /// Lets everybody hear what was said, and who has said it that it was: also where it is not theirs to hear by
    /// itself, or was said before.
    async fn answer(&self, speaker: &Speaker<'_>, reply: &Reply) {
        let said: Value = match &reply.body {
            Body::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            _ => Value::Null,
        };
        let message_id = said.get("id").and_then(Value::as_i64).unwrap_or_default();
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
        let room = match (speaker.object, ticket) {
            (Object::Room(room), None) => room,
            (Object::Room(room), named) => {
                if !is_of_room(speaker.hub, room, named.as_ref()).await {
                    return speaker.refuse(another_ticket("ticket_id"));
                }
                room
            }
            (Object::Person(_), Some(Ref::Id(id))) => id,
            (Object::Person(_), _) => {
                return speaker.refuse(Error::field("ticket_id", "must be the id of a ticket"));
            }
        };
        let seat = &speaker.seat;
        if is_internal && !seat.hears_internal() {
            return speaker.refuse(Error::Forbidden("internal notes are for staff".to_owned()));
        }
        let now = clock::now();
        if change(speaker.socket, |seat| seat.shows_typing(is_typing, now)) != Some(true) {
            return;
        }
        let whisper = Whisper {
            by: seat.user_id,
            is_internal,
            text: frame::typing(room, &seat.card, is_typing, is_internal, now),
        };
        match speaker.object {
            Object::Room(_) => self.whisper(speaker.hub, whisper).await,
            Object::Person(_) => {
                if let Err(error) = pass_on(speaker, room, &whisper).await {
                    speaker.refuse(error);
                }
            }
        }
    }
}

/// Shows the room of a ticket that somebody writes who listens elsewhere, if they may see the ticket.
async fn pass_on(speaker: &Speaker<'_>, ticket: i64, whisper: &Whisper) -> Result<(), Error> {
    let now = clock::now();
    let batch = [
        standings(speaker.object, std::iter::once(&speaker.seat), now),
        rows::seen(speaker.seat.user_id, &json!([ticket]).to_string()),
    ];
    let found = Db::open(&speaker.hub.env)?.batch(&batch).await?;
    let [standings, seen] = found.as_slice() else {
        return Ok(());
    };
    let standings: Vec<Standing> = standings.all()?;
    if let Err(end) = speaker.seat.stays(&standings, false, now) {
        dismiss(speaker.socket, end);
        return Ok(());
    }
    if seen.is_empty()? {
        return Err(Error::NotFound);
    }
    let text = serde_json::to_string(whisper).map_err(|error| Error::Internal(error.to_string()))?;
    let told = hub::whisper(&speaker.hub.env, &Object::Room(ticket).name(), &text).await;
    told.map_err(Error::Internal)
}

/// Whether a frame in a room names the room's own ticket, in whichever way.
async fn is_of_room(hub: &Hub, room: i64, named: Option<&Ref>) -> bool {
    match named {
        None => false,
        Some(Ref::Id(id)) => *id == room,
        Some(named) => {
            let Ok(db) = Db::open(&hub.env) else { return false };
            let found = db.batch(&[rows::is_ticket(room, named)]).await;
            found.is_ok_and(|found| found.first().is_some_and(|rows| rows.is_empty() == Ok(false)))
        }
    }
}

pub(super) fn another_ticket(field: &str) -> Error {
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
