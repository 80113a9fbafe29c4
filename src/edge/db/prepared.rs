//! Keeps SQLite from compiling a statement anew at every run.
//!
//! D1 caches prepared statements by their text. But where SQLite's planner has looked at the value of a parameter, it
//! compiles the statement again as soon as a value is bound, even an equal one. It looks at what stands alone to the
//! right of `=` (`whereLoopOutputAdjust` in where.c: a value from -1 to 1 is taken for a frequent one) and at limits.
//! It does not look behind a unary plus, which changes no value.

/// The text with a plus before every parameter that the planner would look at.
pub(super) fn prepared(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len().saturating_add(64));
    for (at, part) in sql.split('?').enumerate() {
        if at > 0 {
            let is_seen = ["= ", "LIMIT ", "OFFSET "]
                .iter()
                .any(|before| out.ends_with(before));
            out.push_str(if is_seen { "+?" } else { "?" });
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planner_sees_no_value() {
        for (sql, want) in [
            ("SELECT 1", "SELECT 1"),
            ("SELECT ?1 FROM t WHERE a = ?1", "SELECT ?1 FROM t WHERE a = +?1"),
            (
                "UPDATE t SET a = ?1, b = b + ?2 WHERE c = ?3",
                "UPDATE t SET a = +?1, b = b + ?2 WHERE c = +?3",
            ),
            (
                "VALUES (?1, ?2) LIMIT ?3 OFFSET ?4",
                "VALUES (?1, ?2) LIMIT +?3 OFFSET +?4",
            ),
            (
                "a IN (?1, ?2) AND b > ?3 LIMIT ?4 + ?5",
                "a IN (?1, ?2) AND b > ?3 LIMIT +?4 + ?5",
            ),
        ] {
            assert_eq!(prepared(sql), want);
        }
    }
}
