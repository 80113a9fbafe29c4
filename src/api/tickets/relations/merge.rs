//! Merging a ticket into another one, and undoing that.

use serde_json::{Value, json};

use crate::api::tickets::edit::write_change;
use crate::api::tickets::fields::AT_VERSION;
use crate::api::tickets::references::reference_cells;
use crate::app::call::waiting::ONE_PLACE;
use crate::app::call::{Call, viewer};
use crate::app::retry::retry;
use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::history::diff;
use crate::desk::tickets::relations::merge::{self as rules, Former, MAX_MESSAGES, Pair, UNDO_WINDOW};
use crate::desk::tickets::ticket::{Change, Refusal, Ticket};
use crate::edge::db::{Batch, Rows, Stmt};
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::automation::ticket_context::{self, Candidate, PlaceRow, read_candidates};
use crate::store::commit::CommitReply;
use crate::store::sql::rows::CountRow;
use crate::store::tickets::assignment::pool::Free;
use crate::store::tickets::relations::merges::{self as rows, Merge, MergeRow};
use crate::store::tickets::ticket;

/// The body of a merge, and of its undoing.
pub const MERGE: Shape = Shape {
    name: "TicketMerge",
    fields: &[
        Field::required(
            "ticket_id",
            Kind::Reference,
            "The ticket that is merged into this one.",
        ),
        AT_VERSION,
    ],
};

/// The ticket of the path, and the one of the body.
struct Two {
    survivor: Candidate,
    merged: Candidate,
    one: Ticket,
    other: Ticket,
}

/// Reads both tickets; 404 if the caller sees only one of them.
async fn find(call: &Call<'_>, input: &Input) -> Result<Two, Error> {
    let other = input.reference("ticket_id").ok_or(Error::NotFound)?;
    let list = json!([reference_cells(&call.reference("id")?), reference_cells(other)]);
    let mut batch = Batch::new();
    let rows = batch.add::<Rows>(ticket_context::named(&viewer(call)?, &list.to_string()));
    let found = call.read(batch).await?;
    let rows = found.rows(rows)?;
    let places: Vec<PlaceRow> = rows.all()?;
    let (mut survivor, mut merged) = (None, None);
    for (at, candidate) in places.into_iter().zip(read_candidates(rows)?) {
        match at.place {
            0 => survivor = Some(candidate),
            _ => merged = Some(candidate),
        }
    }
    let (survivor, merged) = (survivor.ok_or(Error::NotFound)?, merged.ok_or(Error::NotFound)?);
    Ok(Two {
        one: survivor.ticket.ticket(),
        other: merged.ticket.ticket(),
        survivor,
        merged,
    })
}

impl Two {
    fn merge(&self, call: &Call) -> Result<Merge, Error> {
        Ok(Merge {
            survivor: (self.one.id, self.one.version),
            merged: (self.other.id, self.other.version),
            actor: call.my_id()?,
            now: call.now(),
        })
    }

    /// The changes of the two tickets themselves, each with an event that names the other ticket. Customers are told of
    /// the survivor, and the survivor's are not told of the other ticket.
    fn changes(&self, call: &Call, pair: Pair, kind: EventKind) -> Result<Vec<Stmt>, Error> {
        let mut stmts = Vec::new();
        let survivor = json!({"id": self.one.id, "number": self.survivor.number});
        let merged = json!({"id": self.other.id, "number": self.merged.number});
        for (before, after, context, data) in [
            (
                &self.one,
                pair.survivor,
                &self.survivor.around,
                json!({"merged": merged}),
            ),
            (
                &self.other,
                pair.merged,
                &self.merged.around,
                json!({"merged_into": survivor}),
            ),
        ] {
            let before = Ticket {
                merged_into: after.merged_into,
                ..before.clone()
            };
            let event = Event {
                data,
                ..Event::public(kind, diff(&before, &after))
            };
            let change = Change {
                ticket: after,
                event: Some(event),
            };
            stmts.extend(write_change(call, &before, change, context, false)?.stmts);
        }
        Ok(stmts)
    }

    fn reply(&self, call: &Call) -> Result<CommitReply, Error> {
        let shown = ticket::show_own_change(&viewer(call)?, &Ref::Id(self.one.id));
        Ok(CommitReply::Row(shown))
    }
}

/// `POST /tickets/{id}/merge`.
pub async fn merge(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &MERGE)?;
    retry!(async {
        let two = find(call, &input).await?;
        let (settings, actor) = (call.ticket_settings(), call.actor()?);
        let decided = rules::merge(&two.one, &two.other, &actor, &settings, call.now());
        if let Err(Refusal::Forbidden(message)) = &decided {
            return Err(Error::Forbidden(message.clone()));
        }
        call.check_version(two.one.version, Some(&input))?;
        let (pair, former) = decided?;
        let mut batch = Batch::new();
        let count = batch.add::<CountRow>(rows::count_messages(two.other.id));
        if call.app.db.batch(&batch).await?.require(count)?.n > MAX_MESSAGES {
            return Err(Error::conflict(format!(
                "a ticket of more than {MAX_MESSAGES} messages is not merged"
            )));
        }
        let frees = two
            .other
            .assignee
            .as_ref()
            .filter(|_| !two.other.status.is_done())
            .map(|person| person.id);
        let mut stmts = rows::merge(two.merge(call)?, &former_json(&former)?);
        stmts.extend(two.changes(call, pair, EventKind::TicketMerged)?);
        let reply = call.commit(stmts, two.reply(call)?).await?;
        if let Some(agent) = frees {
            call.assign_waiting(Free::Agent(Ref::Id(agent)), ONE_PLACE).await;
        }
        Ok(reply)
    })
}

fn former_json(former: &Former) -> Result<Value, Error> {
    serde_json::to_value(former).map_err(|error| Error::Internal(error.to_string()))
}

/// `POST /tickets/{id}/unmerge`.
pub async fn unmerge(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &MERGE)?;
    retry!(async {
        let two = find(call, &input).await?;
        let mut batch = Batch::new();
        let known = batch.add::<MergeRow>(rows::find(two.other.id));
        let known = call.app.db.batch(&batch).await?.first(known)?;
        let former = known.as_ref().and_then(|known| read_former(&known.moved));
        let decided = former.as_ref().map(|former| {
            let (settings, actor) = (call.ticket_settings(), call.actor()?);
            rules::unmerge(&two.one, &two.other, former, &actor, &settings, call.now()).map_err(Error::from)
        });
        let pair = decided.transpose()?;
        call.check_version(two.one.version, Some(&input))?;
        let (Some(known), Some(pair)) = (known, pair) else {
            return Err(Error::conflict("the ticket is not merged into this one"));
        };
        require_undoable(&known, &two, call.now())?;
        let mut stmts = rows::unmerge(two.merge(call)?);
        stmts.extend(two.changes(call, pair, EventKind::TicketUnmerged)?);
        call.commit(stmts, two.reply(call)?).await
    })
}

fn read_former(moved: &str) -> Option<Former> {
    let moved: Value = serde_json::from_str(moved).ok()?;
    serde_json::from_value(moved.get("former")?.clone()).ok()
}

fn require_undoable(known: &MergeRow, two: &Two, now: Millis) -> Result<(), Error> {
    if known.into_id != two.one.id {
        return Err(Error::conflict("the ticket is not merged into this one"));
    }
    if known.survivor_id != two.one.id {
        return Err(Error::conflict("this ticket was merged itself; undo that first"));
    }
    if now.saturating_sub(known.merged_at) > UNDO_WINDOW {
        return Err(Error::conflict("a merge can be undone for 24 hours"));
    }
    Ok(())
}
