//! Importing tickets and people from CSV files: all rows of a file are decided, and the good ones are written in one
//! batch. Rules are not asked, and nobody is told.

mod people;
mod report;
mod sheet;
mod tickets;

use crate::api::data::imports::report::Report;
use crate::api::data::imports::sheet::Sheet;
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::access::audit::AuditAction;
use crate::desk::data::csv_reader::decode;
use crate::desk::person::Role;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::http::shape::{Choices, Field, Kind, Shape};
use crate::store::commit::{CommitReply, json_row};

/// The most bytes of a file.
pub const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// The most rows of a file.
const MAX_ROWS: usize = 10_000;

static KINDS: Choices = Choices {
    list: &["tickets", "users"],
    parse: |word| {
        KINDS
            .list
            .iter()
            .find(|known| known.eq_ignore_ascii_case(word))
            .copied()
    },
};

/// The query of an import.
pub const OPTIONS: Shape = Shape {
    name: "ImportOptions",
    fields: &[
        Field::required(
            "type",
            Kind::Choice(&KINDS),
            "What the rows are; `users` is for admins.",
        ),
        Field::optional(
            "dry_run",
            Kind::Flag,
            "true: say what would happen, and write nothing.",
        ),
        Field::optional(
            "atomic",
            Kind::Flag,
            "true: write nothing unless all rows are good. By default the good ones are written.",
        ),
    ],
};

/// What is to be written, and what is said of it.
struct Plan {
    stmts: Vec<Stmt>,
    report: Report,
}

/// `POST /imports`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let options = input::parse_query(call.request, &[&OPTIONS])?;
    let Some(kind) = options.choice("type") else {
        return Err(Error::field("type", "is missing"));
    };
    if kind == "users" && call.my_role()? != Role::Admin {
        return Err(Error::Forbidden("people are imported by admins".to_owned()));
    }
    input::require_csv(call.request)?;
    let text = decode(&call.request.body).map_err(|error| Error::field("file", error.message()))?;
    let shape = match kind {
        "users" => &people::ROW,
        _ => &tickets::ROW,
    };
    let sheet = Sheet::read(text, shape, MAX_ROWS).map_err(|why| Error::field("file", why))?;
    let (is_dry, is_atomic) = (
        options.flag("dry_run").unwrap_or(false),
        options.flag("atomic").unwrap_or(false),
    );
    retry!(async {
        let Plan {
            mut stmts,
            mut report,
        } = match kind {
            "users" => people::plan(call, &sheet).await?,
            _ => tickets::plan(call, &sheet).await?,
        };
        report.settle(is_dry, is_atomic);
        let body = report.json(kind, &sheet);
        if is_dry {
            return Ok(Reply::ok(body));
        }
        if report.is_applied() && report.creates() {
            stmts.push(call.audit(AuditAction::ImportCreated, None, report.audit_details(kind)));
        } else {
            stmts.clear();
        }
        call.commit(stmts, CommitReply::Row(json_row(body))).await
    })
}

/// A JSON list for a statement, of at most so many values that it stays far below D1's limit for a value.
fn lists(values: &[String]) -> Vec<String> {
    values
        .chunks(2_000)
        .map(|part| serde_json::json!(part).to_string())
        .collect()
}
