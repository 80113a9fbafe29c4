//! Parses the bytes of a mail (MIME).
//!
//! `mail-parser` accepts anything and leaves what it does not understand as it is. It knows Unicode and the single-byte
//! character sets. East Asian character sets are decoded by the platform, which has them all, through `decode`: their
//! tables would be too large for the Worker.

use std::borrow::Cow;

use base64ct::{Base64, Encoding as _};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::desk::mail::inbound::authentication::{self, SenderAuth};
use crate::desk::mail::inbound::letter::{IncomingMail, MailAttachment};
use crate::desk::mail::inbound::{html, nesting};
use crate::desk::mail::to_single_line;

/// Decodes bytes in a named character set. `None` if the set is unknown.
pub type CharsetDecoder<'a> = &'a dyn Fn(&str, &[u8]) -> Option<String>;

/// Multi-byte character sets other than Unicode, by how their names begin.
const MULTIBYTE_CHARSETS: [&str; 12] = [
    "gb",
    "hz-gb",
    "big5",
    "cn-big5",
    "shift_jis",
    "shift-jis",
    "sjis",
    "iso-2022-",
    "euc-",
    "ks_c_5601",
    "windows-31j",
    "x-",
];
/// Attachments that are read; a ticket accepts fewer.
const MAX_ATTACHMENTS: usize = 50;
/// Message-IDs of `References` that are read, from the newest on.
const MAX_REFERENCES: usize = 30;

fn is_multibyte(charset: &str) -> bool {
    let charset = charset.to_ascii_lowercase();
    MULTIBYTE_CHARSETS.iter().any(|wide| charset.starts_with(wide))
        || charset == "cp936"
        || charset == "cp932"
}

/// Parses a mail. `None` if it is empty, or if its parts are nested too deeply.
pub fn parse(raw: &[u8], decode: CharsetDecoder) -> Option<IncomingMail> {
    if nesting::is_too_deep(raw) {
        return None;
    }
    let raw = decode_encoded_words(raw, decode);
    let message = MessageParser::default().parse(raw.as_ref())?;
    let (from, name) = authentication::sole_author(&message).unzip();
    let mut in_reply_to = message_ids(message.in_reply_to());
    let references = message_ids(message.references());
    in_reply_to.extend(references.into_iter().rev().take(MAX_REFERENCES));
    let mail = IncomingMail {
        message_id: message.message_id().map(str::to_owned),
        sender_auth: from.as_deref().map_or_else(SenderAuth::default, |from| {
            authentication::sender_auth(&message, from)
        }),
        from,
        name: name
            .flatten()
            .map(|name| to_single_line(&name))
            .filter(|name| !name.is_empty()),
        subject: to_single_line(message.subject().unwrap_or_default()),
        in_reply_to,
        text: body_text(&message, &raw, decode),
        files: Vec::new(),
        auto_reply_reason: auto_reply_reason(&message),
    };
    Some(IncomingMail {
        files: take_attachments(message, &raw),
        ..mail
    })
}

fn message_ids(value: &HeaderValue) -> Vec<String> {
    match value.as_text_list() {
        Some(list) => list.iter().map(|id| id.to_string()).collect(),
        None => value.as_text().map(str::to_owned).into_iter().collect(),
    }
}

// Text ---------------------------------------------------------------------------------------------------------------

/// The text that a reader sees: the plain text part or, without one, the HTML as text.
fn body_text(message: &Message, raw: &[u8], decode: CharsetDecoder) -> String {
    let of = |part: &MessagePart| match &part.body {
        PartType::Text(text) => decode_multibyte(part, raw, decode).unwrap_or_else(|| text.to_string()),
        PartType::Html(markup) => {
            html::to_text(&decode_multibyte(part, raw, decode).unwrap_or_else(|| markup.to_string()))
        }
        _ => String::new(),
    };
    let joined = |parts: Vec<String>| {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| normalize_text(part))
            .filter(|part| !part.is_empty())
            .collect();
        parts.join("\n\n")
    };
    let text = joined(message.text_bodies().map(of).collect());
    if text.is_empty() {
        return joined(message.html_bodies().map(of).collect());
    }
    text
}

/// Line ends become LF; other control characters except tabs are removed, as are invisible characters at both ends.
fn normalize_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let cleaned: String = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .map(|c| if c == '\u{a0}' { ' ' } else { c })
        .collect();
    cleaned.trim_matches(['\u{feff}', '\u{200b}']).trim().to_owned()
}

/// The text of a part in a multi-byte character set.
fn decode_multibyte(part: &MessagePart, raw: &[u8], decode: CharsetDecoder) -> Option<String> {
    let charset = part
        .content_type()?
        .attribute("charset")
        .filter(|charset| is_multibyte(charset))?;
    decode(charset, &part_bytes(part, raw)?)
}

/// The bytes of a part, in its own character set.
fn part_bytes(part: &MessagePart, raw: &[u8]) -> Option<Vec<u8>> {
    let start = usize::try_from(part.offset_body).ok()?;
    let body = raw.get(start..usize::try_from(part.offset_end).ok()?)?;
    match part.encoding {
        Encoding::Base64 => base64_decode(body),
        Encoding::QuotedPrintable => quoted_printable_decode(body),
        Encoding::None => Some(body.to_vec()),
    }
}

// Encoded words in multi-byte character sets
// ---------------------------------------------------------------------------

/// The mail, with encoded words (RFC 2047) in multi-byte character sets converted to UTF-8.
fn decode_encoded_words<'a>(raw: &'a [u8], decode: CharsetDecoder) -> Cow<'a, [u8]> {
    let mut out = Vec::new();
    let mut done: usize = 0;
    let mut at: usize = 0;
    while let Some(found) = raw
        .get(at..)
        .and_then(|rest| rest.windows(2).position(|two| two == b"=?"))
    {
        let start = at.saturating_add(found);
        at = start.saturating_add(2);
        let Some((length, text)) = raw.get(start..).and_then(|rest| parse_encoded_word(rest, decode)) else {
            continue;
        };
        out.extend_from_slice(raw.get(done..start).unwrap_or_default());
        out.extend_from_slice(format!("=?utf-8?B?{}?=", Base64::encode_string(text.as_bytes())).as_bytes());
        done = start.saturating_add(length);
        at = done;
    }
    if done == 0 {
        return Cow::Borrowed(raw);
    }
    out.extend_from_slice(raw.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// An encoded word in a multi-byte character set: its length and its text.
fn parse_encoded_word(text: &[u8], decode: CharsetDecoder) -> Option<(usize, String)> {
    let name = text.get(2..)?.iter().take(40).position(|b| *b == b'?')?;
    let charset = text.get(2..name.saturating_add(2))?;
    let charset = std::str::from_utf8(charset).ok()?.split('*').next()?;
    if !is_multibyte(charset) {
        return None;
    }
    // RFC 2047 allows 75 characters; some mail programs write more.
    let near = text.get(name.saturating_add(3)..text.len().min(300))?;
    let end = near.iter().position(|b| !b.is_ascii_graphic());
    let near = std::str::from_utf8(near.get(..end.unwrap_or(near.len()))?).ok()?;
    let (encoding, rest) = near.split_once('?')?;
    let (encoded, _) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => base64_decode(encoded.as_bytes())?,
        "Q" | "q" => quoted_printable_decode(encoded.replace('_', " ").as_bytes())?,
        _ => return None,
    };
    // `=?` + name + `?B?` + text + `?=`
    let length = name.saturating_add(encoded.len()).saturating_add(7);
    Some((length, decode(charset, &bytes)?))
}

// Attachments --------------------------------------------------------------------------------------------------------

/// Moves the attachments out of the mail. Together they may be large, so they are not copied.
fn take_attachments(message: Message, raw: &[u8]) -> Vec<MailAttachment> {
    let wanted: Vec<usize> = message
        .attachments
        .iter()
        .take(MAX_ATTACHMENTS)
        .filter_map(|at| usize::try_from(*at).ok())
        .collect();
    let parts = message.parts.into_iter().enumerate();
    parts
        .filter(|(at, _)| wanted.contains(at))
        .filter_map(|(_, part)| parse_attachment(part, raw))
        .collect()
}

fn parse_attachment(part: MessagePart, raw: &[u8]) -> Option<MailAttachment> {
    let kind = part.content_type();
    let content_type = kind.map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")).to_lowercase(),
    );
    let name = part
        .attachment_name()
        .map(to_single_line)
        .filter(|name| !name.is_empty());
    let mut nameless = format!("file.{}", default_extension(&content_type));
    let bytes = match part.body {
        PartType::Multipart(_) => return None,
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.into_owned(),
        // Text attachments are kept byte by byte, not converted to UTF-8.
        PartType::Text(_) | PartType::Html(_) => part_bytes(&part, raw)?,
        PartType::Message(ref inner) => {
            nameless = format!("{}.eml", to_single_line(inner.subject().unwrap_or("message")));
            part_bytes(&part, raw)?
        }
    };
    (!bytes.is_empty()).then(|| MailAttachment {
        name: name.unwrap_or(nameless),
        content_type: canonical_content_type(content_type),
        bytes,
    })
}

/// The extension for an attachment without a name, which mostly is an inline image.
fn default_extension(content_type: &str) -> &str {
    match content_type.rsplit('/').next().unwrap_or_default() {
        "jpeg" | "jpg" | "pjpeg" => "jpg",
        "plain" => "txt",
        "rfc822" => "eml",
        "calendar" => "ics",
        known @ ("png" | "gif" | "webp" | "pdf" | "html" | "csv" | "zip" | "bmp" | "heic" | "tiff"
        | "mp4" | "svg+xml") => known.trim_end_matches("+xml"),
        _ => "bin",
    }
}

/// Replaces non-standard names of media types.
fn canonical_content_type(content_type: String) -> String {
    let name = match content_type.as_str() {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "image/x-png" => "image/png",
        "application/x-pdf" => "application/pdf",
        "application/x-zip" => "application/zip",
        "text/x-vcard" => "text/vcard",
        "application/csv" | "text/comma-separated-values" => "text/csv",
        "application/ics" => "text/calendar",
        "application/text" => "text/plain",
        _ => return content_type,
    };
    name.to_owned()
}

// Automatic mails
// ------------------------------------------------------------------------------------------------------

/// Why the mail counts as automatic (RFC 3834, and headers that were in use before it); `None` if a person wrote it.
fn auto_reply_reason(message: &Message) -> Option<&'static str> {
    let header = |name: &str| message.header_raw(name).map(|value| value.trim().to_lowercase());
    if header("Auto-Submitted")
        .is_some_and(|value| !value.is_empty() && value != "no" && !value.starts_with("no;"))
    {
        return Some("it was sent by a program (Auto-Submitted)");
    }
    let precedence = header("Precedence").unwrap_or_default();
    if ["bulk", "list", "junk", "auto_reply"].contains(&precedence.as_str()) {
        return Some("it was sent to many, or by a program (Precedence)");
    }
    for (name, why) in [
        ("X-Autoreply", "it is an automatic answer (X-Autoreply)"),
        ("X-Autorespond", "it is an automatic answer (X-Autorespond)"),
        ("List-Id", "it was sent to a list (List-Id)"),
        ("X-Loop", "it goes round in circles (X-Loop)"),
        ("X-Failed-Recipients", "it is a bounce (X-Failed-Recipients)"),
    ] {
        if header(name).is_some_and(|value| value != "no") {
            return Some(why);
        }
    }
    if header("Return-Path").is_some_and(|value| value == "<>") {
        return Some("it has no sender, as bounces have none (Return-Path)");
    }
    let kind = message.root_part().content_type();
    let is_report = kind.is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind
                .subtype()
                .is_some_and(|sub| sub.eq_ignore_ascii_case("report"))
    });
    is_report.then_some("it is the report of a mail server")
}

#[cfg(test)]
mod tests;
