//! The log of the mails that were not taken, with the reason.

use crate::desk::DAY;
use crate::desk::id::MAX_ID;
use crate::desk::mail::inbound::outcome::{OUTCOMES, REASONS, Reason};
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::view::{Out, View, field, nullable};

/// How long an entry is kept.
const RETENTION: i64 = 30 * DAY;

/// What was done with a mail.
pub static OUTCOME: Choices = Choices {
    list: &OUTCOMES,
    parse: |word| OUTCOMES.into_iter().find(|known| *known == word),
};

/// Why a mail was not taken.
pub static REASON: Choices = Choices {
    list: &REASONS,
    parse: |word| REASONS.into_iter().find(|known| *known == word),
};

/// An entry as the API returns it.
pub const MAIL_LOG_ENTRY: View = View {
    name: "MailLogEntry",
    fields: &[
        field("id", "l.id", Out::Int),
        field("received_at", "l.received_at", Out::Time),
        field("outcome", "l.outcome", Out::Word(&OUTCOME))
            .doc("`refused`: the sender was told why. `ignored`: nobody was told."),
        field("reason", "l.reason", Out::Word(&REASON)),
        field("detail", "l.detail", Out::Text)
            .doc("The reason in words; of a refusal, those that the sender got."),
        field("sender", "l.sender", Out::Text).doc("The sender of the envelope; empty for bounces."),
        field("recipient", "l.recipient", Out::Text).doc("The address that it was sent to."),
        nullable("from", "l.author", Out::Text).doc("`From` as it stands in the mail."),
        nullable("subject", "l.subject", Out::Text),
        nullable("message_id", "l.message_id", Out::Text),
        field("size", "l.size", Out::Int).doc("Bytes."),
    ],
};

/// A mail that was not taken. Texts are bounded by the caller.
#[derive(Clone, Debug, Default)]
pub struct RefusedMail {
    pub sender: String,
    pub recipient: String,
    pub author: Option<String>,
    pub subject: Option<String>,
    pub message_id: Option<String>,
    pub size: usize,
}

/// Writes an entry.
pub fn insert(mail: &RefusedMail, reason: Reason, is_refused: bool, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO mail_log (received_at, outcome, reason, detail, sender, recipient, author, subject, message_id, size) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )
    .bind(now)
    .bind(if is_refused { "refused" } else { "ignored" })
    .bind(reason.as_str())
    .bind(reason.words())
    .bind(mail.sender.as_str())
    .bind(mail.recipient.as_str())
    .bind(mail.author.as_deref())
    .bind(mail.subject.as_deref())
    .bind(mail.message_id.as_deref())
    .bind(i64::try_from(mail.size).unwrap_or(MAX_ID))
}

/// The most entries that are examined for one page when filtering.
const MAX_WALK: i64 = 1_000;

/// The filters of the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailLogFilter {
    pub outcome: Option<&'static str>,
    pub reason: Option<&'static str>,
}

/// A page of the log, newest first: rows `j` and `id`. If the walk stopped before its end, the second statement
/// returns where, as a row `s` and `id`.
pub fn list(filter: MailLogFilter, page: &Page) -> [Stmt; 2] {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => MAX_ID,
    };
    let last =
        format!("SELECT id FROM mail_log WHERE id < ?1 ORDER BY id DESC LIMIT 1 OFFSET {MAX_WALK} - 1");
    let is_bounded = (filter.outcome.is_some() || filter.reason.is_some()) && page.offset() == 0;
    let bounded = if is_bounded {
        format!("AND l.id >= coalesce(({last}), 0)")
    } else {
        String::new()
    };
    let rows = Stmt::new(format!(
        "SELECT {} AS j, l.id AS id FROM mail_log l WHERE l.id < ?1 AND (?2 IS NULL OR l.outcome = ?2) \
         AND (?3 IS NULL OR l.reason = ?3) {bounded} ORDER BY l.id DESC LIMIT ?4 OFFSET ?5",
        MAIL_LOG_ENTRY.sql()
    ))
    .bind(before)
    .bind(filter.outcome)
    .bind(filter.reason)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset());
    let stop = Stmt::new(format!("SELECT NULL AS s, ({last}) AS id WHERE ?2"))
        .bind(before)
        .bind(is_bounded);
    [rows, stop]
}

/// Counts the entries of [`list`]: `n`, up to 10,001.
pub fn count(filter: MailLogFilter) -> Stmt {
    Stmt::new(
        "SELECT count(*) AS n FROM (SELECT 1 FROM mail_log WHERE (?1 IS NULL OR outcome = ?1) \
         AND (?2 IS NULL OR reason = ?2) LIMIT 10001)",
    )
    .bind(filter.outcome)
    .bind(filter.reason)
}

/// Deletes old entries. They stand in the order of their ids, so only the oldest is looked at if none is old.
pub fn purge(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "DELETE FROM mail_log WHERE id IN (SELECT id FROM mail_log WHERE received_at < ?1 AND id < \
           (SELECT id + CAST(?2 AS INTEGER) FROM mail_log WHERE id = (SELECT min(id) FROM mail_log) AND received_at < ?1))",
    )
    .bind(now.saturating_sub(RETENTION))
    .bind(most)
}
