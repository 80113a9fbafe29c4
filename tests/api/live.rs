//! Sockets: everybody hears what concerns them, in order, and nobody hears anything else.

use std::time::Duration;

use crate::support::client::Role;
use crate::support::socket::{self, Socket, room, seqs};
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make};

const SOON: Duration = Duration::from_secs(15);

fn bodies(frames: &[Value]) -> Vec<&str> {
    frames
        .iter()
        .filter_map(|frame| frame["data"]["body"].as_str())
        .collect()
}

/// What REST says has happened after a number.
fn events(by: &Caller, ticket: &Value, after: i64) -> Vec<Value> {
    by.walk(&format!("/tickets/{}/events?after={after}", ticket["id"]), 50)
}

#[test]
fn two_people_in_one_room() {
    let (customer, agent) = (Customer::fresh(), Agent::any());
    let ticket = make::ticket(&customer);
    let (mut theirs, mut ours) = (room(&customer, &ticket), room(agent, &ticket));
    assert_eq!(theirs.hear("user_joined")["data"]["user"]["id"], agent.id);
    let said = make::message(agent, &ticket, "By HTTP.");
    for hearer in [&mut theirs, &mut ours] {
        let frame = hearer.hear("message");
        assert_eq!((&frame["data"], &frame["ticket_id"]), (&said, &ticket["id"]));
        assert_eq!(frame["at"], said["created_at"]);
    }
    make::note(agent, &ticket, "Between us.");
    assert_eq!(ours.hear("message")["data"]["is_internal"], true);
    ours.send(json!({"type": "message", "body": "By socket.", "client_id": "mine"}));
    let own = ours.hear("message");
    assert_eq!(
        (&own["ref"], &own["data"]["body"]),
        (&json!("mine"), &json!("By socket."))
    );
    let other = theirs.hear("message");
    assert!(other.get("ref").is_none());
    assert_eq!(other["data"], own["data"]);
    theirs.send(json!({"type": "message", "ticket_id": ticket["uid"], "content": "An answer."}));
    assert_eq!(ours.hear("message")["data"], theirs.hear("message")["data"]);
    agent
        .put(
            &format!("/messages/{}", said["id"]),
            json!({"body": "By HTTP, mended."}),
        )
        .is(200);
    assert_eq!(theirs.hear("message_updated")["data"]["body"], "By HTTP, mended.");
    Admin::any().delete(&format!("/messages/{}", said["id"])).is(204);
    assert_eq!(theirs.hear("message_deleted")["data"]["id"], said["id"]);
    agent
        .put(
            &format!("/tickets/{}/priority", ticket["id"]),
            json!({"priority": "high"}),
        )
        .is(200);
    let update = theirs.hear("ticket_updated");
    assert_eq!(update["data"]["changes"][0]["field"], "priority");
    assert_eq!(
        update["version"],
        agent.get(&format!("/tickets/{}", ticket["id"])).json()["version"]
    );
    // Why a ticket is handed on is for staff only.
    let path = format!("/tickets/{}", ticket["id"]);
    customer
        .put(&path, json!({"title": "The printer is out"}))
        .is(200);
    let reason = json!({"assignee": agent.id, "reason": make::CANARY});
    Admin::any().post(&format!("{path}/transfer"), reason).is(200);
    let transfer = loop {
        let frame = ours.hear("ticket_updated");
        if frame["data"]["type"] == "transferred" {
            break frame;
        }
    };
    assert_eq!(transfer["data"]["data"]["reason"], make::CANARY);
    agent.put(&path, json!({"tags": ["smoke"]})).is(200);
    make::attachment(&customer, &ticket, b"smoke");
    while ours.hear("ticket_updated")["data"]["type"] != "attachment_added" {}
    // Each counts without gaps, and as REST does.
    for (by, hearer) in [(&*customer, &mut theirs), (&**agent, &mut ours)] {
        hearer.rest();
        hearer.send(json!({"type": "resume", "last_seq": 0}));
        let all = events(by, &ticket, 0);
        let told = hearer.rest_after_resume(all.len());
        assert_eq!(seqs(&told), (1..=all.len() as i64).collect::<Vec<_>>());
        assert_eq!(seqs(&told), seqs(&all));
        for (frame, event) in told.iter().zip(&all) {
            if frame["type"] == "ticket_updated" {
                assert_eq!(&frame["data"], event);
            }
            assert_eq!(frame["at"], event["created_at"]);
        }
    }
    ours.close();
    assert_eq!(theirs.hear("user_left")["data"]["user"]["id"], agent.id);
}

impl Socket {
    /// What a `resume` brings: the frames with a number, so many of them.
    #[track_caller]
    fn rest_after_resume(&mut self, count: usize) -> Vec<Value> {
        let told = self.told(count);
        let rest = self.rest();
        assert!(rest.iter().all(|frame| frame["seq"].is_null()), "{rest:?}");
        told
    }
}

#[test]
fn what_was_missed_is_told_in_order() {
    let (customer, agent) = (Customer::fresh(), Agent::any());
    let ticket = make::ticket(&customer);
    let mut socket = room(&customer, &ticket);
    make::message(agent, &ticket, "Zero.");
    let last = socket.hear("message")["seq"].as_i64().expect("a number");
    socket.vanish();
    for text in ["One.", "Two.", "Three."] {
        make::message(agent, &ticket, text);
        make::note(agent, &ticket, text);
    }
    // Either asked for when it is open, or when it is opened.
    let mut socket = room(&customer, &ticket);
    socket.send(json!({"type": "resume", "last_seq": last}));
    let path = format!("/messages/room/{}?last_seq={last}", ticket["id"]);
    for mut socket in [socket, socket::open(&customer, &path)] {
        let told = socket.told(3);
        assert_eq!(bodies(&told), ["One.", "Two.", "Three."]);
        assert_eq!(seqs(&told), [last + 1, last + 2, last + 3]);
        assert_eq!(seqs(&events(&customer, &ticket, last)), seqs(&told));
        assert!(seqs(&socket.rest()).is_empty());
        // What lies ahead is not waited for.
        socket.send(json!({"type": "resume", "last_seq": 1_000}));
        assert!(seqs(&socket.rest()).is_empty());
    }
    let mut socket = socket::open(
        &customer,
        &format!("/messages/room/{}?last_seq=1000", ticket["id"]),
    );
    make::message(agent, &ticket, "Four.");
    assert_eq!(seqs(&socket.told(1)), [last + 4]);
    // Longer than any page.
    for at in 0..130 {
        make::message(agent, &ticket, &format!("Message {at}"));
    }
    socket.told(130);
    socket.send(json!({"type": "resume", "last_seq": 0}));
    assert_eq!(
        seqs(&socket.told(last as usize + 134)),
        (1..=last + 134).collect::<Vec<_>>()
    );
}

#[test]
fn presence_and_writing() {
    let (customer, agent, manager) = (Customer::fresh(), Agent::fresh(), Manager::any());
    let ticket = make::ticket(&customer);
    let (mut theirs, mut ours) = (room(&customer, &ticket), room(&agent, &ticket));
    let mut second = room(&agent, &ticket);
    let mut boss = room(manager, &ticket);
    assert_eq!(theirs.hear("user_joined")["data"]["user"]["id"], agent.id);
    // A second socket of somebody who is there already is nobody new.
    assert_eq!(theirs.hear("user_joined")["data"]["user"]["id"], manager.id);
    theirs.send(json!({"type": "typing", "is_typing": true}));
    for hearer in [&mut ours, &mut second, &mut boss] {
        let typing = hearer.hear("typing");
        assert_eq!(
            (&typing["data"]["user"]["id"], &typing["data"]["is_typing"]),
            (&json!(customer.id), &json!(true))
        );
        assert!(typing.get("seq").is_none() && !typing.to_string().contains(&customer.email));
    }
    // A note in the making is nobody's business but the staff's.
    ours.send(json!({"type": "typing", "is_typing": true, "is_internal": true}));
    assert_eq!(boss.hear("typing")["data"]["is_internal"], true);
    ours.send(json!({"type": "typing", "is_typing": false}));
    assert_eq!(boss.hear("typing")["data"]["is_typing"], false);
    let heard = theirs.hear("typing");
    assert_eq!(
        (&heard["data"]["user"]["id"], &heard["data"]["is_typing"]),
        (&json!(agent.id), &json!(false))
    );
    theirs.send(json!({"type": "typing", "is_internal": true}));
    theirs.refused("FORBIDDEN");
    // From a socket that hears everything, for a ticket that its owner may see.
    let mut all = socket::open(manager, "/messages/ws");
    all.send(json!({"type": "typing", "ticket_id": ticket["id"]}));
    assert_eq!(theirs.hear("typing")["data"]["user"]["id"], manager.id);
    let mut outside = socket::open(&Customer::fresh(), "/messages/ws");
    outside.send(json!({"type": "typing", "ticket_id": ticket["id"]}));
    outside.refused("NOT_FOUND");
    outside.send(json!({"type": "typing"}));
    outside.refused("VALIDATION_ERROR");
    // The same again is not told again.
    for _ in 0..5 {
        boss.send(json!({"type": "typing"}));
    }
    boss.rest();
    make::message(manager, &ticket, "Written.");
    theirs.hear("message");
    let typings = theirs.rest().len() + 1;
    assert!(typings <= 2, "{typings} frames");
    second.close();
    ours.close();
    assert_eq!(boss.hear("user_left")["data"]["user"]["id"], agent.id);
    assert!(
        boss.rest().iter().all(|frame| frame["type"] != "user_left"),
        "told once"
    );
}

#[test]
fn everything_that_concerns_somebody() {
    let admin = Admin::any();
    let (customer, agent) = (Customer::fresh(), Agent::fresh());
    let everything = |by: &Caller| {
        let mut socket = socket::open(by, "/messages/ws");
        socket.hear("presence");
        socket
    };
    let (mut theirs, mut ours) = (everything(&customer), everything(&agent));
    let ticket = make::ticket(&customer);
    let created = theirs.hear("ticket_updated");
    assert_eq!(
        (&created["ticket_id"], &created["seq"]),
        (&ticket["id"], &json!(1))
    );
    let path = format!("/tickets/{}/assign", ticket["id"]);
    admin.put(&path, json!({"assignee": agent.id})).is(200);
    let assigned = loop {
        let frame = ours.hear("ticket_updated");
        if frame["data"]["type"] == "assigned" && frame["ticket_id"] == ticket["id"] {
            break frame;
        }
    };
    assert!(assigned["seq"].as_i64() > Some(1));
    let notification = ours.hear("notification");
    assert_eq!(notification["data"]["kind"], "assigned");
    let listed = agent.get("/notifications").is(200).rows();
    assert_eq!(listed.first(), Some(&notification["data"]));
    make::note(admin, &ticket, "Be careful.");
    let note = ours.hear("message");
    make::message(&agent, &ticket, "On my way.");
    let reply = theirs.hear("message");
    assert_eq!(reply["data"]["body"], "On my way.");
    assert_eq!(
        ours.hear("message")["seq"].as_i64(),
        note["seq"].as_i64().map(|seq| seq + 1)
    );
    while theirs.hear("notification")["data"]["kind"] != "reply" {}
    // Each ticket counts for itself, for each reader.
    let other = make::ticket(&customer);
    make::message(&agent, &ticket, "Here I am.");
    let last = theirs.hear("message");
    assert_eq!(last["seq"].as_i64(), reply["seq"].as_i64().map(|seq| seq + 1));
    let (id, another) = (ticket["id"].to_string(), other["id"].to_string());
    theirs.rest();
    theirs.send(json!({"type": "resume", "tickets": {id.clone(): 0, another: 0, "9007199254740991": 0}}));
    let hidden = theirs.refused("VALIDATION_ERROR");
    assert!(hidden["errors"]["tickets.9007199254740991"].is_array());
    let told = theirs.rest();
    let of = |ticket: &Value| -> Vec<Value> {
        told.iter()
            .filter(|frame| frame["ticket_id"] == ticket["id"])
            .cloned()
            .collect()
    };
    assert_eq!(seqs(&of(&ticket)), seqs(&events(&customer, &ticket, 0)));
    assert_eq!(seqs(&of(&other)), seqs(&events(&customer, &other, 0)));
    // Who says something hears that it was said, wherever it is heard.
    let boss = Manager::fresh();
    let mut from_above = everything(&boss);
    from_above
        .send(json!({"type": "message", "ticket_id": ticket["number"], "body": "Well done.", "ref": "b"}));
    assert_eq!(from_above.hear("message")["ref"], "b");
    assert_eq!(theirs.hear("message")["data"]["body"], "Well done.");
    from_above.send(json!({"type": "message", "body": "To whom?"}));
    assert!(from_above.refused("VALIDATION_ERROR")["errors"]["ticket_id"].is_array());
    let strange = make::ticket(&Customer::fresh());
    theirs.rest();
    theirs.send(json!({"type": "message", "ticket_id": strange["id"], "body": "Hello."}));
    theirs.refused("NOT_FOUND");
    // What somebody may not see any more is not told.
    ours.rest();
    admin.put(&path, json!({"assignee": Agent::any().id})).is(200);
    make::message(&customer, &ticket, "Thank you.");
    let rest = ours.rest();
    assert!(
        rest.iter().all(|frame| frame["data"]["body"] != "Thank you."),
        "{rest:?}"
    );
}

#[test]
fn forty_rooms_hear_only_themselves() {
    const ROOMS: usize = 40;
    const MESSAGES: i64 = 6;
    let agent = Agent::fresh();
    let customers: Vec<Customer> = (0..ROOMS).map(|_| Customer::fresh()).collect();
    let desks: Vec<(&Customer, Value)> = customers
        .iter()
        .map(|customer| (customer, make::ticket(customer)))
        .collect();
    std::thread::scope(|scope| {
        for (customer, ticket) in &desks {
            let agent = &agent;
            scope.spawn(move || {
                let mut theirs: Vec<Socket> = (0..3).map(|_| room(customer, ticket)).collect();
                let mut ours: Vec<Socket> = (0..2).map(|_| room(agent, ticket)).collect();
                let before = events(agent, ticket, 0).len() as i64;
                for at in 0..MESSAGES {
                    make::note(agent, ticket, "Quietly.");
                    if at % 2 == 0 {
                        make::message(customer, ticket, &format!("{at}"));
                    } else {
                        ours[0].send(json!({"type": "message", "body": format!("{at}")}));
                    }
                }
                for (sockets, count) in [(&mut theirs, MESSAGES), (&mut ours, 2 * MESSAGES)] {
                    for socket in sockets {
                        let told = socket.told(count as usize);
                        assert!(
                            told.iter().all(|frame| frame["ticket_id"] == ticket["id"]),
                            "another room was heard"
                        );
                        let seqs = seqs(&told);
                        assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
                        if count == MESSAGES {
                            assert_eq!(bodies(&told).len() as i64, MESSAGES);
                        } else {
                            assert_eq!(seqs[0], before + 1);
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn a_room_that_slept_wakes() {
    let customer = Customer::fresh();
    let agent = Agent::fresh();
    let ticket = make::ticket(&customer);
    let (mut theirs, mut ours) = (room(&customer, &ticket), room(&agent, &ticket));
    theirs.hear("user_joined");
    // An object that has nothing to do is put away after ten seconds.
    std::thread::sleep(Duration::from_secs(14));
    make::message(&agent, &ticket, "Awake?");
    assert_eq!(theirs.hear("message")["data"]["body"], "Awake?");
    std::thread::sleep(Duration::from_secs(14));
    ours.hear("message");
    theirs.send(json!({"type": "message", "body": "Awake."}));
    assert_eq!(ours.hear("message")["data"]["body"], "Awake.");
    assert_eq!(seqs(&theirs.told(1)).len(), 1);
    // Where nothing happens, authority is looked at all the same.
    agent.post("/auth/logout", json!({})).is(200);
    assert_eq!(ours.ended(Duration::from_secs(60)), 4401);
    assert_eq!(theirs.hear("user_left")["data"]["user"]["id"], agent.id);
}

#[test]
fn sudden_death_loses_no_frame() {
    let worker = Worker::start(&[]);
    worker.seed();
    let customer = Customer::on(&worker);
    let ticket = make::ticket(&customer);
    let mut socket = room(&customer, &ticket);
    make::message(&customer, &ticket, "Before.");
    let last = socket.hear("message")["seq"].clone();
    let worker = worker.pause().resume();
    assert!(matches!(socket.ended(SOON), 1005 | 1006));
    let customer = Caller::login(&worker, Role::Customer, &customer.email, make::PASSWORD);
    make::message(&customer, &ticket, "After.");
    let mut socket = room(&customer, &ticket);
    socket.send(json!({"type": "resume", "last_seq": last}));
    assert_eq!(bodies(&socket.told(1)), ["After."]);
    make::message(&customer, &ticket, "And on.");
    assert_eq!(bodies(&socket.told(1)), ["And on."]);
}
