//! Tickets and users as CSV files that are written while they are sent: page by page, each a walk that goes on behind the
//! last row, so that a file of any length is sent in the memory of one page and no row is in it twice.

use serde_json::{Value, json};

use crate::api::list::{NamedFilters, StopRow, next_position, parse_list_query};
use crate::api::tickets as ticket_api;
use crate::api::users as user_api;
use crate::app::call::{Call, viewer};
use crate::desk::access::audit::AuditAction;
use crate::desk::reports::csv;
use crate::edge::db::{Batch, Db, DbError, Stmt};
use crate::edge::text_stream::TextStream;
use crate::http::error::Error;
use crate::http::input_values::Input;
use crate::http::page::{self, Page};
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Choices, Field, Kind, Shape};
use crate::store::sql::render::Selection;
use crate::store::sql::rows::ListRow;
use crate::store::tickets::json::selected_row;
use crate::store::tickets::list as ticket_list;
use crate::store::tickets::view::{EXPORT_ONLY, LIST_ONLY, TICKET};
use crate::store::users::USER;
use crate::store::users::list as user_list;

/// What a request for a CSV file may say beside the filters.
pub const FILE: Shape = Shape {
    name: "CsvFile",
    fields: &[Field::optional(
        "bom",
        Kind::Flag,
        "false: no byte order mark at the beginning. With it, which is the default, spreadsheets read UTF-8.",
    )],
};

/// The columns of the users' file.
pub const USER_COLUMNS: Shape = Shape {
    name: "UserColumns",
    fields: &[Field::optional(
        "fields",
        Kind::AnyOf(&USER_FIELDS),
        "Only these columns.",
    )],
};

static USER_FIELDS: Choices = Choices {
    list: &[
        "id",
        "uid",
        "email",
        "email_verified",
        "username",
        "first_name",
        "last_name",
        "full_name",
        "role",
        "is_active",
        "department",
        "phone",
        "avatar_url",
        "external_id",
        "version",
        "created_at",
        "updated_at",
        "last_login_at",
    ],
    parse: |word| USER_FIELDS.list.iter().find(|known| **known == word).copied(),
};

/// The columns of the tickets' file if the request names none.
const TICKET_COLUMNS: [&str; 23] = [
    "id",
    "number",
    "key",
    "title",
    "status",
    "priority",
    "category",
    "subcategory",
    "department",
    "project",
    "tags",
    "requester",
    "assignee",
    "workflow",
    "channel",
    "external_id",
    "created_at",
    "updated_at",
    "first_responded_at",
    "resolution_due_at",
    "resolved_at",
    "closed_at",
    "custom_fields",
];

/// Fields that make a page of a file long.
const LONG_FIELDS: [&str; 2] = ["description", "custom_fields"];
/// Rows of a page, without and with such fields: what it holds in memory is bounded by the latter.
const ROWS: i64 = 500;
const LONG_ROWS: i64 = 200;
/// A request may ask the database 1,000 times (developers.cloudflare.com/d1/platform/limits); some of that is for
/// everything else.
const MAX_PAGES: u32 = 900;

/// A column: its name, and where its value is in the JSON of a row.
type CsvColumn = (String, String);

/// The statements of a page: the rows, and where the walk stopped if it was cut short.
type Select = Box<dyn Fn(&str, &Page) -> (Stmt, Option<Stmt>)>;

/// A file, and how its rows are read.
struct CsvExport {
    selection: Selection,
    /// The SQL of a row's text.
    row: String,
    columns: Vec<CsvColumn>,
    select: Select,
    limit: i64,
    pages: u32,
    /// What the audit log calls it.
    action: AuditAction,
}

/// `GET /tickets/export.csv`.
pub async fn tickets(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, mut query) = ticket_api::read_whole(call, &[&page::QUERY, &ticket_api::LIST, &FILE]).await?;
    let reader = viewer(call)?;
    if let Some(query) = &mut query {
        // A ticket that changes meanwhile would move in another order, and be in the file twice or not at all.
        query.sort = Some(ticket_list::NEWEST);
    }
    let named = input
        .choices("fields")
        .map_or(TICKET_COLUMNS.to_vec(), <[_]>::to_vec);
    let wanted = |name: &str| {
        ticket_api::is_selected(&named, name)
            || (name == "assignee_email" && ticket_api::is_selected(&named, "assignee"))
    };
    let fields = || TICKET.fields.iter().chain(LIST_ONLY).chain(EXPORT_ONLY);
    let selection = Selection::of(fields(), wanted);
    let is_long = LONG_FIELDS.iter().any(|name| selection.has(name));
    let row = selected_row(&selection, reader.role);
    let columns = fields()
        .filter(|field| wanted(field.name))
        .flat_map(|field| columns_of(field.name))
        .collect();
    let export = CsvExport {
        selection,
        row,
        columns,
        select: Box::new(move |row, page| match &query {
            Some(query) => (ticket_list::page(&reader, query, row, page), None),
            None => (ticket_list::nothing(), None),
        }),
        limit: if is_long { LONG_ROWS } else { ROWS },
        pages: 0,
        action: AuditAction::TicketListExported,
    };
    export.reply(call, "tickets", &input).await
}

/// `GET /users/export.csv`.
pub async fn users(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, _) = parse_list_query(call, &[&user_api::LIST, &USER_COLUMNS, &FILE])?;
    let filter = user_api::read_filter(&input);
    let named = input.choices("fields").unwrap_or(USER_FIELDS.list);
    let wanted = |name: &str| named.contains(&name);
    let selection = Selection::of(USER.fields.iter(), wanted);
    let columns = USER
        .fields
        .iter()
        .filter(|field| wanted(field.name))
        .flat_map(|field| columns_of(field.name));
    let export = CsvExport {
        row: selection.sql(),
        columns: columns.collect(),
        selection,
        select: Box::new(move |row, page| user_list::list(row, &filter, page)),
        limit: ROWS,
        pages: 0,
        action: AuditAction::UserListExported,
    };
    export.reply(call, "users", &input).await
}

/// The columns of a field: people have two.
fn columns_of(field: &'static str) -> Vec<CsvColumn> {
    let column = |name: &str, path: &str| (name.to_owned(), path.to_owned());
    match field {
        "requester" => vec![
            column("requester", "/requester/full_name"),
            column("requester_email", "/requester/email"),
        ],
        "assignee" => vec![
            column("assignee", "/assignee/full_name"),
            column("assignee_email", "/assignee_email"),
        ],
        "assignee_email" => Vec::new(),
        "sla" => vec![
            column("sla_response", "/sla/response"),
            column("sla_resolution", "/sla/resolution"),
        ],
        "last_message" => vec![column("last_message", "/last_message/excerpt")],
        name => vec![column(name, &format!("/{name}"))],
    }
}

impl CsvExport {
    /// Reads the first page with the caller's authority, and replies with a stream that reads the others.
    async fn reply(self, call: &Call<'_>, name: &str, input: &Input) -> Result<Reply, Error> {
        let filters = NamedFilters::of(input);
        let mut batch = Batch::new();
        let unknown = filters.find_unknown(call, &mut batch);
        let (rows, stopped) = (self.select)(&self.row, &Page::of_rows(self.limit, None));
        let (rows, stopped) = (batch.add::<ListRow>(rows), batch.add_optional::<StopRow>(stopped));
        let found = call.read(batch).await?;
        filters.require_known(&found, unknown)?;
        if call.request.verb != "HEAD" {
            let entry = call.audit(self.action, None, json!({}));
            call.write(vec![entry].into()).await?;
        }
        let mut text = String::new();
        if input.flag("bom").unwrap_or(true) {
            text.push_str(csv::BOM);
        }
        csv::push_row(&mut text, self.columns.iter().map(|(name, _)| name.as_str()));
        let next = self.write(&found.all(rows)?, found.first_if(stopped)?, &mut text);
        let db = Db::open(&call.app.env)?;
        let state = (db, self, Some(text), next);
        let parts = futures_util::stream::unfold(state, |(db, mut export, text, next)| async move {
            if let Some(text) = text {
                return Some((Ok(text), (db, export, None, next)));
            }
            let read = export.read_on(&db, next?).await;
            let (text, next) = match read {
                Ok((text, next)) => (Ok(text), next),
                Err(message) => (Err(message), None),
            };
            Some((text, (db, export, None, next)))
        });
        let mut reply = Reply::new(200, Body::Parts(Box::new(TextStream::new(parts))));
        reply.content_type = csv::MEDIA_TYPE;
        reply.header(
            "Content-Disposition",
            format!("attachment; filename=\"{name}.csv\""),
        );
        Ok(reply)
    }

    /// Reads pages from a position on, until one has rows: their text, and the position behind them.
    async fn read_on(&mut self, db: &Db, mut at: (i64, i64)) -> Result<(String, Option<(i64, i64)>), String> {
        let mut text = String::new();
        loop {
            self.pages = self.pages.saturating_add(1);
            if self.pages > MAX_PAGES {
                return Err("the file is longer than one request can read; narrow it by a filter".to_owned());
            }
            let (rows, stopped) = (self.select)(&self.row, &Page::of_rows(self.limit, Some(at)));
            let mut batch = Batch::new();
            let (rows, stopped) = (batch.add::<ListRow>(rows), batch.add_optional::<StopRow>(stopped));
            let failed = |error: DbError| format!("{error:?}");
            let found = db.batch(&batch).await.map_err(failed)?;
            let rows = found.all(rows).map_err(failed)?;
            let next = self.write(&rows, found.first_if(stopped).map_err(failed)?, &mut text);
            match next {
                Some(position) if text.is_empty() => at = position,
                next => return Ok((text, next)),
            }
        }
    }

    /// Appends rows, and returns the position behind them if there are more.
    fn write(&self, rows: &[ListRow], stopped: Option<StopRow>, text: &mut String) -> Option<(i64, i64)> {
        let (shown, next) = next_position(rows, self.limit, stopped);
        let mut json = String::new();
        for row in shown.iter().filter_map(|row| row.j.as_deref()) {
            json.clear();
            self.selection.render(row, &mut json);
            let row: Value = serde_json::from_str(&json).unwrap_or_default();
            let cells: Vec<String> = self
                .columns
                .iter()
                .map(|(_, path)| cell_text(row.pointer(path)))
                .collect();
            csv::push_row(text, cells.iter().map(String::as_str));
        }
        next
    }
}

/// A value as the text of a cell.
fn cell_text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let texts: Vec<String> = items
                .iter()
                .map(|item| cell_text(item.get("email").or(Some(item))))
                .collect();
            texts.join(",")
        }
        Some(Value::Object(map)) if map.is_empty() => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_cells() {
        for (value, want) in [
            (json!(null), ""),
            (json!("a"), "a"),
            (json!(5), "5"),
            (json!(true), "true"),
            (json!(["a", "b"]), "a,b"),
            (json!([]), ""),
            (
                json!([{"email": "a@b.example", "name": "A"}, {"email": "c@d.example"}]),
                "a@b.example,c@d.example",
            ),
            (json!({}), ""),
            (json!({"a": 1}), "{\"a\":1}"),
        ] {
            assert_eq!(cell_text(Some(&value)), want);
        }
        assert_eq!(cell_text(None), "");
    }

    #[test]
    fn every_column_is_a_field() {
        let names: Vec<&str> = TICKET.fields.iter().map(|field| field.name).collect();
        assert!(TICKET_COLUMNS.iter().all(|name| names.contains(name)));
        let names: Vec<&str> = USER.fields.iter().map(|field| field.name).collect();
        assert!(USER_FIELDS.list.iter().all(|name| names.contains(name)));
    }
}
