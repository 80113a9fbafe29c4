//! Links to files: with one, a client sends or fetches the bytes without a token, and nothing but these.
//!
//! They are S3's, whether they lead to R2 or another S3 store or, where no keys for one are configured, to the
//! Worker's own `/uploads`: clients cannot tell, and need not.

use crate::desk::Millis;
use crate::desk::tickets::attachment::{DOWNLOAD_SECONDS, UPLOAD_SECONDS};
use crate::desk::tickets::filename::{MAX_BYTES, disposition, type_of};
use crate::http::error::Error;
use crate::http::request::{Headers, Request};
use crate::http::sigv4::{Credentials, Scope, Target, presign};
use crate::http::sigv4_verify::{Claim, Refusal, verify};

/// Our own requests to the store are sent at once.
const OWN_SECONDS: i64 = 60;
const DISPOSITION: &str = "response-content-disposition";
const TYPE: &str = "response-content-type";
/// What the link of an upload covers.
const REQUIRED: [&str; 3] = ["content-length", "content-type", "if-none-match"];

/// Where files are, and the key that opens it.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    pub credentials: Credentials<'a>,
    /// Scheme and host.
    pub origin: &'a str,
    pub bucket: &'a str,
}

/// A link for one upload, and what has to be sent with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub url: String,
    pub headers: [(&'static str, String); 3],
}

impl Store<'_> {
    /// A link with which one file of this type and size can be put under a key that is still free.
    pub fn upload(&self, key: &str, content_type: &str, size: i64, now: Millis) -> Upload {
        let size = size.to_string();
        let [length, kind, fresh] = REQUIRED;
        let headers = [(length, size.as_str()), (kind, content_type), (fresh, "*")];
        Upload {
            url: self.sign("PUT", key, &[], &headers, UPLOAD_SECONDS, now),
            headers: headers.map(|(name, value)| (name, value.to_owned())),
        }
    }

    /// A link with which a file can be fetched: always as a download, under its name.
    pub fn download(&self, key: &str, name: &str, content_type: &str, now: Millis) -> String {
        let disposition = disposition(name);
        let query = [(DISPOSITION, disposition.as_str()), (TYPE, content_type)];
        self.sign("GET", key, &query, &[], DOWNLOAD_SECONDS, now)
    }

    /// A link for a request of our own.
    pub fn own(&self, method: &str, key: &str, now: Millis) -> String {
        self.sign(method, key, &[], &[], OWN_SECONDS, now)
    }

    fn sign(
        &self,
        method: &str,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        seconds: i64,
        now: Millis,
    ) -> String {
        let path = format!("/{}/{key}", self.bucket);
        let target = Target {
            method,
            origin: self.origin,
            path: &path,
            scope: Scope::R2,
            query,
            headers,
        };
        presign(self.credentials, &target, seconds, now)
    }
}

/// The moment at which a link of `seconds` ends: links are signed by the whole second.
pub fn expires(seconds: i64, now: Millis) -> Millis {
    now.saturating_sub(now.rem_euclid(1_000))
        .saturating_add(seconds.saturating_mul(1_000))
}

/// The request, with the host that it was addressed to: a proxy in between may have put another header.
struct Addressed<'a>(&'a Request);

impl Headers for Addressed<'_> {
    fn get(&self, name: &str) -> Option<String> {
        if name == "host" {
            return self.0.origin.split_once("://").map(|(_, host)| host.to_owned());
        }
        self.0.header(name)
    }
}

fn check(
    credentials: Credentials,
    request: &Request,
    method: &str,
    required: &[&str],
    now: Millis,
) -> Result<(), Error> {
    let headers = Addressed(request);
    let claim = Claim {
        method,
        path: &request.path,
        query: &request.query,
        headers: &headers,
    };
    verify(credentials, Scope::R2, &claim, required, now).map_err(|refusal| {
        let why = match refusal {
            Refusal::Expired | Refusal::Early => "this link has expired; ask for a new one",
            Refusal::Unsigned => "a header that the link was signed with is missing",
            Refusal::Malformed | Refusal::Foreign | Refusal::Forged => {
                "this link does not allow this request: method, path, content-type, content-length and \
                 if-none-match must be exactly as they were given"
            }
        };
        Error::Forbidden(why.to_owned())
    })
}

/// An upload that its link allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub content_type: String,
    /// Bytes.
    pub size: i64,
}

/// Whether the request may put a file here.
///
/// # Errors
/// 413 for a body over the limit, otherwise 403.
pub fn check_upload(credentials: Credentials, request: &Request, now: Millis) -> Result<Allowed, Error> {
    let length = request.header("content-length");
    let size: Option<i64> = length.and_then(|length| length.parse().ok());
    if size.is_some_and(|size| size > MAX_BYTES) {
        return Err(Error::TooLarge(usize::try_from(MAX_BYTES).unwrap_or_default()));
    }
    check(credentials, request, "PUT", &REQUIRED, now)?;
    Ok(Allowed {
        content_type: request.header("content-type").unwrap_or_default(),
        size: size.unwrap_or_default(),
    })
}

/// Whether the request may fetch the file here; gives its `Content-Disposition` and type.
///
/// # Errors
/// 403.
pub fn check_download(
    credentials: Credentials,
    request: &Request,
    now: Millis,
) -> Result<(String, &'static str), Error> {
    check(credentials, request, "GET", &[], now)?;
    let signed = |wanted: &str| {
        let found = request.pairs().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    Ok((
        signed(DISPOSITION).unwrap_or_else(|| "attachment".to_owned()),
        type_of(&signed(TYPE).unwrap_or_default()),
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
    const STORE: Store<'static> = Store {
        credentials: KEY,
        origin: "https://desk.example",
        bucket: "uploads",
    };
    const SENT: [(&str, &str); 3] = [
        ("content-length", "1234"),
        ("content-type", "application/pdf"),
        ("if-none-match", "*"),
    ];

    /// The request that a link is followed with.
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
        let upload = STORE.upload("k1", "application/pdf", 1_234, NOW);
        assert_eq!(upload.headers, SENT.map(|(name, value)| (name, value.to_owned())));
        let (url, end) = (upload.url.as_str(), expires(UPLOAD_SECONDS, NOW));
        let try_it = |url: &str, headers: &[(&'static str, &'static str)], now| {
            check_upload(KEY, &follow(url, headers), now).ok()
        };
        let want = Some(Allowed {
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
            (&STORE.own("PUT", "k1", NOW), &SENT[..], NOW),
        ] {
            assert_eq!(try_it(url, headers, now), None, "{url} {headers:?} {now}");
        }
        assert!(check_download(KEY, &follow(url, &SENT), NOW).is_err());
    }

    #[test]
    fn a_download_keeps_its_name_and_type() {
        let url = STORE.download("k1", "Müller \"x\".pdf", "application/pdf", NOW);
        let read = |url: &str, now| check_download(KEY, &follow(url, &[]), now).ok();
        let name = "attachment; filename=\"M_ller _x_.pdf\"; filename*=UTF-8''M%C3%BCller%20_x_.pdf";
        assert_eq!(read(&url, NOW), Some((name.to_owned(), "application/pdf")));
        assert_eq!(read(&url, expires(DOWNLOAD_SECONDS, NOW)), None);
        assert_eq!(read(&url.replace("application%2Fpdf", "text%2Fhtml"), NOW), None);
        assert_eq!(read(&url.replace("attachment", "inline"), NOW), None);
        assert!(check_upload(KEY, &follow(&url, &SENT), NOW).is_err());
    }
}
