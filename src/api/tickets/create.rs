//! Opening a ticket.

use crate::api::tickets::references::{
    category, names_assignee, project, push, subcategory, wants_category, wants_project, wants_subcategory,
};
use serde_json::Value;

use crate::api::reader;
use crate::api::tickets::{NEW, assignee, wants_assignee};
use crate::app::automation;
use crate::app::call::Call;
use crate::desk::automation::executor::{Heard, hearing};
use crate::desk::id::{Ref, number_day};
use crate::desk::person::Role;
use crate::desk::tickets::event::{Event, EventKind, FieldChange};
use crate::desk::tickets::policy::{self, Act};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::Workflow;
use crate::desk::tickets::{Edit, Ticket, decide};
use crate::edge::db::Stmt;
use crate::http::error::Error;
use crate::http::input;
use crate::http::input_values::Taken;
use crate::http::reply::Reply;
use crate::retry;
use crate::store::commit::Answer;
use crate::store::tickets::events::{self, Subject};
use crate::store::tickets::{self as rows, self, NewTicket, Requester, assignment};
use crate::store::users::{self, NewUser};

/// `POST /tickets`.
pub async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let taken = input::body(call.request, &NEW)?;
    if !call.my_role()?.is_staff()
        && (taken.tags("tags").is_some_and(|tags| !tags.is_empty())
            || names_assignee(&taken)
            || taken.has("workflow"))
    {
        return Err(Error::Forbidden(
            "tags, assignee and workflow are set by staff".to_owned(),
        ));
    }
    retry!(open(call, &taken))
}

/// One attempt at opening a ticket: reads what it names, lets the rules decide, keeps it.
async fn open(call: &Call<'_>, taken: &Taken) -> Result<Reply, Error> {
    let (actor_id, role) = (call.my_id()?, call.my_role()?);
    let mut stmts = Vec::new();
    let category_at = wants_category(taken).map(|stmt| push(&mut stmts, stmt));
    let subcategory_at = wants_subcategory(taken).map(|stmt| push(&mut stmts, stmt));
    let assignee_at = wants_assignee(taken, actor_id)?.map(|stmt| push(&mut stmts, stmt));
    let project_at = wants_project(taken)?.map(|stmt| push(&mut stmts, stmt));
    let found = call.read(stmts).await?;
    let category = match category_at {
        Some(at) => Some(category(found.get(at))?),
        None => None,
    };
    let subcategory = match subcategory_at {
        Some(at) => Some(subcategory(found.get(at))?.within(category.as_ref())?),
        None => None,
    };
    let assignee = match assignee_at {
        Some(at) => Some(assignee(found.get(at))?),
        None => None,
    };
    let in_project = match project_at {
        Some(at) => Some(project(found.get(at))?),
        None => None,
    };
    let actor = call.actor()?;
    let now = call.now();
    let rules = call.rules();
    let mut ticket = Ticket {
        priority: taken
            .word("priority")
            .and_then(Priority::parse)
            .unwrap_or(Priority::Medium),
        workflow: taken
            .word("workflow")
            .and_then(Workflow::parse)
            .unwrap_or_else(|| Workflow::of(in_project.is_some())),
        category,
        subcategory,
        project: in_project,
        department: taken.text("department"),
        tags: taken.tags("tags").unwrap_or_default(),
        ..Ticket::opened(
            &taken.required("title"),
            &taken.required("description"),
            actor_id,
            now,
        )
    };
    ticket.promise(&rules);
    if let Some(person) = assignee {
        let act = if person.id == actor.id {
            Act::Take
        } else {
            Act::Assign
        };
        policy::allow(act, role, ticket.relation(&actor)).map_err(|why| Error::Forbidden(why.to_owned()))?;
        let edit = Edit {
            assignee: Some(Some(person)),
            ..Edit::default()
        };
        ticket = decide(&ticket, &edit, &actor, &rules, now)?.ticket;
    }
    keep_new(call, taken, &ticket).await
}

/// Keeps a decided ticket: the requester it names, its number, its row and its first event, in one batch.
async fn keep_new(call: &Call<'_>, taken: &Taken, ticket: &Ticket) -> Result<Reply, Error> {
    let role = call.my_role()?;
    let now = call.now();
    let (uid, day) = (call.uid()?, number_day(now));
    let address = taken.text("customer_email");
    let key = address.as_ref().map(|address| address.to_lowercase());
    let mut stmts = Vec::new();
    let mut opening = Opening {
        uid: &uid,
        day: &day,
        actor: (call.my_id()?, role),
        ticket,
        requester: Requester::Id(ticket.requester_id),
        address: None,
        contact_email: None,
        channel: "api",
        // Staff who name an assignee, or nobody, have decided.
        is_decided: role.is_staff() && taken.has("assignee"),
    };
    match (&address, &key) {
        (Some(address), Some(key)) if role.is_staff() => {
            stmts.push(users::insert_unless_known(&unclaimed(call, address)?));
            opening.requester = Requester::Address(key);
            opening.address = Some(key);
        }
        (Some(address), _) => opening.contact_email = Some(address.clone()),
        _ => {}
    }
    stmts.extend(opened(&automation::Engine::of(call), &opening)?);
    let view = rows::show_own_change(&reader(call)?, &Ref::Uid(uid.clone()));
    call.commit(stmts, Answer::Created(view, "/api/v1/tickets/".to_owned()))
        .await
}

/// A decided ticket that is opened, by whichever way it came.
pub struct Opening<'a> {
    pub uid: &'a str,
    /// Of its number.
    pub day: &'a str,
    /// Who opens it.
    pub actor: (i64, Role),
    pub ticket: &'a Ticket,
    pub requester: Requester<'a>,
    /// The requester's address in lower case, where it is known.
    pub address: Option<&'a str>,
    pub contact_email: Option<String>,
    pub channel: &'static str,
    /// The desk assigns it to nobody by itself.
    pub is_decided: bool,
}

/// What keeps a ticket that is opened, with all that follows from it: its number, its row, its first event, what
/// rules do and whom it is given to.
///
/// # Errors
/// When the platform has no randomness.
pub fn opened(engine: &automation::Engine, opening: &Opening) -> Result<Vec<Stmt>, Error> {
    let (uid, ticket, now) = (opening.uid, opening.ticket, engine.now);
    let (actor_id, role) = opening.actor;
    let around = automation::around_new(engine, opening.channel, opening.address);
    let heard = Heard {
        on: hearing(None, ticket),
        actor_role: Some(role),
        ..Heard::default()
    };
    let subject = Subject::TicketUid(uid);
    let followed = automation::follow(engine, &subject, (None, ticket), &around, &heard)?;
    let mut stmts = tickets::insert(&NewTicket {
        uid,
        day: opening.day,
        ticket,
        requester: opening.requester,
        contact_email: opening.contact_email.clone(),
        channel: opening.channel,
    });
    if followed.ticket != *ticket {
        stmts.push(tickets::update_made(uid, ticket, &followed.ticket, now));
    }
    let assignee = ticket.assignee.as_ref().map(|person| person.card.clone());
    let changes = vec![
        FieldChange::new("status", Value::Null, ticket.status.word()),
        FieldChange::new("priority", Value::Null, ticket.priority.word()),
        FieldChange::new("assignee", Value::Null, assignee.unwrap_or(Value::Null)),
    ];
    let event = Event::public(EventKind::TicketCreated, changes);
    stmts.push(events::append(&subject, Some(actor_id), &event, now));
    stmts.extend(followed.stmts);
    // Rules may have decided, too.
    if followed.is_pooled && !opening.is_decided {
        stmts.extend(assignment::assign_new(uid, now));
    }
    Ok(stmts)
}

/// A customer without a password, for whom staff open a ticket.
fn unclaimed(call: &Call, address: &str) -> Result<NewUser, Error> {
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
        vouched: true,
        now: call.now(),
    })
}
