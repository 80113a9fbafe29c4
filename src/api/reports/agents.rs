//! Reports about people: the workload and results of each member of staff, and how active users were.

use serde_json::{Value, json};

use crate::api::reports::shared::{AgentAccess, add_durations, compliance, read_request, table_reply};
use crate::app::call::Call;
use crate::desk::reports::figures::Table;
use crate::desk::time_zone::to_rfc3339;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::current::WorkloadRow;
use crate::store::reports::period::{ActivityRow, ComplianceRow};
use crate::store::reports::shared::GroupBy;

/// `GET /admin/reports/agents`, `GET /agents/performance`: a row for each active agent, and for all other staff with
/// any figures. Agents only get their own figures. `assigned` counts the tickets created in the range, `resolved`
/// those resolved in it, `open` those unresolved now. Each ticket counts for its current assignee.
pub async fn agents(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Own)?;
    let lens = asked.scope();
    let mut batch = Batch::new();
    let staff = batch.add::<WorkloadRow>(lens.workloads());
    let promised = batch.add::<ComplianceRow>(lens.sla(GroupBy::Agent, &asked.range));
    let [responses, resolutions] = add_durations(&mut batch, &asked, GroupBy::Agent);
    let found = asked.read(call, batch).await?;
    let (staff, promised) = (found.all(staff)?, found.all(promised)?);
    let (responses, resolutions) = (found.all(responses)?, found.all(resolutions)?);
    let lines = staff.iter().filter_map(|one| {
        let id = Some(one.id.to_string());
        let kept = promised
            .iter()
            .find(|row| row.k == id)
            .cloned()
            .unwrap_or_default();
        let response = responses
            .iter()
            .find(|row| row.k == id)
            .cloned()
            .unwrap_or_default();
        let resolution = resolutions
            .iter()
            .find(|row| row.k == id)
            .cloned()
            .unwrap_or_default();
        let is_idle = kept.n == 0 && resolution.count == 0 && one.open_load == 0;
        if is_idle && !one.is_always_listed() {
            return None;
        }
        let (responded, resolved) = compliance(&kept);
        Some(vec![
            json!(one.id),
            json!(one.uid),
            json!(one.full_name),
            json!(one.role),
            json!(one.is_active == 1),
            json!(kept.n),
            json!(resolution.count),
            json!(one.open_load),
            json!(response.mean),
            json!(response.p50),
            json!(resolution.mean),
            json!(resolution.p50),
            json!(responded.met_percent()),
            json!(resolved.met_percent()),
        ])
    });
    let table = Table {
        columns: vec![
            "agent_id",
            "agent_uid",
            "full_name",
            "role",
            "is_active",
            "assigned",
            "resolved",
            "open",
            "first_response_mean_ms",
            "first_response_median_ms",
            "resolution_mean_ms",
            "resolution_median_ms",
            "response_met_percent",
            "resolution_met_percent",
        ],
        rows: lines.collect(),
    };
    Ok(table_reply(
        &asked,
        "agents",
        &table,
        json!({"range": asked.range_json()}),
    ))
}

/// `GET /reports/user-activity`: the people who did most in the range.
pub async fn activity(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = read_request(call, AgentAccess::Scope)?;
    let mut batch = Batch::new();
    let people = batch.add::<ActivityRow>(asked.scope().activity(&asked.range, asked.most));
    let people = asked.read(call, batch).await?.all(people)?;
    let table = Table {
        columns: vec![
            "user_id",
            "full_name",
            "email",
            "role",
            "actions",
            "tickets_created",
            "messages",
            "status_changes",
            "assignments",
            "last_action_at",
            "last_login_at",
        ],
        rows: people
            .into_iter()
            .map(|one| {
                vec![
                    json!(one.id),
                    json!(one.full_name),
                    json!(one.email),
                    json!(one.role),
                    json!(one.actions),
                    json!(one.tickets_created),
                    json!(one.messages),
                    json!(one.status_changes),
                    json!(one.assignments),
                    json!(to_rfc3339(one.last_action_at)),
                    one.last_login_at.map_or(Value::Null, |at| json!(to_rfc3339(at))),
                ]
            })
            .collect(),
    };
    Ok(table_reply(
        &asked,
        "user-activity",
        &table,
        json!({"range": asked.range_json()}),
    ))
}
