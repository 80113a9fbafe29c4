//! The knowledge base: articles that everybody can read and staff write. `/posts` is an alias of `/articles`.

use crate::api::list::{List, NamedFilters, empty_page, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::app::taken_names;
use crate::desk::DAY;
use crate::desk::article::{self, ArticleStatus};
use crate::desk::category::CategoryRef;
use crate::desk::fold::caseless;
use crate::desk::id::Ref;
use crate::desk::tickets::search::article_match_expression;
use crate::edge::db::{Batch, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::articles::{self as rows, ArticleContent, ArticleQuery, ArticleRow};
use crate::store::categories;
use crate::store::commit::CommitReply;
use crate::store::sql::named_row::Named;
use crate::store::sql::rows::IdRow;

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
const STATUS: Field = Field::optional(
    "status",
    Kind::Choice(&choices::ARTICLE_STATUS),
    "`draft` at first.",
);
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

/// The body of an update of an article.
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
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// The body of a vote on whether an article helped.
pub const FEEDBACK: Shape = Shape {
    name: "ArticleFeedback",
    fields: &[Field::required("helpful", Kind::Flag, "Whether the article helped.").or(&["is_helpful"])],
};

/// The filters of the list of articles.
pub const LIST: Shape = Shape {
    name: "ArticleFilter",
    fields: &[
        Field::optional(
            "status",
            Kind::AnyOf(&choices::ARTICLE_STATUS),
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
fn article_in_path(call: &Call) -> CategoryRef {
    let text = call.param("id");
    match Ref::parse(text) {
        Some(reference @ (Ref::Id(_) | Ref::Uid(_))) => reference.into(),
        _ => CategoryRef::Slug(caseless(text)),
    }
}

/// The statement that finds the article in the path, if the caller may see it.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::show(&article_in_path(call), is_staff(call)))
}

/// `GET /articles`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let published = ArticleStatus::Published.as_str();
    let mut statuses = input.choices("status").map_or(vec![published], <[_]>::to_vec);
    if !is_staff(call) {
        statuses.retain(|word| *word == published);
    }
    let named = NamedFilters::of(&input);
    let asked = input.text("q").filter(|q| !q.trim().is_empty());
    let matching = asked.as_deref().and_then(article_match_expression);
    if statuses.is_empty() || (asked.is_some() && matching.is_none()) {
        // Nothing can match, which is an empty list and not an error.
        let mut batch = Batch::new();
        let unknown = named.find_unknown(call, &mut batch);
        let found = call.read_optional(batch).await?;
        named.require_known(&found, unknown)?;
        return Ok(empty_page(call, &page));
    }
    let query = ArticleQuery {
        statuses,
        category: input.name("category"),
        matching,
    };
    List::new(rows::list(&query, &page), || rows::count(&query))
        .filtered(named)
        .reply(call, &page)
        .await
}

/// `GET /articles/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    show_resource(call, find(call)?).await
}

/// `POST /articles`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let slug = read_slug(&input)?;
    let mut batch = Batch::new();
    let category = batch.add_optional(find_category(&input));
    let found = call.read(batch).await?;
    let (uid, now) = (call.uid()?, call.now());
    let title = input.required("title");
    let status = read_status(&input).unwrap_or(ArticleStatus::Draft);
    let made = article::slug_from_title(&title);
    let spare = format!(
        "{made}-{}",
        uid.get(uid.len().saturating_sub(8)..).unwrap_or_default()
    );
    let draft = ArticleContent {
        slug: slug.clone().unwrap_or(made),
        title,
        summary: input.text("summary").unwrap_or_default(),
        body: input.required("body"),
        status,
        category_id: read_category(&input, None, found.first_if(category)?)?,
        published_at: article::published_at(None, status, now),
    };
    let spare = slug.is_none().then_some(spare.as_str());
    let stmts = rows::insert(&draft, spare, &uid, call.my_id()?, now).into();
    let view = rows::show(&CategoryRef::Uid(uid), true);
    let answer = CommitReply::Created(view, "/api/v1/articles/".to_owned());
    taken_names::commit(call, stmts, answer, (Named::Article, slug.as_deref())).await
}

/// `PUT /articles/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let slug = read_slug(&input)?;
    retry!(async {
        let mut batch = Batch::new();
        let row = batch.add::<ArticleRow>(rows::row(&article_in_path(call)));
        let category = batch.add_optional(find_category(&input));
        let found = call.read(batch).await?;
        let row = found.require(row)?;
        call.check_version(row.version, Some(&input))?;
        let before = ArticleStatus::parse(&row.status).unwrap_or(ArticleStatus::Draft);
        let status = read_status(&input).unwrap_or(before);
        let draft = ArticleContent {
            slug: slug.clone().unwrap_or(row.slug),
            title: input.text("title").unwrap_or(row.title),
            summary: input.text("summary").unwrap_or(row.summary),
            body: input.text("body").unwrap_or(row.body),
            status,
            category_id: read_category(&input, row.category_id, found.first_if(category)?)?,
            published_at: article::published_at(row.published_at, status, call.now()),
        };
        let stmts = rows::update(row.id, row.version, &draft, call.now()).into();
        let answer = CommitReply::Row(rows::show(&CategoryRef::Id(row.id), true));
        taken_names::commit(call, stmts, answer, (Named::Article, slug.as_deref())).await
    })
}

/// `DELETE /articles/{id}`.
pub async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    retry!(async {
        let row: ArticleRow = call.read_row(rows::row(&article_in_path(call))).await?;
        call.check_version(row.version, None)?;
        call.commit(rows::delete(row.id, row.version).to_vec(), CommitReply::Nothing)
            .await
    })
}

/// `POST /articles/{id}/feedback`: everybody has one vote, which can be changed. For callers who are not logged in,
/// it is one vote per day and network address, of which only a keyed hash is stored.
pub async fn feedback(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &FEEDBACK)?;
    let is_helpful = input.flag("helpful").unwrap_or_default();
    let voter = match &call.claims {
        Some(me) => format!("u{}", me.user_id),
        None => {
            let day = call.now().div_euclid(DAY);
            ids::hmac_hex(
                &call.app.config.pepper,
                &format!("article vote\n{day}\n{}", call.request.client_ip()),
            )
        }
    };
    retry!(async {
        let mut batch = Batch::new();
        let article = batch.add::<IdRow>(find(call)?);
        let id = call.read_optional(batch).await?.require(article)?.id;
        let view = rows::show(&CategoryRef::Id(id), true);
        call.commit(
            rows::vote(id, &voter, is_helpful, call.now()).to_vec(),
            CommitReply::Row(view),
        )
        .await
    })
}

fn read_status(input: &Input) -> Option<ArticleStatus> {
    input.choice("status").and_then(ArticleStatus::parse)
}

fn read_slug(input: &Input) -> Result<Option<String>, Error> {
    match input.text("slug") {
        Some(slug) if !article::is_valid_slug(&slug) => Err(Error::field(
            "slug",
            "must be lower-case letters, digits and hyphens, and neither a number nor a UUID",
        )),
        slug => Ok(slug),
    }
}

fn find_category(input: &Input) -> Option<Stmt> {
    input.name("category").map(|name| categories::find_active(&name))
}

/// The category that the article will be in: none, the one `before`, or the one that was `found` for the input.
fn read_category(input: &Input, before: Option<i64>, found: Option<IdRow>) -> Result<Option<i64>, Error> {
    if input.is_null("category") {
        return Ok(None);
    }
    if !input.has("category") {
        return Ok(before);
    }
    found
        .map(|row| Some(row.id))
        .ok_or_else(|| Error::field("category", "is no active category"))
}
