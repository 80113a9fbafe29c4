//! The mail that tells a requester the number of a ticket that was opened by mail, or that staff have opened for them.

use crate::desk::HOUR;
use crate::edge::db::Stmt;
use crate::store::notifications::notify::NEXT_ID;

/// How many of them one person gets in an hour: a program that opens tickets learns nothing from more.
const MAX_PER_HOUR: i64 = 3;

/// Acknowledges the ticket created in this batch to its requester, unless that is this person. None is written if the
/// settings say so, if the requester's address is not known to be theirs, or if they want no mails about the status.
pub fn insert(except: Option<i64>, now: i64) -> [Stmt; 2] {
    [
        Stmt::new(format!(
            "INSERT INTO notices (user_id, id, kind, ticket_id, created_at, live, mail) \
             SELECT u.id, {NEXT_ID}, 'acknowledgement', t.id, ?1, 0, 'pending' \
             FROM tickets t CROSS JOIN settings g ON g.id = 1 AND g.acknowledge = 1 CROSS JOIN users u ON u.id = t.requester_id \
             LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.kind = 'status' \
             WHERE t.id = (SELECT max(id) FROM tickets) AND u.id IS NOT ?2 AND u.is_active = 1 \
               AND u.email_verified_at IS NOT NULL AND coalesce(p.email, 1) = 1 \
               AND (SELECT count(*) FROM (SELECT * FROM notices m WHERE m.user_id = u.id ORDER BY m.id DESC LIMIT 200) m \
                 WHERE m.kind = 'acknowledgement' AND m.created_at > ?1 - {HOUR}) < {MAX_PER_HOUR}"
        ))
        .bind(now)
        .bind(except),
        Stmt::new(
            "INSERT INTO outbox (people, next_attempt_at, created_at) SELECT json_array(json_array(n.user_id, n.id)), ?1, ?1 \
             FROM tickets t CROSS JOIN notices n ON n.user_id = t.requester_id \
               AND n.id = (SELECT max(o.id) FROM notices o WHERE o.user_id = t.requester_id) \
             WHERE t.id = (SELECT max(id) FROM tickets) AND n.kind = 'acknowledgement' AND n.ticket_id = t.id AND n.mail = 'pending'",
        )
        .bind(now),
    ]
}
