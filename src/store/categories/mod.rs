//! Which SQL reads and writes categories, and moves the tickets out of one that is archived?
//! Subcategories are in [`subcategories`].
//! Not allowed here: running the statements, HTTP, and deciding who may make a change.

pub mod subcategories;
pub mod write;

use serde::Deserialize;

use crate::desk::agent::cause;
use crate::desk::category::CategoryRef;
use crate::desk::id::Ref;
use crate::desk::tickets::ticket::NamedRow;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::store::categories::write::{CategoryFields, name_condition, update_row};
use crate::store::settings;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::assignment::UNRESOLVED;
use crate::store::tickets::write::counts::{Side, move_many};
use crate::store::users::agents::user_condition;
use crate::store::users::search::found_by;

/// A category; `$AGENTS` is replaced differently for staff and for customers.
pub const CATEGORY: View = View {
    name: "Category",
    fields: &[
        field("id", "c.id", Out::Int),
        field("uid", "c.uid", Out::Text),
        field("slug", "c.slug", Out::Text).doc("Its name in paths, filters and tickets."),
        field("name", "c.name", Out::Text),
        field("description", "c.description", Out::Text),
        field("position", "c.position", Out::Int).doc("Its place in the list."),
        field("is_active", "c.is_active", Out::Flag).doc("Archived categories take no new tickets."),
        field("subcategories", "$SUBCATEGORIES", Out::Json("Subcategories")).doc("The active ones."),
        nullable("agents", "$AGENTS", Out::Json("Ids"))
            .doc("The ids of its active agents; null for customers."),
        field("version", "c.version", Out::Int),
        field("created_at", "c.created_at", Out::Time),
        field("updated_at", "c.updated_at", Out::Time),
    ],
};

/// The SQL that builds a [`CATEGORY`].
fn json(staff: bool) -> String {
    let agents = if staff {
        "(SELECT json_group_array(a.user_id ORDER BY a.user_id) FROM agent_categories a \
         JOIN users u ON u.id = a.user_id AND u.role = 'agent' AND u.is_active = 1 WHERE a.category_id = c.id)"
    } else {
        "NULL"
    };
    CATEGORY
        .sql()
        .replace("$SUBCATEGORIES", &subcategories::active_list_json())
        .replace("$AGENTS", agents)
}

/// Selects one category: `j` (a [`CATEGORY`]), `v` (the version) and `id`.
pub fn show(name: &CategoryRef, staff: bool) -> Stmt {
    let (is_it, arg) = name_condition("c", name, 1);
    Stmt::new(format!(
        "SELECT {} AS j, c.version AS v, c.id AS id FROM categories c WHERE {is_it}",
        json(staff)
    ))
    .bind(arg)
}

/// The filters of a category list.
#[derive(Clone, Debug, Default)]
pub struct CategoryFilter {
    /// Only active or only archived categories; `None` means both.
    pub is_active: Option<bool>,
    /// Only the categories of this agent.
    pub agent: Option<Ref>,
    /// Words of which each is part of the name.
    pub q: Option<String>,
}

fn filter_condition(filter: &CategoryFilter, args: &mut Vec<Arg>) -> String {
    let mut wheres = vec!["1".to_owned()];
    if let Some(is_active) = filter.is_active {
        args.push(is_active.into());
        wheres.push(format!("c.is_active = ?{}", args.len()));
    }
    if let Some(agent) = &filter.agent {
        let (is_it, arg) = user_condition(agent, args.len().saturating_add(1));
        args.push(arg);
        wheres.push(format!(
            "c.id IN (SELECT a.category_id FROM users u JOIN agent_categories a ON a.user_id = u.id WHERE {is_it})"
        ));
    }
    if let Some(q) = &filter.q {
        wheres.push(found_by("c.search_text", q, |word| {
            args.push(word);
            format!("?{}", args.len())
        }));
    }
    wheres.join(" AND ")
}

/// A page of categories ordered by position: rows `j`, `s` (the position) and `id`.
pub fn list(filter: &CategoryFilter, staff: bool, page: &Page) -> Stmt {
    let mut args = Vec::new();
    let mut when = filter_condition(filter, &mut args);
    if let PageStart::After { value, id } = page.start {
        args.extend([value.into(), id.into()]);
        let at = args.len();
        when.push_str(&format!(
            " AND (c.position, c.id) > (?{}, ?{at})",
            at.saturating_sub(1)
        ));
    }
    args.extend([page.limit.saturating_add(1).into(), page.offset().into()]);
    let at = args.len();
    Stmt {
        sql: format!(
            "SELECT {} AS j, c.position AS s, c.id AS id FROM categories c WHERE {when} \
             ORDER BY c.position, c.id LIMIT ?{} OFFSET ?{at}",
            json(staff),
            at.saturating_sub(1)
        )
        .into(),
        args,
    }
}

/// Counts the categories of a list: `n`, up to 10,001.
pub fn count(filter: &CategoryFilter) -> Stmt {
    let mut args = Vec::new();
    let when = filter_condition(filter, &mut args);
    Stmt {
        sql: format!("SELECT count(*) AS n FROM (SELECT 1 FROM categories c WHERE {when} LIMIT 10001)")
            .into(),
        args,
    }
}

/// Finds a category that tickets may be assigned to: `id` and `name` (its slug), if it is active.
pub fn find_active(name: &CategoryRef) -> Stmt {
    let (is_it, arg) = name_condition("c", name, 1);
    Stmt::new(format!(
        "SELECT c.id AS id, c.slug AS name, EXISTS (SELECT 1 FROM agent_categories WHERE category_id = c.id) AS has_agents \
         FROM categories c WHERE {is_it} AND c.is_active = 1"
    ))
    .bind(arg)
}

/// The query of a guard: the category is active and still has this slug, and has no agents if it had none.
pub fn find_known(category: &NamedRow, has_agents: bool) -> Stmt {
    let agents = if has_agents {
        ""
    } else {
        " AND NOT EXISTS (SELECT 1 FROM agent_categories WHERE category_id = ?1)"
    };
    Stmt::new(format!(
        "SELECT 1 FROM categories WHERE id = ?1 AND slug = ?2 AND is_active = 1{agents}"
    ))
    .bind(category.id)
    .bind(&category.name)
}

/// Resolves a JSON list of ids, uids and slugs to active categories: `ids` (JSON) and `missing`, the first entry that
/// is not an active category.
pub fn resolve_active(rows: &str) -> Stmt {
    Stmt::new(
        "SELECT (SELECT json_group_array(DISTINCT c.id) FROM json_each(?1) j JOIN categories c \
           ON c.is_active = 1 AND (c.id = j.value OR c.uid = j.value OR c.slug = j.value)) AS ids, \
         (SELECT CAST(j.value AS TEXT) FROM json_each(?1) j WHERE NOT EXISTS (SELECT 1 FROM categories c \
           WHERE c.is_active = 1 AND (c.id = j.value OR c.uid = j.value OR c.slug = j.value)) LIMIT 1) AS missing",
    )
    .bind(rows)
}

/// The columns of a category that a change needs.
#[derive(Clone, Debug, Deserialize)]
pub struct CategoryRow {
    pub id: i64,
    pub version: i64,
    pub is_active: i64,
    /// The number of its unresolved tickets.
    pub unresolved: i64,
}

/// Selects the row of a category for a change.
pub fn row(name: &CategoryRef) -> Stmt {
    let (is_it, arg) = name_condition("c", name, 1);
    Stmt::new(format!(
        "SELECT c.id, c.version, c.is_active, coalesce((SELECT sum({UNRESOLVED}) FROM ticket_counts n \
         WHERE n.category_id = c.id), 0) AS unresolved FROM categories c WHERE {is_it}"
    ))
    .bind(arg)
}

/// Inserts a category, at the end of the list unless a position is given.
pub fn insert(uid: &str, facts: &CategoryFields, now: i64) -> [Stmt; 2] {
    let insert = Stmt::new(
        "INSERT INTO categories (uid, slug, name, description, position, is_active, created_at, updated_at, search_text) \
         SELECT ?1, ?2, ?3, coalesce(?4, ''), coalesce(?5, (SELECT coalesce(max(position), 0) + 1 FROM categories)), \
           coalesce(?6, 1), ?7, ?7, coalesce(?8, '')",
    )
    .bind(uid)
    .bind(facts.slug.clone())
    .bind(facts.name.clone())
    .bind(facts.description.clone())
    .bind(facts.position)
    .bind(facts.is_active)
    .bind(now)
    .bind(facts.search_text());
    [insert, settings::raise_rules_version_if_active()]
}

/// Updates a category that is at `version`.
pub fn update(id: i64, version: i64, facts: &CategoryFields, now: i64) -> Vec<Stmt> {
    let mut stmts = vec![update_row("categories", id, version, facts, now)];
    if facts.slug.is_some() || facts.is_active.is_some() {
        stmts.push(settings::raise_rules_version_if_active());
    }
    stmts
}

/// Aborts the batch if the category still has unresolved tickets; earlier statements of the batch may have moved
/// them.
pub fn expect_no_unresolved(id: i64) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM categories WHERE id = ?1 \
         AND coalesce((SELECT sum({UNRESOLVED}) FROM ticket_counts n WHERE n.category_id = ?1), 0) = 0)"
    ))
    .bind(id)
}

/// Moves the unresolved tickets of a category to another category, and writes an event for each.
pub fn move_tickets(from: i64, to: i64, actor: i64, now: i64) -> [Stmt; 5] {
    let there = Side {
        category: "?2",
        ..Side::default()
    };
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM categories WHERE id = ?1 AND is_active = 1)",
        )
        .bind(to),
        Stmt::new(
            "INSERT INTO events (ticket_id, seq, public_seq, type, actor_id, changes, cause, created_at) \
             SELECT t.id, t.seq + 1, t.public_seq + 1, 'ticket_updated', ?3, \
               '[{\"field\":\"category\",\"from\":' || json_quote((SELECT slug FROM categories WHERE id = t.category_id)) || ',\"to\":' || json_quote(c.slug) || '}' || \
               iif(t.subcategory_id IS NULL, '', ',{\"field\":\"subcategory\",\"from\":' || json_quote((SELECT slug FROM subcategories WHERE id = t.subcategory_id)) || ',\"to\":null}') || ']', \
               ?5, ?4 \
             FROM tickets t JOIN categories c ON c.id = ?2 \
             WHERE t.category_id = ?1 AND t.deleted_at IS NULL AND t.status NOT IN ('resolved', 'closed')",
        )
        .bind(from)
        .bind(to)
        .bind(actor)
        .bind(now)
        .bind(cause::CATEGORY_ARCHIVED),
        Stmt::new(move_many(
            "tickets t WHERE t.category_id = ?1 AND t.deleted_at IS NULL AND t.status NOT IN ('resolved', 'closed')",
            Side::default(),
            there,
        ))
        .bind(from)
        .bind(to),
        Stmt::new(
            "DELETE FROM ticket_facets WHERE (facet, ticket_id) IN (SELECT 's:' || t.subcategory_id, t.id FROM tickets t \
             WHERE t.category_id = ?1 AND t.subcategory_id IS NOT NULL AND t.deleted_at IS NULL AND t.status NOT IN ('resolved', 'closed'))",
        )
        .bind(from),
        Stmt::new(
            "UPDATE tickets SET category_id = ?2, subcategory_id = NULL, version = version + 1, seq = seq + 1, public_seq = public_seq + 1, \
               updated_at = max(updated_at, ?3), public_updated_at = max(public_updated_at, ?3) \
             WHERE category_id = ?1 AND deleted_at IS NULL AND status NOT IN ('resolved', 'closed')",
        )
        .bind(from)
        .bind(to)
        .bind(now),
    ]
}
