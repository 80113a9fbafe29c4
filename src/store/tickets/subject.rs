//! How statements of a batch refer to a ticket or a message, including one that the batch itself creates.

use crate::edge::db::Arg;

/// The subject of an event or a rule.
#[derive(Clone, Copy, Debug)]
pub enum EventSubject {
    /// An existing ticket.
    Ticket(i64),
    /// The ticket created in this batch.
    NewTicket,
    /// An existing message, and its ticket.
    Message(i64),
    /// The message just created in this batch, and its ticket.
    NewMessage,
}

/// The condition that finds the ticket `t`, with its argument as `?1`. The database has one writer, so inside the
/// batch the newest ticket is the one that the batch has created.
pub fn subject_condition(subject: &EventSubject) -> (&'static str, Arg) {
    match subject {
        EventSubject::Ticket(id) => ("t.id = ?1", Arg::Int(*id)),
        EventSubject::NewTicket => ("t.id = coalesce(?1, (SELECT max(id) FROM tickets))", Arg::Null),
        EventSubject::Message(_) | EventSubject::NewMessage => ("t.id = ?1", Arg::Null),
    }
}
