//! Single tickets: reading the row, marking as overdue, deleting.

use serde::Deserialize;

use serde_json::Value;

use crate::desk::id::{Ref, name_key, uid_row_id};
use crate::desk::person::Role;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::{NamedRow, Person, Ticket};
use crate::desk::tools::custom_field::CustomValues;
use crate::edge::db::{Arg, Stmt};
use crate::store::sql::scope::Scope;
use crate::store::sql::view;
use crate::store::tickets::json::ticket_row;
use crate::store::tickets::write::counts::{Side, move_many};

/// The reader, the current time and the reader's scope: the basis of every statement on tickets.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    pub id: i64,
    pub role: Role,
    pub scope: Scope,
    pub now: i64,
    /// Tickets closed before this time may not be reopened.
    pub reopen_since: i64,
}

impl Viewer {
    /// The system itself, for actions that no person takes.
    pub fn system(now: i64) -> Viewer {
        Viewer {
            id: 0,
            role: Role::Admin,
            scope: Scope::All,
            now,
            reopen_since: now,
        }
    }

    /// A statement whose `?1`, `?2`, `?3` are the current time, `reopen_since` and the reader's id.
    pub fn stmt(&self, sql: String) -> Stmt {
        Stmt::new(sql)
            .bind(self.now)
            .bind(self.reopen_since)
            .bind(self.id)
    }
}

/// The condition that finds a ticket `t` by a reference, with its argument as `?4`.
pub fn ticket_condition(reference: &Ref) -> (String, Arg) {
    match reference {
        Ref::Id(id) => ("t.id = ?4".to_owned(), Arg::Int(*id)),
        Ref::Uid(uid) => (uid_condition("t", uid, 4), uid.into()),
        // A ticket that was moved to another project is still found by its earlier keys; no key is used twice.
        Ref::Number(name) | Ref::Key(name) => (
            "t.id = (SELECT ticket_id FROM ticket_names WHERE name = ?4)".to_owned(),
            name_key(name).into(),
        ),
    }
}

/// The condition that finds a row of `table` by its uid `?n`; the end of a uid is the row's id.
pub fn uid_condition(table: &str, uid: &str, n: usize) -> String {
    format!("{table}.id = {} AND {table}.uid = ?{n}", uid_row_id(uid))
}

/// The row `j` (of a [`TICKET`]), `v`, `id` of a ticket that the reader may see.
pub fn show(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, t.version AS v, t.id AS id FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            ticket_row(reader.role),
            reader.scope.condition()
        ))
        .bind(arg)
}

/// Like [`show`], but without a check of the scope: the answer to a change that the reader has just made.
pub fn show_own_change(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    // The reader is bound as in every statement on tickets, although this one does not use it.
    reader
        .stmt(format!(
            "SELECT {} AS j, t.version AS v, t.id AS id FROM tickets t WHERE {name} AND ?3 IS NOT NULL",
            ticket_row(reader.role)
        ))
        .bind(arg)
}

/// Like [`show_own_change`], for the ticket created in this batch.
pub fn show_new(reader: &Viewer) -> Stmt {
    reader.stmt(format!(
        "SELECT {} AS j, t.version AS v, t.id AS id FROM tickets t WHERE t.id = (SELECT max(id) FROM tickets) AND ?3 IS NOT NULL",
        ticket_row(reader.role)
    ))
}

/// The row of a ticket, with the fields that the rules need.
#[derive(Clone, Debug, Deserialize)]
pub struct TicketRow {
    pub id: i64,
    pub uid: String,
    title: String,
    description: String,
    status: String,
    priority: i64,
    workflow: String,
    category_id: Option<i64>,
    category: Option<String>,
    subcategory_id: Option<i64>,
    subcategory: Option<String>,
    department: Option<String>,
    project_id: Option<i64>,
    project: Option<String>,
    tags: String,
    custom_fields: String,
    requester_id: i64,
    assignee_id: Option<i64>,
    assignee_card: Option<String>,
    version: i64,
    created_at: i64,
    first_response_due_at: Option<i64>,
    first_response_risk_at: Option<i64>,
    first_responded_at: Option<i64>,
    resolution_due_at: Option<i64>,
    resolution_risk_at: Option<i64>,
    resolved_at: Option<i64>,
    closed_at: Option<i64>,
    paused_at: Option<i64>,
    paused_ms: i64,
    pauses: String,
    sla_version: i64,
    is_overdue: i64,
    merged_into: Option<i64>,
    deleted_at: Option<i64>,
}

pub const COLUMNS: &str = "t.id, t.uid, t.title, t.description, t.status, t.priority, t.workflow, t.category_id, \
  (SELECT slug FROM categories WHERE id = t.category_id) AS category, \
  t.subcategory_id, (SELECT slug FROM subcategories WHERE id = t.subcategory_id) AS subcategory, t.department, t.project_id, substr(t.key, 1, instr(t.key, '-') - 1) AS project, t.tags, t.custom_fields, t.requester_id, t.assignee_id, \
  (SELECT card FROM users WHERE id = t.assignee_id) AS assignee_card, t.version, t.created_at, \
  t.first_response_due_at, t.first_response_risk_at, t.first_responded_at, t.resolution_due_at, t.resolution_risk_at, \
  t.resolved_at, t.closed_at, t.paused_at, t.paused_ms, t.pauses, \
  t.sla_version, t.is_overdue, \
  iif(t.status = 'closed', (SELECT survivor_id FROM ticket_merges WHERE merged_id = t.id), NULL) AS merged_into, t.deleted_at";

/// Reads the row of a ticket that the reader may see, in order to change it.
pub fn row(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {COLUMNS} FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// Like [`row`], for the ticket that a condition with `?4` finds.
pub(super) fn row_where(reader: &Viewer, condition: &str, arg: impl Into<Arg>) -> Stmt {
    reader
        .stmt(format!(
            "SELECT {COLUMNS} FROM tickets t WHERE {condition} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// Like [`row`], but also finds deleted tickets; for readers who may restore them.
pub fn row_with_deleted(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {COLUMNS} FROM tickets t WHERE {name} AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

impl TicketRow {
    /// Whether it is deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// Its version.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The ticket as the rules use it.
    pub fn ticket(&self) -> Ticket {
        let card = self
            .assignee_card
            .as_deref()
            .and_then(|card| serde_json::from_str::<Value>(card).ok());
        let card = card.unwrap_or(Value::Null);
        Ticket {
            id: self.id,
            title: self.title.clone(),
            description: self.description.clone(),
            status: Status::parse(&self.status).unwrap_or(Status::Open),
            priority: Priority::from_rank(self.priority).unwrap_or(Priority::Medium),
            workflow: Lifecycle::parse(&self.workflow).unwrap_or(Lifecycle::Support),
            category: self.category_id.map(|id| NamedRow {
                id,
                name: self.category.clone().unwrap_or_default(),
            }),
            subcategory: self.subcategory_id.map(|id| NamedRow {
                id,
                name: self.subcategory.clone().unwrap_or_default(),
            }),
            department: self.department.clone(),
            project: self.project_id.map(|id| NamedRow {
                id,
                name: self.project.clone().unwrap_or_default(),
            }),
            tags: serde_json::from_str(&self.tags).unwrap_or_default(),
            custom_fields: CustomValues {
                values: serde_json::from_str(&self.custom_fields).unwrap_or_default(),
                index: None,
            },
            requester_id: self.requester_id,
            assignee: self.assignee_id.map(|id| Person { id, card }),
            version: self.version,
            created_at: self.created_at,
            first_response_due_at: self.first_response_due_at,
            first_response_risk_at: self.first_response_risk_at,
            first_responded_at: self.first_responded_at,
            resolution_due_at: self.resolution_due_at,
            resolution_risk_at: self.resolution_risk_at,
            resolved_at: self.resolved_at,
            closed_at: self.closed_at,
            paused_at: self.paused_at,
            pauses: serde_json::from_str(&self.pauses).unwrap_or_default(),
            paused_ms: self.paused_ms,
            sla_version: self.sla_version,
            merged_into: self.merged_into,
            is_marked_overdue: self.is_overdue == 1,
        }
    }
}

/// Marks tickets that have become overdue, longest overdue first, and updates the counts.
pub fn mark_overdue(now: i64, most: i64) -> [Stmt; 3] {
    const DUE: &str = "SELECT id FROM tickets INDEXED BY tickets_by_alarm \
      WHERE alarm_at <= ?1 AND deleted_at IS NULL AND is_overdue = 0 AND resolved_at IS NULL AND paused_at IS NULL \
      AND resolution_due_at < ?1 ORDER BY alarm_at LIMIT ?2";
    let marked = Side {
        overdue: "1",
        ..Side::default()
    };
    [
        Stmt::new(move_many(
            &format!("tickets t WHERE t.id IN ({DUE})"),
            Side::default(),
            marked,
        ))
        .bind(now)
        .bind(most),
        Stmt::new(format!(
            "INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) SELECT 'o', id FROM ({DUE})"
        ))
        .bind(now)
        .bind(most),
        Stmt::new(format!("UPDATE tickets SET is_overdue = 1 WHERE id IN ({DUE})"))
            .bind(now)
            .bind(most),
    ]
}

/// A ticket that [`mark_overdue`] has not marked yet: its `id`, if there is one.
pub fn find_unmarked_overdue(now: i64) -> Stmt {
    Stmt::new(
        "SELECT id FROM tickets INDEXED BY tickets_by_alarm WHERE alarm_at <= ?1 AND deleted_at IS NULL AND is_overdue = 0 \
         AND resolved_at IS NULL AND paused_at IS NULL AND resolution_due_at < ?1 LIMIT 1",
    )
    .bind(now)
}

/// Tickets that have been resolved for at least the time in the settings, longest first: their `id`.
pub fn list_to_close(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "SELECT t.id FROM settings g CROSS JOIN tickets t INDEXED BY tickets_by_resolved WHERE g.id = 1 AND g.auto_close_days > 0 \
         AND t.deleted_at IS NULL AND t.status = 'resolved' AND t.resolved_at <= ?1 - g.auto_close_days * 86400000 \
         ORDER BY t.resolved_at LIMIT ?2",
    )
    .bind(now)
    .bind(most)
}

/// The `id` of the ticket created in this batch.
pub fn find_new_id() -> Stmt {
    Stmt::new("SELECT max(id) AS id FROM tickets")
}

pub(super) fn tags_json(ticket: &Ticket) -> String {
    serde_json::to_string(&ticket.tags).unwrap_or_else(|_| "[]".to_owned())
}

/// Finds a person to whom tickets may be assigned: `id`, `card`, if the person is active staff.
pub fn find_assignable(reference: &Ref) -> Stmt {
    let (column, arg) = match reference {
        Ref::Uid(uid) => ("uid", Arg::Text(uid.clone())),
        Ref::Id(id) => ("id", Arg::Int(*id)),
        Ref::Number(_) | Ref::Key(_) => ("id", Arg::Null),
    };
    Stmt::new(format!(
        "SELECT id, card FROM users WHERE {column} = ?1 AND is_active = 1 AND role <> 'customer'"
    ))
    .bind(arg)
}

/// SQL expression of the JSON text of a point in time in a view of tickets.
pub fn time(sql: &str) -> String {
    view::time(sql)
}
