//! Deleting expired and old rows.

use crate::desk::DAY;
use crate::edge::db::Stmt;
use crate::store::access::audit;
use crate::store::mail::log;
use crate::store::sessions::ATTEMPT_WINDOW;

/// How long the runs of workflow rules stay on record.
const RUN_RETENTION: i64 = 30 * DAY;

/// How long notifications are kept: once they are read, and in any case.
const READ_NOTIFICATION_RETENTION: i64 = 90 * DAY;
const NOTIFICATION_RETENTION: i64 = 365 * DAY;
/// How long the outcome of mails that are not notifications is kept.
const MAIL_RETENTION: i64 = 30 * DAY;
/// How long the record of received mails is kept: as long, answers to them find their ticket.
const MAIL_THREAD_RETENTION: i64 = 400 * DAY;

/// Deletes socket tickets, expired sessions, reset tokens, login attempts, old runs of rules, notifications and
/// mails, and idempotency keys older than `day_ago`; at most `most` rows of each. `place` is a random string of
/// hexadecimal digits: where to start looking in tables that have no index on their time, and which of the tables that
/// keep their rows for a month or longer are looked at this time: one.
pub fn purge(now: i64, day_ago: i64, most: i64, place: &str) -> [Stmt; 7] {
    let place = Place(place);
    [
        place.purge_records(now, most),
        place.sweep_by_number("sessions", ("user_id", "user_id, id"), "expires_at", now, most),
        place.sweep_by_hash("password_resets", "token_hash", "expires_at", now, most),
        place.sweep_by_hash("login_attempts", "subject", "last_at", now.saturating_sub(ATTEMPT_WINDOW), most),
        place.sweep_by_hash("socket_tickets", "hash", "expires_at", now, most),
        Stmt::new(
            "DELETE FROM idempotency WHERE (user_id, key) IN (SELECT user_id, key FROM idempotency WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
        )
        .bind(day_ago)
        .bind(most),
        // Live objects rarely end without deleting their row, so examining five rows from a random place on finds
        // them in time.
        Stmt::new(
            "DELETE FROM listeners WHERE until < ?1 AND object IN (SELECT object FROM listeners \
             WHERE object > (SELECT iif(random() & 1, 'ticket:', 'user:') || abs(random() % 1000)) ORDER BY object LIMIT 5)",
        )
        .bind(now),
    ]
}

/// A random starting point in a table. Two rows are examined from there; if one of them is old, the old rows among
/// the next ones are deleted. The more old rows there are, the likelier they are found. An index on the time would
/// find them at once, but would cost one more written row for every inserted row.
struct Place<'a>(&'a str);

impl Place<'_> {
    /// Deletes old mails that were received, entries of the mail log or the audit log, notices, or runs of rules.
    fn purge_records(&self, now: i64, most: i64) -> Stmt {
        match self.0.bytes().map(usize::from).sum::<usize>() % 5 {
            0 => sweep(
                "inbound_mails",
                ("id_hash", "id_hash, content_hash"),
                "?1",
                "received_at",
            )
            .bind(self.0)
            .bind(now.saturating_sub(MAIL_THREAD_RETENTION))
            .bind(most),
            1 => log::purge(now, most),
            2 => purge_notices(now, most),
            3 => audit::purge(now, most),
            _ => self.sweep_by_number(
                "workflow_runs",
                ("workflow_id", "workflow_id, id"),
                "created_at",
                now.saturating_sub(RUN_RETENTION),
                most,
            ),
        }
    }

    /// Sweeps a table whose `key` is a hexadecimal hash.
    fn sweep_by_hash(&self, table: &str, key: &str, time: &str, before: i64, most: i64) -> Stmt {
        sweep(table, (key, key), "?1", time)
            .bind(self.0)
            .bind(before)
            .bind(most)
    }

    /// Sweeps a table whose key begins with a number; `keys` lists all columns of the key.
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

/// Deletes old notices. There is no index by time: each time the oldest notices of a different user are examined,
/// and if there are old ones, up to `most` old notices of that user and the following users are deleted.
fn purge_notices(now: i64, most: i64) -> Stmt {
    const OLD: &str = "(created_at < ?3 OR (read_at < ?2) IS TRUE OR (live = 0 AND created_at < ?4))";
    // The multiplier is prime, so that every user is reached in turn.
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

/// The cheapest query, to check whether the database responds.
pub fn heartbeat() -> Stmt {
    Stmt::new("SELECT id FROM settings WHERE id = 1")
}
