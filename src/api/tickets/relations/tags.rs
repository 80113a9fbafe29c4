//! The tags that tickets have.

use serde_json::{Value, json};

use crate::api::list::{page_reply, parse_list_query};
use crate::app::call::{Call, viewer};
use crate::desk::fold::fold;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::sql::rows::ListRow;
use crate::store::tickets::relations::tags::{self as rows, MAX_COUNTED, TagRow};

/// The filter of tags.
pub const LIST: Shape = Shape {
    name: "TagFilter",
    fields: &[Field::optional(
        "q",
        Kind::Search,
        "How the tag begins; case and accents do not matter.",
    )],
};

/// `GET /tags`. Tags that are on no ticket which the caller sees are left out, so that a page may be short.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let prefix = fold(input.text("q").unwrap_or_default().trim());
    let mut batch = Batch::new();
    let found = batch.add::<TagRow>(rows::list(&viewer(call)?, &prefix, &page));
    let found = call.read(batch).await?.all(found)?;
    let rows: Vec<ListRow> = found
        .iter()
        .map(|row| ListRow {
            j: (row.count > 0).then(|| tag_json(row).to_string()),
            id: row.id,
            s: None,
            stop: None,
        })
        .collect();
    Ok(page_reply(call, &page, None, &rows, None, None))
}

fn tag_json(row: &TagRow) -> Value {
    let tags: Vec<String> = row
        .tags
        .as_deref()
        .and_then(|tags| serde_json::from_str(tags).ok())
        .unwrap_or_default();
    let tag = tags.into_iter().find(|tag| fold(tag) == row.folded);
    json!({
        "tag": tag.unwrap_or_else(|| row.folded.clone()),
        "count": row.count,
        "is_capped": row.looked_at >= MAX_COUNTED,
    })
}
