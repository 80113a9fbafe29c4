//! The story of a change: the statements that accompany a change of a ticket, in order, with the sequence numbers of
//! its events.
//!
//! A batch writes the ticket's row once; that statement raises `seq` and `public_seq` by the number of events. The
//! number of each event is computed from the row and the event's place in the batch, which is known only when the
//! batch is complete.

use serde_json::Value;

use crate::desk::tickets::event::Event;
use crate::desk::tickets::history;
use crate::edge::db::{Arg, Stmt};
use crate::store::notifications::notify;
use crate::store::tickets::messages::{self, NewMessage};
use crate::store::tickets::subject::{EventSubject, subject_condition};
use crate::store::tickets::write::search;

/// A statement of the batch, and which arguments are still to be bound.
#[derive(Clone, Debug)]
enum Step {
    Plain(Stmt),
    /// The last two arguments, bound later, are the amounts to add to `seq` and `public_seq`.
    Event {
        stmt: Stmt,
        is_internal: bool,
    },
    /// Has the sequence number of the event before it: the last argument, bound later, is the amount to add to `seq`.
    Beside(Stmt),
    /// Like `Beside`, with the sequence number of the event after it.
    Before(Stmt),
}

/// The statements of a batch about one ticket.
#[derive(Clone, Debug)]
pub struct Story {
    /// Whether the batch creates the ticket; its events then count from 1.
    is_new: bool,
    steps: Vec<Step>,
    /// How many of the steps run before the ticket's row is changed.
    before: usize,
    messages: i64,
    public_messages: i64,
    /// The time of the first response by staff, if this story contains it.
    first_response: Option<i64>,
    /// Whether mails about its messages are to be sent.
    sends_mail: bool,
    /// Whether somebody has left the ticket to nobody.
    leaves_unassigned: bool,
}

/// The amounts by which the counters in the ticket's row increase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub events: i64,
    pub public_events: i64,
    pub messages: i64,
    pub public_messages: i64,
    pub first_response: Option<i64>,
}

impl Story {
    /// Creates an empty story of this ticket.
    pub fn new(subject: &EventSubject) -> Story {
        Story {
            is_new: matches!(subject, EventSubject::NewTicket),
            steps: Vec::new(),
            before: 0,
            messages: 0,
            public_messages: 0,
            first_response: None,
            sends_mail: true,
            leaves_unassigned: false,
        }
    }

    /// No mail is sent about the messages added from here on.
    pub fn send_no_mail(&mut self) {
        self.sends_mail = false;
    }

    /// Somebody leaves the ticket to nobody: the desk does not assign it because of the same change.
    pub fn leave_unassigned(&mut self) {
        self.leaves_unassigned = true;
    }

    /// Whether somebody leaves the ticket to nobody.
    pub fn leaves_unassigned(&self) -> bool {
        self.leaves_unassigned
    }

    /// Whether the story has no statements.
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

    /// Adds a statement that needs the sequence number of the event before it: its last argument, bound later, is the
    /// amount to add to the ticket's `seq`.
    pub fn push_beside(&mut self, stmt: Stmt) {
        self.steps.push(Step::Beside(stmt));
    }

    /// Adds an event and notifies the people whom it concerns.
    pub fn push_event(&mut self, subject: &EventSubject, actor: Option<i64>, event: &Event, now: i64) {
        self.push_silent_event(subject, actor, event, now);
        self.extend(notify::of_event(actor, event));
    }

    /// Adds an event without notifying anybody.
    pub fn push_silent_event(&mut self, subject: &EventSubject, actor: Option<i64>, event: &Event, now: i64) {
        self.steps.push(Step::Event {
            stmt: self.event_stmt(subject, actor, event, now),
            is_internal: event.is_internal,
        });
    }

    /// Adds a message with its event, notifies the people whom it concerns or mentions (usernames in lower case), and
    /// updates the search index.
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
        self.extend(notify::of_message(actor, event, mentioned, self.sends_mail));
        self.push(search::index_last_message(&message.subject));
    }

    /// Makes everything added so far run before the statement that changes the ticket's row.
    pub fn change_ticket_here(&mut self) {
        self.before = self.steps.len();
    }

    /// Records the time of the first response by staff.
    pub fn mark_first_response(&mut self, now: i64) {
        self.first_response = Some(now);
    }

    /// Appends another story of the same ticket.
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
        let changes =
            serde_json::to_string(&history::record(&event.changes)).unwrap_or_else(|_| "[]".to_owned());
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

    /// The amounts by which the counters in the ticket's row increase.
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

    /// Builds the batch: the steps before the change, the change of the ticket's row, and the steps after it.
    pub fn around(self, change: Vec<Stmt>) -> Vec<Stmt> {
        let Totals {
            events,
            public_events,
            ..
        } = self.totals();
        let mut stmts = Vec::with_capacity(self.steps.len().saturating_add(change.len()));
        let mut change = Some(change);
        let (mut seq, mut public_seq) = (0_i64, 0_i64);
        // The amount to add to the sequence numbers in the row. After the change, the row already holds the final
        // numbers of the batch, so the amount is then zero or negative.
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
