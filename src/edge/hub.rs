//! WebSocket hibernation in Durable Objects, and requests to these objects.
//!
//! Who may receive what is not decided here: beside each socket a text with the state of its connection is stored, and
//! everything that arrives is passed on to `live`.

use std::any::Any;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::future::join_all;
use wasm_bindgen::JsValue;
use worker::durable::State;
use worker::{
    Env, Headers, Method, Request, RequestInit, Response, ResponseBuilder, WebSocket,
    WebSocketIncomingMessage, WebSocketPair, WebSocketRequestResponsePair,
};

use crate::desk::Millis;
use crate::edge::log;

/// The binding in `wrangler.toml`.
const BINDING: &str = "LIVE";
/// Durable Objects are addressed by their binding, so the host has no meaning.
const CONNECT_URL: &str = "https://live.local/connect";
const WAKE_URL: &str = "https://live.local/nudge";
/// The internal header with the connection's state. It is set only here: no request of a client reaches an object.
const CONNECTION_HEADER: &str = "x-live-seat";
const EPHEMERAL_HEADER: &str = "x-live-whisper";
/// `WebSocket.OPEN`: a socket that is closing receives nothing more.
const READY_STATE_OPEN: u16 = 1;

/// A request to a Durable Object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HubRequest {
    /// Open a connection.
    Connect(String),
    /// Send a frame that is not stored (typing) to all connections.
    Ephemeral(String),
    /// Check whether there are events to send.
    Wake,
}

/// A frame from a client.
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

/// One socket of a Durable Object.
pub struct Socket(WebSocket);

impl From<WebSocket> for Socket {
    fn from(socket: WebSocket) -> Socket {
        Socket(socket)
    }
}

impl Socket {
    /// The stored state of the connection.
    pub fn connection(&self) -> Option<String> {
        self.0.deserialize_attachment().ok().flatten()
    }

    /// Stores the state of the connection, so that it survives hibernation.
    pub fn save_connection(&self, connection: &str) {
        // It fails for a socket that is gone, whose state nobody needs.
        let _ = self.0.serialize_attachment(connection);
    }

    /// Sends a text. A socket that is gone receives nothing; its close handler tells `live`.
    pub fn send(&self, text: &str) {
        let _ = self.0.send_with_str(text);
    }

    /// Closes the socket with a code and a reason.
    pub fn close(&self, code: u16, reason: &str) {
        let _ = self.0.close(Some(code), Some(reason));
    }

    /// Whether it still receives frames.
    pub fn is_open(&self) -> bool {
        self.0.as_ref().ready_state() == READY_STATE_OPEN
    }
}

/// The platform's side of a Durable Object.
pub struct Hub {
    state: State,
    pub env: Env,
}

impl Hub {
    /// A Durable Object that starts or wakes up. A bare `ping` is answered without waking it.
    pub fn new(state: State, env: Env) -> Hub {
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Hub { state, env }
    }

    /// The name under which the object is addressed.
    pub fn name(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }

    /// All open sockets.
    pub fn sockets(&self) -> Vec<Socket> {
        let sockets = self.state.get_websockets().into_iter().map(Socket);
        sockets.filter(Socket::is_open).collect()
    }

    /// Accepts a socket with the state of its connection. The response opens it.
    ///
    /// # Errors
    /// When the platform fails to create a socket.
    pub fn accept(&self, connection: &str) -> worker::Result<Response> {
        let pair = WebSocketPair::new()?;
        self.state.accept_web_socket(&pair.server);
        pair.server.serialize_attachment(connection)?;
        Response::from_websocket(pair.client)
    }

    /// When the alarm will fire, if it is set.
    pub async fn alarm_at(&self) -> Option<Millis> {
        self.state.storage().get_alarm().await.ok().flatten()
    }

    /// Sets the alarm, in milliseconds from now.
    pub async fn set_alarm(&self, millis: u64) {
        if let Err(error) = self
            .state
            .storage()
            .set_alarm(Duration::from_millis(millis))
            .await
        {
            log::error(&format!("an alarm could not be set: {error}"));
        }
    }
}

/// The meaning of a request to the object.
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

/// A response of the object with only a status.
pub fn status_response(status: u16) -> Response {
    ResponseBuilder::new().with_status(status).empty()
}

/// The result of a request to connect.
pub enum ConnectOutcome {
    /// The client's end of the socket, for the response.
    Open(Box<dyn Any>),
    /// The limit of connections is reached.
    Full,
}

/// Asks an object to open a connection. The request is a new one: nothing that the client sent reaches the object.
///
/// # Errors
/// The platform's error, to be logged.
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

/// The client's end of a socket, as the platform has it.
pub(super) fn client_end(socket: Box<dyn Any>) -> worker::Result<JsValue> {
    let socket = socket
        .downcast::<WebSocket>()
        .map_err(|_| worker::Error::from("no socket"))?;
    Ok(JsValue::from(AsRef::as_ref(&*socket)))
}

/// Asks an object to send a frame that is not stored to all connections.
///
/// # Errors
/// The platform's error, to be logged.
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

/// Whether Durable Objects respond.
pub async fn is_healthy(env: &Env) -> bool {
    let ask = async {
        let request = Request::new(WAKE_URL, Method::Post)?;
        let object = env.durable_object(BINDING)?.get_by_name("nobody")?;
        object.fetch_with_request(request).await
    };
    ask.await.is_ok_and(|answer| answer.status_code() == 204)
}

/// Asks objects to check for events to send. If a request is lost, their alarm finds the events.
pub async fn wake(env: &Env, objects: &[String]) {
    let each = objects.iter().map(|object| async move {
        let ask = async {
            let request = Request::new(WAKE_URL, Method::Post)?;
            let object = env.durable_object(BINDING)?.get_by_name(object)?;
            object.fetch_with_request(request).await
        };
        if let Err(error) = ask.await {
            log::error(&format!("{object} was not nudged: {error}"));
        }
    });
    join_all(each).await;
}
