//! Mails to be sent: claimed by one sender at a time, and told of as they are when they are sent.

use serde::Deserialize;

use crate::desk::mail::outgoing::{MAX_DIGEST_ENTRIES, MAX_MAILS_PER_HOUR, MailContent};
use crate::desk::{HOUR, MINUTE};
use crate::edge::db::Stmt;
use crate::store::sql::scope::SEEN_BY;

/// For how long one sender has a mail to itself: longer than any attempt takes.
const LEASE: i64 = MINUTE;
/// How long a mail is left to the queue before the clock looks after it.
const QUEUE_GRACE: i64 = 2 * MINUTE;
/// Mails that somebody may ask for in an hour, of each kind.
const MAX_REQUESTS_PER_HOUR: i64 = 3;

/// A UUIDv7 (RFC 9562, section 5.7) of the moment `?1`.
const UID: &str = "lower(printf('%08x-%04x-7%s-%s-%s', CAST(?1 AS INTEGER) >> 16, CAST(?1 AS INTEGER) & 65535, substr(hex(randomblob(2)), 2), \
   substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2), hex(randomblob(6))))";

/// A mail, whom it goes to, and what it is made of.
#[derive(Debug, Deserialize)]
pub struct OutboxMail {
    pub id: i64,
    pub uid: String,
    pub user_id: i64,
    pub email: String,
    pub attempts: i64,
    pub created_at: i64,
    /// It may be sent: there is somebody to tell, who wants to know and may.
    pub may: bool,
    pub facts: MailContent,
}

/// Claims a pending mail that is due; the row `held` is 1 when the hour is full and it waits for a digest instead.
/// No row: there is nothing to do, or somebody else does it.
pub fn claim(id: i64, now: i64) -> Stmt {
    Stmt::new(
        "UPDATE outbox SET attempts = attempts + 1, lease_until = ?2 + ?3, state = iif( \
           ticket_id IS NOT NULL AND kind <> 'digest' AND (SELECT count(*) FROM outbox o \
             WHERE o.user_id = outbox.user_id AND o.ticket_id = outbox.ticket_id AND o.id <> outbox.id \
               AND ((o.state = 'sent' AND o.done_at > ?2 - ?4) OR (o.state = 'pending' AND o.lease_until > ?2))) >= ?5 - 1, \
           'held', 'pending') \
         WHERE id = ?1 AND state = 'pending' AND lease_until <= ?2 AND next_attempt_at <= ?2 RETURNING state = 'held' AS held",
    )
    .bind(id)
    .bind(now)
    .bind(LEASE)
    .bind(HOUR)
    .bind(MAX_MAILS_PER_HOUR)
}

/// What happened, as a mail tells it: of an outbox row `o` with its event `e`, message `m` and actor `a`.
const ENTRY: &str = "json_object('kind', o.kind, 'actor', a.full_name, 'body', m.body, 'is_internal', json(iif(m.is_internal, 'true', 'false')), \
   'changes', json(coalesce(e.changes, '[]')), 'target', json_extract(e.data, '$.target'), 'words', o.message)";

/// The rows that [`ENTRY`] and [`MAY`] speak of.
const FROM: &str = "FROM outbox o JOIN users u ON u.id = o.user_id JOIN settings s ON s.id = 1 \
   LEFT JOIN tickets t ON t.id = o.ticket_id LEFT JOIN events e ON e.id = o.event_id \
   LEFT JOIN messages m ON m.id = e.message_id LEFT JOIN users a ON a.id = e.actor_id \
   LEFT JOIN notification_preferences p ON p.user_id = o.user_id AND p.kind = o.kind";

/// Whether it may still be told.
fn may_send() -> String {
    format!(
        "(u.is_active = 1 AND CASE o.kind WHEN 'password_reset' THEN 1 WHEN 'verify_email' THEN u.email_verified_at IS NULL \
           ELSE u.email_verified_at IS NOT NULL END \
         AND coalesce(p.email, 1) = 1 AND (o.ticket_id IS NULL OR (t.deleted_at IS NULL AND {SEEN_BY})) \
         AND (o.event_id IS NULL OR e.public_seq IS NOT NULL OR u.role <> 'customer') AND m.deleted_at IS NULL)"
    )
}

/// The [`OutboxMail`] of a mail, as JSON in the row `j`.
pub fn find_mail(id: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT json_object('id', o.id, 'uid', o.uid, 'user_id', o.user_id, 'email', u.email, 'attempts', o.attempts, 'created_at', o.created_at, \
           'may', json(iif({may}, 'true', 'false')), 'facts', json_object('kind', o.kind, \
           'name', u.full_name, 'words', o.message, 'entry', json(iif(o.event_id IS NULL, 'null', {ENTRY})), \
           'ticket', json(iif(t.id IS NULL, 'null', json_object('id', t.id, 'number', t.number, 'title', t.title, 'status', t.status))), \
           'entries', json((SELECT json_group_array(json(entry)) FROM (SELECT {ENTRY} AS entry {FROM} \
             WHERE o.digest_id = ?1 AND {may} ORDER BY o.id LIMIT {MAX_DIGEST_ENTRIES}))), \
           'more', max(0, (SELECT count(*) {FROM} WHERE o.digest_id = ?1 AND {may}) - {MAX_DIGEST_ENTRIES}))) AS j \
         {FROM} WHERE o.id = ?1",
        may = may_send()
    ))
    .bind(id)
}

/// Ends a mail: `sent`, `dropped` or `failed`.
pub fn finish(id: i64, state: &str, error: Option<&str>, now: i64) -> Stmt {
    Stmt::new("UPDATE outbox SET state = ?2, error = ?3, done_at = ?4, lease_until = 0 WHERE id = ?1 AND state = 'pending'")
        .bind(id)
        .bind(state)
        .bind(error)
        .bind(now)
}

/// Leaves a mail to a later attempt.
pub fn postpone(id: i64, error: &str, next_attempt_at: i64) -> Stmt {
    Stmt::new("UPDATE outbox SET error = ?2, next_attempt_at = ?3, lease_until = 0 WHERE id = ?1 AND state = 'pending'")
        .bind(id)
        .bind(error)
        .bind(next_attempt_at)
}

/// Mails that should have been sent by now: rows `what`, `id`, as what is due.
pub fn list_due(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "SELECT 'mail' AS what, id FROM outbox WHERE state = 'pending' AND next_attempt_at <= ?1 AND lease_until <= ?1 \
           AND created_at <= ?1 - ?3 ORDER BY next_attempt_at LIMIT ?2",
    )
    .bind(now)
    .bind(most)
    .bind(QUEUE_GRACE)
}

/// Drops mails that nobody sends.
pub fn drop_pending(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "UPDATE outbox SET state = 'dropped', done_at = ?1 WHERE id IN ( \
           SELECT id FROM outbox WHERE state = 'pending' AND next_attempt_at <= ?1 LIMIT ?2)",
    )
    .bind(now)
    .bind(most)
}

/// Makes digests of what is held, wherever the hour has room for one more mail. The first statement gives them as rows
/// `what`, `id`.
pub fn insert_digests(now: i64) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "INSERT INTO outbox (uid, user_id, kind, ticket_id, created_at) \
             SELECT {UID}, g.user_id, 'digest', g.ticket_id, ?1 \
             FROM (SELECT DISTINCT user_id, ticket_id FROM outbox WHERE state = 'held' LIMIT 100) g \
             WHERE (SELECT count(*) FROM outbox o WHERE o.user_id = g.user_id AND o.ticket_id = g.ticket_id \
               AND ((o.state = 'sent' AND o.done_at > ?1 - ?2) OR o.state = 'pending')) < ?3 \
             RETURNING 'mail' AS what, id"
        ))
        .bind(now)
        .bind(HOUR)
        .bind(MAX_MAILS_PER_HOUR),
        Stmt::new(
            "UPDATE outbox SET state = 'digested', done_at = ?1, digest_id = d.id \
             FROM (SELECT id, user_id, ticket_id FROM outbox WHERE kind = 'digest' AND state = 'pending' AND created_at = ?1) d \
             WHERE outbox.state = 'held' AND outbox.user_id = d.user_id AND outbox.ticket_id = d.ticket_id",
        )
        .bind(now),
    ]
}

/// Asks for a mail with a link to set a password. Whether there is such an account nobody can tell from it.
pub fn request_password_reset(email_key: &str, now: i64) -> Stmt {
    request("email_key = ?2", "password_reset", now).bind(email_key)
}

/// Invites somebody whose account has no password yet; by uid, for one that the same batch makes.
pub fn invite(uid: &str, now: i64) -> Stmt {
    request("uid = ?2 AND password_hash IS NULL", "password_reset", now).bind(uid)
}

/// Asks somebody anew to confirm their address.
pub fn request_verification(user_id: i64, now: i64) -> Stmt {
    request("id = ?2 AND email_verified_at IS NULL", "verify_email", now).bind(user_id)
}

fn request(whom: &str, kind: &str, now: i64) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO outbox (uid, user_id, kind, created_at) SELECT {UID}, u.id, '{kind}', ?1 FROM users u \
         WHERE u.{whom} AND u.is_active = 1 AND (SELECT count(*) FROM outbox \
           WHERE user_id = u.id AND kind = '{kind}' AND created_at > ?1 - {HOUR}) < {MAX_REQUESTS_PER_HOUR}"
    ))
    .bind(now)
}

/// Forgets all mails that have not been sent, and leaves only the latest notifications unread: samples are not news.
pub fn discard_pending() -> [Stmt; 2] {
    [
        Stmt::new("DELETE FROM outbox WHERE state = 'pending'"),
        Stmt::new(
            "UPDATE notifications SET read_at = created_at \
             WHERE id NOT IN (SELECT id FROM notifications ORDER BY id DESC LIMIT 40)",
        ),
    ]
}
