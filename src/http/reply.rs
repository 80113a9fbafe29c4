//! A response before it is sent.

/// The headers of every response, unless it sets one of them itself. They are constant, so the edge makes one `Headers`
/// object of them, which saves a call into JavaScript for each header.
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

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    Empty,
    /// JSON, CSV, HTML ...; the content type tells which.
    Text(String),
    /// A file as a stream. Only `edge` knows its type.
    File {
        size: i64,
        stream: Box<dyn std::any::Any>,
    },
    /// A text that is made while it is sent. Only `edge` knows its type.
    Parts(Box<dyn std::any::Any>),
    /// The client's end of a WebSocket. Only `edge` knows its type.
    Socket(Box<dyn std::any::Any>),
    /// A static asset by its path. The edge streams it.
    Asset(&'static str),
    /// A static asset by a path from the request.
    AssetPath(String),
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Body,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    /// The version of the resource in the body. The response gets an `ETag` then.
    pub version: Option<i64>,
    /// Anyone may cache it: for documents and public keys, not for data.
    pub is_public: bool,
}

impl Reply {
    /// A response without further headers.
    pub fn new(status: u16, body: Body) -> Reply {
        Reply {
            status,
            body,
            content_type: "application/json",
            headers: Vec::new(),
            version: None,
            is_public: false,
        }
    }

    /// 200 with JSON.
    pub fn ok(json: String) -> Reply {
        Reply::new(200, Body::Text(json))
    }

    /// 200 with a versioned resource.
    pub fn versioned(json: String, version: i64) -> Reply {
        Reply {
            version: Some(version),
            ..Reply::ok(json)
        }
    }

    /// 201 with the new resource and its location.
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
