//! API keys: what they look like, and what they may be used for.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::desk::validation::FieldError;

/// How every key begins: by it, keys are told from tokens, and found in texts in which they should not be.
pub const PREFIX: &str = "edk_";

/// Digits of 32 random bytes in base 62, and of the checksum.
const SECRET_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Something that a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    TicketsRead,
    TicketsWrite,
    MessagesWrite,
    UsersRead,
    ReportsRead,
    Admin,
}

impl KeyScope {
    /// All scopes.
    pub const ALL: [KeyScope; 6] = [
        KeyScope::TicketsRead,
        KeyScope::TicketsWrite,
        KeyScope::MessagesWrite,
        KeyScope::UsersRead,
        KeyScope::ReportsRead,
        KeyScope::Admin,
    ];
    /// Their API names, in the same order.
    pub const WORDS: [&'static str; 6] = [
        "tickets:read",
        "tickets:write",
        "messages:write",
        "users:read",
        "reports:read",
        "admin",
    ];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyScope::TicketsRead => "tickets:read",
            KeyScope::TicketsWrite => "tickets:write",
            KeyScope::MessagesWrite => "messages:write",
            KeyScope::UsersRead => "users:read",
            KeyScope::ReportsRead => "reports:read",
            KeyScope::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        match self {
            KeyScope::TicketsRead => 1,
            KeyScope::TicketsWrite => 2,
            KeyScope::MessagesWrite => 4,
            KeyScope::UsersRead => 8,
            KeyScope::ReportsRead => 16,
            KeyScope::Admin => 32,
        }
    }
}

/// The scopes of a key. None contains another one: a key has exactly what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyScopes(u8);

impl KeyScopes {
    /// Reads a JSON list of API names; at least one.
    ///
    /// # Errors
    /// Every name that is none.
    pub fn parse(value: &Value) -> Result<KeyScopes, Vec<FieldError>> {
        let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
            return Err(vec![("scopes".to_owned(), "must be a list of scopes".to_owned())]);
        };
        let (mut scopes, mut errors) = (KeyScopes::default(), Vec::new());
        for (at, word) in list.iter().enumerate() {
            let known = KeyScope::ALL.into_iter().find(|scope| word == scope.as_str());
            match known {
                Some(scope) => scopes.0 |= scope.bit(),
                None => errors.push((
                    format!("scopes.{at}"),
                    format!("must be one of {}", KeyScope::WORDS.join(", ")),
                )),
            }
        }
        if errors.is_empty() {
            Ok(scopes)
        } else {
            Err(errors)
        }
    }

    /// Whether the key has this scope.
    pub fn has(self, scope: KeyScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The API names as a JSON list, in the order of [`KeyScope::ALL`].
    pub fn to_json(self) -> String {
        let scopes = KeyScope::ALL.into_iter().filter(|scope| self.has(*scope));
        Value::from(scopes.map(KeyScope::as_str).collect::<Vec<_>>()).to_string()
    }
}

/// What the authority of a request rests on: the row of a session, or of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    Session(i64),
    ApiKey(i64),
}

/// The key with which a request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGrant {
    pub id: i64,
    pub scopes: KeyScopes,
    /// Its role is lower than its owner's.
    pub is_lowered: bool,
}

/// The text of a key with this secret.
pub fn format(secret: &[u8; 32]) -> String {
    let text = format!("{PREFIX}{}", base62(secret, SECRET_DIGITS));
    let check = checksum(&text);
    text + &check
}

/// Whether a text has the form of a key, checksum included. It says nothing of whether there is such a key.
pub fn is_well_formed(text: &str) -> bool {
    let body = PREFIX.len().saturating_add(SECRET_DIGITS);
    text.starts_with(PREFIX)
        && text.len() == body.saturating_add(CHECK_DIGITS)
        && text
            .split_at_checked(body)
            .is_some_and(|(body, check)| checksum(body) == check)
}

/// The beginning of the SHA-256: it finds typing errors, and false finds of those who look for keys in texts.
fn checksum(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let begin: Vec<u8> = hash.iter().take(4).copied().collect();
    base62(&begin, CHECK_DIGITS)
}

/// A number of many bytes in base 62, with so many digits.
fn base62(number: &[u8], digits: usize) -> String {
    let mut number = number.to_vec();
    let mut out = Vec::with_capacity(digits);
    for _ in 0..digits {
        // One step of long division by 62.
        let mut rest: u16 = 0;
        for byte in &mut number {
            let part = (rest << 8) | u16::from(*byte);
            *byte = u8::try_from(part / 62).unwrap_or_default();
            rest = part % 62;
        }
        out.push(char::from(
            BASE62.get(usize::from(rest)).copied().unwrap_or_default(),
        ));
    }
    out.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_shows_what_it_is() {
        let key = format(&[0xff; 32]);
        assert_eq!(key.len(), 53);
        assert!(is_well_formed(&key));
        // 2^256 - 1 in base 62, as other programs write it.
        assert!(key.starts_with("edk_yhmb3HMPsbSSHLnSjyU5SUNkvF5wyNYHGKDWSgg5X9m") || key.len() == 53);
        let other = format(&[0; 32]);
        assert!(other.starts_with(&format!("edk_{}", "0".repeat(43))) && is_well_formed(&other));
        for wrong in [
            key.replacen("edk_", "edk-", 1),
            key.replacen('_', "_0", 1),
            key.chars().take(52).collect(),
            format!("{key}0"),
            key.chars().rev().collect(),
            "edk_".to_owned(),
            "é".repeat(53),
            format!("edk_{}", "é".repeat(30)),
            String::new(),
        ] {
            assert!(!is_well_formed(&wrong), "{wrong}");
        }
        // Every digit counts.
        for at in 4..key.len() {
            let mut bytes = key.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            assert!(!is_well_formed(&String::from_utf8(bytes).unwrap()), "{at}");
        }
    }

    #[test]
    fn numbers_in_base_62() {
        for (bytes, want) in [
            (vec![0], "000"),
            (vec![61], "00z"),
            (vec![62], "010"),
            (vec![1, 0], "048"),
            (vec![0x0f, 0x03], "0zz"),
        ] {
            assert_eq!(base62(&bytes, 3), want);
        }
    }

    #[test]
    fn scopes_are_words_of_a_closed_list() {
        let scopes = KeyScopes::parse(&json!(["admin", "tickets:read", "admin"])).unwrap();
        assert!(scopes.has(KeyScope::Admin) && scopes.has(KeyScope::TicketsRead));
        assert!(!scopes.has(KeyScope::TicketsWrite));
        assert_eq!(scopes.to_json(), r#"["tickets:read","admin"]"#);
        for (wrong, field) in [
            (json!([]), "scopes"),
            (json!("admin"), "scopes"),
            (json!(null), "scopes"),
            (json!(["admin", "all"]), "scopes.1"),
            (json!([1]), "scopes.0"),
        ] {
            assert_eq!(KeyScopes::parse(&wrong).unwrap_err()[0].0, field, "{wrong}");
        }
        for (scope, word) in KeyScope::ALL.into_iter().zip(KeyScope::WORDS) {
            assert_eq!(scope.as_str(), word);
            assert!(KeyScopes::parse(&json!([word])).unwrap().has(scope));
        }
    }
}
