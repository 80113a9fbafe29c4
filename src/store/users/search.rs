//! Finding people by their names and addresses, as they fold.

use crate::desk::fold::{caseless, fold_name};
use crate::desk::id::Ref;
use crate::edge::db::{Arg, Stmt};
use crate::store::users::{NewUser, ref_column};

/// Words of a query that are used.
const MAX_WORDS: usize = 5;

/// The SQL condition that a folded text contains every word of a query; `arg` binds a word and returns its placeholder.
/// A query without words finds everything if it is blank, and nothing otherwise.
pub fn found_by(column: &str, q: &str, mut arg: impl FnMut(Arg) -> String) -> String {
    let folded = fold_name(q);
    let tests: Vec<String> = folded
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .map(|word| format!("instr({column}, {})", arg(word.into())))
        .collect();
    match tests.as_slice() {
        [] if q.trim().is_empty() => "1".to_owned(),
        [] => "0".to_owned(),
        tests => tests.join(" AND "),
    }
}

/// The words of the names of a user `u`, as the table-valued function `w`.
const WORDS: &str = "json_each('[' || replace(json_quote(trim(u.first_folded || ' ' || u.last_folded)), ' ', '\",\"') || ']') w";

/// Writes the words of a new user, unless there are none.
pub(super) fn insert_words(user: &NewUser) -> Option<Stmt> {
    let is_named = [&user.first_name, &user.last_name]
        .iter()
        .any(|name| !name.trim().is_empty());
    is_named.then(|| insert_words_of(&Ref::Uid(user.uid.clone())))
}

/// Writes the words of a user who has none in the index.
pub fn insert_words_of(user: &Ref) -> Stmt {
    let (column, arg) = ref_column(user);
    Stmt::new(format!(
        "INSERT OR IGNORE INTO user_words (word, user_id) SELECT w.value, u.id FROM users u CROSS JOIN {WORDS} \
         WHERE u.{column} = ?1 AND w.value <> ''"
    ))
    .bind(arg)
}

/// Like [`insert_words_of`], for the users whose uids a query gives. Its parameters are bound to what is returned.
pub fn insert_words_of_many(uids: &str) -> Stmt {
    Stmt::new(format!(
        "INSERT OR IGNORE INTO user_words (word, user_id) SELECT w.value, u.id FROM users u CROSS JOIN {WORDS} \
         WHERE u.uid IN ({uids}) AND w.value <> ''"
    ))
}

/// Deletes the words of a user. Must run before the names change.
pub fn delete_words(id: i64) -> Stmt {
    Stmt::new(format!(
        "DELETE FROM user_words WHERE (word, user_id) IN (SELECT w.value, u.id FROM users u CROSS JOIN {WORDS} WHERE u.id = ?1)"
    ))
    .bind(id)
}

/// People examined for one search, and people found by it.
const MAX_EXAMINED: usize = 100;
const MAX_FOUND: usize = 50;

/// The SQL that selects the `id` of the people whom a query names, at most 50: every word begins one of their names, or
/// stands in their username or address; or the query begins their username or address. `None` if it names nobody.
pub fn named_by(q: &str, mut arg: impl FnMut(Arg) -> String) -> Option<String> {
    let q = q.replace('"', " ");
    let folded = fold_name(&q);
    let longest = folded.split(' ').max_by_key(|word| word.chars().count())?;
    // A word of one or two letters is a whole name, or it would be the beginning of too many.
    let is_whole = longest.is_ascii() && longest.len() < 3;
    let end = if is_whole { '\u{1}' } else { char::MAX };
    let mut range = |column: &str, from: &str| {
        format!(
            "{column} >= {} AND {column} < {}",
            arg(from.into()),
            arg(format!("{from}{end}").into())
        )
    };
    let mut walks = vec![format!(
        "SELECT user_id AS id FROM user_words WHERE {}",
        range("word", longest)
    )];
    let key = caseless(q.trim());
    if !key.contains(char::is_whitespace) {
        for column in ["email_key", "username_key"] {
            walks.push(format!("SELECT id FROM users WHERE {}", range(column, &key)));
        }
    }
    let walks: Vec<String> = walks
        .iter()
        .map(|walk| format!("SELECT id FROM ({walk} LIMIT {MAX_EXAMINED})"))
        .collect();
    let walks = walks.join(" UNION ");
    if folded == longest {
        return Some(format!("SELECT id FROM ({walks}) LIMIT {MAX_FOUND}"));
    }
    let tests = found_by("u.search_text", &q, arg);
    Some(format!(
        "SELECT u.id AS id FROM ({walks}) n CROSS JOIN users u ON u.id = n.id WHERE {tests} LIMIT {MAX_FOUND}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(
        find: impl FnOnce(&mut dyn FnMut(Arg) -> String) -> Option<String>,
    ) -> (Option<String>, Vec<Arg>) {
        let mut args = Vec::new();
        let sql = find(&mut |arg| {
            args.push(arg);
            format!("?{}", args.len())
        });
        (sql, args)
    }

    #[test]
    fn every_word_is_looked_for() {
        for (q, sql, words) in [
            ("ИВАН", "instr(x, ?1)", vec!["иван"]),
            (
                " Ana  Marí\u{301}a",
                "instr(x, ?1) AND instr(x, ?2)",
                vec!["ana", "maria"],
            ),
            (" ", "1", vec![]),
            ("\u{301}", "0", vec![]),
        ] {
            let want: Vec<Arg> = words.into_iter().map(Arg::from).collect();
            assert_eq!(
                args(|arg| Some(found_by("x", q, arg))),
                (Some(sql.to_owned()), want),
                "{q}"
            );
        }
        let (_, many) = args(|arg| Some(found_by("x", &"w ".repeat(500), arg)));
        assert_eq!(many.len(), MAX_WORDS);
    }

    #[test]
    fn people_are_looked_for_by_beginnings() {
        let texts = |q: &str| -> Vec<String> {
            let (_, args) = args(|arg| named_by(q, arg));
            let texts = args.into_iter().map(|arg| match arg {
                Arg::Text(text) => text,
                other => format!("{other:?}"),
            });
            texts.collect()
        };
        assert_eq!(
            texts("Łódź"),
            [
                "lodz",
                "lodz\u{10FFFF}",
                "łódź",
                "łódź\u{10FFFF}",
                "łódź",
                "łódź\u{10FFFF}"
            ]
        );
        assert_eq!(texts("Li")[..2], ["li", "li\u{1}"]);
        assert_eq!(
            texts("\"Ivan Petrov\""),
            ["petrov", "petrov\u{10FFFF}", "ivan", "petrov"]
        );
    }
}
