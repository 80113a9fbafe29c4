//! Executes the actions of workflow rules on a ticket and supplies the facts for their conditions.
//!
//! Actions go through [`decide`] like any other change, so lifecycle, timestamps and SLA due times follow. An action
//! that is refused is reported in the rule's run; it never blocks the change that triggered the rules.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::automation::action::{Action, Assignee, Audience};
use crate::desk::automation::condition::Facts;
use crate::desk::automation::fields::custom_key;
use crate::desk::automation::references::{ReferencedRow, References};
use crate::desk::automation::rule::{ActionTarget, Rule, TriggerKind};
use crate::desk::automation::run_report::{Recipient, RuleNotification};
use crate::desk::person::Role;
use crate::desk::tickets::auto_close;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::history::diff;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::tag::{MAX_TAGS, is_same};
use crate::desk::tickets::ticket::{NamedRow, Refusal, Ticket, TicketEdit, TicketSettings};
use crate::desk::{HOUR, Millis, sla};

/// What rules need to know about a ticket beyond [`Ticket`] itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct TicketContext {
    pub channel: String,
    pub message_count: i64,
    pub attachment_count: i64,
    pub updated_at: Millis,
    /// `{"id", "uid", "name"}`, where `name` is the e-mail address.
    pub requester: Option<Value>,
    /// The latest message.
    pub message: Option<RuleMessage>,
}

/// A message, as far as conditions can ask about it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RuleMessage {
    pub body: String,
    pub is_internal: bool,
    pub author_role: String,
}

/// What triggered the rules: the data that the ticket itself does not hold.
#[derive(Clone, Debug, Default)]
pub struct TriggerInput {
    pub on: Vec<TriggerKind>,
    /// The role of the person who made the change; `None` when no person did.
    pub actor_role: Option<Role>,
    /// The new message, for `message_added`.
    pub message: Option<RuleMessage>,
    /// `response` or `resolution`, for SLA triggers.
    pub sla_target: Option<&'static str>,
    /// The previous status that a dry run assumes.
    pub from: Option<Status>,
}

/// The triggers of a change; empty when nothing changed. `before` is `None` for a new ticket.
pub fn detect_triggers(before: Option<&Ticket>, after: &Ticket) -> Vec<TriggerKind> {
    let assignee = |ticket: &Ticket| ticket.assignee.as_ref().map(|person| person.id);
    let Some(before) = before else {
        let given = after.assignee.is_some().then_some(TriggerKind::Assigned);
        return std::iter::once(TriggerKind::TicketCreated).chain(given).collect();
    };
    if diff(before, after).is_empty() {
        return Vec::new();
    }
    let mut on = vec![TriggerKind::TicketUpdated];
    if before.status != after.status {
        on.push(TriggerKind::StatusChanged);
    }
    if assignee(before) != assignee(after) && after.assignee.is_some() {
        on.push(TriggerKind::Assigned);
    }
    on
}

/// The effects of one rule: the ticket before and after it, internal notes to add, notifications to send.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleEffects {
    pub rule_id: i64,
    pub rule: String,
    pub before: Ticket,
    pub after: Ticket,
    pub notes: Vec<String>,
    pub notifications: Vec<RuleNotification>,
    /// Ids of the webhook endpoints that get a `rule.fired` event.
    pub webhooks: Vec<i64>,
}

/// The effects of all rules that ran.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEffects {
    pub ticket: Ticket,
    pub steps: Vec<RuleEffects>,
    /// The rule that asked for automatic assignment. The agent is chosen in SQL at commit, so it is not known here.
    pub auto_assign_rule: Option<i64>,
}

/// A ticket after a change, while rules run on it.
#[derive(Debug)]
pub struct Executor<'a> {
    pub references: &'a References,
    pub rules: &'a TicketSettings,
    pub context: &'a TicketContext,
    pub input: &'a TriggerInput,
    pub now: Millis,
    /// The ticket before the change that triggered the rules. `None` if that change created it.
    pub before: Option<&'a Ticket>,
    /// The ticket right after that change, before any rule acted.
    pub after: &'a Ticket,
    done: RunEffects,
}

impl<'a> Executor<'a> {
    /// Starts with the ticket right after the change.
    pub fn new(
        (before, after): (Option<&'a Ticket>, &'a Ticket),
        (context, input): (&'a TicketContext, &'a TriggerInput),
        references: &'a References,
        rules: &'a TicketSettings,
        now: Millis,
    ) -> Executor<'a> {
        Executor {
            references,
            rules,
            context,
            input,
            now,
            before,
            after,
            done: RunEffects {
                ticket: after.clone(),
                steps: Vec::new(),
                auto_assign_rule: None,
            },
        }
    }

    /// The combined effects of the rules.
    pub fn finish(self) -> RunEffects {
        self.done
    }

    fn apply_edit(&mut self, edit: &TicketEdit) -> Result<(), String> {
        let actor = auto_close::system_actor();
        let change =
            decide(&self.done.ticket, edit, &actor, self.rules, self.now).map_err(describe_refusal)?;
        if edit.assignee.is_some() {
            self.done.auto_assign_rule = None;
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
        self.apply_edit(&TicketEdit {
            status: Some(status),
            ..TicketEdit::default()
        })
    }

    fn set_priority(&mut self, priority: Priority) -> Result<(), String> {
        self.apply_edit(&TicketEdit {
            priority: Some(priority),
            ..TicketEdit::default()
        })
    }

    fn assign(&mut self, rule: &Rule, to: &Assignee) -> Result<(), String> {
        let assignee = match to {
            Assignee::Nobody => None,
            Assignee::Me => return Err("nobody applies a rule".to_owned()),
            Assignee::Agent(row) => Some(self.references.agent(row).ok_or("this is no active agent")?),
            Assignee::LeastLoaded if self.done.ticket.assignee.is_some() => {
                return Err("the ticket is assigned already".to_owned());
            }
            Assignee::LeastLoaded => {
                self.done.auto_assign_rule = Some(rule.id);
                return Ok(());
            }
        };
        self.apply_edit(&TicketEdit {
            assignee: Some(assignee),
            ..TicketEdit::default()
        })
    }

    fn set_tag(&mut self, tag: &str, wanted: bool) -> Result<(), String> {
        let mut tags = self.done.ticket.tags.clone();
        tags.retain(|other| !is_same(other, tag));
        if wanted {
            tags.push(tag.to_owned());
            tags.sort_unstable();
        }
        if tags.len() > MAX_TAGS {
            return Err(format!("a ticket has at most {MAX_TAGS} tags"));
        }
        self.apply_edit(&TicketEdit {
            tags: Some(tags),
            ..TicketEdit::default()
        })
    }

    fn recipient(&self, to: &Audience) -> Result<Recipient, String> {
        Ok(match to {
            Audience::Requester => Recipient::Requester,
            Audience::Managers => Recipient::Managers,
            Audience::Assignee
                if self.done.ticket.assignee.is_none() && self.done.auto_assign_rule.is_none() =>
            {
                return Err("nobody is assigned".to_owned());
            }
            Audience::Assignee => Recipient::Assignee,
            Audience::Person(row) => {
                let person = self.references.person(row).ok_or("this is no active user")?;
                if self.is_about_note() && !person.is_staff {
                    return Err("customers are not told of internal notes".to_owned());
                }
                Recipient::Person(person.id)
            }
        })
    }

    /// Whether an internal note triggered the rules.
    fn is_about_note(&self) -> bool {
        self.input
            .message
            .as_ref()
            .is_some_and(|message| message.is_internal)
    }

    fn notify(&mut self, notification: RuleNotification) {
        if let Some(step) = self.done.steps.last_mut() {
            step.notifications.push(notification);
        }
    }

    /// The value of a field that is part of [`Ticket`].
    fn ticket_field(&self, ticket: &Ticket, field: &str) -> Option<Value> {
        if let Some(key) = custom_key(field) {
            return ticket.custom_fields.values.get(key).cloned();
        }
        Some(match field {
            "title" => ticket.title.clone().into(),
            "description" => ticket.description.clone().into(),
            "status" => ticket.status.as_str().into(),
            "priority" => ticket.priority.as_str().into(),
            "workflow" => ticket.workflow.as_str().into(),
            "subcategory" => ticket.subcategory.as_ref().map(|named| named.name.clone()).into(),
            "department" => ticket.department.clone().into(),
            "tags" => ticket.tags.clone().into(),
            "category" => reference_value(ticket.category.as_ref(), &self.references.categories),
            "project" => reference_value(ticket.project.as_ref(), &self.references.projects),
            "assignee" => ticket
                .assignee
                .as_ref()
                .map_or(Value::Null, |person| self.person(person.id, &person.card)),
            _ => return None,
        })
    }

    /// A person. The e-mail address is known only if a rule refers to the person.
    fn person(&self, id: i64, card: &Value) -> Value {
        let row = find_row(&self.references.people, id);
        let uid = row.map(|row| row.uid.as_str().into());
        let uid = uid.or_else(|| card.get("uid").cloned());
        json!({"id": id, "uid": uid, "name": row.map(|row| row.name.as_str())})
    }

    /// The value of a field that comes from the context or from the trigger.
    fn context_field(&self, field: &str) -> Option<Value> {
        let (ticket, context, message) = (&self.done.ticket, self.context, self.input.message.as_ref());
        match field {
            "requester" => {
                let requester = || self.person(ticket.requester_id, &Value::Null);
                Some(context.requester.clone().unwrap_or_else(requester))
            }
            "channel" => Some(context.channel.clone().into()),
            "created_at" => Some(ticket.created_at.into()),
            "message_count" => Some(context.message_count.into()),
            "attachment_count" => Some(context.attachment_count.into()),
            "hours_since_created" => Some(self.hours_since(ticket.created_at)),
            "hours_since_updated" => Some(self.hours_since(context.updated_at)),
            "sla_response" => {
                let done = ticket.first_responded_at.or(ticket.resolved_at);
                let (due, risk) = (ticket.first_response_due_at?, ticket.first_response_risk_at?);
                Some(sla::state_at(due, risk, done, None, self.now).as_str().into())
            }
            "sla_resolution" => {
                let (done, paused) = (ticket.resolved_at, ticket.paused_at);
                let (due, risk) = (ticket.resolution_due_at?, ticket.resolution_risk_at?);
                Some(sla::state_at(due, risk, done, paused, self.now).as_str().into())
            }
            "body" => Some(message?.body.clone().into()),
            "is_internal" => Some(message?.is_internal.into()),
            "author_role" => Some(message?.author_role.clone().into()),
            "actor_role" => Some(self.input.actor_role?.as_str().into()),
            "sla_target" => Some(self.input.sla_target?.into()),
            _ => None,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn hours_since(&self, then: Millis) -> Value {
        (self.now.saturating_sub(then) as f64 / HOUR as f64).into()
    }
}

/// A category or project. Its uid is known only if a rule refers to it.
fn reference_value(named: Option<&NamedRow>, list: &[ReferencedRow]) -> Value {
    named.map_or(Value::Null, |named| {
        let uid = find_row(list, named.id).map(|row| row.uid.as_str());
        json!({"id": named.id, "uid": uid, "name": named.name})
    })
}

fn find_row(list: &[ReferencedRow], id: i64) -> Option<&ReferencedRow> {
    list.iter().find(|row| row.id == id)
}

fn describe_refusal(refusal: Refusal) -> String {
    match refusal {
        Refusal::Forbidden(message) | Refusal::Conflict(message) => message,
        Refusal::Transition { from, to, .. } => {
            format!("a ticket that is {} cannot become {}", from.as_str(), to.as_str())
        }
        Refusal::Invalid { field, message } => format!("{field} {message}"),
        Refusal::Fields(errors) => {
            let each = errors.iter().map(|(path, message)| format!("{path} {message}"));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

impl Facts for Executor<'_> {
    fn get(&self, field: &str) -> Option<Value> {
        self.ticket_field(&self.done.ticket, field)
            .or_else(|| self.context_field(field))
    }

    fn before(&self, field: &str) -> Option<Value> {
        if let ("status", Some(from)) = (field, self.input.from) {
            return Some(from.as_str().into());
        }
        let before = self.ticket_field(self.before?, field);
        before.filter(|before| self.ticket_field(self.after, field).as_ref() != Some(before))
    }
}

impl ActionTarget for Executor<'_> {
    fn execute(&mut self, rule: &Rule, action: &Action) -> Result<(), String> {
        if self.done.steps.last().is_none_or(|step| step.rule_id != rule.id) {
            self.done.steps.push(RuleEffects {
                rule_id: rule.id,
                rule: rule.name.clone(),
                before: self.done.ticket.clone(),
                after: self.done.ticket.clone(),
                notes: Vec::new(),
                notifications: Vec::new(),
                webhooks: Vec::new(),
            });
        }
        match action {
            Action::SetStatus(status) => self.set_status(*status),
            Action::SetPriority(priority) => self.set_priority(*priority),
            Action::SetCategory(row) => {
                let find = |row| self.references.category(row).ok_or("this is no active category");
                let category = row.as_ref().map(find).transpose()?;
                self.apply_edit(&TicketEdit {
                    category: Some(category),
                    ..TicketEdit::default()
                })
            }
            Action::Assign(to) => self.assign(rule, to),
            Action::SetCustomField { key, value } => self.apply_edit(&TicketEdit {
                custom_fields: Some(std::iter::once((key.clone(), value.clone())).collect()),
                ..TicketEdit::default()
            }),
            Action::AddTag(tag) => self.set_tag(tag, true),
            Action::RemoveTag(tag) => self.set_tag(tag, false),
            Action::AddNote(body) => {
                if let Some(step) = self.done.steps.last_mut() {
                    step.notes.push(body.clone());
                }
                Ok(())
            }
            Action::Escalate => {
                self.set_priority(self.done.ticket.priority.raised())?;
                self.notify(RuleNotification::escalation(&rule.name));
                Ok(())
            }
            Action::SendNotification { to, message } => {
                let (to, message) = (self.recipient(to)?, message.clone());
                self.notify(RuleNotification { to, message });
                Ok(())
            }
            Action::SendWebhook(row) => {
                let webhook = self
                    .references
                    .webhook(row)
                    .ok_or("this is no webhook that is switched on")?;
                if self.is_about_note() && !webhook.is_staff {
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
