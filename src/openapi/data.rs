//! Schemas of what leaves and enters the desk as data.

use serde_json::{Value, json};

use crate::openapi::schema::{described, list, object, or_null, schema_ref, view};
use crate::store::data::changes::CHANGE;

/// Schemas by name.
pub fn schemas() -> [(&'static str, Value); 3] {
    let text = || json!({"type": "string"});
    let flag = || json!({"type": "boolean"});
    let ticket = object([
        ("id", json!({"type": "integer"})),
        ("uid", text()),
        ("number", text()),
        ("key", or_null(text())),
        ("is_deleted", flag()),
    ]);
    let meta = object([
        ("limit", json!({"type": "integer", "minimum": 1})),
        ("has_more", flag()),
        (
            "next_cursor",
            described(
                text(),
                "Where to go on: at once, or later for what happens until then. Good for 90 days.",
            ),
        ),
    ]);
    let page = object([
        ("data", list(schema_ref(CHANGE.name))),
        ("meta", meta),
        ("links", schema_ref("PageLinks")),
    ]);
    [
        (CHANGE.name, view(&CHANGE)),
        (
            "ChangedTicket",
            described(ticket, "The ticket of an event, as it is now."),
        ),
        ("ChangeFeed", page),
    ]
}
