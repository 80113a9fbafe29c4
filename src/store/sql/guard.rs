//! A guard: the statement that aborts its batch unless everything that the batch was decided on still holds.

use crate::edge::db::{Arg, Stmt};

/// The queries of one guard. Each must find a row: one that finds none, because a row is missing or has changed, aborts
/// the batch with `STALE_VERSION`.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    queries: Vec<String>,
    args: Vec<Arg>,
}

impl Guard {
    /// A guard that requires nothing yet.
    pub fn new() -> Guard {
        Guard::default()
    }

    /// Requires that this query finds a row.
    pub fn expect(&mut self, query: Stmt) {
        self.queries.push(renumber(&query.sql, self.args.len()));
        self.args.extend(query.args);
    }

    /// The statement; `None` if nothing is required.
    pub fn stmt(self) -> Option<Stmt> {
        // All requirements are inside NOT EXISTS, so that a missing row aborts the batch like a changed one.
        (!self.queries.is_empty()).then(|| Stmt {
            sql: format!(
                "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 WHERE EXISTS ({}))",
                self.queries.join(") AND EXISTS (")
            )
            .into(),
            args: self.args,
        })
    }
}

/// Raises the numbers of the parameters: with 2, `?1` becomes `?3`.
pub(in crate::store) fn renumber(sql: &str, by: usize) -> String {
    let mut parts = sql.split('?');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let number = number.parse::<usize>().unwrap_or_default().saturating_add(by);
        out.push_str(&format!("?{number}{rest}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_keeps_its_arguments() {
        let mut guard = Guard::new();
        assert!(guard.clone().stmt().is_none());
        guard.expect(
            Stmt::new("SELECT 1 FROM a WHERE x = ?2 AND y = ?1")
                .bind(1)
                .bind(2),
        );
        guard.expect(Stmt::new("SELECT 1 FROM b WHERE z = ?1").bind("z"));
        let stmt = guard.stmt().expect("it requires something");
        assert_eq!(
            stmt.sql,
            "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 WHERE EXISTS \
             (SELECT 1 FROM a WHERE x = ?2 AND y = ?1) AND EXISTS (SELECT 1 FROM b WHERE z = ?3))"
        );
        assert_eq!(stmt.args, [Arg::Int(1), Arg::Int(2), Arg::Text("z".to_owned())]);
    }
}
