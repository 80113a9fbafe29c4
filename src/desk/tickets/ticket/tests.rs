use serde_json::Value;
use std::rc::Rc;

use crate::desk::person::Role;
use crate::desk::sla::calendar::Calendar;
use crate::desk::sla::{SlaDurations, SlaPolicies, SlaPolicy};
use crate::desk::tickets::decide::*;
use crate::desk::tickets::event::FieldChange;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::*;
use crate::desk::{HOUR, Millis};

const NOW: Millis = 1_700_000_000_000;

/// Settings with the same SLA durations for every priority, in hours around the clock.
fn rules(response: i64, resolution: i64, version: i64) -> TicketSettings {
    let sla_policy = SlaPolicy {
        policy: SlaDurations {
            response: response * HOUR,
            resolution: resolution * HOUR,
        },
        calendar: Calendar::always(),
        version,
    };
    TicketSettings {
        reopen_window_days: 7,
        sla_policies: Rc::new(SlaPolicies([(); 4].map(|()| sla_policy.clone()))),
        custom_fields: Rc::default(),
    }
}

fn opened(rules: &TicketSettings) -> Ticket {
    let mut ticket = Ticket::new("A title", "The story", 1, NOW);
    ticket.set_due_times(rules);
    ticket
}

/// Hours from creation to the two due times.
fn due(ticket: &Ticket) -> (Option<i64>, Option<i64>) {
    let hours = |time: Option<Millis>| time.map(|time| (time - NOW) / HOUR);
    (
        hours(ticket.first_response_due_at),
        hours(ticket.resolution_due_at),
    )
}

#[test]
fn tickets_store_the_version_of_their_policy() {
    let mut ticket = opened(&rules(1, 10, 3));
    assert_eq!((due(&ticket), ticket.sla_version), ((Some(1), Some(10)), 3));
    ticket.set_due_times(&rules(2, 5, 4));
    assert_eq!((due(&ticket), ticket.sla_version), ((Some(2), Some(5)), 4));
}

#[test]
fn the_response_due_time_is_frozen_once_answered() {
    let mut ticket = opened(&rules(8, 10, 1));
    ticket.first_responded_at = Some(NOW + 7 * HOUR);
    ticket.set_due_times(&rules(2, 5, 2));
    assert_eq!(due(&ticket), (Some(8), Some(5)));
}

#[test]
fn pauses_move_the_resolution_and_not_the_response() {
    let rules = rules(1, 10, 1);
    let mut ticket = opened(&rules);
    ticket.enter_status(Status::InProgress, &rules, NOW);
    for (status, hour, moved, paused) in [
        (Status::Waiting, 2, 0, true),
        (Status::InProgress, 5, 3, false),
        (Status::Waiting, 6, 3, true),
        (Status::Waiting, 7, 3, true),
        (Status::InProgress, 8, 5, false),
        (Status::Resolved, 9, 5, false),
    ] {
        ticket.enter_status(status, &rules, NOW + hour * HOUR);
        assert_eq!(due(&ticket), (Some(1), Some(10 + moved)), "{status:?} {hour}");
        assert_eq!(ticket.paused_at.is_some(), paused, "{status:?} {hour}");
    }
    assert_eq!(
        ticket.pauses,
        [(NOW + 2 * HOUR, NOW + 5 * HOUR), (NOW + 6 * HOUR, NOW + 8 * HOUR)]
    );
    assert_eq!(ticket.paused_ms, 5 * HOUR);
}

#[test]
fn a_reopened_ticket_gets_the_current_policy() {
    let before = rules(1, 10, 1);
    let mut ticket = opened(&before);
    ticket.enter_status(Status::Closed, &before, NOW + HOUR);
    let after = rules(2, 20, 2);
    ticket.enter_status(Status::Reopened, &after, NOW + 2 * HOUR);
    // With the hour for which it rested.
    assert_eq!((due(&ticket), ticket.sla_version), ((Some(2), Some(21)), 2));
}

#[test]
fn moving_between_projects_is_triage() {
    let rules = rules(1, 10, 1);
    let ticket = opened(&rules);
    let web = NamedRow {
        id: 7,
        name: "WEB".to_owned(),
    };
    let edit = TicketEdit {
        project: Some(Some(web)),
        ..TicketEdit::default()
    };
    for (role, want) in [
        (Role::Customer, false),
        (Role::Agent, true),
        (Role::Manager, true),
    ] {
        let actor = Actor {
            id: 1,
            role,
            card: Value::Null,
            is_in_copy: false,
        };
        let change = decide(&ticket, &edit, &actor, &rules, NOW);
        assert_eq!(change.is_ok(), want, "{role:?}");
        if let Ok(change) = change {
            let event = change.event.expect("an event");
            assert_eq!(event.changes, [FieldChange::new("project", Value::Null, "WEB")]);
        }
    }
}

fn named(id: i64, name: &str) -> NamedRow {
    NamedRow {
        id,
        name: name.to_owned(),
    }
}

fn part(id: i64, category_id: i64) -> Subcategory {
    Subcategory {
        named: named(id, &format!("part {id}")),
        category_id,
    }
}

/// Category and subcategory: before, as requested, and after; `None` if refused.
type Place = (Option<i64>, Option<i64>);
type Wanted = (Option<Option<i64>>, Option<Option<(i64, i64)>>);

#[test]
fn a_subcategory_goes_with_its_category() {
    let rules = rules(1, 10, 1);
    let agent = Actor {
        id: 2,
        role: Role::Agent,
        card: Value::Null,
        is_in_copy: false,
    };
    let table: [(Place, Wanted, Option<Place>); 10] = [
        (
            (Some(1), None),
            (None, Some(Some((11, 1)))),
            Some((Some(1), Some(11))),
        ),
        (
            (Some(1), Some(11)),
            (None, Some(Some((12, 1)))),
            Some((Some(1), Some(12))),
        ),
        ((Some(1), Some(11)), (None, Some(None)), Some((Some(1), None))),
        ((Some(1), Some(11)), (Some(Some(2)), None), Some((Some(2), None))),
        (
            (Some(1), Some(11)),
            (Some(Some(1)), None),
            Some((Some(1), Some(11))),
        ),
        ((Some(1), Some(11)), (Some(None), None), Some((None, None))),
        (
            (Some(1), Some(11)),
            (Some(Some(2)), Some(Some((21, 2)))),
            Some((Some(2), Some(21))),
        ),
        ((Some(1), None), (None, Some(Some((21, 2)))), None),
        ((Some(1), Some(11)), (Some(Some(2)), Some(Some((11, 1)))), None),
        ((None, None), (None, Some(Some((11, 1)))), None),
    ];
    for (before, (category, subcategory), want) in table {
        let mut ticket = Ticket::new("Title", "Description", 9, 1_000);
        ticket.category = before.0.map(|id| named(id, "category"));
        ticket.subcategory = before.1.map(|id| named(id, "part"));
        let edit = TicketEdit {
            category: category.map(|id| id.map(|id| named(id, "category"))),
            subcategory: subcategory.map(|it| it.map(|(id, of)| part(id, of))),
            ..TicketEdit::default()
        };
        let got = decide(&ticket, &edit, &agent, &rules, 2_000).ok().map(|change| {
            let id = |named: Option<NamedRow>| named.map(|named| named.id);
            (id(change.ticket.category), id(change.ticket.subcategory))
        });
        assert_eq!(got, want, "{before:?} {category:?} {subcategory:?}");
    }
}
