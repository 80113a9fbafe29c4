//! What comes out of the queue: mails and deliveries to be sent, one message for each.
//!
//! A message only names a row. The row says whether there is still something to do, so a message that comes twice,
//! or late, changes nothing; and a message that is lost is found again by the clock.

use crate::app::dispatch;
use crate::desk::Millis;
use crate::edge::config::mail::Way;
use crate::edge::db::{Db, DbError, Stmt};
use crate::edge::queue::{self, Batch, Outcome};
use crate::edge::{Env, clock, config, log};
use crate::jobs::{MOST, send_mail, send_webhooks};
use crate::store::dispatch::{Due, What};
use crate::store::mail::outbox;
use crate::store::webhooks::deliveries;

/// Mails that one tick sends again: as many as a queue takes at once.
const MOST_SWEPT: i64 = 100;

/// Takes in a batch of messages. What cannot be read is logged and done with.
pub async fn consume(env: &Env, batch: &Batch) {
    queue::each(batch, |text| async move {
        match serde_json::from_str::<Due>(&text) {
            Ok(due) => deliver(env, due, clock::now()).await,
            Err(_) => {
                log::log("a message of the queue could not be read");
                Outcome::Done
            }
        }
    })
    .await;
}

/// Does what one message asks for.
pub async fn deliver(env: &Env, due: Due, now: Millis) -> Outcome {
    match due.what {
        What::Mail => send_mail::deliver(env, due.id, now).await,
        What::Hook => send_webhooks::deliver(env, due.id, now).await,
        What::Room | What::User => Outcome::Done,
    }
}

/// Makes digests of mails that were held back, and sends again what should have been sent by now. Where no mail is
/// sent, none waits.
///
/// # Errors
/// When the database fails.
pub async fn sweep(env: &Env, db: &Db, now: Millis) -> Result<(), DbError> {
    let mut stmts: Vec<Stmt> = Vec::new();
    if config::load(env).is_ok_and(|config| config.mail.way == Way::Off) {
        stmts.push(outbox::drop_waiting(now, MOST));
    } else {
        stmts.extend(outbox::digest(now));
        stmts.push(outbox::forgotten(now, MOST_SWEPT));
    }
    stmts.push(deliveries::waiting(now));
    let found = db.batch(&stmts).await?;
    for rows in found.iter().rev().take(2) {
        let forgotten: Vec<Due> = rows.all()?;
        dispatch::tell(env, forgotten).await;
    }
    Ok(())
}
