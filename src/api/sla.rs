//! What the desk promises: policies and the business hours that they are counted in.

use serde_json::Value;

use crate::api::list::{listed, one, row};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::id::Ref;
use crate::desk::sla::calendar::Calendar;
use crate::desk::sla::calendar_parse::{check_holidays, check_hours, check_zone};
use crate::desk::sla::{Policy, Promise, Promises};
use crate::desk::tickets::priority::Priority;
use crate::desk::time_zone::Zone;
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Form, Kind, Shape};
use crate::store::commit::Answer;
use crate::store::sla::{self as rows, CalendarRow, PolicyRow, Standing};

/// A year of working time: the longest promise, in minutes.
const LONGEST: i64 = 525_600;
/// How many tickets a change brings up to date by itself; the clock goes on with the rest.
const AT_ONCE: i64 = 500;

const MINUTES: Kind = Kind::Whole { min: 1, max: LONGEST };
const AT_VERSION: Field = Field::optional(
    "version",
    Kind::Whole {
        min: 1,
        max: i64::MAX,
    },
    "The version that the change was made on.",
);

/// The body of a change of a policy.
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

static ZONE: Form = Form {
    schema: "TimeZone",
    check: check_zone,
};
static HOURS: Form = Form {
    schema: "CalendarHours",
    check: check_hours,
};
static HOLIDAYS: Form = Form {
    schema: "CalendarHolidays",
    check: check_holidays,
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

/// The body of a change of a calendar.
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

/// Finds the calendar in the path.
pub fn find_calendar(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::calendar_row(&call.reference("id")?))
}

/// `GET /sla/policies`: the most urgent first.
pub async fn policies(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    page_of(call, &page, rows::list_policies(&page), rows::count_policies()).await
}

async fn page_of(call: &Call<'_>, page: &Page, list: Stmt, count: Stmt) -> Result<Reply, Error> {
    let mut stmts = vec![list];
    stmts.extend(page.count.then_some(count));
    let found = call.read(stmts).await?;
    let rows = found.first().ok_or(Error::NotFound)?;
    listed(call, page, rows, None, found.get(1))
}

fn priority(call: &Call) -> Result<Priority, Error> {
    Priority::parse(call.param("priority")).ok_or(Error::NotFound)
}

/// `GET /sla/policies/{priority}`.
pub async fn policy(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call.read(vec![rows::show_policy(priority(call)?)]).await?;
    one(found.first())
}

/// `PUT /sla/policies/{priority}`: due times of unresolved tickets follow, some hundred at once, the rest by the
/// clock.
pub async fn update_policy(call: &Call<'_>) -> Result<Reply, Error> {
    let priority = priority(call)?;
    let taken = input::body(call.request, &POLICY_EDIT)?;
    retry!(change_policy(call, priority, &taken))
}

async fn change_policy(call: &Call<'_>, priority: Priority, taken: &Taken) -> Result<Reply, Error> {
    let found = call
        .read(vec![
            rows::policy(priority),
            match taken.reference("calendar_id") {
                Some(reference) => rows::calendar_row(reference),
                None => rows::calendar_of(priority),
            },
            rows::unresolved(priority, AT_ONCE),
        ])
        .await?;
    let before: PolicyRow = row(found.first())?;
    let calendar: Option<CalendarRow> = match found.get(1) {
        Some(rows) if !taken.is_null("calendar_id") => rows.first()?,
        _ => None,
    };
    if taken.reference("calendar_id").is_some() && calendar.is_none() {
        return Err(Error::field("calendar_id", "is no calendar"));
    }
    call.guard(before.version, Some(taken))?;
    let mut after = before.clone();
    after.calendar_id = calendar.as_ref().map(|calendar| calendar.id);
    if let Some(minutes) = taken.whole("first_response_minutes") {
        after.first_response_minutes = minutes;
    }
    if let Some(minutes) = taken.whole("resolution_minutes") {
        after.resolution_minutes = minutes;
    }
    let mut stmts = Vec::new();
    if after != before {
        let hours = calendar
            .as_ref()
            .map_or_else(Calendar::always, CalendarRow::calendar);
        let promise = promise(&after, hours)?;
        stmts.extend(calendar.as_ref().map(rows::expect_calendar));
        stmts.push(rows::update_policy(&before, &after, call.now()));
        stmts.push(anew(found.get(2), vec![(priority, promise)], call)?);
    }
    call.commit(stmts, Answer::Row(rows::show_policy(priority))).await
}

/// What a policy promises once this change is made.
fn promise(policy: &PolicyRow, calendar: Calendar) -> Result<Promise, Error> {
    let minutes = Policy::of_minutes(policy.first_response_minutes, policy.resolution_minutes);
    Ok(Promise {
        policy: minutes.map_err(|mistake| Error::Invalid(vec![mistake]))?,
        calendar,
        version: policy.version.saturating_add(1),
    })
}

/// Gives the tickets that were read the due times of what is promised now. All of them are of these priorities.
fn anew(tickets: Option<&Rows>, promised: Vec<(Priority, Promise)>, call: &Call) -> Result<Stmt, Error> {
    let tickets: Vec<Standing> = match tickets {
        Some(rows) => rows.all()?,
        None => Vec::new(),
    };
    let mut promises = Promises::standard();
    for (priority, promise) in promised {
        promises.set(priority, promise);
    }
    Ok(rows::promise_anew(&tickets, &promises, call.now()))
}

// Calendars -----------------------------------------------------------------------------------------------------

/// `GET /sla/calendars`.
pub async fn calendars(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    page_of(call, &page, rows::list_calendars(&page), rows::count_calendars()).await
}

/// `GET /sla/calendars/{id}`.
pub async fn calendar(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call
        .read(vec![rows::show_calendar(&call.reference("id")?)])
        .await?;
    one(found.first())
}

/// `POST /sla/calendars`.
pub async fn create_calendar(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    call.authorize().await?;
    let blank = CalendarRow {
        id: 0,
        uid: call.uid()?,
        name: String::new(),
        time_zone: Zone::utc().name().to_owned(),
        hours: String::new(),
        holidays: "[]".to_owned(),
        version: 1,
    };
    let new = written(&blank, &taken);
    let view = rows::show_calendar(&Ref::Uid(new.uid.clone()));
    call.commit(
        vec![rows::insert_calendar(&new, call.now())],
        Answer::Created(view, "/api/v1/sla/calendars/".to_owned()),
    )
    .await
}

/// A calendar with what was given of it.
fn written(before: &CalendarRow, taken: &Taken) -> CalendarRow {
    let mut after = before.clone();
    if let Some(name) = taken.text("name") {
        after.name = name;
    }
    let zone = taken
        .json("time_zone")
        .and_then(Value::as_str)
        .and_then(Zone::find);
    if let Some(zone) = zone {
        after.time_zone = zone.name().to_owned();
    }
    if let Some(hours) = taken.json("hours") {
        after.hours = hours.to_string();
    }
    if let Some(holidays) = taken.json("holidays") {
        after.holidays = holidays.to_string();
    }
    after
}

/// `PUT /sla/calendars/{id}`: due times follow as they do after a change of policy.
pub async fn update_calendar(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let taken = input::body(call.request, &EDIT)?;
    retry!(change_calendar(call, &reference, &taken))
}

async fn change_calendar(call: &Call<'_>, reference: &Ref, taken: &Taken) -> Result<Reply, Error> {
    let found = call
        .read(vec![
            rows::calendar_row(reference),
            rows::policies_of(reference),
            rows::unresolved_of(reference, AT_ONCE),
        ])
        .await?;
    let before: CalendarRow = row(found.first())?;
    let policies: Vec<PolicyRow> = match found.get(1) {
        Some(rows) => rows.all()?,
        None => Vec::new(),
    };
    call.guard(before.version, Some(taken))?;
    let after = written(&before, taken);
    let mut stmts = Vec::new();
    if after != before {
        stmts.push(rows::update_calendar(&after, call.now()));
    }
    if after.counts_otherwise(&before) {
        let promised = policies
            .iter()
            .map(|policy| Ok((policy.priority(), promise(policy, after.calendar())?)));
        let promised = promised.collect::<Result<Vec<_>, Error>>()?;
        stmts.push(anew(found.get(2), promised, call)?);
    }
    call.commit(stmts, Answer::Row(rows::show_calendar(&Ref::Id(before.id))))
        .await
}

/// `DELETE /sla/calendars/{id}`: not while a policy is counted in it.
pub async fn remove_calendar(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    retry!(async {
        let found = call
            .read(vec![
                rows::calendar_row(&reference),
                rows::policies_of(&reference),
            ])
            .await?;
        let calendar: CalendarRow = row(found.first())?;
        let used: Vec<PolicyRow> = match found.get(1) {
            Some(rows) => rows.all()?,
            None => Vec::new(),
        };
        call.guard(calendar.version, None)?;
        if !used.is_empty() {
            let words: Vec<&str> = used.iter().map(|policy| policy.priority().word()).collect();
            return Err(Error::Conflict {
                message: "policies are counted in this calendar; give them another first".to_owned(),
                details: serde_json::json!({"priorities": words}),
            });
        }
        let stmts = rows::delete_calendar(calendar.id).to_vec();
        call.commit(stmts, Answer::Nothing).await
    })
}
