//! The table of routes in `docs/routes.md`.

use crate::app::endpoint::Endpoint;
use crate::app::route::Access;
use crate::routes::ROUTES;

/// All routes as a Markdown table, as it stands between the two markers in `docs/routes.md`.
pub fn route_list() -> String {
    let mut text = "| | Path | For | |\n|---|---|---|---|\n".to_owned();
    for Endpoint { route, .. } in ROUTES {
        let who = match route.access {
            Access::Public => "anybody",
            Access::SignedIn => "signed in",
            Access::Agent => "agents and up",
            Access::Manager => "managers and up",
            Access::Admin => "admins",
        };
        let methods = match (route.method.as_str(), route.is_patch) {
            (word, true) => format!("{word}, PATCH"),
            (word, false) => word.to_owned(),
        };
        text.push_str(&format!(
            "| {methods} | `{}` | {who} | {} |\n",
            route.path, route.summary
        ));
    }
    text
}
