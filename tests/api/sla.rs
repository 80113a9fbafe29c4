//! Promises: policies, business calendars, pauses, and due times that follow them.
//!
//! Policies count for the whole desk, so the stories that change them have servers of their own.

use crate::support::bulk::FOLLOW;
use crate::support::client::Role;
use crate::support::{
    Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make, race, sqlite, tally, time,
};

const MINUTE: i64 = 60_000;

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

/// An RFC 3339 moment of the API in milliseconds.
fn ms(time: &Value) -> i64 {
    let text = time.as_str().unwrap_or_else(|| panic!("{time} is no time"));
    let time = chrono::DateTime::parse_from_rfc3339(text).expect("a time");
    time.timestamp_millis()
}

/// Minutes from a ticket's beginning to its two due times.
fn due(ticket: &Value) -> (i64, i64) {
    let after = |field: &str| (ms(&ticket[field]) - ms(&ticket["created_at"])) / MINUTE;
    (after("first_response_due_at"), after("resolution_due_at"))
}

fn of_priority(by: &Caller, priority: &str) -> Value {
    make::ticket_with(by, json!({"priority": priority}))
}

#[test]
fn the_standard_promises() {
    let page = Agent::any().get("/sla/policies").is(200);
    let rows = page.rows();
    let told: Vec<(&str, i64, i64)> = rows
        .iter()
        .map(|row| {
            let number = |field: &str| row[field].as_i64().unwrap();
            (
                row["priority"].as_str().unwrap(),
                number("first_response_minutes"),
                number("resolution_minutes"),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("urgent", 120, 1_440),
            ("high", 240, 2_880),
            ("medium", 480, 7_200),
            ("low", 1_440, 14_400),
        ]
    );
    for (priority, response, resolution) in told {
        let ticket = of_priority(Customer::any(), priority);
        assert_eq!(due(&ticket), (response, resolution), "{priority}");
        assert_eq!(ticket["sla"], json!({"response": "ok", "resolution": "ok"}));
    }
    assert_eq!(Agent::any().walk("/sla/policies", 3).len(), 4);
    Agent::any().get("/sla/policies/critical").is(200);
    Customer::any().get("/sla/policies").refused(403, "FORBIDDEN");
}

#[test]
fn due_times_follow_a_policy() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    let [open, answered, done, paused] = [(); 4].map(|()| of_priority(&customer, "high"));
    let other = of_priority(&customer, "low");
    make::message(&admin, &answered, "Here is the answer.");
    customer
        .post(&format!("{}/close", path(&done)), json!({}))
        .is(200);
    for status in ["assigned", "in_progress", "waiting"] {
        let body = json!({"status": status});
        admin.put(&format!("{}/status", path(&paused)), body).is(200);
    }
    let body = json!({"first_response_minutes": 30, "resolution_minutes": 600});
    let changed = admin.put("/sla/policies/high", body.clone()).is(200);
    assert!(changed.timing("d1").is_some_and(|trips| trips <= 2));
    let policy = changed.json();
    assert_eq!(
        (&policy["version"], &policy["is_recomputing"]),
        (&json!(2), &json!(false))
    );
    let now = |ticket: &Value| customer.get(&path(ticket)).is(200).json();
    assert_eq!(due(&now(&open)), (30, 600));
    assert_eq!(due(&now(&answered)), (240, 600), "an answer was in time or not");
    assert_eq!(due(&now(&done)), (240, 2_880), "what is over keeps its due times");
    assert_eq!(due(&now(&paused)), (30, 600));
    assert_eq!(now(&paused)["sla"]["resolution"], "paused");
    assert_eq!(due(&now(&other)), (1_440, 14_400));
    assert_eq!(now(&open)["version"], 2, "it was changed");
    assert_eq!(due(&of_priority(&customer, "high")), (30, 600));
    let raised = admin.put(&format!("{}/priority", path(&other)), json!({"priority": "high"}));
    assert_eq!(due(&raised.is(200).json()), (30, 600));
    let reopened = customer.post(&format!("{}/reopen", path(&done)), json!({}));
    assert_eq!(due(&reopened.is(200).json()), (30, 600));
    // The same again changes nothing.
    assert_eq!(admin.put("/sla/policies/high", body).is(200).json()["version"], 2);

    // Overdue follows in both directions.
    let shorter = json!({"first_response_minutes": 1, "resolution_minutes": 1});
    let file = worker.d1.clone().expect("the server tells its database");
    let paused_worker = worker.pause();
    let sql = "UPDATE tickets SET created_at = created_at - 7200000";
    sqlite::run(&file, sql, "");
    let worker = paused_worker.resume();
    let (admin, customer) = (
        Admin::on(&worker),
        Caller::login(&worker, Role::Customer, &customer.email, make::PASSWORD),
    );
    let overdue = || customer.get("/tickets/stats/summary").is(200).json()["overdue"].as_i64();
    assert_eq!(overdue(), Some(0));
    admin.put("/sla/policies/high", shorter).is(200);
    // The paused one has been waiting since long before its due time of now.
    assert!(overdue() >= Some(4));
    let state = customer.get(&path(&open)).is(200).json()["sla"].clone();
    assert_eq!(state, json!({"response": "breached", "resolution": "breached"}));
    let listed = customer.get("/tickets?overdue=true").is(200).ids();
    assert!(listed.contains(&open["id"].as_i64().unwrap()));
    let longer = json!({"first_response_minutes": 300, "resolution_minutes": 6_000});
    admin.put("/sla/policies/high", longer).is(200);
    assert_eq!(overdue(), Some(0));
}

#[test]
fn what_a_policy_may_be() {
    let worker = Worker::start(&[]);
    worker.seed();
    let admin = Admin::on(&worker);
    for (body, fields) in [
        (
            json!({"first_response_minutes": 0}),
            &["first_response_minutes"][..],
        ),
        (
            json!({"first_response_minutes": "5", "resolution_minutes": null, "calendar_id": "x"}),
            &["first_response_minutes", "resolution_minutes", "calendar_id"],
        ),
        (json!({"first_response_minutes": 1_441}), &["resolution_minutes"]),
        (json!({"resolution_minutes": 525_601}), &["resolution_minutes"]),
        (json!({"calendar_id": 999_999}), &["calendar_id"]),
    ] {
        admin.put("/sla/policies/urgent", body).faults(fields);
    }
    let put = |body: Value| admin.put("/sla/policies/urgent", body);
    put(json!({"resolution_minutes": 1_441, "version": 1})).is(200);
    put(json!({"resolution_minutes": 1_442, "version": 1})).refused(409, "CONFLICT");
    let stale = json!({"resolution_minutes": 1_442});
    let ask = admin
        .ask("PUT", "/sla/policies/urgent")
        .header("If-Match", "\"1-00000000\"");
    ask.json(&stale).send().refused(412, "PRECONDITION_FAILED");
    let hired = admin.hire(Role::Manager);
    hired.put("/sla/policies/urgent", stale).refused(403, "FORBIDDEN");
    admin
        .put("/sla/policies/asap", json!({}))
        .refused(404, "NOT_FOUND");

    // Ten at once: each change is whole, and none is lost.
    let answers = race(10, |runner| {
        let minutes = 2_000 + i64::try_from(runner).unwrap();
        put(json!({"resolution_minutes": minutes})).status()
    });
    let won = answers.iter().filter(|status| **status == 200).count();
    assert!(
        answers.iter().all(|status| matches!(status, 200 | 409)),
        "{answers:?}"
    );
    let version = admin.get("/sla/policies/urgent").is(200).json()["version"].as_u64();
    assert_eq!(version, Some(2 + won as u64));
}

/// The same hours on each of these days.
fn week(days: &[&str], hours: &[&str]) -> Value {
    let mut map = json!({});
    for day in days {
        map[*day] = json!(hours);
    }
    map
}

const WORKDAYS: [&str; 5] = ["mon", "tue", "wed", "thu", "fri"];

#[test]
fn business_hours() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    let body = json!({"name": "Office", "time_zone": "europe/berlin", "hours": week(&WORKDAYS, &["09:00-17:00"]),
        "holidays": ["2026-04-03", "2026-04-06"]});
    let calendar = admin.post("/sla/calendars", body).is(201).json();
    assert_eq!(calendar["time_zone"], "Europe/Berlin");
    let urgent =
        json!({"calendar_id": calendar["id"], "first_response_minutes": 120, "resolution_minutes": 480});
    let tickets = [
        "2026-03-27T15:00:00Z",
        "2026-04-02T14:30:00Z",
        "2026-10-23T14:00:00Z",
        "2026-07-04T10:00:00Z",
    ]
    .map(|created| (created, of_priority(&customer, "urgent")));

    // Put them at moments around changes of the clocks, a weekend and holidays, and let the policy come after.
    let file = worker.d1.clone().expect("the server tells its database");
    let asleep = worker.pause();
    for (created, ticket) in &tickets {
        let sql = format!(
            "UPDATE tickets SET created_at = {} WHERE id = {}",
            ms(&json!(created)),
            ticket["id"]
        );
        sqlite::run(&file, &sql, "");
    }
    let worker = asleep.resume();
    let (admin, customer) = (
        Admin::on(&worker),
        Caller::login(&worker, Role::Customer, &customer.email, make::PASSWORD),
    );
    admin.put("/sla/policies/urgent", urgent).is(200);
    for ((created, ticket), (response, resolution)) in tickets.iter().zip([
        // Friday 16:00, the clocks jump on Sunday: an hour, and Monday from 09:00 summer time.
        ("2026-03-30T08:00:00.000Z", "2026-03-30T14:00:00.000Z"),
        // Thursday 16:30 before Good Friday; Monday is a holiday too.
        ("2026-04-07T08:30:00.000Z", "2026-04-07T14:30:00.000Z"),
        // Friday 16:00 in summer time, Monday in winter time.
        ("2026-10-26T09:00:00.000Z", "2026-10-26T15:00:00.000Z"),
        // On a Saturday.
        ("2026-07-06T09:00:00.000Z", "2026-07-06T15:00:00.000Z"),
    ]) {
        let now = customer.get(&path(ticket)).is(200).json();
        assert_eq!(now["first_response_due_at"], response, "{created}");
        assert_eq!(now["resolution_due_at"], resolution, "{created}");
    }

    // The calendar changes, and everything that is counted in it.
    let place = format!("/sla/calendars/{}", calendar["id"]);
    let hours = json!({"hours": week(&["sat", "sun"], &["00:00-24:00"]), "holidays": []});
    assert_eq!(admin.put(&place, hours).is(200).json()["version"], 2);
    let saturday = customer.get(&path(&tickets[3].1)).is(200).json();
    assert_eq!(saturday["resolution_due_at"], "2026-07-04T18:00:00.000Z");
    let policy = || admin.get("/sla/policies/urgent").is(200).json();
    assert_eq!(
        (&policy()["version"], &policy()["is_recomputing"]),
        (&json!(3), &json!(false))
    );
    admin.put(&place, json!({"name": "Weekends"})).is(200);
    assert_eq!(policy()["version"], 3, "a name counts no hours");

    let refused = admin.delete(&place).refused(409, "CONFLICT").json();
    assert_eq!(refused["details"]["priorities"], json!(["urgent"]));
    admin
        .put("/sla/policies/urgent", json!({"calendar_id": null}))
        .is(200);
    let saturday = customer.get(&path(&tickets[3].1)).is(200).json();
    assert_eq!(due(&saturday), (120, 480));
    admin.delete(&place).is(204);
    admin.get(&place).refused(404, "NOT_FOUND");
}

#[test]
fn what_a_calendar_may_be() {
    let admin = Admin::any();
    let faulty = json!({"time_zone": "Europe/Atlantis", "hours": {"mon": ["9-17"], "noday": []}, "holidays": ["2026-02-30"]});
    admin.post("/sla/calendars", faulty).faults(&[
        "name",
        "time_zone",
        "hours.mon[0]",
        "hours.noday",
        "holidays[0]",
    ]);
    for (field, value, fault) in [
        ("hours", json!({}), "hours"),
        (
            "hours",
            json!({"mon": ["09:00-12:00", "11:00-13:00"]}),
            "hours.mon",
        ),
        ("hours", json!("always"), "hours"),
        ("holidays", json!("never"), "holidays"),
        ("time_zone", json!(1), "time_zone"),
        ("name", json!(" "), "name"),
    ] {
        let mut body = json!({"name": make::unique(), "hours": {"mon": ["09:00-17:00"]}});
        body[field] = value;
        admin.post("/sla/calendars", body).faults(&[fault]);
    }
    let calendar = make::calendar();
    assert_eq!(calendar["time_zone"], "UTC");
    let again =
        json!({"name": calendar["name"].as_str().unwrap().to_uppercase(), "hours": {"mon": ["09:00-17:00"]}});
    let twin = admin
        .post("/sla/calendars", again)
        .refused(409, "CONFLICT")
        .json();
    assert_eq!(twin["details"]["field"], "name");
    let by_uid = format!("/sla/calendars/{}", calendar["uid"].as_str().unwrap());
    assert_eq!(Agent::any().get(&by_uid).is(200).json(), calendar);
    Agent::any().put(&by_uid, json!({})).refused(403, "FORBIDDEN");
    Manager::any().delete(&by_uid).refused(403, "FORBIDDEN");
    let all = Agent::any().walk("/sla/calendars", 1);
    assert!(all.iter().any(|row| row["id"] == calendar["id"]));
    admin.delete(&by_uid).is(204);
}

#[test]
fn a_pause_counts_the_hours_of_the_calendar_in_force() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    let ticket = of_priority(&customer, "urgent");
    let set = |by: &Caller, status: &str| {
        by.put(&format!("{}/status", path(&ticket)), json!({"status": status}))
            .is(200)
            .json()
    };
    for status in ["assigned", "in_progress", "waiting"] {
        set(&admin, status);
    }
    // Opened on Friday 10:00, waiting since Friday 12:00, Berlin time.
    let file = worker.d1.clone().expect("the server tells its database");
    let asleep = worker.pause();
    let (opened, waiting) = (
        ms(&json!("2026-06-05T08:00:00Z")),
        ms(&json!("2026-06-05T10:00:00Z")),
    );
    let sql = format!(
        "UPDATE tickets SET created_at = {opened}, paused_at = {waiting} WHERE id = {}",
        ticket["id"]
    );
    sqlite::run(&file, &sql, "");
    let worker = asleep.resume();
    let admin = Admin::on(&worker);
    set(&admin, "in_progress");
    let asleep = worker.pause();
    let pauses = sqlite::run(
        &file,
        "",
        &format!("SELECT pauses FROM tickets WHERE id = {}", ticket["id"]),
    );
    assert!(
        pauses[0]["pauses"]
            .as_str()
            .is_some_and(|text| text.starts_with(&format!("[[{waiting},")))
    );
    // It ended on Monday 10:00.
    let until = ms(&json!("2026-06-08T08:00:00Z"));
    let sql = format!(
        "UPDATE tickets SET pauses = '[[{waiting},{until}]]' WHERE id = {}",
        ticket["id"]
    );
    sqlite::run(&file, &sql, "");
    let worker = asleep.resume();
    let admin = Admin::on(&worker);
    let body =
        json!({"name": "Office", "time_zone": "Europe/Berlin", "hours": week(&WORKDAYS, &["09:00-17:00"])});
    let calendar = admin.post("/sla/calendars", body).is(201).json();
    let policy =
        json!({"calendar_id": calendar["uid"], "first_response_minutes": 60, "resolution_minutes": 480});
    admin.put("/sla/policies/urgent", policy).is(200);
    let shown = || admin.get(&path(&ticket)).is(200).json()["resolution_due_at"].clone();
    // Two of eight hours are worked before the pause, and six are left on Monday at ten, however it is counted:
    // by office hours it has waited for 6,
    assert_eq!(shown(), "2026-06-08T14:00:00.000Z");
    admin
        .put("/sla/policies/urgent", json!({"calendar_id": null}))
        .is(200);
    // and around the clock for 70.
    assert_eq!(shown(), "2026-06-08T14:00:00.000Z");
}

#[test]
fn the_clock_brings_many_tickets_up_to_date() {
    let worker = Worker::start(&[]);
    worker.seed();
    let (admin, customer) = (Admin::on(&worker), Customer::on(&worker));
    of_priority(&customer, "low");
    // A thousand copies of one ticket, made while nobody looks.
    let file = worker.d1.clone().expect("the server tells its database");
    let asleep = worker.pause();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
      INSERT INTO tickets (uid, number, title, description, status, priority, workflow, requester_id, created_at, updated_at,
        public_updated_at, first_response_due_at, resolution_due_at, sla_version)
      SELECT 'copy-' || i, 'TICK-20200101-' || printf('%04d', i), title, description, status, priority, workflow, requester_id,
        created_at, updated_at, public_updated_at, first_response_due_at, resolution_due_at, sla_version
      FROM tickets, n WHERE tickets.id = (SELECT max(id) FROM tickets);";
    sqlite::run(&file, &format!("{sql}{FOLLOW}"), "");
    let worker = asleep.resume();
    let admin_again = Admin::on(&worker);
    drop(admin);
    let policy = json!({"first_response_minutes": 10, "resolution_minutes": 20});
    let changed = admin_again.put("/sla/policies/low", policy).is(200);
    assert_eq!(changed.json()["is_recomputing"], true);
    assert!(changed.timing("d1").is_some_and(|trips| trips <= 2));
    worker.tick();
    assert_eq!(
        admin_again.get("/sla/policies/low").is(200).json()["is_recomputing"],
        false
    );
    let asleep = worker.pause();
    let wrong = "SELECT count(*) AS n FROM tickets WHERE priority = 1 AND resolved_at IS NULL
      AND (resolution_due_at <> created_at + 1200000 + paused_ms OR first_responded_at IS NULL AND first_response_due_at <> created_at + 600000)";
    assert_eq!(sqlite::run(&file, "", wrong)[0]["n"], 0);
    // Counters and marks agree afterwards.
    let counts = "SELECT (SELECT sum(overdue) FROM ticket_counts) AS kept,
      (SELECT count(*) FROM tickets WHERE is_overdue = 1 AND deleted_at IS NULL) AS counted";
    let row = &sqlite::run(&file, "", counts)[0];
    assert_eq!(row["kept"], row["counted"]);
    drop(asleep.resume());
}

#[test]
fn the_first_answer_is_the_staffs_and_public() {
    let (customer, admin) = (Customer::fresh(), Admin::any());
    let ticket = make::ticket(&customer);
    let answered = |ticket: &Value| admin.get(&path(ticket)).is(200).json()["first_responded_at"].clone();
    make::note(admin, &ticket, "Only for us.");
    make::message(&customer, &ticket, "Anybody there?");
    assert_eq!(answered(&ticket), Value::Null);
    let said = make::message(admin, &ticket, "Here I am.");
    assert_eq!(answered(&ticket), said["created_at"]);
    make::message(Manager::any(), &ticket, "I am, too.");
    assert_eq!(answered(&ticket), said["created_at"], "once");
    let agent = Agent::fresh();
    let own = make::ticket(&agent);
    make::message(&agent, &own, "A word to myself.");
    assert_eq!(answered(&own), Value::Null, "nobody answers themselves");
    let first = make::message(admin, &own, "From somebody else.");
    assert_eq!(answered(&own), first["created_at"]);
    // Closed without a word: resolving was the answer, and a late word does not make it late.
    let silent = make::ticket(&customer);
    let closed = customer
        .post(&format!("{}/close", path(&silent)), json!({}))
        .is(200)
        .json();
    assert_eq!(closed["sla"], json!({"response": "met", "resolution": "met"}));
    assert_eq!(closed["first_responded_at"], Value::Null);
}

/// The database tells states by itself; it must say what the rule says.
#[test]
fn states_are_the_rules() {
    use edgedesk::desk::sla::state_at;
    const HOUR: i64 = 60 * MINUTE;
    let worker = Worker::start(&[]);
    worker.seed();
    let customer = Customer::on(&worker);
    let now = ms(&make::ticket(&customer)["created_at"]);
    let mut cases = Vec::new();
    for due in [now - 2 * HOUR - 30 * MINUTE, now + 2 * HOUR] {
        for risk in [due - HOUR, due - 6 * HOUR] {
            for answered in [None, Some(now - 3 * HOUR), Some(now - HOUR)] {
                for resolved in [None, Some(now - 2 * HOUR)] {
                    for paused in [None, Some(now - 3 * HOUR)] {
                        cases.push((due, risk, answered, resolved, paused));
                    }
                }
            }
        }
    }
    let tickets = race(cases.len(), |_| make::ticket(&customer));
    let file = worker.d1.clone().expect("the server tells its database");
    let asleep = worker.pause();
    let value = |time: Option<i64>| time.map_or("NULL".to_owned(), |time| time.to_string());
    let sql: String = cases
        .iter()
        .zip(&tickets)
        .map(|((due, risk, answered, resolved, paused), ticket)| {
            format!(
                "UPDATE tickets SET first_response_due_at = {due}, resolution_due_at = {due}, first_response_risk_at = {risk},
                 resolution_risk_at = {risk}, first_responded_at = {}, resolved_at = {}, paused_at = {} WHERE id = {};",
                value(*answered), value(*resolved), value(*paused), ticket["id"],
            )
        })
        .collect();
    sqlite::run(&file, &sql, "");
    let worker = asleep.resume();
    let customer = Caller::login(&worker, Role::Customer, &customer.email, make::PASSWORD);
    for ((due, risk, answered, resolved, paused), ticket) in cases.into_iter().zip(&tickets) {
        // Resolving answers too, and what is said after that makes it no later.
        let done = answered.into_iter().chain(resolved).min();
        let want = json!({
            "response": state_at(due, risk, done, None, now).as_str(),
            "resolution": state_at(due, risk, resolved, paused, now).as_str(),
        });
        let told = customer.get(&path(ticket)).is(200).json()["sla"].clone();
        assert_eq!(
            told, want,
            "{due} {risk} {answered:?} {resolved:?} {paused:?} at {now}"
        );
    }
}

#[test]
fn fifty_answers_are_one_first_answer() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let said = race(crate::support::race::RUNNERS, |_| {
        make::message(Admin::any(), &ticket, "At once.")
    });
    let now = customer.get(&path(&ticket)).is(200).json();
    assert!(
        said.iter()
            .any(|message| message["created_at"] == now["first_responded_at"])
    );
    assert_eq!(now["message_count"], 50);
}

#[test]
fn a_reopened_ticket_has_what_was_left_of_its_time() {
    let (customer, admin) = (Customer::fresh(), Admin::any());
    let ticket = make::ticket_with(&customer, json!({"priority": "urgent"}));
    let path = format!("/tickets/{}", ticket["id"]);
    make::message(admin, &ticket, "We are on it.");
    for status in ["assigned", "in_progress", "resolved"] {
        admin
            .put(&format!("{path}/status"), json!({"status": status}))
            .is(200);
    }
    time::age(Worker::shared(), &ticket, 30);
    let rested = customer.get(&path).is(200).json();
    assert_eq!(rested["sla"], json!({"response": "met", "resolution": "met"}));
    let reopened = customer.post(&format!("{path}/reopen"), json!({})).is(200).json();
    assert_eq!(reopened["sla"], json!({"response": "met", "resolution": "ok"}));
    let at = |row: &Value| tally::at(&row["resolution_due_at"]).expect("a due time");
    let moved = at(&reopened) - at(&rested);
    let hour = 3_600_000;
    assert!((30 * hour..31 * hour).contains(&moved), "{moved}");
    // A further day of work is too long.
    time::age(Worker::shared(), &ticket, 24);
    assert_eq!(
        customer.get(&path).is(200).json()["sla"]["resolution"],
        "breached"
    );
}
