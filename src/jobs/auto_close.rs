//! Closes tickets that have been resolved for the time given in the settings.

use crate::app::automation::{self, Engine};
use crate::app::retry::retry;
use crate::desk::automation::executor::{TriggerInput, detect_triggers};
use crate::desk::tickets::auto_close;
use crate::edge::db::{Batch, Rows};
use crate::http::error::Error;
use crate::jobs::shared::{self, JobDb, Outcomes};
use crate::store::sql::rows::IdRow;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write::story::Story;
use crate::store::tickets::{ticket, write};

/// Maximum number of tickets closed per run.
const MAX_CLOSED: i64 = 50;

/// Closes tickets, each in its own batch. A change made by somebody at the same moment takes precedence.
pub async fn run(job: &JobDb<'_>) -> Result<usize, Error> {
    let (db, now) = (job.db, job.now);
    let waiting: Vec<IdRow> = db.all(ticket::list_to_close(now, MAX_CLOSED)).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let (engine, windows) = shared::load_engine(db, now).await?;
    let mut tally = Outcomes::default();
    for row in waiting {
        tally.add(retry!(close_one(job, &engine, windows.auto_close_days, row.id)));
    }
    tally.finish()
}

async fn close_one(job: &JobDb<'_>, engine: &Engine, days: i64, id: i64) -> Result<bool, Error> {
    let now = engine.now;
    let mut batch = Batch::new();
    let candidate = batch.add::<Rows>(shared::candidate(id, now));
    let found = job.db.batch(&batch).await?;
    let Some(seen) = shared::read_candidate(found.rows(candidate)?)? else {
        return Ok(false);
    };
    let ticket = seen.ticket.ticket();
    let Some(change) = auto_close::close_if_due(&ticket, days, &engine.rules, now) else {
        return Ok(false);
    };
    let subject = EventSubject::Ticket(id);
    let heard = TriggerInput {
        on: detect_triggers(Some(&ticket), &change.ticket),
        ..TriggerInput::default()
    };
    let followed = automation::apply_rules(
        engine,
        &subject,
        (Some(&ticket), &change.ticket),
        &seen.around,
        &heard,
    )?;
    let mut story = Story::new(&subject);
    if let Some(event) = &change.event {
        story.push_event(&subject, None, event, now);
    }
    story.append(followed.story);
    let stmts = write::change(&ticket, &followed.ticket, story, now);
    job.commit(stmts.into()).await?;
    Ok(true)
}
