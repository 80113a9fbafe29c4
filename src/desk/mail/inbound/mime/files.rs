//! The files of a mail: their names, types and bytes.

use mail_parser::{Encoding, MessagePart, PartType};

use crate::desk::mail::inbound::header::HeaderFields;
use crate::desk::mail::inbound::header::encoded_words;
use crate::desk::mail::inbound::header::parameters::Structured;
use crate::desk::mail::inbound::letter::MailAttachment;
use crate::desk::mail::inbound::text::charset::CharsetDecoder;
use crate::desk::mail::inbound::text::transfer::{decode_base64, decode_quoted_printable};
use crate::desk::mail::to_single_line;

/// Parts that are no files for a reader: signatures that programs check, and control parts of encrypted mails.
const SIGNATURE_TYPES: [&str; 4] = [
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "application/pgp-signature",
    "application/pgp-encrypted",
];

/// Other forms of the text, unless they have the name of a file.
const ALTERNATIVE_TYPES: [&str; 4] = [
    "text/x-amp-html",
    "text/watch-html",
    "text/enriched",
    "text/richtext",
];

/// Texts that are files even without a name.
const FILE_TYPES: [&str; 5] = [
    "text/calendar",
    "text/csv",
    "text/directory",
    "text/vcard",
    "text/x-vcard",
];

/// What the header of a part says.
pub struct PartHeader {
    fields: HeaderFields,
    pub content_type: Structured,
    pub disposition: Structured,
}

impl PartHeader {
    /// Reads the header of a part.
    pub fn parse(part: &MessagePart, raw: &[u8], decoder: CharsetDecoder) -> PartHeader {
        let range = offset(part.offset_header)..offset(part.offset_body);
        let fields = HeaderFields::parse(raw.get(range).unwrap_or_default());
        let structured = |name: &str| {
            let field = fields.first(name).unwrap_or_default();
            Structured::parse(field, decoder)
        };
        PartHeader {
            content_type: structured("content-type"),
            disposition: structured("content-disposition"),
            fields,
        }
    }

    /// The media type, or what a part without one is.
    pub fn media_type(&self) -> &str {
        match self.content_type.value.as_str() {
            "" => "text/plain",
            kind => kind,
        }
    }

    /// The character set, also behind a forgotten semicolon.
    pub fn charset(&self) -> Option<&str> {
        let behind = || {
            self.content_type
                .value
                .split_once("charset=")
                .map(|(_, set)| set.trim())
        };
        self.content_type.get("charset").or_else(behind)
    }

    /// Whether it is a text with marks as in HTML (RFC 1896).
    pub fn is_enriched(&self) -> bool {
        matches!(self.media_type(), "text/enriched" | "text/richtext")
    }

    /// Whether the part is HTML, if its type is a text under an unusual name, such as `text`, `plain` or
    /// `application/xhtml+xml`, or has parts that cannot be told apart. `None` if it is a file.
    pub fn unusual_text(&self) -> Option<bool> {
        let kind = self.media_type();
        let is_html = kind.contains("htm");
        let is_text = is_html
            || ["text", "plain", "multipart/"]
                .iter()
                .any(|start| kind.starts_with(start));
        let is_file =
            self.name().is_some() || self.disposition.value == "attachment" || FILE_TYPES.contains(&kind);
        (is_text && !is_file).then_some(is_html)
    }

    /// The name of the file in one of the places where programs put it.
    fn name(&self) -> Option<String> {
        let named = self.disposition.get("filename").or(self.content_type.get("name"));
        named.map(to_single_line).filter(|name| !name.is_empty())
    }

    fn content_id(&self) -> Option<String> {
        let id = self.fields.text("content-id")?;
        let id = id.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
        (!id.is_empty()).then(|| id.to_owned())
    }
}

fn offset(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The bytes of a part, in its own character set.
pub fn part_bytes(part: &MessagePart, raw: &[u8]) -> Vec<u8> {
    let body = raw
        .get(offset(part.offset_body)..offset(part.offset_end))
        .unwrap_or_default();
    match part.encoding {
        Encoding::Base64 => decode_base64(body),
        Encoding::QuotedPrintable => decode_quoted_printable(body),
        Encoding::None => body.to_vec(),
    }
}

/// The file that a part is; `None` if it is none for a reader.
pub fn attachment(
    part: MessagePart,
    raw: &[u8],
    is_shown: impl Fn(&str) -> bool,
    decoder: CharsetDecoder,
) -> Option<MailAttachment> {
    let header = PartHeader::parse(&part, raw, decoder);
    let media_type = header.media_type().to_owned();
    let is_alternative = ALTERNATIVE_TYPES.contains(&media_type.as_str())
        && header.name().is_none()
        && header.disposition.value != "attachment";
    if is_alternative || SIGNATURE_TYPES.contains(&media_type.as_str()) {
        return None;
    }
    let mut nameless = format!("file.{}", default_extension(&media_type));
    let bytes = match part.body {
        PartType::Multipart(_) => return None,
        PartType::Binary(bytes) | PartType::InlineBinary(bytes)
            if part.encoding != Encoding::Base64 || !bytes.is_empty() =>
        {
            bytes.into_owned()
        }
        // Text attachments are kept byte by byte, not converted to UTF-8.
        PartType::Text(_) | PartType::Html(_) | PartType::Binary(_) | PartType::InlineBinary(_) => {
            part_bytes(&part, raw)
        }
        PartType::Message(_) => {
            let bytes = part_bytes(&part, raw);
            let subject = HeaderFields::parse(&bytes)
                .first("subject")
                .map(|subject| encoded_words::decode(subject, decoder));
            nameless = format!("{}.eml", to_single_line(subject.as_deref().unwrap_or("message")));
            bytes
        }
    };
    let is_picture = media_type.starts_with("image/");
    let content_id = header.content_id();
    Some(MailAttachment {
        name: header.name().unwrap_or(nameless),
        is_inline: is_picture && content_id.as_deref().is_some_and(is_shown),
        content_type: media_type,
        bytes,
    })
}

/// The extension for an attachment without a name, which mostly is an inline image.
fn default_extension(content_type: &str) -> &str {
    match content_type.rsplit('/').next().unwrap_or_default() {
        "jpeg" | "jpg" | "pjpeg" => "jpg",
        "plain" => "txt",
        "rfc822" | "global" => "eml",
        "calendar" => "ics",
        "pkcs7-mime" | "x-pkcs7-mime" => "p7m",
        "ms-tnef" | "vnd.ms-tnef" => "dat",
        "mpeg" if content_type.starts_with("audio") => "mp3",
        "x-m4a" => "m4a",
        known @ ("png" | "gif" | "webp" | "pdf" | "html" | "csv" | "zip" | "bmp" | "heic" | "tiff"
        | "mp4" | "xml" | "rtf" | "svg+xml") => known.trim_end_matches("+xml"),
        _ => "bin",
    }
}
