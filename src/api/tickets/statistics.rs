//! Statistics, from sums that are kept.

use serde_json::json;

use crate::app::call::{Call, viewer};
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::sql::rows::CountRow;
use crate::store::tickets::counts::{self, TicketCounts};

/// `GET /tickets/stats/summary`: the caller's scope as it is now. `unassigned` and `overdue` count what is not
/// resolved or closed.
pub async fn summary(call: &Call<'_>) -> Result<Reply, Error> {
    let reader = viewer(call)?;
    let found = call
        .read(vec![counts::summary(&reader), counts::overdue_unmarked(&reader)])
        .await?;
    let counts: TicketCounts = match found.first() {
        Some(rows) => rows.first()?.unwrap_or_default(),
        None => TicketCounts::default(),
    };
    let unmarked: i64 = match found.get(1) {
        Some(rows) => rows.first::<CountRow>()?.map_or(0, |number| number.n),
        None => 0,
    };
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
