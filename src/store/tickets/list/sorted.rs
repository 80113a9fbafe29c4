//! Lists in other orders than newest first.

use crate::desk::tickets::status::Status;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::sql::scope::Scope;
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter, filter_condition, updated_column};
use crate::store::tickets::list::paging::{WINDOW, Walk, merge, show, tests};
use crate::store::tickets::list::query::{NOT_DELETED, Sort, SortKey, TicketQuery};

use crate::store::tickets::ticket::Viewer;

/// The column and the index of a sort order.
fn sort_column(reader: &Viewer, key: SortKey) -> (&'static str, &'static str) {
    let (column, index) = match key {
        SortKey::Created => ("t.created_at", "tickets_by_created"),
        SortKey::Updated => (updated_column(reader), "tickets_by_updated"),
        SortKey::Priority => ("t.priority", "tickets_by_status"),
        SortKey::Due => ("t.resolution_due_at", "tickets_by_due"),
    };
    // A customer has few tickets: they are read and then sorted.
    let is_own = reader.scope == Scope::Own;
    (column, if is_own { "tickets_by_requester" } else { index })
}

/// Whether a range filter is a contiguous part of the index that the sort order walks anyway.
fn is_index_range(filter: &TicketFilter, key: SortKey) -> bool {
    match filter {
        TicketFilter::UpdatedAfter(_) | TicketFilter::UpdatedBefore(_) => key == SortKey::Updated,
        TicketFilter::DueAfter(_) | TicketFilter::DueBefore(_) => key == SortKey::Due,
        TicketFilter::CreatedAfter(_) | TicketFilter::CreatedBefore(_) => key == SortKey::Created,
        _ => false,
    }
}

/// A page in another order than newest first.
pub(super) fn sorted(
    reader: &Viewer,
    query: &TicketQuery,
    sort: Sort,
    by_range: bool,
    row: &str,
    page: &Page,
) -> Stmt {
    let mut sql = SqlBuilder::new(reader);
    let (key, index) = sort_column(reader, sort.key);
    let by_id = sort.key == SortKey::Created && !by_range && reader.scope != Scope::Own;
    let (key, from) = if by_id {
        ("t.id", "tickets t NOT INDEXED".to_owned())
    } else {
        (key, format!("tickets t INDEXED BY {index}"))
    };
    let (direction, less) = if sort.descending {
        ("DESC", "<")
    } else {
        ("ASC", ">")
    };
    let mut walk = String::new();
    if reader.scope == Scope::Own {
        walk.push_str(" AND t.requester_id = ?3");
    }
    let (ranges, rest): (Vec<&TicketFilter>, Vec<&TicketFilter>) = query
        .filters
        .iter()
        .partition(|filter| is_index_range(filter, sort.key));
    for filter in ranges {
        let text = filter_condition(reader, &mut sql, filter);
        walk.push_str(&format!(" AND {}", text.trim_start_matches('+')));
    }
    let tests_scope = matches!(reader.scope, Scope::Category | Scope::Assigned);
    let tests = tests(reader, &mut sql, &rest, tests_scope);
    if let PageStart::After { value, id } = page.start {
        let (value, id) = (sql.arg(value), sql.arg(id));
        walk.push_str(&format!(" AND ({key}, t.id) {less} ({value}, {id})"));
    }
    let ok = tests
        .as_ref()
        .map_or_else(String::new, |tests| format!(", ({tests}) AS ok"));
    let select = |more: &str| {
        format!(
            "SELECT {key} AS s, t.id AS id{ok} FROM {from} WHERE {NOT_DELETED}{more}{walk} AND {key} IS NOT NULL"
        )
    };
    // The index of priorities begins with the status: one walk for each.
    let text = if index == "tickets_by_status" {
        let walks: Vec<String> = Status::WORDS
            .iter()
            .map(|word| select(&format!(" AND t.status = '{word}'")))
            .collect();
        let columns = if tests.is_some() { "s, id, ok" } else { "s, id" };
        merge(&walks, columns, &format!("s {direction}, id {direction}"))
    } else {
        format!("{} ORDER BY {key} {direction}, t.id {direction}", select(""))
    };
    let window = tests.is_some().then_some(WINDOW);
    show(sql, &Walk { text, window }, row, page)
}
