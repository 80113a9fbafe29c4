//! The smallest rows: a number, an id.

use serde::Deserialize;

/// A number.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub n: i64,
}

/// An id.
#[derive(Debug, Deserialize)]
pub(crate) struct Id {
    pub id: i64,
}
