//! Encoded words (RFC 2047), as they are and not only as they should be.

use crate::desk::mail::inbound::text::charset::{CharsetDecoder, decode_bytes};
use crate::desk::mail::inbound::text::transfer::{decode_base64, decode_quoted_printable};

/// Bytes of an encoded word that are looked at. RFC 2047 allows 75; some programs put a whole line into one.
pub const MAX_WORD_BYTES: usize = 4_000;

/// A piece of a field.
enum Piece<'a> {
    Plain(&'a [u8]),
    Word { charset: String, bytes: Vec<u8> },
}

/// The text of a field. Adjacent words in one character set are joined before they are decoded, because programs cut
/// them in the middle of a character.
pub fn decode(value: &[u8], decoder: CharsetDecoder) -> String {
    let mut out = String::new();
    let mut word: Option<(String, Vec<u8>)> = None;
    // White space behind a word. Between two words it only keeps them apart.
    let mut space: &[u8] = b"";
    let end = |word: &mut Option<(String, Vec<u8>)>, out: &mut String| {
        if let Some((charset, bytes)) = word.take() {
            out.push_str(&decode_bytes(&bytes, Some(&charset), decoder));
        }
    };
    for piece in pieces(value) {
        match piece {
            Piece::Plain(text) if word.is_some() && text.trim_ascii().is_empty() => space = text,
            Piece::Plain(text) => {
                end(&mut word, &mut out);
                out.push_str(&decode_bytes(text, None, decoder));
            }
            Piece::Word { charset, bytes } => {
                space = b"";
                if let Some((known, joined)) = &mut word
                    && known.eq_ignore_ascii_case(&charset)
                {
                    joined.extend(bytes);
                } else {
                    end(&mut word, &mut out);
                    word = Some((charset, bytes));
                }
            }
        }
    }
    end(&mut word, &mut out);
    out.push_str(&decode_bytes(space, None, decoder));
    out
}

fn pieces(value: &[u8]) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut plain, mut at): (usize, usize) = (0, 0);
    while let Some(next) = value
        .get(at..)
        .and_then(|rest| rest.windows(2).position(|two| two == b"=?"))
    {
        let start = at.saturating_add(next);
        let Some((length, word)) = value.get(start..).and_then(parse_word) else {
            at = start.saturating_add(2);
            continue;
        };
        if let Some(text) = value.get(plain..start).filter(|text| !text.is_empty()) {
            found.push(Piece::Plain(text));
        }
        found.push(word);
        plain = start.saturating_add(length);
        at = plain;
    }
    found.extend(
        value
            .get(plain..)
            .filter(|text| !text.is_empty())
            .map(Piece::Plain),
    );
    found
}

/// The word `=?charset?encoding?text?=` that the bytes begin with, and its length.
fn parse_word(text: &[u8]) -> Option<(usize, Piece<'static>)> {
    let text = text.get(..MAX_WORD_BYTES.min(text.len()))?;
    let rest = text.get(2..)?;
    let name_end = rest.iter().take(60).position(|byte| *byte == b'?')?;
    let name = std::str::from_utf8(rest.get(..name_end)?).ok()?;
    // RFC 2231 puts a language behind the character set.
    let charset = name.split('*').next()?.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+');
    if charset.is_empty() || !charset.chars().all(is_name) {
        return None;
    }
    let rest = rest.get(name_end.saturating_add(1)..)?;
    let (encoding, rest) = (
        rest.first()?.to_ascii_lowercase(),
        rest.strip_prefix(&[*rest.first()?, b'?'])?,
    );
    let end = rest.windows(2).position(|two| two == b"?=")?;
    let encoded = rest.get(..end)?;
    let bytes = match encoding {
        b'b' => decode_base64(encoded),
        b'q' => {
            let spaced: Vec<u8> = encoded
                .iter()
                .map(|byte| if *byte == b'_' { b' ' } else { *byte })
                .collect();
            decode_quoted_printable(&spaced)
        }
        _ => return None,
    };
    // `=?` + name + `?B?` + text + `?=`
    let length = name_end.saturating_add(end).saturating_add(7);
    let word = Piece::Word {
        charset: charset.to_owned(),
        bytes,
    };
    Some((length, word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::mail::inbound::text::charset::testing::decoder;

    #[test]
    fn words_are_joined_and_decoded() {
        for (value, want) in [
            ("plain text", "plain text"),
            ("=?UTF-8?Q?St=C3=B6rung?=", "Störung"),
            // A character that is cut in two.
            ("=?UTF-8?Q?St=C3?= =?UTF-8?Q?=B6rung?=", "Störung"),
            ("=?utf-8?B?8J8=?=\r\n =?UTF-8?B?lKU=?=", "🔥"),
            ("=?utf-8?B?5Y2w?= \t=?utf-8?q?=E5=88?= =?utf-8?q?=B7?=", "印刷"),
            ("=?GB2312?Q?=C4?= =?gb2312?B?4w==?=", "你"),
            // Unpadded, and with line ends inside.
            ("=?UTF-8?B?U3TDtnJ1bmc?=", "Störung"),
            ("=?utf-8?B?U3TD tnJ1bmc=?=", "Störung"),
            // One word after another without white space, and within text.
            ("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
            ("Re: =?utf-8?Q?=C3=A4?= b", "Re: ä b"),
            ("\"=?utf-8?Q?M=C3=BCller?=\"", "\"Müller\""),
            ("=?iso-8859-1?q?=E4?= =?utf-8?q?=C3=A4?=", "ää"),
            ("=?ISO-2022-JP?B?GyRCJCIbKEI=?=", "あ"),
            ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
            ("=?windows-1251?B?z/Do4uXy?=", "Привет"),
            ("=?utf-8*de?Q?=C3=A4?=", "ä"),
            ("=?UTF-8?Q?a_b_with spaces?=", "a b with spaces"),
            ("=?utf-8?Q?a=3F=3D?= x", "a?= x"),
            // No words.
            ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
            ("=?a b?Q?x?=", "=?a b?Q?x?="),
            ("a =? b ?= c", "a =? b ?= c"),
            ("=?", "=?"),
            ("=?utf-8?Q?", "=?utf-8?Q?"),
            ("x =?utf-8?Q?a?=  ", "x a  "),
            // An unknown character set.
            ("=?x-nothing?Q?=C3=A4?=", "ä"),
            ("", ""),
        ] {
            assert_eq!(decode(value.as_bytes(), &decoder), want, "{value}");
        }
        // Raw bytes: UTF-8, and what is not.
        assert_eq!(decode("Störung".as_bytes(), &decoder), "Störung");
        assert_eq!(decode(b"St\xf6rung", &decoder), "Störung");
    }

    #[test]
    fn malformed_input_takes_linear_time() {
        for junk in ["=?", "=?utf-8?", "=?utf-8?Q?", "=?utf-8?Q?a?=", "=?utf-8?Q?a?= "] {
            assert!(decode(junk.repeat(100_000).as_bytes(), &decoder).len() <= 1_500_000);
        }
    }
}
