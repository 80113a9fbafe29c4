//! Adding a message to a ticket, whichever way it came: by a request or by mail.

use crate::app::automation::{self, Engine};
use crate::desk::automation::executor::{RuleMessage, TicketContext, TriggerInput, detect_triggers};
use crate::desk::automation::rule::TriggerKind;
use crate::desk::notification;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::history::diff;
use crate::desk::tickets::message;
use crate::desk::tickets::ticket::{Actor, Ticket};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::store::notifications;
use crate::store::tickets::events as event_rows;
use crate::store::tickets::messages::{self as rows, NewMessage};
use crate::store::tickets::subject::EventSubject;

/// Something that somebody says on a ticket, by whichever way it came.
pub struct MessageDraft<'a> {
    pub uid: &'a str,
    pub actor: &'a Actor,
    pub body: &'a str,
    pub is_internal: bool,
    pub channel: &'static str,
}

/// What keeps something that is said, with all that follows from it; the batch aborts when the ticket has moved on.
///
/// # Errors
/// When it may not be said.
pub fn post_message(
    engine: &Engine,
    ticket: Ticket,
    around: TicketContext,
    saying: &MessageDraft,
) -> Result<Vec<Stmt>, Error> {
    let (actor, uid, is_internal, now) = (saying.actor, saying.uid, saying.is_internal, engine.now);
    let effect = message::post(&ticket, actor, is_internal, &engine.rules, now)?;
    let new = NewMessage {
        uid,
        ticket_id: ticket.id,
        author_id: actor.id,
        body: saying.body,
        is_internal,
        channel: saying.channel,
        now,
    };
    // What the first answer notes by itself is no change that the update would write.
    let before = Ticket {
        first_responded_at: ticket
            .first_responded_at
            .or(effect.is_first_response.then_some(now)),
        ..ticket
    };
    let mut after = before.clone();
    if let Some(to) = effect.status {
        after.enter_status(to, &engine.rules, now);
    }
    let around = TicketContext {
        message_count: around.message_count.saturating_add(1),
        ..around
    };
    let heard = TriggerInput {
        on: std::iter::once(TriggerKind::MessageAdded)
            .chain(detect_triggers(Some(&before), &after))
            .collect(),
        actor_role: Some(actor.role),
        message: Some(RuleMessage {
            body: saying.body.to_owned(),
            is_internal,
            author_role: actor.role.as_str().to_owned(),
        }),
        ..TriggerInput::default()
    };
    let subject = EventSubject::Ticket(before.id);
    let followed = automation::apply_rules(engine, &subject, (Some(&before), &after), &around, &heard)?;
    let moves = followed.ticket != before;
    let mut stmts = Vec::new();
    if !moves && (!actor.role.is_staff() || !followed.stmts.is_empty()) {
        stmts.push(rows::expect_ticket_version(before.id, before.version));
    }
    stmts.push(rows::insert(&new));
    let said = Event {
        is_internal,
        ..Event::public(EventKind::MessageAdded, Vec::new())
    };
    stmts.push(event_rows::append(
        &EventSubject::MessageUid(uid),
        Some(actor.id),
        &said,
        now,
    ));
    let mentioned = notification::parse_mentions(saying.body);
    stmts.extend(notifications::notify_mentioned(uid, &mentioned, now));
    if effect.is_first_response {
        stmts.push(rows::mark_first_response(before.id, now));
    }
    if moves {
        stmts.push(crate::store::tickets::write::update(
            &before,
            &followed.ticket,
            now,
        ));
    }
    let woken = diff(&before, &after);
    if !woken.is_empty() {
        let event = Event::public(EventKind::StatusChanged, woken);
        stmts.push(event_rows::append(&subject, Some(actor.id), &event, now));
    }
    stmts.extend(followed.stmts);
    Ok(stmts)
}
