//! Whole mails, as programs send them, in many languages: what must become of each stands beside it.

use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::automatic::ignore_reason;
use crate::desk::mail::inbound::letter::{IncomingMail, compose_body};
use crate::desk::mail::inbound::mime;
use crate::desk::mail::inbound::outcome::Reason;
use crate::desk::mail::inbound::quote::{OwnMail, strip_own_mail};
use crate::desk::mail::inbound::text::charset::testing::decoder;
use crate::desk::mail::reply_address::{MailThread, ReplyAddress};
use crate::desk::tickets::filename::sanitize;

#[path = "../../../../tests/data/mails.rs"]
mod samples;
use samples::{Sample, lines};

const THREAD: MailThread = MailThread {
    ticket_id: 12,
    user_id: 34,
    is_internal: false,
};

/// What a mail becomes, and its text.
fn outcome(mail: &IncomingMail, to: &str, own: &ReplyAddress) -> (String, String) {
    let none = |reason: Reason| {
        let verb = if reason.can_be_mended() {
            "refused"
        } else {
            "ignored"
        };
        (format!("{verb} {}", reason.as_str()), String::new())
    };
    let from = mail.authors.first().map(|author| author.address.as_str());
    if let Some(reason) = ignore_reason(mail.automatic, from.unwrap_or("a@b.example"), from, Some(own)) {
        return none(reason);
    }
    match mail.authors.len() {
        1 => {}
        0 => return none(Reason::NoSender),
        _ => return none(Reason::SeveralSenders),
    }
    if mail.sender_auth == SenderAuth::Fail {
        return none(Reason::Forged);
    }
    if mail.find_thread(to, own).is_none() {
        return ("ticket".to_owned(), compose_body(None, &mail.text, &[]));
    }
    let addresses = [own.base_address(), "desk@desk.example".to_owned()];
    let reply = strip_own_mail(
        &mail.text,
        OwnMail {
            addresses: &addresses,
            name: Some("edgedesk"),
            known: None,
            ..OwnMail::default()
        },
    );
    if reply.text.is_empty() && mail.files.is_empty() {
        return none(Reason::Empty);
    }
    ("message".to_owned(), reply.text)
}

fn check(sample: &Sample, own: &ReplyAddress) -> Result<(), String> {
    let to = own.address_for(THREAD);
    let id = own.message_id_for(THREAD, 7);
    let raw = sample.bytes(&to, id.trim_matches(['<', '>']));
    let mail = mime::parse(&raw, &decoder).ok_or("it cannot be read")?;
    let hears = if sample.kind == "message" || sample.kind.ends_with("empty") {
        to.clone()
    } else {
        own.base_address()
    };
    let (kind, text) = outcome(&mail, &hears, own);
    if kind != sample.kind {
        return Err(format!("it became {kind}: {text}"));
    }
    let differs = |what: &str, got: String, want: String| match got == want {
        true => Ok(()),
        false => Err(format!("the {what} is\n{got}\nand not\n{want}")),
    };
    if let Some(want) = &sample.text {
        differs("text", lines(&text).join("\n"), want.join("\n"))?;
    }
    if let Some(title) = &sample.title {
        differs("title", mail.title(), title.clone())?;
    }
    if let Some(sender) = &sample.sender {
        let name = mail.authors.first().and_then(|author| author.name.clone());
        differs("name", name.unwrap_or_default(), sender.clone())?;
    }
    let files: Vec<String> = mail.files.iter().map(|file| sanitize(&file.name)).collect();
    if kind == "ticket" {
        differs("files", files.join("\n"), sample.files.join("\n"))?;
    }
    if kind == "ticket" || kind == "message" {
        let shown = format!("{text}{}", mail.title());
        for bad in ['\u{fffd}', '\0'] {
            differs(
                "text without broken letters",
                shown.contains(bad).to_string(),
                "false".to_owned(),
            )?;
        }
        if mail.original.parts.is_empty() && !mail.text.trim().is_empty() {
            return Err("no original is kept".to_owned());
        }
    }
    Ok(())
}

#[test]
fn every_mail_of_the_corpus_becomes_what_it_must() {
    let own = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
    let all = samples::samples();
    assert!(all.len() >= 120, "{} mails", all.len());
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|sample| {
            check(sample, &own)
                .err()
                .map(|why| format!("{}: {why}", sample.name))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        all.len(),
        wrong.join("\n\n")
    );
}
