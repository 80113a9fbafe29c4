//! The walk that the README offers to a newcomer, step by step.

use crate::support::client::Role;
use crate::support::{Anon, Caller, Worker, json, make};

/// The sample accounts.
const ACCOUNTS: [(Role, &str, &str); 11] = [
    (Role::Admin, "admin@helpdesk.com", "admin123"),
    (Role::Agent, "agent@helpdesk.com", "agent123"),
    (Role::Customer, "john@example.com", "customer123"),
    (Role::Customer, "jane@example.com", "customer123"),
    (Role::Admin, "admin@company.com", "password"),
    (Role::Manager, "manager@helpdesk.com", "manager123"),
    (Role::Agent, "sarah@helpdesk.com", "agent123"),
    (Role::Agent, "mike@helpdesk.com", "agent123"),
    (Role::Agent, "emily@helpdesk.com", "agent123"),
    (Role::Agent, "david@helpdesk.com", "agent123"),
    (Role::Agent, "lisa@helpdesk.com", "agent123"),
];

#[test]
fn every_sample_account_comes_in() {
    for (role, email, password) in ACCOUNTS {
        let caller = Caller::login(Worker::shared(), role, email, password);
        assert_eq!(caller.get("/auth/me").is(200).json()["email"], email);
    }
}

#[test]
fn a_newcomers_walk() {
    let worker = Worker::shared();
    let john = Caller::login(worker, Role::Customer, "john@example.com", "customer123");
    let manager = Caller::login(worker, Role::Manager, "manager@helpdesk.com", "manager123");
    let agent = Caller::login(worker, Role::Agent, "agent@helpdesk.com", "agent123");
    let word = make::unique();

    // The customer opens a ticket.
    let title = format!("The coffee machine says {word}");
    let ticket = john
        .post(
            "/tickets",
            json!({"title": title, "description": "And no coffee."}),
        )
        .is(201)
        .json();
    let path = format!("/tickets/{}", ticket["id"]);
    assert!(
        john.get("/tickets")
            .is(200)
            .ids()
            .contains(&ticket["id"].as_i64().unwrap())
    );

    // The agent answers, and tells the colleagues what the customer should not read.
    manager
        .put(&format!("{path}/assign"), json!({"assignee_id": agent.id}))
        .is(200);
    agent
        .put(&format!("{path}/status"), json!({"status": "in_progress"}))
        .is(200);
    agent
        .post(&format!("{path}/comments"), json!({"body": "Please descale it."}))
        .is(201);
    let note = format!("{} They never descale it.", make::CANARY);
    agent
        .post(
            &format!("{path}/comments"),
            json!({"body": note, "is_internal": true}),
        )
        .is(201);

    // The customer gets only the public one.
    let seen = john.get(&format!("{path}/comments")).is(200).rows();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["body"], "Please descale it.");
    assert_eq!(agent.get(&format!("{path}/comments")).is(200).rows().len(), 2);

    // Resolved, and not really.
    agent
        .put(&format!("{path}/status"), json!({"status": "resolved"}))
        .is(200);
    let reopened = john
        .post(&format!("{path}/reopen"), json!({"reason": "Still no coffee."}))
        .is(200)
        .json();
    assert_eq!(reopened["status"], "reopened");

    // Search finds it, history and timeline tell the story.
    for by in [&john, &agent, &manager] {
        assert_eq!(
            by.get(&format!("/tickets?q={word}")).is(200).ids(),
            [ticket["id"].as_i64().unwrap()]
        );
    }
    let history = john.get(&format!("{path}/history")).is(200).text();
    for status in ["assigned", "in_progress", "resolved", "reopened"] {
        assert!(
            history.contains(&format!("\"{status}\"")),
            "{status} is not in the history"
        );
    }
    let timeline = john.get(&format!("{path}/timeline")).is(200).text();
    assert!(timeline.contains("Please descale it.") && timeline.contains("\"reopened\""));

    // Logout, and the token is dead at the next request.
    let status = john.ask("POST", "/auth/logout").send().status();
    assert!(matches!(status, 200 | 204));
    john.get("/auth/me").refused(401, "UNAUTHORIZED");
}

#[test]
fn older_clients_find_their_doors() {
    let worker = Worker::shared();
    let manager = Caller::login(worker, Role::Manager, "manager@helpdesk.com", "manager123");
    let jane = Caller::login(worker, Role::Customer, "jane@example.com", "customer123");
    // Without a prefix, with the words of another system.
    let opened = jane
        .ask("POST", "/tickets/")
        .at_root()
        .json(&json!({"subject": "From an old client", "description": "It still works.", "priority": "critical", "category": "general"}))
        .send()
        .is(201)
        .json();
    let id = &opened["id"];
    jane.ask("POST", "/messages")
        .under("/api")
        .json(&json!({"ticket_id": id, "content": "Hello?"}))
        .send()
        .is(201);
    assert_eq!(
        manager
            .ask("GET", &format!("/messages/{id}"))
            .under("/api")
            .send()
            .is(200)
            .rows()
            .len(),
        1
    );
    let closed = jane
        .ask("PUT", &format!("/tickets/{id}/close"))
        .at_root()
        .send()
        .is(200)
        .json();
    assert_eq!(closed["status"], "closed");
    let form = "username=jane%40example.com&password=customer123";
    let login = Anon::new()
        .ask("POST", "/auth/login")
        .at_root()
        .raw("application/x-www-form-urlencoded", form.as_bytes())
        .send()
        .is(200);
    assert_eq!(login.json()["user"]["email"], "jane@example.com");
}
