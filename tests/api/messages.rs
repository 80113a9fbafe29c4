//! What people say to each other, and what staff say among themselves.

use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Value, json, make};

fn bodies(rows: &[Value]) -> Vec<String> {
    rows.iter()
        .map(|row| row["body"].as_str().expect("a body").to_owned())
        .collect()
}

#[test]
fn a_message_has_two_names() {
    let (customer, agent) = (Customer::fresh(), Agent::any());
    let ticket = make::ticket(&customer);
    let id = &ticket["id"];
    let first = customer
        .post(&format!("/tickets/{id}/comments"), json!({"body": "First."}))
        .is(201);
    let message = first.json();
    for field in [
        "id",
        "uid",
        "ticket_id",
        "author",
        "body",
        "is_internal",
        "channel",
        "edited_at",
        "created_at",
    ] {
        assert!(message.get(field).is_some(), "no {field} in {message}");
    }
    assert_eq!(
        (&message["ticket_id"], &message["author"]["id"]),
        (id, &json!(customer.id))
    );
    assert_eq!(
        (&message["is_internal"], &message["edited_at"]),
        (&json!(false), &Value::Null)
    );
    assert!(first.header("location").is_some());
    agent
        .post("/messages", json!({"ticket_id": id, "message": "Second."}))
        .is(201);
    for path in [
        format!("/tickets/{id}/comments"),
        format!("/messages/{id}"),
        format!("/messages/ticket/{id}"),
    ] {
        assert_eq!(
            bodies(&customer.get(&path).is(200).rows()),
            ["First.", "Second."],
            "{path}"
        );
    }
    let one = customer
        .get(&format!("/tickets/{id}/comments/{}", message["id"]))
        .is(200);
    assert_eq!(one.json(), message);
    assert_eq!(customer.get(&format!("/tickets/{id}")).json()["message_count"], 2);
    // A message of one ticket is not found under another.
    let other = make::ticket(&customer);
    customer
        .get(&format!("/tickets/{}/comments/{}", other["id"], message["id"]))
        .refused(404, "NOT_FOUND");
}

#[test]
fn a_note_is_for_staff() {
    let (customer, agent) = (Customer::fresh(), Agent::any());
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}/comments", ticket["id"]);
    customer
        .post(&path, json!({"body": "Psst.", "is_internal": true}))
        .refused(403, "FORBIDDEN");
    customer
        .post(&path, json!({"body": "Loud.", "is_internal": false}))
        .is(201);
    let note = make::note(agent, &ticket, "A difficult case.");
    assert_eq!(note["is_internal"], true);
    make::message(agent, &ticket, "We are on it.");
    assert_eq!(bodies(&customer.get(&path).rows()), ["Loud.", "We are on it."]);
    assert_eq!(agent.get(&path).rows().len(), 3);
    assert_eq!(
        customer.get(&format!("/tickets/{}", ticket["id"])).json()["message_count"],
        2
    );
    assert_eq!(
        agent.get(&format!("/tickets/{}", ticket["id"])).json()["message_count"],
        3
    );
    // For a customer the note does not exist, whatever they try.
    let one = format!("{path}/{}", note["id"]);
    let by_uid = format!("{path}/{}", note["uid"].as_str().unwrap());
    for hidden in [one, by_uid] {
        customer.get(&hidden).refused(404, "NOT_FOUND");
    }
    let message = format!("/messages/{}", note["id"]);
    customer
        .put(&message, json!({"body": "Mine now."}))
        .refused(404, "NOT_FOUND");
    customer.delete(&message).refused(404, "NOT_FOUND");
    agent
        .put(&message, json!({"body": format!("{} edited", make::CANARY)}))
        .is(200);
    assert_eq!(
        customer.get(&format!("{path}?count=true")).json()["meta"]["total"],
        2
    );
    for filter in ["is_internal=true", "internal=true", "include_internal=true"] {
        assert_eq!(
            customer
                .get(&format!("{path}?{filter}"))
                .rows()
                .iter()
                .filter(|row| row["is_internal"] == true)
                .count(),
            0
        );
    }
}

#[test]
fn authors_mend_their_own_words_and_admins_any() {
    let (customer, agent) = (Customer::fresh(), Agent::any());
    let ticket = make::ticket(&customer);
    let message = make::message(&customer, &ticket, "Teh printer.");
    let path = format!("/messages/{}", message["id"]);
    let edited = customer
        .put(&path, json!({"body": "The printer."}))
        .is(200)
        .json();
    assert_eq!(edited["body"], "The printer.");
    assert!(edited["edited_at"].is_string());
    customer.patch(&path, json!({"content": "The printer!"})).is(200);
    for other in [&**agent, &**Manager::any()] {
        other
            .put(&path, json!({"body": "Not mine."}))
            .refused(403, "FORBIDDEN");
        other.delete(&path).refused(403, "FORBIDDEN");
    }
    Customer::fresh()
        .put(&path, json!({"body": "Not mine."}))
        .refused(404, "NOT_FOUND");
    Anon::new()
        .put(&path, json!({"body": "Not mine."}))
        .refused(401, "UNAUTHORIZED");
    assert_eq!(
        Admin::any()
            .put(&path, json!({"body": "Moderated."}))
            .is(200)
            .json()["body"],
        "Moderated."
    );
    customer.delete(&path).is(204);
    customer.delete(&path).refused(404, "NOT_FOUND");
    let own = make::message(agent, &ticket, "By an agent.");
    Admin::any().delete(&format!("/messages/{}", own["id"])).is(204);
    assert!(
        customer
            .get(&format!("/tickets/{}/comments", ticket["id"]))
            .rows()
            .is_empty()
    );
    assert_eq!(
        customer.get(&format!("/tickets/{}", ticket["id"])).json()["message_count"],
        0
    );
    // Both acts are told.
    let history = agent
        .get(&format!("/tickets/{}/timeline", ticket["id"]))
        .is(200)
        .text();
    assert!(
        history.contains("edited") && history.contains("deleted"),
        "{history}"
    );
    assert!(
        !history.contains("Moderated."),
        "what is deleted is not told again"
    );
}

#[test]
fn what_a_message_may_be() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}/comments", ticket["id"]);
    for wrong in [
        json!({}),
        json!({"body": ""}),
        json!({"body": "   "}),
        json!({"body": 5}),
        json!({"body": null}),
        json!({"body": "x".repeat(10_001)}),
    ] {
        customer.post(&path, wrong).faults(&["body"]);
    }
    customer
        .post(&path, json!({"body": "x", "is_internal": "no"}))
        .faults(&["is_internal"]);
    let exact = "  leading, trailing,\r\n\tand \u{202e}odd \u{1f469}\u{200d}\u{1f680} ones  ";
    assert_eq!(
        customer.post(&path, json!({"body": exact})).is(201).json()["body"],
        exact
    );
    customer.post(&path, json!({"body": "x".repeat(10_000)})).is(201);
    customer
        .post("/messages", json!({"message": "Where to?"}))
        .faults(&["ticket_id"]);
    customer
        .post(
            "/messages",
            json!({"ticket_id": 9_007_199_254_740_991_i64, "message": "Nowhere."}),
        )
        .refused(404, "NOT_FOUND");
    let hidden = make::ticket(&Customer::fresh());
    customer
        .post(
            "/messages",
            json!({"ticket_id": hidden["id"], "message": "Hello."}),
        )
        .refused(404, "NOT_FOUND");
}

#[test]
fn messages_are_read_in_pages_in_their_order() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let want: Vec<String> = (0..7).map(|at| format!("Message {at}")).collect();
    for (at, text) in want.iter().enumerate() {
        make::message(&customer, &ticket, text);
        if at % 2 == 0 {
            make::note(Agent::any(), &ticket, "Between them.");
        }
    }
    for limit in [1, 2, 3, 7, 50] {
        let path = format!("/tickets/{}/comments", ticket["id"]);
        assert_eq!(bodies(&customer.walk(&path, limit)), want, "limit {limit}");
        assert_eq!(Agent::any().walk(&path, limit).len(), 11);
    }
}

#[test]
fn staff_who_ask_wake_their_own_tickets() {
    for by in [&*Agent::fresh() as &Caller, &*Manager::fresh()] {
        let ticket = make::ticket(by);
        let path = format!("/tickets/{}", ticket["id"]);
        let step = |status: &str| {
            let body = json!({"status": status});
            Admin::any().put(&format!("{path}/status"), body).is(200);
        };
        let status = || Admin::any().get(&path).is(200).json()["status"].clone();
        for to in ["assigned", "in_progress", "waiting"] {
            step(to);
        }
        make::note(by, &ticket, "a note wakes nobody");
        make::message(Manager::any(), &ticket, "We wait for you.");
        assert_eq!(status(), "waiting");
        make::message(by, &ticket, "Here it is.");
        assert_eq!(status(), "in_progress");
        step("resolved");
        make::message(by, &ticket, "It is back.");
        assert_eq!(status(), "reopened");
        assert_eq!(Admin::any().get(&path).is(200).json()["resolved_at"], Value::Null);
    }
}
