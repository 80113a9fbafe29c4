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
    pub fn sign(&self, purpose: &str, word: &str, about: &str) -> String {
        let mark = hmac_hex(&self.key, &[purpose, word, about], SIGNATURE_BYTES);
        format!("{word}.{mark}")
    }

    /// The payload of a token. It is NOT verified yet: call [`Signer::verify`] before trusting it.
    pub fn payload(sealed: &str) -> Option<&str> {
        sealed.rsplit_once('.').map(|(word, _)| word)
    }

    /// Whether the token was signed by us, for this purpose and about this.
    pub fn verify(&self, purpose: &str, sealed: &str, about: &str) -> bool {
        let parts = sealed.rsplit_once('.');
        parts.is_some_and(|(word, seal)| {
            verify_hmac(&self.key, &[purpose, word, about], seal, SIGNATURE_BYTES)
        })
    }
}

/// The first `bytes` bytes of an HMAC-SHA-256 over the parts, one per line, in hexadecimal.
pub(super) fn hmac_hex(key: &str, parts: &[&str], bytes: usize) -> String {
    let mac = mac(key, parts).map(|mac| mac.finalize().into_bytes());
    let bytes = mac.iter().flatten().take(bytes);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a signature of this length is the one over these parts. Takes the same time for every wrong one.
pub(super) fn verify_hmac(key: &str, parts: &[&str], seal: &str, bytes: usize) -> bool {
    let read = if seal.len() == bytes.saturating_mul(2) {
        decode_hex(seal)
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

fn decode_hex(text: &str) -> Option<Vec<u8>> {
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
    fn only_what_was_sealed_opens() {
        let ours = Signer::new("key".to_owned());
        let sealed = ours.sign("stop", "7.reply", "");
        assert_eq!(Signer::payload(&sealed), Some("7.reply"));
        assert!(ours.verify("stop", &sealed, ""));
        for (purpose, word, about) in [
            ("verify", sealed.clone(), ""),
            ("stop", sealed.clone(), "x"),
            ("stop", sealed.replace("7.", "8."), ""),
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
            assert!(!ours.verify(purpose, &word, about), "{purpose} {word}");
        }
    }
}
