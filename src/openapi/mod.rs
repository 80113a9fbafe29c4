//! What does the API look like to a client? The OpenAPI 3.1 document, made from the route table and its shapes and
//! views.
//!
//! It exists in native builds only: the Worker serves `web/openapi.json`, which `npm run openapi` writes and a test
//! compares with [`document`]. What the tables do not contain is in [`schemas`](crate::openapi::schemas) and the lists below. No
//! route is described by hand here.

mod access;
mod data;
mod mail;
mod notifications;
pub mod reports;
pub mod responses;
pub mod route_list;
pub mod schema;
pub mod schemas;
pub mod tickets;
pub mod tools;
pub mod webhooks;
pub mod workflows;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::app::endpoint::Endpoint;
use crate::app::route::{Access, Route};
use crate::http::page;
use crate::http::request::Method;
use crate::http::shape::{Field, Need, Shape};
use crate::openapi::schema::{InputLocation, field_meaning, input, is_list, schema_ref};
use crate::routes::ROUTES;

/// First path segments of routes that exist at the root only, without `/api`.
const AT_ROOT: [&str; 8] = [
    "openapi.json",
    "docs",
    "swagger",
    "redoc",
    "health",
    "ready",
    "version",
    ".well-known",
];

/// The tags (groups of operations) with their descriptions. A group that is missing here has none.
const TAGS: &[(&str, &str)] = &[
    (
        "auth",
        "Accounts and sessions: register, log in, refresh, log out.",
    ),
    ("users", "People: one's own profile, and everybody for admins."),
    (
        "tickets",
        "Tickets: open, find, change, and what has happened to them.",
    ),
    ("messages", "Messages and internal notes, under their own name."),
    ("categories", "Categories, subcategories and who works in them."),
    ("agents", "Agents, their load and their performance."),
    ("projects", "Projects, whose tickets have keys."),
    ("attachments", "Files: signed uploads and downloads."),
    (
        "uploads",
        "Where signed uploads go while no R2 keys are configured.",
    ),
    ("workflows", "Rules that act on what happens to tickets."),
    ("sla", "Promises: policies and business calendars."),
    ("imports", "Tickets and people from CSV files."),
    ("changes", "Every event, for systems that keep a copy."),
    ("reports", "Reports over time."),
    ("admin", "The desk itself: settings, dashboards, audit."),
    ("articles", "The knowledge base."),
    ("posts", "The knowledge base under its older name."),
    ("notifications", "What reaches the caller."),
    ("webhooks", "What reaches other systems."),
    ("macros", "Canned replies."),
    ("views", "Saved filters."),
    ("service", "Documents, health and public keys."),
];

/// Example bodies that a reader can send as they are, by the name of their shape.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "Login",
        r#"{"email":"john@example.com","password":"customer123"}"#,
    ),
    (
        "Register",
        r#"{"email":"ada@example.com","password":"a long passphrase","full_name":"Ada Lovelace"}"#,
    ),
    (
        "NewTicket",
        r#"{"title":"The printer is on fire","description":"Smoke comes out of tray 2.","priority":"high"}"#,
    ),
    (
        "NewMessage",
        r#"{"body":"We are on our way.","is_internal":false}"#,
    ),
    (
        "NewUpload",
        r#"{"ticket_id":1,"filename":"photo.jpg","content_type":"image/jpeg","size":81920}"#,
    ),
    ("StatusChange", r#"{"status":"in_progress"}"#),
];

const ABOUT: &str = "A help desk that runs at the edge.\n\n\
  **Mounts.** Every path answers under `/api/v1`, under `/api` and, without a mount, at the root.\n\n\
  **Signing in.** `POST /auth/login` gives an access token: send it as `Authorization: Bearer <token>`.\n\n\
  **Ids.** Every row has an integer `id` and a `uid`; a path or body takes either, and for a ticket also its `number` and `key`.\n\n\
  **Lists** are pages: `{data, meta, links}`. Follow `meta.next_cursor` or the `Link` header.\n\n\
  **Updates.** PUT and PATCH are both partial: what is absent stays as it is, null clears. `If-Match` or `version` in the \
  body guards against the change of somebody else.\n\n\
  **Repeating.** A write with an `Idempotency-Key` is done once, however often it is sent.\n\n\
  **Refusals** share one envelope; `Accept: application/problem+json` gets RFC 9457. A known path asked with another method \
  answers 405.\n\n\
  **Words** such as statuses are taken in any case, with a space, hyphen or underscore. Text lengths count characters after \
  trimming. Unknown keys and parameters are ignored. `X-Request-Id` comes back as it was sent.";

/// The whole document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for Endpoint { route, .. } in ROUTES {
        let item = paths
            .entry(route.path.to_owned())
            .or_insert_with(|| path_item(route));
        if let Some(item) = item.as_object_mut() {
            item.insert(
                route.method.as_str().to_lowercase(),
                operation(route, route.method),
            );
            if route.is_patch {
                item.insert("patch".to_owned(), operation(route, Method::Patch));
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Edgedesk",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}],
        "tags": tags(),
        "paths": paths,
        "webhooks": webhooks::sent(),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "The `access_token` of a login, or an API key."},
            },
            "schemas": schemas().into_iter().collect::<Map<String, Value>>(),
            "responses": responses::error_responses(),
            "headers": responses::headers(),
            "parameters": parameters(),
        },
    })
}

fn segment(route: &Route) -> &'static str {
    route.path.split('/').nth(1).unwrap_or_default()
}

fn is_at_root(route: &Route) -> bool {
    AT_ROOT.contains(&segment(route))
}

/// The tag of a route.
fn tag(route: &Route) -> &'static str {
    if is_at_root(route) {
        "service"
    } else {
        segment(route)
    }
}

fn tags() -> Vec<Value> {
    let mut used: Vec<&str> = Vec::new();
    for Endpoint { route, .. } in ROUTES {
        if !used.contains(&tag(route)) {
            used.push(tag(route));
        }
    }
    let words = |name: &str| {
        TAGS.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    };
    used.into_iter()
        .map(|name| match words(name) {
            Some(text) => json!({"name": name, "description": text}),
            None => json!({"name": name}),
        })
        .collect()
}

/// What all methods of a path share.
fn path_item(route: &Route) -> Value {
    if is_at_root(route) {
        json!({"servers": [{"url": "/"}]})
    } else {
        json!({})
    }
}

fn operation(route: &Route, method: Method) -> Value {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("tags", json!([tag(route)]));
    put("summary", json!(route.summary));
    put("description", json!(description(route, method)));
    put("operationId", json!(operation_id(method, route.path)));
    if route.access == Access::Public {
        // The empty requirement means that a token is optional.
        let optional = json!([{}, {"bearer": []}]);
        put("security", if route.auth_optional { optional } else { json!([]) });
    }
    let parameters: Vec<Value> = path_parameters(route)
        .chain(query_parameters(route))
        .chain(header_parameters(route))
        .collect();
    if !parameters.is_empty() {
        put("parameters", json!(parameters));
    }
    if let Some(shape) = route.body {
        put("requestBody", request_body(route, shape));
    }
    if route.takes_csv {
        let content = json!({"text/csv": {"schema": {"type": "string"}}});
        put("requestBody", json!({"required": true, "content": content}));
    }
    if route.streams {
        put(
            "requestBody",
            json!({"required": true, "description": "The file's bytes.", "content": {"*/*": {"schema": {}}}}),
        );
    }
    put("responses", responses::responses(route));
    Value::Object(map)
}

fn description(route: &Route, method: Method) -> String {
    let who = match route.access {
        Access::Public => "For anybody.",
        Access::SignedIn => "For everybody who is signed in.",
        Access::Agent => "For agents, managers and admins.",
        Access::Manager => "For managers and admins.",
        Access::Admin => "For admins.",
    };
    match (method, route.is_patch) {
        (Method::Patch, _) => format!("{who} The same as PUT: a partial update."),
        (_, true) => format!("{who} A partial update; PATCH does the same."),
        _ => who.to_owned(),
    }
}

/// `GET /tickets/{id}/comments` -> `get_tickets_by_id_comments`. Unique, because method and path are.
fn operation_id(method: Method, path: &str) -> String {
    let mut id = method.as_str().to_lowercase();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => id.push_str(&format!("_by_{name}")),
            None => {
                let word = part.trim_start_matches('.').replace(['.', '-'], "_");
                id.push_str(&format!("_{word}"));
            }
        }
    }
    id
}

fn path_parameters(route: &Route) -> impl Iterator<Item = Value> {
    let group = segment(route);
    route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(move |name| {
            json!({"name": name, "in": "path", "required": true, "description": parameter_meaning(group, name),
                "schema": {"type": "string", "minLength": 1}})
        })
}

/// The description of a path parameter.
fn parameter_meaning(group: &str, name: &str) -> String {
    const TICKET: &str = "The ticket's id, uid, number (`TICK-20260131-0007`) or key (`WEB-12`).";
    match (group, name) {
        ("tickets", "id") | ("messages", "id") => TICKET.to_owned(),
        ("messages", "ticket_id") => {
            format!("{TICKET} PUT, PATCH and DELETE take the id or uid of the message itself.")
        }
        (_, "ticket_id") => TICKET.to_owned(),
        (_, "id") => "Its id or uid.".to_owned(),
        ("uploads", "key") => "The key of the file, as its link has it.".to_owned(),
        (_, "key") => "A key or number.".to_owned(),
        (_, other) => match other.strip_suffix("_id") {
            Some(thing) => format!("The id or uid of the {}.", thing.replace('_', " ")),
            None => format!("The {}.", other.replace('_', " ")),
        },
    }
}

fn query_parameters(route: &Route) -> impl Iterator<Item = Value> {
    route.query.iter().flat_map(|shape| {
        let shared = shape.name == page::QUERY.name;
        // A list may have `fields` of its own.
        let is_own = |field: &Field| {
            let others = route.query.iter().filter(|shape| shape.name != page::QUERY.name);
            others
                .flat_map(|shape| shape.fields)
                .any(|own| own.name == field.name)
        };
        let fields = shape.fields.iter().filter(move |field| !shared || !is_own(field));
        fields.map(move |field| {
            if shared {
                json!({"$ref": format!("#/components/parameters/{}", field.name)})
            } else {
                query_parameter(field)
            }
        })
    })
}

fn query_parameter(field: &Field) -> Value {
    let mut parameter = json!({"name": field.name, "in": "query", "description": field_meaning(field),
        "schema": input(field.kind, InputLocation::Query)});
    if let Some(map) = parameter.as_object_mut() {
        if field.need == Need::Required {
            map.insert("required".to_owned(), json!(true));
        }
        if is_list(field.kind) {
            map.insert("style".to_owned(), json!("form"));
            map.insert("explode".to_owned(), json!(false));
        }
    }
    parameter
}

fn header_parameters(route: &Route) -> impl Iterator<Item = Value> {
    let reads_one = responses::is_tagged(route) && route.method == Method::Get;
    [
        (route.is_idempotent, "Idempotency-Key"),
        (responses::takes_if_match(route), "If-Match"),
        (reads_one, "If-None-Match"),
        (responses::sends_file(route), "Range"),
        (responses::opens_session(route), "Accept-Session"),
    ]
    .into_iter()
    .filter(|(is_taken, _)| *is_taken)
    .map(|(_, name)| json!({"$ref": format!("#/components/parameters/{name}")}))
}

/// The parameters that many operations share.
fn parameters() -> Map<String, Value> {
    let header = |name: &str, most: u32, text: &str| {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": most});
        let parameter = json!({"name": name, "in": "header", "description": text, "schema": schema});
        (name.to_owned(), parameter)
    };
    page::QUERY
        .fields
        .iter()
        .map(|field| (field.name.to_owned(), query_parameter(field)))
        .chain([
            header(
                "Idempotency-Key",
                255,
                "Does the request once, however often it is sent within 24 hours: the same key and body get the same answer.",
            ),
            header("If-Match", 1_000, "An `ETag`, a version or `*`: 412 unless it still holds."),
            header("If-None-Match", 1_000, "An `ETag`: 304 while it still holds."),
            header(
                "Accept-Session",
                20,
                "`cookie`: the refresh token comes in a cookie that scripts cannot read, and not in the body.",
            ),
            header("Range", 100, "One part of the file: `bytes=0-99`, `bytes=100-`, `bytes=-50`."),
        ])
        .collect()
}

fn request_body(route: &Route, shape: &Shape) -> Value {
    let mut media = json!({"schema": schema_ref(shape.name)});
    let example = EXAMPLES.iter().find(|(name, _)| *name == shape.name);
    if let (Some((_, text)), Some(map)) = (example, media.as_object_mut()) {
        map.insert(
            "example".to_owned(),
            serde_json::from_str(text).unwrap_or_default(),
        );
    }
    let mut content = Map::new();
    content.insert("application/json".to_owned(), media.clone());
    if route.takes_form {
        content.insert("multipart/form-data".to_owned(), media.clone());
        content.insert("application/x-www-form-urlencoded".to_owned(), media);
    }
    json!({"required": !route.body_optional, "content": content})
}

/// All schemas by name. A test fails if two different schemas have the same name.
fn schemas() -> BTreeMap<String, Value> {
    named_schemas().into_iter().collect()
}

fn named_schemas() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = schemas::schemas()
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    for Endpoint { route, .. } in ROUTES {
        all.extend(responses::schemas(route.responds));
        all.extend(
            route
                .body
                .map(|shape| (shape.name.to_owned(), schema::body(shape))),
        );
    }
    all
}

#[cfg(test)]
mod tests;
