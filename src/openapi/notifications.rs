//! Schemas of notifications and their preferences.

use serde_json::{Value, json};

use crate::desk::notification::NotificationKind;
use crate::openapi::schema::{described, object, or_null, schema_ref};

/// Schemas by name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let flag = || json!({"type": "boolean"});
    let whole = || json!({"type": "integer"});
    let text = || json!({"type": "string"});
    let ways = object([("live", flag()), ("email", flag())]);
    let some_ways = object([("live?", flag()), ("email?", flag())]);
    let by_kind = |suffix: &str, ways: &Value| {
        let kinds: serde_json::Map<String, Value> = NotificationKind::WORDS
            .iter()
            .map(|kind| ((*kind).to_owned(), ways.clone()))
            .collect();
        let mut schema = json!({"type": "object", "properties": kinds});
        if suffix.is_empty()
            && let Some(schema) = schema.as_object_mut()
        {
            schema.insert("required".to_owned(), json!(NotificationKind::WORDS));
        }
        schema
    };
    vec![
        (
            "UnreadCount",
            object([
                ("unread_count", described(whole(), "Up to 1,000.")),
                ("is_capped", described(flag(), "There are more.")),
            ]),
        ),
        ("NotificationWays", by_kind("?", &some_ways)),
        (
            "NotificationPreferences",
            object([("preferences", by_kind("", &ways))]),
        ),
        (
            "NotifiedTicket",
            object([
                ("id", whole()),
                ("uid", text()),
                ("number", text()),
                ("title", text()),
                ("status", text()),
            ]),
        ),
        (
            "NotifiedEvent",
            object([
                ("id", whole()),
                ("seq", whole()),
                ("type", text()),
                ("message_id", or_null(whole())),
                ("changes", schema_ref("Changes")),
            ]),
        ),
    ]
}
