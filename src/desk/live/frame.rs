//! WebSocket frames: parsing what clients send, building what the server sends.

use serde_json::{Map, Value, json};

use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::time_zone::to_rfc3339;
use crate::desk::validation::{FieldError, FieldErrors};

/// The longest client frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
/// Tickets in one `resume` frame.
pub const MAX_RESUME_TICKETS: usize = 20;

/// A frame from a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientFrame {
    /// Post a message: the body of `POST /messages`, without the ticket on a ticket's own connection.
    Message {
        body: Map<String, Value>,
        /// The client's id of the message. It works as an idempotency key, so a repeated frame posts nothing twice.
        client_id: Option<String>,
    },
    Typing {
        ticket: Option<Ref>,
        is_typing: bool,
        is_internal: bool,
    },
    Ping,
    /// Send all events of the connection's ticket after this sequence number.
    Resume(i64),
    /// The same for several tickets: (ticket id, sequence number).
    ResumeTickets(Vec<(i64, i64)>),
}

/// The client's correlation id (`ref` or `client_id`), echoed in the response.
pub fn client_ref(frame: &Map<String, Value>) -> Option<String> {
    let named = ["ref", "client_id"].iter().find_map(|name| frame.get(*name))?;
    match named {
        Value::String(text) => Some(text.chars().take(255).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Parses a frame.
///
/// # Errors
/// All validation errors.
pub fn parse(mut frame: Map<String, Value>) -> Result<ClientFrame, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    let kind = match frame.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) => return errors.fail("type", "must be a string"),
        None => return errors.fail("type", "is missing"),
    };
    let parsed = match kind.as_str() {
        "message" => parse_message(frame, &mut errors),
        "typing" => parse_typing(&frame, &mut errors),
        "ping" => Some(ClientFrame::Ping),
        "resume" => parse_resume(&frame, &mut errors),
        _ => errors.reject("type", "must be one of message, typing, ping, resume"),
    };
    errors.finish(parsed)
}

impl FieldErrors {
    fn fail<T>(mut self, path: &str, message: &str) -> Result<T, Vec<FieldError>> {
        self.add(path, message);
        self.finish(None)
    }
}

fn parse_message(mut frame: Map<String, Value>, errors: &mut FieldErrors) -> Option<ClientFrame> {
    frame.remove("ref");
    let client_id = match frame.remove("client_id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if is_client_id(&id) => Some(id),
        Some(_) => return errors.reject("client_id", "must be 1 to 255 printable ASCII characters"),
    };
    // The idempotency check compares bodies as text, so the same keys in another order must give the same text.
    frame.sort_keys();
    Some(ClientFrame::Message {
        body: frame,
        client_id,
    })
}

fn is_client_id(id: &str) -> bool {
    (1..=255).contains(&id.len()) && id.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// A reference to a ticket: its id as a number, or its uid, number or key as a string.
pub fn parse_ticket_ref(value: &Value) -> Option<Ref> {
    match value {
        Value::String(text) => Ref::parse(text).filter(|named| !matches!(named, Ref::Id(_))),
        id => id.as_i64().and_then(|id| Ref::parse(&id.to_string())),
    }
}

fn parse_typing(frame: &Map<String, Value>, errors: &mut FieldErrors) -> Option<ClientFrame> {
    let mut flag = |name: &str, default: bool| match frame.get(name) {
        None => default,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => {
            errors.add(name, "must be true or false");
            default
        }
    };
    let (is_typing, is_internal) = (flag("is_typing", true), flag("is_internal", false));
    let ticket = frame.get("ticket_id").and_then(parse_ticket_ref);
    if frame.contains_key("ticket_id") && ticket.is_none() {
        return errors.reject("ticket_id", "must be the id of a ticket");
    }
    Some(ClientFrame::Typing {
        ticket,
        is_typing,
        is_internal,
    })
}

fn parse_resume(frame: &Map<String, Value>, errors: &mut FieldErrors) -> Option<ClientFrame> {
    const SEQ: &str = "must be a whole number, 0 or more";
    let seq = |value: &Value| value.as_i64().filter(|seq| *seq >= 0);
    match (frame.get("tickets"), frame.get("last_seq")) {
        (Some(Value::Object(tickets)), _) if tickets.len() > MAX_RESUME_TICKETS => {
            errors.reject("tickets", format!("must be at most {MAX_RESUME_TICKETS}"))
        }
        (Some(Value::Object(tickets)), _) => {
            let mut all = Vec::new();
            for (id, last) in tickets {
                match (Ref::parse(id), seq(last)) {
                    (Some(Ref::Id(id)), Some(last)) => all.push((id, last)),
                    (Some(Ref::Id(_)), None) => errors.add(format!("tickets.{id}"), SEQ),
                    _ => errors.add("tickets", "must be named by the ids of tickets"),
                }
            }
            Some(ClientFrame::ResumeTickets(all))
        }
        (Some(_), _) => errors.reject("tickets", "must be an object: the last seq by the ticket's id"),
        (None, Some(last)) => match seq(last) {
            Some(last) => Some(ClientFrame::Resume(last)),
            None => errors.reject("last_seq", SEQ),
        },
        (None, None) => errors.reject("last_seq", "is missing"),
    }
}

// Server frames --------------------------------------------------------------------------------------------------

fn build_frame(kind: &str, ticket: Option<i64>, now: Millis, data: Value) -> String {
    match ticket {
        Some(ticket) => json!({"type": kind, "ticket_id": ticket, "at": to_rfc3339(now), "data": data}),
        None => json!({"type": kind, "at": to_rfc3339(now), "data": data}),
    }
    .to_string()
}

/// An error frame. `refusal` is the error envelope that the same request gets over HTTP.
pub fn error(refusal: &Value, reference: Option<&str>, now: Millis) -> String {
    let mut data = Map::new();
    for name in ["code", "message", "errors", "details", "request_id"] {
        let empty = refusal[name].as_object().is_some_and(Map::is_empty);
        if !refusal[name].is_null() && !empty {
            data.insert(name.to_owned(), refusal[name].clone());
        }
    }
    if let Some(reference) = reference {
        data.insert("ref".to_owned(), json!(reference));
    }
    build_frame("error", None, now, Value::Object(data))
}

/// The response to a ping.
pub fn pong(reference: Option<&str>, now: Millis) -> String {
    let data = reference.map_or_else(|| json!({}), |reference| json!({"ref": reference}));
    build_frame("pong", None, now, data)
}

/// The connected users: the first frame on every connection.
pub fn presence(ticket: Option<i64>, people: &[&Value], now: Millis) -> String {
    build_frame("presence", ticket, now, json!({"users": people}))
}

/// A user connected to the ticket.
pub fn user_joined(ticket: i64, card: &Value, now: Millis) -> String {
    build_frame("user_joined", Some(ticket), now, json!({"user": card}))
}

/// A user's last connection to the ticket closed.
pub fn user_left(ticket: i64, card: &Value, now: Millis) -> String {
    build_frame("user_left", Some(ticket), now, json!({"user": card}))
}

/// A user is typing, or stopped.
pub fn typing(ticket: i64, card: &Value, is_typing: bool, is_internal: bool, now: Millis) -> String {
    let data = if is_internal {
        json!({"user": card, "is_typing": is_typing, "is_internal": true})
    } else {
        json!({"user": card, "is_typing": is_typing})
    };
    build_frame("typing", Some(ticket), now, data)
}

/// A frame as its sender gets it: with the correlation id.
pub fn with_ref(frame: &str, reference: &str) -> String {
    let head = frame.strip_suffix('}').unwrap_or(frame);
    format!("{head},\"ref\":{}}}", json!(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Result<ClientFrame, Vec<FieldError>> {
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => parse(map),
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn frames_are_read() {
        for (text, want) in [
            (r#"{"type":"ping"}"#, ClientFrame::Ping),
            (r#"{"type":"resume","last_seq":0}"#, ClientFrame::Resume(0)),
            (
                r#"{"type":"resume","tickets":{"5":3,"7":0}}"#,
                ClientFrame::ResumeTickets(vec![(5, 3), (7, 0)]),
            ),
            (
                r#"{"type":"typing"}"#,
                ClientFrame::Typing {
                    ticket: None,
                    is_typing: true,
                    is_internal: false,
                },
            ),
            (
                r#"{"type":"typing","ticket_id":5,"is_typing":false,"is_internal":true}"#,
                ClientFrame::Typing {
                    ticket: Some(Ref::Id(5)),
                    is_typing: false,
                    is_internal: true,
                },
            ),
        ] {
            assert_eq!(given(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn a_message_is_the_body_of_a_post() {
        let frame = given(r#"{"type":"message","content":"Hi","client_id":"a1","ref":"r","body":"Hi"}"#);
        let Ok(ClientFrame::Message { body, client_id }) = frame else {
            panic!("{frame:?}")
        };
        assert_eq!(client_id.as_deref(), Some("a1"));
        assert_eq!(Value::Object(body).to_string(), r#"{"body":"Hi","content":"Hi"}"#);
    }

    #[test]
    fn errors_are_reported_with_their_path() {
        for (text, place) in [
            ("{}", "type"),
            (r#"{"type":5}"#, "type"),
            (r#"{"type":"shout"}"#, "type"),
            (r#"{"type":"resume"}"#, "last_seq"),
            (r#"{"type":"resume","last_seq":-1}"#, "last_seq"),
            (r#"{"type":"resume","last_seq":"3"}"#, "last_seq"),
            (r#"{"type":"resume","tickets":[5]}"#, "tickets"),
            (r#"{"type":"resume","tickets":{"5":-1}}"#, "tickets.5"),
            (r#"{"type":"resume","tickets":{"x":1}}"#, "tickets"),
            (r#"{"type":"typing","is_typing":1}"#, "is_typing"),
            (r#"{"type":"typing","ticket_id":"?"}"#, "ticket_id"),
            (r#"{"type":"message","client_id":""}"#, "client_id"),
            (r#"{"type":"message","client_id":"ü"}"#, "client_id"),
        ] {
            let errors = given(text).err().unwrap_or_default();
            assert_eq!(
                errors.first().map(|(place, _)| place.as_str()),
                Some(place),
                "{text}"
            );
        }
    }

    #[test]
    fn server_frames_have_one_form() {
        let card = json!({"id": 7});
        for (text, want) in [
            (
                pong(None, 0),
                r#"{"type":"pong","at":"1970-01-01T00:00:00.000Z","data":{}}"#,
            ),
            (
                user_left(5, &card, 0),
                r#"{"type":"user_left","ticket_id":5,"at":"1970-01-01T00:00:00.000Z","data":{"user":{"id":7}}}"#,
            ),
            (
                error(
                    &json!({"code": "NOT_FOUND", "message": "not found", "errors": {}, "x": 1}),
                    Some("r"),
                    0,
                ),
                r#"{"type":"error","at":"1970-01-01T00:00:00.000Z","data":{"code":"NOT_FOUND","message":"not found","ref":"r"}}"#,
            ),
        ] {
            assert_eq!(text, want);
        }
        assert_eq!(with_ref(r#"{"seq":1}"#, "a\"b"), r#"{"seq":1,"ref":"a\"b"}"#);
        assert!(!typing(5, &card, true, false, 0).contains("internal"));
    }

    #[test]
    fn clients_name_their_frames() {
        for (text, want) in [
            (r#"{"ref":"a"}"#, Some("a")),
            (r#"{"client_id":"b"}"#, Some("b")),
            (r#"{"ref":5}"#, Some("5")),
            (r#"{"ref":{}}"#, None),
            ("{}", None),
        ] {
            let map = serde_json::from_str(text).unwrap();
            assert_eq!(client_ref(&map).as_deref(), want, "{text}");
        }
    }
}
