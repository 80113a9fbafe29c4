//! Links between tickets: seen from both ends, in no circle, and never showing a ticket that somebody may not see.

use crate::support::{Admin, Agent, Answer, Caller, Customer, Manager, Value, json, make, race};

fn at(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn link(by: &Caller, ticket: &Value, kind: &str, other: &Value) -> Answer {
    let body = json!({"ticket_id": other["id"], "type": kind});
    by.post(&format!("{}/links", at(ticket)), body)
}

/// What a reader sees of a ticket's links: the type, and the other ticket.
fn seen(by: &Caller, ticket: &Value) -> Vec<(String, i64)> {
    let rows = by.walk(&format!("{}/links", at(ticket)), 2);
    rows.iter()
        .map(|row| {
            (
                row["type"].as_str().unwrap().to_owned(),
                row["ticket"]["id"].as_i64().unwrap(),
            )
        })
        .collect()
}

fn tickets<const N: usize>() -> [Value; N] {
    std::array::from_fn(|_| make::ticket(Manager::any()))
}

#[test]
fn both_ends_see_a_link() {
    let manager = Manager::any();
    for (word, back) in [
        ("relates", "relates"),
        ("duplicates", "duplicated_by"),
        ("blocks", "blocked_by"),
        ("parent", "child"),
        ("duplicated_by", "duplicates"),
        ("blocked_by", "blocks"),
        ("child", "parent"),
    ] {
        let [one, two] = tickets();
        let (first, second) = (one["id"].as_i64().unwrap(), two["id"].as_i64().unwrap());
        let made = link(manager, &one, word, &two).is(201);
        let row = made.json();
        assert_eq!(
            (&row["type"], &row["ticket"]["number"]),
            (&json!(word), &two["number"])
        );
        assert_eq!(row["actor"]["id"], manager.id);
        let place = made.header("location").unwrap().to_owned();
        assert_eq!(place, format!("/api/v1{}/links/{}", at(&one), row["id"]));
        assert_eq!(seen(manager, &one), [(word.to_owned(), second)]);
        assert_eq!(seen(manager, &two), [(back.to_owned(), first)]);
        // The same once more, said from either end.
        link(manager, &one, word, &two).refused(409, "CONFLICT");
        link(manager, &two, back, &one).refused(409, "CONFLICT");
        link(manager, &one, word, &one).faults(&["ticket_id"]);
        for (ticket, word) in [(&one, word), (&two, back)] {
            let events = manager.walk(&format!("{}/events", at(ticket)), 100);
            let last = events.last().unwrap();
            assert_eq!(
                last["changes"],
                json!([{"field": "links", "from": null, "to": word}])
            );
        }
        // It is removed from either end, once.
        manager
            .delete(&format!("{}/links/{}", at(&two), row["id"]))
            .is(204);
        manager
            .delete(&format!("{}/links/{}", at(&one), row["id"]))
            .refused(404, "NOT_FOUND");
        assert!(seen(manager, &one).is_empty() && seen(manager, &two).is_empty());
    }
    let [one, two] = tickets();
    manager
        .post(
            &format!("{}/links", at(&one)),
            json!({"ticket_id": two["number"], "type": "clones"}),
        )
        .faults(&["type"]);
    manager
        .post(
            &format!("{}/links", at(&one)),
            json!({"ticket_id": two["number"], "type": "blocks"}),
        )
        .is(201);
}

#[test]
fn nothing_is_its_own_parent_or_waits_for_itself() {
    let manager = Manager::any();
    for kind in ["parent", "blocks", "duplicates"] {
        let [a, b, c, d] = tickets();
        link(manager, &a, kind, &b).is(201);
        link(manager, &b, kind, &c).is(201);
        link(manager, &c, kind, &a).refused(409, "CONFLICT");
        link(manager, &b, kind, &a).refused(409, "CONFLICT");
        link(manager, &a, kind, &c).is(201);
        link(manager, &c, "relates", &a).is(201);
        link(manager, &d, kind, &a).is(201);
        link(manager, &c, kind, &d).refused(409, "CONFLICT");
    }
}

#[test]
fn a_circle_is_not_closed_from_two_sides_at_once() {
    for _ in 0..3 {
        let [a, b] = tickets();
        let mut answers = race(8, |runner| {
            let (from, to) = if runner % 2 == 0 { (&a, &b) } else { (&b, &a) };
            link(Manager::any(), from, "parent", to).status()
        });
        answers.sort_unstable();
        assert_eq!(answers[0], 201);
        assert!(answers[1..].iter().all(|status| *status == 409), "{answers:?}");
    }
}

#[test]
fn a_link_shows_no_ticket_that_its_reader_may_not_see() {
    let (customer, manager, agent) = (Customer::fresh(), Manager::any(), Agent::fresh());
    let mine = make::ticket(&customer);
    let hidden = make::ticket_with(manager, json!({"title": format!("{} theirs", make::CANARY)}));
    manager
        .put(&format!("{}/assign", at(&mine)), json!({"assignee": agent.id}))
        .is(200);
    manager
        .put(
            &format!("{}/assign", at(&hidden)),
            json!({"assignee": manager.id}),
        )
        .is(200);
    let row = link(manager, &mine, "blocks", &hidden).is(201).json();
    // The check of every answer to a customer looks for the canary.
    assert!(seen(&customer, &mine).is_empty());
    assert!(seen(&agent, &mine).is_empty());
    for by in [&*customer, &*agent] {
        for path in [
            "",
            "/links?count=true",
            "/history",
            "/timeline",
            "/events",
            "/activities",
        ] {
            let text = by.get(&format!("{}{path}", at(&mine))).is(200).text();
            assert!(
                !text.contains(hidden["number"].as_str().unwrap()) && !text.contains("theirs"),
                "{path}"
            );
        }
    }
    let total = agent
        .get(&format!("{}/links?count=true", at(&mine)))
        .is(200)
        .json();
    assert_eq!(total["meta"]["total"], 0);
    let unknown = json!({"ticket_id": 9_007_199_254_740_991_i64, "type": "relates"});
    let path = format!("{}/links", at(&mine));
    let nothing = agent.post(&path, unknown).refused(404, "NOT_FOUND").json();
    let unseen = link(&agent, &mine, "relates", &hidden)
        .refused(404, "NOT_FOUND")
        .json();
    assert_eq!(nothing["message"], unseen["message"]);
    agent
        .delete(&format!("{path}/{}", row["id"]))
        .refused(404, "NOT_FOUND");
    link(&customer, &mine, "relates", &mine).refused(403, "FORBIDDEN");
    // Nor does a repeated request show what has been hidden since.
    let shown = make::ticket_with(manager, json!({"assignee": agent.id}));
    let body = json!({"ticket_id": shown["id"], "type": "relates"});
    let ask = || {
        agent
            .ask("POST", &path)
            .header("Idempotency-Key", "hidden-since")
            .json(&body)
            .send()
    };
    ask().is(201);
    assert_eq!(ask().is(201).header("idempotent-replayed"), Some("true"));
    manager
        .put(&format!("{}/assign", at(&shown)), json!({"assignee": manager.id}))
        .is(200);
    ask().refused(404, "NOT_FOUND");
    // Both of a customer's tickets are the customer's.
    let second = make::ticket(&customer);
    link(manager, &mine, "relates", &second).is(201);
    assert_eq!(
        seen(&customer, &second),
        [("relates".to_owned(), mine["id"].as_i64().unwrap())]
    );
}

#[test]
fn closing_a_parent_may_close_what_hangs_on_it() {
    let (manager, agent) = (Manager::any(), Agent::fresh());
    let [parent, child, grandchild, blocked, waiting, related, done] = tickets();
    let hidden = make::ticket(manager);
    for (from, kind, to) in [
        (&parent, "parent", &child),
        (&child, "parent", &grandchild),
        (&parent, "blocks", &blocked),
        (&parent, "parent", &waiting),
        (&parent, "relates", &related),
        (&parent, "parent", &done),
        (&parent, "parent", &hidden),
    ] {
        link(manager, from, kind, to).is(201);
    }
    for ticket in [&parent, &child, &grandchild, &blocked, &waiting, &done] {
        manager
            .put(&format!("{}/assign", at(ticket)), json!({"assignee": agent.id}))
            .is(200);
    }
    manager
        .put(
            &format!("{}/assign", at(&hidden)),
            json!({"assignee": manager.id}),
        )
        .is(200);
    for status in ["in_progress", "waiting"] {
        agent
            .put(&format!("{}/status", at(&waiting)), json!({"status": status}))
            .is(200);
    }
    agent.put(&format!("{}/close", at(&done)), json!({})).is(200);
    let path = format!("{}/close", at(&parent));
    let dry = agent.post(&path, json!({"dry_run": true})).is(200);
    let want: Vec<i64> = [&parent, &child, &grandchild, &blocked, &waiting]
        .iter()
        .map(|ticket| ticket["id"].as_i64().unwrap())
        .collect();
    assert_eq!(dry.ids(), want);
    let results: Vec<Value> = dry.rows().iter().map(|row| row["result"].clone()).collect();
    assert_eq!(results, ["changed", "changed", "changed", "changed", "refused"]);
    assert_eq!(dry.timing("rows_written"), Some(0));
    let stale = agent.post(&path, json!({"cascade": true, "version": 1}));
    stale.refused(409, "CONFLICT");
    let closed = agent.post(&path, json!({"cascade": true})).is(200).json();
    assert_eq!(
        (&closed["id"], &closed["status"]),
        (&parent["id"], &json!("closed"))
    );
    let status = |ticket: &Value| Admin::any().get(&at(ticket)).is(200).json()["status"].clone();
    for ticket in [&child, &grandchild, &blocked] {
        assert_eq!(status(ticket), "closed");
    }
    assert_eq!(
        (status(&waiting), status(&related), status(&hidden)),
        (json!("waiting"), json!("open"), json!("assigned"))
    );
    // Without it nothing else is touched; and what cannot be closed itself closes nothing.
    let [one, two] = tickets();
    link(manager, &one, "parent", &two).is(201);
    manager.put(&format!("{}/close", at(&one)), json!({})).is(200);
    assert_eq!(status(&two), "open");
    let free = make::ticket(manager);
    link(manager, &waiting, "parent", &free).is(201);
    manager
        .put(&format!("{}/close", at(&waiting)), json!({"cascade": true}))
        .refused(409, "INVALID_TRANSITION");
    assert_eq!(status(&free), "open");
}
