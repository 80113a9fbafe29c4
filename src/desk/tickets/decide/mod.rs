//! The decision about an edit: the only place where a ticket changes.

use crate::desk::Millis;
use crate::desk::tickets::history::{diff, event_of};
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::relations::merge::MERGED;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::{
    Actor, Change, Person, Refusal, Ticket, TicketEdit, TicketSettings, assign,
};

/// Applies an edit to a ticket that `actor` can see.
///
/// # Errors
/// A [`Refusal`] when any part of the edit is not allowed; nothing is applied then.
pub fn decide(
    ticket: &Ticket,
    edit: &TicketEdit,
    actor: &Actor,
    rules: &TicketSettings,
    now: Millis,
) -> Result<Change, Refusal> {
    let mut after = ticket.clone();
    let may = |act| {
        policy::authorize(act, actor.role, ticket.relation(actor))
            .map_err(|why| Refusal::Forbidden(why.to_owned()))
    };

    apply_text_edit(ticket, edit, actor, &mut after)?;
    if edit.custom_fields.as_ref().is_some_and(|given| !given.is_empty()) {
        // Before the values are looked at: customers must not find out which fields there are.
        may(Act::Triage)?;
    }
    if edit.workflow.is_some_and(|workflow| workflow != ticket.workflow) {
        may(Act::Triage)?;
    }
    apply_triage(ticket, edit, rules, &mut after)?;
    apply_custom_fields(edit, actor, rules, &mut after)?;
    if diff(ticket, &after)
        .iter()
        .any(|change| matches!(&*change.field, "title" | "description"))
    {
        may(Act::EditText)?;
    }
    if diff(ticket, &after)
        .iter()
        .any(|change| !matches!(&*change.field, "title" | "description"))
    {
        may(Act::Triage)?;
    }

    let mut wanted = edit.status;
    if wanted == Some(Status::Assigned)
        && edit.assignee.is_none()
        && after.assignee.is_none()
        && after.workflow.has_status(Status::Assigned)
    {
        may(Act::Progress)?;
        assign(
            &mut after,
            Some(Person {
                id: actor.id,
                card: actor.card.clone(),
            }),
            rules,
            now,
        );
    }
    if let Some(assignee) = &edit.assignee {
        let same =
            assignee.as_ref().map(|person| person.id) == ticket.assignee.as_ref().map(|person| person.id);
        if !same {
            may(if assignee.as_ref().is_some_and(|person| person.id == actor.id) {
                Act::Take
            } else {
                Act::Assign
            })?;
            assign(&mut after, assignee.clone(), rules, now);
        }
    }
    wanted = wanted.filter(|to| *to != after.status);
    if let Some(to) = wanted {
        set_status(&mut after, to, actor, rules, now)?;
    }
    if after.status.is_done() && !ticket.status.is_done() && actor.role.is_staff() {
        let missing = rules.custom_fields.find_unresolved(
            &after.custom_fields,
            actor.role,
            after.stage(false).project_id,
        );
        if !missing.is_empty() {
            return Err(Refusal::Fields(missing));
        }
    }

    let to_nobody = |ticket: &Ticket| ticket.status == Status::Assigned && ticket.assignee.is_none();
    if to_nobody(&after) && !to_nobody(ticket) {
        return Err(Refusal::Invalid {
            field: "assignee",
            message: "must be somebody, for a ticket that is assigned".to_owned(),
        });
    }
    let changed = diff(ticket, &after);
    if ticket.merged_into.is_some() && !changed.is_empty() {
        return Err(Refusal::Conflict(MERGED.to_owned()));
    }
    let event = (!changed.is_empty()).then(|| event_of(changed, &rules.custom_fields));
    Ok(Change { ticket: after, event })
}

fn apply_text_edit(
    ticket: &Ticket,
    edit: &TicketEdit,
    actor: &Actor,
    after: &mut Ticket,
) -> Result<(), Refusal> {
    after.title = edit.title.clone().unwrap_or_else(|| ticket.title.clone());
    after.description = edit
        .description
        .clone()
        .unwrap_or_else(|| ticket.description.clone());
    let changed = after.title != ticket.title || after.description != ticket.description;
    if changed && !actor.role.is_staff() && !matches!(ticket.status, Status::Open | Status::Waiting) {
        return Err(Refusal::Forbidden(
            "a ticket's text can be changed by its requester only while it is open or waiting".to_owned(),
        ));
    }
    Ok(())
}

fn apply_triage(
    ticket: &Ticket,
    edit: &TicketEdit,
    rules: &TicketSettings,
    after: &mut Ticket,
) -> Result<(), Refusal> {
    if let Some(workflow) = edit.workflow {
        if !workflow.has_status(ticket.status) {
            return Err(Refusal::Conflict(format!(
                "the {} lifecycle has no status {}",
                workflow.as_str(),
                ticket.status.as_str()
            )));
        }
        after.workflow = workflow;
    }
    if let Some(category) = &edit.category {
        if after.category.as_ref().map(|named| named.id) != category.as_ref().map(|named| named.id) {
            after.subcategory = None;
        }
        after.category.clone_from(category);
    }
    if let Some(subcategory) = edit.subcategory.clone() {
        after.subcategory = match subcategory {
            Some(subcategory) => Some(subcategory.within(after.category.as_ref())?),
            None => None,
        };
    }
    if let Some(department) = &edit.department {
        after.department.clone_from(department);
    }
    if let Some(project) = &edit.project {
        after.project.clone_from(project);
    }
    if let Some(tags) = &edit.tags {
        after.tags.clone_from(tags);
    }
    if let Some(priority) = edit.priority.filter(|priority| *priority != ticket.priority) {
        after.priority = priority;
        after.set_due_times(rules);
    }
    Ok(())
}

fn apply_custom_fields(
    edit: &TicketEdit,
    actor: &Actor,
    rules: &TicketSettings,
    after: &mut Ticket,
) -> Result<(), Refusal> {
    let (fields, stage) = (&rules.custom_fields, after.stage(false));
    if edit.project.is_some() && !after.custom_fields.values.is_empty() {
        let kept = fields.leave_project(&after.custom_fields, stage.project_id);
        if kept.values != after.custom_fields.values {
            after.custom_fields = kept;
        }
    }
    if let Some(given) = &edit.custom_fields {
        let held = &after.custom_fields;
        let values = fields
            .apply(held, given, actor.role, stage)
            .map_err(Refusal::Fields)?;
        // The words that are searched are not read with the ticket: they are no difference.
        if values.values != held.values {
            after.custom_fields = values;
        }
    }
    Ok(())
}

fn set_status(
    after: &mut Ticket,
    to: Status,
    actor: &Actor,
    rules: &TicketSettings,
    now: Millis,
) -> Result<(), Refusal> {
    let act = if after.workflow.customer_may_set(after.status, to) {
        Act::CloseOrReopen
    } else {
        Act::Progress
    };
    policy::authorize(act, actor.role, after.relation(actor))
        .map_err(|why| Refusal::Forbidden(why.to_owned()))?;
    if after.merged_into.is_some() {
        return Err(Refusal::Conflict(MERGED.to_owned()));
    }
    let allowed = after.transitions(actor.role, rules, now);
    if !allowed.contains(&to) {
        return Err(Refusal::Transition {
            from: after.status,
            to,
            allowed,
        });
    }
    after.enter_status(to, rules, now);
    Ok(())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod times_tests;
