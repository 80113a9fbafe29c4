//! Which users a rule notifies about a ticket. This is decided in SQL inside the batch, because only there is it
//! known to whom the ticket is assigned.

use crate::desk::automation::run_report::{Recipient, RuleNotification, notification_placeholder};
use crate::edge::db::Stmt;
use crate::store::notifications::notify::Announcement;
use crate::store::sql::scope::SEEN_BY;
use crate::store::tickets::subject::{EventSubject, subject_condition};

/// The SQL condition for a user `u` being notified about the ticket `t`; `s` is the settings row.
fn recipient_condition(to: Recipient) -> String {
    let who = match to {
        Recipient::Requester => "u.id = t.requester_id".to_owned(),
        Recipient::Assignee => "u.id = t.assignee_id".to_owned(),
        Recipient::Managers => {
            "u.role <> 'customer' AND u.role = iif(EXISTS (SELECT 1 FROM users WHERE role = 'manager' AND role <> 'customer' AND +is_active = 1), \
             'manager', 'admin')"
                .to_owned()
        }
        Recipient::Person(id) => format!("u.id = {id}"),
    };
    // The `+` keeps SQLite from scanning all active users through the index.
    format!("{who} AND +u.is_active = 1 AND {SEEN_BY}")
}

/// Notifies the recipients, through the channels that they have chosen.
pub fn notify(subject: &EventSubject, telling: &RuleNotification, now: i64) -> [Stmt; 2] {
    let (name, arg) = subject_condition(subject);
    let announcement = Announcement {
        kind: "rule",
        from: "tickets t CROSS JOIN settings s ON s.id = 1 CROSS JOIN users u",
        condition: &format!("{name} AND {}", recipient_condition(telling.to)),
        ticket: "t.id",
        message: "?2",
        at: "?3",
        args: vec![arg, (&telling.message).into(), now.into()],
    };
    announcement.notify()
}

/// The JSON text of a run's actions, as an SQL expression over the ticket `t`, in which the placeholder of each
/// notification is replaced by its outcome.
pub(super) fn fill_outcomes(deeds: &str, notifications: &[RuleNotification]) -> String {
    let replaced = |deeds: String, (n, telling): (usize, &RuleNotification)| {
        format!(
            "replace({deeds}, '\"{}\"', iif(EXISTS (SELECT 1 FROM settings s CROSS JOIN users u WHERE s.id = 1 AND {}), \
             '\"done\"', '\"refused\",\"reason\":\"{}\"'))",
            notification_placeholder(n),
            recipient_condition(telling.to),
            telling.refusal_reason()
        )
    };
    notifications.iter().enumerate().fold(deeds.to_owned(), replaced)
}
