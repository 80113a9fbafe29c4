//! Schemas of the tools that a desk sets up for itself.

use serde_json::{Value, json};

use crate::desk::tools::custom_field::MAX_OPTIONS;
use crate::openapi::schema::{described, list, object, or_null, schema_ref};

/// Schemas by name.
pub fn schemas() -> [(&'static str, Value); 4] {
    let text = || json!({"type": "string"});
    let flag = || json!({"type": "boolean"});
    let option = json!({"type": "string", "minLength": 1, "maxLength": 100});
    let options = json!({"type": "array", "items": option, "maxItems": MAX_OPTIONS});
    let message = object([("body", text()), ("is_internal", flag())]);
    let number = || json!({"type": "integer"});
    let count = object([
        ("id", number()),
        ("name", text()),
        (
            "count",
            described(
                or_null(number()),
                "At most 100; null for a view whose filter is valid no more.",
            ),
        ),
        (
            "is_capped",
            described(
                flag(),
                "There are more, or may be: what was looked at holds few of them.",
            ),
        ),
    ]);
    let outcome = object([
        ("preview", described(flag(), "Nothing was written.")),
        ("message", described(or_null(message), "What is said.")),
        ("notes", described(list(text()), "Internal notes.")),
        ("notifications", list(text())),
        (
            "webhooks",
            described(json!({"type": "integer"}), "How many endpoints are told."),
        ),
        (
            "finds_agent",
            described(flag(), "The ticket goes to whoever has the least to do."),
        ),
        ("changes", schema_ref("Changes")),
        (
            "ticket",
            described(or_null(schema_ref("Ticket")), "As it is now; null in a preview."),
        ),
    ]);
    [
        (
            "CustomFieldOptions",
            described(
                options,
                "What can be chosen; case and accents make no difference.",
            ),
        ),
        ("MacroOutcome", outcome),
        (
            "ViewFilter",
            described(
                json!({"type": "object", "additionalProperties": true}),
                "Filters of the list of tickets by their names; several values as a list.",
            ),
        ),
        ("ViewCounts", object([("data", list(count))])),
    ]
}
