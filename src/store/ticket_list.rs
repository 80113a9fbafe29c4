//! Lists of tickets: filtered, sorted, searched, and bounded in what they read.
//!
//! A list is a walk down an index. With one condition its own index is walked and every row that is read is
//! shown. With more, one index is walked for at most [`WINDOW`] tickets and the rest is tested on the way: a
//! page may then be short, and its cursor goes on where the walk stopped. An agent's list is a union of short
//! walks, one per category and one for what is assigned, never an OR.

use super::scope::Scope;
use super::tickets::{Reader, ticket_json};
use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, Start};

/// How many tickets a page walks over at most when it has to test them.
pub const WINDOW: i64 = 300;
/// How many full-text hits a page of a search looks at.
pub const HITS: i64 = 200;

/// One condition on a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Status(Vec<&'static str>),
    Priority(Vec<i64>),
    Workflow(&'static str),
    CategorySlug(String),
    Category(Ref),
    Subcategory(Ref),
    SubcategorySlug(String),
    Department(String),
    Project(Ref),
    ProjectKey(String),
    Assignee(Ref),
    Unassigned,
    Requester(Ref),
    Tag(String),
    CreatedAfter(Millis),
    CreatedBefore(Millis),
    UpdatedAfter(Millis),
    UpdatedBefore(Millis),
    DueAfter(Millis),
    DueBefore(Millis),
    Overdue(bool),
    HasAttachment(bool),
    /// Opened by this person or assigned to them.
    Mine(i64),
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Created,
    Updated,
    Priority,
    Due,
}

/// An order; the id decides between equals, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: Key,
    pub descending: bool,
}

/// A list that somebody asks for.
#[derive(Clone, Debug)]
pub struct Query {
    pub filters: Vec<Filter>,
    /// Without one: newest first; by the time that is filtered on, when it is another.
    pub sort: Option<Sort>,
    /// A full-text expression; the list is then newest first.
    pub matching: Option<String>,
}

/// The statements of a page: `rows` (`j`, `s` the sort value, `id`), and where the walk stopped (`s`, `id`),
/// when there is a window.
pub struct Plan {
    pub rows: Stmt,
    pub stopped: Option<Stmt>,
}

/// Text that gathers its arguments: `?1` to `?3` are the reader's.
pub(super) struct Sql {
    args: Vec<Arg>,
}

impl Sql {
    pub(super) fn arg(&mut self, arg: impl Into<Arg>) -> String {
        self.args.push(arg.into());
        format!("?{}", self.args.len())
    }

    pub(super) fn finish(self, sql: String) -> Stmt {
        // Every statement names the reader's three arguments, so that SQLite takes them all.
        Stmt {
            sql: sql.into(),
            args: self.args,
        }
    }
}

pub(super) fn begin(reader: &Reader) -> Sql {
    Sql {
        args: vec![reader.now.into(), reader.reopen_since.into(), reader.id.into()],
    }
}

/// Conditions of a walk (which its index serves) and tests on the way.
struct Walk {
    index: String,
    tests: Vec<String>,
}

const LIVE: &str = "t.deleted_at IS NULL";

fn column(reader: &Reader, key: Key) -> &'static str {
    match (key, reader.scope) {
        (Key::Created, _) => "t.id",
        (Key::Updated, Scope::Own) => "t.public_updated_at",
        (Key::Updated, _) => "t.updated_at",
        (Key::Priority, _) => "t.priority",
        // Tickets without a due time come last in the ascending order, as in the descending one.
        (Key::Due, _) => "t.resolution_due_at",
    }
}

/// The condition of a filter. `plain` leaves its index usable; otherwise it is only tested.
pub(super) fn condition(reader: &Reader, sql: &mut Sql, filter: &Filter, plain: bool) -> String {
    let mark = if plain { "" } else { "+" };
    let user = |sql: &mut Sql, reference: &Ref| match reference {
        Ref::Uid(uid) => format!("(SELECT id FROM users WHERE uid = {})", sql.arg(uid)),
        Ref::Id(id) => sql.arg(*id),
        Ref::Number(_) | Ref::Key(_) => "NULL".to_owned(),
    };
    let row = |sql: &mut Sql, table: &str, reference: &Ref| match reference {
        Ref::Uid(uid) => format!("(SELECT id FROM {table} WHERE uid = {})", sql.arg(uid)),
        Ref::Id(id) => sql.arg(*id),
        Ref::Number(_) | Ref::Key(_) => "NULL".to_owned(),
    };
    let updated = column(reader, Key::Updated);
    match filter {
        Filter::Status(words) => one_of(
            mark,
            "t.status",
            words.iter().map(|word| sql.arg(*word)).collect(),
        ),
        Filter::Priority(ranks) => one_of(
            mark,
            "t.priority",
            ranks.iter().map(|rank| sql.arg(*rank)).collect(),
        ),
        Filter::Workflow(word) => format!("{mark}t.workflow = {}", sql.arg(*word)),
        Filter::CategorySlug(slug) => {
            format!(
                "{mark}t.category_id = (SELECT id FROM categories WHERE slug = {})",
                sql.arg(slug)
            )
        }
        Filter::Category(reference) => format!("{mark}t.category_id = {}", row(sql, "categories", reference)),
        Filter::SubcategorySlug(slug) => format!(
            "t.subcategory_id IS NOT NULL AND t.subcategory = {}",
            sql.arg(slug)
        ),
        Filter::Subcategory(reference) => match reference {
            Ref::Id(id) => format!("{mark}t.subcategory_id = {}", sql.arg(*id)),
            _ => "0".to_owned(),
        },
        Filter::Department(name) => format!("{mark}t.department = {}", sql.arg(name)),
        Filter::Project(reference) => match reference {
            Ref::Id(id) => format!("{mark}t.project_id = {}", sql.arg(*id)),
            _ => "0".to_owned(),
        },
        Filter::ProjectKey(key) => {
            let key = sql.arg(key);
            format!("t.project_id IS NOT NULL AND t.key >= {key} || '-' AND t.key < {key} || '.'")
        }
        Filter::Assignee(reference) => format!("{mark}t.assignee_id = {}", user(sql, reference)),
        Filter::Unassigned => format!("{mark}t.assignee_id IS NULL"),
        Filter::Requester(reference) => format!("{mark}t.requester_id = {}", user(sql, reference)),
        Filter::Tag(tag) => {
            let tag = sql.arg(tag);
            if plain {
                format!("t.id IN (SELECT ticket_id FROM ticket_tags WHERE tag = {tag})")
            } else {
                format!("EXISTS (SELECT 1 FROM ticket_tags WHERE tag = {tag} AND ticket_id = t.id)")
            }
        }
        Filter::CreatedAfter(time) => format!("{mark}t.created_at >= {}", sql.arg(*time)),
        Filter::CreatedBefore(time) => format!("{mark}t.created_at < {}", sql.arg(*time)),
        Filter::UpdatedAfter(time) => format!("{mark}{updated} >= {}", sql.arg(*time)),
        Filter::UpdatedBefore(time) => format!("{mark}{updated} < {}", sql.arg(*time)),
        Filter::DueAfter(time) => format!("{mark}t.resolution_due_at >= {}", sql.arg(*time)),
        Filter::DueBefore(time) => format!("{mark}t.resolution_due_at < {}", sql.arg(*time)),
        Filter::Overdue(true) if plain => "t.is_overdue = 1".to_owned(),
        Filter::Overdue(wanted) => {
            let word = if *wanted { "" } else { "NOT " };
            format!(
                "{word}coalesce(t.is_overdue OR (t.resolved_at IS NULL AND t.paused_at IS NULL AND t.resolution_due_at < ?1), 0)"
            )
        }
        Filter::HasAttachment(true) => "t.attachment_count > 0".to_owned(),
        Filter::HasAttachment(false) => "t.attachment_count = 0".to_owned(),
        Filter::Mine(id) => {
            let id = sql.arg(*id);
            format!("(t.assignee_id = {id} OR t.requester_id = {id})")
        }
    }
}

fn one_of(mark: &str, column: &str, args: Vec<String>) -> String {
    match args.as_slice() {
        [one] => format!("{mark}{column} = {one}"),
        many => format!("+{column} IN ({})", many.join(", ")),
    }
}

/// How well a filter's index narrows a walk: the smaller the better. `None`: it has none to walk by id.
fn narrowness(filter: &Filter) -> Option<u8> {
    match filter {
        Filter::Requester(_) => Some(1),
        Filter::Tag(_) => Some(2),
        Filter::Assignee(_) => Some(3),
        Filter::Subcategory(_) | Filter::Project(_) => Some(4),
        Filter::Department(_) => Some(5),
        Filter::Category(_) | Filter::CategorySlug(_) => Some(6),
        Filter::Unassigned => Some(7),
        Filter::Status(words) if words.len() == 1 => Some(8),
        Filter::Priority(ranks) if ranks.len() == 1 => Some(9),
        Filter::HasAttachment(true) => Some(10),
        Filter::Workflow(_) => Some(11),
        _ => None,
    }
}

/// The order that a list has when none is asked for.
fn natural(filters: &[Filter]) -> Sort {
    let by = |key| Sort {
        key,
        descending: true,
    };
    if filters
        .iter()
        .any(|filter| matches!(filter, Filter::UpdatedAfter(_) | Filter::UpdatedBefore(_)))
    {
        by(Key::Updated)
    } else if filters
        .iter()
        .any(|filter| matches!(filter, Filter::DueAfter(_) | Filter::DueBefore(_)))
    {
        Sort {
            key: Key::Due,
            descending: false,
        }
    } else {
        by(Key::Created)
    }
}

/// Plans a page of a list.
pub fn plan(reader: &Reader, query: &Query, page: &Page) -> Plan {
    if let Some(matching) = &query.matching {
        return search(reader, query, matching, page);
    }
    let sort = query.sort.unwrap_or_else(|| natural(&query.filters));
    let mine = query
        .filters
        .iter()
        .any(|filter| matches!(filter, Filter::Mine(_)));
    if sort
        == (Sort {
            key: Key::Created,
            descending: true,
        })
        && (mine || matches!(reader.scope, Scope::Category | Scope::Assigned))
    {
        return branches(reader, query, page);
    }
    single(reader, query, sort, page)
}

/// A walk down one index.
fn single(reader: &Reader, query: &Query, sort: Sort, page: &Page) -> Plan {
    let build = |stopped: bool| {
        let mut sql = begin(reader);
        let walk = choose(reader, &mut sql, query, sort);
        let key = column(reader, sort.key);
        let (order, less) = if sort.descending {
            ("DESC", "<")
        } else {
            ("ASC", ">")
        };
        let mut index = walk.index;
        if let Start::After { value, id } = page.start {
            let id = sql.arg(id);
            if sort.key == Key::Created {
                index.push_str(&format!(" AND t.id {less} {id}"));
            } else {
                let value = sql.arg(value);
                index.push_str(&format!(" AND ({key}, t.id) {less} ({value}, {id})"));
            }
        }
        let by = if sort.key == Key::Created {
            format!("t.id {order}")
        } else {
            format!("{key} {order}, t.id {order}")
        };
        let windowed = !walk.tests.is_empty() && page.offset() == 0;
        let limit = sql.arg(page.limit.saturating_add(1));
        let offset = sql.arg(page.offset());
        let text = if stopped {
            let last = sql.arg(WINDOW.saturating_sub(1));
            format!(
                "SELECT {key} AS s, t.id AS id FROM tickets t WHERE {LIVE} AND {index} AND (?1 + ?2 + ?3 + {limit} + {offset}) IS NOT NULL ORDER BY {by} LIMIT 1 OFFSET {last}"
            )
        } else if windowed {
            let window = sql.arg(WINDOW);
            format!(
                "SELECT {} AS j, x.s AS s, t.id AS id FROM \
                 (SELECT t.id AS id, {key} AS s FROM tickets t WHERE {LIVE} AND {index} ORDER BY {by} LIMIT {window}) x \
                 CROSS JOIN tickets t ON t.id = x.id WHERE {} AND ?3 IS NOT NULL LIMIT {limit} OFFSET {offset}",
                ticket_json(reader.role),
                walk.tests.join(" AND ")
            )
        } else {
            let tests = if walk.tests.is_empty() {
                "1".to_owned()
            } else {
                walk.tests.join(" AND ")
            };
            format!(
                "SELECT {} AS j, {key} AS s, t.id AS id FROM tickets t WHERE {LIVE} AND {index} AND {tests} AND ?3 IS NOT NULL \
                 ORDER BY {by} LIMIT {limit} OFFSET {offset}",
                ticket_json(reader.role)
            )
        };
        (sql.finish(text), windowed)
    };
    let (rows, windowed) = build(false);
    Plan {
        rows,
        stopped: windowed.then(|| build(true).0),
    }
}

/// Which index a list walks, and what is left to test.
fn choose(reader: &Reader, sql: &mut Sql, query: &Query, sort: Sort) -> Walk {
    let mut index: Vec<String> = Vec::new();
    let mut tests: Vec<String> = Vec::new();
    let own = reader.scope == Scope::Own;
    let driver = if sort.key == Key::Created && !own {
        let best = query
            .filters
            .iter()
            .enumerate()
            .filter_map(|(at, filter)| Some((narrowness(filter)?, at)))
            .min();
        best.map(|(_, at)| at)
    } else {
        None
    };
    match reader.scope {
        Scope::Own => index.push("t.requester_id = ?3".to_owned()),
        Scope::All => {}
        Scope::Category | Scope::Assigned => tests.push(reader.scope.work().to_owned()),
    }
    for (at, filter) in query.filters.iter().enumerate() {
        let serves = Some(at) == driver || served_by_sort(filter, sort);
        let text = condition(reader, sql, filter, serves);
        if serves {
            index.push(text)
        } else {
            tests.push(text)
        }
    }
    if sort.key == Key::Due && index.is_empty() {
        index.push("t.resolution_due_at IS NOT NULL".to_owned());
    }
    if index.is_empty() {
        index.push("1".to_owned());
    }
    Walk {
        index: index.join(" AND "),
        tests,
    }
}

/// Whether a range is a stretch of the index that the order walks anyway.
fn served_by_sort(filter: &Filter, sort: Sort) -> bool {
    match filter {
        Filter::UpdatedAfter(_) | Filter::UpdatedBefore(_) => sort.key == Key::Updated,
        Filter::DueAfter(_) | Filter::DueBefore(_) => sort.key == Key::Due,
        Filter::Priority(ranks) => sort.key == Key::Priority && ranks.len() == 1,
        _ => false,
    }
}

/// A union of short walks, newest first.
fn branches(reader: &Reader, query: &Query, page: &Page) -> Plan {
    let mine = query.filters.iter().find_map(|filter| {
        if let Filter::Mine(id) = filter {
            Some(*id)
        } else {
            None
        }
    });
    let rest: Vec<&Filter> = query
        .filters
        .iter()
        .filter(|filter| !matches!(filter, Filter::Mine(_)))
        .collect();
    let windowed = !rest.is_empty() && page.offset() == 0;
    let build = |stopped: bool| {
        let mut sql = begin(reader);
        let tests: Vec<String> = rest
            .iter()
            .map(|filter| condition(reader, &mut sql, filter, false))
            .collect();
        let tests = if tests.is_empty() {
            "1".to_owned()
        } else {
            tests.join(" AND ")
        };
        let before = match page.start {
            Start::After { id, .. } => format!("t.id < {}", sql.arg(id)),
            _ => "1".to_owned(),
        };
        let most = sql.arg(page.limit.saturating_add(page.offset()).saturating_add(1));
        let window = sql.arg(WINDOW);
        let share = format!(
            "(SELECT max(10, CAST({window} AS INTEGER) / (1 + count(*))) FROM agent_categories WHERE user_id = ?3)"
        );
        // Where a branch's share of the window ends: nothing older may be shown, or a newer one might be missed.
        let floor_of = |branch: &str| {
            format!(
                "(SELECT t.id FROM tickets t WHERE {LIVE} AND {branch} AND {before} ORDER BY t.id DESC LIMIT 1 OFFSET {share})"
            )
        };
        let lists: Vec<&str> = match (mine, reader.scope) {
            (Some(_), _) => vec!["t.assignee_id = ?3", "t.requester_id = ?3"],
            (None, Scope::Assigned) => vec!["t.assignee_id = ?3", "t.assignee_id IS NULL"],
            (None, _) => vec![
                "t.assignee_id = ?3",
                "t.assignee_id IS NULL AND NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3)",
            ],
        };
        let by_category = mine.is_none() && reader.scope == Scope::Category;
        let mut floors: Vec<String> = lists
            .iter()
            .map(|branch| format!("SELECT {} AS f", floor_of(branch)))
            .collect();
        if by_category {
            floors.push(format!(
                "SELECT {} AS f FROM agent_categories a WHERE a.user_id = ?3",
                floor_of("t.category_id = a.category_id")
            ));
        }
        let floor = format!("(SELECT max(f) FROM ({}))", floors.join(" UNION ALL "));
        if stopped {
            return sql.finish(format!("SELECT {floor} AS s, {floor} AS id WHERE {most} > 0"));
        }
        let above = if windowed {
            "t.id >= coalesce((SELECT f FROM floor), 0)"
        } else {
            "1"
        };
        let ids = |branch: &str| {
            format!(
                "SELECT t.id AS id FROM tickets t WHERE {LIVE} AND {branch} AND {before} AND {above} AND {tests} ORDER BY t.id DESC LIMIT {most}"
            )
        };
        let mut unions: Vec<String> = lists
            .iter()
            .map(|branch| format!("SELECT id FROM ({})", ids(branch)))
            .collect();
        if by_category {
            unions.push(format!(
                "SELECT b.id FROM agent_categories a CROSS JOIN tickets b ON b.id IN ({}) WHERE a.user_id = ?3",
                ids("t.category_id = a.category_id")
            ));
        }
        let with = if windowed {
            format!("WITH floor AS MATERIALIZED (SELECT {floor} AS f) ")
        } else {
            String::new()
        };
        let limit = sql.arg(page.limit.saturating_add(1));
        let offset = sql.arg(page.offset());
        sql.finish(format!(
            "{with}SELECT {} AS j, t.id AS s, t.id AS id FROM (SELECT id FROM ({}) ORDER BY id DESC LIMIT {limit} OFFSET {offset}) x \
             CROSS JOIN tickets t ON t.id = x.id WHERE ?3 IS NOT NULL AND {window} > 0",
            ticket_json(reader.role),
            unions.join(" UNION ")
        ))
    };
    Plan {
        rows: build(false),
        stopped: windowed.then(|| build(true)),
    }
}

/// A search, newest first: hits are documents, and each ticket is shown once.
fn search(reader: &Reader, query: &Query, matching: &str, page: &Page) -> Plan {
    let build = |stopped: bool| {
        let mut sql = begin(reader);
        let expression = sql.arg(matching);
        let before = match page.start {
            Start::After { id, .. } => format!("AND rowid < ({} << 20)", sql.arg(id)),
            _ => String::new(),
        };
        let hits = sql.arg(if page.offset() == 0 { HITS } else { 10_000 });
        let found = format!(
            "SELECT rowid AS document FROM ticket_search WHERE ticket_search MATCH {expression} {before} ORDER BY rowid DESC"
        );
        if stopped {
            return sql.finish(format!(
                "SELECT document >> 20 AS s, document >> 20 AS id FROM ({found} LIMIT 1 OFFSET CAST({hits} AS INTEGER) - 1) WHERE ?3 IS NOT NULL"
            ));
        }
        let mut tests = vec![reader.scope.work().to_owned()];
        tests.extend(
            query
                .filters
                .iter()
                .map(|filter| condition(reader, &mut sql, filter, false)),
        );
        let limit = sql.arg(page.limit.saturating_add(1));
        let offset = sql.arg(page.offset());
        sql.finish(format!(
            "SELECT {} AS j, t.id AS s, t.id AS id FROM (SELECT t.id AS id FROM \
             (SELECT DISTINCT document >> 20 AS id FROM ({found} LIMIT {hits})) h CROSS JOIN tickets t ON t.id = h.id \
             WHERE {LIVE} AND {} ORDER BY t.id DESC LIMIT {limit} OFFSET {offset}) x \
             CROSS JOIN tickets t ON t.id = x.id WHERE ?3 IS NOT NULL",
            ticket_json(reader.role),
            tests.join(" AND ")
        ))
    };
    Plan {
        rows: build(false),
        stopped: (page.offset() == 0).then(|| build(true)),
    }
}

/// How many tickets a list has: `n`, up to 10,001.
pub fn count(reader: &Reader, query: &Query) -> Stmt {
    let mut sql = begin(reader);
    let text = match &query.matching {
        Some(matching) => {
            let expression = sql.arg(matching.as_str());
            let mut tests = vec![reader.scope.work().to_owned()];
            tests.extend(
                query
                    .filters
                    .iter()
                    .map(|filter| condition(reader, &mut sql, filter, false)),
            );
            format!(
                "SELECT count(*) AS n FROM (SELECT 1 FROM (SELECT DISTINCT rowid >> 20 AS id FROM ticket_search \
                 WHERE ticket_search MATCH {expression}) h CROSS JOIN tickets t ON t.id = h.id \
                 WHERE {LIVE} AND {} AND ?3 IS NOT NULL LIMIT 10001)",
                tests.join(" AND ")
            )
        }
        None => {
            let sort = Sort {
                key: Key::Created,
                descending: true,
            };
            let walk = choose(reader, &mut sql, query, sort);
            let tests = if walk.tests.is_empty() {
                "1".to_owned()
            } else {
                walk.tests.join(" AND ")
            };
            format!(
                "SELECT count(*) AS n FROM (SELECT 1 FROM tickets t WHERE {LIVE} AND {} AND {tests} AND ?3 IS NOT NULL LIMIT 10001)",
                walk.index
            )
        }
    };
    sql.finish(text)
}
