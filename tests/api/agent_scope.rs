//! `AGENT_SCOPE`: what agents see, by every door at once.
//!
//! The setting is the whole desk's, so this story has a server of its own.

use std::collections::BTreeSet;

use crate::statistics::{by_hand, told};
use crate::support::client::Role;
use crate::support::{Admin, Caller, Customer, Value, Worker, json, make};

/// Tickets by how they stand to the agent.
struct Desk {
    admin: Admin,
    /// In one category; in none.
    agents: [Caller; 2],
    /// Each ticket, and whose it is.
    tickets: Vec<(&'static str, Value)>,
    word: String,
}

fn desk(worker: &Worker) -> Desk {
    let admin = Admin::on(worker);
    // Nobody is given anything here but by hand.
    admin
        .put("/admin/settings", json!({"auto_assign": "off"}))
        .is(200);
    let [member, free, colleague] = [(); 3].map(|()| admin.hire(Role::Agent));
    let path = format!("/agents/{}/categories", member.id);
    admin.put(&path, json!({"categories": ["billing"]})).is(200);
    let customer = Customer::on(worker);
    let word = format!("scope{}", make::unique());
    let open = |category: &str, to: Option<&Caller>| {
        let body = json!({"title": format!("{word} {category}"), "category": category});
        let ticket = make::ticket_with(&customer, body);
        if let Some(to) = to {
            let path = format!("/tickets/{}/assign", ticket["id"]);
            admin.put(&path, json!({"assignee": to.id})).is(200);
        }
        ticket
    };
    let tickets = vec![
        ("member's", open("technical", Some(&member))),
        ("free one's", open("technical", Some(&free))),
        ("category, colleague's", open("billing", Some(&colleague))),
        ("category, pool", open("billing", None)),
        ("elsewhere, pool", open("general", None)),
        ("elsewhere, colleague's", open("general", Some(&colleague))),
    ];
    Desk {
        admin,
        agents: [member, free],
        tickets,
        word,
    }
}

#[test]
fn each_scope_is_the_same_by_every_door() {
    let worker = Worker::start(&[]);
    worker.seed();
    let desk = desk(&worker);
    let pool = ["category, pool", "elsewhere, pool"];
    let category = ["category, colleague's", "category, pool"];
    let all: Vec<&str> = desk.tickets.iter().map(|(name, _)| *name).collect();
    for (scope, member, free) in [
        (
            "category",
            [&["member's"][..], &category].concat(),
            [&["free one's"][..], &pool].concat(),
        ),
        (
            "assigned",
            [&["member's"][..], &pool].concat(),
            [&["free one's"][..], &pool].concat(),
        ),
        ("all", all.clone(), all.clone()),
    ] {
        let set = json!({"agent_scope": scope});
        desk.admin.put("/admin/settings", set).is(200);
        for (agent, seen) in desk.agents.iter().zip([member, free]) {
            sees(&desk, agent, &seen.into_iter().collect(), scope);
        }
    }
}

#[track_caller]
fn sees(desk: &Desk, agent: &Caller, seen: &BTreeSet<&str>, scope: &str) {
    let ids: BTreeSet<i64> = desk
        .tickets
        .iter()
        .filter(|(name, _)| seen.contains(name))
        .filter_map(|(_, ticket)| ticket["id"].as_i64())
        .collect();
    let ours: BTreeSet<i64> = desk
        .tickets
        .iter()
        .filter_map(|(_, ticket)| ticket["id"].as_i64())
        .collect();
    let listed = |query: &str| -> BTreeSet<i64> {
        let rows = agent.walk(&format!("/tickets{query}"), 7);
        let ids: Vec<i64> = rows.iter().filter_map(|row| row["id"].as_i64()).collect();
        let distinct: BTreeSet<i64> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "{scope} {query}: one stands twice");
        distinct.intersection(&ours).copied().collect()
    };
    for query in [
        "".to_owned(),
        "?sort=-updated_at".to_owned(),
        "?sort=priority".to_owned(),
        format!("?q={}", desk.word),
        "?priority=medium".to_owned(),
    ] {
        assert_eq!(listed(&query), ids, "{scope} {query}");
    }
    for (name, ticket) in &desk.tickets {
        let is_seen = seen.contains(name);
        let want = if is_seen { 200 } else { 404 };
        for tail in [
            "",
            "/comments",
            "/history",
            "/timeline",
            "/events",
            "/transfers",
            "/transitions",
        ] {
            let answer = agent.get(&format!("/tickets/{}{tail}", ticket["id"]));
            assert_eq!(answer.status(), want, "{scope} {name} {tail}");
        }
        let key = format!("/tickets/key/{}", ticket["number"].as_str().unwrap());
        assert_eq!(agent.get(&key).status(), want, "{scope} {name}");
        let said = agent.post(
            "/messages",
            json!({"ticket_id": ticket["id"], "message": "Hello."}),
        );
        assert_eq!(said.status(), if is_seen { 201 } else { 404 }, "{scope} {name}");
        if !is_seen {
            let path = format!("/tickets/{}", ticket["id"]);
            agent
                .put(&path, json!({"title": "Out of sight"}))
                .refused(404, "NOT_FOUND");
            agent
                .post(&format!("{path}/assign"), json!({}))
                .refused(404, "NOT_FOUND");
        }
    }
    assert_eq!(told(agent), by_hand(agent), "{scope}: sums and list agree");
}
