//! How is the data of the ticket system stored in D1? This is the only place with SQL.
//!
//! Files are named after tables. Data that a person may not see can only be read through a [`sql::scope::Scope`].
//! Answers are JSON built by SQL from tables of fields ([`sql::view`]), from which the API document is also
//! generated.
//! Not allowed here: business rules. A statement stores what `desk` has decided.

pub mod access;
pub mod articles;
pub mod assistant;
pub mod automation;
pub mod categories;
pub mod cleanup;
pub mod commit;
pub mod data;
pub mod dispatch;
pub mod folding;
pub mod live;
pub mod mail;
pub mod notifications;
pub mod projects;
pub mod redaction;
pub mod removals;
pub mod reports;
pub mod sessions;
pub mod settings;
pub mod sla;
pub mod sql;
pub mod tickets;
pub mod tools;
pub mod users;
pub mod webhooks;
