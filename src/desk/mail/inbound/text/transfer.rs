//! Transfer encodings (RFC 2045), read as far as they go: what is no part of an encoding is skipped or kept, and nothing
//! fails.

/// The bytes of a base64 text. Characters outside its alphabet are skipped, and padding is not required.
pub fn decode_base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().saturating_mul(3) / 4);
    let (mut bits, mut count): (u32, u32) = (0, 0);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            // Some programs encode pieces and join them: each begins anew.
            b'=' => {
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            out.push(((bits >> count) & 255) as u8);
        }
    }
    out
}

/// The bytes of a quoted-printable text. What is no escape stays as it is.
pub fn decode_quoted_printable(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at: usize = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at.saturating_add(1)..).unwrap_or_default();
        if *byte != b'=' {
            out.push(*byte);
            at = at.saturating_add(1);
        } else if let (Some(high), Some(low)) = (digit(rest.first()), digit(rest.get(1))) {
            out.push(((high << 4) | low) as u8);
            at = at.saturating_add(3);
        } else if let Some(length) = soft_break(rest) {
            at = at.saturating_add(1).saturating_add(length);
        } else {
            out.push(b'=');
            at = at.saturating_add(1);
        }
    }
    out
}

/// The length of the line end behind the `=` of a soft line break, with white space that a server has added.
fn soft_break(rest: &[u8]) -> Option<usize> {
    let blank = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    match rest.get(blank..)? {
        [b'\r', b'\n', ..] => Some(blank.saturating_add(2)),
        [b'\n', ..] => Some(blank.saturating_add(1)),
        [] => Some(blank),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read_as_far_as_they_go() {
        for (text, want) in [
            ("aGVsbG8=", "hello"),
            ("aGVsbG8", "hello"),
            ("aGVs\r\nbG8=\r\n", "hello"),
            ("aGVs!bG8=", "hello"),
            ("aA==aQ==", "hi"),
            ("", ""),
            ("=", ""),
        ] {
            assert_eq!(decode_base64(text.as_bytes()), want.as_bytes(), "{text}");
        }
        for (text, want) in [
            ("a=C3=A4b", "aäb"),
            ("a=c3=a4b", "aäb"),
            ("one =\r\ntwo", "one two"),
            ("one=\ntwo", "onetwo"),
            ("one= \t\r\ntwo", "onetwo"),
            ("ends=", "ends"),
            ("1+1=2", "1+1=2"),
            ("a=ZZ", "a=ZZ"),
            ("=3D=", "="),
        ] {
            assert_eq!(
                decode_quoted_printable(text.as_bytes()),
                want.as_bytes(),
                "{text}"
            );
        }
    }
}
