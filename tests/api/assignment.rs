//! How tickets find their agents: by themselves, by hand, and from hand to hand.

use std::collections::BTreeMap;

use crate::support::client::Role;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make, race};

/// A category with so many agents, each of whom takes at most `most` tickets.
fn staffed(admin: &Caller, agents: usize, most: i64) -> (Value, Vec<i64>) {
    let body = json!({"name": format!("Staffed {}", make::unique())});
    let category = admin.post("/categories", body).is(201).json();
    let ids = (0..agents).map(|_| {
        let body = json!({"email": make::email(), "max_open_tickets": most, "categories": [category["id"]]});
        admin.post("/agents", body).is(201).json()["id"].as_i64().unwrap()
    });
    let ids = ids.collect();
    (category, ids)
}

fn open_in(by: &Caller, category: &Value) -> Value {
    make::ticket_with(by, json!({"category": category["slug"]}))
}

fn assignee(ticket: &Value) -> Option<i64> {
    ticket["assignee"]["id"].as_i64()
}

/// How many of the tickets each agent has; nobody is 0.
fn shares(tickets: &[Value]) -> BTreeMap<i64, usize> {
    let mut shares = BTreeMap::new();
    for ticket in tickets {
        *shares.entry(assignee(ticket).unwrap_or(0)).or_default() += 1;
    }
    shares
}

#[test]
fn a_hundred_tickets_and_room_for_sixty() {
    let (category, agents) = staffed(Admin::any(), 6, 10);
    let customers = [Customer::fresh(), Customer::fresh()];
    let tickets = race(100, |runner| open_in(&customers[runner % 2], &category));
    let shares = shares(&tickets);
    assert_eq!(shares.get(&0), Some(&40), "{shares:?}");
    for agent in &agents {
        assert_eq!(shares.get(agent), Some(&10), "{shares:?}");
        let shown = Admin::any().get(&format!("/agents/{agent}")).is(200).json();
        assert_eq!(shown["open_load"], 10);
    }
    for ticket in &tickets {
        let want = if assignee(ticket).is_some() {
            "assigned"
        } else {
            "open"
        };
        assert_eq!((&ticket["status"], &ticket["version"]), (&json!(want), &json!(1)));
    }
    // Room again: one of those that wait takes it, and the next one waits.
    let one = tickets
        .iter()
        .find(|ticket| assignee(ticket) == Some(agents[3]))
        .unwrap();
    let close = format!("/tickets/{}/close", one["id"]);
    Admin::any().post(&close, json!({})).is(200);
    assert_eq!(assignee(&open_in(&customers[0], &category)), None);
    let shown = Admin::any().get(&format!("/agents/{}", agents[3])).is(200).json();
    assert_eq!(shown["open_load"], 10);
}

#[test]
fn the_fewest_tickets_and_then_the_longest_idle() {
    let (category, agents) = staffed(Admin::any(), 3, 20);
    let customer = Customer::fresh();
    let mut order = Vec::new();
    for _ in 0..9 {
        let ticket = open_in(&customer, &category);
        order.push(assignee(&ticket).unwrap());
        // Two assignments within one millisecond would be equally long ago.
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    let round: Vec<i64> = agents.iter().copied().cycle().take(9).collect();
    assert_eq!(order, round);
}

#[test]
fn the_answer_tells_and_the_history_explains() {
    let (category, agents) = staffed(Admin::any(), 1, 5);
    let customer = Customer::fresh();
    let ticket = open_in(&customer, &category);
    let path = format!("/tickets/{}", ticket["id"]);
    assert_eq!(
        (assignee(&ticket), &ticket["status"]),
        (Some(agents[0]), &json!("assigned"))
    );
    assert_eq!(customer.get(&path).is(200).json(), ticket);
    let told = customer.get(&format!("{path}/history")).is(200).rows();
    assert_eq!(told.len(), 2);
    assert_eq!(
        (&told[1]["type"], &told[1]["actor"], &told[1]["cause"]),
        (&json!("assigned"), &Value::Null, &json!("auto_assign"))
    );
    assert_eq!(
        told[1]["changes"][0],
        json!({"field": "status", "from": "open", "to": "assigned"})
    );
    assert_eq!(told[1]["changes"][1]["to"], ticket["assignee"]);

    // The same request again is the same ticket, and weighs nothing more.
    let key = make::unique();
    let body = json!({"title": "Once", "description": "Only once.", "category": category["id"]});
    let ask = || {
        customer
            .ask("POST", "/tickets")
            .header("Idempotency-Key", &key)
            .json(&body)
            .send()
            .is(201)
            .json()
    };
    assert_eq!(ask(), ask());
    let shown = Admin::any().get(&format!("/agents/{}", agents[0])).is(200).json();
    assert_eq!(shown["open_load"], 2);

    // In a project, being given says nothing of the status.
    let body = json!({"category": category["id"], "workflow": "project"});
    let work = make::ticket_with(Manager::any(), body);
    assert_eq!(
        (assignee(&work), &work["status"]),
        (Some(agents[0]), &json!("open"))
    );
}

#[test]
fn nobody_free_is_the_pool() {
    let admin = Admin::any();
    let (category, agents) = staffed(admin, 2, 20);
    let (customer, manager) = (Customer::fresh(), Manager::any());
    assert_eq!(assignee(&make::ticket(&customer)), None, "no category, no agents");
    // Staff who name somebody, or nobody, have decided.
    let nobody = json!({"category": category["id"], "assignee": null});
    assert_eq!(assignee(&make::ticket_with(manager, nobody.clone())), None);
    let somebody = json!({"category": category["id"], "assignee": Agent::any().id});
    assert_eq!(
        assignee(&make::ticket_with(manager, somebody)),
        Some(Agent::any().id)
    );
    assert_eq!(
        make::ticket_with(&customer, nobody)["status"],
        "assigned",
        "customers do not decide it"
    );

    let set = |agent: i64, body: Value| {
        admin.put(&format!("/agents/{agent}"), body).is(200);
    };
    set(agents[0], json!({"is_available": false}));
    for _ in 0..2 {
        assert_eq!(assignee(&open_in(&customer, &category)), Some(agents[1]));
    }
    set(agents[1], json!({"max_open_tickets": 2}));
    let waiting = open_in(&customer, &category);
    assert_eq!(assignee(&waiting), None);
    // The cap binds the desk, not people.
    let ticket = make::ticket(&customer);
    let assign = format!("/tickets/{}/assign", ticket["id"]);
    manager.put(&assign, json!({"assignee": agents[1]})).is(200);
    set(agents[0], json!({"is_available": true}));
    let waited = manager.get(&format!("/tickets/{}", waiting["id"])).is(200).json();
    assert_eq!(assignee(&waited), Some(agents[0]), "the oldest first");
    assert_eq!(assignee(&open_in(&customer, &category)), Some(agents[0]));
    admin.delete(&format!("/agents/{}", agents[0])).is(204);
    assert_eq!(assignee(&open_in(&customer, &category)), None);
}

#[test]
fn the_desk_may_assign_otherwise_or_not_at_all() {
    // The setting is the whole desk's, so this story has a server of its own.
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    let set = |word: &str| {
        admin.put("/admin/settings", json!({"auto_assign": word})).is(200);
    };
    let (category, _) = staffed(&admin, 1, 20);
    set("off");
    assert_eq!(assignee(&open_in(&customer, &category)), None);
    set("least_loaded");
    // The newest agent has no category and no tickets: the first of all.
    let idle = admin.hire(Role::Agent);
    let (_, others) = staffed(&admin, 1, 20);
    admin
        .put(&format!("/agents/{}", others[0]), json!({"is_available": false}))
        .is(200);
    let tickets: Vec<Value> = (0..2).map(|_| make::ticket(&customer)).collect();
    let shares = shares(&tickets);
    assert!(shares.contains_key(&idle.id), "{shares:?}");
    assert!(!shares.contains_key(&others[0]) && !shares.contains_key(&0));
    set("category");
    assert_eq!(assignee(&make::ticket(&customer)), None);
    assert!(assignee(&open_in(&customer, &category)).is_some());
    admin
        .put("/admin/settings", json!({"auto_assign": "sometimes"}))
        .faults(&["auto_assign"]);
}

#[test]
fn a_ticket_is_taken_once() {
    let agents: Vec<Agent> = (0..6).map(|_| Agent::fresh()).collect();
    for by in [true, false] {
        // With a category of their own they go on seeing it; without, it is gone from the pool.
        let (category, _) = staffed(Admin::any(), 0, 0);
        let categories = if by { json!([category["id"]]) } else { json!([]) };
        for agent in &agents {
            let path = format!("/agents/{}/categories", agent.id);
            Manager::any()
                .put(&path, json!({"categories": categories}))
                .is(200);
        }
        let pool = json!({"category": category["id"], "assignee": null});
        let ticket = make::ticket_with(Manager::any(), pool);
        let take = format!("/tickets/{}/assign", ticket["id"]);
        let answers = race(agents.len(), |runner| agents[runner].post(&take, json!({})));
        let won: Vec<&_> = answers.iter().filter(|answer| answer.status() == 200).collect();
        assert_eq!(won.len(), 1);
        for answer in &answers {
            assert!(
                matches!(answer.status(), 200 | 403 | 404 | 409),
                "{}",
                answer.status()
            );
            assert!(!by || answer.status() != 404, "it is still there to see");
        }
        let owner = won[0].json()["assignee"]["id"].clone();
        let path = format!("/tickets/{}/history", ticket["id"]);
        let told = Admin::any().get(&path).is(200).rows();
        assert_eq!(told.len(), 2);
        assert_eq!(told[1]["actor"]["id"], owner);
    }
}

#[test]
fn a_ticket_is_handed_on_with_a_reason() {
    let (manager, customer) = (Manager::any(), Customer::fresh());
    let [first, second, third] = [(); 3].map(|()| Agent::fresh());
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let transfer = format!("{path}/transfer");
    // An agent hands on what is the agent's own.
    first
        .post(&transfer, json!({"to": second.id, "reason": "Not mine."}))
        .refused(403, "FORBIDDEN");
    first.post(&format!("{path}/assign"), json!({})).is(200);
    first.post(&transfer, json!({})).faults(&["assignee", "reason"]);
    first
        .post(&transfer, json!({"to": second.id, "reason": "  "}))
        .faults(&["reason"]);
    for nobody in [
        json!(first.id),
        json!(customer.id),
        json!(9_007_199_254_740_991_i64),
    ] {
        first
            .post(&transfer, json!({"to": nobody, "reason": "Why not?"}))
            .faults(&["assignee"]);
    }
    first
        .post(
            &transfer,
            json!({"to": second.id, "reason": "Too late.", "version": 1}),
        )
        .refused(409, "CONFLICT");

    let why = format!("{} \"knows\" the router.\nI do not.", make::CANARY);
    let handed = first
        .post(&transfer, json!({"agent_id": second.uid, "reason": why}))
        .is(200)
        .json();
    assert_eq!(
        (&handed["assignee"]["id"], &handed["status"]),
        (&json!(second.id), &json!("assigned"))
    );
    first.get(&path).refused(404, "NOT_FOUND");
    manager
        .post(&transfer, json!({"to": third.id, "reason": "Holiday."}))
        .is(200);
    let listed = third.get(&format!("{path}/transfers?count=true")).is(200);
    let rows = listed.rows();
    assert_eq!(listed.json()["meta"]["total"], 2);
    assert_eq!(
        (&rows[0]["from"]["id"], &rows[0]["to"]["id"], &rows[0]["reason"]),
        (&json!(first.id), &json!(second.id), &json!(why))
    );
    assert_eq!(
        (&rows[1]["actor"]["id"], &rows[1]["to"]["id"]),
        (&json!(manager.id), &json!(third.id))
    );
    assert_eq!(third.walk(&format!("{path}/transfers"), 1), rows);
    // Managers see those of all tickets, the newest first.
    let admin = Admin::any();
    let of_ticket = |by: &Caller| -> Vec<Value> {
        let all = by.walk("/transfers", 100).into_iter();
        all.filter(|row| row["ticket_id"] == ticket["id"]).collect()
    };
    let newest_first: Vec<Value> = rows.iter().rev().cloned().collect();
    assert_eq!(of_ticket(Manager::any()), newest_first);
    third.get("/transfers").refused(403, "FORBIDDEN");
    let gone = make::ticket(&Customer::fresh());
    let hand = json!({"assignee": third.id, "reason": "Gone soon."});
    admin
        .post(&format!("/tickets/{}/transfer", gone["id"]), hand)
        .is(200);
    admin.delete(&format!("/tickets/{}", gone["id"])).is(204);
    let all = admin.walk("/transfers", 100);
    assert!(all.iter().all(|row| row["ticket_id"] != gone["id"]));
    let told = third.get(&format!("{path}/history")).is(200).rows();
    let last = told.last().unwrap();
    assert_eq!(
        (&last["type"], &last["data"], &last["seq"]),
        (
            &json!("transferred"),
            &json!({"reason": "Holiday."}),
            &rows[1]["seq"]
        )
    );

    // The customer learns who has it now, and not why. The canary would tell.
    for tail in ["", "/history", "/timeline", "/events"] {
        let seen = customer.get(&format!("{path}{tail}")).is(200);
        assert!(!seen.text().contains("Holiday"), "{}", seen.text());
    }
    assert_eq!(customer.get(&path).is(200).json()["assignee"]["id"], third.id);
    customer
        .get(&format!("{path}/transfers"))
        .refused(403, "FORBIDDEN");
    customer
        .post(&transfer, json!({"to": first.id, "reason": "Please."}))
        .refused(403, "FORBIDDEN");
    second.get(&format!("{path}/transfers")).refused(404, "NOT_FOUND");
}
