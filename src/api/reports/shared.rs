//! What the reports share: the query with its period and filters, tables and trends.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::list::NamedFilters;
use crate::app::call::{Call, viewer};
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::reports::csv;
use crate::desk::reports::figures::{Compliance, Percentiles, Table};
use crate::desk::reports::period::{Bucket, Granularity, Period};
use crate::desk::time_zone::{TimeZone, to_rfc3339};
use crate::edge::db::{Answers, Batch, Slot};
use crate::http::error::{Error, FieldErrorList};
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Choices, Field, Kind, Shape};
use crate::store::reports::current::{AgeRow, MAX_WALKED};
use crate::store::reports::period::{ComplianceRow, DurationKind, PercentilesRow};
use crate::store::reports::shared::{GroupBy, GroupRow, ReportScope};
use crate::store::tickets::list::filter::TicketFilter;
use crate::store::tickets::ticket::Viewer;

pub static STEP: Choices = Choices {
    list: &Granularity::WORDS,
    parse: |word| Granularity::parse(word).map(Granularity::as_str),
};

pub static FORMAT: Choices = Choices {
    list: &["json", "csv"],
    parse: |word| {
        ["json", "csv"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(word))
    },
};

const PROJECT: Field =
    Field::optional("project", Kind::Slug, "Tickets of this project, by key or id.").or(&["project_id"]);
const CATEGORY: Field =
    Field::optional("category", Kind::Slug, "Tickets of this category, by slug or id.").or(&["category_id"]);
const AGENT: Field = Field::optional(
    "agent",
    Kind::ReferenceOr(&["me"]),
    "Tickets assigned to this agent: an id or `me`.",
)
.or(&["agent_id", "assignee", "assigned_to", "assignee_id"]);

/// The query of statistics that have no period.
pub const TICKETS: Shape = Shape {
    name: "StatisticsFilter",
    fields: &[PROJECT, CATEGORY, AGENT],
};

/// The query that every report takes.
pub const FILTER: Shape = Shape {
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
            Kind::Choice(&STEP),
            "How finely a trend is drawn; `day` by default.",
        )
        .or(&["step", "granularity"]),
        PROJECT,
        CATEGORY,
        AGENT,
        Field::optional(
            "format",
            Kind::Choice(&FORMAT),
            "`csv` for a table; as `Accept: text/csv`.",
        ),
        Field::optional(
            "bom",
            Kind::Flag,
            "false: no byte order mark at the beginning of a CSV. With it, which is the default, spreadsheets read UTF-8.",
        ),
    ],
};

/// The query that limits how many people an activity report lists.
pub const LIMIT: Shape = Shape {
    name: "ReportLimit",
    fields: &[Field::optional(
        "limit",
        Kind::Integer { min: 1, max: 1_000 },
        "How many people, the most active first; 100 by default.",
    )],
};

/// A request for a report, read from its query.
pub struct ReportRequest {
    pub reader: Viewer,
    filters: Vec<TicketFilter>,
    named: NamedFilters,
    pub range: Period,
    /// Whether `from` or `to` was given.
    pub is_ranged: bool,
    zone: TimeZone,
    pub step: Granularity,
    is_csv: bool,
    has_bom: bool,
    /// How many people to list at most.
    pub most: i64,
}

impl ReportRequest {
    pub(super) fn scope(&self) -> ReportScope<'_> {
        ReportScope {
            reader: &self.reader,
            filters: &self.filters,
        }
    }

    /// Reads data for the report, as [`Call::read`].
    ///
    /// # Errors
    /// As [`Call::read`], and 400 if a filter names nothing.
    pub(super) async fn read(&self, call: &Call<'_>, batch: Batch) -> Result<Answers, Error> {
        read_filtered(call, &self.named, batch).await
    }

    pub(super) fn parts(&self) -> Vec<Bucket> {
        self.range.buckets(self.step, &self.zone)
    }

    /// The parts of the range by another step than the query names.
    pub(super) fn parts_by(&self, step: Granularity) -> Vec<Bucket> {
        self.range.buckets(step, &self.zone)
    }

    pub(super) fn range_json(&self) -> Value {
        json!({"from": to_rfc3339(self.range.from), "until": to_rfc3339(self.range.until), "tz": self.zone.name()})
    }
}

/// Which tickets a report counts when an agent asks for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AgentAccess {
    /// The tickets in their scope.
    Scope,
    /// The tickets assigned to them.
    Own,
}

pub(super) fn read_request(call: &Call, agents: AgentAccess) -> Result<ReportRequest, Error> {
    let input = input::parse_query(call.request, &[&FILTER, &LIMIT])?;
    let reader = viewer(call)?;
    let mut errors = FieldErrorList::new();
    let zone = match input.text("tz") {
        None => TimeZone::utc(),
        Some(name) => TimeZone::find(name.trim()).unwrap_or_else(|| {
            errors.push((
                "tz".to_owned(),
                "is no IANA time zone such as Europe/Berlin".to_owned(),
            ));
            TimeZone::utc()
        }),
    };
    let (from, to) = (input.text("from"), input.text("to"));
    let range = Period::parse(from.as_deref(), to.as_deref(), &zone, call.now());
    let range = range.unwrap_or_else(|wrong| {
        errors.extend(wrong.into_iter().map(|(name, why)| (name.to_owned(), why)));
        Period { from: 0, until: 0 }
    });
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let mut filters = read_filters(&input);
    let me = Ref::Id(reader.id);
    let agent = read_agent(&input, &me);
    if agents == AgentAccess::Own && reader.role == Role::Agent {
        if matches!(&agent, Some(Ref::Id(id)) if *id != reader.id) {
            return Err(Error::Forbidden("agents see their own figures".to_owned()));
        }
        filters.push(TicketFilter::Assignee(me.clone()));
    }
    let agent = agent.map(TicketFilter::Assignee);
    filters.extend(agent.filter(|filter| !filters.contains(filter)));
    Ok(ReportRequest {
        reader,
        filters,
        named: NamedFilters::of(&input),
        range,
        is_ranged: from.is_some() || to.is_some(),
        zone,
        step: input
            .choice("interval")
            .and_then(Granularity::parse)
            .unwrap_or(Granularity::Day),
        is_csv: wants_csv(call, &input),
        has_bom: input.flag("bom").unwrap_or(true),
        most: input.integer("limit").unwrap_or(100),
    })
}

fn read_filters(input: &Input) -> Vec<TicketFilter> {
    let mut filters = Vec::new();
    filters.extend(input.reference("project").cloned().map(TicketFilter::Project));
    let key = input.text("project");
    filters.extend(key.map(|key| TicketFilter::ProjectKey(key.to_uppercase())));
    filters.extend(input.reference("category").cloned().map(TicketFilter::Category));
    filters.extend(input.text("category").map(TicketFilter::CategorySlug));
    filters
}

fn read_agent(input: &Input, me: &Ref) -> Option<Ref> {
    let agent = input.choice("agent").map(|_| me.clone());
    agent.or_else(|| input.reference("agent").cloned())
}

/// The tickets that statistics without a period count, and the filters that say so.
///
/// # Errors
/// 400 for filters that are invalid.
pub(super) fn read_statistics_filters(call: &Call) -> Result<(Vec<TicketFilter>, NamedFilters), Error> {
    let input = input::parse_query(call.request, &[&TICKETS])?;
    let agent = read_agent(&input, &Ref::Id(call.my_id()?));
    let mut filters = read_filters(&input);
    filters.extend(agent.map(TicketFilter::Assignee));
    Ok((filters, NamedFilters::of(&input)))
}

/// Reads data, as [`Call::read`].
///
/// # Errors
/// As [`Call::read`], and 400 if a filter names nothing.
pub(super) async fn read_filtered(
    call: &Call<'_>,
    named: &NamedFilters,
    mut batch: Batch,
) -> Result<Answers, Error> {
    let unknown = named.find_unknown(call, &mut batch);
    let found = call.read(batch).await?;
    named.require_known(&found, unknown)?;
    Ok(found)
}

/// Replies with a table in the format that the caller asked for: CSV, or JSON with the rows in `data` and `facts`
/// beside it. CSV has no `facts`.
pub fn table_reply(asked: &ReportRequest, name: &str, table: &Table, facts: Value) -> Reply {
    if asked.is_csv {
        return csv_reply(name, table, asked.has_bom);
    }
    let mut body = Map::from_iter([("data".to_owned(), table.to_json())]);
    if let Value::Object(facts) = facts {
        body.extend(facts);
    }
    Reply::ok(Value::Object(body).to_string())
}

/// Replies with a table as a CSV file.
pub fn csv_reply(name: &str, table: &Table, has_bom: bool) -> Reply {
    let mut text = String::new();
    if has_bom {
        text.push_str(csv::BOM);
    }
    text.push_str(&table.to_csv());
    let mut reply = Reply::new(200, Body::Text(text));
    reply.content_type = csv::MEDIA_TYPE;
    reply.header(
        "Content-Disposition",
        format!("attachment; filename=\"{name}.csv\""),
    );
    reply
}

/// Whether the caller asks for CSV: by `format`, or by `Accept`.
pub fn wants_csv(call: &Call, input: &Input) -> bool {
    let accepts = |accept: String| accept.to_ascii_lowercase().contains("text/csv");
    input.choice("format").map_or_else(
        || call.request.header("accept").is_some_and(accepts),
        |word| word == "csv",
    )
}

/// Adds `capped: true` to the body if not all tickets were read.
pub fn mark_capped(body: &mut Value, is_capped: bool) {
    if let (true, Some(map)) = (is_capped, body.as_object_mut()) {
        map.insert("capped".to_owned(), json!(true));
    }
}

/// The counts as a JSON object, by name.
pub fn counts_json<'a>(pairs: impl IntoIterator<Item = (&'a str, i64)>) -> Value {
    let pairs = pairs.into_iter();
    Value::Object(
        pairs
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .collect(),
    )
}

/// Adds up the groups that have the same name. If they do not reach `total`, the rest comes last, without a name.
pub(super) fn with_remainder(groups: Vec<GroupRow>, total: i64) -> Vec<(Option<String>, i64)> {
    let mut all: Vec<(Option<String>, i64)> = Vec::new();
    let mut rest = total;
    for GroupRow { k, n } in groups.into_iter().filter(|group| group.k.is_some()) {
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

/// The numbers of tickets created and resolved in one part of the range.
#[derive(Deserialize)]
pub(super) struct TrendRow {
    created: i64,
    resolved: i64,
}

/// A table of the tickets created and resolved in each part of the range.
pub(super) fn trend_table(parts: &[Bucket], counted: Vec<TrendRow>) -> Table {
    Table {
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
    }
}

/// Adds the statements that measure how long first responses and resolutions took.
pub(super) fn add_durations(
    batch: &mut Batch,
    asked: &ReportRequest,
    by: GroupBy,
) -> [Slot<PercentilesRow>; 2] {
    [DurationKind::FirstResponse, DurationKind::Resolution]
        .map(|duration| batch.add(asked.scope().percentiles(duration, by, &asked.range)))
}

fn percentiles(row: &PercentilesRow) -> Percentiles {
    Percentiles {
        count: row.count,
        mean: row.mean,
        p50: row.p50,
        p90: row.p90,
        p95: row.p95,
        max: row.max,
    }
}

pub(super) fn percentiles_json(rows: &[PercentilesRow]) -> Value {
    json!(rows.first().map(percentiles).unwrap_or_default())
}

pub(super) fn compliance(row: &ComplianceRow) -> (Compliance, Compliance) {
    (
        Compliance::from_counts(row.n, row.response_met, row.response_missed),
        Compliance::from_counts(row.n, row.resolution_met, row.resolution_missed),
    )
}

pub(super) fn compliance_json(rows: &[ComplianceRow]) -> Value {
    let (response, resolution) = rows.iter().map(compliance).fold(
        (Compliance::default(), Compliance::default()),
        |(response, resolution), (more, most)| (response.combine(more), resolution.combine(most)),
    );
    let told = |kept: Compliance| json!({"met": kept.met, "missed": kept.missed, "pending": kept.pending, "met_percent": kept.met_percent()});
    json!({
        "tickets": rows.iter().map(|row| row.n).sum::<i64>(),
        "response": told(response),
        "resolution": told(resolution),
    })
}

/// The sum of the numbers in the column with index `at`.
pub(super) fn sum_column(table: &Table, at: usize) -> i64 {
    let cells = table.rows.iter().filter_map(|row| row.get(at));
    cells.filter_map(Value::as_i64).sum()
}

/// Whether there are more unresolved tickets than were read.
pub(super) fn is_capped(ages: &[AgeRow]) -> bool {
    ages.iter().any(|row| row.age.is_none() && row.n > MAX_WALKED)
}
