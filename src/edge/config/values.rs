//! Reads single configuration values.

use crate::edge::ids;

/// The source of values: the Worker's environment, or a table in tests.
pub trait ConfigSource {
    /// The value of a variable or secret, if it is set and not empty.
    fn value(&self, name: &str) -> Option<String>;
}

/// Derives a key for one purpose from a secret, in hexadecimal. It tells nothing about the secret or other keys.
pub fn derive_key(secret: &str, purpose: &str) -> String {
    use hmac::{Hmac, Mac};
    Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
        .map(|mac| ids::hex(&mac.chain_update(purpose.as_bytes()).finalize().into_bytes()))
        .unwrap_or_default()
}

pub(super) fn parse_switch(values: &impl ConfigSource, name: &str, default: bool) -> Result<bool, String> {
    match values.value(name).as_deref() {
        None => Ok(default),
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(_) => Err(format!("{name} must be on or off")),
    }
}

pub(super) fn parse_integer(
    values: &impl ConfigSource,
    name: &str,
    default: i64,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, String> {
    let Some(text) = values.value(name) else {
        return Ok(default);
    };
    let value = text.trim().parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| {
        format!(
            "{name} must be a whole number from {} to {}",
            range.start(),
            range.end()
        )
    })
}
