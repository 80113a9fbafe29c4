//! Macros. Everybody of the staff sees the shared ones and their own.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::tools::macros::MAX_MACROS;
use crate::desk::tools::placeholder::{Names, PlaceholderValues};
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::automation::rules;
use crate::store::sql::reference::ref_column;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::json::ticket_json;
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// A macro, as the API returns it.
pub const MACRO: View = View {
    name: "Macro",
    fields: &[
        field("id", "m.id", Out::Int),
        field("uid", "m.uid", Out::Text),
        field("name", "m.name", Out::Text),
        nullable("body", "m.body", Out::Text)
            .doc("What is said, with placeholders such as `{{ticket.number}}`."),
        field("is_internal", "m.is_internal", Out::Flag).doc("It is said in an internal note."),
        field("actions", "m.actions", Out::Json("WorkflowActions")),
        field("shared", "m.shared", Out::Flag).doc("All of the staff see it, and managers write it."),
        nullable("owner", "(SELECT card FROM users WHERE id=m.owner_id)", Out::Card),
        field("version", "m.version", Out::Int),
        field("created_at", "m.created_at", Out::Time),
        field("updated_at", "m.updated_at", Out::Time),
    ],
};

/// SQL condition: the reader `?1` sees the macro `m`.
const SEEN: &str = "(m.shared = 1 OR m.owner_id = ?1)";

/// A page of the macros that the reader sees, in the order of their ids: rows `j` and `id`.
pub fn list(reader: i64, shared: Option<bool>, page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    Stmt::new(format!(
        "SELECT {} AS j, m.id AS id FROM macros m WHERE m.id > ?2 AND {SEEN} AND (?3 IS NULL OR m.shared = ?3) \
         ORDER BY m.id LIMIT ?4 OFFSET ?5",
        MACRO.sql()
    ))
    .bind(reader)
    .bind(after)
    .bind(shared)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// How many macros [`list`] has: `n`.
pub fn count(reader: i64, shared: Option<bool>) -> Stmt {
    Stmt::new(format!(
        "SELECT count(*) AS n FROM macros m WHERE {SEEN} AND (?2 IS NULL OR m.shared = ?2)"
    ))
    .bind(reader)
    .bind(shared)
}

/// Selects `j`, `v` (the version) and `id` of a macro that the reader sees.
pub fn show(reader: i64, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, m.version AS v, m.id AS id FROM macros m WHERE m.{column} = ?2 AND {SEEN}",
        MACRO.sql()
    ))
    .bind(reader)
    .bind(arg)
}

/// A macro as it is applied and changed.
#[derive(Clone, Debug, Deserialize)]
pub struct MacroRow {
    pub id: i64,
    pub uid: String,
    pub name: String,
    pub body: Option<String>,
    pub is_internal: i64,
    pub actions: String,
    pub shared: i64,
    pub version: i64,
}

/// Selects the [`MacroRow`] of a macro that the reader sees.
pub fn row(reader: i64, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT m.id, m.uid, m.name, m.body, m.is_internal, m.actions, m.shared, m.version FROM macros m WHERE m.{column} = ?2 AND {SEEN}"
    ))
    .bind(reader)
    .bind(arg)
}

/// What the actions of a macro refer to, read before the macro is known.
pub fn references(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    rules::references_from(
        &format!("(SELECT json(actions) FROM macros WHERE {column} = ?1)"),
        arg,
    )
}

/// The complete fields of a macro.
#[derive(Clone, Debug)]
pub struct NewMacro {
    pub uid: String,
    pub name: String,
    pub body: Option<String>,
    pub is_internal: bool,
    pub actions: String,
    pub shared: bool,
    pub owner_id: i64,
    pub now: i64,
}

/// Inserts a macro, unless the desk has as many as it may.
pub fn insert(new: &NewMacro) -> [Stmt; 2] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE (SELECT count(*) FROM macros) >= ?1").bind(MAX_MACROS),
        Stmt::new(
            "INSERT INTO macros (uid, name, body, is_internal, actions, shared, owner_id, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        )
        .bind(&new.uid)
        .bind(&new.name)
        .bind(new.body.clone())
        .bind(new.is_internal)
        .bind(&new.actions)
        .bind(new.shared)
        .bind(new.owner_id)
        .bind(new.now),
    ]
}

/// How many macros there are: `n`.
pub fn count_all() -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM macros")
}

/// Changes a macro that is at this version. Whoever takes it back from the others becomes its owner.
pub fn update(id: i64, version: i64, new: &NewMacro) -> Stmt {
    Stmt::new(
        "UPDATE macros SET version = ?2 + 1, name = ?3, body = ?4, is_internal = ?5, actions = ?6, \
           owner_id = iif(shared = 1 AND ?7 = 0, ?8, owner_id), shared = ?7, updated_at = ?9 WHERE id = ?1",
    )
    .bind(id)
    .bind(version)
    .bind(&new.name)
    .bind(new.body.clone())
    .bind(new.is_internal)
    .bind(&new.actions)
    .bind(new.shared)
    .bind(new.owner_id)
    .bind(new.now)
}

/// Deletes a macro that is at this version.
pub fn delete(id: i64, version: i64) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM macros WHERE id = ?1 AND version = ?2)",
        )
        .bind(id)
        .bind(version),
        Stmt::new("DELETE FROM macros WHERE id = ?1").bind(id),
    ]
}

/// The row of [`placeholder_values`].
#[derive(Clone, Debug, Deserialize)]
pub struct PlaceholderRow {
    number: String,
    key: Option<String>,
    requester_first: String,
    requester_last: String,
    requester_full: String,
    requester_email: String,
    agent_first: String,
    agent_last: String,
    agent_full: String,
}

impl PlaceholderRow {
    /// The values.
    pub fn values(self) -> PlaceholderValues {
        PlaceholderValues {
            number: self.number,
            key: self.key,
            requester: Names {
                first: self.requester_first,
                last: self.requester_last,
                full: self.requester_full,
            },
            requester_email: self.requester_email,
            agent: Names {
                first: self.agent_first,
                last: self.agent_last,
                full: self.agent_full,
            },
        }
    }
}

/// Selects the [`PlaceholderRow`] of a ticket that the reader may see, for a text of the reader's.
pub fn placeholder_values(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT t.number, t.key, r.first_name AS requester_first, r.last_name AS requester_last, r.full_name AS requester_full, \
               r.email AS requester_email, a.first_name AS agent_first, a.last_name AS agent_last, a.full_name AS agent_full \
             FROM tickets t JOIN users r ON r.id = t.requester_id JOIN users a ON a.id = ?3 \
             WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// The answer to a macro that the reader has just applied: `head`, JSON that ends where the ticket belongs, and the
/// ticket. Rows `j`, `v` (the ticket's version) and `id`.
pub fn show_applied(reader: &Viewer, ticket_id: i64, head: String) -> Stmt {
    reader
        .stmt(format!(
            "SELECT ?5 || {} || '}}' AS j, t.version AS v, t.id AS id FROM tickets t WHERE t.id = ?4 AND ?3 IS NOT NULL",
            ticket_json(reader.role)
        ))
        .bind(ticket_id)
        .bind(head)
}
