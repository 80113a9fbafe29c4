//! Redaction: taking a text out of a ticket for good.

use crate::desk::fold::normal_form::{Form, normalize};

/// What stands where a text was taken out.
pub const BLOCK: &str = "█";

/// A text that is taken out, in each form in which it may be written: as it was given, composed, and decomposed. They
/// look alike, so whoever takes a text out cannot tell which of them is there.
#[derive(Clone, Debug)]
pub struct Secret {
    forms: [String; 3],
}

impl Secret {
    /// The text as it was given; upper and lower case count.
    pub fn new(text: &str) -> Secret {
        let form = |form| normalize(text, form).into_owned();
        Secret {
            forms: [text.to_owned(), form(Form::Nfc), form(Form::Nfd)],
        }
    }

    /// Its forms; some may be equal.
    pub fn forms(&self) -> &[String; 3] {
        &self.forms
    }

    /// The text with a block for each occurrence. `None` if there is none.
    pub fn redact(&self, text: &str) -> Option<String> {
        let mut redacted = None::<String>;
        for form in self.forms.iter().filter(|form| !form.is_empty()) {
            let text = redacted.as_deref().unwrap_or(text);
            if text.contains(form) {
                redacted = Some(text.replace(form, BLOCK));
            }
        }
        redacted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_occurrence_becomes_a_block() {
        for (text, secret, want) in [
            ("PIN 1234, again 1234", "1234", Some("PIN █, again █")),
            ("1234", "1234", Some("█")),
            ("aaa", "aa", Some("█a")),
            ("мой пароль", "пароль", Some("мой █")),
            ("密码是小林一茶", "小林一茶", Some("密码是█")),
            ("a\nb", "a\nb", Some("█")),
            ("Hunter2", "hunter2", None),
            ("nothing", "", None),
            ("100% of '_'", "% of '_", Some("100█'")),
            ("Jos\u{e9} and Jose\u{301}", "Jos\u{e9}", Some("█ and █")),
            ("Jos\u{e9} and Jose\u{301}", "Jose\u{301}", Some("█ and █")),
            ("\u{110b}\u{1161}\u{11ab}", "\u{c548}", Some("█")),
            ("Jose", "Jos\u{e9}", None),
        ] {
            assert_eq!(
                Secret::new(secret).redact(text).as_deref(),
                want,
                "{secret} in {text}"
            );
        }
    }
}
