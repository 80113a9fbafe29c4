//! Sends mails: to the log, through the `send_email` binding, or through a provider's HTTP API.

use serde_json::json;
use wasm_bindgen::JsCast;
use worker::{SendEmail, SendEmailBuilder};

use crate::edge::config::mail::{MailConfig, MailTransport};
use crate::edge::fetch::{self, FetchError, FetchRequest};
use crate::edge::log;

/// A mail that is ready to be sent.
#[derive(Clone, Debug)]
pub struct OutgoingMail<'a> {
    /// The same at every attempt, so that providers and mail programs recognise a duplicate.
    pub uid: String,
    pub to: &'a str,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub reply_to: Option<String>,
    pub headers: Vec<(&'static str, String)>,
}

/// Why a mail was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Retryable; optionally with the provider's `Retry-After`, in seconds.
    Retryable(String, Option<u32>),
    /// Retrying is useless.
    Permanent(String),
}

/// The timeout of a provider's API, in milliseconds.
const TIMEOUT_MS: u32 = 15_000;

/// Sends a mail by the configured transport.
///
/// # Errors
/// [`SendError`].
pub async fn send(env: &worker::Env, mail: &MailConfig, letter: &OutgoingMail<'_>) -> Result<(), SendError> {
    match &mail.transport {
        MailTransport::Off => Err(SendError::Permanent("MAIL_MODE is off".to_owned())),
        MailTransport::Log => {
            log::info(&format!(
                "mail to {}: {}\n\n{}",
                letter.to, letter.subject, letter.text
            ));
            Ok(())
        }
        MailTransport::Binding => send_by_binding(env, mail, letter).await,
        MailTransport::Http { url, key } => send_by_http(mail, letter, url, key).await,
    }
}

async fn send_by_binding(
    env: &worker::Env,
    mail: &MailConfig,
    letter: &OutgoingMail<'_>,
) -> Result<(), SendError> {
    let email: SendEmail = env.send_email("EMAIL").map_err(|_| {
        SendError::Retryable("wrangler.toml has no send_email binding EMAIL".to_owned(), None)
    })?;
    let from = mail.from.to_string();
    let builder: SendEmailBuilder = SendEmailBuilder::new(&from, letter.to, &letter.subject);
    builder.set_text(&letter.text);
    builder.set_html(&letter.html);
    if let Some(reply_to) = &letter.reply_to {
        builder.set_reply_to(reply_to);
    }
    let headers = js_sys::Object::new();
    for (name, value) in &letter.headers {
        // Setting a property of a fresh object cannot fail.
        let _ = js_sys::Reflect::set(&headers, &(*name).into(), &value.into());
    }
    builder.set_headers(headers.unchecked_ref());
    match email.send_with_builder(&builder).await {
        Ok(_) => Ok(()),
        Err(error) => Err(SendError::Retryable(format!("{error:?}"), None)),
    }
}

/// The format of api.resend.com/emails, which other providers accept as well.
async fn send_by_http(
    mail: &MailConfig,
    letter: &OutgoingMail<'_>,
    url: &str,
    key: &str,
) -> Result<(), SendError> {
    let headers: serde_json::Map<String, serde_json::Value> = letter
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let body = json!({"from": mail.from.to_string(), "to": [letter.to], "subject": letter.subject, "text": letter.text,
        "html": letter.html, "reply_to": letter.reply_to, "headers": headers});
    let ask = FetchRequest {
        method: "POST",
        url,
        headers: &[
            ("Authorization", &format!("Bearer {key}")),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", &letter.uid),
        ],
        body: Some(&body.to_string()),
        timeout_ms: TIMEOUT_MS,
        max_bytes: 500,
    };
    match fetch::send(&ask).await {
        Ok(answered) => match answered.status {
            200..=299 => Ok(()),
            408 | 409 | 425 | 429 | 500.. => Err(SendError::Retryable(
                format!("the provider answered {}: {}", answered.status, answered.body),
                answered.retry_after,
            )),
            status => Err(SendError::Permanent(format!(
                "the provider answered {status}: {}",
                answered.body
            ))),
        },
        Err(FetchError::Timeout) => Err(SendError::Retryable(
            "the provider did not answer in time".to_owned(),
            None,
        )),
        Err(FetchError::Network(why)) => Err(SendError::Retryable(why, None)),
    }
}
