//! Ticket statistics from stored sums: they read a few rows, however many tickets there are.

use serde::Deserialize;

use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::store::sql::scope::Scope;
use crate::store::tickets::assignment::UNRESOLVED;

/// The ticket counts of a scope.
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
    /// Also overdue, but not marked as overdue yet.
    #[serde(default)]
    pub unmarked: i64,
    /// How many tickets were read one by one, where no stored sums exist.
    #[serde(default)]
    pub walked: i64,
}

/// Overdue tickets that are not marked yet are counted up to this number; beyond it the count is capped.
pub const MAX_UNMARKED: i64 = 10_000;

/// SQL: the number of tickets of a cell `n` of `ticket_counts`.
pub const TOTAL: &str =
    "n.open + n.assigned + n.in_progress + n.waiting + n.blocked + n.resolved + n.closed + n.reopened";

/// SQL: the sums over the selected cells `n`, as columns of [`TicketCounts`].
pub fn sums() -> String {
    let columns = Status::WORDS
        .into_iter()
        .chain(Priority::WORDS)
        .chain(["overdue"]);
    let mut sums: Vec<String> = columns
        .map(|column| format!("coalesce(sum(n.{column}), 0) AS {column}"))
        .collect();
    sums.push(format!("coalesce(sum({TOTAL}), 0) AS total"));
    sums.push(format!(
        "coalesce(sum(iif(n.assignee_id = 0, {UNRESOLVED}, 0)), 0) AS unassigned"
    ));
    sums.join(", ")
}

/// The condition on the cells `n` that together cover what the reader `?3` may see. None for a customer: there are no
/// cells by customer.
pub fn cells_of(scope: Scope) -> Option<&'static str> {
    match scope {
        Scope::All => Some("1"),
        Scope::Own => None,
        Scope::Assigned => Some("n.assignee_id IN (0, ?3)"),
        Scope::Category => Some(
            "(n.assignee_id = ?3 OR n.category_id IN (SELECT category_id FROM agent_categories WHERE user_id = ?3) \
              OR (n.assignee_id = 0 AND NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)))",
        ),
    }
}
