//! Schemas of who gets in: the audit log, API keys, and two-factor sign-in.

use serde_json::{Value, json};

use crate::desk::access::audit::AuditAction;
use crate::openapi::schema::{described, object, one_of, or_null};

/// Schemas by name.
pub fn schemas() -> [(&'static str, Value); 2] {
    let text = || json!({"type": "string"});
    let mut kinds: Vec<&str> = AuditAction::ALL
        .iter()
        .map(|action| action.target_type())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let target = object([
        ("type", one_of(&kinds)),
        ("id", json!({"type": "integer"})),
        (
            "name",
            described(
                or_null(text()),
                "Of a person, as it is now; null for other things.",
            ),
        ),
    ]);
    let details = json!({"type": "object", "additionalProperties": true});
    [
        ("AuditTarget", target),
        (
            "AuditDetails",
            described(
                details,
                "Of a change `fields`: those that the request named, with the new values of those that have a closed \
                 set of values, and null for all others. Never a secret, and no text that somebody wrote.",
            ),
        ),
    ]
}
