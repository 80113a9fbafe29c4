//! The smallest result rows: one number, or one id.

use serde::Deserialize;

/// A row with one number.
#[derive(Debug, Deserialize)]
pub(crate) struct CountRow {
    pub n: i64,
}

/// A row with one uid.
#[derive(Debug, Deserialize)]
pub(crate) struct UidRow {
    pub uid: String,
}

/// A row with one id.
#[derive(Debug, Deserialize)]
pub(crate) struct IdRow {
    pub id: i64,
}
