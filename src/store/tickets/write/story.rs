//! What follows from a change of a ticket, in order, with the numbers of its events.
//!
//! A batch writes the ticket's row once: that statement raises `seq` and `public_seq` by the number of events. Each event
//! takes its number from the row and its place in the batch, which is known when the batch is complete.

use serde_json::Value;

use crate::desk::tickets::event::Event;
use crate::edge::db::{Arg, Stmt};
use crate::store::notifications::notify;
use crate::store::tickets::messages::{self, NewMessage};
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::write::search;

/// A statement of the batch, and what has to be filled in.
#[derive(Clone, Debug)]
enum Step {
    Plain(Stmt),
    /// Its last two arguments will be what to add to `seq` and `public_seq`.
    Event {
        stmt: Stmt,
        is_internal: bool,
    },
    /// As the event before it: its last argument will be what to add to `seq`.
    Beside(Stmt),
    /// As the event behind it, likewise.
    Before(Stmt),
}

/// The statements of a batch about one ticket.
#[derive(Clone, Debug)]
pub struct Story {
    /// The batch makes the ticket: its events count from 1.
    is_new: bool,
    steps: Vec<Step>,
    /// How many of the steps run before the ticket's row is changed.
    before: usize,
    messages: i64,
    public_messages: i64,
    /// When staff answer for the first time.
    first_response: Option<i64>,
}

/// By how much the ticket's row has to count on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub events: i64,
    pub public_events: i64,
    pub messages: i64,
    pub public_messages: i64,
    pub first_response: Option<i64>,
}

impl Story {
    /// An empty story of this ticket.
    pub fn new(subject: &EventSubject) -> Story {
        Story {
            is_new: matches!(subject, EventSubject::NewTicket),
            steps: Vec::new(),
            before: 0,
            messages: 0,
            public_messages: 0,
            first_response: None,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a statement.
    pub fn push(&mut self, stmt: Stmt) {
        self.steps.push(Step::Plain(stmt));
    }

    /// Adds statements.
    pub fn extend(&mut self, stmts: impl IntoIterator<Item = Stmt>) {
        self.steps.extend(stmts.into_iter().map(Step::Plain));
    }

    /// Adds a statement whose last argument will be what to add to the ticket's `seq` to get that of the event before.
    pub fn push_beside(&mut self, stmt: Stmt) {
        self.steps.push(Step::Beside(stmt));
    }

    /// Adds an event, and notifies those whom it concerns.
    pub fn push_event(&mut self, subject: &EventSubject, actor: Option<i64>, event: &Event, now: i64) {
        self.push_silent_event(subject, actor, event, now);
        self.extend(notify::of_event(actor, event));
    }

    /// Adds an event of which nobody is notified.
    pub fn push_silent_event(&mut self, subject: &EventSubject, actor: Option<i64>, event: &Event, now: i64) {
        self.steps.push(Step::Event {
            stmt: self.event_stmt(subject, actor, event, now),
            is_internal: event.is_internal,
        });
    }

    /// Adds a message with its event, and notifies those whom it concerns or mentions: usernames in lower case. The search
    /// index follows.
    pub fn push_message(
        &mut self,
        message: &NewMessage,
        actor: Option<i64>,
        event: &Event,
        mentioned: &[String],
    ) {
        self.messages = self.messages.saturating_add(1);
        if !message.is_internal {
            self.public_messages = self.public_messages.saturating_add(1);
        }
        let seq = if self.is_new { "0" } else { "t.seq" };
        self.steps.push(Step::Before(messages::insert(message, seq)));
        self.push_silent_event(&EventSubject::NewMessage, actor, event, message.now);
        self.extend(notify::of_message(actor, event, mentioned));
        self.push(search::index_last_message(&message.subject));
    }

    /// What has been added runs before the ticket's row is changed.
    pub fn change_ticket_here(&mut self) {
        self.before = self.steps.len();
    }

    /// Staff have answered for the first time.
    pub fn mark_first_response(&mut self, now: i64) {
        self.first_response = Some(now);
    }

    /// Adds another story of the same ticket.
    pub fn append(&mut self, other: Story) {
        self.steps.extend(other.steps);
        self.messages = self.messages.saturating_add(other.messages);
        self.public_messages = self.public_messages.saturating_add(other.public_messages);
        self.first_response = self.first_response.or(other.first_response);
    }

    fn event_stmt(&self, subject: &EventSubject, actor: Option<i64>, event: &Event, now: i64) -> Stmt {
        let (from, message, arg): (String, &str, Arg) = match subject {
            EventSubject::Ticket(_) | EventSubject::NewTicket => {
                let (name, arg) = subject_condition(subject);
                (format!("tickets t WHERE {name}"), "NULL", arg)
            }
            EventSubject::Message(id) => (
                "messages m CROSS JOIN tickets t ON t.id = m.ticket_id WHERE m.id = ?1".to_owned(),
                "m.id",
                (*id).into(),
            ),
            EventSubject::NewMessage => (
                "messages m CROSS JOIN tickets t ON t.id = m.ticket_id \
                 WHERE m.id = coalesce(?1, (SELECT max(id) FROM messages))"
                    .to_owned(),
                "m.id",
                Arg::Null,
            ),
        };
        let (seq, public_seq) = if self.is_new {
            ("0", "0")
        } else {
            ("t.seq", "t.public_seq")
        };
        let changes = serde_json::to_string(&event.changes).unwrap_or_else(|_| "[]".to_owned());
        Stmt::new(format!(
            "INSERT INTO events (ticket_id, seq, public_seq, type, actor_id, message_id, changes, data, cause, created_at) \
             SELECT t.id, {seq} + ?9, iif(?3, NULL, {public_seq} + ?10), ?2, ?4, {message}, ?5, ?6, ?7, ?8 FROM {from}"
        ))
        .bind(arg)
        .bind(event.kind.as_str())
        .bind(event.is_internal)
        .bind(actor)
        .bind(changes)
        .bind(Value::to_string(&event.data))
        .bind(event.cause.clone())
        .bind(now)
    }

    /// By how much the ticket's row has to count on.
    pub fn totals(&self) -> Totals {
        let internal = self.steps.iter().filter_map(|step| match step {
            Step::Event { is_internal, .. } => Some(*is_internal),
            _ => None,
        });
        let (mut events, mut public_events) = (0_i64, 0_i64);
        for is_internal in internal {
            events = events.saturating_add(1);
            public_events = public_events.saturating_add(i64::from(!is_internal));
        }
        Totals {
            events,
            public_events,
            messages: self.messages,
            public_messages: self.public_messages,
            first_response: self.first_response,
        }
    }

    /// The batch: what comes first, the change of the ticket's row, and what follows from it.
    pub fn around(self, change: Vec<Stmt>) -> Vec<Stmt> {
        let Totals {
            events,
            public_events,
            ..
        } = self.totals();
        let mut stmts = Vec::with_capacity(self.steps.len().saturating_add(change.len()));
        let mut change = Some(change);
        let (mut seq, mut public_seq) = (0_i64, 0_i64);
        // What is to be added to the row's own numbers, which stand at the end of the batch once it is changed.
        let mut offset = 0;
        for (at, step) in self.steps.into_iter().enumerate() {
            let is_changed = at >= self.before;
            if is_changed && let Some(change) = change.take() {
                stmts.extend(change);
            }
            let from_row = |n: i64, all: i64| {
                if self.is_new || !is_changed {
                    n
                } else {
                    n.saturating_sub(all)
                }
            };
            stmts.push(match step {
                Step::Plain(stmt) => stmt,
                Step::Event { stmt, is_internal } => {
                    seq = seq.saturating_add(1);
                    public_seq = public_seq.saturating_add(i64::from(!is_internal));
                    offset = from_row(seq, events);
                    stmt.bind(offset).bind(from_row(public_seq, public_events))
                }
                Step::Beside(stmt) => stmt.bind(offset),
                Step::Before(stmt) => stmt.bind(from_row(seq.saturating_add(1), events)),
            });
        }
        stmts.extend(change.into_iter().flatten());
        stmts
    }
}
