//! Revoked tokens, in KV.
//!
//! KV is fast but eventually consistent, so it only adds to the check of the session in D1, which decides. Each answer
//! is cached in the isolate for 30 s, which is also how long KV's own cache may be outdated.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::desk::Millis;

const CACHE_TTL: Millis = 30_000;
const MAX_CACHED: usize = 10_000;
/// KV refuses a shorter TTL.
const MIN_TTL_SECONDS: i64 = 60;

thread_local! {
    static SEEN: RefCell<HashMap<String, (bool, Millis)>> = RefCell::new(HashMap::new());
}

/// Whether a token was revoked. `None` when KV failed.
pub async fn is_revoked(env: &worker::Env, jti: &str, now: Millis) -> Option<bool> {
    let known = SEEN.with_borrow(|seen| {
        seen.get(jti)
            .filter(|(_, until)| now < *until)
            .map(|(answer, _)| *answer)
    });
    if known.is_some() {
        return known;
    }
    let answer = env.kv("KV").ok()?.get(&key(jti)).text().await.ok()?.is_some();
    remember(jti, answer, now);
    Some(answer)
}

/// Revokes a token until it expires (`expires` in seconds since 1970).
///
/// # Errors
/// KV's error, to be logged: the session in D1 has already ended, so the token is refused anyway.
pub async fn revoke(env: &worker::Env, jti: &str, expires: i64, now: Millis) -> Result<(), String> {
    remember(jti, true, now);
    let left = expires.saturating_sub(now.div_euclid(1_000)).max(MIN_TTL_SECONDS);
    let kv = env.kv("KV").map_err(|error| error.to_string())?;
    let put = kv.put(&key(jti), "1").map_err(|error| error.to_string())?;
    put.expiration_ttl(left.unsigned_abs())
        .execute()
        .await
        .map_err(|error| error.to_string())
}

fn key(jti: &str) -> String {
    format!("revoked:{jti}")
}

fn remember(jti: &str, answer: bool, now: Millis) {
    SEEN.with_borrow_mut(|seen| {
        if seen.len() >= MAX_CACHED {
            seen.retain(|_, (_, until)| now < *until);
        }
        if seen.len() < MAX_CACHED {
            seen.insert(jti.to_owned(), (answer, now.saturating_add(CACHE_TTL)));
        }
    });
}

/// Whether KV responds.
pub async fn is_healthy(env: &worker::Env) -> bool {
    match env.kv("KV") {
        Ok(kv) => kv.get("revoked:none").text().await.is_ok(),
        Err(_) => false,
    }
}
