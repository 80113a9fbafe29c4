//! Presigned URLs: they allow one upload or one download without a token, and nothing else.
//!
//! They have the format of S3, whether they point to R2, to another S3 store or, where none is configured, to the
//! Worker's own `/uploads`. Clients need not know the difference.

use crate::desk::Millis;
use crate::desk::tickets::attachment::{DOWNLOAD_URL_SECONDS, UPLOAD_URL_SECONDS};
use crate::desk::tickets::filename::{MAX_FILE_BYTES, content_disposition, safe_content_type};
use crate::http::error::Error;
use crate::http::request::{Headers, Request};
use crate::http::sigv4::{CredentialScope, Credentials, PresignTarget, presign};
use crate::http::sigv4_verify::{PresignedRequest, VerifyError, verify};

/// Presigned requests that the Worker sends itself are sent at once.
const INTERNAL_URL_SECONDS: i64 = 60;
const CONTENT_DISPOSITION: &str = "response-content-disposition";
const CONTENT_TYPE: &str = "response-content-type";
/// The headers that the signature of an upload covers.
const UPLOAD_HEADERS: [&str; 3] = ["content-length", "content-type", "if-none-match"];

/// A bucket and its credentials.
#[derive(Clone, Copy)]
pub struct S3Bucket<'a> {
    pub credentials: Credentials<'a>,
    /// Scheme and host.
    pub origin: &'a str,
    pub bucket: &'a str,
}

/// The URL of an upload, and the headers that must be sent with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedUpload {
    pub url: String,
    pub headers: [(&'static str, String); 3],
}

impl S3Bucket<'_> {
    /// A URL to upload one file of this type and size. The key must not exist yet (`if-none-match`).
    pub fn presign_upload(&self, key: &str, content_type: &str, size: i64, now: Millis) -> PresignedUpload {
        let size = size.to_string();
        let [length, kind, fresh] = UPLOAD_HEADERS;
        let headers = [(length, size.as_str()), (kind, content_type), (fresh, "*")];
        PresignedUpload {
            url: self.presign("PUT", key, &[], &headers, UPLOAD_URL_SECONDS, now),
            headers: headers.map(|(name, value)| (name, value.to_owned())),
        }
    }

    /// A URL to download a file: always as an attachment, under its name.
    pub fn presign_download(&self, key: &str, name: &str, content_type: &str, now: Millis) -> String {
        let disposition = content_disposition(name);
        let query = [
            (CONTENT_DISPOSITION, disposition.as_str()),
            (CONTENT_TYPE, content_type),
        ];
        self.presign("GET", key, &query, &[], DOWNLOAD_URL_SECONDS, now)
    }

    /// A URL for a request that the Worker sends itself.
    pub fn presign_internal(&self, method: &str, key: &str, now: Millis) -> String {
        self.presign(method, key, &[], &[], INTERNAL_URL_SECONDS, now)
    }

    fn presign(
        &self,
        method: &str,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        seconds: i64,
        now: Millis,
    ) -> String {
        let path = format!("/{}/{key}", self.bucket);
        let target = PresignTarget {
            method,
            origin: self.origin,
            path: &path,
            scope: CredentialScope::R2,
            query,
            headers,
        };
        presign(self.credentials, &target, seconds, now)
    }
}

/// When a URL signed at `now` expires. Signatures count in whole seconds.
pub fn expires_at(seconds: i64, now: Millis) -> Millis {
    now.saturating_sub(now.rem_euclid(1_000))
        .saturating_add(seconds.saturating_mul(1_000))
}

/// The headers of a request, with the host that the client addressed: a proxy may have replaced the header.
struct OriginHost<'a>(&'a Request);

impl Headers for OriginHost<'_> {
    fn get(&self, name: &str) -> Option<String> {
        if name == "host" {
            return self.0.origin.split_once("://").map(|(_, host)| host.to_owned());
        }
        self.0.header(name)
    }
}

fn verify_url(
    credentials: Credentials,
    request: &Request,
    method: &str,
    required: &[&str],
    now: Millis,
) -> Result<(), Error> {
    let headers = OriginHost(request);
    let claim = PresignedRequest {
        method,
        path: &request.path,
        query: &request.query,
        headers: &headers,
    };
    verify(credentials, CredentialScope::R2, &claim, required, now).map_err(|refusal| {
        let why = match refusal {
            VerifyError::Expired | VerifyError::Early => "this link has expired; ask for a new one",
            VerifyError::Unsigned => "a header that the link was signed with is missing",
            VerifyError::Malformed | VerifyError::Foreign | VerifyError::Forged => {
                "this link does not allow this request: method, path, content-type, content-length and \
                 if-none-match must be exactly as they were given"
            }
        };
        Error::Forbidden(why.to_owned())
    })
}

/// The upload that a URL allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedUpload {
    pub content_type: String,
    /// In bytes.
    pub size: i64,
}

/// Checks that a request to `/uploads` may upload a file.
///
/// # Errors
/// 413 for a body over the limit, otherwise 403.
pub fn verify_upload(
    credentials: Credentials,
    request: &Request,
    now: Millis,
) -> Result<AllowedUpload, Error> {
    let length = request.header("content-length");
    let size: Option<i64> = length.and_then(|length| length.parse().ok());
    if size.is_some_and(|size| size > MAX_FILE_BYTES) {
        return Err(Error::TooLarge(
            usize::try_from(MAX_FILE_BYTES).unwrap_or_default(),
        ));
    }
    verify_url(credentials, request, "PUT", &UPLOAD_HEADERS, now)?;
    Ok(AllowedUpload {
        content_type: request.header("content-type").unwrap_or_default(),
        size: size.unwrap_or_default(),
    })
}

/// Checks that a request to `/uploads` may download a file. Returns its `Content-Disposition` and content type.
///
/// # Errors
/// 403.
pub fn verify_download(
    credentials: Credentials,
    request: &Request,
    now: Millis,
) -> Result<(String, &'static str), Error> {
    verify_url(credentials, request, "GET", &[], now)?;
    let signed = |wanted: &str| {
        let found = request.query_pairs().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    Ok((
        signed(CONTENT_DISPOSITION).unwrap_or_else(|| "attachment".to_owned()),
        safe_content_type(&signed(CONTENT_TYPE).unwrap_or_default()),
    ))
}

#[cfg(test)]
mod tests {

    use super::*;

    use crate::http::request::tests::request;

    const NOW: Millis = 1_795_000_000_123;
    const KEY: Credentials<'static> = Credentials {
        id: "edgedesk",
        secret: "a secret",
    };
    const STORE: S3Bucket<'static> = S3Bucket {
        credentials: KEY,
        origin: "https://desk.example",
        bucket: "uploads",
    };
    const SENT: [(&str, &str); 3] = [
        ("content-length", "1234"),
        ("content-type", "application/pdf"),
        ("if-none-match", "*"),
    ];

    /// The request of a client that uses the URL.
    fn follow(url: &str, headers: &[(&'static str, &'static str)]) -> Request {
        let rest = url.strip_prefix("https://desk.example").expect("our origin");
        let (path, query) = rest.split_once('?').expect("a query");
        Request {
            path: path.to_owned(),
            ..request(query, headers)
        }
    }

    #[test]
    fn a_link_allows_one_upload_and_nothing_else() {
        let upload = STORE.presign_upload("k1", "application/pdf", 1_234, NOW);
        assert_eq!(upload.headers, SENT.map(|(name, value)| (name, value.to_owned())));
        let (url, end) = (upload.url.as_str(), expires_at(UPLOAD_URL_SECONDS, NOW));
        let try_it = |url: &str, headers: &[(&'static str, &'static str)], now| {
            verify_upload(KEY, &follow(url, headers), now).ok()
        };
        let want = Some(AllowedUpload {
            content_type: "application/pdf".to_owned(),
            size: 1_234,
        });
        assert_eq!(try_it(url, &SENT, NOW), want);
        assert_eq!(try_it(url, &SENT, end - 1), want);
        let but = |at: usize, value: &'static str| {
            let mut sent = SENT;
            sent[at].1 = value;
            sent
        };
        let stolen = url.replace("/uploads/k1", "/uploads/k2");
        let mounted = url.replace("/uploads/k1", "/api/uploads/k1");
        let longer = url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000");
        for (url, headers, now) in [
            (url, &SENT[..], end),
            (url, &SENT[..2], NOW),
            (url, &SENT[1..], NOW),
            (url, &but(0, "1235"), NOW),
            (url, &but(0, "12345678901"), NOW),
            (url, &but(1, "text/html"), NOW),
            (url, &but(1, "application/pdf; charset=x"), NOW),
            (url, &but(2, "\"x\""), NOW),
            (&stolen, &SENT[..], NOW),
            (&mounted, &SENT[..], NOW),
            (&longer, &SENT[..], NOW),
            ("https://desk.example/uploads/k1?", &SENT[..], NOW),
            (&STORE.presign_internal("PUT", "k1", NOW), &SENT[..], NOW),
        ] {
            assert_eq!(try_it(url, headers, now), None, "{url} {headers:?} {now}");
        }
        assert!(verify_download(KEY, &follow(url, &SENT), NOW).is_err());
    }

    #[test]
    fn a_download_keeps_its_name_and_type() {
        let url = STORE.presign_download("k1", "Müller \"x\".pdf", "application/pdf", NOW);
        let read = |url: &str, now| verify_download(KEY, &follow(url, &[]), now).ok();
        let name = "attachment; filename=\"M_ller _x_.pdf\"; filename*=UTF-8''M%C3%BCller%20_x_.pdf";
        assert_eq!(read(&url, NOW), Some((name.to_owned(), "application/pdf")));
        assert_eq!(read(&url, expires_at(DOWNLOAD_URL_SECONDS, NOW)), None);
        assert_eq!(read(&url.replace("application%2Fpdf", "text%2Fhtml"), NOW), None);
        assert_eq!(read(&url.replace("attachment", "inline"), NOW), None);
        assert!(verify_upload(KEY, &follow(&url, &SENT), NOW).is_err());
    }
}
