//! The change feed: every event once, in one order, whatever happens meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::client::escape;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, json, make, race};

/// The cursor behind the last event.
fn now(by: &Caller) -> String {
    let page = by.get("/changes?after=now").is(200).json();
    assert_eq!(
        (&page["data"], &page["meta"]["has_more"]),
        (&json!([]), &json!(false))
    );
    cursor(&page)
}

fn cursor(page: &Value) -> String {
    page["meta"]["next_cursor"].as_str().expect("a cursor").to_owned()
}

/// The events after a cursor, page by page, and the cursor behind them.
fn follow(by: &Caller, from: &str, more: &str) -> (Vec<Value>, String) {
    let (mut at, mut all) = (from.to_owned(), Vec::new());
    for _ in 0..10_000 {
        let page = by
            .get(&format!("/changes?after={}{more}", escape(&at)))
            .is(200)
            .json();
        all.extend(page["data"].as_array().expect("rows").clone());
        at = cursor(&page);
        let next = page["links"]["next"].as_str();
        assert_eq!(page["meta"]["has_more"], next.is_some(), "{page}");
        if next.is_none() {
            return (all, at);
        }
        assert!(
            next.is_some_and(|link| link.contains(&format!("after={at}"))),
            "{page}"
        );
    }
    panic!("the feed has no end");
}

fn of<'a>(events: &'a [Value], ticket: &Value) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["ticket"]["id"] == ticket["id"])
        .collect()
}

fn types<'a>(events: &[&'a Value]) -> Vec<&'a str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

#[test]
fn a_copy_of_the_desk_follows_what_happens() {
    let (manager, customer, agent) = (Manager::any(), Customer::fresh(), Agent::fresh());
    let start = now(manager);
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    Admin::any()
        .put(&format!("{path}/assign"), json!({"assignee": agent.id}))
        .is(200);
    make::message(&agent, &ticket, "We look at it.");
    make::note(&agent, &ticket, "An odd one.");
    let (events, end) = follow(manager, &start, "&limit=2");
    let own = of(&events, &ticket);
    assert_eq!(
        types(&own),
        ["ticket_created", "assigned", "message_added", "message_added"]
    );
    let seqs: Vec<_> = own.iter().map(|event| event["seq"].as_i64()).collect();
    assert_eq!(seqs, [Some(1), Some(2), Some(3), Some(4)]);
    let told = &own[0]["ticket"];
    assert_eq!(
        (&told["number"], &told["uid"]),
        (&ticket["number"], &ticket["uid"])
    );
    assert_eq!(told["is_deleted"], false);
    assert_eq!(own[2]["data"]["message"]["body"], "We look at it.");
    assert_eq!(
        (&own[2]["is_internal"], &own[3]["is_internal"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(own[1]["actor"]["id"], Admin::any().id);
    // The same page again says the same: whoever loses an answer loses no event.
    assert_eq!(follow(manager, &start, "&limit=2").0[..events.len()], events[..]);
    manager
        .put(&format!("{path}/status"), json!({"status": "in_progress"}))
        .is(200);
    let (later, _) = follow(manager, &end, "");
    assert_eq!(types(&of(&later, &ticket)), ["status_changed"]);
    // Some types, by either name; the place in the feed is the same.
    for words in [
        "message_added,status_changed",
        "message.added,ticket.status_changed",
    ] {
        let (some, _) = follow(manager, &start, &format!("&types={words}&limit=1"));
        let own = of(&some, &ticket);
        assert_eq!(
            types(&own),
            ["message_added", "message_added", "status_changed"],
            "{words}"
        );
    }
}

#[test]
fn the_feed_is_for_managers_and_its_input_is_checked() {
    for by in [Customer::any() as &Caller, Agent::any()] {
        by.get("/changes").refused(403, "FORBIDDEN");
    }
    let manager = Manager::any();
    manager.get("/changes?types=nonsense").faults(&["types"]);
    manager.get("/changes?limit=101").faults(&["limit"]);
    let of_a_list = manager.get("/tickets?limit=1").is(200).json();
    for after in [
        "1",
        "nonsense",
        of_a_list["meta"]["next_cursor"].as_str().unwrap_or("x"),
    ] {
        manager.get(&format!("/changes?after={after}")).faults(&["after"]);
    }
    let first = manager.get("/changes?limit=1").is(200).json();
    assert_eq!(
        first["data"][0]["id"], 1,
        "it begins with the first event: {first}"
    );
    assert_eq!(manager.get("/changes").is(200).timing("d1"), Some(1));
}

#[test]
fn what_is_gone_is_gone_from_the_feed() {
    let (manager, admin) = (Manager::any(), Admin::any());
    let customer = Customer::fresh();
    let name = format!("Zqgone{}", make::unique());
    customer.put("/users/me", json!({"first_name": name})).is(200);
    let start = now(manager);
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let (edited, deleted, redacted) = (make::unique(), make::unique(), make::unique());
    let message = make::message(&customer, &ticket, &edited);
    customer
        .put(
            &format!("/messages/{}", message["id"]),
            json!({"body": "Better."}),
        )
        .is(200);
    let message = make::message(&customer, &ticket, &deleted);
    customer.delete(&format!("/messages/{}", message["id"])).is(204);
    make::message(&customer, &ticket, &format!("My card is {redacted}."));
    admin
        .put(&path, json!({"title": format!("About {redacted}")}))
        .is(200);
    admin
        .post(&format!("{path}/redact"), json!({"text": redacted}))
        .is(200);
    let read = || serde_json::to_string(&of(&follow(manager, &start, "").0, &ticket)).expect("text");
    let shown = read();
    for gone in [&edited, &deleted, &redacted] {
        assert!(!shown.contains(gone.as_str()), "{gone} in {shown}");
    }
    assert!(shown.contains("Better.") && shown.contains(&name));
    // Whoever closes the account has no name in the past either.
    customer.delete("/users/me").is(204);
    let shown = read();
    assert!(
        !shown.contains(&name) && shown.contains("Closed account"),
        "{shown}"
    );
    // A deleted ticket says nothing until it is restored, but its events are there.
    admin.delete(&path).is(204);
    let (events, _) = follow(manager, &start, "");
    let own = of(&events, &ticket);
    assert_eq!(types(&own).last(), Some(&"ticket_deleted"));
    for event in &own {
        let empty = (&event["changes"], &event["data"], &event["ticket"]["is_deleted"]);
        assert_eq!(empty, (&json!([]), &json!({}), &json!(true)), "{event}");
    }
    admin.post(&format!("{path}/restore"), json!({})).is(200);
    assert!(read().contains("Better."));
}

#[test]
fn nothing_is_missed_while_many_write() {
    let (manager, customers) = (
        Manager::any(),
        (0..12).map(|_| Customer::fresh()).collect::<Vec<_>>(),
    );
    let start = now(manager);
    let writing = AtomicUsize::new(customers.len());
    let seen = race(customers.len() + 2, |runner| {
        if let Some(customer) = customers.get(runner) {
            for _ in 0..4 {
                let ticket = make::ticket(customer);
                make::message(customer, &ticket, "And another thing.");
            }
            writing.fetch_sub(1, Ordering::SeqCst);
            return Vec::new();
        }
        // Those who follow read while others write, and once more when all have written.
        let (mut all, mut at) = (Vec::new(), start.clone());
        loop {
            let is_last = writing.load(Ordering::SeqCst) == 0;
            let (more, end) = follow(manager, &at, "&limit=7");
            all.extend(more);
            at = end;
            if is_last {
                return all;
            }
        }
    });
    let followers = &seen[customers.len()..];
    for events in followers {
        let ids: Vec<i64> = events.iter().filter_map(|event| event["id"].as_i64()).collect();
        let gap = ids.windows(2).find(|pair| pair[1] != pair[0] + 1);
        assert_eq!(
            gap, None,
            "ids rise by one, so none is missed and none comes twice"
        );
        let mut of_customer: BTreeMap<i64, usize> = BTreeMap::new();
        for event in events {
            *of_customer
                .entry(event["actor"]["id"].as_i64().unwrap_or_default())
                .or_default() += 1;
        }
        for customer in &customers {
            assert_eq!(
                of_customer.get(&customer.id),
                Some(&8),
                "four tickets, each with a message"
            );
        }
    }
}
