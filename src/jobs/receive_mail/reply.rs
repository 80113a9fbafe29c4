//! Answers: a message on the ticket that a mail answers, if its sender may write there.

use crate::app::automation::Engine;
use crate::app::post_message::{self, MessageDraft};
use crate::app::retry::retry;
use crate::desk::Millis;
use crate::desk::id::Ref;
use crate::desk::mail::inbound::letter::compose_body;
use crate::desk::mail::inbound::outcome::Reason;
use crate::desk::tickets::message;
use crate::desk::tickets::relations::merge::in_copy_since_merge;
use crate::desk::tickets::status::reopen_since;
use crate::desk::tickets::ticket::{Actor, Refusal};
use crate::edge::db::{Batch, Rows};
use crate::edge::ids;
use crate::http::error::Error;
use crate::jobs::receive_mail::intake::{AnswerProof, Answered, Disposition, MailIntake, OneText};
use crate::jobs::receive_mail::new_ticket::{TicketOrigin, actor_of};
use crate::jobs::shared;
use crate::store::automation::ticket_context::{self, Candidate};
use crate::store::mail::addresses::{self, Participant};
use crate::store::mail::inbound::{self as rows, FileTarget, Sender, TakenMail};
use crate::store::sql::rows::IdRow;
use crate::store::sql::scope::{AgentScope, Scope};
use crate::store::tickets::attachments::FileCounts;
use crate::store::tickets::subject::EventSubject;
use crate::store::tickets::ticket::Viewer;

/// Attempts to find the ticket for late answers, each after somebody else has opened one at the same moment.
const MAX_FOLLOW_UP_ATTEMPTS: usize = 3;

/// Who posts, and what they see.
struct Author {
    actor: Actor,
    reader: Viewer,
}

/// The outcome of a reply.
pub(super) enum ReplyOutcome {
    Handled(Disposition),
    /// The ticket can no longer be reopened.
    TooLate,
    /// The sender may not, or may no longer, reply on this ticket.
    NotAllowed,
}

impl MailIntake<'_> {
    /// Posts the mail on the ticket that it answers, if the sender may do so.
    pub(super) async fn reply(
        &self,
        engine: &Engine,
        answered: &Answered,
        sender: &Sender,
    ) -> Result<ReplyOutcome, Error> {
        // The number in a subject is known to many, so that only who is proven counts.
        if answered.proof == AnswerProof::Number && !self.is_trusted {
            return Ok(ReplyOutcome::NotAllowed);
        }
        let content = self.content_hash(Some(answered));
        let author = author_of(engine, sender, self.now)?;
        self.post(
            engine,
            (answered.ticket_id, answered.is_internal),
            &author,
            &content,
        )
        .await
    }

    /// Posts the mail for somebody whose address alone belongs to the ticket: answers to its requester go there, or it is
    /// in copy.
    pub(super) async fn reply_by_address(
        &self,
        engine: &Engine,
        answered: &Answered,
        sender: Option<&Sender>,
    ) -> Result<ReplyOutcome, Error> {
        let mut batch = Batch::new();
        let participant = addresses::find_participant(answered.ticket_id, &self.origin.address);
        let participant = batch.add::<Participant>(participant);
        let Some(participant) = self.db.batch(&batch).await?.first(participant)? else {
            return Ok(ReplyOutcome::NotAllowed);
        };
        let place = (answered.ticket_id, answered.is_internal);
        let content = self.content_hash(Some(answered));
        if participant.kind == "reply_to" {
            let mut batch = Batch::new();
            let requester = batch.add::<Sender>(rows::find_sender(&participant.requester));
            let requester = self.db.batch(&batch).await?.first(requester)?;
            // The requester's reply address was given to this address only.
            let is_allowed = |requester: &Sender| {
                requester.is_active == 1
                    && (self.is_trusted || answered.proof == AnswerProof::Signed(requester.id))
            };
            return match requester.filter(is_allowed) {
                Some(requester) => {
                    let author = author_of(engine, &requester, self.now)?;
                    self.post(engine, place, &author, &content).await
                }
                None => Ok(ReplyOutcome::NotAllowed),
            };
        }
        if !self.is_trusted && !self.answers_copy {
            return Ok(ReplyOutcome::NotAllowed);
        }
        let actor = match sender {
            Some(sender) => actor_of(sender)?,
            None => self.create_customer().await?,
        };
        let author = Author {
            actor: Actor {
                is_in_copy: true,
                ..actor
            },
            // What somebody in copy may see was decided above.
            reader: Viewer::system(self.now),
        };
        self.post(engine, place, &author, &content).await
    }

    async fn post(
        &self,
        engine: &Engine,
        (ticket_id, is_internal): (i64, bool),
        Author { actor, reader }: &Author,
        content: &str,
    ) -> Result<ReplyOutcome, Error> {
        let Some((seen, room, known)) = self.read_ticket(reader, ticket_id, is_internal).await? else {
            return Ok(ReplyOutcome::NotAllowed);
        };
        let actor = &in_copy_since_merge(&seen.ticket.ticket(), actor.clone());
        match message::post(&seen.ticket.ticket(), actor, is_internal, &engine.rules, self.now) {
            Ok(_) => {}
            Err(Refusal::Conflict(_)) => return Ok(ReplyOutcome::TooLate),
            Err(_) => return Ok(ReplyOutcome::NotAllowed),
        }
        let uid_head = ids::uid_head(self.now).map_err(Error::Internal)?;
        let room = rows::remaining_files(room, is_internal);
        let (files, refused) = self.store_files(&uid_head, room, &known).await?;
        let body = compose_body(None, &self.words(), &refused);
        let outcome = retry!(async {
            let Some((seen, ..)) = self.read_ticket(reader, ticket_id, is_internal).await? else {
                return Ok(ReplyOutcome::NotAllowed);
            };
            let ticket = seen.ticket.ticket();
            match message::post(&ticket, actor, is_internal, &engine.rules, self.now) {
                Ok(_) => {}
                Err(Refusal::Conflict(_)) => return Ok(ReplyOutcome::TooLate),
                Err(_) => return Ok(ReplyOutcome::NotAllowed),
            }
            let saying = MessageDraft {
                uid_head: &uid_head,
                actor,
                body: &body,
                is_internal,
                channel: "email",
            };
            let subject = EventSubject::Ticket(ticket_id);
            let place = FileTarget {
                ticket: subject,
                message: Some(&uid_head),
                uploader_id: actor.id,
                is_internal,
            };
            let taken = TakenMail {
                ticket: subject,
                is_internal,
                opens: false,
                follows_id: None,
            };
            let is_requester = ticket.requester_id == actor.id;
            let mut stmts = post_message::post_message(engine, ticket, seen.around, &saying)?;
            if is_requester {
                stmts.extend(self.record_reply_to(&subject));
            }
            // After the message: its sender has mailed it to who is in copy of the mail.
            if !is_internal && !actor.is_in_copy {
                stmts.extend(self.record_cc(&subject));
            }
            self.commit((taken, content), stmts, &place, &files.attachments)
                .await
                .map(ReplyOutcome::Handled)
        });
        if !matches!(outcome, Ok(ReplyOutcome::Handled(Disposition::Taken))) {
            self.delete_files(&files).await;
        }
        outcome
    }

    /// The ticket as the sender may see it, the number of attachments that still fit on it, and the digests of its
    /// pictures if the mail has some.
    async fn read_ticket(
        &self,
        reader: &Viewer,
        ticket_id: i64,
        is_internal: bool,
    ) -> Result<Option<(Candidate, Option<FileCounts>, Vec<String>)>, Error> {
        let mut batch = Batch::new();
        let ticket = Ref::Id(ticket_id);
        let candidate = batch.add::<Rows>(ticket_context::candidates(reader, Some(&ticket), 1));
        let places = batch.add::<FileCounts>(rows::file_counts(reader, ticket_id));
        let pictures = self
            .has_pictures()
            .then(|| rows::list_pictures(ticket_id, is_internal));
        let pictures = batch.add_optional::<OneText>(pictures);
        let found = self.db.batch(&batch).await?;
        let places = found.first(places)?;
        let known = match pictures {
            Some(pictures) => found.all(pictures)?,
            None => Vec::new(),
        };
        let known = known.into_iter().map(|row| row.n).collect();
        let seen = shared::read_candidate(found.rows(candidate)?)?;
        Ok(seen.map(|seen| (seen, places, known)))
    }

    /// Answers that come too late for a ticket share one new ticket, as long as that can be answered itself.
    pub(super) async fn follow_up(
        &self,
        engine: &Engine,
        sender: &Sender,
        (follows_id, head): (i64, Option<String>),
        content: &str,
        is_over_limit: bool,
    ) -> Result<Disposition, Error> {
        let author = author_of(engine, sender, self.now)?;
        for _ in 0..MAX_FOLLOW_UP_ATTEMPTS {
            let mut batch = Batch::new();
            let last = batch.add::<IdRow>(rows::find_follow_up(follows_id, sender.id));
            let last = self.db.batch(&batch).await?.first(last)?.map(|row| row.id);
            if let Some(last) = last
                && let ReplyOutcome::Handled(verdict) =
                    self.post(engine, (last, false), &author, content).await?
            {
                return Ok(verdict);
            }
            if is_over_limit {
                return Ok(Disposition::NotTaken(Reason::OverLimit));
            }
            let relation = TicketOrigin {
                head: head.clone(),
                relates_to: Some(follows_id),
                follows: Some((follows_id, last)),
            };
            match self
                .open_ticket(engine, Some(sender.clone()), &relation, content)
                .await
            {
                Err(Error::VersionConflict) => {}
                outcome => return outcome,
            }
        }
        Err(Error::VersionConflict)
    }
}

fn author_of(engine: &Engine, sender: &Sender, now: Millis) -> Result<Author, Error> {
    let actor = actor_of(sender)?;
    let agents = AgentScope::parse(&sender.agent_scope).unwrap_or(AgentScope::Category);
    let reader = Viewer {
        id: actor.id,
        role: actor.role,
        scope: Scope::of(actor.role, agents),
        now,
        reopen_since: reopen_since(engine.rules.reopen_window_days, now),
    };
    Ok(Author { actor, reader })
}
