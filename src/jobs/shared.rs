//! What jobs on tickets share: the database with what follows from its batches, what rules are run with, a ticket as it
//! stands, and a sum of what was done.

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

/// The database as jobs change it. What follows from their batches is collected and sent when all are over.
pub struct JobDb<'a> {
    pub db: &'a Db,
    pub now: Millis,
    dispatches: RefCell<Vec<Dispatch>>,
}

impl<'a> JobDb<'a> {
    /// The database at the time that the jobs run at.
    pub fn new(db: &'a Db, now: Millis) -> JobDb<'a> {
        JobDb {
            db,
            now,
            dispatches: RefCell::default(),
        }
    }

    /// Runs a batch that changes something.
    ///
    /// # Errors
    /// When the batch fails: nothing is written then.
    pub async fn commit(&self, batch: Batch) -> Result<Answers, DbError> {
        let (found, dispatches) = dispatch::commit(self.db, batch, self.now).await?;
        self.add(dispatches);
        Ok(found)
    }

    /// Collects what is to be sent, each thing once.
    pub fn add(&self, dispatches: Vec<Dispatch>) {
        let mut known = self.dispatches.borrow_mut();
        for new in dispatches {
            if !known.contains(&new) {
                known.push(new);
            }
        }
    }

    /// Takes what has been collected.
    pub fn take_dispatches(&self) -> Vec<Dispatch> {
        self.dispatches.take()
    }
}

/// Reads the rules of the desk, as they are at the moment.
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
        },
        automation: Some(Rc::new(automation)),
    };
    Ok((engine, windows))
}

/// A ticket and what is around it.
pub fn candidate(id: i64, now: Millis) -> Stmt {
    ticket_context::candidates(&Viewer::system(now), Some(&Ref::Id(id)), 1)
}

/// Reads [`candidate`]; nothing where the ticket is deleted.
pub fn read_candidate(rows: &Rows) -> Result<Option<Candidate>, DbError> {
    Ok(ticket_context::read_candidates(rows)?.into_iter().next())
}

/// A sum over many tickets, of which none stands in another's way.
#[derive(Default)]
pub struct Outcomes {
    pub done: usize,
    failed: Option<Error>,
}

impl Outcomes {
    /// Counts what came of one ticket: whether something was done. What others were faster with is left to the next
    /// time.
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

    /// The sum, or the last failure.
    pub fn finish(self) -> Result<usize, Error> {
        self.failed.map_or(Ok(self.done), Err)
    }
}
