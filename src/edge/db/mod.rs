//! D1: runs statements, returns rows, and counts the cost.

mod bound;
mod prepared;
mod stmt;

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::Value;

use crate::edge::db::bound::BoundDatabase;

pub use crate::edge::db::stmt::{Arg, Stmt};

/// Why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbError {
    /// A UNIQUE constraint was violated: `table.column`, the first one if there are several.
    Unique(String),
    /// `RAISE(ABORT, word)` in one of our triggers.
    Abort(&'static str),
    /// A required row does not exist. The caller gets the response that what the path names is not found.
    NoRow,
    /// Any other error, in D1's words: for the log, never for a response.
    Other(String),
}

/// The words that our triggers raise.
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

/// The statements of one round trip. Each [`Slot`] it returns reads the rows of one of them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    stmts: Vec<Stmt>,
    /// The position of a statement that gives one text, if there is one.
    text: Option<usize>,
}

impl Batch {
    /// A batch without statements.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a statement whose rows are read as `T`.
    pub fn add<T>(&mut self, stmt: Stmt) -> Slot<T> {
        let at = self.stmts.len();
        self.stmts.push(stmt);
        Slot { at, row: PhantomData }
    }

    /// Adds a statement that gives at most one row, with the text `j`. Such a statement can carry another one
    /// ([`carry`](crate::store::sql::carry::carry)).
    pub fn add_text(&mut self, stmt: Stmt) -> Slot<TextRow> {
        let slot = self.add(stmt);
        self.text = Some(slot.at);
        slot
    }

    /// The position of a statement that can carry another one.
    pub fn text_position(&self) -> Option<usize> {
        self.text
    }

    /// Adds a statement if there is one.
    pub fn add_optional<T>(&mut self, stmt: Option<Stmt>) -> Option<Slot<T>> {
        stmt.map(|stmt| self.add(stmt))
    }

    /// Adds statements, of which only the last one's rows are read, as `T`.
    pub fn add_last<T>(&mut self, stmts: impl IntoIterator<Item = Stmt>) -> Slot<T> {
        self.extend(stmts);
        let at = self.stmts.len().saturating_sub(1);
        Slot { at, row: PhantomData }
    }

    /// Adds statements whose rows are not read.
    pub fn extend(&mut self, stmts: impl IntoIterator<Item = Stmt>) {
        self.stmts.extend(stmts);
    }
}

impl Deref for Batch {
    type Target = [Stmt];

    fn deref(&self) -> &[Stmt] {
        &self.stmts
    }
}

impl From<Vec<Stmt>> for Batch {
    fn from(stmts: Vec<Stmt>) -> Self {
        Batch { stmts, text: None }
    }
}

/// The position of one statement in its batch, and the type that its rows are read as.
#[derive(Debug)]
pub struct Slot<T> {
    at: usize,
    row: PhantomData<fn() -> T>,
}

// Derived implementations would require the same traits of `T`.
impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Slot<T> {}

/// The results of a batch, read with the slots that the batch has returned.
#[derive(Debug, Default)]
pub struct Answers(Vec<Rows>);

impl Answers {
    /// The first row of a statement, if there is one.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn first<T: DeserializeOwned>(&self, slot: Slot<T>) -> Result<Option<T>, DbError> {
        self.rows(slot)?.first()
    }

    /// Like [`Answers::first`], for a statement that may not have been in the batch.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn first_if<T: DeserializeOwned>(&self, slot: Option<Slot<T>>) -> Result<Option<T>, DbError> {
        slot.map_or(Ok(None), |slot| self.first(slot))
    }

    /// The first row of a statement, which must exist.
    ///
    /// # Errors
    /// [`DbError::NoRow`] when it does not, and as [`Rows::all`].
    pub fn require<T: DeserializeOwned>(&self, slot: Slot<T>) -> Result<T, DbError> {
        self.first(slot)?.ok_or(DbError::NoRow)
    }

    /// All rows of a statement.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn all<T: DeserializeOwned>(&self, slot: Slot<T>) -> Result<Vec<T>, DbError> {
        self.rows(slot)?.all()
    }

    /// Like [`Answers::all`], for a statement that may not have been in the batch; then there are no rows.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn all_if<T: DeserializeOwned>(&self, slot: Option<Slot<T>>) -> Result<Vec<T>, DbError> {
        slot.map_or(Ok(Vec::new()), |slot| self.all(slot))
    }

    /// The text that a statement has built, if it found a row.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn text(&self, slot: Slot<TextRow>) -> Result<Option<String>, DbError> {
        self.rows(slot)?.text()
    }

    /// Whether a statement found a row.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn has_row<T>(&self, slot: Slot<T>) -> Result<bool, DbError> {
        Ok(!self.rows(slot)?.is_empty()?)
    }

    /// The rows of a statement, for a function that reads them itself.
    ///
    /// # Errors
    /// When the slot belongs to another batch, which is a bug.
    pub fn rows<T>(&self, slot: Slot<T>) -> Result<&Rows, DbError> {
        let missing = || DbError::Other(format!("the batch has no statement {}", slot.at));
        self.0.get(slot.at).ok_or_else(missing)
    }

    /// Like [`Answers::rows`], for a statement that may not have been in the batch.
    ///
    /// # Errors
    /// As [`Answers::rows`].
    pub fn rows_if<T>(&self, slot: Option<Slot<T>>) -> Result<Option<&Rows>, DbError> {
        slot.map(|slot| self.rows(slot)).transpose()
    }
}

impl FromIterator<Rows> for Answers {
    fn from_iter<I: IntoIterator<Item = Rows>>(rows: I) -> Self {
        Answers(rows.into_iter().collect())
    }
}

impl IntoIterator for Answers {
    type Item = Rows;
    type IntoIter = std::vec::IntoIter<Rows>;

    /// The rows of each statement in order.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A text in the only column `j`: the form in which JSON built by SQL is returned.
#[derive(Debug, Deserialize)]
pub struct TextRow {
    pub j: Option<String>,
}

/// The rows of one statement: JSON objects.
#[derive(Debug)]
pub struct Rows(Vec<Value>);

impl From<Vec<Value>> for Rows {
    fn from(rows: Vec<Value>) -> Self {
        Rows(rows)
    }
}

impl Rows {
    /// All rows as `T`.
    ///
    /// # Errors
    /// When the columns do not match `T`, which is a bug.
    pub fn all<T: DeserializeOwned>(&self) -> Result<Vec<T>, DbError> {
        self.0.iter().map(read).collect()
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn first<T: DeserializeOwned>(&self) -> Result<Option<T>, DbError> {
        self.0.first().map(read).transpose()
    }

    /// No rows.
    pub fn none() -> Rows {
        Rows(Vec::new())
    }

    /// Whether there is no row at all.
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn is_empty(&self) -> Result<bool, DbError> {
        Ok(self.0.is_empty())
    }

    /// The text of the first row, which is a [`TextRow`].
    ///
    /// # Errors
    /// As [`Rows::all`].
    pub fn text(&self) -> Result<Option<String>, DbError> {
        Ok(self.first::<TextRow>()?.and_then(|row| row.j))
    }
}

/// Reads a row as a map of its columns. Deserializing the `Value` itself would bring code that reads each type from a
/// list, too, and inlining several copies: together that is 20 kB of the Worker.
#[inline(never)]
fn read<T: DeserializeOwned>(row: &Value) -> Result<T, DbError> {
    let columns = row.as_object().into_iter().flatten();
    let columns = columns.map(|(name, value)| (name.as_str(), value));
    T::deserialize(MapDeserializer::<_, serde_json::Error>::new(columns))
        .map_err(|error| DbError::Other(error.to_string()))
}

/// The database cost of a request so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub trips: u32,
    pub rows_read: usize,
    pub rows_written: usize,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Cost) -> Cost {
        Cost {
            trips: self.trips.saturating_add(other.trips),
            rows_read: self.rows_read.saturating_add(other.rows_read),
            rows_written: self.rows_written.saturating_add(other.rows_written),
        }
    }
}

/// The database, used for one request.
pub struct Db {
    bound: BoundDatabase,
    cost: Cell<Cost>,
}

impl Db {
    /// Opens the database bound as `DB`.
    ///
    /// # Errors
    /// When the binding is missing.
    pub fn open(env: &worker::Env) -> Result<Db, DbError> {
        Ok(Db {
            bound: BoundDatabase::open(env).map_err(DbError::Other)?,
            cost: Cell::default(),
        })
    }

    /// Runs the statements in one round trip and one transaction: all of them or none.
    ///
    /// # Errors
    /// [`DbError::Unique`] and [`DbError::Abort`] when the schema rejected a change; nothing was written then.
    pub async fn batch(&self, stmts: &[Stmt]) -> Result<Answers, DbError> {
        if stmts.is_empty() {
            return Ok(Answers::default());
        }
        self.count(|cost| cost.trips = cost.trips.saturating_add(1));
        let results = self.bound.run(stmts).await.map_err(DbError::from_message)?;
        Ok(results
            .into_iter()
            .map(|result| {
                self.count(|cost| {
                    cost.rows_read = cost.rows_read.saturating_add(result.rows_read);
                    cost.rows_written = cost.rows_written.saturating_add(result.rows_written);
                });
                Rows(result.rows)
            })
            .collect())
    }

    /// Runs one statement and returns all rows as `T`.
    ///
    /// # Errors
    /// As [`Db::batch`] and [`Rows::all`].
    pub async fn all<T: DeserializeOwned>(&self, stmt: Stmt) -> Result<Vec<T>, DbError> {
        let mut batch = Batch::new();
        let rows = batch.add(stmt);
        self.batch(&batch).await?.all(rows)
    }

    /// Runs one statement and returns the first row, if there is one.
    ///
    /// # Errors
    /// As [`Db::all`].
    pub async fn first<T: DeserializeOwned>(&self, stmt: Stmt) -> Result<Option<T>, DbError> {
        Ok(self.all(stmt).await?.into_iter().next())
    }

    /// The cost of this request so far.
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
mod tests;
