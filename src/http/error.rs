//! All errors of a request, and the envelope in which they are sent.
//!
//! Only this file and `reply` know status codes. What the client reads and what is logged are different fields, so that
//! internal messages cannot end up in a response by mistake.

use serde_json::{Map, Value, json};

use crate::http::reply::{Body, Reply};

/// (field name, what is wrong with it), for all invalid fields.
pub type FieldErrorList = Vec<(String, String)>;

/// Why a request failed.
#[derive(Debug)]
pub enum Error {
    /// No such route or row, or none that the caller may know of.
    NotFound,
    /// The path exists, with these methods only.
    MethodNotAllowed(Vec<&'static str>),
    /// The body exceeds this limit, in bytes.
    TooLarge(usize),
    /// The token is missing or invalid.
    Unauthorized(&'static str),
    /// The caller may see the resource, but not do this with it.
    Forbidden(String),
    /// The route opens a WebSocket, and the request asks for none.
    UpgradeRequired,
    /// A limit is exceeded; `seconds` until the next attempt.
    RateLimited { message: &'static str, seconds: u32 },
    /// The route does not accept this content type.
    UnsupportedMedia(&'static str),
    /// Invalid JSON, or not an object.
    Malformed(String),
    /// Fields that are missing or invalid.
    Invalid(FieldErrorList),
    /// Another request was first: a duplicate, or an outdated version.
    Conflict { message: String, details: Value },
    /// The lifecycle has no such transition.
    InvalidTransition {
        from: &'static str,
        to: &'static str,
        allowed: Vec<&'static str>,
    },
    /// `If-Match` does not match the current version.
    PreconditionFailed,
    /// The `Range` lies outside of the file, which has this many bytes.
    RangeNotSatisfiable(i64),
    /// The `Idempotency-Key` was used before for a different request.
    IdempotencyMismatch,
    /// Something that the help desk needs is missing or down. The message is shown to the operator and has no secrets.
    Unavailable(String),
    /// A third-party service that the request needs has failed. The message is shown to the operator and has no
    /// secrets.
    Provider {
        message: String,
        /// The HTTP status of its response, if there was one.
        status: Option<u16>,
        retry_after: Option<u32>,
    },
    /// A fault of ours. The message is only logged.
    Internal(String),
    /// Not a failure: the request is a repetition, and this is the stored response.
    Replayed(Box<Reply>),
    /// Not a failure: the statements were built with outdated settings. The request is run again with the current ones.
    SettingsChanged,
    /// The change was decided on an outdated version. It is retried; after several attempts (`retry!`) it is reported
    /// as a 409.
    VersionConflict,
}

impl Error {
    /// An error in one field.
    pub fn field(name: &str, message: impl Into<String>) -> Error {
        Error::Invalid(vec![(name.to_owned(), message.into())])
    }

    /// A conflict without details.
    pub fn conflict(message: impl Into<String>) -> Error {
        Error::Conflict {
            message: message.into(),
            details: json!({}),
        }
    }

    /// A conflict because the request is based on an outdated version.
    pub fn stale(current: i64) -> Error {
        Error::Conflict {
            message: "it was changed by somebody else in the meantime".to_owned(),
            details: json!({"current_version": current}),
        }
    }

    /// The error code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotFound => "NOT_FOUND",
            Error::MethodNotAllowed(_) => "METHOD_NOT_ALLOWED",
            Error::TooLarge(_) => "PAYLOAD_TOO_LARGE",
            Error::Unauthorized(_) => "UNAUTHORIZED",
            Error::Forbidden(_) => "FORBIDDEN",
            Error::RateLimited { .. } => "RATE_LIMITED",
            Error::UpgradeRequired => "UPGRADE_REQUIRED",
            Error::UnsupportedMedia(_) => "UNSUPPORTED_MEDIA_TYPE",
            Error::Malformed(_) | Error::Invalid(_) => "VALIDATION_ERROR",
            Error::Conflict { .. } | Error::VersionConflict => "CONFLICT",
            Error::InvalidTransition { .. } => "INVALID_TRANSITION",
            Error::PreconditionFailed => "PRECONDITION_FAILED",
            Error::RangeNotSatisfiable(_) => "RANGE_NOT_SATISFIABLE",
            Error::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Error::Unavailable(_) | Error::Provider { .. } => "UNAVAILABLE",
            Error::Internal(_) | Error::Replayed(_) | Error::SettingsChanged => "INTERNAL_ERROR",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Error::NotFound => 404,
            Error::MethodNotAllowed(_) => 405,
            Error::TooLarge(_) => 413,
            Error::Unauthorized(_) => 401,
            Error::Forbidden(_) => 403,
            Error::RateLimited { .. } => 429,
            Error::UpgradeRequired => 426,
            Error::UnsupportedMedia(_) => 415,
            Error::Malformed(_) | Error::Invalid(_) => 400,
            Error::Conflict { .. } | Error::InvalidTransition { .. } | Error::VersionConflict => 409,
            Error::PreconditionFailed => 412,
            Error::RangeNotSatisfiable(_) => 416,
            Error::IdempotencyMismatch => 422,
            Error::Unavailable(_) | Error::Provider { .. } => 503,
            Error::Internal(_) | Error::Replayed(_) | Error::SettingsChanged => 500,
        }
    }

    /// The message for the client.
    fn message(&self) -> String {
        match self {
            Error::NotFound => "not found".to_owned(),
            Error::MethodNotAllowed(allowed) => format!("this path answers {}", allowed.join(", ")),
            Error::TooLarge(limit) => format!("the body is longer than {limit} bytes"),
            Error::Unauthorized(message) => (*message).to_owned(),
            Error::Forbidden(message) | Error::Malformed(message) | Error::Unavailable(message) => {
                message.clone()
            }
            Error::RateLimited { message, .. } => (*message).to_owned(),
            Error::UpgradeRequired => {
                "this is a WebSocket: connect with `Connection: Upgrade` and `Upgrade: websocket`".to_owned()
            }
            Error::UnsupportedMedia(expected) => format!("the body must be {expected}"),
            Error::Invalid(fields) => match fields.as_slice() {
                [(name, message)] => format!("{name} {message}"),
                _ => format!("{} fields are missing or wrong", count_fields(fields)),
            },
            Error::Conflict { message, .. } | Error::Provider { message, .. } => message.clone(),
            Error::InvalidTransition { from, to, .. } => {
                format!("what is {from} cannot become {to}")
            }
            Error::VersionConflict => "others are changing it at this moment; try again".to_owned(),
            Error::PreconditionFailed => {
                "the precondition of If-Match or If-None-Match does not hold any more".to_owned()
            }
            Error::RangeNotSatisfiable(size) => format!("the file has only {size} bytes"),
            Error::IdempotencyMismatch => {
                "this Idempotency-Key was used before with another method, path or body".to_owned()
            }
            Error::Internal(_) | Error::Replayed(_) | Error::SettingsChanged => {
                "something went wrong on our side; the request id finds it in the log".to_owned()
            }
        }
    }

    fn details(&self) -> Value {
        match self {
            Error::Conflict { details, .. } => details.clone(),
            Error::InvalidTransition { from, to, allowed } => {
                json!({"from": from, "to": to, "allowed": allowed})
            }
            Error::RateLimited { seconds, .. } => json!({"retry_after": seconds}),
            Error::MethodNotAllowed(allowed) => json!({"allow": allowed}),
            Error::Provider { status, .. } => json!({"provider_status": status}),
            _ => json!({}),
        }
    }

    /// The envelope without a request id: an error about one of several rows.
    pub fn into_json(self) -> Value {
        let (code, message, details) = (self.code(), self.message(), self.details());
        json!({"status": "error", "code": code, "error": legacy_code(code), "message": message, "detail": message,
               "errors": self.field_errors(), "details": details})
    }

    /// By field: all that is wrong with it.
    fn field_errors(&self) -> Map<String, Value> {
        let mut errors = Map::new();
        if let Error::Invalid(fields) = self {
            for (name, text) in fields {
                if let Some(list) = errors
                    .entry(name.clone())
                    .or_insert_with(|| json!([]))
                    .as_array_mut()
                {
                    list.push(Value::String(text.clone()));
                }
            }
        }
        errors
    }

    /// The response: the standard envelope, or RFC 9457 if the client prefers `application/problem+json`.
    pub fn into_reply(self, request_id: &str, problem: bool) -> Reply {
        if let Error::Replayed(reply) = self {
            return *reply;
        }
        let status = self.status();
        let message = self.message();
        let errors = self.field_errors();
        let code = self.code();
        let details = self.details();
        let body = if problem {
            json!({"type": format!("urn:edgedesk:error:{}", code.to_lowercase()), "title": title(status), "status": status,
                   "detail": message, "instance": format!("urn:edgedesk:request:{request_id}"), "code": code,
                   "errors": errors, "details": details, "request_id": request_id})
        } else {
            json!({"status": "error", "code": code, "error": legacy_code(code), "message": message, "detail": message,
                   "errors": errors, "details": details, "request_id": request_id})
        };
        let mut reply = Reply::new(status, Body::Text(body.to_string()));
        reply.content_type = if problem {
            "application/problem+json"
        } else {
            "application/json"
        };
        match &self {
            Error::Unauthorized(_) => reply.header("WWW-Authenticate", "Bearer"),
            Error::MethodNotAllowed(allowed) => reply.header("Allow", allowed.join(", ")),
            Error::UpgradeRequired => reply.header("Upgrade", "websocket"),
            Error::RangeNotSatisfiable(size) => {
                reply.header("Accept-Ranges", "bytes");
                reply.header("Content-Range", format!("bytes */{size}"));
            }
            Error::RateLimited { seconds, .. } => {
                reply.header("Retry-After", seconds.to_string());
                reply.header("RateLimit", format!("\"default\";r=0;t={seconds}"));
            }
            Error::Unavailable(_) => reply.header("Retry-After", "30"),
            Error::Provider { retry_after, .. } => {
                // The provider may send any number; an hour is the longest that is passed on.
                let seconds = retry_after.unwrap_or(30).clamp(1, 3_600);
                reply.header("Retry-After", seconds.to_string());
            }
            _ => {}
        }
        reply
    }
}

/// `NOT_FOUND` -> `E_NOT_FOUND`, but `VALIDATION_ERROR` -> `E_VALIDATION`: an older error code, kept for existing
/// clients.
fn legacy_code(code: &str) -> String {
    format!("E_{}", code.strip_suffix("_ERROR").unwrap_or(code))
}

fn count_fields(fields: &FieldErrorList) -> usize {
    fields
        .iter()
        .map(|(name, _)| name)
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        416 => "Range Not Satisfiable",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(error: Error, problem: bool) -> Value {
        match error.into_reply("r1", problem).body {
            Body::Text(text) => serde_json::from_str(&text).unwrap(),
            _ => Value::Null,
        }
    }

    #[test]
    fn the_envelope_is_the_same_for_all() {
        for (error, code, twin) in [
            (Error::NotFound, "NOT_FOUND", "E_NOT_FOUND"),
            (
                Error::field("title", "is missing"),
                "VALIDATION_ERROR",
                "E_VALIDATION",
            ),
            (
                Error::Internal("SELECT secret".to_owned()),
                "INTERNAL_ERROR",
                "E_INTERNAL",
            ),
        ] {
            let envelope = body(error, false);
            assert_eq!(envelope["status"], "error");
            assert_eq!(envelope["code"], code);
            assert_eq!(envelope["error"], twin);
            assert_eq!(envelope["request_id"], "r1");
            assert!(!envelope.to_string().contains("SELECT"));
        }
    }

    #[test]
    fn all_fields_are_reported_at_once() {
        let fields = vec![
            ("title".to_owned(), "is missing".to_owned()),
            ("status".to_owned(), "is unknown".to_owned()),
            ("title".to_owned(), "is odd".to_owned()),
        ];
        let envelope = body(Error::Invalid(fields), false);
        assert_eq!(
            envelope["errors"],
            json!({"title": ["is missing", "is odd"], "status": ["is unknown"]})
        );
        assert_eq!(envelope["message"], "2 fields are missing or wrong");
    }

    #[test]
    fn problems_follow_rfc_9457() {
        let problem = body(
            Error::InvalidTransition {
                from: "open",
                to: "waiting",
                allowed: vec!["closed"],
            },
            true,
        );
        assert_eq!(problem["status"], 409);
        assert_eq!(
            problem["details"],
            json!({"from": "open", "to": "waiting", "allowed": ["closed"]})
        );
    }
}
