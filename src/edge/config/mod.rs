//! Which variables and secrets can an operator set, and are they valid? Read once per isolate and checked as a whole,
//! so that a Worker with a wrong value says so at its first request.
//!
//! Variables are read nowhere else. Nothing here uses what they configure; messages name the variable and never contain
//! a secret. `docs/configuration.md` lists all of them (a test compares).

pub mod assistant;
pub mod mail;
pub mod values;
pub mod webhooks;

use std::cell::OnceCell;
use std::rc::Rc;

use crate::edge::auth::token::KeyRing;
use crate::edge::config::assistant::AssistantConfig;
use crate::edge::config::mail::MailConfig;
use crate::edge::config::values::{ConfigSource, derive_key, parse_integer, parse_switch};
use crate::edge::config::webhooks::WebhookConfig;

pub struct Config {
    /// `ENVIRONMENT` is `development`: the development routes exist.
    pub development: bool,
    /// Required by the development routes; without it they do not exist.
    pub dev_secret: Option<String>,
    /// The keys that sign and verify tokens.
    pub keys: KeyRing,
    /// A secret that is mixed into every password hash.
    pub pepper: String,
    /// How long an access token is valid, in seconds. `ACCESS_TOKEN_EXPIRE_MINUTES`, default 15 minutes.
    pub access_seconds: i64,
    /// How long an unused session stays valid, in seconds. `REFRESH_TOKEN_EXPIRE_DAYS`, default 30 days.
    pub refresh_seconds: i64,
    /// Origins from which browsers may call the API.
    pub cors_origins: Vec<String>,
    /// False if `RATE_LIMITS` is `off`.
    pub rate_limits: bool,
    pub files: FileStoreConfig,
    pub assistant: AssistantConfig,
    pub mail: MailConfig,
    pub webhooks: WebhookConfig,
}

/// Where attachments are stored.
pub struct FileStoreConfig {
    /// Scheme and host of an S3 store. `None`: the Worker's own `/uploads` with its R2 binding.
    pub endpoint: Option<String>,
    pub bucket: String,
    pub key_id: String,
    pub secret: String,
}

impl ConfigSource for worker::Env {
    fn value(&self, name: &str) -> Option<String> {
        self.var(name)
            .ok()
            .map(|value| value.to_string())
            .filter(|value| !value.is_empty())
    }
}

thread_local! {
    static CONFIG: OnceCell<Result<Rc<Config>, String>> = const { OnceCell::new() };
}

/// The configuration of this isolate.
///
/// # Errors
/// What is missing or wrong, as a message for the operator without secrets.
pub fn load(values: &impl ConfigSource) -> Result<Rc<Config>, String> {
    CONFIG.with(|cell| cell.get_or_init(|| parse(values).map(Rc::new)).clone())
}

fn parse(values: &impl ConfigSource) -> Result<Config, String> {
    let pepper = values
        .value("PASSWORD_PEPPER")
        .filter(|pepper| pepper.len() >= 32)
        .ok_or(
            "PASSWORD_PEPPER is not set, or shorter than 32 bytes: `wrangler secret put PASSWORD_PEPPER` \
         (locally: .dev.vars, which `npm start` writes)",
        )?;
    let files = parse_file_store(values, &pepper)?;
    let development = values.value("ENVIRONMENT").as_deref() == Some("development");
    Ok(Config {
        development,
        mail: mail::parse(values, development, &pepper)?,
        dev_secret: values.value("DEV_SECRET").filter(|secret| secret.len() >= 16),
        keys: KeyRing::parse(values)?,
        pepper,
        access_seconds: parse_integer(values, "ACCESS_TOKEN_EXPIRE_MINUTES", 15, 1..=1_440)?
            .saturating_mul(60),
        refresh_seconds: parse_integer(values, "REFRESH_TOKEN_EXPIRE_DAYS", 30, 1..=365)?
            .saturating_mul(86_400),
        cors_origins: parse_origins(values)?,
        rate_limits: parse_switch(values, "RATE_LIMITS", true)?,
        files,
        assistant: AssistantConfig::parse(values)?,
        webhooks: webhooks::parse(values, development)?,
    })
}

/// Reads `R2_ACCESS_KEY_ID`, `R2_SECRET_ACCESS_KEY`, `R2_BUCKET`, and `R2_ACCOUNT_ID` or `R2_ENDPOINT`: all or none.
/// Without them, uploads go to the Worker itself, signed with a key derived from the pepper.
fn parse_file_store(values: &impl ConfigSource, pepper: &str) -> Result<FileStoreConfig, String> {
    let account = values.value("R2_ACCOUNT_ID");
    let endpoint = match (values.value("R2_ENDPOINT"), &account) {
        (Some(endpoint), _) => Some(endpoint.trim_end_matches('/').to_owned()),
        (None, Some(account)) => Some(format!("https://{account}.r2.cloudflarestorage.com")),
        (None, None) => None,
    };
    let names = ["R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET"];
    let keys = names.map(|name| values.value(name));
    if endpoint.is_none() && keys.iter().all(Option::is_none) {
        return Ok(FileStoreConfig {
            endpoint: None,
            bucket: String::new(),
            key_id: "edgedesk".to_owned(),
            secret: derive_key(pepper, "edgedesk upload links"),
        });
    }
    let endpoint = endpoint.ok_or("R2_ACCOUNT_ID (or R2_ENDPOINT) is not set, but other R2_ secrets are")?;
    let host = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"));
    if host.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '@', ' '])) {
        return Err("R2_ENDPOINT must be scheme and host, such as https://s3.example.com".to_owned());
    }
    match keys {
        [Some(key_id), Some(secret), Some(bucket)] if !bucket.contains('/') => Ok(FileStoreConfig {
            endpoint: Some(endpoint),
            bucket,
            key_id,
            secret,
        }),
        keys => {
            let missing = names.iter().zip(&keys).find(|(_, value)| value.is_none());
            let name = missing.map_or("R2_BUCKET", |(name, _)| name);
            Err(format!(
                "{name} is not set, or is wrong: files need all of the R2_ secrets, or none"
            ))
        }
    }
}

/// Reads `CORS_ORIGINS` or `BACKEND_CORS_ORIGINS`: a comma-separated list or a JSON array of origins.
fn parse_origins(values: &impl ConfigSource) -> Result<Vec<String>, String> {
    let Some(text) = values
        .value("CORS_ORIGINS")
        .or_else(|| values.value("BACKEND_CORS_ORIGINS"))
    else {
        return Ok(Vec::new());
    };
    let list: Vec<String> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
            .map_err(|_| "CORS_ORIGINS is neither a comma list nor a JSON array of strings".to_owned())?
    } else {
        text.split(',').map(str::to_owned).collect()
    };
    let list: Vec<String> = list
        .iter()
        .map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase())
        .filter(|origin| !origin.is_empty())
        .collect();
    match list
        .iter()
        .find(|origin| !origin.starts_with("http://") && !origin.starts_with("https://"))
    {
        Some(wrong) => Err(format!(
            "CORS_ORIGINS: `{wrong}` is not an origin such as https://app.example.com"
        )),
        None => Ok(list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    impl ConfigSource for HashMap<&str, &str> {
        fn value(&self, name: &str) -> Option<String> {
            self.get(name)
                .map(|value| (*value).to_owned())
                .filter(|value| !value.is_empty())
        }
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn base() -> HashMap<&'static str, &'static str> {
        HashMap::from([("JWT_SECRET", SECRET), ("PASSWORD_PEPPER", SECRET)])
    }

    #[test]
    fn nothing_starts_without_its_secrets() {
        for (name, value) in [
            ("JWT_SECRET", ""),
            ("JWT_SECRET", "short"),
            ("PASSWORD_PEPPER", ""),
        ] {
            let mut values = base();
            values.insert(name, value);
            let message = parse(&values).err().unwrap_or_default();
            assert!(message.contains(name), "{name}: {message}");
        }
        assert!(parse(&base()).is_ok());
    }

    #[test]
    fn older_names_stand_in_for_the_secret() {
        for name in ["JWT_SECRET_KEY", "SECRET_KEY"] {
            assert!(
                parse(&HashMap::from([(name, SECRET), ("PASSWORD_PEPPER", SECRET)])).is_ok(),
                "{name}"
            );
        }
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        for (name, value) in [
            ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
            ("REFRESH_TOKEN_EXPIRE_DAYS", "soon"),
            ("CORS_ORIGINS", "*"),
            ("CORS_ORIGINS", "[1]"),
            ("RATE_LIMITS", "maybe"),
            ("ALGORITHM", "RS256"),
            ("ALGORITHM", "none"),
            ("MAIL_REPLY_TO", "support"),
            ("AI_BASE_URL", "api.example.com"),
            ("AI_BASE_URL", "http://api.example.com"),
            ("AI_BASE_URL", "https://user:pass@api.example.com"),
            ("AI_BASE_URL", "https://api.example.com/v1?key=1"),
            ("AI_BASE_URL", "https://api.example.com"), // without AI_MODEL
            ("AI_API_KEY", "key"),
            ("AI_TIMEOUT_SECONDS", "0"),
            ("AI_INCLUDE_NOTES", "yes"),
            ("R2_ENDPOINT", "s3.example.com"),
            ("R2_ENDPOINT", "https://s3.example.com/files"),
        ] {
            let mut values = base();
            values.insert(name, value);
            let message = parse(&values).err().unwrap_or_default();
            assert!(message.contains(name), "{name}={value}: {message}");
        }
    }

    #[test]
    fn files_go_to_r2_when_all_its_secrets_are_there() {
        for name in ["R2_BUCKET", "R2_ACCOUNT_ID"] {
            let mut values = base();
            values.insert(name, "x");
            assert!(
                parse(&values).is_err_and(|message| message.contains("R2_")),
                "{name}"
            );
        }
        let own = parse(&base()).unwrap().files;
        assert!(own.endpoint.is_none() && own.secret.len() == 64);
        for (name, value, want) in [
            ("R2_ACCOUNT_ID", "0123", "https://0123.r2.cloudflarestorage.com"),
            ("R2_ENDPOINT", "http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ] {
            let mut values = base();
            values.extend([
                (name, value),
                ("R2_ACCESS_KEY_ID", "id"),
                ("R2_SECRET_ACCESS_KEY", "secret"),
            ]);
            assert!(parse(&values).err().unwrap_or_default().contains("R2_BUCKET"));
            values.insert("R2_BUCKET", "files");
            let store = parse(&values).unwrap().files;
            assert_eq!(store.endpoint.as_deref(), Some(want));
            assert_eq!((store.key_id.as_str(), store.bucket.as_str()), ("id", "files"));
        }
    }

    #[test]
    fn origins_come_in_two_forms() {
        for text in [
            "https://a.example, http://localhost:3000/",
            r#"["https://a.example","http://localhost:3000"]"#,
        ] {
            let mut values = base();
            values.insert("BACKEND_CORS_ORIGINS", text);
            let config = parse(&values).ok().map(|config| config.cors_origins);
            assert_eq!(
                config,
                Some(vec![
                    "https://a.example".to_owned(),
                    "http://localhost:3000".to_owned()
                ])
            );
        }
    }
}
