//! Tests of the guards on the real schema: each guard lets a batch pass if the decision still holds, and aborts it if
//! a row is missing or has changed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::desk::access::api_key::Credential;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::tickets::ticket::{NamedRow, Person, Subcategory, Ticket};
use crate::edge::db::{Arg, Stmt};
use crate::store::categories::subcategories;
use crate::store::sessions::SettingsVersions;
use crate::store::sql::guard::Guard;
use crate::store::sql::scope::{AgentScope, Scope};
use crate::store::tickets::ticket::Viewer;
use crate::store::tickets::write::guards;
use crate::store::{categories, projects, sessions};

/// The uid of the ticket in [`SETUP`].
const UID: &str = "01936c6e-2c00-7000-8000-000000000007";

/// Rows that satisfy all the guards.
const SETUP: &str = "
    INSERT INTO sessions (user_id, id, uid, refresh_jti, created_at, last_used_at, expires_at) VALUES (1, 9, 's9', 'r', 0, 0, 51);
    INSERT INTO users (id, uid, email, email_key, username, username_key, role, created_at, updated_at)
      VALUES (1, 'u1', 'a@b.c', 'a@b.c', 'a', 'a', 'agent', 0, 0), (2, 'u2', 'd@b.c', 'd@b.c', 'd', 'd', 'customer', 0, 0);
    INSERT INTO subcategories (id, uid, category_id, slug, name, created_at, updated_at) VALUES (5, 's5', 1, 'five', 'Five', 0, 0);
    INSERT INTO projects (id, uid, key, name, created_at, updated_at) VALUES (3, 'p3', 'WEB', 'Web', 0, 0);
    INSERT INTO tickets (id, uid, number, title, description, status, priority, workflow, requester_id, version, created_at, updated_at,
      public_updated_at) VALUES (7, '01936c6e-2c00-7000-8000-000000000007', 'n7', 't', 'd', 'open', 2, 'support', 2, 4, 0, 0, 0);";

/// Whether each statement is refused after its change to the rows of [`SETUP`]; each pair runs on its own database.
fn refusals(cases: &[(&str, Stmt)]) -> Vec<bool> {
    const SCRIPT: &str = "
        const { DatabaseSync } = require('node:sqlite');
        const [schema, cases] = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
        console.log(JSON.stringify(cases.map(({ setup, sql, args }) => {
            const db = new DatabaseSync(':memory:');
            db.exec('PRAGMA foreign_keys = OFF;' + schema + setup);
            try { db.prepare(sql).run(...args) } catch (error) { return error.message }
            return null
        })));
    ";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(root.join("schema.sql")).unwrap();
    let cases: Vec<Value> = cases
        .iter()
        .map(|(change, stmt)| {
            let args: Vec<Value> = stmt
                .args
                .iter()
                .map(|arg| match arg {
                    Arg::Null => Value::Null,
                    Arg::Int(value) => json!(value),
                    Arg::Text(value) => json!(value),
                })
                .collect();
            json!({"setup": format!("{SETUP}{change}"), "sql": stmt.sql, "args": args})
        })
        .collect();
    let mut child = Command::new(root.join("node_modules/.bin/node"))
        .args(["--no-warnings", "-e", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts; `npm ci` installs it");
    let input = json!([schema, cases]).to_string();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let told: Vec<Option<String>> = serde_json::from_slice(&output.stdout).unwrap();
    told.into_iter()
        .map(|error| {
            error.is_some_and(|error| {
                assert!(error.contains("STALE_VERSION"), "{error}");
                true
            })
        })
        .collect()
}

#[track_caller]
fn check(stmt: &Stmt, passes: &[&'static str], refuses: &[&'static str]) {
    let cases: Vec<(&str, Stmt)> = passes
        .iter()
        .chain(refuses)
        .map(|change| (*change, stmt.clone()))
        .collect();
    let told = refusals(&cases);
    for (at, (change, _)) in cases.iter().enumerate() {
        assert_eq!(told[at], at >= passes.len(), "{change:?}: {}", stmt.sql);
    }
}

fn named(id: i64) -> Option<NamedRow> {
    Some(NamedRow {
        id,
        name: String::new(),
    })
}

#[test]
fn a_ticket_goes_to_what_is_active() {
    let ticket = Ticket {
        category: named(1),
        subcategory: named(5),
        assignee: Some(Person {
            id: 1,
            card: Value::Null,
        }),
        ..Ticket::new("t", "d", 2, 0)
    };
    let plain = Ticket::new("t", "d", 2, 0);
    let refuses = [
        "UPDATE categories SET is_active = 0 WHERE id = 1;",
        "DELETE FROM subcategories; DELETE FROM categories;",
        "UPDATE subcategories SET is_active = 0;",
        "UPDATE subcategories SET category_id = 2;",
        "DELETE FROM subcategories;",
        "UPDATE users SET is_active = 0 WHERE id = 1;",
        "UPDATE users SET role = 'customer' WHERE id = 1;",
        "DELETE FROM users;",
    ];
    for before in [None, Some(&plain)] {
        let stmt = references(before, &ticket).expect("it sets them");
        check(&stmt, &[""], &refuses);
    }
    // A value that the change does not touch may have been archived in the meantime.
    assert!(references(Some(&ticket), &ticket).is_none());
    assert!(references(None, &plain).is_none());
}

fn references(before: Option<&Ticket>, after: &Ticket) -> Option<Stmt> {
    let mut guard = Guard::new();
    guards::expect_references(&mut guard, before, after);
    guard.stmt()
}

/// A guard that requires only this.
fn guard(query: Stmt) -> Stmt {
    let mut guard = Guard::new();
    guard.expect(query);
    guard.stmt().unwrap()
}

#[test]
fn a_caller_who_has_not_been_read_has_the_authority_of_the_token() {
    let versions = SettingsVersions {
        settings: 1,
        sla: 1,
        workflows: 1,
    };
    let stmt = guard(sessions::find_authority(
        (1, Credential::Session(9)),
        (Role::Agent, 1),
        versions,
        50,
    ));
    check(
        &stmt,
        &[
            "",
            "UPDATE sessions SET last_used_at = 40;",
            "UPDATE users SET version = 2, first_name = 'A' WHERE id = 1;",
            "UPDATE settings SET require_two_factor = 'all'; UPDATE users SET two_factor = 1;",
        ],
        &[
            "UPDATE settings SET require_two_factor = 'staff';",
            "UPDATE settings SET require_two_factor = 'all';",
            "DELETE FROM users WHERE id = 1;",
            "UPDATE users SET is_active = 0 WHERE id = 1;",
            "UPDATE users SET role = 'manager' WHERE id = 1;",
            "UPDATE users SET ver = 2 WHERE id = 1;",
            "DELETE FROM sessions;",
            "UPDATE sessions SET user_id = 2;",
            "UPDATE sessions SET revoked_at = 1;",
            "UPDATE sessions SET expires_at = 50;",
            "DELETE FROM settings;",
            "UPDATE settings SET version = 2;",
            "UPDATE settings SET sla_version = 2;",
            "UPDATE settings SET workflows_version = 2;",
        ],
    );
}

#[test]
fn a_key_has_the_authority_that_it_was_given() {
    let versions = SettingsVersions {
        settings: 1,
        sla: 1,
        workflows: 1,
    };
    let credential = Credential::ApiKey(4);
    let stmt = guard(sessions::find_authority(
        (1, credential),
        (Role::Customer, 0),
        versions,
        50,
    ));
    const KEY: &str = "INSERT INTO api_keys (id, uid, user_id, name, hash, hint, role, owner_role, scopes, created_at, expires_at) \
      VALUES (4, 'k4', 1, 'n', 'h', 't', 'customer', 'agent', '[]', 0, 51);";
    let after = |changes: &[&str]| -> Vec<&'static str> {
        let texts = changes.iter().map(|change| format!("{KEY}{change}"));
        texts.map(|text| &*Box::leak(text.into_boxed_str())).collect()
    };
    check(
        &stmt,
        &after(&[
            "",
            "UPDATE api_keys SET expires_at = NULL;",
            "UPDATE users SET ver = 2 WHERE id = 1;",
            "DELETE FROM sessions;",
        ]),
        &after(&[
            "DELETE FROM api_keys;",
            "UPDATE api_keys SET expires_at = 50;",
            "UPDATE api_keys SET user_id = 2;",
            "UPDATE api_keys SET role = 'agent';",
            "UPDATE users SET role = 'manager' WHERE id = 1;",
            "UPDATE users SET is_active = 0 WHERE id = 1;",
            "UPDATE settings SET require_two_factor = 'staff';",
            "UPDATE settings SET version = 2;",
        ]),
    );
}

#[test]
fn a_category_is_as_the_isolate_remembers_it() {
    let technical = NamedRow {
        id: 1,
        name: "technical".to_owned(),
    };
    let gone = [
        "UPDATE categories SET is_active = 0;",
        "UPDATE categories SET slug = 'other' WHERE id = 1;",
        "DELETE FROM subcategories; DELETE FROM categories;",
    ];
    let agent = "INSERT INTO agent_categories (user_id, category_id) VALUES (1, 1);";
    check(
        &guard(categories::find_known(&technical, true)),
        &["", agent],
        &gone,
    );
    let elsewhere = "INSERT INTO agent_categories (user_id, category_id) VALUES (1, 2);";
    let stmt = guard(categories::find_known(&technical, false));
    check(&stmt, &["", elsewhere], &[gone.as_slice(), &[agent]].concat());
    let part = Subcategory {
        named: NamedRow {
            id: 5,
            name: "five".to_owned(),
        },
        category_id: 1,
    };
    check(
        &guard(subcategories::find_known(&part)),
        &[""],
        &[
            "UPDATE subcategories SET is_active = 0;",
            "UPDATE subcategories SET slug = 'six';",
            "UPDATE subcategories SET category_id = 2;",
            "DELETE FROM subcategories;",
        ],
    );
}

#[test]
fn a_ticket_that_has_not_been_read_takes_a_message_as_it_is() {
    let author = |id, role| Viewer {
        id,
        role,
        scope: Scope::of(role, AgentScope::Category),
        now: 0,
        reopen_since: 0,
    };
    const DONE: [&str; 3] = [
        "UPDATE tickets SET status = 'waiting';",
        "UPDATE tickets SET status = 'resolved';",
        "UPDATE tickets SET status = 'closed';",
    ];
    const GONE: [&str; 2] = ["UPDATE tickets SET deleted_at = 1;", "DELETE FROM tickets;"];
    let elsewhere = "INSERT INTO agent_categories (user_id, category_id) VALUES (1, 1);";
    let theirs = "UPDATE tickets SET assignee_id = 2;";
    for reference in [Ref::Id(7), Ref::Uid(UID.to_owned())] {
        let customer = guard(guards::find_for_message(
            &author(2, Role::Customer),
            &reference,
            false,
        ));
        let refuses = [&DONE[..], &GONE, &["UPDATE tickets SET requester_id = 1;"]].concat();
        check(
            &customer,
            &["", "UPDATE tickets SET status = 'in_progress';"],
            &refuses,
        );
        let agent = guard(guards::find_for_message(
            &author(1, Role::Agent),
            &reference,
            false,
        ));
        check(
            &agent,
            &[&DONE[..], &[""]].concat(),
            &[&GONE[..], &[elsewhere, theirs]].concat(),
        );
        let manager = guard(guards::find_for_message(
            &author(1, Role::Manager),
            &reference,
            false,
        ));
        check(&manager, &[&DONE[..], &["", theirs]].concat(), &GONE);
    }
    let manager = author(1, Role::Manager);
    let stmt = guard(guards::find_for_message(&manager, &Ref::Id(7), true));
    let own = "UPDATE tickets SET requester_id = 1;";
    check(
        &stmt,
        &["UPDATE tickets SET first_responded_at = 1;", own],
        &["", "DELETE FROM tickets;"],
    );
    let other = Ref::Uid(UID.replace("01936c6e", "01936c6f"));
    let stmt = guard(guards::find_for_message(&author(1, Role::Manager), &other, false));
    check(&stmt, &[], &[""]);
}

#[test]
fn a_ticket_is_as_it_was_read() {
    check(
        &guards::expect_version(7, 4),
        &[""],
        &[
            "UPDATE tickets SET version = 5;",
            "UPDATE tickets SET deleted_at = 1;",
            "DELETE FROM tickets;",
        ],
    );
    check(
        &guards::expect_ticket(7),
        &["", "UPDATE tickets SET version = 5;"],
        &["UPDATE tickets SET deleted_at = 1;", "DELETE FROM tickets;"],
    );
}

#[test]
fn what_is_archived_has_no_unresolved_tickets_and_takes_none() {
    let count = "INSERT INTO ticket_counts (assignee_id, category_id, project_id, open) VALUES (0, 1, 3, 1);";
    let done =
        "INSERT INTO ticket_counts (assignee_id, category_id, project_id, closed) VALUES (0, 1, 3, 1);";
    check(
        &categories::expect_no_unresolved(1),
        &["", done],
        &[count, "DELETE FROM subcategories; DELETE FROM categories;"],
    );
    let [moved, ..] = categories::move_tickets(2, 1, 1, 0);
    check(
        &moved,
        &[""],
        &[
            "UPDATE categories SET is_active = 0 WHERE id = 1;",
            "DELETE FROM subcategories; DELETE FROM categories;",
        ],
    );
    let [numbered, _] = projects::take_next_number(3);
    check(
        &numbered,
        &[""],
        &[
            "UPDATE projects SET status = 'archived';",
            "DELETE FROM projects;",
        ],
    );
}
