//! Schemas of webhooks and of the requests that they send.

use serde_json::{Value, json};

use crate::desk::webhooks::delivery::{ALL_EVENTS, RULE_FIRED_EVENT, TEST_EVENT, event_types};
use crate::desk::webhooks::endpoint_url::MAX_URL_BYTES;
use crate::openapi::schema::{described, list, object, one_of, schema_ref};

/// The request that an endpoint receives.
pub fn sent() -> Value {
    let header = |name: &str, says: &str| json!({"name": name, "in": "header", "required": true, "description": says, "schema": {"type": "string"}});
    json!({"event": {"post": {
        "operationId": "webhookEvent",
        "tags": ["webhooks"],
        "summary": "What an endpoint is sent",
        "description": "Signed as Standard Webhooks say. Deliveries to one endpoint come in order, each at least once; one that is not \
          taken holds back the next and is tried again for 24 hours. Then, or after a 410, the endpoint is switched off.",
        "security": [],
        "parameters": [
            header("webhook-id", "The same for every attempt of one delivery."),
            header("webhook-timestamp", "Of the attempt, in seconds since 1970."),
            header("webhook-signature", "`v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`; after a rotation two of them, by a space."),
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema_ref("WebhookPayload")}}},
        "responses": {"2XX": {"description": "Taken. Redirects are not followed; every other answer is a failure."}},
    }}})
}

/// Schemas by name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let whole = || json!({"type": "integer"});
    let types = event_types();
    let mut words: Vec<&str> = types.iter().map(String::as_str).collect();
    let sent: Vec<&str> = words
        .iter()
        .copied()
        .chain([RULE_FIRED_EVENT, TEST_EVENT])
        .collect();
    let sent = one_of(&sent);
    words.insert(0, ALL_EVENTS);
    let rule = object([("id", whole()), ("name", text()), ("heard", text())]);
    let data = object([
        (
            "event?",
            described(
                schema_ref("Event"),
                "What has happened; of every type but the last two.",
            ),
        ),
        (
            "ticket?",
            described(
                schema_ref("Ticket"),
                "The ticket as it was when this was first sent.",
            ),
        ),
        (
            "message?",
            json!({"anyOf": [schema_ref("Message"), {"type": "null"}], "description": "The message of the event, if it has one."}),
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
            json!({"type": "string", "format": "uri", "maxLength": MAX_URL_BYTES}),
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
