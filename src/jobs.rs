//! What the clock asks for, once a minute. Running twice, or late, changes nothing.

use serde::Deserialize;

use crate::desk::{DAY, Millis};
use crate::edge::db::{Db, DbError, Stmt};
use crate::edge::{Env, clock, config, door};
use crate::files::Files;
use crate::store::sla::{self, Standing};
use crate::store::{attachments, housekeeping, tickets};

/// How many rows one tick touches at most, per chore.
const MOST: i64 = 500;
/// How many objects one tick removes at most: each may be a request of its own, of which Workers have 50.
const MOST_OBJECTS: i64 = 30;

/// Marks what has become overdue, lets due times follow changed promises, and clears away what has expired.
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
    promise_anew(&db, now).await?;
    sweep_files(env, &db, now).await
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

/// Removes the objects of deleted attachments, and of uploads that nobody has registered. A record is marked
/// before its object goes and closed after, so a crash in between costs nothing but a second try.
async fn sweep_files(env: &Env, db: &Db, now: Millis) -> Result<(), DbError> {
    #[derive(Deserialize)]
    struct Row {
        uid: String,
    }
    let Ok(config) = config::load(env) else {
        return Ok(());
    };
    let stmts = [
        attachments::give_up(now, MOST),
        attachments::to_purge(now, MOST_OBJECTS),
    ];
    let rows: Vec<Row> = match db.batch(&stmts).await?.get(1) {
        Some(rows) => rows.all()?,
        None => Vec::new(),
    };
    if rows.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = rows.into_iter().map(|row| row.uid).collect();
    match Files::new(env, &config, now).delete(&keys).await {
        Ok(()) => {
            let list = serde_json::to_string(&keys).unwrap_or_default();
            db.batch(&attachments::purged(&list, now)).await?;
        }
        Err(why) => door::log(&format!("objects are left to the next sweep: {why}")),
    }
    Ok(())
}
