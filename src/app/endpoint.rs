//! One row of the route table: the facts of a route, its handler, and what finds the row that its path names.

use std::future::Future;
use std::pin::Pin;

use crate::app::call::Call;
use crate::app::route::{RateLimit, Route};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::shape::Shape;

/// A handler: from a call to an answer.
pub type Handler = for<'a> fn(&'a Call<'a>) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + 'a>>;

/// Builds the statement that finds the row a path names, as far as the caller may see it. Used before a caller is
/// told which fields are wrong: of a row that they may not see they learn nothing but that it is not found.
///
/// # Errors
/// [`Error::NotFound`] when the path can name no row.
pub type Finder = fn(&Call) -> Result<Stmt, Error>;

/// One row of the table.
pub struct Endpoint {
    pub route: Route,
    pub handler: Handler,
    /// None where the path names no row.
    pub finder: Option<Finder>,
}

impl Endpoint {
    /// The path names a row that this finds.
    pub const fn names(mut self, finder: Finder) -> Endpoint {
        self.finder = Some(finder);
        self
    }

    /// The query parameters.
    pub const fn query(mut self, query: &'static [&'static Shape]) -> Endpoint {
        self.route.query = query;
        self
    }

    /// The body, which must be sent.
    pub const fn body(mut self, body: &'static Shape) -> Endpoint {
        self.route.body = Some(body);
        self
    }

    /// The body, which may be left out.
    pub const fn optional_body(mut self, body: &'static Shape) -> Endpoint {
        self.route.body = Some(body);
        self.route.body_optional = true;
        self
    }

    /// The rate limit, where it is not the caller's own.
    pub const fn limit(mut self, limit: RateLimit) -> Endpoint {
        self.route.limit = limit;
        self
    }

    /// The body may also be a form.
    pub const fn takes_form(mut self) -> Endpoint {
        self.route.takes_form = true;
        self
    }

    /// The body is a file that is handed on as it arrives. A file is not changed in part, so there is no PATCH.
    pub const fn streamed(mut self) -> Endpoint {
        self.route.streams = true;
        self.route.is_patch = false;
        self
    }

    /// A PUT that has no partial form, so there is no PATCH.
    pub const fn without_patch(mut self) -> Endpoint {
        self.route.is_patch = false;
        self
    }

    /// A public route that shows more to a caller who is signed in.
    pub const fn auth_optional(mut self) -> Endpoint {
        self.route.auth_optional = true;
        self
    }

    /// `Idempotency-Key` is ignored. Sessions are not resources: repeating a login or a logout is harmless, and tokens
    /// are not stored for a replay.
    pub const fn not_idempotent(mut self) -> Endpoint {
        self.route.is_idempotent = false;
        self
    }
}
