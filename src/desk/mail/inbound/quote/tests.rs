//! Replies as mail programs write them, in many languages.

use super::*;

const OURS: &str = "-- Please write your answer above this line --\n\nHello Ann,\n\nBob answered on “x” (TICK-20260101-0001):\n\n  CANARY\n\n\
     See the ticket: https://desk.example/tickets/1\n\n--\nNo more mails of this kind: https://desk.example/u?token=1";

fn strip(text: &str) -> ReplyText {
    let addresses = ["support@desk.example".to_owned(), "desk@desk.example".to_owned()];
    let own = OwnMail {
        addresses: &addresses,
        name: Some("edgedesk"),
        known: None,
        ..OwnMail::default()
    };
    strip_own_mail(text, own)
}

fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("> {line}\n")).collect()
}

#[test]
fn our_mail_is_removed_with_what_programs_write_above_it() {
    let plain = OURS.to_owned();
    let marked = quoted(OURS);
    for (above, below) in [
        ("", &plain),
        ("", &marked),
        // Attributions of many languages.
        (
            "On Fri, Nov 20, 2026 at 7:40 PM Edgedesk <support+12.34.abc@desk.example> wrote:\n\n",
            &marked,
        ),
        (
            "On Fri, Nov 20, 2026 at 7:40 PM Edgedesk Support Desk <\nsupport+12.34.abc@desk.example> wrote:\n\n",
            &marked,
        ),
        (
            "On Friday, November 20, 2026 at\n7:40 PM Edgedesk <support+12.34.abc@desk.example>\nwrote:\n",
            &marked,
        ),
        ("On 20/11/2026 19:40, Edgedesk wrote:\n", &marked),
        (
            "> On 20 Nov 2026, at 19:40, Edgedesk <desk@desk.example> wrote:\n> \n",
            &marked,
        ),
        (
            "Am Fr., 20. Nov. 2026 um 19:40 Uhr schrieb Edgedesk <desk@desk.example>:\n",
            &marked,
        ),
        ("Am 20.11.2026 um 19:40 schrieb Edgedesk:\n", &marked),
        (
            "Le ven. 20 nov. 2026 à 19:40, Edgedesk <desk@desk.example> a écrit :\n",
            &marked,
        ),
        (
            "El vie, 20 nov 2026 a las 19:40, Edgedesk (<desk@desk.example>) escribió:\n",
            &marked,
        ),
        (
            "W dniu 20.11.2026 o 19:40, Edgedesk <desk@desk.example> pisze:\n",
            &marked,
        ),
        (
            "Den fre 20 nov. 2026 kl 19:40 skrev Edgedesk <desk@desk.example>:\n",
            &marked,
        ),
        (
            "pe 20. marrask. 2026 klo 19.40 Edgedesk (desk@desk.example) kirjoitti:\n",
            &marked,
        ),
        (
            "20 Kas 2026 Cum 19:40 tarihinde Edgedesk <desk@desk.example> şunu yazdı:\n",
            &marked,
        ),
        (
            "пт, 20 нояб. 2026 г. в 19:40, Edgedesk <desk@desk.example>:\n",
            &marked,
        ),
        (
            "2026年11月20日(金) 19:40 Edgedesk <desk@desk.example>:\n",
            &marked,
        ),
        (
            "Edgedesk <desk@desk.example> 于2026年11月20日周五 19:40写道：\n",
            &marked,
        ),
        (
            "2026년 11월 20일 (금) 오후 7:40, Edgedesk <desk@desk.example>님이 작성:\n",
            &marked,
        ),
        (
            "\u{202b}בתאריך יום ו׳, 20 בנוב׳ 2026 ב-19:40 מאת \u{202a}Edgedesk\u{202c}\u{200f} <\u{202a}desk@desk.example\u{202c}\u{200f}>:\u{202c}\n",
            &marked,
        ),
        (
            "---- On Fri, 20 Nov 2026 19:40:00 +0100 Edgedesk <desk@desk.example> wrote ---\n\n",
            &plain,
        ),
        ("On 20 Nov 2026, at 19:40, the desk wrote:\n\n", &plain),
        // Header blocks of many languages.
        (
            "________________________________\nFrom: Edgedesk <desk@desk.example>\nSent: Friday\nTo: x\nSubject: y\n\n",
            &plain,
        ),
        (
            "From: Edgedesk\nSent: Friday, 20 November 2026 19:40\nTo: ann@x.example\nSubject: y\n\n",
            &plain,
        ),
        (
            "*From:* Somebody\n*Sent:* Friday\n*To:* x\n*Subject:* [TICK-20260101-0001] x\n\n",
            &plain,
        ),
        (
            "De : Edgedesk\nEnvoyé : vendredi 20 novembre\nÀ : x\nObjet : y\n\n",
            &plain,
        ),
        (
            "Från: Edgedesk <desk@desk.example>\nSkickat: den 20 november 2026 19:40\nTill: x\nÄmne: y\n\n",
            &plain,
        ),
        (
            "Lähettäjä: Edgedesk <desk@desk.example>\nLähetetty: perjantai\nVastaanottaja: x\nAihe: y\n\n",
            &plain,
        ),
        (
            "差出人: Edgedesk <desk@desk.example>\n送信日時: 2026年11月20日\n宛先: x\n件名: y\n\n",
            &plain,
        ),
        (
            "发件人：Edgedesk <desk@desk.example>\n发送时间：2026年11月20日\n收件人：x\n主题：y\n\n",
            &plain,
        ),
        (
            "От: Edgedesk <desk@desk.example>\nОтправлено: 20 ноября\nКому: x\nТема: y\n\n",
            &plain,
        ),
        (
            "-----Original Message-----\nFrom: Edgedesk <desk@desk.example>\nSent: x\nTo: y\n\n",
            &plain,
        ),
        (
            "-----Ursprüngliche Nachricht-----\nVon: Edgedesk\nGesendet: Freitag\nAn: y\nBetreff: a very long one that\ngoes on here\n\n",
            &plain,
        ),
        (
            "________________________________________\n\nVon: Edgedesk\nGesendet: Freitag\n\n",
            &plain,
        ),
        (
            "From: Edgedesk\n\nSent: Friday\n\nTo: x\n\nSubject: y\n\n",
            &plain,
        ),
        ("> From: Edgedesk\n> Sent: Friday\n> To: x\n>\n", &marked),
        (
            "---------- Forwarded message ---------\nFrom: Edgedesk <desk@desk.example>\nDate: Fri\nSubject: y\nTo: x\n\n\n",
            &plain,
        ),
    ] {
        for mine in ["It works now, thank you.\n\nJane", "See:\nModel: X5\n\nJane"] {
            let text = format!("{mine}\n\n{above}{below}");
            assert_eq!(
                (strip(&text).text.as_str(), strip(&text).is_cut),
                (mine, true),
                "{text}"
            );
            // Without an empty line above it, and with an answer below it.
            let text = format!("{mine}\n{above}{below}\n\nAlso mine.");
            if above.starts_with(['O', 'A', 'L', '>', '-', '_']) {
                assert_eq!(strip(&text).text, format!("{mine}\n\nAlso mine."), "{text}");
            }
        }
        let nothing = strip(&format!("{above}{below}"));
        assert_eq!(
            (nothing.text.as_str(), nothing.is_cut),
            ("", true),
            "{above}{below}"
        );
    }
}

#[test]
fn what_the_sender_wrote_is_kept() {
    for text in [
        "plain",
        "On Monday I wrote: it does not work",
        "On 27 Nov at 10:00 the technician wrote:\nreplace the drum\nShall I order it?",
        "> ERROR 17\n> ERROR 18",
        "Look:\n> ERROR 17\n\nWhat is it?",
        "From: Berlin\nDate: Monday\nTo: Paris\n\nIs there a train?",
        "-----Original Message-----\nFrom: me\n\nthe old text",
        "Yes.\n\nOn 20 Nov 2026, at 19:40, Desk <d@d.example> wrote:\n> Hello",
        "________________________________\nFrom: Bob <bob@x.example>\nSent: Friday\nTo: x\n\nHello",
        "----------\nA table\n----------",
        "-- \nJane\nExample Ltd.",
        "No more mails of this kind, please!",
        "  indented\nand not",
    ] {
        let reply = strip(text);
        assert_eq!((reply.text.as_str(), reply.is_cut), (text, false));
    }
    assert_eq!(strip(" \n ").text, "");
    // Right above our mail, too.
    for mine in [
        "> ERROR 17\nShall I order it?",
        "Model: X5\nSerial: 123",
        "The code is 4711:",
        "Call me at 10:00:",
        "On 27 Nov the technician said: no\n\nBut I do not know.",
        "From: Berlin\nTo: Paris",
    ] {
        assert_eq!(strip(&format!("{mine}\n\n{}", quoted(OURS))).text, mine);
        assert_eq!(strip(&format!("{mine}\n\n{OURS}")).text, mine);
    }
}

#[test]
fn answers_stand_below_and_between() {
    let gmail = "On Fri, Nov 20, 2026 at 7:40 PM Edgedesk <\nsupport+12.34n.abc@desk.example> wrote:\n\n";
    let outlook =
        "________________________________\nFrom: Edgedesk\nSent: Friday, 20 November\nTo: x\nSubject: y\n\n";
    let marked = quoted(OURS);
    let deeper = quoted(&format!(
        "On Friday, Bob <bob@x.example> wrote:\n\n{marked}\nBob's words."
    ));
    for (text, want) in [
        (format!("{gmail}{marked}\nMine."), "Mine."),
        (
            format!("{marked}\nMine.\n> my own quotation"),
            "Mine.\n> my own quotation",
        ),
        (format!("{outlook}{OURS}\n\nMine."), "Mine."),
        (
            format!("Mine.\n\n{outlook}{OURS}\n\nAlso mine.\n"),
            "Mine.\n\nAlso mine.",
        ),
        (
            format!(
                "{gmail}{}",
                marked.replacen(">   CANARY\n", ">   CANARY\nMine.\n>\n", 1)
            ),
            "Mine.",
        ),
        // A link that was broken off, and lines that were not.
        (
            format!("Mine.\n{}", marked.replace("kind: https", "kind:\n> https")),
            "Mine.",
        ),
        (
            format!(
                "Mine.\n{}",
                marked.replace("above this line", "above\n> this line")
            ),
            "Mine.",
        ),
        // Our mail within somebody's: only ours goes.
        (
            format!("Mine.\n\n{deeper}"),
            "Mine.\n\n> On Friday, Bob <bob@x.example> wrote:\n>\n> Bob's words.",
        ),
        // Two mails of ours.
        (
            format!("Mine.\n\n{marked}\nBetween.\n\n{OURS}\nBelow."),
            "Mine.\n\nBetween.\n\nBelow.",
        ),
        // Without our last line everything below the first one is ours.
        (
            format!("Mine.\n\n{}", OURS.split("--\nNo").next().unwrap()),
            "Mine.",
        ),
        (
            format!("{gmail}> -- Please write your answer above this line --\n> CANARY\n\nMine."),
            "Mine.",
        ),
        // A message that ends like one of our mails.
        (
            format!(
                "{outlook}{}",
                OURS.replace("  CANARY", "  No more mails of this kind\n  CANARY")
            ),
            "",
        ),
    ] {
        let text = strip(&text).text.replace(">\n>\n", ">\n").replace("> \n", ">\n");
        assert_eq!(text, want, "{text}");
    }
}

#[test]
fn what_was_written_into_our_mail_is_told_by_its_text() {
    let known = fold(OURS);
    let own = OwnMail {
        known: Some(&known),
        ..OwnMail::default()
    };
    // A mail about something else cannot be told from what was written into it.
    let other = "-- Please write your answer above this line --\n\nHello,\n\n  CANARY\n\n--\nNo more mails of this kind: x";
    assert_eq!(strip_own_mail(other, own).text, "");
    assert_eq!(strip_own_mail(&quoted(other), own).text, "");
    let text = OURS.replace("  CANARY\n", "  CANARY\n[Jane] I have tried that.\n");
    assert_eq!(strip_own_mail(&text, own).text, "[Jane] I have tried that.");
    assert_eq!(strip_own_mail(OURS, own).text, "");
    assert_eq!(strip_own_mail(&quoted(OURS), own).text, "");
}

#[test]
fn words_of_the_sender_that_resemble_ours_are_kept() {
    let addresses = ["support@desk.example".to_owned(), "desk@desk.example".to_owned()];
    for (name, mine) in [
        // Our name may be a word of every sentence.
        ("it", "Model: X5 with unit\nSerial: it is 123"),
        ("support", "Model: X5\nSupport contract: 123"),
        ("service", "I have told the service 3 times:"),
        ("it", "It says:"),
        ("edgedesk", "I called on 12 May, 3 times:"),
        ("edgedesk", "Ticket: TICK-20260101-0001\nSerial: 123"),
        ("edgedesk", "Name: Ann\nMail: support@desk.example"),
        ("edgedesk", "I wrote to support@desk.example:"),
        (
            "edgedesk",
            "What does \"please write your answer above this line\" mean?\nWhere is it?",
        ),
        (
            "edgedesk",
            "Please write your answer above this line is what I read.\nWhy?",
        ),
        ("edgedesk", "Why do I get \"No more mails of this kind\"?"),
    ] {
        let own = OwnMail {
            addresses: &addresses,
            name: Some(name),
            known: None,
            ..OwnMail::default()
        };
        for below in [
            String::new(),
            format!("\n\n{}", quoted(OURS)),
            format!("\n\n{OURS}"),
        ] {
            let text = format!("{mine}{below}");
            assert_eq!(strip_own_mail(&text, own).text, mine, "{text}");
        }
    }
}

#[test]
fn quotations_are_known_by_other_marks() {
    for mark in [">", "> >", "|", "│", "＞", "ED>"] {
        let lines = OURS
            .lines()
            .map(|line| format!("{mark} {line}").trim_end().to_owned());
        let ours: Vec<String> = lines.collect();
        let text = format!("Above.\n\n{}\nBelow.", ours.join("\n"));
        assert_eq!(strip(&text).text, "Above.\n\nBelow.", "{mark}");
    }
}

#[test]
fn answers_within_a_quotation_without_marks_are_found() {
    let outlook = "From: Edgedesk <desk@desk.example>\nSent: Friday\nTo: x\n\n";
    let ours = OURS.replace(
        "  CANARY",
        "  Have you tried to restart it?\n  Does the lamp blink? Yes or no.\n  CANARY",
    );
    let known =
        fold("x TICK-20260101-0001\nHave you tried to restart it?\nDoes the lamp blink? Yes or no.\nCANARY");
    let own = OwnMail {
        known: Some(&known),
        ..OwnMail::default()
    };
    for answer in ["I did that.", "No.", "Yes", "是", "👍", "5", "restart"] {
        let inline = ours.replace("restart it?\n", &format!("restart it?\n{answer}\n"));
        let text = format!("See below.\n\n{outlook}{inline}");
        let addresses = ["desk@desk.example".to_owned()];
        let own = OwnMail {
            addresses: &addresses,
            ..own
        };
        let found = strip_own_mail(&text, own);
        assert_eq!(
            (found.text.as_str(), found.is_unmarked),
            (format!("See below.\n\n{answer}").as_str(), true)
        );
        // Without our last line, which was deleted.
        let cut = inline.split("--\nNo").next().unwrap();
        assert_eq!(
            strip_own_mail(&format!("{cut}\nBelow."), own).text,
            format!("{answer}\nBelow.")
        );
    }
    // The message has been edited since, so that nothing can be told apart.
    let text = format!(
        "See below.\n\n{}",
        ours.replace("Have you tried to", "Did you")
            .replace("Does the", "Is a")
    );
    let careful = OwnMail {
        is_careful: true,
        ..own
    };
    assert_eq!(strip_own_mail(&text, careful).text, "See below.");
    // Our own lines, broken and joined.
    for (from, to) in [
        ("Have you tried to restart it?", "Have you tried to restart\nit?"),
        ("restart it?\n  Does", "restart it? Does"),
        ("answered on “x” (", "answered on “a long\ntitle” ("),
        (
            "Bob answered on “x” (TICK-20260101-0001):",
            "there has been so much about “x” (TICK-20260101-0001)\n\nBob answered:",
        ),
    ] {
        let text = format!("Mine.\n\n{}", ours.replace(from, to));
        assert_eq!(strip_own_mail(&text, own).text, "Mine.", "{to}");
    }
    let long = fold(&"the quick brown fox ".repeat(20_000));
    let own = OwnMail {
        known: Some(&long),
        ..OwnMail::default()
    };
    let text = format!("{REPLY_MARKER}\n{}", "my own words\n".repeat(20_000));
    assert!(strip_own_mail(&text, own).text.starts_with("my own words"));
}

#[test]
fn malformed_input_takes_linear_time() {
    for line in [
        "> x\n",
        "On 1 wrote:\n",
        "From: x\n",
        "___________\n",
        "\n",
        ">\n",
        "please write\n",
    ] {
        let text = format!("Hello\n{}\nend", line.repeat(300_000));
        assert!(strip(&text).text.starts_with("Hello"));
    }
    let many = "-- Please write your answer above this line --\n".repeat(20_000);
    assert_eq!(strip(&format!("Hello\n{many}")).text, "Hello");
}
