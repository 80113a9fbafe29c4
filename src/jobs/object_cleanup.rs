//! Deletes objects in the file store that are no longer needed.

use crate::app::file_store::Files;
use crate::desk::Millis;
use crate::edge::db::{Batch, Db, DbError};
use crate::edge::{Env, config, log};
use crate::jobs::MAX_ROWS;
use crate::store::sql::rows::UidRow;
use crate::store::tickets::attachments;

/// Maximum number of objects removed per run: each may need a separate request, and Workers allow 50.
const MAX_OBJECTS: i64 = 30;

/// Removes the objects of deleted attachments, and of uploads that were never registered. A record is marked before
/// its object is deleted and closed afterwards, so a crash in between only causes a second attempt.
///
/// # Errors
/// When the database fails.
pub async fn run(env: &Env, db: &Db, now: Millis) -> Result<(), DbError> {
    let Ok(config) = config::load(env) else {
        return Ok(());
    };
    let mut batch = Batch::from(vec![attachments::expire_pending(now, MAX_ROWS)]);
    let rows = batch.add::<UidRow>(attachments::to_purge(now, MAX_OBJECTS));
    let rows = db.batch(&batch).await?.all(rows)?;
    if rows.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = rows.into_iter().map(|row| row.uid).collect();
    match Files::new(env, &config, now).delete(&keys).await {
        Ok(()) => {
            let list = serde_json::to_string(&keys).unwrap_or_default();
            db.batch(&attachments::mark_purged(&list, now)).await?;
        }
        Err(why) => log::error(&format!("objects are left to the next sweep: {why}")),
    }
    Ok(())
}
