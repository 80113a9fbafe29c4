//! Guards: abort a batch if what its decision was based on no longer holds, so that the decision is made again.
//!
//! Each guard puts all its requirements inside NOT EXISTS, so that a missing row aborts the batch like a changed one.

use crate::desk::id::Ref;
use crate::desk::tickets::message;
use crate::desk::tickets::status::Status;
use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;
use crate::store::sql::guard::Guard;
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// Requires that the category and subcategory that a change sets are active, and that an assignee whom it sets is active
/// staff.
pub fn expect_references(guard: &mut Guard, before: Option<&Ticket>, after: &Ticket) {
    let category = after.category.as_ref().map(|category| category.id);
    let subcategory = after.subcategory.as_ref().map(|subcategory| subcategory.id);
    let assignee = after.assignee.as_ref().map(|person| person.id);
    let moves = before.is_none_or(|before| before.category != after.category);
    let divides = moves || before.is_none_or(|before| before.subcategory != after.subcategory);
    let gives = before.is_none_or(|before| before.assignee.as_ref().map(|person| person.id) != assignee);
    if let Some(id) = category.filter(|_| moves) {
        guard.expect(Stmt::new("SELECT 1 FROM categories WHERE id = ?1 AND is_active = 1").bind(id));
    }
    if let Some(id) = subcategory.filter(|_| divides) {
        guard.expect(
            Stmt::new("SELECT 1 FROM subcategories WHERE id = ?1 AND category_id = ?2 AND is_active = 1")
                .bind(id)
                .bind(category),
        );
    }
    if let Some(id) = assignee.filter(|_| gives) {
        guard.expect(
            Stmt::new("SELECT 1 FROM users WHERE id = ?1 AND is_active = 1 AND role <> 'customer'").bind(id),
        );
    }
}

/// The query of a guard for a message on a ticket that has not been read: the author sees the ticket, and if the author is
/// its requester, whose reply could change its status, it has none of the statuses in which it does. With
/// `follows_response` the message is none that could be the first response.
pub fn find_for_message(author: &Viewer, reference: &Ref, follows_response: bool) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    let kept: Vec<&str> = Status::ALL
        .into_iter()
        .filter(|status| !message::may_change_status(*status))
        .map(Status::as_str)
        .collect();
    let kept = kept.join("', '");
    let status = if author.role.is_staff() {
        format!(" AND (t.requester_id <> ?3 OR t.status IN ('{kept}'))")
    } else {
        // Who only reads the ticket since a merge is in copy: that is decided with the ticket.
        format!(" AND t.requester_id = ?3 AND t.status IN ('{kept}')")
    };
    let merged =
        " AND NOT (t.status = 'closed' AND EXISTS (SELECT 1 FROM ticket_merges WHERE merged_id = t.id))";
    let response = if follows_response {
        " AND (t.first_responded_at IS NOT NULL OR t.requester_id = ?3)"
    } else {
        ""
    };
    author
        .stmt(format!(
            "SELECT 1 FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}{status}{response}{merged}",
            author.scope.condition()
        ))
        .bind(arg)
}

/// Aborts if the ticket is deleted or has another version than the one that the decision was based on.
pub fn expect_version(ticket_id: i64, version: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
         (SELECT 1 FROM tickets WHERE id = ?1 AND version = ?2 AND deleted_at IS NULL)",
    )
    .bind(ticket_id)
    .bind(version)
}

/// Aborts if the ticket is deleted.
pub fn expect_ticket(ticket_id: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM tickets WHERE id = ?1 AND deleted_at IS NULL)",
    )
    .bind(ticket_id)
}
