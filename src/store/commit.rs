//! Commits one change as one batch: either all of it is written or none of it.
//!
//! A change with an `Idempotency-Key` inserts the row of the key first. If the same request runs twice at the same
//! moment, the second one aborts there and can then read the answer of the first. A change that was decided on an
//! older version of a row is aborted by the version triggers of the schema. The last statement of the batch reads the
//! answer: the row as it is after the change.

use serde::Deserialize;

use crate::edge::db::{Batch, Db, DbError, Rows, Stmt};
use crate::store::dispatch::{Dispatch, DispatchKind};
use crate::store::sql::guard::{Guard, renumber};

/// The idempotency key of a request that must not take effect twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub user_id: i64,
    pub key: String,
    /// The fingerprint of the request's method, path and body.
    pub fingerprint: String,
    /// The names of the columns of the answer, as [`render_stored`](crate::store::sql::render::render_stored) reads them.
    pub columns: String,
    pub now: i64,
}

/// The answer to a change, as it is stored beside the idempotency key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredReply {
    pub status: u16,
    pub location: Option<String>,
    pub version: Option<i64>,
    pub body: String,
}

/// What to answer when the batch has succeeded.
#[derive(Clone, Debug)]
pub enum CommitReply {
    /// No body: status 204.
    Nothing,
    /// Status 200 with the row that this statement reads: `j` (JSON), `v` (version), `id`.
    Row(Stmt),
    /// Like `Row`, but with status 201; the location is this prefix followed by the row's id.
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

/// A statement that returns an answer which is known before the batch runs.
pub fn json_row(json: String) -> Stmt {
    Stmt::new("SELECT ?1 AS j, NULL AS v, NULL AS id").bind(json)
}

/// A row of the last statement: of the view, which has `j` and `v`, or a dispatch, which has `what`.
#[derive(Deserialize)]
struct ResultRow {
    what: Option<DispatchKind>,
    id: Option<i64>,
    j: Option<String>,
    v: Option<i64>,
}

/// Reads the view and the dispatches in one statement: each statement of a batch costs more than its own work.
fn view_and_dispatches(view: &Stmt, dispatches: &Stmt) -> Stmt {
    Stmt {
        sql: format!(
            "SELECT NULL AS what, id, j, v FROM ({}) UNION ALL SELECT what, id, NULL, NULL FROM ({})",
            view.sql,
            renumber(&dispatches.sql, view.args.len())
        )
        .into(),
        args: [view.args.as_slice(), &dispatches.args].concat(),
    }
}

#[derive(Deserialize)]
struct StoredReplyRow {
    fingerprint: String,
    status: i64,
    location: Option<String>,
    version: Option<i64>,
    body: String,
}

/// Finds the answer that was stored for a key.
pub fn find_key(user_id: i64, key: &str) -> Stmt {
    Stmt::new("SELECT fingerprint, status, location, version, body FROM idempotency WHERE user_id = ?1 AND key = ?2")
        .bind(user_id)
        .bind(key)
}

/// The key of a part of a request: of what it does to one of many rows. No key of a client holds a line break.
pub fn part_key(key: IdempotencyKey, part: i64) -> IdempotencyKey {
    IdempotencyKey {
        key: format!("{}\n{part}", key.key),
        ..key
    }
}

/// The parts of a request that are done, from an earlier attempt at it: rows `id`, `j` (the answer about the part).
pub fn find_parts(key: &IdempotencyKey) -> Stmt {
    Stmt::new(
        "SELECT CAST(substr(key, length(?2) + 2) AS INTEGER) AS id, body AS j FROM idempotency \
         WHERE user_id = ?1 AND key > ?2 || char(10) AND key < ?2 || char(11) AND fingerprint = ?3",
    )
    .bind(key.user_id)
    .bind(&key.key)
    .bind(&key.fingerprint)
}

/// Reads the result of [`find_key`]: the fingerprint that the key was used with, and the stored answer.
///
/// # Errors
/// When the row cannot be parsed.
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

/// What one batch writes.
#[derive(Clone, Debug)]
pub struct CommitBatch {
    /// Runs first: whether the batch may run at all.
    pub guard: Guard,
    pub stmts: Vec<Stmt>,
    /// Lists what has to be sent out after the commit: [`list`](crate::store::dispatch::list) or its like.
    pub dispatches: Stmt,
}

/// Runs the statements and reads the answer in one batch. Returns the answer and what has to be sent out after the
/// commit.
///
/// # Errors
/// [`DbError::Unique`] on `idempotency.user_id` when another request with the same key was first; [`DbError::Abort`]
/// with `STALE_VERSION` when the decision was based on an older state. In both cases nothing was written.
/// [`DbError::Other`] when the statement that reads the answer returns no row.
pub async fn commit(
    db: &Db,
    key: Option<&IdempotencyKey>,
    change: CommitBatch,
    answer: &CommitReply,
) -> Result<(StoredReply, Vec<Dispatch>), DbError> {
    let mut batch = Batch::new();
    batch.extend(change.guard.stmt());
    batch.extend(key.map(|key| claim_key(key, answer.status())));
    batch.extend(change.stmts);
    let (view, place) = match answer {
        CommitReply::Nothing => (None, None),
        CommitReply::Row(view) => (Some(view), None),
        CommitReply::Created(view, place) => (Some(view), Some(place.as_str())),
    };
    batch.extend(key.zip(view).map(|(key, view)| store_reply(key, view, place)));
    let rows = batch.add::<ResultRow>(match view {
        Some(view) => view_and_dispatches(view, &change.dispatches),
        None => change.dispatches,
    });
    let mut answered = StoredReply {
        status: u16::try_from(answer.status()).unwrap_or(200),
        ..StoredReply::default()
    };
    let (mut dispatches, mut is_complete) = (Vec::new(), view.is_none());
    for row in db.batch(&batch).await?.all(rows)? {
        if let (Some(what), Some(id)) = (row.what, row.id) {
            dispatches.push(Dispatch { what, id });
        } else if let Some(body) = row.j {
            is_complete = true;
            answered.location = place.map(|place| format!("{place}{}", row.id.unwrap_or_default()));
            answered.version = row.v;
            answered.body = body;
        }
    }
    if !is_complete {
        return Err(DbError::Other("the answer's row is not there".to_owned()));
    }
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

/// Stores the answer beside its key. The arguments of the view come first, so the SQL text of the view needs no
/// renumbering.
fn store_reply(key: &IdempotencyKey, view: &Stmt, place: Option<&str>) -> Stmt {
    let next = view.args.len().saturating_add(1);
    let [user, word, columns] = [1, 2, 3].map(|more| next.saturating_add(more));
    let sql = format!(
        "UPDATE idempotency SET (body, version, location) = \
           (SELECT iif(j LIKE '[%', ?{columns} || j, j), v, ?{next} || id FROM ({})) \
         WHERE user_id = ?{user} AND key = ?{word}",
        view.sql
    );
    let stmt = Stmt {
        sql: sql.into(),
        args: view.args.clone(),
    };
    stmt.bind(place)
        .bind(key.user_id)
        .bind(&key.key)
        .bind(&key.columns)
}
