//! Sudden death: the server is killed in the midst of writes, and everything it acknowledged is there.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::statistics::{by_hand, told};
use crate::support::client::Role;
use crate::support::{Admin, Anon, Caller, Customer, Value, Worker, json, make, time};

const ROUNDS: usize = 4;
const WRITERS: usize = 6;

/// What a writer was told: a ticket, the replies to it, and its status.
struct Kept {
    ticket: Value,
    replies: Vec<i64>,
    status: String,
}

/// Opens tickets, replies to them and closes some, until the server is gone.
fn write(customer: &Caller, stop: &AtomicBool) -> Vec<Kept> {
    let mut kept: Vec<Kept> = Vec::new();
    let send = |method: &str, path: &str, body: Value| -> Option<Value> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let answer = customer
            .ask(method, path)
            .json(&body)
            .may_fail()
            .try_send()
            .ok()?;
        match answer.status() {
            200 | 201 => Some(answer.json()),
            // Whatever a dying server says, it did not acknowledge.
            500.. => None,
            _ => answer.fail("an honest refusal was not expected"),
        }
    };
    for round in 0.. {
        let body =
            json!({"title": format!("Written in haste {round}"), "description": "Before the lights go out."});
        let Some(ticket) = send("POST", "/tickets", body) else {
            break;
        };
        let status = ticket["status"].as_str().unwrap_or_default().to_owned();
        let path = format!("/tickets/{}", ticket["id"]);
        kept.push(Kept {
            ticket,
            replies: Vec::new(),
            status,
        });
        let last = kept.last_mut().expect("just pushed");
        let Some(reply) = send("POST", &format!("{path}/comments"), json!({"body": "Quick!"})) else {
            break;
        };
        last.replies.push(reply["id"].as_i64().expect("an id"));
        if round % 2 == 0 {
            let Some(closed) = send("PUT", &format!("{path}/close"), json!({})) else {
                break;
            };
            last.status = closed["status"].as_str().unwrap_or_default().to_owned();
        }
    }
    kept
}

#[test]
fn what_was_acknowledged_survives_a_sudden_death() {
    let mut worker = Worker::start(&[]);
    worker.seed();
    let email = Customer::on(&worker).email.clone();
    let mut all: Vec<Kept> = Vec::new();
    for round in 0..ROUNDS {
        let customer = Caller::login(&worker, Role::Customer, &email, make::PASSWORD);
        let stop = AtomicBool::new(false);
        worker = thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|_| scope.spawn(|| write(&customer, &stop)))
                .collect();
            thread::sleep(Duration::from_millis(700 + 170 * round as u64));
            // Server and workerd at once: no handler runs, nothing is flushed.
            let data = worker.pause();
            stop.store(true, Ordering::Relaxed);
            for writer in writers {
                all.extend(writer.join().expect("a writer fell"));
            }
            data.resume()
        });
    }
    assert!(all.len() > 4 * ROUNDS, "only {} tickets were written", all.len());
    let customer = Caller::login(&worker, Role::Customer, &email, make::PASSWORD);
    let admin = Admin::on(&worker);
    let rows = customer.walk("/tickets", 100);

    let mut numbers = BTreeSet::new();
    for row in &rows {
        assert!(
            numbers.insert(row["number"].as_str().expect("a number").to_owned()),
            "{} twice",
            row["number"]
        );
    }
    for kept in &all {
        let row = rows.iter().find(|row| row["id"] == kept.ticket["id"]);
        let row = row.unwrap_or_else(|| panic!("lost: {}", kept.ticket));
        assert_eq!(
            (&row["number"], &row["uid"]),
            (&kept.ticket["number"], &kept.ticket["uid"])
        );
        // A closing that was not acknowledged may have happened all the same.
        assert!(
            row["status"] == kept.status.as_str() || row["status"] == "closed",
            "{row}"
        );
    }
    // Nothing is half there, acknowledged or not.
    for row in &rows {
        let path = format!("/tickets/{}", row["id"]);
        let said: Vec<i64> = customer
            .walk(&format!("{path}/comments"), 100)
            .iter()
            .filter_map(|it| it["id"].as_i64())
            .collect();
        assert_eq!(row["message_count"], said.len(), "{path}");
        for kept in all.iter().filter(|kept| kept.ticket["id"] == row["id"]) {
            assert!(
                kept.replies.iter().all(|reply| said.contains(reply)),
                "a reply was lost: {path}"
            );
        }
        let events = admin.walk(&format!("{path}/events"), 100);
        let seqs: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<i64>>(), "{path}");
        let closed = i64::from(row["status"] == "closed");
        // The opening, each message, the closing: one event each.
        assert_eq!(
            seqs.len() as i64,
            1 + said.len() as i64 + closed,
            "{path}: {events:#?}"
        );
        assert_eq!(row["version"], 1 + closed, "{path}");
    }
    assert_eq!(told(&customer), by_hand(&customer));
    assert_eq!(told(&admin), by_hand(&admin));
}

#[test]
fn a_panic_is_in_the_log_and_the_next_request_is_answered() {
    let worker = Worker::start(&[]);
    let customer = Customer::on(&worker);
    let ticket = make::ticket(&customer);
    for panics in 1..=2 {
        time::make_panic(&worker);
        customer.get(&format!("/tickets/{}", ticket["id"])).is(200);
        customer
            .post(
                "/tickets",
                json!({"title": "Still here", "description": "And writing."}),
            )
            .is(201);
        let logged = || worker.log().matches("POST /dev/panic was called").count();
        let lines = (0..50).map(|_| {
            thread::sleep(Duration::from_millis(100));
            logged()
        });
        // The message is there from both hooks.
        let most = lines.into_iter().find(|&lines| lines >= 2 * panics);
        assert!(most.is_some(), "{}", worker.log());
    }
    assert!(worker.log().contains("src/dev/time.rs"), "the log says where");
}

#[test]
fn nobody_outside_of_development_makes_it_panic() {
    for vars in [[("ENVIRONMENT", "production")], [("DEV_SECRET", "")]] {
        let worker = Worker::start(&vars);
        Anon::on(&worker)
            .ask("POST", "/dev/panic")
            .at_root()
            .undocumented()
            .header("X-Dev-Secret", "guessed")
            .send()
            .is(404);
    }
}
