//! Parses the bytes of a mail (MIME).
//!
//! `mail-parser` finds the parts of a mail and accepts anything. Header fields, character sets and HTML are read by what
//! is beside this folder, because mails are less correct than a strict reader expects.

mod alternative;
mod files;

use mail_parser::{Message, MessageParser, MessagePart, PartType};

use crate::desk::mail::inbound::automatic::Automatic;
use crate::desk::mail::inbound::header::authors::{self, MailAddress};
use crate::desk::mail::inbound::header::{HeaderFields, encoded_words, split_header};
use crate::desk::mail::inbound::letter::{IncomingMail, MailAttachment};
use crate::desk::mail::inbound::mime::files::PartHeader;
use crate::desk::mail::inbound::original::{MailOriginal, OriginalPart};
use crate::desk::mail::inbound::text::charset::{CharsetDecoder, decode_bytes, decode_html};
use crate::desk::mail::inbound::text::{self, flowed, html};
use crate::desk::mail::inbound::{authentication, nesting, subject};
use crate::desk::mail::to_single_line;

/// Message-IDs of `In-Reply-To` that are read, and of `References` from the newest on.
const MAX_REFERENCES: usize = 30;

/// Parts of an unusual type that are read as text.
const MAX_UNUSUAL_TEXTS: usize = 50;

/// Parses a mail. `None` if it is empty, or if its parts are nested too deeply.
pub fn parse(raw: &[u8], decoder: CharsetDecoder) -> Option<IncomingMail> {
    if nesting::is_too_deep(raw) {
        return None;
    }
    let message = MessageParser::new().with_mime_headers().parse(raw)?;
    let header = HeaderFields::parse(raw);
    let mut authors = Vec::new();
    for field in header.all("from") {
        for author in authors::parse(field, decoder) {
            if authors
                .iter()
                .all(|known: &MailAddress| !known.address.eq_ignore_ascii_case(&author.address))
            {
                authors.push(author);
            }
        }
    }
    let addresses = |name: &str| -> Vec<MailAddress> {
        let fields = header.all(name);
        fields.flat_map(|field| authors::parse(field, decoder)).collect()
    };
    let mut in_reply_to = header.message_ids("in-reply-to");
    in_reply_to.truncate(MAX_REFERENCES);
    let references = header.message_ids("references");
    in_reply_to.extend(references.into_iter().rev().take(MAX_REFERENCES));
    let texts = Texts::read(&message, raw, decoder);
    let subject = header.first("subject").unwrap_or_default();
    let subject = to_single_line(&encoded_words::decode(subject, decoder));
    let kind = header.text("content-type").unwrap_or_default();
    let automatic = match Automatic::of_header(header.iter(), &kind) {
        Automatic::Sent if subject::is_automatic_answer(&subject) => Automatic::Answer,
        found => found,
    };
    let mail = IncomingMail {
        message_id: header.message_ids("message-id").into_iter().next(),
        date: header.text("date"),
        sender_auth: match authors.as_slice() {
            [author] => authentication::sender_auth(&header, &author.address),
            _ => authentication::SenderAuth::default(),
        },
        authors,
        written_from: header
            .first("from")
            .map(|from| to_single_line(&encoded_words::decode(from, decoder))),
        reply_to: addresses("reply-to"),
        recipients: ["to", "cc"].into_iter().flat_map(addresses).collect(),
        is_from_list: ["list-id", "list-post", "x-mailing-list"]
            .iter()
            .any(|name| header.first(name).is_some()),
        subject,
        in_reply_to,
        text: texts.text,
        files: Vec::new(),
        automatic,
        original: MailOriginal::new(split_header(raw), texts.originals.into_iter()),
    };
    let (shown, read) = (texts.content_ids, texts.unusual);
    Some(IncomingMail {
        files: take_attachments(message, raw, (&shown, &read), decoder),
        ..mail
    })
}

/// The texts of a mail.
struct Texts {
    /// What a reader sees.
    text: String,
    originals: Vec<OriginalPart>,
    /// The HTML of the mail, in which pictures are referred to.
    content_ids: String,
    /// The parts of the text that would otherwise be files.
    unusual: Vec<u32>,
}

impl Texts {
    /// The text is the plain text or, without one, the HTML as text.
    fn read(message: &Message, raw: &[u8], decoder: CharsetDecoder) -> Texts {
        let mut texts = Texts {
            text: String::new(),
            originals: Vec::new(),
            content_ids: String::new(),
            unusual: Vec::new(),
        };
        let mut bodies: Vec<(u32, String)> = Vec::new();
        let listed = message.text_body.iter().chain(&message.html_body);
        for id in listed {
            if bodies.iter().any(|(known, _)| known == id) {
                continue;
            }
            let Some(part) = usize::try_from(*id).ok().and_then(|at| message.parts.get(at)) else {
                continue;
            };
            let header = PartHeader::parse(part, raw, decoder);
            let is_html = match &part.body {
                PartType::Text(_) => false,
                PartType::Html(_) => true,
                _ => continue,
            };
            let (text, original) = read_text(part, raw, (&header, is_html), decoder);
            if original.content_type == "text/html" {
                // Links to parts are percent-encoded by some programs.
                texts.content_ids.push_str(&original.text.replace("%40", "@"));
            }
            texts.originals.push(original);
            bodies.push((*id, text));
        }
        let joined = |ids: &[u32]| {
            let parts = ids
                .iter()
                .filter_map(|id| bodies.iter().find(|(known, _)| known == id));
            let parts: Vec<&str> = parts
                .map(|(_, text)| text.as_str())
                .filter(|text| !text.is_empty())
                .collect();
            parts.join("\n\n")
        };
        texts.text = joined(&message.text_body);
        if message.text_body != message.html_body {
            texts.text = alternative::choose(texts.text, joined(&message.html_body));
        }
        if texts.text.trim().is_empty() {
            texts.read_unusual(message, raw, decoder);
        }
        texts
    }

    /// Takes the text from parts without a name whose type is a text under an unusual name.
    fn read_unusual(&mut self, message: &Message, raw: &[u8], decoder: CharsetDecoder) {
        let mut found: Vec<String> = Vec::new();
        for (part, id) in message.parts.iter().zip(0_u32..) {
            if matches!(part.body, PartType::Multipart(_) | PartType::Message(_)) {
                continue;
            }
            let header = PartHeader::parse(part, raw, decoder);
            let Some(is_html) = header.unusual_text().filter(|_| found.len() < MAX_UNUSUAL_TEXTS) else {
                continue;
            };
            let (text, original) = read_text(part, raw, (&header, is_html), decoder);
            if !text.trim().is_empty() && self.originals.iter().all(|known| known.text != original.text) {
                self.unusual.push(id);
                self.originals.push(original);
                found.push(text);
            }
        }
        self.text = found.join("\n\n");
    }
}

/// A text part as text, and as it was received.
fn read_text(
    part: &MessagePart,
    raw: &[u8],
    (header, is_html): (&PartHeader, bool),
    decoder: CharsetDecoder,
) -> (String, OriginalPart) {
    let charset = header.charset();
    let bytes = files::part_bytes(part, raw);
    let source = if is_html {
        decode_html(&bytes, charset, decoder)
    } else {
        decode_bytes(&bytes, charset, decoder)
    };
    let says = |name: &str, word: &str| {
        let value = header.content_type.get(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    let text = if header.is_enriched() {
        // RFC 1896: an empty line ends a line, and `<<` is a `<`.
        let lines = source.replace("\r\n", "\n").replace("<<", "&lt;");
        html::to_text(&lines.replace("\n\n", "\n<br><br>\n"))
    } else if is_html {
        html::to_text(&source)
    } else if says("format", "flowed") {
        flowed::unfold(&source, says("delsp", "yes"))
    } else {
        source.clone()
    };
    let original = OriginalPart {
        content_type: header.media_type().to_owned(),
        text: source,
    };
    (text::normalize(&text), original)
}

/// Moves the attachments out of the mail, without the parts that were read as text. `html` shows pictures.
///
/// Together they may be large, so they are not copied.
fn take_attachments(
    message: Message,
    raw: &[u8],
    (html, read): (&str, &[u32]),
    decoder: CharsetDecoder,
) -> Vec<MailAttachment> {
    let is_shown = |id: &str| html.contains(&format!("cid:{id}"));
    let mut wanted = message.attachments;
    wanted.sort_unstable();
    let parts = message.parts.into_iter().zip(0_u32..);
    parts
        .filter(|(_, at)| wanted.binary_search(at).is_ok() && read.binary_search(at).is_err())
        .filter_map(|(part, _)| files::attachment(part, raw, is_shown, decoder))
        .collect()
}

#[cfg(test)]
mod tests;
