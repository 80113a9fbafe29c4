//! Runs workflow rules: what they do after a ticket change is written in the same batch as the change.

use std::rc::Rc;

use serde_json::json;

use crate::app::call::Call;
use crate::desk::automation::executor::{
    Executor, RuleEffects, RunEffects as Done, TicketContext, TriggerInput, detect_triggers,
};
use crate::desk::automation::rule::{Rule, RuleOutcome, RuleRun, TriggerKind, run_rules};
use crate::desk::automation::run_report;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::history::{diff, event_of};
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::{Ticket, TicketSettings};
use crate::desk::{HOUR, Millis};
use crate::edge::config::mail::MailTransport;
use crate::edge::db::Stmt;
use crate::edge::ids;
use crate::http::error::Error;
use crate::store::automation::notify as told_rows;
use crate::store::automation::rules::{self as rows, RuleSet};
use crate::store::tickets::assignment;
use crate::store::tickets::messages::NewMessage;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write::story::Story;
use crate::store::webhooks::deliveries::{self, RuleDelivery};

/// Minimum interval between two records that the same rule is invalid, in milliseconds.
const BROKEN_RULE_INTERVAL: i64 = HOUR;

/// Whether the handler must read the ticket's context for the rules. True before the first read, when the rules are
/// not yet known.
pub fn needs_context(call: &Call) -> bool {
    call.rule_set()
        .is_none_or(|automation| !automation.rules.is_empty())
}

/// What rules need to run, for a request or for a job.
pub struct Engine {
    pub now: Millis,
    pub rules: TicketSettings,
    pub automation: Option<Rc<RuleSet>>,
    /// Whether the desk sends mails.
    pub sends_mail: bool,
}

impl Engine {
    /// The engine of a request; only complete after its first read.
    pub fn of(call: &Call) -> Engine {
        Engine {
            now: call.now(),
            rules: call.ticket_settings(),
            automation: call.rule_set(),
            sends_mail: call.app.config.mail.transport != MailTransport::Off,
        }
    }
}

/// The context of a ticket that is being opened.
pub fn new_ticket_context(engine: &Engine, channel: &str, address: Option<&str>) -> TicketContext {
    let requester = address.map(|address| {
        let people = engine
            .automation
            .iter()
            .flat_map(|automation| &automation.directory.people);
        let mut people = people.filter(|known| known.name == address);
        match people.next() {
            Some(known) => json!({"id": known.id, "uid": known.uid, "name": address}),
            None => json!({"name": address}),
        }
    });
    TicketContext {
        channel: channel.to_owned(),
        updated_at: engine.now,
        requester,
        ..TicketContext::default()
    }
}

/// The result of running the rules: the ticket as they leave it, and what is to be written in addition to the change.
pub struct Applied {
    pub ticket: Ticket,
    pub story: Story,
    /// The ticket still needs an assignee, and no rule assigns one automatically.
    pub needs_assignment: bool,
}

/// Runs the rules for a change that somebody made to a ticket.
pub fn apply_rules_to_change(
    call: &Call,
    (before, after): (&Ticket, &Ticket),
    around: &TicketContext,
) -> Result<Applied, Error> {
    let heard = TriggerInput {
        on: detect_triggers(Some(before), after),
        actor_role: Some(call.my_role()?),
        ..TriggerInput::default()
    };
    apply_rules(
        &Engine::of(call),
        &EventSubject::Ticket(before.id),
        (Some(before), after),
        around,
        &heard,
    )
}

/// Runs the rules for a change; the first ticket is `None` if the change created the ticket.
pub fn apply_rules(
    engine: &Engine,
    subject: &EventSubject,
    change: (Option<&Ticket>, &Ticket),
    around: &TicketContext,
    heard: &TriggerInput,
) -> Result<Applied, Error> {
    match &engine.automation {
        Some(automation) if !heard.on.is_empty() => apply_listed_rules(
            engine,
            automation,
            &automation.rules,
            subject,
            change,
            (around, heard),
        ),
        _ => Ok(Applied {
            ticket: change.1.clone(),
            story: Story::new(subject),
            needs_assignment: needs_assignment(change.1),
        }),
    }
}

/// Like [`apply_rules`], but runs only the given rules.
pub fn apply_listed_rules(
    engine: &Engine,
    automation: &RuleSet,
    list: &[Rule],
    subject: &EventSubject,
    change: (Option<&Ticket>, &Ticket),
    (around, heard): (&TicketContext, &TriggerInput),
) -> Result<Applied, Error> {
    let now = engine.now;
    let mut hands = Executor::new(change, (around, heard), &automation.directory, &engine.rules, now);
    let runs = run_rules(list, &heard.on, &mut hands);
    let done = hands.finish();
    let mut story = Story::new(subject);
    for step in &done.steps {
        add_effects(&mut story, now, subject, step, automation)?;
    }
    if let Some(rule) = done.auto_assign_rule {
        let name = runs
            .iter()
            .find(|run| run.rule.id == rule)
            .map_or("", |run| &run.rule.name);
        let was_open = done.ticket.workflow == Lifecycle::Support && done.ticket.status == Status::Open;
        let given = assignment::assign_least_loaded(subject, was_open, &rule_cause(name), now);
        story.extend(given);
    }
    // Notifications come last, when the assignee is known.
    for telling in done.steps.iter().flat_map(|step| &step.notifications) {
        story.extend(told_rows::notify(subject, telling, now));
    }
    for step in &done.steps {
        let acted = runs.iter().find(|run| run.rule.id == step.rule_id);
        story.extend(delivery_stmts(
            now,
            subject,
            step,
            (acted.map_or("", |run| trigger_word(run.rule, heard)), heard),
        )?);
    }
    for run in &runs {
        story.extend(run_stmt(now, subject, run, heard, &done));
    }
    Ok(Applied {
        needs_assignment: needs_assignment(&done.ticket) && done.auto_assign_rule.is_none(),
        ticket: done.ticket,
        story,
    })
}

fn needs_assignment(ticket: &Ticket) -> bool {
    ticket.assignee.is_none() && ticket.status == Status::Open
}

fn rule_cause(rule: &str) -> String {
    format!("rule: {rule}")
}

/// Adds the event and the notes of one rule.
fn add_effects(
    story: &mut Story,
    now: Millis,
    subject: &EventSubject,
    step: &RuleEffects,
    automation: &RuleSet,
) -> Result<(), Error> {
    let changed = diff(&step.before, &step.after);
    if !changed.is_empty() {
        let event = Event {
            cause: Some(rule_cause(&step.rule)),
            ..event_of(changed, &automation.directory.custom_fields)
        };
        story.push_event(subject, None, &event, now);
    }
    let Some(author_id) = automation.author(step.rule_id) else {
        return Ok(());
    };
    for note in &step.notes {
        let note = NewMessage {
            uid_head: &ids::uid_head(now).map_err(Error::Internal)?,
            subject: *subject,
            author_id,
            body: note,
            is_internal: true,
            channel: "rule",
            now,
        };
        let said = Event {
            is_internal: true,
            cause: Some(rule_cause(&step.rule)),
            ..Event::public(EventKind::MessageAdded, Vec::new())
        };
        story.push_message(&note, None, &said, &[]);
    }
    Ok(())
}

/// The deliveries to the webhooks that one rule names.
fn delivery_stmts(
    now: Millis,
    subject: &EventSubject,
    step: &RuleEffects,
    (on, heard): (&str, &TriggerInput),
) -> Result<Vec<Stmt>, Error> {
    let is_internal = heard.message.as_ref().is_some_and(|message| message.is_internal);
    let rule = json!({"id": step.rule_id, "name": step.rule, "heard": on}).to_string();
    let one = |webhook: &i64| {
        let new = RuleDelivery {
            webhook: *webhook,
            rule: &rule,
            is_internal,
            now,
        };
        Ok(deliveries::insert_for_rule(subject, &new))
    };
    step.webhooks.iter().map(one).collect()
}

/// The name of the trigger that the rule reacted to.
fn trigger_word(rule: &Rule, heard: &TriggerInput) -> &'static str {
    let on = match &rule.definition {
        Ok(definition) => Some(definition.trigger.on),
        Err(_) => heard.on.first().copied(),
    };
    on.map_or("", TriggerKind::as_str)
}

/// The statement that records a run of a rule; `None` if its conditions did not hold.
fn run_stmt(
    now: Millis,
    subject: &EventSubject,
    run: &RuleRun,
    heard: &TriggerInput,
    done: &Done,
) -> Option<Stmt> {
    let (rule, on) = (run.rule, trigger_word(run.rule, heard));
    match &run.outcome {
        RuleOutcome::Unmet => None,
        RuleOutcome::Invalid(mistakes) => {
            let since = now.saturating_sub(BROKEN_RULE_INTERVAL);
            Some(rows::record_broken(subject, rule.id, on, mistakes, (now, since)))
        }
        RuleOutcome::Acted(acted) => {
            let sought =
                (done.auto_assign_rule == Some(rule.id)).then_some(run_report::AUTO_ASSIGN_PLACEHOLDER);
            let details = run_report::report_actions(acted, sought, None).to_string();
            let step = done.steps.iter().find(|step| step.rule_id == rule.id);
            let notifications = step.map_or(&[][..], |step| &step.notifications);
            Some(rows::record_run(
                subject,
                rule.id,
                on,
                (&details, notifications),
                now,
            ))
        }
    }
}
