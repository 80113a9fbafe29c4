//! Limits how deeply the parts of a mail are nested, before `mail-parser` follows them recursively.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

/// Parts that contain other parts. The depth cannot exceed their number, which is cheaper to find.
const MAX_CONTAINERS: usize = 100;
/// Encoded mails within a mail; `mail-parser` parses each one separately.
const MAX_ENCODED_MAILS: usize = 8;
/// How deep `mail-parser` looks into encoded mails.
const MAX_ENCODED_DEPTH: usize = 4;
/// Bytes in front of a type in which its field begins.
const MAX_FIELD_BYTES: usize = 200;
/// Bytes of a part's header that are searched.
const MAX_HEAD_BYTES: usize = 4_000;

/// Whether a mail is nested too deeply to be parsed.
pub fn is_too_deep(raw: &[u8]) -> bool {
    exceeds_depth(raw, MAX_ENCODED_DEPTH)
}

fn exceeds_depth(raw: &[u8], left: usize) -> bool {
    // The parts of a digest are mails without a header that says so.
    if find_all(raw, b"multipart/digest").next().is_some() {
        return true;
    }
    let (holding, mails) = (find_all(raw, b"multipart/"), || find_all(raw, b"message/"));
    if holding
        .chain(mails())
        .take(MAX_CONTAINERS.saturating_add(1))
        .count()
        > MAX_CONTAINERS
    {
        return true;
    }
    let mut encoded = mails().filter_map(|at| decode_part_at(raw, at));
    let is_deep = encoded
        .by_ref()
        .take(MAX_ENCODED_MAILS)
        .any(|inner| left == 0 || exceeds_depth(&inner, left.saturating_sub(1)));
    is_deep || encoded.next().is_some()
}

/// All positions of a word, in any case. It must begin with `m`, because that is compared first.
fn find_all<'a>(raw: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = raw.windows(word.len()).enumerate();
    let is_it =
        move |found: &[u8]| found.first().is_some_and(|b| b | 32 == b'm') && found.eq_ignore_ascii_case(word);
    windows
        .filter(move |(_, found)| is_it(found))
        .map(|(at, _)| at)
        .filter(|at| is_in_field(raw, *at))
}

/// Whether a word may stand in the field of a header that names a type, or in the line behind it: not within a sentence.
fn is_in_field(raw: &[u8], at: usize) -> bool {
    let before = raw
        .get(at.saturating_sub(MAX_FIELD_BYTES)..at)
        .unwrap_or_default();
    let line = before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
    let line = before
        .get(line.map_or(0, |end| end.saturating_add(1))..)
        .unwrap_or_default();
    let is_field = line
        .get(..12)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"content-type"));
    is_field || line.first().is_none_or(u8::is_ascii_whitespace) || line.len() >= MAX_FIELD_BYTES
}

/// The decoded body of the part whose header declares a mail at this position.
fn decode_part_at(raw: &[u8], at: usize) -> Option<Vec<u8>> {
    let before = raw.get(at.saturating_sub(MAX_HEAD_BYTES)..at)?;
    let start = rfind(before, b"\n\n")
        .max(rfind(before, b"\n\r\n"))
        .unwrap_or_default();
    let below = raw.get(at..)?;
    let near = below.get(..MAX_HEAD_BYTES.min(below.len()))?;
    let end = [&b"\n\n"[..], b"\n\r\n"]
        .iter()
        .filter_map(|gap| near.windows(gap.len()).position(|found| found == *gap))
        .min()?;
    let head = [before.get(start..)?, near.get(..end)?].concat();
    let body = below.get(end..)?.trim_ascii_start();
    if contains_ignore_case(&head, b"base64") {
        // `mail-parser` skips characters that are not base64, so they are skipped here too.
        let end = body.windows(2).position(|found| found == b"--");
        let body = body.get(..end.unwrap_or(body.len()))?.iter().copied();
        let encoded: Vec<u8> = body
            .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
            .collect();
        return base64_decode(&encoded);
    }
    if contains_ignore_case(&head, b"quoted-printable") {
        return quoted_printable_decode(body);
    }
    None
}

fn rfind(raw: &[u8], gap: &[u8]) -> Option<usize> {
    raw.windows(gap.len()).rposition(|found| found == gap)
}

fn contains_ignore_case(raw: &[u8], word: &[u8]) -> bool {
    raw.windows(word.len())
        .any(|found| found.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64, Encoding as _};

    #[test]
    fn depth_is_bounded() {
        let nested =
            |count: usize| "Content-Type: message/rfc822\r\n\r\n".repeat(count) + "Subject: x\r\n\r\nx";
        let encoded = |inner: &str| {
            format!(
                "Content-Type: Message/RFC822\r\nContent-Transfer-Encoding: BASE64\r\n\r\n{}\r\n--x--",
                Base64::encode_string(inner.as_bytes())
            )
        };
        let printable = format!(
            "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: message/global\r\n\r\n{}",
            nested(200).replace("message", "=6Dessage")
        );
        for (raw, want) in [
            ("Subject: x\r\n\r\nhello".to_owned(), false),
            (nested(50), false),
            (nested(101), true),
            (nested(20_000), true),
            (nested(20_000).replace("message/", "MULTIPART/"), true),
            (encoded(&nested(3)), false),
            (encoded(&encoded(&nested(3))), false),
            (encoded(&nested(200)), true),
            (encoded(&nested(200)).replace("\r\n--x", "--x"), true),
            (encoded(&nested(200)).replace("b2", "b-2"), true),
            (encoded(&encoded(&nested(200))), true),
            (printable, true),
            ((encoded("x") + "\r\n").repeat(9), true),
            (nested(101).replace(": ", ":\r\n\t"), true),
            (nested(101).replace(": ", " : (x) "), true),
            // A text about mails.
            ("\r\nsaw Content-Type: multipart/mixed in it".repeat(200), false),
            ("> Content-Type: message/rfc822\r\n".repeat(200), false),
            (
                "Subject: multipart/digest\r\n\r\nThe multipart/digest is broken.".to_owned(),
                false,
            ),
            (
                "Content-Type: multipart/digest; boundary=x\r\n\r\n--x".to_owned(),
                true,
            ),
        ] {
            assert_eq!(is_too_deep(raw.as_bytes()), want, "{}", raw.len());
        }
    }
}
