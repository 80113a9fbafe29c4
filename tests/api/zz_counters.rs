//! The last look: after whatever the run did, every counter equals a count by hand.
//!
//! Its name puts it at the end of the run; it stops the world while it counts.

use crate::statistics::{by_hand, told};
use crate::support::client::Role;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, seen};

#[test]
fn every_counter_equals_a_count_by_hand() {
    let worker = Worker::shared();
    let mut people: Vec<Caller> = vec![
        (**Admin::any()).clone(),
        (**Manager::any()).clone(),
        (**Agent::any()).clone(),
        (**Customer::any()).clone(),
    ];
    for (role, email, password) in [
        (Role::Agent, "sarah@helpdesk.com", "agent123"),
        (Role::Agent, "emily@helpdesk.com", "agent123"),
        (Role::Customer, "john@example.com", "customer123"),
    ] {
        people.push(Caller::login(worker, role, email, password));
    }
    let _still = seen::still();
    for one in &people {
        assert_eq!(told(one), by_hand(one), "{:?} {}", one.role, one.email);
    }
    let admin = Admin::any();
    let rows = admin.walk("/tickets", 100);
    // What each row says of itself is what a look behind it finds.
    for row in rows.iter().rev().step_by(7) {
        let path = format!("/tickets/{}", row["id"]);
        assert_eq!(admin.get(&path).is(200).json()["status"], row["status"]);
        let messages = admin.walk(&format!("{path}/comments"), 100);
        assert_eq!(row["message_count"], messages.len(), "{path}");
        let files = admin.walk(&format!("{path}/attachments"), 100);
        assert_eq!(row["attachment_count"], files.len(), "{path}");
        let events = admin.walk(&format!("{path}/timeline"), 100);
        assert!(!events.is_empty(), "{path} has no story");
    }
    // The load of each agent is a count of what the agent has still to do.
    for agent in admin.walk("/agents", 100) {
        let undone = |row: &&Value| {
            row["assignee"]["id"] == agent["id"]
                && !matches!(row["status"].as_str(), Some("resolved" | "closed"))
        };
        assert_eq!(
            agent["open_load"],
            rows.iter().filter(undone).count(),
            "{}",
            agent["email"]
        );
    }
    // No number twice.
    let mut numbers: Vec<&str> = rows.iter().filter_map(|row| row["number"].as_str()).collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all);
}
