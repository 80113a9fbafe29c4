//! Mail that comes in: answers find their ticket, everything else opens one, and programs are not answered.

use crate::support::client::Role;
use crate::support::make::{self, unique};
use crate::support::post::{Delivered, deliver, desk, plain, proof, thread, unproven};
use crate::support::stub::{Sent, Stub};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Value, Worker, json, race, time};

const SUPPORT: &str = "support@desk.example";

fn worker() -> &'static Worker {
    Worker::shared()
}

#[track_caller]
fn accepted(from: &str, to: &str, raw: &[u8]) {
    assert_eq!(deliver(worker(), from, to, raw), Delivered::Accepted);
}

/// Where somebody answers on a ticket.
fn answers_to(ticket: &Value, who: &Caller) -> String {
    desk(worker()).address_for(thread(ticket, who))
}

fn show(ticket: &Value) -> Value {
    let path = format!("/tickets/{}", ticket["id"]);
    Admin::any().get(&path).is(200).json()
}

fn messages(ticket: &Value) -> Vec<Value> {
    let path = format!("/tickets/{}/comments", ticket["id"]);
    Admin::any().get(&path).is(200).rows()
}

/// The tickets with this word in them, the newest first.
fn found(word: &str) -> Vec<Value> {
    Admin::any().get(&format!("/tickets?q={word}")).is(200).rows()
}

#[track_caller]
fn one(word: &str) -> Value {
    let tickets = found(word);
    assert_eq!(tickets.len(), 1, "tickets with {word}");
    tickets[0].clone()
}

fn set_status(ticket: &Value, statuses: &[&str]) {
    let path = format!("/tickets/{}/status", ticket["id"]);
    for status in statuses {
        Admin::any().put(&path, json!({"status": status})).is(200);
    }
}

#[test]
fn an_answer_becomes_a_message_of_its_ticket() {
    let (customer, agent) = (Customer::fresh(), Manager::fresh());
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}/assign", ticket["id"]);
    agent.put(&path, json!({"assignee": "me"})).is(200);
    set_status(&ticket, &["in_progress", "waiting"]);
    let to = answers_to(&ticket, &customer);
    let id = unique();
    let raw = format!(
        "{}From: =?UTF-8?Q?J=C3=BCrgen?= <{}>\nTo: Edgedesk <{to}>\nSubject: Re: [{}] x\nMessage-ID: <{id}@mail.gmail.com>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"m1\"\n\n\
         --m1\nContent-Type: multipart/alternative; boundary=\"a1\"\n\n\
         --a1\nContent-Type: text/plain; charset=\"UTF-8\"\nContent-Transfer-Encoding: quoted-printable\n\n\
         L=C3=A4uft wieder. Eine lange Zeile, =\ndie weitergeht.\n\n\
         On Fri, Nov 20, 2026 at 7:40 PM Edgedesk Support <\n{to}> wrote:\n\n\
         > -- Please write your answer above this line --\n> Is it on fire?\n\n\
         --a1\nContent-Type: text/html; charset=\"UTF-8\"\n\n<div>html</div>\n--a1--\n\
         --m1\nContent-Type: image/jpeg; name=\"foto.jpg\"\nContent-Disposition: attachment; filename=\"foto.jpg\"\n\
         Content-Transfer-Encoding: base64\n\n/9j/4AA=\n--m1--\n",
        proof(&customer.email),
        customer.email.to_uppercase(),
        ticket["number"]
    )
    .replace('\n', "\r\n");
    // A server that heard no answer sends again.
    for _ in 0..3 {
        accepted(&customer.email, &to, raw.as_bytes());
    }
    let said = messages(&ticket);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0]["body"], "Läuft wieder. Eine lange Zeile, die weitergeht.");
    assert_eq!(
        (
            &said[0]["channel"],
            &said[0]["author"]["id"],
            &said[0]["is_internal"]
        ),
        (&json!("email"), &json!(customer.id), &json!(false))
    );
    let after = show(&ticket);
    assert_eq!(
        (&after["status"], &after["attachment_count"]),
        (&json!("in_progress"), &json!(1))
    );
    let files = customer
        .get(&format!("/tickets/{}/attachments", ticket["id"]))
        .is(200)
        .rows();
    assert_eq!(
        (
            &files[0]["filename"],
            &files[0]["content_type"],
            &files[0]["message_id"]
        ),
        (&json!("foto.jpg"), &json!("image/jpeg"), &said[0]["id"])
    );
    let bytes = customer
        .get(&format!("/attachments/{}/download", files[0]["id"]))
        .is(200);
    assert_eq!(bytes.bytes(), [0xff, 0xd8, 0xff, 0xe0, 0x00]);
    let told = customer
        .get(&format!("/tickets/{}/timeline", ticket["id"]))
        .is(200)
        .rows();
    let file = told
        .iter()
        .find(|entry| entry["type"] == "attachment_added")
        .expect("an event");
    assert_eq!(file["data"]["attachment"]["id"], files[0]["id"]);
    let told = agent.get("/notifications").is(200).rows();
    assert!(
        told.iter()
            .any(|told| told["kind"] == "reply" && told["ticket"]["id"] == ticket["id"]),
        "{told:?}"
    );

    // Programs that answer to the plain address name the mail that they answer.
    let own = desk(worker());
    let answered = own.message_id_for(thread(&ticket, &customer), 77);
    let headers = format!("References: <other@example.org> {answered}\n");
    accepted(
        &customer.email,
        SUPPORT,
        &plain(&customer.email, "Re: x y", &headers, "By reference."),
    );
    assert_eq!(messages(&ticket)[1]["body"], "By reference.");

    // What is resolved is reopened.
    set_status(&ticket, &["resolved"]);
    accepted(
        &customer.email,
        &to,
        &plain(&customer.email, "Re: x y", "", "Again."),
    );
    assert_eq!(show(&ticket)["status"], "reopened");
    assert_eq!(messages(&ticket).len(), 3);
}

#[test]
fn our_own_mails_lead_back_to_their_ticket() {
    let (customer, agent) = (Admin::any().hire(Role::Customer), Agent::fresh());
    let ticket = make::ticket(&customer);
    make::message(&agent, &ticket, "Is it still on fire?");
    let is_it = |sent: &Sent| {
        sent.path == "/mail" && sent.body.contains("still on fire?") && sent.body.contains(&customer.email)
    };
    let mail = Stub::shared().wait(1, is_it)[0].json();
    let reply_to = mail["reply_to"].as_str().unwrap_or_else(|| panic!("{mail}"));
    accepted(
        &customer.email,
        reply_to,
        &plain(&customer.email, "Re: x y", "", "Yes."),
    );
    let id = mail["headers"]["Message-ID"].as_str().unwrap();
    let headers = format!("In-Reply-To: {id}\n");
    accepted(
        &customer.email,
        SUPPORT,
        &plain(&customer.email, "Re: x y", &headers, "Help."),
    );
    let said: Vec<Value> = messages(&ticket)
        .iter()
        .map(|said| said["body"].clone())
        .collect();
    assert_eq!(said, ["Is it still on fire?", "Yes.", "Help."]);
}

#[test]
fn nobody_answers_for_somebody_else() {
    let (customer, stranger) = (Customer::fresh(), Customer::fresh());
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let made_up = to.replacen(&format!("+{}.", ticket["id"]), "+1.", 1);
    let own = desk(worker());
    let reference = format!(
        "In-Reply-To: {}\n",
        own.message_id_for(thread(&ticket, &customer), 1)
    );
    for (from, to, headers) in [
        (&stranger.email, to.as_str(), ""),
        (&stranger.email, SUPPORT, reference.as_str()),
        (&customer.email, &made_up, ""),
    ] {
        let word = unique();
        accepted(from, to, &plain(from, "Re: hello there", headers, &word));
        let opened = one(&word);
        assert_eq!(opened["title"], "hello there");
        let sender = Admin::any()
            .get(&format!("/users/{}", opened["requester"]["id"]))
            .is(200)
            .json();
        assert_eq!(&sender["email"], from);
    }
    assert_eq!(messages(&ticket).len(), 0);
}

#[test]
fn staff_answer_by_mail_as_far_as_they_see() {
    let (customer, agent) = (Customer::fresh(), Manager::fresh());
    let ticket = make::ticket(&customer);
    accepted(
        &agent.email,
        &answers_to(&ticket, &agent),
        &plain(&agent.email, "Re: x y", "", "We are on our way."),
    );
    let said = customer
        .get(&format!("/tickets/{}/comments", ticket["id"]))
        .is(200)
        .rows();
    assert_eq!(
        (&said[0]["body"], &said[0]["author"]["role"]),
        (&json!("We are on our way."), &json!("manager"))
    );
    assert!(!show(&ticket)["first_responded_at"].is_null());
    // An agent of another category does not see it any more; what they wrote is not lost.
    let other = Agent::fresh();
    let category = Admin::any()
        .post("/categories", json!({"name": format!("Elsewhere {}", unique())}))
        .is(201)
        .json();
    let path = format!("/agents/{}/categories", other.id);
    Admin::any()
        .put(&path, json!({"categories": [category["id"]]}))
        .is(200);
    let word = unique();
    accepted(
        &other.email,
        &answers_to(&ticket, &other),
        &plain(&other.email, "Re: x y z", "", &word),
    );
    assert_eq!(messages(&ticket).len(), 1);
    assert_eq!(one(&word)["requester"]["id"], other.id);
}

#[test]
fn every_other_mail_opens_a_ticket() {
    let rule = json!({"name": format!("Mails {}", unique()), "trigger": {"on": "ticket_created"},
        "conditions": {"all": [{"field": "channel", "op": "is", "value": "email"}]},
        "actions": [{"type": "add_tag", "tag": "by-mail"}]});
    let rule = Admin::any().post("/workflows", rule).is(201).json();
    let known = Customer::fresh();
    let word = unique();
    accepted(
        &known.email,
        SUPPORT,
        &plain(&known.email, "The printer", "", &word),
    );
    let ticket = one(&word);
    assert_eq!(
        (&ticket["title"], &ticket["description"], &ticket["channel"]),
        (&json!("The printer"), &json!(word), &json!("email"))
    );
    assert_eq!(
        (&ticket["requester"]["id"], &ticket["status"], &ticket["tags"]),
        (&json!(known.id), &json!("open"), &json!(["by-mail"]))
    );
    Admin::any().delete(&format!("/workflows/{}", rule["id"])).is(204);

    // Who is unknown becomes a customer without a password, who is mailed if the address is known to be theirs.
    for (headers, vouched) in [
        ("", false),
        (
            "Authentication-Results: mx.cloudflare.net; spf=pass; dmarc=pass header.from=example.org\n",
            true,
        ),
    ] {
        let (address, word) = (make::email(), unique());
        let from = format!("\"Ada King Lovelace\" <{}>", address.to_uppercase());
        accepted(&address, SUPPORT, &unproven(&from, "Re: Fwd: ", headers, &word));
        let ticket = one(&word);
        assert_eq!(ticket["title"], "(no subject)");
        let user = Admin::any()
            .get(&format!("/users/{}", ticket["requester"]["id"]))
            .is(200)
            .json();
        assert_eq!(
            (
                &user["email"],
                &user["role"],
                &user["first_name"],
                &user["last_name"]
            ),
            (
                &json!(address),
                &json!("customer"),
                &json!("Ada"),
                &json!("King Lovelace")
            )
        );
        assert_eq!(user["email_verified"], vouched, "{headers}");
        Anon::new()
            .post("/auth/login", json!({"email": address, "password": ""}))
            .is(400);
        // The second mail is the same person's.
        let second = unique();
        accepted(&address, SUPPORT, &unproven(&from, "Once more", headers, &second));
        assert_eq!(one(&second)["requester"]["id"], user["id"]);
    }
}

#[test]
fn what_was_closed_long_ago_is_followed_by_a_new_ticket() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    set_status(&ticket, &["closed"]);
    time::age(worker(), &ticket, 24 * 30);
    let (to, word) = (answers_to(&ticket, &customer), unique());
    accepted(
        &customer.email,
        &to,
        &plain(
            &customer.email,
            "AW: The printer",
            "",
            &format!("It burns again. {word}\n\n> old words"),
        ),
    );
    let new = one(&word);
    let number = ticket["number"].as_str().unwrap();
    let want = format!(
        "(Follows {number}, which was closed too long ago to be reopened.)\n\nIt burns again. {word}\n\n> old words"
    );
    assert_eq!(
        (&new["title"], &new["description"]),
        (&json!("The printer"), &json!(want))
    );
    assert_eq!(
        (messages(&ticket).len(), &show(&ticket)["status"]),
        (0, &json!("closed"))
    );
}

#[test]
fn programs_are_not_answered() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let word = unique();
    for headers in [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: Auto-Replied (vacation)\n",
        "Precedence: auto_reply\n",
        "X-Autoreply: yes\n",
        "X-Autorespond: yes\n",
        "Content-Type: multipart/report; boundary=x\n",
        "Return-Path: <>\n",
    ] {
        let raw = plain(&customer.email, "Out of office", headers, &word);
        accepted(&customer.email, &to, &raw);
    }
    for (from, said) in [
        ("MAILER-DAEMON@mx.example.org", "MAILER-DAEMON@mx.example.org"),
        ("postmaster@example.org", customer.email.as_str()),
        (SUPPORT, SUPPORT),
        (customer.email.as_str(), "Edgedesk <support+1.2.3@desk.example>"),
        ("<>", customer.email.as_str()),
    ] {
        accepted(from, &to, &plain(said, "Undeliverable", "", &word));
    }
    assert_eq!((messages(&ticket).len(), found(&word).len()), (0, 0));
}

#[test]
fn senders_are_told_what_they_can_mend() {
    // Nobody opens more than twenty tickets in an hour, all at once or one after the other.
    let (address, word) = (make::email(), unique());
    let outcomes = race(24, |_| {
        deliver(
            worker(),
            &address,
            SUPPORT,
            &plain(&address, "Many mails", "", &word),
        )
    });
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Delivered::Refused(why) if why.contains("an hour")));
    assert_eq!(refused.count(), 4, "{outcomes:?}");
    assert_eq!(Admin::any().walk(&format!("/tickets?q={word}"), 100).len(), 20);
    // Answers are not counted.
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    for n in 0..3 {
        accepted(
            &customer.email,
            &to,
            &plain(&customer.email, "Re: x y", "", &format!("{n}")),
        );
    }
    assert_eq!(messages(&ticket).len(), 3);

    let gone = Admin::any().hire(Role::Customer);
    Admin::any().delete(&format!("/users/{}", gone.id)).is(204);
    let outcome = deliver(
        worker(),
        &gone.email,
        SUPPORT,
        &plain(&gone.email, "Hello there", "", "x"),
    );
    assert!(
        matches!(&outcome, Delivered::Refused(why) if why.contains("deactivated")),
        "{outcome:?}"
    );
}

#[test]
fn the_same_mail_at_once_is_taken_once() {
    let (customer, word) = (Customer::fresh(), unique());
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let answer = plain(&customer.email, "Re: x y", "", "Once.");
    let mail = plain(&customer.email, "New mail", "", &word);
    race(12, |n| {
        let (to, raw) = if n % 2 == 0 {
            (to.as_str(), &answer)
        } else {
            (SUPPORT, &mail)
        };
        accepted(&customer.email, to, raw);
    });
    assert_eq!((messages(&ticket).len(), found(&word).len()), (1, 1));
}

#[test]
fn mails_of_every_program_are_read() {
    let customer = Customer::fresh();
    let outlook = "Content-Type: multipart/related; boundary=\"_4_\"; type=\"text/html\"\n\n\
         --_4_\nContent-Type: text/html; charset=\"iso-8859-1\"\nContent-Transfer-Encoding: quoted-printable\n\n\
         <html><head><style>p.MsoNormal{margin:0}</style></head><body><p class=3D\"MsoNormal\">Sch=F6ne Gr=FC=DFe WORD</p>\
         <div><b>From:</b> Edgedesk &lt;desk@desk.example&gt;<br><b>Sent:</b> Friday<br><b>To:</b> x<br><b>Subject:</b> y</div>\
         <p>Quoted</p></body></html>\n\
         --_4_\nContent-Type: image/png; name=\"image001.png\"\nContent-ID: <image001.png@01>\n\
         Content-Disposition: inline; filename=\"image001.png\"\nContent-Transfer-Encoding: base64\n\niVBORw==\n--_4_--\n";
    let apple = "Content-Type: multipart/alternative; boundary=\"A=_1\"\n\n--A=_1\nContent-Transfer-Encoding: 7bit\n\
         Content-Type: text/plain; charset=us-ascii\n\nYes WORD.\n\n> On 20 Nov 2026, at 19:40, Desk <d@desk.example> wrote:\n\
         > \n> Hello?\n\n--A=_1\nContent-Type: text/html; charset=us-ascii\n\n<html>Yes</html>\n--A=_1--\n";
    let chinese =
        "Content-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: base64\n\nxOO6wyBXT1JE\n";
    let japanese = "Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: 7bit\n\n\x1b$B%(%i!<\x1b(B WORD\n";
    let german = "Content-Type: text/plain; charset=utf-8\n\nJa WORD.\n\nAm 20.11.2026 um 19:40 schrieb Edgedesk:\n> Hallo\n";
    let bare = "\nNo type WORD.\n";
    for (form, subject, want, title, files) in [
        (
            outlook,
            "=?iso-8859-1?Q?RE:_Gr=FC=DFe?=",
            "Schöne Grüße WORD\nFrom: Edgedesk <desk@desk.example>\nSent: Friday\nTo: x\nSubject: y\nQuoted",
            "Grüße",
            1,
        ),
        (
            apple,
            "Re: hello again",
            "Yes WORD.\n\n> On 20 Nov 2026, at 19:40, Desk <d@desk.example> wrote:\n> \n> Hello?",
            "hello again",
            0,
        ),
        (
            chinese,
            "=?GB2312?B?xOO6w6O6xOO6ww==?=",
            "你好 WORD",
            "你好：你好",
            0,
        ),
        (
            japanese,
            "=?ISO-2022-JP?B?GyRCJSglaSE8GyhC?=",
            "エラー WORD",
            "エラー",
            0,
        ),
        (
            german,
            "AW: Drucker",
            "Ja WORD.\n\nAm 20.11.2026 um 19:40 schrieb Edgedesk:\n> Hallo",
            "Drucker",
            0,
        ),
        (bare, "Caf\u{e9} au lait", "No type WORD.", "Café au lait", 0),
    ] {
        let word = unique();
        // As long as the word in the bodies that are encoded.
        let form = if form.contains("BXT1JE") {
            form.to_owned()
        } else {
            form.replace("WORD", &word)
        };
        let want = if form.contains("BXT1JE") {
            want.to_owned()
        } else {
            want.replace("WORD", &word)
        };
        let raw = format!(
            "{}From: {}\nSubject: {subject}\nMessage-ID: <{word}@x>\nMIME-Version: 1.0\n{form}",
            proof(&customer.email),
            customer.email
        );
        accepted(&customer.email, SUPPORT, raw.replace('\n', "\r\n").as_bytes());
        let ticket = customer.get("/tickets?limit=1").is(200).rows().remove(0);
        assert_eq!(
            (
                &ticket["title"],
                &ticket["description"],
                &ticket["attachment_count"]
            ),
            (&json!(title), &json!(want), &json!(files))
        );
    }
}

#[test]
fn files_are_taken_by_the_same_rules() {
    let (customer, word) = (Customer::fresh(), unique());
    let part = |name: &str, kind: &str| {
        format!(
            "--x\nContent-Type: {kind}\nContent-Disposition: attachment; filename=\"{name}\"\n\
             Content-Transfer-Encoding: base64\n\naGVsbG8=\n"
        )
    };
    let many: String = (0..22).map(|n| part(&format!("{n}.txt"), "text/plain")).collect();
    let raw = format!(
        "{}From: {}\nSubject: With files\nMessage-ID: <{word}@x>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n\
         --x\nContent-Type: text/plain\n\nSee {word}\n{}{}{}{many}--x--\n",
        proof(&customer.email),
        customer.email,
        part("virus.exe", "application/octet-stream"),
        part("page.html", "text/html"),
        part("../../etc/pass wd", "application/octet-stream"),
    );
    accepted(&customer.email, SUPPORT, raw.replace('\n', "\r\n").as_bytes());
    let ticket = one(&word);
    assert_eq!(ticket["attachment_count"], 20);
    let told = ticket["description"].as_str().unwrap();
    assert!(
        told.starts_with(&format!("See {word}\n\n[Files that were not taken: virus.exe (")),
        "{told}"
    );
    for name in ["page.html (", "19.txt (the ticket has no more room)", "21.txt ("] {
        assert!(told.contains(name), "{name}: {told}");
    }
    let path = format!("/tickets/{}/attachments", ticket["id"]);
    let names: Vec<String> = customer
        .walk(&path, 100)
        .iter()
        .map(|file| file["filename"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        (names.len(), names[0].as_str(), names[19].as_str()),
        (20, "pass wd", "18.txt")
    );
    // A full ticket takes answers, and says what it did not take.
    let raw = String::from_utf8(plain(&customer.email, "Re: x y", "", "")).unwrap();
    let raw = raw.replace(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\n",
    );
    let raw = format!(
        "{raw}{}--x--\r\n",
        part("late.txt", "text/plain").replace('\n', "\r\n")
    );
    accepted(&customer.email, &answers_to(&ticket, &customer), raw.as_bytes());
    assert_eq!(
        messages(&ticket)[0]["body"],
        "(no text)\n\n[Files that were not taken: late.txt (the ticket has no more room)]"
    );
}

#[test]
fn broken_mails_do_no_harm() {
    let customer = Customer::fresh();
    let proof = proof(&customer.email).replace('\n', "\r\n");
    let head = |n: usize| {
        format!(
            "{proof}From: {}\r\nMessage-ID: <{n}.{}@x>\r\n",
            customer.email,
            unique()
        )
    };
    let deep: String = (0..90)
        .map(|at| {
            format!(
                "--b{at}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n",
                at + 1
            )
        })
        .collect();
    let mut junk: Vec<u8> = (0..1_000_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    junk.splice(0..0, format!("{}\r\n", head(0)).into_bytes());
    let mut mails = vec![junk];
    for rest in [
        format!("Content-Type: multipart/mixed; boundary=b0\r\n\r\n{deep}--b90\r\n\r\nhello\r\n"),
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain".to_owned(),
        "Content-Transfer-Encoding: base64\r\n\r\n!!!!".to_owned(),
        format!("Subject: {}\r\n\r\nx", "=?gb2312?B?".repeat(5_000)),
        format!(
            "Subject: {}\r\n\r\n{}",
            "x".repeat(10_000),
            "long ".repeat(10_000)
        ),
        "Content-Type: text/plain; charset=gb2312\r\n\r\n\u{fffd}".to_owned(),
        "\r\n".to_owned(),
    ] {
        mails.push(format!("{}{rest}", head(1)).into_bytes());
    }
    let count = mails.len();
    // Made to be followed without end: it is refused. The local server itself bears no more.
    let nested = "Content-Type: message/rfc822\r\n\r\n";
    mails.push(format!("{}{}Subject: x\r\n\r\nx", head(2), nested.repeat(1_000)).into_bytes());
    // As deep as it may be.
    mails.push(format!("{}{}Subject: x\r\n\r\nx", head(3), nested.repeat(100)).into_bytes());
    let count = count + 1;
    for raw in &mails {
        let outcome = deliver(worker(), &customer.email, SUPPORT, raw);
        match outcome {
            Delivered::Refused(why) if why.contains("too many parts within parts") => {}
            outcome => assert_eq!(outcome, Delivered::Accepted),
        }
    }
    let tickets = customer.walk("/tickets", 100);
    assert_eq!(tickets.len(), count);
    for ticket in &tickets {
        let (title, text) = (
            ticket["title"].as_str().unwrap(),
            ticket["description"].as_str().unwrap(),
        );
        assert!((3..=200).contains(&title.chars().count()), "{title}");
        assert!((1..=10_000).contains(&text.chars().count()), "{}", text.len());
    }
    assert!(tickets.iter().any(|ticket| {
        ticket["description"]
            .as_str()
            .unwrap()
            .contains("more characters]")
    }));
}

#[test]
fn our_own_trouble_makes_the_sender_try_again() {
    let broken = Worker::start(&[("JWT_SECRET", "")]);
    let raw = plain("jane@example.org", "Hello there", "", "x");
    for _ in 0..3 {
        assert_eq!(
            deliver(&broken, "jane@example.org", SUPPORT, &raw),
            Delivered::Later
        );
        Anon::on(&broken).ask("GET", "/health").at_root().send().is(200);
    }
    // Without an address of its own the desk takes mail all the same.
    let plain_desk = Worker::start(&[("MAIL_REPLY_TO", "")]);
    plain_desk.seed();
    assert_eq!(
        deliver(&plain_desk, "jane@example.com", SUPPORT, &raw),
        Delivered::Accepted
    );
    let tickets = Admin::on(&plain_desk).get("/tickets?limit=1").is(200).rows();
    assert_eq!(
        (&tickets[0]["title"], &tickets[0]["channel"]),
        (&json!("Hello there"), &json!("email"))
    );
}
