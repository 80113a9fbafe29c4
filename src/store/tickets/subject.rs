//! Names a ticket or a message in the statements of a batch.

use crate::edge::db::Arg;

/// What an event or a rule is about.
#[derive(Clone, Copy, Debug)]
pub enum EventSubject {
    /// A ticket that is there.
    Ticket(i64),
    /// The ticket that the same batch makes.
    NewTicket,
    /// A message that is there, and its ticket.
    Message(i64),
    /// The message that the same batch has just made, and its ticket.
    NewMessage,
}

/// The condition on a ticket `t` of a batch, with its argument as `?1`. There is one writer, so the newest ticket is the
/// one that the batch has made.
pub fn subject_condition(subject: &EventSubject) -> (&'static str, Arg) {
    match subject {
        EventSubject::Ticket(id) => ("t.id = ?1", Arg::Int(*id)),
        EventSubject::NewTicket => ("t.id = coalesce(?1, (SELECT max(id) FROM tickets))", Arg::Null),
        EventSubject::Message(_) | EventSubject::NewMessage => ("t.id = ?1", Arg::Null),
    }
}
