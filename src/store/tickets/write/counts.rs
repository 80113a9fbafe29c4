//! Updates the stored counts: what every change of a ticket writes to the cells of `ticket_counts`.

use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;

/// The columns of a cell after its key.
const COLUMNS: [&str; 13] = [
    "open",
    "assigned",
    "in_progress",
    "waiting",
    "blocked",
    "resolved",
    "closed",
    "reopened",
    "low",
    "medium",
    "high",
    "urgent",
    "overdue",
];

/// The key of the cell that counts a ticket: assignee, category and project, where 0 means none.
fn cell(ticket: &Ticket) -> [i64; 3] {
    [
        ticket.assignee.as_ref().map_or(0, |person| person.id),
        ticket.category.as_ref().map_or(0, |category| category.id),
        ticket.project.as_ref().map_or(0, |project| project.id),
    ]
}

fn at_cell(stmt: Stmt, ticket: &Ticket) -> Stmt {
    cell(ticket).into_iter().fold(stmt, Stmt::bind)
}

/// Updates the counts for a change of a ticket.
pub fn change(before: &Ticket, after: &Ticket, is_overdue: bool) -> Vec<Stmt> {
    let mut stmts = Vec::new();
    let was_overdue = before.is_marked_overdue;
    if cell(before) != cell(after) {
        stmts.extend([leave(before, was_overdue), enter(after, is_overdue)]);
    } else {
        let mut sets = Vec::new();
        let mut step = |from: &str, to: &str| {
            if from != to {
                sets.push(format!("{from} = {from} - 1, {to} = {to} + 1"));
            }
        };
        step(before.status.as_str(), after.status.as_str());
        step(before.priority.as_str(), after.priority.as_str());
        match (was_overdue, is_overdue) {
            (false, true) => sets.push("overdue = overdue + 1".to_owned()),
            (true, false) => sets.push("overdue = overdue - 1".to_owned()),
            _ => {}
        }
        if !sets.is_empty() {
            stmts.push(at_cell(
                Stmt::new(format!(
                    "UPDATE ticket_counts SET {} WHERE assignee_id = ?1 AND category_id = ?2 AND project_id = ?3",
                    sets.join(", ")
                )),
                after,
            ));
        }
    }
    if before.department != after.department {
        stmts.extend(before.department.iter().map(|name| department(name, -1)));
        stmts.extend(after.department.iter().map(|name| department(name, 1)));
    }
    stmts
}

/// Updates the counts for a ticket that is deleted or restored.
pub fn set_deleted(ticket: &Ticket, is_deleted: bool) -> Vec<Stmt> {
    let overdue = ticket.is_marked_overdue;
    let (cell, sign) = if is_deleted {
        (leave(ticket, overdue), -1)
    } else {
        (enter(ticket, overdue), 1)
    };
    std::iter::once(cell)
        .chain(ticket.department.iter().map(|name| department(name, sign)))
        .collect()
}

fn leave(ticket: &Ticket, is_overdue: bool) -> Stmt {
    let (status, priority) = (ticket.status.as_str(), ticket.priority.as_str());
    let overdue = if is_overdue { ", overdue = overdue - 1" } else { "" };
    at_cell(
        Stmt::new(format!(
            "UPDATE ticket_counts SET {status} = {status} - 1, {priority} = {priority} - 1{overdue} \
             WHERE assignee_id = ?1 AND category_id = ?2 AND project_id = ?3"
        )),
        ticket,
    )
}

fn enter(ticket: &Ticket, is_overdue: bool) -> Stmt {
    let (status, priority) = (ticket.status.as_str(), ticket.priority.as_str());
    at_cell(
        Stmt::new(format!(
            "INSERT INTO ticket_counts (assignee_id, category_id, project_id, {status}, {priority}, overdue) \
             VALUES (?1, ?2, ?3, 1, 1, ?4) ON CONFLICT (assignee_id, category_id, project_id) \
             DO UPDATE SET {status} = {status} + 1, {priority} = {priority} + 1, overdue = overdue + excluded.overdue"
        )),
        ticket,
    )
    .bind(is_overdue)
}

fn department(name: &str, by: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO department_counts (department, total) VALUES (?1, ?2) \
         ON CONFLICT (department) DO UPDATE SET total = total + excluded.total",
    )
    .bind(name)
    .bind(by)
}

/// Counts the ticket created in this batch, and also in its department if it has one. With `finds_agent` its assignee and
/// status are known only in SQL.
pub fn count_new(ticket: &Ticket, finds_agent: bool) -> Vec<Stmt> {
    let cell = if finds_agent {
        Stmt::new(cells(
            "tickets t WHERE t.id = (SELECT max(id) FROM tickets)",
            &[(1, Side::default())],
        ))
    } else {
        enter(ticket, ticket.is_overdue(ticket.created_at))
    };
    std::iter::once(cell)
        .chain(ticket.department.iter().map(|name| department(name, 1)))
        .collect()
}

/// Counts tickets `t` that have been inserted, given by a condition.
pub fn count_inserted(condition: &str) -> [Stmt; 2] {
    [
        Stmt::new(cells(
            &format!("tickets t WHERE {condition}"),
            &[(1, Side::default())],
        )),
        Stmt::new(format!(
            "INSERT INTO department_counts (department, total) SELECT t.department, count(*) FROM tickets t \
             WHERE {condition} AND t.department IS NOT NULL GROUP BY 1 \
             ON CONFLICT (department) DO UPDATE SET total = total + excluded.total"
        )),
    ]
}

/// SQL expressions that say under what a ticket `t` is counted.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub assignee: &'a str,
    pub category: &'a str,
    pub status: &'a str,
    pub overdue: &'a str,
}

impl Default for Side<'_> {
    fn default() -> Self {
        Side {
            assignee: "coalesce(t.assignee_id, 0)",
            category: "coalesce(t.category_id, 0)",
            status: "t.status",
            overdue: "t.is_overdue",
        }
    }
}

/// The statement that moves the counts of many tickets `t` from one side to the other; `from` is everything after
/// FROM.
pub fn move_many(from: &str, old: Side, new: Side) -> String {
    cells(from, &[(-1, old), (1, new)])
}

fn cells(from: &str, sides: &[(i64, Side)]) -> String {
    let (tables, condition) = from.split_once(" WHERE ").unwrap_or((from, "1"));
    let pick = |part: fn(&Side) -> String| match sides {
        [(_, old), (_, new)] => {
            let (old, new) = (part(old), part(new));
            if old == new {
                old
            } else {
                format!("iif(s.value = 1, {new}, {old})")
            }
        }
        [(_, one), ..] => part(one),
        [] => "NULL".to_owned(),
    };
    let signs: Vec<String> = sides.iter().map(|(sign, _)| sign.to_string()).collect();
    let status = pick(|side| side.status.to_owned());
    let mut sums: Vec<String> = Status::WORDS
        .iter()
        .map(|word| format!("sum(s.value * ({status} = '{word}'))"))
        .collect();
    sums.extend(
        Priority::ALL
            .iter()
            .map(|priority| format!("sum(s.value * (t.priority = {}))", priority.rank())),
    );
    sums.push(format!("sum(s.value * {})", pick(|side| side.overdue.to_owned())));
    let adds: Vec<String> = COLUMNS
        .iter()
        .map(|column| format!("{column} = {column} + excluded.{column}"))
        .collect();
    format!(
        "INSERT INTO ticket_counts (assignee_id, category_id, project_id, {}) \
         SELECT {}, {}, coalesce(t.project_id, 0), {} FROM {tables} CROSS JOIN json_each('[{}]') s WHERE {condition} GROUP BY 1, 2, 3 \
         ON CONFLICT (assignee_id, category_id, project_id) DO UPDATE SET {}",
        COLUMNS.join(", "),
        pick(|side| side.assignee.to_owned()),
        pick(|side| side.category.to_owned()),
        sums.join(", "),
        signs.join(","),
        adds.join(", ")
    )
}
