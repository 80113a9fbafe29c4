//! WebSocket connections: what may a client send, what does it receive, and when is it disconnected?
//!
//! `frame` parses and builds frames, `connection` holds the state and limits of one connection. Nothing here opens a
//! socket or knows Durable Objects: that is done in `src/edge/hub.rs` and `src/live/`.

pub mod connection;
pub mod frame;
