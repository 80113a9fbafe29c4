//! Live connections.

pub mod connection;
pub mod frame;
