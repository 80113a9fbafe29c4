//! A stored answer is shown again only to those who may still see what it is about.

use crate::support::{Admin, Agent, Answer, Caller, Customer, Manager, Value, json, make};

/// Sends a request under a key.
fn send(by: &Caller, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    by.ask(method, path)
        .header("Idempotency-Key", key)
        .json(body)
        .send()
}

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn assign(ticket: &Value, to: i64) {
    Manager::any()
        .put(&format!("{}/assign", path(ticket)), json!({"assignee_id": to}))
        .is(200);
}

#[test]
fn who_has_lost_the_ticket_has_lost_the_answers() {
    let (agent, colleague) = (Agent::fresh(), Agent::fresh());
    let ticket = make::ticket(&Customer::fresh());
    assign(&ticket, agent.id);
    let here = path(&ticket);
    let requests = [
        (
            "POST",
            format!("{here}/comments"),
            json!({"body": "On its way."}),
            201,
        ),
        (
            "POST",
            "/messages".to_owned(),
            json!({"ticket_id": ticket["id"], "body": "By another door."}),
            201,
        ),
        (
            "POST",
            "/messages".to_owned(),
            json!({"ticket_id": ticket["number"], "body": "By its number."}),
            201,
        ),
        ("PUT", here.clone(), json!({"title": "A better title"}), 200),
        (
            "PUT",
            format!("{here}/priority"),
            json!({"priority": "high"}),
            200,
        ),
        (
            "PUT",
            format!("{here}/status"),
            json!({"status": "in_progress"}),
            200,
        ),
        (
            "POST",
            "/attachments/presigned-url".to_owned(),
            json!({"ticket_id": ticket["id"], "filename": "a.txt", "content_type": "text/plain", "size": 3}),
            200,
        ),
    ];
    let keys: Vec<String> = requests.iter().map(|_| make::unique()).collect();
    let ask = |at: usize| {
        let (method, path, body, _) = &requests[at];
        send(&agent, &keys[at], method, path, body)
    };
    let first: Vec<Answer> = (0..requests.len()).map(|at| ask(at).is(requests[at].3)).collect();
    for (at, first) in first.iter().enumerate() {
        let again = ask(at).is(requests[at].3);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.bytes(), first.bytes());
    }
    assign(&ticket, colleague.id);
    agent.get(&here).is(404);
    for (at, (_, path, ..)) in requests.iter().enumerate() {
        let answer = ask(at);
        assert_eq!(answer.header("idempotent-replayed"), None, "{path}");
        answer.refused(404, "NOT_FOUND");
    }
    // Another body under the same key says nothing of the key either.
    send(
        &agent,
        &keys[0],
        "POST",
        &format!("{here}/comments"),
        &json!({"body": "Else."}),
    )
    .refused(404, "NOT_FOUND");
    // It comes back with the ticket.
    assign(&ticket, agent.id);
    for (at, first) in first.iter().enumerate() {
        let again = ask(at).is(requests[at].3);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.bytes(), first.bytes());
    }
}

#[test]
fn a_deleted_ticket_has_no_answers_left() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let comments = format!("{}/comments", path(&ticket));
    let (key, body) = (make::unique(), json!({"body": "Hello?"}));
    send(&customer, &key, "POST", &comments, &body).is(201);
    let link = make::upload(&customer, &ticket, b"abc", json!({}));
    crate::support::link::put(&link, b"abc").is(200);
    let (file, register) = (make::unique(), json!({"key": link["key"]}));
    send(&customer, &file, "POST", "/attachments", &register).is(201);
    let again = send(&customer, &file, "POST", "/attachments", &register).is(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    Admin::any().delete(&path(&ticket)).is(204);
    send(&customer, &key, "POST", &comments, &body).refused(404, "NOT_FOUND");
    send(&customer, &file, "POST", "/attachments", &register).refused(404, "NOT_FOUND");
    Admin::any()
        .post(&format!("{}/restore", path(&ticket)), json!({}))
        .is(200);
    let again = send(&customer, &key, "POST", &comments, &body).is(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[test]
fn a_deletion_is_repeated_without_its_row() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let message = make::message(&customer, &ticket, "Never mind.");
    let (key, path) = (make::unique(), format!("/messages/{}", message["id"]));
    for replayed in [None, Some("true")] {
        let answer = customer
            .ask("DELETE", &path)
            .header("Idempotency-Key", &key)
            .send()
            .is(204);
        assert_eq!(answer.header("idempotent-replayed"), replayed);
    }
}
