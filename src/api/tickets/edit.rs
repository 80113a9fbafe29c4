//! What an edit, and a message beside it, do to a ticket: decided, with what rules do because of it, as the statements of
//! a batch. One ticket and many at once are changed by it alike.

use crate::api::tickets::fields::custom_values;
use crate::api::tickets::references::ReferenceSlots;
use crate::app::automation::{self, Engine};
use crate::app::call::Call;
use crate::app::post_message::{MessageDraft, Posted, decide_message};
use crate::desk::automation::executor::TicketContext;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::{Change, Refusal, Ticket, TicketEdit};
use crate::edge::db::{Answers, Stmt};
use crate::http::error::Error;
use crate::http::input_values::{Input, Patch};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write;
use crate::store::tickets::write::story::Story;

/// The edit that a body asks for, with what it refers to.
pub(super) fn read_edit(
    input: &Input,
    references: &ReferenceSlots,
    found: &Answers,
) -> Result<TicketEdit, Error> {
    Ok(TicketEdit {
        title: input.text("title"),
        description: input.text("description"),
        priority: input.choice("priority").and_then(Priority::parse),
        category: set_or_clear(input, "category", references.category(found)?),
        subcategory: set_or_clear(input, "subcategory", references.subcategory(found)?),
        department: match input.patch("department") {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(name) => Some(Some(name)),
        },
        project: set_or_clear(input, "project", references.project(found)?),
        tags: input.tags("tags"),
        custom_fields: custom_values(input),
        workflow: input.choice("workflow").and_then(Lifecycle::parse),
        assignee: set_or_clear(input, "assignee", references.assignee(found)?),
        status: input.choice("status").and_then(Status::parse),
    })
}

/// The new value of a field that null clears: `Some(None)` if it is cleared, `None` if it stays as it is.
fn set_or_clear<T>(input: &Input, name: &str, value: Option<T>) -> Option<Option<T>> {
    match value {
        Some(value) => Some(Some(value)),
        None => input.is_null(name).then_some(None),
    }
}

/// What becomes of a ticket.
pub(super) struct Edited {
    /// The ticket as it will be.
    pub after: Ticket,
    /// The statements; none if nothing changes.
    pub stmts: Vec<Stmt>,
}

/// The statements of a decided change, with what rules do because of it. `leaves_unassigned`: the change leaves the ticket
/// to nobody on purpose.
pub(super) fn write_change(
    call: &Call,
    before: &Ticket,
    change: Change,
    context: &TicketContext,
    leaves_unassigned: bool,
) -> Result<Edited, Error> {
    let posted = Posted::nothing(before);
    write_after(call, posted, change, context, leaves_unassigned)
}

/// Decides on an edit of a ticket, and on a message that is posted first.
///
/// # Errors
/// Whatever the two acts would be refused with: then neither happens.
pub(super) fn edit(
    call: &Call,
    ticket: Ticket,
    mut context: TicketContext,
    (edit, leaves_unassigned): (&TicketEdit, bool),
    saying: Option<&MessageDraft>,
) -> Result<Edited, Error> {
    let posted = match saying {
        Some(saying) => {
            let posted = decide_message(&Engine::of(call), ticket, context.clone(), saying)?;
            context.message_count = context.message_count.saturating_add(1);
            posted
        }
        None => Posted::nothing(&ticket),
    };
    let change = decide(
        &posted.after,
        edit,
        &call.actor()?,
        &call.ticket_settings(),
        call.now(),
    )?;
    write_after(call, posted, change, &context, leaves_unassigned)
}

fn write_after(
    call: &Call,
    posted: Posted,
    change: Change,
    context: &TicketContext,
    leaves_unassigned: bool,
) -> Result<Edited, Error> {
    let Some(event) = &change.event else {
        return Ok(Edited {
            after: posted.after.clone(),
            stmts: posted.stmts(call.now()),
        });
    };
    let subject = EventSubject::Ticket(posted.before.id);
    let followed = automation::apply_rules_to_change(call, (&posted.after, &change.ticket), context)?;
    let mut stmts = write::renumber(&posted.before, &change.ticket);
    let Posted {
        before, mut story, ..
    } = posted;
    if leaves_unassigned {
        story.leave_unassigned();
    }
    story.push_event(&subject, Some(call.my_id()?), event, call.now());
    story.append(followed.story);
    stmts.extend(write::change(&before, &followed.ticket, story, call.now()));
    Ok(Edited {
        after: followed.ticket,
        stmts,
    })
}

/// Refuses an edit for which a permission is missing: it is reported before a stale version, a conflict with the lifecycle
/// after it.
pub(super) fn require_permission(change: &Result<Change, Refusal>) -> Result<(), Error> {
    match change {
        Err(Refusal::Forbidden(message)) => Err(Error::Forbidden(message.clone())),
        _ => Ok(()),
    }
}

/// The statements that delete a ticket, or restore it.
pub(super) fn deletion_stmts(
    call: &Call,
    ticket: &Ticket,
    deleted_at: Option<i64>,
) -> Result<Vec<Stmt>, Error> {
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
