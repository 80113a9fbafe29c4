//! What makes two mails the same: a mail server that heard no answer sends again.

use crate::desk::mail::inbound::header::{HeaderFields, split_header};
use crate::desk::mail::inbound::letter::IncomingMail;

/// What its sender has sent, byte by byte: not what servers have written above it on the way. `address` is the sender.
pub fn content(address: &str, letter: &IncomingMail, raw: &[u8]) -> Vec<u8> {
    let body = raw.get(split_header(raw).len()..).unwrap_or_default();
    let fields = [
        address,
        letter.message_id.as_deref().unwrap_or_default(),
        letter.date.as_deref().unwrap_or_default(),
        &letter.subject,
    ];
    let mut content = fields.join("\n").into_bytes();
    content.push(b'\n');
    if letter.message_id.is_none() && letter.date.is_none() {
        // A device that says the same each time: the first server that took it knows when it did.
        let header = HeaderFields::parse(raw);
        content.extend_from_slice(header.all("received").last().unwrap_or_default());
    }
    content.extend_from_slice(body);
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::mail::inbound::mime::parse;
    use crate::desk::mail::inbound::text::charset::testing::decoder;

    #[test]
    fn only_what_the_sender_wrote_counts() {
        let of = |address: &str, raw: &str| {
            let raw = raw.replace('\n', "\r\n").into_bytes();
            content(address, &parse(&raw, &decoder).unwrap(), &raw)
        };
        const MAIL: &str = "From: a@b.example\nMessage-ID: <1@b>\nDate: Mon\nSubject: x\n\nHello\n";
        let first = of("a@b.example", MAIL);
        assert_eq!(
            of(
                "a@b.example",
                &format!("Received: from x\nAuthentication-Results: y\n{MAIL}")
            ),
            first
        );
        // The same without a Message-ID, which some programs leave out.
        let nameless = MAIL.replace("Message-ID: <1@b>\n", "");
        let known = of("a@b.example", &nameless);
        assert_eq!(of("a@b.example", &format!("Received: from x\n{nameless}")), known);
        for other in [nameless.replace("Mon", "Tue"), nameless.replace("Hello", "Hallo")] {
            assert_ne!(of("a@b.example", &other), known);
        }
        // Neither Message-ID nor date, as devices send every day.
        let bare = nameless.replace("Date: Mon\n", "");
        let monday = of("a@b.example", &format!("Received: from x; Monday\n{bare}"));
        let again = format!("Received: later\nReceived: from x; Monday\n{bare}");
        assert_eq!(of("a@b.example", &again), monday);
        assert_ne!(of("a@b.example", &again.replace("Monday", "Tuesday")), monday);
        for (address, mail) in [
            ("c@b.example", MAIL.to_owned()),
            ("a@b.example", MAIL.replace("<1@b>", "<2@b>")),
            ("a@b.example", MAIL.replace("Mon", "Tue")),
            ("a@b.example", MAIL.replace("Subject: x", "Subject: y")),
            ("a@b.example", MAIL.replace("Hello", "Hello again")),
        ] {
            assert_ne!(of(address, &mail), first, "{address} {mail}");
        }
    }
}
