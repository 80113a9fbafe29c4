//! An answer, before the platform sends it.

/// The headers of every answer that is data: they never differ, so the edge keeps them ready.
pub const DATA_HEADERS: [(&str, &str); 7] = [
    ("Content-Type", "application/json"),
    ("X-Content-Type-Options", "nosniff"),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
    ("Referrer-Policy", "no-referrer"),
    (
        "Content-Security-Policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("Cache-Control", "no-store"),
    ("Vary", "Origin, Accept"),
];

/// What an answer carries.
#[derive(Debug)]
pub enum Body {
    Empty,
    /// JSON, CSV, HTML ...: the content type says which.
    Text(String),
    /// The bytes of a file as they come, of which only `edge` knows what they are.
    File {
        size: i64,
        stream: Box<dyn std::any::Any>,
    },
    /// The client's end of a socket, of which only `edge` knows what it is.
    Socket(Box<dyn std::any::Any>),
    /// A static asset by its path; the edge streams it.
    Asset(&'static str),
    /// A static asset whose path came with the request.
    AssetPath(String),
}

/// One answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Body,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    /// The version of the single resource in the body: the answer gets an `ETag`.
    pub version: Option<i64>,
    /// Anybody may keep it: documents and public keys, not data.
    pub is_public: bool,
    /// It carries the headers of [`DATA_HEADERS`], where it does not say otherwise.
    pub uses_data_headers: bool,
}

impl Reply {
    /// An answer with nothing but a status and a body.
    pub fn new(status: u16, body: Body) -> Reply {
        Reply {
            status,
            body,
            content_type: "application/json",
            headers: Vec::new(),
            version: None,
            is_public: false,
            uses_data_headers: false,
        }
    }

    /// 200 with JSON.
    pub fn ok(json: String) -> Reply {
        Reply::new(200, Body::Text(json))
    }

    /// 200 with one resource, which has a version.
    pub fn versioned(json: String, version: i64) -> Reply {
        Reply {
            version: Some(version),
            ..Reply::ok(json)
        }
    }

    /// 201 with the resource that was made, and where it is.
    pub fn created(json: String, location: String) -> Reply {
        let mut reply = Reply::new(201, Body::Text(json));
        reply.header("Location", location);
        reply
    }

    /// 204.
    pub fn no_content() -> Reply {
        Reply::new(204, Body::Empty)
    }

    /// Adds a header.
    pub fn header(&mut self, name: &'static str, value: impl Into<String>) {
        self.headers.push((name, value.into()));
    }

    /// The value of a header set so far.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
