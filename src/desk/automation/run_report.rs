//! What rules report: notifications to people, and for admins the outcome of each action of a rule that acted.

use serde_json::{Value, json};

use crate::desk::automation::action::{Action, Assignee};

/// Who receives a notification. The people behind it are looked up at commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    Requester,
    Assignee,
    /// All managers; all admins if there is no manager.
    Managers,
    Person(i64),
}

/// A notification that a rule sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleNotification {
    pub to: Recipient,
    pub message: String,
}

impl RuleNotification {
    /// The notification to managers about a ticket that a rule escalated.
    pub fn escalation(rule: &str) -> RuleNotification {
        RuleNotification {
            to: Recipient::Managers,
            message: format!("Escalated by the rule \"{rule}\""),
        }
    }

    /// The refusal reason when nobody received it.
    pub fn refusal_reason(&self) -> &'static str {
        match self.to {
            Recipient::Requester => "the requester has no active account",
            Recipient::Assignee => "nobody is assigned",
            Recipient::Managers => "there is no manager",
            Recipient::Person(_) => "this is no active user who may see the ticket",
        }
    }
}

/// Placeholder for the outcome of automatic assignment, which is known at commit only: SQL replaces it there.
pub const AUTO_ASSIGN_PLACEHOLDER: &str = "$SOUGHT";

/// Placeholder for the outcome of a rule's n-th notification; replaced in the same way.
pub fn notification_placeholder(n: usize) -> String {
    format!("$TOLD{n}")
}

/// Every action as `{"type", "outcome": "done"|"refused", "reason"?}`. `assign_outcome` is the outcome of
/// automatic assignment (or its placeholder), `None` when a later action assigned the ticket. `notify_outcome` is the
/// outcome of every notification; `None` gives each a [`notification_placeholder`].
pub fn report_actions(
    acted: &[(&Action, Option<String>)],
    assign_outcome: Option<&'static str>,
    notify_outcome: Option<&'static str>,
) -> Value {
    let mut count = 0;
    let mut notification_outcome = || {
        let outcome = notify_outcome.map_or_else(|| notification_placeholder(count), str::to_owned);
        count = count.saturating_add(1);
        outcome
    };
    let list = acted.iter().map(|(action, refused)| {
        let word = action.as_str();
        match (action, refused) {
            (_, Some(reason)) => json!({"type": word, "outcome": "refused", "reason": reason}),
            (Action::Assign(Assignee::LeastLoaded), None) => match assign_outcome {
                Some(outcome) => json!({"type": word, "outcome": outcome}),
                None => json!({"type": word, "outcome": "refused", "reason": "it was given to somebody else afterwards"}),
            },
            (Action::SendNotification { .. } | Action::Escalate, None) => {
                json!({"type": word, "outcome": notification_outcome()})
            }
            (_, None) => json!({"type": word, "outcome": "done"}),
        }
    });
    Value::Array(list.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::automation::action::{Audience, RowRef};

    #[test]
    fn every_action_has_an_outcome() {
        let tag = Action::AddTag("x".to_owned());
        let assign = Action::Assign(Assignee::LeastLoaded);
        let hook = Action::SendWebhook(RowRef::Id(1));
        for (action, refused, assign_outcome, want) in [
            (&tag, None, None, "done"),
            (&tag, Some("too many"), None, "refused"),
            (
                &assign,
                None,
                Some(AUTO_ASSIGN_PLACEHOLDER),
                AUTO_ASSIGN_PLACEHOLDER,
            ),
            (&assign, None, None, "refused"),
            (
                &assign,
                Some("assigned already"),
                Some(AUTO_ASSIGN_PLACEHOLDER),
                "refused",
            ),
            (&hook, None, None, "done"),
            (&Action::Escalate, None, None, "$TOLD0"),
        ] {
            let report = report_actions(&[(action, refused.map(str::to_owned))], assign_outcome, None);
            assert_eq!(report[0]["outcome"], want);
            assert_eq!(report[0]["type"], action.as_str());
            let explains = want == "refused";
            assert_eq!(report[0]["reason"].is_string(), explains);
        }
    }

    #[test]
    fn every_notification_has_its_placeholder() {
        let notify = Action::SendNotification {
            to: Audience::Assignee,
            message: "x".to_owned(),
        };
        let acted = [
            (&notify, None),
            (&notify, Some("nobody is assigned".to_owned())),
            (&Action::Escalate, None),
            (&notify, None),
        ];
        let outcomes = |notify_outcome| -> Vec<String> {
            let report = report_actions(&acted, None, notify_outcome);
            let word = |action: &Value| action["outcome"].as_str().unwrap_or_default().to_owned();
            report
                .as_array()
                .map_or(Vec::new(), |list| list.iter().map(word).collect())
        };
        assert_eq!(outcomes(None), ["$TOLD0", "refused", "$TOLD1", "$TOLD2"]);
        assert_eq!(outcomes(Some("done")), ["done", "refused", "done", "done"]);
    }
}
