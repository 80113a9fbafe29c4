//! Workflow rules: when something happens to a ticket and conditions hold, actions follow.
//!
//! [`run`] passes once through the rules in their order. A later rule sees what earlier ones did to the
//! ticket, but hears only what happened at first: no rule hears a rule, so nothing goes round in circles.

use serde_json::Value;

use crate::desk::automation::action::Action;
use crate::desk::automation::condition::{Conditions, Facts};
use crate::desk::tickets::status::Status;
use crate::desk::validation::Mistake;
use crate::desk::{HOUR, Millis};

/// Rules that are asked about one change.
pub const MAX_RULES: usize = 100;
/// Actions that follow from one change.
pub const MAX_DEEDS: usize = 50;
/// What a rule may hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum On {
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

impl On {
    /// Everything.
    pub const ALL: [On; 8] = [
        On::TicketCreated,
        On::TicketUpdated,
        On::StatusChanged,
        On::MessageAdded,
        On::Assigned,
        On::SlaAtRisk,
        On::SlaBreached,
        On::Schedule,
    ];
    /// The canonical words, in the order of [`On::ALL`].
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
    pub fn word(self) -> &'static str {
        let known = On::ALL.into_iter().zip(On::WORDS).find(|(on, _)| *on == self);
        known.map_or("", |(_, word)| word)
    }

    /// Reads a word, exactly.
    pub fn parse(word: &str) -> Option<On> {
        On::ALL.into_iter().find(|on| on.word() == word)
    }
}

/// What a rule hears. The narrowing parts are compared with facts of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub on: On,
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
    pub fn hears(&self, heard: &[On], facts: &impl Facts) -> bool {
        if !heard.contains(&self.on) {
            return false;
        }
        let is = |fact: Option<Value>, word: &str| fact.is_some_and(|fact| fact == word);
        let by_customer = || is(facts.get("author_role"), "customer");
        match self.on {
            On::StatusChanged => {
                self.from
                    .is_none_or(|from| is(facts.before("status"), from.word()))
                    && self.to.is_none_or(|to| is(facts.get("status"), to.word()))
            }
            On::MessageAdded => {
                self.by_staff.is_none_or(|by_staff| by_staff != by_customer())
                    && self.internal == (facts.get("is_internal") == Some(Value::Bool(true)))
            }
            On::SlaAtRisk | On::SlaBreached => self
                .target
                .is_none_or(|target| is(facts.get("sla_target"), target)),
            On::TicketCreated | On::TicketUpdated | On::Assigned | On::Schedule => true,
        }
    }

    /// Whether a schedule is due that last ran then.
    pub fn is_due(&self, last: Option<Millis>, now: Millis) -> bool {
        let pause = self.every_hours.saturating_mul(HOUR);
        self.on == On::Schedule && last.is_none_or(|last| now.saturating_sub(last) >= pause)
    }
}

/// What a rule says: its three JSON parts, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
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
    pub plan: Result<Plan, Vec<Mistake>>,
}

/// The ticket under the rules' hands.
pub trait Desk: Facts {
    /// Does what an action says, as far as it may; or says why not. Later calls of [`Facts::get`] tell of
    /// it, those of [`Facts::before`] do not.
    fn act(&mut self, rule: &Rule, action: &Action) -> Result<(), String>;
}

/// What came of a rule that heard something.
#[derive(Clone, Debug, PartialEq)]
pub struct Run<'a> {
    pub rule: &'a Rule,
    pub outcome: Outcome<'a>,
}

/// See [`Run`].
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// It cannot be read.
    Broken(&'a [Mistake]),
    /// Its conditions do not hold; [`Conditions::explain`] says why.
    Unmet,
    /// Its actions, each with the reason why it was refused, if it was.
    Acted(Vec<(&'a Action, Option<String>)>),
}

/// Lets every active rule that hears one of the events act, by position, then id. Rules that wait for
/// something else are left out of the answer; rules that cannot be read are in it every time.
pub fn run<'a>(rules: &'a [Rule], heard: &[On], desk: &mut impl Desk) -> Vec<Run<'a>> {
    let mut active: Vec<&Rule> = rules.iter().filter(|rule| rule.is_active).collect();
    active.sort_by_key(|rule| (rule.position, rule.id));
    let mut runs = Vec::new();
    let mut deeds: usize = 0;
    for rule in active {
        if runs.len() >= MAX_RULES {
            break;
        }
        let outcome = match &rule.plan {
            Err(mistakes) => Outcome::Broken(mistakes),
            Ok(plan) if !plan.trigger.hears(heard, desk) => continue,
            Ok(plan) if !plan.conditions.hold(desk) => Outcome::Unmet,
            Ok(plan) => {
                let mut acted = Vec::new();
                for action in &plan.actions {
                    let refused = if deeds < MAX_DEEDS {
                        deeds = deeds.saturating_add(1);
                        desk.act(rule, action).err()
                    } else {
                        Some(format!("one change is followed by at most {MAX_DEEDS} actions"))
                    };
                    acted.push((action, refused));
                }
                Outcome::Acted(acted)
            }
        };
        let is_last = rule.stop && matches!(outcome, Outcome::Acted(_));
        runs.push(Run { rule, outcome });
        if is_last {
            break;
        }
    }
    runs
}

#[cfg(test)]
mod tests;
