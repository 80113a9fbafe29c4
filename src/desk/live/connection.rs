//! State of one WebSocket connection: whose it is, which events it has received, how fast it sends, when it must close.
//! It is kept in the socket's attachment while the Durable Object hibernates.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desk::Millis;
use crate::desk::access::api_key::KeyGrant;
use crate::desk::person::Role;
use crate::desk::tickets::policy;

/// What a connection subscribes to; one Durable Object serves each topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// One ticket: its room.
    Ticket(i64),
    /// Everything that concerns a person.
    User(i64),
}

impl Topic {
    /// The name of its Durable Object: `ticket:5`, `user:7`.
    pub fn name(self) -> String {
        match self {
            Topic::Ticket(id) => format!("ticket:{id}"),
            Topic::User(id) => format!("user:{id}"),
        }
    }

    /// Parses a name.
    pub fn parse(name: &str) -> Option<Topic> {
        match name.split_once(':')? {
            ("ticket", id) => id.parse().ok().map(Topic::Ticket),
            ("user", id) => id.parse().ok().map(Topic::User),
            _ => None,
        }
    }

    /// Whether another connection fits: the user has `own` connections on this topic, `all` users together `all`.
    pub fn has_capacity(self, own: usize, all: usize) -> bool {
        let most = match self {
            Topic::Ticket(_) => MAX_PER_USER_ON_TICKET,
            Topic::User(_) => MAX_PER_USER,
        };
        own < most && all < MAX_PER_TOPIC
    }
}

/// Connections of one user on one ticket.
pub const MAX_PER_USER_ON_TICKET: usize = 10;
/// Connections of one user on their own topic.
pub const MAX_PER_USER: usize = 20;
/// Connections on one topic, over all users.
pub const MAX_PER_TOPIC: usize = 1_000;

/// Frames that one connection may send within [`RATE_WINDOW`]; further ones are refused.
const MAX_FRAMES: u32 = 30;
/// Frames within [`RATE_WINDOW`] at which the connection is closed.
const CLOSE_AT_FRAMES: u32 = 90;
/// Length of the window of the rate limit, milliseconds.
const RATE_WINDOW: Millis = 10_000;
/// What an expensive frame costs in addition to the 1 that every frame costs.
const HEAVY_FRAME_COST: u32 = 9;
/// Consecutive windows over the limit after which the connection is closed.
const MAX_STRIKES: u32 = 3;
/// Milliseconds between two equal typing indicators of one user that are passed on.
const TYPING_INTERVAL: Millis = 1_000;

/// The state of a connection. Serialized into its attachment, so the field names are a stored format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Unique for each connection.
    pub id: String,
    pub user_id: i64,
    pub role: Role,
    /// Of the session; of an API key below zero, as [`Authority`] has it.
    pub session_id: i64,
    #[serde(default)]
    pub api_key: Option<KeyGrant>,
    pub ver: i64,
    pub jti: String,
    /// When the token expires, in seconds since 1970.
    pub expires: i64,
    pub card: Value,
    /// The last event that was sent: its sequence number in the ticket as staff count it, or in the user's own feed.
    pub cursor: Option<i64>,
    /// The presence frame was sent to this connection, and the join frame to the others.
    pub is_greeted: bool,
    pub pace: FrameRate,
    /// The last typing indicator that was passed on, and when.
    pub typing: Option<(bool, Millis)>,
}

/// The rate limit of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    since: Millis,
    frames: u32,
    strikes: u32,
}

/// The result of the rate limit for one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Accept,
    /// The frame is refused with an error.
    Reject,
    /// The connection is closed.
    Close,
}

impl FrameRate {
    /// Counts the frame that was just admitted as an expensive one: ten frames in all.
    pub fn add_heavy_cost(&mut self) {
        self.frames = self.frames.saturating_add(HEAVY_FRAME_COST).min(MAX_FRAMES);
    }

    /// Counts a frame and decides whether to process it.
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

/// The current state of the connection's user, from the database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Authority {
    pub user_id: i64,
    pub session_id: i64,
    pub ver: i64,
    pub role: Role,
    /// 1 if the user may see the ticket of the connection. SQL returns an integer.
    pub sees: i64,
}

/// Why the server closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The token, session or account is no longer valid.
    Unauthorized,
    /// The user may no longer see the ticket.
    Forbidden,
    /// The rate limit was exceeded for too long.
    TooFast,
}

impl CloseReason {
    /// The WebSocket close code.
    pub fn code(self) -> u16 {
        match self {
            CloseReason::Unauthorized => 4401,
            CloseReason::Forbidden => 4403,
            CloseReason::TooFast => 4429,
        }
    }

    /// The close reason.
    pub fn reason(self) -> &'static str {
        match self {
            CloseReason::Unauthorized => "the session has ended or the token has expired",
            CloseReason::Forbidden => "you may not see this ticket any more",
            CloseReason::TooFast => "too many frames",
        }
    }
}

impl Connection {
    /// Whether the token has expired.
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires.saturating_mul(1_000) <= now
    }

    /// Checks that the connection may stay open; `in_room` for one on a ticket. A user who is not in the list is
    /// unauthorized.
    ///
    /// # Errors
    /// Why the connection must be closed.
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

    /// Whether internal events are sent on this connection.
    pub fn may_read_internal(&self) -> bool {
        policy::may_read_internal(self.role)
    }

    /// Whether to pass on a typing indicator: not the same one twice within a second.
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
            api_key: None,
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
    fn topics_have_names_and_limits() {
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
    fn a_connection_stays_open_while_its_user_is_authorized() {
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
    fn expensive_frames_count_as_ten() {
        let mut rate = FrameRate::default();
        for _ in 0..3 {
            assert_eq!(rate.admit(0), Admission::Accept);
            rate.add_heavy_cost();
        }
        assert_eq!(rate.admit(0), Admission::Reject);
        assert_eq!(rate.admit(RATE_WINDOW), Admission::Accept);
    }

    #[test]
    fn frames_over_the_limit_are_refused_and_then_close_the_connection() {
        let mut rate = FrameRate::default();
        let results: Vec<Admission> = (0..100).map(|_| rate.admit(20_000)).collect();
        let count = |wanted| results.iter().filter(|result| **result == wanted).count();
        assert_eq!(
            (
                count(Admission::Accept),
                count(Admission::Reject),
                count(Admission::Close)
            ),
            (30, 60, 10)
        );
        assert_eq!(rate.admit(30_000), Admission::Accept);
        // Slightly too fast, again and again.
        let mut rate = FrameRate::default();
        for (window, want) in [
            (1, Admission::Reject),
            (2, Admission::Reject),
            (3, Admission::Close),
        ] {
            let last = (0..31).map(|_| rate.admit(window * RATE_WINDOW)).last();
            assert_eq!(last, Some(want));
        }
        // A slower window resets the count.
        let mut rate = FrameRate::default();
        for window in 1..20 {
            let frames = if window % 2 == 0 { 1 } else { 31 };
            assert!((0..frames).all(|_| rate.admit(window * RATE_WINDOW) != Admission::Close));
        }
    }

    #[test]
    fn typing_indicators_are_limited() {
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
