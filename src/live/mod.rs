//! How do events reach WebSockets? Through live objects: one for the room of each ticket, and one for each person.
//!
//! An object must not be the only place where an event exists: it hibernates while nothing happens, and then keeps
//! only its sockets and their connection data. Events are stored in the database first; the object reads there what
//! its sockets have not received, and whether they are still authorised. So a lost wake-up, object or socket loses no
//! event.

pub mod broadcast;
pub mod receive;
pub mod resume;

use std::cell::{Cell, RefCell};

use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use crate::desk::Millis;
use crate::desk::live::connection::{Connection, Topic};
use crate::desk::live::frame;
use crate::edge::hub::{self, Hub, HubRequest, Socket};
use crate::edge::{ObjectRequest, ObjectResponse, WorkerResult, clock, log};

/// The state of an object while it is awake.
#[derive(Default)]
pub struct LiveObject {
    /// Held while reading or posting, so that frames are sent in order and none is sent twice.
    turn: Mutex<()>,
    /// How many deliveries have been requested, and how many of these requests have been covered.
    wanted: Cell<u64>,
    covered: Cell<u64>,
    /// When authority was last checked; it is considered valid for a while.
    checked_at: Cell<Millis>,
    /// The time until which the database certainly records that this object has sockets.
    leased_until: Cell<Millis>,
    is_armed: Cell<bool>,
    ephemerals: RefCell<Vec<EphemeralFrame>>,
    echo: RefCell<Option<Echo>>,
}

/// A frame that is not stored and only sent to those present: that somebody is typing or has left.
#[derive(Serialize, Deserialize)]
struct EphemeralFrame {
    by: i64,
    is_internal: bool,
    text: String,
}

/// A message that was posted over a socket; that socket receives it with the client's own reference.
struct Echo {
    message_id: i64,
    connection: String,
    reference: Option<String>,
}

impl LiveObject {
    /// Accepts a new socket, or delivers pending frames after a wake-up.
    ///
    /// # Errors
    /// When the platform cannot create a socket.
    pub async fn fetch(&self, hub: &Hub, incoming: ObjectRequest) -> WorkerResult<ObjectResponse> {
        let text = match hub::parse_request(&incoming) {
            HubRequest::Connect(text) => text,
            HubRequest::Ephemeral(text) => {
                match serde_json::from_str(&text) {
                    Ok(whisper) if !connections(hub).is_empty() => self.send_ephemeral(hub, whisper).await,
                    _ => {}
                }
                return Ok(hub::status_response(204));
            }
            HubRequest::Wake => {
                self.broadcast(hub).await;
                return Ok(hub::status_response(204));
            }
        };
        let (Some(object), Ok(connection)) = (topic(hub), serde_json::from_str::<Connection>(&text)) else {
            return Ok(hub::status_response(400));
        };
        let seats = connections(hub);
        let own = seats
            .iter()
            .filter(|(_, other)| other.user_id == connection.user_id);
        if !object.has_capacity(own.count(), seats.len()) {
            return Ok(hub::status_response(429));
        }
        let answer = hub.accept(&text)?;
        // Sends what was committed between the checks and this moment; from now on the object is recorded as
        // listening.
        self.broadcast(hub).await;
        Ok(answer)
    }

    /// Handles the end of a socket.
    pub async fn on_close(&self, hub: &Hub, socket: Socket) {
        let gone = connection(&socket);
        socket.close(1000, "");
        let here = connections(hub);
        if let (Some(gone), Some(Topic::Ticket(ticket))) = (gone, topic(hub))
            && gone.is_greeted
            && !here
                .iter()
                .any(|(_, connection)| connection.user_id == gone.user_id && connection.id != gone.id)
        {
            let text = frame::user_left(ticket, &gone.card, clock::now());
            let whisper = EphemeralFrame {
                by: gone.user_id,
                is_internal: false,
                text,
            };
            self.send_ephemeral(hub, whisper).await;
        }
        if connections(hub).is_empty() {
            self.broadcast(hub).await;
        }
    }

    /// Handles the alarm: checks authority and sends what was missed.
    pub async fn on_alarm(&self, hub: &Hub) {
        self.is_armed.set(false);
        self.broadcast(hub).await;
    }
}

/// The topic that the object is for.
fn topic(hub: &Hub) -> Option<Topic> {
    Topic::parse(&hub.name())
}

/// Every open socket with its connection data.
fn connections(hub: &Hub) -> Vec<(Socket, Connection)> {
    let sockets = hub.sockets().into_iter();
    sockets
        .filter_map(|socket| connection(&socket).map(|connection| (socket, connection)))
        .collect()
}

fn connection(socket: &Socket) -> Option<Connection> {
    serde_json::from_str(&socket.connection()?).ok()
}

/// Changes the current connection data of a socket: it may have changed since the caller read it.
fn update_connection<T>(socket: &Socket, change: impl FnOnce(&mut Connection) -> T) -> Option<T> {
    let mut connection = connection(socket)?;
    let outcome = change(&mut connection);
    match serde_json::to_string(&connection) {
        Ok(text) => socket.save_connection(&text),
        Err(error) => log::error(&format!("a seat could not be kept: {error}")),
    }
    Some(outcome)
}
