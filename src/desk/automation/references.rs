//! The rows that workflow rules refer to (categories, projects, people, webhooks), with their current state.

use std::rc::Rc;

use serde_json::Value;

use crate::desk::automation::action::{Action, Assignee, Audience, RowRef};
use crate::desk::automation::fields::custom_key;
use crate::desk::automation::rule::RuleDefinition;
use crate::desk::person::Role;
use crate::desk::tickets::ticket::{NamedRow, Person};
use crate::desk::tools::custom_field::CustomFields;
use crate::desk::validation::FieldError;

/// A row that a rule refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencedRow {
    pub id: i64,
    pub uid: String,
    /// A category's slug, a project's key, a person's e-mail address or a webhook's uid, in lower case.
    pub name: String,
    pub is_active: bool,
    /// For a person: can be assigned tickets. For a webhook: receives internal events.
    pub is_staff: bool,
    /// A person's card (JSON).
    pub card: serde_json::Value,
}

/// The rows that rules refer to. A row is absent if no rule refers to it, or if it does not exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    pub categories: Vec<ReferencedRow>,
    pub people: Vec<ReferencedRow>,
    pub projects: Vec<ReferencedRow>,
    pub webhooks: Vec<ReferencedRow>,
    /// All custom fields that are not hidden.
    pub custom_fields: Rc<CustomFields>,
}

impl References {
    /// An active category, by id, uid or slug.
    pub fn category(&self, row: &RowRef) -> Option<NamedRow> {
        let found = find_row(&self.categories, row).filter(|found| found.is_active)?;
        Some(NamedRow {
            id: found.id,
            name: found.name.clone(),
        })
    }

    /// A person who can be assigned tickets, by id or uid.
    pub fn agent(&self, row: &RowRef) -> Option<Person> {
        let found = find_row(&self.people, row).filter(|found| found.is_active && found.is_staff)?;
        Some(Person {
            id: found.id,
            card: found.card.clone(),
        })
    }

    /// An active person, by id or uid.
    pub fn person(&self, row: &RowRef) -> Option<&ReferencedRow> {
        find_row(&self.people, row).filter(|found| found.is_active)
    }

    /// An enabled webhook, by id or uid.
    pub fn webhook(&self, row: &RowRef) -> Option<&ReferencedRow> {
        find_row(&self.webhooks, row).filter(|found| found.is_active)
    }

    /// The references of a rule that point to nothing, or to something inactive.
    pub fn find_missing(&self, definition: &RuleDefinition) -> Vec<FieldError> {
        let mut missing = self.find_missing_in(&definition.actions);
        let lists = [
            ("all", &definition.conditions.all),
            ("any", &definition.conditions.any),
        ];
        for (list, conditions) in lists {
            for (at, condition) in conditions.iter().enumerate() {
                let key = custom_key(&condition.field);
                if let Some(Err(message)) = key.map(|key| self.custom_fields.find(key, Role::Admin)) {
                    missing.push((format!("conditions.{list}[{at}].field"), message.to_owned()));
                }
            }
        }
        missing
    }

    /// Like [`References::find_missing`], of actions.
    pub fn find_missing_in(&self, actions: &[Action]) -> Vec<FieldError> {
        let numbered = actions.iter().enumerate();
        numbered
            .filter_map(|(at, action)| {
                let (part, message) = self.missing_reference(action)?;
                Some((format!("actions[{at}].{part}"), message))
            })
            .collect()
    }

    /// What is wrong with the value that an action gives a custom field.
    fn refuse_value(&self, key: &str, value: &Value) -> Option<(&'static str, String)> {
        match self.custom_fields.find(key, Role::Admin) {
            Err(message) => Some(("key", message.to_owned())),
            Ok(_) if value.is_null() => None,
            Ok(field) => field.parse_value(value).err().map(|message| ("value", message)),
        }
    }

    /// The parameter of an action whose row is missing, and the message about it.
    fn missing_reference(&self, action: &Action) -> Option<(&'static str, String)> {
        let (is_there, part, message) = match action {
            Action::SetCategory(Some(row)) => {
                (self.category(row).is_some(), "category", "is no active category")
            }
            Action::SendWebhook(row) => (
                self.webhook(row).is_some(),
                "webhook",
                "is no webhook that is switched on",
            ),
            Action::Assign(Assignee::Agent(row)) => (self.agent(row).is_some(), "to", "is no active agent"),
            Action::SendNotification {
                to: Audience::Person(row),
                ..
            } => (self.person(row).is_some(), "to", "is no active user"),
            Action::SetCustomField { key, value } => return self.refuse_value(key, value),
            _ => return None,
        };
        (!is_there).then(|| (part, message.to_owned()))
    }
}

fn find_row<'a>(list: &'a [ReferencedRow], row: &RowRef) -> Option<&'a ReferencedRow> {
    list.iter().find(|found| match row {
        RowRef::Id(id) => found.id == *id,
        // Stored slugs use underscores; rules may be written with spaces and hyphens.
        RowRef::Name(word) => found.uid == *word || found.name == word.replace([' ', '-'], "_"),
    })
}

#[cfg(test)]
pub(in crate::desk) mod tests {
    use super::*;
    use serde_json::json;

    /// Two active categories and an archived one, an agent, a former agent, a customer.
    pub(crate) fn references() -> References {
        let row = |id: i64, name: &str, is_active, is_staff| ReferencedRow {
            id,
            uid: format!("0190b4c6-7d2a-7c3e-8f00-00000000000{id}"),
            name: name.to_owned(),
            is_active,
            is_staff,
            card: json!({"id": id, "full_name": name}),
        };
        References {
            categories: vec![
                row(2, "billing", true, false),
                row(4, "feature_request", true, false),
                row(5, "old", false, false),
            ],
            people: vec![
                row(7, "amy@example.com", true, true),
                row(8, "bob@example.com", false, true),
                row(9, "cat@example.com", true, false),
            ],
            projects: vec![row(3, "web", true, false)],
            webhooks: vec![row(6, "up", true, false), row(1, "down", false, false)],
            custom_fields: Rc::default(),
        }
    }

    #[test]
    fn rows_are_found_by_every_name() {
        let word = |word: &str| RowRef::Name(word.to_owned());
        for (row, want) in [
            (RowRef::Id(2), Some(2)),
            (word("billing"), Some(2)),
            (word("0190b4c6-7d2a-7c3e-8f00-000000000002"), Some(2)),
            (word("feature-request"), Some(4)),
            (word("feature request"), Some(4)),
            (word("old"), None),
            (RowRef::Id(7), None),
        ] {
            assert_eq!(references().category(&row).map(|named| named.id), want, "{row:?}");
        }
        for (id, want) in [(7, true), (8, false), (9, false), (2, false)] {
            assert_eq!(references().agent(&RowRef::Id(id)).is_some(), want, "{id}");
        }
    }

    #[test]
    fn missing_rows_are_reported_with_their_path() {
        let actions = json!([
            {"type": "escalate"},
            {"type": "set_category", "category": "old"},
            {"type": "set_category", "category": "billing"},
            {"type": "set_category", "category": null},
            {"type": "assign", "to": 8},
            {"type": "assign", "to": 7},
            {"type": "assign", "to": "least_loaded"},
            {"type": "send_notification", "to": 9, "message": "x"},
            {"type": "send_notification", "to": 8, "message": "x"},
            {"type": "send_notification", "to": "managers", "message": "x"},
        ]);
        let definition =
            RuleDefinition::parse(Some(&json!({"on": "ticket_created"})), None, Some(&actions)).unwrap();
        let paths: Vec<String> = references()
            .find_missing(&definition)
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, ["actions[1].category", "actions[4].to", "actions[8].to"]);
        assert_eq!(References::default().find_missing(&definition).len(), 6);
    }

    #[test]
    fn webhooks_are_found_while_enabled() {
        for (webhook, want) in [
            (json!(6), true),
            (json!("0190b4c6-7d2a-7c3e-8f00-000000000006"), true),
            (json!(1), false),
            (json!(7), false),
        ] {
            let actions = json!([{"type": "send_webhook", "webhook": webhook}]);
            let definition =
                RuleDefinition::parse(Some(&json!({"on": "ticket_created"})), None, Some(&actions)).unwrap();
            assert_eq!(
                references().find_missing(&definition).is_empty(),
                want,
                "{webhook}"
            );
        }
    }
}
