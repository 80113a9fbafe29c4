//! Webhooks: what other systems may hear of, and what becomes of a delivery.

use serde_json::Value;

use crate::desk::tickets::event::EventKind;
use crate::desk::validation::{Mistake, Mistakes};
use crate::desk::{DAY, HOUR, MINUTE, Millis};

/// Endpoints of one desk.
pub const MOST: i64 = 20;
/// For how long a delivery is tried.
pub const LIFE: Millis = DAY;
/// For how long the secret before still signs after it was replaced.
pub const ROTATION: Millis = DAY;
/// For how long it is on record what was delivered.
pub const KEPT: Millis = 30 * DAY;
/// Everything.
pub const ALL: &str = "*";
/// The type of what a test sends.
pub const TEST: &str = "webhook.test";
/// The type of what a workflow rule sends to the endpoint that it names.
pub const FIRED: &str = "rule.fired";

/// How long to wait after the first, second ... attempt that failed; after the last of them, the last again.
const WAITS: [Millis; 8] = [
    5_000,
    30_000,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
];
/// The longest wait that `Retry-After` may ask for.
const LONGEST_WAIT: Millis = 4 * HOUR;

/// The states of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To be sent, or sent again.
    Pending,
    Delivered,
    /// Nobody took it in time.
    Failed,
    /// The endpoint was switched off before.
    Cancelled,
}

impl State {
    /// The canonical words.
    pub const WORDS: [&'static str; 4] = ["pending", "delivered", "failed", "cancelled"];

    /// The canonical word.
    pub fn word(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Delivered => "delivered",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }

    /// Reads a word.
    pub fn parse(word: &str) -> Option<State> {
        [State::Pending, State::Delivered, State::Failed, State::Cancelled]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// The type under which an event goes out: `ticket_created` is `ticket.created`, `assigned` is `ticket.assigned`.
/// The trigger that writes deliveries says the same in SQL.
pub fn type_of(event: &str) -> String {
    match event.split_once('_') {
        Some((subject @ ("ticket" | "message" | "attachment" | "sla"), what)) => format!("{subject}.{what}"),
        _ => format!("ticket.{event}"),
    }
}

/// Every type that an endpoint may listen to.
pub fn types() -> [String; EventKind::WORDS.len()] {
    EventKind::WORDS.map(type_of)
}

/// Reads what an endpoint listens to: types, or `*` for all of them. Each stands once.
///
/// # Errors
/// Everything that is wrong, at its place.
pub fn read_events(value: &Value) -> Result<Vec<String>, Vec<Mistake>> {
    let mut wrong = Mistakes::default();
    let list = value.as_array().filter(|list| (1..=50).contains(&list.len()));
    let Some(list) = list else {
        wrong.add("events", "must be a list of 1 to 50 types");
        return wrong.finish(None);
    };
    let types = types();
    let mut events = Vec::new();
    for (at, item) in list.iter().enumerate() {
        match item.as_str() {
            Some(ALL) => events.push(ALL.to_owned()),
            Some(word) if types.iter().any(|known| known == word) => events.push(word.to_owned()),
            _ => wrong.add(
                format!("events[{at}]"),
                format!("must be * or one of {}", types.join(", ")),
            ),
        }
    }
    if events.iter().any(|word| word == ALL) {
        events = vec![ALL.to_owned()];
    }
    events.sort_unstable();
    events.dedup();
    wrong.finish(Some(events))
}

/// The first type that an endpoint would wait for in vain: promises are the staff's own.
pub fn unheard(events: &[String], include_internal: bool) -> Option<&str> {
    let internal = |event: &&String| event.starts_with("sla.") && !include_internal;
    events.iter().find(internal).map(String::as_str)
}

/// An attempt, as far as it decides what comes next.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// What was answered; nothing when there was no answer.
    pub status: Option<u16>,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u32>,
    /// Which attempt it was: 1, 2, 3 ...
    pub number: i64,
    /// When the delivery came to be.
    pub created_at: Millis,
    /// Any number, so that not everybody comes back at the same moment.
    pub chance: u8,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// It is tried again then.
    Again(Millis),
    /// It has been tried for long enough.
    Expired,
    /// 410: nobody wants to hear of us there.
    Gone,
}

/// What has waited for a day behind others is tried so often all the same: for a quarter of an hour.
const LEAST_ATTEMPTS: i64 = 5;

/// Decides what becomes of a delivery. Every 2xx is a success, and everything else a failure: redirects too, which
/// are never followed.
pub fn judge(attempt: &Attempt, now: Millis) -> Verdict {
    let end = attempt.created_at.saturating_add(LIFE);
    match attempt.status {
        Some(200..=299) => Verdict::Delivered,
        Some(410) => Verdict::Gone,
        _ if now >= end && attempt.number >= LEAST_ATTEMPTS => Verdict::Expired,
        // The last attempt is at the very end.
        _ if now < end => Verdict::Again(now.saturating_add(wait(attempt)).min(end)),
        _ => Verdict::Again(now.saturating_add(wait(attempt))),
    }
}

/// How long to wait after an attempt that failed, up to a fifth more or less; longer where the other side asks for it.
fn wait(attempt: &Attempt) -> Millis {
    let at = usize::try_from(attempt.number.saturating_sub(1)).unwrap_or_default();
    let usual = WAITS.get(at).copied().unwrap_or(4 * HOUR);
    let jittered = usual * (800 + 400 * i64::from(attempt.chance) / 255) / 1_000;
    let asked = attempt
        .retry_after
        .map_or(0, |seconds| i64::from(seconds).saturating_mul(1_000));
    jittered.max(asked.min(LONGEST_WAIT))
}

/// Why the desk switches an endpoint off, for its administrators.
pub fn reason(verdict: Verdict, last: &str) -> Option<String> {
    match verdict {
        Verdict::Delivered | Verdict::Again(_) => None,
        Verdict::Expired => Some(format!(
            "nothing could be delivered for 24 hours; at last: {last}"
        )),
        Verdict::Gone => Some("it answered 410: gone".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_have_types() {
        for (event, want) in [
            ("ticket_created", "ticket.created"),
            ("status_changed", "ticket.status_changed"),
            ("assigned", "ticket.assigned"),
            ("message_added", "message.added"),
            ("attachment_deleted", "attachment.deleted"),
            ("sla_at_risk", "sla.at_risk"),
        ] {
            assert_eq!(type_of(event), want);
        }
        let types = types();
        let mut once = types.to_vec();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), types.len());
    }

    #[test]
    fn endpoints_listen_to_what_there_is() {
        for (value, want) in [
            (json!(["*"]), Ok(vec!["*"])),
            (json!(["ticket.created", "*"]), Ok(vec!["*"])),
            (
                json!(["ticket.created", "message.added", "ticket.created"]),
                Ok(vec!["message.added", "ticket.created"]),
            ),
            (json!([]), Err("events")),
            (json!("*"), Err("events")),
            (json!(null), Err("events")),
            (json!(["*", "ticket"]), Err("events[1]")),
            (json!(["ticket_created"]), Err("events[0]")),
            (json!([5]), Err("events[0]")),
            (json!(["rule.fired"]), Err("events[0]")),
        ] {
            let read = read_events(&value);
            match want {
                Ok(want) => assert_eq!(read.unwrap(), want),
                Err(path) => assert_eq!(read.unwrap_err().first().map(|(at, _)| at.as_str()), Some(path)),
            }
        }
    }

    #[test]
    fn nobody_waits_for_what_is_internal_in_vain() {
        for (event, include_internal, want) in [
            ("sla.breached", false, Some("sla.breached")),
            ("sla.breached", true, None),
            ("message.added", false, None),
            ("*", false, None),
        ] {
            let events = ["assigned".to_owned(), event.to_owned()];
            assert_eq!(unheard(&events, include_internal), want);
        }
    }

    fn attempt(status: u16, number: i64, chance: u8) -> Attempt {
        Attempt {
            status: (status > 0).then_some(status),
            retry_after: None,
            number,
            created_at: 1_000,
            chance,
        }
    }

    #[test]
    fn what_waited_behind_others_has_its_attempts_too() {
        for (number, want) in [(1, false), (4, false), (5, true), (9, true)] {
            let verdict = judge(&attempt(503, number, 0), LIFE + HOUR);
            assert_eq!(verdict == Verdict::Expired, want, "{number}");
            assert!(!matches!(verdict, Verdict::Again(at) if at <= LIFE + HOUR));
        }
    }

    #[test]
    fn attempts_decide_what_comes_next() {
        let now = 61_000;
        let again = |wait: Millis| Verdict::Again(now + wait);
        for (status, number, chance, want) in [
            (200, 1, 0, Verdict::Delivered),
            (204, 9, 0, Verdict::Delivered),
            (299, 1, 0, Verdict::Delivered),
            (410, 1, 0, Verdict::Gone),
            (0, 1, 0, again(4_000)),
            (0, 1, 255, again(6_000)),
            (500, 2, 0, again(24_000)),
            (500, 3, 255, again(144_000)),
            (302, 4, 0, again(8 * MINUTE)),
            (404, 5, 0, again(24 * MINUTE)),
            (401, 6, 0, again(48 * MINUTE)),
            (199, 7, 0, again(96 * MINUTE)),
            (300, 8, 0, again(192 * MINUTE)),
            (503, 900, 0, again(192 * MINUTE)),
        ] {
            assert_eq!(
                judge(&attempt(status, number, chance), now),
                want,
                "{status} {number}"
            );
        }
    }

    #[test]
    fn a_day_is_the_end() {
        let end = 1_000 + DAY;
        for (now, status, want) in [
            (end - HOUR, 500, Verdict::Again(end)),
            (end - 1, 500, Verdict::Again(end)),
            (end, 500, Verdict::Expired),
            (end, 200, Verdict::Delivered),
            (end + HOUR, 410, Verdict::Gone),
        ] {
            assert_eq!(judge(&attempt(status, 12, 0), now), want, "{now}");
        }
    }

    #[test]
    fn others_may_ask_for_more_patience_and_never_for_less() {
        for (retry_after, want) in [(1, 4_000), (60, 60_000), (u32::MAX, 4 * HOUR)] {
            let attempt = Attempt {
                retry_after: Some(retry_after),
                ..attempt(429, 1, 0)
            };
            assert_eq!(judge(&attempt, 5_000), Verdict::Again(5_000 + want));
        }
    }
}
