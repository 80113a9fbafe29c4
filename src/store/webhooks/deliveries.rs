//! Deliveries to endpoints: how they are created from events, and the delivery log.
//!
//! A change writes its events and nothing for webhooks. Each endpoint has a position in the sequence of events
//! (`event_id`); [`fan_out`] creates deliveries for the events after it, when one is to be sent or the endpoint is
//! about to change. For events that have no delivery yet, the log computes it from the same events, with the id that
//! the delivery will have.

use serde::Deserialize;

use crate::desk::id::{MAX_ID, Ref};
use crate::desk::webhooks::delivery::{DeliveryState, RETENTION, RULE_FIRED_EVENT, TEST_EVENT};
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::reference;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::subject::{EventSubject, subject_condition};

/// The delivery states, as they are accepted in input.
pub static STATE: Choices = Choices {
    list: &DeliveryState::WORDS,
    parse: |word| DeliveryState::parse(word).map(DeliveryState::as_str),
};

/// A delivery, as the log shows it.
pub const DELIVERY: View = View {
    name: "WebhookDelivery",
    fields: &[
        field("id", "d.id", Out::Int),
        field("uid", "d.uid", Out::Text),
        field("webhook_id", "d.webhook_id", Out::Int),
        field("message_id", "coalesce(d.repeats,d.uid)", Out::Text)
            .doc("The `webhook-id` header: the same for every attempt, and for what is sent again by hand."),
        field("type", "d.type", Out::Text),
        nullable("ticket_id", "d.ticket_id", Out::Int),
        field("state", "d.state", Out::Word(&STATE)),
        field("attempts", "d.attempts", Out::Int),
        nullable(
            "next_attempt_at",
            "iif(d.state='pending',d.next_attempt_at,NULL)",
            Out::Time,
        )
        .doc("When it is tried next, if none before it stands in the way."),
        nullable("last_status", "d.last_status", Out::Int).doc("What was answered at last."),
        nullable("last_error", "d.last_error", Out::Text).doc("Why the last attempt failed."),
        nullable("duration_ms", "d.duration_ms", Out::Int).doc("Of the last attempt."),
        nullable("response", "d.response", Out::Text).doc("The first 500 bytes of the last answer."),
        nullable("body", "d.body", Out::Text)
            .doc("What is sent, to the byte; null before the first attempt."),
        field("created_at", "d.created_at", Out::Time),
        nullable("delivered_at", "d.delivered_at", Out::Time),
    ],
};

/// The number of delivery ids per event. The first is for the event's own delivery, the others for deliveries caused
/// by rules, tests and redeliveries before the next event.
pub(super) const IDS_PER_EVENT: i64 = 65_536;

/// The public type of an event `e`: `ticket_created` becomes `ticket.created`, `assigned` becomes `ticket.assigned`.
const EVENT_TYPE: &str = "iif(substr(e.type, 1, instr(e.type, '_') - 1) IN ('ticket', 'message', 'attachment', 'sla'), \
   substr(e.type, 1, instr(e.type, '_') - 1) || '.' || substr(e.type, instr(e.type, '_') + 1), 'ticket.' || e.type)";

/// The SQL condition for an event `e` being sent to the endpoint `h`.
pub(super) fn goes_to_endpoint() -> String {
    format!(
        "(h.is_active = 1 AND e.type <> 'message_moved' AND (h.include_internal = 1 OR e.public_seq IS NOT NULL) \
         AND EXISTS (SELECT 1 FROM json_each(h.events) WHERE value IN ('*', {EVENT_TYPE})))"
    )
}

/// The SQL condition for a batch having something to send to the endpoint `h`: one of the batch's events `e`, or a
/// delivery created at the batch's time `?1`.
pub(in crate::store) fn has_new() -> String {
    format!(
        "h.is_active = 1 AND (EXISTS (SELECT 1 FROM e WHERE {}) \
         OR (SELECT d.created_at FROM webhook_deliveries d WHERE d.webhook_id = h.id ORDER BY d.id DESC LIMIT 1) = ?1)",
        goes_to_endpoint()
    )
}

/// The uid of the delivery `id` of an endpoint, created at the time `at`: a UUIDv7 (RFC 9562, section 5.7) that is
/// computed from the three values and so needs no index.
fn uid(at: &str, webhook: &str, id: &str) -> String {
    format!(
        "lower(printf('%08x-%04x-7%03x-%04x-%012x', {at} >> 16, {at} & 65535, {webhook} & 4095, 32768 | (({webhook} >> 12) & 16383), {id}))"
    )
}

/// The next id of the endpoint `h` for a delivery that is not caused by an event.
fn next_id() -> String {
    format!(
        "max(coalesce((SELECT max(id) FROM events), 0) * {IDS_PER_EVENT}, \
           coalesce((SELECT max(id) FROM webhook_deliveries WHERE webhook_id = h.id), 0)) + 1"
    )
}

/// Creates deliveries for up to `most` events after an endpoint's position, and advances the position.
pub(super) fn fan_out(webhook: i64, most: i64) -> [Stmt; 2] {
    let last = "coalesce((SELECT z.id FROM events z WHERE z.id > h.event_id ORDER BY z.id LIMIT 1 OFFSET ?2 - 1), 9007199254740991)";
    [
        Stmt::new(format!(
            "INSERT INTO webhook_deliveries (webhook_id, id, uid, type, ticket_id, event_id, next_attempt_at, created_at) \
             SELECT h.id, e.id * {IDS_PER_EVENT}, {}, {EVENT_TYPE}, e.ticket_id, e.id, e.created_at, e.created_at \
             FROM webhooks h CROSS JOIN events e ON e.id > h.event_id AND e.id <= {last} \
             WHERE h.id = ?1 AND {} ON CONFLICT DO NOTHING",
            uid("e.created_at", "h.id", &format!("e.id * {IDS_PER_EVENT}")),
            goes_to_endpoint()
        ))
        .bind(webhook)
        .bind(most),
        Stmt::new(format!(
            "UPDATE webhooks AS h SET event_id = min({last}, (SELECT max(id) FROM events)) \
             WHERE id = ?1 AND is_active = 1 AND event_id < (SELECT max(id) FROM events)"
        ))
        .bind(webhook)
        .bind(most),
    ]
}

/// Like [`fan_out`], for all events. Used before the endpoint changes, so that earlier events are delivered according
/// to its earlier configuration.
pub(super) fn fan_out_all(webhook: i64) -> [Stmt; 2] {
    fan_out(webhook, MAX_ID)
}

// The log ----------------------------------------------------------------------------------------------------------

/// The deliveries of an endpoint `h` as rows `d` of [`DELIVERY`]: the stored ones that satisfy `made` (a condition on
/// `p`), and the ones not stored yet whose events satisfy `unmade` (a condition on `e`).
fn log(made: &str, unmade: &str) -> String {
    let id = format!("e.id * {IDS_PER_EVENT}");
    format!(
        "(SELECT * FROM (SELECT p.id, p.uid, p.webhook_id, p.repeats, p.type, p.ticket_id, p.event_id, p.state, p.attempts, p.next_attempt_at, \
             p.last_status, p.last_error, p.duration_ms, p.response, p.body, p.is_internal, p.created_at, p.delivered_at \
           FROM webhooks h CROSS JOIN webhook_deliveries p ON p.webhook_id = h.id WHERE {made}) \
         UNION ALL SELECT * FROM (SELECT {id} AS id, {}, h.id, NULL, {EVENT_TYPE}, e.ticket_id, e.id, 'pending', 0, e.created_at, \
             NULL, NULL, NULL, NULL, NULL, 0, e.created_at, NULL \
           FROM webhooks h CROSS JOIN events e ON e.id > h.event_id WHERE {unmade} AND {})) d",
        uid("e.created_at", "h.id", &id),
        goes_to_endpoint()
    )
}

/// Selects a delivery by reference: by its id `?2` or its uid `?3`.
fn find(webhook: &Ref, delivery: &Ref, columns: &str) -> Stmt {
    let (of, webhook) = reference::webhook_condition(webhook);
    let (id, uid) = match delivery {
        Ref::Id(id) => (Some(*id), None),
        Ref::Uid(uid) => (
            uid.get(24..)
                .and_then(|digits| i64::from_str_radix(digits, 16).ok()),
            Some(uid.clone()),
        ),
        Ref::Number(_) | Ref::Key(_) => (None, None),
    };
    let unmade = format!(
        "{of} AND e.id = CAST(?2 AS INTEGER) / {IDS_PER_EVENT} AND CAST(?2 AS INTEGER) % {IDS_PER_EVENT} = 0"
    );
    Stmt::new(format!(
        "SELECT {columns} FROM {} WHERE ?3 IS NULL OR d.uid = ?3",
        log(&format!("{of} AND p.id = ?2"), &unmade)
    ))
    .bind(webhook)
    .bind(id)
    .bind(uid)
}

/// The maximum number of deliveries examined for one page when filtering by state.
const MAX_WALK: i64 = 1_000;

/// A page of the deliveries to an endpoint, newest first: rows `j` and `id`. If the search stopped before its end,
/// the second statement returns where, as a row `s` and `id`.
pub fn list(webhook: &Ref, state: Option<&str>, page: &Page) -> [Stmt; 2] {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => MAX_ID,
    };
    let (name, arg) = reference::webhook_condition(webhook);
    let last = format!(
        "SELECT p.id FROM webhook_deliveries p WHERE p.webhook_id = h.id AND p.id < ?2 ORDER BY p.id DESC LIMIT 1 OFFSET {MAX_WALK} - 1"
    );
    let bounded = if state.is_some() && page.offset() == 0 {
        format!("AND p.id >= coalesce(({last}), 0)")
    } else {
        String::new()
    };
    let rows = Stmt::new(format!(
        "SELECT {} AS j, d.id AS id FROM {} ORDER BY d.id DESC LIMIT ?4 OFFSET ?5",
        DELIVERY.sql(),
        log(
            &format!(
                "{name} AND p.id < ?2 AND (?3 IS NULL OR p.state = ?3) {bounded} ORDER BY p.id DESC LIMIT ?4 + ?5"
            ),
            &format!("{name} AND e.id * {IDS_PER_EVENT} < ?2 AND coalesce(?3, 'pending') = 'pending'")
        )
    ))
    .bind(arg.clone())
    .bind(before)
    .bind(state)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset());
    let stop = Stmt::new(format!(
        "SELECT NULL AS s, ({last}) AS id FROM webhooks h WHERE {name} AND ?3"
    ))
    .bind(arg)
    .bind(before)
    .bind(!bounded.is_empty());
    [rows, stop]
}

/// Counts all deliveries of [`list`]: `n`, up to 10,001.
pub fn count(webhook: &Ref, state: Option<&str>) -> Stmt {
    let (name, arg) = reference::webhook_condition(webhook);
    Stmt::new(format!(
        "SELECT count(*) AS n FROM (SELECT 1 FROM {} LIMIT 10001)",
        log(
            &format!("{name} AND (?2 IS NULL OR p.state = ?2)"),
            &format!("{name} AND coalesce(?2, 'pending') = 'pending'")
        )
    ))
    .bind(arg)
    .bind(state)
}

/// The row `j` of one delivery of an endpoint.
pub fn show(webhook: &Ref, delivery: &Ref) -> Stmt {
    let columns = format!("{} AS j, NULL AS v, d.id AS id", DELIVERY.sql());
    find(webhook, delivery, &columns)
}

/// The row `j`, `id` of a delivery created earlier in the same batch.
pub fn show_newest(webhook: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, NULL AS v, d.id AS id FROM webhook_deliveries d WHERE d.webhook_id = ?1 ORDER BY d.id DESC LIMIT 1",
        DELIVERY.sql()
    ))
    .bind(webhook)
}

/// The columns of a delivery that sending it again needs.
#[derive(Clone, Debug, Deserialize)]
pub struct DeliveryRow {
    pub id: i64,
    pub state: String,
    pub is_internal: i64,
}

/// The row of one delivery of an endpoint.
pub fn row(webhook: &Ref, delivery: &Ref) -> Stmt {
    find(
        webhook,
        delivery,
        "d.id, d.state, max(d.is_internal, coalesce((SELECT e.public_seq IS NULL FROM events e WHERE e.id = d.event_id), 0)) AS is_internal",
    )
}

// Deliveries not caused by events ----------------------------------------------------------------------------------

/// Aborts the batch unless the endpoint is active.
fn expect_active(webhook: i64) -> Stmt {
    Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND is_active = 1)")
        .bind(webhook)
}

/// Makes the pending deliveries of an endpoint due immediately.
pub(super) fn retry_now(webhook: i64, now: i64) -> Stmt {
    Stmt::new(
        "UPDATE webhook_deliveries SET next_attempt_at = ?2 WHERE webhook_id = ?1 AND state = 'pending' AND next_attempt_at > ?2 \
           AND id > (SELECT done_id FROM webhooks WHERE id = ?1)",
    )
    .bind(webhook)
    .bind(now)
}

/// Sends a test delivery to an endpoint, after its pending deliveries.
pub fn insert_test(webhook: i64, now: i64) -> Vec<Stmt> {
    vec![
        expect_active(webhook),
        retry_now(webhook, now),
        Stmt::new(format!(
            "INSERT INTO webhook_deliveries (webhook_id, id, uid, type, next_attempt_at, created_at) \
             SELECT x.webhook, x.id, {}, ?2, ?3, ?3 FROM (SELECT h.id AS webhook, {} AS id FROM webhooks h WHERE h.id = ?1) x",
            uid("?3", "x.webhook", "x.id"),
            next_id()
        ))
        .bind(webhook)
        .bind(TEST_EVENT)
        .bind(now),
    ]
}

/// Sends a delivery's content again, after the endpoint's pending deliveries. It has the same `webhook-id` as the
/// original, by which the receiver can recognise what it has already processed.
pub fn redeliver(webhook: i64, delivery: i64, now: i64) -> Vec<Stmt> {
    vec![
        expect_active(webhook),
        // Aborts the batch if the endpoint has been barred from internal events since the caller checked it.
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries d \
             JOIN webhooks h ON h.id = d.webhook_id \
             WHERE d.webhook_id = ?1 AND d.id = ?2 AND (d.is_internal = 0 OR h.include_internal = 1))",
        )
        .bind(webhook)
        .bind(delivery),
        retry_now(webhook, now),
        Stmt::new(format!(
            "INSERT INTO webhook_deliveries (webhook_id, id, uid, repeats, type, ticket_id, event_id, rule, is_internal, body, next_attempt_at, created_at) \
             SELECT d.webhook_id, x.id, {}, coalesce(d.repeats, d.uid), d.type, d.ticket_id, d.event_id, d.rule, d.is_internal, d.body, ?3, ?3 \
             FROM (SELECT h.id AS webhook, {} AS id FROM webhooks h WHERE h.id = ?1) x \
             CROSS JOIN webhook_deliveries d ON d.webhook_id = x.webhook AND d.id = ?2",
            uid("?3", "x.webhook", "x.id"),
            next_id()
        ))
        .bind(webhook)
        .bind(delivery)
        .bind(now),
    ]
}

/// A rule's message to an endpoint.
#[derive(Clone, Debug)]
pub struct RuleDelivery<'a> {
    pub webhook: i64,
    /// A JSON object with the keys `id` and `name`, of the rule, and `heard`, its trigger.
    pub rule: &'a str,
    /// The message that triggered the rule is an internal note.
    pub is_internal: bool,
    pub now: i64,
}

/// Creates a delivery that reports to an endpoint that a rule has acted on a ticket of the batch.
pub fn insert_for_rule(subject: &EventSubject, new: &RuleDelivery) -> Stmt {
    let (name, arg) = subject_condition(subject);
    Stmt::new(format!(
        "INSERT INTO webhook_deliveries (webhook_id, id, uid, type, ticket_id, rule, next_attempt_at, created_at, is_internal) \
         SELECT x.webhook, x.id, {}, ?3, t.id, ?4, ?5, ?5, ?6 FROM tickets t \
         CROSS JOIN (SELECT h.id AS webhook, {} AS id FROM webhooks h WHERE h.id = ?2 AND h.is_active = 1) x WHERE {name}",
        uid("?5", "x.webhook", "x.id"),
        next_id()
    ))
    .bind(arg)
    .bind(new.webhook)
    .bind(RULE_FIRED_EVENT)
    .bind(new.rule)
    .bind(new.now)
    .bind(new.is_internal)
}

/// Deletes deliveries that are old, or whose endpoint no longer exists, starting from the oldest of each endpoint; at
/// most `most` rows of each. Going through the endpoints reads one row of each.
pub fn purge(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "WITH RECURSIVE w (id) AS (SELECT min(webhook_id) FROM webhook_deliveries \
           UNION ALL SELECT (SELECT min(webhook_id) FROM webhook_deliveries WHERE webhook_id > w.id) FROM w WHERE w.id IS NOT NULL), \
         k (id, keeps) AS (SELECT w.id, iif(EXISTS (SELECT 1 FROM webhooks WHERE id = w.id), ?1, 9007199254740991) FROM w WHERE w.id IS NOT NULL) \
         DELETE FROM webhook_deliveries WHERE (webhook_id, id) IN (SELECT d.webhook_id, d.id FROM k CROSS JOIN webhook_deliveries d \
           ON d.webhook_id = k.id AND d.created_at < k.keeps \
             AND d.id <= coalesce((SELECT z.id FROM webhook_deliveries z WHERE z.webhook_id = k.id ORDER BY z.id LIMIT 1 OFFSET ?2 - 1), 9007199254740991) \
           WHERE (SELECT z.created_at FROM webhook_deliveries z WHERE z.webhook_id = k.id ORDER BY z.id LIMIT 1) < k.keeps)",
    )
    .bind(now.saturating_sub(RETENTION))
    .bind(most)
}
