use super::*;

use crate::desk::{DAY, HOUR};

const NOW: Millis = 1_800_000_000_000;
const REQUESTER: i64 = 1;

fn rules() -> TicketSettings {
    TicketSettings {
        reopen_window_days: 7,
        sla_policies: std::rc::Rc::new(crate::desk::sla::SlaPolicies::standard()),
        custom_fields: std::rc::Rc::default(),
    }
}

fn actor(id: i64, role: Role) -> Actor {
    Actor {
        id,
        role,
        card: serde_json::Value::Null,
        is_in_copy: false,
    }
}

/// A ticket that entered this status `ago` milliseconds ago.
fn ticket(workflow: Lifecycle, status: Status, ago: Millis) -> Ticket {
    let mut ticket = Ticket {
        workflow,
        ..Ticket::new("Title", "Text", REQUESTER, NOW - ago)
    };
    ticket.enter_status(status, &rules(), NOW - ago);
    ticket
}

#[test]
fn a_reply_leaves_the_other_statuses_alone() {
    let customer = actor(REQUESTER, Role::Customer);
    let untouched = MessageEffect {
        status: None,
        is_first_response: false,
    };
    for workflow in Lifecycle::ALL {
        for status in Status::ALL {
            for ago in [HOUR, 70 * DAY] {
                let result = post(&ticket(workflow, status, ago), &customer, false, &rules(), NOW);
                assert!(
                    may_change_status(status) || result == Ok(untouched.clone()),
                    "{workflow:?} {status:?}"
                );
            }
        }
    }
}

#[test]
fn a_customers_reply_resumes_and_reopens() {
    use Status::*;
    for (workflow, status, ago, want) in [
        (Lifecycle::Support, Open, HOUR, Ok(None)),
        (Lifecycle::Support, Assigned, HOUR, Ok(None)),
        (Lifecycle::Support, InProgress, HOUR, Ok(None)),
        (Lifecycle::Support, Waiting, 70 * DAY, Ok(Some(InProgress))),
        (Lifecycle::Support, Reopened, HOUR, Ok(None)),
        (Lifecycle::Support, Resolved, 70 * DAY, Ok(Some(Reopened))),
        (Lifecycle::Support, Closed, 7 * DAY, Ok(Some(Reopened))),
        (Lifecycle::Support, Closed, 7 * DAY + 1, Err(())),
        (Lifecycle::Project, Open, HOUR, Ok(None)),
        (Lifecycle::Project, InProgress, HOUR, Ok(None)),
        (Lifecycle::Project, Blocked, HOUR, Ok(None)),
        (Lifecycle::Project, Closed, 70 * DAY, Ok(Some(Open))),
    ] {
        let ticket = ticket(workflow, status, ago);
        // The requester is one whatever the role; only customers are ever refused.
        for role in [Role::Agent, Role::Manager, Role::Admin] {
            let effect = post(&ticket, &actor(REQUESTER, role), false, &rules(), NOW).unwrap();
            let status = want.unwrap_or(None);
            let is_first_response = false;
            assert_eq!(
                effect,
                MessageEffect {
                    status,
                    is_first_response
                },
                "{role:?}"
            );
            let note = post(&ticket, &actor(REQUESTER, role), true, &rules(), NOW).unwrap();
            assert_eq!(note.status, None, "{role:?}");
        }
        let result = post(&ticket, &actor(REQUESTER, Role::Customer), false, &rules(), NOW);
        match (result, want) {
            (Ok(effect), Ok(status)) => {
                let want = MessageEffect {
                    status,
                    is_first_response: false,
                };
                assert_eq!(effect, want, "{workflow:?} {status:?}");
            }
            (Err(Refusal::Conflict(why)), Err(())) => assert!(why.contains("new one"), "{why}"),
            (result, _) => panic!("{workflow:?} {status:?} {ago}: {result:?}"),
        }
    }
}

#[test]
fn staff_messages_keep_the_status_and_respond_once() {
    for status in Status::ALL {
        for role in [Role::Agent, Role::Manager, Role::Admin] {
            let new = ticket(Lifecycle::Support, status, 70 * DAY);
            let answered = Ticket {
                first_responded_at: Some(NOW),
                ..new.clone()
            };
            for (ticket, by, is_internal, is_first_response) in [
                (&new, 2, false, true),
                (&new, 2, true, false),
                (&answered, 2, false, false),
            ] {
                let effect = post(ticket, &actor(by, role), is_internal, &rules(), NOW).unwrap();
                let want = MessageEffect {
                    status: None,
                    is_first_response,
                };
                assert_eq!(effect, want, "{status:?} {role:?} {is_internal}");
            }
        }
    }
}

#[test]
fn customers_post_public_messages_on_their_own_tickets() {
    let ticket = ticket(Lifecycle::Support, Status::Open, HOUR);
    for (by, is_internal, allowed) in [
        (REQUESTER, false, true),
        (REQUESTER, true, false),
        (9, false, false),
        (9, true, false),
    ] {
        let result = post(&ticket, &actor(by, Role::Customer), is_internal, &rules(), NOW);
        match result {
            Ok(_) => assert!(allowed, "{by} {is_internal}"),
            Err(Refusal::Forbidden(_)) => assert!(!allowed, "{by} {is_internal}"),
            Err(other) => panic!("{by} {is_internal}: {other:?}"),
        }
    }
}

#[test]
fn authors_edit_messages_for_15_minutes() {
    for (role, by, age, allowed) in [
        (Role::Customer, 7, 0, true),
        (Role::Customer, 7, EDIT_WINDOW, true),
        (Role::Customer, 7, EDIT_WINDOW + 1, false),
        (Role::Customer, 8, 0, false),
        (Role::Agent, 7, EDIT_WINDOW, true),
        (Role::Agent, 7, EDIT_WINDOW + 1, false),
        (Role::Agent, 8, 0, false),
        (Role::Manager, 8, 0, false),
        (Role::Manager, 7, EDIT_WINDOW + 1, false),
        (Role::Admin, 8, 70 * DAY, true),
        (Role::Admin, 7, 70 * DAY, true),
    ] {
        let outcome = authorize_edit(7, NOW - age, &actor(by, role), NOW);
        assert_eq!(outcome.is_ok(), allowed, "{role:?} {by} {age}");
        assert!(matches!(outcome, Ok(()) | Err(Refusal::Forbidden(_))));
    }
}

#[test]
fn without_a_window_no_reply_reopens() {
    use Status::*;
    let never = TicketSettings {
        reopen_window_days: 0,
        ..rules()
    };
    let customer = actor(REQUESTER, Role::Customer);
    for (workflow, status, want) in [
        (Lifecycle::Support, Resolved, false),
        (Lifecycle::Support, Closed, false),
        (Lifecycle::Project, Closed, false),
        (Lifecycle::Support, Waiting, true),
        (Lifecycle::Support, Reopened, true),
        (Lifecycle::Project, Blocked, true),
    ] {
        for ago in [0, 1, HOUR] {
            let result = post(&ticket(workflow, status, ago), &customer, false, &never, NOW);
            assert_eq!(result.is_ok(), want, "{workflow:?} {status:?} {ago}");
        }
        let staff = actor(9, Role::Admin);
        assert!(post(&ticket(workflow, status, HOUR), &staff, false, &never, NOW).is_ok());
    }
}
