//! Fresh data: names that nobody else in the run has, secrets, and the usual bodies.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Admin, Caller, Manager, Value, json, link};

/// The origin that the servers of a run allow.
pub const ORIGIN: &str = "https://desk.example";

/// Stands in every internal note that a story writes. No byte that a customer receives may hold it.
pub const CANARY: &str = "zqcanaryqz";

/// A word that occurs nowhere else, letters and digits only.
pub fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("randomness");
    format!(
        "{:08x}x{}",
        u32::from_le_bytes(random),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// 48 random bytes in hex: long enough for every secret.
pub fn secret() -> String {
    let mut random = [0; 48];
    getrandom::fill(&mut random).expect("randomness");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An address that nobody has.
pub fn email() -> String {
    format!("{}@example.org", unique())
}

/// A network address of its own, so that limits by address do not join the callers of one run.
pub fn ip() -> String {
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("randomness");
    let [a, b, c, d] = random;
    format!("10.{}.{}.{}", a ^ d, b, c.max(1))
}

/// The password of everybody that a story creates.
pub const PASSWORD: &str = "a long enough passphrase";

/// A ticket opened by the caller, with a title of its own.
pub fn ticket(by: &Caller) -> Value {
    ticket_with(by, json!({}))
}

/// A ticket with further fields.
pub fn ticket_with(by: &Caller, more: Value) -> Value {
    let mut body = json!({"title": format!("Ticket {}", unique()), "description": "The printer is on fire."});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    by.post("/tickets", body).is(201).json()
}

/// An article with a title of its own.
pub fn article(by: &Caller, more: Value) -> Value {
    let mut body = json!({"title": format!("How to {}", unique()), "body": "Turn it off and on again."});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    by.post("/articles", body).is(201).json()
}

/// A public message.
pub fn message(by: &Caller, ticket: &Value, text: &str) -> Value {
    by.post(
        &format!("/tickets/{}/comments", ticket["id"]),
        json!({"body": text}),
    )
    .is(201)
    .json()
}

/// An internal note; the canary stands before the text.
pub fn note(by: &Caller, ticket: &Value, text: &str) -> Value {
    by.post(
        &format!("/tickets/{}/comments", ticket["id"]),
        json!({"body": format!("{CANARY} {text}"), "is_internal": true}),
    )
    .is(201)
    .json()
}

/// The permission to upload a file.
pub fn upload(by: &Caller, ticket: &Value, bytes: &[u8], more: Value) -> Value {
    let mut body = json!({"ticket_id": ticket["id"], "filename": "notes.txt", "content_type": "text/plain",
        "size": bytes.len()});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    by.post("/attachments/presigned-url", body).is(200).json()
}

/// A file on a ticket, uploaded and registered.
pub fn attachment_with(by: &Caller, ticket: &Value, bytes: &[u8], more: Value) -> Value {
    let link = upload(by, ticket, bytes, more);
    link::put(&link, bytes).is(200);
    by.post("/attachments", json!({"key": link["key"]}))
        .is(201)
        .json()
}

/// A small file on a ticket.
pub fn attachment(by: &Caller, ticket: &Value, bytes: &[u8]) -> Value {
    attachment_with(by, ticket, bytes, json!({}))
}

/// A key that no other project has.
pub fn project_key() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("randomness");
    let letters: String = random.iter().map(|byte| char::from(b'A' + byte % 26)).collect();
    format!("{letters}{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An active project with further fields.
pub fn project(more: Value) -> Value {
    let mut body = json!({"key": project_key(), "name": format!("Project {}", unique())});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    Manager::any().post("/projects", body).is(201).json()
}

/// A calendar that no policy is counted in.
pub fn calendar() -> Value {
    let body = json!({"name": format!("Calendar {}", unique()), "hours": {"mon": ["09:00-17:00"]}});
    Admin::any().post("/sla/calendars", body).is(201).json()
}
