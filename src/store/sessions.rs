//! Sessions, login attempts and password resets: whose credentials are accepted, and for how long.

use serde::Deserialize;
use serde_json::Value;

use crate::desk::access::api_key::Credential;
use crate::desk::fold::caseless;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::edge::db::Stmt;
use crate::store::sql::view::{Out, View, field, nullable};
use crate::store::users::agents::user_condition;

/// What is read about the caller in every request, in addition to the requested data.
#[derive(Debug, Deserialize)]
pub struct CallerAuthority {
    pub role: String,
    pub is_active: bool,
    pub ver: i64,
    pub revoked_at: Option<i64>,
    pub expires_at: i64,
    /// Whether the caller is to set up a second factor before anything else.
    pub needs_two_factor: bool,
    pub agent_scope: String,
    pub auto_assign: String,
    pub reopen_window_days: i64,
    pub settings_version: i64,
    pub sla_version: i64,
    pub workflows_version: i64,
    pub card: Value,
}

impl CallerAuthority {
    /// Parses the JSON that [`caller_authority`] returns.
    ///
    /// # Errors
    /// If the JSON of the statement does not match this type.
    pub fn parse(text: &str) -> Result<CallerAuthority, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// SQL: the person `u` is to set up a second factor before anything else (settings `g`).
macro_rules! needs_two_factor {
    () => {
        "u.two_factor = 0 AND (g.require_two_factor = 'all' OR (g.require_two_factor = 'staff' AND u.role <> 'customer'))"
    };
}

macro_rules! authority {
    ($role:literal, $ver:literal, $revoked_at:literal, $expires_at:literal, $join:literal) => {
        concat!(
            "SELECT '{\"role\":\"' || ", $role, " || '\",\"is_active\":' || iif(u.is_active, 'true', 'false') || ',\"ver\":' || ", $ver,
            " || ',\"revoked_at\":' || ", $revoked_at, " || ',\"expires_at\":' || ", $expires_at,
            " || ',\"agent_scope\":\"' || g.agent_scope || '\",\"auto_assign\":\"' || g.auto_assign || '\",\"reopen_window_days\":' || g.reopen_window_days || \
             ',\"needs_two_factor\":' || iif(", needs_two_factor!(), ", 'true', 'false') || \
             ',\"settings_version\":' || g.version || ',\"sla_version\":' || g.sla_version || ',\"workflows_version\":' || g.workflows_version || ',\"card\":' || u.card || '}' AS j \
             FROM users u JOIN ", $join, " AND s.user_id = u.id JOIN settings g ON g.id = 1 WHERE u.id = ?1"
        )
    };
}

const OF_SESSION: &str = authority!(
    "u.role",
    "u.ver",
    "coalesce(s.revoked_at, 'null')",
    "s.expires_at",
    "sessions s ON s.id = ?2"
);

/// A key has a role of its own, and none any more when its owner has another one.
const OF_KEY: &str = authority!(
    "s.role",
    "0",
    "'null'",
    "coalesce(s.expires_at, 9007199254740991)",
    "api_keys s ON s.id = ?2 AND s.owner_role = u.role"
);

/// Selects the caller's authority; no row if the session or key does not belong to the user.
pub fn caller_authority(user_id: i64, credential: Credential) -> Stmt {
    let (sql, id) = match credential {
        Credential::Session(id) => (OF_SESSION, id),
        Credential::ApiKey(id) => (OF_KEY, id),
    };
    Stmt::new(sql).bind(user_id).bind(id)
}

/// The versions of the settings that a change was decided with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingsVersions {
    pub settings: i64,
    pub sla: i64,
    pub workflows: i64,
}

/// The query of a guard: the caller still has the authority that the token's claims say, and the settings have the
/// versions that the change was decided with. It must agree with what is read of [`caller_authority`].
pub fn find_authority(
    (user_id, credential): (i64, Credential),
    (role, ver): (Role, i64),
    versions: SettingsVersions,
    now: i64,
) -> Stmt {
    macro_rules! guard {
        ($alive:literal) => {
            concat!(
                "SELECT 1 FROM users u JOIN ",
                $alive,
                " AND s.user_id = u.id JOIN settings g ON g.id = 1 \
                 WHERE u.id = ?1 AND u.is_active = 1 AND NOT (",
                needs_two_factor!(),
                ") \
                   AND g.version = ?6 AND g.sla_version = ?7 AND g.workflows_version = ?8"
            )
        };
    }
    let (sql, id) = match credential {
        Credential::Session(id) => (
            guard!(
                "sessions s ON s.id = ?2 AND u.role = ?3 AND u.ver = ?4 AND s.revoked_at IS NULL AND s.expires_at > ?5"
            ),
            id,
        ),
        Credential::ApiKey(id) => (
            guard!(
                "api_keys s ON s.id = ?2 AND s.role = ?3 AND ?4 = 0 AND s.owner_role = u.role AND coalesce(s.expires_at > ?5, 1)"
            ),
            id,
        ),
    };
    Stmt::new(sql)
        .bind(user_id)
        .bind(id)
        .bind(role.as_str())
        .bind(ver)
        .bind(now)
        .bind(versions.settings)
        .bind(versions.sla)
        .bind(versions.workflows)
}

/// A session as its owner sees it. `?1` is the id of the session that makes the request.
pub const SESSION: View = View {
    name: "Session",
    fields: &[
        field("id", "s.id", Out::Int),
        field("uid", "s.uid", Out::Text),
        field("user_agent", "s.user_agent", Out::Text),
        field("address", "s.address", Out::Text).doc("The network address that it began from."),
        field("is_current", "s.id = ?1", Out::Flag).doc("The session of this very request."),
        field("created_at", "s.created_at", Out::Time),
        field("last_used_at", "s.last_used_at", Out::Time),
        nullable("expires_at", "s.expires_at", Out::Time),
    ],
};

/// A session to be created.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    pub uid: &'a str,
    pub refresh_jti: &'a str,
    pub user_agent: &'a str,
    pub address: &'a str,
    pub now: i64,
    pub expires_at: i64,
}

/// Creates a session for a user, who may have been created earlier in the same batch; returns its `id`.
pub fn begin(user: &Ref, new: &NewSession) -> Stmt {
    let (is_it, arg) = user_condition(user, 1);
    Stmt::new(format!(
        "INSERT INTO sessions (user_id, id, uid, refresh_jti, user_agent, address, created_at, last_used_at, expires_at) \
         SELECT u.id, max(?6, coalesce((SELECT max(id) + 1 FROM sessions WHERE user_id = u.id), 0)), ?2, ?3, ?4, ?5, ?6, ?6, ?7 \
         FROM users u WHERE {is_it} RETURNING id"
    ))
    .bind(arg)
    .bind(new.uid)
    .bind(new.refresh_jti)
    .bind(new.user_agent)
    .bind(new.address)
    .bind(new.now)
    .bind(new.expires_at)
}

/// The exchange of one refresh token for a new one.
#[derive(Clone, Debug)]
pub struct Rotation<'a> {
    pub session_id: i64,
    pub user_id: i64,
    pub ver: i64,
    pub old_jti: &'a str,
    pub new_jti: &'a str,
    pub now: i64,
    pub expires_at: i64,
}

/// How long a replaced refresh token still gives the one that replaced it, in milliseconds: two tabs of a browser
/// refresh at the same moment with the same token, and neither may be logged out.
pub const REFRESH_GRACE: i64 = 10_000;

/// The refresh token of a session after [`rotate`].
#[derive(Debug, Deserialize)]
pub struct CurrentRefresh {
    /// `None`: the request has ended the session.
    pub jti: Option<String>,
    pub rotated_at: i64,
}

/// Rotates a refresh token in one conditional update: the current token is replaced, the one before it stays without
/// effect for [`REFRESH_GRACE`], and any other token of the same session ends the session. Returns [`CurrentRefresh`],
/// or no row if the session has already ended.
pub fn rotate(rotation: &Rotation) -> Stmt {
    Stmt::new(
        "UPDATE sessions SET revoked_at = iif(refresh_jti = ?4 OR (former_jti = ?4 AND rotated_at > ?8), NULL, ?6), \
           expires_at = iif(refresh_jti = ?4, ?7, expires_at), last_used_at = ?6, \
           rotated_at = iif(refresh_jti = ?4, ?6, rotated_at), former_jti = iif(refresh_jti = ?4, ?4, former_jti), \
           refresh_jti = iif(refresh_jti = ?4, ?5, refresh_jti) \
         WHERE id = ?1 AND user_id = ?2 AND revoked_at IS NULL AND expires_at > ?6 \
           AND EXISTS (SELECT 1 FROM users WHERE id = ?2 AND is_active = 1 AND ver = ?3) \
         RETURNING iif(revoked_at IS NULL, refresh_jti, NULL) AS jti, coalesce(rotated_at, 0) AS rotated_at",
    )
    .bind(rotation.session_id)
    .bind(rotation.user_id)
    .bind(rotation.ver)
    .bind(rotation.old_jti)
    .bind(rotation.new_jti)
    .bind(rotation.now)
    .bind(rotation.expires_at)
    .bind(rotation.now.saturating_sub(REFRESH_GRACE))
}

/// Ends one session of a user, by id or uid; returns its `id`.
pub fn revoke(user_id: i64, id: Option<i64>, uid: Option<&str>, now: i64) -> Stmt {
    Stmt::new(
        "UPDATE sessions SET revoked_at = ?4 WHERE (id = ?2 OR uid = ?3) AND user_id = ?1 AND revoked_at IS NULL RETURNING id",
    )
    .bind(user_id)
    .bind(id)
    .bind(uid)
    .bind(now)
}

/// Ends every session of a user.
pub fn revoke_all(user_id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL")
        .bind(user_id)
        .bind(now)
}

/// A user's active sessions, newest first, as a list of JSON objects.
pub fn list(user_id: i64, current: i64, now: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT coalesce(group_concat(j, ','), '') AS j FROM (SELECT {} AS j FROM sessions s \
         WHERE s.user_id = ?2 AND s.revoked_at IS NULL AND s.expires_at > ?3 ORDER BY s.id DESC LIMIT 100)",
        SESSION.sql()
    ))
    .bind(current)
    .bind(user_id)
    .bind(now)
}

// Attempts to log in -----------------------------------------------------------------------------------------------

/// Failed attempts count for this long: 15 minutes.
pub const ATTEMPT_WINDOW: i64 = 15 * 60_000;
/// Failed attempts on one account before further attempts are refused for a while.
pub const MAX_ACCOUNT_ATTEMPTS: i64 = 10;
/// Failed attempts from one network address before further attempts are refused for a while.
pub const MAX_ADDRESS_ATTEMPTS: i64 = 100;

/// Records an attempt for a subject (an account or a network address, hashed) and returns `n`, the number of
/// attempts that count, this one included, at most the limit plus one. Attempts are recorded before the password is
/// checked, so parallel guesses count too.
pub fn record_attempt(subject: &str, limit: i64, now: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO login_attempts (subject, times, last_at) VALUES (?1, json_array(CAST(?2 AS INTEGER)), ?2) \
         ON CONFLICT (subject) DO UPDATE SET last_at = max(last_at, ?2), times = (SELECT json_group_array(at) FROM ( \
           SELECT value AS at FROM json_each(json_insert(login_attempts.times, '$[#]', CAST(?2 AS INTEGER))) \
           WHERE value > ?3 ORDER BY value DESC LIMIT ?4)) \
         RETURNING json_array_length(times) AS n",
    )
    .bind(subject)
    .bind(now)
    .bind(now.saturating_sub(ATTEMPT_WINDOW))
    .bind(limit.saturating_add(1))
}

/// An account that somebody wants to sign in to.
#[derive(Clone, Debug, Deserialize)]
pub struct SignInAccount {
    pub id: i64,
    pub role: String,
    pub ver: i64,
    pub is_active: i64,
    pub password_hash: Option<String>,
    /// Whether a second factor is asked for.
    pub two_factor: i64,
    /// The attempts that count, this one included.
    pub n: i64,
}

/// Records an attempt to sign in to the account with this name, an address or a username in lower case, as
/// [`record_attempt`] does. The first statement returns the account ([`SignInAccount`]). If nobody has the name, the
/// second one records the attempt for `subject` and returns `n`: who tries learns nothing from the difference.
pub fn record_sign_in_attempt(name: &str, subject: &str, now: i64) -> [Stmt; 2] {
    let column = if name.contains('@') {
        "email_key"
    } else {
        "username_key"
    };
    let counted = MAX_ACCOUNT_ATTEMPTS.saturating_add(1);
    let of_account = Stmt::new(format!(
        "UPDATE users SET failed_sign_ins = (SELECT json_group_array(at) FROM ( \
           SELECT value AS at FROM json_each(json_insert(failed_sign_ins, '$[#]', CAST(?2 AS INTEGER))) \
           WHERE value > ?3 ORDER BY value DESC LIMIT ?4)) WHERE {column} = ?1 \
         RETURNING id, role, ver, is_active, password_hash, two_factor, json_array_length(failed_sign_ins) AS n"
    ))
    .bind(name)
    .bind(now)
    .bind(now.saturating_sub(ATTEMPT_WINDOW))
    .bind(counted);
    let mut of_nobody = record_attempt(subject, MAX_ACCOUNT_ATTEMPTS, now).bind(name);
    of_nobody.sql = of_nobody
        .sql
        .replace(
            "VALUES (?1, json_array(CAST(?2 AS INTEGER)), ?2)",
            &format!(
                "SELECT ?1, json_array(CAST(?2 AS INTEGER)), ?2 WHERE NOT EXISTS (SELECT 1 FROM users WHERE {column} = ?5)"
            ),
        )
        .into();
    [of_account, of_nobody]
}

/// Aborts the batch unless the account is still as the sign-in was decided on: a password that was right a moment ago may
/// be no more, or may not be enough any more.
pub fn expect_account(id: i64, ver: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS \
         (SELECT 1 FROM users WHERE id = ?1 AND ver = ?2 AND is_active = 1 AND two_factor = 0)",
    )
    .bind(id)
    .bind(ver)
}

/// Counts the attempts that still count for a subject: `n`.
pub fn count_attempts(subject: &str, now: i64) -> Stmt {
    Stmt::new(
        "SELECT count(*) AS n FROM login_attempts a JOIN json_each(a.times) j ON j.value > ?2 WHERE a.subject = ?1",
    )
    .bind(subject)
    .bind(now.saturating_sub(ATTEMPT_WINDOW))
}

/// Deletes the recorded attempts of a subject after a successful login.
pub fn clear_attempts(subject: &str) -> Stmt {
    Stmt::new("DELETE FROM login_attempts WHERE subject = ?1").bind(subject)
}

// Password resets --------------------------------------------------------------------------------------------------

/// The `id` of the account that a reset token is good for.
pub fn find_reset_token(token_hash: &str, now: i64) -> Stmt {
    Stmt::new(
        "SELECT u.id FROM password_resets r JOIN users u ON u.id = r.user_id AND u.is_active = 1 \
         WHERE r.token_hash = ?1 AND r.used_at IS NULL AND r.expires_at > ?2",
    )
    .bind(token_hash)
    .bind(now)
}

/// Sets a new password with a reset token and marks this and all other reset tokens of the account as used. The
/// statements do nothing if the token is invalid. The last one returns the `id` of the account, if the reset
/// succeeded.
pub fn reset_password(token_hash: &str, password_hash: &str, now: i64) -> [Stmt; 3] {
    const GOOD: &str =
        "SELECT user_id FROM password_resets WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?2";
    [
        Stmt::new(format!("UPDATE sessions SET revoked_at = ?2 WHERE revoked_at IS NULL AND user_id IN ({GOOD})"))
            .bind(token_hash)
            .bind(now),
        Stmt::new(format!(
            "UPDATE users SET password_hash = ?3, ver = ver + 1, version = version + 1, updated_at = ?2, \
               email_verified_at = iif(email_key = (SELECT mailed_to FROM password_resets WHERE token_hash = ?1), \
                 coalesce(email_verified_at, ?2), email_verified_at) \
             WHERE is_active = 1 AND id IN ({GOOD})"
        ))
        .bind(token_hash)
        .bind(now)
        .bind(password_hash),
        Stmt::new(
            "UPDATE password_resets SET used_at = ?2 WHERE used_at IS NULL AND user_id IN ( \
               SELECT u.id FROM password_resets r JOIN users u ON u.id = r.user_id AND u.is_active = 1 \
               WHERE r.token_hash = ?1 AND r.used_at IS NULL AND r.expires_at > ?2) RETURNING user_id AS id",
        )
        .bind(token_hash)
        .bind(now),
    ]
}

/// Stores a reset token for an account and the address it was mailed to. Older tokens stay valid until one of them is
/// used.
pub fn insert_reset_token(
    token_hash: &str,
    user_id: i64,
    mailed_to: &str,
    now: i64,
    expires_at: i64,
) -> Stmt {
    Stmt::new("INSERT INTO password_resets (token_hash, user_id, mailed_to, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)")
        .bind(token_hash)
        .bind(user_id)
        .bind(caseless(mailed_to))
        .bind(now)
        .bind(expires_at)
}
