//! Mails as real programs write them, and as no program should.

use super::*;

use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::text::charset::testing::decoder as decode;

fn mail(raw: &str) -> IncomingMail {
    parse(raw.replace('\n', "\r\n").as_bytes(), &decode).unwrap()
}

fn from(mail: &IncomingMail) -> Option<&str> {
    match mail.authors.as_slice() {
        [author] => Some(&author.address),
        _ => None,
    }
}

fn name(mail: &IncomingMail) -> Option<&str> {
    mail.authors[0].name.as_deref()
}

#[test]
fn gmail() {
    let mail = mail(
        "From: =?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <juergen@example.org>\nTo: support@desk.example\n\
         Subject: =?UTF-8?B?UmU6IERydWNrZXIg8J+UpQ==?=\nMessage-ID: <CAF=abc@mail.gmail.com>\n\
         In-Reply-To: <1.2.3.seal@desk.example>\nReferences: <0@desk.example> <1.2.3.seal@desk.example>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"m1\"\n\n\
         --m1\nContent-Type: multipart/alternative; boundary=\"a1\"\n\n\
         --a1\nContent-Type: text/plain; charset=\"UTF-8\"\nContent-Transfer-Encoding: quoted-printable\n\n\
         L=C3=A4uft wieder. Eine sehr lange Zeile, die hier =\nweitergeht.\n\n\
         --a1\nContent-Type: text/html; charset=\"UTF-8\"\n\n<div>html</div>\n--a1--\n\
         --m1\nContent-Type: image/jpeg; name=\"foto.jpg\"\nContent-Disposition: attachment; filename=\"foto.jpg\"\n\
         Content-Transfer-Encoding: base64\n\n/9j/4AA=\n--m1--\n",
    );
    assert_eq!(from(&mail), Some("juergen@example.org"));
    assert_eq!(name(&mail), Some("Jürgen Müller"));
    assert_eq!(mail.subject, "Re: Drucker 🔥");
    assert_eq!(mail.message_id.as_deref(), Some("CAF=abc@mail.gmail.com"));
    assert_eq!(
        mail.in_reply_to,
        [
            "1.2.3.seal@desk.example",
            "1.2.3.seal@desk.example",
            "0@desk.example"
        ]
    );
    assert_eq!(
        mail.text,
        "Läuft wieder. Eine sehr lange Zeile, die hier weitergeht."
    );
    let file = &mail.files[0];
    assert_eq!(
        (file.name.as_str(), file.content_type.as_str()),
        ("foto.jpg", "image/jpeg")
    );
    assert_eq!(file.bytes, [0xff, 0xd8, 0xff, 0xe0, 0x00]);
    assert_eq!((mail.files.len(), mail.automatic), (1, Automatic::No));
    let parts = &mail.original.parts;
    assert_eq!((parts.len(), parts[1].text.trim_end()), (2, "<div>html</div>"));
    assert!(mail.original.headers.starts_with("From: =?UTF-8?Q?"));
}

#[test]
fn outlook() {
    // HTML only, with an inline image, and a file name in RFC 2231 form.
    let mail = mail(
        "From: \"Doe, John\" <John.Doe@Example.ORG>\nSubject: Invoice\n 4711\nMessage-ID: <x@prod.outlook.com>\n\
         Content-Type: multipart/related; boundary=\"_004_\"; type=\"text/html\"\n\n\
         --_004_\nContent-Type: text/html; charset=\"iso-8859-1\"\nContent-Transfer-Encoding: quoted-printable\n\n\
         <html><head><style>p.MsoNormal{margin:0}</style></head><body><p class=3D\"MsoNormal\">Sch=F6ne Gr=FC=DFe</p>\
         <p>&nbsp;</p><img src=3D\"cid:image001.png@01\"></body></html>\n\
         --_004_\nContent-Type: image/png; name=\"image001.png\"\nContent-ID: <image001.png@01>\n\
         Content-Disposition: inline; filename=\"image001.png\"\nContent-Transfer-Encoding: base64\n\niVBORw==\n\
         --_004_\nContent-Type: application/pdf\n\
         Content-Disposition: attachment; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf\n\n%PDF-1.4\n--_004_--\n",
    );
    assert_eq!(from(&mail), Some("John.Doe@Example.ORG"));
    assert_eq!(
        (name(&mail), mail.subject.as_str()),
        (Some("John Doe"), "Invoice 4711")
    );
    assert_eq!(mail.text, "Schöne Grüße");
    let names: Vec<&str> = mail.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["image001.png", "Rechnung März.pdf"]);
}

#[test]
fn apple_mail() {
    let mail = mail(
        "From: Jane <jane@icloud.com>\nSubject: hello\nMessage-Id: <A@icloud.com>\nContent-Type: multipart/alternative;\n\t\
         boundary=\"Apple-Mail=_1\"\n\n--Apple-Mail=_1\nContent-Transfer-Encoding: 7bit\nContent-Type: text/plain;\n\t\
         charset=us-ascii\n\nYes.\n\n> On 20 Nov 2026, at 19:40, Desk <d@desk.example> wrote:\n> \n> Hello?\n\n\
         --Apple-Mail=_1\nContent-Type: multipart/mixed; boundary=\"Apple-Mail=_2\"\n\n\
         --Apple-Mail=_2\nContent-Type: text/html; charset=us-ascii\n\n<html><body>Yes.</body></html>\n\
         --Apple-Mail=_2\nContent-Disposition: inline; filename=scan.pdf\nContent-Type: application/pdf; name=scan.pdf\n\
         Content-Transfer-Encoding: base64\n\nJVBERi0=\n--Apple-Mail=_2--\n--Apple-Mail=_1--\n",
    );
    assert!(mail.text.starts_with("Yes.\n\n> On 20 Nov"));
    assert_eq!(mail.files[0].name, "scan.pdf");
}

#[test]
fn other_character_sets() {
    let mail = mail(
        "From: =?gb2312?B?xOO6ww==?= <a@example.cn>\nSubject: =?GB2312?Q?=C4=E3=BA=C3?= =?gb2312?B?xOO6ww==?=\n\
         Message-ID: <1@example.cn>\nContent-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: base64\n\nxOO6ww==\n",
    );
    assert_eq!(name(&mail), Some("你好"));
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("你好你好", "你好"));
    // No content type at all, and bytes above ASCII.
    let raw = "From: a@b.example\r\nSubject: caf\u{e9}\r\n\r\ncaf\u{e9}";
    let mail = parse(raw.as_bytes(), &decode).unwrap();
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("café", "café"));
}

#[test]
fn only_the_receiving_server_is_trusted() {
    for (headers, want) in [
        (
            "Authentication-Results: mx.cloudflare.net; dkim=pass header.d=b.example; dmarc=pass header.from=b.example",
            SenderAuth::Pass,
        ),
        (
            "Authentication-Results: mx.cloudflare.net;\n\tdmarc=pass header.from=b.example;\n\tspf=none",
            SenderAuth::Pass,
        ),
        (
            "Authentication-Results: mx.cloudflare.net; dmarc=fail; spf=pass",
            SenderAuth::Fail,
        ),
        (
            "Authentication-Results: mx.cloudflare.net; dmarc=none",
            SenderAuth::Unknown,
        ),
        (
            "Authentication-Results: mail.evil.example; dmarc=pass header.from=b.example",
            SenderAuth::Unknown,
        ),
        (
            "Authentication-Results: mx.cloudflare.net; dmarc=fail\nAuthentication-Results: mx.cloudflare.net; dmarc=pass header.from=b.example",
            SenderAuth::Fail,
        ),
        ("Subject: dmarc=pass", SenderAuth::Unknown),
    ] {
        let mail = mail(&format!("{headers}\nFrom: a@b.example\n\nHello\n"));
        assert_eq!(mail.sender_auth, want, "{headers}");
    }
}

#[test]
fn a_mail_is_from_one_address() {
    for (headers, want) in [
        ("From: a@b.example", true),
        ("From: \"A, B\" <a@b.example>", true),
        ("From: a@b.example, c@d.example", false),
        ("From: A <c@d.example>, a@b.example", false),
        ("From: Friends: a@b.example, c@d.example;", false),
        ("From: Friends: a@b.example;", true),
        ("From: a@b.example\nFrom: a@b.example", true),
        ("From: a@b.example\nFrom: c@d.example", false),
        ("From: a@b@c.example", false),
        ("From: undisclosed", false),
        ("Sender: a@b.example", false),
    ] {
        let mail = mail(&format!("{headers}\nMessage-ID: <1@b.example>\n\nHello\n"));
        let want = want.then_some("a@b.example");
        assert_eq!(from(&mail), want, "{headers}");
    }
}

#[test]
fn broken_mails_are_read_as_far_as_they_go() {
    let deep: String = (0..2_000)
        .map(|at| format!("--b{at}\nContent-Type: multipart/mixed; boundary=b{}\n\n", at + 1))
        .collect();
    let rfc822 = "Content-Type: message/rfc822\n\n".repeat(2_000);
    let cases = [
        format!("From: a@b.example\nContent-Type: multipart/mixed; boundary=b0\n\n{deep}--b2000\n\nhello\n"),
        format!("From: a@b.example\n{rfc822}hello\n"),
        format!(
            "From: a@b.example\nSubject: {}\n\nx",
            "=?gb2312?B?".repeat(50_000)
        ),
        format!("From: a@b.example\n\n{}", "=?".repeat(500_000)),
        format!("From: {}\n\nx", "(".repeat(100_000)),
        format!("From: {}\n\nx", "<".repeat(100_000)),
        format!(
            "From: a@b.example\nContent-Type: text/plain; charset={}\n\nx",
            "x".repeat(100_000)
        ),
        format!("From: a@b.example\n{}\n\nx", "X: y\n".repeat(100_000)),
        "From: a@b.example\nContent-Type: multipart/mixed\n\nno boundary".to_owned(),
        "From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain"
            .to_owned(),
        "From: a@b.example\nContent-Transfer-Encoding: base64\n\n!!!! not base64".to_owned(),
        "From: a@b.example\nContent-Transfer-Encoding: quoted-printable\n\n=ZZ =".to_owned(),
        "From: \nSubject:\n\n".to_owned(),
        "\n\n".to_owned(),
        "no header at all".to_owned(),
        String::new(),
    ];
    for case in &cases {
        let _ = parse(case.as_bytes(), &decode);
        let _ = parse(case.replace('\n', "\r\n").as_bytes(), &decode);
    }
    let mut junk: Vec<u8> = (0..1_000_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let _ = parse(&junk, &decode);
    junk.splice(0..0, b"From: a@b.example\r\n\r\n".iter().copied());
    let mail = parse(&junk, &decode).unwrap();
    assert_eq!(from(&mail), Some("a@b.example"));
    assert!(!mail.text.contains('\0'));
}

#[test]
fn files_without_names_get_one() {
    let mail = mail(
        "From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n\
         --x\nContent-Type: text/plain\n\nsee\n\
         --x\nContent-Type: image/jpg\nContent-Transfer-Encoding: base64\n\n/9j/\n\
         --x\nContent-Type: message/rfc822\n\nFrom: c@d.example\nSubject: Old news\n\nold\n\
         --x\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"../../etc/passwd\"\n\nx\n\
         --x\nContent-Type: text/plain\nContent-Disposition: attachment; filename=empty.txt\n\n\n--x--\n",
    );
    let files: Vec<(&str, &str)> = mail
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.content_type.as_str()))
        .collect();
    assert_eq!(
        files[..3],
        [
            ("file.jpg", "image/jpg"),
            ("Old news.eml", "message/rfc822"),
            ("../../etc/passwd", "application/octet-stream")
        ]
    );
    assert!(mail.files[1].bytes.starts_with(b"From: c@d.example"));
    assert_eq!(mail.text, "see");
}

#[test]
fn files_are_kept_byte_by_byte() {
    for (charset, encoding, body) in [
        ("iso-8859-1", "8bit", &b"name;caf\xe9\r\n1;2"[..]),
        ("gb2312", "8bit", b"\xc4\xe3\xba\xc3"),
        ("utf-8", "base64", b"bmFtZTtjYWbpDQoxOzI="),
        ("iso-8859-1", "quoted-printable", b"name;caf=E9=0D=0A1;2"),
    ] {
        let mut raw = format!(
            "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nsee\r\n\
             --x\r\nContent-Type: text/csv; charset={charset}\r\nContent-Disposition: attachment; filename=a.csv\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n"
        )
        .into_bytes();
        raw.extend_from_slice(body);
        raw.extend_from_slice(b"\r\n--x--\r\n");
        let want = if charset == "gb2312" {
            body
        } else {
            b"name;caf\xe9\r\n1;2"
        };
        assert_eq!(
            parse(&raw, &decode).unwrap().files[0].bytes,
            want,
            "{charset} {encoding}"
        );
    }
}

#[test]
fn a_text_of_an_unusual_type_is_still_a_text() {
    for (head, body, want) in [
        (
            "text/enriched",
            "<bold>One</bold>\ntwo\n\n3 << 4",
            "One two\n\n3 < 4",
        ),
        ("text/richtext", "One", "One"),
        ("text/x-amp-html", "<p>One", "One"),
        ("text/markdown", "*One*", "*One*"),
        (
            "text/x-markdown; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable",
            "=F6",
            "ö",
        ),
        ("text", "One", "One"),
        ("plain", "One", "One"),
        ("text/htm", "<p>One", "One"),
        ("html/text", "<p>One", "One"),
        (
            "application/xhtml+xml",
            "<html><body><p>One</p></body></html>",
            "One",
        ),
        (
            "text/plain charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable",
            "W=F6rter",
            "Wörter",
        ),
        ("multipart/mixed", "One", "One"),
        (
            "multipart/alternative; boundary=x",
            "--x\nContent-Type: text/enriched\n\nOne\n--x--",
            "One",
        ),
    ] {
        let raw = format!("From: a@b.example\nContent-Type: {head}\n\n{body}\n").replace('\n', "\r\n");
        let mail = parse(raw.as_bytes(), &decode).unwrap();
        assert_eq!((mail.text.as_str(), mail.files.len()), (want, 0), "{head}");
        assert_eq!(mail.original.parts.len(), 1, "{head}");
    }
    // Files stay files.
    for (head, name) in [
        ("text/calendar", "file.ics"),
        ("text/markdown; name=a.md", "a.md"),
        ("text/richtext; name=letter.rtf", "letter.rtf"),
        ("text/enriched\nContent-Disposition: attachment", "file.bin"),
        ("application/pgp-keys; name=key.asc", "key.asc"),
        ("application/octet-stream", "file.bin"),
    ] {
        let raw = format!("From: a@b.example\nContent-Type: {head}\n\nOne\n").replace('\n', "\r\n");
        let mail = parse(raw.as_bytes(), &decode).unwrap();
        let names: Vec<&str> = mail.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!((mail.text.as_str(), names), ("", vec![name]), "{head}");
    }
}

#[test]
fn many_parts_and_ids_take_linear_time() {
    for kind in ["image/png", "text/plain", "text/enriched"] {
        let parts = format!("--x\r\nContent-Type: {kind}\r\n\r\na\r\n").repeat(5_000);
        let raw = format!("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n{parts}");
        assert!(parse(raw.as_bytes(), &decode).is_some());
    }
    let raw = format!(
        "From: a@b.example\r\nIn-Reply-To: {}\r\n\r\nx",
        "<a@b>".repeat(50_000)
    );
    assert!(parse(raw.as_bytes(), &decode).unwrap().in_reply_to.len() <= 60);
}

#[test]
fn absences_that_exchange_marks_like_any_mail_are_answers() {
    for (fields, want) in [
        (
            "Subject: Automatic reply: x\nAuto-Submitted: auto-generated",
            Automatic::Answer,
        ),
        (
            "Subject: =?utf-8?Q?R=C3=A9ponse_automatique_=3A?= x\nX-Auto-Response-Suppress: All",
            Automatic::Answer,
        ),
        ("Subject: Automatic reply: x", Automatic::No),
        (
            "Subject: Alarm: x\nAuto-Submitted: auto-generated",
            Automatic::Sent,
        ),
    ] {
        assert_eq!(
            mail(&format!("From: a@b.example\n{fields}\n\nx")).automatic,
            want,
            "{fields}"
        );
    }
}
