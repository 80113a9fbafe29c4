//! API keys: what programs may do with them, and how they end.

use edgedesk::app::route::Access;
use edgedesk::app::route::key_scope::needed_scope;
use edgedesk::desk::access::api_key::{KeyScope, format, is_well_formed};
use edgedesk::http::request::Method;
use edgedesk::routes::ROUTES;

use crate::support::client::Role;
use crate::support::worker::outside;
use crate::support::{
    Admin, Agent, Anon, Caller, Customer, Manager, Value, Worker, json, make, race, socket, sqlite,
};
use crate::sweep::Things;

const EVERYTHING: [&str; 6] = KeyScope::WORDS;

/// A key with these scopes, and its row.
fn key_of(owner: &Caller, scopes: &[&str], more: Value) -> (Caller, Value) {
    let mut body = json!({"name": "A program", "scopes": scopes});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let made = owner.post("/api-keys", body).is(201).json();
    let text = made["key"].as_str().expect("shown once").to_owned();
    (owner.with_token(&text), made)
}

#[test]
fn every_route_has_a_scope_or_is_for_people() {
    let for_people = ["/auth/", "/api-keys", "/users/me/password", "/2fa"];
    for endpoint in ROUTES {
        let route = &endpoint.route;
        let told = format!("{:?} {}", route.method, route.path);
        let is_for_people = for_people.iter().any(|part| route.path.contains(part))
            || (route.path == "/users/me" && route.method == Method::Delete);
        match needed_scope(route) {
            None => assert!(is_for_people, "{told} is closed to keys"),
            Some(scope) => {
                assert!(!is_for_people, "{told} is open to keys");
                let reads = [KeyScope::TicketsRead, KeyScope::UsersRead, KeyScope::ReportsRead];
                if route.method != Method::Get {
                    assert!(
                        !reads.contains(&scope),
                        "{told} is a write, and needs only {scope:?}"
                    );
                    if route.access >= Access::Manager {
                        assert_eq!(scope, KeyScope::Admin, "{told}");
                    }
                }
            }
        }
    }
    let scope = |method: Method, path: &str| {
        let found = ROUTES
            .iter()
            .find(|one| one.route.path == path && one.route.method == method);
        needed_scope(&found.expect("a route").route)
    };
    for (method, path, want) in [
        (Method::Get, "/tickets", Some(KeyScope::TicketsRead)),
        (Method::Post, "/tickets", Some(KeyScope::TicketsWrite)),
        (Method::Put, "/tickets/{id}/status", Some(KeyScope::TicketsWrite)),
        (Method::Delete, "/tickets/{id}", Some(KeyScope::Admin)),
        (
            Method::Post,
            "/tickets/{id}/comments",
            Some(KeyScope::MessagesWrite),
        ),
        (Method::Post, "/messages", Some(KeyScope::MessagesWrite)),
        (Method::Get, "/tickets/stats/summary", Some(KeyScope::ReportsRead)),
        (Method::Get, "/admin/dashboard", Some(KeyScope::ReportsRead)),
        (Method::Get, "/users", Some(KeyScope::UsersRead)),
        (Method::Post, "/users", Some(KeyScope::Admin)),
        (Method::Get, "/agents/{id}/tickets", Some(KeyScope::TicketsRead)),
        (Method::Get, "/webhooks", Some(KeyScope::Admin)),
        (Method::Get, "/admin/audit", Some(KeyScope::Admin)),
        (Method::Put, "/admin/settings", Some(KeyScope::Admin)),
        (Method::Post, "/auth/ws-ticket", None),
        (Method::Post, "/api-keys", None),
    ] {
        assert_eq!(scope(method, path), want, "{method:?} {path}");
    }
}

#[test]
fn a_key_is_shown_once() {
    let agent = Agent::fresh();
    let body = json!({"name": "Warehouse", "scopes": ["tickets:read"], "expires_at": "2100-01-01T00:00:00Z"});
    let name = make::unique();
    let create = || {
        agent
            .ask("POST", "/api-keys")
            .header("Idempotency-Key", &name)
            .json(&body)
            .send()
            .is(201)
    };
    let made = create();
    let row = made.json();
    let text = row["key"].as_str().expect("the key");
    assert!(is_well_formed(text), "{text}");
    assert!(
        row["hint"]
            .as_str()
            .is_some_and(|hint| text.ends_with(&hint[7..]))
    );
    assert_eq!(row["role"], "agent");
    assert_eq!(row["owner"]["id"], agent.id);
    assert_eq!(row["expires_at"], "2100-01-01T00:00:00.000Z");
    assert_eq!(row["last_used_at"], Value::Null);
    let place = format!("/api/v1/api-keys/{}", row["id"]);
    assert_eq!(made.header("location"), Some(place.as_str()));
    // Neither a repetition nor a look shows it again.
    assert_eq!(create().json()["key"], Value::Null);
    let path = format!("/api-keys/{}", row["id"]);
    assert_eq!(agent.get(&path).is(200).json()["key"], Value::Null);
    let list = agent.get("/api-keys").is(200);
    assert_eq!(list.rows().len(), 1);
    assert!(!list.text().contains(text));
    let log = Admin::any()
        .get(&format!("/admin/audit?target=api_key:{}", row["id"]))
        .is(200);
    assert!(!log.text().contains(text));
    assert_eq!(log.rows()[0]["action"], "api_key.created");

    for (wrong, fields) in [
        (json!({"scopes": ["admin"]}), ["name"].as_slice()),
        (json!({"name": "x"}), &["scopes"]),
        (json!({"name": "x", "scopes": []}), &["scopes"]),
        (json!({"name": "x", "scopes": ["admin", "all"]}), &["scopes.1"]),
        (
            json!({"name": "x", "scopes": ["admin"], "role": "king"}),
            &["role"],
        ),
        (
            json!({"name": "x", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z"}),
            &["expires_at"],
        ),
    ] {
        agent.post("/api-keys", wrong).faults(fields);
    }
    let above = json!({"name": "x", "scopes": ["admin"], "role": "manager"});
    agent.post("/api-keys", above).refused(403, "FORBIDDEN");
    Customer::any()
        .post("/api-keys", json!({"name": "x", "scopes": ["tickets:read"]}))
        .refused(403, "FORBIDDEN");
}

#[test]
fn a_key_does_what_its_scopes_and_its_role_allow() {
    let admin = Admin::fresh();
    let (reader, row) = key_of(&admin, &["tickets:read"], json!({}));
    let ticket = make::ticket(&admin);
    let at = format!("/tickets/{}", ticket["id"]);
    let read = reader.get(&at).is(200);
    assert_eq!(
        read.timing("d1"),
        Some(3),
        "found, told that it is in use, and read"
    );
    // From now on its authority is read with the data.
    assert_eq!(reader.get(&at).is(200).timing("d1"), Some(1));
    let say = json!({"body": "Hello."});
    for (answer, scope) in [
        (reader.put(&at, json!({"title": "Another"})), "tickets:write"),
        (
            reader.post(&format!("{at}/comments"), say.clone()),
            "messages:write",
        ),
        (reader.delete(&at), "admin"),
        (reader.get("/users"), "users:read"),
        (reader.get("/admin/dashboard"), "reports:read"),
        (reader.get("/admin/settings"), "admin"),
    ] {
        let told = answer.refused(403, "FORBIDDEN").json();
        assert_eq!(told["message"], format!("the API key lacks the scope {scope}"));
    }
    let (writer, _) = key_of(&admin, &["messages:write", "tickets:write"], json!({}));
    let said = writer.post(&format!("{at}/comments"), say).is(201).json();
    assert_eq!(said["author"]["id"], admin.id);
    writer.put(&at, json!({"title": "Another"})).is(200);
    writer
        .post(
            "/tickets",
            json!({"title": "By a program", "description": "It works."}),
        )
        .is(201);
    writer.get(&at).refused(403, "FORBIDDEN");

    // A key of a lower role than its owner's sees what that role sees.
    let (lower, _) = key_of(&admin, &EVERYTHING, json!({"role": "customer"}));
    lower.get("/users").refused(403, "FORBIDDEN");
    lower
        .get(&format!("/tickets/{}", make::ticket(Customer::any())["id"]))
        .is(404);
    lower
        .post(
            &format!("{at}/comments"),
            json!({"body": "A note", "is_internal": true}),
        )
        .refused(403, "FORBIDDEN");
    let (agent, _) = key_of(&admin, &EVERYTHING, json!({"role": "agent"}));
    agent.get("/admin/settings").refused(403, "FORBIDDEN");

    let (all, everything) = key_of(&admin, &EVERYTHING, json!({}));
    all.get("/users").is(200);
    all.get("/admin/audit").is(200);
    let settings = all.get("/admin/settings").is(200).json();
    all.put("/admin/settings", json!({"acknowledge": settings["acknowledge"]}))
        .is(200);
    let log = admin
        .get("/admin/audit?action=settings.updated&actor=me")
        .is(200)
        .rows();
    assert_eq!(log[0]["api_key_id"], everything["id"]);
    // Used twice or more within this hour, on record once.
    let used = format!("/admin/audit?action=api_key.used&target=api_key:{}", row["id"]);
    let used = admin.get(&used).is(200).rows();
    assert!((1..=2).contains(&used.len()), "{used:?}");
    assert_eq!(used[0]["actor"]["id"], admin.id);
    let shown = admin.get(&format!("/api-keys/{}", row["id"])).is(200).json();
    assert!(
        shown["last_used_at"]
            .as_str()
            .is_some_and(|at| at.ends_with(":00:00.000Z"))
    );
}

#[test]
fn keys_are_not_for_credentials() {
    let admin = Admin::fresh();
    let (key, row) = key_of(&admin, &EVERYTHING, json!({}));
    let things = Things::of(Customer::any());
    for row in crate::sweep::api_rows() {
        let route = ROUTES
            .iter()
            .find(|one| one.route.path == row.path && one.route.method.as_str() == row.method);
        let Some(route) = route
            .map(|one| &one.route)
            .filter(|route| route.access != Access::Public)
        else {
            continue;
        };
        if needed_scope(route).is_some() {
            continue;
        }
        let path = things.name(&row);
        let ask = key.ask(row.method, &path);
        let answer = if row.method == "GET" {
            ask
        } else {
            ask.json(&json!({}))
        };
        answer.send().refused(403, "FORBIDDEN");
    }
    // As a refresh token it is nothing.
    let text = key.access.clone();
    Anon::new()
        .post("/auth/refresh", json!({"refresh_token": text}))
        .is(401);
    key.post("/auth/refresh", json!({})).is(401);
    key.get(&format!("/api-keys/{}", row["id"]))
        .refused(403, "FORBIDDEN");
}

#[test]
fn a_key_opens_sockets_as_its_owner_does() {
    let agent = Agent::fresh();
    let ticket = make::ticket(&agent);
    let (key, row) = key_of(&agent, &["tickets:read", "messages:write"], json!({}));
    let (reader, _) = key_of(&agent, &["tickets:read"], json!({}));
    let mut ours = socket::room(&key, &ticket);
    make::message(&agent, &ticket, "Who listens?");
    assert_eq!(ours.hear("message")["data"]["body"], "Who listens?");
    ours.send(json!({"type": "message", "body": "A program."}));
    assert_eq!(ours.hear("message")["data"]["body"], "A program.");
    let mut theirs = socket::room(&reader, &ticket);
    theirs.send(json!({"type": "message", "body": "Not by this key."}));
    theirs.refused("FORBIDDEN");
    // In the query, too; and not with fewer scopes, or a lower role.
    let query = |key: &Caller| {
        let path = format!("/messages/ws?token={}", key.access);
        socket::try_open(&agent.host, Role::Agent, &path, &[]).err()
    };
    assert_eq!(query(&key), None);
    assert_eq!(query(&key_of(&agent, &["users:read"], json!({})).0), Some(403));
    assert_eq!(
        query(&key_of(&agent, &EVERYTHING, json!({"role": "customer"})).0),
        Some(403)
    );
    assert_eq!(query(&agent.with_token(&format(&[9; 32]))), Some(401));
    // It ends with the key: what comes afterwards is not heard.
    agent.delete(&format!("/api-keys/{}", row["id"])).is(204);
    ours.send(json!({"type": "message", "body": "After the end."}));
    ours.refused("UNAUTHORIZED");
    let said = agent.get(&format!("/tickets/{}/comments", ticket["id"])).is(200);
    assert!(!said.text().contains("After the end.") && !said.text().contains("Not by this key."));
}

#[test]
fn a_wrong_key_says_nothing() {
    let admin = Admin::fresh();
    let (key, row) = key_of(&admin, &["users:read"], json!({}));
    let made_up = format(&[7; 32]);
    let mut altered = key.access.clone();
    altered.pop();
    key.get("/users").is(200);
    let ended = format!("/api-keys/{}", row["id"]);
    admin.delete(&ended).is(204);
    let mut told = Vec::new();
    for text in [made_up.as_str(), altered.as_str(), "edk_", key.access.as_str()] {
        let answer = Anon::new()
            .with_token(text)
            .get("/users")
            .refused(401, "UNAUTHORIZED");
        told.push(answer.json()["message"].clone());
    }
    assert!(told.iter().all(|words| *words == told[0]), "{told:?}");
    admin.delete(&ended).is(404);
    // A public route with a key that is none is refused as with a token that is none.
    Anon::new().with_token(&made_up).get("/articles").is(401);
}

#[test]
fn a_key_ends_with_its_owners_role() {
    let admin = Admin::any();
    let hire = |role: Role| admin.hire(role);
    for change in [json!({"role": "agent"}), json!({"is_active": false})] {
        let owner = hire(Role::Manager);
        let (key, _) = key_of(&owner, &EVERYTHING, json!({}));
        key.get("/tickets").is(200);
        let path = format!("/users/{}", owner.id);
        admin.put(&path, change).is(200);
        key.get("/tickets").refused(401, "UNAUTHORIZED");
        key.post(
            "/tickets",
            json!({"title": "After the end", "description": "No."}),
        )
        .refused(401, "UNAUTHORIZED");
        // It stays ended when everything is as before.
        admin
            .put(&path, json!({"role": "manager", "is_active": true}))
            .is(200);
        key.get("/tickets").refused(401, "UNAUTHORIZED");
    }
    let owner = hire(Role::Agent);
    let (key, _) = key_of(&owner, &EVERYTHING, json!({}));
    key.get("/tickets").is(200);
    admin.delete(&format!("/users/{}", owner.id)).is(204);
    key.get("/tickets").refused(401, "UNAUTHORIZED");
    // Another password is no other role.
    let owner = hire(Role::Agent);
    let (key, _) = key_of(&owner, &EVERYTHING, json!({}));
    owner
        .put(
            "/auth/change-password",
            json!({"current_password": make::PASSWORD, "new_password": "another long passphrase"}),
        )
        .is(200);
    key.get("/tickets").is(200);
}

#[test]
fn who_sees_and_ends_a_key() {
    let (agent, other) = (Agent::fresh(), Agent::fresh());
    let (key, row) = key_of(&agent, &["tickets:read"], json!({}));
    let path = format!("/api-keys/{}", row["id"]);
    for by in [&*other, &**Manager::any()] {
        by.get(&path).is(404);
        by.delete(&path).is(404);
        assert!(
            !by.get("/api-keys")
                .is(200)
                .ids()
                .contains(&row["id"].as_i64().expect("an id"))
        );
    }
    let admin = Admin::any();
    assert_eq!(admin.get(&path).is(200).json()["owner"]["id"], agent.id);
    // By its uid, as everything.
    let by_uid = format!("/api-keys/{}", row["uid"].as_str().expect("a uid"));
    admin.delete(&by_uid).is(204);
    key.get("/tickets").is(401);
    let log = admin
        .get(&format!("/admin/audit?target=api_key:{}", row["id"]))
        .is(200)
        .rows();
    assert_eq!(log[0]["action"], "api_key.ended");
    assert_eq!(log[0]["actor"]["id"], admin.id);
}

#[test]
fn a_replay_is_for_the_same_key() {
    let admin = Admin::fresh();
    let (one, _) = key_of(&admin, &EVERYTHING, json!({}));
    let (two, _) = key_of(&admin, &EVERYTHING, json!({"role": "customer"}));
    let name = make::unique();
    let open = |by: &Caller| {
        by.ask("POST", "/tickets")
            .header("Idempotency-Key", &name)
            .json(&json!({"title": "Once a key", "description": "And once a person."}))
            .send()
            .is(201)
            .json()["id"]
            .clone()
    };
    let ids = [open(&one), open(&two), open(&admin), open(&one)];
    assert_eq!(ids[0], ids[3]);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[test]
fn nobody_has_more_than_fifty() {
    let agent = Agent::fresh();
    for _ in 0..45 {
        key_of(&agent, &["tickets:read"], json!({}));
    }
    let body = json!({"name": "One of the last", "scopes": ["tickets:read"]});
    let answers = race(10, |_| agent.post("/api-keys", body.clone()).status());
    assert_eq!(
        answers.iter().filter(|status| **status == 201).count(),
        5,
        "{answers:?}"
    );
    assert!(
        answers.iter().all(|status| matches!(status, 201 | 409)),
        "{answers:?}"
    );
}

#[test]
fn a_key_expires_and_is_nowhere_in_the_database() {
    let worker = Worker::start(&outside());
    worker.seed();
    let admin = Admin::on(&worker);
    let (key, row) = key_of(
        &admin,
        &["users:read"],
        json!({"expires_at": "2100-01-01T00:00:00Z"}),
    );
    key.get("/users").is(200);
    let file = worker.d1.clone().expect("the server tells its database");
    let paused = worker.pause();
    let id = &row["id"];
    let stored = sqlite::run(&file, "", &format!("SELECT * FROM api_keys WHERE id = {id}"));
    let secret = key.access.trim_start_matches("edk_");
    assert!(!json!(stored).to_string().contains(&secret[..20]));
    sqlite::run(
        &file,
        &format!("UPDATE api_keys SET expires_at = 1 WHERE id = {id}"),
        "",
    );
    let worker = paused.resume();
    let key = Anon::on(&worker).with_token(&key.access);
    key.get("/users").refused(401, "UNAUTHORIZED");
}
