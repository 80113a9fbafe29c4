//! Webhook endpoints of other systems. Only the sender reads their secrets; they are never shown to anyone.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::webhooks::delivery::{MAX_ENDPOINTS, SECRET_OVERLAP};
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::sql::reference::webhook_condition;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::webhooks::deliveries::{self, fan_out_all};
use crate::store::webhooks::sending::CANCEL_PENDING;

/// An endpoint, in the form that the API returns.
pub const WEBHOOK: View = View {
    name: "Webhook",
    fields: &[
        field("id", "h.id", Out::Int),
        field("uid", "h.uid", Out::Text),
        field("url", "h.url", Out::Text).doc("As it is called."),
        field("description", "h.description", Out::Text),
        field("events", "h.events", Out::Json("WebhookEvents"))
            .doc("The types that it hears of; `*` is all of them."),
        field("include_internal", "h.include_internal", Out::Flag)
            .doc("It hears of internal notes too, and sees tickets as staff do."),
        field("is_active", "h.is_active", Out::Flag),
        nullable("disabled_reason", "h.disabled_reason", Out::Text)
            .doc("Why the desk itself has switched it off."),
        nullable("secret", "NULL", Out::Text)
            .doc("Signs what is sent. Shown once, by the answer that made it; not when that is replayed."),
        field("secret_hint", "'whsec_...'||substr(h.secret,-4)", Out::Text).doc("How the secret ends."),
        nullable("old_secret_until", "h.old_secret_until", Out::Time)
            .doc("Until then the secret before the last rotation signs too."),
        field("version", "h.version", Out::Int),
        field("created_at", "h.created_at", Out::Time),
        field("updated_at", "h.updated_at", Out::Time),
    ],
};

/// A page of endpoints, oldest first: rows `j` and `id`.
pub fn list(page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    Stmt::new(format!(
        "SELECT {} AS j, h.id AS id FROM webhooks h WHERE h.id > ?1 ORDER BY h.id LIMIT ?2 OFFSET ?3",
        WEBHOOK.sql()
    ))
    .bind(after)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// Counts all endpoints: `n`.
pub fn count() -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM webhooks")
}

/// Selects `j`, `v` (the version) and `id` of an endpoint.
pub fn show(reference: &Ref) -> Stmt {
    let (name, arg) = webhook_condition(reference);
    Stmt::new(format!(
        "SELECT {} AS j, h.version AS v, h.id AS id FROM webhooks h WHERE {name}",
        WEBHOOK.sql()
    ))
    .bind(arg)
}

/// The columns of an endpoint that a change needs.
#[derive(Clone, Debug, Deserialize)]
pub struct WebhookRow {
    pub id: i64,
    pub uid: String,
    pub url: String,
    pub description: String,
    pub events: String,
    pub include_internal: i64,
    pub is_active: i64,
    pub version: i64,
}

/// Selects the row of an endpoint for a change.
pub fn row(reference: &Ref) -> Stmt {
    let (name, arg) = webhook_condition(reference);
    Stmt::new(format!(
        "SELECT h.id, h.uid, h.url, h.description, h.events, h.include_internal, h.is_active, h.version FROM webhooks h WHERE {name}"
    ))
    .bind(arg)
}

/// The complete fields of an endpoint to be inserted or updated.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub uid: String,
    pub url: String,
    pub description: String,
    /// A JSON list of event types.
    pub events: String,
    pub include_internal: bool,
    pub is_active: bool,
    /// A new secret; `None` leaves the secret unchanged on update.
    pub secret: Option<String>,
    pub now: i64,
}

/// Inserts an endpoint, unless the maximum number of endpoints is reached.
pub fn insert(new: &NewWebhook) -> [Stmt; 2] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE (SELECT count(*) FROM webhooks) >= ?1").bind(MAX_ENDPOINTS),
        Stmt::new(
            "INSERT INTO webhooks (uid, url, description, events, include_internal, is_active, secret, event_id, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce((SELECT max(id) FROM events), 0), ?8, ?8)",
        )
        .bind(&new.uid)
        .bind(&new.url)
        .bind(&new.description)
        .bind(&new.events)
        .bind(new.include_internal)
        .bind(new.is_active)
        .bind(new.secret.clone())
        .bind(new.now),
    ]
}

/// Updates an endpoint, provided that it still has the version on which the change is based. After a change of
/// secret, the previous secret also signs for one more day. Pending deliveries are retried at once, since someone has
/// just attended to the endpoint. Earlier events are delivered according to the previous configuration, with two
/// exceptions: an endpoint that is switched off gets nothing more, and one that no longer includes internal events
/// gets no pending internal ones either.
pub fn update(before: &WebhookRow, new: &NewWebhook) -> Vec<Stmt> {
    let id = before.id;
    let mut stmts = Vec::from(fan_out_all(id));
    if before.is_active == 1 && !new.is_active {
        stmts.push(Stmt::new(CANCEL_PENDING).bind(id));
    } else if before.include_internal == 1 && !new.include_internal {
        stmts.extend(without_internal(id));
    }
    stmts.push(
        Stmt::new(
            "UPDATE webhooks SET version = ?2 + 1, url = ?3, description = ?4, events = ?5, include_internal = ?6, \
               disabled_reason = iif(?7, NULL, disabled_reason), is_active = ?7, \
               event_id = iif(?7 > is_active, coalesce((SELECT max(id) FROM events), 0), event_id), \
               done_id = iif(?7 < is_active, coalesce((SELECT max(id) FROM webhook_deliveries WHERE webhook_id = ?1), 0), done_id), \
               old_secret = iif(?8 IS NULL, old_secret, secret), old_secret_until = iif(?8 IS NULL, old_secret_until, ?9 + ?10), \
               secret = coalesce(?8, secret), updated_at = ?9 WHERE id = ?1",
        )
        .bind(id)
        .bind(before.version)
        .bind(&new.url)
        .bind(&new.description)
        .bind(&new.events)
        .bind(new.include_internal)
        .bind(new.is_active)
        .bind(new.secret.clone())
        .bind(new.now)
        .bind(SECRET_OVERLAP),
    );
    stmts.push(deliveries::retry_now(id, new.now));
    stmts
}

/// Cancels the pending internal deliveries of an endpoint, and has the bodies of the other pending ones rebuilt.
fn without_internal(id: i64) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "{CANCEL_PENDING} AND (SELECT public_seq IS NULL FROM events WHERE id = event_id)"
        ))
        .bind(id),
        Stmt::new(
            "UPDATE webhook_deliveries SET body = NULL, is_internal = 0 WHERE webhook_id = ?1 \
             AND id > (SELECT done_id FROM webhooks WHERE id = ?1) AND state = 'pending'",
        )
        .bind(id),
    ]
}

/// Deletes an endpoint that is at this version; any other version aborts the batch.
pub fn delete(id: i64, version: i64) -> [Stmt; 2] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND version = ?2)")
            .bind(id)
            .bind(version),
        Stmt::new("DELETE FROM webhooks WHERE id = ?1").bind(id),
    ]
}
