//! Opening a ticket, whichever way it came: by a request or by mail.

use serde_json::Value;

use crate::app::automation;
use crate::desk::automation::executor::{TriggerInput, detect_triggers};
use crate::desk::person::Role;
use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write::{NewTicket, Requester};
use crate::store::tickets::{assignment, events};

/// A decided ticket that is opened, by whichever way it came.
pub struct TicketDraft<'a> {
    pub uid: &'a str,
    /// Of its number.
    pub day: &'a str,
    /// Who opens it.
    pub actor: (i64, Role),
    pub ticket: &'a Ticket,
    pub requester: Requester<'a>,
    /// The requester's address in lower case, where it is known.
    pub address: Option<&'a str>,
    pub contact_email: Option<String>,
    pub channel: &'static str,
    /// The desk assigns it to nobody by itself.
    pub is_decided: bool,
}

/// What keeps a ticket that is opened, with all that follows from it: its number, its row, its first event, what
/// rules do and whom it is given to.
///
/// # Errors
/// When the platform has no randomness.
pub fn open_ticket(engine: &automation::Engine, opening: &TicketDraft) -> Result<Vec<Stmt>, Error> {
    let (uid, ticket, now) = (opening.uid, opening.ticket, engine.now);
    let (actor_id, role) = opening.actor;
    let around = automation::new_ticket_context(engine, opening.channel, opening.address);
    let heard = TriggerInput {
        on: detect_triggers(None, ticket),
        actor_role: Some(role),
        ..TriggerInput::default()
    };
    let subject = EventSubject::TicketUid(uid);
    let followed = automation::apply_rules(engine, &subject, (None, ticket), &around, &heard)?;
    let mut stmts = crate::store::tickets::write::insert(&NewTicket {
        uid,
        day: opening.day,
        ticket,
        requester: opening.requester,
        contact_email: opening.contact_email.clone(),
        channel: opening.channel,
    });
    if followed.ticket != *ticket {
        stmts.push(crate::store::tickets::write::update_by_uid(
            uid,
            ticket,
            &followed.ticket,
            now,
        ));
    }
    let assignee = ticket.assignee.as_ref().map(|person| person.card.clone());
    let changes = vec![
        FieldChange::new("status", Value::Null, ticket.status.as_str()),
        FieldChange::new("priority", Value::Null, ticket.priority.as_str()),
        FieldChange::new("assignee", Value::Null, assignee.unwrap_or(Value::Null)),
    ];
    let event = Event::public(EventKind::TicketCreated, changes);
    stmts.push(events::append(&subject, Some(actor_id), &event, now));
    stmts.extend(followed.stmts);
    // Rules may have decided, too.
    if followed.needs_assignment && !opening.is_decided {
        stmts.extend(assignment::assign_new(uid, now));
    }
    Ok(stmts)
}
