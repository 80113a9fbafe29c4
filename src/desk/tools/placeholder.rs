//! Placeholders in the texts of macros: `{{ticket.number}}`.
//!
//! What a placeholder stands for in a public text is what the requester may know. A value is put in as it is: what looks
//! like a placeholder in it stays text.

use serde_json::Value;

use crate::desk::person::Role;
use crate::desk::tickets::ticket::Ticket;
use crate::desk::tools::custom_field::CustomFields;

/// Who reads a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    All,
    Staff,
}

/// The placeholders, but for those of custom fields: their names, and whether the requester may read what they stand for.
const NAMES: [(&str, bool); 14] = [
    ("ticket.number", true),
    ("ticket.key", true),
    ("ticket.title", true),
    ("ticket.status", true),
    ("ticket.priority", true),
    ("ticket.category", true),
    ("requester.first_name", true),
    ("requester.last_name", true),
    ("requester.full_name", true),
    ("requester.email", false),
    ("agent.first_name", true),
    ("agent.last_name", true),
    ("agent.full_name", true),
    ("assignee.full_name", true),
];

/// What stands before the key of a custom field.
const CUSTOM: &str = "ticket.custom.";

/// The names of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub first: String,
    pub last: String,
    pub full: String,
}

impl Names {
    /// The first name, or whatever the person is called.
    fn first_or_full(&self) -> &str {
        if self.first.is_empty() {
            &self.full
        } else {
            &self.first
        }
    }
}

/// What placeholders stand for, beyond what is in the ticket.
#[derive(Clone, Debug, Default)]
pub struct PlaceholderValues {
    pub number: String,
    pub key: Option<String>,
    pub requester: Names,
    pub requester_email: String,
    /// Whoever applies the macro.
    pub agent: Names,
}

/// A piece of a text: as it is, or the name of a placeholder.
enum TextPiece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces(text: &str) -> Result<Vec<TextPiece<'_>>, String> {
    let mut parts = text.split("{{");
    let mut list: Vec<TextPiece> = parts.next().map(TextPiece::Text).into_iter().collect();
    for part in parts {
        let (name, rest) = part
            .split_once("}}")
            .ok_or("has a placeholder that is not closed with }}")?;
        list.push(TextPiece::Name(name.trim()));
        list.push(TextPiece::Text(rest));
    }
    Ok(list)
}

/// The text without its placeholders: what its author has written.
pub fn without_values(text: &str) -> String {
    let pieces = pieces(text).unwrap_or_default();
    let texts = pieces.iter().map(|piece| match piece {
        TextPiece::Text(text) => text,
        TextPiece::Name(_) => " ",
    });
    texts.collect()
}

/// Checks the placeholders of a text.
///
/// # Errors
/// What is wrong with the first one that is unknown, or that these readers must not read.
pub fn check(text: &str, readers: Readers, fields: &CustomFields) -> Result<(), String> {
    for piece in pieces(text)? {
        let TextPiece::Name(name) = piece else { continue };
        if let Some(key) = name.strip_prefix(CUSTOM) {
            let field = fields.find(key, Role::Admin);
            let field = field.map_err(|message| format!("has the placeholder {name}, which {message}"))?;
            if readers == Readers::All && !field.is_public {
                return Err(format!("has the placeholder {name}, whose field is for staff"));
            }
            continue;
        }
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, false)) if readers == Readers::All => {
                return Err(format!("has the placeholder {name}, which is for internal notes"));
            }
            Some(_) => {}
            None => {
                let known = NAMES.map(|(name, _)| name).join(", ");
                return Err(format!(
                    "has the placeholder {name}, which is none of {known}, {CUSTOM}<key>"
                ));
            }
        }
    }
    Ok(())
}

/// The text with what its placeholders stand for. What a ticket does not have is empty.
///
/// # Errors
/// As [`check`]: since the text was checked, a field may have been hidden.
pub fn render(
    text: &str,
    readers: Readers,
    fields: &CustomFields,
    (ticket, values): (&Ticket, &PlaceholderValues),
) -> Result<String, String> {
    check(text, readers, fields)?;
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text)? {
        match piece {
            TextPiece::Text(text) => out.push_str(text),
            TextPiece::Name(name) => out.push_str(&value_of(name, ticket, values)),
        }
    }
    Ok(out)
}

fn value_of(name: &str, ticket: &Ticket, values: &PlaceholderValues) -> String {
    if let Some(key) = name.strip_prefix(CUSTOM) {
        return match ticket.custom_fields.values.get(key) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => {
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                texts.join(", ")
            }
            Some(other) => other.to_string(),
        };
    }
    let text = match name {
        "ticket.number" => &values.number,
        "ticket.key" => values.key.as_deref().unwrap_or_default(),
        "ticket.title" => &ticket.title,
        "ticket.status" => ticket.status.as_str(),
        "ticket.priority" => ticket.priority.as_str(),
        "ticket.category" => ticket.category.as_ref().map_or("", |category| &category.name),
        "requester.first_name" => values.requester.first_or_full(),
        "requester.last_name" => &values.requester.last,
        "requester.full_name" => &values.requester.full,
        "requester.email" => &values.requester_email,
        "agent.first_name" => values.agent.first_or_full(),
        "agent.last_name" => &values.agent.last,
        "agent.full_name" => &values.agent.full,
        "assignee.full_name" => {
            let card = ticket.assignee.as_ref().map(|person| &person.card);
            card.and_then(|card| card.get("full_name")?.as_str())
                .unwrap_or_default()
        }
        _ => "",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tools::custom_field::tests::fields;
    use serde_json::json;

    fn values() -> PlaceholderValues {
        PlaceholderValues {
            number: "TICK-20260131-0007".to_owned(),
            requester: Names {
                full: "ada".to_owned(),
                ..Names::default()
            },
            requester_email: "ada@example.com".to_owned(),
            agent: Names {
                first: "Bo".to_owned(),
                last: "Li".to_owned(),
                full: "Bo Li".to_owned(),
            },
            ..PlaceholderValues::default()
        }
    }

    #[test]
    fn every_placeholder_has_a_value() {
        let mut ticket = Ticket::new("A {{agent.last_name}}", "x", 9, 0);
        ticket.custom_fields.values = [
            ("text".to_owned(), json!("Pro")),
            ("multi_select".to_owned(), json!(["a", "b"])),
            ("number".to_owned(), json!(5)),
        ]
        .into_iter()
        .collect();
        for (text, want) in [
            ("Hi {{requester.first_name}},", "Hi ada,"),
            ("{{ ticket.number }}{{ticket.key}}!", "TICK-20260131-0007!"),
            // A value is no text of the author's.
            ("{{ticket.title}}", "A {{agent.last_name}}"),
            ("{{agent.first_name}} {{agent.last_name}}", "Bo Li"),
            ("{{assignee.full_name}}|{{ticket.category}}", "|"),
            ("{{ticket.status}} {{ticket.priority}}", "open medium"),
            (
                "{{ticket.custom.text}} {{ticket.custom.multi_select}} {{ticket.custom.number}}{{ticket.custom.date}}",
                "Pro a, b 5",
            ),
            ("no } placeholder { at }} all", "no } placeholder { at }} all"),
        ] {
            let got = render(text, Readers::All, &fields(), (&ticket, &values()));
            assert_eq!(got.as_deref(), Ok(want), "{text}");
        }
        for (name, is_public) in NAMES {
            let text = format!("{{{{{name}}}}}");
            assert_eq!(check(&text, Readers::All, &fields()).is_ok(), is_public, "{name}");
            assert!(check(&text, Readers::Staff, &fields()).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_unknown_or_for_staff_is_refused() {
        for (text, readers) in [
            ("{{ticket.password}}", Readers::Staff),
            ("{{}}", Readers::Staff),
            ("{{ticket.number", Readers::Staff),
            ("{{{ticket.number}}}", Readers::Staff),
            ("{{requester.email}}", Readers::All),
            ("{{ticket.custom.secret}}", Readers::All),
            ("{{ticket.custom.nothing}}", Readers::Staff),
        ] {
            assert!(check(text, readers, &fields()).is_err(), "{text}");
        }
        assert!(check("{{ticket.custom.secret}}", Readers::Staff, &fields()).is_ok());
    }

    #[test]
    fn what_the_author_has_written_is_known() {
        assert_eq!(without_values("@bo {{ticket.title}}@li"), "@bo  @li");
    }
}
