//! Agents: how they come, who changes what of them, and what becomes of their tickets when they go.

use crate::support::bulk::FOLLOW;
use crate::support::client::Role;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make, race, sqlite};

fn path(id: i64) -> String {
    format!("/agents/{id}")
}

fn load(id: i64) -> i64 {
    Admin::any().get(&path(id)).is(200).json()["open_load"]
        .as_i64()
        .unwrap()
}

fn given(to: &Caller) -> Value {
    let ticket = make::ticket(Customer::any());
    let assign = format!("/tickets/{}/assign", ticket["id"]);
    Admin::any()
        .put(&assign, json!({"assignee": to.id}))
        .is(200)
        .json()
}

#[test]
fn an_agent_is_a_user_with_a_profile() {
    let admin = Admin::any();
    let made = admin.post(
        "/agents",
        json!({
            "email": make::email(), "password": make::PASSWORD, "name": "Nora Night", "department": "Night",
            "is_available": false, "max_open_tickets": 3, "categories": ["billing", 1],
        }),
    );
    let agent = made.is(201).json();
    for (field, want) in [
        ("role", json!("agent")),
        ("full_name", json!("Nora Night")),
        ("department", json!("Night")),
        ("is_available", json!(false)),
        ("max_open_tickets", json!(3)),
        ("open_load", json!(0)),
        ("last_assigned_at", Value::Null),
        ("version", json!(1)),
    ] {
        assert_eq!(agent[field], want, "{field}");
    }
    let slugs: Vec<&Value> = agent["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["slug"])
        .collect();
    assert_eq!(slugs, [&json!("technical"), &json!("billing")]);
    let id = agent["id"].as_i64().unwrap();
    assert_eq!(
        admin.get(&format!("/users/{id}")).is(200).json()["email"],
        agent["email"]
    );
    assert_eq!(
        Agent::any()
            .get(&format!("/agents/{}", agent["uid"].as_str().unwrap()))
            .is(200)
            .json(),
        agent
    );
    admin.delete(&path(id)).is(204);

    // By the other door, the same person.
    let hired = admin.hire(Role::Agent);
    let shown = hired.get(&path(hired.id)).is(200).json();
    assert_eq!(
        (&shown["is_available"], &shown["max_open_tickets"]),
        (&json!(true), &json!(20))
    );
    // And by a third: somebody becomes an agent.
    let other = Customer::fresh();
    admin
        .put(&format!("/users/{}", other.id), json!({"role": "agent"}))
        .is(200);
    assert_eq!(admin.get(&path(other.id)).is(200).json()["open_load"], 0);

    for nobody in [Manager::any().id, admin.id, Customer::any().id] {
        admin.get(&path(nobody)).refused(404, "NOT_FOUND");
    }
    admin
        .post("/agents", json!({"email": agent["email"]}))
        .refused(409, "CONFLICT");
    admin
        .post(
            "/agents",
            json!({"email": "x", "max_open_tickets": -1, "categories": 5}),
        )
        .faults(&["email", "max_open_tickets", "categories"]);
    admin
        .post(
            "/agents",
            json!({"email": make::email(), "categories": ["nothing_at_all"]}),
        )
        .faults(&["categories"]);
    for by in [&**Agent::any(), &**Manager::any()] {
        by.post("/agents", json!({"email": make::email()}))
            .refused(403, "FORBIDDEN");
    }
    Customer::any().get("/agents").refused(403, "FORBIDDEN");
}

#[test]
fn agents_change_their_availability_and_admins_everything() {
    let (agent, colleague, manager, admin) = (Agent::fresh(), Agent::any(), Manager::any(), Admin::any());
    let path = path(agent.id);
    assert_eq!(
        agent.put(&path, json!({"is_available": false})).is(200).json()["is_available"],
        false
    );
    agent.put(&path, json!({"phone": "+1 555"})).is(200);
    for body in [
        json!({"max_open_tickets": 100}),
        json!({"categories": [1]}),
        json!({"is_active": false}),
        json!({"email": make::email()}),
        json!({"is_available": true, "max_open_tickets": 100}),
    ] {
        agent.put(&path, body).refused(403, "FORBIDDEN");
    }
    for other in [&**colleague, &**manager] {
        other
            .put(&path, json!({"is_available": true}))
            .refused(403, "FORBIDDEN");
    }
    let shown = agent.get(&path).is(200);
    assert_eq!(
        (&shown.json()["is_available"], &shown.json()["max_open_tickets"]),
        (&json!(false), &json!(20))
    );

    let tag = shown.header("etag").unwrap().to_owned();
    let change = |header: &str| {
        admin
            .ask("PUT", &path)
            .header("If-Match", header)
            .json(
                &json!({"max_open_tickets": 5, "is_available": true, "categories": [], "department": "Days"}),
            )
            .send()
    };
    let changed = change(&tag).is(200).json();
    assert_eq!(
        (&changed["max_open_tickets"], &changed["department"]),
        (&json!(5), &json!("Days"))
    );
    change(&tag).refused(412, "PRECONDITION_FAILED");

    let categories = format!("{path}/categories");
    let set = manager
        .put(&categories, json!({"categories": ["general", 2]}))
        .is(200)
        .json();
    assert_eq!(set["categories"].as_array().map(Vec::len), Some(2));
    assert_eq!(colleague.get(&categories).is(200).ids(), [2, 3]);
    manager
        .put(&categories, json!({"categories": [77_777]}))
        .faults(&["categories"]);
    agent
        .put(&categories, json!({"categories": []}))
        .refused(403, "FORBIDDEN");
    manager.put(&categories, json!({"categories": []})).is(200);
    assert_eq!(colleague.get(&categories).is(200).ids(), [0; 0]);
}

#[test]
fn agents_are_found() {
    let word = make::unique();
    let admin = Admin::any();
    let body = |name: &str| json!({"email": make::email(), "name": format!("{name} {word}")});
    let [first, second] = ["Alma", "Bert"].map(|name| admin.post("/agents", body(name)).is(201).json());
    let ids = [second["id"].as_i64().unwrap(), first["id"].as_i64().unwrap()];
    let found = |query: &str| {
        Agent::any()
            .get(&format!("/agents?q={word}&{query}"))
            .is(200)
            .ids()
    };
    assert_eq!(found(""), ids);
    assert_eq!(
        Agent::any()
            .get(&format!("/agents?q={word}&count=true&limit=1"))
            .json()["meta"]["total"],
        2
    );
    assert_eq!(Agent::any().walk(&format!("/agents?q={word}"), 1).len(), 2);
    admin.put(&path(ids[0]), json!({"is_available": false})).is(200);
    assert_eq!(
        (found("is_available=true"), found("is_available=false")),
        (vec![ids[1]], vec![ids[0]])
    );
    admin
        .put(&path(ids[1]), json!({"categories": ["feature_request"]}))
        .is(200);
    assert_eq!(found("category=feature-request"), [ids[1]]);
    assert_eq!(found("category_id=4&is_active=true"), [ids[1]]);
    admin.delete(&path(ids[1])).is(204);
    assert_eq!(
        (found("is_active=true"), found("is_active=false")),
        (vec![ids[0]], vec![ids[1]])
    );
    Agent::any().get("/agents?is_active=maybe").faults(&["is_active"]);
}

#[test]
fn an_agents_tickets_are_listed_within_the_readers_scope() {
    let agent = Agent::fresh();
    let [first, second] = [given(&agent), given(&agent)];
    let path = format!("{}/tickets", path(agent.id));
    let ids = [second["id"].as_i64().unwrap(), first["id"].as_i64().unwrap()];
    for by in [&*agent, &**Manager::any(), &**Admin::any()] {
        assert_eq!(by.get(&path).is(200).ids(), ids);
    }
    let page = Manager::any()
        .get(&format!("{path}?limit=1&count=true&status=assigned"))
        .is(200);
    assert_eq!(
        (page.ids(), &page.json()["meta"]["total"]),
        (vec![ids[0]], &json!(2))
    );
    assert_eq!(agent.get(&format!("{path}?status=closed")).is(200).ids(), [0; 0]);
    assert_eq!(
        agent
            .get(&format!("{path}?q={}", first["number"].as_str().unwrap()))
            .is(200)
            .ids(),
        [ids[1]]
    );
    assert_eq!(
        Agent::fresh().get(&path).is(200).ids(),
        [0; 0],
        "a colleague's tickets are out of scope"
    );
    for nobody in [9_007_199_254_740_991, Customer::any().id] {
        for query in ["", "?q=%27"] {
            Manager::any()
                .get(&format!("/agents/{nobody}/tickets{query}"))
                .refused(404, "NOT_FOUND");
        }
    }
}

#[test]
fn the_load_follows_the_tickets() {
    let (agent, colleague, admin) = (Agent::fresh(), Agent::fresh(), Admin::any());
    let tickets = [(); 3].map(|()| given(&agent));
    let of = |at: usize, tail: &str| format!("/tickets/{}{tail}", tickets[at]["id"]);
    assert_eq!((load(agent.id), load(colleague.id)), (3, 0));
    admin
        .put(&of(0, "/assign"), json!({"assignee": colleague.id}))
        .is(200);
    assert_eq!((load(agent.id), load(colleague.id)), (2, 1));
    admin.post(&of(1, "/close"), json!({})).is(200);
    assert_eq!(load(agent.id), 1);
    // What is closed weighs nothing, wherever it goes.
    admin
        .put(&of(1, "/assign"), json!({"assignee": colleague.id}))
        .is(200);
    assert_eq!((load(agent.id), load(colleague.id)), (1, 1));
    admin.post(&of(1, "/reopen"), json!({})).is(200);
    assert_eq!(load(colleague.id), 2);
    admin.delete(&of(2, "")).is(204);
    assert_eq!(load(agent.id), 0);
    admin.post(&of(2, "/restore"), json!({})).is(200);
    assert_eq!(load(agent.id), 1);
    admin.put(&of(2, "/assign"), json!({"assignee": null})).is(200);
    assert_eq!(load(agent.id), 0);
    let last = admin.get(&path(agent.id)).is(200).json()["last_assigned_at"].clone();
    assert!(last.is_string(), "{last}");
}

#[test]
fn who_leaves_gives_the_open_tickets_back() {
    let admin = Admin::any();
    type Leave = fn(&Caller);
    let by_door: [(&str, Leave); 5] = [
        ("agents", |one| {
            Admin::any().delete(&path(one.id)).is(204);
        }),
        ("agents, update", |one| {
            Admin::any()
                .put(&path(one.id), json!({"is_active": false}))
                .is(200);
        }),
        ("users", |one| {
            Admin::any().delete(&format!("/users/{}", one.id)).is(204);
        }),
        ("users, demoted", |one| {
            let path = format!("/users/{}", one.id);
            Admin::any().put(&path, json!({"role": "customer"})).is(200);
        }),
        ("own account", |one| {
            one.delete("/users/me").is(204);
        }),
    ];
    for (door, leave) in by_door {
        let agent = Agent::fresh();
        let [assigned, working, done] = [(); 3].map(|()| given(&agent));
        for (ticket, statuses) in [
            (&working, &["in_progress"][..]),
            (&done, &["in_progress", "resolved"]),
        ] {
            for status in statuses {
                let path = format!("/tickets/{}/status", ticket["id"]);
                agent.put(&path, json!({"status": status})).is(200);
            }
        }
        leave(&agent);
        let now = |ticket: &Value| admin.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
        assert_eq!(
            (&now(&assigned)["assignee"], &now(&assigned)["status"]),
            (&Value::Null, &json!("open")),
            "{door}"
        );
        assert_eq!(
            (&now(&working)["assignee"], &now(&working)["status"]),
            (&Value::Null, &json!("in_progress"))
        );
        assert_eq!(now(&done)["assignee"]["id"], agent.id, "done is done");
        let path = format!("/tickets/{}/history", assigned["id"]);
        let told = Customer::any().get(&path).is(200).rows();
        let last = told.last().unwrap();
        assert_eq!(
            (&last["type"], &last["cause"]),
            (&json!("assigned"), &json!("returned_to_pool"))
        );
        assert_eq!(
            last["changes"][0],
            json!({"field": "status", "from": "assigned", "to": "open"})
        );
        assert_eq!(last["changes"][1]["from"]["id"], agent.id);
        let assign = format!("/tickets/{}/assign", assigned["id"]);
        admin
            .put(&assign, json!({"assignee": agent.id}))
            .faults(&["assignee"]);
    }
}

#[test]
fn a_restored_ticket_does_not_return_to_who_has_left() {
    let (agent, admin) = (Agent::fresh(), Admin::any());
    let ticket = given(&agent);
    let path = format!("/tickets/{}", ticket["id"]);
    admin.delete(&path).is(204);
    admin.delete(&format!("/agents/{}", agent.id)).is(204);
    let back = admin.post(&format!("{path}/restore"), json!({})).is(200).json();
    assert_eq!(
        (&back["assignee"], &back["status"]),
        (&Value::Null, &json!("open"))
    );
    assert_eq!(load(agent.id), 0);
}

#[test]
fn nobody_is_given_tickets_while_they_leave() {
    let admin = Admin::any();
    for _ in 0..3 {
        let agent = Agent::fresh();
        let tickets: Vec<Value> = (0..12).map(|_| make::ticket(Customer::any())).collect();
        let answers = race(13, |runner| match tickets.get(runner) {
            Some(ticket) => admin.put(
                &format!("/tickets/{}/assign", ticket["id"]),
                json!({"assignee": agent.id}),
            ),
            None => admin.delete(&path(agent.id)),
        });
        for answer in &answers {
            assert!(
                matches!(answer.status(), 200 | 204 | 400),
                "{} {}",
                answer.status(),
                answer.text()
            );
        }
        assert_eq!(load(agent.id), 0);
        let left = admin
            .get(&format!("/tickets?assignee={}", agent.id))
            .is(200)
            .ids();
        assert_eq!(left, [0; 0]);
    }
}

#[test]
fn a_thousand_open_tickets_go_back_at_once() {
    let worker = Worker::start(&[]);
    worker.seed();
    let file = worker.d1.clone().expect("the server tells its database");
    let worker = worker.pause();
    sqlite::run(
        &file,
        &["INSERT INTO tickets (uid, number, title, description, status, priority, workflow, category_id, requester_id,
           assignee_id, created_at, updated_at, public_updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         SELECT printf('00000000-0000-7000-9000-%012d', i), printf('TICK-20251001-%06d', i), 'Heavy ' || i, 'Load',
           CASE i % 3 WHEN 0 THEN 'assigned' WHEN 1 THEN 'in_progress' ELSE 'waiting' END, 2, 'support', 4,
           (SELECT id FROM users WHERE email = 'john@example.com'), (SELECT id FROM users WHERE email = 'lisa@helpdesk.com'),
           1760000000000 + i, 1760000000000 + i, 1760000000000 + i FROM n;", FOLLOW].concat(),
        "",
    );
    let worker = worker.resume();
    let admin = Admin::on(&worker);
    admin
        .put("/admin/settings", json!({"auto_assign": "off"}))
        .is(200);
    let lisa = admin.get("/agents?q=lisa").is(200).rows().remove(0);
    assert!(lisa["open_load"].as_i64() >= Some(1_000));
    let left = admin.delete(&format!("/agents/{}", lisa["id"])).is(204);
    // One to read, one to write, and one to see who may take the tickets.
    assert!(left.timing("d1") <= Some(3));
    assert_eq!(
        admin.get(&format!("/agents/{}", lisa["id"])).is(200).json()["open_load"],
        0
    );
    let pool = admin.get("/tickets?assignee=none&q=heavy&count=true").is(200);
    assert_eq!(pool.json()["meta"]["total"], 1_000);
    for ticket in pool.rows() {
        let events = admin
            .get(&format!("/tickets/{}/events", ticket["id"]))
            .is(200)
            .rows();
        assert_eq!(
            (&events[0]["seq"], &events[0]["cause"]),
            (&json!(1), &json!("returned_to_pool"))
        );
        assert_eq!(ticket["version"], 2);
    }
}
