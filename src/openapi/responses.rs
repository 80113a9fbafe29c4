//! The responses of an operation: success with its headers, and every error that the route can return.

use serde_json::{Map, Value, json};

use crate::app::route::{Access, RateLimit, Responds, Route};
use crate::http::page;
use crate::http::request::Method;
use crate::http::shape::Kind;
use crate::openapi::reports;
use crate::openapi::schema::{page_of, schema_ref, some_fields, view};
use crate::store::sql::view::View;
use crate::store::tickets::view::{LIST_ONLY, TICKET};

/// An error response: status, component name, description.
type ErrorResponse = (u16, &'static str, &'static str);

const ERROR_RESPONSES: &[ErrorResponse] = &[
    (
        400,
        "Invalid",
        "Malformed, or with fields that are missing or wrong: all of them at once.",
    ),
    (401, "Unauthorized", "No token, or one that is no longer good."),
    (403, "Forbidden", "Not for this role, or not for this caller."),
    (
        404,
        "NotFound",
        "There is no such thing, or none that the caller may know of.",
    ),
    (
        409,
        "Conflict",
        "A duplicate, a stale version, or a step that the lifecycle does not have.",
    ),
    (
        412,
        "PreconditionFailed",
        "It has changed since the version in `If-Match`, or is there already.",
    ),
    (
        413,
        "TooLarge",
        "The body is longer than 256 KiB; a file: 25 MiB.",
    ),
    (
        415,
        "UnsupportedMediaType",
        "The body is of a type that is not read here.",
    ),
    (
        416,
        "RangeNotSatisfiable",
        "The file has no such part; `Content-Range` says how long it is.",
    ),
    (
        422,
        "IdempotencyMismatch",
        "The `Idempotency-Key` was used before for something else.",
    ),
    (
        426,
        "UpgradeRequired",
        "This is a WebSocket, and the request asks for none.",
    ),
    (
        429,
        "RateLimited",
        "Too many requests: try again after `Retry-After` seconds.",
    ),
    (500, "Internal", "Our fault; the request id finds it in the log."),
    (
        503,
        "Unavailable",
        "Something that the desk stands on is missing or down.",
    ),
];

/// The error responses as shared components.
pub fn error_responses() -> Map<String, Value> {
    ERROR_RESPONSES
        .iter()
        .map(|(status, name, text)| {
            let mut headers = vec!["X-Request-Id", "Server-Timing"];
            match status {
                401 => headers.push("WWW-Authenticate"),
                429 => headers.extend(["Retry-After", "RateLimit", "RateLimit-Policy"]),
                503 => headers.push("Retry-After"),
                _ => {}
            }
            let response = json!({
                "description": text,
                "headers": header_refs(&headers),
                "content": {
                    "application/json": {"schema": schema_ref("Error")},
                    "application/problem+json": {"schema": schema_ref("Problem")},
                },
            });
            ((*name).to_owned(), response)
        })
        .collect()
}

/// The response headers as shared components.
pub fn headers() -> Value {
    let header = |kind: &str, text: &str| json!({"description": text, "schema": {"type": kind}});
    json!({
        "Accept-Ranges": header("string", "`bytes`: `Range` asks for a part."),
        "Content-Disposition": header("string", "`attachment` with the file's name (RFC 6266)."),
        "Content-Range": header("string", "Which part it is, and how long the file is: `bytes 0-9/1234`."),
        "ETag": header("string", "`\"<version>-<hash>\"`: for `If-None-Match` and `If-Match`."),
        "Idempotent-Replayed": header("string", "`true` when this is the stored answer of an earlier request."),
        "Link": header("string", "`<...>; rel=\"next\"` while there is a next page."),
        "Location": header("string", "Where the new resource is."),
        "RateLimit": header("string", "What is left of the limit, and when it is renewed."),
        "RateLimit-Policy": header("string", "The limit that the request falls under."),
        "Retry-After": header("integer", "Seconds to wait."),
        "Set-Cookie": header("string", "The refresh token, with `Accept-Session: cookie`."),
        "Server-Timing": header("string", "`d1;desc=\"n\"`: trips to the database; for staff also rows read and written."),
        "WWW-Authenticate": header("string", "`Bearer`."),
        "X-Request-Id": header("string", "The client's request id, or ours."),
    })
}

fn header_refs(names: &[&str]) -> Value {
    let map: Map<String, Value> = names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!({"$ref": format!("#/components/headers/{name}")}),
            )
        })
        .collect();
    Value::Object(map)
}

/// All responses of a route by status.
pub fn responses(route: &Route) -> Value {
    let mut map = Map::new();
    let (status, good) = success_response(route);
    map.insert(status.to_string(), good);
    if is_tagged(route) && route.method == Method::Get {
        let mut not_modified = json!({"description": "The caller has this very state (`If-None-Match`)."});
        if let Some(response) = not_modified.as_object_mut() {
            response.insert("headers".to_owned(), header_refs(&["ETag", "X-Request-Id"]));
        }
        map.insert("304".to_owned(), not_modified);
    }
    if sends_file(route) {
        let part = json!({
            "description": "The part of the file that `Range` asks for",
            "headers": header_refs(&["Accept-Ranges", "Content-Disposition", "Content-Range", "X-Request-Id"]),
            "content": {"*/*": {"schema": media_schema("*/*")}},
        });
        map.insert("206".to_owned(), part);
    }
    for (status, name, _) in ERROR_RESPONSES
        .iter()
        .filter(|(status, ..)| can_refuse(route, *status))
    {
        map.insert(
            status.to_string(),
            json!({"$ref": format!("#/components/responses/{name}")}),
        );
    }
    if route.path == "/ready" {
        map.insert(
            "503".to_owned(),
            json!({"description": "Something is down, or the desk is not configured.", "content": {
                "application/json": {"schema": {"anyOf": [schema_ref("Ready"), schema_ref("Error")]}},
                "application/problem+json": {"schema": schema_ref("Problem")},
            }}),
        );
    }
    Value::Object(map)
}

/// Whether the response is one versioned resource and so has an `ETag`.
pub fn is_tagged(route: &Route) -> bool {
    match route.responds {
        Responds::One(_) | Responds::Created(_) => true,
        Responds::List(_)
        | Responds::Nothing
        | Responds::Schema(_)
        | Responds::CreatedSchema(_)
        | Responds::Media(_)
        | Responds::Socket => false,
    }
}

/// The view of a response and, for a list, the name of the list's schema.
pub fn view_of(responds: Responds) -> Option<(&'static View, Option<String>)> {
    match responds {
        Responds::One(view) | Responds::Created(view) => Some((view, None)),
        Responds::List(view) => Some((view, Some(list_name(view)))),
        Responds::Nothing
        | Responds::Schema(_)
        | Responds::CreatedSchema(_)
        | Responds::Media(_)
        | Responds::Socket => None,
    }
}

/// The schemas of a response.
pub fn schemas(responds: Responds) -> Vec<(String, Value)> {
    let Some((table, list)) = view_of(responds) else {
        return Vec::new();
    };
    let mut all = vec![(table.name.to_owned(), view(table))];
    if let Some(name) = list {
        // Lists give some of the fields where the request asks for them.
        let more = if table.name == TICKET.name { LIST_ONLY } else { &[] };
        let some = format!("{}Fields", table.name);
        all.push((some.clone(), some_fields(table.fields.iter().chain(more))));
        let item = json!({"anyOf": [schema_ref(table.name), schema_ref(&some)]});
        all.push((name, page_of(item)));
    }
    all
}

fn list_name(view: &View) -> String {
    format!("{}Page", view.name)
}

fn success_response(route: &Route) -> (u16, Value) {
    let as_json = |schema: Value| json!({"application/json": {"schema": schema}});
    let (status, text, content) = match route.responds {
        Responds::One(view) if has_dry_run(route) => {
            let either = json!({"anyOf": [schema_ref(view.name), schema_ref("BulkResult")]});
            let text = format!("{}; with `dry_run` what would become of each ticket", view.name);
            (200, text, Some(as_json(either)))
        }
        Responds::One(view) => (200, view.name.to_owned(), Some(as_json(schema_ref(view.name)))),
        Responds::List(view) => (
            200,
            format!("A page of {} objects", view.name),
            Some(as_json(schema_ref(&list_name(view)))),
        ),
        Responds::Created(view) => (
            201,
            format!("The new {}", view.name),
            Some(as_json(schema_ref(view.name))),
        ),
        Responds::Nothing => (204, "Done; there is nothing to say".to_owned(), None),
        Responds::Schema(name) => (200, name.to_owned(), Some(as_json(schema_ref(name)))),
        Responds::CreatedSchema(name) => (201, name.to_owned(), Some(as_json(schema_ref(name)))),
        Responds::Socket => (
            101,
            "A WebSocket; the README tells of its frames".to_owned(),
            None,
        ),
        Responds::Media(kind) => (
            200,
            media_description(kind),
            Some(json!({kind: {"schema": media_schema(kind)}})),
        ),
    };
    let mut headers = vec!["X-Request-Id", "Server-Timing"];
    if is_tagged(route) || is_asset(route.responds) {
        headers.push("ETag");
    }
    if status == 201 {
        headers.push("Location");
    }
    let is_paged = route.query.iter().any(|shape| shape.name == page::QUERY.name);
    if is_paged || matches!(route.responds, Responds::List(_)) {
        headers.push("Link");
    }
    if route.is_idempotent {
        headers.push("Idempotent-Replayed");
    }
    if sends_file(route) {
        headers.extend(["Accept-Ranges", "Content-Disposition"]);
    }
    if opens_session(route) {
        headers.push("Set-Cookie");
    }
    if route.limit != RateLimit::None {
        headers.push("RateLimit-Policy");
    }
    let mut response = json!({"description": text, "headers": header_refs(&headers)});
    let content = content.map(|mut content| {
        if let (true, Some(map)) = (reports::is_table(route), content.as_object_mut()) {
            map.insert("text/csv".to_owned(), json!({"schema": {"type": "string"}}));
        }
        content
    });
    if let (Some(content), Some(map)) = (content, response.as_object_mut()) {
        map.insert("content".to_owned(), content);
    }
    (status, response)
}

/// Whether the route can be asked what it would do.
fn has_dry_run(route: &Route) -> bool {
    let fields = route.body.map_or(&[][..], |shape| shape.fields);
    fields.iter().any(|field| field.name == "dry_run")
}

/// Pages and the document itself are static assets. The asset server adds its own tags.
fn is_asset(responds: Responds) -> bool {
    matches!(responds, Responds::Media("text/html" | "application/json"))
}

fn media_description(kind: &str) -> String {
    if kind == "*/*" { "The file's bytes" } else { kind }.to_owned()
}

fn media_schema(kind: &str) -> Value {
    match kind {
        "application/json" => json!({"type": "object"}),
        _ if kind.starts_with("text/") => json!({"type": "string"}),
        // A file: a schema cannot say more than the media type.
        _ => json!({}),
    }
}

/// Whether the route can respond with this error status.
fn can_refuse(route: &Route, status: u16) -> bool {
    let writes = route.method != Method::Get;
    let signed_in = route.access != Access::Public;
    let has_param = route.path.contains('{');
    let asks_for_nothing = route.limit == RateLimit::None;
    match status {
        400 => route.streams || route.body.is_some() || !route.query.is_empty() || route.is_idempotent,
        401 => {
            signed_in
                || route.auth_optional
                || matches!(route.path, "/auth/login" | "/auth/refresh" | "/auth/2fa")
        }
        // Who is signed in may have to set up a second factor first, and a key may lack the scope.
        403 => {
            signed_in
                || route.auth_optional
                || matches!(route.path, "/auth/register" | "/auth/refresh")
                || route.path.starts_with("/uploads/")
        }
        404 => has_param || references_rows(route),
        409 => writes && (signed_in || route.path == "/auth/register"),
        412 => route.streams || takes_if_match(route),
        413 => writes,
        415 => route.body.is_some() || route.takes_csv,
        416 => sends_file(route),
        422 => route.is_idempotent,
        426 => route.opens_socket,
        429 => !asks_for_nothing,
        500 => true,
        _ => !asks_for_nothing,
    }
}

/// Whether the route gives tokens.
pub fn opens_session(route: &Route) -> bool {
    matches!(
        route.responds,
        Responds::Schema("Signed" | "SignedOrChallenged") | Responds::CreatedSchema("Signed")
    )
}

/// Whether the route sends a file, or a part of one.
pub fn sends_file(route: &Route) -> bool {
    matches!(route.responds, Responds::Media("*/*"))
}

/// Whether the body refers to rows that may not exist.
fn references_rows(route: &Route) -> bool {
    route.body.is_some_and(|shape| {
        shape
            .fields
            .iter()
            .any(|field| matches!(field.kind, Kind::Reference | Kind::ReferenceOr(_) | Kind::Slug))
    })
}

/// Whether the route changes one resource, whose version a client can require.
pub fn takes_if_match(route: &Route) -> bool {
    let on_one = route.path.contains('{') || route.method == Method::Put;
    route.method != Method::Get
        && route.is_idempotent
        && on_one
        && !matches!(route.responds, Responds::Created(_))
}
