//! Custom fields: what a desk wants to know of its tickets, who sees it, and where it is found.
//!
//! Fields concern every ticket, so these stories have a server of their own, one at a time.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::support::client::{Role, escape};
use crate::support::stub::Sent;
use crate::support::{Admin, Caller, Customer, Stub, Value, Worker, json, make, race, socket, worker};

/// The server, without a field in use.
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
    let desk = desk.unwrap_or_else(|broken| broken.into_inner());
    let admin = Admin::on(&desk);
    for field in admin.walk("/custom-fields", 100) {
        admin.delete(&at(&field)).is(204);
    }
    desk
}

fn at(field: &Value) -> String {
    format!("/custom-fields/{}", field["id"])
}

/// A key that no other field has.
fn key() -> String {
    format!("k{}", make::unique())
}

fn field(by: &Caller, kind: &str, more: Value) -> Value {
    let mut body = json!({"key": key(), "name": "Asked", "type": kind});
    if kind.ends_with("select") {
        body["options"] = json!(["Free", "Pro", "Ünlü"]);
    }
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    by.post("/custom-fields", body).is(201).json()
}

fn name(field: &Value) -> &str {
    field["key"].as_str().unwrap()
}

/// `{"custom_fields": {...}}` with one value.
fn one(field: &Value, value: impl Into<Value>) -> Value {
    json!({"custom_fields": {name(field): value.into()}})
}

fn see(by: &Caller, ticket: &Value, tail: &str) -> Value {
    by.get(&format!("/tickets/{}{tail}", ticket["id"])).is(200).json()
}

fn put(by: &Caller, ticket: &Value, body: Value) -> crate::support::Answer {
    by.put(&format!("/tickets/{}", ticket["id"]), body)
}

#[test]
fn managers_say_which_fields_there_are() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let (manager, agent) = (admin.hire(Role::Manager), admin.hire(Role::Agent));
    let all = field(&manager, "select", json!({"visible_to": "all", "name": "Plan"}));
    let staff = field(&manager, "text", json!({}));
    assert_eq!(
        (
            &all["options"],
            &staff["visible_to"],
            &staff["required_on"],
            &staff["project"]
        ),
        (
            &json!(["Free", "Pro", "Ünlü"]),
            &json!("staff"),
            &json!("none"),
            &Value::Null
        )
    );
    let keys = |by: &Caller| -> Vec<Value> {
        let fields = by.walk("/custom-fields", 1);
        fields.into_iter().map(|field| field["key"].clone()).collect()
    };
    assert_eq!(keys(&agent), [all["key"].clone(), staff["key"].clone()]);
    assert_eq!(keys(&customer), [all["key"].clone()]);
    customer.get(&at(&staff)).is(404);
    customer.get(&at(&all)).is(200);
    for weak in [&customer as &Caller, &agent] {
        weak.post("/custom-fields", json!({})).is(403);
        weak.put(&at(&all), json!({"name": "x"})).is(403);
    }
    // Names are given once, and a hidden field says how it comes back.
    let again = json!({"key": all["key"], "name": "Again", "type": "text"});
    manager
        .post("/custom-fields", again.clone())
        .refused(409, "CONFLICT");
    manager.delete(&at(&all)).is(204);
    manager.delete(&at(&all)).is(204);
    customer.get(&at(&all)).is(404);
    let refused = manager
        .post("/custom-fields", again)
        .refused(409, "CONFLICT")
        .json();
    let revive = &refused["details"]["revive"];
    assert_eq!(
        (&revive["path"], &revive["body"]),
        (
            &json!(format!("/api/v1{}", at(&all))),
            &json!({"is_active": true})
        )
    );
    assert_eq!(keys(&agent), [staff["key"].clone()]);
    let hidden = agent.get("/custom-fields?is_active=false").is(200).rows();
    assert!(hidden.iter().any(|field| field["key"] == all["key"]));
    manager.put(&at(&all), json!({"is_active": true})).is(200);
    assert_eq!(keys(&customer), [all["key"].clone()]);
    // What is wrong is told at its place.
    for (body, fault) in [
        (json!({"key": "Big", "name": "x", "type": "text"}), "key"),
        (json!({"key": "a.b", "name": "x", "type": "text"}), "key"),
        (json!({"key": key(), "name": "x", "type": "colour"}), "type"),
        (json!({"key": key(), "name": "x", "type": "select"}), "options"),
        (
            json!({"key": key(), "name": "x", "type": "text", "options": ["a"]}),
            "options",
        ),
        (
            json!({"key": key(), "name": "x", "type": "select", "options": ["a", "Á"]}),
            "options",
        ),
        (
            json!({"key": key(), "name": "x", "type": "text", "project": "NONE"}),
            "project",
        ),
        (
            json!({"key": key(), "name": "x", "type": "text", "required_on": "always"}),
            "required_on",
        ),
    ] {
        manager.post("/custom-fields", body).faults(&[fault]);
    }
    manager.put(&at(&all), json!({"key": "other"})).faults(&["key"]);
    manager.put(&at(&all), json!({"type": "text"})).faults(&["type"]);
    // Versions, and keys of requests.
    let version = manager.get(&at(&all)).is(200).json()["version"].as_i64().unwrap();
    manager
        .put(&at(&all), json!({"name": "x", "version": version - 1}))
        .refused(409, "CONFLICT");
    let late = manager
        .ask("PUT", &at(&all))
        .header("If-Match", "\"1\"")
        .json(&json!({"name": "x"}))
        .send();
    late.refused(412, "PRECONDITION_FAILED");
    let word = make::unique();
    let body = json!({"key": key(), "name": "Once", "type": "date"});
    let send = || {
        manager
            .ask("POST", "/custom-fields")
            .header("Idempotency-Key", &word)
            .json(&body)
            .send()
    };
    assert_eq!(send().is(201).json(), send().is(201).json());
}

#[test]
fn values_are_checked_and_leave_a_history() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let agent = admin.hire(Role::Manager);
    let (plan, secret) = (
        field(&admin, "select", json!({"visible_to": "all"})),
        field(&admin, "number", json!({})),
    );
    let mut body = json!({"title": "With a plan", "description": "x"});
    body["custom_fields"] = json!({name(&plan): "pro"});
    let opened = customer.post("/tickets", body.clone()).is(201).json();
    assert_eq!(opened["custom_fields"], json!({name(&plan): "Pro"}));
    for (given, fault) in [
        (
            json!({name(&plan): "Gold"}),
            format!("custom_fields.{}", name(&plan)),
        ),
        (
            json!({name(&secret): 1}),
            format!("custom_fields.{}", name(&secret)),
        ),
        (json!({"nothing": 1}), "custom_fields.nothing".to_owned()),
        (json!("x"), "custom_fields".to_owned()),
    ] {
        body["custom_fields"] = given;
        customer.post("/tickets", body.clone()).faults(&[&fault]);
    }
    // Customers say it once, and change it no more.
    put(&customer, &opened, one(&plan, "Free")).refused(403, "FORBIDDEN");
    put(&customer, &opened, one(&secret, 5)).refused(403, "FORBIDDEN");
    let both = json!({name(&plan): "Free", name(&secret): 5});
    let changed = put(&agent, &opened, json!({"custom_fields": both}))
        .is(200)
        .json();
    assert_eq!(
        changed["custom_fields"],
        json!({name(&plan): "Free", name(&secret): 5})
    );
    assert_eq!(
        put(&agent, &opened, one(&secret, 5.0)).is(200).json()["version"],
        changed["version"]
    );
    put(&agent, &opened, one(&secret, "five")).faults(&[&format!("custom_fields.{}", name(&secret))]);
    let last = |by: &Caller| {
        see(by, &opened, "/history")["data"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone()
    };
    let told = |event: &Value| -> Vec<(Value, Value, Value)> {
        let changes = event["changes"].as_array().unwrap().iter();
        changes
            .map(|change| {
                (
                    change["field"].clone(),
                    change["from"].clone(),
                    change["to"].clone(),
                )
            })
            .collect()
    };
    let of_plan = (
        json!(format!("custom.{}", name(&plan))),
        json!("Pro"),
        json!("Free"),
    );
    let of_secret = (json!(format!("custom.{}", name(&secret))), Value::Null, json!(5));
    assert_eq!(told(&last(&agent)), [of_plan.clone(), of_secret]);
    assert_eq!(told(&last(&customer)), std::slice::from_ref(&of_plan));
    assert_eq!(
        see(&customer, &opened, "")["custom_fields"],
        json!({name(&plan): "Free"})
    );
    // A field that is hidden is gone from the ticket, and its past stays.
    admin.delete(&at(&plan)).is(204);
    assert_eq!(
        see(&agent, &opened, "")["custom_fields"],
        json!({name(&secret): 5})
    );
    assert_eq!(see(&customer, &opened, "")["custom_fields"], json!({}));
    put(&agent, &opened, one(&plan, "Pro")).faults(&[&format!("custom_fields.{}", name(&plan))]);
    assert!(told(&last(&agent)).contains(&of_plan));
    put(&agent, &opened, one(&secret, Value::Null)).is(200);
    admin.put(&at(&plan), json!({"is_active": true})).is(200);
    assert_eq!(
        see(&customer, &opened, "")["custom_fields"],
        json!({name(&plan): "Free"})
    );
}

#[test]
fn what_is_required_is_asked_for() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let project = json!({"key": make::project_key(), "name": "With fields"});
    let project = admin.post("/projects", project).is(201).json();
    let other = json!({"key": make::project_key(), "name": "Without"});
    let other = admin.post("/projects", other).is(201).json();
    let of = |kind, on, to| {
        field(
            &admin,
            kind,
            json!({"project": project["key"], "required_on": on, "visible_to": to}),
        )
    };
    let (first, last) = (of("date", "create", "all"), of("boolean", "resolve", "staff"));
    let mut body = json!({"title": "In a project", "description": "x", "project": project["key"], "workflow": "support"});
    let path = |field: &Value| format!("custom_fields.{}", name(field));
    admin.post("/tickets", body.clone()).faults(&[&path(&first)]);
    let own = json!({"title": "In a project", "description": "x", "project": project["key"]});
    customer.post("/tickets", own).faults(&[&path(&first)]);
    body["custom_fields"] = json!({name(&first): "2026-02-30"});
    admin.post("/tickets", body.clone()).faults(&[&path(&first)]);
    body["custom_fields"] = json!({name(&first): "2026-02-28"});
    let ticket = admin.post("/tickets", body).is(201).json();
    put(&admin, &ticket, one(&first, Value::Null)).faults(&[&path(&first)]);
    for status in ["assigned", "in_progress"] {
        put(&admin, &ticket, json!({"status": status})).is(200);
    }
    put(&admin, &ticket, json!({"status": "resolved"})).faults(&[&path(&last)]);
    admin
        .put(&format!("/tickets/{}/close", ticket["id"]), json!({}))
        .faults(&[&path(&last)]);
    let done = json!({"status": "resolved", "custom_fields": {name(&last): false}});
    assert_eq!(put(&admin, &ticket, done).is(200).json()["status"], "resolved");
    put(&admin, &ticket, one(&last, Value::Null)).faults(&[&path(&last)]);
    // Elsewhere nobody asks, and nobody may say.
    let plain = admin
        .post("/tickets", json!({"title": "Elsewhere", "description": "x"}))
        .is(201)
        .json();
    put(&admin, &plain, one(&last, true)).faults(&[&path(&last)]);
    let moved = put(&admin, &ticket, json!({"project": other["key"]}))
        .is(200)
        .json();
    assert_eq!(moved["custom_fields"], json!({}));
}

#[test]
fn tickets_are_found_by_what_their_fields_say() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let agent = admin.hire(Role::Agent);
    admin
        .put("/admin/settings", json!({"agent_scope": "all"}))
        .is(200);
    let seen = |kind| field(&admin, kind, json!({"visible_to": "all"}));
    let (order, seats, plans, due) = (seen("text"), seen("number"), seen("multi_select"), seen("date"));
    let (is_vip, risk) = (
        field(&admin, "boolean", json!({})),
        field(&admin, "select", json!({})),
    );
    let words = make::unique();
    let mut tickets = Vec::new();
    for n in 1..=3 {
        let ticket = make::ticket(&customer);
        let given = json!({
            name(&order): format!("Größe {words}-n{n}"), name(&seats): n, name(&plans): ["Free", "ünlü"],
            name(&due): format!("2026-03-0{n}"), name(&is_vip): n == 2, name(&risk): "Pro",
        });
        put(&admin, &ticket, json!({"custom_fields": given})).is(200);
        tickets.push(ticket["id"].as_i64().unwrap());
    }
    let found = |by: &Caller, field: &Value, value: &str| {
        let query = format!(
            "/tickets?requester={}&custom.{}={}",
            customer.id,
            name(field),
            escape(value)
        );
        let rows = by.walk(&query, 2);
        rows.into_iter()
            .map(|row| row["id"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    for (field, value, want) in [
        (&order, format!("grosse {words}-n2"), vec![tickets[1]]),
        (&order, "Größe".to_owned(), vec![]),
        (&seats, "3.0".to_owned(), vec![tickets[2]]),
        (
            &plans,
            "UNLU".to_owned(),
            vec![tickets[2], tickets[1], tickets[0]],
        ),
        (&plans, "Pro".to_owned(), vec![]),
        (&due, "2026-03-01".to_owned(), vec![tickets[0]]),
    ] {
        for by in [&agent as &Caller, &customer] {
            assert_eq!(found(by, field, &value), want, "{field} {value}");
        }
    }
    assert_eq!(found(&agent, &is_vip, "true"), [tickets[1]]);
    assert_eq!(found(&agent, &risk, "pro").len(), 3);
    // Alone it walks its own index, whatever else there is.
    let alone = agent
        .get(&format!("/tickets?custom.{}=2&count=true", name(&seats)))
        .is(200);
    assert_eq!(
        (alone.ids(), &alone.json()["meta"]["total"]),
        (vec![tickets[1]], &json!(1))
    );
    assert_eq!(alone.timing("d1"), Some(1));
    assert!(
        alone.timing("rows_read").unwrap() < 100,
        "{:?}",
        alone.timing("rows_read")
    );
    for (by, field, value) in [
        (&agent as &Caller, &risk, "Gold"),
        (&agent, &seats, "many"),
        (&customer, &risk, "Pro"),
    ] {
        let path = format!("/tickets?custom.{}={value}", name(field));
        by.get(&path).faults(&[&format!("custom.{}", name(field))]);
    }
    agent.get("/tickets?custom.nothing=1").faults(&["custom.nothing"]);
    // A cursor belongs to its filter.
    let page = agent
        .get(&format!("/tickets?limit=1&custom.{}=Pro", name(&risk)))
        .is(200)
        .json();
    let cursor = page["meta"]["next_cursor"].as_str().unwrap();
    agent
        .get(&format!(
            "/tickets?limit=1&custom.{}=Free&cursor={cursor}",
            name(&risk)
        ))
        .faults(&["cursor"]);
    // Texts and options are searched, by everybody who sees them.
    let search = |by: &Caller, q: &str| by.get(&format!("/tickets?q={}", escape(q))).is(200).ids();
    for by in [&agent as &Caller, &customer] {
        assert_eq!(search(by, &format!("GROSSE {words} N3")), [tickets[2]]);
    }
    put(&admin, &json!({"id": tickets[2]}), one(&order, Value::Null)).is(200);
    assert!(search(&agent, &format!("{words} n3")).is_empty());
    make::message(&customer, &json!({"id": tickets[1]}), "More to say.");
    assert_eq!(search(&customer, &format!("{words} n2")), [tickets[1]]);
}

#[test]
fn what_is_for_staff_leaves_no_trace_for_a_customer() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let (risk, open) = (
        field(&admin, "text", json!({})),
        field(&admin, "text", json!({"visible_to": "all"})),
    );
    let hook = format!("/hook-{}", make::unique());
    let url = format!("{}{hook}", Stub::shared().url);
    let webhook = admin
        .post("/webhooks", json!({"url": url, "events": ["*"]}))
        .is(201)
        .json();
    let ticket = make::ticket(&customer);
    let mut room = socket::room(&customer, &ticket);
    let trace = || {
        let mut all = String::new();
        for path in ["", "/history", "/timeline", "/events"] {
            all.push_str(
                &customer
                    .get(&format!("/tickets/{}{path}", ticket["id"]))
                    .is(200)
                    .text(),
            );
        }
        for path in [
            "/tickets",
            "/tickets?sort=-updated_at",
            "/tickets?fields=row,custom_fields",
            "/custom-fields",
            "/notifications",
        ] {
            all.push_str(&customer.get(path).is(200).text());
        }
        all
    };
    let before = trace();
    let version = |text: &str| {
        // The version guards changes and says nothing of them; all else is as it was.
        let mut parts = text.split("\"version\":");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        out
    };
    let canary = make::CANARY;
    put(&admin, &ticket, one(&risk, format!("{canary} risk"))).is(200);
    assert_eq!(version(&trace()), version(&before));
    for q in [canary, "risk"] {
        assert!(customer.get(&format!("/tickets?q={q}")).is(200).ids().is_empty());
        assert_eq!(
            admin.get(&format!("/tickets?q={q}")).is(200).ids(),
            [ticket["id"].as_i64().unwrap()]
        );
    }
    // Gone is gone, in the search too.
    put(&admin, &ticket, one(&risk, Value::Null)).is(200);
    assert!(
        admin
            .get(&format!("/tickets?q={canary}"))
            .is(200)
            .ids()
            .is_empty()
    );
    // Together with something public only that is told.
    let both = json!({"custom_fields": {name(&risk): format!("{canary} more"), name(&open): "said aloud"}});
    put(&admin, &ticket, both).is(200);
    let frame = room.hear("ticket_updated");
    assert!(
        frame.to_string().contains("said aloud") && !frame.to_string().contains(name(&risk)),
        "{frame}"
    );
    let after = trace();
    assert!(after.contains("said aloud") && !after.contains(canary) && !after.contains(name(&risk)));
    put(&admin, &ticket, json!({"title": "Marks the end"})).is(200);
    room.hear("ticket_updated");
    assert!(room.rest().is_empty());
    // What an endpoint hears that is told nothing internal.
    let heard = Stub::shared().wait(3, |sent: &Sent| sent.path == hook);
    assert!(heard.iter().all(|sent| !sent.body.contains(canary)));
    assert!(heard.iter().any(|sent| sent.body.contains("said aloud")));
    admin.delete(&format!("/webhooks/{}", webhook["id"])).is(204);
    // What customers have seen cannot be hidden from them while it is there.
    admin
        .put(&at(&open), json!({"visible_to": "staff"}))
        .refused(409, "CONFLICT");
    put(&admin, &ticket, one(&open, Value::Null)).is(200);
    admin.put(&at(&open), json!({"visible_to": "staff"})).is(200);
    assert!(
        !see(&customer, &ticket, "/history")
            .to_string()
            .contains("said aloud")
    );
    admin.put(&at(&open), json!({"visible_to": "all"})).is(200);
}

#[test]
fn rules_ask_for_fields_and_set_them() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let (plan, seats) = (
        field(&admin, "select", json!({"visible_to": "all"})),
        field(&admin, "number", json!({})),
    );
    let of_plan = format!("custom.{}", name(&plan));
    let rule = json!({"name": "Big plans", "trigger": {"on": "ticket_created"},
        "conditions": {"all": [{"field": of_plan, "op": "is", "value": "PRO"}]},
        "actions": [{"type": "set_custom_field", "key": name(&seats), "value": 10}, {"type": "set_priority", "priority": "high"}]});
    let rule = admin.post("/workflows", rule).is(201).json();
    let changed = json!({"name": "Fewer", "trigger": {"on": "ticket_updated"},
        "conditions": {"all": [{"field": of_plan, "op": "changed_to", "value": "Free"}]},
        "actions": [{"type": "set_custom_field", "field": format!("custom.{}", name(&seats)), "value": null}]});
    let changed = admin.post("/workflows", changed).is(201).json();
    let ticket = make::ticket_with(&customer, one(&plan, "Pro"));
    let staffs = see(&admin, &ticket, "");
    assert_eq!(
        (&staffs["custom_fields"][name(&seats)], &staffs["priority"]),
        (&json!(10), &json!("high"))
    );
    assert_eq!(
        see(&customer, &ticket, "")["custom_fields"],
        json!({name(&plan): "Pro"})
    );
    put(&admin, &ticket, one(&plan, "Free")).is(200);
    assert_eq!(
        see(&admin, &ticket, "")["custom_fields"],
        json!({name(&plan): "Free"})
    );
    assert!(
        !see(&customer, &ticket, "/history")
            .to_string()
            .contains(name(&seats))
    );
    // What a rule names must be there, and be valid.
    for (part, body, fault) in [
        (
            "actions",
            json!([{"type": "set_custom_field", "key": "nothing", "value": 1}]),
            "actions[0].key",
        ),
        (
            "actions",
            json!([{"type": "set_custom_field", "key": name(&seats), "value": "x"}]),
            "actions[0].value",
        ),
        (
            "actions",
            json!([{"type": "set_custom_field", "key": "A b"}]),
            "actions[0].key",
        ),
        (
            "conditions",
            json!({"any": [{"field": "custom.nothing", "op": "is", "value": 1}]}),
            "conditions.any[0].field",
        ),
    ] {
        let answer = admin.put(&format!("/workflows/{}", rule["id"]), json!({part: body}));
        let errors = answer.refused(400, "VALIDATION_ERROR").json()["errors"].clone();
        assert!(errors.get(fault).is_some(), "{fault}: {errors}");
    }
    // A rule whose field is hidden says so, and stands in nobody's way.
    admin.delete(&at(&seats)).is(204);
    let problems = admin.get(&format!("/workflows/{}", rule["id"])).is(200).json()["problems"].clone();
    assert_eq!(problems[0]["path"], "actions[0].key", "{problems}");
    make::ticket_with(&customer, one(&plan, "Pro"));
    for rule in [rule, changed] {
        admin.delete(&format!("/workflows/{}", rule["id"])).is(204);
    }
}

#[test]
fn fifty_who_change_values_at_once_lose_none() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let fields: Vec<Value> = (0..5).map(|_| field(&admin, "number", json!({}))).collect();
    let ticket = make::ticket(&admin);
    let answers = race(50, |n| put(&admin, &ticket, one(&fields[n % 5], n as i64)));
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status())));
    let values = see(&admin, &ticket, "")["custom_fields"].clone();
    // What the history says last of each field is its value, and so is what finds the ticket.
    let history = admin.walk(&format!("/tickets/{}/history", ticket["id"]), 100);
    for field in &fields {
        let path = json!(format!("custom.{}", name(field)));
        let mut changes = history
            .iter()
            .flat_map(|event| event["changes"].as_array().unwrap());
        let last = changes
            .rfind(|change| change["field"] == path)
            .map(|change| change["to"].clone());
        assert_eq!(last.as_ref(), values.get(name(field)));
        if let Some(value) = last {
            let found = admin
                .get(&format!("/tickets?custom.{}={value}", name(field)))
                .is(200)
                .ids();
            assert_eq!(found, [ticket["id"].as_i64().unwrap()]);
        }
    }
}

#[test]
fn a_text_is_taken_out_of_fields_too() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let note = field(&admin, "text", json!({"visible_to": "all"}));
    let ticket = make::ticket(&admin);
    let pin = make::unique();
    put(&admin, &ticket, one(&note, format!("PIN {pin}"))).is(200);
    put(&admin, &ticket, one(&note, format!("the PIN is {pin}"))).is(200);
    let redacted = admin
        .post(&format!("/tickets/{}/redact", ticket["id"]), json!({"text": pin}))
        .is(200)
        .json();
    assert_eq!(redacted["custom_fields"], json!({name(&note): "the PIN is █"}));
    assert!(!see(&admin, &ticket, "/history").to_string().contains(&pin));
    assert!(admin.get(&format!("/tickets?q={pin}")).is(200).ids().is_empty());
    let path = format!(
        "/tickets?custom.{}={}",
        name(&note),
        escape(&format!("the PIN is {pin}"))
    );
    assert!(admin.get(&path).is(200).ids().is_empty());
}

/// A field costs nothing where it is not used, and one row for each value where it is.
#[test]
fn values_write_few_rows() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let seats = field(&admin, "number", json!({}));
    let open = |more: Value| {
        let mut body = json!({"title": "Counted", "description": "x", "assignee": null});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        admin.post("/tickets", body).is(201)
    };
    open(json!({}));
    let (plain, full) = (open(json!({})), open(one(&seats, 5)));
    assert_eq!((plain.timing("d1"), full.timing("d1")), (Some(1), Some(1)));
    let rows = |answer: &crate::support::Answer| answer.timing("rows_written").unwrap();
    assert_eq!(rows(&full), rows(&plain) + 1);
}

#[test]
fn many_tickets_get_values_at_once() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let seats = field(&admin, "number", json!({}));
    let tickets: Vec<Value> = (0..3).map(|_| make::ticket(&admin)["id"].clone()).collect();
    let order = |value: Value| json!({"ids": tickets, "changes": {"custom_fields": {name(&seats): value}}});
    let done = admin.post("/tickets/bulk", order(json!(7))).is(200).json();
    assert_eq!(done["meta"]["changed"], 3, "{done}");
    let found = admin
        .get(&format!("/tickets?custom.{}=7", name(&seats)))
        .is(200)
        .ids();
    assert_eq!(found.len(), 3);
    let refused = admin.post("/tickets/bulk", order(json!("seven"))).is(200).json();
    assert_eq!(refused["meta"]["refused"], 3, "{refused}");
    // What would change other tickets than are meant is refused.
    let by_view = json!({"filter": {"view": 1}, "changes": {"priority": "low"}});
    admin.post("/tickets/bulk", by_view).faults(&["filter.view"]);
}
