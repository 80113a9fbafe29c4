//! Webhooks: which URLs may be called, which events are sent, and when is a failed delivery retried?
//!
//! `endpoint_url` and `ip_address` keep requests inside the public internet, `delivery` has event types, states and the
//! retry schedule. Nothing here sends a request or looks up a name: that is done in `src/jobs/send_webhooks.rs`.

pub mod delivery;
pub mod endpoint_url;
pub mod ip_address;
