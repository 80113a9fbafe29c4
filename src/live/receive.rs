//! Handles frames that clients send over a socket.

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::app::dispatch;
use crate::desk::id::Ref;
use crate::desk::live::connection::{Admission, Authority, CloseReason, Connection, Topic};
use crate::desk::live::frame::{self, ClientFrame};
use crate::edge::auth::token::Claims;
use crate::edge::db::{Batch, Db};
use crate::edge::hub::{self, Frame, Hub, Socket};
use crate::edge::{clock, ids};
use crate::http::error::Error;
use crate::http::json;
use crate::http::reply::{Body, Reply};
use crate::http::request::{Headers, Request};
use crate::live::broadcast::{authorities, close_socket};
use crate::live::{Echo, EphemeralFrame, LiveObject, topic, update_connection};
use crate::server;
use crate::store::dispatch::{Dispatch, DispatchKind};
use crate::store::live::{self as rows, FrameRow};
use crate::store::sql::rows::IdRow;

/// The headers of an HTTP request that is built from a frame.
struct FrameHeaders {
    client_id: Option<String>,
}

impl Headers for FrameHeaders {
    fn get(&self, name: &str) -> Option<String> {
        match name {
            "idempotency-key" => self.client_id.clone(),
            _ => None,
        }
    }
}

/// The socket that a frame came from.
pub(super) struct FrameSender<'a> {
    pub hub: &'a Hub,
    pub socket: &'a Socket,
    pub connection: Connection,
    pub object: Topic,
    /// The client's own reference for the frame.
    reference: Option<String>,
}

impl FrameSender<'_> {
    pub(super) fn send(&self, text: &str) {
        self.socket.send(text);
    }

    pub(super) fn refuse(&self, error: Error) {
        refuse(self.socket, error, self.reference.as_deref());
    }
}

/// Sends an error frame with the same content as the error response over HTTP.
fn refuse(socket: &Socket, error: Error, reference: Option<&str>) {
    let now = clock::now();
    let request_id = ids::new_uid(now).unwrap_or_default();
    socket.send(&refusal_frame(&error.into_reply(&request_id, false), reference));
}

fn refusal_frame(reply: &Reply, reference: Option<&str>) -> String {
    let envelope = match &reply.body {
        Body::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Value::Null,
    };
    frame::error(&envelope, reference, clock::now())
}

impl LiveObject {
    /// Handles a frame of any kind.
    pub async fn on_message(&self, hub: &Hub, socket: Socket, sent: Frame) {
        let now = clock::now();
        let passed = update_connection(&socket, |connection| {
            (connection.pace.admit(now), connection.clone())
        });
        let (Some((pass, connection)), Some(object)) = (passed, topic(hub)) else {
            return;
        };
        if connection.is_expired(now) {
            return close_socket(&socket, CloseReason::Unauthorized);
        }
        let slow_down = Error::RateLimited {
            message: "too many frames; slow down",
            seconds: 10,
        };
        match pass {
            Admission::Accept => {}
            Admission::Reject => return refuse(&socket, slow_down, None),
            Admission::Close => {
                refuse(&socket, slow_down, None);
                return close_socket(&socket, CloseReason::TooFast);
            }
        }
        let map = match read_frame(sent) {
            Ok(map) => map,
            Err(error) => return refuse(&socket, error, None),
        };
        let speaker = FrameSender {
            hub,
            socket: &socket,
            connection,
            object,
            reference: frame::client_ref(&map),
        };
        match frame::parse(map) {
            Err(mistakes) => speaker.refuse(Error::Invalid(mistakes)),
            Ok(ClientFrame::Ping) => speaker.send(&frame::pong(speaker.reference.as_deref(), now)),
            Ok(ClientFrame::Message { body, client_id }) => {
                self.post_message(&speaker, body, client_id).await
            }
            Ok(ClientFrame::Typing {
                ticket,
                is_typing,
                is_internal,
            }) => self.show_typing(&speaker, ticket, is_typing, is_internal).await,
            Ok(ClientFrame::Resume(last)) => self.resume(&speaker, last).await,
            Ok(ClientFrame::ResumeTickets(tickets)) => self.resume_tickets(&speaker, tickets).await,
        }
    }

    /// Posts a message the same way as `POST /messages`: the same checks, the same batch; then it is sent to all
    /// sockets.
    async fn post_message(
        &self,
        speaker: &FrameSender<'_>,
        mut body: Map<String, Value>,
        client_id: Option<String>,
    ) {
        if let Topic::Ticket(ticket) = speaker.object {
            let named = body.get("ticket_id").map(frame::parse_ticket_ref);
            if let Some(named) = named
                && !is_room_ticket(speaker.hub, ticket, named.as_ref()).await
            {
                return speaker.refuse(wrong_ticket("ticket_id"));
            }
            body.insert("ticket_id".to_owned(), json!(ticket));
        }
        let request = Request {
            verb: "POST".to_owned(),
            origin: String::new(),
            path: "/messages".to_owned(),
            query: String::new(),
            headers: Box::new(FrameHeaders { client_id }),
            body: Value::Object(body).to_string().into_bytes(),
        };
        let due = {
            let _turn = self.turn.lock().await;
            let (reply, due) =
                server::serve_frame(&speaker.hub.env, &request, &claims(&speaker.connection)).await;
            if (200..300).contains(&reply.status) {
                self.confirm(speaker, &reply).await;
            } else {
                speaker.send(&refusal_frame(&reply, speaker.reference.as_deref()));
                self.deliver_pending(speaker.hub).await;
            }
            due
        };
        let own = |due: &Dispatch| match speaker.object {
            Topic::Ticket(id) => due.what == DispatchKind::Room && due.id == id,
            Topic::User(id) => due.what == DispatchKind::User && due.id == id,
        };
        let others = due.into_iter().filter(|due| !own(due)).collect();
        dispatch::send(&speaker.hub.env, others).await;
    }

    /// Sends the message to all sockets, and confirms it to its sender: also if the sender's socket would not receive
    /// it otherwise, or if it was already posted before.
    async fn confirm(&self, speaker: &FrameSender<'_>, reply: &Reply) {
        let said: Value = match &reply.body {
            Body::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            _ => Value::Null,
        };
        let message_id = said.get("id").and_then(Value::as_i64).unwrap_or_default();
        self.echo.replace(Some(Echo {
            message_id,
            connection: speaker.connection.id.clone(),
            reference: speaker.reference.clone(),
        }));
        self.deliver_pending(speaker.hub).await;
        if self.echo.take().is_none() || !speaker.socket.is_open() {
            return;
        }
        let internal = speaker.connection.may_read_internal();
        let found = match Db::open(&speaker.hub.env) {
            Ok(db) => db.first(rows::message_frame(message_id, internal)).await,
            Err(error) => Err(error),
        };
        let told: Option<FrameRow> = found.ok().flatten();
        if let Some(text) = told.and_then(|told| told.staff.or(told.public)) {
            match &speaker.reference {
                Some(reference) => speaker.send(&frame::with_ref(&text, reference)),
                None => speaker.send(&text),
            }
        }
    }

    async fn show_typing(
        &self,
        speaker: &FrameSender<'_>,
        ticket: Option<Ref>,
        is_typing: bool,
        is_internal: bool,
    ) {
        let room = match (speaker.object, ticket) {
            (Topic::Ticket(room), None) => room,
            (Topic::Ticket(room), named) => {
                if !is_room_ticket(speaker.hub, room, named.as_ref()).await {
                    return speaker.refuse(wrong_ticket("ticket_id"));
                }
                room
            }
            (Topic::User(_), Some(Ref::Id(id))) => id,
            (Topic::User(_), _) => {
                return speaker.refuse(Error::field("ticket_id", "must be the id of a ticket"));
            }
        };
        let connection = &speaker.connection;
        if is_internal && !connection.may_read_internal() {
            return speaker.refuse(Error::Forbidden("internal notes are for staff".to_owned()));
        }
        let now = clock::now();
        if update_connection(speaker.socket, |connection| {
            connection.should_show_typing(is_typing, now)
        }) != Some(true)
        {
            return;
        }
        let whisper = EphemeralFrame {
            by: connection.user_id,
            is_internal,
            text: frame::typing(room, &connection.card, is_typing, is_internal, now),
        };
        match speaker.object {
            Topic::Ticket(_) => self.send_ephemeral(speaker.hub, whisper).await,
            Topic::User(_) => {
                if let Err(error) = broadcast_typing(speaker, room, &whisper).await {
                    speaker.refuse(error);
                }
            }
        }
    }
}

/// Shows in a ticket's room that a user connected elsewhere is typing, if they may see the ticket.
async fn broadcast_typing(
    speaker: &FrameSender<'_>,
    ticket: i64,
    whisper: &EphemeralFrame,
) -> Result<(), Error> {
    let now = clock::now();
    let mut batch = Batch::new();
    let authorities = batch.add::<Authority>(authorities(
        speaker.object,
        std::iter::once(&speaker.connection),
        now,
    ));
    let visible = rows::visible_tickets(speaker.connection.user_id, &json!([ticket]).to_string());
    let visible = batch.add::<IdRow>(visible);
    let found = Db::open(&speaker.hub.env)?.batch(&batch).await?;
    let authorities = found.all(authorities)?;
    if let Err(end) = speaker.connection.check_authority(&authorities, false, now) {
        close_socket(speaker.socket, end);
        return Ok(());
    }
    if !found.has_row(visible)? {
        return Err(Error::NotFound);
    }
    let text = serde_json::to_string(whisper).map_err(|error| Error::Internal(error.to_string()))?;
    let told = hub::send_ephemeral(&speaker.hub.env, &Topic::Ticket(ticket).name(), &text).await;
    told.map_err(Error::Internal)
}

/// Whether a reference in a frame, in any form, names the room's own ticket.
async fn is_room_ticket(hub: &Hub, room: i64, named: Option<&Ref>) -> bool {
    match named {
        None => false,
        Some(Ref::Id(id)) => *id == room,
        Some(named) => {
            let Ok(db) = Db::open(&hub.env) else { return false };
            let found = db.first::<IgnoredAny>(rows::is_same_ticket(room, named)).await;
            found.is_ok_and(|row| row.is_some())
        }
    }
}

pub(super) fn wrong_ticket(field: &str) -> Error {
    Error::field(field, "is another ticket than that of this room")
}

fn claims(connection: &Connection) -> Claims {
    Claims {
        user_id: connection.user_id,
        role: connection.role,
        session_id: connection.session_id,
        ver: connection.ver,
        jti: connection.jti.clone(),
        expires: connection.expires,
        api_key: connection.api_key,
    }
}

fn read_frame(sent: Frame) -> Result<Map<String, Value>, Error> {
    let text = match sent {
        Frame::Text(text) if text.len() > frame::MAX_FRAME_BYTES => {
            return Err(Error::TooLarge(frame::MAX_FRAME_BYTES));
        }
        Frame::Text(text) => text,
        Frame::Binary => {
            return Err(Error::Malformed(
                "frames are JSON objects, sent as text".to_owned(),
            ));
        }
    };
    json::parse_object(text.as_bytes()).map_err(|error| match error {
        Error::Malformed(message) => Error::Malformed(message.replacen("the body", "the frame", 1)),
        error => error,
    })
}
