//! Time passes when a story says so: tickets grow older at once, and the clock ticks when it is told to.

use super::{Anon, Value, Worker, json};

/// Asks a development-only route.
#[track_caller]
pub fn dev(worker: &Worker, path: &str, body: &Value) -> Value {
    Anon::on(worker)
        .ask("POST", path)
        .at_root()
        .undocumented()
        .header("X-Dev-Secret", worker.var("DEV_SECRET"))
        .json(body)
        .send()
        .is(200)
        .json()
}

/// Moves all that has happened to a ticket, and its due times, into the past.
#[track_caller]
pub fn age(worker: &Worker, ticket: &Value, hours: u32) {
    dev(
        worker,
        "/dev/age",
        &json!({"ticket": ticket["id"], "hours": hours}),
    );
}

/// What the clock has done: how often for each of its chores, and what it cost.
#[track_caller]
pub fn tick(worker: &Worker) -> Value {
    ticked(dev(worker, "/dev/tick", &json!({})))
}

/// As `tick`, at another moment.
#[track_caller]
pub fn tick_at(worker: &Worker, now: &str) -> Value {
    ticked(dev(worker, "/dev/tick", &json!({"now": now})))
}

/// The answer by the names of the chores, of which none may have failed.
#[track_caller]
fn ticked(answer: Value) -> Value {
    let mut done = json!({"rows_read": answer["rows_read"]});
    for chore in answer["chores"].as_array().expect("chores") {
        assert_eq!(chore["failed"], false, "{answer}");
        done[chore["name"].as_str().expect("a name")] = chore["done"].clone();
    }
    done
}
