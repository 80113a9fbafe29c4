//! What leaves the database after a commit: sockets are woken, mails and webhooks are put into the queue.
//!
//! It happens after the response, and may be lost: live objects look by themselves from time to time, and the clock
//! finds mails and deliveries that nobody has sent.

use futures_util::future::join;

use crate::desk::live::connection::Topic;
use crate::edge::config::mail::MailTransport;
use crate::edge::{Env, config, hub, log, queue};
use crate::store::dispatch::{Dispatch, DispatchKind};

/// The text of a queue message: `{"what":"mail","id":5}`.
fn queue_message(what: &str, id: i64) -> String {
    format!("{{\"what\":\"{what}\",\"id\":{id}}}")
}

/// Puts a mail or a webhook into the queue, to be taken out after so many seconds.
pub async fn send_later(env: &Env, dispatch: Dispatch, seconds: u32) {
    let what = match dispatch.what {
        DispatchKind::Room | DispatchKind::User => return,
        DispatchKind::Mail => "mail",
        DispatchKind::Hook => "hook",
    };
    if let Err(why) = queue::send_later(env, queue_message(what, dispatch.id), seconds).await {
        log::error(&format!("what goes out is left to the clock: {why}"));
    }
}

/// Wakes the live objects, and puts the rest into the queue: webhooks first, they are few.
pub async fn send(env: &Env, dispatches: Vec<Dispatch>) {
    let (mut objects, mut texts, mut mails) = (Vec::new(), Vec::new(), Vec::new());
    let sends_mail = config::load(env).is_ok_and(|config| config.mail.transport != MailTransport::Off);
    for Dispatch { what, id } in dispatches {
        match what {
            DispatchKind::Room => objects.push(Topic::Ticket(id).name()),
            DispatchKind::User => objects.push(Topic::User(id).name()),
            DispatchKind::Mail if sends_mail => mails.push(queue_message("mail", id)),
            // The clock clears it away.
            DispatchKind::Mail => {}
            DispatchKind::Hook => texts.push(queue_message("hook", id)),
        }
    }
    texts.append(&mut mails);
    let (sent, ()) = join(queue::send(env, texts), hub::wake(env, &objects)).await;
    if let Err(why) = sent {
        log::error(&format!("what goes out is left to the clock: {why}"));
    }
}
