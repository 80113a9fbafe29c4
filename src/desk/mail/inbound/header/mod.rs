//! The header of a mail or part: its fields, with encoded words decoded (RFC 5322, RFC 2047).
//!
//! Fields are read as bytes, because many programs write other character sets than ASCII into them.

pub mod authors;
pub mod encoded_words;
pub mod parameters;

/// The fields of a header, unfolded. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFields(Vec<(String, Vec<u8>)>);

impl HeaderFields {
    /// Reads the fields up to the first empty line. What is no field is skipped.
    pub fn parse(raw: &[u8]) -> HeaderFields {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        for line in split_header(raw).split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                if let Some((_, value)) = fields.last_mut() {
                    value.extend_from_slice(text);
                }
                continue;
            }
            let Some(colon) = text.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let (name, value) = text.split_at(colon);
            let name = name.trim_ascii_end();
            if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                fields.push((name, value.get(1..).unwrap_or_default().to_vec()));
            }
        }
        HeaderFields(fields)
    }

    /// The values of all fields with this name, in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.trim_ascii())
    }

    /// The value of the first field with this name.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The first field with this name as text, without decoding encoded words.
    pub fn text(&self, name: &str) -> Option<String> {
        self.first(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Names and values; values that are not UTF-8 lossily.
    pub fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        self.0
            .iter()
            .map(move |(name, value)| (name.as_str(), text(value)))
    }

    /// The Message-IDs in the fields with this name, without angle brackets, in their order.
    pub fn message_ids(&self, name: &str) -> Vec<String> {
        let mut ids = Vec::new();
        for value in self.all(name) {
            let text = String::from_utf8_lossy(value);
            let found = ids.len();
            let mut rest = text.as_ref();
            while let Some((_, after)) = rest.split_once('<') {
                let (id, after) = after.split_once('>').unwrap_or((after, ""));
                ids.push(id.split_whitespace().collect::<String>());
                rest = after;
            }
            // Some programs forget the brackets.
            if ids.len() == found {
                ids.extend(
                    text.split_whitespace()
                        .filter(|word| word.contains('@'))
                        .map(str::to_owned),
                );
            }
        }
        ids.retain(|id| !id.is_empty());
        ids
    }
}

/// The bytes of a header: everything up to the first empty line.
pub fn split_header(raw: &[u8]) -> &[u8] {
    let mut at: usize = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() && at > 0 {
            break;
        }
        at = at.saturating_add(line.len());
    }
    raw.get(..at).unwrap_or(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_keep_their_order() {
        let raw = b"\nSubject: a\r\n b\r\n\tc\r\nX-Y : z\r\nno field\r\nsubject: J\xf6rg\r\n: x\r\n\r\nSubject: body";
        let fields = HeaderFields::parse(raw);
        let all: Vec<&[u8]> = fields.all("subject").collect();
        assert_eq!(all, [&b"a b\tc"[..], b"J\xf6rg"]);
        assert_eq!(
            (fields.text("x-y").as_deref(), fields.text("none")),
            (Some("z"), None)
        );
        assert_eq!(fields.iter().count(), 3);
        assert_eq!(HeaderFields::parse(b""), HeaderFields::default());
    }

    #[test]
    fn message_ids_are_found_with_and_without_brackets() {
        for (value, want) in [
            ("<a@b> <c@d>", vec!["a@b", "c@d"]),
            ("<a@b>,<c@d>", vec!["a@b", "c@d"]),
            ("<a@\r\n b> (comment)", vec!["a@b"]),
            ("a@b c@d", vec!["a@b", "c@d"]),
            ("Your mail of Monday", vec![]),
            ("<never ends@x", vec!["neverends@x"]),
            ("<>", vec![]),
        ] {
            let fields = HeaderFields::parse(format!("References: {value}\r\n\r\n").as_bytes());
            assert_eq!(fields.message_ids("references"), want, "{value}");
        }
    }
}
