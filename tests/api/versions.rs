//! Writes that know what they change: ETags, preconditions, versions, and keys that make a retry safe.

use crate::support::{Agent, Anon, Customer, Manager, Value, json, make};

fn etag_of(by: &crate::support::Caller, path: &str) -> String {
    by.get(path).is(200).header("etag").expect("an ETag").to_owned()
}

#[test]
fn an_etag_is_the_version_and_a_hash() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let etag = etag_of(customer, &path);
    let inner = etag
        .strip_prefix('"')
        .and_then(|it| it.strip_suffix('"'))
        .expect("quotes");
    let (version, hash) = inner.split_once('-').expect("two parts");
    assert_eq!(version, ticket["version"].to_string());
    assert!(
        hash.len() == 8 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        "{etag}"
    );
    for single in ["/auth/me", "/users/me"] {
        customer.get(single).is(200).header("etag").expect("an ETag");
    }
}

#[test]
fn what_is_known_is_not_sent_again() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let etag = etag_of(customer, &path);
    let ask = |etag: &str| customer.ask("GET", &path).header("If-None-Match", etag).send();
    for same in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"x\", {etag}"),
        "*".to_owned(),
    ] {
        let answer = ask(&same).is(304);
        assert!(answer.bytes().is_empty());
        assert_eq!(answer.header("etag"), Some(etag.as_str()), "{same}");
    }
    for other in [
        "\"x\"".to_owned(),
        etag.replace('-', "-0"),
        format!("\"{}-00000000\"", ticket["version"]),
        "x".to_owned(),
    ] {
        ask(&other).is(200);
    }
    customer
        .post(&format!("{path}/comments"), json!({"body": "Something new."}))
        .is(201);
    let now = ask(&etag).is(200).json();
    assert_eq!(now["version"], ticket["version"], "messages are appended");
    assert_ne!(now["updated_at"], ticket["updated_at"]);
}

#[test]
fn a_note_changes_nothing_that_a_customer_sees() {
    let (customer, agent) = (Customer::fresh(), Agent::any());
    let ticket = make::ticket(&customer);
    let other = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let (etag, list) = (
        etag_of(&customer, &path),
        customer.get("/tickets?sort=-updated_at").is(200).json(),
    );
    make::note(agent, &ticket, "Between us.");
    customer
        .ask("GET", &path)
        .header("If-None-Match", &etag)
        .send()
        .is(304);
    assert_eq!(customer.get("/tickets?sort=-updated_at").is(200).json(), list);
    assert_eq!(
        customer.get("/tickets?sort=-updated_at").is(200).ids()[0],
        other["id"].as_i64().unwrap()
    );
}

#[test]
fn a_stale_precondition_is_refused() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let old = etag_of(customer, &path);
    let put = |etag: &str, title: &str| {
        customer
            .ask("PUT", &path)
            .header("If-Match", etag)
            .json(&json!({"title": title}))
            .send()
    };
    // Only the version part is compared: a message may have come meanwhile.
    customer
        .post(&format!("{path}/comments"), json!({"body": "Meanwhile."}))
        .is(201);
    let changed = put(&old, "First change").is(200);
    assert_eq!(changed.json()["version"], ticket["version"].as_i64().unwrap() + 1);
    assert_eq!(changed.header("etag"), Some(etag_of(customer, &path).as_str()));
    put(&old, "Second change").refused(412, "PRECONDITION_FAILED");
    put("*", "Third change").is(200);
    put("\"nonsense\"", "Fourth change").is(412);
    assert_eq!(customer.get(&path).json()["title"], "Third change");
}

#[test]
fn a_stale_version_in_the_body_is_a_conflict() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let put = |version: Value, title: &str| customer.put(&path, json!({"title": title, "version": version}));
    put(ticket["version"].clone(), "First change").is(200);
    put(ticket["version"].clone(), "Second change").refused(409, "CONFLICT");
    put(json!("1"), "Third change").faults(&["version"]);
    assert_eq!(customer.get(&path).json()["title"], "First change");
    customer.put(&path, json!({"title": "Without a version"})).is(200);
}

#[test]
fn refusals_come_in_their_order() {
    let (customer, stranger) = (Customer::fresh(), Customer::fresh());
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    // 401 before 415, 403 by function before 400, 400 malformed before 404, 404 before fields, fields before 403 and 412.
    Anon::new()
        .ask("PUT", &path)
        .raw("text/plain", b"{")
        .send()
        .is(401);
    customer
        .ask("PUT", &format!("{path}/priority"))
        .raw("application/json", b"{")
        .send()
        .is(403);
    stranger
        .ask("PUT", &path)
        .raw("application/json", b"{")
        .send()
        .is(400);
    stranger.put(&path, json!({"title": 5})).is(404);
    customer
        .put(&path, json!({"title": "x", "priority": "low"}))
        .is(400);
    customer
        .ask("PUT", &path)
        .header("If-Match", "\"99-00000000\"")
        .json(&json!({"title": "x"}))
        .send()
        .is(400);
    customer
        .ask("PUT", &path)
        .header("If-Match", "\"99-00000000\"")
        .json(&json!({"priority": "low"}))
        .send()
        .is(403);
    customer
        .ask("PUT", &path)
        .header("If-Match", "\"99-00000000\"")
        .json(&json!({"title": "Stale in both ways", "version": 99}))
        .send()
        .is(412);
    // A customer's forbidden status is 403 before 409.
    customer
        .put(&format!("{path}/status"), json!({"status": "resolved"}))
        .is(403);
}

#[test]
fn a_retry_with_its_key_is_the_same_answer() {
    let customer = Customer::fresh();
    let key = make::unique();
    let send = |title: &str| {
        customer
            .ask("POST", "/tickets")
            .header("Idempotency-Key", &key)
            .json(&json!({"title": title, "description": "Once."}))
            .send()
    };
    let first = send("Only once").is(201);
    assert_eq!(first.header("idempotent-replayed"), None);
    for _ in 0..3 {
        let again = send("Only once").is(201);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.bytes(), first.bytes());
        assert_eq!(again.header("location"), first.header("location"));
    }
    send("Something else").refused(422, "IDEMPOTENCY_MISMATCH");
    assert_eq!(customer.get("/tickets?count=true").json()["meta"]["total"], 1);
}

#[test]
fn a_key_belongs_to_its_caller_and_only_success_is_kept() {
    let (one, two) = (Customer::fresh(), Customer::fresh());
    let key = make::unique();
    let send = |by: &Customer, title: &str| {
        let body = json!({"title": title, "description": "Mine."});
        by.ask("POST", "/tickets")
            .header("Idempotency-Key", &key)
            .json(&body)
            .send()
    };
    send(&one, "x").is(400);
    let mine = send(&one, "Mine, corrected").is(201).json();
    let other = send(&two, "Mine, corrected").is(201);
    assert_eq!(other.header("idempotent-replayed"), None);
    assert_ne!(other.json()["id"], mine["id"]);
}

#[test]
fn keys_hold_for_changes_and_replies_too() {
    let (customer, manager) = (Customer::fresh(), Manager::any());
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let (key, reply) = (make::unique(), make::unique());
    for round in 0..2 {
        let put = manager
            .ask("PUT", &path)
            .header("Idempotency-Key", &key)
            .json(&json!({"priority": "urgent"}))
            .send();
        assert_eq!(
            put.is(200).json()["version"],
            ticket["version"].as_i64().unwrap() + 1,
            "round {round}"
        );
        customer
            .ask("POST", &format!("{path}/comments"))
            .header("Idempotency-Key", &reply)
            .json(&json!({"body": "Said once."}))
            .send()
            .is(201);
    }
    assert_eq!(customer.get(&format!("{path}/comments")).rows().len(), 1);
    assert_eq!(customer.get(&path).json()["message_count"], 1);
}

#[test]
fn a_key_that_is_none_is_refused_and_elsewhere_it_is_ignored() {
    let customer = Customer::fresh();
    let body = json!({"title": "Keys", "description": "Of all kinds."});
    for bad in ["x".repeat(256), "caf\u{e9}".to_owned(), "".to_owned()] {
        let answer = customer
            .ask("POST", "/tickets")
            .header("Idempotency-Key", &bad)
            .json(&body)
            .send();
        if !(bad.is_empty() && answer.status() == 201) {
            answer.refused(400, "VALIDATION_ERROR");
        }
    }
    customer
        .ask("POST", "/tickets")
        .header("Idempotency-Key", &"~".repeat(255))
        .json(&body)
        .send()
        .is(201);
    let key = make::unique();
    for _ in 0..2 {
        let read = customer
            .ask("GET", "/tickets")
            .header("Idempotency-Key", &key)
            .send()
            .is(200);
        assert_eq!(read.header("idempotent-replayed"), None);
        let login = Anon::new()
            .ask("POST", "/auth/login")
            .header("Idempotency-Key", &key)
            .json(&json!({"email": customer.email, "password": make::PASSWORD}))
            .send()
            .is(200);
        assert_eq!(login.header("idempotent-replayed"), None);
    }
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    let customer = Customer::fresh();
    let ticket = make::ticket_with(&customer, json!({"department": "Legal"}));
    let path = format!("/tickets/{}", ticket["id"]);
    for method in ["PUT", "PATCH"] {
        let send = |body: Value| Manager::any().ask(method, &path).json(&body).send();
        let same = send(json!({})).is(200).json();
        assert_eq!(
            same["version"],
            customer.get(&path).json()["version"],
            "nothing changed"
        );
        assert_eq!(
            send(json!({"tags": ["printers"]})).is(200).json()["department"],
            "Legal"
        );
        assert_eq!(
            send(json!({"department": null})).is(200).json()["department"],
            Value::Null
        );
        assert_eq!(
            send(json!({"department": "Legal", "subcategory": null}))
                .is(200)
                .json()["department"],
            "Legal"
        );
        send(json!({"title": null})).faults(&["title"]);
    }
}
