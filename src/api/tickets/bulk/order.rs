//! What a request asks to be done, and to which tickets.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::list::NamedFilters;
use crate::api::tickets::edit::read_edit;
use crate::api::tickets::fields::{ASSIGNEE, CUSTOM_FIELDS};
use crate::api::tickets::list::{LIST, read_query};
use crate::api::tickets::messages;
use crate::api::tickets::references::{ReferenceSlots, reference_cells};
use crate::app::call::{Call, viewer};
use crate::desk::access::api_key::KeyScope;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::tickets::ticket::TicketEdit;
use crate::desk::validation::FieldError;
use crate::edge::db::{Batch, Rows};
use crate::http::error::Error;
use crate::http::input::nested::{parse_filters, parse_nested};
use crate::http::input_values::Input;
use crate::http::page::Page;
use crate::http::shape::{Field, JsonFormat, Kind, Shape, choices};
use crate::store::automation::ticket_context::{self, Candidate, PlaceRow, read_candidates};
use crate::store::sql::rows::CountRow;
use crate::store::tickets::assignment::pool::{self, PoolShare};
use crate::store::tickets::list;

/// How many tickets one request changes at most.
pub(super) const MAX_TICKETS: usize = 100;

/// The body of a change of many tickets.
pub const BULK: Shape = Shape {
    name: "BulkChange",
    fields: &[
        Field::optional(
            "ids",
            Kind::References,
            "The tickets, up to 100: ids, uids, numbers or keys. Either these or `filter`.",
        ),
        Field::optional(
            "filter",
            Kind::Json(&FILTER_FORMAT),
            "The tickets that the list with these filters begins with, up to 100.",
        ),
        Field::required(
            "changes",
            Kind::Json(&CHANGES_FORMAT),
            "What is done to each of them.",
        ),
        Field::optional(
            "dry_run",
            Kind::Flag,
            "Only say what would become of each ticket.",
        ),
    ],
};

/// The filters of the list of tickets, in a body.
pub const FILTER: &Shape = &LIST;

static FILTER_FORMAT: JsonFormat = JsonFormat {
    schema: "BulkFilter",
    validate: |value| mistakes(parse_filters("filter", value, FILTER)),
};

/// What can be done to many tickets.
pub const CHANGES: Shape = Shape {
    name: "BulkChanges",
    fields: &[
        Field::optional("status", Kind::Choice(&choices::STATUS), "A legal next status."),
        Field::optional("priority", Kind::Choice(&choices::PRIORITY), "The priority."),
        Field::nullable("category", Kind::Slug, "Slug or id.").or(&["category_id"]),
        Field::nullable("subcategory", Kind::Slug, "A part of the category.").or(&["subcategory_id"]),
        Field::nullable("department", Kind::Line { min: 1, max: 100 }, "The department."),
        Field::nullable("project", Kind::Slug, "An active project by key or id.").or(&["project_id"]),
        Field::nullable(
            "assignee",
            Kind::ReferenceOr(&["me"]),
            "An agent; null is nobody.",
        )
        .or(ASSIGNEE),
        Field::optional("tags_add", Kind::Tags, "Tags that are added."),
        Field::optional("tags_remove", Kind::Tags, "Tags that are taken away."),
        CUSTOM_FIELDS,
        Field::optional(
            "message",
            Kind::Json(&MESSAGE_FORMAT),
            "A public reply or an internal note, posted first.",
        ),
        Field::optional(
            "delete",
            Kind::Flag,
            "For admins: delete them. Excludes everything else.",
        ),
    ],
};

static CHANGES_FORMAT: JsonFormat = JsonFormat {
    schema: "BulkChanges",
    validate: |value| mistakes(parse_changes(value)),
};

static MESSAGE_FORMAT: JsonFormat = JsonFormat {
    schema: "NewMessage",
    validate: |value| mistakes(parse_nested("changes.message", value, &messages::NEW)),
};

fn mistakes<T>(parsed: Result<T, Vec<FieldError>>) -> Vec<FieldError> {
    parsed.err().unwrap_or_default()
}

fn parse_changes(value: &Value) -> Result<Input, Vec<FieldError>> {
    let input = parse_nested("changes", value, &CHANGES).map_err(|errors| {
        // The message says its whole path itself.
        let name = |name: String| match name.strip_prefix("changes.changes.") {
            Some(rest) => format!("changes.{rest}"),
            None => name,
        };
        errors
            .into_iter()
            .map(|(at, why)| (name(at), why))
            .collect::<Vec<_>>()
    })?;
    let is_given = |field: &&Field| input.has(field.name) && input.flag(field.name) != Some(false);
    let given: Vec<&str> = CHANGES
        .fields
        .iter()
        .filter(is_given)
        .map(|field| field.name)
        .collect();
    match given.as_slice() {
        [] => Err(vec![("changes".to_owned(), "must change something".to_owned())]),
        [_, _, ..] if given.contains(&"delete") => Err(vec![(
            "changes.delete".to_owned(),
            "excludes all other changes".to_owned(),
        )]),
        _ => Ok(input),
    }
}

/// Which tickets a request is about.
pub(super) enum Targets {
    Ids(Vec<Value>),
    Filter(Box<Input>),
}

/// What is done to which tickets.
pub(super) struct Order {
    pub targets: Targets,
    pub changes: Input,
    pub message: Option<(String, bool)>,
    pub dry_run: bool,
    from_filter: bool,
}

/// The tickets that were found, and what the changes refer to.
pub(super) struct Found {
    /// What named each ticket, and the ticket; `None` if there is none that the caller may see.
    pub candidates: Vec<(Value, Option<Candidate>)>,
    pub versions: HashMap<i64, i64>,
    pub edit: TicketEdit,
    /// How many tickets the filter matches, up to 10,001.
    pub total: Option<i64>,
    /// Tickets wait for an agent.
    pub has_waiting: bool,
    /// What an earlier attempt at the same request has done: the answer about each ticket.
    pub done: HashMap<i64, String>,
}

#[derive(Deserialize)]
struct PartRow {
    id: i64,
    j: String,
}

impl Order {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 for a body that says nothing, 403 where the caller's role may not do this to any ticket.
    pub(super) fn read(call: &Call, input: &Input) -> Result<Order, Error> {
        let changes = input.json("changes").cloned().unwrap_or_default();
        let changes = parse_changes(&changes).map_err(Error::Invalid)?;
        // What needs another scope by itself needs it here, too.
        if changes.flag("delete") == Some(true) {
            if call.my_role()? != Role::Admin {
                return Err(Error::Forbidden("only admins may delete tickets".to_owned()));
            }
            call.require_key_scope(KeyScope::Admin)?;
        }
        if changes.has("message") {
            call.require_key_scope(KeyScope::MessagesWrite)?;
        }
        let targets = match (input.rows("ids"), input.json("filter")) {
            (Some([]), None) => return Err(Error::field("ids", "must name a ticket")),
            (Some(ids), None) if ids.len() > MAX_TICKETS => {
                return Err(Error::field(
                    "ids",
                    format!("must be at most {MAX_TICKETS} tickets"),
                ));
            }
            (Some(ids), None) => Targets::Ids(ids.to_vec()),
            (None, Some(filter)) => {
                let filter = parse_filters("filter", filter, FILTER).map_err(Error::Invalid)?;
                if filter.has("view") {
                    // Its filter would not be applied, and other tickets be changed.
                    return Err(Error::field("filter.view", "is for lists; give its filters"));
                }
                Targets::Filter(Box::new(filter))
            }
            _ => return Err(Error::field("ids", "must be given, or filter, but not both")),
        };
        let message = match changes.json("message") {
            Some(message) => {
                let said =
                    parse_nested("changes.message", message, &messages::NEW).map_err(Error::Invalid)?;
                Some((said.required("body"), said.flag("is_internal").unwrap_or(false)))
            }
            None => None,
        };
        Ok(Order {
            from_filter: matches!(targets, Targets::Filter(_)),
            targets,
            changes,
            message,
            dry_run: input.flag("dry_run").unwrap_or(false),
        })
    }

    /// The order to close these tickets, given by their ids.
    ///
    /// # Errors
    /// None in fact: it is a change like others.
    pub(super) fn close(ids: Vec<Value>) -> Result<Order, Error> {
        Ok(Order {
            from_filter: false,
            targets: Targets::Ids(ids),
            changes: parse_changes(&json!({"status": "closed"})).map_err(Error::Invalid)?,
            message: None,
            dry_run: false,
        })
    }

    /// Whether the request named its tickets by a filter.
    pub(super) fn is_filter(&self) -> bool {
        self.from_filter
    }

    /// The same order for one of its tickets.
    pub(super) fn for_one(&self, id: i64) -> Order {
        Order {
            targets: Targets::Ids(vec![id.into()]),
            changes: self.changes.clone(),
            message: self.message.clone(),
            dry_run: false,
            from_filter: false,
        }
    }

    /// Reads the tickets and what the changes refer to, in one round trip.
    ///
    /// # Errors
    /// 400 if a filter or a change names nothing.
    pub(super) async fn find(&self, call: &Call<'_>) -> Result<Found, Error> {
        let reader = viewer(call)?;
        let mut batch = Batch::new();
        let references =
            ReferenceSlots::find(&self.changes, call.my_id()?, &mut batch).map_err(in_changes)?;
        let named = match &self.targets {
            Targets::Filter(filter) => NamedFilters::of(filter),
            Targets::Ids(_) => NamedFilters::default(),
        };
        let unknown = named.find_unknown(call, &mut batch);
        let places = batch.add::<PoolShare>(pool::find_places());
        let parts = batch.add_optional::<PartRow>(call.find_parts()?);
        let (mut rows, mut total) = (None, None);
        match &self.targets {
            Targets::Ids(ids) => {
                let list: Vec<Value> = ids.iter().map(named_cells).collect();
                rows = Some(batch.add::<Rows>(ticket_context::named(&reader, &json!(list).to_string())));
            }
            Targets::Filter(filter) => {
                if let Some(query) = read_query(call, filter, None)? {
                    let most = i64::try_from(MAX_TICKETS).unwrap_or_default();
                    // One row is left out: a page reads one more than it shows.
                    let page = Page::whole(most.saturating_sub(1));
                    let found = list::page(&reader, &query, "NULL", &page);
                    rows = Some(batch.add::<Rows>(ticket_context::listed(found)));
                    total = Some(batch.add::<CountRow>(list::count(&reader, &query)));
                }
            }
        }
        let found = call.read(batch).await?;
        named
            .require_known(&found, unknown)
            .map_err(|error| prefixed("filter", error))?;
        let edit = read_edit(&self.changes, &references, &found).map_err(in_changes)?;
        let (mut tickets, mut spots): (Vec<Candidate>, Vec<PlaceRow>) = (Vec::new(), Vec::new());
        if let Some(rows) = found.rows_if(rows)? {
            tickets = read_candidates(rows)?;
            spots = rows.all()?;
        }
        let versions = tickets
            .iter()
            .map(|one| (one.ticket.id, one.ticket.version()))
            .collect();
        let candidates = match &self.targets {
            Targets::Filter(_) => tickets
                .into_iter()
                .map(|one| (one.ticket.id.into(), Some(one)))
                .collect(),
            Targets::Ids(ids) => {
                let mut by_place: HashMap<usize, Candidate> =
                    spots.iter().map(|spot| spot.place).zip(tickets).collect();
                let mut seen = Vec::new();
                let pairs = ids
                    .iter()
                    .enumerate()
                    .map(|(at, id)| (id.clone(), by_place.remove(&at)));
                // A ticket that is named twice is changed once.
                pairs
                    .filter(|(_, one)| match one {
                        Some(one) if seen.contains(&one.ticket.id) => false,
                        Some(one) => {
                            seen.push(one.ticket.id);
                            true
                        }
                        None => true,
                    })
                    .collect()
            }
        };
        Ok(Found {
            candidates,
            versions,
            edit,
            total: match (&self.targets, total) {
                (Targets::Filter(_), None) => Some(0),
                (_, slot) => found.first_if(slot)?.map(|count| count.n),
            },
            has_waiting: found.has_row(places)?,
            done: found
                .all_if(parts)?
                .into_iter()
                .map(|part| (part.id, part.j))
                .collect(),
        })
    }
}

/// What a ticket is named by, as [`ticket_context::named`] reads it.
fn named_cells(value: &Value) -> Value {
    match value.as_str().and_then(Ref::parse) {
        Some(reference) => reference_cells(&reference),
        None => json!([value, null, null]),
    }
}

fn in_changes(error: Error) -> Error {
    prefixed("changes", error)
}

fn prefixed(path: &str, error: Error) -> Error {
    match error {
        Error::Invalid(errors) => {
            let at = |name: String| format!("{path}.{name}");
            Error::Invalid(errors.into_iter().map(|(name, why)| (at(name), why)).collect())
        }
        error => error,
    }
}
