//! Looking what there is to tell, and telling it: one trip to the database for everybody who is there.

use serde_json::{Value, json};

use crate::desk::live::connection::{End, Object, Seat, Standing};
use crate::desk::live::frame;
use crate::desk::{MINUTE, Millis};
use crate::edge::db::{Db, DbError, Rows, Stmt};
use crate::edge::hub::{Hub, Socket};
use crate::edge::{clock, log};
use crate::live::{Live, Whisper, change, object, seats};
use crate::store::live::{self as rows, Told};

/// Frames that one look reads at most, of the newest and of what somebody has missed.
const PAGE: i64 = 100;
/// Looks in a row, before others have their turn.
const LOOKS: usize = 50;
/// How long authority is believed.
const BELIEVED: Millis = 2_000;
/// How often an object looks by itself: whether authority still holds, and whether a nudge was lost.
const ALARM: u64 = 45_000;
/// When it looks again after a failure.
const AGAIN: u64 = 2_000;
/// How long the database takes an object to listen, and what must be left of it.
const LEASE: Millis = 150_000;
const RENEWED: Millis = 100_000;

/// Where the seats stand: who has heard everything, and who has not.
struct Reach {
    /// The seat that has heard least, and the one that has heard most.
    last: i64,
    first: i64,
    staff: bool,
    customers: bool,
}

impl Reach {
    fn of(seats: &[(Socket, Seat)]) -> Option<Reach> {
        let cursors = seats.iter().filter_map(|(_, seat)| seat.cursor);
        Some(Reach {
            last: cursors.clone().min()?,
            first: cursors.max()?,
            staff: seats.iter().any(|(_, seat)| seat.hears_internal()),
            customers: seats.iter().any(|(_, seat)| !seat.hears_internal()),
        })
    }
}

impl Live {
    /// Tells everybody what they have not heard. Who asks while another look runs shares the next one.
    pub(super) async fn pump(&self, hub: &Hub) {
        let mine = self.wanted.get().wrapping_add(1);
        self.wanted.set(mine);
        let _turn = self.turn.lock().await;
        if self.covered.get() < mine {
            self.look(hub).await;
        }
    }

    /// As [`Live::pump`], for who has the turn.
    pub(super) async fn look(&self, hub: &Hub) {
        for _ in 0..LOOKS {
            let covers = self.wanted.get();
            match self.look_once(hub).await {
                Ok(true) => {}
                Ok(false) => return self.covered.set(covers),
                Err(error) => {
                    log::log(&format!("{} could not look: {error:?}", hub.name()));
                    return hub.wake_in(AGAIN).await;
                }
            }
        }
        hub.wake_in(1).await;
    }

    /// Gives whether there is more.
    async fn look_once(&self, hub: &Hub) -> Result<bool, DbError> {
        let (now, name) = (clock::now(), hub.name());
        let Some(object) = object(hub) else {
            return Ok(false);
        };
        let db = Db::open(&hub.env)?;
        let seats = seats(hub);
        if seats.is_empty() {
            self.leased_until.set(0);
            self.whispers.take();
            return db.batch(&[rows::leave(&name)]).await.map(|_| false);
        }
        self.arm(hub).await;
        let reach = Reach::of(&seats);
        let mut batch = vec![
            standings(object, seats.iter().map(|(_, seat)| seat), now),
            head(object),
        ];
        if let Some(reach) = &reach {
            batch.push(page(object, reach, reach.first));
            batch.extend((reach.last < reach.first).then(|| page(object, reach, reach.last)));
        }
        // What is kept after the lease is told of; what was kept before is read behind it.
        let until = now.saturating_add(LEASE);
        let renews = self.leased_until.get().saturating_sub(now) < RENEWED;
        if renews {
            let user = match object {
                Object::Room(_) => None,
                Object::Person(id) => Some(id),
            };
            batch.splice(0..0, [rows::listens(&name), rows::listen(&name, user, until)]);
        }
        let found = db.batch(&batch).await?;
        let (lease, found) = found
            .split_at_checked(if renews { 2 } else { 0 })
            .unwrap_or_default();
        let listened = all::<Number>(lease.first())?.first().map_or(0, |number| number.n);
        let mut found = found.iter();
        let standings: Vec<Standing> = all(found.next())?;
        let head = all::<Number>(found.next())?.first().map_or(0, |number| number.n);
        let newest: Vec<Told> = all(found.next())?;
        let missed: Vec<Told> = all(found.next())?;
        if renews {
            self.leased_until.set(until);
        }
        self.checked_at.set(now);
        let mut seats = self.judge(object, seats, &standings, now);
        if renews && listened <= now && matches!(object, Object::Person(_)) {
            // A room reads its ticket from where it was; a feed that nobody wrote cannot be read.
            let lapsed = seats.extract_if(.., |(_, seat)| seat.is_greeted);
            lapsed.for_each(|(socket, _)| dismiss(&socket, End::Lapsed));
        }
        greet(object, &seats, now);
        let full = usize::try_from(PAGE).unwrap_or_default();
        let has_more = newest.len() >= full || missed.len() >= full;
        for (socket, seat) in &seats {
            let heard = seat.cursor.unwrap_or(head);
            let has_all = reach.as_ref().is_none_or(|reach| heard >= reach.first);
            let last = self.tell(socket, seat, heard, if has_all { &newest } else { &missed });
            change(socket, |seat| {
                seat.cursor = Some(last);
                seat.is_greeted = true;
            });
        }
        self.flush(hub);
        Ok(has_more)
    }

    async fn arm(&self, hub: &Hub) {
        if !self.is_armed.replace(true) && hub.alarm().await.is_none() {
            hub.wake_in(ALARM).await;
        }
    }

    /// Ends the sockets whose authority has ended, before anything is told.
    fn judge(
        &self,
        object: Object,
        seats: Vec<(Socket, Seat)>,
        standings: &[Standing],
        now: Millis,
    ) -> Vec<(Socket, Seat)> {
        let in_room = matches!(object, Object::Room(_));
        let (mut stay, mut ended) = (Vec::new(), Vec::new());
        for (socket, seat) in seats {
            match seat.stays(standings, in_room, now) {
                Ok(()) => stay.push((socket, seat)),
                Err(end) => {
                    dismiss(&socket, end);
                    ended.push(seat);
                }
            }
        }
        if let Object::Room(ticket) = object {
            for gone in ended.iter().filter(|seat| seat.is_greeted) {
                if !stay.iter().any(|(_, seat)| seat.user_id == gone.user_id) {
                    self.whispers.borrow_mut().push(Whisper {
                        by: gone.user_id,
                        is_internal: false,
                        text: frame::left(ticket, &gone.card, now),
                    });
                }
            }
        }
        stay
    }

    /// Sends what comes after `heard`, and gives how far the seat has heard then.
    fn tell(&self, socket: &Socket, seat: &Seat, heard: i64, told: &[Told]) -> i64 {
        let mut last = heard;
        for told in told.iter().filter(|told| told.at > heard) {
            last = told.at;
            let text = if seat.hears_internal() {
                &told.staff
            } else {
                &told.public
            };
            let Some(text) = text else { continue };
            match self.answered(seat, told) {
                Some(reference) => socket.send(&frame::named(text, &reference)),
                None => socket.send(text),
            }
        }
        last
    }

    /// The client's own name of what it hears now, where it has said it itself over this socket.
    fn answered(&self, seat: &Seat, told: &Told) -> Option<String> {
        let mut echo = self.echo.borrow_mut();
        echo.take_if(|echo| Some(echo.message_id) == told.message_id && echo.seat == seat.id)?
            .reference
    }

    /// Tells the others what is kept nowhere, as far as they are believed.
    pub(super) async fn whisper(&self, hub: &Hub, whisper: Whisper) {
        self.whispers.borrow_mut().push(whisper);
        if clock::now().saturating_sub(self.checked_at.get()) < BELIEVED {
            self.flush(hub);
        } else {
            self.pump(hub).await;
        }
    }

    fn flush(&self, hub: &Hub) {
        let whispers = self.whispers.take();
        if whispers.is_empty() {
            return;
        }
        let now = clock::now();
        for (socket, seat) in seats(hub) {
            if !seat.is_greeted || seat.is_expired(now) {
                continue;
            }
            let others = whispers.iter().filter(|whisper| whisper.by != seat.user_id);
            for whisper in others.filter(|whisper| !whisper.is_internal || seat.hears_internal()) {
                socket.send(&whisper.text);
            }
        }
    }
}

/// Ends a socket. Who is dismissed has left already: its closing says nothing new.
pub(super) fn dismiss(socket: &Socket, end: End) {
    change(socket, |seat| seat.is_greeted = false);
    socket.close(end.code(), end.reason());
}

/// Tells newcomers who is there, and those who are there of the newcomers.
fn greet(object: Object, seats: &[(Socket, Seat)], now: Millis) {
    let ticket = match object {
        Object::Room(id) => Some(id),
        Object::Person(_) => None,
    };
    let mut people: Vec<&Value> = Vec::new();
    let mut known: Vec<i64> = Vec::new();
    for (_, seat) in seats {
        if !known.contains(&seat.user_id) {
            known.push(seat.user_id);
            people.push(&seat.card);
        }
    }
    let greeted: Vec<&(Socket, Seat)> = seats.iter().filter(|(_, seat)| seat.is_greeted).collect();
    let mut told: Vec<i64> = greeted.iter().map(|(_, seat)| seat.user_id).collect();
    for (socket, seat) in seats.iter().filter(|(_, seat)| !seat.is_greeted) {
        socket.send(&frame::presence(ticket, &people, now));
        if let Some(ticket) = ticket
            && !told.contains(&seat.user_id)
        {
            told.push(seat.user_id);
            let text = frame::joined(ticket, &seat.card, now);
            greeted.iter().for_each(|(socket, _)| socket.send(&text));
        }
    }
}

#[derive(serde::Deserialize)]
struct Number {
    n: i64,
}

fn all<T: serde::de::DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DbError> {
    rows.map_or(Ok(Vec::new()), Rows::all)
}

/// Whether the owners of these seats still stand.
pub(super) fn standings<'a>(object: Object, seats: impl Iterator<Item = &'a Seat>, now: Millis) -> Stmt {
    let mut list: Vec<(i64, i64)> = seats.map(|seat| (seat.user_id, seat.session_id)).collect();
    list.sort_unstable();
    list.dedup();
    let ticket = match object {
        Object::Room(id) => Some(id),
        Object::Person(_) => None,
    };
    rows::standings(&json!(list).to_string(), ticket, now)
}

fn head(object: Object) -> Stmt {
    match object {
        Object::Room(id) => rows::head_of_room(id),
        Object::Person(id) => rows::head_of_feed(id),
    }
}

fn page(object: Object, reach: &Reach, after: i64) -> Stmt {
    match object {
        Object::Room(id) => rows::of_room(id, after, PAGE, (reach.staff, reach.customers)),
        Object::Person(id) => rows::of_feed(id, after, PAGE, reach.staff),
    }
}

// A minute is what a socket may outlive its authority: the alarm is well within it.
const _: () = assert!((ALARM as Millis) < MINUTE);
