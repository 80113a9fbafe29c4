//! Splits HTML into tags and text as browsers do (WHATWG HTML, section 13.2.5), as far as mails need it.
//!
//! A crate for it (html5gum) was weighed: about 45 KB (gzip, an estimate), half of it for names of characters that no
//! mail has. The names here are those of HTML 4, of the letters of Latin, Greek and Cyrillic, and of ASCII.

use std::sync::LazyLock;

/// The names of characters: a name and its code point in hexadecimal, alternately, in the order of the names. From
/// https://html.spec.whatwg.org/entities.json.
const ENTITIES: &str = include_str!("entities.txt");
/// The longest name or number behind `&`, in bytes.
const MAX_ENTITY_BYTES: usize = 32;
/// What numbers 128 to 159 mean: the characters of windows-1252, because that is what people meant.
const C1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];
/// Elements whose content is text without tags, up to their end tag.
const RAW_ELEMENTS: [&str; 8] = [
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes",
];

/// A start tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// In lower case.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// It ends with `/>`.
    pub is_closed: bool,
}

impl Tag {
    /// The value of an attribute; empty if it has none.
    pub fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Whether the attribute is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(known, _)| known == name)
    }
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Start(Tag),
    /// The name of an end tag, in lower case.
    End(String),
    /// Text with its entities decoded.
    Text(String),
}

/// The pieces of a document.
pub struct Tokens<'a> {
    rest: &'a str,
    /// The element whose end tag is next.
    raw: Option<String>,
}

impl<'a> Tokens<'a> {
    /// Splits a document.
    pub fn new(html: &'a str) -> Tokens<'a> {
        Tokens {
            rest: html,
            raw: None,
        }
    }

    /// The next piece; `None` at the end.
    pub fn next_token(&mut self) -> Option<Token> {
        while !self.rest.is_empty() {
            if let Some(name) = self.raw.take() {
                return Some(self.raw_text(&name));
            }
            let Some(at) = self.rest.find('<') else {
                return Some(Token::Text(decode(self.split(self.rest.len()), false)));
            };
            if at > 0 {
                return Some(Token::Text(decode(self.split(at), false)));
            }
            if let Some(token) = self.markup() {
                return Some(token);
            }
        }
        None
    }

    fn split(&mut self, at: usize) -> &'a str {
        let (head, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
        self.rest = rest;
        head
    }

    /// The content of a raw element, up to its end tag.
    fn raw_text(&mut self, name: &str) -> Token {
        let bytes = self.rest.as_bytes();
        let ends = |at: &usize| {
            let tag = bytes.get(at.saturating_add(2)..).unwrap_or_default();
            bytes.get(*at..at.saturating_add(2)) == Some(b"</")
                && tag
                    .get(..name.len())
                    .is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
                && tag
                    .get(name.len())
                    .is_none_or(|byte| !byte.is_ascii_alphanumeric())
        };
        let mut at = 0;
        while let Some(found) = bytes
            .get(at..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'<'))
        {
            at = found.saturating_add(at);
            if ends(&at) {
                break;
            }
            at = at.saturating_add(1);
        }
        let end = if bytes.get(at) == Some(&b'<') && ends(&at) {
            at
        } else {
            bytes.len()
        };
        let text = self.split(end);
        Token::Text(if name == "title" || name == "textarea" {
            decode(text, false)
        } else {
            text.to_owned()
        })
    }

    /// What begins with `<`: a tag, a comment, or text.
    fn markup(&mut self) -> Option<Token> {
        let inner = self.rest.get(1..).unwrap_or_default();
        if let Some(comment) = inner.strip_prefix("!--") {
            let end = comment
                .find("-->")
                .map_or(comment.len(), |end| end.saturating_add(3));
            let is_empty = comment.starts_with('>');
            self.split(if is_empty { 5 } else { end.saturating_add(4) });
            return None;
        }
        let (is_end, word) = match inner.strip_prefix('/') {
            Some(word) => (true, word),
            None => (false, inner),
        };
        if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
            if is_end || word.starts_with(['!', '?']) {
                let end = self
                    .rest
                    .find('>')
                    .map_or(self.rest.len(), |end| end.saturating_add(1));
                self.split(end);
                return None;
            }
            // A `<` that begins no tag is an ordinary character.
            self.split(1);
            return Some(Token::Text("<".to_owned()));
        }
        // An address or a link that somebody has written between `<` and `>`.
        let end = word
            .find(|c: char| c.is_whitespace() || c == '>')
            .unwrap_or(word.len());
        let written = word.get(..end).unwrap_or_default();
        if !is_end && (written.contains('@') || written.contains("://")) && !written.contains('=') {
            self.split(1);
            return Some(Token::Text("<".to_owned()));
        }
        self.split(if is_end { 2 } else { 1 });
        let tag = self.tag()?;
        if is_end {
            return Some(Token::End(tag.name));
        }
        self.raw = RAW_ELEMENTS
            .contains(&tag.name.as_str())
            .then(|| tag.name.clone());
        Some(Token::Start(tag))
    }

    /// A tag from its name on. `None` if it never ends.
    fn tag(&mut self) -> Option<Tag> {
        let is_name = |c: char| !c.is_whitespace() && !matches!(c, '/' | '>');
        let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let mut tag = Tag {
            name: self.split(end).to_ascii_lowercase(),
            ..Tag::default()
        };
        loop {
            let blank = self
                .rest
                .find(|c: char| !c.is_whitespace())
                .unwrap_or(self.rest.len());
            self.split(blank);
            match self.rest.chars().next()? {
                '>' => {
                    self.split(1);
                    return Some(tag);
                }
                '/' => {
                    self.split(1);
                    tag.is_closed = self.rest.starts_with('>');
                }
                _ => {
                    let attribute = self.attribute();
                    tag.attributes.push(attribute);
                }
            }
        }
    }

    fn attribute(&mut self) -> (String, String) {
        // A name may begin with `=`, and with nothing else that ends one.
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let more = self.rest.get(first..).unwrap_or_default();
        let end = more.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '='));
        let name = self
            .split(first.saturating_add(end.unwrap_or(more.len())))
            .to_ascii_lowercase();
        let after = self.rest.trim_start();
        let Some(value) = after.strip_prefix('=') else {
            return (name, String::new());
        };
        self.rest = value.trim_start();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = match quote {
            Some(quote) => {
                self.split(1);
                let end = self.rest.find(quote).unwrap_or(self.rest.len());
                let value = self.split(end);
                self.split(1);
                value
            }
            None => {
                let end = self.rest.find(|c: char| c.is_whitespace() || c == '>');
                self.split(end.unwrap_or(self.rest.len()))
            }
        };
        (name, decode(value, true))
    }
}

// Entities -----------------------------------------------------------------------------------------------------------

/// Replaces entities by their characters.
fn decode(text: &str, in_attribute: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match decode_entity(after, in_attribute) {
            Some((c, length)) => {
                out.push(c);
                rest = after.get(length..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The character of the entity that the text begins with, behind its `&`, and the length of the entity.
fn decode_entity(text: &str, in_attribute: bool) -> Option<(char, usize)> {
    let near = text
        .get(..text.floor_char_boundary(MAX_ENTITY_BYTES))
        .unwrap_or(text);
    if let Some(number) = near.strip_prefix('#') {
        return decode_number(number);
    }
    let length = near.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let name = near.get(..length)?;
    if near.get(length..)?.starts_with(';') {
        return Some((find_entity(name)?, length.saturating_add(1)));
    }
    // Names of old may stand without a semicolon, even with letters behind them; in the address of a link they may not.
    let next = text.as_bytes().get(length);
    if in_attribute && next == Some(&b'=') {
        return None;
    }
    let shortest = if in_attribute { length } else { 2 };
    (shortest..=length).rev().find_map(|length| {
        let c = find_entity(name.get(..length)?)?;
        let is_old = u32::from(c) < 256 && (!c.is_ascii() || matches!(c, '"' | '&' | '<' | '>'));
        is_old.then_some((c, length))
    })
}

fn decode_number(number: &str) -> Option<(char, usize)> {
    let (digits, radix, head) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16, 2_usize),
        None => (number, 10, 1),
    };
    let length = digits
        .bytes()
        .take_while(|byte| char::from(*byte).is_digit(radix))
        .count();
    let code = u32::from_str_radix(digits.get(..length)?, radix).ok()?;
    let is_ended = digits.get(length..)?.starts_with(';');
    let c = match code {
        0x80..=0x9f => usize::try_from(code.saturating_sub(0x80))
            .ok()
            .and_then(|at| C1.get(at).copied()),
        code => char::from_u32(code),
    };
    let c = c.filter(|c| !c.is_control() || c.is_whitespace())?;
    Some((
        c,
        head.saturating_add(length).saturating_add(usize::from(is_ended)),
    ))
}

/// The names in their order. They are looked up for every `&`, so not one after the other.
static NAMES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let mut words = ENTITIES.split_ascii_whitespace();
    let pairs = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
    let mut names: Vec<(&str, &str)> = pairs.collect();
    names.sort_unstable();
    names
});

fn find_entity(name: &str) -> Option<char> {
    let at = NAMES.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    let (_, code) = NAMES.get(at)?;
    u32::from_str_radix(code, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_end_where_browsers_end_them() {
        let tag = |html: &str| match Tokens::new(html).next_token() {
            Some(Token::Start(tag)) => tag,
            other => panic!("{html}: {other:?}"),
        };
        for (html, name, value) in [
            ("<a href=x>", "a", "x"),
            ("<A HREF='x'>", "a", "x"),
            ("<a title=\"1 > 0\" href=\"x\">", "a", "x"),
            ("<a\nhref = x >", "a", "x"),
            ("<a disabled href=x/>", "a", "x/"),
            ("<a/href=x>", "a", "x"),
            ("<a href=\"?a=1&amp;copy=2&copy=3\">", "a", "?a=1&copy=2&copy=3"),
            ("<a href=x href=y>", "a", "x"),
            ("<o:p href>", "o:p", ""),
        ] {
            let found = tag(html);
            assert_eq!(
                (found.name.as_str(), found.attribute("href")),
                (name, value),
                "{html}"
            );
        }
        let mut tokens = Tokens::new("a<!-- <b> --><!DOCTYPE x></ >b<script>if (a</b>c)</script >d<!-->e");
        let all: Vec<Token> = std::iter::from_fn(|| tokens.next_token()).collect();
        let text = |text: &str| Token::Text(text.to_owned());
        let script = tag("<script>");
        assert_eq!(
            all,
            [
                text("a"),
                text("b"),
                Token::Start(script),
                text("if (a</b>c)"),
                Token::End("script".to_owned()),
                text("d"),
                text("e")
            ]
        );
    }

    #[test]
    fn entities_are_decoded_as_browsers_do() {
        for (text, want) in [
            ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
            ("&ecirc;&zcaron;&Zcaron;&Omega;&ccedil;&szlig;", "êžŽΩçß"),
            ("&rarr;&hearts;&hellip;&ndash;&trade;&euro;", "→♥…–™€"),
            ("&eacute &nbsp;&copy2 &notit", "é \u{a0}©2 ¬it"),
            ("&#233;&#xE9;&#XE9&#8364;", "éé€".replacen('é', "éé", 1).as_str()),
            ("&#128;&#146;&#151;", "€’—"),
            (
                "&#0;&#xD800;&#99999999999;&#x;&#;",
                "&#0;&#xD800;&#99999999999;&#x;&#;",
            ),
            ("&unknown; & &; &a", "&unknown; & &; &a"),
            ("R&D AT&T", "R&D AT&T"),
        ] {
            assert_eq!(decode(text, false), want, "{text}");
        }
    }
}
