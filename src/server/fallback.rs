//! Paths outside of the route table: static assets and, in development, the `/dev/` commands.

use std::rc::Rc;

use crate::app::call::App;
use crate::desk::Millis;
use crate::dev::{seed, time};
use crate::edge::config::Config;
use crate::edge::db::Db;
use crate::edge::{Env, http};
use crate::http::error::Error;
use crate::http::reply::{Body, Reply};
use crate::http::request::Request;

/// Serves a path that is not in the route table: assets of the pages and, in development, sample data and time
/// travel.
///
/// # Errors
/// [`Error::NotFound`] for every other path.
pub async fn fallback(
    env: &Env,
    request: &Request,
    path: &str,
    config: &Rc<Config>,
    now: Millis,
) -> Result<Reply, Error> {
    let reads = matches!(request.verb.as_str(), "GET" | "HEAD");
    if reads && path.starts_with("/assets/") && !path.contains("..") && http::has_asset(env, path).await {
        return Ok(Reply {
            is_public: true,
            ..Reply::new(200, Body::AssetPath(path.to_owned()))
        });
    }
    if path.starts_with("/dev/") && request.verb == "POST" && config.development {
        let given = request.header("x-dev-secret");
        if config.dev_secret.is_some() && given == config.dev_secret {
            let app = App {
                env: env.clone(),
                db: Db::open(env)?,
                config: config.clone(),
                now,
                dispatches: Default::default(),
            };
            return match path {
                "/dev/seed" => seed::seed(&app).await,
                "/dev/age" => time::backdate(&app, request).await,
                "/dev/tick" => time::tick(&app, request).await,
                "/dev/queue" => time::enqueue(&app, request).await,
                "/dev/deliver" => time::deliver(&app, request).await,
                "/dev/panic" => time::panic(),
                _ => Err(Error::NotFound),
            };
        }
    }
    Err(Error::NotFound)
}
