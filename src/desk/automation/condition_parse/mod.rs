//! Which conditions a workflow rule may have, and how they are read.

use chrono::DateTime;
use serde_json::Value;

use crate::desk::DAY;
use crate::desk::automation::condition::{Condition, Conditions, Op, is_blank};
use crate::desk::automation::fields::{FIELDS, Kind};
use crate::desk::id::MAX_ID;
use crate::desk::person::Role;
use crate::desk::sla::State;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Status, Workflow};
use crate::desk::time_zone::parse_day;
use crate::desk::validation::Mistakes;

/// Conditions of one list.
const MAX_CONDITIONS: usize = 20;
/// Values of one `in`.
const MAX_VALUES: usize = 100;
/// Characters of one value.
const MAX_CHARS: usize = 1_000;

impl Conditions {
    /// Reads `{"all": [...], "any": [...]}`; absent or empty holds always.
    pub(super) fn read(value: Option<&Value>, wrong: &mut Mistakes) -> Conditions {
        let lists = match value {
            None | Some(Value::Null) => return Conditions::default(),
            Some(Value::Object(lists)) => lists,
            Some(_) => {
                wrong.add("conditions", "must be an object with the lists all and any");
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
                    .filter_map(|(at, one)| Condition::read(&format!("{path}[{at}]"), one, wrong))
                    .collect(),
                Some(_) => {
                    wrong.add(
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
    fn read(path: &str, value: &Value, wrong: &mut Mistakes) -> Option<Condition> {
        let Some(parts) = value.as_object() else {
            return wrong.refuse(path, "must be an object with field, op and value");
        };
        let field = parts.get("field").and_then(Value::as_str).and_then(find_field);
        if field.is_none() {
            let names = FIELDS.map(|(name, ..)| name).join(", ");
            wrong.add(
                format!("{path}.field"),
                format!("must be one of {names}, custom_fields.<name>"),
            );
        }
        let op = parts.get("op").and_then(Value::as_str).and_then(Op::parse);
        if op.is_none() {
            let words = Op::WORDS.join(", ");
            wrong.add(format!("{path}.op"), format!("must be one of {words}"));
        }
        let ((field, kind, changes), op) = (field?, op?);
        if !op.suits(kind, changes) {
            return wrong.refuse(
                format!("{path}.op"),
                format!("{} does not suit {field}", op.word()),
            );
        }
        match read_value(kind, op, parts.get("value").unwrap_or(&Value::Null)) {
            Ok(value) => Some(Condition {
                field,
                kind,
                op,
                value,
            }),
            Err(message) => wrong.refuse(format!("{path}.value"), message),
        }
    }
}

impl Op {
    /// Whether it makes sense for such a field.
    fn suits(self, kind: Kind, changes: bool) -> bool {
        match self {
            Op::In | Op::NotIn | Op::IsEmpty => true,
            Op::Is | Op::IsNot => kind != Kind::Tags,
            Op::Contains => matches!(kind, Kind::Text | Kind::Tags | Kind::Custom),
            Op::StartsWith => matches!(kind, Kind::Text | Kind::Custom),
            Op::Gt | Op::Lt => matches!(kind, Kind::Number | Kind::Time | Kind::Priority | Kind::Custom),
            Op::Changed => changes,
            Op::ChangedFrom | Op::ChangedTo => changes && kind != Kind::Tags,
        }
    }
}

/// The canonical name of a field, what it holds, and whether changes touch it.
fn find_field(name: &str) -> Option<(String, Kind, bool)> {
    if let Some(custom) = name.strip_prefix("custom_fields.") {
        let is_named = (1..=100).contains(&custom.chars().count());
        return is_named.then(|| (name.to_owned(), Kind::Custom, true));
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

/// Reads a value for the operator, or says what it must be.
fn read_value(kind: Kind, op: Op, value: &Value) -> Result<Value, &'static str> {
    match op {
        Op::IsEmpty | Op::Changed => match value {
            Value::Null => Ok(Value::Bool(true)),
            Value::Bool(_) => Ok(value.clone()),
            _ => Err("must be absent, true or false"),
        },
        Op::In | Op::NotIn => {
            let list = value
                .as_array()
                .filter(|list| (1..=MAX_VALUES).contains(&list.len()));
            let list = list.ok_or("must be a list of 1 to 100 values")?;
            list.iter()
                .map(|one| read_one(kind, one))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        Op::Is | Op::IsNot | Op::ChangedFrom | Op::ChangedTo if value.is_null() => Ok(Value::Null),
        Op::Gt | Op::Lt if kind == Kind::Custom => read_one(Kind::Number, value),
        Op::Contains | Op::StartsWith if is_blank(value) => Err("must not be empty"),
        _ => read_one(kind, value),
    }
}

fn read_one(kind: Kind, value: &Value) -> Result<Value, &'static str> {
    let text = value
        .as_str()
        .filter(|text| text.chars().take(MAX_CHARS + 1).count() <= MAX_CHARS);
    let lower = || text.map(|text| Value::from(text.to_lowercase()));
    let word = |word: Option<&'static str>| word.map(Value::from);
    let (read, must) = match kind {
        Kind::Text => (lower(), "must be a text of at most 1000 characters"),
        Kind::Status => (
            word(text.and_then(Status::parse).map(Status::word)),
            "must be a status",
        ),
        Kind::Workflow => (
            word(text.and_then(Workflow::parse).map(Workflow::word)),
            "must be support or project",
        ),
        Kind::Priority => (
            word(text.and_then(Priority::parse).map(Priority::word)),
            "must be a priority",
        ),
        Kind::Sla => (
            word(text.and_then(State::parse).map(State::word)),
            "must be an SLA state",
        ),
        Kind::Role => (word(text.and_then(Role::parse).map(Role::word)), "must be a role"),
        Kind::Number => (value.is_number().then(|| value.clone()), "must be a number"),
        Kind::Time => (text.and_then(read_time), "must be a date or an RFC 3339 time"),
        Kind::Flag => (value.is_boolean().then(|| value.clone()), "must be true or false"),
        Kind::Row => {
            let id = value
                .as_i64()
                .filter(|id| (1..=MAX_ID).contains(id))
                .map(Value::from);
            (
                id.or_else(|| lower().filter(|text| !is_blank(text))),
                "must be an id, or a name or uid",
            )
        }
        Kind::Tags => (lower().filter(|text| !is_blank(text)), "must be a tag"),
        Kind::Custom => {
            let scalar = (value.is_number() || value.is_boolean()).then(|| value.clone());
            (scalar.or_else(lower), "must be a text, a number, true or false")
        }
    };
    read.ok_or(must)
}

fn read_time(text: &str) -> Option<Value> {
    let day = parse_day(text).and_then(|day| day.checked_mul(DAY));
    day.or_else(|| Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()))
        .map(Value::from)
}

#[cfg(test)]
mod tests;
