//! Removes quoted text from replies. Every mail program marks it differently.

use crate::desk::mail::outgoing::REPLY_MARKER;

/// How an attribution line begins and ends (`On ... wrote:`): Gmail, Apple Mail and Thunderbird, by language.
const ATTRIBUTIONS: [(&str, &[&str]); 7] = [
    ("On ", &["wrote:"]),
    ("Am ", &["schrieb:", "schrieb"]),
    ("Le ", &["a écrit :", "a écrit:"]),
    ("El ", &["escribió:"]),
    ("Il ", &["ha scritto:"]),
    ("Op ", &["schreef:", "schreef"]),
    ("Em ", &["escreveu:"]),
];

/// The first label of Outlook's header block above quoted text, by language.
const FROM_LABELS: [&str; 6] = ["from:", "von:", "de:", "de :", "da:", "van:"];
const SENT_LABELS: [&str; 12] = [
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

/// The separator that older programs put above quoted text, without its dashes.
const ORIGINAL_MESSAGE_LABELS: [&str; 6] = [
    "original message",
    "ursprüngliche nachricht",
    "message d'origine",
    "mensaje original",
    "messaggio originale",
    "oorspronkelijk bericht",
];

/// Lines over which an attribution may be broken.
const MAX_ATTRIBUTION_LINES: usize = 3;

/// The last words of our own mails.
const OWN_FOOTER: &str = "no more mails of this kind";

/// The text that the sender wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyText {
    pub text: String,
    /// Quoted text was removed.
    pub is_cut: bool,
}

/// The reply alone: what is above, below and between quotations. A quotation without `>` extends to the end, or to the
/// end of a mail of ours. It prefers to remove too much, even everything: an internal note that a mail quotes must not
/// come back as a public reply.
pub fn strip_quotes(text: &str) -> ReplyText {
    let lines: Vec<&str> = text.split('\n').collect();
    let trimmed: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    let footer = trimmed.iter().rposition(|line| is_footer(line));
    let (mut own_lines, mut is_cut, mut at): (Vec<&str>, bool, usize) = (Vec::new(), false, 0);
    while let (Some(line), Some(rest)) = (lines.get(at), trimmed.get(at..)) {
        if let Some(quoted) = find_quotation(rest) {
            is_cut = true;
            at = match quoted {
                Quotation::Lines(count) => at.saturating_add(count),
                Quotation::Rest => footer
                    .filter(|footer| *footer >= at)
                    .map_or(lines.len(), |footer| footer.saturating_add(1)),
            };
            continue;
        }
        let is_gap = line.trim().is_empty() && own_lines.last().is_none_or(|last| last.trim().is_empty());
        if !(is_cut && is_gap) {
            own_lines.push(line);
        }
        at = at.saturating_add(1);
    }
    ReplyText {
        text: own_lines.join("\n").trim().to_owned(),
        is_cut,
    }
}

/// How much of what follows is quoted.
enum Quotation {
    Lines(usize),
    Rest,
}

/// Whether the lines begin with a quotation or with a line that introduces one.
fn find_quotation(lines: &[&str]) -> Option<Quotation> {
    let line = lines.first()?;
    if line.starts_with('>') {
        return Some(Quotation::Lines(1));
    }
    if line.contains(REPLY_MARKER) {
        return Some(Quotation::Rest);
    }
    let is_marked = |skipped: usize| {
        let mut below = lines.iter().skip(skipped);
        below
            .find(|line| !line.is_empty())
            .is_some_and(|line| line.starts_with('>'))
    };
    if let Some((count, words)) = parse_attribution(lines) {
        if is_marked(count) {
            return Some(Quotation::Lines(count));
        }
        // Without `>` below, it may be a sentence of the sender.
        return mentions_address_or_time(&words).then_some(Quotation::Rest);
    }
    if is_separator(lines) {
        return Some(if is_marked(1) {
            Quotation::Lines(1)
        } else {
            Quotation::Rest
        });
    }
    // An attribution in an unknown language.
    let is_attribution =
        line.ends_with(':') && line.len() < 400 && mentions_address_or_time(line) && is_marked(1);
    is_attribution.then_some(Quotation::Lines(1))
}

/// Whether the line has an e-mail address or a time of day, as attributions do.
fn mentions_address_or_time(line: &str) -> bool {
    let is_time = |four: &[u8]| match four {
        [a, b':', c, d] => [a, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    line.contains('@') || line.as_bytes().windows(4).any(is_time)
}

fn is_footer(line: &str) -> bool {
    let line = line.trim_start_matches(['[', '<', '*', '_', ' ']);
    line.get(..OWN_FOOTER.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OWN_FOOTER))
}

/// Removes the marks of a quotation from a line.
fn strip_quote_marks(line: &str) -> &str {
    line.trim_start_matches(['>', ' ', '|'])
}

/// If the first lines are an attribution: how many lines, and their text.
fn parse_attribution(lines: &[&str]) -> Option<(usize, String)> {
    let first = strip_quote_marks(lines.first()?);
    let (_, words) = ATTRIBUTIONS
        .iter()
        .find(|(begins, _)| first.starts_with(begins))?;
    let mut joined = String::new();
    let broken = lines
        .iter()
        .take(MAX_ATTRIBUTION_LINES)
        .take_while(|line| !line.is_empty());
    for (at, line) in broken.enumerate() {
        joined.push_str(strip_quote_marks(line));
        let ends = joined.ends_with(':') && words.iter().any(|word| ends_attribution(&joined, word));
        if joined.len() >= 400 {
            return None;
        }
        if ends && joined.chars().any(|c| c.is_ascii_digit()) {
            return Some((at.saturating_add(1), joined));
        }
        joined.push(' ');
    }
    None
}

/// `... wrote:`, and in some languages `... schrieb Max Muster:`.
fn ends_attribution(line: &str, word: &str) -> bool {
    line.ends_with(word) || (!word.ends_with(':') && line.contains(&format!(" {word} ")))
}

/// Whether a separator begins here, as Outlook and others put it above quoted text.
fn is_separator(lines: &[&str]) -> bool {
    let mut lines = lines.iter();
    let Some(first) = lines.next() else {
        return false;
    };
    let dashes = first.starts_with("---") || first.starts_with("___");
    if dashes {
        let words = first.trim_matches(['-', '_', ' ']).to_lowercase();
        if ORIGINAL_MESSAGE_LABELS.contains(&words.as_str()) {
            return true;
        }
        let mut below = lines.take(4).filter(|line| !line.is_empty());
        return words.is_empty()
            && first.len() >= 10
            && below
                .next()
                .is_some_and(|line| starts_with_label(line, &FROM_LABELS));
    }
    starts_with_label(first, &FROM_LABELS) && lines.take(4).any(|line| starts_with_label(line, &SENT_LABELS))
}

/// Whether a line begins with one of these labels, which may be bold.
fn starts_with_label(line: &str, words: &[&str]) -> bool {
    let line = strip_quote_marks(line).trim_start_matches('*').to_lowercase();
    let line = line.replacen(":*", ":", 1);
    words.iter().any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_removed() {
        for quoted in [
            "On Fri, Nov 20, 2026 at 7:40 PM Edgedesk <desk@desk.example> wrote:\n\n> Hello\n> there",
            // Gmail breaks long attributions.
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
            "> -- Please write your answer above this line --\n> Hello",
            "W dniu 20.11.2026 o 19:40, Edgedesk <desk@desk.example> pisze:\n> Hello",
            "> Hello\n> there\n>\n\n",
        ] {
            let text = format!("It works now, thank you.\n\nJane\n\n{quoted}");
            assert_eq!(
                strip_quotes(&text).text,
                "It works now, thank you.\n\nJane",
                "{quoted}"
            );
        }
    }

    #[test]
    fn text_of_the_sender_is_kept() {
        for text in [
            "On Monday I wrote: it does not work",
            "On the screen it says:\nError 500\n\n\nThen nothing.",
            "On 20 Nov I wrote:\nit does not work",
            "From: the beginning it was broken.\nNothing else.",
            "Am I the only one? The tool schrieb nothing:",
            "----------\nA table\n----------",
            "-- \nJane\nExample Ltd.",
            "plain",
        ] {
            let reply = strip_quotes(text);
            assert_eq!((reply.text.as_str(), reply.is_cut), (text.trim(), false));
        }
        assert_eq!(strip_quotes(" \n "), ReplyText::default());
    }

    #[test]
    fn quoted_text_never_remains() {
        const OURS: &str = "-- Please write your answer above this line --\n\nHello Ann,\n\nBob left a note on x:\n\n  CANARY\n\n\
             See the ticket: https://desk.example/tickets/1\n\n--\nNo more mails of this kind: https://desk.example/u?token=1";
        let marked: String = OURS.lines().map(|line| format!("> {line}\n")).collect();
        let gmail = "On Fri, Nov 20, 2026 at 7:40 PM Desk <\nsupport+12.34n.abc@desk.example> wrote:\n\n";
        let apple = "> On 20 Nov 2026, at 19:40, Desk <d@desk.example> wrote:\n> \n";
        let thunderbird = "On 20.11.26 19:40, Desk wrote:\n";
        let outlook = "________________________________\nFrom: Desk <d@desk.example>\nSent: Friday, 20 November\nTo: x\nSubject: y\n\n";
        for (text, want) in [
            // Reply above the quotation.
            (format!("Mine.\n\n{gmail}{marked}"), "Mine."),
            (format!("Mine.\n\n{apple}{marked}"), "Mine."),
            (format!("Mine.\n\n{thunderbird}{marked}"), "Mine."),
            (format!("Mine.\n\n{outlook}{OURS}"), "Mine."),
            (format!("Mine.\n\n{gmail}{OURS}"), "Mine."),
            (format!("Mine.\n{OURS}"), "Mine."),
            // Reply below it.
            (format!("{gmail}{marked}\nMine."), "Mine."),
            (format!("{apple}{marked}\nMine."), "Mine."),
            (format!("{thunderbird}{marked}\nMine."), "Mine."),
            (format!("{marked}\nMine."), "Mine."),
            (format!("{outlook}{OURS}\n\nMine."), "Mine."),
            (format!("{OURS}\n\nMine."), "Mine."),
            (
                format!("Mine.\n\n{outlook}{OURS}\n\nAlso mine.\n"),
                "Mine.\n\nAlso mine.",
            ),
            // Reply between quotations.
            (
                format!("{gmail}> CANARY?\n\nMine.\n\n> CANARY!\n> > CANARY\n\nAlso mine."),
                "Mine.\n\nAlso mine.",
            ),
            (
                format!(
                    "{thunderbird}{}",
                    marked
                        .replace("> \n", "> \nMine.\n")
                        .replace("Mine.\n>", ">")
                        .replacen("> --\n", "> --\nMine.\n", 1)
                ),
                "Mine.",
            ),
            // Nothing but the quotation.
            (format!("{gmail}{marked}"), ""),
            (format!("{apple}{marked}"), ""),
            (format!("{thunderbird}{marked}"), ""),
            (format!("{outlook}{OURS}"), ""),
            (format!("\n\n{OURS}"), ""),
            (marked.clone(), ""),
            // An internal note that ends like one of our mails.
            (
                format!(
                    "{outlook}{}",
                    OURS.replace("  CANARY", "  No more mails of this kind\n  CANARY")
                ),
                "",
            ),
        ] {
            let reply = strip_quotes(&text);
            assert_eq!((reply.text.as_str(), reply.is_cut), (want, true), "{text}");
        }
    }

    #[test]
    fn malformed_input_takes_linear_time() {
        for line in [
            "> x\n",
            "On 1 wrote:\n",
            "From: x\n",
            "___________\n",
            "\n",
            "On 1\n> x\ny\n",
        ] {
            let text = format!("Hello\n{}\nend", line.repeat(300_000));
            assert!(strip_quotes(&text).text.starts_with("Hello"));
        }
    }
}
