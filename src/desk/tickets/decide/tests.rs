//! Edits of a ticket: fields by role, both lifecycles, assignment.

use serde_json::json;

use crate::desk::person::Role;
use crate::desk::tickets::decide::*;
use crate::desk::tickets::event::EventKind;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::*;
use crate::desk::{HOUR, Millis};

pub(super) const NOW: Millis = 1_800_000_000_000;
pub(super) const REQUESTER: i64 = 1;
pub(super) const AGENT: i64 = 2;

pub(super) fn rules() -> TicketSettings {
    TicketSettings {
        reopen_window_days: 7,
        sla_policies: std::rc::Rc::new(crate::desk::sla::SlaPolicies::standard()),
        custom_fields: std::rc::Rc::default(),
    }
}

pub(super) fn person(id: i64) -> Person {
    Person {
        id,
        card: json!({"id": id}),
    }
}

pub(super) fn actor(id: i64, role: Role) -> Actor {
    Actor {
        id,
        role,
        card: json!({"id": id}),
        is_in_copy: false,
    }
}

pub(super) fn agent() -> Actor {
    actor(AGENT, Role::Agent)
}

/// A ticket in this status that was opened an hour ago.
pub(super) fn ticket_in(workflow: Lifecycle, status: Status) -> Ticket {
    let mut ticket = Ticket {
        workflow,
        ..Ticket::new("Title", "Text", REQUESTER, NOW - HOUR)
    };
    ticket.set_due_times(&rules());
    if status != Status::Open {
        ticket.enter_status(status, &rules(), NOW - HOUR);
    }
    if status == Status::Assigned {
        ticket.assignee = Some(person(AGENT));
    }
    ticket
}

pub(super) fn open() -> Ticket {
    ticket_in(Lifecycle::Support, Status::Open)
}

pub(super) fn to(status: Status) -> TicketEdit {
    TicketEdit {
        status: Some(status),
        ..TicketEdit::default()
    }
}

pub(super) fn give(assignee: Option<i64>) -> TicketEdit {
    TicketEdit {
        assignee: Some(assignee.map(person)),
        ..TicketEdit::default()
    }
}

/// The ticket after an edit that is allowed.
#[track_caller]
pub(super) fn done(ticket: &Ticket, edit: &TicketEdit, actor: &Actor) -> Ticket {
    decide(ticket, edit, actor, &rules(), NOW).unwrap().ticket
}

/// The result of an edit as one word.
pub(super) fn fate(ticket: &Ticket, edit: &TicketEdit, actor: &Actor) -> &'static str {
    match decide(ticket, edit, actor, &rules(), NOW) {
        Ok(change) if change.event.is_none() => "same",
        Ok(_) => "done",
        Err(Refusal::Forbidden(_)) => "forbidden",
        Err(Refusal::Transition { .. }) => "transition",
        Err(Refusal::Conflict(_)) => "conflict",
        Err(Refusal::Invalid { .. } | Refusal::Fields(_)) => "invalid",
    }
}

#[test]
fn each_field_is_for_its_roles() {
    let edit = TicketEdit::default;
    let fields = [
        (
            "title",
            TicketEdit {
                title: Some("New".to_owned()),
                ..edit()
            },
        ),
        (
            "description",
            TicketEdit {
                description: Some("New".to_owned()),
                ..edit()
            },
        ),
        (
            "priority",
            TicketEdit {
                priority: Some(Priority::Urgent),
                ..edit()
            },
        ),
        (
            "category",
            TicketEdit {
                category: Some(Some(NamedRow {
                    id: 3,
                    name: "general".to_owned(),
                })),
                ..edit()
            },
        ),
        (
            "department",
            TicketEdit {
                department: Some(Some("IT".to_owned())),
                ..edit()
            },
        ),
        (
            "tags",
            TicketEdit {
                tags: Some(vec!["a".to_owned()]),
                ..edit()
            },
        ),
        (
            "workflow",
            TicketEdit {
                workflow: Some(Lifecycle::Project),
                ..edit()
            },
        ),
    ];
    for (field, edit) in fields {
        let text = matches!(field, "title" | "description");
        for (actor, allowed) in [
            (actor(REQUESTER, Role::Customer), text),
            (actor(9, Role::Customer), false),
            (actor(REQUESTER, Role::Agent), true),
            (agent(), true),
            (actor(4, Role::Manager), true),
            (actor(5, Role::Admin), true),
        ] {
            let outcome = decide(&open(), &edit, &actor, &rules(), NOW);
            match outcome {
                Ok(change) => {
                    assert!(allowed, "{field} {actor:?}");
                    let event = change.event.unwrap();
                    assert_eq!(event.changes.len(), 1, "{field}");
                    assert_eq!(event.changes[0].field, field);
                    // Repeated, it changes nothing.
                    assert_eq!(fate(&change.ticket, &edit, &actor), "same", "{field}");
                }
                Err(Refusal::Forbidden(_)) => assert!(!allowed, "{field} {actor:?}"),
                other => panic!("{field} {actor:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn an_empty_edit_changes_nothing() {
    for role in Role::ALL {
        assert_eq!(fate(&open(), &TicketEdit::default(), &actor(9, role)), "same");
    }
}

#[test]
fn customers_edit_their_text_while_it_is_open_or_waiting() {
    let edit = TicketEdit {
        title: Some("New".to_owned()),
        ..TicketEdit::default()
    };
    for status in Status::ALL
        .into_iter()
        .filter(|status| *status != Status::Blocked)
    {
        let ticket = ticket_in(Lifecycle::Support, status);
        let want = if matches!(status, Status::Open | Status::Waiting) {
            "done"
        } else {
            "forbidden"
        };
        assert_eq!(
            fate(&ticket, &edit, &actor(REQUESTER, Role::Customer)),
            want,
            "{status:?}"
        );
        assert_eq!(fate(&ticket, &edit, &agent()), "done", "{status:?}");
    }
}

#[test]
fn every_transition_of_both_lifecycles_is_decided() {
    for workflow in Lifecycle::ALL {
        for from in Status::ALL.into_iter().filter(|from| workflow.has_status(*from)) {
            for next in Status::ALL {
                let ticket = ticket_in(workflow, from);
                let legal = workflow.next(from).contains(&next);
                for actor in [agent(), actor(4, Role::Manager), actor(5, Role::Admin)] {
                    let want = match next == from {
                        true => "same",
                        false if legal => "done",
                        false => "transition",
                    };
                    assert_eq!(
                        fate(&ticket, &to(next), &actor),
                        want,
                        "{workflow:?} {from:?} {next:?}"
                    );
                }
                // A status that customers may never set is refused for that reason first, whatever the lifecycle
                // allows.
                let want = match next == from {
                    true => "same",
                    false if !workflow.customer_may_set(from, next) => "forbidden",
                    false if legal => "done",
                    false => "transition",
                };
                let customer = actor(REQUESTER, Role::Customer);
                assert_eq!(
                    fate(&ticket, &to(next), &customer),
                    want,
                    "{workflow:?} {from:?} {next:?}"
                );
                let stranger = actor(9, Role::Customer);
                let want = if next == from { "same" } else { "forbidden" };
                assert_eq!(
                    fate(&ticket, &to(next), &stranger),
                    want,
                    "{workflow:?} {from:?} {next:?}"
                );
            }
        }
    }
}

#[test]
fn a_refused_transition_lists_the_allowed_ones() {
    let refusal = decide(&open(), &to(Status::Resolved), &agent(), &rules(), NOW).unwrap_err();
    let want = Refusal::Transition {
        from: Status::Open,
        to: Status::Resolved,
        allowed: vec![Status::Assigned, Status::Closed],
    };
    assert_eq!(refusal, want);
    let closed = ticket_in(Lifecycle::Support, Status::Closed);
    let customer = actor(REQUESTER, Role::Customer);
    assert_eq!(
        closed.transitions(Role::Customer, &rules(), NOW),
        [Status::Reopened]
    );
    assert_eq!(fate(&closed, &to(Status::Reopened), &customer), "done");
}

#[test]
fn assignment_moves_the_status_in_support_only() {
    use crate::desk::tickets::status::Status::*;
    let manager = actor(4, Role::Manager);
    for (workflow, from, assignee, want) in [
        (Lifecycle::Support, Open, Some(AGENT), Assigned),
        (Lifecycle::Support, Assigned, Some(3), Assigned),
        (Lifecycle::Support, Assigned, None, Open),
        (Lifecycle::Support, InProgress, Some(AGENT), InProgress),
        (Lifecycle::Support, Reopened, Some(AGENT), Reopened),
        (Lifecycle::Support, Waiting, Some(AGENT), Waiting),
        (Lifecycle::Support, Resolved, Some(AGENT), Resolved),
        (Lifecycle::Project, Open, Some(AGENT), Open),
        (Lifecycle::Project, Blocked, Some(AGENT), Blocked),
    ] {
        let change = decide(
            &ticket_in(workflow, from),
            &give(assignee),
            &manager,
            &rules(),
            NOW,
        )
        .unwrap();
        assert_eq!(change.ticket.status, want, "{workflow:?} {from:?}");
        assert_eq!(change.ticket.assignee, assignee.map(person));
        let event = change.event.unwrap();
        assert_eq!(event.kind, EventKind::Assigned);
        let fields: Vec<_> = event.changes.iter().map(|change| &*change.field).collect();
        let both = vec!["status", "assignee"];
        assert_eq!(fields, if from == want { vec!["assignee"] } else { both });
        // Repeated, it changes nothing.
        assert_eq!(fate(&change.ticket, &give(assignee), &manager), "same");
    }
}

#[test]
fn agents_take_unassigned_tickets_and_managers_assign() {
    let theirs = Ticket {
        assignee: Some(person(3)),
        ..ticket_in(Lifecycle::Support, Status::InProgress)
    };
    let mine = Ticket {
        assignee: Some(person(AGENT)),
        ..theirs.clone()
    };
    for (ticket, edit, role, want) in [
        (&open(), give(Some(AGENT)), Role::Agent, "done"),
        (&open(), give(Some(3)), Role::Agent, "forbidden"),
        (&theirs, give(Some(AGENT)), Role::Agent, "forbidden"),
        (&theirs, give(None), Role::Agent, "forbidden"),
        (&theirs, give(Some(3)), Role::Agent, "same"),
        (&mine, give(Some(AGENT)), Role::Agent, "same"),
        (&mine, give(None), Role::Agent, "forbidden"),
        (&mine, give(Some(3)), Role::Agent, "forbidden"),
        (&theirs, give(Some(AGENT)), Role::Manager, "done"),
        (&theirs, give(None), Role::Manager, "done"),
        (&theirs, give(Some(4)), Role::Admin, "done"),
        (&open(), give(Some(AGENT)), Role::Customer, "forbidden"),
    ] {
        assert_eq!(
            fate(ticket, &edit, &actor(AGENT, role)),
            want,
            "{edit:?} {role:?}"
        );
    }
}

#[test]
fn status_assigned_assigns_the_ticket_to_its_actor() {
    let change = decide(&open(), &to(Status::Assigned), &agent(), &rules(), NOW).unwrap();
    assert_eq!(change.ticket.assignee, Some(person(AGENT)));
    assert_eq!(change.ticket.status, Status::Assigned);
    // A ticket that is already assigned stays with its assignee.
    let theirs = Ticket {
        assignee: Some(person(3)),
        ..open()
    };
    assert_eq!(
        done(&theirs, &to(Status::Assigned), &agent()).assignee,
        Some(person(3))
    );
    // The project lifecycle has no such status.
    let work = ticket_in(Lifecycle::Project, Status::Open);
    assert_eq!(fate(&work, &to(Status::Assigned), &agent()), "transition");
    let customer = actor(REQUESTER, Role::Customer);
    assert_eq!(fate(&open(), &to(Status::Assigned), &customer), "forbidden");
}

#[test]
fn assignee_and_status_go_together_in_one_edit() {
    let manager = actor(4, Role::Manager);
    let both = |assignee, status| TicketEdit {
        status: Some(status),
        ..give(assignee)
    };
    let started = done(&open(), &both(Some(AGENT), Status::InProgress), &manager);
    assert_eq!(
        (started.status, started.assignee),
        (Status::InProgress, Some(person(AGENT)))
    );
    let assigned = ticket_in(Lifecycle::Support, Status::Assigned);
    assert_eq!(
        done(&assigned, &both(None, Status::Open), &manager).status,
        Status::Open
    );
    // `assigned` and no assignee contradict each other.
    for ticket in [open(), assigned] {
        assert_eq!(fate(&ticket, &both(None, Status::Assigned), &manager), "invalid");
    }
}
