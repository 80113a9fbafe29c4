//! People: their roles, names and usernames.

use serde::{Deserialize, Serialize};

use crate::desk::fold::{caseless, is_word};

/// A person's role. Roles are ordered: each may do everything that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Customer,
    Agent,
    Manager,
    Admin,
}

impl Role {
    /// All roles, weakest first.
    pub const ALL: [Role; 4] = [Role::Customer, Role::Agent, Role::Manager, Role::Admin];
    /// The API names, in the order of [`Role::ALL`].
    pub const WORDS: [&'static str; 4] = ["customer", "agent", "manager", "admin"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Agent => "agent",
            Role::Manager => "manager",
            Role::Admin => "admin",
        }
    }

    /// Reads an API name in any case; `user` is an older name for `customer`.
    pub fn parse(word: &str) -> Option<Role> {
        match word.trim().to_ascii_lowercase().as_str() {
            "customer" | "user" => Some(Role::Customer),
            "agent" => Some(Role::Agent),
            "manager" => Some(Role::Manager),
            "admin" => Some(Role::Admin),
            _ => None,
        }
    }

    /// Whether the role works for the help desk: agents, managers and admins.
    pub fn is_staff(self) -> bool {
        self != Role::Customer
    }

    /// Permission names for front ends to test. They only inform: the decisions are made in
    /// [`policy`](crate::desk::tickets::policy).
    pub fn permissions(self) -> &'static [&'static str] {
        match self {
            Role::Customer => &[
                "tickets:create",
                "tickets:read:own",
                "messages:create:own",
                "reports:own",
            ],
            Role::Agent => &[
                "tickets:create",
                "tickets:read:scope",
                "tickets:update:scope",
                "tickets:take",
                "tickets:transfer:own",
                "messages:create",
                "notes:create",
                "users:cards",
                "articles:write",
                "reports:own",
            ],
            Role::Manager => &[
                "tickets:create",
                "tickets:read:all",
                "tickets:update:all",
                "tickets:assign",
                "messages:create",
                "notes:create",
                "users:cards",
                "articles:write",
                "categories:write",
                "projects:write",
                "reports:all",
            ],
            Role::Admin => &[
                "tickets:create",
                "tickets:read:all",
                "tickets:update:all",
                "tickets:assign",
                "tickets:delete",
                "messages:create",
                "messages:moderate",
                "notes:create",
                "users:cards",
                "users:write",
                "articles:write",
                "categories:write",
                "projects:write",
                "workflows:write",
                "sla:write",
                "webhooks:write",
                "settings:write",
                "reports:all",
            ],
        }
    }
}

/// Splits a full name at its first space: given name, family name.
pub fn split_name(full: &str) -> (String, String) {
    let full = full.trim();
    match full.split_once(' ') {
        Some((first, last)) => (first.to_owned(), last.trim_start().to_owned()),
        None => (full.to_owned(), String::new()),
    }
}

/// Builds a username from an e-mail address: its local part without the characters that usernames may not have. Never
/// empty, never longer than 60 characters, never with an `@`.
pub fn username_from_email(email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default();
    let username: String = caseless(local)
        .chars()
        .filter(|c| is_word(*c) || matches!(c, '.' | '_' | '-'))
        .take(60)
        .collect();
    if username.is_empty() {
        "user".to_owned()
    } else {
        username
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_roles_agree() {
        for (role, word) in Role::ALL.into_iter().zip(Role::WORDS) {
            assert_eq!(role.as_str(), word);
            assert_eq!(Role::parse(word), Some(role));
        }
        for (word, want) in [
            ("user", Some(Role::Customer)),
            ("ADMIN", Some(Role::Admin)),
            ("root", None),
            ("", None),
        ] {
            assert_eq!(Role::parse(word), want, "{word}");
        }
    }

    #[test]
    fn authority_grows_with_the_order() {
        assert!(Role::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(!Role::Customer.is_staff() && Role::Agent.is_staff());
    }

    #[test]
    fn names_split_at_the_first_space() {
        for (full, first, last) in [
            ("Ada Lovelace", "Ada", "Lovelace"),
            ("  Ludwig van Beethoven ", "Ludwig", "van Beethoven"),
            ("Plato", "Plato", ""),
            ("", "", ""),
        ] {
            assert_eq!(split_name(full), (first.to_owned(), last.to_owned()));
        }
    }

    #[test]
    fn usernames_come_from_addresses() {
        for (email, want) in [
            ("Jane.Doe@example.com", "jane.doe"),
            ("a+b@x.org", "ab"),
            ("\"@\"@x.org", "user"),
            ("ünal@x.org", "ünal"),
            ("U\u{308}nal@x.org", "ünal"),
            ("ไพลิน์@x.org", "ไพลิน์"),
            ("İpek@x.org", "ipek"),
        ] {
            assert_eq!(username_from_email(email), want);
        }
    }
}
