//! Schemas of who gets in: the audit log, API keys, and two-factor sign-in.

use serde_json::{Value, json};

use crate::desk::access::api_key::KeyScope;
use crate::desk::access::audit::AuditAction;
use crate::openapi::schema::{described, object, one_of, or_null, schema_ref};

/// Schemas by name.
pub fn schemas() -> [(&'static str, Value); 7] {
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
    let challenged = object([
        ("two_factor_required", json!({"const": true})),
        (
            "challenge",
            described(text(), "For `POST /auth/2fa`, with a code."),
        ),
        (
            "expires_in",
            described(json!({"type": "integer"}), "Life of the challenge, seconds."),
        ),
    ]);
    let secret = object([
        (
            "secret",
            described(text(), "In base 32, for authenticators that take it as text."),
        ),
        (
            "otpauth_uri",
            described(text(), "What a QR code for authenticators holds."),
        ),
    ]);
    let codes = json!({"type": "array", "items": text(), "minItems": 10, "maxItems": 10});
    [
        (
            "SignedOrChallenged",
            json!({"anyOf": [schema_ref("Signed"), schema_ref("Challenged")]}),
        ),
        (
            "Challenged",
            described(challenged, "The password is right, and a code is asked for."),
        ),
        ("TwoFactorSecret", secret),
        (
            "RecoveryCodes",
            described(
                object([("recovery_codes", codes)]),
                "Each signs in once where there is no authenticator.",
            ),
        ),
        (
            "KeyScopes",
            json!({"type": "array", "items": one_of(&KeyScope::WORDS), "minItems": 1}),
        ),
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
