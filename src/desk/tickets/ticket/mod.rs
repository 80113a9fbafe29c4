//! A ticket, and what may be done to it.

use std::rc::Rc;

use serde_json::Value;

use crate::desk::Millis;
use crate::desk::person::Role;
use crate::desk::sla::{Pause, SlaPolicies};
use crate::desk::tickets::event::Event;
use crate::desk::tickets::policy::Relation;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status, may_reopen};

/// A ticket, as far as rules read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    pub id: i64,
    pub title: String,
    pub description: String,
    pub status: Status,
    pub priority: Priority,
    pub workflow: Lifecycle,
    pub category: Option<NamedRow>,
    pub subcategory: Option<NamedRow>,
    pub department: Option<String>,
    /// By its key.
    pub project: Option<NamedRow>,
    pub tags: Vec<String>,
    pub requester_id: i64,
    pub assignee: Option<Person>,
    pub version: i64,
    pub created_at: Millis,
    pub first_response_due_at: Option<Millis>,
    pub first_response_risk_at: Option<Millis>,
    pub first_responded_at: Option<Millis>,
    pub resolution_due_at: Option<Millis>,
    pub resolution_risk_at: Option<Millis>,
    pub resolved_at: Option<Millis>,
    pub closed_at: Option<Millis>,
    pub paused_at: Option<Millis>,
    /// The pauses that have ended.
    pub pauses: Vec<Pause>,
    /// Working time in them.
    pub paused_ms: Millis,
    /// The version of the promise that the due times are from.
    pub sla_version: i64,
}

/// A row with a name that history shows: a category by its slug, a project by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRow {
    pub id: i64,
    pub name: String,
}

/// A subcategory, and the category that it is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subcategory {
    pub named: NamedRow,
    pub category_id: i64,
}

impl Subcategory {
    /// The subcategory of a ticket in this category.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when it is part of another.
    pub fn within(self, category: Option<&NamedRow>) -> Result<NamedRow, Refusal> {
        if category.is_some_and(|category| category.id == self.category_id) {
            return Ok(self.named);
        }
        Err(Refusal::Invalid {
            field: "subcategory",
            message: "is not part of the ticket's category".to_owned(),
        })
    }
}

/// A person as history shows one.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub id: i64,
    pub card: Value,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    pub id: i64,
    pub role: Role,
    pub card: Value,
}

/// What the desk has laid down, as far as tickets follow it.
#[derive(Clone, Debug)]
pub struct TicketSettings {
    /// For how many days a closed support ticket may be reopened.
    pub reopen_window_days: i64,
    pub sla_policies: Rc<SlaPolicies>,
}

/// What is wanted of a ticket. Absent parts stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketEdit {
    pub title: Option<String>,
    pub description: Option<String>,
    pub priority: Option<Priority>,
    pub category: Option<Option<NamedRow>>,
    /// Goes with the category: a new category without one clears it.
    pub subcategory: Option<Option<Subcategory>>,
    pub department: Option<Option<String>>,
    pub project: Option<Option<NamedRow>>,
    pub tags: Option<Vec<String>>,
    pub workflow: Option<Lifecycle>,
    /// Whom to give it to; `Some(None)` is nobody.
    pub assignee: Option<Option<Person>>,
    pub status: Option<Status>,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Forbidden(String),
    Transition {
        from: Status,
        to: Status,
        allowed: Vec<Status>,
    },
    Conflict(String),
    Invalid {
        field: &'static str,
        message: String,
    },
}

/// A ticket as it will be, and the event that tells of it. No event: nothing changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub ticket: Ticket,
    pub event: Option<Event>,
}

impl Ticket {
    /// A ticket that somebody has just opened; its due times are set by [`Ticket::promise`].
    pub fn new(title: &str, description: &str, requester_id: i64, now: Millis) -> Ticket {
        Ticket {
            id: 0,
            title: title.to_owned(),
            description: description.to_owned(),
            status: Status::Open,
            priority: Priority::Medium,
            workflow: Lifecycle::Support,
            category: None,
            subcategory: None,
            department: None,
            project: None,
            tags: Vec::new(),
            requester_id,
            assignee: None,
            version: 1,
            created_at: now,
            first_response_due_at: None,
            first_response_risk_at: None,
            first_responded_at: None,
            resolution_due_at: None,
            resolution_risk_at: None,
            resolved_at: None,
            closed_at: None,
            paused_at: None,
            pauses: Vec::new(),
            paused_ms: 0,
            sla_version: 0,
        }
    }

    /// How somebody stands to it.
    pub fn relation(&self, actor: &Actor) -> Relation {
        Relation {
            is_requester: self.requester_id == actor.id,
            is_assignee: self.assignee.as_ref().is_some_and(|person| person.id == actor.id),
            is_unassigned: self.assignee.is_none(),
        }
    }

    /// Whether its resolution is overdue at `now`.
    pub fn is_overdue(&self, now: Millis) -> bool {
        let clock = self.paused_at.unwrap_or(now);
        self.resolved_at.is_none() && self.resolution_due_at.is_some_and(|due| clock > due)
    }

    /// The statuses that somebody may set next.
    pub fn transitions(&self, role: Role, rules: &TicketSettings, now: Millis) -> Vec<Status> {
        let next = self.workflow.next(self.status).iter().copied();
        next.filter(|to| self.may_become(*to, rules, now))
            .filter(|to| role.is_staff() || self.workflow.customer_may_set(self.status, *to))
            .collect()
    }

    fn may_become(&self, to: Status, rules: &TicketSettings, now: Millis) -> bool {
        to != self.workflow.reopen_status()
            || may_reopen(
                self.workflow,
                self.status,
                self.closed_at,
                rules.reopen_window_days,
                now,
            )
    }

    /// Sets the due times anew, from what is promised for its priority. An answer that was given was in time or
    /// not: its due time stays.
    pub fn set_due_times(&mut self, rules: &TicketSettings) {
        let promise = rules.sla_policies.for_priority(self.priority);
        let (targets, paused) = promise.due_times(self.created_at, &self.pauses);
        if self.first_responded_at.is_none() {
            self.first_response_due_at = Some(targets.first_response_due_at);
            self.first_response_risk_at = Some(targets.first_response_at_risk_at);
        }
        self.resolution_due_at = Some(targets.resolution_due_at);
        self.resolution_risk_at = Some(targets.resolution_at_risk_at);
        self.paused_ms = paused;
        self.sla_version = promise.version;
    }

    /// Enters a status that the lifecycle allows: times and pauses follow.
    pub fn enter_status(&mut self, to: Status, rules: &TicketSettings, now: Millis) {
        if let (Some(since), false) = (self.paused_at, to.is_paused()) {
            self.pauses.push((since, now));
            self.paused_at = None;
            self.set_due_times(rules);
        } else if self.paused_at.is_none() && to.is_paused() {
            self.paused_at = Some(now);
        }
        if self.status.is_done() && !to.is_done() {
            // What was promised may have changed while nobody needed it.
            self.set_due_times(rules);
        }
        if to.is_done() {
            self.resolved_at = self.resolved_at.or(Some(now));
            self.closed_at = if to == Status::Closed { Some(now) } else { None };
        } else {
            self.resolved_at = None;
            self.closed_at = None;
        }
        self.status = to;
    }
}

/// In `support`, an open ticket that is given to somebody is assigned, and an assigned one that is taken from
/// everybody is open again. In `project`, assignment says nothing of the status.
pub(super) fn assign(ticket: &mut Ticket, assignee: Option<Person>, rules: &TicketSettings, now: Millis) {
    ticket.assignee = assignee;
    if ticket.workflow == Lifecycle::Support {
        match (ticket.status, &ticket.assignee) {
            (Status::Open, Some(_)) => ticket.enter_status(Status::Assigned, rules, now),
            (Status::Assigned, None) => ticket.enter_status(Status::Open, rules, now),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
