//! What has to be told outside of the database once a batch is kept.

use serde::Deserialize;

use crate::edge::db::{DbError, Rows, Stmt};

/// Who or what is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchKind {
    /// The room of a ticket.
    Room,
    /// Somebody who listens to everything that concerns them.
    User,
    /// A mail of the outbox.
    Mail,
    /// An endpoint with something to deliver.
    Hook,
}

/// One of them, by the id of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Dispatch {
    pub what: DispatchKind,
    pub id: i64,
}

/// Takes what triggers have written since the last time: rows of [`Dispatch`]. The end of every batch that changes
/// something.
pub fn drain() -> Stmt {
    Stmt::new("DELETE FROM due RETURNING what, id")
}

/// How a statement ends that puts a mail into the outbox.
pub const RETURNING_MAIL: &str = " RETURNING 'mail' AS what, id";

/// What a batch has to tell outside of the database: the rows of its statements that return [`Dispatch`]es.
///
/// # Errors
/// When a row cannot be read.
pub fn collect(batch: &[Stmt], results: &[Rows]) -> Result<Vec<Dispatch>, DbError> {
    let mut found = Vec::new();
    for (_, rows) in batch
        .iter()
        .zip(results)
        .filter(|(stmt, _)| stmt.sql.ends_with(RETURNED))
    {
        found.extend(rows.all::<Dispatch>()?);
    }
    Ok(found)
}

/// How statements end that return [`Dispatch`]es.
const RETURNED: &str = " what, id";
