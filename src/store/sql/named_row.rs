//! Rows that already have a name that somebody wants to give: whose it is, and how an archived one comes back.

use serde::Deserialize;

use crate::edge::db::Stmt;

/// What has names that are given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Category,
    /// Of the category with this id.
    Subcategory(i64),
    Project,
    Article,
    User,
}

/// The row that has a name.
#[derive(Debug, Deserialize)]
pub struct HolderRow {
    pub id: i64,
    /// What people read.
    pub name: String,
    /// Of a subcategory: its category's id.
    pub parent: Option<i64>,
    pub is_archived: i64,
}

impl Named {
    /// The field with the name.
    pub fn field(self) -> &'static str {
        match self {
            Named::Category | Named::Subcategory(_) | Named::Article => "slug",
            Named::Project => "key",
            Named::User => "email",
        }
    }

    /// Finds the row that has this name ([`HolderRow`]). A subcategory's name may also be the slug of its category and
    /// the name; one of the same category comes first.
    pub fn find_holder(self, name: &str) -> Stmt {
        let stmt = match self {
            Named::Category => Stmt::new(
                "SELECT id, name, NULL AS parent, is_active = 0 AS is_archived FROM categories WHERE slug = ?1",
            ),
            Named::Subcategory(_) => Stmt::new(
                "SELECT id, name, category_id AS parent, is_active = 0 AS is_archived FROM subcategories \
                 WHERE slug IN (?1, (SELECT slug FROM categories WHERE id = ?2) || '_' || ?1) ORDER BY category_id <> ?2 LIMIT 1",
            ),
            Named::Project => Stmt::new(
                "SELECT id, name, NULL AS parent, status = 'archived' AS is_archived FROM projects WHERE key = ?1",
            ),
            Named::Article => Stmt::new(
                "SELECT id, title AS name, NULL AS parent, status = 'archived' AS is_archived FROM articles WHERE slug = ?1",
            ),
            Named::User => Stmt::new(
                "SELECT id, full_name AS name, NULL AS parent, is_active = 0 AS is_archived FROM users WHERE email_key = ?1",
            ),
        };
        let stmt = stmt.bind(name);
        match self {
            Named::Subcategory(category_id) => stmt.bind(category_id),
            _ => stmt,
        }
    }
}
