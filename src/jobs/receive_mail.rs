//! Mail that comes in: an answer becomes a message of its ticket, everything else opens one.
//!
//! Nothing that a person wrote is lost: what we cannot take because of ourselves is an error, which makes the sending
//! server try again; what the sender can mend is refused with the reason. A mail that comes twice is taken once.

use serde_json::Value;

use crate::app::automation::Engine;
use crate::app::dispatch;
use crate::app::file_store::Files;
use crate::app::open_ticket::{self, Opening};
use crate::app::post_message::{self, Saying};
use crate::app::retry::retry;
use crate::desk::id::{Ref, number_day};
use crate::desk::mail::inbound::authentication::Proof;
use crate::desk::mail::inbound::letter::{Letter, MOST_BYTES, composed};
use crate::desk::mail::inbound::quote::Said;
use crate::desk::mail::inbound::redact::Ours;
use crate::desk::mail::reply_address::Thread;
use crate::desk::person::{Role, split_name};
use crate::desk::tickets::filename::{self, Upload};
use crate::desk::tickets::message;
use crate::desk::tickets::ticket::{Actor, Refusal, Ticket};
use crate::desk::{DAY, Millis};
use crate::edge::config::{self, Config};
use crate::edge::db::{Db, DbError, Stmt};
use crate::edge::incoming_mail::Mail;
use crate::edge::{Env, charset, ids, log};
use crate::http::error::Error;
use crate::http::input;
use crate::jobs::shared;
use crate::store::automation::ticket_context::{self, Tried};
use crate::store::dispatch::{self as dispatch_rows, Due};
use crate::store::mail::inbound::{self as rows, Origin, Place, Sender};
use crate::store::scope::{AgentScope, Scope};
use crate::store::tickets::attachments::Places;
use crate::store::tickets::ticket::Reader;
use crate::store::tickets::write::Requester;
use crate::store::users::{self, NewUser};

/// What became of a mail.
enum Verdict {
    Taken,
    /// It is left alone: the reason is for the log.
    Left(&'static str),
    /// It is refused: the reason is for its sender.
    Refused(&'static str),
}

/// Why a mail is refused whose `From` is made up.
const FORGED: &str = "the domain of this mail's From says that the mail is not from there (DMARC)";
/// Why a mail is refused that may be made up.
const UNPROVEN: &str = "the address has an account here, and nothing proves that this mail is from there (no DMARC pass); \
                        customers can answer to the Reply-To of our mails, and everybody can use the site";
/// Why a mail is refused that opens one ticket too many.
const TOO_MANY: &str = "too many tickets were opened by mail from there; please try again in an hour";

/// Takes a mail in.
///
/// # Errors
/// What to tell the sending server, which is to try again: something went wrong on our side.
pub async fn receive(env: &Env, mail: &Mail<'_>, now: Millis) -> Result<(), &'static str> {
    match take_in(env, mail, now).await {
        Ok(Verdict::Taken) => Ok(()),
        Ok(Verdict::Left(why)) => {
            log::log(&format!("a mail was left alone: {why}"));
            Ok(())
        }
        Ok(Verdict::Refused(why)) => {
            mail.refuse(why);
            Ok(())
        }
        Err(error) => {
            log::log(&format!("a mail could not be taken in: {error:?}"));
            Err("the help desk cannot take mail at this moment")
        }
    }
}

async fn take_in(env: &Env, mail: &Mail<'_>, now: Millis) -> Result<Verdict, Error> {
    if mail.size() > MOST_BYTES {
        return Ok(Verdict::Refused("this mail is larger than 25 MiB"));
    }
    let config = config::load(env).map_err(Error::Unavailable)?;
    let raw = mail.bytes().await.map_err(Error::Internal)?;
    let Some(letter) = crate::desk::mail::inbound::mime::read(&raw, &charset::decode) else {
        return Ok(Verdict::Left("it cannot be read, or has too many parts"));
    };
    let own = config.mail.reply_to.as_ref();
    if let Some(why) = letter.ignored(&mail.sender(), own) {
        return Ok(Verdict::Left(why));
    }
    let from = letter.from.as_deref().and_then(|from| input::email(from).ok());
    let Some(address) = from.map(|from| from.to_lowercase()) else {
        return Ok(Verdict::Left("it says from no address"));
    };
    let key = match &letter.message_id {
        Some(id) => ids::digest(format!("{address}\n{id}").as_bytes()),
        None => ids::digest(&raw),
    };
    drop(raw);
    let pages: Vec<&str> = [Some(config.mail.api_url.as_str()), config.mail.app_url.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let said = letter.said(&Ours {
        desk: own,
        pages: &pages,
    });
    if letter.proof == Proof::Fail {
        return Ok(Verdict::Refused(FORGED));
    }
    let is_trusted = letter.proof == Proof::Pass || config.mail.trust_from;
    let sender = mail.sender().to_lowercase();
    let domain = sender
        .rsplit('@')
        .next()
        .filter(|_| !is_trusted)
        .unwrap_or_default();
    let thread = own.and_then(|own| letter.thread(&mail.recipient(), own));
    let desk = Desk {
        env,
        config: &config,
        db: Db::open(env)?,
        now,
        origin: Origin {
            address,
            domain: domain.trim_matches(['<', '>', ' ']).to_owned(),
        },
        key,
        said,
        is_trusted,
    };
    desk.keep(&letter, thread).await
}

/// What a mail is taken in with.
struct Desk<'a> {
    env: &'a Env,
    config: &'a Config,
    db: Db,
    now: Millis,
    origin: Origin,
    /// What tells this mail from others.
    key: String,
    said: Said,
    /// It is from where it says.
    is_trusted: bool,
}

/// What became of an answer.
enum Answered {
    Kept(Verdict),
    /// The ticket of this number is not to be reopened any more.
    TooLate(String),
    /// It is not, or no longer, theirs to answer.
    NotTheirs,
}

/// A file with the key of its object.
type Stored = (String, Upload);

impl Desk<'_> {
    async fn keep(&self, letter: &Letter, thread: Option<Thread>) -> Result<Verdict, Error> {
        if letter.files.is_empty() && self.said.text.is_empty() && (self.said.is_cut || thread.is_some()) {
            return Ok(Verdict::Left("it says nothing of its own"));
        }
        let asked = [
            rows::taken(&self.key),
            rows::sender(&self.origin.address),
            rows::too_many(&self.origin, self.now),
        ];
        let found = self.db.batch(&asked).await?;
        let [taken, sender, too_many] = found.as_slice() else {
            return Err(Error::Internal("the sender was not read".to_owned()));
        };
        if !taken.is_empty()? {
            return Ok(Verdict::Left("it was taken before"));
        }
        let sender: Option<Sender> = sender.first()?;
        if sender.as_ref().is_some_and(|sender| sender.is_active == 0) {
            return Ok(Verdict::Refused("the account of this address is deactivated"));
        }
        let thread =
            thread.filter(|thread| sender.as_ref().is_some_and(|sender| sender.id == thread.user_id));
        if !self.is_trusted && sender.as_ref().is_some_and(|sender| !is_theirs(sender, thread)) {
            return Ok(Verdict::Refused(UNPROVEN));
        }
        let (engine, _) = shared::engine(&self.db, self.now).await?;
        let mut head = None;
        if let (Some(thread), Some(sender)) = (thread, &sender) {
            match self.answer(&engine, letter, thread, sender).await? {
                Answered::Kept(verdict) => return Ok(verdict),
                Answered::TooLate(number) => {
                    let why = "was closed too long ago to be reopened";
                    head = Some(format!("(Follows {number}, which {why}.)"));
                }
                Answered::NotTheirs => {}
            }
        }
        if !too_many.is_empty()? {
            return Ok(Verdict::Refused(TOO_MANY));
        }
        self.open(&engine, letter, sender, head.as_deref()).await
    }

    // Answers ----------------------------------------------------------------------------------------------------

    /// Says it on its ticket, if the sender may.
    async fn answer(
        &self,
        engine: &Engine,
        letter: &Letter,
        thread: Thread,
        sender: &Sender,
    ) -> Result<Answered, Error> {
        let (ticket_id, is_internal) = (thread.ticket_id, thread.is_internal);
        let actor = actor(sender)?;
        let agents = AgentScope::parse(&sender.agent_scope).unwrap_or(AgentScope::Category);
        let window = engine.rules.reopen_window_days.saturating_mul(DAY);
        let reader = Reader {
            id: actor.id,
            role: actor.role,
            scope: Scope::of(actor.role, agents),
            now: self.now,
            reopen_since: self.now.saturating_sub(window),
        };
        let Some((_, room)) = self.look(&reader, ticket_id).await? else {
            return Ok(Answered::NotTheirs);
        };
        let room = rows::room(room, is_internal);
        let (files, refused) = self.store(letter, room).await?;
        let body = composed(None, &self.said.text, &refused);
        let outcome = retry!(async {
            let Some((seen, _)) = self.look(&reader, ticket_id).await? else {
                return Ok(Answered::NotTheirs);
            };
            let ticket = seen.ticket.ticket();
            match message::say(&ticket, &actor, is_internal, &engine.rules, self.now) {
                Ok(_) => {}
                Err(Refusal::Conflict(_)) => return Ok(Answered::TooLate(seen.number)),
                Err(_) => return Ok(Answered::NotTheirs),
            }
            let uid = ids::uid(self.now).map_err(Error::Internal)?;
            let saying = Saying {
                uid: &uid,
                actor: &actor,
                body: &body,
                is_internal,
                channel: "email",
            };
            let place = Place {
                ticket: &Ref::Id(ticket_id),
                message: Some(&uid),
                uploader_id: actor.id,
                is_internal,
            };
            let stmts = post_message::said(engine, ticket, seen.around, &saying)?;
            self.commit(false, stmts, &place, &files)
                .await
                .map(Answered::Kept)
        });
        if !matches!(outcome, Ok(Answered::Kept(Verdict::Taken))) {
            self.clear(&files).await;
        }
        outcome
    }

    /// The ticket as the reader sees it, and the places that files take on it.
    async fn look(&self, reader: &Reader, ticket_id: i64) -> Result<Option<(Tried, Option<Places>)>, Error> {
        let asked = [
            ticket_context::to_try(reader, Some(&Ref::Id(ticket_id)), 1),
            rows::places(reader, ticket_id),
        ];
        let found = self.db.batch(&asked).await?;
        let places: Option<Places> = match found.get(1) {
            Some(rows) => rows.first()?,
            None => None,
        };
        let seen = shared::seen(found.first())?;
        Ok(seen.map(|seen| (seen, places)))
    }

    // New tickets ------------------------------------------------------------------------------------------------

    /// Opens a ticket of the sender's, who becomes a customer if the desk does not know them.
    async fn open(
        &self,
        engine: &Engine,
        letter: &Letter,
        sender: Option<Sender>,
        head: Option<&str>,
    ) -> Result<Verdict, Error> {
        let actor = match sender {
            Some(sender) => actor(&sender)?,
            None => self.welcome(letter).await?,
        };
        let (files, refused) = self.store(letter, rows::room(None, false)).await?;
        let text = composed(head, &self.said.text, &refused);
        let outcome = retry!(async {
            let uid = ids::uid(self.now).map_err(Error::Internal)?;
            let day = number_day(self.now);
            let mut ticket = Ticket::opened(&letter.title(), &text, actor.id, self.now);
            ticket.promise(&engine.rules);
            let opening = Opening {
                uid: &uid,
                day: &day,
                actor: (actor.id, actor.role),
                ticket: &ticket,
                requester: Requester::Id(actor.id),
                address: Some(&self.origin.address),
                contact_email: None,
                channel: "email",
                is_decided: false,
            };
            let place = Place {
                ticket: &Ref::Uid(uid.clone()),
                message: None,
                uploader_id: actor.id,
                is_internal: false,
            };
            let stmts = open_ticket::opened(engine, &opening)?;
            self.commit(true, stmts, &place, &files).await
        });
        if !matches!(outcome, Ok(Verdict::Taken)) {
            self.clear(&files).await;
        }
        outcome
    }

    /// Makes a customer without a password. The address counts as theirs, and is mailed, where the receiving server
    /// has found that the mail is from there.
    async fn welcome(&self, letter: &Letter) -> Result<Actor, Error> {
        let name = letter.name.as_deref().unwrap_or_default();
        let (first, last) = split_name(name);
        let short = |name: String| name.chars().take(100).collect();
        let new = NewUser {
            uid: ids::uid(self.now).map_err(Error::Internal)?,
            email: self.origin.address.clone(),
            username: None,
            first_name: short(first),
            last_name: short(last),
            role: Role::Customer,
            department: None,
            phone: None,
            avatar_url: None,
            password_hash: None,
            vouched: letter.proof == Proof::Pass,
            now: self.now,
        };
        let stmts = [
            users::insert_unless_known(&new),
            rows::sender(&self.origin.address),
        ];
        let found = self.db.batch(&stmts).await?;
        let sender: Option<Sender> = match found.get(1) {
            Some(rows) => rows.first()?,
            None => None,
        };
        actor(&sender.ok_or_else(|| Error::Internal("the new customer is not there".to_owned()))?)
    }

    // Both -------------------------------------------------------------------------------------------------------

    /// Keeps everything in one batch, and tells of it.
    async fn commit(
        &self,
        opens: bool,
        stmts: Vec<Stmt>,
        place: &Place<'_>,
        files: &[Stored],
    ) -> Result<Verdict, Error> {
        let mut batch = vec![rows::take(&self.key, &self.origin, opens, self.now)];
        batch.extend(stmts);
        for (uid, file) in files {
            batch.extend(rows::attach(place, uid, file, self.now));
        }
        batch.push(dispatch_rows::take());
        let done = match self.db.batch(&batch).await {
            Ok(done) => done,
            Err(DbError::Unique(column)) if column == "inbound_mails.key" => {
                return Ok(Verdict::Left("it was taken before"));
            }
            Err(DbError::Abort("OVER_LIMIT")) => {
                return Ok(Verdict::Refused(TOO_MANY));
            }
            Err(error) => return Err(error.into()),
        };
        let due: Vec<Due> = match done.last() {
            Some(rows) => rows.all()?,
            None => Vec::new(),
        };
        dispatch::tell(self.env, due).await;
        Ok(Verdict::Taken)
    }

    fn files(&self) -> Files<'_> {
        Files::new(self.env, self.config, self.now)
    }

    /// Puts what the mail carries into the store, as many files as there is room for. What is not taken is named
    /// with the reason.
    async fn store(&self, letter: &Letter, room: usize) -> Result<(Vec<Stored>, Vec<String>), Error> {
        let (mut files, mut refused) = (Vec::new(), Vec::new());
        for file in &letter.files {
            let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
            let why = match filename::check(&file.name, &file.content_type, size) {
                Ok(_) if files.len() >= room => "the ticket has no more room".to_owned(),
                Ok(upload) => {
                    let uid = ids::uid(self.now).map_err(Error::Internal)?;
                    if let Err(error) = self.files().keep(&uid, upload.content_type, &file.bytes).await {
                        self.clear(&files).await;
                        return Err(error);
                    }
                    files.push((uid, upload));
                    continue;
                }
                Err(wrong) => wrong
                    .into_iter()
                    .map(|(field, why)| format!("{field} {why}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            refused.push(format!("{} ({why})", filename::clean(&file.name)));
        }
        Ok((files, refused))
    }

    /// Removes objects that belong to nothing.
    async fn clear(&self, files: &[Stored]) {
        let keys: Vec<String> = files.iter().map(|(uid, _)| uid.clone()).collect();
        if !keys.is_empty()
            && let Err(why) = self.files().delete(&keys).await
        {
            log::log(&format!("objects of a mail are left behind: {why}"));
        }
    }
}

/// Whether a mail that is not proven counts as somebody's all the same: a customer's who answers where only they were
/// told to, or one of whom nothing is known but such mails.
fn is_theirs(sender: &Sender, thread: Option<Thread>) -> bool {
    let is_customer = sender.role == Role::Customer.word();
    is_customer && (thread.is_some() || sender.is_unproven == 1)
}

fn actor(sender: &Sender) -> Result<Actor, Error> {
    let role = Role::parse(&sender.role);
    Ok(Actor {
        id: sender.id,
        role: role.ok_or_else(|| Error::Internal("a sender without a role".to_owned()))?,
        card: serde_json::from_str(&sender.card).unwrap_or(Value::Null),
    })
}
