//! The context of a request, and how the authority of a signed-in caller is checked.
//!
//! The caller's authority (role, active flag, session, settings of the desk) is read in the same round trip as the
//! data. The list of revoked tokens in KV and the rate limit are checked at the same time, and each of them can
//! refuse the request.

mod audit;
pub mod waiting;
mod write;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::join3;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::replay::check_replay;
use crate::app::route::{self, RateLimit, Route};
use crate::app::settings_cache::{Loaded, Settings, SettingsCache};
use crate::desk::Millis;
use crate::desk::access::api_key::KeyScope;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::tickets::status::reopen_since;
use crate::desk::tickets::ticket::{Actor, TicketSettings};
use crate::edge::auth::revoked_tokens;
use crate::edge::auth::token::Claims;
use crate::edge::config::Config;
use crate::edge::db::{Answers, Batch, Db, Stmt};
use crate::edge::object_store::ByteStream;
use crate::edge::{Env, ids, rate_limit};
use crate::http::error::Error;
use crate::http::etag::IfMatch;
use crate::http::input_values::Input;
use crate::http::request::Request;
use crate::store::automation::rules::RuleSet;
use crate::store::commit;
use crate::store::dispatch::Dispatch;
use crate::store::sessions;
use crate::store::sql::carry::{carry, split_carried};
use crate::store::sql::scope::Scope;
use crate::store::tickets::ticket::Viewer;

/// Why a key is refused: the same words whether there is no such key, or none any more.
pub const BAD_KEY: &str = "the API key is invalid or has ended";

/// Everything that does not come from the request itself.
pub struct App {
    pub env: Env,
    pub db: Db,
    pub config: Rc<Config>,
    pub now: Millis,
    /// What is to be dispatched (sockets, mails, webhooks) after the response.
    pub dispatches: RefCell<Vec<Dispatch>>,
}

/// One request: its route, its caller and what has been checked so far.
pub struct Call<'a> {
    pub app: &'a App,
    pub request: &'a Request,
    pub route: &'static Route,
    pub params: Vec<(String, String)>,
    pub claims: Option<Claims>,
    /// Whether the caller's authority has been checked, with whatever result.
    pub checked: Cell<bool>,
    /// Whether it was checked and found to be valid.
    pub is_trusted: Cell<bool>,
    /// Finds the row that the path names, for the audit log.
    pub named_row: RefCell<Option<Stmt>>,
    /// The unread body, on routes that stream it.
    pub stream: RefCell<Option<ByteStream>>,
    card: RefCell<Value>,
    settings_cache: RefCell<SettingsCache>,
    /// Whether the handler needs the rules, or what is read with them, although its route triggers none.
    wants_rules: Cell<bool>,
    /// Whether the request is within its rate limit, once that has been counted.
    is_within_limit: Cell<Option<bool>>,
}

impl<'a> Call<'a> {
    /// Creates the call for a request that has matched a route.
    pub fn new(
        app: &'a App,
        request: &'a Request,
        route: &'static Route,
        params: Vec<(String, String)>,
        claims: Option<Claims>,
    ) -> Call<'a> {
        Call {
            app,
            request,
            route,
            params,
            claims,
            checked: Cell::new(false),
            is_trusted: Cell::new(false),
            named_row: RefCell::new(None),
            stream: RefCell::new(None),
            card: RefCell::new(Value::Null),
            settings_cache: RefCell::new(SettingsCache::now()),
            wants_rules: Cell::new(false),
            is_within_limit: Cell::new(None),
        }
    }

    /// The time of the request.
    pub fn now(&self) -> Millis {
        self.app.now
    }

    /// A new UUIDv7.
    ///
    /// # Errors
    /// When the platform cannot provide random bytes.
    pub fn uid(&self) -> Result<String, Error> {
        ids::new_uid(self.app.now).map_err(Error::Internal)
    }

    /// The first part of a uid; the id of its row is appended later.
    ///
    /// # Errors
    /// When the platform cannot provide random bytes.
    pub fn uid_head(&self) -> Result<String, Error> {
        ids::uid_head(self.app.now).map_err(Error::Internal)
    }

    /// The decoded value of a path parameter.
    pub fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// A path parameter that refers to a row.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not a valid reference.
    pub fn reference(&self, name: &str) -> Result<Ref, Error> {
        Ref::parse(self.param(name)).ok_or(Error::NotFound)
    }

    /// The caller's token claims.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when nobody is signed in, which is possible on public routes.
    pub fn me(&self) -> Result<&Claims, Error> {
        self.claims.as_ref().ok_or(Error::Unauthorized("sign in first"))
    }

    /// The caller's id.
    ///
    /// # Errors
    /// As [`Call::me`].
    pub fn my_id(&self) -> Result<i64, Error> {
        Ok(self.me()?.user_id)
    }

    /// The caller's role.
    ///
    /// # Errors
    /// As [`Call::me`].
    pub fn my_role(&self) -> Result<Role, Error> {
        Ok(self.me()?.role)
    }

    /// The caller as an actor for the domain rules. Its card is only known after the first read.
    ///
    /// # Errors
    /// As [`Call::me`].
    pub fn actor(&self) -> Result<Actor, Error> {
        let me = self.me()?;
        Ok(Actor {
            id: me.user_id,
            role: me.role,
            card: self.card.borrow().clone(),
            is_in_copy: false,
        })
    }

    /// The tickets that the caller may see.
    ///
    /// # Errors
    /// As [`Call::me`].
    pub fn scope(&self) -> Result<Scope, Error> {
        Ok(Scope::of(self.me()?.role, self.settings().agent_scope))
    }

    /// The settings used for this request.
    pub fn settings(&self) -> Settings {
        self.settings_cache.borrow().settings
    }

    /// The active workflow rules. Known after the first read, on routes that may trigger rules.
    pub fn rule_set(&self) -> Option<Rc<RuleSet>> {
        self.settings_cache.borrow().rule_set()
    }

    fn needs_rules(&self) -> bool {
        self.wants_rules.get() || route::may_trigger_rules(self.route)
    }

    /// The rules and custom fields, on routes that do not load them by themselves. What is known is taken, without another
    /// round trip; if it has changed, the next read says so.
    ///
    /// # Errors
    /// As [`Call::read`], if they have to be read.
    pub async fn load_rules(&self) -> Result<(), Error> {
        self.wants_rules.set(true);
        if self.rule_set().is_none() {
            self.authorize().await?;
        }
        Ok(())
    }

    /// The settings for tickets. The SLA policies are only known after the first read.
    pub fn ticket_settings(&self) -> TicketSettings {
        self.settings_cache.borrow().ticket_settings()
    }

    /// Reads data for a signed-in caller, in one round trip with the caller's authority. A statement that gives one text
    /// carries it.
    ///
    /// # Errors
    /// 401 when the token, session or account is no longer valid, 429 over the rate limit, and [`Error::Replayed`]
    /// when the same request was already processed.
    pub async fn read(&self, stmts: Batch) -> Result<Answers, Error> {
        if self.checked.get() {
            return Ok(self.app.db.batch(&stmts).await?);
        }
        let me = self.me()?;
        let key = self.idempotency_key()?;
        let authority = sessions::caller_authority(me.user_id, me.credential());
        let carrier = stmts.text_position();
        let mut batch = Vec::new();
        if carrier.is_none() {
            batch.push(authority.clone());
        }
        let wants = self.settings_cache.borrow().missing(self.needs_rules());
        batch.extend(wants.stmts());
        batch.extend(key.as_ref().map(|key| commit::find_key(key.user_id, &key.key)));
        batch.extend(stmts.iter().enumerate().map(|(at, stmt)| {
            let stmt = stmt.clone();
            if carrier == Some(at) {
                carry(stmt, authority.clone())
            } else {
                stmt
            }
        }));
        let (rows, revoked, allowed) = join3(
            self.app.db.batch(&batch),
            self.is_revoked(me),
            self.within_limit(me.limit_key()),
        )
        .await;
        if revoked == Some(true) {
            self.checked.set(true);
            return Err(Error::Unauthorized("this session has ended"));
        }
        let mut rows = rows?.into_iter();
        self.checked.set(true);
        let mut authority = None;
        if carrier.is_none() {
            authority = rows.next().map(|rows| rows.text()).transpose()?.flatten();
        }
        let found = wants.take(&mut rows);
        let known_key = key.as_ref().and_then(|_| rows.next());
        let mut own = Vec::new();
        for (at, mut rows) in rows.enumerate() {
            if carrier == Some(at) {
                (authority, rows) = split_carried(rows)?;
            }
            own.push(rows);
        }
        self.check_authority(me, authority, found)?;
        allowed?;
        if let (Some(key), Some(found)) = (&key, known_key) {
            check_replay(key, self.route.responds.view(), &found)?;
        }
        Ok(own.into_iter().collect())
    }

    /// Reads data for any caller, rate-limited by IP address.
    ///
    /// # Errors
    /// 429 over the rate limit.
    pub async fn read_public(&self, stmts: Batch) -> Result<Answers, Error> {
        if self.checked.get() {
            return Ok(self.app.db.batch(&stmts).await?);
        }
        let address = format!("a{}", self.request.client_ip());
        let (rows, (), allowed) = join3(
            self.app.db.batch(&stmts),
            std::future::ready(()),
            self.within_limit(address),
        )
        .await;
        allowed?;
        self.checked.set(true);
        Ok(rows?)
    }

    /// Reads data like [`Call::read`] if the caller is signed in, otherwise like [`Call::read_public`].
    ///
    /// # Errors
    /// As for those two.
    pub async fn read_optional(&self, stmts: Batch) -> Result<Answers, Error> {
        match self.claims {
            Some(_) => self.read(stmts).await,
            None => self.read_public(stmts).await,
        }
    }

    /// Reads the one row that is to be changed.
    ///
    /// # Errors
    /// As [`Call::read`], and [`Error::NotFound`] when there is no such row.
    pub async fn read_row<T: DeserializeOwned>(&self, stmt: Stmt) -> Result<T, Error> {
        let mut batch = Batch::new();
        let row = batch.add(stmt);
        Ok(self.read(batch).await?.require(row)?)
    }

    /// Checks the caller when no data is read.
    ///
    /// # Errors
    /// As [`Call::read`].
    pub async fn authorize(&self) -> Result<(), Error> {
        self.read(Batch::new()).await.map(|_| ())
    }

    /// Checks the rate limit by IP address; for public routes that write before they read.
    ///
    /// # Errors
    /// 429 over the rate limit.
    pub async fn check_rate_limit(&self) -> Result<(), Error> {
        self.within_limit(format!("a{}", self.request.client_ip()))
            .await?;
        self.checked.set(true);
        Ok(())
    }

    /// Whether the caller's token was revoked. Keys end in the database only.
    async fn is_revoked(&self, me: &Claims) -> Option<bool> {
        match me.api_key {
            Some(_) => None,
            None => revoked_tokens::is_revoked(&self.app.env, &me.jti, self.app.now).await,
        }
    }

    async fn within_limit(&self, key: String) -> Result<(), Error> {
        let limit = self.limit();
        if !self.app.config.rate_limits || limit == RateLimit::None {
            return Ok(());
        }
        let allowed = match self.is_within_limit.get() {
            Some(known) => known,
            None => rate_limit::allows(&self.app.env, limit.binding(), key).await,
        };
        self.is_within_limit.set(Some(allowed));
        if allowed {
            return Ok(());
        }
        Err(Error::RateLimited {
            message: "too many requests; slow down",
            seconds: 60,
        })
    }

    /// The rate limit that applies to this request.
    pub fn limit(&self) -> RateLimit {
        match self.route.limit {
            RateLimit::User if self.claims.is_none() => RateLimit::Address,
            RateLimit::User if self.request.has_query(&["q", "search", "keyword"]) => RateLimit::Search,
            limit => limit,
        }
    }

    fn check_authority(&self, me: &Claims, text: Option<String>, found: Loaded) -> Result<(), Error> {
        let ended = || {
            Error::Unauthorized(match me.api_key {
                Some(_) => BAD_KEY,
                None => "this session has ended",
            })
        };
        let authority =
            sessions::CallerAuthority::parse(&text.ok_or_else(ended)?).map_err(Error::Internal)?;
        let alive = authority.is_active
            && authority.ver == me.ver
            && authority.role == me.role.as_str()
            && authority.revoked_at.is_none()
            && self.app.now < authority.expires_at;
        if !alive {
            return Err(ended());
        }
        if authority.needs_two_factor && !route::is_for_setup(self.route) {
            return Err(Error::Forbidden(
                "this desk requires two-factor sign-in: set it up first (POST /auth/2fa/setup)".to_owned(),
            ));
        }
        self.is_trusted.set(true);
        let moved = self
            .settings_cache
            .borrow_mut()
            .refresh(self.needs_rules(), &authority, found)?;
        self.card.replace(authority.card);
        if moved {
            Err(Error::SettingsChanged)
        } else {
            Ok(())
        }
    }

    /// The path without its mount, so that the same resource has the same path under every mount.
    pub fn path(&self) -> String {
        let mut path = self.route.path.to_owned();
        for (name, value) in &self.params {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        path
    }

    /// Checks that the caller's API key, if it is one, also has a scope that only the body asks for.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without it.
    pub fn require_key_scope(&self, scope: KeyScope) -> Result<(), Error> {
        match self.claims.as_ref().and_then(|me| me.api_key) {
            Some(key) if !key.scopes.has(scope) => Err(Error::Forbidden(format!(
                "the API key lacks the scope {}",
                scope.as_str()
            ))),
            _ => Ok(()),
        }
    }

    /// Checks `If-Match` (412) and the body's `version` (409) against the version of a row.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] and [`Error::Conflict`].
    pub fn check_version(&self, version: i64, body: Option<&Input>) -> Result<(), Error> {
        if let Some(header) = self.request.header("if-match")
            && !IfMatch::parse(&header).accepts(version)
        {
            return Err(Error::PreconditionFailed);
        }
        match body.and_then(|input| input.integer("version")) {
            Some(wanted) if wanted != version => Err(Error::stale(version)),
            _ => Ok(()),
        }
    }
}

/// The caller as the reader of tickets: what they may see, and until when resolved tickets can be reopened.
pub fn viewer(call: &Call) -> Result<Viewer, Error> {
    Ok(Viewer {
        id: call.my_id()?,
        role: call.my_role()?,
        scope: call.scope()?,
        now: call.now(),
        reopen_since: reopen_since(call.settings().reopen_window_days, call.now()),
    })
}
