//! Reading tickets: lists, searches and single tickets.

use std::borrow::Cow;

use crate::api::list::{List, NamedFilters, empty_page, show_resource};
use crate::api::tickets::fields::ASSIGNEE;
use crate::api::tools::field_filters::custom_filters;
use crate::api::tools::saved_view;
use crate::app::call::{Call, viewer};
use crate::desk::id::Ref;
use crate::desk::tickets::policy;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::search::{Searcher as SearchReader, ticket_match_expression};
use crate::desk::tickets::status::Status;
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input::{self, field_names};
use crate::http::input_values::Input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::sql::render::Selection;
use crate::store::sql::rows::{IdRow, gather};
use crate::store::tickets::json::{list_fields, list_row, selected_row};
use crate::store::tickets::list::filter::TicketFilter;
use crate::store::tickets::list::query::{Sort, SortKey, TicketQuery};
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::view::{LIST_ONLY, TICKET};
use crate::store::tickets::{events, list};
use crate::store::tools::views::{self, ViewRow};

/// The filters of the list of tickets.
pub const LIST: Shape = Shape {
    name: "TicketFilter",
    fields: &[
        Field::optional("status", Kind::AnyOf(&choices::STATUS), "One or several."),
        Field::optional("priority", Kind::AnyOf(&choices::PRIORITY), "One or several."),
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
        Field::optional("customer_email", Kind::Email, "The address of the requester.")
            .or(&["email", "requester_email"]),
        Field::optional("tag", Kind::Tags, "With all of these tags.").or(&["tags"]),
        Field::optional("workflow", Kind::Choice(&choices::WORKFLOW), "Of this lifecycle."),
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
            Kind::Choice(&choices::TICKET_SORT),
            "Newest first by default.",
        ),
        Field::optional(
            "q",
            Kind::Search,
            "Full text, and for staff names and addresses of requesters; newest first.",
        )
        .or(&["search", "keyword"]),
        VIEW,
        Field::optional(
            "fields",
            Kind::AnyOf(&choices::TICKET_FIELDS),
            "Only these fields; `row` stands for those of a list on a screen, with `last_message` and `unread` and without `description`.",
        ),
    ],
};

const VIEW: Field = Field::optional(
    "view",
    Kind::Reference,
    "For staff: a saved view. Other parameters take the place of the view's own.",
);

/// The parameter that decides about the others.
const VIEW_ONLY: Shape = Shape {
    name: "TicketView",
    fields: &[VIEW],
};

/// The filters that the input has, but for those by custom fields.
pub(in crate::api) fn read_filters(call: &Call, input: &Input) -> Result<Vec<TicketFilter>, Error> {
    let me = call.my_id()?;
    let mut list = Vec::new();
    if let Some(words) = input.choices("status") {
        list.push(TicketFilter::Status(words.to_vec()));
    }
    if let Some(words) = input.choices("priority") {
        list.push(TicketFilter::Priority(
            words
                .iter()
                .filter_map(|word| Priority::parse(word))
                .map(Priority::rank)
                .collect(),
        ));
    }
    list.extend(input.choice("workflow").map(TicketFilter::Workflow));
    list.extend(input.reference("category").cloned().map(TicketFilter::Category));
    list.extend(input.text("category").map(TicketFilter::CategorySlug));
    list.extend(
        input
            .reference("subcategory")
            .cloned()
            .map(TicketFilter::Subcategory),
    );
    list.extend(input.text("subcategory").map(TicketFilter::SubcategorySlug));
    list.extend(input.text("department").map(TicketFilter::Department));
    list.extend(input.reference("project").cloned().map(TicketFilter::Project));
    list.extend(
        input
            .text("project")
            .map(|key| TicketFilter::ProjectKey(key.to_uppercase())),
    );
    list.extend(input.reference("assignee").cloned().map(TicketFilter::Assignee));
    match input.choice("assignee") {
        Some("me") => list.push(TicketFilter::Assignee(Ref::Id(me))),
        Some(_) => list.push(TicketFilter::Unassigned),
        None => {}
    }
    list.extend(input.text("customer_email").map(TicketFilter::RequesterEmail));
    list.extend(input.reference("requester").cloned().map(TicketFilter::Requester));
    list.extend(
        input
            .choice("requester")
            .map(|_| TicketFilter::Requester(Ref::Id(me))),
    );
    list.extend(
        input
            .tags("tag")
            .unwrap_or_default()
            .into_iter()
            .map(TicketFilter::Tag),
    );
    list.extend(input.time("created_after").map(TicketFilter::CreatedAfter));
    list.extend(input.time("created_before").map(TicketFilter::CreatedBefore));
    list.extend(input.time("updated_after").map(TicketFilter::UpdatedAfter));
    list.extend(input.time("updated_before").map(TicketFilter::UpdatedBefore));
    list.extend(input.time("due_after").map(TicketFilter::DueAfter));
    list.extend(input.time("due_before").map(TicketFilter::DueBefore));
    list.extend(input.flag("overdue").map(TicketFilter::Overdue));
    list.extend(input.flag("has_attachment").map(TicketFilter::HasAttachment));
    Ok(list)
}

/// The list that the filters describe, with `extra`; `None` if nothing can match what is looked for.
pub(in crate::api) fn read_query(
    call: &Call,
    input: &Input,
    extra: impl IntoIterator<Item = TicketFilter>,
) -> Result<Option<TicketQuery>, Error> {
    let mut filters = read_filters(call, input)?;
    filters.extend(extra);
    let asked = input.text("q").filter(|q| !q.trim().is_empty());
    let who = if policy::may_read_internal(call.my_role()?) {
        SearchReader::Staff
    } else {
        SearchReader::Customer(call.my_id()?)
    };
    let matching = asked.as_ref().and_then(|q| ticket_match_expression(q, who));
    if asked.is_some() && matching.is_none() {
        return Ok(None);
    }
    Ok(Some(TicketQuery {
        filters,
        sort: input.choice("sort").map(read_sort),
        matching,
        requester: asked.filter(|_| who == SearchReader::Staff),
    }))
}

fn read_sort(word: &str) -> Sort {
    let key = match word.trim_start_matches('-') {
        "updated_at" => SortKey::Updated,
        "priority" => SortKey::Priority,
        "resolution_due_at" => SortKey::Due,
        _ => SortKey::Created,
    };
    Sort {
        key,
        descending: word.starts_with('-'),
    }
}

/// The statement that finds the ticket in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(events::find_visible_ticket(
        &viewer(call)?,
        &call.reference("id")?,
    ))
}

/// `GET /tickets`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    list_page(call, None, None).await
}

/// `GET /tickets/my`.
pub async fn list_mine(call: &Call<'_>) -> Result<Reply, Error> {
    list_page(call, Some(TicketFilter::Mine(call.my_id()?)), None).await
}

/// A parameter of a query: its name and its value.
type QueryPair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Replies with a page of the tickets that match the query and also `extra`; 404 if `parent` is given and has no row.
pub(in crate::api) async fn list_page(
    call: &Call<'_>,
    extra: Option<TicketFilter>,
    parent: Option<Stmt>,
) -> Result<Reply, Error> {
    let asked = input::parse_query(call.request, &[&VIEW_ONLY])?;
    let Some(reference) = asked.reference("view") else {
        return list_by(call, extra, parent, None).await;
    };
    let me = call.my_id()?;
    let known = saved_view::known(me).filter(|_| parent.is_none());
    if let Some(view) = known.and_then(|rows| saved_view::named(rows, reference)) {
        // Whether it is still the same is read with the list. If it is not, the list is made anew.
        let check = views::find_known(me, &view);
        match list_by(call, extra.clone(), Some(check), Some(&view)).await {
            Err(Error::NotFound | Error::Invalid(_)) => {}
            outcome => return outcome,
        }
    }
    let view = saved_view::read(call, reference).await?;
    list_by(call, extra, parent, Some(&view)).await
}

/// The parameters of a list: those of the request, and those of the view that the request does not have.
fn merge<'a>(call: &Call<'a>, view: Option<&ViewRow>) -> Vec<QueryPair<'a>> {
    let own = call.request.query_pairs().filter(|(_, value)| !value.is_empty());
    let mut pairs: Vec<QueryPair> = own.collect();
    let Some(view) = view else { return pairs };
    let has = |name: &str| {
        let field = LIST
            .fields
            .iter()
            .find(|field| field_names(field).any(|known| known == name));
        pairs.iter().any(|(given, _)| {
            given == name || field.is_some_and(|field| field_names(field).any(|known| known == given))
        })
    };
    let filter = serde_json::from_str(&view.filter).unwrap_or_default();
    let more: Vec<QueryPair> = saved_view::parameters(&filter, view.sort.as_deref())
        .into_iter()
        .filter(|(name, _)| !has(name))
        .map(|(name, value)| (Cow::Owned(name), Cow::Owned(value)))
        .collect();
    pairs.extend(more);
    pairs
}

/// What a request for all of a list asks for, with a view and custom fields if it names them.
pub(in crate::api) async fn read_whole(
    call: &Call<'_>,
    shapes: &[&Shape],
) -> Result<(Input, Option<TicketQuery>), Error> {
    let asked = input::parse_query(call.request, &[&VIEW_ONLY])?;
    let view = match asked.reference("view") {
        Some(reference) => Some(saved_view::read(call, reference).await?),
        None => None,
    };
    let pairs = merge(call, view.as_ref());
    let texts: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let input = input::parse_pairs(&texts, shapes).map_err(Error::Invalid)?;
    let custom = custom_filters(call, &texts).await?;
    let query = read_query(call, &input, custom)?;
    Ok((input, query))
}

async fn list_by(
    call: &Call<'_>,
    extra: Option<TicketFilter>,
    parent: Option<Stmt>,
    view: Option<&ViewRow>,
) -> Result<Reply, Error> {
    let pairs = merge(call, view);
    let texts: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let input = input::parse_pairs(&texts, &[&LIST, &page::QUERY]).map_err(Error::Invalid)?;
    // Cursors are tied to the view as it is, too.
    let seed = view.map_or(0, |view| view.version.wrapping_mul(1_000_003) ^ view.id);
    let page = Page::from_query(call.request, &input, call.my_id()? ^ seed)?;
    let reader = viewer(call)?;
    let named = NamedFilters::of(&input);
    let mut more = custom_filters(call, &texts).await?;
    more.extend(extra);
    let Some(query) = read_query(call, &input, more)? else {
        // Nothing can match, which is an empty list and not an error.
        let mut batch = Batch::new();
        let parent = batch.add_optional::<IdRow>(parent);
        let unknown = named.find_unknown(call, &mut batch);
        let found = call.read(batch).await?;
        if let Some(parent) = parent {
            found.require(parent)?;
        }
        named.require_known(&found, unknown)?;
        return Ok(empty_page(call, &page));
    };
    let list = |rows| {
        List::new(rows, || list::count(&reader, &query))
            .of(parent)
            .filtered(named)
    };
    match input.choices("fields") {
        None => {
            let rows = list::page(&reader, &query, &list_row(reader.role), &page);
            list(rows).fields(list_fields()).reply(call, &page).await
        }
        Some(names) => {
            let fields = selected_fields(names);
            let row = selected_row(&fields, reader.role);
            let rows = list::page(&reader, &query, &row, &page);
            if LONG_FIELDS.iter().any(|name| fields.has(name)) {
                return list(rows).fields(fields).reply(call, &page).await;
            }
            list(gather(rows))
                .gathered()
                .fields(fields)
                .reply(call, &page)
                .await
        }
    }
}

/// The fields that `row` stands for.
const ROW_FIELDS: [&str; 18] = [
    "id",
    "uid",
    "number",
    "key",
    "title",
    "status",
    "priority",
    "category",
    "tags",
    "requester",
    "assignee",
    "workflow",
    "created_at",
    "updated_at",
    "sla",
    "message_count",
    "last_message",
    "unread",
];

/// Fields that are too long for the text of a whole page ([`gather`]).
const LONG_FIELDS: [&str; 2] = ["description", "custom_fields"];

fn selected_fields(names: &[&str]) -> Selection {
    let fields = TICKET.fields.iter().chain(LIST_ONLY);
    Selection::of(fields, |name| is_selected(names, name))
}

/// Whether a field is among those that a list is asked for.
pub(in crate::api) fn is_selected(names: &[&str], name: &str) -> bool {
    names.contains(&name) || (names.contains(&"row") && ROW_FIELDS.contains(&name))
}

/// `GET /tickets/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_ref(call, &call.reference("id")?).await
}

/// `GET /tickets/key/{key}`.
pub async fn show_by_key(call: &Call<'_>) -> Result<Reply, Error> {
    show_ref(call, &call.reference("key")?).await
}

async fn show_ref(call: &Call<'_>, reference: &Ref) -> Result<Reply, Error> {
    show_resource(call, ticket::show(&viewer(call)?, reference)).await
}

/// `GET /tickets/{id}/transitions`.
pub async fn list_transitions(call: &Call<'_>) -> Result<Reply, Error> {
    let row: TicketRow = call
        .read_row(ticket::row(&viewer(call)?, &call.reference("id")?))
        .await?;
    let ticket = row.ticket();
    let next = ticket.transitions(call.my_role()?, &call.ticket_settings(), call.now());
    let words: Vec<&str> = next.into_iter().map(Status::as_str).collect();
    Ok(Reply::ok(
        serde_json::json!({"status": ticket.status.as_str(), "workflow": ticket.workflow.as_str(), "allowed": words}).to_string(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_that_may_be_asked_for_are_those_of_the_views() {
        let fields = TICKET.fields.iter().chain(LIST_ONLY).map(|field| field.name);
        let known: Vec<&str> = std::iter::once("row").chain(fields).collect();
        assert_eq!(choices::TICKET_FIELDS.list, known);
        assert!(ROW_FIELDS.iter().all(|name| known.contains(name)));
        assert!(!selected_fields(&["row"]).sql().contains("description"));
    }
}
