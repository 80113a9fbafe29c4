//! The route table of the crate, as the sweep walks it.

use edgedesk::app::endpoint::Endpoint;
use edgedesk::app::route::Access;
use edgedesk::routes::ROUTES;

use super::client::Role;

/// One row: who may knock at which door.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub method: &'static str,
    /// Below the mount, with its parameters in braces.
    pub path: &'static str,
    /// The weakest role that may come in.
    pub access: Role,
    /// It reads a JSON body.
    pub takes_body: bool,
    /// The body may be left out.
    pub body_optional: bool,
    /// The body may be a form as well.
    pub takes_form: bool,
}

/// Every row of the table, with the PATCH twin that a PUT may have.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for Endpoint { route, .. } in ROUTES {
        let access = match route.access {
            Access::Public => Role::Nobody,
            Access::SignedIn => Role::Customer,
            Access::Agent => Role::Agent,
            Access::Manager => Role::Manager,
            Access::Admin => Role::Admin,
        };
        let row = Row {
            method: route.method.as_str(),
            path: route.path,
            access,
            takes_body: route.body.is_some(),
            body_optional: route.body_optional,
            takes_form: route.takes_form,
        };
        rows.push(row);
        if route.is_patch {
            rows.push(Row {
                method: "PATCH",
                ..row
            });
        }
    }
    rows
}
