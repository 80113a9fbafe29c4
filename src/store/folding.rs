//! Folding anew what an earlier version of the Worker has folded: SQL cannot do it, so a migration cannot either.
//!
//! The clock walks through the tables, a few rows at a time, and remembers how far it has come. A text that somebody
//! changes at the same moment is left as it is: it has been folded with the change.

use serde_json::Value;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    version: i64,
    step: i64,
    after_id: i64,
}

/// Selects the progress as the row `j`; there is none when everything is folded.
pub fn progress() -> Stmt {
    Stmt::new("SELECT json_array(version, step, after_id) AS j FROM folding WHERE id = 1 AND version <> ?1")
        .bind(VERSION)
}

/// The tables: JSON arrays `j` of id, version, the texts that are folded and the forms that are kept of them. `1` stands for a document in the
/// full-text index.
const STEPS: [&str; 7] = [
    "SELECT json_array(id, version, first_name, last_name, username, email, \
       first_folded, last_folded, username_folded, email_folded) AS j FROM users",
    "SELECT json_array(id, version, name, key, search_text) AS j FROM projects",
    "SELECT json_array(id, version, name, search_text) AS j FROM categories",
    "SELECT json_array(id, version, name, search_text) AS j FROM subcategories",
    "SELECT json_array(id, version, title, summary || ' ' || body, title_index, body_index, \
       (SELECT 1 FROM article_search WHERE rowid = articles.id)) AS j FROM articles",
    "SELECT json_array(id, version, title, description, title_index, description_index, \
       deleted_at IS NOT NULL OR (SELECT 1 FROM ticket_search WHERE rowid = tickets.id * 1048576), tags, \
       department) AS j FROM tickets",
    "SELECT json_array(id, version, body, body_index) AS j FROM messages",
];

impl Progress {
    /// Reads [`progress`].
    pub fn parse(text: &str) -> Option<Progress> {
        let [version, step, after_id] = serde_json::from_str(text).ok()?;
        Some(Progress {
            version,
            step,
            after_id,
        })
    }

    /// Selects the next rows (`j`), at most `most`.
    pub fn next_rows(self, most: i64) -> Option<Stmt> {
        let table = STEPS.get(usize::try_from(self.step).ok()?)?;
        let sql = format!("{table} WHERE id > ?1 ORDER BY id LIMIT ?2");
        Some(Stmt::new(sql).bind(self.after_id).bind(most))
    }

    /// The statements that fold these rows and remember it, and the progress after them. `None` when everything is
    /// folded.
    pub fn fold(self, rows: &[String]) -> (Vec<Stmt>, Option<Progress>) {
        let mut stmts = Vec::new();
        let mut last = None;
        for row in rows {
            let row: Vec<Value> = serde_json::from_str(row).unwrap_or_default();
            last = row.first().and_then(Value::as_i64).or(last);
            stmts.extend(self.fold_row(&row));
        }
        let next = match last {
            Some(after_id) => Progress { after_id, ..self },
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

    fn fold_row(self, row: &[Value]) -> Vec<Stmt> {
        let number = |at: usize| row.get(at).and_then(Value::as_i64).unwrap_or_default();
        let (id, version) = (number(0), number(1));
        let text = |at: usize| row.get(at + 2).and_then(Value::as_str);
        let given = |at: usize| text(at).unwrap_or_default();
        let update = |table: &str, sets: &str| {
            Stmt::new(format!(
                "UPDATE {table} SET {sets} WHERE id = ?1 AND version = ?2"
            ))
            .bind(id)
            .bind(version)
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
                vec![delete_words(id), stmt, insert_words_of(&Ref::Id(id))]
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
                    stmts.extend(self.fold_facets(id, given(5), text(6)));
                }
                if text(2) == title.as_deref() && text(3) == long.as_deref() && number(6) == 1 {
                    return stmts;
                }
                let (table, sets) = if is_article {
                    ("articles", "title_index = ?3, body_index = ?4")
                } else {
                    ("tickets", "title_index = ?3, description_index = ?4")
                };
                stmts.push(update(table, sets).bind(title).bind(long));
                stmts.push(if is_article {
                    articles::index(&CategoryRef::Id(id))
                } else {
                    search::index_ticket(id)
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
                    search::index_message(id),
                ]
            }
        }
    }

    /// Facets that fold to something else than they are: before there was folding, tags and departments were their own
    /// facets.
    fn fold_facets(self, ticket_id: i64, tags: &str, department: Option<&str>) -> Vec<Stmt> {
        let tags: Vec<String> = serde_json::from_str(tags).unwrap_or_default();
        let tags = tags.iter().map(|tag| format!("t:{tag}"));
        let facets = tags.chain(department.map(|name| format!("d:{name}")));
        facets
            .map(|facet| (fold(&facet), facet))
            .filter(|(folded, facet)| facet != folded)
            .flat_map(|(folded, facet)| {
                [
                    Stmt::new("DELETE FROM ticket_facets WHERE facet = ?1 AND ticket_id = ?2")
                        .bind(facet)
                        .bind(ticket_id),
                    Stmt::new("INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) VALUES (?1, ?2)")
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
            let (stmts, next) = at.fold(&[texts.replacen('[', "[7,2,", 1)]);
            assert_eq!(stmts.len(), want + 1, "{texts}");
            assert_eq!(next, Some(Progress { after_id: 7, ..at }));
        }
    }
}
