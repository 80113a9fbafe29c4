//! Custom fields: what a desk wants to know of its tickets, beyond what every ticket has.
//!
//! Whatever gives a ticket values (requests, rules, macros, imports) goes through [`CustomFields::apply`]. Key, type and
//! project of a field never change, so that the values that tickets have stay valid.

use serde_json::{Map, Value, json};

use crate::desk::fold::fold;
use crate::desk::person::Role;
use crate::desk::tickets::search::index_text;
use crate::desk::time_zone::parse_day;
use crate::desk::validation::FieldError;

/// Fields of one desk, hidden ones included.
pub const MAX_FIELDS: i64 = 100;
/// Options of one field.
pub const MAX_OPTIONS: usize = 100;
/// Characters of an option.
const MAX_OPTION_CHARS: usize = 100;
/// Characters of a text.
const MAX_TEXT_CHARS: usize = 1_000;
/// Characters of a text by which a filter compares it.
const MAX_FACET_CHARS: usize = 200;
/// Integers that JSON readers hold exactly: up to 2^53.
const MAX_NUMBER: f64 = 9_007_199_254_740_992.0;
/// What comes before the key where the field of a ticket is named: in history, rules and filters.
pub const PREFIX: &str = "custom.";

/// What values a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Text,
    Number,
    Boolean,
    /// A day: `2026-01-31`.
    Date,
    Select,
    MultiSelect,
}

impl ValueType {
    /// The API names, in the order of the variants.
    pub const WORDS: [&'static str; 6] = ["text", "number", "boolean", "date", "select", "multi_select"];

    const ALL: [ValueType; 6] = [
        ValueType::Text,
        ValueType::Number,
        ValueType::Boolean,
        ValueType::Date,
        ValueType::Select,
        ValueType::MultiSelect,
    ];

    /// Reads an API name.
    pub fn parse(word: &str) -> Option<ValueType> {
        let mut known = ValueType::WORDS.into_iter().zip(ValueType::ALL);
        known.find(|(name, _)| *name == word).map(|(_, kind)| kind)
    }

    /// Whether its values are of a list of options.
    pub fn has_options(self) -> bool {
        matches!(self, ValueType::Select | ValueType::MultiSelect)
    }
}

/// When a ticket must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredOn {
    None,
    /// From its beginning, if a person opens it in the API.
    Create,
    /// When staff or a rule resolve or close it.
    Resolve,
}

impl RequiredOn {
    /// The API names.
    pub const WORDS: [&'static str; 3] = ["none", "create", "resolve"];

    /// Reads an API name.
    pub fn parse(word: &str) -> Option<RequiredOn> {
        match word {
            "none" => Some(RequiredOn::None),
            "create" => Some(RequiredOn::Create),
            "resolve" => Some(RequiredOn::Resolve),
            _ => None,
        }
    }
}

/// A custom field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomField {
    pub key: String,
    pub value_type: ValueType,
    pub options: Vec<String>,
    /// Only tickets of this project have it.
    pub project_id: Option<i64>,
    pub required_on: RequiredOn,
    /// Customers see it, too.
    pub is_public: bool,
}

/// Whether a text can be the key of a field: 1 to 40 lower-case letters, digits and underscores, a letter first.
pub fn is_key(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The options of a field.
///
/// # Errors
/// What is wrong with them.
pub fn parse_options(value: &Value) -> Result<Vec<String>, String> {
    let list = value
        .as_array()
        .filter(|list| (1..=MAX_OPTIONS).contains(&list.len()));
    let list = list.ok_or_else(|| format!("must be a list of 1 to {MAX_OPTIONS} texts"))?;
    let mut options: Vec<String> = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        let text = value.as_str().map(str::trim).filter(|text| {
            (1..=MAX_OPTION_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        });
        let text =
            text.ok_or_else(|| format!("[{at}] must be one line of 1 to {MAX_OPTION_CHARS} characters"))?;
        if options.iter().any(|known| fold(known) == fold(text)) {
            return Err(format!("[{at}] is there already"));
        }
        options.push(text.to_owned());
    }
    Ok(options)
}

impl CustomField {
    /// The value as a ticket keeps it; `None` for an empty list, which is no value.
    ///
    /// # Errors
    /// What the value must be.
    pub fn parse_value(&self, value: &Value) -> Result<Option<Value>, String> {
        let option = |value: &Value| {
            let folded = fold(value.as_str()?.trim());
            self.options.iter().find(|option| fold(option) == folded)
        };
        let must_be_option = || format!("must be one of {}", self.options.join(", "));
        match self.value_type {
            ValueType::Text => {
                let text = value.as_str().filter(|text| {
                    (1..=MAX_TEXT_CHARS).contains(&text.trim().chars().count())
                        && !text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r'))
                });
                text.map(Value::from)
                    .ok_or_else(|| format!("must be 1 to {MAX_TEXT_CHARS} characters"))
            }
            ValueType::Number => parse_number(value).ok_or_else(|| "must be a number".to_owned()),
            ValueType::Boolean => {
                let flag = value.as_bool().map(Value::from);
                flag.ok_or_else(|| "must be true or false".to_owned())
            }
            ValueType::Date => {
                let day = value.as_str().filter(|text| parse_day(text).is_some());
                day.map(Value::from)
                    .ok_or_else(|| "must be a day such as 2026-01-31".to_owned())
            }
            ValueType::Select => option(value)
                .map(|text| text.as_str().into())
                .ok_or_else(must_be_option),
            ValueType::MultiSelect => {
                let list = value.as_array().ok_or("must be a list of options")?;
                let chosen: Option<Vec<&String>> = list.iter().map(option).collect();
                let chosen = chosen.ok_or_else(must_be_option)?;
                // In the order of the options, each once.
                let kept: Vec<&String> = self
                    .options
                    .iter()
                    .filter(|known| chosen.contains(known))
                    .collect();
                return Ok((!kept.is_empty()).then(|| json!(kept)));
            }
        }
        .map(Some)
    }

    /// The facet of the tickets that have this value, which a query gives as a text.
    ///
    /// # Errors
    /// What the value must be.
    pub fn facet_of_text(&self, text: &str) -> Result<String, String> {
        let value = match self.value_type {
            ValueType::Number => serde_json::from_str(text.trim()).unwrap_or_default(),
            ValueType::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Value::Bool(true),
                "false" | "0" | "no" => Value::Bool(false),
                _ => Value::Null,
            },
            ValueType::MultiSelect => json!([text]),
            ValueType::Text | ValueType::Date | ValueType::Select => text.into(),
        };
        let value = self.parse_value(&value)?.unwrap_or_default();
        let facets = value_facets(&self.key, &value);
        Ok(facets.into_iter().next().unwrap_or_default())
    }

    fn applies_to(&self, project_id: Option<i64>) -> bool {
        self.project_id.is_none() || self.project_id == project_id
    }
}

/// A number; one without a fraction becomes an integer, so that 5 and 5.0 are the same.
#[allow(clippy::cast_possible_truncation)]
fn parse_number(value: &Value) -> Option<Value> {
    let number = value.as_f64().filter(|number| number.abs() <= MAX_NUMBER)?;
    if number.fract() == 0.0 {
        return Some(json!(number as i64));
    }
    Some(json!(number))
}

/// The facets of one value.
fn value_facets(key: &str, value: &Value) -> Vec<String> {
    let facet = |text: &str| format!("c:{key}:{text}");
    match value {
        Value::String(text) => {
            let folded: String = fold(text.trim()).chars().take(MAX_FACET_CHARS).collect();
            vec![facet(&folded)]
        }
        Value::Array(list) => list.iter().flat_map(|value| value_facets(key, value)).collect(),
        Value::Null => Vec::new(),
        other => vec![facet(&other.to_string())],
    }
}

/// The facets of all values of a ticket.
pub fn facets(values: &Map<String, Value>) -> impl Iterator<Item = String> {
    values.iter().flat_map(|(key, value)| value_facets(key, value))
}

/// The values that a ticket has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomValues {
    /// By the keys of their fields, those of hidden fields included.
    pub values: Map<String, Value>,
    /// What is searched of them, as JSON; set with the values, and not read with the ticket.
    pub index: Option<String>,
}

impl CustomValues {
    /// The values as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.values).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// What is asked of a ticket's values depends on this.
#[derive(Clone, Copy, Debug, Default)]
pub struct TicketStage {
    pub project_id: Option<i64>,
    /// It is being opened.
    pub is_new: bool,
    /// It is resolved or closed.
    pub is_done: bool,
}

/// The fields that are not hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomFields(pub Vec<CustomField>);

impl CustomFields {
    /// The field with this key, if the role may know of it.
    ///
    /// # Errors
    /// The message for the place that names it.
    pub fn find(&self, key: &str, role: Role) -> Result<&CustomField, &'static str> {
        let known = self.0.iter().find(|field| field.key == key);
        known
            .filter(|field| field.is_public || role.is_staff())
            .ok_or("is no custom field")
    }

    /// The values with the given ones; null takes one away.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn apply(
        &self,
        held: &CustomValues,
        given: &Map<String, Value>,
        role: Role,
        stage: TicketStage,
    ) -> Result<CustomValues, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut values = held.values.clone();
        for (key, value) in given {
            let mut refuse = |message: String| errors.push((format!("custom_fields.{key}"), message));
            match self.find(key, role) {
                Err(message) => refuse(message.to_owned()),
                Ok(field) if !field.applies_to(stage.project_id) => {
                    refuse("is a field of another project's tickets".to_owned());
                }
                Ok(_) if value.is_null() => {
                    values.shift_remove(key);
                }
                Ok(field) => match field.parse_value(value) {
                    Ok(Some(value)) => {
                        values.insert(key.clone(), value);
                    }
                    Ok(None) => {
                        values.shift_remove(key);
                    }
                    Err(message) => refuse(message),
                },
            }
        }
        let is_asked = |field: &CustomField| match field.required_on {
            RequiredOn::Create => stage.is_new || given.contains_key(&field.key),
            RequiredOn::Resolve => stage.is_done && given.contains_key(&field.key),
            RequiredOn::None => false,
        };
        for error in self.find_missing(&values, role, stage.project_id, is_asked) {
            // A value that is not valid is no missing one, too.
            if !errors.iter().any(|(path, _)| *path == error.0) {
                errors.push(error);
            }
        }
        if errors.is_empty() {
            Ok(self.with_index(values))
        } else {
            Err(errors)
        }
    }

    /// What a ticket lacks to be resolved.
    pub fn find_unresolved(
        &self,
        held: &CustomValues,
        role: Role,
        project_id: Option<i64>,
    ) -> Vec<FieldError> {
        self.find_missing(&held.values, role, project_id, |field| {
            field.required_on == RequiredOn::Resolve
        })
    }

    fn find_missing(
        &self,
        values: &Map<String, Value>,
        role: Role,
        project_id: Option<i64>,
        is_asked: impl Fn(&CustomField) -> bool,
    ) -> Vec<FieldError> {
        let is_missing = |field: &&CustomField| {
            field.applies_to(project_id)
                && (field.is_public || role.is_staff())
                && !values.contains_key(&field.key)
                && is_asked(field)
        };
        let missing = self.0.iter().filter(is_missing);
        missing
            .map(|field| (format!("custom_fields.{}", field.key), "is required".to_owned()))
            .collect()
    }

    /// The values without those that belong to another project than this one.
    pub fn leave_project(&self, held: &CustomValues, project_id: Option<i64>) -> CustomValues {
        let mut values = held.values.clone();
        for field in self.0.iter().filter(|field| !field.applies_to(project_id)) {
            values.shift_remove(&field.key);
        }
        self.with_index(values)
    }

    /// The values with other texts, where `change` gives one.
    pub fn replace_text(&self, held: &CustomValues, change: impl Fn(&str) -> Option<String>) -> CustomValues {
        let mut values = held.values.clone();
        let mut is_changed = false;
        for value in values.values_mut() {
            if let Some(text) = value.as_str().and_then(&change) {
                *value = text.into();
                is_changed = true;
            }
        }
        if is_changed {
            self.with_index(values)
        } else {
            held.clone()
        }
    }

    /// Values that are valid, with what is searched of them: texts and options.
    pub fn with_index(&self, values: Map<String, Value>) -> CustomValues {
        let is_searched =
            |field: &CustomField| field.value_type == ValueType::Text || field.value_type.has_options();
        let words = |is_public: bool| {
            let fields = self
                .0
                .iter()
                .filter(|field| field.is_public == is_public && is_searched(field));
            let texts: Vec<String> = fields
                .filter_map(|field| values.get(&field.key))
                .flat_map(texts_of)
                .map(|text| index_text(text).unwrap_or_else(|| text.to_owned()))
                .collect();
            texts.join(" ")
        };
        let (all, staff) = (words(true), words(false));
        let has_words = !all.is_empty() || !staff.is_empty();
        CustomValues {
            index: has_words.then(|| json!({"all": all, "staff": staff}).to_string()),
            values,
        }
    }

    /// Whether customers are told nothing of this part of a change: it is a custom field that they do not see.
    pub fn hides(&self, changed: &str) -> bool {
        let key = changed.strip_prefix(PREFIX);
        key.is_some_and(|key| !self.0.iter().any(|field| field.key == key && field.is_public))
    }
}

fn texts_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
