//! How the desk lives in D1: SQL is here and nowhere else.
//!
//! Files are named after tables. Nothing that a person may not see can be read without a
//! [`scope::Scope`]. What people receive is JSON that SQL has built, from tables of fields ([`view`]) that the
//! API's document is made of too. Rules are not here: a statement keeps what `desk` has decided.

pub mod commit;
pub mod counts;
pub mod events;
pub mod housekeeping;
pub mod messages;
pub mod people;
pub mod scope;
pub mod sessions;
pub mod settings;
mod ticket_filter;
pub mod ticket_list;
pub mod tickets;
pub mod view;
