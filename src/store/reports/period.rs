//! Reports on a period, read from index ranges.

use serde::Deserialize;

use crate::desk::reports::period::{Bucket, Period};
use crate::desk::tickets::event::EventKind;
use crate::edge::db::Stmt;
use crate::store::reports::event_marks::events_of;
use crate::store::reports::shared::{GroupBy, MAX_PEOPLE, ReportScope, count_key, zero_rows};
use crate::store::sql::scope::Scope;
use crate::store::tickets::json::sla_states;
use crate::store::tickets::list::filter::{SqlBuilder, filter_condition};

/// Which time of a ticket must be within the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TicketTime {
    Created,
    Resolved,
}

/// The duration that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationKind {
    /// From creation to the first response, of tickets created in the period.
    FirstResponse,
    /// From creation to resolution, of tickets resolved in the period.
    Resolution,
}

/// One row of durations, in milliseconds.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PercentilesRow {
    pub k: Option<String>,
    pub count: i64,
    pub mean: i64,
    pub p50: i64,
    pub p90: i64,
    pub p95: i64,
    pub max: i64,
}

/// One row of SLA compliance numbers.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ComplianceRow {
    pub k: Option<String>,
    pub n: i64,
    pub response_met: i64,
    pub response_missed: i64,
    pub resolution_met: i64,
    pub resolution_missed: i64,
}

/// What one person did in the period.
#[derive(Clone, Debug, Deserialize)]
pub struct ActivityRow {
    pub id: i64,
    pub full_name: String,
    pub email: String,
    pub role: String,
    pub actions: i64,
    pub tickets_created: i64,
    pub messages: i64,
    pub status_changes: i64,
    pub assignments: i64,
    pub last_action_at: i64,
    pub last_login_at: Option<i64>,
}

impl ReportScope<'_> {
    /// An index range: the tickets `t` that were created, or resolved, from `from` until before `until`.
    fn index_range(&self, sql: &mut SqlBuilder, moment: TicketTime, from: &str, until: &str) -> String {
        let own = self.reader.scope == Scope::Own;
        let (index, column) = match (moment, own) {
            (TicketTime::Created, false) => ("tickets_by_created", "t.created_at"),
            (TicketTime::Resolved, false) => (
                "tickets_by_resolved",
                "t.status IN ('resolved', 'closed') AND t.resolved_at",
            ),
            (TicketTime::Created, true) => ("tickets_by_requester", "t.requester_id = ?3 AND t.created_at"),
            (TicketTime::Resolved, true) => ("tickets_by_requester", "t.requester_id = ?3 AND t.resolved_at"),
        };
        format!(
            "FROM tickets t INDEXED BY {index} WHERE t.deleted_at IS NULL AND {column} IS NOT NULL \
             AND {column} >= {from} AND {column} < {until} AND {}",
            self.conditions(sql)
        )
    }

    fn in_period(&self, sql: &mut SqlBuilder, moment: TicketTime, range: &Period) -> String {
        let (from, until) = (sql.arg(range.from), sql.arg(range.until));
        self.index_range(sql, moment, &from, &until)
    }

    /// The number of `created` and `resolved` tickets in each part of a period, in order.
    pub fn trend(&self, parts: &[Bucket]) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let bounds: Vec<[i64; 2]> = parts
            .iter()
            .map(|part| [part.range.from, part.range.until])
            .collect();
        let bounds = sql.arg(serde_json::to_string(&bounds).unwrap_or_else(|_| "[]".to_owned()));
        let mut count = |moment| {
            let (from, until) = ("json_extract(p.value, '$[0]')", "json_extract(p.value, '$[1]')");
            format!(
                "(SELECT count(*) {})",
                self.index_range(&mut sql, moment, from, until)
            )
        };
        let (created, resolved) = (count(TicketTime::Created), count(TicketTime::Resolved));
        sql.finish(format!(
            "SELECT {created} AS created, {resolved} AS resolved FROM json_each({bounds}) p WHERE ?3 IS NOT NULL ORDER BY p.key"
        ))
    }

    /// The number of tickets created in the period: [`GroupRow`]s.
    pub fn created(&self, by: GroupBy, range: &Period) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let stretch = self.in_period(&mut sql, TicketTime::Created, range);
        sql.finish(format!(
            "{}SELECT {} AS k, count(*) AS n {stretch} GROUP BY 1",
            zero_rows(by),
            by.sql()
        ))
    }

    /// How long responses or resolutions took: [`PercentilesRow`]s.
    pub fn percentiles(&self, duration: DurationKind, by: GroupBy, range: &Period) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let (moment, end) = match duration {
            DurationKind::FirstResponse => (TicketTime::Created, "t.first_responded_at"),
            DurationKind::Resolution => (TicketTime::Resolved, "t.resolved_at"),
        };
        let stretch = self.in_period(&mut sql, moment, range);
        let rank = |per_cent: i64| format!("max(iif(r = (n * {per_cent} + 99) / 100, v, NULL))");
        sql.finish(format!(
            "SELECT k, count(*) AS count, sum(v) / count(*) AS mean, {} AS p50, {} AS p90, {} AS p95, max(v) AS max FROM \
             (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v) AS r, count(*) OVER (PARTITION BY k) AS n FROM \
             (SELECT {} AS k, {end} - t.created_at AS v {stretch} AND {end} IS NOT NULL)) GROUP BY k",
            rank(50),
            rank(90),
            rank(95),
            by.sql()
        ))
    }

    /// How far SLA targets are met, for tickets created in the period: [`ComplianceRow`]s.
    pub fn sla(&self, by: GroupBy, range: &Period) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let stretch = self.in_period(&mut sql, TicketTime::Created, range);
        let [response, resolution] = sla_states();
        sql.finish(format!(
            "SELECT k, count(*) AS n, \
             sum(response = 'met') AS response_met, sum(response IN ('missed', 'breached')) AS response_missed, \
             sum(resolution = 'met') AS resolution_met, sum(resolution IN ('missed', 'breached')) AS resolution_missed \
             FROM (SELECT {} AS k, {response} AS response, {resolution} AS resolution {stretch}) GROUP BY k",
            by.sql()
        ))
    }

    /// The people who did most in the period: [`ActivityRow`]s. Here the assignee filter selects the person who
    /// acted.
    pub fn activity(&self, range: &Period, most: i64) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let events = events_of(&mut sql, range);
        let mut tests = vec!["e.actor_id IS NOT NULL".to_owned()];
        let mut joined = "";
        for filter in self.filters {
            match count_key(&mut sql, filter) {
                Some(("assignee", id)) => tests.push(format!("+e.actor_id = {id}")),
                _ => {
                    joined = "CROSS JOIN tickets t ON t.id = e.ticket_id";
                    tests.push(filter_condition(self.reader, &mut sql, filter));
                }
            }
        }
        let count = |kind: EventKind| format!("sum(e.type = '{}')", kind.as_str());
        let most = sql.arg(most.min(MAX_PEOPLE));
        sql.finish(format!(
            "SELECT u.id, u.full_name, u.email, u.role, a.actions, a.tickets_created, a.messages, a.status_changes, \
             a.assignments, a.last_action_at, u.last_login_at FROM (SELECT e.actor_id AS id, count(*) AS actions, \
             {} AS tickets_created, {} AS messages, {} AS status_changes, {} + {} AS assignments, max(e.created_at) AS last_action_at \
             FROM {events} e {joined} WHERE {} \
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}) a CROSS JOIN users u ON u.id = a.id WHERE ?3 IS NOT NULL \
             ORDER BY a.actions DESC, u.id",
            count(EventKind::TicketCreated),
            count(EventKind::MessageAdded),
            count(EventKind::StatusChanged),
            count(EventKind::Assigned),
            count(EventKind::Transferred),
            tests.join(" AND ")
        ))
    }
}
