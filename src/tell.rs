//! Telling the world what has been kept: rooms and people that listen, and the queue of what goes out.
//!
//! It happens after the answer, and may be lost: rooms catch up by themselves, and the clock finds mails and
//! deliveries that nobody has sent.

use crate::edge::{Env, door, queue};
use crate::store::due::{Due, What};

/// The text of a queue message: `{"what":"mail","id":5}`.
fn message(what: &str, id: i64) -> String {
    format!("{{\"what\":\"{what}\",\"id\":{id}}}")
}

/// Tells of everything that is due.
pub async fn tell(env: &Env, due: Vec<Due>) {
    let mut texts = Vec::new();
    for Due { what, id } in due {
        match what {
            What::Room | What::User => {}
            What::Mail => texts.push(message("mail", id)),
            What::Hook => texts.push(message("hook", id)),
        }
    }
    if let Err(why) = queue::send(env, texts).await {
        door::log(&format!("what goes out is left to the clock: {why}"));
    }
}
