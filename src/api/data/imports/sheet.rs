//! The rows of a file as input: its columns are found by the names and aliases of a shape.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::desk::data::csv_reader::{Record, Records, without_guard};
use crate::desk::data::imported::rfc3339;
use crate::edge::db::TextRow;
use crate::http::error::FieldErrorList;
use crate::http::input::{field_names, parse_texts};
use crate::http::input_values::Input;
use crate::http::shape::{Kind, Need, Shape};

/// A file whose columns are known.
pub(super) struct Sheet<'a> {
    shape: &'static Shape,
    rows: Vec<Record<'a>>,
    /// For each field, its columns in the order of its names.
    columns: Vec<Vec<usize>>,
    width: usize,
    /// The columns that mean nothing here.
    pub ignored: Vec<String>,
}

impl<'a> Sheet<'a> {
    /// Reads a file whose first row names the columns.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(text: &'a str, shape: &'static Shape, max_rows: usize) -> Result<Sheet<'a>, String> {
        let mut records = Records::of(text);
        let head = match records.next() {
            None => return Err("is empty: its first line names the columns".to_owned()),
            Some(Err(error)) => return Err(error.message()),
            Some(Ok(head)) => head,
        };
        let mut rows = Vec::new();
        for record in records {
            let record = record.map_err(|error| error.message())?;
            if record.is_blank() {
                continue;
            }
            if rows.len() >= max_rows {
                return Err(format!("has more than {max_rows} rows: split it"));
            }
            rows.push(record);
        }
        let names: Vec<String> = head.cells.iter().map(|cell| column_name(cell)).collect();
        let find = |name: &str| names.iter().position(|have| have == name);
        let columns: Vec<Vec<usize>> = (shape.fields.iter())
            .map(|field| field_names(field).filter_map(find).collect())
            .collect();
        let missing = shape.fields.iter().zip(&columns);
        let missing: Vec<&str> = missing
            .filter(|(field, columns)| field.need == Need::Required && columns.is_empty())
            .map(|(field, _)| field.name)
            .collect();
        if !missing.is_empty() {
            return Err(format!("has no column {}", missing.join(", no column ")));
        }
        let is_known = |at: usize| columns.iter().any(|columns| columns.contains(&at));
        let ignored = names
            .iter()
            .enumerate()
            .filter(|(at, name)| !is_known(*at) && !name.is_empty());
        Ok(Sheet {
            shape,
            rows,
            ignored: ignored.map(|(_, name)| name.clone()).collect(),
            width: names.len(),
            columns,
        })
    }

    /// Each row: its line, and its input or all that is wrong with it.
    pub fn rows(&self) -> impl Iterator<Item = (usize, Result<Input, FieldErrorList>)> {
        self.rows.iter().map(|record| (record.line, self.input(record)))
    }

    fn input(&self, record: &Record) -> Result<Input, FieldErrorList> {
        let surplus = record.cells.get(self.width..).unwrap_or_default();
        if surplus.iter().any(|cell| !cell.is_empty()) {
            let why = format!(
                "has {} cells, and the first line names {}",
                record.cells.len(),
                self.width
            );
            return Err(vec![("row".to_owned(), why)]);
        }
        let mut texts: Vec<(&'static str, Cow<str>)> = Vec::new();
        for (field, columns) in self.shape.fields.iter().zip(&self.columns) {
            let cells = columns.iter().filter_map(|at| record.cells.get(*at));
            let Some(cell) = cells
                .map(|cell| without_guard(cell))
                .find(|cell| !cell.trim().is_empty())
            else {
                continue;
            };
            let text = match field.kind {
                Kind::Time => Cow::Owned(rfc3339(cell)),
                Kind::Tags => Cow::Owned(cell.replace([';', '|'], ",").replace(", ", ",")),
                Kind::Text { .. } => Cow::Borrowed(cell),
                _ => Cow::Borrowed(cell.trim()),
            };
            texts.push((field.name, text));
        }
        let texts: Vec<(&'static str, &str)> = texts.iter().map(|(name, text)| (*name, &**text)).collect();
        parse_texts(&texts, self.shape)
    }
}

/// `Requester Email` is `requester_email`.
fn column_name(cell: &str) -> String {
    cell.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Values that are known, with the lines where they stand: what a file has twice is refused the second time.
#[derive(Default)]
pub(super) struct Seen(HashMap<String, usize>);

impl Seen {
    /// Notes the value of a row that is good.
    pub fn note(&mut self, value: &str, line: usize) {
        self.0.insert(value.to_owned(), line);
    }

    /// Notes values that the desk has.
    pub fn know(&mut self, rows: Vec<TextRow>) {
        for value in rows.into_iter().filter_map(|row| row.j) {
            self.0.insert(value, 0);
        }
    }

    /// Whether a value is known.
    pub fn has(&self, value: &str) -> bool {
        self.0.contains_key(value)
    }

    /// The values.
    pub fn into_values(self) -> Vec<String> {
        self.0.into_keys().collect()
    }

    /// Refuses a value that a good row has had.
    pub fn check(&self, field: &str, value: &str) -> Result<(), FieldErrorList> {
        match self.0.get(value) {
            None => Ok(()),
            Some(first) => Err(vec![(field.to_owned(), format!("is in line {first} already"))]),
        }
    }
}

/// The positions of the keys in ascending order; equal ones keep theirs.
pub(super) fn sorted(keys: impl Iterator<Item = i64>) -> Vec<usize> {
    let mut pairs: Vec<(i64, usize)> = keys.enumerate().map(|(at, key)| (key, at)).collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::shape::Field;

    const SHAPE: Shape = Shape {
        name: "Row",
        fields: &[
            Field::required("title", Kind::Line { min: 3, max: 20 }, "").or(&["subject"]),
            Field::optional("external_id", Kind::Line { min: 1, max: 20 }, "").or(&["number", "id"]),
            Field::optional("tags", Kind::Tags, ""),
            Field::optional("created_at", Kind::Time, "").or(&["created"]),
        ],
    };

    #[test]
    fn columns_are_found_by_their_names() {
        let text = "ID,Subject,Number,Tags,Nonsense,Created\n7,'=one,,a; b,x,2026-01-31 12:00\n8,two,N8,,,\n,,,,,\n9,x,,,,soon,more\n";
        let sheet = Sheet::read(text, &SHAPE, 10).unwrap();
        assert_eq!(sheet.ignored, ["nonsense"]);
        let rows: Vec<_> = sheet.rows().collect();
        let (line, first) = &rows[0];
        let first = first.as_ref().unwrap();
        assert_eq!((*line, first.text("title").as_deref()), (2, Some("=one")));
        assert_eq!(
            first.text("external_id").as_deref(),
            Some("7"),
            "the number is empty"
        );
        assert_eq!(first.tags("tags"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert!(first.time("created_at").is_some());
        assert_eq!(
            rows[1].1.as_ref().unwrap().text("external_id").as_deref(),
            Some("N8")
        );
        assert_eq!((rows.len(), rows[2].0), (3, 5));
        assert_eq!(rows[2].1.as_ref().unwrap_err()[0].0, "row");
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        for (text, want) in [
            ("", "is empty"),
            ("number\n1", "has no column title"),
            ("title\n\"x", "has no end"),
            ("title\na\nb\nc", "has more than 2 rows"),
        ] {
            let why = Sheet::read(text, &SHAPE, 2).err().unwrap();
            assert!(why.contains(want), "{why}");
        }
    }

    #[test]
    fn what_comes_twice_is_seen() {
        let mut seen = Seen::default();
        assert!(seen.check("email", "a").is_ok());
        seen.note("a", 2);
        assert!(seen.check("email", "b").is_ok());
        let why = seen.check("email", "a").unwrap_err();
        assert_eq!(why, [("email".to_owned(), "is in line 2 already".to_owned())]);
    }
}
