//! Which categories and subcategories are there, and how are they created, changed and archived? A category says what
//! a ticket is about, and has the agents who work on its tickets.
//!
//! Not allowed here: the rules for slugs (`desk::category`) and SQL (`store::categories`).

pub mod subcategories;

use serde_json::json;

use crate::api::list::{List, parse_list_query, show_resource};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::app::taken_names;
use crate::desk::category::{CategoryRef, is_valid_slug, slug_from_name};
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::categories::write::CategoryFields;
use crate::store::categories::{self as rows, CategoryFilter, CategoryRow};
use crate::store::commit::CommitReply;
use crate::store::sql::named_row::Named;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::relations::watchers;

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
    Kind::Integer {
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

/// The body of an update of a category or subcategory.
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
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version that the change was made on.",
        ),
    ],
};

/// Where the unresolved tickets of an archived category move to. It can be given in the query or in the body.
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
        Field::optional("q", Kind::Search, "Each word is part of the name.").or(&["search", "keyword"]),
    ],
};

/// The category in the path, by id, uid or slug.
pub(super) fn category_in_path(call: &Call, param: &str) -> Result<CategoryRef, Error> {
    CategoryRef::parse(call.param(param)).ok_or(Error::NotFound)
}

/// The statement that finds the category in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(&category_in_path(call, "id")?))
}

/// Which categories a list shows, as a filter on `is_active`: the active ones, unless staff ask for others. None is
/// both.
pub(super) fn active_filter(call: &Call, input: &Input) -> Result<Option<bool>, Error> {
    if !call.my_role()?.is_staff() {
        return Ok(Some(true));
    }
    Ok(match input.flag("is_active") {
        Some(is_active) => Some(is_active),
        None if input.flag("include_archived") == Some(true) => None,
        None => Some(true),
    })
}

/// Reads the fields of a category or subcategory from a body.
pub(super) fn read_fields(input: &Input) -> Result<CategoryFields, Error> {
    let slug = input.text("slug");
    if input.reference("slug").is_some() || slug.as_ref().is_some_and(|slug| !is_valid_slug(slug)) {
        return Err(Error::field("slug", "must not look like an id"));
    }
    Ok(CategoryFields {
        slug,
        name: input.text("name"),
        description: input.text("description"),
        position: input.integer("position"),
        is_active: input.flag("is_active"),
    })
}

/// `GET /categories`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let filter = CategoryFilter {
        is_active: active_filter(call, &input)?,
        agent: None,
        q: input.text("q"),
    };
    let is_staff = call.my_role()?.is_staff();
    List::new(rows::list(&filter, is_staff, &page), || rows::count(&filter))
        .reply(call, &page)
        .await
}

/// `POST /categories`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let mut facts = read_fields(&input)?;
    call.authorize().await?;
    let slug = match facts.slug {
        Some(slug) => slug,
        None => {
            let name = input.required("name");
            taken_names::make_slug(call, Named::Category, slug_from_name(&name, "category"), &name).await?
        }
    };
    facts.slug = Some(slug.clone());
    let uid = call.uid()?;
    let stmts = rows::insert(&uid, &facts, call.now()).into();
    let view = rows::show(&CategoryRef::Uid(uid), true);
    let answer = CommitReply::Created(view, "/api/v1/categories/".to_owned());
    taken_names::commit(call, stmts, answer, (Named::Category, Some(&slug))).await
}

/// `GET /categories/{id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let staff = call.my_role()?.is_staff();
    show_resource(call, rows::show(&category_in_path(call, "id")?, staff)).await
}

/// `PUT /categories/{id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let (name, facts) = (category_in_path(call, "id")?, read_fields(&input)?);
    retry!(async {
        let category: CategoryRow = call.read_row(rows::row(&name)).await?;
        call.check_version(category.version, Some(&input))?;
        let mut stmts = Vec::new();
        if facts.is_active == Some(false) && category.is_active == 1 {
            require_no_unresolved(&category)?;
            stmts.push(rows::expect_no_unresolved(category.id));
        }
        stmts.extend(rows::update(category.id, category.version, &facts, call.now()));
        let answer = CommitReply::Row(rows::show(&CategoryRef::Id(category.id), true));
        taken_names::commit(call, stmts, answer, (Named::Category, facts.slug.as_deref())).await
    })
}

fn require_no_unresolved(category: &CategoryRow) -> Result<(), Error> {
    if category.unresolved == 0 {
        return Ok(());
    }
    Err(Error::Conflict {
        message: "unresolved tickets are in this category; say with move_to where they go".to_owned(),
        details: json!({"unresolved_tickets": category.unresolved}),
    })
}

/// `DELETE /categories/{id}`: archives the category. Its unresolved tickets move to `move_to`; without it, the
/// request is refused while there are any.
pub async fn archive(call: &Call<'_>) -> Result<Reply, Error> {
    let body = input::parse_optional_body(call.request, &ARCHIVE)?;
    let query = input::parse_query(call.request, &[&ARCHIVE])?;
    let name = category_in_path(call, "id")?;
    let move_to = body.name("move_to").or_else(|| query.name("move_to"));
    retry!(async {
        let mut batch = Batch::new();
        let category = batch.add::<CategoryRow>(rows::row(&name));
        let target = batch.add_optional::<IdRow>(move_to.as_ref().map(rows::find_active));
        let found = call.read(batch).await?;
        let category = found.require(category)?;
        let target = found
            .first_if(target)?
            .map(|row| row.id)
            .filter(|id| *id != category.id);
        if move_to.is_some() && target.is_none() {
            return Err(Error::field("move_to", "is no other active category"));
        }
        call.check_version(category.version, None)?;
        if category.is_active == 0 {
            return call.commit(Vec::new(), CommitReply::Nothing).await;
        }
        let mut stmts = Vec::new();
        match target {
            Some(target) => {
                stmts.extend(rows::move_tickets(category.id, target, call.my_id()?, call.now()));
                stmts.push(watchers::drop_all_unseen());
            }
            None => require_no_unresolved(&category)?,
        }
        let archived = CategoryFields {
            is_active: Some(false),
            ..CategoryFields::default()
        };
        stmts.push(rows::expect_no_unresolved(category.id));
        stmts.extend(rows::update(category.id, category.version, &archived, call.now()));
        call.commit(stmts, CommitReply::Nothing).await
    })
}

/// The body that sets the agents of a category.
pub const AGENTS: Shape = Shape {
    name: "CategoryAgents",
    fields: &[
        Field::required("agents", Kind::References, "All of its agents, by id or uid.")
            .or(&["agent_ids", "user_ids"]),
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
