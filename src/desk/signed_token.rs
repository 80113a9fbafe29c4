//! Signed tokens in links (HMAC-SHA-256, truncated to 128 bits): they prove that we issued the link.

use hmac::{Hmac, Mac};

/// Bytes of a signature: 128 bits.
const SIGNATURE_BYTES: usize = 16;

/// Signs and verifies tokens. A token signed for one purpose is invalid for any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    key: String,
}

impl Signer {
    /// A signer with this key.
    pub fn new(key: String) -> Signer {
        Signer { key }
    }

    /// Signs a token: `payload.signature`. `about` is signed as well, but is not part of the token.
    pub fn sign(&self, purpose: &str, payload: &str, about: &str) -> String {
        let signature = hmac_hex(&self.key, &[purpose, payload, about], SIGNATURE_BYTES);
        format!("{payload}.{signature}")
    }

    /// The payload of a token. It is NOT verified yet: call [`Signer::verify`] before trusting it.
    pub fn payload(token: &str) -> Option<&str> {
        token.rsplit_once('.').map(|(payload, _)| payload)
    }

    /// Whether the token was signed by us, for this purpose and about this.
    pub fn verify(&self, purpose: &str, token: &str, about: &str) -> bool {
        let parts = token.rsplit_once('.');
        parts.is_some_and(|(payload, signature)| {
            verify_hmac(&self.key, &[purpose, payload, about], signature, SIGNATURE_BYTES)
        })
    }
}

/// The first `bytes` bytes of an HMAC-SHA-256 over the parts, one per line, in hexadecimal.
pub fn hmac_hex(key: &str, parts: &[&str], bytes: usize) -> String {
    let mac = mac(key, parts).map(|mac| mac.finalize().into_bytes());
    let bytes = mac.iter().flatten().take(bytes);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a signature of this length is the one over these parts. Takes the same time for every wrong one.
pub(super) fn verify_hmac(key: &str, parts: &[&str], signature: &str, bytes: usize) -> bool {
    let read = if signature.len() == bytes.saturating_mul(2) {
        decode_hex(signature)
    } else {
        None
    };
    match (mac(key, parts), read) {
        (Some(mac), Some(read)) => mac.verify_truncated_left(&read).is_ok(),
        _ => false,
    }
}

fn mac(key: &str, parts: &[&str]) -> Option<Hmac<sha2::Sha256>> {
    // HMAC accepts keys of any length.
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).ok()?;
    Some(mac.chain_update(parts.join("\n")))
}

pub(in crate::desk) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at.saturating_add(2))?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signed_tokens_verify() {
        let signer = Signer::new("key".to_owned());
        let token = signer.sign("stop", "7.reply", "");
        assert_eq!(Signer::payload(&token), Some("7.reply"));
        assert!(signer.verify("stop", &token, ""));
        for (purpose, payload, about) in [
            ("verify", token.clone(), ""),
            ("stop", token.clone(), "x"),
            ("stop", token.replace("7.", "8."), ""),
            ("stop", "7.reply".to_owned(), ""),
            ("stop", "7.reply.".to_owned(), ""),
            ("stop", String::new(), ""),
            ("stop", format!("7.reply.{}", "é".repeat(16)), ""),
            (
                "stop",
                Signer::new("other".to_owned()).sign("stop", "7.reply", ""),
                "",
            ),
        ] {
            assert!(!signer.verify(purpose, &payload, about), "{purpose} {payload}");
        }
    }
}
