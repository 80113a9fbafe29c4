//! Words that leave the house and come back: whoever brings one has got it from us.

use hmac::{Hmac, Mac};

/// Bytes of a seal: 128 bits.
const SEAL: usize = 16;

/// Makes and reads sealed words. Each purpose has seals of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealer {
    key: String,
}

impl Sealer {
    /// One that seals by this key.
    pub fn new(key: String) -> Sealer {
        Sealer { key }
    }

    /// The word with its seal: `word.seal`. `about` is part of what is sealed, and not of what is seen.
    pub fn seal(&self, purpose: &str, word: &str, about: &str) -> String {
        let bytes = self
            .mac(purpose, word, about)
            .map(|mac| mac.finalize().into_bytes());
        let hex: String = bytes
            .iter()
            .flatten()
            .take(SEAL)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{word}.{hex}")
    }

    /// The word, still to be checked by [`Sealer::is_ours`].
    pub fn word(sealed: &str) -> Option<&str> {
        sealed.rsplit_once('.').map(|(word, _)| word)
    }

    /// Whether the seal is ours, for this purpose and about this.
    pub fn is_ours(&self, purpose: &str, sealed: &str, about: &str) -> bool {
        let Some((word, seal)) = sealed.rsplit_once('.') else {
            return false;
        };
        let (Some(mac), Some(bytes)) = (self.mac(purpose, word, about), bytes(seal)) else {
            return false;
        };
        mac.verify_truncated_left(&bytes).is_ok()
    }

    fn mac(&self, purpose: &str, word: &str, about: &str) -> Option<Hmac<sha2::Sha256>> {
        // HMAC takes keys of any length.
        let mac = Hmac::<sha2::Sha256>::new_from_slice(self.key.as_bytes()).ok()?;
        Some(mac.chain_update(format!("{purpose}\n{word}\n{about}")))
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != SEAL.saturating_mul(2) || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(hex.get(at..at.saturating_add(2))?, 16).ok();
    (0..hex.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_opens() {
        let ours = Sealer::new("key".to_owned());
        let sealed = ours.seal("stop", "7.reply", "");
        assert_eq!(Sealer::word(&sealed), Some("7.reply"));
        assert!(ours.is_ours("stop", &sealed, ""));
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
                Sealer::new("other".to_owned()).seal("stop", "7.reply", ""),
                "",
            ),
        ] {
            assert!(!ours.is_ours(purpose, &word, about), "{purpose} {word}");
        }
    }
}
