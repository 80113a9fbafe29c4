//! Mail that comes in and is not what it says, and notes, which stay among staff whatever is mailed about them.

use crate::support::client::Role;
use crate::support::make::{self, unique};
use crate::support::post::{Delivered, deliver, desk, plain, proof, thread, unproven};
use crate::support::stub::{Sent, Stub};
use crate::support::{Admin, Caller, Customer, Manager, Value, Worker, json, race};

const SUPPORT: &str = "support@desk.example";

fn sent(from: &str, to: &str, raw: &[u8]) -> Delivered {
    deliver(Worker::shared(), from, to, raw)
}

#[track_caller]
fn accepted(from: &str, to: &str, raw: &[u8]) {
    assert_eq!(sent(from, to, raw), Delivered::Accepted);
}

#[track_caller]
fn refused(from: &str, to: &str, raw: &[u8], why: &str) {
    let outcome = sent(from, to, raw);
    assert!(
        matches!(&outcome, Delivered::Refused(said) if said.contains(why)),
        "{outcome:?}"
    );
}

fn answers_to(ticket: &Value, who: &Caller) -> String {
    desk(Worker::shared()).address_for(thread(ticket, who))
}

fn messages(of: &Caller, ticket: &Value) -> Vec<Value> {
    of.get(&format!("/tickets/{}/comments", ticket["id"]))
        .is(200)
        .rows()
}

fn found(word: &str) -> usize {
    Admin::any()
        .get(&format!("/tickets?q={word}"))
        .is(200)
        .rows()
        .len()
}

#[test]
fn what_answers_a_note_is_a_note() {
    let (customer, agent) = (Customer::fresh(), Admin::any().hire(Role::Manager));
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}/assign", ticket["id"]);
    Admin::any().put(&path, json!({"assignee": agent.id})).is(200);
    let canary = unique();
    let path = format!("/tickets/{}/comments", ticket["id"]);
    let note = json!({"body": canary, "is_internal": true});
    Manager::any().post(&path, note).is(201);
    let is_it =
        |sent: &Sent| sent.path == "/mail" && sent.body.contains(&canary) && sent.body.contains(&agent.email);
    let mail = Stub::shared().wait(1, is_it)[0].json();
    let reply_to = mail["reply_to"].as_str().unwrap_or_else(|| panic!("{mail}"));
    assert!(
        reply_to.contains(&format!("+{}.{}n.", ticket["id"], agent.id)),
        "{reply_to}"
    );
    let quoted = mail["text"].as_str().unwrap();
    let file = "Content-Type: multipart/mixed; boundary=x\n";
    let raw = format!(
        "{}From: {}\nSubject: Re: x y\nMessage-ID: <{}@x>\n{file}\n--x\nContent-Type: text/plain\n\nOnly among us.\n\n\
         {quoted}\n--x\nContent-Type: text/plain; name=secret.txt\nContent-Disposition: attachment\n\nsecret\n--x--\n",
        proof(&agent.email),
        agent.email,
        unique()
    );
    accepted(&agent.email, reply_to, raw.replace('\n', "\r\n").as_bytes());
    // Whoever answers elsewhere names the mail.
    let id = mail["headers"]["Message-ID"].as_str().unwrap();
    for (to, text) in [
        (SUPPORT.to_owned(), "By reference."),
        (answers_to(&ticket, &agent), "Elsewhere."),
    ] {
        let headers = format!("References: <other@example.org> {id}\n");
        accepted(&agent.email, &to, &plain(&agent.email, "Re: x y", &headers, text));
    }
    let notes: Vec<Value> = messages(&agent, &ticket)
        .iter()
        .map(|said| json!([said["body"], said["is_internal"]]))
        .collect();
    let want = json!([
        [canary, true],
        ["Only among us.", true],
        ["By reference.", true],
        ["Elsewhere.", true]
    ]);
    assert_eq!(json!(notes), want);
    // The customer learns of none of it.
    assert_eq!(messages(&customer, &ticket).len(), 0);
    let files = format!("/tickets/{}/attachments", ticket["id"]);
    assert_eq!(agent.get(&files).is(200).rows().len(), 1);
    assert_eq!(customer.get(&files).is(200).rows().len(), 0);
    let seen = customer.get(&format!("/tickets/{}", ticket["id"])).is(200).json();
    assert_eq!(
        (&seen["attachment_count"], &seen["message_count"]),
        (&json!(0), &json!(0))
    );
    let told = customer
        .get(&format!("/tickets/{}/timeline", ticket["id"]))
        .is(200);
    let told = json!(told.rows()).to_string();
    for word in [canary.as_str(), "Only among us", "secret", "reference"] {
        assert!(!told.contains(word), "{word}: {told}");
    }
    // An answer to a mail about an answer is public as ever.
    accepted(
        &agent.email,
        &answers_to(&ticket, &agent),
        &plain(&agent.email, "Re: x y", "", "For everybody."),
    );
    assert_eq!(messages(&customer, &ticket)[0]["body"], "For everybody.");
}

#[test]
fn nothing_that_is_quoted_becomes_public() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let to = answers_to(&ticket, &customer);
    let ours = "-- Please write your answer above this line --\n\nHello,\n\n  CANARY\n\n--\nNo more mails of this kind: x";
    let marked = ours.replace('\n', "\n> ");
    let html = "<blockquote type=\"cite\"><p>-- Please write your answer above this line --</p><p>CANARY</p></blockquote>";
    let mail = |kind: &str, text: &str| {
        let raw = format!(
            "{}From: {}\nSubject: Re: x y\nMessage-ID: <{}@x>\nContent-Type: {kind}\n\n{text}\n",
            proof(&customer.email),
            customer.email,
            unique()
        );
        accepted(&customer.email, &to, raw.replace('\n', "\r\n").as_bytes());
    };
    for (n, (kind, text)) in [
        ("text/plain", format!("> {marked}\n\nMine N.")),
        (
            "text/plain",
            format!(
                "On Fri, Nov 20, 2026 at 7:40 PM Desk <\n{to}> wrote:\n\n> {marked}\n\nMine N.\n\nSee {to}"
            ),
        ),
        (
            "text/plain",
            format!("Mine N.\n\nFrom: Desk <{to}>\nSent: Friday\nTo: x\n\n{ours}"),
        ),
        ("text/html", format!("{html}<p>Mine N.</p>")),
        (
            "text/html",
            format!("<p>Mine N.</p><div>On Fri, 20 Nov 2026, 19:40 Desk &lt;{to}&gt; wrote:</div>{html}"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        mail(kind, &text.replace('N', &n.to_string()));
    }
    // Nothing of their own.
    mail("text/plain", &format!("> {marked}"));
    mail("text/plain", ours);
    mail("text/html", html);
    mail("text/plain", "");
    let said: Vec<String> = messages(&customer, &ticket)
        .iter()
        .map(|said| said["body"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        said,
        [
            "Mine 0.",
            "Mine 1.\n\nSee support@desk.example",
            "Mine 2.",
            "Mine 3.",
            "Mine 4."
        ]
    );
}

#[test]
fn nobody_writes_in_the_name_of_an_account() {
    let (customer, agent) = (Customer::fresh(), Manager::fresh());
    let ticket = make::ticket(&customer);
    let elsewhere = "Authentication-Results: mx.cloudflare.net; dmarc=pass header.from=evil.example\n";
    let forged = "Authentication-Results: mx.cloudflare.net; dmarc=fail header.from=example.org\n";
    let later = format!("{forged}{}", proof(&customer.email));
    let word = unique();
    for headers in [
        "",
        elsewhere,
        "Authentication-Results: mx.cloudflare.net; dmarc=none\n",
    ] {
        // Staff prove themselves, wherever they write to.
        for to in [answers_to(&ticket, &agent), SUPPORT.to_owned()] {
            let raw = unproven(&agent.email, "Re: x y", headers, &word);
            refused(&agent.email, &to, &raw, "no DMARC pass");
        }
        // Customers open nothing without proof.
        let raw = unproven(&customer.email, "Hello there", headers, &word);
        refused(&customer.email, SUPPORT, &raw, "no DMARC pass");
        // They answer where only they were told to.
        let raw = unproven(&customer.email, "Re: x y", headers, "It is me.");
        accepted(&customer.email, &answers_to(&ticket, &customer), &raw);
    }
    assert_eq!(messages(&agent, &ticket).len(), 3);
    // What is known to be forged is refused from everybody.
    let stranger = make::email();
    for headers in [forged, later.as_str()] {
        for (from, to) in [
            (&customer.email, answers_to(&ticket, &customer)),
            (&agent.email, SUPPORT.to_owned()),
            (&stranger, SUPPORT.to_owned()),
        ] {
            let raw = unproven(from, "Re: x y", headers, &word);
            refused(from, &to, &raw, "DMARC");
        }
    }
    // Several senders are none.
    for from in [
        format!("{}, {stranger}", agent.email),
        format!("Us: {}, {stranger};", agent.email),
    ] {
        let raw = plain(&from, "Hello there", "", &word);
        refused(&stranger, SUPPORT, &raw, "several addresses");
    }
    assert_eq!((found(&word), messages(&agent, &ticket).len()), (0, 3));
}

#[test]
fn one_domain_without_proof_opens_so_many() {
    let (domain, word) = (format!("{}.example", unique()), unique());
    let outcomes: Vec<Delivered> = race(13, |n| {
        let each = |m: usize| {
            let from = format!("p{n}x{m}.{word}@{domain}");
            sent(&from, SUPPORT, &unproven(&from, "Hello there", "", &word))
        };
        (0..8).map(each).collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Delivered::Refused(why) if why.contains("an hour")));
    assert_eq!(refused.count(), 4);
    // Who is proven is not counted with them.
    let from = make::email();
    accepted(
        &format!("bounce@{domain}"),
        SUPPORT,
        &plain(&from, "Hello there", "", &word),
    );
    assert_eq!(Admin::any().walk(&format!("/tickets?q={word}"), 100).len(), 101);
}

#[test]
fn what_a_list_has_changed_is_taken_from_the_list() {
    let (customer, agent) = (Customer::fresh(), Manager::fresh());
    let failed = "Authentication-Results: mx.cloudflare.net; dmarc=fail header.from=example.org\n";
    for (author, proof, list) in [
        (&customer.email, "", "List-Id: Friends <friends.lists.example>\n"),
        (
            &customer.email,
            failed,
            "List-Post: <mailto:friends@lists.example>\n",
        ),
        (
            &agent.email,
            failed,
            "X-Mailing-List: <friends@lists.example>\nPrecedence: list\n",
        ),
    ] {
        let (word, list_name) = (unique(), unique());
        let bounces = format!("{list_name}-bounces@lists.example");
        let from = format!("Jane via Friends <{author}>");
        let raw = unproven(&from, "The projector", &format!("{proof}{list}"), &word);
        accepted(&bounces, SUPPORT, &raw);
        let whole = String::from_utf8(raw.clone()).unwrap();
        let id = whole
            .split_once("Message-ID: ")
            .unwrap()
            .1
            .lines()
            .next()
            .unwrap();
        let tickets = Admin::any().get(&format!("/tickets?q={word}")).is(200).rows();
        let [ticket] = tickets.as_slice() else {
            panic!("{} tickets of {proof}{list}", tickets.len());
        };
        assert_eq!(ticket["requester"]["email"], bounces);
        let said = ticket["description"].as_str().unwrap();
        assert!(
            said.contains(&format!("Jane via Friends <{author}>; not proven")),
            "{said}"
        );
        assert!(said.ends_with(&word), "{said}");
        assert_eq!(
            customer.get(&format!("/tickets?q={word}")).is(200).rows().len(),
            0
        );
        // What follows in the list joins it, and says as well who is said to have written it.
        let answer = format!("{proof}{list}In-Reply-To: {id}\n");
        let follows = unproven(&from, "Re: The projector", &answer, "It is mended.");
        accepted(&bounces, SUPPORT, &follows);
        let said = messages(&agent, ticket);
        assert_eq!(said.len(), 1);
        let body = said[0]["body"].as_str().unwrap();
        assert!(
            body.contains("not proven") && body.ends_with("It is mended."),
            "{body}"
        );
        // The same mail once more is none.
        accepted(&bounces, SUPPORT, &raw);
        assert_eq!(found(&word), 1);
    }
    // A list is no way into an account: neither as the envelope's sender, nor without being one.
    let word = unique();
    for (envelope, header) in [
        (&agent.email, "List-Id: <friends.lists.example>\n"),
        (&customer.email, "List-Id: <friends.lists.example>\n"),
    ] {
        let raw = unproven(&customer.email, "Hello there", header, &word);
        accepted(envelope, SUPPORT, &raw);
    }
    assert_eq!(found(&word), 0);
}
