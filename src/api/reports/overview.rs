//! The present: statistics, dashboards, and tickets by status, priority, category and department.

use serde_json::{Value, json};

use crate::api::reports::shared::{
    Agents, Asked, answer, asked, cap, column, durations, is_capped, object, promises_json, rows,
    spread_json, trend, with_rest,
};
use crate::app::call::Call;
use crate::desk::person::Role;
use crate::desk::reports::figures::{Table, per_cent};
use crate::desk::reports::period::Part;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::edge::db::Rows;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::past::SlaRow;
use crate::store::reports::present::{AgeRow, Load, WALK_MOST};
use crate::store::reports::shared::{By, Group};
use crate::store::tickets::counts::Counts;

/// The present of a part of the desk: sums, and whether they are capped.
struct Present {
    counts: Counts,
    overdue: i64,
    is_capped: bool,
}

fn present(found: &[Rows], at: usize) -> Result<Present, Error> {
    let counts = rows::<Counts>(found, at)?.into_iter().next().unwrap_or_default();
    Ok(Present {
        overdue: counts.overdue.saturating_add(counts.unmarked),
        is_capped: counts.walked > WALK_MOST || counts.unmarked >= WALK_MOST,
        counts,
    })
}

impl Present {
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
            (status.word(), count)
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
            (priority.word(), count)
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
    object(
        groups
            .iter()
            .map(|(name, count)| (name.as_deref().unwrap_or("none"), *count)),
    )
}

/// `GET /tickets/stats/enhanced`.
pub async fn enhanced(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Scope)?;
    let (lens, parts) = (asked.lens(), asked.parts());
    let stmts = vec![lens.present(), lens.present_by(By::Category), lens.trend(&parts)];
    let found = call.read(stmts).await?;
    Ok(Reply::ok(overview(&asked, &parts, &found)?.to_string()))
}

/// What both statistics and dashboards tell, from the present, its categories and the trend.
fn overview(asked: &Asked, parts: &[Part], found: &[Rows]) -> Result<Value, Error> {
    let present = present(found, 0)?;
    let categories = with_rest(rows(found, 1)?, present.counts.total);
    let trend = trend(parts, found, 2)?;
    let mut body = json!({
        "total": present.counts.total,
        "by_status": object(present.by_status()),
        "by_priority": object(present.by_priority()),
        "unassigned": present.counts.unassigned,
        "overdue": present.overdue,
        "unresolved": present.unresolved(),
        "by_category": categories_json(&categories),
        "range": asked.range_json(),
        "interval": asked.step.word(),
        "trends": trend.json(),
    });
    cap(&mut body, present.is_capped);
    Ok(body)
}

/// `GET /reports/dashboard`, `GET /admin/dashboard`.
pub async fn dashboard(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Scope)?;
    let (lens, parts) = (asked.lens(), asked.parts());
    let mut stmts = vec![lens.present(), lens.present_by(By::Category), lens.trend(&parts)];
    stmts.extend(durations(&asked, By::Nothing));
    stmts.extend([lens.sla(By::Nothing, &asked.range), lens.unresolved()]);
    if asked.reader.role >= Role::Manager {
        stmts.push(lens.loads());
    }
    let found = call.read(stmts).await?;
    let mut body = overview(&asked, &parts, &found)?;
    let ages: Vec<AgeRow> = rows(&found, 6)?;
    let promises: Vec<SlaRow> = rows(&found, 5)?;
    let trend = trend(&parts, &found, 2)?;
    if let Some(map) = body.as_object_mut() {
        let at_risk: i64 = ages.iter().map(|row| row.at_risk).sum();
        map.insert("at_risk".to_owned(), json!(at_risk));
        map.insert("created".to_owned(), json!(column(&trend, 1)));
        map.insert("resolved".to_owned(), json!(column(&trend, 2)));
        map.insert("first_response_ms".to_owned(), spread_json(&rows(&found, 3)?));
        map.insert("resolution_ms".to_owned(), spread_json(&rows(&found, 4)?));
        map.insert("sla".to_owned(), promises_json(&promises));
        if asked.reader.role >= Role::Manager {
            let loads: Vec<Load> = rows(&found, 7)?;
            let busy = loads
                .iter()
                .filter(|load| load.is_expected() || load.open_load > 0);
            let workload: Vec<Value> = busy
                .map(|load| json!({"agent_id": load.id, "full_name": load.full_name, "role": load.role, "open": load.open_load}))
                .collect();
            map.insert("workload".to_owned(), json!(workload));
        }
    }
    cap(&mut body, is_capped(&ages));
    Ok(Reply::ok(body.to_string()))
}

/// `GET /reports/tickets-by-status`.
pub async fn by_status(call: &Call<'_>) -> Result<Reply, Error> {
    groups(call, By::Status, "status").await
}

/// `GET /reports/tickets-by-priority`.
pub async fn by_priority(call: &Call<'_>) -> Result<Reply, Error> {
    groups(call, By::Priority, "priority").await
}

/// `GET /reports/tickets-by-category`.
pub async fn by_category(call: &Call<'_>) -> Result<Reply, Error> {
    groups(call, By::Category, "category").await
}

/// `GET /reports/tickets-by-department`.
pub async fn by_department(call: &Call<'_>) -> Result<Reply, Error> {
    groups(call, By::Department, "department").await
}

/// Tickets by one of their facts: with a range those created in it, otherwise all there are now.
pub async fn groups(call: &Call<'_>, by: By, name: &'static str) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Scope)?;
    let lens = asked.lens();
    let stmts = match (asked.is_ranged, by) {
        (true, _) => vec![lens.created(by, &asked.range)],
        (false, By::Status | By::Priority) => vec![lens.present()],
        (false, _) => vec![lens.present(), lens.present_by(by)],
    };
    let found = call.read(stmts).await?;
    let named = |pairs: &[(&str, i64)]| -> Vec<(Option<String>, i64)> {
        pairs
            .iter()
            .map(|(name, n)| (Some((*name).to_owned()), *n))
            .collect()
    };
    let (counts, is_capped) = if asked.is_ranged {
        let groups: Vec<Group> = rows(&found, 0)?;
        let total = groups.iter().map(|group| group.n).sum();
        let words: &[&str] = match by {
            By::Status => &Status::WORDS,
            By::Priority => &["low", "medium", "high", "urgent"],
            _ => &[],
        };
        let zeros = words.iter().map(|word| Group {
            k: Some((*word).to_owned()),
            n: 0,
        });
        (with_rest(zeros.chain(groups).collect(), total), false)
    } else {
        let present = present(&found, 0)?;
        let counts = match by {
            By::Status => named(&present.by_status()),
            By::Priority => named(&present.by_priority()),
            _ => with_rest(rows(&found, 1)?, present.counts.total),
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
                    json!(per_cent(count, total).unwrap_or_default()),
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
    cap(&mut facts, is_capped);
    Ok(answer(&asked, &format!("tickets-by-{name}"), &table, facts))
}
