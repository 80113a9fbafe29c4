//! The original of a mail: what is kept of it beside the message that it became, so that nothing that was cut, joined or
//! converted is lost.

use serde::Serialize;

/// Bytes of the header that are kept.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Bytes of all texts together that are kept, as UTF-8.
const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// The header and the texts of a mail as they were received. Its JSON is what the API returns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MailOriginal {
    /// The header fields of the mail, undecoded.
    pub headers: String,
    /// Its texts in their order: plain text and HTML source, decoded to Unicode and otherwise unchanged.
    pub parts: Vec<OriginalPart>,
    /// Something was left out because the mail is too long.
    pub is_truncated: bool,
}

/// A text of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OriginalPart {
    /// `text/plain` or another text type, without parameters.
    pub content_type: String,
    pub text: String,
}

impl MailOriginal {
    /// Keeps the header and the texts, as far as they fit.
    pub fn new(header: &[u8], texts: impl Iterator<Item = OriginalPart>) -> MailOriginal {
        let kept = header.get(..MAX_HEADER_BYTES).unwrap_or(header);
        let mut original = MailOriginal {
            headers: match std::str::from_utf8(kept) {
                Ok(text) => text.to_owned(),
                // Header fields in an unnamed character set: every byte is one character of ISO 8859-1.
                Err(_) => kept.iter().map(|byte| char::from(*byte)).collect(),
            },
            parts: Vec::new(),
            is_truncated: kept.len() < header.len(),
        };
        let mut room = MAX_TEXT_BYTES;
        for mut part in texts {
            if part.text.len() > room {
                part.text.truncate(part.text.floor_char_boundary(room));
                original.is_truncated = true;
            }
            room = room.saturating_sub(part.text.len());
            if !part.text.is_empty() {
                original.parts.push(part);
            }
        }
        original
    }
}

/// The key of the object with the original of a message, or of the mail that opened a ticket, from its uid.
pub fn object_key(uid: &str) -> String {
    format!("{KEY_PREFIX}{}", uid.get(..UID_HEAD_CHARS).unwrap_or(uid))
}

/// How the key of an original begins; the head of the uid follows.
pub const KEY_PREFIX: &str = "original-";
/// Characters of a uid that are known before its row has an id.
pub const UID_HEAD_CHARS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> OriginalPart {
        OriginalPart {
            content_type: "text/plain".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn originals_are_bounded() {
        let small = MailOriginal::new(b"From: x\r\n", [part("a"), part(""), part("b")].into_iter());
        assert_eq!(
            (small.headers.as_str(), small.is_truncated),
            ("From: x\r\n", false)
        );
        assert_eq!(small.parts, [part("a"), part("b")]);
        let header = "X: y\r\n".repeat(20_000);
        let long = MailOriginal::new(header.as_bytes(), std::iter::empty());
        assert_eq!((long.headers.len(), long.is_truncated), (MAX_HEADER_BYTES, true));
        let texts = [
            part(&"é".repeat(400_000)),
            part(&"x".repeat(MAX_TEXT_BYTES)),
            part("z"),
        ];
        let long = MailOriginal::new(b"", texts.into_iter());
        let bytes: usize = long.parts.iter().map(|part| part.text.len()).sum();
        assert_eq!(
            (bytes, long.parts.len(), long.is_truncated),
            (MAX_TEXT_BYTES, 2, true)
        );
        assert_eq!(
            MailOriginal::new(b"From: J\xf6rg", std::iter::empty()).headers,
            "From: Jörg"
        );
    }

    #[test]
    fn the_key_is_known_before_the_row() {
        let uid = "0193a5c0-1111-7222-8333-00000000000f";
        assert_eq!(object_key(uid), object_key(&uid[..24]));
        assert_eq!(object_key(uid), "original-0193a5c0-1111-7222-8333-");
    }
}
