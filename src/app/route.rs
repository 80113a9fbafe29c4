//! What a row of the table says of a route.

use crate::http::request::Method;
use crate::http::shape::Shape;
use crate::store::sql::view::View;

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
pub enum RateLimit {
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

impl RateLimit {
    /// The binding of wrangler.toml that counts.
    pub fn binding(self) -> &'static str {
        match self {
            RateLimit::None | RateLimit::User => "RL_USER",
            RateLimit::Address => "RL_ADDRESS",
            RateLimit::Register => "RL_REGISTER",
            RateLimit::Search => "RL_SEARCH",
            RateLimit::Presign => "RL_PRESIGN",
            RateLimit::Assist => "RL_ASSIST",
        }
    }

    /// The policy, as the `RateLimit-Policy` header tells it (draft-ietf-httpapi-ratelimit-headers); the numbers
    /// are those of wrangler.toml.
    pub fn policy(self) -> &'static str {
        match self {
            RateLimit::None | RateLimit::User => "\"default\";q=600;w=60",
            RateLimit::Address => "\"default\";q=3000;w=60",
            RateLimit::Register | RateLimit::Presign => "\"default\";q=60;w=60",
            RateLimit::Search => "\"default\";q=120;w=60",
            RateLimit::Assist => "\"default\";q=20;w=60",
        }
    }
}

/// What a route answers with, for the document.
#[derive(Clone, Copy, Debug)]
pub enum Responds {
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

/// One row of the table.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    pub query: &'static [&'static Shape],
    pub body: Option<&'static Shape>,
    pub responds: Responds,
    pub limit: RateLimit,
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
    pub auth_optional: bool,
    /// The answer is a socket: its token may come in other ways than `Authorization`.
    pub opens_socket: bool,
}

impl Route {
    /// A route with what its method and access imply: writes of signed-in callers take an `Idempotency-Key`, a PUT
    /// answers PATCH too.
    pub const fn new(
        method: Method,
        path: &'static str,
        access: Access,
        summary: &'static str,
        responds: Responds,
    ) -> Route {
        Route {
            method,
            path,
            access,
            summary,
            query: &[],
            body: None,
            responds,
            limit: RateLimit::User,
            is_idempotent: !matches!(method, Method::Get) && !matches!(access, Access::Public),
            is_patch: matches!(method, Method::Put),
            takes_form: false,
            body_optional: false,
            streams: false,
            auth_optional: false,
            opens_socket: matches!(responds, Responds::Socket),
        }
    }
}

/// Whether what a route does may be heard by rules.
pub fn may_trigger_rules(route: &Route) -> bool {
    let concerns = |head: &str| {
        route
            .path
            .strip_prefix(head)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    route.method != Method::Get && (concerns("/tickets") || concerns("/messages"))
}
