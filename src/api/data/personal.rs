//! What is held on a person: all of it as one document, and erasing it.

use serde_json::json;

use crate::api::list::ResourceRow;
use crate::app::call::Call;
use crate::app::call::waiting::MANY_PLACES;
use crate::app::retry::retry;
use crate::desk::access::audit::AuditAction;
use crate::desk::fold::caseless;
use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::time_zone::to_rfc3339;
use crate::edge::db::{Batch, Db, DbError, Stmt};
use crate::edge::text_stream::TextStream;
use crate::http::error::Error;
use crate::http::input;
use crate::http::reply::{Body, Reply};
use crate::http::shape::{Field, Kind, Shape};
use crate::store::commit::CommitReply;
use crate::store::data::erasure;
use crate::store::data::personal::{SECTIONS, Section};
use crate::store::sql::rows::{IdRow, ListRow};
use crate::store::tickets::assignment;
use crate::store::tickets::assignment::pool::Free;
use crate::store::users::{self, Account};

/// The body of a request to erase a person.
pub const ERASE: Shape = Shape {
    name: "ErasePerson",
    fields: &[
        Field::required(
            "confirm",
            Kind::Opaque,
            "The address of the account: what is erased cannot be brought back.",
        ),
        Field::optional(
            "version",
            Kind::Integer {
                min: 1,
                max: i64::MAX,
            },
            "The version of the account that is meant.",
        ),
    ],
};

/// A request may ask the database 1,000 times (developers.cloudflare.com/d1/platform/limits).
const MAX_PAGES: u32 = 900;

/// `GET /users/{id}/personal-data`: for oneself and for admins.
pub async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let reference = call.reference("id")?;
    let mut batch = Batch::new();
    let account = batch.add::<Account>(users::account(&reference));
    let shown = batch.add::<ResourceRow>(users::show(&reference));
    let found = call.read(batch).await?;
    let account = found.require(account)?;
    let role = call.my_role()?;
    if account.id != call.my_id()? && role != Role::Admin {
        return Err(if role.is_staff() {
            Error::Forbidden("only admins may read what is held on other people".to_owned())
        } else {
            Error::NotFound
        });
    }
    if call.request.verb != "HEAD" {
        let entry = call.audit(AuditAction::UserDataExported, Some(account.id), json!({}));
        call.write(vec![entry].into()).await?;
    }
    let head = format!(
        "{{\"generated_at\":\"{}\",\"account\":{}",
        to_rfc3339(call.now()),
        found.require(shown)?.into_json()
    );
    let reader = SectionReader {
        db: Db::open(&call.app.env)?,
        user_id: account.id,
        section: 0,
        after: None,
        pages: 0,
        is_first: true,
    };
    let parts = futures_util::stream::unfold((Some(head), reader), |(head, mut reader)| async move {
        if let Some(head) = head {
            return Some((Ok(head), (None, reader)));
        }
        let part = reader.next().await.transpose()?;
        if part.is_err() {
            reader.section = usize::MAX;
        }
        Some((part, (None, reader)))
    });
    let mut reply = Reply::new(200, Body::Parts(Box::new(TextStream::new(parts))));
    reply.header(
        "Content-Disposition",
        format!("attachment; filename=\"personal-data-{}.json\"", account.id),
    );
    Ok(reply)
}

/// Reads the sections one after the other.
struct SectionReader {
    db: Db,
    user_id: i64,
    /// The number of the section that is read.
    section: usize,
    /// The position in it; `None` before its beginning.
    after: Option<i64>,
    pages: u32,
    /// No row of the section has been written.
    is_first: bool,
}

impl SectionReader {
    /// The next part of the document; `None` behind its end.
    async fn next(&mut self) -> Result<Option<String>, String> {
        let mut text = String::new();
        while text.is_empty() {
            let Some(section) = SECTIONS.get(self.section) else {
                let is_end = self.section == SECTIONS.len();
                self.section = usize::MAX;
                return Ok(is_end.then(|| "}".to_owned()));
            };
            self.read_page(section, &mut text).await?;
        }
        Ok(Some(text))
    }

    async fn read_page(&mut self, section: &Section, text: &mut String) -> Result<(), String> {
        self.pages = self.pages.saturating_add(1);
        if self.pages > MAX_PAGES {
            return Err("there is more than one request can read".to_owned());
        }
        if self.after.is_none() {
            text.push_str(&format!(",\"{}\":[", section.name));
            self.is_first = true;
        }
        let [rows, end] = section.page(self.user_id, self.after.unwrap_or_default());
        let mut batch = Batch::new();
        let (rows, end) = (batch.add::<ListRow>(rows), batch.add::<IdRow>(end));
        let failed = |error: DbError| format!("{error:?}");
        let found = self.db.batch(&batch).await.map_err(failed)?;
        let rows = found.all(rows).map_err(failed)?;
        for row in rows.iter().filter_map(|row| row.j.as_deref()) {
            if !std::mem::take(&mut self.is_first) {
                text.push(',');
            }
            text.push_str(row);
        }
        let end = found.first(end).map_err(failed)?.map(|end| end.id);
        let last = rows.last().map(|row| row.id);
        self.after = if rows.len() >= section.limit() { last } else { end };
        if self.after.is_none() {
            text.push(']');
            self.section = self.section.saturating_add(1);
        }
        Ok(())
    }
}

/// `POST /users/{id}/erase`.
pub async fn erase(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &ERASE)?;
    let reference = call.reference("id")?;
    let confirm = input.required("confirm");
    retry!(async {
        let account: Account = call.read_row(users::account(&reference)).await?;
        call.check_version(account.version, Some(&input))?;
        let reply = CommitReply::Row(users::show(&Ref::Id(account.id)));
        erase_account(call, &account, &confirm, (Vec::new(), reply)).await
    })
}

/// Erases a person whose address is confirmed, in a batch that begins with other statements.
///
/// # Errors
/// 400 if it is not the address of the account, 409 for the last admin.
pub(in crate::api) async fn erase_account(
    call: &Call<'_>,
    account: &Account,
    confirm: &str,
    (mut stmts, reply): (Vec<Stmt>, CommitReply),
) -> Result<Reply, Error> {
    if caseless(confirm.trim()) != account.email_key {
        return Err(Error::field("confirm", "is not the address of the account"));
    }
    stmts.extend(erasure::erase(account.id, account.version, call.now()));
    stmts.extend(assignment::unassign_all(account.id, call.my_id()?, call.now()));
    let reply = call.commit(stmts, reply).await?;
    call.assign_waiting(Free::Anybody, MANY_PLACES).await;
    Ok(reply)
}
