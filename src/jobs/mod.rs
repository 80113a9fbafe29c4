//! What the clock asks for, once a minute, and what comes out of the queue (`api/` is what people ask for).
//!
//! Running twice, or late, or at the same moment as another, changes nothing.

mod files;
mod lookup;
mod mail;
pub mod outgoing;
mod webhooks;

use crate::desk::{DAY, Millis};
use crate::edge::db::{Db, DbError, Stmt};
use crate::edge::{Env, door};
use crate::store::due::{self, Due};
use crate::store::sla::{self, Standing};
use crate::store::{deliveries, housekeeping, tickets};
use crate::tell;

/// How many rows one tick touches at most, per chore.
const MOST: i64 = 500;

/// Marks what has become overdue, lets due times follow changed promises, sends what was not sent, and clears away
/// what has expired. A chore that fails leaves the others alone.
pub async fn tick(env: &Env, now: Millis) {
    let db = match Db::open(env) {
        Ok(db) => db,
        Err(error) => return door::log(&format!("the clock has no database: {error:?}")),
    };
    report("marking", mark(&db, now).await);
    report("promises", promise_anew(&db, now).await);
    report("outgoing", outgoing::sweep(env, &db, now).await);
    report("files", files::sweep(env, &db, now).await);
    report("housekeeping", clear(&db, now).await);
    report("telling", pass_on(env, &db).await);
}

fn report(chore: &str, outcome: Result<(), DbError>) {
    if let Err(error) = outcome {
        door::log(&format!("a chore of the clock failed: {chore}: {error:?}"));
    }
}

async fn mark(db: &Db, now: Millis) -> Result<(), DbError> {
    db.batch(&[tickets::mark_overdue(now, MOST)]).await.map(|_| ())
}

async fn clear(db: &Db, now: Millis) -> Result<(), DbError> {
    let mut stmts: Vec<Stmt> = housekeeping::purge(now, now.saturating_sub(DAY), MOST).into();
    stmts.push(deliveries::purge(now, MOST));
    db.batch(&stmts).await.map(|_| ())
}

/// Tells of what the chores have changed.
async fn pass_on(env: &Env, db: &Db) -> Result<(), DbError> {
    let taken = db.batch(&[due::take()]).await?;
    let due: Vec<Due> = match taken.first() {
        Some(rows) => rows.all()?,
        None => Vec::new(),
    };
    tell::tell(env, due).await;
    Ok(())
}

/// How many tickets are brought up to date in one go, and in how many goes a minute.
const TOGETHER: i64 = 500;
const GOES: usize = 10;

/// Gives tickets that were promised by an older policy or calendar the due times of the one in force. What
/// somebody changes at the same moment is left for the next go.
async fn promise_anew(db: &Db, now: Millis) -> Result<(), DbError> {
    for _ in 0..GOES {
        let found = db.batch(&[sla::promises(), sla::outdated(TOGETHER)]).await?;
        let [promises, outdated] = found.as_slice() else {
            return Ok(());
        };
        let tickets: Vec<Standing> = outdated.all()?;
        if tickets.is_empty() {
            return Ok(());
        }
        let (_, promises) = sla::read_promises(promises)?;
        db.batch(&[sla::promise_anew(&tickets, &promises, now)]).await?;
    }
    Ok(())
}
