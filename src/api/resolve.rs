//! Lists of references in a body, resolved to ids.

use crate::edge::db::Rows;
use crate::http::error::Error;
use crate::store::agents::ResolvedIds;

/// The ids behind a list of names, as JSON; wrong when one of them is nothing.
pub(super) fn resolved_ids(rows: Option<&Rows>, field: &str, nothing: &str) -> Result<String, Error> {
    let found: Option<ResolvedIds> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    let found = found.ok_or_else(|| Error::Internal("a list was not resolved".to_owned()))?;
    match found.missing {
        Some(name) => Err(Error::field(field, format!("names {nothing}: {name}"))),
        None => Ok(found.ids),
    }
}
