//! Sums that are kept: statistics of any number of tickets for a few rows.

use serde::Deserialize;

use crate::edge::db::Stmt;
use crate::store::sql::scope::Scope;
use crate::store::tickets::ticket::Viewer;

/// The sums of a scope.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TicketCounts {
    pub total: i64,
    pub open: i64,
    pub assigned: i64,
    pub in_progress: i64,
    pub waiting: i64,
    pub blocked: i64,
    pub resolved: i64,
    pub closed: i64,
    pub reopened: i64,
    pub low: i64,
    pub medium: i64,
    pub high: i64,
    pub urgent: i64,
    pub unassigned: i64,
    pub overdue: i64,
    /// Overdue too, and not marked yet.
    #[serde(default)]
    pub unmarked: i64,
    /// How many tickets were walked, where no sums are kept.
    #[serde(default)]
    pub walked: i64,
}

/// Overdue tickets that the sweep has not marked yet are counted up to so many; then the number is capped.
pub const MAX_UNMARKED: i64 = 10_000;

pub const SUMS: &str = "coalesce(sum(c.sign * total), 0) AS total, coalesce(sum(c.sign * open), 0) AS open, \
  coalesce(sum(c.sign * assigned), 0) AS assigned, coalesce(sum(c.sign * in_progress), 0) AS in_progress, \
  coalesce(sum(c.sign * waiting), 0) AS waiting, coalesce(sum(c.sign * blocked), 0) AS blocked, \
  coalesce(sum(c.sign * resolved), 0) AS resolved, coalesce(sum(c.sign * closed), 0) AS closed, \
  coalesce(sum(c.sign * reopened), 0) AS reopened, coalesce(sum(c.sign * low), 0) AS low, \
  coalesce(sum(c.sign * medium), 0) AS medium, coalesce(sum(c.sign * high), 0) AS high, \
  coalesce(sum(c.sign * urgent), 0) AS urgent, coalesce(sum(c.sign * unassigned), 0) AS unassigned, \
  coalesce(sum(c.sign * overdue), 0) AS overdue";

/// The sums of what the reader may see.
pub fn summary(reader: &Viewer) -> Stmt {
    let scopes = counted_scopes(reader.scope);
    reader.stmt(format!(
        "SELECT {SUMS} FROM ({scopes}) c CROSS JOIN ticket_counts n ON n.scope = c.scope WHERE ?3 IS NOT NULL"
    ))
}

/// The rows (`scope`, and `sign` 1 or -1) that add up to what the reader `?3` may see. An agent's are those of
/// the categories and of what is assigned, less what is both.
pub fn counted_scopes(scope: Scope) -> &'static str {
    match scope {
        Scope::All => "SELECT 'desk' AS scope, 1 AS sign",
        Scope::Own => "SELECT 'requester:' || CAST(?3 AS INTEGER) AS scope, 1 AS sign",
        Scope::Assigned => {
            "SELECT 'assignee:' || CAST(?3 AS INTEGER) AS scope, 1 AS sign UNION ALL SELECT 'assignee:0', 1"
        }
        Scope::Category => {
            "SELECT 'assignee:' || CAST(?3 AS INTEGER) AS scope, 1 AS sign \
             UNION ALL SELECT 'category:' || category_id, 1 FROM agent_categories WHERE user_id = ?3 \
             UNION ALL SELECT 'assignee:' || CAST(?3 AS INTEGER) || ':category:' || category_id, -1 FROM agent_categories WHERE user_id = ?3 \
             UNION ALL SELECT 'assignee:0', 1 WHERE NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)"
        }
    }
}

/// Overdue tickets in the reader's scope that the sweep has not marked yet: `n`.
pub fn overdue_unmarked(reader: &Viewer) -> Stmt {
    let condition = reader.scope.worklist_condition();
    reader
        .stmt(format!(
            "SELECT count(*) AS n FROM (SELECT t.id, t.assignee_id, t.requester_id, t.category_id FROM tickets t INDEXED BY tickets_to_become_overdue \
             WHERE t.deleted_at IS NULL AND t.is_overdue = 0 AND t.resolved_at IS NULL AND t.paused_at IS NULL \
             AND t.resolution_due_at < ?1 LIMIT ?4) t WHERE {condition}"
        ))
        .bind(MAX_UNMARKED)
}
