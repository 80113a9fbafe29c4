//! Parses and validates a workflow rule.

use serde_json::{Map, Value};

use crate::desk::automation::action::{Action, Audience};
use crate::desk::automation::condition::Conditions;
use crate::desk::automation::rule::{RuleDefinition, Trigger, TriggerKind};
use crate::desk::tickets::status::Status;
use crate::desk::validation::{FieldError, FieldErrors};

/// The longest schedule interval, in hours: a week.
const MAX_SCHEDULE_HOURS: i64 = 168;
/// The default schedule interval, in hours: a day.
const DEFAULT_SCHEDULE_HOURS: i64 = 24;

impl RuleDefinition {
    /// Parses the `trigger`, `conditions` and `actions` of a rule. Unknown keys are ignored.
    ///
    /// # Errors
    /// All validation errors.
    pub fn parse(
        trigger: Option<&Value>,
        conditions: Option<&Value>,
        actions: Option<&Value>,
    ) -> Result<RuleDefinition, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let trigger = Trigger::parse(trigger, &mut errors);
        let conditions = Conditions::parse(conditions, &mut errors);
        let actions = Action::parse_all(actions, &mut errors);
        for (at, action) in actions.iter().enumerate() {
            let tells = matches!(
                action,
                Action::SendNotification {
                    to: Audience::Requester,
                    ..
                }
            );
            if tells && trigger.is_some_and(|trigger| trigger.internal) {
                errors.add(
                    format!("actions[{at}].to"),
                    "must not tell the requester of internal notes",
                );
            }
        }
        errors.finish(trigger.map(|trigger| RuleDefinition {
            trigger,
            conditions,
            actions,
        }))
    }
}

impl Trigger {
    fn parse(value: Option<&Value>, errors: &mut FieldErrors) -> Option<Trigger> {
        let Some(parts) = value.and_then(Value::as_object) else {
            return errors.reject("trigger", "must be an object with on");
        };
        let Some(on) = parts
            .get("on")
            .and_then(Value::as_str)
            .and_then(TriggerKind::parse)
        else {
            return errors.reject(
                "trigger.on",
                format!("must be one of {}", TriggerKind::WORDS.join(", ")),
            );
        };
        let mut trigger = Trigger {
            on,
            from: None,
            to: None,
            by_staff: None,
            internal: false,
            target: None,
            every_hours: DEFAULT_SCHEDULE_HOURS,
        };
        let mut parts = TriggerReader { parts, errors };
        match on {
            TriggerKind::StatusChanged => {
                let status = |value: &Value| Status::parse(value.as_str()?);
                trigger.from = parts.parse_field("from", "must be a status", status);
                trigger.to = parts.parse_field("to", "must be a status", status);
            }
            TriggerKind::MessageAdded => {
                trigger.by_staff = parts.parse_field("by", "must be staff or customer", |value| match value
                    .as_str()?
                {
                    "staff" => Some(true),
                    "customer" => Some(false),
                    _ => None,
                });
                let internal = parts.parse_field("internal", "must be true or false", Value::as_bool);
                trigger.internal = internal.unwrap_or_default();
            }
            TriggerKind::SlaAtRisk | TriggerKind::SlaBreached => {
                trigger.target = parts.parse_field("target", "must be response or resolution", |value| {
                    ["response", "resolution"]
                        .into_iter()
                        .find(|target| value == target)
                });
            }
            TriggerKind::Schedule => {
                let must = "must be a whole number from 1 to 168";
                let hours = parts.parse_field("every_hours", must, |value| {
                    value
                        .as_i64()
                        .filter(|hours| (1..=MAX_SCHEDULE_HOURS).contains(hours))
                });
                trigger.every_hours = hours.unwrap_or(DEFAULT_SCHEDULE_HOURS);
            }
            TriggerKind::TicketCreated | TriggerKind::TicketUpdated | TriggerKind::Assigned => {}
        }
        Some(trigger)
    }
}

/// A trigger while it is parsed.
struct TriggerReader<'a> {
    parts: &'a Map<String, Value>,
    errors: &'a mut FieldErrors,
}

impl TriggerReader<'_> {
    /// Parses a field that may be absent or null.
    fn parse_field<T>(&mut self, name: &str, must: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let part = self.parts.get(name).filter(|part| !part.is_null())?;
        read(part).or_else(|| self.errors.reject(format!("trigger.{name}"), must))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error_paths(trigger: Value, conditions: Value, actions: Value) -> Vec<String> {
        let read = RuleDefinition::parse(Some(&trigger), Some(&conditions), Some(&actions));
        read.err()
            .unwrap_or_default()
            .into_iter()
            .map(|(path, _)| path)
            .collect()
    }

    #[test]
    fn triggers_are_read() {
        for (on, word) in TriggerKind::ALL.into_iter().zip(TriggerKind::WORDS) {
            assert_eq!((on.as_str(), TriggerKind::parse(word)), (word, Some(on)));
        }
        let escalate = json!([{"type": "escalate"}]);
        for (trigger, want) in [
            (
                json!({"on": "ticket_created", "from": "nonsense", "every_hours": "x"}),
                vec![],
            ),
            (
                json!({"on": "status_changed", "from": "Open", "to": null}),
                vec![],
            ),
            (
                json!({"on": "status_changed", "from": "done", "to": 5}),
                vec!["trigger.from", "trigger.to"],
            ),
            (
                json!({"on": "message_added", "by": "customer", "internal": false}),
                vec![],
            ),
            (
                json!({"on": "message_added", "by": "me", "internal": "no"}),
                vec!["trigger.by", "trigger.internal"],
            ),
            (json!({"on": "sla_breached", "target": "resolution"}), vec![]),
            (
                json!({"on": "sla_at_risk", "target": "both"}),
                vec!["trigger.target"],
            ),
            (json!({"on": "schedule"}), vec![]),
            (json!({"on": "schedule", "every_hours": 168}), vec![]),
            (
                json!({"on": "schedule", "every_hours": 0}),
                vec!["trigger.every_hours"],
            ),
            (
                json!({"on": "schedule", "every_hours": 169}),
                vec!["trigger.every_hours"],
            ),
            (
                json!({"on": "schedule", "every_hours": 1.5}),
                vec!["trigger.every_hours"],
            ),
            (
                json!({"on": "schedule", "every_hours": "24"}),
                vec!["trigger.every_hours"],
            ),
            (json!({"on": "Schedule"}), vec!["trigger.on"]),
            (json!({"on": 5}), vec!["trigger.on"]),
            (json!({}), vec!["trigger.on"]),
            (json!("schedule"), vec!["trigger"]),
            (json!(null), vec!["trigger"]),
        ] {
            assert_eq!(
                error_paths(trigger.clone(), json!({}), escalate.clone()),
                want,
                "{trigger}"
            );
        }
    }

    #[test]
    fn errors_of_all_parts_are_reported_at_once() {
        let got = error_paths(
            json!({"on": "x"}),
            json!({"all": [{}]}),
            json!([{"type": "set_status"}]),
        );
        let want = [
            "trigger.on",
            "conditions.all[0].field",
            "conditions.all[0].op",
            "actions[0].status",
        ];
        assert_eq!(got, want);
        let read = RuleDefinition::parse(None, None, None).err().unwrap_or_default();
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn rules_about_notes_do_not_notify_the_requester() {
        let tell = json!([{"type": "send_notification", "to": "requester", "message": "x"}]);
        for (internal, want) in [(true, vec!["actions[0].to"]), (false, vec![])] {
            let trigger = json!({"on": "message_added", "internal": internal});
            assert_eq!(error_paths(trigger, json!(null), tell.clone()), want);
        }
    }

    /// No JSON makes the parser panic.
    #[test]
    fn nonsense_is_refused() {
        let nonsense = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1e308),
            json!(""),
            json!("\u{0}🔥"),
            json!([[]]),
            json!({"": {}}),
        ];
        for one in &nonsense {
            for key in [
                "on",
                "from",
                "by",
                "internal",
                "target",
                "every_hours",
                "field",
                "op",
                "value",
                "type",
                "to",
                "all",
            ] {
                let object =
                    json!({"on": "schedule", "field": "title", "op": "is", "type": "assign", key: one});
                for part in [
                    one.clone(),
                    object.clone(),
                    json!([object.clone()]),
                    json!({"all": [object.clone()], "any": one}),
                ] {
                    for place in 0..3 {
                        let at = |index: usize| if index == place { Some(&part) } else { None };
                        assert!(RuleDefinition::parse(at(0), at(1), at(2)).is_err());
                    }
                }
            }
        }
    }
}
