//! Schemas of reports and statistics.

use serde_json::{Map, Value, json};

use crate::app::route::{Responds, Route};
use crate::desk::reports::figures::AGE_BUCKETS;
use crate::desk::reports::period::Granularity;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Status;
use crate::http::shape::Shape;
use crate::openapi::schema::{described, list, object, one_of, or_null};

/// Schemas by name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("EnhancedSummary", object(overview())),
        ("Dashboard", dashboard()),
        ("GroupReport", groups()),
        ("VolumeReport", volume()),
        ("SlaReport", sla()),
        ("AgingReport", aging()),
        ("AgentReport", agents()),
        ("ActivityReport", activity()),
        ("SatisfactionReport", satisfaction()),
    ]
}

/// Whether a route responds with a table, which is available as CSV too.
pub fn is_table(route: &Route) -> bool {
    let has_format = |shape: &&'static Shape| shape.fields.iter().any(|field| field.name == "format");
    matches!(route.responds, Responds::Schema(name) if name.ends_with("Report"))
        || (matches!(route.responds, Responds::List(_)) && route.query.iter().any(has_format))
}

fn text() -> Value {
    json!({"type": "string"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn percent() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 100})
}

fn sums(words: &[&str]) -> Value {
    let properties: Map<String, Value> = words.iter().map(|word| ((*word).to_owned(), count())).collect();
    json!({"type": "object", "properties": properties, "required": words, "additionalProperties": false})
}

fn by_category() -> Value {
    described(
        json!({"type": "object", "additionalProperties": count()}),
        "By slug; what has no category is under `none`.",
    )
}

fn range() -> Value {
    let range = object([("from", time()), ("until", time()), ("tz", text())]);
    described(range, "What the report looks at; the end is not in it.")
}

fn capped() -> Value {
    described(
        json!({"const": true}),
        "There are more unresolved tickets than a report reads: the figures that depend on them are of 10,000.",
    )
}

fn trend() -> Value {
    let date = described(
        json!({"type": "string", "format": "date"}),
        "The first day of the day, week or month.",
    );
    list(object([
        ("date", date),
        ("created", count()),
        ("resolved", count()),
    ]))
}

/// Percentiles of durations, in milliseconds.
fn percentiles(what: &str) -> Value {
    let percentiles = object([
        ("count", count()),
        ("mean", count()),
        ("p50", count()),
        ("p90", count()),
        ("p95", count()),
        ("max", count()),
    ]);
    described(percentiles, what)
}

const RESPONSES: &str =
    "Milliseconds from creation to the first response, of tickets created in the range; nearest ranks.";
const RESOLUTIONS: &str =
    "Milliseconds from creation to resolution, of tickets resolved in the range; nearest ranks.";

fn compliance() -> [(&'static str, Value); 3] {
    let compliance = || {
        object([
            ("met", count()),
            (
                "missed",
                described(count(), "Done too late, or late and still to do."),
            ),
            ("pending", count()),
            (
                "met_percent",
                described(percent(), "Of what is decided; 0 when nothing is."),
            ),
        ])
    };
    [
        ("tickets", count()),
        ("response", compliance()),
        ("resolution", compliance()),
    ]
}

fn overview() -> [(&'static str, Value); 11] {
    [
        ("total", count()),
        ("by_status", sums(&Status::WORDS)),
        ("by_priority", sums(&Priority::ALL.map(Priority::as_str))),
        ("unassigned", count()),
        ("overdue", count()),
        ("unresolved", count()),
        ("by_category", by_category()),
        ("range", range()),
        ("interval", one_of(&Granularity::WORDS)),
        ("trends", trend()),
        ("capped?", capped()),
    ]
}

fn dashboard() -> Value {
    let one = object([
        ("agent_id", count()),
        ("full_name", text()),
        ("role", text()),
        ("open", count()),
    ]);
    let mut schema = object(overview());
    let more = object([
        (
            "at_risk",
            described(count(), "Unresolved, with most of the time used."),
        ),
        ("created", count()),
        ("resolved", count()),
        ("first_response_ms", percentiles(RESPONSES)),
        ("resolution_ms", percentiles(RESOLUTIONS)),
        (
            "sla",
            described(object(compliance()), "Of tickets created in the range."),
        ),
        ("workload?", described(list(one), "For managers and admins.")),
    ]);
    for part in ["properties", "required"] {
        match (schema.get_mut(part), more.get(part)) {
            (Some(Value::Object(all)), Some(Value::Object(some))) => all.extend(some.clone()),
            (Some(Value::Array(all)), Some(Value::Array(some))) => all.extend(some.iter().cloned()),
            _ => {}
        }
    }
    schema
}

fn groups() -> Value {
    let mut row = Map::new();
    for name in ["status", "priority", "category", "department"] {
        row.insert(name.to_owned(), or_null(text()));
    }
    row.insert("count".to_owned(), count());
    row.insert("share_percent".to_owned(), percent());
    let row = json!({"type": "object", "properties": row, "required": ["count", "share_percent"], "additionalProperties": false});
    object([
        ("data", list(row)),
        ("total", count()),
        (
            "range",
            described(or_null(range()), "Null: all tickets, as they are now."),
        ),
        ("capped?", capped()),
    ])
}

fn volume() -> Value {
    object([
        ("data", trend()),
        ("range", range()),
        ("interval", one_of(&Granularity::WORDS)),
        ("totals", object([("created", count()), ("resolved", count())])),
        ("by_status", sums(&Status::WORDS)),
        ("by_priority", sums(&Priority::ALL.map(Priority::as_str))),
        ("by_category", by_category()),
        ("first_response_ms", percentiles(RESPONSES)),
        ("resolution_ms", percentiles(RESOLUTIONS)),
    ])
}

fn sla() -> Value {
    let row = object([
        ("priority", one_of(&Priority::ALL.map(Priority::as_str))),
        ("tickets", count()),
        ("response_met", count()),
        ("response_missed", count()),
        ("response_pending", count()),
        ("response_met_percent", percent()),
        ("resolution_met", count()),
        ("resolution_missed", count()),
        ("resolution_pending", count()),
        ("resolution_met_percent", percent()),
    ]);
    let [tickets, response, resolution] = compliance();
    let agent = object([
        tickets,
        response,
        resolution,
        ("agent_id", count()),
        ("full_name", text()),
    ]);
    object([
        ("data", list(row)),
        ("range", range()),
        ("totals", object(compliance())),
        ("by_agent", list(agent)),
    ])
}

fn satisfaction() -> Value {
    let figures = |of: Vec<(&str, Value)>| {
        let columns = [
            ("resolved", count()),
            ("rated", count()),
            ("response_percent", or_null(percent())),
            ("satisfied", described(count(), "With 4 or 5.")),
            ("csat_percent", or_null(percent())),
            (
                "average",
                or_null(json!({"type": "number", "minimum": 1, "maximum": 5})),
            ),
        ];
        let all: Vec<(&str, Value)> = of.into_iter().chain(columns).collect();
        let required: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let properties: Map<String, Value> = all
            .iter()
            .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
            .collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    };
    let week = described(json!({"type": "string", "format": "date"}), "Its first day.");
    object([
        (
            "data",
            list(figures(vec![
                ("agent_id", or_null(count())),
                ("full_name", or_null(text())),
            ])),
        ),
        ("range", range()),
        ("totals", figures(Vec::new())),
        ("by_category", list(figures(vec![("category", or_null(text()))]))),
        ("by_week", list(figures(vec![("week", week)]))),
    ])
}

fn aging() -> Value {
    let mut columns = vec!["tickets"];
    columns.extend(Priority::ALL.map(Priority::as_str));
    columns.extend(["at_risk", "breached"]);
    let mut row = sums(&columns);
    if let Some(Value::Object(properties)) = row.get_mut("properties") {
        properties.insert("age".to_owned(), one_of(&AGE_BUCKETS.map(|(word, _)| word)));
    }
    if let Some(Value::Array(required)) = row.get_mut("required") {
        required.push(json!("age"));
    }
    object([
        ("data", list(row)),
        ("total", count()),
        ("at_risk", count()),
        ("breached", count()),
        ("capped?", capped()),
    ])
}

fn agents() -> Value {
    let row = object([
        ("agent_id", count()),
        ("agent_uid", text()),
        ("full_name", text()),
        ("role", text()),
        ("is_active", json!({"type": "boolean"})),
        (
            "assigned",
            described(count(), "Tickets created in the range that are the agent's now."),
        ),
        (
            "resolved",
            described(count(), "Tickets resolved in the range that are the agent's now."),
        ),
        ("open", described(count(), "Unresolved tickets now.")),
        ("first_response_mean_ms", count()),
        ("first_response_median_ms", count()),
        ("resolution_mean_ms", count()),
        ("resolution_median_ms", count()),
        ("response_met_percent", percent()),
        ("resolution_met_percent", percent()),
    ]);
    object([("data", list(row)), ("range", range())])
}

fn activity() -> Value {
    let row = object([
        ("user_id", count()),
        ("full_name", text()),
        ("email", text()),
        ("role", text()),
        (
            "actions",
            described(count(), "Everything that the person did to tickets in the range."),
        ),
        ("tickets_created", count()),
        ("messages", count()),
        ("status_changes", count()),
        ("assignments", count()),
        ("last_action_at", time()),
        ("last_login_at", or_null(time())),
    ]);
    object([("data", list(row)), ("range", range())])
}
