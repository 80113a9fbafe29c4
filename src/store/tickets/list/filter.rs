//! Conditions on tickets: the filters of a list.

use crate::desk::Millis;
use crate::desk::fold::{caseless, fold};
use crate::desk::id::Ref;
use crate::edge::db::{Arg, Stmt};
use crate::store::sql::scope::Scope;
use crate::store::tickets::ticket::Viewer;

/// Collects the arguments of a statement; `?1` to `?3` are those of the reader.
pub struct SqlBuilder {
    args: Vec<Arg>,
}

impl SqlBuilder {
    /// Starts a statement on tickets for a reader.
    pub fn new(reader: &Viewer) -> SqlBuilder {
        SqlBuilder {
            args: vec![reader.now.into(), reader.reopen_since.into(), reader.id.into()],
        }
    }

    /// Binds an argument and returns its placeholder.
    pub fn arg(&mut self, arg: impl Into<Arg>) -> String {
        self.args.push(arg.into());
        format!("?{}", self.args.len())
    }

    /// Returns the statement with its arguments.
    pub fn finish(self, sql: String) -> Stmt {
        Stmt {
            sql: sql.into(),
            args: self.args,
        }
    }
}

/// The column with the time of the last change that the reader may see.
pub(super) fn updated_column(reader: &Viewer) -> &'static str {
    if reader.scope == Scope::Own {
        "t.public_updated_at"
    } else {
        "t.updated_at"
    }
}

/// One condition on a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum TicketFilter {
    Status(Vec<&'static str>),
    Priority(Vec<i64>),
    Workflow(&'static str),
    CategorySlug(String),
    Category(Ref),
    Subcategory(Ref),
    SubcategorySlug(String),
    Department(String),
    Project(Ref),
    ProjectKey(String),
    Assignee(Ref),
    Unassigned,
    Requester(Ref),
    RequesterEmail(String),
    Tag(String),
    CreatedAfter(Millis),
    CreatedBefore(Millis),
    UpdatedAfter(Millis),
    UpdatedBefore(Millis),
    DueAfter(Millis),
    DueBefore(Millis),
    Overdue(bool),
    HasAttachment(bool),
    /// With this value of a custom field: its facet.
    Custom(String),
    /// Opened by this person or assigned to this person.
    Mine(i64),
}

/// SQL: the id of the person with this address.
pub(super) fn email_id(sql: &mut SqlBuilder, email: &str) -> String {
    format!(
        "(SELECT id FROM users WHERE email_key = {})",
        sql.arg(caseless(email))
    )
}

pub(super) fn user_id(sql: &mut SqlBuilder, reference: &Ref) -> String {
    row_id(sql, "users", reference)
}

pub(super) fn row_id(sql: &mut SqlBuilder, table: &str, reference: &Ref) -> String {
    match reference {
        Ref::Uid(uid) => format!("(SELECT id FROM {table} WHERE uid = {})", sql.arg(uid)),
        Ref::Id(id) => sql.arg(*id),
        Ref::Number(_) | Ref::Key(_) => "NULL".to_owned(),
    }
}

/// The condition of a filter on a ticket `t` that another index has already found. The unary `+` keeps SQLite from
/// choosing an index for it.
pub fn filter_condition(reader: &Viewer, sql: &mut SqlBuilder, filter: &TicketFilter) -> String {
    let updated = updated_column(reader);
    match filter {
        TicketFilter::Status(words) => one_of("t.status", words.iter().map(|word| sql.arg(*word)).collect()),
        TicketFilter::Priority(ranks) => {
            one_of("t.priority", ranks.iter().map(|rank| sql.arg(*rank)).collect())
        }
        TicketFilter::Workflow(word) => format!("+t.workflow = {}", sql.arg(*word)),
        TicketFilter::CategorySlug(slug) => {
            format!(
                "+t.category_id = (SELECT id FROM categories WHERE slug = {})",
                sql.arg(slug)
            )
        }
        TicketFilter::Category(reference) => {
            format!("+t.category_id = {}", row_id(sql, "categories", reference))
        }
        TicketFilter::SubcategorySlug(slug) => format!(
            "+t.subcategory_id = (SELECT id FROM subcategories WHERE slug = {})",
            sql.arg(slug)
        ),
        TicketFilter::Subcategory(reference) => {
            format!("+t.subcategory_id = {}", row_id(sql, "subcategories", reference))
        }
        TicketFilter::Department(name) => {
            // As tags: a name in ASCII folds to lower case, and only others are looked up.
            let name = sql.arg(fold(name));
            format!(
                "(lower(t.department) = {name} OR (t.department GLOB '*[^ -~]*' \
                 AND EXISTS (SELECT 1 FROM ticket_facets WHERE facet = 'd:' || {name} AND ticket_id = t.id)))"
            )
        }
        TicketFilter::Project(reference) => format!("+t.project_id = {}", row_id(sql, "projects", reference)),
        TicketFilter::ProjectKey(key) => {
            format!(
                "+t.project_id = (SELECT id FROM projects WHERE key = {})",
                sql.arg(key)
            )
        }
        TicketFilter::Assignee(reference) => format!("+t.assignee_id = {}", user_id(sql, reference)),
        TicketFilter::Unassigned => "+t.assignee_id IS NULL".to_owned(),
        TicketFilter::Requester(reference) => format!("+t.requester_id = {}", user_id(sql, reference)),
        TicketFilter::RequesterEmail(email) => format!("+t.requester_id = {}", email_id(sql, email)),
        TicketFilter::Tag(tag) => {
            // A tag in ASCII is its own folded form, and holds neither quotes nor commas: the quoted word is an element
            // of the array. Only tags beyond ASCII are looked up.
            let tag = sql.arg(fold(tag));
            format!(
                "(instr(t.tags, json_quote({tag})) OR (t.tags GLOB '*[^ -~]*' \
                 AND EXISTS (SELECT 1 FROM ticket_facets WHERE facet = 't:' || {tag} AND ticket_id = t.id)))"
            )
        }
        TicketFilter::CreatedAfter(time) => format!("+t.created_at >= {}", sql.arg(*time)),
        TicketFilter::CreatedBefore(time) => format!("+t.created_at < {}", sql.arg(*time)),
        TicketFilter::UpdatedAfter(time) => format!("+{updated} >= {}", sql.arg(*time)),
        TicketFilter::UpdatedBefore(time) => format!("+{updated} < {}", sql.arg(*time)),
        TicketFilter::DueAfter(time) => format!("+t.resolution_due_at >= {}", sql.arg(*time)),
        TicketFilter::DueBefore(time) => format!("+t.resolution_due_at < {}", sql.arg(*time)),
        TicketFilter::Overdue(wanted) => format!(
            "{}coalesce(t.is_overdue OR (t.resolved_at IS NULL AND t.paused_at IS NULL AND t.resolution_due_at < ?1), 0)",
            if *wanted { "" } else { "NOT " }
        ),
        TicketFilter::HasAttachment(wanted) => {
            let column = if reader.scope == Scope::Own {
                "public_attachment_count"
            } else {
                "attachment_count"
            };
            format!("t.{column} {} 0", if *wanted { ">" } else { "=" })
        }
        TicketFilter::Custom(facet) => format!(
            "EXISTS (SELECT 1 FROM ticket_facets WHERE facet = {} AND ticket_id = t.id)",
            sql.arg(facet)
        ),
        TicketFilter::Mine(id) => {
            let id = sql.arg(*id);
            format!("(+t.assignee_id = {id} OR +t.requester_id = {id})")
        }
    }
}

fn one_of(column: &str, args: Vec<String>) -> String {
    format!("+{column} IN ({})", args.join(", "))
}
