//! What rules tell: people, of a ticket; and administrators, of what became of each action of a rule that acted.

use serde_json::{Value, json};

use crate::desk::automation::action::{Action, Assignee};

/// Whom a rule tells something. Who that is, is known when the change is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    Requester,
    Assignee,
    /// The managers of the desk; its admins, where there are none.
    Managers,
    Person(i64),
}

/// What a rule tells somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleNotification {
    pub to: Recipient,
    pub message: String,
}

impl RuleNotification {
    /// What the managers are told of a ticket that a rule has escalated.
    pub fn escalation(rule: &str) -> RuleNotification {
        RuleNotification {
            to: Recipient::Managers,
            message: format!("Escalated by the rule \"{rule}\""),
        }
    }

    /// Why nobody has been told.
    pub fn refusal_reason(&self) -> &'static str {
        match self.to {
            Recipient::Requester => "the requester has no active account",
            Recipient::Assignee => "nobody is assigned",
            Recipient::Managers => "there is no manager",
            Recipient::Person(_) => "this is no active user who may see the ticket",
        }
    }
}

/// Stands for what comes of looking for the least loaded agent, which is known when the change is kept.
pub const AUTO_ASSIGN_PLACEHOLDER: &str = "$SOUGHT";

/// Stands for what comes of the n-th telling of a rule, likewise.
pub fn notification_placeholder(n: usize) -> String {
    format!("$TOLD{n}")
}

/// Every action as `{"type", "outcome": "done"|"refused", "reason"?}`. `sought` is what came of looking for
/// the least loaded agent; nothing when somebody else was named afterwards. `told` is what comes of telling
/// somebody; nothing where each has a [`notification_placeholder`] of its own.
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
