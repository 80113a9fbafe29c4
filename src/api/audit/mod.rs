//! The audit log, for admins.

use serde_json::{Value, json};

use crate::api::list::{List, NamedFilters, parse_list_query};
use crate::api::reports::shared::{FORMAT, csv_reply, wants_csv};
use crate::app::call::Call;
use crate::desk::access::audit::{AuditAction, parse_target};
use crate::desk::id::Ref;
use crate::desk::reports::figures::Table;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input_values::Input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::access::audit::{self as rows, ACTION, AuditFilter};
use crate::store::sql::rows::ListRow;

/// How many entries are looked at for a page, where a filter lets few of them pass.
const MAX_WALK: i64 = 1_000;
/// How many entries a CSV file has at most, and how many are looked at for it.
const MAX_CSV_ROWS: i64 = 10_000;

/// The columns of a CSV file, each with where it stands in an entry.
const COLUMNS: [(&str, &str); 11] = [
    ("id", "/id"),
    ("created_at", "/created_at"),
    ("action", "/action"),
    ("actor_id", "/actor/id"),
    ("actor", "/actor/full_name"),
    ("api_key_id", "/api_key_id"),
    ("target_type", "/target/type"),
    ("target_id", "/target/id"),
    ("target", "/target/name"),
    ("address", "/address"),
    ("details", "/details"),
];

/// The filters of the log.
pub const FILTER: Shape = Shape {
    name: "AuditFilter",
    fields: &[
        Field::optional(
            "actor",
            Kind::ReferenceOr(&["me"]),
            "Done by this person: an id, or `me`.",
        )
        .or(&["actor_id"]),
        Field::optional("action", Kind::AnyOf(&ACTION), "Of these kinds."),
        Field::optional(
            "target",
            Kind::Line { min: 1, max: 60 },
            "Done to this: `user:5`, or to any of a kind: `user`.",
        ),
        Field::optional("from", Kind::Time, "Not before this moment."),
        Field::optional("to", Kind::Time, "Before this moment."),
        Field::optional(
            "format",
            Kind::Choice(&FORMAT),
            "`csv` for a file of up to 10,000 entries; as `Accept: text/csv`.",
        ),
        Field::optional(
            "bom",
            Kind::Flag,
            "false: no byte order mark at the beginning of a CSV.",
        ),
    ],
};

/// `GET /admin/audit`: newest first.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&FILTER])?;
    let filter = read_filter(call, &input)?;
    let named = NamedFilters::of(&input);
    if wants_csv(call, &input) {
        let has_bom = input.flag("bom").unwrap_or(true);
        return export(call, &filter, named, page, has_bom).await;
    }
    let [rows_of_page, stopped] = rows::list(&filter, &page, MAX_WALK);
    List::new(rows_of_page, || rows::count(&filter))
        .stopped(Some(stopped))
        .filtered(named)
        .reply(call, &page)
        .await
}

fn read_filter(call: &Call, input: &Input) -> Result<AuditFilter, Error> {
    let wrong = || Error::field("target", "must be a kind of thing, or one of it, such as user:5");
    let target = input
        .text("target")
        .map(|text| parse_target(&text).ok_or_else(wrong));
    let (kind, target_id) = target.transpose()?.unzip();
    let given = input.choices("action");
    let actions = (given.is_some() || kind.is_some()).then(|| {
        let fits = |action: &&AuditAction| {
            given.is_none_or(|words| words.contains(&action.as_str()))
                && kind.is_none_or(|kind| kind == action.target_type())
        };
        let words: Vec<&str> = AuditAction::ALL
            .iter()
            .filter(fits)
            .map(|action| action.as_str())
            .collect();
        json!(words).to_string()
    });
    let me = input
        .choice("actor")
        .map(|_| call.my_id().map(Ref::Id))
        .transpose()?;
    Ok(AuditFilter {
        actor: me.or_else(|| input.reference("actor").cloned()),
        actions,
        target_id: target_id.flatten(),
        from: input.time("from"),
        to: input.time("to"),
    })
}

/// Replies with entries as a CSV file. If there are more, `Link` leads to the next file.
async fn export(
    call: &Call<'_>,
    filter: &AuditFilter,
    named: NamedFilters,
    mut page: Page,
    has_bom: bool,
) -> Result<Reply, Error> {
    page.limit = MAX_CSV_ROWS;
    let [rows_of_page, stopped] = rows::list(filter, &page, MAX_CSV_ROWS);
    let mut batch = Batch::new();
    let unknown = named.find_unknown(call, &mut batch);
    let entries = batch.add::<ListRow>(rows_of_page);
    let stopped = batch.add::<StopId>(stopped);
    let found = call.read(batch).await?;
    named.require_known(&found, unknown)?;
    let mut entries = found.all(entries)?;
    let limit = usize::try_from(MAX_CSV_ROWS).unwrap_or_default();
    let is_full = entries.len() > limit;
    entries.truncate(limit);
    let next = match entries.last() {
        Some(last) if is_full => Some(last.id),
        _ => found.first(stopped)?.and_then(|stop| stop.id),
    };
    let table = Table {
        columns: COLUMNS.iter().map(|(name, _)| *name).collect(),
        rows: entries.iter().map(cells).collect(),
    };
    let mut reply = csv_reply("audit", &table, has_bom);
    let next = next.map(|id| page.cursor(0, id));
    if let (_, Some(link)) = page::render_list(call.request, &page, "", next, None) {
        reply.header("Link", link);
    }
    Ok(reply)
}

/// Where the walk over the log stopped.
#[derive(serde::Deserialize)]
struct StopId {
    id: Option<i64>,
}

fn cells(entry: &ListRow) -> Vec<Value> {
    let json: Value = entry
        .j
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let cell = |(_, place): &(&str, &str)| json.pointer(place).cloned().unwrap_or_default();
    COLUMNS.iter().map(cell).collect()
}
