//! Mails that open a ticket, and the customers who are new.

use serde_json::Value;

use crate::app::automation::Engine;
use crate::app::dispatch;
use crate::app::open_ticket::{self, TicketDraft};
use crate::app::retry::retry;
use crate::desk::id::number_day;
use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::letter::compose_body;
use crate::desk::mail::inbound::outcome::Reason;
use crate::desk::mail::inbound::people;
use crate::desk::person::{Role, split_name};
use crate::desk::tickets::ticket::{Actor, Ticket};
use crate::edge::db::{Batch, DbError, Stmt};
use crate::edge::ids;
use crate::http::error::Error;
use crate::jobs::receive_mail::intake::{Disposition, MailIntake};
use crate::store::dispatch as dispatch_rows;
use crate::store::mail::acknowledgements;
use crate::store::mail::addresses::{self, AddedBy};
use crate::store::mail::inbound::{self as rows, FileTarget, Sender, StoredFile, TakenMail};
use crate::store::sql::guard::Guard;
use crate::store::tickets::assignment::AutoAssign;
use crate::store::tickets::relations::links;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::write::Requester;
use crate::store::users::{self, NewUser};

/// How a new ticket relates to others.
#[derive(Clone, Debug, Default)]
pub(super) struct TicketOrigin {
    /// Stands above the text.
    pub head: Option<String>,
    /// The ticket that the mail answers, to which the new one is linked.
    pub relates_to: Option<i64>,
    /// The ticket that the mail was too late for, and the last one that follows it.
    pub follows: Option<(i64, Option<i64>)>,
}

impl MailIntake<'_> {
    /// Opens a ticket for the sender, and creates a customer account if the address is unknown.
    pub(super) async fn open_ticket(
        &self,
        engine: &Engine,
        sender: Option<Sender>,
        origin: &TicketOrigin,
        content: &str,
    ) -> Result<Disposition, Error> {
        let actor = match sender {
            Some(sender) => actor_of(&sender)?,
            None => self.create_customer().await?,
        };
        let uid_head = ids::uid_head(self.now).map_err(Error::Internal)?;
        let room = rows::remaining_files(None, false);
        let (files, refused) = self.store_files(&uid_head, room, &[]).await?;
        let text = compose_body(origin.head.as_deref(), &self.words(), &refused);
        let outcome = retry!(async {
            let day = number_day(self.now);
            let mut ticket = Ticket::new(&self.letter.title(), &text, actor.id, self.now);
            ticket.set_due_times(&engine.rules);
            let opening = TicketDraft {
                uid_head: &uid_head,
                day: &day,
                actor: (actor.id, actor.role),
                ticket: &ticket,
                requester: Requester::Id(actor.id),
                address: Some(&self.origin.address),
                contact_email: None,
                channel: "email",
                left_unassigned: false,
                auto_assign: AutoAssign::AsSet,
                without_agents: None,
            };
            let place = FileTarget {
                ticket: EventSubject::NewTicket,
                message: None,
                uploader_id: actor.id,
                is_internal: false,
            };
            let taken = TakenMail {
                ticket: EventSubject::NewTicket,
                is_internal: false,
                opens: true,
                follows_id: origin.follows.map(|(id, _)| id),
            };
            let guard = origin
                .follows
                .map(|(id, last)| rows::expect_follow_up(id, actor.id, last));
            let mut stmts: Vec<Stmt> = guard.into_iter().collect();
            let opened = open_ticket::open_ticket(engine, &opening, Guard::new())?;
            stmts.extend(opened.guard.stmt());
            stmts.extend(opened.stmts);
            stmts.extend(self.record_reply_to(&EventSubject::NewTicket));
            let link = |other| links::insert_related(&EventSubject::NewTicket, other, self.now);
            stmts.extend(origin.relates_to.map(link));
            if self.is_acknowledged() {
                stmts.extend(acknowledgements::insert(None, self.now));
            }
            stmts.extend(self.record_cc(&EventSubject::NewTicket));
            self.commit((taken, content), stmts, &place, &files.attachments)
                .await
        });
        if !matches!(outcome, Ok(Disposition::Taken)) {
            self.delete_files(&files).await;
        }
        outcome
    }

    /// Whether the sender is told the number of the new ticket: nobody who is not proven, since the mail would go to
    /// somebody else, and no program.
    fn is_acknowledged(&self) -> bool {
        self.is_trusted
            && !self.letter.automatic.is_automatic()
            && !self.letter.is_from_list
            && !people::is_unread(&self.origin.address)
    }

    /// Sends the answers to where the sender wants them, if the sender is proven.
    pub(super) fn record_reply_to(&self, subject: &EventSubject) -> Vec<Stmt> {
        let target =
            people::reply_target(self.letter, self.config.mail.own_addresses()).filter(|_| self.is_trusted);
        target.map_or_else(Vec::new, |target| {
            addresses::replace_reply_to(subject, target, self.now).into()
        })
    }

    /// Keeps who is in copy, if the sender is proven.
    pub(super) fn record_cc(&self, subject: &EventSubject) -> Option<Stmt> {
        let people = people::in_copy(self.letter, self.config.mail.own_addresses());
        addresses::insert_cc(subject, &people, AddedBy::Mail, self.now).filter(|_| self.is_trusted)
    }

    /// Creates a customer without a password. The address counts as verified, and receives mail, only if the
    /// receiving server has authenticated the mail.
    pub(super) async fn create_customer(&self) -> Result<Actor, Error> {
        let name = self.author.name.as_deref().unwrap_or_default();
        let (first, last) = split_name(name);
        let short = |name: String| name.chars().take(100).collect();
        let new = NewUser {
            uid: ids::new_uid(self.now).map_err(Error::Internal)?,
            email: self.origin.address.clone(),
            username: None,
            first_name: short(first),
            last_name: short(last),
            role: Role::Customer,
            department: None,
            phone: None,
            avatar_url: None,
            password_hash: None,
            email_trusted: self.letter.sender_auth == SenderAuth::Pass && self.unproven_author.is_none(),
            logs_in: false,
            now: self.now,
        };
        let mut batch = Batch::from(users::insert_if_absent(&new).to_vec());
        let sender = batch.add::<Sender>(rows::find_sender(&self.origin.address));
        let sender = self.db.batch(&batch).await?.first(sender)?;
        actor_of(&sender.ok_or_else(|| Error::Internal("the new customer is not there".to_owned()))?)
    }

    /// Writes everything in one batch, and dispatches what follows from it. `taken` is what the mail becomes, and the
    /// hash of its content.
    pub(super) async fn commit(
        &self,
        (taken, content): (TakenMail, &str),
        stmts: Vec<Stmt>,
        place: &FileTarget<'_>,
        files: &[StoredFile],
    ) -> Result<Disposition, Error> {
        let mut batch = stmts;
        for file in files {
            batch.extend(rows::attach(place, file, self.now));
        }
        batch.push(rows::record_received(&self.origin, content, taken, self.now));
        match dispatch_rows::commit(&self.db, batch.into(), self.now).await {
            Ok((_, dispatches)) => {
                dispatch::send(self.env, dispatches).await;
                Ok(Disposition::Taken)
            }
            Err(DbError::Unique(column)) if column == "inbound_mails.id_hash" => {
                Ok(Disposition::NotTaken(Reason::Duplicate))
            }
            Err(DbError::Abort("OVER_LIMIT")) => Ok(Disposition::NotTaken(Reason::OverLimit)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The sender as an actor.
pub(super) fn actor_of(sender: &Sender) -> Result<Actor, Error> {
    let role = Role::parse(&sender.role);
    Ok(Actor {
        id: sender.id,
        role: role.ok_or_else(|| Error::Internal("a sender without a role".to_owned()))?,
        card: serde_json::from_str(&sender.card).unwrap_or(Value::Null),
        is_in_copy: false,
    })
}
