//! API keys. Only their SHA-256 is stored, and their end deletes the row.

use serde::Deserialize;

use crate::desk::HOUR;
use crate::desk::id::{MAX_ID, Ref};
use crate::desk::person::Role;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::choices;
use crate::store::sql::reference::ref_column;
use crate::store::sql::view::{Out, View, field, nullable};

/// How many keys a person has at most.
pub const MAX_KEYS: i64 = 50;

/// A key as the API returns it.
pub const API_KEY: View = View {
    name: "ApiKey",
    fields: &[
        field("id", "k.id", Out::Int),
        field("uid", "k.uid", Out::Text),
        field("name", "k.name", Out::Text),
        field("owner", "k.user_id", Out::Person)
            .doc("Whose key it is: what is done with it is done by them."),
        field("role", "k.role", Out::Word(&choices::ROLE)).doc("What it may do at most."),
        field("scopes", "k.scopes", Out::Json("KeyScopes")),
        nullable("key", "NULL", Out::Text)
            .doc("The key itself. Shown once, by the answer that made it; not when that is replayed."),
        field("hint", "'edk_...'||k.hint", Out::Text).doc("How the key ends."),
        field("created_at", "k.created_at", Out::Time),
        nullable("expires_at", "k.expires_at", Out::Time),
        nullable("last_used_at", "k.last_used_at", Out::Time).doc("To the hour."),
    ],
};

/// SQL: the key `k` is the user's `?1`, or they may see all of them (`?2`).
const SEEN: &str = "(k.user_id = ?1 OR ?2)";

/// Whose keys somebody may see and end: their own, admins everybody's.
#[derive(Clone, Copy, Debug)]
pub struct KeyReader {
    pub user_id: i64,
    pub role: Role,
}

impl KeyReader {
    fn stmt(self, sql: String) -> Stmt {
        Stmt::new(sql).bind(self.user_id).bind(self.role == Role::Admin)
    }
}

/// A page of the keys that somebody may see, newest first: rows `j` and `id`.
pub fn list(reader: KeyReader, page: &Page) -> Stmt {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => MAX_ID,
    };
    reader
        .stmt(format!(
            "SELECT {} AS j, k.id AS id FROM api_keys k WHERE {SEEN} AND k.id < ?3 ORDER BY k.id DESC LIMIT ?4 OFFSET ?5",
            API_KEY.sql()
        ))
        .bind(before)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset())
}

/// Counts the keys of [`list`]: `n`, up to 10,001.
pub fn count(reader: KeyReader) -> Stmt {
    reader.stmt(format!(
        "SELECT count(*) AS n FROM (SELECT 1 FROM api_keys k WHERE {SEEN} LIMIT 10001)"
    ))
}

/// One key: `j`, `v` and `id`.
pub fn show(reader: KeyReader, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    reader
        .stmt(format!(
            "SELECT {} AS j, NULL AS v, k.id AS id FROM api_keys k WHERE {SEEN} AND k.{column} = ?3",
            API_KEY.sql()
        ))
        .bind(arg)
}

/// The `id` of a key that somebody may see.
pub fn row(reader: KeyReader, reference: &Ref) -> Stmt {
    let (column, arg) = ref_column(reference);
    reader
        .stmt(format!(
            "SELECT k.id AS id FROM api_keys k WHERE {SEEN} AND k.{column} = ?3"
        ))
        .bind(arg)
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub uid: String,
    pub user_id: i64,
    pub name: String,
    pub hash: String,
    pub hint: String,
    pub role: Role,
    /// Of the owner.
    pub owner_role: Role,
    pub scopes: String,
    pub expires_at: Option<i64>,
    pub now: i64,
}

/// Stores a key, unless the owner has as many as there may be.
pub fn insert(new: &NewApiKey) -> [Stmt; 2] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE (SELECT count(*) FROM api_keys WHERE user_id = ?1) >= ?2")
            .bind(new.user_id)
            .bind(MAX_KEYS),
        Stmt::new(
            "INSERT INTO api_keys (uid, user_id, name, hash, hint, role, owner_role, scopes, created_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )
        .bind(&new.uid)
        .bind(new.user_id)
        .bind(&new.name)
        .bind(&new.hash)
        .bind(&new.hint)
        .bind(new.role.as_str())
        .bind(new.owner_role.as_str())
        .bind(&new.scopes)
        .bind(new.now)
        .bind(new.expires_at),
    ]
}

/// How many keys a person has: `n`.
pub fn count_of(user_id: i64) -> Stmt {
    Stmt::new("SELECT count(*) AS n FROM api_keys WHERE user_id = ?1").bind(user_id)
}

/// Ends a key.
pub fn delete(id: i64) -> Stmt {
    Stmt::new("DELETE FROM api_keys WHERE id = ?1").bind(id)
}

/// Ends every key of a person.
pub fn delete_all(user_id: i64) -> Stmt {
    Stmt::new("DELETE FROM api_keys WHERE user_id = ?1").bind(user_id)
}

/// What a key says of its bearer.
#[derive(Clone, Debug, Deserialize)]
pub struct FoundKey {
    pub id: i64,
    pub user_id: i64,
    pub role: String,
    pub owner_role: String,
    pub scopes: String,
}

/// SQL: the key `k` of the user `u` is alive at `?2`.
const ALIVE: &str =
    "u.id = k.user_id AND u.is_active = 1 AND u.role = k.owner_role AND coalesce(k.expires_at > ?2, 1)";

/// Finds a key that is alive by its hash: a [`FoundKey`].
pub fn find(hash: &str, now: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT k.id, k.user_id, k.role, k.owner_role, k.scopes FROM api_keys k JOIN users u ON {ALIVE} WHERE k.hash = ?1"
    ))
    .bind(hash)
    .bind(now)
}

/// The `id` of a key that is alive and has not been used in this hour.
pub fn find_unused(hash: &str, now: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT k.id FROM api_keys k JOIN users u ON {ALIVE} WHERE k.hash = ?1 AND coalesce(k.last_used_at < ?3, 1)"
    ))
    .bind(hash)
    .bind(now)
    .bind(hour_of(now))
}

/// Records that a key is used in this hour, once an hour.
pub fn touch(id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND coalesce(last_used_at < ?2, 1)")
        .bind(id)
        .bind(hour_of(now))
}

/// The beginning of the hour.
pub fn hour_of(now: i64) -> i64 {
    now.saturating_sub(now.rem_euclid(HOUR))
}
