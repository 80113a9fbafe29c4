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
use crate::desk::live::connection::{Object, Seat};
use crate::desk::live::frame;
use crate::edge::hub::{self, Asked, Hub, Socket};
use crate::edge::{Incoming, Outgoing, Taken, clock, log};

/// What an object knows while it is awake.
#[derive(Default)]
pub struct Live {
    /// Who reads, or says something, does it alone: what is heard is in order, and nothing is heard twice.
    turn: Mutex<()>,
    /// How often somebody has asked for a look, and how many of these a look has covered.
    wanted: Cell<u64>,
    covered: Cell<u64>,
    /// When authority was looked at last: it is believed for a while.
    checked_at: Cell<Millis>,
    /// Until when the database knows that somebody listens here.
    leased_until: Cell<Millis>,
    is_armed: Cell<bool>,
    whispers: RefCell<Vec<Whisper>>,
    echo: RefCell<Option<Echo>>,
}

/// What is not kept anywhere and told to whoever is there: that somebody writes, that somebody has gone.
#[derive(Serialize, Deserialize)]
struct Whisper {
    by: i64,
    is_internal: bool,
    text: String,
}

/// A message that was said over a socket, which hears of it with the client's own name.
struct Echo {
    message_id: i64,
    seat: String,
    reference: Option<String>,
}

impl Live {
    /// Somebody wants a seat, or there may be something to tell.
    ///
    /// # Errors
    /// When the platform has no sockets to give.
    pub async fn fetch(&self, hub: &Hub, incoming: Incoming) -> Taken<Outgoing> {
        let text = match hub::asked(&incoming) {
            Asked::Connect(text) => text,
            Asked::Whisper(text) => {
                match serde_json::from_str(&text) {
                    Ok(whisper) if !seats(hub).is_empty() => self.whisper(hub, whisper).await,
                    _ => {}
                }
                return Ok(hub::plain(204));
            }
            Asked::Nudge => {
                self.pump(hub).await;
                return Ok(hub::plain(204));
            }
        };
        let (Some(object), Ok(seat)) = (object(hub), serde_json::from_str::<Seat>(&text)) else {
            return Ok(hub::plain(400));
        };
        let seats = seats(hub);
        let own = seats.iter().filter(|(_, other)| other.user_id == seat.user_id);
        if !object.has_seat(own.count(), seats.len()) {
            return Ok(hub::plain(429));
        }
        let answer = hub.accept(&text)?;
        // What was kept between the checks and this moment is told, and from now on somebody listens.
        self.pump(hub).await;
        Ok(answer)
    }

    /// A socket has ended.
    pub async fn closed(&self, hub: &Hub, socket: Socket) {
        let gone = seat(&socket);
        socket.close(1000, "");
        let here = seats(hub);
        if let (Some(gone), Some(Object::Room(ticket))) = (gone, object(hub))
            && gone.is_greeted
            && !here
                .iter()
                .any(|(_, seat)| seat.user_id == gone.user_id && seat.id != gone.id)
        {
            let text = frame::left(ticket, &gone.card, clock::now());
            let whisper = Whisper {
                by: gone.user_id,
                is_internal: false,
                text,
            };
            self.whisper(hub, whisper).await;
        }
        if seats(hub).is_empty() {
            self.pump(hub).await;
        }
    }

    /// Time has passed: authority is looked at, and what was missed is told.
    pub async fn ring(&self, hub: &Hub) {
        self.is_armed.set(false);
        self.pump(hub).await;
    }
}

/// What the object is.
fn object(hub: &Hub) -> Option<Object> {
    Object::parse(&hub.name())
}

/// Every socket that hears, with its seat.
fn seats(hub: &Hub) -> Vec<(Socket, Seat)> {
    let sockets = hub.sockets().into_iter();
    sockets
        .filter_map(|socket| seat(&socket).map(|seat| (socket, seat)))
        .collect()
}

fn seat(socket: &Socket) -> Option<Seat> {
    serde_json::from_str(&socket.seat()?).ok()
}

/// Changes a seat as it is at this moment: others may have changed it since it was read.
fn change<T>(socket: &Socket, change: impl FnOnce(&mut Seat) -> T) -> Option<T> {
    let mut seat = seat(socket)?;
    let outcome = change(&mut seat);
    match serde_json::to_string(&seat) {
        Ok(text) => socket.keep(&text),
        Err(error) => log::log(&format!("a seat could not be kept: {error}")),
    }
    Some(outcome)
}
