//! How satisfied requesters are with the outcome of their tickets.

use serde_json::{Value, json};

use crate::api::reports::shared::{AgentAccess, read_request, table_reply};
use crate::app::call::Call;
use crate::desk::reports::figures::{Table, percent};
use crate::desk::reports::period::Granularity;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::current::WorkloadRow;
use crate::store::reports::satisfaction::SatisfactionRow;
use crate::store::reports::shared::GroupBy;

/// The numbers of a group, in the order of the columns.
fn cells(row: &SatisfactionRow) -> Vec<Value> {
    vec![
        json!(row.resolved),
        json!(row.rated),
        json!(percent(row.rated, row.resolved)),
        json!(row.satisfied),
        json!(percent(row.satisfied, row.rated)),
        json!(average(row)),
    ]
}

/// The names of [`cells`].
const COLUMNS: [&str; 6] = [
    "resolved",
    "rated",
    "response_percent",
    "satisfied",
    "csat_percent",
    "average",
];

/// The average score with two decimals.
#[allow(clippy::cast_precision_loss)]
fn average(row: &SatisfactionRow) -> Option<f64> {
    (row.rated > 0).then(|| ((row.sum.saturating_mul(100) as f64) / (row.rated as f64)).round() / 100.0)
}

/// The numbers as an object, behind what they are of.
fn figures(of: Option<(&str, Value)>, row: &SatisfactionRow) -> Value {
    let first = of.into_iter().map(|(name, value)| (name.to_owned(), value));
    let pairs = COLUMNS.iter().map(|column| (*column).to_owned()).zip(cells(row));
    Value::Object(first.chain(pairs).collect())
}

/// `GET /reports/satisfaction`: of the tickets that were resolved in the range, by agent; by category and week beside it.
pub async fn satisfaction(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let (lens, weeks) = (asked.scope(), asked.parts_by(Granularity::Week));
    let mut batch = Batch::new();
    let [all, agents, categories] = [GroupBy::Nothing, GroupBy::Agent, GroupBy::Category]
        .map(|by| batch.add::<SatisfactionRow>(lens.satisfaction(by, &asked.range)));
    let trend = batch.add::<SatisfactionRow>(lens.satisfaction_trend(&weeks));
    let staff = batch.add::<WorkloadRow>(lens.workloads());
    let found = asked.read(call, batch).await?;
    let (agents, staff) = (found.all(agents)?, found.all(staff)?);
    let mut columns = vec!["agent_id", "full_name"];
    columns.extend(COLUMNS);
    let rows = agents.iter().map(|row| {
        let agent = staff.iter().find(|one| row.k == Some(one.id.to_string()));
        let mut line = vec![
            json!(row.k.as_deref().and_then(|id| id.parse::<i64>().ok())),
            json!(agent.map(|agent| &agent.full_name)),
        ];
        line.extend(cells(row));
        line
    });
    let table = Table {
        columns,
        rows: rows.collect(),
    };
    let categories = found.all(categories)?;
    let by_category: Vec<Value> = categories
        .iter()
        .map(|row| figures(Some(("category", json!(row.k))), row))
        .collect();
    let by_week: Vec<Value> = weeks
        .iter()
        .zip(found.all(trend)?)
        .map(|(week, row)| figures(Some(("week", json!(week.date()))), &row))
        .collect();
    let facts = json!({
        "range": asked.range_json(),
        "totals": figures(None, &found.first(all)?.unwrap_or_default()),
        "by_category": by_category,
        "by_week": by_week,
    });
    Ok(table_reply(&asked, "satisfaction", &table, facts))
}
