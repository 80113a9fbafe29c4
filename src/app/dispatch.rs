//! Telling the world what has been kept: rooms and people that listen, and the queue of what goes out.
//!
//! It happens after the answer, and may be lost: rooms catch up by themselves, and the clock finds mails and
//! deliveries that nobody has sent.

use futures_util::future::join;

use crate::desk::live::connection::Object;
use crate::edge::config::mail::Way;
use crate::edge::{Env, config, hub, log, queue};
use crate::store::dispatch::{Due, What};

/// The text of a queue message: `{"what":"mail","id":5}`.
fn message(what: &str, id: i64) -> String {
    format!("{{\"what\":\"{what}\",\"id\":{id}}}")
}

/// Tells the queue of one thing that is due after so many seconds.
pub async fn later(env: &Env, due: Due, seconds: u32) {
    let what = match due.what {
        What::Room | What::User => return,
        What::Mail => "mail",
        What::Hook => "hook",
    };
    if let Err(why) = queue::send_later(env, message(what, due.id), seconds).await {
        log::log(&format!("what goes out is left to the clock: {why}"));
    }
}

/// Tells of everything that is due.
pub async fn tell(env: &Env, due: Vec<Due>) {
    let (mut objects, mut texts) = (Vec::new(), Vec::new());
    let sends_mail = config::load(env).is_ok_and(|config| config.mail.way != Way::Off);
    for Due { what, id } in due {
        match what {
            What::Room => objects.push(Object::Room(id).name()),
            What::User => objects.push(Object::Person(id).name()),
            What::Mail if sends_mail => texts.push(message("mail", id)),
            // The clock clears it away.
            What::Mail => {}
            What::Hook => texts.push(message("hook", id)),
        }
    }
    let (sent, ()) = join(queue::send(env, texts), hub::nudge(env, &objects)).await;
    if let Err(why) = sent {
        log::log(&format!("what goes out is left to the clock: {why}"));
    }
}
