//! Parses and validates the actions of a workflow rule.

use serde_json::{Map, Value, json};

use crate::desk::automation::action::{Action, Assignee, Audience, MAX_ACTIONS, RowRef};
use crate::desk::automation::fields::custom_key;
use crate::desk::fold::caseless;
use crate::desk::id::{MAX_ID, is_uid};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::tag::{TAG_MESSAGE, parse_tag};
use crate::desk::tools::custom_field::is_key;
use crate::desk::validation::FieldErrors;

/// The names under which `assign` says to whom.
const ASSIGNEE_NAMES: [&str; 7] = [
    "to",
    "agent",
    "agent_id",
    "assignee",
    "assignee_id",
    "assigned_to",
    "value",
];
/// Characters of an internal note: the limit of a message.
const MAX_NOTE_CHARS: usize = 10_000;
/// Characters of a notification's text.
const MAX_NOTIFICATION_CHARS: usize = 1_000;

impl Action {
    /// Parses a list of 1 to [`MAX_ACTIONS`] actions.
    pub(super) fn parse_all(value: Option<&Value>, errors: &mut FieldErrors) -> Vec<Action> {
        let list = value
            .and_then(Value::as_array)
            .filter(|list| (1..=MAX_ACTIONS).contains(&list.len()));
        let Some(list) = list else {
            errors.add("actions", format!("must be a list of 1 to {MAX_ACTIONS} actions"));
            return Vec::new();
        };
        let numbered = list.iter().enumerate();
        numbered
            .filter_map(|(at, one)| Action::parse(&format!("actions[{at}]"), one, errors))
            .collect()
    }

    /// Like [`Action::parse_all`], for a macro: somebody applies it, to whom `me` refers.
    pub(in crate::desk) fn parse_for_macro(value: &Value, errors: &mut FieldErrors) -> Vec<Action> {
        let is_me = |action: &Value| {
            action.get("type").and_then(Value::as_str) == Some("assign")
                && (ASSIGNEE_NAMES.iter().find_map(|name| action.get(name))).and_then(Value::as_str)
                    == Some("me")
        };
        let Some(list) = value.as_array().filter(|list| list.iter().any(is_me)) else {
            return Action::parse_all(Some(value), errors);
        };
        // A rule would be refused `me`: it is read as `none`, and then put in.
        let others: Vec<Value> = list
            .iter()
            .map(|action| {
                if is_me(action) {
                    json!({"type": "assign", "to": "none"})
                } else {
                    action.clone()
                }
            })
            .collect();
        let mut read = Action::parse_all(Some(&others.into()), errors);
        if read.len() == list.len() {
            for (action, given) in read.iter_mut().zip(list) {
                if is_me(given) {
                    *action = Action::Assign(Assignee::Me);
                }
            }
        }
        read
    }

    fn parse(path: &str, value: &Value, errors: &mut FieldErrors) -> Option<Action> {
        let Some(parts) = value.as_object() else {
            return errors.reject(path, "must be an object with a type");
        };
        let mut parts = ActionReader { path, parts, errors };
        match value.get("type").and_then(Value::as_str).unwrap_or_default() {
            "set_status" => {
                parts.parse_field(&["status", "value"], "must be a status", |value| {
                    Status::parse(value.as_str()?)
                })
            }
            .map(Action::SetStatus),
            "set_priority" => {
                parts.parse_field(&["priority", "value"], "must be a priority", |value| {
                    Priority::parse(value.as_str()?)
                })
            }
            .map(Action::SetPriority),
            "set_category" => parts
                .parse_field(
                    &["category", "category_id", "value"],
                    "must be the id, uid or slug of a category, or null",
                    |value| {
                        if value.is_null() {
                            Some(None)
                        } else {
                            parse_row_ref(value).map(Some)
                        }
                    },
                )
                .map(Action::SetCategory),
            "assign" => parts
                .parse_field(
                    &ASSIGNEE_NAMES,
                    "must be the id or uid of an agent, least_loaded or none",
                    parse_assignee,
                )
                .map(Action::Assign),
            "set_custom_field" => {
                let key =
                    parts.parse_field(&["key", "field"], "must be the key of a custom field", |value| {
                        let key = value.as_str()?;
                        let key = custom_key(key).unwrap_or(key);
                        is_key(key).then(|| key.to_owned())
                    });
                let value = parts.parse_field(&["value"], "must be a value, or null", |value| {
                    Some(value.clone())
                });
                Some(Action::SetCustomField {
                    key: key?,
                    value: value?,
                })
            }
            "add_tag" => parts
                .parse_field(&["tag", "value"], TAG_MESSAGE, |tag| parse_tag(tag.as_str()?))
                .map(Action::AddTag),
            "remove_tag" => parts
                .parse_field(&["tag", "value"], TAG_MESSAGE, |tag| parse_tag(tag.as_str()?))
                .map(Action::RemoveTag),
            "add_note" => parts
                .parse_field(
                    &["body", "content", "message", "value"],
                    "must be 1 to 10000 characters",
                    |value| parse_text(value, MAX_NOTE_CHARS),
                )
                .map(Action::AddNote),
            "send_notification" => {
                let must = "must be requester, assignee, managers, or the id or uid of a user";
                let to = parts.parse_field(&["to"], must, parse_audience);
                let message = parts.parse_field(
                    &["message", "body", "value"],
                    "must be 1 to 1000 characters",
                    |value| parse_text(value, MAX_NOTIFICATION_CHARS),
                );
                Some(Action::SendNotification {
                    to: to?,
                    message: message?,
                })
            }
            "send_webhook" => parts
                .parse_field(
                    &["webhook", "webhook_id", "value"],
                    "must be the id or uid of a webhook",
                    parse_id_or_uid,
                )
                .map(Action::SendWebhook),
            "escalate" => Some(Action::Escalate),
            _ => parts.errors.reject(
                format!("{path}.type"),
                format!("must be one of {}", Action::WORDS.join(", ")),
            ),
        }
    }
}

/// One action while it is parsed.
struct ActionReader<'a> {
    path: &'a str,
    parts: &'a Map<String, Value>,
    errors: &'a mut FieldErrors,
}

impl ActionReader<'_> {
    /// Parses a parameter that may be given under any of the names. Errors are reported under the first one.
    fn parse_field<T>(
        &mut self,
        names: &[&str],
        must: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let part = names.iter().find_map(|name| self.parts.get(*name));
        let name = names.first().unwrap_or(&"value");
        part.and_then(read)
            .or_else(|| self.errors.reject(format!("{}.{name}", self.path), must))
    }
}

/// An id, uid or slug.
fn parse_row_ref(value: &Value) -> Option<RowRef> {
    match value {
        Value::Number(_) => value
            .as_i64()
            .filter(|id| (1..=MAX_ID).contains(id))
            .map(RowRef::Id),
        Value::String(word) => {
            let word = caseless(word.trim());
            let is_word = (1..=100).contains(&word.len()) && !word.bytes().all(|b| b.is_ascii_digit());
            is_word.then_some(RowRef::Name(word))
        }
        _ => None,
    }
}

/// An id or uid.
fn parse_id_or_uid(value: &Value) -> Option<RowRef> {
    parse_row_ref(value).filter(|row| match row {
        RowRef::Id(_) => true,
        RowRef::Name(word) => is_uid(word),
    })
}

fn parse_assignee(value: &Value) -> Option<Assignee> {
    match value.as_str() {
        Some("least_loaded") => Some(Assignee::LeastLoaded),
        Some("none") => Some(Assignee::Nobody),
        _ => parse_id_or_uid(value).map(Assignee::Agent),
    }
}

fn parse_audience(value: &Value) -> Option<Audience> {
    match value.as_str() {
        Some("requester") => Some(Audience::Requester),
        Some("assignee") => Some(Audience::Assignee),
        Some("managers") => Some(Audience::Managers),
        _ => parse_id_or_uid(value).map(Audience::Person),
    }
}

/// Text of several lines: tab, LF and CR are the only control characters. Its length counts after trimming.
fn parse_text(value: &Value, max: usize) -> Option<String> {
    let text = value.as_str()?;
    let is_text = (1..=max).contains(&text.trim().chars().count())
        && !text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r'));
    is_text.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Vec<Action>, Vec<String>> {
        let mut errors = FieldErrors::default();
        let actions = Action::parse_all(Some(&value), &mut errors);
        errors
            .finish(Some(actions))
            .map_err(|errors| errors.into_iter().map(|(path, _)| path).collect())
    }

    #[test]
    fn actions_are_read() {
        let uid = "0190b4c6-7d2a-7c3e-8f00-0123456789ab";
        for (value, want) in [
            (
                json!({"type": "set_status", "status": "In Progress"}),
                Action::SetStatus(Status::InProgress),
            ),
            (
                json!({"type": "set_priority", "value": "critical"}),
                Action::SetPriority(Priority::Urgent),
            ),
            (
                json!({"type": "set_category", "category_id": 5}),
                Action::SetCategory(Some(RowRef::Id(5))),
            ),
            (
                json!({"type": "set_category", "category": "Billing"}),
                Action::SetCategory(Some(RowRef::Name("billing".to_owned()))),
            ),
            (
                json!({"type": "set_category", "category": null}),
                Action::SetCategory(None),
            ),
            (
                json!({"type": "assign", "to": "least_loaded"}),
                Action::Assign(Assignee::LeastLoaded),
            ),
            (
                json!({"type": "assign", "to": "none"}),
                Action::Assign(Assignee::Nobody),
            ),
            (
                json!({"type": "assign", "agent_id": 7}),
                Action::Assign(Assignee::Agent(RowRef::Id(7))),
            ),
            (
                json!({"type": "assign", "agent": uid}),
                Action::Assign(Assignee::Agent(RowRef::Name(uid.to_owned()))),
            ),
            (
                json!({"type": "add_tag", "tag": " VIP "}),
                Action::AddTag("vip".to_owned()),
            ),
            (
                json!({"type": "remove_tag", "value": "größe:xl"}),
                Action::RemoveTag("größe:xl".to_owned()),
            ),
            (
                json!({"type": "add_note", "content": "a\nb 🔥"}),
                Action::AddNote("a\nb 🔥".to_owned()),
            ),
            (
                json!({"type": "send_notification", "to": "managers", "message": "Look"}),
                Action::SendNotification {
                    to: Audience::Managers,
                    message: "Look".to_owned(),
                },
            ),
            (
                json!({"type": "send_notification", "to": 3, "message": "Look"}),
                Action::SendNotification {
                    to: Audience::Person(RowRef::Id(3)),
                    message: "Look".to_owned(),
                },
            ),
            (
                json!({"type": "send_webhook", "webhook": 1}),
                Action::SendWebhook(RowRef::Id(1)),
            ),
            (json!({"type": "escalate", "unknown": []}), Action::Escalate),
        ] {
            assert!(Action::WORDS.contains(&want.as_str()));
            assert_eq!(read(json!([value])), Ok(vec![want]), "{value}");
        }
    }

    #[test]
    fn every_error_is_reported() {
        for (value, want) in [
            (json!(null), vec!["actions"]),
            (json!([]), vec!["actions"]),
            (json!({}), vec!["actions"]),
            (json!(vec![json!({"type": "escalate"}); 11]), vec!["actions"]),
            (
                json!([5, null, {}, {"type": 5}]),
                vec!["actions[0]", "actions[1]", "actions[2].type", "actions[3].type"],
            ),
            (
                json!([{"type": "Escalate"}, {"type": "drop_table"}]),
                vec!["actions[0].type", "actions[1].type"],
            ),
            (
                json!([{"type": "set_status"}, {"type": "set_status", "status": "done"}]),
                vec!["actions[0].status", "actions[1].status"],
            ),
            (
                json!([{"type": "set_priority", "priority": 1}]),
                vec!["actions[0].priority"],
            ),
            (
                json!([{"type": "set_category"}, {"type": "set_category", "category": "5"}]),
                vec!["actions[0].category", "actions[1].category"],
            ),
            (
                json!([{"type": "assign", "to": "bob"}, {"type": "assign", "to": "7"}, {"type": "assign", "to": 0}]),
                vec!["actions[0].to", "actions[1].to", "actions[2].to"],
            ),
            (
                json!([{"type": "assign", "to": 1.5}, {"type": "assign", "to": u64::MAX}]),
                vec!["actions[0].to", "actions[1].to"],
            ),
            (
                json!([{"type": "add_tag", "tag": "two words"}, {"type": "add_tag", "tag": "x".repeat(51)}]),
                vec!["actions[0].tag", "actions[1].tag"],
            ),
            (
                json!([{"type": "add_note", "body": " \n"}, {"type": "add_note", "body": "\0"}]),
                vec!["actions[0].body", "actions[1].body"],
            ),
            (
                json!([{"type": "add_note", "body": "é".repeat(10_001)}]),
                vec!["actions[0].body"],
            ),
            (
                json!([{"type": "send_notification"}]),
                vec!["actions[0].to", "actions[0].message"],
            ),
            (
                json!([{"type": "send_notification", "to": "everybody", "message": "x"}]),
                vec!["actions[0].to"],
            ),
            (
                json!([{"type": "send_webhook", "webhook": "http://x"}]),
                vec!["actions[0].webhook"],
            ),
        ] {
            assert_eq!(
                read(value.clone()),
                Err(want.into_iter().map(str::to_owned).collect()),
                "{value}"
            );
        }
    }
}
