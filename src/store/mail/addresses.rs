//! People of a ticket who are known by their address: where answers to its requester go, and who is in copy.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::id::Ref;
use crate::desk::mail::inbound::header::authors::MailAddress;
use crate::desk::mail::inbound::people::MAX_CC;
use crate::edge::db::Stmt;
use crate::store::tickets::json::CC;
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// SQL: the address that a mail about the ticket `t` to the user `u` goes to.
pub(super) const MAIL_ADDRESS: &str = "coalesce((SELECT c.address FROM ticket_addresses c \
   WHERE c.ticket_id = t.id AND c.kind = 'reply_to' AND c.left_at IS NULL AND t.requester_id = u.id LIMIT 1), u.email)";

/// Who puts people in copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedBy {
    /// The sender of a mail, who cannot know who has left the copy of another ticket.
    Mail,
    Staff,
}

/// Sends the answers to a ticket's requester to this address, and no longer to another, unless the person there wants no
/// mails.
pub fn replace_reply_to(subject: &EventSubject, person: &MailAddress, now: i64) -> [Stmt; 2] {
    let (ticket, arg) = subject_condition(subject);
    [
        Stmt::new(format!(
            "DELETE FROM ticket_addresses WHERE kind = 'reply_to' AND left_at IS NULL AND ticket_id = (SELECT t.id FROM tickets t WHERE {ticket})"
        ))
        .bind(arg.clone()),
        Stmt::new(format!(
            "INSERT INTO ticket_addresses (ticket_id, kind, address, name, added_at) SELECT t.id, 'reply_to', ?2, ?3, ?4 \
             FROM tickets t WHERE {ticket} AND NOT EXISTS (SELECT 1 FROM ticket_addresses l WHERE l.address = ?2 AND l.left_at IS NOT NULL)"
        ))
        .bind(arg)
        .bind(person.address.to_lowercase())
        .bind(short_name(person))
        .bind(now),
    ]
}

/// Adds people in copy, as long as there is room. Left out are those who belong to the ticket by their address already
/// or have left it, the requester, staff, and whose account is deactivated.
pub fn insert_cc(
    subject: &EventSubject,
    people: &[&MailAddress],
    added_by: AddedBy,
    now: i64,
) -> Option<Stmt> {
    if people.is_empty() {
        return None;
    }
    let list: Vec<Value> = people
        .iter()
        .map(|person| json!([person.address.to_lowercase(), short_name(person)]))
        .collect();
    let (ticket, arg) = subject_condition(subject);
    let willing = match added_by {
        AddedBy::Staff => "",
        AddedBy::Mail => {
            " AND NOT EXISTS (SELECT 1 FROM ticket_addresses l WHERE l.address = j.value ->> 0 AND l.left_at IS NOT NULL)"
        }
    };
    let stmt = Stmt::new(format!(
        "INSERT INTO ticket_addresses (ticket_id, kind, address, name, added_at) SELECT n.ticket_id, 'cc', n.address, n.name, ?3 FROM ( \
           SELECT t.id AS ticket_id, j.value ->> 0 AS address, j.value ->> 1 AS name, row_number() OVER (ORDER BY j.key) AS nth \
           FROM tickets t CROSS JOIN json_each(?2) j WHERE {ticket} \
             AND NOT EXISTS (SELECT 1 FROM users u WHERE u.email_key = j.value ->> 0 \
               AND (u.id = t.requester_id OR u.role <> 'customer' OR u.is_active = 0)) \
             AND NOT EXISTS (SELECT 1 FROM ticket_addresses a WHERE a.ticket_id = t.id AND a.address = j.value ->> 0){willing}) n \
         WHERE n.nth <= {MAX_CC} - (SELECT count(*) FROM ticket_addresses a \
           WHERE a.ticket_id = n.ticket_id AND a.kind = 'cc' AND a.left_at IS NULL)"
    ));
    Some(stmt.bind(arg).bind(Value::Array(list).to_string()).bind(now))
}

fn short_name(person: &MailAddress) -> String {
    person
        .name
        .as_deref()
        .unwrap_or_default()
        .chars()
        .take(100)
        .collect()
}

/// How an address belongs to a ticket.
#[derive(Clone, Debug, Deserialize)]
pub struct Participant {
    /// `reply_to` or `cc`.
    pub kind: String,
    /// The address of the ticket's requester, in lower case.
    pub requester: String,
}

/// How an address in lower case belongs to a ticket: no row if it does not.
pub fn find_participant(ticket_id: i64, address: &str) -> Stmt {
    Stmt::new(
        "SELECT c.kind, u.email_key AS requester FROM ticket_addresses c JOIN tickets t ON t.id = c.ticket_id \
         JOIN users u ON u.id = t.requester_id WHERE c.ticket_id = ?1 AND c.address = ?2 \
         AND (c.kind = 'reply_to' OR c.left_at IS NULL) ORDER BY c.kind DESC LIMIT 1",
    )
    .bind(ticket_id)
    .bind(address)
}

/// The row `j`, `v`, `id` of a ticket's addresses.
pub fn show(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    const ONE: &str = "json_object('email', c.address, 'name', c.name)";
    reader
        .stmt(format!(
            "SELECT json_object('cc', json({CC}), \
               'left', json((SELECT json_group_array({ONE} ORDER BY c.left_at, c.address) FROM ticket_addresses c \
                 WHERE c.ticket_id = t.id AND c.kind = 'cc' AND c.left_at IS NOT NULL)), \
               'reply_to', json(coalesce((SELECT {ONE} FROM ticket_addresses c \
                 WHERE c.ticket_id = t.id AND c.kind = 'reply_to' AND c.left_at IS NULL LIMIT 1), 'null'))) AS j, NULL AS v, t.id AS id \
             FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// The addresses that are in copy of a ticket, or have left: rows `address` and `has_left`.
pub fn list_cc(ticket_id: i64) -> Stmt {
    Stmt::new(
        "SELECT address, left_at IS NOT NULL AS has_left FROM ticket_addresses WHERE ticket_id = ?1 AND kind = 'cc'",
    )
    .bind(ticket_id)
}

/// A row of [`list_cc`].
#[derive(Clone, Debug, Deserialize)]
pub struct CcRow {
    pub address: String,
    pub has_left: i64,
}

/// Replaces the people in copy. Who has left stays so.
pub fn replace_cc(ticket_id: i64, people: &[MailAddress], now: i64) -> Vec<Stmt> {
    let delete =
        Stmt::new("DELETE FROM ticket_addresses WHERE ticket_id = ?1 AND kind = 'cc' AND left_at IS NULL")
            .bind(ticket_id);
    let list: Vec<&MailAddress> = people.iter().collect();
    let insert = insert_cc(&EventSubject::Ticket(ticket_id), &list, AddedBy::Staff, now);
    std::iter::once(delete).chain(insert).collect()
}

/// Takes an address out of the copy of a ticket, for good, and sends no answers to its requester there.
pub fn leave(ticket_id: i64, address: &str, now: i64) -> [Stmt; 2] {
    let answers = Stmt::new(
        "UPDATE ticket_addresses SET left_at = coalesce(left_at, ?3) WHERE ticket_id = ?1 AND kind = 'reply_to' AND address = ?2",
    );
    let copies = Stmt::new(
        "INSERT INTO ticket_addresses (ticket_id, kind, address, added_at, left_at) \
         SELECT t.id, 'cc', ?2, ?3, ?3 FROM tickets t WHERE t.id = ?1 \
         ON CONFLICT (ticket_id, kind, address) DO UPDATE SET left_at = coalesce(left_at, excluded.left_at)",
    );
    [answers, copies].map(|stmt| stmt.bind(ticket_id).bind(address).bind(now))
}

/// Forgets the address of a person whose account is about to be closed, and where the answers to them were to go.
pub fn forget(user_id: i64) -> [Stmt; 2] {
    [
        Stmt::new(
            "DELETE FROM ticket_addresses WHERE kind = 'cc' AND address = (SELECT email_key FROM users WHERE id = ?1)",
        )
        .bind(user_id),
        Stmt::new(
            "DELETE FROM ticket_addresses WHERE kind = 'reply_to' AND ticket_id IN (SELECT id FROM tickets WHERE requester_id = ?1)",
        )
        .bind(user_id),
    ]
}

/// Puts copies of the message that was appended last into the outbox, if staff wrote it for the requester to read: what
/// others write is not passed on to people who may know neither them nor us.
pub fn insert_copies() -> Stmt {
    Stmt::new(
        "INSERT INTO outbox (people, event_id, next_attempt_at, created_at) \
         SELECT json_group_array(json_array(c.address)), e.id, e.created_at, e.created_at \
         FROM events e CROSS JOIN ticket_addresses c ON c.ticket_id = e.ticket_id AND c.kind = 'cc' AND c.left_at IS NULL \
         CROSS JOIN users a ON a.id = e.actor_id AND a.role <> 'customer' \
         WHERE e.id = (SELECT max(id) FROM events) AND e.public_seq IS NOT NULL GROUP BY e.id",
    )
}
