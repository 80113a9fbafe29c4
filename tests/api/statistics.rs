//! Numbers at a glance: kept counters that equal a count by hand.

use crate::support::client::Role;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make};

const STATUSES: [&str; 8] = [
    "open",
    "assigned",
    "in_progress",
    "waiting",
    "blocked",
    "resolved",
    "closed",
    "reopened",
];
const PRIORITIES: [&str; 4] = ["low", "medium", "high", "urgent"];

/// What the summary must be, counted from the list that the same caller sees.
pub fn by_hand(by: &Caller) -> Value {
    let rows = by.walk("/tickets", 100);
    counted(&rows.iter().collect::<Vec<_>>())
}

/// What the summary of these tickets must be.
pub fn counted(rows: &[&Value]) -> Value {
    let count = |field: &str, word: &str| rows.iter().filter(|row| row[field] == word).count();
    let done = |row: &Value| matches!(row["status"].as_str(), Some("resolved" | "closed"));
    let mut summary = json!({
        "total": rows.len(),
        "by_status": {},
        "by_priority": {},
        "unassigned": rows.iter().filter(|row| row["assignee"].is_null() && !done(row)).count(),
        "overdue": rows.iter().filter(|row| row["sla"]["resolution"] == "breached").count(),
    });
    for status in STATUSES {
        summary["by_status"][status] = json!(count("status", status));
    }
    for priority in PRIORITIES {
        summary["by_priority"][priority] = json!(count("priority", priority));
    }
    summary
}

pub fn told(by: &Caller) -> Value {
    let told = by.get("/tickets/stats/summary").is(200).json();
    let mut facts = json!({});
    for field in ["total", "by_status", "by_priority", "unassigned", "overdue"] {
        facts[field] = told[field].clone();
    }
    facts
}

#[test]
fn a_summary_begins_with_nothing() {
    let told = told(&Customer::fresh());
    assert_eq!(told["total"], 0);
    for status in STATUSES {
        assert_eq!(told["by_status"][status], 0, "{status}");
    }
    for priority in PRIORITIES {
        assert_eq!(told["by_priority"][priority], 0, "{priority}");
    }
    assert_eq!((&told["unassigned"], &told["overdue"]), (&json!(0), &json!(0)));
}

#[test]
fn a_summary_follows_every_change() {
    let customer = Customer::fresh();
    let agree = || assert_eq!(told(&customer), by_hand(&customer));
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    make::ticket_with(&customer, json!({"priority": "urgent"}));
    agree();
    let manager = Manager::any();
    for (tail, body) in [
        ("/assign", json!({"assignee_id": Agent::any().id})),
        ("/status", json!({"status": "in_progress"})),
        ("/priority", json!({"priority": "low"})),
        ("/status", json!({"status": "waiting"})),
        ("/assign", json!({"assignee_id": null})),
        ("/status", json!({"status": "in_progress"})),
        ("/status", json!({"status": "resolved"})),
        ("/close", json!({})),
        ("/status", json!({"status": "reopened"})),
        ("", json!({"department": "Legal", "priority": "urgent"})),
        ("/status", json!({"status": "in_progress"})),
        ("/status", json!({"status": "in_progress"})),
    ] {
        manager.put(&format!("{path}{tail}"), body).is(200);
        agree();
    }
    Admin::any().delete(&path).is(204);
    assert_eq!(told(&customer)["total"], 1);
    agree();
    Admin::any().post(&format!("{path}/restore"), json!({})).is(200);
    assert_eq!(told(&customer)["total"], 2);
    agree();
    make::message(&customer, &ticket, "Messages count for nothing here.");
    make::note(Agent::any(), &ticket, "Nor do notes.");
    agree();
}

#[test]
fn each_person_counts_what_they_see() {
    let worker = Worker::start(&[]);
    worker.seed();
    let admin = Admin::on(&worker);
    let fresh = admin.hire(Role::Agent);
    let mut people = vec![(*admin).clone(), fresh];
    for (role, email, password) in [
        (Role::Manager, "manager@helpdesk.com", "manager123"),
        (Role::Agent, "agent@helpdesk.com", "agent123"),
        (Role::Agent, "sarah@helpdesk.com", "agent123"),
        (Role::Agent, "mike@helpdesk.com", "agent123"),
        (Role::Customer, "john@example.com", "customer123"),
        (Role::Customer, "jane@example.com", "customer123"),
    ] {
        people.push(Caller::login(&worker, role, email, password));
    }
    for one in &people {
        assert_eq!(told(one), by_hand(one), "{}", one.email);
    }
    // The sample data leaves no report empty.
    let all = told(&admin);
    assert!(all["total"].as_i64() >= Some(20), "{all}");
    for status in STATUSES {
        assert!(
            all["by_status"][status].as_i64() > Some(0),
            "no sample ticket is {status}"
        );
    }
    for priority in PRIORITIES {
        assert!(
            all["by_priority"][priority].as_i64() > Some(0),
            "no sample ticket is {priority}"
        );
    }
    assert!(all["overdue"].as_i64() > Some(0), "no sample ticket is overdue");
    // To seed once more adds nothing.
    worker.seed();
    assert_eq!(told(&admin), all);
}
