//! What became of a ticket: its field changes, and its whole story in order.

use crate::support::socket::room;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, json, make};

/// A ticket that has lived: assigned, worked on, noted, answered, raised, resolved, reopened.
fn lived(customer: &Caller) -> Value {
    let (ticket, agent, manager) = (make::ticket(customer), Agent::any(), Manager::any());
    let path = format!("/tickets/{}", ticket["id"]);
    manager
        .put(&format!("{path}/assign"), json!({"assignee_id": agent.id}))
        .is(200);
    agent
        .put(&format!("{path}/status"), json!({"status": "in_progress"}))
        .is(200);
    make::note(agent, &ticket, "Toner, surely.");
    make::message(agent, &ticket, "Is the toner empty?");
    manager
        .put(&format!("{path}/priority"), json!({"priority": "urgent"}))
        .is(200);
    agent
        .put(&format!("{path}/status"), json!({"status": "resolved"}))
        .is(200);
    make::message(customer, &ticket, "It is not the toner.");
    ticket
}

fn rows(by: &Caller, ticket: &Value, tail: &str) -> Vec<Value> {
    by.walk(&format!("/tickets/{}/{tail}", ticket["id"]), 3)
}

#[test]
fn history_tells_each_change_of_a_field() {
    let customer = Customer::fresh();
    let ticket = lived(&customer);
    let history = rows(&customer, &ticket, "history");
    let told = |field: &str, from: &str, to: &str| {
        history.iter().any(|row| {
            let text = row.to_string();
            text.contains(field) && text.contains(from) && text.contains(to)
        })
    };
    for (field, from, to) in [
        ("status", "assigned", "in_progress"),
        ("status", "in_progress", "resolved"),
        ("status", "resolved", "reopened"),
        ("priority", "medium", "urgent"),
        ("assignee", "null", &Agent::any().id.to_string()),
    ] {
        assert!(told(field, from, to), "no {field} {from} -> {to} in {history:#?}");
    }
    assert_eq!(
        rows(&customer, &ticket, "activities"),
        history,
        "two names of one thing"
    );
    for row in &history {
        assert!(row["created_at"].is_string() || row["at"].is_string(), "{row}");
        assert!(row.get("actor").is_some(), "who did it: {row}");
    }
}

#[test]
fn the_timeline_is_the_story_in_order() {
    let customer = Customer::fresh();
    let ticket = lived(&customer);
    let staff = rows(Agent::any(), &ticket, "timeline");
    let seen = rows(&customer, &ticket, "timeline");
    assert_eq!(staff.len(), seen.len() + 1, "all but the note");
    let id = &ticket["id"];
    assert_eq!(
        customer.walk(&format!("/messages/ticket/{id}/timeline"), 100),
        seen
    );
    for story in [&staff, &seen] {
        let times: Vec<&str> = story
            .iter()
            .map(|row| row["created_at"].as_str().or(row["at"].as_str()).expect("a time"))
            .collect();
        assert!(times.is_sorted(), "{times:?}");
    }
    let text = seen.iter().map(Value::to_string).collect::<Vec<_>>();
    let at = |needle: &str| {
        text.iter()
            .position(|row| row.contains(needle))
            .unwrap_or_else(|| panic!("no {needle}"))
    };
    assert!(at("Is the toner empty?") < at("\"urgent\"") && at("\"urgent\"") < at("It is not the toner."));
    // The reply and the reopening that it caused are both there, each once.
    for once in ["Is the toner empty?", "It is not the toner.", "\"reopened\""] {
        assert_eq!(
            text.iter().filter(|row| row.contains(once)).count(),
            1,
            "{once} in {text:#?}"
        );
    }
}

#[test]
fn events_are_numbered_without_gaps_for_each_reader() {
    let customer = Customer::fresh();
    let ticket = lived(&customer);
    let path = format!("/tickets/{}/events", ticket["id"]);
    let seqs = |by: &Caller, after: &str| -> Vec<i64> {
        let answer = by.get(&format!("{path}?limit=100{after}")).is(200);
        answer
            .rows()
            .iter()
            .map(|row| row["seq"].as_i64().expect("a seq"))
            .collect()
    };
    for by in [&*customer as &Caller, Agent::any(), Admin::any()] {
        let all = seqs(by, "");
        let want: Vec<i64> = (1..=i64::try_from(all.len()).unwrap()).collect();
        assert_eq!(all, want, "{:?}", by.role);
        assert_eq!(seqs(by, "&after=3"), want[3..]);
        assert!(seqs(by, &format!("&after={}", all.len())).is_empty());
    }
    assert_eq!(seqs(Agent::any(), "").len(), seqs(&customer, "").len() + 1);
}

#[test]
fn what_did_not_happen_is_not_told() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let count = || rows(Manager::any(), &ticket, "timeline").len();
    let before = count();
    Manager::any()
        .put(
            &path,
            json!({"title": ticket["title"], "priority": ticket["priority"]}),
        )
        .is(200);
    Manager::any()
        .put(&format!("{path}/status"), json!({"status": "open"}))
        .is(200);
    Manager::any()
        .put(&format!("{path}/status"), json!({"status": "resolved"}))
        .is(409);
    Manager::any().put(&path, json!({"title": "x"})).is(400);
    customer.put(&path, json!({"priority": "low"})).is(403);
    assert_eq!(count(), before);
    assert_eq!(customer.get(&path).json()["version"], ticket["version"]);
    // One call that changes two fields is one version.
    let both = Manager::any()
        .put(&path, json!({"title": "Two at once", "priority": "low"}))
        .is(200)
        .json();
    assert_eq!(both["version"], 2);
    let history = rows(&customer, &ticket, "history");
    assert!(history.iter().any(|row| row.to_string().contains("Two at once")));
}

#[test]
fn events_carry_their_messages_as_frames_do() {
    let (customer, agent) = (Customer::fresh(), Manager::any());
    let ticket = make::ticket(&customer);
    let first = make::message(&customer, &ticket, "It smokes.");
    let note = make::note(agent, &ticket, "call the fire brigade");
    let second = make::message(agent, &ticket, "Open a window.");
    let path = format!("/messages/{}", first["id"]);
    let first = customer.put(&path, json!({"body": "It burns."})).is(200).json();
    let of = |by: &Caller, after: i64| -> Vec<(String, Value)> {
        let rows = by
            .get(&format!("/tickets/{}/events?after={after}", ticket["id"]))
            .is(200)
            .rows();
        rows.iter()
            .filter(|row| !row["message_id"].is_null())
            .map(|row| {
                (
                    row["type"].as_str().unwrap().to_owned(),
                    row["data"]["message"].clone(),
                )
            })
            .collect()
    };
    // What the room says to somebody who resumes from the beginning.
    let frames = |by: &Caller| -> Vec<Value> {
        let mut socket = room(by, &ticket);
        socket.send(json!({"type": "resume", "last_seq": 0}));
        let count = of(by, 0).len();
        let mut told = Vec::new();
        while told.len() < count {
            let frame = socket.next();
            if matches!(frame["type"].as_str(), Some("message" | "message_updated")) {
                told.push(frame["data"].clone());
            }
        }
        told
    };
    let added = |message: &Value| ("message_added".to_owned(), message["body"].clone());
    let bodies = |events: &[(String, Value)]| -> Vec<(String, Value)> {
        events
            .iter()
            .map(|(kind, message)| (kind.clone(), message["body"].clone()))
            .collect()
    };
    let edited = ("message_edited".to_owned(), json!("It burns."));
    assert_eq!(
        bodies(&of(&customer, 0)),
        [added(&first), added(&second), edited.clone()]
    );
    assert_eq!(
        bodies(&of(agent, 0)),
        [added(&first), added(&note), added(&second), edited]
    );
    for by in [&*customer, &**agent] {
        let events: Vec<Value> = of(by, 0).into_iter().map(|(_, message)| message).collect();
        assert_eq!(events, frames(by));
    }
    // A message that is gone is shown nowhere.
    customer.delete(&path).is(204);
    for by in [&*customer, &**agent] {
        for (kind, message) in of(by, 0) {
            assert!(message["id"] != first["id"], "{kind}");
        }
    }
    // History and timeline stay as they are.
    let history = agent.get(&format!("/tickets/{}/history", ticket["id"])).is(200);
    assert!(!history.text().contains("Open a window."));
}
