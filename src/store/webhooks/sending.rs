//! Sending deliveries: which is next, how a sender claims it, and how its outcome is recorded.
//!
//! Each endpoint receives one delivery at a time: a sender must hold the endpoint's lease. Conditions in SQL acquire,
//! check and release the lease, so of several concurrent senders only one proceeds.

use serde::Deserialize;

use crate::desk::person::Role;
use crate::desk::webhooks::delivery::DeliveryState;
use crate::edge::db::Stmt;
use crate::store::notifications::notify::Announcement;
use crate::store::sql::view;
use crate::store::tickets::events::EVENT;
use crate::store::tickets::json::ticket_json;
use crate::store::tickets::messages::MESSAGE;
use crate::store::tickets::transfers;
use crate::store::webhooks::deliveries::{IDS_PER_EVENT, fan_out, fan_out_all, goes_to_endpoint};

/// How long a sender holds the endpoint's lease, in milliseconds: longer than any attempt takes.
const LEASE: i64 = 60_000;
/// The maximum number of events for which one claim creates deliveries.
const MAX_FANNED_OUT: i64 = 2_000;
/// How many events that do not concern an endpoint may come after its position before the scheduled job advances the
/// position.
const MAX_BEHIND: i64 = 20;

/// The first pending delivery of an endpoint `w`. Only deliveries up to the endpoint's position in the events count:
/// after it, earlier deliveries may still have to be created.
fn head(webhook: &str) -> String {
    format!(
        "(SELECT p.id FROM webhooks w CROSS JOIN webhook_deliveries p ON p.webhook_id = w.id AND p.id > w.done_id \
           AND p.id < (w.event_id + 1) * {IDS_PER_EVENT} AND p.state = 'pending' WHERE w.id = {webhook} ORDER BY p.id LIMIT 1)"
    )
}

/// A delivery that is being sent, with the lease under which it is sent.
#[derive(Clone, Debug, Deserialize)]
pub struct ClaimedDelivery {
    pub id: i64,
    pub webhook_id: i64,
    pub lease: String,
    pub message_id: String,
    /// `None` if there is no longer anything to send.
    pub body: Option<String>,
    /// The number of attempts, including this one.
    pub attempts: i64,
    pub created_at: i64,
    pub url: String,
    pub secret: String,
    pub old_secret: Option<String>,
}

/// Creates deliveries for new events, acquires the endpoint's lease if its first delivery is due and no other sender
/// holds the lease, and builds the delivery's body if it has none yet. The last statement returns the
/// [`ClaimedDelivery`], or no row.
pub fn claim(webhook: i64, lease: &str, now: i64) -> Vec<Stmt> {
    let head = head("?1");
    let mut stmts = Vec::from(fan_out(webhook, MAX_FANNED_OUT));
    stmts.extend([
        Stmt::new(format!(
            "UPDATE webhooks SET lease = ?2, lease_until = ?3 + ?4 WHERE id = ?1 AND is_active = 1 AND lease_until <= ?3 \
             AND (SELECT d.next_attempt_at FROM webhook_deliveries d WHERE d.webhook_id = ?1 AND d.id = {head}) <= ?3"
        ))
        .bind(webhook)
        .bind(lease)
        .bind(now)
        .bind(LEASE),
        begin_attempt(Role::Admin, webhook, lease, now),
        begin_attempt(Role::Customer, webhook, lease, now),
        Stmt::new(format!(
            "SELECT d.id, d.webhook_id, h.lease, coalesce(d.repeats, d.uid) AS message_id, d.body, d.attempts, d.created_at, h.url, h.secret, \
               iif(h.old_secret_until > ?3, h.old_secret, NULL) AS old_secret \
             FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id AND d.id = {head} WHERE h.id = ?1 AND h.lease = ?2"
        ))
        .bind(webhook)
        .bind(lease)
        .bind(now),
    ]);
    stmts
}

/// Counts an attempt of the first delivery to an endpoint that sees tickets as this role does, and stores its body if
/// it has none.
fn begin_attempt(role: Role, webhook: i64, lease: &str, now: i64) -> Stmt {
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
    // In the ticket's SQL, `?1` is the current time; `?2`, the time after which closed tickets may be reopened, is
    // read from the settings here.
    let ticket = ticket_json(role).replace(
        "?2",
        "(SELECT iif(reopen_window_days > 0, ?1 - reopen_window_days * 86400000, 9007199254740991) FROM settings WHERE id = 1)",
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
        "UPDATE webhook_deliveries SET attempts = attempts + 1, is_internal = iif(body IS NULL, ?4, is_internal), \
           body = coalesce(body, (SELECT {body} FROM webhook_deliveries d \
             LEFT JOIN events e ON e.id = d.event_id LEFT JOIN users a ON a.id = e.actor_id \
             LEFT JOIN messages m ON m.id = e.message_id \
             LEFT JOIN tickets t ON t.id = d.ticket_id WHERE d.webhook_id = webhook_deliveries.webhook_id AND d.id = webhook_deliveries.id)) \
         WHERE webhook_id = ?2 AND id = {} AND ?1 > 0 \
           AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?2 AND lease = ?3 AND include_internal = ?4)",
        head("?2")
    ))
    .bind(now)
    .bind(webhook)
    .bind(lease)
    .bind(internal)
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    pub state: DeliveryState,
    /// The time of the next attempt, if the new state is [`DeliveryState::Pending`].
    pub next_attempt_at: i64,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub duration_ms: i64,
    pub response: Option<String>,
    /// The reason for switching the endpoint off, if it is to be switched off.
    pub disable: Option<String>,
    pub now: i64,
}

/// Records the outcome of an attempt and releases the lease, unless the lease was lost in the meantime: then its new
/// holder sends and records. All admins are notified when an endpoint is switched off.
pub fn record_attempt(held: &ClaimedDelivery, report: &AttemptResult) -> Vec<Stmt> {
    let mine = "EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND lease = ?2)";
    let stmt = |sql: String| Stmt::new(sql).bind(held.webhook_id).bind(&held.lease);
    let mut stmts = vec![
        // A delivery that was cancelled while it was being sent may still have arrived.
        stmt(format!(
            "UPDATE webhook_deliveries SET state = iif(state = 'pending' OR ?4 = 'delivered', ?4, state), next_attempt_at = ?5, \
               last_status = ?6, last_error = ?7, duration_ms = ?8, response = ?9, delivered_at = iif(?4 = 'delivered', ?10, NULL) \
             WHERE webhook_id = ?1 AND id = ?3 AND {mine}"
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
        stmts.extend(fan_out_all(held.webhook_id));
        stmts.push(stmt(format!("{CANCEL_PENDING} AND {mine}")));
        stmts.push(
            stmt(
                "UPDATE webhooks SET is_active = 0, disabled_reason = ?3, version = version + 1, updated_at = ?4, \
                   lease = NULL, lease_until = 0, done_id = (SELECT max(id) FROM webhook_deliveries WHERE webhook_id = ?1) \
                 WHERE id = ?1 AND lease = ?2 AND is_active = 1"
                    .to_owned(),
            )
            .bind(reason)
            .bind(report.now),
        );
    }
    stmts.push(
        stmt(
            "UPDATE webhooks SET lease = NULL, lease_until = 0, done_id = iif(?4, max(done_id, ?3), done_id) \
             WHERE id = ?1 AND lease = ?2"
                .to_owned(),
        )
        .bind(held.id)
        .bind(report.state != DeliveryState::Pending),
    );
    stmts
}

/// Cancels the pending deliveries of the endpoint `?1`.
pub(super) const CANCEL_PENDING: &str = "UPDATE webhook_deliveries SET state = 'cancelled' WHERE webhook_id = ?1 \
   AND id > (SELECT done_id FROM webhooks WHERE id = ?1) AND state = 'pending'";

/// Endpoints with a delivery that is due or still to be created, and with no current sender: rows of `Dispatch`.
pub fn list_due(now: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT 'hook' AS what, h.id AS id FROM webhooks h WHERE h.is_active = 1 AND h.lease_until <= ?1 AND ( \
           (SELECT d.next_attempt_at FROM webhook_deliveries d WHERE d.webhook_id = h.id AND d.id = {}) <= ?1 \
           OR EXISTS (SELECT 1 FROM (SELECT * FROM events WHERE id > h.event_id ORDER BY id LIMIT {MAX_BEHIND}) e WHERE {}) \
           OR (SELECT max(id) FROM events) >= h.event_id + {MAX_BEHIND})",
        head("h.id"),
        goes_to_endpoint()
    ))
    .bind(now)
}
