//! Articles of the knowledge base.

use serde::Deserialize;

use crate::desk::article::ArticleStatus;
use crate::desk::category::CategoryRef;
use crate::desk::tickets::search::index_text;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::http::shape::choices;
use crate::store::sql::view::{Out, View, field, nullable};

/// An article, in the form that the API returns.
pub const ARTICLE: View = View {
    name: "Article",
    fields: &[
        field("id", "a.id", Out::Int),
        field("uid", "a.uid", Out::Text),
        field("slug", "a.slug", Out::Text).doc("Its name in addresses; it stays when the title changes."),
        field("title", "a.title", Out::Text),
        field("summary", "a.summary", Out::Text),
        field("body", "a.body", Out::Text),
        field("status", "a.status", Out::Word(&choices::ARTICLE_STATUS)),
        nullable(
            "category",
            "(SELECT slug FROM categories WHERE id = a.category_id)",
            Out::Text,
        )
        .doc("The category's slug."),
        field(
            "author",
            "(SELECT card FROM users WHERE id = a.author_id)",
            Out::Card,
        ),
        field("helpful_count", "a.helpful_count", Out::Int),
        field("not_helpful_count", "a.not_helpful_count", Out::Int),
        field("version", "a.version", Out::Int),
        field("created_at", "a.created_at", Out::Time),
        field("updated_at", "a.updated_at", Out::Time),
        nullable("published_at", "a.published_at", Out::Time).doc("The first time that it was published."),
    ],
};

/// The column by which a name identifies an article, and the value in it.
fn name_column(name: &CategoryRef) -> (&'static str, Arg) {
    match name {
        CategoryRef::Id(id) => ("id", Arg::Int(*id)),
        CategoryRef::Uid(uid) => ("uid", Arg::Text(uid.clone())),
        CategoryRef::Slug(slug) => ("slug", Arg::Text(slug.clone())),
    }
}

/// The filters of an article list.
#[derive(Clone, Debug)]
pub struct ArticleQuery {
    /// The statuses to include; at least one.
    pub statuses: Vec<&'static str>,
    pub category: Option<CategoryRef>,
    /// A full-text search expression.
    pub matching: Option<String>,
}

/// A page of articles, newest first: rows `j` and `id`; one row more than the limit if there are more.
pub fn list(query: &ArticleQuery, page: &Page) -> Stmt {
    let mut stmt = Stmt::new("");
    let after = match page.start {
        PageStart::After { id, .. } => Some(id),
        PageStart::First | PageStart::Offset(_) | PageStart::Whole => None,
    };
    let ids = ids(query, after, &mut stmt);
    let next = stmt.args.len().saturating_add(1);
    stmt.sql = format!(
        "SELECT {} AS j, a.id AS id FROM ({ids} ORDER BY 1 DESC LIMIT ?{next} OFFSET ?{}) x \
         CROSS JOIN articles a ON a.id = x.id ORDER BY a.id DESC",
        ARTICLE.sql(),
        next.saturating_add(1)
    )
    .into();
    stmt.bind(page.limit.saturating_add(1)).bind(page.offset())
}

/// Counts the articles of a list: `n`, up to 10,001.
pub fn count(query: &ArticleQuery) -> Stmt {
    let mut stmt = Stmt::new("");
    let ids = ids(query, None, &mut stmt);
    stmt.sql = format!("SELECT count(*) AS n FROM ({ids} LIMIT 10001)").into();
    stmt
}

/// The SQL for the ids of a list's articles, restricted to articles older than `before` if that is given.
fn ids(query: &ArticleQuery, before: Option<i64>, stmt: &mut Stmt) -> String {
    let mut arg = |arg: Arg| {
        stmt.args.push(arg);
        format!("?{}", stmt.args.len())
    };
    let category = query.category.as_ref().map(|name| {
        let (column, key) = name_column(name);
        format!("(SELECT id FROM categories WHERE {column} = {})", arg(key))
    });
    let older = |arg: &mut dyn FnMut(Arg) -> String, column: &str| {
        before.map_or(String::new(), |id| format!("AND {column} < {}", arg(id.into())))
    };
    match &query.matching {
        Some(matching) => {
            let statuses: Vec<String> = query.statuses.iter().map(|word| format!("\"s{word}\"")).collect();
            let mut expression = format!(
                "{} || ' AND facts : ({})'",
                arg(matching.into()),
                statuses.join(" OR ")
            );
            if let Some(category) = category {
                expression.push_str(&format!(
                    " || ' AND facts : \"c' || coalesce({category}, 'x') || '\"'"
                ));
            }
            format!(
                "SELECT rowid AS id FROM article_search WHERE article_search MATCH ({expression}) {}",
                older(&mut arg, "rowid")
            )
        }
        None => {
            let statuses = match query.statuses.as_slice() {
                [one] => format!("s.status = {}", arg((*one).into())),
                many => {
                    let list: Vec<String> = many.iter().map(|word| arg((*word).into())).collect();
                    format!("+s.status IN ({})", list.join(", "))
                }
            };
            let category = category.map_or(String::new(), |category| {
                format!("AND s.category_id = {category}")
            });
            format!(
                "SELECT s.id AS id FROM articles s WHERE {statuses} {category} {}",
                older(&mut arg, "s.id")
            )
        }
    }
}

/// Selects one article: `j` (an [`ARTICLE`]), `v` (the version) and `id`; customers get published articles only.
pub fn show(name: &CategoryRef, is_staff: bool) -> Stmt {
    let (column, key) = name_column(name);
    let seen = if is_staff { "1" } else { "a.status = 'published'" };
    Stmt::new(format!(
        "SELECT {} AS j, a.version AS v, a.id AS id FROM articles a WHERE a.{column} = ?1 AND {seen}",
        ARTICLE.sql()
    ))
    .bind(key)
}

/// The columns of an article that a change needs.
#[derive(Clone, Debug, Deserialize)]
pub struct ArticleRow {
    pub id: i64,
    pub slug: String,
    pub title: String,
    pub summary: String,
    pub body: String,
    pub status: String,
    pub category_id: Option<i64>,
    pub published_at: Option<i64>,
    pub version: i64,
}

/// Selects the row of an article.
pub fn row(name: &CategoryRef) -> Stmt {
    let (column, key) = name_column(name);
    Stmt::new(format!(
        "SELECT id, slug, title, summary, body, status, category_id, published_at, version FROM articles WHERE {column} = ?1"
    ))
    .bind(key)
}

/// The complete fields of an article to be inserted or updated.
#[derive(Clone, Debug)]
pub struct ArticleContent {
    pub slug: String,
    pub title: String,
    pub summary: String,
    pub body: String,
    pub status: ArticleStatus,
    pub category_id: Option<i64>,
    pub published_at: Option<i64>,
}

impl ArticleContent {
    /// Binds the columns from `?1` on, in the order that the statements below expect.
    fn bind(&self, stmt: Stmt) -> Stmt {
        stmt.bind(&self.slug)
            .bind(&self.title)
            .bind(index_text(&self.title))
            .bind(&self.summary)
            .bind(&self.body)
            .bind(index_text(&format!("{} {}", self.summary, self.body)))
            .bind(self.status.as_str())
            .bind(self.category_id)
            .bind(self.published_at)
    }
}

/// Inserts an article. If its slug is already in use, the slug `spare` is used instead, if given.
pub fn insert(draft: &ArticleContent, spare: Option<&str>, uid: &str, author_id: i64, now: i64) -> [Stmt; 2] {
    let sql = "INSERT INTO articles (slug, title, title_index, summary, body, body_index, status, category_id, published_at, \
         uid, author_id, created_at, updated_at) \
         SELECT iif(?13 IS NOT NULL AND EXISTS (SELECT 1 FROM articles WHERE slug = ?1), ?13, ?1), \
           ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12";
    let insert = draft
        .bind(Stmt::new(sql))
        .bind(uid)
        .bind(author_id)
        .bind(now)
        .bind(spare);
    [insert, index(&CategoryRef::Uid(uid.to_owned()))]
}

/// Updates an article that is at `version`.
pub fn update(id: i64, version: i64, draft: &ArticleContent, now: i64) -> [Stmt; 2] {
    let sql = "UPDATE articles SET slug = ?1, title = ?2, title_index = ?3, summary = ?4, body = ?5, body_index = ?6, \
         status = ?7, category_id = ?8, published_at = ?9, version = ?11 + 1, updated_at = ?12 WHERE id = ?10";
    let update = draft.bind(Stmt::new(sql)).bind(id).bind(version).bind(now);
    [update, index(&CategoryRef::Id(id))]
}

/// Writes the full-text search document of an article.
pub(super) fn index(name: &CategoryRef) -> Stmt {
    let (column, key) = name_column(name);
    Stmt::new(format!(
        "INSERT OR REPLACE INTO article_search (rowid, title, body, facts) \
         SELECT id, coalesce(title_index, title), coalesce(body_index, summary || ' ' || body), \
           's' || status || ' c' || coalesce(category_id, 0) FROM articles WHERE {column} = ?1"
    ))
    .bind(key)
}

/// Deletes an article that is at `version`, and its votes.
pub fn delete(id: i64, version: i64) -> [Stmt; 3] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM articles WHERE id = ?1 AND version = ?2)")
            .bind(id)
            .bind(version),
        Stmt::new("DELETE FROM articles WHERE id = ?1").bind(id),
        Stmt::new("DELETE FROM article_search WHERE rowid = ?1").bind(id),
    ]
}

/// Records a vote, replacing an earlier one by the same voter.
pub fn vote(article_id: i64, voter: &str, is_helpful: bool, now: i64) -> [Stmt; 3] {
    [
        Stmt::new("INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM articles WHERE id = ?1)")
            .bind(article_id),
        Stmt::new(
            "UPDATE articles SET \
               helpful_count = helpful_count + ?3 - coalesce((SELECT is_helpful FROM article_votes WHERE article_id = ?1 AND voter = ?2), 0), \
               not_helpful_count = not_helpful_count + 1 - ?3 - coalesce((SELECT 1 - is_helpful FROM article_votes WHERE article_id = ?1 AND voter = ?2), 0) \
             WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM article_votes WHERE article_id = ?1 AND voter = ?2 AND is_helpful = ?3)",
        )
        .bind(article_id)
        .bind(voter)
        .bind(is_helpful),
        Stmt::new(
            "INSERT INTO article_votes (article_id, voter, is_helpful, created_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (article_id, voter) DO UPDATE SET is_helpful = excluded.is_helpful, created_at = excluded.created_at",
        )
        .bind(article_id)
        .bind(voter)
        .bind(is_helpful)
        .bind(now),
    ]
}
