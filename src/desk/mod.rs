//! What a help desk is: people, tickets, messages, and the rules between them.
//!
//! Pure Rust over std, serde and civil dates. Nothing in here knows of HTTP, SQL, Workers or a clock:
//! the present moment is always an argument (`now`, epoch milliseconds). Every rule has its table of
//! unit tests beside it, and `cargo test --lib` runs them natively.

pub mod action;
mod action_check;
pub mod address;
pub mod agent;
pub mod article;
pub mod assist;
pub mod assist_answer;
pub mod attachment;
pub mod calendar;
pub mod calendar_check;
pub mod category;
pub mod clock;
pub mod condition;
mod condition_check;
pub mod csv;
pub mod directory;
pub mod endpoint;
pub mod event;
pub mod filename;
pub mod frame;
pub mod hands;
pub mod id;
pub mod inbound;
pub mod mail;
pub mod message;
pub mod mistake;
pub mod notification;
pub mod person;
pub mod policy;
pub mod priority;
pub mod project;
pub mod range;
pub mod reply_address;
pub mod report;
pub mod rule;
mod rule_check;
pub mod sealed;
pub mod search;
pub mod seat;
pub mod sla;
pub mod status;
pub mod ticket;
pub mod told;
pub mod transfer;
pub mod webhook;
pub mod zone;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// One day in milliseconds.
pub const DAY: Millis = 86_400_000;
/// One hour in milliseconds.
pub const HOUR: Millis = 3_600_000;
/// One minute in milliseconds.
pub const MINUTE: Millis = 60_000;
