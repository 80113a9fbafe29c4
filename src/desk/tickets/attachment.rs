//! Attachments: who may add a file to a ticket, and who may delete one.

use crate::desk::person::Role;
use crate::desk::tickets::filename::MAX_FILES_PER_TICKET;
use crate::desk::tickets::message::EDIT_WINDOW;
use crate::desk::tickets::ticket::{Actor, Refusal};
use crate::desk::{DAY, HOUR, Millis};

/// How long an upload URL is valid, in seconds.
pub const UPLOAD_URL_SECONDS: i64 = 900;
/// How long a download URL is valid, in seconds.
pub const DOWNLOAD_URL_SECONDS: i64 = 300;
/// How long a pending upload counts against a ticket's file limit: as long as its URL can be used.
pub const PENDING_UPLOAD_TTL: Millis = UPLOAD_URL_SECONDS * 1_000;
/// Age at which an upload that was never registered is deleted.
pub const ABANDONED_UPLOAD_AGE: Millis = DAY;
/// How long after an upload URL was issued a file can still arrive under its key. A PUT may start in the last second of
/// the URL and finish late; only after this time may the key be cleaned up.
pub const LATE_UPLOAD_WINDOW: Millis = HOUR;

/// The message that an attachment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentMessage {
    pub id: i64,
    pub ticket_id: i64,
    pub author_id: i64,
    pub is_internal: bool,
}

/// The refusal for a message that does not exist, is hidden, or belongs to another ticket. It is the same for all
/// three, so that it reveals nothing.
pub fn unknown_message() -> Refusal {
    Refusal::Invalid {
        field: "message_id",
        message: "names no message of this ticket".to_owned(),
    }
}

/// Decides whether an attachment is internal, from what was requested and from its message. The attachment of an
/// internal note is always internal.
///
/// # Errors
/// A [`Refusal`] when the message belongs to another ticket or contradicts the request.
pub fn resolve_internal(
    ticket_id: i64,
    asked: Option<bool>,
    message: Option<&ParentMessage>,
    actor: &Actor,
) -> Result<bool, Refusal> {
    let Some(message) = message else {
        return Ok(asked.unwrap_or(false));
    };
    if message.ticket_id != ticket_id {
        return Err(unknown_message());
    }
    if message.author_id != actor.id {
        return Err(Refusal::Forbidden(
            "files can be added to one's own messages only".to_owned(),
        ));
    }
    if asked.is_some_and(|asked| asked != message.is_internal) {
        return Err(Refusal::Invalid {
            field: "is_internal",
            message: format!("must be {}, as the message is", message.is_internal),
        });
    }
    Ok(message.is_internal)
}

/// Checks that one more file fits. Public and internal files have separate limits, so that a full ticket does not
/// reveal to customers that there are internal files.
///
/// # Errors
/// A [`Refusal`] when the limit is reached.
pub fn check_file_count(count: i64) -> Result<(), Refusal> {
    if count < MAX_FILES_PER_TICKET {
        return Ok(());
    }
    Err(Refusal::Conflict(format!(
        "a ticket holds {MAX_FILES_PER_TICKET} files at most, uploads under way included"
    )))
}

/// Checks that a person may delete an attachment that they can see: admins always, others only their own, as long as a
/// message could be deleted.
///
/// # Errors
/// A [`Refusal`] when they may not.
pub fn authorize_delete(
    uploader_id: i64,
    attached_at: Millis,
    actor: &Actor,
    now: Millis,
) -> Result<(), Refusal> {
    if actor.role == Role::Admin {
        return Ok(());
    }
    if uploader_id != actor.id {
        return Err(Refusal::Forbidden(
            "only its uploader and admins may delete an attachment".to_owned(),
        ));
    }
    if now > attached_at.saturating_add(EDIT_WINDOW) {
        return Err(Refusal::Forbidden(
            "an attachment can be deleted for 15 minutes after it was added".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn actor(id: i64, role: Role) -> Actor {
        Actor {
            id,
            role,
            card: Value::Null,
            is_in_copy: false,
        }
    }

    #[test]
    fn files_are_as_internal_as_their_message() {
        let message = |author_id, is_internal| {
            Some(ParentMessage {
                id: 9,
                ticket_id: 1,
                author_id,
                is_internal,
            })
        };
        for (asked, message, want) in [
            (None, None, Ok(false)),
            (Some(true), None, Ok(true)),
            (None, message(5, true), Ok(true)),
            (Some(true), message(5, true), Ok(true)),
            (Some(false), message(5, true), Err("is_internal")),
            (Some(true), message(5, false), Err("is_internal")),
            (None, message(6, false), Err("forbidden")),
            (None, message(6, true), Err("forbidden")),
        ] {
            let got = resolve_internal(1, asked, message.as_ref(), &actor(5, Role::Agent));
            let got = got.map_err(|refusal| match refusal {
                Refusal::Invalid { field, .. } => field,
                _ => "forbidden",
            });
            assert_eq!(got, want, "{asked:?} {message:?}");
        }
        assert_eq!(
            resolve_internal(2, None, message(5, false).as_ref(), &actor(5, Role::Admin)),
            Err(unknown_message())
        );
    }

    #[test]
    fn uploaders_delete_files_for_15_minutes() {
        for (id, role, now, want) in [
            (5, Role::Customer, EDIT_WINDOW, true),
            (5, Role::Customer, EDIT_WINDOW + 1, false),
            (5, Role::Manager, EDIT_WINDOW + 1, false),
            (6, Role::Manager, 0, false),
            (6, Role::Admin, DAY, true),
        ] {
            assert_eq!(
                authorize_delete(5, 0, &actor(id, role), now).is_ok(),
                want,
                "{id} {role:?} {now}"
            );
        }
    }

    #[test]
    fn the_file_limit_is_checked() {
        assert!(
            check_file_count(MAX_FILES_PER_TICKET - 1).is_ok()
                && check_file_count(MAX_FILES_PER_TICKET).is_err()
        );
    }
}
