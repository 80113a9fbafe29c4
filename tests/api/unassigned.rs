//! Tickets that nobody has: agents are told of them, now and then and all at once.

use crate::support::client::Role;
use crate::support::time::{tick, tick_at};
use crate::support::{Admin, Caller, Customer, Value, Worker, json, make, race};

/// What somebody has been told of tickets that nobody has, the newest first.
fn told(whom: &Caller) -> Vec<Value> {
    whom.get("/notifications?kind=unassigned").is(200).rows()
}

/// The time in so many minutes.
fn after(minutes: i64) -> String {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let then = i64::try_from(since).unwrap() + minutes * 60;
    chrono::DateTime::from_timestamp(then, 0)
        .unwrap()
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

#[test]
fn agents_are_told_of_what_nobody_has() {
    // The clock concerns every ticket, so this story has a server of its own.
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    admin
        .put("/admin/settings", json!({"auto_assign": "off"}))
        .is(200);
    tick(&worker);
    let body = json!({"name": format!("Nobody {}", make::unique())});
    let category = admin.post("/categories", body).is(201).json();
    let [inside, quiet, outside] = [(); 3].map(|()| admin.hire(Role::Agent));
    let agents = json!({"agents": [inside.id, quiet.id]});
    admin
        .put(&format!("/categories/{}/agents", category["id"]), agents)
        .is(200);
    let none = json!({"preferences": {"unassigned": {"live": false, "email": false}}});
    quiet.put("/notifications/preferences", none).is(200);
    let wanted = inside.get("/notifications/preferences").is(200).json();
    assert_eq!(
        wanted["preferences"]["unassigned"],
        json!({"live": true, "email": true})
    );

    let open = |more: Value| make::ticket_with(&customer, more);
    let of_category = json!({"category": category["slug"]});
    let sorted: Vec<Value> = (0..12).map(|_| open(of_category.clone())).collect();
    let loose = open(json!({}));
    let taken = open(of_category.clone());
    let take = format!("/tickets/{}/assign", taken["id"]);
    admin.put(&take, json!({"assignee": admin.id})).is(200);
    let done = open(of_category.clone());
    admin
        .post(&format!("/tickets/{}/close", done["id"]), json!({}))
        .is(200);
    assert_eq!(told(&inside), Vec::<Value>::new(), "not one by one");
    // A quarter of an hour has not passed yet.
    assert_eq!(tick(&worker)["unassigned"], 0);
    let counts = race(5, |_| tick_at(&worker, &after(16))["unassigned"].as_u64());
    assert_eq!(
        counts.into_iter().flatten().sum::<u64>(),
        1,
        "once, however many clocks"
    );
    let rows = told(&inside);
    assert_eq!(rows.len(), 1);
    let words = rows[0]["message"].as_str().unwrap();
    assert!(words.starts_with("Nobody has these 12 tickets yet: "), "{words}");
    assert!(words.contains(sorted[0]["number"].as_str().unwrap()), "{words}");
    for other in [&taken, &done, &loose] {
        assert!(!words.contains(other["number"].as_str().unwrap()), "{words}");
    }
    assert_eq!(told(&quiet), Vec::<Value>::new());
    let rows = told(&outside);
    assert_eq!(
        (rows.len(), &rows[0]["ticket"]["id"]),
        (1, &loose["id"]),
        "agents of no category hear of what has none"
    );
    assert_eq!(told(&customer), Vec::<Value>::new());

    // Nothing new is nothing told; an answer of the customer is, and one of staff is not.
    tick_at(&worker, &after(35));
    assert_eq!(told(&inside).len(), 1);
    make::message(&admin, &sorted[1], "We look at it.");
    make::message(&customer, &sorted[2], "Is anybody there?");
    tick_at(&worker, &after(55));
    let rows = told(&inside);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["ticket"]["id"], sorted[2]["id"]);
    assert_eq!(
        rows[0]["message"],
        format!(
            "Nobody has this ticket yet: {}",
            sorted[2]["number"].as_str().unwrap()
        )
    );
}
