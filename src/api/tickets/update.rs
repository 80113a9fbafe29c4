//! Changing a ticket: fields, status, priority, assignee; deleting and restoring it.

use std::cell::Cell;

use crate::api::tickets::fields::{ASSIGNEE, AT_VERSION, DESCRIPTION, TITLE};
use crate::api::tickets::list::require_ticket;
use crate::api::tickets::references::{
    find_assignee, find_category, find_project, find_subcategory, names_assignee, push_stmt, read_assignee,
    read_category, read_project, read_subcategory,
};
use crate::app::automation;
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::{Person, Refusal, Ticket, TicketEdit};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::{Input, Patch};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::automation::ticket_context;
use crate::store::commit::CommitReply;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::write::story::Story;
use crate::store::tickets::{assignment, write};

/// The body of an update.
pub const EDIT: Shape = Shape {
    name: "TicketPatch",
    fields: &[
        Field::optional("title", TITLE, "What it is about.").or(&["subject"]),
        Field::optional("description", DESCRIPTION, "The whole story.").or(&["initial_description"]),
        Field::optional("status", Kind::Choice(&choices::STATUS), "A legal next status."),
        Field::optional("priority", Kind::Choice(&choices::PRIORITY), "For staff."),
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
            Kind::Choice(&choices::WORKFLOW),
            "For staff: one that has the current status.",
        ),
        AT_VERSION,
    ],
};

/// The body of a change of status.
pub const STATUS: Shape = Shape {
    name: "StatusChange",
    fields: &[
        Field::required("status", Kind::Choice(&choices::STATUS), "A legal next status."),
        AT_VERSION,
    ],
};

/// The body of a change of priority.
pub const PRIORITY: Shape = Shape {
    name: "PriorityChange",
    fields: &[
        Field::required("priority", Kind::Choice(&choices::PRIORITY), "The new priority."),
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
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(try_change(call, &input, &|_, _| None))
}

/// `PUT /tickets/{id}/status`.
pub async fn set_status(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &STATUS)?;
    retry!(try_change(call, &input, &|_, _| None))
}

/// `PUT /tickets/{id}/priority`.
pub async fn set_priority(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &PRIORITY)?;
    retry!(try_change(call, &input, &|_, _| None))
}

/// `PUT` and `POST /tickets/{id}/assign`: to somebody, to nobody, or to the caller.
pub async fn assign(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &ASSIGN)?;
    let takes = |call: &Call, input: &Input| {
        let takes = !input.has("assignee");
        let me = takes.then(|| call.actor().ok()).flatten()?;
        Some(TicketEdit {
            assignee: Some(Some(Person {
                id: me.id,
                card: me.card,
            })),
            ..TicketEdit::default()
        })
    };
    let lost = Cell::new(false);
    let outcome = retry!(async {
        let outcome = try_change(call, &input, &takes).await;
        lost.set(lost.get() || matches!(outcome, Err(Error::VersionConflict)));
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
    let input = input::parse_optional_body(call.request, &VERSION)?;
    retry!(try_change(call, &input, &|_, _| Some(TicketEdit {
        status: Some(Status::Closed),
        ..TicketEdit::default()
    })))
}

/// `POST /tickets/{id}/reopen`.
pub async fn reopen(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &VERSION)?;
    retry!(try_change(call, &input, &|_, _| Some(TicketEdit {
        status: Some(REOPEN),
        ..TicketEdit::default()
    })))
}

/// Stands for whatever status reopens the ticket at hand.
pub const REOPEN: Status = Status::Reopened;

/// One attempt at a change: reads the ticket with all it needs, lets `decide` decide, keeps it.
pub async fn try_change(
    call: &Call<'_>,
    input: &Input,
    special: &dyn Fn(&Call, &Input) -> Option<TicketEdit>,
) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let reader = viewer(call)?;
    let mut stmts = vec![ticket::row(&reader, &reference)];
    let category_at = find_category(input).map(|stmt| push_stmt(&mut stmts, stmt));
    let subcategory_at = find_subcategory(input).map(|stmt| push_stmt(&mut stmts, stmt));
    let assignee_at = find_assignee(input, call.my_id()?)?.map(|stmt| push_stmt(&mut stmts, stmt));
    let project_at = find_project(input)?.map(|stmt| push_stmt(&mut stmts, stmt));
    let around_at = automation::needs_context(call)
        .then(|| push_stmt(&mut stmts, ticket_context::show(&reader, &reference)));
    let found = call.read(stmts).await?;
    let ticket = require_ticket(found.first())?;
    if !call.my_role()?.is_staff() && names_assignee(input) {
        // Before anything is said of whom they named: customers are not told who works for the desk.
        return Err(Error::Forbidden("tickets are assigned by staff".to_owned()));
    }
    let mut edit = match special(call, input) {
        Some(edit) => edit,
        None => TicketEdit {
            title: input.text("title"),
            description: input.text("description"),
            priority: input.choice("priority").and_then(Priority::parse),
            category: match category_at {
                Some(at) => Some(Some(read_category(found.get(at))?)),
                None => input.is_null("category").then_some(None),
            },
            subcategory: match subcategory_at {
                Some(at) => Some(Some(read_subcategory(found.get(at))?)),
                None => input.is_null("subcategory").then_some(None),
            },
            department: match input.patch("department") {
                Patch::Keep => None,
                Patch::Clear => Some(None),
                Patch::Set(name) => Some(Some(name)),
            },
            project: match project_at {
                Some(at) => Some(Some(read_project(found.get(at))?)),
                None => input.is_null("project").then_some(None),
            },
            tags: input.tags("tags"),
            workflow: input.choice("workflow").and_then(Lifecycle::parse),
            assignee: match assignee_at {
                Some(at) => Some(Some(read_assignee(found.get(at))?)),
                None => input.is_null("assignee").then_some(None),
            },
            status: input.choice("status").and_then(Status::parse),
        },
    };
    if edit.status == Some(REOPEN) && !input.has("status") {
        let to = ticket.workflow.reopen_status();
        if !ticket.status.is_done() && ticket.status != to {
            let allowed = ticket.transitions(call.my_role()?, &call.ticket_settings(), call.now());
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
    let change = decide(&ticket, &edit, &actor, &call.ticket_settings(), call.now());
    // A refusal by relation is told before a stale version, a conflict of the lifecycle after it.
    if let Err(Refusal::Forbidden(message)) = &change {
        return Err(Error::Forbidden(message.clone()));
    }
    call.check_version(ticket.version, Some(input))?;
    let change = change?;
    let mut stmts = Vec::new();
    if let Some(event) = &change.event {
        stmts.extend(write::renumber(&ticket, &change.ticket));
        let subject = EventSubject::Ticket(ticket.id);
        let around = around_at.and_then(|at| found.get(at));
        let followed = automation::apply_rules_to_change(call, (&ticket, &change.ticket), around)?;
        let mut story = Story::new(&subject);
        story.push_event(&subject, Some(actor.id), event, call.now());
        story.append(followed.story);
        stmts.extend(write::change(&ticket, &followed.ticket, story, call.now()));
    }
    call.commit(
        stmts,
        CommitReply::Row(ticket::show_own_change(&reader, &Ref::Id(ticket.id))),
    )
    .await
}

/// `DELETE /tickets/{id}`: the ticket is hidden from everybody, and can be restored.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let found = call
            .read(vec![ticket::row(&viewer(call)?, &call.reference("id")?)])
            .await?;
        let ticket = require_ticket(found.first())?;
        call.check_version(ticket.version, None)?;
        call.commit(
            deletion_stmts(call, &ticket, Some(call.now()))?,
            CommitReply::Nothing,
        )
        .await
    })
}

/// `POST /tickets/{id}/restore`.
pub async fn restore(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let reader = viewer(call)?;
        let found = call
            .read(vec![ticket::row_with_deleted(&reader, &call.reference("id")?)])
            .await?;
        let row: TicketRow = match found.first() {
            Some(rows) => rows.first()?.ok_or(Error::NotFound)?,
            None => return Err(Error::NotFound),
        };
        let ticket = row.ticket();
        call.check_version(ticket.version, None)?;
        let mut stmts = Vec::new();
        if row.is_deleted() {
            stmts.extend(deletion_stmts(call, &ticket, None)?);
            stmts.extend(assignment::unassign_inactive(
                ticket.id,
                call.my_id()?,
                call.now(),
            ));
        }
        call.commit(
            stmts,
            CommitReply::Row(ticket::show_own_change(&reader, &Ref::Id(ticket.id))),
        )
        .await
    })
}

fn deletion_stmts(call: &Call, ticket: &Ticket, deleted_at: Option<i64>) -> Result<Vec<Stmt>, Error> {
    let actor = call.actor()?;
    policy::authorize(Act::Delete, actor.role, ticket.relation(&actor))
        .map_err(|why| Error::Forbidden(why.to_owned()))?;
    let kind = if deleted_at.is_some() {
        EventKind::TicketDeleted
    } else {
        EventKind::TicketRestored
    };
    let subject = EventSubject::Ticket(ticket.id);
    let mut story = Story::new(&subject);
    story.push_event(
        &subject,
        Some(actor.id),
        &Event::public(kind, Vec::new()),
        call.now(),
    );
    Ok(write::set_deleted(ticket, deleted_at, story, call.now()))
}
