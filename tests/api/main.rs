//! The promises of the API, told over HTTP to the real Worker.
//!
//! One binary, one server (see `support`). Data is made through the public API by fresh users and never
//! wiped, so the stories run side by side and in any order. `cargo test --test api <word>` runs some of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod activity;
mod support;

mod accounts;
mod agent_scope;
mod agents;
mod api_keys;
mod articles;
mod assignment;
mod assistant;
mod attachments;
mod audit;
mod bodies;
mod bulk;
mod categories;
mod changes;
mod clock;
mod conventions;
mod corpus;
mod cost;
mod custom_fields;
mod downloads;
mod durability;
mod envelope;
mod exports;
mod fields;
mod filters;
mod folding;
mod history;
mod hostile;
mod imports;
mod inbound;
mod inbound_field;
mod inbound_people;
mod inbound_proof;
mod inbound_threads;
mod later;
mod leaks;
mod lifecycle;
mod links;
mod lists;
mod live;
mod macros;
mod mail;
mod mail_cost;
mod merge;
mod messages;
mod notifications;
mod one_trip;
mod originals;
mod pages;
mod personal;
mod pool;
mod privacy;
mod projects;
mod races;
mod ratings;
mod refresh_cookie;
mod replays;
mod reports;
mod rs256;
mod s3;
mod scope;
mod search;
mod seen;
mod sessions;
mod sla;
mod sockets;
mod statistics;
mod stories;
mod sweep;
mod tickets;
mod tokens;
mod two_factor;
mod unassigned;
mod users;
mod versions;
mod views;
mod watchers;
mod webhooks;
mod workflows;
mod writes;
mod zz_counters;
