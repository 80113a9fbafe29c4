//! Mails out of the outbox: claimed, written, sent, and marked.
//!
//! A mail is sent at least once. A sender that dies between sending and marking leaves one that is sent again, with
//! the same Message-ID, and to a provider with the same idempotency key.

use serde::Deserialize;

use crate::desk::mail::outgoing::{self, Links};
use crate::desk::mail::reply_address::Thread;
use crate::desk::{DAY, Millis};
use crate::edge::config::{self, Config};
use crate::edge::db::{Db, DbError};
use crate::edge::outgoing_mail::{Letter as Sealed, Refused, send};
use crate::edge::queue::Outcome;
use crate::edge::{Env, ids, log};
use crate::store::mail::outbox::{self as rows, Letter};
use crate::store::sessions;

/// Seconds until the next attempt, after the first, the second ...; the last one from then on.
const PAUSES: [i64; 6] = [30, 120, 600, 1_800, 3_600, 7_200];
/// The longest pause that a provider may ask for, seconds: there is time for another attempt after it.
const LONGEST_PAUSE: i64 = 6 * 3_600;
/// A mail that could not be sent for so long is given up.
const GIVEN_UP_AFTER: Millis = DAY;
/// How long a link to set a password works.
const RESET_VALID: Millis = 60 * 60 * 1_000;
/// How long a link to confirm an address works.
const VERIFY_VALID: Millis = 7 * DAY;

/// Sends one mail, if it is still to be sent.
pub async fn deliver(env: &Env, id: i64, now: Millis) -> Outcome {
    match attempt(env, id, now).await {
        Ok(outcome) => outcome,
        Err(error) => {
            log::log(&format!("mail {id}: {error:?}"));
            Outcome::Again { seconds: 30 }
        }
    }
}

async fn attempt(env: &Env, id: i64, now: Millis) -> Result<Outcome, DbError> {
    #[derive(Deserialize)]
    struct Claimed {
        held: i64,
    }
    let Ok(config) = config::load(env) else {
        return Ok(Outcome::Again { seconds: 300 });
    };
    let db = Db::open(env)?;
    let found = db.batch(&[rows::claim(id, now), rows::letter(id)]).await?;
    let [claimed, letter] = found.as_slice() else {
        return Ok(Outcome::Done);
    };
    if claimed
        .first::<Claimed>()?
        .is_none_or(|claimed| claimed.held == 1)
    {
        return Ok(Outcome::Done);
    }
    let letter: Letter = match letter.text()? {
        Some(text) => serde_json::from_str(&text).map_err(|error| DbError::Other(error.to_string()))?,
        None => return Ok(Outcome::Done),
    };
    let is_empty = letter.facts.kind == "digest" && letter.facts.entries.is_empty();
    if !letter.may || is_empty {
        db.batch(&[rows::end(id, "dropped", None, now)]).await?;
        return Ok(Outcome::Done);
    }
    let links = links(&db, &config, &letter, now).await?;
    match send(env, &config.mail, &sealed(&config, &letter, &links)).await {
        Ok(()) => {
            db.batch(&[rows::end(id, "sent", None, now)]).await?;
            Ok(Outcome::Done)
        }
        Err(Refused::Never(why)) => {
            let state = if config.mail.way == crate::edge::config::mail::Way::Off {
                "dropped"
            } else {
                "failed"
            };
            db.batch(&[rows::end(id, state, Some(&why), now)]).await?;
            Ok(Outcome::Done)
        }
        Err(Refused::Later(why, _)) if now.saturating_sub(letter.created_at) > GIVEN_UP_AFTER => {
            log::log(&format!("mail {id} is given up: {why}"));
            db.batch(&[rows::end(id, "failed", Some(&why), now)]).await?;
            Ok(Outcome::Done)
        }
        Err(Refused::Later(why, after)) => {
            let step = usize::try_from(letter.attempts.saturating_sub(1)).unwrap_or_default();
            let pause = PAUSES
                .get(step.min(PAUSES.len().saturating_sub(1)))
                .copied()
                .unwrap_or(30);
            let pause = pause.max(after.map_or(0, i64::from)).min(LONGEST_PAUSE);
            let next = now.saturating_add(pause.saturating_mul(1_000));
            db.batch(&[rows::postpone(id, &why, next)]).await?;
            let seconds = u32::try_from(pause).unwrap_or(30);
            Ok(Outcome::Again { seconds })
        }
    }
}

/// Where the mail leads. A link that lets somebody in is made at every attempt anew: only its hash is kept.
async fn links(db: &Db, config: &Config, letter: &Letter, now: Millis) -> Result<Links, DbError> {
    let mail = &config.mail;
    let pages = mail.app_url.as_ref().unwrap_or(&mail.api_url);
    let action = match letter.facts.kind.as_str() {
        "password_reset" => {
            let token = ids::secret().map_err(DbError::Other)?;
            let until = now.saturating_add(RESET_VALID);
            let hash = ids::token_hash(&token);
            db.batch(&[sessions::allow_reset(
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
            let until = now.saturating_add(VERIFY_VALID);
            let word = format!("{}.{until}", letter.user_id);
            let token = mail.sealer.seal("verify", &word, &letter.email.to_lowercase());
            Some(format!("{pages}/verify-email#token={token}"))
        }
        _ => mail
            .app_url
            .as_ref()
            .zip(letter.facts.ticket.as_ref())
            .map(|(app, ticket)| format!("{app}/tickets/{}", ticket.number)),
    };
    Ok(Links {
        action,
        unsubscribe: is_of_choice(letter).then(|| unsubscribe(config, letter)),
        is_answerable: thread(letter).is_some() && mail.reply_to.is_some(),
    })
}

/// People ask for some mails themselves; all others can be stopped.
fn is_of_choice(letter: &Letter) -> bool {
    !matches!(letter.facts.kind.as_str(), "password_reset" | "verify_email")
}

/// A digest stops with the kind that fills it most: answers.
fn unsubscribe(config: &Config, letter: &Letter) -> String {
    let kind = match letter.facts.kind.as_str() {
        "digest" => "reply",
        kind => kind,
    };
    let word = format!("{}.{kind}", letter.user_id);
    let token = config.mail.sealer.seal("unsubscribe", &word, "");
    format!(
        "{}/api/v1/notifications/unsubscribe?token={token}",
        config.mail.api_url
    )
}

/// Where the mail is answered. What answers a mail with a note in it is a note.
fn thread(letter: &Letter) -> Option<Thread> {
    let mut entries = letter.facts.entry.iter().chain(&letter.facts.entries);
    let is_internal = entries.any(|entry| entry.is_internal);
    letter.facts.ticket.as_ref().map(|ticket| Thread {
        ticket_id: ticket.id,
        user_id: letter.user_id,
        is_internal,
    })
}

/// The mail with its headers: it can be answered, stands in its ticket's thread, and can be stopped with one click
/// (RFC 8058). It says that a program wrote it (RFC 3834), so that no other program answers.
fn sealed<'a>(config: &Config, letter: &'a Letter, links: &Links) -> Sealed<'a> {
    let mut headers = vec![("Auto-Submitted", "auto-generated".to_owned())];
    let mut reply_to = None;
    if let (Some(address), Some(thread)) = (&config.mail.reply_to, thread(letter)) {
        reply_to = Some(address.address(thread));
        // One for all mails of the ticket, so that programs show them together.
        let root = Thread {
            is_internal: false,
            ..thread
        };
        let first = address.message_id(root, 0);
        headers.push(("Message-ID", address.message_id(thread, letter.id)));
        headers.push(("In-Reply-To", first.clone()));
        headers.push(("References", first));
    }
    if let Some(url) = &links.unsubscribe {
        headers.push(("List-Unsubscribe", format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let words = outgoing::write(&letter.facts, links);
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
