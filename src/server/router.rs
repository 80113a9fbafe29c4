//! Finds the route for a path and a method.

use std::cell::OnceCell;

use matchit::Router;

use crate::app::endpoint::Endpoint;
use crate::http::request::{Method, decode_segment};
use crate::routes::ROUTES;

/// The paths of the route table as a tree, each with its routes.
pub type RouteTree = Router<Vec<&'static Endpoint>>;

thread_local! {
    static ROUTE_TREE: OnceCell<RouteTree> = const { OnceCell::new() };
}

fn build_tree() -> RouteTree {
    let mut tree = RouteTree::new();
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|endpoint| endpoint.route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let rows = ROUTES
            .iter()
            .filter(|endpoint| endpoint.route.path == path)
            .collect();
        // Conflicting patterns are a mistake in the table, which a test finds.
        let _ = tree.insert(path, rows);
    }
    tree
}

/// The path without its mount (`/api/v1` or `/api`) and without trailing slashes.
pub fn strip_mount(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    ["/api/v1", "/api"]
        .into_iter()
        .find_map(|mount| path.strip_prefix(mount).filter(|rest| rest.starts_with('/')))
        .unwrap_or(path)
}

/// The routes of a path, and its parameters.
pub struct RouteMatch {
    pub rows: Vec<&'static Endpoint>,
    pub params: Vec<(String, String)>,
}

pub(super) fn match_path(path: &str) -> Option<RouteMatch> {
    ROUTE_TREE.with(|cell| {
        let found = cell.get_or_init(build_tree).at(path).ok()?;
        let params = found
            .params
            .iter()
            .map(|(name, value)| Some((name.to_owned(), decode_segment(value)?)));
        Some(RouteMatch {
            rows: found.value.clone(),
            params: params.collect::<Option<_>>()?,
        })
    })
}

/// The route for a method. HEAD is a GET without its body; PATCH is a PUT where the route allows it.
pub fn route_for(rows: &[&'static Endpoint], verb: &str) -> Option<&'static Endpoint> {
    let method = if verb == "HEAD" {
        Method::Get
    } else {
        Method::parse(verb)?
    };
    rows.iter().copied().find(|Endpoint { route, .. }| {
        route.method == method || (method == Method::Patch && route.method == Method::Put && route.is_patch)
    })
}

pub(super) fn allowed_methods(rows: &[&'static Endpoint]) -> Vec<&'static str> {
    let mut words = vec!["OPTIONS"];
    for Endpoint { route, .. } in rows {
        words.push(route.method.as_str());
        if route.method == Method::Get {
            words.push("HEAD");
        }
        if route.is_patch {
            words.push("PATCH");
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_place() {
        let mut tree = RouteTree::new();
        let mut paths: Vec<_> = ROUTES.iter().map(|endpoint| endpoint.route.path).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            assert!(tree.insert(path, Vec::new()).is_ok(), "{path}");
        }
    }

    #[test]
    fn no_route_is_listed_twice() {
        for (at, Endpoint { route, .. }) in ROUTES.iter().enumerate() {
            let twin = ROUTES
                .iter()
                .skip(at + 1)
                .find(|other| other.route.method == route.method && other.route.path == route.path);
            assert!(twin.is_none(), "{} {}", route.method.as_str(), route.path);
        }
    }

    #[test]
    fn mounts_and_slashes_do_not_matter() {
        for (path, want) in [
            ("/api/v1/tickets/5", "/tickets/5"),
            ("/api/tickets/5/", "/tickets/5"),
            ("/tickets/5//", "/tickets/5"),
            ("/health", "/health"),
            ("/api/v1", "/v1"),
            ("/apis/tickets", "/apis/tickets"),
            ("/", ""),
        ] {
            assert_eq!(strip_mount(path), want);
        }
    }

    #[test]
    fn literal_segments_win() {
        for (path, want) in [
            ("/tickets/my", "/tickets/my"),
            ("/tickets/5", "/tickets/{id}"),
            ("/users/me", "/users/me"),
            ("/messages/ticket/5", "/messages/ticket/{id}"),
            ("/messages/5", "/messages/{ticket_id}"),
        ] {
            let rows = match_path(path).map(|found| found.rows).unwrap_or_default();
            assert_eq!(rows.first().map(|endpoint| endpoint.route.path), Some(want));
        }
    }
}
