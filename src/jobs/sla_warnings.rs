//! SLA warnings: a target is at risk or breached. Each warning is given once, however often the job runs.

use crate::app::automation::{self, Engine};
use crate::app::retry::retry;
use crate::desk::automation::executor::TriggerInput;
use crate::desk::automation::rule::TriggerKind;
use crate::desk::sla::SlaTarget;
use crate::edge::db::{Batch, Rows};
use crate::http::error::Error;
use crate::jobs::shared::{self, JobDb, Outcomes};
use crate::store::sla::warnings::{self, DueWarning};
use crate::store::sql::rows::IdRow;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write;

/// Maximum number of warnings per target and run.
const BATCH_SIZE: i64 = 500;
/// Warnings that trigger rules are given one by one, so fewer: a Worker may only make a limited number of requests
/// per call.
const MAX_WITH_RULES: i64 = 50;

/// Gives the warnings that are due, and runs the rules that they trigger.
pub async fn run(job: &JobDb<'_>) -> Result<usize, Error> {
    let (db, now) = (job.db, job.now);
    let mut batch = Batch::new();
    let slots = SlaTarget::ALL.map(|target| {
        (
            target,
            batch.add::<IdRow>(warnings::list_due(target, now, MAX_WITH_RULES)),
        )
    });
    let found = db.batch(&batch).await?;
    let mut waiting = Vec::new();
    for (target, slot) in slots {
        waiting.extend(found.all(slot)?.into_iter().map(|row| (target, row.id)));
    }
    if waiting.is_empty() {
        return Ok(0);
    }
    let (engine, _) = shared::load_engine(db, now).await?;
    let is_heard = engine.automation.as_ref().is_some_and(|known| {
        known.has_trigger(TriggerKind::SlaAtRisk) || known.has_trigger(TriggerKind::SlaBreached)
    });
    if !is_heard {
        let mut given = 0_usize;
        for target in SlaTarget::ALL {
            let mut batch = Batch::new();
            let issued = batch.add_last::<IdRow>(warnings::issue(target, now, BATCH_SIZE));
            given = given.saturating_add(job.commit(batch).await?.all(issued)?.len());
        }
        return Ok(given);
    }
    let mut tally = Outcomes::default();
    for (target, id) in waiting {
        tally.add(retry!(issue_one(job, &engine, target, id)));
    }
    tally.finish()
}

/// Gives one warning and applies the rules that it triggers. Does nothing if another run was first or the reason no
/// longer exists.
async fn issue_one(job: &JobDb<'_>, engine: &Engine, target: SlaTarget, id: i64) -> Result<bool, Error> {
    let now = engine.now;
    let mut batch = Batch::new();
    let alert = batch.add::<DueWarning>(warnings::find_due(target, id, now));
    let candidate = batch.add::<Rows>(shared::candidate(id, now));
    let found = job.db.batch(&batch).await?;
    let seen = shared::read_candidate(found.rows(candidate)?)?;
    let (Some(alert), Some(seen)) = (found.first(alert)?, seen) else {
        return Ok(false);
    };
    let ticket = seen.ticket.ticket();
    let heard = TriggerInput {
        on: vec![if alert.is_breached() {
            TriggerKind::SlaBreached
        } else {
            TriggerKind::SlaAtRisk
        }],
        sla_target: Some(target.as_str()),
        ..TriggerInput::default()
    };
    let subject = EventSubject::Ticket(id);
    let followed = automation::apply_rules(engine, &subject, (Some(&ticket), &ticket), &seen.around, &heard)?;
    let mut stmts = warnings::issue_one(target, (id, ticket.version), now);
    stmts.extend(write::change(&ticket, &followed.ticket, followed.story, now));
    job.commit(stmts.into()).await?;
    Ok(true)
}
