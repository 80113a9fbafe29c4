//! What becomes of each ticket.

use serde_json::{Value, json};

use crate::api::tickets::bulk::order::{Found, Order};
use crate::api::tickets::edit::{Edited, deletion_stmts, edit};
use crate::app::call::Call;
use crate::app::post_message::MessageDraft;
use crate::desk::access::audit::AuditAction;
use crate::desk::tickets::tag::change_tags;
use crate::desk::tickets::ticket::{Ticket, TicketEdit};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::store::automation::ticket_context::Candidate;

/// What became of one ticket.
#[derive(Clone)]
pub(super) enum Outcome {
    /// It changes: the statements, until they are taken.
    Changed(Vec<Stmt>),
    Unchanged,
    /// The error, as a request for this ticket alone would get it.
    Refused(Value),
}

impl Outcome {
    /// The word of the answer.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Outcome::Changed(_) => "changed",
            Outcome::Unchanged => "unchanged",
            Outcome::Refused(_) => "refused",
        }
    }

    /// The statements of the change.
    pub(super) fn take_stmts(&mut self) -> Vec<Stmt> {
        match self {
            Outcome::Changed(stmts) => std::mem::take(stmts),
            _ => Vec::new(),
        }
    }
}

/// One ticket of the request.
#[derive(Clone)]
pub(super) struct Item {
    /// What named it, if there is no such ticket.
    given: Value,
    pub id: Option<i64>,
    number: Option<String>,
    pub outcome: Outcome,
    /// The agent who has one ticket less.
    pub frees: Option<i64>,
    /// The answer about it, if it was changed by itself.
    pub stored: Option<String>,
}

impl Item {
    /// A ticket that is left as it is.
    pub(super) fn refused(id: i64, error: Error) -> Item {
        Item {
            given: id.into(),
            id: Some(id),
            number: None,
            outcome: Outcome::Refused(error.into_json()),
            frees: None,
            stored: None,
        }
    }

    /// The answer about it.
    pub(super) fn json(&self) -> Value {
        if let Some(stored) = self
            .stored
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
        {
            return stored;
        }
        let id = self.id.map_or_else(|| self.given.clone(), Value::from);
        let mut item = json!({"id": id, "number": self.number, "result": self.outcome.result()});
        if let (Outcome::Refused(error), Some(map)) = (&self.outcome, item.as_object_mut()) {
            map.insert("error".to_owned(), error.clone());
        }
        item
    }
}

/// Decides on all tickets.
///
/// # Errors
/// Only faults of ours; what one ticket is refused for stands in its item.
pub(super) fn decide_all(call: &Call, order: &Order, found: &Found) -> Result<Vec<Item>, Error> {
    let one = |(given, candidate): &(Value, Option<Candidate>)| {
        let mut item = Item {
            given: given.clone(),
            id: given.as_i64(),
            number: None,
            outcome: Outcome::Unchanged,
            frees: None,
            stored: None,
        };
        let decided = match candidate {
            None => Err(Error::NotFound),
            Some(candidate) => {
                item.id = Some(candidate.ticket.id);
                item.number = Some(candidate.number.clone());
                item.stored = found.done.get(&candidate.ticket.id).cloned();
                if item.stored.is_some() {
                    item.outcome = Outcome::Changed(Vec::new());
                    return Ok(item);
                }
                decide_one(call, order, &found.edit, candidate)
            }
        };
        match decided {
            Ok((stmts, frees)) => {
                item.frees = frees;
                if !stmts.is_empty() {
                    item.outcome = Outcome::Changed(stmts);
                }
            }
            Err(error @ Error::Internal(_)) => return Err(error),
            Err(error) => item.outcome = Outcome::Refused(error.into_json()),
        }
        Ok(item)
    };
    found.candidates.iter().map(one).collect()
}

/// The statements of the change of one ticket, and the agent who has one ticket less by it.
fn decide_one(
    call: &Call,
    order: &Order,
    wanted: &TicketEdit,
    candidate: &Candidate,
) -> Result<(Vec<Stmt>, Option<i64>), Error> {
    let ticket = candidate.ticket.ticket();
    let assignee = |ticket: &Ticket| ticket.assignee.as_ref().map(|person| person.id);
    let had = assignee(&ticket);
    if order.changes.flag("delete") == Some(true) {
        let mut stmts = deletion_stmts(call, &ticket, Some(call.now()))?;
        stmts.push(call.audit(AuditAction::TicketDeleted, Some(ticket.id), json!({})));
        return Ok((stmts, had));
    }
    let mut wanted = wanted.clone();
    let tags = |name| order.changes.tags(name).unwrap_or_default();
    if order.changes.has("tags_add") || order.changes.has("tags_remove") {
        let changed = change_tags(&ticket.tags, &tags("tags_add"), &tags("tags_remove"));
        wanted.tags = Some(changed.map_err(|why| Error::field("tags_add", why))?);
    }
    let (uid_head, actor) = (call.uid_head()?, call.actor()?);
    let saying = order.message.as_ref().map(|(body, is_internal)| MessageDraft {
        uid_head: &uid_head,
        actor: &actor,
        body,
        is_internal: *is_internal,
        channel: "api",
    });
    let leaves = order.changes.is_null("assignee");
    let Edited { after, stmts } = edit(
        call,
        ticket,
        candidate.around.clone(),
        (&wanted, leaves),
        saying.as_ref(),
    )?;
    let frees = had.filter(|_| after.status.is_done() || assignee(&after) != had);
    Ok((stmts, frees))
}
