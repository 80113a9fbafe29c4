//! What a request for a list of tickets may ask for.

use crate::store::tickets::list::filter::TicketFilter;

/// The value by which a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Sorted by id, which gives the same order and needs no index of its own.
    Created,
    Updated,
    Priority,
    Due,
}

/// A sort order; equal values are ordered by id in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

/// A list that a reader requests.
#[derive(Clone, Debug)]
pub struct TicketQuery {
    pub filters: Vec<TicketFilter>,
    /// If absent: newest first, or by another time if the list is filtered by that time.
    pub sort: Option<Sort>,
    /// A full-text expression; if present, the list is ordered newest first.
    pub matching: Option<String>,
    /// Text that may also name the requester: their tickets are found beside those that match.
    pub requester: Option<String>,
}

pub const NOT_DELETED: &str = "t.deleted_at IS NULL";
