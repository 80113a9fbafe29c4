//! What people have seen: unread tickets, read notifications; lists that begin at their end; and tags.

use crate::support::client::Role;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, json, make, race};

fn at(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

/// Whether a list shows a ticket as unread.
fn unread(by: &Caller, ticket: &Value) -> bool {
    let requester = &ticket["requester"]["id"];
    let path = match by.role {
        Role::Customer => "/tickets?fields=id,unread&limit=100".to_owned(),
        _ => format!("/tickets?fields=row&requester={requester}&limit=100"),
    };
    let rows = by.get(&path).is(200).rows();
    let row = rows
        .iter()
        .find(|row| row["id"] == ticket["id"])
        .expect("the ticket");
    row["unread"].as_bool().expect("a flag")
}

fn see(by: &Caller, ticket: &Value, body: Value) -> Value {
    by.put(&format!("{}/seen", at(ticket)), body).is(200).json()
}

#[test]
fn each_has_seen_as_far_as_they_say() {
    let (customer, manager, other) = (Customer::fresh(), Manager::fresh(), Manager::fresh());
    let ticket = make::ticket(&customer);
    assert!(!unread(&customer, &ticket), "one's own act is no news");
    assert!(unread(&manager, &ticket) && unread(&other, &ticket));
    let seen = see(&manager, &ticket, json!({}));
    assert_eq!(seen, json!({"ticket_id": ticket["id"], "seq": 1}));
    assert!(!unread(&manager, &ticket) && unread(&other, &ticket));
    make::message(&customer, &ticket, "Hello?");
    assert!(unread(&manager, &ticket));
    make::message(&manager, &ticket, "Hello.");
    assert!(!unread(&manager, &ticket) && unread(&customer, &ticket));
    assert_eq!(see(&customer, &ticket, json!({"seq": 3}))["seq"], 3);
    assert!(!unread(&customer, &ticket));
    // Never less than before, and never more than there is.
    assert_eq!(see(&customer, &ticket, json!({"seq": 1}))["seq"], 3);
    assert_eq!(see(&customer, &ticket, json!({"seq": 99}))["seq"], 3);
    customer
        .put(&format!("{}/seen", at(&ticket)), json!({"seq": -1}))
        .faults(&["seq"]);
    customer
        .put(&format!("{}/seen", at(&ticket)), json!({"seq": "3"}))
        .faults(&["seq"]);
    Customer::any()
        .put(&format!("{}/seen", at(&ticket)), json!({}))
        .refused(404, "NOT_FOUND");
    // A note is news for staff, and nothing for the customer, in either count.
    make::note(&manager, &ticket, "nobody knows");
    assert!(!unread(&customer, &ticket) && unread(&other, &ticket));
    assert_eq!(see(&customer, &ticket, json!({}))["seq"], 3);
    assert_eq!(see(&other, &ticket, json!({}))["seq"], 4);
    make::message(&manager, &ticket, "After the note.");
    assert!(unread(&customer, &ticket));
    assert_eq!(see(&customer, &ticket, json!({}))["seq"], 4);
    // Whether or not it is asked for.
    let listed = customer.get("/tickets").is(200).rows();
    assert_eq!(
        listed[0]["unread"],
        unread(&customer, &ticket),
        "lists show it unasked, too"
    );
}

#[test]
fn what_was_seen_is_read() {
    let (customer, agent) = (Customer::fresh(), Manager::any());
    let (ticket, other) = (make::ticket(&customer), make::ticket(&customer));
    for text in ["One.", "Two."] {
        make::message(agent, &ticket, text);
    }
    make::message(agent, &other, "Elsewhere.");
    let unread = || {
        customer.get("/notifications/unread-count").is(200).json()["unread_count"]
            .as_i64()
            .unwrap()
    };
    assert_eq!(unread(), 3);
    see(&customer, &ticket, json!({"seq": 2}));
    assert_eq!(unread(), 2, "up to there");
    let read = |ticket: &Value| {
        let rows = customer.walk("/notifications", 100);
        let of: Vec<bool> = rows
            .iter()
            .filter(|row| row["ticket"]["id"] == ticket["id"])
            .map(|row| row["is_read"].as_bool().unwrap())
            .collect();
        of
    };
    assert_eq!((read(&ticket), read(&other)), (vec![false, true], vec![false]));
    customer.get(&at(&ticket)).is(200);
    assert_eq!(unread(), 2, "looking changes nothing");
    see(&customer, &ticket, json!({}));
    assert_eq!((read(&ticket), read(&other)), (vec![true, true], vec![false]));
}

#[test]
fn the_farthest_of_many_at_once_counts() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    for _ in 0..10 {
        make::message(Agent::any(), &ticket, "And again.");
    }
    race(11, |runner| see(&customer, &ticket, json!({"seq": runner + 1})));
    assert_eq!(see(&customer, &ticket, json!({"seq": 0}))["seq"], 11);
    let answer = customer.put(&format!("{}/seen", at(&ticket)), json!({})).is(200);
    println!("{:?} trips", answer.timing("d1"));
    assert!(answer.timing("d1").unwrap() <= 2);
}

#[test]
fn a_long_ticket_opens_at_its_end() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    for at in 0..7 {
        make::message(&customer, &ticket, &format!("Message {at}"));
        if at % 2 == 0 {
            make::note(Agent::any(), &ticket, &format!("note {at}"));
        }
    }
    let id = &ticket["id"];
    let readers: [&Caller; 2] = [&customer, Agent::any()];
    for by in readers {
        for path in [
            format!("/tickets/{id}/timeline"),
            format!("/tickets/{id}/comments"),
            format!("/messages/{id}"),
            format!("/messages/ticket/{id}"),
            format!("/messages/ticket/{id}/timeline"),
        ] {
            let mut forth = by.walk(&path, 100);
            assert_eq!(by.walk(&format!("{path}?order=asc"), 3), forth, "{path}");
            forth.reverse();
            for limit in [1, 2, 3, 100] {
                assert_eq!(
                    by.walk(&format!("{path}?order=desc"), limit),
                    forth,
                    "{path} by {limit}"
                );
            }
            let skipped = by
                .get(&format!("{path}?order=desc&skip=2&limit=2"))
                .is(200)
                .rows();
            assert_eq!(skipped, forth[2..4], "{path}");
            by.get(&format!("{path}?order=sideways")).faults(&["order"]);
            // A cursor belongs to its direction.
            let first = by.get(&format!("{path}?order=desc&limit=1")).is(200).json();
            let cursor = first["meta"]["next_cursor"].as_str().unwrap();
            by.get(&format!("{path}?limit=1&cursor={cursor}"))
                .faults(&["cursor"]);
        }
    }
}

#[test]
fn tags_are_offered_with_their_counts() {
    let (agent, manager) = (Agent::fresh(), Manager::any());
    let word = make::unique();
    let tag = |tail: &str| format!("{word}{tail}");
    let new = |tags: &[String]| make::ticket_with(manager, json!({"tags": tags}));
    new(&[tag("-drucker"), tag("-zoo")]);
    new(&[tag("-drücker")]);
    let newest = new(&[tag("-Drucker"), tag("-aal")]);
    let doomed = new(&[tag("-gone")]);
    Admin::any().delete(&at(&doomed)).is(204);
    let list = |by: &Caller, q: &str| -> Vec<Value> {
        by.get(&format!("/tags?q={q}"))
            .is(200)
            .rows()
            .iter()
            .map(|row| json!([row["tag"], row["count"], row["is_capped"]]))
            .collect()
    };
    let drucker = json!([tag("-drucker"), 3, false]);
    let all = vec![
        json!([tag("-aal"), 1, false]),
        drucker.clone(),
        json!([tag("-zoo"), 1, false]),
    ];
    assert_eq!(list(manager, &word), all);
    assert_eq!(list(manager, &word.to_uppercase()), all);
    assert_eq!(list(manager, &format!("{word}-Dr%C3%BC")), [drucker]);
    assert!(list(manager, &format!("{word}-x")).is_empty());
    assert!(list(manager, "%25%5B%22").is_empty());
    let paged: Vec<Value> = manager
        .walk(&format!("/tags?q={word}"), 1)
        .iter()
        .map(|row| row["tag"].clone())
        .collect();
    assert_eq!(paged, [tag("-aal"), tag("-drucker"), tag("-zoo")]);
    // What an agent does not see counts for nothing.
    let category = manager
        .post("/categories", json!({"name": make::unique()}))
        .is(201)
        .json();
    manager
        .put(
            &format!("/categories/{}/agents", category["id"]),
            json!({"agents": [agent.id]}),
        )
        .is(200);
    assert!(list(&agent, &word).is_empty());
    manager
        .put(&format!("{}/assign", at(&newest)), json!({"assignee": agent.id}))
        .is(200);
    assert_eq!(
        list(&agent, &word),
        [json!([tag("-aal"), 1, false]), json!([tag("-drucker"), 1, false])]
    );
    Customer::any().get("/tags").refused(403, "FORBIDDEN");
    let everything = manager.get("/tags").is(200);
    assert!(
        everything.timing("rows_read").unwrap() <= 5_500,
        "{:?}",
        everything.timing("rows_read")
    );
}
