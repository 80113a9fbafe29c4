//! What the assistant reads: the ticket that it may see, and the categories and agents that it may suggest.

use serde::Deserialize;

use crate::desk::assistant::prompt::{
    MAX_PROMPT_CHARS, MESSAGE_OVERHEAD_CHARS, PromptMessage, PromptTicket, SuggestableAgent,
    SuggestableCategory,
};
use crate::desk::id::Ref;
use crate::edge::db::{DbError, Rows, Stmt};
use crate::store::tickets::assignment::open_load;
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// How many agents, the least busy, the assistant chooses from.
const MAX_AGENTS: i64 = 50;
/// How many categories the assistant chooses from.
const MAX_CATEGORIES: i64 = 100;

/// A ticket that the reader may see: the row `j`. Internal notes, and their files, are included only if they are
/// requested and the reader's role may read them.
pub fn ticket(reader: &Viewer, reference: &Ref, with_notes: bool) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT json_object('title', t.title, 'description', t.description, 'status', t.status, \
               'priority', CASE t.priority WHEN 1 THEN 'low' WHEN 2 THEN 'medium' WHEN 3 THEN 'high' ELSE 'urgent' END, \
               'category', (SELECT slug FROM categories WHERE id = t.category_id), 'message_count', iif(?5, t.message_count, t.public_message_count), \
               'files', (SELECT json_group_array(f.filename) FROM (SELECT a.filename FROM attachments a \
                  WHERE a.ticket_id = t.id AND a.attached_at IS NOT NULL AND a.deleted_at IS NULL AND a.is_internal <= ?5 \
                  ORDER BY a.id LIMIT 40) f)) AS j \
             FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(with_notes)
}

/// Reads [`ticket`].
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read_ticket(rows: &Rows) -> Result<Option<PromptTicket>, DbError> {
    rows.text()?.map(|text| parse(&text)).transpose()
}

/// The newest messages of the ticket, as many as fit into [`MAX_PROMPT_CHARS`].
pub fn messages(reader: &Viewer, reference: &Ref, with_notes: bool) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT body, is_internal, role FROM (SELECT m.position, m.body, m.is_internal, w.role, \
               sum(length(m.body) + ?6) OVER (ORDER BY m.position DESC) AS weight \
               FROM tickets t JOIN messages m ON m.ticket_id = t.id JOIN users w ON w.id = m.author_id \
               WHERE {name} AND t.deleted_at IS NULL AND {} AND m.deleted_at IS NULL AND m.is_internal <= ?5) \
             WHERE weight <= ?7 ORDER BY position DESC",
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(with_notes)
        .bind(i64::try_from(MESSAGE_OVERHEAD_CHARS).unwrap_or_default())
        .bind(i64::try_from(MAX_PROMPT_CHARS).unwrap_or_default())
}

/// Reads [`messages`], newest first.
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read_messages(rows: &Rows) -> Result<Vec<PromptMessage>, DbError> {
    rows.all()
}

/// The active categories.
pub fn categories() -> Stmt {
    Stmt::new("SELECT id, slug, name FROM categories WHERE is_active = 1 ORDER BY position, id LIMIT ?1")
        .bind(MAX_CATEGORIES)
}

/// Reads [`categories`].
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read_categories(rows: &Rows) -> Result<Vec<SuggestableCategory>, DbError> {
    rows.all()
}

/// Active agents who are available to take a ticket: rows `j`.
pub fn agents() -> Stmt {
    Stmt::new(format!(
        "SELECT json_object('id', u.id, 'open_tickets', {}, 'card', json(u.card), \
           'categories', (SELECT json_group_array(c.slug) FROM agent_categories a \
             JOIN categories c ON c.id = a.category_id AND c.is_active = 1 WHERE a.user_id = u.id)) AS j \
         FROM users u LEFT JOIN agent_profiles p ON p.user_id = u.id \
         WHERE u.role <> 'customer' AND u.role = 'agent' AND u.is_active = 1 AND coalesce(p.is_available, 1) = 1 \
         ORDER BY {}, u.id LIMIT ?1",
        open_load(),
        open_load()
    ))
    .bind(MAX_AGENTS)
}

/// Reads [`agents`].
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read_agents(rows: &Rows) -> Result<Vec<SuggestableAgent>, DbError> {
    #[derive(Deserialize)]
    struct AgentJson {
        j: String,
    }
    let rows: Vec<AgentJson> = rows.all()?;
    rows.iter().map(|row| parse(&row.j)).collect()
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Other(error.to_string()))
}
