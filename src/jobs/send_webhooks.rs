//! Webhooks on their way: one endpoint's deliveries, one after the other.
//!
//! A delivery is sent at least once. A sender that dies between sending and reporting leaves one that is sent again
//! under the same `webhook-id` when its lease is over.

use crate::app::dispatch;
use crate::desk::webhooks::delivery::{Attempt, State, Verdict, judge, reason};
use crate::desk::webhooks::endpoint_url::{self, Host, Terms};
use crate::desk::{MINUTE, Millis};
use crate::edge::config::{self, Config};
use crate::edge::db::{Db, DbError, Rows, Stmt};
use crate::edge::fetch::{Ask, Failed, ask};
use crate::edge::queue::Outcome;
use crate::edge::{Env, clock, ids, log};
use crate::http::webhook_signature::{Signed, sign};
use crate::jobs::dns;
use crate::store::dispatch::{self as dispatch_rows, Due, What};
use crate::store::webhooks::deliveries::{self as rows, Held, Report};

/// Deliveries that one message of the queue brings about at most, and for how long: another message goes on.
const TURNS: usize = 20;
const SHIFT: Millis = 25_000;
/// For one attempt, milliseconds.
const TIMEOUT_MS: u32 = 10_000;
/// Bytes of an answer that are kept.
const KEPT_BYTES: usize = 500;

/// Sends what is due to an endpoint, unless somebody else is at it.
pub async fn deliver(env: &Env, webhook: i64, now: Millis) -> Outcome {
    let Ok(config) = config::load(env) else {
        return Outcome::Again { seconds: 300 };
    };
    match send_all(env, &config, webhook, now).await {
        Ok(()) => Outcome::Done,
        Err(error) => {
            log::log(&format!("webhook {webhook}: {error:?}"));
            Outcome::Again { seconds: 30 }
        }
    }
}

async fn send_all(env: &Env, config: &Config, webhook: i64, now: Millis) -> Result<(), DbError> {
    let db = Db::open(env)?;
    let began = clock::now();
    let elapsed = || clock::now().saturating_sub(began);
    let hook = Due {
        what: What::Hook,
        id: webhook,
    };
    let mut done: Vec<Stmt> = Vec::new();
    let mut next: Option<Millis> = None;
    for _ in 0..TURNS {
        if elapsed() > SHIFT {
            break;
        }
        let at = now.saturating_add(elapsed());
        let lease = ids::uid(at).map_err(DbError::Other)?;
        done.extend(rows::take(webhook, &lease, at));
        let found = commit(env, &db, std::mem::take(&mut done)).await?;
        let held: Option<Held> = match found.last() {
            Some(rows) => rows.first()?,
            None => None,
        };
        let Some(held) = held else {
            return later(env, hook, next, at).await;
        };
        let report = attempt(config, &held, now, &elapsed).await?;
        next = (report.state == State::Pending).then_some(report.next_attempt_at);
        done = rows::finish(&held, &report);
    }
    commit(env, &db, done).await?;
    dispatch::tell(env, vec![hook]).await;
    Ok(())
}

/// Keeps the statements, tells of what follows from them, and gives their rows.
async fn commit(env: &Env, db: &Db, mut stmts: Vec<Stmt>) -> Result<Vec<Rows>, DbError> {
    stmts.push(dispatch_rows::take());
    let mut found = db.batch(&stmts).await?;
    if let Some(rows) = found.pop() {
        dispatch::tell(env, rows.all()?).await;
    }
    Ok(found)
}

/// Comes back for what is to be tried again soon; what takes longer, the clock finds.
async fn later(env: &Env, hook: Due, next: Option<Millis>, now: Millis) -> Result<(), DbError> {
    let wait = next
        .map(|next| next.saturating_sub(now))
        .filter(|wait| *wait < MINUTE);
    if let Some(wait) = wait {
        let seconds = u32::try_from(wait.saturating_add(999) / 1_000).unwrap_or_default();
        dispatch::later(env, hook, seconds).await;
    }
    Ok(())
}

/// What the other side said, or why it said nothing.
#[derive(Default)]
struct Came {
    status: Option<u16>,
    retry_after: Option<u32>,
    error: Option<String>,
    response: Option<String>,
}

impl Came {
    fn nothing(why: impl Into<String>) -> Came {
        Came {
            error: Some(why.into()),
            ..Came::default()
        }
    }
}

async fn attempt(
    config: &Config,
    held: &Held,
    now: Millis,
    elapsed: &dyn Fn() -> Millis,
) -> Result<Report, DbError> {
    let began = now.saturating_add(elapsed());
    let Some(body) = &held.body else {
        return Ok(Report {
            state: State::Cancelled,
            next_attempt_at: began,
            status: None,
            error: Some("there is nothing to tell any more".to_owned()),
            duration_ms: 0,
            response: None,
            disable: None,
            now: began,
        });
    };
    let came = call(config, held, body, began).await;
    let ended = now.saturating_add(elapsed());
    let [chance] = ids::random::<1>().map_err(DbError::Other)?;
    let verdict = judge(
        &Attempt {
            status: came.status,
            retry_after: came.retry_after,
            number: held.attempts,
            created_at: held.created_at,
            chance,
        },
        ended,
    );
    let (state, next_attempt_at) = match verdict {
        Verdict::Delivered => (State::Delivered, ended),
        Verdict::Again(at) => (State::Pending, at),
        Verdict::Expired | Verdict::Gone => (State::Failed, ended),
    };
    Ok(Report {
        state,
        next_attempt_at,
        status: came.status,
        disable: reason(verdict, came.error.as_deref().unwrap_or_default()),
        error: came.error,
        duration_ms: ended.saturating_sub(began),
        response: came.response,
        now: ended,
    })
}

/// Sends one delivery. Where it goes was checked when the endpoint was made, and is checked again: names may lead
/// elsewhere by now.
async fn call(config: &Config, held: &Held, body: &str, now: Millis) -> Came {
    let own: Vec<String> = endpoint_url::host_of(&config.mail.api_url).into_iter().collect();
    let terms = Terms {
        allow_loopback: config.webhooks.allow_loopback,
        own: &own,
    };
    let endpoint = match endpoint_url::read(&held.url, terms) {
        Ok(endpoint) => endpoint,
        Err(why) => return Came::nothing(format!("the URL {why}")),
    };
    if let (Host::Name(name), Some(dns)) = (&endpoint.host, &config.webhooks.dns)
        && let Err(why) = dns::check(dns, name).await
    {
        return Came::nothing(why);
    }
    let seconds = now / 1_000;
    let secrets: Vec<&str> = std::iter::once(held.secret.as_str())
        .chain(held.old_secret.as_deref())
        .collect();
    let signature = sign(
        &secrets,
        &Signed {
            id: &held.message_id,
            seconds,
            body,
        },
    );
    let sent = Ask {
        method: "POST",
        url: &endpoint.url,
        headers: &[
            ("content-type", "application/json"),
            ("user-agent", "Edgedesk-Webhooks/1"),
            ("webhook-id", &held.message_id),
            ("webhook-timestamp", &seconds.to_string()),
            ("webhook-signature", &signature),
        ],
        body: Some(body),
        timeout_ms: TIMEOUT_MS,
        most: KEPT_BYTES,
    };
    match ask(&sent).await {
        Ok(answer) => Came {
            status: Some(answer.status),
            retry_after: answer.retry_after,
            error: match answer.status {
                200..=299 => None,
                300..=399 => Some(format!(
                    "it answered {}: redirects are not followed",
                    answer.status
                )),
                status => Some(format!("it answered {status}")),
            },
            // SQLite's text ends at the first of these.
            response: Some(answer.body.replace('\0', "")),
        },
        Err(Failed::Timeout) => Came::nothing("it did not answer within 10 seconds"),
        Err(Failed::Network(why)) => {
            log::log(&format!("webhook {}: {why}", held.webhook_id));
            Came::nothing("it could not be reached")
        }
    }
}
