//! Routes that are not about a resource: documentation, health, version and public keys.

use serde_json::{Map, Value, json};

use crate::app::call::Call;
use crate::app::file_store::Files;
use crate::desk::Millis;
use crate::edge::auth::revoked_tokens;
use crate::edge::{clock, http, hub};
use crate::http::error::Error;
use crate::http::reply::{Body, Reply};
use crate::store::cleanup;

/// `GET /openapi.json`.
pub async fn openapi(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(asset("/openapi.json"))
}

/// `GET /docs`, `GET /swagger`.
pub async fn swagger(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(asset("/docs.html"))
}

/// `GET /redoc`.
pub async fn redoc(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(asset("/redoc.html"))
}

fn asset(path: &'static str) -> Reply {
    Reply {
        is_public: true,
        ..Reply::new(200, Body::Asset(path))
    }
}

/// `GET /health`: shows that the Worker responds. Nothing else is checked.
pub async fn health(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(health_reply())
}

/// The reply that shows that the Worker responds.
pub fn health_reply() -> Reply {
    Reply::ok(r#"{"status":"ok"}"#.to_owned())
}

/// `GET /version`.
pub async fn version(_call: &Call<'_>) -> Result<Reply, Error> {
    Ok(version_reply())
}

/// The reply with the name and the version of this software.
pub fn version_reply() -> Reply {
    Reply::ok(format!(
        "{{\"name\":\"{}\",\"version\":\"{}\"}}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    ))
}

/// `GET /.well-known/jwks.json`.
pub async fn jwks(call: &Call<'_>) -> Result<Reply, Error> {
    Ok(Reply {
        is_public: true,
        ..Reply::ok(call.app.config.keys.jwks())
    })
}

/// `GET /ready`: checks every binding that the help desk depends on, and shows how many milliseconds each check took.
/// 503 if one is down.
pub async fn ready(call: &Call<'_>) -> Result<Reply, Error> {
    call.check_rate_limit().await?;
    let mut checks = Map::new();
    let mut all_well = true;
    let mut note = |name: &str, began: Millis, well: bool| {
        all_well &= well;
        let ms = clock::now().saturating_sub(began);
        checks.insert(
            name.to_owned(),
            json!({"status": if well { "ok" } else { "down" }, "ms": ms}),
        );
    };
    let began = clock::now();
    let well = call.app.db.batch(&[cleanup::heartbeat()]).await.is_ok();
    note("d1", began, well);
    let began = clock::now();
    note("kv", began, revoked_tokens::is_healthy(&call.app.env).await);
    let began = clock::now();
    note(
        "assets",
        began,
        http::has_asset(&call.app.env, "/openapi.json").await,
    );
    let began = clock::now();
    note("r2", began, Files::of(call.app).is_available().await);
    let began = clock::now();
    note("live", began, hub::is_healthy(&call.app.env).await);
    let status = if all_well { "ok" } else { "down" };
    let mut reply = Reply::ok(json!({"status": status, "checks": Value::Object(checks)}).to_string());
    if !all_well {
        reply.status = 503;
    }
    Ok(reply)
}
