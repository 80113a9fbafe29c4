//! Finds what has to be sent out after a batch is committed: sockets to wake, mails and webhooks to send.

use serde::Deserialize;

use crate::desk::tickets::event::EventKind;
use crate::desk::webhooks::delivery::event_type;
use crate::edge::db::{Answers, Batch, Db, DbError, Stmt};
use crate::store::tickets::events::FORMER_ASSIGNEE;
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::webhooks::deliveries;

/// What kind of recipient or message is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchKind {
    /// The live connections that listen to one ticket.
    Room,
    /// A user who listens to everything that concerns them.
    User,
    /// A mail in the outbox.
    Mail,
    /// A webhook endpoint with deliveries to send.
    Hook,
}

/// One item to send out, by the id of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Dispatch {
    pub what: DispatchKind,
    pub id: i64,
}

/// The last statement of a batch: lists what has to be sent out after it, as rows of [`Dispatch`]. `now` is the time
/// that the batch has written.
///
/// No extra row is written for this. The newest events, notifications, deliveries and mails with that time belong to
/// this batch, because a batch is a transaction and the database has one writer. (D1 allows at most five terms in a
/// UNION.)
pub fn list(now: i64) -> Stmt {
    Stmt::new(format!(
        "WITH e AS MATERIALIZED (SELECT id, ticket_id, public_seq, type, changes FROM events WHERE id > {events}) \
         SELECT iif(l.user_id IS NULL, 'room', 'user') AS what, coalesce(l.user_id, e.ticket_id) AS id \
           FROM e CROSS JOIN tickets t ON t.id = e.ticket_id CROSS JOIN json_each(json_array('ticket:' || t.id, \
             'user:' || t.requester_id, 'user:' || t.assignee_id, 'user:' || {FORMER_ASSIGNEE})) o \
           CROSS JOIN listeners l ON l.object = o.value AND l.until > ?1 \
         UNION SELECT * FROM (SELECT 'user', l.user_id FROM e CROSS JOIN tickets t ON t.id = e.ticket_id AND t.assignee_id IS NULL \
           CROSS JOIN listeners l INDEXED BY listeners_agents ON l.is_agent = 1 AND l.until > ?1 \
           UNION ALL SELECT 'user', w.user_id FROM e CROSS JOIN ticket_watchers w ON w.ticket_id = e.ticket_id \
           CROSS JOIN listeners l ON l.object = 'user:' || w.user_id AND l.until > ?1) \
         UNION SELECT 'user', l.user_id FROM listeners l CROSS JOIN notices n ON n.user_id = l.user_id \
           AND n.id > {events} * 1024 AND n.created_at = ?1 AND n.live = 1 \
           WHERE l.object > 'user:' AND l.object < 'user;' AND l.until > ?1 \
         UNION SELECT 'hook', h.id FROM webhooks h WHERE {has_new} \
         UNION {mails}",
        events = last_before("events"),
        has_new = deliveries::has_new(),
        mails = new_mails("?1"),
    ))
    .bind(now)
}

/// Like [`list`], for a batch with one event of this kind, which notifies at most the requester, the assignee and watchers. It is
/// far shorter, because the database compiles it anew every time.
pub fn list_for_event(subject: &EventSubject, kind: EventKind, is_internal: bool, now: i64) -> Stmt {
    let (name, arg) = subject_condition(subject);
    let internal = if is_internal {
        " AND h.include_internal = 1"
    } else {
        ""
    };
    Stmt::new(format!(
        "SELECT iif(l.user_id IS NULL, 'room', 'user') AS what, coalesce(l.user_id, t.id) AS id FROM tickets t \
           CROSS JOIN listeners l ON l.object IN ('ticket:' || t.id, 'user:' || t.requester_id, 'user:' || t.assignee_id) \
           AND l.until > ?2 WHERE {name} \
         UNION SELECT 'user', l.user_id FROM tickets t CROSS JOIN listeners l INDEXED BY listeners_agents \
           ON l.is_agent = 1 AND l.until > ?2 WHERE {name} AND t.assignee_id IS NULL \
         UNION SELECT 'user', w.user_id FROM tickets t CROSS JOIN ticket_watchers w ON w.ticket_id = t.id \
           CROSS JOIN listeners l ON l.object = 'user:' || w.user_id AND l.until > ?2 WHERE {name} \
         UNION SELECT 'hook', h.id FROM webhooks h WHERE h.is_active = 1{internal} \
           AND EXISTS (SELECT 1 FROM json_each(h.events) WHERE value IN ('*', ?3)) \
         UNION {}",
        new_mails("?2")
    ))
    .bind(arg)
    .bind(now)
    .bind(event_type(kind.as_str()))
}

/// The highest id of a table whose row does not have the time `?1`.
fn last_before(table: &str) -> String {
    format!(
        "coalesce((SELECT z.id FROM {table} z NOT INDEXED WHERE z.created_at <> ?1 ORDER BY z.id DESC LIMIT 1), 0)"
    )
}

/// The mails that the batch has put into the outbox, at most as many as a queue accepts at once (100); the scheduled
/// run finds the rest.
fn new_mails(now: &str) -> String {
    format!(
        "SELECT 'mail', o.id FROM outbox o \
         WHERE o.id > (SELECT max(id) FROM outbox) - 100 AND o.created_at = {now} AND o.attempts = 0"
    )
}

/// Runs a batch that changes something. Returns its answers and what has to be sent out after it. `now` must be the
/// time that the batch writes.
///
/// # Errors
/// When the batch fails; nothing is written in that case.
pub async fn commit(db: &Db, mut batch: Batch, now: i64) -> Result<(Answers, Vec<Dispatch>), DbError> {
    let dispatches = batch.add(list(now));
    let found = db.batch(&batch).await?;
    let dispatches = found.all(dispatches)?;
    Ok((found, dispatches))
}
