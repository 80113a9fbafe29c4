//! What is promised of every answer, checked on every answer that any story receives.

use std::cell::Cell;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::answer::Answer;
use super::client::Role;
use super::{Value, make, openapi};

/// One answer and what led to it.
pub struct Sight<'a> {
    pub by: Role,
    pub method: &'a str,
    pub target: &'a str,
    pub headers: &'a [(String, String)],
    /// Whether the request belongs to the published API.
    pub documented: bool,
    /// Whether a 5xx would be a failure.
    pub calm: bool,
    pub answer: &'a Answer,
}

impl Sight<'_> {
    #[track_caller]
    pub fn check(&self) {
        let answer = self.answer;
        if self.calm && answer.status() >= 500 {
            answer.fail("the server failed");
        }
        if (300..400).contains(&answer.status()) && answer.status() != 304 {
            answer.fail("nothing is answered with a redirect");
        }
        self.headers();
        if answer.status() >= 400 && self.method != "HEAD" {
            self.envelope();
        }
        if self.by <= Role::Customer {
            self.no_canary();
        }
        if self.documented && self.method != "HEAD" && self.method != "OPTIONS" {
            openapi::check(self.method, self.target, answer);
        }
    }

    #[track_caller]
    fn headers(&self) {
        let answer = self.answer;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age="),
            ("referrer-policy", ""),
            ("content-security-policy", ""),
            ("x-request-id", ""),
        ] {
            match answer.header(name) {
                Some(have) if have.contains(value) && !have.is_empty() => {}
                _ => answer.fail(&format!("expected the header {name}: {value}")),
            }
        }
        let signed_in = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let no_store = answer
            .header("cache-control")
            .is_some_and(|value| value.contains("no-store"));
        if signed_in && self.documented && !is_page(self.target) && self.method != "OPTIONS" && !no_store {
            answer.fail("private data must not be stored");
        }
        if answer.header("access-control-allow-origin") == Some("*")
            && answer.header("access-control-allow-credentials").is_some()
        {
            answer.fail("credentials for every origin");
        }
        if answer.status() == 401
            && !answer
                .header("www-authenticate")
                .is_some_and(|it| it.starts_with("Bearer"))
        {
            answer.fail("a 401 asks for a Bearer token");
        }
        if answer.status() == 405 && answer.header("allow").is_none_or(str::is_empty) {
            answer.fail("a 405 says what is allowed");
        }
    }

    /// The error envelope, or RFC 9457 when it was asked for.
    #[track_caller]
    fn envelope(&self) {
        let answer = self.answer;
        let accept = self
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("accept"));
        let problem = accept.is_some_and(|(_, value)| value.contains("application/problem+json"));
        let kind = answer.header("content-type").unwrap_or_default();
        let body = answer.json();
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        let mut broken = Vec::new();
        if problem {
            if !kind.starts_with("application/problem+json") {
                broken.push("content-type".to_owned());
            }
            for key in ["type", "title", "detail", "code"] {
                if text(key).is_empty() {
                    broken.push(key.to_owned());
                }
            }
            if body["status"] != answer.status() {
                broken.push("status".to_owned());
            }
        } else {
            if !kind.starts_with("application/json") {
                broken.push("content-type".to_owned());
            }
            if body["status"] != "error" {
                broken.push("status".to_owned());
            }
            for key in ["message", "detail"] {
                if text(key).is_empty() {
                    broken.push(key.to_owned());
                }
            }
            if text("error") != format!("E_{}", text("code").trim_end_matches("_ERROR")) {
                broken.push("error".to_owned());
            }
            if !body["details"].is_object() {
                broken.push("details".to_owned());
            }
        }
        if !codes(answer.status()).contains(&text("code")) {
            broken.push("code".to_owned());
        }
        let lists = |fault: &Value| {
            fault
                .as_array()
                .is_some_and(|list| !list.is_empty() && list.iter().all(|line| line.is_string()))
        };
        if !body["errors"]
            .as_object()
            .is_some_and(|errors| errors.values().all(lists))
        {
            broken.push("errors".to_owned());
        }
        if Some(text("request_id")) != answer.header("x-request-id") {
            broken.push("request_id".to_owned());
        }
        for word in [
            "SQLITE",
            "D1_ERROR",
            "SELECT ",
            "INSERT INTO",
            "panicked",
            ".rs:",
            "RuntimeError",
            "wasm",
        ] {
            // What the caller sent may come back in a message; the stories never send these words.
            if answer.text().contains(word) {
                broken.push(format!("something internal ({word})"));
            }
        }
        if !broken.is_empty() {
            answer.fail(&format!("the error envelope is broken at {}", broken.join(", ")));
        }
    }

    #[track_caller]
    fn no_canary(&self) {
        let canary = make::CANARY.as_bytes();
        let holds = |bytes: &[u8]| {
            bytes
                .windows(canary.len())
                .any(|window| window.eq_ignore_ascii_case(canary))
        };
        if holds(self.answer.bytes())
            || self
                .answer
                .headers()
                .iter()
                .any(|(name, value)| holds(name.as_bytes()) || holds(value.as_bytes()))
        {
            self.answer.fail("something internal reached a customer");
        }
    }
}

/// The pages for people, which may be cached and have a content policy of their own.
fn is_page(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let path = path.trim_start_matches("/api/v1").trim_start_matches("/api");
    [
        "/docs",
        "/swagger",
        "/redoc",
        "/openapi.json",
        "/health",
        "/ready",
        "/version",
        "/.well-known",
        "/articles",
    ]
    .iter()
    .any(|page| path.starts_with(page))
}

fn codes(status: u16) -> &'static [&'static str] {
    match status {
        400 => &["VALIDATION_ERROR"],
        401 => &["UNAUTHORIZED"],
        403 => &["FORBIDDEN"],
        404 => &["NOT_FOUND"],
        405 => &["METHOD_NOT_ALLOWED"],
        409 => &["CONFLICT", "INVALID_TRANSITION"],
        412 => &["PRECONDITION_FAILED"],
        413 => &["PAYLOAD_TOO_LARGE"],
        415 => &["UNSUPPORTED_MEDIA_TYPE"],
        416 => &["RANGE_NOT_SATISFIABLE"],
        422 => &["IDEMPOTENCY_MISMATCH"],
        426 => &["UPGRADE_REQUIRED"],
        429 => &["RATE_LIMITED"],
        500 => &["INTERNAL_ERROR"],
        503 => &["UNAVAILABLE"],
        _ => &[],
    }
}

/// Every request holds it for reading, so that a story which counts the whole desk can stop the world.
static WORLD: RwLock<()> = RwLock::new(());

thread_local! {
    static STOPPED_BY_ME: Cell<bool> = const { Cell::new(false) };
}

/// Waits while the world is stopped by another thread.
pub fn admit() -> Option<RwLockReadGuard<'static, ()>> {
    if STOPPED_BY_ME.get() {
        return None;
    }
    Some(WORLD.read().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// While it lives, only the thread that made it gets answers.
pub struct Stillness {
    _world: RwLockWriteGuard<'static, ()>,
}

/// Stops the world.
pub fn still() -> Stillness {
    let world = WORLD.write().unwrap_or_else(|poisoned| poisoned.into_inner());
    STOPPED_BY_ME.set(true);
    Stillness { _world: world }
}

impl Drop for Stillness {
    fn drop(&mut self) {
        STOPPED_BY_ME.set(false);
    }
}
