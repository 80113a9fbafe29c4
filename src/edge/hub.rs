//! Sockets: Durable Objects that hold them while nothing happens (hibernation), and the way to these objects.
//!
//! What a socket's owner may hear is not decided here: an object keeps a text beside each socket, its seat, and hands
//! everything that comes in to `live`.

use std::any::Any;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::future::join_all;
use worker::durable::State;
use worker::{
    Env, Headers, Method, Request, RequestInit, Response, ResponseBuilder, WebSocket,
    WebSocketIncomingMessage, WebSocketPair, WebSocketRequestResponsePair,
};

use crate::desk::Millis;

/// The binding of wrangler.toml.
const BINDING: &str = "LIVE";
/// Objects are asked by their binding: the host means nothing.
const CONNECT_URL: &str = "https://live.local/connect";
const WAKE_URL: &str = "https://live.local/nudge";
/// Who takes a seat. Only requests that are made here carry it to an object: none that came from outside gets there.
const CONNECTION_HEADER: &str = "x-live-seat";
const EPHEMERAL_HEADER: &str = "x-live-whisper";
/// `WebSocket.OPEN`: a socket that is closing hears nothing more.
const READY_STATE_OPEN: u16 = 1;

/// What somebody wants of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HubRequest {
    /// To take a seat.
    Connect(String),
    /// To tell whoever is there something that is kept nowhere.
    Ephemeral(String),
    /// To look whether there is anything to tell.
    Wake,
}

/// What somebody has sent over a socket.
pub enum Frame {
    Text(String),
    Binary,
}

impl From<WebSocketIncomingMessage> for Frame {
    fn from(message: WebSocketIncomingMessage) -> Frame {
        match message {
            WebSocketIncomingMessage::String(text) => Frame::Text(text),
            WebSocketIncomingMessage::Binary(_) => Frame::Binary,
        }
    }
}

/// One socket of an object.
pub struct Socket(WebSocket);

impl From<WebSocket> for Socket {
    fn from(socket: WebSocket) -> Socket {
        Socket(socket)
    }
}

impl Socket {
    /// The seat as it was kept last.
    pub fn connection(&self) -> Option<String> {
        self.0.deserialize_attachment().ok().flatten()
    }

    /// Keeps the seat, over hibernation too.
    pub fn save_connection(&self, connection: &str) {
        // It fails for a socket that is gone, whose seat nobody needs.
        let _ = self.0.serialize_attachment(connection);
    }

    /// Sends a text. Who is gone does not hear it: the seat is told of that by its closing.
    pub fn send(&self, text: &str) {
        let _ = self.0.send_with_str(text);
    }

    /// Ends the socket with a code and a few words.
    pub fn close(&self, code: u16, reason: &str) {
        let _ = self.0.close(Some(code), Some(reason));
    }

    /// Whether it still hears.
    pub fn is_open(&self) -> bool {
        self.0.as_ref().ready_state() == READY_STATE_OPEN
    }
}

/// What an object is to the platform.
pub struct Hub {
    state: State,
    pub env: Env,
}

impl Hub {
    /// An object that begins, or wakes. A bare `ping` is answered without waking it.
    pub fn new(state: State, env: Env) -> Hub {
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Hub { state, env }
    }

    /// The name that the object is asked by.
    pub fn name(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }

    /// Every socket that still hears.
    pub fn sockets(&self) -> Vec<Socket> {
        let sockets = self.state.get_websockets().into_iter().map(Socket);
        sockets.filter(Socket::is_open).collect()
    }

    /// Takes in a socket with its seat; the answer opens it.
    ///
    /// # Errors
    /// When the platform has no sockets to give.
    pub fn accept(&self, connection: &str) -> worker::Result<Response> {
        let pair = WebSocketPair::new()?;
        self.state.accept_web_socket(&pair.server);
        pair.server.serialize_attachment(connection)?;
        Response::from_websocket(pair.client)
    }

    /// When the alarm will ring, if it is set.
    pub async fn alarm_at(&self) -> Option<Millis> {
        self.state.storage().get_alarm().await.ok().flatten()
    }

    /// Sets the alarm, in so many milliseconds.
    pub async fn set_alarm(&self, millis: u64) {
        if let Err(error) = self
            .state
            .storage()
            .set_alarm(Duration::from_millis(millis))
            .await
        {
            crate::edge::log::error(&format!("an alarm could not be set: {error}"));
        }
    }
}

/// What a request asks of an object.
pub fn parse_request(request: &Request) -> HubRequest {
    let carried = |name: &str| {
        let text = request.headers().get(name).ok().flatten()?;
        String::from_utf8(Base64UrlUnpadded::decode_vec(&text).ok()?).ok()
    };
    match (carried(CONNECTION_HEADER), carried(EPHEMERAL_HEADER)) {
        (Some(connection), _) => HubRequest::Connect(connection),
        (None, Some(whisper)) => HubRequest::Ephemeral(whisper),
        (None, None) => HubRequest::Wake,
    }
}

/// An object's answer that is nothing but a status.
pub fn status_response(status: u16) -> Response {
    ResponseBuilder::new().with_status(status).empty()
}

/// What came of the wish for a seat.
pub enum ConnectOutcome {
    /// The client's end of the socket, for the answer.
    Open(Box<dyn Any>),
    /// There is no seat left.
    Full,
}

/// Asks an object for a seat. The request is made anew: nothing of the client's own reaches the object.
///
/// # Errors
/// The platform's words, for the log.
pub async fn connect(env: &Env, object: &str, connection: &str) -> Result<ConnectOutcome, String> {
    let ask = async {
        let headers = Headers::new();
        headers.set("upgrade", "websocket")?;
        headers.set(
            CONNECTION_HEADER,
            &Base64UrlUnpadded::encode_string(connection.as_bytes()),
        )?;
        let mut init = RequestInit::new();
        init.with_headers(headers);
        let request = Request::new_with_init(CONNECT_URL, &init)?;
        let object = env.durable_object(BINDING)?.get_by_name(object)?;
        object.fetch_with_request(request).await
    };
    let answer = ask.await.map_err(|error| error.to_string())?;
    match (answer.status_code(), answer.websocket()) {
        (_, Some(socket)) => Ok(ConnectOutcome::Open(Box::new(socket))),
        (429, None) => Ok(ConnectOutcome::Full),
        (status, None) => Err(format!("the object answers {status} and opens no socket")),
    }
}

/// The answer that opens a socket.
pub(super) fn upgrade_response(socket: Box<dyn Any>, headers: Headers) -> worker::Result<Response> {
    let socket = socket
        .downcast::<WebSocket>()
        .map_err(|_| worker::Error::from("no socket"))?;
    Ok(ResponseBuilder::new()
        .with_status(101)
        .with_headers(headers)
        .with_websocket(*socket)
        .empty())
}

/// Lets an object tell whoever is there something that is kept nowhere.
///
/// # Errors
/// The platform's words, for the log.
pub async fn send_ephemeral(env: &Env, object: &str, text: &str) -> Result<(), String> {
    let ask = async {
        let headers = Headers::new();
        headers.set(
            EPHEMERAL_HEADER,
            &Base64UrlUnpadded::encode_string(text.as_bytes()),
        )?;
        let mut init = RequestInit::new();
        init.with_headers(headers);
        let request = Request::new_with_init(WAKE_URL, &init)?;
        let object = env.durable_object(BINDING)?.get_by_name(object)?;
        object.fetch_with_request(request).await
    };
    ask.await.map(|_| ()).map_err(|error| error.to_string())
}

/// Whether objects answer at all.
pub async fn is_healthy(env: &Env) -> bool {
    let ask = async {
        let request = Request::new(WAKE_URL, Method::Post)?;
        let object = env.durable_object(BINDING)?.get_by_name("nobody")?;
        object.fetch_with_request(request).await
    };
    ask.await.is_ok_and(|answer| answer.status_code() == 204)
}

/// Lets objects look whether there is anything to tell. What is lost is found by their own alarms.
pub async fn wake(env: &Env, objects: &[String]) {
    let each = objects.iter().map(|object| async move {
        let ask = async {
            let request = Request::new(WAKE_URL, Method::Post)?;
            let object = env.durable_object(BINDING)?.get_by_name(object)?;
            object.fetch_with_request(request).await
        };
        if let Err(error) = ask.await {
            crate::edge::log::error(&format!("{object} was not nudged: {error}"));
        }
    });
    join_all(each).await;
}
