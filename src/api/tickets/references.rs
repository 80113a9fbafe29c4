//! What the body of a ticket names: a category, a project, a person.

use serde::Deserialize;
use serde_json::Value;

use crate::desk::id::Ref;
use crate::desk::tickets::ticket::{NamedRow, Person, Subcategory};
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input_values::Input;
use crate::store::categories::{self, subcategories};
use crate::store::projects;
use crate::store::tickets::ticket;

pub(super) fn push_stmt(stmts: &mut Vec<Stmt>, stmt: Stmt) -> usize {
    stmts.push(stmt);
    stmts.len().saturating_sub(1)
}

pub(super) fn names_assignee(input: &Input) -> bool {
    input.reference("assignee").is_some() || input.choice("assignee").is_some()
}

pub(super) fn find_category(input: &Input) -> Option<Stmt> {
    input.name("category").map(|name| categories::find_active(&name))
}

pub(super) fn find_subcategory(input: &Input) -> Option<Stmt> {
    input
        .name("subcategory")
        .map(|name| subcategories::find_active(&name))
}

pub(in crate::api) fn find_assignee(input: &Input, me: i64) -> Result<Option<Stmt>, Error> {
    Ok(match (input.reference("assignee"), input.choice("assignee")) {
        (Some(reference), _) => Some(ticket::find_assignable(reference)),
        (None, Some(_)) => Some(ticket::find_assignable(&Ref::Id(me))),
        (None, None) => None,
    })
}

pub(super) fn find_project(input: &Input) -> Result<Option<Stmt>, Error> {
    let named = match (input.reference("project"), input.text("project")) {
        (Some(reference), _) => reference.clone(),
        (None, Some(key)) => {
            let named = crate::desk::project::parse_ref(&key).filter(|named| matches!(named, Ref::Key(_)));
            named.ok_or_else(|| Error::field("project", NO_PROJECT))?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(projects::find_active(&named)))
}

pub(super) const NO_PROJECT: &str = "is no active project";

pub(super) fn read_project(rows: Option<&Rows>) -> Result<NamedRow, Error> {
    read_named(rows)?.ok_or_else(|| Error::field("project", NO_PROJECT))
}

pub(super) fn read_category(rows: Option<&Rows>) -> Result<NamedRow, Error> {
    read_named(rows)?.ok_or_else(|| Error::field("category", "is no active category"))
}

/// The row `id`, `name`.
pub(super) fn read_named(rows: Option<&Rows>) -> Result<Option<NamedRow>, Error> {
    #[derive(Deserialize)]
    struct FoundRow {
        id: i64,
        name: String,
    }
    let row: Option<FoundRow> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    Ok(row.map(|row| NamedRow {
        id: row.id,
        name: row.name,
    }))
}

pub(super) fn read_subcategory(rows: Option<&Rows>) -> Result<Subcategory, Error> {
    #[derive(Deserialize)]
    struct FoundRow {
        id: i64,
        name: String,
        category_id: i64,
    }
    let row: Option<FoundRow> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    row.map(|row| Subcategory {
        named: NamedRow {
            id: row.id,
            name: row.name,
        },
        category_id: row.category_id,
    })
    .ok_or_else(|| Error::field("subcategory", "is no active subcategory"))
}

pub(super) fn read_assignee(rows: Option<&Rows>) -> Result<Person, Error> {
    #[derive(Deserialize)]
    struct FoundRow {
        id: i64,
        card: String,
    }
    let row: Option<FoundRow> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    let row = row.ok_or_else(|| Error::field("assignee", "is no active agent"))?;
    Ok(Person {
        id: row.id,
        card: serde_json::from_str(&row.card).unwrap_or(Value::Null),
    })
}
