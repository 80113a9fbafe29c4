//! Watchers: people who are told of a ticket as its assignee is.
//!
//! Whoever does not see the ticket any more does not watch it: every read checks that, and what takes the sight away
//! deletes the row.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::store::sql::guard::Guard;
use crate::store::sql::render::row_sql;
use crate::store::sql::scope::SEEN_BY;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// How many people watch a ticket at most: each of them is told of every message.
pub const MAX_WATCHERS: i64 = 50;

/// A watcher as the API returns it.
pub const WATCHER: View = View {
    name: "Watcher",
    fields: &[
        field("id", "w.user_id", Out::Int).doc("The person's id."),
        field("user", "w.user_id", Out::Person),
        nullable("added_by", "w.added_by", Out::Person)
            .doc("Who made the person a watcher; null after a merge."),
        field("created_at", "w.added_at", Out::Time),
    ],
};

/// The watchers `w` of tickets `t` who may see them.
const WATCHING: &str = "tickets t CROSS JOIN ticket_watchers w ON w.ticket_id = t.id CROSS JOIN users u ON u.id = w.user_id \
   CROSS JOIN settings s ON s.id = 1";

fn watching(reader: &Viewer, name: &str) -> String {
    format!(
        "FROM {WATCHING} WHERE {name} AND t.deleted_at IS NULL AND {} AND u.is_active = 1 AND {SEEN_BY}",
        reader.scope.condition()
    )
}

/// A page of a ticket's watchers: rows `j`, `id`.
pub fn list(reader: &Viewer, reference: &Ref, page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, w.user_id AS id {} AND w.user_id > ?5 ORDER BY w.user_id LIMIT ?6 OFFSET ?7",
            row_sql(&WATCHER),
            watching(reader, &name)
        ))
        .bind(arg)
        .bind(after)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// How many watchers [`list`] has in all: `n`.
pub fn count(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!("SELECT count(*) AS n {}", watching(reader, &name)))
        .bind(arg)
}

/// One watcher: the row `j`, `v`, `id`.
pub fn show(ticket_id: i64, user_id: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, NULL AS v, w.user_id AS id FROM ticket_watchers w WHERE w.ticket_id = ?1 AND w.user_id = ?2",
        row_sql(&WATCHER)
    ))
    .bind(ticket_id)
    .bind(user_id)
}

/// A ticket that the reader may see, and how a person is related to it.
#[derive(Clone, Debug, Deserialize)]
pub struct WatchRow {
    pub id: i64,
    /// The person; none if there is no such person.
    pub user_id: Option<i64>,
    pub is_requester: i64,
    /// Whether the person may see the ticket.
    pub sees: i64,
    pub watches: i64,
    /// How many people watch the ticket.
    pub watchers: i64,
}

/// Finds a ticket that the reader may see, and how a person is related to it ([`WatchRow`]).
pub fn find(reader: &Viewer, reference: &Ref, person: &Ref) -> Stmt {
    let (column, who): (&str, Arg) = match person {
        Ref::Id(id) => ("id", (*id).into()),
        Ref::Uid(uid) => ("uid", uid.into()),
        Ref::Number(_) | Ref::Key(_) => ("id", Arg::Null),
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT t.id AS id, u.id AS user_id, t.requester_id IS u.id AS is_requester, coalesce(u.is_active = 1 AND {SEEN_BY}, 0) AS sees, \
               EXISTS (SELECT 1 FROM ticket_watchers w WHERE w.ticket_id = t.id AND w.user_id = u.id) AS watches, \
               (SELECT count(*) FROM ticket_watchers w WHERE w.ticket_id = t.id) AS watchers \
             FROM tickets t CROSS JOIN settings s ON s.id = 1 LEFT JOIN users u ON u.{column} = ?5 \
             WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(who)
}

/// Makes a person a watcher. The batch aborts if the person does not see the ticket any more, or there are too many.
pub fn insert(ticket_id: i64, user_id: i64, added_by: i64, now: i64) -> Vec<Stmt> {
    let mut guard = Guard::new();
    guard.expect(
        Stmt::new(format!(
            "SELECT 1 FROM tickets t CROSS JOIN settings s ON s.id = 1 CROSS JOIN users u ON u.id = ?2 \
             WHERE t.id = ?1 AND t.deleted_at IS NULL AND u.is_active = 1 AND {SEEN_BY} \
             AND (SELECT count(*) FROM ticket_watchers w WHERE w.ticket_id = t.id AND w.user_id <> u.id) < {MAX_WATCHERS}"
        ))
        .bind(ticket_id)
        .bind(user_id),
    );
    let insert = Stmt::new(
        "INSERT OR IGNORE INTO ticket_watchers (ticket_id, user_id, added_by, added_at) VALUES (?1, ?2, ?3, ?4)",
    )
    .bind(ticket_id)
    .bind(user_id)
    .bind(added_by)
    .bind(now);
    guard.stmt().into_iter().chain([insert]).collect()
}

/// Ends a watch.
pub fn delete(ticket_id: i64, user_id: i64) -> Stmt {
    Stmt::new("DELETE FROM ticket_watchers WHERE ticket_id = ?1 AND user_id = ?2")
        .bind(ticket_id)
        .bind(user_id)
}

// Losing sight -----------------------------------------------------------------------------------------------------

/// SQL: ends the watches `w` that match a condition and whose watcher `u` does not see the ticket.
fn drop_unseen(condition: &str) -> String {
    format!(
        "DELETE FROM ticket_watchers WHERE (ticket_id, user_id) IN (SELECT w.ticket_id, w.user_id FROM ticket_watchers w \
         CROSS JOIN tickets t ON t.id = w.ticket_id CROSS JOIN users u ON u.id = w.user_id CROSS JOIN settings s ON s.id = 1 \
         WHERE {condition} AND NOT (u.is_active = 1 AND {SEEN_BY}))"
    )
}

/// After a change of the ticket's assignee or category: ends the watches of those who see it no longer.
pub fn drop_unseen_of_ticket(ticket_id: i64) -> Stmt {
    Stmt::new(drop_unseen("w.ticket_id = ?1")).bind(ticket_id)
}

/// After a change of a person's role, account or categories: ends the watches of what the person sees no longer. The
/// person is `u` in the condition, which has the argument `?1`.
pub fn drop_unseen_of_person(person: &str, arg: impl Into<Arg>) -> Stmt {
    Stmt::new(drop_unseen(&format!(
        "w.user_id IN (SELECT u.id FROM users u WHERE {person})"
    )))
    .bind(arg)
}

/// After a change of a category's agents: ends the watches of all who see a ticket no longer.
pub fn drop_all_unseen() -> Stmt {
    Stmt::new(drop_unseen("1"))
}
