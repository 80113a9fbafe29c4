//! The figures of reports, counted by hand from tickets that somebody has listed.

use std::collections::BTreeMap;

use chrono::DateTime;

use super::{Caller, Value, json};

pub const STATUSES: [&str; 8] = [
    "open",
    "assigned",
    "in_progress",
    "waiting",
    "blocked",
    "resolved",
    "closed",
    "reopened",
];
pub const PRIORITIES: [&str; 4] = ["low", "medium", "high", "urgent"];
pub const DAY: i64 = 86_400_000;

pub type Rows<'a> = Vec<&'a Value>;

pub fn at(time: &Value) -> Option<i64> {
    let time = time.as_str()?;
    Some(
        DateTime::parse_from_rfc3339(time)
            .expect("a time")
            .timestamp_millis(),
    )
}

pub fn is_done(row: &Value) -> bool {
    matches!(row["status"].as_str(), Some("resolved" | "closed"))
}

/// The tickets with a moment in the report's range.
pub fn within<'a>(rows: &[&'a Value], report: &Value, moment: &str) -> Rows<'a> {
    let range = &report["range"];
    let (from, until) = (at(&range["from"]).unwrap(), at(&range["until"]).unwrap());
    let falls = |row: &&&Value| at(&row[moment]).is_some_and(|time| (from..until).contains(&time));
    rows.iter().filter(falls).copied().collect()
}

pub fn count(rows: &[&Value], fits: impl Fn(&Value) -> bool) -> usize {
    rows.iter().filter(|row| fits(row)).count()
}

pub fn sums(rows: &[&Value], field: &str, words: &[&str]) -> Value {
    let mut sums = json!({});
    for word in words {
        sums[*word] = json!(count(rows, |row| row[field] == *word));
    }
    sums
}

/// How often each name occurs; tickets without one are under `none`.
pub fn names(rows: &[&Value], field: &str) -> BTreeMap<String, u64> {
    let mut names = BTreeMap::new();
    for row in rows {
        *names
            .entry(row[field].as_str().unwrap_or("none").to_owned())
            .or_default() += 1;
    }
    names
}

/// Of a table's rows, those that are not empty.
pub fn named(table: &Value, field: &str) -> BTreeMap<String, u64> {
    let rows = table["data"].as_array().expect("rows");
    let pairs = rows.iter().map(|row| {
        (
            row[field].as_str().unwrap_or("none").to_owned(),
            row["count"].as_u64().unwrap(),
        )
    });
    pairs.filter(|(_, count)| *count > 0).collect()
}

pub fn spread(mut values: Vec<i64>) -> Value {
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

pub fn took(rows: &[&Value], end: &str) -> Value {
    let one = |row: &&Value| Some(at(&row[end])? - at(&row["created_at"])?);
    spread(rows.iter().filter_map(one).collect())
}

pub fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 * 1_000.0 / whole as f64).round() / 10.0
    }
}

pub fn promises(rows: &[&Value]) -> Value {
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
pub fn agree(told: &Value, wanted: &Value, what: &str) {
    for (name, want) in wanted.as_object().expect("facts") {
        assert_eq!(&told[name], want, "{name} of {what}");
    }
}

/// Checks what statistics and dashboards share.
#[track_caller]
pub fn check_overview(report: &Value, rows: &[&Value], step: i64, what: &str) {
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
pub fn check_dashboard(report: &Value, rows: &[&Value], what: &str) {
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
pub fn table(by: &Caller, path: &str) -> Value {
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
    let text = text.strip_prefix('\u{FEFF}').expect("a byte order mark");
    assert_eq!(
        by.get(&format!("{path}{join}format=csv&bom=false"))
            .is(200)
            .text(),
        text
    );
    let mut lines = text.split_terminator("\r\n");
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    for (row, line) in rows.iter().zip(lines.by_ref()) {
        let row = row.as_object().expect("an object");
        assert_eq!(row.keys().collect::<Vec<_>>(), head);
        let cells: Vec<String> = row
            .values()
            .map(|cell| match cell {
                Value::Null => String::new(),
                // No spreadsheet takes it for a formula.
                Value::String(text) if text.starts_with('=') => format!("'{text}"),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect();
        assert_eq!(cells.join(","), line);
    }
    assert_eq!(lines.next(), None);
    report
}

pub fn held_by(row: &Value, agent: &Value) -> bool {
    row["assignee"]["id"] == *agent
}

#[track_caller]
pub fn check_agent(row: &Value, report: &Value, all: &[&Value]) {
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
pub fn check_aging(report: &Value, rows: &[&Value]) {
    let now: DateTime<chrono::Utc> = std::time::SystemTime::now().into();
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
