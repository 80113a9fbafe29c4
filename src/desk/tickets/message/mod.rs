//! Messages: what is said on a ticket, and what saying it does.

use crate::desk::person::Role;
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::status::{Lifecycle, Status, may_reopen};
use crate::desk::tickets::ticket::{Actor, Refusal, Ticket, TicketSettings};
use crate::desk::{MINUTE, Millis};

/// For how long authors may edit and delete what they said.
pub const EDIT_WINDOW: Millis = 15 * MINUTE;

/// What a message does to its ticket beside being said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageEffect {
    /// The status that it brings.
    pub status: Option<Status>,
    /// It is the first public answer of the staff.
    pub is_first_response: bool,
}

/// Whether somebody who sees the ticket may say this, and what it does.
///
/// A customer's reply wakes a waiting ticket and reopens a finished one, a closed one only within the window.
/// Staff's messages and notes never change the status.
///
/// # Errors
/// A [`Refusal`].
pub fn post(
    ticket: &Ticket,
    actor: &Actor,
    is_internal: bool,
    rules: &TicketSettings,
    now: Millis,
) -> Result<MessageEffect, Refusal> {
    let act = if is_internal { Act::Note } else { Act::Reply };
    policy::authorize(act, actor.role, ticket.relation(actor))
        .map_err(|why| Refusal::Forbidden(why.to_owned()))?;
    if actor.role.is_staff() {
        let is_first_response =
            !is_internal && ticket.first_responded_at.is_none() && ticket.requester_id != actor.id;
        return Ok(MessageEffect {
            status: None,
            is_first_response,
        });
    }
    let status = match (ticket.workflow, ticket.status) {
        (Lifecycle::Support, Status::Waiting) => Some(Status::InProgress),
        (_, Status::Resolved | Status::Closed) => {
            if !may_reopen(
                ticket.workflow,
                ticket.status,
                ticket.closed_at,
                rules.reopen_window_days,
                now,
            ) {
                return Err(Refusal::Conflict(
                    "this ticket was closed too long ago to be reopened; please open a new one".to_owned(),
                ));
            }
            Some(ticket.workflow.reopen_status())
        }
        _ => None,
    };
    Ok(MessageEffect {
        status,
        is_first_response: false,
    })
}

/// Whether somebody may edit or delete a message they can see: admins always, authors for a quarter of an hour.
///
/// # Errors
/// A [`Refusal`].
pub fn authorize_edit(author_id: i64, said_at: Millis, actor: &Actor, now: Millis) -> Result<(), Refusal> {
    if actor.role == Role::Admin {
        return Ok(());
    }
    if author_id != actor.id {
        return Err(Refusal::Forbidden(
            "only its author and admins may change a message".to_owned(),
        ));
    }
    if now > said_at.saturating_add(EDIT_WINDOW) {
        return Err(Refusal::Forbidden(
            "a message can be changed for 15 minutes after it was said".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
