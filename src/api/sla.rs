//! SLA policies, and the business calendars whose hours they count.

use serde_json::Value;

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::sla::calendar::Calendar;
use crate::desk::sla::calendar_parse::{validate_holidays, validate_hours, validate_time_zone};
use crate::desk::sla::{SlaDurations, SlaPolicies, SlaPolicy};
use crate::desk::tickets::priority::Priority;
use crate::desk::time_zone::TimeZone;
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, JsonFormat, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::sla::due_times::{self, SlaTicket};
use crate::store::sla::{self as rows, CalendarRow, PolicyRow};

/// The longest time that a policy may set: a year (365 days), in minutes.
const MAX_MINUTES: i64 = 525_600;
/// How many tickets get new due times in the request that changes a policy or calendar. The rest follow by the
/// schedule.
const MAX_UPDATED_AT_ONCE: i64 = 500;

const MINUTES: Kind = Kind::Integer {
    min: 1,
    max: MAX_MINUTES,
};
const AT_VERSION: Field = Field::optional(
    "version",
    Kind::Integer {
        min: 1,
        max: i64::MAX,
    },
    "The version that the change was made on.",
);

/// The body of an update of a policy.
pub const POLICY_EDIT: Shape = Shape {
    name: "SlaPolicyPatch",
    fields: &[
        Field::optional(
            "first_response_minutes",
            MINUTES,
            "Working time until the first answer.",
        )
        .or(&["response_minutes"]),
        Field::optional(
            "resolution_minutes",
            MINUTES,
            "Working time until the resolution; not shorter.",
        ),
        Field::nullable(
            "calendar_id",
            Kind::Reference,
            "The business hours that count; null: around the clock.",
        )
        .or(&["calendar"]),
        AT_VERSION,
    ],
};

static ZONE: JsonFormat = JsonFormat {
    schema: "TimeZone",
    validate: validate_time_zone,
};
static HOURS: JsonFormat = JsonFormat {
    schema: "CalendarHours",
    validate: validate_hours,
};
static HOLIDAYS: JsonFormat = JsonFormat {
    schema: "CalendarHolidays",
    validate: validate_holidays,
};
const NAME: Kind = Kind::Line { min: 1, max: 100 };

/// The body of a new calendar.
pub const NEW: Shape = Shape {
    name: "NewSlaCalendar",
    fields: &[
        Field::required("name", NAME, "What it is called."),
        Field::optional("time_zone", Kind::Json(&ZONE), "An IANA name; UTC by default.").or(&["timezone"]),
        Field::required("hours", Kind::Json(&HOURS), "Working hours of each weekday."),
        Field::optional("holidays", Kind::Json(&HOLIDAYS), "Dates on which nobody works."),
    ],
};

/// The body of an update of a calendar.
pub const EDIT: Shape = Shape {
    name: "SlaCalendarPatch",
    fields: &[
        Field::optional("name", NAME, "What it is called."),
        Field::optional("time_zone", Kind::Json(&ZONE), "An IANA name.").or(&["timezone"]),
        Field::optional(
            "hours",
            Kind::Json(&HOURS),
            "Working hours of each weekday, all anew.",
        ),
        Field::optional(
            "holidays",
            Kind::Json(&HOLIDAYS),
            "Dates on which nobody works, all anew.",
        ),
        AT_VERSION,
    ],
};

// Policies ------------------------------------------------------------------------------------------------------

/// The statement that finds the calendar in the path.
pub fn find_calendar(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::calendar_row(&call.reference("id")?))
}

/// `GET /sla/policies`: the most urgent priority first.
pub async fn list_policies(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    List::new(rows::list_policies(&page), rows::count_policies)
        .reply(call, &page)
        .await
}

fn priority(call: &Call) -> Result<Priority, Error> {
    Priority::parse(call.param("priority")).ok_or(Error::NotFound)
}

/// `GET /sla/policies/{priority}`.
pub async fn show_policy(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show_policy(priority(call)?)).await
}

/// `PUT /sla/policies/{priority}`: unresolved tickets get new due times, up to 500 of them at once and the rest by
/// the schedule.
pub async fn update_policy(call: &Call<'_>) -> Result<Reply, Error> {
    let priority = priority(call)?;
    let input = input::parse_body(call.request, &POLICY_EDIT)?;
    retry!(try_update_policy(call, priority, &input))
}

async fn try_update_policy(call: &Call<'_>, priority: Priority, input: &Input) -> Result<Reply, Error> {
    let mut batch = Batch::new();
    let before = batch.add::<PolicyRow>(rows::policy(priority));
    let calendar = batch.add::<CalendarRow>(match input.reference("calendar_id") {
        Some(reference) => rows::calendar_row(reference),
        None => rows::calendar_of_policy(priority),
    });
    let tickets = batch.add::<SlaTicket>(due_times::unresolved_by_priority(priority, MAX_UPDATED_AT_ONCE));
    let found = call.read(batch).await?;
    let before = found.require(before)?;
    let calendar = found.first(calendar)?.filter(|_| !input.is_null("calendar_id"));
    if input.reference("calendar_id").is_some() && calendar.is_none() {
        return Err(Error::field("calendar_id", "is no calendar"));
    }
    call.check_version(before.version, Some(input))?;
    let mut after = before.clone();
    after.calendar_id = calendar.as_ref().map(|calendar| calendar.id);
    if let Some(minutes) = input.integer("first_response_minutes") {
        after.first_response_minutes = minutes;
    }
    if let Some(minutes) = input.integer("resolution_minutes") {
        after.resolution_minutes = minutes;
    }
    let mut stmts = Vec::new();
    if after != before {
        let hours = calendar
            .as_ref()
            .map_or_else(Calendar::always, CalendarRow::calendar);
        let promise = new_policy(&after, hours)?;
        stmts.extend(calendar.as_ref().map(rows::expect_calendar));
        stmts.extend(rows::update_policy(&before, &after, call.now()));
        stmts.extend(update_due_times(
            &found.all(tickets)?,
            vec![(priority, promise)],
            call,
        ));
    }
    call.commit(stmts, CommitReply::Row(rows::show_policy(priority)))
        .await
}

/// The policy as it will be after this change. Its version is one higher.
///
/// # Errors
/// When the resolution time is shorter than the response time.
fn new_policy(policy: &PolicyRow, calendar: Calendar) -> Result<SlaPolicy, Error> {
    let minutes = SlaDurations::from_minutes(policy.first_response_minutes, policy.resolution_minutes);
    Ok(SlaPolicy {
        policy: minutes.map_err(|mistake| Error::Invalid(vec![mistake]))?,
        calendar,
        version: policy.version.saturating_add(1),
    })
}

/// Gives the tickets the due times of these policies. Every ticket must have one of their priorities.
fn update_due_times(tickets: &[SlaTicket], promised: Vec<(Priority, SlaPolicy)>, call: &Call) -> [Stmt; 4] {
    let mut promises = SlaPolicies::standard();
    for (priority, promise) in promised {
        promises.set(priority, promise);
    }
    due_times::update_due_times(tickets, &promises, call.now())
}

// Calendars -----------------------------------------------------------------------------------------------------

/// `GET /sla/calendars`.
pub async fn list_calendars(call: &Call<'_>) -> Result<Reply, Error> {
    let (_, page) = parse_list_query(call, &[])?;
    List::new(rows::list_calendars(&page), rows::count_calendars)
        .reply(call, &page)
        .await
}

/// `GET /sla/calendars/{id}`.
pub async fn show_calendar(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, rows::show_calendar(&call.reference("id")?)).await
}

/// `POST /sla/calendars`.
pub async fn create_calendar(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    call.authorize().await?;
    let blank = CalendarRow {
        id: 0,
        uid: call.uid()?,
        name: String::new(),
        time_zone: TimeZone::utc().name().to_owned(),
        hours: String::new(),
        holidays: "[]".to_owned(),
        version: 1,
    };
    let new = apply_input(&blank, &input);
    let view = rows::show_calendar(&Ref::Uid(new.uid.clone()));
    call.commit(
        vec![rows::insert_calendar(&new, call.now())],
        CommitReply::Created(view, "/api/v1/sla/calendars/".to_owned()),
    )
    .await
}

/// The calendar with the fields that the input has.
fn apply_input(before: &CalendarRow, input: &Input) -> CalendarRow {
    let mut after = before.clone();
    if let Some(name) = input.text("name") {
        after.name = name;
    }
    let zone = input
        .json("time_zone")
        .and_then(Value::as_str)
        .and_then(TimeZone::find);
    if let Some(zone) = zone {
        after.time_zone = zone.name().to_owned();
    }
    if let Some(hours) = input.json("hours") {
        after.hours = hours.to_string();
    }
    if let Some(holidays) = input.json("holidays") {
        after.holidays = holidays.to_string();
    }
    after
}

/// `PUT /sla/calendars/{id}`: unresolved tickets get new due times, as after a change of a policy.
pub async fn update_calendar(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let input = input::parse_body(call.request, &EDIT)?;
    retry!(try_update_calendar(call, &reference, &input))
}

async fn try_update_calendar(call: &Call<'_>, reference: &Ref, input: &Input) -> Result<Reply, Error> {
    let mut batch = Batch::new();
    let before = batch.add::<CalendarRow>(rows::calendar_row(reference));
    let policies = batch.add::<PolicyRow>(rows::policies_by_calendar(reference));
    let tickets = batch.add::<SlaTicket>(due_times::unresolved_by_calendar(reference, MAX_UPDATED_AT_ONCE));
    let found = call.read(batch).await?;
    let before = found.require(before)?;
    let policies = found.all(policies)?;
    call.check_version(before.version, Some(input))?;
    let after = apply_input(&before, input);
    let mut stmts = Vec::new();
    if after != before {
        stmts.push(rows::update_calendar(&after, call.now()));
    }
    if after.has_other_hours(&before) {
        stmts.extend(rows::raise_calendar(before.id));
        let promised = policies
            .iter()
            .map(|policy| Ok((policy.priority(), new_policy(policy, after.calendar())?)));
        let promised = promised.collect::<Result<Vec<_>, Error>>()?;
        stmts.extend(update_due_times(&found.all(tickets)?, promised, call));
    }
    call.commit(stmts, CommitReply::Row(rows::show_calendar(&Ref::Id(before.id))))
        .await
}

/// `DELETE /sla/calendars/{id}`: refused while a policy uses the calendar.
pub async fn remove_calendar(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    retry!(async {
        let mut batch = Batch::new();
        let calendar = batch.add::<CalendarRow>(rows::calendar_row(&reference));
        let used = batch.add::<PolicyRow>(rows::policies_by_calendar(&reference));
        let found = call.read(batch).await?;
        let calendar = found.require(calendar)?;
        let used = found.all(used)?;
        call.check_version(calendar.version, None)?;
        if !used.is_empty() {
            let words: Vec<&str> = used.iter().map(|policy| policy.priority().as_str()).collect();
            return Err(Error::Conflict {
                message: "policies are counted in this calendar; give them another first".to_owned(),
                details: serde_json::json!({"priorities": words}),
            });
        }
        let stmts = rows::delete_calendar(calendar.id).to_vec();
        call.commit(stmts, CommitReply::Nothing).await
    })
}
