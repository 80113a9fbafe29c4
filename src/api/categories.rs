//! Categories: what tickets are about, and which agents take them.

use serde_json::json;

use crate::api::list::{listed, one};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::category::{Name, may_be_slug, slug_of};
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::categories::{self as rows, CategoryRow, Filter};
use crate::store::category_write::Facts;
use crate::store::commit::Answer;
use crate::store::rows::Id;

const NAME: Kind = Kind::Line { min: 1, max: 100 };
const DESCRIPTION: Field = Field::optional(
    "description",
    Kind::Text { min: 0, max: 2_000 },
    "What belongs in it.",
);
const SLUG: Field = Field::optional(
    "slug",
    Kind::Slug,
    "Its name in paths and filters; without one, it is made of the name.",
);
const POSITION: Field = Field::optional(
    "position",
    Kind::Whole {
        min: 0,
        max: 1_000_000,
    },
    "Its place in the list; last by default.",
)
.or(&["sort_order", "order"]);
const IS_ACTIVE: Field =
    Field::optional("is_active", Kind::Flag, "Archived ones take no new tickets.").or(&["active"]);

/// The body of a new category or subcategory.
pub const NEW: Shape = Shape {
    name: "NewCategory",
    fields: &[
        Field::required("name", NAME, "What people read."),
        SLUG,
        DESCRIPTION,
        POSITION,
        IS_ACTIVE,
    ],
};

/// The body of an update of either.
pub const EDIT: Shape = Shape {
    name: "CategoryPatch",
    fields: &[
        Field::optional("name", NAME, "What people read; the slug stays."),
        SLUG,
        DESCRIPTION,
        POSITION,
        IS_ACTIVE,
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

/// Where the unresolved tickets of an archived category go: in the query or the body.
pub const ARCHIVE: Shape = Shape {
    name: "ArchiveCategory",
    fields: &[Field::optional(
        "move_to",
        Kind::Slug,
        "The category, by slug or id, that its unresolved tickets move to.",
    )],
};

/// The filters of a list of categories or subcategories.
pub const LIST: Shape = Shape {
    name: "CategoryFilter",
    fields: &[
        Field::optional("is_active", Kind::Flag, "false: the archived ones; for staff.").or(&["active"]),
        Field::optional("include_archived", Kind::Flag, "Archived ones too; for staff."),
    ],
};

/// The category in the path, by id, uid or slug.
pub(super) fn in_path(call: &Call, param: &str) -> Result<Name, Error> {
    Name::parse(call.param(param)).ok_or(Error::NotFound)
}

/// Finds the category in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(crate::store::categories::row(&in_path(call, "id")?))
}

/// Which ones a list shows: the active ones, unless staff ask for others.
pub(super) fn shown(call: &Call, taken: &Taken) -> Result<Option<bool>, Error> {
    if !call.my_role()?.is_staff() {
        return Ok(Some(true));
    }
    Ok(match taken.flag("is_active") {
        Some(is_active) => Some(is_active),
        None if taken.flag("include_archived") == Some(true) => None,
        None => Some(true),
    })
}

/// What a body says of a category or subcategory.
pub(super) fn facts(taken: &Taken) -> Result<Facts, Error> {
    let slug = taken.text("slug");
    if taken.reference("slug").is_some() || slug.as_ref().is_some_and(|slug| !may_be_slug(slug)) {
        return Err(Error::field("slug", "must not look like an id"));
    }
    Ok(Facts {
        slug,
        name: taken.text("name"),
        description: taken.text("description"),
        position: taken.whole("position"),
        is_active: taken.flag("is_active"),
    })
}

pub fn row(rows: Option<&Rows>) -> Result<CategoryRow, Error> {
    match rows {
        Some(rows) => rows.first()?.ok_or(Error::NotFound),
        None => Err(Error::NotFound),
    }
}

/// `GET /categories`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &LIST])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let filter = Filter {
        is_active: shown(call, &taken)?,
        agent: None,
    };
    let mut stmts = vec![rows::list(&filter, call.my_role()?.is_staff(), &page)];
    if page.count {
        stmts.push(rows::count(&filter));
    }
    let found = call.read(stmts).await?;
    let rows = found.first().ok_or(Error::NotFound)?;
    listed(call, &page, rows, None, found.get(1))
}

/// `POST /categories`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    let mut facts = facts(&taken)?;
    call.authorize().await?;
    facts.slug = facts
        .slug
        .or_else(|| Some(slug_of(&taken.required("name"), "category")));
    let uid = call.uid()?;
    let stmt = rows::insert(&uid, &facts, call.now());
    call.commit(
        vec![stmt],
        Answer::Created(
            rows::show(&Name::Uid(uid), true),
            "/api/v1/categories/".to_owned(),
        ),
    )
    .await
}

/// `GET /categories/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let staff = call.my_role()?.is_staff();
    let found = call.read(vec![rows::show(&in_path(call, "id")?, staff)]).await?;
    one(found.first())
}

/// `PUT /categories/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &EDIT)?;
    let (name, facts) = (in_path(call, "id")?, facts(&taken)?);
    retry!(async {
        let found = call.read(vec![rows::row(&name)]).await?;
        let category = row(found.first())?;
        call.guard(category.version, Some(&taken))?;
        let mut stmts = Vec::new();
        if facts.is_active == Some(false) && category.is_active == 1 {
            not_needed(&category)?;
            stmts.push(rows::expect_no_need(category.id));
        }
        stmts.push(rows::update(category.id, category.version, &facts, call.now()));
        call.commit(stmts, Answer::Row(rows::show(&Name::Id(category.id), true)))
            .await
    })
}

fn not_needed(category: &CategoryRow) -> Result<(), Error> {
    if category.unresolved == 0 {
        return Ok(());
    }
    Err(Error::Conflict {
        message: "unresolved tickets are in this category; say with move_to where they go".to_owned(),
        details: json!({"unresolved_tickets": category.unresolved}),
    })
}

/// `DELETE /categories/{id}`: the category is archived, once no unresolved ticket is in it.
pub async fn archive(call: &Call<'_>) -> Result<Reply, Error> {
    let body = input::body_or_nothing(call.request, &ARCHIVE)?;
    let query = input::query(call.request, &[&ARCHIVE])?;
    let name = in_path(call, "id")?;
    let move_to = body.name("move_to").or_else(|| query.name("move_to"));
    retry!(async {
        let mut stmts = vec![rows::row(&name)];
        stmts.extend(move_to.as_ref().map(rows::offered));
        let found = call.read(stmts).await?;
        let category = row(found.first())?;
        let target: Option<Id> = match found.get(1) {
            Some(rows) => rows.first()?,
            None => None,
        };
        let target = target.map(|row| row.id).filter(|id| *id != category.id);
        if move_to.is_some() && target.is_none() {
            return Err(Error::field("move_to", "is no other active category"));
        }
        call.guard(category.version, None)?;
        if category.is_active == 0 {
            return call.commit(Vec::new(), Answer::Nothing).await;
        }
        let mut stmts = Vec::new();
        match target {
            Some(target) => {
                stmts.extend(rows::move_tickets(category.id, target, call.my_id()?, call.now()));
            }
            None => not_needed(&category)?,
        }
        let archived = Facts {
            is_active: Some(false),
            ..Facts::default()
        };
        stmts.push(rows::expect_no_need(category.id));
        stmts.push(rows::update(category.id, category.version, &archived, call.now()));
        call.commit(stmts, Answer::Nothing).await
    })
}

/// The body that names the agents of a category.
pub const AGENTS: Shape = Shape {
    name: "CategoryAgents",
    fields: &[
        Field::required("agents", Kind::References, "All of its agents, by id or uid.")
            .or(&["agent_ids", "user_ids"]),
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
