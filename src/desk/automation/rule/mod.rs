//! Workflow rules: when something happens to a ticket and conditions hold, actions follow.
//!
//! [`run_rules`] passes once through the rules in their order. A later rule sees what earlier ones did to the
//! ticket, but hears only what happened at first: no rule hears a rule, so nothing goes round in circles.

use serde_json::Value;

use crate::desk::automation::action::Action;
use crate::desk::automation::condition::{Conditions, Facts};
use crate::desk::tickets::status::Status;
use crate::desk::validation::FieldError;
use crate::desk::{HOUR, Millis};

/// Rules that are asked about one change.
pub const MAX_RULES: usize = 100;
/// Actions that follow from one change.
pub const MAX_ACTIONS_PER_CHANGE: usize = 50;
/// What a rule may hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    TicketCreated,
    /// Any change of a ticket's fields, those with a name of their own included.
    TicketUpdated,
    StatusChanged,
    MessageAdded,
    Assigned,
    SlaAtRisk,
    SlaBreached,
    Schedule,
}

impl TriggerKind {
    /// Everything.
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
    /// The canonical words, in the order of [`TriggerKind::ALL`].
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

    /// The canonical word.
    pub fn as_str(self) -> &'static str {
        let known = TriggerKind::ALL
            .into_iter()
            .zip(TriggerKind::WORDS)
            .find(|(on, _)| *on == self);
        known.map_or("", |(_, word)| word)
    }

    /// Reads a word, exactly.
    pub fn parse(word: &str) -> Option<TriggerKind> {
        TriggerKind::ALL.into_iter().find(|on| on.as_str() == word)
    }
}

/// What a rule hears. The narrowing parts are compared with facts of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub on: TriggerKind,
    /// Of `status_changed`.
    pub from: Option<Status>,
    /// Of `status_changed`.
    pub to: Option<Status>,
    /// Of `message_added`: by the staff, or by customers. The fact `author_role` tells.
    pub by_staff: Option<bool>,
    /// Of `message_added`: internal notes instead of public messages. The fact `is_internal` tells.
    pub internal: bool,
    /// Of the SLA's: `response` or `resolution`. The fact `sla_target` tells.
    pub target: Option<&'static str>,
    /// Of `schedule`: hours between two runs.
    pub every_hours: i64,
}

impl Trigger {
    /// Whether this is what it waits for.
    pub fn matches(&self, heard: &[TriggerKind], facts: &impl Facts) -> bool {
        if !heard.contains(&self.on) {
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

    /// Whether a schedule is due that last ran then.
    pub fn is_due(&self, last: Option<Millis>, now: Millis) -> bool {
        let pause = self.every_hours.saturating_mul(HOUR);
        self.on == TriggerKind::Schedule && last.is_none_or(|last| now.saturating_sub(last) >= pause)
    }
}

/// What a rule says: its three JSON parts, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleDefinition {
    pub trigger: Trigger,
    pub conditions: Conditions,
    pub actions: Vec<Action>,
}

/// A stored rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub id: i64,
    pub name: String,
    pub is_active: bool,
    pub position: i64,
    /// When it has acted, later rules are not asked.
    pub stop: bool,
    /// What was stored, or why it cannot be read any more.
    pub definition: Result<RuleDefinition, Vec<FieldError>>,
}

/// The ticket under the rules' hands.
pub trait ActionTarget: Facts {
    /// Does what an action says, as far as it may; or says why not. Later calls of [`Facts::get`] tell of
    /// it, those of [`Facts::before`] do not.
    fn execute(&mut self, rule: &Rule, action: &Action) -> Result<(), String>;
}

/// What came of a rule that heard something.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRun<'a> {
    pub rule: &'a Rule,
    pub outcome: RuleOutcome<'a>,
}

/// See [`RuleRun`].
#[derive(Clone, Debug, PartialEq)]
pub enum RuleOutcome<'a> {
    /// It cannot be read.
    Invalid(&'a [FieldError]),
    /// Its conditions do not hold; [`Conditions::explain`] says why.
    Unmet,
    /// Its actions, each with the reason why it was refused, if it was.
    Acted(Vec<(&'a Action, Option<String>)>),
}

/// Lets every active rule that hears one of the events act, by position, then id. Rules that wait for
/// something else are left out of the answer; rules that cannot be read are in it every time.
pub fn run_rules<'a>(
    rules: &'a [Rule],
    heard: &[TriggerKind],
    desk: &mut impl ActionTarget,
) -> Vec<RuleRun<'a>> {
    let mut active: Vec<&Rule> = rules.iter().filter(|rule| rule.is_active).collect();
    active.sort_by_key(|rule| (rule.position, rule.id));
    let mut runs = Vec::new();
    let mut deeds: usize = 0;
    for rule in active {
        if runs.len() >= MAX_RULES {
            break;
        }
        let outcome = match &rule.definition {
            Err(mistakes) => RuleOutcome::Invalid(mistakes),
            Ok(definition) if !definition.trigger.matches(heard, desk) => continue,
            Ok(definition) if !definition.conditions.matches(desk) => RuleOutcome::Unmet,
            Ok(definition) => {
                let mut acted = Vec::new();
                for action in &definition.actions {
                    let refused = if deeds < MAX_ACTIONS_PER_CHANGE {
                        deeds = deeds.saturating_add(1);
                        desk.execute(rule, action).err()
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
