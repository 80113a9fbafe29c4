//! A seat: whose socket it is, how far its owner has heard, and what may still be heard.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desk::Millis;
use crate::desk::person::Role;
use crate::desk::tickets::policy;

/// What sockets are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// The room of a ticket.
    Room(i64),
    /// All that concerns a person.
    Person(i64),
}

impl Object {
    /// Its name: `ticket:5`, `user:7`.
    pub fn name(self) -> String {
        match self {
            Object::Room(id) => format!("ticket:{id}"),
            Object::Person(id) => format!("user:{id}"),
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Object> {
        match name.split_once(':')? {
            ("ticket", id) => id.parse().ok().map(Object::Room),
            ("user", id) => id.parse().ok().map(Object::Person),
            _ => None,
        }
    }

    /// Whether somebody who has so many sockets here, of so many in all, may open another.
    pub fn has_seat(self, own: usize, all: usize) -> bool {
        let most = match self {
            Object::Room(_) => MOST_IN_ROOM,
            Object::Person(_) => MOST_OF_PERSON,
        };
        own < most && all < MOST_IN_ALL
    }
}

/// Sockets that one person may have in one room.
pub const MOST_IN_ROOM: usize = 10;
/// Sockets of one person who listens to everything.
pub const MOST_OF_PERSON: usize = 20;
/// Sockets of one room in all.
pub const MOST_IN_ALL: usize = 1_000;

/// Frames within [`WINDOW`] that are listened to, and those after which the socket ends.
const FRAMES: u32 = 30;
const TOO_MANY: u32 = 90;
const WINDOW: Millis = 10_000;
/// What a frame that asks for much counts beyond itself.
const HEAVY: u32 = 9;
/// Windows over the limit, one after the other, after which the socket ends.
const STRIKES: u32 = 3;
/// How often somebody is shown to be writing, at most.
const TYPING: Millis = 1_000;

/// What is kept of a socket while its object sleeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seat {
    /// One for each socket.
    pub id: String,
    pub user_id: i64,
    pub role: Role,
    pub session_id: i64,
    pub ver: i64,
    pub jti: String,
    /// When the token expires, seconds since 1970.
    pub expires: i64,
    pub card: Value,
    /// How far its owner has heard: the event's number as staff count them, or that of the own feed.
    pub cursor: Option<i64>,
    /// Its owner has been told who is there, and the others of its owner.
    pub is_greeted: bool,
    pub pace: Pace,
    /// What was shown last of the owner's writing, and when.
    pub typing: Option<(bool, Millis)>,
}

/// How fast frames come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    since: Millis,
    frames: u32,
    strikes: u32,
}

/// Whether a frame is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    Listen,
    /// It is refused.
    Slow,
    /// The socket ends.
    Out,
}

impl Pace {
    /// The frame that has just passed asks for much: it counts as ten.
    pub fn weigh(&mut self) {
        self.frames = self.frames.saturating_add(HEAVY).min(FRAMES);
    }

    /// Counts a frame.
    pub fn pass(&mut self, now: Millis) -> Pass {
        if now.saturating_sub(self.since) >= WINDOW {
            let was_over = self.frames > FRAMES;
            *self = Pace {
                since: now,
                frames: 0,
                strikes: if was_over { self.strikes } else { 0 },
            };
        }
        self.frames = self.frames.saturating_add(1);
        if self.frames <= FRAMES {
            return Pass::Listen;
        }
        if self.frames == FRAMES.saturating_add(1) {
            self.strikes = self.strikes.saturating_add(1);
        }
        if self.strikes >= STRIKES || self.frames > TOO_MANY {
            Pass::Out
        } else {
            Pass::Slow
        }
    }
}

/// What the database says of the owner of a seat.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Standing {
    pub user_id: i64,
    pub session_id: i64,
    pub ver: i64,
    pub role: Role,
    /// 1 when they may see the ticket of the room.
    pub sees: i64,
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The token, the session or the account is no longer good.
    Unauthorized,
    /// The ticket is no longer theirs to see.
    Forbidden,
    /// Frames came too fast for too long.
    TooFast,
    /// For a while nobody knew that somebody listens: what happened then is not told by itself.
    Lapsed,
}

impl End {
    /// The close code.
    pub fn code(self) -> u16 {
        match self {
            End::Unauthorized => 4401,
            End::Forbidden => 4403,
            End::TooFast => 4429,
            End::Lapsed => 4408,
        }
    }

    /// The words beside it.
    pub fn reason(self) -> &'static str {
        match self {
            End::Unauthorized => "the session has ended or the token has expired",
            End::Forbidden => "you may not see this ticket any more",
            End::TooFast => "too many frames",
            End::Lapsed => "something may have been missed: connect again and resume",
        }
    }
}

impl Seat {
    /// Whether the token has expired.
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires.saturating_mul(1_000) <= now
    }

    /// Whether the seat may be kept, `in_room` where it is of a ticket. Who is not among the standing has none.
    ///
    /// # Errors
    /// Why the socket ends.
    pub fn stays(&self, standings: &[Standing], in_room: bool, now: Millis) -> Result<(), End> {
        if self.is_expired(now) {
            return Err(End::Unauthorized);
        }
        let own = standings.iter().find(|standing| {
            standing.user_id == self.user_id
                && standing.session_id == self.session_id
                && standing.ver == self.ver
                && standing.role == self.role
        });
        match own {
            None => Err(End::Unauthorized),
            Some(standing) if in_room && standing.sees != 1 => Err(End::Forbidden),
            Some(_) => Ok(()),
        }
    }

    /// Whether the owner hears of what is internal.
    pub fn hears_internal(&self) -> bool {
        policy::reads_internal(self.role)
    }

    /// Whether the others are to be shown that the owner writes, or has stopped: not the same twice in a second.
    pub fn shows_typing(&mut self, is_typing: bool, now: Millis) -> bool {
        let is_news = self
            .typing
            .is_none_or(|(last, at)| last != is_typing || now.saturating_sub(at) >= TYPING);
        if is_news {
            self.typing = Some((is_typing, now));
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat() -> Seat {
        Seat {
            id: "a".to_owned(),
            user_id: 7,
            role: Role::Agent,
            session_id: 3,
            ver: 1,
            jti: "j".to_owned(),
            expires: 100,
            card: Value::Null,
            cursor: None,
            is_greeted: false,
            pace: Pace::default(),
            typing: None,
        }
    }

    #[test]
    fn objects_have_names_and_seats() {
        for object in [Object::Room(5), Object::Person(7)] {
            assert_eq!(Object::parse(&object.name()), Some(object));
        }
        for name in ["", "ticket", "ticket:", "ticket:x", "room:5"] {
            assert_eq!(Object::parse(name), None, "{name}");
        }
        for (object, own, all, want) in [
            (Object::Room(5), 9, 200, true),
            (Object::Room(5), 10, 10, false),
            (Object::Room(5), 0, 1_000, false),
            (Object::Person(7), 19, 19, true),
            (Object::Person(7), 20, 20, false),
        ] {
            assert_eq!(object.has_seat(own, all), want, "{object:?} {own} {all}");
        }
    }

    #[test]
    fn a_seat_is_kept_as_long_as_its_owner_stands() {
        let good = Standing {
            user_id: 7,
            session_id: 3,
            ver: 1,
            role: Role::Agent,
            sees: 1,
        };
        let with = |change: fn(&mut Standing)| {
            let mut standing = good.clone();
            change(&mut standing);
            vec![standing]
        };
        for (standings, in_room, now, want) in [
            (vec![good.clone()], true, 0, Ok(())),
            (vec![good.clone()], true, 99_999, Ok(())),
            (vec![good.clone()], true, 100_000, Err(End::Unauthorized)),
            (Vec::new(), true, 0, Err(End::Unauthorized)),
            (with(|it| it.ver = 2), true, 0, Err(End::Unauthorized)),
            (
                with(|it| it.role = Role::Customer),
                true,
                0,
                Err(End::Unauthorized),
            ),
            (with(|it| it.session_id = 4), true, 0, Err(End::Unauthorized)),
            (with(|it| it.sees = 0), true, 0, Err(End::Forbidden)),
            (with(|it| it.sees = 0), false, 0, Ok(())),
        ] {
            assert_eq!(
                seat().stays(&standings, in_room, now),
                want,
                "{standings:?} {now}"
            );
        }
    }

    #[test]
    fn what_asks_for_much_counts_as_ten() {
        let mut pace = Pace::default();
        for _ in 0..3 {
            assert_eq!(pace.pass(0), Pass::Listen);
            pace.weigh();
        }
        assert_eq!(pace.pass(0), Pass::Slow);
        assert_eq!(pace.pass(WINDOW), Pass::Listen);
    }

    #[test]
    fn frames_that_come_too_fast_are_refused_and_then_end_the_socket() {
        let mut pace = Pace::default();
        let passes: Vec<Pass> = (0..100).map(|_| pace.pass(20_000)).collect();
        let count = |wanted| passes.iter().filter(|pass| **pass == wanted).count();
        assert_eq!(
            (count(Pass::Listen), count(Pass::Slow), count(Pass::Out)),
            (30, 60, 10)
        );
        assert_eq!(pace.pass(30_000), Pass::Listen);
        // A little too fast, again and again.
        let mut pace = Pace::default();
        for (window, want) in [(1, Pass::Slow), (2, Pass::Slow), (3, Pass::Out)] {
            let last = (0..31).map(|_| pace.pass(window * WINDOW)).last();
            assert_eq!(last, Some(want));
        }
        // Who slows down is forgiven.
        let mut pace = Pace::default();
        for window in 1..20 {
            let frames = if window % 2 == 0 { 1 } else { 31 };
            assert!((0..frames).all(|_| pace.pass(window * WINDOW) != Pass::Out));
        }
    }

    #[test]
    fn writing_is_not_shown_all_the_time() {
        let mut seat = seat();
        for (is_typing, now, want) in [
            (true, 0, true),
            (true, 500, false),
            (false, 600, true),
            (true, 700, true),
            (true, 1_699, false),
            (true, 1_700, true),
        ] {
            assert_eq!(seat.shows_typing(is_typing, now), want, "{now}");
        }
    }
}
