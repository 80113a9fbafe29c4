//! The difference between two states of a ticket, as its history shows it.

use serde_json::{Value, json};

use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::tickets::ticket::{NamedRow, Person, Ticket};
use crate::desk::tools::custom_field::{CustomFields, PREFIX};

/// The fields that differ, in the form that history shows.
pub fn diff(before: &Ticket, after: &Ticket) -> Vec<FieldChange> {
    let mut list = Vec::new();
    let mut note = |field, differs: bool, from: Value, to: Value| {
        if differs {
            list.push(FieldChange::new(field, from, to));
        }
    };
    let name = |named: &Option<NamedRow>| named.as_ref().map(|named| named.name.clone()).into();
    let card = |person: &Option<Person>| person.as_ref().map_or(Value::Null, |person| person.card.clone());
    let who = |person: &Option<Person>| person.as_ref().map(|person| person.id);
    note(
        "status",
        before.status != after.status,
        before.status.as_str().into(),
        after.status.as_str().into(),
    );
    note(
        "priority",
        before.priority != after.priority,
        before.priority.as_str().into(),
        after.priority.as_str().into(),
    );
    note(
        "assignee",
        who(&before.assignee) != who(&after.assignee),
        card(&before.assignee),
        card(&after.assignee),
    );
    note(
        "category",
        before.category != after.category,
        name(&before.category),
        name(&after.category),
    );
    note(
        "subcategory",
        before.subcategory != after.subcategory,
        name(&before.subcategory),
        name(&after.subcategory),
    );
    note(
        "department",
        before.department != after.department,
        before.department.clone().into(),
        after.department.clone().into(),
    );
    note(
        "project",
        before.project != after.project,
        name(&before.project),
        name(&after.project),
    );
    note(
        "tags",
        before.tags != after.tags,
        before.tags.clone().into(),
        after.tags.clone().into(),
    );
    note(
        "workflow",
        before.workflow != after.workflow,
        before.workflow.as_str().into(),
        after.workflow.as_str().into(),
    );
    note(
        "title",
        before.title != after.title,
        before.title.clone().into(),
        after.title.clone().into(),
    );
    note(
        "description",
        before.description != after.description,
        before.description.clone().into(),
        after.description.clone().into(),
    );
    if before.custom_fields != after.custom_fields {
        let value =
            |ticket: &Ticket, key: &str| ticket.custom_fields.values.get(key).cloned().unwrap_or_default();
        let (old, new) = (&before.custom_fields.values, &after.custom_fields.values);
        let gone = old.keys().filter(|key| !new.contains_key(*key));
        for key in new.keys().chain(gone) {
            let (from, to) = (value(before, key), value(after, key));
            if from != to {
                list.push(FieldChange::new(format!("{PREFIX}{key}"), from, to));
            }
        }
    }
    list
}

/// The event of these changes. Customers are told nothing of it if it only changes what they do not see.
pub fn event_of(changes: Vec<FieldChange>, fields: &CustomFields) -> Event {
    Event {
        is_internal: changes.iter().all(|change| fields.hides(&change.field)),
        ..Event::public(event_kind(&changes), changes)
    }
}

/// The changes as an event keeps them for good: of people their ids, since names are looked up when they are shown, and of
/// a description only that it was edited.
pub fn record(changes: &[FieldChange]) -> Vec<FieldChange> {
    let id = |card: &Value| card.get("id").map_or(Value::Null, |id| json!({"id": id}));
    let kept = changes.iter().map(|change| match &*change.field {
        "assignee" => FieldChange::new("assignee", id(&change.from), id(&change.to)),
        "description" => FieldChange::new("description", Value::Null, Value::Null),
        _ => change.clone(),
    });
    kept.collect()
}

/// An event is named after the most important of its changes.
pub fn event_kind(changes: &[FieldChange]) -> EventKind {
    let has = |field| changes.iter().any(|change| change.field == field);
    if has("assignee") {
        EventKind::Assigned
    } else if has("status") {
        EventKind::StatusChanged
    } else if has("priority") {
        EventKind::PriorityChanged
    } else {
        EventKind::TicketUpdated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_neither_names_nor_old_descriptions() {
        let card = json!({"id": 7, "uid": "u", "full_name": "Ada", "role": "agent", "avatar_url": null});
        for (change, from, to) in [
            (
                FieldChange::new("assignee", Value::Null, card.clone()),
                Value::Null,
                json!({"id": 7}),
            ),
            (
                FieldChange::new("assignee", card, Value::Null),
                json!({"id": 7}),
                Value::Null,
            ),
            (
                FieldChange::new("description", "my PIN is 1", "my PIN"),
                Value::Null,
                Value::Null,
            ),
            (
                FieldChange::new("title", "old", "new"),
                json!("old"),
                json!("new"),
            ),
            (
                FieldChange::new("status", "open", "assigned"),
                json!("open"),
                json!("assigned"),
            ),
        ] {
            let field = change.field.clone();
            assert_eq!(
                record(&[change]),
                [FieldChange::new(field.clone(), from, to)],
                "{field}"
            );
        }
    }
}
