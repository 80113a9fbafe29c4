//! Subcategories: the parts of a category.

use crate::api::categories::{LIST, NEW, facts, in_path, shown};
use crate::api::list::{listed, one};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::category::{Name, slug_of};
use crate::edge::db::{Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::store::commit::Answer;
use crate::store::rows::Id;
use crate::store::subcategories::{self as rows, SubcategoryRow};
use crate::store::{categories, category_write};

/// Finds the subcategory in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(crate::store::subcategories::row(
        &crate::api::categories::in_path(call, "id")?,
        &crate::api::categories::in_path(call, "sub_id")?,
    ))
}

/// `GET /categories/{id}/subcategories`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &LIST])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let (category, is_active) = (in_path(call, "id")?, shown(call, &taken)?);
    let mut stmts = vec![
        categories::row(&category),
        rows::list(&category, is_active, &page),
    ];
    if page.count {
        stmts.push(rows::count(&category, is_active));
    }
    let found = call.read(stmts).await?;
    parent(found.first())?;
    let rows = found.get(1).ok_or(Error::NotFound)?;
    listed(call, &page, rows, None, found.get(2))
}

fn parent(rows: Option<&Rows>) -> Result<i64, Error> {
    let id: Option<Id> = match rows {
        Some(rows) => rows.first()?,
        None => None,
    };
    id.map(|row| row.id).ok_or(Error::NotFound)
}

/// `POST /categories/{id}/subcategories`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    let mut facts = facts(&taken)?;
    let category = in_path(call, "id")?;
    let found = call.read(vec![categories::row(&category)]).await?;
    let category_id = parent(found.first())?;
    let is_made = facts.slug.is_none();
    facts.slug = facts
        .slug
        .or_else(|| Some(slug_of(&taken.required("name"), "subcategory")));
    let uid = call.uid()?;
    let stmt = rows::insert(&uid, category_id, &facts, is_made, call.now());
    let place = format!("/api/v1/categories/{category_id}/subcategories/");
    call.commit(vec![stmt], Answer::Created(rows::show(&Name::Uid(uid)), place))
        .await
}

/// `GET /categories/{id}/subcategories/{sub_id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let (category, name) = (in_path(call, "id")?, in_path(call, "sub_id")?);
    let found = call
        .read(vec![rows::row(&category, &name), rows::show(&name)])
        .await?;
    row(found.first())?;
    one(found.get(1))
}

/// `PUT /categories/{id}/subcategories/{sub_id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &crate::api::categories::EDIT)?;
    let facts = facts(&taken)?;
    let (category, name) = (in_path(call, "id")?, in_path(call, "sub_id")?);
    retry!(async {
        let found = call.read(vec![rows::row(&category, &name)]).await?;
        let subcategory = row(found.first())?;
        call.guard(subcategory.version, Some(&taken))?;
        let stmt = rows::update(subcategory.id, subcategory.version, &facts, call.now());
        call.commit(vec![stmt], Answer::Row(rows::show(&Name::Id(subcategory.id))))
            .await
    })
}

/// `DELETE /categories/{id}/subcategories/{sub_id}`: it is archived; tickets that are in it stay.
pub async fn archive(call: &Call<'_>) -> Result<Reply, Error> {
    let (category, name) = (in_path(call, "id")?, in_path(call, "sub_id")?);
    retry!(async {
        let found = call.read(vec![rows::row(&category, &name)]).await?;
        let subcategory = row(found.first())?;
        call.guard(subcategory.version, None::<&Taken>)?;
        let mut stmts = Vec::new();
        if subcategory.is_active == 1 {
            let archived = category_write::Facts {
                is_active: Some(false),
                ..category_write::Facts::default()
            };
            stmts.push(rows::update(
                subcategory.id,
                subcategory.version,
                &archived,
                call.now(),
            ));
        }
        call.commit(stmts, Answer::Nothing).await
    })
}

fn row(rows: Option<&Rows>) -> Result<SubcategoryRow, Error> {
    match rows {
        Some(rows) => rows.first()?.ok_or(Error::NotFound),
        None => Err(Error::NotFound),
    }
}
