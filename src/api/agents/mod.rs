//! Which agents are there, which categories do they have, and how are they created, changed and deactivated? Agents
//! are the staff to whom tickets are assigned.
//!
//! Not allowed here: who may change which part of an agent (`desk::agent` decides that), and SQL (`store::users`).

pub mod agent_categories;

use crate::api::auth::account::{new_user, read_names};
use crate::api::list::{List, NamedFilters, parse_list_query, resolved_ids, show_resource};
use crate::api::tickets::list::list_page;
use crate::app::call::Call;
use crate::app::call::waiting::MANY_PLACES;
use crate::app::retry::retry;
use crate::desk::agent::{AgentAttribute, authorize_edit};
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::edge::auth::password;
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::{Input, Patch};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::mail::outbox;
use crate::store::tickets::assignment;
use crate::store::tickets::assignment::pool::Free;
use crate::store::tickets::list::filter::TicketFilter;
use crate::store::users::agents::{self as rows, AgentFilter, AgentRow};
use crate::store::users::{self, NewUser, UserPatch};
use crate::store::{categories, sessions};

const NAME: Kind = Kind::Line { min: 0, max: 100 };
const FULL_NAME: Field = Field::optional(
    "full_name",
    Kind::Line { min: 0, max: 200 },
    "Both at once; splits at the first space.",
)
.or(&["name"]);
const DEPARTMENT: Field = Field::nullable(
    "department",
    Kind::Line { min: 1, max: 100 },
    "Where the agent works.",
);
const PHONE: Field = Field::nullable("phone", Kind::Line { min: 1, max: 50 }, "Telephone number.");
const AVAILABLE: Field = Field::optional(
    "is_available",
    Kind::Flag,
    "Takes new tickets at the moment; true by default.",
)
.or(&["available"]);
const MAX_OPEN_TICKETS: Field = Field::optional(
    "max_open_tickets",
    Kind::Integer { min: 0, max: 10_000 },
    "Automatic assignment never goes beyond it; 20 by default.",
)
.or(&["max_tickets"]);
const AT_VERSION: Field = Field::optional(
    "version",
    Kind::Integer {
        min: 1,
        max: i64::MAX,
    },
    "The version that the change was made on.",
);

/// The body of a new agent.
pub const NEW: Shape = Shape {
    name: "NewAgent",
    fields: &[
        Field::required("email", Kind::Email, "The address to log in with."),
        Field::optional(
            "password",
            Kind::Password,
            "Without one, the account is claimed by a password reset.",
        ),
        Field::optional(
            "username",
            Kind::Username,
            "Without one, the local part of the address, made unique.",
        ),
        Field::optional("first_name", NAME, "Given name."),
        Field::optional("last_name", NAME, "Family name."),
        FULL_NAME,
        DEPARTMENT,
        PHONE,
        Field::nullable("avatar_url", Kind::Url, "A picture."),
        AVAILABLE,
        MAX_OPEN_TICKETS,
        Field::optional(
            "categories",
            Kind::Slugs,
            "The agent's categories, by slug, id or uid.",
        )
        .or(&["category_ids"]),
    ],
};

/// The body of an update. Agents can change their own availability and card, admins can change everything.
pub const EDIT: Shape = Shape {
    name: "AgentPatch",
    fields: &[
        AVAILABLE,
        MAX_OPEN_TICKETS,
        Field::optional("categories", Kind::Slugs, "All of the agent's categories.").or(&["category_ids"]),
        Field::optional("email", Kind::Email, "A new address; for admins."),
        Field::optional("username", Kind::Username, "A new username."),
        Field::optional("first_name", NAME, "Given name."),
        Field::optional("last_name", NAME, "Family name."),
        FULL_NAME,
        DEPARTMENT,
        PHONE,
        Field::nullable("avatar_url", Kind::Url, "A picture."),
        Field::optional(
            "is_active",
            Kind::Flag,
            "For admins; false gives the open tickets back to the pool.",
        ),
        AT_VERSION,
    ],
};

/// The body that sets the categories of an agent.
pub const CATEGORIES: Shape = Shape {
    name: "AgentCategories",
    fields: &[
        Field::required(
            "categories",
            Kind::Slugs,
            "All of the agent's categories, by slug, id or uid.",
        )
        .or(&["category_ids"]),
        AT_VERSION,
    ],
};

/// The filters of the list of agents.
pub const LIST: Shape = Shape {
    name: "AgentFilter",
    fields: &[
        Field::optional("is_active", Kind::Flag, "Active or not.").or(&["active"]),
        Field::optional("is_available", Kind::Flag, "Available or not.").or(&["available"]),
        Field::optional("category", Kind::Slug, "Of this category, by slug or id.").or(&["category_id"]),
        Field::optional("q", Kind::Search, "Part of name, username or address.").or(&["search", "keyword"]),
    ],
};

/// Reads the filters of a list of agents from a query.
pub(super) fn read_filter(input: &Input) -> AgentFilter {
    AgentFilter {
        is_active: input.flag("is_active"),
        is_available: input.flag("is_available"),
        category: input.name("category"),
        q: input.text("q"),
    }
}

/// The statement that finds the agent in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&call.reference("id")?))
}

/// `GET /agents`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let filter = read_filter(&input);
    List::new(rows::list(&filter, &page), || rows::count(&filter))
        .filtered(NamedFilters::of(&input))
        .reply(call, &page)
        .await
}

/// `POST /agents`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let wanted = input.rows_json("categories");
    let mut batch = Batch::new();
    let ids = batch.add_optional(wanted.as_deref().map(categories::resolve_active));
    let found = call.read(batch).await?;
    let ids = ids
        .map(|ids| resolved_ids(&found, ids, "categories", "no active category"))
        .transpose()?;
    let hash = match input.text("password") {
        Some(text) => Some(password::hash(&text, &call.app.config.pepper).map_err(Error::Internal)?),
        None => None,
    };
    let user = NewUser {
        avatar_url: input.text("avatar_url"),
        ..new_user(call, &input, Role::Agent, hash)?
    };
    let agent = Ref::Uid(user.uid.clone());
    let mut stmts = users::insert(&user);
    stmts.push(rows::set_profile(
        &agent,
        input.flag("is_available"),
        input.integer("max_open_tickets"),
    ));
    if let Some(ids) = ids {
        stmts.extend(rows::set_categories(&agent, &ids));
    }
    stmts.extend(outbox::invite(&user.uid, call.now()));
    let reply = CommitReply::Created(rows::show(&agent), "/api/v1/agents/".to_owned());
    let reply = call.commit(stmts, reply).await?;
    call.assign_waiting(Free::Agent(agent), MANY_PLACES).await;
    Ok(reply)
}

/// `GET /agents/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(&call.reference("id")?)).await
}

/// `PUT /agents/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let reference = call.reference("id")?;
    retry!(try_update(call, &reference, &input))
}

/// `PUT /agents/{id}/categories`: the agent then has exactly these categories.
pub async fn set_categories(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &CATEGORIES)?;
    let reference = call.reference("id")?;
    retry!(try_update(call, &reference, &input))
}

async fn try_update(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Reply, Error> {
    let wanted = input.rows_json("categories");
    let mut batch = Batch::new();
    let agent = batch.add::<AgentRow>(rows::row(reference));
    let ids = batch.add_optional(wanted.as_deref().map(categories::resolve_active));
    let found = call.read(batch).await?;
    let agent = found.require(agent)?;
    let ids = ids
        .map(|ids| resolved_ids(&found, ids, "categories", "no active category"))
        .transpose()?;
    for part in changed_parts(input) {
        authorize_edit(part, call.my_role()?, agent.id == call.my_id()?)
            .map_err(|why| Error::Forbidden(why.to_owned()))?;
    }
    call.check_version(agent.version, Some(input))?;
    let is_active = input
        .flag("is_active")
        .filter(|active| i64::from(*active) != agent.is_active);
    let (me, now) = (Ref::Id(agent.id), call.now());
    let update = user_patch(input, is_active);
    let mut stmts = outbox::request_changed_verification(agent.id, &update, now);
    stmts.extend(users::update(agent.id, agent.version, &update, now));
    stmts.push(rows::set_profile(
        &me,
        input.flag("is_available"),
        input.integer("max_open_tickets"),
    ));
    if let Some(ids) = ids {
        stmts.extend(rows::set_categories(&me, &ids));
    }
    if is_active == Some(false) {
        stmts.push(sessions::revoke_all(agent.id, now));
        stmts.extend(assignment::unassign_all(agent.id, call.my_id()?, now));
    }
    let reply = call.commit(stmts, CommitReply::Row(rows::show(&me))).await?;
    let free = if is_active == Some(false) {
        Free::Anybody
    } else {
        Free::Agent(me)
    };
    call.assign_waiting(free, MANY_PLACES).await;
    Ok(reply)
}

/// The parts of an agent that a body changes, for the check of permissions.
fn changed_parts(input: &Input) -> Vec<AgentAttribute> {
    let fields = [
        ("is_available", AgentAttribute::Availability),
        ("max_open_tickets", AgentAttribute::Terms),
        ("email", AgentAttribute::Terms),
        ("is_active", AgentAttribute::Terms),
        ("username", AgentAttribute::Card),
        ("first_name", AgentAttribute::Card),
        ("last_name", AgentAttribute::Card),
        ("full_name", AgentAttribute::Card),
        ("department", AgentAttribute::Card),
        ("phone", AgentAttribute::Card),
        ("avatar_url", AgentAttribute::Card),
        ("categories", AgentAttribute::Categories),
    ];
    let given = fields.into_iter().filter(|(name, _)| input.has(name));
    given.map(|(_, part)| part).collect()
}

fn user_patch(input: &Input, is_active: Option<bool>) -> UserPatch {
    let (first_name, last_name) = read_names(input);
    let cleared = |name| match input.patch(name) {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(text) => Some(Some(text)),
    };
    UserPatch {
        email: input.text("email"),
        username: input.text("username"),
        first_name,
        last_name,
        role: None,
        is_active,
        department: cleared("department"),
        phone: cleared("phone"),
        avatar_url: cleared("avatar_url"),
        password_hash: None,
    }
}

/// `DELETE /agents/{id}`: deactivates the account and returns the agent's open tickets to the pool.
pub async fn deactivate(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    retry!(async {
        let agent: AgentRow = call.read_row(rows::row(&reference)).await?;
        call.check_version(agent.version, None)?;
        let mut stmts = Vec::new();
        if agent.is_active == 1 {
            let update = UserPatch {
                is_active: Some(false),
                ..UserPatch::default()
            };
            stmts.extend(users::update(agent.id, agent.version, &update, call.now()));
            stmts.push(sessions::revoke_all(agent.id, call.now()));
            stmts.extend(assignment::unassign_all(agent.id, call.my_id()?, call.now()));
        }
        let reply = call.commit(stmts, CommitReply::Nothing).await?;
        call.assign_waiting(Free::Anybody, MANY_PLACES).await;
        Ok(reply)
    })
}

/// `GET /agents/{id}/tickets`: those of the agent's tickets that the caller may see.
pub async fn list_tickets(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let must = rows::row(&reference);
    list_page(call, Some(TicketFilter::Assignee(reference)), Some(must)).await
}
