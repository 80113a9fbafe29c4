//! Opens a ticket, whether it came by a request or by mail.

use serde_json::Value;

use crate::app::automation;
use crate::desk::automation::executor::{TriggerInput, detect_triggers};
use crate::desk::person::Role;
use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, NewTicket, Requester};

/// A ticket to be opened, from a request or from a mail.
pub struct TicketDraft<'a> {
    /// The first part of the ticket's uid.
    pub uid_head: &'a str,
    /// The date in the ticket's number.
    pub day: &'a str,
    /// Id and role of the person who opens it.
    pub actor: (i64, Role),
    pub ticket: &'a Ticket,
    pub requester: Requester<'a>,
    /// The requester's address in lower case, if known.
    pub address: Option<&'a str>,
    pub contact_email: Option<String>,
    pub channel: &'static str,
    /// The assignment is already decided, so the ticket is not assigned automatically.
    pub is_decided: bool,
}

/// The statements that open a ticket with everything that follows from it: its number, its row, its first event, the
/// effects of rules, and its assignment.
///
/// # Errors
/// When the platform cannot provide random bytes.
pub fn open_ticket(engine: &automation::Engine, opening: &TicketDraft) -> Result<Vec<Stmt>, Error> {
    let (ticket, now) = (opening.ticket, engine.now);
    let (actor_id, role) = opening.actor;
    let around = automation::new_ticket_context(engine, opening.channel, opening.address);
    let heard = TriggerInput {
        on: detect_triggers(None, ticket),
        actor_role: Some(role),
        ..TriggerInput::default()
    };
    let subject = EventSubject::NewTicket;
    let followed = automation::apply_rules(engine, &subject, (None, ticket), &around, &heard)?;
    let assignee = ticket.assignee.as_ref().map(|person| person.card.clone());
    let changes = vec![
        FieldChange::new("status", Value::Null, ticket.status.as_str()),
        FieldChange::new("priority", Value::Null, ticket.priority.as_str()),
        FieldChange::new("assignee", Value::Null, assignee.unwrap_or(Value::Null)),
    ];
    let event = Event::public(EventKind::TicketCreated, changes);
    let mut story = Story::new(&subject);
    story.push_event(&subject, Some(actor_id), &event, now);
    story.append(followed.story);
    // The row is inserted once, as the rules leave it; a change made by rules still increments the version.
    let mut opened = followed.ticket;
    if opened != *ticket {
        opened.version = ticket.version.saturating_add(1);
    }
    Ok(write::insert(
        &NewTicket {
            uid_head: opening.uid_head,
            day: opening.day,
            ticket: &opened,
            requester: opening.requester,
            contact_email: opening.contact_email.clone(),
            channel: opening.channel,
            // Rules may have decided on the assignment, too.
            auto_assign: followed.needs_assignment && !opening.is_decided,
        },
        story,
    ))
}
