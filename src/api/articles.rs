//! The knowledge base: articles that everybody reads and staff write. `/posts` is its other name.

use crate::api::list::{listed, one};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::DAY;
use crate::desk::article::{self, Status};
use crate::desk::category::Name;
use crate::desk::id::Ref;
use crate::desk::tickets::search::article_expression;
use crate::edge::db::{Rows, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, words};
use crate::store::articles::{self as rows, ArticleRow, Draft, Query};
use crate::store::categories;
use crate::store::commit::Answer;
use crate::store::rows::Id;

const TITLE: Kind = Kind::Line { min: 3, max: 200 };
const BODY: Kind = Kind::Text { min: 1, max: 20_000 };
const SUMMARY: Field = Field::optional(
    "summary",
    Kind::Text { min: 0, max: 500 },
    "A sentence or two for lists.",
)
.or(&["excerpt"]);
const SLUG: Field = Field::optional(
    "slug",
    Kind::Line { min: 1, max: 100 },
    "Its name in addresses: lower-case letters, digits and hyphens; made from the title when absent.",
);
const STATUS: Field = Field::optional("status", Kind::Word(&words::ARTICLE_STATUS), "`draft` at first.");
const CATEGORY: Field =
    Field::nullable("category", Kind::Slug, "A category by slug or id.").or(&["category_id"]);

/// The body of a new article.
pub const NEW: Shape = Shape {
    name: "NewArticle",
    fields: &[
        Field::required("title", TITLE, "What it is about, in one line."),
        Field::required("body", BODY, "The text.").or(&["content"]),
        SUMMARY,
        SLUG,
        STATUS,
        CATEGORY,
    ],
};

/// The body of an edit.
pub const EDIT: Shape = Shape {
    name: "ArticlePatch",
    fields: &[
        Field::optional("title", TITLE, "What it is about, in one line."),
        Field::optional("body", BODY, "The text.").or(&["content"]),
        SUMMARY,
        SLUG,
        STATUS,
        CATEGORY,
        Field::optional(
            "version",
            Kind::Whole {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The body of a vote.
pub const FEEDBACK: Shape = Shape {
    name: "ArticleFeedback",
    fields: &[Field::required("helpful", Kind::Flag, "Whether the article helped.").or(&["is_helpful"])],
};

/// The filters of a list of articles.
pub const LIST: Shape = Shape {
    name: "ArticleFilter",
    fields: &[
        Field::optional(
            "status",
            Kind::AnyOf(&words::ARTICLE_STATUS),
            "`published` by default; the others are shown to staff.",
        ),
        Field::optional("category", Kind::Slug, "By slug or id.").or(&["category_id"]),
        Field::optional("q", Kind::Search, "Full text; newest first.").or(&["search", "keyword"]),
    ],
};

fn is_staff(call: &Call) -> bool {
    call.claims.as_ref().is_some_and(|me| me.role.is_staff())
}

/// The article in the path: an id, a uid or a slug.
fn named(call: &Call) -> Name {
    let text = call.param("id");
    match Ref::parse(text) {
        Some(reference @ (Ref::Id(_) | Ref::Uid(_))) => reference.into(),
        _ => Name::Slug(text.to_lowercase()),
    }
}

/// The article in the path, as far as the caller may know of it.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::show(&named(call), is_staff(call)))
}

/// `GET /articles`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &LIST])?;
    let viewer = call.claims.as_ref().map_or(0, |me| me.user_id);
    let page = Page::read(call.request, &taken, viewer)?;
    let published = Status::Published.word();
    let mut statuses = taken.words("status").map_or(vec![published], <[_]>::to_vec);
    if !is_staff(call) {
        statuses.retain(|word| *word == published);
    }
    let asked = taken.text("q").filter(|q| !q.trim().is_empty());
    let matching = asked.as_deref().and_then(article_expression);
    if statuses.is_empty() || (asked.is_some() && matching.is_none()) {
        // Nothing that could be found: an empty list, and not an error.
        call.look(Vec::new()).await?;
        let total = page.count.then_some(page::Total(0));
        return Ok(Reply::ok(page::list(call.request, &page, "", None, total).0));
    }
    let query = Query {
        statuses,
        category: taken.name("category"),
        matching,
    };
    let mut stmts = vec![rows::list(&query, &page)];
    if page.count {
        stmts.push(rows::count(&query));
    }
    let found = call.look(stmts).await?;
    let rows = found.first().ok_or(Error::NotFound)?;
    listed(call, &page, rows, None, found.get(1))
}

/// `GET /articles/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let found = call.look(vec![find(call)?]).await?;
    one(found.first())
}

/// `POST /articles`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    let slug = slug(&taken)?;
    let found = call.read(wanted_category(&taken).into_iter().collect()).await?;
    let (uid, now) = (call.uid()?, call.now());
    let title = taken.required("title");
    let status = status(&taken).unwrap_or(Status::Draft);
    let made = article::slug(&title);
    let spare = format!(
        "{made}-{}",
        uid.get(uid.len().saturating_sub(8)..).unwrap_or_default()
    );
    let draft = Draft {
        slug: slug.clone().unwrap_or(made),
        title,
        summary: taken.text("summary").unwrap_or_default(),
        body: taken.required("body"),
        status,
        category_id: category(&taken, None, found.first())?,
        published_at: article::published_at(None, status, now),
    };
    let spare = slug.is_none().then_some(spare.as_str());
    let stmts = vec![rows::insert(&draft, spare, &uid, call.my_id()?, now)];
    let view = rows::show(&Name::Uid(uid), true);
    call.commit(stmts, Answer::Created(view, "/api/v1/articles/".to_owned()))
        .await
}

/// `PUT /articles/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &EDIT)?;
    let slug = slug(&taken)?;
    retry!(async {
        let mut stmts = vec![rows::row(&named(call))];
        stmts.extend(wanted_category(&taken));
        let found = call.read(stmts).await?;
        let row = row(found.first())?;
        call.guard(row.version, Some(&taken))?;
        let before = Status::parse(&row.status).unwrap_or(Status::Draft);
        let status = status(&taken).unwrap_or(before);
        let draft = Draft {
            slug: slug.clone().unwrap_or(row.slug),
            title: taken.text("title").unwrap_or(row.title),
            summary: taken.text("summary").unwrap_or(row.summary),
            body: taken.text("body").unwrap_or(row.body),
            status,
            category_id: category(&taken, row.category_id, found.get(1))?,
            published_at: article::published_at(row.published_at, status, call.now()),
        };
        let stmts = vec![rows::update(row.id, row.version, &draft, call.now())];
        call.commit(stmts, Answer::Row(rows::show(&Name::Id(row.id), true)))
            .await
    })
}

/// `DELETE /articles/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let found = call.read(vec![rows::row(&named(call))]).await?;
        let row = row(found.first())?;
        call.guard(row.version, None)?;
        call.commit(rows::delete(row.id, row.version).to_vec(), Answer::Nothing)
            .await
    })
}

/// `POST /articles/{id}/feedback`: one vote each, which may be changed. Who is not signed in votes once a day
/// from an address, of which only a keyed hash is kept.
pub async fn feedback(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &FEEDBACK)?;
    let is_helpful = taken.flag("helpful").unwrap_or_default();
    let voter = match &call.claims {
        Some(me) => format!("u{}", me.user_id),
        None => {
            let day = call.now().div_euclid(DAY);
            ids::keyed_hash(
                &call.app.config.pepper,
                &format!("article vote\n{day}\n{}", call.request.address()),
            )
        }
    };
    retry!(async {
        let found = call.look(vec![find(call)?]).await?;
        let id: Option<Id> = match found.first() {
            Some(rows) => rows.first()?,
            None => None,
        };
        let id = id.ok_or(Error::NotFound)?.id;
        let view = rows::show(&Name::Id(id), true);
        call.commit(
            rows::vote(id, &voter, is_helpful, call.now()).to_vec(),
            Answer::Row(view),
        )
        .await
    })
}

fn row(rows: Option<&Rows>) -> Result<ArticleRow, Error> {
    let row: Option<ArticleRow> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    row.ok_or(Error::NotFound)
}

fn status(taken: &Taken) -> Option<Status> {
    taken.word("status").and_then(Status::parse)
}

fn slug(taken: &Taken) -> Result<Option<String>, Error> {
    match taken.text("slug") {
        Some(slug) if !article::is_slug(&slug) => Err(Error::field(
            "slug",
            "must be lower-case letters, digits and hyphens, and neither a number nor a UUID",
        )),
        slug => Ok(slug),
    }
}

fn wanted_category(taken: &Taken) -> Option<Stmt> {
    taken.name("category").map(|name| categories::offered(&name))
}

/// The category that an article will be in, from what was found of the wanted one.
fn category(taken: &Taken, before: Option<i64>, found: Option<&Rows>) -> Result<Option<i64>, Error> {
    if taken.is_null("category") {
        return Ok(None);
    }
    if !taken.has("category") {
        return Ok(before);
    }
    let row: Option<Id> = match found {
        Some(rows) => rows.first()?,
        None => None,
    };
    row.map(|row| Some(row.id))
        .ok_or_else(|| Error::field("category", "is no active category"))
}
