//! The assistant: drafts of answers and suggestions where a ticket belongs. People decide what becomes of them;
//! nothing in here writes.

use serde_json::json;

use crate::app::call::{Call, reader};
use crate::desk::assistant::answer;
use crate::desk::assistant::prompt::{self, Case, Prompt, Said, Wishes};
use crate::desk::tickets::policy;
use crate::edge::config::assistant::{Assist, Provider};
use crate::edge::db::{Rows, Stmt};
use crate::edge::fetch::{self, Answered, Ask, Failed};
use crate::edge::{ai, ids, log};
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::assistant as rows;

/// The body of a request for a draft.
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

/// Bytes of a provider's answer that are read.
const MOST: usize = 256 * 1024;

const OFF: &str = "the assistant is not configured: set AI_BASE_URL, AI_MODEL and AI_API_KEY for a provider with OpenAI's \
  chat completions, or AI_MODEL and the binding AI for Workers AI";
const UNREADABLE: &str = "the assistant's provider gave an answer that cannot be used";

/// `POST /tickets/{id}/suggest-reply`.
pub async fn suggest(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body_or_nothing(call.request, &SUGGEST)?;
    let read = read(call, Vec::new()).await?;
    let wishes = Wishes {
        tone: taken.text("tone"),
        language: taken.text("language"),
        instructions: taken.text("instructions"),
    };
    let prompt = prompt::reply(&read.case, &read.said, &wishes, &mark()?);
    let (said, model) = ask(call, &prompt).await?;
    let draft = answer::draft(&said).ok_or_else(|| failed(UNREADABLE, None))?;
    let body = json!({"reply": draft, "model": model, "truncated": prompt.truncated, "sources": {"messages": prompt.messages}});
    Ok(Reply::ok(body.to_string()))
}

/// `POST /tickets/{id}/triage`.
pub async fn triage(call: &Call<'_>) -> Result<Reply, Error> {
    let read = read(call, vec![rows::categories(), rows::agents()]).await?;
    let [categories, agents] = read.rest.as_slice() else {
        return Err(Error::Internal("the choices were not read".to_owned()));
    };
    let (categories, agents) = (rows::read_categories(categories)?, rows::read_agents(agents)?);
    let prompt = prompt::triage(&read.case, &read.said, &categories, &agents, &mark()?);
    let (said, model) = ask(call, &prompt).await?;
    let found = answer::suggested(&said, &categories, &agents).ok_or_else(|| failed(UNREADABLE, None))?;
    let body = json!({"category": found.category, "priority": found.priority.map(|priority| priority.word()),
        "sentiment": found.sentiment, "assignee": found.assignee, "reason": found.reason, "model": model,
        "truncated": prompt.truncated});
    Ok(Reply::ok(body.to_string()))
}

/// What was read of the ticket in the path.
struct Read {
    case: Case,
    said: Vec<Said>,
    rest: Vec<Rows>,
}

async fn read(call: &Call<'_>, more: Vec<Stmt>) -> Result<Read, Error> {
    let (reader, reference) = (reader(call)?, call.reference("id")?);
    let with_notes = call.app.config.assist.include_notes && policy::reads_internal(call.my_role()?);
    let mut stmts = vec![
        rows::case(&reader, &reference, with_notes),
        rows::said(&reader, &reference, with_notes),
    ];
    stmts.extend(more);
    let mut found = call.read(stmts).await?.into_iter();
    let (Some(case), Some(said)) = (found.next(), found.next()) else {
        return Err(Error::NotFound);
    };
    Ok(Read {
        case: rows::read_case(&case)?.ok_or(Error::NotFound)?,
        said: rows::read_said(&said)?,
        rest: found.collect(),
    })
}

/// What marks the ticket's place in a prompt.
fn mark() -> Result<String, Error> {
    let bytes = ids::random::<12>().map_err(Error::Internal)?;
    Ok(ids::hex(&bytes))
}

// The provider ---------------------------------------------------------------------------------------------------

/// What the model says, and its name.
async fn ask<'a>(call: &'a Call<'_>, prompt: &Prompt) -> Result<(String, &'a str), Error> {
    let assist = &call.app.config.assist;
    let provider = assist
        .provider
        .as_ref()
        .ok_or_else(|| Error::Unavailable(OFF.to_owned()))?;
    let said = match provider {
        Provider::Server { url, key, model } => {
            let body = answer::request(model, prompt);
            let asked = post(url, key.as_deref(), &body, assist).await;
            content(asked.map_err(unreached)?)?
        }
        Provider::Binding { model } => {
            let texts = (prompt.system.as_str(), prompt.user.as_str());
            let asked = ai::ask(&call.app.env, model, texts, prompt.wants_json, assist.timeout_ms);
            answer::said(&asked.await.map_err(unreached)?)
        }
    };
    let said = said.ok_or_else(|| failed(UNREADABLE, None))?;
    Ok((said, provider.model()))
}

async fn post(url: &str, key: Option<&str>, body: &str, assist: &Assist) -> Result<Answered, Failed> {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let ask = Ask {
        method: "POST",
        url,
        headers: &headers,
        body: Some(body),
        timeout_ms: assist.timeout_ms,
        most: MOST,
    };
    fetch::ask(&ask).await
}

/// What the model says, out of the provider's answer.
fn content(answered: Answered) -> Result<Option<String>, Error> {
    let why = match answered.status {
        200..=299 if answered.is_cut => "the assistant's provider gave far too long an answer",
        200..=299 => return Ok(answer::content(&answered.body)),
        300..=399 => "the assistant's provider is elsewhere: AI_BASE_URL must not lead to a redirect",
        401 | 403 => "the assistant's provider refuses us: check AI_API_KEY",
        402 => "the assistant's provider wants to be paid: the account has no credit",
        400..=499 if answered.status != 429 => {
            "the assistant's provider refuses the request: check AI_BASE_URL and AI_MODEL"
        }
        429 => "the assistant's provider has too much to do at this moment",
        _ => "the assistant's provider has failed",
    };
    log::log(&format!("the assistant: {why} ({})", answered.status));
    Err(failed(why, Some(&answered)))
}

fn unreached(why: Failed) -> Error {
    match why {
        Failed::Timeout => failed("the assistant's provider did not answer in time", None),
        Failed::Network(why) => {
            log::log(&format!("the assistant: {why}"));
            failed("the assistant's provider cannot be reached", None)
        }
    }
}

fn failed(message: &str, answered: Option<&Answered>) -> Error {
    Error::Provider {
        message: message.to_owned(),
        status: answered.map(|answered| answered.status),
        retry_after: answered.and_then(|answered| answered.retry_after),
    }
}
