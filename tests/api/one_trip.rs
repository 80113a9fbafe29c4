//! Opening a ticket and adding a message take one round trip, because they are decided on what the server remembers.
//! What has changed since is never overlooked: the answer is the one that a server without a memory would give.
//!
//! Settings and rules are the whole desk's, so each story has a server of its own.

use crate::support::client::Role;
use crate::support::race::{RUNNERS, race};
use crate::support::{Admin, Answer, Caller, Customer, Value, Worker, json, make};

struct Desk {
    admin: Admin,
    customer: Customer,
    /// Kept alive, and asked for further people.
    worker: Worker,
}

/// A server that remembers what it needs.
fn desk() -> Desk {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    open(&customer, json!({})).is(201);
    Desk {
        admin,
        customer,
        worker,
    }
}

fn open(by: &Caller, more: Value) -> Answer {
    let mut body =
        json!({"title": format!("Ticket {}", make::unique()), "description": "The printer is on fire."});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    by.post("/tickets", body)
}

fn say(by: &Caller, ticket: &Value, more: Value) -> Answer {
    let mut body = json!({"body": "Still burning."});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    by.post(&format!("/tickets/{}/comments", ticket["id"]), body)
}

#[track_caller]
fn in_one_trip(answer: Answer) -> Value {
    let answer = answer.is(201);
    assert_eq!(answer.timing("d1"), Some(1), "{}", answer.text());
    answer.json()
}

fn category(desk: &Desk, agents: &[i64]) -> Value {
    let body = json!({"name": make::unique()});
    let category = desk.admin.post("/categories", body).is(201).json();
    let path = format!("/categories/{}/agents", category["id"]);
    desk.admin.put(&path, json!({"agents": agents})).is(200);
    category
}

#[test]
fn a_ticket_is_opened_in_one_trip() {
    let desk = desk();
    let agent = desk.admin.hire(Role::Agent);
    in_one_trip(open(
        &desk.customer,
        json!({"priority": "high", "department": "Sales"}),
    ));
    in_one_trip(open(&desk.admin, json!({"tags": ["vip"], "assignee": null})));
    let new = json!({"customer_email": make::email()});
    assert_eq!(
        in_one_trip(open(&desk.admin, new.clone()))["requester"]["email"],
        new["customer_email"]
    );
    let (empty, staffed) = (category(&desk, &[]), category(&desk, &[agent.id]));
    let part = json!({"name": make::unique()});
    let path = format!("/categories/{}/subcategories", empty["id"]);
    let part = desk.admin.post(&path, part).is(201).json();
    for name in ["slug", "id", "uid"] {
        // The first one reads what the names refer to.
        for trips in [2, 1] {
            let opened = open(&desk.customer, json!({"category": staffed[name]})).is(201);
            assert_eq!(opened.timing("d1"), Some(trips), "{name}");
            let assignee = &opened.json()["assignee"]["id"];
            assert_eq!(assignee, &json!(agent.id), "{name}");
            let within = json!({"category": empty[name], "subcategory": part[name]});
            let opened = open(&desk.customer, within).is(201);
            assert_eq!(opened.timing("d1"), Some(trips), "{name}");
            let opened = opened.json();
            assert_eq!(
                [&opened["category"], &opened["subcategory"], &opened["assignee"]],
                [&empty["slug"], &part["slug"], &Value::Null]
            );
        }
    }
    let key = make::unique();
    let body = json!({"title": "Once", "description": "Only once."});
    let send = || {
        let ask = desk.customer.ask("POST", "/tickets");
        ask.header("Idempotency-Key", &key).json(&body).send()
    };
    let first = in_one_trip(send());
    let again = send().is(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json(), first);
}

#[test]
fn a_message_is_added_in_one_trip() {
    let desk = desk();
    let agent = desk.admin.hire(Role::Agent);
    let ticket = make::ticket(&desk.customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let see = || desk.admin.get(&path).is(200).json();
    in_one_trip(say(&desk.admin, &ticket, json!({"is_internal": true})));
    in_one_trip(say(&desk.customer, &ticket, json!({})));
    assert_eq!(see()["first_responded_at"], Value::Null);
    let said = in_one_trip(say(&agent, &ticket, json!({"body": "Water is on its way."})));
    let responded = see()["first_responded_at"].clone();
    assert_eq!(responded, said["created_at"], "the first response");
    in_one_trip(say(&agent, &ticket, json!({})));
    in_one_trip(say(
        &desk.admin,
        &ticket,
        json!({"body": format!("Thank you, @{}.", agent.email)}),
    ));
    let named = format!("/tickets/{}/comments", ticket["uid"].as_str().unwrap());
    in_one_trip(desk.customer.post(&named, json!({"body": "By its uid."})));
    let body = json!({"ticket_id": ticket["id"], "body": "Another way."});
    in_one_trip(desk.customer.post("/messages", body));
    let after = see();
    assert_eq!(
        (
            &after["first_responded_at"],
            &after["message_count"],
            &after["version"]
        ),
        (&responded, &json!(7), &ticket["version"])
    );
    // Staff who answer a ticket of their own have not responded to anybody.
    let own = make::ticket(&agent);
    for by in [&agent, &*desk.admin, &agent] {
        in_one_trip(say(by, &own, json!({})));
    }
    let events = desk.admin.walk(&format!("/tickets/{}/comments", own["id"]), 100);
    let own = desk.admin.get(&format!("/tickets/{}", own["id"])).is(200).json();
    assert_eq!(own["first_responded_at"], events[1]["created_at"]);
}

#[test]
fn settings_rules_and_policies_that_have_moved_hold_at_once() {
    let desk = desk();
    let agent = desk.admin.hire(Role::Agent);
    let category = category(&desk, &[agent.id]);
    let there = json!({"category": category["slug"]});
    let assignee = || open(&desk.customer, there.clone()).is(201).json()["assignee"]["id"].clone();
    assert_eq!([assignee(), assignee()], [json!(agent.id), json!(agent.id)]);
    desk.admin
        .put("/admin/settings", json!({"auto_assign": "off"}))
        .is(200);
    assert_eq!(assignee(), Value::Null);
    desk.admin
        .put("/admin/settings", json!({"auto_assign": "category"}))
        .is(200);
    assert_eq!(assignee(), json!(agent.id));

    let due = || {
        let ticket = open(&desk.customer, json!({"priority": "urgent"})).is(201).json();
        let at = |name: &str| {
            let text = ticket[name].as_str().unwrap();
            chrono::DateTime::parse_from_rfc3339(text).unwrap()
        };
        (at("first_response_due_at") - at("created_at")).num_minutes()
    };
    let before = due();
    let policy = json!({"first_response_minutes": 7, "resolution_minutes": 70});
    desk.admin.put("/sla/policies/urgent", policy).is(200);
    assert_eq!((due(), before == 7), (7, false));

    let ticket = make::ticket(&desk.customer);
    say(&desk.customer, &ticket, json!({})).is(201);
    for on in ["ticket_created", "message_added"] {
        let rule = json!({"name": make::unique(), "trigger": {"on": on}, "conditions": {},
            "actions": [{"type": "add_tag", "tag": on}]});
        desk.admin.post("/workflows", rule).is(201);
        let touched = if on == "ticket_created" {
            make::ticket(&desk.customer)
        } else {
            say(&desk.customer, &ticket, json!({})).is(201);
            ticket.clone()
        };
        let path = format!("/tickets/{}", touched["id"]);
        assert_eq!(desk.admin.get(&path).is(200).json()["tags"], json!([on]));
    }
}

#[test]
fn a_category_that_has_moved_is_found_anew() {
    let desk = desk();
    let category = category(&desk, &[]);
    let path = format!("/categories/{}", category["id"]);
    let by_slug = |slug: &Value| open(&desk.customer, json!({"category": slug}));
    let by_id = || open(&desk.customer, json!({"category": category["id"]}));
    for _ in 0..2 {
        by_slug(&category["slug"]).is(201);
        assert_eq!(by_id().is(201).json()["assignee"], Value::Null);
    }
    // Somebody works there now.
    let agent = desk.admin.hire(Role::Agent);
    desk.admin
        .put(&format!("{path}/agents"), json!({"agents": [agent.id]}))
        .is(200);
    assert_eq!(
        by_slug(&category["slug"]).is(201).json()["assignee"]["id"],
        json!(agent.id)
    );
    assert_eq!(by_id().is(201).json()["assignee"]["id"], json!(agent.id));
    // It has another name, and then another one has its name.
    let renamed = json!({"slug": make::unique()});
    desk.admin.put(&path, renamed.clone()).is(200);
    by_slug(&category["slug"]).faults(&["category"]);
    assert_eq!(by_id().is(201).json()["category"], renamed["slug"]);
    let other = json!({"name": make::unique(), "slug": category["slug"]});
    let other = desk.admin.post("/categories", other).is(201).json();
    assert_eq!(
        by_slug(&category["slug"]).is(201).json()["category"],
        other["slug"]
    );
    assert_eq!(
        by_slug(&renamed["slug"]).is(201).json()["category"],
        renamed["slug"]
    );
    desk.admin
        .delete(&format!("{path}?move_to={}", other["id"]))
        .is(204);
    by_slug(&renamed["slug"]).faults(&["category"]);
    by_id().faults(&["category"]);
}

#[test]
fn a_ticket_that_has_moved_is_read_first() {
    let desk = desk();
    let agent = desk.admin.hire(Role::Agent);
    let ticket = make::ticket(&desk.customer);
    let path = format!("/tickets/{}", ticket["id"]);
    for by in [&*desk.customer, &agent] {
        in_one_trip(say(by, &ticket, json!({})));
    }
    // A customer's answer resumes and reopens.
    desk.admin
        .put(&format!("{path}/assign"), json!({"assignee": agent.id}))
        .is(200);
    for status in ["in_progress", "waiting"] {
        agent
            .put(&format!("{path}/status"), json!({"status": status}))
            .is(200);
    }
    let status = || desk.admin.get(&path).is(200).json()["status"].clone();
    in_one_trip(say(&agent, &ticket, json!({})));
    assert_eq!(status(), "waiting");
    say(&desk.customer, &ticket, json!({})).is(201);
    assert_eq!(status(), "in_progress");
    agent
        .put(&format!("{path}/status"), json!({"status": "resolved"}))
        .is(200);
    say(&desk.customer, &ticket, json!({})).is(201);
    assert_eq!(status(), "reopened");
    in_one_trip(say(&desk.customer, &ticket, json!({})));
    // Who does not see it is told so, whoever has just written to it.
    let stranger = Customer::on(&desk.worker);
    say(&stranger, &ticket, json!({})).refused(404, "NOT_FOUND");
    let colleague = desk.admin.hire(Role::Agent);
    say(&colleague, &ticket, json!({})).refused(404, "NOT_FOUND");
    say(&desk.customer, &ticket, json!({"is_internal": true})).refused(403, "FORBIDDEN");
    say(&desk.admin, &json!({"id": 9_007_199_254_740_991_i64}), json!({})).refused(404, "NOT_FOUND");
    let count = || desk.admin.walk(&format!("{path}/comments"), 100).len();
    let before = count();
    desk.admin.delete(&path).is(204);
    for by in [&*desk.customer, &agent, &*desk.admin] {
        say(by, &ticket, json!({})).refused(404, "NOT_FOUND");
    }
    desk.admin.post(&format!("{path}/restore"), json!({})).is(200);
    assert_eq!(count(), before, "nothing of what was refused is there");
}

#[test]
fn an_authority_that_has_ended_writes_nothing() {
    let desk = desk();
    let ticket = make::ticket(&desk.customer);
    let tickets = || desk.admin.get("/tickets?count=true").is(200).json()["meta"]["total"].clone();
    let messages = || {
        desk.admin
            .get(&format!("/tickets/{}", ticket["id"]))
            .is(200)
            .json()["message_count"]
            .clone()
    };
    let session_ends: fn(&Admin, &Caller) = |_, by| {
        let session = json!({"email": by.email, "password": make::PASSWORD});
        let other = Caller::nobody(&by.host)
            .post("/auth/login", session)
            .is(200)
            .json();
        let other = Caller::from_session(&by.host, by.role, &other);
        for row in other.get("/auth/sessions").is(200).rows() {
            if row["is_current"] == false {
                other.delete(&format!("/auth/sessions/{}", row["id"])).is(204);
            }
        }
    };
    let is_switched_off: fn(&Admin, &Caller) = |admin, by| {
        admin
            .put(&format!("/users/{}", by.id), json!({"is_active": false}))
            .is(200);
    };
    let becomes_a_manager: fn(&Admin, &Caller) = |admin, by| {
        admin
            .put(&format!("/users/{}", by.id), json!({"role": "manager"}))
            .is(200);
    };
    for end in [session_ends, is_switched_off, becomes_a_manager] {
        let by = desk.admin.hire(Role::Agent);
        in_one_trip(open(&by, json!({})));
        in_one_trip(say(&by, &ticket, json!({})));
        end(&desk.admin, &by);
        let before = (tickets(), messages());
        open(&by, json!({})).refused(401, "UNAUTHORIZED");
        say(&by, &ticket, json!({})).refused(401, "UNAUTHORIZED");
        assert_eq!((tickets(), messages()), before);
    }
}

#[test]
fn what_races_with_the_end_of_an_authority_is_written_or_refused() {
    let desk = desk();
    let ticket = make::ticket(&desk.customer);
    let by = desk.admin.hire(Role::Agent);
    in_one_trip(open(&by, json!({})));
    in_one_trip(say(&by, &ticket, json!({})));
    let answers = race(RUNNERS, |runner| match runner {
        25 => desk
            .admin
            .put(&format!("/users/{}", by.id), json!({"is_active": false})),
        _ if runner % 2 == 0 => open(&by, json!({})),
        _ => say(&by, &ticket, json!({})),
    });
    let (mut opened, mut said) = (1, 1);
    for (runner, answer) in answers.iter().enumerate().filter(|(runner, _)| *runner != 25) {
        match answer.status() {
            201 if runner % 2 == 0 => opened += 1,
            201 => said += 1,
            401 => {}
            _ => answer.fail("written or refused"),
        }
    }
    let own = format!("/tickets?requester_id={}&count=true", by.id);
    let total = desk.admin.get(&own).is(200).json()["meta"]["total"].clone();
    let seen = desk
        .admin
        .get(&format!("/tickets/{}", ticket["id"]))
        .is(200)
        .json();
    assert_eq!((&total, &seen["message_count"]), (&json!(opened), &json!(said)));
    open(&by, json!({})).refused(401, "UNAUTHORIZED");
}

#[test]
fn what_races_with_settings_and_statuses_is_decided_on_one_of_them() {
    let desk = desk();
    let agent = desk.admin.hire(Role::Agent);
    let category = category(&desk, &[agent.id]);
    let ticket = make::ticket(&desk.customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let answers = race(RUNNERS, |runner| match runner {
        10 => desk.admin.put("/admin/settings", json!({"auto_assign": "off"})),
        20 => desk
            .admin
            .put(&format!("{path}/status"), json!({"status": "closed"})),
        _ if runner % 2 == 0 => open(&desk.customer, json!({"category": category["slug"]})),
        _ => say(&desk.customer, &ticket, json!({})),
    });
    for (runner, answer) in answers.iter().enumerate() {
        let wanted = if matches!(runner, 10 | 20) { 200 } else { 201 };
        assert_eq!(answer.status(), wanted, "{}", answer.text());
    }
    let seen = desk.admin.get(&path).is(200).json();
    assert_eq!(seen["message_count"], json!(RUNNERS / 2));
    // Messages before it was closed leave it closed; the first one after that reopens it.
    let history = desk.admin.walk(&format!("{path}/timeline"), 100);
    let closed = history
        .iter()
        .position(|entry| entry["type"] == "status_changed")
        .unwrap();
    let is_last = history[closed..].iter().all(|entry| entry["type"] != "message");
    assert_eq!(seen["status"] == "closed", is_last, "{seen}");
    let later = open(&desk.customer, json!({"category": category["slug"]})).is(201);
    assert_eq!(later.json()["assignee"], Value::Null);
}
