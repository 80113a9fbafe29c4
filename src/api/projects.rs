//! Projects, which group tickets and give them keys.

use serde_json::json;

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::app::taken_names;
use crate::desk::id::Ref;
use crate::desk::project::{ProjectStatus, TransitionError, check_transition, parse_ref};
use crate::edge::db::{Batch, Slot, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::projects::{self as rows, NewProject, ProjectFilter, ProjectPatch, ProjectRow, STATUS};
use crate::store::sql::named_row::Named;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::ticket;

const NAME: Kind = Kind::Line { min: 1, max: 100 };
const DESCRIPTION: Kind = Kind::Text { min: 0, max: 10_000 };
const MEMBER_ALIASES: &[&str] = &["member_ids"];
const LEAD_ALIASES: &[&str] = &["lead_id"];

/// The body of a new project.
pub const NEW: Shape = Shape {
    name: "NewProject",
    fields: &[
        Field::required(
            "key",
            Kind::ProjectKey,
            "2 to 10 letters and digits, a letter first; not TICK. Never changes.",
        ),
        Field::required("name", NAME, "What it is called."),
        Field::optional("description", DESCRIPTION, "What it is about."),
        Field::nullable("lead", Kind::ReferenceOr(&["me"]), "Who leads it; of the staff.").or(LEAD_ALIASES),
        Field::optional("members", Kind::References, "Who belongs to it.").or(MEMBER_ALIASES),
    ],
};

/// The body of an update of a project.
pub const EDIT: Shape = Shape {
    name: "ProjectPatch",
    fields: &[
        Field::optional("key", Kind::ProjectKey, "As it is: a key never changes."),
        Field::optional("name", NAME, "What it is called."),
        Field::optional("description", DESCRIPTION, "What it is about."),
        Field::optional("status", Kind::Choice(&STATUS), "A legal next status."),
        Field::nullable("lead", Kind::ReferenceOr(&["me"]), "Who leads it; of the staff.").or(LEAD_ALIASES),
        Field::optional("members", Kind::References, "Who belongs to it, all anew.").or(MEMBER_ALIASES),
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

/// The filters of the list of projects.
pub const LIST: Shape = Shape {
    name: "ProjectFilter",
    fields: &[
        Field::optional("status", Kind::Choice(&STATUS), "Of this status."),
        Field::optional("mine", Kind::Flag, "For staff: those that I lead or belong to."),
        Field::optional("q", Kind::Search, "Part of name or key.").or(&["search", "keyword"]),
    ],
};

/// The project in the path, by id, uid or key.
pub(super) fn project_in_path(call: &Call) -> Result<Ref, Error> {
    parse_ref(call.param("id")).ok_or(Error::NotFound)
}

/// The statement that finds the project in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&project_in_path(call)?))
}

fn is_staff(call: &Call) -> Result<bool, Error> {
    Ok(call.my_role()?.is_staff())
}

/// `GET /projects`: customers only see the active ones, and not the people in them.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let is_staff = is_staff(call)?;
    let filter = ProjectFilter {
        status: input.choice("status"),
        person: match input.flag("mine") {
            Some(true) if is_staff => Some(call.my_id()?),
            _ => None,
        },
        q: input.text("q"),
    };
    List::new(rows::list(is_staff, &filter, &page), || {
        rows::count(is_staff, &filter)
    })
    .reply(call, &page)
    .await
}

/// `GET /projects/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show(is_staff(call)?, &project_in_path(call)?)).await
}

/// `POST /projects`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let mut batch = Batch::new();
    let people = find_people(call, &input, &mut batch)?;
    let found = call.read(batch).await?;
    let uid = call.uid()?;
    let new = NewProject {
        uid: &uid,
        key: &input.required("key"),
        name: &input.required("name"),
        description: &input.text("description").unwrap_or_default(),
        lead_id: read_lead(&input, found.first(people.lead)?)?.flatten(),
        members: &read_members(&input, found.all(people.members)?)?.unwrap_or_else(|| "[]".to_owned()),
        now: call.now(),
    };
    let view = rows::show(true, &Ref::Uid(uid.clone()));
    let answer = CommitReply::Created(view, "/api/v1/projects/".to_owned());
    taken_names::commit(
        call,
        rows::insert(&new).to_vec(),
        answer,
        (Named::Project, Some(new.key)),
    )
    .await
}

/// The slots of the people that a body refers to.
struct PeopleSlots {
    lead: Slot<IdRow>,
    members: Slot<IdRow>,
}

fn find_people(call: &Call, input: &Input, batch: &mut Batch) -> Result<PeopleSlots, Error> {
    let lead = match input.reference("lead") {
        Some(reference) => reference.clone(),
        None => Ref::Id(call.my_id()?),
    };
    let list = input.rows_json("members").unwrap_or_else(|| "[]".to_owned());
    Ok(PeopleSlots {
        lead: batch.add(ticket::find_assignable(&lead)),
        members: batch.add(rows::list_active_users(&list)),
    })
}

fn read_lead(input: &Input, found: Option<IdRow>) -> Result<Option<Option<i64>>, Error> {
    if input.is_null("lead") {
        return Ok(Some(None));
    }
    if !input.has("lead") {
        return Ok(None);
    }
    let lead = found.ok_or_else(|| Error::field("lead", "is no active agent"))?;
    Ok(Some(Some(lead.id)))
}

/// The members that the input asks for, as a JSON list of their ids; None if it has no members.
fn read_members(input: &Input, found: Vec<IdRow>) -> Result<Option<String>, Error> {
    let Some(asked) = input.rows_json("members") else {
        return Ok(None);
    };
    let asked: Vec<serde_json::Value> = serde_json::from_str(&asked).unwrap_or_default();
    if found.len() < asked.len() {
        let message = "must be active users, each once";
        return Err(Error::field("members", message));
    }
    let ids: Vec<i64> = found.into_iter().map(|row| row.id).collect();
    Ok(Some(json!(ids).to_string()))
}

/// `PUT /projects/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = project_in_path(call)?;
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(try_update(call, &reference, &input))
}

async fn try_update(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Reply, Error> {
    let mut batch = Batch::new();
    let project = batch.add::<ProjectRow>(rows::row(reference));
    let people = find_people(call, input, &mut batch)?;
    let found = call.read(batch).await?;
    let project = found.require(project)?;
    if input.text("key").is_some_and(|key| key != project.key) {
        return Err(Error::field(
            "key",
            "cannot change: the keys of tickets begin with it",
        ));
    }
    let update = ProjectPatch {
        name: input.text("name"),
        description: input.text("description"),
        status: input
            .choice("status")
            .and_then(ProjectStatus::parse)
            .filter(|status| *status != project.status()),
        lead_id: read_lead(input, found.first(people.lead)?)?,
        members: read_members(input, found.all(people.members)?)?,
    };
    call.check_version(project.version, Some(input))?;
    let stmts = update_stmts(call, &project, &update)?;
    call.commit(stmts, CommitReply::Row(rows::show(true, &Ref::Id(project.id))))
        .await
}

fn update_stmts(call: &Call, project: &ProjectRow, update: &ProjectPatch) -> Result<Vec<Stmt>, Error> {
    if let Some(to) = update.status {
        check_transition(project.status(), to, project.open)?;
    }
    Ok(rows::update(project.id, project.version, update, call.now()))
}

/// `DELETE /projects/{id}`: archives the project. Its tickets stay in it.
pub async fn archive(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = project_in_path(call)?;
    retry!(async {
        let project: ProjectRow = call.read_row(rows::row(&reference)).await?;
        call.check_version(project.version, None)?;
        let update = ProjectPatch {
            status: Some(ProjectStatus::Archived),
            ..ProjectPatch::default()
        };
        let stmts = if project.status() == ProjectStatus::Archived {
            Vec::new()
        } else {
            update_stmts(call, &project, &update)?
        };
        call.commit(stmts, CommitReply::Nothing).await
    })
}

impl From<TransitionError> for Error {
    fn from(refusal: TransitionError) -> Error {
        match refusal {
            TransitionError::Transition { from, to } => Error::InvalidTransition {
                from: from.as_str(),
                to: to.as_str(),
                allowed: from.next().iter().map(|status| status.as_str()).collect(),
            },
            TransitionError::OpenTickets(number) => Error::Conflict {
                message: format!("{number} of its tickets are still open; resolve, close or move them first"),
                details: json!({"open_tickets": number}),
            },
        }
    }
}
