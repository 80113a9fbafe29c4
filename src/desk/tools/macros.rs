//! Macros: a text and some actions that staff apply to a ticket at once.
//!
//! Whoever applies a macro does what it says: each action is allowed or refused as if the person had done it singly. If
//! one is refused, nothing is done.

use serde_json::Value;

use crate::desk::automation::action::{Action, Assignee, Audience};
use crate::desk::automation::references::References;
use crate::desk::automation::run_report::{Recipient, RuleNotification};
use crate::desk::person::Role;
use crate::desk::tickets::tag::is_same;
use crate::desk::tickets::ticket::{Actor, Person, Ticket, TicketEdit};
use crate::desk::tools::placeholder::{self, Readers};
use crate::desk::validation::{FieldError, FieldErrors};

/// Macros of one desk, personal ones included.
pub const MAX_MACROS: i64 = 1_000;

/// What a macro does.
#[derive(Clone, Debug, PartialEq)]
pub struct Macro {
    pub body: Option<String>,
    pub is_internal: bool,
    pub actions: Vec<Action>,
}

impl Macro {
    /// Parses and checks a macro that a person of this role writes.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(
        (body, is_internal): (Option<&str>, bool),
        actions: &Value,
        references: &References,
        role: Role,
    ) -> Result<Macro, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let is_none = actions.is_null() || actions.as_array().is_some_and(Vec::is_empty);
        let actions = if is_none {
            Vec::new()
        } else {
            Action::parse_for_macro(actions, &mut errors)
        };
        if is_none && body.is_none() {
            errors.add("actions", "must have one at least, if there is no body");
        }
        let read = Macro {
            body: body.map(str::to_owned),
            is_internal,
            actions,
        };
        for (path, message) in read.problems(references) {
            errors.add(path, message);
        }
        for (at, action) in read.actions.iter().enumerate() {
            if matches!(action, Action::SendWebhook(_)) && role != Role::Admin {
                errors.add(
                    format!("actions[{at}].type"),
                    "is for admins: webhooks are theirs",
                );
            }
        }
        errors.finish(Some(read))
    }

    /// Why it cannot be applied: what it refers to is not there any more.
    pub fn problems(&self, references: &References) -> Vec<FieldError> {
        let mut list = Vec::new();
        let mut check = |path: String, text: &str, readers| {
            if let Err(message) = placeholder::check(text, readers, &references.custom_fields) {
                list.push((path, message));
            }
        };
        if let Some(body) = &self.body {
            check("body".to_owned(), body, self.readers());
        }
        for (at, action) in self.actions.iter().enumerate() {
            match action {
                Action::AddNote(text) => check(format!("actions[{at}].body"), text, Readers::Staff),
                Action::SendNotification { to, message } => {
                    check(format!("actions[{at}].message"), message, readers_of(to));
                }
                _ => {}
            }
        }
        list.extend(references.find_missing_in(&self.actions));
        list
    }

    /// Who reads its text.
    pub fn readers(&self) -> Readers {
        if self.is_internal {
            Readers::Staff
        } else {
            Readers::All
        }
    }

    /// What it does to a ticket when a person applies it.
    pub fn plan(&self, name: &str, ticket: &Ticket, references: &References, actor: &Actor) -> MacroPlan {
        let mut plan = MacroPlan::default();
        let mut tags = ticket.tags.clone();
        let edit = &mut plan.edit;
        for action in &self.actions {
            match action {
                Action::SetStatus(status) => edit.status = Some(*status),
                Action::SetPriority(priority) => edit.priority = Some(*priority),
                Action::SetCategory(row) => {
                    edit.category = Some(row.as_ref().and_then(|row| references.category(row)));
                }
                Action::Assign(to) => {
                    plan.finds_agent = *to == Assignee::LeastLoaded;
                    edit.assignee = match to {
                        Assignee::Me => Some(Some(Person {
                            id: actor.id,
                            card: actor.card.clone(),
                        })),
                        Assignee::Agent(row) => Some(references.agent(row)),
                        Assignee::Nobody => Some(None),
                        Assignee::LeastLoaded => None,
                    };
                }
                Action::SetCustomField { key, value } => {
                    let fields = edit.custom_fields.get_or_insert_default();
                    fields.insert(key.clone(), value.clone());
                }
                Action::AddTag(tag) | Action::RemoveTag(tag) => {
                    tags.retain(|other| !is_same(other, tag));
                    if matches!(action, Action::AddTag(_)) {
                        tags.push(tag.clone());
                        tags.sort_unstable();
                    }
                }
                Action::AddNote(text) => plan.notes.push(text.clone()),
                Action::SendNotification { to, message } => {
                    if let Some(to) = recipient(to, references) {
                        let readers = readers_of_recipient(to);
                        let message = message.clone();
                        plan.notifications
                            .push((RuleNotification { to, message }, readers));
                    }
                }
                Action::SendWebhook(row) => {
                    plan.webhooks
                        .extend(references.webhook(row).map(|webhook| webhook.id));
                }
                Action::Escalate => {
                    let now = edit.priority.unwrap_or(ticket.priority);
                    edit.priority = Some(now.raised());
                    let telling = RuleNotification {
                        to: Recipient::Managers,
                        message: format!("Escalated with the macro \"{name}\""),
                    };
                    plan.notifications.push((telling, Readers::Staff));
                }
            }
        }
        edit.tags = (tags != ticket.tags).then_some(tags);
        plan
    }
}

/// What applying a macro does to one ticket. The texts still have their placeholders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MacroPlan {
    pub edit: TicketEdit,
    pub notes: Vec<String>,
    pub notifications: Vec<(RuleNotification, Readers)>,
    /// Ids of endpoints.
    pub webhooks: Vec<i64>,
    /// The ticket goes to whoever has the least to do.
    pub finds_agent: bool,
}

fn recipient(to: &Audience, references: &References) -> Option<Recipient> {
    match to {
        Audience::Requester => Some(Recipient::Requester),
        Audience::Assignee => Some(Recipient::Assignee),
        Audience::Managers => Some(Recipient::Managers),
        Audience::Person(row) => references.person(row).map(|person| Recipient::Person(person.id)),
    }
}

/// A person who is named may be a customer.
fn readers_of(to: &Audience) -> Readers {
    match to {
        Audience::Requester | Audience::Person(_) => Readers::All,
        Audience::Assignee | Audience::Managers => Readers::Staff,
    }
}

fn readers_of_recipient(to: Recipient) -> Readers {
    match to {
        Recipient::Requester | Recipient::Person(_) => Readers::All,
        Recipient::Assignee | Recipient::Managers => Readers::Staff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::automation::references::tests::references;
    use crate::desk::tickets::priority::Priority;
    use crate::desk::tickets::status::Status;
    use serde_json::json;

    fn read(body: Option<&str>, actions: Value, role: Role) -> Result<Macro, Vec<String>> {
        Macro::parse((body, false), &actions, &references(), role)
            .map_err(|errors| errors.into_iter().map(|(path, _)| path).collect())
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        for (body, actions, role, want) in [
            (Some("Hi"), json!(null), Role::Agent, vec![]),
            (Some("Hi"), json!([]), Role::Agent, vec![]),
            (None, json!([{"type": "assign", "to": "me"}]), Role::Agent, vec![]),
            (None, json!([]), Role::Agent, vec!["actions"]),
            (Some("{{x}}"), json!(null), Role::Agent, vec!["body"]),
            (
                None,
                json!([{"type": "nothing"}]),
                Role::Agent,
                vec!["actions[0].type"],
            ),
            (
                None,
                json!([{"type": "set_category", "category": "old"}]),
                Role::Agent,
                vec!["actions[0].category"],
            ),
            (
                None,
                json!([{"type": "send_webhook", "webhook": 6}]),
                Role::Manager,
                vec!["actions[0].type"],
            ),
            (
                None,
                json!([{"type": "send_webhook", "webhook": 6}]),
                Role::Admin,
                vec![],
            ),
            (
                None,
                json!([{"type": "add_note", "body": "{{requester.email}}"}]),
                Role::Agent,
                vec![],
            ),
            (
                None,
                json!([{"type": "send_notification", "to": "requester", "message": "{{requester.email}}"}]),
                Role::Agent,
                vec!["actions[0].message"],
            ),
            (
                None,
                json!([{"type": "send_notification", "to": "managers", "message": "{{requester.email}}"}]),
                Role::Agent,
                vec![],
            ),
        ] {
            let want: Vec<String> = want.into_iter().map(str::to_owned).collect();
            assert_eq!(
                read(body, actions.clone(), role).err().unwrap_or_default(),
                want,
                "{actions}"
            );
        }
    }

    #[test]
    fn a_plan_is_one_edit() {
        let actions = json!([
            {"type": "escalate"},
            {"type": "set_status", "status": "resolved"},
            {"type": "add_tag", "tag": "b"},
            {"type": "add_tag", "tag": "a"},
            {"type": "remove_tag", "tag": "old"},
            {"type": "set_category", "category": "billing"},
            {"type": "assign", "to": "me"},
            {"type": "add_note", "body": "Noted"},
            {"type": "send_notification", "to": "requester", "message": "Told"},
        ]);
        let read = read(None, actions, Role::Agent).unwrap();
        let mut ticket = Ticket::new("t", "d", 9, 0);
        ticket.tags = vec!["old".to_owned()];
        let actor = Actor {
            id: 7,
            role: Role::Agent,
            card: json!({"id": 7}),
            is_in_copy: false,
        };
        let plan = read.plan("M", &ticket, &references(), &actor);
        assert_eq!(plan.edit.priority, Some(Priority::High));
        assert_eq!(plan.edit.status, Some(Status::Resolved));
        assert_eq!(plan.edit.tags, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(plan.edit.category.unwrap().unwrap().id, 2);
        assert_eq!(plan.edit.assignee.unwrap().unwrap().id, 7);
        assert_eq!(
            (plan.notes.len(), plan.notifications.len(), plan.finds_agent),
            (1, 2, false)
        );
    }

    #[test]
    fn the_last_word_on_the_assignee_counts() {
        let ticket = Ticket::new("t", "d", 9, 0);
        for (first, second, finds, who) in [
            ("least_loaded", "none", false, Some(None)),
            ("none", "least_loaded", true, None),
        ] {
            let actions = json!([{"type": "assign", "to": first}, {"type": "assign", "to": second}]);
            let actor = crate::desk::tickets::auto_close::system_actor();
            let plan = read(None, actions, Role::Agent)
                .unwrap()
                .plan("M", &ticket, &references(), &actor);
            assert_eq!((plan.finds_agent, plan.edit.assignee), (finds, who));
        }
    }
}
