//! Mails as they really come: what people have reported about help desks, each kind with variants.

use crate::support::make::{self, unique};
use crate::support::post::{Delivered, deliver, desk, plain, proof, thread, unproven};
use crate::support::{Admin, Caller, Customer, Manager, Value, Worker, json, race, time};

const SUPPORT: &str = "support@desk.example";
const MARKER: &str = "-- Please write your answer above this line --";
const FOOTER: &str = "No more mails of this kind: https://desk.example/u";

#[track_caller]
fn accepted(from: &str, to: &str, raw: &[u8]) {
    assert_eq!(deliver(Worker::shared(), from, to, raw), Delivered::Accepted);
}

fn answers_to(ticket: &Value, who: &Caller) -> String {
    desk(Worker::shared()).address_for(thread(ticket, who))
}

fn messages(ticket: &Value) -> Vec<String> {
    let path = format!("/tickets/{}/comments", ticket["id"]);
    let rows = Admin::any().get(&path).is(200).rows();
    rows.iter()
        .map(|row| row["body"].as_str().unwrap().to_owned())
        .collect()
}

fn found(word: &str) -> Vec<Value> {
    Admin::any().get(&format!("/tickets?q={word}")).is(200).rows()
}

#[track_caller]
fn one(word: &str) -> Value {
    let tickets = found(word);
    assert_eq!(tickets.len(), 1, "tickets with {word}");
    tickets[0].clone()
}

fn user(ticket: &Value) -> Value {
    Admin::any()
        .get(&format!("/users/{}", ticket["requester"]["id"]))
        .is(200)
        .json()
}

/// A mail with this header, and a content type of its own.
fn raw(header: &str, content: &str) -> Vec<u8> {
    format!(
        "{header}\nMessage-ID: <{}@x>\nMIME-Version: 1.0\n{content}\n",
        unique()
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

fn text(body: &str) -> String {
    format!("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}")
}

#[test]
fn a_mail_that_opens_a_ticket_is_kept_whole() {
    let customer = Customer::fresh();
    let quoted = format!("> {MARKER}\n> Hello,\n> {FOOTER}");
    for (subject, body) in [
        ("", "> ERROR 17\n> ERROR 18 WORD".to_owned()),
        ("Fw: Broken press", "See below WORD.\n\nFrom: Bob <bob@x.example>\nSent: Friday\nTo: me\nSubject: Broken\n\nIt broke.".to_owned()),
        ("ENC: Impressora", "Veja WORD\n\n-----Mensagem original-----\nDe: Bob\nEnviada em: sexta\n\nQuebrou.".to_owned()),
        ("TR : Presse", "Voir WORD\n\nLe 20 nov. 2026 à 19:40, Bob <bob@x.example> a écrit :\n> Cassée.".to_owned()),
        ("WG: Presse", "Siehe WORD\n\n________________________________\nVon: Bob\nGesendet: Freitag\nAn: x\n\nKaputt.".to_owned()),
        ("Re: Broken press", "Still broken WORD.\n\nOn Fri, Nov 20, 2026 at 7:40 PM Bob <bob@x.example> wrote:\n> Is it?".to_owned()),
        ("转发: 打印机", "见下文 WORD\n\n发件人: Bob\n发送时间: 2026年\n收件人: x\n\n坏了".to_owned()),
        ("Fwd: your mail", format!("What is this WORD?\n\n{quoted}")),
    ] {
        let word = unique();
        let body = body.replace("WORD", &word);
        accepted(&customer.email, SUPPORT, &plain(&customer.email, subject, "", &body));
        assert_eq!(one(&word)["description"], body, "{subject}");
    }
}

#[test]
fn the_own_words_of_an_answer_are_no_quotation() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let wanted = [
        "On 27 Nov at 10:00 the technician wrote:\nreplace the drum\nShall I order it?",
        "> ERROR 17\n> ERROR 18",
        "From: Berlin\nDate: Monday\n\nIs there a train?",
        "-----Original Message-----\nThis is what it prints on every page.",
        "Am 27.11. um 10:00 schrieb der Techniker:\nTrommel tauschen",
    ];
    for body in wanted {
        accepted(&customer.email, &to, &plain(&customer.email, "Re: x y", "", body));
    }
    assert_eq!(messages(&ticket), wanted);
    // HTML, likewise; and below our own mail.
    let html = format!(
        "{}From: {}\nSubject: Re: x\nMessage-ID: <{}@x>\nContent-Type: text/html; charset=utf-8\n\n\
         <p>It prints:</p><blockquote>ERROR 17</blockquote><p>Why?</p>\
         <div>On 20 Nov 2026 at 19:40 Edgedesk &lt;{to}&gt; wrote:</div>\
         <blockquote type=cite><p>{MARKER}</p><p>Hello</p><p>CUT</p><p>{FOOTER}</p></blockquote>\n",
        proof(&customer.email),
        customer.email,
        unique()
    );
    accepted(&customer.email, &to, html.replace('\n', "\r\n").as_bytes());
    assert_eq!(messages(&ticket)[5], "It prints:\n> ERROR 17\nWhy?");
}

#[test]
fn whoever_has_an_address_is_heard() {
    let word = unique();
    let me = |local: &str, host: &str| format!("{local}.{word}@{host}");
    for (from, address, name) in [
        (
            "J\u{fc}rgen RAW <ADDRESS>",
            me("raw", "example.org"),
            "Jürgen RAW",
        ),
        ("Doe, Jane <ADDRESS>", me("comma", "example.org"), "Jane Doe"),
        ("\"Doe, Jane\" <ADDRESS>", me("quoted", "example.org"), "Jane Doe"),
        ("'Jane Doe' <ADDRESS>", me("single", "example.org"), "Jane Doe"),
        (
            "=?utf-8?Q?Jane_Doe_=3CADDRESS=3E?=",
            me("encoded", "example.org"),
            "Jane Doe",
        ),
        ("Us: Jane Doe <ADDRESS>;", me("group", "example.org"), "Jane Doe"),
        ("Jane Doe <ADDRESS.>", me("dot", "example.org"), "Jane Doe"),
        ("Jane Doe <ADDRESS>", me("ta..ro", "docomo.example"), "Jane Doe"),
        (
            "Jane Doe <ADDRESS>",
            me("under", "mail_server.example"),
            "Jane Doe",
        ),
        ("Scanner <ADDRESS>", me("scanner", "localhost"), "Scanner"),
    ] {
        let one_word = unique();
        let header = format!("From: {}\nSubject: Who am I", from.replace("ADDRESS", &address));
        let mut bytes = raw(&header, &text(&one_word));
        if name.contains("RAW") {
            // One byte of Latin-1, as programs of old write it.
            let at = bytes.windows(2).position(|two| two == "ü".as_bytes()).unwrap();
            bytes.splice(at..at + 2, [0xfc]);
        }
        accepted(&address, SUPPORT, &bytes);
        let user = user(&one(&one_word));
        assert_eq!(
            (&user["email"], &user["full_name"]),
            (&json!(address), &json!(name)),
            "{from}"
        );
    }
    // A name that is only the address once more is none.
    let address = me("same", "example.org");
    let one_word = unique();
    accepted(
        &address,
        SUPPORT,
        &unproven(
            &format!("\"{address}\" <{address}>"),
            "Hello there",
            "",
            &one_word,
        ),
    );
    let user = user(&one(&one_word));
    assert_eq!(
        (&user["first_name"], &user["last_name"]),
        (&json!(""), &json!(""))
    );
}

#[test]
fn lists_and_machines_open_tickets() {
    let customer = Customer::fresh();
    for header in [
        "List-Id: <team.example.org>\n",
        "Precedence: list\n",
        "Precedence: bulk\nList-Unsubscribe: <mailto:x@example.org>\n",
        "Auto-Submitted: auto-generated\n",
        "Auto-Submitted: auto-notified\n",
        "X-Auto-Response-Suppress: All\n",
        "Feedback-ID: 1:x:y\n",
    ] {
        let word = unique();
        accepted(
            &customer.email,
            SUPPORT,
            &plain(&customer.email, "Disk is full", header, &word),
        );
        assert_eq!(one(&word)["title"], "Disk is full", "{header}");
    }
    // A person answers by way of a list.
    let ticket = make::ticket(&customer);
    let raw = plain(&customer.email, "Re: x", "List-Id: <team.example.org>\n", "Yes.");
    accepted("team-bounces@example.org", &answers_to(&ticket, &customer), &raw);
    assert_eq!(messages(&ticket), ["Yes."]);
}

#[test]
fn only_the_same_content_to_the_same_ticket_is_the_same_mail() {
    let customer = Customer::fresh();
    let (one_ticket, other) = (make::ticket(&customer), make::ticket(&customer));
    let id = unique();
    let mail = |body: &str| {
        format!(
            "{}From: {}\nSubject: Re: x y z\nMessage-ID: <{id}@x>\n{}\n",
            proof(&customer.email),
            customer.email,
            text(body)
        )
        .replace('\n', "\r\n")
        .into_bytes()
    };
    for to in [&one_ticket, &other, &one_ticket].map(|ticket| answers_to(ticket, &customer)) {
        accepted(&customer.email, &to, &mail("To both."));
    }
    assert_eq!(
        (messages(&one_ticket), messages(&other)),
        (vec!["To both.".to_owned()], vec!["To both.".to_owned()])
    );
    // Another text under the same id, and a relay that adds its own fields.
    let to = answers_to(&one_ticket, &customer);
    accepted(&customer.email, &to, &mail("Another text."));
    let relayed = [b"Received: from a by b\r\n".as_slice(), &mail("Another text.")].concat();
    accepted(&customer.email, &to, &relayed);
    assert_eq!(messages(&one_ticket), ["To both.", "Another text."]);
    let (first, second) = (unique(), unique());
    accepted(&customer.email, SUPPORT, &mail(&first));
    accepted(&customer.email, SUPPORT, &mail(&second));
    accepted(&customer.email, SUPPORT, &mail(&first));
    one(&first);
    one(&second);
}

#[test]
fn mails_find_their_ticket_without_an_address_of_ours() {
    let customer = Customer::fresh();
    let (word, id) = (unique(), unique());
    let first = format!(
        "{}From: {}\nSubject: The printer\nMessage-ID: <{id}@mail.example>\n{}\n",
        proof(&customer.email),
        customer.email,
        text(&word)
    );
    accepted(&customer.email, SUPPORT, first.replace('\n', "\r\n").as_bytes());
    let ticket = one(&word);
    // The sender answers their own mail, or one that answers it.
    for headers in [
        format!("In-Reply-To: <{id}@mail.example>\n"),
        format!("References: <other@x> <{id}@mail.example>\n"),
        format!("References: <{id}@mail.example> <unknown@x>\nIn-Reply-To: <unknown@x>\n"),
    ] {
        accepted(
            &customer.email,
            SUPPORT,
            &plain(&customer.email, "The printer", &headers, "More."),
        );
    }
    assert_eq!(messages(&ticket), ["More.", "More.", "More."]);
    // By the number alone, if the sender is proven.
    let number = ticket["number"].as_str().unwrap();
    let subject = format!("Re: [{number}] The printer");
    accepted(
        &customer.email,
        SUPPORT,
        &plain(&customer.email, &subject, "", "By number."),
    );
    assert_eq!(messages(&ticket).len(), 4);
    let refused = deliver(
        Worker::shared(),
        &customer.email,
        SUPPORT,
        &unproven(&customer.email, &subject, "", "Forged."),
    );
    assert!(matches!(refused, Delivered::Refused(_)), "{refused:?}");
    // Staff who see the ticket answer there.
    let agent = Manager::fresh();
    accepted(
        &agent.email,
        SUPPORT,
        &plain(&agent.email, &subject, "", "By staff."),
    );
    assert_eq!(messages(&ticket)[4], "By staff.");
    // Anybody else opens a ticket that names it.
    let stranger = Customer::fresh();
    for headers in [format!("In-Reply-To: <{id}@mail.example>\n"), String::new()] {
        let word = unique();
        accepted(
            &stranger.email,
            SUPPORT,
            &plain(&stranger.email, &subject, &headers, &word),
        );
        let opened = one(&word);
        assert_eq!(opened["requester"]["id"], stranger.id);
        let names = format!("{}{}", opened["title"], opened["description"]);
        assert!(names.contains(number), "{names}");
    }
    assert_eq!(messages(&ticket).len(), 5);
}

#[test]
fn an_answer_to_a_note_by_mail_is_a_note() {
    let agent = Manager::fresh();
    let ticket = make::ticket(&Customer::fresh());
    let note = edgedesk::desk::mail::reply_address::MailThread {
        is_internal: true,
        ..thread(&ticket, &agent)
    };
    let id = unique();
    let mail = |id: &str, headers: &str, to: &str| {
        let raw = format!(
            "{}From: {}\nSubject: Re: x\nMessage-ID: <{id}@x>\n{headers}{}\n",
            proof(&agent.email),
            agent.email,
            text("Among us.")
        );
        accepted(&agent.email, to, raw.replace('\n', "\r\n").as_bytes());
    };
    mail(&id, "", &desk(Worker::shared()).address_for(note));
    mail(&unique(), &format!("In-Reply-To: <{id}@x>\n"), SUPPORT);
    mail(
        &unique(),
        &format!("In-Reply-To: <{id}@x>\n"),
        &answers_to(&ticket, &agent),
    );
    let path = format!("/tickets/{}/comments", ticket["id"]);
    let rows = Admin::any().get(&path).is(200).rows();
    let notes: Vec<&Value> = rows.iter().map(|row| &row["is_internal"]).collect();
    assert_eq!(json!(notes), json!([true, true, true]));
}

#[test]
fn late_answers_share_one_new_ticket() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}/status", ticket["id"]);
    Admin::any().put(&path, json!({"status": "closed"})).is(200);
    time::age(Worker::shared(), &ticket, 24 * 30);
    let (to, word) = (answers_to(&ticket, &customer), unique());
    // Three at once, and one more.
    race(3, |n| {
        accepted(
            &customer.email,
            &to,
            &plain(&customer.email, "Re: x y z", "", &format!("{word} {n}")),
        );
    });
    accepted(
        &customer.email,
        &to,
        &plain(&customer.email, "Re: x y z", "", &format!("{word} last")),
    );
    let opened: Vec<Value> = found(&word);
    assert_eq!(opened.len(), 1, "{opened:?}");
    let number = ticket["number"].as_str().unwrap();
    let text = opened[0]["description"].as_str().unwrap();
    assert!(
        text.starts_with(&format!("(Follows {number}, which was closed")),
        "{text}"
    );
    assert_eq!(messages(&opened[0]).len(), 3);
    // Once that is closed for long itself, there is another one.
    let path = format!("/tickets/{}/status", opened[0]["id"]);
    Admin::any().put(&path, json!({"status": "closed"})).is(200);
    time::age(Worker::shared(), &opened[0], 24 * 30);
    let word = unique();
    accepted(
        &customer.email,
        &to,
        &plain(&customer.email, "Re: x y z", "", &word),
    );
    assert_ne!(one(&word)["id"], opened[0]["id"]);
}

#[test]
fn texts_are_read_in_every_character_set() {
    let customer = Customer::fresh();
    // The local server reads mails itself, and accepts only labels of the standard; the others are tested natively.
    for (kind, bytes, want) in [
        (
            "text/plain; charset=windows-949",
            &b"\xc7\xc1\xb8\xb0\xc5\xcd"[..],
            "프린터",
        ),
        (
            "text/plain; charset=ks_c_5601-1987",
            b"\xc7\xc1\xb8\xb0\xc5\xcd",
            "프린터",
        ),
        ("text/plain; charset=windows-874", b"\xbe\xd4\xc1\xbe\xec", "พิมพ์"),
        (
            "text/plain; charset=koi8-u",
            b"\xf0\xd2\xc9\xd7\xa6\xd4",
            "Привіт",
        ),
        ("text/plain; charset=gb18030", b"\xc4\xe3\xba\xc3", "你好"),
        ("text/plain; charset=big5", b"\xa7\x41\xa6\x6e", "你好"),
        ("text/plain; charset=us-ascii", "Störung".as_bytes(), "Störung"),
        ("text/plain", b"St\xf6rung", "Störung"),
        ("text/html", b"<meta charset=iso-8859-2><p>\xb9koda", "škoda"),
        (
            "text/html; charset=us-ascii",
            b"<meta http-equiv=a content='text/html; charset=windows-1251'>\xcf\xf0\xe8",
            "При",
        ),
    ] {
        let header = format!(
            "{}From: {}\nSubject: =?UTF-8?Q?St=C3?= =?UTF-8?Q?=B6rung?=",
            proof(&customer.email),
            customer.email
        );
        let mut mail = raw(
            &header,
            &format!("Content-Type: {kind}\nContent-Transfer-Encoding: 8bit\n"),
        );
        mail.extend_from_slice(bytes);
        accepted(&customer.email, SUPPORT, &mail);
        let ticket = customer.get("/tickets?limit=1").is(200).rows().remove(0);
        assert_eq!(
            (&ticket["title"], &ticket["description"]),
            (&json!("Störung"), &json!(want)),
            "{kind}"
        );
    }
}

#[test]
fn files_are_kept_whatever_their_type_is_called() {
    let (customer, word) = (Customer::fresh(), unique());
    let part = |name: &str, kind: &str, body: &str| {
        format!("--x\nContent-Type: {kind}\nContent-Disposition: attachment; filename=\"{name}\"\n\n{body}\n")
    };
    let header = format!(
        "{}From: {}\nSubject: With files",
        proof(&customer.email),
        customer.email
    );
    let content = format!(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nSee {word}\n{}{}{}{}{}{}{}{}{}{}{}--x--\n",
        part("winmail.dat", "application/ms-tnef", "x"),
        part("smime.p7m", "application/pkcs7-mime", "x"),
        part("report.pdf", "application/force-download", "%PDF"),
        part("memo.m4a", "audio/x-m4a", "x"),
        part(
            "invoice.xml",
            "application/xml",
            "<?xml version='1.0'?><invoice/>"
        ),
        part("photo.jpg", "image/jpg", "x"),
        part("smime.p7s", "application/pkcs7-signature", "x"),
        "--x\nContent-Type: text/x-amp-html\n\n<html amp4email></html>\n",
        part("empty.txt", "text/plain", ""),
        part("page.txt", "text/plain", "<!doctype html><p>x"),
        part("tool.bin", "application/octet-stream", "MZ program"),
    );
    accepted(&customer.email, SUPPORT, &raw(&header, &content));
    let ticket = one(&word);
    assert_eq!(
        ticket["description"],
        format!(
            "See {word}\n\n[Files that were not taken: empty.txt (it is empty), page.txt (web pages are not accepted), \
             tool.bin (programs are not accepted)]"
        )
    );
    let files = customer.walk(&format!("/tickets/{}/attachments", ticket["id"]), 100);
    let kept: Vec<Value> = files
        .iter()
        .map(|file| json!([file["filename"], file["content_type"]]))
        .collect();
    assert_eq!(
        json!(kept),
        json!([
            ["winmail.dat", "application/octet-stream"],
            ["smime.p7m", "application/octet-stream"],
            ["report.pdf", "application/pdf"],
            ["memo.m4a", "audio/mp4"],
            ["invoice.xml", "application/octet-stream"],
            ["photo.jpg", "image/jpeg"]
        ])
    );
    // Sixty files: those that find no place are named, the last one as well.
    let word = unique();
    let many: String = (0..60)
        .map(|n| part(&format!("{n}.txt"), "text/plain", "x"))
        .collect();
    let content = format!(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nSee {word}\n{many}--x--\n"
    );
    accepted(&customer.email, SUPPORT, &raw(&header, &content));
    let text = one(&word)["description"].as_str().unwrap().to_owned();
    assert!(
        text.contains("20.txt (the ticket has no more room)") && text.ends_with(" more]"),
        "{text}"
    );
}

#[test]
fn pictures_of_signatures_are_kept_once_and_take_no_place() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let header = format!(
        "{}From: {}\nSubject: Re: x",
        proof(&customer.email),
        customer.email
    );
    let logo = |n: usize, id: &str| {
        format!(
            "--x\nContent-Type: image/png; name=logo{n}.png\nContent-ID: <{id}>\nContent-Disposition: inline\n\nLOGO {n}\n"
        )
    };
    for answer in 0..7 {
        let html: String = (0..3).map(|n| format!("<img src=\"cid:logo{n}@x\">")).collect();
        let logos: String = (0..3).map(|n| logo(n, &format!("logo{n}@x"))).collect();
        let content = format!(
            "Content-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>Answer {answer}</p>{html}\n{logos}--x--\n"
        );
        accepted(&customer.email, &to, &raw(&header, &content));
    }
    let files = format!("/tickets/{}/attachments", ticket["id"]);
    assert_eq!(customer.walk(&files, 100).len(), 3);
    // All twenty places are left, by mail and at the site; a known logo without a reference is still known.
    let many: String = (0..19)
        .map(|n| {
            format!(
                "--x\nContent-Type: text/plain\nContent-Disposition: attachment; filename={n}.txt\n\n{n}\n"
            )
        })
        .collect();
    let content = format!(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nFiles\n{}{many}--x--\n",
        logo(1, "other@x")
    );
    accepted(&customer.email, &to, &raw(&header, &content));
    assert_eq!(messages(&ticket)[7], "Files");
    make::attachment(&customer, &ticket, b"contract");
    assert_eq!(customer.walk(&files, 100).len(), 23);
    let body = json!({"ticket_id": ticket["id"], "filename": "more.pdf", "content_type": "application/pdf", "size": 5});
    customer
        .post("/attachments/presigned-url", body)
        .refused(409, "CONFLICT");
}
