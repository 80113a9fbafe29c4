//! Warnings: a promise is at risk, or broken. Each is given once, however often the clock comes by.

use crate::app::automation::{self, Engine};
use crate::app::retry::retry;
use crate::desk::automation::executor::TriggerInput;
use crate::desk::automation::rule::TriggerKind;
use crate::desk::sla::SlaTarget;
use crate::edge::db::Rows;
use crate::http::error::Error;
use crate::jobs::shared::{self, JobDb, Outcomes};
use crate::store::sla::warnings::{self, DueWarning};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write;

/// Warnings of one target that are given in one go.
const BATCH_SIZE: i64 = 500;
/// Those that rules hear are given one by one: a Worker makes so many requests at one call.
const MAX_WITH_RULES: i64 = 50;

/// Gives the warnings whose moment has come, and lets rules hear of them.
pub async fn run(job: &JobDb<'_>) -> Result<usize, Error> {
    let (db, now) = (job.db, job.now);
    let found = db
        .batch(&SlaTarget::ALL.map(|target| warnings::list_due(target, now, MAX_WITH_RULES)))
        .await?;
    let mut waiting = Vec::new();
    for (target, rows) in SlaTarget::ALL.into_iter().zip(&found) {
        waiting.extend(read_ids(rows)?.into_iter().map(|id| (target, id)));
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
            let done = job
                .commit(Vec::from(warnings::issue(target, now, BATCH_SIZE)))
                .await?;
            if let Some(rows) = done.last() {
                given = given.saturating_add(read_ids(rows)?.len());
            }
        }
        return Ok(given);
    }
    let mut tally = Outcomes::default();
    for (target, id) in waiting {
        tally.add(retry!(issue_one(job, &engine, target, id)));
    }
    tally.finish()
}

fn read_ids(rows: &Rows) -> Result<Vec<i64>, Error> {
    let ids: Vec<crate::store::sql::rows::IdRow> = rows.all()?;
    Ok(ids.into_iter().map(|row| row.id).collect())
}

/// Gives one warning, with what rules make of it. Nothing where somebody was faster, or there is no reason any more.
async fn issue_one(job: &JobDb<'_>, engine: &Engine, target: SlaTarget, id: i64) -> Result<bool, Error> {
    let now = engine.now;
    let found = job
        .db
        .batch(&[warnings::find_due(target, id, now), shared::candidate(id, now)])
        .await?;
    let alert: Option<DueWarning> = match found.first() {
        Some(rows) => rows.first()?,
        None => None,
    };
    let (Some(alert), Some(seen)) = (alert, shared::read_candidate(found.get(1))?) else {
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
    job.commit(stmts).await?;
    Ok(true)
}
