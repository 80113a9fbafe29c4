//! Saved views of the list of tickets: filters and an order. Staff see the shared ones and their own.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::choices;
use crate::store::sql::reference::ref_column;
use crate::store::sql::view::{Out, View, field, nullable};

/// Views that are shared, and views of one person: as many as are counted at once.
pub const MAX_VIEWS: i64 = 50;

/// The last id of the ready ones, which cannot be changed: mine, unassigned, overdue, waiting, all.
pub const LAST_READY: i64 = 5;

/// A view, as the API returns it.
pub const SAVED_VIEW: View = View {
    name: "SavedView",
    fields: &[
        field("id", "v.id", Out::Int)
            .doc("1 mine, 2 unassigned, 3 overdue, 4 waiting, 5 all; what is saved comes after these."),
        field("uid", "v.uid", Out::Text),
        field("name", "v.name", Out::Text),
        field("filter", "v.filter", Out::Json("ViewFilter")).doc("Filters of the list of tickets."),
        nullable("sort", "v.sort", Out::Word(&choices::TICKET_SORT)).doc("Null: the list's own order."),
        field("shared", "v.reader_id = 0", Out::Flag).doc("All of the staff see it, and managers write it."),
        field("is_ready", "v.id <= 5", Out::Flag).doc("It comes with the desk, and cannot be changed."),
        nullable("owner", "(SELECT card FROM users WHERE id=v.owner_id)", Out::Card),
        field("version", "v.version", Out::Int),
        field("created_at", "v.created_at", Out::Time),
        field("updated_at", "v.updated_at", Out::Time),
    ],
};

/// SQL condition: the reader `?1` sees the view `v`.
const SEEN: &str = "v.reader_id IN (0, ?1)";

/// A page of the views that the reader sees, in the order of their ids: rows `j` and `id`.
pub fn list(reader: i64, shared: Option<bool>, page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    Stmt::new(format!(
        "SELECT {} AS j, v.id AS id FROM views v WHERE v.id > ?2 AND {SEEN} AND (?3 IS NULL OR (v.reader_id = 0) = ?3) \
         ORDER BY v.id LIMIT ?4 OFFSET ?5",
        SAVED_VIEW.sql()
    ))
    .bind(reader)
    .bind(after)
    .bind(shared)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// How many views [`list`] has: `n`.
pub fn count(reader: i64, shared: Option<bool>) -> Stmt {
    Stmt::new(format!(
        "SELECT count(*) AS n FROM views v WHERE {SEEN} AND (?2 IS NULL OR (v.reader_id = 0) = ?2)"
    ))
    .bind(reader)
    .bind(shared)
}

/// Selects `j`, `v` (the version) and `id` of a view that the reader sees.
pub fn show(reader: i64, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, v.version AS v, v.id AS id FROM views v WHERE v.{column} = ?2 AND {SEEN}",
        SAVED_VIEW.sql()
    ))
    .bind(reader)
    .bind(arg)
}

/// A view as it is used and changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ViewRow {
    pub id: i64,
    pub uid: String,
    pub name: String,
    pub filter: String,
    pub sort: Option<String>,
    /// 0: all of the staff.
    pub reader_id: i64,
    pub version: i64,
}

const COLUMNS: &str = "v.id, v.uid, v.name, v.filter, v.sort, v.reader_id, v.version";

/// Selects the [`ViewRow`] of a view that the reader sees.
pub fn row(reader: i64, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {COLUMNS} FROM views v WHERE v.{column} = ?2 AND {SEEN}"
    ))
    .bind(reader)
    .bind(arg)
}

/// Selects the [`ViewRow`]s of all views that the reader sees.
pub fn rows(reader: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT {COLUMNS} FROM views v WHERE {SEEN} ORDER BY v.id LIMIT ?2"
    ))
    .bind(reader)
    .bind(MAX_VIEWS.saturating_mul(2).saturating_add(LAST_READY))
}

/// Finds a view that the reader sees and that still has this version: its `id`.
pub fn find_known(reader: i64, view: &ViewRow) -> Stmt {
    Stmt::new(format!(
        "SELECT v.id AS id FROM views v WHERE v.id = ?2 AND v.version = ?3 AND {SEEN}"
    ))
    .bind(reader)
    .bind(view.id)
    .bind(view.version)
}

/// The complete fields of a view.
#[derive(Clone, Debug)]
pub struct NewView {
    pub uid: String,
    pub name: String,
    pub filter: String,
    pub sort: Option<String>,
    pub shared: bool,
    /// Who writes it.
    pub owner_id: i64,
    pub now: i64,
}

impl NewView {
    fn reader_id(&self) -> i64 {
        if self.shared { 0 } else { self.owner_id }
    }
}

/// Aborts if there are as many views already as may be shared, or as one person may have.
fn expect_room(reader_id: i64) -> Stmt {
    Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE (SELECT count(*) FROM views WHERE reader_id = ?1 AND id > ?2) >= ?3")
        .bind(reader_id)
        .bind(LAST_READY)
        .bind(MAX_VIEWS)
}

/// How many views there are beside the ready ones that are shared, or that the person has: `n`.
pub fn count_beside(shared: bool, owner_id: i64) -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM views WHERE reader_id = ?1 AND id > ?2")
        .bind(if shared { 0 } else { owner_id })
        .bind(LAST_READY)
}

/// Inserts a view.
pub fn insert(new: &NewView) -> [Stmt; 2] {
    [
        expect_room(new.reader_id()),
        Stmt::new(
            "INSERT INTO views (uid, name, filter, sort, reader_id, owner_id, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        )
        .bind(&new.uid)
        .bind(&new.name)
        .bind(&new.filter)
        .bind(new.sort.clone())
        .bind(new.reader_id())
        .bind(new.owner_id)
        .bind(new.now),
    ]
}

/// Changes a view that is at this version. Whoever takes it back from the others becomes its owner.
pub fn update(before: &ViewRow, new: &NewView) -> Vec<Stmt> {
    let moves = (before.reader_id == 0) != new.shared;
    let update = Stmt::new(
        "UPDATE views SET version = ?2 + 1, name = ?3, filter = ?4, sort = ?5, reader_id = ?6, \
           owner_id = iif(?6 = 0, owner_id, ?6), updated_at = ?7 WHERE id = ?1",
    )
    .bind(before.id)
    .bind(before.version)
    .bind(&new.name)
    .bind(&new.filter)
    .bind(new.sort.clone())
    .bind(new.reader_id())
    .bind(new.now);
    let room = moves.then(|| expect_room(new.reader_id()));
    room.into_iter().chain([update]).collect()
}

/// Deletes a view that is at this version.
pub fn delete(id: i64, version: i64) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM views WHERE id = ?1 AND version = ?2)",
        )
        .bind(id)
        .bind(version),
        Stmt::new("DELETE FROM views WHERE id = ?1").bind(id),
    ]
}
