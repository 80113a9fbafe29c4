//! Changing a ticket: fields, status, priority, assignee; deleting and restoring it.

use std::cell::Cell;

use crate::api::tickets::fields::{ASSIGNEE, AT_VERSION, DESCRIPTION, TITLE};
use crate::api::tickets::list::ticket;
use crate::api::tickets::references::{
    assignee, category, names_assignee, project, push, subcategory, wants_assignee, wants_category,
    wants_project, wants_subcategory,
};
use crate::app::automation;
use crate::app::call::{Call, reader};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Status, Workflow};
use crate::desk::tickets::ticket::{Edit, Person, Refusal, Ticket};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::{Patch, Taken};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, words};
use crate::store::automation::ticket_context;
use crate::store::commit::Answer;
use crate::store::tickets::subject::Subject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::{assignment, events};

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

/// `PUT /tickets/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &EDIT)?;
    retry!(change(call, &taken, &|_, _| None))
}

/// `PUT /tickets/{id}/status`.
pub async fn set_status(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &STATUS)?;
    retry!(change(call, &taken, &|_, _| None))
}

/// `PUT /tickets/{id}/priority`.
pub async fn set_priority(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &PRIORITY)?;
    retry!(change(call, &taken, &|_, _| None))
}

/// `PUT` and `POST /tickets/{id}/assign`: to somebody, to nobody, or to the caller.
pub async fn assign(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body_or_nothing(call.request, &ASSIGN)?;
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
    let taken = input::body_or_nothing(call.request, &VERSION)?;
    retry!(change(call, &taken, &|_, _| Some(Edit {
        status: Some(Status::Closed),
        ..Edit::default()
    })))
}

/// `POST /tickets/{id}/reopen`.
pub async fn reopen(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body_or_nothing(call.request, &VERSION)?;
    retry!(change(call, &taken, &|_, _| Some(Edit {
        status: Some(REOPEN),
        ..Edit::default()
    })))
}

/// Stands for whatever status reopens the ticket at hand.
pub const REOPEN: Status = Status::Reopened;

/// One attempt at a change: reads the ticket with all it needs, lets `decide` decide, keeps it.
pub async fn change(
    call: &Call<'_>,
    taken: &Taken,
    special: &dyn Fn(&Call, &Taken) -> Option<Edit>,
) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let reader = reader(call)?;
    let mut stmts = vec![ticket::row(&reader, &reference)];
    let category_at = wants_category(taken).map(|stmt| push(&mut stmts, stmt));
    let subcategory_at = wants_subcategory(taken).map(|stmt| push(&mut stmts, stmt));
    let assignee_at = wants_assignee(taken, call.my_id()?)?.map(|stmt| push(&mut stmts, stmt));
    let project_at = wants_project(taken)?.map(|stmt| push(&mut stmts, stmt));
    let around_at =
        automation::asks(call).then(|| push(&mut stmts, ticket_context::show(&reader, &reference)));
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
        stmts.extend(crate::store::tickets::write::next_key(&ticket, &change.ticket));
        let subject = Subject::Ticket(ticket.id);
        let around = around_at.and_then(|at| found.get(at));
        let followed = automation::follow_change(call, (&ticket, &change.ticket), around)?;
        stmts.push(crate::store::tickets::write::update(
            &ticket,
            &followed.ticket,
            call.now(),
        ));
        stmts.push(events::append(&subject, Some(actor.id), event, call.now()));
        stmts.extend(followed.stmts);
    }
    call.commit(
        stmts,
        Answer::Row(ticket::show_own_change(&reader, &Ref::Id(ticket.id))),
    )
    .await
}

/// `DELETE /tickets/{id}`: the ticket is hidden from everybody, and can be restored.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let found = call
            .read(vec![ticket::row(&reader(call)?, &call.reference("id")?)])
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
            .read(vec![ticket::row_with_deleted(&reader, &call.reference("id")?)])
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
            Answer::Row(ticket::show_own_change(&reader, &Ref::Id(ticket.id))),
        )
        .await
    })
}

pub fn deletion(call: &Call, ticket: &Ticket, deleted_at: Option<i64>) -> Result<Vec<Stmt>, Error> {
    let actor = call.actor()?;
    policy::allow(Act::Delete, actor.role, ticket.relation(&actor))
        .map_err(|why| Error::Forbidden(why.to_owned()))?;
    let kind = if deleted_at.is_some() {
        EventKind::TicketDeleted
    } else {
        EventKind::TicketRestored
    };
    Ok(vec![
        ticket::set_deleted(ticket.id, ticket.version, deleted_at, call.now()),
        events::append(
            &Subject::Ticket(ticket.id),
            Some(actor.id),
            &Event::public(kind, Vec::new()),
            call.now(),
        ),
    ])
}
