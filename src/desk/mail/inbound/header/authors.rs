//! Addresses and names in `From` and its like, in whatever form programs write them (RFC 5322, section 3.4, and beyond).

use crate::desk::fold::is_blank;
use crate::desk::mail::inbound::header::encoded_words;
use crate::desk::mail::inbound::text::charset::CharsetDecoder;
use crate::desk::mail::to_single_line;

/// An address, with the name beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailAddress {
    /// As it was written, without a dot at its end.
    pub address: String,
    /// One line; `None` if there is none, or if it is only the address once more.
    pub name: Option<String>,
}

/// The most addresses that are read from a field.
const MAX_ADDRESSES: usize = 100;

/// Words behind a comma that belong to the name in front of it.
const SUFFIXES: [&str; 20] = [
    "inc", "ltd", "llc", "llp", "gmbh", "ag", "corp", "co", "plc", "sa", "bv", "jr", "sr", "ii", "iii", "md",
    "phd", "mba", "esq", "dr",
];

/// The usable addresses of a field, each once, in their order.
pub fn parse(field: &[u8], decoder: CharsetDecoder) -> Vec<MailAddress> {
    let found = split(field, decoder);
    if !found.is_empty() {
        return found;
    }
    // Some programs encode the whole field, address and all.
    let decoded = encoded_words::decode(field, decoder);
    let found = split(decoded.as_bytes(), decoder);
    if !found.is_empty() {
        return found;
    }
    // A quote or a bracket that never ends.
    split(decoded.replace(['"', '(', ')'], " ").as_bytes(), decoder)
}

/// What has been read of one entry.
#[derive(Default)]
struct Entry {
    /// The words, without quotes and comments.
    phrase: Vec<u8>,
    /// The words as they stand, in case that they are an address.
    bare: Vec<u8>,
    comment: Vec<u8>,
    address: Option<Vec<u8>>,
}

fn split(field: &[u8], decoder: CharsetDecoder) -> Vec<MailAddress> {
    let mut found: Vec<MailAddress> = Vec::new();
    let mut entry = Entry::default();
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let escaped = bytes.next();
                entry.phrase.extend(escaped);
                entry.bare.extend(escaped);
            }
            b'"' => {
                let quoted = read_quoted(&mut bytes);
                entry.bare.push(b'"');
                entry.bare.extend_from_slice(&quoted);
                entry.bare.push(b'"');
                entry.phrase.extend(quoted);
            }
            b'(' => {
                let comment = read_comment(&mut bytes);
                if !entry.comment.is_empty() {
                    entry.comment.push(b' ');
                }
                entry.comment.extend(comment);
            }
            b'<' => {
                let inner: Vec<u8> = bytes.by_ref().take_while(|byte| *byte != b'>').collect();
                entry.address = Some(inner);
            }
            // The name of a group ends here.
            b':' if entry.address.is_none() && !is_word_open(&entry.phrase) => entry = Entry::default(),
            b',' | b';' => {
                // `Doe, Jane <jane@example.org>`: the comma is part of a name that should have been quoted.
                if byte == b',' && entry.address.is_none() && !entry.bare.contains(&b'@') {
                    entry.phrase.push(b',');
                    entry.bare.clear();
                    continue;
                }
                finish(std::mem::take(&mut entry), &mut found, decoder);
            }
            _ => {
                entry.phrase.push(byte);
                entry.bare.push(byte);
            }
        }
    }
    finish(entry, &mut found, decoder);
    found
}

/// Whether the words end within an encoded word: its `?` and `=` are no end, and neither is a colon.
fn is_word_open(phrase: &[u8]) -> bool {
    // A longer word is none. It would be searched again at each colon.
    if phrase.len() > encoded_words::MAX_WORD_BYTES {
        return false;
    }
    let text = String::from_utf8_lossy(phrase);
    text.matches("=?").count() > text.matches("?=").count()
}

fn read_quoted(bytes: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => out.extend(bytes.next()),
            _ => out.push(byte),
        }
    }
    out
}

fn read_comment(bytes: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let (mut out, mut depth): (Vec<u8>, usize) = (Vec::new(), 1);
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                out.extend(bytes.next());
                continue;
            }
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        out.push(byte);
    }
    out
}

fn finish(entry: Entry, found: &mut Vec<MailAddress>, decoder: CharsetDecoder) {
    let (written, is_bare) = match &entry.address {
        Some(address) => (address, false),
        None => (&entry.bare, true),
    };
    let Some(address) = clean_address(&String::from_utf8_lossy(written)) else {
        return;
    };
    let words = if is_bare { &entry.comment } else { &entry.phrase };
    let name = match clean_name(&encoded_words::decode(words, decoder), &address) {
        None if !is_bare => clean_name(&encoded_words::decode(&entry.comment, decoder), &address),
        name => name,
    };
    let is_known = found
        .iter()
        .any(|known| known.address.eq_ignore_ascii_case(&address));
    if !is_known && found.len() < MAX_ADDRESSES {
        found.push(MailAddress { address, name });
    }
}

/// An address without what is no part of it; `None` if mail to it cannot arrive.
fn clean_address(written: &str) -> Option<String> {
    // `<mailto:jane@example.org>`, and routes of old (`<@relay:jane@example.org>`).
    let written = written.trim().trim_matches(['<', '>', '\'']).trim();
    let written = match written.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => written.get(7..)?,
        _ => written,
    };
    let written = match written.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => written,
    };
    let (local, domain) = written.rsplit_once('@')?;
    let (local, domain) = (local.trim(), domain.trim().trim_end_matches('.'));
    let address = format!("{local}@{domain}");
    is_deliverable(local, domain).then_some(address)
}

/// Whether such an address can exist. It need not be a correct one: some providers give out others.
fn is_deliverable(local: &str, domain: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '@');
    let unquoted = local.strip_prefix('"').and_then(|local| local.strip_suffix('"'));
    let local_fits = match unquoted {
        Some(inner) => {
            !inner.is_empty() && !inner.contains(|c: char| c.is_control() || matches!(c, '"' | '<' | '>'))
        }
        None => !local.is_empty() && !local.contains(|c: char| is_odd(c) || matches!(c, '"' | '(' | ')')),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.contains(|c: char| is_odd(c) || (c.is_ascii_punctuation() && !"-_".contains(c)))
    };
    let is_literal = domain
        .strip_prefix('[')
        .and_then(|domain| domain.strip_suffix(']'))
        .is_some_and(|domain| {
            !domain.is_empty()
                && domain
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".:".contains(c))
        });
    local_fits
        && local.len().saturating_add(domain.len()) < 254
        && (is_literal || domain.split('.').all(is_label))
}

/// A name as people would write it: `Doe, Jane` becomes `Jane Doe`. `None` if it is empty, or only an address.
fn clean_name(name: &str, address: &str) -> Option<String> {
    let name = to_single_line(name);
    let name =
        name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | '<' | '>'));
    let is_address = name.eq_ignore_ascii_case(address) || (name.contains('@') && !name.contains(' '));
    if name.chars().all(is_blank) || is_address {
        return None;
    }
    if let Some((last, first)) = name.split_once(',') {
        let (last, first) = (last.trim(), first.trim());
        let word = first.trim_end_matches('.').replace('.', "").to_lowercase();
        let counts = |words: &str, most: usize| (1..=most).contains(&words.split_whitespace().count());
        let is_inverted =
            !first.contains(',') && counts(last, 3) && counts(first, 3) && !SUFFIXES.contains(&word.as_str());
        if is_inverted {
            // `Doe, Jane (IT)`: what is in brackets stays at the end.
            let (first, more) = first.split_once(" (").unwrap_or((first, ""));
            let more = if more.is_empty() {
                String::new()
            } else {
                format!(" ({more}")
            };
            return Some(format!("{first} {last}{more}"));
        }
    }
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::mail::inbound::text::charset::testing::decoder;

    fn read(field: &[u8]) -> Vec<(String, String)> {
        let entries = parse(field, &decoder).into_iter();
        entries
            .map(|one| (one.address, one.name.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn one_address_is_found_in_every_form() {
        for (field, address, name) in [
            ("jane@example.org", "jane@example.org", ""),
            ("<jane@example.org>", "jane@example.org", ""),
            ("Jane Doe <jane@example.org>", "jane@example.org", "Jane Doe"),
            ("\"Jane Doe\" <jane@example.org>", "jane@example.org", "Jane Doe"),
            ("\"Doe, Jane\" <jane@example.org>", "jane@example.org", "Jane Doe"),
            ("Doe, Jane <jane@example.org>", "jane@example.org", "Jane Doe"),
            (
                "Müller-Lüdenscheidt, Jürgen P. <j@example.org>",
                "j@example.org",
                "Jürgen P. Müller-Lüdenscheidt",
            ),
            (
                "\"Doe, Jane (IT)\" <jane@example.org>",
                "jane@example.org",
                "Jane Doe (IT)",
            ),
            (
                "\"Acme, Inc.\" <acme@example.org>",
                "acme@example.org",
                "Acme, Inc.",
            ),
            (
                "\"Acme, Ltd\" <acme@example.org>",
                "acme@example.org",
                "Acme, Ltd",
            ),
            (
                "\"Jane Doe, Ph.D.\" <jane@example.org>",
                "jane@example.org",
                "Jane Doe, Ph.D.",
            ),
            ("'Jane Doe' <jane@example.org>", "jane@example.org", "Jane Doe"),
            (
                "\"'Jane Doe'\" <jane@example.org>",
                "jane@example.org",
                "Jane Doe",
            ),
            (
                "\"'jane@example.org'\" <jane@example.org>",
                "jane@example.org",
                "",
            ),
            ("\"jane@example.org\" <jane@example.org>", "jane@example.org", ""),
            ("JANE@EXAMPLE.ORG <jane@example.org>", "jane@example.org", ""),
            ("jane@example.org (Jane Doe)", "jane@example.org", "Jane Doe"),
            ("<jane@example.org> (Jane Doe)", "jane@example.org", "Jane Doe"),
            (
                "Jane \\\"J\\\" Doe <jane@example.org>",
                "jane@example.org",
                "Jane \"J\" Doe",
            ),
            ("=?UTF-8?Q?J=C3=B6rg?= <j@example.org>", "j@example.org", "Jörg"),
            (
                "=?UTF-8?Q?M=C3=BCller=2C_J=C3=B6rg?= <j@example.org>",
                "j@example.org",
                "Jörg Müller",
            ),
            ("\"=?gb2312?B?xOO6ww==?=\" <a@example.cn>", "a@example.cn", "你好"),
            (
                "=?UTF-8?Q?Jane_Doe_=3Cjane=40example=2Eorg=3E?=",
                "jane@example.org",
                "Jane Doe",
            ),
            (
                "=?UTF-8?B?SmFuZSA8amFuZUBleGFtcGxlLm9yZz4=?=",
                "jane@example.org",
                "Jane",
            ),
            ("\u{3164}\u{200b} <jane@example.org>", "jane@example.org", ""),
            ("ta..ro@docomo.example", "ta..ro@docomo.example", ""),
            (".taro.@docomo.example", ".taro.@docomo.example", ""),
            ("jane@example.org.", "jane@example.org", ""),
            (
                "Jane <jane@mail_server.example>",
                "jane@mail_server.example",
                "Jane",
            ),
            ("scanner@localhost", "scanner@localhost", ""),
            ("root@[192.0.2.1]", "root@[192.0.2.1]", ""),
            ("\"jane doe\"@example.org", "\"jane doe\"@example.org", ""),
            ("x@हिन्दी.भारत", "x@हिन्दी.भारत", ""),
            ("<mailto:jane@example.org>", "jane@example.org", ""),
            ("<@relay.example:jane@example.org>", "jane@example.org", ""),
            ("Friends: jane@example.org;", "jane@example.org", ""),
            ("Friends: Jane <jane@example.org>;", "jane@example.org", "Jane"),
            (
                "jane@example.org, Jane <JANE@example.org>",
                "jane@example.org",
                "",
            ),
            ("Jane <jane@example.org>, ", "jane@example.org", "Jane"),
            ("Jane <jane@example.org", "jane@example.org", "Jane"),
            ("\"Jane <jane@example.org>", "jane@example.org", "Jane"),
            ("Jane (away <jane@example.org>", "jane@example.org", "Jane away"),
        ] {
            let want = [(address.to_owned(), name.to_owned())];
            assert_eq!(read(field.as_bytes()), want, "{field}");
        }
        assert_eq!(
            read(b"J\xf6rg <j@example.org>"),
            [("j@example.org".to_owned(), "Jörg".to_owned())]
        );
    }

    #[test]
    fn several_and_none_are_told_apart() {
        for (field, want) in [
            ("a@b.example, c@d.example", 2),
            ("A <a@b.example>, Doe, Jane <c@d.example>", 2),
            ("Us: a@b.example, c@d.example;, e@f.example", 3),
            ("undisclosed-recipients:;", 0),
            ("Jane Doe", 0),
            ("a@b@c.example", 0),
            ("@example.org", 0),
            ("jane@", 0),
            ("a b@example.org", 0),
            ("Jane <>", 0),
            ("", 0),
        ] {
            assert_eq!(read(field.as_bytes()).len(), want, "{field}");
        }
    }

    #[test]
    fn malformed_input_takes_linear_time() {
        for junk in ["(", "<", "\"", ",", "a@b.example,", "=?", ":", "a:"] {
            assert!(read(junk.repeat(100_000).as_bytes()).len() <= MAX_ADDRESSES);
            assert!(read(format!("=?{}", junk.repeat(100_000)).as_bytes()).len() <= MAX_ADDRESSES);
        }
    }
}
