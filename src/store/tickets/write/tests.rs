//! Tests of the guards on the real schema: each guard lets a batch pass if the decision still holds, and aborts it if
//! a row is missing or has changed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::desk::tickets::ticket::{NamedRow, Person, Ticket};
use crate::edge::db::{Arg, Stmt};
use crate::store::tickets::write::guards;
use crate::store::{categories, projects};

/// Rows that satisfy all the guards.
const SETUP: &str = "
    INSERT INTO users (id, uid, email, email_key, username, username_key, role, created_at, updated_at)
      VALUES (1, 'u1', 'a@b.c', 'a@b.c', 'a', 'a', 'agent', 0, 0), (2, 'u2', 'd@b.c', 'd@b.c', 'd', 'd', 'customer', 0, 0);
    INSERT INTO subcategories (id, uid, category_id, slug, name, created_at, updated_at) VALUES (5, 's5', 1, 'five', 'Five', 0, 0);
    INSERT INTO projects (id, uid, key, name, created_at, updated_at) VALUES (3, 'p3', 'WEB', 'Web', 0, 0);
    INSERT INTO tickets (id, uid, number, title, description, status, priority, workflow, requester_id, version, created_at, updated_at,
      public_updated_at) VALUES (7, 't7', 'n7', 't', 'd', 'open', 2, 'support', 2, 4, 0, 0, 0);";

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
        let stmt = guards::expect_references(before, &ticket).expect("it sets them");
        check(&stmt, &[""], &refuses);
    }
    // A value that the change does not touch may have been archived in the meantime.
    assert!(guards::expect_references(Some(&ticket), &ticket).is_none());
    assert!(guards::expect_references(None, &plain).is_none());
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
