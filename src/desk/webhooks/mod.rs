//! Webhooks.

pub mod delivery;
pub mod endpoint_url;
pub mod ip_address;
