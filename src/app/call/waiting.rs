//! Gives waiting tickets to agents who have become free, after a request and once a minute.

use std::cell::RefCell;

use crate::app::call::Call;
use crate::app::retry::MAX_ATTEMPTS;
use crate::desk::{MINUTE, Millis};
use crate::edge::db::{Batch, Db};
use crate::edge::log;
use crate::http::error::Error;
use crate::store::dispatch::{self, Dispatch};
use crate::store::sql::rows::IdRow;
use crate::store::tickets::assignment::pool::{self, Free, PoolShare};

/// How many tickets are tried where one place has become free: several requests may try the same one.
pub const ONE_PLACE: i64 = 3;

/// How many are given away at once where several places may have become free. The clock gives away the rest.
pub const MANY_PLACES: i64 = 50;

/// In how many categories newer tickets are looked for if none of the oldest ones can be given away.
const MANY_CATEGORIES: usize = 10;

/// How many tickets are assigned in one round trip.
const TOGETHER: usize = 10;

/// How long the clock believes that nobody is free for what is in the pool.
const MEMORY: Millis = MINUTE + MINUTE / 2;

thread_local! {
    /// The pool for which nobody was free, and until when the clock believes so.
    static IN_VAIN: RefCell<(Millis, Vec<PoolShare>)> = RefCell::default();
}

/// Assigns at most `most` tickets of the pool, the oldest first. Returns how many it were, and
/// what has to be sent out.
///
/// # Errors
/// When the database fails.
pub async fn assign_waiting(
    db: &Db,
    now: Millis,
    free: &Free,
    most: i64,
) -> Result<(usize, Vec<Dispatch>), Error> {
    let mut given = (0, Vec::new());
    for _ in 0..MAX_ATTEMPTS {
        let is_lost = try_assign(db, now, (free, most), &mut given).await?;
        // Others were faster with all of them: there may be more.
        if !is_lost || given.0 > 0 {
            break;
        }
    }
    Ok(given)
}

/// One attempt of [`assign_waiting`]: whether there were tickets, and somebody for them.
async fn try_assign(
    db: &Db,
    now: Millis,
    (free, most): (&Free, i64),
    given: &mut (usize, Vec<Dispatch>),
) -> Result<bool, Error> {
    let places: Vec<PoolShare> = db.all(pool::find_open_places(free)).await?;
    if places.is_empty() {
        return Ok(false);
    }
    let ids: Vec<i64> = places.iter().map(|place| place.category_id).collect();
    let categories = serde_json::to_string(&ids).unwrap_or_default();
    let mut waiting: Vec<IdRow> = db.all(pool::find_waiting(&categories, most)).await?;
    if waiting.is_empty() {
        let mut batch = Batch::new();
        let slots: Vec<_> = ids
            .iter()
            .take(MANY_CATEGORIES)
            .map(|id| batch.add::<IdRow>(pool::find_waiting_in(*id, most)))
            .collect();
        let found = db.batch(&batch).await?;
        for slot in slots {
            waiting.extend(found.all(slot)?);
        }
    }
    for tickets in waiting.chunks(TOGETHER) {
        if !give(db, tickets, now, given).await? {
            for ticket in tickets {
                give(db, std::slice::from_ref(ticket), now, given).await?;
            }
        }
    }
    Ok(!waiting.is_empty())
}

/// Assigns all of these tickets, or none: somebody else was faster, or the last free place is taken.
async fn give(
    db: &Db,
    tickets: &[IdRow],
    now: Millis,
    (done, all): &mut (usize, Vec<Dispatch>),
) -> Result<bool, Error> {
    let mut batch = Batch::new();
    for ticket in tickets {
        batch.extend(pool::assign_waiting(ticket.id, now));
    }
    match dispatch::commit(db, batch, now).await.map_err(Error::from) {
        Ok((_, dispatches)) => {
            *done = done.saturating_add(tickets.len());
            all.extend(dispatches);
            Ok(true)
        }
        Err(Error::VersionConflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Like [`assign_waiting`], for the clock. A pool in which nothing has changed since nobody was free for it is looked at
/// again every other minute only: requests that make somebody free say so, and other jobs by `has_changed`.
///
/// # Errors
/// When the database fails.
pub async fn assign_by_clock(
    db: &Db,
    now: Millis,
    has_changed: bool,
) -> Result<(usize, Vec<Dispatch>), Error> {
    let places: Vec<PoolShare> = db.all(pool::find_places()).await?;
    let is_known = IN_VAIN.with_borrow(|(until, known)| now < *until && *known == places);
    if places.is_empty() || (is_known && !has_changed) {
        return Ok((0, Vec::new()));
    }
    let given = assign_waiting(db, now, &Free::Anybody, MANY_PLACES).await?;
    let until = if given.0 == 0 {
        now.saturating_add(MEMORY)
    } else {
        0
    };
    IN_VAIN.set((until, places));
    Ok(given)
}

impl Call<'_> {
    /// Gives waiting tickets away after a change that has made somebody free. The change stands, whatever becomes of it:
    /// the clock tries again.
    pub async fn assign_waiting(&self, free: Free, most: i64) {
        match assign_waiting(&self.app.db, self.now(), &free, most).await {
            Ok((_, dispatches)) => self.app.dispatches.borrow_mut().extend(dispatches),
            Err(error) => log::error(&format!("waiting tickets are left to the clock: {error:?}")),
        }
    }
}
