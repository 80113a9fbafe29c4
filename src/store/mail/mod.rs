//! Mail in D1.

pub mod inbound;
pub mod outbox;
