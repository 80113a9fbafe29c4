//! Adds a message to a ticket, whether it came by a request or by mail.

use std::cell::RefCell;
use std::collections::HashSet;

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

/// More than that many responses are not remembered: it begins anew.
const MAX_REMEMBERED: usize = 10_000;

thread_local! {
    /// Tickets, and staff who have posted a public message there: it was a response, or the ticket is their own. Either
    /// way a further message of theirs is not the first response.
    static RESPONDED: RefCell<HashSet<(i64, i64)>> = RefCell::default();
}

/// A message to be added to a ticket, from a request or from a mail.
pub struct MessageDraft<'a> {
    /// The first part of the message's uid.
    pub uid_head: &'a str,
    pub actor: &'a Actor,
    pub body: &'a str,
    pub is_internal: bool,
    pub channel: &'static str,
}

/// A message as it was decided: what becomes of its ticket, and the story.
pub struct Posted {
    /// The ticket that the batch must find.
    pub before: Ticket,
    /// The ticket as the message and the rules leave it.
    pub after: Ticket,
    pub story: Story,
    /// What the batch requires if the ticket's row does not change.
    guard: Option<Stmt>,
}

impl Posted {
    /// No message.
    pub fn nothing(ticket: &Ticket) -> Posted {
        Posted {
            before: ticket.clone(),
            after: ticket.clone(),
            story: Story::new(&EventSubject::Ticket(ticket.id)),
            guard: None,
        }
    }

    /// The statements.
    pub fn stmts(self, now: Millis) -> Vec<Stmt> {
        let guard = self.guard.filter(|_| self.before == self.after);
        let change = write::change(&self.before, &self.after, self.story, now);
        guard.into_iter().chain(change).collect()
    }
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
    Ok(decide_message(engine, ticket, around, saying)?.stmts(engine.now))
}

/// Decides on a message.
///
/// # Errors
/// When the author may not post it.
pub fn decide_message(
    engine: &Engine,
    ticket: Ticket,
    around: TicketContext,
    saying: &MessageDraft,
) -> Result<Posted, Error> {
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
    let mut story = message_story(
        engine,
        before.id,
        saying,
        &notification::parse_mentions(saying.body),
    );
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
    let guard = if is_heard || !actor.role.is_staff() {
        guards::expect_version(before.id, before.version)
    } else {
        guards::expect_ticket(before.id)
    };
    Ok(Posted {
        before,
        after: followed.ticket,
        story,
        guard: Some(guard),
    })
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
    let now = engine.now;
    let is_response = author.role.is_staff() && !saying.is_internal;
    let follows_response =
        is_response && RESPONDED.with_borrow(|known| known.contains(&(ticket_id, author.id)));
    guard.expect(guards::find_for_message(author, reference, follows_response));
    let mentioned = notification::parse_mentions(saying.body);
    let story = message_story(engine, ticket_id, saying, &mentioned);
    let totals = story.totals();
    let counted = if is_response && !follows_response {
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

/// Remembers whether staff could post a public message on a ticket with [`post_on_unread`].
pub fn remember_response(ticket_id: i64, author_id: i64, is_posted: bool) {
    RESPONDED.with_borrow_mut(|known| {
        if !is_posted {
            known.remove(&(ticket_id, author_id));
            return;
        }
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert((ticket_id, author_id));
    });
}

/// The story of a message before the ticket's row is changed: it is announced to the people that the ticket belonged to
/// before that.
pub fn message_story(engine: &Engine, ticket_id: i64, saying: &MessageDraft, mentioned: &[String]) -> Story {
    let new = NewMessage {
        uid_head: saying.uid_head,
        subject: EventSubject::Ticket(ticket_id),
        author_id: saying.actor.id,
        body: saying.body,
        is_internal: saying.is_internal,
        channel: saying.channel,
        now: engine.now,
    };
    let said = Event {
        is_internal: saying.is_internal,
        ..Event::public(EventKind::MessageAdded, Vec::new())
    };
    let mut story = Story::new(&new.subject);
    if !engine.sends_mail {
        story.send_no_mail();
    }
    story.push_message(&new, Some(saying.actor.id), &said, mentioned);
    story.change_ticket_here();
    story
}
