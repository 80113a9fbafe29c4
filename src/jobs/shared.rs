//! Shared by the jobs that work on tickets: a database that collects what is to be dispatched, the rule engine,
//! reading a ticket with its context, and counting results.

use std::cell::RefCell;
use std::rc::Rc;

use crate::app::automation::Engine;
use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::tickets::ticket::TicketSettings;
use crate::edge::db::{Answers, Batch, Db, DbError, Rows, Stmt};
use crate::edge::log;
use crate::http::error::Error;
use crate::store::automation::rules;
use crate::store::automation::ticket_context::{self, Candidate};
use crate::store::dispatch::{self, Dispatch};
use crate::store::settings::{self, JobSettings};
use crate::store::sla;
use crate::store::tickets::ticket::Viewer;

/// The database as jobs write to it. What is to be dispatched after their batches is collected and sent after all
/// jobs.
pub struct JobDb<'a> {
    pub db: &'a Db,
    pub now: Millis,
    dispatches: RefCell<Vec<Dispatch>>,
}

impl<'a> JobDb<'a> {
    /// Wraps the database; `now` is the time at which the jobs run.
    pub fn new(db: &'a Db, now: Millis) -> JobDb<'a> {
        JobDb {
            db,
            now,
            dispatches: RefCell::default(),
        }
    }

    /// Runs a batch that writes.
    ///
    /// # Errors
    /// When the batch fails; nothing is written then.
    pub async fn commit(&self, batch: Batch) -> Result<Answers, DbError> {
        let (found, dispatches) = dispatch::commit(self.db, batch, self.now).await?;
        self.add(dispatches);
        Ok(found)
    }

    /// Adds what is to be dispatched, without duplicates.
    pub fn add(&self, dispatches: Vec<Dispatch>) {
        let mut known = self.dispatches.borrow_mut();
        for new in dispatches {
            if !known.contains(&new) {
                known.push(new);
            }
        }
    }

    /// Removes and returns what has been collected.
    pub fn take_dispatches(&self) -> Vec<Dispatch> {
        self.dispatches.take()
    }
}

/// Loads the current workflow rules, SLA policies and job settings.
pub async fn load_engine(db: &Db, now: Millis) -> Result<(Engine, JobSettings), Error> {
    let mut batch = Batch::new();
    let windows = batch.add::<JobSettings>(settings::job_settings());
    let sla_policies = batch.add::<Rows>(sla::all_policies());
    let rules = batch.add::<Rows>(rules::list_active());
    let directory = batch.add::<Rows>(rules::references(None));
    let found = db.batch(&batch).await?;
    let windows = found.require(windows)?;
    let automation = rules::read_rule_set(
        windows.workflows_version,
        found.rows(rules)?,
        found.rows(directory)?,
    )?;
    let engine = Engine {
        now,
        rules: TicketSettings {
            reopen_window_days: windows.reopen_window_days,
            sla_policies: Rc::new(sla::read_all_policies(found.rows(sla_policies)?)?.1),
            custom_fields: automation.directory.custom_fields.clone(),
        },
        automation: Some(Rc::new(automation)),
        sends_mail: true,
    };
    Ok((engine, windows))
}

/// The statement that reads a ticket and its context for the rules.
pub fn candidate(id: i64, now: Millis) -> Stmt {
    ticket_context::candidates(&Viewer::system(now), Some(&Ref::Id(id)), 1)
}

/// Reads the row of [`candidate`]; `None` if the ticket is deleted.
pub fn read_candidate(rows: &Rows) -> Result<Option<Candidate>, DbError> {
    Ok(ticket_context::read_candidates(rows)?.into_iter().next())
}

/// Counts results over many tickets; a failure on one does not stop the others.
#[derive(Default)]
pub struct Outcomes {
    pub done: usize,
    failed: Option<Error>,
}

impl Outcomes {
    /// Counts the result of one ticket: whether something was done. A version conflict is not a failure: the ticket
    /// is left to the next run.
    pub fn add(&mut self, outcome: Result<bool, Error>) {
        match outcome {
            Ok(did) => self.done = self.done.saturating_add(usize::from(did)),
            Err(Error::VersionConflict) => {}
            Err(error) => {
                log::error(&format!(
                    "the clock could not do something for a ticket: {error:?}"
                ));
                self.failed = Some(error);
            }
        }
    }

    /// The count, or the last failure.
    pub fn finish(self) -> Result<usize, Error> {
        self.failed.map_or(Ok(self.done), Err)
    }
}
