//! Saved views: what the list of tickets shows by them, and how many tickets each has.

use crate::support::client::{Caller, Role};
use crate::support::{Admin, Agent, Customer, Manager, Value, json, make};

fn new(by: &Caller, filter: Value, more: Value) -> Value {
    let mut body = json!({"name": format!("View {}", make::unique()), "filter": filter});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    by.post("/views", body).is(201).json()
}

fn at(view: &Value) -> String {
    format!("/views/{}", view["id"])
}

fn ids(by: &Caller, path: &str) -> Vec<i64> {
    let rows = by.walk(path, 100);
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// The count of a view, and whether it is capped.
fn counted(by: &Caller, view: &Value) -> (Value, Value) {
    let counts = by.get("/views/counts").is(200).json();
    let rows = counts["data"].as_array().unwrap().clone();
    let row = rows.iter().find(|row| row["id"] == view["id"]);
    let row = row.unwrap_or_else(|| panic!("{view} is not counted: {counts}"));
    (row["count"].clone(), row["is_capped"].clone())
}

/// Tickets with a department of their own, which `agent` has.
fn tickets_of(agent: &Caller, department: &str, n: usize) -> Vec<i64> {
    (0..n)
        .map(|_| {
            let body = json!({"department": department, "assignee": agent.id});
            make::ticket_with(Manager::any(), body)["id"].as_i64().unwrap()
        })
        .collect()
}

#[test]
fn a_view_lists_what_its_filter_lists() {
    let (agent, department) = (Admin::any().hire(Role::Agent), make::unique());
    let mut tickets = tickets_of(&agent, &department, 3);
    let urgent = tickets[1];
    agent
        .put(&format!("/tickets/{urgent}"), json!({"priority": "urgent"}))
        .is(200);
    let view = new(
        &agent,
        json!({"department": department, "status": ["assigned", "open"], "assignee": "me"}),
        json!({"sort": "created_at"}),
    );
    let path = format!("/tickets?view={}", view["id"]);
    assert_eq!(ids(&agent, &path), tickets);
    assert_eq!(
        ids(
            &agent,
            &format!("/tickets?view={}", view["uid"].as_str().unwrap())
        ),
        tickets
    );
    // A file has the tickets of the view, and no others.
    let file = agent
        .get(&format!(
            "/tickets/export.csv?view={}&fields=id&bom=false",
            view["id"]
        ))
        .is(200)
        .text();
    assert_eq!(file.lines().count(), 1 + tickets.len(), "{file}");
    // Others' parameters are added, and the view's own give way.
    assert_eq!(ids(&agent, &format!("{path}&priority=urgent")), [urgent]);
    tickets.reverse();
    assert_eq!(ids(&agent, &format!("{path}&sort=-created_at")), tickets);
    assert!(ids(&agent, &format!("{path}&status=closed")).is_empty());
    assert!(ids(&agent, &format!("{path}&assigned_to=none")).is_empty());
    // The second list is one round trip.
    assert_eq!(agent.get(&path).is(200).timing("d1"), Some(1));
    // A cursor is that of the view as it is.
    let page = agent.get(&format!("{path}&limit=1")).is(200).json();
    let next = format!(
        "{path}&limit=1&cursor={}",
        page["meta"]["next_cursor"].as_str().unwrap()
    );
    agent.get(&next).is(200);
    agent
        .get(&next.replace(&path, "/tickets?status=assigned"))
        .faults(&["cursor"]);
    agent
        .put(
            &at(&view),
            json!({"filter": {"department": department, "priority": "urgent"}}),
        )
        .is(200);
    agent.get(&next).faults(&["cursor"]);
    assert_eq!(ids(&agent, &path), [urgent]);
    agent.delete(&at(&view)).is(204);
    agent.get(&path).faults(&["view"]);
    agent.get("/tickets?view=9007199254740991").faults(&["view"]);
    Customer::any().get("/tickets?view=1").faults(&["view"]);
}

#[test]
fn what_the_list_would_refuse_is_not_saved() {
    let agent = Agent::any();
    for (filter, fault) in [
        (json!({"status": "odd"}), "filter.status"),
        (json!({"stauts": "open"}), "filter.stauts"),
        (json!({"q": "printer"}), "filter.q"),
        (json!({"sort": "-created_at"}), "filter.sort"),
        (json!({"view": 1}), "filter.view"),
        (json!({"limit": 5}), "filter.limit"),
        (json!({"category": "no_such"}), "filter.category"),
        (json!({"assignee": 9007199254740991_i64}), "filter.assignee"),
        (json!({"created_after": "yesterday"}), "filter.created_after"),
        (json!({"custom.nothing": "x"}), "filter.custom.nothing"),
        (json!({"tag": null}), "filter.tag"),
        (json!({"tag": {}}), "filter.tag"),
        (json!("status=open"), "filter"),
    ] {
        agent
            .post("/views", json!({"name": "Bad", "filter": filter}))
            .faults(&[fault]);
    }
    agent
        .post("/views", json!({"name": "Bad", "filter": {}, "sort": "title"}))
        .faults(&["sort"]);
    let view = new(
        agent,
        json!({"tags": ["a", "b"], "overdue": false, "assigned_to": agent.id}),
        json!({}),
    );
    agent
        .put(&at(&view), json!({"filter": {"status": "odd"}}))
        .faults(&["filter.status"]);
    agent
        .put(&at(&view), json!({"name": "x", "version": 7}))
        .refused(409, "CONFLICT");
    let late = agent
        .ask("PUT", &at(&view))
        .header("If-Match", "\"7\"")
        .json(&json!({"name": "x"}))
        .send();
    late.refused(412, "PRECONDITION_FAILED");
    agent.delete(&at(&view)).is(204);
}

#[test]
fn own_ones_are_own_and_ready_ones_stay() {
    let (agent, other, manager) = (Agent::fresh(), Agent::fresh(), Manager::fresh());
    let own = new(&agent, json!({}), json!({}));
    let shared = new(&manager, json!({"status": "open"}), json!({"shared": true}));
    agent
        .post("/views", json!({"name": "x", "filter": {}, "shared": true}))
        .refused(403, "FORBIDDEN");
    let seen = |by: &Caller| ids(by, "/views");
    assert_eq!(seen(&agent)[..5], [1, 2, 3, 4, 5]);
    let id = |view: &Value| view["id"].as_i64().unwrap();
    assert!(seen(&agent).contains(&id(&own)) && seen(&agent).contains(&id(&shared)));
    assert!(!seen(&other).contains(&id(&own)) && seen(&other).contains(&id(&shared)));
    for by in [&other as &Caller, &manager, Admin::any()] {
        by.get(&at(&own)).is(404);
        by.delete(&at(&own)).is(404);
        by.get(&format!("/tickets?view={}", own["id"])).faults(&["view"]);
    }
    agent
        .put(&at(&shared), json!({"name": "x"}))
        .refused(403, "FORBIDDEN");
    agent
        .put(&at(&own), json!({"shared": true}))
        .refused(403, "FORBIDDEN");
    for ready in 1..=5 {
        let path = format!("/views/{ready}");
        assert_eq!(agent.get(&path).is(200).json()["is_ready"], true);
        Admin::any()
            .put(&path, json!({"name": "x"}))
            .refused(403, "FORBIDDEN");
        Admin::any().delete(&path).refused(403, "FORBIDDEN");
    }
    Customer::any().get("/views").refused(403, "FORBIDDEN");
    Customer::any().get("/views/counts").refused(403, "FORBIDDEN");
    // What is shared may become one's own, and shared again.
    let mine = manager.put(&at(&shared), json!({"shared": false})).is(200).json();
    assert_eq!(
        (&mine["shared"], &mine["owner"]["id"]),
        (&json!(false), &json!(manager.id))
    );
    agent.get(&at(&shared)).is(404);
    manager.delete(&at(&shared)).is(204);
}

#[test]
fn nobody_saves_too_many() {
    let agent = Agent::fresh();
    for _ in 0..50 {
        new(&agent, json!({}), json!({}));
    }
    agent
        .post("/views", json!({"name": "One more", "filter": {}}))
        .refused(409, "CONFLICT");
    // All of them are counted at once, and boundedly.
    agent.get("/views/counts").is(200);
    let counts = agent.get("/views/counts").is(200);
    assert_eq!(counts.timing("d1"), Some(1));
    assert!(counts.json()["data"].as_array().unwrap().len() >= 55);
    assert!(
        counts.timing("rows_read").unwrap() < 105 * 1_200,
        "{:?}",
        counts.timing("rows_read")
    );
}

#[test]
fn views_are_counted() {
    let (agent, department) = (Admin::any().hire(Role::Agent), make::unique());
    let tickets = tickets_of(&agent, &department, 3);
    let view = new(&agent, json!({"department": department}), json!({}));
    let exact = |n: i64| (json!(n), json!(false));
    assert_eq!(counted(&agent, &view), exact(3));
    let ready = |id: i64| json!({"id": id});
    assert_eq!(counted(&agent, &ready(1)), exact(3));
    let counts = agent.get("/views/counts").is(200);
    assert_eq!(counts.timing("d1"), Some(1));
    agent
        .put(
            &format!("/tickets/{}", tickets[0]),
            json!({"status": "in_progress"}),
        )
        .is(200);
    agent
        .put(&format!("/tickets/{}", tickets[0]), json!({"status": "waiting"}))
        .is(200);
    assert_eq!(counted(&agent, &ready(4)), exact(1));
    // Whose it is, everybody sees differently.
    assert_eq!(counted(&Agent::fresh(), &ready(1)), exact(0));
    // A view that changes is counted as it is.
    agent
        .put(
            &at(&view),
            json!({"filter": {"department": department, "status": "waiting"}}),
        )
        .is(200);
    assert_eq!(counted(&agent, &view), exact(1));
    agent.delete(&at(&view)).is(204);
    let rows = agent.get("/views/counts").is(200).json();
    assert!(
        !rows["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["id"] == view["id"])
    );
}
