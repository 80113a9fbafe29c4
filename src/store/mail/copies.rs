//! Copies of public answers, for people who are in copy of a ticket. They wait in the outbox like other mails; the row
//! lists the addresses that are still to be mailed.

use crate::desk::HOUR;
use crate::desk::mail::outgoing::MAX_MAILS_PER_HOUR;
use crate::edge::db::Stmt;
use crate::store::mail::outbox::delete_finished;

/// The copies of a row that are still to be sent: each is an [`OutboxMail`](super::outbox::OutboxMail), as JSON in a row
/// `j`. A copy is dropped if its recipient has left, is told as requester or as staff, or wants no mails; if the message
/// or ticket is gone; and if there have been too many in an hour.
pub fn list(row: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT json_object('id', e.id, 'uid', m.uid, 'user_id', 0, 'email', d.address, 'attempts', d.attempts, \
           'created_at', d.created_at, 'is_copy', json('true'), 'may', json(iif({may}, 'true', 'false')), \
           'facts', json_object('kind', 'copy', 'name', '', \
           'entry', json_object('kind', 'reply', 'actor', a.full_name, 'body', m.body, 'is_internal', json('false')), \
           'ticket', json_object('id', t.id, 'number', t.number, 'title', t.title, 'status', t.status))) AS j \
         FROM (SELECT j.value ->> 0 AS address, o.event_id AS event_id, o.attempts AS attempts, o.created_at AS created_at \
           FROM outbox o CROSS JOIN json_each(o.people) j WHERE o.id = ?1 AND o.event_id IS NOT NULL) d \
         CROSS JOIN events e ON e.id = d.event_id CROSS JOIN messages m ON m.id = e.message_id \
         CROSS JOIN tickets t ON t.id = e.ticket_id LEFT JOIN users a ON a.id = e.actor_id",
        may = may_send()
    ))
    .bind(row)
}

/// The SQL condition for the copy to an address `d` still being allowed to be sent.
fn may_send() -> String {
    format!(
        "(t.deleted_at IS NULL AND m.deleted_at IS NULL AND m.is_internal = 0 \
         AND EXISTS (SELECT 1 FROM ticket_addresses c WHERE c.ticket_id = t.id AND c.kind = 'cc' AND c.address = d.address AND c.left_at IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM users u LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.kind = 'reply' \
           WHERE u.email_key = d.address AND (u.is_active = 0 OR u.role <> 'customer' OR u.id = t.requester_id OR p.email = 0)) \
         AND NOT EXISTS (SELECT 1 FROM messages z WHERE z.ticket_id = t.id AND z.position = m.position - {MAX_MAILS_PER_HOUR} \
           AND z.created_at > m.created_at - {HOUR}))"
    )
}

/// Records that the copy to an address is dealt with. The second statement returns a row if it was the last one.
pub fn finish(row: i64, address: &str) -> [Stmt; 2] {
    [
        Stmt::new(
            "UPDATE outbox SET people = (SELECT json_group_array(json(j.value)) FROM json_each(people) j WHERE j.value ->> 0 <> ?2) \
             WHERE id = ?1",
        )
        .bind(row)
        .bind(address),
        delete_finished(row),
    ]
}
