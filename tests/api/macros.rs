//! Macros: what staff say and do on a ticket at once, with everything that each part has done singly.

use crate::support::client::{Caller, Role};
use crate::support::{Admin, Agent, Answer, Customer, Manager, Value, json, make, race};

fn new(by: &Caller, more: Value) -> Value {
    let mut body = json!({"name": format!("Macro {}", make::unique())});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    by.post("/macros", body).is(201).json()
}

fn at(row: &Value) -> String {
    format!("/macros/{}", row["id"])
}

fn path(ticket: &Value, row: &Value) -> String {
    format!("/tickets/{}/macros/{}", ticket["id"], row["id"])
}

fn apply(by: &Caller, ticket: &Value, row: &Value) -> Answer {
    by.post(&path(ticket, row), json!({}))
}

fn preview(by: &Caller, ticket: &Value, row: &Value) -> Answer {
    by.post(&format!("{}?preview=true", path(ticket, row)), json!({}))
}

fn see(by: &Caller, ticket: &Value, tail: &str) -> Value {
    by.get(&format!("/tickets/{}{tail}", ticket["id"])).is(200).json()
}

/// An agent who sees the ticket, since it is theirs, in progress.
fn at_work(agent: &Caller, ticket: &Value) {
    let path = format!("/tickets/{}", ticket["id"]);
    Manager::any()
        .put(&format!("{path}/assign"), json!({"assignee": agent.id}))
        .is(200);
    agent.put(&path, json!({"status": "in_progress"})).is(200);
}

#[test]
fn own_ones_are_own_and_shared_ones_are_the_managers() {
    let (agent, other, manager) = (Agent::fresh(), Agent::fresh(), Manager::any());
    let own = new(&agent, json!({"body": "Hello"}));
    let shared = new(manager, json!({"body": "Hello", "shared": true}));
    agent
        .post("/macros", json!({"name": "x", "body": "x", "shared": true}))
        .refused(403, "FORBIDDEN");
    let ids = |by: &Caller| -> Vec<Value> {
        by.walk("/macros", 100)
            .iter()
            .map(|row| row["id"].clone())
            .collect()
    };
    assert!(ids(&agent).contains(&own["id"]) && ids(&agent).contains(&shared["id"]));
    assert!(!ids(&other).contains(&own["id"]) && ids(&other).contains(&shared["id"]));
    for by in [&other as &Caller, manager, Admin::any()] {
        by.get(&at(&own)).is(404);
        by.put(&at(&own), json!({"name": "x"})).is(404);
        by.delete(&at(&own)).is(404);
    }
    assert!(
        agent
            .get("/macros?shared=false")
            .is(200)
            .rows()
            .iter()
            .all(|row| row["owner"]["id"] == agent.id)
    );
    agent
        .put(&at(&shared), json!({"name": "x"}))
        .refused(403, "FORBIDDEN");
    agent.delete(&at(&shared)).refused(403, "FORBIDDEN");
    agent
        .put(&at(&own), json!({"shared": true}))
        .refused(403, "FORBIDDEN");
    Customer::any().get("/macros").refused(403, "FORBIDDEN");
    let changed = agent
        .put(
            &at(&own),
            json!({"body": null, "actions": [{"type": "escalate"}]}),
        )
        .is(200)
        .json();
    assert_eq!((&changed["body"], &changed["version"]), (&Value::Null, &json!(2)));
    agent
        .put(&at(&own), json!({"name": "x", "version": 1}))
        .refused(409, "CONFLICT");
    let late = agent.ask("DELETE", &at(&own)).header("If-Match", "\"1\"").send();
    late.refused(412, "PRECONDITION_FAILED");
    agent.delete(&at(&own)).is(204);
    agent.get(&at(&own)).is(404);
}

#[test]
fn what_cannot_work_is_not_saved() {
    let agent = Agent::any();
    for (body, fault) in [
        (json!({"body": "Hi {{requester.password}}"}), "body"),
        (json!({"body": "Hi {{requester.email}}"}), "body"),
        (json!({"body": "Hi {{requester.first_name"}), "body"),
        (json!({"body": "{{ticket.custom.nothing}}"}), "body"),
        (json!({}), "actions"),
        (json!({"actions": []}), "actions"),
        (json!({"actions": {}}), "actions"),
        (json!({"actions": [{"type": "x"}]}), "actions[0].type"),
        (
            json!({"actions": [{"type": "assign", "to": 9007199254740991_i64}]}),
            "actions[0].to",
        ),
        (
            json!({"actions": [{"type": "set_category", "category": "no_such"}]}),
            "actions[0].category",
        ),
        (
            json!({"actions": [{"type": "send_webhook", "webhook": 9007199254740991_i64}]}),
            "actions[0].webhook",
        ),
        (
            json!({"actions": [{"type": "send_notification", "to": "requester", "message": "{{requester.email}}"}]}),
            "actions[0].message",
        ),
        (json!({"name": "", "body": "x"}), "name"),
    ] {
        let mut whole = json!({"name": "Bad"});
        for (key, value) in body.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let errors = agent
            .post("/macros", whole)
            .refused(400, "VALIDATION_ERROR")
            .json()["errors"]
            .clone();
        assert!(errors.get(fault).is_some(), "{fault}: {errors}");
    }
    new(
        agent,
        json!({"body": "Write to {{requester.email}}", "is_internal": true}),
    );
}

#[test]
fn a_macro_says_and_does_what_it_shows() {
    let agent = Admin::any().hire(Role::Agent);
    let customer = Admin::any().hire(Role::Customer);
    let ticket = make::ticket_with(&customer, json!({"title": "Ink {{agent.email}} <b>@admin</b>"}));
    at_work(&agent, &ticket);
    let row = new(
        &agent,
        json!({
            "body": "Hi {{ requester.first_name }}, {{ticket.number}} ({{ticket.title}}) is {{ticket.status}}. {{agent.full_name}}",
            "actions": [
                {"type": "set_status", "status": "resolved"},
                {"type": "escalate"},
                {"type": "add_tag", "tag": "macro"},
                {"type": "add_note", "body": format!("{} of {{{{requester.email}}}}", make::CANARY)},
            ],
        }),
    );
    let before = see(&agent, &ticket, "/timeline");
    let shown = preview(&agent, &ticket, &row).is(200).json();
    assert_eq!(see(&agent, &ticket, "/timeline"), before);
    assert_eq!(
        (&shown["preview"], &shown["ticket"]),
        (&json!(true), &Value::Null)
    );
    let name = |by: &Caller| {
        by.get("/auth/me").is(200).json()["full_name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = customer.get("/auth/me").is(200).json()["first_name"]
        .as_str()
        .unwrap()
        .to_owned();
    let first = if first.is_empty() { name(&customer) } else { first };
    let said = format!(
        "Hi {first}, {} (Ink {{{{agent.email}}}} <b>@admin</b>) is resolved. {}",
        ticket["number"].as_str().unwrap(),
        name(&agent)
    );
    assert_eq!(shown["message"], json!({"body": said, "is_internal": false}));
    let done = apply(&agent, &ticket, &row).is(200);
    assert_eq!(done.timing("d1"), Some(2));
    let done = done.json();
    for part in ["message", "notes", "notifications", "changes"] {
        assert_eq!(done[part], shown[part], "{part}");
    }
    let now = see(&agent, &ticket, "");
    assert_eq!(done["ticket"], now);
    assert_eq!(
        (&now["status"], &now["priority"], &now["tags"]),
        (&json!("resolved"), &json!("high"), &json!(["macro"]))
    );
    assert!(now["first_responded_at"].is_string());
    // The customer hears the answer and the change, and nothing of the note.
    let messages = customer
        .get(&format!("/tickets/{}/comments", ticket["id"]))
        .is(200)
        .rows();
    assert_eq!(
        messages.iter().map(|row| &row["body"]).collect::<Vec<_>>(),
        [&json!(said)]
    );
    let kinds = |by: &Caller| -> Vec<Value> {
        let rows = by
            .get(&format!("/tickets/{}/events", ticket["id"]))
            .is(200)
            .rows();
        rows.iter().rev().take(3).map(|row| row["type"].clone()).collect()
    };
    assert_eq!(
        kinds(&agent),
        ["status_changed", "message_added", "message_added"]
    );
    assert_eq!(kinds(&customer)[..2], ["status_changed", "message_added"]);
    let told: Vec<Value> = customer
        .get("/notifications")
        .is(200)
        .rows()
        .iter()
        .map(|row| row["kind"].clone())
        .collect();
    assert!(
        told.contains(&json!("reply")) && told.contains(&json!("status")),
        "{told:?}"
    );
    // A name in the title mentions nobody: the macro itself does not.
    let seqs: Vec<Value> = agent
        .walk(&format!("/tickets/{}/events", ticket["id"]), 100)
        .iter()
        .map(|row| row["seq"].clone())
        .collect();
    assert_eq!(seqs, (1..=seqs.len()).map(|seq| json!(seq)).collect::<Vec<_>>());
}

#[test]
fn all_of_it_or_nothing() {
    let agent = Agent::fresh();
    let ticket = make::ticket(Customer::any());
    at_work(&agent, &ticket);
    let other = Agent::fresh();
    let before = see(&agent, &ticket, "/timeline");
    for (actions, status, code) in [
        (
            json!([{"type": "add_tag", "tag": "x"}, {"type": "set_status", "status": "reopened"}]),
            409,
            "INVALID_TRANSITION",
        ),
        (
            json!([{"type": "add_tag", "tag": "x"}, {"type": "assign", "to": other.id}]),
            403,
            "FORBIDDEN",
        ),
    ] {
        let row = new(&agent, json!({"body": "Said in vain", "actions": actions}));
        preview(&agent, &ticket, &row).refused(status, code);
        apply(&agent, &ticket, &row).refused(status, code);
        assert_eq!(see(&agent, &ticket, "/timeline"), before);
    }
    // What is not there any more says so.
    let category = Manager::any()
        .post("/categories", json!({"name": make::unique()}))
        .is(201)
        .json();
    let row = new(
        &agent,
        json!({"actions": [{"type": "set_category", "category": category["id"]}]}),
    );
    Manager::any()
        .delete(&format!("/categories/{}", category["id"]))
        .is(204);
    let refused = apply(&agent, &ticket, &row).refused(409, "CONFLICT").json();
    assert_eq!(refused["details"]["problems"][0]["path"], "actions[0].category");
    // Versions, and who may see what.
    let row = new(&agent, json!({"actions": [{"type": "assign", "to": "me"}]}));
    agent
        .post(&path(&ticket, &row), json!({"version": 1}))
        .refused(409, "CONFLICT");
    let late = agent
        .ask("POST", &path(&ticket, &row))
        .header("If-Match", "\"1\"")
        .json(&json!({}))
        .send();
    late.refused(412, "PRECONDITION_FAILED");
    apply(&other, &ticket, &row).is(404);
    apply(Manager::any(), &ticket, &row).is(404);
    apply(Customer::any(), &ticket, &row).refused(403, "FORBIDDEN");
    apply(&agent, &ticket, &json!({"id": 9007199254740991_i64})).is(404);
    apply(&agent, &ticket, &row).is(200);
    assert_eq!(see(&agent, &ticket, "/timeline"), before);
}

#[test]
fn whoever_has_least_to_do_is_found() {
    let manager = Manager::any();
    let agent = Agent::fresh();
    let category = manager
        .post("/categories", json!({"name": make::unique()}))
        .is(201)
        .json();
    let ticket = make::ticket_with(manager, json!({"category": category["slug"], "assignee": null}));
    manager
        .put(
            &format!("/categories/{}/agents", category["id"]),
            json!({"agents": [agent.id]}),
        )
        .is(200);
    let row = new(
        manager,
        json!({"actions": [{"type": "assign", "to": "least_loaded"}]}),
    );
    let done = apply(manager, &ticket, &row).is(200).json();
    assert_eq!(
        (&done["ticket"]["assignee"]["id"], &done["ticket"]["status"]),
        (&json!(agent.id), &json!("assigned"))
    );
}

#[test]
fn fifty_at_once_are_heard_each_or_refused() {
    let manager = Manager::any();
    let ticket = make::ticket(manager);
    let tags: Vec<String> = (0..10).map(|n| format!("m{n}")).collect();
    let rows: Vec<Value> = tags
        .iter()
        .map(|tag| {
            new(
                manager,
                json!({"body": format!("With {tag}"), "actions": [{"type": "add_tag", "tag": tag}]}),
            )
        })
        .collect();
    let answers = race(50, |n| apply(manager, &ticket, &rows[n % 10]));
    let done = answers.iter().filter(|answer| answer.status() == 200).count();
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status())));
    let now = see(manager, &ticket, "");
    assert_eq!(now["message_count"], json!(done));
    for (at, answer) in answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.status() == 200)
    {
        assert!(
            now["tags"].as_array().unwrap().contains(&json!(tags[at % 10])),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn a_key_applies_it_once() {
    let manager = Manager::any();
    let ticket = make::ticket(manager);
    let row = new(
        manager,
        json!({"body": "Once", "actions": [{"type": "escalate"}]}),
    );
    let word = make::unique();
    let send = || {
        manager
            .ask("POST", &path(&ticket, &row))
            .header("Idempotency-Key", &word)
            .json(&json!({}))
            .send()
    };
    assert_eq!(send().is(200).json(), send().is(200).json());
    assert_eq!(see(manager, &ticket, "")["message_count"], 1);
    assert_eq!(see(manager, &ticket, "")["priority"], "high");
}
