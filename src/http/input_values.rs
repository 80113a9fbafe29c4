//! Parsed input by field name. Absent, null and a value are distinct.

use serde_json::Value;

use crate::desk::Millis;
use crate::desk::category::CategoryRef;
use crate::desk::id::Ref;

/// A parsed and validated value.
#[derive(Clone, Debug, PartialEq)]
pub enum InputValue {
    Null,
    Text(String),
    Flag(bool),
    Integer(i64),
    Ref(Ref),
    Choice(&'static str),
    Choices(Vec<&'static str>),
    Tags(Vec<String>),
    /// Ids as numbers, uids and slugs as strings.
    Rows(Vec<Value>),
    Time(Millis),
    Json(Value),
}

/// A field of a partial update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch<T> {
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// The value of the field after the update.
    pub fn over(self, current: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => current,
            Patch::Clear => None,
            Patch::Set(value) => Some(value),
        }
    }
}

/// Parsed input, by canonical field name.
#[derive(Clone, Debug, Default)]
pub struct Input(pub(super) Vec<(&'static str, InputValue)>);

impl Input {
    fn get(&self, name: &str) -> Option<&InputValue> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, given)| given)
    }

    /// Whether the field is present, even if null.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text as it was sent.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(InputValue::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// The text of a required field; the shape guarantees that it is there.
    pub fn required(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// A text field of a partial update.
    pub fn patch(&self, name: &str) -> Patch<String> {
        match self.get(name) {
            Some(InputValue::Text(text)) => Patch::Set(text.clone()),
            Some(InputValue::Null) => Patch::Clear,
            _ => Patch::Keep,
        }
    }

    /// A boolean.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(InputValue::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// An integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(InputValue::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The API name of a choice.
    pub fn choice(&self, name: &str) -> Option<&'static str> {
        match self.get(name) {
            Some(InputValue::Choice(word)) => Some(word),
            _ => None,
        }
    }

    /// The API names of several choices.
    pub fn choices(&self, name: &str) -> Option<&[&'static str]> {
        match self.get(name) {
            Some(InputValue::Choices(words)) => Some(words),
            _ => None,
        }
    }

    /// A reference to a row.
    pub fn reference(&self, name: &str) -> Option<&Ref> {
        match self.get(name) {
            Some(InputValue::Ref(reference)) => Some(reference),
            _ => None,
        }
    }

    /// Whether the field is present and null.
    pub fn is_null(&self, name: &str) -> bool {
        self.get(name) == Some(&InputValue::Null)
    }

    /// Tags, sorted and without duplicates.
    pub fn tags(&self, name: &str) -> Option<Vec<String>> {
        match self.get(name) {
            Some(InputValue::Tags(tags)) => Some(tags.clone()),
            _ => None,
        }
    }

    /// References to rows as JSON: ids are numbers, uids and slugs strings. Without duplicates.
    pub fn rows_json(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(InputValue::Rows(rows)) => Some(Value::Array(rows.clone()).to_string()),
            _ => None,
        }
    }

    /// References to rows: ids as numbers, other names as strings. Without duplicates.
    pub fn rows(&self, name: &str) -> Option<&[Value]> {
        match self.get(name) {
            Some(InputValue::Rows(rows)) => Some(rows),
            _ => None,
        }
    }

    /// A reference to a category or subcategory.
    pub fn name(&self, name: &str) -> Option<CategoryRef> {
        match self.get(name) {
            Some(InputValue::Ref(reference)) => Some(reference.clone().into()),
            Some(InputValue::Text(slug)) => Some(CategoryRef::Slug(slug.clone())),
            _ => None,
        }
    }

    /// JSON that has a format of its own.
    pub fn json(&self, name: &str) -> Option<&Value> {
        match self.get(name) {
            Some(InputValue::Json(value)) => Some(value),
            _ => None,
        }
    }

    /// A time.
    pub fn time(&self, name: &str) -> Option<Millis> {
        match self.get(name) {
            Some(InputValue::Time(time)) => Some(*time),
            _ => None,
        }
    }
}
