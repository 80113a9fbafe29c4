//! Automatic assignments. The agent is chosen by SQL inside the batch, never by a read before a separate write.

pub mod pool;

use crate::desk::agent::cause;
use crate::edge::db::{Arg, Stmt};
use crate::store::notifications::notify;
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::write::counts::{Side, move_many};

/// SQL: how many tickets of a cell `n` of `ticket_counts` are neither resolved nor closed.
pub const UNRESOLVED: &str = "n.open + n.assigned + n.in_progress + n.waiting + n.blocked + n.reopened";

/// SQL: the number of unresolved tickets of the user `u`.
pub fn open_load() -> String {
    format!("coalesce((SELECT sum({UNRESOLVED}) FROM ticket_counts n WHERE n.assignee_id = u.id), 0)")
}

/// SQL: the available agent with the fewest open tickets; among equals, the one whose last assignment is longest ago.
/// `people` gives users `u`; their profiles are `p`.
fn free_of(people: &str) -> String {
    format!(
        "(SELECT user_id FROM (SELECT u.id AS user_id, {} AS load, p.last_assigned_at AS at, coalesce(p.max_open_tickets, 20) AS most \
         FROM {people} LEFT JOIN agent_profiles p ON p.user_id = u.id \
         WHERE +u.is_active = 1 AND u.role <> 'customer' AND u.role = 'agent' AND coalesce(p.is_available, 1) = 1) \
         WHERE load < most ORDER BY load, at, user_id LIMIT 1)",
        open_load()
    )
}

/// SQL expression: the available agent of a category (an expression); null if nobody is available.
pub fn free_agent_in(category: &str) -> String {
    free_of(&format!(
        "agent_categories a CROSS JOIN users u ON u.id = a.user_id AND a.category_id = {category}"
    ))
}

/// SQL expression: the available agent among all agents; null if nobody is available.
pub fn free_agent() -> String {
    free_of("users u")
}

/// How a ticket gets an assignee by itself. The words are those of the setting `auto_assign`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoAssign {
    /// It gets none.
    Off,
    /// One of the agents of its category.
    Category,
    LeastLoaded,
    /// As the setting says when the batch runs.
    AsSet,
}

impl AutoAssign {
    /// Parses the setting.
    pub fn parse(word: &str) -> AutoAssign {
        match word {
            "category" => AutoAssign::Category,
            "least_loaded" => AutoAssign::LeastLoaded,
            _ => AutoAssign::Off,
        }
    }
}

/// SQL expression: who gets a ticket of a category (an expression); `None` if that is nobody.
pub fn agent_for_new(category: &str, how: AutoAssign) -> Option<String> {
    Some(match how {
        AutoAssign::Off => return None,
        AutoAssign::Category => free_agent_in(category),
        AutoAssign::LeastLoaded => free_agent(),
        AutoAssign::AsSet => format!(
            "(SELECT CASE g.auto_assign WHEN 'category' THEN {} WHEN 'least_loaded' THEN {} END FROM settings g WHERE g.id = 1)",
            free_agent_in(category),
            free_agent()
        ),
    })
}

/// Appends the event of an automatic assignment for the ticket created in this batch, if it was assigned, and
/// notifies people of it.
pub fn assigned_new(now: i64) -> Vec<Stmt> {
    let mut stmts = vec![
        Stmt::new(
            "INSERT INTO events (ticket_id, seq, public_seq, type, changes, cause, created_at) \
             SELECT t.id, t.seq, t.public_seq, 'assigned', \
               '[' || iif(t.status = 'assigned', '{\"field\":\"status\",\"from\":\"open\",\"to\":\"assigned\"},', '') || \
               '{\"field\":\"assignee\",\"from\":null,\"to\":' || json_object('id', t.assignee_id) || '}]', ?2, ?1 \
             FROM tickets t WHERE t.id = (SELECT max(id) FROM tickets) AND t.assignee_id IS NOT NULL",
        )
        .bind(now)
        .bind(cause::AUTO_ASSIGN),
    ];
    let ticket = subject_condition(&EventSubject::NewTicket);
    stmts.extend(notify::notify_of_assignment(ticket, cause::AUTO_ASSIGN));
    stmts
}

/// Records the time of a user's last assignment: of this user, or of the assignee of the ticket created in this
/// batch.
pub fn note_assigned(user_id: Option<i64>, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO agent_profiles (user_id, last_assigned_at) SELECT x.user_id, ?2 \
         FROM (SELECT coalesce(?1, (SELECT assignee_id FROM tickets ORDER BY id DESC LIMIT 1)) AS user_id) x \
         WHERE x.user_id IS NOT NULL \
         ON CONFLICT (user_id) DO UPDATE SET last_assigned_at = max(coalesce(last_assigned_at, 0), excluded.last_assigned_at)",
    )
    .bind(user_id)
    .bind(now)
}

/// Like [`note_assigned`], for the assignees of tickets `t`; `from` is everything after FROM, with the argument `?1`. The
/// time is still to be bound.
pub(super) fn note_given(from: &str) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO agent_profiles (user_id, last_assigned_at) SELECT t.assignee_id, ?2 FROM {from} \
         ON CONFLICT (user_id) DO UPDATE SET last_assigned_at = max(coalesce(last_assigned_at, 0), excluded.last_assigned_at)"
    ))
}

/// Carries out a rule's action: assigns an unassigned ticket of the batch to the available agent with the fewest open
/// tickets, and appends the event. If the ticket's category has agents, only they are considered. With `was_open` the
/// status changes from open to assigned.
pub fn assign_least_loaded(subject: &EventSubject, was_open: bool, rule: &str, now: i64) -> Vec<Stmt> {
    let (name, arg) = subject_condition(subject);
    let status = if was_open {
        r#"{"field":"status","from":"open","to":"assigned"},"#
    } else {
        ""
    };
    let given = format!("tickets t WHERE {name} AND t.assignee_id IS NOT NULL");
    let old = Side {
        assignee: "0",
        status: if was_open { "'open'" } else { "t.status" },
        ..Side::default()
    };
    let mut stmts = vec![
        Stmt::new(format!(
            "UPDATE tickets SET assignee_id = x.agent_id, status = iif(?2, 'assigned', tickets.status), \
               seq = tickets.seq + 1, public_seq = tickets.public_seq + 1 \
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
             SELECT t.id, t.seq, t.public_seq, 'assigned', \
               '[{status}{{\"field\":\"assignee\",\"from\":null,\"to\":' || json_object('id', t.assignee_id) || '}}]', ?2, ?3 \
             FROM {given}"
        ))
        .bind(arg.clone())
        .bind(rule)
        .bind(now),
        Stmt::new(move_many(&given, old, Side::default())).bind(arg.clone()),
        note_given(&given).bind(arg.clone()).bind(now),
    ];
    stmts.extend(notify::notify_of_assignment((name, arg), rule));
    stmts
}

/// Unassigns all unresolved tickets of a user and appends an event to each; the number of statements does not depend
/// on the number of tickets.
pub fn unassign_all(user_id: i64, actor: i64, now: i64) -> Vec<Stmt> {
    unassign_where(
        "t.assignee_id = ?1 AND t.deleted_at IS NULL AND t.status NOT IN ('resolved', 'closed')",
        user_id,
        Some(actor),
        now,
    )
}

/// Unassigns one ticket that is restored or reopened, if its assignee is no longer active staff.
pub fn unassign_inactive(ticket_id: i64, actor: Option<i64>, now: i64) -> Vec<Stmt> {
    unassign_where(
        "t.id = ?1 AND t.status NOT IN ('resolved', 'closed') AND t.assignee_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM users u WHERE u.id = t.assignee_id AND u.is_active = 1 AND u.role <> 'customer')",
        ticket_id,
        actor,
        now,
    )
}

fn unassign_where(condition: &str, id: i64, actor: Option<i64>, now: i64) -> Vec<Stmt> {
    let pool = Side {
        assignee: "0",
        status: "iif(t.status = 'assigned', 'open', t.status)",
        ..Side::default()
    };
    let mut stmts = vec![
        Stmt::new(format!(
            "INSERT INTO events (ticket_id, seq, public_seq, type, actor_id, changes, cause, created_at) \
             SELECT t.id, t.seq + 1, t.public_seq + 1, 'assigned', ?2, \
               '[' || iif(t.status = 'assigned', '{{\"field\":\"status\",\"from\":\"assigned\",\"to\":\"open\"}},', '') || \
               '{{\"field\":\"assignee\",\"from\":' || json_object('id', t.assignee_id) || ',\"to\":null}}]', ?4, ?3 \
             FROM tickets t WHERE {condition}"
        ))
        .bind(id)
        .bind(actor)
        .bind(now)
        .bind(cause::RETURNED_TO_POOL),
    ];
    // This runs before the assignee is removed, so that the former assignee is notified too.
    stmts.extend(notify::notify_of_status(condition, vec![Arg::Int(id)]));
    stmts.extend([
        Stmt::new(move_many(
            &format!("tickets t WHERE {condition}"),
            Side::default(),
            pool,
        ))
        .bind(id),
        Stmt::new(format!(
            "UPDATE tickets AS t SET assignee_id = NULL, status = iif(t.status = 'assigned', 'open', t.status), \
               seq = t.seq + 1, public_seq = t.public_seq + 1, \
               version = t.version + 1, updated_at = max(t.updated_at, ?2), public_updated_at = max(t.public_updated_at, ?2) \
             WHERE {condition}"
        ))
        .bind(id)
        .bind(now),
    ]);
    stmts
}
