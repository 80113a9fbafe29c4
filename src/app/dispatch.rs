//! Telling the world what has been kept: rooms and people that listen, and the queue of what goes out.
//!
//! It happens after the answer, and may be lost: rooms catch up by themselves, and the clock finds mails and
//! deliveries that nobody has sent.

use futures_util::future::join;

use crate::desk::live::connection::Topic;
use crate::edge::config::mail::MailTransport;
use crate::edge::{Env, config, hub, log, queue};
use crate::store::dispatch::{Dispatch, DispatchKind};

/// The text of a queue message: `{"what":"mail","id":5}`.
fn queue_message(what: &str, id: i64) -> String {
    format!("{{\"what\":\"{what}\",\"id\":{id}}}")
}

/// Tells the queue of one thing that is due after so many seconds.
pub async fn send_later(env: &Env, due: Dispatch, seconds: u32) {
    let what = match due.what {
        DispatchKind::Room | DispatchKind::User => return,
        DispatchKind::Mail => "mail",
        DispatchKind::Hook => "hook",
    };
    if let Err(why) = queue::send_later(env, queue_message(what, due.id), seconds).await {
        log::error(&format!("what goes out is left to the clock: {why}"));
    }
}

/// Tells of everything that is due.
pub async fn send(env: &Env, due: Vec<Dispatch>) {
    let (mut objects, mut texts) = (Vec::new(), Vec::new());
    let sends_mail = config::load(env).is_ok_and(|config| config.mail.transport != MailTransport::Off);
    for Dispatch { what, id } in due {
        match what {
            DispatchKind::Room => objects.push(Topic::Ticket(id).name()),
            DispatchKind::User => objects.push(Topic::User(id).name()),
            DispatchKind::Mail if sends_mail => texts.push(queue_message("mail", id)),
            // The clock clears it away.
            DispatchKind::Mail => {}
            DispatchKind::Hook => texts.push(queue_message("hook", id)),
        }
    }
    let (sent, ()) = join(queue::send(env, texts), hub::wake(env, &objects)).await;
    if let Err(why) = sent {
        log::error(&format!("what goes out is left to the clock: {why}"));
    }
}
