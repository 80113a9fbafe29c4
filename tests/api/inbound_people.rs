//! The other people of a mail: where its sender wants the answers, and who is in copy.

use crate::support::make::{self, unique};
use crate::support::post::{Delivered, deliver, plain, proof, unproven};
use crate::support::stub::{Sent, Stub};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Value, Worker, json};

const SUPPORT: &str = "support@desk.example";

#[track_caller]
fn accepted(from: &str, to: &str, raw: &[u8]) {
    assert_eq!(deliver(Worker::shared(), from, to, raw), Delivered::Accepted);
}

fn messages(ticket: &Value) -> Vec<String> {
    let path = format!("/tickets/{}/comments", ticket["id"]);
    let rows = Admin::any().get(&path).is(200).rows();
    rows.iter()
        .map(|row| row["body"].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn one(word: &str) -> Value {
    let tickets = Admin::any().get(&format!("/tickets?q={word}")).is(200).rows();
    assert_eq!(tickets.len(), 1, "tickets with {word}");
    tickets[0].clone()
}

fn cc_path(ticket: &Value) -> String {
    format!("/tickets/{}/cc", ticket["id"])
}

/// The addresses of a list of people, sorted.
fn addresses(people: &Value) -> Vec<String> {
    let people = people.as_array().unwrap();
    let mut list: Vec<String> = people
        .iter()
        .map(|one| one["email"].as_str().unwrap().to_owned())
        .collect();
    list.sort();
    list
}

fn in_copy(ticket: &Value) -> Vec<String> {
    addresses(&Admin::any().get(&cc_path(ticket)).is(200).json()["cc"])
}

fn is_to<'a>(email: &'a str, word: &'a str) -> impl Fn(&Sent) -> bool + 'a {
    move |sent| sent.path == "/mail" && sent.json()["to"][0] == email && sent.body.contains(word)
}

#[track_caller]
fn mail(to: &str, word: &str) -> Value {
    Stub::shared().wait(1, is_to(to, word))[0].json()
}

fn is_mailed(to: &str, word: &str) -> bool {
    !Stub::shared().seen(is_to(to, word)).is_empty()
}

/// A proven mail to us and to others, with further headers.
fn to_all(from: &str, people: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "{}From: {from}\nTo: {SUPPORT}\nCc: {people}\nSubject: The printer\nMessage-ID: <{}@x>\n{headers}\
         Content-Type: text/plain; charset=utf-8\n\n{body}\n",
        proof(from),
        unique()
    )
    .replace('\n', "\r\n")
    .into_bytes()
}

/// A ticket that a mail has opened, with these people in copy.
fn ticket_with(customer: &Caller, people: &str) -> Value {
    let word = unique();
    accepted(
        &customer.email,
        SUPPORT,
        &to_all(&customer.email, people, "", &word),
    );
    one(&word)
}

#[test]
fn answers_go_where_the_sender_wants_them() {
    let form = format!("form.{}@site.example", unique());
    let (visitor, word) = (make::email(), unique());
    let headers = format!("Reply-To: Jane Visitor <{visitor}>\nAuto-Submitted: auto-generated\n");
    accepted(&form, SUPPORT, &plain(&form, "A question", &headers, &word));
    let ticket = one(&word);
    assert_eq!(ticket["requester"]["email"], json!(form));
    assert_eq!(
        Admin::any().get(&cc_path(&ticket)).is(200).json(),
        json!({"cc": [], "left": [], "reply_to": {"email": visitor, "name": "Jane Visitor"}})
    );
    let answer = unique();
    make::message(Admin::any(), &ticket, &answer);
    let sent = mail(&visitor, &answer);
    let reply_to = sent["reply_to"].as_str().unwrap();
    // What is answered from there, proven or not, is the requester's.
    for mail in [
        unproven(&visitor, "Re: A question", "", "Thank you."),
        plain(&visitor, "Re: A question", "", "Really."),
    ] {
        accepted(&visitor, reply_to, &mail);
    }
    assert_eq!(messages(&ticket), [answer.as_str(), "Thank you.", "Really."]);
    // Who only knows the address, and is somebody else, opens another ticket.
    let (stranger, word) = (make::email(), unique());
    accepted(
        &stranger,
        reply_to,
        &plain(&stranger, "Re: A question", "", &word),
    );
    assert_ne!(one(&word)["id"], ticket["id"]);
    // Who wants no more mails there stops them for this ticket, and not for whoever else uses the form.
    Anon::new().post(&leave_path(&sent), json!({})).is(200);
    let last = unique();
    make::message(Admin::any(), &ticket, &last);
    mail(&form, &last);
    assert!(!is_mailed(&visitor, &last));
    let (other, word, answer) = (make::email(), unique(), unique());
    let headers = format!("Reply-To: {other}\n");
    accepted(&form, SUPPORT, &plain(&form, "A question", &headers, &word));
    make::message(Admin::any(), &one(&word), &answer);
    mail(&other, &answer);
}

/// The path of the link that stops mails.
fn leave_path(sent: &Value) -> String {
    let link = sent["headers"]["List-Unsubscribe"].as_str().unwrap();
    let path = link.split("/api/v1").nth(1).unwrap();
    path.trim_end_matches('>').to_owned()
}

#[test]
fn only_who_is_proven_says_where_answers_go() {
    let (visitor, other) = (make::email(), make::email());
    for (headers, is_proven, from) in [
        (format!("Reply-To: {visitor}\n"), false, make::email()),
        (
            format!("Reply-To: {visitor}\nList-Id: <x.example.org>\n"),
            true,
            make::email(),
        ),
        (format!("Reply-To: {visitor}, {other}\n"), true, make::email()),
        (format!("Reply-To: {SUPPORT}\n"), true, make::email()),
        ("Reply-To: desk@desk.example\n".to_owned(), true, make::email()),
    ] {
        let word = unique();
        let mail = if is_proven {
            plain(&from, "A question", &headers, &word)
        } else {
            unproven(&from, "A question", &headers, &word)
        };
        accepted(&from, SUPPORT, &mail);
        let people = Admin::any().get(&cc_path(&one(&word))).is(200).json();
        assert!(people["reply_to"].is_null(), "{headers}");
    }
    // An answer may say so, too: the last one counts.
    let (word, first, second) = (unique(), make::email(), make::email());
    let customer = make::email();
    let opened = plain(&customer, "x", &format!("Reply-To: {first}\n"), &word);
    accepted(&customer, SUPPORT, &opened);
    let ticket = one(&word);
    let subject = format!("Re: [{}] x", ticket["number"].as_str().unwrap());
    let again = plain(&customer, &subject, &format!("Reply-To: {second}\n"), "Again.");
    accepted(&customer, SUPPORT, &again);
    assert_eq!(messages(&ticket), ["Again."]);
    let people = Admin::any().get(&cc_path(&ticket)).is(200).json();
    assert_eq!(people["reply_to"]["email"], json!(second));
}

#[test]
fn who_is_in_copy_gets_the_answers_and_may_answer() {
    let (customer, agent) = (Customer::fresh(), Admin::any());
    let (bob, eve) = (make::email(), make::email());
    let people = format!(
        "Bob <{}>, \"Eve, Adams\" <{eve}>, {}, {}, {SUPPORT}, no-reply@x.example",
        bob.to_uppercase(),
        customer.email,
        Agent::any().email
    );
    let ticket = ticket_with(&customer, &people);
    let path = cc_path(&ticket);
    let copies = agent.get(&path).is(200).json();
    assert_eq!(
        copies["cc"],
        json!([{"email": bob, "name": "Bob"}, {"email": eve, "name": "Adams Eve"}])
            .as_array()
            .map(|list| {
                let mut list = list.clone();
                list.sort_by_key(|one| one["email"].to_string());
                json!(list)
            })
            .unwrap()
    );
    // Staff see it on the ticket, and in lists that ask for it; customers do not.
    let listed = agent
        .get(&format!(
            "/tickets?q={}&fields=id,cc",
            ticket["description"].as_str().unwrap().trim()
        ))
        .is(200);
    assert_eq!(listed.rows()[0]["cc"], copies["cc"]);
    let ticket_path = format!("/tickets/{}", ticket["id"]);
    assert_eq!(agent.get(&ticket_path).is(200).json()["cc"], copies["cc"]);
    assert_eq!(customer.get(&ticket_path).is(200).json()["cc"], json!([]));
    customer.get(&path).refused(403, "FORBIDDEN");
    // Public answers of staff, and nothing else.
    let (note, own, answer) = (unique(), unique(), unique());
    make::note(agent, &ticket, &note);
    make::message(&customer, &ticket, &own);
    make::message(agent, &ticket, &answer);
    for to in [&bob, &eve] {
        let sent = mail(to, &answer);
        assert!(
            sent["text"]
                .as_str()
                .unwrap()
                .contains("No more mails of this kind: ")
        );
        assert!(sent["text"].as_str().unwrap().contains("in copy of this ticket"));
        assert!(!is_mailed(to, &note) && !is_mailed(to, &own), "{to}");
    }
    // They answer to the address that came, proven or not; it is nobody else's.
    let to_bob = mail(&bob, &answer)["reply_to"].as_str().unwrap().to_owned();
    accepted(
        &bob,
        &to_bob,
        &unproven(&bob, "Re: The printer", "", "Mine, too."),
    );
    let stranger = make::email();
    let word = unique();
    accepted(
        &stranger,
        &to_bob,
        &plain(&stranger, "Re: The printer", "", &word),
    );
    assert_ne!(one(&word)["id"], ticket["id"]);
    assert_eq!(messages(&ticket)[1..], [own.as_str(), &answer, "Mine, too."]);
    let comments = customer
        .get(&format!("/tickets/{}/comments", ticket["id"]))
        .is(200)
        .rows();
    let author = &comments.last().unwrap()["author"]["id"];
    let author = agent.get(&format!("/users/{author}")).is(200).json();
    assert_eq!(author["email"], json!(bob));
    // What somebody in copy writes is told to the requester's side, not to others in copy.
    let last = unique();
    make::message(agent, &ticket, &last);
    mail(&eve, &last);
    assert!(!is_mailed(&eve, "Mine, too."));
}

#[test]
fn a_colleague_in_copy_answers_all() {
    let (customer, word, id) = (Customer::fresh(), unique(), unique());
    let (bob, eve) = (make::email(), make::email());
    let first = format!(
        "{}From: {}\nTo: Support <{SUPPORT}>, {bob}\nCc: {eve}\nSubject: The printer\nMessage-ID: <{id}@x>\n\n{word}\n",
        proof(&customer.email),
        customer.email
    );
    accepted(&customer.email, SUPPORT, first.replace('\n', "\r\n").as_bytes());
    let ticket = one(&word);
    let headers = format!("In-Reply-To: <{id}@x>\nReferences: <{id}@x>\n");
    accepted(
        &bob,
        SUPPORT,
        &plain(&bob, "Re: The printer", &headers, "Seen it."),
    );
    let number = format!("SV: [{}] The printer", ticket["number"].as_str().unwrap());
    accepted(&eve, SUPPORT, &plain(&eve, &number, "", "Me, too."));
    assert_eq!(messages(&ticket), ["Seen it.", "Me, too."]);
    // Nobody is believed to be in copy without proof.
    let forged = unproven(&eve, "Re: The printer", &headers, "Forged.");
    deliver(Worker::shared(), &eve, SUPPORT, &forged);
    assert_eq!(messages(&ticket).len(), 2);
    // An answer adds who is in its copy, if it is the requester's; not if it is from somebody in copy.
    let (third, fourth) = (make::email(), make::email());
    accepted(
        &customer.email,
        SUPPORT,
        &to_all(&customer.email, &format!("{third}, {bob}"), &headers, "More."),
    );
    accepted(&bob, SUPPORT, &to_all(&bob, &fourth, &headers, "And more."));
    assert_eq!(messages(&ticket).len(), 4);
    let mut want = [bob, eve, third];
    want.sort();
    assert_eq!(in_copy(&ticket), want);
}

#[test]
fn nobody_is_put_in_copy_who_cannot_want_it() {
    let victim = make::email();
    let full: Vec<String> = (0..30).map(|_| make::email()).collect();
    for (raw, from, want) in [
        {
            let from = make::email();
            let raw = to_all(&from, &victim, "", "WORD");
            let raw = String::from_utf8(raw).unwrap();
            (raw.split_once("\r\n").unwrap().1.to_owned(), from, 0)
        },
        {
            let from = make::email();
            let raw = to_all(&from, &victim, "List-Id: <x.y>\n", "WORD");
            (String::from_utf8(raw).unwrap(), from, 0)
        },
        {
            let from = make::email();
            let raw = to_all(&from, &victim, "Auto-Submitted: auto-generated\n", "WORD");
            (String::from_utf8(raw).unwrap(), from, 0)
        },
        {
            // It came by an alias, which would lead our mails back to us.
            let from = make::email();
            let raw = String::from_utf8(to_all(&from, &victim, "", "WORD")).unwrap();
            (raw.replace(SUPPORT, "help@old.example"), from, 0)
        },
        {
            let from = make::email();
            let raw = to_all(&from, &full.join(",\n "), "", "WORD");
            (String::from_utf8(raw).unwrap(), from, 20)
        },
    ] {
        let word = unique();
        accepted(&from, SUPPORT, raw.replace("WORD", &word).as_bytes());
        assert_eq!(in_copy(&one(&word)).len(), want, "{raw}");
    }
}

#[test]
fn who_leaves_the_copy_is_mailed_no_more() {
    let customer = Customer::fresh();
    let (bob, eve) = (make::email(), make::email());
    let ticket = ticket_with(&customer, &format!("{bob}, {eve}"));
    let first = unique();
    make::message(Admin::any(), &ticket, &first);
    let sent = mail(&bob, &first);
    let link = sent["headers"]["List-Unsubscribe"].as_str().unwrap().to_owned();
    assert_eq!(
        sent["headers"]["List-Unsubscribe-Post"],
        "List-Unsubscribe=One-Click"
    );
    assert!(
        sent["text"]
            .as_str()
            .unwrap()
            .contains(link.trim_matches(['<', '>']))
    );
    let path = leave_path(&sent);
    // Looking at the link changes nothing, and neither does a link that was made up.
    Anon::new().get(&path).is(200);
    let other = path.replacen("token=", "token=1", 1);
    Anon::new().post(&other, json!({})).is(400).faults(&["token"]);
    assert_eq!(in_copy(&ticket).len(), 2);
    for _ in 0..2 {
        Anon::new()
            .ask("POST", &path)
            .raw("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click")
            .send()
            .is(200);
    }
    let people = Admin::any().get(&cc_path(&ticket)).is(200).json();
    assert_eq!(
        (addresses(&people["cc"]), addresses(&people["left"])),
        (vec![eve.clone()], vec![bob.clone()])
    );
    let second = unique();
    make::message(Admin::any(), &ticket, &second);
    mail(&eve, &second);
    assert!(!is_mailed(&bob, &second));
    // No mail puts them back, on this ticket or another, and neither do staff on this one.
    let number = format!("In-Reply-To: <{}@x>\n", unique());
    let subject = format!("Re: [{}] x", ticket["number"].as_str().unwrap());
    let again = String::from_utf8(to_all(&customer.email, &bob, &number, "Again.")).unwrap();
    accepted(
        &customer.email,
        SUPPORT,
        again
            .replace("Subject: The printer", &format!("Subject: {subject}"))
            .as_bytes(),
    );
    assert_eq!(messages(&ticket).last().unwrap(), "Again.");
    assert_eq!(in_copy(&ticket), [eve.as_str()]);
    assert!(in_copy(&ticket_with(&customer, &bob)).is_empty());
    let back = json!({"cc": [{"email": bob}]});
    Admin::any()
        .put(&cc_path(&ticket), back.clone())
        .refused(400, "VALIDATION_ERROR");
    let elsewhere = make::ticket(&customer);
    Admin::any().put(&cc_path(&elsewhere), back).is(200);
    assert_eq!(in_copy(&elsewhere), [bob.as_str()]);
}

#[test]
fn staff_say_who_is_in_copy() {
    let customer = Customer::fresh();
    let (bob, eve) = (make::email(), make::email());
    let ticket = ticket_with(&customer, &bob);
    let path = cc_path(&ticket);
    let kept = json!({"cc": [{"email": eve.to_uppercase(), "name": null}, {"email": customer.email}, {"email": Agent::any().email}]});
    let people = Admin::any().put(&path, kept).is(200).json();
    assert_eq!(people["cc"], json!([{"email": eve, "name": ""}]));
    let events = Admin::any()
        .get(&format!("/tickets/{}/history", ticket["id"]))
        .is(200)
        .rows();
    assert_eq!(events.last().unwrap()["changes"][0]["field"], "cc");
    assert!(!json!(events).to_string().contains(&eve));
    let seen = customer
        .get(&format!("/tickets/{}/history", ticket["id"]))
        .is(200)
        .rows();
    assert!(!json!(seen).to_string().contains("\"cc\""));
    let answer = unique();
    make::message(Admin::any(), &ticket, &answer);
    mail(&eve, &answer);
    assert!(!is_mailed(&bob, &answer));
    // Who was taken out is a stranger again.
    let word = unique();
    let subject = format!("Re: [{}] x", ticket["number"].as_str().unwrap());
    accepted(&bob, SUPPORT, &plain(&bob, &subject, "", &word));
    assert_ne!(one(&word)["id"], ticket["id"]);
    for wrong in [
        json!("x"),
        json!([{"email": "x"}]),
        json!([{"name": "x"}]),
        json!([{"email": eve, "name": 5}]),
        json!([{"email": SUPPORT}]),
        json!([{"email": "support+1.2.x@desk.example"}]),
        json!(
            (0..21)
                .map(|_| json!({"email": make::email()}))
                .collect::<Vec<_>>()
        ),
    ] {
        Admin::any()
            .put(&path, json!({"cc": wrong}))
            .refused(400, "VALIDATION_ERROR");
    }
    assert_eq!(in_copy(&ticket), [eve.as_str()]);
}

#[test]
fn a_mail_of_ours_that_comes_back_is_nobodys() {
    let customer = Customer::fresh();
    let alias = make::email();
    let ticket = ticket_with(&customer, &alias);
    let word = unique();
    make::message(Admin::any(), &ticket, &word);
    let sent = mail(&alias, &word);
    let id = sent["headers"]["Message-ID"].as_str().unwrap();
    let before = messages(&ticket).len();
    let back = format!(
        "{}From: Edgedesk <desk@desk.example>\nTo: {alias}\nSubject: x\nMessage-ID: {id}\n\n{word} again\n",
        proof("desk@desk.example")
    );
    accepted(
        "desk@desk.example",
        SUPPORT,
        back.replace('\n', "\r\n").as_bytes(),
    );
    // Sent on by a program that puts itself into `From`.
    let on = back.replace("Edgedesk <desk@desk.example>", &alias);
    accepted(&alias, SUPPORT, on.replace('\n', "\r\n").as_bytes());
    assert_eq!(messages(&ticket).len(), before);
    assert_eq!(
        Admin::any()
            .get(&format!("/tickets?q={word}"))
            .is(200)
            .rows()
            .len(),
        1
    );
    let log = Admin::any().get("/admin/mail-log?reason=own").is(200).rows();
    let mine = log
        .iter()
        .filter(|row| row["message_id"] == json!(id.trim_matches(['<', '>'])));
    assert_eq!(mine.count(), 2);
}

#[test]
fn a_closed_account_is_in_no_copy() {
    let (customer, leaver) = (Customer::fresh(), Customer::fresh());
    let ticket = ticket_with(&customer, &leaver.email);
    assert_eq!(in_copy(&ticket), [leaver.email.as_str()]);
    let me = json!({"password": make::PASSWORD});
    leaver.ask("DELETE", "/users/me").json(&me).send().is(204);
    assert!(in_copy(&ticket).is_empty());
}

#[test]
fn somebody_in_copy_has_no_more_than_the_mails() {
    let (customer, colleague) = (Customer::fresh(), Customer::fresh());
    let ticket = ticket_with(&customer, &colleague.email);
    let path = format!("/tickets/{}", ticket["id"]);
    colleague.get(&path).refused(404, "NOT_FOUND");
    colleague
        .get(&format!("{path}/comments"))
        .refused(404, "NOT_FOUND");
    let subject = format!("Re: [{}] x", ticket["number"].as_str().unwrap());
    let status = |to: &str| {
        let body = json!({"status": to});
        Admin::any().put(&format!("{path}/status"), body).is(200)
    };
    for to in ["assigned", "in_progress", "waiting"] {
        status(to);
    }
    // The answer wakes the ticket as the requester's does.
    accepted(
        &colleague.email,
        SUPPORT,
        &plain(&colleague.email, &subject, "", "Here it is."),
    );
    let woken = Admin::any().get(&path).is(200).json();
    assert_eq!(woken["status"], "in_progress");
    assert_eq!(messages(&ticket), ["Here it is."]);
    // Whoever wants no mails of that kind gets none here, either.
    let off = json!({"preferences": {"reply": {"email": false}}});
    colleague.put("/notifications/preferences", off).is(200);
    let (word, witness) = (unique(), make::email());
    let both = json!({"cc": [{"email": colleague.email}, {"email": witness}]});
    Admin::any().put(&cc_path(&ticket), both).is(200);
    make::message(Admin::any(), &ticket, &word);
    mail(&witness, &word);
    assert!(!is_mailed(&colleague.email, &word));
}

#[test]
fn a_busy_ticket_does_not_flood_who_is_in_copy() {
    let (customer, bob) = (Customer::fresh(), make::email());
    let ticket = ticket_with(&customer, &bob);
    let word = unique();
    for at in 0..23 {
        make::message(Admin::any(), &ticket, &format!("{word} {at}"));
    }
    assert!(Stub::shared().wait(20, is_to(&bob, &word)).len() == 20);
    // Another ticket is another matter, and what was to be sent before it has left by then.
    let (other, last) = (ticket_with(&customer, &bob), unique());
    make::message(Admin::any(), &other, &last);
    mail(&bob, &last);
    assert_eq!(Stub::shared().seen(is_to(&bob, &word)).len(), 20);
}
