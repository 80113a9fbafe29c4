//! What the first step of a sign-in gives where a second factor is asked for: proof that the password was right.

use serde_json::json;

use crate::app::call::Call;
use crate::desk::signed_token::Signer;
use crate::desk::{MINUTE, Millis};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::reply::Reply;

/// How long there is for the second step. Its traces stay for 15 minutes, so it must not be longer.
const CHALLENGE_LIFE: Millis = 5 * MINUTE;
/// The purpose of the signature of a challenge.
const PURPOSE: &str = "second step of a sign-in";

/// The reply to a password that is right, where a second factor is asked for. Nobody is signed in by it.
pub(super) fn reply(call: &Call, user_id: i64, ver: i64) -> Result<Reply, Error> {
    let until = call.now().saturating_add(CHALLENGE_LIFE);
    let nonce = ids::hex(&ids::random_bytes::<16>().map_err(Error::Internal)?);
    let signer = &call.app.config.mail.signer;
    let challenge = signer.sign(PURPOSE, &format!("{user_id}.{ver}.{until}.{nonce}"), "");
    Ok(Reply::ok(
        json!({"two_factor_required": true, "challenge": challenge, "expires_in": CHALLENGE_LIFE / 1_000})
            .to_string(),
    ))
}

/// The person and the version of the account that a challenge was given for.
pub(super) fn read(call: &Call, challenge: &str) -> Option<(i64, i64)> {
    let payload = Signer::payload(challenge)?;
    if !call.app.config.mail.signer.verify(PURPOSE, challenge, "") {
        return None;
    }
    let mut parts = payload.split('.');
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (user_id, ver, until) = (number()?, number()?, number()?);
    (call.now() < until).then_some((user_id, ver))
}
