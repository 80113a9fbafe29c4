//! Removes our own mail from an answer to it, and nothing else.
//!
//! Each of our mails that can be answered begins with a line of ours and ends with another one ([`REPLY_MARKER`],
//! [`FOOTER`]). What a program quotes is found by these, in whatever way it marks quotations; what it writes above, such
//! as "On ... wrote:", is recognised by its place and shape, because every language has its own words. Everything else
//! was written by the sender, even if it looks like a quotation.

mod attribution;
mod known;

pub use attribution::OwnMail;
use attribution::{attribution, has_time, names_ticket, names_us};
pub use known::fold;
use known::{KnownText, MAX_COMPARED_BYTES, fold_line, is_own_line};

use crate::desk::mail::outgoing::{FOOTER, REPLY_MARKER};

/// Characters of the label of a header field (`From:`), in any language.
const MAX_LABEL_CHARS: usize = 30;

/// The text that the sender wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyText {
    pub text: String,
    /// Text of ours was removed.
    pub is_cut: bool,
    /// Some of it was not marked as a quotation, so that the sender may have written between its lines.
    pub is_unmarked: bool,
}

/// A line without its quotation marks, and how many there were.
struct Line<'a> {
    depth: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn new(line: &'a str) -> Line<'a> {
        let mut rest = line.trim();
        let mut depth: usize = 0;
        while let Some(inner) = strip_mark(rest) {
            rest = inner.trim_start();
            depth = depth.saturating_add(1);
        }
        // Marks of the writing direction, which programs put around Arabic and Hebrew lines.
        let text = rest.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        });
        Line { depth, text }
    }

    fn is_blank(&self) -> bool {
        self.text.is_empty()
    }
}

/// The line without the mark of a quotation: `>`, a bar, or the initials of who is quoted in front of `>`.
fn strip_mark(line: &str) -> Option<&str> {
    let initials = line.bytes().take_while(u8::is_ascii_uppercase).count();
    if initials <= 3
        && let Some(inner) = line.get(initials..).and_then(|rest| rest.strip_prefix('>'))
    {
        return Some(inner);
    }
    let inner = line.strip_prefix(['|', '│', '┃', '¦', '＞'])?;
    (inner.is_empty() || inner.starts_with(' ')).then_some(inner)
}

/// Removes our mails from a text.
pub fn strip_own_mail(text: &str, own: OwnMail) -> ReplyText {
    let written: Vec<&str> = text.split('\n').collect();
    let lines: Vec<Line> = written.iter().map(|line| Line::new(line)).collect();
    let mut ours = vec![false; lines.len()];
    let flat = own.known.map(|known| known.replace('\n', " "));
    let known = own.known.zip(flat.as_deref());
    let known = known.map(|(lines, flat)| KnownText { lines, flat });
    let (mut at, mut is_unmarked): (usize, bool) = (0, false);
    while let Some(marker) = find_marker(&lines, at) {
        let limit = find_marker(&lines, marker.saturating_add(1)).unwrap_or(lines.len());
        let depth = lines.get(marker).map_or(0, |line| line.depth);
        let footer = (marker..limit)
            .rev()
            .find(|at| lines.get(*at).is_some_and(is_footer));
        let end = footer.map_or(limit, |footer| footer.saturating_add(1));
        let start = find_start(&lines, marker, own);
        // Lines with a mark were quoted by a program. Without marks, the sender may have written between our lines; but
        // only if those are known can theirs be told from them.
        let region = lines.get(marker..end).unwrap_or_default();
        let is_content = |line: &str, known: KnownText| {
            known.is_message(line) || (!own.is_careful && names_ticket(&line.to_lowercase()))
        };
        let is_bounded =
            |known: &KnownText| known.flat.len().saturating_mul(region.len()) < MAX_COMPARED_BYTES;
        let known = known.filter(|known| {
            depth == 0
                && ((!is_bounded(known) && !own.is_careful)
                    || region.iter().any(|line| is_content(line.text, *known)))
        });
        is_unmarked |= depth == 0;
        for place in start..end {
            let (Some(line), Some(mark)) = (lines.get(place), ours.get_mut(place)) else {
                continue;
            };
            // The sender wrote between the lines of the quotation.
            let is_between = place > marker && line.depth < depth;
            let above = place.checked_sub(1).and_then(|above| lines.get(above));
            let above = above.map_or("", |above| above.text);
            let next = lines.get(place.saturating_add(1)).map_or("", |next| next.text);
            let is_unknown = place > marker
                && !line.is_blank()
                && known.is_some_and(|known| {
                    let is_known = is_bounded(&known) && known.has(above, line.text);
                    !is_known && !is_own_line(line.text, next)
                });
            *mark = !is_between && !is_unknown;
        }
        at = end.max(marker.saturating_add(1));
        if footer.is_some() {
            at = skip_tail(&lines, &mut ours, at, depth);
        }
    }
    let is_cut = ours.contains(&true);
    if !is_cut {
        return ReplyText {
            text: text.trim_end().to_owned(),
            ..ReplyText::default()
        };
    }
    let mut kept: Vec<&str> = Vec::new();
    // Where something was cut, one empty line is enough.
    let (mut was_cut, mut is_gap) = (false, true);
    for ((text, line), is_ours) in written.iter().zip(&lines).zip(&ours) {
        if *is_ours {
            was_cut = true;
        } else if !(was_cut && is_gap && line.is_blank()) {
            kept.push(text);
            is_gap = line.is_blank();
            was_cut = was_cut && is_gap;
        }
    }
    ReplyText {
        text: kept.join("\n").trim_matches('\n').trim_end().to_owned(),
        is_cut,
        is_unmarked,
    }
}

/// The next line of [`REPLY_MARKER`], which a program may have broken into two. Within a sentence it is quoted by the
/// sender.
fn find_marker(lines: &[Line], from: usize) -> Option<usize> {
    let marker = fold_line(REPLY_MARKER.trim_matches(['-', ' ']));
    let is_part = |line: &Line| line.text.len() < 200;
    let is_marker = |text: &str| {
        let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
        let rest = text.strip_prefix(&marker);
        let rest = rest.map(|rest| rest.trim_start_matches(|c: char| !c.is_alphanumeric()));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("hello"))
    };
    (from..lines.len()).find(|at| {
        let Some(line) = lines.get(*at).filter(|line| is_part(line)) else {
            return false;
        };
        let text = fold_line(line.text);
        if is_marker(&text) {
            return true;
        }
        let begins = text
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .starts_with("please write");
        let next = lines.get(at.saturating_add(1)).filter(|line| is_part(line));
        begins && next.is_some_and(|next| is_marker(&format!("{text} {}", fold_line(next.text))))
    })
}

fn is_footer(line: &Line) -> bool {
    let line = line.text.trim_start_matches(|c: char| !c.is_alphanumeric());
    line.get(..FOOTER.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(FOOTER))
}

/// Marks what belongs to our last line: its link, if that was broken off, and empty lines of the quotation.
fn skip_tail(lines: &[Line], ours: &mut [bool], from: usize, depth: usize) -> usize {
    let mut at = from;
    while let (Some(line), Some(mark)) = (lines.get(at), ours.get_mut(at)) {
        let is_link = line.text.trim_start_matches(['<', '(', '[']).starts_with("http");
        let is_first = at == from;
        if line.depth < depth || !((line.is_blank() && line.depth > 0) || (is_link && is_first)) {
            break;
        }
        *mark = true;
        at = at.saturating_add(1);
    }
    at
}

// What programs write above a quotation ------------------------------------------------------------------------------

/// Where a quotation begins whose first own line is `marker`: at the attribution or header block above it, if there is
/// one.
fn find_start(lines: &[Line], marker: usize, own: OwnMail) -> usize {
    let end = skip_blank(lines, marker);
    let mut start = end;
    while start > 0 && end.saturating_sub(start) < 12 && !is_blank_at(lines, start.saturating_sub(1)) {
        start = start.saturating_sub(1);
    }
    let run: Vec<&str> = lines
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|line| line.text)
        .collect();
    let length = header_block(&run, own)
        .or_else(|| attribution(&run, own))
        .unwrap_or(0);
    if length == 0 {
        return spaced_header_block(lines, end, own).map_or(marker, |start| skip_separator(lines, start));
    }
    skip_separator(lines, end.saturating_sub(length))
}

fn is_blank_at(lines: &[Line], at: usize) -> bool {
    lines.get(at).is_none_or(Line::is_blank)
}

/// The end of the last line above `at` that is not blank.
fn skip_blank(lines: &[Line], at: usize) -> usize {
    let mut end = at;
    while end > 0 && is_blank_at(lines, end.saturating_sub(1)) {
        end = end.saturating_sub(1);
    }
    end
}

/// The line of dashes above a header block, with or without words between them, belongs to it.
fn skip_separator(lines: &[Line], at: usize) -> usize {
    let end = skip_blank(lines, at);
    let above = end.saturating_sub(1);
    let is_rule = |text: &str| {
        let is_dash = |c: char| matches!(c, '-' | '_' | '=' | '*' | '—' | '–' | '─');
        let marks = text.chars().filter(|c| is_dash(*c)).count();
        // Three of them are a rule in HTML.
        text == "---" || (text.starts_with(is_dash) && text.ends_with(is_dash) && marks >= 5)
    };
    match lines.get(above) {
        Some(line) if end > 0 && is_rule(line.text) => above,
        _ => at,
    }
}

/// How many of the last lines are a header block, as Outlook writes it: lines such as `From: ...`, of which one names us
/// or our ticket.
fn header_block(run: &[&str], own: OwnMail) -> Option<usize> {
    let (mut start, mut fields, mut gap) = (run.len(), 0_usize, 0_usize);
    for (at, line) in run.iter().enumerate().rev() {
        if !is_field(line) {
            // A long field goes on in the next line.
            gap = gap.saturating_add(1);
            if gap > 2 {
                break;
            }
            continue;
        }
        (start, gap) = (at, 0);
        fields = fields.saturating_add(1);
        // `From` is the first field, and names us.
        let above = at.checked_sub(1).and_then(|above| run.get(above));
        let goes_on = above.is_some_and(|above| is_field(above) && names_us(above, own));
        if fields >= 2 && names_us(line, own) && !goes_on {
            break;
        }
    }
    let block = run.get(start..).unwrap_or_default();
    let has = |test: &dyn Fn(&str) -> bool| block.iter().any(|line| test(line));
    let is_ours = block.first().is_some_and(|line| names_us(line, own))
        || (fields >= 3 && has(&|line| names_us(line, own)) && has(&has_time))
        || (fields >= 3 && has(&|line| line.contains('[') && names_ticket(line)));
    (fields >= 2 && is_ours).then_some(block.len())
}

/// A header block with empty lines between its fields; its first line must name us.
fn spaced_header_block(lines: &[Line], end: usize, own: OwnMail) -> Option<usize> {
    let (mut at, mut fields) = (end, 0_usize);
    while at > 0 && fields < 8 {
        let above = skip_blank(lines, at).checked_sub(1)?;
        let line = lines.get(above).filter(|line| is_field(line.text))?;
        fields = fields.saturating_add(1);
        if fields >= 3 && names_us(line.text, own) {
            return Some(above);
        }
        at = above;
    }
    None
}

/// `word: value`, in any language; the word may be bold.
fn is_field(line: &str) -> bool {
    let line = line.trim_start_matches(['*', '_']);
    let Some((label, value)) = line.split_once([':', '：']) else {
        return false;
    };
    let label = label.trim_matches(['*', '_', ' ', '\u{a0}']);
    let is_label = (1..=MAX_LABEL_CHARS).contains(&label.chars().count())
        && label.split_whitespace().count() <= 3
        && !label.contains(|c: char| c.is_numeric() || matches!(c, '@' | '<' | '"' | '.' | ','));
    is_label && !value.trim_matches(['*', '_', ' ']).is_empty()
}

#[cfg(test)]
mod tests;
