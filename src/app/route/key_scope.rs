//! What an API key needs for a route.

use crate::app::route::{Access, Route};
use crate::desk::access::api_key::KeyScope;
use crate::http::request::Method;

/// The scope that a key needs for a route; `None`: no key may call it, whatever its scopes are. It follows from the
/// route's path, method and access, so that no row of the table can forget it; a route of a section that is not named
/// here is one of administration.
pub fn needed_scope(route: &Route) -> Option<KeyScope> {
    if is_for_people(route) {
        return None;
    }
    let is_read = route.method == Method::Get;
    let mut parts = route.path.split('/').skip(1);
    let (section, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_message = matches!(section, "messages") || route.path.ends_with("/comments");
    Some(match (section, rest) {
        ("reports", _)
        | ("tickets", "stats" | "analytics")
        | ("admin", "dashboard" | "reports")
        | ("agents", "performance")
            if is_read =>
        {
            KeyScope::ReportsRead
        }
        ("users" | "agents", _) if is_read && !route.path.ends_with("/personal-data") => {
            if route.path.ends_with("/tickets") {
                KeyScope::TicketsRead
            } else {
                KeyScope::UsersRead
            }
        }
        (
            "tickets" | "messages" | "attachments" | "uploads" | "notifications" | "tags" | "views"
            | "macros" | "categories" | "projects" | "sla" | "articles" | "posts" | "custom-fields"
            | "changes" | "transfers",
            _,
        ) => match (is_read, is_message) {
            (true, _) => KeyScope::TicketsRead,
            // What managers and admins do there is administration.
            (false, _) if route.access >= Access::Manager => KeyScope::Admin,
            (false, true) => KeyScope::MessagesWrite,
            (false, false) => KeyScope::TicketsWrite,
        },
        _ => KeyScope::Admin,
    })
}

/// Routes about the credentials of a person: a key makes no keys and no sessions, and changes no password and no second
/// factor.
fn is_for_people(route: &Route) -> bool {
    let about_credentials = route.path.starts_with("/auth/")
        || route.path == "/api-keys"
        || route.path.starts_with("/api-keys/")
        || route.path.ends_with("/2fa")
        || route.path.ends_with("/password");
    let closes_account = route.path == "/users/me" && route.method == Method::Delete;
    about_credentials || closes_account
}
