//! Erasing a person: all that is kept of them goes, beyond what closing the account takes away. What they wrote stays,
//! under a neutral name.
//!
//! What was sent before, the words of texts, and D1's own backups (30 days) are not changed.

use crate::edge::db::Stmt;
use crate::store::mail::addresses;
use crate::store::removals;
use crate::store::users::closing;

/// What a file of the person is called in the history.
const ERASED: &str = "erased";

/// SQL: the person's files.
const FILES: &str = "SELECT id FROM attachments WHERE uploader_id = ?1";

/// Erases a person who is at `version`. The batch aborts if this is the last admin.
pub fn erase(id: i64, version: i64, now: i64) -> Vec<Stmt> {
    let stmt = |sql: &str| Stmt::new(sql.to_owned()).bind(id);
    let mut stmts = vec![
        // Mails that wait.
        stmt(
            "UPDATE outbox SET people = (SELECT json_group_array(json(j.value)) FROM json_each(outbox.people) j \
               WHERE j.value ->> 0 IS NOT iif(outbox.event_id IS NULL, u.id, u.email_key)) \
             FROM users u WHERE u.id = ?1",
        ),
        Stmt::new("DELETE FROM outbox WHERE people = '[]'"),
        stmt(
            "UPDATE tickets SET contact_email = NULL WHERE contact_email IS NOT NULL \
             AND (+requester_id = ?1 OR lower(contact_email) = (SELECT email_key FROM users WHERE id = ?1))",
        ),
        // Mails that were refused or ignored.
        stmt(
            "DELETE FROM mail_log WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = ?1 \
             AND (lower(mail_log.sender) = u.email_key OR instr(lower(mail_log.author), u.email_key) OR lower(mail_log.recipient) = u.email_key))",
        ),
        // What an endpoint has answered may repeat what it was told.
        stmt(
            "UPDATE webhook_deliveries SET response = NULL FROM users u WHERE u.id = ?1 AND response IS NOT NULL \
             AND (instr(response, u.email) OR instr(response, u.uid) OR (u.last_name <> '' AND instr(response, u.full_name)))",
        ),
    ];
    stmts.extend(addresses::forget(id));
    stmts.extend(removals::originals_of_person(id));
    stmts.extend(erase_files(id, now));
    for table in [
        "sessions",
        "api_keys",
        "second_factors",
        "ticket_watchers",
        "ticket_seen",
        "password_resets",
        "notices",
        "notification_preferences",
        "socket_tickets",
    ] {
        stmts.push(stmt(&format!("DELETE FROM {table} WHERE user_id = ?1")));
    }
    // What is nobody else's goes; what was made for all stays, as somebody's who has left.
    stmts.push(stmt("DELETE FROM views WHERE owner_id = ?1 AND reader_id = ?1"));
    stmts.push(stmt("DELETE FROM macros WHERE owner_id = ?1 AND shared = 0"));
    stmts.push(stmt(
        "UPDATE ratings SET comment = NULL WHERE comment IS NOT NULL \
         AND (SELECT requester_id FROM tickets t WHERE t.id = ratings.ticket_id) = ?1",
    ));
    // The key of the request that erases is of this moment.
    stmts.push(stmt("DELETE FROM idempotency WHERE user_id = ?1 AND created_at < ?2").bind(now));
    stmts.push(stmt(
        "UPDATE users SET external_id = NULL, last_login_at = NULL WHERE id = ?1",
    ));
    stmts.extend(closing::close(id, version, now));
    stmts
}

/// The clock deletes the objects of files that are deleted.
fn erase_files(id: i64, now: i64) -> [Stmt; 3] {
    let stmt = |sql: String| Stmt::new(sql).bind(id);
    [
        stmt(format!(
            "UPDATE events SET data = json_set(data, '$.attachment.filename', '{ERASED}') \
             WHERE ticket_id IN (SELECT ticket_id FROM attachments WHERE uploader_id = ?1) \
             AND type IN ('attachment_added', 'attachment_deleted') AND data ->> '$.attachment.id' IN ({FILES})"
        )),
        stmt(
            "UPDATE tickets SET attachment_count = f.n, public_attachment_count = f.public FROM ( \
               SELECT o.ticket_id, count(a.id) AS n, coalesce(sum(a.is_internal = 0), 0) AS public \
               FROM (SELECT DISTINCT ticket_id FROM attachments WHERE uploader_id = ?1 AND attached_at IS NOT NULL AND deleted_at IS NULL) o \
               LEFT JOIN attachments a ON a.ticket_id = o.ticket_id AND a.uploader_id <> ?1 \
                 AND a.attached_at IS NOT NULL AND a.deleted_at IS NULL GROUP BY o.ticket_id) f \
             WHERE tickets.id = f.ticket_id"
                .to_owned(),
        ),
        stmt(format!(
            "UPDATE attachments SET filename = '{ERASED}', digest = NULL, deleted_at = coalesce(deleted_at, ?2) WHERE uploader_id = ?1"
        ))
        .bind(now),
    ]
}
