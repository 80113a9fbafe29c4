//! Ratings: what requesters say of the outcome, by the API and by the link of a mail, and what the desk learns of it.

use crate::support::client::{Caller, Role};
use crate::support::stub::Sent;
use crate::support::time::{dev, tick};
use crate::support::{Admin, Anon, Customer, Stub, Value, Worker, json, make, race, worker};

use std::sync::{Mutex, MutexGuard, OnceLock};

/// A server that sends mails to the stub, for one story at a time.
fn desk() -> MutexGuard<'static, Worker> {
    static DESK: OnceLock<Mutex<Worker>> = OnceLock::new();
    let begin = || {
        let mut vars = worker::outside();
        let dns: &'static str = Box::leak(format!("{}/dns", Stub::shared().url).into_boxed_str());
        vars.push(("DNS_OVER_HTTPS_URL", dns));
        let worker = Worker::start(&vars);
        worker.seed();
        Mutex::new(worker)
    };
    let desk = DESK.get_or_init(begin).lock();
    desk.unwrap_or_else(|broken| broken.into_inner())
}

/// A ticket of a customer, resolved by an agent.
fn resolved(admin: &Admin, customer: &Caller, agent: &Caller) -> Value {
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}", ticket["id"]);
    admin
        .put(&format!("{path}/assign"), json!({"assignee": agent.id}))
        .is(200);
    agent.put(&path, json!({"status": "in_progress"})).is(200);
    agent.put(&path, json!({"status": "resolved"})).is(200).json()
}

fn path(ticket: &Value) -> String {
    format!("/tickets/{}/rating", ticket["id"])
}

/// The token of the link in the last mail about a status that the address has got.
fn token_of(desk: &Worker, email: &str, count: usize) -> String {
    let is_asked = |sent: &Sent| sent.body.contains(email) && sent.body.contains("/rate#token=");
    tick(desk);
    let mails = Stub::shared().wait(count, is_asked);
    let body = &mails.last().expect("a mail").body;
    let rest = body.split("/rate#token=").nth(1).expect("a link");
    rest.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '.')
        .collect()
}

#[test]
fn a_requester_rates_each_resolution_once() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let agent = admin.hire(Role::Agent);
    let open = make::ticket(&customer);
    customer
        .post(&path(&open), json!({"score": 5}))
        .refused(409, "CONFLICT");
    customer.get(&path(&open)).is(404);
    let ticket = resolved(&admin, &customer, &agent);
    Customer::on(&desk)
        .post(&path(&ticket), json!({"score": 5}))
        .is(404);
    for by in [&agent as &Caller, &admin] {
        by.post(&path(&ticket), json!({"score": 5}))
            .refused(403, "FORBIDDEN");
    }
    for (body, fault) in [
        (json!({"score": 0}), "score"),
        (json!({"score": 6}), "score"),
        (json!({"score": 4.5}), "score"),
        (json!({"score": "5"}), "score"),
        (json!({}), "score"),
        (json!({"score": 5, "comment": " "}), "comment"),
    ] {
        customer.post(&path(&ticket), body).faults(&[fault]);
    }
    let before = customer.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
    let rated = customer
        .post(&path(&ticket), json!({"score": 2, "comment": "Slow."}))
        .is(200);
    assert!(rated.timing("rows_written").is_none());
    let rated = rated.json();
    assert_eq!((&rated["score"], &rated["comment"]), (&json!(2), &json!("Slow.")));
    for by in [&agent as &Caller, &customer] {
        assert_eq!(by.get(&path(&ticket)).is(200).json(), rated);
    }
    // The ticket is as it was, but for its past.
    let after = customer.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
    assert_eq!(
        (&after["version"], &after["status"]),
        (&before["version"], &before["status"])
    );
    let events = || -> Vec<Value> {
        let all = customer.walk(&format!("/tickets/{}/events", ticket["id"]), 100);
        all.into_iter()
            .filter(|event| event["type"] == "ticket_rated")
            .collect()
    };
    assert_eq!(events()[0]["data"], json!({"score": 2}));
    assert_eq!(events()[0]["actor"]["id"], customer.id);
    let told = agent.get("/notifications").is(200).rows();
    assert!(
        told.iter()
            .any(|row| row["kind"] == "rated" && row["ticket"]["id"] == ticket["id"]),
        "{told:?}"
    );
    // It may be changed, and the same again changes nothing.
    customer.post(&path(&ticket), json!({"score": 4})).is(200);
    customer.post(&path(&ticket), json!({"score": 4})).is(200);
    let now = customer.get(&path(&ticket)).is(200).json();
    assert_eq!(
        (&now["score"], &now["comment"], &now["created_at"]),
        (&json!(4), &json!("Slow."), &rated["created_at"])
    );
    assert_eq!(events().len(), 2);
    let word = make::unique();
    let send = || {
        customer
            .ask("POST", &path(&ticket))
            .header("Idempotency-Key", &word)
            .json(&json!({"score": 3, "comment": null}))
            .send()
    };
    assert_eq!(send().is(200).json(), send().is(200).json());
    assert_eq!(events().len(), 3);
    // Another resolution is rated anew.
    customer
        .post(&format!("/tickets/{}/reopen", ticket["id"]), json!({}))
        .is(200);
    customer
        .post(&path(&ticket), json!({"score": 1}))
        .refused(409, "CONFLICT");
    let file = format!("/tickets/{}", ticket["id"]);
    agent.put(&file, json!({"status": "in_progress"})).is(200);
    agent.put(&file, json!({"status": "resolved"})).is(200);
    let anew = customer.post(&path(&ticket), json!({"score": 5})).is(200).json();
    assert_eq!((&anew["score"], &anew["comment"]), (&json!(5), &Value::Null));
    assert_ne!(anew["resolved_at"], rated["resolved_at"]);
}

#[test]
fn fifty_ratings_at_once_are_one() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let agent = admin.hire(Role::Agent);
    let ticket = resolved(&admin, &customer, &agent);
    let answers = race(50, |n| customer.post(&path(&ticket), json!({"score": n % 5 + 1})));
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status())));
    let score = customer.get(&path(&ticket)).is(200).json()["score"].clone();
    let events = customer.walk(&format!("/tickets/{}/events", ticket["id"]), 100);
    let last = events
        .iter()
        .rfind(|event| event["type"] == "ticket_rated")
        .expect("a rating");
    assert_eq!(last["data"]["score"], score);
    let seqs: Vec<Value> = events.iter().map(|event| event["seq"].clone()).collect();
    assert_eq!(seqs, (1..=seqs.len()).map(|seq| json!(seq)).collect::<Vec<_>>());
}

#[test]
fn the_link_of_a_mail_rates_one_resolution() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let (customer, agent) = (admin.hire(Role::Customer), admin.hire(Role::Agent));
    let ticket = resolved(&admin, &customer, &agent);
    let token = token_of(&desk, &customer.email, 1);
    let anon = Anon::on(&desk);
    // Looking at the page rates nothing.
    let page = anon.ask("GET", "/rate").at_root().send().is(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src")
    );
    anon.ask("GET", &format!("/rate?token={token}"))
        .at_root()
        .send()
        .is(200);
    customer.get(&path(&ticket)).is(404);
    let rate = |token: &str, score: i64| anon.post("/rate", json!({"token": token, "score": score}));
    rate("", 5).faults(&["token"]);
    rate(&format!("{token}0"), 5).faults(&["token"]);
    rate(&token.replacen(&ticket["id"].to_string(), "1", 1), 5).faults(&["token"]);
    rate(&token, 6).faults(&["score"]);
    customer.get(&path(&ticket)).is(404);
    rate(&token, 5).is(200);
    assert_eq!(customer.get(&path(&ticket)).is(200).json()["score"], 5);
    rate(&token, 4).is(200);
    assert_eq!(customer.get(&path(&ticket)).is(200).json()["score"], 4);
    // After a reopening it is of no solution any more, not even of the next one.
    let file = format!("/tickets/{}", ticket["id"]);
    customer.post(&format!("{file}/reopen"), json!({})).is(200);
    rate(&token, 1).faults(&["token"]);
    agent.put(&file, json!({"status": "in_progress"})).is(200);
    agent.put(&file, json!({"status": "resolved"})).is(200);
    rate(&token, 1).faults(&["token"]);
    let next = token_of(&desk, &customer.email, 2);
    assert_ne!(next, token);
    rate(&next, 3).is(200);
    // Nobody else is asked.
    let others = Stub::shared()
        .seen(|sent: &Sent| sent.body.contains(&agent.email) && sent.body.contains("/rate#token="));
    assert!(others.is_empty());
}

#[test]
fn managers_learn_how_satisfied_people_are() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let (customer, agent, manager) = (
        admin.hire(Role::Customer),
        admin.hire(Role::Agent),
        admin.hire(Role::Manager),
    );
    let tickets: Vec<Value> = (0..4).map(|_| resolved(&admin, &customer, &agent)).collect();
    for (ticket, score) in tickets.iter().zip([5, 4, 1]) {
        customer.post(&path(ticket), json!({"score": score})).is(200);
    }
    let of_agent = format!("/reports/satisfaction?agent={}", agent.id);
    let report = manager.get(&of_agent).is(200);
    assert_eq!(report.timing("d1"), Some(1));
    assert!(
        report.timing("rows_read").unwrap() < 300,
        "{:?}",
        report.timing("rows_read")
    );
    let report = report.json();
    let figures = json!({"resolved": 4, "rated": 3, "response_percent": 75.0, "satisfied": 2, "csat_percent": 66.7, "average": 3.33});
    assert_eq!(report["totals"], figures);
    let row = &report["data"][0];
    assert_eq!(
        (&row["agent_id"], &row["rated"], &row["average"]),
        (&json!(agent.id), &json!(3), &json!(3.33))
    );
    assert_eq!(report["by_category"][0]["rated"], 3);
    let weeks = report["by_week"].as_array().unwrap();
    assert_eq!(
        weeks
            .iter()
            .map(|week| week["rated"].as_i64().unwrap())
            .sum::<i64>(),
        3
    );
    // What is reopened is not solved, and counts no more.
    customer
        .post(&format!("/tickets/{}/reopen", tickets[2]["id"]), json!({}))
        .is(200);
    let totals = manager.get(&of_agent).is(200).json()["totals"].clone();
    assert_eq!(
        (&totals["resolved"], &totals["csat_percent"]),
        (&json!(3), &json!(100.0))
    );
    let csv = manager
        .get(&format!("{of_agent}&format=csv&bom=false"))
        .is(200)
        .text();
    assert!(csv.starts_with("agent_id,full_name,resolved,rated,"), "{csv}");
    agent.get("/reports/satisfaction").refused(403, "FORBIDDEN");
    manager
        .get("/reports/satisfaction?from=2001-01-01&to=2001-01-07")
        .is(200);
}

#[test]
fn a_rating_stays_as_it_is_after_a_week() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let agent = admin.hire(Role::Agent);
    let ticket = resolved(&admin, &customer, &agent);
    customer
        .post(&path(&ticket), json!({"score": 5, "comment": "A secret word"}))
        .is(200);
    dev(
        &desk,
        "/dev/age",
        &json!({"ticket": ticket["id"], "hours": 24 * 8}),
    );
    customer
        .post(&path(&ticket), json!({"score": 1}))
        .refused(409, "CONFLICT");
    // A text is taken out of it, too.
    admin
        .post(
            &format!("/tickets/{}/redact", ticket["id"]),
            json!({"text": "secret word"}),
        )
        .is(200);
    assert_eq!(admin.get(&path(&ticket)).is(200).json()["comment"], "A █");
}
