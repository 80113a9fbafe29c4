//! The clock: promises that are at risk or broken, tickets that close by themselves, rules on a schedule.
//!
//! The clock concerns every ticket, so these stories have a server of their own, one at a time.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::support::client::Role;
use crate::support::stub::Sent;
use crate::support::time::{age, dev, tick, tick_at, tick_or_die};
use crate::support::worker::outside;
use crate::support::{Admin, Anon, Caller, Customer, Stub, Value, Worker, json, make, race, sqlite};

/// Ten ticks of the clock at the same moment.
const TICKS: usize = 10;

/// The server, without a rule, when everything that its samples wait for is done.
fn desk() -> MutexGuard<'static, Worker> {
    static DESK: OnceLock<Mutex<Worker>> = OnceLock::new();
    let begin = || {
        let worker = Worker::start(&outside());
        worker.seed();
        Mutex::new(worker)
    };
    let desk = DESK.get_or_init(begin).lock();
    let desk = desk.unwrap_or_else(|broken| broken.into_inner());
    let admin = Admin::on(&desk);
    for rule in admin.walk("/workflows", 100) {
        admin.delete(&format!("/workflows/{}", rule["id"])).is(204);
    }
    tick(&desk);
    desk
}

fn staff(desk: &Worker, role: Role) -> Caller {
    let (email, password) = match role {
        Role::Manager => ("manager@helpdesk.com", "manager123"),
        _ => ("agent@helpdesk.com", "agent123"),
    };
    Caller::login(desk, role, email, password)
}

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn urgent(by: &Caller) -> Value {
    make::ticket_with(by, json!({"priority": "urgent"}))
}

fn set(by: &Caller, ticket: &Value, statuses: &[&str]) {
    for status in statuses {
        by.put(&format!("{}/status", path(ticket)), json!({"status": status}))
            .is(200);
    }
}

fn rule(admin: &Caller, on: Value, conditions: Value, actions: Value) -> Value {
    let body = json!({"name": format!("Rule {}", make::unique()), "trigger": on, "conditions": conditions, "actions": actions});
    admin.post("/workflows", body).is(201).json()
}

fn titled(ticket: &Value) -> Value {
    json!({"all": [{"field": "title", "op": "is", "value": ticket["title"]}]})
}

fn history(by: &Caller, ticket: &Value) -> Vec<Value> {
    by.walk(&format!("{}/history", path(ticket)), 100)
}

/// The warnings in a ticket's history, such as `sla_breached response`.
fn warnings(by: &Caller, ticket: &Value) -> Vec<String> {
    let of = |event: &Value| {
        let word = event["type"].as_str()?;
        let target = event["data"]["target"].as_str()?;
        assert_eq!((&event["actor"], &event["cause"]), (&Value::Null, &json!("sla")));
        word.starts_with("sla_").then(|| format!("{word} {target}"))
    };
    history(by, ticket).iter().filter_map(of).collect()
}

fn runs(admin: &Caller, rule: &Value) -> Vec<Value> {
    admin.walk(&format!("/workflows/{}/runs", rule["id"]), 100)
}

fn outcomes(run: &Value) -> Vec<&str> {
    let deeds = run["details"].as_array().expect("deeds");
    deeds.iter().filter_map(|deed| deed["outcome"].as_str()).collect()
}

fn ticks(desk: &Worker) {
    race(TICKS, |_| tick(desk));
}

#[test]
fn a_promise_is_warned_of_once() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let ticket = urgent(&customer);
    let before = customer.get(&path(&ticket)).is(200).json();
    let warned = || warnings(&admin, &ticket);
    age(&desk, &ticket, 1);
    ticks(&desk);
    assert!(warned().is_empty());
    // Nobody looked at it in time: what is broken already is at risk no more.
    age(&desk, &ticket, 2);
    ticks(&desk);
    assert_eq!(warned(), ["sla_breached response"]);
    age(&desk, &ticket, 17);
    ticks(&desk);
    assert_eq!(warned(), ["sla_breached response", "sla_at_risk resolution"]);
    age(&desk, &ticket, 5);
    ticks(&desk);
    let all = [
        "sla_breached response",
        "sla_at_risk resolution",
        "sla_breached resolution",
    ];
    assert_eq!(warned(), all);
    // It is promised anew, and passes again.
    for priority in ["low", "urgent"] {
        admin
            .put(
                &format!("{}/priority", path(&ticket)),
                json!({"priority": priority}),
            )
            .is(200);
        tick(&desk);
    }
    age(&desk, &ticket, 300);
    ticks(&desk);
    assert_eq!(warned(), all);
    assert_eq!(
        admin.get(&path(&ticket)).is(200).json()["sla"]["resolution"],
        "breached"
    );
    // The customer sees what time has done, and nothing of the warnings.
    let events = |by: &Caller| by.walk(&format!("{}/events", path(&ticket)), 100);
    let seen = events(&customer);
    assert_eq!(seen.len(), events(&admin).len() - all.len());
    assert!(!json!(seen).to_string().contains("sla"));
    let seqs: Vec<i64> = seen.iter().filter_map(|event| event["seq"].as_i64()).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
    assert_eq!(before["version"], 1);
}

/// What somebody has been told of a ticket: the kinds.
fn told(by: &Caller, ticket: &Value) -> Vec<Value> {
    let rows = by.walk("/notifications", 100);
    let of_ticket = rows.iter().filter(|row| row["ticket"]["id"] == ticket["id"]);
    of_ticket.map(|row| row["kind"].clone()).collect()
}

#[test]
fn a_breach_is_one_event_one_notification_one_mail_and_one_delivery() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let agent = admin.hire(Role::Agent);
    let hook = format!("/hook-{}", make::unique());
    let endpoint = json!({"url": format!("{}{hook}", Stub::shared().url), "events": ["sla.breached"], "include_internal": true});
    let endpoint = admin.post("/webhooks", endpoint).is(201).json();
    let given = || {
        let ticket = make::ticket_with(&customer, json!({"priority": "low"}));
        let assign = format!("{}/assign", path(&ticket));
        admin.put(&assign, json!({"assignee": agent.id})).is(200);
        make::message(&agent, &ticket, "I am on it.");
        ticket
    };
    let ticket = given();
    age(&desk, &ticket, 10 * 24 + 1);
    ticks(&desk);
    ticks(&desk);
    assert_eq!(warnings(&admin, &ticket), ["sla_breached resolution"]);
    assert_eq!(told(&agent, &ticket), ["sla_breached", "assigned"]);
    // What comes of another breach comes after all that came of this one.
    let later = given();
    age(&desk, &later, 10 * 24 + 1);
    tick(&desk);
    let mails = |ticket: &Value| {
        let number = ticket["number"].as_str().expect("a number").to_owned();
        let to = agent.email.clone();
        move |sent: &Sent| sent.path == "/mail" && sent.body.contains(&number) && sent.body.contains(&to)
    };
    let deliveries = |ticket: &Value| {
        let number = ticket["number"].as_str().expect("a number").to_owned();
        let hook = hook.clone();
        move |sent: &Sent| sent.path == hook && sent.body.contains(&number)
    };
    let stub = Stub::shared();
    stub.wait(2, mails(&later));
    stub.wait(1, deliveries(&later));
    let to_agent = stub.seen(mails(&ticket));
    assert_eq!(to_agent.len(), 2, "of the assignment and of the breach");
    assert_eq!(stub.seen(deliveries(&ticket)).len(), 1);
    admin.delete(&format!("/webhooks/{}", endpoint["id"])).is(204);
    assert_eq!(
        told(&customer, &ticket),
        ["reply", "status"],
        "nothing of the breach"
    );
}

#[test]
fn what_is_done_or_waits_is_left_alone() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let [answered, resolved, closed, waiting, late, deleted] = [(); 6].map(|()| urgent(&customer));
    make::message(&admin, &answered, "Have you tried turning it off?");
    set(&admin, &resolved, &["assigned", "in_progress", "resolved"]);
    customer
        .post(&format!("{}/close", path(&closed)), json!({}))
        .is(200);
    set(&admin, &waiting, &["assigned", "in_progress", "waiting"]);
    make::message(&admin, &waiting, "Which one is it?");
    set(&admin, &late, &["assigned", "in_progress"]);
    admin.delete(&path(&deleted)).is(204);
    for ticket in [&answered, &resolved, &closed, &waiting, &late, &deleted] {
        age(&desk, ticket, 100);
    }
    // Its time was over before it had to wait for the customer.
    set(&admin, &late, &["waiting"]);
    ticks(&desk);
    let warned = |ticket: &Value| warnings(&admin, ticket);
    assert_eq!(warned(&answered), ["sla_breached resolution"]);
    assert_eq!(warned(&late).len(), 2);
    for ticket in [&resolved, &closed, &waiting] {
        assert_eq!(warned(ticket), [""; 0], "{ticket}");
    }
    // What has paused goes on later, what was over is not, and what was deleted is there again.
    set(&admin, &waiting, &["in_progress"]);
    customer
        .post(&format!("{}/reopen", path(&closed)), json!({}))
        .is(200);
    admin
        .post(&format!("{}/restore", path(&deleted)), json!({}))
        .is(200);
    ticks(&desk);
    assert_eq!(warned(&waiting), [""; 0]);
    // The clock of a solution rested while the ticket was closed; that of the first response did not.
    assert_eq!(warned(&closed), ["sla_breached response"]);
    assert_eq!(warned(&deleted).len(), 2);
    age(&desk, &waiting, 25);
    ticks(&desk);
    assert_eq!(warned(&waiting), ["sla_breached resolution"]);
}

#[test]
fn rules_hear_of_a_broken_promise_once() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let (agent, stranger) = (staff(&desk, Role::Agent), Customer::on(&desk));
    let ticket = make::ticket_with(&customer, json!({"priority": "high"}));
    admin
        .put(
            &format!("{}/assign", path(&ticket)),
            json!({"assignee": agent.id}),
        )
        .is(200);
    let tell = |to: Value| json!({"type": "send_notification", "to": to, "message": "Late"});
    let heard = rule(
        &admin,
        json!({"on": "sla_breached", "target": "response"}),
        titled(&ticket),
        json!([
            {"type": "add_tag", "tag": "late"},
            {"type": "add_note", "body": format!("{} hurry", make::CANARY)},
            {"type": "escalate"},
            tell(json!("requester")),
            tell(json!("assignee")),
            tell(json!("managers")),
            tell(json!(stranger.id)),
        ]),
    );
    let unheard = rule(
        &admin,
        json!({"on": "sla_at_risk"}),
        titled(&ticket),
        json!([{"type": "add_tag", "tag": "risky"}]),
    );
    // A rule that leaves tickets as they are: no version tells of it.
    let noted = race(12, |_| {
        make::ticket_with(&customer, json!({"priority": "high", "title": "Noted"}))
    });
    let note = json!([{"type": "add_note", "body": "Late"}]);
    let quiet = rule(&admin, json!({"on": "sla_breached"}), titled(&noted[0]), note);
    for ticket in noted.iter().chain([&ticket]) {
        age(&desk, ticket, 5);
    }
    ticks(&desk);
    for ticket in &noted {
        assert_eq!(admin.get(&path(ticket)).is(200).json()["message_count"], 1);
    }
    assert_eq!(runs(&admin, &quiet).len(), noted.len());
    let seen = admin.get(&path(&ticket)).is(200).json();
    assert_eq!(
        (&seen["tags"], &seen["priority"], &seen["message_count"]),
        (&json!(["late"]), &json!("urgent"), &json!(1))
    );
    assert_eq!(warnings(&admin, &ticket), ["sla_breached response"]);
    let told = runs(&admin, &heard);
    assert_eq!((told.len(), &told[0]["event"]), (1, &json!("sla_breached")));
    assert_eq!(
        outcomes(&told[0]),
        ["done", "done", "done", "done", "done", "done", "refused"],
        "{}",
        told[0]
    );
    assert!(runs(&admin, &unheard).is_empty());
    // The warning and what follows from it are kept together: their events stand side by side.
    let events = admin.walk(&format!("{}/events", path(&ticket)), 100);
    let at = events
        .iter()
        .position(|event| event["type"] == "sla_breached")
        .unwrap();
    let causes: Vec<&str> = events[at..]
        .iter()
        .filter_map(|event| event["cause"].as_str())
        .collect();
    let name = format!("rule: {}", heard["name"].as_str().unwrap());
    assert_eq!(causes, ["sla", &name, &name]);
    assert!(
        events[at..]
            .iter()
            .all(|event| event["created_at"] == events[at]["created_at"])
    );
    // Who is told what: the warning goes to the assignee, the words of the rule to whom it names.
    let words = |by: &Caller| -> Vec<Value> {
        let rows = by.walk("/notifications", 100);
        let rows = rows
            .iter()
            .filter(|row| row["kind"] == "rule" && row["ticket"]["id"] == ticket["id"]);
        rows.map(|row| row["message"].clone()).collect()
    };
    let escalated = format!("Escalated by the rule \"{}\"", heard["name"].as_str().unwrap());
    assert_eq!(words(&customer), ["Late"]);
    assert_eq!(words(&agent), ["Late"]);
    assert_eq!(
        words(&staff(&desk, Role::Manager)),
        [json!("Late"), json!(escalated)]
    );
    assert_eq!(words(&stranger), [""; 0]);
    assert_eq!(words(&admin), [""; 0]);
    // Urgent promises are shorter; this one is broken already and not warned of again.
    assert_eq!(seen["sla"]["response"], "breached");
}

#[test]
fn nobody_to_tell_is_told() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let ticket = urgent(&customer);
    let rule = rule(
        &admin,
        json!({"on": "ticket_updated"}),
        titled(&ticket),
        json!([
            {"type": "send_notification", "to": "assignee", "message": "Yours"},
            {"type": "assign", "to": "least_loaded"},
            {"type": "send_notification", "to": "assignee", "message": "Yours"},
        ]),
    );
    let trial = admin.post(
        &format!("/workflows/{}/simulate", rule["id"]),
        json!({"ticket_id": ticket["id"]}),
    );
    assert_eq!(
        trial.is(200).json()["results"][0]["actions"][2]["outcome"],
        "done"
    );
    admin
        .patch(&path(&ticket), json!({"department": "Sales"}))
        .is(200);
    let run = &runs(&admin, &rule)[0];
    assert_eq!(outcomes(run), ["refused", "done", "done"], "{run}");
    assert_eq!(run["details"][0]["reason"], "nobody is assigned");
    // As many as a rule may have.
    let managers = json!({"type": "send_notification", "to": "managers", "message": "Look"});
    let many = self::rule(
        &admin,
        json!({"on": "ticket_created"}),
        json!({}),
        json!(vec![managers; 10]),
    );
    make::ticket(&customer);
    assert_eq!(outcomes(&runs(&admin, &many)[0]), ["done"; 10]);
}

#[test]
fn the_desk_comes_with_a_rule_that_is_off() {
    let desk = Worker::start(&[]);
    desk.seed();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let rules = admin.walk("/workflows", 100);
    assert_eq!(rules.len(), 1);
    let rule = &rules[0];
    assert_eq!(
        (
            &rule["name"],
            &rule["is_active"],
            &rule["author"]["id"],
            &rule["problems"]
        ),
        (
            &json!("Escalate breached tickets"),
            &json!(false),
            &json!(admin.id),
            &json!([])
        )
    );
    tick(&desk);
    let place = format!("/workflows/{}", rule["id"]);
    assert!(runs(&admin, rule).is_empty());
    admin.put(&place, json!({"is_active": true})).is(200);
    let ticket = make::ticket_with(&customer, json!({"priority": "low"}));
    age(&desk, &ticket, 25);
    ticks(&desk);
    assert_eq!(admin.get(&path(&ticket)).is(200).json()["priority"], "medium");
    assert_eq!(runs(&admin, rule).len(), 1);
    // It is the admins' to delete, and does not come again.
    admin.delete(&place).is(204);
    admin.hire(Role::Admin);
    assert!(admin.walk("/workflows", 100).is_empty());
}

#[test]
fn what_is_resolved_for_long_is_closed_once() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let days = |days: i64| {
        admin
            .put("/admin/settings", json!({"auto_close_days": days}))
            .is(200)
    };
    let [old, recent, back] = [(); 3].map(|()| make::ticket(&customer));
    let rule = rule(
        &admin,
        json!({"on": "status_changed", "to": "closed"}),
        titled(&old),
        json!([{"type": "add_tag", "tag": "gone"}]),
    );
    for ticket in [&old, &recent, &back] {
        set(&admin, ticket, &["assigned", "in_progress", "resolved"]);
    }
    age(&desk, &old, 7 * 24);
    age(&desk, &recent, 7 * 24 - 1);
    age(&desk, &back, 7 * 24);
    make::message(&customer, &back, "It is back.");
    days(0);
    assert_eq!(tick(&desk)["closing"], 0);
    days(7);
    ticks(&desk);
    let status = |ticket: &Value| customer.get(&path(ticket)).is(200).json()["status"].clone();
    assert_eq!(
        [&old, &recent, &back].map(status),
        [json!("closed"), json!("resolved"), json!("reopened")]
    );
    let closing: Vec<Value> = history(&customer, &old)
        .into_iter()
        .filter(|event| event["cause"] == "auto_close")
        .collect();
    assert_eq!(closing.len(), 1);
    assert_eq!(
        (
            &closing[0]["type"],
            &closing[0]["actor"],
            &closing[0]["changes"][0]["to"]
        ),
        (&json!("status_changed"), &Value::Null, &json!("closed"))
    );
    assert_eq!(runs(&admin, &rule).len(), 1);
    assert_eq!(customer.get(&path(&old)).json()["tags"], json!(["gone"]));
    let statuses = told(&customer, &old).into_iter().filter(|kind| kind == "status");
    assert_eq!(statuses.count(), 4, "assigned, in progress, resolved, closed");
    // It is closed as of now: there are days left to reopen it.
    make::message(&customer, &old, "It is back, too.");
    assert_eq!(status(&old), "reopened");
}

#[test]
fn a_reply_at_the_moment_of_closing_is_heard() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let tickets = race(12, |_| {
        let ticket = make::ticket(&customer);
        set(&admin, &ticket, &["assigned", "in_progress", "resolved"]);
        age(&desk, &ticket, 8 * 24);
        ticket
    });
    race(tickets.len() + 4, |at| match tickets.get(at) {
        Some(ticket) => {
            make::message(&customer, ticket, "Still there.");
        }
        None => {
            tick(&desk);
        }
    });
    for ticket in &tickets {
        let events = history(&customer, ticket);
        let statuses: Vec<&Value> = events
            .iter()
            .flat_map(|event| event["changes"].as_array().unwrap())
            .filter(|change| change["field"] == "status")
            .map(|change| &change["to"])
            .skip(4)
            .collect();
        assert!(
            statuses == ["reopened"] || statuses == ["closed", "reopened"],
            "{statuses:?}"
        );
        assert_eq!(customer.get(&path(ticket)).json()["status"], "reopened");
    }
}

#[test]
fn a_schedule_is_kept_once_per_period() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let word = make::unique();
    let tickets = race(60, |_| {
        make::ticket_with(&customer, json!({"title": format!("Walk {word}")}))
    });
    let done = &tickets[0];
    customer.post(&format!("{}/close", path(done)), json!({})).is(200);
    let rule = rule(
        &admin,
        json!({"on": "schedule", "every_hours": 2}),
        json!({"all": [{"field": "title", "op": "contains", "value": word}]}),
        json!([{"type": "add_note", "body": "Still open"}]),
    );
    let notes = || -> Vec<i64> {
        let rows = admin.walk(&format!("/tickets?q={word}"), 100);
        rows.iter()
            .filter_map(|row| row["message_count"].as_i64())
            .collect()
    };
    let all = |n: i64, notes: &[i64]| {
        assert_eq!(notes.len(), tickets.len());
        assert_eq!(
            notes.iter().filter(|count| **count == n).count(),
            tickets.len() - 1
        );
        assert_eq!(notes.iter().sum::<i64>(), n * (tickets.len() as i64 - 1));
    };
    ticks(&desk);
    // Whoever was too slow ten times leaves the rest to the next minute.
    while tick(&desk)["schedules"] != 0 {}
    all(1, &notes());
    assert_eq!(runs(&admin, &rule).len(), tickets.len() - 1);
    let made = chrono::DateTime::parse_from_rfc3339(tickets[0]["created_at"].as_str().unwrap()).unwrap();
    let after = |minutes: i64| (made + chrono::Duration::minutes(minutes)).to_rfc3339();
    assert_eq!(tick_at(&desk, &after(110))["schedules"], 0);
    race(TICKS, |_| tick_at(&desk, &after(125)));
    while tick_at(&desk, &after(125))["schedules"] != 0 {}
    all(2, &notes());
}

#[test]
fn a_long_walk_goes_on_where_it_stopped() {
    let desk = desk();
    let (admin, customer) = (Admin::on(&desk), Customer::on(&desk));
    let word = make::unique();
    race(26, |_| {
        for _ in 0..5 {
            make::ticket_with(&customer, json!({"title": format!("Long {word}")}));
        }
    });
    let rule = rule(
        &admin,
        json!({"on": "schedule"}),
        json!({"all": [{"field": "title", "op": "contains", "value": word}]}),
        json!([{"type": "add_tag", "tag": "seen"}]),
    );
    let done: Vec<Value> = (0..3).map(|_| tick(&desk)["schedules"].clone()).collect();
    assert_eq!(done, [100, 30, 0]);
    assert_eq!(runs(&admin, &rule).len(), 130);
}

#[test]
fn an_idle_tick_reads_next_to_nothing() {
    let desk = desk();
    let customer = Customer::on(&desk);
    // What waits to be sent is read for as long as it waits; that is counted elsewhere.
    let read = || -> u64 {
        let ticked = dev(&desk, "/dev/tick", &json!({}));
        let chores = ticked["chores"].as_array().unwrap().iter();
        let others = chores.filter(|chore| !matches!(chore["name"].as_str(), Some("outgoing" | "telling")));
        others.filter_map(|chore| chore["rows_read"].as_u64()).sum()
    };
    read();
    let before = read();
    race(40, |_| {
        for _ in 0..5 {
            make::ticket(&customer);
        }
    });
    let after = read();
    assert!(after <= 80, "{after} rows");
    println!("an idle minute reads {after} rows");
    assert!(
        after <= before + 5,
        "{before} rows, and {after} with 200 tickets more"
    );
}

#[test]
fn a_clock_that_is_killed_goes_on() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    let word = make::unique();
    let tickets = race(24, |_| {
        make::ticket_with(
            &customer,
            json!({"title": format!("Late {word}"), "priority": "low"}),
        )
    });
    let heard = rule(
        &admin,
        json!({"on": "sla_breached"}),
        json!({"all": [{"field": "title", "op": "contains", "value": word}]}),
        json!([{"type": "add_note", "body": "Too late"}]),
    );
    for ticket in &tickets {
        age(&worker, ticket, 30);
    }
    // In the midst of its work, twice.
    let mut worker = worker;
    for wait in [60, 200] {
        let (anon, secret) = (Anon::on(&worker), worker.var("DEV_SECRET").to_owned());
        worker = std::thread::scope(|scope| {
            let ticking = scope.spawn(move || tick_or_die(&anon, &secret));
            std::thread::sleep(std::time::Duration::from_millis(wait));
            let asleep = worker.pause();
            ticking.join().unwrap();
            asleep.resume()
        });
    }
    let file = worker.d1.clone().expect("the server tells its database");
    let asleep = worker.pause();
    // A chore that cannot do its work stands in nobody's way.
    sqlite::run(&file, "DROP INDEX tickets_by_resolved", "");
    let worker = asleep.resume();
    let ticked = dev(&worker, "/dev/tick", &json!({}));
    let failed: Vec<&Value> = ticked["chores"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|chore| chore["failed"] == true)
        .map(|chore| &chore["name"])
        .collect();
    assert_eq!(failed, ["closing"]);
    let admin = Admin::on(&worker);
    for ticket in &tickets {
        assert_eq!(warnings(&admin, ticket), ["sla_breached response"]);
        assert_eq!(admin.get(&path(ticket)).is(200).json()["message_count"], 1);
    }
    assert_eq!(runs(&admin, &heard).len(), tickets.len());
}

#[test]
fn time_is_for_developers() {
    let desk = desk();
    let ticket = make::ticket(&Customer::on(&desk));
    let anon = Anon::on(&desk);
    for path in ["/dev/age", "/dev/tick", "/dev/nothing"] {
        for secret in ["", "a wrong secret, but long"] {
            let ask = anon.ask("POST", path).at_root().undocumented();
            ask.header("X-Dev-Secret", secret)
                .json(&json!({"ticket": ticket["id"], "hours": 1}))
                .send()
                .refused(404, "NOT_FOUND");
        }
    }
    let wrong = anon.ask("POST", "/dev/age").at_root().undocumented();
    wrong
        .header("X-Dev-Secret", desk.var("DEV_SECRET"))
        .json(&json!({}))
        .send()
        .faults(&["ticket", "hours"]);
    let hours = dev(
        &desk,
        "/dev/age",
        &json!({"ticket": ticket["number"], "hours": 3}),
    );
    assert_eq!(hours["hours"], 3);
}
