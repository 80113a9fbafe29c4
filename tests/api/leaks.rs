//! What is internal stays internal, by every door.
//!
//! Every note that any story writes holds a canary, and every byte that a customer or a stranger receives
//! during the whole run is searched for it (`support::seen`). These stories knock on every door on purpose.

use crate::support::client::{Role, escape};
use crate::support::routes::rows;
use crate::support::{Agent, Anon, Caller, Customer, Manager, Value, json, make};

/// A ticket with notes among its messages, one of them deleted, one edited, one with the customer's own words.
fn haunted(customer: &Caller) -> (Value, Vec<Value>) {
    let ticket = make::ticket(customer);
    make::message(customer, &ticket, "Is anybody there?");
    let notes = vec![
        make::note(Agent::any(), &ticket, "First secret."),
        make::note(Manager::any(), &ticket, "Second secret."),
        make::note(Agent::any(), &ticket, "Is anybody there?"),
    ];
    make::message(Agent::any(), &ticket, "We are here.");
    Agent::any()
        .put(
            &format!("/messages/{}", notes[0]["id"]),
            json!({"body": format!("{} edited", make::CANARY)}),
        )
        .is(200);
    let doomed = make::note(Agent::any(), &ticket, "Deleted secret.");
    Agent::any()
        .delete(&format!("/messages/{}", doomed["id"]))
        .is(204);
    (ticket, notes)
}

/// Everything that a customer can read, in bytes that may be compared.
fn everything(customer: &Caller, ticket: &Value) -> String {
    let id = &ticket["id"];
    let mut all = String::new();
    for path in [
        format!("/tickets/{id}"),
        format!("/tickets/{id}/comments"),
        format!("/tickets/{id}/comments?count=true"),
        format!("/messages/{id}"),
        format!("/tickets/{id}/history"),
        format!("/tickets/{id}/timeline"),
        format!("/tickets/{id}/activities"),
        format!("/tickets/{id}/events"),
        "/tickets".to_owned(),
        "/tickets?sort=-updated_at&count=true".to_owned(),
        "/tickets/my".to_owned(),
        "/tickets/stats/summary".to_owned(),
        "/tickets?q=secret".to_owned(),
        "/auth/me".to_owned(),
    ] {
        let answer = customer.get(&path).is(200);
        all.push_str(&format!(
            "{path} {:?}\n{}\n",
            answer.header("etag"),
            answer.text()
        ));
    }
    all
}

#[test]
fn a_note_leaves_no_trace_for_a_customer() {
    let customer = Customer::fresh();
    let (ticket, _) = haunted(&customer);
    let before = everything(&customer, &ticket);
    let note = make::note(Agent::any(), &ticket, "Another secret.");
    assert_eq!(everything(&customer, &ticket), before);
    let path = format!("/messages/{}", note["id"]);
    Agent::any()
        .put(&path, json!({"body": format!("{} again", make::CANARY)}))
        .is(200);
    assert_eq!(everything(&customer, &ticket), before);
    Agent::any().delete(&path).is(204);
    assert_eq!(everything(&customer, &ticket), before);
}

#[test]
fn no_door_opens_on_a_note() {
    let customer = Customer::fresh();
    let (ticket, notes) = haunted(&customer);
    let mut references: Vec<String> = vec![
        ticket["id"].to_string(),
        ticket["uid"].as_str().unwrap().to_owned(),
        ticket["number"].as_str().unwrap().to_owned(),
    ];
    for note in &notes {
        references.push(note["id"].to_string());
        references.push(note["uid"].as_str().unwrap().to_owned());
    }
    let anon = Anon::new();
    for row in rows().into_iter().filter(|row| row.method == "GET") {
        for one in &references {
            for two in &references {
                // The check of every answer looks for the canary.
                let mut parameters = [one, two].into_iter();
                let path: Vec<String> = row
                    .path
                    .split('/')
                    .map(|part| match part.starts_with('{') {
                        true => parameters.next().expect("two parameters at most").clone(),
                        false => part.to_owned(),
                    })
                    .collect();
                let path = path.join("/");
                if path.ends_with("/ws") || path.contains("/room/") {
                    continue;
                }
                if row.access <= Role::Customer {
                    customer.ask("GET", &path).send();
                    anon.ask("GET", &path).send();
                }
                if row.path.matches('{').count() < 2 {
                    break;
                }
            }
            if !row.path.contains('{') {
                break;
            }
        }
    }
}

#[test]
fn searching_finds_no_note_by_any_trick() {
    let customer = Customer::fresh();
    let (ticket, _) = haunted(&customer);
    let word = make::unique();
    make::note(Agent::any(), &ticket, &word);
    for trick in [
        word.clone(),
        format!("internal:{word}"),
        format!("internal : {word}"),
        format!("{{internal}}: {word}"),
        format!("\" OR internal:{word} OR \""),
        format!("{word}*"),
        format!("public:{word} OR {word}"),
        format!("scope:u{} {word}", customer.id),
        format!("Is anybody there? {word}"),
        make::CANARY.to_owned(),
        make::CANARY[..6].to_owned(),
    ] {
        let answer = customer.get(&format!("/tickets?limit=100&q={}", escape(&format!("{trick} "))));
        assert!(answer.is(200).ids().is_empty(), "{trick}");
    }
    assert_eq!(
        Agent::any().get(&format!("/tickets?q={word}")).is(200).ids(),
        [ticket["id"].as_i64().unwrap()]
    );
}

#[test]
fn a_secret_is_never_spoken() {
    let customer = Customer::fresh();
    let worker = crate::support::Worker::shared();
    let secrets: Vec<&str> = ["JWT_SECRET", "PASSWORD_PEPPER", "DEV_SECRET"]
        .into_iter()
        .map(|name| worker.var(name))
        .collect();
    let mut said = String::new();
    for path in [
        "/health",
        "/ready",
        "/version",
        "/openapi.json",
        "/.well-known/jwks.json",
    ] {
        said.push_str(&Anon::new().ask("GET", path).at_root().send().is(200).text());
    }
    for path in ["/auth/me", "/auth/sessions", "/nothing", "/tickets?sort=x"] {
        said.push_str(&customer.get(path).text());
    }
    for secret in secrets {
        assert!(!said.contains(secret));
    }
    for guess in ["guess", ""] {
        let door = Anon::new()
            .ask("POST", "/dev/seed")
            .at_root()
            .undocumented()
            .header("X-Dev-Secret", guess)
            .send();
        assert!(matches!(door.status(), 401 | 403 | 404), "{}", door.status());
    }
}

#[test]
fn sample_data_is_for_development_only() {
    let worker = crate::support::Worker::start(&[("ENVIRONMENT", "production")]);
    let secret = worker.var("DEV_SECRET");
    let door = Anon::on(&worker)
        .ask("POST", "/dev/seed")
        .at_root()
        .undocumented()
        .header("X-Dev-Secret", secret)
        .send();
    door.refused(404, "NOT_FOUND");
}
