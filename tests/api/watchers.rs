//! Watchers: told as an assignee is, as long as they see the ticket, and of nothing that they may not see.

use crate::support::client::Role;
use crate::support::race::RUNNERS;
use crate::support::stub::{Sent, Stub};
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, json, make, race, socket};

fn category() -> Value {
    Manager::any()
        .post("/categories", json!({"name": make::unique()}))
        .is(201)
        .json()
}

fn agents_of(category: &Value, agents: &[&Caller]) {
    let ids: Vec<i64> = agents.iter().map(|agent| agent.id).collect();
    let path = format!("/categories/{}/agents", category["id"]);
    Manager::any().put(&path, json!({"agents": ids})).is(200);
}

/// A customer's ticket that an agent works on, in a category.
fn ticket_of(customer: &Caller, category: &Value, assignee: &Caller) -> Value {
    let new =
        json!({"customer_email": customer.email, "category": category["slug"], "assignee": assignee.id});
    make::ticket_with(Manager::any(), new)
}

fn at(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn watchers(ticket: &Value) -> Vec<i64> {
    Admin::any()
        .get(&format!("{}/watchers", at(ticket)))
        .is(200)
        .ids()
}

/// What somebody was notified of about a ticket, the oldest first: the kind, and the beginning of the message.
fn told(who: &Caller, ticket: &Value) -> Vec<(String, String)> {
    let mut rows = who.walk("/notifications", 100);
    rows.reverse();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter()
        .filter(|row| row["ticket"]["id"] == ticket["id"])
        .map(|row| (text(&row["kind"]), text(&row["message"])))
        .collect()
}

#[test]
fn a_watcher_is_told_as_the_assignee_is() {
    let (customer, assignee, watcher) = (Customer::fresh(), Agent::fresh(), Agent::fresh());
    let category = category();
    agents_of(&category, &[&assignee, &watcher]);
    let ticket = ticket_of(&customer, &category, &assignee);
    let path = at(&ticket);
    let row = watcher.put(&format!("{path}/watch"), json!({})).is(200).json();
    assert_eq!(
        (&row["user"]["id"], &row["added_by"]["id"]),
        (&json!(watcher.id), &json!(watcher.id))
    );
    // Twice is once.
    watcher.put(&format!("{path}/watch"), json!({})).is(200);
    assert_eq!(watchers(&ticket), [watcher.id]);
    make::message(&customer, &ticket, "Is it done?");
    make::note(&assignee, &ticket, "not yet");
    assignee
        .put(&format!("{path}/status"), json!({"status": "in_progress"}))
        .is(200);
    make::message(&watcher, &ticket, "I have looked at it.");
    assignee
        .put(&format!("{path}/priority"), json!({"priority": "high"}))
        .is(200);
    let note = format!("{} not yet", make::CANARY);
    let reply = |text: &str| ("reply".to_owned(), text.to_owned());
    let status = ("status".to_owned(), String::new());
    assert_eq!(
        told(&watcher, &ticket),
        [reply("Is it done?"), reply(&note), status.clone()],
        "and not of one's own"
    );
    let assigned = ("assigned".to_owned(), String::new());
    assert_eq!(
        told(&assignee, &ticket),
        [assigned, reply("Is it done?"), reply("I have looked at it.")]
    );
    // Somebody who is both is told once; who was mentioned is told of that.
    assignee.put(&format!("{path}/watch"), json!({})).is(200);
    let name = Admin::any().get(&format!("/users/{}", watcher.id)).is(200).json()["username"].clone();
    make::message(&customer, &ticket, &format!("Hello @{}", name.as_str().unwrap()));
    assert_eq!(told(&assignee, &ticket).len(), 4);
    let last = told(&watcher, &ticket).pop().unwrap();
    assert_eq!((last.0.as_str(), told(&watcher, &ticket).len()), ("mention", 4));
    for _ in 0..2 {
        watcher.delete(&format!("{path}/watch")).is(204);
    }
    make::message(&customer, &ticket, "And now?");
    assert_eq!(told(&watcher, &ticket).len(), 4);
}

#[test]
fn staff_make_others_watchers_if_they_see_the_ticket() {
    let (customer, assignee, other) = (Customer::fresh(), Agent::fresh(), Agent::fresh());
    let (here, there) = (category(), category());
    agents_of(&here, &[&assignee]);
    agents_of(&there, &[&other]);
    let ticket = ticket_of(&customer, &here, &assignee);
    let path = at(&ticket);
    let put = |by: &Caller, who: i64| by.put(&format!("{path}/watchers/{who}"), json!({}));
    put(&assignee, other.id).refused(409, "CONFLICT");
    put(&assignee, Customer::any().id).refused(409, "CONFLICT");
    put(&assignee, 9_007_199_254_740_991).refused(404, "NOT_FOUND");
    put(&other, other.id).refused(404, "NOT_FOUND");
    put(&customer, customer.id).refused(403, "FORBIDDEN");
    let added = put(&assignee, Manager::any().id).is(200).json();
    assert_eq!(added["added_by"]["id"], assignee.id);
    put(&assignee, customer.id).is(200);
    let uid = &Admin::any().uid;
    assignee.put(&format!("{path}/watchers/{uid}"), json!({})).is(200);
    // The history counts them; the customer learns nothing of it.
    let events = assignee.walk(&format!("{path}/events"), 100);
    let last = events.last().unwrap();
    assert_eq!(
        last["changes"],
        json!([{"field": "watchers", "from": 2, "to": 3}])
    );
    assert!(
        !customer
            .get(&format!("{path}/timeline"))
            .is(200)
            .text()
            .contains("watchers")
    );
    customer
        .get(&format!("{path}/watchers"))
        .refused(403, "FORBIDDEN");
    assignee.delete(&format!("{path}/watchers/{uid}")).is(204);
    assignee
        .delete(&format!("{path}/watchers/{uid}"))
        .refused(404, "NOT_FOUND");
    let mut want = vec![Manager::any().id, customer.id];
    want.sort_unstable();
    assert_eq!(watchers(&ticket), want);
    // A customer watches own tickets, and no other one.
    customer.put(&format!("{path}/watch"), json!({})).is(200);
    Customer::any()
        .put(&format!("{path}/watch"), json!({}))
        .refused(404, "NOT_FOUND");
    // A customer who watches is told as the requester, once, and of no note.
    make::note(&assignee, &ticket, "private");
    make::message(&assignee, &ticket, "Public.");
    let assigned = told(&customer, &ticket);
    assert_eq!(assigned, [("reply".to_owned(), "Public.".to_owned())]);
}

#[test]
fn who_sees_a_ticket_no_longer_has_lost_the_watch() {
    let customer = Customer::fresh();
    let manager = Manager::any();
    type Lose = fn(&Caller, &Value, &Value);
    let ways: [(&str, Lose, Lose); 5] = [
        (
            "the category loses the agent",
            |_, _, category| agents_of(category, &[]),
            |agent, _, category| agents_of(category, &[agent]),
        ),
        (
            "the agent leaves the category",
            |agent, _, _| {
                let path = format!("/agents/{}/categories", agent.id);
                Admin::any().put(&path, json!({"categories": []})).is(200);
            },
            |agent, _, category| agents_of(category, &[agent]),
        ),
        (
            "the ticket moves",
            |_, ticket, _| {
                Manager::any()
                    .put(&at(ticket), json!({"category": self::category()["slug"]}))
                    .is(200);
            },
            |_, ticket, category| {
                Manager::any()
                    .put(&at(ticket), json!({"category": category["slug"]}))
                    .is(200);
            },
        ),
        (
            "the account is switched off",
            |agent, _, _| {
                Admin::any()
                    .put(&format!("/users/{}", agent.id), json!({"is_active": false}))
                    .is(200);
            },
            |agent, _, _| {
                Admin::any()
                    .put(&format!("/users/{}", agent.id), json!({"is_active": true}))
                    .is(200);
            },
        ),
        (
            "the agent becomes a customer",
            |agent, _, _| {
                Admin::any()
                    .put(&format!("/users/{}", agent.id), json!({"role": "customer"}))
                    .is(200);
            },
            |agent, _, _| {
                Admin::any()
                    .put(&format!("/users/{}", agent.id), json!({"role": "agent"}))
                    .is(200);
            },
        ),
    ];
    for (what, lose, regain) in ways {
        let (category, watcher) = (category(), Agent::fresh());
        agents_of(&category, &[&watcher]);
        let ticket = ticket_of(&customer, &category, manager);
        watcher.put(&format!("{}/watch", at(&ticket)), json!({})).is(200);
        lose(&watcher, &ticket, &category);
        assert_eq!(watchers(&ticket), [0_i64; 0], "{what}");
        make::note(manager, &ticket, "nobody else's business");
        regain(&watcher, &ticket, &category);
        make::message(manager, &ticket, "Still there?");
        assert_eq!(watchers(&ticket), [0_i64; 0], "{what}: lost for good");
        // Tokens of before have ended with a change of the account.
        let again = Caller::login(
            crate::support::Worker::shared(),
            Role::Agent,
            &watcher.email,
            make::PASSWORD,
        );
        assert!(told(&again, &ticket).is_empty(), "{what}");
    }
}

#[test]
fn a_closed_account_watches_nothing() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    customer.put(&format!("{}/watch", at(&ticket)), json!({})).is(200);
    assert_eq!(watchers(&ticket), [customer.id]);
    customer
        .ask("DELETE", "/users/me")
        .json(&json!({"password": make::PASSWORD}))
        .send()
        .is(204);
    assert!(watchers(&ticket).is_empty());
}

#[test]
fn a_socket_hears_of_what_is_watched() {
    let (customer, assignee, watcher) = (Customer::fresh(), Agent::fresh(), Agent::fresh());
    let category = category();
    agents_of(&category, &[&assignee, &watcher]);
    let ticket = ticket_of(&customer, &category, &assignee);
    watcher.put(&format!("{}/watch", at(&ticket)), json!({})).is(200);
    let mut feed = socket::open(&watcher, "/messages/ws");
    make::message(&customer, &ticket, "Can you hear me?");
    assert_eq!(feed.hear("message")["data"]["body"], "Can you hear me?");
    assert_eq!(feed.hear("notification")["data"]["kind"], "reply");
    assignee
        .put(
            &format!("{}/priority", at(&ticket)),
            json!({"priority": "urgent"}),
        )
        .is(200);
    assert_eq!(feed.hear("ticket_updated")["data"]["type"], "priority_changed");
}

#[test]
fn mails_to_watchers_say_what_they_may_know() {
    let hired = |role| Admin::any().hire(role);
    let (customer, watcher) = (hired(Role::Customer), hired(Role::Manager));
    let ticket = make::ticket(&customer);
    watcher.put(&format!("{}/watch", at(&ticket)), json!({})).is(200);
    customer.put(&format!("{}/watch", at(&ticket)), json!({})).is(200);
    make::note(Manager::any(), &ticket, "for the house");
    make::message(Manager::any(), &ticket, "For everybody.");
    let to = |email: String| move |sent: &Sent| sent.path == "/mail" && sent.json()["to"][0] == email;
    let text = |mail: &Sent| mail.json()["text"].as_str().unwrap_or_default().to_owned();
    let ours = Stub::shared().wait(2, to(watcher.email.clone()));
    assert!(ours.iter().any(|mail| text(mail).contains(make::CANARY)));
    let theirs = Stub::shared().wait(1, to(customer.email.clone()));
    assert!(theirs.iter().all(|mail| !text(mail).contains(make::CANARY)));
    assert!(theirs.iter().any(|mail| text(mail).contains("For everybody.")));
}

#[test]
fn a_ticket_has_room_for_fifty_watchers() {
    let ticket = make::ticket(&Customer::fresh());
    let path = at(&ticket);
    let managers: Vec<Caller> = (0..51).map(|_| Admin::any().hire(Role::Manager)).collect();
    for manager in &managers[..45] {
        Admin::any()
            .put(&format!("{path}/watchers/{}", manager.id), json!({}))
            .is(200);
    }
    let answers = race(RUNNERS.min(6), |runner| {
        managers[45 + runner]
            .put(&format!("{path}/watch"), json!({}))
            .status()
    });
    let mut answers = answers;
    answers.sort_unstable();
    assert_eq!(answers, [200, 200, 200, 200, 200, 409]);
    assert_eq!(Admin::any().walk(&format!("{path}/watchers"), 20).len(), 50);
}

#[test]
fn a_watch_costs_two_rows_and_a_message_one_more() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let watch = Manager::any()
        .put(&format!("{}/watch", at(&ticket)), json!({}))
        .is(200);
    assert!(
        watch.timing("rows_written").unwrap() <= 2,
        "{:?}",
        watch.timing("rows_written")
    );
    let path = format!("{}/comments", at(&ticket));
    let said = Admin::any().post(&path, json!({"body": "Hello."})).is(201);
    // The requester's notice is one of them, and a first response writes two.
    println!("{:?} rows written", said.timing("rows_written"));
    assert!(said.timing("rows_written").unwrap() <= 13);
}
