//! Names a ticket in a statement: by id, by uid, by a message.

use crate::edge::db::Arg;

/// Whose event it is.
#[derive(Clone, Debug)]
pub enum EventSubject<'a> {
    /// A ticket that is there.
    Ticket(i64),
    /// A ticket that the same batch makes.
    TicketUid(&'a str),
    /// A message that the same batch makes, and its ticket.
    MessageUid(&'a str),
    /// A message that is there, and its ticket.
    Message(i64),
}

// What rules did -----------------------------------------------------------------------------------------------------

/// The condition on a ticket `t` of a batch, with its argument.
pub fn subject_condition(subject: &EventSubject) -> (&'static str, Arg) {
    match subject {
        EventSubject::Ticket(id) => ("t.id = ?1", Arg::Int(*id)),
        EventSubject::TicketUid(uid) => ("t.uid = ?1", (*uid).into()),
        EventSubject::Message(_) | EventSubject::MessageUid(_) => ("t.id = ?1", Arg::Null),
    }
}
