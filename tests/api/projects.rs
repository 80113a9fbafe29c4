//! Projects, and the keys of their tickets.

use std::collections::BTreeSet;

use crate::support::race::RUNNERS;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, json, make, race};

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn place(project: &Value) -> String {
    format!("/projects/{}", key(project))
}

fn key(project: &Value) -> &str {
    project["key"].as_str().expect("a key")
}

/// The number behind a ticket's key, which must begin with the project's.
fn counter(project: &Value, ticket: &Value) -> i64 {
    let text = ticket["key"]
        .as_str()
        .unwrap_or_else(|| panic!("no key in {ticket}"));
    let (before, number) = text.split_once('-').expect("a hyphen");
    assert_eq!((before, &ticket["project"]), (key(project), &project["key"]));
    number.parse().expect("a number")
}

/// A project by all its names.
fn names(project: &Value) -> [String; 4] {
    [
        project["id"].to_string(),
        project["uid"].as_str().unwrap().to_owned(),
        key(project).to_owned(),
        key(project).to_lowercase(),
    ]
}

#[test]
fn a_projects_life() {
    let (agent, customer) = (Agent::fresh(), Customer::fresh());
    let word = make::project_key();
    let body = |members: Value| {
        json!({"key": word.to_lowercase(), "name": "Website", "description": "All anew", "lead_id": agent.id,
            "member_ids": members})
    };
    Manager::any()
        .post("/projects", body(json!([agent.uid, agent.id])))
        .faults(&["members"]);
    let made = Manager::any()
        .post("/projects", body(json!([customer.id, agent.uid])))
        .is(201);
    let project = made.json();
    let location = format!("/api/v1/projects/{}", project["id"]);
    assert_eq!(made.header("location"), Some(location.as_str()));
    assert_eq!(key(&project), word);
    assert_eq!(
        (&project["status"], &project["version"]),
        (&json!("active"), &json!(1))
    );
    assert_eq!(project["lead"]["id"], agent.id);
    let members = project["members"].as_array().unwrap();
    let ids: BTreeSet<i64> = members
        .iter()
        .filter_map(|member| member["id"].as_i64())
        .collect();
    assert_eq!(ids, BTreeSet::from([customer.id, agent.id]));
    assert!(
        !project.to_string().contains(&customer.email),
        "a card holds no address"
    );
    for name in names(&project) {
        assert_eq!(
            agent.get(&format!("/projects/{name}")).is(200).json(),
            project,
            "{name}"
        );
    }
    // Customers see that it is there, and not who works on it.
    let seen = customer.get(&place(&project)).is(200).json();
    assert_eq!(seen["name"], "Website");
    assert_eq!((&seen["lead"], &seen["members"]), (&Value::Null, &json!([])));

    let body =
        json!({"key": word, "name": "Web", "status": "On Hold", "lead": null, "members": [], "version": 1});
    let held = Manager::any().put(&place(&project), body.clone()).is(200).json();
    assert_eq!(
        (&held["name"], &held["status"], &held["version"]),
        (&json!("Web"), &json!("on_hold"), &json!(2))
    );
    assert_eq!((&held["lead"], &held["members"]), (&Value::Null, &json!([])));
    assert_eq!(held["description"], "All anew");
    Manager::any()
        .put(&place(&project), body)
        .refused(409, "CONFLICT");
    Manager::any()
        .put(&place(&project), json!({"key": "OTHER"}))
        .faults(&["key"]);
    customer.get(&place(&project)).refused(404, "NOT_FOUND");

    let set = |status: &str| Manager::any().put(&place(&project), json!({"status": status}));
    set("completed").is(200);
    let told = set("on_hold").refused(409, "INVALID_TRANSITION").json();
    let details = json!({"from": "completed", "to": "on_hold", "allowed": ["active", "archived"]});
    assert_eq!(told["details"], details);
    set("completed").is(200);
    Manager::any().delete(&place(&project)).is(204);
    Manager::any().delete(&place(&project)).is(204);
    let gone = agent.get(&place(&project)).is(200).json();
    assert!(gone["status"] == "archived" && gone["archived_at"].is_string());
    assert_eq!(set("active").is(200).json()["archived_at"], Value::Null);
}

#[test]
fn what_a_project_may_be() {
    let taken = make::project(json!({}));
    let named = |more: Value| {
        let mut body = json!({"key": make::project_key(), "name": "x"});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        body
    };
    for (body, fields) in [
        (json!({}), &["key", "name"][..]),
        (json!({"key": "TICK", "name": ""}), &["key", "name"]),
        (named(json!({"key": "W"})), &["key"]),
        (named(json!({"key": "1WEB"})), &["key"]),
        (named(json!({"key": "WEB-1"})), &["key"]),
        (named(json!({"key": "ELEVENCHARS"})), &["key"]),
        (named(json!({"key": "ÄÖ", "members": ["1"]})), &["key", "members"]),
        (named(json!({"lead": Customer::any().id})), &["lead"]),
        (named(json!({"members": [999_999_999]})), &["members"]),
    ] {
        Manager::any().post("/projects", body).faults(fields);
    }
    let twin = named(json!({"key": taken["key"]}));
    let refused = Manager::any().post("/projects", twin.clone());
    let refused = refused.refused(409, "CONFLICT").json();
    assert_eq!(refused["details"]["field"], "key");
    let weaker: [&Caller; 2] = [Agent::any(), Customer::any()];
    for by in weaker {
        by.post("/projects", twin.clone()).refused(403, "FORBIDDEN");
        by.put(&place(&taken), json!({})).refused(403, "FORBIDDEN");
        by.delete(&place(&taken)).refused(403, "FORBIDDEN");
    }
}

#[test]
fn projects_are_listed() {
    let agent = Agent::fresh();
    let word = make::unique();
    let [led, other, held] = [json!(agent.id), Value::Null, Value::Null]
        .map(|lead| make::project(json!({"name": format!("{word} plan"), "lead": lead})));
    Manager::any()
        .put(&place(&held), json!({"status": "on_hold"}))
        .is(200);
    let ids = |rows: Vec<Value>| -> Vec<i64> { rows.iter().filter_map(|row| row["id"].as_i64()).collect() };
    let want = |projects: &[&Value]| ids(projects.iter().map(|project| (*project).clone()).collect());
    let found = format!("/projects?q={word}");
    assert_eq!(
        ids(agent.walk(&found, 1)),
        want(&[&held, &other, &led]),
        "newest first"
    );
    assert_eq!(ids(Customer::any().walk(&found, 1)), want(&[&other, &led]));
    let hidden = Customer::any().get(&format!("{found}&status=on_hold&count=true"));
    let hidden = hidden.is(200).json();
    assert_eq!(
        (&hidden["data"], &hidden["meta"]["total"]),
        (&json!([]), &json!(0))
    );
    assert_eq!(ids(agent.walk("/projects?mine=true", 10)), want(&[&led]));
    Agent::any().get("/projects?status=lost").faults(&["status"]);
}

#[test]
fn tickets_have_keys() {
    let customer = Customer::fresh();
    let project = make::project(json!({}));
    let lower = key(&project).to_lowercase();
    let first = make::ticket_with(&customer, json!({"project": lower}));
    assert_eq!(counter(&project, &first), 1);
    assert_eq!(first["workflow"], "project");
    let body = json!({"project_id": project["id"], "workflow": "support"});
    let second = make::ticket_with(Admin::any(), body);
    assert_eq!(counter(&project, &second), 2);
    assert_eq!(second["workflow"], "support");
    let third = make::ticket_with(Admin::any(), json!({"project": project["uid"]}));
    assert_eq!(counter(&project, &third), 3);
    assert_eq!(make::ticket(&customer)["key"], Value::Null);
    let name = first["key"].as_str().unwrap();
    for name in [name.to_owned(), name.to_lowercase()] {
        for at in [format!("/tickets/key/{name}"), format!("/tickets/{name}")] {
            assert_eq!(customer.get(&at).is(200).json()["id"], first["id"], "{at}");
        }
    }
    for wrong in [json!("NOSUCH"), json!("A-B"), json!("5"), json!(999_999_999)] {
        let body = json!({"title": "Nowhere", "description": "In no project.", "project": wrong});
        customer.post("/tickets", body).faults(&["project"]);
    }
    // Filtered by all its names, on the project's own index.
    let want = [&third, &second, &first].map(|ticket| ticket["id"].as_i64().unwrap());
    for name in names(&project) {
        let page = Manager::any().get(&format!("/tickets?project={name}&count=true"));
        let page = page.is(200);
        assert_eq!(page.ids(), want, "{name}");
        assert_eq!(page.json()["meta"]["total"], 3);
        assert!(page.timing("rows_read").is_some_and(|rows| rows <= 30));
    }
    let own = customer.get(&format!("/tickets?project={lower}"));
    assert_eq!(own.is(200).rows().len(), 1);
}

#[test]
fn fifty_tickets_have_fifty_consecutive_keys() {
    let project = make::project(json!({}));
    let made = race(RUNNERS, |_| {
        make::ticket_with(Customer::any(), json!({"project": key(&project)}))
    });
    let counters = |project: &Value, tickets: &[Value]| -> Vec<i64> {
        let mut list: Vec<i64> = tickets.iter().map(|ticket| counter(project, ticket)).collect();
        list.sort_unstable();
        list
    };
    assert_eq!(counters(&project, &made), (1..=50).collect::<Vec<i64>>());
    // Fifty moves at once, and fifty new tickets there at the same moment.
    let there = make::project(json!({}));
    let to = json!({"project": there["key"]});
    let moved = race(RUNNERS * 2, |runner| match made.get(runner) {
        Some(ticket) => Manager::any().put(&path(ticket), to.clone()).is(200).json(),
        None => make::ticket_with(Customer::any(), to.clone()),
    });
    assert_eq!(counters(&there, &moved), (1..=100).collect::<Vec<i64>>());
}

#[test]
fn a_ticket_that_moves_is_found_by_all_its_keys() {
    let (customer, stranger) = (Customer::fresh(), Customer::fresh());
    let [here, there] = [(); 2].map(|()| make::project(json!({})));
    let ticket = make::ticket_with(&customer, json!({"project": key(&here)}));
    let at = path(&ticket);
    customer
        .put(&at, json!({"project": key(&there)}))
        .refused(403, "FORBIDDEN");
    let to = |project: &Value| {
        let body = json!({"project": project});
        Manager::any().put(&at, body).is(200).json()
    };
    let moved = to(&there["id"]);
    assert_eq!(counter(&there, &moved), 1);
    assert_eq!(
        (&moved["version"], &moved["workflow"]),
        (&json!(2), &json!("project"))
    );
    assert_eq!(to(&there["key"])["version"], 2, "it is there already");
    let back = to(&here["key"]);
    assert_eq!(counter(&here, &back), 2, "no key is given twice");
    let out = to(&Value::Null);
    assert_eq!((&out["key"], &out["project"]), (&Value::Null, &Value::Null));
    for old in [&ticket, &moved, &back] {
        let name = old["key"].as_str().unwrap();
        for at in [format!("/tickets/key/{name}"), format!("/tickets/{name}")] {
            assert_eq!(customer.get(&at).is(200).json()["id"], ticket["id"], "{at}");
            stranger.get(&at).refused(404, "NOT_FOUND");
        }
    }
    let told: Vec<Value> = customer
        .walk(&format!("{at}/history"), 100)
        .iter()
        .flat_map(|event| event["changes"].as_array().cloned().unwrap_or_default())
        .filter(|change| change["field"] == "project")
        .collect();
    let step = |from: &Value, to: &Value| json!({"field": "project", "from": from, "to": to});
    let (here, there) = (&here["key"], &there["key"]);
    assert_eq!(
        told,
        [step(here, there), step(there, here), step(here, &Value::Null)]
    );
}

#[test]
fn an_archived_project_has_no_open_tickets() {
    let project = make::project(json!({}));
    let ticket = make::ticket_with(Customer::any(), json!({"project": key(&project)}));
    let refused = Manager::any().delete(&place(&project));
    let refused = refused.refused(409, "CONFLICT").json();
    assert_eq!(refused["details"], json!({"open_tickets": 1}));
    Manager::any()
        .put(&place(&project), json!({"status": "archived"}))
        .refused(409, "CONFLICT");
    Manager::any()
        .post(&format!("{}/close", path(&ticket)), json!({}))
        .is(200);
    Manager::any().delete(&place(&project)).is(204);
    let body = json!({"title": "Too late", "description": "It is over.", "project": key(&project)});
    Customer::any().post("/tickets", body).faults(&["project"]);
    let other = make::ticket(Customer::any());
    Manager::any()
        .put(&path(&other), json!({"project": key(&project)}))
        .faults(&["project"]);
    // Its tickets stay what they are.
    let kept = Admin::any().get(&path(&ticket)).is(200).json();
    assert_eq!(kept["key"], ticket["key"]);

    // Archiving and opening at the same moment: never both.
    for _ in 0..3 {
        let project = make::project(json!({}));
        let body = json!({"title": "At once", "description": "Just now.", "project": key(&project)});
        let statuses = race(RUNNERS, |runner| match runner % 5 {
            0 => Manager::any().delete(&place(&project)).status(),
            _ => Customer::any().post("/tickets", body.clone()).status(),
        });
        let known = |status: &u16| [201, 204, 400, 409].contains(status);
        assert!(statuses.iter().all(known), "{statuses:?}");
        let now = Manager::any().get(&place(&project)).is(200).json();
        let opened = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(now["status"] == "active", opened > 0, "{opened} opened: {now}");
    }
}
