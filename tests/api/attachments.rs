//! Files on tickets: sent by a signed link, registered once, given out to those who may see them, and gone when
//! they are deleted.

use crate::support::client::Role;
use crate::support::link::{self, ask, headers};
use crate::support::make::{self, CANARY, attachment, attachment_with, upload};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Value, json, race};

const MIB: usize = 1024 * 1024;

fn bytes(length: usize) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn path(file: &Value) -> String {
    format!("/attachments/{}", file["id"])
}

fn files(ticket: &Value) -> String {
    format!("/tickets/{}/attachments", ticket["id"])
}

fn url(link: &Value) -> &str {
    link["upload_url"].as_str().expect("a link")
}

fn register(by: &Caller, link: &Value) -> crate::support::Answer {
    by.post("/attachments", json!({"key": link["key"]}))
}

#[test]
fn a_file_reaches_the_other_party_byte_by_byte() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let photo = bytes(5 * MIB);
    let name = "Übersicht \"1\" 東京.png";
    let file = attachment_with(
        &customer,
        &ticket,
        &photo,
        json!({"filename": name, "content_type": "image/png"}),
    );
    assert_eq!(file["filename"], "Übersicht _1_ 東京.png");
    assert_eq!(
        (&file["size"], &file["is_internal"]),
        (&json!(photo.len()), &json!(false))
    );
    let manager = Manager::any();
    let download = manager.get(&format!("{}/download", path(&file))).is(200);
    assert!(download.bytes() == photo, "other bytes came back");
    let want = "attachment; filename=\"_bersicht _1_ __.png\"; \
                filename*=UTF-8''%C3%9Cbersicht%20_1_%20%E6%9D%B1%E4%BA%AC.png";
    let record = manager.get(&path(&file)).is(200).json();
    let signed = record["download_url"].as_str().expect("a link");
    let linked = ask("GET", signed, &[], None).is(200);
    assert!(linked.bytes() == photo, "other bytes came by the link");
    for answer in [&download, &linked] {
        assert_eq!(answer.header("content-disposition"), Some(want));
        assert_eq!(answer.header("content-type"), Some("image/png"));
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    }
    let head = manager
        .ask("HEAD", &format!("{}/download", path(&file)))
        .send()
        .is(200);
    assert_eq!(
        head.header("content-length"),
        Some(photo.len().to_string().as_str())
    );
    // It is counted, listed and told of.
    let shown = customer.get(&format!("/tickets/{}", ticket["id"])).json();
    assert_eq!(shown["attachment_count"], 1);
    assert_eq!(
        customer.get(&files(&ticket)).is(200).ids(),
        [file["id"].as_i64().unwrap()]
    );
    let past = customer.get(&format!("/tickets/{}/history", ticket["id"])).rows();
    let told = past.last().expect("an event");
    assert_eq!(told["type"], "attachment_added");
    assert_eq!(told["data"]["attachment"]["id"], file["id"]);
    let found = customer.get("/tickets?has_attachment=true").is(200).ids();
    assert_eq!(found, [ticket["id"].as_i64().unwrap()]);
}

#[test]
fn strangers_find_no_file() {
    let owner = Customer::fresh();
    let ticket = make::ticket(&owner);
    let file = attachment(&owner, &ticket, b"mine");
    let uid = file["uid"].as_str().expect("a uid");
    let stranger = Customer::fresh();
    for path in [
        path(&file),
        format!("/attachments/{uid}"),
        format!("{}/download", path(&file)),
        format!("/attachments/ticket/{}", ticket["id"]),
        files(&ticket),
    ] {
        owner.get(&path).is(200);
        stranger.get(&path).refused(404, "NOT_FOUND");
        Anon::new().get(&path).refused(401, "UNAUTHORIZED");
    }
    stranger.delete(&path(&file)).refused(404, "NOT_FOUND");
    let body =
        json!({"ticket_id": ticket["id"], "filename": "a.txt", "content_type": "text/plain", "size": 1});
    stranger
        .post("/attachments/presigned-url", body)
        .refused(404, "NOT_FOUND");
    // A key names no path, and a link says exactly which.
    for path in [format!("/uploads/{uid}"), format!("/uploads/{}", file["id"])] {
        Anon::new()
            .ask("GET", &path)
            .at_root()
            .send()
            .refused(403, "FORBIDDEN");
        owner.get(&path).refused(403, "FORBIDDEN");
    }
}

#[test]
fn a_link_takes_one_file_and_nothing_else() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let link = upload(&customer, &ticket, b"hello", json!({}));
    let other = upload(&customer, &ticket, b"other", json!({}));
    let sent = headers(&link);
    let with = |name: &str, value: &str| {
        let mut sent = sent.clone();
        sent.retain(|(known, _)| known != name);
        if !value.is_empty() {
            sent.push((name.to_owned(), value.to_owned()));
        }
        sent
    };
    let elsewhere = url(&link).replace(link["key"].as_str().unwrap(), other["key"].as_str().unwrap());
    let mounted = url(&link).replace("/uploads/", "/api/v1/uploads/");
    let longer = url(&link).replace("X-Amz-Expires=900", "X-Amz-Expires=86400");
    let bare = url(&link).split('?').next().unwrap();
    for (url, headers, body) in [
        (url(&link), with("content-type", "text/html"), &b"hello"[..]),
        (url(&link), with("content-type", ""), b"hello"),
        (url(&link), with("if-none-match", ""), b"hello"),
        (url(&link), with("if-none-match", "\"x\""), b"hello"),
        (url(&link), sent.clone(), b"hello!"),
        (url(&link), sent.clone(), b"hell"),
        (url(&link), sent.clone(), b""),
        (&elsewhere, sent.clone(), b"hello"),
        (&mounted, sent.clone(), b"hello"),
        (&longer, sent.clone(), b"hello"),
        (bare, sent.clone(), b"hello"),
    ] {
        let answer = ask("PUT", url, &headers, Some(body));
        if !matches!(answer.status(), 400 | 403) {
            answer.fail("expected a refusal");
        }
    }
    ask("GET", url(&link), &[], None).refused(403, "FORBIDDEN");
    let huge = vec![0; 25 * MIB + 1];
    ask("PUT", url(&link), &sent, Some(&huge)).refused(413, "PAYLOAD_TOO_LARGE");
    // Nothing of it has been stored, under either key.
    for link in [&link, &other] {
        register(&customer, link).refused(409, "CONFLICT");
    }
    // The right file, once.
    link::put(&link, b"hello").is(200);
    link::put(&link, b"world").refused(412, "PRECONDITION_FAILED");
    let file = register(&customer, &link).is(201).json();
    register(&customer, &link).refused(409, "CONFLICT");
    link::put(&link, b"world").refused(412, "PRECONDITION_FAILED");
    let kept = customer.get(&format!("{}/download", path(&file))).is(200);
    assert_eq!(kept.bytes(), b"hello");
    // A link to fetch is no link to send, and says under which name.
    let record = customer.get(&path(&file)).is(200).json();
    let fetch = record["download_url"].as_str().expect("a link");
    ask("PUT", fetch, &sent, Some(b"hello")).refused(403, "FORBIDDEN");
    ask("GET", &fetch.replace("attachment", "inline"), &[], None).refused(403, "FORBIDDEN");
    ask("GET", &fetch.replace("text%2Fplain", "text%2Fhtml"), &[], None).refused(403, "FORBIDDEN");
}

#[test]
fn of_many_at_once_one_wins() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let link = upload(&customer, &ticket, &bytes(MIB), json!({}));
    let put = race(10, |runner| {
        link::put(&link, &vec![b'a' + runner as u8; MIB]).status()
    });
    let winner = put.iter().position(|status| *status == 200).expect("a winner");
    assert_eq!(put.iter().filter(|status| **status == 412).count(), 9, "{put:?}");
    let registered = race(10, |_| register(&customer, &link).status());
    assert_eq!(
        registered.iter().filter(|status| **status == 201).count(),
        1,
        "{registered:?}"
    );
    let list = customer.get(&files(&ticket)).is(200).rows();
    let kept = customer.get(&format!("{}/download", path(&list[0]))).is(200);
    assert!(kept.bytes() == vec![b'a' + winner as u8; MIB]);
    // Twenty files have a place, those under way included; a full ticket is as full for staff, apart from
    // what customers do not see.
    let crowded = make::ticket(&customer);
    let ask = |by: &Caller, is_internal: bool| {
        let body = json!({"ticket_id": crowded["id"], "filename": "a.txt", "content_type": "text/plain", "size": 1,
            "is_internal": is_internal});
        by.post("/attachments/presigned-url", body).status()
    };
    let allowed = race(30, |_| ask(&customer, false));
    assert_eq!(
        allowed.iter().filter(|status| **status == 200).count(),
        20,
        "{allowed:?}"
    );
    assert_eq!(ask(Admin::any(), false), 409);
    assert_eq!(ask(Admin::any(), true), 200);
}

#[test]
fn what_may_be_sent() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let ask = |more: Value| {
        let mut body = json!({"ticket_id": ticket["id"], "filename": "a.pdf", "content_type": "application/pdf", "size": 1});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        customer.post("/attachments/presigned-url", body)
    };
    for (more, fields) in [
        (json!({"filename": "a.exe"}), &["filename"][..]),
        (json!({"filename": "a.pdf.svg"}), &["filename"]),
        (json!({"content_type": "text/html"}), &["content_type"]),
        (json!({"content_type": "image/svg+xml"}), &["content_type"]),
        (
            json!({"filename": "a.html", "content_type": "text/html"}),
            &["filename", "content_type"],
        ),
        (json!({"size": 0}), &["size"]),
        (json!({"size": 25 * MIB + 1}), &["size"]),
        (
            json!({"size": "1", "filename": "", "content_type": null}),
            &["size", "filename", "content_type"],
        ),
        (json!({"message_id": 9_000_000_000_i64}), &["message_id"]),
    ] {
        ask(more).faults(fields);
    }
    ask(json!({"size": 25 * MIB})).is(200);
    ask(json!({"ticket_id": ticket["number"], "filename": "../../a.pdf"})).is(200);
    ask(json!({"is_internal": true})).refused(403, "FORBIDDEN");
    ask(json!({"ticket_id": 9_000_000_000_i64})).refused(404, "NOT_FOUND");
    for by in [&**Customer::any(), &**Admin::any()] {
        by.post("/attachments", json!({"key": "nothing"}))
            .refused(404, "NOT_FOUND");
    }
}

#[test]
fn nobody_registers_what_is_anothers() {
    let customer = Customer::fresh();
    let (ticket, second) = (make::ticket(&customer), make::ticket(&customer));
    let link = upload(&customer, &ticket, b"hello", json!({}));
    link::put(&link, b"hello").is(200);
    let stranger = Customer::fresh();
    for other in [&*stranger, &**Agent::any(), &**Manager::any(), &**Admin::any()] {
        register(other, &link).refused(404, "NOT_FOUND");
    }
    let say = |by: &Caller, ticket: &Value| make::message(by, ticket, "See the file.");
    let (mine, elsewhere) = (say(&customer, &ticket), say(&customer, &second));
    let theirs = say(Manager::any(), &ticket);
    let note = make::note(Manager::any(), &ticket, "Not yours to know.");
    let with = |more: Value| {
        let mut body = json!({"key": link["key"]});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        customer.post("/attachments", body)
    };
    with(json!({"ticket_id": second["id"]})).faults(&["ticket_id"]);
    with(json!({"message_id": elsewhere["id"]})).faults(&["message_id"]);
    with(json!({"message_id": theirs["id"]})).refused(403, "FORBIDDEN");
    let hidden = with(json!({"message_id": note["id"]})).faults(&["message_id"]);
    let nothing = with(json!({"message_id": 9_000_000_000_i64})).faults(&["message_id"]);
    assert_eq!(hidden.json()["errors"], nothing.json()["errors"]);
    let file = with(json!({"message_id": mine["id"], "ticket_id": ticket["number"]}))
        .is(201)
        .json();
    assert_eq!(file["message_id"], mine["id"]);
    // One permission is for one message.
    let link = upload(&customer, &ticket, b"hello", json!({"message_id": mine["id"]}));
    link::put(&link, b"hello").is(200);
    let again = say(&customer, &ticket);
    customer
        .post(
            "/attachments",
            json!({"key": link["key"], "message_id": again["id"]}),
        )
        .faults(&["message_id"]);
    // Answers are kept for a client that lost them, permissions too.
    let permit = || {
        let body =
            json!({"ticket_id": ticket["id"], "filename": "a.txt", "content_type": "text/plain", "size": 1});
        let ask = customer.ask("POST", "/attachments/presigned-url");
        let key = format!("p{}", link["key"]);
        ask.header("Idempotency-Key", &key).json(&body).send().is(200)
    };
    assert_eq!(permit().bytes(), permit().bytes());
    let keyed = || {
        let key = link["key"].as_str().unwrap();
        let ask = customer
            .ask("POST", "/attachments")
            .header("Idempotency-Key", key);
        ask.json(&json!({"key": key})).send().is(201)
    };
    let (first, second) = (keyed(), keyed());
    assert_eq!(first.bytes(), second.bytes());
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
}

#[test]
fn a_notes_file_is_as_hidden_as_the_note() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let manager = Manager::any();
    let everything = || {
        let id = &ticket["id"];
        let mut all = String::new();
        for path in [
            format!("/tickets/{id}"),
            format!("/tickets/{id}/attachments?count=true"),
            format!("/attachments/ticket/{id}?count=true"),
            format!("/tickets/{id}/history?count=true"),
            format!("/tickets/{id}/timeline?count=true"),
            format!("/tickets/{id}/events?count=true"),
            "/tickets?has_attachment=true&count=true".to_owned(),
            "/tickets?sort=-updated_at".to_owned(),
        ] {
            let answer = customer.get(&path).is(200);
            all.push_str(&format!("{path} {:?} {}\n", answer.header("etag"), answer.text()));
        }
        all
    };
    let note = make::note(manager, &ticket, "With a file.");
    let before = everything();
    let named = json!({"filename": format!("{CANARY}.txt"), "message_id": note["id"]});
    manager
        .post(
            "/attachments/presigned-url",
            json!({"ticket_id": ticket["id"], "filename": "a.txt", "content_type": "text/plain", "size": 1,
                "message_id": note["id"], "is_internal": false}),
        )
        .faults(&["is_internal"]);
    let of_note = attachment_with(manager, &ticket, CANARY.as_bytes(), named);
    let alone = attachment_with(
        manager,
        &ticket,
        CANARY.as_bytes(),
        json!({"filename": format!("{CANARY}2.txt"), "is_internal": true}),
    );
    // What was allowed as public and then put to a note is the note's.
    let late = upload(manager, &ticket, b"late", json!({}));
    link::put(&late, b"late").is(200);
    let late = manager
        .post(
            "/attachments",
            json!({"key": late["key"], "message_id": note["id"]}),
        )
        .is(201)
        .json();
    assert_eq!(everything(), before);
    for file in [&of_note, &alone, &late] {
        assert_eq!(file["is_internal"], true);
        let uid = format!("/attachments/{}", file["uid"].as_str().unwrap());
        for path in [path(file), uid, format!("{}/download", path(file))] {
            customer.get(&path).refused(404, "NOT_FOUND");
            Admin::any().get(&path).is(200);
        }
        customer.delete(&path(file)).refused(404, "NOT_FOUND");
    }
    assert_eq!(manager.get(&files(&ticket)).rows().len(), 3);
    let shown = manager.get(&format!("/tickets/{}", ticket["id"])).json();
    assert_eq!(shown["attachment_count"], 3);
    // Gone, they are as hidden as they were.
    manager.delete(&path(&alone)).is(204);
    manager.delete(&format!("/messages/{}", note["id"])).is(204);
    assert_eq!(everything(), before);
    let shown = manager.get(&format!("/tickets/{}", ticket["id"])).json();
    assert_eq!(shown["attachment_count"], 0);
}

#[test]
fn files_are_deleted_by_their_uploader_and_with_their_message() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let file = attachment(&customer, &ticket, b"hello");
    let record = Manager::any().get(&path(&file)).is(200).json();
    let fetch = record["download_url"].as_str().expect("a link");
    for other in [&**Manager::any(), &Admin::any().hire(Role::Manager)] {
        other.delete(&path(&file)).refused(403, "FORBIDDEN");
    }
    let stale = customer
        .ask("DELETE", &path(&file))
        .header("If-Match", "\"7\"")
        .send();
    stale.refused(412, "PRECONDITION_FAILED");
    let gone = race(5, |_| customer.delete(&path(&file)).status());
    assert_eq!(
        gone.iter().filter(|status| **status == 204).count(),
        1,
        "{gone:?}"
    );
    assert!(gone.iter().all(|status| matches!(status, 204 | 404)), "{gone:?}");
    ask("GET", fetch, &[], None).refused(404, "NOT_FOUND");
    for by in [&*customer, &**Admin::any()] {
        by.get(&path(&file)).refused(404, "NOT_FOUND");
    }
    let past = customer.get(&format!("/tickets/{}/history", ticket["id"])).rows();
    assert_eq!(past.last().expect("an event")["type"], "attachment_deleted");
    // An admin may at any time; a message takes its files, and uploads under way, with it.
    let other = attachment(&customer, &ticket, b"hello");
    Admin::any().delete(&path(&other)).is(204);
    let said = make::message(&customer, &ticket, "With a file.");
    let with = json!({"message_id": said["id"]});
    let of_message = attachment_with(&customer, &ticket, b"hello", with.clone());
    let under_way = upload(&customer, &ticket, b"hello", with);
    link::put(&under_way, b"hello").is(200);
    customer.delete(&format!("/messages/{}", said["id"])).is(204);
    for by in [&*customer, &**Admin::any()] {
        by.get(&path(&of_message)).refused(404, "NOT_FOUND");
    }
    register(&customer, &under_way).refused(404, "NOT_FOUND");
    assert!(customer.get(&files(&ticket)).is(200).rows().is_empty());
    let shown = Admin::any().get(&format!("/tickets/{}", ticket["id"])).json();
    assert_eq!(shown["attachment_count"], 0);
    // A deleted ticket hides its files, and gives them back.
    let kept = attachment(&customer, &ticket, b"hello");
    Admin::any().delete(&format!("/tickets/{}", ticket["id"])).is(204);
    customer.get(&path(&kept)).refused(404, "NOT_FOUND");
    Admin::any()
        .post(&format!("/tickets/{}/restore", ticket["id"]), json!({}))
        .is(200);
    customer.get(&path(&kept)).is(200);
}
