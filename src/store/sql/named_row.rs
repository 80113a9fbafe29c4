//! Rows that already have a name that somebody wants to give: whose it is, and how an archived one comes back.

use crate::edge::db::Stmt;

/// What has names that are given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Category,
    /// Of the category with this id.
    Subcategory(i64),
    Project,
    Article,
    CustomField,
    User,
}

impl Named {
    /// The field with the name.
    pub fn field(self) -> &'static str {
        match self {
            Named::Category | Named::Subcategory(_) | Named::Article => "slug",
            Named::Project | Named::CustomField => "key",
            Named::User => "email",
        }
    }

    /// What it is called when it is archived, with its article.
    pub fn archived_noun(self) -> &'static str {
        match self {
            Named::Category => "an archived category",
            Named::Subcategory(_) => "an archived subcategory",
            Named::Project => "an archived project",
            Named::Article => "an archived article",
            Named::CustomField => "a hidden custom field",
            Named::User => "an account that is switched off",
        }
    }

    /// Finds the row that has this name: `j`, a list of what people read, whether it is a part of something else, and, if
    /// it is archived, the details for the caller. A subcategory's name may also be the slug of its category and the
    /// name; one of the same category comes first.
    pub fn find_holder(self, name: &str) -> Stmt {
        let (from, label, is_archived, path, body) = match self {
            Named::Category => (
                "categories x WHERE slug = ?1",
                "name",
                "is_active = 0",
                "'categories/' || id",
                r#"{"is_active":true}"#,
            ),
            Named::Subcategory(_) => (
                "subcategories x WHERE slug IN (?1, (SELECT slug FROM categories WHERE id = ?2) || '_' || ?1) \
                 ORDER BY category_id <> ?2 LIMIT 1",
                "name",
                "is_active = 0",
                "'categories/' || category_id || '/subcategories/' || id",
                r#"{"is_active":true}"#,
            ),
            Named::Project => (
                "projects x WHERE key = ?1",
                "name",
                "status = 'archived'",
                "'projects/' || id",
                r#"{"status":"active"}"#,
            ),
            Named::Article => (
                "articles x WHERE slug = ?1",
                "title",
                "status = 'archived'",
                "'articles/' || id",
                r#"{"status":"draft"}"#,
            ),
            Named::CustomField => (
                "custom_fields x WHERE key = ?1",
                "name",
                "is_active = 0",
                "'custom-fields/' || id",
                r#"{"is_active":true}"#,
            ),
            Named::User => (
                "users x WHERE email_key = ?1",
                "full_name",
                "is_active = 0",
                "'users/' || id",
                r#"{"is_active":true}"#,
            ),
        };
        let (is_elsewhere, category) = match self {
            Named::Subcategory(id) => ("category_id <> ?2", Some(id)),
            _ => ("0", None),
        };
        let field = self.field();
        let mut stmt = Stmt::new(format!(
            "SELECT json_array(x.{label}, {is_elsewhere}, json(iif({is_archived}, json_object('field', '{field}', \
               'archived', json_object('id', id, 'name', x.{label}), \
               'revive', json_object('method', 'PUT', 'path', '/api/v1/' || {path}, 'body', json('{body}'))), NULL))) AS j \
             FROM {from}"
        ))
        .bind(name);
        stmt.args.extend(category.map(Into::into));
        stmt
    }
}
