//! Clearing away what has expired.

use crate::desk::DAY;
use crate::edge::db::Stmt;
use crate::store::sessions::ATTEMPT_WINDOW;

/// For how long it is on record what workflow rules did.
const RUN_RETENTION: i64 = 30 * DAY;

/// For how long people find what they have been told: once it is read, and in any case.
const READ_NOTIFICATION_RETENTION: i64 = 90 * DAY;
const NOTIFICATION_RETENTION: i64 = 365 * DAY;
/// For how long it is on record what became of a mail that is no notification, and which mails have come in.
const MAIL_RETENTION: i64 = 30 * DAY;

/// Deletes what sockets were opened with, expired sessions, reset tokens, login attempts, old runs of rules, notifications and mails, and idempotency keys
/// older than `day_ago`; at most `most` rows of each. `place` is random, in hexadecimal digits: where to look, in tables
/// that have no index on their time.
pub fn purge(now: i64, day_ago: i64, most: i64, place: &str) -> [Stmt; 9] {
    let place = Place(place);
    [
        place.sweep_by_number("sessions", ("user_id", "user_id, id"), "expires_at", now, most),
        place.sweep_by_hash("password_resets", "token_hash", "expires_at", now, most),
        place.sweep_by_hash("login_attempts", "subject", "last_at", now.saturating_sub(ATTEMPT_WINDOW), most),
        place.sweep_by_hash("inbound_mails", "key", "received_at", now.saturating_sub(MAIL_RETENTION), most),
        place.sweep_by_hash("socket_tickets", "hash", "expires_at", now, most),
        place.sweep_by_number(
            "workflow_runs",
            ("workflow_id", "workflow_id, id"),
            "created_at",
            now.saturating_sub(RUN_RETENTION),
            most,
        ),
        Stmt::new(
            "DELETE FROM idempotency WHERE (user_id, key) IN (SELECT user_id, key FROM idempotency WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        )
        .bind(day_ago)
        .bind(most),
        purge_notices(now, most),
        // Few live objects die without deleting their row: a look at five, from a random place on, finds them in time.
        Stmt::new(
            "DELETE FROM listeners WHERE until < ?1 AND object IN (SELECT object FROM listeners \
             WHERE object > (SELECT iif(random() & 1, 'ticket:', 'user:') || abs(random() % 1000)) ORDER BY object LIMIT 5)",
        )
        .bind(now),
    ]
}

/// A place in a table, another one every time: from there on two rows are looked at, and where one of them is old, what
/// is old among the next ones is deleted. The more is old, the likelier it is found. An index on the time would find it
/// at once, and cost a written row for every row.
struct Place<'a>(&'a str);

impl Place<'_> {
    /// A table whose `key` is a hash, hexadecimal.
    fn sweep_by_hash(&self, table: &str, key: &str, time: &str, before: i64, most: i64) -> Stmt {
        sweep(table, (key, key), "?1", time)
            .bind(self.0)
            .bind(before)
            .bind(most)
    }

    /// A table whose key begins with a number; `keys` is all of it.
    fn sweep_by_number(
        &self,
        table: &str,
        (key, keys): (&str, &str),
        time: &str,
        before: i64,
        most: i64,
    ) -> Stmt {
        let digits = self.0.get(..8).unwrap_or_default();
        let part = u32::from_str_radix(digits, 16).unwrap_or_default();
        let start = format!("(SELECT CAST(?1 AS INTEGER) * (max({key}) + 1) >> 32 FROM {table})");
        sweep(table, (key, keys), &start, time)
            .bind(i64::from(part))
            .bind(before)
            .bind(most)
    }
}

fn sweep(table: &str, (key, keys): (&str, &str), start: &str, time: &str) -> Stmt {
    let walk = format!("SELECT {keys}, {time} AS at FROM {table} WHERE {key} >= {start} ORDER BY {keys}");
    Stmt::new(format!(
        "DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} FROM ({walk} \
           LIMIT iif(EXISTS (SELECT 1 FROM ({walk} LIMIT 2) WHERE at < ?2), CAST(?3 AS INTEGER), 0)) WHERE at < ?2)"
    ))
}

/// Deletes old notices. There is no index by time: each minute looks at the oldest notices of another person, and takes
/// away up to `most` of them and of the next people's where there are old ones among them.
fn purge_notices(now: i64, most: i64) -> Stmt {
    const OLD: &str = "(created_at < ?3 OR (read_at < ?2) IS TRUE OR (live = 0 AND created_at < ?4))";
    // The step is prime, so that everybody's turn comes.
    const HERE: &str = "SELECT * FROM notices WHERE user_id >= CAST(?1 AS INTEGER) / 60000 * 7919 % \
       (coalesce((SELECT max(user_id) FROM notices), 0) + 1) ORDER BY user_id, id";
    let looks =
        format!("(SELECT iif(EXISTS (SELECT 1 FROM ({HERE} LIMIT 4) WHERE {OLD}), CAST(?5 AS INTEGER), 0))");
    Stmt::new(format!(
        "DELETE FROM notices WHERE (user_id, id) IN (SELECT user_id, id FROM ({HERE} LIMIT {looks}) WHERE {OLD})"
    ))
    .bind(now)
    .bind(now.saturating_sub(READ_NOTIFICATION_RETENTION))
    .bind(now.saturating_sub(NOTIFICATION_RETENTION))
    .bind(now.saturating_sub(MAIL_RETENTION))
    .bind(most)
}

/// The cheapest question: whether the database answers.
pub fn heartbeat() -> Stmt {
    Stmt::new("SELECT id FROM settings WHERE id = 1")
}
