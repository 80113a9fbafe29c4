//! SQL for writing that categories and subcategories share.

use crate::desk::category::CategoryRef;
use crate::desk::fold::fold_name;
use crate::edge::db::{Arg, Stmt};

/// The SQL condition that selects the category or subcategory with this id, uid or slug; `table` is its name in the
/// query, and the argument is `?n`.
pub fn name_condition(table: &str, name: &CategoryRef, n: usize) -> (String, Arg) {
    match name {
        CategoryRef::Id(id) => (format!("{table}.id = ?{n}"), Arg::Int(*id)),
        CategoryRef::Uid(uid) => (format!("{table}.uid = ?{n}"), uid.into()),
        CategoryRef::Slug(slug) => (format!("{table}.slug = ?{n}"), slug.into()),
    }
}

/// The fields of a category or subcategory to be written; `None` leaves a field unchanged, or at its default on
/// insertion.
#[derive(Clone, Debug, Default)]
pub struct CategoryFields {
    pub slug: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub position: Option<i64>,
    pub is_active: Option<bool>,
}

impl CategoryFields {
    /// The name as it is found.
    pub(super) fn search_text(&self) -> Option<String> {
        self.name.as_deref().map(fold_name)
    }
}

/// Updates a row of `table`, which is the table of categories or of subcategories.
pub(super) fn update_row(table: &str, id: i64, version: i64, facts: &CategoryFields, now: i64) -> Stmt {
    Stmt::new(format!(
        "UPDATE {table} SET version = ?2 + 1, updated_at = ?3, slug = coalesce(?4, slug), name = coalesce(?5, name), \
           description = coalesce(?6, description), position = coalesce(?7, position), is_active = coalesce(?8, is_active), \
           search_text = coalesce(?9, search_text) \
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
    .bind(facts.search_text())
}
