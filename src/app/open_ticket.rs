//! Opens a ticket, whether it came by a request or by mail.

use serde_json::{Value, json};

use crate::app::automation;
use crate::desk::automation::executor::{TriggerInput, detect_triggers};
use crate::desk::person::Role;
use crate::desk::tickets::event::{Event, EventKind, FieldChange, UNASSIGNED};
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::store::sql::guard::Guard;
use crate::store::tickets::assignment::AutoAssign;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, NewTicket, Requester, guards};

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
    /// Staff have left it to nobody, and not to the desk.
    pub left_unassigned: bool,
    /// How it gets an assignee by itself, if no rule gives it one.
    pub auto_assign: AutoAssign,
    /// The category that is known to have no agents: nobody of it can be assigned.
    pub without_agents: Option<i64>,
}

/// What opens a ticket.
pub struct Opening {
    /// Requires what the ticket was decided on.
    pub guard: Guard,
    pub stmts: Vec<Stmt>,
    /// Its creation is all that happens: no rule has acted, nobody is assigned.
    pub is_plain: bool,
}

/// The statements that open a ticket with everything that follows from it: its number, its row, its first event, the
/// effects of rules, and its assignment. What the ticket was decided on is added to the guard.
///
/// # Errors
/// When the platform cannot provide random bytes.
pub fn open_ticket(
    engine: &automation::Engine,
    opening: &TicketDraft,
    mut guard: Guard,
) -> Result<Opening, Error> {
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
    let mut event = Event::public(EventKind::TicketCreated, changes);
    if opening.left_unassigned {
        event.data = json!({UNASSIGNED: true});
    }
    let has_effects = !followed.story.is_empty();
    let mut story = Story::new(&subject);
    story.push_event(&subject, Some(actor_id), &event, now);
    story.append(followed.story);
    // The row is inserted once, as the rules leave it; a change made by rules still increments the version.
    let mut opened = followed.ticket;
    if opened != *ticket {
        opened.version = ticket.version.saturating_add(1);
    }
    let category = opened.category.as_ref().map(|category| category.id);
    let auto_assign = match opening.auto_assign {
        // Rules may have decided on the assignment, too.
        _ if !followed.needs_assignment => AutoAssign::Off,
        AutoAssign::Category if category.is_none() || category == opening.without_agents => AutoAssign::Off,
        how => how,
    };
    let stmts = write::insert(
        &NewTicket {
            uid_head: opening.uid_head,
            day: opening.day,
            ticket: &opened,
            requester: opening.requester,
            contact_email: opening.contact_email.clone(),
            channel: opening.channel,
            auto_assign,
        },
        &mut guard,
        story,
    );
    if (&opened.category, &opened.subcategory) != (&ticket.category, &ticket.subcategory) {
        // The rules have decided on the category that was given, and then set another one.
        guards::expect_references(&mut guard, None, ticket);
    }
    Ok(Opening {
        guard,
        stmts,
        is_plain: !has_effects && auto_assign == AutoAssign::Off && opened.assignee.is_none(),
    })
}
