//! Sends mails from the outbox: a row is claimed, its mails are written and sent, and the result is recorded.
//!
//! A mail is sent at least once. If a sender dies between sending and recording, the mail is sent again with the same
//! Message-ID, and to a provider with the same idempotency key.

use futures_util::future::join_all;
use serde::Deserialize;

use crate::desk::fold::caseless;
use crate::desk::mail::copy_token;
use crate::desk::mail::outgoing::{self, MailLinks};
use crate::desk::mail::reply_address::MailThread;
use crate::desk::tickets::status::Status;
use crate::desk::tools::rating::RatedResolution;
use crate::desk::{DAY, Millis};
use crate::edge::config::mail::MailTransport;
use crate::edge::config::{self, Config};
use crate::edge::db::{Batch, Db, DbError};
use crate::edge::mail::outgoing::{OutgoingMail as Sealed, SendError, send};
use crate::edge::queue::MessageOutcome;
use crate::edge::{Env, ids, log};
use crate::store::mail::copies;
use crate::store::mail::outbox::{self as rows, OutboxMail};
use crate::store::sessions;
use crate::store::sql::rows::IdRow;

/// Seconds until the next attempt, after the first attempt, the second, and so on; the last value applies from then
/// on.
const RETRY_DELAYS: [i64; 6] = [30, 120, 600, 1_800, 3_600, 7_200];
/// The longest delay in seconds that is accepted from a provider: it leaves time for another attempt.
const MAX_RETRY_DELAY: i64 = 6 * 3_600;
/// A mail that could not be sent within this time is given up.
const RETRY_WINDOW: Millis = DAY;
/// How long a link for setting a password is valid.
const RESET_LINK_LIFETIME: Millis = 60 * 60 * 1_000;
/// How long a link for confirming an address is valid.
const VERIFY_LINK_LIFETIME: Millis = 7 * DAY;

/// Sends the unsent mails of one outbox row.
pub async fn deliver(env: &Env, id: i64, now: Millis) -> MessageOutcome {
    match try_deliver(env, id, now).await {
        Ok(outcome) => outcome,
        Err(error) => {
            log::error(&format!("mail {id}: {error:?}"));
            MessageOutcome::Retry { seconds: 30 }
        }
    }
}

async fn try_deliver(env: &Env, id: i64, now: Millis) -> Result<MessageOutcome, DbError> {
    let Ok(config) = config::load(env) else {
        return Ok(MessageOutcome::Retry { seconds: 300 });
    };
    let db = Db::open(env)?;
    let mut batch = Batch::new();
    let [claim, hold] = rows::claim(id, now);
    let claimed = batch.add::<IdRow>(claim);
    batch.extend([hold]);
    let letters = batch.add::<LetterJson>(rows::list_mails(id));
    let letters_in_copy = batch.add::<LetterJson>(copies::list(id));
    let found = db.batch(&batch).await?;
    if !found.has_row(claimed)? {
        return Ok(MessageOutcome::Done);
    }
    let mut found_letters = found.all(letters)?;
    found_letters.extend(found.all(letters_in_copy)?);
    let letters: Vec<OutboxMail> = found_letters
        .iter()
        .map(|row| serde_json::from_str(&row.j).map_err(|error| DbError::Other(error.to_string())))
        .collect::<Result<_, _>>()?;
    let sender = MailSender {
        env,
        config: &config,
        db: &db,
        row: id,
        now,
    };
    sender.send_all(&letters).await
}

#[derive(Deserialize)]
struct LetterJson {
    j: String,
}

/// The result of sending one mail.
enum SendOutcome {
    /// Finished; with `is_last`, its row is finished too.
    Finished { is_last: bool },
    /// May be sent after this many seconds.
    Postponed { seconds: i64 },
}

/// A sender that has claimed an outbox row.
struct MailSender<'a> {
    env: &'a Env,
    config: &'a Config,
    db: &'a Db,
    row: i64,
    now: Millis,
}

impl MailSender<'_> {
    /// Sends each mail, a few concurrently, and releases the row if some remain unsent.
    async fn send_all(&self, letters: &[OutboxMail]) -> Result<MessageOutcome, DbError> {
        let (mut is_over, mut pause) = (false, None);
        for some in letters.chunks(rows::SENT_AT_ONCE) {
            for outcome in join_all(some.iter().map(|letter| self.send_one(letter))).await {
                match outcome? {
                    SendOutcome::Finished { is_last } => is_over |= is_last,
                    SendOutcome::Postponed { seconds } => pause = pause.max(Some(seconds)),
                }
            }
        }
        if !is_over {
            let next = pause.map(|pause: i64| self.now.saturating_add(pause.saturating_mul(1_000)));
            self.db
                .batch(&[rows::delete_finished(self.row), rows::release(self.row, next)])
                .await?;
        }
        Ok(match pause {
            Some(pause) => MessageOutcome::Retry {
                seconds: u32::try_from(pause).unwrap_or(30),
            },
            None => MessageOutcome::Done,
        })
    }

    /// Sends one mail, if its recipient still exists and there is still something to report.
    async fn send_one(&self, letter: &OutboxMail) -> Result<SendOutcome, DbError> {
        let is_empty = letter.facts.kind == "digest" && letter.facts.entries.is_empty();
        if !letter.may || is_empty {
            return self.finish(letter, "dropped", None).await;
        }
        let (config, name) = (self.config, format!("mail {}.{}", letter.user_id, letter.id));
        let links = links(self.db, config, letter, self.now).await?;
        match send(self.env, &config.mail, &compose(config, letter, &links)).await {
            Ok(()) => self.finish(letter, "sent", None).await,
            Err(SendError::Permanent(why)) => {
                let state = if config.mail.transport == MailTransport::Off {
                    "dropped"
                } else {
                    "failed"
                };
                log::error(&format!("{name} is {state}: {why}"));
                self.finish(letter, state, Some(&why)).await
            }
            Err(SendError::Retryable(why, _))
                if self.now.saturating_sub(letter.created_at) > RETRY_WINDOW =>
            {
                log::error(&format!("{name} is given up: {why}"));
                self.finish(letter, "failed", Some(&why)).await
            }
            Err(SendError::Retryable(why, after)) => {
                log::error(&format!("{name} is left to a later attempt: {why}"));
                let step = usize::try_from(letter.attempts.saturating_sub(1)).unwrap_or_default();
                let pause = RETRY_DELAYS
                    .get(step.min(RETRY_DELAYS.len().saturating_sub(1)))
                    .copied()
                    .unwrap_or(30);
                let seconds = pause.max(after.map_or(0, i64::from)).min(MAX_RETRY_DELAY);
                Ok(SendOutcome::Postponed { seconds })
            }
        }
    }

    async fn finish(
        &self,
        letter: &OutboxMail,
        state: &str,
        error: Option<&str>,
    ) -> Result<SendOutcome, DbError> {
        let mut batch = Batch::new();
        let deleted = batch.add_last::<IdRow>(if letter.is_copy {
            copies::finish(self.row, &letter.email)
        } else {
            let notice = (letter.user_id, letter.id);
            rows::finish(self.row, notice, (state, error), self.now)
        });
        let is_last = self.db.batch(&batch).await?.has_row(deleted)?;
        Ok(SendOutcome::Finished { is_last })
    }
}

/// The link in the mail. A link that grants access is generated anew for each attempt, because only its hash is
/// stored.
async fn links(db: &Db, config: &Config, letter: &OutboxMail, now: Millis) -> Result<MailLinks, DbError> {
    let mail = &config.mail;
    let pages = mail.app_url.as_ref().unwrap_or(&mail.api_url);
    let action = match letter.facts.kind.as_str() {
        "password_reset" => {
            let token = ids::new_secret().map_err(DbError::Other)?;
            let until = now.saturating_add(RESET_LINK_LIFETIME);
            let hash = ids::hash_token(&token);
            db.batch(&[sessions::insert_reset_token(
                &hash,
                letter.user_id,
                &letter.email,
                now,
                until,
            )])
            .await?;
            Some(format!("{pages}/reset-password#token={token}"))
        }
        "verify_email" => {
            let until = now.saturating_add(VERIFY_LINK_LIFETIME);
            let word = format!("{}.{until}", letter.user_id);
            let token = mail.signer.sign("verify", &word, &caseless(&letter.email));
            Some(format!("{pages}/verify-email#token={token}"))
        }
        // Who is in copy may have no account.
        "copy" => None,
        _ => mail
            .app_url
            .as_ref()
            .zip(letter.facts.ticket.as_ref())
            .map(|(app, ticket)| format!("{app}/tickets/{}", ticket.number)),
    };
    Ok(MailLinks {
        action,
        rating: rating_url(config, letter),
        unsubscribe: can_unsubscribe(letter).then(|| unsubscribe_url(config, letter)),
        is_answerable: thread(letter).is_some() && mail.reply_to.is_some(),
    })
}

/// The page on which the requester rates the outcome, in mails about a status that finishes the ticket.
fn rating_url(config: &Config, letter: &OutboxMail) -> Option<String> {
    let is_finished = |status: &str| Status::parse(status).is_some_and(Status::is_done);
    let (ticket, entry) = (letter.facts.ticket.as_ref()?, letter.facts.entry.as_ref()?);
    let is_asked = letter.facts.kind == "status"
        && !letter.is_copy
        && ticket.requester_id == letter.user_id
        && is_finished(&ticket.status)
        && entry.new_status().is_some_and(is_finished);
    let resolution = RatedResolution {
        ticket_id: ticket.id,
        user_id: letter.user_id,
        resolved_at: ticket.resolved_at.filter(|_| is_asked)?,
    };
    let mail = &config.mail;
    Some(format!(
        "{}/rate#token={}",
        mail.api_url,
        resolution.sign(&mail.signer)
    ))
}

/// Some mails are requested by the recipient; all others have an unsubscribe link.
fn can_unsubscribe(letter: &OutboxMail) -> bool {
    !matches!(letter.facts.kind.as_str(), "password_reset" | "verify_email")
}

/// Unsubscribing from a copy takes the recipient out of the copy of the ticket; somebody else's preferences are never
/// changed. From a digest, it turns off the kind of notification that makes up most of it:
/// replies; from an acknowledgement turns off mails about the status.
fn unsubscribe_url(config: &Config, letter: &OutboxMail) -> String {
    let signer = &config.mail.signer;
    let page = format!("{}/api/v1/notifications/unsubscribe", config.mail.api_url);
    let is_elsewhere = letter.is_copy || letter.is_redirected;
    if let Some(ticket) = letter.facts.ticket.as_ref().filter(|_| is_elsewhere) {
        return format!(
            "{page}?token={}",
            copy_token::sign(signer, ticket.id, &letter.email)
        );
    }
    let kind = match letter.facts.kind.as_str() {
        "digest" => "reply",
        "acknowledgement" => "status",
        kind => kind,
    };
    let word = format!("{}.{kind}", letter.user_id);
    format!("{page}?token={}", signer.sign("unsubscribe", &word, ""))
}

/// The reply address of the mail. A reply to a mail that contains an internal note becomes an internal note.
fn thread(letter: &OutboxMail) -> Option<MailThread> {
    let mut entries = letter.facts.entry.iter().chain(&letter.facts.entries);
    let is_internal = entries.any(|entry| entry.is_internal);
    letter.facts.ticket.as_ref().map(|ticket| MailThread {
        ticket_id: ticket.id,
        user_id: letter.user_id,
        is_internal,
    })
}

/// What is the same at every attempt to send the mail: copies of a message have the same uid, so the address belongs to
/// it.
fn idempotency_key(letter: &OutboxMail) -> String {
    if !letter.is_copy {
        return letter.uid.clone();
    }
    let hash = ids::sha256_hex(letter.email.as_bytes());
    format!("{}-{}", letter.uid, hash.get(..16).unwrap_or_default())
}

/// The mail with its headers: it can be replied to, belongs to its ticket's thread, and has a one-click unsubscribe
/// (RFC 8058). It is marked as automatically generated (RFC 3834), so that other programs do not reply to it.
fn compose<'a>(config: &Config, letter: &'a OutboxMail, links: &MailLinks) -> Sealed<'a> {
    // An acknowledgement is an answer, which nobody's program answers in turn.
    let how = match letter.facts.kind.as_str() {
        "acknowledgement" => "auto-replied",
        _ => "auto-generated",
    };
    let mut headers = vec![("Auto-Submitted", how.to_owned())];
    let mut reply_to = None;
    if let (Some(address), Some(thread)) = (&config.mail.reply_to, thread(letter)) {
        reply_to = Some(if letter.is_copy {
            address.address_for_copy(thread.ticket_id, &letter.email)
        } else {
            address.address_for(thread)
        });
        // The same value for all mails of the ticket, so that mail programs group them.
        let root = MailThread {
            is_internal: false,
            ..thread
        };
        let first = address.message_id_for(root, 0);
        headers.push(("Message-ID", address.message_id_for(thread, letter.id)));
        headers.push(("In-Reply-To", first.clone()));
        headers.push(("References", first));
    }
    if let Some(url) = &links.unsubscribe {
        headers.push(("List-Unsubscribe", format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let words = outgoing::render(&letter.facts, links);
    Sealed {
        uid: idempotency_key(letter),
        to: &letter.email,
        subject: words.subject,
        text: words.text,
        html: words.html,
        reply_to,
        headers,
    }
}
