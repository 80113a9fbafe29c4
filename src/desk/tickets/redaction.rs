//! Redaction: taking a text out of a ticket for good.

/// What stands where a text was taken out.
pub const BLOCK: &str = "█";

/// The text with a block for each occurrence of `secret`, exactly as it is written. `None` if it does not occur.
pub fn redact(text: &str, secret: &str) -> Option<String> {
    (!secret.is_empty() && text.contains(secret)).then(|| text.replace(secret, BLOCK))
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
        ] {
            assert_eq!(redact(text, secret).as_deref(), want, "{secret} in {text}");
        }
    }
}
