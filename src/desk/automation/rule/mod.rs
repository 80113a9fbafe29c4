//! Workflow rules: a trigger, conditions and actions, and the loop that runs them.
//!
//! [`run_rules`] goes through the rules once, in order. A later rule sees what earlier ones changed on the ticket, but
//! is triggered only by the original change: rules do not trigger rules, so there are no loops.

use serde_json::Value;

use crate::desk::automation::action::Action;
use crate::desk::automation::condition::{Conditions, Facts};
use crate::desk::tickets::status::Status;
use crate::desk::validation::FieldError;
use crate::desk::{HOUR, Millis};

/// Active rules that are considered for one change.
pub const MAX_RULES: usize = 100;
/// Actions that one change can cause, over all rules.
pub const MAX_ACTIONS_PER_CHANGE: usize = 50;
/// What can trigger a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    TicketCreated,
    /// Any change of a ticket's fields, including those with a trigger kind of their own.
    TicketUpdated,
    StatusChanged,
    MessageAdded,
    Assigned,
    SlaAtRisk,
    SlaBreached,
    Schedule,
}

impl TriggerKind {
    /// All trigger kinds.
    pub const ALL: [TriggerKind; 8] = [
        TriggerKind::TicketCreated,
        TriggerKind::TicketUpdated,
        TriggerKind::StatusChanged,
        TriggerKind::MessageAdded,
        TriggerKind::Assigned,
        TriggerKind::SlaAtRisk,
        TriggerKind::SlaBreached,
        TriggerKind::Schedule,
    ];
    /// The API names, in the order of [`TriggerKind::ALL`].
    pub const WORDS: [&'static str; 8] = [
        "ticket_created",
        "ticket_updated",
        "status_changed",
        "message_added",
        "assigned",
        "sla_at_risk",
        "sla_breached",
        "schedule",
    ];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        let known = TriggerKind::ALL
            .into_iter()
            .zip(TriggerKind::WORDS)
            .find(|(on, _)| *on == self);
        known.map_or("", |(_, word)| word)
    }

    /// Reads an API name; case matters.
    pub fn parse(word: &str) -> Option<TriggerKind> {
        TriggerKind::ALL.into_iter().find(|on| on.as_str() == word)
    }
}

/// When a rule runs. The optional parts narrow the trigger; they are compared with facts of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub on: TriggerKind,
    /// Only for `status_changed`.
    pub from: Option<Status>,
    /// Only for `status_changed`.
    pub to: Option<Status>,
    /// Only for `message_added`: by staff, or by customers. Compared with the fact `author_role`.
    pub by_staff: Option<bool>,
    /// Only for `message_added`: internal notes instead of public messages. Compared with the fact `is_internal`.
    pub internal: bool,
    /// Only for SLA triggers: `response` or `resolution`. Compared with the fact `sla_target`.
    pub target: Option<&'static str>,
    /// Only for `schedule`: hours between two runs.
    pub every_hours: i64,
}

impl Trigger {
    /// Whether one of the events triggers the rule.
    pub fn matches(&self, events: &[TriggerKind], facts: &impl Facts) -> bool {
        if !events.contains(&self.on) {
            return false;
        }
        let is = |fact: Option<Value>, word: &str| fact.is_some_and(|fact| fact == word);
        let by_customer = || is(facts.get("author_role"), "customer");
        match self.on {
            TriggerKind::StatusChanged => {
                self.from
                    .is_none_or(|from| is(facts.before("status"), from.as_str()))
                    && self.to.is_none_or(|to| is(facts.get("status"), to.as_str()))
            }
            TriggerKind::MessageAdded => {
                self.by_staff.is_none_or(|by_staff| by_staff != by_customer())
                    && self.internal == (facts.get("is_internal") == Some(Value::Bool(true)))
            }
            TriggerKind::SlaAtRisk | TriggerKind::SlaBreached => self
                .target
                .is_none_or(|target| is(facts.get("sla_target"), target)),
            TriggerKind::TicketCreated
            | TriggerKind::TicketUpdated
            | TriggerKind::Assigned
            | TriggerKind::Schedule => true,
        }
    }

    /// Whether a scheduled rule that last ran at `last` is due at `now`.
    pub fn is_due(&self, last: Option<Millis>, now: Millis) -> bool {
        let pause = self.every_hours.saturating_mul(HOUR);
        self.on == TriggerKind::Schedule && last.is_none_or(|last| now.saturating_sub(last) >= pause)
    }
}

/// The three JSON parts of a rule, parsed and validated.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleDefinition {
    pub trigger: Trigger,
    pub conditions: Conditions,
    pub actions: Vec<Action>,
}

/// A rule as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub id: i64,
    pub name: String,
    pub is_active: bool,
    pub position: i64,
    /// Later rules are skipped when this one has acted.
    pub stop: bool,
    /// The errors when the stored JSON is no longer valid, for example after an update of the code.
    pub definition: Result<RuleDefinition, Vec<FieldError>>,
}

/// The ticket that rules act on.
pub trait ActionTarget: Facts {
    /// Applies an action, or returns the reason why it is refused. Afterwards [`Facts::get`] returns the new values;
    /// [`Facts::before`] does not change.
    fn execute(&mut self, rule: &Rule, action: &Action) -> Result<(), String>;
}

/// The result of one rule that was triggered.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRun<'a> {
    pub rule: &'a Rule,
    pub outcome: RuleOutcome<'a>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RuleOutcome<'a> {
    /// The stored rule is not valid.
    Invalid(&'a [FieldError]),
    /// Its conditions do not hold; [`Conditions::explain`] tells which.
    Unmet,
    /// Its actions, each with the reason if it was refused.
    Acted(Vec<(&'a Action, Option<String>)>),
}

/// Whether [`run_rules`] may have a result for a change with only this event, whatever the facts are.
pub fn may_run(rules: &[Rule], event: TriggerKind) -> bool {
    rules.iter().any(|rule| {
        let definition = rule.definition.as_ref();
        rule.is_active && definition.map_or(true, |definition| definition.trigger.on == event)
    })
}

/// Runs the active rules that one of the events triggers, by position, then id. Rules with another trigger are left out
/// of the result; invalid rules are always in it.
pub fn run_rules<'a>(
    rules: &'a [Rule],
    events: &[TriggerKind],
    target: &mut impl ActionTarget,
) -> Vec<RuleRun<'a>> {
    let mut active: Vec<&Rule> = rules.iter().filter(|rule| rule.is_active).collect();
    active.sort_by_key(|rule| (rule.position, rule.id));
    let mut runs = Vec::new();
    let mut action_count: usize = 0;
    for rule in active {
        if runs.len() >= MAX_RULES {
            break;
        }
        let outcome = match &rule.definition {
            Err(errors) => RuleOutcome::Invalid(errors),
            Ok(definition) if !definition.trigger.matches(events, target) => continue,
            Ok(definition) if !definition.conditions.matches(target) => RuleOutcome::Unmet,
            Ok(definition) => {
                let mut acted = Vec::new();
                for action in &definition.actions {
                    let refused = if action_count < MAX_ACTIONS_PER_CHANGE {
                        action_count = action_count.saturating_add(1);
                        target.execute(rule, action).err()
                    } else {
                        Some(format!(
                            "one change is followed by at most {MAX_ACTIONS_PER_CHANGE} actions"
                        ))
                    };
                    acted.push((action, refused));
                }
                RuleOutcome::Acted(acted)
            }
        };
        let is_last = rule.stop && matches!(outcome, RuleOutcome::Acted(_));
        runs.push(RuleRun { rule, outcome });
        if is_last {
            break;
        }
    }
    runs
}

#[cfg(test)]
mod tests;
