//! Webhooks: what other systems hear, how they know that it is us, and where nothing is ever sent.
//!
//! Endpoints hear of every ticket, so these stories have a server of their own, one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use chrono::{DateTime, SecondsFormat};
use sha2::{Digest, Sha256};

use crate::support::stub::{Canned, Sent};
use crate::support::time::{age, dev, tick};
use crate::support::{Admin, Caller, Customer, Stub, Value, Worker, json, make, race, worker};

const HOUR: i64 = 3_600_000;

/// The server, without an endpoint. Names are looked up at a path of the stub's.
fn desk() -> MutexGuard<'static, Worker> {
    static DESK: OnceLock<Mutex<Worker>> = OnceLock::new();
    let begin = || {
        let mut vars = worker::outside();
        let dns: &'static str = Box::leak(format!("{}/dns", Stub::shared().url).into_boxed_str());
        vars.push(("DNS_OVER_HTTPS_URL", dns));
        let worker = Worker::start(&vars);
        worker.seed();
        Mutex::new(worker)
    };
    let desk = DESK.get_or_init(begin).lock();
    let desk = desk.unwrap_or_else(|broken| broken.into_inner());
    let admin = Admin::on(&desk);
    for webhook in admin.walk("/webhooks", 100) {
        admin.delete(&at(&webhook)).is(204);
    }
    desk
}

fn at(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"])
}

/// An endpoint at the stub, at a path of its own.
struct Hook {
    row: Value,
    path: String,
    secret: String,
}

impl Hook {
    fn new(admin: &Caller, more: Value) -> Hook {
        let path = format!("/hook-{}", make::unique());
        let mut body = json!({"url": format!("{}{path}", Stub::shared().url), "events": ["*"]});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let row = admin.post("/webhooks", body).is(201).json();
        let secret = row["secret"].as_str().unwrap().to_owned();
        Hook { row, path, secret }
    }

    fn answers(&self, rule: impl Fn(&Sent) -> Canned + Send + 'static) {
        Stub::shared().answer(&self.path, rule);
    }

    fn wait(&self, count: usize) -> Vec<Sent> {
        Stub::shared().wait(count, |sent| sent.path == self.path)
    }

    fn seen(&self) -> Vec<Sent> {
        Stub::shared().seen(|sent| sent.path == self.path)
    }

    fn show(&self, admin: &Caller) -> Value {
        admin.get(&at(&self.row)).is(200).json()
    }

    /// The log, oldest first.
    fn log(&self, admin: &Caller) -> Vec<Value> {
        let mut rows = admin.walk(&format!("{}/deliveries", at(&self.row)), 2);
        rows.reverse();
        rows
    }

    /// Waits until the log says so.
    #[track_caller]
    fn until(&self, admin: &Caller, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..300 {
            let log = self.log(admin);
            if wanted(&log) {
                return log;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the log never said so: {:?}", self.log(admin))
    }

    /// What so many consumers of the queue do at once, so many milliseconds from now.
    fn deliver(&self, desk: &Worker, times: usize, later: i64) {
        let now = DateTime::from_timestamp_millis(now() + later).unwrap();
        let now = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        dev(
            desk,
            "/dev/deliver",
            &json!({"webhook": self.row["id"], "times": times, "now": now}),
        );
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

fn states(log: &[Value]) -> Vec<&str> {
    log.iter().map(|row| row["state"].as_str().unwrap()).collect()
}

fn types(sent: &[Sent]) -> Vec<String> {
    let word = |sent: &Sent| sent.json()["type"].as_str().unwrap().to_owned();
    sent.iter().map(word).collect()
}

/// HMAC-SHA-256 as RFC 2104 writes it, so that our signatures are not checked by what makes them.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        let key = if key.len() > 64 {
            Sha256::digest(key).to_vec()
        } else {
            key.to_vec()
        };
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::digest([&padded(0x36), text].concat());
    Sha256::digest([&padded(0x5c)[..], &inner].concat()).to_vec()
}

/// Whether each of these secrets has signed, in this order.
#[track_caller]
fn signed(sent: &Sent, secrets: &[&str]) {
    let seconds: i64 = sent.header("webhook-timestamp").parse().unwrap();
    let text = format!("{}.{seconds}.{}", sent.header("webhook-id"), sent.body);
    let want: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let key = Base64::decode_vec(secret.strip_prefix("whsec_").unwrap()).unwrap();
            format!("v1,{}", Base64::encode_string(&hmac(&key, text.as_bytes())))
        })
        .collect();
    assert_eq!(sent.header("webhook-signature"), want.join(" "));
}

#[test]
fn what_happens_arrives_signed_and_in_order() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let all = Hook::new(&admin, json!({}));
    let some = Hook::new(
        &admin,
        json!({"events": ["message.added", "ticket.assigned", "message.added"]}),
    );
    assert_eq!(some.row["events"], json!(["message.added", "ticket.assigned"]));
    let ticket = make::ticket(&customer);
    make::message(&admin, &ticket, "We are on our way.");
    let path = format!("/tickets/{}", ticket["id"]);
    admin.put(&path, json!({"title": "Another title"})).is(200);
    admin.post(&format!("{path}/close"), json!({})).is(200);

    let sent = all.wait(4);
    assert_eq!(
        types(&sent),
        [
            "ticket.created",
            "message.added",
            "ticket.updated",
            "ticket.status_changed"
        ]
    );
    let events = customer.get(&format!("{path}/events")).is(200).rows();
    let log = all.until(&admin, |log| states(log) == ["delivered"; 4]);
    for ((sent, event), row) in sent.iter().zip(&events).zip(&log) {
        signed(sent, &[&all.secret]);
        let seconds: i64 = sent.header("webhook-timestamp").parse().unwrap();
        assert!((now() / 1_000 - seconds).abs() < 120, "the time of the attempt");
        assert_eq!(
            (sent.method.as_str(), sent.header("content-type")),
            ("POST", "application/json")
        );
        assert_eq!(row["uid"], sent.header("webhook-id"));
        assert_eq!(row["message_id"], row["uid"]);
        assert_eq!(row["body"], sent.body.as_str(), "the log has it to the byte");
        assert_eq!(
            (
                &row["attempts"],
                &row["last_status"],
                &row["response"],
                &row["next_attempt_at"]
            ),
            (&json!(1), &json!(200), &json!("{}"), &Value::Null)
        );
        let body = sent.json();
        // In a delivery the message stands beside the event.
        let mut event = event.clone();
        let message = event["data"]
            .as_object_mut()
            .and_then(|data| data.remove("message"));
        assert_eq!(message.unwrap_or_default(), body["data"]["message"]);
        assert_eq!(
            (&body["data"]["event"], &body["timestamp"]),
            (&event, &event["created_at"])
        );
        assert_eq!(body["data"]["ticket"]["number"], ticket["number"]);
    }
    assert_eq!(sent[1].json()["data"]["message"]["body"], "We are on our way.");
    assert_eq!(sent[0].json()["data"]["message"], Value::Null);
    assert_eq!(types(&some.wait(1)), ["message.added"]);

    let one = admin
        .get(&format!("{}/deliveries/{}", at(&all.row), log[0]["id"]))
        .is(200);
    assert_eq!(one.json(), log[0]);
    let failed = format!("{}/deliveries?state=failed&count=true", at(&all.row));
    assert_eq!(admin.get(&failed).is(200).json()["meta"]["total"], 0);
    let strange = format!("{}/deliveries/{}", at(&some.row), log[0]["id"]);
    admin.get(&strange).refused(404, "NOT_FOUND");
    admin
        .post(&format!("{strange}/redeliver"), json!({}))
        .refused(404, "NOT_FOUND");
}

#[test]
fn internal_notes_go_only_where_they_are_wanted() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let (public, internal) = (
        Hook::new(&admin, json!({})),
        Hook::new(&admin, json!({"include_internal": true})),
    );
    let ticket = make::ticket(&customer);
    make::note(&admin, &ticket, &format!("{} of it", make::CANARY));
    make::message(&customer, &ticket, "Anything new?");
    let (outside, inside) = (public.wait(2), internal.wait(3));
    assert_eq!(types(&outside), ["ticket.created", "message.added"]);
    assert!(inside[1].body.contains(make::CANARY));
    assert_eq!(inside[2].json()["data"]["ticket"]["message_count"], 2);
    assert_eq!(inside[2].json()["data"]["event"]["seq"], 3);
    assert_eq!(
        inside[0].json()["data"]["ticket"]["requester"]["email"],
        customer.email
    );
    for sent in &outside {
        assert!(!sent.body.contains(make::CANARY) && !sent.body.contains(&customer.email));
    }
    assert_eq!(outside[1].json()["data"]["ticket"]["message_count"], 1);
    assert_eq!(outside[1].json()["data"]["event"]["seq"], 2);

    // What waits for an endpoint that is not to hear of notes any more does not go there either.
    internal.answers(|_| Canned::new(500, "{}"));
    make::note(&admin, &ticket, &format!("{} again", make::CANARY));
    make::message(&customer, &ticket, "Still there?");
    internal.wait(4);
    let log = internal.until(&admin, |log| log.get(3).is_some_and(|row| row["attempts"] == 1));
    internal.answers(|_| Canned::new(200, "{}"));
    admin
        .put(&at(&internal.row), json!({"include_internal": false}))
        .is(200);
    internal.deliver(&desk, 1, 0);
    let later = internal.until(&admin, |log| states(log)[3..] == ["cancelled", "delivered"]);
    assert!(!later[4]["body"].as_str().unwrap().contains(make::CANARY));
    for id in [&log[1]["id"], &log[3]["id"]] {
        let again = format!("{}/deliveries/{id}/redeliver", at(&internal.row));
        admin.post(&again, json!({})).refused(409, "CONFLICT");
    }
}

#[test]
fn secrets_are_shown_once_and_two_of_them_sign_after_a_rotation() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let url = format!("{}/hook-{}", Stub::shared().url, make::unique());
    let body = json!({"url": url, "events": ["*"]});
    let key = make::unique();
    let create = || {
        admin
            .ask("POST", "/webhooks")
            .header("Idempotency-Key", &key)
            .json(&body)
            .send()
            .is(201)
    };
    let (first, second) = (create(), create());
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(second.json()["secret"], Value::Null, "not shown again");
    let secret = first.json()["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 50);
    assert!(
        first.json()["secret_hint"]
            .as_str()
            .unwrap()
            .ends_with(&secret[46..])
    );
    let hook = Hook {
        path: url[Stub::shared().url.len()..].to_owned(),
        secret,
        row: first.json(),
    };

    let rotated = admin
        .put(&at(&hook.row), json!({"rotate_secret": true}))
        .is(200)
        .json();
    let fresh = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(fresh, hook.secret);
    assert!(rotated["old_secret_until"].is_string());
    let test = format!("{}/test", at(&hook.row));
    admin.post(&test, json!({})).is(201);
    signed(&hook.wait(1)[0], &[&fresh, &hook.secret]);
    hook.until(&admin, |log| states(log) == ["delivered"]);

    // A day later the one before is over.
    hook.answers(|_| Canned::new(500, "{}"));
    admin.post(&test, json!({})).is(201);
    hook.until(&admin, |log| log[1]["attempts"] == 1);
    hook.answers(|_| Canned::new(200, "{}"));
    hook.deliver(&desk, 1, 24 * HOUR + 60_000);
    signed(hook.wait(3).last().unwrap(), &[&fresh]);

    // A secret of one's own, and nothing that shows any of them.
    let own = format!("whsec_{}", Base64::encode_string(&[7; 24]));
    let given = admin.put(&at(&hook.row), json!({"secret": own})).is(200).json();
    assert_eq!(given["secret"], own.as_str());
    for path in [
        at(&hook.row),
        "/webhooks".to_owned(),
        format!("{}/deliveries", at(&hook.row)),
    ] {
        let text = admin.get(&path).is(200).text();
        for secret in [&own, &fresh, &hook.secret] {
            assert!(!text.contains(secret.as_str()), "{path}");
        }
    }
    for wrong in ["short", "whsec_MTIz", "whsec_!!!!", ""] {
        let body = json!({"url": url, "events": ["*"], "secret": wrong});
        admin.post("/webhooks", body).faults(&["secret"]);
    }
}

#[test]
fn what_fails_holds_back_the_rest_until_it_arrives() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let hook = Hook::new(&admin, json!({}));
    let count = Arc::new(AtomicUsize::new(0));
    hook.answers(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Canned::new(500, "x".repeat(900)),
        1 => Canned {
            headers: vec![("Retry-After", "120".to_owned())],
            ..Canned::new(503, "busy")
        },
        2 => Canned {
            pause: Duration::from_secs(11),
            ..Canned::new(200, "too late")
        },
        _ => Canned::new(202, "taken"),
    });
    let ticket = make::ticket(&customer);
    make::message(&customer, &ticket, "One.");
    make::message(&customer, &ticket, "Two.");
    let log = hook.until(&admin, |log| {
        log[0]["attempts"] == 1 && log[0]["last_status"] == 500
    });
    assert_eq!(log[0]["last_error"], "it answered 500");
    assert_eq!(
        log[0]["response"].as_str().unwrap().len(),
        500,
        "only the beginning is kept"
    );
    assert_eq!(states(&log), ["pending"; 3]);
    assert_eq!(log[1]["attempts"], 0, "it waits for its turn");

    // It comes back by itself, and then as late as it is asked to.
    let log = hook.until(&admin, |log| log[0]["last_status"] == 503);
    let next = DateTime::parse_from_rfc3339(log[0]["next_attempt_at"].as_str().unwrap()).unwrap();
    let wait = next.timestamp_millis() - now();
    assert!((100_000..=120_000).contains(&wait), "{wait}");
    hook.deliver(&desk, 1, 60_000);
    assert_eq!(hook.seen().len(), 2, "not before");
    hook.deliver(&desk, 1, 180_000);
    let log = hook.log(&admin);
    assert_eq!(
        (&log[0]["last_error"], &log[0]["attempts"], &log[0]["last_status"]),
        (
            &json!("it did not answer within 10 seconds"),
            &json!(3),
            &Value::Null
        )
    );
    hook.deliver(&desk, 1, HOUR);
    let log = hook.log(&admin);
    assert_eq!(states(&log), ["delivered"; 3]);
    let sent = hook.seen();
    assert_eq!(
        types(&sent[3..]),
        ["ticket.created", "message.added", "message.added"]
    );
    for again in &sent[1..4] {
        assert_eq!(again.header("webhook-id"), sent[0].header("webhook-id"));
        assert_eq!(again.body, sent[0].body, "the same to the byte");
        signed(again, &[&hook.secret]);
    }
    assert_ne!(
        sent[3].header("webhook-timestamp"),
        sent[0].header("webhook-timestamp")
    );
}

#[test]
fn twenty_consumers_send_everything_once() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let hook = Hook::new(&admin, json!({}));
    hook.answers(|_| Canned {
        pause: Duration::from_millis(100),
        ..Canned::new(200, "{}")
    });
    let ticket = make::ticket(&customer);
    for number in 0..5 {
        make::message(&customer, &ticket, &format!("Message {number}."));
    }
    let text = json!({"what": "hook", "id": hook.row["id"]}).to_string();
    dev(&desk, "/dev/queue", &json!({"text": text, "times": 20}));
    race(4, |_| hook.deliver(&desk, 20, 0));
    let log = hook.until(&admin, |log| states(log) == ["delivered"; 6]);
    let sent: Vec<String> = hook
        .seen()
        .iter()
        .map(|sent| sent.header("webhook-id").to_owned())
        .collect();
    let uids: Vec<&str> = log.iter().map(|row| row["uid"].as_str().unwrap()).collect();
    assert_eq!(sent, uids, "each once, in order");
    hook.deliver(&desk, 20, 0);
    assert_eq!(hook.seen().len(), 6);
}

#[test]
fn a_day_without_success_switches_an_endpoint_off() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let hook = Hook::new(&admin, json!({}));
    hook.answers(|_| Canned::new(500, "{}"));
    make::ticket(&customer);
    make::ticket(&customer);
    hook.until(&admin, |log| log[0]["attempts"] == 1);
    for hours in [1, 6, 14, 23] {
        hook.deliver(&desk, 20, hours * HOUR);
        assert_eq!(states(&hook.log(&admin)), ["pending"; 2]);
    }
    hook.deliver(&desk, 20, 24 * HOUR + 60_000);
    let log = hook.log(&admin);
    assert_eq!(states(&log), ["failed", "cancelled"]);
    let shown = hook.show(&admin);
    assert_eq!(
        (&shown["is_active"], &shown["disabled_reason"], &shown["version"]),
        (
            &json!(false),
            &json!("nothing could be delivered for 24 hours; at last: it answered 500"),
            &json!(2)
        )
    );
    let told = |of: &Hook| {
        let rows = admin.walk("/notifications?kind=system", 100);
        let url = of.row["url"].as_str().unwrap();
        let of_it = |row: &&Value| row["message"].as_str().is_some_and(|text| text.contains(url));
        rows.iter().filter(of_it).count()
    };
    assert_eq!(told(&hook), 1, "every admin is told once");
    make::ticket(&customer);
    assert_eq!(hook.log(&admin).len(), 2, "nothing is written while it is off");
    for path in [
        "test".to_owned(),
        format!("deliveries/{}/redeliver", log[0]["id"]),
    ] {
        admin
            .post(&format!("{}/{path}", at(&hook.row)), json!({}))
            .refused(409, "CONFLICT");
    }

    // Switched on, it gets again what somebody sends again: under the id that it knows.
    hook.answers(|_| Canned::new(200, "{}"));
    let shown = admin
        .put(&at(&hook.row), json!({"is_active": true}))
        .is(200)
        .json();
    assert_eq!(shown["disabled_reason"], Value::Null);
    let first = hook.seen()[0].clone();
    let again = format!("{}/deliveries/{}/redeliver", at(&hook.row), log[0]["id"]);
    let made = admin.post(&again, json!({})).is(201);
    let place = made.header("location").unwrap().to_owned();
    let made = made.json();
    assert_eq!(
        (&made["message_id"], made["uid"] == log[0]["uid"]),
        (&log[0]["uid"], false)
    );
    hook.until(&admin, |log| states(log) == ["failed", "cancelled", "delivered"]);
    let last = hook.seen().last().unwrap().clone();
    assert_eq!(
        (last.header("webhook-id"), &last.body),
        (first.header("webhook-id"), &first.body)
    );
    admin.ask("GET", &place).at_root().send().is(200);

    // Who says that it is gone is believed at once.
    let gone = Hook::new(&admin, json!({}));
    gone.answers(|_| Canned::new(410, "{}"));
    make::ticket(&customer);
    gone.until(&admin, |log| states(log) == ["failed"]);
    assert_eq!(gone.show(&admin)["disabled_reason"], "it answered 410: gone");
    assert_eq!(told(&gone), 1);
}

#[test]
fn redirects_are_not_followed() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let (hook, other) = (
        Hook::new(&admin, json!({})),
        Hook::new(&admin, json!({"events": ["attachment.deleted"]})),
    );
    let to = other.row["url"].as_str().unwrap().to_owned();
    hook.answers(move |_| Canned {
        headers: vec![("Location", to.clone())],
        ..Canned::new(307, "")
    });
    admin.post(&format!("{}/test", at(&hook.row)), json!({})).is(201);
    let log = hook.until(&admin, |log| log[0]["last_status"] == 307);
    assert_eq!(
        log[0]["last_error"],
        "it answered 307: redirects are not followed"
    );
    assert_eq!(
        (log[0]["state"].as_str(), other.seen().len()),
        (Some("pending"), 0)
    );
}

#[test]
fn nothing_private_is_called() {
    let desk = desk();
    let admin = Admin::on(&desk);
    for url in [
        "http://hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com:22/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://0xa9fea9fe/",
        "https://2852039166/",
        "http://0/",
        "http://10.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[2002:a00:1::]/",
        "https://[fd00::1]/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://intranet/",
        "https://a.localhost/",
        "https://hooks.example.com\\@10.0.0.1/",
        "https://\u{ff11}\u{ff10}.0.0.1/",
        "ftp://hooks.example.com/",
        "nothing",
    ] {
        let body = json!({"url": url, "events": ["nothing"], "secret": "x"});
        admin
            .post("/webhooks", body)
            .faults(&["events[0]", "secret", "url"]);
    }
    assert_eq!(
        admin.get("/webhooks?count=true").is(200).json()["meta"]["total"],
        0
    );

    // A name that leads to a private address is found out when it is called.
    Stub::shared().answer("/dns", |sent| {
        let data = match (sent.path.contains("private."), sent.path.contains("type=AAAA")) {
            (true, true) => r#"{"type":28,"data":"fd00::1"}"#,
            (true, false) => r#"{"type":1,"data":"1.1.1.1"}"#,
            (false, _) => "",
        };
        Canned::new(200, format!("{{\"Status\":0,\"Answer\":[{data}]}}"))
    });
    for (url, want) in [
        (
            "https://private.example.com/in",
            "its host has an address that is not on the public internet",
        ),
        ("https://nobody.example.com/in", "its host has no address"),
    ] {
        let row = admin
            .post("/webhooks", json!({"url": url, "events": ["*"]}))
            .is(201)
            .json();
        let hook = Hook {
            path: String::new(),
            secret: String::new(),
            row,
        };
        admin.post(&format!("{}/test", at(&hook.row)), json!({})).is(201);
        let log = hook.until(&admin, |log| log[0]["last_error"].is_string());
        assert_eq!(
            (&log[0]["last_error"], &log[0]["last_status"]),
            (&json!(want), &Value::Null)
        );
        admin.put(&at(&hook.row), json!({"is_active": false})).is(200);
    }
}

#[test]
fn endpoints_are_kept_like_everything_else() {
    let desk = desk();
    let admin = Admin::on(&desk);
    admin.post("/webhooks", json!({})).faults(&["url", "events"]);
    let hook = Hook::new(
        &admin,
        json!({"description": "For the office", "is_active": false}),
    );
    assert_eq!(hook.show(&admin)["description"], "For the office");
    let path = at(&hook.row);
    admin
        .put(&path, json!({"events": ["sla.breached"]}))
        .faults(&["events"]);
    for wrong in [
        json!([]),
        json!("*"),
        json!(["ticket_created"]),
        json!(["rule.fired"]),
    ] {
        let answer = admin.put(&path, json!({"events": wrong}));
        assert_eq!(answer.status(), 400, "{wrong}");
    }
    let uid = format!("/webhooks/{}", hook.row["uid"].as_str().unwrap());
    let changed = admin
        .patch(&uid, json!({"events": ["message.added", "*"], "version": 1}))
        .is(200)
        .json();
    assert_eq!(
        (&changed["events"], &changed["version"]),
        (&json!(["*"]), &json!(2))
    );
    admin
        .put(&path, json!({"description": "x", "version": 1}))
        .refused(409, "CONFLICT");
    let stale = admin
        .ask("PUT", &path)
        .header("If-Match", "\"1\"")
        .json(&json!({"description": "x"}));
    stale.send().refused(412, "PRECONDITION_FAILED");
    let versions = race(20, |n| {
        admin.put(&path, json!({"description": format!("{n}")})).status()
    });
    assert!(
        versions.iter().all(|status| matches!(status, 200 | 409)),
        "{versions:?}"
    );
    let won = versions.iter().filter(|status| **status == 200).count();
    assert_eq!(hook.show(&admin)["version"], 2 + won);

    // Twenty and no more, however many come at once.
    let body = json!({"url": format!("{}/none", Stub::shared().url), "events": ["*"], "is_active": false});
    let made = race(race::RUNNERS, |_| admin.post("/webhooks", body.clone()).status());
    assert_eq!(
        made.iter().filter(|status| **status == 201).count(),
        19,
        "{made:?}"
    );
    assert!(made.iter().all(|status| matches!(status, 201 | 409)));
    assert_eq!(admin.walk("/webhooks", 7).len(), 20);

    admin.delete(&path).is(204);
    admin.get(&path).refused(404, "NOT_FOUND");
    admin.get(&format!("{path}/deliveries")).refused(404, "NOT_FOUND");
}

#[test]
fn rules_tell_the_endpoints_that_they_name() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let hook = Hook::new(&admin, json!({"events": ["attachment.deleted"]}));
    let named = |webhook: &Value| {
        json!({"name": "Tell them", "trigger": {"on": "ticket_created"}, "conditions": {"all": [{"field": "priority", "op": "is", "value": "urgent"}]},
            "actions": [{"type": "add_tag", "tag": "told"}, {"type": "send_webhook", "webhook": webhook}]})
    };
    admin
        .post("/workflows", named(&json!(9_999)))
        .faults(&["actions[1].webhook"]);
    let rule = admin.post("/workflows", named(&hook.row["uid"])).is(201).json();
    let urgent = || make::ticket_with(&customer, json!({"priority": "urgent"}));
    make::ticket(&customer);
    let ticket = urgent();
    let sent = &hook.wait(1)[0];
    signed(sent, &[&hook.secret]);
    let body = sent.json();
    assert_eq!(body["type"], "rule.fired");
    assert_eq!(
        body["data"]["rule"],
        json!({"id": rule["id"], "name": "Tell them", "heard": "ticket_created"})
    );
    assert_eq!(body["data"]["ticket"]["id"], ticket["id"]);
    assert_eq!(body["data"]["ticket"]["tags"], json!(["told"]));
    let runs = format!("/workflows/{}/runs", rule["id"]);
    let outcome = || admin.get(&runs).is(200).rows()[0]["details"][1]["outcome"].clone();
    assert_eq!(outcome(), "done");

    // An endpoint that is off is not told, and the rule says so.
    admin.put(&at(&hook.row), json!({"is_active": false})).is(200);
    urgent();
    assert_eq!(outcome(), "refused");
    let problems = admin.get(&format!("/workflows/{}", rule["id"])).is(200).json()["problems"].clone();
    assert_eq!(problems[0]["path"], "actions[1].webhook");
    assert_eq!(hook.seen().len(), 1);
    admin.delete(&format!("/workflows/{}", rule["id"])).is(204);
}

#[test]
fn a_rule_that_hears_notes_tells_nobody_who_may_not_know_of_them() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let (outside, inside) = (Hook::new(&admin, json!({"events": ["ticket.created"]})), {
        Hook::new(
            &admin,
            json!({"events": ["ticket.created"], "include_internal": true}),
        )
    });
    let rule = admin
        .post(
            "/workflows",
            json!({
                "name": format!("Notes {}", make::unique()),
                "trigger": {"on": "message_added", "internal": true},
                "actions": [
                    {"type": "send_notification", "to": customer.id, "message": "a note was written"},
                    {"type": "send_webhook", "webhook": outside.row["id"]},
                    {"type": "send_webhook", "webhook": inside.row["id"]},
                ],
            }),
        )
        .is(201)
        .json();
    let ticket = make::ticket(&customer);
    make::note(&admin, &ticket, "Between us.");
    let at = format!("/workflows/{}", rule["id"]);
    let run = &admin.walk(&format!("{at}/runs"), 10)[0];
    let outcomes: Vec<&str> = run["details"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|deed| deed["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["refused", "refused", "done"]);
    assert!(customer.walk("/notifications", 50).is_empty());
    assert_eq!(types(&inside.wait(2)), ["ticket.created", "rule.fired"]);
    // What is later for one endpoint is sent after what was before.
    make::ticket(&customer);
    assert_eq!(types(&outside.wait(2)), ["ticket.created", "ticket.created"]);
    // Once it may know, it is told.
    admin
        .put(&self::at(&outside.row), json!({"include_internal": true}))
        .is(200);
    make::note(&admin, &ticket, "And again.");
    assert_eq!(
        types(&outside.wait(3)).last().map(String::as_str),
        Some("rule.fired")
    );
    admin.delete(&at).is(204);
}

#[test]
fn a_broken_promise_is_delivered_once() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let hook = Hook::new(
        &admin,
        json!({"events": ["sla.breached"], "include_internal": true}),
    );
    let ticket = make::ticket_with(&customer, json!({"priority": "urgent"}));
    age(&desk, &ticket, 3);
    race(10, |_| tick(&desk));
    let sent = hook.wait(1);
    let of_it = |row: &&Value| row["ticket_id"] == ticket["id"];
    let log = hook.until(&admin, |log| log.iter().all(|row| row["state"] == "delivered"));
    assert_eq!(log.iter().filter(of_it).count(), 1);
    let told: Vec<&Sent> = sent
        .iter()
        .filter(|sent| sent.json()["data"]["ticket"]["id"] == ticket["id"])
        .collect();
    assert_eq!(
        told[0].json()["data"]["event"]["data"],
        json!({"target": "response"})
    );
}

#[test]
fn a_change_writes_nothing_for_endpoints() {
    let desk = desk();
    let admin = Admin::on(&desk);
    let written = || {
        let body = json!({"title": "A change", "description": "And what it costs."});
        let made = admin.post("/tickets", body).is(201);
        made.timing("rows_written").expect("staff are told")
    };
    written();
    let alone = written();
    let hooks: Vec<Hook> = (0..3).map(|_| Hook::new(&admin, json!({}))).collect();
    assert!(written() <= alone, "{alone} rows without an endpoint");
    for hook in &hooks {
        assert_eq!(types(&hook.wait(1)), ["ticket.created"]);
    }
}

#[test]
fn what_was_on_its_way_when_the_server_died_arrives() {
    let worker = Worker::start(&worker::outside());
    worker.seed();
    let admin = Admin::on(&worker);
    let hook = Hook::new(&admin, json!({}));

    // What the queue has lost, the clock finds.
    admin.post(&format!("{}/test", at(&hook.row)), json!({})).is(201);
    let worker = worker.pause().resume();
    let admin = Admin::on(&worker);
    assert_eq!(
        hook.log(&admin)[0]["attempts"],
        0,
        "the server died before the queue came by"
    );
    tick(&worker);
    hook.wait(1);
    hook.until(&admin, |log| states(log) == ["delivered"]);

    // So it does with what nobody has made a delivery of yet; the log shows it under the id that it will have.
    make::ticket(&Customer::on(&worker));
    let worker = worker.pause().resume();
    let admin = Admin::on(&worker);
    let waiting = hook.log(&admin)[1].clone();
    assert_eq!(
        (&waiting["type"], &waiting["state"], &waiting["attempts"]),
        (&json!("ticket.created"), &json!("pending"), &json!(0))
    );
    for name in [
        waiting["id"].to_string(),
        waiting["uid"].as_str().unwrap().to_owned(),
    ] {
        let one = admin.get(&format!("{}/deliveries/{name}", at(&hook.row))).is(200);
        assert_eq!(one.json(), waiting);
    }
    let again = format!("{}/deliveries/{}/redeliver", at(&hook.row), waiting["id"]);
    admin.post(&again, json!({})).refused(409, "CONFLICT");
    for (state, count) in [("pending", 1), ("delivered", 1), ("cancelled", 0)] {
        let page = admin
            .get(&format!("{}/deliveries?count=true&state={state}", at(&hook.row)))
            .is(200);
        assert_eq!(
            (page.json()["meta"]["total"].as_u64(), page.rows().len()),
            (Some(count), count as usize),
            "{state}"
        );
    }
    tick(&worker);
    let sent = hook.wait(2);
    let log = hook.until(&admin, |log| states(log) == ["delivered"; 2]);
    assert_eq!((&log[1]["id"], &log[1]["uid"]), (&waiting["id"], &waiting["uid"]));
    assert_eq!(log[1]["uid"], sent[1].header("webhook-id"));
    admin.delete(&at(&hook.row)).is(204);

    // What was on its way is sent again, under its own id, when the lease of who sent it is over.
    let hook = Hook::new(&admin, json!({}));
    let count = AtomicUsize::new(0);
    hook.answers(move |_| Canned {
        pause: Duration::from_secs(if count.fetch_add(1, Ordering::Relaxed) == 0 {
            5
        } else {
            0
        }),
        ..Canned::new(200, "{}")
    });
    for _ in 0..2 {
        admin.post(&format!("{}/test", at(&hook.row)), json!({})).is(201);
    }
    hook.wait(1);
    let worker = worker.pause().resume();
    let admin = Admin::on(&worker);
    assert_eq!(states(&hook.log(&admin)), ["pending"; 2]);
    hook.deliver(&worker, 1, 0);
    assert_eq!(hook.seen().len(), 1, "whoever died held the lease");
    hook.deliver(&worker, 1, 61_000);
    let log = hook.log(&admin);
    assert_eq!(states(&log), ["delivered"; 2]);
    let sent = hook.seen();
    assert_eq!((sent.len(), &log[0]["attempts"]), (3, &json!(2)));
    assert_eq!(sent[1].header("webhook-id"), sent[0].header("webhook-id"));
    assert_eq!(sent[1].body, sent[0].body);
}
