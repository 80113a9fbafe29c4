//! Parses the bytes of a mail (MIME).
//!
//! `mail-parser` finds the parts of a mail and accepts anything. Header fields, character sets and HTML are read by what
//! is beside this folder, because mails are less correct than a strict reader expects.

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
use crate::desk::mail::inbound::{authentication, nesting};
use crate::desk::mail::to_single_line;

/// Message-IDs of `References` that are read, from the newest on.
const MAX_REFERENCES: usize = 30;

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
    let references = header.message_ids("references");
    in_reply_to.extend(references.into_iter().rev().take(MAX_REFERENCES));
    let texts = Texts::read(&message, raw, decoder);
    let subject = header.first("subject").unwrap_or_default();
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
        subject: to_single_line(&encoded_words::decode(subject, decoder)),
        in_reply_to,
        text: texts.text,
        files: Vec::new(),
        automatic: Automatic::of_header(header.iter(), &header.text("content-type").unwrap_or_default()),
        original: MailOriginal::new(split_header(raw), texts.originals.into_iter()),
    };
    let shown = texts.content_ids;
    Some(IncomingMail {
        files: take_attachments(message, raw, &|id| shown.contains(&format!("cid:{id}")), decoder),
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
}

impl Texts {
    /// The text is the plain text or, without one, the HTML as text.
    fn read(message: &Message, raw: &[u8], decoder: CharsetDecoder) -> Texts {
        let mut texts = Texts {
            text: String::new(),
            originals: Vec::new(),
            content_ids: String::new(),
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
            let Some((text, original)) = read_text(part, raw, decoder) else {
                continue;
            };
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
        if texts.text.trim().is_empty() {
            texts.text = joined(&message.html_body);
        }
        texts
    }
}

/// A text part as text, and as it was received. `None` if it is no text.
fn read_text(part: &MessagePart, raw: &[u8], decoder: CharsetDecoder) -> Option<(String, OriginalPart)> {
    let is_html = match &part.body {
        PartType::Text(_) => false,
        PartType::Html(_) => true,
        _ => return None,
    };
    let header = PartHeader::parse(part, raw, decoder);
    let charset = header.content_type.get("charset");
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
    let text = if is_html {
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
    Some((text::normalize(&text), original))
}

/// Moves the attachments out of the mail. Together they may be large, so they are not copied.
fn take_attachments(
    message: Message,
    raw: &[u8],
    is_shown: &dyn Fn(&str) -> bool,
    decoder: CharsetDecoder,
) -> Vec<MailAttachment> {
    let wanted = message.attachments;
    let parts = message.parts.into_iter().zip(0_u32..);
    parts
        .filter(|(_, at)| wanted.contains(at))
        .filter_map(|(part, _)| files::attachment(part, raw, is_shown, decoder))
        .collect()
}

#[cfg(test)]
mod tests;
