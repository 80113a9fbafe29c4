//! Schemas of what leaves and enters the desk as data.

use serde_json::{Value, json};

use crate::openapi::schema::{described, list, object, or_null, schema_ref, view};
use crate::store::data::changes::CHANGE;
use crate::store::data::personal::SECTIONS;

/// Schemas by name.
pub fn schemas() -> Vec<(&'static str, Value)> {
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
    let mut all = vec![
        (CHANGE.name, view(&CHANGE)),
        (
            "ChangedTicket",
            described(ticket, "The ticket of an event, as it is now."),
        ),
        ("ChangeFeed", page),
        ("ImportReport", import_report()),
        ("PersonalData", personal_data()),
    ];
    all.extend(
        SECTIONS
            .iter()
            .map(|section| (section.view.name, view(section.view))),
    );
    all
}

fn import_report() -> Value {
    let text = || json!({"type": "string"});
    let flag = || json!({"type": "boolean"});
    let count = || json!({"type": "integer", "minimum": 0});
    let error = object([
        (
            "line",
            described(count(), "The line of the file that the row begins in."),
        ),
        ("field", text()),
        ("message", text()),
    ]);
    object([
        ("type", json!({"type": "string", "enum": ["tickets", "users"]})),
        ("dry_run", flag()),
        ("applied", described(flag(), "The good rows have been written.")),
        ("rows", count()),
        (
            "created",
            described(count(), "Rows that were written, or would be."),
        ),
        (
            "unchanged",
            described(
                count(),
                "Rows that are there already: by `external_id`, people also by their address.",
            ),
        ),
        ("refused", count()),
        (
            "errors",
            described(
                list(error),
                "What is wrong with the refused rows; the first 1,000.",
            ),
        ),
        ("errors_total", count()),
        (
            "ignored_columns",
            described(list(text()), "Columns whose names mean nothing here."),
        ),
    ])
}

fn personal_data() -> Value {
    let time = json!({"type": "string", "format": "date-time"});
    let mut properties = serde_json::Map::from_iter([
        ("generated_at".to_owned(), time),
        ("account".to_owned(), schema_ref("User")),
    ]);
    for section in &SECTIONS {
        properties.insert(section.name.to_owned(), list(schema_ref(section.view.name)));
    }
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}
