//! Notifications: which kinds there are, who wants which, and who is mentioned in a message.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::desk::fold::{caseless, is_word};
use crate::desk::validation::FieldError;

/// Why a person is notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotificationKind {
    /// A ticket was assigned to them.
    Assigned,
    /// A ticket was transferred to them.
    Transferred,
    /// A message was added.
    Reply,
    /// A message contains `@` and their username.
    Mention,
    Status,
    SlaAtRisk,
    SlaBreached,
    /// The requester has rated their work.
    Rated,
    /// New and answered tickets that nobody has, now and then in one notification.
    Unassigned,
    /// A workflow rule sends it.
    Rule,
    /// A system notice that is not about a ticket.
    System,
}

impl NotificationKind {
    /// All kinds.
    pub const ALL: [NotificationKind; 11] = [
        NotificationKind::Assigned,
        NotificationKind::Transferred,
        NotificationKind::Reply,
        NotificationKind::Mention,
        NotificationKind::Status,
        NotificationKind::SlaAtRisk,
        NotificationKind::SlaBreached,
        NotificationKind::Rated,
        NotificationKind::Unassigned,
        NotificationKind::Rule,
        NotificationKind::System,
    ];
    /// The API names, in the order of [`NotificationKind::ALL`].
    pub const WORDS: [&'static str; 11] = [
        "assigned",
        "transferred",
        "reply",
        "mention",
        "status",
        "sla_at_risk",
        "sla_breached",
        "rated",
        "unassigned",
        "rule",
        "system",
    ];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        let known = NotificationKind::ALL
            .into_iter()
            .zip(NotificationKind::WORDS)
            .find(|(kind, _)| *kind == self);
        known.map_or("", |(_, word)| word)
    }

    /// Reads an API name; case matters.
    pub fn parse(word: &str) -> Option<NotificationKind> {
        NotificationKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// The channels of one notification kind: `live` (the list and the socket) and `email`. `None` keeps the current
/// setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    pub live: Option<bool>,
    pub email: Option<bool>,
}

/// The validation errors of preferences.
pub fn validate_preferences(value: &Value) -> Vec<FieldError> {
    parse_preferences(value).err().unwrap_or_default()
}

/// Parses `{"reply": {"email": false}, ...}`. What is left out does not change.
///
/// # Errors
/// All validation errors.
pub fn parse_preferences(value: &Value) -> Result<BTreeMap<NotificationKind, Channels>, Vec<FieldError>> {
    let Some(kinds) = value.as_object() else {
        return Err(vec![("preferences".to_owned(), "must be an object".to_owned())]);
    };
    let mut errors: Vec<FieldError> = Vec::new();
    let mut read = BTreeMap::new();
    for (name, value) in kinds {
        let at = format!("preferences.{name}");
        let Some(kind) = NotificationKind::parse(name) else {
            errors.push((
                at,
                format!("must be one of {}", NotificationKind::WORDS.join(", ")),
            ));
            continue;
        };
        let Some(ways) = value.as_object() else {
            errors.push((at, "must be an object of live and email".to_owned()));
            continue;
        };
        let mut wanted = Channels::default();
        for (way, value) in ways {
            match (way.as_str(), value.as_bool()) {
                ("live", Some(flag)) => wanted.live = Some(flag),
                ("email", Some(flag)) => wanted.email = Some(flag),
                ("live" | "email", None) => {
                    errors.push((format!("{at}.{way}"), "must be true or false".to_owned()))
                }
                // Unknown keys are ignored, as in all input.
                _ => {}
            }
        }
        read.insert(kind, wanted);
    }
    if errors.is_empty() { Ok(read) } else { Err(errors) }
}

/// Users that one message may mention.
pub const MAX_MENTIONS: usize = 10;

/// The usernames that a message mentions, in lower case: an `@` at the start of a word, and the characters that
/// usernames may have. Each once, in order, up to [`MAX_MENTIONS`].
pub fn parse_mentions(body: &str) -> Vec<String> {
    let is_name = |c: char| is_word(c) || matches!(c, '.' | '_' | '-');
    let mut found: Vec<String> = Vec::new();
    let mut before = ' ';
    for (at, c) in body.char_indices() {
        let begins = c == '@' && !is_name(before) && before != '@';
        before = c;
        if !begins {
            continue;
        }
        let rest = body.get(at.saturating_add(1)..).unwrap_or_default();
        let name: String = rest.chars().take_while(|c| is_name(*c)).take(100).collect();
        // A full stop ends the sentence, not the username.
        let name = caseless(name.trim_end_matches(['.', '-', '_']));
        if !name.is_empty() && !found.contains(&name) && found.len() < MAX_MENTIONS {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_and_names_agree() {
        for kind in NotificationKind::ALL {
            assert_eq!(NotificationKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(NotificationKind::parse("Reply"), None);
    }

    #[test]
    fn preferences_are_parsed_or_errors_are_reported() {
        let read_them =
            parse_preferences(&json!({"reply": {"email": false, "fax": 1}, "status": {}})).unwrap();
        let reply = Channels {
            live: None,
            email: Some(false),
        };
        assert_eq!(read_them.get(&NotificationKind::Reply), Some(&reply));
        assert_eq!(
            read_them.get(&NotificationKind::Status),
            Some(&Channels::default())
        );
        for (errors, at) in [
            (json!([]), "preferences"),
            (json!({"answers": {}}), "preferences.answers"),
            (json!({"reply": true}), "preferences.reply"),
            (json!({"reply": {"live": "yes"}}), "preferences.reply.live"),
            (json!({"reply": {"email": null}}), "preferences.reply.email"),
        ] {
            let reported = validate_preferences(&errors);
            assert_eq!(
                reported.first().map(|(path, _)| path.as_str()),
                Some(at),
                "{errors}"
            );
        }
    }

    #[test]
    fn mentions_are_words_with_an_at() {
        for (body, want) in [
            ("hello @Sarah, look", vec!["sarah"]),
            ("@a @b @a", vec!["a", "b"]),
            ("ask @mike.miller.", vec!["mike.miller"]),
            ("mail john@example.com", vec![]),
            ("(@josé) and @李雷!", vec!["josé", "李雷"]),
            ("@ nobody, @@twice", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parse_mentions(body), want, "{body}");
        }
        let many: String = (0..30).map(|n| format!("@u{n} ")).collect();
        assert_eq!(parse_mentions(&many).len(), MAX_MENTIONS);
    }
}
