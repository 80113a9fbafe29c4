//! Subcategories of a category.

use serde::Deserialize;

use crate::desk::category::CategoryRef;
use crate::desk::tickets::ticket::Subcategory;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::store::categories::write::{CategoryFields, name_condition, update_row};
use crate::store::sql::view::{Out, View, field};
use crate::store::users::search::found_by;

/// A subcategory, in the form that the API returns.
pub const SUBCATEGORY: View = View {
    name: "Subcategory",
    fields: &[
        field("id", "s.id", Out::Int),
        field("uid", "s.uid", Out::Text),
        field("category_id", "s.category_id", Out::Int),
        field("slug", "s.slug", Out::Text).doc("Its name in filters and tickets, unique in the desk."),
        field("name", "s.name", Out::Text),
        field("description", "s.description", Out::Text),
        field("position", "s.position", Out::Int),
        field("is_active", "s.is_active", Out::Flag).doc("Archived ones take no new tickets."),
        field("version", "s.version", Out::Int),
        field("created_at", "s.created_at", Out::Time),
        field("updated_at", "s.updated_at", Out::Time),
    ],
};

/// The SQL for a JSON list of the active subcategories of a category `c`.
pub(super) fn active_list_json() -> String {
    format!(
        "('['||coalesce((SELECT group_concat({},',' ORDER BY s.position,s.id) FROM subcategories s \
         WHERE s.category_id = c.id AND s.is_active = 1),'')||']')",
        SUBCATEGORY.sql()
    )
}

/// The SQL after `FROM` that selects the subcategories `s` of a category, with its arguments.
fn listed(category: &CategoryRef, is_active: Option<bool>, q: Option<&str>) -> (String, Vec<Arg>) {
    let (is_it, arg) = name_condition("c", category, 1);
    let mut args = vec![arg, is_active.into()];
    let named = q.map_or("1".to_owned(), |q| {
        found_by("s.search_text", q, |word| {
            args.push(word);
            format!("?{}", args.len())
        })
    });
    let sql = format!(
        "categories c JOIN subcategories s ON s.category_id = c.id \
         WHERE {is_it} AND (?2 IS NULL OR s.is_active = ?2) AND {named}"
    );
    (sql, args)
}

/// A page of a category's subcategories ordered by position: rows `j`, `s` (the position) and `id`.
pub fn list(category: &CategoryRef, is_active: Option<bool>, q: Option<&str>, page: &Page) -> Stmt {
    let (mut from, mut args) = listed(category, is_active, q);
    let mut bind = |arg: Arg| {
        args.push(arg);
        format!("?{}", args.len())
    };
    if let PageStart::After { value, id } = page.start {
        from.push_str(&format!(
            " AND (s.position, s.id) > ({}, {})",
            bind(value.into()),
            bind(id.into())
        ));
    }
    let (limit, offset) = (
        bind(page.limit.saturating_add(1).into()),
        bind(page.offset().into()),
    );
    let sql = format!(
        "SELECT {} AS j, s.position AS s, s.id AS id FROM {from} ORDER BY s.position, s.id LIMIT {limit} OFFSET {offset}",
        SUBCATEGORY.sql()
    );
    Stmt {
        sql: sql.into(),
        args,
    }
}

/// Counts the subcategories of a list: `n`, up to 10,001.
pub fn count(category: &CategoryRef, is_active: Option<bool>, q: Option<&str>) -> Stmt {
    let (from, args) = listed(category, is_active, q);
    Stmt {
        sql: format!("SELECT count(*) AS n FROM (SELECT 1 FROM {from} LIMIT 10001)").into(),
        args,
    }
}

/// Selects one subcategory: `j` (a [`SUBCATEGORY`]), `v` (the version) and `id`.
pub fn show(name: &CategoryRef) -> Stmt {
    let (is_it, arg) = name_condition("s", name, 1);
    Stmt::new(format!(
        "SELECT {} AS j, s.version AS v, s.id AS id FROM subcategories s WHERE {is_it}",
        SUBCATEGORY.sql()
    ))
    .bind(arg)
}

/// Finds a subcategory that tickets may be assigned to: `id`, `name` (its slug) and `category_id`, if it is active.
pub fn find_active(name: &CategoryRef) -> Stmt {
    let (is_it, arg) = name_condition("s", name, 1);
    Stmt::new(format!(
        "SELECT s.id AS id, s.slug AS name, s.category_id AS category_id FROM subcategories s \
         WHERE {is_it} AND s.is_active = 1"
    ))
    .bind(arg)
}

/// The query of a guard: the subcategory is active, and still has this slug and category.
pub fn find_known(subcategory: &Subcategory) -> Stmt {
    Stmt::new(
        "SELECT 1 FROM subcategories WHERE id = ?1 AND category_id = ?2 AND slug = ?3 AND is_active = 1",
    )
    .bind(subcategory.named.id)
    .bind(subcategory.category_id)
    .bind(&subcategory.named.name)
}

/// The columns of a subcategory that a change needs.
#[derive(Clone, Debug, Deserialize)]
pub struct SubcategoryRow {
    pub id: i64,
    pub version: i64,
    pub is_active: i64,
}

/// Selects the row of a subcategory, if it belongs to the category.
pub fn row(category: &CategoryRef, name: &CategoryRef) -> Stmt {
    let (is_category, category) = name_condition("c", category, 1);
    let (is_it, arg) = name_condition("s", name, 2);
    Stmt::new(format!(
        "SELECT s.id, s.version, s.is_active FROM categories c JOIN subcategories s ON s.category_id = c.id \
         WHERE {is_category} AND {is_it}"
    ))
    .bind(category)
    .bind(arg)
}

/// Inserts a subcategory, at the end of its category unless a position is given. If its slug was derived from its
/// name and another category already uses it, the category's slug is put in front of it.
pub fn insert(uid: &str, category_id: i64, facts: &CategoryFields, is_made: bool, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO subcategories (uid, category_id, slug, name, description, position, is_active, created_at, updated_at, search_text) \
         SELECT ?1, c.id, iif(?3 AND EXISTS (SELECT 1 FROM subcategories WHERE slug = ?4 AND category_id <> c.id), \
             c.slug || '_' || ?4, ?4), ?5, coalesce(?6, ''), \
           coalesce(?7, (SELECT coalesce(max(position), 0) + 1 FROM subcategories WHERE category_id = c.id)), \
           coalesce(?8, 1), ?9, ?9, coalesce(?10, '') \
         FROM categories c WHERE c.id = ?2",
    )
    .bind(uid)
    .bind(category_id)
    .bind(is_made)
    .bind(facts.slug.clone())
    .bind(facts.name.clone())
    .bind(facts.description.clone())
    .bind(facts.position)
    .bind(facts.is_active)
    .bind(now)
    .bind(facts.search_text())
}

/// Updates a subcategory that is at `version`.
pub fn update(id: i64, version: i64, facts: &CategoryFields, now: i64) -> Stmt {
    update_row("subcategories", id, version, facts, now)
}
