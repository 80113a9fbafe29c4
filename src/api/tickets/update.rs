//! Changing a ticket: its fields, status, priority and assignee; deleting and restoring it.

use std::cell::Cell;

use crate::api::tickets::bulk::cascade;
use crate::api::tickets::edit::{Edited, deletion_stmts, read_edit, require_permission, write_change};
use crate::api::tickets::fields::{ASSIGNEE, AT_VERSION, CUSTOM_FIELDS, DESCRIPTION, TITLE};
use crate::api::tickets::references::{ReferenceSlots, names_assignee};
use crate::app::automation;
use crate::app::call::waiting::ONE_PLACE;
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::{Person, Refusal, Ticket, TicketEdit};
use crate::edge::db::{Batch, Rows};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::automation::ticket_context;
use crate::store::commit::CommitReply;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::assignment::pool::{self, Free};
use crate::store::tickets::ticket::{self, TicketRow};

/// The body of an update of a ticket.
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
        CUSTOM_FIELDS,
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

/// The body of an assignment. Without `assignee`, the ticket is assigned to the caller.
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

/// The body of an action that needs no other input: only the version, which is optional.
pub const VERSION: Shape = Shape {
    name: "AtVersion",
    fields: &[AT_VERSION],
};

/// The body of closing a ticket.
pub const CLOSE: Shape = Shape {
    name: "Closing",
    fields: &[
        Field::optional(
            "cascade",
            Kind::Flag,
            "Also close the tickets that hang on this one: its open children, those that it blocks, and so on.",
        ),
        Field::optional(
            "dry_run",
            Kind::Flag,
            "Only list this ticket and those that hang on it, and say what would become of each.",
        ),
        AT_VERSION,
    ],
};

/// `PUT /tickets/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(try_change(call, &input, &TicketAction::Edit))
}

/// `PUT /tickets/{id}/status`.
pub async fn set_status(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &STATUS)?;
    retry!(try_change(call, &input, &TicketAction::Edit))
}

/// `PUT /tickets/{id}/priority`.
pub async fn set_priority(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &PRIORITY)?;
    retry!(try_change(call, &input, &TicketAction::Edit))
}

/// `PUT` and `POST /tickets/{id}/assign`: to somebody, to nobody, or to the caller.
pub async fn assign(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &ASSIGN)?;
    let action = if input.has("assignee") {
        TicketAction::Edit
    } else {
        TicketAction::Take
    };
    let lost = Cell::new(false);
    let outcome = retry!(async {
        let outcome = try_change(call, &input, &action).await;
        lost.set(lost.get() || matches!(outcome, Err(Error::VersionConflict)));
        outcome
    });
    match outcome {
        // An earlier attempt saw the ticket. Somebody else took it first, and now the caller cannot see it any more.
        Err(Error::NotFound) if lost.get() => {
            Err(Error::conflict("somebody else has just taken this ticket"))
        }
        outcome => outcome,
    }
}

/// `PUT` and `POST /tickets/{id}/close`.
pub async fn close(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &CLOSE)?;
    let is_set = |name| input.flag(name) == Some(true);
    if is_set("cascade") || is_set("dry_run") {
        return cascade::close(call, &input).await;
    }
    retry!(try_change(call, &input, &TicketAction::Close))
}

/// `POST /tickets/{id}/reopen`.
pub async fn reopen(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &VERSION)?;
    retry!(try_change(call, &input, &TicketAction::Reopen))
}

/// What is done to a ticket.
enum TicketAction {
    /// Change what the body says.
    Edit,
    /// Assign it to the caller.
    Take,
    Close,
    /// Set the status to which the ticket's lifecycle returns a finished ticket.
    Reopen,
}

/// One attempt at a change: reads the ticket and what the input refers to, calls `decide`, commits.
async fn try_change(call: &Call<'_>, input: &Input, action: &TicketAction) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let reader = viewer(call)?;
    let mut batch = Batch::new();
    let ticket = batch.add::<TicketRow>(ticket::row(&reader, &reference));
    let references = ReferenceSlots::find(input, call.my_id()?, &mut batch)?;
    let context = automation::needs_context(call).then(|| ticket_context::show(&reader, &reference));
    let context = batch.add_optional::<Rows>(context);
    let frees = !matches!(action, TicketAction::Edit) || input.has("status") || input.has("assignee");
    let waiting = frees.then(|| pool::may_follow(&reference));
    let waiting = batch.add_optional::<IdRow>(waiting);
    let found = call.read(batch).await?;
    let ticket = found.require(ticket)?.ticket();
    let waiting_for = found.first_if(waiting)?;
    if !call.my_role()?.is_staff() && names_assignee(input) {
        // This comes before the check of the assignee: customers must not find out who is an agent.
        return Err(Error::Forbidden("tickets are assigned by staff".to_owned()));
    }
    let actor = call.actor()?;
    let edit = match action {
        TicketAction::Take => TicketEdit {
            assignee: Some(Some(Person {
                id: actor.id,
                card: actor.card.clone(),
            })),
            ..TicketEdit::default()
        },
        TicketAction::Close => TicketEdit {
            status: Some(Status::Closed),
            ..TicketEdit::default()
        },
        TicketAction::Reopen => TicketEdit {
            status: Some(reopen_status(call, &ticket)?),
            ..TicketEdit::default()
        },
        TicketAction::Edit => read_edit(input, &references, &found)?,
    };
    let change = decide(&ticket, &edit, &actor, &call.ticket_settings(), call.now());
    require_permission(&change)?;
    call.check_version(ticket.version, Some(input))?;
    let change = change?;
    let frees = change.ticket.status.is_done() || change.ticket.assignee != ticket.assignee;
    let context = ticket_context::read(found.rows_if(context)?)?;
    let leaves = input.is_null("assignee");
    let Edited { stmts, .. } = write_change(call, &ticket, change, &context, leaves)?;
    let reply = call
        .commit(
            stmts,
            CommitReply::Row(ticket::show_own_change(&reader, &Ref::Id(ticket.id))),
        )
        .await?;
    if let Some(agent) = waiting_for.filter(|_| frees) {
        call.assign_waiting(Free::Agent(Ref::Id(agent.id)), ONE_PLACE)
            .await;
    }
    Ok(reply)
}

/// The status that reopens a ticket. Refused if the ticket is not done, unless it has that status already.
fn reopen_status(call: &Call, ticket: &Ticket) -> Result<Status, Error> {
    let to = ticket.workflow.reopen_status();
    if ticket.status.is_done() || ticket.status == to {
        return Ok(to);
    }
    Err(Refusal::Transition {
        from: ticket.status,
        to,
        allowed: ticket.transitions(call.my_role()?, &call.ticket_settings(), call.now()),
    }
    .into())
}

/// `DELETE /tickets/{id}`: hides the ticket from everybody. It can be restored.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row: TicketRow = call
            .read_row(ticket::row(&viewer(call)?, &call.reference("id")?))
            .await?;
        let ticket = row.ticket();
        call.check_version(ticket.version, None)?;
        let stmts = deletion_stmts(call, &ticket, Some(call.now()))?;
        let reply = call.commit(stmts, CommitReply::Nothing).await?;
        if let Some(agent) = &ticket.assignee {
            call.assign_waiting(Free::Agent(Ref::Id(agent.id)), ONE_PLACE)
                .await;
        }
        Ok(reply)
    })
}

/// `POST /tickets/{id}/restore`.
pub async fn restore(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let reader = viewer(call)?;
        let row: TicketRow = call
            .read_row(ticket::row_with_deleted(&reader, &call.reference("id")?))
            .await?;
        let ticket = row.ticket();
        call.check_version(ticket.version, None)?;
        let mut stmts = Vec::new();
        if row.is_deleted() {
            stmts.extend(deletion_stmts(call, &ticket, None)?);
            stmts.extend(pool::wake(ticket.id, call.now()));
        }
        call.commit(
            stmts,
            CommitReply::Row(ticket::show_own_change(&reader, &Ref::Id(ticket.id))),
        )
        .await
    })
}
