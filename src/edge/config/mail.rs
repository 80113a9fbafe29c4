//! Configuration of mail: how it is sent, and where its links lead.

use crate::desk::mail::inbound::people::OwnAddresses;
use crate::desk::mail::reply_address::ReplyAddress;
use crate::desk::signed_token::Signer;
use crate::edge::config::values::{ConfigSource, derive_key, parse_switch};

pub struct MailConfig {
    pub transport: MailTransport,
    /// `MAIL_FROM`: the sender of mails.
    pub from: Mailbox,
    /// `MAIL_REPLY_TO`: the address of the help desk, to which people write and reply.
    pub reply_to: Option<ReplyAddress>,
    /// `MAIL_TRUST_FROM`: the sender of a mail is believed even if it is not authenticated.
    pub trust_from: bool,
    /// `APP_URL`: the front end that mails link to. `None`: the Worker's own pages, and no links to tickets.
    pub app_url: Option<String>,
    /// `API_URL`: the public URL of this Worker.
    pub api_url: String,
    /// Signs the tokens in links.
    pub signer: Signer,
}

impl MailConfig {
    /// The addresses of the help desk.
    pub fn own_addresses(&self) -> OwnAddresses<'_> {
        OwnAddresses {
            reply: self.reply_to.as_ref(),
            from: &self.from.address,
        }
    }
}

/// `MAIL_MODE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTransport {
    /// No mail is sent, and none is stored for later.
    Off,
    /// Mails are written to the log, for development.
    Log,
    /// Through the `send_email` binding `EMAIL`.
    Binding,
    /// Through the HTTP API of a provider, in the format of api.resend.com/emails.
    Http { url: String, key: String },
}

/// An optional name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: String,
}

impl Mailbox {
    /// Parses `desk@desk.example` or `Edgedesk <desk@desk.example>`.
    fn parse(text: &str) -> Option<Mailbox> {
        let (name, address) = match text
            .trim()
            .strip_suffix('>')
            .and_then(|text| text.split_once('<'))
        {
            Some((name, address)) => (Some(name.trim().trim_matches('"').trim()), address),
            None => (None, text),
        };
        let address = address.trim();
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',' | ';');
        let fits = address
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        let name_fits =
            name.is_none_or(|name| !name.contains(|c: char| c.is_control() || matches!(c, '<' | '>' | '"')));
        (fits && name_fits && !address.contains(odd)).then(|| Mailbox {
            name: name.filter(|name| !name.is_empty()).map(str::to_owned),
            address: address.to_owned(),
        })
    }
}

impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "\"{name}\" <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// Reads the configuration. The default is to log mails in development and to send none in production.
///
/// # Errors
/// What is missing or wrong, as a message for the operator.
pub fn parse(values: &impl ConfigSource, development: bool, pepper: &str) -> Result<MailConfig, String> {
    let default = if development { "log" } else { "off" };
    let mode = values.value("MAIL_MODE").unwrap_or_else(|| default.to_owned());
    let transport = match mode.as_str() {
        "off" => MailTransport::Off,
        "log" => MailTransport::Log,
        "binding" => MailTransport::Binding,
        "http" => MailTransport::Http {
            url: parse_mail_url(values, development)?,
            key: values.value("MAIL_HTTP_KEY").ok_or(
                "MAIL_MODE is http, and MAIL_HTTP_KEY is not set: `wrangler secret put MAIL_HTTP_KEY`",
            )?,
        },
        _ => return Err("MAIL_MODE must be off, log, binding or http".to_owned()),
    };
    let leaves = matches!(transport, MailTransport::Binding | MailTransport::Http { .. });
    let from = match values.value("MAIL_FROM") {
        Some(text) => Mailbox::parse(&text).ok_or(
            "MAIL_FROM must be an address, such as desk@desk.example or Edgedesk <desk@desk.example>",
        )?,
        None if leaves => return Err("MAIL_FROM is not set: mails need a sender".to_owned()),
        None => Mailbox {
            name: Some("Edgedesk".to_owned()),
            address: "desk@localhost".to_owned(),
        },
    };
    let app_url = parse_url(values, "APP_URL")?;
    let api_url = match parse_url(values, "API_URL")?.or_else(|| app_url.clone()) {
        Some(url) => url,
        None if leaves && !development => {
            return Err(
                "API_URL is not set: mails have links to it, such as https://desk.example.com".to_owned(),
            );
        }
        None => "http://localhost:8787".to_owned(),
    };
    let reply_to = match values.value("MAIL_REPLY_TO") {
        Some(address) => Some(
            ReplyAddress::new(&address, derive_key(pepper, "edgedesk reply addresses"))
                .map_err(|why| format!("MAIL_REPLY_TO {why}"))?,
        ),
        None => None,
    };
    Ok(MailConfig {
        transport,
        from,
        reply_to,
        trust_from: parse_switch(values, "MAIL_TRUST_FROM", false)?,
        app_url,
        api_url,
        signer: Signer::new(derive_key(pepper, "edgedesk links in mails")),
    })
}

/// Scheme, host and path of a page, without a trailing slash.
fn parse_url(values: &impl ConfigSource, name: &str) -> Result<Option<String>, String> {
    let Some(url) = values.value(name) else {
        return Ok(None);
    };
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', '@', ' ', '"', '<', '>']) => {
            Ok(Some(url.trim_end_matches('/').to_owned()))
        }
        _ => Err(format!("{name} must be a URL such as https://desk.example.com")),
    }
}

fn parse_mail_url(values: &impl ConfigSource, development: bool) -> Result<String, String> {
    let url = values
        .value("MAIL_HTTP_URL")
        .unwrap_or_else(|| "https://api.resend.com/emails".to_owned());
    let is_safe = url.starts_with("https://") || (development && url.starts_with("http://"));
    if is_safe {
        Ok(url)
    } else {
        Err("MAIL_HTTP_URL must begin with https://".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const PEPPER: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn senders_have_two_forms() {
        for (text, name, address) in [
            ("desk@desk.example", None, "desk@desk.example"),
            (
                "Edgedesk <desk@desk.example>",
                Some("Edgedesk"),
                "desk@desk.example",
            ),
            (
                "\"Desk, the\" <desk@desk.example>",
                Some("Desk, the"),
                "desk@desk.example",
            ),
            ("<desk@desk.example>", None, "desk@desk.example"),
        ] {
            let read = Mailbox::parse(text).unwrap();
            assert_eq!(
                (read.name.as_deref(), read.address.as_str()),
                (name, address),
                "{text}"
            );
        }
        for wrong in [
            "",
            "desk",
            "@x",
            "a@b@c",
            "a b@c",
            "x <a@b",
            "a@b, c@d",
            "\u{7}<a@b>",
        ] {
            assert_eq!(Mailbox::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn missing_and_invalid_values_are_named() {
        let good = HashMap::from([
            ("MAIL_MODE", "http"),
            ("MAIL_HTTP_KEY", "key"),
            ("MAIL_FROM", "desk@desk.example"),
            ("API_URL", "https://desk.example/"),
        ]);
        assert!(parse(&good, false, PEPPER).is_ok_and(|mail| mail.api_url == "https://desk.example"));
        for (name, value) in [
            ("MAIL_MODE", "pigeon"),
            ("MAIL_HTTP_KEY", ""),
            ("MAIL_FROM", ""),
            ("MAIL_FROM", "desk"),
            ("API_URL", ""),
            ("API_URL", "desk.example"),
            ("APP_URL", "https://app.example/#x"),
            ("MAIL_HTTP_URL", "http://provider.example"),
            ("MAIL_REPLY_TO", "support"),
            ("MAIL_TRUST_FROM", "yes"),
        ] {
            let mut values = good.clone();
            values.insert(name, value);
            let why = parse(&values, false, PEPPER).err().unwrap_or_default();
            assert!(why.contains(name), "{name}={value}: {why}");
        }
        let nothing: HashMap<&str, &str> = HashMap::new();
        for (development, transport) in [(true, MailTransport::Log), (false, MailTransport::Off)] {
            assert!(parse(&nothing, development, PEPPER).is_ok_and(|mail| mail.transport == transport));
        }
    }
}
