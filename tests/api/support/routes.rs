//! The route table of the crate, as the sweep walks it.

use super::client::Role;

/// One row: who may knock at which door.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub method: &'static str,
    /// Below the mount, with its parameters in braces.
    pub path: &'static str,
    /// The weakest role that may come in.
    pub access: Role,
}

/// Every row of the table, with the PATCH twin that each PUT has.
pub fn rows() -> Vec<Row> {
    Vec::new()
}
