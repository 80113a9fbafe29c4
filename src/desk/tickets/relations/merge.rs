//! Merging: two tickets about the same become one, and how that is undone.

use serde::{Deserialize, Serialize};

use crate::desk::person::Role;
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::status::Status;
use crate::desk::tickets::tag::{MAX_TAGS, change_tags, is_same};
use crate::desk::tickets::ticket::{Actor, Refusal, Ticket, TicketSettings};
use crate::desk::{DAY, Millis};

/// How long a merge can be undone.
pub const UNDO_WINDOW: Millis = DAY;

/// How many messages a ticket that is merged has at most: they move in one batch.
pub const MAX_MESSAGES: i64 = 10_000;

/// What a ticket that was merged is refused.
pub const MERGED: &str = "this ticket was merged into another one; write there";

/// What undoing a merge needs to know of the time before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    status: String,
    resolved_at: Option<Millis>,
    closed_at: Option<Millis>,
    /// The tags that the survivor got.
    tags: Vec<String>,
    /// The version of the merged ticket after the merge: of another one, its status is not put back.
    version: i64,
}

/// The two tickets as a merge, or its undoing, leaves them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub survivor: Ticket,
    pub merged: Ticket,
}

/// Merges a ticket into a survivor that `actor` also sees. The survivor gets the tags, as far as there is room; the merged
/// ticket is closed whatever its status is.
///
/// # Errors
/// A [`Refusal`] if the actor may not, or if one of them was merged before.
pub fn merge(
    survivor: &Ticket,
    merged: &Ticket,
    actor: &Actor,
    rules: &TicketSettings,
    now: Millis,
) -> Result<(Pair, Former), Refusal> {
    authorize(survivor, merged, actor)?;
    if survivor.id == merged.id {
        return Err(Refusal::Conflict("a ticket is not merged with itself".to_owned()));
    }
    for (ticket, why) in [
        (survivor, "this ticket was merged itself; merge into its survivor"),
        (merged, "the ticket was merged already"),
    ] {
        if ticket.merged_into.is_some() {
            return Err(Refusal::Conflict(why.to_owned()));
        }
    }
    let room = MAX_TAGS.saturating_sub(survivor.tags.len());
    let is_new = |tag: &&String| !survivor.tags.iter().any(|known| is_same(known, tag));
    let added: Vec<String> = merged.tags.iter().filter(is_new).take(room).cloned().collect();
    let mut after = survivor.clone();
    after.tags = change_tags(&survivor.tags, &added, &[]).unwrap_or_else(|_| survivor.tags.clone());
    let mut closed = Ticket {
        merged_into: Some(survivor.id),
        ..merged.clone()
    };
    if closed.status != Status::Closed {
        closed.enter_status(Status::Closed, rules, now);
    }
    let former = Former {
        status: merged.status.as_str().to_owned(),
        resolved_at: merged.resolved_at,
        closed_at: merged.closed_at,
        tags: added,
        version: if closed.status == merged.status {
            merged.version
        } else {
            merged.version.saturating_add(1)
        },
    };
    let pair = Pair {
        survivor: after,
        merged: closed,
    };
    Ok((pair, former))
}

/// Undoes a merge: takes the tags away that it brought, and gives the merged ticket the status that it had, unless it was
/// changed since.
///
/// # Errors
/// A [`Refusal`] if the actor may not.
pub fn unmerge(
    survivor: &Ticket,
    merged: &Ticket,
    former: &Former,
    actor: &Actor,
    rules: &TicketSettings,
    now: Millis,
) -> Result<Pair, Refusal> {
    authorize(survivor, merged, actor)?;
    let mut after = survivor.clone();
    after.tags = change_tags(&survivor.tags, &[], &former.tags).unwrap_or_else(|_| survivor.tags.clone());
    let mut reopened = Ticket {
        merged_into: None,
        ..merged.clone()
    };
    let status = Status::parse(&former.status).unwrap_or(Status::Closed);
    if merged.version == former.version && status != merged.status {
        if status.is_done() {
            reopened.status = status;
        } else {
            reopened.enter_status(status, rules, now);
        }
    }
    if merged.version == former.version && status.is_done() {
        reopened.resolved_at = former.resolved_at;
        reopened.closed_at = former.closed_at;
    }
    Ok(Pair {
        survivor: after,
        merged: reopened,
    })
}

fn authorize(survivor: &Ticket, merged: &Ticket, actor: &Actor) -> Result<(), Refusal> {
    for ticket in [survivor, merged] {
        policy::authorize(Act::Merge, actor.role, ticket.relation(actor))
            .map_err(|why| Refusal::Forbidden(why.to_owned()))?;
    }
    Ok(())
}

/// The actor as somebody in copy of the ticket, if a merge has made the actor that: a customer who sees a ticket that is
/// not the own opened one that was merged into it.
pub fn in_copy_since_merge(ticket: &Ticket, actor: Actor) -> Actor {
    Actor {
        is_in_copy: actor.is_in_copy || (actor.role == Role::Customer && ticket.requester_id != actor.id),
        ..actor
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::Value;

    use super::*;
    use crate::desk::sla::SlaPolicies;
    use crate::desk::tickets::ticket::Person;

    fn rules() -> TicketSettings {
        TicketSettings {
            reopen_window_days: 7,
            sla_policies: Rc::new(SlaPolicies::standard()),
            custom_fields: Rc::default(),
        }
    }

    fn actor(role: Role) -> Actor {
        Actor {
            id: 7,
            role,
            card: Value::Null,
            is_in_copy: false,
        }
    }

    fn ticket(id: i64, tags: &[&str], status: Status) -> Ticket {
        let mut ticket = Ticket::new("It burns", "The printer.", id + 100, 0);
        ticket.set_due_times(&rules());
        ticket.id = id;
        ticket.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        if status == Status::Assigned {
            ticket.assignee = Some(Person {
                id: 3,
                card: Value::Null,
            });
        }
        if status != Status::Open {
            ticket.enter_status(status, &rules(), 1_000);
        }
        ticket
    }

    #[test]
    fn a_merge_and_its_undoing_leave_what_was() {
        let agent = actor(Role::Agent);
        for status in Status::ALL {
            let (one, two) = (
                ticket(1, &["a", "b"], Status::Open),
                ticket(2, &["b", "c"], status),
            );
            let (pair, former) = merge(&one, &two, &agent, &rules(), 5_000).unwrap();
            assert_eq!(pair.survivor.tags, ["a", "b", "c"], "{status:?}");
            assert_eq!(pair.merged.status, Status::Closed, "{status:?}");
            assert!(pair.merged.closed_at.is_some());
            let written = Ticket {
                version: former.version,
                merged_into: Some(1),
                ..pair.merged.clone()
            };
            let text = serde_json::to_string(&former).unwrap();
            let former: Former = serde_json::from_str(&text).unwrap();
            let back = unmerge(&pair.survivor, &written, &former, &agent, &rules(), 9_000).unwrap();
            assert_eq!(back.survivor.tags, ["a", "b"]);
            assert_eq!(back.merged.status, status);
            assert_eq!(
                (back.merged.resolved_at, back.merged.closed_at),
                (two.resolved_at, two.closed_at),
                "{status:?}"
            );
            assert_eq!(back.merged.merged_into, None);
            // Somebody has changed it since.
            let moved = Ticket {
                version: 99,
                ..written
            };
            let back = unmerge(&pair.survivor, &moved, &former, &agent, &rules(), 9_000).unwrap();
            assert_eq!(back.merged.status, Status::Closed);
        }
    }

    #[test]
    fn what_is_not_merged() {
        let (one, two) = (ticket(1, &[], Status::Open), ticket(2, &[], Status::Open));
        let gone = Ticket {
            merged_into: Some(9),
            ..two.clone()
        };
        let refused =
            |one: &Ticket, two: &Ticket, role| merge(one, two, &actor(role), &rules(), 0).unwrap_err();
        assert!(matches!(refused(&one, &one, Role::Agent), Refusal::Conflict(_)));
        assert!(matches!(refused(&one, &gone, Role::Agent), Refusal::Conflict(_)));
        assert!(matches!(refused(&gone, &one, Role::Admin), Refusal::Conflict(_)));
        assert!(matches!(
            refused(&one, &two, Role::Customer),
            Refusal::Forbidden(_)
        ));
        let many: Vec<String> = (0..MAX_TAGS).map(|n| format!("t{n:02}")).collect();
        let full = Ticket { tags: many, ..one };
        let (pair, former) = merge(
            &full,
            &ticket(3, &["x"], Status::Open),
            &actor(Role::Admin),
            &rules(),
            0,
        )
        .unwrap();
        assert_eq!((pair.survivor.tags.len(), former.tags.len()), (MAX_TAGS, 0));
    }

    #[test]
    fn a_merged_requester_is_in_copy() {
        let ticket = ticket(1, &[], Status::Open);
        for (id, role, want) in [
            (101, Role::Customer, false),
            (7, Role::Customer, true),
            (7, Role::Agent, false),
        ] {
            let actor = Actor { id, ..actor(role) };
            assert_eq!(in_copy_since_merge(&ticket, actor).is_in_copy, want);
        }
    }
}
