//! Mail that comes in: whole mails, as programs make them, handed to the server as Email Routing does.

use hmac::{Hmac, Mac};

use edgedesk::desk::mail::reply_address::{MailThread, ReplyAddress};

use super::client::escape;
use super::{Caller, Value, Worker, make, wire};

/// What came of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It was accepted, whatever became of it.
    Accepted,
    /// It was refused for good, with these words.
    Refused(String),
    /// The sending server is to try again.
    Later,
}

/// Hands a mail to a server.
#[track_caller]
pub fn deliver(worker: &Worker, from: &str, to: &str, raw: &[u8]) -> Delivered {
    let url = worker
        .mail
        .as_deref()
        .expect("only a server of this run takes mail");
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let target = format!("/{path}?from={}&to={}", escape(from), escape(to));
    let request = wire::Request {
        method: "POST",
        target: &target,
        headers: &[],
        body: Some(raw),
    };
    let answer = wire::exchange(host, &request).expect("an answer");
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    match (answer.status, said.split_once("with the following reason: ")) {
        (200, _) => Delivered::Accepted,
        (400, Some((_, reason))) => Delivered::Refused(reason.to_owned()),
        (400, None) => panic!("the server did not get the mail: {said}"),
        _ => Delivered::Later,
    }
}

/// The desk's addresses on a server.
pub fn desk(worker: &Worker) -> ReplyAddress {
    let key = Hmac::<sha2::Sha256>::new_from_slice(worker.var("PASSWORD_PEPPER").as_bytes())
        .expect("a key")
        .chain_update(b"edgedesk reply addresses")
        .finalize()
        .into_bytes();
    let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
    ReplyAddress::new(worker.var("MAIL_REPLY_TO"), key).expect("an address")
}

/// Where somebody answers on a ticket.
pub fn thread(ticket: &Value, who: &Caller) -> MailThread {
    MailThread {
        ticket_id: ticket["id"].as_i64().expect("an id"),
        user_id: who.id,
        is_internal: false,
    }
}

/// What Cloudflare writes above a mail that it has found to be from there, with its line end.
pub fn proof(from: &str) -> String {
    let domain = from.trim_end_matches('>').rsplit('@').next().expect("a domain");
    format!("Authentication-Results: mx.cloudflare.net; dmarc=pass header.from={domain}\n")
}

/// A mail of plain text with further headers, each with its line end, which is proven to be from there.
pub fn plain(from: &str, subject: &str, headers: &str, text: &str) -> Vec<u8> {
    let mut raw = proof(from).replace('\n', "\r\n").into_bytes();
    raw.extend(unproven(from, subject, headers, text));
    raw
}

/// The same, which anybody may have sent.
pub fn unproven(from: &str, subject: &str, headers: &str, text: &str) -> Vec<u8> {
    let id = make::unique();
    format!(
        "From: {from}\nTo: support@desk.example\nSubject: {subject}\nMessage-ID: <{id}@example.org>\n{headers}\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n"
    )
    .replace('\n', "\r\n")
    .into_bytes()
}
