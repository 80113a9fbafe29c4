//! Live objects: one for the room of each ticket, one for each person who listens to everything that concerns them.
//!
//! An object sleeps while nothing happens, and forgets everything but its sockets and their seats. It holds no truth:
//! what is said is kept in the database first, and an object reads there what its sockets have not heard, together with
//! whether they still may. So nothing that is lost (a nudge, an object, a socket) loses anything else.

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

/// What an object knows while it is awake.
#[derive(Default)]
pub struct LiveObject {
    /// Who reads, or says something, does it alone: what is heard is in order, and nothing is heard twice.
    turn: Mutex<()>,
    /// How often somebody has asked for a look, and how many of these a look has covered.
    wanted: Cell<u64>,
    covered: Cell<u64>,
    /// When authority was looked at last: it is believed for a while.
    checked_at: Cell<Millis>,
    /// Until when it is certainly on record that there are sockets here.
    leased_until: Cell<Millis>,
    is_armed: Cell<bool>,
    ephemerals: RefCell<Vec<EphemeralFrame>>,
    echo: RefCell<Option<Echo>>,
}

/// What is not kept anywhere and told to whoever is there: that somebody writes, that somebody has gone.
#[derive(Serialize, Deserialize)]
struct EphemeralFrame {
    by: i64,
    is_internal: bool,
    text: String,
}

/// A message that was said over a socket, which hears of it with the client's own name.
struct Echo {
    message_id: i64,
    connection: String,
    reference: Option<String>,
}

impl LiveObject {
    /// Somebody wants a seat, or there may be something to tell.
    ///
    /// # Errors
    /// When the platform has no sockets to give.
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
        // What was kept between the checks and this moment is told, and from now on somebody listens.
        self.broadcast(hub).await;
        Ok(answer)
    }

    /// A socket has ended.
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

    /// Time has passed: authority is looked at, and what was missed is told.
    pub async fn on_alarm(&self, hub: &Hub) {
        self.is_armed.set(false);
        self.broadcast(hub).await;
    }
}

/// What the object is.
fn topic(hub: &Hub) -> Option<Topic> {
    Topic::parse(&hub.name())
}

/// Every socket that hears, with its seat.
fn connections(hub: &Hub) -> Vec<(Socket, Connection)> {
    let sockets = hub.sockets().into_iter();
    sockets
        .filter_map(|socket| connection(&socket).map(|connection| (socket, connection)))
        .collect()
}

fn connection(socket: &Socket) -> Option<Connection> {
    serde_json::from_str(&socket.connection()?).ok()
}

/// Changes a connection as it is at this moment: others may have changed it since it was read.
fn update_connection<T>(socket: &Socket, change: impl FnOnce(&mut Connection) -> T) -> Option<T> {
    let mut connection = connection(socket)?;
    let outcome = change(&mut connection);
    match serde_json::to_string(&connection) {
        Ok(text) => socket.save_connection(&text),
        Err(error) => log::error(&format!("a seat could not be kept: {error}")),
    }
    Some(outcome)
}
