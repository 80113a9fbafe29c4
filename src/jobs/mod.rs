//! What the clock asks for, once a minute, and what comes out of the queue (`api/` is what people ask for).
//!
//! Running twice, or late, or at the same moment as another, changes nothing.

pub mod auto_close;
pub mod dns;
pub mod object_cleanup;
pub mod queue;
pub mod receive_mail;
pub mod scheduled_rules;
pub mod send_mail;
pub mod send_webhooks;
pub mod shared;
pub mod sla_warnings;

use serde::Serialize;

use crate::app::dispatch;
use crate::desk::{DAY, Millis};
use crate::edge::db::{Cost, Db, Stmt};
use crate::edge::{Env, log};
use crate::http::error::Error;
use crate::store::cleanup;
use crate::store::dispatch::{self as dispatch_rows, Due};
use crate::store::sla::{self, Standing};
use crate::store::tickets::ticket;
use crate::store::webhooks::deliveries;

/// How many rows one tick touches at most, per chore.
const MOST: i64 = 500;

/// What came of a chore.
#[derive(Debug, Serialize)]
pub struct Chore {
    pub name: &'static str,
    /// How often something was done, where that is counted.
    pub done: usize,
    pub failed: bool,
    pub rows_read: usize,
}

/// Lets due times follow changed promises, marks and warns of what has become late, does what rules do on a schedule,
/// closes what has been resolved for long, sends what was not sent, and clears away what has expired. A chore that
/// fails leaves the others alone.
pub async fn tick(env: &Env, now: Millis) -> (Vec<Chore>, Cost) {
    let db = match Db::open(env) {
        Ok(db) => db,
        Err(error) => {
            log::log(&format!("the clock has no database: {error:?}"));
            return (Vec::new(), Cost::default());
        }
    };
    let mut log = Log {
        db: &db,
        chores: Vec::new(),
    };
    log.note("promises", promise_anew(&db, now).await);
    log.note("marking", mark(&db, now).await);
    log.note("alerts", sla_warnings::give(&db, now).await);
    log.note("closing", auto_close::close(&db, now).await);
    log.note("schedules", scheduled_rules::run(&db, now).await);
    log.note("outgoing", uncounted(queue::sweep(env, &db, now).await));
    log.note("files", uncounted(object_cleanup::sweep(env, &db, now).await));
    log.note("housekeeping", clear(&db, now).await);
    log.note("telling", pass_on(env, &db).await);
    (log.chores, db.cost())
}

/// Warns of all that is late, and closes all that has been resolved for long: for a desk whose past has just been made.
///
/// # Errors
/// When the database fails.
pub async fn settle(db: &Db, now: Millis) -> Result<(), Error> {
    while sla_warnings::give(db, now).await? > 0 {}
    while auto_close::close(db, now).await? > 0 {}
    Ok(())
}

/// What came of the chores so far.
struct Log<'a> {
    db: &'a Db,
    chores: Vec<Chore>,
}

impl Log<'_> {
    fn note(&mut self, name: &'static str, outcome: Result<usize, Error>) {
        if let Err(error) = &outcome {
            log::log(&format!("a chore of the clock failed: {name}: {error:?}"));
        }
        let before: usize = self.chores.iter().map(|chore| chore.rows_read).sum();
        self.chores.push(Chore {
            name,
            failed: outcome.is_err(),
            done: outcome.unwrap_or_default(),
            rows_read: self.db.cost().rows_read.saturating_sub(before),
        });
    }
}

fn uncounted(outcome: Result<(), impl Into<Error>>) -> Result<usize, Error> {
    outcome.map(|()| 0).map_err(Into::into)
}

async fn mark(db: &Db, now: Millis) -> Result<usize, Error> {
    uncounted(db.batch(&[ticket::mark_overdue(now, MOST)]).await.map(|_| ()))
}

async fn clear(db: &Db, now: Millis) -> Result<usize, Error> {
    let mut stmts: Vec<Stmt> = cleanup::purge(now, now.saturating_sub(DAY), MOST).into();
    stmts.push(deliveries::purge(now, MOST));
    uncounted(db.batch(&stmts).await.map(|_| ()))
}

/// Tells of what the chores have changed.
async fn pass_on(env: &Env, db: &Db) -> Result<usize, Error> {
    let taken = db.batch(&[dispatch_rows::take()]).await?;
    let due: Vec<Due> = match taken.first() {
        Some(rows) => rows.all()?,
        None => Vec::new(),
    };
    let told = due.len();
    dispatch::tell(env, due).await;
    Ok(told)
}

/// How many tickets are brought up to date in one go, and in how many goes a minute.
const TOGETHER: i64 = 500;
const GOES: usize = 10;

/// Gives tickets that were promised by an older policy or calendar the due times of the one in force. What
/// somebody changes at the same moment is left for the next go.
async fn promise_anew(db: &Db, now: Millis) -> Result<usize, Error> {
    let mut done: usize = 0;
    for _ in 0..GOES {
        let found = db.batch(&[sla::promises(), sla::outdated(TOGETHER)]).await?;
        let [promises, outdated] = found.as_slice() else {
            return Ok(done);
        };
        let tickets: Vec<Standing> = outdated.all()?;
        if tickets.is_empty() {
            return Ok(done);
        }
        let (_, promises) = sla::read_promises(promises)?;
        db.batch(&[sla::promise_anew(&tickets, &promises, now)]).await?;
        done = done.saturating_add(tickets.len());
    }
    Ok(done)
}
