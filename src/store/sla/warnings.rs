//! Warnings of promises that are at risk or broken: which are to be given, and giving them, each once.
//!
//! A warning is a number in the ticket's row that only rises, written in one batch with the event that tells of it.

use serde::Deserialize;

use crate::desk::sla::SlaTarget;
use crate::edge::db::Stmt;

/// What the statements on one target are made of.
struct WarningSql {
    alert: &'static str,
    due: &'static str,
    /// What may be warned of, as `alarm_at` has it.
    open: &'static str,
    /// The moment of the next warning, likewise.
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

/// Tickets with a warning to be given, the longest due first: their `id`.
pub fn list_due(target: SlaTarget, now: i64, most: i64) -> Stmt {
    let WarningSql { open, moment, .. } = warning_sql(target);
    Stmt::new(format!(
        "SELECT id FROM tickets INDEXED BY tickets_by_alarm WHERE alarm_at <= ?1 AND {open} AND {moment} <= ?1 ORDER BY alarm_at LIMIT ?2"
    ))
    .bind(now)
    .bind(most)
}

/// The event of a warning of the ticket `t`, of which the condition is true; the moment is `?1`.
fn event(target: SlaTarget, condition: &str) -> String {
    format!(
        "INSERT INTO events (ticket_id, seq, type, data, cause, created_at) \
         SELECT t.id, t.seq + 1, iif(t.{} < ?1, 'sla_breached', 'sla_at_risk'), '{{\"target\":\"{}\"}}', 'sla', ?1 \
         FROM tickets t WHERE {condition}",
        warning_sql(target).due,
        target.as_str()
    )
}

/// What the warning writes to the ticket; the moment is `?1`.
fn mark(target: SlaTarget) -> String {
    let WarningSql { alert, due, .. } = warning_sql(target);
    format!("UPDATE tickets SET seq = seq + 1, alerted_at = ?1, {alert} = iif({due} < ?1, 2, 1)")
}

/// Gives the warnings of [`list_due`], each with its event; the second statement gives the `id` of each.
pub fn issue(target: SlaTarget, now: i64, most: i64) -> [Stmt; 2] {
    let WarningSql { open, moment, .. } = warning_sql(target);
    let due = format!(
        "id IN (SELECT id FROM tickets INDEXED BY tickets_by_alarm WHERE alarm_at <= ?1 AND {open} AND {moment} <= ?1 ORDER BY alarm_at LIMIT ?2)"
    );
    [
        Stmt::new(event(target, &format!("t.{due}"))).bind(now).bind(most),
        Stmt::new(format!("{} WHERE {due} RETURNING id", mark(target)))
            .bind(now)
            .bind(most),
    ]
}

/// Whether the promise is broken, or only at risk.
#[derive(Debug, Deserialize)]
pub struct DueWarning {
    is_broken: i64,
}

impl DueWarning {
    /// See [`DueWarning`].
    pub fn is_breached(&self) -> bool {
        self.is_broken == 1
    }
}

/// The [`DueWarning`] that is to be given of one ticket, if there is one.
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

/// Gives the warning of one ticket with its event; aborts the batch unless it has this version and the warning is still
/// to be given.
pub fn issue_one(target: SlaTarget, (id, version): (i64, i64), now: i64) -> [Stmt; 3] {
    let WarningSql { open, moment, .. } = warning_sql(target);
    [
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
             (SELECT 1 FROM tickets WHERE id = ?1 AND version = ?2 AND {open} AND {moment} <= ?3)"
        ))
        .bind(id)
        .bind(version)
        .bind(now),
        Stmt::new(event(target, "t.id = ?2")).bind(now).bind(id),
        Stmt::new(format!("{} WHERE id = ?2", mark(target)))
            .bind(now)
            .bind(id),
    ]
}
