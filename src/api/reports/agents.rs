//! People: what each of the staff carries and achieves, and who did how much.

use serde_json::{Value, json};

use crate::api::reports::shared::{Agents, answer, asked, durations, promises, rows};
use crate::app::call::Call;
use crate::desk::reports::figures::Table;
use crate::desk::reports::period::moment_text;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::reports::past::{Activity, SlaRow, SpreadRow};
use crate::store::reports::present::Load;
use crate::store::reports::shared::By;

/// `GET /admin/reports/agents`, `GET /agents/performance`: a row for each active agent and for whoever else of
/// the staff has figures; the own one for an agent. `assigned` counts tickets created in the range, `resolved`
/// those resolved in it, `open` those unresolved now; each counts for who has the ticket now.
pub async fn agents(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Own)?;
    let lens = asked.lens();
    let [responses, resolutions] = durations(&asked, By::Agent);
    let found = call
        .read(vec![
            lens.loads(),
            lens.sla(By::Agent, &asked.range),
            responses,
            resolutions,
        ])
        .await?;
    let staff: Vec<Load> = rows(&found, 0)?;
    let promised: Vec<SlaRow> = rows(&found, 1)?;
    let (responses, resolutions): (Vec<SpreadRow>, Vec<SpreadRow>) = (rows(&found, 2)?, rows(&found, 3)?);
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
        if is_idle && !one.is_expected() {
            return None;
        }
        let (responded, resolved) = promises(&kept);
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
    Ok(answer(
        &asked,
        "agents",
        &table,
        json!({"range": asked.range_json()}),
    ))
}

/// `GET /reports/user-activity`: who did most in the range.
pub async fn activity(call: &Call<'_>) -> Result<Reply, Error> {
    let asked = asked(call, Agents::Scope)?;
    let found = call
        .read(vec![asked.lens().activity(&asked.range, asked.most)])
        .await?;
    let people: Vec<Activity> = rows(&found, 0)?;
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
                    json!(moment_text(one.last_action_at)),
                    one.last_login_at.map_or(Value::Null, |at| json!(moment_text(at))),
                ]
            })
            .collect(),
    };
    Ok(answer(
        &asked,
        "user-activity",
        &table,
        json!({"range": asked.range_json()}),
    ))
}
