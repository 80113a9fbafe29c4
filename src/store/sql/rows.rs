//! Result rows: one number, one id, a row of a list.

use serde::Deserialize;

use crate::edge::db::Stmt;
use crate::store::sql::render::split_cells;

/// A row with one number.
#[derive(Debug, Deserialize)]
pub(crate) struct CountRow {
    pub n: i64,
}

/// A row with one id.
#[derive(Debug, Deserialize)]
pub(crate) struct IdRow {
    pub id: i64,
}

/// A row of a list.
#[derive(Debug, Deserialize)]
pub struct ListRow {
    /// Its columns or its JSON ([`render`](crate::store::sql::render)); none if it is not shown, and only says where the
    /// scan stopped.
    pub j: Option<String>,
    pub id: i64,
    /// The value that it is sorted by.
    pub s: Option<i64>,
    /// 1 if the scan stopped here, although there may be more.
    #[serde(default)]
    pub stop: Option<i64>,
}

/// Gathers the rows of a list ([`ListRow`]) in one text `j`, for [`read_gathered`]: D1 spends more time on handing over a
/// row than on finding it. The text of a page has to stay under 2 MB, which is D1's limit for a value
/// (developers.cloudflare.com/d1/platform/limits): not for rows with long texts.
pub fn gather(mut list: Stmt) -> Stmt {
    list.sql = format!(
        "SELECT group_concat(coalesce(j,'')||json_array(s,id,stop),char(10)) AS j FROM ({})",
        list.sql
    )
    .into();
    list
}

/// The rows that [`gather`] has put in one text.
pub fn read_gathered(text: &str) -> Vec<ListRow> {
    let row = |line: &str| {
        let (row, at) = line.split_at_checked(line.rfind('[')?)?;
        let cells = split_cells(at);
        let number = |at: usize| cells.get(at).and_then(|cell| cell.parse().ok());
        Some(ListRow {
            j: (!row.is_empty()).then(|| row.to_owned()),
            s: number(0),
            id: number(1)?,
            stop: number(2),
        })
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathered_rows_are_lines() {
        let text = "[1,\"a[b\\n\"][null][17,5,0]\n[2][null,4,0]\n[9,3,1]";
        let rows: Vec<_> = read_gathered(text)
            .into_iter()
            .map(|row| (row.j, row.s, row.id, row.stop))
            .collect();
        let texts = |j: &str| Some(j.to_owned());
        assert_eq!(
            rows,
            [
                (texts("[1,\"a[b\\n\"][null]"), Some(17), 5, Some(0)),
                (texts("[2]"), None, 4, Some(0)),
                (None, Some(9), 3, Some(1)),
            ]
        );
        assert!(read_gathered("").is_empty());
    }
}
