//! Which SQL writes the rows of a file? Each kind of row is written by a few statements of one batch, however many rows
//! there are: D1 takes texts of up to 2 MB, so the rows go over as JSON in parts.
//! Not allowed here: what a row means; `desk::data` and `api::data` have said that.

pub mod people;
pub mod tickets;

use serde::Deserialize;
use serde_json::Value;

use crate::edge::db::Stmt;

/// How many bytes of rows one statement takes at most, and how many rows. D1 allows 2 MB for a value
/// (developers.cloudflare.com/d1/platform/limits).
const MAX_PART_BYTES: usize = 1_000_000;
const MAX_PART_ROWS: usize = 1_000;

/// Rows as JSON lists that statements can take: each with the number of its rows.
pub fn parts(rows: &[Value]) -> Vec<(usize, String)> {
    let mut parts = Vec::new();
    let (mut text, mut count) = (String::new(), 0_usize);
    for row in rows {
        let row = row.to_string();
        if count >= MAX_PART_ROWS || (count > 0 && text.len().saturating_add(row.len()) > MAX_PART_BYTES) {
            parts.push((count, format!("[{text}]")));
            text.clear();
            count = 0;
        }
        if count > 0 {
            text.push(',');
        }
        text.push_str(&row);
        count = count.saturating_add(1);
    }
    if count > 0 {
        parts.push((count, format!("[{text}]")));
    }
    parts
}

/// What must not be there twice, by what a row calls itself.
#[derive(Clone, Copy, Debug)]
pub enum Unique {
    TicketExternalId,
    UserExternalId,
    Email,
    Username,
}

impl Unique {
    fn column(self) -> (&'static str, &'static str) {
        match self {
            Unique::TicketExternalId => ("tickets", "external_id"),
            Unique::UserExternalId => ("users", "external_id"),
            Unique::Email => ("users", "email_key"),
            Unique::Username => ("users", "username_key"),
        }
    }

    /// Those of the values (a JSON list) that are there: rows `j`.
    pub fn find(self, values: &str) -> Stmt {
        let (table, column) = self.column();
        Stmt::new(format!(
            "SELECT {column} AS j FROM {table} WHERE {column} IN (SELECT value FROM json_each(?1))"
        ))
        .bind(values)
    }

    /// Aborts the batch if one of the values is there by now.
    pub fn expect_none(self, values: &str) -> Stmt {
        let (table, column) = self.column();
        Stmt::new(format!(
            "INSERT INTO guard (ok) SELECT 0 WHERE EXISTS \
             (SELECT 1 FROM {table} WHERE {column} IN (SELECT value FROM json_each(?1)))"
        ))
        .bind(values)
    }
}

/// A category, or a subcategory with its category.
#[derive(Clone, Debug, Deserialize)]
pub struct ImportPlaceRow {
    pub id: i64,
    pub slug: String,
    pub name: String,
    pub category_id: Option<i64>,
}

/// The active categories and subcategories: [`ImportPlaceRow`]s.
pub fn places() -> Stmt {
    Stmt::new(
        "SELECT id, slug, name, NULL AS category_id FROM categories WHERE is_active = 1 \
         UNION ALL SELECT id, slug, name, category_id FROM subcategories WHERE is_active = 1",
    )
}

/// After how many days resolved tickets are closed: `n`; 0 for never.
pub fn auto_close_days() -> Stmt {
    Stmt::new("SELECT auto_close_days AS n FROM settings WHERE id = 1")
}

/// A member of staff.
#[derive(Clone, Debug, Deserialize)]
pub struct StaffRow {
    pub id: i64,
    pub email_key: String,
    pub username_key: String,
    pub is_active: i64,
}

/// The members of staff with these addresses or usernames (a JSON list, in lower case): [`StaffRow`]s.
pub fn staff(names: &str) -> Stmt {
    Stmt::new(
        "SELECT id, email_key, username_key, is_active FROM users WHERE role <> 'customer' \
         AND (email_key IN (SELECT value FROM json_each(?1)) OR username_key IN (SELECT value FROM json_each(?1)))",
    )
    .bind(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_go_over_in_parts() {
        assert!(parts(&[]).is_empty());
        let rows: Vec<Value> = (0..2_500).map(|at| json!([at])).collect();
        let sent = parts(&rows);
        assert_eq!(
            sent.iter().map(|(count, _)| *count).collect::<Vec<_>>(),
            [1_000, 1_000, 500]
        );
        let back: Vec<Value> = sent
            .iter()
            .flat_map(|(_, text)| serde_json::from_str::<Vec<Value>>(text).unwrap())
            .collect();
        assert_eq!(back, rows);
        let long = vec![json!(["x".repeat(400_000)]); 5];
        let sent = parts(&long);
        assert_eq!(
            sent.iter().map(|(count, _)| *count).collect::<Vec<_>>(),
            [2, 2, 1]
        );
        assert!(sent.iter().all(|(_, text)| text.len() < 1_000_100));
    }
}
