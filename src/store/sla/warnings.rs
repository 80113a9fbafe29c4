//! Warnings that an SLA target is at risk or missed: which ones are due, and issuing each of them once.
//!
//! The warning level is a number in the ticket's row that only rises. It is written in one batch with the event that
//! records the warning.

use serde::Deserialize;

use crate::desk::sla::SlaTarget;
use crate::edge::db::Stmt;
use crate::store::notifications::notify;

/// The parts of the statements that differ between the two targets.
struct WarningSql {
    alert: &'static str,
    due: &'static str,
    /// The SQL condition for a warning still being possible, the same as in the column `alarm_at`.
    open: &'static str,
    /// The time of the next warning, likewise.
    moment: &'static str,
}

const RESPONSE: WarningSql = WarningSql {
    alert: "response_alert",
    due: "first_response_due_at",
    open: "deleted_at IS NULL AND resolved_at IS NULL AND first_responded_at IS NULL AND response_alert < 2",
    moment: "CASE WHEN response_alert = 0 AND first_response_risk_at <= first_response_due_at \
      THEN first_response_risk_at ELSE first_response_due_at + 1 END",
};

const RESOLUTION: WarningSql = WarningSql {
    alert: "resolution_alert",
    due: "resolution_due_at",
    open: "deleted_at IS NULL AND resolved_at IS NULL AND (paused_at IS NULL OR paused_at > resolution_due_at) \
      AND resolution_alert < 2",
    moment: "CASE WHEN resolution_alert = 0 AND resolution_risk_at <= resolution_due_at \
      THEN resolution_risk_at ELSE resolution_due_at + 1 END",
};

fn warning_sql(target: SlaTarget) -> &'static WarningSql {
    match target {
        SlaTarget::Response => &RESPONSE,
        SlaTarget::Resolution => &RESOLUTION,
    }
}

/// Tickets for which a warning is due, the longest overdue first: their `id`.
pub fn list_due(target: SlaTarget, now: i64, most: i64) -> Stmt {
    let WarningSql { open, moment, .. } = warning_sql(target);
    Stmt::new(format!(
        "SELECT id FROM tickets INDEXED BY tickets_by_alarm WHERE alarm_at <= ?1 AND {open} AND {moment} <= ?1 ORDER BY alarm_at LIMIT ?2"
    ))
    .bind(now)
    .bind(most)
}

/// Inserts the warning event of the tickets `t` that satisfy the condition, at the time `?1`.
fn event(target: SlaTarget, condition: &str) -> String {
    format!(
        "INSERT INTO events (ticket_id, seq, type, data, cause, created_at) \
         SELECT t.id, t.seq + 1, iif(t.{} < ?1, 'sla_breached', 'sla_at_risk'), '{{\"target\":\"{}\"}}', 'sla', ?1 \
         FROM tickets t WHERE {condition}",
        warning_sql(target).due,
        target.as_str()
    )
}

/// Issues the warnings of [`list_due`]: each ticket gets an event, those responsible are notified, and the warning is
/// marked as issued. The last statement returns the `id` of each ticket.
pub fn issue(target: SlaTarget, now: i64, most: i64) -> Vec<Stmt> {
    let WarningSql { open, moment, .. } = warning_sql(target);
    let condition = format!(
        "t.id IN (SELECT id FROM tickets INDEXED BY tickets_by_alarm WHERE alarm_at <= ?1 AND {open} AND {moment} <= ?1 ORDER BY alarm_at LIMIT ?2)"
    );
    issue_where(target, &condition, most, now)
}

/// Issues the warnings of the tickets `t` that satisfy a condition, in which `?1` is the current time.
fn issue_where(target: SlaTarget, condition: &str, second: i64, now: i64) -> Vec<Stmt> {
    let WarningSql { alert, due, .. } = warning_sql(target);
    let mut stmts = vec![Stmt::new(event(target, condition)).bind(now).bind(second)];
    // Until the warning is marked as issued, the condition still selects the tickets that have just got an event.
    stmts.extend(notify::notify_of_warning(
        condition,
        vec![now.into(), second.into()],
    ));
    stmts.push(
        Stmt::new(format!(
            "UPDATE tickets AS t SET seq = seq + 1, alerted_at = ?1, {alert} = iif({due} < ?1, 2, 1) WHERE {condition} RETURNING id"
        ))
        .bind(now)
        .bind(second),
    );
    stmts
}

/// A due warning: whether the target is missed, or only at risk.
#[derive(Debug, Deserialize)]
pub struct DueWarning {
    is_broken: i64,
}

impl DueWarning {
    /// Whether the target is missed; otherwise it is at risk.
    pub fn is_breached(&self) -> bool {
        self.is_broken == 1
    }
}

/// Selects the [`DueWarning`] of one ticket, if one is due.
pub fn find_due(target: SlaTarget, id: i64, now: i64) -> Stmt {
    let WarningSql {
        due, open, moment, ..
    } = warning_sql(target);
    Stmt::new(format!(
        "SELECT {due} < ?2 AS is_broken FROM tickets WHERE id = ?1 AND {open} AND {moment} <= ?2"
    ))
    .bind(id)
    .bind(now)
}

/// Issues the warning of one ticket; aborts the batch unless the ticket has this version and the warning is still
/// due.
pub fn issue_one(target: SlaTarget, (id, version): (i64, i64), now: i64) -> Vec<Stmt> {
    let WarningSql { open, moment, .. } = warning_sql(target);
    let mut stmts = vec![
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
             (SELECT 1 FROM tickets WHERE id = ?1 AND version = ?2 AND {open} AND {moment} <= ?3)"
        ))
        .bind(id)
        .bind(version)
        .bind(now),
    ];
    stmts.extend(issue_where(target, "t.id = ?2", id, now));
    stmts
}
