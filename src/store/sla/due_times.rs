//! Which tickets depend on an SLA policy or calendar, and how are their due times stored when it changes?
//! Not allowed here: running the statements, and computing due times.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::id::Ref;
use crate::desk::sla::{Pause, SlaPolicies};
use crate::desk::tickets::priority::Priority;
use crate::edge::db::Stmt;
use crate::store::tickets::write::counts::{Side, move_many};
use crate::store::users::ref_column;

/// A ticket whose due times are to be recomputed.
#[derive(Debug, Deserialize)]
pub struct SlaTicket {
    id: i64,
    version: i64,
    priority: i64,
    created_at: i64,
    pauses: String,
}

/// The unresolved tickets, as a range of the index by status.
const UNRESOLVED: &str = "t.deleted_at IS NULL AND t.status IN ('open', 'assigned', 'in_progress', 'waiting', 'blocked', 'reopened')";

const SLA_TICKET: &str = "t.id, t.version, t.priority, t.created_at, t.pauses FROM";

/// Unresolved tickets of a priority, at most `most`.
pub fn unresolved_by_priority(priority: Priority, most: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT {SLA_TICKET} tickets t INDEXED BY tickets_by_status WHERE {UNRESOLVED} AND t.priority = ?1 LIMIT ?2"
    ))
    .bind(priority.rank())
    .bind(most)
}

/// Unresolved tickets of the priorities whose policies use a calendar, at most `most`.
pub fn unresolved_by_calendar(calendar: &Ref, most: i64) -> Stmt {
    let (column, arg) = ref_column(calendar);
    Stmt::new(format!(
        "SELECT {SLA_TICKET} tickets t INDEXED BY tickets_by_status CROSS JOIN sla_policies p ON p.priority = t.priority \
         WHERE {UNRESOLVED} AND p.calendar_id = (SELECT id FROM calendars WHERE {column} = ?1) LIMIT ?2"
    ))
    .bind(arg)
    .bind(most)
}

/// Unresolved tickets whose due times come from an older version of a policy or calendar, at most `most`.
pub fn outdated(most: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT {SLA_TICKET} settings g CROSS JOIN tickets t INDEXED BY tickets_by_status CROSS JOIN sla_policies p \
         ON p.priority = t.priority AND t.sla_version < p.version WHERE g.id = 1 AND g.has_outdated = 1 AND {UNRESOLVED} LIMIT ?1"
    ))
    .bind(most)
}

/// Records that no ticket is outdated any more, unless one has become outdated in the meantime.
pub fn end_outdated() -> Stmt {
    Stmt::new(format!(
        "UPDATE settings SET has_outdated = 0 WHERE id = 1 AND has_outdated = 1 AND NOT EXISTS \
         (SELECT 1 FROM tickets t INDEXED BY tickets_by_status CROSS JOIN sla_policies p \
          ON p.priority = t.priority AND t.sla_version < p.version WHERE {UNRESOLVED})"
    ))
}

/// Records that there may be outdated tickets, since a restored ticket may be one.
pub fn note_restored() -> Stmt {
    Stmt::new("UPDATE settings SET has_outdated = 1 WHERE id = 1")
}

/// Stores new due times of tickets that have not changed since they were read. The due time of a first response that
/// was already given stays, since it was met or missed.
pub fn update_due_times(tickets: &[SlaTicket], promises: &SlaPolicies, now: i64) -> [Stmt; 4] {
    const NEW: &str = "(SELECT value ->> 0 AS id, value ->> 1 AS version, value ->> 2 AS sla_version, value ->> 3 AS paused, \
      value ->> 4 AS response, value ->> 5 AS response_risk, value ->> 6 AS resolution, value ->> 7 AS resolution_risk \
      FROM json_each(?1)) x";
    const IS_OVERDUE: &str = "iif(coalesce(t.paused_at, ?2) > x.resolution, 1, 0)";
    let rows: Vec<Value> = tickets
        .iter()
        .map(|ticket| due_times_json(ticket, promises))
        .collect();
    let rows = Value::from(rows).to_string();
    let there = Side {
        overdue: IS_OVERDUE,
        ..Side::default()
    };
    let differing = format!(
        "{NEW} CROSS JOIN tickets t ON t.id = x.id AND t.version = x.version AND t.resolved_at IS NULL \
         AND t.deleted_at IS NULL AND t.is_overdue <> {IS_OVERDUE} WHERE 1"
    );
    [
        Stmt::new(move_many(&differing, Side::default(), there))
            .bind(&rows)
            .bind(now),
        Stmt::new(format!(
            "DELETE FROM ticket_facets WHERE facet = 'o' AND ticket_id IN (SELECT t.id FROM {differing} AND t.is_overdue = 1)"
        ))
        .bind(&rows)
        .bind(now),
        Stmt::new(format!(
            "INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) SELECT 'o', t.id FROM {differing} AND t.is_overdue = 0"
        ))
        .bind(&rows)
        .bind(now),
        Stmt::new(format!(
            "UPDATE tickets AS t SET version = t.version + 1, sla_version = x.sla_version, paused_ms = x.paused, \
               first_response_due_at = iif(first_responded_at IS NULL, x.response, first_response_due_at), \
               first_response_risk_at = iif(first_responded_at IS NULL, x.response_risk, first_response_risk_at), \
               resolution_due_at = x.resolution, resolution_risk_at = x.resolution_risk, is_overdue = {IS_OVERDUE} \
             FROM {NEW} WHERE t.id = x.id AND t.version = x.version AND t.resolved_at IS NULL"
        ))
        .bind(&rows)
        .bind(now),
    ]
}

fn due_times_json(ticket: &SlaTicket, promises: &SlaPolicies) -> Value {
    let promise = promises.for_priority(Priority::from_rank(ticket.priority).unwrap_or(Priority::Medium));
    let pauses: Vec<Pause> = serde_json::from_str(&ticket.pauses).unwrap_or_default();
    let (targets, paused) = promise.due_times(ticket.created_at, &pauses);
    json!([
        ticket.id,
        ticket.version,
        promise.version,
        paused,
        targets.first_response_due_at,
        targets.first_response_at_risk_at,
        targets.resolution_due_at,
        targets.resolution_at_risk_at,
    ])
}
