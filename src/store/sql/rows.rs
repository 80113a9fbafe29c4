//! The smallest rows: a number, an id.

use serde::Deserialize;

/// A number.
#[derive(Debug, Deserialize)]
pub(crate) struct CountRow {
    pub n: i64,
}

/// An id.
#[derive(Debug, Deserialize)]
pub(crate) struct IdRow {
    pub id: i64,
}
