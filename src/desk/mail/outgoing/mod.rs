//! The texts of outgoing mails: plain text and HTML with the same words.

use serde::Deserialize;
use serde_json::Value;

use crate::desk::mail::to_single_line;

/// Stands above the text of mails that can be answered. In a reply, everything from this line on is quoted.
pub const REPLY_MARKER: &str = "-- Please write your answer above this line --";

/// How the last line of mails begins that people can unsubscribe from, as they can from all that can be answered. In a
/// reply, what is below this line was not quoted from us.
pub const FOOTER: &str = "No more mails of this kind";

/// Mails per person, ticket and hour. The last one is a digest of the rest.
pub const MAX_MAILS_PER_HOUR: i64 = 20;

/// Entries that a digest lists; the rest is only counted.
pub const MAX_DIGEST_ENTRIES: i64 = 50;

/// What a mail is about. Read from SQL as JSON, so the field names are the keys there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct MailContent {
    /// A notification kind, or `acknowledgement`, `digest`, `copy`, `password_reset`, `verify_email`.
    pub kind: String,
    /// The full name of the recipient.
    pub name: String,
    pub ticket: Option<MailTicket>,
    pub entry: Option<MailEntry>,
    /// The text of a rule's notification or of a system notice.
    pub words: Option<String>,
    /// The entries of a digest.
    #[serde(default)]
    pub entries: Vec<MailEntry>,
    /// How many entries a digest leaves out.
    #[serde(default)]
    pub more: i64,
}

/// The ticket that a mail is about.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct MailTicket {
    pub id: i64,
    pub number: String,
    pub title: String,
    pub status: String,
    #[serde(default)]
    pub requester_id: i64,
    #[serde(default)]
    pub resolved_at: Option<i64>,
}

/// An event in a mail.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct MailEntry {
    pub kind: String,
    /// The name of the person who did it; `None` if no person did.
    pub actor: Option<String>,
    /// The text of a message.
    pub body: Option<String>,
    #[serde(default)]
    pub is_internal: bool,
    /// The changed fields: `[{"field", "from", "to"}]`.
    #[serde(default)]
    pub changes: Value,
    /// `response` or `resolution`, for SLA events.
    pub target: Option<String>,
    /// Of a rating.
    #[serde(default)]
    pub score: Option<i64>,
    pub words: Option<String>,
}

impl MailEntry {
    /// The status that the event has set.
    pub fn new_status(&self) -> Option<&str> {
        let changes = self.changes.as_array().into_iter().flatten();
        let mut status = changes.filter(|change| change.get("field").is_some_and(|field| field == "status"));
        status.next().and_then(|change| change.get("to")?.as_str())
    }
}

/// The links in a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailLinks {
    /// The page for what the recipient is asked to do, or of the ticket.
    pub action: Option<String>,
    /// The page on which the recipient rates the outcome.
    pub rating: Option<String>,
    /// The page to unsubscribe from mails of this kind.
    pub unsubscribe: Option<String>,
    /// A reply to the mail is added to the ticket.
    pub is_answerable: bool,
}

/// A mail that is ready to send, except for its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedMail {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A paragraph of a mail.
enum Paragraph {
    Line(String),
    Quote(String),
    /// A label and a URL.
    Link(&'static str, String),
}

/// Writes a mail.
pub fn render(facts: &MailContent, links: &MailLinks) -> RenderedMail {
    // The owner of the address is not confirmed yet. The name was chosen by whoever registered it or put it in copy, so it
    // could be used to send text to a stranger.
    let name = to_single_line(&facts.name);
    let mut parts = vec![Paragraph::Line(match facts.kind.as_str() {
        "verify_email" | "copy" => "Hello,".to_owned(),
        _ => format!("Hello {name},"),
    })];
    parts.extend(build_paragraphs(facts, links));
    let mut text = String::new();
    let mut html = String::new();
    if links.is_answerable {
        text.push_str(&format!("{REPLY_MARKER}\n\n"));
        html.push_str(&format!("<p style=\"color:#767676\">{REPLY_MARKER}</p>"));
    }
    for part in &parts {
        match part {
            Paragraph::Line(words) => {
                text.push_str(&format!("{words}\n\n"));
                html.push_str(&format!("<p>{}</p>", escape_html(words)));
            }
            Paragraph::Quote(words) => {
                let quoted = words.lines().map(|line| format!("  {line}\n"));
                text.push_str(&format!("{}\n", quoted.collect::<String>()));
                html.push_str(&format!(
                    "<blockquote style=\"margin:0 0 1em;padding-left:1em;border-left:3px solid #ccc\">{}</blockquote>",
                    escape_html(words).replace('\n', "<br>")
                ));
            }
            Paragraph::Link(label, url) => {
                text.push_str(&format!("{label}: {url}\n\n"));
                html.push_str(&format!("<p><a href=\"{}\">{label}</a></p>", escape_html(url)));
            }
        }
    }
    if let Some(url) = &links.unsubscribe {
        text.push_str(&format!("--\n{FOOTER}: {url}\n"));
        html.push_str(&format!(
            "<p style=\"color:#767676;font-size:small\"><a href=\"{}\">{FOOTER}</a></p>",
            escape_html(url)
        ));
    }
    RenderedMail {
        subject: render_subject(facts),
        text,
        html: format!(
            "<!doctype html><html><head><meta charset=\"utf-8\"></head>\
             <body style=\"font-family:system-ui,sans-serif;line-height:1.5\">{html}</body></html>"
        ),
    }
}

/// Mail programs group mails by subject, so all mails about a ticket have the same one.
fn render_subject(facts: &MailContent) -> String {
    let subject = match (&facts.ticket, facts.kind.as_str()) {
        (Some(ticket), _) => format!("[{}] {}", ticket.number, ticket.title),
        (None, "password_reset") => "Set your password".to_owned(),
        (None, "verify_email") => "Confirm your address".to_owned(),
        (None, _) => "Your help desk".to_owned(),
    };
    to_single_line(&subject).chars().take(200).collect()
}

fn build_paragraphs(facts: &MailContent, links: &MailLinks) -> Vec<Paragraph> {
    let link = |label| links.action.clone().map(|url| Paragraph::Link(label, url));
    let mut parts = Vec::new();
    match facts.kind.as_str() {
        "password_reset" => {
            parts.push(Paragraph::Line(
                "somebody, hopefully you, asked for a new password. The link works once, within an hour."
                    .to_owned(),
            ));
            parts.extend(link("Set a password"));
            parts.push(Paragraph::Line(
                "If it was not you, there is nothing to do: your password stays as it is.".to_owned(),
            ));
        }
        "verify_email" => {
            parts.push(Paragraph::Line(
                "please confirm that this is your address. Until then we send you no mails about your tickets.".to_owned(),
            ));
            parts.extend(link("Confirm the address"));
            parts.push(Paragraph::Line(
                "If you have no account with us, there is nothing to do: we will not write again.".to_owned(),
            ));
        }
        "digest" => {
            parts.push(Paragraph::Line(format!(
                "there has been so much about {} that we tell the rest in one mail:",
                ticket_label(facts)
            )));
            for entry in &facts.entries {
                parts.extend(describe_entry(entry, None));
            }
            if facts.more > 0 {
                parts.push(Paragraph::Line(format!(
                    "And {} more, which the ticket tells.",
                    facts.more
                )));
            }
            parts.extend(link("See the ticket"));
        }
        "acknowledgement" => {
            parts.push(Paragraph::Line(format!(
                "your request {} has reached us. We will answer as soon as we can.",
                ticket_label(facts)
            )));
            parts.extend(link("See the ticket"));
        }
        "copy" => {
            if let Some(entry) = &facts.entry {
                parts.extend(describe_entry(entry, Some(ticket_label(facts))));
            }
            parts.push(Paragraph::Line(
                "You get our answers because you are in copy of this ticket. The link below takes you out of it, for good."
                    .to_owned(),
            ));
        }
        _ => {
            if let Some(entry) = &facts.entry {
                parts.extend(describe_entry(
                    entry,
                    facts.ticket.as_ref().map(|_| ticket_label(facts)),
                ));
            }
            parts.extend(
                facts
                    .words
                    .clone()
                    .filter(|_| facts.entry.is_none())
                    .map(Paragraph::Line),
            );
            let rating = links.rating.clone();
            parts.extend(rating.map(|url| Paragraph::Link("Rate how we did", url)));
            parts.extend(link("See the ticket"));
        }
    }
    parts
}

fn ticket_label(facts: &MailContent) -> String {
    let ticket = facts.ticket.as_ref();
    ticket.map_or_else(String::new, |ticket| {
        format!(
            "\u{201c}{}\u{201d} ({})",
            to_single_line(&ticket.title),
            ticket.number
        )
    })
}

/// An event as a sentence, followed by the text of the message.
fn describe_entry(entry: &MailEntry, ticket: Option<String>) -> Vec<Paragraph> {
    let who = entry
        .actor
        .as_deref()
        .map_or_else(|| "the desk".to_owned(), to_single_line);
    let of = |words: &str| match &ticket {
        Some(ticket) => format!("{words} {ticket}"),
        None => words.to_owned(),
    };
    let on = if ticket.is_some() { " on" } else { "" };
    let sentence = match entry.kind.as_str() {
        "assigned" => of(&format!(
            "{who} gave you{}",
            if ticket.is_some() { "" } else { " the ticket" }
        )),
        "transferred" => of(&format!(
            "{who} handed over to you{}",
            if ticket.is_some() { "" } else { " the ticket" }
        )),
        "reply" if entry.is_internal => of(&format!("{who} left a note{on}")),
        "reply" => of(&format!("{who} answered{on}")),
        "mention" => of(&format!("{who} mentioned you{on}")),
        "status" => of(&describe_status_change(entry, &who)),
        "rated" => of(&format!(
            "{who} gave {} of 5{}",
            entry.score.unwrap_or_default(),
            if ticket.is_some() { " for" } else { "" }
        )),
        "sla_at_risk" => of(&format!(
            "the {} is due soon{}",
            target_label(entry),
            if ticket.is_some() { " for" } else { "" }
        )),
        "sla_breached" => of(&format!(
            "the {} is overdue{}",
            target_label(entry),
            if ticket.is_some() { " for" } else { "" }
        )),
        _ => entry.words.clone().unwrap_or_default(),
    };
    let ends = if entry.body.is_some() { ":" } else { "." };
    let needs_end = !sentence.ends_with(['.', '!', '?', ':']);
    let mut parts = vec![Paragraph::Line(format!(
        "{sentence}{}",
        if needs_end { ends } else { "" }
    ))];
    parts.extend(entry.body.clone().map(Paragraph::Quote));
    parts
}

fn target_label(entry: &MailEntry) -> &'static str {
    match entry.target.as_deref() {
        Some("response") => "first answer",
        _ => "solution",
    }
}

fn describe_status_change(entry: &MailEntry, who: &str) -> String {
    let to = entry.new_status();
    format!(
        "{who} set to {}:",
        to.unwrap_or("another status").replace('_', " ")
    )
}

fn escape_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
