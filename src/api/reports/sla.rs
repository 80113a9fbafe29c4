//! Promises and time: how many tickets come and go, how long they take, how old they are, and whether the desk
//! keeps its word.

use serde_json::{Value, json};

use crate::api::reports::shared::{
    Agents, answer, asked, cap, column, durations, is_capped, object, promises, promises_json, rows,
    spread_json, trend, with_rest,
};
use crate::app::call::Call;
use crate::desk::reports::figures::{AGES, Kept, Table};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::past::SlaRow;
use crate::store::reports::present::{AgeRow, Load};
use crate::store::reports::shared::{By, Group};

/// `GET /admin/reports/tickets`: what came and went, part by part.
pub async fn volume(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Scope)?;
    let (lens, parts) = (asked.lens(), asked.parts());
    let mut stmts = vec![lens.trend(&parts)];
    stmts.extend([By::Status, By::Priority, By::Category].map(|by| lens.created(by, &asked.range)));
    stmts.extend(durations(&asked, By::Nothing));
    let found = call.read(stmts).await?;
    let trend = trend(&parts, &found, 0)?;
    let created = |at: usize, words: &[&str]| -> Result<Value, Error> {
        let groups: Vec<Group> = rows(&found, at)?;
        let total = groups.iter().map(|group| group.n).sum();
        let zeros = words.iter().map(|word| Group {
            k: Some((*word).to_owned()),
            n: 0,
        });
        let counts = with_rest(zeros.chain(groups).collect(), total);
        let pairs = counts
            .iter()
            .map(|(name, count)| (name.as_deref().unwrap_or("none"), *count));
        Ok(object(pairs))
    };
    let facts = json!({
        "range": asked.range_json(),
        "interval": asked.step.word(),
        "totals": {"created": column(&trend, 1), "resolved": column(&trend, 2)},
        "by_status": created(1, &Status::WORDS)?,
        "by_priority": created(2, &Priority::ALL.map(Priority::word))?,
        "by_category": created(3, &[])?,
        "first_response_ms": spread_json(&rows(&found, 4)?),
        "resolution_ms": spread_json(&rows(&found, 5)?),
    });
    Ok(answer(&asked, "tickets", &trend, facts))
}

/// `GET /admin/reports/sla`, `GET /tickets/analytics/sla-adherence`: of tickets created in the range.
pub async fn sla(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Own)?;
    let lens = asked.lens();
    let found = call
        .read(vec![
            lens.sla(By::Priority, &asked.range),
            lens.sla(By::Agent, &asked.range),
            lens.loads(),
        ])
        .await?;
    let by_priority: Vec<SlaRow> = rows(&found, 0)?;
    let line = |name: &str, row: &SlaRow| {
        let (response, resolution) = promises(row);
        let kept = |kept: Kept| {
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
                    .find(|row| row.k.as_deref() == Some(priority.word()));
                line(priority.word(), row.unwrap_or(&SlaRow::default()))
            })
            .collect(),
    };
    let by_agent: Vec<SlaRow> = rows(&found, 1)?;
    let staff: Vec<Load> = rows(&found, 2)?;
    let agents: Vec<Value> = staff
        .iter()
        .filter_map(|one| {
            let row = by_agent.iter().find(|row| row.k == Some(one.id.to_string()))?;
            let mut told = promises_json(std::slice::from_ref(row));
            if let Some(map) = told.as_object_mut() {
                map.insert("agent_id".to_owned(), json!(one.id));
                map.insert("full_name".to_owned(), json!(one.full_name));
            }
            Some(told)
        })
        .collect();
    let facts = json!({
        "range": asked.range_json(),
        "totals": promises_json(&by_priority),
        "by_agent": agents,
    });
    Ok(answer(&asked, "sla", &table, facts))
}

/// `GET /tickets/analytics/aging`: unresolved tickets by their age now.
pub async fn aging(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Own)?;
    let found = call.read(vec![asked.lens().unresolved()]).await?;
    let ages: Vec<AgeRow> = rows(&found, 0)?;
    let sum = |keep: &dyn Fn(&AgeRow) -> bool, of: fn(&AgeRow) -> i64| -> i64 {
        ages.iter()
            .filter(|row| row.age.is_some() && keep(row))
            .map(of)
            .sum()
    };
    let mut columns = vec!["age", "tickets"];
    columns.extend(Priority::ALL.map(Priority::word));
    columns.extend(["at_risk", "breached"]);
    let table = Table {
        columns,
        rows: (0i64..)
            .zip(AGES)
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
        "total": column(&table, 1),
        "at_risk": sum(&|_| true, |row| row.at_risk),
        "breached": sum(&|_| true, |row| row.breached),
    });
    cap(&mut facts, is_capped(&ages));
    Ok(answer(&asked, "aging", &table, facts))
}
