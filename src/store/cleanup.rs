//! Clearing away what has expired.

use crate::desk::DAY;
use crate::edge::db::Stmt;
use crate::store::sessions::ATTEMPT_WINDOW;

/// For how long it is on record what workflow rules did.
const RUN_RETENTION: i64 = 30 * DAY;

/// For how long people find what they have been told: once it is read, and in any case.
const READ_NOTIFICATION_RETENTION: i64 = 90 * DAY;
const NOTIFICATION_RETENTION: i64 = 365 * DAY;
/// For how long it is on record what became of a mail.
const MAIL_RETENTION: i64 = 30 * DAY;

/// Deletes what sockets have heard or were opened with, expired sessions, reset tokens, login attempts, old runs of rules, notifications and mails, and idempotency keys
/// older than `day_ago`; at most `most` rows of each.
pub fn purge(now: i64, day_ago: i64, most: i64) -> [Stmt; 12] {
    let before = |kept: i64, sql: &'static str| Stmt::new(sql).bind(now.saturating_sub(kept)).bind(most);
    [
        Stmt::new("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)")
            .bind(now)
            .bind(most),
        Stmt::new("DELETE FROM password_resets WHERE token_hash IN (SELECT token_hash FROM password_resets WHERE expires_at < ?1 LIMIT ?2)")
            .bind(now)
            .bind(most),
        Stmt::new(
            "DELETE FROM login_attempts WHERE (subject, at, id) IN (SELECT subject, at, id FROM login_attempts WHERE at < ?1 ORDER BY at LIMIT ?2)",
        )
        .bind(now.saturating_sub(ATTEMPT_WINDOW))
        .bind(most),
        Stmt::new(
            "DELETE FROM idempotency WHERE (user_id, key) IN (SELECT user_id, key FROM idempotency WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        )
        .bind(day_ago)
        .bind(most),
        before(
            RUN_RETENTION,
            "DELETE FROM workflow_runs WHERE id IN (SELECT id FROM workflow_runs WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        ),
        before(
            READ_NOTIFICATION_RETENTION,
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE read_at < ?1 ORDER BY read_at LIMIT ?2)",
        ),
        before(
            NOTIFICATION_RETENTION,
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        ),
        before(
            MAIL_RETENTION,
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE done_at < ?1 ORDER BY done_at LIMIT ?2)",
        ),
        before(
            MAIL_RETENTION,
            "DELETE FROM inbound_mails WHERE key IN (SELECT key FROM inbound_mails WHERE received_at < ?1 ORDER BY received_at LIMIT ?2)",
        ),
        Stmt::new("DELETE FROM feed WHERE id IN (SELECT id FROM feed WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)")
            .bind(day_ago)
            .bind(most),
        Stmt::new("DELETE FROM listeners WHERE object IN (SELECT object FROM listeners WHERE until < ?1 ORDER BY until LIMIT ?2)")
            .bind(now)
            .bind(most),
        Stmt::new("DELETE FROM socket_tickets WHERE hash IN (SELECT hash FROM socket_tickets WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)")
            .bind(now)
            .bind(most),
    ]
}

/// The cheapest question: whether the database answers.
pub fn heartbeat() -> Stmt {
    Stmt::new("SELECT id FROM settings WHERE id = 1")
}
