//! What the report queries share.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter, filter_condition};
use crate::store::tickets::ticket::Viewer;

/// How many people a report names at most.
pub const MAX_PEOPLE: i64 = 1_000;

/// The part of the desk that a report looks at. The filters are those of category, project and assignee.
#[derive(Clone, Copy)]
pub struct ReportScope<'a> {
    pub reader: &'a Viewer,
    pub filters: &'a [TicketFilter],
}

/// What the rows of a report stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// All tickets in one row.
    Nothing,
    Status,
    Priority,
    Category,
    Department,
    Agent,
}

impl GroupBy {
    pub(super) fn sql(self) -> &'static str {
        match self {
            GroupBy::Nothing => "NULL",
            GroupBy::Status => "t.status",
            GroupBy::Priority => {
                "CASE t.priority WHEN 1 THEN 'low' WHEN 2 THEN 'medium' WHEN 3 THEN 'high' ELSE 'urgent' END"
            }
            GroupBy::Category => "t.category",
            GroupBy::Department => "t.department",
            GroupBy::Agent => "CAST(t.assignee_id AS TEXT)",
        }
    }
}

/// What a row of a report counts; `k` is what it stands for.
#[derive(Clone, Debug, Deserialize)]
pub struct GroupRow {
    pub k: Option<String>,
    pub n: i64,
}

impl ReportScope<'_> {
    /// What is tested of each ticket `t` on the way.
    pub fn conditions(&self, sql: &mut SqlBuilder) -> String {
        let mut tests = vec![self.reader.scope.worklist_condition().to_owned()];
        for filter in self.filters {
            tests.push(filter_condition(self.reader, sql, filter));
        }
        tests.join(" AND ")
    }
}

/// Categories stand in a report even when nothing is in them.
pub fn zero_rows(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Category => "SELECT slug AS k, 0 AS n FROM categories UNION ALL ",
        _ => "",
    }
}

/// The kind of sum that a filter names, and the id in it as an INTEGER.
pub fn count_key(sql: &mut SqlBuilder, filter: &TicketFilter) -> Option<(&'static str, String)> {
    let mut id = |table: &str, reference: &Ref| match reference {
        Ref::Id(id) => Some(format!("CAST({} AS INTEGER)", sql.arg(*id))),
        Ref::Uid(uid) => Some(format!("(SELECT id FROM {table} WHERE uid = {})", sql.arg(uid))),
        Ref::Number(_) | Ref::Key(_) => None,
    };
    match filter {
        TicketFilter::Category(reference) => Some(("category", id("categories", reference)?)),
        TicketFilter::CategorySlug(slug) => Some((
            "category",
            format!("(SELECT id FROM categories WHERE slug = {})", sql.arg(slug)),
        )),
        TicketFilter::Assignee(reference) => Some(("assignee", id("users", reference)?)),
        TicketFilter::Project(reference) => Some(("project", id("projects", reference)?)),
        TicketFilter::ProjectKey(key) => Some((
            "project",
            format!("(SELECT id FROM projects WHERE key = {})", sql.arg(key)),
        )),
        _ => None,
    }
}
