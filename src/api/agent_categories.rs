//! The categories of an agent, and the agents of a category.

use crate::api::agents::row;
use crate::api::categories::{AGENTS, in_path, shown};
use crate::api::list::listed;
use crate::api::resolve::resolved;
use crate::app::call::Call;
use crate::app::retry::retry;
use crate::desk::category::Name;
use crate::http::error::Error;
use crate::http::input;
use crate::http::page::{self, Page};
use crate::http::reply::Reply;
use crate::store::agents;
use crate::store::categories;
use crate::store::category_write::Facts;
use crate::store::commit::Answer;

/// `GET /agents/{id}/categories`.
pub async fn list_categories(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &crate::api::categories::LIST])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let reference = call.reference("id")?;
    let filter = categories::Filter {
        is_active: shown(call, &taken)?,
        agent: Some(reference.clone()),
    };
    let mut stmts = vec![agents::row(&reference), categories::list(&filter, true, &page)];
    if page.count {
        stmts.push(categories::count(&filter));
    }
    let found = call.read(stmts).await?;
    row(found.first())?;
    let rows = found.get(1).ok_or(Error::NotFound)?;
    listed(call, &page, rows, None, found.get(2))
}

/// `GET /categories/{id}/agents`.
pub async fn list_agents(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::query(call.request, &[&page::QUERY, &crate::api::agents::LIST])?;
    let page = Page::read(call.request, &taken, call.my_id()?)?;
    let name = in_path(call, "id")?;
    let filter = agents::Filter {
        category: Some(name.clone()),
        ..crate::api::agents::filter(&taken)
    };
    let mut stmts = vec![categories::row(&name), agents::list(&filter, &page)];
    if page.count {
        stmts.push(agents::count(&filter));
    }
    let found = call.read(stmts).await?;
    crate::api::categories::row(found.first())?;
    let rows = found.get(1).ok_or(Error::NotFound)?;
    listed(call, &page, rows, None, found.get(2))
}

/// `PUT /categories/{id}/agents`: exactly these.
pub async fn set_agents(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &AGENTS)?;
    let name = in_path(call, "id")?;
    let wanted = taken.rows("agents").unwrap_or_default();
    retry!(async {
        let found = call
            .read(vec![categories::row(&name), agents::working_all(&wanted)])
            .await?;
        let category = crate::api::categories::row(found.first())?;
        let ids = resolved(found.get(1), "agents", "no active agent")?;
        call.guard(category.version, Some(&taken))?;
        let mut stmts = vec![categories::update(
            category.id,
            category.version,
            &Facts::default(),
            call.now(),
        )];
        stmts.extend(agents::set_agents(category.id, &ids));
        call.commit(stmts, Answer::Row(categories::show(&Name::Id(category.id), true)))
            .await
    })
}
