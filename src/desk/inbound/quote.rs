//! What somebody has answered, without the mail that they answer: programs put it below, each in its own way.

use crate::desk::mail::MARKER;

/// How a line begins and ends that says whose words follow: Gmail, Apple Mail and Thunderbird, in their languages.
const SAYS: [(&str, &[&str]); 7] = [
    ("On ", &["wrote:"]),
    ("Am ", &["schrieb:", "schrieb"]),
    ("Le ", &["a écrit :", "a écrit:"]),
    ("El ", &["escribió:"]),
    ("Il ", &["ha scritto:"]),
    ("Op ", &["schreef:", "schreef"]),
    ("Em ", &["escreveu:"]),
];

/// What Outlook's header block is made of; the first is whom it is from, and one of the others follows soon.
const FROM: [&str; 6] = ["from:", "von:", "de:", "de :", "da:", "van:"];
const SENT: [&str; 12] = [
    "sent:",
    "gesendet:",
    "envoyé :",
    "envoyé:",
    "enviado:",
    "enviado el:",
    "inviato:",
    "verzonden:",
    "date:",
    "datum:",
    "date :",
    "fecha:",
];

/// Lines that older programs put between an answer and what it answers, without their dashes.
const ORIGINAL: [&str; 6] = [
    "original message",
    "ursprüngliche nachricht",
    "message d'origine",
    "mensaje original",
    "messaggio originale",
    "oorspronkelijk bericht",
];

/// How many lines an attribution may be broken into.
const BROKEN: usize = 3;

/// Characters of a text in which an answer may end; what is longer is no answer to a mail of ours.
const LOOKED_AT: usize = 100_000;

/// The answer alone. Where nothing would remain, or the answer stands between the quoted lines, all of it.
pub fn answer(text: &str) -> &str {
    let end = text.char_indices().nth(LOOKED_AT).map(|(end, _)| end);
    let lines = positions(end.and_then(|end| text.get(..end)).unwrap_or(text));
    let last_said = lines
        .iter()
        .rposition(|(_, line)| !line.is_empty() && !line.starts_with('>'));
    // Nothing but quoted lines follows.
    let is_quoted = |at: usize| end.is_none() && last_said.is_none_or(|last| last < at);
    let found = lines.iter().enumerate().find(|(at, (_, line))| {
        let rest = lines.get(*at..).unwrap_or_default();
        line.contains(MARKER)
            || is_separator(rest)
            || (line.starts_with('>') && is_quoted(*at))
            || (says(rest) && !is_answered_below(rest))
    });
    let kept = found.and_then(|(_, (start, _))| text.get(..*start));
    let kept = kept.unwrap_or(text).trim();
    if kept.is_empty() { text.trim() } else { kept }
}

/// A line and the place where it begins.
type Line<'a> = (usize, &'a str);

/// Every line.
fn positions(text: &str) -> Vec<Line<'_>> {
    let mut start: usize = 0;
    text.split('\n')
        .map(|line| {
            let at = start;
            start = start.saturating_add(line.len()).saturating_add(1);
            (at, line.trim())
        })
        .collect()
}

/// Without the marks of a quotation.
fn bare(line: &str) -> &str {
    line.trim_start_matches(['>', ' ', '|'])
}

/// Whether the first lines say whose words follow.
fn says(lines: &[Line]) -> bool {
    let Some(first) = lines.first().map(|(_, line)| bare(line)) else {
        return false;
    };
    SAYS.iter()
        .filter(|(begins, _)| first.starts_with(begins))
        .any(|(_, words)| {
            let mut joined = String::new();
            lines
                .iter()
                .take(BROKEN)
                .map(|(_, line)| line)
                .take_while(|line| !line.is_empty())
                .any(|line| {
                    joined.push_str(bare(line));
                    let ends = joined.ends_with(':') && words.iter().any(|word| says_so(&joined, word));
                    joined.push(' ');
                    ends && joined.chars().any(|c| c.is_ascii_digit()) && joined.len() < 400
                })
        })
}

/// `... wrote:`, and in some languages `... schrieb Max Muster:`.
fn says_so(line: &str, word: &str) -> bool {
    line.ends_with(word) || (!word.ends_with(':') && line.contains(&format!(" {word} ")))
}

/// Whether somebody has written below or between what they quote: then their words are not to be cut off.
fn is_answered_below(lines: &[Line]) -> bool {
    let lines = lines.iter().map(|(_, line)| line);
    let mut quoted = lines.skip_while(|line| !line.starts_with('>'));
    quoted.any(|line| !line.is_empty() && !line.starts_with('>'))
}

/// Whether here begins what Outlook and its like put below an answer.
fn is_separator(lines: &[Line]) -> bool {
    let mut lines = lines.iter().map(|(_, line)| line);
    let Some(first) = lines.next() else {
        return false;
    };
    let dashes = first.starts_with("---") || first.starts_with("___");
    if dashes {
        let words = first.trim_matches(['-', '_', ' ']).to_lowercase();
        if ORIGINAL.contains(&words.as_str()) {
            return true;
        }
        let mut below = lines.take(4).filter(|line| !line.is_empty());
        return words.is_empty() && first.len() >= 10 && below.next().is_some_and(|line| begins(line, &FROM));
    }
    begins(first, &FROM) && lines.take(4).any(|line| begins(line, &SENT))
}

/// Whether a line begins with one of these words, which may be set in bold.
fn begins(line: &str, words: &[&str]) -> bool {
    let line = bare(line).trim_start_matches('*').to_lowercase();
    let line = line.replacen(":*", ":", 1);
    words.iter().any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_is_cut_off() {
        for quoted in [
            "On Fri, Nov 20, 2026 at 7:40 PM Edgedesk <desk@desk.example> wrote:\n\n> Hello\n> there",
            // Gmail breaks long lines.
            "On Fri, Nov 20, 2026 at 7:40 PM Edgedesk Support Desk <\nsupport+12.34.abc@desk.example> wrote:\n> Hello",
            "> On 20 Nov 2026, at 19:40, Edgedesk <desk@desk.example> wrote:\n> \n> Hello",
            "On 20 Nov 2026, at 19:40, Edgedesk <desk@desk.example> wrote:\n\nHello without marks",
            "Am Fr., 20. Nov. 2026 um 19:40 Uhr schrieb Edgedesk <desk@desk.example>:\n> Hallo",
            "Am 20.11.2026 um 19:40 schrieb Edgedesk:\n> Hallo",
            "Le ven. 20 nov. 2026 à 19:40, Edgedesk <desk@desk.example> a écrit :\n> Bonjour",
            "El vie, 20 nov 2026 a las 19:40, Edgedesk (<desk@desk.example>) escribió:\n> Hola",
            "________________________________\nFrom: Edgedesk <desk@desk.example>\nSent: Friday\nTo: x\nSubject: y\n\nHello",
            "________________________________________\n\nVon: Edgedesk\nGesendet: Freitag\n\nHallo",
            "From: Edgedesk <desk@desk.example>\nSent: Friday, 20 November 2026 19:40\nTo: x\nSubject: y\n\nHello",
            "*From:* Edgedesk\n*Sent:* Friday\n*To:* x\n\nHello",
            "De : Edgedesk\nEnvoyé : vendredi 20 novembre\n\nBonjour",
            "-----Original Message-----\nFrom: x\n\nHello",
            "-----Ursprüngliche Nachricht-----\nVon: x\n\nHallo",
            "-- Please write your answer above this line --\n\nHello",
            "> -- Please write your answer above this line --\nHello",
            "> Hello\n> there\n>\n\n",
        ] {
            let text = format!("It works now, thank you.\n\nJane\n\n{quoted}");
            assert_eq!(answer(&text), "It works now, thank you.\n\nJane", "{quoted}");
        }
    }

    #[test]
    fn what_somebody_says_is_kept() {
        for text in [
            "On Monday I wrote: it does not work",
            "On the screen it says:\nError 500\n> and a prompt\nThen nothing.",
            "From: the beginning it was broken.\nNothing else.",
            "Am I the only one? The tool schrieb nothing:",
            "> What is your number?\n12345\n> And your name?\nJane",
            // Between the lines of what they quote.
            "On 20 Nov 2026, at 19:40, Desk <d@desk.example> wrote:\n> What is your number?\n12345\n> Name?\nJane",
            // Nothing else is there.
            "On 20 Nov 2026, at 19:40, Desk <d@desk.example> wrote:\n> Hello",
            "----------\nA table\n----------",
            "-- \nJane\nExample Ltd.",
            "plain",
        ] {
            assert_eq!(answer(text), text.trim());
        }
        assert_eq!(answer(" \n "), "");
    }

    #[test]
    fn junk_costs_one_walk() {
        for line in [
            "> x\n",
            "On 1 wrote:\n",
            "From: x\n",
            "___________\n",
            "\n",
            "On 1\n> x\ny\n",
        ] {
            let text = format!("Hello\n{}\nend", line.repeat(300_000));
            assert!(answer(&text).starts_with("Hello"));
        }
    }
}
