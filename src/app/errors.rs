//! Converts refusals of `desk` and database errors into API errors.

use crate::desk::tickets::ticket::Refusal;
use crate::edge::db::DbError;
use crate::http::error::Error;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Forbidden(message) => Error::Forbidden(message),
            Refusal::Transition { from, to, allowed } => Error::InvalidTransition {
                from: from.as_str(),
                to: to.as_str(),
                allowed: allowed.into_iter().map(|status| status.as_str()).collect(),
            },
            Refusal::Conflict(message) => Error::conflict(message),
            Refusal::Invalid { field, message } => Error::field(field, message),
            Refusal::Fields(errors) => Error::Invalid(errors),
        }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Error {
        match error {
            DbError::Abort("STALE_VERSION") => Error::VersionConflict,
            DbError::Abort("LAST_ADMIN") => {
                Error::conflict("the desk needs at least one active admin; this is the last one")
            }
            DbError::Unique(column) => {
                let (field, message) = match column.as_str() {
                    "users.email_key" => ("email", "this e-mail address has an account already"),
                    "users.username_key" => ("username", "this username is taken"),
                    "calendars.name_key" => ("name", "a calendar with this name exists already"),
                    "projects.key" => ("key", "a project with this key exists already"),
                    "categories.slug" => ("slug", "a category with this slug exists already"),
                    "subcategories.slug" => ("slug", "a subcategory with this slug exists already"),
                    "custom_fields.key" => ("key", "a custom field with this key exists already"),
                    "articles.slug" => ("slug", "an article with this slug exists already"),
                    _ => return Error::conflict("it exists already"),
                };
                Error::Conflict {
                    message: message.to_owned(),
                    details: serde_json::json!({"field": field}),
                }
            }
            DbError::Abort(word) => Error::Internal(format!("aborted: {word}")),
            DbError::NoRow => Error::NotFound,
            DbError::Other(message) => Error::Internal(message),
        }
    }
}
