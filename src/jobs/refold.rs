//! Folds the texts that an earlier version of the Worker has folded in another way.

use crate::edge::db::{Db, Stmt, TextRow};
use crate::http::error::Error;
use crate::store::folding::{self, Progress};

/// Number of rows per batch, and of batches per run.
const BATCH_SIZE: i64 = 100;
const MAX_BATCHES: usize = 10;

/// Folds up to a thousand rows. Two runs at the same moment do the same work twice.
///
/// # Errors
/// When the database fails.
pub async fn run(db: &Db) -> Result<usize, Error> {
    let mut progress = texts(db, folding::progress())
        .await?
        .first()
        .and_then(|text| Progress::parse(text));
    let mut done: usize = 0;
    for _ in 0..MAX_BATCHES {
        let Some(now) = progress else { break };
        let Some(stmt) = now.next_rows(BATCH_SIZE) else {
            break;
        };
        let rows = texts(db, stmt).await?;
        let (stmts, next) = now.fold(&rows);
        db.batch(&stmts).await?;
        done = done.saturating_add(rows.len());
        progress = next;
    }
    Ok(done)
}

async fn texts(db: &Db, stmt: Stmt) -> Result<Vec<String>, Error> {
    let rows: Vec<TextRow> = db.all(stmt).await?;
    Ok(rows.into_iter().filter_map(|row| row.j).collect())
}
