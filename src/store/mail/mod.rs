//! Which SQL records incoming mails, finds their originals, logs those that were not taken, and holds outgoing mails
//! until they are sent?
//! Not allowed here: running the statements, talking to a mail server, and deciding what a mail
//! says.

pub mod acknowledgements;
pub mod addresses;
pub mod copies;
pub mod inbound;
pub mod log;
pub mod originals;
pub mod outbox;
