//! Changes many tickets at once. Each of them is changed exactly as by a request of its own, or refused as there: one that
//! is refused stops none of the others.
//!
//! All are read in one round trip and written in another, in one batch with the answer. If somebody else changes one of
//! them in between, nothing is written: those that have moved are then changed one by one, the others together again.

mod apply;
pub mod cascade;
mod order;

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::api::tickets::bulk::apply::{Item, Outcome, decide_all};
use crate::api::tickets::bulk::order::{Found, Order, Targets};
use crate::app::call::Call;
use crate::app::call::waiting::{MANY_PLACES, ONE_PLACE};
use crate::app::retry::{MAX_ATTEMPTS, retry};
use crate::desk::id::Ref;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::Reply;
use crate::store::commit::{CommitReply, json_row};
use crate::store::tickets::assignment::pool::Free;

pub use crate::api::tickets::bulk::order::{BULK, CHANGES, FILTER};

/// `POST /tickets/bulk`.
pub async fn change(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &BULK)?;
    let mut order = Order::read(call, &input)?;
    let first = order.find(call).await?;
    let total = first.total.filter(|_| order.is_filter());
    if order.dry_run {
        return Ok(Reply::ok(report(&decide_all(call, &order, &first)?, total)));
    }
    run(call, &mut order, first, |items| {
        Ok(CommitReply::Row(json_row(report(items, total))))
    })
    .await
}

/// The answer: what became of each ticket. `total` is how many tickets a filter matches.
fn report(items: &[Item], total: Option<i64>) -> String {
    let data: Vec<Value> = items.iter().map(Item::json).collect();
    let count = |result: &str| {
        items
            .iter()
            .filter(|item| item.outcome.result() == result)
            .count()
    };
    let taken = i64::try_from(items.len()).unwrap_or_default();
    let mut meta = json!({
        "changed": count("changed"),
        "unchanged": count("unchanged"),
        "refused": count("refused"),
        "total_matching": total.unwrap_or(taken).min(MAX_TOTAL),
    });
    if let (Some(meta), Some(total)) = (meta.as_object_mut(), total) {
        let left = total.min(MAX_TOTAL).saturating_sub(taken);
        meta.insert("remaining".to_owned(), left.into());
        if total > MAX_TOTAL {
            meta.insert("total_is_capped".to_owned(), true.into());
        }
    }
    json!({"data": data, "meta": meta}).to_string()
}

/// The most that a total tells of.
const MAX_TOTAL: i64 = 10_000;

/// Changes the tickets that were found, and answers with what `answer` makes of all of them.
async fn run(
    call: &Call<'_>,
    order: &mut Order,
    first: Found,
    answer: impl Fn(&[Item]) -> Result<CommitReply, Error>,
) -> Result<Reply, Error> {
    // From here on the tickets are these, whatever else a filter would find.
    order.targets = Targets::Ids(first.candidates.iter().map(|(place, _)| place.clone()).collect());
    let mut alone: HashMap<i64, Item> = HashMap::new();
    let mut found = first;
    for attempt in 1..=MAX_ATTEMPTS {
        let mut items = decide_all(call, order, &found)?;
        for item in &mut items {
            if let Some(done) = item.id.and_then(|id| alone.get(&id)) {
                *item = done.clone();
            }
        }
        let stmts: Vec<Stmt> = items
            .iter_mut()
            .flat_map(|item| item.outcome.take_stmts())
            .collect();
        match call.commit(stmts, answer(&items)?).await {
            Err(Error::VersionConflict) if attempt < MAX_ATTEMPTS => {}
            Err(error) => return Err(error),
            Ok(reply) => {
                give_waiting(call, &items, found.has_waiting).await;
                return Ok(reply);
            }
        }
        let now = order.find(call).await?;
        for (id, version) in &found.versions {
            let has_moved = now.versions.get(id) != Some(version);
            // The last attempt leaves nothing to the batch.
            let is_last = attempt.saturating_add(1) == MAX_ATTEMPTS;
            if (has_moved || is_last) && !alone.contains_key(id) {
                alone.insert(*id, change_alone(call, order, *id).await?);
            }
        }
        found = now;
    }
    Err(Error::VersionConflict)
}

/// Changes one of the tickets in a batch of its own, as often as it takes. The request's key is stored with a part for
/// this ticket, so that a repetition finds it done.
async fn change_alone(call: &Call<'_>, order: &Order, id: i64) -> Result<Item, Error> {
    let order = order.for_one(id);
    let outcome = retry!(async {
        let found = order.find(call).await?;
        let mut items = decide_all(call, &order, &found)?;
        let Some(mut item) = items.pop() else {
            return Err(Error::NotFound);
        };
        let stmts = item.outcome.take_stmts();
        if !stmts.is_empty() {
            let stored = call.commit_part(id, stmts, item.json().to_string()).await?;
            item.stored = Some(stored);
            give_waiting(call, std::slice::from_ref(&item), found.has_waiting).await;
        }
        Ok(item)
    });
    match outcome {
        Err(Error::VersionConflict) => Ok(Item::refused(id, Error::VersionConflict)),
        outcome => outcome,
    }
}

/// Whoever has fewer tickets now may take others that wait.
async fn give_waiting(call: &Call<'_>, items: &[Item], has_waiting: bool) {
    let mut freed: Vec<i64> = items
        .iter()
        .filter(|item| matches!(item.outcome, Outcome::Changed(_)))
        .filter_map(|item| item.frees)
        .collect();
    let places = i64::try_from(freed.len()).unwrap_or(MANY_PLACES);
    freed.sort_unstable();
    freed.dedup();
    let free = match freed.as_slice() {
        _ if !has_waiting => return,
        [] => return,
        [one] => Free::Agent(Ref::Id(*one)),
        _ => Free::Anybody,
    };
    call.assign_waiting(free, places.clamp(ONE_PLACE, MANY_PLACES))
        .await;
}
