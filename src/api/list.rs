//! Answers of lists and single resources.

use serde::Deserialize;

use crate::app::call::Call;
use crate::app::route::Access;
use crate::edge::db::{Answers, Batch, Slot, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::page::{self, Page, Total};
use crate::http::reply::Reply;
use crate::http::shape::Shape;
use crate::store::sql::rows::{CountRow, IdRow};
use crate::store::users::agents::ResolvedIds;

/// A row of a list: its JSON, its id and the value that it is sorted by.
#[derive(Debug, Deserialize)]
pub struct ListRow {
    pub j: String,
    pub id: i64,
    pub s: Option<i64>,
}

/// Where a walk stopped.
#[derive(Debug, Deserialize)]
pub struct StopRow {
    s: Option<i64>,
    id: Option<i64>,
}

/// Reads the query of a list: its filters, of these shapes, and the page that is asked for.
pub fn parse_list_query(call: &Call, filters: &[&Shape]) -> Result<(Input, Page), Error> {
    let shapes: Vec<&Shape> = std::iter::once(&page::QUERY)
        .chain(filters.iter().copied())
        .collect();
    let input = input::parse_query(call.request, &shapes)?;
    let viewer = match (call.route.access, &call.claims) {
        (Access::Public, None) => 0,
        _ => call.my_id()?,
    };
    let page = Page::from_query(call.request, &input, viewer)?;
    Ok((input, page))
}

/// The statements of a list: [`List::reply`] runs them and answers.
pub struct List<C> {
    rows: Stmt,
    count: C,
    stopped: Option<Stmt>,
    parent: Option<Stmt>,
}

impl<C: FnOnce() -> Stmt> List<C> {
    /// Of the rows `j`, `id`, `s` and one more than the page has, where there are more. `count` is only asked when the
    /// page wants a total.
    pub fn new(rows: Stmt, count: C) -> List<C> {
        List {
            rows,
            count,
            stopped: None,
            parent: None,
        }
    }

    /// Says where the walk over the rows stopped, when it was cut short.
    pub fn stopped(mut self, stmt: Option<Stmt>) -> List<C> {
        self.stopped = stmt;
        self
    }

    /// What the list belongs to: without a row of it the list is not found.
    pub fn of(mut self, parent: impl Into<Option<Stmt>>) -> List<C> {
        self.parent = parent.into();
        self
    }

    /// Reads the page, and answers with it.
    pub async fn reply(self, call: &Call<'_>, page: &Page) -> Result<Reply, Error> {
        let mut batch = Batch::new();
        let parent = batch.add_optional::<IdRow>(self.parent);
        let rows = batch.add(self.rows);
        let stopped = batch.add_optional(self.stopped);
        let total = batch.add_optional(page.count.then(self.count));
        let found = match call.route.access {
            Access::Public => call.read_optional(batch).await?,
            _ => call.read(batch).await?,
        };
        if let Some(parent) = parent {
            found.require(parent)?;
        }
        Ok(page_reply(
            call,
            page,
            &found.all(rows)?,
            found.first_if(stopped)?,
            found.first_if(total)?,
        ))
    }
}

/// A page of rows that are JSON already, one more than the limit when there are more.
pub(super) fn page_reply(
    call: &Call,
    page: &Page,
    rows: &[ListRow],
    stopped: Option<StopRow>,
    total: Option<CountRow>,
) -> Reply {
    let limit = usize::try_from(page.limit).unwrap_or_default();
    let shown = rows.get(..limit.min(rows.len())).unwrap_or_default();
    let next = if rows.len() > limit {
        shown
            .last()
            .map(|row| page.cursor(row.s.unwrap_or_default(), row.id))
    } else {
        stopped.and_then(|at| Some(page.cursor(at.s.unwrap_or_default(), at.id?)))
    };
    let mut text = String::with_capacity(shown.iter().map(|row| row.j.len().saturating_add(1)).sum());
    for row in shown {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&row.j);
    }
    let total = total.map(|count| Total(count.n));
    let (body, link) = page::render_list(call.request, page, &text, next, total);
    let mut reply = Reply::ok(body);
    if let Some(link) = link {
        reply.header("Link", link);
    }
    reply
}

/// A page without rows, where it is known before anything is read that nothing can be found.
pub fn empty_page(call: &Call, page: &Page) -> Reply {
    page_reply(call, page, &[], None, page.count.then_some(CountRow { n: 0 }))
}

/// One resource: its JSON and its version.
#[derive(Debug, Deserialize)]
pub struct ResourceRow {
    j: String,
    v: Option<i64>,
}

/// Answers with one resource; not found when there is no row of it.
pub fn resource_reply(found: &Answers, slot: Slot<ResourceRow>) -> Result<Reply, Error> {
    let row = found.require(slot)?;
    Ok(Reply {
        version: row.v,
        ..Reply::ok(row.j)
    })
}

/// Reads one resource, and answers with it.
pub async fn show_resource(call: &Call<'_>, stmt: Stmt) -> Result<Reply, Error> {
    let mut batch = Batch::new();
    let resource = batch.add(stmt);
    let found = match call.route.access {
        Access::Public => call.read_optional(batch).await?,
        _ => call.read(batch).await?,
    };
    resource_reply(&found, resource)
}

/// The ids behind a list of names, as JSON; wrong when one of them is nothing.
pub(super) fn resolved_ids(
    found: &Answers,
    slot: Slot<ResolvedIds>,
    field: &str,
    nothing: &str,
) -> Result<String, Error> {
    let ids = found.first(slot)?;
    let ids = ids.ok_or_else(|| Error::Internal("a list was not resolved".to_owned()))?;
    match ids.missing {
        Some(name) => Err(Error::field(field, format!("names {nothing}: {name}"))),
        None => Ok(ids.ids),
    }
}
