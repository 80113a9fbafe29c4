//! What the audit log tells of: acts of administration and sign-ins, each by one word.

use serde_json::{Map, Value};

macro_rules! audit_actions {
    ($($case:ident $word:literal,)*) => {
        /// Something that is on record in the audit log. Its word is the kind of thing that it was done to and what was
        /// done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditAction {
            $($case,)*
        }

        impl AuditAction {
            /// All actions.
            pub const ALL: &'static [AuditAction] = &[$(AuditAction::$case,)*];
            /// Their API names, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The API name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(AuditAction::$case => $word,)*
                }
            }
        }
    };
}

audit_actions! {
    SessionCreated "session.created",
    SessionFailed "session.failed",
    UserCreated "user.created",
    UserUpdated "user.updated",
    UserDeactivated "user.deactivated",
    UserClosed "user.closed",
    UserErased "user.erased",
    UserDataExported "user.data_exported",
    UserListExported "user.list_exported",
    PasswordChanged "password.changed",
    PasswordReset "password.reset",
    TwoFactorEnabled "two_factor.enabled",
    TwoFactorDisabled "two_factor.disabled",
    TwoFactorReset "two_factor.reset",
    ApiKeyCreated "api_key.created",
    ApiKeyEnded "api_key.ended",
    ApiKeyUsed "api_key.used",
    AgentCreated "agent.created",
    AgentUpdated "agent.updated",
    AgentDeactivated "agent.deactivated",
    CategoryCreated "category.created",
    CategoryUpdated "category.updated",
    CategoryArchived "category.archived",
    SubcategoryCreated "subcategory.created",
    SubcategoryUpdated "subcategory.updated",
    SubcategoryArchived "subcategory.archived",
    ProjectCreated "project.created",
    ProjectUpdated "project.updated",
    ProjectArchived "project.archived",
    SlaPolicyUpdated "sla_policy.updated",
    CalendarCreated "calendar.created",
    CalendarUpdated "calendar.updated",
    CalendarDeleted "calendar.deleted",
    SettingsUpdated "settings.updated",
    WorkflowCreated "workflow.created",
    WorkflowUpdated "workflow.updated",
    WorkflowDeleted "workflow.deleted",
    WebhookCreated "webhook.created",
    WebhookUpdated "webhook.updated",
    WebhookDeleted "webhook.deleted",
    WebhookTested "webhook.tested",
    WebhookRedelivered "webhook.redelivered",
    ArticleDeleted "article.deleted",
    TicketDeleted "ticket.deleted",
    TicketRestored "ticket.restored",
    TicketRedacted "ticket.redacted",
    TicketListExported "ticket.list_exported",
    ReportExported "report.exported",
    ImportCreated "import.created",
    MacroCreated "macro.created",
    MacroUpdated "macro.updated",
    MacroDeleted "macro.deleted",
    ViewCreated "view.created",
    ViewUpdated "view.updated",
    ViewDeleted "view.deleted",
    CustomFieldCreated "custom_field.created",
    CustomFieldUpdated "custom_field.updated",
    CustomFieldDeleted "custom_field.deleted",
    AuditExported "audit.exported",
}

impl AuditAction {
    /// Reads an API name.
    pub fn parse(word: &str) -> Option<AuditAction> {
        let mut all = AuditAction::ALL.iter();
        all.find(|action| action.as_str() == word).copied()
    }

    /// The kind of thing that it is done to.
    pub fn target_type(self) -> &'static str {
        let word = self.as_str();
        match word.split_once('.') {
            // What is done with somebody's sessions, password or second factor is done to the person.
            Some(("session" | "password" | "two_factor", _)) | None => "user",
            Some((kind, _)) => kind,
        }
    }

    /// Whether it is on record whoever does it. Other acts are those of administration: on record when managers or
    /// admins do them, and not when people change what is their own.
    pub fn is_for_everybody(self) -> bool {
        matches!(
            self,
            AuditAction::ApiKeyCreated
                | AuditAction::ApiKeyEnded
                | AuditAction::UserClosed
                | AuditAction::UserErased
                | AuditAction::UserDataExported
                | AuditAction::UserListExported
                | AuditAction::TicketListExported
                | AuditAction::ReportExported
                | AuditAction::AuditExported
                | AuditAction::ImportCreated
        )
    }
}

/// The things whose entries are asked for: a kind, or one thing of it (`user` or `user:5`). `None` if the text is
/// neither.
pub fn parse_target(text: &str) -> Option<(&'static str, Option<i64>)> {
    let (kind, id) = match text.split_once(':') {
        Some((kind, id)) => (kind, Some(id.parse().ok().filter(|id| *id > 0)?)),
        None => (text, None),
    };
    let known = AuditAction::ALL.iter().map(|action| action.target_type());
    Some((known.into_iter().find(|word| *word == kind)?, id))
}

/// What an entry tells of a change: the fields that it named. Values are told of fields with a closed set of values
/// only, so that no secret and no text of a message gets into the log.
pub fn changed_fields<'a>(fields: impl Iterator<Item = (&'a str, Option<Value>)>) -> Value {
    let told: Map<String, Value> = fields
        .filter(|(name, _)| *name != "version")
        .map(|(name, value)| (name.to_owned(), value.unwrap_or(Value::Null)))
        .collect();
    let mut details = Map::new();
    if !told.is_empty() {
        details.insert("fields".to_owned(), Value::Object(told));
    }
    Value::Object(details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_action_has_a_word_of_its_own() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(*action));
            assert_eq!(action.as_str().split('.').count(), 2, "{}", action.as_str());
        }
        assert_eq!(AuditAction::parse("user.eaten"), None);
    }

    #[test]
    fn targets_are_a_kind_or_one_of_it() {
        for (text, want) in [
            ("user", Some(("user", None))),
            ("user:5", Some(("user", Some(5)))),
            ("api_key:7", Some(("api_key", Some(7)))),
            ("session", None),
            ("user:", None),
            ("user:x", None),
            ("user:-1", None),
            ("user:0", None),
            ("unicorn", None),
            ("", None),
        ] {
            assert_eq!(parse_target(text), want, "{text}");
        }
        assert_eq!(AuditAction::SessionFailed.target_type(), "user");
        assert_eq!(AuditAction::PasswordReset.target_type(), "user");
        assert_eq!(AuditAction::WebhookTested.target_type(), "webhook");
    }

    #[test]
    fn only_some_values_are_told() {
        let fields = [
            ("role", Some(json!("agent"))),
            ("password", None),
            ("version", Some(json!(3))),
        ];
        let details = changed_fields(fields.into_iter());
        assert_eq!(details, json!({"fields": {"role": "agent", "password": null}}));
        assert_eq!(changed_fields(std::iter::empty()), json!({}));
    }
}
