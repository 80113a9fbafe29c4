//! Replies that are stored with a change and sent again when the same `Idempotency-Key` is used again.

use crate::edge::db::Rows;
use crate::http::error::Error;
use crate::http::reply::{Body, Reply};
use crate::store::commit::{self, IdempotencyKey, StoredReply};
use crate::store::sql::render::render_stored;
use crate::store::sql::view::View;

/// Checks whether the key was used before; if so, returns the stored reply as an error.
///
/// # Errors
/// [`Error::Replayed`] with the stored reply, or [`Error::IdempotencyMismatch`] when the key belongs to another
/// request.
pub fn check_replay(key: &IdempotencyKey, view: Option<&'static View>, found: &Rows) -> Result<(), Error> {
    match commit::read_key(found)? {
        None => Ok(()),
        Some((fingerprint, _)) if fingerprint != key.fingerprint => Err(Error::IdempotencyMismatch),
        Some((_, answered)) => {
            let body = match view {
                Some(view) => render_stored(view, answered.body),
                None => answered.body,
            };
            let mut reply = stored_reply(StoredReply { body, ..answered });
            reply.header("Idempotent-Replayed", "true");
            Err(Error::Replayed(Box::new(reply)))
        }
    }
}

/// Turns a stored reply into one that can be sent.
pub fn stored_reply(answered: StoredReply) -> Reply {
    let body = if answered.status == 204 {
        Body::Empty
    } else {
        Body::Text(answered.body)
    };
    let mut reply = Reply {
        version: answered.version,
        ..Reply::new(answered.status, body)
    };
    if let Some(location) = answered.location {
        reply.header("Location", location);
    }
    reply
}
