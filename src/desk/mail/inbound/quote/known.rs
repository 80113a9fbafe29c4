//! Lines of our mails, told from lines that the sender has written between them.

use crate::desk::mail::inbound::quote::attribution::names_ticket;

/// The lines of a text that are not empty, in lower case and with one space between their words: how lines are compared
/// with the text of our mails.
pub fn fold(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(fold_line).collect();
    let lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

/// The words of a line in lower case, with one space between them.
pub fn fold_line(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// Words with which lines of our mails begin that do not stand in the ticket.
const OWN_WORDS: [&str; 7] = [
    "hello",
    "please write your answer",
    "see the ticket",
    "no more mails of this kind",
    "your request \u{201c}",
    "you get our answers because",
    "there has been so much about",
];

/// Words with which lines of our digests end.
const OWN_ENDS: [&str; 3] = [" answered:", " left a note:", " mentioned you:"];

/// Bytes of a quotation times bytes of known text, up to which they are compared. Above it everything is the sender's.
pub const MAX_COMPARED_BYTES: usize = 100_000_000;

/// The known text of our mails.
#[derive(Clone, Copy)]
pub struct KnownText<'a> {
    /// Its lines, as [`fold`] makes them.
    pub lines: &'a str,
    /// In one line, because programs join and break lines.
    pub flat: &'a str,
}

impl KnownText<'_> {
    /// Whether a line is one of ours. One or two words stand in many texts, so they must be a line, or go on with the one
    /// above.
    pub fn has(self, above: &str, line: &str) -> bool {
        let line = clean_line(line);
        (line.split(' ').count() > 2 && self.flat.contains(&line))
            || self.lines.split('\n').any(|known| known == line)
            || self.flat.contains(&format!("{} {line}", clean_line(above)))
    }

    /// Whether a line is certainly one of a message on the ticket.
    pub fn is_message(self, line: &str) -> bool {
        let line = clean_line(line);
        let is_always = OWN_WORDS.iter().any(|words| line.starts_with(words));
        line.chars().count() >= 10 && !is_always && !names_ticket(&line) && self.flat.contains(&line)
    }
}

fn clean_line(line: &str) -> String {
    fold_line(line.trim_matches(['*', '_', '|', '-', ' ', '>', '<', '[']))
}

/// Whether a line is one that all our mails have, or one without words.
pub fn is_own_line(line: &str, next: &str) -> bool {
    let line = clean_line(line);
    let is_trivial = line
        .chars()
        .all(|c| c.is_ascii_punctuation() || c.is_whitespace());
    is_trivial
        || names_ticket(&line)
        // The title of the ticket, broken in two.
        || (line.contains('\u{201c}') && names_ticket(next))
        || OWN_WORDS.iter().any(|words| line.starts_with(words))
        || OWN_ENDS.iter().any(|words| line.ends_with(words))
}
