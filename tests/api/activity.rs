//! What the report of activity reads.

use crate::support::client::Role;
use crate::support::{Caller, Worker, sqlite};

/// What people did in two hours is read without the events of the other hours; what was moved in time counts where it was
/// moved to.
#[test]
fn an_activity_report_reads_the_events_of_its_range() {
    const START: i64 = 1_760_000_400_000; // 2025-10-09T09:00:00Z
    let worker = Worker::start(&[]);
    worker.seed();
    let file = worker.d1.clone().expect("the server tells its database");
    let worker = worker.pause();
    // One event a minute for 5,000 minutes and a mark an hour, then 30 events of another time.
    let minutes = "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 4999)";
    let event = "INSERT INTO events (id, ticket_id, seq, type, actor_id, created_at, is_backdated)";
    sqlite::run(
        &file,
        &format!(
            "CREATE TEMP TABLE last AS SELECT max(id) AS id FROM events;
             {event} {minutes} SELECT last.id + 1 + n, 1, 1000 + n, 'status_changed', 1, {START} + n * 60000, 0 FROM n, last;
             {event} SELECT id + 10000, ticket_id, seq + 10000, type, 1, {START} + 3600000, 1 FROM events \
               WHERE seq BETWEEN 1000 AND 1029;
             INSERT INTO event_marks {minutes} SELECT {START} + n * 60000, last.id + 1 + n FROM n, last WHERE n % 60 = 0;"
        ),
        "",
    );
    let worker = worker.resume();
    let admin = Caller::login(&worker, Role::Admin, "admin@helpdesk.com", "admin123");
    let read = |path: &str| {
        let answer = admin.get(path).is(200);
        (answer.json(), answer.timing("rows_read").expect("rows"))
    };
    let (told, rows) = read("/reports/user-activity?from=2025-10-09T10:00:00Z&to=2025-10-09T12:00:00Z");
    assert_eq!(told["data"][0]["actions"], 120 + 30, "{told}");
    // The events of the range and of at most two hours around it; found and then counted.
    assert!(rows < 2 * (120 + 2 * 60 + 30), "{rows} rows");
    // Where no mark is near, more is read and the same is found.
    let worker = worker.pause();
    sqlite::run(&file, "DELETE FROM event_marks;", "");
    let worker = worker.resume();
    let admin = Caller::login(&worker, Role::Admin, "admin@helpdesk.com", "admin123");
    let path = "/reports/user-activity?from=2025-10-09T10:00:00Z&to=2025-10-09T12:00:00Z";
    let again = admin.get(path).is(200).json();
    assert_eq!(again["data"][0]["actions"], told["data"][0]["actions"]);
}
