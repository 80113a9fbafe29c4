//! What an import says it has done, or would do.

use serde_json::{Value, json};

use crate::api::data::imports::sheet::{Sheet, sorted};
use crate::http::error::FieldErrorList;

/// The most errors that a report lists.
const MAX_ERRORS: usize = 1_000;

/// What has become of the rows.
#[derive(Debug, Default)]
pub(super) struct Report {
    created: usize,
    unchanged: usize,
    refused: usize,
    errors: Vec<(usize, String, String)>,
    is_dry: bool,
    is_atomic: bool,
}

impl Report {
    /// A row will be written.
    pub fn create(&mut self) {
        self.created = self.created.saturating_add(1);
    }

    /// A row is there already.
    pub fn keep(&mut self) {
        self.unchanged = self.unchanged.saturating_add(1);
    }

    /// A row cannot be written.
    pub fn refuse(&mut self, line: usize, why: FieldErrorList) {
        self.refused = self.refused.saturating_add(1);
        self.errors
            .extend(why.into_iter().map(|(field, message)| (line, field, message)));
    }

    /// Says how the import was asked for.
    pub fn settle(&mut self, is_dry: bool, is_atomic: bool) {
        self.is_dry = is_dry;
        self.is_atomic = is_atomic;
    }

    /// Whether the good rows are written.
    pub fn is_applied(&self) -> bool {
        !(self.is_dry || self.is_void())
    }

    /// Whether nothing is written because a row is refused.
    fn is_void(&self) -> bool {
        self.is_atomic && self.refused > 0
    }

    /// Whether there is a row to be written.
    pub fn creates(&self) -> bool {
        self.created > 0
    }

    /// What the audit log tells of it.
    pub fn audit_details(&self, kind: &str) -> Value {
        json!({"type": kind, "created": self.created, "unchanged": self.unchanged, "refused": self.refused})
    }

    /// The answer.
    pub fn json(&self, kind: &str, sheet: &Sheet) -> String {
        let order = sorted(
            self.errors
                .iter()
                .map(|(line, ..)| i64::try_from(*line).unwrap_or(i64::MAX)),
        );
        let listed: Vec<Value> = order
            .iter()
            .take(MAX_ERRORS)
            .filter_map(|at| self.errors.get(*at))
            .map(|(line, field, message)| json!({"line": line, "field": field, "message": message}))
            .collect();
        let would_create = if self.is_void() { 0 } else { self.created };
        json!({
            "type": kind,
            "dry_run": self.is_dry,
            "applied": self.is_applied(),
            "rows": self.created.saturating_add(self.unchanged).saturating_add(self.refused),
            "created": would_create,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "errors": listed,
            "errors_total": self.errors.len(),
            "ignored_columns": sheet.ignored,
        })
        .to_string()
    }
}
