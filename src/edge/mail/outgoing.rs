//! Mails on their way out: to the log, through the `send_email` binding, or to a provider's HTTP API.

use serde_json::json;
use wasm_bindgen::JsCast;
use worker::{SendEmail, SendEmailBuilder};

use crate::edge::config::mail::{MailConfig, MailTransport};
use crate::edge::fetch::{self, FetchError, FetchRequest};
use crate::edge::log;

/// A mail, ready to be sent.
#[derive(Clone, Debug)]
pub struct OutgoingMail<'a> {
    /// The same at every attempt: providers and mail programs know a mail that comes twice by it.
    pub uid: &'a str,
    pub to: &'a str,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub reply_to: Option<String>,
    pub headers: Vec<(&'static str, String)>,
}

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It may be taken later; after so many seconds, where the provider says so.
    Retryable(String, Option<u32>),
    /// It will never be.
    Permanent(String),
}

/// For how long a provider may think, milliseconds.
const TIMEOUT_MS: u32 = 15_000;

/// Sends a mail.
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

/// In the form of api.resend.com/emails, which others take as well.
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
            ("Idempotency-Key", letter.uid),
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
