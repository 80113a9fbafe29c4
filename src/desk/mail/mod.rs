//! E-mail: what do the help desk's mails say, and what does an incoming mail mean?
//!
//! `outgoing` writes texts, `inbound` parses mails, `reply_address` signs the addresses that connect the two. Nothing
//! here sends or receives a mail, looks up an address or decides who gets one: that is done in `src/jobs/` and
//! `src/store/mail/`.

pub mod inbound;
pub mod outgoing;
pub mod reply_address;
