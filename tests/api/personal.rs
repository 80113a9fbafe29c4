//! What is held on a person: all of it for the right people, and nothing of it once it is erased.

use std::path::{Path, PathBuf};

use crate::support::client::Role;
use crate::support::post::{Delivered, deliver, plain};
use crate::support::{
    Admin, Agent, Anon, Caller, Customer, Manager, Stub, Value, Worker, json, make, sqlite, time, worker,
};

fn data(by: &Caller, id: i64) -> Value {
    by.get(&format!("/users/{id}/personal-data")).is(200).json()
}

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row[field].as_str())
        .collect()
}

#[test]
fn people_get_what_is_held_on_them() {
    let (admin, agent) = (Admin::any(), Agent::fresh());
    let (ada, eve) = (Customer::fresh(), Customer::fresh());
    ada.put("/users/me", json!({"first_name": "Ada", "phone": "+49 30 1"}))
        .is(200);
    let (hers, others) = (make::unique(), make::unique());
    let ticket = make::ticket_with(
        &ada,
        json!({"title": format!("Mine {hers}"), "description": hers}),
    );
    let other = make::ticket_with(
        &eve,
        json!({"title": format!("Not hers {others}"), "description": others}),
    );
    for ticket in [&ticket, &other] {
        admin
            .put(
                &format!("/tickets/{}/assign", ticket["id"]),
                json!({"assignee": agent.id}),
            )
            .is(200);
        make::note(&agent, ticket, &others);
    }
    make::message(&ada, &ticket, &format!("I said {hers}"));
    make::message(&eve, &other, &others);
    make::attachment_with(&ada, &ticket, b"x", json!({"filename": format!("{hers}.txt")}));
    make::attachment_with(&eve, &other, b"x", json!({"filename": format!("{others}.txt")}));
    ada.put(
        "/notifications/preferences",
        json!({"preferences": {"assigned": {"email": false}}}),
    );
    let own = data(&ada, ada.id);
    assert_eq!(
        (&own["account"]["email"], &own["account"]["phone"]),
        (&json!(ada.email), &json!("+49 30 1"))
    );
    assert_eq!(
        texts(&own["tickets"], "number"),
        [ticket["number"].as_str().unwrap_or_default()]
    );
    assert_eq!(texts(&own["tickets"], "description"), [&*hers]);
    assert_eq!(texts(&own["messages"], "body"), [format!("I said {hers}")]);
    assert_eq!(texts(&own["files"], "filename"), [format!("{hers}.txt")]);
    assert_eq!(own["sessions"].as_array().map(Vec::len), Some(1));
    assert!(texts(&own["activity"], "type").contains(&"ticket_created"));
    let text = own.to_string();
    for foreign in [&others, &eve.email, &agent.email, &"password".to_owned()] {
        assert!(!text.contains(foreign.as_str()), "{foreign} in {text}");
    }
    // An admin hands out the same; what staff wrote about others is not in their data either.
    let same = data(admin, ada.id);
    for part in ["account", "tickets", "messages", "files"] {
        assert_eq!(same[part], own[part], "{part}");
    }
    let of_agent = data(&agent, agent.id);
    assert!(!of_agent.to_string().contains(&others), "{of_agent}");
    assert_eq!(of_agent["messages"][0]["is_internal"], true);
    assert_eq!(of_agent["messages"][0]["body"], Value::Null);
    // Nobody else.
    let path = format!("/users/{}/personal-data", ada.id);
    eve.get(&path).refused(404, "NOT_FOUND");
    agent.get(&path).refused(403, "FORBIDDEN");
    Manager::any().get(&path).refused(403, "FORBIDDEN");
    Anon::new().get(&path).refused(401, "UNAUTHORIZED");
}

/// Where a text is found in a database: `table.column`.
fn places(file: &Path, needle: &str) -> Vec<String> {
    let columns = "SELECT m.name AS t, p.name AS c FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) p \
        WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%'";
    let tests: Vec<String> = sqlite::run(file, "", columns)
        .iter()
        .map(|row| {
            let (table, column) = (
                row["t"].as_str().unwrap_or_default(),
                row["c"].as_str().unwrap_or_default(),
            );
            let lower = format!("lower(CAST(\"{column}\" AS TEXT))");
            format!(
                "SELECT '{table}.{column}' AS place FROM \"{table}\" WHERE instr({lower}, lower('{needle}'))"
            )
        })
        .collect();
    assert!(tests.len() > 200, "{} columns", tests.len());
    let mut found: Vec<String> = tests
        .chunks(100)
        .flat_map(|tests| sqlite::run(file, "", &tests.join(" UNION ")))
        .filter_map(|row| row["place"].as_str().map(str::to_owned))
        .collect();
    found.sort();
    found
}

/// The files below a folder, such as the objects of the file store, that hold a text.
fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(needle.len()).any(|part| part == needle.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

fn blobs(file: &Path) -> PathBuf {
    let is_persist = |path: &&Path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("edgedesk-test"))
    };
    let persist = file
        .ancestors()
        .find(is_persist)
        .expect("the folder of the server");
    let r2 = persist.join("v3/r2");
    if r2.exists() { r2 } else { persist.join("r2") }
}

#[test]
fn an_erased_person_is_nowhere() {
    let stub = Stub::shared();
    let worker = Worker::start(&worker::outside());
    worker.seed();
    let admin = Admin::on(&worker);
    let name = "Zqerasmus";
    let ada = Customer::on(&worker);
    let names = json!({"first_name": name, "last_name": "Zqquux", "username": "zqerasmus.q", "phone": "+49 30 471147",
        "avatar_url": "https://pictures.example/zqerasmus.png"});
    ada.put("/users/me", names).is(200);
    let address = format!("zqerasmus.{}@example.org", make::unique());
    admin
        .put(
            &format!("/users/{}", ada.id),
            json!({"email": address, "department": "Zqerasmus Ltd"}),
        )
        .is(200);
    let hook = json!({"url": format!("{}/zq", stub.url), "events": ["*"], "include_internal": true});
    admin.post("/webhooks", hook);
    let ticket = make::ticket_with(&ada, json!({"customer_email": "zqerasmus.home@example.net"}));
    let path = format!("/tickets/{}", ticket["id"]);
    make::message(&ada, &ticket, "It is still broken.");
    make::message(&admin, &ticket, "We look at it.");
    make::attachment_with(
        &ada,
        &ticket,
        b"the bytes of zqerasmus",
        json!({"filename": "zqerasmus.txt"}),
    );
    let kept = make::attachment_with(&admin, &ticket, b"ours", json!({"filename": "ours.txt"}));
    // In copy of somebody else's ticket, by mail and by mails that were refused.
    let other = make::ticket(&Customer::on(&worker));
    admin
        .put(
            &format!("/tickets/{}/cc", other["id"]),
            json!({"cc": [{"email": address, "name": "Zqerasmus"}]}),
        )
        .is(200);
    let from = format!("{name} Zqquux <{address}>");
    let mail = plain(&from, "Printer on fire", "X-Sender: zqerasmus\n", "It burns.");
    assert_eq!(
        deliver(&worker, &address, "support@desk.example", &mail),
        Delivered::Accepted
    );
    let odd = plain(&from, "Away", "Auto-Submitted: auto-replied\n", "I am away.");
    deliver(&worker, &address, "support@desk.example", &odd);
    // What the daily tools keep.
    let rated = make::ticket_with(&ada, json!({"title": "Rated"}));
    let rated = format!("/tickets/{}", rated["id"]);
    admin
        .put(&format!("{rated}/assign"), json!({"assignee": admin.id}))
        .is(200);
    for status in ["in_progress", "resolved"] {
        admin
            .put(&format!("{rated}/status"), json!({"status": status}))
            .is(200);
    }
    ada.post(
        &format!("{rated}/rating"),
        json!({"score": 5, "comment": "Zqerasmus is glad."}),
    )
    .is(200);
    ada.put(&format!("{path}/watch"), json!({})).is(200);
    let held = data(&admin, ada.id);
    assert_eq!(held["ratings"][0]["comment"], "Zqerasmus is glad.");
    assert_eq!(held["watched_tickets"][0]["ticket_id"], ticket["id"]);
    // Answers that are stored for repeated requests, of staff and of the person.
    let key = make::unique();
    let assign = |by: &Caller| {
        by.ask("PUT", &format!("{path}/priority"))
            .header("Idempotency-Key", &key)
            .json(&json!({"priority": "high"}))
            .send()
    };
    assign(&admin).is(200);
    ada.ask("PUT", "/users/me")
        .header("Idempotency-Key", &key)
        .json(&json!({"phone": "+49 30 471148"}))
        .send()
        .is(200);
    let deleted = make::ticket_with(&ada, json!({"customer_email": "zqerasmus.home@example.net"}));
    admin.delete(&format!("/tickets/{}", deleted["id"])).is(204);
    time::tick(&worker);
    let statistics = |by: &Caller| by.get("/tickets/stats/summary").is(200).json();
    let before = statistics(&admin);
    let messages = |by: &Caller| by.get(&format!("{path}/comments")).is(200).rows().len();
    assert_eq!(messages(&admin), 2);

    let erase = format!("/users/{}/erase", ada.id);
    admin.post(&erase, json!({})).faults(&["confirm"]);
    admin
        .post(&erase, json!({"confirm": "zq@example.org"}))
        .faults(&["confirm"]);
    admin
        .post(&erase, json!({"confirm": address, "version": 1}))
        .refused(409, "CONFLICT");
    let shown = admin
        .post(&erase, json!({"confirm": address.to_uppercase()}))
        .is(200)
        .json();
    assert_eq!(
        (&shown["full_name"], &shown["is_active"]),
        (&json!("Closed account"), &json!(false))
    );
    ada.get("/auth/me").refused(401, "UNAUTHORIZED");
    Anon::on(&worker)
        .post(
            "/auth/login",
            json!({"email": address, "password": make::PASSWORD}),
        )
        .refused(401, "UNAUTHORIZED");
    assert_eq!(statistics(&admin), before, "counts do not change");
    assert_eq!(messages(&admin), 2, "the ticket can still be read");
    let now = admin.get(&path).is(200).json();
    assert_eq!(now["requester"]["full_name"], "Closed account");
    let files = admin.get(&format!("{path}/attachments")).is(200).rows();
    assert_eq!(
        files.iter().map(|file| &file["id"]).collect::<Vec<_>>(),
        [&kept["id"]]
    );
    assert_eq!(now["attachment_count"], 1);
    // The clock deletes the objects when no link can bring them back.
    for _ in 0..3 {
        time::tick_at(&worker, "2026-12-31T00:00:00Z");
    }
    let file = worker.d1.clone().expect("the server tells its database");
    let _stopped = worker.pause();
    for needle in ["zqerasmus", "zqquux", "471147", "471148"] {
        assert_eq!(places(&file, needle), Vec::<String>::new(), "{needle}");
        assert_eq!(
            files_with(&blobs(&file), needle),
            Vec::<PathBuf>::new(),
            "{needle}"
        );
    }
}

#[test]
fn people_erase_themselves_and_the_last_admin_stays() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    let path = "/users/me?erase=true";
    customer.delete(path).faults(&["confirm"]);
    let confirm =
        |by: &Caller, confirm: &str| by.ask("DELETE", path).json(&json!({"confirm": confirm})).send();
    confirm(&customer, "x@example.org").faults(&["confirm"]);
    let address = customer.email.clone();
    confirm(&customer, &address).is(204);
    customer.get("/auth/me").refused(401, "UNAUTHORIZED");
    let user = admin.get(&format!("/users/{}", customer.id)).is(200).json();
    assert_eq!(user["full_name"], "Closed account");
    // The address is free again.
    let again = json!({"email": address, "password": make::PASSWORD});
    Anon::new().post("/auth/register", again).is(201);
    for by in [Customer::any() as &Caller, Agent::any(), Manager::any()] {
        by.post(&format!("/users/{}/erase", by.id), json!({"confirm": by.email}))
            .refused(403, "FORBIDDEN");
    }
    let agent = Admin::any().hire(Role::Agent);
    let ticket = make::ticket(&Customer::fresh());
    admin
        .put(
            &format!("/tickets/{}/assign", ticket["id"]),
            json!({"assignee": agent.id}),
        )
        .is(200);
    admin
        .post(
            &format!("/users/{}/erase", agent.id),
            json!({"confirm": agent.email}),
        )
        .is(200);
    let ticket = admin.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
    assert_ne!(ticket["assignee"]["id"], agent.id, "work goes back to the others");
    let worker = Worker::start(&[]);
    worker.seed();
    let last = Admin::on(&worker);
    for other in last.get("/users?role=admin&limit=100").is(200).ids() {
        if other != last.id {
            last.delete(&format!("/users/{other}")).is(204);
        }
    }
    last.post(
        &format!("/users/{}/erase", last.id),
        json!({"confirm": last.email}),
    )
    .refused(409, "CONFLICT");
    last.ask("DELETE", path)
        .json(&json!({"confirm": last.email}))
        .send()
        .refused(409, "CONFLICT");
    last.get("/auth/me").is(200);
}
