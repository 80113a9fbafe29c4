//! What every story stands on: a real Worker, callers of every role, and one check of every answer seen.
//!
//! Nothing in here knows a feature. `worker` starts and ends servers, `wire` speaks HTTP, `client` gives
//! callers their types, `seen` holds each answer against the promises that bind all of them.

pub mod answer;
pub mod bulk;
pub mod client;
pub mod forge;
pub mod link;
pub mod make;
pub mod openapi;
pub mod people;
pub mod post;
pub mod race;
pub mod routes;
pub mod seen;
pub mod socket;
pub mod sqlite;
pub mod stub;
pub mod tally;
pub mod time;
pub mod totp;
pub mod wire;
pub mod worker;

pub use answer::Answer;
pub use client::Caller;
pub use people::{Admin, Agent, Anon, Customer, Manager};
pub use race::race;
pub use serde_json::{Value, json};
pub use stub::Stub;
pub use worker::Worker;
