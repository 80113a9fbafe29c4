//! Workflow rules, the rows that they refer to, and the record of their runs.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;

use crate::desk::automation::references::{ReferencedRow, References};
use crate::desk::automation::rule::{Rule, RuleDefinition, TriggerKind};
use crate::desk::automation::run_report::{AUTO_ASSIGN_PLACEHOLDER, RuleNotification};
use crate::desk::id::{MAX_ID, Ref};
use crate::desk::tools::custom_field::CustomFields;
use crate::desk::validation::FieldError;
use crate::edge::db::{Arg, DbError, Rows, Stmt, TextRow};
use crate::http::page::{Page, PageStart};
use crate::store::automation::notify::fill_outcomes;
use crate::store::settings;
use crate::store::sql::view::{Out, View, field};
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tools::custom_fields;

/// A rule. Its problems are computed when it is read; if they are known beforehand, `?1` contains them.
pub const RULE: View = View {
    name: "WorkflowRule",
    fields: &[
        field("id", "w.id", Out::Int),
        field("uid", "w.uid", Out::Text),
        field("name", "w.name", Out::Text),
        field("is_active", "w.is_active", Out::Flag),
        field("position", "w.position", Out::Int).doc("Rules are asked by position, then id."),
        field("trigger", "w.trigger", Out::Json("WorkflowTrigger")).doc("What it hears."),
        field("conditions", "w.conditions", Out::Json("WorkflowConditions")).doc("What must hold."),
        field("actions", "w.actions", Out::Json("WorkflowActions")).doc("What it does."),
        field("stop", "w.stop", Out::Flag).doc("When it has acted, later rules are not asked."),
        field("author", "u.card", Out::Card).doc("Who made it; its notes stand under this name."),
        field("version", "w.version", Out::Int),
        field("created_at", "w.created_at", Out::Time),
        field("updated_at", "w.updated_at", Out::Time),
        field("problems", "?1", Out::Json("WorkflowProblems"))
            .doc("Why it cannot work as it stands: `[{path, message}]`."),
    ],
};

/// One run of a rule.
pub const RUN: View = View {
    name: "WorkflowRun",
    fields: &[
        field("id", "r.id", Out::Int),
        field("workflow_id", "r.workflow_id", Out::Int),
        field("ticket_id", "r.ticket_id", Out::Int),
        field("ticket_number", "t.number", Out::Text),
        field("event", "r.event", Out::Text).doc("What was heard."),
        field("outcome", "r.outcome", Out::Text).doc("acted, or broken: it could not be read."),
        field("details", "r.details", Out::Json("WorkflowDetails"))
            .doc("Each action as done or refused, with the reason; or what is wrong with the rule."),
        field("created_at", "r.created_at", Out::Time),
    ],
};

/// The maximum number of rules.
pub const MAX_RULES: i64 = crate::desk::automation::rule::MAX_RULES as i64;

fn ref_column(reference: &Ref) -> (&'static str, Arg) {
    match reference {
        Ref::Id(id) => ("id", Arg::Int(*id)),
        Ref::Uid(uid) => ("uid", Arg::Text(uid.clone())),
        Ref::Number(_) | Ref::Key(_) => ("id", Arg::Null),
    }
}

/// A stored rule, with its JSON as the API returns it.
#[derive(Clone, Debug, Deserialize)]
pub struct RuleRow {
    pub j: String,
    pub id: i64,
    pub uid: String,
    pub name: String,
    pub is_active: i64,
    pub position: i64,
    pub stop: i64,
    pub trigger: String,
    pub conditions: String,
    pub actions: String,
    pub author_id: i64,
    pub version: i64,
}

pub(super) const COLUMNS: &str = "w.id, w.uid, w.name, w.is_active, w.position, w.stop, w.trigger, w.conditions, w.actions, \
  coalesce(w.author_id, 0) AS author_id, w.version";

/// The id of the author of a rule `w`. The rule that is installed by default has no author until it is changed: the
/// first admin is used instead.
const AUTHOR: &str =
    "coalesce(w.author_id, (SELECT min(id) FROM users WHERE role <> 'customer' AND role = 'admin'))";

impl RuleRow {
    /// The JSON parts of the rule as they were submitted.
    pub fn parts(&self) -> [Value; 3] {
        [&self.trigger, &self.conditions, &self.actions]
            .map(|text| serde_json::from_str(text).unwrap_or_default())
    }

    /// Converts the row to the rule that the engine evaluates.
    pub fn rule(&self) -> Rule {
        let [trigger, conditions, actions] = self.parts();
        Rule {
            id: self.id,
            name: self.name.clone(),
            is_active: self.is_active == 1,
            position: self.position,
            stop: self.stop == 1,
            definition: RuleDefinition::parse(Some(&trigger), Some(&conditions), Some(&actions)),
        }
    }
}

/// A page of rules, in order of execution.
pub fn list(page: &Page) -> Stmt {
    let (position, id) = match page.start {
        PageStart::After { value, id } => (value, id),
        _ => (i64::MIN >> 11, 0),
    };
    Stmt::new(format!(
        "SELECT {} AS j, {COLUMNS} FROM workflows w JOIN users u ON u.id = {AUTHOR} \
         WHERE (w.position, w.id) > (?2, ?3) ORDER BY w.position, w.id LIMIT ?4 OFFSET ?5",
        RULE.sql()
    ))
    .bind("[]")
    .bind(position)
    .bind(id)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// Counts all rules: `n`.
pub fn count() -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM workflows")
}

/// Selects one rule.
pub fn row(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, {COLUMNS} FROM workflows w JOIN users u ON u.id = {AUTHOR} WHERE w.{column} = ?2",
        RULE.sql()
    ))
    .bind("[]")
    .bind(arg)
}

/// Selects `j`, `v` and `id` of a rule that was changed earlier in the same batch, with the given problems.
pub fn show(uid: &str, problems: &[FieldError]) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, w.version AS v, w.id AS id FROM workflows w JOIN users u ON u.id = {AUTHOR} WHERE w.uid = ?2",
        RULE.sql()
    ))
    .bind(problems_json(problems))
    .bind(uid)
}

/// The problems as JSON, in the form that the API returns.
pub fn problems_json(problems: &[FieldError]) -> String {
    let list = problems
        .iter()
        .map(|(path, message)| serde_json::json!({"path": path, "message": message}));
    Value::Array(list.collect()).to_string()
}

/// The complete fields of a rule to be inserted or updated.
#[derive(Clone, Debug)]
pub struct NewRule {
    pub uid: String,
    pub name: String,
    pub is_active: bool,
    /// If absent, the rule is placed after all others.
    pub position: Option<i64>,
    pub stop: bool,
    pub trigger: String,
    pub conditions: String,
    pub actions: String,
    pub author_id: i64,
    pub now: i64,
}

/// Inserts a rule, unless the maximum number of rules is reached.
pub fn insert(new: &NewRule) -> [Stmt; 3] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE (SELECT count(*) FROM workflows) >= ?1").bind(MAX_RULES),
        Stmt::new(
            "INSERT INTO workflows (uid, name, is_active, position, stop, trigger, conditions, actions, author_id, created_at, updated_at) \
             SELECT ?1, ?2, ?3, coalesce(?4, (SELECT max(position) + 1 FROM workflows), 1), ?5, ?6, ?7, ?8, ?9, ?10, ?10",
        )
        .bind(&new.uid)
        .bind(&new.name)
        .bind(new.is_active)
        .bind(new.position)
        .bind(new.stop)
        .bind(&new.trigger)
        .bind(&new.conditions)
        .bind(&new.actions)
        .bind(new.author_id)
        .bind(new.now),
        settings::raise_rules_version(),
    ]
}

/// Updates a rule, provided that it still has the version on which the change is based.
pub fn update(id: i64, version: i64, new: &NewRule) -> [Stmt; 2] {
    let update = Stmt::new(format!(
        "UPDATE workflows AS w SET version = ?2 + 1, name = ?3, is_active = ?4, position = coalesce(?5, position), stop = ?6, \
           trigger = ?7, conditions = ?8, actions = ?9, updated_at = ?10, \
           author_id = {AUTHOR} WHERE id = ?1"
    ))
    .bind(id)
    .bind(version)
    .bind(&new.name)
    .bind(new.is_active)
    .bind(new.position)
    .bind(new.stop)
    .bind(&new.trigger)
    .bind(&new.conditions)
    .bind(&new.actions)
    .bind(new.now);
    [update, settings::raise_rules_version()]
}

/// Deletes a rule that is at this version; any other version aborts the batch. The record of its runs is kept.
pub fn delete(id: i64, version: i64) -> [Stmt; 4] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM workflows WHERE id = ?1 AND version = ?2)",
        )
        .bind(id)
        .bind(version),
        Stmt::new("DELETE FROM workflows WHERE id = ?1").bind(id),
        Stmt::new("DELETE FROM schedules WHERE workflow_id = ?1").bind(id),
        settings::raise_rules_version(),
    ]
}

// Rules cached by the engine ---------------------------------------------------------------------------------------

/// The active rules, in order of execution.
pub fn list_active() -> Stmt {
    Stmt::new(format!(
        "SELECT '' AS j, {COLUMNS} FROM workflows w WHERE w.is_active = 1 ORDER BY w.position, w.id"
    ))
}

/// The active rules as the engine uses them, reloaded when they have changed.
#[derive(Debug)]
pub struct RuleSet {
    /// The version number of the rules, which is raised at every change.
    pub version: i64,
    pub rules: Vec<Rule>,
    pub directory: References,
    /// Pairs of a rule's id and its author's user id.
    authors: Vec<(i64, i64)>,
}

impl RuleSet {
    /// Whether any active rule has this trigger.
    pub fn has_trigger(&self, on: TriggerKind) -> bool {
        let plans = self.rules.iter().filter_map(|rule| rule.definition.as_ref().ok());
        plans.into_iter().any(|definition| definition.trigger.on == on)
    }

    /// The user in whose name a rule writes notes.
    pub fn author(&self, rule: i64) -> Option<i64> {
        let found = self.authors.iter().find(|(id, _)| *id == rule)?;
        Some(found.1)
    }
}

/// Reads [`list_active`] and [`references`].
///
/// # Errors
/// If the rows of the statements do not match this reader.
pub fn read_rule_set(version: i64, rules: &Rows, directory: &Rows) -> Result<RuleSet, DbError> {
    let rows: Vec<RuleRow> = rules.all()?;
    Ok(RuleSet {
        version,
        rules: rows.iter().map(RuleRow::rule).collect(),
        directory: read_references(directory)?,
        authors: rows.iter().map(|row| (row.id, row.author_id)).collect(),
    })
}

/// Selects all categories and custom fields, and the people, projects and webhooks that any rule refers to, or that the
/// given JSON refers to: rows `j`.
///
/// Every word and number in a rule is treated as a possible reference; a row too many does no harm. Categories are few,
/// and rules may name them in letters whose case SQLite does not know.
pub fn references(parts: Option<&str>) -> Stmt {
    references_from("?1", parts.into())
}

/// Like [`references`], with JSON that an SQL expression gives; `arg` is its argument.
pub fn references_from(parts: &str, arg: Arg) -> Stmt {
    Stmt::new(format!(
        "WITH words AS (SELECT DISTINCT lower(trim(a.atom)) AS word \
           FROM (SELECT json_array(json(conditions), json(actions)) AS parts FROM workflows UNION ALL SELECT {parts}) p, json_tree(p.parts) a \
           WHERE a.type IN ('text', 'integer') AND length(a.atom) <= 254) \
         SELECT json_object('kind', 'category', 'id', c.id, 'uid', c.uid, 'name', c.slug, 'is_active', c.is_active, 'is_staff', 0, \
             'card', NULL) AS j FROM categories c \
         UNION ALL \
         SELECT json_object('kind', 'person', 'id', u.id, 'uid', u.uid, 'name', u.email_key, 'is_active', u.is_active, \
             'is_staff', u.role <> 'customer', 'card', json(u.card)) FROM users u \
           WHERE u.id IN (SELECT CAST(word AS INTEGER) FROM words) OR u.uid IN (SELECT word FROM words) \
             OR u.email_key IN (SELECT word FROM words) \
         UNION ALL \
         SELECT json_object('kind', 'project', 'id', p.id, 'uid', p.uid, 'name', lower(p.key), 'is_active', 1, 'is_staff', 0, \
             'card', NULL) AS j FROM projects p WHERE p.uid IN (SELECT word FROM words) \
         UNION ALL \
         SELECT json_object('kind', 'webhook', 'id', h.id, 'uid', h.uid, 'name', h.uid, 'is_active', h.is_active, \
             'is_staff', h.include_internal, 'card', NULL) AS j FROM webhooks h \
           WHERE h.id IN (SELECT CAST(word AS INTEGER) FROM words) OR h.uid IN (SELECT word FROM words) \
         UNION ALL \
         SELECT json_object('kind', 'field', 'id', f.id, 'uid', f.uid, 'name', f.key, 'is_active', 1, 'is_staff', f.visible_to = 'staff', \
             'card', json_array(f.type, json(f.options), f.project_id, f.required_on)) AS j FROM custom_fields f WHERE f.is_active = 1"
    ))
    .bind(arg)
}

/// Reads [`references`].
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read_references(rows: &Rows) -> Result<References, DbError> {
    #[derive(Deserialize)]
    struct ReferenceJson {
        kind: String,
        id: i64,
        uid: String,
        name: String,
        is_active: i64,
        is_staff: i64,
        card: Value,
    }
    let mut directory = References::default();
    let mut fields = Vec::new();
    for row in rows.all::<TextRow>()? {
        let entry: ReferenceJson = serde_json::from_str(&row.j.unwrap_or_default())
            .map_err(|error| DbError::Other(error.to_string()))?;
        if entry.kind == "field" {
            fields.extend(custom_fields::read_definition(
                entry.name,
                entry.is_staff == 0,
                &entry.card,
            ));
            continue;
        }
        let list = match entry.kind.as_str() {
            "category" => &mut directory.categories,
            "project" => &mut directory.projects,
            "webhook" => &mut directory.webhooks,
            _ => &mut directory.people,
        };
        list.push(ReferencedRow {
            id: entry.id,
            uid: entry.uid,
            name: entry.name,
            is_active: entry.is_active == 1,
            is_staff: entry.is_staff == 1,
            card: entry.card,
        });
    }
    directory.custom_fields = Rc::new(CustomFields(fields));
    Ok(directory)
}

/// The id of a run of the rule `?2` at the time `?5`: that time, or the id of the rule's last run plus one if that is
/// greater.
const NEXT_RUN: &str = "max(?5, coalesce((SELECT max(id) + 1 FROM workflow_runs WHERE workflow_id = ?2), 0))";

/// Records what a rule did, and whom it notified.
pub fn record_run(
    subject: &EventSubject,
    rule: i64,
    event: &str,
    (details, tellings): (&str, &[RuleNotification]),
    now: i64,
) -> Stmt {
    let (name, arg) = subject_condition(subject);
    let sought = format!(
        "replace(?4, '\"{AUTO_ASSIGN_PLACEHOLDER}\"', iif(t.assignee_id IS NULL, '\"refused\",\"reason\":\"no agent is free for it\"', '\"done\"'))"
    );
    Stmt::new(format!(
        "INSERT INTO workflow_runs (workflow_id, id, ticket_id, event, outcome, details, created_at) \
         SELECT ?2, {NEXT_RUN}, t.id, ?3, 'acted', {}, ?5 FROM tickets t WHERE {name}",
        fill_outcomes(&sought, tellings)
    ))
    .bind(arg)
    .bind(rule)
    .bind(event)
    .bind(details)
    .bind(now)
}

/// Records that a rule could not be read: once an hour at most, however many tickets it would have applied to.
pub fn record_broken(
    subject: &EventSubject,
    rule: i64,
    event: &str,
    mistakes: &[FieldError],
    (now, since): (i64, i64),
) -> Stmt {
    let (name, arg) = subject_condition(subject);
    Stmt::new(format!(
        "INSERT INTO workflow_runs (workflow_id, id, ticket_id, event, outcome, details, created_at) \
         SELECT ?2, {NEXT_RUN}, t.id, ?3, 'broken', ?4, ?5 FROM tickets t WHERE {name} AND NOT EXISTS \
           (SELECT 1 FROM workflow_runs WHERE workflow_id = ?2 AND id > ?6 AND outcome = 'broken' AND created_at > ?6)"
    ))
    .bind(arg)
    .bind(rule)
    .bind(event)
    .bind(problems_json(mistakes))
    .bind(now)
    .bind(since)
}

/// A page of the runs of a rule, newest first: rows `j` and `id`.
pub fn list_runs(reference: &Ref, page: &Page) -> Stmt {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => MAX_ID,
    };
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, r.id AS id FROM workflows w JOIN workflow_runs r ON r.workflow_id = w.id JOIN tickets t ON t.id = r.ticket_id \
         WHERE w.{column} = ?1 AND r.id < ?2 ORDER BY r.id DESC LIMIT ?3 OFFSET ?4",
        RUN.sql()
    ))
    .bind(arg)
    .bind(before)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// Counts the recorded runs of a rule, up to 10,001: `n`.
pub fn count_runs(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT count(*) AS n FROM (SELECT 1 FROM workflows w JOIN workflow_runs r ON r.workflow_id = w.id WHERE w.{column} = ?1 LIMIT 10001)"
    ))
    .bind(arg)
}
