//! Mails on their way out: to the log, through the `send_email` binding, or to a provider's HTTP API.

use serde_json::json;
use wasm_bindgen::JsCast;
use worker::{SendEmail, SendEmailBuilder};

use crate::edge::config::mail::{Mail, Way};
use crate::edge::fetch::{self, Ask, Failed};
use crate::edge::log;

/// A mail, ready to be sent.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
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
pub enum Refused {
    /// It may be taken later; after so many seconds, where the provider says so.
    Later(String, Option<u32>),
    /// It will never be.
    Never(String),
}

/// For how long a provider may think, milliseconds.
const TIMEOUT_MS: u32 = 15_000;

/// Sends a mail.
///
/// # Errors
/// [`Refused`].
pub async fn send(env: &worker::Env, mail: &Mail, letter: &Letter<'_>) -> Result<(), Refused> {
    match &mail.way {
        Way::Off => Err(Refused::Never("MAIL_MODE is off".to_owned())),
        Way::Log => {
            log::note(&format!(
                "mail to {}: {}\n\n{}",
                letter.to, letter.subject, letter.text
            ));
            Ok(())
        }
        Way::Binding => bound(env, mail, letter).await,
        Way::Http { url, key } => posted(mail, letter, url, key).await,
    }
}

async fn bound(env: &worker::Env, mail: &Mail, letter: &Letter<'_>) -> Result<(), Refused> {
    let email: SendEmail = env
        .send_email("EMAIL")
        .map_err(|_| Refused::Later("wrangler.toml has no send_email binding EMAIL".to_owned(), None))?;
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
        Err(error) => Err(Refused::Later(format!("{error:?}"), None)),
    }
}

/// In the form of api.resend.com/emails, which others take as well.
async fn posted(mail: &Mail, letter: &Letter<'_>, url: &str, key: &str) -> Result<(), Refused> {
    let headers: serde_json::Map<String, serde_json::Value> = letter
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let body = json!({"from": mail.from.to_string(), "to": [letter.to], "subject": letter.subject, "text": letter.text,
        "html": letter.html, "reply_to": letter.reply_to, "headers": headers});
    let ask = Ask {
        method: "POST",
        url,
        headers: &[
            ("Authorization", &format!("Bearer {key}")),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", letter.uid),
        ],
        body: Some(&body.to_string()),
        timeout_ms: TIMEOUT_MS,
        most: 500,
    };
    match fetch::ask(&ask).await {
        Ok(answered) => match answered.status {
            200..=299 => Ok(()),
            408 | 409 | 425 | 429 | 500.. => Err(Refused::Later(
                format!("the provider answered {}: {}", answered.status, answered.body),
                answered.retry_after,
            )),
            status => Err(Refused::Never(format!(
                "the provider answered {status}: {}",
                answered.body
            ))),
        },
        Err(Failed::Timeout) => Err(Refused::Later(
            "the provider did not answer in time".to_owned(),
            None,
        )),
        Err(Failed::Network(why)) => Err(Refused::Later(why, None)),
    }
}
