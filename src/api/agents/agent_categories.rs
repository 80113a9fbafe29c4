//! The categories of an agent, and the agents of a category.

use crate::api::agents::row;
use crate::api::categories::{AGENTS, active_filter, category_in_path};
use crate::api::list::{list_reply, resolved_ids};
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::category::CategoryRef;
use crate::http::error::Error;
use crate::http::input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::store::categories;
use crate::store::categories::write::CategoryFields;
use crate::store::commit::CommitReply;
use crate::store::users::agents;

/// `GET /agents/{id}/categories`.
pub async fn list_categories(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&page::QUERY, &crate::api::categories::LIST])?;
    let page = Page::from_query(call.request, &input, call.my_id()?)?;
    let reference = call.reference("id")?;
    let filter = categories::CategoryFilter {
        is_active: active_filter(call, &input)?,
        agent: Some(reference.clone()),
    };
    let mut stmts = vec![agents::row(&reference), categories::list(&filter, true, &page)];
    if page.count {
        stmts.push(categories::count(&filter));
    }
    let found = call.read(stmts).await?;
    row(found.first())?;
    let rows = found.get(1).ok_or(Error::NotFound)?;
    list_reply(call, &page, rows, None, found.get(2))
}

/// `GET /categories/{id}/agents`.
pub async fn list_agents(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_query(call.request, &[&page::QUERY, &crate::api::agents::LIST])?;
    let page = Page::from_query(call.request, &input, call.my_id()?)?;
    let name = category_in_path(call, "id")?;
    let filter = agents::AgentFilter {
        category: Some(name.clone()),
        ..crate::api::agents::read_filter(&input)
    };
    let mut stmts = vec![categories::row(&name), agents::list(&filter, &page)];
    if page.count {
        stmts.push(agents::count(&filter));
    }
    let found = call.read(stmts).await?;
    crate::api::categories::row(found.first())?;
    let rows = found.get(1).ok_or(Error::NotFound)?;
    list_reply(call, &page, rows, None, found.get(2))
}

/// `PUT /categories/{id}/agents`: exactly these.
pub async fn set_agents(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &AGENTS)?;
    let name = category_in_path(call, "id")?;
    let wanted = input.rows_json("agents").unwrap_or_default();
    retry!(async {
        let found = call
            .read(vec![categories::row(&name), agents::resolve_active(&wanted)])
            .await?;
        let category = crate::api::categories::row(found.first())?;
        let ids = resolved_ids(found.get(1), "agents", "no active agent")?;
        call.check_version(category.version, Some(&input))?;
        let mut stmts = categories::update(
            category.id,
            category.version,
            &CategoryFields::default(),
            call.now(),
        );
        stmts.extend(agents::set_agents(category.id, &ids));
        call.commit(
            stmts,
            CommitReply::Row(categories::show(&CategoryRef::Id(category.id), true)),
        )
        .await
    })
}
