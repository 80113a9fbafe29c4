//! Sends webhook deliveries: those of one endpoint one after the other.
//!
//! A delivery is sent at least once. If a sender dies between sending and recording the result, the delivery is sent
//! again under the same `webhook-id` when its lease has expired.

use crate::app::dispatch;
use crate::desk::webhooks::delivery::{
    DeliveryAttempt, DeliveryState, RetryDecision, disable_reason, retry_decision,
};
use crate::desk::webhooks::endpoint_url::{self, Host, UrlPolicy};
use crate::desk::{MINUTE, Millis};
use crate::edge::config::{self, Config};
use crate::edge::db::{Answers, Batch, Db, DbError};
use crate::edge::fetch::{FetchError, FetchRequest, send};
use crate::edge::queue::MessageOutcome;
use crate::edge::{Env, clock, ids, log};
use crate::http::webhook_signature::{SignedContent, sign};
use crate::jobs::dns;
use crate::store::dispatch::{self as dispatch_rows, Dispatch, DispatchKind};
use crate::store::webhooks::sending::{self as rows, AttemptResult, ClaimedDelivery};

/// Maximum number of deliveries per queue message, and the maximum time spent on them; another message continues.
const MAX_DELIVERIES: usize = 20;
const TIME_BUDGET: Millis = 25_000;
/// Timeout of one attempt, in milliseconds.
const TIMEOUT_MS: u32 = 10_000;
/// How many bytes of a response are stored.
const MAX_RESPONSE_BYTES: usize = 500;

/// Sends the deliveries that are due to an endpoint, unless another sender is already doing so.
pub async fn deliver(env: &Env, webhook: i64, now: Millis) -> MessageOutcome {
    let Ok(config) = config::load(env) else {
        return MessageOutcome::Retry { seconds: 300 };
    };
    match send_due(env, &config, webhook, now).await {
        Ok(()) => MessageOutcome::Done,
        Err(error) => {
            log::error(&format!("webhook {webhook}: {error:?}"));
            MessageOutcome::Retry { seconds: 30 }
        }
    }
}

async fn send_due(env: &Env, config: &Config, webhook: i64, now: Millis) -> Result<(), DbError> {
    let db = Db::open(env)?;
    let began = clock::now();
    let elapsed = || clock::now().saturating_sub(began);
    let hook = Dispatch {
        what: DispatchKind::Hook,
        id: webhook,
    };
    let mut last: Option<(ClaimedDelivery, AttemptResult)> = None;
    for _ in 0..MAX_DELIVERIES {
        if elapsed() > TIME_BUDGET {
            break;
        }
        let at = now.saturating_add(elapsed());
        let lease = ids::new_uid(at).map_err(DbError::Other)?;
        let mut batch = record(last.as_ref());
        let held = batch.add_last::<ClaimedDelivery>(rows::claim(webhook, &lease, at));
        let found = commit(env, &db, last.as_ref(), batch).await?;
        let Some(held) = found.first(held)? else {
            return requeue(env, hook, last.map(|(_, report)| report), at).await;
        };
        let report = try_delivery(config, &held, now, &elapsed).await?;
        last = Some((held, report));
    }
    if last.is_some() {
        commit(env, &db, last.as_ref(), record(last.as_ref())).await?;
    }
    dispatch::send(env, vec![hook]).await;
    Ok(())
}

/// Starts a batch with the result of the last attempt.
fn record(last: Option<&(ClaimedDelivery, AttemptResult)>) -> Batch {
    last.map_or_else(Batch::new, |(held, report)| {
        rows::record_attempt(held, report).into()
    })
}

/// Runs a batch that starts with [`record`], and dispatches the notifications if the endpoint is being disabled.
async fn commit(
    env: &Env,
    db: &Db,
    last: Option<&(ClaimedDelivery, AttemptResult)>,
    batch: Batch,
) -> Result<Answers, DbError> {
    let Some((_, report)) = last.filter(|(_, report)| report.disable.is_some()) else {
        return db.batch(&batch).await;
    };
    let (found, dispatches) = dispatch_rows::commit(db, batch, report.now).await?;
    dispatch::send(env, dispatches).await;
    Ok(found)
}

/// Queues a failed delivery whose next attempt is due within a minute; the cron job finds those that wait longer.
async fn requeue(env: &Env, hook: Dispatch, last: Option<AttemptResult>, now: Millis) -> Result<(), DbError> {
    let wait = last
        .filter(|report| report.state == DeliveryState::Pending)
        .map(|report| report.next_attempt_at.saturating_sub(now))
        .filter(|wait| *wait < MINUTE);
    if let Some(wait) = wait {
        let seconds = u32::try_from(wait.saturating_add(999) / 1_000).unwrap_or_default();
        dispatch::send_later(env, hook, seconds).await;
    }
    Ok(())
}

/// The response of the endpoint, or why there was none.
#[derive(Default)]
struct Response {
    status: Option<u16>,
    retry_after: Option<u32>,
    error: Option<String>,
    response: Option<String>,
}

impl Response {
    fn failed(why: impl Into<String>) -> Response {
        Response {
            error: Some(why.into()),
            ..Response::default()
        }
    }
}

async fn try_delivery(
    config: &Config,
    held: &ClaimedDelivery,
    now: Millis,
    elapsed: &dyn Fn() -> Millis,
) -> Result<AttemptResult, DbError> {
    let began = now.saturating_add(elapsed());
    let Some(body) = &held.body else {
        return Ok(AttemptResult {
            state: DeliveryState::Cancelled,
            next_attempt_at: began,
            status: None,
            error: Some("there is nothing to tell any more".to_owned()),
            duration_ms: 0,
            response: None,
            disable: None,
            now: began,
        });
    };
    let came = send_request(config, held, body, began).await;
    let ended = now.saturating_add(elapsed());
    let [jitter] = ids::random_bytes::<1>().map_err(DbError::Other)?;
    let verdict = retry_decision(
        &DeliveryAttempt {
            status: came.status,
            retry_after: came.retry_after,
            number: held.attempts,
            created_at: held.created_at,
            jitter,
        },
        ended,
    );
    let (state, next_attempt_at) = match verdict {
        RetryDecision::Delivered => (DeliveryState::Delivered, ended),
        RetryDecision::RetryAt(at) => (DeliveryState::Pending, at),
        RetryDecision::Expired | RetryDecision::Gone => (DeliveryState::Failed, ended),
    };
    Ok(AttemptResult {
        state,
        next_attempt_at,
        status: came.status,
        disable: disable_reason(verdict, came.error.as_deref().unwrap_or_default()),
        error: came.error,
        duration_ms: ended.saturating_sub(began),
        response: came.response,
        now: ended,
    })
}

/// Sends one delivery. The target was checked when the endpoint was created, and is checked again here because host
/// names may resolve to other addresses by now.
async fn send_request(config: &Config, held: &ClaimedDelivery, body: &str, now: Millis) -> Response {
    let own_hosts: Vec<String> = endpoint_url::host_of(&config.mail.api_url).into_iter().collect();
    let terms = UrlPolicy {
        allow_loopback: config.webhooks.allow_loopback,
        own_hosts: &own_hosts,
    };
    let endpoint = match endpoint_url::parse(&held.url, terms) {
        Ok(endpoint) => endpoint,
        Err(why) => return Response::failed(format!("the URL {why}")),
    };
    if let (Host::Name(name), Some(dns)) = (&endpoint.host, &config.webhooks.dns)
        && let Err(why) = dns::require_public(dns, name).await
    {
        return Response::failed(why);
    }
    let seconds = now / 1_000;
    let secrets: Vec<&str> = std::iter::once(held.secret.as_str())
        .chain(held.old_secret.as_deref())
        .collect();
    let signature = sign(
        &secrets,
        &SignedContent {
            id: &held.message_id,
            seconds,
            body,
        },
    );
    let sent = FetchRequest {
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
        max_bytes: MAX_RESPONSE_BYTES,
    };
    match send(&sent).await {
        Ok(answer) => Response {
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
            // SQLite treats a NUL character as the end of a text.
            response: Some(answer.body.replace('\0', "")),
        },
        Err(FetchError::Timeout) => Response::failed("it did not answer within 10 seconds"),
        Err(FetchError::Network(why)) => {
            log::error(&format!("webhook {}: {why}", held.webhook_id));
            Response::failed("it could not be reached")
        }
    }
}
