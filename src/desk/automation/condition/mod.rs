//! Conditions of a workflow rule, evaluated against the facts of a ticket.
//!
//! A condition is a field, an operator and a value: `{"field": "priority", "op": "gt", "value": "low"}`. Text is
//! compared as it folds: case, accents and encodings do not count. A fact that is missing counts as empty.

use std::cmp::Ordering;

use serde_json::Value;

use crate::desk::automation::fields::FieldKind;
use crate::desk::fold::{caseless, fold};
use crate::desk::tickets::priority::Priority;

/// The data that conditions are evaluated against.
///
/// Enumerated values are API names, times are epoch milliseconds, tags are an array, and a row (category, project,
/// assignee, requester) is `{"id", "uid", "name"}`, where `name` is its slug, key or e-mail address.
pub trait Facts {
    /// The current value of a field, including what earlier rules have changed.
    fn get(&self, field: &str) -> Option<Value>;
    /// The value of a field before the change that triggered the rules. `None` if that change did not touch it.
    fn before(&self, field: &str) -> Option<Value>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Is,
    IsNot,
    In,
    NotIn,
    Contains,
    StartsWith,
    Gt,
    Lt,
    IsEmpty,
    Changed,
    ChangedFrom,
    ChangedTo,
}

impl Operator {
    /// All operators.
    pub const ALL: [Operator; 12] = [
        Operator::Is,
        Operator::IsNot,
        Operator::In,
        Operator::NotIn,
        Operator::Contains,
        Operator::StartsWith,
        Operator::Gt,
        Operator::Lt,
        Operator::IsEmpty,
        Operator::Changed,
        Operator::ChangedFrom,
        Operator::ChangedTo,
    ];
    /// The API names, in the order of [`Operator::ALL`].
    pub const WORDS: [&'static str; 12] = [
        "is",
        "is_not",
        "in",
        "not_in",
        "contains",
        "starts_with",
        "gt",
        "lt",
        "is_empty",
        "changed",
        "changed_from",
        "changed_to",
    ];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        let known = Operator::ALL
            .into_iter()
            .zip(Operator::WORDS)
            .find(|(op, _)| *op == self);
        known.map_or("is", |(_, word)| word)
    }

    /// Reads an API name; case matters.
    pub fn parse(word: &str) -> Option<Operator> {
        Operator::ALL.into_iter().find(|op| op.as_str() == word)
    }
}

/// A parsed and validated condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub field: String,
    pub kind: FieldKind,
    pub op: Operator,
    /// In the form that facts have, text folded, the name of a row in lower case. A list for `in`, a boolean for `is_empty` and `changed`.
    pub value: Value,
}

/// They hold when all of `all` hold and, if `any` is not empty, at least one of `any`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    pub all: Vec<Condition>,
    pub any: Vec<Condition>,
}

/// A condition that does not hold, for the response of a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmetCondition {
    /// Where it is in the rule: `conditions.all[0]`.
    pub path: String,
    /// In words: `priority gt "low": it is "low"`.
    pub reason: String,
}

impl Conditions {
    /// Whether the conditions hold.
    pub fn matches(&self, facts: &impl Facts) -> bool {
        self.all.iter().all(|one| one.matches(facts))
            && (self.any.is_empty() || self.any.iter().any(|one| one.matches(facts)))
    }

    /// The conditions because of which the rule does not act; empty when they hold.
    pub fn explain(&self, facts: &impl Facts) -> Vec<UnmetCondition> {
        let failing = |name: &'static str, list: &[Condition]| -> Vec<UnmetCondition> {
            let unmet = list.iter().enumerate().filter(|(_, one)| !one.matches(facts));
            unmet
                .map(|(at, one)| one.explain(format!("conditions.{name}[{at}]"), facts))
                .collect()
        };
        let mut all = failing("all", &self.all);
        let any = failing("any", &self.any);
        if any.len() == self.any.len() {
            all.extend(any);
        }
        all
    }
}

impl Condition {
    /// Whether this condition holds.
    pub fn matches(&self, facts: &impl Facts) -> bool {
        let fact = facts.get(&self.field).unwrap_or(Value::Null);
        let before = || facts.before(&self.field).filter(|before| *before != fact);
        match self.op {
            Operator::Is => equals(&fact, &self.value),
            Operator::IsNot => !equals(&fact, &self.value),
            Operator::In => self.is_listed(&fact),
            Operator::NotIn => !self.is_listed(&fact),
            Operator::Contains => contains(&fact, &self.value),
            Operator::StartsWith => fact
                .as_str()
                .zip(self.value.as_str())
                .is_some_and(|(fact, value)| fold(fact).starts_with(value)),
            Operator::Gt => self.compare(&fact) == Some(Ordering::Greater),
            Operator::Lt => self.compare(&fact) == Some(Ordering::Less),
            Operator::IsEmpty => self.value == Value::Bool(is_blank(&fact)),
            Operator::Changed => self.value == Value::Bool(before().is_some()),
            Operator::ChangedFrom => before().is_some_and(|before| equals(&before, &self.value)),
            Operator::ChangedTo => before().is_some() && equals(&fact, &self.value),
        }
    }

    fn is_listed(&self, fact: &Value) -> bool {
        self.value
            .as_array()
            .is_some_and(|list| list.iter().any(|value| equals(fact, value)))
    }

    fn compare(&self, fact: &Value) -> Option<Ordering> {
        if self.kind == FieldKind::Priority {
            let rank = |value: &Value| Priority::parse(value.as_str()?);
            return Some(rank(fact)?.cmp(&rank(&self.value)?));
        }
        fact.as_f64()?.partial_cmp(&self.value.as_f64()?)
    }

    fn explain(&self, path: String, facts: &impl Facts) -> UnmetCondition {
        let fact = facts.get(&self.field).unwrap_or(Value::Null);
        let (field, op) = (&self.field, self.op.as_str());
        let was = match facts.before(field) {
            Some(before) => format!(", it was {}", abbreviate(&before)),
            None => String::new(),
        };
        let reason = format!(
            "{field} {op} {}: it is {}{was}",
            abbreviate(&self.value),
            abbreviate(&fact)
        );
        UnmetCondition { path, reason }
    }
}

/// Whether a fact equals the value of a condition.
fn equals(fact: &Value, value: &Value) -> bool {
    match (fact, value) {
        (_, Value::Null) => is_blank(fact),
        (Value::String(fact), Value::String(value)) => fold(fact) == *value,
        (Value::Number(fact), Value::Number(value)) => fact.as_f64() == value.as_f64(),
        (Value::Object(row), Value::Number(_)) => row.get("id").is_some_and(|id| equals(id, value)),
        // What names a row identifies it: accents count.
        (Value::Object(row), Value::String(value)) => ["name", "uid"].iter().any(|key| {
            let fact = row.get(*key).and_then(Value::as_str);
            fact.is_some_and(|fact| caseless(fact) == *value)
        }),
        (Value::Array(_), _) => contains(fact, value),
        _ => fact == value,
    }
}

fn contains(fact: &Value, value: &Value) -> bool {
    match (fact, value) {
        (Value::String(fact), Value::String(value)) => fold(fact).contains(value),
        (Value::Array(list), _) => list.iter().any(|one| !one.is_array() && equals(one, value)),
        _ => false,
    }
}

pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(row) => row.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value for a message: a row by its name, a long text cut.
fn abbreviate(value: &Value) -> String {
    let text = value.get("name").unwrap_or(value).to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
pub mod tests;
