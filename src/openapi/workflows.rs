//! Schemas of workflow rules: trigger, conditions, actions, and their runs.

use serde_json::{Value, json};

use crate::desk::automation::action::Action;
use crate::desk::automation::condition::Operator;
use crate::desk::automation::fields::FIELDS;
use crate::desk::automation::rule::TriggerKind;
use crate::openapi::schema::{described, list, object, one_of, schema_ref};

/// Schemas by name.
pub fn schemas() -> [(&'static str, Value); 8] {
    let text = || json!({"type": "string"});
    let fields = FIELDS.map(|(name, ..)| format!("`{name}`")).join(", ");
    let condition = object([
        (
            "field",
            described(
                text(),
                &format!("One of {fields}, `custom.<key>` of a custom field."),
            ),
        ),
        ("op", word_of("How they are compared", &Operator::WORDS)),
        (
            "value?",
            described(
                json!({}),
                "As the field is written; a list for `in` and `not_in`.",
            ),
        ),
    ]);
    let action_report = object([
        ("type?", one_of(&Action::WORDS)),
        ("outcome?", one_of(&["done", "refused"])),
        ("reason?", text()),
        ("path?", text()),
        ("message?", text()),
    ]);
    let tried = object([
        ("ticket_id", json!({"type": "integer"})),
        ("ticket_number", text()),
        ("title", text()),
        (
            "heard",
            described(json!({"type": "boolean"}), "The rule would hear of it."),
        ),
        (
            "acts",
            described(json!({"type": "boolean"}), "Its conditions hold, too."),
        ),
        ("unmet", list(object([("path", text()), ("reason", text())]))),
        ("actions", schema_ref("WorkflowDetails")),
        ("changes", schema_ref("Changes")),
    ]);
    let simulation = object([
        ("workflow_id", json!({"type": "integer"})),
        ("problems", schema_ref("WorkflowProblems")),
        ("tried", json!({"type": "integer"})),
        ("acting", json!({"type": "integer"})),
        ("results", list(tried)),
    ]);
    [
        ("WorkflowTrigger", trigger()),
        ("WorkflowCondition", condition),
        (
            "WorkflowConditions",
            object([
                (
                    "all?",
                    described(list(schema_ref("WorkflowCondition")), "All of these must hold."),
                ),
                (
                    "any?",
                    described(
                        list(schema_ref("WorkflowCondition")),
                        "At least one of these, if there are any.",
                    ),
                ),
            ]),
        ),
        ("WorkflowActions", list(action())),
        (
            "WorkflowProblems",
            list(object([("path", text()), ("message", text())])),
        ),
        ("WorkflowDeed", action_report),
        ("WorkflowDetails", list(schema_ref("WorkflowDeed"))),
        ("WorkflowSimulation", simulation),
    ]
}

/// One of a list, described in words and not as an `enum`: a stored rule may contain a value that is no longer valid.
fn word_of(says: &str, list: &[&str]) -> Value {
    let list = list.join("`, `");
    json!({"type": "string", "description": format!("{says}: one of `{list}`.")})
}

fn trigger() -> Value {
    let says = "Narrowed by `from` and `to` of `status_changed`, `by` (staff, customer) and `internal` of `message_added`, \
      `target` (response, resolution) of the SLA's, `every_hours` of `schedule`.";
    json!({"type": "object", "required": ["on"], "properties": {"on": word_of("What it waits for", &TriggerKind::WORDS)}, "additionalProperties": true,
           "description": says})
}

fn action() -> Value {
    let says = "The main part goes by its own name or `value`: `status`, `priority`, `category`, `to` (an agent, \
      least_loaded, none), `tag`, `body`, `to` and `message` of a notification, `webhook`, `key` and `value` of a custom field.";
    json!({"type": "object", "required": ["type"], "properties": {"type": word_of("What is done", &Action::WORDS)},
           "additionalProperties": true, "description": says})
}
