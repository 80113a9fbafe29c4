//! A mail that came in, as far as the desk is concerned.

use crate::desk::mail::inbound::authentication::Proof;
use crate::desk::mail::inbound::quote::{self, Said};
use crate::desk::mail::inbound::redact::Ours;
use crate::desk::mail::outgoing::MARKER;
use crate::desk::mail::reply_address::{ReplyAddress, Thread};
use crate::desk::tickets::filename::MAX_BYTES;

/// The largest mail, bytes: that of Cloudflare's Email Routing.
pub const MOST_BYTES: usize = MAX_BYTES as usize;

/// Characters of a title.
const TITLE: usize = 200;

/// Characters of a text.
const TEXT: usize = 10_000;

/// What stands for a subject that is not there.
const UNTITLED: &str = "(no subject)";

/// What stands for a text that is not there.
const SILENT: &str = "(no text)";

/// A mail, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    pub message_id: Option<String>,
    /// The address of its `From`, if that says one, and only one.
    pub from: Option<String>,
    /// The name beside it.
    pub name: Option<String>,
    pub subject: String,
    /// The Message-IDs that it answers, the nearest first.
    pub answers: Vec<String>,
    /// Line ends are LF; no other control characters than tabs.
    pub text: String,
    pub files: Vec<Enclosed>,
    /// Why no person has written it, if none has.
    pub automatic: Option<&'static str>,
    /// Whether it comes from where it says.
    pub proof: Proof,
}

/// A file that came with a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosed {
    pub name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Letter {
    /// Why it is left alone: no person wrote it, or answering it would go round in circles.
    pub fn ignored(&self, sender: &str, desk: Option<&ReplyAddress>) -> Option<&'static str> {
        if let Some(why) = self.automatic {
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
            if desk.is_some_and(|desk| desk.is_own(address)) {
                return Some("it is our own");
            }
        }
        self.from
            .is_none()
            .then_some("it says from nobody, or from several")
    }

    /// The thread that it belongs to: by the address that it was sent to, or by the mails that it answers. Where one
    /// of these told of a note, it belongs to the notes.
    pub fn thread(&self, recipient: &str, desk: &ReplyAddress) -> Option<Thread> {
        let mut answered = self.answers.iter().filter_map(|id| desk.read_message_id(id));
        let first = desk.read_address(recipient).or_else(|| answered.next())?;
        Some(Thread {
            is_internal: first.is_internal || answered.any(|thread| thread.is_internal),
            ..first
        })
    }

    /// The title of a ticket that it opens.
    pub fn title(&self) -> String {
        let subject = without_prefixes(&self.subject);
        match subject.chars().count() {
            0 => UNTITLED.to_owned(),
            1 | 2 => format!("Mail: {subject}"),
            _ => cut(subject, TITLE).to_owned(),
        }
    }

    /// What it says. Of an answer, without what it answers; of another mail, all of it: it may be forwarded. Never what
    /// a mail of ours says, nor what lets somebody in.
    pub fn said(&self, ours: &Ours) -> Said {
        let is_answer = !self.answers.is_empty() || self.title() != cut(self.subject.trim(), TITLE);
        let is_forwarded = FORWARDED.iter().any(|prefix| starts(&self.subject, prefix));
        let said = if (is_answer && !is_forwarded) || self.text.contains(MARKER) {
            quote::answer(&self.text)
        } else {
            Said {
                text: self.text.trim().to_owned(),
                is_cut: false,
            }
        };
        Said {
            text: ours.scrubbed(&said.text).trim().to_owned(),
            ..said
        }
    }
}

/// What programs put before the subject of what is answered, and of what is forwarded.
const ANSWERED: [&str; 8] = ["re:", "aw:", "antw:", "sv:", "res:", "rif:", "re :", "odp:"];

const FORWARDED: [&str; 6] = ["fwd:", "fw:", "wg:", "tr:", "rv:", "i:"];

fn starts(text: &str, prefix: &str) -> bool {
    let text = text.trim_start();
    text.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

fn without_prefixes(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some(prefix) = ANSWERED
        .iter()
        .chain(&FORWARDED)
        .find(|prefix| starts(rest, prefix))
    {
        rest = rest.get(prefix.len()..).unwrap_or_default().trim();
    }
    rest
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> &str {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or(text).trim_end(),
        None => text,
    }
}

/// A text as a message or a description may hold it: what was said, what stands before it, and at its end what the
/// mail had that is not in it.
pub fn composed(head: Option<&str>, said: &str, refused: &[String]) -> String {
    let said = if said.is_empty() { SILENT } else { said };
    let mut tail = String::new();
    if !refused.is_empty() {
        let list = cut(&refused.join(", "), 1_000).to_owned();
        tail = format!("\n\n[Files that were not taken: {list}]");
    }
    let head = head.map_or(String::new(), |head| format!("{head}\n\n"));
    let count = |text: &str| text.chars().count();
    let room = TEXT.saturating_sub(count(&head)).saturating_sub(count(&tail));
    if count(said) <= room {
        return format!("{head}{said}{tail}");
    }
    // Room for the words themselves.
    let kept = cut(said, room.saturating_sub(60));
    let left = count(said).saturating_sub(count(kept));
    format!("{head}{kept}\n\n[The mail was longer: {left} more characters]{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(subject: &str) -> Letter {
        Letter {
            from: Some("jane@example.org".to_owned()),
            subject: subject.to_owned(),
            ..Letter::default()
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
            assert_eq!(letter(subject).title(), want);
        }
    }

    #[test]
    fn only_answers_lose_what_they_quote() {
        let text = "Yes.\n\nOn 20 Nov 2026, at 19:40, Desk <d@d.example> wrote:\n> Hello";
        for (subject, answers, want) in [
            ("Re: x y z", 0, "Yes."),
            ("x y z", 1, "Yes."),
            ("x y z", 0, text),
            ("Fwd: x y z", 1, text),
        ] {
            let letter = Letter {
                text: text.to_owned(),
                answers: vec!["id".to_owned(); answers],
                ..letter(subject)
            };
            let said = letter.said(&Ours::default()).text;
            assert_eq!(said, want, "{subject} {answers}");
        }
        // What we have mailed is kept of no mail.
        let ours = format!("See below.\n\n{MARKER}\n\nBob left a note:\n\n  CANARY\n");
        for subject in ["x y z", "Fwd: x y z", "Re: x y z"] {
            let letter = Letter {
                text: ours.clone(),
                ..letter(subject)
            };
            assert_eq!(letter.said(&Ours::default()).text, "See below.", "{subject}");
        }
    }

    #[test]
    fn machines_are_left_alone() {
        let desk = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
        let from = |address: &str| Letter {
            from: Some(address.to_owned()),
            ..letter("x")
        };
        let jane = "jane@example.org";
        for (letter, sender, want) in [
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
                Letter {
                    from: None,
                    ..letter("x")
                },
                jane,
                false,
            ),
            (
                Letter {
                    automatic: Some("why"),
                    ..letter("x")
                },
                jane,
                false,
            ),
        ] {
            assert_eq!(
                letter.ignored(sender, Some(&desk)).is_none(),
                want,
                "{letter:?} {sender}"
            );
        }
    }

    #[test]
    fn threads_are_found_by_address_first() {
        let desk = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
        let thread = |ticket_id| Thread {
            ticket_id,
            user_id: 2,
            is_internal: false,
        };
        let mut letter = letter("x");
        assert_eq!(letter.thread("support@desk.example", &desk), None);
        letter.answers = vec!["other@example.org".to_owned(), desk.message_id(thread(7), 1)];
        assert_eq!(letter.thread("support@desk.example", &desk), Some(thread(7)));
        assert_eq!(letter.thread(&desk.address(thread(8)), &desk), Some(thread(8)));
        // A note anywhere in the chain makes it one.
        let note = |ticket_id| Thread {
            is_internal: true,
            ..thread(ticket_id)
        };
        assert_eq!(letter.thread(&desk.address(note(8)), &desk), Some(note(8)));
        letter.answers.push(desk.message_id(note(7), 2));
        assert_eq!(letter.thread("support@desk.example", &desk), Some(note(7)));
        assert_eq!(letter.thread(&desk.address(thread(8)), &desk), Some(note(8)));
    }

    #[test]
    fn texts_fit_into_messages() {
        assert_eq!(composed(None, "Hello", &[]), "Hello");
        assert_eq!(
            composed(Some("(Follows TICK-1.)"), "Hello", &[]),
            "(Follows TICK-1.)\n\nHello"
        );
        assert_eq!(composed(None, "", &[]), "(no text)");
        assert_eq!(
            composed(None, "See", &["a.exe (no)".to_owned(), "b.html (no)".to_owned()]),
            "See\n\n[Files that were not taken: a.exe (no), b.html (no)]"
        );
        let long = composed(Some("head"), &"ü".repeat(30_000), &vec!["x".repeat(255); 20]);
        assert!(long.chars().count() <= TEXT && long.contains("more characters]\n\n[Files"));
        assert_eq!(composed(None, &"x".repeat(TEXT), &[]).len(), TEXT);
    }
}
