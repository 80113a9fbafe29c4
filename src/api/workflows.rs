//! Workflow rules: writing them, simulating them on tickets, and listing their runs.

use serde_json::{Value, json};

use crate::api::list::{List, page_reply, parse_list_query};
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::automation::executor::{Executor, TriggerInput};
use crate::desk::automation::references::References;
use crate::desk::automation::rule::{Rule, RuleDefinition, RuleOutcome, run_rules};
use crate::desk::automation::run_report;
use crate::desk::tickets::history::diff;
use crate::desk::validation::FieldError;
use crate::edge::db::{Batch, Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, JsonFormat, Kind, Shape};
use crate::store::automation::rules::{self as rows, NewRule, RuleRow};
use crate::store::automation::ticket_context::{self, Candidate};
use crate::store::commit::CommitReply;
use crate::store::sql::rows::CountRow;
use crate::store::sql::rows::ListRow;

/// At most this many tickets are used to simulate a rule.
const MAX_SIMULATED: i64 = 100;

fn errors_in(read: Result<RuleDefinition, Vec<FieldError>>, part: &str) -> Vec<FieldError> {
    let all = read.err().unwrap_or_default();
    all.into_iter()
        .filter(|(path, _)| path.starts_with(part))
        .collect()
}

static TRIGGER: JsonFormat = JsonFormat {
    schema: "WorkflowTrigger",
    validate: |value| errors_in(RuleDefinition::parse(Some(value), None, None), "trigger"),
};
static CONDITIONS: JsonFormat = JsonFormat {
    schema: "WorkflowConditions",
    validate: |value| errors_in(RuleDefinition::parse(None, Some(value), None), "conditions"),
};
static ACTIONS: JsonFormat = JsonFormat {
    schema: "WorkflowActions",
    validate: |value| errors_in(RuleDefinition::parse(None, None, Some(value)), "actions"),
};

const NAME: Kind = Kind::Line { min: 1, max: 100 };
const POSITION: Field = Field::optional(
    "position",
    Kind::Integer {
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
const CONDITIONS_FIELD: Field = Field::nullable(
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
        CONDITIONS_FIELD,
        Field::required("actions", Kind::Json(&ACTIONS), "What it does: `[{type, ...}]`."),
        ACTIVE,
        POSITION,
        STOP,
    ],
};

/// The body of an update of a rule.
pub const EDIT: Shape = Shape {
    name: "WorkflowRulePatch",
    fields: &[
        Field::optional("name", NAME, "What history calls it."),
        Field::optional("trigger", Kind::Json(&TRIGGER), "What it hears: `{on, ...}`."),
        CONDITIONS_FIELD,
        Field::optional("actions", Kind::Json(&ACTIONS), "What it does: `[{type, ...}]`."),
        ACTIVE,
        POSITION,
        STOP,
        Field::optional(
            "version",
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The body of a simulation.
pub const SIMULATE: Shape = Shape {
    name: "WorkflowTrial",
    fields: &[Field::optional(
        "ticket_id",
        Kind::Reference,
        "The ticket to try it on: id, uid, number or key; the newest 100 by default.",
    )
    .or(&["ticket"])],
};

/// The statement that finds the rule in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&call.reference("id")?))
}

/// `GET /workflows`: in the order in which the rules are evaluated.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    let mut batch = Batch::new();
    let directory = batch.add::<Rows>(rows::references(None));
    let rules = batch.add::<RuleRow>(rows::list(&page));
    let total = batch.add_optional(page.count.then(rows::count));
    let found = call.read(batch).await?;
    let directory = rows::read_references(found.rows(directory)?)?;
    let rules = found.all(rules)?;
    let shown = rules.iter().map(|row| ListRow {
        j: Some(with_problems(row, &directory)),
        id: row.id,
        s: Some(row.position),
        stop: None,
    });
    let shown: Vec<ListRow> = shown.collect();
    Ok(page_reply(
        call,
        &page,
        None,
        &shown,
        None,
        found.first_if(total)?,
    ))
}

/// `GET /workflows/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let mut batch = Batch::new();
    let directory = batch.add::<Rows>(rows::references(None));
    let row = batch.add::<RuleRow>(rows::row(&call.reference("id")?));
    let found = call.read(batch).await?;
    let row = found.require(row)?;
    let directory = rows::read_references(found.rows(directory)?)?;
    Ok(Reply {
        version: Some(row.version),
        ..Reply::ok(with_problems(&row, &directory))
    })
}

/// Why a rule cannot work: its definition is invalid, or it refers to something that does not exist any more.
fn problems(definition: &Result<RuleDefinition, Vec<FieldError>>, directory: &References) -> Vec<FieldError> {
    match definition {
        Ok(definition) => directory.find_missing(definition),
        Err(mistakes) => mistakes.clone(),
    }
}

/// The rule's JSON with its problems filled in. They are the last field, which is an empty list in `row.j`.
fn with_problems(row: &RuleRow, directory: &References) -> String {
    let head = row.j.strip_suffix("[]}").unwrap_or(&row.j);
    let list = rows::problems_json(&problems(&row.rule().definition, directory));
    format!("{head}{list}}}")
}

// Writing --------------------------------------------------------------------------------------------------------

/// `POST /workflows`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    retry!(async {
        let parts = ["trigger", "conditions", "actions"].map(|part| input.json(part).cloned());
        let [trigger, conditions, actions] = parts.map(Option::unwrap_or_default);
        let mut batch = Batch::new();
        let directory = batch.add::<Rows>(rows::references(Some(&named_in(&actions))));
        let count = batch.add::<CountRow>(rows::count());
        let found = call.read(batch).await?;
        let count = found.first(count)?;
        let directory = rows::read_references(found.rows(directory)?)?;
        check_plan(&[&trigger, &conditions, &actions], &directory)?;
        if count.is_some_and(|count| count.n >= rows::MAX_RULES) {
            return Err(Error::conflict(format!(
                "a desk has at most {} rules",
                rows::MAX_RULES
            )));
        }
        let new = NewRule {
            uid: call.uid()?,
            name: input.required("name"),
            is_active: input.flag("is_active").unwrap_or(true),
            position: input.integer("position"),
            stop: input.flag("stop").unwrap_or(false),
            trigger: trigger.to_string(),
            conditions: or_empty(&conditions).to_string(),
            actions: actions.to_string(),
            author_id: call.my_id()?,
            now: call.now(),
        };
        let view = rows::show(&new.uid, &[]);
        call.commit(
            rows::insert(&new).into(),
            CommitReply::Created(view, "/api/v1/workflows/".to_owned()),
        )
        .await
    })
}

/// `PUT /workflows/{id}`. A rule with problems can still be renamed, moved and switched off without correcting it.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(async {
        let given = named_in(input.json("actions").unwrap_or(&Value::Null));
        let mut batch = Batch::new();
        let directory = batch.add::<Rows>(rows::references(Some(&given)));
        let row = batch.add::<RuleRow>(rows::row(&call.reference("id")?));
        let found = call.read(batch).await?;
        let row = found.require(row)?;
        let [trigger, conditions, actions] = row.parts();
        let trigger = input.json("trigger").cloned().unwrap_or(trigger);
        let actions = input.json("actions").cloned().unwrap_or(actions);
        let conditions = if input.is_null("conditions") {
            json!({})
        } else {
            input.json("conditions").cloned().unwrap_or(conditions)
        };
        let directory = rows::read_references(found.rows(directory)?)?;
        let parts = [&trigger, &conditions, &actions];
        let touched = ["trigger", "conditions", "actions"]
            .iter()
            .any(|part| input.has(part));
        if touched || input.flag("is_active") == Some(true) {
            check_plan(&parts, &directory)?;
        }
        call.check_version(row.version, Some(&input))?;
        let [trigger, conditions, actions] = parts;
        let wrong = problems(
            &RuleDefinition::parse(Some(trigger), Some(conditions), Some(actions)),
            &directory,
        );
        let new = NewRule {
            uid: row.uid.clone(),
            name: input.text("name").unwrap_or(row.name),
            is_active: input.flag("is_active").unwrap_or(row.is_active == 1),
            position: input.integer("position"),
            stop: input.flag("stop").unwrap_or(row.stop == 1),
            trigger: trigger.to_string(),
            conditions: or_empty(conditions).to_string(),
            actions: actions.to_string(),
            author_id: row.author_id,
            now: call.now(),
        };
        let stmts = rows::update(row.id, row.version, &new).into();
        call.commit(stmts, CommitReply::Row(rows::show(&row.uid, &wrong)))
            .await
    })
}

/// `DELETE /workflows/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row: RuleRow = call.read_row(rows::row(&call.reference("id")?)).await?;
        call.check_version(row.version, None)?;
        call.commit(rows::delete(row.id, row.version).into(), CommitReply::Nothing)
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

/// The actions in the form in which `rows::references` looks for what they refer to.
fn named_in(actions: &Value) -> String {
    actions.to_string()
}

/// Refuses a definition that is invalid, or that refers to something that does not exist.
fn check_plan(parts: &[&Value; 3], directory: &References) -> Result<(), Error> {
    let [trigger, conditions, actions] = parts;
    let definition = RuleDefinition::parse(Some(trigger), Some(conditions), Some(actions));
    let wrong = problems(&definition, directory);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(wrong))
    }
}

// Simulation and runs --------------------------------------------------------------------------------------------

/// `POST /workflows/{id}/simulate`: what the rule would do if its trigger occurred now. Nothing is changed.
pub async fn simulate(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &SIMULATE)?;
    let reference = input.reference("ticket_id");
    let mut batch = Batch::new();
    let rule = batch.add::<RuleRow>(rows::row(&call.reference("id")?));
    let directory = batch.add::<Rows>(rows::references(None));
    let candidates = ticket_context::candidates(&viewer(call)?, reference, MAX_SIMULATED);
    let tried = batch.add::<Rows>(candidates);
    let found = call.read(batch).await?;
    let rule = Rule {
        is_active: true,
        ..found.require(rule)?.rule()
    };
    let directory = rows::read_references(found.rows(directory)?)?;
    let tried = ticket_context::read_candidates(found.rows(tried)?)?;
    if reference.is_some() && tried.is_empty() {
        return Err(Error::field("ticket_id", "is no ticket"));
    }
    let results: Vec<Value> = tried
        .iter()
        .map(|tried| simulate_on(call, &rule, &directory, tried))
        .collect();
    let acts = results
        .iter()
        .filter(|result| result.get("acts") == Some(&Value::Bool(true)))
        .count();
    let body = json!({
        "workflow_id": rule.id,
        "problems": serde_json::from_str::<Value>(&rows::problems_json(&problems(&rule.definition, &directory))).unwrap_or_default(),
        "tried": results.len(),
        "acting": acts,
        "results": results,
    });
    Ok(Reply::ok(body.to_string()))
}

fn simulate_on(call: &Call, rule: &Rule, directory: &References, tried: &Candidate) -> Value {
    let (ticket, rules) = (tried.ticket.ticket(), call.ticket_settings());
    let trigger = rule.definition.as_ref().ok().map(|definition| definition.trigger);
    let heard = TriggerInput {
        on: trigger.iter().map(|trigger| trigger.on).collect(),
        actor_role: None,
        message: tried.around.message.clone(),
        sla_target: trigger.and_then(|trigger| trigger.target),
        from: trigger.and_then(|trigger| trigger.from),
    };
    let mut hands = Executor::new(
        (None, &ticket),
        (&tried.around, &heard),
        directory,
        &rules,
        call.now(),
    );
    let list = std::slice::from_ref(rule);
    let unmet: Vec<Value> = match &rule.definition {
        Ok(definition) => definition
            .conditions
            .explain(&hands)
            .into_iter()
            .map(|unmet| json!({"path": unmet.path, "reason": unmet.reason}))
            .collect(),
        Err(_) => Vec::new(),
    };
    let runs = run_rules(list, &heard.on, &mut hands);
    let done = hands.finish();
    let outcome = runs.first().map(|run| &run.outcome);
    let (acts, actions) = match outcome {
        Some(RuleOutcome::Acted(acted)) => (
            true,
            run_report::report_actions(acted, done.auto_assign_rule.map(|_| "done"), Some("done")),
        ),
        _ => (false, json!([])),
    };
    json!({
        "ticket_id": ticket.id,
        "ticket_number": tried.number,
        "title": ticket.title,
        "heard": matches!(outcome, Some(RuleOutcome::Acted(_) | RuleOutcome::Unmet)),
        "acts": acts,
        "unmet": unmet,
        "actions": actions,
        "changes": diff(&ticket, &done.ticket),
    })
}

/// `GET /workflows/{id}/runs`: those of the last 30 days, newest first.
pub async fn list_runs(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    let reference = call.reference("id")?;
    List::new(rows::list_runs(&reference, &page), || {
        rows::count_runs(&reference)
    })
    .of(rows::row(&reference))
    .reply(call, &page)
    .await
}
