//! Conditions on tickets: what a list is filtered by, and which index serves it.

use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::edge::db::{Arg, Stmt};
use crate::store::scope::Scope;
use crate::store::tickets::ticket::Reader;

/// Text that gathers its arguments: `?1` to `?3` are the reader's.
pub struct Sql {
    args: Vec<Arg>,
}

impl Sql {
    /// A statement on tickets, for a reader.
    pub fn new(reader: &Reader) -> Sql {
        Sql {
            args: vec![reader.now.into(), reader.reopen_since.into(), reader.id.into()],
        }
    }

    /// Binds an argument and gives its place.
    pub fn arg(&mut self, arg: impl Into<Arg>) -> String {
        self.args.push(arg.into());
        format!("?{}", self.args.len())
    }

    /// The statement.
    pub fn finish(self, sql: String) -> Stmt {
        Stmt {
            sql: sql.into(),
            args: self.args,
        }
    }
}

/// The column that says when a reader saw a ticket change.
pub(super) fn updated(reader: &Reader) -> &'static str {
    if reader.scope == Scope::Own {
        "t.public_updated_at"
    } else {
        "t.updated_at"
    }
}

/// One condition on a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
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
    /// Opened by this person or assigned to them.
    Mine(i64),
}

/// One walk down an index: what it reads from, the column that its rows are ordered by within equals, and the
/// condition that the index serves.
pub struct Walk {
    pub from: String,
    pub id: &'static str,
    pub condition: String,
}

impl Walk {
    /// A walk down a named index of tickets. The name is given, not guessed: statistics never change the plan.
    pub fn by(index: &str, condition: impl Into<String>) -> Walk {
        Walk {
            from: format!("tickets t INDEXED BY {index}"),
            id: "t.id",
            condition: condition.into(),
        }
    }

    /// All tickets, newest first.
    pub fn all() -> Walk {
        Walk {
            from: "tickets t NOT INDEXED".to_owned(),
            id: "t.id",
            condition: "1".to_owned(),
        }
    }
}

fn user(sql: &mut Sql, reference: &Ref) -> String {
    row(sql, "users", reference)
}

fn row(sql: &mut Sql, table: &str, reference: &Ref) -> String {
    match reference {
        Ref::Uid(uid) => format!("(SELECT id FROM {table} WHERE uid = {})", sql.arg(uid)),
        Ref::Id(id) => sql.arg(*id),
        Ref::Number(_) | Ref::Key(_) => "NULL".to_owned(),
    }
}

/// The test of a filter on a ticket `t` that is there already. `+` keeps SQLite from choosing an index for it.
pub fn test(reader: &Reader, sql: &mut Sql, filter: &Filter) -> String {
    let updated = updated(reader);
    match filter {
        Filter::Status(words) => one_of("t.status", words.iter().map(|word| sql.arg(*word)).collect()),
        Filter::Priority(ranks) => one_of("t.priority", ranks.iter().map(|rank| sql.arg(*rank)).collect()),
        Filter::Workflow(word) => format!("+t.workflow = {}", sql.arg(*word)),
        Filter::CategorySlug(slug) => {
            format!(
                "+t.category_id = (SELECT id FROM categories WHERE slug = {})",
                sql.arg(slug)
            )
        }
        Filter::Category(reference) => format!("+t.category_id = {}", row(sql, "categories", reference)),
        Filter::SubcategorySlug(slug) => format!(
            "+t.subcategory_id = (SELECT id FROM subcategories WHERE slug = {})",
            sql.arg(slug)
        ),
        Filter::Subcategory(reference) => {
            format!("+t.subcategory_id = {}", row(sql, "subcategories", reference))
        }
        Filter::Department(name) => format!("+t.department = {}", sql.arg(name)),
        Filter::Project(reference) => format!("+t.project_id = {}", row(sql, "projects", reference)),
        Filter::ProjectKey(key) => {
            format!(
                "+t.project_id = (SELECT id FROM projects WHERE key = {})",
                sql.arg(key)
            )
        }
        Filter::Assignee(reference) => format!("+t.assignee_id = {}", user(sql, reference)),
        Filter::Unassigned => "+t.assignee_id IS NULL".to_owned(),
        Filter::Requester(reference) => format!("+t.requester_id = {}", user(sql, reference)),
        Filter::Tag(tag) => {
            format!(
                "EXISTS (SELECT 1 FROM ticket_tags WHERE tag = {} AND ticket_id = t.id)",
                sql.arg(tag)
            )
        }
        Filter::CreatedAfter(time) => format!("+t.created_at >= {}", sql.arg(*time)),
        Filter::CreatedBefore(time) => format!("+t.created_at < {}", sql.arg(*time)),
        Filter::UpdatedAfter(time) => format!("+{updated} >= {}", sql.arg(*time)),
        Filter::UpdatedBefore(time) => format!("+{updated} < {}", sql.arg(*time)),
        Filter::DueAfter(time) => format!("+t.resolution_due_at >= {}", sql.arg(*time)),
        Filter::DueBefore(time) => format!("+t.resolution_due_at < {}", sql.arg(*time)),
        Filter::Overdue(wanted) => format!(
            "{}coalesce(t.is_overdue OR (t.resolved_at IS NULL AND t.paused_at IS NULL AND t.resolution_due_at < ?1), 0)",
            if *wanted { "" } else { "NOT " }
        ),
        Filter::HasAttachment(wanted) => {
            let column = if reader.scope == Scope::Own {
                "public_attachment_count"
            } else {
                "attachment_count"
            };
            format!("t.{column} {} 0", if *wanted { ">" } else { "=" })
        }
        Filter::Mine(id) => {
            let id = sql.arg(*id);
            format!("(+t.assignee_id = {id} OR +t.requester_id = {id})")
        }
    }
}

fn one_of(column: &str, args: Vec<String>) -> String {
    format!("+{column} IN ({})", args.join(", "))
}

/// How well a filter's own index narrows a list: the smaller the better. `None`: it has none, newest first.
pub(super) fn narrowness(filter: &Filter) -> Option<u8> {
    match filter {
        Filter::Requester(_) => Some(1),
        Filter::Tag(_) => Some(2),
        Filter::Assignee(_) => Some(3),
        Filter::Subcategory(_) | Filter::SubcategorySlug(_) => Some(4),
        Filter::Project(_) | Filter::ProjectKey(_) => Some(5),
        Filter::Department(_) => Some(6),
        Filter::Category(_) | Filter::CategorySlug(_) => Some(7),
        Filter::Unassigned => Some(8),
        Filter::Overdue(true) => Some(9),
        // Most statuses together are most tickets: no index is better than none then.
        Filter::Status(words) if words.len() <= 4 => Some(10),
        Filter::Priority(_) => Some(11),
        Filter::HasAttachment(_) => Some(12),
        Filter::Workflow(_) => Some(13),
        _ => None,
    }
}

/// The walks down a filter's own index: one, or one for each of several words.
pub fn walks(sql: &mut Sql, filter: &Filter) -> Vec<Walk> {
    let one = |walk| vec![walk];
    match filter {
        Filter::Requester(reference) => {
            one(Walk::by("tickets_by_requester", format!("t.requester_id = {}", user(sql, reference))))
        }
        Filter::Tag(tag) => one(Walk {
            from: "ticket_tags g CROSS JOIN tickets t ON t.id = g.ticket_id".to_owned(),
            id: "g.ticket_id",
            condition: format!("g.tag = {}", sql.arg(tag)),
        }),
        Filter::Assignee(reference) => {
            one(Walk::by("tickets_by_assignee", format!("t.assignee_id = {}", user(sql, reference))))
        }
        Filter::Unassigned => one(Walk::by("tickets_by_assignee", "t.assignee_id IS NULL")),
        Filter::Subcategory(reference) => one(Walk::by(
            "tickets_by_subcategory",
            format!("t.subcategory_id = {}", row(sql, "subcategories", reference)),
        )),
        Filter::SubcategorySlug(slug) => one(Walk::by(
            "tickets_by_subcategory",
            format!("t.subcategory_id = (SELECT id FROM subcategories WHERE slug = {})", sql.arg(slug)),
        )),
        Filter::Project(reference) => one(Walk::by(
            "tickets_by_project",
            format!("t.project_id = {}", row(sql, "projects", reference)),
        )),
        Filter::ProjectKey(key) => one(Walk::by(
            "tickets_by_project",
            format!("t.project_id = (SELECT id FROM projects WHERE key = {})", sql.arg(key)),
        )),
        Filter::Department(name) => {
            one(Walk::by("tickets_by_department", format!("t.department = {}", sql.arg(name))))
        }
        Filter::Category(reference) => {
            one(Walk::by("tickets_by_category", format!("t.category_id = {}", row(sql, "categories", reference))))
        }
        Filter::CategorySlug(slug) => one(Walk::by(
            "tickets_by_category",
            format!("t.category_id = (SELECT id FROM categories WHERE slug = {})", sql.arg(slug)),
        )),
        Filter::Status(words) => {
            words.iter().map(|word| Walk::by("tickets_by_status", format!("t.status = {}", sql.arg(*word)))).collect()
        }
        Filter::Priority(ranks) => ranks
            .iter()
            .map(|rank| Walk::by("tickets_by_priority", format!("t.priority = {}", sql.arg(*rank))))
            .collect(),
        Filter::Workflow(word) => one(Walk::by("tickets_by_workflow", format!("t.workflow = {}", sql.arg(*word)))),
        Filter::HasAttachment(true) => one(Walk::by("tickets_with_attachments", "t.attachment_count > 0")),
        Filter::HasAttachment(false) => one(Walk::by("tickets_without_attachments", "t.attachment_count = 0")),
        // Overdue are those that are marked, and the few that the sweep has still to mark.
        Filter::Overdue(true) => vec![
            Walk::by("tickets_overdue", "t.is_overdue = 1"),
            Walk {
                condition: "t.id IN (SELECT id FROM tickets INDEXED BY tickets_to_become_overdue WHERE deleted_at IS NULL \
                  AND is_overdue = 0 AND resolved_at IS NULL AND paused_at IS NULL AND resolution_due_at < ?1)"
                    .to_owned(),
                ..Walk::all()
            },
        ],
        _ => one(Walk::all()),
    }
}
