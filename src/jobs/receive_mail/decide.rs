//! Decides what becomes of a mail: which ticket it answers, whether its sender is who they say they are, and whether it
//! was taken before.

use crate::desk::mail::inbound::authentication::SenderAuth;
use crate::desk::mail::inbound::outcome::Reason;
use crate::desk::mail::inbound::subject;
use crate::desk::person::Role;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::jobs::receive_mail::intake::{AnswerProof, Answered, Disposition, MailIntake, short_hash};
use crate::jobs::receive_mail::new_ticket::TicketOrigin;
use crate::jobs::receive_mail::reply::ReplyOutcome;
use crate::jobs::shared;
use crate::store::mail::inbound::{self as rows, AnsweredTicket, ReceivedMail, Sender};
use crate::store::sql::rows::CountRow;

impl MailIntake<'_> {
    /// Takes the mail, or says why not.
    pub(super) async fn take(&mut self) -> Result<Disposition, Error> {
        if self.letter.sender_auth == SenderAuth::Fail && self.unproven_author.is_none() {
            return Ok(Disposition::NotTaken(Reason::Forged));
        }
        let known_ids: Vec<String> = self.letter.in_reply_to.iter().map(|id| short_hash(id)).collect();
        let known_ids = serde_json::to_string(&known_ids).unwrap_or_default();
        let number = subject::ticket_number(&self.letter.subject);
        let mut batch = Batch::new();
        let received = batch.add::<ReceivedMail>(rows::find_received(&self.origin.id_hash));
        let sender = batch.add::<Sender>(rows::find_sender(&self.origin.address));
        let over_limit = batch.add::<CountRow>(rows::over_limit(&self.origin, self.now));
        let by_id = batch.add::<AnsweredTicket>(rows::find_answered(&known_ids));
        let named = self.thread.map(|thread| thread.ticket_id);
        let named = batch.add::<AnsweredTicket>(rows::find_ticket(named, number.as_deref()));
        let found = self.db.batch(&batch).await?;
        let sender = found.first(sender)?;
        let answered = self.resolve(found.first(by_id)?, found.first(named)?);
        let content = self.content_hash(answered.as_ref());
        if found
            .all(received)?
            .iter()
            .any(|taken| taken.content_hash == content)
        {
            return Ok(Disposition::NotTaken(Reason::Duplicate));
        }
        if sender.as_ref().is_some_and(|sender| sender.is_active == 0) {
            return Ok(Disposition::NotTaken(Reason::Deactivated));
        }
        if let Some(sender) = &sender
            && !self.is_trusted
            && !(is_from_account(sender, answered.as_ref()) || self.is_from_copy(sender))
        {
            return Ok(Disposition::NotTaken(Reason::Unproven));
        }
        if let Some(answered) = answered
            .as_ref()
            .filter(|answered| answered.proof != AnswerProof::Number || self.is_trusted)
        {
            self.cut(answered).await?;
        }
        if let Some(answered) = answered.as_ref().filter(|_| self.text.trim().is_empty())
            && let Some(words) = subject::own_words(&self.letter.subject, &answered.number, &answered.title)
        {
            self.text = words.to_owned();
        }
        if self.letter.files.is_empty() && self.text.trim().is_empty() && (self.is_cut || answered.is_some())
        {
            return Ok(Disposition::NotTaken(Reason::Empty));
        }
        let (engine, _) = shared::load_engine(&self.db, self.now).await?;
        let mut head = None;
        let mut follows = None;
        if let Some(answered) = &answered {
            let outcome = match &sender {
                Some(sender) => self.reply(&engine, answered, sender).await?,
                None => ReplyOutcome::NotAllowed,
            };
            let outcome = match outcome {
                ReplyOutcome::NotAllowed => self.reply_by_address(&engine, answered, sender.as_ref()).await?,
                outcome => outcome,
            };
            let number = &answered.number;
            match outcome {
                ReplyOutcome::Handled(verdict) => return Ok(verdict),
                ReplyOutcome::TooLate => {
                    let why = "was closed too long ago to be reopened";
                    head = Some(format!("(Follows {number}, which {why}.)"));
                    follows = Some(answered.ticket_id);
                }
                // The number alone proves nothing, and stands in the title anyway.
                ReplyOutcome::NotAllowed if answered.proof == AnswerProof::Number => {}
                ReplyOutcome::NotAllowed => {
                    head = Some(format!(
                        "(Answers a mail about {number}, of which the sender is no part.)"
                    ));
                }
            }
        }
        let is_over_limit = found.has_row(over_limit)?;
        if let (Some(follows_id), Some(sender)) = (follows, &sender) {
            return self
                .follow_up(&engine, sender, (follows_id, head), &content, is_over_limit)
                .await;
        }
        if is_over_limit {
            return Ok(Disposition::NotTaken(Reason::OverLimit));
        }
        let relation = TicketOrigin {
            head,
            relates_to: answered.as_ref().map(|answered| answered.ticket_id),
            follows: None,
        };
        self.open_ticket(&engine, sender, &relation, &content).await
    }

    /// Whether a mail without proof of authenticity counts as sent by a customer's account because it answers a copy that
    /// only its address was sent.
    fn is_from_copy(&self, sender: &Sender) -> bool {
        self.answers_copy && sender.role == Role::Customer.as_str()
    }

    /// The ticket that the mail answers: by what is signed, by a mail that was taken, or by its number.
    fn resolve(&self, by_id: Option<AnsweredTicket>, named: Option<AnsweredTicket>) -> Option<Answered> {
        let (found, proof, is_internal) = match (self.thread, by_id, named) {
            (Some(thread), by_id, Some(named)) => {
                let is_internal = by_id.is_some_and(|by_id| by_id.is_internal == 1);
                (
                    named,
                    AnswerProof::Signed(thread.user_id),
                    thread.is_internal || is_internal,
                )
            }
            (None, Some(by_id), _) => {
                let is_internal = by_id.is_internal == 1;
                (by_id, AnswerProof::KnownId, is_internal)
            }
            (None, None, Some(named)) => (named, AnswerProof::Number, false),
            (_, _, None) => return None,
        };
        Some(Answered {
            ticket_id: found.id,
            number: found.number,
            title: found.title,
            is_internal,
            proof,
        })
    }
}

/// Whether a mail without proof of authenticity still counts as sent by the account: if a customer replies to the
/// reply address that only they were given, or if the account is known only from such unproven mails.
fn is_from_account(sender: &Sender, answered: Option<&Answered>) -> bool {
    let is_signed = answered.is_some_and(|answered| answered.proof == AnswerProof::Signed(sender.id));
    sender.role == Role::Customer.as_str() && (is_signed || sender.is_unproven == 1)
}
