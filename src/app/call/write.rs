//! How a request commits what it has decided, and how it does so without having read anything.

use futures_util::future::join;

use crate::app::call::Call;
use crate::app::replay::{check_replay, stored_reply};
use crate::edge::db::{Answers, Batch, DbError, Rows, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::http::request::Method;
use crate::store::commit::{self, CommitBatch, CommitReply, IdempotencyKey, StoredReply};
use crate::store::dispatch;
use crate::store::sessions;
use crate::store::sql::guard::Guard;
use crate::store::sql::render::{column_names, render};

impl Call<'_> {
    /// The idempotency key of this request, if it has one and the route honours it.
    pub(super) fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Error> {
        if self.route.method == Method::Get || !self.route.is_idempotent {
            return Ok(None);
        }
        let (Some(key), Some(me)) = (self.request.header("idempotency-key"), &self.claims) else {
            return Ok(None);
        };
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return Err(Error::field(
                "Idempotency-Key",
                "must be 1 to 255 printable ASCII characters",
            ));
        }
        let fingerprint = {
            use sha2::{Digest, Sha256};
            let mut hash = Sha256::new();
            for part in [
                self.request.verb.as_bytes(),
                b" ",
                self.path().as_bytes(),
                if self.request.query.is_empty() { b"" } else { b"?" },
                self.request.query.as_bytes(),
                b"\n",
                &self.request.body,
            ] {
                hash.update(part);
            }
            ids::hex(&hash.finalize())
        };
        Ok(Some(IdempotencyKey {
            user_id: me.user_id,
            // What a key is answered is not for those with more rights, nor theirs for it.
            key: match me.api_key {
                Some(own) => format!("{}\n{key}", own.id),
                None => key,
            },
            fingerprint,
            columns: self.route.responds.view().map_or_else(String::new, column_names),
            now: self.app.now,
        }))
    }

    /// Commits a change and returns the reply that is built from the changed state.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a unique value already exists; [`Error::VersionConflict`] when the change was decided
    /// on an outdated state; [`Error::Replayed`] when a request with the same key was committed first.
    pub async fn commit(&self, stmts: Vec<Stmt>, answer: CommitReply) -> Result<Reply, Error> {
        let batch = CommitBatch {
            guard: Guard::new(),
            stmts,
            dispatches: dispatch::list(self.now()),
        };
        self.commit_batch(batch, &answer).await
    }

    /// The statement that finds what [`Call::commit_part`] has done in an earlier attempt at this request.
    ///
    /// # Errors
    /// 400 for an `Idempotency-Key` that is none.
    pub fn find_parts(&self) -> Result<Option<Stmt>, Error> {
        Ok(self.idempotency_key()?.as_ref().map(commit::find_parts))
    }

    /// Commits a part of what the request does, with an answer about it that is known before: once, if the request has an
    /// `Idempotency-Key`. Returns the answer, or the stored one of a request with the same key that was first.
    ///
    /// # Errors
    /// As [`Call::commit`].
    pub async fn commit_part(&self, part: i64, stmts: Vec<Stmt>, answer: String) -> Result<String, Error> {
        let key = self.idempotency_key()?.map(|key| commit::part_key(key, part));
        let batch = CommitBatch {
            guard: Guard::new(),
            stmts,
            dispatches: dispatch::list(self.now()),
        };
        let reply = CommitReply::Row(commit::json_row(answer));
        match commit::commit(&self.app.db, key.as_ref(), batch, &reply).await {
            Ok((answered, due)) => {
                self.app.dispatches.borrow_mut().extend(due);
                Ok(answered.body)
            }
            Err(DbError::Unique(column)) if column == "idempotency.user_id" => {
                let Some(key) = key else {
                    return Err(Error::Internal("a key without a key".to_owned()));
                };
                let mut batch = Batch::new();
                let stored = batch.add::<Rows>(commit::find_key(key.user_id, &key.key));
                let found = self.app.db.batch(&batch).await?;
                let stored = commit::read_key(found.rows(stored)?)?;
                Ok(stored.map(|(_, stored)| stored.body).unwrap_or_default())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Like [`Call::commit`], with a guard and a list of dispatches of its own.
    ///
    /// # Errors
    /// As [`Call::commit`].
    pub async fn commit_batch(&self, mut batch: CommitBatch, answer: &CommitReply) -> Result<Reply, Error> {
        let key = self.idempotency_key()?;
        self.add_audit(&mut batch.stmts, answer);
        match commit::commit(&self.app.db, key.as_ref(), batch, answer).await {
            Ok((answered, due)) => {
                self.app.dispatches.borrow_mut().extend(due);
                let body = match self.route.responds.view() {
                    Some(view) => render(view, answered.body),
                    None => answered.body,
                };
                Ok(stored_reply(StoredReply { body, ..answered }))
            }
            Err(DbError::Unique(column)) if column == "idempotency.user_id" => {
                let Some(key) = key else {
                    return Err(Error::Internal("a key without a key".to_owned()));
                };
                let mut batch = Batch::new();
                let stored = batch.add::<Rows>(commit::find_key(key.user_id, &key.key));
                let found = self.app.db.batch(&batch).await?;
                check_replay(&key, self.route.responds.view(), found.rows(stored)?)?;
                Err(Error::Internal("the twin's answer is not there".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The guard of a change that is decided before anything is read: the caller's authority, and the settings with which
    /// it is decided. `None` when the change cannot be decided so, because the isolate has not read the settings yet or
    /// the request is to be refused: [`Call::read`] then says why.
    pub async fn guard_unread(&self) -> Option<Guard> {
        let versions = self.settings_cache.borrow().versions()?;
        let me = self.claims.as_ref().filter(|_| !self.checked.get())?;
        self.idempotency_key().ok()?;
        let (revoked, allowed) = join(self.is_revoked(me), self.within_limit(me.limit_key())).await;
        if revoked == Some(true) || allowed.is_err() {
            return None;
        }
        let mut guard = Guard::new();
        let (session, claimed) = ((me.user_id, me.credential()), (me.role, me.ver));
        guard.expect(sessions::find_authority(session, claimed, versions, self.now()));
        Some(guard)
    }

    /// Commits a change that was decided before anything was read, in the request's only round trip. Its guard is that of
    /// [`Call::guard_unread`], with what else the decision requires. `None` when something is not as required: nothing is
    /// written then, and the change has to be decided again on what [`Call::read`] finds.
    ///
    /// # Errors
    /// As [`Call::commit`], but for [`Error::VersionConflict`].
    pub async fn commit_unread(
        &self,
        batch: CommitBatch,
        answer: CommitReply,
    ) -> Result<Option<Reply>, Error> {
        match self.commit_batch(batch, &answer).await {
            Err(Error::VersionConflict) => Ok(None),
            outcome => {
                // The guard runs first: whatever came after it, the caller's authority holds.
                self.checked.set(true);
                self.is_trusted.set(true);
                outcome.map(Some)
            }
        }
    }

    /// Writes without storing a reply: for routes without `Idempotency-Key`.
    ///
    /// # Errors
    /// As [`dispatch::commit`].
    pub async fn write(&self, batch: Batch) -> Result<Answers, Error> {
        let (answers, due) = dispatch::commit(&self.app.db, batch, self.now()).await?;
        self.app.dispatches.borrow_mut().extend(due);
        Ok(answers)
    }
}
