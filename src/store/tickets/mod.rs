//! Tickets, one at a time.

pub mod assignment;
pub mod attachments;
pub mod counts;
pub mod events;
pub mod json;
pub mod list;
pub mod messages;
pub mod subject;
pub mod ticket;
pub mod time_travel;
pub mod transfers;
pub mod view;
pub mod write;

#[cfg(test)]
mod tests;
