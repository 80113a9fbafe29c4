//! Assignments that the desk makes by itself, decided inside the batch: never read first and written then.

use crate::desk::agent::cause;
use crate::edge::db::Stmt;
use crate::store::tickets::subject::{EventSubject, subject_condition};

/// Who is free, of profiles `p` and users `u`: the one with the fewest open tickets, the longest idle of those.
const FREE_AGENT: &str = "p.is_available = 1 AND p.open_load < p.max_open_tickets AND u.is_active = 1 AND u.role = 'agent' \
  ORDER BY p.open_load, p.last_assigned_at, p.user_id LIMIT 1";

/// The free agent of a category (an expression) as an expression; null when nobody is.
pub fn free_agent_in(category: &str) -> String {
    format!(
        "(SELECT p.user_id FROM agent_categories a CROSS JOIN agent_profiles p ON p.user_id = a.user_id \
         CROSS JOIN users u ON u.id = p.user_id WHERE a.category_id = {category} AND {FREE_AGENT})"
    )
}

/// The free agent of the whole desk as an expression; null when nobody is.
pub fn free_agent() -> String {
    format!(
        "(SELECT p.user_id FROM agent_profiles p CROSS JOIN users u ON u.id = p.user_id WHERE {FREE_AGENT})"
    )
}

/// Assigns a ticket that the same batch has made, if the settings say so and somebody is free, with its event.
pub fn assign_new(uid: &str, now: i64) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "UPDATE tickets SET assignee_id = x.agent_id, \
               status = iif(tickets.workflow = 'support' AND tickets.status = 'open', 'assigned', tickets.status) \
             FROM (SELECT t.id AS ticket_id, \
               CASE g.auto_assign WHEN 'category' THEN {} WHEN 'least_loaded' THEN {} END AS agent_id \
               FROM tickets t CROSS JOIN settings g ON g.id = 1 WHERE t.uid = ?1) x \
             WHERE tickets.id = x.ticket_id AND tickets.assignee_id IS NULL AND x.agent_id IS NOT NULL \
               AND tickets.status NOT IN ('resolved', 'closed')",
            free_agent_in("t.category_id"),
            free_agent()
        ))
        .bind(uid),
        Stmt::new(
            "INSERT INTO events (ticket_id, seq, public_seq, type, changes, cause, created_at) \
             SELECT t.id, t.seq + 1, t.public_seq + 1, 'assigned', \
               '[' || iif(t.status = 'assigned', '{\"field\":\"status\",\"from\":\"open\",\"to\":\"assigned\"},', '') || \
               '{\"field\":\"assignee\",\"from\":null,\"to\":' || t.assignee_card || '}]', ?3, ?2 \
             FROM tickets t WHERE t.uid = ?1 AND t.assignee_id IS NOT NULL",
        )
        .bind(uid)
        .bind(now)
        .bind(cause::AUTO_ASSIGN),
    ]
}

/// Gives a ticket of the batch to the free agent with the fewest open tickets, as a rule wants it: to one of its
/// category, if that has agents. With its event; `was_open`: somebody's ticket is assigned.
pub fn assign_least_loaded(subject: &EventSubject, was_open: bool, rule: &str, now: i64) -> [Stmt; 2] {
    let (name, arg) = subject_condition(subject);
    let status = if was_open {
        r#"{"field":"status","from":"open","to":"assigned"},"#
    } else {
        ""
    };
    [
        Stmt::new(format!(
            "UPDATE tickets SET assignee_id = x.agent_id, status = iif(?2, 'assigned', tickets.status) \
             FROM (SELECT t.id AS ticket_id, CASE WHEN EXISTS (SELECT 1 FROM agent_categories a WHERE a.category_id = t.category_id) \
                 THEN {} ELSE {} END AS agent_id \
               FROM tickets t WHERE {name}) x \
             WHERE tickets.id = x.ticket_id AND tickets.assignee_id IS NULL AND x.agent_id IS NOT NULL",
            free_agent_in("t.category_id"),
            free_agent()
        ))
        .bind(arg.clone())
        .bind(was_open),
        Stmt::new(format!(
            "INSERT INTO events (ticket_id, seq, public_seq, type, changes, cause, created_at) \
             SELECT t.id, t.seq + 1, t.public_seq + 1, 'assigned', \
               '[{status}{{\"field\":\"assignee\",\"from\":null,\"to\":' || t.assignee_card || '}}]', ?2, ?3 \
             FROM tickets t WHERE {name} AND t.assignee_id IS NOT NULL"
        ))
        .bind(arg)
        .bind(rule)
        .bind(now),
    ]
}

/// Gives the open tickets of somebody back to the pool, each with its event: any number of them by two
/// statements.
pub fn unassign_all(user_id: i64, actor: i64, now: i64) -> [Stmt; 2] {
    unassign_where(
        "t.assignee_id = ?1 AND t.deleted_at IS NULL AND t.status NOT IN ('resolved', 'closed')",
        user_id,
        actor,
        now,
    )
}

/// Gives back one ticket, if whoever has it works for the desk no more: for a ticket that is restored.
pub fn unassign_inactive(ticket_id: i64, actor: i64, now: i64) -> [Stmt; 2] {
    unassign_where(
        "t.id = ?1 AND t.status NOT IN ('resolved', 'closed') AND t.assignee_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM users u WHERE u.id = t.assignee_id AND u.is_active = 1 AND u.role <> 'customer')",
        ticket_id,
        actor,
        now,
    )
}

fn unassign_where(condition: &str, id: i64, actor: i64, now: i64) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "INSERT INTO events (ticket_id, seq, public_seq, type, actor_id, changes, cause, created_at) \
             SELECT t.id, t.seq + 1, t.public_seq + 1, 'assigned', ?2, \
               '[' || iif(t.status = 'assigned', '{{\"field\":\"status\",\"from\":\"assigned\",\"to\":\"open\"}},', '') || \
               '{{\"field\":\"assignee\",\"from\":' || t.assignee_card || ',\"to\":null}}]', ?4, ?3 \
             FROM tickets t WHERE {condition}"
        ))
        .bind(id)
        .bind(actor)
        .bind(now)
        .bind(cause::RETURNED_TO_POOL),
        Stmt::new(format!(
            "UPDATE tickets AS t SET assignee_id = NULL, status = iif(t.status = 'assigned', 'open', t.status), \
               version = t.version + 1, updated_at = max(t.updated_at, ?2), public_updated_at = max(t.public_updated_at, ?2) \
             WHERE {condition}"
        ))
        .bind(id)
        .bind(now),
    ]
}
