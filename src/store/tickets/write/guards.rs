//! Guards: abort a batch if what its decision was based on no longer holds, so that the decision is made again.
//!
//! Each guard puts all its requirements inside NOT EXISTS, so that a missing row aborts the batch like a changed one.

use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;

/// Aborts if a change sets an archived category or subcategory, or an assignee who is not active staff.
pub fn expect_references(before: Option<&Ticket>, after: &Ticket) -> Option<Stmt> {
    let mut stmt = Stmt::new("");
    let mut tests = Vec::new();
    let category = after.category.as_ref().map(|category| category.id);
    let subcategory = after.subcategory.as_ref().map(|subcategory| subcategory.id);
    let assignee = after.assignee.as_ref().map(|person| person.id);
    let moves = before.is_none_or(|before| before.category != after.category);
    let divides = moves || before.is_none_or(|before| before.subcategory != after.subcategory);
    let gives = before.is_none_or(|before| before.assignee.as_ref().map(|person| person.id) != assignee);
    if let Some(id) = category.filter(|_| moves) {
        stmt = stmt.bind(id);
        tests.push(format!(
            "EXISTS (SELECT 1 FROM categories WHERE id = ?{} AND is_active = 1)",
            stmt.args.len()
        ));
    }
    if let Some(id) = subcategory.filter(|_| divides) {
        stmt = stmt.bind(id).bind(category);
        let at = stmt.args.len();
        tests.push(format!(
            "EXISTS (SELECT 1 FROM subcategories WHERE id = ?{} AND category_id = ?{at} AND is_active = 1)",
            at.saturating_sub(1)
        ));
    }
    if let Some(id) = assignee.filter(|_| gives) {
        stmt = stmt.bind(id);
        tests.push(format!(
            "EXISTS (SELECT 1 FROM users WHERE id = ?{} AND is_active = 1 AND role <> 'customer')",
            stmt.args.len()
        ));
    }
    if tests.is_empty() {
        return None;
    }
    stmt.sql = format!(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 WHERE {})",
        tests.join(" AND ")
    )
    .into();
    Some(stmt)
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
