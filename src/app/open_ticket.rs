//! Opening a ticket, whichever way it came: by a request or by mail.

use serde_json::Value;

use crate::app::automation;
use crate::desk::automation::executor::{Heard, hearing};
use crate::desk::person::Role;
use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::store::tickets::subject::Subject;
use crate::store::tickets::write::{NewTicket, Requester};
use crate::store::tickets::{assignment, events};

/// A decided ticket that is opened, by whichever way it came.
pub struct Opening<'a> {
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
pub fn opened(engine: &automation::Engine, opening: &Opening) -> Result<Vec<Stmt>, Error> {
    let (uid, ticket, now) = (opening.uid, opening.ticket, engine.now);
    let (actor_id, role) = opening.actor;
    let around = automation::around_new(engine, opening.channel, opening.address);
    let heard = Heard {
        on: hearing(None, ticket),
        actor_role: Some(role),
        ..Heard::default()
    };
    let subject = Subject::TicketUid(uid);
    let followed = automation::follow(engine, &subject, (None, ticket), &around, &heard)?;
    let mut stmts = crate::store::tickets::write::insert(&NewTicket {
        uid,
        day: opening.day,
        ticket,
        requester: opening.requester,
        contact_email: opening.contact_email.clone(),
        channel: opening.channel,
    });
    if followed.ticket != *ticket {
        stmts.push(crate::store::tickets::write::update_made(
            uid,
            ticket,
            &followed.ticket,
            now,
        ));
    }
    let assignee = ticket.assignee.as_ref().map(|person| person.card.clone());
    let changes = vec![
        FieldChange::new("status", Value::Null, ticket.status.word()),
        FieldChange::new("priority", Value::Null, ticket.priority.word()),
        FieldChange::new("assignee", Value::Null, assignee.unwrap_or(Value::Null)),
    ];
    let event = Event::public(EventKind::TicketCreated, changes);
    stmts.push(events::append(&subject, Some(actor_id), &event, now));
    stmts.extend(followed.stmts);
    // Rules may have decided, too.
    if followed.is_pooled && !opening.is_decided {
        stmts.extend(assignment::assign_new(uid, now));
    }
    Ok(stmts)
}
