//! Reports: every number is counted a second time, by hand, from the tickets that the same caller can list.

use std::collections::BTreeMap;

use chrono::DateTime;

use crate::statistics::by_hand;
use crate::support::client::Role;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make};

const STATUSES: [&str; 8] = [
    "open",
    "assigned",
    "in_progress",
    "waiting",
    "blocked",
    "resolved",
    "closed",
    "reopened",
];
const PRIORITIES: [&str; 4] = ["low", "medium", "high", "urgent"];
const DAY: i64 = 86_400_000;

type Rows<'a> = Vec<&'a Value>;

fn at(time: &Value) -> Option<i64> {
    let time = time.as_str()?;
    Some(
        DateTime::parse_from_rfc3339(time)
            .expect("a time")
            .timestamp_millis(),
    )
}

fn is_done(row: &Value) -> bool {
    matches!(row["status"].as_str(), Some("resolved" | "closed"))
}

/// The tickets with a moment in the report's range.
fn within<'a>(rows: &[&'a Value], report: &Value, moment: &str) -> Rows<'a> {
    let range = &report["range"];
    let (from, until) = (at(&range["from"]).unwrap(), at(&range["until"]).unwrap());
    let falls = |row: &&&Value| at(&row[moment]).is_some_and(|time| (from..until).contains(&time));
    rows.iter().filter(falls).copied().collect()
}

fn count(rows: &[&Value], fits: impl Fn(&Value) -> bool) -> usize {
    rows.iter().filter(|row| fits(row)).count()
}

fn sums(rows: &[&Value], field: &str, words: &[&str]) -> Value {
    let mut sums = json!({});
    for word in words {
        sums[*word] = json!(count(rows, |row| row[field] == *word));
    }
    sums
}

/// How often each name occurs; tickets without one are under `none`.
fn names(rows: &[&Value], field: &str) -> BTreeMap<String, u64> {
    let mut names = BTreeMap::new();
    for row in rows {
        *names
            .entry(row[field].as_str().unwrap_or("none").to_owned())
            .or_default() += 1;
    }
    names
}

/// Of a table's rows, those that are not empty.
fn named(table: &Value, field: &str) -> BTreeMap<String, u64> {
    let rows = table["data"].as_array().expect("rows");
    let pairs = rows.iter().map(|row| {
        (
            row[field].as_str().unwrap_or("none").to_owned(),
            row["count"].as_u64().unwrap(),
        )
    });
    pairs.filter(|(_, count)| *count > 0).collect()
}

fn spread(mut values: Vec<i64>) -> Value {
    values.sort_unstable();
    let n = values.len();
    // The smallest value that at least so many per cent of all do not exceed.
    let rank = |per_cent: usize| {
        let reached = (0..n).find(|at| (at + 1) * 100 >= n * per_cent);
        reached.map_or(0, |at| values[at])
    };
    let mean = values.iter().sum::<i64>().checked_div(n as i64).unwrap_or(0);
    json!({"count": n, "mean": mean, "p50": rank(50), "p90": rank(90), "p95": rank(95), "max": values.last().copied().unwrap_or(0)})
}

fn took(rows: &[&Value], end: &str) -> Value {
    let one = |row: &&Value| Some(at(&row[end])? - at(&row["created_at"])?);
    spread(rows.iter().filter_map(one).collect())
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 * 1_000.0 / whole as f64).round() / 10.0
    }
}

fn promises(rows: &[&Value]) -> Value {
    let kept = |which: &str| {
        let are = |words: &[&str]| {
            count(rows, |row| {
                words.contains(&row["sla"][which].as_str().unwrap_or_default())
            })
        };
        let (met, missed) = (are(&["met"]), are(&["missed", "breached"]));
        json!({"met": met, "missed": missed, "pending": rows.len() - met - missed, "met_percent": percent(met, met + missed)})
    };
    json!({"tickets": rows.len(), "response": kept("response"), "resolution": kept("resolution")})
}

#[track_caller]
fn agree(told: &Value, wanted: &Value, what: &str) {
    for (name, want) in wanted.as_object().expect("facts") {
        assert_eq!(&told[name], want, "{name} of {what}");
    }
}

/// Checks what statistics and dashboards share.
#[track_caller]
fn check_overview(report: &Value, rows: &[&Value], step: i64, what: &str) {
    let want = json!({
        "total": rows.len(),
        "by_status": sums(rows, "status", &STATUSES),
        "by_priority": sums(rows, "priority", &PRIORITIES),
        "unassigned": count(rows, |row| row["assignee"].is_null() && !is_done(row)),
        "overdue": count(rows, |row| row["sla"]["resolution"] == "breached"),
        "unresolved": count(rows, |row| !is_done(row)),
    });
    agree(report, &want, what);
    let told: BTreeMap<String, u64> = report["by_category"]
        .as_object()
        .expect("categories")
        .iter()
        .map(|(name, count)| (name.clone(), count.as_u64().unwrap()))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(told, names(rows, "category"), "by_category of {what}");
    // Ranges of these stories begin with a day, and their zones keep no summer time.
    let (mut from, until) = (
        at(&report["range"]["from"]).unwrap(),
        at(&report["range"]["until"]).unwrap(),
    );
    for part in report["trends"].as_array().expect("a trend") {
        let end = (from + step).min(until);
        let inside = |moment: &'static str| {
            count(rows, |row| {
                at(&row[moment]).is_some_and(|time| (from..end).contains(&time))
            })
        };
        assert_eq!(part["created"], inside("created_at"), "{what} {part}");
        assert_eq!(part["resolved"], inside("resolved_at"), "{what} {part}");
        from = end;
    }
    assert_eq!(from, until, "{what}");
    assert!(report.get("capped").is_none(), "{what}");
}

#[track_caller]
fn check_dashboard(report: &Value, rows: &[&Value], what: &str) {
    check_overview(report, rows, DAY, what);
    let (created, resolved) = (
        within(rows, report, "created_at"),
        within(rows, report, "resolved_at"),
    );
    let want = json!({
        "created": created.len(),
        "resolved": resolved.len(),
        "first_response_ms": took(&created, "first_responded_at"),
        "resolution_ms": took(&resolved, "resolved_at"),
        "sla": promises(&created),
        "at_risk": count(rows, |row| row["sla"]["resolution"] == "at_risk"),
    });
    agree(report, &want, what);
}

/// A table as JSON; its CSV must say the same.
#[track_caller]
fn table(by: &Caller, path: &str) -> Value {
    let report = by.get(path).is(200).json();
    let csv = by.ask("GET", path).header("Accept", "text/csv").send().is(200);
    assert!(
        csv.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/csv"))
    );
    let join = if path.contains('?') { '&' } else { '?' };
    assert_eq!(
        by.get(&format!("{path}{join}format=csv")).is(200).text(),
        csv.text()
    );
    let rows = report["data"].as_array().expect("rows");
    let text = csv.text();
    let mut lines = text.split_terminator("\r\n");
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    for (row, line) in rows.iter().zip(lines.by_ref()) {
        let row = row.as_object().expect("an object");
        assert_eq!(row.keys().collect::<Vec<_>>(), head);
        let cells: Vec<String> = row
            .values()
            .map(|cell| match cell {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect();
        assert_eq!(cells.join(","), line);
    }
    assert_eq!(lines.next(), None);
    report
}

fn held_by(row: &Value, agent: &Value) -> bool {
    row["assignee"]["id"] == *agent
}

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

#[track_caller]
fn check_agent(row: &Value, report: &Value, all: &[&Value]) {
    let theirs: Rows = all
        .iter()
        .filter(|one| held_by(one, &row["agent_id"]))
        .copied()
        .collect();
    let (created, resolved) = (
        within(&theirs, report, "created_at"),
        within(&theirs, report, "resolved_at"),
    );
    let (response, resolution) = (
        took(&created, "first_responded_at"),
        took(&resolved, "resolved_at"),
    );
    let kept = promises(&created);
    let want = json!({
        "assigned": created.len(),
        "resolved": resolved.len(),
        "open": count(&theirs, |row| !is_done(row)),
        "first_response_mean_ms": response["mean"],
        "first_response_median_ms": response["p50"],
        "resolution_mean_ms": resolution["mean"],
        "resolution_median_ms": resolution["p50"],
        "response_met_percent": kept["response"]["met_percent"],
        "resolution_met_percent": kept["resolution"]["met_percent"],
    });
    agree(row, &want, &row.to_string());
}

#[track_caller]
fn check_aging(report: &Value, rows: &[&Value]) {
    let now = chrono::DateTime::from(std::time::SystemTime::now());
    let now: DateTime<chrono::Utc> = now;
    let mut from = 0;
    let ends = [1, 3, 7, 14, 30, 99_999];
    for (row, days) in report["data"].as_array().expect("rows").iter().zip(ends) {
        let ages = from * DAY..days * DAY;
        let some: Rows = rows
            .iter()
            .filter(|one| {
                !is_done(one) && ages.contains(&(now.timestamp_millis() - at(&one["created_at"]).unwrap()))
            })
            .copied()
            .collect();
        let state = |word: &str| count(&some, |one| one["sla"]["resolution"] == word);
        let mut want = sums(&some, "priority", &PRIORITIES);
        want["tickets"] = json!(some.len());
        want["at_risk"] = json!(state("at_risk"));
        want["breached"] = json!(state("breached"));
        agree(row, &want, &row.to_string());
        from = days;
    }
    assert_eq!(report["total"], count(rows, |row| !is_done(row)));
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
            let told = by.get("/tickets/stats/summary").is(200).json();
            agree(&told, &by_hand(by), "summary");
            for filter in [
                "",
                "category=billing",
                "agent=me",
                &format!("agent={mike}&category=1"),
                "category=nowhere",
            ] {
                let rows: Rows = seen.iter().filter(|row| fits(row, filter, by)).collect();
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

/// Ranges that end today move with the day that the test runs on.
fn moved(range: &str) -> String {
    let today: DateTime<chrono::Utc> = std::time::SystemTime::now().into();
    let monday = {
        use chrono::Datelike;
        today - chrono::Duration::days(i64::from(today.weekday().num_days_from_monday()))
    };
    let day = |back: i64| (monday - chrono::Duration::days(back)).format_date();
    range
        .replace("2026-09-20", &day(60))
        .replace("2026-10-05", &day(42))
        .replace("2026-11-15", &day(1))
}

trait FormatDate {
    fn format_date(&self) -> String;
}

impl FormatDate for DateTime<chrono::Utc> {
    fn format_date(&self) -> String {
        use chrono::Datelike;
        format!("{:04}-{:02}-{:02}", self.year(), self.month(), self.day())
    }
}

fn fits(row: &Value, filter: &str, by: &Caller) -> bool {
    filter
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .all(|(name, value)| match (name, value) {
            ("category", "1") => row["category"] == "technical",
            ("category", slug) => row["category"] == slug,
            (_, "me") => row["assignee"]["id"] == by.id,
            (_, id) => row["assignee"]["id"].to_string() == id,
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
        &format!("agent={}", people[5].id),
        "agent=9007199254740991",
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
    check_activity(manager, &seen);
}

/// Counts events by hand: what each person did to each ticket.
fn check_activity(by: &Caller, tickets: &[Value]) {
    let told = table(by, &moved("/reports/user-activity?from=2026-09-20"));
    let (from, until) = (
        at(&told["range"]["from"]).unwrap(),
        at(&told["range"]["until"]).unwrap(),
    );
    let mut done: BTreeMap<i64, BTreeMap<String, u64>> = BTreeMap::new();
    for ticket in tickets {
        for event in by.walk(&format!("/tickets/{}/events", ticket["id"]), 100) {
            if (from..until).contains(&at(&event["created_at"]).unwrap()) {
                let kinds = done.entry(event["actor"]["id"].as_i64().unwrap()).or_default();
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
        // The events of the deleted ticket are out of the walk's sight.
        let hidden = u64::from(row["role"] == "customer" && of("ticket_created") == 3)
            + u64::from(row["email"] == "admin@helpdesk.com");
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
            .get(&format!("{path}?from=2001-01-01&to=2001-12-31&category=nowhere"))
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
