//! Which SQL stores SLA policies and calendars, and recomputes due times when they change?
//! Due times of tickets under a policy are in [`due_times`], warnings before and after them in [`warnings`].
//! Not allowed here: running the statements, HTTP, and computing due times.

pub mod due_times;
pub mod warnings;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::fold::caseless;
use crate::desk::id::Ref;
use crate::desk::sla::calendar::Calendar;
use crate::desk::sla::{SlaDurations, SlaPolicies, SlaPolicy};
use crate::desk::tickets::priority::Priority;
use crate::edge::db::{DbError, Rows, Stmt};
use crate::http::page::{Page, PageStart};
use crate::http::shape::choices;
use crate::store::settings;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::users::ref_column;

/// An SLA policy, in the form that the API returns.
pub const POLICY: View = View {
    name: "SlaPolicy",
    fields: &[
        field("id", "p.priority", Out::Int),
        field(
            "priority",
            "CASE p.priority WHEN 1 THEN 'low' WHEN 2 THEN 'medium' WHEN 3 THEN 'high' ELSE 'urgent' END",
            Out::Word(&choices::PRIORITY),
        ),
        field("first_response_minutes", "p.first_response_minutes", Out::Int)
            .doc("Working time until the first public answer of the staff."),
        field("resolution_minutes", "p.resolution_minutes", Out::Int)
            .doc("Working time until the ticket is resolved; waiting and blocked do not count."),
        nullable("calendar_id", "p.calendar_id", Out::Int)
            .doc("The business hours that count; null: around the clock."),
        field(
            "is_recomputing",
            "EXISTS (SELECT 1 FROM settings g CROSS JOIN tickets t INDEXED BY tickets_by_status WHERE g.id = 1 AND g.has_outdated = 1 \
             AND t.deleted_at IS NULL AND t.status IN ('open', 'assigned', 'in_progress', 'waiting', 'blocked', 'reopened') \
             AND t.priority = p.priority AND t.sla_version < p.version)",
            Out::Flag,
        )
        .doc("Some unresolved tickets still have the due times of before; the clock brings them up to date."),
        field("version", "p.version", Out::Int),
        nullable("updated_at", "nullif(p.updated_at, 0)", Out::Time),
    ],
};

/// Selects `j`, `v` (the version) and `id` of a policy.
pub fn show_policy(priority: Priority) -> Stmt {
    Stmt::new(format!(
        "SELECT {} AS j, p.version AS v, p.priority AS id FROM sla_policies p WHERE p.priority = ?1",
        POLICY.sql()
    ))
    .bind(priority.rank())
}

/// A page of policies, the most urgent first: rows `j` and `id`.
pub fn list_policies(page: &Page) -> Stmt {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => i64::from(u8::MAX),
    };
    Stmt::new(format!(
        "SELECT {} AS j, p.priority AS id FROM sla_policies p WHERE p.priority < ?1 ORDER BY p.priority DESC LIMIT ?2 OFFSET ?3",
        POLICY.sql()
    ))
    .bind(before)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// Counts all policies: `n`.
pub fn count_policies() -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM sla_policies")
}

/// The columns of a policy that a change needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PolicyRow {
    priority: i64,
    pub first_response_minutes: i64,
    pub resolution_minutes: i64,
    pub calendar_id: Option<i64>,
    pub version: i64,
}

impl PolicyRow {
    /// The ticket priority that the policy applies to.
    pub fn priority(&self) -> Priority {
        Priority::from_rank(self.priority).unwrap_or(Priority::Medium)
    }
}

/// Selects the row of a policy.
pub fn policy(priority: Priority) -> Stmt {
    Stmt::new(
        "SELECT priority, first_response_minutes, resolution_minutes, calendar_id, version FROM sla_policies WHERE priority = ?1",
    )
    .bind(priority.rank())
}

/// Updates a policy, provided that it still has the version on which the change is based, and makes isolates reload
/// the policies.
pub fn update_policy(before: &PolicyRow, after: &PolicyRow, now: i64) -> [Stmt; 2] {
    let update = Stmt::new(
        "UPDATE sla_policies SET version = ?2 + 1, first_response_minutes = ?3, resolution_minutes = ?4, calendar_id = ?5, \
         updated_at = ?6 WHERE priority = ?1",
    )
    .bind(before.priority)
    .bind(before.version)
    .bind(after.first_response_minutes)
    .bind(after.resolution_minutes)
    .bind(after.calendar_id)
    .bind(now);
    [update, settings::raise_sla_version()]
}

// All policies together --------------------------------------------------------------------------------------------

/// All policies and their version number: one row of JSON, read by [`read_all_policies`].
pub fn all_policies() -> Stmt {
    Stmt::new(
        "SELECT json_object('version', g.sla_version, 'promises', json((SELECT json_group_array(json_object( \
           'response', p.first_response_minutes, 'resolution', p.resolution_minutes, 'version', p.version, \
           'calendar', json(iif(c.id IS NULL, NULL, json_object('time_zone', c.time_zone, 'hours', json(c.hours), \
             'holidays', json(c.holidays))))) ORDER BY p.priority) \
           FROM sla_policies p LEFT JOIN calendars c ON c.id = p.calendar_id))) AS j FROM settings g WHERE g.id = 1",
    )
}

/// Like [`all_policies`], but without a row if no ticket can be [outdated](due_times::outdated).
pub fn policies_if_outdated() -> Stmt {
    Stmt::new(format!("{} AND g.has_outdated = 1", all_policies().sql))
}

/// Reads [`all_policies`]: the version number and the policies.
///
/// # Errors
/// If the rows of the statement do not match this reader.
pub fn read_all_policies(rows: &Rows) -> Result<(i64, SlaPolicies), DbError> {
    #[derive(Deserialize)]
    struct PolicyJson {
        response: i64,
        resolution: i64,
        version: i64,
        calendar: Value,
    }
    #[derive(Deserialize)]
    struct AllPoliciesJson {
        version: i64,
        promises: [PolicyJson; 4],
    }
    let text = rows.text()?.unwrap_or_default();
    let desk: AllPoliciesJson =
        serde_json::from_str(&text).map_err(|error| DbError::Other(error.to_string()))?;
    let promises = desk.promises.map(|row| SlaPolicy {
        policy: SlaDurations::from_minutes(row.response, row.resolution)
            .unwrap_or_else(|_| SlaDurations::standard(Priority::Medium)),
        calendar: calendar(&row.calendar),
        version: row.version,
    });
    Ok((desk.version, SlaPolicies(promises)))
}

/// Parses a stored calendar, which was validated before it was stored. `null` means around the clock.
pub fn calendar(value: &Value) -> Calendar {
    Calendar::parse(value).unwrap_or_else(|_| Calendar::always())
}

// Calendars --------------------------------------------------------------------------------------------------------

/// A calendar of business hours.
pub const CALENDAR: View = View {
    name: "SlaCalendar",
    fields: &[
        field("id", "c.id", Out::Int),
        field("uid", "c.uid", Out::Text),
        field("name", "c.name", Out::Text),
        field("time_zone", "c.time_zone", Out::Text).doc("As IANA spells it."),
        field("hours", "c.hours", Out::Json("CalendarHours")),
        field("holidays", "c.holidays", Out::Json("CalendarHolidays")),
        field("version", "c.version", Out::Int),
        field("created_at", "c.created_at", Out::Time),
        field("updated_at", "c.updated_at", Out::Time),
    ],
};

/// Selects `j`, `v` (the version) and `id` of a calendar.
pub fn show_calendar(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT {} AS j, c.version AS v, c.id AS id FROM calendars c WHERE c.{column} = ?1",
        CALENDAR.sql()
    ))
    .bind(arg)
}

/// A page of calendars, the oldest first: rows `j` and `id`.
pub fn list_calendars(page: &Page) -> Stmt {
    let after = match page.start {
        PageStart::After { id, .. } => id,
        _ => 0,
    };
    Stmt::new(format!(
        "SELECT {} AS j, c.id AS id FROM calendars c WHERE c.id > ?1 ORDER BY c.id LIMIT ?2 OFFSET ?3",
        CALENDAR.sql()
    ))
    .bind(after)
    .bind(page.limit.saturating_add(1))
    .bind(page.offset())
}

/// Counts all calendars: `n`, up to 10,001.
pub fn count_calendars() -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM (SELECT 1 FROM calendars LIMIT 10001)")
}

/// The columns of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CalendarRow {
    pub id: i64,
    pub uid: String,
    pub name: String,
    pub time_zone: String,
    pub hours: String,
    pub holidays: String,
    pub version: i64,
}

impl CalendarRow {
    /// The calendar in the form that computations of due times use.
    pub fn calendar(&self) -> Calendar {
        let part = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        calendar(&json!({
            "time_zone": self.time_zone, "hours": part(&self.hours), "holidays": part(&self.holidays),
        }))
    }

    /// Whether its working hours differ from those of `before`.
    pub fn has_other_hours(&self, before: &CalendarRow) -> bool {
        (&self.time_zone, &self.hours, &self.holidays) != (&before.time_zone, &before.hours, &before.holidays)
    }
}

/// Selects the row of a calendar for a change.
pub fn calendar_row(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT id, uid, name, time_zone, hours, holidays, version FROM calendars WHERE {column} = ?1"
    ))
    .bind(arg)
}

/// Selects the row of the calendar that a policy uses, if it uses one.
pub fn calendar_of_policy(priority: Priority) -> Stmt {
    Stmt::new(
        "SELECT c.id, c.uid, c.name, c.time_zone, c.hours, c.holidays, c.version \
         FROM sla_policies p JOIN calendars c ON c.id = p.calendar_id WHERE p.priority = ?1",
    )
    .bind(priority.rank())
}

/// The policies that use a calendar.
pub fn policies_by_calendar(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT p.priority, p.first_response_minutes, p.resolution_minutes, p.calendar_id, p.version \
         FROM calendars c JOIN sla_policies p ON p.calendar_id = c.id WHERE c.{column} = ?1"
    ))
    .bind(arg)
}

/// Inserts a calendar.
pub fn insert_calendar(new: &CalendarRow, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO calendars (uid, name, name_key, time_zone, hours, holidays, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
    )
    .bind(&new.uid)
    .bind(&new.name)
    .bind(caseless(new.name.trim()))
    .bind(&new.time_zone)
    .bind(&new.hours)
    .bind(&new.holidays)
    .bind(now)
}

/// Updates a calendar, provided that it still has the version on which the change is based.
pub fn update_calendar(after: &CalendarRow, now: i64) -> Stmt {
    Stmt::new(
        "UPDATE calendars SET version = ?2 + 1, name = ?3, name_key = ?4, time_zone = ?5, hours = ?6, holidays = ?7, \
         updated_at = ?8 WHERE id = ?1",
    )
    .bind(after.id)
    .bind(after.version)
    .bind(&after.name)
    .bind(caseless(after.name.trim()))
    .bind(&after.time_zone)
    .bind(&after.hours)
    .bind(&after.holidays)
    .bind(now)
}

/// Marks the policies of a calendar as changed, so that tickets are recomputed and isolates reload them.
pub fn raise_calendar(id: i64) -> [Stmt; 2] {
    [
        Stmt::new("UPDATE sla_policies SET version = version + 1 WHERE calendar_id = ?1").bind(id),
        settings::raise_sla_version(),
    ]
}

/// Aborts the batch unless the calendar still exists in the version that was read.
pub fn expect_calendar(calendar: &CalendarRow) -> Stmt {
    Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM calendars WHERE id = ?1 AND version = ?2)")
        .bind(calendar.id)
        .bind(calendar.version)
}

/// Deletes a calendar that no policy uses; aborts the batch if a policy uses it.
pub fn delete_calendar(id: i64) -> [Stmt; 2] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 FROM sla_policies WHERE calendar_id = ?1").bind(id),
        Stmt::new("DELETE FROM calendars WHERE id = ?1").bind(id),
    ]
}
