//! One change, one batch: all of it or none.
//!
//! A change that carries an `Idempotency-Key` puts the key's row first, so a twin that runs at the same moment
//! aborts there and can read the first one's answer. A change that was decided on an older version of a row
//! aborts by the version triggers of the schema. What comes last is the answer, as the row is after the change.

use serde::Deserialize;

use crate::edge::db::{Batch, Db, DbError, Rows, Stmt};
use crate::store::dispatch::{self, Dispatch};

/// The key of a request that must not take effect twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub user_id: i64,
    pub key: String,
    /// Of method, path and body.
    pub fingerprint: String,
    pub now: i64,
}

/// The answer that a change leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredReply {
    pub status: u16,
    pub location: Option<String>,
    pub version: Option<i64>,
    pub body: String,
}

/// What to answer with when the batch has passed.
#[derive(Clone, Debug)]
pub enum CommitReply {
    /// Nothing: 204.
    Nothing,
    /// The row `j` (JSON), `v` (version), `id` of this statement.
    Row(Stmt),
    /// As `Row`, created: 201, and its place is this prefix with its id.
    Created(Stmt, String),
}

impl CommitReply {
    fn status(&self) -> i64 {
        match self {
            CommitReply::Nothing => 204,
            CommitReply::Row(_) => 200,
            CommitReply::Created(..) => 201,
        }
    }
}

/// The row of an answer that is known before the batch runs.
pub fn json_row(json: String) -> Stmt {
    Stmt::new("SELECT ?1 AS j, NULL AS v, NULL AS id").bind(json)
}

#[derive(Deserialize)]
struct ReplyRow {
    j: String,
    v: Option<i64>,
    id: Option<i64>,
}

#[derive(Deserialize)]
struct StoredReplyRow {
    fingerprint: String,
    status: i64,
    location: Option<String>,
    version: Option<i64>,
    body: String,
}

/// Finds what was answered to a key before.
pub fn find_key(user_id: i64, key: &str) -> Stmt {
    Stmt::new("SELECT fingerprint, status, location, version, body FROM idempotency WHERE user_id = ?1 AND key = ?2")
        .bind(user_id)
        .bind(key)
}

/// Reads [`find_key`]: the fingerprint that the key was used with, and the answer.
///
/// # Errors
/// When the row cannot be read.
pub fn read_key(rows: &Rows) -> Result<Option<(String, StoredReply)>, DbError> {
    Ok(rows.first::<StoredReplyRow>()?.map(|kept| {
        let status = u16::try_from(kept.status).unwrap_or(200);
        (
            kept.fingerprint,
            StoredReply {
                status,
                location: kept.location,
                version: kept.version,
                body: kept.body,
            },
        )
    }))
}

/// Runs the statements and the answer as one batch, and gives what has to leave the database after it. `now` is the
/// time that the statements write.
///
/// # Errors
/// [`DbError::Unique`] on `idempotency.user_id` when a twin was first; [`DbError::Abort`] with
/// `STALE_VERSION` when the decision was made on an older state; nothing was written in either case.
/// [`DbError::Other`] when the answer's row is not there.
pub async fn commit(
    db: &Db,
    key: Option<&IdempotencyKey>,
    stmts: Vec<Stmt>,
    answer: &CommitReply,
    now: i64,
) -> Result<(StoredReply, Vec<Dispatch>), DbError> {
    let mut batch = Batch::new();
    batch.extend(key.map(|key| claim_key(key, answer.status())));
    batch.extend(stmts);
    let dispatches = batch.add::<Dispatch>(dispatch::list(now));
    let (view, place) = match answer {
        CommitReply::Nothing => (None, None),
        CommitReply::Row(view) => (Some(view), None),
        CommitReply::Created(view, place) => (Some(view), Some(place.as_str())),
    };
    batch.extend(key.zip(view).map(|(key, view)| store_reply(key, view, place)));
    let row = batch.add_optional::<ReplyRow>(view.cloned());
    let found = db.batch(&batch).await?;
    let dispatches = found.all(dispatches)?;
    let status = u16::try_from(answer.status()).unwrap_or(200);
    let Some(row) = row else {
        let answered = StoredReply {
            status,
            ..StoredReply::default()
        };
        return Ok((answered, dispatches));
    };
    let row = found
        .first(row)?
        .ok_or_else(|| DbError::Other("the answer's row is not there".to_owned()))?;
    let location = place.map(|place| format!("{place}{}", row.id.unwrap_or_default()));
    let answered = StoredReply {
        status,
        location,
        version: row.v,
        body: row.j,
    };
    Ok((answered, dispatches))
}

fn claim_key(key: &IdempotencyKey, status: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO idempotency (user_id, key, fingerprint, status, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(key.user_id)
    .bind(&key.key)
    .bind(&key.fingerprint)
    .bind(status)
    .bind(key.now)
}

/// Keeps the answer beside its key. The view's own arguments come first, so its text stays as it is.
fn store_reply(key: &IdempotencyKey, view: &Stmt, place: Option<&str>) -> Stmt {
    let next = view.args.len().saturating_add(1);
    let (user, word) = (next.saturating_add(1), next.saturating_add(2));
    let sql = format!(
        "UPDATE idempotency SET (body, version, location) = (SELECT j, v, ?{next} || id FROM ({})) \
         WHERE user_id = ?{user} AND key = ?{word}",
        view.sql
    );
    let mut stmt = Stmt {
        sql: sql.into(),
        args: view.args.clone(),
    };
    stmt = stmt.bind(place).bind(key.user_id).bind(&key.key);
    stmt
}
