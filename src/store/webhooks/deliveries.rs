//! Deliveries to endpoints: the log, and how one is taken to be sent, sent, and done with.
//!
//! Triggers write them beside the events of a change. Each endpoint gets one at a time: whoever sends holds the
//! endpoint's lease, which is taken, used and given back by conditions in SQL, so of many at once one goes on.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::webhooks::delivery::{DeliveryState, RETENTION, RULE_FIRED_EVENT, TEST_EVENT};
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::notifications::notify::Announcement;
use crate::store::sql::reference;
use crate::store::sql::view::{self, Out, View, field, nullable};
use crate::store::tickets::events::EVENT;
use crate::store::tickets::json::ticket_json;
use crate::store::tickets::messages::MESSAGE;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::transfers;

/// For how long who sends holds the endpoint: longer than any attempt takes.
const LEASE: i64 = 60_000;

/// The states, as words of input.
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

/// The condition on a delivery `d` that a reference names, with its argument as `?2`.
fn delivery_condition(reference: &Ref) -> (&'static str, Arg) {
    match reference {
        Ref::Id(id) => ("d.id = ?2", Arg::Int(*id)),
        Ref::Uid(uid) => ("d.uid = ?2", Arg::Text(uid.clone())),
        Ref::Number(_) | Ref::Key(_) => ("d.id = ?2", Arg::Null),
    }
}

/// A page of what went to an endpoint, newest first: rows `j`, `id`.
pub fn list(webhook: &Ref, state: Option<&str>, page: &Page) -> Stmt {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => crate::desk::id::MAX_ID,
    };
    let (name, arg) = reference::webhook_condition(webhook);
    Stmt::new(format!(
        "SELECT {} AS j, d.id AS id FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id \
         WHERE {name} AND d.id < ?2 {} ORDER BY d.id DESC LIMIT ?4 OFFSET ?5",
        DELIVERY.sql(),
        // Each of the two has an index of its own.
        state.map_or("AND ?3 IS NULL", |_| "AND d.state = ?3")
    ))
    .bind(arg)
    .bind(before)
    .bind(state)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// How many deliveries [`list`] has in all: `n`, up to 10,001.
pub fn count(webhook: &Ref, state: Option<&str>) -> Stmt {
    let (name, arg) = reference::webhook_condition(webhook);
    Stmt::new(format!(
        "SELECT count(*) AS n FROM (SELECT 1 FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id \
         WHERE {name} {} LIMIT 10001)",
        state.map_or("AND ?2 IS NULL", |_| "AND d.state = ?2")
    ))
    .bind(arg)
    .bind(state)
}

/// The row `j` of one delivery of an endpoint.
pub fn show(webhook: &Ref, delivery: &Ref) -> Stmt {
    let (of, webhook) = reference::webhook_condition(webhook);
    let (name, delivery) = delivery_condition(delivery);
    Stmt::new(format!(
        "SELECT {} AS j, NULL AS v, d.id AS id FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id WHERE {of} AND {name}",
        DELIVERY.sql()
    ))
    .bind(webhook)
    .bind(delivery)
}

/// The row `j`, `id` of a delivery that the same batch has made.
pub fn show_uid(uid: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, NULL AS v, d.id AS id FROM webhook_deliveries d WHERE d.uid = ?1",
        DELIVERY.sql()
    ))
    .bind(uid)
}

/// A delivery's row, for sending it again.
#[derive(Clone, Debug, Deserialize)]
pub struct DeliveryRow {
    pub id: i64,
    pub state: String,
    pub is_internal: i64,
}

/// The row of one delivery of an endpoint.
pub fn row(webhook: &Ref, delivery: &Ref) -> Stmt {
    let (of, webhook) = reference::webhook_condition(webhook);
    let (name, delivery) = delivery_condition(delivery);
    Stmt::new(format!(
        "SELECT d.id, d.state, max(d.is_internal, coalesce((SELECT e.public_seq IS NULL FROM events e WHERE e.id = d.event_id), 0)) AS is_internal \
         FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id WHERE {of} AND {name}"
    ))
    .bind(webhook)
    .bind(delivery)
}

/// Aborts the batch unless the endpoint is switched on.
fn expect_active(webhook: i64) -> Stmt {
    Stmt::new("INSERT INTO stale SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND is_active = 1)")
        .bind(webhook)
}

/// Tries at once what waits for an endpoint.
pub(super) fn retry_now(webhook: i64, now: i64) -> Stmt {
    Stmt::new(
        "UPDATE webhook_deliveries SET next_attempt_at = ?2 WHERE webhook_id = ?1 AND state = 'pending' AND next_attempt_at > ?2",
    )
    .bind(webhook)
    .bind(now)
}

/// Sends a test to an endpoint, behind what waits for it.
pub fn insert_test(webhook: i64, uid: &str, now: i64) -> Vec<Stmt> {
    vec![
        expect_active(webhook),
        retry_now(webhook, now),
        Stmt::new("INSERT INTO webhook_deliveries (uid, webhook_id, type, next_attempt_at, created_at) VALUES (?1, ?2, ?3, ?4, ?4)")
            .bind(uid)
            .bind(webhook)
            .bind(TEST_EVENT)
            .bind(now),
    ]
}

/// Sends again what a delivery sent, behind what waits for the endpoint. The receiver knows it by the same
/// `webhook-id`, so that it does nothing twice that it has done.
pub fn redeliver(webhook: i64, delivery: i64, uid: &str, now: i64) -> Vec<Stmt> {
    vec![
        expect_active(webhook),
        // Whoever asked saw an endpoint that may know of it.
        Stmt::new(
            "INSERT INTO stale SELECT 1 FROM webhook_deliveries d JOIN webhooks h ON h.id = d.webhook_id \
             WHERE d.id = ?1 AND d.is_internal = 1 AND h.include_internal = 0",
        )
        .bind(delivery),
        retry_now(webhook, now),
        Stmt::new(
            "INSERT INTO webhook_deliveries (uid, repeats, webhook_id, type, ticket_id, event_id, rule, is_internal, body, next_attempt_at, created_at) \
             SELECT ?2, coalesce(repeats, uid), webhook_id, type, ticket_id, event_id, rule, is_internal, body, ?3, ?3 \
             FROM webhook_deliveries WHERE id = ?1",
        )
        .bind(delivery)
        .bind(uid)
        .bind(now),
    ]
}

/// What a rule has to tell an endpoint.
#[derive(Clone, Debug)]
pub struct RuleDelivery<'a> {
    pub webhook: i64,
    pub uid: &'a str,
    /// `{"id", "name", "heard"}`.
    pub rule: &'a str,
    /// It has heard an internal note.
    pub is_internal: bool,
    pub now: i64,
}

/// Tells an endpoint that a rule has acted on a ticket of the batch.
pub fn insert_for_rule(subject: &EventSubject, new: &RuleDelivery) -> Stmt {
    let (name, arg) = crate::store::tickets::subject::subject_condition(subject);
    Stmt::new(format!(
        "INSERT INTO webhook_deliveries (uid, webhook_id, type, ticket_id, rule, next_attempt_at, created_at, is_internal) \
         SELECT ?3, h.id, ?4, t.id, ?5, ?6, ?6, ?7 FROM tickets t JOIN webhooks h ON h.id = ?2 AND h.is_active = 1 WHERE {name}"
    ))
    .bind(arg)
    .bind(new.webhook)
    .bind(new.uid)
    .bind(RULE_FIRED_EVENT)
    .bind(new.rule)
    .bind(new.now)
    .bind(new.is_internal)
}

// Sending ----------------------------------------------------------------------------------------------------------

/// The first of what waits for the endpoint `?1`.
const HEAD: &str = "(SELECT p.id FROM webhook_deliveries p WHERE p.webhook_id = ?1 AND p.state = 'pending' ORDER BY p.id LIMIT 1)";

/// A delivery that is being sent, and under which lease.
#[derive(Clone, Debug, Deserialize)]
pub struct ClaimedDelivery {
    pub id: i64,
    pub webhook_id: i64,
    pub lease: String,
    pub message_id: String,
    /// Nothing where there is nothing to tell any more.
    pub body: Option<String>,
    /// This one included.
    pub attempts: i64,
    pub created_at: i64,
    pub url: String,
    pub secret: String,
    pub old_secret: Option<String>,
}

/// Takes the lease of an endpoint if its first delivery is due and nobody else sends, and makes the delivery's body
/// where it has none yet. The last statement gives the [`ClaimedDelivery`], or nothing.
pub fn claim(webhook: i64, lease: &str, now: i64) -> Vec<Stmt> {
    let due = format!(
        "UPDATE webhooks SET lease = ?2, lease_until = ?3 + ?4 WHERE id = ?1 AND is_active = 1 AND lease_until <= ?3 \
         AND (SELECT d.next_attempt_at FROM webhook_deliveries d WHERE d.id = {HEAD}) <= ?3"
    );
    let begin = format!(
        "UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE id = {HEAD} \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND lease = ?2)"
    );
    let held = format!(
        "SELECT d.id, d.webhook_id, h.lease, coalesce(d.repeats, d.uid) AS message_id, d.body, d.attempts, d.created_at, h.url, h.secret, \
           iif(h.old_secret_until > ?3, h.old_secret, NULL) AS old_secret \
         FROM webhooks h JOIN webhook_deliveries d ON d.id = {HEAD} WHERE h.id = ?1 AND h.lease = ?2"
    );
    vec![
        Stmt::new(due).bind(webhook).bind(lease).bind(now).bind(LEASE),
        write_body(Role::Admin, webhook, lease, now),
        write_body(Role::Customer, webhook, lease, now),
        Stmt::new(begin).bind(webhook).bind(lease),
        Stmt::new(held).bind(webhook).bind(lease).bind(now),
    ]
}

/// Writes the body of the first delivery, as staff or customers may see it.
fn write_body(role: Role, webhook: i64, lease: &str, now: i64) -> Stmt {
    let internal = role.is_staff();
    let (seq, data, cause) = if internal {
        ("e.seq", transfers::event_data(), "e.cause")
    } else {
        (
            "e.public_seq",
            "e.data",
            "iif(e.cause LIKE 'rule: %', 'rule', e.cause)",
        )
    };
    let event = EVENT
        .sql()
        .replace("$SEQ", seq)
        .replace("$DATA", data)
        .replace("$CAUSE", cause);
    let message = format!(
        "iif(m.id IS NULL OR m.deleted_at IS NOT NULL{},'null',{})",
        if internal { "" } else { " OR m.is_internal = 1" },
        MESSAGE.sql()
    );
    // Its `?1` is now; its `?2`, since when closed tickets may be reopened, is read here.
    let ticket = ticket_json(role).replace(
        "?2",
        "(SELECT ?1 - reopen_window_days * 86400000 FROM settings WHERE id = 1)",
    );
    let of_event =
        view::object([("event", event), ("ticket", ticket.clone()), ("message", message)].into_iter());
    let of_rule = view::object([("rule", "d.rule".to_owned()), ("ticket", ticket)].into_iter());
    let of_test = "'{\"webhook_id\":'||d.webhook_id||',\"message\":\"This is a test.\"}'".to_owned();
    let body = view::object(
        [
            ("type", "json_quote(d.type)".to_owned()),
            ("timestamp", view::time("d.created_at")),
            (
                "data",
                format!("CASE WHEN e.id IS NOT NULL THEN {of_event} WHEN t.id IS NOT NULL THEN {of_rule} ELSE {of_test} END"),
            ),
        ]
        .into_iter(),
    );
    Stmt::new(format!(
        "UPDATE webhook_deliveries SET is_internal = ?4, body = (SELECT {body} FROM webhook_deliveries d \
           LEFT JOIN events e ON e.id = d.event_id LEFT JOIN users a ON a.id = e.actor_id \
           LEFT JOIN messages m ON m.id = e.message_id LEFT JOIN users w ON w.id = m.author_id \
           LEFT JOIN tickets t ON t.id = d.ticket_id WHERE d.id = webhook_deliveries.id) \
         WHERE body IS NULL AND id = {} AND ?1 > 0 \
           AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?2 AND lease = ?3 AND include_internal = ?4)",
        HEAD.replace("?1", "?2")
    ))
    .bind(now)
    .bind(webhook)
    .bind(lease)
    .bind(internal)
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    pub state: DeliveryState,
    /// Of [`DeliveryState::Pending`].
    pub next_attempt_at: i64,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub duration_ms: i64,
    pub response: Option<String>,
    /// The endpoint is switched off, for this reason.
    pub disable: Option<String>,
    pub now: i64,
}

/// Keeps what came of an attempt and gives the lease back, if it was not lost meanwhile: then whoever has it now
/// sends, and tells, by itself. An endpoint that is switched off is told of to every administrator.
pub fn record_attempt(held: &ClaimedDelivery, report: &AttemptResult) -> Vec<Stmt> {
    let mine = "EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND lease = ?2)";
    let stmt = |sql: String| Stmt::new(sql).bind(held.webhook_id).bind(&held.lease);
    let mut stmts = vec![
        // What was called off while it was sent may have arrived all the same.
        stmt(format!(
            "UPDATE webhook_deliveries SET state = iif(state = 'pending' OR ?4 = 'delivered', ?4, state), next_attempt_at = ?5, \
               last_status = ?6, last_error = ?7, duration_ms = ?8, response = ?9, delivered_at = iif(?4 = 'delivered', ?10, NULL) \
             WHERE id = ?3 AND {mine}"
        ))
        .bind(held.id)
        .bind(report.state.as_str())
        .bind(report.next_attempt_at)
        .bind(report.status.map(i64::from))
        .bind(report.error.clone())
        .bind(report.duration_ms)
        .bind(report.response.clone())
        .bind(report.now),
    ];
    if let Some(reason) = &report.disable {
        let announcement = Announcement {
            kind: "system",
            from: "webhooks h CROSS JOIN users u",
            condition: &format!(
                "h.id = ?1 AND h.is_active = 1 AND {mine} AND u.role <> 'customer' AND u.role = 'admin' AND +u.is_active = 1"
            ),
            ticket: "NULL",
            message: "'The webhook ' || h.url || ' was switched off: ' || ?3",
            at: "?4",
            args: vec![
                held.webhook_id.into(),
                (&held.lease).into(),
                reason.into(),
                report.now.into(),
            ],
        };
        stmts.extend(announcement.notify());
        stmts.push(
            stmt(
                "UPDATE webhooks SET is_active = 0, disabled_reason = ?3, version = version + 1, updated_at = ?4 \
                 WHERE id = ?1 AND lease = ?2 AND is_active = 1"
                    .to_owned(),
            )
            .bind(reason)
            .bind(report.now),
        );
    }
    stmts.push(stmt(
        "UPDATE webhooks SET lease = NULL, lease_until = 0 WHERE id = ?1 AND lease = ?2".to_owned(),
    ));
    stmts
}

/// Endpoints whose first delivery is due while nobody sends: rows of `Due`.
pub fn list_due(now: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT 'hook' AS what, h.id AS id FROM webhooks h WHERE h.is_active = 1 AND h.lease_until <= ?1 \
         AND (SELECT d.next_attempt_at FROM webhook_deliveries d WHERE d.id = {}) <= ?1",
        HEAD.replace("?1", "h.id")
    ))
    .bind(now)
}

/// Clears away old deliveries; at most `most` rows. Those of endpoints that are gone are among them in the end.
pub fn purge(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
    )
    .bind(now.saturating_sub(RETENTION))
    .bind(most)
}
