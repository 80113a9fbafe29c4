//! A request without any type of the platform, so that it can be built in native tests.

use std::borrow::Cow;

/// The methods that the route table can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// All methods.
    pub const ALL: [Method; 5] = [
        Method::Get,
        Method::Post,
        Method::Put,
        Method::Patch,
        Method::Delete,
    ];

    /// The name in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Reads the name in HTTP.
    pub fn parse(word: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.as_str() == word)
    }
}

/// Headers by lower-case name. Each read is a call into JavaScript, so headers are read on demand only.
pub trait Headers {
    /// The value of a header, if it was sent.
    fn get(&self, name: &str) -> Option<String>;
}

/// The body is read before the handler runs, and only up to the limit.
pub struct Request {
    /// As sent: `GET`, `HEAD`, `OPTIONS` or anything else.
    pub verb: String,
    /// Scheme and host as the client addressed them.
    pub origin: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The query as sent, without its `?`.
    pub query: String,
    pub headers: Box<dyn Headers>,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, if it was sent.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)
    }

    /// The decoded parameters of the query, in order.
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.query.as_bytes())
    }

    /// Whether the query has one of these parameters and it is not empty.
    pub fn has_query(&self, names: &[&str]) -> bool {
        !self.query.is_empty()
            && self
                .query_pairs()
                .any(|(name, value)| !value.is_empty() && names.contains(&&*name))
    }

    /// The client's IP address from Cloudflare's header. Others can be forged, so they are ignored.
    pub fn client_ip(&self) -> String {
        self.header("cf-connecting-ip")
            .unwrap_or_else(|| "local".to_owned())
    }

    /// The token in `Authorization: Bearer ...`.
    pub fn bearer_token(&self) -> Option<String> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    }
}

/// Decodes a path segment. `None` if the result is not UTF-8.
pub fn decode_segment(segment: &str) -> Option<String> {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .ok()
        .map(Cow::into_owned)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::HashMap;

    impl Headers for HashMap<&'static str, &'static str> {
        fn get(&self, name: &str) -> Option<String> {
            HashMap::get(self, name).map(|value| (*value).to_owned())
        }
    }

    pub(crate) fn request(query: &str, headers: &[(&'static str, &'static str)]) -> Request {
        Request {
            verb: "GET".to_owned(),
            origin: "https://desk.example".to_owned(),
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: Box::new(headers.iter().copied().collect::<HashMap<_, _>>()),
            body: Vec::new(),
        }
    }

    #[test]
    fn bearer_tokens_are_found() {
        for (value, want) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
        ] {
            assert_eq!(
                request("", &[("authorization", value)]).bearer_token().as_deref(),
                want
            );
        }
    }

    #[test]
    fn queries_are_decoded() {
        let asked = request("q=a%20b+c&status=", &[]);
        assert!(asked.has_query(&["q"]) && !asked.has_query(&["status"]) && !asked.has_query(&["x"]));
        assert_eq!(
            asked.query_pairs().next().map(|(_, v)| v.into_owned()).as_deref(),
            Some("a b c")
        );
    }

    #[test]
    fn segments_are_decoded_or_refused() {
        for (segment, want) in [
            ("a%20b", Some("a b")),
            ("%41", Some("A")),
            ("%ff", None),
            ("100%", Some("100%")),
        ] {
            assert_eq!(decode_segment(segment).as_deref(), want);
        }
    }
}
