//! Schemas of what is done to many tickets at once.

use serde_json::{Map, Value, json};

use crate::api::tickets::bulk;
use crate::http::input::field_names;
use crate::openapi::schema::{body, described, list, object, one_of, or_null, schema_ref};

/// All of them by name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "minimum": 0});
    let refusal = object([
        ("status", json!({"const": "error"})),
        ("code", text()),
        ("error", text()),
        ("message", text()),
        ("detail", text()),
        (
            "errors",
            json!({"type": "object", "additionalProperties": list(text())}),
        ),
        ("details", json!({"type": "object", "additionalProperties": true})),
    ]);
    let item = object([
        (
            "id",
            described(
                schema_ref("Reference"),
                "The ticket's id; what the request said if there is no such ticket.",
            ),
        ),
        ("number", or_null(text())),
        ("result", one_of(&["changed", "unchanged", "refused"])),
        ("error?", schema_ref("BulkRefusal")),
    ]);
    let meta = object([
        ("changed", count()),
        ("unchanged", count()),
        ("refused", count()),
        (
            "total_matching",
            described(
                count(),
                "How many tickets the filter matches, or the request names.",
            ),
        ),
        (
            "remaining?",
            described(count(), "With a filter: how many of them are not in this answer."),
        ),
        (
            "total_is_capped?",
            described(
                json!({"const": true}),
                "The filter matches more than `total_matching`.",
            ),
        ),
    ]);
    let result = object([("data", list(schema_ref("BulkItem"))), ("meta", meta)]);
    vec![
        (
            "MergedInto",
            object([("id", json!({"type": "integer"})), ("number", text())]),
        ),
        (
            "Seen",
            object([("ticket_id", json!({"type": "integer"})), ("seq", count())]),
        ),
        ("BulkFilter", filter()),
        ("BulkChanges", body(&bulk::CHANGES)),
        (
            "BulkRefusal",
            described(
                refusal,
                "The error that a request for this ticket alone would get.",
            ),
        ),
        ("BulkItem", item),
        ("BulkResult", described(result, "What became of each ticket.")),
    ]
}

/// The filters of the list of tickets: what a query says in text may also be a value or a list.
fn filter() -> Value {
    let mut properties = Map::new();
    for field in bulk::FILTER.fields {
        for name in field_names(field) {
            let value = json!({"type": ["string", "number", "boolean", "array"]});
            properties.insert(name.to_owned(), described(value, field.doc));
        }
    }
    described(
        json!({"type": "object", "properties": properties, "additionalProperties": false}),
        "The filters of `GET /tickets`. Values are as in a query; several are a list, or text with commas.",
    )
}
