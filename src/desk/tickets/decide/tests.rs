//! What becomes of a ticket: fields by role, both lifecycles, assignment, times.

use serde_json::json;

use crate::desk::person::Role;
use crate::desk::tickets::decide::*;
use crate::desk::tickets::event::EventKind;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::*;
use crate::desk::{DAY, HOUR, Millis};

const NOW: Millis = 1_800_000_000_000;
const REQUESTER: i64 = 1;
const AGENT: i64 = 2;

fn rules() -> TicketSettings {
    TicketSettings {
        reopen_window_days: 7,
        sla_policies: std::rc::Rc::new(crate::desk::sla::SlaPolicies::standard()),
    }
}

fn person(id: i64) -> Person {
    Person {
        id,
        card: json!({"id": id}),
    }
}

fn actor(id: i64, role: Role) -> Actor {
    Actor {
        id,
        role,
        card: json!({"id": id}),
    }
}

fn agent() -> Actor {
    actor(AGENT, Role::Agent)
}

/// A ticket that was opened an hour ago and stands here.
fn ticket_in(workflow: Lifecycle, status: Status) -> Ticket {
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

fn open() -> Ticket {
    ticket_in(Lifecycle::Support, Status::Open)
}

fn to(status: Status) -> TicketEdit {
    TicketEdit {
        status: Some(status),
        ..TicketEdit::default()
    }
}

fn give(assignee: Option<i64>) -> TicketEdit {
    TicketEdit {
        assignee: Some(assignee.map(person)),
        ..TicketEdit::default()
    }
}

/// What an edit leaves when it is allowed.
#[track_caller]
fn done(ticket: &Ticket, edit: &TicketEdit, actor: &Actor) -> Ticket {
    decide(ticket, edit, actor, &rules(), NOW).unwrap().ticket
}

/// One word for what becomes of an edit.
fn fate(ticket: &Ticket, edit: &TicketEdit, actor: &Actor) -> &'static str {
    match decide(ticket, edit, actor, &rules(), NOW) {
        Ok(change) if change.event.is_none() => "same",
        Ok(_) => "done",
        Err(Refusal::Forbidden(_)) => "forbidden",
        Err(Refusal::Transition { .. }) => "transition",
        Err(Refusal::Conflict(_)) => "conflict",
        Err(Refusal::Invalid { .. }) => "invalid",
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
                    // Done again, it changes nothing.
                    assert_eq!(fate(&change.ticket, &edit, &actor), "same", "{field}");
                }
                Err(Refusal::Forbidden(_)) => assert!(!allowed, "{field} {actor:?}"),
                other => panic!("{field} {actor:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn nothing_wanted_is_nothing_done() {
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
fn every_step_of_both_lifecycles_is_decided() {
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
                // A customer's forbidden status is that first, whatever the lifecycle says.
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
fn a_refused_step_tells_the_legal_ones() {
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
        let fields: Vec<_> = event.changes.iter().map(|change| change.field).collect();
        let both = vec!["status", "assignee"];
        assert_eq!(fields, if from == want { vec!["assignee"] } else { both });
        // Done again, it changes nothing.
        assert_eq!(fate(&change.ticket, &give(assignee), &manager), "same");
    }
}

#[test]
fn agents_take_what_is_free_and_managers_give() {
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
fn assigned_takes_the_ticket_for_who_says_so() {
    let change = decide(&open(), &to(Status::Assigned), &agent(), &rules(), NOW).unwrap();
    assert_eq!(change.ticket.assignee, Some(person(AGENT)));
    assert_eq!(change.ticket.status, Status::Assigned);
    // Somebody has it already: it stays with them.
    let theirs = Ticket {
        assignee: Some(person(3)),
        ..open()
    };
    assert_eq!(
        done(&theirs, &to(Status::Assigned), &agent()).assignee,
        Some(person(3))
    );
    // The lifecycle of projects has no such status.
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
    // Nobody can be assigned to nobody.
    for ticket in [open(), assigned] {
        assert_eq!(fate(&ticket, &both(None, Status::Assigned), &manager), "invalid");
    }
}

#[test]
fn the_window_is_for_closed_support_tickets() {
    use crate::desk::tickets::status::Status::*;
    let customer = actor(REQUESTER, Role::Customer);
    for (workflow, from, ago, want) in [
        (Lifecycle::Support, Closed, 7 * DAY, "done"),
        (Lifecycle::Support, Closed, 7 * DAY + 1, "transition"),
        (Lifecycle::Support, Resolved, 70 * DAY, "done"),
        (Lifecycle::Project, Closed, 70 * DAY, "done"),
    ] {
        let mut ticket = ticket_in(workflow, Open);
        ticket.enter_status(from, &rules(), NOW - ago);
        for actor in [&customer, &agent()] {
            assert_eq!(
                fate(&ticket, &to(workflow.reopen_status()), actor),
                want,
                "{workflow:?} {from:?} {ago}"
            );
        }
        if want == "done" {
            let again = done(&ticket, &to(workflow.reopen_status()), &customer);
            assert_eq!((again.resolved_at, again.closed_at), (None, None));
        }
    }
    // The other way out of a project's closed ticket is not a reopening and is for staff.
    let closed = ticket_in(Lifecycle::Project, Closed);
    assert_eq!(fate(&closed, &to(InProgress), &agent()), "done");
    assert_eq!(fate(&closed, &to(InProgress), &customer), "forbidden");
}

#[test]
fn the_end_has_its_times() {
    let closed = done(&open(), &to(Status::Closed), &agent());
    assert_eq!((closed.resolved_at, closed.closed_at), (Some(NOW), Some(NOW)));
    let resolved = ticket_in(Lifecycle::Support, Status::Resolved);
    assert_eq!(
        (resolved.resolved_at, resolved.closed_at),
        (Some(NOW - HOUR), None)
    );
    // Closing what was resolved does not move the moment of its solution.
    let closed = done(&resolved, &to(Status::Closed), &agent());
    assert_eq!(
        (closed.resolved_at, closed.closed_at),
        (Some(NOW - HOUR), Some(NOW))
    );
}

#[test]
fn pauses_move_the_solution_and_not_the_answer() {
    let rules = rules();
    let work = ticket_in(Lifecycle::Support, Status::InProgress);
    let due = work.resolution_due_at.unwrap();
    assert_eq!(due, work.created_at + 5 * DAY);
    let mut ticket = work.clone();
    let mut now = NOW;
    for (pause, total) in [(3 * HOUR, 3 * HOUR), (DAY, DAY + 3 * HOUR)] {
        ticket = decide(&ticket, &to(Status::Waiting), &agent(), &rules, now)
            .unwrap()
            .ticket;
        assert_eq!(
            (ticket.paused_at, ticket.resolution_due_at),
            (Some(now), Some(due + total - pause))
        );
        now += pause;
        ticket = decide(&ticket, &to(Status::InProgress), &agent(), &rules, now)
            .unwrap()
            .ticket;
        assert_eq!((ticket.paused_at, ticket.paused_ms), (None, total));
        assert_eq!(ticket.resolution_due_at, Some(due + total));
        assert_eq!(
            ticket.resolution_risk_at,
            work.resolution_risk_at.map(|at| at + total)
        );
        assert_eq!(ticket.first_response_due_at, work.first_response_due_at);
    }
    // Blocked is a pause as well.
    let blocked = done(
        &ticket_in(Lifecycle::Project, Status::InProgress),
        &to(Status::Blocked),
        &agent(),
    );
    assert_eq!(blocked.paused_at, Some(NOW));
}

#[test]
fn a_new_priority_is_a_new_promise() {
    let urgent = TicketEdit {
        priority: Some(Priority::Urgent),
        ..TicketEdit::default()
    };
    let plain = done(&open(), &urgent, &agent());
    assert_eq!(plain.first_response_due_at, Some(plain.created_at + 2 * HOUR));
    assert_eq!(plain.resolution_due_at, Some(plain.created_at + 24 * HOUR));
    // Time that it has stood still is still added.
    let mut paused = ticket_in(Lifecycle::Support, Status::InProgress);
    paused.enter_status(Status::Waiting, &rules(), NOW - HOUR);
    paused.enter_status(Status::InProgress, &rules(), NOW);
    let paused = done(&paused, &urgent, &agent());
    assert_eq!(paused.resolution_due_at, Some(paused.created_at + 25 * HOUR));
    assert_eq!(paused.first_response_due_at, plain.first_response_due_at);
}

#[test]
fn what_is_overdue_stays_so_while_it_waits() {
    let mut ticket = open();
    let due = ticket.resolution_due_at.unwrap();
    assert!(!ticket.is_overdue(due));
    assert!(ticket.is_overdue(due + 1));
    ticket.paused_at = Some(due);
    assert!(!ticket.is_overdue(due + DAY));
    ticket.paused_at = Some(due + 1);
    assert!(ticket.is_overdue(due + DAY));
    ticket.resolved_at = Some(due + 2);
    assert!(!ticket.is_overdue(due + DAY));
}

#[test]
fn a_lifecycle_must_have_the_status() {
    for (workflow, from, other, want) in [
        (Lifecycle::Support, Status::Open, Lifecycle::Project, "done"),
        (Lifecycle::Support, Status::Closed, Lifecycle::Project, "done"),
        (
            Lifecycle::Support,
            Status::Waiting,
            Lifecycle::Project,
            "conflict",
        ),
        (
            Lifecycle::Support,
            Status::Resolved,
            Lifecycle::Project,
            "conflict",
        ),
        (
            Lifecycle::Project,
            Status::Blocked,
            Lifecycle::Support,
            "conflict",
        ),
        (Lifecycle::Project, Status::InProgress, Lifecycle::Support, "done"),
    ] {
        let edit = TicketEdit {
            workflow: Some(other),
            ..TicketEdit::default()
        };
        assert_eq!(
            fate(&ticket_in(workflow, from), &edit, &agent()),
            want,
            "{workflow:?} {from:?}"
        );
    }
}

#[test]
fn one_change_is_one_event_named_after_its_weightiest_field() {
    let all = TicketEdit {
        title: Some("New".to_owned()),
        priority: Some(Priority::Low),
        assignee: Some(Some(person(AGENT))),
        ..TicketEdit::default()
    };
    for (edit, kind, fields) in [
        (
            all.clone(),
            EventKind::Assigned,
            vec!["status", "priority", "assignee", "title"],
        ),
        (
            TicketEdit {
                assignee: None,
                status: Some(Status::Closed),
                ..all.clone()
            },
            EventKind::StatusChanged,
            vec!["status", "priority", "title"],
        ),
        (
            TicketEdit {
                assignee: None,
                ..all.clone()
            },
            EventKind::PriorityChanged,
            vec!["priority", "title"],
        ),
        (
            TicketEdit {
                assignee: None,
                priority: None,
                ..all
            },
            EventKind::TicketUpdated,
            vec!["title"],
        ),
    ] {
        let event = decide(&open(), &edit, &agent(), &rules(), NOW)
            .unwrap()
            .event
            .unwrap();
        let have: Vec<_> = event.changes.iter().map(|change| change.field).collect();
        assert_eq!((event.kind, have), (kind, fields));
        assert!(!event.is_internal && event.cause.is_none());
    }
}

#[test]
fn history_tells_what_was_and_what_is() {
    let edit = TicketEdit {
        category: Some(Some(NamedRow {
            id: 3,
            name: "general".to_owned(),
        })),
        ..give(Some(AGENT))
    };
    let event = decide(&open(), &edit, &agent(), &rules(), NOW)
        .unwrap()
        .event
        .unwrap();
    let told = serde_json::to_value(&event.changes).unwrap();
    assert_eq!(
        told,
        json!([
            {"field": "status", "from": "open", "to": "assigned"},
            {"field": "assignee", "from": null, "to": {"id": AGENT}},
            {"field": "category", "from": null, "to": "general"},
        ])
    );
}
