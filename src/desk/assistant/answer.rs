//! Reads what a language model returned, strictly, and checks it against the categories and agents that exist.
//!
//! A response can fill the fields of a suggestion and nothing else. A category or an agent that does not exist is
//! dropped.

use serde_json::{Map, Value, json};

use crate::desk::assistant::prompt::{Prompt, SENTIMENTS, SuggestableAgent, SuggestableCategory};
use crate::desk::fold::caseless;
use crate::desk::tickets::priority::Priority;

/// Characters of a draft: the limit of a message.
const MAX_REPLY_CHARS: usize = 10_000;
/// Characters of the reason that a suggestion gives.
const MAX_REASON_CHARS: usize = 500;

/// The body of a chat completion request in OpenAI's format. It sets no token limit and no temperature: newer models
/// reject these parameters.
pub fn build_request(model: &str, prompt: &Prompt) -> String {
    let mut body = json!({"model": model, "stream": false, "messages": [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": prompt.user},
    ]});
    if let (true, Some(body)) = (prompt.wants_json, body.as_object_mut()) {
        body.insert("response_format".to_owned(), json!({"type": "json_object"}));
    }
    body.to_string()
}

/// The text of the model's response to [`build_request`]. `None` if the body is not a chat completion, or is empty.
pub fn parse_content(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    extract_content(&body)
}

/// Like [`parse_content`], for a response that is already JSON. Workers AI also has a shorter format.
pub fn extract_content(body: &Value) -> Option<String> {
    let long = body.pointer("/choices/0/message/content");
    let text = match long.or_else(|| body.get("response"))? {
        Value::String(text) => text.clone(),
        // When JSON was requested, Workers AI returns it parsed instead of as a string.
        object @ Value::Object(_) => object.to_string(),
        _ => return None,
    };
    let text = strip_reasoning(&text).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Removes the `<think>` block that reasoning models put before their answer.
fn strip_reasoning(text: &str) -> &str {
    let text = text.trim_start();
    match text.strip_prefix("<think>") {
        Some(thoughts) => thoughts.split_once("</think>").map_or("", |(_, rest)| rest),
        None => text,
    }
}

/// A draft as a message may contain it: control characters removed, cut at 10,000 characters. `None` if nothing is
/// left.
pub fn clean_draft(text: &str) -> Option<String> {
    let cleaned = text.replace("\r\n", "\n");
    let cleaned: String = cleaned
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .take(MAX_REPLY_CHARS)
        .collect();
    let cleaned = cleaned.trim();
    (!cleaned.is_empty()).then(|| cleaned.to_owned())
}

/// What the model suggests. Every field names something that exists, or is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestions {
    pub category: Option<SuggestableCategory>,
    pub priority: Option<Priority>,
    pub sentiment: Option<&'static str>,
    /// The person's card (JSON).
    pub assignee: Option<Value>,
    pub reason: String,
}

/// Reads suggestions. `None` when the text is not one JSON object.
pub fn parse_suggestions(
    text: &str,
    categories: &[SuggestableCategory],
    agents: &[SuggestableAgent],
) -> Option<Suggestions> {
    let object: Map<String, Value> = serde_json::from_str(strip_code_fence(text)).ok()?;
    let word = |name: &str| object.get(name).and_then(Value::as_str).map(str::trim);
    let category = word("category").and_then(|slug| {
        let mut candidates = categories.iter();
        candidates.find(|category| caseless(&category.slug) == caseless(slug))
    });
    let sentiment = word("sentiment").and_then(|word| {
        let mut candidates = SENTIMENTS.into_iter();
        candidates.find(|sentiment| sentiment.eq_ignore_ascii_case(word))
    });
    let assignee = object.get("assignee").and_then(Value::as_i64);
    let assignee = assignee.and_then(|id| agents.iter().find(|agent| agent.id == id));
    Some(Suggestions {
        category: category.cloned(),
        priority: word("priority").and_then(Priority::parse),
        sentiment,
        assignee: assignee.map(|agent| agent.card.clone()),
        reason: clean_reason(word("reason").unwrap_or_default()),
    })
}

/// Removes the Markdown code fence that some models put around JSON.
fn strip_code_fence(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    inner.map_or(text, |inner| inner.strip_prefix("json").unwrap_or(inner).trim())
}

/// A reason as one line without control characters, cut at [`MAX_REASON_CHARS`].
fn clean_reason(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_REASON_CHARS)
        .collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_parsed_in_every_format() {
        let long =
            |content: Value| json!({"choices": [{"message": {"role": "assistant", "content": content}}]});
        for (body, want) in [
            (long(json!("Hello")).to_string(), Some("Hello")),
            (
                long(json!("<think>hm\nhm</think>\n Hello ")).to_string(),
                Some("Hello"),
            ),
            (long(json!("<think>for ever")).to_string(), None),
            (json!({"response": "Hello"}).to_string(), Some("Hello")),
            (json!({"response": {"a": 1}}).to_string(), Some("{\"a\":1}")),
            (long(json!("  \n")).to_string(), None),
            (long(Value::Null).to_string(), None),
            (long(json!(["Hello"])).to_string(), None),
            (json!({"choices": []}).to_string(), None),
            (json!({"error": {"message": "secret"}}).to_string(), None),
            ("[]".to_owned(), None),
            ("<html>".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(parse_content(&body).as_deref(), want, "{body}");
        }
    }

    #[test]
    fn requests_ask_for_json_when_needed() {
        let prompt = |wants_json| Prompt {
            system: "s".to_owned(),
            user: "u".to_owned(),
            wants_json,
            truncated: false,
            messages: 0,
        };
        let read =
            |wants_json| serde_json::from_str::<Value>(&build_request("m", &prompt(wants_json))).unwrap();
        assert_eq!(read(true)["response_format"], json!({"type": "json_object"}));
        assert_eq!(read(false).get("response_format"), None);
        assert_eq!(
            read(false)["messages"][1],
            json!({"role": "user", "content": "u"})
        );
    }

    #[test]
    fn drafts_are_messages() {
        for (text, want) in [
            (" Hello\r\n\r\nworld\u{7} \n", Some("Hello\n\nworld")),
            ("\u{0}\u{1b}", None),
            ("", None),
        ] {
            assert_eq!(clean_draft(text).as_deref(), want, "{text:?}");
        }
        assert_eq!(clean_draft(&"é".repeat(20_000)).unwrap().chars().count(), 10_000);
    }

    #[test]
    fn only_existing_rows_are_suggested() {
        let billing = SuggestableCategory {
            id: 2,
            slug: "billing".to_owned(),
            name: "Billing".to_owned(),
        };
        let agent = SuggestableAgent {
            id: 7,
            categories: Vec::new(),
            open_tickets: 0,
            card: json!({"id": 7}),
        };
        let (categories, agents) = ([billing.clone()], [agent]);
        let read = |text: &str| parse_suggestions(text, &categories, &agents);
        let all = read(
            r#"{"category":"Billing","priority":"Critical","sentiment":"ANGRY","assignee":7,"reason":"Paid\ntwice.","close":true}"#,
        );
        assert_eq!(
            all,
            Some(Suggestions {
                category: Some(billing),
                priority: Some(Priority::Urgent),
                sentiment: Some("angry"),
                assignee: Some(json!({"id": 7})),
                reason: "Paid twice.".to_owned(),
            })
        );
        let nothing = Suggestions {
            category: None,
            priority: None,
            sentiment: None,
            assignee: None,
            reason: String::new(),
        };
        for text in [
            "{}",
            r#"{"category":"secret","priority":"now","sentiment":"bored","assignee":8,"reason":5}"#,
            r#"{"category":2,"priority":4,"sentiment":null,"assignee":"7"}"#,
            r#"{"category":{"id":2},"assignee":7.5}"#,
            "```json\n{}\n```",
        ] {
            assert_eq!(read(text).as_ref(), Some(&nothing), "{text}");
        }
        for text in ["", "[]", "null", "Sure! {}", "{\"category\":", "{} {}"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
