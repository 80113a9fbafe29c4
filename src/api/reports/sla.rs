//! Reports on volume and service levels: how many tickets are created and resolved, how long they take, how old the
//! unresolved ones are, and whether SLA targets are met.

use serde_json::{Value, json};

use crate::api::reports::shared::{
    AgentAccess, add_durations, compliance, compliance_json, counts_json, is_capped, mark_capped,
    percentiles_json, read_request, sum_column, table_reply, trend_table, with_remainder,
};
use crate::app::call::Call;
use crate::desk::reports::figures::{AGE_BUCKETS, Compliance, Table};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::edge::db::{Batch, Slot};
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::current::{AgeRow, WorkloadRow};
use crate::store::reports::period::ComplianceRow;
use crate::store::reports::shared::{GroupBy, GroupRow};

/// `GET /admin/reports/tickets`: the tickets created and resolved in each part of the range.
pub async fn volume(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let (lens, parts) = (asked.scope(), asked.parts());
    let mut batch = Batch::new();
    let trend = batch.add(lens.trend(&parts));
    let [statuses, priorities, categories] = [GroupBy::Status, GroupBy::Priority, GroupBy::Category]
        .map(|by| batch.add::<GroupRow>(lens.created(by, &asked.range)));
    let [responses, resolutions] = add_durations(&mut batch, &asked, GroupBy::Nothing);
    let found = asked.read(call, batch).await?;
    let trend = trend_table(&parts, found.all(trend)?);
    let created = |groups: Slot<GroupRow>, words: &[&str]| -> Result<Value, Error> {
        let groups = found.all(groups)?;
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
        "by_status": created(statuses, &Status::WORDS)?,
        "by_priority": created(priorities, &Priority::ALL.map(Priority::as_str))?,
        "by_category": created(categories, &[])?,
        "first_response_ms": percentiles_json(&found.all(responses)?),
        "resolution_ms": percentiles_json(&found.all(resolutions)?),
    });
    Ok(table_reply(&asked, "tickets", &trend, facts))
}

/// `GET /admin/reports/sla`, `GET /tickets/analytics/sla-adherence`: about the tickets created in the range.
pub async fn sla(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Own)?;
    let lens = asked.scope();
    let mut batch = Batch::new();
    let by_priority = batch.add::<ComplianceRow>(lens.sla(GroupBy::Priority, &asked.range));
    let by_agent = batch.add::<ComplianceRow>(lens.sla(GroupBy::Agent, &asked.range));
    let staff = batch.add::<WorkloadRow>(lens.workloads());
    let found = asked.read(call, batch).await?;
    let by_priority = found.all(by_priority)?;
    let line = |name: &str, row: &ComplianceRow| {
        let (response, resolution) = compliance(row);
        let columns = |compliance: Compliance| {
            [
                json!(compliance.met),
                json!(compliance.missed),
                json!(compliance.pending),
                json!(compliance.met_percent()),
            ]
        };
        let mut line = vec![json!(name), json!(row.n)];
        line.extend(columns(response));
        line.extend(columns(resolution));
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
    let (by_agent, staff) = (found.all(by_agent)?, found.all(staff)?);
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

/// `GET /tickets/analytics/aging`: unresolved tickets by their current age.
pub async fn aging(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Own)?;
    let mut batch = Batch::new();
    let ages = batch.add::<AgeRow>(asked.scope().unresolved());
    let ages = asked.read(call, batch).await?.all(ages)?;
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
