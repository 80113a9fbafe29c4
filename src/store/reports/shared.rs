//! What the report queries share.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::store::tickets::filter::{Filter, Sql, test};
use crate::store::tickets::ticket::Reader;

/// How many people a report names at most.
pub const PEOPLE_MOST: i64 = 1_000;

/// The part of the desk that a report looks at. The filters are those of category, project and assignee.
#[derive(Clone, Copy)]
pub struct Lens<'a> {
    pub reader: &'a Reader,
    pub filters: &'a [Filter],
}

/// What the rows of a report stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// All tickets in one row.
    Nothing,
    Status,
    Priority,
    Category,
    Department,
    Agent,
}

impl By {
    pub fn sql(self) -> &'static str {
        match self {
            By::Nothing => "NULL",
            By::Status => "t.status",
            By::Priority => {
                "CASE t.priority WHEN 1 THEN 'low' WHEN 2 THEN 'medium' WHEN 3 THEN 'high' ELSE 'urgent' END"
            }
            By::Category => "t.category",
            By::Department => "t.department",
            By::Agent => "CAST(t.assignee_id AS TEXT)",
        }
    }
}

/// What a row of a report counts; `k` is what it stands for.
#[derive(Clone, Debug, Deserialize)]
pub struct Group {
    pub k: Option<String>,
    pub n: i64,
}

impl Lens<'_> {
    /// What is tested of each ticket `t` on the way.
    pub fn tests(&self, sql: &mut Sql) -> String {
        let mut tests = vec![self.reader.scope.work().to_owned()];
        for filter in self.filters {
            tests.push(test(self.reader, sql, filter));
        }
        tests.join(" AND ")
    }
}

/// Categories stand in a report even when nothing is in them.
pub fn zeros(by: By) -> &'static str {
    match by {
        By::Category => "SELECT slug AS k, 0 AS n FROM categories UNION ALL ",
        _ => "",
    }
}

/// The kind of sum that a filter names, and the id in it as an INTEGER.
pub fn row_id(sql: &mut Sql, filter: &Filter) -> Option<(&'static str, String)> {
    let mut id = |table: &str, reference: &Ref| match reference {
        Ref::Id(id) => Some(format!("CAST({} AS INTEGER)", sql.arg(*id))),
        Ref::Uid(uid) => Some(format!("(SELECT id FROM {table} WHERE uid = {})", sql.arg(uid))),
        Ref::Number(_) | Ref::Key(_) => None,
    };
    match filter {
        Filter::Category(reference) => Some(("category", id("categories", reference)?)),
        Filter::CategorySlug(slug) => Some((
            "category",
            format!("(SELECT id FROM categories WHERE slug = {})", sql.arg(slug)),
        )),
        Filter::Assignee(reference) => Some(("assignee", id("users", reference)?)),
        Filter::Project(reference) => Some(("project", id("projects", reference)?)),
        Filter::ProjectKey(key) => Some((
            "project",
            format!("(SELECT id FROM projects WHERE key = {})", sql.arg(key)),
        )),
        _ => None,
    }
}
