//! Where in the events does a time begin?
//!
//! Events are numbered in the order in which they are inserted, and their time is that of the request or job that inserts
//! them. The clock notes once an hour which number comes next, so that a range of time is a range of numbers, a little
//! wider. Events whose time was changed later have an index.

use crate::desk::reports::period::Period;
use crate::desk::{HOUR, MINUTE, Millis};
use crate::edge::db::Stmt;
use crate::store::tickets::list::filter::SqlBuilder;

/// How long before its insertion an event may have happened: the longest run of a job
/// (developers.cloudflare.com/workers/platform/limits: 15 minutes), and a little for clocks that differ.
const LATE: Millis = 20 * MINUTE;
/// How long after its time a mark may be written, and by how much clocks may differ.
const EARLY: Millis = 5 * MINUTE;

/// Notes which event comes next, if that has not been done for an hour.
pub fn mark(now: Millis) -> Stmt {
    Stmt::new(
        "INSERT OR IGNORE INTO event_marks (at, event_id) SELECT ?1, coalesce((SELECT max(id) FROM events), 0) + 1 \
         WHERE NOT EXISTS (SELECT 1 FROM event_marks WHERE at > ?2)",
    )
    .bind(now)
    .bind(now.saturating_sub(HOUR))
}

/// SQL: the events of a period, as a table.
pub(super) fn events_of(sql: &mut SqlBuilder, range: &Period) -> String {
    let (from, until) = (sql.arg(range.from), sql.arg(range.until));
    let first = sql.arg(range.from.saturating_sub(EARLY));
    let end = sql.arg(range.until.saturating_add(LATE));
    let within = format!("created_at >= {from} AND created_at < {until}");
    format!(
        "(SELECT * FROM events NOT INDEXED WHERE is_backdated = 0 AND {within} \
           AND id >= coalesce((SELECT event_id FROM event_marks WHERE at <= {first} ORDER BY at DESC LIMIT 1), 0) \
           AND id < coalesce((SELECT event_id FROM event_marks WHERE at >= {end} ORDER BY at LIMIT 1), 9007199254740991) \
         UNION ALL SELECT * FROM events INDEXED BY events_backdated WHERE is_backdated = 1 AND {within})"
    )
}
