//! Receives incoming mail: an answer becomes a message on its ticket, any other mail opens a new ticket.
//!
//! Nothing that a person wrote may be lost. If the failure is on our side, the result is an error, so that the
//! sending server tries again; if the sender can fix the problem, the mail is refused with the reason. What is not taken
//! is logged. The original of what is taken is kept beside it.

mod decide;
mod files;
mod intake;
mod new_ticket;
mod reply;

use crate::desk::Millis;
use crate::desk::mail::inbound::automatic;
use crate::desk::mail::inbound::header::authors::MailAddress;
use crate::desk::mail::inbound::letter::{IncomingMail, MAX_MAIL_BYTES};
use crate::desk::mail::inbound::mime;
use crate::desk::mail::inbound::outcome::Reason;
use crate::desk::mail::inbound::subject::truncate;
use crate::edge::config;
use crate::edge::db::Db;
use crate::edge::mail::charset;
use crate::edge::mail::incoming::RawEmail;
use crate::edge::{Env, log};
use crate::http::error::Error;
use crate::jobs::receive_mail::intake::{Disposition, MailIntake};
use crate::store::mail::log::{self as log_rows, RefusedMail};

/// Characters of each text in the log.
const MAX_LOGGED_CHARS: usize = 500;

/// Receives a mail.
///
/// # Errors
/// The text for the sending server, which is to try again: the failure is on our side.
pub async fn receive(env: &Env, mail: &RawEmail<'_>, now: Millis) -> Result<(), &'static str> {
    let mut facts = MailFacts::new(mail);
    let outcome = async {
        match try_receive(env, mail, now, &mut facts).await? {
            Disposition::Taken => Ok(None),
            Disposition::NotTaken(reason) => {
                let is_refused = reason.is_refused(facts.is_automatic);
                let entry = log_rows::insert(&facts.entry, reason, is_refused, now);
                Db::open(env)?.batch(&[entry]).await?;
                Ok(is_refused.then_some(reason))
            }
        }
    };
    match outcome.await {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => {
            mail.refuse(reason.words());
            Ok(())
        }
        Err::<_, Error>(error) => {
            log::error(&format!("a mail could not be taken in: {error:?}"));
            Err("the help desk cannot take mail at this moment")
        }
    }
}

/// What the log tells of a mail, as far as it has been read.
struct MailFacts {
    entry: RefusedMail,
    /// Nobody is told that it is not taken.
    is_automatic: bool,
}

impl MailFacts {
    fn new(mail: &RawEmail<'_>) -> MailFacts {
        let sender = mail.sender();
        let sender = sender.trim_matches(['<', '>', ' ']);
        MailFacts {
            is_automatic: sender.is_empty(),
            entry: RefusedMail {
                sender: truncate(sender, MAX_LOGGED_CHARS).to_owned(),
                recipient: truncate(&mail.recipient(), MAX_LOGGED_CHARS).to_owned(),
                size: mail.size(),
                ..RefusedMail::default()
            },
        }
    }
}

async fn try_receive(
    env: &Env,
    mail: &RawEmail<'_>,
    now: Millis,
    facts: &mut MailFacts,
) -> Result<Disposition, Error> {
    if mail.size() > MAX_MAIL_BYTES {
        return Ok(Disposition::NotTaken(Reason::TooLarge));
    }
    let config = config::load(env).map_err(Error::Unavailable)?;
    let raw = mail.bytes().await.map_err(Error::Internal)?;
    let Some(letter) = mime::parse(&raw, &charset::decode) else {
        return Ok(Disposition::NotTaken(Reason::Unreadable));
    };
    let short = |text: &str| truncate(text, MAX_LOGGED_CHARS).to_owned();
    facts.is_automatic |= letter.automatic.is_automatic();
    facts.entry.author = letter.written_from.as_deref().map(short);
    facts.entry.subject = Some(short(&letter.subject));
    facts.entry.message_id = letter.message_id.as_deref().map(short);
    let from = letter.authors.first().map(|author| author.address.as_str());
    let own = config.mail.reply_to.as_ref();
    // A mail of ours that comes back, because somebody in copy forwards to us.
    let is_ours = |id: &str| own.is_some_and(|own| own.parse_message_id(id).is_some());
    if letter.message_id.as_deref().is_some_and(is_ours)
        || from.is_some_and(|from| config.mail.own_addresses().has(from))
    {
        facts.is_automatic = true;
        return Ok(Disposition::NotTaken(Reason::Own));
    }
    if let Some(reason) = automatic::ignore_reason(letter.automatic, &mail.sender(), from, own) {
        facts.is_automatic = true;
        return Ok(Disposition::NotTaken(reason));
    }
    let author = match letter.authors.as_slice() {
        [author] => author,
        [] => return Ok(Disposition::NotTaken(Reason::NoSender)),
        _ => return Ok(Disposition::NotTaken(Reason::SeveralSenders)),
    };
    let mut intake = MailIntake::new(env, &config, now, mail, (&letter, author), &raw)?;
    let list = list_address(&letter, author, &mail.sender());
    let from_list = match &list {
        Some(list) => Some(MailIntake::through_list(
            env,
            &config,
            now,
            mail,
            (&letter, list),
            &raw,
        )?),
        None => None,
    };
    drop(raw);
    let mut disposition = intake.take().await?;
    let mut cost = intake.db.cost();
    if let (Disposition::NotTaken(Reason::Forged | Reason::Unproven), Some(mut from_list)) =
        (&disposition, from_list)
    {
        let of_list = from_list.take().await?;
        cost = cost.plus(from_list.db.cost());
        if !matches!(of_list, Disposition::NotTaken(Reason::Unproven)) {
            disposition = of_list;
        }
    }
    if matches!(disposition, Disposition::Taken) {
        let (trips, read, written) = (cost.trips, cost.rows_read, cost.rows_written);
        let bytes = mail.size();
        log::info(&format!(
            "took a mail of {bytes} bytes: {trips} trips to the database, {read} rows read, {written} written"
        ));
    }
    Ok(disposition)
}

/// The address by which a list has sent on a mail of somebody else. Lists often change a mail, so that nothing proves who
/// wrote it. A refusal would go to the list and not to the writer, so the list counts as the sender.
fn list_address(letter: &IncomingMail, author: &MailAddress, envelope: &str) -> Option<MailAddress> {
    let address = envelope.trim_matches(['<', '>', ' ']).to_lowercase();
    let is_list =
        letter.is_from_list && address.contains('@') && !address.eq_ignore_ascii_case(&author.address);
    is_list.then_some(MailAddress { address, name: None })
}
