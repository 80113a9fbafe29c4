//! What time does: windows close, promises are broken, keys and tokens expire.
//!
//! Nobody waits for it. The server is stopped, the times in its database are moved into the past, and the
//! story goes on.

use sha2::{Digest, Sha256};

use crate::support::client::Role;
use crate::support::{Admin, Anon, Caller, Customer, Value, Worker, json, make, sqlite};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// Runs SQL while the server is down.
fn meanwhile(worker: Worker, sql: &str) -> Worker {
    let file = worker.d1.clone().expect("the server tells its database");
    let paused = worker.pause();
    sqlite::run(&file, sql, "");
    paused.resume()
}

/// A customer who is also known to the next server.
fn again(worker: &Worker, customer: &Caller) -> Caller {
    Caller::login(worker, Role::Customer, &customer.email, make::PASSWORD)
}

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

#[test]
fn time_passes() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (customer, admin) = (Customer::on(&worker), Admin::on(&worker));
    let [old, recent, late, paused, spoken] = [(); 5].map(|()| make::ticket(&customer));
    for closed in [&old, &recent] {
        customer
            .post(&format!("{}/close", path(closed)), json!({}))
            .is(200);
    }
    for status in ["assigned", "in_progress", "waiting"] {
        admin
            .put(&format!("{}/status", path(&paused)), json!({"status": status}))
            .is(200);
    }
    let said = make::message(&customer, &spoken, "Fifteen minutes to think again.");
    let fresh = make::message(&customer, &spoken, "Only just said.");
    let key = make::unique();
    let keyed = |by: &Caller, title: &str| {
        let body = json!({"title": title, "description": "Keys live for a day."});
        by.ask("POST", "/tickets")
            .header("Idempotency-Key", &key)
            .json(&body)
            .send()
    };
    keyed(&customer, "The first day").is(201);
    let forgotten = Customer::on(&worker);
    let token = make::secret();
    let hash: String = Sha256::digest(token.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let expired = make::secret();
    let stale: String = Sha256::digest(expired.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();

    let sql = format!(
        "UPDATE tickets SET closed_at = closed_at - {}, resolved_at = resolved_at - {} WHERE id = {};
         UPDATE tickets SET closed_at = closed_at - {}, resolved_at = resolved_at - {} WHERE id = {};
         UPDATE tickets SET resolution_due_at = resolution_due_at - {}, first_response_due_at = first_response_due_at - {}
           WHERE id = {};
         UPDATE tickets SET paused_at = paused_at - {}, resolution_due_at = resolution_due_at - {} WHERE id = {};
         UPDATE messages SET created_at = created_at - {} WHERE id = {};
         UPDATE idempotency SET created_at = created_at - {};
         UPDATE sessions SET expires_at = 1 WHERE user_id = {};
         INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) VALUES
           ('{hash}', {}, 1, 9000000000000), ('{stale}', {}, 1, 2);",
        8 * DAY, 8 * DAY, old["id"],
        6 * DAY, 6 * DAY, recent["id"],
        30 * DAY, 30 * DAY, late["id"],
        20 * DAY, 15 * DAY, paused["id"],
        16 * MINUTE, said["id"],
        DAY + MINUTE,
        forgotten.id,
        forgotten.id, forgotten.id,
    );
    let worker = meanwhile(worker, &sql);
    let (customer, admin) = (again(&worker, &customer), Admin::on(&worker));

    closed_long_ago(&customer, &admin, &old, &recent);
    overdue(&customer, &late, &paused);

    // Fifteen minutes are over for the author, and never for an admin.
    let mend = |by: &Caller, message: &Value| {
        by.put(
            &format!("/messages/{}", message["id"]),
            json!({"body": "Mended."}),
        )
    };
    mend(&customer, &said).refused(403, "FORBIDDEN");
    customer
        .delete(&format!("/messages/{}", said["id"]))
        .refused(403, "FORBIDDEN");
    mend(&customer, &fresh).is(200);
    mend(&admin, &said).is(200);

    // A key is forgotten after a day, when the clock next comes by.
    worker.tick();
    let second = keyed(&customer, "The second day").is(201);
    assert_eq!(second.header("idempotent-replayed"), None);

    sessions_and_resets(&worker, &forgotten, &token, &expired);
    what_is_old_is_cleared_away(worker);
}

/// Tables without an index on their time are cleared from another place at every tick; nothing else is lost.
fn what_is_old_is_cleared_away(worker: Worker) {
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)";
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_millis();
    // Of each kind 200 rows, and every other one is old.
    let sql = format!(
        "{many} INSERT INTO login_attempts (subject, times, last_at)
           SELECT lower(hex(randomblob(16))), '[]', iif(i % 2, 1, {now}) FROM n;
         {many} INSERT INTO password_resets (token_hash, user_id, created_at, expires_at)
           SELECT lower(hex(randomblob(32))), 1, 1, iif(i % 2, 1, 9000000000000) FROM n;
         {many} INSERT INTO inbound_mails (id_hash, content_hash, ticket_id, is_internal, sender, opened, received_at)
           SELECT lower(hex(randomblob(16))), '', 1, 0, 'old@example.com', 0, iif(i % 2, 1, {now}) FROM n;
         {many} INSERT INTO mail_log (received_at, outcome, reason, detail, sender, recipient, size)
           SELECT iif(i > 100, {now}, 1), 'ignored', 'own', '', 'old@example.com', '', 1 FROM n;
         {many} INSERT INTO sessions (user_id, id, uid, refresh_jti, created_at, last_used_at, expires_at)
           SELECT u.id, i, 'old', '', 1, 1, iif(i % 2, 1, 9000000000000) FROM n JOIN users u ON u.id IN (1, 2);
         {many} INSERT INTO workflow_runs (workflow_id, id, ticket_id, event, outcome, created_at)
           SELECT 7, i, 1, 'ticket_created', 'acted', iif(i % 2, 1, {now}) FROM n;"
    );
    let worker = meanwhile(worker, &sql);
    // One of four tables that are kept long is looked at by each tick, at random: 60 leave one out once in ten million.
    for _ in 0..60 {
        worker.tick();
    }
    let file = worker.d1.clone().expect("the server tells its database");
    let paused = worker.pause();
    for (kind, fresh) in [
        ("login_attempts WHERE times = '[]' AND last_at", 100),
        ("password_resets WHERE user_id = 1 AND expires_at", 100),
        (
            "inbound_mails WHERE sender = 'old@example.com' AND received_at",
            100,
        ),
        ("mail_log WHERE sender = 'old@example.com' AND received_at", 100),
        ("sessions WHERE uid = 'old' AND expires_at", 200),
        ("workflow_runs WHERE workflow_id = 7 AND created_at", 100),
    ] {
        let count = |condition: &str| {
            let rows = sqlite::run(
                &file,
                "",
                &format!("SELECT count(*) AS n FROM {kind} {condition}"),
            );
            rows[0]["n"].as_i64()
        };
        assert_eq!(count("> 1"), Some(fresh), "{kind}");
        assert!(count("= 1") < Some(fresh), "{kind}: nothing old is gone");
    }
    paused.resume();
}

fn closed_long_ago(customer: &Caller, admin: &Caller, old: &Value, recent: &Value) {
    // Past the window nobody reopens, and the customer is told what to do instead.
    for by in [customer, admin] {
        let refused = by.post(&format!("{}/reopen", path(old)), json!({})).is(409);
        assert!(
            refused.json()["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        by.put(&format!("{}/status", path(old)), json!({"status": "reopened"}))
            .is(409);
        assert_eq!(
            by.get(&path(old)).is(200).json()["allowed_transitions"],
            json!([])
        );
    }
    let body = json!({"body": "Still broken."});
    let refused = customer
        .post(&format!("{}/comments", path(old)), body.clone())
        .refused(409, "CONFLICT");
    assert!(
        refused.text().contains("new"),
        "a hint to open a new ticket: {}",
        refused.text()
    );
    assert_eq!(customer.get(&path(old)).json()["message_count"], 0);
    // Staff still write.
    admin
        .post(&format!("{}/comments", path(old)), json!({"body": "Filed."}))
        .is(201);
    assert_eq!(admin.get(&path(old)).json()["status"], "closed");
    // Within the window a reply brings it back.
    customer.post(&format!("{}/comments", path(recent)), body).is(201);
    assert_eq!(customer.get(&path(recent)).json()["status"], "reopened");
}

fn overdue(customer: &Caller, late: &Value, paused: &Value) {
    let rows = customer.get("/tickets?overdue=true").is(200).ids();
    assert_eq!(rows, [late["id"].as_i64().unwrap()], "waiting stops the clock");
    assert!(
        !customer
            .get("/tickets?overdue=false")
            .is(200)
            .ids()
            .contains(&rows[0])
    );
    assert_eq!(
        customer.get("/tickets/stats/summary").is(200).json()["overdue"],
        1
    );
    let sla = |ticket: &Value| customer.get(&path(ticket)).is(200).json()["sla"].clone();
    assert_eq!(
        sla(late),
        json!({"response": "breached", "resolution": "breached"})
    );
    assert_eq!(sla(paused)["resolution"], "paused");
}

fn sessions_and_resets(worker: &Worker, forgotten: &Caller, token: &str, expired: &str) {
    let anon = Anon::on(worker);
    // Their server-side session is over, though the token's own time is not.
    let old = Caller {
        host: worker.host.clone(),
        ..forgotten.clone()
    };
    old.get("/auth/me").refused(401, "UNAUTHORIZED");
    anon.post("/auth/refresh", json!({"refresh_token": forgotten.refresh}))
        .refused(401, "UNAUTHORIZED");
    let reset = |token: &str, password: &str| {
        anon.post(
            "/auth/reset-password",
            json!({"token": token, "password": password}),
        )
        .status()
    };
    assert!(matches!(reset(expired, "another passphrase"), 400 | 401));
    assert_eq!(reset(token, "short"), 400);
    assert!(matches!(reset(token, "another passphrase"), 200 | 204));
    assert!(
        matches!(reset(token, "yet another passphrase"), 400 | 401),
        "once"
    );
    let login = |password: &str| {
        anon.post(
            "/auth/login",
            json!({"email": forgotten.email, "password": password}),
        )
        .status()
    };
    assert_eq!((login(make::PASSWORD), login("another passphrase")), (401, 200));
}
