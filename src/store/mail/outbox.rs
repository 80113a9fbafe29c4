//! The outbox: mails that are still to be sent. Only one sender at a time can claim a row.
//!
//! One row stands for all mails that follow from one event. The outcome of each mail is stored in its recipient's
//! notice. A row is deleted with the last of its mails, so the table contains only mails that are still waiting.

use serde::Deserialize;

use crate::desk::fold::caseless;
use crate::desk::mail::outgoing::{MAX_DIGEST_ENTRIES, MAX_MAILS_PER_HOUR, MailContent};
use crate::desk::{HOUR, MINUTE};
use crate::edge::db::Stmt;
use crate::store::mail::addresses::MAIL_ADDRESS;
use crate::store::notifications::UID;
use crate::store::notifications::notify::NEXT_ID;
use crate::store::sql::scope::SEEN_BY;
use crate::store::users::UserPatch;

/// How long a sender has exclusive use of a row while it sends up to [`SENT_AT_ONCE`] mails: longer than an attempt
/// takes.
const LEASE: i64 = MINUTE;
/// How many mails of one row are sent concurrently.
pub const SENT_AT_ONCE: usize = 5;
/// How long a mail is left to the queue before the scheduled job takes care of it.
const QUEUE_GRACE: i64 = 2 * MINUTE;
/// How many mails of each kind a user may request per hour.
const MAX_REQUESTS_PER_HOUR: i64 = 3;
/// The due time of a row that waits only for digests: never.
const NEVER: i64 = 8_640_000_000_000_000;
/// How many rows are examined at once when digests are made, the oldest first.
const WINDOW: i64 = 1_000;

/// A mail with its recipient and the facts that its text is made from.
#[derive(Debug, Deserialize)]
pub struct OutboxMail {
    /// The id of its notice. Notices are numbered per user: another user may have a notice with the same id.
    pub id: i64,
    pub uid: String,
    pub user_id: i64,
    pub email: String,
    /// How often its outbox row has been claimed.
    pub attempts: i64,
    pub created_at: i64,
    /// It goes to somebody in copy, who may have no account: `user_id` is 0, and `id` that of the event.
    #[serde(default)]
    pub is_copy: bool,
    /// It goes to another address than that of its user: where the requester of its ticket wants the answers.
    #[serde(default)]
    pub is_redirected: bool,
    /// The mail may be sent: the recipient is active, has not opted out, and may see what it tells.
    pub may: bool,
    pub facts: MailContent,
}

/// Joins an outbox row `o` with its notices `n`.
const PEOPLE: &str = "CROSS JOIN json_each(o.people) j CROSS JOIN notices n ON n.user_id = j.value ->> 0 AND n.id = j.value ->> 1";

/// The lease expiry of the row `?1`, if the lease begins at `?2`.
const LEASED_UNTIL: &str =
    "CAST(?2 AS INTEGER) + CAST(?3 AS INTEGER) * ((json_array_length(people) + 4) / 5)";

/// Claims a row that is due, and holds back for a digest those of its mails that would exceed the hourly limit. The
/// first statement returns a row if there is work to do that no other sender has claimed.
pub fn claim(id: i64, now: i64) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "UPDATE outbox SET attempts = attempts + 1, lease_until = {LEASED_UNTIL} \
             WHERE id = ?1 AND lease_until <= ?2 AND next_attempt_at <= ?2 RETURNING id"
        ))
        .bind(id)
        .bind(now)
        .bind(LEASE),
        // Older mails that are still pending count towards the hourly limit too, so it holds even if several senders
        // send at the same moment.
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

/// The event as a mail describes it, from a notice `n` with its event `e`, message `m` and actor `a`.
const ENTRY: &str = "json_object('kind', n.kind, 'actor', a.full_name, 'body', m.body, 'is_internal', json(iif(m.is_internal, 'true', 'false')), \
   'changes', json(coalesce(e.changes, '[]')), 'target', json_extract(e.data, '$.target'), 'score', json_extract(e.data, '$.score'), 'words', n.message)";

/// The tables that [`ENTRY`] and [`may_send`] need in addition to a notice `n`.
const JOINS: &str = "JOIN users u ON u.id = n.user_id JOIN settings s ON s.id = 1 \
   LEFT JOIN tickets t ON t.id = n.ticket_id LEFT JOIN events e ON e.id = n.event_id \
   LEFT JOIN messages m ON m.id = e.message_id LEFT JOIN users a ON a.id = e.actor_id \
   LEFT JOIN notification_preferences p ON p.user_id = n.user_id AND p.kind = iif(n.kind = 'acknowledgement', 'status', n.kind)";

/// The SQL condition for a notice still being allowed to be mailed.
fn may_send() -> String {
    format!(
        "(u.is_active = 1 AND CASE n.kind WHEN 'password_reset' THEN 1 WHEN 'verify_email' THEN u.email_verified_at IS NULL \
           ELSE u.email_verified_at IS NOT NULL END \
         AND coalesce(p.email, 1) = 1 AND (n.ticket_id IS NULL OR (t.deleted_at IS NULL AND {SEEN_BY})) \
         AND (n.event_id IS NULL OR e.public_seq IS NOT NULL OR u.role <> 'customer') AND m.deleted_at IS NULL)"
    )
}

/// The mails of a row that are still to be sent: each is an [`OutboxMail`], as JSON in a row `j`.
pub fn list_mails(id: i64) -> Stmt {
    // The notices that a digest covers, looked up among the user's 1,000 newest notices.
    let digested = format!(
        "FROM (SELECT * FROM notices z WHERE z.user_id = d.user_id ORDER BY z.id DESC LIMIT 1000) n {JOINS} \
         WHERE n.digest_id = d.id AND {}",
        may_send()
    );
    Stmt::new(format!(
        "SELECT json_object('id', n.id, 'uid', {UID}, 'user_id', n.user_id, 'email', iif(n.kind = 'acknowledgement', u.email, {MAIL_ADDRESS}), 'attempts', d.attempts, 'created_at', d.created_at, \
           'is_redirected', json(iif(n.kind <> 'acknowledgement' AND {MAIL_ADDRESS} <> u.email, 'true', 'false')), \
           'may', json(iif({may}, 'true', 'false')), 'facts', json_object('kind', n.kind, \
           'name', u.full_name, 'words', n.message, 'entry', json(iif(n.event_id IS NULL, 'null', {ENTRY})), \
           'ticket', json(iif(t.id IS NULL, 'null', json_object('id', t.id, 'number', t.number, 'title', t.title, 'status', t.status, \
             'requester_id', t.requester_id, 'resolved_at', t.resolved_at))), \
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

/// Whether any mail of the row `outbox` is still to be sent, by itself or in a digest.
const WAITS: &str = "iif(event_id IS NOT NULL, people <> '[]', \
   EXISTS (SELECT 1 FROM json_each(outbox.people) j CROSS JOIN notices n \
     ON n.user_id = j.value ->> 0 AND n.id = j.value ->> 1 WHERE n.mail IN ('pending', 'held')))";

/// Records the outcome of one mail of a row: `sent`, `dropped` or `failed`. The second statement returns a row if
/// this was the row's last mail.
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

/// Deletes a row if none of its mails is still to be sent; returns its `id`.
pub fn delete_finished(row: i64) -> Stmt {
    Stmt::new(format!(
        "DELETE FROM outbox WHERE id = ?1 AND NOT {WAITS} RETURNING id"
    ))
    .bind(row)
}

/// Releases a row, leaving its remaining mails to a later attempt, or to digests.
pub fn release(row: i64, next_attempt_at: Option<i64>) -> Stmt {
    Stmt::new("UPDATE outbox SET lease_until = 0, next_attempt_at = ?2 WHERE id = ?1")
        .bind(row)
        .bind(next_attempt_at.unwrap_or(NEVER))
}

/// Rows that are overdue, as entries of the list of due work: `what` and `id`.
pub fn list_due(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "SELECT 'mail' AS what, id FROM outbox WHERE next_attempt_at <= ?1 AND lease_until <= ?1 \
           AND created_at <= ?1 - ?3 ORDER BY id LIMIT ?2",
    )
    .bind(now)
    .bind(most)
    .bind(QUEUE_GRACE)
}

/// Drops mails that are due, for a deployment in which sending mail is turned off.
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

/// Makes digests of the mails that were held back, wherever the hourly limit leaves room for one more mail.
pub fn insert_digests(now: i64) -> [Stmt; 4] {
    let held = format!("FROM (SELECT * FROM outbox ORDER BY id LIMIT {WINDOW}) o {PEOPLE}");
    let groups = format!(
        "(SELECT DISTINCT n.user_id AS user_id, n.ticket_id AS ticket_id {held} WHERE n.mail = 'held' LIMIT 100)"
    );
    // The digests `d` that the first statement has just made: their ids are greater than the last event's id.
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

// Mails that are not notifications ---------------------------------------------------------------------------------

/// Requests a mail with a link to set a password. The result does not reveal whether such an account exists.
pub fn request_password_reset(email_key: &str, now: i64) -> [Stmt; 2] {
    request("u.email_key = ?2", "password_reset").map(|stmt| stmt.bind(now).bind(email_key))
}

/// Invites a user whose account has no password yet; by uid, so that the user may be created by the same batch.
pub fn invite(uid: &str, now: i64) -> [Stmt; 2] {
    request("u.uid = ?2 AND u.password_hash IS NULL", "password_reset").map(|stmt| stmt.bind(now).bind(uid))
}

/// Asks a user again to confirm their email address.
pub fn request_verification(user_id: i64, now: i64) -> [Stmt; 2] {
    request("u.id = ?2 AND u.email_verified_at IS NULL", "verify_email")
        .map(|stmt| stmt.bind(now).bind(user_id))
}

/// Asks a user who was registered earlier in the same batch to confirm their email address.
pub fn request_first_verification(uid: &str, now: i64) -> [Stmt; 2] {
    insert_mail(
        "u.uid = ?2 AND u.email_verified_at IS NULL AND u.password_hash IS NOT NULL AND u.is_active = 1",
        "1",
        "verify_email",
    )
    .map(|stmt| stmt.bind(now).bind(uid))
}

/// Asks a user to confirm the email address that an update gives them; must run before the update.
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
            .bind(caseless(email))
            .bind(update.is_active)
    })
    .into()
}

/// Like [`insert_mail`], for mails that users request themselves: limited to [`MAX_REQUESTS_PER_HOUR`].
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

/// Inserts a mail with its own outbox row for the user `u` that satisfies `whom`, at the time `?1`, if the condition
/// `may_be` allows one more.
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

/// Discards all unsent mails, and marks all but the latest notifications as read: sample data is not news.
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
