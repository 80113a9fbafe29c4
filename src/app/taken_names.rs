//! Names that are taken: by an archived row, which the caller may bring back, or by one that is called otherwise.

use serde_json::Value;

use crate::app::call::Call;
use crate::desk::category::spare_slug;
use crate::desk::fold::fold_name;
use crate::edge::db::{Batch, Stmt};
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::store::commit::CommitReply;
use crate::store::sql::named_row::Named;

/// The row that has the name, as [`Named::find_holder`] gives it. Checks the caller, if nothing else has.
async fn find_holder(call: &Call<'_>, named: Named, name: &str) -> Result<Value, Error> {
    let mut batch = Batch::new();
    let holder = batch.add(named.find_holder(name));
    let found = call.read(batch).await?.text(holder)?;
    Ok(found
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}

/// The slug for a new row, made of its name as `slug`: another one if a row that is called otherwise has this one, as
/// `C` and `C++` would have the same.
///
/// # Errors
/// As [`Call::read`].
pub async fn make_slug(call: &Call<'_>, named: Named, slug: String, name: &str) -> Result<String, Error> {
    let holder = find_holder(call, named, &slug).await?;
    let is_same = |held: &str| fold_name(held) == fold_name(name);
    let is_archived = holder.get(1).is_some_and(|flag| *flag == 1);
    Ok(match holder.get(0).and_then(Value::as_str) {
        Some(held) if !is_archived && !is_same(held) => spare_slug(&slug, name),
        _ => slug,
    })
}

/// Commits a change that gives a name. If an archived row has it, the refusal says which one, and how it is brought back.
///
/// # Errors
/// As [`Call::commit`].
pub async fn commit(
    call: &Call<'_>,
    stmts: Vec<Stmt>,
    answer: CommitReply,
    (named, name): (Named, Option<&str>),
) -> Result<Reply, Error> {
    let outcome = call.commit(stmts, answer).await;
    let is_taken =
        matches!(&outcome, Err(Error::Conflict { details, .. }) if details["field"] == named.field());
    let Some(name) = name.filter(|_| is_taken) else {
        return outcome;
    };
    let mut holder = find_holder(call, named, name).await?;
    let Some(details) = holder.get_mut(2).map(Value::take).filter(Value::is_object) else {
        return outcome;
    };
    let part = |path: &str| details.pointer(path).cloned().unwrap_or_default();
    let message = format!(
        "{}, {}, has this {}; PUT {} with {} brings it back",
        named.archived_noun(),
        part("/archived/name"),
        named.field(),
        part("/revive/path").as_str().unwrap_or_default(),
        part("/revive/body"),
    );
    Err(Error::Conflict { message, details })
}
