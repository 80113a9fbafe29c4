//! What the reports share: their query, the period and filters asked for, tables and trends.

use serde::Deserialize;

use serde_json::Map;

use serde_json::Value;

use serde_json::json;

use crate::app::call::{Call, reader};
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::reports::csv;
use crate::desk::reports::figures::{Kept, Spread, Table};
use crate::desk::reports::period::{Part, Range, Step, moment_text};
use crate::desk::time_zone::Zone;
use crate::edge::db::{Rows, Stmt};
use crate::http::error::{Error, FieldErrors};
use crate::http::input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Field, Kind, Shape, Words};
use crate::store::reports::past::{Duration, SlaRow, SpreadRow};
use crate::store::reports::present::{AgeRow, WALK_MOST};
use crate::store::reports::shared::{By, Group, Lens};
use crate::store::tickets::filter::Filter;
use crate::store::tickets::ticket::Reader;

pub static STEP: Words = Words {
    list: &Step::WORDS,
    parse: |word| Step::parse(word).map(Step::word),
};

pub static FORMAT: Words = Words {
    list: &["json", "csv"],
    parse: |word| {
        ["json", "csv"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(word))
    },
};

/// What every report can be asked for.
pub const ASK: Shape = Shape {
    name: "ReportFilter",
    fields: &[
        Field::optional(
            "from",
            Kind::Line { min: 1, max: 40 },
            "The first day (2026-01-31) in the zone `tz`, or a moment; without it, 30 days before the end.",
        ),
        Field::optional(
            "to",
            Kind::Line { min: 1, max: 40 },
            "The last day, with all of it, or a moment, without it; today by default. At most 366 days after `from`.",
        ),
        Field::optional(
            "tz",
            Kind::Line { min: 1, max: 64 },
            "An IANA time zone; UTC by default.",
        )
        .or(&["timezone"]),
        Field::optional(
            "interval",
            Kind::Word(&STEP),
            "How finely a trend is drawn; `day` by default.",
        )
        .or(&["step", "granularity"]),
        Field::optional("project", Kind::Slug, "Tickets of this project, by key or id.").or(&["project_id"]),
        Field::optional("category", Kind::Slug, "Tickets of this category, by slug or id.")
            .or(&["category_id"]),
        Field::optional(
            "agent",
            Kind::ReferenceOr(&["me"]),
            "Tickets assigned to this agent: an id or `me`.",
        )
        .or(&["agent_id", "assignee", "assigned_to", "assignee_id"]),
        Field::optional(
            "format",
            Kind::Word(&FORMAT),
            "`csv` for a table; as `Accept: text/csv`.",
        ),
    ],
};

/// How many people an activity report names.
pub const MOST: Shape = Shape {
    name: "ReportLimit",
    fields: &[Field::optional(
        "limit",
        Kind::Whole { min: 1, max: 1_000 },
        "How many people, the most active first; 100 by default.",
    )],
};

/// A report that somebody asks for.
pub struct Asked {
    pub reader: Reader,
    filters: Vec<Filter>,
    pub range: Range,
    /// `from` or `to` was given.
    pub is_ranged: bool,
    zone: Zone,
    pub step: Step,
    is_csv: bool,
    /// How many people to name.
    pub most: i64,
}

impl Asked {
    pub fn lens(&self) -> Lens<'_> {
        Lens {
            reader: &self.reader,
            filters: &self.filters,
        }
    }

    pub fn parts(&self) -> Vec<Part> {
        self.range.split(self.step, &self.zone)
    }

    pub fn range_json(&self) -> Value {
        json!({"from": moment_text(self.range.from), "until": moment_text(self.range.until), "tz": self.zone.name()})
    }
}

/// What agents see of a report.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Agents {
    /// The tickets in their scope.
    Scope,
    /// What is assigned to them.
    Own,
}

pub fn asked(call: &Call, agents: Agents) -> Result<Asked, Error> {
    let taken = input::query(call.request, &[&ASK, &MOST])?;
    let reader = reader(call)?;
    let mut errors = FieldErrors::new();
    let zone = match taken.text("tz") {
        None => Zone::utc(),
        Some(name) => Zone::find(name.trim()).unwrap_or_else(|| {
            errors.push((
                "tz".to_owned(),
                "is no IANA time zone such as Europe/Berlin".to_owned(),
            ));
            Zone::utc()
        }),
    };
    let (from, to) = (taken.text("from"), taken.text("to"));
    let range = Range::parse(from.as_deref(), to.as_deref(), &zone, call.now());
    let range = range.unwrap_or_else(|wrong| {
        errors.extend(wrong.into_iter().map(|(name, why)| (name.to_owned(), why)));
        Range { from: 0, until: 0 }
    });
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let mut filters = Vec::new();
    filters.extend(taken.reference("project").cloned().map(Filter::Project));
    filters.extend(
        taken
            .text("project")
            .map(|key| Filter::ProjectKey(key.to_uppercase())),
    );
    filters.extend(taken.reference("category").cloned().map(Filter::Category));
    filters.extend(taken.text("category").map(Filter::CategorySlug));
    let me = Ref::Id(reader.id);
    let agent = taken.word("agent").map(|_| me.clone());
    let agent = agent.or_else(|| taken.reference("agent").cloned());
    if agents == Agents::Own && reader.role == Role::Agent {
        if matches!(&agent, Some(Ref::Id(id)) if *id != reader.id) {
            return Err(Error::Forbidden("agents see their own figures".to_owned()));
        }
        filters.push(Filter::Assignee(me.clone()));
    }
    let agent = agent.map(Filter::Assignee);
    filters.extend(agent.filter(|filter| !filters.contains(filter)));
    let accepts_csv = call
        .request
        .header("accept")
        .is_some_and(|accept| accept.to_ascii_lowercase().contains("text/csv"));
    Ok(Asked {
        reader,
        filters,
        range,
        is_ranged: from.is_some() || to.is_some(),
        zone,
        step: taken.word("interval").and_then(Step::parse).unwrap_or(Step::Day),
        is_csv: taken.word("format").map_or(accepts_csv, |word| word == "csv"),
        most: taken.whole("limit").unwrap_or(100),
    })
}

/// Answers with a table, as the caller wants it: CSV, or JSON as `data` beside the other facts.
pub fn answer(asked: &Asked, name: &str, table: &Table, facts: Value) -> Reply {
    if asked.is_csv {
        let mut reply = Reply::new(200, Body::Text(table.csv()));
        reply.content_type = csv::MEDIA_TYPE;
        reply.header(
            "Content-Disposition",
            format!("attachment; filename=\"{name}.csv\""),
        );
        return reply;
    }
    let mut body = Map::from_iter([("data".to_owned(), table.json())]);
    if let Value::Object(facts) = facts {
        body.extend(facts);
    }
    Reply::ok(Value::Object(body).to_string())
}

pub fn rows<T: for<'de> Deserialize<'de>>(found: &[Rows], at: usize) -> Result<Vec<T>, Error> {
    match found.get(at) {
        Some(rows) => Ok(rows.all()?),
        None => Ok(Vec::new()),
    }
}

/// Says that not everything was read.
pub fn cap(body: &mut Value, is_capped: bool) {
    if let (true, Some(map)) = (is_capped, body.as_object_mut()) {
        map.insert("capped".to_owned(), json!(true));
    }
}

/// Counts under their names.
pub fn object<'a>(pairs: impl IntoIterator<Item = (&'a str, i64)>) -> Value {
    let pairs = pairs.into_iter();
    Value::Object(
        pairs
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .collect(),
    )
}

/// Groups of one name added up, and last what is in none of them, when there is something.
pub(super) fn with_rest(groups: Vec<Group>, total: i64) -> Vec<(Option<String>, i64)> {
    let mut all: Vec<(Option<String>, i64)> = Vec::new();
    let mut rest = total;
    for Group { k, n } in groups.into_iter().filter(|group| group.k.is_some()) {
        rest = rest.saturating_sub(n);
        match all.iter_mut().find(|(name, _)| *name == k) {
            Some((_, count)) => *count = count.saturating_add(n),
            None => all.push((k, n)),
        }
    }
    if rest > 0 {
        all.push((None, rest));
    }
    all
}

/// Created and resolved tickets of each part of the range.
pub(super) fn trend(parts: &[Part], found: &[Rows], at: usize) -> Result<Table, Error> {
    #[derive(Deserialize)]
    struct Counted {
        created: i64,
        resolved: i64,
    }
    let counted: Vec<Counted> = rows(found, at)?;
    Ok(Table {
        columns: vec!["date", "created", "resolved"],
        rows: parts
            .iter()
            .zip(counted)
            .map(|(part, counted)| {
                vec![
                    json!(part.date()),
                    json!(counted.created),
                    json!(counted.resolved),
                ]
            })
            .collect(),
    })
}

/// How long first responses and resolutions took.
pub(super) fn durations(asked: &Asked, by: By) -> [Stmt; 2] {
    [Duration::FirstResponse, Duration::Resolution]
        .map(|duration| asked.lens().spread(duration, by, &asked.range))
}

pub fn spread(row: &SpreadRow) -> Spread {
    Spread {
        count: row.count,
        mean: row.mean,
        p50: row.p50,
        p90: row.p90,
        p95: row.p95,
        max: row.max,
    }
}

pub(super) fn spread_json(rows: &[SpreadRow]) -> Value {
    json!(rows.first().map(spread).unwrap_or_default())
}

pub(super) fn promises(row: &SlaRow) -> (Kept, Kept) {
    (
        Kept::of(row.n, row.response_met, row.response_missed),
        Kept::of(row.n, row.resolution_met, row.resolution_missed),
    )
}

pub(super) fn promises_json(rows: &[SlaRow]) -> Value {
    let (response, resolution) = rows.iter().map(promises).fold(
        (Kept::default(), Kept::default()),
        |(response, resolution), (more, most)| (response.and(more), resolution.and(most)),
    );
    let told = |kept: Kept| json!({"met": kept.met, "missed": kept.missed, "pending": kept.pending, "met_percent": kept.met_percent()});
    json!({
        "tickets": rows.iter().map(|row| row.n).sum::<i64>(),
        "response": told(response),
        "resolution": told(resolution),
    })
}

/// The sum of a column of numbers.
pub(super) fn column(table: &Table, at: usize) -> i64 {
    let cells = table.rows.iter().filter_map(|row| row.get(at));
    cells.filter_map(Value::as_i64).sum()
}

/// Whether there are more unresolved tickets than were walked.
pub(super) fn is_capped(ages: &[AgeRow]) -> bool {
    ages.iter().any(|row| row.age.is_none() && row.n > WALK_MOST)
}
