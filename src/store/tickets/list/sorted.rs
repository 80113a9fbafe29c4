//! Lists in other orders than newest first.

use crate::http::page::{Page, PageStart};
use crate::store::sql::scope::Scope;
use crate::store::tickets::json::ticket_json;
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter, filter_condition, updated_column};
use crate::store::tickets::list::query::{ListPlan, NOT_DELETED, Sort, SortKey, TicketQuery, WINDOW};
use crate::store::tickets::ticket::Viewer;

/// The column and the index of a sort order.
fn sort_column(reader: &Viewer, key: SortKey) -> (&'static str, &'static str) {
    let (column, index) = match key {
        SortKey::Created => ("t.created_at", "tickets_by_created"),
        SortKey::Updated => (updated_column(reader), "tickets_by_updated"),
        SortKey::Priority => ("t.priority", "tickets_by_priority"),
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

/// A walk down the index of a sort order, including oldest first.
pub(super) fn sorted(
    reader: &Viewer,
    query: &TicketQuery,
    sort: Sort,
    by_range: bool,
    page: &Page,
) -> ListPlan {
    let build = |stopped: bool| {
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
        let mut tests = Vec::new();
        match reader.scope {
            Scope::Own => walk.push_str(" AND t.requester_id = ?3"),
            Scope::All => {}
            Scope::Category | Scope::Assigned => tests.push(reader.scope.worklist_condition().to_owned()),
        }
        for filter in &query.filters {
            let text = filter_condition(reader, &mut sql, filter);
            if is_index_range(filter, sort.key) {
                walk.push_str(&format!(" AND {}", text.trim_start_matches('+')));
            } else {
                tests.push(text);
            }
        }
        if let PageStart::After { value, id } = page.start {
            let (value, id) = (sql.arg(value), sql.arg(id));
            walk.push_str(&format!(" AND ({key}, t.id) {less} ({value}, {id})"));
        }
        let windowed = !tests.is_empty() && page.offset() == 0;
        let (limit, offset) = (sql.arg(page.limit.saturating_add(1)), sql.arg(page.offset()));
        let ordered = format!(
            "{from} WHERE {NOT_DELETED}{walk} AND {key} IS NOT NULL ORDER BY {key} {direction}, t.id {direction}"
        );
        let text = if stopped {
            let last = sql.arg(WINDOW.saturating_sub(1));
            format!("SELECT {key} AS s, t.id AS id FROM {ordered} LIMIT 1 OFFSET {last}")
        } else {
            let window = if windowed {
                sql.arg(WINDOW)
            } else {
                "-1".to_owned()
            };
            let tests: String = tests.iter().map(|test| format!(" AND {test}")).collect();
            format!(
                "SELECT {} AS j, x.s AS s, t.id AS id FROM (SELECT {key} AS s, t.id AS id FROM {ordered} LIMIT {window}) x \
                 CROSS JOIN tickets t ON t.id = x.id WHERE 1{tests} LIMIT {limit} OFFSET {offset}",
                ticket_json(reader.role)
            )
        };
        (sql.finish(text), windowed)
    };
    let (rows, windowed) = build(false);
    ListPlan {
        rows,
        stopped: windowed.then(|| build(true).0),
    }
}
