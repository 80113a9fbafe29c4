//! Ratings: one row for each resolution of a ticket that its requester has rated.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// A rating, as the API returns it.
pub const RATING: View = View {
    name: "Rating",
    fields: &[
        field("ticket_id", "r.ticket_id", Out::Int),
        field("score", "r.score", Out::Int).doc("1 to 5."),
        nullable("comment", "r.comment", Out::Text),
        field("resolved_at", "r.resolved_at", Out::Time).doc("Of the resolution that is rated."),
        field("created_at", "r.created_at", Out::Time),
        field("updated_at", "r.updated_at", Out::Time),
        // desk::tools::rating::CHANGE_WINDOW
        field("changeable_until", "(r.created_at+604800000)", Out::Time),
    ],
};

/// Selects `j`, `v` and `id` of the latest rating of a ticket that the reader may see.
pub fn show(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, NULL AS v, t.id AS id FROM tickets t CROSS JOIN ratings r ON r.ticket_id = t.id \
             WHERE {name} AND t.deleted_at IS NULL AND {} ORDER BY r.resolved_at DESC LIMIT 1",
            RATING.sql(),
            reader.scope.condition()
        ))
        .bind(arg)
}

/// The rating of a ticket's present resolution.
#[derive(Clone, Debug, Deserialize)]
pub struct RatingRow {
    pub score: i64,
    pub comment: Option<String>,
    pub created_at: i64,
}

/// Selects the [`RatingRow`] of a ticket that the reader may see.
pub fn row(reader: &Viewer, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT r.score, r.comment, r.created_at FROM tickets t \
             CROSS JOIN ratings r ON r.ticket_id = t.id AND r.resolved_at = t.resolved_at WHERE {name} AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
}

/// Writes the rating of the ticket's present resolution.
pub fn write(ticket: &Ticket, score: i64, comment: Option<String>, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO ratings (ticket_id, resolved_at, score, comment, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5) \
         ON CONFLICT (ticket_id, resolved_at) DO UPDATE SET score = excluded.score, comment = excluded.comment, \
           updated_at = excluded.updated_at",
    )
    .bind(ticket.id)
    .bind(ticket.resolved_at)
    .bind(score)
    .bind(comment)
    .bind(now)
}
