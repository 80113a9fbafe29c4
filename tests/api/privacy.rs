//! What is left of people and words that are gone: the names of closed accounts, what was edited out.

use crate::support::client::Role;
use crate::support::post::{Delivered, deliver, desk, proof, thread};
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make, sqlite};

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

/// Somebody with a name that occurs nowhere else.
fn named(role: Role, name: &str) -> Caller {
    let somebody = Admin::any().hire(role);
    let names = json!({"first_name": name, "last_name": "Quux", "username": format!("{name}.q"),
        "avatar_url": format!("https://pictures.example/{name}.png")});
    somebody.put("/users/me", names).is(200);
    somebody
}

/// All that these callers can read of a ticket, and of what they have been told.
fn everything(ticket: &Value, readers: &[&Caller]) -> String {
    let mut all = String::new();
    for by in readers {
        for tail in [
            "",
            "/history",
            "/timeline",
            "/events",
            "/comments",
            "/attachments",
        ] {
            all.push_str(&by.get(&format!("{}{tail}", path(ticket))).is(200).text());
        }
        all.push_str(&by.get("/notifications?limit=100").is(200).text());
        all.push_str(&by.get("/tickets?limit=100").is(200).text());
        if by.role != Role::Customer {
            all.push_str(&by.get(&format!("{}/transfers", path(ticket))).is(200).text());
        }
    }
    all
}

#[test]
fn a_closed_account_has_no_name_in_the_past() {
    for name in ["Zqada", "Zqłukasz", "Zq小林"] {
        let (admin, customer) = (Admin::any(), Customer::fresh());
        let other = Agent::fresh();
        let agent = named(Role::Agent, &format!("{name}{}", make::unique()));
        let ticket = make::ticket(&customer);
        let assign = format!("{}/assign", path(&ticket));
        for who in [agent.id, other.id, agent.id] {
            admin.put(&assign, json!({"assignee": who})).is(200);
        }
        let key = make::unique();
        let body = json!({"body": "I look at it."});
        let say = || {
            let said = admin.ask("PUT", &assign);
            said.header("Idempotency-Key", &key)
                .json(&json!({"assignee": agent.id, "version": 4}))
                .send()
                .is(200)
        };
        assert!(say().text().contains(name));
        agent.post(&format!("{}/comments", path(&ticket)), body).is(201);
        agent
            .post(
                &format!("{}/transfer", path(&ticket)),
                json!({"to": other.id, "reason": "Leaving."}),
            )
            .is(200);
        let readers: [&Caller; 3] = [admin, &customer, &other];
        assert!(everything(&ticket, &readers).contains(name));
        agent.delete("/users/me").is(204);
        let after = everything(&ticket, &readers);
        assert!(!after.contains(name), "{after}");
        assert!(!after.contains(&agent.email), "{after}");
        assert!(after.contains("Closed account"));
        let replayed = say();
        assert!(!replayed.text().contains(name), "{}", replayed.text());
        // The history still says whose it was.
        let told = admin.get(&format!("{}/history", path(&ticket))).is(200).rows();
        let change = &told[1]["changes"].as_array().unwrap().iter();
        let change = change
            .clone()
            .find(|change| change["field"] == "assignee")
            .unwrap();
        assert_eq!(
            (&change["to"]["id"], &change["to"]["full_name"]),
            (&json!(agent.id), &json!("Closed account"))
        );
    }
}

#[test]
fn a_ticket_that_is_restored_names_nobody_who_is_gone() {
    let admin = Admin::any();
    let customer = named(Role::Customer, &format!("Zqeve{}", make::unique()));
    let contact = make::email();
    let ticket = make::ticket_with(&customer, json!({"customer_email": contact}));
    let kept = make::ticket_with(&customer, json!({"customer_email": contact}));
    make::message(&customer, &ticket, "Hello?");
    admin.delete(&path(&ticket)).is(204);
    customer.delete("/users/me").is(204);
    admin
        .post(&format!("{}/restore", path(&ticket)), json!({}))
        .is(200);
    for ticket in [&ticket, &kept] {
        let all = everything(ticket, &[admin, Manager::any()]);
        for gone in ["Zqeve", &customer.email, &contact] {
            assert!(!all.contains(gone), "{gone} in {all}");
        }
        let shown = admin.get(&path(ticket)).is(200).json();
        assert_eq!(shown["requester"]["full_name"], "Closed account", "{shown}");
    }
    let mut found = admin
        .get(&format!("/tickets?q={}", customer.email))
        .is(200)
        .rows();
    found.extend(admin.get(&format!("/users?q={}", customer.email)).is(200).rows());
    assert_eq!(found, Vec::<Value>::new());
}

#[test]
fn what_was_edited_out_of_a_ticket_is_gone() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    for (secret, words) in [
        ("hunter2zq", "My password is hunter2zq"),
        ("пароль-зқ", "Мой пароль-зқ"),
        ("\"zq\\quoted\"", "It is \"zq\\quoted\""),
    ] {
        let ticket = make::ticket_with(&customer, json!({"title": words, "description": words}));
        customer
            .put(
                &path(&ticket),
                json!({"title": "Better", "description": "Better."}),
            )
            .is(200);
        admin
            .put(&path(&ticket), json!({"title": "Best", "priority": "high"}))
            .is(200);
        let inner = json!(secret).to_string();
        let inner = inner.trim_matches('"');
        let seen = everything(&ticket, &[&customer]);
        assert!(!seen.contains(inner), "{seen}");
        assert!(!seen.contains("\"from\":\"Better\""), "nor a later one: {seen}");
        let history = admin.get(&format!("{}/history", path(&ticket))).is(200).rows();
        let changes = history[1]["changes"].as_array().unwrap();
        assert_eq!(
            *changes,
            [
                json!({"field": "title", "from": words, "to": "Better"}),
                json!({"field": "description", "from": null, "to": null})
            ]
        );
        let history = customer.get(&format!("{}/history", path(&ticket))).is(200).rows();
        assert_eq!(
            history[1]["changes"],
            json!([{"field": "title", "from": null, "to": null}, {"field": "description", "from": null, "to": null}])
        );
        let changes = history[2]["changes"].as_array().unwrap();
        assert_eq!(changes[0]["from"], "medium");
        assert_eq!(
            changes[1],
            json!({"field": "title", "from": null, "to": "Best"}),
            "the present title is no secret"
        );
    }
}

/// Takes a text out of a ticket.
fn redact(by: &Caller, ticket: &Value, text: &str) -> Value {
    by.post(&format!("{}/redact", path(ticket)), json!({"text": text}))
        .is(200)
        .json()
}

#[test]
fn a_text_is_taken_out_of_everything() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    for secret in ["hunter2zq", "пароль-зқ", "密码是小林", "\"zq\\\" 100%_'"] {
        let said = format!("My password is {secret}, really {secret}.");
        let ticket = make::ticket_with(&customer, json!({"title": said, "description": said}));
        let other = make::ticket_with(&customer, json!({"title": said}));
        let assign = format!("{}/assign", path(&ticket));
        let agent = Agent::fresh();
        admin.put(&assign, json!({"assignee": agent.id})).is(200);
        let message = make::message(&customer, &ticket, &said);
        let gone = make::message(&customer, &ticket, &said);
        admin.delete(&format!("/messages/{}", gone["id"])).is(204);
        let key = make::unique();
        let say = || {
            agent
                .ask("POST", &format!("{}/comments", path(&ticket)))
                .header("Idempotency-Key", &key)
                .json(&json!({"body": said, "is_internal": true}))
                .send()
        };
        say().is(201);
        make::attachment_with(&customer, &ticket, b"x", json!({"filename": "zq hunter2zq.txt"}));
        customer
            .put(&path(&ticket), json!({"title": "Better"}))
            .refused(403, "FORBIDDEN");
        admin.put(&path(&ticket), json!({"title": "Better"})).is(200);
        agent
            .post(
                &format!("{}/transfer", path(&ticket)),
                json!({"to": admin.id, "reason": said}),
            )
            .is(200);
        let readers: [&Caller; 2] = [admin, &customer];
        let before = admin.get(&path(&ticket)).is(200).json();

        for by in [&customer as &Caller, &agent, Manager::any()] {
            by.post(&format!("{}/redact", path(&ticket)), json!({"text": secret}))
                .refused(403, "FORBIDDEN");
        }
        admin
            .post(&format!("{}/redact", path(&ticket)), json!({"text": ""}))
            .faults(&["text"]);
        let redacted = redact(admin, &ticket, secret);
        assert!(redacted["version"].as_i64() > before["version"].as_i64());
        let want = "My password is █, really █.";
        assert_eq!(
            (&redacted["title"], &redacted["description"]),
            (&json!("Better"), &json!(want))
        );
        let comments = admin.get(&format!("{}/comments", path(&ticket))).is(200).rows();
        assert!(comments.iter().all(|row| row["body"] == want), "{comments:?}");
        assert_eq!(comments.len(), 2);
        assert_eq!(
            admin.get(&format!("/messages/{}", message["id"])).status(),
            admin.get(&format!("/messages/{}", comments[0]["id"])).status()
        );
        let inner = json!(secret).to_string();
        let inner = &inner[1..inner.len() - 1];
        let mut all = String::new();
        for by in readers {
            for tail in [
                "",
                "/history",
                "/timeline",
                "/events",
                "/comments",
                "/attachments",
            ] {
                all.push_str(&by.get(&format!("{}{tail}", path(&ticket))).is(200).text());
            }
        }
        all.push_str(&admin.get(&format!("{}/transfers", path(&ticket))).is(200).text());
        all.push_str(&agent.get("/notifications?limit=100").is(200).text());
        all.push_str(&say().text());
        assert!(!all.contains(inner), "{inner} in {all}");
        let history = admin.get(&format!("{}/history", path(&ticket))).is(200).rows();
        let last = history.last().unwrap();
        assert_eq!(
            (&last["type"], &last["changes"], &last["actor"]["id"]),
            (&json!("ticket_redacted"), &json!([]), &json!(admin.id))
        );
        let renamed = history
            .iter()
            .find(|event| event["changes"][0]["field"] == "title");
        assert_eq!(renamed.unwrap()["changes"][0]["from"], want);
        // It is not found any more, and what remains is.
        let found = |q: &str| -> Vec<i64> {
            let word = q
                .replace('%', "%25")
                .replace('"', "%22")
                .replace('\\', "%5C")
                .replace(' ', "%20");
            admin.get(&format!("/tickets?q={word}&limit=100")).is(200).ids()
        };
        let (id, other_id) = (ticket["id"].as_i64().unwrap(), other["id"].as_i64().unwrap());
        let hits = found(secret.trim_matches(|c: char| !c.is_alphanumeric()));
        assert!(!hits.contains(&id), "{secret}");
        assert!(
            hits.contains(&other_id),
            "another ticket keeps its words: {secret}"
        );
        // Once more changes nothing but says so.
        redact(admin, &ticket, secret);
    }
    let ticket = make::ticket_with(&customer, json!({"title": "hunter3 file"}));
    make::attachment_with(&customer, &ticket, b"x", json!({"filename": "hunter3.txt"}));
    redact(admin, &ticket, "hunter3");
    let files = customer
        .get(&format!("{}/attachments", path(&ticket)))
        .is(200)
        .rows();
    assert_eq!(files[0]["filename"], "█.txt");
    let events = customer.get(&format!("{}/events", path(&ticket))).is(200).text();
    assert!(!events.contains("hunter3"), "{events}");
}

#[test]
fn a_text_is_taken_out_however_its_characters_are_written() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    let (composed, decomposed) = ("Zo\u{eb} \u{c548}", "Zoe\u{308} \u{110b}\u{1161}\u{11ab}");
    for text in [composed, decomposed] {
        let both = format!("{composed} or {decomposed}");
        let ticket = make::ticket_with(&customer, json!({"title": both, "description": both}));
        make::message(&customer, &ticket, &both);
        make::attachment_with(
            &customer,
            &ticket,
            b"x",
            json!({"filename": format!("{both}.txt")}),
        );
        admin
            .put(&path(&ticket), json!({"title": format!("x {both}")}))
            .is(200);
        assert_eq!(redact(admin, &ticket, text)["title"], "x █ or █");
        for tail in [
            "",
            "/history",
            "/timeline",
            "/events",
            "/comments",
            "/attachments",
        ] {
            let answer = admin.get(&format!("{}{tail}", path(&ticket))).is(200).text();
            assert!(
                !answer.contains(composed) && !answer.contains(decomposed),
                "{answer}"
            );
        }
    }
}

#[test]
fn words_of_the_api_can_be_taken_out_too() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    for word in ["id", "field", "title", "open", "null", "[", "\"", "{\"", "a"] {
        let ticket = make::ticket_with(
            &customer,
            json!({"title": format!("x {word} x"), "description": word}),
        );
        admin
            .put(&path(&ticket), json!({"title": format!("y {word} y")}))
            .is(200);
        make::message(&customer, &ticket, word);
        assert_eq!(redact(admin, &ticket, word)["title"], "y █ y");
        for tail in ["", "/history", "/timeline", "/events", "/comments"] {
            // Each answer is checked against the document.
            admin.get(&format!("{}{tail}", path(&ticket))).is(200).json();
        }
    }
}

#[test]
fn what_came_by_mail_is_redacted_with_the_mail() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    let ticket = make::ticket(&customer);
    let to = desk(Worker::shared()).address_for(thread(&ticket, &customer));
    let raw = format!(
        "{}From: Zq <{}>\nSubject: Re: x\nMessage-ID: <{}@x>\nContent-Type: text/plain\n\nMy PIN is 4711zq.\n",
        proof(&customer.email),
        customer.email,
        make::unique()
    );
    let sent = deliver(
        Worker::shared(),
        &customer.email,
        &to,
        raw.replace('\n', "\r\n").as_bytes(),
    );
    assert_eq!(sent, Delivered::Accepted);
    let comments = format!("{}/comments", path(&ticket));
    let message = admin.get(&comments).is(200).rows().remove(0);
    let original = format!("/messages/{}/original", message["id"]);
    assert!(admin.get(&original).is(200).text().contains("4711zq"));
    redact(admin, &ticket, "4711zq");
    assert_eq!(admin.get(&comments).is(200).rows()[0]["body"], "My PIN is █.");
    for by in [admin as &Caller, &customer] {
        by.get(&original).refused(404, "NOT_FOUND");
    }
}

#[test]
fn five_thousand_messages_are_redacted_at_once() {
    let worker = Worker::start(&[]);
    worker.seed();
    let customer = Customer::on(&worker);
    let ticket = make::ticket(&customer);
    let file = worker.d1.clone().expect("the server tells its database");
    let id = &ticket["id"];
    let worker = worker.pause();
    let sql = format!(
        "INSERT INTO messages (uid, ticket_id, position, author_id, body, body_index, created_at)
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
         SELECT printf('00000000-0000-7000-9100-%012x', (SELECT max(id) FROM messages) + 1 + i), {id}, i, {},
           'Line ' || i || ': hunter5 ' || iif(i % 2, '密码', 'word'), iif(i % 2, 'Line ' || i || ': hunter5 密 码', NULL), 1760000000000 + i FROM n;
         UPDATE tickets SET message_count = 5000, public_message_count = 5000 WHERE id = {id};",
        customer.id
    );
    sqlite::run(&file, &sql, "");
    let worker = worker.resume();
    let admin = Admin::on(&worker);
    let done = admin.post(&format!("{}/redact", path(&ticket)), json!({"text": "hunter5"}));
    let done = done.is(200);
    assert!(done.timing("d1") <= Some(3), "a few trips, whatever its size");
    assert_eq!(
        admin.get("/tickets?q=hunter5").is(200).rows(),
        Vec::<Value>::new()
    );
    assert_eq!(admin.get("/tickets?q=4999").is(200).rows().len(), 1);
    let _stopped = worker.pause();
    let query = format!(
        "SELECT count(*) AS n, sum(instr(body, 'hunter5') > 0 OR coalesce(instr(body_index, 'hunter5') > 0, 0)) AS held,
           sum(instr(body, '█') > 0) AS blocks FROM messages WHERE ticket_id = {id}"
    );
    let left = sqlite::run(&file, "", &query);
    assert_eq!(left, [json!({"n": 5000, "held": 0, "blocks": 5000})]);
}
