//! How are tickets listed, filtered, sorted and searched with a bounded number of reads?
//! With one filter, a list walks down that filter's own index and shows every row read. With several filters, one
//! index is walked for at most [`WINDOW`] tickets and the other filters are tested on the way; a page may then be
//! short, and its cursor continues where the walk stopped. An agent's list is a union of short walks: one per
//! category and one for assigned tickets.
//! Not allowed here: an OR over several indexes, and statements that write.

pub mod filter;
pub mod query;
pub mod sorted;

use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::sql::scope::Scope;
use crate::store::tickets::json::ticket_json;
use crate::store::tickets::list::filter::{
    IndexWalk, SqlBuilder, TicketFilter, filter_condition, index_walks, narrowness,
};
use crate::store::tickets::list::query::{ListPlan, NOT_DELETED, Sort, SortKey, TicketQuery, WINDOW};
use crate::store::tickets::list::sorted::sorted;
use crate::store::tickets::ticket::Viewer;
/// How many full-text matches a page of a search reads.
pub const MAX_HITS: i64 = 200;
const NEWEST: Sort = Sort {
    key: SortKey::Created,
    descending: true,
};

/// Plans the statements for a page of a list.
pub fn plan(reader: &Viewer, query: &TicketQuery, page: &Page) -> ListPlan {
    if let Some(matching) = &query.matching {
        return search(reader, query, matching, page);
    }
    let sort = query.sort.unwrap_or_else(|| default_sort(&query.filters));
    let by_range = query.filters.iter().any(is_created_range);
    if sort == NEWEST && !by_range {
        return newest(reader, query, page);
    }
    sorted(reader, query, sort, by_range, page)
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

// Newest first -----------------------------------------------------------------------------------------------------

/// One or several walks whose union is the list. `each` is a table of keys; the walk runs once for each key.
struct Branch {
    each: Option<&'static str>,
    walk: IndexWalk,
}

impl Branch {
    fn one(walk: IndexWalk) -> Branch {
        Branch { each: None, walk }
    }
}

/// The walks that a list needs, and the remaining filters, which have to be tested.
fn branches<'a>(
    reader: &Viewer,
    sql: &mut SqlBuilder,
    query: &'a TicketQuery,
) -> (Vec<Branch>, Vec<&'a TicketFilter>) {
    let assignee = || Branch::one(IndexWalk::on_index("tickets_by_assignee", "t.assignee_id = ?3"));
    let requester = |but: &str| {
        Branch::one(IndexWalk::on_index(
            "tickets_by_requester",
            format!("t.requester_id = ?3{but}"),
        ))
    };
    let pool = || {
        Branch::one(IndexWalk::on_index(
            "tickets_by_assignee",
            "t.assignee_id IS NULL",
        ))
    };
    let all: Vec<&TicketFilter> = query.filters.iter().collect();
    if let Some(mine) = all
        .iter()
        .position(|filter| matches!(filter, TicketFilter::Mine(_)))
    {
        let rest = all
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != mine)
            .map(|(_, filter)| *filter)
            .collect();
        return (vec![assignee(), requester(" AND t.assignee_id IS NOT ?3")], rest);
    }
    match reader.scope {
        Scope::Own => (vec![requester("")], all),
        Scope::Assigned => (vec![assignee(), pool()], all),
        Scope::Category => {
            let category = Branch {
                each: Some("SELECT category_id AS value FROM agent_categories WHERE user_id = ?3"),
                walk: IndexWalk::on_index("tickets_by_category", "t.category_id = k.value"),
            };
            // Unassigned tickets, for agents without a category. This is a list of keys that may be empty instead of
            // a condition, so that an agent with categories reads nothing here.
            let pool = Branch {
                each: Some(
                    "SELECT 0 AS value WHERE NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)",
                ),
                walk: IndexWalk::on_index("tickets_by_assignee", "t.assignee_id IS NULL"),
            };
            (vec![category, assignee(), pool], all)
        }
        Scope::All => {
            let best = all
                .iter()
                .enumerate()
                .filter_map(|(at, filter)| Some((narrowness(filter)?, at)))
                .min();
            let Some((_, best)) = best else {
                return (vec![Branch::one(IndexWalk::all())], all);
            };
            let driver = all
                .get(best)
                .map(|filter| index_walks(sql, filter))
                .unwrap_or_default();
            let rest = all
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != best)
                .map(|(_, filter)| *filter)
                .collect();
            (driver.into_iter().map(Branch::one).collect(), rest)
        }
    }
}

fn newest(reader: &Viewer, query: &TicketQuery, page: &Page) -> ListPlan {
    let (rows, windowed) = newest_rows(reader, query, page);
    ListPlan {
        rows,
        stopped: windowed.then(|| newest_stopped(reader, query, page)),
    }
}

/// The cursor of a page, bound as an argument: every walk starts after it.
fn cursor_arg(sql: &mut SqlBuilder, page: &Page) -> Option<String> {
    match page.start {
        PageStart::After { id, .. } => Some(sql.arg(id)),
        _ => None,
    }
}

fn before_cursor(before: Option<&String>, id: &str) -> String {
    before.map_or_else(String::new, |place| format!(" AND {id} < {place}"))
}

/// The id at which each walk's share of the window ends. Older tickets must not be shown, or a newer one of another
/// walk could be missed.
fn floor(branches: &[Branch], before: Option<&String>, window: &str) -> String {
    let keys = branches.iter().find_map(|branch| branch.each);
    // A walk over facets (such as tags) reads a facet row and a ticket each time, so it counts twice.
    let reads = |branch: &Branch| if branch.walk.id == "t.id" { 1 } else { 2 };
    let walks: i64 = branches.iter().map(reads).sum();
    let share = match keys {
        Some(keys) => {
            format!("(SELECT max(20, CAST({window} AS INTEGER) / ({walks} - 1 + count(*))) FROM ({keys}))")
        }
        None => format!("max(20, CAST({window} AS INTEGER) / {walks})"),
    };
    let floors: Vec<String> = branches
        .iter()
        .map(|branch| {
            let IndexWalk { from, id, condition } = &branch.walk;
            let end = format!(
                "(SELECT {id} FROM {from} WHERE {NOT_DELETED} AND {condition}{} ORDER BY {id} DESC LIMIT 1 OFFSET {share})",
                before_cursor(before, id)
            );
            match branch.each {
                Some(keys) => format!("(SELECT max({end}) FROM ({keys}) k)"),
                None => end,
            }
        })
        .collect();
    greatest(&floors)
}

/// SQL: the greatest of several values, ignoring nulls.
fn greatest(values: &[String]) -> String {
    let rows: Vec<String> = values.iter().map(|value| format!("({value})")).collect();
    format!("(SELECT max(column1) FROM (VALUES {}))", rows.join(", "))
}

fn newest_stopped(reader: &Viewer, query: &TicketQuery, page: &Page) -> Stmt {
    let mut sql = SqlBuilder::new(reader);
    let (branches, _) = branches(reader, &mut sql, query);
    let before = cursor_arg(&mut sql, page);
    let window = sql.arg(WINDOW);
    let floor = floor(&branches, before.as_ref(), &window);
    sql.finish(format!(
        "SELECT f AS s, f AS id FROM (SELECT {floor} AS f) WHERE ?3 IS NOT NULL"
    ))
}

fn newest_rows(reader: &Viewer, query: &TicketQuery, page: &Page) -> (Stmt, bool) {
    let mut sql = SqlBuilder::new(reader);
    let (branches, rest) = branches(reader, &mut sql, query);
    let tests: Vec<String> = rest
        .iter()
        .map(|filter| filter_condition(reader, &mut sql, filter))
        .collect();
    let tests: String = tests.iter().map(|test| format!(" AND {test}")).collect();
    let before = cursor_arg(&mut sql, page);
    let windowed = !rest.is_empty() && page.offset() == 0;
    let json = ticket_json(reader.role);
    let (limit, offset) = (page.limit.saturating_add(1), page.offset());
    if let ([Branch { each: None, walk }], false) = (branches.as_slice(), windowed) {
        let IndexWalk { from, id, condition } = walk;
        let (below, limit, offset) = (
            before_cursor(before.as_ref(), id),
            sql.arg(limit),
            sql.arg(offset),
        );
        let text = format!(
            "SELECT {json} AS j, t.id AS s, t.id AS id FROM {from} WHERE {NOT_DELETED} AND {condition}{below}{tests} \
             ORDER BY {id} DESC LIMIT {limit} OFFSET {offset}"
        );
        return (sql.finish(text), false);
    }
    let window = sql.arg(WINDOW);
    let most = sql.arg(limit.saturating_add(offset));
    let with = if windowed {
        format!(
            "WITH floor AS MATERIALIZED (SELECT {} AS f) ",
            floor(&branches, before.as_ref(), &window)
        )
    } else {
        String::new()
    };
    let narrow = |walk: &IndexWalk| {
        let IndexWalk { from, id, condition } = walk;
        let above = if windowed {
            format!(" AND {id} >= coalesce((SELECT f FROM floor), 0)")
        } else {
            String::new()
        };
        let below = before_cursor(before.as_ref(), id);
        format!("SELECT {id} AS id FROM {from} WHERE {NOT_DELETED} AND {condition}{below}{above}{tests}")
    };
    let limited = |branch: &Branch| {
        let ids = format!(
            "{} ORDER BY {} DESC LIMIT {most}",
            narrow(&branch.walk),
            branch.walk.id
        );
        match branch.each {
            Some(keys) => format!(
                "SELECT w.value AS id FROM ({keys}) k CROSS JOIN json_each((SELECT json_group_array(id) FROM ({ids}))) w"
            ),
            None => format!("SELECT id FROM ({ids})"),
        }
    };
    // Walks that share no tickets are merged as they are read; other walks are limited first and then united.
    let is_merged = branches.iter().all(|branch| branch.each.is_none());
    let all = if is_merged {
        branches
            .iter()
            .map(|branch| narrow(&branch.walk))
            .collect::<Vec<_>>()
            .join(" UNION ALL ")
    } else {
        format!(
            "SELECT id FROM ({})",
            union(&branches.iter().map(limited).collect::<Vec<_>>())
        )
    };
    let (limit, offset) = (sql.arg(limit), sql.arg(offset));
    let text = format!(
        "{with}SELECT {json} AS j, t.id AS s, t.id AS id FROM \
         ({all} ORDER BY id DESC LIMIT {limit} OFFSET {offset}) x CROSS JOIN tickets t ON t.id = x.id WHERE {most} > 0"
    );
    (sql.finish(text), windowed)
}

/// The union of any number of selects of `id`. D1 allows at most five terms in one union, so unions are nested.
fn union(selects: &[String]) -> String {
    let groups: Vec<String> = selects.chunks(4).map(|group| group.join(" UNION ")).collect();
    match groups.as_slice() {
        [one] => one.clone(),
        many => many
            .iter()
            .map(|group| format!("SELECT id FROM ({group})"))
            .collect::<Vec<_>>()
            .join(" UNION "),
    }
}

// Search ------------------------------------------------------------------------------------------------------------

/// A search, newest first: the matches are index documents, and each ticket is shown once.
fn search(reader: &Viewer, query: &TicketQuery, matching: &str, page: &Page) -> ListPlan {
    let build = |stopped: bool| {
        let mut sql = SqlBuilder::new(reader);
        let expression = sql.arg(matching);
        let before = match page.start {
            PageStart::After { id, .. } => format!("AND rowid < ({} << 20)", sql.arg(id)),
            _ => String::new(),
        };
        let hits = sql.arg(if page.offset() == 0 { MAX_HITS } else { 10_000 });
        let found = format!(
            "SELECT rowid AS document FROM ticket_search WHERE ticket_search MATCH {expression} {before} ORDER BY rowid DESC"
        );
        if stopped {
            return sql.finish(format!(
                "SELECT document >> 20 AS s, document >> 20 AS id FROM ({found} LIMIT 1 OFFSET CAST({hits} AS INTEGER) - 1)"
            ));
        }
        let mut tests = vec![reader.scope.worklist_condition().to_owned()];
        tests.extend(
            query
                .filters
                .iter()
                .map(|filter| filter_condition(reader, &mut sql, filter)),
        );
        let (limit, offset) = (sql.arg(page.limit.saturating_add(1)), sql.arg(page.offset()));
        sql.finish(format!(
            "SELECT {} AS j, t.id AS s, t.id AS id FROM (SELECT t.id AS id FROM \
             (SELECT DISTINCT document >> 20 AS id FROM ({found} LIMIT {hits})) h CROSS JOIN tickets t ON t.id = h.id \
             WHERE {NOT_DELETED} AND {} ORDER BY t.id DESC LIMIT {limit} OFFSET {offset}) x CROSS JOIN tickets t ON t.id = x.id",
            ticket_json(reader.role),
            tests.join(" AND ")
        ))
    };
    ListPlan {
        rows: build(false),
        stopped: (page.offset() == 0).then(|| build(true)),
    }
}

// Totals ------------------------------------------------------------------------------------------------------------

/// How many tickets a list has: `n`, at most 10,001.
pub fn count(reader: &Viewer, query: &TicketQuery) -> Stmt {
    let mut sql = SqlBuilder::new(reader);
    if let Some(matching) = &query.matching {
        let expression = sql.arg(matching.as_str());
        let mut tests = vec![reader.scope.worklist_condition().to_owned()];
        tests.extend(
            query
                .filters
                .iter()
                .map(|filter| filter_condition(reader, &mut sql, filter)),
        );
        return sql.finish(format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM (SELECT DISTINCT rowid >> 20 AS id FROM ticket_search \
             WHERE ticket_search MATCH {expression}) h CROSS JOIN tickets t ON t.id = h.id \
             WHERE {NOT_DELETED} AND {} LIMIT 10001)",
            tests.join(" AND ")
        ));
    }
    let (branches, rest) = branches(reader, &mut sql, query);
    let tests: String = rest
        .iter()
        .map(|filter| format!(" AND {}", filter_condition(reader, &mut sql, filter)))
        .collect();
    let unions: Vec<String> = branches
        .iter()
        .map(|branch| {
            let IndexWalk { from, id, condition } = &branch.walk;
            match branch.each {
                Some(keys) => format!(
                    "SELECT {id} AS id FROM ({keys}) k CROSS JOIN {from} WHERE {NOT_DELETED} AND {condition}{tests}"
                ),
                None => format!("SELECT {id} AS id FROM {from} WHERE {NOT_DELETED} AND {condition}{tests}"),
            }
        })
        .collect();
    let all = union(&unions);
    sql.finish(format!(
        "SELECT count(*) AS n FROM (SELECT id FROM ({all}) LIMIT 10001) WHERE ?3 IS NOT NULL"
    ))
}
