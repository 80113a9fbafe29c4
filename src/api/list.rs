//! Answers of lists and single resources.

use serde::Deserialize;

use crate::app::call::Call;
use crate::edge::db::Rows;
use crate::http::error::Error;
use crate::http::page::{self, Page, Total};
use crate::http::reply::Reply;
use crate::store::sql::rows::CountRow;
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
struct StopRow {
    pub s: Option<i64>,
    id: Option<i64>,
}

/// Answers with a page: rows that are JSON already, one more than the limit when there are more, and where the
/// walk over them stopped, when it was cut short.
pub fn list_reply(
    call: &Call,
    page: &Page,
    rows: &Rows,
    stopped: Option<&Rows>,
    total: Option<&Rows>,
) -> Result<Reply, Error> {
    list_reply_from(call, page, rows.all()?, stopped, total)
}

/// As [`list_reply`], of rows that have been read already.
pub fn list_reply_from(
    call: &Call,
    page: &Page,
    rows: Vec<ListRow>,
    stopped: Option<&Rows>,
    total: Option<&Rows>,
) -> Result<Reply, Error> {
    let limit = usize::try_from(page.limit).unwrap_or_default();
    let shown = rows.get(..limit.min(rows.len())).unwrap_or_default();
    let next = if rows.len() > limit {
        shown
            .last()
            .map(|row| page.cursor(row.s.unwrap_or_default(), row.id))
    } else {
        let stopped: Option<StopRow> = match stopped {
            Some(rows) => rows.first()?,
            None => None,
        };
        stopped.and_then(|at| Some(page.cursor(at.s.unwrap_or_default(), at.id?)))
    };
    let total = match total {
        Some(rows) => rows.first::<CountRow>()?.map(|number| Total(number.n)),
        None => None,
    };
    let mut text = String::with_capacity(shown.iter().map(|row| row.j.len().saturating_add(1)).sum());
    for row in shown {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&row.j);
    }
    let (body, link) = page::render_list(call.request, page, &text, next, total);
    let mut reply = Reply::ok(body);
    if let Some(link) = link {
        reply.header("Link", link);
    }
    Ok(reply)
}

/// The one row of a table that a change needs; not found when there is none.
pub fn require_row<T: serde::de::DeserializeOwned>(rows: Option<&Rows>) -> Result<T, Error> {
    match rows {
        Some(rows) => rows.first()?.ok_or(Error::NotFound),
        None => Err(Error::NotFound),
    }
}

/// The row `j`, `v` of one resource as an answer; not found when there is none.
pub fn resource_reply(rows: Option<&Rows>) -> Result<Reply, Error> {
    #[derive(Deserialize)]
    struct ResourceRow {
        j: String,
        v: Option<i64>,
    }
    let row: Option<ResourceRow> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    let row = row.ok_or(Error::NotFound)?;
    Ok(Reply {
        version: row.v,
        ..Reply::ok(row.j)
    })
}

/// The ids behind a list of names, as JSON; wrong when one of them is nothing.
pub(super) fn resolved_ids(rows: Option<&Rows>, field: &str, nothing: &str) -> Result<String, Error> {
    let found: Option<ResolvedIds> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    let found = found.ok_or_else(|| Error::Internal("a list was not resolved".to_owned()))?;
    match found.missing {
        Some(name) => Err(Error::field(field, format!("names {nothing}: {name}"))),
        None => Ok(found.ids),
    }
}
