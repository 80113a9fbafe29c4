//! How the desk lives in D1: SQL is here and nowhere else.
//!
//! Files are named after tables. Nothing that a person may not see can be read without a
//! [`scope::Scope`]. What people receive is JSON that SQL has built, from tables of fields ([`view`]) that the
//! API's document is made of too. Rules are not here: a statement keeps what `desk` has decided.

pub mod agents;
pub mod aging;
pub mod alerts;
pub mod around;
pub mod articles;
pub mod assignment;
pub mod assist;
pub mod attachments;
pub mod categories;
pub mod commit;
pub mod counts;
pub mod deliveries;
pub mod due;
pub mod events;
pub mod housekeeping;
pub mod inbound;
pub mod live;
pub mod messages;
pub mod notifications;
pub mod outbox;
pub mod people;
pub mod projects;
pub mod reports;
pub mod schedules;
pub mod scope;
pub mod sessions;
pub mod settings;
pub mod sla;
pub mod subcategories;
mod ticket_filter;
pub mod ticket_list;
pub mod tickets;
pub mod told;
pub mod transfers;
pub mod view;
pub mod webhooks;
pub mod workflows;
