//! Finding tickets: lists, searches, one.

use crate::api::list::{listed, one};
use crate::api::tickets::fields::ASSIGNEE;
use crate::api::tickets::references::push;
use crate::app::call::{Call, reader};
use crate::desk::id::Ref;
use crate::desk::tickets::policy;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::search::{Reader as SearchReader, match_expression};
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, words};
use crate::store::rows::Id;
use crate::store::tickets::filter::Filter;
use crate::store::tickets::list;
use crate::store::tickets::query::{Key, Query, Sort};
use crate::store::tickets::ticket::{self, TicketRow};

/// The filters of a list of tickets.
pub const LIST: Shape = Shape {
    name: "TicketFilter",
    fields: &[
        Field::optional("status", Kind::AnyOf(&words::STATUS), "One or several."),
        Field::optional("priority", Kind::AnyOf(&words::PRIORITY), "One or several."),
        Field::optional("category", Kind::Slug, "By slug or id.").or(&["category_id"]),
        Field::optional("subcategory", Kind::Slug, "By slug or id.").or(&["subcategory_id"]),
        Field::optional("department", Kind::Line { min: 1, max: 100 }, "Exactly this."),
        Field::optional("project", Kind::Slug, "By key or id.").or(&["project_id"]),
        Field::optional(
            "assignee",
            Kind::ReferenceOr(&["me", "none"]),
            "An id, `me` or `none`.",
        )
        .or(ASSIGNEE),
        Field::optional("requester", Kind::ReferenceOr(&["me"]), "An id or `me`.")
            .or(&["requester_id", "customer_id"]),
        Field::optional("tag", Kind::Tags, "With all of these tags.").or(&["tags"]),
        Field::optional("workflow", Kind::Word(&words::WORKFLOW), "Of this lifecycle."),
        Field::optional("created_after", Kind::Time, "Created at or after."),
        Field::optional("created_before", Kind::Time, "Created before."),
        Field::optional(
            "updated_after",
            Kind::Time,
            "Updated at or after; the list is then sorted by -updated_at.",
        ),
        Field::optional(
            "updated_before",
            Kind::Time,
            "Updated before; the list is then sorted by -updated_at.",
        ),
        Field::optional(
            "due_after",
            Kind::Time,
            "Due at or after; the list is then sorted by resolution_due_at.",
        ),
        Field::optional(
            "due_before",
            Kind::Time,
            "Due before; the list is then sorted by resolution_due_at.",
        ),
        Field::optional("overdue", Kind::Flag, "Unresolved and past its due time, or not."),
        Field::optional("has_attachment", Kind::Flag, "With files, or without."),
        Field::optional(
            "sort",
            Kind::Word(&words::TICKET_SORT),
            "Newest first by default.",
        ),
        Field::optional("q", Kind::Search, "Full text; newest first.").or(&["search", "keyword"]),
    ],
};

fn filters(call: &Call, taken: &Taken) -> Result<Vec<Filter>, Error> {
    let me = call.my_id()?;
    let mut list = Vec::new();
    if let Some(words) = taken.words("status") {
        list.push(Filter::Status(words.to_vec()));
    }
    if let Some(words) = taken.words("priority") {
        list.push(Filter::Priority(
            words
                .iter()
                .filter_map(|word| Priority::parse(word))
                .map(Priority::rank)
                .collect(),
        ));
    }
    list.extend(taken.word("workflow").map(Filter::Workflow));
    list.extend(taken.reference("category").cloned().map(Filter::Category));
    list.extend(taken.text("category").map(Filter::CategorySlug));
    list.extend(taken.reference("subcategory").cloned().map(Filter::Subcategory));
    list.extend(taken.text("subcategory").map(Filter::SubcategorySlug));
    list.extend(taken.text("department").map(Filter::Department));
    list.extend(taken.reference("project").cloned().map(Filter::Project));
    list.extend(
        taken
            .text("project")
            .map(|key| Filter::ProjectKey(key.to_uppercase())),
    );
    list.extend(taken.reference("assignee").cloned().map(Filter::Assignee));
    match taken.word("assignee") {
        Some("me") => list.push(Filter::Assignee(Ref::Id(me))),
        Some(_) => list.push(Filter::Unassigned),
        None => {}
    }
    list.extend(taken.reference("requester").cloned().map(Filter::Requester));
    list.extend(taken.word("requester").map(|_| Filter::Requester(Ref::Id(me))));
    list.extend(taken.tags("tag").unwrap_or_default().into_iter().map(Filter::Tag));
    list.extend(taken.time("created_after").map(Filter::CreatedAfter));
    list.extend(taken.time("created_before").map(Filter::CreatedBefore));
    list.extend(taken.time("updated_after").map(Filter::UpdatedAfter));
    list.extend(taken.time("updated_before").map(Filter::UpdatedBefore));
    list.extend(taken.time("due_after").map(Filter::DueAfter));
    list.extend(taken.time("due_before").map(Filter::DueBefore));
    list.extend(taken.flag("overdue").map(Filter::Overdue));
    list.extend(taken.flag("has_attachment").map(Filter::HasAttachment));
    Ok(list)
}

fn sort(word: &str) -> Sort {
    let key = match word.trim_start_matches('-') {
        "updated_at" => Key::Updated,
        "priority" => Key::Priority,
        "resolution_due_at" => Key::Due,
        _ => Key::Created,
    };
    Sort {
        key,
        descending: word.starts_with('-'),
    }
}

/// Finds the ticket in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(crate::store::tickets::events::ticket_is_seen(
        &reader(call)?,
        &call.reference("id")?,
    ))
}

/// `GET /tickets`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    page_of(call, None, None).await
}

/// `GET /tickets/my`.
pub async fn my(call: &Call<'_>) -> Result<Reply, Error> {
    page_of(call, Some(Filter::Mine(call.my_id()?)), None).await
}

/// A page of tickets, of those that pass `extra` too; not found when the row that `must` asks for is not there.
pub(in crate::api) async fn page_of(
    call: &Call<'_>,
    extra: Option<Filter>,
    must: Option<Stmt>,
) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &LIST])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let reader = reader(call)?;
    let mut filters = filters(call, &taken)?;
    filters.extend(extra);
    let asked = taken.text("q").filter(|q| !q.trim().is_empty());
    let who = if policy::reads_internal(reader.role) {
        SearchReader::Staff
    } else {
        SearchReader::Customer(reader.id)
    };
    let matching = asked.as_ref().and_then(|q| match_expression(q, who));
    if asked.is_some() && matching.is_none() {
        // Nothing that could be found: an empty list, and not an error.
        let found = call.read(must.into_iter().collect()).await?;
        there(found.first())?;
        let total = page.count.then_some(page::Total(0));
        return Ok(Reply::ok(page::list(call.request, &page, "", None, total).0));
    }
    let query = Query {
        filters,
        sort: taken.word("sort").map(sort),
        matching,
    };
    let plan = list::plan(&reader, &query, &page);
    let mut stmts = vec![plan.rows];
    let windowed = plan.stopped.is_some();
    stmts.extend(plan.stopped);
    let must_at = must.map(|stmt| push(&mut stmts, stmt));
    if page.count {
        stmts.push(list::count(&reader, &query));
    }
    let found = call.read(stmts).await?;
    there(must_at.and_then(|at| found.get(at)))?;
    let rows = found.first().ok_or(Error::NotFound)?;
    let stopped = if windowed { found.get(1) } else { None };
    let total = if page.count { found.last() } else { None };
    listed(call, &page, rows, stopped, total)
}

fn there(rows: Option<&Rows>) -> Result<(), Error> {
    match rows {
        Some(rows) => rows.first::<Id>()?.map(|_| ()).ok_or(Error::NotFound),
        None => Ok(()),
    }
}

/// `GET /tickets/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_ref(call, &call.reference("id")?).await
}

/// `GET /tickets/key/{key}`.
pub async fn by_key(call: &Call<'_>) -> Result<Reply, Error> {
    show_ref(call, &call.reference("key")?).await
}

async fn show_ref(call: &Call<'_>, reference: &Ref) -> Result<Reply, Error> {
    let found = call.read(vec![ticket::show(&reader(call)?, reference)]).await?;
    one(found.first())
}

/// `GET /tickets/{id}/transitions`.
pub async fn transitions(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call
        .read(vec![ticket::row(&reader(call)?, &call.reference("id")?)])
        .await?;
    let ticket = ticket(found.first())?;
    let next = ticket.transitions(call.my_role()?, &call.rules(), call.now());
    let words: Vec<&str> = next.into_iter().map(Status::word).collect();
    Ok(Reply::ok(
        serde_json::json!({"status": ticket.status.word(), "workflow": ticket.workflow.word(), "allowed": words}).to_string(),
    ))
}

pub(in crate::api) fn ticket(rows: Option<&Rows>) -> Result<Ticket, Error> {
    let row: Option<TicketRow> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    Ok(row.ok_or(Error::NotFound)?.ticket())
}
