//! How we touch Cloudflare: D1, KV, assets, rate limits, the clock, chance, secrets.
//!
//! With `lib.rs`, the only place that says `worker`. Nothing in here knows what a ticket is. Every value that
//! comes from the platform is turned into a plain Rust one before it leaves the room, and no platform error
//! escapes as a panic.

pub mod ai;
pub mod auth;
pub mod clock;
pub mod config;
pub mod db;
pub mod fetch;
pub mod http;
pub mod hub;
pub mod ids;
pub mod log;
pub mod mail;
pub mod object_store;
pub mod queue;
pub mod rate_limit;

/// A request as it comes in, an answer as it goes out, and whether the platform took it.
pub use worker::{Context, Env, Request as Incoming, Response as Outgoing, Result as WorkerResult};
