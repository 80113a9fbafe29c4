//! The subcategories of a category.

use crate::api::categories::{EDIT, LIST, NEW, active_filter, category_in_path, read_fields};
use crate::api::list::{List, parse_list_query, resource_reply};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::app::taken_names;
use crate::desk::category::{CategoryRef, slug_from_name};
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::store::categories::subcategories::{self as rows, SubcategoryRow};
use crate::store::categories::{self, write};
use crate::store::commit::CommitReply;
use crate::store::sql::named_row::Named;
use crate::store::sql::rows::IdRow;

/// The statement that finds the subcategory in the path.
pub fn find(call: &Call) -> Result<Stmt, Error> {
    Ok(rows::row(
        &category_in_path(call, "id")?,
        &category_in_path(call, "sub_id")?,
    ))
}

/// `GET /categories/{id}/subcategories`.
pub async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let (category, is_active) = (category_in_path(call, "id")?, active_filter(call, &input)?);
    let q = input.text("q");
    List::new(rows::list(&category, is_active, q.as_deref(), &page), || {
        rows::count(&category, is_active, q.as_deref())
    })
    .of(categories::row(&category))
    .reply(call, &page)
    .await
}

/// `POST /categories/{id}/subcategories`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    let mut facts = read_fields(&input)?;
    let category = category_in_path(call, "id")?;
    let IdRow { id: category_id } = call.read_row(categories::row(&category)).await?;
    let (is_made, named) = (facts.slug.is_none(), Named::Subcategory(category_id));
    let slug = match facts.slug {
        Some(slug) => slug,
        None => {
            let name = input.required("name");
            taken_names::make_slug(call, named, slug_from_name(&name, "subcategory"), &name).await?
        }
    };
    facts.slug = Some(slug.clone());
    let uid = call.uid()?;
    let stmt = rows::insert(&uid, category_id, &facts, is_made, call.now());
    let place = format!("/api/v1/categories/{category_id}/subcategories/");
    let answer = CommitReply::Created(rows::show(&CategoryRef::Uid(uid)), place);
    taken_names::commit(call, vec![stmt], answer, (named, Some(&slug))).await
}

/// `GET /categories/{id}/subcategories/{sub_id}`.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let (category, name) = (category_in_path(call, "id")?, category_in_path(call, "sub_id")?);
    let mut batch = Batch::new();
    let row = batch.add::<SubcategoryRow>(rows::row(&category, &name));
    let resource = batch.add(rows::show(&name));
    let found = call.read(batch).await?;
    found.require(row)?;
    resource_reply(call, &found, resource)
}

/// `PUT /categories/{id}/subcategories/{sub_id}`.
pub async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &EDIT)?;
    let facts = read_fields(&input)?;
    let (category, name) = (category_in_path(call, "id")?, category_in_path(call, "sub_id")?);
    retry!(async {
        let subcategory: SubcategoryRow = call.read_row(rows::row(&category, &name)).await?;
        call.check_version(subcategory.version, Some(&input))?;
        let stmt = rows::update(subcategory.id, subcategory.version, &facts, call.now());
        let answer = CommitReply::Row(rows::show(&CategoryRef::Id(subcategory.id)));
        let named = (Named::Subcategory(0), facts.slug.as_deref());
        taken_names::commit(call, vec![stmt], answer, named).await
    })
}

/// `DELETE /categories/{id}/subcategories/{sub_id}`: archives the subcategory. Its tickets stay in it.
pub async fn archive(call: &Call<'_>) -> Result<Reply, Error> {
    let (category, name) = (category_in_path(call, "id")?, category_in_path(call, "sub_id")?);
    retry!(async {
        let subcategory: SubcategoryRow = call.read_row(rows::row(&category, &name)).await?;
        call.check_version(subcategory.version, None::<&Input>)?;
        let mut stmts = Vec::new();
        if subcategory.is_active == 1 {
            let archived = write::CategoryFields {
                is_active: Some(false),
                ..write::CategoryFields::default()
            };
            stmts.push(rows::update(
                subcategory.id,
                subcategory.version,
                &archived,
                call.now(),
            ));
        }
        call.commit(stmts, CommitReply::Nothing).await
    })
}
