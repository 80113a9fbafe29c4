//! The facts about a route that are not its handler.

pub mod key_scope;

use crate::desk::access::audit::AuditAction;
use crate::desk::person::Role;
use crate::http::request::Method;
use crate::http::shape::Shape;
use crate::store::sql::view::View;

/// The largest body that a route reads, in bytes, unless it says otherwise.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// The lowest role that may call a route. The fine decision is made in [`policy`](crate::desk::tickets::policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    Public,
    SignedIn,
    Agent,
    Manager,
    Admin,
}

/// The rate limit of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// Not limited: documents and health checks.
    None,
    /// Per user when signed in, otherwise per IP address.
    User,
    Address,
    Register,
    Search,
    Presign,
    Assist,
}

impl RateLimit {
    /// The rate limit binding in `wrangler.toml`.
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

    /// The value of the `RateLimit-Policy` header (draft-ietf-httpapi-ratelimit-headers). The numbers are those in
    /// `wrangler.toml`.
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

/// What a route responds with, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum Responds {
    /// 200 with one resource.
    One(&'static View),
    /// 200 with a page of a list.
    List(&'static View),
    /// 201 with the new resource.
    Created(&'static View),
    /// 204 without a body.
    Nothing,
    /// 200 with a schema that is not made from a view.
    Schema(&'static str),
    /// 201 with a schema that is not made from a view.
    CreatedSchema(&'static str),
    /// 200 with a body of this media type, not JSON of the API.
    Media(&'static str),
    /// 101, a WebSocket.
    Socket,
}

impl Responds {
    /// The view of the resource, or of the rows of the list.
    pub fn view(self) -> Option<&'static View> {
        match self {
            Responds::One(view) | Responds::List(view) | Responds::Created(view) => Some(view),
            Responds::Nothing
            | Responds::Schema(_)
            | Responds::CreatedSchema(_)
            | Responds::Media(_)
            | Responds::Socket => None,
        }
    }
}

/// One row of the route table.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    pub query: &'static [&'static Shape],
    pub body: Option<&'static Shape>,
    pub responds: Responds,
    pub limit: RateLimit,
    /// `Idempotency-Key` is honoured.
    pub is_idempotent: bool,
    /// A PUT that also accepts PATCH.
    pub is_patch: bool,
    /// The body may also be a form.
    pub takes_form: bool,
    /// The body may be absent.
    pub body_optional: bool,
    /// The body is a CSV file.
    pub takes_csv: bool,
    /// The most bytes of a body that is read.
    pub max_body: usize,
    /// The body is streamed to the handler instead of being read first.
    pub streams: bool,
    /// A public route that shows more to signed-in callers: a token is not required, but verified if it is sent.
    pub auth_optional: bool,
    /// What the audit log tells of a change by this route.
    pub audit: Option<AuditAction>,
    /// The response is a WebSocket. Browsers cannot set its headers, so the token may come in other ways.
    pub opens_socket: bool,
}

impl Route {
    /// A route with the defaults for its method and access: writes by signed-in callers honour `Idempotency-Key`, a
    /// PUT also accepts PATCH.
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
            takes_csv: false,
            max_body: MAX_BODY_BYTES,
            streams: false,
            auth_optional: false,
            audit: None,
            opens_socket: matches!(responds, Responds::Socket),
        }
    }
}

/// What the audit log tells of a change that somebody of this role makes by the route.
pub fn audited(route: &Route, role: Role) -> Option<AuditAction> {
    let is_told = |action: &AuditAction| role >= Role::Manager || action.is_for_everybody();
    route.audit.filter(is_told)
}

/// Whether the route is open to those who are to set up a second factor before anything else.
pub fn is_for_setup(route: &Route) -> bool {
    [
        "/auth/2fa/setup",
        "/auth/2fa/confirm",
        "/auth/me",
        "/auth/logout",
        "/auth/logout-all",
    ]
    .contains(&route.path)
}

/// Whether workflow rules may react to what the route does, so that they must be loaded.
pub fn may_trigger_rules(route: &Route) -> bool {
    let concerns = |head: &str| {
        route
            .path
            .strip_prefix(head)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    route.method != Method::Get && (concerns("/tickets") || concerns("/messages"))
}
