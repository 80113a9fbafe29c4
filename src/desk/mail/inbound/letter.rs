//! An incoming mail: which ticket it belongs to, and the text it becomes.

use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::automatic::Automatic;
use crate::desk::mail::inbound::header::authors::MailAddress;
use crate::desk::mail::inbound::original::MailOriginal;
use crate::desk::mail::inbound::subject::{self, truncate};
use crate::desk::mail::reply_address::{MailThread, ReplyAddress};
use crate::desk::tickets::filename::MAX_FILE_BYTES;

/// The largest mail, in bytes. Cloudflare's Email Routing has the same limit.
pub const MAX_MAIL_BYTES: usize = MAX_FILE_BYTES as usize;

/// Characters of a message or description.
const MAX_TEXT_CHARS: usize = 10_000;

/// The text for a mail without one.
const EMPTY_TEXT: &str = "(no text)";

/// Characters of the list of files that were not taken.
const MAX_LIST_CHARS: usize = 1_000;

/// A parsed mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomingMail {
    pub message_id: Option<String>,
    /// `Date`, as it stands there.
    pub date: Option<String>,
    /// The usable addresses in `From`, each once.
    pub authors: Vec<MailAddress>,
    /// `From` as a reader sees it.
    pub written_from: Option<String>,
    pub reply_to: Vec<MailAddress>,
    /// The addresses in `To` and `Cc`.
    pub recipients: Vec<MailAddress>,
    /// It came by way of a mailing list.
    pub is_from_list: bool,
    pub subject: String,
    /// The Message-IDs that it replies to, the nearest first.
    pub in_reply_to: Vec<String>,
    /// Line ends are LF; tabs are the only other control characters.
    pub text: String,
    pub files: Vec<MailAttachment>,
    /// Whether a program wrote it.
    pub automatic: Automatic,
    /// Whether `From` is authentic.
    pub sender_auth: SenderAuth,
    /// What is kept of it as it was received.
    pub original: MailOriginal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAttachment {
    pub name: String,
    /// The media type that the mail gives it, in lower case.
    pub content_type: String,
    /// A picture that is shown within the text.
    pub is_inline: bool,
    pub bytes: Vec<u8>,
}

impl IncomingMail {
    /// The ticket and user that the mail belongs to: by the address it was sent to, or else by the mails of ours that it
    /// replies to. If one of those was about an internal note, so is this one.
    pub fn find_thread(&self, recipient: &str, reply_address: &ReplyAddress) -> Option<MailThread> {
        let mut answered = self
            .in_reply_to
            .iter()
            .filter_map(|id| reply_address.parse_message_id(id));
        let author = self.authors.first().map(|author| author.address.as_str());
        let first = reply_address
            .parse_address(recipient)
            .or_else(|| reply_address.parse_copy_address(recipient, author?))
            .or_else(|| answered.next())?;
        Some(MailThread {
            is_internal: first.is_internal || answered.any(|thread| thread.is_internal),
            ..first
        })
    }

    /// The title of a ticket that the mail opens.
    pub fn title(&self) -> String {
        subject::title(&self.subject, !self.in_reply_to.is_empty())
    }
}

/// The body of a message or description: `head`, the text, and at the end a list of the files that were refused. Cut to
/// the limit of a message.
pub fn compose_body(head: Option<&str>, text: &str, refused: &[String]) -> String {
    let text = if text.trim().is_empty() { EMPTY_TEXT } else { text };
    let tail = list_refused(refused).map_or(String::new(), |list| {
        format!("\n\n[Files that were not taken: {list}]")
    });
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

/// The files in a list that is not too long; how many more there are stands at its end.
fn list_refused(refused: &[String]) -> Option<String> {
    let mut list = String::new();
    for (at, file) in refused.iter().enumerate() {
        let more = refused.len().saturating_sub(at);
        if at > 0 && list.chars().count().saturating_add(file.chars().count()) > MAX_LIST_CHARS {
            return Some(format!("{list} and {more} more"));
        }
        if at > 0 {
            list.push_str(", ");
        }
        list.push_str(truncate(file, MAX_LIST_CHARS));
    }
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str) -> IncomingMail {
        IncomingMail {
            subject: subject.to_owned(),
            ..IncomingMail::default()
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
        let many: Vec<String> = (0..60)
            .map(|n| format!("file {n}.pdf (the ticket has no more room)"))
            .collect();
        let named = compose_body(None, "See", &many);
        assert!(named.contains("file 0.pdf") && named.ends_with(" more]") && named.chars().count() < 1_100);
        let long = compose_body(Some("head"), &"ü".repeat(30_000), &vec!["x".repeat(255); 20]);
        assert!(long.chars().count() <= MAX_TEXT_CHARS && long.contains("more characters]\n\n[Files"));
        assert_eq!(
            compose_body(None, &"x".repeat(MAX_TEXT_CHARS), &[]).len(),
            MAX_TEXT_CHARS
        );
    }
}
