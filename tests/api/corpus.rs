//! A sample of the corpus of mails (`tests/data/mails/`) through the real Worker; `cargo test --lib corpus` reads all of
//! it.

use std::collections::HashMap;

use crate::support::make::unique;
use crate::support::post::{Delivered, deliver, desk, plain};
use crate::support::{Admin, Value, Worker, json};

#[path = "../data/mails.rs"]
mod samples;
use samples::{Sample, lines, samples};

const SUPPORT: &str = "support@desk.example";
/// Every fifth mail of each file.
const STEP: usize = 5;

/// The address in `From`.
fn sender(raw: &[u8]) -> String {
    let raw = String::from_utf8_lossy(raw);
    let from = raw.lines().find(|line| line.starts_with("From: "));
    let address = from.and_then(|line| line.split_whitespace().last());
    address.unwrap().trim_matches(['<', '>', '"']).to_owned()
}

fn tickets_of(address: &str) -> Vec<Value> {
    Admin::any()
        .get(&format!("/tickets?customer_email={address}&sort=created_at"))
        .is(200)
        .rows()
}

fn text_of(row: &Value, field: &str) -> Vec<String> {
    lines(row[field].as_str().unwrap())
}

/// Delivers a mail, and checks what it has become.
fn check(sample: &Sample) {
    let worker = Worker::shared();
    let name = &sample.name;
    let own = desk(worker);
    if sample.kind == "ticket" {
        let raw = sample.bytes(SUPPORT, "none@x");
        let from = sender(&raw);
        assert_eq!(
            deliver(worker, &from, SUPPORT, &raw),
            Delivered::Accepted,
            "{name}"
        );
        let tickets = tickets_of(&from);
        assert_eq!(tickets.len(), 1, "{name}");
        let ticket = &tickets[0];
        if let Some(text) = &sample.text {
            assert_eq!(&text_of(ticket, "description"), text, "{name}");
        }
        if let Some(title) = &sample.title {
            assert_eq!(ticket["title"], json!(title), "{name}");
        }
        if let Some(sender) = &sample.sender {
            assert_eq!(ticket["requester"]["full_name"], json!(sender), "{name}");
        }
        let path = format!("/tickets/{}/attachments", ticket["id"]);
        let files = Admin::any().get(&path).is(200).rows();
        let files: Vec<&str> = files
            .iter()
            .filter_map(|file| file["filename"].as_str())
            .collect();
        assert_eq!(files, sample.files, "{name}");
        return;
    }
    if sample.kind == "message" {
        let from = sender(&sample.bytes(SUPPORT, "none@x"));
        let first = plain(&from, "The request", "", &unique());
        assert_eq!(deliver(worker, &from, SUPPORT, &first), Delivered::Accepted);
        let ticket = tickets_of(&from).remove(0);
        let thread = edgedesk::desk::mail::reply_address::MailThread {
            ticket_id: ticket["id"].as_i64().unwrap(),
            user_id: ticket["requester"]["id"].as_i64().unwrap(),
            is_internal: false,
        };
        let (to, id) = (own.address_for(thread), own.message_id_for(thread, 7));
        let raw = sample.bytes(&to, id.trim_matches(['<', '>']));
        assert_eq!(deliver(worker, &from, &to, &raw), Delivered::Accepted, "{name}");
        let path = format!("/tickets/{}/comments", ticket["id"]);
        let messages = Admin::any().get(&path).is(200).rows();
        assert_eq!(messages.len(), 1, "{name}");
        assert_eq!(
            &text_of(&messages[0], "body"),
            sample.text.as_ref().unwrap(),
            "{name}"
        );
        let path = format!("/messages/{}/original", messages[0]["id"]);
        Admin::any().get(&path).is(200);
        return;
    }
    let raw = sample.bytes(SUPPORT, "none@x");
    let from = format!("{}@envelope.example", unique());
    let told = deliver(worker, &from, SUPPORT, &raw);
    let (outcome, reason) = sample.kind.split_once(' ').expect("a reason");
    match outcome {
        "refused" => assert!(matches!(told, Delivered::Refused(_)), "{name}: {told:?}"),
        _ => assert_eq!(told, Delivered::Accepted, "{name}"),
    }
    let path = format!("/admin/mail-log?reason={reason}&limit=100");
    let log = Admin::any().get(&path).is(200).rows();
    assert!(log.iter().any(|entry| entry["sender"] == json!(from)), "{name}");
}

#[test]
fn mails_of_all_programs_become_what_they_must() {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut checked = 0;
    for sample in samples() {
        let file = sample.name.split(':').next().unwrap().to_owned();
        let nth = seen.entry(file).or_default();
        // An answer without words of its own needs a mail of ours, which the unit test has.
        if nth.is_multiple_of(STEP) && sample.kind != "ignored empty" {
            check(&sample);
            checked += 1;
        }
        *nth += 1;
    }
    assert!(checked >= 30, "{checked} mails");
}
