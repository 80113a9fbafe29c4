//! Two texts out of one statement: a statement less to run.

use serde::Deserialize;

use crate::edge::db::{DbError, Rows, Stmt};

/// Gives the text `j` of another statement as `carried` beside the one of this statement, in one row. Both have to give
/// at most one row. The parameters of `other` are numbered as if it stood alone.
pub fn carry(stmt: Stmt, other: Stmt) -> Stmt {
    let first = stmt.args.len();
    let mut text = String::with_capacity(other.sql.len());
    for (at, part) in other.sql.split('?').enumerate() {
        if at == 0 {
            text.push_str(part);
            continue;
        }
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(rest).and_then(|digits| digits.parse().ok());
        let number = first.saturating_add(number.unwrap_or(0_usize));
        text.push_str(&format!("?{number}{rest}"));
    }
    let mut both = Stmt::new(format!("SELECT ({text}) AS carried, ({}) AS j", stmt.sql));
    both.args = stmt.args;
    both.args.extend(other.args);
    both
}

/// The text that [`carry`] added, and the rows of the statement itself: none if it had no text.
///
/// # Errors
/// When the rows are not those of [`carry`], which is a bug.
pub fn split_carried(rows: Rows) -> Result<(Option<String>, Rows), DbError> {
    #[derive(Deserialize)]
    struct CarriedRow {
        carried: Option<String>,
    }
    let carried = rows.first::<CarriedRow>()?.and_then(|row| row.carried);
    let own = if rows.text()?.is_some() {
        rows
    } else {
        Rows::none()
    };
    Ok((carried, own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::db::Arg;
    use serde_json::{Value, json};

    #[test]
    fn a_text_carries_another_one() {
        let text = Stmt::new("SELECT ?1 || ?2 AS j").bind("a").bind("b");
        let other = Stmt::new("SELECT x FROM t WHERE id = ?1 AND b > ?2 AND c = ?1").bind(7);
        let both = carry(text, other.bind(8));
        assert_eq!(
            both.sql,
            "SELECT (SELECT x FROM t WHERE id = ?3 AND b > ?4 AND c = ?3) AS carried, (SELECT ?1 || ?2 AS j) AS j"
        );
        let args: [Arg; 4] = ["a".into(), "b".into(), 7.into(), 8.into()];
        assert_eq!(both.args, args);
    }

    #[test]
    fn the_texts_are_split_again() {
        let split = |row: Value| {
            let (carried, rows) = split_carried(Rows::from(vec![row])).unwrap();
            (carried, rows.text().unwrap(), rows.is_empty().unwrap())
        };
        let text = |text: &str| Some(text.to_owned());
        let both = split(json!({"carried": "x", "j": "y"}));
        assert_eq!(both, (text("x"), text("y"), false));
        assert_eq!(split(json!({"carried": "x", "j": null})), (text("x"), None, true));
        assert_eq!(
            split(json!({"carried": null, "j": "y"})),
            (None, text("y"), false)
        );
    }
}
