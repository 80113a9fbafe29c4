//! How satisfied requesters are with the tickets that were resolved in a period.

use serde::Deserialize;

use crate::desk::reports::period::{Bucket, Period};
use crate::desk::tools::rating::SATISFIED;
use crate::edge::db::Stmt;
use crate::store::reports::shared::{GroupBy, ReportScope};
use crate::store::tickets::list::filter::SqlBuilder;

/// The ratings of one group of tickets.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SatisfactionRow {
    pub k: Option<String>,
    pub resolved: i64,
    pub rated: i64,
    /// With a score of 4 or 5.
    pub satisfied: i64,
    /// Of all scores.
    pub sum: i64,
}

impl ReportScope<'_> {
    /// The tickets that were resolved in the period and still are, and their ratings: [`SatisfactionRow`]s.
    pub fn satisfaction(&self, by: GroupBy, range: &Period) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let (from, until) = (sql.arg(range.from), sql.arg(range.until));
        let text = self.ratings(&mut sql, by.sql(), &from, &until);
        sql.finish(format!("{text} GROUP BY k"))
    }

    /// Like [`ReportScope::satisfaction`], for each part of a period, in order.
    pub fn satisfaction_trend(&self, parts: &[Bucket]) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let bounds: Vec<[i64; 2]> = parts
            .iter()
            .map(|part| [part.range.from, part.range.until])
            .collect();
        let bounds = sql.arg(serde_json::to_string(&bounds).unwrap_or_else(|_| "[]".to_owned()));
        let text = self.ratings(&mut sql, "NULL", "(p.value ->> 0)", "(p.value ->> 1)");
        sql.finish(format!(
            "SELECT NULL AS k, x.j ->> 0 AS resolved, x.j ->> 1 AS rated, x.j ->> 2 AS satisfied, x.j ->> 3 AS sum FROM \
             (SELECT p.key AS at, (SELECT json_array(resolved, rated, satisfied, sum) FROM ({text})) AS j \
              FROM json_each({bounds}) p) x ORDER BY x.at"
        ))
    }

    /// The columns of a [`SatisfactionRow`], of the tickets that were resolved between two times.
    fn ratings(&self, sql: &mut SqlBuilder, group: &str, from: &str, until: &str) -> String {
        format!(
            "SELECT {group} AS k, count(*) AS resolved, count(r.score) AS rated, \
               coalesce(sum(r.score >= {SATISFIED}), 0) AS satisfied, coalesce(sum(r.score), 0) AS sum \
             FROM tickets t INDEXED BY tickets_by_resolved LEFT JOIN ratings r ON r.ticket_id = t.id AND r.resolved_at = t.resolved_at \
             WHERE t.deleted_at IS NULL AND t.status IN ('resolved', 'closed') AND t.resolved_at IS NOT NULL \
               AND t.resolved_at >= {from} AND t.resolved_at < {until} AND ?3 IS NOT NULL AND {}",
            self.conditions(sql)
        )
    }
}
