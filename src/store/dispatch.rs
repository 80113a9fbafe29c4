//! What has to be told outside of the database once a batch is kept.

use serde::Deserialize;

use crate::edge::db::Stmt;

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
