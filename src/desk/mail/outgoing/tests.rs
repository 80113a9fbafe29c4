//! What our mails say, and what they never say.

use super::*;
use serde_json::json;

fn ticket() -> MailTicket {
    MailTicket {
        id: 5,
        number: "TICK-20260101-0001".to_owned(),
        title: "It <b>burns</b>".to_owned(),
        status: "open".to_owned(),
        ..MailTicket::default()
    }
}

fn facts(kind: &str) -> MailContent {
    MailContent {
        kind: kind.to_owned(),
        name: "Ann".to_owned(),
        ticket: Some(ticket()),
        entry: Some(MailEntry {
            kind: kind.to_owned(),
            actor: Some("Bob".to_owned()),
            ..MailEntry::default()
        }),
        ..MailContent::default()
    }
}

#[test]
fn every_kind_says_what_happened() {
    for (kind, want) in [
        (
            "assigned",
            "Bob gave you \u{201c}It <b>burns</b>\u{201d} (TICK-20260101-0001).",
        ),
        ("transferred", "Bob handed over to you \u{201c}It"),
        ("reply", "Bob answered on \u{201c}It"),
        ("mention", "Bob mentioned you on \u{201c}It"),
        ("sla_at_risk", "the solution is due soon for \u{201c}It"),
        ("sla_breached", "the solution is overdue for \u{201c}It"),
        ("acknowledgement", "your request \u{201c}It"),
    ] {
        let mail = render(&facts(kind), &MailLinks::default());
        assert!(mail.text.contains(want), "{kind}: {}", mail.text);
        assert_eq!(mail.subject, "[TICK-20260101-0001] It <b>burns</b>");
    }
    let mut copy = facts("reply");
    copy.kind = "copy".to_owned();
    let mail = render(&copy, &MailLinks::default());
    assert!(mail.text.starts_with("Hello,\n") && mail.text.contains("Bob answered on \u{201c}It"));
    let mut status = facts("status");
    status.entry.as_mut().unwrap().changes =
        json!([{"field": "status", "from": "open", "to": "in_progress"}]);
    let mail = render(&status, &MailLinks::default());
    assert!(
        mail.text.contains("Bob set to in progress: \u{201c}It"),
        "{}",
        mail.text
    );
}

#[test]
fn nothing_that_people_write_is_markup_or_a_header() {
    let mut facts = facts("reply");
    facts.name = "Ann\r\nBcc: all@example.org".to_owned();
    let entry = facts.entry.as_mut().unwrap();
    entry.body = Some("<script>alert(\"1\")</script>\nsecond line".to_owned());
    facts.ticket.as_mut().unwrap().title = "Hi\r\nBcc: x".to_owned();
    let links = MailLinks {
        action: Some("https://app.example/tickets/5?a=\"b\"".to_owned()),
        ..MailLinks::default()
    };
    let mail = render(&facts, &links);
    assert_eq!(mail.subject, "[TICK-20260101-0001] Hi Bcc: x");
    assert!(!mail.html.contains("<script>") && mail.html.contains("&lt;script&gt;"));
    assert!(mail.html.contains("a=&quot;b&quot;") && mail.html.contains("<br>second line"));
    assert!(
        mail.text
            .contains("  <script>alert(\"1\")</script>\n  second line\n")
    );
    assert!(mail.text.starts_with("Hello Ann Bcc: all@example.org,\n"));
}

#[test]
fn unconfirmed_addresses_are_not_greeted_by_name() {
    let asked = render(&facts("verify_email"), &MailLinks::default());
    assert!(asked.text.starts_with("Hello,\n") && !asked.text.contains("Ann"));
}

#[test]
fn links_and_the_marker_are_where_they_belong() {
    let links = MailLinks {
        action: Some("https://app.example/reset#token=x".to_owned()),
        rating: Some("https://api.example/rate#token=z".to_owned()),
        unsubscribe: Some("https://api.example/u?token=y".to_owned()),
        is_answerable: true,
    };
    let status = render(&facts("status"), &links);
    assert!(status.text.contains("https://api.example/rate#token=z"));
    for kind in ["reply", "digest", "password_reset", "verify_email"] {
        let mail = render(&facts(kind), &links);
        assert!(
            mail.text.starts_with(REPLY_MARKER) && mail.html.contains(REPLY_MARKER),
            "{kind}"
        );
        assert!(mail.text.contains("https://app.example/reset#token=x"), "{kind}");
        assert!(
            mail.text.trim_end().ends_with("https://api.example/u?token=y"),
            "{kind}"
        );
    }
    let bare = render(&facts("reply"), &MailLinks::default());
    assert!(!bare.text.contains(REPLY_MARKER) && !bare.text.contains("http"));
}

#[test]
fn a_digest_lists_all_entries_in_order() {
    let entry = |body: &str| MailEntry {
        kind: "reply".to_owned(),
        actor: Some("Bob".to_owned()),
        body: Some(body.to_owned()),
        ..MailEntry::default()
    };
    let digest = MailContent {
        entries: vec![entry("one"), entry("two")],
        entry: None,
        ..facts("digest")
    };
    let text = render(&digest, &MailLinks::default()).text;
    assert!(!text.contains("more"));
    let full = MailContent {
        more: 4,
        ..digest.clone()
    };
    assert!(render(&full, &MailLinks::default()).text.contains("And 4 more"));
    let (one, two) = (text.find("  one").unwrap(), text.find("  two").unwrap());
    assert!(one < two && text.contains("Bob answered:"));
}
