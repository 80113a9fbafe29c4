//! Rows written by what people do all day. A written row costs as much as a thousand read ones, so each act has a bound
//! of its own; the rows of index entries count.

use crate::support::client::Role;
use crate::support::{Admin, Agent, Answer, Caller, Manager, Value, json, make};

#[track_caller]
fn writes(answer: &Answer, most: u64) {
    match answer.timing("rows_written") {
        Some(rows) if rows <= most => println!("{rows} rows written"),
        other => answer.fail(&format!("{other:?} rows written, at most {most} were promised")),
    }
}

/// A ticket of a customer whose address is known, given to an agent whose address is known.
fn ticket_of_two() -> Value {
    let customer = Admin::any().hire(Role::Customer);
    let agent = Agent::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}/assign", ticket["id"]);
    let given = Manager::any().put(&path, json!({"assignee": agent.id}));
    given.is(200).json()
}

fn open(by: &Caller, more: Value) -> Answer {
    let mut body =
        json!({"title": format!("Ticket {}", make::unique()), "description": "The printer is on fire."});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    by.post("/tickets", body).is(201)
}

#[test]
fn opening_a_ticket_that_nobody_is_notified_of() {
    writes(&open(Manager::any(), json!({})), 14);
}

#[test]
fn opening_a_ticket_that_is_assigned_by_itself() {
    let (manager, agent) = (Manager::any(), Agent::fresh());
    let category = manager
        .post("/categories", json!({"name": make::unique()}))
        .is(201)
        .json();
    manager
        .put(
            &format!("/categories/{}/agents", category["id"]),
            json!({"agents": [agent.id]}),
        )
        .is(200);
    let opened = open(manager, json!({"category": category["slug"]}));
    assert_eq!(opened.json()["assignee"]["id"], agent.id);
    writes(&opened, 21);
}

#[test]
fn a_message_that_nobody_is_notified_of() {
    let manager = Manager::any();
    let ticket = make::ticket(manager);
    let path = format!("/tickets/{}/comments", ticket["id"]);
    writes(&manager.post(&path, json!({"body": "Still burning."})).is(201), 7);
}

#[test]
fn a_message_that_two_are_notified_of() {
    let path = format!("/tickets/{}/comments", ticket_of_two()["id"]);
    let said = Manager::any().post(&path, json!({"body": "The fire brigade is on its way."}));
    writes(&said.is(201), 11);
}

#[test]
fn a_change_of_status_that_two_are_notified_of() {
    for (before, status, most) in [(None, "in_progress", 12), (Some("in_progress"), "resolved", 12)] {
        let path = format!("/tickets/{}/status", ticket_of_two()["id"]);
        if let Some(before) = before {
            Manager::any().put(&path, json!({"status": before})).is(200);
        }
        let changed = Manager::any().put(&path, json!({"status": status}));
        writes(&changed.is(200), most);
    }
}
