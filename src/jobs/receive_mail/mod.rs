//! Receives incoming mail: a reply becomes a message on its ticket, any other mail opens a new ticket.
//!
//! Nothing that a person wrote may be lost. If the failure is on our side, the result is an error, so that the
//! sending server tries again; if the sender can fix the problem, the mail is refused with the reason. A mail that
//! arrives twice is processed once.

mod files;

use serde_json::Value;

use crate::app::automation::Engine;
use crate::app::dispatch;
use crate::app::open_ticket::{self, TicketDraft};
use crate::app::post_message::{self, MessageDraft};
use crate::app::retry::retry;
use crate::desk::Millis;
use crate::desk::id::{Ref, number_day};
use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::letter::{IncomingMail, MAX_MAIL_BYTES, compose_body};
use crate::desk::mail::inbound::mime;
use crate::desk::mail::inbound::quote::ReplyText;
use crate::desk::mail::inbound::redact::OwnLinks;
use crate::desk::mail::reply_address::MailThread;
use crate::desk::person::{Role, split_name};
use crate::desk::tickets::filename::FileSpec;
use crate::desk::tickets::message;
use crate::desk::tickets::status::reopen_since;
use crate::desk::tickets::ticket::{Actor, Refusal, Ticket};
use crate::edge::config::{self, Config};
use crate::edge::db::{Batch, Db, DbError, Rows, Stmt};
use crate::edge::mail::charset;
use crate::edge::mail::incoming::RawEmail;
use crate::edge::{Env, ids, log};
use crate::http::error::Error;
use crate::http::input;
use crate::jobs::shared;
use crate::store::automation::ticket_context::{self, Candidate};
use crate::store::dispatch as dispatch_rows;
use crate::store::mail::inbound::{self as rows, FileTarget, MailOrigin, Sender};
use crate::store::sql::guard::Guard;
use crate::store::sql::scope::{AgentScope, Scope};
use crate::store::tickets::assignment::AutoAssign;
use crate::store::tickets::attachments::FileCounts;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::Viewer;
use crate::store::tickets::write::Requester;
use crate::store::users::{self, NewUser};

/// The outcome of a mail.
enum Disposition {
    Accepted,
    /// Ignored; the reason is written to the log.
    Ignored(&'static str),
    /// Refused; the reason is sent to the sender.
    Rejected(&'static str),
}

/// Reason for refusing a mail whose `From` is forged.
const FORGED: &str = "the domain of this mail's From says that the mail is not from there (DMARC)";
/// Reason for refusing a mail that may be forged.
const UNAUTHENTICATED: &str = "the address has an account here, and nothing proves that this mail is from there (no DMARC pass); \
                        customers can answer to the Reply-To of our mails, and everybody can use the site";
/// Reason for refusing a mail that would exceed the limit of tickets opened by mail.
const OVER_LIMIT: &str = "too many tickets were opened by mail from there; please try again in an hour";

/// Receives a mail.
///
/// # Errors
/// The text for the sending server, which is to try again: the failure is on our side.
pub async fn receive(env: &Env, mail: &RawEmail<'_>, now: Millis) -> Result<(), &'static str> {
    match try_receive(env, mail, now).await {
        Ok(Disposition::Accepted) => Ok(()),
        Ok(Disposition::Ignored(why)) => {
            log::error(&format!("a mail was left alone: {why}"));
            Ok(())
        }
        Ok(Disposition::Rejected(why)) => {
            mail.refuse(why);
            Ok(())
        }
        Err(error) => {
            log::error(&format!("a mail could not be taken in: {error:?}"));
            Err("the help desk cannot take mail at this moment")
        }
    }
}

async fn try_receive(env: &Env, mail: &RawEmail<'_>, now: Millis) -> Result<Disposition, Error> {
    if mail.size() > MAX_MAIL_BYTES {
        return Ok(Disposition::Rejected("this mail is larger than 25 MiB"));
    }
    let config = config::load(env).map_err(Error::Unavailable)?;
    let raw = mail.bytes().await.map_err(Error::Internal)?;
    let Some(letter) = mime::parse(&raw, &charset::decode) else {
        return Ok(Disposition::Ignored("it cannot be read, or has too many parts"));
    };
    let own = config.mail.reply_to.as_ref();
    if let Some(why) = letter.ignore_reason(&mail.sender(), own) {
        return Ok(Disposition::Ignored(why));
    }
    let from = letter
        .from
        .as_deref()
        .and_then(|from| input::parse_email(from).ok());
    let Some(address) = from.map(|from| from.to_lowercase()) else {
        return Ok(Disposition::Ignored("it says from no address"));
    };
    let key = match &letter.message_id {
        Some(id) => ids::sha256_hex(format!("{address}\n{id}").as_bytes()),
        None => ids::sha256_hex(&raw),
    };
    drop(raw);
    let pages: Vec<&str> = [Some(config.mail.api_url.as_str()), config.mail.app_url.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let said = letter.reply_text(&OwnLinks {
        desk: own,
        pages: &pages,
    });
    if letter.sender_auth == SenderAuth::Fail {
        return Ok(Disposition::Rejected(FORGED));
    }
    let is_trusted = letter.sender_auth == SenderAuth::Pass || config.mail.trust_from;
    let sender = mail.sender().to_lowercase();
    let domain = sender
        .rsplit('@')
        .next()
        .filter(|_| !is_trusted)
        .unwrap_or_default();
    let thread = own.and_then(|own| letter.find_thread(&mail.recipient(), own));
    let desk = MailIntake {
        env,
        config: &config,
        db: Db::open(env)?,
        now,
        origin: MailOrigin {
            address,
            domain: domain.trim_matches(['<', '>', ' ']).to_owned(),
        },
        key,
        said,
        is_trusted,
    };
    desk.keep(&letter, thread).await
}

/// What is needed to process a mail.
struct MailIntake<'a> {
    env: &'a Env,
    config: &'a Config,
    db: Db,
    now: Millis,
    origin: MailOrigin,
    /// Identifies this mail, to detect duplicates.
    key: String,
    said: ReplyText,
    /// The sender address is considered authentic.
    is_trusted: bool,
}

/// The outcome of a reply.
enum ReplyOutcome {
    Handled(Disposition),
    /// The ticket with this number can no longer be reopened.
    TooLate(String),
    /// The sender may not, or may no longer, reply on this ticket.
    NotAllowed,
}

/// A file and the key of its object.
type StoredFile = (String, FileSpec);

impl MailIntake<'_> {
    async fn keep(&self, letter: &IncomingMail, thread: Option<MailThread>) -> Result<Disposition, Error> {
        if letter.files.is_empty() && self.said.text.is_empty() && (self.said.is_cut || thread.is_some()) {
            return Ok(Disposition::Ignored("it says nothing of its own"));
        }
        let mut batch = Batch::new();
        let received = batch.add::<Rows>(rows::find_received(&self.key));
        let sender = batch.add::<Sender>(rows::find_sender(&self.origin.address));
        let over_limit = batch.add::<Rows>(rows::over_limit(&self.origin, self.now));
        let found = self.db.batch(&batch).await?;
        if found.has_row(received)? {
            return Ok(Disposition::Ignored("it was taken before"));
        }
        let sender = found.first(sender)?;
        if sender.as_ref().is_some_and(|sender| sender.is_active == 0) {
            return Ok(Disposition::Rejected(
                "the account of this address is deactivated",
            ));
        }
        let thread =
            thread.filter(|thread| sender.as_ref().is_some_and(|sender| sender.id == thread.user_id));
        if !self.is_trusted
            && sender
                .as_ref()
                .is_some_and(|sender| !is_from_account(sender, thread))
        {
            return Ok(Disposition::Rejected(UNAUTHENTICATED));
        }
        let (engine, _) = shared::load_engine(&self.db, self.now).await?;
        let mut head = None;
        if let (Some(thread), Some(sender)) = (thread, &sender) {
            match self.post_reply(&engine, letter, thread, sender).await? {
                ReplyOutcome::Handled(verdict) => return Ok(verdict),
                ReplyOutcome::TooLate(number) => {
                    let why = "was closed too long ago to be reopened";
                    head = Some(format!("(Follows {number}, which {why}.)"));
                }
                ReplyOutcome::NotAllowed => {}
            }
        }
        if found.has_row(over_limit)? {
            return Ok(Disposition::Rejected(OVER_LIMIT));
        }
        self.open_ticket(&engine, letter, sender, head.as_deref()).await
    }

    // Replies ----------------------------------------------------------------------------------------------------

    /// Posts the reply on its ticket, if the sender may do so.
    async fn post_reply(
        &self,
        engine: &Engine,
        letter: &IncomingMail,
        thread: MailThread,
        sender: &Sender,
    ) -> Result<ReplyOutcome, Error> {
        let (ticket_id, is_internal) = (thread.ticket_id, thread.is_internal);
        let actor = actor_of(sender)?;
        let agents = AgentScope::parse(&sender.agent_scope).unwrap_or(AgentScope::Category);
        let reader = Viewer {
            id: actor.id,
            role: actor.role,
            scope: Scope::of(actor.role, agents),
            now: self.now,
            reopen_since: reopen_since(engine.rules.reopen_window_days, self.now),
        };
        let Some((_, room)) = self.read_ticket(&reader, ticket_id).await? else {
            return Ok(ReplyOutcome::NotAllowed);
        };
        let room = rows::remaining_files(room, is_internal);
        let (files, refused) = self.store_files(letter, room).await?;
        let body = compose_body(None, &self.said.text, &refused);
        let outcome = retry!(async {
            let Some((seen, _)) = self.read_ticket(&reader, ticket_id).await? else {
                return Ok(ReplyOutcome::NotAllowed);
            };
            let ticket = seen.ticket.ticket();
            match message::post(&ticket, &actor, is_internal, &engine.rules, self.now) {
                Ok(_) => {}
                Err(Refusal::Conflict(_)) => return Ok(ReplyOutcome::TooLate(seen.number)),
                Err(_) => return Ok(ReplyOutcome::NotAllowed),
            }
            let uid_head = ids::uid_head(self.now).map_err(Error::Internal)?;
            let saying = MessageDraft {
                uid_head: &uid_head,
                actor: &actor,
                body: &body,
                is_internal,
                channel: "email",
            };
            let place = FileTarget {
                ticket: EventSubject::Ticket(ticket_id),
                message: Some(&uid_head),
                uploader_id: actor.id,
                is_internal,
            };
            let stmts = post_message::post_message(engine, ticket, seen.around, &saying)?;
            self.commit(false, stmts, &place, &files)
                .await
                .map(ReplyOutcome::Handled)
        });
        if !matches!(outcome, Ok(ReplyOutcome::Handled(Disposition::Accepted))) {
            self.delete_files(&files).await;
        }
        outcome
    }

    /// The ticket as the sender may see it, and the number of attachments that still fit on it.
    async fn read_ticket(
        &self,
        reader: &Viewer,
        ticket_id: i64,
    ) -> Result<Option<(Candidate, Option<FileCounts>)>, Error> {
        let mut batch = Batch::new();
        let ticket = Ref::Id(ticket_id);
        let candidate = batch.add::<Rows>(ticket_context::candidates(reader, Some(&ticket), 1));
        let places = batch.add::<FileCounts>(rows::file_counts(reader, ticket_id));
        let found = self.db.batch(&batch).await?;
        let places = found.first(places)?;
        let seen = shared::read_candidate(found.rows(candidate)?)?;
        Ok(seen.map(|seen| (seen, places)))
    }

    // New tickets ------------------------------------------------------------------------------------------------

    /// Opens a ticket for the sender, and creates a customer account if the address is unknown.
    async fn open_ticket(
        &self,
        engine: &Engine,
        letter: &IncomingMail,
        sender: Option<Sender>,
        head: Option<&str>,
    ) -> Result<Disposition, Error> {
        let actor = match sender {
            Some(sender) => actor_of(&sender)?,
            None => self.create_customer(letter).await?,
        };
        let (files, refused) = self
            .store_files(letter, rows::remaining_files(None, false))
            .await?;
        let text = compose_body(head, &self.said.text, &refused);
        let outcome = retry!(async {
            let uid_head = ids::uid_head(self.now).map_err(Error::Internal)?;
            let day = number_day(self.now);
            let mut ticket = Ticket::new(&letter.title(), &text, actor.id, self.now);
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
                auto_assign: AutoAssign::AsSet,
                without_agents: None,
            };
            let place = FileTarget {
                ticket: EventSubject::NewTicket,
                message: None,
                uploader_id: actor.id,
                is_internal: false,
            };
            let opened = open_ticket::open_ticket(engine, &opening, Guard::new())?;
            let stmts = opened.guard.stmt().into_iter().chain(opened.stmts).collect();
            self.commit(true, stmts, &place, &files).await
        });
        if !matches!(outcome, Ok(Disposition::Accepted)) {
            self.delete_files(&files).await;
        }
        outcome
    }

    /// Creates a customer without a password. The address counts as verified, and receives mail, only if the
    /// receiving server has authenticated the mail.
    async fn create_customer(&self, letter: &IncomingMail) -> Result<Actor, Error> {
        let name = letter.name.as_deref().unwrap_or_default();
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
            email_trusted: letter.sender_auth == SenderAuth::Pass,
            logs_in: false,
            now: self.now,
        };
        let mut batch = Batch::from(users::insert_if_absent(&new).to_vec());
        let sender = batch.add::<Sender>(rows::find_sender(&self.origin.address));
        let sender = self.db.batch(&batch).await?.first(sender)?;
        actor_of(&sender.ok_or_else(|| Error::Internal("the new customer is not there".to_owned()))?)
    }

    // Shared -----------------------------------------------------------------------------------------------------

    /// Writes everything in one batch, and dispatches what follows from it.
    async fn commit(
        &self,
        opens: bool,
        stmts: Vec<Stmt>,
        place: &FileTarget<'_>,
        files: &[StoredFile],
    ) -> Result<Disposition, Error> {
        let mut batch = vec![rows::record_received(&self.key, &self.origin, opens, self.now)];
        batch.extend(stmts);
        for (uid, file) in files {
            batch.extend(rows::attach(place, uid, file, self.now));
        }
        match dispatch_rows::commit(&self.db, batch.into(), self.now).await {
            Ok((_, dispatches)) => {
                dispatch::send(self.env, dispatches).await;
                Ok(Disposition::Accepted)
            }
            Err(DbError::Unique(column)) if column == "inbound_mails.key" => {
                Ok(Disposition::Ignored("it was taken before"))
            }
            Err(DbError::Abort("OVER_LIMIT")) => Ok(Disposition::Rejected(OVER_LIMIT)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a mail without proof of authenticity still counts as sent by the account: if a customer replies to the
/// reply address that only they were given, or if the account is known only from such unproven mails.
fn is_from_account(sender: &Sender, thread: Option<MailThread>) -> bool {
    let is_customer = sender.role == Role::Customer.as_str();
    is_customer && (thread.is_some() || sender.is_unproven == 1)
}

fn actor_of(sender: &Sender) -> Result<Actor, Error> {
    let role = Role::parse(&sender.role);
    Ok(Actor {
        id: sender.id,
        role: role.ok_or_else(|| Error::Internal("a sender without a role".to_owned()))?,
        card: serde_json::from_str(&sender.card).unwrap_or(Value::Null),
    })
}
