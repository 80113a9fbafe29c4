//! What mails that come in cost the database, as the log tells it.

use crate::support::client::Role;
use crate::support::make::{self, unique};
use crate::support::post::{Delivered, deliver, desk, plain, thread};
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json};

const SUPPORT: &str = "support@desk.example";

/// Trips, rows read and rows written of a mail, padded to a size that no other mail of the run has.
#[track_caller]
fn cost(from: &str, to: &str, headers: &str, size: usize) -> [u64; 3] {
    let worker = Worker::shared();
    let short = plain(from, "The printer", headers, &unique());
    let padding = "word ".repeat(size / 5 + 1);
    let text = format!("{}\r\n{}", unique(), &padding[..size - short.len()]);
    let raw = plain(from, "The printer", headers, &text);
    assert_eq!(deliver(worker, from, to, &raw), Delivered::Accepted);
    let line = format!("took a mail of {} bytes: ", raw.len());
    let log = worker.log();
    let (_, told) = log.split_once(&line).expect("the log tells it");
    let mut numbers = told
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let cost = std::array::from_fn(|_| {
        numbers
            .next()
            .and_then(|text| text.parse().ok())
            .expect("a number")
    });
    println!("{cost:?} {headers}");
    cost
}

#[track_caller]
fn at_most(cost: [u64; 3], most: [u64; 3]) {
    assert!(
        cost.iter().zip(most).all(|(is, most)| *is <= most),
        "{cost:?}, at most {most:?}"
    );
}

fn ticket_of(customer: &Caller, agent: &Caller) -> Value {
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}/assign", ticket["id"]);
    Manager::any()
        .put(&path, json!({"assignee": agent.id}))
        .is(200)
        .json()
}

#[test]
fn mails_cost_little_more_than_requests() {
    // Most rows read are the mails of the last hour, of which at most 720 are counted.
    let stranger = make::email();
    at_most(cost(&stranger, SUPPORT, "", 5_101), [4, 900, 22]);
    // Known, and in copy two others.
    let customer = Admin::any().hire(Role::Customer);
    at_most(cost(&customer.email, SUPPORT, "", 5_203), [3, 900, 18]);
    let copies = format!("To: {SUPPORT}\nCc: {}, {}\n", make::email(), make::email());
    at_most(cost(&customer.email, SUPPORT, &copies, 5_307), [3, 900, 20]);
    let list = "List-Id: <x.example.org>\n";
    at_most(cost(&customer.email, SUPPORT, list, 5_407), [3, 900, 16]);
    // Answers.
    let agent = Agent::fresh();
    let ticket = ticket_of(&customer, &agent);
    let to = desk(Worker::shared()).address_for(thread(&ticket, &customer));
    at_most(cost(&customer.email, &to, "", 5_503), [5, 900, 10]);
    let ticket = make::ticket(&Customer::fresh());
    let to = desk(Worker::shared()).address_for(thread(&ticket, Manager::any()));
    at_most(cost(&Manager::any().email, &to, "", 5_609), [5, 900, 10]);
}
