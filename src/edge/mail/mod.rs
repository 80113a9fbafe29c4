//! How does mail enter and leave the platform? Incoming raw mails, outgoing mails by each transport, and the platform's
//! character sets.
//!
//! What a mail says or means is not known here: texts are made and parsed in `src/desk/mail/`.

pub mod charset;
pub mod incoming;
pub mod outgoing;
