//! No word of a person is lost: the originals of the mails that were taken, and the log of those that were not.

use crate::support::client::Role;
use crate::support::make::{self, unique};
use crate::support::post::{Delivered, deliver, desk, plain, proof, thread, unproven};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Value, Worker, json};

const SUPPORT: &str = "support@desk.example";
const MARKER: &str = "-- Please write your answer above this line --";

#[track_caller]
fn accepted(from: &str, to: &str, raw: &[u8]) {
    assert_eq!(deliver(Worker::shared(), from, to, raw), Delivered::Accepted);
}

fn answers_to(ticket: &Value, who: &Caller) -> String {
    desk(Worker::shared()).address_for(thread(ticket, who))
}

fn messages(ticket: &Value) -> Vec<Value> {
    let path = format!("/tickets/{}/comments", ticket["id"]);
    Admin::any().get(&path).is(200).rows()
}

fn one(word: &str) -> Value {
    let tickets = Admin::any().get(&format!("/tickets?q={word}")).is(200).rows();
    assert_eq!(tickets.len(), 1, "tickets with {word}");
    tickets[0].clone()
}

#[test]
fn the_original_of_a_message_is_kept_with_all_that_was_cut() {
    let (customer, agent) = (Customer::fresh(), Manager::fresh());
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let text =
        format!("Mine.\n\nOn 20 Nov 2026, at 19:40, Edgedesk <{to}> wrote:\n> {MARKER}\n>\n> CUT-WORDS");
    let raw = format!(
        "{}From: {}\nTo: Desk <{to}>\nSubject: Re: x y\nMessage-ID: <{}@x>\n\
         Content-Type: multipart/alternative; boundary=b\n\n\
         --b\nContent-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: 8bit\n\n{text}\n\
         --b\nContent-Type: text/html\n\n<p>Mine as <b>HTML</b> <a href=\"mailto:{to}\">{to}</a></p>\n--b--\n",
        proof(&customer.email),
        customer.email,
        unique()
    );
    accepted(&customer.email, &to, raw.replace('\n', "\r\n").as_bytes());
    let message = messages(&ticket).remove(0);
    assert_eq!(message["body"], "Mine.");
    let path = format!("/messages/{}/original", message["id"]);
    for reader in [&*customer, &*agent] {
        let original = reader.get(&path).is(200).json();
        let parts = original["parts"].as_array().unwrap();
        assert!(
            parts[0]["text"].as_str().unwrap().contains("CUT-WORDS"),
            "{original}"
        );
        assert_eq!(
            parts[1]["text"].as_str().unwrap().trim(),
            format!("<p>Mine as <b>HTML</b> <a href=\"mailto:{SUPPORT}\">{SUPPORT}</a></p>")
        );
        // The address by which only the customer answers is nobody else's to read.
        assert!(!original.to_string().contains(&to) && original.to_string().contains(SUPPORT));
        assert_eq!(
            (&parts[0]["content_type"], &original["is_truncated"]),
            (&json!("text/plain"), &json!(false))
        );
        assert!(
            original["headers"]
                .as_str()
                .unwrap()
                .contains("Subject: Re: x y\r\n")
        );
    }
    let by_uid = format!("/messages/{}/original", message["uid"].as_str().unwrap());
    agent.get(&by_uid).is(200);
    Customer::fresh().get(&path).refused(404, "NOT_FOUND");
    Anon::new().get(&path).refused(401, "UNAUTHORIZED");
    // What did not come by mail has none.
    let typed = make::message(&customer, &ticket, "By hand.");
    customer
        .get(&format!("/messages/{}/original", typed["id"]))
        .refused(404, "NOT_FOUND");
    // Staff answers by mail are for staff and their author; what the customer sees is the message.
    accepted(
        &agent.email,
        &answers_to(&ticket, &agent),
        &plain(&agent.email, "Re: x y", "", "We come."),
    );
    let answer = messages(&ticket).pop().unwrap();
    let path = format!("/messages/{}/original", answer["id"]);
    agent.get(&path).is(200);
    customer.get(&path).refused(403, "FORBIDDEN");
}

#[test]
fn the_original_of_a_note_is_as_hidden_as_the_note() {
    let (customer, agent) = (Customer::fresh(), Manager::fresh());
    let ticket = make::ticket(&customer);
    let note = edgedesk::desk::mail::reply_address::MailThread {
        is_internal: true,
        ..thread(&ticket, &agent)
    };
    let to = desk(Worker::shared()).address_for(note);
    accepted(
        &agent.email,
        &to,
        &plain(&agent.email, "Re: x y", "", "Among us."),
    );
    let message = messages(&ticket).remove(0);
    assert_eq!(message["is_internal"], true);
    let path = format!("/messages/{}/original", message["id"]);
    assert!(
        agent.get(&path).is(200).json()["parts"][0]["text"]
            .as_str()
            .unwrap()
            .contains("Among us.")
    );
    customer.get(&path).refused(404, "NOT_FOUND");
}

#[test]
fn the_original_of_a_ticket_goes_with_what_is_edited_out() {
    let (customer, agent, word) = (Customer::fresh(), Agent::fresh(), unique());
    let text = format!("{word} my secret is SWORDFISH");
    accepted(
        &customer.email,
        SUPPORT,
        &plain(&customer.email, "The printer", "", &text),
    );
    let ticket = one(&word);
    let path = format!("/tickets/{}/original", ticket["id"]);
    let original = customer.get(&path).is(200).json();
    assert!(
        original["parts"][0]["text"]
            .as_str()
            .unwrap()
            .contains("SWORDFISH"),
        "{original}"
    );
    Customer::fresh().get(&path).refused(404, "NOT_FOUND");
    agent
        .put(
            &format!("/tickets/{}", ticket["id"]),
            json!({"title": "The big printer"}),
        )
        .is(200);
    agent.get(&path).is(200);
    // Deleted, it shows nothing; restored, everything.
    let own = format!("/tickets/{}", ticket["id"]);
    Admin::any().delete(&own).is(204);
    agent.get(&path).refused(404, "NOT_FOUND");
    Admin::any().post(&format!("{own}/restore"), json!({})).is(200);
    assert_eq!(customer.get(&path).is(200).json()["parts"], original["parts"]);
    customer
        .put(
            &format!("/tickets/{}", ticket["id"]),
            json!({"description": format!("{word} is not for you")}),
        )
        .is(200);
    for reader in [&*customer, &*agent, &**Admin::any()] {
        reader.get(&path).refused(404, "NOT_FOUND");
    }
    // A message that was edited or deleted, likewise.
    accepted(
        &customer.email,
        &answers_to(&ticket, &customer),
        &plain(&customer.email, "Re: x", "", "SWORDFISH 2"),
    );
    let message = messages(&ticket).remove(0);
    let (own, path) = (
        format!("/messages/{}", message["id"]),
        format!("/messages/{}/original", message["id"]),
    );
    customer.get(&path).is(200);
    customer.put(&own, json!({"body": "Nothing."})).is(200);
    Admin::any().get(&path).refused(404, "NOT_FOUND");
    customer.delete(&own).is(204);
    Admin::any().get(&path).refused(404, "NOT_FOUND");
    // A ticket that did not come by mail has none.
    let typed = make::ticket(&customer);
    customer
        .get(&format!("/tickets/{}/original", typed["id"]))
        .refused(404, "NOT_FOUND");
}

#[test]
fn what_is_not_taken_is_logged_with_the_reason_and_told_to_whom_it_helps() {
    let (customer, gone) = (Customer::fresh(), Admin::any().hire(Role::Customer));
    Admin::any().delete(&format!("/users/{}", gone.id)).is(204);
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let forged = "Authentication-Results: mx.cloudflare.net; dmarc=fail header.from=example.org\n";
    let stranger = make::email();
    let empty = format!("> {MARKER}\n> x\n> No more mails of this kind: y");
    let deep = format!(
        "From: {stranger}\r\nMessage-ID: <deep@x>\r\nSubject: deep\r\n{}x",
        "Content-Type: message/rfc822\r\n\r\n".repeat(300)
    );
    for (from, to, raw, reason, told) in [
        (
            stranger.as_str(),
            SUPPORT,
            unproven(&stranger, "A", forged, "x"),
            "forged",
            Some("DMARC"),
        ),
        (
            &customer.email,
            SUPPORT,
            unproven(&customer.email, "B", "", "x"),
            "unproven",
            Some("no DMARC pass"),
        ),
        (
            &gone.email,
            SUPPORT,
            plain(&gone.email, "C", "", "x"),
            "deactivated",
            Some("deactivated"),
        ),
        (
            &stranger,
            SUPPORT,
            plain("Jane Doe", "D", "", "x"),
            "no_sender",
            Some("From"),
        ),
        (
            &stranger,
            SUPPORT,
            plain("a@b.example, c@d.example", "E", "", "x"),
            "several_senders",
            Some("several"),
        ),
        (
            &stranger,
            SUPPORT,
            deep.into_bytes(),
            "unreadable",
            Some("cannot be read"),
        ),
        (
            &customer.email,
            &to,
            plain(&customer.email, "F", "Auto-Submitted: auto-replied\n", "x"),
            "automatic_answer",
            None,
        ),
        ("<>", &to, plain(&customer.email, "G", "", "x"), "bounce", None),
        (&stranger, SUPPORT, plain(SUPPORT, "H", "", "x"), "own", None),
        (
            &customer.email,
            &to,
            plain(&customer.email, "Re: x", "", &empty),
            "empty",
            None,
        ),
        // A program is not told: it would answer the answer.
        (
            &customer.email,
            SUPPORT,
            unproven(&customer.email, "I", "Precedence: bulk\n", "x"),
            "unproven",
            None,
        ),
        (
            &stranger,
            SUPPORT,
            unproven(
                &stranger,
                "J",
                &format!("{forged}Auto-Submitted: auto-generated\n"),
                "x",
            ),
            "forged",
            None,
        ),
        ("<>", SUPPORT, plain("nobody", "K", "", "x"), "bounce", None),
    ] {
        let before = Admin::any().get("/admin/mail-log?limit=1").is(200).rows();
        let outcome = deliver(Worker::shared(), from, to, &raw);
        match (told, &outcome) {
            (Some(words), Delivered::Refused(why)) if why.contains(words) => {}
            (None, Delivered::Accepted) => {}
            _ => panic!("{reason}: {outcome:?}"),
        }
        let log = Admin::any()
            .get(&format!("/admin/mail-log?reason={reason}&limit=100"))
            .is(200)
            .rows();
        let last = before.first().map_or(0, |entry| entry["id"].as_i64().unwrap());
        let envelope = from.trim_matches(['<', '>']);
        let entry = log
            .iter()
            .find(|entry| entry["id"].as_i64().unwrap() > last && entry["sender"] == envelope)
            .unwrap_or_else(|| panic!("{reason}: {log:?}"));
        let want = if told.is_some() { "refused" } else { "ignored" };
        assert_eq!(
            (&entry["outcome"], &entry["recipient"]),
            (&json!(want), &json!(to)),
            "{reason}"
        );
        assert!(entry["size"].as_u64().unwrap() > 0 && !entry["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(messages(&ticket).len(), 0);
}

#[test]
fn the_log_is_a_list_for_admins() {
    for n in 0..3 {
        accepted(
            "<>",
            SUPPORT,
            &plain("nobody@example.org", &format!("Logged {n}"), "", "x"),
        );
    }
    let first = Admin::any().get("/admin/mail-log?limit=2").is(200).json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let cursor = first["meta"]["next_cursor"].as_str().unwrap();
    let second = Admin::any()
        .get(&format!("/admin/mail-log?limit=2&cursor={cursor}"))
        .is(200)
        .rows();
    let ids = |rows: &[Value]| -> Vec<i64> { rows.iter().map(|row| row["id"].as_i64().unwrap()).collect() };
    assert!(ids(first["data"].as_array().unwrap())[1] > ids(&second)[0]);
    let refused = Admin::any()
        .get("/admin/mail-log?outcome=refused&limit=100")
        .is(200)
        .rows();
    assert!(refused.iter().all(|entry| entry["outcome"] == "refused"));
    Admin::any()
        .get("/admin/mail-log?reason=weather")
        .refused(400, "VALIDATION_ERROR");
    Admin::any()
        .get(&format!("/admin/mail-log?outcome=ignored&cursor={cursor}"))
        .refused(400, "VALIDATION_ERROR");
    let counted = Admin::any()
        .get("/admin/mail-log?count=true&limit=1")
        .is(200)
        .json();
    assert!(counted["meta"]["total"].as_u64().unwrap() >= 3);
    for other in [&**Manager::any(), &**Agent::any(), &**Customer::any()] {
        other.get("/admin/mail-log").refused(403, "FORBIDDEN");
    }
    let entry = Admin::any()
        .get("/admin/mail-log?reason=bounce&limit=1")
        .is(200)
        .rows()
        .remove(0);
    assert!(entry["from"].as_str().is_some() && entry["subject"].as_str().is_some());
}
