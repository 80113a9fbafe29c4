//! How the desk lives in D1: SQL is here and nowhere else.
//!
//! Files are named after tables. Nothing that a person may not see can be read without a
//! [`scope::Scope`]. What people receive is JSON that SQL has built, from tables of fields ([`view`]) that the
//! API's document is made of too. Rules are not here: a statement keeps what `desk` has decided.

pub mod articles;
pub mod assistant;
pub mod automation;
pub mod categories;
pub mod cleanup;
pub mod commit;
pub mod dispatch;
pub mod live;
pub mod mail;
pub mod notifications;
pub mod projects;
pub mod reports;
pub mod sessions;
pub mod settings;
pub mod sla;
pub mod sql;
pub mod tickets;
pub mod users;
pub mod webhooks;
