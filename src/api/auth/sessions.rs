//! Logging in and out, refreshing tokens, and listing and ending sessions.

use serde::Deserialize;
use serde_json::json;

use crate::api::auth::{challenge, refresh_cookie};
use crate::app::call::Call;
use crate::desk::Millis;
use crate::desk::access::audit::AuditAction;
use crate::desk::fold::caseless;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::edge::auth::token::{Claims, TokenUse};
use crate::edge::auth::{password, revoked_tokens};
use crate::edge::db::{Answers, Batch, Slot, Stmt};
use crate::edge::{ids, log};
use crate::http::error::Error;
use crate::http::input::{self, form};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::sessions::{self as rows, CurrentRefresh, Rotation, SignInAccount};
use crate::store::sql::rows::{CountRow, IdRow};
use crate::store::users;

/// The body of a login.
pub const LOGIN: Shape = Shape {
    name: "Login",
    fields: &[
        Field::required("email", Kind::Secret, "E-mail address or username.").or(&["username", "login"]),
        Field::required("password", Kind::Secret, "The password."),
    ],
};

/// The body of a refresh. The refresh token may also be sent as `Authorization: Bearer`.
pub const REFRESH: Shape = Shape {
    name: "Refresh",
    fields: &[
        Field::optional("refresh_token", Kind::Secret, "The refresh token.").or(&["refreshToken", "token"]),
    ],
};

const BAD_CREDENTIALS: Error = Error::Unauthorized("the name or the password is wrong");

/// `POST /auth/login`. Neither the reply nor the time it takes reveals whether the account is unknown or the password
/// is wrong.
pub async fn login(call: &Call<'_>) -> Result<Reply, Error> {
    let input = form::parse_body_or_form(call.request, &LOGIN)?;
    let name = caseless(input.required("email").trim());
    // An e-mail address has at most 254 characters. The name in the input may be longer, but attempts are counted
    // under its first 254 characters only.
    let subject: String = name.chars().take(254).collect();
    let guess = Guess::new(call, &format!("login\n{subject}"));
    let now = call.now();
    let mut batch = Batch::new();
    let [of_account, of_nobody] = rows::record_sign_in_attempt(&name, &guess.account, now);
    let account = batch.add::<SignInAccount>(of_account);
    let attempts = AttemptSlots {
        account: batch.add(of_nobody),
        address: batch.add(rows::count_attempts(&guess.address, now)),
    };
    let found = call.read_public(batch).await?;
    let account = found.first(account)?;
    let counted = account.as_ref().map(|account| account.n);
    guess
        .require_attempts_left(call, &found, attempts, counted)
        .await?;
    let hash = account
        .as_ref()
        .filter(|account| account.is_active == 1)
        .and_then(|account| account.password_hash.as_deref());
    let right = password::verify(&input.required("password"), hash, &call.app.config.pepper)
        .map_err(Error::Internal)?;
    let id = account.as_ref().map(|account| account.id);
    let Some(account) = account.filter(|_| right) else {
        // The name is not on record: it may be a password that was typed into the wrong field.
        let entry = call.audit_of(None, AuditAction::SessionFailed, id, json!({}));
        guess.record_failure(call, Some(entry)).await?;
        return Err(BAD_CREDENTIALS);
    };
    if account.two_factor == 1 {
        return challenge::reply(call, account.id, account.ver);
    }
    let stmts = vec![
        rows::expect_account(account.id, account.ver),
        users::record_login(account.id, now),
        call.audit_of(id, AuditAction::SessionCreated, id, json!({})),
    ];
    let opened = begin_session(call, stmts, &Ref::Id(account.id)).await;
    let opened = opened.map_err(|error| match error {
        Error::VersionConflict => BAD_CREDENTIALS,
        error => error,
    })?;
    let role = Role::parse(&account.role).unwrap_or(Role::Customer);
    let in_cookie = refresh_cookie::is_wanted(call.request);
    sign_in_reply(call, opened, (account.id, role, account.ver), (200, in_cookie)).await
}

/// An attempt to guess a password. Until the password is known to be right, it counts against the account and the
/// network address, each stored as a keyed hash.
pub(super) struct Guess {
    pub(super) account: String,
    address: String,
}

/// The slots of the numbers of attempts so far.
pub(super) struct AttemptSlots {
    account: Slot<CountRow>,
    address: Slot<CountRow>,
}

impl Guess {
    /// An attempt at the password of an account. `account` is any text that identifies the account.
    pub(super) fn new(call: &Call<'_>, account: &str) -> Guess {
        let hash = |text: String| ids::hmac_hex(&call.app.config.pepper, &text);
        Guess {
            account: hash(format!("attempts of account\n{account}")),
            address: hash(format!("attempts from address\n{}", call.request.client_ip())),
        }
    }

    /// Records the attempt against the account before the password is checked, and counts the failed attempts from
    /// the address.
    pub(super) fn record(&self, batch: &mut Batch, now: i64) -> AttemptSlots {
        AttemptSlots {
            account: batch.add(rows::record_attempt(
                &self.account,
                rows::MAX_ACCOUNT_ATTEMPTS,
                now,
            )),
            address: batch.add(rows::count_attempts(&self.address, now)),
        }
    }

    /// Refuses the attempt if too many were counted: by [`Guess::record`], or `counted` in the account. A refused attempt
    /// counts as a failure as well.
    ///
    /// # Errors
    /// 429, with 900 seconds to wait.
    pub(super) async fn require_attempts_left(
        &self,
        call: &Call<'_>,
        found: &Answers,
        attempts: AttemptSlots,
        counted: Option<i64>,
    ) -> Result<(), Error> {
        let of_account = found.first(attempts.account)?.map(|row| row.n);
        let of_account = of_account.or(counted).unwrap_or(0);
        let of_address = found.first(attempts.address)?.map_or(0, |row| row.n);
        if of_account <= rows::MAX_ACCOUNT_ATTEMPTS && of_address < rows::MAX_ADDRESS_ATTEMPTS {
            return Ok(());
        }
        self.record_failure(call, None).await?;
        Err(Error::RateLimited {
            message: "too many failed logins; try again later",
            seconds: 900,
        })
    }

    /// Records a failed attempt against the address, and in the audit log. Attempts that are refused unchecked are not in
    /// the log, so that the limits bound what it is written.
    pub(super) async fn record_failure(&self, call: &Call<'_>, entry: Option<Stmt>) -> Result<(), Error> {
        let failed = rows::record_attempt(&self.address, rows::MAX_ADDRESS_ATTEMPTS, call.now());
        let mut batch = Batch::from(vec![failed]);
        batch.extend(entry);
        call.app.db.batch(&batch).await?;
        Ok(())
    }
}

/// A session that has just begun: the id of its row, the id of its refresh token (`jti`), and its user as JSON.
pub(super) struct OpenedSession {
    pub(super) user_id: i64,
    session_id: i64,
    jti: String,
    /// When the refresh token was issued.
    issued_at: Millis,
    user: String,
}

#[derive(Deserialize)]
struct UserRow {
    id: i64,
    j: String,
}

/// Runs the statements and begins a session of the user in the same batch. The statements may create that user.
pub(super) async fn begin_session(
    call: &Call<'_>,
    stmts: Vec<Stmt>,
    user: &Ref,
) -> Result<OpenedSession, Error> {
    let (uid, jti, now) = (call.uid()?, call.uid()?, call.now());
    let user_agent: String = call
        .request
        .header("user-agent")
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect();
    let new = rows::NewSession {
        uid: &uid,
        refresh_jti: &jti,
        user_agent: &user_agent,
        address: &call.request.client_ip(),
        now,
        expires_at: now.saturating_add(call.app.config.refresh_seconds.saturating_mul(1_000)),
    };
    let mut batch = Batch::from(stmts);
    let session = batch.add::<IdRow>(rows::begin(user, &new));
    let user = batch.add::<UserRow>(users::show(user));
    let done = call.write(batch).await?;
    let missing = || Error::Internal("the new session is not there".to_owned());
    let user = done.first(user)?.ok_or_else(missing)?;
    Ok(OpenedSession {
        user_id: user.id,
        session_id: done.first(session)?.ok_or_else(missing)?.id,
        jti,
        issued_at: now,
        user: user.j,
    })
}

/// The reply to every request that logs a user in: the user and new tokens. The refresh token is in the body, or in the
/// cookie.
pub(super) async fn sign_in_reply(
    call: &Call<'_>,
    opened: OpenedSession,
    (user_id, role, ver): (i64, Role, i64),
    (status, in_cookie): (u16, bool),
) -> Result<Reply, Error> {
    let config = &call.app.config;
    let claims = |jti: String, begin: Millis, life: i64| Claims {
        user_id,
        role,
        session_id: opened.session_id,
        ver,
        jti,
        api_key: None,
        expires: begin.div_euclid(1_000).saturating_add(life),
    };
    let access = claims(call.uid()?, call.now(), config.access_seconds);
    let refresh = claims(opened.jti.clone(), opened.issued_at, config.refresh_seconds);
    let access = config
        .keys
        .sign(TokenUse::Access, &access, call.now())
        .await
        .map_err(Error::Internal)?;
    let refresh = config
        .keys
        .sign(TokenUse::Refresh, &refresh, opened.issued_at)
        .await
        .map_err(Error::Internal)?;
    let in_body = if in_cookie {
        String::new()
    } else {
        format!("\"refresh_token\":\"{refresh}\",")
    };
    let body = format!(
        "{{\"user\":{},\"access_token\":\"{access}\",{in_body}\"token_type\":\"Bearer\",\"expires_in\":{}}}",
        opened.user, config.access_seconds
    );
    let mut reply = Reply::ok(body);
    reply.status = status;
    if in_cookie {
        let age = call.now().saturating_sub(opened.issued_at).div_euclid(1_000);
        refresh_cookie::set(&mut reply, &refresh, config.refresh_seconds.saturating_sub(age));
    }
    Ok(reply)
}

/// `POST /auth/refresh`. A refresh token can be used once, and for a few seconds more it gives the same new one again.
/// Using it later ends the session, and with it every token of the same family.
pub async fn refresh(call: &Call<'_>) -> Result<Reply, Error> {
    const ENDED: Error = Error::Unauthorized("the refresh token is invalid, has expired or was used before");
    let input = input::parse_optional_body(call.request, &REFRESH)?;
    let in_body = input.text("refresh_token");
    let in_cookie = in_body
        .is_none()
        .then(|| refresh_cookie::read(call.request))
        .flatten();
    if in_cookie.is_some() {
        refresh_cookie::require_known_origin(call)?;
    }
    // What came in the cookie goes back into it: no script is to see it.
    let to_cookie = in_cookie.is_some() || refresh_cookie::is_wanted(call.request);
    let token = in_body
        .or(in_cookie)
        .or_else(|| call.request.bearer_token())
        .ok_or(Error::field("refresh_token", "is missing"))?;
    let config = &call.app.config;
    let now = call.now();
    let claims = config.keys.verify(&token, TokenUse::Refresh, now).await;
    let claims = claims.ok_or(ENDED)?;
    let jti = call.uid()?;
    let rotation = Rotation {
        session_id: claims.session_id,
        user_id: claims.user_id,
        ver: claims.ver,
        old_jti: &claims.jti,
        new_jti: &jti,
        now,
        expires_at: now.saturating_add(config.refresh_seconds.saturating_mul(1_000)),
    };
    let user = Ref::Id(claims.user_id);
    let mut batch = Batch::new();
    let rotated = batch.add::<CurrentRefresh>(rows::rotate(&rotation));
    let user = batch.add(users::show(&user));
    let done = call.read_public(batch).await?;
    let current = done.first(rotated)?.ok_or(ENDED)?;
    let opened = OpenedSession {
        user_id: claims.user_id,
        session_id: claims.session_id,
        jti: current.jti.ok_or(ENDED)?,
        issued_at: current.rotated_at,
        user: done.text(user)?.ok_or(ENDED)?,
    };
    let bearer = (claims.user_id, claims.role, claims.ver);
    sign_in_reply(call, opened, bearer, (200, to_cookie)).await
}

/// `POST /auth/logout`: ends the session in D1 and records in KV that the access token is revoked.
pub async fn logout(call: &Call<'_>) -> Result<Reply, Error> {
    let me = call.me()?.clone();
    let revoke = rows::revoke(me.user_id, Some(me.session_id), None, call.now());
    call.read(vec![revoke].into()).await?;
    revoke_token(call, &me).await;
    let reply = Reply::ok(r#"{"message":"logged out"}"#.to_owned());
    Ok(refresh_cookie::clear(call, reply))
}

/// `POST /auth/logout-all`.
pub async fn logout_all(call: &Call<'_>) -> Result<Reply, Error> {
    let me = call.me()?.clone();
    call.read(vec![rows::revoke_all(me.user_id, call.now())].into())
        .await?;
    revoke_token(call, &me).await;
    let reply = Reply::ok(r#"{"message":"logged out everywhere"}"#.to_owned());
    Ok(refresh_cookie::clear(call, reply))
}

async fn revoke_token(call: &Call<'_>, me: &Claims) {
    if let Err(message) = revoked_tokens::revoke(&call.app.env, &me.jti, me.expires, call.now()).await {
        log::error(&format!("KV did not take a revoked token, D1 has it: {message}"));
    }
}

/// `GET /auth/verify-token`.
pub async fn verify_token(call: &Call<'_>) -> Result<Reply, Error> {
    call.authorize().await?;
    let me = call.me()?;
    let expires = chrono::DateTime::from_timestamp(me.expires, 0).unwrap_or_default();
    Ok(Reply::ok(format!(
        "{{\"valid\":true,\"user_id\":{},\"role\":\"{}\",\"session_id\":{},\"expires_at\":\"{}\"}}",
        me.user_id,
        me.role.as_str(),
        me.session_id,
        expires.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    )))
}

/// `GET /auth/sessions`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let me = call.me()?;
    let mut batch = Batch::new();
    let list = batch.add(rows::list(me.user_id, me.session_id, call.now()));
    let list = call.read(batch).await?.text(list)?.unwrap_or_default();
    Ok(Reply::ok(format!(
        "{{\"data\":[{list}],\"meta\":{{\"limit\":100,\"has_more\":false,\"next_cursor\":null}},\"links\":{{}}}}"
    )))
}

/// `DELETE /auth/sessions/{id}`.
pub async fn revoke(call: &Call<'_>) -> Result<Reply, Error> {
    use crate::desk::id::Ref;
    let me = call.me()?;
    let (id, uid) = match call.reference("id")? {
        Ref::Id(id) => (Some(id), None),
        Ref::Uid(uid) => (None, Some(uid)),
        Ref::Number(_) | Ref::Key(_) => return Err(Error::NotFound),
    };
    let IdRow { .. } = call
        .read_row(rows::revoke(me.user_id, id, uid.as_deref(), call.now()))
        .await?;
    Ok(Reply::no_content())
}
