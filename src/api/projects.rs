//! Projects.

use serde_json::json;

use crate::api::list::{listed, one, row};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::project::{Refusal, Status, enter, reference};
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::Answer;
use crate::store::projects::{self as rows, Filter, NewProject, ProjectRow, STATUS, Update};
use crate::store::rows::Id;
use crate::store::tickets::ticket;

const NAME: Kind = Kind::Line { min: 1, max: 100 };
const DESCRIPTION: Kind = Kind::Text { min: 0, max: 10_000 };
const MEMBERS: &[&str] = &["member_ids"];
const LEAD: &[&str] = &["lead_id"];

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
        Field::nullable("lead", Kind::ReferenceOr(&["me"]), "Who leads it; of the staff.").or(LEAD),
        Field::optional("members", Kind::References, "Who belongs to it.").or(MEMBERS),
    ],
};

/// The body of an update.
pub const EDIT: Shape = Shape {
    name: "ProjectPatch",
    fields: &[
        Field::optional("key", Kind::ProjectKey, "As it is: a key never changes."),
        Field::optional("name", NAME, "What it is called."),
        Field::optional("description", DESCRIPTION, "What it is about."),
        Field::optional("status", Kind::Word(&STATUS), "A legal next status."),
        Field::nullable("lead", Kind::ReferenceOr(&["me"]), "Who leads it; of the staff.").or(LEAD),
        Field::optional("members", Kind::References, "Who belongs to it, all anew.").or(MEMBERS),
        Field::optional(
            "version",
            Kind::Whole {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The filters of a list of projects.
pub const LIST: Shape = Shape {
    name: "ProjectFilter",
    fields: &[
        Field::optional("status", Kind::Word(&STATUS), "Of this status."),
        Field::optional("mine", Kind::Flag, "For staff: those that I lead or belong to."),
        Field::optional("q", Kind::Search, "Part of name or key.").or(&["search", "keyword"]),
    ],
};

/// The project in the path, by id, uid or key.
pub(super) fn named(call: &Call) -> Result<Ref, Error> {
    reference(call.param("id")).ok_or(Error::NotFound)
}

/// Finds the project in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&named(call)?))
}

fn is_staff(call: &Call) -> Result<bool, Error> {
    Ok(call.my_role()?.is_staff())
}

/// `GET /projects`: customers see the active ones, without people.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &LIST])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let is_staff = is_staff(call)?;
    let filter = Filter {
        status: taken.word("status"),
        person: match taken.flag("mine") {
            Some(true) if is_staff => Some(call.my_id()?),
            _ => None,
        },
        q: taken.text("q"),
    };
    let mut stmts = vec![rows::list(is_staff, &filter, &page)];
    stmts.extend(page.count.then(|| rows::count(is_staff, &filter)));
    let found = call.read(stmts).await?;
    let rows = found.first().ok_or(Error::NotFound)?;
    listed(call, &page, rows, None, found.get(1))
}

/// `GET /projects/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call
        .read(vec![rows::show(is_staff(call)?, &named(call)?)])
        .await?;
    one(found.first())
}

/// `POST /projects`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    let found = call.read(people(call, &taken)?).await?;
    let uid = call.uid()?;
    let new = NewProject {
        uid: &uid,
        key: &taken.required("key"),
        name: &taken.required("name"),
        description: &taken.text("description").unwrap_or_default(),
        lead_id: lead(&taken, found.first())?.flatten(),
        members: &members(&taken, found.get(1))?.unwrap_or_else(|| "[]".to_owned()),
        now: call.now(),
    };
    let view = rows::show(true, &Ref::Uid(uid.clone()));
    call.commit(
        rows::insert(&new).to_vec(),
        Answer::Created(view, "/api/v1/projects/".to_owned()),
    )
    .await
}

/// Finds the people that a body names: lead, members.
fn people(call: &Call, taken: &Taken) -> Result<Vec<Stmt>, Error> {
    let lead = match taken.reference("lead") {
        Some(reference) => reference.clone(),
        None => Ref::Id(call.my_id()?),
    };
    let list = taken.rows("members").unwrap_or_else(|| "[]".to_owned());
    Ok(vec![ticket::assignable(&lead), rows::people_of(&list)])
}

fn lead(taken: &Taken, found: Option<&Rows>) -> Result<Option<Option<i64>>, Error> {
    if taken.is_null("lead") {
        return Ok(Some(None));
    }
    if !taken.has("lead") {
        return Ok(None);
    }
    let id: Option<Id> = match found {
        Some(rows) => rows.first()?,
        None => None,
    };
    let id = id.ok_or_else(|| Error::field("lead", "is no active agent"))?;
    Ok(Some(Some(id.id)))
}

/// The members that were asked for, as a JSON list of their ids.
fn members(taken: &Taken, found: Option<&Rows>) -> Result<Option<String>, Error> {
    let Some(asked) = taken.rows("members") else {
        return Ok(None);
    };
    let found: Vec<Id> = match found {
        Some(rows) => rows.all()?,
        None => Vec::new(),
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
    let reference = named(call)?;
    let taken = input::body(call.request, &EDIT)?;
    retry!(change(call, &reference, &taken))
}

async fn change(call: &Call<'_>, reference: &Ref, taken: &Taken) -> Result<Reply, Error> {
    let mut stmts = vec![rows::row(reference)];
    stmts.extend(people(call, taken)?);
    let found = call.read(stmts).await?;
    let project: ProjectRow = row(found.first())?;
    if taken.text("key").is_some_and(|key| key != project.key) {
        return Err(Error::field(
            "key",
            "cannot change: the keys of tickets begin with it",
        ));
    }
    let update = Update {
        name: taken.text("name"),
        description: taken.text("description"),
        status: taken
            .word("status")
            .and_then(Status::parse)
            .filter(|status| *status != project.status()),
        lead_id: lead(taken, found.get(1))?,
        members: members(taken, found.get(2))?,
    };
    call.guard(project.version, Some(taken))?;
    let stmts = write(call, &project, &update)?;
    call.commit(stmts, Answer::Row(rows::show(true, &Ref::Id(project.id))))
        .await
}

fn write(call: &Call, project: &ProjectRow, update: &Update) -> Result<Vec<Stmt>, Error> {
    if let Some(to) = update.status {
        enter(project.status(), to, project.open)?;
    }
    Ok(rows::update(project.id, project.version, update, call.now()))
}

/// `DELETE /projects/{id}`: the project is archived, its tickets stay.
pub async fn archive(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = named(call)?;
    retry!(async {
        let found = call.read(vec![rows::row(&reference)]).await?;
        let project: ProjectRow = row(found.first())?;
        call.guard(project.version, None)?;
        let update = Update {
            status: Some(Status::Archived),
            ..Update::default()
        };
        let stmts = if project.status() == Status::Archived {
            Vec::new()
        } else {
            write(call, &project, &update)?
        };
        call.commit(stmts, Answer::Nothing).await
    })
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Transition { from, to } => Error::InvalidTransition {
                from: from.word(),
                to: to.word(),
                allowed: from.next().iter().map(|status| status.word()).collect(),
            },
            Refusal::OpenTickets(number) => Error::Conflict {
                message: format!("{number} of its tickets are still open; resolve, close or move them first"),
                details: json!({"open_tickets": number}),
            },
        }
    }
}
