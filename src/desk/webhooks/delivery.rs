//! Webhook deliveries: event types, delivery states, and when to try again.

use serde_json::Value;

use crate::desk::tickets::event::EventKind;
use crate::desk::validation::{FieldError, FieldErrors};
use crate::desk::{DAY, HOUR, MINUTE, Millis};

/// Endpoints of one help desk.
pub const MAX_ENDPOINTS: i64 = 20;
/// How long a delivery is retried.
pub const RETRY_WINDOW: Millis = DAY;
/// How long the previous secret still signs after it was replaced.
pub const SECRET_OVERLAP: Millis = DAY;
/// How long deliveries are kept.
pub const RETENTION: Millis = 30 * DAY;
/// Subscribes to all events.
pub const ALL_EVENTS: &str = "*";
/// The type of the event that a test sends.
pub const TEST_EVENT: &str = "webhook.test";
/// The type of the event that a workflow rule sends to an endpoint.
pub const RULE_FIRED_EVENT: &str = "rule.fired";

/// Wait after the first, second ... failed attempt; the last one repeats.
const BACKOFF: [Millis; 8] = [
    5_000,
    30_000,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
];
/// The longest wait that the endpoint can ask for with `Retry-After`.
const MAX_RETRY_AFTER: Millis = 4 * HOUR;

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waiting for its first or next attempt.
    Pending,
    Delivered,
    /// No attempt succeeded in time.
    Failed,
    /// The endpoint was disabled or deleted first.
    Cancelled,
}

impl DeliveryState {
    /// The API names, in the order of the variants.
    pub const WORDS: [&'static str; 4] = ["pending", "delivered", "failed", "cancelled"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
            DeliveryState::Cancelled => "cancelled",
        }
    }

    /// Reads an API name.
    pub fn parse(word: &str) -> Option<DeliveryState> {
        [
            DeliveryState::Pending,
            DeliveryState::Delivered,
            DeliveryState::Failed,
            DeliveryState::Cancelled,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

/// The type of an event in webhooks: `ticket_created` becomes `ticket.created`, `assigned` becomes `ticket.assigned`.
/// The SQL that writes deliveries has the same rule.
pub fn event_type(event: &str) -> String {
    match event.split_once('_') {
        Some((subject @ ("ticket" | "message" | "attachment" | "sla"), what)) => format!("{subject}.{what}"),
        _ => format!("ticket.{event}"),
    }
}

/// All types that an endpoint can subscribe to.
pub fn event_types() -> [String; EventKind::WORDS.len()] {
    EventKind::WORDS.map(event_type)
}

/// Parses the subscriptions of an endpoint: types, or `*` for all. Duplicates are removed.
///
/// # Errors
/// All validation errors.
pub fn parse_events(value: &Value) -> Result<Vec<String>, Vec<FieldError>> {
    let mut errors = FieldErrors::default();
    let list = value.as_array().filter(|list| (1..=50).contains(&list.len()));
    let Some(list) = list else {
        errors.add("events", "must be a list of 1 to 50 types");
        return errors.finish(None);
    };
    let types = event_types();
    let mut events = Vec::new();
    for (at, item) in list.iter().enumerate() {
        match item.as_str() {
            Some(ALL_EVENTS) => events.push(ALL_EVENTS.to_owned()),
            Some(word) if types.iter().any(|known| known == word) => events.push(word.to_owned()),
            _ => errors.add(
                format!("events[{at}]"),
                format!("must be * or one of {}", types.join(", ")),
            ),
        }
    }
    if events.iter().any(|word| word == ALL_EVENTS) {
        events = vec![ALL_EVENTS.to_owned()];
    }
    events.sort_unstable();
    events.dedup();
    errors.finish(Some(events))
}

/// The first type that an endpoint would never receive: SLA events are internal, so they need `include_internal`.
pub fn first_internal_only(events: &[String], include_internal: bool) -> Option<&str> {
    let internal = |event: &&String| event.starts_with("sla.") && !include_internal;
    events.iter().find(internal).map(String::as_str)
}

/// The result of an attempt, as far as it decides what comes next.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryAttempt {
    /// The HTTP status; `None` without a response.
    pub status: Option<u16>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// Which attempt it was, from 1.
    pub number: i64,
    /// When the delivery was created.
    pub created_at: Millis,
    /// A random number: spreads retries, so that deliveries that failed together are not retried together.
    pub jitter: u8,
}

/// What happens to a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    Delivered,
    /// Retry at this time.
    RetryAt(Millis),
    /// Give up: the retry window is over.
    Expired,
    /// The endpoint answered 410 Gone, so it is disabled.
    Gone,
}

/// The minimum number of attempts, even after the retry window: for deliveries that waited a day behind others.
const MIN_ATTEMPTS: i64 = 5;

/// Decides what happens to a delivery. Every 2xx is a success, everything else a failure, including redirects, which
/// are never followed.
pub fn retry_decision(attempt: &DeliveryAttempt, now: Millis) -> RetryDecision {
    let end = attempt.created_at.saturating_add(RETRY_WINDOW);
    match attempt.status {
        Some(200..=299) => RetryDecision::Delivered,
        Some(410) => RetryDecision::Gone,
        _ if now >= end && attempt.number >= MIN_ATTEMPTS => RetryDecision::Expired,
        // The last attempt is at the very end of the window.
        _ if now < end => RetryDecision::RetryAt(now.saturating_add(backoff(attempt)).min(end)),
        _ => RetryDecision::RetryAt(now.saturating_add(backoff(attempt))),
    }
}

/// How long to wait after a failed attempt: up to 20 % more or less than the schedule, and longer if the endpoint asks
/// for it.
fn backoff(attempt: &DeliveryAttempt) -> Millis {
    let at = usize::try_from(attempt.number.saturating_sub(1)).unwrap_or_default();
    let usual = BACKOFF.get(at).copied().unwrap_or(4 * HOUR);
    let jittered = usual * (800 + 400 * i64::from(attempt.jitter) / 255) / 1_000;
    let asked = attempt
        .retry_after
        .map_or(0, |seconds| i64::from(seconds).saturating_mul(1_000));
    jittered.max(asked.min(MAX_RETRY_AFTER))
}

/// Why an endpoint is disabled after this decision, as a message for admins. `None` if it stays enabled.
pub fn disable_reason(decision: RetryDecision, last: &str) -> Option<String> {
    match decision {
        RetryDecision::Delivered | RetryDecision::RetryAt(_) => None,
        RetryDecision::Expired => Some(format!(
            "nothing could be delivered for 24 hours; at last: {last}"
        )),
        RetryDecision::Gone => Some("it answered 410: gone".to_owned()),
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
            assert_eq!(event_type(event), want);
        }
        let types = event_types();
        let mut once = types.to_vec();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), types.len());
    }

    #[test]
    fn endpoints_subscribe_to_existing_events() {
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
            let read = parse_events(&value);
            match want {
                Ok(want) => assert_eq!(read.unwrap(), want),
                Err(path) => assert_eq!(read.unwrap_err().first().map(|(at, _)| at.as_str()), Some(path)),
            }
        }
    }

    #[test]
    fn subscriptions_to_internal_events_need_include_internal() {
        for (event, include_internal, want) in [
            ("sla.breached", false, Some("sla.breached")),
            ("sla.breached", true, None),
            ("message.added", false, None),
            ("*", false, None),
        ] {
            let events = ["assigned".to_owned(), event.to_owned()];
            assert_eq!(first_internal_only(&events, include_internal), want);
        }
    }

    fn attempt(status: u16, number: i64, jitter: u8) -> DeliveryAttempt {
        DeliveryAttempt {
            status: (status > 0).then_some(status),
            retry_after: None,
            number,
            created_at: 1_000,
            jitter,
        }
    }

    #[test]
    fn late_deliveries_have_a_minimum_of_attempts() {
        for (number, want) in [(1, false), (4, false), (5, true), (9, true)] {
            let decision = retry_decision(&attempt(503, number, 0), RETRY_WINDOW + HOUR);
            assert_eq!(decision == RetryDecision::Expired, want, "{number}");
            assert!(!matches!(decision, RetryDecision::RetryAt(at) if at <= RETRY_WINDOW + HOUR));
        }
    }

    #[test]
    fn attempts_decide_what_comes_next() {
        let now = 61_000;
        let again = |wait: Millis| RetryDecision::RetryAt(now + wait);
        for (status, number, jitter, want) in [
            (200, 1, 0, RetryDecision::Delivered),
            (204, 9, 0, RetryDecision::Delivered),
            (299, 1, 0, RetryDecision::Delivered),
            (410, 1, 0, RetryDecision::Gone),
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
                retry_decision(&attempt(status, number, jitter), now),
                want,
                "{status} {number}"
            );
        }
    }

    #[test]
    fn a_day_is_the_end() {
        let end = 1_000 + DAY;
        for (now, status, want) in [
            (end - HOUR, 500, RetryDecision::RetryAt(end)),
            (end - 1, 500, RetryDecision::RetryAt(end)),
            (end, 500, RetryDecision::Expired),
            (end, 200, RetryDecision::Delivered),
            (end + HOUR, 410, RetryDecision::Gone),
        ] {
            assert_eq!(retry_decision(&attempt(status, 12, 0), now), want, "{now}");
        }
    }

    #[test]
    fn retry_after_lengthens_the_wait_and_never_shortens_it() {
        for (retry_after, want) in [(1, 4_000), (60, 60_000), (u32::MAX, 4 * HOUR)] {
            let attempt = DeliveryAttempt {
                retry_after: Some(retry_after),
                ..attempt(429, 1, 0)
            };
            assert_eq!(
                retry_decision(&attempt, 5_000),
                RetryDecision::RetryAt(5_000 + want)
            );
        }
    }
}
