//! Clearing away what has expired.

use super::sessions::ATTEMPT_WINDOW;
use crate::desk::DAY;
use crate::edge::db::Stmt;

/// For how long it is on record what workflow rules did.
const RUNS_KEPT: i64 = 30 * DAY;

/// Deletes expired sessions, reset tokens, login attempts, old runs of rules, and idempotency keys older than `day_ago`; at most
/// `most` rows of each.
pub fn purge(now: i64, day_ago: i64, most: i64) -> [Stmt; 5] {
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
        Stmt::new("DELETE FROM workflow_runs WHERE id IN (SELECT id FROM workflow_runs WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)")
            .bind(now.saturating_sub(RUNS_KEPT))
            .bind(most),
    ]
}

/// The cheapest question: whether the database answers.
pub fn heartbeat() -> Stmt {
    Stmt::new("SELECT id FROM settings WHERE id = 1")
}
