//! Automatic closing of resolved tickets.

use serde_json::Value;

use crate::desk::person::Role;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::{Actor, Change, Ticket, TicketEdit, TicketSettings};
use crate::desk::{DAY, Millis};

/// The event's `cause` when a ticket is closed automatically. History shows it.
pub const AUTO_CLOSE: &str = "auto_close";

/// The actor of changes that no person makes.
pub fn system_actor() -> Actor {
    Actor {
        id: 0,
        role: Role::Admin,
        card: Value::Null,
        is_in_copy: false,
    }
}

/// Closes a ticket that has been resolved for `days` days. `None` if it is not due, or if `days` is 0 (never).
pub fn close_if_due(ticket: &Ticket, days: i64, rules: &TicketSettings, now: Millis) -> Option<Change> {
    let resolved_at = ticket.resolved_at.filter(|_| ticket.status == Status::Resolved)?;
    if days < 1 || resolved_at.saturating_add(days.saturating_mul(DAY)) > now {
        return None;
    }
    let edit = TicketEdit {
        status: Some(Status::Closed),
        ..TicketEdit::default()
    };
    let mut change = decide(ticket, &edit, &system_actor(), rules, now).ok()?;
    change.event.as_mut()?.cause = Some(AUTO_CLOSE.to_owned());
    Some(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::sla::SlaPolicies;

    #[test]
    fn resolved_tickets_are_closed_after_some_days() {
        let rules = TicketSettings {
            reopen_window_days: 7,
            sla_policies: std::rc::Rc::new(SlaPolicies::standard()),
            custom_fields: std::rc::Rc::default(),
        };
        let resolved = |status, resolved_at| Ticket {
            status,
            resolved_at,
            ..Ticket::new("Printer", "On fire", 9, 0)
        };
        for (status, resolved_at, days, now, want) in [
            (Status::Resolved, Some(0), 7, 7 * DAY, true),
            (Status::Resolved, Some(0), 7, 7 * DAY - 1, false),
            (Status::Resolved, Some(0), 1, 7 * DAY, true),
            (Status::Resolved, Some(0), 0, 700 * DAY, false),
            (Status::Resolved, None, 7, 7 * DAY, false),
            (Status::Closed, Some(0), 7, 7 * DAY, false),
            (Status::Reopened, None, 7, 7 * DAY, false),
            (Status::Open, None, 7, 7 * DAY, false),
        ] {
            let ticket = resolved(status, resolved_at);
            let change = close_if_due(&ticket, days, &rules, now);
            assert_eq!(change.is_some(), want, "{status:?} {resolved_at:?} {days} {now}");
            let Some(Change { ticket, event }) = change else {
                continue;
            };
            assert_eq!((ticket.status, ticket.closed_at), (Status::Closed, Some(now)));
            assert_eq!(ticket.resolved_at, resolved_at);
            let event = event.expect("it tells of it");
            assert_eq!(event.cause.as_deref(), Some(AUTO_CLOSE));
            assert!(!event.is_internal);
        }
    }
}
