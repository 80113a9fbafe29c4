//! Attachments: who may add a file to a ticket, and who may take it away again.

use crate::desk::person::Role;
use crate::desk::tickets::filename::MAX_FILES_PER_TICKET;
use crate::desk::tickets::message::EDIT_WINDOW;
use crate::desk::tickets::ticket::{Actor, Refusal};
use crate::desk::{DAY, HOUR, Millis};

/// The life of a link for an upload, seconds.
pub const UPLOAD_URL_SECONDS: i64 = 900;
/// The life of a link for a download, seconds.
pub const DOWNLOAD_URL_SECONDS: i64 = 300;
/// For how long an upload that is under way keeps its place among a ticket's files.
pub const PENDING_UPLOAD_TTL: Millis = HOUR;
/// After this time an upload that nobody registered is cleared away.
pub const ABANDONED_UPLOAD_AGE: Millis = DAY;
/// Counted from its permission, the time after which nothing can arrive under a key any more: an upload may
/// begin in the last second of its link, and be slow.
pub const LATE_UPLOAD_WINDOW: Millis = HOUR;

/// The message that a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentMessage {
    pub id: i64,
    pub ticket_id: i64,
    pub author_id: i64,
    pub is_internal: bool,
}

/// A message that is not there, is hidden, or is another ticket's: one answer for all.
pub fn unknown_message() -> Refusal {
    Refusal::Invalid {
        field: "message_id",
        message: "names no message of this ticket".to_owned(),
    }
}

/// Whether a file is internal, from what was asked for and from the message it belongs to. A file of a note is
/// as internal as the note.
///
/// # Errors
/// A [`Refusal`] when the message is another's, or says otherwise.
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

/// Whether one more file has a place. Public files and internal ones have their places apart, so that a full
/// ticket tells customers nothing of what they do not see.
///
/// # Errors
/// A [`Refusal`].
pub fn check_file_count(taken: i64) -> Result<(), Refusal> {
    if taken < MAX_FILES_PER_TICKET {
        return Ok(());
    }
    Err(Refusal::Conflict(format!(
        "a ticket holds {MAX_FILES_PER_TICKET} files at most, uploads under way included"
    )))
}

/// Whether somebody may take away a file they can see: admins always, uploaders as long as a message may be
/// deleted.
///
/// # Errors
/// A [`Refusal`].
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
        }
    }

    #[test]
    fn files_are_as_internal_as_their_message() {
        let said = |author_id, is_internal| {
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
            (None, said(5, true), Ok(true)),
            (Some(true), said(5, true), Ok(true)),
            (Some(false), said(5, true), Err("is_internal")),
            (Some(true), said(5, false), Err("is_internal")),
            (None, said(6, false), Err("forbidden")),
            (None, said(6, true), Err("forbidden")),
        ] {
            let got = resolve_internal(1, asked, message.as_ref(), &actor(5, Role::Agent));
            let got = got.map_err(|refusal| match refusal {
                Refusal::Invalid { field, .. } => field,
                _ => "forbidden",
            });
            assert_eq!(got, want, "{asked:?} {message:?}");
        }
        assert_eq!(
            resolve_internal(2, None, said(5, false).as_ref(), &actor(5, Role::Admin)),
            Err(unknown_message())
        );
    }

    #[test]
    fn uploaders_have_a_quarter_of_an_hour() {
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
    fn places_are_counted() {
        assert!(
            check_file_count(MAX_FILES_PER_TICKET - 1).is_ok()
                && check_file_count(MAX_FILES_PER_TICKET).is_err()
        );
    }
}
