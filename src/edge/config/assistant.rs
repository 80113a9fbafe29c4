//! Configuration of the assistant.

use crate::edge::config::values::{ConfigSource, parse_integer, parse_switch};

/// The language model, and how it is used.
pub struct AssistantConfig {
    /// `None`: the assistant is off.
    pub provider: Option<ModelProvider>,
    /// How long a response may take, in milliseconds. `AI_TIMEOUT_SECONDS`, default 20 seconds.
    pub timeout_ms: u32,
    /// `AI_INCLUDE_NOTES`: the model also gets the internal notes that the caller can read.
    pub include_notes: bool,
}

/// Where the model runs.
pub enum ModelProvider {
    /// A server with OpenAI's chat completions API.
    Server {
        /// The URL of the requests.
        url: String,
        key: Option<String>,
        model: String,
    },
    /// Workers AI, through the binding `AI`.
    Binding { model: String },
}

impl ModelProvider {
    /// The name of the model.
    pub fn model(&self) -> &str {
        match self {
            ModelProvider::Server { model, .. } | ModelProvider::Binding { model } => model,
        }
    }
}

impl AssistantConfig {
    /// Reads `AI_BASE_URL`, `AI_API_KEY` and `AI_MODEL`; `AI_MODEL` alone is a model of Workers AI.
    ///
    /// # Errors
    /// What is missing or wrong, as a message for the operator.
    pub fn parse(values: &impl ConfigSource) -> Result<AssistantConfig, String> {
        let (base, key) = (values.value("AI_BASE_URL"), values.value("AI_API_KEY"));
        let provider = match (base, values.value("AI_MODEL")) {
            (None, None) if key.is_none() => None,
            (None, _) if key.is_some() => {
                return Err("AI_BASE_URL is not set, but AI_API_KEY is".to_owned());
            }
            (None, model) => model.map(|model| ModelProvider::Binding { model }),
            (Some(base), model) => Some(ModelProvider::Server {
                url: completions_url(&base)?,
                key,
                model: model.ok_or("AI_MODEL is not set, but AI_BASE_URL is")?,
            }),
        };
        let seconds = parse_integer(values, "AI_TIMEOUT_SECONDS", 20, 1..=120)?;
        Ok(AssistantConfig {
            provider,
            timeout_ms: u32::try_from(seconds).unwrap_or(20).saturating_mul(1_000),
            include_notes: parse_switch(values, "AI_INCLUDE_NOTES", false)?,
        })
    }
}

/// The URL of the requests. They carry tickets and the key, so it must be https, except for a server on this machine.
fn completions_url(base: &str) -> Result<String, String> {
    let wrong = || {
        "AI_BASE_URL must be an https address without query, such as https://api.deepseek.com (http is for localhost only)"
            .to_owned()
    };
    let base = base.trim().trim_end_matches('/');
    let (scheme, rest) = base.split_once("://").ok_or_else(wrong)?;
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let secure = scheme == "https" || (scheme == "http" && matches!(name, "localhost" | "127.0.0.1"));
    if !secure || name.is_empty() || rest.contains(['?', '#', '@', ' ']) {
        return Err(wrong());
    }
    Ok(format!("{base}/chat/completions"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_model_is_a_servers_or_workers_ai() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let values: HashMap<&str, &str> = pairs.iter().copied().collect();
            AssistantConfig::parse(&values).unwrap()
        };
        assert!(read(&[]).provider.is_none());
        let binding = read(&[("AI_MODEL", "@cf/m")]).provider.unwrap();
        assert!(matches!(&binding, ModelProvider::Binding { model } if model == "@cf/m"));
        for (base, want) in [
            (
                "https://api.deepseek.com",
                "https://api.deepseek.com/chat/completions",
            ),
            (
                "https://api.openai.com/v1/",
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "http://127.0.0.1:11434/v1",
                "http://127.0.0.1:11434/v1/chat/completions",
            ),
        ] {
            let assist = read(&[("AI_BASE_URL", base), ("AI_MODEL", "m"), ("AI_API_KEY", "k")]);
            let provider = assist.provider.unwrap();
            assert!(matches!(&provider, ModelProvider::Server { url, .. } if url == want));
            assert_eq!(
                (provider.model(), assist.timeout_ms, assist.include_notes),
                ("m", 20_000, false)
            );
        }
    }
}
