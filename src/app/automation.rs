//! Workflow rules at work: what follows from a change of a ticket, kept in the change's own batch.

use std::rc::Rc;

use serde_json::json;

use crate::app::call::Call;
use crate::desk::automation::executor::{Around, Hands, Heard, Outcome as Done, Step, hearing};
use crate::desk::automation::rule::{On, Outcome, Rule, Run, run};
use crate::desk::automation::run_report;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::history::{changes, kind_of};
use crate::desk::tickets::status::{Status, Workflow};
use crate::desk::tickets::ticket::{Rules, Ticket};
use crate::desk::{HOUR, Millis};
use crate::edge::db::{Rows, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::store::automation::rules::{self as rows, Automation};
use crate::store::automation::{notify as told_rows, ticket_context};
use crate::store::tickets::subject::Subject;
use crate::store::tickets::{assignment, events, messages};
use crate::store::webhooks::deliveries::{self, FromRule};

/// How often it is recorded at most that a rule is broken.
const BROKEN_EVERY: i64 = HOUR;

/// Whether rules may want to know what is around a ticket. Unknown, before the first read, is yes.
pub fn asks(call: &Call) -> bool {
    call.automation()
        .is_none_or(|automation| !automation.rules.is_empty())
}

/// What rules are run with, on behalf of a request or of the clock.
pub struct Engine {
    pub now: Millis,
    pub rules: Rules,
    pub automation: Option<Rc<Automation>>,
}

impl Engine {
    /// The engine of a request, after its first read.
    pub fn of(call: &Call) -> Engine {
        Engine {
            now: call.now(),
            rules: call.rules(),
            automation: call.automation(),
        }
    }
}

/// What is around a ticket that is being opened.
pub fn around_new(engine: &Engine, channel: &str, address: Option<&str>) -> Around {
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
    Around {
        channel: channel.to_owned(),
        updated_at: engine.now,
        requester,
        ..Around::default()
    }
}

/// What follows from a change: the ticket as rules leave it, and what else is to be kept behind the change itself.
pub struct Followed {
    pub ticket: Ticket,
    pub stmts: Vec<Stmt>,
    /// It waits for somebody to take it, and no rule looks for an agent.
    pub is_pooled: bool,
}

/// Lets the rules hear of a change that somebody made to a ticket.
pub fn follow_change(
    call: &Call,
    (before, after): (&Ticket, &Ticket),
    around: Option<&Rows>,
) -> Result<Followed, Error> {
    let heard = Heard {
        on: hearing(Some(before), after),
        actor_role: Some(call.my_role()?),
        ..Heard::default()
    };
    let around = ticket_context::read(around)?;
    follow(
        &Engine::of(call),
        &Subject::Ticket(before.id),
        (Some(before), after),
        &around,
        &heard,
    )
}

/// Lets the rules hear of a change, `before` being nothing where it made the ticket.
pub fn follow(
    engine: &Engine,
    subject: &Subject,
    change: (Option<&Ticket>, &Ticket),
    around: &Around,
    heard: &Heard,
) -> Result<Followed, Error> {
    match &engine.automation {
        Some(automation) if !heard.on.is_empty() => follow_by(
            engine,
            automation,
            &automation.rules,
            subject,
            change,
            (around, heard),
        ),
        _ => Ok(Followed {
            ticket: change.1.clone(),
            stmts: Vec::new(),
            is_pooled: is_pooled(change.1),
        }),
    }
}

/// As [`follow`], of these rules only.
pub fn follow_by(
    engine: &Engine,
    automation: &Automation,
    list: &[Rule],
    subject: &Subject,
    change: (Option<&Ticket>, &Ticket),
    (around, heard): (&Around, &Heard),
) -> Result<Followed, Error> {
    let now = engine.now;
    let mut hands = Hands::new(change, (around, heard), &automation.directory, &engine.rules, now);
    let runs = run(list, &heard.on, &mut hands);
    let done = hands.finish();
    let mut stmts = Vec::new();
    for step in &done.steps {
        stmts.extend(kept(now, subject, step, automation)?);
    }
    if let Some(rule) = done.seeking {
        let name = runs
            .iter()
            .find(|run| run.rule.id == rule)
            .map_or("", |run| &run.rule.name);
        let was_open = done.ticket.workflow == Workflow::Support && done.ticket.status == Status::Open;
        let given = assignment::give_to_least_loaded(subject, was_open, &cause(name), now);
        stmts.extend(given);
    }
    // Last, when it is known whose ticket it is.
    for telling in done.steps.iter().flat_map(|step| &step.tellings) {
        stmts.push(told_rows::tell(subject, telling, now));
    }
    for step in &done.steps {
        let acted = runs.iter().find(|run| run.rule.id == step.rule_id);
        stmts.extend(sent(
            now,
            subject,
            step,
            (acted.map_or("", |run| word(run.rule, heard)), heard),
        )?);
    }
    for run in &runs {
        stmts.extend(recorded(now, subject, run, heard, &done));
    }
    Ok(Followed {
        is_pooled: is_pooled(&done.ticket) && done.seeking.is_none(),
        ticket: done.ticket,
        stmts,
    })
}

fn is_pooled(ticket: &Ticket) -> bool {
    ticket.assignee.is_none() && ticket.status == Status::Open
}

fn cause(rule: &str) -> String {
    format!("rule: {rule}")
}

/// The event and the notes of one rule.
fn kept(now: Millis, subject: &Subject, step: &Step, automation: &Automation) -> Result<Vec<Stmt>, Error> {
    let mut stmts = Vec::new();
    let changed = changes(&step.before, &step.after);
    if !changed.is_empty() {
        let event = Event {
            cause: Some(cause(&step.rule)),
            ..Event::public(kind_of(&changed), changed)
        };
        stmts.push(events::append(subject, None, &event, now));
    }
    let Some(author) = automation.author(step.rule_id) else {
        return Ok(stmts);
    };
    for note in &step.notes {
        let uid = ids::uid(now).map_err(Error::Internal)?;
        let said = Event {
            is_internal: true,
            cause: Some(cause(&step.rule)),
            ..Event::public(EventKind::MessageAdded, Vec::new())
        };
        stmts.push(messages::insert_note(subject, &uid, author, note, now));
        stmts.push(events::append(&Subject::MessageUid(&uid), None, &said, now));
    }
    Ok(stmts)
}

/// What goes to the webhooks that one rule names.
fn sent(
    now: Millis,
    subject: &Subject,
    step: &Step,
    (on, heard): (&str, &Heard),
) -> Result<Vec<Stmt>, Error> {
    let is_internal = heard.message.as_ref().is_some_and(|message| message.is_internal);
    let rule = json!({"id": step.rule_id, "name": step.rule, "heard": on}).to_string();
    let one = |webhook: &i64| {
        let new = FromRule {
            webhook: *webhook,
            uid: &ids::uid(now).map_err(Error::Internal)?,
            rule: &rule,
            is_internal,
            now,
        };
        Ok(deliveries::from_rule(subject, &new))
    };
    step.webhooks.iter().map(one).collect()
}

/// What a rule has heard.
fn word(rule: &Rule, heard: &Heard) -> &'static str {
    let on = match &rule.plan {
        Ok(plan) => Some(plan.trigger.on),
        Err(_) => heard.on.first().copied(),
    };
    on.map_or("", On::word)
}

/// What is put on record of a rule that heard something: nothing where its conditions did not hold.
fn recorded(now: Millis, subject: &Subject, run: &Run, heard: &Heard, done: &Done) -> Option<Stmt> {
    let (rule, on) = (run.rule, word(run.rule, heard));
    match &run.outcome {
        Outcome::Unmet => None,
        Outcome::Broken(mistakes) => {
            let since = now.saturating_sub(BROKEN_EVERY);
            Some(rows::record_broken(subject, rule.id, on, mistakes, (now, since)))
        }
        Outcome::Acted(acted) => {
            let sought = (done.seeking == Some(rule.id)).then_some(run_report::SOUGHT);
            let details = run_report::deeds(acted, sought, None).to_string();
            let step = done.steps.iter().find(|step| step.rule_id == rule.id);
            let tellings = step.map_or(&[][..], |step| &step.tellings);
            Some(rows::record(subject, rule.id, on, (&details, tellings), now))
        }
    }
}
