//! What runs without a request? The cron jobs, once a minute, and the handlers of queue messages and incoming mail.
//!
//! Running a job twice, late, or at the same time as another must change nothing. What clients request does not
//! belong here (see `api/`).

pub mod auto_close;
pub mod dns;
pub mod object_cleanup;
pub mod queue;
pub mod receive_mail;
pub mod refold;
pub mod scheduled_rules;
pub mod send_mail;
pub mod send_webhooks;
pub mod shared;
pub mod sla_warnings;

use serde::Serialize;

use crate::app::dispatch;
use crate::desk::{DAY, Millis};
use crate::edge::db::{Batch, Cost, Db, Rows, Stmt};
use crate::edge::{Env, ids, log};
use crate::http::error::Error;
use crate::jobs::shared::JobDb;
use crate::store::cleanup;
use crate::store::sla;
use crate::store::sla::due_times::{self, SlaTicket};
use crate::store::tickets::ticket;
use crate::store::webhooks::deliveries;

/// Maximum number of rows that each job touches per run.
const MAX_ROWS: i64 = 500;

/// The result of one job.
#[derive(Debug, Serialize)]
pub struct Task {
    pub name: &'static str,
    /// How often something was done, if the job counts it.
    pub done: usize,
    pub failed: bool,
    pub rows_read: usize,
}

/// Runs all jobs: updates due times after changed SLA policies, marks and warns of overdue tickets, runs scheduled
/// rules, closes tickets that have been resolved for long enough, sends what has not been sent, and removes what has
/// expired. A job that fails does not affect the others.
pub async fn tick(env: &Env, now: Millis) -> (Vec<Task>, Cost) {
    let db = match Db::open(env) {
        Ok(db) => db,
        Err(error) => {
            log::error(&format!("the clock has no database: {error:?}"));
            return (Vec::new(), Cost::default());
        }
    };
    let mut log = TaskLog {
        db: &db,
        tasks: Vec::new(),
    };
    let job = JobDb::new(&db, now);
    log.record("promises", update_due_times(&db, now).await);
    log.record("marking", mark_overdue(&db, now).await);
    log.record("alerts", sla_warnings::run(&job).await);
    log.record("closing", auto_close::run(&job).await);
    log.record("schedules", scheduled_rules::run(&job).await);
    log.record("outgoing", without_count(queue::requeue_due(env, &job).await));
    log.record("files", without_count(object_cleanup::run(env, &db, now).await));
    log.record("housekeeping", clean_up(&db, now).await);
    log.record("folding", refold::run(&db).await);
    log.record("telling", send_all(env, &job).await);
    (log.tasks, db.cost())
}

/// Gives all SLA warnings and closes all tickets resolved for long enough: used after sample data with a past was
/// created.
///
/// # Errors
/// When the database fails.
pub async fn catch_up(db: &Db, now: Millis) -> Result<(), Error> {
    let job = JobDb::new(db, now);
    while sla_warnings::run(&job).await? > 0 {}
    while auto_close::run(&job).await? > 0 {}
    Ok(())
}

/// The results of the jobs so far.
struct TaskLog<'a> {
    db: &'a Db,
    tasks: Vec<Task>,
}

impl TaskLog<'_> {
    fn record(&mut self, name: &'static str, outcome: Result<usize, Error>) {
        if let Err(error) = &outcome {
            log::error(&format!("a chore of the clock failed: {name}: {error:?}"));
        }
        let before: usize = self.tasks.iter().map(|chore| chore.rows_read).sum();
        self.tasks.push(Task {
            name,
            failed: outcome.is_err(),
            done: outcome.unwrap_or_default(),
            rows_read: self.db.cost().rows_read.saturating_sub(before),
        });
    }
}

fn without_count(outcome: Result<(), impl Into<Error>>) -> Result<usize, Error> {
    outcome.map(|()| 0).map_err(Into::into)
}

async fn mark_overdue(db: &Db, now: Millis) -> Result<usize, Error> {
    without_count(db.batch(&ticket::mark_overdue(now, MAX_ROWS)).await.map(|_| ()))
}

async fn clean_up(db: &Db, now: Millis) -> Result<usize, Error> {
    let place = ids::new_secret().map_err(Error::Internal)?;
    let mut stmts: Vec<Stmt> = cleanup::purge(now, now.saturating_sub(DAY), MAX_ROWS, &place).into();
    stmts.push(deliveries::purge(now, MAX_ROWS));
    without_count(db.batch(&stmts).await.map(|_| ()))
}

/// Dispatches the sockets, mails and webhooks that follow from the jobs.
async fn send_all(env: &Env, job: &JobDb<'_>) -> Result<usize, Error> {
    let dispatches = job.take_dispatches();
    let sent = dispatches.len();
    dispatch::send(env, dispatches).await;
    Ok(sent)
}

/// Number of tickets updated per batch, and number of batches per minute.
const BATCH_SIZE: i64 = 500;
const MAX_BATCHES: usize = 10;

/// Recalculates the due times of tickets that still use an older SLA policy or calendar. Tickets that somebody
/// changes at the same moment are left to the next batch.
async fn update_due_times(db: &Db, now: Millis) -> Result<usize, Error> {
    let mut done: usize = 0;
    for _ in 0..MAX_BATCHES {
        let mut batch = Batch::new();
        let policies = batch.add::<Rows>(sla::policies_if_outdated());
        let outdated = batch.add::<SlaTicket>(due_times::outdated(BATCH_SIZE));
        batch.extend([due_times::end_outdated()]);
        let found = db.batch(&batch).await?;
        let tickets = found.all(outdated)?;
        if tickets.is_empty() {
            return Ok(done);
        }
        let (_, promises) = sla::read_all_policies(found.rows(policies)?)?;
        db.batch(&due_times::update_due_times(&tickets, &promises, now))
            .await?;
        done = done.saturating_add(tickets.len());
    }
    Ok(done)
}
