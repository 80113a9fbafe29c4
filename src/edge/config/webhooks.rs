//! Configuration of webhooks.

use crate::edge::config::values::{ConfigSource, parse_switch};

pub struct WebhookConfig {
    /// `WEBHOOKS_ALLOW_LOOPBACK`: endpoints on this machine are allowed, in development only.
    pub allow_loopback: bool,
    /// `DNS_OVER_HTTPS_URL`: the resolver that checks the addresses of an endpoint before a request. `None`: no check.
    pub dns: Option<String>,
}

/// Reads the configuration. In production addresses are always checked; in development only if a resolver is set.
///
/// # Errors
/// What is wrong, as a message for the operator.
pub fn parse(values: &impl ConfigSource, development: bool) -> Result<WebhookConfig, String> {
    let allow_loopback = parse_switch(values, "WEBHOOKS_ALLOW_LOOPBACK", false)?;
    if allow_loopback && !development {
        return Err("WEBHOOKS_ALLOW_LOOPBACK may be on in development only".to_owned());
    }
    let usual = (!development).then(|| "https://cloudflare-dns.com/dns-query".to_owned());
    let dns = values.value("DNS_OVER_HTTPS_URL").or(usual);
    let safe = |url: &String| url.starts_with("https://") || (development && url.starts_with("http://"));
    if !dns.iter().all(|url| safe(url) && !url.contains(['?', '#', ' '])) {
        return Err(
            "DNS_OVER_HTTPS_URL must be an https URL such as https://cloudflare-dns.com/dns-query".to_owned(),
        );
    }
    Ok(WebhookConfig { allow_loopback, dns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn addresses_are_checked_except_in_development() {
        for (environment, dns, want) in [
            ("", "", Some("https://cloudflare-dns.com/dns-query")),
            ("", "https://dns.example/q", Some("https://dns.example/q")),
            ("development", "", None),
            (
                "development",
                "http://127.0.0.1:1/q",
                Some("http://127.0.0.1:1/q"),
            ),
        ] {
            let values = HashMap::from([("DNS_OVER_HTTPS_URL", dns)]);
            let webhooks = parse(&values, environment == "development").unwrap();
            assert_eq!((webhooks.dns.as_deref(), webhooks.allow_loopback), (want, false));
        }
        let values = HashMap::from([("WEBHOOKS_ALLOW_LOOPBACK", "on")]);
        assert!(parse(&values, true).unwrap().allow_loopback);
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        for (name, value, development) in [
            ("WEBHOOKS_ALLOW_LOOPBACK", "on", false),
            ("WEBHOOKS_ALLOW_LOOPBACK", "yes", true),
            ("DNS_OVER_HTTPS_URL", "http://dns.example.com/dns-query", false),
            ("DNS_OVER_HTTPS_URL", "dns.example.com", true),
            ("DNS_OVER_HTTPS_URL", "https://dns.example.com/?q", false),
        ] {
            let message = parse(&HashMap::from([(name, value)]), development).err();
            assert!(
                message.is_some_and(|message| message.contains(name)),
                "{name}={value}"
            );
        }
    }
}
