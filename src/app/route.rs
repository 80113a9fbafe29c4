//! What a row of the table says of a route.

use std::future::Future;
use std::pin::Pin;

use crate::app::call::Call;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::request::Method;
use crate::http::shape::Shape;
use crate::store::view::View;

/// Who may knock. The fine decision is made in `desk::policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    Public,
    SignedIn,
    Agent,
    Manager,
    Admin,
}

/// The rate limit that a route falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Costs nothing: documents and liveness.
    None,
    /// By user when signed in, otherwise by address.
    User,
    Address,
    Register,
    Search,
    Presign,
    Assist,
}

impl Limit {
    /// The binding of wrangler.toml that counts.
    pub fn binding(self) -> &'static str {
        match self {
            Limit::None | Limit::User => "RL_USER",
            Limit::Address => "RL_ADDRESS",
            Limit::Register => "RL_REGISTER",
            Limit::Search => "RL_SEARCH",
            Limit::Presign => "RL_PRESIGN",
            Limit::Assist => "RL_ASSIST",
        }
    }

    /// The policy, as the `RateLimit-Policy` header tells it (draft-ietf-httpapi-ratelimit-headers); the numbers
    /// are those of wrangler.toml.
    pub fn policy(self) -> &'static str {
        match self {
            Limit::None | Limit::User => "\"default\";q=600;w=60",
            Limit::Address => "\"default\";q=3000;w=60",
            Limit::Register | Limit::Presign => "\"default\";q=60;w=60",
            Limit::Search => "\"default\";q=120;w=60",
            Limit::Assist => "\"default\";q=20;w=60",
        }
    }
}

/// What a route answers with, for the document.
#[derive(Clone, Copy, Debug)]
pub enum Gives {
    /// One resource, 200.
    One(&'static View),
    /// A page of them, 200.
    List(&'static View),
    /// The resource that was made, 201.
    Created(&'static View),
    /// 204.
    Nothing,
    /// A schema of the document's own, 200.
    Schema(&'static str),
    /// A schema of the document's own, 201.
    CreatedSchema(&'static str),
    /// Something that is not JSON, by its media type.
    Media(&'static str),
    /// A WebSocket, 101.
    Socket,
}

/// A handler: from a call to an answer.
pub type Handler = for<'a> fn(&'a Call<'a>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + 'a>>;

/// One row of the table.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    pub handler: Handler,
    pub query: &'static [&'static Shape],
    pub body: Option<&'static Shape>,
    pub gives: Gives,
    pub limit: Limit,
    /// `Idempotency-Key` counts here.
    pub is_idempotent: bool,
    /// A PUT that answers PATCH too.
    pub is_patch: bool,
    /// The body may also be a form.
    pub takes_form: bool,
    /// The body may be left out.
    pub body_optional: bool,
    /// The body is not read but handed on as it arrives.
    pub streams: bool,
    /// A public route that shows more to who is signed in: a token is not needed, but checked when it is sent.
    pub hears_token: bool,
    /// The answer is a socket: its token may come in other ways than `Authorization`.
    pub opens_socket: bool,
}

impl Route {
    pub const fn new(
        method: Method,
        path: &'static str,
        access: Access,
        summary: &'static str,
        handler: Handler,
        gives: Gives,
    ) -> Route {
        Route {
            method,
            path,
            access,
            summary,
            handler,
            query: &[],
            body: None,
            gives,
            limit: Limit::User,
            is_idempotent: !matches!(method, Method::Get) && !matches!(access, Access::Public),
            is_patch: matches!(method, Method::Put),
            takes_form: false,
            body_optional: false,
            streams: false,
            hears_token: false,
            opens_socket: matches!(gives, Gives::Socket),
        }
    }

    pub const fn query(self, query: &'static [&'static Shape]) -> Route {
        Route { query, ..self }
    }

    pub const fn body(self, body: &'static Shape) -> Route {
        Route {
            body: Some(body),
            ..self
        }
    }

    pub const fn body_if_any(self, body: &'static Shape) -> Route {
        Route {
            body: Some(body),
            body_optional: true,
            ..self
        }
    }

    pub const fn limit(self, limit: Limit) -> Route {
        Route { limit, ..self }
    }

    pub const fn or_form(self) -> Route {
        Route {
            takes_form: true,
            ..self
        }
    }

    /// Takes a file as its body; PATCH makes no sense here.
    pub const fn streamed(self) -> Route {
        Route {
            streams: true,
            is_patch: false,
            ..self
        }
    }

    /// A PUT that sets what there is only one way to set; PATCH makes no sense here.
    pub const fn only_put(self) -> Route {
        Route {
            is_patch: false,
            ..self
        }
    }

    pub const fn or_signed_in(self) -> Route {
        Route {
            hears_token: true,
            ..self
        }
    }

    /// Sessions are not resources: repeating a login or a logout is harmless, and tokens are not kept.
    pub const fn never_replayed(self) -> Route {
        Route {
            is_idempotent: false,
            ..self
        }
    }
}
