//! The statement of a page: a walk, what it tests, and where it stops.

use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter, filter_condition};
use crate::store::tickets::ticket::Viewer;

/// A walk over tickets as a page reads it: `s`, `id` and, where there is something to test, `ok`.
pub(super) struct Walk {
    /// The statement, in the order of the list.
    pub text: String,
    /// How many of its rows are read at most to find those that are `ok`; none if there is nothing to test.
    pub window: Option<Window>,
}

/// How many rows of a walk a page tests at most.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// At first.
    pub first: i64,
    /// If the page is not full then: these are read from the start again.
    pub all: i64,
}

/// The window of a walk down an index: with the tickets that it shows, a page reads fewer than 1,500 rows.
pub(super) const WINDOW: Window = Window {
    first: 200,
    all: 1_000,
};
/// The same for walks that read two rows for each ticket: one of a table that serves as an index, and the ticket.
pub(super) const WINDOW_OF_PAIRS: Window = Window { first: 60, all: 560 };

/// The statement of a page: the rows of a walk that are `ok`, with their tickets.
pub(super) fn show(mut sql: SqlBuilder, walk: &Walk, row: &str, page: &Page) -> Stmt {
    let limit = sql.arg(page.limit.saturating_add(1));
    let text = &walk.text;
    let join = "x CROSS JOIN tickets t ON t.id = x.id";
    // Every statement on tickets binds its reader, although not each of them uses it.
    let text = match walk.window {
        None => {
            let offset = sql.arg(page.offset());
            format!(
                "SELECT {row} AS j, x.s AS s, x.id AS id, 0 AS stop FROM ({text} LIMIT {limit} OFFSET {offset}) {join} WHERE ?3 IS NOT NULL"
            )
        }
        // A page that is named by its number is not cut short: it has a total, and no cursor.
        Some(_) if page.offset() > 0 || page.start == PageStart::Whole => {
            let offset = sql.arg(page.offset());
            format!(
                "SELECT {row} AS j, x.s AS s, x.id AS id, 0 AS stop FROM (SELECT s, id FROM ({text}) WHERE ok LIMIT {limit} OFFSET {offset}) \
                 {join} WHERE ?3 IS NOT NULL"
            )
        }
        // The first rows of the walk often hold a page, and SQLite reads no more of them than it needs. Where they do
        // not, `b` looks at all that may be read, and says where that was.
        Some(Window { first, all }) => format!(
            "WITH a AS MATERIALIZED (SELECT s, id FROM ({text} LIMIT {first}) WHERE ok LIMIT {limit}), \
             b AS MATERIALIZED (SELECT json_group_array(json_array(s, id)) FILTER (WHERE ok) AS ids, count(*) AS n, \
               json_group_array(s) ->> '$[#-1]' AS s, json_group_array(id) ->> '$[#-1]' AS id \
               FROM ({text} LIMIT iif((SELECT count(*) FROM a) < {limit}, {all}, 0))) \
             SELECT {row} AS j, x.s AS s, x.id AS id, 0 AS stop FROM \
               (SELECT s, id FROM a WHERE (SELECT count(*) FROM a) >= {limit} \
                UNION ALL SELECT e.value ->> 0, e.value ->> 1 FROM b CROSS JOIN json_each(b.ids) e LIMIT {limit}) {join} WHERE ?3 IS NOT NULL \
             UNION ALL SELECT NULL, s, id, 1 FROM b WHERE n = {all}"
        ),
    };
    sql.finish(text)
}

/// The conditions that have to be tested, as one expression, if there are any.
pub(super) fn tests(
    reader: &Viewer,
    sql: &mut SqlBuilder,
    filters: &[&TicketFilter],
    tests_scope: bool,
) -> Option<String> {
    let mut tests: Vec<String> = filters
        .iter()
        .map(|filter| filter_condition(reader, sql, filter))
        .collect();
    if tests_scope && reader.scope.worklist_condition() != "1" {
        tests.push(reader.scope.worklist_condition().to_owned());
    }
    (!tests.is_empty()).then(|| tests.join(" AND "))
}

/// Merges walks in the order `order`. D1 allows at most five terms in one compound, so compounds are nested; SQLite
/// reads ordered terms side by side and no further than it has to.
pub fn merge(walks: &[String], columns: &str, order: &str) -> String {
    let compound = |walks: &[String]| format!("{} ORDER BY {order}", walks.join(" UNION ALL "));
    if walks.len() <= 4 {
        return compound(walks);
    }
    let groups: Vec<String> = walks
        .chunks(4)
        .map(|group| format!("SELECT {columns} FROM ({})", compound(group)))
        .collect();
    merge(&groups, columns, order)
}
