//! Mails out of the outbox: claimed, written, sent, and marked.
//!
//! A mail is sent at least once. A sender that dies between sending and marking leaves one that is sent again, with
//! the same Message-ID, and to a provider with the same idempotency key.

use serde::Deserialize;

use crate::desk::mail::outgoing::{self, MailLinks};
use crate::desk::mail::reply_address::MailThread;
use crate::desk::{DAY, Millis};
use crate::edge::config::{self, Config};
use crate::edge::db::{Batch, Db, DbError};
use crate::edge::mail::outgoing::{OutgoingMail as Sealed, SendError, send};
use crate::edge::queue::MessageOutcome;
use crate::edge::{Env, ids, log};
use crate::store::mail::outbox::{self as rows, OutboxMail};
use crate::store::sessions;

/// Seconds until the next attempt, after the first, the second ...; the last one from then on.
const RETRY_DELAYS: [i64; 6] = [30, 120, 600, 1_800, 3_600, 7_200];
/// The longest pause that a provider may ask for, seconds: there is time for another attempt after it.
const MAX_RETRY_DELAY: i64 = 6 * 3_600;
/// A mail that could not be sent for so long is given up.
const RETRY_WINDOW: Millis = DAY;
/// How long a link to set a password works.
const RESET_LINK_LIFETIME: Millis = 60 * 60 * 1_000;
/// How long a link to confirm an address works.
const VERIFY_LINK_LIFETIME: Millis = 7 * DAY;

/// Sends one mail, if it is still to be sent.
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
    #[derive(Deserialize)]
    struct ClaimRow {
        held: i64,
    }
    let Ok(config) = config::load(env) else {
        return Ok(MessageOutcome::Retry { seconds: 300 });
    };
    let db = Db::open(env)?;
    let mut batch = Batch::new();
    let claim = batch.add::<ClaimRow>(rows::claim(id, now));
    let letter = batch.add(rows::find_mail(id));
    let found = db.batch(&batch).await?;
    if found.first(claim)?.is_none_or(|claim| claim.held == 1) {
        return Ok(MessageOutcome::Done);
    }
    let letter: OutboxMail = match found.text(letter)? {
        Some(text) => serde_json::from_str(&text).map_err(|error| DbError::Other(error.to_string()))?,
        None => return Ok(MessageOutcome::Done),
    };
    let is_empty = letter.facts.kind == "digest" && letter.facts.entries.is_empty();
    if !letter.may || is_empty {
        db.batch(&[rows::finish(id, "dropped", None, now)]).await?;
        return Ok(MessageOutcome::Done);
    }
    let links = links(&db, &config, &letter, now).await?;
    match send(env, &config.mail, &compose(&config, &letter, &links)).await {
        Ok(()) => {
            db.batch(&[rows::finish(id, "sent", None, now)]).await?;
            Ok(MessageOutcome::Done)
        }
        Err(SendError::Permanent(why)) => {
            let state = if config.mail.transport == crate::edge::config::mail::MailTransport::Off {
                "dropped"
            } else {
                "failed"
            };
            db.batch(&[rows::finish(id, state, Some(&why), now)]).await?;
            Ok(MessageOutcome::Done)
        }
        Err(SendError::Retryable(why, _)) if now.saturating_sub(letter.created_at) > RETRY_WINDOW => {
            log::error(&format!("mail {id} is given up: {why}"));
            db.batch(&[rows::finish(id, "failed", Some(&why), now)]).await?;
            Ok(MessageOutcome::Done)
        }
        Err(SendError::Retryable(why, after)) => {
            let step = usize::try_from(letter.attempts.saturating_sub(1)).unwrap_or_default();
            let pause = RETRY_DELAYS
                .get(step.min(RETRY_DELAYS.len().saturating_sub(1)))
                .copied()
                .unwrap_or(30);
            let pause = pause.max(after.map_or(0, i64::from)).min(MAX_RETRY_DELAY);
            let next = now.saturating_add(pause.saturating_mul(1_000));
            db.batch(&[rows::postpone(id, &why, next)]).await?;
            let seconds = u32::try_from(pause).unwrap_or(30);
            Ok(MessageOutcome::Retry { seconds })
        }
    }
}

/// Where the mail leads. A link that lets somebody in is made at every attempt anew: only its hash is kept.
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
            let token = mail.signer.sign("verify", &word, &letter.email.to_lowercase());
            Some(format!("{pages}/verify-email#token={token}"))
        }
        _ => mail
            .app_url
            .as_ref()
            .zip(letter.facts.ticket.as_ref())
            .map(|(app, ticket)| format!("{app}/tickets/{}", ticket.number)),
    };
    Ok(MailLinks {
        action,
        unsubscribe: can_unsubscribe(letter).then(|| unsubscribe_url(config, letter)),
        is_answerable: thread(letter).is_some() && mail.reply_to.is_some(),
    })
}

/// People ask for some mails themselves; all others can be stopped.
fn can_unsubscribe(letter: &OutboxMail) -> bool {
    !matches!(letter.facts.kind.as_str(), "password_reset" | "verify_email")
}

/// A digest stops with the kind that fills it most: answers.
fn unsubscribe_url(config: &Config, letter: &OutboxMail) -> String {
    let kind = match letter.facts.kind.as_str() {
        "digest" => "reply",
        kind => kind,
    };
    let word = format!("{}.{kind}", letter.user_id);
    let token = config.mail.signer.sign("unsubscribe", &word, "");
    format!(
        "{}/api/v1/notifications/unsubscribe?token={token}",
        config.mail.api_url
    )
}

/// Where the mail is answered. What answers a mail with a note in it is a note.
fn thread(letter: &OutboxMail) -> Option<MailThread> {
    let mut entries = letter.facts.entry.iter().chain(&letter.facts.entries);
    let is_internal = entries.any(|entry| entry.is_internal);
    letter.facts.ticket.as_ref().map(|ticket| MailThread {
        ticket_id: ticket.id,
        user_id: letter.user_id,
        is_internal,
    })
}

/// The mail with its headers: it can be answered, stands in its ticket's thread, and can be stopped with one click
/// (RFC 8058). It says that a program wrote it (RFC 3834), so that no other program answers.
fn compose<'a>(config: &Config, letter: &'a OutboxMail, links: &MailLinks) -> Sealed<'a> {
    let mut headers = vec![("Auto-Submitted", "auto-generated".to_owned())];
    let mut reply_to = None;
    if let (Some(address), Some(thread)) = (&config.mail.reply_to, thread(letter)) {
        reply_to = Some(address.address_for(thread));
        // One for all mails of the ticket, so that programs show them together.
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
        uid: &letter.uid,
        to: &letter.email,
        subject: words.subject,
        text: words.text,
        html: words.html,
        reply_to,
        headers,
    }
}
