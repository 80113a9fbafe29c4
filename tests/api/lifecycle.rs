//! The two lifecycles, told as tables over HTTP.

use crate::support::{Admin, Agent, Answer, Caller, Customer, Manager, Value, Worker, json, make};

const STATUSES: [&str; 8] = [
    "open",
    "assigned",
    "in_progress",
    "waiting",
    "blocked",
    "resolved",
    "closed",
    "reopened",
];

/// From, what may follow, and a walk from a new ticket to there.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const SUPPORT: [Row; 7] = [
    ("open", &["assigned", "closed"], &[]),
    ("assigned", &["in_progress", "closed"], &["assigned"]),
    (
        "in_progress",
        &["waiting", "resolved", "closed"],
        &["assigned", "in_progress"],
    ),
    (
        "waiting",
        &["in_progress"],
        &["assigned", "in_progress", "waiting"],
    ),
    (
        "resolved",
        &["closed", "reopened"],
        &["assigned", "in_progress", "resolved"],
    ),
    ("closed", &["reopened"], &["closed"]),
    ("reopened", &["in_progress"], &["closed", "reopened"]),
];

const PROJECT: [Row; 4] = [
    ("open", &["in_progress", "closed"], &[]),
    ("in_progress", &["open", "closed", "blocked"], &["in_progress"]),
    ("blocked", &["in_progress", "open"], &["in_progress", "blocked"]),
    ("closed", &["open", "in_progress"], &["closed"]),
];

fn set(by: &Caller, ticket: &Value, status: &str) -> Answer {
    by.put(
        &format!("/tickets/{}/status", ticket["id"]),
        json!({"status": status}),
    )
}

/// A ticket that stands where the walk leads.
fn at(customer: &Caller, workflow: &str, walk: &[&str]) -> Value {
    let mut ticket = make::ticket_with(
        Manager::any(),
        json!({"workflow": workflow, "customer_email": customer.email}),
    );
    for status in walk {
        ticket = set(Manager::any(), &ticket, status).is(200).json();
        assert_eq!(ticket["status"], *status);
    }
    ticket
}

fn words(value: &Value) -> Vec<String> {
    let mut words: Vec<String> = value
        .as_array()
        .expect("a list")
        .iter()
        .map(|word| word.as_str().expect("a word").to_owned())
        .collect();
    words.sort_unstable();
    words
}

fn sorted(words: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    words.sort_unstable();
    words
}

fn walk_the_table(workflow: &str, table: &[Row]) {
    let customer = Customer::any();
    for (from, next, walk) in table {
        for to in STATUSES {
            let ticket = at(customer, workflow, walk);
            assert_eq!(ticket["status"], *from);
            assert_eq!(
                words(&ticket["allowed_transitions"]),
                sorted(next),
                "{workflow} {from}"
            );
            let answer = set(Manager::any(), &ticket, to);
            let case = format!("{workflow}: {from} -> {to}");
            if to == *from {
                assert_eq!(
                    answer.is(200).json()["version"],
                    ticket["version"],
                    "{case} changes nothing"
                );
            } else if next.contains(&to) {
                let changed = answer.is(200).json();
                assert_eq!(changed["status"], to, "{case}");
                assert_eq!(
                    changed["version"],
                    ticket["version"].as_i64().unwrap() + 1,
                    "{case}"
                );
            } else {
                let refused = answer.refused(409, "INVALID_TRANSITION").json();
                assert_eq!(
                    (&refused["details"]["from"], &refused["details"]["to"]),
                    (&json!(from), &json!(to)),
                    "{case}"
                );
                assert_eq!(words(&refused["details"]["allowed"]), sorted(next), "{case}");
            }
        }
    }
}

#[test]
fn the_life_of_a_request_for_help() {
    walk_the_table("support", &SUPPORT);
}

#[test]
fn the_life_of_a_piece_of_work() {
    walk_the_table("project", &PROJECT);
}

#[test]
fn what_a_customer_may_set() {
    for (from, _, walk) in SUPPORT {
        for to in STATUSES {
            let customer = Customer::any();
            let ticket = at(customer, "support", walk);
            let answer = set(customer, &ticket, to);
            let legal = SUPPORT.iter().any(|row| row.0 == from && row.1.contains(&to));
            let own = to == "closed" || (to == "reopened" && matches!(from, "resolved" | "closed"));
            let case = format!("{from} -> {to}");
            match (own, legal || from == to) {
                (true, true) => assert_eq!(answer.is(200).json()["status"], to, "{case}"),
                (true, false) => drop(answer.refused(409, "INVALID_TRANSITION")),
                (false, _) if from == to => assert!(matches!(answer.status(), 200 | 403), "{case}"),
                (false, _) => drop(answer.refused(403, "FORBIDDEN")),
            }
        }
    }
    let ticket = at(
        Customer::any(),
        "support",
        &["assigned", "in_progress", "resolved"],
    );
    let seen = Customer::any()
        .get(&format!("/tickets/{}", ticket["id"]))
        .is(200)
        .json();
    assert_eq!(words(&seen["allowed_transitions"]), ["closed", "reopened"]);
}

#[test]
fn transitions_are_told_before_they_are_tried() {
    let customer = Customer::any();
    let ticket = at(customer, "support", &["assigned", "in_progress"]);
    let path = format!("/tickets/{}/transitions", ticket["id"]);
    for (by, want) in [
        (&**Manager::any(), vec!["closed", "resolved", "waiting"]),
        (&**customer, vec!["closed"]),
    ] {
        let answer = by.get(&path).is(200);
        let told = answer.text();
        for status in STATUSES.into_iter().filter(|status| *status != "in_progress") {
            assert_eq!(
                told.contains(&format!("\"{status}\"")),
                want.contains(&status),
                "{status} in {told}"
            );
        }
    }
}

#[test]
fn finishing_and_reopening_leave_their_times() {
    let customer = Customer::any();
    let ticket = at(customer, "support", &["assigned", "in_progress"]);
    let path = format!("/tickets/{}", ticket["id"]);
    let resolved = set(Manager::any(), &ticket, "resolved").is(200).json();
    assert!(resolved["resolved_at"].is_string() && resolved["closed_at"].is_null());
    let closed = customer.post(&format!("{path}/close"), json!({})).is(200).json();
    assert_eq!(
        (&closed["status"], &closed["resolved_at"]),
        (&json!("closed"), &resolved["resolved_at"])
    );
    assert!(closed["closed_at"].is_string());
    let again = customer.put(&format!("{path}/close"), json!({})).is(200).json();
    assert_eq!(again["version"], closed["version"], "closed already");
    let reopened = customer.post(&format!("{path}/reopen"), json!({})).is(200).json();
    assert_eq!(
        (
            &reopened["status"],
            &reopened["resolved_at"],
            &reopened["closed_at"]
        ),
        (&json!("reopened"), &Value::Null, &Value::Null)
    );
    customer.post(&format!("{path}/reopen"), json!({})).is(200);
    // Closing what was never resolved resolves it at the same moment.
    let ticket = at(customer, "support", &["closed"]);
    assert_eq!(ticket["resolved_at"], ticket["closed_at"]);
    let work = at(customer, "project", &["closed"]);
    let reopened = Manager::any()
        .post(&format!("/tickets/{}/reopen", work["id"]), json!({}))
        .is(200)
        .json();
    assert_eq!(reopened["status"], "open");
}

#[test]
fn a_reply_of_the_customer_brings_a_ticket_back() {
    for (walk, want) in [
        (&["assigned", "in_progress", "waiting"][..], "in_progress"),
        (&["assigned", "in_progress", "resolved"], "reopened"),
        (&["closed"], "reopened"),
        (&["assigned", "in_progress"], "in_progress"),
        (&["assigned"], "assigned"),
        (&[], "open"),
    ] {
        let customer = Customer::any();
        let ticket = at(customer, "support", walk);
        make::message(Manager::any(), &ticket, "Staff never move it.");
        make::note(Manager::any(), &ticket, "Nor does a note.");
        let path = format!("/tickets/{}", ticket["id"]);
        assert_eq!(customer.get(&path).json()["status"], ticket["status"]);
        make::message(customer, &ticket, "It is still broken.");
        let now = customer.get(&path).is(200).json();
        assert_eq!(now["status"], want, "{walk:?}");
        if want == "reopened" {
            assert!(now["resolved_at"].is_null() && now["closed_at"].is_null());
        }
    }
}

#[test]
fn the_first_public_answer_of_staff_is_the_first_response() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}", ticket["id"]);
    make::message(customer, &ticket, "Hello?");
    make::note(Agent::any(), &ticket, "I know this one.");
    assert!(customer.get(&path).json()["first_responded_at"].is_null());
    let answer = make::message(Agent::any(), &ticket, "Have you tried turning it off?");
    let responded = customer.get(&path).json()["first_responded_at"].clone();
    assert_eq!(responded, answer["created_at"]);
    make::message(Agent::any(), &ticket, "And on again?");
    assert_eq!(customer.get(&path).json()["first_responded_at"], responded);
    assert_eq!(customer.get(&path).json()["sla"]["response"], "met");
}

#[test]
fn waiting_stops_the_resolution_clock() {
    let customer = Customer::any();
    let ticket = at(customer, "support", &["assigned", "in_progress"]);
    let waiting = set(Manager::any(), &ticket, "waiting").is(200).json();
    assert_eq!(waiting["sla"]["resolution"], "paused");
    let back = set(Manager::any(), &ticket, "in_progress").is(200).json();
    assert_eq!(back["sla"]["resolution"], "ok");
    assert!(back["resolution_due_at"].as_str() >= ticket["resolution_due_at"].as_str());
}

#[test]
fn a_workflow_changes_only_where_the_status_exists() {
    let ticket = at(Customer::any(), "support", &[]);
    let path = format!("/tickets/{}", ticket["id"]);
    assert_eq!(
        Manager::any()
            .put(&path, json!({"workflow": "project"}))
            .is(200)
            .json()["workflow"],
        "project"
    );
    set(Manager::any(), &ticket, "in_progress").is(200);
    set(Manager::any(), &ticket, "blocked").is(200);
    let status = Manager::any().put(&path, json!({"workflow": "support"})).status();
    assert!(matches!(status, 400 | 409), "support has no blocked: {status}");
    // In a project, assignment never moves the status.
    let work = at(Customer::any(), "project", &[]);
    let assigned = Manager::any()
        .put(
            &format!("/tickets/{}/assign", work["id"]),
            json!({"assignee_id": Agent::any().id}),
        )
        .is(200)
        .json();
    assert_eq!(assigned["status"], "open");
}

#[test]
fn a_word_that_is_no_status_is_named() {
    let ticket = make::ticket(Customer::any());
    for wrong in [json!("done"), json!(""), json!(5), Value::Null, json!(["open"])] {
        Manager::any()
            .put(
                &format!("/tickets/{}/status", ticket["id"]),
                json!({"status": wrong}),
            )
            .faults(&["status"]);
    }
    Manager::any()
        .put(&format!("/tickets/{}/status", ticket["id"]), json!({}))
        .faults(&["status"]);
}

#[test]
fn a_window_of_no_days_is_never_open() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    admin
        .put("/admin/settings", json!({"reopen_window_days": 0}))
        .is(200);
    let step = |ticket: &Value, status: &str| {
        let path = format!("/tickets/{}/status", ticket["id"]);
        admin.put(&path, json!({"status": status})).is(200);
    };
    let reply = |ticket: &Value| {
        let path = format!("/tickets/{}/comments", ticket["id"]);
        customer.post(&path, json!({"body": "It is back."}))
    };
    let resolved = make::ticket(&customer);
    for status in ["assigned", "in_progress", "resolved"] {
        step(&resolved, status);
    }
    let closed = make::ticket(&customer);
    step(&closed, "closed");
    let work = make::ticket_with(
        &admin,
        json!({"workflow": "project", "customer_email": customer.email}),
    );
    step(&work, "closed");
    for ticket in [&resolved, &closed, &work] {
        let answer = reply(ticket).refused(409, "CONFLICT");
        assert!(
            answer.json()["message"].as_str().unwrap().contains("new one"),
            "{}",
            answer.text()
        );
        let shown = customer.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
        assert!(
            matches!(shown["status"].as_str(), Some("resolved" | "closed")),
            "{shown}"
        );
    }
    let shown = customer.get(&format!("/tickets/{}", closed["id"])).is(200).json();
    assert_eq!(shown["allowed_transitions"], json!([]));
    let path = format!("/tickets/{}/status", closed["id"]);
    customer.put(&path, json!({"status": "reopened"})).is(409);
    // With a day it opens again.
    admin
        .put("/admin/settings", json!({"reopen_window_days": 1}))
        .is(200);
    for (ticket, status) in [(&resolved, "reopened"), (&closed, "reopened"), (&work, "open")] {
        reply(ticket).is(201);
        let shown = customer.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
        assert_eq!(shown["status"], status);
    }
}
