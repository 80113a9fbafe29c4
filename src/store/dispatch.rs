//! What has to leave the database once a batch is committed: sockets to be woken, mails and webhooks to be sent.

use serde::Deserialize;

use crate::edge::db::{Answers, Batch, Db, DbError, Stmt};
use crate::store::tickets::events::FORMER_ASSIGNEE;
use crate::store::webhooks::deliveries;

/// Who or what is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchKind {
    /// The room of a ticket.
    Room,
    /// Somebody who listens to everything that concerns them.
    User,
    /// A mail of the outbox.
    Mail,
    /// An endpoint with something to deliver.
    Hook,
}

/// One of them, by the id of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Dispatch {
    pub what: DispatchKind,
    pub id: i64,
}

/// Lists what follows from the batch that it ends, as rows of [`Dispatch`]; `now` is the time that the batch has
/// written. Nothing is written for it: the newest events, notifications, deliveries and mails of that time are the
/// batch's own, because a batch is a transaction and the database has one writer. (D1 allows five parts of a UNION.)
pub fn list(now: i64) -> Stmt {
    Stmt::new(format!(
        "WITH e AS MATERIALIZED (SELECT id, ticket_id, public_seq, type, changes FROM events WHERE id > {events}) \
         SELECT iif(l.user_id IS NULL, 'room', 'user') AS what, coalesce(l.user_id, e.ticket_id) AS id \
           FROM e CROSS JOIN tickets t ON t.id = e.ticket_id CROSS JOIN json_each(json_array('ticket:' || t.id, \
             'user:' || t.requester_id, 'user:' || t.assignee_id, 'user:' || {FORMER_ASSIGNEE})) o \
           CROSS JOIN listeners l ON l.object = o.value AND l.until > ?1 \
         UNION SELECT 'user', l.user_id FROM e CROSS JOIN tickets t ON t.id = e.ticket_id AND t.assignee_id IS NULL \
           CROSS JOIN listeners l INDEXED BY listeners_agents ON l.is_agent = 1 AND l.until > ?1 \
         UNION SELECT 'user', l.user_id FROM listeners l CROSS JOIN notices n ON n.user_id = l.user_id \
           AND n.id > {events} * 1024 AND n.created_at = ?1 AND n.live = 1 \
           WHERE l.object > 'user:' AND l.object < 'user;' AND l.until > ?1 \
         UNION SELECT 'hook', h.id FROM webhooks h WHERE {has_new} \
         UNION {mails}",
        events = last_before("events"),
        has_new = deliveries::has_new(),
        mails = new_mails(),
    ))
    .bind(now)
}

/// The last id of a table that is not of the time `?1`.
fn last_before(table: &str) -> String {
    format!(
        "coalesce((SELECT z.id FROM {table} z NOT INDEXED WHERE z.created_at <> ?1 ORDER BY z.id DESC LIMIT 1), 0)"
    )
}

/// The mails that the batch has put into the outbox, as many as a queue takes at once; the clock finds the rest.
fn new_mails() -> &'static str {
    "SELECT 'mail', o.id FROM outbox o \
     WHERE o.id > (SELECT max(id) FROM outbox) - 100 AND o.created_at = ?1 AND o.attempts = 0"
}

/// Runs a batch that changes something, and gives its answers and what follows from it. `now` is the time that it
/// writes.
///
/// # Errors
/// When the batch fails: nothing is written then.
pub async fn commit(db: &Db, mut batch: Batch, now: i64) -> Result<(Answers, Vec<Dispatch>), DbError> {
    let dispatches = batch.add(list(now));
    let found = db.batch(&batch).await?;
    let dispatches = found.all(dispatches)?;
    Ok((found, dispatches))
}
