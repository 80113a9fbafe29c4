//! Types and SQL that several report queries share.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter, filter_condition};
use crate::store::tickets::ticket::Viewer;

/// The maximum number of people in a report.
pub const MAX_PEOPLE: i64 = 1_000;

/// The tickets that a report covers: the reader's scope, and filters by category, project and assignee.
#[derive(Clone, Copy)]
pub struct ReportScope<'a> {
    pub reader: &'a Viewer,
    pub filters: &'a [TicketFilter],
}

/// What each row of a report stands for.
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
            // Read once, as one text: a subquery for each ticket would read a row for each.
            GroupBy::Category => {
                "(SELECT json_group_object(id, slug) FROM categories) ->> CAST(t.category_id AS TEXT)"
            }
            GroupBy::Department => "t.department",
            GroupBy::Agent => "CAST(t.assignee_id AS TEXT)",
        }
    }
}

/// One count of a report; `k` identifies the group that the row stands for.
#[derive(Clone, Debug, Deserialize)]
pub struct GroupRow {
    pub k: Option<String>,
    pub n: i64,
}

impl ReportScope<'_> {
    /// The conditions that each ticket `t` must satisfy.
    pub fn conditions(&self, sql: &mut SqlBuilder) -> String {
        let mut tests = vec![self.reader.scope.worklist_condition().to_owned()];
        for filter in self.filters {
            tests.push(filter_condition(self.reader, sql, filter));
        }
        tests.join(" AND ")
    }
}

/// Categories appear in a report even if they have no tickets.
pub fn zero_rows(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Category => "SELECT slug AS k, 0 AS n FROM categories UNION ALL ",
        _ => "",
    }
}

/// The kind of stored count that a filter corresponds to, and the id in the filter as an INTEGER.
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
