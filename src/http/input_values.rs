//! What was given, after it was read: by field, with absent, null and a value told apart.

use serde_json::Value;

use crate::desk::Millis;
use crate::desk::category::CategoryRef;
use crate::desk::id::Ref;

/// One value, read and checked.
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

/// Absent, null and a value are three different things in a partial update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch<T> {
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// What the field is after the patch.
    pub fn over(self, current: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => current,
            Patch::Clear => None,
            Patch::Set(value) => Some(value),
        }
    }
}

/// What was given, by canonical name.
#[derive(Debug, Default)]
pub struct Input(pub(super) Vec<(&'static str, InputValue)>);

impl Input {
    fn get(&self, name: &str) -> Option<&InputValue> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, given)| given)
    }

    /// Whether the field was given, null included.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Text, as it was sent.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(InputValue::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Text that must be there; the shape has seen to that.
    pub fn required(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// A partial update of a text field.
    pub fn patch(&self, name: &str) -> Patch<String> {
        match self.get(name) {
            Some(InputValue::Text(text)) => Patch::Set(text.clone()),
            Some(InputValue::Null) => Patch::Clear,
            _ => Patch::Keep,
        }
    }

    /// true or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(InputValue::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(InputValue::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A canonical word.
    pub fn choice(&self, name: &str) -> Option<&'static str> {
        match self.get(name) {
            Some(InputValue::Choice(word)) => Some(word),
            _ => None,
        }
    }

    /// Several canonical words.
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

    /// Whether the field was given as null.
    pub fn is_null(&self, name: &str) -> bool {
        self.get(name) == Some(&InputValue::Null)
    }

    /// Tags, sorted, each once.
    pub fn tags(&self, name: &str) -> Option<Vec<String>> {
        match self.get(name) {
            Some(InputValue::Tags(tags)) => Some(tags.clone()),
            _ => None,
        }
    }

    /// A list of rows as JSON text: ids are numbers in it, uids and slugs strings. Each form stands once.
    pub fn rows_json(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(InputValue::Rows(rows)) => Some(Value::Array(rows.clone()).to_string()),
            _ => None,
        }
    }

    /// The name of a category or subcategory.
    pub fn name(&self, name: &str) -> Option<CategoryRef> {
        match self.get(name) {
            Some(InputValue::Ref(reference)) => Some(reference.clone().into()),
            Some(InputValue::Text(slug)) => Some(CategoryRef::Slug(slug.clone())),
            _ => None,
        }
    }

    /// JSON of a form of its own.
    pub fn json(&self, name: &str) -> Option<&Value> {
        match self.get(name) {
            Some(InputValue::Json(value)) => Some(value),
            _ => None,
        }
    }

    /// A moment.
    pub fn time(&self, name: &str) -> Option<Millis> {
        match self.get(name) {
            Some(InputValue::Time(time)) => Some(*time),
            _ => None,
        }
    }
}
