//! Folding anew what an earlier version of the Worker has folded: SQL cannot do it, so a migration cannot either.
//!
//! The clock walks through the tables, a few rows at a time, and remembers how far it has come. A text that somebody
//! changes at the same moment is left as it is: it has been folded with the change.

use serde::Deserialize;

use crate::desk::category::CategoryRef;
use crate::desk::fold::{fold, fold_name};
use crate::desk::id::Ref;
use crate::desk::tickets::search::index_text;
use crate::edge::db::Stmt;
use crate::store::articles;
use crate::store::tickets::write::search;
use crate::store::users::search::{delete_words, insert_words_of};

/// The version of [`fold`] and of what is made with it. Whoever changes them raises it.
const VERSION: i64 = 1;

/// How far the clock has come.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Progress {
    version: i64,
    step: i64,
    after_id: i64,
}

/// Reads the progress; there is no row when everything is folded.
pub fn progress() -> Stmt {
    Stmt::new("SELECT version, step, after_id FROM folding WHERE id = 1 AND version <> ?1").bind(VERSION)
}

/// A row with texts to be folded, and what they have been folded to; which ones depends on the table.
#[derive(Debug, Deserialize)]
pub struct FoldedRow {
    id: i64,
    version: i64,
    /// A JSON array.
    texts: String,
}

/// The tables, with the texts that are folded and the forms that are kept of them. `1` stands for a document in the
/// full-text index.
const STEPS: [&str; 7] = [
    "SELECT id, version, json_array(first_name, last_name, username, email, \
       first_folded, last_folded, username_folded, email_folded) AS texts FROM users",
    "SELECT id, version, json_array(name, key, search_text) AS texts FROM projects",
    "SELECT id, version, json_array(name, search_text) AS texts FROM categories",
    "SELECT id, version, json_array(name, search_text) AS texts FROM subcategories",
    "SELECT id, version, json_array(title, summary || ' ' || body, title_index, body_index, \
       (SELECT 1 FROM article_search WHERE rowid = articles.id)) AS texts FROM articles",
    "SELECT id, version, json_array(title, description, title_index, description_index, \
       deleted_at IS NOT NULL OR (SELECT 1 FROM ticket_search WHERE rowid = tickets.id * 1048576), tags) AS texts FROM tickets",
    "SELECT id, version, json_array(body, body_index) AS texts FROM messages",
];

impl Progress {
    /// Selects the next rows ([`FoldedRow`]), at most `most`.
    pub fn next_rows(self, most: i64) -> Option<Stmt> {
        let table = STEPS.get(usize::try_from(self.step).ok()?)?;
        let sql = format!("{table} WHERE id > ?1 ORDER BY id LIMIT ?2");
        Some(Stmt::new(sql).bind(self.after_id).bind(most))
    }

    /// The statements that fold these rows and remember it, and the progress after them. `None` when everything is
    /// folded.
    pub fn fold(self, rows: &[FoldedRow]) -> (Vec<Stmt>, Option<Progress>) {
        let mut stmts: Vec<Stmt> = rows.iter().flat_map(|row| self.fold_row(row)).collect();
        let next = match rows.last() {
            Some(row) => Progress {
                after_id: row.id,
                ..self
            },
            None => Progress {
                step: self.step.saturating_add(1),
                after_id: 0,
                ..self
            },
        };
        let is_done = next.next_rows(0).is_none();
        let written = if is_done {
            Progress {
                version: VERSION,
                step: 0,
                after_id: 0,
            }
        } else {
            next
        };
        stmts.push(
            Stmt::new("UPDATE folding SET version = ?1, step = ?2, after_id = ?3 WHERE id = 1")
                .bind(written.version)
                .bind(written.step)
                .bind(written.after_id),
        );
        (stmts, (!is_done).then_some(next))
    }

    fn fold_row(self, row: &FoldedRow) -> Vec<Stmt> {
        let values: Vec<serde_json::Value> = serde_json::from_str(&row.texts).unwrap_or_default();
        let text = |at: usize| values.get(at).and_then(|value| value.as_str());
        let given = |at: usize| text(at).unwrap_or_default();
        let is_there = |at: usize| values.get(at).is_some_and(|value| value == 1);
        let update = |table: &str, sets: &str| {
            Stmt::new(format!(
                "UPDATE {table} SET {sets} WHERE id = ?1 AND version = ?2"
            ))
            .bind(row.id)
            .bind(row.version)
        };
        match self.step {
            0 => {
                let folded = [
                    fold_name(given(0)),
                    fold_name(given(1)),
                    fold(given(2)),
                    fold(given(3)),
                ];
                if (0..4).zip(&folded).all(|(at, folded)| given(at + 4) == folded) {
                    return Vec::new();
                }
                let mut stmt = update(
                    "users",
                    "first_folded = ?3, last_folded = ?4, username_folded = ?5, email_folded = ?6",
                );
                stmt.args.extend(folded.into_iter().map(Into::into));
                vec![delete_words(row.id), stmt, insert_words_of(&Ref::Id(row.id))]
            }
            1 => {
                let folded = format!("{}\n{}", fold_name(given(0)), given(1).to_ascii_lowercase());
                if given(2) == folded {
                    return Vec::new();
                }
                vec![update("projects", "search_text = ?3").bind(folded)]
            }
            2 | 3 => {
                let folded = fold_name(given(0));
                if given(1) == folded {
                    return Vec::new();
                }
                let table = if self.step == 2 {
                    "categories"
                } else {
                    "subcategories"
                };
                vec![update(table, "search_text = ?3").bind(folded)]
            }
            4 | 5 => {
                let is_article = self.step == 4;
                let (title, long) = (index_text(given(0)), index_text(given(1)));
                let mut stmts = Vec::new();
                if !is_article {
                    stmts.extend(self.fold_tags(row.id, given(5)));
                }
                if text(2) == title.as_deref() && text(3) == long.as_deref() && is_there(4) {
                    return stmts;
                }
                let (table, sets) = if is_article {
                    ("articles", "title_index = ?3, body_index = ?4")
                } else {
                    ("tickets", "title_index = ?3, description_index = ?4")
                };
                stmts.push(update(table, sets).bind(title).bind(long));
                stmts.push(if is_article {
                    articles::index(&CategoryRef::Id(row.id))
                } else {
                    search::index_ticket(row.id)
                });
                stmts
            }
            _ => {
                let folded = index_text(given(0));
                if text(1) == folded.as_deref() {
                    return Vec::new();
                }
                vec![
                    update("messages", "body_index = ?3").bind(folded),
                    search::index_message(row.id),
                ]
            }
        }
    }

    /// Facets of tags that fold to something else than they are: before there was folding, tags were their own facets.
    fn fold_tags(self, ticket_id: i64, tags: &str) -> Vec<Stmt> {
        let tags: Vec<String> = serde_json::from_str(tags).unwrap_or_default();
        let folded = tags.iter().map(|tag| (tag, fold(tag)));
        folded
            .filter(|(tag, folded)| *tag != folded)
            .flat_map(|(tag, folded)| {
                [
                    Stmt::new("DELETE FROM ticket_facets WHERE facet = 't:' || ?1 AND ticket_id = ?2")
                        .bind(tag)
                        .bind(ticket_id),
                    Stmt::new(
                        "INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) VALUES ('t:' || ?1, ?2)",
                    )
                    .bind(folded)
                    .bind(ticket_id),
                ]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_ends_with_the_current_version() {
        let mut progress = Some(Progress {
            version: 0,
            step: 0,
            after_id: 0,
        });
        let mut steps = 0;
        while let Some(now) = progress {
            assert!(now.next_rows(10).is_some());
            let (stmts, next) = now.fold(&[]);
            assert_eq!(stmts.len(), 1);
            assert_eq!(
                stmts[0].args[0],
                if next.is_none() { VERSION.into() } else { 0.into() }
            );
            (progress, steps) = (next, steps + 1);
        }
        assert_eq!(steps, STEPS.len());
    }

    #[test]
    fn rows_that_are_folded_are_left_alone() {
        let row = |texts: &str| FoldedRow {
            id: 7,
            version: 2,
            texts: texts.to_owned(),
        };
        for (step, texts, want) in [
            (
                0,
                r#"["Ana","Ruiz","ana","a@x.org","ana","ruiz","ana","a@x.org"]"#,
                0,
            ),
            (0, r#"["José","","j","é@x.org","","","",""]"#, 3),
            (1, r#"["Ünal","WEB","unal\nweb"]"#, 0),
            (1, r#"["Ünal","WEB","ünal\nweb"]"#, 1),
            (2, r#"["Ärger","arger"]"#, 0),
            (3, r#"["Ärger",""]"#, 1),
            (4, r#"["plain","text",null,null,1]"#, 0),
            (4, r#"["plain","text",null,null,null]"#, 2),
            (5, r#"["東京","text","東京 京",null,1,"[\"a\"]"]"#, 0),
            (5, r#"["東京","text","東 京",null,1,"[\"é\"]"]"#, 4),
            (6, r#"["plain",null]"#, 0),
            (6, r#"["Łódź",null]"#, 2),
        ] {
            let at = Progress {
                version: 0,
                step,
                after_id: 0,
            };
            let (stmts, next) = at.fold(&[row(texts)]);
            assert_eq!(stmts.len(), want + 1, "{texts}");
            assert_eq!(next, Some(Progress { after_id: 7, ..at }));
        }
    }
}
