//! Handles queue messages: mails and webhook deliveries to be sent, one message for each.
//!
//! A message only names a row. The row says whether there is still something to do, so a duplicate or late message
//! changes nothing, and a lost message is made up for by the cron job.

use crate::desk::Millis;
use crate::edge::config::mail::MailTransport;
use crate::edge::db::{Batch, DbError};
use crate::edge::queue::{self, MessageOutcome};
use crate::edge::{Env, clock, config, log};
use crate::jobs::shared::JobDb;
use crate::jobs::{MAX_ROWS, send_mail, send_webhooks};
use crate::store::dispatch::{Dispatch, DispatchKind};
use crate::store::mail::outbox;
use crate::store::webhooks::sending;

/// Maximum number of mails that one cron run queues again: as many as a queue accepts at once.
const MAX_REQUEUED: i64 = 100;

/// Handles a batch of messages. A message that cannot be parsed is logged and acknowledged.
pub async fn consume(env: &Env, batch: &queue::QueueBatch) {
    queue::process_each(batch, |text| async move {
        match serde_json::from_str::<Dispatch>(&text) {
            Ok(due) => process(env, due, clock::now()).await,
            Err(_) => {
                log::error("a message of the queue could not be read");
                MessageOutcome::Done
            }
        }
    })
    .await;
}

/// Handles one message.
pub async fn process(env: &Env, due: Dispatch, now: Millis) -> MessageOutcome {
    match due.what {
        DispatchKind::Mail => send_mail::deliver(env, due.id, now).await,
        DispatchKind::Hook => send_webhooks::deliver(env, due.id, now).await,
        DispatchKind::Room | DispatchKind::User => MessageOutcome::Done,
    }
}

/// Creates digests from mails that were held back, and queues again the mails that should have been sent by now. If
/// sending mail is turned off, pending mails are dropped instead.
///
/// # Errors
/// When the database fails.
pub async fn requeue_due(env: &Env, job: &JobDb<'_>) -> Result<(), DbError> {
    let now = job.now;
    let mut batch = Batch::new();
    let mails = if config::load(env).is_ok_and(|config| config.mail.transport == MailTransport::Off) {
        batch.extend(outbox::drop_pending(now, MAX_ROWS));
        None
    } else {
        batch.extend(outbox::insert_digests(now));
        Some(batch.add::<Dispatch>(outbox::list_due(now, MAX_REQUEUED)))
    };
    let hooks = batch.add::<Dispatch>(sending::list_due(now));
    let found = job.db.batch(&batch).await?;
    job.add(found.all_if(mails)?);
    job.add(found.all(hooks)?);
    Ok(())
}
