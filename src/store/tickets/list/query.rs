//! What a list of tickets asks for.

use crate::edge::db::Stmt;
use crate::store::tickets::list::filter::TicketFilter;

/// How many tickets a page walks over at most when it has to test them.
pub const WINDOW: i64 = 250;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// By id, which is the same and needs no index.
    Created,
    Updated,
    Priority,
    Due,
}

/// An order; the id decides between equals, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

/// A list that somebody asks for.
#[derive(Clone, Debug)]
pub struct TicketQuery {
    pub filters: Vec<TicketFilter>,
    /// Without one: newest first; by the time that is filtered on, when it is another.
    pub sort: Option<Sort>,
    /// A full-text expression; the list is then newest first.
    pub matching: Option<String>,
}

/// The statements of a page: `rows` (`j`, `s` the sort value, `id`), and where the walk stopped (`s`, `id`),
/// when there is a window.
pub struct ListPlan {
    pub rows: Stmt,
    pub stopped: Option<Stmt>,
}

pub const NOT_DELETED: &str = "t.deleted_at IS NULL";
