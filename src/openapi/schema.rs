//! Builds schemas of input and output from shapes and views.
//!
//! The matches over [`Kind`] and [`Out`] have no wildcard: a new kind does not compile until it has a schema.

use serde_json::{Map, Value, json};

use crate::desk::id::MAX_ID;
use crate::http::shape::{Field, Kind, Need, Shape};
use crate::store::sql::view::{Out, OutField, View};

/// A reference to a schema of the document.
pub fn schema_ref(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object with exactly these properties; those whose name ends in `?` may be absent.
pub fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let required: Vec<&str> = properties
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.ends_with('?'))
        .collect();
    let map: Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone()))
        .collect();
    json!({"type": "object", "properties": map, "required": required, "additionalProperties": false})
}

/// An array of such items.
pub fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A string that is one of these.
pub fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// The schema, or null.
pub fn or_null(mut schema: Value) -> Value {
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.push(json!({"type": "null"}));
        return schema;
    }
    let Some(kind) = schema.get("type").cloned() else {
        return json!({"anyOf": [schema, {"type": "null"}]});
    };
    set(&mut schema, "type", json!([kind, "null"]));
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}

/// The schema with a description.
pub fn described(mut schema: Value, text: &str) -> Value {
    if !text.is_empty() {
        set(&mut schema, "description", json!(text));
    }
    schema
}

fn set(schema: &mut Value, key: &str, value: Value) {
    if let Some(map) = schema.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

/// Where input is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputLocation {
    Body,
    Query,
}

/// The schema of an input field.
pub fn input(kind: Kind, place: InputLocation) -> Value {
    match kind {
        Kind::Line { min, max } | Kind::Text { min, max } => {
            json!({"type": "string", "minLength": min, "maxLength": max})
        }
        Kind::Password => json!({"type": "string", "format": "password", "minLength": 8, "maxLength": 128}),
        Kind::Secret | Kind::Opaque => json!({"type": "string", "minLength": 1, "maxLength": 4_096}),
        Kind::Names => match place {
            InputLocation::Query => list(json!({"type": "string", "minLength": 1, "maxLength": 100})),
            InputLocation::Body => json!({"type": "string"}),
        },
        Kind::Search => json!({"type": "string"}),
        Kind::Email => json!({"type": "string", "format": "email", "maxLength": 254}),
        Kind::Username => {
            json!({"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[^@\\s]+$"})
        }
        Kind::Url => {
            json!({"type": "string", "format": "uri", "maxLength": 2_048, "pattern": "^https?://[^\\s]*$"})
        }
        Kind::Choice(words) => one_of(words.list),
        Kind::AnyOf(words) => match place {
            InputLocation::Query => list(one_of(words.list)),
            InputLocation::Body => json!({"type": "string"}),
        },
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Integer { min, max } => {
            let mut schema = json!({"type": "integer", "minimum": min});
            if max <= MAX_ID {
                set(&mut schema, "maximum", json!(max));
            }
            schema
        }
        Kind::Reference => schema_ref("Reference"),
        Kind::ReferenceOr(words) => json!({"anyOf": [one_of(words), schema_ref("Reference")]}),
        Kind::Slug => json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": MAX_ID},
            {"type": "string", "minLength": 1, "maxLength": 100},
        ]}),
        Kind::ProjectKey => {
            json!({"type": "string", "minLength": 2, "maxLength": 10, "pattern": "^\\s*[A-Za-z][A-Za-z0-9]{1,9}\\s*$"})
        }
        Kind::Json(form) => schema_ref(form.schema),
        Kind::References => json!({"type": "array", "items": schema_ref("Reference"), "maxItems": 200}),
        Kind::Slugs => json!({"type": "array", "items": input(Kind::Slug, place), "maxItems": 200}),
        Kind::Tags => {
            let tag = json!({"type": "string", "minLength": 1, "maxLength": 50, "pattern": "^[^\\s,]+$"});
            json!({"type": "array", "items": tag, "maxItems": 20})
        }
        Kind::Time => match place {
            InputLocation::Body => json!({"type": "string", "format": "date-time"}),
            InputLocation::Query => json!({"anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
            ]}),
        },
    }
}

/// Whether a parameter is a comma-separated list.
pub fn is_list(kind: Kind) -> bool {
    matches!(kind, Kind::AnyOf(_) | Kind::Names | Kind::Tags)
}

/// The description of a field, with its aliases.
pub fn field_meaning(field: &Field) -> String {
    let mut text = field.doc.to_owned();
    if !field.aliases.is_empty() {
        let names: Vec<String> = field.aliases.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!(" Also taken as {}.", names.join(", ")));
    }
    text
}

/// The schema of a body. Unknown keys are ignored, so the schema allows them.
pub fn body(shape: &Shape) -> Value {
    let mut properties = Map::new();
    for field in shape.fields {
        let schema = input(field.kind, InputLocation::Body);
        let schema = match field.need {
            Need::Nullable => or_null(schema),
            Need::Required | Need::Optional => schema,
        };
        properties.insert(field.name.to_owned(), described(schema, &field_meaning(field)));
    }
    let required: Vec<&str> = shape
        .fields
        .iter()
        .filter(|field| field.need == Need::Required)
        .map(|field| field.name)
        .collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        set(&mut schema, "required", json!(required));
    }
    schema
}

/// The schema of a resource: all fields are present, and no others.
pub fn view(view: &View) -> Value {
    let properties: Map<String, Value> = view
        .fields
        .iter()
        .map(|field| (field.name.to_owned(), output(field)))
        .collect();
    let required: Vec<&str> = view.fields.iter().map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The schema of an object with some of these fields, and no others.
pub fn some_fields(fields: impl Iterator<Item = &'static OutField>) -> Value {
    let properties: Map<String, Value> = fields
        .map(|field| (field.name.to_owned(), output(field)))
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn output(field: &OutField) -> Value {
    let schema = match field.out {
        Out::Int => json!({"type": "integer"}),
        Out::Text => json!({"type": "string"}),
        Out::Time => json!({"type": "string", "format": "date-time"}),
        Out::Flag => json!({"type": "boolean"}),
        Out::Word(words) | Out::Rank(words) => one_of(words.list),
        Out::Card | Out::Person | Out::Contact => schema_ref("Person"),
        Out::Json(name) => schema_ref(name),
        Out::Computed(computed) => schema_ref(computed.schema),
    };
    let schema = if field.nullable { or_null(schema) } else { schema };
    described(schema, field.doc)
}

/// The names of the schemas that a view refers to.
#[cfg(test)]
pub fn schema_names(view: &View) -> impl Iterator<Item = &'static str> {
    view.fields.iter().filter_map(|field| match field.out {
        Out::Card | Out::Person | Out::Contact => Some("Person"),
        Out::Json(name) => Some(name),
        Out::Computed(computed) => Some(computed.schema),
        Out::Int | Out::Text | Out::Time | Out::Flag | Out::Word(_) | Out::Rank(_) => None,
    })
}

/// The schema of a page of a list.
pub fn page_of(item: Value) -> Value {
    object([
        ("data", list(item)),
        ("meta", schema_ref("PageMeta")),
        ("links", schema_ref("PageLinks")),
    ])
}
