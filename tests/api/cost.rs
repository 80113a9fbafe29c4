//! What a request costs the database, told by `Server-Timing`, at a thousand and at a hundred thousand tickets.

use crate::support::bulk::{AGENTS, Desk, desk};
use crate::support::client::Role;
use crate::support::{Agent, Anon, Answer, Caller, Customer, Manager, Value, json, make};

#[track_caller]
fn trips(answer: &Answer, most: u64) {
    match answer.timing("d1") {
        Some(trips) if trips <= most => {}
        other => answer.fail(&format!("{other:?} round trips, at most {most} were promised")),
    }
}

#[track_caller]
fn rows_read(answer: &Answer) -> u64 {
    match answer.timing("rows_read") {
        Some(rows) => rows,
        None => answer.fail("staff are told the rows read"),
    }
}

#[track_caller]
fn writes(answer: &Answer, most: u64) {
    match answer.timing("rows_written") {
        Some(rows) if rows <= most => println!("{rows} rows written"),
        other => answer.fail(&format!("{other:?} rows written, at most {most} were promised")),
    }
}

/// Four for the account, one for its session, and those of the mail that asks to confirm the address.
#[test]
fn registering_writes_few_rows() {
    let body = json!({"email": make::email(), "password": make::PASSWORD});
    let answer = Anon::new().post("/auth/register", body).is(201);
    writes(&answer, 5 + 2);
    trips(&answer, 1);
}

#[test]
fn a_login_writes_four_rows() {
    let customer = Customer::fresh();
    let body = json!({"email": customer.email, "password": make::PASSWORD});
    let answer = Anon::new().post("/auth/login", body).is(200);
    writes(&answer, 4);
    trips(&answer, 2);
}

/// The attempt at the account, that of the address, and what the audit log tells; two when it is refused unchecked.
#[test]
fn a_failed_login_writes_three_rows() {
    let customer = Customer::fresh();
    let body = json!({"email": customer.email, "password": "not the password"});
    for _ in 0..10 {
        let answer = Anon::new().post("/auth/login", body.clone()).is(401);
        writes(&answer, 3);
        trips(&answer, 2);
    }
    writes(&Anon::new().post("/auth/login", body).is(429), 2);
}

#[test]
fn a_refresh_writes_one_row() {
    let body = json!({"refresh_token": Customer::fresh().refresh});
    let answer = Anon::new().post("/auth/refresh", body).is(200);
    writes(&answer, 1);
    trips(&answer, 1);
}

#[test]
fn a_read_is_one_trip_and_a_write_at_most_two() {
    let (customer, manager) = (Customer::fresh(), Manager::any());
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    for read in [
        "/tickets",
        "/tickets?status=open&priority=low",
        "/tickets?q=printer",
        "/tickets?count=true",
        "/tickets?page=1",
        "/tickets/my",
        "/tickets/stats/summary",
        "/auth/me",
        "/auth/sessions",
        "/users/me",
        "/auth/verify-token",
    ] {
        trips(&customer.get(read).is(200), 1);
        trips(&manager.get(read).is(200), 1);
    }
    for tail in [
        "",
        "/comments",
        "/history",
        "/timeline",
        "/transitions",
        "/events",
    ] {
        trips(&customer.get(&format!("{path}{tail}")).is(200), 1);
    }
    for named in ["uid", "number"] {
        trips(
            &customer
                .get(&format!("/tickets/{}", ticket[named].as_str().unwrap()))
                .is(200),
            1,
        );
    }
    trips(&customer.get("/tickets/9007199254740991").is(404), 1);
    let body = json!({"title": "Two trips", "description": "At most."});
    trips(&customer.post("/tickets", body.clone()).is(201), 2);
    let keyed = customer
        .ask("POST", "/tickets")
        .header("Idempotency-Key", &make::unique())
        .json(&body)
        .send();
    trips(&keyed.is(201), 2);
    trips(
        &customer
            .post(&format!("{path}/comments"), json!({"body": "Two trips."}))
            .is(201),
        2,
    );
    trips(&customer.put(&path, json!({"title": "Two trips"})).is(200), 2);
    trips(
        &manager
            .put(&format!("{path}/assign"), json!({"assignee_id": Agent::any().id}))
            .is(200),
        2,
    );
    trips(
        &manager
            .put(&format!("{path}/status"), json!({"status": "in_progress"}))
            .is(200),
        2,
    );
    trips(
        &manager
            .put(&format!("{path}/priority"), json!({"priority": "high"}))
            .is(200),
        2,
    );
    trips(
        &customer.put("/users/me", json!({"first_name": "Two"})).is(200),
        2,
    );
}

#[test]
fn rows_are_told_to_staff_only() {
    let told = |answer: Answer| answer.timing("rows_read").is_some();
    assert!(!told(Customer::any().get("/tickets")));
    assert!(told(Manager::any().get("/tickets")) && told(Agent::any().get("/tickets")));
}

#[test]
fn what_never_reaches_the_database_costs_nothing() {
    for answer in [
        crate::support::Anon::new().ask("GET", "/health").at_root().send(),
        crate::support::Anon::new().get("/tickets"),
        crate::support::Anon::new().get("/nothing"),
        Customer::any().ask("PURGE", "/tickets").send(),
    ] {
        trips(&answer, 0);
    }
}

/// What was read beyond what was promised; all of it is told at the end.
#[derive(Default)]
struct Excess(Vec<String>);

impl Excess {
    fn note(&mut self, desk: &Desk, by: &Caller, asked: &str, answer: &Answer, most: u64) {
        trips(answer, 1);
        let read = rows_read(answer);
        if read > most {
            self.0.push(format!(
                "{:?} {}, {} tickets: {asked} read {read} rows, at most {most}",
                by.role, by.email, desk.tickets
            ));
        }
    }
}

/// What any page may read that is found by tests: a thousand tickets, and seven rows for each that is shown.
fn tested(limit: u64) -> u64 {
    (1_310 + 7 * limit).max(1_500)
}

/// What one filter, no filter and every order may read: seven rows a ticket shown (its entry in an index, the ticket,
/// and the people and names beside it), and one for each of at most 32 walks. An agent's list is a walk for each
/// category and some for what is assigned; with a filter or in another order it is a combination.
fn single(desk: &Desk, by: &Caller, walks: Option<u64>, excess: &mut Excess) {
    for filter in singles(by.id) {
        for limit in [25_u64, 100] {
            let answer = by.get(&format!("/tickets?limit={limit}&{filter}")).is(200);
            let shown = answer.rows().len() as u64;
            let asked = format!("limit={limit}&{filter} ({shown} shown)");
            // What fits most tickets has no index: the newest are tested, as in a combination.
            let is_common = matches!(filter.as_str(), "workflow=support" | "has_attachment=false");
            let most = match walks {
                None if is_common => tested(limit),
                None => 7 * shown + 50,
                Some(walks) if matches!(filter.as_str(), "" | "sort=-created_at") => 7 * limit * walks + 50,
                Some(_) => tested(limit),
            };
            excess.note(desk, by, &asked, &answer, most);
        }
    }
}

/// What any combination may read.
fn combined(desk: &Desk, by: &Caller, excess: &mut Excess) {
    let filters = singles(by.id);
    let key = |filter: &str| filter.split('=').next().map(str::to_owned);
    let mut pairs = Vec::new();
    for (at, one) in filters.iter().enumerate() {
        let others = filters.iter().skip(at + 1).filter(|other| key(one) != key(other));
        pairs.extend(others.map(|other| format!("{one}&{other}")));
    }
    for pair in pairs.iter().step_by(3) {
        let answer = by.get(&format!("/tickets?limit=25&{pair}")).is(200);
        excess.note(desk, by, pair, &answer, 1_500);
    }
}

/// Every filter that stands alone, and every order.
fn singles(person: i64) -> Vec<String> {
    let mut all: Vec<String> = [
        "",
        "sort=created_at",
        "sort=-created_at",
        "sort=updated_at",
        "sort=-updated_at",
        "sort=priority",
        "sort=-priority",
        "sort=resolution_due_at",
        "sort=-resolution_due_at",
        "priority=low",
        "priority=urgent",
        "workflow=support",
        "workflow=project",
        "category=technical",
        "category=billing",
        "department=Legal",
        "tag=rare",
        "tag=even",
        "tag=none-such",
        "assignee=none",
        "assignee=me",
        "requester=me",
        "overdue=true",
        "has_attachment=true",
        "has_attachment=false",
        "created_after=2025-11-01T00:00:00Z",
        "created_before=2025-10-20T00:00:00Z",
        "updated_after=2025-11-01T00:00:00Z",
        "updated_before=2025-10-20T00:00:00Z",
        "due_after=2025-11-01T00:00:00Z",
        "due_before=2025-10-20T00:00:00Z",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    for status in [
        "open",
        "assigned",
        "in_progress",
        "waiting",
        "blocked",
        "resolved",
        "closed",
        "reopened",
    ] {
        all.push(format!("status={status}"));
    }
    all.push(format!("assignee={person}"));
    all
}

#[test]
fn the_cost_of_a_page_does_not_grow_with_the_table() {
    let mut excess = Excess::default();
    for tickets in [1_000, 100_000] {
        let desk = desk(tickets);
        let admin = Caller::login(&desk.worker, Role::Admin, "admin@helpdesk.com", "admin123");
        let summary = admin.get("/tickets/stats/summary").is(200);
        assert!(
            summary.json()["total"].as_u64() >= Some(tickets),
            "{}",
            summary.text()
        );
        single(&desk, &admin, None, &mut excess);
        combined(&desk, &admin, &mut excess);
        search_and_statistics(&desk, &admin, 150, &mut excess);
        for (email, categories) in AGENTS {
            let agent = Caller::login(&desk.worker, Role::Agent, email, "agent123");
            single(&desk, &agent, Some(categories + 1), &mut excess);
            combined(&desk, &agent, &mut excess);
            search_and_statistics(&desk, &agent, 150 + 2 * categories, &mut excess);
        }
        deep_pages(&admin);
        one_and_writes(&admin);
    }
    assert!(excess.0.is_empty(), "{}", excess.0.join("\n"));
}

/// A report of a range costs what the range holds (576 tickets in these two days, at any size of the table), one
/// of the present no more than its kept sums, and a walk over what is unresolved ends at 10,000.
#[test]
fn a_report_costs_its_range() {
    const RANGE: &str = "from=2025-10-10T00:00:00Z&to=2025-10-12T00:00:00Z";
    const HELD: u64 = 576;
    let mut excess = Excess::default();
    for tickets in [1_000, 50_000] {
        let desk = desk(tickets);
        let admin = Caller::login(&desk.worker, Role::Admin, "admin@helpdesk.com", "admin123");
        let volume = admin
            .get(&format!("/admin/reports/tickets?{RANGE}"))
            .is(200)
            .json();
        assert_eq!(volume["totals"]["created"], HELD);
        for (path, most) in [
            (format!("/tickets/stats/enhanced?{RANGE}"), 4 * HELD),
            (
                format!("/tickets/stats/enhanced?{RANGE}&category=billing"),
                4 * HELD,
            ),
            (format!("/admin/reports/tickets?{RANGE}"), 20 * HELD),
            (format!("/admin/reports/sla?{RANGE}"), 10 * HELD),
            (format!("/agents/performance?{RANGE}"), 20 * HELD),
            (format!("/reports/tickets-by-category?{RANGE}"), 4 * HELD),
            (format!("/reports/user-activity?{RANGE}"), HELD),
            ("/reports/tickets-by-status".to_owned(), 100),
            ("/reports/tickets-by-priority?agent=me".to_owned(), 100),
            ("/reports/tickets-by-category".to_owned(), 100),
            ("/reports/tickets-by-department".to_owned(), 100),
            ("/tickets/analytics/aging".to_owned(), 60_500),
            (format!("/reports/dashboard?{RANGE}"), 60_500 + 20 * HELD),
        ] {
            let answer = admin.get(&path).is(200);
            println!("{tickets} tickets, {path}: {} rows", rows_read(&answer));
            excess.note(&desk, &admin, &path, &answer, most);
        }
        let aging = admin.get("/tickets/analytics/aging").is(200).json();
        let summary = admin.get("/tickets/stats/summary").is(200).json();
        let done = |status: &str| summary["by_status"][status].as_u64().expect("a count");
        let unresolved = summary["total"].as_u64().expect("a count") - done("resolved") - done("closed");
        if unresolved > 10_000 {
            assert_eq!(aging["capped"], true, "{aging}");
        } else {
            assert_eq!(aging["total"], unresolved);
        }
    }
    assert!(excess.0.is_empty(), "{}", excess.0.join("\n"));
}

fn search_and_statistics(desk: &Desk, by: &Caller, most: u64, excess: &mut Excess) {
    for text in "rarity common common%20words printer common%20rarity zzzzzz p bulk%20printer%20777 c%20e%20h"
        .split(' ')
    {
        for filter in ["", "&status=blocked", "&priority=urgent", "&sort=-created_at"] {
            let asked = format!("q={text}{filter}");
            let answer = by.get(&format!("/tickets?{asked}")).is(200);
            excess.note(desk, by, &asked, &answer, 1_500);
        }
    }
    let answer = by.get("/tickets/stats/summary").is(200);
    excess.note(desk, by, "stats/summary", &answer, most);
}

/// A page in the middle costs what the first one costs, and short pages lead to the same tickets.
fn deep_pages(admin: &Caller) {
    let mut at = "/tickets?limit=100".to_owned();
    for _ in 0..9 {
        let answer = admin.get(&at).is(200);
        assert!(rows_read(&answer) <= 710, "{} rows", rows_read(&answer));
        let page = answer.json();
        let Some(cursor) = page["meta"]["next_cursor"].as_str() else {
            break;
        };
        at = format!(
            "/tickets?limit=100&cursor={}",
            crate::support::client::escape(cursor)
        );
    }
    let blocked = admin.walk("/tickets?status=blocked&tag=even", 25);
    let all = admin.walk("/tickets?status=blocked", 100);
    let even: Vec<&Value> = all
        .iter()
        .filter(|row| {
            row["tags"]
                .as_array()
                .is_some_and(|tags| tags.contains(&json!("even")))
        })
        .collect();
    assert_eq!(blocked.iter().collect::<Vec<_>>(), even);
    let counted = admin.get("/tickets?count=true&status=closed").is(200).json();
    let told = admin.get("/tickets/stats/summary").json()["by_status"]["closed"]
        .as_u64()
        .unwrap();
    if told > 10_000 {
        assert_eq!(
            (&counted["meta"]["total"], &counted["meta"]["total_is_capped"]),
            (&json!(10_000), &json!(true))
        );
    } else {
        assert_eq!(counted["meta"]["total"], told);
    }
}

fn one_and_writes(admin: &Caller) {
    let ticket = make::ticket(admin);
    let path = format!("/tickets/{}", ticket["id"]);
    let answer = admin.get(&path).is(200);
    assert!(
        rows_read(&answer) <= 10,
        "one ticket read {} rows",
        rows_read(&answer)
    );
    for (answer, most) in [
        (
            admin
                .post(
                    "/tickets",
                    json!({"title": "A bounded write", "description": "At any size."}),
                )
                .is(201),
            60,
        ),
        (
            admin
                .post(&format!("{path}/comments"), json!({"body": "A bounded reply."}))
                .is(201),
            60,
        ),
        (
            admin
                .put(&format!("{path}/status"), json!({"status": "closed"}))
                .is(200),
            60,
        ),
    ] {
        trips(&answer, 2);
        assert!(
            rows_read(&answer) <= most,
            "a write read {} rows",
            rows_read(&answer)
        );
        assert!(answer.timing("rows_written").is_some());
    }
}
