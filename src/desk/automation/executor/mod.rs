//! The hands of workflow rules: a ticket after a change, that rules look at and act on.
//!
//! Actions go through [`decide`] as everybody's do, so lifecycles, times and promises follow. What is refused
//! is told, and never stands in the way of the change that was heard.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::desk::automation::action::{Action, Assignee, Audience};
use crate::desk::automation::condition::Facts;
use crate::desk::automation::references::{Directory, Known};
use crate::desk::automation::rule::{Desk, On, Rule};
use crate::desk::automation::run_report::{Recipient, Telling};
use crate::desk::person::Role;
use crate::desk::tickets::auto_close;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::history::changes;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::{Edit, Named, Refusal, Rules, Ticket};
use crate::desk::{HOUR, Millis, sla};

/// Tags of one ticket, as everywhere.
const MAX_TAGS: usize = 20;

/// What a ticket's row tells beside what [`Ticket`] holds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Around {
    pub channel: String,
    pub message_count: i64,
    pub attachment_count: i64,
    pub updated_at: Millis,
    pub custom_fields: Map<String, Value>,
    /// `{"id", "uid", "name"}`, the name being the address.
    pub requester: Option<Value>,
    /// The last message.
    pub message: Option<Message>,
}

/// A message that rules may ask about.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Message {
    pub body: String,
    pub is_internal: bool,
    pub author_role: String,
}

/// What is heard, as far as the ticket does not tell.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub on: Vec<On>,
    /// The role of whoever did it.
    pub actor_role: Option<Role>,
    /// The message that was added.
    pub message: Option<Message>,
    /// `response` or `resolution`, of the SLA's events.
    pub sla_target: Option<&'static str>,
    /// The status before, where it is only supposed.
    pub from: Option<Status>,
}

/// What a change lets rules hear; nothing where nothing changed.
pub fn hearing(before: Option<&Ticket>, after: &Ticket) -> Vec<On> {
    let assignee = |ticket: &Ticket| ticket.assignee.as_ref().map(|person| person.id);
    let Some(before) = before else {
        let given = after.assignee.is_some().then_some(On::Assigned);
        return std::iter::once(On::TicketCreated).chain(given).collect();
    };
    if changes(before, after).is_empty() {
        return Vec::new();
    }
    let mut on = vec![On::TicketUpdated];
    if before.status != after.status {
        on.push(On::StatusChanged);
    }
    if assignee(before) != assignee(after) && after.assignee.is_some() {
        on.push(On::Assigned);
    }
    on
}

/// What one rule did: the ticket before and after it, the internal notes that it leaves, and whom it tells what.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub rule_id: i64,
    pub rule: String,
    pub before: Ticket,
    pub after: Ticket,
    pub notes: Vec<String>,
    pub tellings: Vec<Telling>,
    /// Webhooks that are told of it.
    pub webhooks: Vec<i64>,
}

/// What rules leave behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub ticket: Ticket,
    pub steps: Vec<Step>,
    /// The rule that wants the least loaded agent for the ticket, whom nobody knows before the change is kept.
    pub seeking: Option<i64>,
}

/// A ticket after a change, under the rules' hands.
#[derive(Debug)]
pub struct Hands<'a> {
    pub directory: &'a Directory,
    pub rules: &'a Rules,
    pub around: &'a Around,
    pub heard: &'a Heard,
    pub now: Millis,
    /// The ticket before the change that is heard; nothing when that made it.
    pub before: Option<&'a Ticket>,
    /// The ticket that the change left.
    pub left: &'a Ticket,
    done: Outcome,
}

impl<'a> Hands<'a> {
    /// Takes a ticket after a change.
    pub fn new(
        (before, left): (Option<&'a Ticket>, &'a Ticket),
        (around, heard): (&'a Around, &'a Heard),
        directory: &'a Directory,
        rules: &'a Rules,
        now: Millis,
    ) -> Hands<'a> {
        Hands {
            directory,
            rules,
            around,
            heard,
            now,
            before,
            left,
            done: Outcome {
                ticket: left.clone(),
                steps: Vec::new(),
                seeking: None,
            },
        }
    }

    /// What the rules leave behind.
    pub fn finish(self) -> Outcome {
        self.done
    }

    fn decide(&mut self, edit: &Edit) -> Result<(), String> {
        let desk = auto_close::itself();
        let change = decide(&self.done.ticket, edit, &desk, self.rules, self.now).map_err(words)?;
        if edit.assignee.is_some() {
            self.done.seeking = None;
        }
        if let Some(step) = self.done.steps.last_mut() {
            step.after.clone_from(&change.ticket);
        }
        self.done.ticket = change.ticket;
        Ok(())
    }

    fn set_status(&mut self, status: Status) -> Result<(), String> {
        if status == Status::Assigned && self.done.ticket.assignee.is_none() {
            return Err("nobody is assigned".to_owned());
        }
        self.decide(&Edit {
            status: Some(status),
            ..Edit::default()
        })
    }

    fn set_priority(&mut self, priority: Priority) -> Result<(), String> {
        self.decide(&Edit {
            priority: Some(priority),
            ..Edit::default()
        })
    }

    fn assign(&mut self, rule: &Rule, to: &Assignee) -> Result<(), String> {
        let assignee = match to {
            Assignee::Nobody => None,
            Assignee::Agent(row) => Some(self.directory.agent(row).ok_or("this is no active agent")?),
            Assignee::LeastLoaded if self.done.ticket.assignee.is_some() => {
                return Err("the ticket is assigned already".to_owned());
            }
            Assignee::LeastLoaded => {
                self.done.seeking = Some(rule.id);
                return Ok(());
            }
        };
        self.decide(&Edit {
            assignee: Some(assignee),
            ..Edit::default()
        })
    }

    fn tag(&mut self, tag: &str, wanted: bool) -> Result<(), String> {
        let mut tags = self.done.ticket.tags.clone();
        tags.retain(|known| known != tag);
        if wanted {
            tags.push(tag.to_owned());
            tags.sort_unstable();
        }
        if tags.len() > MAX_TAGS {
            return Err(format!("a ticket has at most {MAX_TAGS} tags"));
        }
        self.decide(&Edit {
            tags: Some(tags),
            ..Edit::default()
        })
    }

    fn recipient(&self, to: &Audience) -> Result<Recipient, String> {
        Ok(match to {
            Audience::Requester => Recipient::Requester,
            Audience::Managers => Recipient::Managers,
            Audience::Assignee if self.done.ticket.assignee.is_none() && self.done.seeking.is_none() => {
                return Err("nobody is assigned".to_owned());
            }
            Audience::Assignee => Recipient::Assignee,
            Audience::Person(row) => {
                let person = self.directory.person(row).ok_or("this is no active user")?;
                if self.hears_note() && !person.is_staff {
                    return Err("customers are not told of internal notes".to_owned());
                }
                Recipient::Person(person.id)
            }
        })
    }

    /// What is heard is an internal note.
    fn hears_note(&self) -> bool {
        self.heard
            .message
            .as_ref()
            .is_some_and(|message| message.is_internal)
    }

    fn tell(&mut self, telling: Telling) {
        if let Some(step) = self.done.steps.last_mut() {
            step.tellings.push(telling);
        }
    }

    /// A field of a ticket itself.
    fn field(&self, ticket: &Ticket, field: &str) -> Option<Value> {
        Some(match field {
            "title" => ticket.title.clone().into(),
            "description" => ticket.description.clone().into(),
            "status" => ticket.status.word().into(),
            "priority" => ticket.priority.word().into(),
            "workflow" => ticket.workflow.word().into(),
            "subcategory" => ticket.subcategory.as_ref().map(|named| named.name.clone()).into(),
            "department" => ticket.department.clone().into(),
            "tags" => ticket.tags.clone().into(),
            "category" => row(ticket.category.as_ref(), &self.directory.categories),
            "project" => row(ticket.project.as_ref(), &self.directory.projects),
            "assignee" => ticket
                .assignee
                .as_ref()
                .map_or(Value::Null, |person| self.person(person.id, &person.card)),
            _ => return None,
        })
    }

    /// Somebody, under an address where some rule names it.
    fn person(&self, id: i64, card: &Value) -> Value {
        let known = known(&self.directory.people, id);
        let uid = known.map(|known| known.uid.as_str().into());
        let uid = uid.or_else(|| card.get("uid").cloned());
        json!({"id": id, "uid": uid, "name": known.map(|known| known.name.as_str())})
    }

    /// What the row tells beside the ticket, and what belongs to the event.
    fn circumstance(&self, field: &str) -> Option<Value> {
        let (ticket, around, message) = (&self.done.ticket, self.around, self.heard.message.as_ref());
        if let Some(custom) = field.strip_prefix("custom_fields.") {
            return around.custom_fields.get(custom).cloned();
        }
        match field {
            "requester" => {
                let requester = || self.person(ticket.requester_id, &Value::Null);
                Some(around.requester.clone().unwrap_or_else(requester))
            }
            "channel" => Some(around.channel.clone().into()),
            "created_at" => Some(ticket.created_at.into()),
            "message_count" => Some(around.message_count.into()),
            "attachment_count" => Some(around.attachment_count.into()),
            "hours_since_created" => Some(self.hours_since(ticket.created_at)),
            "hours_since_updated" => Some(self.hours_since(around.updated_at)),
            "sla_response" => {
                let done = ticket.first_responded_at.or(ticket.resolved_at);
                let (due, risk) = (ticket.first_response_due_at?, ticket.first_response_risk_at?);
                Some(sla::state(due, risk, done, None, self.now).word().into())
            }
            "sla_resolution" => {
                let (done, paused) = (ticket.resolved_at, ticket.paused_at);
                let (due, risk) = (ticket.resolution_due_at?, ticket.resolution_risk_at?);
                Some(sla::state(due, risk, done, paused, self.now).word().into())
            }
            "body" => Some(message?.body.clone().into()),
            "is_internal" => Some(message?.is_internal.into()),
            "author_role" => Some(message?.author_role.clone().into()),
            "actor_role" => Some(self.heard.actor_role?.word().into()),
            "sla_target" => Some(self.heard.sla_target?.into()),
            _ => None,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn hours_since(&self, then: Millis) -> Value {
        (self.now.saturating_sub(then) as f64 / HOUR as f64).into()
    }
}

/// A named row, under its uid where some rule names it.
fn row(named: Option<&Named>, list: &[Known]) -> Value {
    named.map_or(Value::Null, |named| {
        let uid = known(list, named.id).map(|known| known.uid.as_str());
        json!({"id": named.id, "uid": uid, "name": named.name})
    })
}

fn known(list: &[Known], id: i64) -> Option<&Known> {
    list.iter().find(|known| known.id == id)
}

fn words(refusal: Refusal) -> String {
    match refusal {
        Refusal::Forbidden(message) | Refusal::Conflict(message) => message,
        Refusal::Transition { from, to, .. } => {
            format!("a ticket that is {} cannot become {}", from.word(), to.word())
        }
        Refusal::Invalid { field, message } => format!("{field} {message}"),
    }
}

impl Facts for Hands<'_> {
    fn get(&self, field: &str) -> Option<Value> {
        self.field(&self.done.ticket, field)
            .or_else(|| self.circumstance(field))
    }

    fn before(&self, field: &str) -> Option<Value> {
        if let ("status", Some(from)) = (field, self.heard.from) {
            return Some(from.word().into());
        }
        let before = self.field(self.before?, field);
        before.filter(|before| self.field(self.left, field).as_ref() != Some(before))
    }
}

impl Desk for Hands<'_> {
    fn act(&mut self, rule: &Rule, action: &Action) -> Result<(), String> {
        if self.done.steps.last().is_none_or(|step| step.rule_id != rule.id) {
            self.done.steps.push(Step {
                rule_id: rule.id,
                rule: rule.name.clone(),
                before: self.done.ticket.clone(),
                after: self.done.ticket.clone(),
                notes: Vec::new(),
                tellings: Vec::new(),
                webhooks: Vec::new(),
            });
        }
        match action {
            Action::SetStatus(status) => self.set_status(*status),
            Action::SetPriority(priority) => self.set_priority(*priority),
            Action::SetCategory(row) => {
                let find = |row| self.directory.category(row).ok_or("this is no active category");
                let category = row.as_ref().map(find).transpose()?;
                self.decide(&Edit {
                    category: Some(category),
                    ..Edit::default()
                })
            }
            Action::Assign(to) => self.assign(rule, to),
            Action::AddTag(tag) => self.tag(tag, true),
            Action::RemoveTag(tag) => self.tag(tag, false),
            Action::AddNote(body) => {
                if let Some(step) = self.done.steps.last_mut() {
                    step.notes.push(body.clone());
                }
                Ok(())
            }
            Action::Escalate => {
                self.set_priority(match self.done.ticket.priority {
                    Priority::Low => Priority::Medium,
                    Priority::Medium => Priority::High,
                    Priority::High | Priority::Urgent => Priority::Urgent,
                })?;
                self.tell(Telling::of_escalation(&rule.name));
                Ok(())
            }
            Action::SendNotification { to, message } => {
                let (to, message) = (self.recipient(to)?, message.clone());
                self.tell(Telling { to, message });
                Ok(())
            }
            Action::SendWebhook(row) => {
                let webhook = self
                    .directory
                    .webhook(row)
                    .ok_or("this is no webhook that is switched on")?;
                if self.hears_note() && !webhook.is_staff {
                    return Err("this webhook is not told of internal notes".to_owned());
                }
                let webhook = webhook.id;
                if let Some(step) = self.done.steps.last_mut() {
                    step.webhooks.push(webhook);
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
