//! Reads tables as CSV (RFC 4180), as spreadsheets and other help desks write them: with a byte order mark or without,
//! with commas, semicolons or tabs, and with any line breaks, in quoted cells too.

use std::borrow::Cow;

/// A row, and the line of the file that it begins in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub line: usize,
    pub cells: Vec<Cow<'a, str>>,
}

impl Record<'_> {
    /// Whether it holds nothing.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// Why a file cannot be read, with the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvError {
    /// It is not encoded in UTF-8.
    NotUtf8 { line: usize },
    /// A quoted cell begins and does not end.
    Unclosed { line: usize },
    /// Something follows the quote that ends a cell.
    AfterQuote { line: usize },
}

impl CsvError {
    /// A sentence for whoever has sent the file.
    pub fn message(self) -> String {
        match self {
            CsvError::NotUtf8 { line } => {
                format!("line {line} is not UTF-8: save the file as \"CSV UTF-8\"")
            }
            CsvError::Unclosed { line } => format!("a quoted cell that begins in line {line} has no end"),
            CsvError::AfterQuote { line } => {
                format!("line {line} has text behind a quoted cell: a quote in a cell is written twice")
            }
        }
    }
}

/// The text of a file, without its byte order mark.
///
/// # Errors
/// [`CsvError::NotUtf8`].
pub fn decode(bytes: &[u8]) -> Result<&str, CsvError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text)),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let breaks = good.iter().filter(|byte| **byte == b'\n').count();
            Err(CsvError::NotUtf8 {
                line: breaks.saturating_add(1),
            })
        }
    }
}

/// The rows of a text, one after the other. After an error there are no more.
pub struct Records<'a> {
    rest: &'a str,
    line: usize,
    delimiter: char,
}

/// The delimiters that are told apart.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

impl<'a> Records<'a> {
    /// The rows of a text. The delimiter is the one that the first line has most of, or that a line `sep=;` names.
    pub fn of(text: &'a str) -> Records<'a> {
        let end = text.find(['\r', '\n']).unwrap_or(text.len());
        let (first, rest) = text.split_at(end);
        let named = first.strip_prefix("sep=").and_then(|named| named.chars().next());
        if let Some(delimiter) = named.filter(|named| DELIMITERS.contains(named)) {
            return Records {
                rest: after_break(rest),
                line: 2,
                delimiter,
            };
        }
        // Of equals the last one is taken: from behind, that is the first.
        let most = DELIMITERS
            .into_iter()
            .rev()
            .max_by_key(|one| outside_quotes(first, *one));
        Records {
            rest: text,
            line: 1,
            delimiter: most.unwrap_or(','),
        }
    }

    /// Reads a cell whose opening quote has been read.
    fn quoted(&mut self, text: &'a str) -> Result<Cow<'a, str>, CsvError> {
        let line = self.line;
        let mut from = 0;
        loop {
            let rest = text.get(from..).unwrap_or_default();
            let Some(at) = rest.find('"') else {
                return Err(CsvError::Unclosed { line });
            };
            let end = from.saturating_add(at);
            let behind = text.get(end.saturating_add(1)..).unwrap_or_default();
            if behind.starts_with('"') {
                from = end.saturating_add(2);
                continue;
            }
            let cell = text.get(..end).unwrap_or_default();
            self.rest = behind;
            self.line = line.saturating_add(breaks(cell));
            let ends = behind.is_empty() || behind.starts_with([self.delimiter, '\r', '\n']);
            return match (ends, cell.contains('"')) {
                (false, _) => Err(CsvError::AfterQuote { line: self.line }),
                (true, false) => Ok(Cow::Borrowed(cell)),
                (true, true) => Ok(Cow::Owned(cell.replace("\"\"", "\""))),
            };
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            let cell = match self.rest.strip_prefix('"') {
                Some(text) => match self.quoted(text) {
                    Ok(cell) => cell,
                    Err(error) => {
                        self.rest = "";
                        return Some(Err(error));
                    }
                },
                None => {
                    let end = self.rest.find([self.delimiter, '\r', '\n']);
                    let (cell, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                    self.rest = rest;
                    Cow::Borrowed(cell)
                }
            };
            cells.push(cell);
            match self.rest.strip_prefix(self.delimiter) {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        self.rest = after_break(self.rest);
        self.line = self.line.saturating_add(1);
        Some(Ok(Record { line, cells }))
    }
}

fn after_break(text: &str) -> &str {
    let text = text.strip_prefix('\r').map_or(text, |rest| rest);
    text.strip_prefix('\n').unwrap_or(text)
}

fn breaks(text: &str) -> usize {
    let feeds = text.matches('\n').count();
    if feeds > 0 {
        feeds
    } else {
        text.matches('\r').count()
    }
}

fn outside_quotes(line: &str, delimiter: char) -> usize {
    let parts = line.split('"').step_by(2);
    parts.map(|part| part.matches(delimiter).count()).sum()
}

/// A cell as it was before it was made safe for spreadsheets: without the apostrophe in front of what looks like a
/// formula.
pub fn without_guard(cell: &str) -> &str {
    cell.strip_prefix('\'')
        .filter(|rest| rest.starts_with(['=', '+', '-', '@']))
        .unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(usize, Vec<String>)>, CsvError> {
        let owned = |record: Record| {
            (
                record.line,
                record.cells.iter().map(|cell| cell.to_string()).collect(),
            )
        };
        Records::of(text).map(|record| record.map(owned)).collect()
    }

    #[test]
    fn rows_are_read_as_they_are_written() {
        type Rows<'a> = &'a [(usize, &'a [&'a str])];
        let table: &[(&str, Rows)] = &[
            ("", &[]),
            ("a", &[(1, &["a"])]),
            ("a,b\r\n1,2\r\n", &[(1, &["a", "b"]), (2, &["1", "2"])]),
            ("a,b\n1,2", &[(1, &["a", "b"]), (2, &["1", "2"])]),
            ("a,b\r1,2\r", &[(1, &["a", "b"]), (2, &["1", "2"])]),
            ("a,b\n\n1,2", &[(1, &["a", "b"]), (2, &[""]), (3, &["1", "2"])]),
            ("a,b\n,\n", &[(1, &["a", "b"]), (2, &["", ""])]),
            (
                "a,\"b\"\n\"1,\n\"\"2\"\"\",\"\"\nx,y",
                &[(1, &["a", "b"]), (2, &["1,\n\"2\"", ""]), (4, &["x", "y"])],
            ),
            (
                "a\n\"1\r\n2\r\n\"\r\nx",
                &[(1, &["a"]), (2, &["1\r\n2\r\n"]), (5, &["x"])],
            ),
            ("a;b\n1,5;2", &[(1, &["a", "b"]), (2, &["1,5", "2"])]),
            ("a\tb\n1\t2", &[(1, &["a", "b"]), (2, &["1", "2"])]),
            ("\"a;;;\",b\n1,2", &[(1, &["a;;;", "b"]), (2, &["1", "2"])]),
            ("sep=;\r\na;b,c\r\n", &[(2, &["a", "b,c"])]),
            ("a,b\n5\" disk,x", &[(1, &["a", "b"]), (2, &["5\" disk", "x"])]),
            (
                "名,é\n\"東\"\"京\",ü",
                &[(1, &["名", "é"]), (2, &["東\"京", "ü"])],
            ),
        ];
        for (text, want) in table {
            let want: Vec<(usize, Vec<String>)> = want
                .iter()
                .map(|(line, cells)| (*line, cells.iter().map(|cell| (*cell).to_owned()).collect()))
                .collect();
            assert_eq!(read(text), Ok(want), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        for (text, want) in [
            ("a\n\"b", CsvError::Unclosed { line: 2 }),
            ("a\n\"b\n\n\"\"\n", CsvError::Unclosed { line: 2 }),
            ("a\n\"b\"c\n", CsvError::AfterQuote { line: 2 }),
            ("a\n\"b\n\" \n", CsvError::AfterQuote { line: 3 }),
        ] {
            assert_eq!(read(text), Err(want), "{text:?}");
        }
        assert_eq!(decode(b"\xEF\xBB\xBFa,b"), Ok("a,b"));
        assert_eq!(decode(b"a\nb\n\xE9"), Err(CsvError::NotUtf8 { line: 3 }));
        assert_eq!(decode(b"\xFF\xFEa\0"), Err(CsvError::NotUtf8 { line: 1 }));
    }

    #[test]
    fn guards_are_taken_off() {
        for (cell, want) in [
            ("'=1", "=1"),
            ("'+49 30", "+49 30"),
            ("'-5", "-5"),
            ("'@x", "@x"),
            ("'quoted'", "'quoted'"),
            ("=1", "=1"),
            ("'", "'"),
        ] {
            assert_eq!(without_guard(cell), want);
        }
    }
}
