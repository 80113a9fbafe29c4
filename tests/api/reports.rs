//! Reports: every number is counted a second time, by hand, from the tickets that the same caller can list.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Utc};

use crate::statistics::counted;
use crate::support::client::Role;
use crate::support::tally::*;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make};

#[track_caller]
fn check_tables(by: &Caller, all: &[&Value], query: &str) {
    for (name, words) in [
        ("status", &STATUSES[..]),
        ("priority", &PRIORITIES[..]),
        ("category", &[][..]),
        ("department", &[][..]),
    ] {
        let told = table(by, &format!("/reports/tickets-by-{name}?{query}"));
        let rows = if told["range"].is_null() {
            all.to_vec()
        } else {
            within(all, &told, "created_at")
        };
        assert_eq!(named(&told, name), names(&rows, name), "{name} {query}");
        assert_eq!(told["total"], rows.len());
        for row in told["data"].as_array().unwrap() {
            let share = percent(row["count"].as_u64().unwrap() as usize, rows.len());
            assert_eq!(row["share_percent"], share, "{row}");
        }
        for word in words {
            assert!(
                told["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|row| row[name] == *word)
            );
        }
    }
    let told = table(by, &format!("/admin/reports/tickets?{query}"));
    let (created, resolved) = (
        within(all, &told, "created_at"),
        within(all, &told, "resolved_at"),
    );
    let want = json!({
        "totals": {"created": created.len(), "resolved": resolved.len()},
        "by_status": sums(&created, "status", &STATUSES),
        "by_priority": sums(&created, "priority", &PRIORITIES),
        "first_response_ms": took(&created, "first_responded_at"),
        "resolution_ms": took(&resolved, "resolved_at"),
    });
    agree(&told, &want, query);
    let told = table(by, &format!("/admin/reports/sla?{query}"));
    assert_eq!(told["totals"], promises(&created), "{query}");
    assert_eq!(
        by.get(&format!("/tickets/analytics/sla-adherence?{query}"))
            .is(200)
            .json(),
        told
    );
    for row in told["data"].as_array().unwrap() {
        let some: Rows = created
            .iter()
            .filter(|one| one["priority"] == row["priority"])
            .copied()
            .collect();
        let want = promises(&some);
        for (side, figure) in [
            ("response", "met"),
            ("response", "missed"),
            ("resolution", "met"),
            ("resolution", "pending"),
            ("resolution", "met_percent"),
        ] {
            assert_eq!(
                row[format!("{side}_{figure}")],
                want[side][figure],
                "{query} {row}"
            );
        }
    }
    for row in told["by_agent"].as_array().unwrap() {
        let some: Rows = created
            .iter()
            .filter(|one| held_by(one, &row["agent_id"]))
            .copied()
            .collect();
        agree(row, &promises(&some), query);
    }
    let told = table(by, &format!("/admin/reports/agents?{query}"));
    for row in told["data"].as_array().unwrap() {
        check_agent(row, &told, all);
    }
}

/// A desk of its own with the sample data, and what the samples lack: departments, tickets without category,
/// deleted ones, and an agent in no category.
fn desk() -> (Worker, Vec<Caller>) {
    let worker = Worker::start(&[]);
    worker.seed();
    let admin = Admin::on(&worker);
    let customer = Customer::on(&worker);
    let free = admin.hire(Role::Agent);
    for (department, more) in [
        ("Legal", json!({})),
        ("=IT", json!({"priority": "urgent", "category": "billing"})),
    ] {
        let ticket = make::ticket_with(&customer, more);
        let path = format!("/tickets/{}", ticket["id"]);
        admin.put(&path, json!({"department": department})).is(200);
        admin
            .put(&format!("{path}/assign"), json!({"assignee_id": free.id}))
            .is(200);
        make::message(&admin, &ticket, "We are looking at it.");
        admin
            .put(&format!("{path}/status"), json!({"status": "in_progress"}))
            .is(200);
        admin
            .put(&format!("{path}/status"), json!({"status": "resolved"}))
            .is(200);
    }
    make::ticket(&customer);
    let project = json!({"key": "WEB", "name": "The site"});
    admin.post("/projects", project).is(201);
    for by in [&*customer, &*admin] {
        make::ticket_with(by, json!({"project": "WEB", "category": "billing"}));
        make::ticket_with(by, json!({"project": "WEB", "priority": "low"}));
    }
    let gone = make::ticket_with(&customer, json!({"category": "technical"}));
    admin.delete(&format!("/tickets/{}", gone["id"])).is(204);
    let mut people = vec![(*admin).clone(), (*customer).clone(), free];
    for (role, email, password) in [
        (Role::Manager, "manager@helpdesk.com", "manager123"),
        (Role::Agent, "agent@helpdesk.com", "agent123"),
        (Role::Agent, "mike@helpdesk.com", "agent123"),
        (Role::Customer, "john@example.com", "customer123"),
    ] {
        people.push(Caller::login(&worker, role, email, password));
    }
    (worker, people)
}

#[test]
fn every_number_is_counted_a_second_time() {
    let (_worker, people) = desk();
    let admin = &people[0];
    let mike = people[5].id;
    for scope in ["category", "assigned", "all"] {
        admin
            .put("/admin/settings", json!({"agent_scope": scope}))
            .is(200);
        for by in &people {
            let seen = by.walk("/tickets", 100);
            for filter in [
                "",
                "category=billing",
                "agent=me",
                "project=WEB",
                "project=web&category=billing",
                &format!("agent={mike}&category=1"),
            ] {
                let rows: Rows = seen.iter().filter(|row| fits(row, filter, by)).collect();
                let path = format!("/tickets/stats/summary?{filter}");
                let what = format!("{scope} {} {path}", by.email);
                agree(&by.get(&path).is(200).json(), &counted(&rows), &what);
                for (range, step) in [
                    ("", DAY),
                    ("from=2026-09-20&tz=Asia/Tokyo", DAY),
                    (
                        "from=2026-10-05&to=2026-11-15&interval=week&tz=America/Bogota",
                        7 * DAY,
                    ),
                    ("from=2020-01-01&to=2020-12-31", DAY),
                ] {
                    let range = moved(range);
                    let what = format!("{scope} {} {filter} {range}", by.email);
                    let path = format!("/tickets/stats/enhanced?{filter}&{range}");
                    check_overview(&by.get(&path).is(200).json(), &rows, step, &what);
                    if step == DAY {
                        let path = format!("/reports/dashboard?{filter}&{range}");
                        check_dashboard(&by.get(&path).is(200).json(), &rows, &what);
                    }
                }
            }
        }
    }
}

/// Ranges of the stories move with the day that the test runs on; they begin on a Monday and end on a Sunday.
fn moved(range: &str) -> String {
    let today: DateTime<Utc> = std::time::SystemTime::now().into();
    let monday = today - chrono::Duration::days(i64::from(today.weekday().num_days_from_monday()));
    let day = |back: i64| {
        let day = monday - chrono::Duration::days(back);
        format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day())
    };
    range
        .replace("2026-09-20", &day(63))
        .replace("2026-10-05", &day(42))
        .replace("2026-11-15", &day(1))
}

fn fits(row: &Value, filter: &str, by: &Caller) -> bool {
    filter
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .all(|(name, value)| match (name, value) {
            ("category", "1") => row["category"] == "technical",
            ("category", slug) => row["category"] == slug,
            ("project", _) => row["project"] == "WEB",
            (_, "me") => row["assignee"]["id"] == by.id,
            (_, id) => row["assignee"]["id"].as_i64() == id.parse().ok(),
        })
}

#[test]
fn tables_agree_with_the_list_and_with_their_csv() {
    let (_worker, people) = desk();
    let manager = &people[3];
    let seen = manager.walk("/tickets", 100);
    let all: Rows = seen.iter().collect();
    for filter in [
        "",
        "category=billing",
        "project=WEB",
        "project=1&category=billing",
        &format!("project=WEB&agent={}", people[0].id),
        &format!("agent={}", people[5].id),
    ] {
        let rows: Rows = all
            .iter()
            .filter(|row| fits(row, filter, manager))
            .copied()
            .collect();
        for range in ["", "from=2026-09-20", "from=2020-01-01&to=2020-01-02"] {
            check_tables(manager, &rows, &format!("{filter}&{}", moved(range)));
        }
        check_aging(
            &table(manager, &format!("/tickets/analytics/aging?{filter}")),
            &rows,
        );
    }
    for agent in people.iter().filter(|by| by.role == Role::Agent) {
        for path in ["/admin/reports/agents", "/agents/performance?from=2026-09-20"] {
            let told = agent.get(&moved(path)).is(200).json();
            let rows = told["data"].as_array().expect("rows");
            assert!(rows.len() == 1 && rows[0]["agent_id"] == agent.id, "{told}");
            check_agent(&rows[0], &told, &all);
        }
        let mine: Rows = all
            .iter()
            .filter(|row| held_by(row, &json!(agent.id)))
            .copied()
            .collect();
        check_aging(&agent.get("/tickets/analytics/aging").is(200).json(), &mine);
        let told = agent.get("/tickets/analytics/sla-adherence").is(200).json();
        assert_eq!(told["totals"], promises(&within(&mine, &told, "created_at")));
        for path in [
            "/agents/performance",
            "/tickets/analytics/aging",
            "/tickets/analytics/sla-adherence",
        ] {
            agent
                .get(&format!("{path}?agent={}", manager.id))
                .refused(403, "FORBIDDEN");
        }
    }
    check_activity(manager, &seen, people[1].id);
}

/// Counts events by hand: what each person did to each ticket.
fn check_activity(by: &Caller, tickets: &[Value], opener: i64) {
    let told = table(by, &moved("/reports/user-activity?from=2026-09-20"));
    let (from, until) = (
        at(&told["range"]["from"]).unwrap(),
        at(&told["range"]["until"]).unwrap(),
    );
    let mut done: BTreeMap<i64, BTreeMap<String, u64>> = BTreeMap::new();
    for ticket in tickets {
        for event in by.walk(&format!("/tickets/{}/events", ticket["id"]), 100) {
            // The desk itself is nobody.
            let Some(actor) = event["actor"]["id"].as_i64() else {
                continue;
            };
            if (from..until).contains(&at(&event["created_at"]).unwrap()) {
                let kinds = done.entry(actor).or_default();
                *kinds
                    .entry(event["type"].as_str().unwrap().to_owned())
                    .or_default() += 1;
            }
        }
    }
    let rows = told["data"].as_array().expect("rows");
    assert!(
        rows.windows(2)
            .all(|pair| pair[0]["actions"].as_u64() >= pair[1]["actions"].as_u64())
    );
    for row in rows {
        let kinds = done.remove(&row["user_id"].as_i64().unwrap()).unwrap_or_default();
        let of = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
        // Opening and deleting the ticket that is gone are out of the walk's sight.
        let hidden = u64::from(row["user_id"] == opener || row["email"] == "admin@helpdesk.com");
        assert_eq!(
            row["actions"],
            kinds.values().sum::<u64>() + hidden,
            "{row} {kinds:?}"
        );
        assert_eq!(row["messages"], of("message_added"), "{row}");
        assert_eq!(row["status_changes"], of("status_changed"), "{row}");
        assert_eq!(row["assignments"], of("assigned") + of("transferred"), "{row}");
    }
    assert!(done.is_empty(), "{done:?} are missing");
    let few = by.get("/reports/user-activity?limit=2").is(200).json();
    assert_eq!(few["data"].as_array().map(Vec::len), Some(2));
}

#[test]
fn nothing_gives_zeros() {
    let customer = Customer::fresh();
    let report = customer.get("/reports/dashboard").is(200).json();
    check_dashboard(&report, &[], "nobody");
    assert!(report.get("workload").is_none());
    let manager = Manager::any();
    for path in [
        "/reports/tickets-by-status",
        "/reports/tickets-by-priority",
        "/reports/tickets-by-category",
        "/reports/tickets-by-department",
        "/reports/user-activity",
        "/admin/reports/tickets",
        "/admin/reports/sla",
        "/admin/reports/agents",
        "/admin/dashboard",
        "/tickets/analytics/sla-adherence",
        "/agents/performance",
    ] {
        let answer = manager
            .get(&format!("{path}?from=2001-01-01&to=2001-12-31&category=billing"))
            .is(200);
        assert_eq!(answer.timing("d1"), Some(1), "{path}");
    }
}

#[test]
fn days_are_those_of_the_zone() {
    let manager = Manager::any();
    for (query, from, until, parts) in [
        (
            "from=2026-10-25&to=2026-10-25&tz=Europe/Berlin",
            "2026-10-24T22:00:00.000Z",
            "2026-10-25T23:00:00.000Z",
            1,
        ),
        (
            "from=2026-03-28&to=2026-03-30&tz=europe/berlin",
            "2026-03-27T23:00:00.000Z",
            "2026-03-30T22:00:00.000Z",
            3,
        ),
        (
            "from=2026-01-15&to=2026-03-01&interval=month",
            "2026-01-15T00:00:00.000Z",
            "2026-03-02T00:00:00.000Z",
            3,
        ),
        (
            "from=2024-01-01&to=2024-12-31&tz=Asia/Tokyo",
            "2023-12-31T15:00:00.000Z",
            "2024-12-31T15:00:00.000Z",
            366,
        ),
        (
            "from=2026-01-01T10:00:00Z&to=2026-01-01T11:00:00Z",
            "2026-01-01T10:00:00.000Z",
            "2026-01-01T11:00:00.000Z",
            1,
        ),
    ] {
        let told = manager
            .get(&format!("/admin/reports/tickets?{query}"))
            .is(200)
            .json();
        assert_eq!(
            (told["range"]["from"].as_str(), told["range"]["until"].as_str()),
            (Some(from), Some(until)),
            "{query}"
        );
        assert_eq!(told["data"].as_array().map(Vec::len), Some(parts), "{query}");
    }
}

#[test]
fn a_wrong_question_is_told() {
    let manager = Manager::any();
    for path in [
        "/tickets/stats/enhanced",
        "/reports/dashboard",
        "/admin/reports/sla",
        "/reports/user-activity",
    ] {
        for (query, fields) in [
            ("from=x", &["from"][..]),
            ("to=x&tz=Mars", &["to", "tz"]),
            ("from=2025-01-01&to=2026-06-01", &["from"]),
            ("from=2026-02-01&to=2026-01-01", &["to"]),
            ("interval=year&format=xml", &["interval", "format"]),
            ("agent=x", &["agent"]),
        ] {
            manager.get(&format!("{path}?{query}")).faults(fields);
        }
    }
    for path in [
        "/reports/tickets-by-status",
        "/reports/user-activity",
        "/admin/dashboard",
        "/admin/reports/tickets",
        "/admin/reports/sla",
    ] {
        Agent::any().get(path).refused(403, "FORBIDDEN");
        Customer::any().get(path).refused(403, "FORBIDDEN");
    }
}
