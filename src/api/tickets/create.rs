//! Opening a ticket.

use crate::api::tickets::fields::{ASSIGNEE, CUSTOM_FIELDS, DESCRIPTION, TITLE, custom_values};
use crate::api::tickets::references::{KnownPlace, ReferenceSlots, TicketPlace, names_assignee};
use crate::app::automation;
use crate::app::call::{Call, viewer};
use crate::app::open_ticket::{TicketDraft, open_ticket};
use crate::app::retry::retry;
use crate::desk::fold::caseless;
use crate::desk::id::number_day;
use crate::desk::person::Role;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::event::EventKind;
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Lifecycle;
use crate::desk::tickets::ticket::{Refusal, Ticket, TicketEdit};
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::commit::{CommitBatch, CommitReply};
use crate::store::dispatch;
use crate::store::mail::acknowledgements;
use crate::store::sql::guard::Guard;
use crate::store::tickets::assignment::AutoAssign;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket;
use crate::store::tickets::write::Requester;
use crate::store::users::{self, NewUser};

/// `POST /tickets`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let input = input::parse_body(call.request, &NEW)?;
    if !call.my_role()?.is_staff()
        && (input.tags("tags").is_some_and(|tags| !tags.is_empty())
            || names_assignee(&input)
            || input.has("workflow"))
    {
        return Err(Error::Forbidden(
            "tags, assignee and workflow are set by staff".to_owned(),
        ));
    }
    match create_unread(call, &input).await? {
        Some(reply) => Ok(reply),
        None => retry!(try_create(call, &input)),
    }
}

/// Opens the ticket without reading anything first. `None`, with nothing written, if the body refers to what this isolate
/// does not know, or what it knows has changed.
async fn create_unread(call: &Call<'_>, input: &Input) -> Result<Option<Reply>, Error> {
    let Some(known) = KnownPlace::of(input) else {
        return Ok(None);
    };
    let Some(mut guard) = call.guard_unread().await else {
        return Ok(None);
    };
    known.expect(&mut guard);
    let assignment = (call.settings().auto_assign, known.without_agents());
    let ticket = new_ticket(call, input, known.place())?;
    let batch = new_batch(call, input, &ticket, assignment, guard)?;
    call.commit_unread(batch, reply_with_new(call)?).await
}

/// One attempt at opening a ticket: reads what the input refers to, lets the rules decide, commits.
async fn try_create(call: &Call<'_>, input: &Input) -> Result<Reply, Error> {
    let (actor_id, role) = (call.my_id()?, call.my_role()?);
    let mut batch = Batch::new();
    let references = ReferenceSlots::find(input, actor_id, &mut batch)?;
    let found = call.read(batch).await?;
    let place = references.place(input, &found)?;
    let assignee = references.assignee(&found)?;
    let mut ticket = new_ticket(call, input, place)?;
    let (actor, rules, now) = (call.actor()?, call.ticket_settings(), call.now());
    if let Some(person) = assignee {
        let act = if person.id == actor.id {
            Act::Take
        } else {
            Act::Assign
        };
        policy::authorize(act, role, ticket.relation(&actor))
            .map_err(|why| Error::Forbidden(why.to_owned()))?;
        let edit = TicketEdit {
            assignee: Some(Some(person)),
            ..TicketEdit::default()
        };
        ticket = decide(&ticket, &edit, &actor, &rules, now)?.ticket;
    }
    let batch = new_batch(call, input, &ticket, (AutoAssign::AsSet, None), Guard::new())?;
    call.commit_batch(batch, &reply_with_new(call)?).await
}

/// The ticket as the body describes it, without an assignee.
fn new_ticket(call: &Call, input: &Input, place: TicketPlace) -> Result<Ticket, Error> {
    let TicketPlace {
        category,
        subcategory,
        project,
    } = place;
    let mut ticket = Ticket {
        priority: input
            .choice("priority")
            .and_then(Priority::parse)
            .unwrap_or(Priority::Medium),
        workflow: input
            .choice("workflow")
            .and_then(Lifecycle::parse)
            .unwrap_or_else(|| Lifecycle::for_ticket(project.is_some())),
        category,
        subcategory,
        project,
        department: input.text("department"),
        tags: input.tags("tags").unwrap_or_default(),
        ..Ticket::new(
            &input.required("title"),
            &input.required("description"),
            call.my_id()?,
            call.now(),
        )
    };
    let settings = call.ticket_settings();
    let given = custom_values(input).unwrap_or_default();
    let stage = ticket.stage(true);
    ticket.custom_fields = (settings.custom_fields)
        .apply(&ticket.custom_fields, &given, call.my_role()?, stage)
        .map_err(Refusal::Fields)?;
    ticket.set_due_times(&settings);
    Ok(ticket)
}

fn reply_with_new(call: &Call) -> Result<CommitReply, Error> {
    let view = ticket::show_new(&viewer(call)?);
    Ok(CommitReply::Created(view, "/api/v1/tickets/".to_owned()))
}

/// What opens a ticket that has been decided on: its requester if that person is new, its number, its row and its first
/// event. `assignment` says how it gets an assignee by itself, and which category has no agents for that.
fn new_batch(
    call: &Call,
    input: &Input,
    ticket: &Ticket,
    assignment: (AutoAssign, Option<i64>),
    guard: Guard,
) -> Result<CommitBatch, Error> {
    let role = call.my_role()?;
    let now = call.now();
    let (uid_head, day) = (call.uid_head()?, number_day(now));
    let address = input.text("customer_email");
    let key = address.as_deref().map(caseless);
    let mut stmts = Vec::new();
    let mut opening = TicketDraft {
        uid_head: &uid_head,
        day: &day,
        actor: (call.my_id()?, role),
        ticket,
        requester: Requester::Id(ticket.requester_id),
        address: None,
        contact_email: None,
        channel: "api",
        left_unassigned: role.is_staff() && input.has("assignee") && ticket.assignee.is_none(),
        // Staff who give an assignee, or null for nobody, have decided: there is no automatic assignment.
        auto_assign: if role.is_staff() && input.has("assignee") {
            AutoAssign::Off
        } else {
            assignment.0
        },
        without_agents: assignment.1,
    };
    match (&address, &key) {
        (Some(address), Some(key)) if role.is_staff() => {
            stmts.extend(users::insert_if_absent(&unclaimed_customer(call, address)?));
            opening.requester = Requester::Address(key);
            opening.address = Some(key);
        }
        (Some(address), _) => opening.contact_email = Some(address.clone()),
        _ => {}
    }
    let engine = automation::Engine::of(call);
    let opened = open_ticket(&engine, &opening, guard)?;
    stmts.extend(opened.stmts);
    if engine.sends_mail && matches!(opening.requester, Requester::Address(_)) {
        stmts.extend(acknowledgements::insert(Some(call.my_id()?), now));
    }
    let dispatches = if opened.is_plain {
        dispatch::list_for_event(&EventSubject::NewTicket, EventKind::TicketCreated, false, now)
    } else {
        dispatch::list(now)
    };
    Ok(CommitBatch {
        guard: opened.guard,
        stmts,
        dispatches,
    })
}

/// A new customer without a password, for whom staff open a ticket.
fn unclaimed_customer(call: &Call, address: &str) -> Result<NewUser, Error> {
    Ok(NewUser {
        uid: call.uid()?,
        email: address.to_owned(),
        username: None,
        first_name: String::new(),
        last_name: String::new(),
        role: Role::Customer,
        department: None,
        phone: None,
        avatar_url: None,
        password_hash: None,
        email_trusted: true,
        logs_in: false,
        now: call.now(),
    })
}

/// The body of a new ticket.
pub const NEW: Shape = Shape {
    name: "NewTicket",
    fields: &[
        Field::required("title", TITLE, "What it is about, in one line.").or(&["subject"]),
        Field::required("description", DESCRIPTION, "The whole story.").or(&["initial_description"]),
        Field::optional(
            "priority",
            Kind::Choice(&choices::PRIORITY),
            "`medium` by default.",
        ),
        Field::nullable("category", Kind::Slug, "A category by slug or id.").or(&["category_id"]),
        Field::nullable(
            "subcategory",
            Kind::Slug,
            "A part of the category, by slug or id.",
        )
        .or(&["subcategory_id"]),
        Field::nullable(
            "department",
            Kind::Line { min: 1, max: 100 },
            "The department concerned.",
        ),
        Field::nullable("project", Kind::Slug, "An active project by key or id.").or(&["project_id"]),
        Field::optional("tags", Kind::Tags, "For staff."),
        CUSTOM_FIELDS,
        Field::nullable(
            "assignee",
            Kind::ReferenceOr(&["me"]),
            "For staff: whom to give it to; null leaves it in the pool, absent lets the desk assign it.",
        )
        .or(ASSIGNEE),
        Field::optional(
            "workflow",
            Kind::Choice(&choices::WORKFLOW),
            "For staff: `project` in a project, otherwise `support` by default.",
        ),
        Field::nullable(
            "customer_email",
            Kind::Email,
            "For staff: whose ticket it is. From a customer: kept as `contact_email`.",
        ),
    ],
};
