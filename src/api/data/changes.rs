//! The change feed: every event of the desk in one order, for warehouses and other systems that keep a copy.

use crate::app::call::Call;
use crate::desk::id::MAX_ID;
use crate::desk::tickets::event::EventKind;
use crate::desk::webhooks::delivery::event_type;
use crate::desk::{DAY, Millis};
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input;
use crate::http::json;
use crate::http::page::{DEFAULT_LIMIT, encode_position, parse_position};
use crate::http::reply::Reply;
use crate::http::shape::{Choices, Field, Kind, Shape};
use crate::store::data::changes::{self, FeedEnd};
use crate::store::sql::rows::ListRow;

/// How long a cursor is good for.
const MAX_CURSOR_AGE: Millis = 90 * DAY;

/// The types of events, as the history has them or as webhooks have them.
pub static TYPES: Choices = Choices {
    list: &EventKind::WORDS,
    parse: |word| {
        let same = |known: &&&str| **known == word || event_type(known) == word;
        EventKind::WORDS.iter().find(same).copied()
    },
};

/// The query of the feed.
pub const FEED: Shape = Shape {
    name: "ChangeFeed",
    fields: &[
        Field::optional(
            "after",
            Kind::Opaque,
            "`meta.next_cursor` of the page before, up to 90 days old; or `now`, for what has still to happen. Without it, \
             from the first event on.",
        )
        .or(&["cursor"]),
        Field::optional(
            "types",
            Kind::AnyOf(&TYPES),
            "Only these, such as `message_added` or `message.added`.",
        )
        .or(&["type"]),
        Field::optional(
            "limit",
            Kind::Integer { min: 1, max: 100 },
            "Events per page, 25 by default.",
        )
        .or(&["per_page"]),
    ],
};

/// The event that a cursor stands behind.
fn read_cursor(cursor: &str, now: Millis) -> Result<i64, &'static str> {
    let (id, at) = parse_position(cursor).ok_or("is no cursor of this list")?;
    if at < now.saturating_sub(MAX_CURSOR_AGE) {
        return Err("is older than 90 days: read the desk anew, and go on from `after=now`");
    }
    Ok(id)
}

/// `GET /changes`.
pub async fn feed(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&FEED])?;
    let after = match input.text("after").as_deref() {
        None => 0,
        Some("now") => MAX_ID,
        Some(cursor) => read_cursor(cursor, call.now()).map_err(|why| Error::field("after", why))?,
    };
    let limit = input.integer("limit").unwrap_or(DEFAULT_LIMIT);
    let types = input
        .choices("types")
        .map(|words| serde_json::json!(words).to_string());
    let [rows, end] = changes::page(after, types.as_deref(), limit);
    let mut batch = Batch::new();
    let (rows, end) = (batch.add::<ListRow>(rows), batch.add::<FeedEnd>(end));
    let found = call.read(batch).await?;
    let (rows, end) = (found.all(rows)?, found.require(end)?);
    let most = usize::try_from(limit).unwrap_or_default();
    let shown = rows.get(..most.min(rows.len())).unwrap_or_default();
    let cut = shown.last().filter(|_| rows.len() > most).map(|row| row.id);
    // A cursor from before the database was set back is ahead of it.
    let position = cut.or(end.id).unwrap_or(after.min(end.last));
    let has_more = position < end.last;
    let cursor = encode_position(position, call.now());
    let texts: Vec<&str> = shown.iter().filter_map(|row| row.j.as_deref()).collect();
    let next = if has_more {
        format!("\"next\":{}", json::quote(&next_link(call, &cursor)))
    } else {
        String::new()
    };
    Ok(Reply::ok(format!(
        "{{\"data\":[{}],\"meta\":{{\"limit\":{limit},\"has_more\":{has_more},\"next_cursor\":\"{cursor}\"}},\"links\":{{{next}}}}}",
        texts.join(",")
    )))
}

fn next_link(call: &Call, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.request.query_pairs() {
        if !matches!(&*name, "after" | "cursor") {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("after", cursor);
    format!("{}?{}", call.request.path, query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_good_for_ninety_days() {
        let now = 1_800_000_000_000;
        for (age, good) in [
            (0, true),
            (90 * DAY, true),
            (90 * DAY + 1, false),
            (400 * DAY, false),
            (-DAY, true),
        ] {
            assert_eq!(
                read_cursor(&encode_position(7, now - age), now).ok(),
                good.then_some(7),
                "{age}"
            );
        }
        assert!(read_cursor("7", now).is_err());
    }
}
