//! The schemas of webhooks, and of what they send.

use serde_json::{Value, json};

use super::schema::{described, list, named, object, one_of};
use crate::desk::endpoint::LONGEST;
use crate::desk::webhook::{ALL, FIRED, TEST, types};

/// Every one of them by its name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let whole = || json!({"type": "integer"});
    let types = types();
    let mut words: Vec<&str> = types.iter().map(String::as_str).collect();
    let sent: Vec<&str> = words.iter().copied().chain([FIRED, TEST]).collect();
    let sent = one_of(&sent);
    words.insert(0, ALL);
    let rule = object([("id", whole()), ("name", text()), ("heard", text())]);
    let data = object([
        (
            "event?",
            described(
                named("Event"),
                "What has happened; of every type but the last two.",
            ),
        ),
        (
            "ticket?",
            described(named("Ticket"), "The ticket as it was when this was first sent."),
        ),
        (
            "message?",
            json!({"anyOf": [named("Message"), {"type": "null"}], "description": "The message of the event, if it has one."}),
        ),
        (
            "rule?",
            described(rule, "Of `rule.fired`: the rule, and what it heard."),
        ),
        ("webhook_id?", described(whole(), "Of `webhook.test`.")),
    ]);
    vec![
        ("WebhookEvents", list(one_of(&words))),
        (
            "WebhookUrl",
            json!({"type": "string", "format": "uri", "maxLength": LONGEST}),
        ),
        (
            "WebhookSecret",
            json!({"type": "string", "pattern": "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"}),
        ),
        (
            "WebhookPayload",
            described(
                object([
                    ("type", sent),
                    ("timestamp", json!({"type": "string", "format": "date-time"})),
                    ("data", data),
                ]),
                "The body of a delivery, signed by the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` \
                 (Standard Webhooks). Tickets, events and messages are as customers see them, or as staff do with `include_internal`.",
            ),
        ),
    ]
}
