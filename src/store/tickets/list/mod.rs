//! How are tickets listed, filtered, sorted and searched with a bounded number of reads?
//!
//! A page is one statement. It merges walks down indexes, which share no ticket ([`walks`]), until it has found what
//! it shows. What no index gives is tested on the way, on a bounded number of tickets: a page may then be short, and
//! its last row says where the walk stopped and the next page goes on.
//! Not allowed here: an OR over several indexes, and statements that write.

pub mod filter;
pub mod paging;
pub mod query;
pub mod sorted;
pub mod walks;

use serde::Deserialize;

use crate::desk::tickets::status::Status;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::sql::scope::Scope;
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter};
use crate::store::tickets::list::paging::{WINDOW, WINDOW_OF_PAIRS, Walk, Window, merge, show, tests};
use crate::store::tickets::list::query::{NOT_DELETED, Sort, SortKey, TicketQuery};
use crate::store::tickets::list::sorted::sorted;
use crate::store::tickets::list::walks::{Candidates, IndexWalk, Source, by_assignee, candidates};
use crate::store::tickets::ticket::Viewer;
use crate::store::users::search::named_by;

/// The newest tickets first.
pub const NEWEST: Sort = Sort {
    key: SortKey::Created,
    descending: true,
};

/// A page of a list: rows `j` (null where the ticket is not shown), `s` (the value that it is sorted by), `id` and
/// `stop` (1 at the last ticket that a page may test). `row` is the SQL of a row's text, on a ticket `t`.
pub fn page(reader: &Viewer, query: &TicketQuery, row: &str, page: &Page) -> Stmt {
    if let Some(matching) = &query.matching {
        return search(reader, query, matching, row, page);
    }
    let sort = query.sort.unwrap_or_else(|| default_sort(&query.filters));
    let by_range = query.filters.iter().any(is_created_range);
    if sort == NEWEST && !by_range {
        return newest(reader, query, row, page);
    }
    sorted(reader, query, sort, by_range, row, page)
}

/// A page without rows.
pub fn nothing() -> Stmt {
    Stmt::new("SELECT NULL AS j, 0 AS id, NULL AS s, 0 AS stop FROM settings WHERE 0")
}

fn is_created_range(filter: &TicketFilter) -> bool {
    matches!(
        filter,
        TicketFilter::CreatedAfter(_) | TicketFilter::CreatedBefore(_)
    )
}

/// The order of a list if the request names none.
fn default_sort(filters: &[TicketFilter]) -> Sort {
    let updated = |filter: &TicketFilter| {
        matches!(
            filter,
            TicketFilter::UpdatedAfter(_) | TicketFilter::UpdatedBefore(_)
        )
    };
    let due =
        |filter: &TicketFilter| matches!(filter, TicketFilter::DueAfter(_) | TicketFilter::DueBefore(_));
    if filters.iter().any(updated) {
        Sort {
            key: SortKey::Updated,
            descending: true,
        }
    } else if filters.iter().any(due) {
        Sort {
            key: SortKey::Due,
            descending: false,
        }
    } else {
        NEWEST
    }
}

fn newest(reader: &Viewer, query: &TicketQuery, row: &str, page: &Page) -> Stmt {
    let mut sql = SqlBuilder::new(reader);
    let Candidates {
        source,
        tests: rest,
        tests_scope,
    } = candidates(reader, &mut sql, query);
    let walks = match source {
        Source::Walks(walks) => walks,
        Source::Worklist => {
            let below = match page.start {
                PageStart::After { id, .. } => format!(" AND t.id < {}", sql.arg(id)),
                _ => String::new(),
            };
            let most = sql.arg(page.limit.saturating_add(1).saturating_add(page.offset()));
            let text = worklist(&below, &most);
            return show(sql, &Walk { text, window: None }, row, page);
        }
    };
    let tests = tests(reader, &mut sql, &rest, tests_scope);
    let before = match page.start {
        PageStart::After { id, .. } => Some(sql.arg(id)),
        _ => None,
    };
    let window = tests.is_some().then(|| window(&walks));
    let text = merged(&walks, tests.as_deref(), before.as_deref());
    show(sql, &Walk { text, window }, row, page)
}

fn window(walks: &[IndexWalk]) -> Window {
    if walks.iter().all(|walk| walk.id == "t.id") {
        WINDOW
    } else {
        WINDOW_OF_PAIRS
    }
}

/// Walks down indexes, merged: `s`, `id`, and `ok` if there is something to test.
fn merged(walks: &[IndexWalk], tests: Option<&str>, before: Option<&str>) -> String {
    let ok = tests.map_or_else(String::new, |tests| format!(", ({tests}) AS ok"));
    let selects: Vec<String> = walks
        .iter()
        .map(|walk| {
            let IndexWalk { from, id, condition } = walk;
            let below = before.map_or_else(String::new, |before| format!(" AND {id} < {before}"));
            format!("SELECT {id} AS s, {id} AS id{ok} FROM {from} WHERE {NOT_DELETED} AND {condition}{below}")
        })
        .collect();
    match (selects.as_slice(), walks) {
        ([select], [walk]) => format!("{select} ORDER BY {} DESC", walk.id),
        _ => merge(
            &selects,
            if tests.is_some() { "s, id, ok" } else { "s, id" },
            "id DESC",
        ),
    }
}

/// The newest tickets of an agent's worklist, `most` of each part of it: `s`, `id`.
fn worklist(below: &str, most: &str) -> String {
    let newest = |walks: &[IndexWalk], most: &str| {
        let selects: Vec<String> = walks
            .iter()
            .map(|walk| {
                format!(
                    "SELECT t.id AS id FROM {} WHERE {NOT_DELETED} AND {}{below}",
                    walk.from, walk.condition
                )
            })
            .collect();
        format!(
            "SELECT id FROM ({} LIMIT {most})",
            merge(&selects, "id", "id DESC")
        )
    };
    let in_categories = format!(
        "SELECT w.value AS id FROM agent_categories c CROSS JOIN json_each((SELECT json_group_array(id) FROM \
           (SELECT t.id AS id FROM tickets t INDEXED BY tickets_by_category \
            WHERE {NOT_DELETED} AND t.category_id = c.category_id{below} ORDER BY t.id DESC LIMIT {most}))) w WHERE c.user_id = ?3"
    );
    let mine = newest(&by_assignee("t.assignee_id = ?3", &Status::WORDS), most);
    // What is nobody's is for agents without a category.
    let pool = newest(
        &by_assignee("t.assignee_id IS NULL", &Status::WORDS),
        &format!("iif(EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3), 0, {most})"),
    );
    format!("SELECT id AS s, id FROM ({in_categories} UNION {mine} UNION {pool}) ORDER BY id DESC")
}

// Search ------------------------------------------------------------------------------------------------------------

/// The full-text expression, with the tickets of the people whom the text names.
fn expression(sql: &mut SqlBuilder, query: &TicketQuery, matching: &str) -> String {
    let text = sql.arg(matching);
    let people = query
        .requester
        .as_ref()
        .and_then(|q| named_by(q, |arg| sql.arg(arg)));
    match people {
        Some(people) => format!(
            "({text} || coalesce((SELECT ' OR scope : (' || group_concat('\"u' || id || '\"', ' OR ') || ')' FROM ({people})), ''))"
        ),
        None => text,
    }
}

/// A search, newest first: the matches are index documents, and each ticket is shown once. Documents of deleted
/// tickets are gone, and customers search with a token of their own.
fn search(reader: &Viewer, query: &TicketQuery, matching: &str, row: &str, page: &Page) -> Stmt {
    let mut sql = SqlBuilder::new(reader);
    let expression = expression(&mut sql, query, matching);
    let before = match page.start {
        PageStart::After { id, .. } => format!(" AND rowid < (CAST({} AS INTEGER) << 20)", sql.arg(id)),
        _ => String::new(),
    };
    let filters: Vec<&TicketFilter> = query.filters.iter().collect();
    let tests_scope = !matches!(reader.scope, Scope::Own);
    let tests = tests(reader, &mut sql, &filters, tests_scope);
    let found = format!(
        "SELECT DISTINCT rowid >> 20 AS id FROM ticket_search WHERE ticket_search MATCH {expression}{before} ORDER BY rowid DESC"
    );
    let walk = match tests {
        None => Walk {
            text: format!("SELECT id AS s, id FROM ({found})"),
            window: None,
        },
        Some(tests) => Walk {
            text: format!(
                "SELECT h.id AS s, h.id AS id, (SELECT {tests} FROM tickets t WHERE t.id = h.id) AS ok FROM ({found}) h"
            ),
            window: Some(WINDOW_OF_PAIRS),
        },
    };
    show(sql, &walk, row, page)
}

// Totals ------------------------------------------------------------------------------------------------------------

/// How many tickets [`count_first`] counts.
const FIRST: i64 = 100;

/// How many of the first tickets of a list there are.
#[derive(Debug, Deserialize)]
pub struct FirstCount {
    n: i64,
    is_cut: i64,
}

impl FirstCount {
    /// The number, at most 100.
    pub fn shown(&self) -> i64 {
        self.n.min(FIRST)
    }

    /// There are more than [`FirstCount::shown`], or there may be: they are rare among what was looked at.
    pub fn is_capped(&self) -> bool {
        self.n > FIRST || self.is_cut == 1
    }
}

/// Counts the tickets of a list, which is no search: exactly up to 100, as far as these are found among the newest 1,000
/// of those that an index gives: a [`FirstCount`].
pub fn count_first(reader: &Viewer, query: &TicketQuery) -> Stmt {
    let mut sql = SqlBuilder::new(reader);
    let Candidates {
        source,
        tests: rest,
        tests_scope,
    } = candidates(reader, &mut sql, query);
    let most = FIRST.saturating_add(1);
    let (text, is_tested, most) = match source {
        Source::Worklist => (worklist("", &most.to_string()), false, most),
        Source::Walks(walks) => {
            let tests = tests(reader, &mut sql, &rest, tests_scope);
            let most = if tests.is_some() { window(&walks).all } else { most };
            (merged(&walks, tests.as_deref(), None), tests.is_some(), most)
        }
    };
    let (found, is_cut) = if is_tested {
        ("coalesce(sum(ok), 0)", format!("count(*) >= {most}"))
    } else {
        ("count(*)", "0".to_owned())
    };
    sql.finish(format!(
        "SELECT {found} AS n, {is_cut} AS is_cut FROM (SELECT * FROM ({text}) LIMIT {most}) WHERE ?3 IS NOT NULL"
    ))
}

/// How many tickets a list has: `n`, at most 10,001.
pub fn count(reader: &Viewer, query: &TicketQuery) -> Stmt {
    let mut sql = SqlBuilder::new(reader);
    if let Some(matching) = &query.matching {
        let expression = expression(&mut sql, query, matching);
        let filters: Vec<&TicketFilter> = query.filters.iter().collect();
        let tests =
            tests(reader, &mut sql, &filters, true).map_or_else(String::new, |tests| format!(" AND {tests}"));
        return sql.finish(format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM (SELECT DISTINCT rowid >> 20 AS id FROM ticket_search \
             WHERE ticket_search MATCH {expression}) h CROSS JOIN tickets t ON t.id = h.id \
             WHERE {NOT_DELETED}{tests} AND ?3 IS NOT NULL LIMIT 10001)"
        ));
    }
    let Candidates {
        source,
        tests: rest,
        tests_scope,
    } = candidates(reader, &mut sql, query);
    let all = match source {
        Source::Worklist => {
            let walk = |from: &str| format!("SELECT t.id AS id FROM {from} AND {NOT_DELETED}");
            [
                walk("agent_categories c CROSS JOIN tickets t INDEXED BY tickets_by_category ON t.category_id = c.category_id WHERE c.user_id = ?3"),
                walk("tickets t INDEXED BY tickets_by_assignee WHERE t.assignee_id = ?3"),
                walk(
                    "(SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)) \
                     CROSS JOIN tickets t INDEXED BY tickets_by_assignee ON t.assignee_id IS NULL WHERE 1",
                ),
            ]
            .join(" UNION ")
        }
        Source::Walks(walks) => {
            let tests = tests(reader, &mut sql, &rest, tests_scope)
                .map_or_else(String::new, |tests| format!(" AND {tests}"));
            let selects: Vec<String> = walks
                .iter()
                .map(|IndexWalk { from, id, condition }| {
                    format!("SELECT {id} AS id FROM {from} WHERE {NOT_DELETED} AND {condition}{tests}")
                })
                .collect();
            merge(&selects, "id", "id DESC")
        }
    };
    sql.finish(format!(
        "SELECT count(*) AS n FROM (SELECT id FROM ({all}) LIMIT 10001) WHERE ?3 IS NOT NULL"
    ))
}
