//! Sample data, in development only: accounts of every role and two months of tickets, created by the same rules and
//! statements as real data.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::call::App;
use crate::desk::access::audit::AuditAction;
use crate::desk::category::slug_from_name;
use crate::desk::id::{Ref, number_day};
use crate::desk::person::{Role, split_name};
use crate::desk::sla::SlaPolicies;
use crate::desk::tickets::decide::decide;
use crate::desk::tickets::event::{Event, EventKind, FieldChange, UNASSIGNED};
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::status::{Lifecycle, Status};
use crate::desk::tickets::ticket::{Actor, NamedRow, Person, Ticket, TicketEdit, TicketSettings};
use crate::desk::{DAY, HOUR, MINUTE, Millis};
use crate::dev::files;
use crate::dev::samples::{ACCOUNTS, AWAY_AGENT, SUBCATEGORIES, SUBJECTS};
use crate::dev::tools;
use crate::edge::auth::password;
use crate::edge::db::{Batch, Rows, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::http::reply::Reply;
use crate::jobs;
use crate::store::access::audit::{self, AuditTarget, NewAuditEntry};
use crate::store::categories::subcategories;
use crate::store::categories::write::CategoryFields;
use crate::store::mail::outbox;
use crate::store::notifications::unassigned;
use crate::store::sla;
use crate::store::sql::guard::Guard;
use crate::store::sql::rows::IdRow;
use crate::store::tickets::assignment::AutoAssign;
use crate::store::tickets::messages::NewMessage;
use crate::store::tickets::relations::{links, watchers};
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket;
use crate::store::tickets::write::story::Story;
use crate::store::tickets::write::{self, NewTicket, Requester};
use crate::store::users::{self, NewUser, agents};

/// Number of sample tickets.
const TICKET_COUNT: usize = 60;

/// A sample user with a row in the database.
struct SampleUser {
    actor: Actor,
    categories: &'static [i64],
}

/// `POST /dev/seed`. Does nothing if the sample data already exists.
///
/// # Errors
/// When the database fails.
pub async fn seed(app: &App) -> Result<Reply, Error> {
    let mut batch = Batch::from(vec![users::account(&Ref::Id(1))]);
    let admin = batch.add::<IdRow>(users::account_by_name("admin@helpdesk.com"));
    let policies = batch.add::<Rows>(sla::all_policies());
    let there = app.db.batch(&batch).await?;
    if there.has_row(admin)? {
        return Ok(Reply::ok(
            json!({"users": 0, "tickets": 0, "message": "the samples are there already"}).to_string(),
        ));
    }
    let sla_policies = Rc::new(sla::read_all_policies(there.rows(policies)?)?.1);
    let people = create_users(app).await?;
    app.db.batch(&subcategory_stmts(app)?).await?;
    let managers = people.iter().filter(|who| who.actor.role == Role::Manager);
    for manager in managers.take(1) {
        app.db.batch(&tools::stmts(app, manager.actor.id)?).await?;
    }
    for at in 0..TICKET_COUNT {
        create_ticket(app, &people, &sla_policies, at).await?;
    }
    let mut marking = Batch::from(ticket::mark_overdue(app.now, 500).to_vec());
    let unmarked = marking.add::<IdRow>(ticket::find_unmarked_overdue(app.now));
    while app.db.batch(&marking).await?.has_row(unmarked)? {}
    jobs::catch_up(&app.db, app.now).await?;
    // The sample history of sixty days must not send sixty days of mail.
    app.db.batch(&outbox::discard_pending()).await?;
    app.db.batch(&[unassigned::skip(app.now)]).await?;
    Ok(Reply::ok(
        json!({"users": people.len(), "tickets": TICKET_COUNT}).to_string(),
    ))
}

fn subcategory_stmts(app: &App) -> Result<Vec<Stmt>, Error> {
    let part = |(category, name): &(i64, &str)| {
        let facts = CategoryFields {
            slug: Some(slug_from_name(name, "subcategory")),
            name: Some((*name).to_owned()),
            ..CategoryFields::default()
        };
        let uid = ids::new_uid(app.now).map_err(Error::Internal)?;
        Ok(subcategories::insert(&uid, *category, &facts, true, app.now))
    };
    SUBCATEGORIES.iter().map(part).collect()
}

async fn create_users(app: &App) -> Result<Vec<SampleUser>, Error> {
    #[derive(Deserialize)]
    struct CreatedUser {
        id: i64,
        card: String,
    }
    let born = app.now.saturating_sub(90 * DAY);
    let mut made = Vec::with_capacity(ACCOUNTS.len());
    for (email, secret, name, role, categories) in ACCOUNTS {
        let (first_name, last_name) = split_name(name);
        let user = NewUser {
            uid: ids::new_uid(born).map_err(Error::Internal)?,
            email: email.to_owned(),
            username: None,
            first_name,
            last_name,
            role,
            department: role.is_staff().then(|| "Support".to_owned()),
            phone: None,
            avatar_url: None,
            password_hash: Some(password::hash(secret, &app.config.pepper).map_err(Error::Internal)?),
            email_trusted: true,
            logs_in: false,
            now: born,
        };
        let mut batch = Batch::from(users::insert(&user));
        batch.extend(
            categories
                .iter()
                .map(|category| users::add_to_category(&user.uid, *category)),
        );
        if email == AWAY_AGENT {
            let away = agents::set_profile(&Ref::Uid(user.uid.clone()), Some(false), None);
            batch.extend([away]);
        }
        batch.extend(role.is_staff().then(|| {
            audit::record(NewAuditEntry {
                actor_id: None,
                api_key_id: None,
                action: AuditAction::UserCreated,
                target: AuditTarget::Found(users::find_card(&user.uid)),
                address: "sample data".to_owned(),
                details: json!({"fields": {"role": role.as_str()}}),
                now: born,
            })
        }));
        let card = batch.add::<CreatedUser>(users::find_card(&user.uid));
        let row = app.db.batch(&batch).await?.first(card)?;
        let row = row.ok_or_else(|| Error::Internal("the sample account is not there".to_owned()))?;
        let card = serde_json::from_str(&row.card).unwrap_or(Value::Null);
        made.push(SampleUser {
            actor: Actor {
                id: row.id,
                role,
                card,
                is_in_copy: false,
            },
            categories,
        });
    }
    Ok(made)
}

/// Creates one ticket, opened some time in the last 60 days and processed as far as its index determines.
async fn create_ticket(
    app: &App,
    people: &[SampleUser],
    sla_policies: &Rc<SlaPolicies>,
    at: usize,
) -> Result<(), Error> {
    let pick = |n: usize| {
        at.wrapping_mul(7)
            .wrapping_add(n.wrapping_mul(5))
            .wrapping_add(at / 11)
    };
    let lost = || Error::Internal("a sample is missing".to_owned());
    let steps = i64::try_from(TICKET_COUNT.saturating_sub(at)).unwrap_or(1);
    let opened = app
        .now
        .saturating_sub(steps.saturating_mul(DAY))
        .saturating_add(i64::try_from(pick(3) % 9).unwrap_or(0) * HOUR);
    let (title, description, category_id) = SUBJECTS.get(at % SUBJECTS.len()).copied().ok_or_else(lost)?;
    let customers: Vec<&SampleUser> = people
        .iter()
        .filter(|who| who.actor.role == Role::Customer)
        .collect();
    let agents: Vec<&SampleUser> = people
        .iter()
        .filter(|who| who.categories.contains(&category_id))
        .collect();
    let customer = customers.get(pick(1) % customers.len().max(1)).ok_or_else(lost)?;
    let agent = agents.get(pick(2) % agents.len().max(1)).ok_or_else(lost)?;
    let rules = TicketSettings {
        reopen_window_days: 7,
        sla_policies: sla_policies.clone(),
        custom_fields: Rc::new(tools::fields()),
    };
    let priority = Priority::ALL
        .get(pick(4) % 4)
        .copied()
        .unwrap_or(Priority::Medium);
    let mut ticket = Ticket::new(title, description, customer.actor.id, opened);
    ticket.priority = priority;
    ticket.category = Some(NamedRow {
        id: category_id,
        name: String::new(),
    });
    ticket.custom_fields = rules.custom_fields.with_index(tools::values(at));
    ticket.set_due_times(&rules);
    let uid_head = ids::uid_head(opened).map_err(Error::Internal)?;
    let day = number_day(opened);
    let new = NewTicket {
        uid_head: &uid_head,
        day: &day,
        ticket: &ticket,
        requester: Requester::Id(customer.actor.id),
        contact_email: None,
        channel: "api",
        auto_assign: AutoAssign::Off,
    };
    // Samples stay as they are, whatever the clock finds.
    let created = Event {
        data: json!({UNASSIGNED: true}),
        ..Event::public(
            EventKind::TicketCreated,
            vec![FieldChange::new("status", Value::Null, "open")],
        )
    };
    let subject = EventSubject::NewTicket;
    let mut story = Story::new(&subject);
    story.push_event(&subject, Some(customer.actor.id), &created, opened);
    let mut guard = Guard::new();
    let stmts = write::insert(&new, &mut guard, story);
    let mut batch = Batch::new();
    batch.extend(guard.stmt().into_iter().chain(stmts));
    let id = batch.add::<IdRow>(ticket::find_new_id());
    ticket.id = app.db.batch(&batch).await?.first(id)?.ok_or_else(lost)?.id;
    let mut life = TicketStory {
        ticket,
        stmts: Vec::new(),
        rules,
        now: opened,
    };
    play(&mut life, &agent.actor, &customer.actor, at)?;
    life.stmts.extend(tools::rate(&life.ticket, at, life.now));
    app.db.batch(&life.stmts).await?;
    files::attach(app, life.ticket.id, &customer.actor, life.now, at).await
}

/// A sample ticket and the statements for its history.
struct TicketStory {
    ticket: Ticket,
    stmts: Vec<Stmt>,
    rules: TicketSettings,
    now: Millis,
}

impl TicketStory {
    fn change(&mut self, after: Millis, actor: &Actor, edit: &TicketEdit) -> Result<(), Error> {
        self.now = self.now.saturating_add(after);
        let change = decide(&self.ticket, edit, actor, &self.rules, self.now)?;
        if let Some(event) = &change.event {
            let subject = EventSubject::Ticket(self.ticket.id);
            let mut story = Story::new(&subject);
            story.push_event(&subject, Some(actor.id), event, self.now);
            self.stmts
                .extend(write::change(&self.ticket, &change.ticket, story, self.now));
            self.ticket = change.ticket;
            self.ticket.is_marked_overdue = self.ticket.is_overdue(self.now);
            self.ticket.version = self.ticket.version.saturating_add(1);
        }
        Ok(())
    }

    fn status(&mut self, after: Millis, actor: &Actor, status: Status) -> Result<(), Error> {
        self.change(
            after,
            actor,
            &TicketEdit {
                status: Some(status),
                ..TicketEdit::default()
            },
        )
    }

    fn say(&mut self, after: Millis, actor: &Actor, body: &str, is_internal: bool) -> Result<(), Error> {
        self.now = self.now.saturating_add(after);
        let now = self.now;
        let message = NewMessage {
            uid_head: &ids::uid_head(now).map_err(Error::Internal)?,
            subject: EventSubject::Ticket(self.ticket.id),
            author_id: actor.id,
            body,
            is_internal,
            channel: "api",
            now,
        };
        let said = Event {
            is_internal,
            ..Event::public(EventKind::MessageAdded, Vec::new())
        };
        let mut story = Story::new(&message.subject);
        story.push_message(&message, Some(actor.id), &said, &[]);
        story.change_ticket_here();
        if actor.role.is_staff() && !is_internal {
            story.mark_first_response(now);
        }
        self.stmts
            .extend(write::change(&self.ticket, &self.ticket, story, now));
        Ok(())
    }
}

impl TicketStory {
    fn watch(&mut self, watcher: &Actor, added_by: &Actor) {
        let stmts = watchers::insert(self.ticket.id, watcher.id, added_by.id, self.now);
        self.stmts.extend(stmts);
    }

    fn link_to_previous(&mut self) {
        let previous = self.ticket.id.saturating_sub(1);
        let subject = EventSubject::Ticket(self.ticket.id);
        self.stmts
            .push(links::insert_related(&subject, previous, self.now));
    }
}

/// Processes a ticket as far as its index determines; about one in three is late.
fn play(life: &mut TicketStory, agent: &Actor, customer: &Actor, at: usize) -> Result<(), Error> {
    let slow = if at.is_multiple_of(3) {
        30 * HOUR
    } else {
        40 * MINUTE
    };
    // The newest tickets have only had time for the first stages.
    let stage = if at.saturating_add(5) >= TICKET_COUNT {
        at % 2
    } else {
        at % 8
    };
    if stage == 0 {
        return Ok(());
    }
    let take = TicketEdit {
        assignee: Some(Some(Person {
            id: agent.id,
            card: agent.card.clone(),
        })),
        ..TicketEdit::default()
    };
    life.change(20 * MINUTE, agent, &take)?;
    if stage == 1 {
        return Ok(());
    }
    life.say(slow, agent, "Thank you for writing. I am looking into it.", false)?;
    life.status(MINUTE, agent, Status::InProgress)?;
    life.say(
        2 * HOUR,
        agent,
        "Seen this before: check the account's region first.",
        true,
    )?;
    if stage == 2 {
        if at % 16 == 2 {
            let work = TicketEdit {
                workflow: Some(Lifecycle::Project),
                ..TicketEdit::default()
            };
            life.change(MINUTE, agent, &work)?;
            life.status(HOUR, agent, Status::Blocked)?;
        }
        return Ok(());
    }
    life.say(
        HOUR,
        agent,
        "Could you send me the exact time when it happened?",
        false,
    )?;
    life.status(MINUTE, agent, Status::Waiting)?;
    if stage == 3 {
        return Ok(());
    }
    life.say(5 * HOUR, customer, "It was around nine in the morning.", false)?;
    life.status(0, agent, Status::InProgress)?;
    if stage == 4 {
        life.watch(agent, agent);
        return life.change(
            MINUTE,
            agent,
            &TicketEdit {
                tags: Some(vec!["vip".to_owned()]),
                ..TicketEdit::default()
            },
        );
    }
    life.say(
        slow,
        agent,
        "This is solved now. Please tell me if it comes back.",
        false,
    )?;
    life.status(MINUTE, agent, Status::Resolved)?;
    match stage {
        5 => Ok(()),
        6 => life.status(DAY, agent, Status::Closed),
        _ => {
            life.say(DAY, customer, "Sorry, it has happened again.", false)?;
            life.link_to_previous();
            life.status(0, agent, Status::Reopened)
        }
    }
}
