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

/// Every action as `{"type", "outcome": "done"|"refused", "reason"?}`. `sought` is the refusal reason of automatic
/// assignment, `None` when a later action assigned the ticket. `told` is the refusal reason of notifications; `None`
/// leaves a [`notification_placeholder`] for each.
pub fn report_actions(
    acted: &[(&Action, Option<String>)],
    sought: Option<&'static str>,
    told: Option<&'static str>,
) -> Value {
    let mut tellings = 0;
    let mut next = || {
        let mark = told.map_or_else(|| notification_placeholder(tellings), str::to_owned);
        tellings = tellings.saturating_add(1);
        mark
    };
    let list = acted.iter().map(|(action, refused)| {
        let word = action.as_str();
        match (action, refused) {
            (_, Some(reason)) => json!({"type": word, "outcome": "refused", "reason": reason}),
            (Action::Assign(Assignee::LeastLoaded), None) => match sought {
                Some(outcome) => json!({"type": word, "outcome": outcome}),
                None => json!({"type": word, "outcome": "refused", "reason": "it was given to somebody else afterwards"}),
            },
            (Action::SendNotification { .. } | Action::Escalate, None) => {
                json!({"type": word, "outcome": next()})
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
    fn nothing_succeeds_in_silence() {
        let tag = Action::AddTag("x".to_owned());
        let seek = Action::Assign(Assignee::LeastLoaded);
        let hook = Action::SendWebhook(RowRef::Id(1));
        for (action, refused, sought, want) in [
            (&tag, None, None, "done"),
            (&tag, Some("too many"), None, "refused"),
            (
                &seek,
                None,
                Some(AUTO_ASSIGN_PLACEHOLDER),
                AUTO_ASSIGN_PLACEHOLDER,
            ),
            (&seek, None, None, "refused"),
            (
                &seek,
                Some("assigned already"),
                Some(AUTO_ASSIGN_PLACEHOLDER),
                "refused",
            ),
            (&hook, None, None, "done"),
            (&Action::Escalate, None, None, "$TOLD0"),
        ] {
            let told = report_actions(&[(action, refused.map(str::to_owned))], sought, None);
            assert_eq!(told[0]["outcome"], want);
            assert_eq!(told[0]["type"], action.as_str());
            let explains = want == "refused";
            assert_eq!(told[0]["reason"].is_string(), explains);
        }
    }

    #[test]
    fn every_telling_has_its_mark() {
        let tell = Action::SendNotification {
            to: Audience::Assignee,
            message: "x".to_owned(),
        };
        let acted = [
            (&tell, None),
            (&tell, Some("nobody is assigned".to_owned())),
            (&Action::Escalate, None),
            (&tell, None),
        ];
        let outcomes = |told| -> Vec<String> {
            let deeds = report_actions(&acted, None, told);
            let word = |deed: &Value| deed["outcome"].as_str().unwrap_or_default().to_owned();
            deeds
                .as_array()
                .map_or(Vec::new(), |list| list.iter().map(word).collect())
        };
        assert_eq!(outcomes(None), ["$TOLD0", "refused", "$TOLD1", "$TOLD2"]);
        assert_eq!(outcomes(Some("done")), ["done", "refused", "done", "done"]);
    }
}
