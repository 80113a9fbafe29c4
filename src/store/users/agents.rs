//! Agents: their profiles and categories.

use serde::Deserialize;

use crate::desk::category::CategoryRef;
use crate::desk::id::Ref;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::http::shape::choices;
use crate::store::categories::write::name_condition;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::assignment::open_load;
use crate::store::tickets::relations::watchers;
use crate::store::users::search::found_by;

/// An agent: a user with the agent role, together with the profile.
pub const AGENT: View = View {
    name: "Agent",
    fields: &[
        field("id", "u.id", Out::Int).doc("The user's id."),
        field("uid", "u.uid", Out::Text),
        field("email", "u.email", Out::Text),
        field("username", "u.username", Out::Text),
        field("first_name", "u.first_name", Out::Text),
        field("last_name", "u.last_name", Out::Text),
        field("full_name", "u.full_name", Out::Text),
        field("role", "u.role", Out::Word(&choices::ROLE)),
        field("is_active", "u.is_active", Out::Flag),
        nullable("department", "u.department", Out::Text),
        nullable("phone", "u.phone", Out::Text),
        nullable("avatar_url", "u.avatar_url", Out::Text),
        field("is_available", "coalesce(p.is_available,1)", Out::Flag)
            .doc("Takes new tickets at the moment."),
        field("max_open_tickets", "coalesce(p.max_open_tickets,20)", Out::Int)
            .doc("Automatic assignment never goes beyond it."),
        field("open_load", "$LOAD", Out::Int)
            .doc("Assigned tickets that are not resolved, closed or deleted."),
        nullable("last_assigned_at", "p.last_assigned_at", Out::Time),
        field("categories", "$CATEGORIES", Out::Json("CategoryNames")).doc("The active ones."),
        field("version", "u.version", Out::Int),
        field("created_at", "u.created_at", Out::Time),
        field("updated_at", "u.updated_at", Out::Time),
        nullable("last_login_at", "u.last_login_at", Out::Time),
    ],
};

/// The SQL that builds an [`AGENT`].
fn json() -> String {
    AGENT.sql().replace("$LOAD", &open_load()).replace(
        "$CATEGORIES",
        "(SELECT json_group_array(json_object('id',c.id,'slug',c.slug,'name',c.name) ORDER BY c.position,c.id) \
          FROM agent_categories a JOIN categories c ON c.id = a.category_id AND c.is_active = 1 WHERE a.user_id = u.id)",
    )
}

const FROM: &str = "users u LEFT JOIN agent_profiles p ON p.user_id = u.id";

/// The SQL condition that selects the user `u` by reference; its argument is `?n`.
pub fn user_condition(reference: &Ref, n: usize) -> (String, Arg) {
    match reference {
        Ref::Id(id) => (format!("u.id = ?{n}"), Arg::Int(*id)),
        Ref::Uid(uid) => (format!("u.uid = ?{n}"), uid.into()),
        // A ticket number or ticket key never identifies a user.
        Ref::Number(_) | Ref::Key(_) => (format!("u.id = ?{n}"), Arg::Null),
    }
}

/// Selects one agent: `j` (an [`AGENT`]), `v` (the version) and `id`.
pub fn show(reference: &Ref) -> Stmt {
    let (is_it, arg) = user_condition(reference, 1);
    Stmt::new(format!(
        "SELECT {} AS j, u.version AS v, u.id AS id FROM {FROM} WHERE {is_it} AND u.role = 'agent'",
        json()
    ))
    .bind(arg)
}

/// The columns of an agent that a change needs.
#[derive(Clone, Debug, Deserialize)]
pub struct AgentRow {
    pub id: i64,
    pub version: i64,
    pub is_active: i64,
}

/// Selects the [`AgentRow`] of an agent.
pub fn row(reference: &Ref) -> Stmt {
    let (is_it, arg) = user_condition(reference, 1);
    Stmt::new(format!(
        "SELECT u.id, u.version, u.is_active FROM users u WHERE {is_it} AND u.role = 'agent'"
    ))
    .bind(arg)
}

/// The filters of an agent list.
#[derive(Clone, Debug, Default)]
pub struct AgentFilter {
    pub is_active: Option<bool>,
    pub is_available: Option<bool>,
    pub category: Option<CategoryRef>,
    /// Words of which each is part of the name, username or email address.
    pub q: Option<String>,
}

fn filter_condition(filter: &AgentFilter, args: &mut Vec<Arg>) -> String {
    let mut wheres = vec!["u.role <> 'customer' AND u.role = 'agent'".to_owned()];
    for (column, wanted) in [
        ("u.is_active", filter.is_active),
        ("coalesce(p.is_available, 1)", filter.is_available),
    ] {
        if let Some(wanted) = wanted {
            args.push(wanted.into());
            // There are far fewer agents than active users, so the `+` makes SQLite use the index on the role.
            wheres.push(format!("+{column} = ?{}", args.len()));
        }
    }
    if let Some(category) = &filter.category {
        let (is_it, arg) = name_condition("c", category, args.len().saturating_add(1));
        args.push(arg);
        wheres.push(format!(
            "u.id IN (SELECT a.user_id FROM categories c JOIN agent_categories a ON a.category_id = c.id WHERE {is_it})"
        ));
    }
    if let Some(q) = &filter.q {
        wheres.push(found_by("u.search_text", q, |word| {
            args.push(word);
            format!("?{}", args.len())
        }));
    }
    wheres.join(" AND ")
}

/// A page of agents, newest first: rows `j` and `id`.
pub fn list(filter: &AgentFilter, page: &Page) -> Stmt {
    let mut args = Vec::new();
    let mut when = filter_condition(filter, &mut args);
    if let PageStart::After { id, .. } = page.start {
        args.push(id.into());
        when.push_str(&format!(" AND u.id < ?{}", args.len()));
    }
    args.extend([page.limit.saturating_add(1).into(), page.offset().into()]);
    let at = args.len();
    Stmt {
        sql: format!(
            "SELECT {} AS j, u.id AS id FROM {FROM} WHERE {when} ORDER BY u.id DESC LIMIT ?{} OFFSET ?{at}",
            json(),
            at.saturating_sub(1)
        )
        .into(),
        args,
    }
}

/// Counts the agents of a list: `n`, up to 10,001.
pub fn count(filter: &AgentFilter) -> Stmt {
    let mut args = Vec::new();
    let when = filter_condition(filter, &mut args);
    Stmt {
        sql: format!("SELECT count(*) AS n FROM (SELECT 1 FROM {FROM} WHERE {when} LIMIT 10001)").into(),
        args,
    }
}

/// Resolves a JSON list of ids and uids to active agents: `ids` (JSON) and `missing`, the first entry that is not an
/// active agent.
pub fn resolve_active(rows: &str) -> Stmt {
    Stmt::new(
        "SELECT (SELECT json_group_array(DISTINCT u.id) FROM json_each(?1) j JOIN users u \
           ON u.role <> 'customer' AND u.role = 'agent' AND u.is_active = 1 AND (u.id = j.value OR u.uid = j.value)) AS ids, \
         (SELECT CAST(j.value AS TEXT) FROM json_each(?1) j WHERE NOT EXISTS (SELECT 1 FROM users u \
           WHERE u.role <> 'customer' AND u.role = 'agent' AND u.is_active = 1 AND (u.id = j.value OR u.uid = j.value)) LIMIT 1) AS missing",
    )
    .bind(rows)
}

/// The result of [`resolve_active`] and of `categories::resolve_active`.
#[derive(Clone, Debug, Deserialize)]
pub struct ResolvedIds {
    /// A JSON list of ids, as text.
    pub ids: String,
    pub missing: Option<String>,
}

/// Creates a profile for a staff user who has none yet; does nothing for customers.
pub fn ensure_profile(user: &Ref) -> Stmt {
    let (is_it, arg) = user_condition(user, 1);
    Stmt::new(format!(
        "INSERT OR IGNORE INTO agent_profiles (user_id) SELECT u.id FROM users u WHERE {is_it} AND u.role <> 'customer'"
    ))
    .bind(arg)
}

/// Sets the availability and the maximum number of open tickets; `None` leaves a value unchanged.
pub fn set_profile(agent: &Ref, is_available: Option<bool>, max_open_tickets: Option<i64>) -> Stmt {
    let (is_it, arg) = user_condition(agent, 1);
    Stmt::new(format!(
        "INSERT INTO agent_profiles (user_id, is_available, max_open_tickets) \
         SELECT u.id, coalesce(?2, 1), coalesce(?3, 20) FROM users u WHERE {is_it} \
         ON CONFLICT (user_id) DO UPDATE SET is_available = coalesce(?2, is_available), \
           max_open_tickets = coalesce(?3, max_open_tickets)"
    ))
    .bind(arg)
    .bind(is_available)
    .bind(max_open_tickets)
}

/// Replaces an agent's categories with those of a JSON list of ids. The agent watches nothing that is out of sight then.
pub fn set_categories(agent: &Ref, ids: &str) -> [Stmt; 3] {
    let (is_it, arg) = user_condition(agent, 1);
    [
        Stmt::new(format!(
            "DELETE FROM agent_categories WHERE user_id = (SELECT u.id FROM users u WHERE {is_it}) \
             AND category_id NOT IN (SELECT value FROM json_each(?2))"
        ))
        .bind(arg.clone())
        .bind(ids),
        Stmt::new(format!(
            "INSERT OR IGNORE INTO agent_categories (user_id, category_id) \
             SELECT u.id, j.value FROM users u JOIN json_each(?2) j WHERE {is_it}"
        ))
        .bind(arg.clone())
        .bind(ids),
        watchers::drop_unseen_of_person(&is_it, arg),
    ]
}

/// Replaces a category's agents with those of a JSON list of ids.
pub fn set_agents(category_id: i64, ids: &str) -> [Stmt; 3] {
    [
        Stmt::new(
            "DELETE FROM agent_categories WHERE category_id = ?1 AND user_id NOT IN (SELECT value FROM json_each(?2))",
        )
        .bind(category_id)
        .bind(ids),
        Stmt::new(
            "INSERT OR IGNORE INTO agent_categories (user_id, category_id) SELECT j.value, ?1 FROM json_each(?2) j",
        )
        .bind(category_id)
        .bind(ids),
        watchers::drop_all_unseen(),
    ]
}
