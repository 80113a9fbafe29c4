//! Facets: properties that few tickets have and that lists filter by, as rows of `ticket_facets`.

use serde_json::json;

use crate::desk::fold::fold;
use crate::desk::tickets::status::Lifecycle;
use crate::desk::tickets::ticket::Ticket;
use crate::desk::tools::custom_field;
use crate::edge::db::Stmt;

fn facets(ticket: &Ticket, is_overdue: bool) -> Vec<String> {
    let mut facets: Vec<String> = ticket.tags.iter().map(|tag| format!("t:{}", fold(tag))).collect();
    facets.extend(ticket.project.iter().map(|project| format!("p:{}", project.id)));
    facets.extend(ticket.subcategory.iter().map(|part| format!("s:{}", part.id)));
    facets.extend(ticket.department.iter().map(|name| format!("d:{}", fold(name))));
    facets.extend((ticket.workflow == Lifecycle::Project).then(|| "w".to_owned()));
    facets.extend(custom_field::facets(&ticket.custom_fields.values));
    facets.extend(is_overdue.then(|| "o".to_owned()));
    facets
}

/// Writes the facets of the ticket created in this batch.
pub fn insert_new(ticket: &Ticket, is_overdue: bool) -> Option<Stmt> {
    let facets = facets(ticket, is_overdue);
    (!facets.is_empty()).then(|| {
        Stmt::new(
            "INSERT INTO ticket_facets (facet, ticket_id) SELECT value, (SELECT max(id) FROM tickets) FROM json_each(?1)",
        )
        .bind(json!(facets).to_string())
    })
}

/// Adds and removes facets of a ticket according to a change.
pub fn change(before: &Ticket, after: &Ticket, is_overdue: bool) -> Vec<Stmt> {
    let old = facets(before, before.is_marked_overdue);
    let new = facets(after, is_overdue);
    let without = |some: &[String], others: &[String]| {
        let rest: Vec<&String> = some.iter().filter(|facet| !others.contains(facet)).collect();
        (!rest.is_empty()).then(|| json!(rest).to_string())
    };
    let gone = without(&old, &new).map(|facets| {
        Stmt::new(
            "DELETE FROM ticket_facets WHERE ticket_id = ?1 AND facet IN (SELECT value FROM json_each(?2))",
        )
        .bind(before.id)
        .bind(facets)
    });
    let come = without(&new, &old).map(|facets| {
        Stmt::new(
            "INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) SELECT value, ?1 FROM json_each(?2)",
        )
        .bind(before.id)
        .bind(facets)
    });
    gone.into_iter().chain(come).collect()
}
