//! Tickets: opening, finding, changing.

use std::cell::Cell;

use serde::Deserialize;
use serde_json::Value;

use super::{Id, automation, listed, one, reader};
use crate::app::Call;
use crate::desk::event::{Event, EventKind, FieldChange};
use crate::desk::hands::{Heard, hearing};
use crate::desk::id::{Ref, number_day};
use crate::desk::person::Role;
use crate::desk::policy::{self, Act};
use crate::desk::priority::Priority;
use crate::desk::search::{Reader as SearchReader, match_expression};
use crate::desk::status::{Status, Workflow};
use crate::desk::ticket::{Edit, Named, Person, Refusal, Subcategory, Ticket, decide};
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, words};
use crate::http::take::{self, Patch, Taken};
use crate::retry;
use crate::store::around;
use crate::store::commit::Answer;
use crate::store::events::{self, Subject};
use crate::store::people::{self, NewUser};
use crate::store::projects;
use crate::store::ticket_list::{self, Filter, Key, Query, Sort};
use crate::store::tickets::{self as rows, NewTicket, Requester, TicketRow};
use crate::store::{assignment, categories, subcategories};

const TITLE: Kind = Kind::Line { min: 3, max: 200 };
const DESCRIPTION: Kind = Kind::Text { min: 1, max: 10_000 };
const ASSIGNEE: &[&str] = &["assigned_to", "agent_id", "assignee_id"];
const AT_VERSION: Field = Field::optional(
    "version",
    Kind::Whole {
        min: 1,
        max: i64::MAX,
    },
    "The version that the change was made on.",
);

/// The body of a new ticket.
pub const NEW: Shape = Shape {
    name: "NewTicket",
    fields: &[
        Field::required("title", TITLE, "What it is about, in one line.").or(&["subject"]),
        Field::required("description", DESCRIPTION, "The whole story.").or(&["initial_description"]),
        Field::optional("priority", Kind::Word(&words::PRIORITY), "`medium` by default."),
        Field::nullable("category", Kind::Slug, "A category by slug or id.").or(&["category_id"]),
        Field::nullable(
            "subcategory",
            Kind::Slug,
            "A part of the category, by slug or id.",
        )
        .or(&["subcategory_id"]),
        Field::nullable(
            "department",
            Kind::Line { min: 1, max: 100 },
            "The department concerned.",
        ),
        Field::nullable("project", Kind::Slug, "An active project by key or id.").or(&["project_id"]),
        Field::optional("tags", Kind::Tags, "For staff."),
        Field::nullable(
            "assignee",
            Kind::ReferenceOr(&["me"]),
            "For staff: whom to give it to; null leaves it in the pool, absent lets the desk assign it.",
        )
        .or(ASSIGNEE),
        Field::optional(
            "workflow",
            Kind::Word(&words::WORKFLOW),
            "For staff: `project` in a project, otherwise `support` by default.",
        ),
        Field::nullable(
            "customer_email",
            Kind::Email,
            "For staff: whose ticket it is. From a customer: kept as `contact_email`.",
        ),
    ],
};

/// The body of an update.
pub const EDIT: Shape = Shape {
    name: "TicketPatch",
    fields: &[
        Field::optional("title", TITLE, "What it is about.").or(&["subject"]),
        Field::optional("description", DESCRIPTION, "The whole story.").or(&["initial_description"]),
        Field::optional("status", Kind::Word(&words::STATUS), "A legal next status."),
        Field::optional("priority", Kind::Word(&words::PRIORITY), "For staff."),
        Field::nullable("category", Kind::Slug, "For staff: slug or id.").or(&["category_id"]),
        Field::nullable("subcategory", Kind::Slug, "For staff: a part of the category.")
            .or(&["subcategory_id"]),
        Field::nullable("department", Kind::Line { min: 1, max: 100 }, "For staff."),
        Field::nullable(
            "project",
            Kind::Slug,
            "For staff: an active project by key or id. The ticket gets a new key, and is found by the old one too.",
        )
        .or(&["project_id"]),
        Field::optional("tags", Kind::Tags, "For staff."),
        Field::nullable(
            "assignee",
            Kind::ReferenceOr(&["me"]),
            "For staff; null is nobody.",
        )
        .or(ASSIGNEE),
        Field::optional(
            "workflow",
            Kind::Word(&words::WORKFLOW),
            "For staff: one that has the current status.",
        ),
        AT_VERSION,
    ],
};

/// The body of a change of status.
pub const STATUS: Shape = Shape {
    name: "StatusChange",
    fields: &[
        Field::required("status", Kind::Word(&words::STATUS), "A legal next status."),
        AT_VERSION,
    ],
};

/// The body of a change of priority.
pub const PRIORITY: Shape = Shape {
    name: "PriorityChange",
    fields: &[
        Field::required("priority", Kind::Word(&words::PRIORITY), "The new priority."),
        AT_VERSION,
    ],
};

/// The body of an assignment. Without an assignee the caller takes the ticket.
pub const ASSIGN: Shape = Shape {
    name: "Assignment",
    fields: &[
        Field::nullable(
            "assignee",
            Kind::ReferenceOr(&["me"]),
            "Whom to give it to; null is nobody, absent is me.",
        )
        .or(ASSIGNEE),
        AT_VERSION,
    ],
};

/// The body of an action that needs none.
pub const VERSION: Shape = Shape {
    name: "AtVersion",
    fields: &[AT_VERSION],
};

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

/// `GET /tickets`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    page_of(call, None, None).await
}

/// `GET /tickets/my`.
pub async fn my(call: &Call<'_>) -> Result<Reply, Error> {
    page_of(call, Some(Filter::Mine(call.my_id()?)), None).await
}

/// A page of tickets, of those that pass `extra` too; not found when the row that `must` asks for is not there.
pub(super) async fn page_of(
    call: &Call<'_>,
    extra: Option<Filter>,
    must: Option<Stmt>,
) -> Result<Reply, Error> {
    let taken = take::query(call.request, &[&page::QUERY, &LIST])?;
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
    let plan = ticket_list::plan(&reader, &query, &page);
    let mut stmts = vec![plan.rows];
    let windowed = plan.stopped.is_some();
    stmts.extend(plan.stopped);
    let must_at = must.map(|stmt| push(&mut stmts, stmt));
    if page.count {
        stmts.push(ticket_list::count(&reader, &query));
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
    let found = call.read(vec![rows::show(&reader(call)?, reference)]).await?;
    one(found.first())
}

/// `GET /tickets/{id}/transitions`.
pub async fn transitions(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call
        .read(vec![rows::row(&reader(call)?, &call.reference("id")?)])
        .await?;
    let ticket = ticket(found.first())?;
    let next = ticket.transitions(call.my_role()?, &call.rules(), call.now());
    let words: Vec<&str> = next.into_iter().map(Status::word).collect();
    Ok(Reply::ok(
        serde_json::json!({"status": ticket.status.word(), "workflow": ticket.workflow.word(), "allowed": words}).to_string(),
    ))
}

pub(super) fn ticket(rows: Option<&Rows>) -> Result<Ticket, Error> {
    let row: Option<TicketRow> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    Ok(row.ok_or(Error::NotFound)?.ticket())
}

// Opening --------------------------------------------------------------------------------------------------------

/// `POST /tickets`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = take::body(call.request, &NEW)?;
    if !call.my_role()?.is_staff()
        && (taken.tags("tags").is_some_and(|tags| !tags.is_empty())
            || names_assignee(&taken)
            || taken.has("workflow"))
    {
        return Err(Error::Forbidden(
            "tags, assignee and workflow are set by staff".to_owned(),
        ));
    }
    retry!(open(call, &taken))
}

/// One attempt at opening a ticket: reads what it names, lets the rules decide, keeps it.
async fn open(call: &Call<'_>, taken: &Taken) -> Result<Reply, Error> {
    let (actor_id, role) = (call.my_id()?, call.my_role()?);
    let mut stmts = Vec::new();
    let category_at = wants_category(taken).map(|stmt| push(&mut stmts, stmt));
    let subcategory_at = wants_subcategory(taken).map(|stmt| push(&mut stmts, stmt));
    let assignee_at = wants_assignee(taken, actor_id)?.map(|stmt| push(&mut stmts, stmt));
    let project_at = wants_project(taken)?.map(|stmt| push(&mut stmts, stmt));
    let found = call.read(stmts).await?;
    let category = match category_at {
        Some(at) => Some(category(found.get(at))?),
        None => None,
    };
    let subcategory = match subcategory_at {
        Some(at) => Some(subcategory(found.get(at))?.within(category.as_ref())?),
        None => None,
    };
    let assignee = match assignee_at {
        Some(at) => Some(assignee(found.get(at))?),
        None => None,
    };
    let in_project = match project_at {
        Some(at) => Some(project(found.get(at))?),
        None => None,
    };
    let actor = call.actor()?;
    let now = call.now();
    let rules = call.rules();
    let mut ticket = Ticket {
        priority: taken
            .word("priority")
            .and_then(Priority::parse)
            .unwrap_or(Priority::Medium),
        workflow: taken
            .word("workflow")
            .and_then(Workflow::parse)
            .unwrap_or_else(|| Workflow::of(in_project.is_some())),
        category,
        subcategory,
        project: in_project,
        department: taken.text("department"),
        tags: taken.tags("tags").unwrap_or_default(),
        ..Ticket::opened(
            &taken.required("title"),
            &taken.required("description"),
            actor_id,
            now,
        )
    };
    ticket.promise(&rules);
    if let Some(person) = assignee {
        let act = if person.id == actor.id {
            Act::Take
        } else {
            Act::Assign
        };
        policy::allow(act, role, ticket.relation(&actor)).map_err(|why| Error::Forbidden(why.to_owned()))?;
        let edit = Edit {
            assignee: Some(Some(person)),
            ..Edit::default()
        };
        ticket = decide(&ticket, &edit, &actor, &rules, now)?.ticket;
    }
    keep_new(call, taken, &ticket).await
}

/// Keeps a decided ticket: the requester it names, its number, its row and its first event, in one batch.
async fn keep_new(call: &Call<'_>, taken: &Taken, ticket: &Ticket) -> Result<Reply, Error> {
    let role = call.my_role()?;
    let now = call.now();
    let (uid, day) = (call.uid()?, number_day(now));
    let address = taken.text("customer_email");
    let key = address.as_ref().map(|address| address.to_lowercase());
    let mut stmts = Vec::new();
    let mut new = NewTicket {
        uid: &uid,
        day: &day,
        ticket,
        requester: Requester::Id(ticket.requester_id),
        contact_email: None,
        channel: "api",
    };
    match (&address, &key) {
        (Some(address), Some(key)) if role.is_staff() => {
            stmts.push(people::insert_unless_known(&unclaimed(call, address)?));
            new.requester = Requester::Address(key);
        }
        (Some(address), _) => new.contact_email = Some(address.clone()),
        _ => {}
    }
    let around = automation::around_new(call, new.channel, key.as_deref().filter(|_| role.is_staff()));
    let heard = Heard {
        on: hearing(None, ticket),
        actor_role: Some(role),
        ..Heard::default()
    };
    let subject = Subject::TicketUid(&uid);
    let followed = automation::follow(call, &subject, (None, ticket), &around, &heard)?;
    stmts.extend(rows::insert(&new));
    if followed.ticket != *ticket {
        stmts.push(rows::update_made(&uid, ticket, &followed.ticket, now));
    }
    let changes = vec![
        FieldChange::new("status", Value::Null, ticket.status.word()),
        FieldChange::new("priority", Value::Null, ticket.priority.word()),
        FieldChange::new(
            "assignee",
            Value::Null,
            ticket
                .assignee
                .as_ref()
                .map_or(Value::Null, |person| person.card.clone()),
        ),
    ];
    let event = Event::public(EventKind::TicketCreated, changes);
    stmts.push(events::append(&subject, Some(call.my_id()?), &event, now));
    stmts.extend(followed.stmts);
    // Staff who name an assignee, or nobody, have decided, and so have rules.
    if followed.is_pooled && !(role.is_staff() && taken.has("assignee")) {
        stmts.extend(assignment::assign_new(&uid, now));
    }
    let view = rows::show_own_change(&reader(call)?, &Ref::Uid(uid.clone()));
    call.commit(stmts, Answer::Created(view, "/api/v1/tickets/".to_owned()))
        .await
}

/// A customer without a password, for whom staff open a ticket.
fn unclaimed(call: &Call, address: &str) -> Result<NewUser, Error> {
    Ok(NewUser {
        uid: call.uid()?,
        email: address.to_owned(),
        username: None,
        first_name: String::new(),
        last_name: String::new(),
        role: Role::Customer,
        department: None,
        phone: None,
        avatar_url: None,
        password_hash: None,
        now: call.now(),
    })
}

fn push(stmts: &mut Vec<Stmt>, stmt: Stmt) -> usize {
    stmts.push(stmt);
    stmts.len().saturating_sub(1)
}

fn names_assignee(taken: &Taken) -> bool {
    taken.reference("assignee").is_some() || taken.word("assignee").is_some()
}

fn wants_category(taken: &Taken) -> Option<Stmt> {
    taken.name("category").map(|name| categories::offered(&name))
}

fn wants_subcategory(taken: &Taken) -> Option<Stmt> {
    taken
        .name("subcategory")
        .map(|name| subcategories::offered(&name))
}

pub(super) fn wants_assignee(taken: &Taken, me: i64) -> Result<Option<Stmt>, Error> {
    Ok(match (taken.reference("assignee"), taken.word("assignee")) {
        (Some(reference), _) => Some(rows::assignable(reference)),
        (None, Some(_)) => Some(rows::assignable(&Ref::Id(me))),
        (None, None) => None,
    })
}

fn wants_project(taken: &Taken) -> Result<Option<Stmt>, Error> {
    let named = match (taken.reference("project"), taken.text("project")) {
        (Some(reference), _) => reference.clone(),
        (None, Some(key)) => {
            let named = crate::desk::project::reference(&key).filter(|named| matches!(named, Ref::Key(_)));
            named.ok_or_else(|| Error::field("project", NO_PROJECT))?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(projects::taking(&named)))
}

const NO_PROJECT: &str = "is no active project";

fn project(rows: Option<&Rows>) -> Result<Named, Error> {
    found_named(rows)?.ok_or_else(|| Error::field("project", NO_PROJECT))
}

fn category(rows: Option<&Rows>) -> Result<Named, Error> {
    found_named(rows)?.ok_or_else(|| Error::field("category", "is no active category"))
}

/// The row `id`, `name`.
fn found_named(rows: Option<&Rows>) -> Result<Option<Named>, Error> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        name: String,
    }
    let row: Option<Row> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    Ok(row.map(|row| Named {
        id: row.id,
        name: row.name,
    }))
}

fn subcategory(rows: Option<&Rows>) -> Result<Subcategory, Error> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        name: String,
        category_id: i64,
    }
    let row: Option<Row> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    row.map(|row| Subcategory {
        named: Named {
            id: row.id,
            name: row.name,
        },
        category_id: row.category_id,
    })
    .ok_or_else(|| Error::field("subcategory", "is no active subcategory"))
}

pub(super) fn assignee(rows: Option<&Rows>) -> Result<Person, Error> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        card: String,
    }
    let row: Option<Row> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    let row = row.ok_or_else(|| Error::field("assignee", "is no active agent"))?;
    Ok(Person {
        id: row.id,
        card: serde_json::from_str(&row.card).unwrap_or(Value::Null),
    })
}

// Changing -------------------------------------------------------------------------------------------------------

/// `PUT /tickets/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = take::body(call.request, &EDIT)?;
    retry!(change(call, &taken, &|_, _| None))
}

/// `PUT /tickets/{id}/status`.
pub async fn set_status(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = take::body(call.request, &STATUS)?;
    retry!(change(call, &taken, &|_, _| None))
}

/// `PUT /tickets/{id}/priority`.
pub async fn set_priority(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = take::body(call.request, &PRIORITY)?;
    retry!(change(call, &taken, &|_, _| None))
}

/// `PUT` and `POST /tickets/{id}/assign`: to somebody, to nobody, or to the caller.
pub async fn assign(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = take::body_or_nothing(call.request, &ASSIGN)?;
    let takes = |call: &Call, taken: &Taken| {
        let takes = !taken.has("assignee");
        let me = takes.then(|| call.actor().ok()).flatten()?;
        Some(Edit {
            assignee: Some(Some(Person {
                id: me.id,
                card: me.card,
            })),
            ..Edit::default()
        })
    };
    let lost = Cell::new(false);
    let outcome = retry!(async {
        let outcome = change(call, &taken, &takes).await;
        lost.set(lost.get() || matches!(outcome, Err(Error::Moved)));
        outcome
    });
    match outcome {
        // It was there, and whoever was faster has taken it out of sight.
        Err(Error::NotFound) if lost.get() => {
            Err(Error::conflict("somebody else has just taken this ticket"))
        }
        outcome => outcome,
    }
}

/// `PUT` and `POST /tickets/{id}/close`.
pub async fn close(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = take::body_or_nothing(call.request, &VERSION)?;
    retry!(change(call, &taken, &|_, _| Some(Edit {
        status: Some(Status::Closed),
        ..Edit::default()
    })))
}

/// `POST /tickets/{id}/reopen`.
pub async fn reopen(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = take::body_or_nothing(call.request, &VERSION)?;
    retry!(change(call, &taken, &|_, _| Some(Edit {
        status: Some(REOPEN),
        ..Edit::default()
    })))
}

/// Stands for whatever status reopens the ticket at hand.
const REOPEN: Status = Status::Reopened;

/// One attempt at a change: reads the ticket with all it needs, lets `decide` decide, keeps it.
async fn change(
    call: &Call<'_>,
    taken: &Taken,
    special: &dyn Fn(&Call, &Taken) -> Option<Edit>,
) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let reader = reader(call)?;
    let mut stmts = vec![rows::row(&reader, &reference)];
    let category_at = wants_category(taken).map(|stmt| push(&mut stmts, stmt));
    let subcategory_at = wants_subcategory(taken).map(|stmt| push(&mut stmts, stmt));
    let assignee_at = wants_assignee(taken, call.my_id()?)?.map(|stmt| push(&mut stmts, stmt));
    let project_at = wants_project(taken)?.map(|stmt| push(&mut stmts, stmt));
    let around_at = automation::asks(call).then(|| push(&mut stmts, around::show(&reader, &reference)));
    let found = call.read(stmts).await?;
    let ticket = ticket(found.first())?;
    if !call.my_role()?.is_staff() && names_assignee(taken) {
        // Before anything is said of whom they named: customers are not told who works for the desk.
        return Err(Error::Forbidden("tickets are assigned by staff".to_owned()));
    }
    let mut edit = match special(call, taken) {
        Some(edit) => edit,
        None => Edit {
            title: taken.text("title"),
            description: taken.text("description"),
            priority: taken.word("priority").and_then(Priority::parse),
            category: match category_at {
                Some(at) => Some(Some(category(found.get(at))?)),
                None => taken.is_null("category").then_some(None),
            },
            subcategory: match subcategory_at {
                Some(at) => Some(Some(subcategory(found.get(at))?)),
                None => taken.is_null("subcategory").then_some(None),
            },
            department: match taken.patch("department") {
                Patch::Keep => None,
                Patch::Clear => Some(None),
                Patch::Set(name) => Some(Some(name)),
            },
            project: match project_at {
                Some(at) => Some(Some(project(found.get(at))?)),
                None => taken.is_null("project").then_some(None),
            },
            tags: taken.tags("tags"),
            workflow: taken.word("workflow").and_then(Workflow::parse),
            assignee: match assignee_at {
                Some(at) => Some(Some(assignee(found.get(at))?)),
                None => taken.is_null("assignee").then_some(None),
            },
            status: taken.word("status").and_then(Status::parse),
        },
    };
    if edit.status == Some(REOPEN) && !taken.has("status") {
        let to = ticket.workflow.reopened();
        if !ticket.status.is_done() && ticket.status != to {
            let allowed = ticket.transitions(call.my_role()?, &call.rules(), call.now());
            return Err(Refusal::Transition {
                from: ticket.status,
                to,
                allowed,
            }
            .into());
        }
        edit.status = Some(to);
    }
    let actor = call.actor()?;
    let change = decide(&ticket, &edit, &actor, &call.rules(), call.now());
    // A refusal by relation is told before a stale version, a conflict of the lifecycle after it.
    if let Err(Refusal::Forbidden(message)) = &change {
        return Err(Error::Forbidden(message.clone()));
    }
    call.guard(ticket.version, Some(taken))?;
    let change = change?;
    let mut stmts = Vec::new();
    if let Some(event) = &change.event {
        stmts.extend(rows::next_key(&ticket, &change.ticket));
        let subject = Subject::Ticket(ticket.id);
        let around = around_at.and_then(|at| found.get(at));
        let followed = automation::follow_change(call, (&ticket, &change.ticket), around)?;
        stmts.push(rows::update(&ticket, &followed.ticket, call.now()));
        stmts.push(events::append(&subject, Some(actor.id), event, call.now()));
        stmts.extend(followed.stmts);
    }
    call.commit(
        stmts,
        Answer::Row(rows::show_own_change(&reader, &Ref::Id(ticket.id))),
    )
    .await
}

/// `DELETE /tickets/{id}`: the ticket is hidden from everybody, and can be restored.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let found = call
            .read(vec![rows::row(&reader(call)?, &call.reference("id")?)])
            .await?;
        let ticket = ticket(found.first())?;
        call.guard(ticket.version, None)?;
        call.commit(deletion(call, &ticket, Some(call.now()))?, Answer::Nothing)
            .await
    })
}

/// `POST /tickets/{id}/restore`.
pub async fn restore(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let reader = reader(call)?;
        let found = call
            .read(vec![rows::row_with_deleted(&reader, &call.reference("id")?)])
            .await?;
        let row: TicketRow = match found.first() {
            Some(rows) => rows.first()?.ok_or(Error::NotFound)?,
            None => return Err(Error::NotFound),
        };
        let ticket = row.ticket();
        call.guard(ticket.version, None)?;
        let mut stmts = Vec::new();
        if row.is_deleted() {
            stmts.extend(deletion(call, &ticket, None)?);
            stmts.extend(assignment::release_one(ticket.id, call.my_id()?, call.now()));
        }
        call.commit(
            stmts,
            Answer::Row(rows::show_own_change(&reader, &Ref::Id(ticket.id))),
        )
        .await
    })
}

fn deletion(call: &Call, ticket: &Ticket, deleted_at: Option<i64>) -> Result<Vec<Stmt>, Error> {
    let actor = call.actor()?;
    policy::allow(Act::Delete, actor.role, ticket.relation(&actor))
        .map_err(|why| Error::Forbidden(why.to_owned()))?;
    let kind = if deleted_at.is_some() {
        EventKind::TicketDeleted
    } else {
        EventKind::TicketRestored
    };
    Ok(vec![
        rows::set_deleted(ticket.id, ticket.version, deleted_at, call.now()),
        events::append(
            &Subject::Ticket(ticket.id),
            Some(actor.id),
            &Event::public(kind, Vec::new()),
            call.now(),
        ),
    ])
}
