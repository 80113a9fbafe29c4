//! Parses and validates the conditions of a workflow rule: which fields there are, and which operators suit them.

use chrono::DateTime;
use serde_json::Value;

use crate::desk::DAY;
use crate::desk::automation::condition::{Condition, Conditions, Operator, is_blank};
use crate::desk::automation::fields::{FIELDS, FieldKind, custom_key};
use crate::desk::fold::{caseless, fold};
use crate::desk::id::MAX_ID;
use crate::desk::person::Role;
use crate::desk::sla::SlaState;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::time_zone::parse_day;
use crate::desk::validation::FieldErrors;

/// Conditions in one list.
const MAX_CONDITIONS: usize = 20;
/// Values of one `in`.
const MAX_VALUES: usize = 100;
/// Characters of one value.
const MAX_VALUE_CHARS: usize = 1_000;

impl Conditions {
    /// Parses `{"all": [...], "any": [...]}`. Without any condition the rule always acts.
    pub(super) fn parse(value: Option<&Value>, errors: &mut FieldErrors) -> Conditions {
        let lists = match value {
            None | Some(Value::Null) => return Conditions::default(),
            Some(Value::Object(lists)) => lists,
            Some(_) => {
                errors.add("conditions", "must be an object with the lists all and any");
                return Conditions::default();
            }
        };
        let mut read = |name: &str| {
            let path = format!("conditions.{name}");
            match lists.get(name) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(list)) if list.len() <= MAX_CONDITIONS => list
                    .iter()
                    .enumerate()
                    .filter_map(|(at, one)| Condition::parse(&format!("{path}[{at}]"), one, errors))
                    .collect(),
                Some(_) => {
                    errors.add(
                        path,
                        format!("must be a list of at most {MAX_CONDITIONS} conditions"),
                    );
                    Vec::new()
                }
            }
        };
        Conditions {
            all: read("all"),
            any: read("any"),
        }
    }
}

impl Condition {
    fn parse(path: &str, value: &Value, errors: &mut FieldErrors) -> Option<Condition> {
        let Some(parts) = value.as_object() else {
            return errors.reject(path, "must be an object with field, op and value");
        };
        let field = parts.get("field").and_then(Value::as_str).and_then(find_field);
        if field.is_none() {
            let names = FIELDS.map(|(name, ..)| name).join(", ");
            errors.add(
                format!("{path}.field"),
                format!("must be one of {names}, custom.<key>"),
            );
        }
        let op = parts.get("op").and_then(Value::as_str).and_then(Operator::parse);
        if op.is_none() {
            let words = Operator::WORDS.join(", ");
            errors.add(format!("{path}.op"), format!("must be one of {words}"));
        }
        let ((field, kind, changes), op) = (field?, op?);
        if !op.supports(kind, changes) {
            return errors.reject(
                format!("{path}.op"),
                format!("{} does not suit {field}", op.as_str()),
            );
        }
        match parse_value(kind, op, parts.get("value").unwrap_or(&Value::Null)) {
            Ok(value) => Some(Condition {
                field,
                kind,
                op,
                value,
            }),
            Err(message) => errors.reject(format!("{path}.value"), message),
        }
    }
}

impl Operator {
    /// Whether the operator can be used on such a field. `changes`: whether a ticket change can touch the field.
    fn supports(self, kind: FieldKind, changes: bool) -> bool {
        match self {
            Operator::In | Operator::NotIn | Operator::IsEmpty => true,
            Operator::Is | Operator::IsNot => kind != FieldKind::Tags,
            Operator::Contains => matches!(kind, FieldKind::Text | FieldKind::Tags | FieldKind::Custom),
            Operator::StartsWith => matches!(kind, FieldKind::Text | FieldKind::Custom),
            Operator::Gt | Operator::Lt => matches!(
                kind,
                FieldKind::Number | FieldKind::Time | FieldKind::Priority | FieldKind::Custom
            ),
            Operator::Changed => changes,
            Operator::ChangedFrom | Operator::ChangedTo => changes && kind != FieldKind::Tags,
        }
    }
}

/// Finds a field by any of its names: the canonical name, its kind, and whether a ticket change can touch it.
fn find_field(name: &str) -> Option<(String, FieldKind, bool)> {
    if let Some(custom) = custom_key(name) {
        let is_named = (1..=100).contains(&custom.chars().count());
        return is_named.then(|| (name.to_owned(), FieldKind::Custom, true));
    }
    let name = match name {
        "subject" => "title",
        "initial_description" => "description",
        "content" | "message" => "body",
        "category_id" => "category",
        "assigned_to" | "agent_id" | "assignee_id" => "assignee",
        "tag" => "tags",
        name => name,
    };
    let known = FIELDS.into_iter().find(|(known, ..)| *known == name)?;
    Some((known.0.to_owned(), known.1, known.2))
}

/// Parses a value for the operator. The error says what it must be.
fn parse_value(kind: FieldKind, op: Operator, value: &Value) -> Result<Value, &'static str> {
    match op {
        Operator::IsEmpty | Operator::Changed => match value {
            Value::Null => Ok(Value::Bool(true)),
            Value::Bool(_) => Ok(value.clone()),
            _ => Err("must be absent, true or false"),
        },
        Operator::In | Operator::NotIn => {
            let list = value
                .as_array()
                .filter(|list| (1..=MAX_VALUES).contains(&list.len()));
            let list = list.ok_or("must be a list of 1 to 100 values")?;
            list.iter()
                .map(|one| parse_operand(kind, one))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        Operator::Is | Operator::IsNot | Operator::ChangedFrom | Operator::ChangedTo if value.is_null() => {
            Ok(Value::Null)
        }
        Operator::Gt | Operator::Lt if kind == FieldKind::Custom => parse_operand(FieldKind::Number, value),
        Operator::Contains | Operator::StartsWith if is_blank(value) => Err("must not be empty"),
        _ => parse_operand(kind, value),
    }
}

fn parse_operand(kind: FieldKind, value: &Value) -> Result<Value, &'static str> {
    let text = value
        .as_str()
        .filter(|text| text.chars().take(MAX_VALUE_CHARS + 1).count() <= MAX_VALUE_CHARS);
    let folded = || text.map(|text| Value::from(fold(text)));
    let name = || text.map(|text| Value::from(caseless(text)));
    let word = |word: Option<&'static str>| word.map(Value::from);
    let (read, must) = match kind {
        FieldKind::Text => (folded(), "must be a text of at most 1000 characters"),
        FieldKind::Status => (
            word(text.and_then(Status::parse).map(Status::as_str)),
            "must be a status",
        ),
        FieldKind::Lifecycle => (
            word(text.and_then(Lifecycle::parse).map(Lifecycle::as_str)),
            "must be support or project",
        ),
        FieldKind::Priority => (
            word(text.and_then(Priority::parse).map(Priority::as_str)),
            "must be a priority",
        ),
        FieldKind::Sla => (
            word(text.and_then(SlaState::parse).map(SlaState::as_str)),
            "must be an SLA state",
        ),
        FieldKind::Role => (
            word(text.and_then(Role::parse).map(Role::as_str)),
            "must be a role",
        ),
        FieldKind::Number => (value.is_number().then(|| value.clone()), "must be a number"),
        FieldKind::Time => (text.and_then(parse_time), "must be a date or an RFC 3339 time"),
        FieldKind::Flag => (value.is_boolean().then(|| value.clone()), "must be true or false"),
        FieldKind::Row => {
            let id = value
                .as_i64()
                .filter(|id| (1..=MAX_ID).contains(id))
                .map(Value::from);
            (
                id.or_else(|| name().filter(|text| !is_blank(text))),
                "must be an id, or a name or uid",
            )
        }
        FieldKind::Tags => (folded().filter(|text| !is_blank(text)), "must be a tag"),
        FieldKind::Custom => {
            let scalar = (value.is_number() || value.is_boolean()).then(|| value.clone());
            (scalar.or_else(folded), "must be a text, a number, true or false")
        }
    };
    read.ok_or(must)
}

fn parse_time(text: &str) -> Option<Value> {
    let day = parse_day(text).and_then(|day| day.checked_mul(DAY));
    day.or_else(|| Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()))
        .map(Value::from)
}

#[cfg(test)]
mod tests;
