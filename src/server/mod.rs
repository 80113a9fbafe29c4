//! What happens to one HTTP request? It finds the route, refuses in a fixed order (path, method, body size, token,
//! role, input), runs the handler and adds the headers.
//!
//! Nothing here belongs to a single resource: what a route needs is a fact of its row in `src/routes.rs`. The handler
//! decides, this layer only makes sure that a refusal reveals nothing that the caller may not know.

pub mod fallback;
pub mod headers;
mod identify;
pub mod router;

use std::cell::RefCell;
use std::rc::Rc;

use crate::api::service;
use crate::app::call::{App, Call};
use crate::app::dispatch;
use crate::app::endpoint::{Endpoint, Finder};
use crate::app::route::{Access, MAX_BODY_BYTES, RateLimit};
use crate::edge::auth::token::Claims;
use crate::edge::config::{self, Config};
use crate::edge::db::{Batch, Db, Rows};
use crate::edge::http::{self, Incoming, PlatformRequest, PlatformResponse};
use crate::edge::object_store::ByteStream;
use crate::edge::{Context, Env, WorkerResult, clock, log};
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::server::headers::{ResponseContext, add_headers, allowed_origin, apply_etag, request_id};
use crate::server::router::{allowed_methods, match_path, route_for, strip_mount};
use crate::store::dispatch::Dispatch;

/// A request whose head has been read.
pub struct ReceivedRequest {
    incoming: Incoming,
    request: Request,
    response_context: ResponseContext,
}

/// What became of a request when its head had been read.
pub enum Received {
    Answered(PlatformResponse),
    /// It is to be [served](serve).
    Request(Box<ReceivedRequest>),
}

/// Reads the head of a request, and answers it if it is a health check.
///
/// # Errors
/// When the platform cannot build the response.
pub fn receive(incoming: PlatformRequest) -> WorkerResult<Received> {
    let started = clock::now();
    let (incoming, request) = http::read_head(incoming)?;
    let response_context = ResponseContext::new(request_id(&request, started), started);
    if is_health_check(&incoming, &request) {
        let mut reply = service::health_reply();
        add_headers(&mut reply, &response_context);
        let response = http::build_plain_response(reply, request.verb == "HEAD")?;
        return Ok(Received::Answered(response));
    }
    Ok(Received::Request(Box::new(ReceivedRequest {
        incoming,
        request,
        response_context,
    })))
}

/// Serves a request. Errors become responses, so it always answers.
///
/// # Errors
/// Only when the platform cannot build the response.
pub async fn serve(received: ReceivedRequest, env: Env, context: &Context) -> WorkerResult<PlatformResponse> {
    let ReceivedRequest {
        incoming,
        mut request,
        mut response_context,
    } = received;
    let headless = request.verb == "HEAD";
    let outcome = match config::load(&env) {
        Err(message) => serve_unconfigured(&request, message),
        Ok(config) => {
            response_context.origin = allowed_origin(&request, &config);
            route_request(
                &incoming,
                &mut request,
                (&env, context),
                config,
                &mut response_context,
            )
            .await
        }
    };
    let problem = || {
        request
            .header("accept")
            .is_some_and(|accept| accept.contains("application/problem+json"))
    };
    let mut reply =
        outcome.unwrap_or_else(|error| refuse(error, &request, &response_context.request_id, problem()));
    apply_etag(&request, &mut reply);
    add_headers(&mut reply, &response_context);
    match http::build_response(&env, reply, headless).await {
        Ok(response) => Ok(response),
        Err(error) => {
            log::error(&format!("the answer could not be sent: {error}"));
            let mut reply =
                Error::Internal(String::new()).into_reply(&response_context.request_id, problem());
            add_headers(&mut reply, &response_context);
            http::build_plain_response(reply, headless)
        }
    }
}

/// Whether this is the usual `GET /health`, which needs neither configuration nor router. One with a body or from a
/// page of another origin goes the way of all other requests, which gives the same response.
fn is_health_check(incoming: &Incoming, request: &Request) -> bool {
    matches!(request.verb.as_str(), "GET" | "HEAD")
        && strip_mount(&request.path) == "/health"
        && !incoming.has_body()
        && request.header("origin").is_none()
}

/// The response to an error. Internal errors are logged.
fn refuse(error: Error, request: &Request, request_id: &str, problem: bool) -> Reply {
    if let Error::Internal(message) = &error {
        let line = serde_json::json!({"level": "error", "request_id": request_id, "method": request.verb,
            "path": request.path, "error": message});
        log::error(&line.to_string());
    }
    error.into_reply(request_id, problem)
}

/// Serves a request that a client sent in a WebSocket frame, with the caller already known: the same route, the same
/// checks and the same response as over HTTP. Dispatching what follows from it is left to the caller.
pub async fn serve_frame(env: &Env, request: &Request, claims: &Claims) -> (Reply, Vec<Dispatch>) {
    let now = clock::now();
    let mut response_context = ResponseContext::new(request_id(request, now), now);
    let outcome = async {
        let config = config::load(env).map_err(Error::Unavailable)?;
        let found = match_path(&request.path).ok_or(Error::NotFound)?;
        let endpoint = route_for(&found.rows, &request.verb).ok_or(Error::NotFound)?;
        let app = App {
            env: env.clone(),
            db: Db::open(env)?,
            config,
            now,
            dispatches: RefCell::default(),
        };
        let outcome = run_handler(
            &app,
            request,
            endpoint,
            &found.params,
            Some(claims),
            None,
            &mut response_context,
        )
        .await;
        outcome.map(|reply| (reply, app.dispatches.take()))
    };
    match outcome.await {
        Ok(answered) => answered,
        Err(error) => (
            refuse(error, request, &response_context.request_id, false),
            Vec::new(),
        ),
    }
}

/// Without a valid configuration the Worker serves only health checks.
fn serve_unconfigured(request: &Request, message: String) -> Result<Reply, Error> {
    match strip_mount(&request.path) {
        "/health" => Ok(service::health_reply()),
        "/version" => Ok(service::version_reply()),
        _ => Err(Error::Unavailable(format!(
            "the desk is not configured: {message}"
        ))),
    }
}

async fn route_request(
    incoming: &Incoming,
    request: &mut Request,
    (env, context): (&Env, &Context),
    config: Rc<Config>,
    response_context: &mut ResponseContext,
) -> Result<Reply, Error> {
    let path = strip_mount(&request.path).to_owned();
    let Some(found) = match_path(&path) else {
        // A page of another origin that may ask learns of the 404 only after a preflight that succeeds.
        if request.verb == "OPTIONS" && response_context.origin.is_some() {
            return Ok(Reply::no_content());
        }
        if config.development && path.starts_with("/dev/") {
            request.body = read_body(incoming, MAX_BODY_BYTES).await?;
        }
        return fallback::fallback(env, request, &path, &config, response_context.started).await;
    };
    if request.verb == "OPTIONS" {
        let mut reply = Reply::no_content();
        reply.header("Allow", allowed_methods(&found.rows).join(", "));
        return Ok(reply);
    }
    let endpoint = route_for(&found.rows, &request.verb)
        .ok_or_else(|| Error::MethodNotAllowed(allowed_methods(&found.rows)))?;
    let route = &endpoint.route;
    // As long as the caller is not known, the address counts.
    response_context.limit = Some(match route.limit {
        RateLimit::User => RateLimit::Address,
        limit => limit,
    });
    let mut stream = None;
    if route.streams {
        stream = http::body_stream(incoming);
    } else {
        request.body = read_body(incoming, route.max_body).await?;
    }
    let db = Db::open(env)?;
    let claims = match route.access {
        Access::Public if !route.auth_optional || request.header("authorization").is_none() => None,
        _ if route.opens_socket => {
            let now = response_context.started;
            Some(identify::socket_caller(request, (env, &config), &db, now).await?)
        }
        _ => Some(identify::caller(request, (env, &config), &db, response_context.started).await?),
    };
    let app = App {
        env: env.clone(),
        db,
        config,
        now: response_context.started,
        dispatches: RefCell::default(),
    };
    let outcome = run_handler(
        &app,
        request,
        endpoint,
        &found.params,
        claims.as_ref(),
        stream,
        response_context,
    )
    .await;
    response_context.cost = app.db.cost();
    let due = app.dispatches.take();
    if !due.is_empty() {
        let env = env.clone();
        context.wait_until(async move { dispatch::send(&env, due).await });
    }
    outcome
}

async fn read_body(incoming: &Incoming, limit: usize) -> Result<Vec<u8>, Error> {
    http::read_body(incoming, limit)
        .await
        .map_err(|_| Error::Malformed("the body could not be read".to_owned()))?
        .ok_or(Error::TooLarge(limit))
}

/// Runs the handler, and runs it again if the settings it used turned out to be outdated.
async fn run_handler(
    app: &App,
    request: &Request,
    endpoint: &'static Endpoint,
    params: &[(String, String)],
    claims: Option<&Claims>,
    mut stream: Option<ByteStream>,
    response_context: &mut ResponseContext,
) -> Result<Reply, Error> {
    let route = &endpoint.route;
    for _ in 0..3 {
        let call = Call::new(app, request, route, params.to_vec(), claims.cloned());
        call.stream.replace(stream.take());
        if route.audit.is_some() {
            call.named_row
                .replace(endpoint.finder.and_then(|find| find(&call).ok()));
        }
        response_context.limit = Some(call.limit());
        let admitted = claims.map_or(Ok(()), |claims| identify::admit(route, claims));
        let outcome = match admitted {
            Err(error) => Err(error),
            Ok(()) => (endpoint.handler)(&call).await,
        };
        // An invalid caller gets that error first, whatever error the handler found in the request.
        let anybody = claims.is_none() && !route.auth_optional;
        let checked = match (call.checked.get(), anybody) {
            (false, false) => recheck_caller(&call, endpoint.finder, &outcome).await,
            // Failed requests count against the rate limit before the error is returned, to slow down guessing.
            (false, true) if outcome.is_err() => call.check_rate_limit().await,
            (_, _) => Ok(()),
        };
        let outcome = match (checked, outcome) {
            (Err(Error::RateLimited { .. }), Err(Error::Forbidden(message))) => {
                Err(Error::Forbidden(message))
            }
            (checked, outcome) => checked.and(outcome),
        };
        match outcome {
            Err(Error::SettingsChanged) => {}
            outcome => {
                let outcome = authorize_replay(&call, endpoint, outcome).await;
                if let Ok(reply) = &outcome {
                    call.audit_export(reply).await?;
                }
                let is_staff = call.is_trusted.get() && claims.is_some_and(|claims| claims.role.is_staff());
                // In development the cost of requests without a signed-in user, such as login, is shown too.
                response_context.shows_rows = is_staff || (app.config.development && claims.is_none());
                return outcome;
            }
        }
    }
    Err(Error::Internal("the settings would not stand still".to_owned()))
}

/// Checks a caller whose request was refused before anything was read. Validation errors are reported only if the
/// caller may see the row that the path names.
async fn recheck_caller(
    call: &Call<'_>,
    finder: Option<Finder>,
    outcome: &Result<Reply, Error>,
) -> Result<(), Error> {
    let Some(find) = finder.filter(|_| matches!(outcome, Err(Error::Invalid(_)))) else {
        return call.read_optional(Batch::new()).await.map(|_| ());
    };
    let mut batch = Batch::new();
    let named = batch.add::<Rows>(find(call)?);
    if call.read_optional(batch).await?.has_row(named)? {
        Ok(())
    } else {
        Err(Error::NotFound)
    }
}

/// A stored response is sent again only to a caller who may still see what it is about. One without content shows
/// nothing, and what it deleted cannot be found any more.
async fn authorize_replay(
    call: &Call<'_>,
    endpoint: &Endpoint,
    outcome: Result<Reply, Error>,
) -> Result<Reply, Error> {
    let subject = match (&outcome, endpoint.replay_finder, endpoint.finder) {
        (Err(Error::Replayed(reply)), _, _) if reply.status == 204 => None,
        (Err(Error::Replayed(reply)), Some(find), _) => Some(find(call, reply)?),
        (Err(Error::Replayed(_) | Error::IdempotencyMismatch), _, Some(find)) => Some(find(call)?),
        _ => None,
    };
    let Some(subject) = subject else {
        return outcome;
    };
    let mut batch = Batch::new();
    let found = batch.add::<Rows>(subject);
    if call.read(batch).await?.has_row(found)? {
        outcome
    } else {
        Err(Error::NotFound)
    }
}
