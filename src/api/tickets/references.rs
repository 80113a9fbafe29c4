//! What the body of a ticket names: a category, a project, a person.

use serde::Deserialize;
use serde_json::Value;

use crate::desk::id::Ref;
use crate::desk::tickets::ticket::{Named, Person, Subcategory};
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input_values::Taken;
use crate::store::tickets::ticket;
use crate::store::{categories, projects, subcategories};

pub(super) fn push(stmts: &mut Vec<Stmt>, stmt: Stmt) -> usize {
    stmts.push(stmt);
    stmts.len().saturating_sub(1)
}

pub(super) fn names_assignee(taken: &Taken) -> bool {
    taken.reference("assignee").is_some() || taken.word("assignee").is_some()
}

pub(super) fn wants_category(taken: &Taken) -> Option<Stmt> {
    taken.name("category").map(|name| categories::offered(&name))
}

pub(super) fn wants_subcategory(taken: &Taken) -> Option<Stmt> {
    taken
        .name("subcategory")
        .map(|name| subcategories::offered(&name))
}

pub(in crate::api) fn wants_assignee(taken: &Taken, me: i64) -> Result<Option<Stmt>, Error> {
    Ok(match (taken.reference("assignee"), taken.word("assignee")) {
        (Some(reference), _) => Some(ticket::assignable(reference)),
        (None, Some(_)) => Some(ticket::assignable(&Ref::Id(me))),
        (None, None) => None,
    })
}

pub(super) fn wants_project(taken: &Taken) -> Result<Option<Stmt>, Error> {
    let named = match (taken.reference("project"), taken.text("project")) {
        (Some(reference), _) => reference.clone(),
        (None, Some(key)) => {
            let named = crate::desk::project::reference(&key).filter(|named| matches!(named, Ref::Key(_)));
            named.ok_or_else(|| Error::field("project", NO_PROJECT))?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(projects::taking(&named)))
}

pub(super) const NO_PROJECT: &str = "is no active project";

pub(super) fn project(rows: Option<&Rows>) -> Result<Named, Error> {
    found_named(rows)?.ok_or_else(|| Error::field("project", NO_PROJECT))
}

pub(super) fn category(rows: Option<&Rows>) -> Result<Named, Error> {
    found_named(rows)?.ok_or_else(|| Error::field("category", "is no active category"))
}

/// The row `id`, `name`.
pub(super) fn found_named(rows: Option<&Rows>) -> Result<Option<Named>, Error> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        name: String,
    }
    let row: Option<Row> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    Ok(row.map(|row| Named {
        id: row.id,
        name: row.name,
    }))
}

pub(super) fn subcategory(rows: Option<&Rows>) -> Result<Subcategory, Error> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        name: String,
        category_id: i64,
    }
    let row: Option<Row> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    row.map(|row| Subcategory {
        named: Named {
            id: row.id,
            name: row.name,
        },
        category_id: row.category_id,
    })
    .ok_or_else(|| Error::field("subcategory", "is no active subcategory"))
}

pub fn assignee(rows: Option<&Rows>) -> Result<Person, Error> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        card: String,
    }
    let row: Option<Row> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    let row = row.ok_or_else(|| Error::field("assignee", "is no active agent"))?;
    Ok(Person {
        id: row.id,
        card: serde_json::from_str(&row.card).unwrap_or(Value::Null),
    })
}
