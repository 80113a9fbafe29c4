//! Taking a text out of a ticket for good: everything that holds a copy of it, in one batch.
//!
//! What is made of these rows when it is read (notifications, mails that wait, mails in a digest) holds no copy.

use serde::Deserialize;
use serde_json::json;

use crate::desk::tickets::redaction::BLOCK;
use crate::desk::tickets::search::index_text;
use crate::edge::db::Stmt;
use crate::store::tickets::write::search;

/// How many messages a ticket may have that a text is taken out of at once.
pub const MAX_MESSAGES: i64 = 10_000;

/// SQL: the value of `column`, a text, without the text `?2`.
fn without(column: &str) -> String {
    format!("replace({column}, ?2, '{BLOCK}')")
}

/// SQL condition: a JSON text holds the text `?2` in one of its values, or in a JSON text that is such a value.
fn holds(column: &str) -> String {
    let inside = |text: &str| format!("substr(json_quote({text}), 2, length(json_quote({text})) - 2)");
    format!(
        "(instr({column}, {}) OR instr({column}, {}))",
        inside("?2"),
        inside(&inside("?2"))
    )
}

/// A message that holds the text.
#[derive(Clone, Debug, Deserialize)]
pub struct FoundMessage {
    pub id: i64,
    pub version: i64,
    /// What is searched is written in another way, which is made of this.
    pub body: Option<String>,
}

/// The messages of a ticket that hold the text, deleted ones too: [`FoundMessage`]s.
pub fn find_messages(ticket_id: i64, text: &str) -> Stmt {
    Stmt::new(
        "SELECT id, version, iif(body_index IS NULL, NULL, body) AS body FROM messages \
         WHERE ticket_id = ?1 AND instr(body, ?2) ORDER BY position LIMIT ?3",
    )
    .bind(ticket_id)
    .bind(text)
    .bind(MAX_MESSAGES)
}

/// The statements that take the text out of everything but title and description. The batch aborts if the messages that
/// hold it are others than those that were found.
pub fn redact(ticket_id: i64, text: &str, found: &[FoundMessage], now: i64) -> Vec<Stmt> {
    let stmt = |sql: String| Stmt::new(sql).bind(ticket_id).bind(text);
    let versions: i64 = found.iter().map(|message| message.version).sum();
    let indexed: Vec<_> = found
        .iter()
        .filter_map(|message| Some((message.id, message.body.as_ref()?.replace(text, BLOCK))))
        .map(|(id, body)| json!([id, index_text(&body)]))
        .collect();
    // Custom fields also have values that are no texts.
    let side = |side: &str| {
        let text = without(&format!("c.value ->> '{side}'"));
        format!("iif(json_type(c.value, '$.{side}') = 'text', {text}, json(c.value -> '{side}'))")
    };
    let mut stmts = vec![
        stmt(
            "INSERT INTO guard (ok) SELECT 0 FROM (SELECT count(*) AS n, total(version) AS versions FROM messages \
             WHERE ticket_id = ?1 AND instr(body, ?2)) WHERE n <> ?3 OR versions <> ?4"
                .to_owned(),
        )
        .bind(i64::try_from(found.len()).unwrap_or(i64::MAX))
        .bind(versions),
        stmt(format!(
            "UPDATE messages SET body = {}, version = version + 1, edited_at = ?3 WHERE ticket_id = ?1 AND instr(body, ?2)",
            without("body")
        ))
        .bind(now),
    ];
    for part in indexed.chunks(500) {
        stmts.push(
            Stmt::new(
                "UPDATE messages SET body_index = j.value ->> 1 FROM json_each(?1) j WHERE messages.id = j.value ->> 0",
            )
            .bind(serde_json::Value::from(part.to_vec()).to_string()),
        );
    }
    stmts.extend([
        stmt(format!(
            "UPDATE events SET changes = (SELECT json_group_array(json(iif(c.value ->> 'field' = 'title' OR c.value ->> 'field' GLOB 'custom.*', \
               json_object('field', c.value ->> 'field', 'from', {}, 'to', {}), c.value))) FROM json_each(events.changes) c) \
             WHERE ticket_id = ?1 AND (instr(changes, '\"field\":\"title\"') OR instr(changes, '\"field\":\"custom.')) AND {}",
            side("from"),
            side("to"),
            holds("changes")
        )),
        stmt(format!(
            "UPDATE events SET data = json_set(data, '$.attachment.filename', {}) \
             WHERE ticket_id = ?1 AND instr(data ->> '$.attachment.filename', ?2)",
            without("data ->> '$.attachment.filename'")
        )),
        stmt(format!(
            "UPDATE attachments SET filename = {} WHERE ticket_id = ?1 AND instr(filename, ?2)",
            without("filename")
        )),
        stmt(format!(
            "UPDATE transfers SET reason = {} WHERE ticket_id = ?1 AND instr(reason, ?2)",
            without("reason")
        )),
        stmt(format!(
            "UPDATE ratings SET comment = {} WHERE ticket_id = ?1 AND instr(comment, ?2)",
            without("comment")
        )),
        stmt(format!(
            "UPDATE notices SET message = {} WHERE ticket_id = ?1 AND instr(message, ?2)",
            without("message")
        )),
        // What still goes out is made anew. What an endpoint has answered may repeat what it was told.
        stmt(format!(
            "UPDATE webhook_deliveries SET body = NULL, response = NULL \
             WHERE ticket_id = ?1 AND (instr(response, ?2) OR {} OR {})",
            holds("body"),
            holds("response")
        )),
        // A stored answer stays an answer: the request is not carried out again.
        stmt(format!(
            "UPDATE idempotency SET body = '{{\"redacted\":true}}' WHERE {} AND (instr(body, (SELECT uid FROM tickets WHERE id = ?1)) \
               OR location LIKE '/api/v1/tickets/' || CAST(?1 AS INTEGER) || '/%' \
               OR EXISTS (SELECT 1 FROM messages m WHERE m.ticket_id = ?1 AND instr(idempotency.body, m.uid)) \
               OR EXISTS (SELECT 1 FROM attachments a WHERE a.ticket_id = ?1 AND instr(idempotency.body, a.uid)))",
            holds("body")
        )),
        Stmt::new(
            "UPDATE tickets SET version = version + 1, updated_at = max(updated_at, ?2), \
               public_updated_at = max(public_updated_at, ?2) WHERE id = ?1",
        )
        .bind(ticket_id)
        .bind(now),
        search::index_ticket(ticket_id),
    ]);
    stmts
}
