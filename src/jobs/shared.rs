//! What chores on tickets share: what rules are run with, a ticket as it stands, and a sum of what was done.

use std::rc::Rc;

use crate::app::automation::Engine;
use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::tickets::ticket::Rules;
use crate::edge::db::{Db, DbError, Rows, Stmt};
use crate::edge::log;
use crate::http::error::Error;
use crate::store::automation::rules;
use crate::store::automation::ticket_context::{self, Tried};
use crate::store::settings::{self, Windows};
use crate::store::sla;
use crate::store::tickets::ticket::Reader;

/// Reads the rules of the desk, as they are at the moment.
pub async fn engine(db: &Db, now: Millis) -> Result<(Engine, Windows), Error> {
    let found = db
        .batch(&[
            settings::windows(),
            sla::promises(),
            rules::active(),
            rules::directory(None),
        ])
        .await?;
    let [windows, promises, rules, directory] = found.as_slice() else {
        return Err(Error::Internal("the desk has no settings".to_owned()));
    };
    let windows: Windows = windows.first()?.ok_or(Error::NotFound)?;
    let automation = rules::read_automation(windows.workflows_version, rules, directory)?;
    let engine = Engine {
        now,
        rules: Rules {
            reopen_window_days: windows.reopen_window_days,
            promises: Rc::new(sla::read_promises(promises)?.1),
        },
        automation: Some(Rc::new(automation)),
    };
    Ok((engine, windows))
}

/// A ticket and what is around it.
pub fn look(id: i64, now: Millis) -> Stmt {
    ticket_context::to_try(&Reader::desk(now), Some(&Ref::Id(id)), 1)
}

/// Reads [`look`]; nothing where the ticket is deleted.
pub fn seen(rows: Option<&Rows>) -> Result<Option<Tried>, DbError> {
    match rows {
        Some(rows) => Ok(ticket_context::read_tried(rows)?.into_iter().next()),
        None => Ok(None),
    }
}

/// A sum over many tickets, of which none stands in another's way.
#[derive(Default)]
pub struct Tally {
    pub done: usize,
    failed: Option<Error>,
}

impl Tally {
    /// Counts what came of one ticket: whether something was done. What others were faster with is left to the next
    /// time.
    pub fn add(&mut self, outcome: Result<bool, Error>) {
        match outcome {
            Ok(did) => self.done = self.done.saturating_add(usize::from(did)),
            Err(Error::Moved) => {}
            Err(error) => {
                log::log(&format!(
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
