//! The pool: tickets that wait for an agent, and how they get one by themselves, the oldest first.
//!
//! What a person has left to nobody is for people: automatic assignment does not take it out of the pool again.

use serde::Deserialize;

use crate::desk::agent::cause;
use crate::desk::id::Ref;
use crate::desk::tickets::event::UNASSIGNED;
use crate::edge::db::{Arg, Stmt};
use crate::store::notifications::notify;
use crate::store::tickets::assignment::{
    AutoAssign, UNRESOLVED, agent_for_new, note_given, unassign_inactive,
};
use crate::store::tickets::relations::watchers;
use crate::store::tickets::ticket::ticket_condition;
use crate::store::tickets::write::counts::{Side, move_many};
use crate::store::users::ref_column;

/// SQL condition: nobody has the ticket `t`, and work is left on it.
const IN_POOL: &str =
    "t.assignee_id IS NULL AND t.deleted_at IS NULL AND t.status NOT IN ('resolved', 'closed')";

/// How many tickets of each status [`find_waiting`] looks at, from the oldest up.
const WINDOW: i64 = 1_000;

/// SQL condition: the last who had a say in the ticket's assignee was a person, and chose nobody.
fn is_left_to_people() -> String {
    format!(
        "coalesce((SELECT iif(e.type = 'ticket_created', e.data ->> '{UNASSIGNED}', e.actor_id IS NOT NULL AND e.cause IS NULL) \
         FROM events e WHERE e.ticket_id = t.id AND e.type IN ('ticket_created', 'assigned', 'transferred') \
         ORDER BY e.seq DESC LIMIT 1), 0)"
    )
}

/// SQL expression: who gets the ticket `t`; null if nobody is free.
fn agent() -> String {
    agent_for_new("t.category_id", AutoAssign::AsSet).unwrap_or_default()
}

/// The assignee of this ticket, if a ticket waits that they might take with one ticket less: a row `id`.
pub fn may_follow(ticket: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(ticket);
    Stmt::new(format!(
        "SELECT t.assignee_id AS id FROM settings g CROSS JOIN tickets t WHERE g.id = 1 AND {} AND t.assignee_id IS NOT NULL AND CASE g.auto_assign \
           WHEN 'category' THEN EXISTS (SELECT 1 FROM agent_categories a CROSS JOIN ticket_counts n ON n.assignee_id = 0 \
             AND n.category_id = a.category_id WHERE a.user_id = t.assignee_id AND {UNRESOLVED} > 0) \
           WHEN 'least_loaded' THEN EXISTS (SELECT 1 FROM ticket_counts n WHERE n.assignee_id = 0 AND {UNRESOLVED} > 0) END",
        name.replace("?4", "?1")
    ))
    .bind(arg)
}

/// A category, and how many unresolved tickets of it are in the pool. 0 is every category, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct PoolShare {
    pub category_id: i64,
    pub tickets: i64,
}

/// SQL: the [`PoolShare`]s that automatic assignment takes tickets of.
const PLACES: &str = "SELECT iif(g.auto_assign = 'category', n.category_id, 0) AS category_id, sum($UNRESOLVED) AS tickets \
   FROM settings g CROSS JOIN ticket_counts n WHERE g.id = 1 AND g.auto_assign <> 'off' AND n.assignee_id = 0 \
     AND (g.auto_assign <> 'category' OR n.category_id > 0) GROUP BY 1 HAVING sum($UNRESOLVED) > 0";

/// The [`PoolShare`]s with tickets in the pool. It reads a few counts.
pub fn find_places() -> Stmt {
    Stmt::new(PLACES.replace("$UNRESOLVED", UNRESOLVED))
}

/// Who may have become free, as far as that is known: their tickets are looked for, whatever else waits.
#[derive(Clone, Debug)]
pub enum Free {
    Anybody,
    Agent(Ref),
    /// The agents of this category.
    Category(i64),
}

/// The [`PoolShare`]s with tickets in the pool for which an agent is free.
pub fn find_open_places(free: &Free) -> Stmt {
    let (condition, arg) = match free {
        Free::Anybody => ("?1 IS NULL".to_owned(), Arg::Null),
        Free::Agent(agent) => {
            let (column, arg) = ref_column(agent);
            (
                format!(
                    "(n.category_id = 0 OR EXISTS (SELECT 1 FROM agent_categories a WHERE a.category_id = n.category_id \
                       AND a.user_id = (SELECT id FROM users WHERE {column} = ?1)))"
                ),
                arg,
            )
        }
        Free::Category(id) => ("n.category_id IN (0, ?1)".to_owned(), (*id).into()),
    };
    Stmt::new(format!(
        "SELECT n.category_id, n.tickets FROM ({}) n WHERE {condition} AND {} IS NOT NULL",
        PLACES.replace("$UNRESOLVED", UNRESOLVED),
        agent_for_new("n.category_id", AutoAssign::AsSet).unwrap_or_default()
    ))
    .bind(arg)
}

/// The tickets that wait for an agent in these categories (a JSON list from [`find_open_places`]), the oldest first: rows `id`.
pub fn find_waiting(categories: &str, most: i64) -> Stmt {
    let of = |status: &str| {
        format!(
            "SELECT * FROM (SELECT id FROM tickets WHERE assignee_id IS NULL AND status = '{status}' AND deleted_at IS NULL \
             ORDER BY id LIMIT {WINDOW})"
        )
    };
    // D1 allows at most five SELECTs in one compound statement. Nobody has no ticket that is `assigned`.
    let pool = ["open", "reopened", "in_progress", "waiting", "blocked"].map(of);
    Stmt::new(format!(
        "SELECT t.id AS id FROM ({}) x CROSS JOIN tickets t ON t.id = x.id \
         WHERE (0 IN (SELECT value FROM json_each(?1)) OR t.category_id IN (SELECT value FROM json_each(?1))) AND NOT {} \
         ORDER BY t.id LIMIT ?2",
        pool.join(" UNION ALL "),
        is_left_to_people()
    ))
    .bind(categories)
    .bind(most)
}

/// The same among the newest tickets of a category: where many others wait before them, [`find_waiting`] does not come as
/// far as these.
pub fn find_waiting_in(category_id: i64, most: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT t.id AS id FROM (SELECT id FROM tickets INDEXED BY tickets_by_category WHERE category_id = ?1 AND deleted_at IS NULL \
           ORDER BY id DESC LIMIT {WINDOW}) x CROSS JOIN tickets t ON t.id = x.id WHERE {IN_POOL} AND NOT {} ORDER BY t.id LIMIT ?2",
        is_left_to_people()
    ))
    .bind(category_id)
    .bind(most)
}

/// Assigns a ticket of the pool; the batch aborts if the ticket waits no longer, or nobody is free any more. So two free places take two tickets, and two clocks do no more than one.
pub fn assign_waiting(ticket_id: i64, now: i64) -> Vec<Stmt> {
    let mut stmts = vec![
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = ?1 AND {IN_POOL} \
             AND NOT {} AND {} IS NOT NULL)",
            is_left_to_people(),
            agent()
        ))
        .bind(ticket_id),
    ];
    stmts.extend(assign(ticket_id, now));
    stmts.push(watchers::drop_unseen_of_ticket(ticket_id));
    stmts
}

/// Assigns a ticket whose change in the same batch has an event of its own, if it is in the pool and somebody is free.
pub fn assign(ticket_id: i64, now: i64) -> Vec<Stmt> {
    // The row has been changed, and its event is still missing.
    let given = "tickets t WHERE t.id = ?1 AND t.assignee_id IS NOT NULL \
      AND NOT EXISTS (SELECT 1 FROM events e WHERE e.ticket_id = t.id AND e.seq = t.seq)";
    let old = Side {
        assignee: "0",
        status: "iif(t.status = 'assigned', 'open', t.status)",
        ..Side::default()
    };
    let mut stmts = vec![
        Stmt::new(format!(
            "UPDATE tickets SET assignee_id = x.agent, \
               status = iif(tickets.workflow = 'support' AND tickets.status = 'open', 'assigned', tickets.status), \
               seq = tickets.seq + 1, public_seq = tickets.public_seq + 1, version = tickets.version + 1, \
               updated_at = max(tickets.updated_at, ?2), public_updated_at = max(tickets.public_updated_at, ?2) \
             FROM (SELECT t.id AS id, {} AS agent FROM tickets t WHERE t.id = ?1 AND {IN_POOL}) x \
             WHERE tickets.id = x.id AND x.agent IS NOT NULL",
            agent()
        ))
        .bind(ticket_id)
        .bind(now),
        Stmt::new(move_many(given, old, Side::default())).bind(ticket_id),
        note_given(given).bind(ticket_id).bind(now),
        Stmt::new(format!(
            "INSERT INTO events (ticket_id, seq, public_seq, type, changes, cause, created_at) \
             SELECT t.id, t.seq, t.public_seq, 'assigned', \
               '[' || iif(t.status = 'assigned', '{{\"field\":\"status\",\"from\":\"open\",\"to\":\"assigned\"}},', '') || \
               '{{\"field\":\"assignee\",\"from\":null,\"to\":' || json_object('id', t.assignee_id) || '}}]', ?3, ?2 \
             FROM {given}"
        ))
        .bind(ticket_id)
        .bind(now)
        .bind(cause::AUTO_ASSIGN),
    ];
    stmts.extend(notify::notify_of_assignment(
        ("t.id = ?1", ticket_id.into()),
        cause::AUTO_ASSIGN,
    ));
    stmts
}

/// What follows when a ticket is worked on again: it does not go back to somebody who has left, and the pool does not keep
/// it while somebody is free.
pub fn wake(ticket_id: i64, now: i64) -> Vec<Stmt> {
    let mut stmts = unassign_inactive(ticket_id, None, now);
    stmts.extend(assign(ticket_id, now));
    stmts
}
