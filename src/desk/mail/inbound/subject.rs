//! The subject of a mail: the title of the ticket that it opens, and the ticket that it names.

use crate::desk::fold::is_blank;

/// Characters of a ticket's title.
const MAX_TITLE_CHARS: usize = 200;
/// The title for a mail without a subject.
const DEFAULT_TITLE: &str = "(no subject)";

/// Words that programs put in front of the subject of a reply or a forwarded mail. An unknown one is recognised by its
/// shape, if the mail answers another one.
const PREFIXES: &str = " re r aw antw antwort sv svar vs vast ang res resp rsp rep rép réf ref rif odp odg odpověď atb vá \
    bls balas ynt yan cvp cevap απ απάντηση σχετ отв ответ відп на одг ri rv fw fwd fyi wg tr i enc encam doorst fs vl \
    vb pd továbbítás ilt yml προωθ пер перес пересл fwd: re: 回复 回覆 答复 答覆 转发 轉寄 转寄 轉發 返信 転送 답장 회신 전달 ตอบ \
    ส่งต่อ השב תגובה הועבר העברה رد إعادة توجيه پاسخ πρ προώθηση відп переслано chuyển tiếp trả lời ";

/// What Exchange puts in front of the subject of an automatic answer.
const AUTOMATIC_ANSWERS: [&str; 22] = [
    "automatic reply",
    "out of office",
    "automatische antwort",
    "abwesend",
    "abwesenheitsnotiz",
    "réponse automatique",
    "respuesta automática",
    "resposta automática",
    "risposta automatica",
    "automatisch antwoord",
    "autosvar",
    "automatisk svar",
    "automatiskt svar",
    "automaattinen vastaus",
    "automatická odpověď",
    "odpowiedź automatyczna",
    "automatikus válasz",
    "otomatik yanıt",
    "автоматический ответ",
    "自动答复",
    "自動返信",
    "자동 회신",
];

/// Characters of a prefix that is recognised by its shape.
const MAX_PREFIX_CHARS: usize = 10;

/// The title of a ticket: the subject without the prefixes of replies. `is_answer` says that the mail answers another
/// one.
pub fn title(subject: &str, is_answer: bool) -> String {
    let subject = strip_prefixes(subject, is_answer);
    match subject.chars().count() {
        _ if subject.chars().all(is_blank) => DEFAULT_TITLE.to_owned(),
        1 | 2 => format!("Mail: {subject}"),
        _ => truncate(subject, MAX_TITLE_CHARS).to_owned(),
    }
}

/// At most `most` characters.
pub fn truncate(text: &str, most: usize) -> &str {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or(text).trim_end(),
        None => text,
    }
}

/// What the sender has written into the subject of an answer, instead of a text. `None` if it is the subject of the mail
/// that is answered: a program has put a prefix in front of it, or it names the ticket, or is the title.
pub fn own_words<'a>(subject: &'a str, number: &str, title: &str) -> Option<&'a str> {
    let upper = subject.to_ascii_uppercase();
    let head = match upper.find(number) {
        Some(at) => subject.get(..at).unwrap_or_default(),
        None => subject,
    };
    let own = head.trim_end_matches(['[', '(', ' ']).trim();
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let (own_letters, bare) = (letters(own), letters(strip_prefixes(own, true)));
    // A long title is cut in our mails.
    let is_cut = bare.len() > 100 && letters(title).starts_with(&bare);
    let is_title = is_cut || [&own_letters, &bare].contains(&&letters(title));
    let is_answer = strip_prefixes(own, false) != own;
    (!bare.is_empty() && !is_title && !is_answer).then_some(own)
}

/// Whether programs begin the subjects of automatic answers like this one. Only Exchange marks them like any mail of a
/// program.
pub fn is_automatic_answer(subject: &str) -> bool {
    let subject = subject.trim().to_lowercase();
    AUTOMATIC_ANSWERS.iter().any(|words| {
        let rest = subject.strip_prefix(words).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with([':', '：']))
    })
}

fn strip_prefixes(subject: &str, is_answer: bool) -> &str {
    let mut rest = subject.trim();
    let mut may_guess = is_answer;
    while let Some((word, counter, after)) = split_prefix(rest) {
        // A Turkish İ becomes two characters in lower case.
        let known = format!(" {} ", word.to_lowercase().replace('\u{307}', ""));
        let is_short = word.chars().count() <= MAX_PREFIX_CHARS && !word.contains(' ');
        if !(PREFIXES.contains(&known) || (is_short && (counter || may_guess))) {
            break;
        }
        // Only the outermost one was put there by a program for sure.
        may_guess = false;
        rest = after.trim();
    }
    rest
}

/// A word in front of a colon, whether it has a counter as in `Re[2]:`, and what follows.
fn split_prefix(subject: &str) -> Option<(&str, bool, &str)> {
    let (head, after) = subject.split_once([':', '：'])?;
    let head = head.trim();
    let (word, counter) = match head
        .strip_suffix([']', ')'])
        .and_then(|head| head.rsplit_once(['[', '(']))
    {
        Some((word, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => (word.trim(), true),
        Some(_) => return None,
        None => match head.split_once('^') {
            Some((word, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => (word, true),
            _ => (head, false),
        },
    };
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || is_mark(c));
    is_word.then_some((word, counter, after))
}

/// Marks that stand with letters, as in Thai or Hindi.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control()
}

/// The number of the ticket that the subject names: `TICK-20260101-0001`.
pub fn ticket_number(subject: &str) -> Option<String> {
    // Some programs write other hyphens, which do not break a line.
    let is_hyphen = |c: char| matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}');
    let upper = subject.replace(is_hyphen, "-").to_ascii_uppercase();
    let mut rest = upper.as_str();
    while let Some((before, after)) = rest.split_once("TICK-") {
        let is_apart = !before.ends_with(|c: char| c.is_alphanumeric());
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let day = digits(after);
        let count = after
            .get(day..)
            .and_then(|rest| rest.strip_prefix('-'))
            .map_or(0, digits);
        if is_apart && day == 8 && (4..=12).contains(&count) {
            let length = day.saturating_add(count).saturating_add(1);
            return after.get(..length).map(|number| format!("TICK-{number}"));
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_become_titles() {
        let long = "ü".repeat(300);
        for (subject, want) in [
            ("The printer", "The printer"),
            ("Re: AW: re: The printer", "The printer"),
            ("Fwd: The printer", "The printer"),
            ("Re[2]: The printer", "The printer"),
            ("Re(3): The printer", "The printer"),
            ("RE^2: The printer", "The printer"),
            ("Re : The printer", "The printer"),
            ("VS: The printer", "The printer"),
            ("Antwort: The printer", "The printer"),
            ("回复：打印机坏了", "打印机坏了"),
            ("답장: 프린터", "프린터"),
            ("Отв: Принтер", "Принтер"),
            ("ENC: Impressora", "Impressora"),
            ("TR : Imprimante", "Imprimante"),
            ("YNT: İLT: Yazıcı", "Yazıcı"),
            ("Error: disk is full", "Error: disk is full"),
            ("Urgent: Re: x", "Urgent: Re: x"),
            ("VPN: no connection", "VPN: no connection"),
            ("Regarding: this", "Regarding: this"),
            ("12:30 the printer", "12:30 the printer"),
            ("http://x.example is down", "http://x.example is down"),
            ("", "(no subject)"),
            ("Re: ", "(no subject)"),
            ("\u{200b}\u{3164}", "(no subject)"),
            ("Hi", "Mail: Hi"),
            (&long, &long[..400]),
        ] {
            assert_eq!(title(subject, false), want, "{subject}");
        }
        // Prefixes of languages that nobody has thought of.
        for (subject, want) in [
            ("Vastaus: The printer", "The printer"),
            ("Javob: The printer", "The printer"),
            ("उत्तर: The printer", "The printer"),
            ("Re: Error: disk is full", "Error: disk is full"),
            ("A sentence: with a colon", "A sentence: with a colon"),
        ] {
            assert_eq!(title(subject, true), want, "{subject}");
        }
    }

    #[test]
    fn a_subject_may_be_all_that_somebody_writes() {
        for (subject, want) in [
            ("Re: [TICK-20260101-0001] Broken press", None),
            ("RE: Broken press", None),
            ("Broken press", None),
            ("Press: Broken press", None),
            ("Vastaus: [TICK-20260101-0001] Broken press", None),
            ("", None),
            ("Re:", None),
            ("Yes, please go ahead", Some("Yes, please go ahead")),
            (
                "Solved, thank you (was: Re: x)",
                Some("Solved, thank you (was: Re: x)"),
            ),
            (
                "Solved, thank you! [TICK-20260101-0001] Broken press",
                Some("Solved, thank you!"),
            ),
            ("Solved (tick-20260101-0001)", Some("Solved")),
            ("Urgent: call me", Some("Urgent: call me")),
            ("好的", Some("好的")),
            ("Re: another one", None),
        ] {
            let found = own_words(subject, "TICK-20260101-0001", "Broken press");
            assert_eq!(found, want, "{subject}");
        }
    }

    #[test]
    fn automatic_answers_are_known_by_their_subject() {
        for (subject, want) in [
            ("Automatic reply: x", true),
            ("Réponse automatique : x", true),
            ("自动答复：x", true),
            ("Automatic reply is broken", false),
            ("Re: Automatic reply: x", false),
        ] {
            assert_eq!(is_automatic_answer(subject), want, "{subject}");
        }
    }

    #[test]
    fn tickets_are_named_by_their_number() {
        for (subject, want) in [
            ("Re: [TICK-20260101-0001] x", Some("TICK-20260101-0001")),
            ("tick-20260101-12345", Some("TICK-20260101-12345")),
            ("(TICK-20260101-0001)", Some("TICK-20260101-0001")),
            ("TICK-1, TICK-20260101-0002", Some("TICK-20260101-0002")),
            ("TICK\u{2011}20260101\u{2011}0001", Some("TICK-20260101-0001")),
            ("TICK\u{2013}20260101\u{2013}0001 x", Some("TICK-20260101-0001")),
            ("STICK-20260101-0001", None),
            ("TICK-20260101-1", None),
            ("TICK-2026-0001", None),
            ("The ticket", None),
        ] {
            assert_eq!(ticket_number(subject).as_deref(), want, "{subject}");
        }
    }
}
