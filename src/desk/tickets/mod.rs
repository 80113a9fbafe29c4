//! A ticket, and what becomes of it when somebody acts on it.
//!
//! [`decide`] is the one place where a ticket changes: it takes the ticket as it is, what is wanted, by whom
//! and when, and gives the ticket as it will be with the event that tells of it, or a refusal.

pub mod attachment;
pub mod auto_close;
pub mod decide;
pub mod event;
pub mod filename;
pub mod history;
pub mod message;
pub mod policy;
pub mod priority;
pub mod search;
pub mod status;
pub mod ticket;
pub mod transfer;
