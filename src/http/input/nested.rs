//! Objects within a body: of fields, or of the filters of a list.

use serde_json::{Map, Value};

use crate::http::error::{Error, FieldErrorList};
use crate::http::input::{field_names, parse_map, parse_pairs};
use crate::http::input_values::Input;
use crate::http::shape::Shape;

/// Parses an object within a body by its shape. A name that the shape does not have is an error here: what is meant for
/// many rows must not be misread.
///
/// # Errors
/// All that is wrong, each with its path.
pub fn parse_nested(path: &str, value: &Value, shape: &Shape) -> Result<Input, FieldErrorList> {
    let map = known_names(path, value, shape)?;
    parse_map(map, shape).map_err(|error| match error {
        Error::Invalid(errors) => below(path, errors),
        _ => vec![(path.to_owned(), "is invalid".to_owned())],
    })
}

/// Parses filters within a body: what a query says in text may also be a number, a boolean or a list.
///
/// # Errors
/// As [`parse_nested`].
pub fn parse_filters(path: &str, value: &Value, shape: &Shape) -> Result<Input, FieldErrorList> {
    let map = known_names(path, value, shape)?;
    let mut errors = FieldErrorList::new();
    let mut texts = Vec::with_capacity(map.len());
    for (name, value) in map {
        let list = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let words: Option<Vec<String>> = list
            .iter()
            .map(|word| match word {
                Value::String(text) => Some(text.clone()),
                Value::Number(_) | Value::Bool(_) => Some(word.to_string()),
                _ => None,
            })
            .collect();
        match words.map(|words| words.join(",")) {
            Some(text) if !text.is_empty() => texts.push((name.as_str(), text)),
            _ => errors.push((
                format!("{path}.{name}"),
                "must be a value or a list of values".to_owned(),
            )),
        }
    }
    let pairs: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    match parse_pairs(&pairs, &[shape]) {
        Ok(input) if errors.is_empty() => Ok(input),
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(below(path, more));
            Err(errors)
        }
    }
}

fn below(path: &str, errors: FieldErrorList) -> FieldErrorList {
    errors
        .into_iter()
        .map(|(name, message)| (format!("{path}.{name}"), message))
        .collect()
}

fn known_names<'a>(
    path: &str,
    value: &'a Value,
    shape: &Shape,
) -> Result<&'a Map<String, Value>, FieldErrorList> {
    let Some(map) = value.as_object() else {
        return Err(vec![(path.to_owned(), "must be an object".to_owned())]);
    };
    let is_known = |name: &str| {
        shape
            .fields
            .iter()
            .any(|field| field_names(field).any(|known| known == name))
    };
    let unknown: FieldErrorList = map
        .keys()
        .filter(|name| !is_known(name))
        .map(|name| (format!("{path}.{name}"), "is not known here".to_owned()))
        .collect();
    if unknown.is_empty() { Ok(map) } else { Err(unknown) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::shape::{Field, Kind, choices};

    const SHAPE: Shape = Shape {
        name: "Nested",
        fields: &[
            Field::optional("status", Kind::AnyOf(&choices::STATUS), ""),
            Field::optional("tag", Kind::Tags, "").or(&["tags"]),
            Field::optional("overdue", Kind::Flag, ""),
            Field::optional("requester", Kind::ReferenceOr(&["me"]), ""),
            Field::nullable("department", Kind::Line { min: 1, max: 5 }, ""),
        ],
    };

    #[test]
    fn filters_are_text_or_values() {
        let text = json!({"status": "open,closed", "tags": "a", "overdue": "true", "requester": "5"});
        let values = json!({"status": ["open", "closed"], "tags": ["a"], "overdue": true, "requester": 5});
        let read = |value| parse_filters("filter", &value, &SHAPE).map(|input| format!("{input:?}"));
        assert_eq!(read(text), read(values));
    }

    #[test]
    fn every_mistake_has_its_path() {
        let names = |errors: FieldErrorList| errors.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        for (value, want) in [
            (json!([]), vec!["filter"]),
            (json!({"statuss": "open"}), vec!["filter.statuss"]),
            (
                json!({"status": "gone", "overdue": {}}),
                vec!["filter.overdue", "filter.status"],
            ),
            (
                json!({"status": null, "tag": []}),
                vec!["filter.status", "filter.tag"],
            ),
        ] {
            assert_eq!(
                names(parse_filters("filter", &value, &SHAPE).unwrap_err()),
                want,
                "{value}"
            );
        }
        for (value, want) in [
            (json!(5), vec!["changes"]),
            (json!({"Department": "x"}), vec!["changes.Department"]),
            (
                json!({"department": "too long", "overdue": 1}),
                vec!["changes.overdue", "changes.department"],
            ),
        ] {
            assert_eq!(
                names(parse_nested("changes", &value, &SHAPE).unwrap_err()),
                want,
                "{value}"
            );
        }
        assert!(
            parse_nested("changes", &json!({"department": null}), &SHAPE)
                .unwrap()
                .is_null("department")
        );
    }
}
