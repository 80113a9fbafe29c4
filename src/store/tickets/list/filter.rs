//! Conditions on tickets: the filters of a list, and the index that serves each filter.

use crate::desk::Millis;
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
    Tag(String),
    CreatedAfter(Millis),
    CreatedBefore(Millis),
    UpdatedAfter(Millis),
    UpdatedBefore(Millis),
    DueAfter(Millis),
    DueBefore(Millis),
    Overdue(bool),
    HasAttachment(bool),
    /// Opened by this person or assigned to this person.
    Mine(i64),
}

/// One walk down an index: what it reads from, the column that orders its rows among equal index keys, and the
/// condition that the index serves.
pub struct IndexWalk {
    pub from: String,
    pub id: &'static str,
    pub condition: String,
}

impl IndexWalk {
    /// A walk down a named index of tickets. The index is named explicitly so that statistics never change the query
    /// plan.
    pub fn on_index(index: &str, condition: impl Into<String>) -> IndexWalk {
        IndexWalk {
            from: format!("tickets t INDEXED BY {index}"),
            id: "t.id",
            condition: condition.into(),
        }
    }

    /// A walk over the tickets that have a facet (an expression).
    pub fn on_facet(facet: String) -> IndexWalk {
        IndexWalk {
            from: "ticket_facets g CROSS JOIN tickets t ON t.id = g.ticket_id".to_owned(),
            id: "g.ticket_id",
            condition: format!("g.facet = {facet}"),
        }
    }

    /// All tickets, newest first.
    pub fn all() -> IndexWalk {
        IndexWalk {
            from: "tickets t NOT INDEXED".to_owned(),
            id: "t.id",
            condition: "1".to_owned(),
        }
    }
}

fn user_id(sql: &mut SqlBuilder, reference: &Ref) -> String {
    row_id(sql, "users", reference)
}

fn row_id(sql: &mut SqlBuilder, table: &str, reference: &Ref) -> String {
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
        TicketFilter::Department(name) => format!("+t.department = {}", sql.arg(name)),
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
        TicketFilter::Tag(tag) => {
            format!(
                "EXISTS (SELECT 1 FROM ticket_facets WHERE facet = 't:' || {} AND ticket_id = t.id)",
                sql.arg(tag)
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
        TicketFilter::Mine(id) => {
            let id = sql.arg(*id);
            format!("(+t.assignee_id = {id} OR +t.requester_id = {id})")
        }
    }
}

fn one_of(column: &str, args: Vec<String>) -> String {
    format!("+{column} IN ({})", args.join(", "))
}

/// How much a filter's own index narrows a list; a smaller number is better. `None`: the filter has no useful index,
/// so the list is walked newest first.
pub(super) fn narrowness(filter: &TicketFilter) -> Option<u8> {
    match filter {
        TicketFilter::Requester(_) => Some(1),
        TicketFilter::Tag(_) => Some(2),
        TicketFilter::Assignee(_) => Some(3),
        TicketFilter::Subcategory(_) | TicketFilter::SubcategorySlug(_) => Some(4),
        TicketFilter::Project(_) | TicketFilter::ProjectKey(_) => Some(5),
        TicketFilter::Department(_) => Some(6),
        TicketFilter::Category(_) | TicketFilter::CategorySlug(_) => Some(7),
        TicketFilter::Unassigned => Some(8),
        TicketFilter::Overdue(true) => Some(9),
        // A filter by most of the statuses matches most tickets, so walking no index is better.
        TicketFilter::Status(words) if words.len() <= 4 => Some(10),
        TicketFilter::Priority(_) => Some(11),
        TicketFilter::HasAttachment(true) => Some(3),
        TicketFilter::Workflow("project") => Some(5),
        _ => None,
    }
}

/// The walks down a filter's own index: one, or one for each word if the filter has several.
pub fn index_walks(sql: &mut SqlBuilder, filter: &TicketFilter) -> Vec<IndexWalk> {
    let one = |walk| vec![walk];
    match filter {
        TicketFilter::Requester(reference) => {
            one(IndexWalk::on_index("tickets_by_requester", format!("t.requester_id = {}", user_id(sql, reference))))
        }
        TicketFilter::Tag(tag) => one(IndexWalk::on_facet(format!("'t:' || {}", sql.arg(tag)))),
        TicketFilter::Assignee(reference) => {
            one(IndexWalk::on_index("tickets_by_assignee", format!("t.assignee_id = {}", user_id(sql, reference))))
        }
        TicketFilter::Unassigned => one(IndexWalk::on_index("tickets_by_assignee", "t.assignee_id IS NULL")),
        TicketFilter::Subcategory(reference) => one(IndexWalk::on_facet(format!(
            "'s:' || CAST({} AS INTEGER)",
            row_id(sql, "subcategories", reference)
        ))),
        TicketFilter::SubcategorySlug(slug) => one(IndexWalk::on_facet(format!(
            "'s:' || (SELECT id FROM subcategories WHERE slug = {})",
            sql.arg(slug)
        ))),
        TicketFilter::Project(reference) => one(IndexWalk::on_facet(format!(
            "'p:' || CAST({} AS INTEGER)",
            row_id(sql, "projects", reference)
        ))),
        TicketFilter::ProjectKey(key) => one(IndexWalk::on_facet(format!(
            "'p:' || (SELECT id FROM projects WHERE key = {})",
            sql.arg(key)
        ))),
        TicketFilter::Department(name) => one(IndexWalk::on_facet(format!("'d:' || {}", sql.arg(name)))),
        TicketFilter::Workflow("project") => one(IndexWalk::on_facet("'w'".to_owned())),
        TicketFilter::HasAttachment(true) => one(IndexWalk {
            condition: "g.facet = 'f' AND t.attachment_count > 0".to_owned(),
            ..IndexWalk::on_facet(String::new())
        }),
        TicketFilter::Category(reference) => {
            one(IndexWalk::on_index("tickets_by_category", format!("t.category_id = {}", row_id(sql, "categories", reference))))
        }
        TicketFilter::CategorySlug(slug) => one(IndexWalk::on_index(
            "tickets_by_category",
            format!("t.category_id = (SELECT id FROM categories WHERE slug = {})", sql.arg(slug)),
        )),
        TicketFilter::Status(words) => {
            words.iter().map(|word| IndexWalk::on_index("tickets_by_status", format!("t.status = {}", sql.arg(*word)))).collect()
        }
        TicketFilter::Priority(ranks) => ranks
            .iter()
            .map(|rank| IndexWalk::on_index("tickets_by_priority", format!("t.priority = {}", sql.arg(*rank))))
            .collect(),
        // Overdue tickets are the marked ones, and the few that the periodic sweep has not marked yet.
        TicketFilter::Overdue(true) => vec![
            IndexWalk {
                condition: "g.facet = 'o' AND t.is_overdue = 1".to_owned(),
                ..IndexWalk::on_facet(String::new())
            },
            IndexWalk {
                condition: "t.id IN (SELECT id FROM tickets INDEXED BY tickets_by_alarm WHERE alarm_at <= ?1 AND deleted_at IS NULL \
                  AND is_overdue = 0 AND resolved_at IS NULL AND paused_at IS NULL AND resolution_due_at < ?1)"
                    .to_owned(),
                ..IndexWalk::all()
            },
        ],
        _ => one(IndexWalk::all()),
    }
}
