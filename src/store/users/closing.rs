//! Closing an account at its owner's request: personal data is erased, but what the person wrote remains.
//!
//! Names are looked up wherever a person is shown, so erasing them in the row of the user erases them everywhere, in the
//! past too. What holds a copy of the name or the address is erased beside it.

use crate::edge::db::Stmt;
use crate::store::access::{api_keys, two_factor};
use crate::store::settings;
use crate::store::tickets::relations::watchers;
use crate::store::users::search;

/// SQL: the JSON text `body` without what it says of the user `u`. A text may stand in it as it is, or in a JSON text that
/// is itself a text.
fn without_names() -> String {
    let inside = |text: &str| format!("substr(json_quote({text}), 2, length(json_quote({text})) - 2)");
    let texts = [
        ("u.full_name", "'\"Closed account\"'"),
        ("u.first_name", "'\"Closed\"'"),
        ("u.last_name", "'\"account\"'"),
        ("u.username", "'\"closed-' || u.uid || '\"'"),
        ("u.email", "'\"closed-' || u.uid || '@invalid\"'"),
        ("u.email_key", "'\"closed-' || u.uid || '@invalid\"'"),
        ("u.phone", "'null'"),
        ("u.avatar_url", "'null'"),
    ];
    let erase = |body: String, (text, to): (&str, &str)| {
        // An empty text is not looked for: it is `null` here, which becomes itself. What is joined is a text again, and
        // no JSON that json_quote would leave as it is.
        let from = format!("(json_quote(nullif({text}, '')) || '')");
        let to = format!("iif({text} <> '', {to}, 'null')");
        format!(
            "replace(replace({body}, {from}, {to}), {}, {})",
            inside(&from),
            inside(&to)
        )
    };
    texts.into_iter().fold("body".to_owned(), erase)
}

/// Closes the account, and erases its name and address in stored answers to requests, in the bodies of webhooks, and as
/// the contact address of tickets.
pub fn close(id: i64, version: i64, now: i64) -> Vec<Stmt> {
    let erase = |table: &str| {
        Stmt::new(format!(
            "UPDATE {table} SET body = {} FROM users u WHERE u.id = ?1 AND instr({table}.body, u.uid)",
            without_names()
        ))
        .bind(id)
    };
    vec![
        settings::raise_rules_version_for_person(id, false, None),
        search::delete_words(id),
        api_keys::delete_all(id),
        two_factor::delete(id),
        erase("idempotency"),
        erase("webhook_deliveries"),
        // Those that are deleted lose it when they are restored.
        Stmt::new(
            "UPDATE tickets SET contact_email = NULL \
             WHERE requester_id = ?1 AND deleted_at IS NULL AND contact_email IS NOT NULL",
        )
        .bind(id),
        Stmt::new(
            "UPDATE users SET email = 'closed-' || uid || '@invalid', email_key = 'closed-' || uid || '@invalid', \
               username = 'closed-' || uid, username_key = 'closed-' || uid, first_name = 'Closed', last_name = 'account', \
               first_folded = 'closed', last_folded = 'account', username_folded = 'closed-' || uid, email_folded = '', \
               phone = NULL, avatar_url = NULL, department = NULL, password_hash = NULL, email_verified_at = NULL, is_active = 0, two_factor = 0, failed_sign_ins = '[]', closed_at = ?3, \
               ver = ver + 1, version = ?2 + 1, updated_at = ?3 WHERE id = ?1",
        )
        .bind(id)
        .bind(version)
        .bind(now),
        watchers::drop_unseen_of_person("u.id = ?1", id),
    ]
}
