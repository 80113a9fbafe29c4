//! A seat: whose socket it is, how far its owner has heard, and what may still be heard.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desk::Millis;
use crate::desk::person::Role;
use crate::desk::tickets::policy;

/// What sockets are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The room of a ticket.
    Ticket(i64),
    /// All that concerns a person.
    User(i64),
}

impl Topic {
    /// Its name: `ticket:5`, `user:7`.
    pub fn name(self) -> String {
        match self {
            Topic::Ticket(id) => format!("ticket:{id}"),
            Topic::User(id) => format!("user:{id}"),
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Topic> {
        match name.split_once(':')? {
            ("ticket", id) => id.parse().ok().map(Topic::Ticket),
            ("user", id) => id.parse().ok().map(Topic::User),
            _ => None,
        }
    }

    /// Whether somebody who has so many sockets here, of so many in all, may open another.
    pub fn has_capacity(self, own: usize, all: usize) -> bool {
        let most = match self {
            Topic::Ticket(_) => MAX_PER_USER_ON_TICKET,
            Topic::User(_) => MAX_PER_USER,
        };
        own < most && all < MAX_PER_TOPIC
    }
}

/// Sockets that one person may have in one room.
pub const MAX_PER_USER_ON_TICKET: usize = 10;
/// Sockets of one person who listens to everything.
pub const MAX_PER_USER: usize = 20;
/// Sockets of one room in all.
pub const MAX_PER_TOPIC: usize = 1_000;

/// Frames within [`RATE_WINDOW`] that are listened to, and those after which the socket ends.
const MAX_FRAMES: u32 = 30;
const CLOSE_AT_FRAMES: u32 = 90;
const RATE_WINDOW: Millis = 10_000;
/// What a frame that asks for much counts beyond itself.
const HEAVY_FRAME_COST: u32 = 9;
/// Windows over the limit, one after the other, after which the socket ends.
const MAX_STRIKES: u32 = 3;
/// How often somebody is shown to be writing, at most.
const TYPING_INTERVAL: Millis = 1_000;

/// What is kept of a socket while its object sleeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
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
    pub pace: FrameRate,
    /// What was shown last of the owner's writing, and when.
    pub typing: Option<(bool, Millis)>,
}

/// How fast frames come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    since: Millis,
    frames: u32,
    strikes: u32,
}

/// Whether a frame is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Accept,
    /// It is refused.
    Reject,
    /// The socket ends.
    Close,
}

impl FrameRate {
    /// The frame that has just passed asks for much: it counts as ten.
    pub fn add_heavy_cost(&mut self) {
        self.frames = self.frames.saturating_add(HEAVY_FRAME_COST).min(MAX_FRAMES);
    }

    /// Counts a frame.
    pub fn admit(&mut self, now: Millis) -> Admission {
        if now.saturating_sub(self.since) >= RATE_WINDOW {
            let was_over = self.frames > MAX_FRAMES;
            *self = FrameRate {
                since: now,
                frames: 0,
                strikes: if was_over { self.strikes } else { 0 },
            };
        }
        self.frames = self.frames.saturating_add(1);
        if self.frames <= MAX_FRAMES {
            return Admission::Accept;
        }
        if self.frames == MAX_FRAMES.saturating_add(1) {
            self.strikes = self.strikes.saturating_add(1);
        }
        if self.strikes >= MAX_STRIKES || self.frames > CLOSE_AT_FRAMES {
            Admission::Close
        } else {
            Admission::Reject
        }
    }
}

/// What the database says of the owner of a seat.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Authority {
    pub user_id: i64,
    pub session_id: i64,
    pub ver: i64,
    pub role: Role,
    /// 1 when they may see the ticket of the room.
    pub sees: i64,
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The token, the session or the account is no longer good.
    Unauthorized,
    /// The ticket is no longer theirs to see.
    Forbidden,
    /// Frames came too fast for too long.
    TooFast,
    /// For a while nobody knew that somebody listens: what happened then is not told by itself.
    Lapsed,
}

impl CloseReason {
    /// The close code.
    pub fn code(self) -> u16 {
        match self {
            CloseReason::Unauthorized => 4401,
            CloseReason::Forbidden => 4403,
            CloseReason::TooFast => 4429,
            CloseReason::Lapsed => 4408,
        }
    }

    /// The words beside it.
    pub fn reason(self) -> &'static str {
        match self {
            CloseReason::Unauthorized => "the session has ended or the token has expired",
            CloseReason::Forbidden => "you may not see this ticket any more",
            CloseReason::TooFast => "too many frames",
            CloseReason::Lapsed => "something may have been missed: connect again and resume",
        }
    }
}

impl Connection {
    /// Whether the token has expired.
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires.saturating_mul(1_000) <= now
    }

    /// Whether the seat may be kept, `in_room` where it is of a ticket. Who is not among the standing has none.
    ///
    /// # Errors
    /// Why the socket ends.
    pub fn check_authority(
        &self,
        authorities: &[Authority],
        in_room: bool,
        now: Millis,
    ) -> Result<(), CloseReason> {
        if self.is_expired(now) {
            return Err(CloseReason::Unauthorized);
        }
        let own = authorities.iter().find(|authority| {
            authority.user_id == self.user_id
                && authority.session_id == self.session_id
                && authority.ver == self.ver
                && authority.role == self.role
        });
        match own {
            None => Err(CloseReason::Unauthorized),
            Some(authority) if in_room && authority.sees != 1 => Err(CloseReason::Forbidden),
            Some(_) => Ok(()),
        }
    }

    /// Whether the owner hears of what is internal.
    pub fn may_read_internal(&self) -> bool {
        policy::may_read_internal(self.role)
    }

    /// Whether the others are to be shown that the owner writes, or has stopped: not the same twice in a second.
    pub fn should_show_typing(&mut self, is_typing: bool, now: Millis) -> bool {
        let is_news = self
            .typing
            .is_none_or(|(last, at)| last != is_typing || now.saturating_sub(at) >= TYPING_INTERVAL);
        if is_news {
            self.typing = Some((is_typing, now));
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
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
            pace: FrameRate::default(),
            typing: None,
        }
    }

    #[test]
    fn objects_have_names_and_seats() {
        for object in [Topic::Ticket(5), Topic::User(7)] {
            assert_eq!(Topic::parse(&object.name()), Some(object));
        }
        for name in ["", "ticket", "ticket:", "ticket:x", "room:5"] {
            assert_eq!(Topic::parse(name), None, "{name}");
        }
        for (object, own, all, want) in [
            (Topic::Ticket(5), 9, 200, true),
            (Topic::Ticket(5), 10, 10, false),
            (Topic::Ticket(5), 0, 1_000, false),
            (Topic::User(7), 19, 19, true),
            (Topic::User(7), 20, 20, false),
        ] {
            assert_eq!(object.has_capacity(own, all), want, "{object:?} {own} {all}");
        }
    }

    #[test]
    fn a_seat_is_kept_as_long_as_its_owner_stands() {
        let good = Authority {
            user_id: 7,
            session_id: 3,
            ver: 1,
            role: Role::Agent,
            sees: 1,
        };
        let with = |change: fn(&mut Authority)| {
            let mut authority = good.clone();
            change(&mut authority);
            vec![authority]
        };
        for (authorities, in_room, now, want) in [
            (vec![good.clone()], true, 0, Ok(())),
            (vec![good.clone()], true, 99_999, Ok(())),
            (vec![good.clone()], true, 100_000, Err(CloseReason::Unauthorized)),
            (Vec::new(), true, 0, Err(CloseReason::Unauthorized)),
            (with(|it| it.ver = 2), true, 0, Err(CloseReason::Unauthorized)),
            (
                with(|it| it.role = Role::Customer),
                true,
                0,
                Err(CloseReason::Unauthorized),
            ),
            (
                with(|it| it.session_id = 4),
                true,
                0,
                Err(CloseReason::Unauthorized),
            ),
            (with(|it| it.sees = 0), true, 0, Err(CloseReason::Forbidden)),
            (with(|it| it.sees = 0), false, 0, Ok(())),
        ] {
            assert_eq!(
                connection().check_authority(&authorities, in_room, now),
                want,
                "{authorities:?} {now}"
            );
        }
    }

    #[test]
    fn what_asks_for_much_counts_as_ten() {
        let mut pace = FrameRate::default();
        for _ in 0..3 {
            assert_eq!(pace.admit(0), Admission::Accept);
            pace.add_heavy_cost();
        }
        assert_eq!(pace.admit(0), Admission::Reject);
        assert_eq!(pace.admit(RATE_WINDOW), Admission::Accept);
    }

    #[test]
    fn frames_that_come_too_fast_are_refused_and_then_end_the_socket() {
        let mut pace = FrameRate::default();
        let passes: Vec<Admission> = (0..100).map(|_| pace.admit(20_000)).collect();
        let count = |wanted| passes.iter().filter(|pass| **pass == wanted).count();
        assert_eq!(
            (
                count(Admission::Accept),
                count(Admission::Reject),
                count(Admission::Close)
            ),
            (30, 60, 10)
        );
        assert_eq!(pace.admit(30_000), Admission::Accept);
        // A little too fast, again and again.
        let mut pace = FrameRate::default();
        for (window, want) in [
            (1, Admission::Reject),
            (2, Admission::Reject),
            (3, Admission::Close),
        ] {
            let last = (0..31).map(|_| pace.admit(window * RATE_WINDOW)).last();
            assert_eq!(last, Some(want));
        }
        // Who slows down is forgiven.
        let mut pace = FrameRate::default();
        for window in 1..20 {
            let frames = if window % 2 == 0 { 1 } else { 31 };
            assert!((0..frames).all(|_| pace.admit(window * RATE_WINDOW) != Admission::Close));
        }
    }

    #[test]
    fn writing_is_not_shown_all_the_time() {
        let mut connection = connection();
        for (is_typing, now, want) in [
            (true, 0, true),
            (true, 500, false),
            (false, 600, true),
            (true, 700, true),
            (true, 1_699, false),
            (true, 1_700, true),
        ] {
            assert_eq!(connection.should_show_typing(is_typing, now), want, "{now}");
        }
    }
}
