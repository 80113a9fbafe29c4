//! One file per resource: take the input, look at what is there, let `desk` decide, keep it, answer.
//!
//! Handlers hold no rule, no SQL and no status number. What several of them need of a list stands here.

pub mod agents;
pub mod articles;
pub mod assistant;
pub mod auth;
pub mod categories;
pub mod list;
pub mod notifications;
pub mod projects;
pub mod reports;
pub mod service;
pub mod settings;
pub mod sla;
pub mod sockets;
pub mod tickets;
pub mod uploads;
pub mod users;
pub mod webhooks;
pub mod workflows;
