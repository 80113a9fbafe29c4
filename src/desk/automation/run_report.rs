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
pub struct Telling {
    pub to: Recipient,
    pub message: String,
}

impl Telling {
    /// What the managers are told of a ticket that a rule has escalated.
    pub fn of_escalation(rule: &str) -> Telling {
        Telling {
            to: Recipient::Managers,
            message: format!("Escalated by the rule \"{rule}\""),
        }
    }

    /// Why nobody has been told.
    pub fn refusal(&self) -> &'static str {
        match self.to {
            Recipient::Requester => "the requester has no active account",
            Recipient::Assignee => "nobody is assigned",
            Recipient::Managers => "there is no manager",
            Recipient::Person(_) => "this is no active user who may see the ticket",
        }
    }
}

/// Stands for what comes of looking for the least loaded agent, which is known when the change is kept.
pub const SOUGHT: &str = "$SOUGHT";

/// Stands for what comes of the n-th telling of a rule, likewise.
pub fn mark(n: usize) -> String {
    format!("$TOLD{n}")
}

/// Every action as `{"type", "outcome": "done"|"refused", "reason"?}`. `sought` is what came of looking for
/// the least loaded agent; nothing when somebody else was named afterwards. `told` is what comes of telling
/// somebody; nothing where each has a [`mark`] of its own.
pub fn deeds(
    acted: &[(&Action, Option<String>)],
    sought: Option<&'static str>,
    told: Option<&'static str>,
) -> Value {
    let mut tellings = 0;
    let mut next = || {
        let mark = told.map_or_else(|| mark(tellings), str::to_owned);
        tellings = tellings.saturating_add(1);
        mark
    };
    let list = acted.iter().map(|(action, refused)| {
        let word = action.word();
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
    use crate::desk::automation::action::{Audience, Row};

    #[test]
    fn nothing_succeeds_in_silence() {
        let tag = Action::AddTag("x".to_owned());
        let seek = Action::Assign(Assignee::LeastLoaded);
        let hook = Action::SendWebhook(Row::Id(1));
        for (action, refused, sought, want) in [
            (&tag, None, None, "done"),
            (&tag, Some("too many"), None, "refused"),
            (&seek, None, Some(SOUGHT), SOUGHT),
            (&seek, None, None, "refused"),
            (&seek, Some("assigned already"), Some(SOUGHT), "refused"),
            (&hook, None, None, "done"),
            (&Action::Escalate, None, None, "$TOLD0"),
        ] {
            let told = deeds(&[(action, refused.map(str::to_owned))], sought, None);
            assert_eq!(told[0]["outcome"], want);
            assert_eq!(told[0]["type"], action.word());
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
            let deeds = deeds(&acted, None, told);
            let word = |deed: &Value| deed["outcome"].as_str().unwrap_or_default().to_owned();
            deeds
                .as_array()
                .map_or(Vec::new(), |list| list.iter().map(word).collect())
        };
        assert_eq!(outcomes(None), ["$TOLD0", "refused", "$TOLD1", "$TOLD2"]);
        assert_eq!(outcomes(Some("done")), ["done", "refused", "done", "done"]);
    }
}
