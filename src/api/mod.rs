//! What happens when somebody calls a route? One file per resource, and in it one handler per route: it reads the
//! input, queries the database, lets `desk` decide, commits and replies.
//!
//! Not allowed in handlers: rules, SQL and HTTP status codes. What several handlers need for replying with lists and
//! single resources is in `list.rs`.

pub mod agents;
pub mod articles;
pub mod assistant;
pub mod audit;
pub mod auth;
pub mod categories;
pub mod data;
pub mod list;
pub mod mail;
pub mod notifications;
pub mod projects;
pub mod reports;
pub mod service;
pub mod settings;
pub mod sla;
pub mod sockets;
pub mod tickets;
pub mod tools;
pub mod uploads;
pub mod users;
pub mod webhooks;
pub mod workflows;
