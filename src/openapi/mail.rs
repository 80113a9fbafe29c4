//! Schemas of what incoming mails leave beside messages and tickets.

use serde_json::{Value, json};

use crate::desk::tickets::status::Status;
use crate::openapi::schema::{described, object, one_of, or_null, schema_ref};

/// Schemas by name.
pub fn schemas() -> [(&'static str, Value); 5] {
    let text = || json!({"type": "string"});
    let person = || object([("email", text()), ("name", text())]);
    let entry = object([("email", text()), ("name?", or_null(text()))]);
    [
        ("MailOriginal", original()),
        (
            "Cc",
            described(
                json!({"type": "array", "items": person()}),
                "They get the public answers of staff by mail, and may answer.",
            ),
        ),
        (
            "LinkedTicket",
            object([
                ("id", json!({"type": "integer"})),
                ("number", text()),
                ("title", text()),
                ("status", one_of(&Status::WORDS)),
            ]),
        ),
        ("CcList", json!({"type": "array", "items": entry, "maxItems": 20})),
        (
            "TicketCc",
            object([
                ("cc", schema_ref("Cc")),
                (
                    "left",
                    described(
                        json!({"type": "array", "items": person()}),
                        "Who has left the copy, and cannot be put into it again.",
                    ),
                ),
                (
                    "reply_to",
                    described(
                        or_null(person()),
                        "Where mails to the requester go, as the requester asked.",
                    ),
                ),
            ]),
        ),
    ]
}

fn original() -> Value {
    let text = || json!({"type": "string"});
    let part = object([("content_type", text()), ("text", text())]);
    object([
        (
            "headers",
            described(text(), "The header fields as they were received."),
        ),
        (
            "parts",
            described(
                json!({"type": "array", "items": part}),
                "Its texts, plain and HTML, decoded and otherwise unchanged.",
            ),
        ),
        (
            "is_truncated",
            described(
                json!({"type": "boolean"}),
                "Something is missing at the end: the mail was too long.",
            ),
        ),
    ])
}
