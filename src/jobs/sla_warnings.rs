//! Warnings: a promise is at risk, or broken. Each is given once, however often the clock comes by.

use crate::app::automation::{self, Engine};
use crate::app::retry::retry;
use crate::desk::Millis;
use crate::desk::automation::executor::Heard;
use crate::desk::automation::rule::On;
use crate::desk::sla::Target;
use crate::edge::db::{Db, Rows};
use crate::http::error::Error;
use crate::jobs::shared::{self, Tally};
use crate::store::sla::warnings::{self, Alert};
use crate::store::tickets::subject::Subject;

/// Warnings of one target that are given in one go.
const TOGETHER: i64 = 500;
/// Those that rules hear are given one by one: a Worker makes so many requests at one call.
const ALONE: i64 = 50;

/// Gives the warnings whose moment has come, and lets rules hear of them.
pub async fn give(db: &Db, now: Millis) -> Result<usize, Error> {
    let found = db
        .batch(&Target::ALL.map(|target| warnings::candidates(target, now, ALONE)))
        .await?;
    let mut waiting = Vec::new();
    for (target, rows) in Target::ALL.into_iter().zip(&found) {
        waiting.extend(ids(rows)?.into_iter().map(|id| (target, id)));
    }
    if waiting.is_empty() {
        return Ok(0);
    }
    let (engine, _) = shared::engine(db, now).await?;
    let is_heard = engine
        .automation
        .as_ref()
        .is_some_and(|known| known.hears(On::SlaAtRisk) || known.hears(On::SlaBreached));
    if !is_heard {
        let given = db
            .batch(&Target::ALL.map(|target| warnings::warn(target, now, TOGETHER)))
            .await?;
        return given
            .iter()
            .try_fold(0, |sum: usize, rows| Ok(sum.saturating_add(ids(rows)?.len())));
    }
    let mut tally = Tally::default();
    for (target, id) in waiting {
        tally.add(retry!(warn(db, &engine, target, id)));
    }
    tally.finish()
}

fn ids(rows: &Rows) -> Result<Vec<i64>, Error> {
    let ids: Vec<crate::store::rows::Id> = rows.all()?;
    Ok(ids.into_iter().map(|row| row.id).collect())
}

/// Gives one warning, with what rules make of it. Nothing where somebody was faster, or there is no reason any more.
async fn warn(db: &Db, engine: &Engine, target: Target, id: i64) -> Result<bool, Error> {
    let now = engine.now;
    let found = db
        .batch(&[warnings::of_ticket(target, id, now), shared::look(id, now)])
        .await?;
    let alert: Option<Alert> = match found.first() {
        Some(rows) => rows.first()?,
        None => None,
    };
    let (Some(alert), Some(seen)) = (alert, shared::seen(found.get(1))?) else {
        return Ok(false);
    };
    let ticket = seen.ticket.ticket();
    let heard = Heard {
        on: vec![if alert.is_broken() {
            On::SlaBreached
        } else {
            On::SlaAtRisk
        }],
        sla_target: Some(target.word()),
        ..Heard::default()
    };
    let subject = Subject::Ticket(id);
    let followed = automation::follow(engine, &subject, (Some(&ticket), &ticket), &seen.around, &heard)?;
    let mut stmts = Vec::from(warnings::warn_one(target, (id, ticket.version), now));
    if followed.ticket != ticket {
        stmts.push(crate::store::tickets::write::update(
            &ticket,
            &followed.ticket,
            now,
        ));
    }
    stmts.extend(followed.stmts);
    db.batch(&stmts).await?;
    Ok(true)
}
