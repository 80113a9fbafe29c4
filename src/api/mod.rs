//! One file per resource: take the input, look at what is there, let `desk` decide, keep it, answer.
//!
//! Handlers hold no rule, no SQL and no status number. What several of them need of a list stands here.

pub mod agents;
pub mod articles;
pub mod assistant;
pub mod auth;
pub mod categories;
pub mod notifications;
pub mod projects;
pub mod reports;
pub mod service;
pub mod settings;
pub mod sla;
pub mod sockets;
pub mod subcategories;
pub mod tickets;
pub mod uploads;
pub mod users;
pub mod webhooks;
pub mod workflows;

use serde::Deserialize;

use crate::app::call::Call;
use crate::desk::DAY;
use crate::desk::tickets::Refusal;
use crate::edge::db::{DbError, Rows};
use crate::http::error::Error;
use crate::http::page::{self, Page, Total};
use crate::http::reply::Reply;
use crate::store::tickets::Reader;

/// A row of a list: its JSON, its id and the value that it is sorted by.
#[derive(Debug, Deserialize)]
struct Listed {
    j: String,
    id: i64,
    s: Option<i64>,
}

/// A number.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub n: i64,
}

/// An id.
#[derive(Debug, Deserialize)]
pub(crate) struct Id {
    pub id: i64,
}

/// Where a walk stopped.
#[derive(Debug, Deserialize)]
struct Stopped {
    s: Option<i64>,
    id: Option<i64>,
}

/// Answers with a page: rows that are JSON already, one more than the limit when there are more, and where the
/// walk over them stopped, when it was cut short.
fn listed(
    call: &Call,
    page: &Page,
    rows: &Rows,
    stopped: Option<&Rows>,
    total: Option<&Rows>,
) -> Result<Reply, Error> {
    listed_rows(call, page, rows.all()?, stopped, total)
}

fn listed_rows(
    call: &Call,
    page: &Page,
    rows: Vec<Listed>,
    stopped: Option<&Rows>,
    total: Option<&Rows>,
) -> Result<Reply, Error> {
    let limit = usize::try_from(page.limit).unwrap_or_default();
    let shown = rows.get(..limit.min(rows.len())).unwrap_or_default();
    let next = if rows.len() > limit {
        shown
            .last()
            .map(|row| page.cursor(row.s.unwrap_or_default(), row.id))
    } else {
        let stopped: Option<Stopped> = match stopped {
            Some(rows) => rows.first()?,
            None => None,
        };
        stopped.and_then(|at| Some(page.cursor(at.s.unwrap_or_default(), at.id?)))
    };
    let total = match total {
        Some(rows) => rows.first::<Number>()?.map(|number| Total(number.n)),
        None => None,
    };
    let mut text = String::with_capacity(shown.iter().map(|row| row.j.len().saturating_add(1)).sum());
    for row in shown {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&row.j);
    }
    let (body, link) = page::list(call.request, page, &text, next, total);
    let mut reply = Reply::ok(body);
    if let Some(link) = link {
        reply.header("Link", link);
    }
    Ok(reply)
}

/// The one row of a table that a change needs; not found when there is none.
fn row<T: serde::de::DeserializeOwned>(rows: Option<&Rows>) -> Result<T, Error> {
    match rows {
        Some(rows) => rows.first()?.ok_or(Error::NotFound),
        None => Err(Error::NotFound),
    }
}

/// The row `j`, `v` of one resource as an answer; not found when there is none.
fn one(rows: Option<&Rows>) -> Result<Reply, Error> {
    #[derive(Deserialize)]
    struct Row {
        j: String,
        v: Option<i64>,
    }
    let row: Option<Row> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    let row = row.ok_or(Error::NotFound)?;
    Ok(Reply {
        version: row.v,
        ..Reply::ok(row.j)
    })
}

/// What finds the row that a path speaks of, if it speaks of one that the caller may not know of.
///
/// # Errors
/// [`Error::NotFound`] when the path names no row that could be.
pub fn subject(call: &Call) -> Result<Option<crate::edge::db::Stmt>, Error> {
    use crate::store::automation::rules;
    use crate::store::tickets::{events, messages};
    use crate::store::{projects as project_rows, sla as sla_rows, users};
    let path = call.route.path;
    if path.starts_with("/tickets/{id}") {
        return Ok(Some(events::ticket_is_seen(
            &reader(call)?,
            &call.reference("id")?,
        )));
    }
    if path == "/messages/{ticket_id}" && call.route.method != crate::http::request::Method::Get {
        return Ok(Some(messages::row(&reader(call)?, &call.reference("ticket_id")?)));
    }
    if path.starts_with("/messages/") {
        let name = if path.contains("{ticket_id}") {
            "ticket_id"
        } else {
            "id"
        };
        return Ok(Some(events::ticket_is_seen(
            &reader(call)?,
            &call.reference(name)?,
        )));
    }
    if path == "/projects/{id}" {
        return Ok(Some(project_rows::row(&projects::named(call)?)));
    }
    if path == "/sla/calendars/{id}" {
        return Ok(Some(sla_rows::calendar_row(&call.reference("id")?)));
    }
    if path.starts_with("/articles/{id}") || path == "/posts/{id}" {
        return Ok(Some(articles::subject(call)));
    }
    if path == "/users/{id}" {
        return Ok(Some(users::account(&call.reference("id")?)));
    }
    if path.starts_with("/workflows/{id}") {
        return Ok(Some(rules::row(&call.reference("id")?)));
    }
    if let Some(delivery) = path.strip_prefix("/webhooks/{id}") {
        return Ok(Some(webhooks::subject(call, delivery)?));
    }
    if path.starts_with("/agents/{id}") {
        return Ok(Some(crate::store::agents::row(&call.reference("id")?)));
    }
    if path.starts_with("/categories/{id}") {
        let category = categories::in_path(call, "id")?;
        return Ok(Some(if path.ends_with("{sub_id}") {
            let name = categories::in_path(call, "sub_id")?;
            crate::store::subcategories::row(&category, &name)
        } else {
            crate::store::categories::row(&category)
        }));
    }
    Ok(None)
}

/// How the caller reads tickets.
fn reader(call: &Call) -> Result<Reader, Error> {
    let window = call.settings().reopen_window_days.saturating_mul(DAY);
    Ok(Reader {
        id: call.my_id()?,
        role: call.my_role()?,
        scope: call.scope()?,
        now: call.now(),
        reopen_since: call.now().saturating_sub(window),
    })
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Forbidden(message) => Error::Forbidden(message),
            Refusal::Transition { from, to, allowed } => Error::InvalidTransition {
                from: from.word(),
                to: to.word(),
                allowed: allowed.into_iter().map(|status| status.word()).collect(),
            },
            Refusal::Conflict(message) => Error::conflict(message),
            Refusal::Invalid { field, message } => Error::field(field, message),
        }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Error {
        match error {
            DbError::Abort("STALE_VERSION") => Error::Moved,
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
                    "articles.slug" => ("slug", "an article with this slug exists already"),
                    _ => return Error::conflict("it exists already"),
                };
                Error::Conflict {
                    message: message.to_owned(),
                    details: serde_json::json!({"field": field}),
                }
            }
            DbError::Abort(word) => Error::Internal(format!("aborted: {word}")),
            DbError::Other(message) => Error::Internal(message),
        }
    }
}
