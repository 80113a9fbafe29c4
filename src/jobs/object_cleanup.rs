//! Deletes objects in the file store that are no longer needed.

use crate::app::file_store::Files;
use crate::desk::Millis;
use crate::edge::db::{Batch, Db, DbError};
use crate::edge::{Env, config, log};
use crate::jobs::MAX_ROWS;
use crate::store::removals;
use crate::store::sql::rows::UidRow;
use crate::store::tickets::attachments;

/// Maximum number of objects removed per run: each may need a separate request, and Workers allow 50.
const MAX_OBJECTS: i64 = 30;

/// Removes the objects of deleted attachments, of uploads that were never registered, and the originals of mails whose
/// text was edited or deleted. A record is marked before
/// its object is deleted and closed afterwards, so a crash in between only causes a second attempt.
///
/// # Errors
/// When the database fails.
pub async fn run(env: &Env, db: &Db, now: Millis) -> Result<(), DbError> {
    let Ok(config) = config::load(env) else {
        return Ok(());
    };
    let mut batch = Batch::from(vec![attachments::expire_pending(now, MAX_ROWS)]);
    let removals = batch.add::<UidRow>(removals::list(MAX_OBJECTS));
    let rows = batch.add::<UidRow>(attachments::to_purge(now, MAX_OBJECTS));
    let found = db.batch(&batch).await?;
    let mut rows: Vec<UidRow> = found.all(rows)?;
    rows.extend(found.all(removals)?);
    if rows.is_empty() {
        return Ok(());
    }
    let most = usize::try_from(MAX_OBJECTS).unwrap_or_default();
    let keys: Vec<String> = rows.into_iter().take(most).map(|row| row.uid).collect();
    match Files::new(env, &config, now).delete(&keys).await {
        Ok(()) => {
            let list = serde_json::to_string(&keys).unwrap_or_default();
            let mut stmts = attachments::mark_purged(&list, now).to_vec();
            stmts.push(removals::finish(&list));
            db.batch(&stmts).await?;
        }
        Err(why) => log::error(&format!("objects are left to the next sweep: {why}")),
    }
    Ok(())
}
