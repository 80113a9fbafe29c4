//! What categories and subcategories share when they are written.

use crate::desk::category::CategoryRef;
use crate::edge::db::{Arg, Stmt};

/// The condition on a category or subcategory, called `table`, that a name stands for; its argument is `?n`.
pub fn name_condition(table: &str, name: &CategoryRef, n: usize) -> (String, Arg) {
    match name {
        CategoryRef::Id(id) => (format!("{table}.id = ?{n}"), Arg::Int(*id)),
        CategoryRef::Uid(uid) => (format!("{table}.uid = ?{n}"), uid.into()),
        CategoryRef::Slug(slug) => (format!("{table}.slug = ?{n}"), slug.into()),
    }
}

/// What a category or subcategory is to be; `None` keeps, or leaves it to the desk.
#[derive(Clone, Debug, Default)]
pub struct CategoryFields {
    pub slug: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub position: Option<i64>,
    pub is_active: Option<bool>,
}

/// Changes a row of `table`, categories or subcategories.
pub(super) fn update_row(table: &str, id: i64, version: i64, facts: &CategoryFields, now: i64) -> Stmt {
    Stmt::new(format!(
        "UPDATE {table} SET version = ?2 + 1, updated_at = ?3, slug = coalesce(?4, slug), name = coalesce(?5, name), \
           description = coalesce(?6, description), position = coalesce(?7, position), is_active = coalesce(?8, is_active) \
         WHERE id = ?1"
    ))
    .bind(id)
    .bind(version)
    .bind(now)
    .bind(facts.slug.clone())
    .bind(facts.name.clone())
    .bind(facts.description.clone())
    .bind(facts.position)
    .bind(facts.is_active)
}
