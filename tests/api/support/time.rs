//! Time passes when a story says so: tickets grow older at once, and the clock ticks when it is told to.

use super::client::Ask;
use super::{Anon, Value, Worker, json, wire};

/// Asks a development-only route.
#[track_caller]
pub fn dev(worker: &Worker, path: &str, body: &Value) -> Value {
    let anon = Anon::on(worker);
    ask(&anon, worker.var("DEV_SECRET"), path)
        .json(body)
        .send()
        .is(200)
        .json()
}

fn ask<'a>(anon: &'a Anon, secret: &str, path: &'a str) -> Ask<'a> {
    anon.ask("POST", path)
        .at_root()
        .undocumented()
        .header("X-Dev-Secret", secret)
}

/// Lets the clock of a server tick that may die meanwhile.
pub fn tick_or_die(anon: &Anon, secret: &str) {
    let _ = ask(anon, secret, "/dev/tick").may_fail().try_send();
}

/// Makes a server's code panic. The platform answers that request, in a form that is not ours to check.
pub fn make_panic(worker: &Worker) {
    let request = wire::Request {
        method: "POST",
        target: "/dev/panic",
        headers: &[("X-Dev-Secret".to_owned(), worker.var("DEV_SECRET").to_owned())],
        body: None,
    };
    let _ = wire::exchange(&worker.host, &request);
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

/// What the clock has done: how often, for each of its chores.
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
    let mut done = json!({});
    for chore in answer["chores"].as_array().expect("chores") {
        assert_eq!(chore["failed"], false, "{answer}");
        done[chore["name"].as_str().expect("a name")] = chore["done"].clone();
    }
    done
}
