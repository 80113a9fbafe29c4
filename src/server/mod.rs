//! One request, from its head to its answer: mount, route, refusals in their order, handler, headers.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use matchit::Router;

use crate::api::sockets;
use crate::app::call::{App, Call};
use crate::app::dispatch;
use crate::app::route::{Access, Limit, Route};
use crate::desk::Millis;
use crate::desk::person::Role;
use crate::edge::config::{self, Config};
use crate::edge::db::{Cost, Db};
use crate::edge::object_store::Stream;
use crate::edge::token::{Claims, Use};
use crate::edge::{Context, Env, Incoming, Outgoing, Taken, clock, http, ids};
use crate::http::error::Error;
use crate::http::etag;
use crate::http::reply::{Body, Reply};
use crate::http::request::{Method, Request, decode};
use crate::routes::ROUTES;
use crate::store::dispatch::Due;

/// The longest body that any route of the table reads, bytes.
pub const BODY_LIMIT: usize = 256 * 1024;

/// The content security policy of files that people have sent: should one be shown as a page all the same, it
/// can do nothing. That of data stands with the headers of every plain answer.
const FILE_CSP: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// That of the documentation pages: their own scripts and styles, nothing from elsewhere. The hashes are those
/// of the empty style and of ReDoc's own style element.
const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' \
  'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; \
  img-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The tree of paths: for each, its rows of the table.
type Tree = Router<Vec<&'static Route>>;

thread_local! {
    static TREE: OnceCell<Tree> = const { OnceCell::new() };
}

fn tree() -> Tree {
    let mut tree = Tree::new();
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let rows = ROUTES.iter().filter(|route| route.path == path).collect();
        // Two patterns that cannot live side by side would be a mistake in the table; a test finds it.
        let _ = tree.insert(path, rows);
    }
    tree
}

/// The path without its mount and trailing slashes.
fn mounted(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    ["/api/v1", "/api"]
        .into_iter()
        .find_map(|mount| path.strip_prefix(mount).filter(|rest| rest.starts_with('/')))
        .unwrap_or(path)
}

/// What a path leads to.
struct Found {
    rows: Vec<&'static Route>,
    params: Vec<(String, String)>,
}

fn find(path: &str) -> Option<Found> {
    TREE.with(|cell| {
        let found = cell.get_or_init(tree).at(path).ok()?;
        let params = found
            .params
            .iter()
            .map(|(name, value)| Some((name.to_owned(), decode(value)?)));
        Some(Found {
            rows: found.value.clone(),
            params: params.collect::<Option<_>>()?,
        })
    })
}

/// The row that answers a verb; HEAD is a GET without its body, and PATCH is PUT where the row allows it.
fn row(rows: &[&'static Route], verb: &str) -> Option<&'static Route> {
    let method = if verb == "HEAD" {
        Method::Get
    } else {
        Method::parse(verb)?
    };
    rows.iter().copied().find(|route| {
        route.method == method || (method == Method::Patch && route.method == Method::Put && route.is_patch)
    })
}

fn allowed(rows: &[&'static Route]) -> Vec<&'static str> {
    let mut words = vec!["OPTIONS"];
    for route in rows {
        words.push(route.method.word());
        if route.method == Method::Get {
            words.push("HEAD");
        }
        if route.is_patch {
            words.push("PATCH");
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

/// What is known of a request for the sake of its answer.
struct Trail {
    request_id: String,
    origin: Option<String>,
    limit: Limit,
    cost: Cost,
    is_staff: bool,
    started: Millis,
}

impl Trail {
    fn new(request_id: String, started: Millis) -> Trail {
        Trail {
            request_id,
            origin: None,
            limit: Limit::None,
            cost: Cost::default(),
            is_staff: false,
            started,
        }
    }
}

/// Answers one request, whatever comes.
///
/// # Errors
/// Only when the platform cannot take the answer.
pub async fn serve(mut incoming: Incoming, env: Env, context: &Context) -> Taken<Outgoing> {
    let started = clock::now();
    let mut request = http::head(&incoming);
    let headless = request.verb == "HEAD";
    let mut trail = Trail::new(request_id(&request, started), started);
    let outcome = match config::load(&env) {
        Err(message) => unready(&request, message),
        Ok(config) => {
            trail.origin = allowed_origin(&request, &config);
            answer(&mut incoming, &mut request, (&env, context), config, &mut trail).await
        }
    };
    let problem = || {
        request
            .header("accept")
            .is_some_and(|accept| accept.contains("application/problem+json"))
    };
    let mut reply = outcome.unwrap_or_else(|error| refuse(error, &request, &trail.request_id, problem()));
    tag(&request, &mut reply);
    dress(&mut reply, &trail);
    match http::send(&env, reply, headless).await {
        Ok(response) => Ok(response),
        Err(error) => {
            http::log(&format!("the answer could not be sent: {error}"));
            let mut reply = Error::Internal(String::new()).into_reply(&trail.request_id, problem());
            dress(&mut reply, &trail);
            http::send(&env, reply, headless).await
        }
    }
}

/// Answers a refusal; what is our fault goes to the log.
fn refuse(error: Error, request: &Request, request_id: &str, problem: bool) -> Reply {
    if let Error::Internal(message) = &error {
        let line = serde_json::json!({"level": "error", "request_id": request_id, "method": request.verb,
            "path": request.path, "error": message});
        http::log(&line.to_string());
    }
    error.into_reply(request_id, problem)
}

/// Answers a request that came over a socket, whose owner is known: the same row, the same checks, the same answer.
/// What is to be told because of it is left to the caller.
pub async fn spoken(env: &Env, request: &Request, claims: &Claims) -> (Reply, Vec<Due>) {
    let now = clock::now();
    let mut trail = Trail::new(request_id(request, now), now);
    let outcome = async {
        let config = config::load(env).map_err(Error::Unavailable)?;
        let found = find(&request.path).ok_or(Error::NotFound)?;
        let route = row(&found.rows, &request.verb).ok_or(Error::NotFound)?;
        let app = App {
            env: env.clone(),
            db: Db::open(env)?,
            config,
            now,
            due: RefCell::default(),
        };
        let outcome = handle(
            &app,
            request,
            route,
            &found.params,
            Some(claims),
            None,
            &mut trail,
        )
        .await;
        outcome.map(|reply| (reply, app.due.take()))
    };
    match outcome.await {
        Ok(answered) => answered,
        Err(error) => (refuse(error, request, &trail.request_id, false), Vec::new()),
    }
}

/// Without its secrets the Worker serves nothing but signs of life.
fn unready(request: &Request, message: String) -> Result<Reply, Error> {
    match mounted(&request.path) {
        "/health" => Ok(crate::api::service::alive()),
        "/version" => Ok(crate::api::service::build()),
        _ => Err(Error::Unavailable(format!(
            "the desk is not configured: {message}"
        ))),
    }
}

async fn answer(
    incoming: &mut Incoming,
    request: &mut Request,
    (env, context): (&Env, &Context),
    config: Rc<Config>,
    trail: &mut Trail,
) -> Result<Reply, Error> {
    let path = mounted(&request.path).to_owned();
    let Some(found) = find(&path) else {
        if config.development && path.starts_with("/dev/") {
            request.body = body(incoming).await?;
        }
        return crate::api::service::elsewhere(env, request, &path, &config, trail.started).await;
    };
    if request.verb == "OPTIONS" {
        let mut reply = Reply::none();
        reply.header("Allow", allowed(&found.rows).join(", "));
        return Ok(reply);
    }
    let route =
        row(&found.rows, &request.verb).ok_or_else(|| Error::MethodNotAllowed(allowed(&found.rows)))?;
    let mut stream = None;
    if route.streams {
        stream = http::stream(incoming);
    } else {
        request.body = body(incoming).await?;
    }
    let db = Db::open(env)?;
    let claims = match route.access {
        Access::Public if !route.hears_token || request.header("authorization").is_none() => None,
        _ if route.opens_socket => Some(sockets::identify(request, &config, &db, trail.started).await?),
        _ => Some(identify(request, &config, trail.started)?),
    };
    let app = App {
        env: env.clone(),
        db,
        config,
        now: trail.started,
        due: RefCell::default(),
    };
    let outcome = handle(
        &app,
        request,
        route,
        &found.params,
        claims.as_ref(),
        stream,
        trail,
    )
    .await;
    trail.cost = app.db.cost();
    let due = app.due.take();
    if !due.is_empty() {
        let env = env.clone();
        context.wait_until(async move { dispatch::tell(&env, due).await });
    }
    outcome
}

async fn body(incoming: &mut Incoming) -> Result<Vec<u8>, Error> {
    http::body(incoming, BODY_LIMIT)
        .await
        .map_err(|_| Error::Malformed("the body could not be read".to_owned()))?
        .ok_or(Error::TooLarge(BODY_LIMIT))
}

/// Runs the handler, and again when the settings it went by have moved.
async fn handle(
    app: &App,
    request: &Request,
    route: &'static Route,
    params: &[(String, String)],
    claims: Option<&Claims>,
    mut stream: Option<Stream>,
    trail: &mut Trail,
) -> Result<Reply, Error> {
    for _ in 0..3 {
        let call = Call::new(app, request, route, params.to_vec(), claims.cloned());
        call.stream.replace(stream.take());
        trail.limit = call.limit();
        let outcome = match claims.map(|claims| admits(route.access, claims.role)) {
            Some(false) => Err(Error::Forbidden("your role may not do this".to_owned())),
            _ => (route.handler)(&call).await,
        };
        // Whatever the handler found wrong, a caller who is not believed is told that first.
        let anybody = claims.is_none() && !route.hears_token;
        let checked = match (call.checked.get(), anybody) {
            (false, false) => believed(&call, &outcome).await,
            // Whoever guesses at random is told to slow down before what was wrong.
            (false, true) if outcome.is_err() => call.admit().await,
            (_, _) => Ok(()),
        };
        let outcome = match (checked, outcome) {
            (Err(Error::RateLimited { .. }), Err(Error::Forbidden(message))) => {
                Err(Error::Forbidden(message))
            }
            (checked, outcome) => checked.and(outcome),
        };
        match outcome {
            Err(Error::SettingsMoved) => {}
            outcome => {
                trail.is_staff = call.checked.get() && claims.is_some_and(|claims| claims.role.is_staff());
                return outcome;
            }
        }
    }
    Err(Error::Internal("the settings would not stand still".to_owned()))
}

/// Makes sure of a caller whose request was refused before anything was read. Wrong fields are told only of
/// what the caller may see.
async fn believed(call: &Call<'_>, outcome: &Result<Reply, Error>) -> Result<(), Error> {
    let subject = match outcome {
        Err(Error::Invalid(_)) => crate::api::subject(call)?,
        _ => None,
    };
    let Some(subject) = subject else {
        return call.look(Vec::new()).await.map(|_| ());
    };
    match call.look(vec![subject]).await?.first() {
        Some(rows) if rows.is_empty()? => Err(Error::NotFound),
        _ => Ok(()),
    }
}

fn identify(request: &Request, config: &Config, now: Millis) -> Result<Claims, Error> {
    let token = request.bearer().ok_or(Error::Unauthorized(
        "sign in first: Authorization: Bearer <access token>",
    ))?;
    config
        .keys
        .verify(&token, Use::Access, now)
        .ok_or(Error::Unauthorized("the access token is invalid or has expired"))
}

fn admits(access: Access, role: Role) -> bool {
    match access {
        Access::Public | Access::SignedIn => true,
        Access::Agent => role >= Role::Agent,
        Access::Manager => role >= Role::Manager,
        Access::Admin => role >= Role::Admin,
    }
}

/// The client's request id when it is a sensible one, otherwise ours.
fn request_id(request: &Request, now: Millis) -> String {
    let sensible = |id: &String| {
        (1..=128).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
    };
    request
        .header("x-request-id")
        .filter(sensible)
        .or_else(|| ids::uid(now).ok())
        .unwrap_or_default()
}

fn allowed_origin(request: &Request, config: &Config) -> Option<String> {
    let origin = request.header("origin")?;
    config
        .cors_origins
        .contains(&origin.to_ascii_lowercase())
        .then_some(origin)
}

/// Tags single resources, and answers 304 to who has this one already.
fn tag(request: &Request, reply: &mut Reply) {
    let (Some(version), Body::Text(body)) = (reply.version, &reply.body) else {
        return;
    };
    let tag = etag::tag(version, body);
    let known = request
        .header("if-none-match")
        .is_some_and(|header| etag::none_match(&header, &tag));
    reply.header("ETag", tag);
    if known && reply.status == 200 && matches!(request.verb.as_str(), "GET" | "HEAD") {
        reply.status = 304;
        reply.body = Body::Empty;
    }
}

fn dress(reply: &mut Reply, trail: &Trail) {
    reply.header("X-Request-Id", trail.request_id.clone());
    reply.is_plain = true;
    match reply.body {
        Body::Asset(_) | Body::AssetPath(_) => reply.header("Content-Security-Policy", PAGE_CSP),
        Body::File { .. } => reply.header("Content-Security-Policy", FILE_CSP),
        Body::Empty | Body::Text(_) | Body::Socket(_) => {}
    }
    if reply.is_public && reply.get("Cache-Control").is_none() {
        reply.header("Cache-Control", "public, max-age=300");
    }
    let mut timing = format!("d1;desc=\"{}\"", trail.cost.trips);
    if trail.is_staff {
        timing.push_str(&format!(
            ", rows_read;desc=\"{}\", rows_written;desc=\"{}\"",
            trail.cost.rows_read, trail.cost.rows_written
        ));
    }
    reply.header("Server-Timing", timing);
    if trail.limit != Limit::None {
        reply.header("RateLimit-Policy", trail.limit.policy());
    }
    if let Some(origin) = &trail.origin {
        reply.header("Access-Control-Allow-Origin", origin.clone());
        reply.header("Access-Control-Allow-Credentials", "true");
        reply.header(
            "Access-Control-Allow-Methods",
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        );
        reply.header(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Accept, Idempotency-Key, If-Match, If-None-Match, X-Request-Id",
        );
        reply.header(
            "Access-Control-Expose-Headers",
            "ETag, Link, Location, X-Request-Id, Server-Timing, RateLimit, RateLimit-Policy, Retry-After, Idempotent-Replayed",
        );
        reply.header("Access-Control-Max-Age", "86400");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_place() {
        let mut tree = Tree::new();
        let mut paths: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            assert!(tree.insert(path, Vec::new()).is_ok(), "{path}");
        }
    }

    #[test]
    fn no_row_stands_twice() {
        for (at, route) in ROUTES.iter().enumerate() {
            let twin = ROUTES
                .iter()
                .skip(at + 1)
                .find(|other| other.method == route.method && other.path == route.path);
            assert!(twin.is_none(), "{} {}", route.method.word(), route.path);
        }
    }

    #[test]
    fn mounts_and_slashes_do_not_matter() {
        for (path, want) in [
            ("/api/v1/tickets/5", "/tickets/5"),
            ("/api/tickets/5/", "/tickets/5"),
            ("/tickets/5//", "/tickets/5"),
            ("/health", "/health"),
            ("/api/v1", "/v1"),
            ("/apis/tickets", "/apis/tickets"),
            ("/", ""),
        ] {
            assert_eq!(mounted(path), want);
        }
    }

    #[test]
    fn literal_segments_win() {
        for (path, want) in [
            ("/tickets/my", "/tickets/my"),
            ("/tickets/5", "/tickets/{id}"),
            ("/users/me", "/users/me"),
            ("/messages/ticket/5", "/messages/ticket/{id}"),
            ("/messages/5", "/messages/{ticket_id}"),
        ] {
            let rows = find(path).map(|found| found.rows).unwrap_or_default();
            assert_eq!(rows.first().map(|route| route.path), Some(want));
        }
    }
}
