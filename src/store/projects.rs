//! Projects, their members, and the counters from which their tickets' keys are numbered.

use serde::Deserialize;

use crate::desk::fold::fold_name;
use crate::desk::id::Ref;
use crate::desk::project::ProjectStatus;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::assignment::UNRESOLVED;
use crate::store::users;
use crate::store::users::search::found_by;

/// The names of a project's statuses.
pub static STATUS: Choices = Choices {
    list: &ProjectStatus::WORDS,
    parse: |word| ProjectStatus::parse(word).map(ProjectStatus::as_str),
};

/// A project. Only staff see its lead and members; for customers `$LEAD` and `$MEMBERS` are empty.
pub const PROJECT: View = View {
    name: "Project",
    fields: &[
        field("id", "p.id", Out::Int),
        field("uid", "p.uid", Out::Text),
        field("key", "p.key", Out::Text).doc("The keys of its tickets begin with it; it never changes."),
        field("name", "p.name", Out::Text),
        field("description", "p.description", Out::Text),
        field("status", "p.status", Out::Word(&STATUS)),
        nullable("lead", "$LEAD", Out::Card).doc("For staff; null for customers."),
        field("members", "$MEMBERS", Out::Json("People")).doc("For staff; empty for customers."),
        field("version", "p.version", Out::Int),
        field("created_at", "p.created_at", Out::Time),
        field("updated_at", "p.updated_at", Out::Time),
        nullable("archived_at", "p.archived_at", Out::Time),
    ],
};

/// The SQL that builds a [`PROJECT`].
fn json(is_staff: bool) -> String {
    let (lead, members) = if is_staff {
        (
            "(SELECT card FROM users WHERE id = p.lead_id)",
            "(SELECT '[' || coalesce(group_concat(card, ','), '') || ']' FROM (SELECT u.card AS card FROM project_members m \
             JOIN users u ON u.id = m.user_id WHERE m.project_id = p.id ORDER BY m.user_id))",
        )
    } else {
        ("NULL", "'[]'")
    };
    PROJECT.sql().replace("$LEAD", lead).replace("$MEMBERS", members)
}

/// The SQL condition for a reader seeing a project: customers see active projects only.
fn visible(is_staff: bool) -> &'static str {
    if is_staff { "1" } else { "p.status = 'active'" }
}

fn ref_column(reference: &Ref) -> (&'static str, Arg) {
    match reference {
        Ref::Key(key) => ("key", key.into()),
        other => users::ref_column(other),
    }
}

/// Selects `j`, `v` (the version) and `id` of a project that the reader may see.
pub fn show(is_staff: bool, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, p.version AS v, p.id AS id FROM projects p WHERE p.{column} = ?1 AND {}",
        json(is_staff),
        visible(is_staff)
    ))
    .bind(arg)
}

/// The filters of a project list.
#[derive(Clone, Debug, Default)]
pub struct ProjectFilter {
    pub status: Option<&'static str>,
    /// Only projects that this user leads or is a member of.
    pub person: Option<i64>,
    /// Words of which each is part of the name or key.
    pub q: Option<String>,
}

/// A statement whose conditions apply the filter to a project `p`; the conditions bind the first arguments.
fn filtered_stmt(is_staff: bool, filter: &ProjectFilter, sql: &str) -> Stmt {
    let mut stmt = Stmt::new("").bind(filter.status).bind(filter.person);
    let named = filter.q.as_ref().map_or("1".to_owned(), |q| {
        found_by("p.search_text", q, |word| {
            stmt.args.push(word);
            format!("?{}", stmt.args.len())
        })
    });
    let condition = format!(
        "{} AND (?1 IS NULL OR p.status = ?1) AND (?2 IS NULL OR p.lead_id = ?2 \
         OR EXISTS (SELECT 1 FROM project_members WHERE project_id = p.id AND user_id = ?2)) AND {named}",
        visible(is_staff)
    );
    stmt.sql = sql.replace("$CONDITION", &condition).into();
    stmt
}

/// A page of projects, newest first: rows `j` and `id`.
pub fn list(is_staff: bool, filter: &ProjectFilter, page: &Page) -> Stmt {
    let before = match page.start {
        PageStart::After { id, .. } => Some(id),
        _ => None,
    };
    let mut stmt = filtered_stmt(is_staff, filter, "$CONDITION");
    let next = stmt.args.len().saturating_add(1);
    stmt.sql = format!(
        "SELECT {} AS j, p.id AS id FROM projects p WHERE {} AND (?{next} IS NULL OR p.id < ?{next}) \
         ORDER BY p.id DESC LIMIT ?{} OFFSET ?{}",
        json(is_staff),
        stmt.sql,
        next.saturating_add(1),
        next.saturating_add(2)
    )
    .into();
    stmt.bind(before)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// Counts the projects of a list: `n`, up to 10,001.
pub fn count(is_staff: bool, filter: &ProjectFilter) -> Stmt {
    let sql = "SELECT count(*) AS n FROM (SELECT 1 FROM projects p WHERE $CONDITION LIMIT 10001)";
    filtered_stmt(is_staff, filter, sql)
}

/// The columns of a project that a change needs.
#[derive(Clone, Debug, Deserialize)]
pub struct ProjectRow {
    pub id: i64,
    pub key: String,
    status: String,
    pub version: i64,
    /// The number of its tickets that are neither resolved nor closed.
    pub open: i64,
}

impl ProjectRow {
    /// The status as an enum value.
    pub fn status(&self) -> ProjectStatus {
        ProjectStatus::parse(&self.status).unwrap_or(ProjectStatus::Active)
    }
}

/// The SQL that counts the unresolved tickets of the project `p`.
fn open_tickets() -> String {
    format!("coalesce((SELECT sum({UNRESOLVED}) FROM ticket_counts n WHERE n.project_id = p.id), 0)")
}

/// Selects the row of a project, for callers who may change it.
pub fn row(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT p.id, p.key, p.status, p.version, {} AS open FROM projects p WHERE p.{column} = ?1",
        open_tickets()
    ))
    .bind(arg)
}

/// Finds a project that accepts new tickets: `id` and `name` (its key).
pub fn find_active(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT id, key AS name FROM projects WHERE {column} = ?1 AND status = 'active'"
    ))
    .bind(arg)
}

/// The active users in a JSON list of ids and uids: `id`, each once.
pub fn list_active_users(list: &str) -> Stmt {
    Stmt::new(
        "SELECT DISTINCT u.id AS id FROM json_each(?1) e CROSS JOIN users u ON u.id = \
         iif(e.type = 'integer', e.value, (SELECT id FROM users WHERE uid = e.value)) WHERE u.is_active = 1",
    )
    .bind(list)
}

/// Reserves the next ticket number of a project for a ticket of the same batch; aborts the batch if the project does
/// not accept tickets.
pub fn take_next_number(project_id: i64) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND status = 'active')",
        )
        .bind(project_id),
        Stmt::new("UPDATE projects SET last_number = last_number + 1 WHERE id = ?1").bind(project_id),
    ]
}

/// A project to be created.
#[derive(Clone, Debug)]
pub struct NewProject<'a> {
    pub uid: &'a str,
    pub key: &'a str,
    pub name: &'a str,
    pub description: &'a str,
    pub lead_id: Option<i64>,
    /// A JSON list of user ids.
    pub members: &'a str,
    pub now: i64,
}

/// Inserts a project with its members.
pub fn insert(new: &NewProject) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO projects (uid, key, name, description, lead_id, created_at, updated_at, search_text) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7 || char(10) || lower(?2))",
        )
        .bind(new.uid)
        .bind(new.key)
        .bind(new.name)
        .bind(new.description)
        .bind(new.lead_id)
        .bind(new.now)
        .bind(fold_name(new.name)),
        Stmt::new(
            "INSERT INTO project_members (project_id, user_id) \
             SELECT p.id, e.value FROM projects p CROSS JOIN json_each(?2) e WHERE p.uid = ?1",
        )
        .bind(new.uid)
        .bind(new.members),
    ]
}

/// The fields that an update changes; `None` leaves a field unchanged. In an `Option<Option<_>>`, `Some(None)` clears
/// the field.
#[derive(Clone, Debug, Default)]
pub struct ProjectPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub status: Option<ProjectStatus>,
    pub lead_id: Option<Option<i64>>,
    /// A JSON list of user ids.
    pub members: Option<String>,
}

/// Updates a project, provided that it still has the version on which the change is based. Archiving aborts the batch
/// if there are open tickets.
pub fn update(id: i64, version: i64, update: &ProjectPatch, now: i64) -> Vec<Stmt> {
    let mut stmts = Vec::new();
    if update.status == Some(ProjectStatus::Archived) {
        let guard = format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = ?1 AND {} = 0)",
            open_tickets()
        );
        stmts.push(Stmt::new(guard).bind(id));
    }
    stmts.push(
        Stmt::new(
            "UPDATE projects SET version = ?2 + 1, updated_at = ?3, name = coalesce(?4, name), \
               description = coalesce(?5, description), status = coalesce(?6, status), \
               archived_at = iif(?6 IS NULL, archived_at, iif(?6 = 'archived', ?3, NULL)), \
               lead_id = iif(?7, ?8, lead_id), search_text = coalesce(?9 || char(10) || lower(key), search_text) WHERE id = ?1",
        )
        .bind(id)
        .bind(version)
        .bind(now)
        .bind(update.name.clone())
        .bind(update.description.clone())
        .bind(update.status.map(ProjectStatus::as_str))
        .bind(update.lead_id.is_some())
        .bind(update.lead_id.flatten())
        .bind(update.name.as_deref().map(fold_name)),
    );
    if let Some(members) = &update.members {
        stmts.push(Stmt::new("DELETE FROM project_members WHERE project_id = ?1").bind(id));
        stmts.push(
            Stmt::new(
                "INSERT INTO project_members (project_id, user_id) SELECT ?1, value FROM json_each(?2)",
            )
            .bind(id)
            .bind(members),
        );
    }
    stmts
}
