//! One row of the route table with its handler, and the query that finds the row its path names.

use std::future::Future;
use std::pin::Pin;

use crate::app::call::Call;
use crate::app::route::{RateLimit, Route};
use crate::desk::access::audit::AuditAction;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::shape::Shape;

/// A handler: takes a call, returns a response.
pub type Handler = for<'a> fn(&'a Call<'a>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + 'a>>;

/// Builds the statement that finds the row which a path names, within the caller's scope. It is run before validation
/// errors are reported: about a row that the caller may not see, they learn only that it is not found.
///
/// # Errors
/// [`Error::NotFound`] when the path cannot name a row.
pub type Finder = fn(&Call) -> Result<Stmt, Error>;

/// Builds the statement that finds what a stored reply is about, within the caller's scope: its content is shown again
/// only to those who may still see that.
///
/// # Errors
/// [`Error::NotFound`] when it is about nothing.
pub type ReplayFinder = fn(&Call, &Reply) -> Result<Stmt, Error>;

/// A route and its handler.
pub struct Endpoint {
    pub route: Route,
    pub handler: Handler,
    /// `None` if the path names no row.
    pub finder: Option<Finder>,
    /// `None` if stored replies are about the row in the path, or about nothing that can be out of scope.
    pub replay_finder: Option<ReplayFinder>,
}

impl Endpoint {
    /// The path names a row that `finder` finds.
    pub const fn names(mut self, finder: Finder) -> Endpoint {
        self.finder = Some(finder);
        self
    }

    /// Stored replies are about something that is not in the path.
    pub const fn replays(mut self, finder: ReplayFinder) -> Endpoint {
        self.replay_finder = Some(finder);
        self
    }

    /// The query parameters.
    pub const fn query(mut self, query: &'static [&'static Shape]) -> Endpoint {
        self.route.query = query;
        self
    }

    /// The body, which is required.
    pub const fn body(mut self, body: &'static Shape) -> Endpoint {
        self.route.body = Some(body);
        self
    }

    /// The body, which may be absent.
    pub const fn optional_body(mut self, body: &'static Shape) -> Endpoint {
        self.route.body = Some(body);
        self.route.body_optional = true;
        self
    }

    /// The rate limit, if it is not the default one per user.
    pub const fn limit(mut self, limit: RateLimit) -> Endpoint {
        self.route.limit = limit;
        self
    }

    /// The body may also be a form.
    pub const fn takes_form(mut self) -> Endpoint {
        self.route.takes_form = true;
        self
    }

    /// The body is a CSV file of up to so many bytes.
    pub const fn takes_csv(mut self, max_body: usize) -> Endpoint {
        self.route.takes_csv = true;
        self.route.max_body = max_body;
        self
    }

    /// The body is a file that is streamed. A file cannot be updated in part, so PATCH is not accepted.
    pub const fn streamed(mut self) -> Endpoint {
        self.route.streams = true;
        self.route.is_patch = false;
        self
    }

    /// A PUT that is not a partial update, so PATCH is not accepted.
    pub const fn without_patch(mut self) -> Endpoint {
        self.route.is_patch = false;
        self
    }

    /// A public route that shows more to signed-in callers.
    pub const fn auth_optional(mut self) -> Endpoint {
        self.route.auth_optional = true;
        self
    }

    /// A change by this route is on record in the audit log, written in the batch of the change.
    pub const fn audited(mut self, action: AuditAction) -> Endpoint {
        self.route.audit = Some(action);
        self
    }

    /// `Idempotency-Key` is ignored. Sessions are not resources: repeating a login or logout is harmless, and tokens
    /// must not be stored for a replay.
    pub const fn not_idempotent(mut self) -> Endpoint {
        self.route.is_idempotent = false;
        self
    }
}
