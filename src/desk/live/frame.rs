//! Frames: what is said over a socket, in and out.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::validation::{Mistake, Mistakes};

/// The longest frame that is read, bytes.
pub const LONGEST: usize = 64 * 1024;
/// Tickets that one `resume` may name.
pub const MOST_TICKETS: usize = 20;

/// What a frame that came in wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// To say something: the body of `POST /messages`, the ticket left out where the socket is of one.
    Message {
        body: Map<String, Value>,
        /// The client's own id, by which nothing is said twice.
        client_id: Option<String>,
    },
    Typing {
        ticket: Option<Ref>,
        is_typing: bool,
        is_internal: bool,
    },
    Ping,
    /// To hear everything of the socket's ticket after a sequence number.
    Resume(i64),
    /// The same, for several tickets by their ids.
    ResumeTickets(Vec<(i64, i64)>),
}

/// How the client calls a frame, so that it knows the answer to it.
pub fn reference(frame: &Map<String, Value>) -> Option<String> {
    let named = ["ref", "client_id"].iter().find_map(|name| frame.get(*name))?;
    match named {
        Value::String(text) => Some(text.chars().take(255).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads a frame.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(mut frame: Map<String, Value>) -> Result<Said, Vec<Mistake>> {
    let mut wrong = Mistakes::default();
    let kind = match frame.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) => return wrong.finish_with("type", "must be a string"),
        None => return wrong.finish_with("type", "is missing"),
    };
    let said = match kind.as_str() {
        "message" => message(frame, &mut wrong),
        "typing" => writing(&frame, &mut wrong),
        "ping" => Some(Said::Ping),
        "resume" => resume(&frame, &mut wrong),
        _ => wrong.refuse("type", "must be one of message, typing, ping, resume"),
    };
    wrong.finish(said)
}

impl Mistakes {
    fn finish_with<T>(mut self, path: &str, message: &str) -> Result<T, Vec<Mistake>> {
        self.add(path, message);
        self.finish(None)
    }
}

fn message(mut frame: Map<String, Value>, wrong: &mut Mistakes) -> Option<Said> {
    frame.remove("ref");
    let client_id = match frame.remove("client_id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if is_key(&id) => Some(id),
        Some(_) => return wrong.refuse("client_id", "must be 1 to 255 printable ASCII characters"),
    };
    // In one order, whichever way they were sent: a repeated frame is the same frame.
    frame.sort_keys();
    Some(Said::Message {
        body: frame,
        client_id,
    })
}

fn is_key(id: &str) -> bool {
    (1..=255).contains(&id.len()) && id.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// The ticket that a value names: its id as a number, its uid, number or key.
pub fn ticket_of(value: &Value) -> Option<Ref> {
    match value {
        Value::String(text) => Ref::parse(text).filter(|named| !matches!(named, Ref::Id(_))),
        id => id.as_i64().and_then(|id| Ref::parse(&id.to_string())),
    }
}

fn writing(frame: &Map<String, Value>, wrong: &mut Mistakes) -> Option<Said> {
    let mut flag = |name: &str, default: bool| match frame.get(name) {
        None => default,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => {
            wrong.add(name, "must be true or false");
            default
        }
    };
    let (is_typing, is_internal) = (flag("is_typing", true), flag("is_internal", false));
    let ticket = frame.get("ticket_id").and_then(ticket_of);
    if frame.contains_key("ticket_id") && ticket.is_none() {
        return wrong.refuse("ticket_id", "must be the id of a ticket");
    }
    Some(Said::Typing {
        ticket,
        is_typing,
        is_internal,
    })
}

fn resume(frame: &Map<String, Value>, wrong: &mut Mistakes) -> Option<Said> {
    const SEQ: &str = "must be a whole number, 0 or more";
    let seq = |value: &Value| value.as_i64().filter(|seq| *seq >= 0);
    match (frame.get("tickets"), frame.get("last_seq")) {
        (Some(Value::Object(tickets)), _) if tickets.len() > MOST_TICKETS => {
            wrong.refuse("tickets", format!("must be at most {MOST_TICKETS}"))
        }
        (Some(Value::Object(tickets)), _) => {
            let mut all = Vec::new();
            for (id, last) in tickets {
                match (Ref::parse(id), seq(last)) {
                    (Some(Ref::Id(id)), Some(last)) => all.push((id, last)),
                    (Some(Ref::Id(_)), None) => wrong.add(format!("tickets.{id}"), SEQ),
                    _ => wrong.add("tickets", "must be named by the ids of tickets"),
                }
            }
            Some(Said::ResumeTickets(all))
        }
        (Some(_), _) => wrong.refuse("tickets", "must be an object: the last seq by the ticket's id"),
        (None, Some(last)) => match seq(last) {
            Some(last) => Some(Said::Resume(last)),
            None => wrong.refuse("last_seq", SEQ),
        },
        (None, None) => wrong.refuse("last_seq", "is missing"),
    }
}

// Out ------------------------------------------------------------------------------------------------------------

/// RFC 3339 with milliseconds, UTC.
fn moment(now: Millis) -> String {
    let time = DateTime::from_timestamp_millis(now).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn frame(kind: &str, ticket: Option<i64>, now: Millis, data: Value) -> String {
    match ticket {
        Some(ticket) => json!({"type": kind, "ticket_id": ticket, "at": moment(now), "data": data}),
        None => json!({"type": kind, "at": moment(now), "data": data}),
    }
    .to_string()
}

/// Why something was not done. `refusal` is the envelope that the same would get over HTTP.
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
    frame("error", None, now, Value::Object(data))
}

/// The answer to a ping.
pub fn pong(reference: Option<&str>, now: Millis) -> String {
    let data = reference.map_or_else(|| json!({}), |reference| json!({"ref": reference}));
    frame("pong", None, now, data)
}

/// Who is there: the first frame of every socket.
pub fn presence(ticket: Option<i64>, people: &[&Value], now: Millis) -> String {
    frame("presence", ticket, now, json!({"users": people}))
}

/// Somebody has come.
pub fn joined(ticket: i64, card: &Value, now: Millis) -> String {
    frame("user_joined", Some(ticket), now, json!({"user": card}))
}

/// Somebody has gone.
pub fn left(ticket: i64, card: &Value, now: Millis) -> String {
    frame("user_left", Some(ticket), now, json!({"user": card}))
}

/// Somebody is writing, or has stopped.
pub fn typing(ticket: i64, card: &Value, is_typing: bool, is_internal: bool, now: Millis) -> String {
    let data = if is_internal {
        json!({"user": card, "is_typing": is_typing, "is_internal": true})
    } else {
        json!({"user": card, "is_typing": is_typing})
    };
    frame("typing", Some(ticket), now, data)
}

/// The same frame for who has caused it: with the client's own name of it.
pub fn named(frame: &str, reference: &str) -> String {
    let head = frame.strip_suffix('}').unwrap_or(frame);
    format!("{head},\"ref\":{}}}", json!(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Result<Said, Vec<Mistake>> {
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => read(map),
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn frames_are_read() {
        for (text, want) in [
            (r#"{"type":"ping"}"#, Said::Ping),
            (r#"{"type":"resume","last_seq":0}"#, Said::Resume(0)),
            (
                r#"{"type":"resume","tickets":{"5":3,"7":0}}"#,
                Said::ResumeTickets(vec![(5, 3), (7, 0)]),
            ),
            (
                r#"{"type":"typing"}"#,
                Said::Typing {
                    ticket: None,
                    is_typing: true,
                    is_internal: false,
                },
            ),
            (
                r#"{"type":"typing","ticket_id":5,"is_typing":false,"is_internal":true}"#,
                Said::Typing {
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
        let said = given(r#"{"type":"message","content":"Hi","client_id":"a1","ref":"r","body":"Hi"}"#);
        let Ok(Said::Message { body, client_id }) = said else {
            panic!("{said:?}")
        };
        assert_eq!(client_id.as_deref(), Some("a1"));
        assert_eq!(Value::Object(body).to_string(), r#"{"body":"Hi","content":"Hi"}"#);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
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
            let mistakes = given(text).err().unwrap_or_default();
            assert_eq!(
                mistakes.first().map(|(place, _)| place.as_str()),
                Some(place),
                "{text}"
            );
        }
    }

    #[test]
    fn frames_out_have_one_form() {
        let card = json!({"id": 7});
        for (text, want) in [
            (
                pong(None, 0),
                r#"{"type":"pong","at":"1970-01-01T00:00:00.000Z","data":{}}"#,
            ),
            (
                left(5, &card, 0),
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
        assert_eq!(named(r#"{"seq":1}"#, "a\"b"), r#"{"seq":1,"ref":"a\"b"}"#);
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
            assert_eq!(reference(&map).as_deref(), want, "{text}");
        }
    }
}
