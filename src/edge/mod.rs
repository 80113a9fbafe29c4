//! How is Cloudflare used? D1, KV, R2, queues, Durable Objects, rate limits, the clock, randomness, secrets.
//!
//! With `lib.rs`, the only files that name the `worker` crate. Nothing here knows what a ticket is. Every value of the
//! platform becomes a plain Rust one before it leaves this layer, and no error of the platform becomes a panic.

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
pub mod normal_form;
pub mod object_store;
pub mod queue;
pub mod rate_limit;
pub mod text_stream;

/// What the platform hands over. `ObjectRequest` and `ObjectResponse` are those of a Durable Object; those of everybody
/// else are in [`http`].
pub use worker::{
    Context, Env, Request as ObjectRequest, Response as ObjectResponse, Result as WorkerResult,
};
