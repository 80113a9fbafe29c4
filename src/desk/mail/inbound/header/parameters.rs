//! Structured fields with parameters, such as `Content-Type` (RFC 2045, RFC 2231).

use percent_encoding::percent_decode;

use crate::desk::mail::inbound::header::encoded_words;
use crate::desk::mail::inbound::text::charset::{CharsetDecoder, decode_bytes};

/// Parameters of a field that are read. Each piece of a name that was cut is one.
const MAX_PARAMETERS: usize = 200;

/// A value and its parameters; all names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structured {
    /// In lower case, as in `text/plain`.
    pub value: String,
    parameters: Vec<(String, String)>,
}

/// One parameter as it stands in the field.
struct RawParameter {
    /// Without the marks of RFC 2231.
    name: String,
    /// Its place among the continuations; `None` for a parameter that is not cut.
    place: Option<u32>,
    /// It is percent-encoded, with its character set in front.
    is_extended: bool,
    value: Vec<u8>,
}

impl Structured {
    /// Parses a field.
    pub fn parse(field: &[u8], decoder: CharsetDecoder) -> Structured {
        let mut parts = split_parameters(field).into_iter();
        let value = parts.next().unwrap_or_default();
        let value = String::from_utf8_lossy(&value).trim().to_lowercase();
        let raw: Vec<RawParameter> = parts
            .filter_map(|part| RawParameter::parse(&part))
            .take(MAX_PARAMETERS)
            .collect();
        let mut parameters: Vec<(String, String)> = Vec::new();
        for one in &raw {
            if parameters.iter().all(|(known, _)| *known != one.name) {
                parameters.push((one.name.clone(), join(&raw, &one.name, decoder)));
            }
        }
        Structured { value, parameters }
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// The pieces between semicolons, without comments. Semicolons in quoted strings are text.
fn split_parameters(field: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let (mut quoted, mut escaped, mut depth): (bool, bool, usize) = (false, false, 0);
    for byte in field {
        let Some(part) = parts.last_mut() else { break };
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'"' if !was_escaped && depth == 0 => {
                quoted = !quoted;
                part.push(*byte);
            }
            b'\\' if quoted && !was_escaped => {
                escaped = true;
                part.push(*byte);
            }
            b'(' if !quoted => depth = depth.saturating_add(1),
            b')' if !quoted && depth > 0 => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            b';' if !quoted => parts.push(Vec::new()),
            _ => part.push(*byte),
        }
    }
    parts
}

impl RawParameter {
    fn parse(part: &[u8]) -> Option<RawParameter> {
        let equals = part.iter().position(|byte| *byte == b'=')?;
        let (name, value) = part.split_at(equals);
        let name = String::from_utf8_lossy(name).trim().to_lowercase();
        let (name, is_extended) = match name.strip_suffix('*') {
            Some(name) => (name.to_owned(), true),
            None => (name, false),
        };
        let (name, place) = match name.split_once('*') {
            Some((name, place)) => (name.to_owned(), Some(place.parse().ok()?)),
            None => (name, None),
        };
        Some(RawParameter {
            name,
            place,
            is_extended,
            value: unquote(value.get(1..)?.trim_ascii()),
        })
    }
}

/// Removes quotes. A backslash escapes only a quote or a backslash: some programs write Windows paths.
fn unquote(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else {
        return value.to_vec();
    };
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.peek().is_some_and(|next| matches!(next, b'"' | b'\\')) {
            out.extend(bytes.next());
        } else {
            out.push(byte);
        }
    }
    out
}

/// The value of a parameter from all its pieces. The form of RFC 2231 is preferred to a plain one beside it.
fn join(raw: &[RawParameter], name: &str, decoder: CharsetDecoder) -> String {
    let named = || raw.iter().filter(|one| one.name == name);
    let mut pieces: Vec<&RawParameter> = named().filter(|one| one.place.is_some()).collect();
    pieces.sort_by_key(|one| one.place);
    if pieces.is_empty() {
        pieces = named().filter(|one| one.is_extended).take(1).collect();
    }
    if pieces.is_empty() {
        let plain = named()
            .next()
            .map(|one| encoded_words::decode(&one.value, decoder));
        return plain.unwrap_or_default();
    }
    let (mut charset, mut bytes): (Option<String>, Vec<u8>) = (None, Vec::new());
    for (at, one) in pieces.iter().enumerate() {
        let mut value = one.value.as_slice();
        if one.is_extended && at == 0 {
            let mut parts = value.splitn(3, |byte| *byte == b'\'');
            if let (Some(named), Some(_), Some(rest)) = (parts.next(), parts.next(), parts.next()) {
                charset = Some(String::from_utf8_lossy(named).into_owned());
                value = rest;
            }
        }
        if one.is_extended {
            bytes.extend(percent_decode(value));
        } else {
            bytes.extend_from_slice(value);
        }
    }
    match charset {
        Some(charset) => decode_bytes(&bytes, Some(&charset), decoder),
        // Continuations of what should not have been cut: encoded words.
        None => encoded_words::decode(&bytes, decoder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::mail::inbound::text::charset::testing::decoder;

    #[test]
    fn names_are_read_in_every_form() {
        for (field, want) in [
            ("attachment; filename=a.pdf", "a.pdf"),
            ("attachment; FileName = \"a b.pdf\" ; size=1", "a b.pdf"),
            ("attachment; filename=my file.pdf", "my file.pdf"),
            ("attachment; filename=\"a;b.pdf\"", "a;b.pdf"),
            ("attachment; filename=\"say \\\"hi\\\".pdf\"", "say \"hi\".pdf"),
            ("attachment; filename=\"C:\\tmp\\a.pdf\"", "C:\\tmp\\a.pdf"),
            ("attachment (x; filename=no); filename=a.pdf", "a.pdf"),
            (
                "attachment; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf",
                "Rechnung März.pdf",
            ),
            ("attachment; filename*=gb2312''%C4%E3%BA%C3.txt", "你好.txt"),
            ("attachment; filename*=GB2312'zh'%C4%E3.txt", "你.txt"),
            (
                "attachment; filename=old.txt; filename*=utf-8''new.txt",
                "new.txt",
            ),
            ("attachment; filename*0=\"a\"; filename*1=\"b.pdf\"", "ab.pdf"),
            (
                "attachment; filename*1*=%A4rz.pdf; filename*0*=utf-8''M%C3",
                "März.pdf",
            ),
            ("attachment; filename*0*=big5''%A4; filename*1*=%A4.txt", "中.txt"),
            (
                "attachment; filename*0*=utf-8''%C3%A4; filename*1=\" b.pdf\"",
                "ä b.pdf",
            ),
            ("attachment; filename=\"=?utf-8?Q?M=C3=A4rz=2Epdf?=\"", "März.pdf"),
            ("attachment; filename=\"=?gb2312?B?xOO6ww==?=.txt\"", "你好.txt"),
            (
                "attachment; filename*0=\"=?utf-8?Q?M=C3=A4\"; filename*1=\"rz.pdf?=\"",
                "März.pdf",
            ),
            ("attachment; filename=\"März.pdf\"", "März.pdf"),
            ("attachment; filename=\"never ends.pdf", "never ends.pdf"),
        ] {
            let read = Structured::parse(field.as_bytes(), &decoder);
            assert_eq!(
                (read.value.as_str(), read.get("filename")),
                ("attachment", Some(want)),
                "{field}"
            );
        }
        assert_eq!(
            Structured::parse(b"x; filename=M\xe4rz.pdf", &decoder).get("filename"),
            Some("März.pdf")
        );
        for field in [
            "attachment",
            "attachment; filename",
            "attachment; filename=\"\"",
            "",
            ";;;=",
        ] {
            assert_eq!(
                Structured::parse(field.as_bytes(), &decoder).get("filename"),
                None,
                "{field}"
            );
        }
        let many: String = (0..100_000).map(|n| format!("; x{n}=y")).collect();
        let many = Structured::parse(format!("attachment; filename=a.pdf{many}").as_bytes(), &decoder);
        assert_eq!(many.get("filename"), Some("a.pdf"));
        let kind = Structured::parse(b"Text/Plain; charset=\"ISO-8859-1\"; format=flowed", &decoder);
        assert_eq!(
            (kind.value.as_str(), kind.get("charset"), kind.get("format")),
            ("text/plain", Some("ISO-8859-1"), Some("flowed"))
        );
    }
}
