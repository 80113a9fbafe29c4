//! What happens outside the database after a commit: sockets are woken, mails and webhooks are queued.
//!
//! This runs after the response and may fail: live objects check by themselves from time to time, and the cron job
//! finds mails and deliveries that have not been sent.

use futures_util::future::join;

use crate::desk::live::connection::Topic;
use crate::edge::config::mail::MailTransport;
use crate::edge::{Env, config, hub, log, queue};
use crate::store::dispatch::{Dispatch, DispatchKind};

/// The text of a queue message: `{"what":"mail","id":5}`.
fn queue_message(what: &str, id: i64) -> String {
    format!("{{\"what\":\"{what}\",\"id\":{id}}}")
}

/// Queues a mail or a webhook, to be processed after the given number of seconds.
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

/// Wakes the live objects and queues the rest; webhooks go first because they are few.
pub async fn send(env: &Env, dispatches: Vec<Dispatch>) {
    let (mut objects, mut texts, mut mails) = (Vec::new(), Vec::new(), Vec::new());
    let sends_mail = config::load(env).is_ok_and(|config| config.mail.transport != MailTransport::Off);
    for Dispatch { what, id } in dispatches {
        match what {
            DispatchKind::Room => objects.push(Topic::Ticket(id).name()),
            DispatchKind::User => objects.push(Topic::User(id).name()),
            DispatchKind::Mail if sends_mail => mails.push(queue_message("mail", id)),
            // Sending mail is turned off; the cron job drops the row.
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
