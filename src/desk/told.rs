//! What is told of a rule that acted: each of its actions with what came of it.

use serde_json::{Value, json};

use super::action::{Action, Assignee};

/// Stands for what comes of looking for the least loaded agent, which is known when the change is kept.
pub const SOUGHT: &str = "$SOUGHT";

/// Why nobody has been told.
const PENDING: &str = "nothing is sent yet: this desk has no outgoing messages";

/// Every action as `{"type", "outcome": "done"|"refused"|"pending", "reason"?}`. `sought` is what came of looking for
/// the least loaded agent; nothing when somebody else was named afterwards.
pub fn deeds(acted: &[(&Action, Option<String>)], sought: Option<&'static str>) -> Value {
    let list = acted.iter().map(|(action, refused)| {
        let word = action.word();
        match (action, refused) {
            (_, Some(reason)) => json!({"type": word, "outcome": "refused", "reason": reason}),
            (Action::Assign(Assignee::LeastLoaded), None) => match sought {
                Some(outcome) => json!({"type": word, "outcome": outcome}),
                None => json!({"type": word, "outcome": "refused", "reason": "it was given to somebody else afterwards"}),
            },
            (Action::SendNotification { .. } | Action::SendWebhook(_), None) => {
                json!({"type": word, "outcome": "pending", "reason": PENDING})
            }
            (Action::Escalate, None) => {
                json!({"type": word, "outcome": "done", "reason": format!("the managers are not told; {PENDING}")})
            }
            (_, None) => json!({"type": word, "outcome": "done"}),
        }
    });
    Value::Array(list.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::action::Row;

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
            (&hook, None, None, "pending"),
            (&Action::Escalate, None, None, "done"),
        ] {
            let told = deeds(&[(action, refused.map(str::to_owned))], sought);
            assert_eq!(told[0]["outcome"], want);
            assert_eq!(told[0]["type"], action.word());
            let explains = !matches!(want, "done" | SOUGHT) || *action == Action::Escalate;
            assert_eq!(told[0]["reason"].is_string(), explains);
        }
    }
}
