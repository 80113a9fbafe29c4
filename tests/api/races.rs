//! Fifty at the same moment, one winner.

use std::collections::BTreeSet;

use crate::support::race::RUNNERS;
use crate::support::{Agent, Anon, Answer, Customer, Manager, Value, json, make, race};

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status() == status).count()
}

/// Every answer is one of these two, and the first is given this often.
#[track_caller]
fn one_wins(answers: &[Answer], won: u16, lost: u16) {
    for answer in answers {
        if answer.status() != won && answer.status() != lost {
            answer.fail(&format!("expected {won} or {lost}"));
        }
    }
    assert_eq!(count(answers, won), 1, "{} won", count(answers, won));
}

#[test]
fn fifty_tickets_have_fifty_consecutive_numbers() {
    // Nobody else may draw a number meanwhile, so this race has a server of its own.
    let worker = crate::support::Worker::start(&[]);
    let customers = [
        Customer::on(&worker),
        Customer::on(&worker),
        Customer::on(&worker),
    ];
    for round in 0..3 {
        let tickets = race(RUNNERS, |runner| {
            let body = json!({"title": format!("Runner {runner}"), "description": "At the same moment."});
            customers[runner % 3].post("/tickets", body).is(201).json()
        });
        let counter = |ticket: &Value| -> i64 {
            ticket["number"]
                .as_str()
                .and_then(|it| it.rsplit('-').next())
                .unwrap()
                .parse()
                .unwrap()
        };
        let days: BTreeSet<&str> = tickets
            .iter()
            .map(|ticket| &ticket["number"].as_str().unwrap()[5..13])
            .collect();
        let mut counters: Vec<i64> = tickets.iter().map(counter).collect();
        counters.sort_unstable();
        let first = round * 50 + 1;
        // A run over midnight has two days; each of them counts from its own beginning.
        if days.len() == 1 && counters.first() != Some(&1) || round == 0 {
            assert_eq!(counters, (first..first + 50).collect::<Vec<i64>>());
        }
        let ids: BTreeSet<i64> = tickets
            .iter()
            .map(|ticket| ticket["id"].as_i64().unwrap())
            .collect();
        assert_eq!(ids.len(), RUNNERS);
    }
    let total: i64 = customers
        .iter()
        .map(|one| {
            one.get("/tickets/stats/summary").is(200).json()["total"]
                .as_i64()
                .unwrap()
        })
        .sum();
    assert_eq!(total, 150);
}

#[test]
fn a_refresh_token_has_one_successor() {
    let customer = Customer::fresh();
    let answers = race(RUNNERS, |_| {
        Anon::new().post("/auth/refresh", json!({"refresh_token": customer.refresh}))
    });
    let successors: BTreeSet<String> = answers
        .into_iter()
        .map(|answer| answer.is(200).json()["refresh_token"].to_string())
        .collect();
    assert_eq!(successors.len(), 1);
    let successor: Value = serde_json::from_str(successors.first().unwrap()).unwrap();
    let body = json!({"refresh_token": successor});
    let next = Anon::new().post("/auth/refresh", body).is(200).json();
    // One from before ends the family, whoever sends it and however many do.
    let answers = race(RUNNERS, |_| {
        Anon::new().post("/auth/refresh", json!({"refresh_token": customer.refresh}))
    });
    for answer in answers {
        answer.refused(401, "UNAUTHORIZED");
    }
    let access = next["access_token"].as_str().unwrap();
    customer
        .with_token(access)
        .get("/auth/me")
        .refused(401, "UNAUTHORIZED");
    customer.get("/auth/me").refused(401, "UNAUTHORIZED");
}

#[test]
fn the_same_status_fifty_times_is_one_change() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let before = customer.walk(&format!("{path}/timeline"), 100).len();
    let answers = race(RUNNERS, |_| {
        Manager::any().put(&format!("{path}/status"), json!({"status": "closed"}))
    });
    assert_eq!(count(&answers, 200), RUNNERS);
    let after = customer.get(&path).is(200).json();
    assert_eq!(
        (&after["status"], &after["version"]),
        (&json!("closed"), &json!(2))
    );
    assert_eq!(
        customer.walk(&format!("{path}/timeline"), 100).len(),
        before + 1,
        "one event"
    );
}

#[test]
fn one_key_is_one_ticket_and_equal_answers() {
    let customer = Customer::fresh();
    let key = make::unique();
    let answers = race(RUNNERS, |_| {
        customer
            .ask("POST", "/tickets")
            .header("Idempotency-Key", &key)
            .json(&json!({"title": "Only one of these", "description": "Sent fifty times."}))
            .send()
            .is(201)
    });
    let bodies: BTreeSet<Vec<u8>> = answers.iter().map(|answer| answer.bytes().to_vec()).collect();
    assert_eq!(bodies.len(), 1, "equal answers");
    let first = answers
        .iter()
        .filter(|answer| answer.header("idempotent-replayed").is_none())
        .count();
    assert_eq!(first, 1);
    assert_eq!(customer.get("/tickets?count=true").json()["meta"]["total"], 1);
}

#[test]
fn one_address_is_registered_once() {
    let email = make::email();
    let answers = race(RUNNERS, |runner| {
        let email = if runner % 2 == 0 {
            email.clone()
        } else {
            email.to_uppercase()
        };
        Anon::new().post(
            "/auth/register",
            json!({"email": email, "password": make::PASSWORD}),
        )
    });
    one_wins(&answers, 201, 409);
}

#[test]
fn one_username_is_taken_once() {
    let username = make::unique();
    let answers = race(RUNNERS, |_| {
        let body = json!({"email": make::email(), "username": username, "password": make::PASSWORD});
        Anon::new().post("/auth/register", body)
    });
    one_wins(&answers, 201, 409);
    // Usernames that are made from the address never collide.
    let local = make::unique();
    let answers = race(RUNNERS, |runner| {
        let body = json!({"email": format!("{local}@{runner}.example"), "password": make::PASSWORD});
        Anon::new().post("/auth/register", body).is(201).json()["user"]["username"].to_string()
    });
    assert_eq!(answers.into_iter().collect::<BTreeSet<_>>().len(), RUNNERS);
}

#[test]
fn edits_of_one_version_have_one_winner() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let answers = race(RUNNERS, |runner| {
        customer.put(
            &path,
            json!({"title": format!("Title {runner}"), "version": ticket["version"]}),
        )
    });
    one_wins(&answers, 200, 409);
    let etag = customer.get(&path).header("etag").unwrap().to_owned();
    let answers = race(RUNNERS, |runner| {
        let body = json!({"title": format!("Another title {runner}")});
        customer
            .ask("PUT", &path)
            .header("If-Match", &etag)
            .json(&body)
            .send()
    });
    one_wins(&answers, 200, 412);
    assert_eq!(customer.get(&path).json()["version"], 3);
}

#[test]
fn edits_without_a_version_lose_nothing_that_was_acknowledged() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let answers = race(10, |runner| {
        let (field, value) = match runner % 2 {
            0 => ("title", format!("Title {runner}")),
            _ => ("description", format!("Description {runner}")),
        };
        let mut body = json!({});
        body[field] = json!(value);
        customer.put(&path, body)
    });
    let done = count(&answers, 200);
    assert_eq!(
        done + count(&answers, 409),
        10,
        "a lost race is retried and then a conflict"
    );
    assert!(done >= 1);
    let now = customer.get(&path).json();
    assert_eq!(
        now["version"],
        i64::try_from(done).unwrap() + 1,
        "each success is one version"
    );
    // Staff see all titles that there were. Of descriptions the history only says that they were edited.
    let history = Manager::any().walk(&format!("{path}/history"), 100);
    let told: String = history.iter().map(Value::to_string).collect();
    for answer in answers.iter().filter(|answer| answer.status() == 200) {
        let title = answer.json()["title"].clone();
        assert!(told.contains(title.as_str().unwrap()) || title == ticket["title"]);
    }
    let edits = told.matches(r#""field":"description""#).count();
    let acknowledged = answers.iter().skip(1).step_by(2);
    assert_eq!(
        edits,
        acknowledged.filter(|answer| answer.status() == 200).count(),
        "{told}"
    );
}

#[test]
fn a_ticket_is_taken_by_one_agent() {
    let agents = [Agent::fresh(), Agent::fresh(), Agent::fresh(), Agent::fresh()];
    let ticket = make::ticket(&Customer::fresh());
    let path = format!("/tickets/{}/assign", ticket["id"]);
    let answers = race(RUNNERS, |runner| {
        let agent = &agents[runner % agents.len()];
        (agent.id, agent.post(&path, json!({"assignee_id": agent.id})))
    });
    let owner = Manager::any().get(&format!("/tickets/{}", ticket["id"])).json()["assignee"]["id"]
        .as_i64()
        .unwrap();
    for (agent, answer) in answers {
        // Whoever lost sees it no more; the winner may ask again.
        let fair = if agent == owner {
            answer.status() == 200
        } else {
            matches!(answer.status(), 403 | 404 | 409)
        };
        if !fair {
            answer.fail(&format!("agent {agent}, while {owner} took the ticket"));
        }
    }
}

#[test]
fn messages_in_parallel_are_all_there_in_one_order() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let said: BTreeSet<i64> = race(RUNNERS, |runner| {
        let text = format!("Message {runner}");
        let message = match runner % 3 {
            0 => make::note(Agent::any(), &ticket, &text),
            1 => make::message(Agent::any(), &ticket, &text),
            _ => make::message(&customer, &ticket, &text),
        };
        message["id"].as_i64().unwrap()
    })
    .into_iter()
    .collect();
    assert_eq!(said.len(), RUNNERS);
    let seen = Agent::any().walk(&format!("{path}/comments"), 7);
    assert_eq!(
        seen.iter()
            .map(|row| row["id"].as_i64().unwrap())
            .collect::<BTreeSet<_>>(),
        said
    );
    assert_eq!(Agent::any().get(&path).json()["message_count"], 50);
    assert_eq!(customer.get(&path).json()["message_count"], 33);
    assert_eq!(customer.get(&path).json()["version"], ticket["version"]);
}

#[test]
fn a_token_that_is_logged_out_is_dead_for_everybody() {
    let customer = Customer::fresh();
    let answers = race(RUNNERS, |runner| match runner {
        0 => customer.ask("POST", "/auth/logout").send().status(),
        _ => customer.get("/auth/me").status(),
    });
    assert!(
        answers.iter().all(|status| matches!(status, 200 | 204 | 401)),
        "{answers:?}"
    );
    let after = race(RUNNERS, |_| customer.get("/auth/me").status());
    assert!(after.iter().all(|status| *status == 401), "{after:?}");
}
