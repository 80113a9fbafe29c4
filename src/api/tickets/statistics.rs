//! Statistics of tickets, read from stored sums.

use serde_json::json;

use crate::app::call::{Call, viewer};
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::sql::rows::CountRow;
use crate::store::tickets::counts::{self, TicketCounts};

/// `GET /tickets/stats/summary`: the current numbers of tickets in the caller's scope. `unassigned` and `overdue`
/// only count tickets that are neither resolved nor closed.
pub async fn summary(call: &Call<'_>) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let mut batch = Batch::new();
    let counts = batch.add::<TicketCounts>(counts::summary(&reader));
    let unmarked = batch.add::<CountRow>(counts::overdue_unmarked(&reader));
    let found = call.read(batch).await?;
    let counts = found.first(counts)?.unwrap_or_default();
    let unmarked = found.first(unmarked)?.map_or(0, |count| count.n);
    let mut body = json!({
        "total": counts.total,
        "by_status": {
            "open": counts.open, "assigned": counts.assigned, "in_progress": counts.in_progress,
            "waiting": counts.waiting, "blocked": counts.blocked, "resolved": counts.resolved,
            "closed": counts.closed, "reopened": counts.reopened,
        },
        "by_priority": {"low": counts.low, "medium": counts.medium, "high": counts.high, "urgent": counts.urgent},
        "unassigned": counts.unassigned,
        "overdue": counts.overdue.saturating_add(unmarked),
    });
    if (unmarked >= counts::MAX_UNMARKED || counts.walked >= counts::MAX_UNMARKED)
        && let Some(map) = body.as_object_mut()
    {
        map.insert("capped".to_owned(), json!(true));
    }
    Ok(Reply::ok(body.to_string()))
}
