//! Response headers, and the conditional response 304.

use crate::app::route::RateLimit;
use crate::desk::Millis;
use crate::edge::config::Config;
use crate::edge::db::Cost;
use crate::edge::ids;
use crate::http::etag;
use crate::http::reply::{Body, Reply};
use crate::http::request::Request;

/// The content security policy of uploaded files: one that a browser shows as a page in spite of everything can do
/// nothing. The policy of data is part of the headers of every data response.
pub const FILE_CSP: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// The content security policy of the documentation pages: their own scripts and styles, nothing from elsewhere. The
/// hashes are those of the empty style and of ReDoc's own style element.
pub const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' \
  'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; \
  img-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the headers of a response depend on.
pub struct ResponseContext {
    pub request_id: String,
    pub origin: Option<String>,
    /// `None` before the route is known.
    pub limit: Option<RateLimit>,
    pub cost: Cost,
    pub shows_rows: bool,
    pub started: Millis,
}

impl ResponseContext {
    pub(super) fn new(request_id: String, started: Millis) -> ResponseContext {
        ResponseContext {
            request_id,
            origin: None,
            limit: None,
            cost: Cost::default(),
            shows_rows: false,
            started,
        }
    }
}

/// The client's request id if it is well-formed, otherwise a new one.
pub fn request_id(request: &Request, now: Millis) -> String {
    let sensible = |id: &String| {
        (1..=128).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
    };
    request
        .header("x-request-id")
        .filter(sensible)
        .or_else(|| ids::new_uid(now).ok())
        .unwrap_or_default()
}

pub(super) fn allowed_origin(request: &Request, config: &Config) -> Option<String> {
    let origin = request.header("origin")?;
    config
        .cors_origins
        .contains(&origin.to_ascii_lowercase())
        .then_some(origin)
}

/// Adds the `ETag` of a versioned resource, and responds 304 if the client already has it.
pub fn apply_etag(request: &Request, reply: &mut Reply) {
    let (Some(version), Body::Text(body)) = (reply.version, &reply.body) else {
        return;
    };
    let tag = etag::compute_etag(version, body);
    let known = request
        .header("if-none-match")
        .is_some_and(|header| etag::matches_if_none_match(&header, &tag));
    reply.header("ETag", tag);
    if known && reply.status == 200 && matches!(request.verb.as_str(), "GET" | "HEAD") {
        reply.status = 304;
        reply.body = Body::Empty;
    }
}

pub(super) fn add_headers(reply: &mut Reply, response_context: &ResponseContext) {
    reply.header("X-Request-Id", response_context.request_id.clone());
    match reply.body {
        Body::Asset(_) | Body::AssetPath(_) => reply.header("Content-Security-Policy", PAGE_CSP),
        Body::File { .. } => reply.header("Content-Security-Policy", FILE_CSP),
        Body::Empty | Body::Text(_) | Body::Parts(_) | Body::Socket(_) => {}
    }
    if reply.is_public && reply.get("Cache-Control").is_none() {
        reply.header("Cache-Control", "public, max-age=300");
    }
    let mut timing = format!("d1;desc=\"{}\"", response_context.cost.trips);
    if response_context.shows_rows {
        timing.push_str(&format!(
            ", rows_read;desc=\"{}\", rows_written;desc=\"{}\"",
            response_context.cost.rows_read, response_context.cost.rows_written
        ));
    }
    reply.header("Server-Timing", timing);
    let limit = response_context
        .limit
        .or((reply.status >= 400).then_some(RateLimit::Address));
    if let Some(limit) = limit.filter(|limit| *limit != RateLimit::None) {
        reply.header("RateLimit-Policy", limit.policy());
    }
    if let Some(origin) = &response_context.origin {
        reply.header("Access-Control-Allow-Origin", origin.clone());
        reply.header("Access-Control-Allow-Credentials", "true");
        reply.header(
            "Access-Control-Allow-Methods",
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        );
        reply.header(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Accept, Accept-Session, Idempotency-Key, If-Match, If-None-Match, Range, X-Request-Id",
        );
        reply.header(
            "Access-Control-Expose-Headers",
            "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Link, Location, X-Request-Id, Server-Timing, \
             RateLimit, RateLimit-Policy, Retry-After, Idempotent-Replayed",
        );
        reply.header("Access-Control-Max-Age", "86400");
    }
}
