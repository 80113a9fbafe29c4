//! The facts about a ticket that workflow rules may test, other than the columns of the ticket's own row.

use serde::Deserialize;

use crate::desk::automation::executor::TicketContext;
use crate::desk::id::Ref;
use crate::edge::db::{DbError, Rows, Stmt};
use crate::store::tickets::ticket::{COLUMNS, TicketRow, Viewer, ticket_condition};

/// Builds a [`TicketContext`] of a ticket `t`; `$MESSAGE` stands for the last message.
const CONTEXT: &str = "json_object('channel', t.channel, 'message_count', t.message_count, 'attachment_count', t.attachment_count, \
  'updated_at', t.updated_at, \
  'requester', json_object('id', t.requester_id, 'uid', (SELECT uid FROM users WHERE id = t.requester_id), \
    'name', (SELECT email FROM users WHERE id = t.requester_id)), \
  'message', json($MESSAGE))";

/// The last message of a ticket `t`.
const LAST_MESSAGE: &str = "(SELECT json_object('body', m.body, 'is_internal', json(iif(m.is_internal, 'true', 'false')), 'author_role', w.role) \
  FROM messages m JOIN users w ON w.id = m.author_id WHERE m.ticket_id = t.id AND m.deleted_at IS NULL ORDER BY m.position DESC LIMIT 1)";

/// Selects the [`TicketContext`] of a ticket that the reader may see: the row `j`.
pub fn show(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            CONTEXT.replace("$MESSAGE", "NULL"),
            reader.scope.condition()
        ))
        .bind(arg)
}

/// Reads [`show`]; without rows, the context is empty.
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read(rows: Option<&Rows>) -> Result<TicketContext, DbError> {
    let text = match rows {
        Some(rows) => rows.text()?,
        None => None,
    };
    text.map_or(Ok(TicketContext::default()), |text| parse(&text))
}

fn parse(text: &str) -> Result<TicketContext, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Other(error.to_string()))
}

/// A ticket and its context, for trying a rule on it.
#[derive(Debug)]
pub struct Candidate {
    pub number: String,
    pub ticket: TicketRow,
    pub around: TicketContext,
}

/// Selects one ticket, or the newest tickets, with their context.
pub fn candidates(reader: &Viewer, reference: Option<&Ref>, most: i64) -> Stmt {
    let select = format!(
        "SELECT {COLUMNS}, t.number, {} AS around FROM tickets t WHERE t.deleted_at IS NULL AND {}",
        CONTEXT.replace("$MESSAGE", LAST_MESSAGE),
        reader.scope.condition()
    );
    match reference.map(ticket_condition) {
        Some((name, arg)) => reader.stmt(format!("{select} AND {name}")).bind(arg),
        None => reader
            .stmt(format!("{select} ORDER BY t.id DESC LIMIT ?4"))
            .bind(most),
    }
}

/// Unresolved tickets that sort after a given one (by creation time and id, newest first), with their context.
pub fn unresolved_before(reader: &Viewer, (at, id): (i64, i64), most: i64) -> Stmt {
    reader
        .stmt(format!(
            "SELECT {COLUMNS}, t.number, {} AS around FROM tickets t INDEXED BY tickets_by_status \
             WHERE t.deleted_at IS NULL AND t.status IN ('open', 'assigned', 'in_progress', 'waiting', 'blocked', 'reopened') AND {} \
               AND (t.created_at, t.id) < (?4, ?5) \
             ORDER BY t.created_at DESC, t.id DESC LIMIT ?6",
            CONTEXT.replace("$MESSAGE", "NULL"),
            reader.scope.condition()
        ))
        .bind(at)
        .bind(id)
        .bind(most)
}

/// The place of a row of [`named`] in its list.
#[derive(Debug, Deserialize)]
pub struct PlaceRow {
    pub place: usize,
}

/// The tickets that a list names and the reader may see, with their context and their `place` in the list. Each is named
/// by `[id, uid, name]`: by its id, which the uid has to fit if there is one, or by a name in the form of
/// [`name_key`](crate::desk::id::name_key).
pub fn named(reader: &Viewer, list: &str) -> Stmt {
    reader
        .stmt(format!(
            "SELECT {COLUMNS}, t.number, {} AS around, n.key AS place FROM json_each(?4) n CROSS JOIN tickets t \
               ON t.id = coalesce(n.value ->> 0, (SELECT ticket_id FROM ticket_names WHERE name = n.value ->> 2)) \
             WHERE (n.value ->> 1 IS NULL OR t.uid = n.value ->> 1) AND t.deleted_at IS NULL AND {} ORDER BY n.key",
            CONTEXT.replace("$MESSAGE", "NULL"),
            reader.scope.condition()
        ))
        .bind(list)
}

/// The tickets `id` of a list that is read anyway, with their context.
pub fn listed(list: Stmt) -> Stmt {
    Stmt {
        sql: format!(
            "SELECT {COLUMNS}, t.number, {} AS around, 0 AS place FROM ({}) x CROSS JOIN tickets t ON t.id = x.id",
            CONTEXT.replace("$MESSAGE", "NULL"),
            list.sql
        )
        .into(),
        args: list.args,
    }
}

/// Reads [`candidates`], [`named`], [`listed`] and [`unresolved_before`].
///
/// # Errors
/// Like [`read`].
pub fn read_candidates(rows: &Rows) -> Result<Vec<Candidate>, DbError> {
    #[derive(Deserialize)]
    struct ContextColumns {
        number: String,
        around: String,
    }
    let tickets: Vec<TicketRow> = rows.all()?;
    let beside: Vec<ContextColumns> = rows.all()?;
    tickets
        .into_iter()
        .zip(beside)
        .map(|(ticket, beside)| {
            Ok(Candidate {
                number: beside.number,
                ticket,
                around: parse(&beside.around)?,
            })
        })
        .collect()
}
