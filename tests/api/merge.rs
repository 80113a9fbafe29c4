//! Merging: two tickets about the same become one, and apart again; nothing is lost, and nobody learns more than before.

use crate::support::client::Role;
use crate::support::post::{Delivered, deliver, desk, plain, thread, unproven};
use crate::support::stub::{Sent, Stub};
use crate::support::{
    Admin, Agent, Answer, Caller, Customer, Manager, Value, Worker, json, make, race, socket, time,
};

fn at(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn see(by: &Caller, ticket: &Value) -> Value {
    by.get(&at(ticket)).is(200).json()
}

fn merge(by: &Caller, into: &Value, other: &Value) -> Answer {
    by.post(&format!("{}/merge", at(into)), json!({"ticket_id": other["id"]}))
}

fn unmerge(by: &Caller, from: &Value, other: &Value) -> Answer {
    by.post(
        &format!("{}/unmerge", at(from)),
        json!({"ticket_id": other["number"]}),
    )
}

fn bodies(by: &Caller, ticket: &Value) -> Vec<String> {
    let rows = by.walk(&format!("{}/comments", at(ticket)), 2);
    rows.iter()
        .map(|row| row["body"].as_str().unwrap().to_owned())
        .collect()
}

/// What a timeline says: the messages' texts, and the types of the other events.
fn timeline(by: &Caller, ticket: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("gone").to_owned();
    by.walk(&format!("{}/timeline", at(ticket)), 3)
        .iter()
        .map(|entry| match entry["type"].as_str().unwrap() {
            "message" => text(&entry["message"]["body"]),
            kind => format!("<{kind}>"),
        })
        .collect()
}

/// The numbers of a ticket's events are without gaps, and the counts are counts.
fn is_sound(by: &Caller, ticket: &Value) {
    let events = by.walk(&format!("{}/events", at(ticket)), 100);
    let seqs: Vec<i64> = events
        .iter()
        .map(|event| event["seq"].as_i64().unwrap())
        .collect();
    let want: Vec<i64> = (1..=i64::try_from(seqs.len()).unwrap()).collect();
    assert_eq!(seqs, want, "events of {}", ticket["number"]);
    let now = see(by, ticket);
    assert_eq!(
        now["message_count"],
        bodies(by, ticket).len(),
        "messages of {}",
        ticket["number"]
    );
    let files = by.walk(&format!("{}/attachments", at(ticket)), 100);
    assert_eq!(
        now["attachment_count"],
        files.len(),
        "files of {}",
        ticket["number"]
    );
}

/// Two customers, a ticket of each with messages, a note, a file and tags.
struct Twins {
    first: Caller,
    second: Caller,
    one: Value,
    two: Value,
}

fn twins() -> Twins {
    let (first, second) = (
        Admin::any().hire(Role::Customer),
        Admin::any().hire(Role::Customer),
    );
    let new = |customer: &Caller, tags: &[&str]| {
        let more = json!({"customer_email": customer.email, "tags": tags});
        make::ticket_with(Manager::any(), more)
    };
    let (one, two) = (new(&first, &["a", "b"]), new(&second, &["b", "c"]));
    make::message(&first, &one, "One asks.");
    make::message(&second, &two, "Two asks.");
    make::note(Agent::any(), &two, "about two");
    make::attachment(&second, &two, b"of two");
    make::message(Agent::any(), &two, "We answer two.");
    Twins {
        first,
        second,
        one,
        two,
    }
}

#[test]
fn what_was_said_is_at_the_survivor() {
    let Twins {
        first,
        second,
        one,
        two,
    } = twins();
    let manager = Manager::any();
    manager.put(&format!("{}/watch", at(&two)), json!({})).is(200);
    let before = manager.walk(&format!("{}/comments", at(&two)), 100);
    let merged = merge(Agent::any(), &one, &two).is(200).json();
    assert_eq!(
        (&merged["id"], &merged["tags"]),
        (&one["id"], &json!(["a", "b", "c"]))
    );
    assert_eq!(
        (&merged["message_count"], &merged["attachment_count"]),
        (&json!(4), &json!(1))
    );
    assert!(!merged["first_responded_at"].is_null());
    let note = format!("{} about two", make::CANARY);
    assert_eq!(
        bodies(manager, &one),
        ["One asks.", "Two asks.", &note, "We answer two."]
    );
    let after = manager.walk(&format!("{}/comments", at(&one)), 100);
    for (before, after) in before.iter().zip(&after[1..]) {
        for same in ["id", "uid", "author", "is_internal", "created_at", "body"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert_eq!(after["ticket_id"], one["id"]);
    }
    // The merged ticket is closed and says where everything is; its history stays.
    let gone = see(manager, &two);
    assert_eq!(gone["status"], "closed");
    assert_eq!(
        gone["merged_into"],
        json!({"id": one["id"], "number": one["number"]})
    );
    assert_eq!(
        (&gone["message_count"], &gone["allowed_transitions"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(see(manager, &one)["merged_into"], Value::Null);
    let at_one = timeline(manager, &one);
    assert_eq!(
        at_one[at_one.len() - 4..],
        [
            "Two asks.".to_owned(),
            note.clone(),
            "We answer two.".to_owned(),
            "<ticket_merged>".to_owned()
        ]
    );
    assert_eq!(timeline(manager, &two).last().unwrap(), "<ticket_merged>");
    for ticket in [&one, &two] {
        is_sound(manager, ticket);
    }
    is_sound(&first, &one);
    // One event on each, each naming the other.
    let last = |ticket: &Value| {
        manager
            .walk(&format!("{}/history", at(ticket)), 100)
            .pop()
            .unwrap()
    };
    assert_eq!(
        last(&one)["data"],
        json!({"merged": {"id": two["id"], "number": two["number"]}})
    );
    assert_eq!(
        last(&two)["data"],
        json!({"merged_into": {"id": one["id"], "number": one["number"]}})
    );
    // Watchers come along, and the requester is in copy.
    assert_eq!(
        manager.get(&format!("{}/watchers", at(&one))).is(200).ids(),
        [manager.id]
    );
    assert!(
        manager
            .get(&format!("{}/watchers", at(&two)))
            .is(200)
            .ids()
            .is_empty()
    );
    assert_eq!(see(manager, &one)["cc"][0]["email"], second.email);
    // Search finds what was said at its new place.
    let word = make::unique();
    make::message(&first, &one, &word);
    assert_eq!(
        manager.get(&format!("/tickets?q={word}")).is(200).ids(),
        [one["id"].as_i64().unwrap()]
    );
}

#[test]
fn the_other_requester_reads_what_is_public_and_no_more() {
    let Twins {
        first,
        second,
        one,
        two,
    } = twins();
    let secret = make::email();
    let path = at(&one);
    second.get(&path).refused(404, "NOT_FOUND");
    merge(Manager::any(), &one, &two).is(200);
    // The check of every answer looks for the canary of the note.
    let seen = see(&second, &one);
    assert_eq!((&seen["cc"], &seen["contact_email"]), (&json!([]), &Value::Null));
    assert!(!seen.to_string().contains(&first.email) && !seen.to_string().contains(&secret));
    let public = ["One asks.", "Two asks.", "We answer two."];
    assert_eq!(bodies(&second, &one), public);
    assert_eq!(bodies(&first, &one), public);
    for reader in [&first, &second] {
        for more in [
            "timeline",
            "history",
            "events",
            "attachments",
            "links",
            "activities",
        ] {
            let text = reader.get(&format!("{path}/{more}")).is(200).text();
            assert!(
                !text.contains(two["number"].as_str().unwrap()),
                "{more} names the merged ticket"
            );
        }
    }
    // The own ticket leads there; lists and sums are those of one's own.
    assert_eq!(see(&second, &two)["merged_into"]["id"], one["id"]);
    assert_eq!(
        second.get("/tickets").is(200).ids(),
        [two["id"].as_i64().unwrap()]
    );
    assert_eq!(second.get("/tickets/stats/summary").is(200).json()["total"], 1);
    first.get(&at(&two)).refused(404, "NOT_FOUND");
    // Somebody in copy answers, and changes nothing else.
    make::message(&second, &one, "Two again.");
    assert_eq!(bodies(&first, &one).last().unwrap(), "Two again.");
    second
        .put(&path, json!({"title": "Mine"}))
        .refused(403, "FORBIDDEN");
    second
        .put(&format!("{path}/close"), json!({}))
        .refused(403, "FORBIDDEN");
    second
        .put(&format!("{path}/watch"), json!({}))
        .refused(403, "FORBIDDEN");
    second
        .post(
            &format!("{path}/comments"),
            json!({"body": "x", "is_internal": true}),
        )
        .refused(403, "FORBIDDEN");
    let mut room = socket::room(&second, &one);
    make::note(Agent::any(), &one, "hush");
    make::message(Agent::any(), &one, "For both.");
    assert_eq!(room.hear("message")["data"]["body"], "For both.");
    // Undone, it is as if it had never been.
    unmerge(Manager::any(), &one, &two).is(200);
    second.get(&path).refused(404, "NOT_FOUND");
    second
        .post(&format!("{path}/comments"), json!({"body": "Still here?"}))
        .refused(404, "NOT_FOUND");
}

#[test]
fn a_merged_ticket_takes_nothing_more() {
    let Twins { second, one, two, .. } = twins();
    let manager = Manager::any();
    merge(manager, &one, &two).is(200);
    let path = at(&two);
    for (by, method, tail, body) in [
        (manager, "PUT", "", json!({"priority": "urgent"})),
        (manager, "PUT", "/status", json!({"status": "reopened"})),
        (manager, "POST", "/reopen", json!({})),
        (manager, "POST", "/comments", json!({"body": "Hello?"})),
        (
            manager,
            "POST",
            "/comments",
            json!({"body": "Hello?", "is_internal": true}),
        ),
        (manager, "PUT", "/assign", json!({"assignee": manager.id})),
        (
            manager,
            "POST",
            "/transfer",
            json!({"assignee": Agent::any().id, "reason": "Yours."}),
        ),
    ] {
        by.ask(method, &format!("{path}{tail}"))
            .json(&body)
            .send()
            .refused(409, "CONFLICT");
    }
    second
        .post(&format!("{path}/comments"), json!({"body": "Hello?"}))
        .refused(409, "CONFLICT");
    let bulk = json!({"ids": [two["id"]], "changes": {"priority": "low"}});
    let row = manager.post("/tickets/bulk", bulk).is(200).rows().remove(0);
    assert_eq!(
        (&row["result"], &row["error"]["code"]),
        (&json!("refused"), &json!("CONFLICT"))
    );
    manager.put(&format!("{path}/close"), json!({})).is(200);
}

#[test]
fn what_is_not_merged() {
    let (manager, customer, agent) = (Manager::any(), Customer::fresh(), Agent::fresh());
    let [a, b, c]: [Value; 3] = std::array::from_fn(|_| make::ticket(manager));
    merge(manager, &a, &a).refused(409, "CONFLICT");
    merge(manager, &a, &b).is(200);
    merge(manager, &a, &b).refused(409, "CONFLICT");
    merge(manager, &c, &b).refused(409, "CONFLICT");
    merge(manager, &b, &a).refused(409, "CONFLICT");
    merge(manager, &b, &c).refused(409, "CONFLICT");
    merge(&customer, &a, &c).refused(403, "FORBIDDEN");
    unmerge(manager, &a, &c).refused(409, "CONFLICT");
    // Both must be in scope.
    let mine = make::ticket_with(manager, json!({"assignee": agent.id}));
    manager
        .put(&format!("{}/assign", at(&c)), json!({"assignee": manager.id}))
        .is(200);
    merge(&agent, &mine, &c).refused(404, "NOT_FOUND");
    merge(&agent, &c, &mine).refused(404, "NOT_FOUND");
    let stale = json!({"ticket_id": c["id"], "version": 99});
    manager
        .post(&format!("{}/merge", at(&a)), stale)
        .refused(409, "CONFLICT");
    manager
        .post(&format!("{}/merge", at(&a)), json!({}))
        .faults(&["ticket_id"]);
    let body = json!({"ticket_id": c["id"]});
    let path = format!("{}/merge", at(&a));
    let ask = || {
        manager
            .ask("POST", &path)
            .header("Idempotency-Key", "merged-once")
            .json(&body)
            .send()
            .is(200)
    };
    let first = ask().text();
    assert_eq!(ask().text(), first);
}

#[test]
fn a_chain_leads_to_its_end() {
    let manager = Manager::any();
    let customers: Vec<Caller> = (0..3).map(|_| Admin::any().hire(Role::Customer)).collect();
    let [a, b, c]: [Value; 3] = std::array::from_fn(|at| {
        let ticket = make::ticket(&customers[at]);
        make::message(&customers[at], &ticket, &format!("Of {at}."));
        ticket
    });
    merge(manager, &b, &a).is(200);
    merge(manager, &c, &b).is(200);
    for ticket in [&a, &b] {
        assert_eq!(see(manager, ticket)["merged_into"]["id"], c["id"]);
    }
    assert_eq!(bodies(manager, &c), ["Of 2.", "Of 1.", "Of 0."]);
    assert_eq!(bodies(&customers[0], &c).len(), 3);
    merge(manager, &a, &c).refused(409, "CONFLICT");
    unmerge(manager, &b, &a).refused(409, "CONFLICT");
    unmerge(manager, &c, &b).is(200);
    assert_eq!(
        (bodies(manager, &b), bodies(manager, &c)),
        (
            vec!["Of 1.".to_owned(), "Of 0.".to_owned()],
            vec!["Of 2.".to_owned()]
        )
    );
    assert_eq!(see(manager, &a)["merged_into"]["id"], b["id"]);
    customers[0].get(&at(&c)).refused(404, "NOT_FOUND");
    unmerge(manager, &b, &a).is(200);
    for (ticket, customer) in [&a, &b, &c].into_iter().zip(&customers) {
        assert_eq!(bodies(customer, ticket).len(), 1);
        is_sound(manager, ticket);
    }
}

#[test]
fn undoing_puts_back_what_was_not_changed_since() {
    let Twins { first, one, two, .. } = twins();
    let manager = Manager::any();
    manager.put(&format!("{}/watch", at(&two)), json!({})).is(200);
    let cc = json!({"cc": [{"email": make::email(), "name": "Copy"}]});
    manager.put(&format!("{}/cc", at(&two)), cc.clone()).is(200);
    let before: Vec<Value> = [&one, &two].map(|ticket| see(manager, ticket)).into();
    let lines: Vec<Vec<String>> = [&one, &two].map(|ticket| timeline(manager, ticket)).into();
    merge(manager, &one, &two).is(200);
    make::message(&first, &one, "After the merge.");
    unmerge(manager, &one, &two).is(200);
    for (ticket, before) in [&one, &two].into_iter().zip(&before) {
        let after = see(manager, ticket);
        for same in [
            "status",
            "tags",
            "requester",
            "assignee",
            "cc",
            "first_responded_at",
            "resolved_at",
            "closed_at",
            "priority",
            "attachment_count",
            "first_response_due_at",
            "merged_into",
        ] {
            assert_eq!(after[same], before[same], "{same} of {}", ticket["number"]);
        }
        is_sound(manager, ticket);
    }
    assert_eq!(bodies(manager, &one), ["One asks.", "After the merge."]);
    let note = format!("{} about two", make::CANARY);
    assert_eq!(bodies(manager, &two), ["Two asks.", &note, "We answer two."]);
    assert_eq!(
        manager.get(&format!("{}/watchers", at(&two))).is(200).ids(),
        [manager.id]
    );
    assert!(
        manager
            .get(&format!("{}/watchers", at(&one)))
            .is(200)
            .ids()
            .is_empty()
    );
    let now = timeline(manager, &two);
    assert_eq!(now[..lines[1].len()], lines[1], "its past is as it was");
    assert!(
        timeline(manager, &one)
            .iter()
            .filter(|entry| *entry == "gone")
            .count()
            == 3
    );
    for (word, ticket) in [("answer two", &two), ("One asks", &one)] {
        let found = manager.get(&format!(
            "/tickets?q={}&requester={}",
            word.replace(' ', "%20"),
            ticket["requester"]["id"]
        ));
        assert_eq!(found.is(200).ids(), [ticket["id"].as_i64().unwrap()]);
    }
    // A second time: what was edited or deleted stays where that happened.
    merge(manager, &one, &two).is(200);
    let said = manager.walk(&format!("{}/comments", at(&one)), 100);
    let by_body = |body: &str| said.iter().find(|row| row["body"] == body).unwrap()["id"].clone();
    Admin::any()
        .put(
            &format!("/messages/{}", by_body("Two asks.")),
            json!({"body": "Two asks, mended."}),
        )
        .is(200);
    Admin::any()
        .delete(&format!("/messages/{}", by_body("We answer two.")))
        .is(204);
    manager.put(&at(&one), json!({"tags": ["x"]})).is(200);
    unmerge(manager, &one, &two).is(200);
    assert_eq!(bodies(manager, &two), [note.as_str()]);
    assert_eq!(
        bodies(manager, &one),
        ["One asks.", "After the merge.", "Two asks, mended."]
    );
    assert_eq!(see(manager, &one)["tags"], json!(["x"]));
    for ticket in [&one, &two] {
        is_sound(manager, ticket);
    }
    unmerge(manager, &one, &two).refused(409, "CONFLICT");
    // A day later it stays as it is.
    merge(manager, &one, &two).is(200);
    time::age(Worker::shared(), &two, 25);
    unmerge(manager, &one, &two).refused(409, "CONFLICT");
}

#[test]
fn of_two_merges_at_once_one_wins() {
    for status in ["open", "closed", "open"] {
        let [a, b]: [Value; 2] = std::array::from_fn(|_| {
            let ticket = make::ticket(Manager::any());
            make::message(Manager::any(), &ticket, "Me.");
            Manager::any()
                .put(&format!("{}/status", at(&ticket)), json!({"status": status}))
                .is(200);
            ticket
        });
        let answers = race(10, |runner| {
            let (into, other) = if runner % 2 == 0 { (&a, &b) } else { (&b, &a) };
            merge(Manager::any(), into, other).status()
        });
        assert_eq!(
            answers.iter().filter(|status| **status == 200).count(),
            1,
            "{answers:?}"
        );
        assert_eq!(
            answers.iter().filter(|status| **status == 409).count(),
            9,
            "{answers:?}"
        );
        let merged = [&a, &b].map(|ticket| see(Manager::any(), ticket)["merged_into"].is_null());
        assert!(merged == [true, false] || merged == [false, true]);
        for ticket in [&a, &b] {
            is_sound(Manager::any(), ticket);
        }
    }
}

#[test]
fn mails_for_the_merged_ticket_go_to_the_survivor() {
    let Twins { second, one, two, .. } = twins();
    let worker = Worker::shared();
    let answer_to = desk(worker).address_for(thread(&two, &second));
    merge(Manager::any(), &one, &two).is(200);
    let send =
        |to: &str, raw: &[u8]| assert_eq!(deliver(worker, &second.email, to, raw), Delivered::Accepted);
    // By the reply address, without and with proof; by the number in the subject.
    send(&answer_to, &unproven(&second.email, "Re: x", "", "By address."));
    send(
        &answer_to,
        &plain(&second.email, "Re: x", "", "By address, proven."),
    );
    let subject = format!("Re: [{}] x", two["number"].as_str().unwrap());
    send(
        "support@desk.example",
        &plain(&second.email, &subject, "", "By number."),
    );
    let said = bodies(Manager::any(), &one);
    assert_eq!(
        said[said.len() - 3..],
        ["By address.", "By address, proven.", "By number."]
    );
    assert!(bodies(Manager::any(), &two).is_empty());
    // In copy, the second one is mailed what staff say in public, and no note.
    make::note(Manager::any(), &one, "not for mails");
    make::message(Manager::any(), &one, "For both of you.");
    let to = second.email.clone();
    let is_it = move |sent: &Sent| {
        sent.path == "/mail" && sent.json()["to"][0] == to && sent.body.contains("For both of you.")
    };
    let mail = Stub::shared().wait(1, is_it).remove(0);
    assert!(!mail.body.contains(make::CANARY));
}

#[test]
fn a_long_ticket_is_merged_in_one_go() {
    let worker = Worker::start(&[]);
    worker.seed();
    let admin = Admin::on(&worker);
    let (one, two) = (make::ticket(&admin), make::ticket(&admin));
    make::message(&admin, &two, "The first of many.");
    let file = worker.d1.clone().expect("the server tells its database");
    let worker = worker.pause();
    let sql = format!(
        "INSERT INTO messages (uid, ticket_id, position, author_id, body, is_internal, created_at, seq)
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
           SELECT printf('00000000-0000-7000-9000-%012d', i), {id}, i, {author}, 'Line ' || i || iif(i = 4321, ' needleinhay', ''), i % 5 = 0,
             1760000000000 + i, i FROM n;
         UPDATE messages SET uid = substr(uid, 1, 24) || printf('%012x', id) WHERE ticket_id = {id};
         UPDATE tickets SET message_count = 5000, public_message_count = 5000 - 999 WHERE id = {id};",
        id = two["id"],
        author = admin.id
    );
    crate::support::sqlite::run(&file, &sql, "");
    let worker = worker.resume();
    let admin = Admin::on(&worker);
    let done = merge(&admin, &one, &two).is(200);
    let cost = |answer: &Answer| {
        (
            answer.timing("d1").unwrap(),
            answer.timing("rows_read").unwrap(),
            answer.timing("rows_written").unwrap(),
        )
    };
    println!(
        "merging 5,000 messages: {:?} trips, rows read, rows written",
        cost(&done)
    );
    assert!(done.timing("d1").unwrap() <= 4);
    assert!(done.timing("rows_written").unwrap() <= 35_000);
    assert_eq!(done.json()["message_count"], 5_000);
    let found = admin.get("/tickets?q=needleinhay").is(200).ids();
    assert_eq!(found, [one["id"].as_i64().unwrap()]);
    let last = admin
        .get(&format!("{}/timeline?limit=1&skip=5000", at(&one)))
        .is(200)
        .rows();
    assert_eq!(last[0]["message"]["body"], "Line 4999");
    let back = unmerge(&admin, &one, &two).is(200);
    println!("and back: {:?}", cost(&back));
    assert_eq!(see(&admin, &two)["message_count"], 5_000);
    assert_eq!(
        admin.get("/tickets?q=needleinhay").is(200).ids(),
        [two["id"].as_i64().unwrap()]
    );
}
