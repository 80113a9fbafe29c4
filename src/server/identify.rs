//! Who makes a request, and whether they may call its route at all.

use std::cell::RefCell;
use std::collections::HashMap;

use futures_util::future::join;
use serde_json::{Value, json};

use crate::api::sockets;
use crate::app::call::BAD_KEY;
use crate::app::route::key_scope::needed_scope;
use crate::app::route::{Access, RateLimit, Route};
use crate::desk::Millis;
use crate::desk::access::api_key::{self, KeyGrant, KeyScopes};
use crate::desk::access::audit::AuditAction;
use crate::desk::id::MAX_ID;
use crate::desk::person::Role;
use crate::edge::auth::token::{Claims, TokenUse};
use crate::edge::config::Config;
use crate::edge::db::{Batch, Db};
use crate::edge::{Env, ids, rate_limit};
use crate::http::error::Error;
use crate::http::request::Request;
use crate::store::access::api_keys::{self, FoundKey, hour_of};
use crate::store::access::audit::{self, AuditTarget, NewAuditEntry};

/// How many keys an isolate remembers.
const MAX_KNOWN: usize = 1_000;

thread_local! {
    /// What keys claim, by their hashes, and the hour for which that is remembered. Like the claims of a token only a
    /// hint: the authority of a key is read with the data of each request.
    static KNOWN: RefCell<HashMap<String, (Claims, Millis)>> = RefCell::default();
}

/// Finds out who asks for a socket. Clients that cannot set headers send their token in other ways.
///
/// # Errors
/// As [`caller`], and 403 for pages of foreign origins and for keys with a lower role than their owner's.
pub(super) async fn socket_caller(
    request: &Request,
    (env, config): (&Env, &Config),
    db: &Db,
    now: Millis,
) -> Result<Claims, Error> {
    let claims = match sockets::read_token(request).filter(|token| token.starts_with(api_key::PREFIX)) {
        Some(key) => key_bearer(&key, request, (env, config), db, now).await?,
        None => sockets::identify(request, config, db, now).await?,
    };
    require_known_origin(request, config)?;
    if claims.api_key.is_some_and(|key| key.is_lowered) {
        return Err(Error::Forbidden(
            "a socket shows what its owner may see: this API key has a lower role".to_owned(),
        ));
    }
    Ok(claims)
}

/// Finds out who makes a request, from `Authorization: Bearer` with an access token or an API key.
///
/// # Errors
/// 401 without one, or with one that is not valid.
pub(super) async fn caller(
    request: &Request,
    (env, config): (&Env, &Config),
    db: &Db,
    now: Millis,
) -> Result<Claims, Error> {
    let token = request.bearer_token().ok_or(Error::Unauthorized(
        "sign in first: Authorization: Bearer <access token>",
    ))?;
    if token.starts_with(api_key::PREFIX) {
        return key_bearer(&token, request, (env, config), db, now).await;
    }
    config
        .keys
        .verify(&token, TokenUse::Access, now)
        .await
        .ok_or(Error::Unauthorized("the access token is invalid or has expired"))
}

/// What a key claims. Once an hour the database is asked, and told that the key is in use.
async fn key_bearer(
    key: &str,
    request: &Request,
    (env, config): (&Env, &Config),
    db: &Db,
    now: Millis,
) -> Result<Claims, Error> {
    const BAD: Error = Error::Unauthorized(BAD_KEY);
    if !api_key::is_well_formed(key) {
        return Err(BAD);
    }
    let (hash, hour) = (ids::hash_token(key), hour_of(now));
    let known = KNOWN.with_borrow(|known| {
        known
            .get(&hash)
            .filter(|(_, of)| *of == hour)
            .map(|(claims, _)| claims.clone())
    });
    if let Some(claims) = known {
        return Ok(claims);
    }
    let address = request.client_ip();
    let mut batch = Batch::new();
    let found = batch.add::<FoundKey>(api_keys::find(&hash, now));
    let allowed = async {
        // Whoever tries keys is slowed down like everybody who is not signed in.
        !config.rate_limits
            || rate_limit::allows(env, RateLimit::Address.binding(), format!("a{address}")).await
    };
    let (found_rows, allowed) = join(db.batch(&batch), allowed).await;
    if !allowed {
        return Err(Error::RateLimited {
            message: "too many requests; slow down",
            seconds: 60,
        });
    }
    let found = found_rows?.first(found)?.ok_or(BAD)?;
    let entry = audit::record(NewAuditEntry {
        actor_id: Some(found.user_id),
        api_key_id: Some(found.id),
        action: AuditAction::ApiKeyUsed,
        target: AuditTarget::Found(api_keys::find_unused(&hash, now)),
        address,
        details: json!({}),
        now,
    });
    db.batch(&[entry, api_keys::touch(found.id, now)]).await?;
    let scopes = serde_json::from_str(&found.scopes).unwrap_or(Value::Null);
    let claims = Claims {
        user_id: found.user_id,
        role: Role::parse(&found.role).ok_or(BAD)?,
        session_id: found.id.saturating_neg(),
        ver: 0,
        jti: String::new(),
        expires: MAX_ID,
        api_key: Some(KeyGrant {
            id: found.id,
            scopes: KeyScopes::parse(&scopes).unwrap_or_default(),
            is_lowered: found.role != found.owner_role,
        }),
    };
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MAX_KNOWN {
            known.retain(|_, (_, of)| *of == hour);
        }
        if known.len() < MAX_KNOWN {
            known.insert(hash, (claims.clone(), hour));
        }
    });
    Ok(claims)
}

/// Whether a caller with these claims may call a route at all.
///
/// # Errors
/// 403 for a role, or a key, for which the route is not.
pub(super) fn admit(route: &Route, claims: &Claims) -> Result<(), Error> {
    let fits = match route.access {
        Access::Public | Access::SignedIn => true,
        Access::Agent => claims.role >= Role::Agent,
        Access::Manager => claims.role >= Role::Manager,
        Access::Admin => claims.role >= Role::Admin,
    };
    if !fits {
        return Err(Error::Forbidden("your role may not do this".to_owned()));
    }
    let Some(key) = claims.api_key else {
        return Ok(());
    };
    match needed_scope(route) {
        None => Err(Error::Forbidden(
            "this is for people who are signed in, not for API keys".to_owned(),
        )),
        Some(scope) if !key.scopes.has(scope) => Err(Error::Forbidden(format!(
            "the API key lacks the scope {}",
            scope.as_str()
        ))),
        Some(_) => Ok(()),
    }
}

/// Browsers open sockets to any host and enforce no CORS on them, so pages of foreign origins are refused here: once
/// `CORS_ORIGINS` lists the pages that may call the API. Other clients send no origin.
fn require_known_origin(request: &Request, config: &Config) -> Result<(), Error> {
    let is_known = |origin: String| {
        origin.eq_ignore_ascii_case(&request.origin)
            || config.cors_origins.contains(&origin.to_ascii_lowercase())
    };
    if config.cors_origins.is_empty() || request.header("origin").is_none_or(is_known) {
        Ok(())
    } else {
        Err(Error::Forbidden(
            "pages of this origin may not open sockets".to_owned(),
        ))
    }
}
