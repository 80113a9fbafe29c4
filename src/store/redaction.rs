//! Taking a text out of a ticket for good: everything that holds a copy of it, in one batch.
//!
//! What is made of these rows when it is read (notifications, mails that wait, mails in a digest) holds no copy.

use serde::Deserialize;
use serde_json::json;

use crate::desk::tickets::redaction::{BLOCK, Secret};
use crate::desk::tickets::search::index_text;
use crate::edge::db::Stmt;
use crate::store::tickets::write::search;

/// How many messages a ticket may have that a text is taken out of at once.
pub const MAX_MESSAGES: i64 = 10_000;

/// SQL: the value of `column`, a text, without the forms `?2`, `?3` and `?4` of the text.
fn without(column: &str) -> String {
    format!("replace(replace(replace({column}, ?2, '{BLOCK}'), ?3, '{BLOCK}'), ?4, '{BLOCK}')")
}

/// SQL condition: `column`, a text, holds a form of the text.
fn has(column: &str) -> String {
    format!("(instr({column}, ?2) OR instr({column}, ?3) OR instr({column}, ?4))")
}

/// SQL condition: a JSON text holds a form of the text in one of its values, or in a JSON text that is such a value.
fn holds(column: &str) -> String {
    let inside = |text: &str| format!("substr(json_quote({text}), 2, length(json_quote({text})) - 2)");
    let forms = ["?2", "?3", "?4"].map(|form| {
        let (once, twice) = (inside(form), inside(&inside(form)));
        format!("instr({column}, {once}) OR instr({column}, {twice})")
    });
    format!("({})", forms.join(" OR "))
}

/// A statement about a ticket, `?1`, and the forms of a text.
fn stmt(sql: impl Into<std::borrow::Cow<'static, str>>, ticket_id: i64, secret: &Secret) -> Stmt {
    let [exact, composed, decomposed] = secret.forms();
    Stmt::new(sql)
        .bind(ticket_id)
        .bind(exact.as_str())
        .bind(composed.as_str())
        .bind(decomposed.as_str())
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
pub fn find_messages(ticket_id: i64, secret: &Secret) -> Stmt {
    let sql = format!(
        "SELECT id, version, iif(body_index IS NULL, NULL, body) AS body FROM messages \
         WHERE ticket_id = ?1 AND {} ORDER BY position LIMIT ?5",
        has("body")
    );
    stmt(sql, ticket_id, secret).bind(MAX_MESSAGES)
}

/// The statements that take the text out of everything but title and description. The batch aborts if the messages that
/// hold it are others than those that were found.
pub fn redact(ticket_id: i64, secret: &Secret, found: &[FoundMessage], now: i64) -> Vec<Stmt> {
    let stmt = |sql: String| stmt(sql, ticket_id, secret);
    let versions: i64 = found.iter().map(|message| message.version).sum();
    let indexed: Vec<_> = found
        .iter()
        .filter_map(|message| Some((message.id, secret.redact(message.body.as_ref()?)?)))
        .map(|(id, body)| json!([id, index_text(&body)]))
        .collect();
    // Custom fields also have values that are no texts.
    let side = |side: &str| {
        let text = without(&format!("c.value ->> '{side}'"));
        format!("iif(json_type(c.value, '$.{side}') = 'text', {text}, json(c.value -> '{side}'))")
    };
    let mut stmts = vec![
        stmt(format!(
            "INSERT INTO guard (ok) SELECT 0 FROM (SELECT count(*) AS n, total(version) AS versions FROM messages \
             WHERE ticket_id = ?1 AND {}) WHERE n <> ?5 OR versions <> ?6",
            has("body")
        ))
        .bind(i64::try_from(found.len()).unwrap_or(i64::MAX))
        .bind(versions),
        stmt(format!(
            "UPDATE messages SET body = {}, version = version + 1, edited_at = ?5 WHERE ticket_id = ?1 AND {}",
            without("body"),
            has("body")
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
             WHERE ticket_id = ?1 AND {}",
            without("data ->> '$.attachment.filename'"),
            has("data ->> '$.attachment.filename'")
        )),
        stmt(format!(
            "UPDATE attachments SET filename = {} WHERE ticket_id = ?1 AND {}",
            without("filename"),
            has("filename")
        )),
        stmt(format!(
            "UPDATE transfers SET reason = {} WHERE ticket_id = ?1 AND {}",
            without("reason"),
            has("reason")
        )),
        stmt(format!(
            "UPDATE ratings SET comment = {} WHERE ticket_id = ?1 AND {}",
            without("comment"),
            has("comment")
        )),
        stmt(format!(
            "UPDATE notices SET message = {} WHERE ticket_id = ?1 AND {}",
            without("message"),
            has("message")
        )),
        // What still goes out is made anew. What an endpoint has answered may repeat what it was told.
        stmt(format!(
            "UPDATE webhook_deliveries SET body = NULL, response = NULL \
             WHERE ticket_id = ?1 AND ({} OR {} OR {})",
            has("response"),
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
