//! Guards: a batch that was decided on what holds no longer is aborted, and decided anew.
//!
//! All that must hold stands inside NOT EXISTS, so that a row that is gone refuses like one that has changed.

use crate::desk::tickets::ticket::Ticket;
use crate::edge::db::Stmt;

/// Refuses an archived category or subcategory, and an assignee who is not active staff, where a change sets them.
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

/// Refuses a ticket that is deleted or has another version than the one that was decided on.
pub fn expect_version(ticket_id: i64, version: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
         (SELECT 1 FROM tickets WHERE id = ?1 AND version = ?2 AND deleted_at IS NULL)",
    )
    .bind(ticket_id)
    .bind(version)
}

/// Refuses a ticket that is deleted.
pub fn expect_ticket(ticket_id: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM tickets WHERE id = ?1 AND deleted_at IS NULL)",
    )
    .bind(ticket_id)
}
