//! Mails: to whom, saying what, how often, and never twice; links that let people in, prove addresses, and stop
//! mails. The provider is a server of this run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::client::Role;
use crate::support::make::{self, CANARY};
use crate::support::stub::{Canned, Sent, Stub};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Value, Worker, json, sqlite};

fn is_to(email: &str) -> impl Fn(&Sent) -> bool + '_ {
    move |sent| sent.path == "/mail" && sent.json()["to"][0] == email
}

/// Waits for the mails that have come to an address so far, and so many at least.
#[track_caller]
fn mails(to: &str, count: usize) -> Vec<Sent> {
    Stub::shared().wait(count, is_to(to))
}

fn text(mail: &Sent) -> String {
    mail.json()["text"].as_str().expect("a text").to_owned()
}

fn header(mail: &Sent, name: &str) -> String {
    mail.json()["headers"][name]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The token of the link that a mail has.
fn token(mail: &Sent) -> String {
    let text = text(mail);
    let (_, rest) = text
        .split_once("#token=")
        .unwrap_or_else(|| panic!("no link in {text}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Confirms a customer's address with the mail that came to it.
fn confirm(who: &Caller) {
    let asked = mails(&who.email, 1);
    Anon::new()
        .post("/auth/verify-email", json!({"token": token(&asked[0])}))
        .is(200);
}

fn customer() -> Customer {
    let customer = Customer::fresh();
    confirm(&customer);
    customer
}

#[test]
fn an_address_is_mailed_once_it_is_known_to_be_somebodys() {
    let (customer, agent) = (Customer::fresh(), Agent::fresh());
    let me = customer.get("/auth/me").json();
    assert_eq!(me["email_verified"], false);
    let ticket = make::ticket(&customer);
    make::message(&agent, &ticket, "Before.");
    let asked = mails(&customer.email, 1);
    assert_eq!(asked.len(), 1);
    let asked = &asked[0];
    assert_eq!(asked.json()["subject"], "Confirm your address");
    // Looking at the link confirms nothing; a token of somebody else's, or an altered one, neither.
    let token = token(asked);
    Anon::new().get("/verify-email").is(200);
    let last = if token.ends_with('0') { "1" } else { "0" };
    let altered = format!("{}{last}", &token[..token.len() - 1]);
    for wrong in [altered.as_str(), "", "1.2", &token.replacen('.', "1.", 1)] {
        let refused = Anon::new().post("/auth/verify-email", json!({"token": wrong}));
        refused.is(400).faults(&["token"]);
    }
    assert_eq!(customer.get("/auth/me").json()["email_verified"], false);
    for _ in 0..2 {
        Anon::new()
            .post("/auth/verify-email", json!({"token": token}))
            .is(200);
    }
    assert_eq!(customer.get("/auth/me").json()["email_verified"], true);
    make::message(&agent, &ticket, "After.");
    let got = mails(&customer.email, 2);
    assert!(text(&got[1]).contains("After."));
    assert_eq!(got.len(), 2, "nothing was sent before");
    // Another address is another matter.
    let other = make::email();
    Admin::any()
        .put(&format!("/users/{}", customer.id), json!({"email": other}))
        .is(200);
    mails(&other, 1);
    let refused = Anon::new().post("/auth/verify-email", json!({"token": token}));
    refused.is(400).faults(&["token"]);
}

#[test]
fn a_mail_says_what_its_reader_may_know() {
    let (customer, agent) = (customer(), Agent::fresh());
    let ticket = make::ticket_with(&customer, json!({"title": "<b>It</b> burns"}));
    make::note(&agent, &ticket, CANARY);
    make::message(&agent, &ticket, "Is it <hot>?\nStill?");
    let mail = &mails(&customer.email, 2)[1];
    let body = mail.json();
    let number = ticket["number"].as_str().unwrap();
    assert_eq!(body["subject"], format!("[{number}] <b>It</b> burns"));
    assert_eq!(body["from"], "\"Edgedesk\" <desk@desk.example>");
    assert!(text(mail).contains("  Is it <hot>?\n  Still?\n"));
    assert!(text(mail).contains(&format!("{}/tickets/{number}", make::ORIGIN)));
    let html = body["html"].as_str().unwrap();
    assert!(html.contains("&lt;hot&gt;") && !html.contains("<hot>") && html.contains("&lt;b&gt;It"));
    assert!(!mail.body.contains(CANARY));
    assert_eq!(mail.header("authorization"), "Bearer a key of the mail provider");
    assert!(!mail.header("idempotency-key").is_empty());
    // It can be answered, threads, and says that a program wrote it.
    let reply_to = body["reply_to"].as_str().unwrap();
    assert!(
        reply_to.starts_with("support+") && reply_to.ends_with("@desk.example"),
        "{reply_to}"
    );
    assert!(header(mail, "Message-ID").ends_with("@desk.example>"));
    assert_ne!(header(mail, "Message-ID"), header(mail, "References"));
    assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
}

#[test]
fn one_click_stops_a_kind_of_mail() {
    let (customer, agent) = (customer(), Agent::fresh());
    let ticket = make::ticket(&customer);
    make::message(&agent, &ticket, "One.");
    let mail = &mails(&customer.email, 2)[1];
    assert_eq!(
        header(mail, "List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
    let link = header(mail, "List-Unsubscribe");
    let path = link
        .split("/api/v1")
        .nth(1)
        .unwrap()
        .trim_end_matches('>')
        .to_owned();
    // Programs that look at links stop nothing.
    Anon::new().get(&path).is(200);
    let answers = |email: bool| {
        let ways = customer.get("/notifications/preferences").json();
        assert_eq!(
            ways["preferences"]["reply"],
            json!({"live": true, "email": email})
        );
    };
    answers(true);
    Anon::new()
        .post(&path.replace(".reply", ".status"), json!({}))
        .is(400)
        .faults(&["token"]);
    let click = Anon::new();
    let click = click.ask("POST", &path);
    click
        .raw("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click")
        .send()
        .is(200);
    answers(false);
    make::message(&agent, &ticket, "Two.");
    agent
        .put(&format!("/tickets/{}/assign", ticket["id"]), json!({}))
        .is(200);
    let got = mails(&customer.email, 3);
    assert_eq!(got.len(), 3);
    assert!(text(&got[2]).contains("set to assigned"), "{}", text(&got[2]));
}

#[test]
fn a_forgotten_password_is_set_by_mail() {
    let customer = Customer::fresh();
    let anon = Anon::new();
    let known = anon
        .post(
            "/auth/forgot-password",
            json!({"email": customer.email.to_uppercase()}),
        )
        .is(200);
    let unknown = anon
        .post("/auth/forgot-password", json!({"email": make::email()}))
        .is(200);
    assert_eq!(known.json(), unknown.json());
    anon.post("/auth/forgot-password", json!({"email": "nobody"}))
        .is(400)
        .faults(&["email"]);
    let is_link = |sent: &Sent| is_to(&customer.email)(sent) && sent.json()["subject"] == "Set your password";
    let link = token(&Stub::shared().wait(1, is_link)[0]);
    anon.get("/reset-password").is(200);
    let reset = json!({"token": link, "password": "another long passphrase"});
    anon.post("/auth/reset-password", reset.clone()).is(200);
    // It works once, ends every session, and proves the address.
    anon.post("/auth/reset-password", reset)
        .is(400)
        .faults(&["token"]);
    customer.get("/auth/me").refused(401, "UNAUTHORIZED");
    let login = json!({"email": customer.email, "password": "another long passphrase"});
    assert_eq!(
        anon.post("/auth/login", login).is(200).json()["user"]["email_verified"],
        true
    );
    // Three mails an hour are enough for everybody.
    for _ in 0..5 {
        anon.post("/auth/forgot-password", json!({"email": customer.email}))
            .is(200);
    }
    Stub::shared().wait(3, is_link);
    let marker = customer_with_a_mail();
    mails(&marker, 1);
    assert_eq!(Stub::shared().seen(is_link).len(), 3);
}

/// Somebody to whom a mail goes after all that went before.
fn customer_with_a_mail() -> String {
    Customer::fresh().email.clone()
}

#[test]
fn who_is_given_an_account_is_invited() {
    let email = make::email();
    Admin::any()
        .post("/users", json!({"email": email, "role": "agent"}))
        .is(201);
    let link = token(&mails(&email, 1)[0]);
    let anon = Anon::new();
    anon.post(
        "/auth/reset-password",
        json!({"token": link, "password": make::PASSWORD}),
    )
    .is(200);
    anon.post("/auth/login", json!({"email": email, "password": make::PASSWORD}))
        .is(200);
}

/// A server of its own, whose provider answers at a path of its own.
fn elsewhere(path: &str) -> Worker {
    let url = format!("{}{path}", Stub::shared().url);
    let worker = Worker::start(&[
        ("MAIL_MODE", "http"),
        ("MAIL_HTTP_URL", &url),
        ("MAIL_HTTP_KEY", "key"),
        ("MAIL_FROM", "desk@desk.example"),
    ]);
    worker.seed();
    worker
}

/// What has come to John so far.
fn johns(path: &str) -> Vec<Sent> {
    Stub::shared().seen(|sent| is_johns(path, sent))
}

fn is_johns(path: &str, sent: &Sent) -> bool {
    sent.path == path && sent.json()["to"][0] == "john@example.com"
}

#[test]
fn a_busy_ticket_sends_a_digest_instead_of_a_flood() {
    let path = format!("/mail-{}", make::unique());
    let worker = elsewhere(&path);
    let john = Caller::login(&worker, Role::Customer, "john@example.com", "customer123");
    let admin = Admin::on(&worker);
    let ticket = make::ticket(&john);
    for n in 0..72 {
        make::message(&admin, &ticket, &format!("Number {n}."));
    }
    let number = ticket["number"].as_str().expect("a number");
    let is_of_it =
        |sent: &Sent| is_johns(&path, sent) && sent.json()["subject"].as_str().unwrap().contains(number);
    Stub::shared().wait(19, is_of_it);
    // The digest is made when all the rest is held back.
    while Stub::shared().seen(is_of_it).len() < 20 {
        worker.tick();
    }
    for _ in 0..3 {
        worker.tick();
    }
    let got = Stub::shared().seen(is_of_it);
    assert_eq!(
        Stub::shared().seen(is_of_it).len(),
        20,
        "never more than 20 an hour"
    );
    let digest = got
        .iter()
        .find(|mail| text(mail).contains("in one mail"))
        .expect("a digest");
    // 19 by themselves, 50 in the digest, and the rest as a number.
    let told = |mail: &Sent| {
        let text = text(mail);
        (0..72)
            .filter(|n| text.contains(&format!("  Number {n}.\n")))
            .collect::<Vec<_>>()
    };
    let mut all: Vec<i32> = got.iter().flat_map(told).collect();
    assert_eq!((all.len(), told(digest).len()), (69, 50));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 69, "nothing is told twice");
    assert!(text(digest).contains("And 3 more"));
}

#[test]
fn a_provider_that_fails_gets_the_mail_again_and_only_once() {
    let path = format!("/mail-{}", make::unique());
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let at = path.clone();
    Stub::shared().answer(&path, move |sent| {
        if !is_johns(&at, sent) {
            return Canned::new(200, "{}");
        }
        let lost = sent.json()["subject"]
            .as_str()
            .is_some_and(|subject| subject.contains("never"));
        match counted.fetch_add(1, Ordering::SeqCst) {
            _ if lost => Canned::new(422, "{\"message\":\"no such mailbox\"}"),
            0 => Canned {
                headers: vec![("Retry-After", "1".to_owned())],
                ..Canned::new(503, "{}")
            },
            _ => Canned::new(200, "{}"),
        }
    });
    let worker = elsewhere(&path);
    let john = Caller::login(&worker, Role::Customer, "john@example.com", "customer123");
    let admin = Admin::on(&worker);
    make::message(&admin, &make::ticket(&john), "Once.");
    let got = Stub::shared().wait(2, |sent| is_johns(&path, sent));
    let keys: Vec<&str> = got.iter().map(|sent| sent.header("idempotency-key")).collect();
    assert_eq!(keys[0], keys[1], "the provider knows it for the same mail");
    // What will never be taken is not tried again.
    make::message(
        &admin,
        &make::ticket_with(&john, json!({"title": "This is never taken"})),
        "Lost.",
    );
    Stub::shared().wait(3, |sent| is_johns(&path, sent));
    make::message(&admin, &make::ticket(&john), "Last.");
    Stub::shared().wait(4, |sent| is_johns(&path, sent));
    for _ in 0..3 {
        worker.tick();
    }
    assert_eq!(johns(&path).len(), 4);
}

#[test]
fn a_queue_that_repeats_itself_or_talks_nonsense_sends_nothing_twice() {
    let path = format!("/mail-{}", make::unique());
    let worker = elsewhere(&path);
    let john = Caller::login(&worker, Role::Customer, "john@example.com", "customer123");
    let admin = Admin::on(&worker);
    let ticket = make::ticket(&john);
    let bring = |text: &str| {
        let body = json!({"text": text, "times": 10});
        let developer = Anon::on(&worker);
        let ask = developer.ask("POST", "/dev/queue").at_root().undocumented();
        ask.header("X-Dev-Secret", worker.var("DEV_SECRET"))
            .json(&body)
            .send()
            .is(200);
    };
    for nonsense in [
        "{",
        "[]",
        "null",
        "{\"what\":\"pigeon\",\"id\":1}",
        "{\"what\":\"mail\",\"id\":\"1\"}",
    ] {
        bring(nonsense);
    }
    for n in 0..3 {
        make::message(&admin, &ticket, &format!("Number {n}."));
    }
    // Rows of mails are few on a new server: all of them come again, and some that are not there.
    for id in 0..20 {
        bring(&format!("{{\"what\":\"mail\",\"id\":{id}}}"));
    }
    Stub::shared().wait(3, |sent| is_johns(&path, sent));
    make::message(&admin, &ticket, "The last one.");
    Stub::shared().wait(4, |sent| is_johns(&path, sent));
    let got = Stub::shared().seen(|sent| sent.path == path);
    let mut keys: Vec<&str> = got.iter().map(|sent| sent.header("idempotency-key")).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), got.len(), "a mail was sent twice");
}

#[test]
fn the_contact_that_a_customer_names_is_never_mailed() {
    let (customer, agent) = (customer(), Agent::fresh());
    let contact = make::email();
    let ticket = make::ticket_with(&customer, json!({"customer_email": contact}));
    make::message(&agent, &ticket, "Hello.");
    mails(&customer.email, 2);
    assert_eq!(Stub::shared().seen(is_to(&contact)).len(), 0);
    let _: &Value = &ticket;
}

#[test]
fn a_desk_that_sends_no_mail_keeps_none_waiting() {
    let worker = Worker::start(&[("MAIL_MODE", "off")]);
    worker.seed();
    let john = Caller::login(&worker, Role::Customer, "john@example.com", "customer123");
    make::message(&Admin::on(&worker), &make::ticket(&john), "Read it here.");
    assert_eq!(
        john.get("/notifications?unread=true&kind=reply").is(200).rows()[0]["message"],
        "Read it here."
    );
    worker.tick();
    let d1 = worker.d1.clone().expect("a file");
    let paused = worker.pause();
    let rows = sqlite::run(
        &d1,
        "",
        "SELECT mail, count(*) AS n FROM notices WHERE mail IS NOT NULL GROUP BY mail",
    );
    assert_eq!(rows, [json!({"mail": "dropped", "n": 1})]);
    drop(paused.resume());
}
