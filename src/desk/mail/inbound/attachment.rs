//! Which files of a mail are kept, and as what.
//!
//! The type that a mail gives a file is often odd or unknown, so it decides nothing: what runs, or shows as a page, is
//! refused by its extension and its content, and everything else is kept, at worst as plain bytes to download.

use crate::desk::mail::inbound::letter::MailAttachment;
use crate::desk::tickets::filename::{self, ALLOWED_CONTENT_TYPES, FileSpec, MAX_FILE_BYTES};

/// Pictures of texts and signatures that one ticket keeps beside its files.
pub const MAX_INLINE_PICTURES: usize = 60;

/// Bytes at the beginning of a file in which a web page shows itself.
const SNIFFED_BYTES: usize = 1_024;

/// How programs begin: Windows, Linux, macOS (in both byte orders, for one or more processors), Java, WebAssembly, scripts.
const PROGRAM_SIGNATURES: [&[u8]; 9] = [
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"#!/",
];

/// Beginnings of elements that make a text a web page, whatever it is called.
const PAGE_MARKS: [&str; 7] = [
    "<!doctype html",
    "<html",
    "<head",
    "<body",
    "<script",
    "<svg",
    "<iframe",
];

/// What is done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePlan {
    /// It is kept. An inline picture takes none of the places of a ticket's files.
    Keep { file: FileSpec, is_inline: bool },
    /// The ticket has this picture already.
    Known,
    /// It is not kept; the message says why.
    Refuse(String),
}

/// Decides about the files of a mail, in their order. `room` is how many more files the ticket takes. `digests` are the
/// digests of the mail's pictures (empty for other files), `known` those of the ticket's.
pub fn plan(files: &[MailAttachment], digests: &[String], known: &[String], room: usize) -> Vec<FilePlan> {
    let mut left = room;
    let mut seen: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut inline = known.len();
    let pairs = files.iter().zip(digests.iter().map(String::as_str));
    pairs
        .map(|(file, digest)| {
            let accepted = match accept(file) {
                Ok(accepted) => accepted,
                Err(why) => return FilePlan::Refuse(why),
            };
            let is_picture = !digest.is_empty();
            if is_picture && seen.contains(&digest) {
                return FilePlan::Known;
            }
            let is_inline = file.is_inline && is_picture && inline < MAX_INLINE_PICTURES;
            if is_inline {
                inline = inline.saturating_add(1);
            } else if left == 0 {
                return FilePlan::Refuse("the ticket has no more room".to_owned());
            } else {
                left = left.saturating_sub(1);
            }
            if is_picture {
                seen.push(digest);
            }
            FilePlan::Keep {
                file: accepted,
                is_inline,
            }
        })
        .collect()
}

/// Whether a file is a picture, which signatures repeat in every mail.
pub fn is_picture(file: &MailAttachment) -> bool {
    file.content_type.starts_with("image/") && !file.bytes.is_empty()
}

/// The file as it is kept.
///
/// # Errors
/// Why it is not.
fn accept(file: &MailAttachment) -> Result<FileSpec, String> {
    let name = filename::sanitize(&file.name);
    if file.bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Some(ending) = filename::blocked_extension(&name) {
        return Err(format!("files ending in .{ending} are not accepted"));
    }
    if PROGRAM_SIGNATURES
        .iter()
        .any(|start| file.bytes.starts_with(start))
    {
        return Err("programs are not accepted".to_owned());
    }
    if is_page(&file.bytes) {
        return Err("web pages are not accepted".to_owned());
    }
    let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
    if size > MAX_FILE_BYTES {
        return Err("it is larger than 25 MiB".to_owned());
    }
    Ok(FileSpec {
        content_type: content_type(&file.content_type, &name).to_owned(),
        name,
        size,
    })
}

/// Whether bytes are a text that a browser would show as a page.
fn is_page(bytes: &[u8]) -> bool {
    let head = bytes.get(..SNIFFED_BYTES.min(bytes.len())).unwrap_or_default();
    // Two bytes a character, as some programs save pages.
    let head: String = head
        .iter()
        .filter(|byte| **byte != 0)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let text = head.trim_start_matches(|c: char| c.is_whitespace() || !c.is_ascii());
    let is_markup = text.starts_with('<');
    is_markup && PAGE_MARKS.iter().any(|mark| text.contains(mark))
}

/// An accepted media type: the declared one under its usual name, or that of the extension, or that of plain bytes.
fn content_type(declared: &str, name: &str) -> &'static str {
    let known = |kind: &str| ALLOWED_CONTENT_TYPES.into_iter().find(|known| *known == kind);
    let declared = known(filename::canonical_type(declared));
    let is_vague = declared.is_none_or(|kind| kind == "application/octet-stream");
    let by_name = name
        .rsplit_once('.')
        .and_then(|(_, ending)| known(type_of_extension(&ending.to_lowercase())));
    match by_name {
        Some(by_name) if is_vague => by_name,
        _ => declared.unwrap_or("application/octet-stream"),
    }
}

/// The type of the files that people send most, for mails that do not know it.
fn type_of_extension(ending: &str) -> &'static str {
    match ending {
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "zip" => "application/zip",
        "txt" | "log" => "text/plain",
        "csv" => "text/csv",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content_type: &str, bytes: &[u8]) -> MailAttachment {
        MailAttachment {
            name: name.to_owned(),
            content_type: content_type.to_owned(),
            is_inline: false,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn odd_types_are_kept_and_what_runs_is_not() {
        for (name, kind, bytes, want) in [
            ("a.pdf", "application/pdf", &b"%PDF"[..], Ok("application/pdf")),
            ("a.pdf", "application/x-pdf", b"%PDF", Ok("application/pdf")),
            (
                "a.pdf",
                "application/force-download",
                b"%PDF",
                Ok("application/pdf"),
            ),
            (
                "a.pdf",
                "application/octet-stream",
                b"%PDF",
                Ok("application/pdf"),
            ),
            (
                "a",
                "application/octet-stream",
                b"x",
                Ok("application/octet-stream"),
            ),
            (
                "winmail.dat",
                "application/ms-tnef",
                b"x",
                Ok("application/octet-stream"),
            ),
            (
                "smime.p7m",
                "application/pkcs7-mime",
                b"x",
                Ok("application/octet-stream"),
            ),
            (
                "encrypted.asc",
                "application/octet-stream",
                b"x",
                Ok("application/octet-stream"),
            ),
            ("memo.m4a", "audio/x-m4a", b"x", Ok("audio/mp4")),
            (
                "invoice.xml",
                "application/xml",
                b"<?xml?><invoice/>",
                Ok("application/octet-stream"),
            ),
            (
                "invoice.xml",
                "text/xml",
                b"<?xml?><invoice/>",
                Ok("application/octet-stream"),
            ),
            ("a.jpg", "image/jpg", b"x", Ok("image/jpeg")),
            ("a.jpg", "image/pjpeg", b"x", Ok("image/jpeg")),
            ("a.png", "image/x-png", b"x", Ok("image/png")),
            (
                "a.docx",
                "application/x-whatever",
                b"PK",
                Ok("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ),
            ("a.zip", "application/x-zip", b"PK", Ok("application/zip")),
            ("a.pdf", "text/html", b"%PDF", Ok("application/pdf")),
            (
                "drawing",
                "image/svg+xml",
                b"plain",
                Ok("application/octet-stream"),
            ),
            ("a.txt", "text/plain", b"5 < 6 <html", Ok("text/plain")),
            ("a.txt", "text/plain", b"", Err("empty")),
            ("a.exe", "application/pdf", b"x", Err(".exe")),
            ("page.html", "application/octet-stream", b"x", Err(".html")),
            ("a.pdf", "application/pdf", b"MZ\x90\0", Err("programs")),
            ("a", "text/plain", b"#!/bin/sh", Err("programs")),
            ("a.bin", "application/octet-stream", b"\x7fELF", Err("programs")),
            (
                "a.txt",
                "text/plain",
                b"\xef\xbb\xbf <!DOCTYPE html><p>",
                Err("web pages"),
            ),
            ("a", "text/html", b"<p>x</p><script>y</script>", Err("web pages")),
            (
                "a.dat",
                "application/octet-stream",
                b"<?xml version='1.0'?><svg>",
                Err("web pages"),
            ),
            ("a.txt", "text/plain", b"<\0h\0t\0m\0l\0>\0", Err("web pages")),
        ] {
            match (accept(&file(name, kind, bytes)), want) {
                (Ok(kept), Ok(want)) => assert_eq!(kept.content_type, want, "{name} {kind}"),
                (Err(why), Err(want)) => assert!(why.contains(want), "{name} {kind}: {why}"),
                (got, want) => panic!("{name} {kind}: {got:?} {want:?}"),
            }
        }
    }

    #[test]
    fn pictures_of_signatures_take_no_places() {
        let picture = |name: &str, is_inline: bool| MailAttachment {
            is_inline,
            ..file(name, "image/png", b"x")
        };
        let words = |plans: Vec<FilePlan>| -> Vec<String> {
            let word = |plan| match plan {
                FilePlan::Keep {
                    file,
                    is_inline: true,
                } => format!("{} inline", file.name),
                FilePlan::Keep { file, .. } => file.name,
                FilePlan::Known => "known".to_owned(),
                FilePlan::Refuse(why) => why,
            };
            plans.into_iter().map(word).collect()
        };
        let files = [
            picture("logo.png", true),
            picture("again.png", true),
            picture("photo.png", false),
            file("contract.pdf", "application/pdf", b"x"),
            file("more.pdf", "application/pdf", b"x"),
            file("empty.pdf", "application/pdf", b""),
        ];
        let digests = ["a", "a", "b", "", "", ""].map(str::to_owned);
        assert_eq!(
            words(plan(&files, &digests, &[], 2)),
            [
                "logo.png inline",
                "known",
                "photo.png",
                "contract.pdf",
                "the ticket has no more room",
                "it is empty"
            ]
        );
        // Seen before, even if it is no part of a text this time.
        let known = ["a".to_owned(), "b".to_owned()];
        assert_eq!(
            words(plan(&files, &digests, &known, 1)),
            [
                "known",
                "known",
                "known",
                "contract.pdf",
                "the ticket has no more room",
                "it is empty"
            ]
        );
        let many: Vec<MailAttachment> = (0..70).map(|n| picture(&format!("{n}.png"), true)).collect();
        let digests: Vec<String> = (0..70).map(|n| n.to_string()).collect();
        let kept = words(plan(&many, &digests, &[], 0));
        assert_eq!(
            kept.iter().filter(|word| word.ends_with("inline")).count(),
            MAX_INLINE_PICTURES
        );
    }
}
