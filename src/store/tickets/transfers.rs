//! Transfers: who handed a ticket to whom, and why. Visible to staff only.

use crate::desk::id::{MAX_ID, Ref};
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// An entry of a ticket's list of transfers.
pub const TRANSFER: View = View {
    name: "Transfer",
    fields: &[
        field("id", "x.id", Out::Int),
        field("uid", "x.uid", Out::Text),
        field("ticket_id", "x.ticket_id", Out::Int),
        nullable("from", "f.card", Out::Card).doc("Null when it was nobody's."),
        field("to", "o.card", Out::Card),
        field("actor", "a.card", Out::Card).doc("Who handed it on."),
        field("reason", "x.reason", Out::Text),
        field("seq", "x.seq", Out::Int).doc("The event in the ticket's history."),
        field("created_at", "x.created_at", Out::Time),
    ],
};

/// A transfer to be created; the event that reports it must stand before it in the batch.
#[derive(Clone, Debug)]
pub struct NewTransfer<'a> {
    pub uid: &'a str,
    pub ticket_id: i64,
    pub actor_id: i64,
    pub from_id: Option<i64>,
    pub to_id: i64,
    pub reason: &'a str,
    pub now: i64,
}

/// Inserts a transfer with the sequence number of its event; the ticket's `Story` binds the last argument.
pub fn insert(new: &NewTransfer) -> Stmt {
    Stmt::new(
        "INSERT INTO transfers (uid, ticket_id, seq, actor_id, from_id, to_id, reason, created_at) \
         SELECT ?1, t.id, t.seq + ?8, ?3, ?4, ?5, ?6, ?7 FROM tickets t WHERE t.id = ?2",
    )
    .bind(new.uid)
    .bind(new.ticket_id)
    .bind(new.actor_id)
    .bind(new.from_id)
    .bind(new.to_id)
    .bind(new.reason)
    .bind(new.now)
}

/// SQL: the data of an event `e` for staff. For a transfer this includes the reason, which the event's row does not
/// hold.
pub fn event_data() -> &'static str {
    "iif(e.type = 'transferred', coalesce((SELECT json_object('reason', x.reason) FROM transfers x \
     WHERE x.ticket_id = e.ticket_id AND x.seq = e.seq), e.data), e.data)"
}

/// A page of a ticket's transfers, oldest first: rows `j`, `id`.
pub fn list(reader: &Viewer, reference: &Ref, page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, x.seq AS id FROM tickets t JOIN transfers x ON x.ticket_id = t.id \
             LEFT JOIN users f ON f.id = x.from_id JOIN users o ON o.id = x.to_id JOIN users a ON a.id = x.actor_id \
             WHERE {name} AND t.deleted_at IS NULL AND {} AND x.seq > ?5 ORDER BY x.seq LIMIT ?6 OFFSET ?7",
            TRANSFER.sql(),
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(after)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// How many transfers a ticket has: `n`, up to 10,001.
pub fn count(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM tickets t JOIN transfers x ON x.ticket_id = t.id \
             WHERE {name} AND t.deleted_at IS NULL AND {} LIMIT 10001)",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// How many transfers a page of [`list_all`] reads at most.
const WINDOW: i64 = 1_000;

/// A page of the transfers of all tickets that are not deleted, newest first: rows `j`, `id`. The second statement says
/// where the page stopped, if it read as much as it may.
pub fn list_all(page: &Page) -> [Stmt; 2] {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => MAX_ID,
    };
    let walk = "SELECT * FROM transfers WHERE id < ?1 ORDER BY id DESC";
    let window = page.offset().saturating_add(WINDOW);
    [
        Stmt::new(format!(
            "SELECT {} AS j, x.id AS id FROM ({walk} LIMIT ?2) x CROSS JOIN tickets t ON t.id = x.ticket_id \
             LEFT JOIN users f ON f.id = x.from_id JOIN users o ON o.id = x.to_id JOIN users a ON a.id = x.actor_id \
             WHERE t.deleted_at IS NULL ORDER BY x.id DESC LIMIT ?3 OFFSET ?4",
            TRANSFER.sql()
        ))
        .bind(before)
        .bind(window)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset()),
        Stmt::new(format!("SELECT NULL AS s, id FROM ({walk} LIMIT 1 OFFSET ?2)"))
            .bind(before)
            .bind(window.saturating_sub(1)),
    ]
}

/// How many transfers [`list_all`] has in all: `n`, up to 10,001.
pub fn count_all() -> Stmt {
    Stmt::new(
        "SELECT count(*) AS n FROM (SELECT 1 FROM transfers x CROSS JOIN tickets t ON t.id = x.ticket_id \
         WHERE t.deleted_at IS NULL LIMIT 10001)",
    )
}
