//! Files of the sample tickets.

use serde_json::json;

use crate::app::call::App;
use crate::app::file_store::Files;
use crate::desk::person::Role;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::ticket::Actor;
use crate::desk::{DAY, Millis};
use crate::edge::db::Batch;
use crate::edge::ids;
use crate::edge::object_store::{self, ByteStream};
use crate::http::error::Error;
use crate::store::sql::scope::{AgentScope, Scope};
use crate::store::tickets::attachments::{self as rows, NewAttachment, PendingUpload};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::Viewer;
use crate::store::tickets::write::story::Story;

/// Name, type and text of the sample files.
const FILES: [(&str, &str, &str); 3] = [
    (
        "error.log",
        "text/plain",
        "09:04:11 GET /login 200\n09:04:12 POST /login 401 session expired\n",
    ),
    (
        "invoice.csv",
        "text/csv",
        "number,amount\n2026-1041,49.00\n2026-1041,49.00\n",
    ),
    (
        "steps.md",
        "text/markdown",
        "1. Open the page\n2. Wait for a minute\n3. It is gone\n",
    ),
];

/// Adds a file from the customer to every eighth sample ticket. If an external file store is configured, none are
/// added.
///
/// # Errors
/// When the database or the bucket fails.
pub async fn attach(
    app: &App,
    ticket_id: i64,
    customer: &Actor,
    now: Millis,
    at: usize,
) -> Result<(), Error> {
    let Some((name, kind, text)) = FILES.get(at % FILES.len()).copied() else {
        return Ok(());
    };
    if at % 8 != 4 || Files::of(app).own_key().is_none() {
        return Ok(());
    }
    let uid = ids::new_uid(now).map_err(Error::Internal)?;
    let new = NewAttachment {
        uid: &uid,
        ticket_id,
        message_id: None,
        uploader_id: customer.id,
        filename: name,
        content_type: kind,
        size: i64::try_from(text.len()).unwrap_or_default(),
        is_internal: false,
        now,
    };
    let reader = Viewer {
        id: customer.id,
        role: Role::Customer,
        scope: Scope::of(Role::Customer, AgentScope::All),
        now,
        reopen_since: now.saturating_sub(DAY),
    };
    let mut batch = Batch::from(rows::reserve(&new).to_vec());
    let row = batch.add::<PendingUpload>(rows::own_upload(&reader, &uid));
    let row = app.db.batch(&batch).await?.first(row)?;
    let row = row.ok_or_else(|| Error::Internal("the sample file is not there".to_owned()))?;
    let bytes = ByteStream::of(text.as_bytes().to_vec());
    object_store::put_new(&app.env, &uid, kind, bytes)
        .await
        .map_err(Error::Internal)?;
    let told = Event {
        data: json!({"attachment": {"id": row.id, "uid": uid, "filename": name, "size": row.size}}),
        ..Event::public(EventKind::AttachmentAdded, Vec::new())
    };
    let mut stmts = rows::attach(&row, None, false, now).to_vec();
    let subject = EventSubject::Ticket(ticket_id);
    let mut story = Story::new(&subject);
    story.push_event(&subject, Some(customer.id), &told, now);
    stmts.extend(story.around(Vec::new()));
    app.db.batch(&stmts).await?;
    Ok(())
}
