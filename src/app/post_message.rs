//! Adds a message to a ticket, whether it came by a request or by mail.

use crate::app::automation::{self, Engine};
use crate::desk::Millis;
use crate::desk::automation::executor::{RuleMessage, TicketContext, TriggerInput, detect_triggers};
use crate::desk::automation::rule::{TriggerKind, may_run};
use crate::desk::id::Ref;
use crate::desk::notification;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::history::diff;
use crate::desk::tickets::message;
use crate::desk::tickets::ticket::{Actor, Ticket};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::store::commit::CommitBatch;
use crate::store::dispatch;
use crate::store::sql::guard::Guard;
use crate::store::tickets::messages::NewMessage;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::Viewer;
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, guards};

/// A message to be added to a ticket, from a request or from a mail.
pub struct MessageDraft<'a> {
    /// The first part of the message's uid.
    pub uid_head: &'a str,
    pub actor: &'a Actor,
    pub body: &'a str,
    pub is_internal: bool,
    pub channel: &'static str,
}

/// The statements that add a message with everything that follows from it. The batch aborts if the ticket was changed
/// in the meantime.
///
/// # Errors
/// When the author may not post this message.
pub fn post_message(
    engine: &Engine,
    ticket: Ticket,
    around: TicketContext,
    saying: &MessageDraft,
) -> Result<Vec<Stmt>, Error> {
    let (actor, is_internal, now) = (saying.actor, saying.is_internal, engine.now);
    let effect = message::post(&ticket, actor, is_internal, &engine.rules, now)?;
    // The first response time is written with the message itself, so it must not count as a change of the ticket row.
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
    let mut story = message_story(before.id, saying, &notification::parse_mentions(saying.body), now);
    if effect.is_first_response {
        story.mark_first_response(now);
    }
    let woken = diff(&before, &after);
    if !woken.is_empty() {
        // This event notifies nobody, because the message already does.
        let event = Event::public(EventKind::StatusChanged, woken);
        story.push_silent_event(&subject, Some(actor.id), &event, now);
    }
    let is_heard = !followed.story.is_empty();
    story.append(followed.story);
    // Customers, and rules, act on the version of the ticket that was read, so the version is checked. For a message
    // by staff the ticket only has to exist.
    let guard = if moves {
        None
    } else if is_heard || !actor.role.is_staff() {
        Some(guards::expect_version(before.id, before.version))
    } else {
        Some(guards::expect_ticket(before.id))
    };
    let change = write::change(&before, &followed.ticket, story, now);
    Ok(guard.into_iter().chain(change).collect())
}

/// The change that adds a message to a ticket that has not been read, with everything that follows from it. The guard is
/// that of [`Call::guard_unread`](crate::app::call::Call::guard_unread). `None` when a rule may have to react to the
/// message, for which the ticket must be known.
pub fn post_on_unread(
    engine: &Engine,
    mut guard: Guard,
    (author, ticket_id): (&Viewer, i64),
    reference: &Ref,
    saying: &MessageDraft,
) -> Option<CommitBatch> {
    let rules = engine.automation.as_ref()?;
    if may_run(&rules.rules, TriggerKind::MessageAdded) {
        return None;
    }
    guard.expect(guards::find_for_message(author, reference));
    let now = engine.now;
    let mentioned = notification::parse_mentions(saying.body);
    let story = message_story(ticket_id, saying, &mentioned, now);
    let totals = story.totals();
    let counted = if author.role.is_staff() && !saying.is_internal {
        write::count_on_response(ticket_id, totals, author.id, now).to_vec()
    } else {
        vec![write::count_on(ticket_id, totals, now)]
    };
    let dispatches = if mentioned.is_empty() {
        let subject = EventSubject::Ticket(ticket_id);
        dispatch::list_for_event(&subject, EventKind::MessageAdded, saying.is_internal, now)
    } else {
        dispatch::list(now)
    };
    Some(CommitBatch {
        guard,
        stmts: story.around(counted),
        dispatches,
    })
}

/// The story of a message before the ticket's row is changed: it is announced to the people that the ticket belonged to
/// before that.
fn message_story(ticket_id: i64, saying: &MessageDraft, mentioned: &[String], now: Millis) -> Story {
    let new = NewMessage {
        uid_head: saying.uid_head,
        subject: EventSubject::Ticket(ticket_id),
        author_id: saying.actor.id,
        body: saying.body,
        is_internal: saying.is_internal,
        channel: saying.channel,
        now,
    };
    let said = Event {
        is_internal: saying.is_internal,
        ..Event::public(EventKind::MessageAdded, Vec::new())
    };
    let mut story = Story::new(&new.subject);
    story.push_message(&new, Some(saying.actor.id), &said, mentioned);
    story.change_ticket_here();
    story
}
