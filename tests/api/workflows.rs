//! Workflow rules: what they do to tickets, what they tell, and what they never get in the way of.
//!
//! Rules concern everybody, so this story has a server of its own.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::support::{Admin, Caller, Customer, Value, Worker, json, make, race, sqlite};

/// The server, for one story at a time, without a rule.
fn desk() -> MutexGuard<'static, Worker> {
    static DESK: OnceLock<Mutex<Worker>> = OnceLock::new();
    let begin = || {
        let worker = Worker::start(&[]);
        worker.seed();
        Mutex::new(worker)
    };
    let desk = DESK.get_or_init(begin).lock();
    let desk = desk.unwrap_or_else(|broken| broken.into_inner());
    let admin = Admin::on(&desk);
    for rule in admin.walk("/workflows", 100) {
        admin.delete(&format!("/workflows/{}", rule["id"])).is(204);
    }
    desk
}

fn agent(desk: &Worker) -> Caller {
    Caller::login(
        desk,
        crate::support::client::Role::Agent,
        "agent@helpdesk.com",
        "agent123",
    )
}

fn rule(admin: &Caller, on: Value, conditions: Value, actions: Value) -> Value {
    let body = json!({"name": format!("Rule {}", make::unique()), "trigger": on, "conditions": conditions, "actions": actions});
    admin.post("/workflows", body).is(201).json()
}

fn when(field: &str, op: &str, value: &str) -> Value {
    json!({"all": [{"field": field, "op": op, "value": value}]})
}

fn at(row: &Value) -> String {
    format!("/workflows/{}", row["id"])
}

fn see(by: &Caller, ticket: &Value, tail: &str) -> Value {
    by.get(&format!("/tickets/{}{tail}", ticket["id"])).is(200).json()
}

fn runs(admin: &Caller, rule: &Value) -> Vec<Value> {
    admin.walk(&format!("{}/runs", at(rule)), 2)
}

#[test]
fn urgent_money_finds_its_agent_and_tells_why() {
    let desk = desk();
    let (admin, agent, customer) = (Admin::on(&desk), agent(&desk), Customer::on(&desk));
    let rule = rule(
        &admin,
        json!({"on": "ticket_created"}),
        json!({"all": [{"field": "priority", "op": "is", "value": "urgent"}, {"field": "category", "op": "is", "value": "Billing"}]}),
        json!([
            {"type": "assign", "to": agent.id},
            {"type": "add_tag", "tag": "vip"},
            {"type": "add_note", "body": format!("{} handle with care", make::CANARY)},
        ]),
    );
    let open = |priority: &str| {
        let body = json!({"title": "Charged twice", "description": "x", "priority": priority, "category": "billing"});
        customer.post("/tickets", body).is(201)
    };
    open("low");
    let answer = open("urgent");
    assert_eq!(answer.timing("d1"), Some(1), "rules cost no trip of their own");
    let ticket = answer.json();
    assert_eq!(
        (&ticket["assignee"]["id"], &ticket["status"], &ticket["tags"]),
        (&json!(agent.id), &json!("assigned"), &json!(["vip"]))
    );
    // Staff read which rule it was and what it changed; customers read that it was a rule.
    let name = format!("rule: {}", rule["name"].as_str().unwrap());
    for (by, cause) in [(&*admin, name.as_str()), (&*customer, "rule")] {
        let history = see(by, &ticket, "/history");
        let told = history["data"].as_array().unwrap().last().unwrap();
        assert_eq!((&told["cause"], &told["actor"]), (&json!(cause), &Value::Null));
        let fields: Vec<&str> = told["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["field"].as_str().unwrap())
            .collect();
        assert_eq!(fields, ["status", "assignee", "tags"]);
    }
    let notes = see(&admin, &ticket, "/comments");
    assert_eq!(
        (
            &notes["data"][0]["is_internal"],
            &notes["data"][0]["author"]["id"]
        ),
        (&json!(true), &json!(admin.id))
    );
    for tail in ["/comments", "/timeline", "/events", "/history"] {
        let seen = see(&customer, &ticket, tail).to_string();
        assert!(
            !seen.contains(make::CANARY) && !seen.contains(rule["name"].as_str().unwrap()),
            "{seen}"
        );
    }
    let runs = runs(&admin, &rule);
    assert_eq!(runs.len(), 1);
    assert_eq!(
        (&runs[0]["outcome"], &runs[0]["ticket_id"]),
        (&json!("acted"), &ticket["id"])
    );
    assert!(
        runs[0]["details"]
            .as_array()
            .unwrap()
            .iter()
            .all(|deed| deed["outcome"] == "done")
    );
}

#[test]
fn fifty_who_want_the_same_are_heard_once() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let rule = rule(
        &admin,
        json!({"on": "ticket_updated"}),
        when("priority", "changed_to", "high"),
        json!([{"type": "add_note", "body": "High now"}, {"type": "add_tag", "tag": "hot"}]),
    );
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}/priority", ticket["id"]);
    race::race(race::RUNNERS, |_| {
        admin.put(&path, json!({"priority": "high"})).is(200).status()
    });
    let seen = see(&admin, &ticket, "");
    assert_eq!(
        (&seen["version"], &seen["tags"], &seen["message_count"]),
        (&json!(2), &json!(["hot"]), &json!(1))
    );
    assert_eq!(runs(&admin, &rule).len(), 1);
}

#[test]
fn messages_are_heard_and_wake_with_their_rules() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let angry = rule(
        &admin,
        json!({"on": "message_added", "by": "customer"}),
        when("body", "contains", "angry"),
        json!([{"type": "escalate"}, {"type": "send_notification", "to": "managers", "message": "Look"}, {"type": "set_status", "status": "waiting"}]),
    );
    rule(
        &admin,
        json!({"on": "status_changed", "from": "waiting"}),
        json!({}),
        json!([{"type": "add_tag", "tag": "woken"}]),
    );
    let noted = rule(
        &admin,
        json!({"on": "message_added", "internal": true}),
        json!({}),
        json!([{"type": "add_note", "body": "A note of a note"}]),
    );
    let ticket = make::ticket(&customer);
    make::message(&customer, &ticket, "I am calm.");
    make::message(&customer, &ticket, "I am ANGRY.");
    assert_eq!(see(&customer, &ticket, "")["priority"], "high");
    let run = &runs(&admin, &angry)[0];
    let outcomes: Vec<&str> = run["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deed| deed["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["done", "done", "refused"], "{run}");
    let take = format!("/tickets/{}/status", ticket["id"]);
    for status in ["assigned", "in_progress", "waiting"] {
        admin.put(&take, json!({"status": status})).is(200);
    }
    make::message(&customer, &ticket, "Here I am.");
    let seen = see(&customer, &ticket, "");
    assert_eq!(
        (&seen["status"], &seen["tags"]),
        (&json!("in_progress"), &json!(["woken"]))
    );
    // A note that follows a note is as hidden as that, and is not heard itself.
    make::note(&admin, &ticket, "What now?");
    assert_eq!(see(&customer, &ticket, ""), seen);
    assert_eq!(runs(&admin, &noted).len(), 1);
    assert_eq!(see(&admin, &ticket, "")["message_count"], 5);
}

#[test]
fn the_least_loaded_take_turns() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let named = json!({"name": format!("Turns {}", make::unique())});
    let category = admin.post("/categories", named).is(201).json();
    let hired = json!({"email": "", "max_open_tickets": 4, "categories": [category["id"]]});
    let hire = || {
        let mut body = hired.clone();
        body["email"] = json!(make::email());
        admin.post("/agents", body).is(201).json()
    };
    let agents = [hire(), hire(), hire()];
    let auto_assign = |word: &str| admin.put("/admin/settings", json!({"auto_assign": word})).is(200);
    auto_assign("off");
    let rule = rule(
        &admin,
        json!({"on": "ticket_created"}),
        when("category", "is", category["slug"].as_str().unwrap()),
        json!([{"type": "assign", "to": "least_loaded"}]),
    );
    let tickets = race::race(15, |_| {
        make::ticket_with(&customer, json!({"category": category["slug"]}))
    });
    for agent in &agents {
        let share = tickets
            .iter()
            .filter(|ticket| ticket["assignee"]["id"] == agent["id"])
            .count();
        assert_eq!(share, 4, "{tickets:#?}");
    }
    let pool: Vec<&Value> = tickets
        .iter()
        .filter(|ticket| ticket["assignee"].is_null())
        .collect();
    assert_eq!(pool.len(), 3);
    assert!(pool.iter().all(|ticket| ticket["status"] == "open"));
    let told = runs(&admin, &rule);
    let done = told
        .iter()
        .filter(|run| run["details"][0]["outcome"] == "done")
        .count();
    let refused = told
        .iter()
        .filter(|run| run["details"][0]["outcome"] == "refused")
        .count();
    assert_eq!((done, refused), (12, 3));
    let given = tickets
        .iter()
        .find(|ticket| !ticket["assignee"].is_null())
        .unwrap();
    let history = see(&admin, given, "/history");
    assert_eq!(history["data"].as_array().unwrap().len(), 2, "{history}");
    auto_assign("category");
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    admin
        .post("/workflows", json!({}))
        .faults(&["name", "trigger", "actions"]);
    let wrong = json!({"name": "", "trigger": {"on": "x"}, "conditions": {"all": [{}]}, "actions": [{"type": "set_status"}]});
    let places = [
        "name",
        "trigger.on",
        "conditions.all[0].field",
        "conditions.all[0].op",
        "actions[0].status",
    ];
    admin.post("/workflows", wrong).faults(&places);
    let gone =
        json!([{"type": "assign", "to": customer.id}, {"type": "set_category", "category": "nowhere"}]);
    let body = json!({"name": "x", "trigger": {"on": "ticket_created"}, "actions": gone});
    admin
        .post("/workflows", body)
        .faults(&["actions[0].to", "actions[1].category"]);
    let tell = json!([{"type": "send_notification", "to": "requester", "message": "x"}]);
    let body = json!({"name": "x", "trigger": {"on": "message_added", "internal": true}, "actions": tell});
    admin.post("/workflows", body).faults(&["actions[0].to"]);
    assert!(admin.get("/workflows").is(200).rows().is_empty());
}

#[test]
fn rules_are_kept_in_order_and_changed_with_care() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let tag = || json!([{"type": "add_tag", "tag": "x"}]);
    let names: Vec<Value> = (0..3)
        .map(|_| rule(&admin, json!({"on": "schedule"}), json!(null), tag()))
        .collect();
    admin.put(&at(&names[2]), json!({"position": -5})).is(200);
    let order: Vec<Value> = admin
        .walk("/workflows", 1)
        .iter()
        .map(|row| row["id"].clone())
        .collect();
    assert_eq!(
        order,
        [&names[2], &names[0], &names[1]].map(|row| row["id"].clone())
    );
    let path = at(&names[0]);
    let renamed = admin
        .patch(&path, json!({"name": "Renamed", "version": 1}))
        .is(200)
        .json();
    assert_eq!(
        (&renamed["name"], &renamed["version"], &renamed["actions"]),
        (&json!("Renamed"), &json!(2), &tag())
    );
    admin
        .put(&path, json!({"name": "Late", "version": 1}))
        .refused(409, "CONFLICT");
    admin
        .ask("DELETE", &path)
        .header("If-Match", "\"1-00000000\"")
        .send()
        .refused(412, "PRECONDITION_FAILED");
    let key = make::unique();
    let create = || {
        let body = json!({"name": "Once", "trigger": {"on": "assigned"}, "actions": tag()});
        admin
            .ask("POST", "/workflows")
            .header("Idempotency-Key", &key)
            .json(&body)
            .send()
            .is(201)
            .json()
    };
    assert_eq!(create(), create());
    assert_eq!(admin.walk("/workflows", 100).len(), 4);
    admin.delete(&path).is(204);
    admin.get(&path).refused(404, "NOT_FOUND");
    agent(&desk).get("/workflows").refused(403, "FORBIDDEN");
}

#[test]
fn there_are_never_too_many() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let body = |n: usize| json!({"name": format!("Rule {n}"), "trigger": {"on": "schedule"}, "actions": [{"type": "escalate"}]});
    for n in 0..95 {
        admin.post("/workflows", body(n)).is(201);
    }
    let made = race::race(20, |n| admin.post("/workflows", body(n)).status());
    assert_eq!(
        made.iter().filter(|status| **status == 201).count(),
        5,
        "{made:?}"
    );
    assert_eq!(admin.walk("/workflows", 100).len(), 100);
}

#[test]
fn a_trial_changes_nothing() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let word = make::unique();
    let hit = make::ticket_with(&customer, json!({"title": format!("Hit {word}")}));
    let miss = make::ticket(&customer);
    let rule = rule(
        &admin,
        json!({"on": "ticket_created"}),
        when("title", "contains", &word),
        json!([{"type": "set_priority", "priority": "urgent"}, {"type": "assign", "to": "least_loaded"}, {"type": "add_note", "body": "x"}]),
    );
    let path = format!("{}/simulate", at(&rule));
    let all = admin.ask("POST", &path).send().is(200).json();
    assert_eq!(all["acting"], 1);
    let one = admin
        .post(&path, json!({"ticket_id": hit["number"]}))
        .is(200)
        .json();
    let result = &one["results"][0];
    assert_eq!(
        (&result["acts"], &result["changes"][0]["field"]),
        (&json!(true), &json!("priority"))
    );
    let other = admin.post(&path, json!({"ticket_id": miss["id"]})).is(200).json();
    assert_eq!(other["results"][0]["unmet"][0]["path"], "conditions.all[0]");
    admin
        .post(&path, json!({"ticket_id": 9_007_199_254_740_991_i64}))
        .faults(&["ticket_id"]);
    assert_eq!(see(&customer, &hit, ""), hit);
    assert!(runs(&admin, &rule).is_empty());
}

#[test]
fn what_breaks_is_told_and_stands_in_nobodys_way() {
    let mut desk = desk();
    let word = make::unique();
    let (temp, broken, whole) = {
        let admin = Admin::on(&desk);
        let temp = admin
            .post("/agents", json!({"email": make::email()}))
            .is(201)
            .json();
        let on = || json!({"on": "ticket_created"});
        let to_temp = rule(
            &admin,
            on(),
            when("title", "contains", &word),
            json!([{"type": "assign", "to": temp["id"]}, {"type": "add_tag", "tag": "kept"}]),
        );
        let broken = rule(&admin, on(), json!({}), json!([{"type": "escalate"}]));
        admin.delete(&format!("/users/{}", temp["id"])).is(204);
        let seen = admin.get(&at(&to_temp)).is(200).json();
        assert_eq!(seen["problems"][0]["path"], "actions[0].to");
        // It may be renamed as it is, but not switched on.
        admin.put(&at(&to_temp), json!({"name": "Still broken"})).is(200);
        admin
            .put(&at(&to_temp), json!({"is_active": true}))
            .faults(&["actions[0].to"]);
        (temp, broken, to_temp)
    };
    assert!(temp["id"].is_i64());
    let file = desk.d1.clone().expect("the server tells its database");
    let paused = {
        let fresh = Worker::start(&[]);
        std::mem::replace(&mut *desk, fresh).pause()
    };
    let sql = format!(
        "UPDATE workflows SET actions = '[{{\"type\":\"gone\"}}]' WHERE id = {}",
        broken["id"]
    );
    sqlite::run(&file, &sql, "");
    *desk = paused.resume();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    assert_eq!(
        admin.get(&at(&broken)).is(200).json()["problems"][0]["path"],
        "actions[0].type"
    );
    for _ in 0..3 {
        let ticket = make::ticket_with(&customer, json!({"title": format!("For {word}")}));
        assert_eq!(
            (&ticket["tags"], &ticket["assignee"]),
            (&json!(["kept"]), &Value::Null)
        );
    }
    let told = runs(&admin, &broken);
    assert_eq!((told.len(), &told[0]["outcome"]), (1, &json!("broken")));
    assert_eq!(runs(&admin, &whole)[0]["details"][0]["outcome"], "refused");
}

#[test]
fn what_a_rule_has_finished_is_given_to_nobody() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let word = make::unique();
    admin
        .put("/admin/settings", json!({"auto_assign": "category"}))
        .is(200);
    rule(
        &admin,
        json!({"on": "ticket_created"}),
        when("title", "contains", &word),
        json!([{"type": "set_status", "status": "closed"}]),
    );
    let spam = make::ticket_with(
        &customer,
        json!({"title": format!("Win {word}"), "category": "billing"}),
    );
    assert_eq!(
        (&spam["status"], &spam["assignee"]),
        (&json!("closed"), &Value::Null)
    );
    let other = make::ticket_with(&customer, json!({"category": "billing"}));
    assert_eq!(other["status"], "assigned");
}
