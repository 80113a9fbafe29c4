//! Replies with lists and with single resources.

use serde::Deserialize;

use crate::app::call::Call;
use crate::app::route::{Access, Responds};
use crate::edge::db::{Answers, Batch, Slot, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::page::{self, Page, Total};
use crate::http::reply::Reply;
use crate::http::shape::Shape;
use crate::store::sql::named_filter::{FilterTarget, NamedFilter, UnknownFilter, select_unknown};
use crate::store::sql::render::{Selection, push_members, render};
use crate::store::sql::rows::{CountRow, IdRow, ListRow, read_gathered};
use crate::store::tickets::events::EVENT;
use crate::store::users::agents::ResolvedIds;

/// The row at which a scan stopped: the value it is sorted by, and its id.
#[derive(Debug, Deserialize)]
pub struct StopRow {
    s: Option<i64>,
    id: Option<i64>,
}

/// Reads the query of a list: the filters, which have these shapes, and the requested page.
pub fn parse_list_query(call: &Call, filters: &[&Shape]) -> Result<(Input, Page), Error> {
    // A list that has `fields` of its own reads them by its own shape.
    let shapes: Vec<&Shape> = filters.iter().copied().chain([&page::QUERY]).collect();
    let input = input::parse_query(call.request, &shapes)?;
    let viewer = match (call.route.access, &call.claims) {
        (Access::Public, None) => 0,
        _ => call.my_id()?,
    };
    let mut page = Page::from_query(call.request, &input, viewer)?;
    if let Some(names) = input.text("fields") {
        page.fields = Some(read_fields(call.route.responds, &names)?);
    }
    Ok((input, page))
}

/// The fields that a list is asked for.
fn read_fields(responds: Responds, names: &str) -> Result<Vec<String>, Error> {
    let mut known: Vec<&str> = match responds {
        Responds::List(view) => view.fields.iter().map(|field| field.name).collect(),
        _ => EVENT.fields.iter().map(|field| field.name).collect(),
    };
    if matches!(responds, Responds::Schema(_)) {
        known.extend(TIMELINE_ONLY);
    }
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().all(|name| known.contains(&name.as_str())) {
        Ok(names)
    } else {
        Err(Error::field("fields", format!("must be of {}", known.join(", "))))
    }
}

/// The fields that a timeline has beside those of its events.
pub const TIMELINE_ONLY: [&str; 2] = ["message", "deleted_at"];

/// The statements of a list. [`List::reply`] runs them and makes the reply.
pub struct List<C> {
    rows: Stmt,
    count: C,
    stopped: Option<Stmt>,
    parent: Option<Stmt>,
    fields: Option<Selection>,
    filters: NamedFilters,
    gathered: bool,
}

impl<C: FnOnce() -> Stmt> List<C> {
    /// `rows` selects `j`, `id` and `s` ([`ListRow`]), and one row more than the page holds if there are more.
    /// `count` is only called if the page asks for a total.
    pub fn new(rows: Stmt, count: C) -> List<C> {
        List {
            rows,
            count,
            stopped: None,
            parent: None,
            fields: None,
            filters: NamedFilters::default(),
            gathered: false,
        }
    }

    /// Adds the statement that says where the scan over the rows stopped ([`StopRow`]), if it was cut short.
    pub fn stopped(mut self, stmt: Option<Stmt>) -> List<C> {
        self.stopped = stmt;
        self
    }

    /// Adds the statement that finds what the list belongs to. If it has no row, the reply is 404.
    pub fn of(mut self, parent: impl Into<Option<Stmt>>) -> List<C> {
        self.parent = parent.into();
        self
    }

    /// Sets the fields that `rows` selects, if these are not all fields of the route's view.
    pub fn fields(mut self, fields: Selection) -> List<C> {
        self.fields = Some(fields);
        self
    }

    /// Says that `rows` is [`gather`](crate::store::sql::rows::gather)ed.
    pub fn gathered(mut self) -> List<C> {
        self.gathered = true;
        self
    }

    /// Adds the filters that name a row. If one of them names nothing, the reply is 400.
    pub fn filtered(mut self, filters: NamedFilters) -> List<C> {
        self.filters = filters;
        self
    }

    /// Reads the page and replies with it.
    pub async fn reply(self, call: &Call<'_>, page: &Page) -> Result<Reply, Error> {
        let mut batch = Batch::new();
        let parent = batch.add_optional::<IdRow>(self.parent);
        let unknown = self.filters.find_unknown(call, &mut batch);
        let (rows, gathered) = if self.gathered {
            (None, Some(batch.add_text(self.rows)))
        } else {
            (Some(batch.add(self.rows)), None)
        };
        let stopped = batch.add_optional(self.stopped);
        let total = batch.add_optional(page.count.then(self.count));
        let found = match call.route.access {
            Access::Public => call.read_optional(batch).await?,
            _ => call.read(batch).await?,
        };
        if let Some(parent) = parent {
            found.require(parent)?;
        }
        self.filters.require_known(&found, unknown)?;
        let fields = self
            .fields
            .or_else(|| call.route.responds.view().map(Selection::all));
        let rows = match gathered {
            Some(text) => read_gathered(&found.text(text)?.unwrap_or_default()),
            None => found.all_if(rows)?,
        };
        Ok(page_reply(
            call,
            page,
            fields.as_ref(),
            &rows,
            found.first_if(stopped)?,
            found.first_if(total)?,
        ))
    }
}

/// The filters that name a row, such as `category`.
const NAMED: [(&str, FilterTarget); 8] = [
    ("category", FilterTarget::Category),
    ("subcategory", FilterTarget::Subcategory),
    ("project", FilterTarget::Project),
    ("assignee", FilterTarget::Assignee),
    ("agent", FilterTarget::Assignee),
    ("requester", FilterTarget::Requester),
    ("customer_email", FilterTarget::Requester),
    ("actor", FilterTarget::Requester),
];

/// The filters of a query that name a row. A value that names nothing is a mistake of the caller's: it is refused
/// instead of matching nothing.
#[derive(Debug, Default)]
pub struct NamedFilters(Vec<NamedFilter>);

impl NamedFilters {
    /// The filters of a query that name a row.
    pub fn of(input: &Input) -> NamedFilters {
        let named = |(field, target): &(&'static str, FilterTarget)| {
            input.name(field).map(|value| NamedFilter {
                field,
                target: *target,
                value,
            })
        };
        NamedFilters(NAMED.iter().filter_map(named).collect())
    }

    /// Adds the statement that finds the filters which name nothing.
    pub fn find_unknown(&self, call: &Call, batch: &mut Batch) -> Option<Slot<UnknownFilter>> {
        let reader = call.claims.as_ref().map(|me| (me.user_id, me.role));
        batch.add_optional(select_unknown(reader, &self.0))
    }

    /// Refuses the filters that name nothing.
    ///
    /// # Errors
    /// 400 with all of them.
    pub fn require_known(&self, found: &Answers, unknown: Option<Slot<UnknownFilter>>) -> Result<(), Error> {
        let unknown = found.all_if(unknown)?;
        let errors: Vec<_> = (self.0.iter())
            .filter(|filter| unknown.iter().any(|row| row.field == filter.field))
            .map(|filter| {
                (
                    filter.field.to_owned(),
                    format!("names no {}", filter.target.noun()),
                )
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(errors))
        }
    }
}

/// The rows that a page of so many shows, and where the next page begins, if there is one: behind the row with this sort
/// value and id.
pub(super) fn next_position(
    rows: &[ListRow],
    limit: i64,
    stopped: Option<StopRow>,
) -> (&[ListRow], Option<(i64, i64)>) {
    let limit = usize::try_from(limit).unwrap_or_default();
    let shown = rows.get(..limit.min(rows.len())).unwrap_or_default();
    let position = |row: &ListRow| (row.s.unwrap_or_default(), row.id);
    let next = if rows.len() > limit {
        shown.last().map(position)
    } else {
        let here = shown.last().filter(|row| row.stop == Some(1)).map(position);
        here.or_else(|| stopped.and_then(|at| Some((at.s.unwrap_or_default(), at.id?))))
    };
    (shown, next)
}

/// The reply with a page of rows. `rows` has one row more than the limit if there are more.
pub(super) fn page_reply(
    call: &Call,
    page: &Page,
    fields: Option<&Selection>,
    rows: &[ListRow],
    stopped: Option<StopRow>,
    total: Option<CountRow>,
) -> Reply {
    let (shown, next) = next_position(rows, page.limit, stopped);
    let next = next.map(|(value, id)| page.cursor(value, id));
    let texts = || shown.iter().filter_map(|row| row.j.as_deref());
    let mut text = String::with_capacity(texts().map(|text| text.len().saturating_mul(2)).sum());
    for row in texts() {
        if !text.is_empty() {
            text.push(',');
        }
        let Some(names) = &page.fields else {
            push_row(fields, row, &mut text);
            continue;
        };
        let mut whole = String::new();
        push_row(fields, row, &mut whole);
        push_members(&whole, names, &mut text);
    }
    let total = total.map(|count| Total(count.n));
    let (body, link) = page::render_list(call.request, page, &text, next, total);
    let mut reply = Reply::ok(body);
    if let Some(link) = link {
        reply.header("Link", link);
    }
    reply
}

fn push_row(fields: Option<&Selection>, row: &str, json: &mut String) {
    match fields {
        Some(fields) => fields.render(row, json),
        None => json.push_str(row),
    }
}

/// A page without rows, for when it is known before reading that nothing can match.
pub fn empty_page(call: &Call, page: &Page) -> Reply {
    page_reply(
        call,
        page,
        None,
        &[],
        None,
        page.count.then_some(CountRow { n: 0 }),
    )
}

/// One resource: its JSON and its version.
#[derive(Debug, Deserialize)]
pub struct ResourceRow {
    j: String,
    v: Option<i64>,
}

impl ResourceRow {
    /// Its JSON, as the database gives it.
    pub fn into_json(self) -> String {
        self.j
    }
}

/// Replies with one resource.
///
/// # Errors
/// 404 if it has no row.
pub fn resource_reply(call: &Call, found: &Answers, slot: Slot<ResourceRow>) -> Result<Reply, Error> {
    let row = found.require(slot)?;
    let json = match call.route.responds.view() {
        Some(view) => render(view, row.j),
        None => row.j,
    };
    Ok(Reply {
        version: row.v,
        ..Reply::ok(json)
    })
}

/// Reads one resource and replies with it; 404 if it has no row.
pub async fn show_resource(call: &Call<'_>, stmt: Stmt) -> Result<Reply, Error> {
    let mut batch = Batch::new();
    let resource = batch.add(stmt);
    let found = match call.route.access {
        Access::Public => call.read_optional(batch).await?,
        _ => call.read(batch).await?,
    };
    resource_reply(call, &found, resource)
}

/// The ids that a list of names refers to, as JSON; a field error if one of the names refers to nothing.
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
