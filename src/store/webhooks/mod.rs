//! Webhooks in D1.

pub mod deliveries;
pub mod endpoints;
pub mod sending;
