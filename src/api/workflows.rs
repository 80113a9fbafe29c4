//! Workflow rules, as admins write, try and follow them.

use serde_json::{Value, json};

use crate::api::list::{Listed, listed, listed_rows};
use crate::app::call::{Call, reader};
use crate::app::retry::retry;
use crate::desk::automation::executor::{Hands, Heard};
use crate::desk::automation::references::Directory;
use crate::desk::automation::rule::{Outcome, Plan, Rule, run};
use crate::desk::automation::run_report;
use crate::desk::tickets::history::changes;
use crate::desk::validation::Mistake;
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Form, Kind, Shape};
use crate::store::automation::rules::{self as rows, NewRule, RuleRow};
use crate::store::automation::ticket_context::{self, Tried};
use crate::store::commit::Answer;

/// How many tickets a rule is tried on.
const TRIED: i64 = 100;

fn mistakes(read: Result<Plan, Vec<Mistake>>, part: &str) -> Vec<Mistake> {
    let all = read.err().unwrap_or_default();
    all.into_iter()
        .filter(|(path, _)| path.starts_with(part))
        .collect()
}

static TRIGGER: Form = Form {
    schema: "WorkflowTrigger",
    check: |value| mistakes(Plan::read(Some(value), None, None), "trigger"),
};
static CONDITIONS: Form = Form {
    schema: "WorkflowConditions",
    check: |value| mistakes(Plan::read(None, Some(value), None), "conditions"),
};
static ACTIONS: Form = Form {
    schema: "WorkflowActions",
    check: |value| mistakes(Plan::read(None, None, Some(value)), "actions"),
};

const NAME: Kind = Kind::Line { min: 1, max: 100 };
const POSITION: Field = Field::optional(
    "position",
    Kind::Whole {
        min: -1_000_000,
        max: 1_000_000,
    },
    "Rules are asked by position, then id; behind all others by default.",
);
const ACTIVE: Field = Field::optional("is_active", Kind::Flag, "Whether it is asked at all.").or(&["active"]);
const STOP: Field = Field::optional(
    "stop",
    Kind::Flag,
    "When it has acted, later rules are not asked.",
);
const HOLDS: Field = Field::nullable(
    "conditions",
    Kind::Json(&CONDITIONS),
    "What must hold: `{all: [{field, op, value}], any: [...]}`.",
);

/// The body of a new rule.
pub const NEW: Shape = Shape {
    name: "NewWorkflowRule",
    fields: &[
        Field::required("name", NAME, "What history calls it."),
        Field::required("trigger", Kind::Json(&TRIGGER), "What it hears: `{on, ...}`."),
        HOLDS,
        Field::required("actions", Kind::Json(&ACTIONS), "What it does: `[{type, ...}]`."),
        ACTIVE,
        POSITION,
        STOP,
    ],
};

/// The body of an update.
pub const EDIT: Shape = Shape {
    name: "WorkflowRulePatch",
    fields: &[
        Field::optional("name", NAME, "What history calls it."),
        Field::optional("trigger", Kind::Json(&TRIGGER), "What it hears: `{on, ...}`."),
        HOLDS,
        Field::optional("actions", Kind::Json(&ACTIONS), "What it does: `[{type, ...}]`."),
        ACTIVE,
        POSITION,
        STOP,
        Field::optional(
            "version",
            Kind::Whole {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The body of a trial.
pub const TRIAL: Shape = Shape {
    name: "WorkflowTrial",
    fields: &[Field::optional(
        "ticket_id",
        Kind::Reference,
        "The ticket to try it on: id, uid, number or key; the newest 100 by default.",
    )
    .or(&["ticket"])],
};

/// Finds the rule in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(crate::store::automation::rules::row(&call.reference("id")?))
}

/// `GET /workflows`: in the order in which they are asked.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let mut stmts = vec![rows::directory(None), rows::list(&page)];
    if page.count {
        stmts.push(rows::count());
    }
    let found = call.read(stmts).await?;
    let directory = directory(found.first())?;
    let rules: Vec<RuleRow> = found.get(1).ok_or(Error::NotFound)?.all()?;
    let shown = rules.iter().map(|row| Listed {
        j: with_problems(row, &directory),
        id: row.id,
        s: Some(row.position),
    });
    listed_rows(call, &page, shown.collect(), None, found.get(2))
}

/// `GET /workflows/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call
        .read(vec![rows::directory(None), rows::row(&call.reference("id")?)])
        .await?;
    let row = rule_row(found.get(1))?;
    Ok(Reply {
        version: Some(row.version),
        ..Reply::ok(with_problems(&row, &directory(found.first())?))
    })
}

fn directory(rows: Option<&Rows>) -> Result<Directory, Error> {
    Ok(rows::read_directory(rows.ok_or(Error::NotFound)?)?)
}

fn rule_row(rows: Option<&Rows>) -> Result<RuleRow, Error> {
    match rows {
        Some(rows) => rows.first()?.ok_or(Error::NotFound),
        None => Err(Error::NotFound),
    }
}

/// What keeps a rule from working: it cannot be read, or it names what is not there any more.
fn problems(plan: &Result<Plan, Vec<Mistake>>, directory: &Directory) -> Vec<Mistake> {
    match plan {
        Ok(plan) => directory.missing(plan),
        Err(mistakes) => mistakes.clone(),
    }
}

/// The rule's JSON, whose last field are its problems, with those in it.
fn with_problems(row: &RuleRow, directory: &Directory) -> String {
    let head = row.j.strip_suffix("[]}").unwrap_or(&row.j);
    let list = rows::problems_json(&problems(&row.rule().plan, directory));
    format!("{head}{list}}}")
}

// Writing --------------------------------------------------------------------------------------------------------

/// `POST /workflows`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    retry!(async {
        let parts = ["trigger", "conditions", "actions"].map(|part| taken.json(part).cloned());
        let [trigger, conditions, actions] = parts.map(Option::unwrap_or_default);
        let found = call
            .read(vec![rows::directory(Some(&named(&actions))), rows::count()])
            .await?;
        let count: Option<crate::store::rows::Number> = match found.get(1) {
            Some(rows) => rows.first()?,
            None => None,
        };
        checked(&[&trigger, &conditions, &actions], &directory(found.first())?)?;
        if count.is_some_and(|count| count.n >= rows::MOST) {
            return Err(Error::conflict(format!(
                "a desk has at most {} rules",
                rows::MOST
            )));
        }
        let new = NewRule {
            uid: call.uid()?,
            name: taken.required("name"),
            is_active: taken.flag("is_active").unwrap_or(true),
            position: taken.whole("position"),
            stop: taken.flag("stop").unwrap_or(false),
            trigger: trigger.to_string(),
            conditions: or_empty(&conditions).to_string(),
            actions: actions.to_string(),
            author_id: call.my_id()?,
            now: call.now(),
        };
        let view = rows::show(&new.uid, &[]);
        call.commit(
            rows::insert(&new).into(),
            Answer::Created(view, "/api/v1/workflows/".to_owned()),
        )
        .await
    })
}

/// `PUT /workflows/{id}`. A rule that cannot work may be renamed, moved and switched off as it is.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &EDIT)?;
    retry!(async {
        let given = named(taken.json("actions").unwrap_or(&Value::Null));
        let found = call
            .read(vec![
                rows::directory(Some(&given)),
                rows::row(&call.reference("id")?),
            ])
            .await?;
        let row = rule_row(found.get(1))?;
        let [trigger, conditions, actions] = row.parts();
        let trigger = taken.json("trigger").cloned().unwrap_or(trigger);
        let actions = taken.json("actions").cloned().unwrap_or(actions);
        let conditions = if taken.is_null("conditions") {
            json!({})
        } else {
            taken.json("conditions").cloned().unwrap_or(conditions)
        };
        let directory = directory(found.first())?;
        let parts = [&trigger, &conditions, &actions];
        let touched = ["trigger", "conditions", "actions"]
            .iter()
            .any(|part| taken.has(part));
        if touched || taken.flag("is_active") == Some(true) {
            checked(&parts, &directory)?;
        }
        call.guard(row.version, Some(&taken))?;
        let [trigger, conditions, actions] = parts;
        let wrong = problems(
            &Plan::read(Some(trigger), Some(conditions), Some(actions)),
            &directory,
        );
        let new = NewRule {
            uid: row.uid.clone(),
            name: taken.text("name").unwrap_or(row.name),
            is_active: taken.flag("is_active").unwrap_or(row.is_active == 1),
            position: taken.whole("position"),
            stop: taken.flag("stop").unwrap_or(row.stop == 1),
            trigger: trigger.to_string(),
            conditions: or_empty(conditions).to_string(),
            actions: actions.to_string(),
            author_id: row.author_id,
            now: call.now(),
        };
        let stmts = vec![rows::update(row.id, row.version, &new)];
        call.commit(stmts, Answer::Row(rows::show(&row.uid, &wrong)))
            .await
    })
}

/// `DELETE /workflows/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let found = call.read(vec![rows::row(&call.reference("id")?)]).await?;
        let row = rule_row(found.first())?;
        call.guard(row.version, None)?;
        call.commit(rows::delete(row.id, row.version).into(), Answer::Nothing)
            .await
    })
}

fn or_empty(conditions: &Value) -> Value {
    if conditions.is_null() {
        json!({})
    } else {
        conditions.clone()
    }
}

/// The actions, as the directory reads what they name.
fn named(actions: &Value) -> String {
    actions.to_string()
}

/// Refuses a plan with mistakes, and one that names what is not there.
fn checked(parts: &[&Value; 3], directory: &Directory) -> Result<(), Error> {
    let [trigger, conditions, actions] = parts;
    let plan = Plan::read(Some(trigger), Some(conditions), Some(actions));
    let wrong = problems(&plan, directory);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(wrong))
    }
}

// Trying and following -------------------------------------------------------------------------------------------

/// `POST /workflows/{id}/simulate`: what the rule would do if what it waits for happened now. Nothing changes.
pub async fn simulate(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body_or_nothing(call.request, &TRIAL)?;
    let reference = taken.reference("ticket_id");
    let found = call
        .read(vec![
            rows::row(&call.reference("id")?),
            rows::directory(None),
            ticket_context::to_try(&reader(call)?, reference, TRIED),
        ])
        .await?;
    let rule = Rule {
        is_active: true,
        ..rule_row(found.first())?.rule()
    };
    let directory = directory(found.get(1))?;
    let tried = ticket_context::read_tried(found.get(2).ok_or(Error::NotFound)?)?;
    if reference.is_some() && tried.is_empty() {
        return Err(Error::field("ticket_id", "is no ticket"));
    }
    let results: Vec<Value> = tried
        .iter()
        .map(|tried| try_on(call, &rule, &directory, tried))
        .collect();
    let acts = results
        .iter()
        .filter(|result| result.get("acts") == Some(&Value::Bool(true)))
        .count();
    let body = json!({
        "workflow_id": rule.id,
        "problems": serde_json::from_str::<Value>(&rows::problems_json(&problems(&rule.plan, &directory))).unwrap_or_default(),
        "tried": results.len(),
        "acting": acts,
        "results": results,
    });
    Ok(Reply::ok(body.to_string()))
}

fn try_on(call: &Call, rule: &Rule, directory: &Directory, tried: &Tried) -> Value {
    let (ticket, rules) = (tried.ticket.ticket(), call.rules());
    let trigger = rule.plan.as_ref().ok().map(|plan| plan.trigger);
    let heard = Heard {
        on: trigger.iter().map(|trigger| trigger.on).collect(),
        actor_role: None,
        message: tried.around.message.clone(),
        sla_target: trigger.and_then(|trigger| trigger.target),
        from: trigger.and_then(|trigger| trigger.from),
    };
    let mut hands = Hands::new(
        (None, &ticket),
        (&tried.around, &heard),
        directory,
        &rules,
        call.now(),
    );
    let list = std::slice::from_ref(rule);
    let unmet: Vec<Value> = match &rule.plan {
        Ok(plan) => plan
            .conditions
            .explain(&hands)
            .into_iter()
            .map(|unmet| json!({"path": unmet.path, "reason": unmet.reason}))
            .collect(),
        Err(_) => Vec::new(),
    };
    let runs = run(list, &heard.on, &mut hands);
    let done = hands.finish();
    let outcome = runs.first().map(|run| &run.outcome);
    let (acts, actions) = match outcome {
        Some(Outcome::Acted(acted)) => (
            true,
            run_report::deeds(acted, done.seeking.map(|_| "done"), Some("done")),
        ),
        _ => (false, json!([])),
    };
    json!({
        "ticket_id": ticket.id,
        "ticket_number": tried.number,
        "title": ticket.title,
        "heard": matches!(outcome, Some(Outcome::Acted(_) | Outcome::Unmet)),
        "acts": acts,
        "unmet": unmet,
        "actions": actions,
        "changes": changes(&ticket, &done.ticket),
    })
}

/// `GET /workflows/{id}/runs`: newest first, of the last 30 days.
pub async fn runs(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let reference = call.reference("id")?;
    let mut stmts = vec![rows::row(&reference), rows::runs(&reference, &page)];
    if page.count {
        stmts.push(rows::count_runs(&reference));
    }
    let found = call.read(stmts).await?;
    rule_row(found.first())?;
    listed(
        call,
        &page,
        found.get(1).ok_or(Error::NotFound)?,
        None,
        found.get(2),
    )
}
