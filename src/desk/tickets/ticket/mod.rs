//! The ticket and the types around it: settings, edits, changes, refusals.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::desk::Millis;
use crate::desk::person::Role;
use crate::desk::sla::{Pause, SlaPolicies};
use crate::desk::tickets::event::Event;
use crate::desk::tickets::policy::Relation;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status, may_reopen};
use crate::desk::tools::custom_field::{CustomFields, CustomValues, TicketStage};
use crate::desk::validation::FieldError;

/// A ticket, with the fields that decisions depend on.
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
    /// Named by its key.
    pub project: Option<NamedRow>,
    pub tags: Vec<String>,
    pub custom_fields: CustomValues,
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
    /// Working time in ended pauses.
    pub paused_ms: Millis,
    /// The version of the SLA policy that the due times come from.
    pub sla_version: i64,
    /// The ticket that it was merged into: where all that belongs to it is now.
    pub merged_into: Option<i64>,
    /// It is counted as overdue. The clock marks tickets some time after their due time; see [`Ticket::is_overdue`].
    pub is_marked_overdue: bool,
}

/// A row and the name that history shows: the slug of a category, the key of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRow {
    pub id: i64,
    pub name: String,
}

/// A subcategory, and the category that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subcategory {
    pub named: NamedRow,
    pub category_id: i64,
}

impl Subcategory {
    /// The subcategory, checked against the ticket's category.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when it belongs to another category.
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

/// A person, with the card that history shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub id: i64,
    pub card: Value,
}

/// The person on whose behalf a change is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    pub id: i64,
    pub role: Role,
    pub card: Value,
    /// The person is in copy of the ticket, which only mails can tell.
    pub is_in_copy: bool,
}

/// The settings that ticket changes depend on.
#[derive(Clone, Debug)]
pub struct TicketSettings {
    /// Days after closing within which a support ticket may be reopened.
    pub reopen_window_days: i64,
    pub sla_policies: Rc<SlaPolicies>,
    /// The custom fields that are not hidden.
    pub custom_fields: Rc<CustomFields>,
}

/// An edit of a ticket. `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketEdit {
    pub title: Option<String>,
    pub description: Option<String>,
    pub priority: Option<Priority>,
    pub category: Option<Option<NamedRow>>,
    /// Together with the category: a new category without a subcategory clears it.
    pub subcategory: Option<Option<Subcategory>>,
    pub department: Option<Option<String>>,
    pub project: Option<Option<NamedRow>>,
    pub tags: Option<Vec<String>>,
    /// The values to be changed; null takes one away.
    pub custom_fields: Option<Map<String, Value>>,
    pub workflow: Option<Lifecycle>,
    /// The new assignee; `Some(None)` removes the assignee.
    pub assignee: Option<Option<Person>>,
    pub status: Option<Status>,
}

/// Why a change is not allowed.
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
    /// Values of custom fields that are not valid, or missing.
    Fields(Vec<FieldError>),
}

/// The ticket after a change, and the event that describes it. Without an event, nothing changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub ticket: Ticket,
    pub event: Option<Event>,
}

impl Ticket {
    /// A new ticket. Its due times are set by [`Ticket::set_due_times`].
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
            custom_fields: CustomValues::default(),
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
            merged_into: None,
            is_marked_overdue: false,
        }
    }

    /// How the actor is related to the ticket.
    pub fn relation(&self, actor: &Actor) -> Relation {
        Relation {
            is_requester: self.requester_id == actor.id,
            is_in_copy: actor.is_in_copy,
            is_assignee: self.assignee.as_ref().is_some_and(|person| person.id == actor.id),
            is_unassigned: self.assignee.is_none(),
        }
    }

    /// What its custom fields depend on.
    pub fn stage(&self, is_new: bool) -> TicketStage {
        TicketStage {
            project_id: self.project.as_ref().map(|project| project.id),
            is_new,
            is_done: self.status.is_done(),
        }
    }

    /// Whether the resolution is overdue at `now`.
    pub fn is_overdue(&self, now: Millis) -> bool {
        let clock = self.paused_at.unwrap_or(now);
        self.resolved_at.is_none() && self.resolution_due_at.is_some_and(|due| clock > due)
    }

    /// The statuses that this role may set next.
    pub fn transitions(&self, role: Role, rules: &TicketSettings, now: Millis) -> Vec<Status> {
        let next = self.workflow.next(self.status).iter().copied();
        next.filter(|_| self.merged_into.is_none())
            .filter(|to| self.may_become(*to, rules, now))
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

    /// Recomputes the due times from the SLA policy of its priority. Once staff have answered, the due time of the
    /// response stays: it decides whether that answer was in time.
    pub fn set_due_times(&mut self, rules: &TicketSettings) {
        let policy = rules.sla_policies.for_priority(self.priority);
        let (targets, paused) = policy.due_times(self.created_at, &self.pauses);
        if self.first_responded_at.is_none() {
            self.first_response_due_at = Some(targets.first_response_due_at);
            self.first_response_risk_at = Some(targets.first_response_at_risk_at);
        }
        self.resolution_due_at = Some(targets.resolution_due_at);
        self.resolution_risk_at = Some(targets.resolution_at_risk_at);
        self.paused_ms = paused;
        self.sla_version = policy.version;
    }

    /// Changes to a status that the lifecycle allows, and updates timestamps and pauses.
    pub fn enter_status(&mut self, to: Status, rules: &TicketSettings, now: Millis) {
        if let (Some(since), false) = (self.paused_at, to.is_paused()) {
            self.pauses.push((since, now));
            self.paused_at = None;
            self.set_due_times(rules);
        } else if self.paused_at.is_none() && to.is_paused() {
            self.paused_at = Some(now);
        }
        if self.status.is_done() && !to.is_done() {
            // The resolution clock rested: what was left of its time begins to run again.
            self.pauses.extend(self.resolved_at.map(|since| (since, now)));
            // The SLA policies may have changed since due times were last needed.
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

/// Changes the assignee. In `support`, an open ticket becomes assigned when it gets an assignee, and an assigned ticket
/// becomes open when it loses the assignee. In `project`, assignment does not change the status.
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
