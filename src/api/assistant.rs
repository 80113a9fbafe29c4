//! The AI assistant: it drafts replies to a ticket and suggests a category, priority and assignee. People decide what
//! to do with them; nothing in this file writes to the database.

use serde_json::json;

use crate::app::call::{Call, viewer};
use crate::desk::assistant::answer;
use crate::desk::assistant::prompt::{self, DraftOptions, Prompt, PromptMessage, PromptTicket};
use crate::desk::tickets::policy;
use crate::edge::config::assistant::{AssistantConfig, ModelProvider};
use crate::edge::db::{Answers, Batch, Rows};
use crate::edge::fetch::{self, FetchError, FetchRequest, FetchResponse};
use crate::edge::{ai, ids, log};
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::assistant as rows;

/// The body of a request for a draft of a reply.
pub const SUGGEST: Shape = Shape {
    name: "SuggestReply",
    fields: &[
        Field::optional(
            "tone",
            Kind::Line { min: 1, max: 50 },
            "How it should sound; friendly and clear by default.",
        ),
        Field::optional(
            "instructions",
            Kind::Text { min: 1, max: 1_000 },
            "What the draft should say or do.",
        ),
        Field::optional(
            "language",
            Kind::Line { min: 2, max: 50 },
            "A language by its name or tag; the customer's by default.",
        ),
    ],
};

/// At most this many bytes of the provider's response are read.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;

const NOT_CONFIGURED: &str = "the assistant is not configured: set AI_BASE_URL, AI_MODEL and AI_API_KEY for a provider with OpenAI's \
  chat completions, or AI_MODEL and the binding AI for Workers AI";
const UNREADABLE: &str = "the assistant's provider gave an answer that cannot be used";

/// `POST /tickets/{id}/suggest-reply`.
pub async fn suggest_reply(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &SUGGEST)?;
    let (read, _) = read_input(call, Batch::new()).await?;
    let wishes = DraftOptions {
        tone: input.text("tone"),
        language: input.text("language"),
        instructions: input.text("instructions"),
    };
    let prompt = prompt::build_reply_prompt(&read.case, &read.said, &wishes, &new_boundary()?);
    let (said, model) = ask_provider(call, &prompt).await?;
    let draft = answer::clean_draft(&said).ok_or_else(|| provider_error(UNREADABLE, None))?;
    let body = json!({"reply": draft, "model": model, "truncated": prompt.truncated, "sources": {"messages": prompt.messages}});
    Ok(Reply::ok(body.to_string()))
}

/// `POST /tickets/{id}/triage`.
pub async fn triage(call: &Call<'_>) -> Result<Reply, Error> {
    let mut batch = Batch::new();
    let categories = batch.add::<Rows>(rows::categories());
    let agents = batch.add::<Rows>(rows::agents());
    let (read, found) = read_input(call, batch).await?;
    let categories = rows::read_categories(found.rows(categories)?)?;
    let agents = rows::read_agents(found.rows(agents)?)?;
    let prompt = prompt::build_triage_prompt(&read.case, &read.said, &categories, &agents, &new_boundary()?);
    let (said, model) = ask_provider(call, &prompt).await?;
    let found = answer::parse_suggestions(&said, &categories, &agents)
        .ok_or_else(|| provider_error(UNREADABLE, None))?;
    let body = json!({"category": found.category, "priority": found.priority.map(|priority| priority.as_str()),
        "sentiment": found.sentiment, "assignee": found.assignee, "reason": found.reason, "model": model,
        "truncated": prompt.truncated});
    Ok(Reply::ok(body.to_string()))
}

/// What a prompt contains about the ticket in the path.
struct AssistantInput {
    case: PromptTicket,
    said: Vec<PromptMessage>,
}

/// Reads the ticket in the path and its messages, in one round trip with the statements of `batch`.
async fn read_input(call: &Call<'_>, mut batch: Batch) -> Result<(AssistantInput, Answers), Error> {
    let (reader, reference) = (viewer(call)?, call.reference("id")?);
    let with_notes = call.app.config.assistant.include_notes && policy::may_read_internal(call.my_role()?);
    let case = batch.add::<Rows>(rows::ticket(&reader, &reference, with_notes));
    let said = batch.add::<Rows>(rows::messages(&reader, &reference, with_notes));
    let found = call.read(batch).await?;
    let input = AssistantInput {
        case: rows::read_ticket(found.rows(case)?)?.ok_or(Error::NotFound)?,
        said: rows::read_messages(found.rows(said)?)?,
    };
    Ok((input, found))
}

/// A random string that marks where the ticket stands in a prompt.
fn new_boundary() -> Result<String, Error> {
    let bytes = ids::random_bytes::<12>().map_err(Error::Internal)?;
    Ok(ids::hex(&bytes))
}

// The provider ---------------------------------------------------------------------------------------------------

/// Sends the prompt to the provider. Returns the model's answer and the model's name.
async fn ask_provider<'a>(call: &'a Call<'_>, prompt: &Prompt) -> Result<(String, &'a str), Error> {
    let assistant = &call.app.config.assistant;
    let provider = assistant
        .provider
        .as_ref()
        .ok_or_else(|| Error::Unavailable(NOT_CONFIGURED.to_owned()))?;
    let said = match provider {
        ModelProvider::Server { url, key, model } => {
            let body = answer::build_request(model, prompt);
            let asked = post_to_provider(url, key.as_deref(), &body, assistant).await;
            read_completion(asked.map_err(network_error)?)?
        }
        ModelProvider::Binding { model } => {
            let texts = (prompt.system.as_str(), prompt.user.as_str());
            let asked = ai::complete_chat(
                &call.app.env,
                model,
                texts,
                prompt.wants_json,
                assistant.timeout_ms,
            );
            answer::extract_content(&asked.await.map_err(network_error)?)
        }
    };
    let said = said.ok_or_else(|| provider_error(UNREADABLE, None))?;
    Ok((said, provider.model()))
}

async fn post_to_provider(
    url: &str,
    key: Option<&str>,
    body: &str,
    assistant: &AssistantConfig,
) -> Result<FetchResponse, FetchError> {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let ask = FetchRequest {
        method: "POST",
        url,
        headers: &headers,
        body: Some(body),
        timeout_ms: assistant.timeout_ms,
        max_bytes: MAX_RESPONSE_BYTES,
    };
    fetch::send(&ask).await
}

/// Extracts the model's answer from the provider's response.
fn read_completion(answered: FetchResponse) -> Result<Option<String>, Error> {
    let why = match answered.status {
        200..=299 if answered.is_truncated => "the assistant's provider gave far too long an answer",
        200..=299 => return Ok(answer::parse_content(&answered.body)),
        300..=399 => "the assistant's provider is elsewhere: AI_BASE_URL must not lead to a redirect",
        401 | 403 => "the assistant's provider refuses us: check AI_API_KEY",
        402 => "the assistant's provider wants to be paid: the account has no credit",
        400..=499 if answered.status != 429 => {
            "the assistant's provider refuses the request: check AI_BASE_URL and AI_MODEL"
        }
        429 => "the assistant's provider has too much to do at this moment",
        _ => "the assistant's provider has failed",
    };
    log::error(&format!("the assistant: {why} ({})", answered.status));
    Err(provider_error(why, Some(&answered)))
}

fn network_error(why: FetchError) -> Error {
    match why {
        FetchError::Timeout => provider_error("the assistant's provider did not answer in time", None),
        FetchError::Network(why) => {
            log::error(&format!("the assistant: {why}"));
            provider_error("the assistant's provider cannot be reached", None)
        }
    }
}

fn provider_error(message: &str, answered: Option<&FetchResponse>) -> Error {
    Error::Provider {
        message: message.to_owned(),
        status: answered.map(|answered| answered.status),
        retry_after: answered.and_then(|answered| answered.retry_after),
    }
}
