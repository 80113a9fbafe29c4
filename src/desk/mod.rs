//! What is a help desk? Tickets, people, rules and texts, as pure functions: everything that is decided is decided
//! here.
//!
//! Rust over std, serde and chrono. No Workers, SQL, HTTP, clock or randomness: the current time is always an argument
//! (`now`, epoch milliseconds). Every rule has its unit tests beside it, and `cargo test --lib` runs them natively.

pub mod access;
pub mod agent;
pub mod article;
pub mod assistant;
pub mod automation;
pub mod category;
pub mod data;
pub mod fold;
pub mod id;
pub mod live;
pub mod mail;
pub mod notification;
pub mod person;
pub mod project;
pub mod reports;
pub mod signed_token;
pub mod sla;
pub mod tickets;
pub mod time_zone;
pub mod tools;
pub mod validation;
pub mod webhooks;

/// A point in time or a duration, in milliseconds. Points in time count from 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// One day in milliseconds.
pub const DAY: Millis = 86_400_000;
/// One hour in milliseconds.
pub const HOUR: Millis = 3_600_000;
/// One minute in milliseconds.
pub const MINUTE: Millis = 60_000;
