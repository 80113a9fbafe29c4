//! D1: statements in, rows out, and the count of what it cost.

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

/// A value bound to a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    Null,
    Int(i64),
    Text(String),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Arg::Int(value)
    }
}
impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        Arg::Int(i64::from(value))
    }
}
impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Arg::Text(value.to_owned())
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Arg::Text(value)
    }
}
impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Arg::Text(value.clone())
    }
}
impl<T: Into<Arg>> From<Option<T>> for Arg {
    fn from(value: Option<T>) -> Self {
        value.map_or(Arg::Null, Into::into)
    }
}

impl Arg {
    /// D1 takes no BigInt; ids and times are exact as floats up to 2^53 - 1. SQLite sees a REAL: a statement that
    /// makes text of a number, or divides it, casts it to INTEGER first.
    #[allow(clippy::cast_precision_loss)]
    fn to_js(&self) -> JsValue {
        match self {
            Arg::Null => JsValue::NULL,
            Arg::Int(value) => JsValue::from_f64(*value as f64),
            Arg::Text(value) => JsValue::from_str(value),
        }
    }
}

/// One SQL statement with its arguments, `?1` first.
#[derive(Clone, Debug)]
pub struct Stmt {
    pub sql: Cow<'static, str>,
    pub args: Vec<Arg>,
}

impl Stmt {
    /// A statement without arguments.
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Stmt {
        Stmt {
            sql: sql.into(),
            args: Vec::new(),
        }
    }

    /// Binds the next argument.
    #[must_use]
    pub fn bind(mut self, arg: impl Into<Arg>) -> Stmt {
        self.args.push(arg.into());
        self
    }
}

/// Why D1 refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbError {
    /// A UNIQUE constraint: `table.column`, the first of them.
    Unique(String),
    /// `RAISE(ABORT, word)` of one of our triggers.
    Abort(&'static str),
    /// Anything else, in D1's words: for the log, never for an answer.
    Other(String),
}

/// The words our triggers raise.
const TRIGGER_ABORTS: [&str; 3] = ["STALE_VERSION", "LAST_ADMIN", "OVER_LIMIT"];

impl DbError {
    fn from_message(message: String) -> DbError {
        if let Some((_, rest)) = message.split_once("UNIQUE constraint failed: ") {
            let column = rest.split([',', ':', ' ']).next().unwrap_or_default();
            return DbError::Unique(column.to_owned());
        }
        match TRIGGER_ABORTS.iter().find(|word| message.contains(**word)) {
            Some(word) => DbError::Abort(word),
            None => DbError::Other(message),
        }
    }
}

/// `D1Error`'s own Display panics; its cause does not.
fn error_text(error: &worker::Error) -> String {
    match error {
        worker::Error::D1(inner) => inner.cause(),
        other => other.to_string(),
    }
}

/// The rows of one statement.
pub struct Rows(worker::D1Result);

impl Rows {
    /// Every row as `T`.
    ///
    /// # Errors
    /// When the columns do not fit `T`: a mistake of ours.
    pub fn all<T: DeserializeOwned>(&self) -> Result<Vec<T>, DbError> {
        self.0
            .results::<T>()
            .map_err(|error| DbError::Other(error_text(&error)))
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn first<T: DeserializeOwned>(&self) -> Result<Option<T>, DbError> {
        Ok(self.all::<T>()?.into_iter().next())
    }

    /// Whether there is no row at all.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn is_empty(&self) -> Result<bool, DbError> {
        Ok(self.all::<serde::de::IgnoredAny>()?.is_empty())
    }

    /// The text in the only column `j` of the first row: how JSON built by SQL arrives.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn text(&self) -> Result<Option<String>, DbError> {
        #[derive(serde::Deserialize)]
        struct Row {
            j: Option<String>,
        }
        Ok(self.first::<Row>()?.and_then(|row| row.j))
    }
}

/// What a request has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub trips: u32,
    pub rows_read: usize,
    pub rows_written: usize,
}

/// The database, for the length of one request.
pub struct Db {
    inner: worker::D1Database,
    cost: Cell<Cost>,
}

impl Db {
    /// The database bound as `DB`.
    ///
    /// # Errors
    /// When the binding is missing.
    pub fn open(env: &worker::Env) -> Result<Db, DbError> {
        let inner = env.d1("DB").map_err(|error| DbError::Other(error_text(&error)))?;
        Ok(Db {
            inner,
            cost: Cell::default(),
        })
    }

    /// Runs the statements in one round trip and one transaction: all of them or none.
    ///
    /// # Errors
    /// [`DbError::Unique`] and [`DbError::Abort`] when a rule of the schema said no; nothing was written then.
    pub async fn batch(&self, stmts: &[Stmt]) -> Result<Vec<Rows>, DbError> {
        if stmts.is_empty() {
            return Ok(Vec::new());
        }
        let mut prepared = Vec::with_capacity(stmts.len());
        for stmt in stmts {
            let args: Vec<JsValue> = stmt.args.iter().map(Arg::to_js).collect();
            let statement = self.inner.prepare(stmt.sql.as_ref());
            prepared.push(if args.is_empty() {
                statement
            } else {
                statement
                    .bind(&args)
                    .map_err(|error| DbError::from_message(error_text(&error)))?
            });
        }
        self.count(|cost| cost.trips = cost.trips.saturating_add(1));
        let results = self
            .inner
            .batch(prepared)
            .await
            .map_err(|e| DbError::from_message(error_text(&e)))?;
        for result in &results {
            if let Ok(Some(meta)) = result.meta() {
                self.count(|cost| {
                    cost.rows_read = cost.rows_read.saturating_add(meta.rows_read.unwrap_or_default());
                    cost.rows_written = cost
                        .rows_written
                        .saturating_add(meta.rows_written.unwrap_or_default());
                });
            }
        }
        Ok(results.into_iter().map(Rows).collect())
    }

    /// What this request has cost so far.
    pub fn cost(&self) -> Cost {
        self.cost.get()
    }

    fn count(&self, add: impl FnOnce(&mut Cost)) {
        let mut cost = self.cost.get();
        add(&mut cost);
        self.cost.set(cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_d1_become_errors() {
        for (message, want) in [
            (
                "D1_ERROR: UNIQUE constraint failed: users.email_key: SQLITE_CONSTRAINT",
                DbError::Unique("users.email_key".to_owned()),
            ),
            (
                "UNIQUE constraint failed: idempotency.user_id, idempotency.key",
                DbError::Unique("idempotency.user_id".to_owned()),
            ),
            (
                "D1_ERROR: STALE_VERSION: SQLITE_CONSTRAINT",
                DbError::Abort("STALE_VERSION"),
            ),
            (
                "D1_ERROR: LAST_ADMIN: SQLITE_CONSTRAINT_TRIGGER",
                DbError::Abort("LAST_ADMIN"),
            ),
            (
                "Network connection lost",
                DbError::Other("Network connection lost".to_owned()),
            ),
        ] {
            assert_eq!(DbError::from_message(message.to_owned()), want);
        }
    }
}
