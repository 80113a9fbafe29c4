//! Applying a macro to a ticket: what it says and does is one change, with everything that follows from each part done
//! singly.

use serde_json::{Value, json};

use crate::api::tickets::fields::AT_VERSION;
use crate::app::automation::{self, Engine};
use crate::app::call::waiting::ONE_PLACE;
use crate::app::call::{Call, viewer};
use crate::app::post_message::{self, MessageDraft};
use crate::app::retry::retry;
use crate::desk::access::api_key::KeyScope;
use crate::desk::automation::executor::{RuleMessage, TicketContext, TriggerInput, detect_triggers};
use crate::desk::automation::references::References;
use crate::desk::automation::rule::TriggerKind;
use crate::desk::automation::run_report::RuleNotification;
use crate::desk::id::Ref;
use crate::desk::notification;
use crate::desk::person::Role;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::event::{Event, EventKind};
use crate::desk::tickets::history::{diff, event_of};
use crate::desk::tickets::message;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::{Actor, Refusal, Ticket};
use crate::desk::tools::macros::{Macro, MacroPlan};
use crate::desk::tools::placeholder::{self, PlaceholderValues, Readers};
use crate::desk::validation::FieldError;
use crate::edge::db::{Batch, Rows, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape};
use crate::store::automation::{notify, rules, ticket_context};
use crate::store::commit::CommitReply;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::assignment;
use crate::store::tickets::assignment::pool::{self, Free};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::{self, TicketRow};
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, guards};
use crate::store::tools::macros::{self as rows, MacroRow, PlaceholderRow};
use crate::store::webhooks::deliveries::{self, RuleDelivery};

/// Characters of a message.
const MAX_MESSAGE_CHARS: usize = 10_000;

/// The query.
pub const PREVIEW: Shape = Shape {
    name: "MacroPreview",
    fields: &[Field::optional(
        "preview",
        Kind::Flag,
        "Only show what it would say and do; nothing is written.",
    )],
};

/// The body, which may be absent.
pub const APPLY: Shape = Shape {
    name: "MacroUse",
    fields: &[AT_VERSION],
};

/// What a macro says and does on one ticket.
struct MacroEffects {
    before: Ticket,
    /// After the message, and before the macro's edit.
    answered: Ticket,
    after: Ticket,
    body: Option<String>,
    is_internal: bool,
    is_first_response: bool,
    /// Usernames that the macro itself mentions.
    mentioned: Vec<String>,
    notes: Vec<(String, Vec<String>)>,
    notifications: Vec<RuleNotification>,
    plan: MacroPlan,
}

/// `POST /tickets/{id}/macros/{macro_id}`.
pub async fn apply(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_optional_body(call.request, &APPLY)?;
    let query = input::parse_query(call.request, &[&PREVIEW])?;
    let is_preview = query.flag("preview").unwrap_or(false);
    retry!(try_apply(call, &input, is_preview))
}

async fn try_apply(call: &Call<'_>, input: &Input, is_preview: bool) -> Result<Reply, Error> {
    let (reader, reference) = (viewer(call)?, call.reference("id")?);
    let macro_reference = call.reference("macro_id")?;
    let mut batch = Batch::new();
    let ticket = batch.add::<TicketRow>(ticket::row(&reader, &reference));
    let row = batch.add::<MacroRow>(rows::row(reader.id, &macro_reference));
    let references = batch.add::<Rows>(rows::references(&macro_reference));
    let values = batch.add::<PlaceholderRow>(rows::placeholder_values(&reader, &reference));
    let context = automation::needs_context(call).then(|| ticket_context::show(&reader, &reference));
    let context = batch.add_optional::<Rows>(context);
    let waiting = batch.add::<IdRow>(pool::may_follow(&reference));
    let found = call.read(batch).await?;
    let (ticket, row) = (found.require(ticket)?.ticket(), found.require(row)?);
    let references = rules::read_references(found.rows(references)?)?;
    let values = found.require(values)?.values();
    let applied = decide_on(call, (&ticket, &values), (&row, &references));
    if let Err(Error::Forbidden(message)) = applied {
        return Err(Error::Forbidden(message));
    }
    call.check_version(ticket.version, Some(input))?;
    let applied = applied?;
    if applied.body.is_some() || !applied.notes.is_empty() {
        // What needs another scope by itself needs it here, too.
        call.require_key_scope(KeyScope::MessagesWrite)?;
    }
    if is_preview {
        return Ok(Reply::ok(format!("{}null}}", outcome_head(&applied, true))));
    }
    let context = ticket_context::read(found.rows_if(context)?)?;
    let frees = applied.after.status.is_done() || applied.after.assignee != applied.before.assignee;
    let stmts = write_stmts(call, &applied, &row, context)?;
    let answer = rows::show_applied(&reader, ticket.id, outcome_head(&applied, false));
    let reply = call.commit(stmts, CommitReply::Row(answer)).await?;
    if let Some(agent) = found.first(waiting)?.filter(|_| frees) {
        call.assign_waiting(Free::Agent(Ref::Id(agent.id)), ONE_PLACE)
            .await;
    }
    Ok(reply)
}

/// What the macro does to this ticket, if the caller may do all of it.
fn decide_on(
    call: &Call,
    (ticket, values): (&Ticket, &PlaceholderValues),
    (row, references): (&MacroRow, &References),
) -> Result<MacroEffects, Error> {
    let (actor, rules, now) = (call.actor()?, call.ticket_settings(), call.now());
    let actions: Value = serde_json::from_str(&row.actions).unwrap_or_default();
    let parsed = (row.body.as_deref(), row.is_internal == 1);
    let parsed = Macro::parse(parsed, &actions, references, Role::Admin);
    let known = parsed.map_err(|problems| cannot_apply(&problems))?;
    let mut before = ticket.clone();
    let mut answered = ticket.clone();
    let mut is_first_response = false;
    if known.body.is_some() {
        let effect = message::post(ticket, &actor, known.is_internal, &rules, now)?;
        // The time is written with the message itself, and so is no change of the ticket's row.
        is_first_response = effect.is_first_response;
        before.first_responded_at = before.first_responded_at.or(is_first_response.then_some(now));
        answered = before.clone();
        if let Some(to) = effect.status {
            answered.enter_status(to, &rules, now);
        }
    }
    let plan = known.plan(&row.name, &answered, references, &actor);
    if !plan.notes.is_empty() {
        message::post(&answered, &actor, true, &rules, now)?;
    }
    if plan.edit.tags.as_ref().is_some_and(|tags| tags.len() > MAX_TAGS) {
        return Err(Refusal::Conflict(format!("a ticket has at most {MAX_TAGS} tags")).into());
    }
    let after = decide(&answered, &plan.edit, &actor, &rules, now)?.ticket;
    let render = |text: &str, readers| {
        let said = placeholder::render(text, readers, &references.custom_fields, (&after, values));
        let said = said.map_err(|message| cannot_apply(&[("body".to_owned(), message)]))?;
        if said.chars().count() > MAX_MESSAGE_CHARS {
            return Err(Error::conflict(
                "with its values a text is longer than a message may be",
            ));
        }
        Ok(said)
    };
    // Who is mentioned is the macro's to say, and not that of a value such as the title.
    let mentions = |text: &str| notification::parse_mentions(&placeholder::without_values(text));
    let body = known.body.as_deref();
    let notes = plan.notes.iter();
    let notifications = plan.notifications.iter();
    Ok(MacroEffects {
        body: body.map(|text| render(text, known.readers())).transpose()?,
        mentioned: body.map(mentions).unwrap_or_default(),
        notes: notes
            .map(|text| Ok((render(text, Readers::Staff)?, mentions(text))))
            .collect::<Result<_, Error>>()?,
        notifications: notifications
            .map(|(telling, readers)| {
                Ok(RuleNotification {
                    to: telling.to,
                    message: render(&telling.message, *readers)?,
                })
            })
            .collect::<Result<_, Error>>()?,
        is_internal: known.is_internal,
        before,
        answered,
        after,
        is_first_response,
        plan,
    })
}

/// Tags of one ticket.
const MAX_TAGS: usize = 20;

fn cannot_apply(problems: &[FieldError]) -> Error {
    let list = problems
        .iter()
        .map(|(path, message)| json!({"path": path, "message": message}));
    Error::Conflict {
        message: "this macro cannot be applied as it stands; it has to be corrected first".to_owned(),
        details: json!({"problems": list.collect::<Vec<_>>()}),
    }
}

/// The statements that do all of it, with what the rules do because of it.
fn write_stmts(
    call: &Call,
    applied: &MacroEffects,
    row: &MacroRow,
    context: TicketContext,
) -> Result<Vec<Stmt>, Error> {
    let (engine, actor, now) = (Engine::of(call), call.actor()?, call.now());
    let (before, after) = (&applied.before, &applied.after);
    let subject = EventSubject::Ticket(before.id);
    let mut story = Story::new(&subject);
    let mut said = Vec::new();
    let mut say = |story: &mut Story, body: &str, is_internal, mentioned: &[String]| {
        let draft = MessageDraft {
            uid_head: &ids::uid_head(now).map_err(Error::Internal)?,
            actor: &actor,
            body,
            is_internal,
            channel: "api",
        };
        story.append(post_message::message_story(&engine, before.id, &draft, mentioned));
        said.push((body.to_owned(), is_internal));
        Ok::<(), Error>(())
    };
    if let Some(body) = &applied.body {
        say(&mut story, body, applied.is_internal, &applied.mentioned)?;
    }
    for (note, mentioned) in &applied.notes {
        say(&mut story, note, true, mentioned)?;
    }
    story.change_ticket_here();
    if applied.is_first_response {
        story.mark_first_response(now);
    }
    if applied.plan.edit.assignee == Some(None) {
        story.leave_unassigned();
    }
    let woken = diff(before, &applied.answered);
    if !woken.is_empty() {
        // The message tells of it already.
        let event = Event::public(EventKind::StatusChanged, woken);
        story.push_silent_event(&subject, Some(actor.id), &event, now);
    }
    let changed = diff(&applied.answered, after);
    if !changed.is_empty() {
        let event = event_of(changed, &engine.rules.custom_fields);
        story.push_event(&subject, Some(actor.id), &event, now);
    }
    let followed = follow(&engine, (&actor, applied), &said, context)?;
    story.append(followed.story);
    if applied.plan.finds_agent && followed.ticket.assignee.is_none() && !followed.ticket.status.is_done() {
        let is_open =
            followed.ticket.workflow == Lifecycle::Support && followed.ticket.status == Status::Open;
        story.extend(assignment::assign_least_loaded(&subject, is_open, CAUSE, now));
    }
    for telling in &applied.notifications {
        story.extend(notify::notify(&subject, telling, now));
    }
    let of_macro = json!({"id": row.id, "name": row.name, "heard": CAUSE}).to_string();
    for webhook in &applied.plan.webhooks {
        let new = RuleDelivery {
            webhook: *webhook,
            rule: &of_macro,
            is_internal: false,
            now,
        };
        story.push(deliveries::insert_for_rule(&subject, &new));
    }
    let guard = (followed.ticket == *before).then(|| guards::expect_version(before.id, before.version));
    let change = write::change(before, &followed.ticket, story, now);
    Ok(guard.into_iter().chain(change).collect())
}

/// What history calls an automatic assignment by a macro, and endpoints its sign.
const CAUSE: &str = "macro";

/// What the rules do because of the messages and the change.
fn follow(
    engine: &Engine,
    (actor, applied): (&Actor, &MacroEffects),
    said: &[(String, bool)],
    context: TicketContext,
) -> Result<automation::Applied, Error> {
    let new = i64::try_from(said.len()).unwrap_or_default();
    let context = TicketContext {
        message_count: context.message_count.saturating_add(new),
        ..context
    };
    let heard = TriggerInput {
        on: said
            .first()
            .map(|_| TriggerKind::MessageAdded)
            .into_iter()
            .chain(detect_triggers(Some(&applied.before), &applied.after))
            .collect(),
        actor_role: Some(actor.role),
        message: said.first().map(|(body, is_internal)| RuleMessage {
            body: body.clone(),
            is_internal: *is_internal,
            author_role: actor.role.as_str().to_owned(),
        }),
        ..TriggerInput::default()
    };
    let subject = EventSubject::Ticket(applied.before.id);
    automation::apply_rules(
        engine,
        &subject,
        (Some(&applied.before), &applied.after),
        &context,
        &heard,
    )
}

/// The answer, up to the ticket.
fn outcome_head(applied: &MacroEffects, is_preview: bool) -> String {
    let body = applied.body.as_ref();
    let message = body.map(|body| json!({"body": body, "is_internal": applied.is_internal}));
    let notes: Vec<&String> = applied.notes.iter().map(|(note, _)| note).collect();
    let notifications: Vec<&String> = (applied.notifications.iter())
        .map(|telling| &telling.message)
        .collect();
    let outcome = json!({
        "preview": is_preview,
        "message": message,
        "notes": notes,
        "notifications": notifications,
        "webhooks": applied.plan.webhooks.len(),
        "finds_agent": applied.plan.finds_agent,
        "changes": diff(&applied.before, &applied.after),
    });
    let text = outcome.to_string();
    format!("{},\"ticket\":", text.strip_suffix('}').unwrap_or(&text))
}
