//! The outbox: mails that are still to be sent, claimed by one sender at a time.
//!
//! One row is all mails that follow from one event. What becomes of each is in the notice of the person it goes to; the
//! row goes with the last of them, so the table is as long as what waits.

use serde::Deserialize;

use crate::desk::mail::outgoing::{MAX_DIGEST_ENTRIES, MAX_MAILS_PER_HOUR, MailContent};
use crate::desk::{HOUR, MINUTE};
use crate::edge::db::Stmt;
use crate::store::notifications::UID;
use crate::store::notifications::notify::NEXT_ID;
use crate::store::sql::scope::SEEN_BY;
use crate::store::users::UserPatch;

/// For how long one sender has [`SENT_AT_ONCE`] mails to itself: longer than an attempt takes.
const LEASE: i64 = MINUTE;
/// How many mails of one row are sent at the same time.
pub const SENT_AT_ONCE: usize = 5;
/// How long a mail is left to the queue before the clock looks after it.
const QUEUE_GRACE: i64 = 2 * MINUTE;
/// Mails that somebody may ask for in an hour, of each kind.
const MAX_REQUESTS_PER_HOUR: i64 = 3;
/// When a row is due that only waits for digests: never.
const NEVER: i64 = 8_640_000_000_000_000;
/// How many rows one look at the outbox takes in, the oldest first.
const WINDOW: i64 = 1_000;

/// A mail, whom it goes to, and what it is made of.
#[derive(Debug, Deserialize)]
pub struct OutboxMail {
    /// Of its notice, which is the person's own: another person may have one of the same id.
    pub id: i64,
    pub uid: String,
    pub user_id: i64,
    pub email: String,
    /// How often its row of the outbox has been claimed.
    pub attempts: i64,
    pub created_at: i64,
    /// It may be sent: there is somebody to tell, who wants to know and may.
    pub may: bool,
    pub facts: MailContent,
}

/// The notices `n` of a row `o` of the outbox.
const PEOPLE: &str = "CROSS JOIN json_each(o.people) j CROSS JOIN notices n ON n.user_id = j.value ->> 0 AND n.id = j.value ->> 1";

/// Until when a row `?1` is leased, if that is done at `?2`.
const LEASED_UNTIL: &str =
    "CAST(?2 AS INTEGER) + CAST(?3 AS INTEGER) * ((json_array_length(people) + 4) / 5)";

/// Claims a row that is due, and holds back those of its mails for which the hour is full: they wait for a digest. The
/// first statement gives a row if there is something to do that nobody else does.
pub fn claim(id: i64, now: i64) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "UPDATE outbox SET attempts = attempts + 1, lease_until = {LEASED_UNTIL} \
             WHERE id = ?1 AND lease_until <= ?2 AND next_attempt_at <= ?2 RETURNING id"
        ))
        .bind(id)
        .bind(now)
        .bind(LEASE),
        // Older ones that are still to be sent have their place in the hour, so the limit holds whatever is sent at the
        // same moment.
        Stmt::new(format!(
            "UPDATE notices SET mail = 'held' WHERE (user_id, id) IN ( \
               SELECT j.value ->> 0, j.value ->> 1 FROM outbox CROSS JOIN json_each(people) j \
               WHERE outbox.id = ?1 AND lease_until = {LEASED_UNTIL}) \
             AND mail = 'pending' AND ticket_id IS NOT NULL AND kind <> 'digest' \
             AND (SELECT count(*) FROM (SELECT * FROM notices m WHERE m.user_id = notices.user_id ORDER BY m.id DESC LIMIT 500) m \
               WHERE m.ticket_id = notices.ticket_id AND ((m.mail = 'sent' AND m.mailed_at > ?2 - ?4) \
                 OR (m.mail = 'pending' AND m.id < notices.id))) >= ?5 - 1"
        ))
        .bind(id)
        .bind(now)
        .bind(LEASE)
        .bind(HOUR)
        .bind(MAX_MAILS_PER_HOUR),
    ]
}

/// What happened, as a mail tells it: of a notice `n` with its event `e`, message `m` and actor `a`.
const ENTRY: &str = "json_object('kind', n.kind, 'actor', a.full_name, 'body', m.body, 'is_internal', json(iif(m.is_internal, 'true', 'false')), \
   'changes', json(coalesce(e.changes, '[]')), 'target', json_extract(e.data, '$.target'), 'words', n.message)";

/// What [`ENTRY`] and [`may_send`] need besides a notice `n`.
const JOINS: &str = "JOIN users u ON u.id = n.user_id JOIN settings s ON s.id = 1 \
   LEFT JOIN tickets t ON t.id = n.ticket_id LEFT JOIN events e ON e.id = n.event_id \
   LEFT JOIN messages m ON m.id = e.message_id LEFT JOIN users a ON a.id = e.actor_id \
   LEFT JOIN notification_preferences p ON p.user_id = n.user_id AND p.kind = n.kind";

/// Whether it may still be told.
fn may_send() -> String {
    format!(
        "(u.is_active = 1 AND CASE n.kind WHEN 'password_reset' THEN 1 WHEN 'verify_email' THEN u.email_verified_at IS NULL \
           ELSE u.email_verified_at IS NOT NULL END \
         AND coalesce(p.email, 1) = 1 AND (n.ticket_id IS NULL OR (t.deleted_at IS NULL AND {SEEN_BY})) \
         AND (n.event_id IS NULL OR e.public_seq IS NOT NULL OR u.role <> 'customer') AND m.deleted_at IS NULL)"
    )
}

/// The mails of a row that are to be sent: each an [`OutboxMail`], as JSON in a row `j`.
pub fn list_mails(id: i64) -> Stmt {
    // What a digest tells of, among the person's newest notices.
    let digested = format!(
        "FROM (SELECT * FROM notices z WHERE z.user_id = d.user_id ORDER BY z.id DESC LIMIT 1000) n {JOINS} \
         WHERE n.digest_id = d.id AND {}",
        may_send()
    );
    Stmt::new(format!(
        "SELECT json_object('id', n.id, 'uid', {UID}, 'user_id', n.user_id, 'email', u.email, 'attempts', d.attempts, 'created_at', d.created_at, \
           'may', json(iif({may}, 'true', 'false')), 'facts', json_object('kind', n.kind, \
           'name', u.full_name, 'words', n.message, 'entry', json(iif(n.event_id IS NULL, 'null', {ENTRY})), \
           'ticket', json(iif(t.id IS NULL, 'null', json_object('id', t.id, 'number', t.number, 'title', t.title, 'status', t.status))), \
           'entries', json(iif(n.kind <> 'digest', '[]', (SELECT json_group_array(json(entry)) FROM (SELECT {ENTRY} AS entry \
             {digested} ORDER BY n.id LIMIT {MAX_DIGEST_ENTRIES})))), \
           'more', iif(n.kind <> 'digest', 0, max(0, (SELECT count(*) {digested}) - {MAX_DIGEST_ENTRIES})))) AS j \
         FROM (SELECT n.user_id AS user_id, n.id AS id, o.attempts AS attempts, o.created_at AS created_at \
           FROM outbox o {PEOPLE} WHERE o.id = ?1 AND n.mail = 'pending') d \
         CROSS JOIN notices n ON n.user_id = d.user_id AND n.id = d.id {JOINS}",
        may = may_send()
    ))
    .bind(id)
}

/// Whether a mail of the row `outbox` is still to be sent, by itself or in a digest.
const WAITS: &str = "EXISTS (SELECT 1 FROM json_each(outbox.people) j CROSS JOIN notices n \
   ON n.user_id = j.value ->> 0 AND n.id = j.value ->> 1 WHERE n.mail IN ('pending', 'held'))";

/// Ends a mail of a row: `sent`, `dropped` or `failed`. The second statement gives a row if it was the last of them.
pub fn finish(
    row: i64,
    (user_id, id): (i64, i64),
    (state, error): (&str, Option<&str>),
    now: i64,
) -> [Stmt; 2] {
    [
        Stmt::new(
            "UPDATE notices SET mail = ?3, mailed_at = ?4, mail_error = ?5 WHERE user_id = ?1 AND id = ?2 AND mail = 'pending'",
        )
        .bind(user_id)
        .bind(id)
        .bind(state)
        .bind(now)
        .bind(error),
        delete_finished(row),
    ]
}

/// Deletes a row none of whose mails is still to be sent; gives its `id`.
pub fn delete_finished(row: i64) -> Stmt {
    Stmt::new(format!(
        "DELETE FROM outbox WHERE id = ?1 AND NOT {WAITS} RETURNING id"
    ))
    .bind(row)
}

/// Leaves what remains of a row to a later attempt, or to digests.
pub fn release(row: i64, next_attempt_at: Option<i64>) -> Stmt {
    Stmt::new("UPDATE outbox SET lease_until = 0, next_attempt_at = ?2 WHERE id = ?1")
        .bind(row)
        .bind(next_attempt_at.unwrap_or(NEVER))
}

/// Rows that should have been sent by now: `what`, `id`, as what is due.
pub fn list_due(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "SELECT 'mail' AS what, id FROM outbox WHERE next_attempt_at <= ?1 AND lease_until <= ?1 \
           AND created_at <= ?1 - ?3 ORDER BY id LIMIT ?2",
    )
    .bind(now)
    .bind(most)
    .bind(QUEUE_GRACE)
}

/// Drops mails that nobody sends.
pub fn drop_pending(now: i64, most: i64) -> [Stmt; 2] {
    const DUE: &str = "SELECT * FROM outbox WHERE next_attempt_at <= ?1 ORDER BY id LIMIT ?2";
    [
        Stmt::new(format!(
            "UPDATE notices SET mail = 'dropped', mailed_at = ?1 WHERE mail IN ('pending', 'held') AND (user_id, id) IN ( \
               SELECT j.value ->> 0, j.value ->> 1 FROM ({DUE}) o CROSS JOIN json_each(o.people) j)"
        ))
        .bind(now)
        .bind(most),
        Stmt::new(format!("DELETE FROM outbox WHERE id IN (SELECT id FROM ({DUE}))"))
            .bind(now)
            .bind(most),
    ]
}

/// Makes digests of what is held, wherever the hour has room for one more mail.
pub fn insert_digests(now: i64) -> [Stmt; 4] {
    let held = format!("FROM (SELECT * FROM outbox ORDER BY id LIMIT {WINDOW}) o {PEOPLE}");
    let groups = format!(
        "(SELECT DISTINCT n.user_id AS user_id, n.ticket_id AS ticket_id {held} WHERE n.mail = 'held' LIMIT 100)"
    );
    // Digests `d` that the first statement has just made: their ids are behind the last event's.
    let made = |of: &str| {
        format!(
            "notices d ON d.user_id = {of}.user_id AND d.id > coalesce((SELECT max(id) FROM events), 0) * 1024 \
             AND d.kind = 'digest' AND d.ticket_id = {of}.ticket_id AND d.created_at = ?1 AND d.mail = 'pending'"
        )
    };
    [
        Stmt::new(format!(
            "INSERT INTO notices (user_id, id, kind, ticket_id, created_at, live, mail) \
             SELECT u.user_id, {} + row_number() OVER (PARTITION BY u.user_id ORDER BY u.ticket_id) - 1, 'digest', u.ticket_id, ?1, 0, 'pending' \
             FROM (SELECT user_id AS id, user_id, ticket_id FROM {groups}) u \
             WHERE (SELECT count(*) FROM (SELECT * FROM notices m WHERE m.user_id = u.user_id ORDER BY m.id DESC LIMIT {WINDOW}) m \
               WHERE m.ticket_id = u.ticket_id AND ((m.mail = 'sent' AND m.mailed_at > ?1 - ?2) OR m.mail = 'pending')) < ?3",
            NEXT_ID
        ))
        .bind(now)
        .bind(HOUR)
        .bind(MAX_MAILS_PER_HOUR),
        Stmt::new(format!(
            "INSERT INTO outbox (people, next_attempt_at, created_at) SELECT json_array(json_array(d.user_id, d.id)), ?1, ?1 \
             FROM {groups} g CROSS JOIN {}",
            made("g")
        ))
        .bind(now),
        Stmt::new(format!(
            "UPDATE notices SET mail = 'digested', mailed_at = ?1, digest_id = (SELECT d.id FROM (SELECT 1) CROSS JOIN {}) \
             WHERE (user_id, id) IN (SELECT n.user_id, n.id {held} CROSS JOIN {} WHERE n.mail = 'held')",
            made("notices"),
            made("n")
        ))
        .bind(now),
        Stmt::new(format!(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT {WINDOW}) AND NOT {WAITS}"
        )),
    ]
}

// Mails that are no notifications ---------------------------------------------------------------------------------

/// Asks for a mail with a link to set a password. Whether there is such an account nobody can tell from it.
pub fn request_password_reset(email_key: &str, now: i64) -> [Stmt; 2] {
    request("u.email_key = ?2", "password_reset").map(|stmt| stmt.bind(now).bind(email_key))
}

/// Invites somebody whose account has no password yet; by uid, for one that the same batch makes.
pub fn invite(uid: &str, now: i64) -> [Stmt; 2] {
    request("u.uid = ?2 AND u.password_hash IS NULL", "password_reset").map(|stmt| stmt.bind(now).bind(uid))
}

/// Asks somebody anew to confirm their address.
pub fn request_verification(user_id: i64, now: i64) -> [Stmt; 2] {
    request("u.id = ?2 AND u.email_verified_at IS NULL", "verify_email")
        .map(|stmt| stmt.bind(now).bind(user_id))
}

/// Asks somebody whom the same batch has registered to confirm their address.
pub fn request_first_verification(uid: &str, now: i64) -> [Stmt; 2] {
    insert_mail(
        "u.uid = ?2 AND u.email_verified_at IS NULL AND u.password_hash IS NOT NULL AND u.is_active = 1",
        "1",
        "verify_email",
    )
    .map(|stmt| stmt.bind(now).bind(uid))
}

/// Asks somebody to confirm the address that an update gives them; to be run before the update.
pub fn request_changed_verification(user_id: i64, update: &UserPatch, now: i64) -> Vec<Stmt> {
    let Some(email) = &update.email else {
        return Vec::new();
    };
    insert_mail(
        "u.id = ?2 AND u.email_key <> ?3 AND coalesce(?4, u.is_active) = 1",
        "1",
        "verify_email",
    )
    .map(|stmt| {
        stmt.bind(now)
            .bind(user_id)
            .bind(email.to_lowercase())
            .bind(update.is_active)
    })
    .into()
}

/// As [`insert_mail`], for what people ask for by themselves: only so many in an hour.
fn request(whom: &str, kind: &str) -> [Stmt; 2] {
    insert_mail(
        &format!("{whom} AND u.is_active = 1"),
        &format!(
            "(SELECT count(*) FROM (SELECT * FROM notices m WHERE m.user_id = u.id ORDER BY m.id DESC LIMIT 200) m \
             WHERE m.kind = '{kind}' AND m.created_at > ?1 - {HOUR}) < {MAX_REQUESTS_PER_HOUR}"
        ),
        kind,
    )
}

/// A mail of its own to the person `u` for whom a condition holds, at the moment `?1`, if there may be one more.
fn insert_mail(whom: &str, may_be: &str, kind: &str) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "INSERT INTO notices (user_id, id, kind, created_at, live, mail) SELECT u.id, {NEXT_ID}, '{kind}', ?1, 0, 'pending' \
             FROM users u WHERE {whom} AND {may_be}"
        )),
        Stmt::new(format!(
            "INSERT INTO outbox (people, next_attempt_at, created_at) SELECT json_array(json_array(n.user_id, n.id)), ?1, ?1 \
             FROM users u CROSS JOIN notices n ON n.user_id = u.id AND n.id = (SELECT max(o.id) FROM notices o WHERE o.user_id = u.id) \
             WHERE {whom} AND n.kind = '{kind}' AND n.created_at = ?1 AND n.mail = 'pending' \
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE people = json_array(json_array(n.user_id, n.id)))"
        )),
    ]
}

/// Forgets all mails that have not been sent, and leaves only the latest notifications unread: samples are not news.
pub fn discard_pending() -> [Stmt; 4] {
    [
        Stmt::new("DELETE FROM outbox"),
        Stmt::new("DELETE FROM notices WHERE live = 0"),
        Stmt::new("UPDATE notices SET mail = NULL WHERE mail = 'pending'"),
        Stmt::new(
            "UPDATE notices SET read_at = created_at \
             WHERE id < (SELECT min(id) FROM (SELECT id FROM notices ORDER BY id DESC LIMIT 40))",
        ),
    ]
}
