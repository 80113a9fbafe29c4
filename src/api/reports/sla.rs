//! Promises and time: how many tickets come and go, how long they take, how old they are, and whether the desk
//! keeps its word.

use serde_json::{Value, json};

use crate::api::reports::shared::{
    AgentAccess, compliance, compliance_json, counts_json, duration_stmts, is_capped, mark_capped,
    percentiles_json, read_request, read_rows, sum_column, table_reply, trend_table, with_remainder,
};
use crate::app::call::Call;
use crate::desk::reports::figures::{AGE_BUCKETS, Compliance, Table};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::current::{AgeRow, WorkloadRow};
use crate::store::reports::period::ComplianceRow;
use crate::store::reports::shared::{GroupBy, GroupRow};

/// `GET /admin/reports/tickets`: what came and went, part by part.
pub async fn volume(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let (lens, parts) = (asked.scope(), asked.parts());
    let mut stmts = vec![lens.trend(&parts)];
    stmts.extend(
        [GroupBy::Status, GroupBy::Priority, GroupBy::Category].map(|by| lens.created(by, &asked.range)),
    );
    stmts.extend(duration_stmts(&asked, GroupBy::Nothing));
    let found = call.read(stmts).await?;
    let trend = trend_table(&parts, &found, 0)?;
    let created = |at: usize, words: &[&str]| -> Result<Value, Error> {
        let groups: Vec<GroupRow> = read_rows(&found, at)?;
        let total = groups.iter().map(|group| group.n).sum();
        let zeros = words.iter().map(|word| GroupRow {
            k: Some((*word).to_owned()),
            n: 0,
        });
        let counts = with_remainder(zeros.chain(groups).collect(), total);
        let pairs = counts
            .iter()
            .map(|(name, count)| (name.as_deref().unwrap_or("none"), *count));
        Ok(counts_json(pairs))
    };
    let facts = json!({
        "range": asked.range_json(),
        "interval": asked.step.as_str(),
        "totals": {"created": sum_column(&trend, 1), "resolved": sum_column(&trend, 2)},
        "by_status": created(1, &Status::WORDS)?,
        "by_priority": created(2, &Priority::ALL.map(Priority::as_str))?,
        "by_category": created(3, &[])?,
        "first_response_ms": percentiles_json(&read_rows(&found, 4)?),
        "resolution_ms": percentiles_json(&read_rows(&found, 5)?),
    });
    Ok(table_reply(&asked, "tickets", &trend, facts))
}

/// `GET /admin/reports/sla`, `GET /tickets/analytics/sla-adherence`: of tickets created in the range.
pub async fn sla(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Own)?;
    let lens = asked.scope();
    let found = call
        .read(vec![
            lens.sla(GroupBy::Priority, &asked.range),
            lens.sla(GroupBy::Agent, &asked.range),
            lens.workloads(),
        ])
        .await?;
    let by_priority: Vec<ComplianceRow> = read_rows(&found, 0)?;
    let line = |name: &str, row: &ComplianceRow| {
        let (response, resolution) = compliance(row);
        let kept = |kept: Compliance| {
            [
                json!(kept.met),
                json!(kept.missed),
                json!(kept.pending),
                json!(kept.met_percent()),
            ]
        };
        let mut line = vec![json!(name), json!(row.n)];
        line.extend(kept(response));
        line.extend(kept(resolution));
        line
    };
    let columns = |first| {
        vec![
            first,
            "tickets",
            "response_met",
            "response_missed",
            "response_pending",
            "response_met_percent",
            "resolution_met",
            "resolution_missed",
            "resolution_pending",
            "resolution_met_percent",
        ]
    };
    let table = Table {
        columns: columns("priority"),
        rows: Priority::ALL
            .iter()
            .map(|priority| {
                let row = by_priority
                    .iter()
                    .find(|row| row.k.as_deref() == Some(priority.as_str()));
                line(priority.as_str(), row.unwrap_or(&ComplianceRow::default()))
            })
            .collect(),
    };
    let by_agent: Vec<ComplianceRow> = read_rows(&found, 1)?;
    let staff: Vec<WorkloadRow> = read_rows(&found, 2)?;
    let agents: Vec<Value> = staff
        .iter()
        .filter_map(|one| {
            let row = by_agent.iter().find(|row| row.k == Some(one.id.to_string()))?;
            let mut told = compliance_json(std::slice::from_ref(row));
            if let Some(map) = told.as_object_mut() {
                map.insert("agent_id".to_owned(), json!(one.id));
                map.insert("full_name".to_owned(), json!(one.full_name));
            }
            Some(told)
        })
        .collect();
    let facts = json!({
        "range": asked.range_json(),
        "totals": compliance_json(&by_priority),
        "by_agent": agents,
    });
    Ok(table_reply(&asked, "sla", &table, facts))
}

/// `GET /tickets/analytics/aging`: unresolved tickets by their age now.
pub async fn aging(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Own)?;
    let found = call.read(vec![asked.scope().unresolved()]).await?;
    let ages: Vec<AgeRow> = read_rows(&found, 0)?;
    let sum = |keep: &dyn Fn(&AgeRow) -> bool, of: fn(&AgeRow) -> i64| -> i64 {
        ages.iter()
            .filter(|row| row.age.is_some() && keep(row))
            .map(of)
            .sum()
    };
    let mut columns = vec!["age", "tickets"];
    columns.extend(Priority::ALL.map(Priority::as_str));
    columns.extend(["at_risk", "breached"]);
    let table = Table {
        columns,
        rows: (0i64..)
            .zip(AGE_BUCKETS)
            .map(|(age, (word, _))| {
                let here = |row: &AgeRow| row.age == Some(age);
                let mut line = vec![json!(word), json!(sum(&here, |row| row.n))];
                line.extend(Priority::ALL.map(|priority| {
                    json!(sum(
                        &|row| here(row) && row.priority == Some(priority.rank()),
                        |row| row.n
                    ))
                }));
                line.push(json!(sum(&here, |row| row.at_risk)));
                line.push(json!(sum(&here, |row| row.breached)));
                line
            })
            .collect(),
    };
    let mut facts = json!({
        "total": sum_column(&table, 1),
        "at_risk": sum(&|_| true, |row| row.at_risk),
        "breached": sum(&|_| true, |row| row.breached),
    });
    mark_capped(&mut facts, is_capped(&ages));
    Ok(table_reply(&asked, "aging", &table, facts))
}
