//! Edits of a ticket: reopening windows, times and due times, the event that an edit becomes.

use serde_json::json;

use crate::desk::person::Role;
use crate::desk::tickets::decide::tests::*;
use crate::desk::tickets::decide::*;
use crate::desk::tickets::event::EventKind;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::*;
use crate::desk::{DAY, HOUR};

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
    // The other way out of a closed project ticket is not a reopening, and only for staff.
    let closed = ticket_in(Lifecycle::Project, Closed);
    assert_eq!(fate(&closed, &to(InProgress), &agent()), "done");
    assert_eq!(fate(&closed, &to(InProgress), &customer), "forbidden");
}

#[test]
fn resolving_and_closing_set_their_times() {
    let closed = done(&open(), &to(Status::Closed), &agent());
    assert_eq!((closed.resolved_at, closed.closed_at), (Some(NOW), Some(NOW)));
    let resolved = ticket_in(Lifecycle::Support, Status::Resolved);
    assert_eq!(
        (resolved.resolved_at, resolved.closed_at),
        (Some(NOW - HOUR), None)
    );
    // Closing a resolved ticket does not change when it was resolved.
    let closed = done(&resolved, &to(Status::Closed), &agent());
    assert_eq!(
        (closed.resolved_at, closed.closed_at),
        (Some(NOW - HOUR), Some(NOW))
    );
}

#[test]
fn pauses_move_the_resolution_and_not_the_response() {
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
    // `blocked` is a pause as well.
    let blocked = done(
        &ticket_in(Lifecycle::Project, Status::InProgress),
        &to(Status::Blocked),
        &agent(),
    );
    assert_eq!(blocked.paused_at, Some(NOW));
}

#[test]
fn a_new_priority_sets_new_due_times() {
    let urgent = TicketEdit {
        priority: Some(Priority::Urgent),
        ..TicketEdit::default()
    };
    let plain = done(&open(), &urgent, &agent());
    assert_eq!(plain.first_response_due_at, Some(plain.created_at + 2 * HOUR));
    assert_eq!(plain.resolution_due_at, Some(plain.created_at + 24 * HOUR));
    // Time in earlier pauses is still added.
    let mut paused = ticket_in(Lifecycle::Support, Status::InProgress);
    paused.enter_status(Status::Waiting, &rules(), NOW - HOUR);
    paused.enter_status(Status::InProgress, &rules(), NOW);
    let paused = done(&paused, &urgent, &agent());
    assert_eq!(paused.resolution_due_at, Some(paused.created_at + 25 * HOUR));
    assert_eq!(paused.first_response_due_at, plain.first_response_due_at);
}

#[test]
fn overdue_tickets_stay_overdue_while_waiting() {
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
        let have: Vec<_> = event.changes.iter().map(|change| &*change.field).collect();
        assert_eq!((event.kind, have), (kind, fields));
        assert!(!event.is_internal && event.cause.is_none());
    }
}

#[test]
fn history_has_old_and_new_values() {
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
    let history = serde_json::to_value(&event.changes).unwrap();
    assert_eq!(
        history,
        json!([
            {"field": "status", "from": "open", "to": "assigned"},
            {"field": "assignee", "from": null, "to": {"id": AGENT}},
            {"field": "category", "from": null, "to": "general"},
        ])
    );
}

#[test]
fn the_resolution_clock_rests_while_a_ticket_is_done() {
    let rules = rules();
    let change =
        |ticket: &Ticket, status, now| decide(ticket, &to(status), &agent(), &rules, now).unwrap().ticket;
    let work = ticket_in(Lifecycle::Support, Status::InProgress);
    let due = work.resolution_due_at.unwrap();
    let resolved = change(&work, Status::Resolved, NOW);
    assert_eq!(resolved.resolution_due_at, Some(due));
    // Closing later does not begin another rest.
    let closed = change(&resolved, Status::Closed, NOW + 10 * HOUR);
    for done in [&resolved, &closed] {
        let reopened = change(done, Status::Reopened, NOW + 30 * HOUR);
        assert_eq!(
            reopened.resolution_due_at,
            Some(due + 30 * HOUR),
            "{:?}",
            done.status
        );
        assert_eq!(reopened.paused_ms, 30 * HOUR);
        assert!(!reopened.is_overdue(due + 30 * HOUR) && reopened.is_overdue(due + 30 * HOUR + 1));
        // Rests and pauses add up.
        let work = change(&reopened, Status::InProgress, NOW + 31 * HOUR);
        let waiting = change(&work, Status::Waiting, NOW + 32 * HOUR);
        let work = change(&waiting, Status::InProgress, NOW + 34 * HOUR);
        let again = change(&work, Status::Resolved, NOW + 35 * HOUR);
        let again = change(&again, Status::Reopened, NOW + 40 * HOUR);
        assert_eq!(again.resolution_due_at, Some(due + 37 * HOUR));
    }
    // What was late stays as late as it was.
    let late = Ticket {
        created_at: NOW - 9 * DAY,
        ..work
    };
    let late = change(&late, Status::Resolved, NOW);
    let late = change(&late, Status::Reopened, NOW + 30 * HOUR);
    assert!(late.is_overdue(NOW + 30 * HOUR));
}
