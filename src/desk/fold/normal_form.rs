//! The normalization forms of Unicode.
//!
//! In the Worker the platform makes them, natively a crate does. The crate's tables would weigh 62 kB (gzip) in the
//! Worker, those of `icu_normalizer` 39 kB; the platform has the same ones from the same standard, and forms are stable:
//! no later version of Unicode changes the form of a character that has one. A test through the API holds the two
//! against the same pairs.

use std::borrow::Cow;
use std::sync::OnceLock;

/// A normalization form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Composed: one character where there is one.
    Nfc,
    /// Decomposed: `é` is a letter and a mark.
    Nfd,
    /// Decomposed, with compatibility forms resolved: `ﬁ` is two letters.
    Nfkd,
}

impl Form {
    /// The standard's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Nfc => "NFC",
            Form::Nfd => "NFD",
            Form::Nfkd => "NFKD",
        }
    }
}

/// Brings a text into a form.
pub type Normalizer = fn(&str, Form) -> String;

static PLATFORM: OnceLock<Normalizer> = OnceLock::new();

/// Says how the platform normalizes; called once, when the Worker is loaded.
pub fn use_platform(normalizer: Normalizer) {
    let _ = PLATFORM.set(normalizer);
}

/// The text in a form. ASCII is in every form already.
pub fn normalize(text: &str, form: Form) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let normalizer = PLATFORM.get().copied().unwrap_or(own);
    Cow::Owned(normalizer(text, form))
}

#[cfg(not(target_family = "wasm"))]
fn own(text: &str, form: Form) -> String {
    use unicode_normalization::UnicodeNormalization;
    match form {
        Form::Nfc => text.nfc().collect(),
        Form::Nfd => text.nfd().collect(),
        Form::Nfkd => text.nfkd().collect(),
    }
}

#[cfg(target_family = "wasm")]
fn own(text: &str, _: Form) -> String {
    text.to_owned()
}
