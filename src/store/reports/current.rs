//! Reports on the present: from stored counts if there are any, otherwise from a scan of limited size.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::reports::figures::AGE_BUCKETS;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::edge::db::Stmt;
use crate::store::reports::shared::{GroupBy, MAX_PEOPLE, ReportScope, count_key, zero_rows};
use crate::store::sql::scope::Scope;
use crate::store::tickets::assignment::open_load;
use crate::store::tickets::counts;
use crate::store::tickets::json::sla_states;
use crate::store::tickets::list::filter::{SqlBuilder, TicketFilter, filter_condition};
use crate::store::tickets::list::paging::merge;
use crate::store::tickets::list::walks::{IndexWalk, index_walks};

/// How many tickets a report on the present scans at most if there are no stored counts; beyond that, the report is
/// capped.
pub const MAX_WALKED: i64 = counts::MAX_UNMARKED;
/// The unresolved statuses, as an index range.
const UNRESOLVED_STATUSES: &str =
    "t.status IN ('open', 'assigned', 'in_progress', 'waiting', 'blocked', 'reopened')";
/// The columns of a ticket that a scan reads.
const WALKED: &str = "t.id, t.status, t.priority, t.category_id, t.department, t.project_id, t.key, \
  t.requester_id, t.assignee_id, t.created_at, t.resolved_at, t.paused_at, t.first_responded_at, \
  t.first_response_due_at, t.first_response_risk_at, t.resolution_due_at, t.resolution_risk_at";

/// The unresolved tickets of one age and priority; in the row with `age` = `None`, the number of tickets scanned.
#[derive(Clone, Debug, Deserialize)]
pub struct AgeRow {
    pub age: Option<i64>,
    pub priority: Option<i64>,
    pub n: i64,
    pub at_risk: i64,
    pub breached: i64,
}

/// A staff member, with the number of unresolved tickets currently assigned to them.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkloadRow {
    pub id: i64,
    pub uid: String,
    pub full_name: String,
    pub role: String,
    pub is_active: i64,
    pub open_load: i64,
}

impl WorkloadRow {
    /// Whether a report lists this person even if all numbers are zero: true for active agents, whose job is tickets.
    pub fn is_always_listed(&self) -> bool {
        self.is_active == 1 && self.role == Role::Agent.as_str()
    }
}

impl ReportScope<'_> {
    /// The present totals, in one row of [`counts::TicketCounts`].
    pub fn current(&self) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        if let Some(kept) = self.counted(&mut sql, GroupBy::Nothing) {
            let tests = self.conditions(&mut sql);
            let most = sql.arg(counts::MAX_UNMARKED);
            return sql.finish(format!(
                "SELECT {}, (SELECT count(*) FROM (SELECT {WALKED} FROM tickets t INDEXED BY tickets_by_alarm \
                 WHERE t.alarm_at <= ?1 AND t.deleted_at IS NULL AND t.is_overdue = 0 AND t.resolved_at IS NULL AND t.paused_at IS NULL \
                 AND t.resolution_due_at < ?1 LIMIT {most}) t WHERE {tests}) AS unmarked \
                 FROM ticket_counts n WHERE {kept} AND ?3 IS NOT NULL",
                counts::sums()
            ));
        }
        let (walk, tests) = self.walk(&mut sql);
        let count = |test: &str| format!("coalesce(sum({test}), 0)");
        let statuses: Vec<String> = Status::WORDS
            .iter()
            .map(|word| format!("{} AS {word}", count(&format!("t.status = '{word}'"))))
            .collect();
        let priorities: Vec<String> = Priority::ALL
            .iter()
            .map(|priority| {
                format!(
                    "{} AS {}",
                    count(&format!("t.priority = {}", priority.rank())),
                    priority.as_str()
                )
            })
            .collect();
        let [_, resolution] = sla_states();
        sql.finish(format!(
            "{walk} SELECT count(*) AS total, {}, {}, {} AS unassigned, {} AS overdue, 0 AS unmarked, \
             (SELECT count(*) FROM w) AS walked FROM w t WHERE {tests} AND ?3 IS NOT NULL",
            statuses.join(", "),
            priorities.join(", "),
            count("t.assignee_id IS NULL AND t.status NOT IN ('resolved', 'closed')"),
            count(&format!("({resolution}) = 'breached'")),
        ))
    }

    /// The present totals by category or department: [`GroupRow`]s. Tickets without one are in no group; they are the
    /// remainder of the total.
    pub fn current_by(&self, by: GroupBy) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        if let Some(kept) = self.counted(&mut sql, by) {
            return sql.finish(kept);
        }
        let (walk, tests) = self.walk(&mut sql);
        let key = by.sql();
        sql.finish(format!(
            "{walk} {}SELECT {key} AS k, count(*) AS n FROM w t WHERE {tests} AND {key} IS NOT NULL AND ?3 IS NOT NULL GROUP BY 1",
            zero_rows(by)
        ))
    }

    /// The SQL for a report from stored counts, if they can answer it. For [`GroupBy::Nothing`] it is the condition
    /// on the count rows `n`, otherwise the groups themselves.
    fn counted(&self, sql: &mut SqlBuilder, by: GroupBy) -> Option<String> {
        let scope = self.reader.scope;
        let mine = |filter: &TicketFilter| matches!(filter, TicketFilter::Assignee(Ref::Id(id)) if *id == self.reader.id);
        // Tickets assigned to an agent are always within that agent's scope.
        let seen = scope == Scope::All || (scope != Scope::Own && self.filters.iter().any(mine));
        let of_categories = |cells: &str, condition: &str| {
            format!(
                "SELECT c.slug AS k, coalesce(s.n, 0) AS n FROM categories c \
                 LEFT JOIN (SELECT n.category_id AS id, sum({}) AS n FROM ticket_counts n WHERE {cells} GROUP BY 1) s ON s.id = c.id \
                 WHERE {condition} AND ?3 IS NOT NULL",
                counts::TOTAL
            )
        };
        match (by, self.filters) {
            (GroupBy::Nothing, []) => counts::cells_of(scope).map(str::to_owned),
            (GroupBy::Department, []) if scope == Scope::All => Some(
                "SELECT department AS k, total AS n FROM department_counts WHERE total > 0 AND ?3 IS NOT NULL".to_owned(),
            ),
            (GroupBy::Category, []) => counts::cells_of(scope).map(|cells| of_categories(cells, "1")),
            (GroupBy::Nothing, [one]) if seen => {
                let (word, id) = count_key(sql, one)?;
                Some(format!("n.{word}_id = {id}"))
            }
            (GroupBy::Category, [one]) if seen => match count_key(sql, one)? {
                ("category", id) => Some(of_categories("1", &format!("c.id = {id}"))),
                ("assignee", id) => Some(of_categories(&format!("n.assignee_id = {id}"), "1")),
                _ => None,
            },
            _ => None,
        }
    }

    /// The newest tickets of the most selective filter as the table `w`, and the conditions that remain to be tested
    /// on them.
    fn walk(&self, sql: &mut SqlBuilder) -> (String, String) {
        let narrow = |filter: &&TicketFilter| match filter {
            TicketFilter::Assignee(_) => 1,
            TicketFilter::Project(_) | TicketFilter::ProjectKey(_) => 2,
            _ => 3,
        };
        let walks = match (self.reader.scope, self.filters.iter().min_by_key(narrow)) {
            (Scope::Own, _) => vec![IndexWalk::on_index("tickets_by_requester", "t.requester_id = ?3")],
            (_, Some(filter)) => index_walks(sql, filter),
            (_, None) => vec![IndexWalk::all()],
        };
        let selects: Vec<String> = walks
            .iter()
            .map(|walk| {
                format!(
                    "SELECT {WALKED} FROM {} WHERE t.deleted_at IS NULL AND {}",
                    walk.from, walk.condition
                )
            })
            .collect();
        let most = sql.arg(MAX_WALKED.saturating_add(1));
        let newest = merge(&selects, "*", "id DESC");
        (
            format!("WITH w AS MATERIALIZED (SELECT * FROM ({newest} LIMIT {most}))"),
            self.conditions(sql),
        )
    }

    /// The unresolved tickets by age, the oldest first: [`AgeRow`]s.
    pub fn unresolved(&self) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let assignee = self
            .filters
            .iter()
            .find(|filter| matches!(filter, TicketFilter::Assignee(_)));
        let (index, driver) = match (self.reader.scope, assignee) {
            (Scope::Own, _) => ("tickets_by_requester", "t.requester_id = ?3".to_owned()),
            (_, Some(filter)) => {
                let id = count_key(&mut sql, filter).map_or("NULL".to_owned(), |(_, id)| id);
                ("tickets_by_assignee", format!("t.assignee_id = {id}"))
            }
            (_, None) => ("tickets_by_status", UNRESOLVED_STATUSES.to_owned()),
        };
        let most = sql.arg(MAX_WALKED.saturating_add(1));
        let tests = self.conditions(&mut sql);
        let [_, resolution] = sla_states();
        let ages: Vec<String> = (0i64..)
            .zip(AGE_BUCKETS)
            .map(|(age, (_, until))| format!("WHEN CAST(?1 AS INTEGER) - t.created_at < {until} THEN {age}"))
            .collect();
        sql.finish(format!(
            "WITH w AS MATERIALIZED (SELECT {WALKED} FROM tickets t INDEXED BY {index} WHERE t.deleted_at IS NULL \
               AND t.resolved_at IS NULL AND {driver} ORDER BY t.created_at LIMIT {most}) \
             SELECT age, priority, count(*) AS n, sum(resolution = 'at_risk') AS at_risk, sum(resolution = 'breached') AS breached \
             FROM (SELECT CASE {} END AS age, t.priority AS priority, {resolution} AS resolution FROM w t \
               WHERE {tests} AND ?3 IS NOT NULL) GROUP BY 1, 2 \
             UNION ALL SELECT NULL, NULL, count(*), 0, 0 FROM w",
            ages.join(" ")
        ))
    }

    /// The workload of all staff by name, or of the person given by the filters: [`WorkloadRow`]s.
    pub fn workloads(&self) -> Stmt {
        let mut sql = SqlBuilder::new(self.reader);
        let mut wheres = vec!["u.role <> 'customer'".to_owned()];
        let mut rest = Vec::new();
        for filter in self.filters {
            match count_key(&mut sql, filter) {
                Some(("assignee", id)) => wheres.push(format!("u.id = {id}")),
                _ => rest.push(filter_condition(self.reader, &mut sql, filter)),
            }
        }
        let load = if rest.is_empty() {
            open_load()
        } else {
            format!(
                "(SELECT count(*) FROM tickets t INDEXED BY tickets_by_assignee WHERE t.deleted_at IS NULL \
                 AND t.resolved_at IS NULL AND t.assignee_id = u.id AND {})",
                rest.join(" AND ")
            )
        };
        let most = sql.arg(MAX_PEOPLE);
        sql.finish(format!(
            "SELECT u.id, u.uid, u.full_name, u.role, u.is_active, {load} AS open_load FROM users u \
             WHERE {} AND ?3 IS NOT NULL ORDER BY u.search_text, u.id LIMIT {most}",
            wheres.join(" AND ")
        ))
    }
}
