//! The progress of scheduled rules through the tickets.

use serde::Deserialize;

use crate::desk::automation::rule::Rule;
use crate::desk::id::MAX_ID;
use crate::edge::db::{DbError, Rows, Stmt};
use crate::store::automation::rules::{COLUMNS, RuleRow};

/// The progress of a scheduled rule: when its last run began, and the last ticket that the run has processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RunPosition {
    pub started_at: i64,
    pub before_at: i64,
    pub before_id: i64,
}

impl RunPosition {
    /// Whether the run has processed all its tickets.
    pub fn is_over(self) -> bool {
        self.before_id == 0
    }
}

/// The position before the first ticket of a run: no ticket sorts after it.
const BEGINNING: i64 = MAX_ID;

/// The active scheduled rules in order of execution, with their progress.
pub fn list() -> Stmt {
    Stmt::new(format!(
        "SELECT '' AS j, {COLUMNS}, s.started_at, s.before_at, s.before_id \
         FROM workflows w INDEXED BY workflows_on_schedule LEFT JOIN schedules s ON s.workflow_id = w.id \
         WHERE w.is_active = 1 AND json_extract(w.trigger, '$.on') = 'schedule' ORDER BY w.position, w.id"
    ))
}

/// Reads [`list`].
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read_list(rows: &Rows) -> Result<Vec<(Rule, Option<RunPosition>)>, DbError> {
    #[derive(Deserialize)]
    struct RunPositionColumns {
        started_at: Option<i64>,
        before_at: Option<i64>,
        before_id: Option<i64>,
    }
    let rules: Vec<RuleRow> = rows.all()?;
    let standings: Vec<RunPositionColumns> = rows.all()?;
    let standing = |row: RunPositionColumns| {
        Some(RunPosition {
            started_at: row.started_at?,
            before_at: row.before_at?,
            before_id: row.before_id?,
        })
    };
    let rules = rules.iter().map(RuleRow::rule);
    Ok(rules.zip(standings.into_iter().map(standing)).collect())
}

/// Begins a run, unless another worker has already begun it.
pub fn begin_run(rule: i64, last: Option<RunPosition>, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO schedules (workflow_id, started_at, before_at, before_id) VALUES (?1, ?2, ?3, ?3) \
         ON CONFLICT (workflow_id) DO UPDATE SET started_at = ?2, before_at = ?3, before_id = ?3 \
         WHERE started_at = ?4 AND before_id = 0",
    )
    .bind(rule)
    .bind(now)
    .bind(BEGINNING)
    .bind(last.map(|last| last.started_at))
}

/// Selects the [`RunPosition`] of a rule.
pub fn position(rule: i64) -> Stmt {
    Stmt::new("SELECT started_at, before_at, before_id FROM schedules WHERE workflow_id = ?1").bind(rule)
}

/// Moves a run on to a ticket, given by its creation time and id; (0, 0) marks the end. Does nothing if the run has
/// already reached that ticket or has ended.
pub fn advance(rule: i64, started_at: i64, (at, id): (i64, i64)) -> Stmt {
    Stmt::new(
        "UPDATE schedules SET before_at = ?3, before_id = ?4 \
         WHERE workflow_id = ?1 AND started_at = ?2 AND (before_at, before_id) > (?3, ?4)",
    )
    .bind(rule)
    .bind(started_at)
    .bind(at)
    .bind(id)
}

/// Like [`advance`], for a ticket that the rule is about to change: aborts the batch if the run has already
/// reached that ticket.
pub fn claim(rule: i64, started_at: i64, ticket: (i64, i64)) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schedules \
             WHERE workflow_id = ?1 AND started_at = ?2 AND (before_at, before_id) > (?3, ?4))",
        )
        .bind(rule)
        .bind(started_at)
        .bind(ticket.0)
        .bind(ticket.1),
        advance(rule, started_at, ticket),
    ]
}
