//! Links between tickets. Each is one row, and is seen from both ends.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::tickets::relations::link::LinkType;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::guard::Guard;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// What a ticket may be to another one.
pub static LINK_TYPE: Choices = Choices {
    list: &LinkType::WORDS,
    parse: |word| LinkType::WORDS.into_iter().find(|known| *known == word),
};

/// A link as the API returns it.
pub const LINK: View = View {
    name: "TicketLink",
    fields: &[
        field("id", "l.id", Out::Int),
        field("type", "l.type", Out::Word(&LINK_TYPE)).doc("What this ticket is to the other one."),
        field(
            "ticket",
            "json_object('id',t.id,'number',t.number,'title',t.title,'status',t.status)",
            Out::Json("LinkedTicket"),
        ),
        nullable("actor", "a.card", Out::Card)
            .doc("Null when the desk itself has linked them, because of an e-mail."),
        field("created_at", "l.created_at", Out::Time),
    ],
};

/// SQL: the links of the ticket that a condition finds, with the id of the other end.
fn links(condition: &str) -> String {
    let own = format!("(SELECT t.id FROM tickets t WHERE {condition} AND t.deleted_at IS NULL)");
    format!(
        "SELECT k.id, k.type, k.other_id AS end_id, k.created_by, k.created_at FROM ticket_links k WHERE k.ticket_id = {own} \
         UNION ALL SELECT k.id, CASE k.type WHEN 'duplicates' THEN 'duplicated_by' WHEN 'blocks' THEN 'blocked_by' \
           WHEN 'parent' THEN 'child' ELSE k.type END, k.ticket_id, k.created_by, k.created_at FROM ticket_links k WHERE k.other_id = {own}"
    )
}

/// A page of a ticket's links, oldest first, without those to tickets that the reader may not see: rows `j`, `id`.
pub fn list(reader: &Viewer, reference: &Ref, page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, l.id AS id FROM ({}) l CROSS JOIN tickets t ON t.id = l.end_id AND t.deleted_at IS NULL \
             LEFT JOIN users a ON a.id = l.created_by WHERE {} AND l.id > ?5 ORDER BY l.id LIMIT ?6 OFFSET ?7",
            LINK.sql(),
            links(&name),
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(after)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// How many links [`list`] has in all: `n`, up to 10,001.
pub fn count(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM ({}) l CROSS JOIN tickets t ON t.id = l.end_id AND t.deleted_at IS NULL \
             WHERE {} LIMIT 10001)",
            links(&name),
            reader.scope.condition()
        ))
        .bind(arg)
}

/// Links a ticket to another one that it has to do with, on behalf of nobody.
pub fn insert_related(subject: &EventSubject, other_id: i64, now: i64) -> Stmt {
    let (ticket, arg) = subject_condition(subject);
    Stmt::new(format!(
        "INSERT OR IGNORE INTO ticket_links (ticket_id, type, other_id, created_at) \
         SELECT t.id, 'relates', ?2, ?3 FROM tickets t WHERE {ticket}"
    ))
    .bind(arg)
    .bind(other_id)
    .bind(now)
}

// Changing ---------------------------------------------------------------------------------------------------------

/// How many links a ticket has at most.
pub const MAX_LINKS: i64 = 100;

/// How far a chain of parents, or of tickets that block one another, is followed.
const MAX_CHAIN: i64 = 1_000;

/// Two tickets that the reader may see, and how they are linked. `other_id` is null if the reader sees no such ticket.
#[derive(Clone, Debug, Deserialize)]
pub struct PairRow {
    pub id: i64,
    pub other_id: Option<i64>,
    /// They have such a link already.
    pub is_linked: i64,
    /// How many links the one with more of them has.
    pub links: i64,
    /// The link would close a circle.
    pub is_circle: i64,
}

/// SQL: whether `from` is reached from `to` by links of this type, so that a link from `from` to `to` would close a
/// circle. A chain that is too long to be followed counts as one.
fn closes_circle(kind: LinkType, from: &str, to: &str) -> String {
    if !kind.is_ordered() {
        return "0".to_owned();
    }
    let kind = kind.as_str();
    format!(
        "(WITH RECURSIVE chain(id) AS (SELECT {to} UNION SELECT k.other_id FROM chain CROSS JOIN ticket_links k ON k.ticket_id = chain.id \
           WHERE k.type = '{kind}' LIMIT {MAX_CHAIN}) SELECT max(id = {from}) OR count(*) >= {MAX_CHAIN} FROM chain)"
    )
}

/// SQL: whether two tickets have this link already. What is mutual has no direction.
fn is_linked(kind: LinkType, from: &str, to: &str) -> String {
    let word = kind.as_str();
    let one = |from: &str, to: &str| {
        format!(
            "EXISTS (SELECT 1 FROM ticket_links WHERE ticket_id = {from} AND other_id = {to} AND type = '{word}')"
        )
    };
    if kind.is_mutual() {
        format!("({} OR {})", one(from, to), one(to, from))
    } else {
        one(from, to)
    }
}

const LINKS_OF: &str = "(SELECT count(*) FROM ticket_links WHERE ticket_id = $T) + (SELECT count(*) FROM ticket_links WHERE other_id = $T)";

/// Reads the [`PairRow`] of a link to be made: the ticket of the path, and the other one. `is_back` says that the link
/// leads from the other ticket to this one.
pub fn find_pair(reader: &Viewer, reference: &Ref, other: &Ref, (kind, is_back): (LinkType, bool)) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    let (other_name, other_arg) = ticket_condition(other);
    let scope = reader.scope.condition();
    let (from, to) = if is_back { ("x.o", "x.t") } else { ("x.t", "x.o") };
    reader
        .stmt(format!(
            "SELECT x.t AS id, x.o AS other_id, {} AS is_linked, coalesce({}, 0) AS is_circle, max({}, {}) AS links \
             FROM (SELECT t.id AS t, (SELECT t.id FROM tickets t WHERE {} AND t.deleted_at IS NULL AND {scope}) AS o \
               FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {scope}) x",
            is_linked(kind, from, to),
            closes_circle(kind, from, to),
            LINKS_OF.replace("$T", "x.t"),
            LINKS_OF.replace("$T", "x.o"),
            other_name.replace("?4", "?5"),
        ))
        .bind(arg)
        .bind(other_arg)
}

/// Links a ticket to another one. The batch aborts if one of them is gone, if it would close a circle, or if there are
/// too many links; a link that is there already is a conflict of its own.
pub fn insert(from: i64, to: i64, kind: LinkType, actor: i64, now: i64) -> Vec<Stmt> {
    let mut guard = Guard::new();
    guard.expect(
        Stmt::new(format!(
            "SELECT 1 WHERE NOT {} AND NOT coalesce({}, 0) AND {} < {MAX_LINKS} AND {} < {MAX_LINKS} \
             AND (SELECT count(*) FROM tickets WHERE id IN (?1, ?2) AND deleted_at IS NULL) = 2",
            is_linked(kind, "?1", "?2"),
            closes_circle(kind, "?1", "?2"),
            LINKS_OF.replace("$T", "?1"),
            LINKS_OF.replace("$T", "?2"),
        ))
        .bind(from)
        .bind(to),
    );
    let insert = Stmt::new(
        "INSERT INTO ticket_links (ticket_id, type, other_id, created_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(from)
    .bind(kind.as_str())
    .bind(to)
    .bind(actor)
    .bind(now);
    guard.stmt().into_iter().chain([insert]).collect()
}

/// The link between two tickets as the first of them sees it: the row `j`, `v`, `id`.
pub fn show(reader: &Viewer, id: i64, other: i64, kind: LinkType, is_back: bool) -> Stmt {
    let (from, to) = if is_back { ("?5", "?4") } else { ("?4", "?5") };
    reader
        .stmt(format!(
            "SELECT {} AS j, NULL AS v, l.id AS id FROM ({}) l CROSS JOIN tickets t ON t.id = l.end_id \
             LEFT JOIN users a ON a.id = l.created_by \
             WHERE l.id = (SELECT id FROM ticket_links WHERE ticket_id = {from} AND other_id = {to} AND type = '{}') AND ?3 IS NOT NULL",
            LINK.sql(),
            links("t.id = ?4"),
            kind.as_str()
        ))
        .bind(id)
        .bind(other)
}

/// Finds the ticket of the path, if the reader may see it and another one: row `id`.
pub fn find_both(reader: &Viewer, reference: &Ref, other: i64) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    let scope = reader.scope.condition();
    reader
        .stmt(format!(
            "SELECT t.id AS id FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {scope} \
             AND EXISTS (SELECT 1 FROM tickets t WHERE t.id = ?5 AND t.deleted_at IS NULL AND {scope})"
        ))
        .bind(arg)
        .bind(other)
}

/// A link as it is stored.
#[derive(Clone, Debug, Deserialize)]
pub struct LinkRow {
    pub id: i64,
    pub ticket_id: i64,
    pub other_id: i64,
    #[serde(rename = "type")]
    pub kind: String,
}

/// Finds a link of a ticket, if the reader may see both ends: a [`LinkRow`].
pub fn find(reader: &Viewer, reference: &Ref, link_id: i64) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT k.id AS id, k.ticket_id AS ticket_id, k.other_id AS other_id, k.type AS type \
             FROM ({}) l CROSS JOIN ticket_links k ON k.id = l.id CROSS JOIN tickets t ON t.id = l.end_id AND t.deleted_at IS NULL \
             WHERE {} AND l.id = ?5",
            links(&name),
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(link_id)
}

/// Removes a link; the batch aborts if somebody else has done so.
pub fn delete(id: i64) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM ticket_links WHERE id = ?1)",
        )
        .bind(id),
        Stmt::new("DELETE FROM ticket_links WHERE id = ?1").bind(id),
    ]
}

/// The tickets that hang on a ticket as its children or because it blocks them, and those that hang on these, as far as
/// the reader may see them and they are not closed: rows `id`, at most `most`.
pub fn list_open_dependents(reader: &Viewer, reference: &Ref, most: i64) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "WITH RECURSIVE own(id) AS (SELECT t.id FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {scope}), \
               chain(id) AS (SELECT id FROM own UNION SELECT k.other_id FROM chain CROSS JOIN ticket_links k ON k.ticket_id = chain.id \
                 WHERE k.type IN ('parent', 'blocks') LIMIT {MAX_CHAIN}) \
             SELECT t.id AS id FROM chain CROSS JOIN tickets t ON t.id = chain.id \
             WHERE t.id NOT IN (SELECT id FROM own) AND t.deleted_at IS NULL AND t.status <> 'closed' AND {scope} ORDER BY t.id LIMIT ?5",
            scope = reader.scope.condition()
        ))
        .bind(arg)
        .bind(most)
}
