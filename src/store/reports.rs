//! What reports read: kept sums for the present where there are any, otherwise a bounded walk, and stretches
//! of an index for a range, so that a report costs what it tells of and not what the table holds.

use serde::Deserialize;

use super::counts;
use super::scope::Scope;
use super::ticket_list::{Filter, Sql, begin, condition};
use super::tickets::{Reader, sla_states};
use crate::desk::event::EventKind;
use crate::desk::id::Ref;
use crate::desk::range::{Part, Range};
use crate::desk::report::AGES;
use crate::edge::db::Stmt;

/// How many tickets a report of the present walks at most where no sums are kept; then it is capped.
pub const WALK_MOST: i64 = counts::PENDING_MOST;
/// What of a ticket a walk keeps.
const WALKED: &str = "t.id, t.status, t.priority, t.category_id, t.category, t.department, t.project_id, t.key, \
  t.requester_id, t.assignee_id, t.created_at, t.resolved_at, t.paused_at, t.first_responded_at, \
  t.first_response_due_at, t.first_response_risk_at, t.resolution_due_at, t.resolution_risk_at";
/// How many people a report names at most.
const PEOPLE_MOST: i64 = 1_000;

/// The part of the desk that a report looks at. The filters are those of category, project and assignee.
#[derive(Clone, Copy)]
pub struct Lens<'a> {
    pub reader: &'a Reader,
    pub filters: &'a [Filter],
}

/// What the rows of a report stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// All tickets in one row.
    Nothing,
    Status,
    Priority,
    Category,
    Department,
    Agent,
}

impl By {
    fn sql(self) -> &'static str {
        match self {
            By::Nothing => "NULL",
            By::Status => "t.status",
            By::Priority => {
                "CASE t.priority WHEN 1 THEN 'low' WHEN 2 THEN 'medium' WHEN 3 THEN 'high' ELSE 'urgent' END"
            }
            By::Category => "t.category",
            By::Department => "t.department",
            By::Agent => "CAST(t.assignee_id AS TEXT)",
        }
    }
}

/// Which moment of a ticket falls in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Created,
    Resolved,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duration {
    /// From creation to the first answer, of tickets created in the range.
    FirstResponse,
    /// From creation to resolution, of tickets resolved in the range.
    Resolution,
}

/// What a row of a report counts; `k` is what it stands for.
#[derive(Clone, Debug, Deserialize)]
pub struct Group {
    pub k: Option<String>,
    pub n: i64,
}

/// A row of durations, in milliseconds.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SpreadRow {
    pub k: Option<String>,
    pub count: i64,
    pub mean: i64,
    pub p50: i64,
    pub p90: i64,
    pub p95: i64,
    pub max: i64,
}

/// A row of promises.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SlaRow {
    pub k: Option<String>,
    pub n: i64,
    pub response_met: i64,
    pub response_missed: i64,
    pub resolution_met: i64,
    pub resolution_missed: i64,
}

/// Unresolved tickets of an age and a priority; `age` is `None` in the row that tells how many were walked.
#[derive(Clone, Debug, Deserialize)]
pub struct AgeRow {
    pub age: Option<i64>,
    pub priority: Option<i64>,
    pub n: i64,
    pub at_risk: i64,
    pub breached: i64,
}

/// One of the staff, with the unresolved tickets that are theirs now.
#[derive(Clone, Debug, Deserialize)]
pub struct Load {
    pub id: i64,
    pub uid: String,
    pub full_name: String,
    pub role: String,
    pub is_active: i64,
    pub open_load: i64,
}

/// What somebody did in a range.
#[derive(Clone, Debug, Deserialize)]
pub struct Activity {
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

impl Lens<'_> {
    /// What is tested of each ticket `t` on the way.
    fn tests(&self, sql: &mut Sql) -> String {
        let mut tests = vec![self.reader.scope.work().to_owned()];
        for filter in self.filters {
            tests.push(condition(self.reader, sql, filter, false));
        }
        tests.join(" AND ")
    }

    /// A stretch of an index: the tickets `t` that were created, or resolved, from one moment until another.
    fn stretch(&self, sql: &mut Sql, moment: Moment, from: &str, until: &str) -> String {
        let own = self.reader.scope == Scope::Own;
        let (index, column) = match (moment, own) {
            (Moment::Created, false) => ("tickets_by_created", "t.created_at"),
            (Moment::Created, true) => ("tickets_by_requester_created", "t.created_at"),
            (Moment::Resolved, false) => ("tickets_by_resolved", "t.resolved_at"),
            (Moment::Resolved, true) => ("tickets_by_requester_resolved", "t.resolved_at"),
        };
        format!(
            "FROM tickets t INDEXED BY {index} WHERE t.deleted_at IS NULL AND {column} IS NOT NULL \
             AND {column} >= {from} AND {column} < {until} AND {}",
            self.tests(sql)
        )
    }

    fn range(&self, sql: &mut Sql, moment: Moment, range: &Range) -> String {
        let (from, until) = (sql.arg(range.from), sql.arg(range.until));
        self.stretch(sql, moment, &from, &until)
    }

    /// `created` and `resolved` tickets of each part of a range, in order.
    pub fn trend(&self, parts: &[Part]) -> Stmt {
        let mut sql = begin(self.reader);
        let bounds: Vec<[i64; 2]> = parts
            .iter()
            .map(|part| [part.range.from, part.range.until])
            .collect();
        let bounds = sql.arg(serde_json::to_string(&bounds).unwrap_or_else(|_| "[]".to_owned()));
        let mut count = |moment| {
            let (from, until) = ("json_extract(p.value, '$[0]')", "json_extract(p.value, '$[1]')");
            format!(
                "(SELECT count(*) {})",
                self.stretch(&mut sql, moment, from, until)
            )
        };
        let (created, resolved) = (count(Moment::Created), count(Moment::Resolved));
        sql.finish(format!(
            "SELECT {created} AS created, {resolved} AS resolved FROM json_each({bounds}) p WHERE ?3 IS NOT NULL ORDER BY p.key"
        ))
    }

    /// How many tickets were created in the range: [`Group`]s.
    pub fn created(&self, by: By, range: &Range) -> Stmt {
        let mut sql = begin(self.reader);
        let stretch = self.range(&mut sql, Moment::Created, range);
        sql.finish(format!(
            "{}SELECT {} AS k, count(*) AS n {stretch} GROUP BY 1",
            zeros(by),
            by.sql()
        ))
    }

    /// How long things took: [`SpreadRow`]s.
    pub fn spread(&self, duration: Duration, by: By, range: &Range) -> Stmt {
        let mut sql = begin(self.reader);
        let (moment, end) = match duration {
            Duration::FirstResponse => (Moment::Created, "t.first_responded_at"),
            Duration::Resolution => (Moment::Resolved, "t.resolved_at"),
        };
        let stretch = self.range(&mut sql, moment, range);
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

    /// How the promises to tickets created in the range are kept: [`SlaRow`]s.
    pub fn sla(&self, by: By, range: &Range) -> Stmt {
        let mut sql = begin(self.reader);
        let stretch = self.range(&mut sql, Moment::Created, range);
        let [response, resolution] = sla_states();
        sql.finish(format!(
            "SELECT k, count(*) AS n, \
             sum(response = 'met') AS response_met, sum(response IN ('missed', 'breached')) AS response_missed, \
             sum(resolution = 'met') AS resolution_met, sum(resolution IN ('missed', 'breached')) AS resolution_missed \
             FROM (SELECT {} AS k, {response} AS response, {resolution} AS resolution {stretch}) GROUP BY k",
            by.sql()
        ))
    }

    /// The present in one row of [`counts::Counts`].
    pub fn present(&self) -> Stmt {
        let mut sql = begin(self.reader);
        if let Some(kept) = self.kept(&mut sql, By::Nothing) {
            let tests = self.tests(&mut sql);
            let most = sql.arg(counts::PENDING_MOST);
            return sql.finish(format!(
                "SELECT {}, (SELECT count(*) FROM (SELECT {WALKED} FROM tickets t INDEXED BY tickets_to_become_overdue \
                 WHERE t.deleted_at IS NULL AND t.is_overdue = 0 AND t.resolved_at IS NULL AND t.paused_at IS NULL \
                 AND t.resolution_due_at < ?1 LIMIT {most}) t WHERE {tests}) AS unmarked \
                 FROM ({kept}) c CROSS JOIN ticket_counts n ON n.scope = c.scope WHERE ?3 IS NOT NULL",
                counts::SUMS
            ));
        }
        let (walk, tests) = self.walk(&mut sql);
        let count = |test: &str| format!("coalesce(sum({test}), 0)");
        let statuses: Vec<String> = crate::desk::status::Status::WORDS
            .iter()
            .map(|word| format!("{} AS {word}", count(&format!("t.status = '{word}'"))))
            .collect();
        let priorities: Vec<String> = crate::desk::priority::Priority::ALL
            .iter()
            .map(|priority| {
                format!(
                    "{} AS {}",
                    count(&format!("t.priority = {}", priority.rank())),
                    priority.word()
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

    /// The present by category or department: [`Group`]s. What has none is missing, and is the rest.
    pub fn present_by(&self, by: By) -> Stmt {
        let mut sql = begin(self.reader);
        if let Some(kept) = self.kept(&mut sql, by) {
            return sql.finish(kept);
        }
        let (walk, tests) = self.walk(&mut sql);
        let key = by.sql();
        sql.finish(format!(
            "{walk} {}SELECT {key} AS k, count(*) AS n FROM w t WHERE {tests} AND {key} IS NOT NULL AND ?3 IS NOT NULL GROUP BY 1",
            zeros(by)
        ))
    }

    /// What answers from kept sums: for [`By::Nothing`] the rows that add up, otherwise the groups themselves.
    fn kept(&self, sql: &mut Sql, by: By) -> Option<String> {
        let scope = self.reader.scope;
        let mine = |filter: &Filter| matches!(filter, Filter::Assignee(Ref::Id(id)) if *id == self.reader.id);
        // What is assigned to an agent is in the agent's scope whatever it is.
        let seen = scope == Scope::All || (scope != Scope::Own && self.filters.iter().any(mine));
        let of_categories = |scopes: &str, condition: &str| {
            format!(
                "SELECT c.slug AS k, coalesce(sum(n.total), 0) AS n FROM categories c \
                 LEFT JOIN ticket_counts n ON n.scope IN ({scopes}) WHERE {condition} AND ?3 IS NOT NULL GROUP BY c.id"
            )
        };
        match (by, self.filters) {
            (By::Nothing, []) => Some(counts::scopes(scope).to_owned()),
            (By::Department, []) if scope == Scope::All => Some(
                "SELECT substr(scope, 12) AS k, total AS n FROM ticket_counts \
                 WHERE scope >= 'department:' AND scope < 'department;' AND total > 0 AND ?3 IS NOT NULL"
                    .to_owned(),
            ),
            (By::Category, []) => match scope {
                Scope::All => Some(of_categories("'category:' || c.id", "1")),
                Scope::Own => None,
                Scope::Assigned => Some(of_categories(
                    "'assignee:' || CAST(?3 AS INTEGER) || ':category:' || c.id, 'assignee:0:category:' || c.id",
                    "1",
                )),
                Scope::Category => Some(of_categories(
                    "iif(EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3 AND category_id = c.id), \
                       'category:' || c.id, 'assignee:' || CAST(?3 AS INTEGER) || ':category:' || c.id), \
                     iif(EXISTS (SELECT 1 FROM agent_categories WHERE user_id = ?3), '', 'assignee:0:category:' || c.id)",
                    "1",
                )),
            },
            (By::Nothing, [one]) if seen => {
                let (word, id) = row_id(sql, one)?;
                Some(format!("SELECT '{word}:' || {id} AS scope, 1 AS sign"))
            }
            (By::Category, [one]) if seen => match row_id(sql, one)? {
                ("category", id) => Some(of_categories("'category:' || c.id", &format!("c.id = {id}"))),
                ("assignee", id) => Some(of_categories(
                    &format!("'assignee:' || {id} || ':category:' || c.id"),
                    "1",
                )),
                _ => None,
            },
            _ => None,
        }
    }

    /// The newest tickets of the narrowest filter as the table `w`, and what is still to be tested of them.
    fn walk(&self, sql: &mut Sql) -> (String, String) {
        let narrow = |filter: &&Filter| match filter {
            Filter::Assignee(_) => 1,
            Filter::Project(_) | Filter::ProjectKey(_) => 2,
            _ => 3,
        };
        let driver = match (self.reader.scope, self.filters.iter().min_by_key(narrow)) {
            (Scope::Own, _) => "t.requester_id = ?3".to_owned(),
            (_, Some(filter)) => condition(self.reader, sql, filter, true),
            (_, None) => "1".to_owned(),
        };
        let most = sql.arg(WALK_MOST.saturating_add(1));
        (
            format!(
                "WITH w AS MATERIALIZED (SELECT {WALKED} FROM tickets t WHERE t.deleted_at IS NULL AND {driver} \
                 ORDER BY t.id DESC LIMIT {most})"
            ),
            self.tests(sql),
        )
    }

    /// Unresolved tickets, the oldest first: [`AgeRow`]s.
    pub fn unresolved(&self) -> Stmt {
        let mut sql = begin(self.reader);
        let assignee = self
            .filters
            .iter()
            .find(|filter| matches!(filter, Filter::Assignee(_)));
        let (index, driver) = match (self.reader.scope, assignee) {
            (Scope::Own, _) => ("tickets_by_requester_created", "t.requester_id = ?3".to_owned()),
            (_, Some(filter)) => (
                "tickets_unresolved_by_assignee",
                condition(self.reader, &mut sql, filter, true),
            ),
            (_, None) => ("tickets_unresolved", "1".to_owned()),
        };
        let most = sql.arg(WALK_MOST.saturating_add(1));
        let tests = self.tests(&mut sql);
        let [_, resolution] = sla_states();
        let ages: Vec<String> = (0i64..)
            .zip(AGES)
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

    /// The staff by name, or the one that the filters name: [`Load`]s.
    pub fn loads(&self) -> Stmt {
        let mut sql = begin(self.reader);
        let mut wheres = vec!["u.role IN ('agent', 'manager', 'admin')".to_owned()];
        let mut rest = Vec::new();
        for filter in self.filters {
            match row_id(&mut sql, filter) {
                Some(("assignee", id)) => wheres.push(format!("u.id = {id}")),
                _ => rest.push(condition(self.reader, &mut sql, filter, false)),
            }
        }
        let load = if rest.is_empty() {
            "coalesce((SELECT n.total - n.resolved - n.closed FROM ticket_counts n WHERE n.scope = 'assignee:' || u.id), 0)"
                .to_owned()
        } else {
            format!(
                "(SELECT count(*) FROM tickets t INDEXED BY tickets_unresolved_by_assignee WHERE t.deleted_at IS NULL \
                 AND t.resolved_at IS NULL AND t.assignee_id = u.id AND {})",
                rest.join(" AND ")
            )
        };
        let most = sql.arg(PEOPLE_MOST);
        sql.finish(format!(
            "SELECT u.id, u.uid, u.full_name, u.role, u.is_active, {load} AS open_load FROM users u \
             WHERE {} AND ?3 IS NOT NULL ORDER BY u.full_name, u.id LIMIT {most}",
            wheres.join(" AND ")
        ))
    }

    /// Who did most in the range: [`Activity`]s. Here the assignee of the filters is who acted.
    pub fn activity(&self, range: &Range, most: i64) -> Stmt {
        let mut sql = begin(self.reader);
        let (from, until) = (sql.arg(range.from), sql.arg(range.until));
        let mut tests = vec!["e.actor_id IS NOT NULL".to_owned()];
        let mut joined = "";
        for filter in self.filters {
            match row_id(&mut sql, filter) {
                Some(("assignee", id)) => tests.push(format!("+e.actor_id = {id}")),
                _ => {
                    joined = "CROSS JOIN tickets t ON t.id = e.ticket_id";
                    tests.push(condition(self.reader, &mut sql, filter, false));
                }
            }
        }
        let count = |kind: EventKind| format!("sum(e.type = '{}')", kind.word());
        let most = sql.arg(most.min(PEOPLE_MOST));
        sql.finish(format!(
            "SELECT u.id, u.full_name, u.email, u.role, a.actions, a.tickets_created, a.messages, a.status_changes, \
             a.assignments, a.last_action_at, u.last_login_at FROM (SELECT e.actor_id AS id, count(*) AS actions, \
             {} AS tickets_created, {} AS messages, {} AS status_changes, {} + {} AS assignments, max(e.created_at) AS last_action_at \
             FROM events e INDEXED BY events_by_time {joined} WHERE e.created_at >= {from} AND e.created_at < {until} AND {} \
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

/// Categories stand in a report even when nothing is in them.
fn zeros(by: By) -> &'static str {
    match by {
        By::Category => "SELECT slug AS k, 0 AS n FROM categories UNION ALL ",
        _ => "",
    }
}

/// The kind of sum that a filter names, and the id in it as an INTEGER.
fn row_id(sql: &mut Sql, filter: &Filter) -> Option<(&'static str, String)> {
    let mut id = |table: &str, reference: &Ref| match reference {
        Ref::Id(id) => Some(format!("CAST({} AS INTEGER)", sql.arg(*id))),
        Ref::Uid(uid) => Some(format!("(SELECT id FROM {table} WHERE uid = {})", sql.arg(uid))),
        Ref::Number(_) | Ref::Key(_) => None,
    };
    match filter {
        Filter::Category(reference) => Some(("category", id("categories", reference)?)),
        Filter::CategorySlug(slug) => Some((
            "category",
            format!("(SELECT id FROM categories WHERE slug = {})", sql.arg(slug)),
        )),
        Filter::Assignee(reference) => Some(("assignee", id("users", reference)?)),
        Filter::Project(Ref::Id(project)) => {
            Some(("project", format!("CAST({} AS INTEGER)", sql.arg(*project))))
        }
        _ => None,
    }
}
