//! Who is told of what, how they want to be told, and what nobody is told who may not know.

use crate::support::make::{self, CANARY};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Value, json};

/// Kind and ticket of each notification, oldest first.
fn told(whom: &Caller) -> Vec<(String, i64)> {
    let mut rows = whom.walk("/notifications", 7);
    rows.reverse();
    rows.iter()
        .map(|row| {
            let kind = row["kind"].as_str().expect("a kind").to_owned();
            (kind, row["ticket"]["id"].as_i64().unwrap_or_default())
        })
        .collect()
}

fn kinds(whom: &Caller) -> Vec<String> {
    told(whom).into_iter().map(|(kind, _)| kind).collect()
}

fn unread(whom: &Caller) -> i64 {
    let count = whom.get("/notifications/unread-count").is(200).json();
    count["unread_count"].as_i64().expect("a number")
}

fn assign(by: &Caller, ticket: &Value, to: &Caller) {
    by.put(
        &format!("/tickets/{}/assign", ticket["id"]),
        json!({"assignee": to.id}),
    )
    .is(200);
}

#[test]
fn everybody_is_told_what_others_do_and_nothing_of_their_own() {
    let (customer, agent, manager) = (Customer::fresh(), Agent::fresh(), Manager::fresh());
    let ticket = make::ticket(&customer);
    let id = &ticket["id"];
    assign(&manager, &ticket, &agent);
    make::message(&agent, &ticket, "I am looking at it.");
    make::message(&customer, &ticket, "Thank you.");
    agent
        .put(&format!("/tickets/{id}/status"), json!({"status": "in_progress"}))
        .is(200);
    make::note(&manager, &ticket, CANARY);
    let id = id.as_i64().unwrap();
    assert_eq!(
        told(&customer),
        [
            ("status".to_owned(), id),
            ("reply".to_owned(), id),
            ("status".to_owned(), id)
        ]
    );
    assert_eq!(kinds(&agent), ["assigned", "reply", "reply"]);
    assert_eq!(kinds(&manager), Vec::<String>::new());
    let rows = customer.walk("/notifications", 50);
    assert!(rows.iter().all(|row| row["actor"]["id"] != customer.id));
    let reply = &rows[1];
    assert_eq!(reply["message"], "I am looking at it.");
    assert_eq!(reply["actor"]["id"], agent.id);
    assert_eq!(reply["event"]["type"], "message_added");
    assert_eq!(reply["ticket"]["number"], ticket["number"]);
}

#[test]
fn what_is_read_stays_read() {
    let (customer, agent) = (Customer::fresh(), Agent::fresh());
    let ticket = make::ticket(&customer);
    for text in ["one", "two", "three"] {
        make::message(&agent, &ticket, text);
    }
    assert_eq!(unread(&customer), 3);
    let rows = customer.walk("/notifications", 2);
    let first = &rows[0];
    assert_eq!(first["message"], "three");
    assert_eq!(
        (&first["is_read"], &first["read_at"]),
        (&json!(false), &Value::Null)
    );
    let path = format!("/notifications/{}/read", first["uid"].as_str().unwrap());
    let read = customer.put(&path, json!({})).is(200).json();
    assert_eq!(read["is_read"], true);
    assert_eq!(
        customer.put(&path, json!({})).is(200).json()["read_at"],
        read["read_at"]
    );
    assert_eq!(unread(&customer), 2);
    assert_eq!(customer.get("/notifications?unread=true").rows().len(), 2);
    assert_eq!(
        customer.get("/notifications?kind=reply&count=true").json()["meta"]["total"],
        3
    );
    assert_eq!(customer.get("/notifications?kind=assigned").rows().len(), 0);
    customer
        .get("/notifications?kind=letter")
        .is(400)
        .faults(&["kind"]);
    // Nobody reads for somebody else, and learns nothing.
    agent.put(&path, json!({})).refused(404, "NOT_FOUND");
    let all = customer.put("/notifications/read-all", json!({})).is(200).json();
    assert_eq!(all, json!({"unread_count": 0, "is_capped": false}));
    assert_eq!(unread(&customer), 0);
    customer.patch("/notifications/read-all", json!({})).is(200);
    customer.patch(&path, json!({})).is(200);
    // What is taken out of the list is gone for its reader, and nobody else takes it out.
    let one = path.trim_end_matches("/read");
    agent.delete(one).refused(404, "NOT_FOUND");
    let before = customer.get("/notifications?limit=100").rows().len();
    customer.delete(one).is(204);
    customer.delete(one).refused(404, "NOT_FOUND");
    customer.put(&path, json!({})).refused(404, "NOT_FOUND");
    assert_eq!(customer.get("/notifications?limit=100").rows().len(), before - 1);
    Anon::new().get("/notifications").refused(401, "UNAUTHORIZED");
}

#[test]
fn people_choose_what_reaches_them() {
    let (customer, agent) = (Customer::fresh(), Agent::fresh());
    let ticket = make::ticket(&customer);
    let standard = customer.get("/notifications/preferences").is(200).json();
    assert_eq!(
        standard["preferences"]["reply"],
        json!({"live": true, "email": true})
    );
    let changed = customer
        .put(
            "/notifications/preferences",
            json!({"preferences": {"reply": {"live": false}}}),
        )
        .is(200)
        .json();
    assert_eq!(
        changed["preferences"]["reply"],
        json!({"live": false, "email": true})
    );
    assert_eq!(
        changed["preferences"]["status"],
        standard["preferences"]["status"]
    );
    make::message(&agent, &ticket, "Unheard.");
    assert_eq!(told(&customer), []);
    customer
        .patch(
            "/notifications/preferences",
            json!({"preferences": {"reply": {"live": true}}}),
        )
        .is(200);
    make::message(&agent, &ticket, "Heard.");
    assert_eq!(kinds(&customer), ["reply"]);
    for (wrong, at) in [
        (json!({}), "preferences"),
        (json!({"preferences": {"letters": {}}}), "preferences.letters"),
        (
            json!({"preferences": {"reply": {"email": 1}}}),
            "preferences.reply.email",
        ),
    ] {
        customer
            .put("/notifications/preferences", wrong)
            .is(400)
            .faults(&[at]);
    }
}

#[test]
fn a_mention_reaches_who_may_read_it() {
    let (admin, customer, stranger) = (Admin::any(), Customer::fresh(), Customer::fresh());
    let (agent, elsewhere, manager) = (Agent::fresh(), Agent::fresh(), Manager::fresh());
    let name = |who: &Caller| {
        admin.get(&format!("/users/{}", who.id)).json()["username"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let ticket = make::ticket(&customer);
    assign(admin, &ticket, &agent);
    // Now that somebody else works on it, an agent without categories does not see it.
    elsewhere.get(&format!("/tickets/{}", ticket["id"])).is(404);
    let all = [&*customer, &stranger, &agent, &elsewhere, &manager].map(|who| format!("@{}", name(who)));
    make::note(&manager, &ticket, &format!("{CANARY} {}", all.join(" ")));
    assert_eq!(kinds(&agent), ["assigned", "mention"]);
    for nobody in [&*customer, &stranger, &elsewhere, &manager] {
        assert!(!kinds(nobody).contains(&"mention".to_owned()), "{}", nobody.email);
    }
    make::message(&agent, &ticket, &format!("{} will help you, {}!", all[4], all[0]));
    assert_eq!(kinds(&manager), ["mention"]);
    // One event, one notification: a mention says more than a reply.
    assert_eq!(kinds(&customer), ["status", "mention"]);
    assert_eq!(kinds(&stranger), Vec::<String>::new());
}

#[test]
fn who_no_longer_sees_a_ticket_is_no_longer_told_of_it() {
    let (admin, customer, agent, other) = (Admin::any(), Customer::fresh(), Agent::fresh(), Agent::fresh());
    let ticket = make::ticket(&customer);
    assign(admin, &ticket, &agent);
    assert_eq!((kinds(&agent).len(), unread(&agent)), (1, 1));
    let seen = agent.walk("/notifications", 5);
    assign(admin, &ticket, &other);
    assert_eq!((kinds(&agent).len(), unread(&agent)), (0, 0));
    // What is kept of it costs a page no more than any page may.
    let page = agent.get("/notifications?kind=assigned&limit=1").is(200);
    assert!(page.timing("rows_read").expect("staff are told") < 30);
    agent
        .put(&format!("/notifications/{}/read", seen[0]["id"]), json!({}))
        .refused(404, "NOT_FOUND");
    assert_eq!(kinds(&other), ["assigned"]);
}
