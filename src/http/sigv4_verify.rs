//! Verifies requests that use a presigned URL from [`sigv4`](crate::http::sigv4).

use std::borrow::Cow;

use chrono::NaiveDate;
use hmac::Mac;

use crate::desk::{MINUTE, Millis};
use crate::http::request::{Headers, decode_segment};
use crate::http::sigv4::{
    ALGORITHM, CredentialScope, Credentials, MAX_EXPIRY_SECONDS, canonical_query, canonical_request, date_of,
    encode, format_scope, signature,
};

/// How far in the future a URL may be dated, because clocks differ.
const MAX_CLOCK_SKEW: Millis = 15 * MINUTE;
/// Headers that one URL can sign.
const MAX_HEADERS: usize = 16;
/// Why a URL is refused. Not all reasons are told apart in the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// A parameter is missing, duplicated or has the wrong format.
    Malformed,
    /// Signed with another key, or for another region or service.
    Foreign,
    /// The URL has expired.
    Expired,
    /// Dated in the future by more than the clock skew.
    Early,
    /// A required header is not signed, or a signed header was not sent.
    Unsigned,
    /// The signature is wrong for this request.
    Forged,
}

/// A request with a presigned URL, as it was sent.
#[derive(Clone, Copy)]
pub struct PresignedRequest<'a> {
    pub method: &'a str,
    /// Still percent-encoded.
    pub path: &'a str,
    /// Still percent-encoded, without its `?`.
    pub query: &'a str,
    pub headers: &'a dyn Headers,
}

/// Verifies that the request is one that [`presign`] allowed. `required` names the headers, in lower case, that the
/// signature must cover besides `host`.
///
/// # Errors
/// The reason. Signatures are compared in constant time.
pub fn verify(
    credentials: Credentials,
    scope: CredentialScope,
    claim: &PresignedRequest,
    required: &[&str],
    now: Millis,
) -> Result<(), VerifyError> {
    let mut pairs: Vec<(Cow<str>, Cow<str>)> = form_urlencoded::parse(claim.query.as_bytes()).collect();
    pairs.sort_unstable();
    if pairs
        .iter()
        .zip(pairs.iter().skip(1))
        .any(|(one, next)| one.0 == next.0)
    {
        return Err(VerifyError::Malformed);
    }
    let find = |name: &str| {
        let found = pairs.iter().find(|pair| pair.0 == name);
        found.map(|pair| pair.1.as_ref()).ok_or(VerifyError::Malformed)
    };
    let stamp = find("X-Amz-Date")?;
    if find("X-Amz-Algorithm")? != ALGORITHM {
        return Err(VerifyError::Malformed);
    }
    let begin = parse_amz_date(stamp).ok_or(VerifyError::Malformed)?;
    let seconds: i64 = Some(find("X-Amz-Expires")?)
        .filter(|text| text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|seconds| (1..=MAX_EXPIRY_SECONDS).contains(seconds))
        .ok_or(VerifyError::Malformed)?;
    let key = format!("{}/{}", credentials.id, format_scope(date_of(stamp), scope));
    if find("X-Amz-Credential")? != key {
        return Err(VerifyError::Foreign);
    }
    if now < begin.saturating_sub(MAX_CLOCK_SKEW) {
        return Err(VerifyError::Early);
    }
    if now >= begin.saturating_add(seconds.saturating_mul(1_000)) {
        return Err(VerifyError::Expired);
    }

    let signed: Vec<&str> = find("X-Amz-SignedHeaders")?.split(';').collect();
    let is_covered = signed.contains(&"host") && required.iter().all(|name| signed.contains(name));
    if signed.len() > MAX_HEADERS || !is_covered {
        return Err(VerifyError::Unsigned);
    }
    let mut headers: Vec<(Cow<str>, Cow<str>)> = Vec::new();
    for name in signed {
        let value = Some(name)
            .filter(|name| is_header_name(name))
            .and_then(|name| claim.headers.get(name))
            .ok_or(VerifyError::Unsigned)?;
        headers.push((name.into(), value.into()));
    }

    let claimed = parse_signature(find("X-Amz-Signature")?).ok_or(VerifyError::Malformed)?;
    let path: Option<Vec<String>> = claim
        .path
        .split('/')
        .map(|part| Some(encode(&decode_segment(part)?)))
        .collect();
    let path = path.ok_or(VerifyError::Malformed)?.join("/");
    let query: Vec<_> = pairs
        .iter()
        .filter(|pair| pair.0 != "X-Amz-Signature")
        .cloned()
        .collect();
    let canonical = canonical_request(claim.method, &path, &canonical_query(&query), &headers);
    signature(credentials.secret, stamp, scope, &canonical)
        .verify_slice(&claimed)
        .map_err(|_| VerifyError::Forged)
}

/// Parses `20130524T000000Z`.
fn parse_amz_date(text: &str) -> Option<Millis> {
    let is_formed = text.len() == 16
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 => b == b'T',
            15 => b == b'Z',
            _ => b.is_ascii_digit(),
        });
    let part = |from: usize, to: usize| text.get(from..to).filter(|_| is_formed)?.parse::<u32>().ok();
    let year = i32::try_from(part(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, part(4, 6)?, part(6, 8)?)?;
    let time = date.and_hms_opt(part(9, 11)?, part(11, 13)?, part(13, 15)?)?;
    Some(time.and_utc().timestamp_millis())
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Parses 64 lower-case hexadecimal digits.
fn parse_signature(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let is_formed = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    for (at, byte) in bytes.iter_mut().enumerate() {
        let from = at.saturating_mul(2);
        let pair = text.get(from..from.saturating_add(2)).filter(|_| is_formed)?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::HashMap;

    use crate::http::sigv4::{PresignTarget, presign};

    const NOW: Millis = 1_795_165_687_000;
    const KEY: Credentials = Credentials {
        id: "desk",
        secret: "a secret",
    };
    const SENT: [(&str, &str); 4] = [
        ("host", "desk.example"),
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "12"),
        ("if-none-match", "*"),
    ];
    const REQUIRED: [&str; 3] = ["content-type", "content-length", "if-none-match"];

    /// Path and query of a valid upload URL.
    fn upload() -> (String, String) {
        let target = PresignTarget {
            method: "PUT",
            origin: "https://desk.example",
            path: "/uploads/7/ä b",
            scope: CredentialScope::R2,
            query: &[("note", "x y+z&=%")],
            headers: &SENT[1..],
        };
        let link = presign(KEY, &target, 900, NOW);
        let (path, query) = link
            .strip_prefix("https://desk.example")
            .and_then(|rest| rest.split_once('?'))
            .expect("a link");
        (path.to_owned(), query.to_owned())
    }

    fn ask(
        method: &str,
        path: &str,
        query: &str,
        sent: &[(&'static str, &'static str)],
        now: Millis,
    ) -> Result<(), VerifyError> {
        let headers: HashMap<&'static str, &'static str> = sent.iter().copied().collect();
        let claim = PresignedRequest {
            method,
            path,
            query,
            headers: &headers,
        };
        verify(KEY, CredentialScope::R2, &claim, &REQUIRED, now)
    }

    #[test]
    fn links_are_accepted_until_they_expire() {
        let (path, query) = upload();
        for (now, want) in [
            (NOW, Ok(())),
            (NOW - 15 * MINUTE, Ok(())),
            (NOW - 15 * MINUTE - 1, Err(VerifyError::Early)),
            (NOW + 899_999, Ok(())),
            (NOW + 900_000, Err(VerifyError::Expired)),
            (Millis::MAX, Err(VerifyError::Expired)),
            (Millis::MIN, Err(VerifyError::Early)),
        ] {
            assert_eq!(ask("PUT", &path, &query, &SENT, now), want, "{now}");
        }
        // The order of parameters and the case of percent escapes are up to the client.
        let mut reordered: Vec<&str> = query.split('&').collect();
        reordered.reverse();
        assert_eq!(
            ask("PUT", &path.to_lowercase(), &reordered.join("&"), &SENT, NOW),
            Ok(())
        );
    }

    #[test]
    fn altered_requests_are_refused() {
        let (path, query) = upload();
        assert_eq!(ask("GET", &path, &query, &SENT, NOW), Err(VerifyError::Forged));
        for altered in [
            "/uploads/8/%C3%A4%20b",
            "/uploads/7/%C3%A4%20b/",
            "/uploads/7%2F%C3%A4%20b",
            "/uploads//7/%C3%A4%20b",
            "/",
            "",
        ] {
            assert_eq!(
                ask("PUT", altered, &query, &SENT, NOW),
                Err(VerifyError::Forged),
                "{altered}"
            );
        }
        assert_eq!(
            ask("PUT", "/uploads/%FF", &query, &SENT, NOW),
            Err(VerifyError::Malformed)
        );
        for (at, value, want) in [
            (0, Some("evil.example"), VerifyError::Forged),
            (1, Some("text/html"), VerifyError::Forged),
            (2, Some("13"), VerifyError::Forged),
            (3, Some("\"x\""), VerifyError::Forged),
            (1, None, VerifyError::Unsigned),
            (2, None, VerifyError::Unsigned),
            (3, None, VerifyError::Unsigned),
        ] {
            let mut sent = SENT.to_vec();
            match value {
                Some(value) => sent[at].1 = value,
                None => drop(sent.remove(at)),
            }
            assert_eq!(ask("PUT", &path, &query, &sent, NOW), Err(want), "{at} {value:?}");
        }
    }

    #[test]
    fn altered_parameters_are_refused() {
        let (path, query) = upload();
        for (from, to, want) in [
            ("Expires=900", "Expires=901", VerifyError::Forged),
            ("Expires=900", "Expires=0", VerifyError::Malformed),
            ("Expires=900", "Expires=604801", VerifyError::Malformed),
            ("Expires=900", "Expires=-900", VerifyError::Malformed),
            (
                "Expires=900",
                "Expires=99999999999999999999",
                VerifyError::Malformed,
            ),
            (
                "Expires=900",
                "Expires=900&X-Amz-Expires=900",
                VerifyError::Malformed,
            ),
            ("Expires=900", "expires=900", VerifyError::Malformed),
            ("X-Amz-Date=2026", "X-Amz-Date=2025", VerifyError::Foreign),
            ("X-Amz-Date=2026", "X-Amz-Date=%2B026", VerifyError::Malformed),
            ("Credential=desk", "Credential=desc", VerifyError::Foreign),
            ("%2Fauto%2F", "%2Feu%2F", VerifyError::Foreign),
            ("%2Fs3%2F", "%2Fec2%2F", VerifyError::Foreign),
            ("HMAC-SHA256", "HMAC-SHA1", VerifyError::Malformed),
            ("content-length%3B", "", VerifyError::Unsigned),
            ("host%3B", "", VerifyError::Unsigned),
            ("host%3B", "host%3Bhost%3B", VerifyError::Forged),
            ("host%3B", "host%3Bx-other%3B", VerifyError::Unsigned),
            ("host%3B", "host%3B%0A%3B", VerifyError::Unsigned),
            (
                "host%3B",
                "host%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B%3B",
                VerifyError::Unsigned,
            ),
            ("note=x", "note=y", VerifyError::Forged),
            ("note=x", "other=1&note=x", VerifyError::Forged),
            ("Signature=", "Signature=0", VerifyError::Malformed),
            ("X-Amz-Signature=", "X-Amz-Signature=&x=", VerifyError::Malformed),
        ] {
            assert!(query.contains(from), "{from}");
            let altered = query.replacen(from, to, 1);
            assert_eq!(ask("PUT", &path, &altered, &SENT, NOW), Err(want), "{altered}");
        }
        let signature = query.rfind("Signature=").expect("a signature") + "Signature=".len();
        for at in signature..query.len() {
            let other = if query.as_bytes()[at] == b'0' { "1" } else { "0" };
            let altered = format!("{}{other}{}", &query[..at], &query[at + 1..]);
            assert_eq!(ask("PUT", &path, &altered, &SENT, NOW), Err(VerifyError::Forged));
            assert_eq!(
                ask("PUT", &path, &query[..at], &SENT, NOW),
                Err(VerifyError::Malformed)
            );
        }
        assert_eq!(
            ask("PUT", &path, &query.to_uppercase(), &SENT, NOW),
            Err(VerifyError::Malformed)
        );
        for nonsense in ["", "&&&", "=", "X-Amz-Signature", "%", "\u{1F525}=\0"] {
            assert_eq!(
                ask("PUT", &path, nonsense, &SENT, NOW),
                Err(VerifyError::Malformed)
            );
        }
    }

    #[test]
    fn another_secret_is_refused() {
        let (path, query) = upload();
        let headers: HashMap<&'static str, &'static str> = SENT.into_iter().collect();
        let claim = PresignedRequest {
            method: "PUT",
            path: &path,
            query: &query,
            headers: &headers,
        };
        for secret in ["", "a secret ", "A secret"] {
            let other = Credentials { secret, ..KEY };
            assert_eq!(
                verify(other, CredentialScope::R2, &claim, &REQUIRED, NOW),
                Err(VerifyError::Forged)
            );
        }
    }
}
