//! Filters that name a row, and which of them name nothing that the reader knows of.

use serde::Deserialize;

use crate::desk::category::CategoryRef;
use crate::desk::fold::caseless;
use crate::desk::person::Role;
use crate::edge::db::{Arg, Stmt};

/// The kind of row that a filter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterTarget {
    Category,
    Subcategory,
    Project,
    Assignee,
    Requester,
}

/// A filter by a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFilter {
    /// The name of the filter.
    pub field: &'static str,
    pub target: FilterTarget,
    pub value: CategoryRef,
}

/// A filter that names nothing.
#[derive(Debug, Deserialize)]
pub struct UnknownFilter {
    pub field: String,
}

/// The reader's id and role. `None` if nobody is signed in.
pub type FilterReader = Option<(i64, Role)>;

/// Selects the filters that name nothing ([`UnknownFilter`]), in one statement. Staff may name every row. Customers
/// learn nothing about rows that they see nowhere: they may name what is active or stands in a ticket of theirs,
/// staff, and themselves. `None` if there are no filters.
pub fn select_unknown(reader: FilterReader, filters: &[NamedFilter]) -> Option<Stmt> {
    if filters.is_empty() {
        return None;
    }
    let is_staff = reader.is_some_and(|(_, role)| role.is_staff());
    let mut args: Vec<Arg> = vec![reader.map(|(id, _)| id).into()];
    let mut tests = Vec::with_capacity(filters.len());
    for filter in filters {
        let (column, arg): (&str, Arg) = match (&filter.value, filter.target) {
            (CategoryRef::Id(id), _) => ("id", (*id).into()),
            (CategoryRef::Uid(uid), _) => ("uid", uid.into()),
            // An address, or a ticket number or key, which names no person.
            (CategoryRef::Slug(email), FilterTarget::Assignee | FilterTarget::Requester) => {
                ("email_key", caseless(email).into())
            }
            (CategoryRef::Slug(key), FilterTarget::Project) => ("key", key.to_uppercase().into()),
            (CategoryRef::Slug(slug), _) => ("slug", slug.into()),
        };
        args.push(arg);
        let known = if is_staff {
            "1"
        } else {
            filter.target.known_to_customer()
        };
        // The field is a name of ours, never input.
        tests.push(format!(
            "iif(EXISTS (SELECT 1 FROM {} x WHERE x.{column} = ?{} AND {known}), NULL, '{}')",
            filter.target.table(),
            args.len(),
            filter.field
        ));
    }
    let sql = format!(
        "SELECT value AS field FROM json_each(json_array({})) WHERE value IS NOT NULL AND coalesce(?1, 1)",
        tests.join(", ")
    );
    Some(Stmt {
        sql: sql.into(),
        args,
    })
}

impl FilterTarget {
    fn table(self) -> &'static str {
        match self {
            FilterTarget::Category => "categories",
            FilterTarget::Subcategory => "subcategories",
            FilterTarget::Project => "projects",
            FilterTarget::Assignee | FilterTarget::Requester => "users",
        }
    }

    /// What a filter of this kind names, for the message to the caller.
    pub fn noun(self) -> &'static str {
        match self {
            FilterTarget::Category => "category",
            FilterTarget::Subcategory => "subcategory",
            FilterTarget::Project => "project",
            FilterTarget::Assignee | FilterTarget::Requester => "person",
        }
    }

    /// The condition that the customer `?1`, or nobody, may know of the row `x`.
    fn known_to_customer(self) -> &'static str {
        match self {
            FilterTarget::Category => {
                "(x.is_active = 1 OR EXISTS (SELECT 1 FROM articles WHERE category_id = x.id AND status = 'published') \
                 OR EXISTS (SELECT 1 FROM tickets INDEXED BY tickets_by_requester \
                   WHERE requester_id = ?1 AND deleted_at IS NULL AND category_id = x.id))"
            }
            FilterTarget::Subcategory => {
                "(x.is_active = 1 OR EXISTS (SELECT 1 FROM tickets INDEXED BY tickets_by_requester \
                   WHERE requester_id = ?1 AND deleted_at IS NULL AND subcategory_id = x.id))"
            }
            FilterTarget::Project => {
                "(x.status = 'active' OR EXISTS (SELECT 1 FROM tickets INDEXED BY tickets_by_requester \
                   WHERE requester_id = ?1 AND deleted_at IS NULL AND project_id = x.id))"
            }
            FilterTarget::Assignee => "(x.id = ?1 OR x.role <> 'customer')",
            FilterTarget::Requester => "x.id = ?1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_tests_all_filters() {
        let filter = |field, target, value| NamedFilter { field, target, value };
        let slug = |text: &str| CategoryRef::Slug(text.to_owned());
        let filters = [
            filter("category", FilterTarget::Category, slug("billing")),
            filter("project", FilterTarget::Project, slug("web")),
            filter("agent", FilterTarget::Assignee, CategoryRef::Id(7)),
        ];
        let stmt = select_unknown(Some((5, Role::Agent)), &filters).unwrap();
        for part in [
            "FROM categories x WHERE x.slug = ?2 AND 1), NULL, 'category')",
            "FROM projects x WHERE x.key = ?3 AND 1), NULL, 'project')",
            "FROM users x WHERE x.id = ?4 AND 1), NULL, 'agent')",
        ] {
            assert!(stmt.sql.contains(part), "{part} in {}", stmt.sql);
        }
        let args: [Arg; 4] = [5.into(), "billing".into(), "WEB".into(), 7.into()];
        assert_eq!(stmt.args, args);
        for reader in [None, Some((5, Role::Customer))] {
            let stmt = select_unknown(reader, &filters).unwrap();
            assert!(!stmt.sql.contains("AND 1)"), "{}", stmt.sql);
        }
        assert!(select_unknown(None, &[]).is_none());
    }
}
