//! What programs write above a quotation: who wrote it, and when, in any language.

use crate::desk::mail::inbound::subject::ticket_number;

/// Lines over which an attribution ("On ... wrote:") may be broken.
const MAX_ATTRIBUTION_LINES: usize = 4;

/// What our mails say of their sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnMail<'a> {
    /// Our addresses, in lower case.
    pub addresses: &'a [String],
    /// The name beside the sender's address, in lower case.
    pub name: Option<&'a str>,
    /// The text of our mails about the ticket, as [`fold`](super::known::fold) makes it, if it is known: lines between the marks that are
    /// not in it are the sender's. Without it, everything between the marks is ours.
    pub known: Option<&'a str>,
    /// Lines are told apart only in a mail of ours of which a line is known: its message may have been edited since.
    pub is_careful: bool,
}

/// Whether the value of a header field is our address, or begins with our name.
pub fn names_us(field: &str, own: OwnMail) -> bool {
    let field = field.to_lowercase();
    let value = field.split_once([':', '：']).map_or("", |(_, value)| value);
    let value = value.trim_start_matches(|c: char| !c.is_alphanumeric());
    let rest = own
        .name
        .filter(|name| !name.is_empty())
        .and_then(|name| value.strip_prefix(name));
    names_address(&field, own) || rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn names_address(text: &str, own: OwnMail) -> bool {
    let text = text.to_lowercase();
    own.addresses
        .iter()
        .any(|address| contains_address(&text, address))
}

/// Whether our name stands in a text as a word, or as words.
fn has_name(text: &str, own: OwnMail) -> bool {
    let text = text.to_lowercase();
    let is_end = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric());
    own.name.filter(|name| !name.is_empty()).is_some_and(|name| {
        text.match_indices(name).any(|(at, _)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text.get(at.saturating_add(name.len())..);
            is_end(before) && is_end(after.and_then(|text| text.chars().next()))
        })
    })
}

/// Whether a text has an address, or a variant of it with anything behind a `+`.
fn contains_address(text: &str, address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else {
        return false;
    };
    text.contains(address) || (text.contains(&format!("{local}+")) && text.contains(&format!("@{domain}")))
}

/// Whether a text has the number of a ticket.
pub fn names_ticket(text: &str) -> bool {
    ticket_number(text).is_some()
}

/// How many of the last lines are an attribution: the words above a quotation that say who wrote it, and when.
pub fn attribution(run: &[&str], own: OwnMail) -> Option<usize> {
    let last = run.last()?;
    if !(last.ends_with([':', '：']) || last.ends_with("---") || last.ends_with(":*")) {
        return None;
    }
    let mut joined = String::new();
    for (count, line) in run.iter().rev().take(MAX_ATTRIBUTION_LINES).enumerate() {
        joined = format!("{line} {joined}");
        if joined.chars().count() > 400 {
            break;
        }
        let is_dated = has_year(&joined) && has_time(&joined);
        if (names_address(&joined, own) && has_date(&joined)) || (has_name(&joined, own) && is_dated) {
            return Some(count.saturating_add(1));
        }
    }
    // Without our name, a date and a time: a sentence of the sender may end with a number. Without a date, our address as
    // programs write it, or nothing but our name and a word or two.
    let is_bare_name = own.name.filter(|name| name.len() >= 4).is_some_and(|name| {
        let rest = last.to_lowercase();
        let rest = rest
            .strip_prefix(name)
            .map(|rest| rest.split_whitespace().count());
        rest.is_some_and(|words| words <= 2)
    });
    let is_bracketed = last.contains(['<', '(']) && names_address(last, own);
    (is_bracketed || is_bare_name || (has_year(last) && has_time(last))).then_some(1)
}

/// The numbers of a text: how many digits each has, and what stands before it, apart from white space.
fn numbers(text: &str) -> Vec<(usize, Option<char>)> {
    let mut found: Vec<(usize, Option<char>)> = Vec::new();
    let (mut before, mut is_open): (Option<char>, bool) = (None, false);
    for c in text.chars() {
        match found.last_mut() {
            Some((count, _)) if c.is_numeric() && is_open => *count = count.saturating_add(1),
            _ if c.is_numeric() => found.push((1, before)),
            _ => {}
        }
        is_open = c.is_numeric();
        before = Some(c).filter(|c| !c.is_whitespace()).or(before);
    }
    found
}

/// Whether a text has a year, or a day and a month and a year in two digits.
fn has_year(text: &str) -> bool {
    let numbers = numbers(text);
    let is_joined =
        |(_, before): &(usize, Option<char>)| before.is_some_and(|c| matches!(c, '/' | '.' | '-'));
    numbers.iter().any(|(count, _)| *count == 4) || numbers.windows(2).any(|two| two.iter().all(is_joined))
}

/// Whether a text has a time of day.
pub fn has_time(text: &str) -> bool {
    let is_behind =
        |before: &Option<char>| before.is_some_and(|c| matches!(c, ':' | '：' | '.' | 'h' | '時' | '时'));
    numbers(text)
        .iter()
        .any(|(count, before)| *count == 2 && is_behind(before))
}

/// Whether a text has a number that is neither a time of day nor part of an address.
fn has_date(text: &str) -> bool {
    let is_date = |word: &str| {
        let is_time = word.chars().any(|c| matches!(c, ':' | '：')) && !word.contains(['/', '.', '-', '年']);
        !word.contains('@') && !is_time && word.chars().any(char::is_numeric)
    };
    text.split_whitespace().any(is_date)
}
