//! The categories of an agent, and the agents of a category.

use crate::api::agents::read_filter;
use crate::api::categories::{AGENTS, LIST, active_filter, category_in_path};
use crate::api::list::{List, parse_list_query, resolved_ids};
use crate::app::call::Call;
use crate::app::call::waiting::MANY_PLACES;
use crate::app::retry::retry;
use crate::desk::category::CategoryRef;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::store::categories;
use crate::store::categories::write::CategoryFields;
use crate::store::commit::CommitReply;
use crate::store::tickets::assignment::pool::Free;
use crate::store::users::agents;

/// `GET /agents/{id}/categories`.
pub async fn list_categories(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&LIST])?;
    let reference = call.reference("id")?;
    let filter = categories::CategoryFilter {
        is_active: active_filter(call, &input)?,
        agent: Some(reference.clone()),
        q: input.text("q"),
    };
    List::new(categories::list(&filter, true, &page), || {
        categories::count(&filter)
    })
    .of(agents::row(&reference))
    .reply(call, &page)
    .await
}

/// `GET /categories/{id}/agents`.
pub async fn list_agents(call: &Call<'_>) -> Result<Reply, Error> {
    let (input, page) = parse_list_query(call, &[&crate::api::agents::LIST])?;
    let name = category_in_path(call, "id")?;
    let filter = agents::AgentFilter {
        category: Some(name.clone()),
        ..read_filter(&input)
    };
    List::new(agents::list(&filter, &page), || agents::count(&filter))
        .of(categories::row(&name))
        .reply(call, &page)
        .await
}

/// `PUT /categories/{id}/agents`: the category then has exactly these agents.
pub async fn set_agents(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &AGENTS)?;
    let name = category_in_path(call, "id")?;
    let wanted = input.rows_json("agents").unwrap_or_default();
    retry!(async {
        let mut batch = Batch::new();
        let category = batch.add::<categories::CategoryRow>(categories::row(&name));
        let ids = batch.add(agents::resolve_active(&wanted));
        let found = call.read(batch).await?;
        let category = found.require(category)?;
        let ids = resolved_ids(&found, ids, "agents", "no active agent")?;
        call.check_version(category.version, Some(&input))?;
        let mut stmts = categories::update(
            category.id,
            category.version,
            &CategoryFields::default(),
            call.now(),
        );
        stmts.extend(agents::set_agents(category.id, &ids));
        let reply = CommitReply::Row(categories::show(&CategoryRef::Id(category.id), true));
        let reply = call.commit(stmts, reply).await?;
        call.assign_waiting(Free::Category(category.id), MANY_PLACES)
            .await;
        Ok(reply)
    })
}
