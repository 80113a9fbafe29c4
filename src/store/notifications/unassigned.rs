//! Tells agents of new and answered tickets that nobody has: one notification for all of them, now and then. So a ticket
//! costs one row for each agent and quarter of an hour, however many there are.

use crate::desk::{MINUTE, Millis};
use crate::edge::db::Stmt;
use crate::store::notifications::notify::NEXT_ID;
use crate::store::sql::scope::SEEN_BY;

/// How often at most.
pub const PERIOD: Millis = 15 * MINUTE;

/// How many events are looked at, and how many tickets are told of at once: the newest.
const MAX_EVENTS: i64 = 5_000;
const MAX_TICKETS: i64 = 200;

/// How many tickets a notification names.
const MAX_NAMED: i64 = 10;

/// The event `id` up to which agents have been told, if it is time again and something has happened since.
pub fn find_due(now: Millis) -> Stmt {
    Stmt::new(
        "SELECT unassigned_event_id AS id FROM settings WHERE id = 1 AND unassigned_at <= ?1 \
         AND unassigned_event_id < (SELECT max(id) FROM events)",
    )
    .bind(now.saturating_sub(PERIOD))
}

/// Remembers that nobody is to be told of what has happened so far: sample data is not news.
pub fn skip(now: Millis) -> Stmt {
    Stmt::new(
        "UPDATE settings SET unassigned_event_id = coalesce((SELECT max(id) FROM events), 0), unassigned_at = ?1 WHERE id = 1",
    )
    .bind(now)
}

/// The statements that tell of what has happened since an event, and remember it. The batch aborts if somebody else has
/// done so.
pub fn tell(since: i64, now: Millis) -> [Stmt; 4] {
    let tickets = format!(
        "(SELECT DISTINCT t.id, t.number, t.category_id, t.project_id, t.assignee_id, t.requester_id \
          FROM events e CROSS JOIN tickets t ON t.id = e.ticket_id \
          WHERE e.id > max(?1, (SELECT max(id) FROM events) - {MAX_EVENTS}) AND (e.type = 'ticket_created' \
            OR (e.type = 'message_added' AND e.public_seq IS NOT NULL AND e.actor_id = t.requester_id)) \
          AND t.assignee_id IS NULL AND t.deleted_at IS NULL AND t.status NOT IN ('resolved', 'closed') \
          ORDER BY t.id DESC LIMIT {MAX_TICKETS})"
    );
    // The agents of the category and the members of the project, if there are any; otherwise all who see it.
    let may_take = format!(
        "u.id <> t.requester_id AND {SEEN_BY} \
         AND (EXISTS (SELECT 1 FROM agent_categories a WHERE a.user_id = u.id AND a.category_id = t.category_id) \
           OR NOT EXISTS (SELECT 1 FROM agent_categories a CROSS JOIN users o ON o.id = a.user_id \
             WHERE a.category_id = t.category_id AND o.role = 'agent' AND o.is_active = 1)) \
         AND (EXISTS (SELECT 1 FROM project_members m WHERE m.project_id = t.project_id AND m.user_id = u.id) \
           OR NOT EXISTS (SELECT 1 FROM project_members m CROSS JOIN users o ON o.id = m.user_id \
             WHERE m.project_id = t.project_id AND o.role = 'agent' AND o.is_active = 1))"
    );
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM settings WHERE id = 1 AND unassigned_event_id = ?1)",
        )
        .bind(since),
        Stmt::new(format!(
            "INSERT INTO notices (user_id, id, kind, ticket_id, message, created_at, live, mail) \
             SELECT u.id, {NEXT_ID}, 'unassigned', iif(x.n = 1, x.ticket_id, NULL), \
               iif(x.n = 1, 'Nobody has this ticket yet: ', 'Nobody has these ' || x.n || ' tickets yet: ') || x.numbers || \
               iif(x.n > {MAX_NAMED}, ' ...', ''), ?2, coalesce(p.live, 1), \
               iif(u.email_verified_at IS NOT NULL AND coalesce(p.email, 1), 'pending', NULL) \
             FROM (SELECT y.user_id, count(*) AS n, max(y.ticket_id) AS ticket_id, \
                 group_concat(iif(y.at <= {MAX_NAMED}, y.number, NULL), ', ') AS numbers \
               FROM (SELECT u.id AS user_id, t.id AS ticket_id, t.number AS number, \
                   row_number() OVER (PARTITION BY u.id ORDER BY t.id) AS at \
                 FROM settings s CROSS JOIN users u CROSS JOIN {tickets} t \
                 WHERE s.id = 1 AND u.role <> 'customer' AND u.role = 'agent' AND +u.is_active = 1 AND {may_take}) y GROUP BY y.user_id) x \
             CROSS JOIN users u ON u.id = x.user_id \
             LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.kind = 'unassigned' \
             WHERE coalesce(p.live, 1) OR (u.email_verified_at IS NOT NULL AND coalesce(p.email, 1))"
        ))
        .bind(since)
        .bind(now),
        Stmt::new(
            "INSERT INTO outbox (people, next_attempt_at, created_at) SELECT json_group_array(json_array(n.user_id, n.id)), ?1, ?1 \
             FROM users u CROSS JOIN notices n ON n.user_id = u.id AND n.id = (SELECT max(o.id) FROM notices o WHERE o.user_id = u.id) \
             WHERE u.role <> 'customer' AND u.role = 'agent' AND n.kind = 'unassigned' AND n.created_at = ?1 AND n.mail = 'pending' \
             HAVING count(*) > 0",
        )
        .bind(now),
        Stmt::new(
            "UPDATE settings SET unassigned_event_id = (SELECT max(id) FROM events), unassigned_at = ?1 WHERE id = 1",
        )
        .bind(now),
    ]
}
