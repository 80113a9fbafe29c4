//! The audit log: who has administered what, and who has signed in. Triggers of the schema refuse to change it.

use serde_json::Value;

use crate::desk::DAY;
use crate::desk::access::audit::AuditAction;
use crate::desk::id::{MAX_ID, Ref};
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::guard::renumber;
use crate::store::sql::reference::ref_column;
use crate::store::sql::view::{Out, View, field, nullable};

/// How long entries are kept; the schema says the same.
const RETENTION: i64 = 400 * DAY;

/// Ids count microseconds, so that as many entries of one millisecond as can be have ids of their own.
const IDS_PER_MILLISECOND: i64 = 1_000;

/// The actions.
pub static ACTION: Choices = Choices {
    list: AuditAction::WORDS,
    parse: |word| AuditAction::parse(word).map(AuditAction::as_str),
};

/// SQL: the kind of thing that an entry `l` is about. It agrees with [`AuditAction::target_type`].
const TARGET_TYPE: &str = "CASE substr(l.action,1,instr(l.action,'.')-1) WHEN 'session' THEN 'user' \
  WHEN 'password' THEN 'user' WHEN 'two_factor' THEN 'user' ELSE substr(l.action,1,instr(l.action,'.')-1) END";

/// An entry as the API returns it. `$TARGET` stands for the JSON of what it is about.
pub const AUDIT_ENTRY: View = View {
    name: "AuditEntry",
    fields: &[
        field("id", "l.id", Out::Int).doc("Microseconds since 1970: later entries have higher ids."),
        field("created_at", "(l.id/1000)", Out::Time),
        nullable("actor", "l.actor_id", Out::Person)
            .doc("Who did it; null where nobody was signed in, as when a sign-in fails."),
        nullable("api_key_id", "l.api_key_id", Out::Int).doc("The API key that it was done with."),
        field("action", "l.action", Out::Word(&ACTION)),
        nullable("target", "$TARGET", Out::Json("AuditTarget")).doc(
            "What it was done to; null where that is unknown, as when nobody has the name of a sign-in.",
        ),
        field("address", "l.address", Out::Text).doc("The network address of the request."),
        field("details", "l.details", Out::Json("AuditDetails")),
    ],
};

fn entry_json() -> String {
    let target = format!(
        "'{{\"type\":\"'||{TARGET_TYPE}||'\",\"id\":'||l.target_id||',\"name\":'||\
         json_quote(iif({TARGET_TYPE}='user',(SELECT full_name FROM users WHERE id=l.target_id),NULL))||'}}'"
    );
    AUDIT_ENTRY.sql().replace("$TARGET", &target)
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub enum AuditTarget {
    /// Nothing, or nobody knows.
    None,
    Id(i64),
    /// The row that a statement finds by its `id`, at the place of the entry in the batch. Without one, there is no entry.
    Found(Stmt),
}

impl From<Option<i64>> for AuditTarget {
    fn from(id: Option<i64>) -> Self {
        id.map_or(AuditTarget::None, AuditTarget::Id)
    }
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct NewAuditEntry {
    /// `None`: nobody was signed in.
    pub actor_id: Option<i64>,
    pub api_key_id: Option<i64>,
    pub action: AuditAction,
    pub target: AuditTarget,
    pub address: String,
    /// No secrets, and no text that somebody wrote.
    pub details: Value,
    pub now: i64,
}

/// Writes an entry, in the batch of what it tells of. One row.
pub fn record(entry: NewAuditEntry) -> Stmt {
    let mut args: Vec<Arg> = vec![
        entry.now.saturating_mul(IDS_PER_MILLISECOND).into(),
        entry.actor_id.into(),
        entry.api_key_id.into(),
        entry.action.as_str().into(),
        entry.address.into(),
        entry.details.to_string().into(),
    ];
    let (target, from) = match entry.target {
        AuditTarget::None => ("NULL".to_owned(), String::new()),
        AuditTarget::Id(id) => {
            args.push(id.into());
            (format!("?{}", args.len()), String::new())
        }
        AuditTarget::Found(stmt) => {
            let found = renumber(&stmt.sql, args.len());
            args.extend(stmt.args);
            ("t.id".to_owned(), format!(" FROM ({found}) t"))
        }
    };
    Stmt {
        sql: format!(
            "INSERT INTO audit_log (id, actor_id, api_key_id, action, address, details, target_id) \
             SELECT max(CAST(?1 AS INTEGER), coalesce((SELECT max(id) + 1 FROM audit_log), 0)), ?2, ?3, ?4, ?5, ?6, {target}{from}"
        )
        .into(),
        args,
    }
}

/// The filters of the log.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The person's id or uid.
    pub actor: Option<Ref>,
    /// The words of actions as a JSON list.
    pub actions: Option<String>,
    pub target_id: Option<i64>,
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl AuditFilter {
    /// A statement with the arguments of [`MATCHES`].
    fn bind(&self, sql: String, before: i64) -> Stmt {
        Stmt::new(sql)
            .bind(before)
            .bind(self.start())
            .bind(self.actor.as_ref().map(|actor| ref_column(actor).1))
            .bind(self.actions.clone())
            .bind(self.target_id)
    }

    /// The id from which on all entries are.
    fn start(&self) -> i64 {
        let from = self.from.map(|from| from.saturating_mul(IDS_PER_MILLISECOND));
        from.unwrap_or(0).clamp(0, MAX_ID)
    }

    /// The id before which all entries are.
    fn end(&self) -> i64 {
        let to = self.to.map(|to| to.saturating_mul(IDS_PER_MILLISECOND));
        to.unwrap_or(MAX_ID).clamp(0, MAX_ID)
    }

    fn is_selective(&self) -> bool {
        self.actor.is_some() || self.actions.is_some() || self.target_id.is_some()
    }
}

const MATCHES: &str = "l.id < ?1 AND l.id >= ?2 AND (?3 IS NULL OR l.actor_id = coalesce((SELECT id FROM users WHERE uid = ?3), ?3)) \
  AND (?4 IS NULL OR l.action IN (SELECT value FROM json_each(?4))) AND (?5 IS NULL OR l.target_id = ?5)";

/// A page of the log, newest first: rows `j` and `id`. At most `walk` entries are looked at; if the walk stopped before
/// its end, the second statement returns where, as a row `s` and `id`.
pub fn list(filter: &AuditFilter, page: &Page, walk: i64) -> [Stmt; 2] {
    let before = match page.start {
        PageStart::After { id, .. } => id.min(filter.end()),
        _ => filter.end(),
    };
    let last = "SELECT id FROM audit_log WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT 1 OFFSET";
    let is_bounded = filter.is_selective() && page.offset() == 0;
    let bounded = if is_bounded {
        format!("AND l.id >= coalesce(({last} {walk} - 1), 0)")
    } else {
        String::new()
    };
    let rows = filter.bind(
        format!(
            "SELECT {} AS j, l.id AS id FROM audit_log l WHERE {MATCHES} {bounded} ORDER BY l.id DESC LIMIT ?6 OFFSET ?7",
            entry_json()
        ),
        before,
    );
    let stop = Stmt::new(format!("SELECT NULL AS s, ({last} {walk} - 1) AS id WHERE ?3"))
        .bind(before)
        .bind(filter.start())
        .bind(is_bounded);
    [rows.bind(page.limit.saturating_add(1)).bind(page.offset()), stop]
}

/// Counts the entries of [`list`]: `n`, up to 10,001.
pub fn count(filter: &AuditFilter) -> Stmt {
    filter.bind(
        format!("SELECT count(*) AS n FROM (SELECT 1 FROM audit_log l WHERE {MATCHES} LIMIT 10001)"),
        filter.end(),
    )
}

/// Deletes old entries, the oldest first. Never more than the schema allows, whatever time it is for the caller.
pub fn purge(now: i64, most: i64) -> Stmt {
    Stmt::new(
        "DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log \
         WHERE id < min(?1, (unixepoch() - 34560000) * 1000000) ORDER BY id LIMIT ?2)",
    )
    .bind(now.saturating_sub(RETENTION).saturating_mul(IDS_PER_MILLISECOND))
    .bind(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_found_keeps_its_arguments() {
        let entry = NewAuditEntry {
            actor_id: Some(7),
            api_key_id: None,
            action: AuditAction::WebhookDeleted,
            target: AuditTarget::Found(Stmt::new("SELECT id FROM webhooks WHERE uid = ?1").bind("u")),
            address: "::1".to_owned(),
            details: serde_json::json!({}),
            now: 5,
        };
        let stmt = record(entry);
        assert!(
            stmt.sql
                .contains("t.id FROM (SELECT id FROM webhooks WHERE uid = ?7) t")
        );
        assert_eq!(stmt.args.len(), 7);
        assert_eq!(stmt.args[0], Arg::Int(5_000));
    }
}
