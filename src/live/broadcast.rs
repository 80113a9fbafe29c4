//! Sends pending frames to the sockets, with one database round trip for all sockets of an object.

use serde_json::{Value, json};

use crate::desk::live::connection::{Authority, CloseReason, Connection, Topic};
use crate::desk::live::frame;
use crate::desk::{MINUTE, Millis};
use crate::edge::db::{Batch, Db, DbError, Stmt};
use crate::edge::hub::{Hub, Socket};
use crate::edge::{clock, log};
use crate::live::{EphemeralFrame, LiveObject, connections, topic, update_connection};
use crate::store::live::{self as rows, FrameRow};
use crate::store::sql::rows::CountRow;

/// Maximum number of frames read at once, both of the newest and of those that a socket has missed.
const PAGE_SIZE: i64 = 100;
/// Maximum number of pages in a row, before other tasks get their turn.
const MAX_PAGES: usize = 50;
/// How long a checked authority is considered valid.
const AUTHORITY_TTL: Millis = 2_000;
/// How often an object checks by itself, to find authority that has ended and events whose wake-up was lost.
const ALARM_MS: u64 = 45_000;
/// Delay of the next attempt after a failure.
const RETRY_MS: u64 = 2_000;
/// How long an object is recorded as having sockets, and the remaining time at which the record is renewed. While the
/// object is awake, it checks the record when half of `LEASE_RENEWAL` is left.
const LEASE: Millis = 60 * MINUTE;
const LEASE_RENEWAL: Millis = 30 * MINUTE;

/// How far the sockets have received, and which kinds of readers they have.
struct CursorRange {
    /// Positions of the socket that is furthest behind, and of the one that is furthest ahead.
    last: i64,
    first: i64,
    staff: bool,
    customers: bool,
}

impl CursorRange {
    fn of(seats: &[(Socket, Connection)]) -> Option<CursorRange> {
        let cursors = seats.iter().filter_map(|(_, connection)| connection.cursor);
        Some(CursorRange {
            last: cursors.clone().min()?,
            first: cursors.max()?,
            staff: seats.iter().any(|(_, connection)| connection.may_read_internal()),
            customers: seats
                .iter()
                .any(|(_, connection)| !connection.may_read_internal()),
        })
    }
}

impl LiveObject {
    /// Sends pending frames. Calls that arrive while a delivery is running share the next one.
    pub(super) async fn broadcast(&self, hub: &Hub) {
        let mine = self.wanted.get().wrapping_add(1);
        self.wanted.set(mine);
        let _turn = self.turn.lock().await;
        if self.covered.get() < mine {
            self.deliver_pending(hub).await;
        }
    }

    /// Like [`LiveObject::broadcast`], for a caller that holds the lock.
    pub(super) async fn deliver_pending(&self, hub: &Hub) {
        for _ in 0..MAX_PAGES {
            let covers = self.wanted.get();
            match self.deliver_page(hub).await {
                Ok(true) => {}
                Ok(false) => return self.covered.set(covers),
                Err(error) => {
                    log::error(&format!("{} could not look: {error:?}", hub.name()));
                    return hub.set_alarm(RETRY_MS).await;
                }
            }
        }
        hub.set_alarm(1).await;
    }

    /// Sends one page, and returns whether there is more.
    async fn deliver_page(&self, hub: &Hub) -> Result<bool, DbError> {
        let (now, name) = (clock::now(), hub.name());
        let Some(object) = topic(hub) else {
            return Ok(false);
        };
        let db = Db::open(&hub.env)?;
        let seats = connections(hub);
        if seats.is_empty() {
            self.leased_until.set(0);
            self.ephemerals.take();
            return db.batch(&[rows::delete_listener(&name)]).await.map(|_| false);
        }
        self.set_alarm(hub).await;
        let reach = CursorRange::of(&seats);
        let mut batch = Batch::new();
        let people = seats.iter().map(|(_, connection)| connection);
        let authorities = batch.add::<Authority>(authorities(object, people, now));
        let head = batch.add::<CountRow>(head_stmt(object));
        let newest = reach.as_ref().map(|reach| page_stmt(object, reach, reach.first));
        let newest = batch.add_optional::<FrameRow>(newest);
        let missed = reach.as_ref().filter(|reach| reach.last < reach.first);
        let missed = missed.map(|reach| page_stmt(object, reach, reach.last));
        let missed = batch.add_optional::<FrameRow>(missed);
        let until = now.saturating_add(LEASE);
        let renews_at = now.saturating_add(LEASE_RENEWAL);
        let renews = self.leased_until.get() < now.saturating_add(LEASE_RENEWAL / 2);
        if renews {
            // This batch reads whatever was committed before it, and whatever is committed later wakes the object.
            let user = match object {
                Topic::Ticket(_) => None,
                Topic::User(id) => Some(id),
            };
            batch.extend([rows::upsert_listener(&name, user, until, renews_at)]);
        }
        let found = db.batch(&batch).await?;
        let authorities = found.all(authorities)?;
        let head = found.first(head)?.map_or(0, |number| number.n);
        let newest = found.all_if(newest)?;
        let missed = found.all_if(missed)?;
        if renews {
            // The lease lasts at least until then: an existing record that already lasted longer was not renewed.
            self.leased_until.set(renews_at);
        }
        self.checked_at.set(now);
        let seats = self.close_unauthorized(object, seats, &authorities, now);
        greet(object, &seats, now);
        let ends_early = |page: &[FrameRow]| page.last().is_some_and(|row| row.at < head);
        let has_more = ends_early(&newest) || ends_early(&missed);
        for (socket, connection) in &seats {
            let heard = connection.cursor.unwrap_or(head);
            let has_all = reach.as_ref().is_none_or(|reach| heard >= reach.first);
            let last = self.send_after(socket, connection, heard, if has_all { &newest } else { &missed });
            update_connection(socket, |connection| {
                connection.cursor = Some(last);
                connection.is_greeted = true;
            });
        }
        self.flush_ephemeral(hub);
        Ok(has_more)
    }

    async fn set_alarm(&self, hub: &Hub) {
        if !self.is_armed.replace(true) && hub.alarm_at().await.is_none() {
            hub.set_alarm(ALARM_MS).await;
        }
    }

    /// Closes the sockets whose authority has ended, before anything is sent.
    fn close_unauthorized(
        &self,
        object: Topic,
        seats: Vec<(Socket, Connection)>,
        authorities: &[Authority],
        now: Millis,
    ) -> Vec<(Socket, Connection)> {
        let in_room = matches!(object, Topic::Ticket(_));
        let (mut stay, mut ended) = (Vec::new(), Vec::new());
        for (socket, connection) in seats {
            match connection.check_authority(authorities, in_room, now) {
                Ok(()) => stay.push((socket, connection)),
                Err(end) => {
                    close_socket(&socket, end);
                    ended.push(connection);
                }
            }
        }
        if let Topic::Ticket(ticket) = object {
            for gone in ended.iter().filter(|connection| connection.is_greeted) {
                if !stay
                    .iter()
                    .any(|(_, connection)| connection.user_id == gone.user_id)
                {
                    self.ephemerals.borrow_mut().push(EphemeralFrame {
                        by: gone.user_id,
                        is_internal: false,
                        text: frame::user_left(ticket, &gone.card, now),
                    });
                }
            }
        }
        stay
    }

    /// Sends the frames after the position `heard`, and returns the new position.
    fn send_after(&self, socket: &Socket, connection: &Connection, heard: i64, told: &[FrameRow]) -> i64 {
        let mut last = heard;
        for told in told.iter().filter(|told| told.at > heard) {
            last = told.at;
            let text = if connection.may_read_internal() {
                &told.staff
            } else {
                &told.public
            };
            let Some(text) = text else { continue };
            match self.echo_reference(connection, told) {
                Some(reference) => socket.send(&frame::with_ref(text, &reference)),
                None => socket.send(text),
            }
        }
        last
    }

    /// The client's own reference for this frame, if the client posted the message over this socket.
    fn echo_reference(&self, connection: &Connection, told: &FrameRow) -> Option<String> {
        let mut echo = self.echo.borrow_mut();
        echo.take_if(|echo| Some(echo.message_id) == told.message_id && echo.connection == connection.id)?
            .reference
    }

    /// Sends a frame that is not stored to the other sockets. Authority is checked again if the last check is too
    /// old.
    pub(super) async fn send_ephemeral(&self, hub: &Hub, whisper: EphemeralFrame) {
        self.ephemerals.borrow_mut().push(whisper);
        if clock::now().saturating_sub(self.checked_at.get()) < AUTHORITY_TTL {
            self.flush_ephemeral(hub);
        } else {
            self.broadcast(hub).await;
        }
    }

    fn flush_ephemeral(&self, hub: &Hub) {
        let ephemerals = self.ephemerals.take();
        if ephemerals.is_empty() {
            return;
        }
        let now = clock::now();
        for (socket, connection) in connections(hub) {
            if !connection.is_greeted || connection.is_expired(now) {
                continue;
            }
            let others = ephemerals
                .iter()
                .filter(|whisper| whisper.by != connection.user_id);
            for whisper in others.filter(|whisper| !whisper.is_internal || connection.may_read_internal()) {
                socket.send(&whisper.text);
            }
        }
    }
}

/// Closes a socket. It is marked as not greeted, so that its close event does not announce again that the user left.
pub(super) fn close_socket(socket: &Socket, end: CloseReason) {
    update_connection(socket, |connection| connection.is_greeted = false);
    socket.close(end.code(), end.reason());
}

/// Tells new sockets who is present, and announces the new users to the others.
fn greet(object: Topic, seats: &[(Socket, Connection)], now: Millis) {
    let ticket = match object {
        Topic::Ticket(id) => Some(id),
        Topic::User(_) => None,
    };
    let mut people: Vec<&Value> = Vec::new();
    let mut known: Vec<i64> = Vec::new();
    for (_, connection) in seats {
        if !known.contains(&connection.user_id) {
            known.push(connection.user_id);
            people.push(&connection.card);
        }
    }
    let greeted: Vec<&(Socket, Connection)> = seats
        .iter()
        .filter(|(_, connection)| connection.is_greeted)
        .collect();
    let mut told: Vec<i64> = greeted.iter().map(|(_, connection)| connection.user_id).collect();
    for (socket, connection) in seats.iter().filter(|(_, connection)| !connection.is_greeted) {
        socket.send(&frame::presence(ticket, &people, now));
        if let Some(ticket) = ticket
            && !told.contains(&connection.user_id)
        {
            told.push(connection.user_id);
            let text = frame::user_joined(ticket, &connection.card, now);
            greeted.iter().for_each(|(socket, _)| socket.send(&text));
        }
    }
}

/// The statement that reads whether the users and sessions of these sockets are still authorised.
pub(super) fn authorities<'a>(
    object: Topic,
    seats: impl Iterator<Item = &'a Connection>,
    now: Millis,
) -> Stmt {
    let mut list: Vec<(i64, i64)> = seats
        .map(|connection| (connection.user_id, connection.session_id))
        .collect();
    list.sort_unstable();
    list.dedup();
    let ticket = match object {
        Topic::Ticket(id) => Some(id),
        Topic::User(_) => None,
    };
    rows::authorities(&json!(list).to_string(), ticket, now)
}

fn head_stmt(object: Topic) -> Stmt {
    match object {
        Topic::Ticket(id) => rows::last_event_seq(id),
        Topic::User(id) => rows::last_feed_place(id),
    }
}

fn page_stmt(object: Topic, reach: &CursorRange, after: i64) -> Stmt {
    match object {
        Topic::Ticket(id) => rows::room_frames(id, after, PAGE_SIZE, (reach.staff, reach.customers)),
        Topic::User(id) => rows::feed_frames(id, after, PAGE_SIZE, reach.staff),
    }
}

// A socket may outlive its authority by at most a minute; the alarm interval is well within that.
const _: () = assert!((ALARM_MS as Millis) < MINUTE);
