//! Checks that rules which the store repeats in SQL give the same results as those in `desk`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::desk::person::Role;
use crate::desk::sla::{self, SlaState};
use crate::desk::tickets::status::{Lifecycle, Status, reopen_since};
use crate::desk::tickets::ticket::{Ticket, TicketSettings};
use crate::desk::{DAY, Millis};

const NOW: Millis = 1_800_000_000_000;

/// Runs a query on an empty database and returns its first column; uses the SQLite that is built into Node.
fn query(sql: &str) -> Vec<String> {
    const SCRIPT: &str = "
        const { DatabaseSync } = require('node:sqlite');
        const sql = require('node:fs').readFileSync(0, 'utf8');
        const rows = new DatabaseSync(':memory:').prepare(sql).all();
        console.log(JSON.stringify(rows.map((row) => Object.values(row)[0])));
    ";
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/.bin/node");
    let mut child = Command::new(node)
        .args(["--no-warnings", "-e", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts; `npm ci` installs it");
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{sql}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Evaluates an expression on tickets `t`, in order. Numbers are bound as REAL, as D1 binds them.
fn evaluate(
    expression: &str,
    columns: &str,
    rows: &[String],
    now: Millis,
    reopen_since: Millis,
) -> Vec<String> {
    let expression = expression
        .replace("?1", &format!("{now}.0"))
        .replace("?2", &format!("{reopen_since}.0"));
    query(&format!(
        "WITH t (at, {columns}) AS (VALUES {}) SELECT {expression} FROM t ORDER BY at",
        rows.join(",")
    ))
}

fn sql(value: Option<Millis>) -> String {
    value.map_or("NULL".to_owned(), |value| value.to_string())
}

#[test]
fn the_promises_in_sql_are_those_of_the_desk() {
    type Moments = [Option<Millis>; 5];
    let mut cases: Vec<Moments> = Vec::new();
    for response_due in [None, Some(100)] {
        for responded in [None, Some(50), Some(100), Some(101)] {
            for resolution_due in [None, Some(200)] {
                for resolved in [None, Some(60), Some(200), Some(201)] {
                    for paused in [None, Some(90), Some(170), Some(200), Some(201)] {
                        cases.push([response_due, responded, resolution_due, resolved, paused]);
                    }
                }
            }
        }
    }
    const RESPONSE_RISK: Millis = 80;
    const RESOLUTION_RISK: Millis = 160;
    let rows: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| {
            let [response_due, responded, resolution_due, resolved, paused] = case.map(sql);
            format!(
                "({at},{response_due},{RESPONSE_RISK},{responded},{resolution_due},{RESOLUTION_RISK},{resolved},{paused})"
            )
        })
        .collect();
    let columns = "first_response_due_at, first_response_risk_at, first_responded_at, resolution_due_at, \
                   resolution_risk_at, resolved_at, paused_at";
    for now in [79, 80, 100, 101, 159, 160, 200, 201, 5_000] {
        let have = evaluate(&crate::store::tickets::json::sla_json(), columns, &rows, now, 0);
        assert_eq!(have.len(), cases.len());
        for (case, have) in cases.iter().zip(have) {
            let [response_due, responded, resolution_due, resolved, paused] = *case;
            // A resolved ticket no longer needs a response.
            let done = [responded, resolved].into_iter().flatten().min();
            let response = response_due.map_or(SlaState::Ok, |due| {
                sla::state_at(due, RESPONSE_RISK, done, None, now)
            });
            let resolution = resolution_due.map_or(SlaState::Ok, |due| {
                sla::state_at(due, RESOLUTION_RISK, resolved, paused, now)
            });
            let want = format!(
                "{{\"response\":\"{}\",\"resolution\":\"{}\"}}",
                response.as_str(),
                resolution.as_str()
            );
            assert_eq!(have, want, "{case:?} at {now}");
        }
    }
}

#[test]
fn the_next_steps_in_sql_are_those_of_the_desk() {
    let mut cases: Vec<Ticket> = Vec::new();
    for workflow in Lifecycle::ALL {
        for status in Status::ALL {
            for ago in [0, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1, 70 * DAY] {
                cases.push(Ticket {
                    workflow,
                    status,
                    closed_at: (status == Status::Closed).then_some(NOW - ago),
                    ..Ticket::new("Title", "Text", 1, NOW - 80 * DAY)
                });
            }
        }
    }
    let rows: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| {
            let (workflow, status) = (case.workflow.as_str(), case.status.as_str());
            format!("({at},'{workflow}','{status}',{})", sql(case.closed_at))
        })
        .collect();
    for reopen_window_days in [0, 7] {
        let rules = TicketSettings {
            reopen_window_days,
            sla_policies: std::rc::Rc::new(crate::desk::sla::SlaPolicies::standard()),
            custom_fields: std::rc::Rc::default(),
        };
        let since = reopen_since(reopen_window_days, NOW);
        for role in Role::ALL {
            let have = evaluate(
                &crate::store::tickets::json::transitions_json(role),
                "workflow, status, closed_at",
                &rows,
                NOW,
                since,
            );
            assert_eq!(have.len(), cases.len());
            for (case, have) in cases.iter().zip(have) {
                let want: Vec<&str> = case
                    .transitions(role, &rules, NOW)
                    .into_iter()
                    .map(Status::as_str)
                    .collect();
                assert_eq!(
                    have,
                    serde_json::to_string(&want).unwrap(),
                    "{role:?} {:?} {:?} {:?}",
                    case.workflow,
                    case.status,
                    case.closed_at
                );
            }
        }
    }
}
