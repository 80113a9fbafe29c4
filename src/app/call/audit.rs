//! What a request puts into the audit log.

use serde_json::{Map, Value};

use crate::app::call::Call;
use crate::app::route::audited;
use crate::desk::access::audit::{AuditAction, changed_fields};
use crate::desk::reports::csv;
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input::field_names;
use crate::http::json::parse_object;
use crate::http::reply::Reply;
use crate::http::request::Method;
use crate::http::shape::{Field, Kind};
use crate::store::access::audit::{self, AuditTarget, NewAuditEntry};
use crate::store::commit::CommitReply;

impl Call<'_> {
    /// The entry of something that the caller does, for the batch that does it. `details` must hold no secret and no
    /// text that somebody wrote.
    pub fn audit(&self, action: AuditAction, target: impl Into<AuditTarget>, details: Value) -> Stmt {
        self.audit_of(self.claims.as_ref().map(|me| me.user_id), action, target, details)
    }

    /// Like [`Call::audit`], of somebody who is not signed in: who signs in, or sets a password by a link.
    pub fn audit_of(
        &self,
        actor_id: Option<i64>,
        action: AuditAction,
        target: impl Into<AuditTarget>,
        details: Value,
    ) -> Stmt {
        audit::record(NewAuditEntry {
            actor_id,
            api_key_id: self.claims.as_ref().and_then(|me| me.api_key).map(|key| key.id),
            action,
            target: target.into(),
            address: self.request.client_ip(),
            details,
            now: self.now(),
        })
    }

    /// Adds the entry of a change by this route, if it is to be on record. What is deleted is found before it goes, what
    /// is new after it has come.
    pub(super) fn add_audit(&self, stmts: &mut Vec<Stmt>, answer: &CommitReply) {
        let role = self.claims.as_ref().map(|me| me.role);
        let Some(action) = role.and_then(|role| audited(self.route, role)) else {
            return;
        };
        // Nothing is changed where nothing is written.
        if stmts.is_empty() {
            return;
        }
        let details = changed_fields(self.named_fields().into_iter());
        match answer {
            CommitReply::Row(view) | CommitReply::Created(view, _) => {
                stmts.push(self.audit(action, AuditTarget::Found(view.clone()), details));
            }
            CommitReply::Nothing => {
                let named = self.named_row.borrow().clone();
                let own = self.claims.as_ref().map(|me| me.user_id);
                // Who closes an account names no row: it is the caller's own.
                let target = named.map_or(AuditTarget::from(own), AuditTarget::Found);
                stmts.insert(0, self.audit(action, target, details));
            }
        }
    }

    /// Puts the export of a table into the audit log, if the reply is one and the route says so: a file that leaves the desk
    /// is an act, although nothing is changed by it.
    ///
    /// # Errors
    /// When the database fails: nothing leaves without an entry.
    pub async fn audit_export(&self, reply: &Reply) -> Result<(), Error> {
        let is_file = self.route.method == Method::Get && reply.content_type == csv::MEDIA_TYPE;
        let staff = self.claims.as_ref().filter(|me| is_file && me.role.is_staff());
        if let Some(action) = staff.and_then(|me| audited(self.route, me.role)) {
            let entry = self.audit(action, AuditTarget::None, Value::Object(Map::new()));
            self.app.db.batch(&[entry]).await?;
        }
        Ok(())
    }

    /// The fields of the body that the route knows, with the values that may be told.
    fn named_fields(&self) -> Vec<(&'static str, Option<Value>)> {
        let (Some(shape), Ok(body)) = (self.route.body, parse_object(&self.request.body)) else {
            return Vec::new();
        };
        let told = |field: &'static Field| {
            let value = field_names(field).find_map(|name| body.get(name))?;
            Some((field.name, closed_value(field.kind, value)))
        };
        shape.fields.iter().filter_map(told).collect()
    }
}

/// A value of a field that has a closed set of values: a word, a flag, a number, or a row by its id.
fn closed_value(kind: Kind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (Kind::Choice(words), Value::String(word)) => (words.parse)(word).map(Value::from),
        (Kind::Flag, Value::Bool(_))
        | (Kind::Integer { .. } | Kind::Reference | Kind::ReferenceOr(_) | Kind::Slug, Value::Number(_)) => {
            Some(value.clone())
        }
        _ => None,
    }
}
