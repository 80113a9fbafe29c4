//! The input fields that several of the ticket shapes have in common.

use serde_json::{Map, Value};

use crate::http::input_values::Input;
use crate::http::shape::{Field, JsonFormat, Kind};

pub const TITLE: Kind = Kind::Line { min: 3, max: 200 };

pub const DESCRIPTION: Kind = Kind::Text { min: 1, max: 10_000 };

pub const ASSIGNEE: &[&str] = &["assigned_to", "agent_id", "assignee_id"];

pub const AT_VERSION: Field = Field::optional(
    "version",
    Kind::Integer {
        min: 1,
        max: i64::MAX,
    },
    "The version that the change was made on.",
);

/// Custom fields by their keys; their values are checked when the fields are known.
static CUSTOM_VALUES: JsonFormat = JsonFormat {
    schema: "CustomFields",
    validate: |value| {
        let mut errors = Vec::new();
        if !value.is_object() {
            let message = "must be an object of values by the keys of custom fields";
            errors.push(("custom_fields".to_owned(), message.to_owned()));
        }
        errors
    },
};

pub const CUSTOM_FIELDS: Field = Field::optional(
    "custom_fields",
    Kind::Json(&CUSTOM_VALUES),
    "Values of custom fields by their keys; those that are absent stay, null takes one away.",
);

/// The values of custom fields that the input has.
pub fn custom_values(input: &Input) -> Option<Map<String, Value>> {
    input.json("custom_fields")?.as_object().cloned()
}
