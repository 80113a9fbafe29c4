//! The second factor of a sign-in. The secret is nowhere in the database: only the salt that it is derived with.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::edge::db::Stmt;
use crate::store::sql::reference::ref_column;

/// What a sign-in with a second factor is decided on.
#[derive(Clone, Debug, Deserialize)]
pub struct SecondFactorRow {
    pub user_id: i64,
    pub email: String,
    pub role: String,
    pub ver: i64,
    pub version: i64,
    pub is_active: i64,
    /// Whether it is confirmed.
    pub two_factor: i64,
    pub password_hash: Option<String>,
    pub salt: Option<String>,
    pub last_step: Option<i64>,
}

/// Selects the [`SecondFactorRow`] of a person, with or without a second factor.
pub fn find(user_id: i64) -> Stmt {
    find_by(&Ref::Id(user_id))
}

/// Like [`find`], by id or uid.
pub fn find_by(reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    Stmt::new(format!(
        "SELECT u.id AS user_id, u.email, u.role, u.ver, u.version, u.is_active, u.two_factor, u.password_hash, f.salt, f.last_step \
         FROM users u LEFT JOIN second_factors f ON f.user_id = u.id WHERE u.{column} = ?1"
    ))
    .bind(arg)
}

/// Stores the salt of a second factor that is to be confirmed. One that is confirmed stays as it is.
pub fn begin(user_id: i64, salt: &str) -> Stmt {
    Stmt::new(
        "INSERT INTO second_factors (user_id, salt) VALUES (?1, ?2) \
         ON CONFLICT (user_id) DO UPDATE SET salt = excluded.salt, last_step = 0 WHERE confirmed_at IS NULL",
    )
    .bind(user_id)
    .bind(salt)
}

/// Confirms a second factor: from now on it is asked for. Every other session of the person ends. Aborts if it is
/// confirmed already, or was set up anew in the meantime.
pub fn confirm(
    (user_id, session_id): (i64, i64),
    salt: &str,
    (step, codes): (i64, &str),
    now: i64,
) -> [Stmt; 4] {
    [
        Stmt::new(
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM second_factors \
             WHERE user_id = ?1 AND salt = ?2 AND confirmed_at IS NULL)",
        )
        .bind(user_id)
        .bind(salt),
        Stmt::new(
            "UPDATE second_factors SET confirmed_at = ?2, last_step = ?3, recovery_codes = ?4 WHERE user_id = ?1",
        )
        .bind(user_id)
        .bind(now)
        .bind(step)
        .bind(codes),
        set_flag(user_id, true, now),
        Stmt::new("UPDATE sessions SET revoked_at = ?3 WHERE user_id = ?1 AND id <> ?2 AND revoked_at IS NULL")
            .bind(user_id)
            .bind(session_id)
            .bind(now),
    ]
}

/// A code that was given: of the authenticator by its step, or a recovery code by its hash.
#[derive(Clone, Debug)]
pub enum UsedCode {
    Step(i64),
    Recovery(String),
}

impl UsedCode {
    /// What kind of code it is, for the audit log.
    pub fn as_str(&self) -> &'static str {
        match self {
            UsedCode::Step(_) => "code",
            UsedCode::Recovery(_) => "recovery_code",
        }
    }
}

/// Uses a code up. Aborts if somebody else has used it first, if the account has changed since `ver`, or if there is no
/// such code.
pub fn use_code(user_id: i64, ver: i64, code: &UsedCode) -> [Stmt; 2] {
    const GUARD: &str = "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM second_factors f \
      JOIN users u ON u.id = f.user_id AND u.is_active = 1 AND u.two_factor = 1 AND u.ver = ?2 WHERE f.user_id = ?1 AND";
    match code {
        UsedCode::Step(step) => [
            Stmt::new(format!("{GUARD} f.last_step < ?3)")).bind(user_id).bind(ver).bind(*step),
            Stmt::new("UPDATE second_factors SET last_step = ?2 WHERE user_id = ?1")
                .bind(user_id)
                .bind(*step),
        ],
        UsedCode::Recovery(hash) => [
            Stmt::new(format!(
                "{GUARD} EXISTS (SELECT 1 FROM json_each(f.recovery_codes) WHERE value = ?3))"
            ))
            .bind(user_id)
            .bind(ver)
            .bind(hash),
            Stmt::new(
                "UPDATE second_factors SET recovery_codes = \
                   (SELECT json_group_array(value) FROM json_each(recovery_codes) WHERE value <> ?2) WHERE user_id = ?1",
            )
            .bind(user_id)
            .bind(hash),
        ],
    }
}

/// Takes a second factor away.
pub fn delete(user_id: i64) -> Stmt {
    Stmt::new("DELETE FROM second_factors WHERE user_id = ?1").bind(user_id)
}

/// Marks the person as one with a second factor, or without.
pub fn set_flag(user_id: i64, is_set: bool, now: i64) -> Stmt {
    Stmt::new("UPDATE users SET two_factor = ?2, version = version + 1, updated_at = ?3 WHERE id = ?1")
        .bind(user_id)
        .bind(is_set)
        .bind(now)
}

/// Takes the second factor away from a person who is at `version`, and ends every token.
pub fn reset(user_id: i64, version: i64, now: i64) -> [Stmt; 2] {
    [
        delete(user_id),
        Stmt::new(
            "UPDATE users SET two_factor = 0, ver = ver + 1, version = ?2 + 1, updated_at = ?3 WHERE id = ?1",
        )
        .bind(user_id)
        .bind(version)
        .bind(now),
    ]
}

/// Marks a challenge as used. A second time it is refused: `login_attempts.subject` is unique. The clock clears it away
/// with the attempts to sign in, after it has expired.
pub fn use_challenge(subject: &str, now: i64) -> Stmt {
    Stmt::new("INSERT INTO login_attempts (subject, times, last_at) VALUES (?1, '[]', ?2)")
        .bind(subject)
        .bind(now)
}
