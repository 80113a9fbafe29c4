//! Messages: who may post, edit and delete one, and how it affects the ticket.

use crate::desk::person::Role;
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::relations::merge::MERGED;
use crate::desk::tickets::status::{Lifecycle, Status, may_reopen};
use crate::desk::tickets::ticket::{Actor, Refusal, Ticket, TicketSettings};
use crate::desk::{MINUTE, Millis};

/// How long authors may edit and delete their messages.
pub const EDIT_WINDOW: Millis = 15 * MINUTE;

/// The effect of a new message on its ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageEffect {
    /// The status that the ticket changes to.
    pub status: Option<Status>,
    /// It is the first public reply by staff.
    pub is_first_response: bool,
}

/// Checks that a person who can see the ticket may post this message, and returns its effect.
///
/// The requester's reply puts a waiting ticket back to work and reopens a finished one, a closed one only within the
/// reopening window; that of a customer is refused after it. Notes, and messages by staff on the tickets of others, never
/// change the status.
///
/// # Errors
/// A [`Refusal`] when the message is not allowed.
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
    if ticket.merged_into.is_some() {
        return Err(Refusal::Conflict(MERGED.to_owned()));
    }
    let is_staff = actor.role.is_staff();
    let is_requester = ticket.requester_id == actor.id;
    if is_internal || (is_staff && !is_requester) {
        return Ok(MessageEffect {
            status: None,
            is_first_response: !is_internal && ticket.first_responded_at.is_none(),
        });
    }
    let refuse = |why: &str| {
        if is_staff {
            Ok(None)
        } else {
            Err(Refusal::Conflict(format!("{why}; please open a new one")))
        }
    };
    let status = match (ticket.workflow, ticket.status) {
        (Lifecycle::Support, Status::Waiting) => Some(Status::InProgress),
        (_, Status::Resolved | Status::Closed) => {
            let window = rules.reopen_window_days;
            if window == 0 {
                refuse("a ticket that is done is not reopened")?
            } else if may_reopen(ticket.workflow, ticket.status, ticket.closed_at, window, now) {
                Some(ticket.workflow.reopen_status())
            } else {
                refuse("this ticket was closed too long ago to be reopened")?
            }
        }
        _ => None,
    };
    Ok(MessageEffect {
        status,
        is_first_response: false,
    })
}

/// Whether the requester's reply to a ticket in this status may change the status, or be refused. In any other status it
/// does neither, as [`post`] decides.
pub fn may_change_status(status: Status) -> bool {
    matches!(status, Status::Waiting | Status::Resolved | Status::Closed)
}

/// Checks that a person may edit or delete a message that they can see: admins always, authors for 15 minutes.
///
/// # Errors
/// A [`Refusal`] when they may not.
pub fn authorize_edit(author_id: i64, posted_at: Millis, actor: &Actor, now: Millis) -> Result<(), Refusal> {
    if actor.role == Role::Admin {
        return Ok(());
    }
    if author_id != actor.id {
        return Err(Refusal::Forbidden(
            "only its author and admins may change a message".to_owned(),
        ));
    }
    if now > posted_at.saturating_add(EDIT_WINDOW) {
        return Err(Refusal::Forbidden(
            "a message can be changed for 15 minutes after it was said".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
