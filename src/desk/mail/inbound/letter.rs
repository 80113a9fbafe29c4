//! An incoming mail: whether to process it, which ticket it belongs to, and the text it becomes.

use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::quote::{self, ReplyText};
use crate::desk::mail::inbound::redact::OwnLinks;
use crate::desk::mail::outgoing::REPLY_MARKER;
use crate::desk::mail::reply_address::{MailThread, ReplyAddress};
use crate::desk::tickets::filename::MAX_FILE_BYTES;

/// The largest mail, in bytes. Cloudflare's Email Routing has the same limit.
pub const MAX_MAIL_BYTES: usize = MAX_FILE_BYTES as usize;

/// Characters of a ticket's title.
const MAX_TITLE_CHARS: usize = 200;

/// Characters of a message or description.
const MAX_TEXT_CHARS: usize = 10_000;

/// The title for a mail without a subject.
const DEFAULT_TITLE: &str = "(no subject)";

/// The text for a mail without one.
const EMPTY_TEXT: &str = "(no text)";

/// A parsed mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomingMail {
    pub message_id: Option<String>,
    /// The address in `From`, if there is exactly one.
    pub from: Option<String>,
    /// The display name beside it.
    pub name: Option<String>,
    pub subject: String,
    /// The Message-IDs that it replies to, the nearest first.
    pub in_reply_to: Vec<String>,
    /// Line ends are LF; tabs are the only other control characters.
    pub text: String,
    pub files: Vec<MailAttachment>,
    /// Why the mail counts as automatic; `None` if a person wrote it.
    pub auto_reply_reason: Option<&'static str>,
    /// Whether `From` is authentic.
    pub sender_auth: SenderAuth,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAttachment {
    pub name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl IncomingMail {
    /// Why the mail is ignored: no person wrote it, or a reply to it could start a mail loop. `None` if it is
    /// processed.
    pub fn ignore_reason(&self, sender: &str, reply_address: Option<&ReplyAddress>) -> Option<&'static str> {
        if let Some(why) = self.auto_reply_reason {
            return Some(why);
        }
        if sender.trim_matches(['<', '>', ' ']).is_empty() {
            return Some("it has no sender, as bounces have none");
        }
        let addresses = [Some(sender), self.from.as_deref()];
        for address in addresses.into_iter().flatten() {
            let local = address.split('@').next().unwrap_or_default().to_lowercase();
            if matches!(local.as_str(), "mailer-daemon" | "postmaster") {
                return Some("it is from a mail server");
            }
            if reply_address.is_some_and(|reply_address| reply_address.is_own(address)) {
                return Some("it is our own");
            }
        }
        self.from
            .is_none()
            .then_some("it says from nobody, or from several")
    }

    /// The ticket and user that the mail belongs to: by the address it was sent to, or else by the mails it replies to.
    /// If one of those was about an internal note, so is this one.
    pub fn find_thread(&self, recipient: &str, reply_address: &ReplyAddress) -> Option<MailThread> {
        let mut answered = self
            .in_reply_to
            .iter()
            .filter_map(|id| reply_address.parse_message_id(id));
        let first = reply_address
            .parse_address(recipient)
            .or_else(|| answered.next())?;
        Some(MailThread {
            is_internal: first.is_internal || answered.any(|thread| thread.is_internal),
            ..first
        })
    }

    /// The title of a ticket that the mail opens.
    pub fn title(&self) -> String {
        let subject = strip_prefixes(&self.subject);
        match subject.chars().count() {
            0 => DEFAULT_TITLE.to_owned(),
            1 | 2 => format!("Mail: {subject}"),
            _ => truncate(subject, MAX_TITLE_CHARS).to_owned(),
        }
    }

    /// The text of the message that the mail becomes. Quoted text is removed from replies; a new or forwarded mail is
    /// kept in full. The text of our own mails, our links and tokens are always removed.
    pub fn reply_text(&self, own_links: &OwnLinks) -> ReplyText {
        let is_answer =
            !self.in_reply_to.is_empty() || self.title() != truncate(self.subject.trim(), MAX_TITLE_CHARS);
        let is_forwarded = FORWARD_PREFIXES
            .iter()
            .any(|prefix| has_prefix(&self.subject, prefix));
        let reply = if (is_answer && !is_forwarded) || self.text.contains(REPLY_MARKER) {
            quote::strip_quotes(&self.text)
        } else {
            ReplyText {
                text: self.text.trim().to_owned(),
                is_cut: false,
            }
        };
        ReplyText {
            text: own_links.redact(&reply.text).trim().to_owned(),
            ..reply
        }
    }
}

/// Subject prefixes for replies and forwarded mails, in several languages.
const REPLY_PREFIXES: [&str; 8] = ["re:", "aw:", "antw:", "sv:", "res:", "rif:", "re :", "odp:"];

const FORWARD_PREFIXES: [&str; 6] = ["fwd:", "fw:", "wg:", "tr:", "rv:", "i:"];

fn has_prefix(text: &str, prefix: &str) -> bool {
    let text = text.trim_start();
    text.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

fn strip_prefixes(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some(prefix) = REPLY_PREFIXES
        .iter()
        .chain(&FORWARD_PREFIXES)
        .find(|prefix| has_prefix(rest, prefix))
    {
        rest = rest.get(prefix.len()..).unwrap_or_default().trim();
    }
    rest
}

/// At most `most` characters.
fn truncate(text: &str, most: usize) -> &str {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or(text).trim_end(),
        None => text,
    }
}

/// The body of a message or description: `head`, the text, and at the end a list of the files that were refused. Cut to
/// the limit of a message.
pub fn compose_body(head: Option<&str>, text: &str, refused: &[String]) -> String {
    let text = if text.is_empty() { EMPTY_TEXT } else { text };
    let mut tail = String::new();
    if !refused.is_empty() {
        let list = truncate(&refused.join(", "), 1_000).to_owned();
        tail = format!("\n\n[Files that were not taken: {list}]");
    }
    let head = head.map_or(String::new(), |head| format!("{head}\n\n"));
    let count = |text: &str| text.chars().count();
    let room = MAX_TEXT_CHARS
        .saturating_sub(count(&head))
        .saturating_sub(count(&tail));
    if count(text) <= room {
        return format!("{head}{text}{tail}");
    }
    // 60 characters for the sentence about the cut.
    let beginning = truncate(text, room.saturating_sub(60));
    let left = count(text).saturating_sub(count(beginning));
    format!("{head}{beginning}\n\n[The mail was longer: {left} more characters]{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str) -> IncomingMail {
        IncomingMail {
            from: Some("jane@example.org".to_owned()),
            subject: subject.to_owned(),
            ..IncomingMail::default()
        }
    }

    #[test]
    fn subjects_become_titles() {
        let long = "ü".repeat(300);
        for (subject, want) in [
            ("The printer", "The printer"),
            ("Re: AW: re: The printer", "The printer"),
            ("Fwd: The printer", "The printer"),
            ("Regarding: this", "Regarding: this"),
            ("", "(no subject)"),
            ("Re: ", "(no subject)"),
            ("Hi", "Mail: Hi"),
            (&long, &long[..400]),
        ] {
            assert_eq!(mail(subject).title(), want);
        }
    }

    #[test]
    fn only_replies_lose_quoted_text() {
        let text = "Yes.\n\nOn 20 Nov 2026, at 19:40, Desk <d@d.example> wrote:\n> Hello";
        for (subject, in_reply_to, want) in [
            ("Re: x y z", 0, "Yes."),
            ("x y z", 1, "Yes."),
            ("x y z", 0, text),
            ("Fwd: x y z", 1, text),
        ] {
            let mail = IncomingMail {
                text: text.to_owned(),
                in_reply_to: vec!["id".to_owned(); in_reply_to],
                ..mail(subject)
            };
            let text = mail.reply_text(&OwnLinks::default()).text;
            assert_eq!(text, want, "{subject} {in_reply_to}");
        }
        // Text of our own mails is always removed.
        let own_mail = format!("See below.\n\n{REPLY_MARKER}\n\nBob left a note:\n\n  CANARY\n");
        for subject in ["x y z", "Fwd: x y z", "Re: x y z"] {
            let mail = IncomingMail {
                text: own_mail.clone(),
                ..mail(subject)
            };
            assert_eq!(
                mail.reply_text(&OwnLinks::default()).text,
                "See below.",
                "{subject}"
            );
        }
    }

    #[test]
    fn automatic_mails_are_ignored() {
        let reply_address = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
        let from = |address: &str| IncomingMail {
            from: Some(address.to_owned()),
            ..mail("x")
        };
        let jane = "jane@example.org";
        for (mail, sender, want) in [
            (from(jane), jane, true),
            (from("jane@work.example"), jane, true),
            (from(jane), "", false),
            (from(jane), "<>", false),
            (from("MAILER-DAEMON@mx.example.org"), jane, false),
            (from(jane), "postmaster@example.org", false),
            (from("support@desk.example"), jane, false),
            (from("support+1.2.x@desk.example"), jane, false),
            (from(jane), "support@desk.example", false),
            (
                IncomingMail {
                    from: None,
                    ..mail("x")
                },
                jane,
                false,
            ),
            (
                IncomingMail {
                    auto_reply_reason: Some("why"),
                    ..mail("x")
                },
                jane,
                false,
            ),
        ] {
            assert_eq!(
                mail.ignore_reason(sender, Some(&reply_address)).is_none(),
                want,
                "{mail:?} {sender}"
            );
        }
    }

    #[test]
    fn threads_are_found_by_address_first() {
        let reply_address = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
        let thread = |ticket_id| MailThread {
            ticket_id,
            user_id: 2,
            is_internal: false,
        };
        let mut mail = mail("x");
        assert_eq!(mail.find_thread("support@desk.example", &reply_address), None);
        mail.in_reply_to = vec![
            "other@example.org".to_owned(),
            reply_address.message_id_for(thread(7), 1),
        ];
        assert_eq!(
            mail.find_thread("support@desk.example", &reply_address),
            Some(thread(7))
        );
        assert_eq!(
            mail.find_thread(&reply_address.address_for(thread(8)), &reply_address),
            Some(thread(8))
        );
        // An internal note anywhere in the thread makes the reply one.
        let note = |ticket_id| MailThread {
            is_internal: true,
            ..thread(ticket_id)
        };
        assert_eq!(
            mail.find_thread(&reply_address.address_for(note(8)), &reply_address),
            Some(note(8))
        );
        mail.in_reply_to.push(reply_address.message_id_for(note(7), 2));
        assert_eq!(
            mail.find_thread("support@desk.example", &reply_address),
            Some(note(7))
        );
        assert_eq!(
            mail.find_thread(&reply_address.address_for(thread(8)), &reply_address),
            Some(note(8))
        );
    }

    #[test]
    fn texts_fit_into_messages() {
        assert_eq!(compose_body(None, "Hello", &[]), "Hello");
        assert_eq!(
            compose_body(Some("(Follows TICK-1.)"), "Hello", &[]),
            "(Follows TICK-1.)\n\nHello"
        );
        assert_eq!(compose_body(None, "", &[]), "(no text)");
        assert_eq!(
            compose_body(None, "See", &["a.exe (no)".to_owned(), "b.html (no)".to_owned()]),
            "See\n\n[Files that were not taken: a.exe (no), b.html (no)]"
        );
        let long = compose_body(Some("head"), &"ü".repeat(30_000), &vec!["x".repeat(255); 20]);
        assert!(long.chars().count() <= MAX_TEXT_CHARS && long.contains("more characters]\n\n[Files"));
        assert_eq!(
            compose_body(None, &"x".repeat(MAX_TEXT_CHARS), &[]).len(),
            MAX_TEXT_CHARS
        );
    }
}
