//! The client's end of a socket. Everything that a customer's socket hears is searched for what is internal.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::{Error, HandshakeError, Message, WebSocket};

use super::client::Role;
use super::{Caller, Value, json, make, seen};

/// Longer than any honest frame takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open socket.
pub struct Socket {
    inner: WebSocket<TcpStream>,
    role: Role,
    /// What was heard while something else was waited for.
    aside: Vec<Value>,
    /// The subprotocol that the server chose.
    pub protocol: Option<String>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Frame(Value),
    Text(String),
    Closed(u16),
    /// Nothing came in time.
    Silence,
}

/// Opens a socket at a path below the API, or gives the status of the refusal.
pub fn try_open(host: &str, role: Role, path: &str, headers: &[(&str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{host}/api/v1{path}")
        .into_client_request()
        .expect("a request");
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a header's name");
        let value = HeaderValue::from_str(value).expect("a header's value");
        request.headers_mut().insert(name, value);
    }
    let _moving = seen::admit();
    let stream = TcpStream::connect(host).expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    match tungstenite::client(request, stream) {
        Ok((inner, response)) => {
            let protocol = response.headers().get("sec-websocket-protocol");
            Ok(Socket {
                inner,
                role,
                aside: Vec::new(),
                protocol: protocol.map(|value| value.to_str().expect("ASCII").to_owned()),
            })
        }
        Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
        Err(error) => panic!("no socket and no answer: {error}"),
    }
}

/// Opens a socket with a caller's token.
#[track_caller]
pub fn open(by: &Caller, path: &str) -> Socket {
    let authority = format!("Bearer {}", by.access);
    try_open(&by.host, by.role, path, &[("authorization", &authority)])
        .unwrap_or_else(|status| panic!("{path} is refused with {status}"))
}

/// Opens the room of a ticket, and hears who is there.
#[track_caller]
pub fn room(by: &Caller, ticket: &Value) -> Socket {
    let mut socket = open(by, &format!("/messages/room/{}", ticket["id"]));
    let presence = socket.hear("presence");
    let me = presence["data"]["users"].as_array().expect("users");
    assert!(me.iter().any(|user| user["id"] == by.id), "{presence}");
    socket
}

impl Socket {
    #[track_caller]
    pub fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string());
    }

    #[track_caller]
    pub fn send_text(&mut self, text: &str) {
        let _moving = seen::admit();
        self.inner.send(Message::text(text)).expect("the socket is open");
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.inner
            .send(Message::binary(bytes.to_vec()))
            .expect("the socket is open");
    }

    /// Sends as long as somebody listens.
    pub fn try_send(&mut self, frame: &Value) -> bool {
        self.inner.send(Message::text(frame.to_string())).is_ok()
    }

    /// What comes next within a time.
    #[track_caller]
    pub fn next_within(&mut self, patience: Duration) -> Next {
        if !self.aside.is_empty() {
            return Next::Frame(self.aside.remove(0));
        }
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Silence;
            }
            self.inner
                .get_ref()
                .set_read_timeout(Some(left))
                .expect("a socket");
            match self.inner.read() {
                Ok(Message::Text(text)) => return self.take_in(&text),
                Ok(Message::Close(frame)) => {
                    return Next::Closed(frame.map_or(1005, |frame| frame.code.into()));
                }
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return Next::Closed(1006),
            }
        }
    }

    #[track_caller]
    fn take_in(&self, text: &str) -> Next {
        if self.role <= Role::Customer {
            assert!(
                !text.to_ascii_lowercase().contains(make::CANARY) && !text.contains("\"is_internal\":true"),
                "something internal reached a customer: {text}"
            );
        }
        match serde_json::from_str::<Value>(text) {
            Ok(frame) if frame.is_object() => {
                assert!(frame["type"].is_string() && frame["at"].is_string(), "{text}");
                Next::Frame(frame)
            }
            _ => Next::Text(text.to_owned()),
        }
    }

    /// The next frame, whatever it is.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        match self.next_within(PATIENCE) {
            Next::Frame(frame) => frame,
            other => panic!("expected a frame: {other:?}"),
        }
    }

    /// The next frame of a kind; others are kept for later.
    #[track_caller]
    pub fn hear(&mut self, kind: &str) -> Value {
        let mut others = std::mem::take(&mut self.aside);
        if let Some(at) = others.iter().position(|frame| frame["type"] == kind) {
            let found = others.remove(at);
            self.aside = others;
            return found;
        }
        loop {
            match self.next_within(PATIENCE) {
                Next::Frame(frame) if frame["type"] == kind => {
                    self.aside = others;
                    return frame;
                }
                Next::Frame(frame) => others.push(frame),
                other => panic!("expected {kind}: {other:?} after {others:?}"),
            }
        }
    }

    /// The next frames that have a sequence number; others are left out.
    #[track_caller]
    pub fn told(&mut self, count: usize) -> Vec<Value> {
        let mut told = Vec::new();
        while told.len() < count {
            let frame = self.next();
            if frame["seq"].is_number() {
                told.push(frame);
            }
        }
        told
    }

    /// Everything that comes until a ping is answered.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<Value> {
        let mark = make::unique();
        self.send(json!({"type": "ping", "ref": mark}));
        let mut rest = Vec::new();
        loop {
            let frame = self.next();
            if frame["type"] == "pong" && frame["data"]["ref"] == mark.as_str() {
                return rest;
            }
            rest.push(frame);
        }
    }

    /// The refusal that comes next, which must have this code.
    #[track_caller]
    pub fn refused(&mut self, code: &str) -> Value {
        let frame = self.hear("error");
        assert_eq!(frame["data"]["code"], code, "{frame}");
        assert!(frame["data"]["message"].is_string(), "{frame}");
        assert!(frame.get("seq").is_none(), "{frame}");
        frame["data"].clone()
    }

    /// Waits for the end; what comes before it must have no sequence number: it tells of nothing.
    #[track_caller]
    pub fn ended(&mut self, patience: Duration) -> u16 {
        loop {
            match self.next_within(patience) {
                Next::Closed(code) => return code,
                Next::Frame(frame) if frame["seq"].is_null() => {}
                other => panic!("expected the end: {other:?}"),
            }
        }
    }

    /// Goes away without a word.
    pub fn vanish(self) {
        let _ = self.inner.get_ref().shutdown(std::net::Shutdown::Both);
    }

    pub fn close(mut self) {
        let _ = self.inner.close(None);
        while self.inner.read().is_ok() {}
    }
}

/// The sequence numbers of frames.
pub fn seqs(frames: &[Value]) -> Vec<i64> {
    frames.iter().filter_map(|frame| frame["seq"].as_i64()).collect()
}
