//! How are tickets and everything that belongs to them read and written?
//!
//! One file for each part of a ticket: the ticket itself, messages, events, attachments, transfers, counts. Lists are
//! in [`list`], changes of the ticket's row in [`write`](mod@write).
//! Not allowed here: decisions about what a change may do; they are made in `desk`.

pub mod assignment;
pub mod attachments;
pub mod counts;
pub mod events;
pub mod json;
pub mod list;
pub mod messages;
pub mod relations;
pub mod subject;
pub mod ticket;
pub mod time_travel;
pub mod transfers;
pub mod view;
pub mod write;

#[cfg(test)]
mod tests;
