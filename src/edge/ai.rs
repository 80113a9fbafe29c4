//! Workers AI: language models through the binding `AI`.

use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::pin_mut;
use serde::Serialize;
use serde_json::Value;
use worker::Delay;

use crate::edge::fetch::FetchError;

/// The request. Structs are needed: maps are passed to JavaScript as `Map` and not as objects.
#[derive(Serialize)]
struct ChatRequest<'a> {
    messages: [ChatMessage<'a>; 2],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat>,
}

#[derive(Serialize)]
struct ChatMessage<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct ResponseFormat {
    r#type: &'static str,
}

/// Asks a model and returns its response as it is. The platform limits how long the response is.
///
/// # Errors
/// [`FetchError`] when there is no response.
pub async fn complete_chat(
    env: &worker::Env,
    model: &str,
    (system, user): (&str, &str),
    wants_json: bool,
    timeout_ms: u32,
) -> Result<Value, FetchError> {
    let words = |error: worker::Error| FetchError::Network(error.to_string());
    let ai = env.ai("AI").map_err(words)?;
    let message = |role, content| ChatMessage { role, content };
    let ask = ChatRequest {
        messages: [message("system", system), message("user", user)],
        stream: false,
        response_format: wants_json.then_some(ResponseFormat {
            r#type: "json_object",
        }),
    };
    let answer = ai.run::<_, Value>(model, &ask);
    let patience = Delay::from(Duration::from_millis(u64::from(timeout_ms)));
    pin_mut!(answer, patience);
    match select(answer, patience).await {
        Either::Left((answer, _)) => answer.map_err(words),
        Either::Right(((), _)) => Err(FetchError::Timeout),
    }
}
