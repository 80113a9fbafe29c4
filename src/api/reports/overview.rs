//! Reports on the current state: statistics, dashboards, and tickets by status, priority, category and department.

use serde_json::{Value, json};

use crate::api::reports::shared::{
    AgentAccess, ReportRequest, TrendRow, add_durations, compliance_json, counts_json, is_capped,
    mark_capped, percentiles_json, read_filtered, read_request, read_statistics_filters, sum_column,
    table_reply, trend_table, with_remainder,
};
use crate::app::call::{Call, viewer};
use crate::desk::person::Role;
use crate::desk::reports::figures::{Table, percent};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::edge::db::{Answers, Batch, Slot};
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::current::{AgeRow, MAX_WALKED, WorkloadRow};
use crate::store::reports::period::ComplianceRow;
use crate::store::reports::shared::{GroupBy, GroupRow, ReportScope};
use crate::store::tickets::counts::TicketCounts;

/// The current numbers of tickets in a scope, and whether they are capped.
struct CurrentCounts {
    counts: TicketCounts,
    overdue: i64,
    is_capped: bool,
}

impl CurrentCounts {
    fn of(counts: Option<TicketCounts>) -> CurrentCounts {
        let counts = counts.unwrap_or_default();
        CurrentCounts {
            overdue: counts.overdue.saturating_add(counts.unmarked),
            is_capped: counts.walked > MAX_WALKED || counts.unmarked >= MAX_WALKED,
            counts,
        }
    }

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

/// The counts by category as JSON. Tickets without a category count under `none`.
fn categories_json(groups: &[(Option<String>, i64)]) -> Value {
    counts_json(
        groups
            .iter()
            .map(|(name, count)| (name.as_deref().unwrap_or("none"), *count)),
    )
}

/// `GET /tickets/stats/summary`: the current numbers of tickets in the caller's scope. `unassigned` and `overdue`
/// only count tickets that are neither resolved nor closed.
pub async fn summary(call: &Call<'_>) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let (filters, named) = read_statistics_filters(call)?;
    let lens = ReportScope {
        reader: &reader,
        filters: &filters,
    };
    let mut batch = Batch::new();
    let present = batch.add::<TicketCounts>(lens.current());
    let found = read_filtered(call, &named, batch).await?;
    let present = CurrentCounts::of(found.first(present)?);
    let mut body = json!({
        "total": present.counts.total,
        "by_status": counts_json(present.by_status()),
        "by_priority": counts_json(present.by_priority()),
        "unassigned": present.counts.unassigned,
        "overdue": present.overdue,
    });
    mark_capped(&mut body, present.is_capped);
    Ok(Reply::ok(body.to_string()))
}

/// `GET /tickets/stats/enhanced`.
pub async fn statistics(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let mut batch = Batch::new();
    let overview = OverviewSlots::add(&mut batch, &asked);
    let found = asked.read(call, batch).await?;
    let trend = trend_table(&asked.parts(), found.all(overview.trend)?);
    Ok(Reply::ok(overview.json(&asked, &found, &trend)?.to_string()))
}

/// The slots of what statistics and dashboards both show: current numbers, categories and the trend.
struct OverviewSlots {
    present: Slot<TicketCounts>,
    categories: Slot<GroupRow>,
    trend: Slot<TrendRow>,
}

impl OverviewSlots {
    fn add(batch: &mut Batch, asked: &ReportRequest) -> OverviewSlots {
        let lens = asked.scope();
        OverviewSlots {
            present: batch.add(lens.current()),
            categories: batch.add(lens.current_by(GroupBy::Category)),
            trend: batch.add(lens.trend(&asked.parts())),
        }
    }

    fn json(&self, asked: &ReportRequest, found: &Answers, trend: &Table) -> Result<Value, Error> {
        let present = CurrentCounts::of(found.first(self.present)?);
        let categories = with_remainder(found.all(self.categories)?, present.counts.total);
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
}

/// `GET /reports/dashboard`, `GET /admin/dashboard`.
pub async fn dashboard(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let lens = asked.scope();
    let mut batch = Batch::new();
    let overview = OverviewSlots::add(&mut batch, &asked);
    let [responses, resolutions] = add_durations(&mut batch, &asked, GroupBy::Nothing);
    let promises = batch.add::<ComplianceRow>(lens.sla(GroupBy::Nothing, &asked.range));
    let ages = batch.add::<AgeRow>(lens.unresolved());
    let is_manager = asked.reader.role >= Role::Manager;
    let loads = batch.add_optional::<WorkloadRow>(is_manager.then(|| lens.workloads()));
    let found = asked.read(call, batch).await?;
    let trend = trend_table(&asked.parts(), found.all(overview.trend)?);
    let mut body = overview.json(&asked, &found, &trend)?;
    let ages = found.all(ages)?;
    let promises = found.all(promises)?;
    if let Some(map) = body.as_object_mut() {
        let at_risk: i64 = ages.iter().map(|row| row.at_risk).sum();
        map.insert("at_risk".to_owned(), json!(at_risk));
        map.insert("created".to_owned(), json!(sum_column(&trend, 1)));
        map.insert("resolved".to_owned(), json!(sum_column(&trend, 2)));
        map.insert(
            "first_response_ms".to_owned(),
            percentiles_json(&found.all(responses)?),
        );
        map.insert(
            "resolution_ms".to_owned(),
            percentiles_json(&found.all(resolutions)?),
        );
        map.insert("sla".to_owned(), compliance_json(&promises));
        if let Some(loads) = loads {
            let loads = found.all(loads)?;
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

/// Replies with the number of tickets by one of their fields: if a range is given, of those created in it, otherwise
/// of all there are now.
pub async fn group_report(call: &Call<'_>, by: GroupBy, name: &'static str) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let lens = asked.scope();
    let mut batch = Batch::new();
    let present = (!asked.is_ranged).then(|| lens.current());
    let present = batch.add_optional::<TicketCounts>(present);
    let groups = match (asked.is_ranged, by) {
        (true, _) => Some(lens.created(by, &asked.range)),
        (false, GroupBy::Status | GroupBy::Priority) => None,
        (false, _) => Some(lens.current_by(by)),
    };
    let groups = batch.add_optional::<GroupRow>(groups);
    let found = asked.read(call, batch).await?;
    let groups = found.all_if(groups)?;
    let named = |pairs: &[(&str, i64)]| -> Vec<(Option<String>, i64)> {
        pairs
            .iter()
            .map(|(name, n)| (Some((*name).to_owned()), *n))
            .collect()
    };
    let (counts, is_capped) = if asked.is_ranged {
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
        let present = CurrentCounts::of(found.first_if(present)?);
        let counts = match by {
            GroupBy::Status => named(&present.by_status()),
            GroupBy::Priority => named(&present.by_priority()),
            _ => with_remainder(groups, present.counts.total),
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
