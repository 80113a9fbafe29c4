//! AWS Signature Version 4 in the query string: presigned URLs for R2 and S3 and, with the same check, for the Worker's
//! own `/uploads`.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>. The payload is not signed,
//! because its hash is not known in advance; size, type and "only if new" are, as headers.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Timelike};
use hmac::digest::{Key, KeyInit};
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::desk::Millis;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The longest validity of a URL, in seconds: seven days, the limit of S3.
pub const MAX_EXPIRY_SECONDS: i64 = 604_800;
/// Encodes everything except letters, digits and `-._~`.
const ENCODE_SET: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An access key.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    pub id: &'a str,
    pub secret: &'a str,
}

/// The region and service that a signature is valid for.
#[derive(Clone, Copy)]
pub struct CredentialScope<'a> {
    pub region: &'a str,
    pub service: &'a str,
}

impl CredentialScope<'static> {
    /// The scope of all R2 buckets.
    pub const R2: CredentialScope<'static> = CredentialScope {
        region: "auto",
        service: "s3",
    };
}

/// The request that a presigned URL allows.
#[derive(Clone, Copy)]
pub struct PresignTarget<'a> {
    /// `PUT` or `GET`.
    pub method: &'a str,
    /// Scheme and host: `https://account.r2.cloudflarestorage.com`.
    pub origin: &'a str,
    /// `/bucket/key`, not percent-encoded. A segment must not contain a slash.
    pub path: &'a str,
    pub scope: CredentialScope<'a>,
    /// Further parameters, such as `response-content-disposition`.
    pub query: &'a [(&'a str, &'a str)],
    /// The headers that must be sent with exactly these values, by lower-case name. `host` is added.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Signs a URL that allows the request for `seconds` (1 to [`MAX_EXPIRY_SECONDS`]) from `now`.
pub fn presign(credentials: Credentials, target: &PresignTarget, seconds: i64, now: Millis) -> String {
    let stamp = amz_date(now);
    let (origin, host) = origin_and_host(target.origin);
    let mut headers: Vec<(Cow<str>, Cow<str>)> = vec![("host".into(), host.into())];
    headers.extend(
        target
            .headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    );
    headers.sort_unstable();
    let path = target.path.split('/').map(encode).collect::<Vec<_>>().join("/");
    let mut query: Vec<(Cow<str>, Cow<str>)> = vec![
        ("X-Amz-Algorithm".into(), ALGORITHM.into()),
        (
            "X-Amz-Credential".into(),
            format!(
                "{}/{}",
                credentials.id,
                format_scope(date_of(&stamp), target.scope)
            )
            .into(),
        ),
        (
            "X-Amz-Expires".into(),
            seconds.clamp(1, MAX_EXPIRY_SECONDS).to_string().into(),
        ),
        ("X-Amz-SignedHeaders".into(), signed_header_names(&headers).into()),
        ("X-Amz-Date".into(), stamp.as_str().into()),
    ];
    query.extend(
        target
            .query
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    );
    let query = canonical_query(&query);
    let canonical = canonical_request(target.method, &path, &query, &headers);
    let signature_hex = signature(credentials.secret, &stamp, target.scope, &canonical)
        .finalize()
        .into_bytes();
    format!("{origin}{path}?{query}&X-Amz-Signature={signature_hex:x}")
}

/// The origin without a trailing slash, and the `Host` header as clients send it: without the scheme's default port.
fn origin_and_host(origin: &str) -> (&str, &str) {
    let origin = origin.trim_end_matches('/');
    let host = match origin.split_once("://") {
        Some(("https", host)) => host.strip_suffix(":443").unwrap_or(host),
        Some(("http", host)) => host.strip_suffix(":80").unwrap_or(host),
        Some((_, host)) => host,
        None => origin,
    };
    (origin, host)
}

pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODE_SET).to_string()
}

pub(super) fn canonical_query(pairs: &[(Cow<str>, Cow<str>)]) -> String {
    let mut parts: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    parts.sort_unstable();
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.join("&")
}

fn signed_header_names(headers: &[(Cow<str>, Cow<str>)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_ref()).collect();
    names.join(";")
}

/// Step 1 of the specification.
pub(super) fn canonical_request(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(Cow<str>, Cow<str>)],
) -> String {
    let mut lines = String::new();
    for (name, value) in headers {
        // Runs of spaces count as one; those at the ends are removed.
        let value: Vec<&str> = value.split_ascii_whitespace().collect();
        lines.push_str(&format!("{name}:{}\n", value.join(" ")));
    }
    format!(
        "{method}\n{path}\n{query}\n{lines}\n{}\nUNSIGNED-PAYLOAD",
        signed_header_names(headers)
    )
}

/// Steps 2 and 3: the HMAC of a canonical request, to be finalized or verified.
pub(super) fn signature(secret: &str, stamp: &str, scope: CredentialScope, canonical: &str) -> Hmac<Sha256> {
    let day = date_of(stamp);
    let digest = Sha256::digest(canonical.as_bytes());
    let text = format!("{ALGORITHM}\n{stamp}\n{}\n{digest:x}", format_scope(day, scope));
    mac(&signing_key(secret, day, scope), &text)
}

/// The signing key of a day, region and service.
fn signing_key(secret: &str, day: &str, scope: CredentialScope) -> [u8; 32] {
    let derive = |key: &[u8], text: &str| -> [u8; 32] { mac(key, text).finalize().into_bytes().into() };
    let key = derive(format!("AWS4{secret}").as_bytes(), day);
    let key = derive(&key, scope.region);
    let key = derive(&key, scope.service);
    derive(&key, "aws4_request")
}

/// HMAC-SHA-256. Keys longer than a block are hashed first (RFC 2104).
fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut block = Key::<Hmac<Sha256>>::default();
    let hashed;
    let key = if key.len() > block.len() {
        hashed = Sha256::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    <Hmac<Sha256> as KeyInit>::new(&block).chain_update(text.as_bytes())
}

pub(super) fn format_scope(day: &str, scope: CredentialScope) -> String {
    format!("{day}/{}/{}/aws4_request", scope.region, scope.service)
}

/// `20130524T000000Z`.
fn amz_date(now: Millis) -> String {
    let time = DateTime::from_timestamp_millis(now).unwrap_or_default();
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The date in a timestamp: its first eight characters.
pub(super) fn date_of(stamp: &str) -> &str {
    stamp.get(..8).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        chrono::DateTime::parse_from_rfc3339(text)
            .expect("a time")
            .timestamp_millis()
    }

    /// The example of the AWS page above; the other URLs were signed by botocore 1.x.
    #[test]
    fn links_equal_those_of_other_signers() {
        let r2 = Credentials {
            id: "0123456789abcdef0123456789abcdef",
            secret: &"f".repeat(64),
        };
        let example = Credentials {
            id: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        };
        let get = PresignTarget {
            method: "GET",
            origin: "https://acc.r2.cloudflarestorage.com",
            path: "/bucket/x",
            scope: CredentialScope::R2,
            query: &[],
            headers: &[],
        };
        for (credentials, target, seconds, now, want) in [
            (
                example,
                PresignTarget {
                    origin: "https://examplebucket.s3.amazonaws.com",
                    path: "/test.txt",
                    scope: CredentialScope {
                        region: "us-east-1",
                        service: "s3",
                    },
                    ..get
                },
                86_400,
                "2013-05-24T00:00:00Z",
                "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
                 &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            ),
            (
                r2,
                PresignTarget {
                    method: "PUT",
                    path: "/bucket/t/7/a b+(ä)~.pdf",
                    headers: &[
                        ("if-none-match", "*"),
                        ("content-type", "application/pdf"),
                        ("content-length", "1234"),
                    ],
                    ..get
                },
                900,
                "2026-11-20T09:08:07.999Z",
                "https://acc.r2.cloudflarestorage.com/bucket/t/7/a%20b%2B%28%C3%A4%29~.pdf\
                 ?X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=0123456789abcdef0123456789abcdef%2F20261120%2Fauto%2Fs3%2Faws4_request\
                 &X-Amz-Date=20261120T090807Z&X-Amz-Expires=900\
                 &X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match\
                 &X-Amz-Signature=1b9d8178e9ed66f02683a832e79eb040a2ad1622913fade9c588305f83869a8c",
            ),
            (
                Credentials { id: "k", secret: "s" },
                PresignTarget {
                    origin: "http://127.0.0.1:8787/",
                    path: "/uploads/東京",
                    ..get
                },
                300,
                "2026-11-20T09:08:07Z",
                "http://127.0.0.1:8787/uploads/%E6%9D%B1%E4%BA%AC?X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=k%2F20261120%2Fauto%2Fs3%2Faws4_request&X-Amz-Date=20261120T090807Z\
                 &X-Amz-Expires=300&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature=5d37b60e03f6971f272d6d2a8e04ab12f02e3d4882eb718dce6943a9792a3bb7",
            ),
        ] {
            assert_eq!(presign(credentials, &target, seconds, at(now)), want);
        }
        let query = [(
            "response-content-disposition",
            "attachment; filename=\"a b.pdf\"; filename*=UTF-8''%C3%A4.pdf",
        )];
        let link = presign(
            Credentials {
                id: r2.id,
                secret: "s",
            },
            &PresignTarget { query: &query, ..get },
            300,
            at("2026-11-20T09:08:07Z"),
        );
        // botocore puts its own parameters last; the signed list is sorted, so it is the same.
        assert!(link.ends_with("&response-content-disposition=attachment%3B%20filename%3D%22a%20b.pdf%22%3B%20filename%2A%3DUTF-8%27%27%25C3%25A4.pdf&X-Amz-Signature=9558557f21ecd0110ea4d7be695ffa75fb266e23225cda6b74a5681b7dd20d2b"), "{link}");
    }

    /// <https://docs.aws.amazon.com/general/latest/gr/signature-v4-examples.html>
    #[test]
    fn keys_are_derived_as_published() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let scope = CredentialScope {
            region: "us-east-1",
            service: "iam",
        };
        for (day, want) in [
            (
                "20120215",
                "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d",
            ),
            (
                "20150830",
                "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9",
            ),
        ] {
            let key: String = signing_key(secret, day, scope)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(key, want);
        }
    }

    #[test]
    fn hosts_are_named_as_clients_name_them() {
        for (origin, want) in [
            ("https://a.example", ("https://a.example", "a.example")),
            ("https://a.example:443/", ("https://a.example:443", "a.example")),
            ("http://a.example:80", ("http://a.example:80", "a.example")),
            (
                "http://localhost:8787",
                ("http://localhost:8787", "localhost:8787"),
            ),
            ("https://a.example:80", ("https://a.example:80", "a.example:80")),
        ] {
            assert_eq!(origin_and_host(origin), want);
        }
    }
}
