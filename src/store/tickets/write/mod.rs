//! How are new and changed tickets written, with all their consequences in the database?
//!
//! A change writes the ticket's row, its events, counts, facets and search documents in one batch.
//! Not allowed here: deciding whether a change is permitted; `desk` has done so before.

pub mod counts;
pub mod facets;
pub mod guards;
pub mod search;
pub mod story;
#[cfg(test)]
mod tests;

use crate::desk::tickets::search::index_text;
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::{Arg, Stmt};
use crate::store::sla::due_times;
use crate::store::sql::guard::Guard;
use crate::store::tickets::assignment::{self, AutoAssign, pool};
use crate::store::tickets::relations::watchers;
use crate::store::tickets::ticket::tags_json;
use crate::store::tickets::write::story::{Story, Totals};
use crate::store::{projects, removals};

/// A ticket to be created: the ticket itself, and the values that `desk` does not decide.
#[derive(Clone, Debug)]
pub struct NewTicket<'a> {
    /// The first part of its uid; see [`crate::edge::ids::uid_head`].
    pub uid_head: &'a str,
    pub day: &'a str,
    pub ticket: &'a Ticket,
    /// The requester's id, or the email address of a user whom the same batch creates.
    pub requester: Requester<'a>,
    pub contact_email: Option<String>,
    pub channel: &'a str,
    /// How the ticket gets an assignee by itself, if an agent is available.
    pub auto_assign: AutoAssign,
}

/// Who the requester of the new ticket is.
#[derive(Clone, Copy, Debug)]
pub enum Requester<'a> {
    Id(i64),
    /// The email address, in lower case, of a user who exists or whom the same batch creates.
    Address(&'a str),
}

/// Inserts a ticket with the next number of the day and the next key of its project, and everything that follows from
/// it. What the ticket refers to is added to the guard of the batch.
pub fn insert(new: &NewTicket, guard: &mut Guard, story: Story) -> Vec<Stmt> {
    let ticket = new.ticket;
    let finds_agent = new.auto_assign != AutoAssign::Off;
    let project = ticket.project.as_ref().map(|project| project.id);
    let mut stmts = Vec::new();
    guards::expect_references(guard, None, ticket);
    stmts.extend(project.into_iter().flat_map(projects::take_next_number));
    stmts.push(insert_row(new, story.totals()));
    stmts.push(insert_name("t.number"));
    stmts.extend(project.map(|_| insert_name("t.key")));
    stmts.extend(facets::insert_new(ticket, ticket.is_overdue(ticket.created_at)));
    stmts.extend(counts::count_new(ticket, finds_agent));
    stmts.push(search::index_new_ticket());
    if finds_agent || ticket.assignee.is_some() {
        stmts.push(assignment::note_assigned(None, ticket.created_at));
    }
    let mut story = story;
    if finds_agent {
        story.extend(assignment::assigned_new(ticket.created_at));
    }
    story.around(stmts)
}

/// Stores a name (number or key) of the ticket created in this batch, in the form that [`name_key`] gives.
fn insert_name(column: &str) -> Stmt {
    let dash = if column == "t.number" {
        "14".to_owned()
    } else {
        format!("instr({column}, '-')")
    };
    Stmt::new(format!(
        "INSERT INTO ticket_names (name, ticket_id) SELECT substr({column}, 1, {dash}) || \
           printf('%07d', CAST(substr({column}, {dash} + 1) AS INTEGER)), t.id \
         FROM tickets t WHERE t.id = (SELECT max(id) FROM tickets)"
    ))
}

fn insert_row(new: &NewTicket, totals: Totals) -> Stmt {
    let ticket = new.ticket;
    let (id, address) = match new.requester {
        Requester::Id(id) => (Some(id), None),
        Requester::Address(address) => (None, Some(address)),
    };
    let (agent, given, status) = match assignment::agent_for_new("?9", new.auto_assign) {
        Some(agent) => (
            agent,
            " + (x.agent IS NOT NULL)",
            "iif(x.agent IS NOT NULL AND ?8 = 'support' AND ?6 = 'open', 'assigned', ?6)",
        ),
        None => ("?14".to_owned(), "", "?6"),
    };
    Stmt::new(format!(
        "INSERT INTO tickets (id, uid, number, title, title_index, description, description_index, status, priority, workflow, \
           category_id, department, tags, requester_id, assignee_id, \
           contact_email, channel, created_at, updated_at, public_updated_at, first_response_due_at, first_response_risk_at, \
           resolution_due_at, resolution_risk_at, sla_version, project_id, key, subcategory_id, seq, public_seq, \
           message_count, public_message_count, version, resolved_at, closed_at, paused_at, first_responded_at, is_overdue, custom_fields, custom_index) \
         WITH x AS MATERIALIZED (SELECT coalesce((SELECT max(id) FROM tickets), 0) + 1 AS id, \
           coalesce((SELECT CAST(substr(max(name), 15) AS INTEGER) FROM ticket_names \
             WHERE name >= 'TICK-' || ?2 || '-' AND name < 'TICK-' || ?2 || '.'), 0) + 1 AS n, \
           coalesce(?12, (SELECT id FROM users WHERE email_key = ?13)) AS requester, {agent} AS agent) \
         SELECT x.id, ?1 || printf('%012x', x.id), 'TICK-' || ?2 || '-' || printf('%04d', x.n), ?3, ?4, ?5, ?27, {status}, ?7, ?8, \
           ?9, ?10, ?11, r.id, x.agent, ?15, ?16, ?17, ?17, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
           (SELECT key || '-' || last_number FROM projects WHERE id = ?23), ?24, \
           ?25{given}, ?26{given}, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37 \
         FROM x LEFT JOIN users r ON r.id = x.requester"
    ))
    .bind(new.uid_head)
    .bind(new.day)
    .bind(&ticket.title)
    .bind(index_text(&ticket.title))
    .bind(&ticket.description)
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
    .bind(ticket.project.as_ref().map(|project| project.id))
    .bind(ticket.subcategory.as_ref().map(|named| named.id))
    .bind(totals.events)
    .bind(totals.public_events)
    .bind(index_text(&ticket.description))
    .bind(totals.messages)
    .bind(totals.public_messages)
    .bind(ticket.version)
    .bind(ticket.resolved_at)
    .bind(ticket.closed_at)
    .bind(ticket.paused_at)
    .bind(ticket.first_responded_at)
    .bind(ticket.is_overdue(ticket.created_at))
    .bind(ticket.custom_fields.to_json())
    .bind(ticket.custom_fields.index.clone())
}

/// Writes a decided change and everything that follows from it. The batch aborts if the ticket no longer has the
/// version that the decision was based on. If the ticket itself is unchanged and only its story (such as events and
/// messages) is written, the version stays.
pub fn change(before: &Ticket, after: &Ticket, story: Story, now: i64) -> Vec<Stmt> {
    let mut stmts = Vec::new();
    let totals = story.totals();
    if before == after {
        if totals != Totals::default() {
            stmts.push(count_on(before.id, totals, now));
        }
        return story.around(stmts);
    }
    let mut guard = Guard::new();
    guards::expect_references(&mut guard, Some(before), after);
    stmts.extend(guard.stmt());
    let is_overdue = after.is_overdue(now);
    stmts.extend(counts::change(before, after, is_overdue));
    stmts.push(update(before, after, totals, now));
    let project = |ticket: &Ticket| ticket.project.as_ref().map(|project| project.id);
    if project(before) != project(after) && after.project.is_some() {
        stmts.push(
            Stmt::new(
                "INSERT INTO ticket_names (name, ticket_id) SELECT substr(key, 1, instr(key, '-')) || \
                   printf('%07d', CAST(substr(key, instr(key, '-') + 1) AS INTEGER)), id FROM tickets WHERE id = ?1",
            )
            .bind(before.id),
        );
    }
    stmts.extend(facets::change(before, after, is_overdue));
    if before.description != after.description {
        stmts.push(removals::original_of_ticket(before.id));
    }
    if before.title != after.title
        || before.description != after.description
        || project(before) != project(after)
        || before.requester_id != after.requester_id
        || before.custom_fields.values != after.custom_fields.values
    {
        stmts.push(search::index_ticket(before.id));
    }
    let assignee = |ticket: &Ticket| ticket.assignee.as_ref().map(|person| person.id);
    let leaves = story.leaves_unassigned();
    if assignee(after).is_some() && assignee(before) != assignee(after) {
        stmts.push(assignment::note_assigned(assignee(after), now));
    }
    let mut stmts = story.around(stmts);
    let hides = before.category != after.category || assignee(before) != assignee(after);
    let wakes = before.status.is_done() && assignee(before) == assignee(after);
    let is_sorted = before.category != after.category && assignee(after).is_none();
    if after.status.is_done() || leaves {
        stmts.extend(hides.then(|| watchers::drop_unseen_of_ticket(before.id)));
        return stmts;
    }
    if wakes {
        stmts.extend(pool::wake(before.id, now));
    } else if is_sorted {
        stmts.extend(pool::assign(before.id, now));
    }
    stmts.extend((hides || wakes).then(|| watchers::drop_unseen_of_ticket(before.id)));
    stmts
}

/// Deletes or restores a ticket.
pub fn set_deleted(ticket: &Ticket, deleted_at: Option<i64>, story: Story, now: i64) -> Vec<Stmt> {
    let mut stmts = counts::set_deleted(ticket, deleted_at.is_some());
    let mut sets =
        vec!["version = ?2 + 1, deleted_at = ?3, updated_at = ?4, public_updated_at = ?4".to_owned()];
    sets.extend(counted(story.totals()));
    if deleted_at.is_none() {
        // The requester may have closed the account since.
        sets.push(
            "contact_email = iif((SELECT closed_at FROM users WHERE id = requester_id) IS NULL, contact_email, NULL)"
                .to_owned(),
        );
    }
    stmts.push(
        Stmt::new(format!("UPDATE tickets SET {} WHERE id = ?1", sets.join(", ")))
            .bind(ticket.id)
            .bind(ticket.version)
            .bind(deleted_at)
            .bind(now),
    );
    if deleted_at.is_some() {
        stmts.push(search::remove_ticket(ticket.id));
    } else {
        stmts.extend([search::index_ticket(ticket.id), due_times::note_restored()]);
    }
    story.around(stmts)
}

/// Adds the new events and messages to the counters in the row of a ticket that is not changed otherwise.
pub fn count_on(id: i64, totals: Totals, now: i64) -> Stmt {
    let mut stmt = Stmt::new("").bind(id).bind(now);
    let mut sets = counted(totals);
    if totals.messages > 0 {
        sets.push("updated_at = max(updated_at, ?2)".to_owned());
    }
    if totals.public_messages > 0 {
        sets.push("public_updated_at = max(public_updated_at, ?2)".to_owned());
    }
    if totals.first_response.is_some() {
        sets.push("first_responded_at = coalesce(first_responded_at, ?2)".to_owned());
    }
    stmt.sql = format!(
        "UPDATE tickets SET {} WHERE id = ?1 AND ?2 IS NOT NULL",
        sets.join(", ")
    )
    .into();
    stmt
}

/// Like [`count_on`], for a public message by staff on a ticket that has not been read: it is the first response unless
/// there has been one, or the ticket is the author's own. Only one of the two statements finds the ticket, so that the
/// index of due times is written only by a first response.
pub fn count_on_response(id: i64, totals: Totals, author: i64, now: i64) -> [Stmt; 2] {
    let is_first = Totals {
        first_response: Some(now),
        ..totals
    };
    [
        (totals, "(first_responded_at IS NOT NULL OR requester_id = ?3)"),
        (is_first, "first_responded_at IS NULL AND requester_id <> ?3"),
    ]
    .map(|(totals, condition)| {
        let Stmt { sql, args } = count_on(id, totals, now);
        Stmt {
            sql: format!("{sql} AND {condition}").into(),
            args,
        }
        .bind(author)
    })
}

/// SQL assignments that increase the ticket's counters.
fn counted(totals: Totals) -> Vec<String> {
    [
        ("seq", totals.events),
        ("public_seq", totals.public_events),
        ("message_count", totals.messages),
        ("public_message_count", totals.public_messages),
    ]
    .into_iter()
    .filter(|(_, by)| *by > 0)
    .map(|(column, by)| format!("{column} = {column} + {by}"))
    .collect()
}

/// What a change of project requires before [`update`]: taking the next key of the new project. Empty for every other
/// change.
pub fn renumber(before: &Ticket, after: &Ticket) -> Vec<Stmt> {
    let project = |ticket: &Ticket| ticket.project.as_ref().map(|project| project.id);
    let to = project(after).filter(|id| Some(*id) != project(before));
    to.into_iter().flat_map(projects::take_next_number).collect()
}

fn update(before: &Ticket, after: &Ticket, totals: Totals, now: i64) -> Stmt {
    let mut stmt = Stmt::new("").bind(before.id).bind(before.version).bind(now);
    let mut sets = vec!["version = ?2 + 1, updated_at = max(updated_at, ?3)".to_owned()];
    // Customers do not notice what changes only what they do not see.
    if totals.public_events > 0 || totals.events == 0 {
        sets.push("public_updated_at = max(public_updated_at, ?3)".to_owned());
    }
    sets.extend(counted(totals));
    if totals.first_response.is_some() {
        sets.push("first_responded_at = coalesce(first_responded_at, ?3)".to_owned());
    }
    // `column` is a column name, or assignments in which ?N stands for the value.
    let mut set = |differs: bool, column: &str, arg: Arg| {
        if differs {
            stmt.args.push(arg);
            let n = format!("?{}", stmt.args.len());
            sets.push(if column.contains("?N") {
                column.replace("?N", &n)
            } else {
                format!("{column} = {n}")
            });
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
        "category_id = ?N",
        after.category.as_ref().map(|named| named.id).into(),
    );
    set(
        before.subcategory != after.subcategory,
        "subcategory_id = ?N",
        after.subcategory.as_ref().map(|named| named.id).into(),
    );
    set(
        before.department != after.department,
        "department",
        after.department.clone().into(),
    );
    set(before.tags != after.tags, "tags", tags_json(after).into());
    let is_custom = before.custom_fields != after.custom_fields;
    set(is_custom, "custom_fields", after.custom_fields.to_json().into());
    set(
        is_custom,
        "custom_index",
        after.custom_fields.index.clone().into(),
    );
    let pauses = before.pauses != after.pauses;
    set(
        pauses,
        "pauses",
        serde_json::json!(after.pauses).to_string().into(),
    );
    let project = |ticket: &Ticket| ticket.project.as_ref().map(|project| project.id);
    let moves = project(before) != project(after);
    set(
        moves,
        "project_id = ?N, key = (SELECT key || '-' || last_number FROM projects WHERE id = ?N)",
        project(after).into(),
    );
    let assignee = |ticket: &Ticket| ticket.assignee.as_ref().map(|person| person.id);
    set(
        assignee(before) != assignee(after),
        "assignee_id = ?N",
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
    let is_overdue = after.is_overdue(now);
    set(
        before.is_marked_overdue != is_overdue,
        "is_overdue",
        is_overdue.into(),
    );
    stmt.sql = format!("UPDATE tickets SET {} WHERE id = ?1", sets.join(", ")).into();
    stmt
}
