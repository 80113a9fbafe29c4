//! Saved views of the list of tickets, and how many tickets each has.

use serde_json::{Value, json};

use crate::api::list::{List, NamedFilters, parse_list_query, show_resource};
use crate::api::tickets::list::{LIST as TICKET_LIST, read_filters};
use crate::api::tools::field_filters::custom_filters;
use crate::api::tools::macros::{LIST, authorize_shared};
use crate::api::tools::saved_view;
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tools::custom_field::PREFIX;
use crate::edge::db::{Batch, Slot, Stmt};
use crate::http::error::Error;
use crate::http::input::{self, field_names};
use crate::http::reply::Reply;
use crate::http::shape::{Field, JsonFormat, Kind, Shape, choices};
use crate::store::commit::CommitReply;
use crate::store::sql::rows::CountRow;
use crate::store::tickets::list::query::TicketQuery;
use crate::store::tickets::list::{self as ticket_list, FirstCount};
use crate::store::tools::views::{self as rows, LAST_READY, MAX_VIEWS, NewView, ViewRow};

const NAME: Kind = Kind::Line { min: 1, max: 100 };
/// Parameters of the list of tickets that are no filters.
const NO_FILTERS: [&str; 4] = ["sort", "q", "fields", "view"];
static FILTER: JsonFormat = JsonFormat {
    schema: "ViewFilter",
    validate: |value| {
        let Some(filter) = value.as_object() else {
            return vec![("filter".to_owned(), "must be an object of filters".to_owned())];
        };
        let unknown = filter
            .iter()
            .filter(|(name, value)| !is_filter(name) || !is_value(value));
        unknown
            .map(|(name, _)| {
                let message =
                    "is no filter of the list of tickets with a text, a number, true, false or a list";
                (format!("filter.{name}"), message.to_owned())
            })
            .collect()
    },
};

fn is_filter(name: &str) -> bool {
    let fields = TICKET_LIST
        .fields
        .iter()
        .filter(|field| !NO_FILTERS.contains(&field.name));
    name.starts_with(PREFIX)
        || fields
            .into_iter()
            .any(|field| field_names(field).any(|known| known == name))
}

fn is_value(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Number(_) | Value::Bool(_) => true,
        Value::Array(list) => {
            !list.is_empty() && list.iter().all(|value| value.is_string() || value.is_number())
        }
        Value::Null | Value::Object(_) => false,
    }
}

const FILTER_DOC: &str = "Filters of the list of tickets: `{\"status\": [\"open\"], \"assignee\": \"me\"}`.";
const SORT: Field = Field::nullable(
    "sort",
    Kind::Choice(&choices::TICKET_SORT),
    "As the list has it; null is its own order.",
);
const SHARED: Field = Field::optional("shared", Kind::Flag, "For all of the staff; written by managers.");

/// The body of a new view.
pub const NEW: Shape = Shape {
    name: "NewView",
    fields: &[
        Field::required("name", NAME, "What people read."),
        Field::required("filter", Kind::Json(&FILTER), FILTER_DOC),
        SORT,
        SHARED,
    ],
};

/// The body of an update of a view.
pub const EDIT: Shape = Shape {
    name: "ViewPatch",
    fields: &[
        Field::optional("name", NAME, "What people read."),
        Field::optional("filter", Kind::Json(&FILTER), FILTER_DOC),
        SORT,
        SHARED,
        Field::optional(
            "version",
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The statement that finds the view in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(call.my_id()?, &call.reference("id")?))
}

/// `GET /views`: the ready ones, the shared ones and the caller's own.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let (me, shared) = (call.my_id()?, input.flag("shared"));
    List::new(rows::list(me, shared, &page), || rows::count(me, shared))
        .reply(call, &page)
        .await
}

/// `GET /views/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(call.my_id()?, &call.reference("id")?)).await
}

/// What a view lists, for the caller.
///
/// # Errors
/// As the list of tickets; the paths of what is wrong are those of the list.
async fn query_of(call: &Call<'_>, filter: &Value) -> Result<(TicketQuery, NamedFilters), Error> {
    let pairs = saved_view::parameters(filter, None);
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let input = input::parse_pairs(&pairs, &[&TICKET_LIST]).map_err(Error::Invalid)?;
    let mut filters = read_filters(call, &input)?;
    filters.extend(custom_filters(call, &pairs).await?);
    let query = TicketQuery {
        filters,
        sort: None,
        matching: None,
        requester: None,
    };
    Ok((query, NamedFilters::of(&input)))
}

/// Refuses a filter that the list of tickets would refuse.
async fn check_filter(call: &Call<'_>, filter: &Value) -> Result<(), Error> {
    let check = async {
        let (_, named) = query_of(call, filter).await?;
        let mut batch = Batch::new();
        let unknown = named.find_unknown(call, &mut batch);
        let found = call.read(batch).await?;
        named.require_known(&found, unknown)
    };
    check.await.map_err(|error| match error {
        Error::Invalid(errors) => {
            let within = errors
                .into_iter()
                .map(|(path, message)| (format!("filter.{path}"), message));
            Error::Invalid(within.collect())
        }
        other => other,
    })
}

/// `POST /views`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let shared = input.flag("shared").unwrap_or(false);
    authorize_shared(call, shared)?;
    let filter = input.json("filter").cloned().unwrap_or_else(|| json!({}));
    check_filter(call, &filter).await?;
    let me = call.my_id()?;
    require_room(call, shared).await?;
    let new = NewView {
        uid: call.uid()?,
        name: input.required("name"),
        filter: filter.to_string(),
        sort: input.choice("sort").map(str::to_owned),
        shared,
        owner_id: me,
        now: call.now(),
    };
    let view = rows::show(me, &Ref::Uid(new.uid.clone()));
    let answer = CommitReply::Created(view, "/api/v1/views/".to_owned());
    call.commit(rows::insert(&new).into(), answer).await
}

async fn require_room(call: &Call<'_>, shared: bool) -> Result<(), Error> {
    let mut batch = Batch::new();
    let count = batch.add::<CountRow>(rows::count_beside(shared, call.my_id()?));
    let found = call.read(batch).await?;
    if found.first(count)?.is_some_and(|count| count.n >= MAX_VIEWS) {
        return Err(Error::conflict(format!(
            "at most {MAX_VIEWS} views are shared, and as many are one person's"
        )));
    }
    Ok(())
}

/// `PUT /views/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(async {
        let row: ViewRow = call.read_row(find(call)?).await?;
        let shared = input.flag("shared").unwrap_or(row.reader_id == 0);
        authorize_change(call, &row, shared)?;
        if let Some(filter) = input.json("filter") {
            check_filter(call, filter).await?;
        }
        call.check_version(row.version, Some(&input))?;
        if shared != (row.reader_id == 0) {
            require_room(call, shared).await?;
        }
        let sort = match input.choice("sort") {
            Some(sort) => Some(sort.to_owned()),
            None if input.is_null("sort") => None,
            None => row.sort.clone(),
        };
        let new = NewView {
            uid: row.uid.clone(),
            name: input.text("name").unwrap_or_else(|| row.name.clone()),
            filter: input
                .json("filter")
                .map_or_else(|| row.filter.clone(), Value::to_string),
            sort,
            shared,
            owner_id: call.my_id()?,
            now: call.now(),
        };
        let view = rows::show(new.owner_id, &Ref::Id(row.id));
        call.commit(rows::update(&row, &new), CommitReply::Row(view))
            .await
    })
}

fn authorize_change(call: &Call, row: &ViewRow, shared: bool) -> Result<(), Error> {
    if row.id <= LAST_READY {
        return Err(Error::Forbidden(
            "this view comes with the desk, and stays as it is".to_owned(),
        ));
    }
    authorize_shared(call, shared || row.reader_id == 0)
}

/// `DELETE /views/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row: ViewRow = call.read_row(find(call)?).await?;
        authorize_change(call, &row, false)?;
        call.check_version(row.version, None)?;
        call.commit(rows::delete(row.id, row.version).into(), CommitReply::Nothing)
            .await
    })
}

/// `GET /views/counts`: how many tickets each view has for the caller, exact up to 100.
pub async fn counts(call: &Call<'_>) -> Result<Reply, Error> {
    let me = call.my_id()?;
    let mut known = saved_view::known(me).unwrap_or_default();
    // The second time, what the first has read is known; it is read anew only if somebody changes a view meanwhile.
    for _ in 0..3 {
        let mut batch = Batch::new();
        let now = batch.add::<ViewRow>(rows::rows(me));
        let slots = add_counts(call, &known, &mut batch).await?;
        let found = call.read(batch).await?;
        let now = found.all(now)?;
        if now != known {
            known.clone_from(&now);
            saved_view::remember(me, now);
            continue;
        }
        let mut list = Vec::with_capacity(known.len());
        for (view, slot) in known.iter().zip(slots) {
            let count = found.first_if(slot)?;
            list.push(json!({
                "id": view.id,
                "name": view.name,
                "count": count.as_ref().map(FirstCount::shown),
                "is_capped": count.as_ref().is_some_and(FirstCount::is_capped),
            }));
        }
        return Ok(Reply::ok(json!({"data": list}).to_string()));
    }
    Err(Error::VersionConflict)
}

/// Adds a count for each view; none for one whose filter is valid no more.
async fn add_counts(
    call: &Call<'_>,
    views: &[ViewRow],
    batch: &mut Batch,
) -> Result<Vec<Option<Slot<FirstCount>>>, Error> {
    let reader = viewer(call)?;
    let mut slots = Vec::with_capacity(views.len());
    for view in views {
        let filter: Value = serde_json::from_str(&view.filter).unwrap_or_default();
        let count = match query_of(call, &filter).await {
            Ok((query, _)) => Some(ticket_list::count_first(&reader, &query)),
            Err(Error::Invalid(_)) => None,
            Err(error) => return Err(error),
        };
        slots.push(batch.add_optional(count));
    }
    Ok(slots)
}
