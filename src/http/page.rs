//! Pages of a list: by cursor, or by page number or offset as older clients ask for them.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::desk::Millis;
use crate::http::error::Error;
use crate::http::etag::{FNV_OFFSET_BASIS, fnv1a};
use crate::http::input_values::Input;
use crate::http::json;
use crate::http::request::Request;
use crate::http::shape::{Field, Kind, Shape};

/// Rows per page by default.
pub const DEFAULT_LIMIT: i64 = 25;
/// The last row that `page` and `skip` reach, because SQL walks over all rows before it. Cursors have no limit.
pub const MAX_OFFSET: i64 = 10_000;

/// The parameters that every list accepts.
pub const QUERY: Shape = Shape {
    name: "Page",
    fields: &[
        Field::optional(
            "limit",
            Kind::Integer { min: 1, max: 100 },
            "Rows per page, 25 by default.",
        )
        .or(&["per_page"]),
        Field::optional("cursor", Kind::Opaque, "`meta.next_cursor` of the page before."),
        Field::optional(
            "page",
            Kind::Integer {
                min: 1,
                max: MAX_OFFSET,
            },
            "A page by its number, up to row 10,000; brings `total`.",
        ),
        Field::optional(
            "skip",
            Kind::Integer {
                min: 0,
                max: MAX_OFFSET,
            },
            "Rows to skip, up to 10,000; brings `total`.",
        )
        .or(&["offset"]),
        Field::optional("count", Kind::Flag, "Bring `total`: exact up to 10,000."),
        Field::optional(
            "fields",
            Kind::Names,
            "Only these fields of each row, such as `id,name`.",
        ),
    ],
};

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageStart {
    First,
    /// After the row with this sort value and id.
    After {
        value: i64,
        id: i64,
    },
    /// After this many rows.
    Offset(i64),
    /// At the first row; and the page is full if there are enough rows, however far they are apart.
    Whole,
}

/// A requested page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: i64,
    pub start: PageStart,
    /// Whether the response includes `total`.
    pub count: bool,
    /// The fields that each row is to have; `None` for all.
    pub fields: Option<Vec<String>>,
    fingerprint: u32,
}

/// Parameters for paging. They are not part of a list's identity, so a cursor stays valid when they change.
const PAGING_PARAMS: [&str; 7] = ["limit", "per_page", "cursor", "page", "skip", "count", "fields"];

impl Page {
    /// Parses the page from a query that was parsed with [`QUERY`]. `viewer` ties cursors to the user who sees the
    /// list.
    ///
    /// # Errors
    /// 400 for a cursor of another list, or a row beyond 10,000.
    pub fn from_query(request: &Request, input: &Input, viewer: i64) -> Result<Page, Error> {
        let fingerprint = fingerprint(request, viewer);
        let limit = input.integer("limit").unwrap_or(DEFAULT_LIMIT);
        let counted = input.flag("count").unwrap_or(false);
        let offset = match (input.integer("page"), input.integer("skip")) {
            (Some(page), _) => Some(page.saturating_sub(1).saturating_mul(limit)),
            (None, skip) => skip,
        };
        let start = match (input.text("cursor"), offset) {
            (Some(_), Some(_)) => return Err(Error::field("cursor", "excludes page and skip")),
            (Some(cursor), None) => parse_cursor(&cursor, fingerprint)
                .map(|(value, id)| PageStart::After { value, id })
                .ok_or_else(|| Error::field("cursor", "is not of this list"))?,
            (None, Some(offset)) if offset.saturating_add(limit) > MAX_OFFSET => {
                let name = if input.has("page") { "page" } else { "skip" };
                return Err(Error::field(name, "reaches beyond row 10,000; use the cursor"));
            }
            (None, Some(offset)) => PageStart::Offset(offset),
            (None, None) => PageStart::First,
        };
        Ok(Page {
            limit,
            count: counted || offset.is_some(),
            start,
            fields: None,
            fingerprint,
        })
    }

    /// The first rows of a list that no request pages through.
    pub fn whole(limit: i64) -> Page {
        Page {
            limit,
            start: PageStart::Whole,
            count: false,
            fields: None,
            fingerprint: 0,
        }
    }

    /// So many rows behind a position: the value that the last row before it is sorted by, and its id.
    pub fn of_rows(limit: i64, after: Option<(i64, i64)>) -> Page {
        Page {
            limit,
            start: after.map_or(PageStart::First, |(value, id)| PageStart::After { value, id }),
            count: false,
            fields: None,
            fingerprint: 0,
        }
    }

    /// The cursor of the page after a row.
    pub fn cursor(&self, value: i64, id: i64) -> String {
        encode_cursor(value, id, self.fingerprint)
    }

    /// How many rows to skip.
    pub fn offset(&self) -> i64 {
        match self.start {
            PageStart::Offset(offset) => offset,
            _ => 0,
        }
    }
}

/// Encodes a position in a sequence that is the same for everybody: `id`, with the time at which it was given out.
pub fn encode_position(id: i64, at: Millis) -> String {
    encode_cursor(at, id, FNV_OFFSET_BASIS)
}

/// Reads what [`encode_position`] has made: the id and the time.
pub fn parse_position(cursor: &str) -> Option<(i64, Millis)> {
    parse_cursor(cursor, FNV_OFFSET_BASIS).map(|(at, id)| (id, at))
}

fn encode_cursor(value: i64, id: i64, fingerprint: u32) -> String {
    let text = format!("{value}.{id}");
    let check = fnv(&text, fingerprint);
    Base64UrlUnpadded::encode_string(format!("{text}.{check:08x}").as_bytes())
}

fn parse_cursor(cursor: &str, fingerprint: u32) -> Option<(i64, i64)> {
    let text = String::from_utf8(Base64UrlUnpadded::decode_vec(cursor).ok()?).ok()?;
    let (position, check) = text.rsplit_once('.')?;
    if u32::from_str_radix(check, 16).ok()? != fnv(position, fingerprint) {
        return None;
    }
    let (value, id) = position.split_once('.')?;
    Some((value.parse().ok()?, id.parse().ok()?))
}

/// Identifies a list without its page: path and all other parameters, in any order.
fn fingerprint(request: &Request, viewer: i64) -> u32 {
    let mut pairs: Vec<_> = request
        .query_pairs()
        .filter(|(name, _)| !PAGING_PARAMS.contains(&&**name))
        .collect();
    pairs.sort_unstable();
    let path = request
        .path
        .trim_end_matches('/')
        .rsplit("/api")
        .next()
        .unwrap_or_default();
    let path = path.trim_start_matches("/v1");
    pairs.iter().fold(
        fnv(
            path,
            FNV_OFFSET_BASIS ^ u32::try_from(viewer & 0xffff_ffff).unwrap_or_default(),
        ),
        |seed, (name, value)| fnv(value, fnv("=", fnv(name, fnv("&", seed)))),
    )
}

/// Ties a cursor to its list. It is no protection against forged cursors.
fn fnv(text: &str, hash: u32) -> u32 {
    fnv1a(text.as_bytes(), hash)
}

/// The number of rows in a list, exact up to [`MAX_OFFSET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total(pub i64);

/// Builds the response of a list from rows that are JSON already (without the brackets). Returns the body and the value
/// of the `Link` header.
pub fn render_list(
    request: &Request,
    page: &Page,
    rows: &str,
    next: Option<String>,
    total: Option<Total>,
) -> (String, Option<String>) {
    use std::fmt::Write;
    let mut body = String::with_capacity(rows.len().saturating_add(200));
    let _ = write!(
        body,
        "{{\"data\":[{rows}],\"meta\":{{\"limit\":{},\"has_more\":{},\"next_cursor\":",
        page.limit,
        next.is_some()
    );
    match &next {
        Some(cursor) => {
            let _ = write!(body, "\"{cursor}\"");
        }
        None => body.push_str("null"),
    }
    if let Some(Total(total)) = total {
        let capped = total > MAX_OFFSET;
        let _ = write!(body, ",\"total\":{}", total.min(MAX_OFFSET));
        if capped {
            body.push_str(",\"total_is_capped\":true");
        }
    }
    body.push_str("},\"links\":{");
    let link = next.map(|cursor| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in request
            .query_pairs()
            .filter(|(name, _)| !matches!(&**name, "cursor" | "page" | "skip" | "offset"))
        {
            query.append_pair(&name, &value);
        }
        query.append_pair("cursor", &cursor);
        format!("{}?{}", request.path, query.finish())
    });
    if let Some(link) = &link {
        let _ = write!(body, "\"next\":{}", json::quote(link));
    }
    body.push_str("}}");
    (body, link.map(|link| format!("<{link}>; rel=\"next\"")))
}

#[cfg(test)]
mod tests {

    use super::*;

    use crate::http::input;
    use crate::http::request::tests::request;

    fn read(query: &str, viewer: i64) -> Result<Page, Error> {
        let request = request(query, &[]);
        Page::from_query(&request, &input::parse_query(&request, &[&QUERY])?, viewer)
    }

    #[test]
    fn cursors_come_back_only_to_their_list() {
        let cursor = read("status=open&tag=a", 1).unwrap().cursor(77, 5);
        for (query, viewer, good) in [
            (format!("status=open&tag=a&cursor={cursor}"), 1, true),
            (format!("tag=a&status=open&limit=3&cursor={cursor}"), 1, true),
            (format!("status=closed&tag=a&cursor={cursor}"), 1, false),
            (format!("cursor={cursor}"), 1, false),
            (format!("status=open&tag=a&cursor={cursor}"), 2, false),
            (format!("status=open&tag=a&cursor={cursor}x"), 1, false),
            ("status=open&tag=a&cursor=NzcuNS4wMDAwMDAwMA".to_owned(), 1, false),
            ("cursor=%00".to_owned(), 1, false),
        ] {
            assert_eq!(read(&query, viewer).is_ok(), good, "{query}");
        }
    }

    #[test]
    fn positions_come_back_as_they_went() {
        let cursor = encode_position(5, 1_800_000_000_000);
        assert_eq!(parse_position(&cursor), Some((5, 1_800_000_000_000)));
        let of_a_list = read("", 1).unwrap().cursor(1_800_000_000_000, 5);
        for wrong in ["", "5", "NzcuNS4wMDAwMDAwMA", &of_a_list, &format!("{cursor}A")] {
            assert_eq!(parse_position(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn three_ways_to_ask_for_a_page() {
        for (query, limit, start, count) in [
            ("", 25, PageStart::First, false),
            ("limit=3&count=true", 3, PageStart::First, true),
            ("page=3&per_page=10", 10, PageStart::Offset(20), true),
            ("skip=7&limit=5", 5, PageStart::Offset(7), true),
        ] {
            let page = read(query, 1).unwrap();
            assert_eq!(
                (page.limit, page.start, page.count),
                (limit, start, count),
                "{query}"
            );
        }
        for query in [
            "limit=0",
            "limit=101",
            "page=0",
            "skip=-1",
            "page=10000",
            "skip=10000",
            "page=2&cursor=x",
        ] {
            assert!(read(query, 1).is_err(), "{query}");
        }
    }

    #[test]
    fn lists_are_well_formed() {
        let request = request("status=open&limit=1", &[]);
        let page = read("status=open&limit=1", 1).unwrap();
        let (body, link) = render_list(
            &request,
            &page,
            "{\"id\":1}",
            Some("abc".to_owned()),
            Some(Total(10_001)),
        );
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["meta"]["total"], 10_000);
        assert_eq!(value["meta"]["total_is_capped"], true);
        assert_eq!(value["links"]["next"], "/?status=open&limit=1&cursor=abc");
        assert_eq!(
            link.as_deref(),
            Some("</?status=open&limit=1&cursor=abc>; rel=\"next\"")
        );
    }
}
