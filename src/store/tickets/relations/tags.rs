//! Tags that tickets share, with how many tickets have them.
//!
//! There is no table of tags: the facets of tickets are walked from one tag to the next, which reads one row for each.

use serde::Deserialize;

use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::store::sql::view::{Out, View, field};
use crate::store::tickets::ticket::Viewer;

/// How many of the newest tickets with a tag are counted.
pub const MAX_COUNTED: i64 = 100;

/// A tag as the API returns it.
pub const TAG: View = View {
    name: "Tag",
    fields: &[
        field("tag", "tag", Out::Text).doc("As the newest ticket with it has it."),
        field("count", "count", Out::Int).doc("How many tickets have it that the caller sees."),
        field("is_capped", "is_capped", Out::Flag)
            .doc("There are more: only the newest hundred tickets are looked at."),
    ],
};

/// A tag on its way to the reader.
#[derive(Debug, Deserialize)]
pub struct TagRow {
    /// Its place among all tags.
    pub id: i64,
    /// In the form by which tags are compared.
    pub folded: String,
    pub count: i64,
    pub looked_at: i64,
    /// The tags of the newest ticket with it, as JSON.
    pub tags: Option<String>,
}

/// Tags that begin with a folded text, in their order: [`TagRow`]s, of which those on no ticket that the reader sees count
/// none.
pub fn list(reader: &Viewer, prefix: &str, page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => page.offset(),
    };
    reader
        .stmt(format!(
            "WITH RECURSIVE names(n, facet) AS ( \
               SELECT 1, (SELECT min(facet) FROM ticket_facets WHERE facet >= ?4 AND facet < ?5) \
               UNION ALL SELECT n + 1, (SELECT min(g.facet) FROM ticket_facets g WHERE g.facet > names.facet AND g.facet < ?5) \
               FROM names WHERE facet IS NOT NULL AND n <= ?6 + ?7), \
             counted AS MATERIALIZED (SELECT n, facet, (SELECT json_array(count(*), count(t.id), max(t.id)) \
                 FROM (SELECT ticket_id FROM ticket_facets WHERE facet = names.facet ORDER BY ticket_id DESC LIMIT {MAX_COUNTED}) g \
                 LEFT JOIN tickets t ON t.id = g.ticket_id AND t.deleted_at IS NULL AND {}) AS sums \
               FROM names WHERE facet IS NOT NULL AND n > ?6) \
             SELECT n AS id, substr(facet, 3) AS folded, sums ->> 1 AS count, sums ->> 0 AS looked_at, \
               (SELECT tags FROM tickets WHERE id = sums ->> 2) AS tags FROM counted ORDER BY n LIMIT ?7",
            reader.scope.condition()
        ))
        .bind(format!("t:{prefix}"))
        .bind(format!("t:{prefix}\u{10FFFF}"))
        .bind(after)
        .bind(page.limit.saturating_add(1))
}
