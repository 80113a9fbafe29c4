//! Writing tickets: new ones, and decided changes.

use crate::desk::tickets::search::index_text;
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::{Arg, Stmt};
use crate::store::projects;
use crate::store::tickets::ticket::tags_json;

/// A ticket to be: what `desk` does not decide stands beside the ticket itself.
#[derive(Clone, Debug)]
pub struct NewTicket<'a> {
    pub uid: &'a str,
    pub day: &'a str,
    pub ticket: &'a Ticket,
    /// The requester's id, or the address of somebody the same batch makes.
    pub requester: Requester<'a>,
    pub contact_email: Option<String>,
    pub channel: &'a str,
}

/// Whose ticket it will be.
#[derive(Clone, Copy, Debug)]
pub enum Requester<'a> {
    Id(i64),
    /// The address in lower case of somebody whom the same batch has made sure of.
    Address(&'a str),
}

/// Inserts a ticket with the day's next number, and its project's next key.
pub fn insert(new: &NewTicket) -> Vec<Stmt> {
    let ticket = new.ticket;
    let (id, address) = match new.requester {
        Requester::Id(id) => (Some(id), None),
        Requester::Address(address) => (None, Some(address)),
    };
    let project = ticket.project.as_ref().map(|project| project.id);
    let mut stmts: Vec<Stmt> = project.into_iter().flat_map(projects::take_next_number).collect();
    stmts.extend([
        Stmt::new(
            "INSERT INTO ticket_numbers (day, last) VALUES (?1, 1) ON CONFLICT (day) DO UPDATE SET last = last + 1",
        )
        .bind(new.day),
        Stmt::new(
            "INSERT INTO tickets (uid, number, title, title_index, description, description_index, status, priority, \
               workflow, category_id, department, tags, requester_id, assignee_id, contact_email, channel, created_at, \
               updated_at, public_updated_at, first_response_due_at, first_response_risk_at, resolution_due_at, \
               resolution_risk_at, sla_version, project_id, key, subcategory_id) \
             SELECT ?1, 'TICK-' || ?2 || '-' || printf('%04d', n.last), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
               coalesce(?13, (SELECT id FROM users WHERE email_key = ?14)), ?15, ?16, ?17, ?18, ?18, ?18, ?19, ?20, ?21, ?22, \
               ?23, ?24, (SELECT key || '-' || last_number FROM projects WHERE id = ?24), ?25 \
             FROM ticket_numbers n WHERE n.day = ?2",
        )
        .bind(new.uid)
        .bind(new.day)
        .bind(&ticket.title)
        .bind(index_text(&ticket.title))
        .bind(&ticket.description)
        .bind(index_text(&ticket.description))
        .bind(ticket.status.as_str())
        .bind(ticket.priority.rank())
        .bind(ticket.workflow.as_str())
        .bind(ticket.category.as_ref().map(|category| category.id))
        .bind(ticket.department.clone())
        .bind(tags_json(ticket))
        .bind(id)
        .bind(address)
        .bind(ticket.assignee.as_ref().map(|person| person.id))
        .bind(new.contact_email.clone())
        .bind(new.channel)
        .bind(ticket.created_at)
        .bind(ticket.first_response_due_at)
        .bind(ticket.first_response_risk_at)
        .bind(ticket.resolution_due_at)
        .bind(ticket.resolution_risk_at)
        .bind(ticket.sla_version)
        .bind(project)
        .bind(ticket.subcategory.as_ref().map(|named| named.id)),
    ]);
    stmts
}

/// What a change of project needs before [`update`]: the next key there. Nothing for every other change.
pub fn renumber(before: &Ticket, after: &Ticket) -> Vec<Stmt> {
    let project = |ticket: &Ticket| ticket.project.as_ref().map(|project| project.id);
    let to = project(after).filter(|id| Some(*id) != project(before));
    to.into_iter().flat_map(projects::take_next_number).collect()
}

/// Writes a decided change over the version that it was decided on; any other aborts the batch.
pub fn update(before: &Ticket, after: &Ticket, now: i64) -> Stmt {
    let mut stmt = Stmt::new("").bind(before.id).bind(before.version).bind(now);
    let mut sets = String::from(
        "version = ?2 + 1, updated_at = max(updated_at, ?3), public_updated_at = max(public_updated_at, ?3)",
    );
    let mut set = |differs: bool, column: &str, arg: Arg| {
        if differs {
            stmt.args.push(arg);
            sets.push_str(&format!(", {column} = ?{}", stmt.args.len()));
        }
    };
    let title = before.title != after.title;
    set(title, "title", (&after.title).into());
    set(title, "title_index", index_text(&after.title).into());
    let description = before.description != after.description;
    set(description, "description", (&after.description).into());
    set(
        description,
        "description_index",
        index_text(&after.description).into(),
    );
    set(
        before.status != after.status,
        "status",
        after.status.as_str().into(),
    );
    set(
        before.priority != after.priority,
        "priority",
        after.priority.rank().into(),
    );
    set(
        before.workflow != after.workflow,
        "workflow",
        after.workflow.as_str().into(),
    );
    set(
        before.category != after.category,
        "category_id",
        after.category.as_ref().map(|named| named.id).into(),
    );
    set(
        before.subcategory != after.subcategory,
        "subcategory_id",
        after.subcategory.as_ref().map(|named| named.id).into(),
    );
    set(
        before.department != after.department,
        "department",
        after.department.clone().into(),
    );
    set(before.tags != after.tags, "tags", tags_json(after).into());
    let pauses = before.pauses != after.pauses;
    set(
        pauses,
        "pauses",
        serde_json::json!(after.pauses).to_string().into(),
    );
    let project = |ticket: &Ticket| ticket.project.as_ref().map(|project| project.id);
    let moves = project(before) != project(after);
    set(moves, "project_id", project(after).into());
    let assignee = |ticket: &Ticket| ticket.assignee.as_ref().map(|person| person.id);
    set(
        assignee(before) != assignee(after),
        "assignee_id",
        assignee(after).into(),
    );
    for (column, old, new) in [
        (
            "first_response_due_at",
            before.first_response_due_at,
            after.first_response_due_at,
        ),
        (
            "first_response_risk_at",
            before.first_response_risk_at,
            after.first_response_risk_at,
        ),
        (
            "first_responded_at",
            before.first_responded_at,
            after.first_responded_at,
        ),
        (
            "resolution_due_at",
            before.resolution_due_at,
            after.resolution_due_at,
        ),
        (
            "resolution_risk_at",
            before.resolution_risk_at,
            after.resolution_risk_at,
        ),
        ("resolved_at", before.resolved_at, after.resolved_at),
        ("closed_at", before.closed_at, after.closed_at),
        ("paused_at", before.paused_at, after.paused_at),
        ("paused_ms", Some(before.paused_ms), Some(after.paused_ms)),
        ("sla_version", Some(before.sla_version), Some(after.sla_version)),
    ] {
        set(old != new, column, new.into());
    }
    set(true, "is_overdue", after.is_overdue(now).into());
    if moves {
        stmt.args.push(project(after).into());
        sets.push_str(&format!(
            ", key = (SELECT key || '-' || last_number FROM projects WHERE id = ?{})",
            stmt.args.len()
        ));
    }
    stmt.sql = format!("UPDATE tickets SET {sets} WHERE id = ?1").into();
    stmt
}

/// As [`update`], of a ticket that the same batch has made.
pub fn update_by_uid(uid: &str, before: &Ticket, after: &Ticket, now: i64) -> Stmt {
    let mut stmt = update(before, after, now);
    stmt.sql = stmt.sql.replace("WHERE id = ?1", "WHERE uid = ?1").into();
    if let Some(first) = stmt.args.first_mut() {
        *first = uid.into();
    }
    stmt
}
