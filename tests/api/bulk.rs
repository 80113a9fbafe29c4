//! Many tickets in one request: each is changed as by a request of its own, and one that is refused stops no other.

use std::collections::BTreeSet;

use crate::support::client::Role;
use crate::support::{Admin, Agent, Answer, Caller, Customer, Manager, Value, Worker, json, make, race};

fn bulk(by: &Caller, ids: &[&Value], changes: Value) -> Answer {
    by.post("/tickets/bulk", json!({"ids": ids, "changes": changes}))
}

fn results(answer: &Answer) -> Vec<String> {
    let rows = answer.rows();
    rows.iter()
        .map(|row| row["result"].as_str().unwrap().to_owned())
        .collect()
}

fn status(ticket: &Value, to: &str) {
    Manager::any()
        .put(
            &format!("/tickets/{}/status", ticket["id"]),
            json!({"status": to}),
        )
        .is(200);
}

#[test]
fn forty_are_closed_but_for_three_that_say_why() {
    let (manager, customer) = (Manager::any(), Customer::fresh());
    let tag = make::unique();
    let tickets: Vec<Value> = (0..40)
        .map(|_| make::ticket_with(manager, json!({"customer_email": customer.email, "tags": [tag]})))
        .collect();
    for ticket in &tickets[10..13] {
        let path = format!("/tickets/{}/assign", ticket["id"]);
        manager.put(&path, json!({"assignee": manager.id})).is(200);
        status(ticket, "in_progress");
        status(ticket, "waiting");
    }
    let body = json!({"filter": {"tag": tag}, "changes": {"status": "closed"}});
    let answer = manager.post("/tickets/bulk", body).is(200);
    let told = answer.json();
    assert_eq!(
        told["meta"],
        json!({"changed": 37, "unchanged": 0, "refused": 3, "total_matching": 40, "remaining": 0})
    );
    let list = manager
        .get(&format!("/tickets?tag={tag}&limit=100"))
        .is(200)
        .ids();
    assert_eq!(answer.ids(), list, "in the order of the list");
    for row in answer.rows() {
        let path = format!("/tickets/{}", row["id"]);
        let ticket = customer.get(&path).is(200).json();
        assert_eq!(ticket["number"], row["number"]);
        if row["result"] == "changed" {
            assert_eq!(ticket["status"], "closed");
            assert!(row.get("error").is_none());
            continue;
        }
        assert_eq!(
            (&row["result"], &ticket["status"]),
            (&json!("refused"), &json!("waiting"))
        );
        let alone = manager.put(&format!("{path}/status"), json!({"status": "closed"}));
        let mut alone = alone.refused(409, "INVALID_TRANSITION").json();
        alone.as_object_mut().unwrap().remove("request_id");
        assert_eq!(row["error"], alone, "the error of a request of its own");
    }
    // Again: what is closed stays so, and is no mistake.
    let again = manager
        .post(
            "/tickets/bulk",
            json!({"filter": {"tag": [tag]}, "changes": {"status": "closed"}}),
        )
        .is(200)
        .json();
    assert_eq!(
        (&again["meta"]["unchanged"], &again["meta"]["refused"]),
        (&json!(37), &json!(3))
    );
}

/// What two tickets that were treated alike must have in common.
fn story(ticket: &Value, readers: &[&Caller]) -> Value {
    let path = format!("/tickets/{}", ticket["id"]);
    let mut told = Vec::new();
    for reader in readers {
        let mut row = reader.get(&path).is(200).json();
        for own in [
            "id",
            "uid",
            "number",
            "key",
            "title",
            "created_at",
            "updated_at",
            "resolved_at",
            "closed_at",
        ] {
            row[own] = json!(row[own].is_null());
        }
        for own in ["first_response_due_at", "first_responded_at", "resolution_due_at"] {
            row[own] = json!(row[own].is_null());
        }
        let events: Vec<Value> = reader
            .walk(&format!("{path}/events"), 100)
            .iter()
            .map(|event| {
                json!([
                    event["seq"],
                    event["type"],
                    event["actor"]["id"],
                    event["changes"],
                    event["message"]["body"]
                ])
            })
            .collect();
        let notices: Vec<Value> = reader
            .walk("/notifications", 100)
            .into_iter()
            .filter(|notice| notice["ticket"]["id"] == ticket["id"])
            .map(|notice| json!([notice["kind"], notice["event"]["type"]]))
            .collect();
        told.push(json!([row, events, notices]));
    }
    Value::from(told)
}

#[test]
fn each_is_changed_as_by_a_request_of_its_own() {
    let (manager, customer, agent) = (Manager::fresh(), Customer::fresh(), Agent::fresh());
    let category = manager
        .post("/categories", json!({"name": make::unique()}))
        .is(201)
        .json();
    let project = make::project(json!({}));
    let note = format!("{} they are late", make::CANARY);
    for (changes, single) in [
        (json!({"status": "in_progress"}), json!({"status": "in_progress"})),
        (json!({"priority": "urgent"}), json!({"priority": "urgent"})),
        (
            json!({"category": category["slug"]}),
            json!({"category": category["slug"]}),
        ),
        (json!({"assignee": null}), json!({"assignee": null})),
        (json!({"agent_id": manager.id}), json!({"assignee": manager.id})),
        (
            json!({"project": project["key"], "department": "Legal"}),
            json!({"project": project["key"], "department": "Legal"}),
        ),
        (
            json!({"tags_add": ["new", "A"], "tags_remove": ["old"]}),
            json!({"tags": ["a", "new"]}),
        ),
        (
            json!({"message": {"body": "We are on it.", "is_internal": false}}),
            json!(null),
        ),
        (
            json!({"message": {"body": note, "is_internal": true}}),
            json!(null),
        ),
        (
            json!({"message": {"body": "Done."}, "status": "in_progress", "priority": "low"}),
            json!({"status": "in_progress", "priority": "low"}),
        ),
    ] {
        let tickets: Vec<Value> = (0..2)
            .map(|_| {
                let ticket = make::ticket_with(&customer, json!({}));
                let path = format!("/tickets/{}", ticket["id"]);
                manager
                    .put(&path, json!({"assignee": agent.id, "tags": ["a", "old"]}))
                    .is(200);
                ticket
            })
            .collect();
        assert_eq!(
            results(&bulk(&manager, &[&tickets[0]["id"]], changes.clone()).is(200)),
            ["changed"]
        );
        let path = format!("/tickets/{}", tickets[1]["id"]);
        if let Some(message) = changes.get("message") {
            manager.post(&format!("{path}/comments"), message.clone()).is(201);
        }
        if !single.is_null() {
            manager.put(&path, single).is(200);
        }
        let readers: [&Caller; 4] = [&manager, &customer, &agent, Admin::any()];
        let readers = if changes.get("assignee").is_some() || changes.get("agent_id").is_some() {
            &readers[..2]
        } else {
            &readers[..]
        };
        assert_eq!(
            story(&tickets[0], readers),
            story(&tickets[1], readers),
            "{changes}"
        );
    }
}

#[test]
fn rules_and_webhooks_hear_of_each() {
    // Rules are the whole desk's: this story has one of its own.
    let desk = Worker::start(&[]);
    desk.seed();
    let admin = Admin::on(&desk);
    let rule = json!({"name": "Bulk", "trigger": {"on": "status_changed"},
        "actions": [{"type": "add_tag", "tag": "heard"}]});
    let rule = admin.post("/workflows", rule).is(201).json();
    let hook = json!({"url": format!("https://hooks.example.org/{}", make::unique()), "events": ["ticket.status_changed"]});
    let hook = admin.post("/webhooks", hook).is(201).json();
    let tickets: Vec<Value> = (0..3).map(|_| make::ticket(&admin)).collect();
    let ids: Vec<&Value> = tickets.iter().map(|ticket| &ticket["id"]).collect();
    let done = bulk(&admin, &ids, json!({"status": "closed"})).is(200);
    assert_eq!(results(&done), vec!["changed"; 3]);
    for ticket in &tickets {
        let now = admin.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
        assert_eq!(
            (&now["status"], &now["tags"]),
            (&json!("closed"), &json!(["heard"]))
        );
    }
    assert_eq!(
        admin.walk(&format!("/workflows/{}/runs", rule["id"]), 100).len(),
        3
    );
    let deliveries = admin.walk(&format!("/webhooks/{}/deliveries", hook["id"]), 100);
    let mut told: Vec<&Value> = deliveries.iter().map(|delivery| &delivery["ticket_id"]).collect();
    told.sort_by_key(|id| id.as_i64());
    assert_eq!(told, ids);
}

#[test]
fn what_is_refused_is_refused_for_one() {
    let (agent, customer) = (Agent::fresh(), Customer::fresh());
    let (manager, category) = (
        Manager::any(),
        Manager::any()
            .post("/categories", json!({"name": make::unique()}))
            .is(201)
            .json(),
    );
    let hidden = make::ticket_with(
        manager,
        json!({"category": category["slug"], "auto_assign": false}),
    );
    manager
        .put(
            &format!("/tickets/{}/assign", hidden["id"]),
            json!({"assignee": manager.id}),
        )
        .is(200);
    let mine = make::ticket_with(manager, json!({"assignee": agent.id}));
    let uid = json!("00000000-0000-7000-8000-000000000000");
    let unknown = json!(9_007_199_254_740_991_i64);
    let named: Vec<&Value> = vec![&hidden["number"], &mine["uid"], &uid, &unknown, &mine["id"]];
    let answer = bulk(&agent, &named, json!({"priority": "high"})).is(200);
    assert_eq!(
        results(&answer),
        ["refused", "changed", "refused", "refused"],
        "named twice is changed once"
    );
    let rows = answer.rows();
    assert_eq!(
        (&rows[0]["id"], &rows[0]["number"]),
        (&hidden["number"], &Value::Null),
        "nothing of it is told"
    );
    for at in [0, 2, 3] {
        assert_eq!(rows[at]["error"]["code"], "NOT_FOUND");
        assert_eq!(rows[at]["error"]["message"], rows[2]["error"]["message"]);
    }
    // An agent gives away no tickets.
    let answer = bulk(&agent, &[&mine["id"]], json!({"assignee": manager.id})).is(200);
    assert_eq!(answer.rows()[0]["error"]["code"], "FORBIDDEN");
    bulk(&agent, &[&mine["id"]], json!({"delete": true})).refused(403, "FORBIDDEN");
    bulk(manager, &[&mine["id"]], json!({"delete": true})).refused(403, "FORBIDDEN");
    bulk(&customer, &[&mine["id"]], json!({"priority": "low"})).refused(403, "FORBIDDEN");
    let admin = Admin::fresh();
    let answer = bulk(&admin, &[&mine["id"], &hidden["id"]], json!({"delete": true})).is(200);
    assert_eq!(results(&answer), ["changed", "changed"]);
    Admin::any()
        .get(&format!("/tickets/{}", mine["id"]))
        .refused(404, "NOT_FOUND");
    let path = format!("/admin/audit?actor={}&action=ticket.deleted", admin.id);
    let audited = admin.get(&path).is(200).rows();
    let mut targets: Vec<&Value> = audited.iter().map(|entry| &entry["target"]["id"]).collect();
    targets.sort_by_key(|id| id.as_i64());
    assert_eq!(targets, [&hidden["id"], &mine["id"]], "each is on record");
    let restored = Admin::any().post(&format!("/tickets/{}/restore", mine["id"]), json!({}));
    assert_eq!(restored.is(200).json()["priority"], "high");
}

#[test]
fn a_request_that_says_nothing_is_refused() {
    let (manager, ticket) = (Manager::any(), make::ticket(Manager::any()));
    let many: Vec<Value> = (0..20).map(|n| json!(format!("tag{n}"))).collect();
    let full = make::ticket_with(manager, json!({"tags": many}));
    let hundred: Vec<i64> = (1..=101).collect();
    let id = &ticket["id"];
    for (body, faults) in [
        (json!({}), vec!["changes"]),
        (json!({"ids": [id], "changes": {}}), vec!["changes"]),
        (
            json!({"ids": [id], "changes": {"delete": false}}),
            vec!["changes"],
        ),
        (json!({"ids": [id], "changes": 5}), vec!["changes"]),
        (
            json!({"ids": [id], "changes": {"colour": "red"}}),
            vec!["changes.colour"],
        ),
        (
            json!({"ids": [id], "changes": {"status": "gone", "priority": 5}}),
            vec!["changes.priority", "changes.status"],
        ),
        (
            json!({"ids": [id], "changes": {"message": {}}}),
            vec!["changes.message.body"],
        ),
        (
            json!({"ids": [id], "changes": {"message": {"body": "x", "to": "y"}}}),
            vec!["changes.message.to"],
        ),
        (
            json!({"ids": [id], "changes": {"category": "no_such"}}),
            vec!["changes.category"],
        ),
        (
            json!({"ids": [id], "changes": {"assignee": Customer::any().id}}),
            vec!["changes.assignee"],
        ),
        (json!({"ids": [], "changes": {"priority": "low"}}), vec!["ids"]),
        (json!({"ids": ["5"], "changes": {"priority": "low"}}), vec!["ids"]),
        (
            json!({"ids": hundred, "changes": {"priority": "low"}}),
            vec!["ids"],
        ),
        (json!({"changes": {"priority": "low"}}), vec!["ids"]),
        (
            json!({"ids": [id], "filter": {}, "changes": {"priority": "low"}}),
            vec!["ids"],
        ),
        (
            json!({"filter": {"statuss": "open"}, "changes": {"priority": "low"}}),
            vec!["filter.statuss"],
        ),
        (
            json!({"filter": {"status": "gone"}, "changes": {"priority": "low"}}),
            vec!["filter.status"],
        ),
        (
            json!({"filter": {"category": "no_such"}, "changes": {"priority": "low"}}),
            vec!["filter.category"],
        ),
    ] {
        manager.post("/tickets/bulk", body).faults(&faults);
    }
    let body = json!({"ids": [id], "changes": {"delete": true, "priority": "low"}});
    Admin::any()
        .post("/tickets/bulk", body)
        .faults(&["changes.delete"]);
    assert_eq!(
        manager.get(&format!("/tickets/{id}")).is(200).json()["version"],
        ticket["version"]
    );
    // One tag too many is the fault of one ticket.
    let answer = bulk(manager, &[&full["id"], id], json!({"tags_add": ["one_more"]})).is(200);
    assert_eq!(results(&answer), ["refused", "changed"]);
    assert_eq!(answer.rows()[0]["error"]["code"], "VALIDATION_ERROR");
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let (manager, customer, tag) = (Manager::any(), Customer::fresh(), make::unique());
    let new = json!({"tags": [tag], "assignee": manager.id, "customer_email": customer.email});
    let tickets: Vec<Value> = (0..3).map(|_| make::ticket_with(manager, new.clone())).collect();
    status(&tickets[1], "in_progress");
    status(&tickets[1], "waiting");
    let state = || manager.get(&format!("/tickets?tag={tag}")).is(200).json()["data"].clone();
    let before = state();
    let mut body = json!({"filter": {"tag": tag}, "dry_run": true,
        "changes": {"status": "closed", "message": {"body": "Good bye."}}});
    let dry = manager.post("/tickets/bulk", body.clone()).is(200);
    assert_eq!(dry.timing("rows_written"), Some(0));
    assert_eq!(state(), before);
    body["dry_run"] = json!(false);
    let done = manager.post("/tickets/bulk", body).is(200);
    assert_eq!(done.json(), dry.json());
    assert_eq!(results(&done), ["changed", "refused", "changed"]);
    // All or nothing for each: where the status may not change, nothing is said.
    let said = |ticket: &Value| {
        manager
            .get(&format!("/tickets/{}/comments", ticket["id"]))
            .is(200)
            .rows()
            .len()
    };
    assert_eq!(tickets.iter().map(said).collect::<Vec<_>>(), [1, 0, 1]);
}

#[test]
fn a_filter_takes_a_hundred_and_says_what_is_left() {
    let (manager, tag) = (Manager::any(), make::unique());
    for _ in 0..104 {
        make::ticket_with(manager, json!({"tags": [tag]}));
    }
    let body = json!({"filter": {"tag": tag, "priority": ["medium"], "sort": "created_at"}, "changes": {"priority": "low"}});
    let first = manager.post("/tickets/bulk", body.clone()).is(200);
    assert_eq!(
        first.json()["meta"],
        json!({"changed": 100, "unchanged": 0, "refused": 0, "total_matching": 104, "remaining": 4})
    );
    // Read in one round trip, written in another; what the desk does besides has a few.
    assert!(first.timing("d1").unwrap() <= 3, "{:?} trips", first.timing("d1"));
    let rows = (
        first.timing("rows_read").unwrap(),
        first.timing("rows_written").unwrap(),
    );
    println!("100 tickets: {rows:?} rows read and written");
    assert!(rows.0 <= 6_000 && rows.1 <= 1_000, "{rows:?}");
    let ids = first.ids();
    assert!(ids.is_sorted(), "the oldest first");
    let second = manager.post("/tickets/bulk", body).is(200).json();
    assert_eq!(
        (&second["meta"]["changed"], &second["meta"]["remaining"]),
        (&json!(4), &json!(0))
    );
}

#[test]
fn a_key_gives_the_same_answer() {
    let manager = Manager::any();
    let tickets: Vec<Value> = (0..5).map(|_| make::ticket(manager)).collect();
    let ids: Vec<&Value> = tickets.iter().map(|ticket| &ticket["id"]).collect();
    let key = make::unique();
    let body = json!({"ids": ids, "changes": {"message": {"body": "Once."}, "priority": "high"}});
    let answers = race(8, |_| {
        manager
            .ask("POST", "/tickets/bulk")
            .header("Idempotency-Key", &key)
            .json(&body)
            .send()
            .is(200)
    });
    let first = answers
        .iter()
        .filter(|answer| answer.header("idempotent-replayed").is_none());
    assert_eq!(first.count(), 1);
    for answer in &answers {
        assert_eq!(answer.text(), answers[0].text());
    }
    for ticket in &tickets {
        assert_eq!(
            manager
                .get(&format!("/tickets/{}/comments", ticket["id"]))
                .is(200)
                .rows()
                .len(),
            1
        );
    }
    let mut other = body.clone();
    other["changes"]["priority"] = json!("low");
    manager
        .ask("POST", "/tickets/bulk")
        .header("Idempotency-Key", &key)
        .json(&other)
        .send()
        .is(422);
}

#[test]
fn two_at_once_lose_no_change() {
    let managers: Vec<Caller> = (0..6).map(|_| (**Manager::any()).clone()).collect();
    let tickets: Vec<Value> = (0..12).map(|_| make::ticket(Manager::any())).collect();
    let ids: Vec<&Value> = tickets.iter().map(|ticket| &ticket["id"]).collect();
    let keys: Vec<String> = (0..4).map(|_| make::unique()).collect();
    let send = |runner: usize| {
        let changes =
            json!({"tags_add": [format!("bulk{runner}")], "message": {"body": format!("Bulk {runner}.")}});
        Manager::any()
            .ask("POST", "/tickets/bulk")
            .header("Idempotency-Key", &keys[runner])
            .json(&json!({"ids": ids, "changes": changes}))
            .send()
            .is(200)
    };
    let answers = race(12, |runner| {
        let by = &managers[runner % 6];
        if runner < 4 {
            let answer = send(runner);
            assert_eq!(results(&answer), vec!["changed"; 12]);
            return answer.text();
        }
        // Single changes in between, which move one ticket or another.
        for at in 0..3 {
            let ticket = ids[(runner * 3 + at) % 12];
            let path = format!("/tickets/{ticket}");
            by.put(&path, json!({"department": format!("D{runner}{at}")}));
        }
        String::new()
    });
    // What was changed by itself meanwhile is not changed again.
    for (runner, answer) in answers.iter().enumerate().take(4) {
        let again = send(runner);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.text(), *answer);
    }
    for ticket in &tickets {
        let now = Manager::any()
            .get(&format!("/tickets/{}", ticket["id"]))
            .is(200)
            .json();
        assert_eq!(now["tags"], json!(["bulk0", "bulk1", "bulk2", "bulk3"]));
        let events = Manager::any().walk(&format!("/tickets/{}/events", ticket["id"]), 100);
        let is_message = |event: &&Value| event["type"] == "message_added";
        assert_eq!(events.iter().filter(is_message).count(), 4, "each said once");
        let changes = i64::try_from(events.len()).unwrap() - 1 - 4;
        assert_eq!(
            now["version"].as_i64().unwrap(),
            changes + 1,
            "each change has its event"
        );
    }
}

#[test]
fn the_last_free_places_are_given_once() {
    let (admin, manager, agent) = (Admin::any(), Manager::any(), Agent::fresh());
    let category = manager
        .post("/categories", json!({"name": make::unique()}))
        .is(201)
        .json();
    let path = format!("/categories/{}/agents", category["id"]);
    manager.put(&path, json!({"agents": [agent.id]})).is(200);
    admin
        .put(&format!("/agents/{}", agent.id), json!({"max_open_tickets": 3}))
        .is(200);
    let tickets: Vec<Value> = (0..10).map(|_| make::ticket(manager)).collect();
    race(2, |half| {
        let ids: Vec<&Value> = tickets[half * 5..half * 5 + 5]
            .iter()
            .map(|ticket| &ticket["id"])
            .collect();
        let answer = bulk(manager, &ids, json!({"category": category["slug"]})).is(200);
        assert_eq!(results(&answer), vec!["changed"; 5]);
    });
    let given = manager
        .get(&format!("/tickets?assignee={}&limit=100", agent.id))
        .is(200)
        .ids();
    assert_eq!(given.len(), 3, "no more than there were places");
    // Three are closed together: three others follow.
    let closed: Vec<Value> = given.iter().map(|id| json!(id)).collect();
    let closed: Vec<&Value> = closed.iter().collect();
    bulk(&agent, &closed, json!({"status": "closed"})).is(200);
    let open = manager
        .get(&format!(
            "/tickets?assignee={}&status=assigned&limit=100",
            agent.id
        ))
        .is(200)
        .ids();
    let (open, given): (BTreeSet<i64>, BTreeSet<i64>) =
        (open.into_iter().collect(), given.into_iter().collect());
    assert_eq!((open.len(), open.intersection(&given).count()), (3, 0));
}

#[test]
fn a_note_to_many_is_for_staff() {
    let customer = Admin::any().hire(Role::Customer);
    let tickets: Vec<Value> = (0..3).map(|_| make::ticket(&customer)).collect();
    let ids: Vec<&Value> = tickets.iter().map(|ticket| &ticket["id"]).collect();
    let before: Vec<String> = tickets
        .iter()
        .map(|ticket| customer.get(&format!("/tickets/{}", ticket["id"])).is(200).text())
        .collect();
    let note = json!({"body": format!("{} liars", make::CANARY), "is_internal": true});
    bulk(Manager::any(), &ids, json!({"message": note})).is(200);
    for (ticket, before) in tickets.iter().zip(before) {
        // The check of every answer looks for the canary.
        let path = format!("/tickets/{}", ticket["id"]);
        assert_eq!(customer.get(&path).is(200).text(), before);
        for more in ["comments", "timeline", "events"] {
            customer.get(&format!("{path}/{more}")).is(200);
        }
    }
    assert!(customer.get("/notifications").is(200).rows().is_empty());
}

#[test]
fn a_key_needs_the_scope_of_what_the_body_asks() {
    let admin = Admin::fresh();
    let ticket = make::ticket(&admin);
    let new = json!({"name": "Bulk", "scopes": ["tickets:write"]});
    let key = admin.post("/api-keys", new).is(201).json()["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let by = admin.with_token(&key);
    bulk(&by, &[&ticket["id"]], json!({"message": {"body": "Hello."}})).refused(403, "FORBIDDEN");
    bulk(&by, &[&ticket["id"]], json!({"delete": true})).refused(403, "FORBIDDEN");
    assert_eq!(
        results(&bulk(&by, &[&ticket["id"]], json!({"priority": "low"})).is(200)),
        ["changed"]
    );
}
