//! Removes our reply addresses, Message-IDs and signed links from mail text. Each is a bearer secret: whoever reads it
//! can act as the user that it was made for.

use crate::desk::mail::reply_address::ReplyAddress;

/// The replacement for a removed link.
const LINK_PLACEHOLDER: &str = "[link removed]";
/// The `@` after a token: as it is, and as links encode it.
const AT_SIGNS: [&str; 2] = ["@", "%40"];

/// What has to be removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnLinks<'a> {
    pub desk: Option<&'a ReplyAddress>,
    /// The URLs of the pages that our links lead to.
    pub pages: &'a [&'a str],
}

impl OwnLinks<'_> {
    /// The text without any of it.
    pub fn redact(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for piece in text.split_inclusive(is_delimiter) {
            let end = piece.chars().next_back().filter(|c| is_delimiter(*c));
            let word = piece.get(..piece.len().saturating_sub(end.map_or(0, char::len_utf8)));
            out.push_str(&self.redact_word(word.unwrap_or_default()));
            out.extend(end);
        }
        out
    }

    fn redact_word(&self, word: &str) -> String {
        let lower = word.to_ascii_lowercase();
        let is_signed = ["token=", "token%3d"].iter().any(|name| lower.contains(name));
        if is_signed && self.pages.iter().any(|page| lower.contains(host_of(page))) {
            return LINK_PLACEHOLDER.to_owned();
        }
        let Some(desk) = self.desk else {
            return word.to_owned();
        };
        if desk.parse_message_id(word).is_some() {
            return String::new();
        }
        for sign in AT_SIGNS {
            let domain = format!("{sign}{}", desk.domain());
            let plain = desk.base_address();
            let local = plain.split('@').next().unwrap_or_default();
            let starts = ["+", "%2b"].map(|plus| lower.find(&format!("{local}{plus}")));
            if let Some(start) = starts.into_iter().flatten().min()
                && let Some(end) = lower.rfind(&domain).filter(|end| *end > start)
            {
                let before = word.get(..start).unwrap_or_default();
                let after = word.get(end.saturating_add(domain.len())..).unwrap_or_default();
                return format!("{before}{plain}{after}");
            }
        }
        word.to_owned()
    }
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ';' | '|'
        )
}

/// The host (and port) of a URL.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::mail::reply_address::MailThread;

    #[test]
    fn bearer_secrets_are_removed() {
        let desk = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
        let thread = MailThread {
            ticket_id: 12,
            user_id: 34,
            is_internal: true,
        };
        let (to, id) = (desk.address_for(thread), desk.message_id_for(thread, 7));
        let own_links = OwnLinks {
            desk: Some(&desk),
            pages: &["https://desk.example", "http://app.example/help"],
        };
        let escaped = to.replace('+', "%2B").replace('@', "%40");
        for (text, want) in [
            (format!("Write to {to}."), "Write to support@desk.example."),
            (
                format!("Desk <{}> wrote", to.to_uppercase()),
                "Desk <support@desk.example> wrote",
            ),
            (
                format!("mailto:{to}?subject=x"),
                "mailto:support@desk.example?subject=x",
            ),
            (format!("mailto:{escaped}"), "mailto:support@desk.example"),
            (format!("In-Reply-To: {id}\nx"), "In-Reply-To: <>\nx"),
            (
                "See https://desk.example/api/v1/notifications/unsubscribe?token=abc, please".to_owned(),
                "See [link removed], please",
            ),
            (
                "<http://app.example/help/reset-password#token=abc>".to_owned(),
                "<[link removed]>",
            ),
            (
                "https://safe.example/?url=https%3A%2F%2Fdesk.example%2Fu%3Ftoken%3Dabc".to_owned(),
                "[link removed]",
            ),
            (
                "https://other.example/?token=abc".to_owned(),
                "https://other.example/?token=abc",
            ),
            (
                "a  b\n\tjane@desk.example support@desk.example é,".to_owned(),
                "a  b\n\tjane@desk.example support@desk.example é,",
            ),
        ] {
            assert_eq!(own_links.redact(&text), want);
        }
        assert_eq!(OwnLinks::default().redact(&to), to);
    }
}
