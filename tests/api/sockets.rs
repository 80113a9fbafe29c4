//! Sockets themselves: who may open one, what ends it, and what it bears.

use std::time::Duration;

use crate::support::client::Role;
use crate::support::socket::{self, Socket, room, try_open};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Value, Worker, forge, json, make};

const SOON: Duration = Duration::from_secs(15);

#[test]
fn refusals_come_before_the_upgrade() {
    let (customer, stranger) = (Customer::fresh(), Customer::fresh());
    let ticket = make::ticket(&customer);
    let path = format!("/messages/room/{}", ticket["id"]);
    let upgrade = |by: &Caller, path: &str| by.ask("GET", path).header("Upgrade", "websocket").send();
    for path in [path.as_str(), "/messages/ws"] {
        upgrade(&Anon::new(), path).refused(401, "UNAUTHORIZED");
        let nonsense = format!("{path}?token=nonsense");
        upgrade(&Anon::new(), &nonsense).refused(401, "UNAUTHORIZED");
        upgrade(&Anon::new(), &format!("{path}?ticket={}", "0".repeat(64))).refused(401, "UNAUTHORIZED");
        upgrade(&Anon::new(), &format!("{path}?token={}", customer.refresh)).refused(401, "UNAUTHORIZED");
        customer.get(path).refused(426, "UPGRADE_REQUIRED");
        customer.post(path, json!({})).refused(405, "METHOD_NOT_ALLOWED");
    }
    upgrade(&stranger, &path).refused(404, "NOT_FOUND");
    for unknown in ["9007199254740991", "TICK-20000101-0001", "0", "x"] {
        upgrade(&customer, &format!("/messages/room/{unknown}")).refused(404, "NOT_FOUND");
    }
    upgrade(&customer, &format!("{path}?last_seq=-1")).faults(&["last_seq"]);
    upgrade(&stranger, &format!("{path}?last_seq=-1")).refused(404, "NOT_FOUND");
    // By number and uid, as everywhere.
    for name in ["number", "uid"] {
        let name = ticket[name].as_str().expect("a name");
        assert_eq!(
            socket::open(&customer, &format!("/messages/room/{name}")).next()["ticket_id"],
            ticket["id"]
        );
    }
    let ended = Customer::fresh();
    ended.post("/auth/logout", json!({})).is(200);
    upgrade(&ended, "/messages/ws").refused(401, "UNAUTHORIZED");
}

#[test]
fn tokens_and_tickets_open_sockets() {
    let customer = Customer::fresh();
    let host = &customer.host;
    let token = &customer.access;
    let path = format!("/messages/ws?token={token}");
    for (path, headers) in [
        ("/messages/ws", vec![("authorization", format!("Bearer {token}"))]),
        (
            "/messages/ws",
            vec![("sec-websocket-protocol", format!("bearer, {token}"))],
        ),
        (path.as_str(), vec![]),
    ] {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut socket = try_open(host, Role::Customer, path, &headers)
            .unwrap_or_else(|status| panic!("{headers:?}: {status}"));
        assert_eq!(socket.hear("presence")["data"]["users"][0]["id"], customer.id);
        let offers = headers.iter().any(|(name, _)| *name == "sec-websocket-protocol");
        assert_eq!(socket.protocol.as_deref(), offers.then_some("bearer"));
    }
    Anon::new()
        .post("/auth/ws-ticket", json!({}))
        .refused(401, "UNAUTHORIZED");
    for way in ["ticket", "token"] {
        let ticket = customer.post("/auth/ws-ticket", json!({})).is(200).json();
        assert_eq!(ticket["expires_in"], 30);
        let path = format!(
            "/messages/ws?{way}={}",
            ticket["ticket"].as_str().expect("a ticket")
        );
        let mut socket =
            try_open(host, Role::Customer, &path, &[]).unwrap_or_else(|status| panic!("{path}: {status}"));
        socket.hear("presence");
        assert_eq!(
            try_open(host, Role::Customer, &path, &[]).err(),
            Some(401),
            "used twice"
        );
    }
    // Of fifty who come with the same ticket, one comes in.
    let ticket = customer.post("/auth/ws-ticket", json!({})).is(200).json();
    let path = format!(
        "/messages/ws?ticket={}",
        ticket["ticket"].as_str().expect("a ticket")
    );
    let opened = crate::support::race(20, |_| try_open(host, Role::Customer, &path, &[]));
    assert_eq!(opened.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[test]
fn a_socket_ends_with_its_authority() {
    let admin = Admin::any();
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    admin.put(&path, json!({"category": "billing"})).is(200);
    let hire = |role| admin.hire(role);
    // How authority ends, and with which code the next frame finds it ended.
    type Act = fn(&Caller, &Value);
    let ends: [(&str, Role, u16, Act); 6] = [
        ("logs out", Role::Agent, 4401, |it, _| {
            it.post("/auth/logout", json!({})).is(200);
        }),
        ("ends all sessions", Role::Manager, 4401, |it, _| {
            it.post("/auth/logout-all", json!({})).is(200);
        }),
        ("another role", Role::Manager, 4401, |it, _| {
            Admin::any()
                .put(&format!("/users/{}", it.id), json!({"role": "agent"}))
                .is(200);
        }),
        ("is deactivated", Role::Agent, 4401, |it, _| {
            Admin::any()
                .put(&format!("/users/{}", it.id), json!({"is_active": false}))
                .is(200);
        }),
        ("another category", Role::Agent, 4403, |it, _| {
            let path = format!("/agents/{}/categories", it.id);
            Admin::any()
                .put(&path, json!({"categories": ["technical"]}))
                .is(200);
        }),
        ("given to somebody else", Role::Agent, 4403, |_, ticket| {
            let path = format!("/tickets/{}/assign", ticket["id"]);
            let other = Agent::fresh();
            Admin::any().put(&path, json!({"assignee": other.id})).is(200);
        }),
    ];
    for (way, role, code, act) in ends {
        let ticket = make::ticket_with(&customer, json!({"category": "general"}));
        Admin::any()
            .put(
                &format!("/tickets/{}/assign", ticket["id"]),
                json!({"assignee": null}),
            )
            .is(200);
        let somebody = hire(role);
        let mut theirs = room(&somebody, &ticket);
        let mut ours = room(&customer, &ticket);
        act(&somebody, &ticket);
        make::message(&customer, &ticket, "Not for everybody.");
        assert_eq!(theirs.ended(SOON), code, "{way}");
        assert_eq!(
            ours.hear("message")["data"]["body"],
            "Not for everybody.",
            "{way}"
        );
        assert_eq!(ours.hear("user_left")["data"]["user"]["id"], somebody.id, "{way}");
    }
    // What somebody does with a socket whose authority has ended has no effect.
    let somebody = Customer::fresh();
    let ticket = make::ticket(&somebody);
    let mut theirs = room(&somebody, &ticket);
    somebody.post("/auth/logout", json!({})).is(200);
    theirs.send(json!({"type": "message", "body": "Too late."}));
    theirs.refused("UNAUTHORIZED");
    assert_eq!(theirs.ended(SOON), 4401);
    assert_eq!(
        admin
            .get(&format!("/tickets/{}/comments", ticket["id"]))
            .rows()
            .len(),
        0
    );
    // A ticket that is deleted has no room.
    let ticket = make::ticket(&customer);
    let mut ours = room(&customer, &ticket);
    admin.delete(&format!("/tickets/{}", ticket["id"])).is(204);
    assert_eq!(ours.ended(SOON), 4403);
}

#[test]
fn a_socket_ends_with_its_token() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let (header, mut claims) = forge::open(&customer.access);
    let now = claims["iat"].as_i64().expect("a time");
    let soon = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a time")
        .as_secs() as i64
        + 4;
    assert!(now < soon);
    claims["exp"] = json!(soon);
    let token = forge::hs256(&header, &claims, Worker::shared().var("JWT_SECRET").as_bytes());
    let brief = customer.with_token(&token);
    let mut socket = room(&brief, &ticket);
    make::message(&customer, &ticket, "In time.");
    socket.hear("message");
    std::thread::sleep(Duration::from_secs(6));
    make::message(&customer, &ticket, "Too late.");
    assert_eq!(socket.ended(SOON), 4401);
}

#[test]
fn limits_of_sockets_and_frames() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/messages/room/{}", ticket["id"]);
    let authority = format!("Bearer {}", customer.access);
    let open = |path: &str| {
        try_open(
            &customer.host,
            Role::Customer,
            path,
            &[("authorization", &authority)],
        )
    };
    let mut sockets: Vec<Socket> = (0..10).map(|_| room(&customer, &ticket)).collect();
    assert_eq!(open(&path).err(), Some(429));
    sockets.pop().expect("ten").close();
    let again = (0..50).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        open(&path).ok()
    });
    assert!(again.is_some(), "a seat is free again");
    let _more: Vec<Socket> = (0..20).map(|_| socket::open(&customer, "/messages/ws")).collect();
    assert_eq!(open("/messages/ws").err(), Some(429));
    // Frames: so many, and no more.
    let mut hasty = sockets.pop().expect("nine");
    for _ in 0..30 {
        hasty.send(json!({"type": "ping"}));
    }
    for _ in 0..30 {
        hasty.hear("pong");
    }
    hasty.send(json!({"type": "ping"}));
    hasty.refused("RATE_LIMITED");
    let mut sent = 0;
    while sent < 200 && hasty.try_send(&json!({"type": "ping"})) {
        sent += 1;
    }
    assert_eq!(hasty.ended(SOON), 4429);
    // One that is too long says so, and nothing else happens.
    let mut long = sockets.pop().expect("eight");
    long.send(json!({"type": "message", "body": "x".repeat(65 * 1024)}));
    long.refused("PAYLOAD_TOO_LARGE");
    long.send(json!({"type": "message", "body": "x".repeat(10_001)}));
    assert_eq!(
        long.refused("VALIDATION_ERROR")["errors"]["body"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    long.send(json!({"type": "message", "body": "x".repeat(10_000)}));
    long.hear("message");
}

#[test]
fn whatever_is_sent_the_socket_lives() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let other = make::ticket(&customer);
    let mut socket = room(&customer, &ticket);
    for text in [
        "",
        " ",
        "null",
        "[]",
        "5",
        "\"ping\"",
        "{",
        "{}",
        "{\"type\":null}",
        "{\"type\":\"dance\"}",
        "{\"type\":\"ping\",\"type\":\"ping\"}",
        "{\"type\":\"resume\"}",
        "{\"type\":\"resume\",\"last_seq\":1.5}",
        "{\"type\":\"typing\",\"is_typing\":\"yes\"}",
        "{\"type\":\"message\"}",
        "{\"type\":\"message\",\"body\":\"\\u0000\"}",
        "{\"type\":\"message\",\"body\":\"x\",\"client_id\":5}",
        "{\"type\":\"message\",\"body\":5}",
    ] {
        socket.send_text(text);
        socket.refused("VALIDATION_ERROR");
    }
    socket.send_text(&"[".repeat(1_000));
    socket.refused("VALIDATION_ERROR");
    socket.send_bytes(&[0, 159, 146, 150]);
    socket.refused("VALIDATION_ERROR");
    socket.send(json!({"type": "message", "body": "Elsewhere.", "ticket_id": other["id"], "ref": "r"}));
    assert_eq!(socket.refused("VALIDATION_ERROR")["ref"], "r");
    socket.send(json!({"type": "resume", "tickets": {other["id"].to_string(): 0}}));
    socket.refused("VALIDATION_ERROR");
    // Who asks again and again for what was missed is slowed down sooner.
    let mut eager = room(&customer, &ticket);
    for _ in 0..4 {
        eager.send(json!({"type": "resume", "last_seq": 1}));
    }
    eager.refused("RATE_LIMITED");
    // A bare word is answered by the platform.
    socket.send_text("ping");
    assert_eq!(socket.next_within(SOON), socket::Next::Text("pong".to_owned()));
    socket.send(json!({"type": "message", "body": "Still here.", "ticket_id": ticket["id"]}));
    assert_eq!(socket.hear("message")["data"]["body"], "Still here.");
}

#[test]
fn refusals_over_a_socket_are_those_of_the_same_post() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let mut socket = room(&customer, &ticket);
    let path = "/messages";
    for body in [
        json!({"body": ""}),
        json!({"body": "Psst.", "is_internal": true}),
        json!({"body": "x", "is_internal": 1}),
    ] {
        let mut post = body.clone();
        post["ticket_id"] = ticket["id"].clone();
        let refusal = customer.post(path, post).json();
        let mut frame = body.clone();
        frame["type"] = json!("message");
        frame["client_id"] = json!("c");
        socket.send(frame);
        let told = socket.refused(refusal["code"].as_str().expect("a code"));
        assert_eq!(told["message"], refusal["message"]);
        assert_eq!(told["ref"], "c");
        if !refusal["errors"].as_object().expect("errors").is_empty() {
            assert_eq!(told["errors"], refusal["errors"]);
        }
    }
    // Said twice, kept once: and told who has said it, both times.
    let frame = json!({"type": "message", "body": "Once.", "client_id": "once"});
    socket.send(frame.clone());
    let first = socket.hear("message");
    socket.send(frame);
    let second = socket.hear("message");
    assert_eq!(first, second);
    assert_eq!(first["ref"], "once");
    assert_eq!(
        customer
            .get(&format!("/tickets/{}/comments", ticket["id"]))
            .rows()
            .len(),
        1
    );
    socket.send(json!({"type": "message", "body": "Something else.", "client_id": "once"}));
    socket.refused("IDEMPOTENCY_MISMATCH");
}

#[test]
fn pages_of_foreign_origins_open_no_socket() {
    let customer = Customer::fresh();
    let token = format!("/messages/ws?token={}", customer.access);
    let room = format!(
        "/messages/room/{}?token={}",
        make::ticket(&customer)["id"],
        customer.access
    );
    let own = format!("http://{}", customer.host);
    for path in [&token, &room] {
        let open = |origin: &str| try_open(&customer.host, Role::Customer, path, &[("origin", origin)]).err();
        for foreign in [
            "https://evil.example",
            "null",
            "file://",
            "https://desk.example.evil.example",
            "http://desk.example",
            "https://desk.example:8443",
        ] {
            assert_eq!(open(foreign), Some(403), "{foreign}");
        }
        for known in [make::ORIGIN, "HTTPS://Desk.Example", &own] {
            assert_eq!(open(known), None, "{known}");
        }
        assert!(
            try_open(&customer.host, Role::Customer, path, &[]).is_ok(),
            "not a browser"
        );
    }
    let evil = [("origin", "https://evil.example")];
    let refused = try_open(
        &customer.host,
        Role::Customer,
        "/messages/ws?token=nonsense",
        &evil,
    );
    assert_eq!(refused.err(), Some(401), "the token comes first");
    // Without a list every page may, as with every client that sends no cookies.
    let worker = Worker::start(&[("CORS_ORIGINS", "")]);
    let customer = Customer::on(&worker);
    let token = format!("/messages/ws?token={}", customer.access);
    assert!(try_open(&customer.host, Role::Customer, &token, &evil).is_ok());
}
