//! A mail that is being processed: what is known of it, and the text that its sender wrote.

use std::borrow::Cow;

use crate::desk::Millis;
use crate::desk::fold::caseless;
use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::digest;
use crate::desk::mail::inbound::header::authors::MailAddress;
use crate::desk::mail::inbound::letter::IncomingMail;
use crate::desk::mail::inbound::outcome::Reason;
use crate::desk::mail::inbound::quote::{self, OwnMail};
use crate::desk::mail::inbound::redact::OwnLinks;
use crate::desk::mail::reply_address::MailThread;
use crate::edge::config::Config;
use crate::edge::db::{Batch, Db};
use crate::edge::mail::incoming::RawEmail;
use crate::edge::{Env, ids};
use crate::http::error::Error;
use crate::store::mail::inbound::{self as rows, MailOrigin};

/// The outcome of a mail.
pub(super) enum Disposition {
    Taken,
    NotTaken(Reason),
}

/// The ticket that a mail answers.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub ticket_id: i64,
    pub number: String,
    pub title: String,
    pub is_internal: bool,
    pub proof: AnswerProof,
}

/// How it is known which ticket a mail answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerProof {
    /// By an address or Message-ID of ours, which was given to this user.
    Signed(i64),
    /// By the Message-ID of a mail that was taken.
    KnownId,
    /// By the number in the subject, which anybody may know.
    Number,
}

/// A row with one text.
#[derive(serde::Deserialize)]
pub(super) struct OneText {
    pub n: String,
}

/// What is needed to process a mail.
pub(super) struct MailIntake<'a> {
    pub env: &'a Env,
    pub config: &'a Config,
    pub db: Db,
    pub now: Millis,
    pub letter: &'a IncomingMail,
    pub author: &'a MailAddress,
    pub origin: MailOrigin,
    /// A digest of what the sender has sent.
    content: String,
    /// The text of the mail, or of an answer what is left of it without ours.
    pub text: String,
    /// Text of ours was removed.
    pub is_cut: bool,
    pub thread: Option<MailThread>,
    /// It was sent to the reply address that was given to its sender, who was in copy then.
    pub answers_copy: bool,
    /// The sender address is considered authentic.
    pub is_trusted: bool,
    /// Who wrote the mail, according to the list that counts as its sender.
    pub unproven_author: Option<&'a MailAddress>,
}

impl<'a> MailIntake<'a> {
    pub(super) fn new(
        env: &'a Env,
        config: &'a Config,
        now: Millis,
        mail: &RawEmail<'_>,
        (letter, author): (&'a IncomingMail, &'a MailAddress),
        raw: &[u8],
    ) -> Result<MailIntake<'a>, Error> {
        let address = caseless(&author.address);
        let is_trusted = letter.sender_auth == SenderAuth::Pass || config.mail.trust_from;
        let sender = mail.sender().to_lowercase();
        let domain = sender
            .rsplit('@')
            .next()
            .filter(|_| !is_trusted)
            .unwrap_or_default();
        let content = ids::sha256_hex(&digest::content(&address, letter, raw));
        let id = letter.message_id.as_deref();
        let own = config.mail.reply_to.as_ref();
        let mut intake = MailIntake {
            env,
            config,
            db: Db::open(env)?,
            now,
            letter,
            author,
            origin: MailOrigin {
                domain: domain.trim_matches(['<', '>', ' ']).to_owned(),
                sender_hash: short_hash(&address),
                id_hash: short_hash(id.unwrap_or(&content)),
                address,
            },
            content,
            text: String::new(),
            is_cut: false,
            thread: own.and_then(|own| letter.find_thread(&mail.recipient(), own)),
            answers_copy: own.is_some_and(|own| {
                own.parse_copy_address(&mail.recipient(), &author.address)
                    .is_some()
            }),
            is_trusted,
            unproven_author: None,
        };
        intake.text = intake.redact(&letter.text);
        Ok(intake)
    }

    /// A mail that counts as sent by the list that has sent it on, since nothing proves who wrote it.
    pub(super) fn through_list(
        env: &'a Env,
        config: &'a Config,
        now: Millis,
        mail: &RawEmail<'_>,
        (letter, list): (&'a IncomingMail, &'a MailAddress),
        raw: &[u8],
    ) -> Result<MailIntake<'a>, Error> {
        let mut intake = MailIntake::new(env, config, now, mail, (letter, list), raw)?;
        // What is proven is proven for `From`.
        intake.is_trusted = false;
        let domain = list.address.rsplit('@').next().unwrap_or_default();
        domain.clone_into(&mut intake.origin.domain);
        intake.unproven_author = letter.authors.first();
        Ok(intake)
    }

    /// The text of the message: what the sender wrote, and who wrote it, if a list sent it on without proof.
    pub(super) fn words(&self) -> Cow<'_, str> {
        match self.unproven_author {
            Some(author) => {
                let name = author
                    .name
                    .as_deref()
                    .map(|name| format!("{name} "))
                    .unwrap_or_default();
                let address = &author.address;
                let head =
                    format!("(By way of a list, which says that it is from {name}<{address}>; not proven.)");
                Cow::from(format!("{head}\n\n{}", self.text))
            }
            None => Cow::from(&self.text),
        }
    }

    /// The text without our links and addresses that grant access.
    pub(super) fn redact(&self, text: &str) -> String {
        let mail = &self.config.mail;
        let pages: Vec<&str> = [Some(mail.api_url.as_str()), mail.app_url.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let links = OwnLinks {
            desk: mail.reply_to.as_ref(),
            pages: &pages,
        };
        links.redact(text)
    }

    /// The text of an answer: what its sender wrote, above, below and within our mail.
    pub(super) async fn cut(&mut self, answered: &Answered) -> Result<(), Error> {
        let mail = &self.config.mail;
        let own = mail.reply_to.as_ref().map(|own| own.base_address());
        let addresses: Vec<String> = own
            .into_iter()
            .chain([mail.from.address.to_lowercase()])
            .collect();
        let name = mail.from.name.as_deref().map(str::to_lowercase);
        let mut own = OwnMail {
            addresses: &addresses,
            name: name.as_deref(),
            known: None,
            is_careful: false,
        };
        let mut reply = quote::strip_own_mail(&self.letter.text, own);
        let known;
        if reply.is_cut && (reply.text.is_empty() || reply.is_unmarked) {
            let mut batch = Batch::new();
            let texts = batch.add::<OneText>(rows::list_own_texts(answered.ticket_id));
            let texts = self.db.batch(&batch).await?.all(texts)?;
            let texts: Vec<String> = texts.into_iter().map(|text| text.n).collect();
            known = quote::fold(&texts.join("\n"));
            own.known = Some(&known);
            own.is_careful = !reply.text.is_empty();
            reply = quote::strip_own_mail(&self.letter.text, own);
        }
        self.text = self.redact(&reply.text);
        self.is_cut = reply.is_cut;
        Ok(())
    }

    /// Identifies what the sender has sent to this ticket, to detect duplicates.
    pub(super) fn content_hash(&self, answered: Option<&Answered>) -> String {
        let ticket = answered.map_or(0, |answered| answered.ticket_id);
        short_hash(&format!("{ticket}\n{}", self.content))
    }
}

/// 128 bits of a SHA-256, in hexadecimal.
pub(super) fn short_hash(text: &str) -> String {
    let mut hash = ids::sha256_hex(text.as_bytes());
    hash.truncate(32);
    hash
}
