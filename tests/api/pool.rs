//! The pool: what comes back to it when people leave, and who takes from it when a place becomes free.

use crate::support::client::Role;
use crate::support::time::tick;
use crate::support::{Admin, Caller, Customer, Manager, Value, Worker, json, make, race};

/// A category with agents, each of whom takes at most `most` tickets.
fn staffed(admin: &Caller, agents: usize, most: i64) -> (Value, Vec<i64>) {
    let body = json!({"name": format!("Pool {}", make::unique())});
    let category = admin.post("/categories", body).is(201).json();
    let ids = (0..agents).map(|_| hire(admin, &category, most)).collect();
    (category, ids)
}

fn hire(admin: &Caller, category: &Value, most: i64) -> i64 {
    let body = json!({"email": make::email(), "max_open_tickets": most, "categories": [category["id"]]});
    admin.post("/agents", body).is(201).json()["id"].as_i64().unwrap()
}

fn open_in(by: &Caller, category: &Value) -> Value {
    make::ticket_with(by, json!({"category": category["slug"]}))
}

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn shown(by: &Caller, ticket: &Value) -> Value {
    by.get(&path(ticket)).is(200).json()
}

fn holder(by: &Caller, ticket: &Value) -> Option<i64> {
    shown(by, ticket)["assignee"]["id"].as_i64()
}

fn set(by: &Caller, ticket: &Value, statuses: &[&str]) {
    for status in statuses {
        by.put(&format!("{}/status", path(ticket)), json!({"status": status}))
            .is(200);
    }
}

/// What the history says of the assignee: the causes and whose the ticket was before and after.
fn moves(by: &Caller, ticket: &Value) -> Vec<(Value, Value, Value)> {
    let told = by.get(&format!("{}/history", path(ticket))).is(200).rows();
    let mut moves = Vec::new();
    for event in told.iter().filter(|event| event["type"] != "ticket_created") {
        let changes = event["changes"].as_array().unwrap().iter();
        for change in changes.filter(|change| change["field"] == "assignee") {
            moves.push((
                event["cause"].clone(),
                change["from"]["id"].clone(),
                change["to"]["id"].clone(),
            ));
        }
    }
    moves
}

type Way = (&'static str, fn(&Caller, i64));

/// How somebody leaves.
const LEAVING: [Way; 5] = [
    ("deactivated as a user", |admin, id| {
        admin
            .put(&format!("/users/{id}"), json!({"is_active": false}))
            .is(200);
    }),
    ("deleted as a user", |admin, id| {
        admin.delete(&format!("/users/{id}")).is(204);
    }),
    ("deactivated as an agent", |admin, id| {
        admin
            .put(&format!("/agents/{id}"), json!({"is_active": false}))
            .is(200);
    }),
    ("deleted as an agent", |admin, id| {
        admin.delete(&format!("/agents/{id}")).is(204);
    }),
    ("a customer from now on", |admin, id| {
        admin
            .put(&format!("/users/{id}"), json!({"role": "customer"}))
            .is(200);
    }),
];

type Reopening = (&'static str, fn(&Caller, &Caller, &Value));

/// How a ticket comes back to work.
const REOPENING: [Reopening; 5] = [
    ("the customer answers", |_, customer, ticket| {
        make::message(customer, ticket, "It is broken again.");
    }),
    ("the customer reopens it", |_, customer, ticket| {
        customer
            .post(&format!("{}/reopen", path(ticket)), json!({}))
            .is(200);
    }),
    ("staff set the status", |admin, _, ticket| {
        set(admin, ticket, &["reopened"]);
    }),
    ("staff edit it", |admin, _, ticket| {
        admin
            .put(&path(ticket), json!({"status": "reopened", "priority": "high"}))
            .is(200);
    }),
    (
        "it was deleted, is restored and reopened",
        |admin, customer, ticket| {
            admin.delete(&path(ticket)).is(204);
            admin
                .post(&format!("{}/restore", path(ticket)), json!({}))
                .is(200);
            make::message(customer, ticket, "It is broken again.");
        },
    ),
];

#[test]
fn a_ticket_does_not_go_back_to_somebody_who_has_left() {
    let admin = Admin::any();
    let (left, back) = (LEAVING.iter(), REOPENING.iter());
    let pairs: Vec<(&Way, &Reopening)> = left
        .clone()
        .map(|way| (way, &REOPENING[0]))
        .chain(back.map(|back| (&LEAVING[0], back)))
        .collect();
    for ((how, leave), (when, reopen)) in pairs {
        for done in ["resolved", "closed"] {
            let customer = Customer::fresh();
            let (category, agents) = staffed(admin, 1, 20);
            let ticket = open_in(&customer, &category);
            assert_eq!(holder(admin, &ticket), Some(agents[0]));
            set(admin, &ticket, &["in_progress", "resolved"]);
            if done == "closed" {
                set(admin, &ticket, &["closed"]);
            }
            leave(admin, agents[0]);
            assert_eq!(holder(admin, &ticket), Some(agents[0]), "what is done stays");
            reopen(admin, &customer, &ticket);
            let now = shown(admin, &ticket);
            assert_eq!(
                (&now["assignee"], &now["status"]),
                (&Value::Null, &json!("reopened")),
                "{how}, {when}"
            );
            assert_eq!(
                moves(admin, &ticket).last().unwrap(),
                &(json!("returned_to_pool"), json!(agents[0]), Value::Null),
                "{how}, {when}"
            );

            // Somebody comes, and takes it; with somebody there it goes to them at once.
            let next = hire(admin, &category, 20);
            assert_eq!(holder(admin, &ticket), Some(next), "{how}, {when}");
            set(admin, &ticket, &["in_progress", "resolved"]);
            hire(admin, &category, 20);
            admin.delete(&format!("/agents/{next}")).is(204);
            reopen(admin, &customer, &ticket);
            let heir = holder(admin, &ticket);
            assert!(heir.is_some() && heir != Some(next), "{how}, {when}: {heir:?}");
        }
    }
}

#[test]
fn a_ticket_goes_back_to_somebody_who_is_there() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    let (category, agents) = staffed(admin, 1, 20);
    let ticket = open_in(&customer, &category);
    set(admin, &ticket, &["in_progress", "resolved"]);
    // Absent is not gone, and who is a manager now still works here.
    let agent = format!("/agents/{}", agents[0]);
    admin.put(&agent, json!({"is_available": false})).is(200);
    make::message(&customer, &ticket, "Again.");
    assert_eq!(holder(admin, &ticket), Some(agents[0]));
    set(admin, &ticket, &["in_progress", "resolved"]);
    admin
        .put(&format!("/users/{}", agents[0]), json!({"role": "manager"}))
        .is(200);
    make::message(&customer, &ticket, "And again.");
    assert_eq!(holder(admin, &ticket), Some(agents[0]));
    assert_eq!(moves(admin, &ticket).len(), 1);
}

#[test]
fn a_rule_that_reopens_gives_nothing_to_somebody_who_has_left() {
    // Rules are the whole desk's, so this story has a server of its own.
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    for rule in admin.walk("/workflows", 100) {
        admin.delete(&format!("/workflows/{}", rule["id"])).is(204);
    }
    let (category, agents) = staffed(&admin, 1, 20);
    let ticket = open_in(&customer, &category);
    set(&admin, &ticket, &["in_progress", "resolved"]);
    admin.delete(&format!("/agents/{}", agents[0])).is(204);
    let rule = json!({"name": "Wake", "trigger": {"on": "message_added", "internal": true}, "conditions": {},
        "actions": [{"type": "set_status", "status": "reopened"}]});
    admin.post("/workflows", rule).is(201);
    // A note reopens nothing: the rule does.
    make::note(&admin, &ticket, "Look again.");
    let now = shown(&admin, &ticket);
    assert_eq!(
        (&now["status"], &now["assignee"]),
        (&json!("reopened"), &Value::Null)
    );
    assert_eq!(moves(&admin, &ticket).last().unwrap().0, "returned_to_pool");
}

type Freeing = (&'static str, fn(&Caller, i64, &Value));

/// What frees a place of an agent who has as many tickets as the cap allows.
const FREEING: [Freeing; 8] = [
    ("resolved", |admin, _, ticket| {
        set(admin, ticket, &["in_progress", "resolved"]);
    }),
    ("closed", |admin, _, ticket| {
        admin.post(&format!("{}/close", path(ticket)), json!({})).is(200);
    }),
    ("edited", |admin, _, ticket| {
        admin.put(&path(ticket), json!({"status": "closed"})).is(200);
    }),
    ("transferred", |admin, _, ticket| {
        let to = json!({"to": admin.id, "reason": "Mine."});
        admin.post(&format!("{}/transfer", path(ticket)), to).is(200);
    }),
    ("given to somebody else", |admin, _, ticket| {
        admin
            .put(&format!("{}/assign", path(ticket)), json!({"assignee": admin.id}))
            .is(200);
    }),
    ("given to nobody", |admin, _, ticket| {
        admin
            .put(&format!("{}/assign", path(ticket)), json!({"assignee": null}))
            .is(200);
    }),
    ("deleted", |admin, _, ticket| {
        admin.delete(&path(ticket)).is(204);
    }),
    ("cap raised", |admin, agent, _| {
        admin
            .put(&format!("/agents/{agent}"), json!({"max_open_tickets": 2}))
            .is(200);
    }),
];

#[test]
fn a_place_that_becomes_free_goes_to_the_oldest_ticket() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    for (what, free) in FREEING {
        let (category, agents) = staffed(admin, 1, 1);
        let [first, second, third] = [(); 3].map(|()| open_in(&customer, &category));
        assert_eq!(holder(admin, &first), Some(agents[0]), "{what}");
        assert_eq!(holder(admin, &second), None, "{what}");
        free(admin, agents[0], &first);
        let given = shown(admin, &second);
        assert_eq!(
            (&given["assignee"]["id"], &given["status"]),
            (&json!(agents[0]), &json!("assigned")),
            "{what}"
        );
        assert_eq!(holder(admin, &third), None, "{what}: one place, one ticket");
        assert_eq!(
            moves(admin, &second),
            [(json!("auto_assign"), Value::Null, json!(agents[0]))],
            "{what}"
        );
        // A newer one does not overtake.
        let fourth = open_in(&customer, &category);
        assert_eq!(holder(admin, &fourth), None, "{what}");
    }
}

type Coming = (&'static str, fn(&Caller, &Value, i64));

/// What makes an agent, who is in no category and away, take tickets.
const COMING: [Coming; 4] = [
    ("available again", |admin, category, agent| {
        let own = json!({"categories": [category["id"]]});
        admin.put(&format!("/agents/{agent}/categories"), own).is(200);
        admin
            .put(&format!("/agents/{agent}"), json!({"is_available": true}))
            .is(200);
    }),
    ("given the category", |admin, category, agent| {
        admin
            .put(&format!("/agents/{agent}"), json!({"is_available": true}))
            .is(200);
        let own = json!({"categories": [category["id"]]});
        admin.put(&format!("/agents/{agent}/categories"), own).is(200);
    }),
    ("put into the category", |admin, category, agent| {
        admin
            .put(&format!("/agents/{agent}"), json!({"is_available": true}))
            .is(200);
        let agents = json!({"agents": [agent]});
        admin
            .put(&format!("/categories/{}/agents", category["id"]), agents)
            .is(200);
    }),
    ("back from being deactivated", |admin, category, agent| {
        let all = json!({"categories": [category["id"]], "is_available": true});
        admin
            .put(&format!("/users/{agent}"), json!({"is_active": false}))
            .is(200);
        admin.put(&format!("/agents/{agent}"), all).is(200);
        admin
            .put(&format!("/users/{agent}"), json!({"is_active": true}))
            .is(200);
    }),
];

#[test]
fn an_agent_who_becomes_free_takes_the_oldest_tickets() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    for (what, come) in COMING {
        let (category, _) = staffed(admin, 0, 0);
        let tickets: Vec<Value> = (0..3).map(|_| open_in(&customer, &category)).collect();
        let body = json!({"email": make::email(), "max_open_tickets": 2, "is_available": false});
        let agent = admin.post("/agents", body).is(201).json()["id"].as_i64().unwrap();
        assert_eq!(holder(admin, &tickets[0]), None, "{what}");
        come(admin, &category, agent);
        let got: Vec<Option<i64>> = tickets.iter().map(|ticket| holder(admin, ticket)).collect();
        assert_eq!(got, [Some(agent), Some(agent), None], "{what}");
    }
}

#[test]
fn a_ticket_that_is_sorted_finds_its_agent() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    let (category, agents) = staffed(admin, 1, 20);
    let (full, _) = staffed(admin, 1, 0);
    let ticket = make::ticket(&customer);
    let move_to = |ticket: &Value, more: Value| admin.put(&path(ticket), more).is(200).json();
    assert_eq!(
        move_to(&ticket, json!({"category": full["slug"]}))["assignee"],
        Value::Null
    );
    let sorted = move_to(&ticket, json!({"category": category["slug"]}));
    assert_eq!(
        (&sorted["assignee"]["id"], &sorted["status"]),
        (&json!(agents[0]), &json!("assigned"))
    );
    // Whoever has it keeps it; whoever says nobody is obeyed.
    assert_eq!(
        move_to(&ticket, json!({"category": full["slug"]}))["assignee"]["id"],
        json!(agents[0])
    );
    let other = make::ticket(&customer);
    let nobody = json!({"category": category["slug"], "assignee": null});
    assert_eq!(move_to(&other, nobody)["assignee"], Value::Null);
    // In a project it is given, and says nothing of the status.
    let work = make::ticket_with(Manager::any(), json!({"workflow": "project"}));
    let sorted = move_to(&work, json!({"category": category["slug"]}));
    assert_eq!(
        (&sorted["assignee"]["id"], &sorted["status"]),
        (&json!(agents[0]), &json!("open"))
    );
}

#[test]
fn what_people_leave_to_nobody_is_theirs() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    tick(&worker);
    let (category, agents) = staffed(&admin, 1, 20);
    let left = make::ticket_with(&admin, json!({"category": category["slug"], "assignee": null}));
    let put_back = open_in(&customer, &category);
    admin
        .put(&format!("{}/assign", path(&put_back)), json!({"assignee": null}))
        .is(200);
    tick(&worker);
    assert_eq!((holder(&admin, &left), holder(&admin, &put_back)), (None, None));
    // What the desk itself could not give away is given by the next tick, here because it was told to give nothing.
    admin
        .put("/admin/settings", json!({"auto_assign": "off"}))
        .is(200);
    let waiting = [(); 2].map(|()| open_in(&customer, &category));
    tick(&worker);
    assert_eq!(holder(&admin, &waiting[0]), None);
    admin
        .put("/admin/settings", json!({"auto_assign": "category"}))
        .is(200);
    for ticket in &waiting {
        assert_eq!(holder(&admin, ticket), Some(agents[0]));
    }
    // A rule that closes frees a place, whether it hears a message or the clock.
    admin
        .put(&format!("/agents/{}", agents[0]), json!({"max_open_tickets": 2}))
        .is(200);
    let [late, later] = [(); 2].map(|()| open_in(&customer, &category));
    assert_eq!((holder(&admin, &late), holder(&admin, &later)), (None, None));
    tick(&worker);
    let rule = |on: Value, tag: &str| {
        let body = json!({"name": "Done", "trigger": on,
            "conditions": {"all": [{"field": "tags", "op": "contains", "value": tag}]},
            "actions": [{"type": "set_status", "status": "closed"}]});
        admin.post("/workflows", body).is(201);
    };
    rule(json!({"on": "message_added", "internal": true}), "spoken");
    rule(json!({"on": "schedule", "every_hours": 1}), "silent");
    admin.put(&path(&waiting[0]), json!({"tags": ["spoken"]})).is(200);
    admin.put(&path(&waiting[1]), json!({"tags": ["silent"]})).is(200);
    make::note(&admin, &waiting[0], "Done.");
    assert_eq!(shown(&admin, &waiting[0])["status"], "closed");
    assert_eq!(holder(&admin, &late), Some(agents[0]));
    let told = race(6, |_| tick(&worker));
    assert_eq!(shown(&admin, &waiting[1])["status"], "closed");
    let given: u64 = told.iter().filter_map(|tick| tick["assigning"].as_u64()).sum();
    assert_eq!(given, 1, "{told:?}");
    assert_eq!(holder(&admin, &later), Some(agents[0]));
    assert_eq!(moves(&admin, &later).len(), 1);
    let load = admin.get(&format!("/agents/{}", agents[0])).is(200).json();
    assert_eq!(load["open_load"], 2);
}

#[test]
fn places_that_become_free_at_once_take_each_a_ticket() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    let (category, agents) = staffed(admin, 3, 2);
    let tickets: Vec<Value> = (0..10).map(|_| open_in(&customer, &category)).collect();
    let (held, waiting) = tickets.split_at(6);
    assert!(waiting.iter().all(|ticket| holder(admin, ticket).is_none()));
    race(6, |runner| {
        admin
            .post(&format!("{}/close", path(&held[runner])), json!({}))
            .is(200)
    });
    for ticket in waiting {
        let who = holder(admin, ticket);
        assert!(who.is_some_and(|who| agents.contains(&who)), "{who:?}");
        assert_eq!(moves(admin, ticket).len(), 1, "given once");
    }
    for agent in agents {
        let load = admin.get(&format!("/agents/{agent}")).is(200).json();
        assert!(load["open_load"].as_i64().unwrap() <= 2, "{load}");
    }
    // The same for one ticket and many places.
    let one = make::ticket(&customer);
    let agent = admin.hire(Role::Agent);
    admin
        .put(&format!("{}/assign", path(&one)), json!({"assignee": agent.id}))
        .is(200);
    assert_eq!(moves(admin, &one).len(), 1);
}
