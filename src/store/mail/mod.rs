//! Which SQL records incoming mails, and holds outgoing mails until they are sent?
//! Not allowed here: running the statements, talking to a mail server, and deciding what a mail
//! says.

pub mod inbound;
pub mod outbox;
