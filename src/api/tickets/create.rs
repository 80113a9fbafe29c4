//! Opening a ticket.

use crate::api::tickets::fields::{ASSIGNEE, DESCRIPTION, TITLE};
use crate::api::tickets::references::{ReferenceSlots, names_assignee};
use crate::app::automation;
use crate::app::call::{Call, viewer};
use crate::app::open_ticket::{TicketDraft, open_ticket};
use crate::app::retry::retry;
use crate::desk::id::number_day;
use crate::desk::person::Role;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Lifecycle;
use crate::desk::tickets::ticket::{Ticket, TicketEdit};
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Input;
use crate::http::reply::Reply;
use crate::http::shape::{Field, Kind, Shape, choices};
use crate::store::commit::CommitReply;
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
    retry!(try_create(call, &input))
}

/// One attempt at opening a ticket: reads what the input refers to, lets the rules decide, commits.
async fn try_create(call: &Call<'_>, input: &Input) -> Result<Reply, Error> {
    let (actor_id, role) = (call.my_id()?, call.my_role()?);
    let mut batch = Batch::new();
    let references = ReferenceSlots::find(input, actor_id, &mut batch)?;
    let found = call.read(batch).await?;
    let category = references.category(&found)?;
    let subcategory = references.subcategory(&found)?;
    let subcategory = subcategory
        .map(|part| part.within(category.as_ref()))
        .transpose()?;
    let assignee = references.assignee(&found)?;
    let in_project = references.project(&found)?;
    let actor = call.actor()?;
    let now = call.now();
    let rules = call.ticket_settings();
    let mut ticket = Ticket {
        priority: input
            .choice("priority")
            .and_then(Priority::parse)
            .unwrap_or(Priority::Medium),
        workflow: input
            .choice("workflow")
            .and_then(Lifecycle::parse)
            .unwrap_or_else(|| Lifecycle::for_ticket(in_project.is_some())),
        category,
        subcategory,
        project: in_project,
        department: input.text("department"),
        tags: input.tags("tags").unwrap_or_default(),
        ..Ticket::new(
            &input.required("title"),
            &input.required("description"),
            actor_id,
            now,
        )
    };
    ticket.set_due_times(&rules);
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
    commit_new(call, input, &ticket).await
}

/// Commits a ticket that has been decided on: its requester if that person is new, its number, its row and its first
/// event, in one batch.
async fn commit_new(call: &Call<'_>, input: &Input, ticket: &Ticket) -> Result<Reply, Error> {
    let role = call.my_role()?;
    let now = call.now();
    let (uid_head, day) = (call.uid_head()?, number_day(now));
    let address = input.text("customer_email");
    let key = address.as_ref().map(|address| address.to_lowercase());
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
        // Staff who give an assignee, or null for nobody, have decided: there is no automatic assignment.
        is_decided: role.is_staff() && input.has("assignee"),
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
    stmts.extend(open_ticket(&automation::Engine::of(call), &opening)?);
    let view = ticket::show_new(&viewer(call)?);
    call.commit(stmts, CommitReply::Created(view, "/api/v1/tickets/".to_owned()))
        .await
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
