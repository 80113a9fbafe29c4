//! Whom rules tell something of a ticket, decided inside the batch: who it is given to is known only there.

use crate::desk::automation::run_report::{Recipient, Telling, mark};
use crate::edge::db::Stmt;
use crate::store::scope::SEEN_BY;
use crate::store::tickets::subject::{Subject, of_ticket};

/// The condition on a person `u` whom something is told of the ticket `t`, `s` being the settings.
fn hears(to: Recipient) -> String {
    let who = match to {
        Recipient::Requester => "u.id = t.requester_id".to_owned(),
        Recipient::Assignee => "u.id = t.assignee_id".to_owned(),
        Recipient::Managers => {
            "u.role = iif(EXISTS (SELECT 1 FROM users WHERE role = 'manager' AND +is_active = 1), \
             'manager', 'admin')"
                .to_owned()
        }
        Recipient::Person(id) => format!("u.id = {id}"),
    };
    // The + keeps SQLite from walking everybody who is active.
    format!("{who} AND +u.is_active = 1 AND {SEEN_BY}")
}

/// Tells whoever it is for, in the ways that they want to be told.
pub fn tell(subject: &Subject, telling: &Telling, now: i64) -> Stmt {
    let (name, arg) = of_ticket(subject);
    Stmt::new(format!(
        "INSERT INTO notify (user_id, kind, ticket_id, event_id, message, at) SELECT u.id, 'rule', t.id, NULL, ?2, ?3 \
         FROM tickets t CROSS JOIN settings s ON s.id = 1 CROSS JOIN users u WHERE {name} AND {}",
        hears(telling.to)
    ))
    .bind(arg)
    .bind(&telling.message)
    .bind(now)
}

/// The text of a run's deeds, an expression over the ticket `t`, with what came of each telling in the place of its
/// mark.
pub(super) fn told(deeds: &str, tellings: &[Telling]) -> String {
    let replaced = |deeds: String, (n, telling): (usize, &Telling)| {
        format!(
            "replace({deeds}, '\"{}\"', iif(EXISTS (SELECT 1 FROM settings s CROSS JOIN users u WHERE s.id = 1 AND {}), \
             '\"done\"', '\"refused\",\"reason\":\"{}\"'))",
            mark(n),
            hears(telling.to),
            telling.refusal()
        )
    };
    tellings.iter().enumerate().fold(deeds.to_owned(), replaced)
}
