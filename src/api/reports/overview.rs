//! The present: statistics, dashboards, and tickets by status, priority, category and department.

use serde_json::{Value, json};

use crate::api::reports::shared::{
    AgentAccess, ReportRequest, compliance_json, counts_json, duration_stmts, is_capped, mark_capped,
    percentiles_json, read_request, read_rows, sum_column, table_reply, trend_table, with_remainder,
};
use crate::app::call::Call;
use crate::desk::person::Role;
use crate::desk::reports::figures::{Table, percent};
use crate::desk::reports::period::Bucket;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::edge::db::Rows;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::current::{AgeRow, MAX_WALKED, WorkloadRow};
use crate::store::reports::period::ComplianceRow;
use crate::store::reports::shared::{GroupBy, GroupRow};
use crate::store::tickets::counts::TicketCounts;

/// The present of a part of the desk: sums, and whether they are capped.
struct CurrentCounts {
    counts: TicketCounts,
    overdue: i64,
    is_capped: bool,
}

fn read_current(found: &[Rows], at: usize) -> Result<CurrentCounts, Error> {
    let counts = read_rows::<TicketCounts>(found, at)?
        .into_iter()
        .next()
        .unwrap_or_default();
    Ok(CurrentCounts {
        overdue: counts.overdue.saturating_add(counts.unmarked),
        is_capped: counts.walked > MAX_WALKED || counts.unmarked >= MAX_WALKED,
        counts,
    })
}

impl CurrentCounts {
    fn by_status(&self) -> [(&'static str, i64); 8] {
        let counts = &self.counts;
        Status::ALL.map(|status| {
            let count = match status {
                Status::Open => counts.open,
                Status::Assigned => counts.assigned,
                Status::InProgress => counts.in_progress,
                Status::Waiting => counts.waiting,
                Status::Blocked => counts.blocked,
                Status::Resolved => counts.resolved,
                Status::Closed => counts.closed,
                Status::Reopened => counts.reopened,
            };
            (status.as_str(), count)
        })
    }

    fn by_priority(&self) -> [(&'static str, i64); 4] {
        let counts = &self.counts;
        Priority::ALL.map(|priority| {
            let count = match priority {
                Priority::Low => counts.low,
                Priority::Medium => counts.medium,
                Priority::High => counts.high,
                Priority::Urgent => counts.urgent,
            };
            (priority.as_str(), count)
        })
    }

    fn unresolved(&self) -> i64 {
        self.counts
            .total
            .saturating_sub(self.counts.resolved)
            .saturating_sub(self.counts.closed)
    }
}

/// Counts by category; what has none is under `none`.
fn categories_json(groups: &[(Option<String>, i64)]) -> Value {
    counts_json(
        groups
            .iter()
            .map(|(name, count)| (name.as_deref().unwrap_or("none"), *count)),
    )
}

/// `GET /tickets/stats/enhanced`.
pub async fn statistics(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let (lens, parts) = (asked.scope(), asked.parts());
    let stmts = vec![
        lens.current(),
        lens.current_by(GroupBy::Category),
        lens.trend(&parts),
    ];
    let found = call.read(stmts).await?;
    Ok(Reply::ok(overview_json(&asked, &parts, &found)?.to_string()))
}

/// What both statistics and dashboards tell, from the present, its categories and the trend.
fn overview_json(asked: &ReportRequest, parts: &[Bucket], found: &[Rows]) -> Result<Value, Error> {
    let present = read_current(found, 0)?;
    let categories = with_remainder(read_rows(found, 1)?, present.counts.total);
    let trend = trend_table(parts, found, 2)?;
    let mut body = json!({
        "total": present.counts.total,
        "by_status": counts_json(present.by_status()),
        "by_priority": counts_json(present.by_priority()),
        "unassigned": present.counts.unassigned,
        "overdue": present.overdue,
        "unresolved": present.unresolved(),
        "by_category": categories_json(&categories),
        "range": asked.range_json(),
        "interval": asked.step.as_str(),
        "trends": trend.to_json(),
    });
    mark_capped(&mut body, present.is_capped);
    Ok(body)
}

/// `GET /reports/dashboard`, `GET /admin/dashboard`.
pub async fn dashboard(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let (lens, parts) = (asked.scope(), asked.parts());
    let mut stmts = vec![
        lens.current(),
        lens.current_by(GroupBy::Category),
        lens.trend(&parts),
    ];
    stmts.extend(duration_stmts(&asked, GroupBy::Nothing));
    stmts.extend([lens.sla(GroupBy::Nothing, &asked.range), lens.unresolved()]);
    if asked.reader.role >= Role::Manager {
        stmts.push(lens.workloads());
    }
    let found = call.read(stmts).await?;
    let mut body = overview_json(&asked, &parts, &found)?;
    let ages: Vec<AgeRow> = read_rows(&found, 6)?;
    let promises: Vec<ComplianceRow> = read_rows(&found, 5)?;
    let trend = trend_table(&parts, &found, 2)?;
    if let Some(map) = body.as_object_mut() {
        let at_risk: i64 = ages.iter().map(|row| row.at_risk).sum();
        map.insert("at_risk".to_owned(), json!(at_risk));
        map.insert("created".to_owned(), json!(sum_column(&trend, 1)));
        map.insert("resolved".to_owned(), json!(sum_column(&trend, 2)));
        map.insert(
            "first_response_ms".to_owned(),
            percentiles_json(&read_rows(&found, 3)?),
        );
        map.insert(
            "resolution_ms".to_owned(),
            percentiles_json(&read_rows(&found, 4)?),
        );
        map.insert("sla".to_owned(), compliance_json(&promises));
        if asked.reader.role >= Role::Manager {
            let loads: Vec<WorkloadRow> = read_rows(&found, 7)?;
            let busy = loads
                .iter()
                .filter(|load| load.is_always_listed() || load.open_load > 0);
            let workload: Vec<Value> = busy
                .map(|load| json!({"agent_id": load.id, "full_name": load.full_name, "role": load.role, "open": load.open_load}))
                .collect();
            map.insert("workload".to_owned(), json!(workload));
        }
    }
    mark_capped(&mut body, is_capped(&ages));
    Ok(Reply::ok(body.to_string()))
}

/// `GET /reports/tickets-by-status`.
pub async fn by_status(call: &Call<'_>) -> Result<Reply, Error> {
    group_report(call, GroupBy::Status, "status").await
}

/// `GET /reports/tickets-by-priority`.
pub async fn by_priority(call: &Call<'_>) -> Result<Reply, Error> {
    group_report(call, GroupBy::Priority, "priority").await
}

/// `GET /reports/tickets-by-category`.
pub async fn by_category(call: &Call<'_>) -> Result<Reply, Error> {
    group_report(call, GroupBy::Category, "category").await
}

/// `GET /reports/tickets-by-department`.
pub async fn by_department(call: &Call<'_>) -> Result<Reply, Error> {
    group_report(call, GroupBy::Department, "department").await
}

/// Tickets by one of their facts: with a range those created in it, otherwise all there are now.
pub async fn group_report(call: &Call<'_>, by: GroupBy, name: &'static str) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let lens = asked.scope();
    let stmts = match (asked.is_ranged, by) {
        (true, _) => vec![lens.created(by, &asked.range)],
        (false, GroupBy::Status | GroupBy::Priority) => vec![lens.current()],
        (false, _) => vec![lens.current(), lens.current_by(by)],
    };
    let found = call.read(stmts).await?;
    let named = |pairs: &[(&str, i64)]| -> Vec<(Option<String>, i64)> {
        pairs
            .iter()
            .map(|(name, n)| (Some((*name).to_owned()), *n))
            .collect()
    };
    let (counts, is_capped) = if asked.is_ranged {
        let groups: Vec<GroupRow> = read_rows(&found, 0)?;
        let total = groups.iter().map(|group| group.n).sum();
        let words: &[&str] = match by {
            GroupBy::Status => &Status::WORDS,
            GroupBy::Priority => &["low", "medium", "high", "urgent"],
            _ => &[],
        };
        let zeros = words.iter().map(|word| GroupRow {
            k: Some((*word).to_owned()),
            n: 0,
        });
        (with_remainder(zeros.chain(groups).collect(), total), false)
    } else {
        let present = read_current(&found, 0)?;
        let counts = match by {
            GroupBy::Status => named(&present.by_status()),
            GroupBy::Priority => named(&present.by_priority()),
            _ => with_remainder(read_rows(&found, 1)?, present.counts.total),
        };
        (counts, present.is_capped)
    };
    let total: i64 = counts.iter().map(|(_, count)| count).sum();
    let table = Table {
        columns: vec![name, "count", "share_percent"],
        rows: counts
            .into_iter()
            .map(|(name, count)| {
                vec![
                    json!(name),
                    json!(count),
                    json!(percent(count, total).unwrap_or_default()),
                ]
            })
            .collect(),
    };
    let range = if asked.is_ranged {
        asked.range_json()
    } else {
        Value::Null
    };
    let mut facts = json!({"total": total, "range": range});
    mark_capped(&mut facts, is_capped);
    Ok(table_reply(&asked, &format!("tickets-by-{name}"), &table, facts))
}
