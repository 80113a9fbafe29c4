//! The change feed: the events of all tickets in one order, that of their ids.
//!
//! D1 has one writer, and an id is one more than the last: an event that is seen comes after every event with a lower id,
//! and none with a lower id can follow.

use serde::Deserialize;

use crate::edge::db::Stmt;
use crate::store::sql::view::{self, Out, View, field, nullable};
use crate::store::tickets::events;

/// An event of the feed.
pub const CHANGE: View = View {
    name: "Change",
    fields: &[
        field("id", "e.id", Out::Int).doc("Rises from event to event, over all tickets."),
        field("type", "e.type", Out::Text),
        field("ticket", "$TICKET", Out::Json("ChangedTicket")),
        field("seq", "e.seq", Out::Int).doc("1, 2, 3 ... within the ticket."),
        nullable("actor", "a.card", Out::Card).doc("Null when the desk itself acted."),
        field("changes", "$CHANGES", Out::Json("Changes"))
            .doc("Empty while the ticket is deleted."),
        nullable("message_id", "e.message_id", Out::Int),
        field("data", "$DATA", Out::Json("EventData")).doc(
            "The message as it is now, where one was added or edited; empty while the message or the ticket is deleted.",
        ),
        field("is_internal", "e.public_seq IS NULL", Out::Flag)
            .doc("Customers do not see it."),
        nullable("cause", "e.cause", Out::Text).doc("The rule or job behind it."),
        field("created_at", "e.created_at", Out::Time),
    ],
};

/// How many events a page of some types looks at.
const WINDOW: i64 = 1_000;

/// Where a page of the feed ends.
#[derive(Debug, Deserialize)]
pub struct FeedEnd {
    /// The last event that the page has looked at; `None` if there is none.
    pub id: Option<i64>,
    /// The last event of all.
    pub last: i64,
}

/// The events after the event `after`, at most `limit`: rows `j`, `id`. Of some `types` (a JSON list of words) there is
/// one row more if there are more among those that the page looks at. The second statement gives the [`FeedEnd`].
pub fn page(after: i64, types: Option<&str>, limit: i64) -> [Stmt; 2] {
    let window = if types.is_some() { WINDOW } else { limit };
    // What a deleted ticket said is not shown, as nowhere else.
    let unless_deleted = |sql: &str, empty: &str| format!("iif(t.deleted_at IS NULL,{sql},'{empty}')");
    let ticket = view::object(
        [
            ("id", "t.id".to_owned()),
            ("uid", "json_quote(t.uid)".to_owned()),
            ("number", "json_quote(t.number)".to_owned()),
            ("key", "json_quote(t.key)".to_owned()),
            (
                "is_deleted",
                "iif(t.deleted_at IS NULL,'false','true')".to_owned(),
            ),
        ]
        .into_iter(),
    );
    let json = CHANGE
        .sql()
        .replace("$TICKET", &ticket)
        .replace("$CHANGES", &unless_deleted(&events::changes(true), "[]"))
        .replace("$DATA", &unless_deleted(&events::data_with_message(true), "{}"));
    let rows = Stmt::new(format!(
        "SELECT {json} AS j, e.id AS id FROM (SELECT * FROM events WHERE id > ?1 ORDER BY id LIMIT ?2) e \
         CROSS JOIN tickets t ON t.id = e.ticket_id LEFT JOIN users a ON a.id = e.actor_id LEFT JOIN messages m ON m.id = e.message_id \
         WHERE ?3 IS NULL OR e.type IN (SELECT value FROM json_each(?3)) ORDER BY e.id LIMIT ?4"
    ))
    .bind(after)
    .bind(window)
    .bind(types)
    .bind(limit.saturating_add(1));
    let end = Stmt::new(
        "SELECT max(id) AS id, coalesce((SELECT max(id) FROM events), 0) AS last \
         FROM (SELECT id FROM events WHERE id > ?1 ORDER BY id LIMIT ?2)",
    )
    .bind(after)
    .bind(window);
    [rows, end]
}
