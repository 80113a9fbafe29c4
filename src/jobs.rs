//! What the clock asks for, once a minute. Running twice, or late, changes nothing.

use crate::desk::DAY;
use crate::edge::db::{Db, DbError, Stmt};
use crate::edge::{Env, clock, door};
use crate::store::{housekeeping, tickets};

/// How many rows one tick touches at most, per chore.
const MOST: i64 = 500;

/// Marks what has become overdue, and clears away what has expired.
pub async fn tick(env: &Env) {
    if let Err(error) = chores(env).await {
        door::log(&format!("the clock's chores failed: {error:?}"));
    }
}

async fn chores(env: &Env) -> Result<(), DbError> {
    let now = clock::now();
    let db = Db::open(env)?;
    let mut stmts: Vec<Stmt> = vec![tickets::mark_overdue(now, MOST)];
    stmts.extend(housekeeping::purge(now, now.saturating_sub(DAY), MOST));
    db.batch(&stmts).await?;
    Ok(())
}
