//! What a request costs the database, told by `Server-Timing`, at a thousand and at a hundred thousand tickets.

use crate::support::bulk::{AGENTS, Desk, desk};
use crate::support::client::Role;
use crate::support::{Agent, Answer, Caller, Customer, Manager, Value, json, make};

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
        Customer::any().get("/users"),
    ] {
        trips(&answer, 0);
    }
}

impl Desk {
    fn person(&self, role: Role, email: &str, password: &str) -> Caller {
        Caller::login(&self.worker, role, email, password)
    }

    /// What one filter, no filter and every order may read: so many rows a ticket shown, and ten.
    fn single(&self, by: &Caller, per_ticket: u64) {
        let person = by.id;
        for filter in singles(person) {
            for limit in [25, 100] {
                let answer = by.get(&format!("/tickets?limit={limit}&{filter}")).is(200);
                trips(&answer, 1);
                let (shown, read) = (answer.rows().len() as u64, rows_read(&answer));
                if read > per_ticket * shown.max(1) + 10 {
                    answer.fail(&format!(
                        "{:?} of {} tickets: {filter} read {read} rows for {shown}",
                        by.role, self.tickets
                    ));
                }
            }
        }
    }

    /// What any combination may read: a thousand rows a page, and the pages lead to the end.
    fn combined(&self, by: &Caller) {
        let filters = singles(by.id);
        let mut pairs = Vec::new();
        for (at, one) in filters.iter().enumerate() {
            for other in filters.iter().skip(at + 1) {
                let key = |filter: &str| filter.split('=').next().map(str::to_owned);
                if key(one) != key(other) {
                    pairs.push(format!("{one}&{other}"));
                }
            }
        }
        for pair in pairs.iter().step_by(3) {
            let answer = by.get(&format!("/tickets?limit=25&{pair}")).is(200);
            trips(&answer, 1);
            if rows_read(&answer) > 1_000 {
                answer.fail(&format!("{:?}: {pair} read {} rows", by.role, rows_read(&answer)));
            }
        }
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
    for tickets in [1_000, 100_000] {
        let desk = desk(tickets);
        let admin = desk.person(Role::Admin, "admin@helpdesk.com", "admin123");
        let summary = admin.get("/tickets/stats/summary").is(200);
        assert!(
            summary.json()["total"].as_u64() >= Some(tickets),
            "{}",
            summary.text()
        );
        desk.single(&admin, 2);
        desk.combined(&admin);
        search_and_statistics(&admin, 30);
        for (email, categories) in AGENTS {
            let agent = desk.person(Role::Agent, email, "agent123");
            desk.single(&agent, 5 * (categories + 1));
            desk.combined(&agent);
            search_and_statistics(&agent, 30 + 2 * categories);
        }
        deep_pages(&admin);
        one_and_writes(&admin);
    }
}

fn search_and_statistics(by: &Caller, most: u64) {
    for text in [
        "rarity",
        "common",
        "common%20words",
        "printer",
        "common%20rarity",
        "zzzzzz",
        "p",
        "bulk%20printer%20777",
        "c%20e%20h",
    ] {
        for filter in ["", "&status=blocked", "&priority=urgent", "&sort=-created_at"] {
            let answer = by.get(&format!("/tickets?q={text}{filter}")).is(200);
            trips(&answer, 1);
            // At most 200 hits are looked at: each is a document and a ticket.
            if rows_read(&answer) > 450 {
                answer.fail(&format!(
                    "{:?}: searching {text}{filter} read {} rows",
                    by.role,
                    rows_read(&answer)
                ));
            }
        }
    }
    let answer = by.get("/tickets/stats/summary").is(200);
    trips(&answer, 1);
    if rows_read(&answer) > most {
        answer.fail(&format!(
            "{:?}: statistics read {} rows, at most {most}",
            by.role,
            rows_read(&answer)
        ));
    }
}

/// A page in the middle costs what the first one costs, and short pages lead to the same tickets.
fn deep_pages(admin: &Caller) {
    let mut at = "/tickets?limit=100".to_owned();
    for _ in 0..9 {
        let answer = admin.get(&at).is(200);
        assert!(rows_read(&answer) <= 210, "{} rows", rows_read(&answer));
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
