//! What a mail that opens a ticket leads to: an acknowledgement, a link to the ticket that it has to do with.

use crate::support::client::Role;
use crate::support::make::{self, unique};
use crate::support::post::{Delivered, deliver, desk, plain, proof, thread, unproven};
use crate::support::stub::{Sent, Stub};
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json};

const SUPPORT: &str = "support@desk.example";

#[track_caller]
fn accepted(from: &str, to: &str, raw: &[u8]) {
    assert_eq!(deliver(Worker::shared(), from, to, raw), Delivered::Accepted);
}

fn found(word: &str) -> Vec<Value> {
    Admin::any().get(&format!("/tickets?q={word}")).is(200).rows()
}

#[track_caller]
fn one(word: &str) -> Value {
    let tickets = found(word);
    assert_eq!(tickets.len(), 1, "tickets with {word}");
    tickets[0].clone()
}

fn is_ack_to(email: &str) -> impl Fn(&Sent) -> bool + '_ {
    move |sent| sent.path == "/mail" && sent.json()["to"][0] == email && sent.body.contains("has reached us")
}

/// Waits for the acknowledgement of a ticket.
#[track_caller]
fn ack(ticket: &Value, to: &str) -> Value {
    let number = ticket["number"].as_str().unwrap();
    let is_it = |sent: &Sent| is_ack_to(to)(sent) && sent.body.contains(number);
    Stub::shared().wait(1, is_it)[0].json()
}

fn acks(to: &str) -> usize {
    Stub::shared().seen(is_ack_to(to)).len()
}

/// Waits until a later mail to somebody has left: what was to be sent before it has left as well.
fn settle(to: &str) {
    let word = unique();
    let ticket = one_for(to);
    make::message(Admin::any(), &ticket, &word);
    let is_it = |sent: &Sent| sent.path == "/mail" && sent.json()["to"][0] == to && sent.body.contains(&word);
    Stub::shared().wait(1, is_it);
}

/// Any ticket of an address.
fn one_for(email: &str) -> Value {
    let path = format!("/tickets?customer_email={email}&limit=1");
    Admin::any().get(&path).is(200).rows().remove(0)
}

fn links(ticket: &Value, reader: &Caller) -> Vec<Value> {
    reader
        .get(&format!("/tickets/{}/links", ticket["id"]))
        .is(200)
        .rows()
}

#[test]
fn whoever_writes_is_told_the_number() {
    let (from, word) = (make::email(), unique());
    accepted(&from, SUPPORT, &plain(&from, "The printer", "", &word));
    let ticket = one(&word);
    let told = ack(&ticket, &from);
    let number = ticket["number"].as_str().unwrap();
    assert_eq!(told["subject"], json!(format!("[{number}] The printer")));
    assert_eq!(told["headers"]["Auto-Submitted"], "auto-replied");
    assert!(told["headers"]["List-Unsubscribe"].is_string());
    // It is answered like any mail of ours, and an answer is not acknowledged.
    let to = told["reply_to"].as_str().unwrap();
    accepted(
        &from,
        to,
        &unproven(&from, &format!("Re: [{number}]"), "", "Thanks."),
    );
    let comments = format!("/tickets/{}/comments", ticket["id"]);
    assert_eq!(Admin::any().get(&comments).is(200).rows().len(), 1);
    settle(&from);
    assert_eq!(acks(&from), 1);
}

#[test]
fn staff_open_tickets_for_people_who_are_told() {
    let (agent, email) = (Agent::any(), make::email());
    let ticket = make::ticket_with(agent, json!({"customer_email": email}));
    ack(&ticket, &email);
    // Not who opens a ticket themselves, and not an address that anybody may give.
    let customer = Admin::any().hire(Role::Customer);
    make::ticket(&customer);
    let other = make::email();
    make::ticket_with(&customer, json!({"customer_email": other}));
    let own = make::ticket_with(agent, json!({"customer_email": agent.email}));
    assert_eq!(own["requester"]["id"], agent.id);
    settle(&customer.email);
    settle(&email);
    assert_eq!(
        (acks(&customer.email), acks(&other), acks(&agent.email)),
        (0, 0, 0)
    );
}

#[test]
fn programs_lists_and_the_unproven_are_not_acknowledged() {
    for (headers, from) in [
        ("Auto-Submitted: auto-generated\n", make::email()),
        ("Precedence: bulk\n", make::email()),
        ("List-Id: <a.b.example>\n", make::email()),
        ("X-Auto-Response-Suppress: All\n", make::email()),
        ("", format!("no-reply.{}@x.example", unique())),
        ("", format!("Do-Not-Reply.{}@x.example", unique())),
    ] {
        let word = unique();
        accepted(&from, SUPPORT, &plain(&from, "The printer", headers, &word));
        assert!(one(&word)["id"].is_i64(), "{headers}");
        settle(&from.to_lowercase());
        assert_eq!(acks(&from.to_lowercase()), 0, "{headers} {from}");
    }
    let (from, word) = (make::email(), unique());
    accepted(&from, SUPPORT, &unproven(&from, "The printer", "", &word));
    one(&word);
    // The address of a form's visitor is proven by nobody, so the form is told.
    let (form, visitor, word) = (make::email(), make::email(), unique());
    let headers = format!("Reply-To: {visitor}\n");
    accepted(&form, SUPPORT, &plain(&form, "The printer", &headers, &word));
    ack(&one(&word), &form);
    assert_eq!((acks(&from), acks(&visitor)), (0, 0));
}

#[test]
fn a_program_that_answers_acknowledgements_is_told_thrice_an_hour() {
    let from = make::email();
    for at in 0..5 {
        let word = unique();
        let subject = format!("Out of office {at}");
        accepted(&from, SUPPORT, &plain(&from, &subject, "", &word));
        one(&word);
    }
    Stub::shared().wait(3, is_ack_to(&from));
    settle(&from);
    assert_eq!(acks(&from), 3);
    // Two desks: the acknowledgement of the other one is an automatic answer.
    let before = Admin::any()
        .get(&format!("/tickets?customer_email={from}"))
        .is(200)
        .rows()
        .len();
    let theirs = plain(
        &from,
        "[#12] Received",
        "Auto-Submitted: auto-replied\n",
        "We have it.",
    );
    accepted(&from, SUPPORT, &theirs);
    let after = Admin::any()
        .get(&format!("/tickets?customer_email={from}"))
        .is(200)
        .rows()
        .len();
    assert_eq!(before, after);
}

#[test]
fn acknowledgements_can_be_switched_off() {
    let worker = Worker::start(&crate::support::worker::outside());
    worker.seed();
    let admin = Admin::on(&worker);
    let settings = admin.get("/admin/settings").is(200).json();
    assert_eq!(settings["acknowledge"], true);
    let take = |from: &str, word: &str| {
        let raw = plain(from, "The printer", "", word);
        assert_eq!(deliver(&worker, from, SUPPORT, &raw), Delivered::Accepted);
        let path = format!("/tickets?q={word}");
        admin.get(&path).is(200).rows().remove(0)
    };
    admin
        .put("/admin/settings", json!({"acknowledge": false}))
        .is(200);
    let (first, second) = (make::email(), make::email());
    let quiet = take(&first, &unique());
    admin.put("/admin/settings", json!({"acknowledge": true})).is(200);
    ack(&take(&second, &unique()), &second);
    let word = unique();
    make::message(&admin, &quiet, &word);
    let is_it = |sent: &Sent| sent.path == "/mail" && sent.body.contains(&word);
    Stub::shared().wait(1, is_it);
    assert_eq!(acks(&first), 0);
}

#[test]
fn a_mail_of_a_stranger_opens_a_ticket_that_is_linked() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let number = ticket["number"].as_str().unwrap();
    let address = desk(Worker::shared()).address_for(thread(&ticket, &customer));
    let mut linked = Vec::new();
    for (to, subject) in [
        (address.as_str(), "Re: x".to_owned()),
        (SUPPORT, format!("AW: [{number}] x")),
    ] {
        let (stranger, word) = (make::email(), unique());
        accepted(&stranger, to, &plain(&stranger, &subject, "", &word));
        let other = one(&word);
        assert_ne!(other["id"], ticket["id"]);
        let seen = links(&other, Admin::any());
        assert_eq!(seen.len(), 1, "{subject}");
        assert_eq!(
            (&seen[0]["type"], &seen[0]["actor"]),
            (&json!("relates"), &Value::Null)
        );
        assert_eq!(
            seen[0]["ticket"],
            json!({"id": ticket["id"], "number": ticket["number"], "title": ticket["title"], "status": ticket["status"]})
        );
        linked.push(other);
    }
    // Seen from the other end, a page at a time; never a ticket that is gone, or that is somebody else's.
    let ends = |reader: &Caller| {
        let seen = links(&ticket, reader);
        let ids: Vec<Value> = seen.iter().map(|link| link["ticket"]["id"].clone()).collect();
        ids
    };
    assert_eq!(
        ends(Manager::any()),
        [linked[0]["id"].clone(), linked[1]["id"].clone()]
    );
    let path = format!("/tickets/{}/links", ticket["id"]);
    let page = Admin::any().get(&format!("{path}?limit=1")).is(200);
    assert_eq!(page.rows()[0]["ticket"]["id"], linked[0]["id"]);
    let next = page.json()["meta"]["next_cursor"].as_str().unwrap().to_owned();
    let page = Admin::any().get(&format!("{path}?limit=1&cursor={next}")).is(200);
    assert_eq!(page.rows()[0]["ticket"]["id"], linked[1]["id"]);
    assert!(customer.get(&path).is(200).rows().is_empty());
    Admin::any()
        .delete(&format!("/tickets/{}", linked[0]["id"]))
        .is(204);
    assert_eq!(ends(Admin::any()), [linked[1]["id"].clone()]);
}

#[test]
fn a_link_shows_no_ticket_that_its_reader_may_not_see() {
    let (customer, agent) = (Customer::fresh(), Agent::fresh());
    let category = Manager::any()
        .post("/categories", json!({"name": unique()}))
        .is(201)
        .json();
    let path = format!("/categories/{}/agents", category["id"]);
    Manager::any().put(&path, json!({"agents": [agent.id]})).is(200);
    let ticket = make::ticket_with(
        Admin::any(),
        json!({"customer_email": customer.email, "category": category["slug"]}),
    );
    let number = ticket["number"].as_str().unwrap();
    let (stranger, word) = (make::email(), unique());
    let mail = plain(&stranger, &format!("Re: [{number}] x"), "", &word);
    accepted(&stranger, SUPPORT, &mail);
    let other = one(&word);
    let elsewhere = Manager::any()
        .post("/categories", json!({"name": unique()}))
        .is(201)
        .json();
    Manager::any()
        .put(
            &format!("/tickets/{}", other["id"]),
            json!({"category": elsewhere["slug"]}),
        )
        .is(200);
    assert_eq!(links(&ticket, Admin::any()).len(), 1);
    agent.get(&format!("/tickets/{}", other["id"])).is(404);
    assert_eq!(links(&ticket, &agent).len(), 0);
    agent.get(&format!("/tickets/{}/links", other["id"])).is(404);
}

#[test]
fn a_late_answer_opens_a_ticket_that_is_linked() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}/status", ticket["id"]);
    Admin::any().put(&path, json!({"status": "closed"})).is(200);
    crate::support::time::age(Worker::shared(), &ticket, 24 * 30);
    let to = desk(Worker::shared()).address_for(thread(&ticket, &customer));
    let (first, second) = (unique(), unique());
    accepted(&customer.email, &to, &plain(&customer.email, "Re: x", "", &first));
    accepted(
        &customer.email,
        &to,
        &plain(&customer.email, "Re: x", "", &second),
    );
    let follow_up = one(&first);
    assert_eq!(one(&second)["id"], follow_up["id"]);
    assert_eq!(links(&follow_up, Admin::any())[0]["ticket"]["id"], ticket["id"]);
    assert_eq!(links(&ticket, Admin::any()).len(), 1);
}

#[test]
fn a_mail_without_an_id_is_taken_once() {
    // The local platform wants the field; there is no id in it.
    let from = make::email();
    let raw = |date: &str, subject: &str, body: &str| {
        format!(
            "{}From: {from}\nTo: {SUPPORT}\nMessage-ID: none\nDate: {date}\nSubject: {subject}\n\n{body}\n",
            proof(&from)
        )
        .replace('\n', "\r\n")
        .into_bytes()
    };
    const FRIDAY: &str = "Fri, 20 Nov 2026 19:40:00 +0000";
    const SATURDAY: &str = "Sat, 21 Nov 2026 19:40:00 +0000";
    let word = unique();
    let first = raw(FRIDAY, "The printer", &word);
    // Sent again, by another way, it is the same mail.
    let mut again = b"Received: from another.example\r\n".to_vec();
    again.extend_from_slice(&first);
    for mail in [&first, &first, &again] {
        accepted(&from, SUPPORT, mail);
    }
    assert_eq!(found(&word).len(), 1);
    // Another text, another day or another subject is another mail.
    for (at, mail) in [
        raw(FRIDAY, "The printer", &format!("{word} again")),
        raw(SATURDAY, "The printer", &word),
        raw(FRIDAY, "The other printer", &word),
    ]
    .iter()
    .enumerate()
    {
        accepted(&from, SUPPORT, mail);
        assert_eq!(found(&word).len(), at + 2);
    }
    // The same answer to two tickets is two answers.
    let customer = Customer::fresh();
    let tickets = [make::ticket(&customer), make::ticket(&customer)];
    for _ in 0..2 {
        for ticket in &tickets {
            let to = desk(Worker::shared()).address_for(thread(ticket, &customer));
            let mail = format!(
                "{}From: {}\r\nMessage-ID: none\r\nSubject: Re: x\r\n\r\nYes.\r\n",
                proof(&customer.email).trim_end().to_owned() + "\r\n",
                customer.email
            );
            accepted(&customer.email, &to, mail.as_bytes());
        }
    }
    for ticket in &tickets {
        let comments = format!("/tickets/{}/comments", ticket["id"]);
        assert_eq!(Admin::any().get(&comments).is(200).rows().len(), 1);
    }
}

#[test]
fn no_words_of_an_answer_are_lost_in_its_subject_or_within_ours() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let comments = format!("/tickets/{}/comments", ticket["id"]);
    let (question, number) = (
        "Have you tried to restart it?",
        ticket["number"].as_str().unwrap(),
    );
    Admin::any()
        .post(
            &comments,
            json!({"body": format!("{question}\nDoes the lamp blink? Yes or no.")}),
        )
        .is(201);
    let to = desk(Worker::shared()).address_for(thread(&ticket, &customer));
    let marker = "-- Please write your answer above this line --";
    let ours = format!(
        "{marker}\n\nHello Ann,\n\nBob answered on \u{201c}x\u{201d} ({number}):\n\n  {question}\n  Does the lamp blink? Yes or no.\n\n\
         --\nNo more mails of this kind: https://desk.example/u"
    );
    let inline = ours.replace("Yes or no.\n", "Yes or no.\nNo.\n");
    for (subject, text) in [
        ("Solved, thank you!".to_owned(), String::new()),
        (format!("Solved by now! [{number}] x"), ours.clone()),
        (format!("Re: [{number}] x"), ours.clone()),
        (format!("Re: [{number}] x"), format!("See below.\n\n{inline}")),
    ] {
        accepted(&customer.email, &to, &plain(&customer.email, &subject, "", &text));
    }
    let rows = Admin::any().get(&comments).is(200).rows();
    let said: Vec<&str> = rows
        .iter()
        .skip(1)
        .map(|row| row["body"].as_str().unwrap())
        .collect();
    assert_eq!(
        said,
        ["Solved, thank you!", "Solved by now!", "See below.\n\nNo."]
    );
}
