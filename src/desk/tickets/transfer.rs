//! Transfers: the assignee hands a ticket to another agent, with a reason.

use crate::desk::Millis;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::history::diff;
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::relations::merge::MERGED;
use crate::desk::tickets::ticket::{Actor, Change, Person, Refusal, Ticket, TicketSettings, assign};

/// Transfers a ticket. The event is public, like every assignment; the reason is not part of it, because only staff may
/// read it.
///
/// # Errors
/// A [`Refusal`] when the transfer is not allowed; nothing changes then.
pub fn transfer(
    ticket: &Ticket,
    to: Person,
    actor: &Actor,
    rules: &TicketSettings,
    now: Millis,
) -> Result<Change, Refusal> {
    policy::authorize(Act::Transfer, actor.role, ticket.relation(actor))
        .map_err(|why| Refusal::Forbidden(why.to_owned()))?;
    if ticket.assignee.as_ref().is_some_and(|person| person.id == to.id) {
        return Err(Refusal::Invalid {
            field: "assignee",
            message: "has this ticket already".to_owned(),
        });
    }
    if ticket.merged_into.is_some() {
        return Err(Refusal::Conflict(MERGED.to_owned()));
    }
    let mut after = ticket.clone();
    assign(&mut after, Some(to), rules, now);
    let event = Event::public(EventKind::Transferred, diff(ticket, &after));
    Ok(Change {
        ticket: after,
        event: Some(event),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use std::rc::Rc;

    use crate::desk::person::Role;
    use crate::desk::sla::SlaPolicies;
    use crate::desk::tickets::status::Status;

    #[test]
    fn only_the_assignee_and_managers_transfer_a_ticket() {
        let rules = TicketSettings {
            reopen_window_days: 7,
            sla_policies: Rc::new(SlaPolicies::standard()),
            custom_fields: Rc::default(),
        };
        let person = |id: i64| Person {
            id,
            card: json!({"id": id}),
        };
        for (assignee, actor, role, to, want) in [
            (Some(2), 2, Role::Agent, 3, Some((Status::Assigned, 1))),
            (Some(2), 4, Role::Agent, 3, None),
            (None, 4, Role::Agent, 3, None),
            (Some(2), 4, Role::Manager, 3, Some((Status::Assigned, 1))),
            (Some(2), 4, Role::Manager, 4, Some((Status::Assigned, 1))),
            (None, 4, Role::Admin, 3, Some((Status::Assigned, 2))),
            (Some(2), 2, Role::Agent, 2, None),
        ] {
            let mut ticket = Ticket::new("Title", "Description", 9, 1_000);
            if let Some(id) = assignee {
                assign(&mut ticket, Some(person(id)), &rules, 1_000);
            }
            let actor = Actor {
                id: actor,
                role,
                card: json!({}),
                is_in_copy: false,
            };
            let got = transfer(&ticket, person(to), &actor, &rules, 2_000);
            let got = got.ok().and_then(|change| {
                assert_eq!(change.ticket.assignee.map(|who| who.id), Some(to));
                let event = change.event?;
                assert_eq!(event.kind, EventKind::Transferred);
                Some((change.ticket.status, event.changes.len()))
            });
            assert_eq!(got, want, "{assignee:?} {actor:?} {to}");
        }
    }
}
