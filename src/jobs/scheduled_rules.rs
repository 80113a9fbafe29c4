//! Workflow rules with a schedule: once per period, each rule goes through the unresolved tickets, newest first.
//!
//! A run continues where it stopped, once a minute. The change to a ticket and the progress of the run are written in
//! one batch, so no ticket is processed twice in a period, even if several runs execute at the same time.

use crate::app::automation::{self, Engine};
use crate::app::retry::MAX_ATTEMPTS;
use crate::desk::automation::executor::TriggerInput;
use crate::desk::automation::rule::{Rule, Trigger, TriggerKind};
use crate::desk::{MINUTE, Millis};
use crate::edge::db::{Batch, Rows, Stmt};
use crate::http::error::Error;
use crate::jobs::shared::{self, JobDb, Outcomes};
use crate::store::automation::schedules::{self, RunPosition};
use crate::store::automation::ticket_context::{self, Candidate};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::Viewer;
use crate::store::tickets::write::{self, guards};

/// Maximum number of tickets that one rule checks per job run.
const MAX_TICKETS_READ: usize = 500;
/// Number of tickets read per query.
const BATCH_SIZE: usize = 50;
/// Maximum number of tickets that all rules together change per job run.
const MAX_TICKETS_CHANGED: usize = 100;

/// Starts the rules that are due, and continues those that have not finished.
pub async fn run(job: &JobDb<'_>) -> Result<usize, Error> {
    let (db, now) = (job.db, job.now);
    let mut batch = Batch::new();
    let list = batch.add::<Rows>(schedules::list());
    let list = schedules::read_list(db.batch(&batch).await?.rows(list)?)?;
    let is_due = |(rule, last): &(Rule, Option<RunPosition>)| {
        let started_at = last.map(|last| last.started_at);
        let has_time = |trigger: Trigger| trigger.is_due(started_at, now);
        rule.definition
            .as_ref()
            .is_ok_and(|definition| has_time(definition.trigger))
            || last.is_some_and(|last| !last.is_over())
    };
    let due: Vec<_> = list.into_iter().filter(is_due).collect();
    if due.is_empty() {
        return Ok(0);
    }
    let (engine, _) = shared::load_engine(db, now).await?;
    let mut tally = Outcomes::default();
    for (rule, last) in due {
        let walk = ScheduledRun {
            job,
            engine: &engine,
            rule: &rule,
        };
        if let Err(error) = walk.run(last, &mut tally).await {
            tally.add(Err(error));
        }
    }
    tally.finish()
}

/// One run of one rule.
struct ScheduledRun<'a> {
    job: &'a JobDb<'a>,
    engine: &'a Engine,
    rule: &'a Rule,
}

impl ScheduledRun<'_> {
    async fn run(&self, last: Option<RunPosition>, tally: &mut Outcomes) -> Result<(), Error> {
        // Rounded down to a whole minute, so that the seconds by which the cron trigger is late do not add up from
        // run to run.
        let now = self.engine.now;
        let mut batch = Batch::new();
        if last.is_none_or(RunPosition::is_over) {
            batch.extend([schedules::begin_run(
                self.rule.id,
                last,
                now.saturating_sub(now % MINUTE),
            )]);
        }
        let (mut looks, mut lost) = (0, 0);
        while looks < MAX_TICKETS_READ && tally.done < MAX_TICKETS_CHANGED && lost < MAX_ATTEMPTS {
            let mut reading = std::mem::take(&mut batch);
            let position = reading.add::<RunPosition>(schedules::position(self.rule.id));
            let position = self.job.db.batch(&reading).await?.first(position)?;
            let Some(at) = position.filter(|at| !at.is_over()) else {
                return Ok(());
            };
            let tickets = self.next_candidates(at).await?;
            looks = looks.saturating_add(tickets.len());
            let rest = self.apply(at, &tickets, tally).await;
            match rest {
                Ok(()) => {
                    let end = tickets.last().filter(|_| tickets.len() == BATCH_SIZE);
                    let end = end.map_or((0, 0), position_of);
                    batch.extend([schedules::advance(self.rule.id, at.started_at, end)]);
                }
                Err(Error::VersionConflict) => lost = lost.saturating_add(1),
                Err(error) => return Err(error),
            }
        }
        self.job.db.batch(&batch).await.map(|_| ()).map_err(Error::from)
    }

    async fn next_candidates(&self, at: RunPosition) -> Result<Vec<Candidate>, Error> {
        let reader = Viewer::system(self.engine.now);
        let most = i64::try_from(BATCH_SIZE).unwrap_or_default();
        let mut batch = Batch::new();
        let position = (at.before_at, at.before_id);
        let tickets = batch.add::<Rows>(ticket_context::unresolved_before(&reader, position, most));
        let found = self.job.db.batch(&batch).await?;
        Ok(ticket_context::read_candidates(found.rows(tickets)?)?)
    }

    /// Processes tickets in order and stops at the first that somebody else has just changed. Tickets that fail are
    /// skipped.
    async fn apply(&self, at: RunPosition, tickets: &[Candidate], tally: &mut Outcomes) -> Result<(), Error> {
        for seen in tickets {
            if tally.done >= MAX_TICKETS_CHANGED {
                return Err(Error::VersionConflict);
            }
            let Some(stmts) = self.rule_stmts(at, seen)? else {
                continue;
            };
            match self.job.commit(stmts.into()).await.map_err(Error::from) {
                Ok(_) => tally.add(Ok(true)),
                Err(Error::VersionConflict) => return Err(Error::VersionConflict),
                Err(error) => tally.add(Err(error)),
            }
        }
        Ok(())
    }

    /// The statements for what the rule does to a ticket; `None` if its conditions do not hold.
    fn rule_stmts(&self, at: RunPosition, seen: &Candidate) -> Result<Option<Vec<Stmt>>, Error> {
        let Some(automation) = &self.engine.automation else {
            return Ok(None);
        };
        let ticket = seen.ticket.ticket();
        let heard = TriggerInput {
            on: vec![TriggerKind::Schedule],
            ..TriggerInput::default()
        };
        let followed = automation::apply_listed_rules(
            self.engine,
            automation,
            std::slice::from_ref(self.rule),
            &EventSubject::Ticket(ticket.id),
            (Some(&ticket), &ticket),
            (&seen.around, &heard),
        )?;
        if followed.story.is_empty() {
            return Ok(None);
        }
        let mut stmts = Vec::from(schedules::claim(self.rule.id, at.started_at, position_of(seen)));
        stmts.push(guards::expect_version(ticket.id, ticket.version));
        stmts.extend(write::change(
            &ticket,
            &followed.ticket,
            followed.story,
            self.engine.now,
        ));
        Ok(Some(stmts))
    }
}

/// The position of a ticket in the run.
fn position_of(seen: &Candidate) -> (Millis, i64) {
    let ticket = seen.ticket.ticket();
    (ticket.created_at, ticket.id)
}
